package diag

// This file asks the running kernel, about sockets that the test makes in a network namespace of its own.

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"sockview/model"
)

func TestKernelZoo(t *testing.T) {
	enterNamespace(t)
	z := zoo{t}
	z.animals(model.IPv4)
	z.animals(model.IPv6)
	c := openIn(t)
	z.settle(c)
	for _, f := range []model.Family{model.IPv4, model.IPv6} {
		checkZoo(t, c, f, true)
		checkUDP(t, c, f)
		// What was dumped can be asked for, each by its cookie, and comes back the same.
		for _, p := range []model.Proto{model.TCP, model.UDP} {
			for _, s := range z.dump(c, p, f) {
				a, err := c.Ask(target(s))
				if err != nil {
					t.Errorf("%s: %v", line(&s, c.Congestion()), err)
				} else if got, want := line(&a.Socket, c.Congestion()), line(&s, c.Congestion()); got != want &&
					zooStates[fmt.Sprint(s.LocalPort, s.RemotePort)] == model.StateUnknown {
					t.Errorf("asked for %q, got %q", want, got)
				} else if a.Socket.Cookie != s.Cookie || a.Socket.State != s.State || len(a.Figures) == 0 {
					t.Errorf("asked for %q, got %q with %d figures", want, got, len(a.Figures))
				}
				gone := target(s)
				gone.Cookie += 1 << 40
				if _, err := c.Ask(gone); !errors.Is(err, ErrGone) {
					t.Errorf("%s, with another cookie: %v", line(&s, c.Congestion()), err)
				}
			}
		}
	}
}

// TestKernelBothFamilies: one dump of both families gives what a dump of each gives, with all that is told.
func TestKernelBothFamilies(t *testing.T) {
	enterNamespace(t)
	z := zoo{t}
	z.animals(model.IPv4)
	z.animals(model.IPv6)
	c := openIn(t)
	z.settle(c)
	told := func(all []model.Socket) (lines []string) {
		for i := range all {
			if s := &all[i]; zooStates[fmt.Sprint(s.LocalPort, s.RemotePort)] == model.StateUnknown { // the others change by themselves
				lines = append(lines, fmt.Sprintf("%x IPv%d %s has %b", s.Cookie, s.Family, line(s, c.Congestion()), s.Has))
			}
		}
		slices.Sort(lines)
		return lines
	}
	both := told(z.dump(c, model.TCP, model.AnyFamily))
	each := told(append(z.dump(c, model.TCP, model.IPv4), z.dump(c, model.TCP, model.IPv6)...))
	if !slices.Equal(both, each) || len(both) < 10 {
		t.Errorf("both at once:\n%s\neach:\n%s", strings.Join(both, "\n"), strings.Join(each, "\n"))
	}
	if _, err := c.Dump(model.UDP, model.AnyFamily, func(*model.Socket) {}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("UDP in both families: %v", err)
	}
}

// dump is a dump as a slice.
func (z zoo) dump(c *Conn, p model.Proto, f model.Family) []model.Socket {
	z.Helper()
	var all []model.Socket
	res, err := c.Dump(p, f, func(s *model.Socket) { all = append(all, *s) })
	if err != nil || res.Bad != 0 {
		z.Fatalf("dump: %+v, %v", res, err)
	}
	return all
}

// find is the one socket with these ports.
func (z zoo) find(c *Conn, p model.Proto, f model.Family, local, remote int) model.Socket {
	z.Helper()
	for _, s := range z.dump(c, p, f) {
		if int(s.LocalPort) == local && int(s.RemotePort) == remote {
			return s
		}
	}
	z.Fatalf("no socket %d-%d", local, remote)
	return model.Socket{}
}

func target(s model.Socket) model.CloseTarget {
	return model.CloseTarget{
		Cookie: s.Cookie, Local: s.Local, Remote: s.Remote, LocalPort: s.LocalPort, RemotePort: s.RemotePort,
		Interface: s.Interface, Proto: s.Proto, Family: s.Family, State: s.State,
	}
}

func TestKernelBytesAreExact(t *testing.T) {
	enterNamespace(t)
	z := zoo{t}
	c := openIn(t)
	for _, f := range []model.Family{model.IPv4, model.IPv6} {
		ip := map[model.Family]string{model.IPv4: "127.0.0.1", model.IPv6: "::1"}[f]
		listener := z.listen(f, ip, 1, 16)
		for i, n := range []int{0, 1, 999, 65_536, 1_000_003, 5 << 20} {
			port := 2000 + i
			a := z.connect(f, ip, port, ip, 1)
			b := z.accept(listener)
			z.send(a, b, n)
			z.send(b, a, n/2)
			check := func(when string) {
				t.Helper()
				out, in := z.find(c, model.TCP, f, port, 1), z.find(c, model.TCP, f, 1, port)
				got := fmt.Sprint(out.Sent, out.Received, in.Sent, in.Received)
				if want := fmt.Sprint(n, n/2, n/2, n); got != want || out.Has&in.Has&model.HasBytes == 0 {
					t.Errorf("IPv%d, %d bytes, %s (%v, %v): counted %s, want %s", f, n, when, out.State, in.State, got, want)
				}
			}
			check("open")
			// A FIN, received and read, is no byte.
			z.shutdown(a)
			z.end(b)
			check("half closed")
		}
	}
}

// Bytes that were sent again count once: everything is lost while lo is down.
func TestKernelRetransmittedBytesCountOnce(t *testing.T) {
	enterNamespace(t)
	z := zoo{t}
	c := openIn(t)
	listener := z.listen(model.IPv4, "127.0.0.1", 1, 1)
	a := z.connect(model.IPv4, "127.0.0.1", 2000, "127.0.0.1", 1)
	b := z.accept(listener)
	z.send(a, b, 1000)
	lo, err := netlink.LinkByName("lo")
	z.must("find lo", err)
	z.must("take lo down", netlink.LinkSetDown(lo))
	const n = 20_000
	_, err = unix.Write(a, make([]byte, n))
	z.must("write", err)
	z.must("bring lo up", netlink.LinkSetUp(lo))
	buf := make([]byte, n)
	for left := n; left > 0; { // until TCP has sent it again
		m, err := unix.Read(b, buf)
		if err != nil && err != unix.EINTR {
			t.Fatal(err)
		}
		left -= max(m, 0)
	}
	out, in := z.find(c, model.TCP, model.IPv4, 2000, 1), z.find(c, model.TCP, model.IPv4, 1, 2000)
	if out.Retrans == 0 {
		t.Skip("nothing was lost on this kernel")
	}
	if out.Sent != 1000+n || in.Received != 1000+n {
		t.Errorf("sent %d, received %d, want %d; %d segments sent again", out.Sent, in.Received, 1000+n, out.Retrans)
	}
}

func TestKernelNetNSCookie(t *testing.T) {
	outside, err := Open()
	if err != nil {
		t.Skipf("no sock_diag here: %v", err)
	}
	defer outside.Close()
	enterNamespace(t)
	inside := openIn(t)
	a, err := outside.NetNSCookie()
	if errors.Is(err, ErrUnsupported) {
		t.Skip(err)
	}
	b, err2 := inside.NetNSCookie()
	if err != nil || err2 != nil || a == 0 || b == 0 || a == b {
		t.Errorf("cookies %d and %d, %v, %v", a, b, err, err2)
	}
}

// Without privileges a dump works all the same: this one may run as anybody.
func TestKernelAsAnybody(t *testing.T) {
	c, err := Open()
	if errors.Is(err, ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, sockaddr(model.IPv4, "127.0.0.1", 0)); err != nil {
		t.Fatal(err)
	}
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		t.Fatal(err)
	}
	found := false
	_, err = c.Dump(model.UDP, model.IPv4, func(s *model.Socket) { found = found || uint64(s.Inode) == stat.Ino })
	if errors.Is(err, ErrUnsupported) {
		t.Skip(err)
	}
	if errors.Is(err, ErrPartial) {
		t.Skip(err) // a host that is busy
	}
	if err != nil || !found {
		t.Errorf("found %v, %v", found, err)
	}
}

func TestKernelHasNoHandler(t *testing.T) {
	enterNamespace(t)
	c := openIn(t)
	const nobody = 255 // IPPROTO_RAW with a handler would need raw_diag
	res, err := c.Dump(nobody, model.IPv4, func(*model.Socket) {})
	if err == nil {
		t.Skipf("this kernel has raw_diag: %+v", res)
	}
	if !errors.Is(err, ErrUnsupported) {
		t.Errorf("got %v", err)
	}
	if res, err := c.Dump(model.TCP, model.IPv4, func(*model.Socket) {}); err != nil {
		t.Errorf("the next dump: %+v, %v", res, err)
	}
}

// destroyable skips when the kernel has no SOCK_DESTROY.
func destroyable(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, ErrUnsupported) {
		t.Skipf("needs CONFIG_INET_DIAG_DESTROY: %v", err)
	}
	if err != nil {
		t.Error(err)
	}
}

func TestKernelDestroy(t *testing.T) {
	enterNamespace(t)
	z := zoo{t}
	c := openIn(t)
	for _, f := range []model.Family{model.IPv4, model.IPv6} {
		ip := map[model.Family]string{model.IPv4: "127.0.0.1", model.IPv6: "::1"}[f]
		listener := z.listen(f, ip, 1, 4)
		a := z.connect(f, ip, 2000, ip, 1)
		z.accept(listener)
		z.bound(f, unix.SOCK_DGRAM, ip, 3)
		to := z.bound(f, unix.SOCK_DGRAM, ip, 4)
		z.must("connect UDP", unix.Connect(to, sockaddr(f, ip, 3)))
		for _, what := range []struct {
			proto         model.Proto
			local, remote int
			after         model.State // as the socket lives on: its process has it still
		}{
			{model.TCP, 2000, 1, model.Close}, {model.TCP, 1, 0, model.Bound}, {model.UDP, 4, 3, model.Close},
			{model.UDP, 3, 0, model.Close},
		} {
			s := z.find(c, what.proto, f, what.local, what.remote)
			wrong := target(s)
			wrong.Cookie += 1 << 40
			if err := c.Destroy(wrong); !errors.Is(err, ErrGone) {
				t.Errorf("IPv%d %+v, wrong cookie: %v", f, what, err)
			}
			if a, err := c.Ask(target(s)); err != nil || a.Socket.State != s.State {
				t.Errorf("IPv%d %+v: a wrong cookie did harm: %v, %v", f, what, a.Socket.State, err)
			}
			destroyable(t, c.Destroy(target(s)))
			if what.remote != 0 && what.proto == model.TCP {
				if _, err := c.Ask(target(s)); !errors.Is(err, ErrGone) {
					t.Errorf("IPv%d %+v: after closing: %v", f, what, err)
				}
				if err := c.Destroy(target(s)); !errors.Is(err, ErrGone) {
					t.Errorf("IPv%d %+v: closed twice: %v", f, what, err)
				}
			}
			for _, left := range z.dump(c, what.proto, f) {
				if left.Cookie != s.Cookie {
					continue
				}
				if left.State != what.after || left.Proto == model.UDP && left.RemotePort != 0 {
					t.Errorf("IPv%d %+v: lives on as %s", f, what, line(&left, c.Congestion()))
				}
				// It can be asked for as what it is now.
				if a, err := c.Ask(target(left)); err != nil || a.Socket.State != left.State {
					t.Errorf("IPv%d %+v: lives on as %v, but asked for: %v", f, what, left.State, err)
				}
			}
		}
		if _, err := unix.Write(a, []byte{1}); err != unix.ECONNABORTED && err != unix.EPIPE {
			t.Errorf("IPv%d: the closed connection takes data: %v", f, err)
		}
	}
}

// Of many sockets that share a port each can be closed and asked for by its cookie, though the kernel looks
// up another of them.
func TestKernelSharedPorts(t *testing.T) {
	enterNamespace(t)
	z := zoo{t}
	c := openIn(t)
	for _, test := range []struct {
		proto model.Proto
		kind  int
	}{{model.TCP, unix.SOCK_STREAM}, {model.UDP, unix.SOCK_DGRAM}} {
		for range 8 {
			fd := z.socket(model.IPv6, test.kind)
			z.must("SO_REUSEPORT", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
			z.must("bind", unix.Bind(fd, sockaddr(model.IPv6, "::", 5)))
			if test.kind == unix.SOCK_STREAM {
				z.must("listen", unix.Listen(fd, 3))
			}
		}
		group := z.dump(c, test.proto, model.IPv6)
		if len(group) != 8 {
			t.Fatalf("%d sockets", len(group))
		}
		for i, s := range group {
			if a, err := c.Ask(target(s)); err != nil || a.Socket.Cookie != s.Cookie {
				t.Errorf("protocol %d, number %d: %v", test.proto, i, err)
			}
		}
		for i, s := range group {
			destroyable(t, c.Destroy(target(s)))
			if test.proto == model.UDP {
				// It leaves the group, but not the port, and from now on the kernel finds only it.
				if err := c.Destroy(target(group[i+1])); err != nil && !errors.Is(err, ErrUnsupported) {
					t.Error(err)
				}
				break
			}
			listening := 0
			for _, left := range z.dump(c, test.proto, model.IPv6) {
				if left.State == model.Listen {
					listening++
				}
			}
			if listening != 7-i {
				t.Errorf("%d listen after %d were closed", listening, i+1)
			}
		}
	}
}

// A bound socket is in no table that SOCK_DESTROY looks into.
func TestKernelCannotDestroyBound(t *testing.T) {
	enterNamespace(t)
	z := zoo{t}
	c := openIn(t)
	z.bound(model.IPv4, unix.SOCK_STREAM, "127.0.0.1", 6)
	s := z.dump(c, model.TCP, model.IPv4)
	if len(s) == 0 {
		t.Skip("this kernel does not dump bound sockets (before Linux 6.8)")
	}
	if err := c.Destroy(target(s[0])); !errors.Is(err, ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

// Closing takes CAP_NET_ADMIN, even for one's own socket, and looking takes nothing.
func TestKernelDestroyWithoutPermission(t *testing.T) {
	enterNamespace(t)
	z := zoo{t}
	z.listen(model.IPv4, "127.0.0.1", 1, 1)
	dropCapabilities(t) // of this thread, which ends with the test
	c := openIn(t)
	s := z.find(c, model.TCP, model.IPv4, 1, 0)
	err := c.Destroy(target(s))
	if errors.Is(err, ErrUnsupported) {
		t.Skip(err)
	}
	if !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
	if s.Has&model.HasMark != 0 {
		t.Error("the mark is told to anybody")
	}
	if a, err := c.Ask(target(s)); err != nil || len(a.Figures) == 0 {
		t.Errorf("asking: %v", err)
	}
}

func dropCapabilities(t *testing.T) {
	t.Helper()
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&head, &none[0]); err != nil {
		t.Fatalf("capset: %v", err)
	}
}

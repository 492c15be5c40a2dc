package procnet

// This file reads the running kernel's tables in a network namespace of the test's own, and compares them with
// what sock_diag says.

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"sockview/model"
	"sockview/sampler/diag"
)

// enterNamespace moves the test's goroutine, and the thread it is locked to from now on, to a new network
// namespace with the loopback up.
func enterNamespace(t testing.TB) {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			t.Skipf("needs root: a network namespace of its own: %v", err)
		}
		t.Fatalf("unshare: %v", err)
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatalf("find lo: %v", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		t.Fatalf("set lo up: %v", err)
	}
}

func must(t testing.TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func sockaddr(family model.Family, port int) unix.Sockaddr {
	if family == model.IPv6 {
		return &unix.SockaddrInet6{Port: port, Addr: netip.IPv6Loopback().As16()}
	}
	return &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
}

// socket makes a socket, bound to port unless that is 0. It skips where the kernel has no such protocol.
func socket(t testing.TB, family model.Family, kind, proto, port int) int {
	t.Helper()
	domain := unix.AF_INET
	if family == model.IPv6 {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, proto)
	if errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.ESOCKTNOSUPPORT) {
		t.Skipf("this kernel has no protocol %d", proto)
	}
	must(t, "socket", err)
	t.Cleanup(func() { unix.Close(fd) })
	if port != 0 {
		must(t, "bind", unix.Bind(fd, sockaddr(family, port)))
	}
	return fd
}

// zoo makes sockets of both protocols that are in both sources.
func zoo(t testing.TB, family model.Family) {
	listener := socket(t, family, unix.SOCK_STREAM, 0, 1001)
	must(t, "listen", unix.Listen(listener, 5))
	connect := func(port int) int {
		fd := socket(t, family, unix.SOCK_STREAM, 0, port)
		must(t, "SO_KEEPALIVE", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, port%2))
		must(t, "connect", unix.Connect(fd, sockaddr(family, 1001)))
		return fd
	}
	accept := func() int {
		fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
		must(t, "accept", err)
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	client := connect(2001)
	accept()
	_, err := unix.Write(client, make([]byte, 300))
	must(t, "write", err)
	connect(2002)
	a, b := accept(), connect(2003)
	must(t, "shutdown", unix.Shutdown(a, unix.SHUT_WR))
	_ = b // waits
	deferred := socket(t, family, unix.SOCK_STREAM, 0, 1002)
	must(t, "listen", unix.Listen(deferred, 5))
	must(t, "TCP_DEFER_ACCEPT", unix.SetsockoptInt(deferred, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 3600))
	half := socket(t, family, unix.SOCK_STREAM, 0, 2004)
	must(t, "connect", unix.Connect(half, sockaddr(family, 1002)))

	socket(t, family, unix.SOCK_DGRAM, 0, 3001)
	to := socket(t, family, unix.SOCK_DGRAM, 0, 3002)
	must(t, "connect", unix.Connect(to, sockaddr(family, 3001)))
	_, err = unix.Write(to, make([]byte, 50))
	must(t, "write", err)
}

// told is what both sources tell of a socket.
func told(s *model.Socket) string {
	sendQ, recvQ := s.SendQ, s.RecvQ
	if s.State == model.Listen {
		sendQ = 0
	}
	uid := fmt.Sprint(s.UID)
	if s.Has&model.HasUID == 0 {
		uid = "-"
	}
	return fmt.Sprintf("%s %v:%d-%v:%d %v %d/%d %v %d %d uid %s inode %d", s.ProtoName(), s.Local.Netip(), s.LocalPort,
		s.Remote.Netip(), s.RemotePort, s.State, recvQ, sendQ, s.Timer, s.Retries, s.Probes, uid, s.Inode)
}

func TestKernelAsDiag(t *testing.T) {
	enterNamespace(t)
	zoo(t, model.IPv4)
	zoo(t, model.IPv6)
	c, err := diag.Open()
	must(t, "open", err)
	defer c.Close()
	f := At("/proc/thread-self/net")
	for _, p := range []model.Proto{model.TCP, model.UDP} {
		for _, family := range []model.Family{model.IPv4, model.IPv6} {
			var want, got []string
			expires := make(map[string]uint32)
			// A delayed acknowledgement may be on its way between the two: then both are asked again.
			for range 1000 {
				want, got = nil, nil
				_, err := c.Dump(p, family, func(s *model.Socket) {
					want = append(want, told(s))
					expires[told(s)] = s.Expires
				})
				must(t, "dump", err)
				res, err := f.Dump(p, family, func(s *model.Socket) {
					got = append(got, told(s))
					if was := expires[told(s)]; s.Timer == model.TimerKeepalive && (was < s.Expires || was-s.Expires > 60_000) {
						t.Errorf("%s: expires in %d, then in %d", told(s), was, s.Expires)
					}
				})
				if err != nil || res != (Result{Rows: len(got)}) {
					t.Fatalf("%+v, %v", res, err)
				}
				slices.Sort(want)
				slices.Sort(got)
				if slices.Equal(got, want) {
					break
				}
			}
			if !slices.Equal(got, want) || len(got) == 0 {
				t.Errorf("got\n%s\nsock_diag has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

// Both count the same of what is sent again in vain: everything is lost while lo is down.
func TestKernelRetries(t *testing.T) {
	enterNamespace(t)
	listener := socket(t, model.IPv4, unix.SOCK_STREAM, 0, 1001)
	must(t, "listen", unix.Listen(listener, 5))
	client := socket(t, model.IPv4, unix.SOCK_STREAM, 0, 2001)
	must(t, "connect", unix.Connect(client, sockaddr(model.IPv4, 1001)))
	lo, err := netlink.LinkByName("lo")
	must(t, "find lo", err)
	must(t, "take lo down", netlink.LinkSetDown(lo))
	_, err = unix.Write(client, make([]byte, 300))
	must(t, "write", err)
	c, err := diag.Open()
	must(t, "open", err)
	defer c.Close()
	f := At("/proc/thread-self/net")
	line := func(text *string, retries *uint8) func(*model.Socket) {
		return func(s *model.Socket) {
			if s.LocalPort == 2001 {
				*text, *retries = told(s), s.Retries
			}
		}
	}
	var want, got string
	var there, here uint8
	for range 1_000_000 { // until it was sent again, in about 0.2 s
		_, err := c.Dump(model.TCP, model.IPv4, line(&want, &there))
		must(t, "dump", err)
		_, err = f.Dump(model.TCP, model.IPv4, line(&got, &here))
		must(t, "read", err)
		if there > 0 && got == want {
			return
		}
	}
	t.Errorf("got %s, sock_diag has %s", got, want)
}

func TestKernelInUse(t *testing.T) {
	enterNamespace(t)
	f := At("/proc/thread-self/net")
	check := func(when string, want Counts) {
		t.Helper()
		if got, err := f.InUse(); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", when, got, err, want)
		}
		for _, table := range []struct {
			proto  model.Proto
			family model.Family
			want   int
		}{
			{model.Raw, model.IPv4, want.Raw}, {model.Raw, model.IPv6, want.Raw6},
			{model.UDPLite, model.IPv4, want.UDPLite}, {model.UDPLite, model.IPv6, want.UDPLite6},
		} {
			res, err := f.Dump(table.proto, table.family, func(s *model.Socket) {
				if s.Inode == 0 || s.State != model.Close || s.Proto == model.Raw && s.LocalPort != 58 && s.LocalPort != 1 {
					t.Errorf("%s", told(s))
				}
			})
			if err != nil || res != (Result{Rows: table.want}) {
				t.Errorf("%s: %+v has %+v, %v", when, table, res, err)
			}
		}
	}
	check("nothing", Counts{})
	raw := socket(t, model.IPv4, unix.SOCK_RAW, 1, 0)
	socket(t, model.IPv4, unix.SOCK_RAW, 1, 0)
	socket(t, model.IPv6, unix.SOCK_RAW, 58, 0)
	check("raw", Counts{All: 3, Raw: 2, Raw6: 1})
	must(t, "shutdown", unix.Dup3(socket(t, model.IPv4, unix.SOCK_DGRAM, 0, 0), raw, unix.O_CLOEXEC))
	check("one closed", Counts{All: 2, Raw: 1, Raw6: 1})
	socket(t, model.IPv4, unix.SOCK_DGRAM, unix.IPPROTO_UDPLITE, 99)
	socket(t, model.IPv6, unix.SOCK_DGRAM, unix.IPPROTO_UDPLITE, 98)
	socket(t, model.IPv6, unix.SOCK_DGRAM, unix.IPPROTO_UDPLITE, 97)
	check("UDP-Lite", Counts{All: 5, Raw: 1, Raw6: 1, UDPLite: 1, UDPLite6: 2})
	enterNamespace(t)
	check("another namespace", Counts{})
}

// The tables are for everybody to read.
func TestKernelAsAnybody(t *testing.T) {
	if _, err := os.Stat("/proc/thread-self/net/udp"); err != nil {
		t.Skip(err)
	}
	fd := socket(t, model.IPv4, unix.SOCK_DGRAM, 0, 0)
	must(t, "bind", unix.Bind(fd, sockaddr(model.IPv4, 0)))
	var st unix.Stat_t
	must(t, "stat", unix.Fstat(fd, &st))
	found := false
	_, err := At("/proc/thread-self/net").Dump(model.UDP, model.IPv4, func(s *model.Socket) {
		found = found || uint64(s.Inode) == st.Ino
	})
	if err != nil || !found {
		t.Errorf("found %v, %v", found, err)
	}
}

func BenchmarkInUse(b *testing.B) {
	f := At("/proc/thread-self/net")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.InUse(); err != nil {
			b.Fatal(err)
		}
	}
}

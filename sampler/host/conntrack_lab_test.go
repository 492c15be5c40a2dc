package host

// This file makes the router whose flows are compared: three network namespaces, joined by two veth pairs, and
// rules of nft that translate.
//
//	client 10.1.0.2 fd01::2 --- 10.1.0.1 fd01::1 router 10.2.0.1 fd02::1 --- 10.2.0.2 fd02::2 server

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// room is a network namespace on a thread of its own, which does what it is told.
type room struct {
	ns   int
	jobs chan func()
}

func newRoom(t *testing.T) *room {
	t.Helper()
	r := &room{jobs: make(chan func())}
	ready := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			ready <- fmt.Errorf("unshare: %w", err)
			return
		}
		var err error
		r.ns, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		ready <- err
		for job := range r.jobs {
			job()
		}
	}()
	if err := <-ready; errors.Is(err, fs.ErrPermission) {
		t.Skipf("needs root: a network namespace of its own: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(r.jobs); unix.Close(r.ns) })
	return r
}

// do does something in the room.
func (r *room) do(t *testing.T, what string, job func() error) {
	t.Helper()
	done := make(chan error)
	r.jobs <- func() { done <- job() }
	must(t, what, <-done)
}

// configure brings an interface up, with addresses and a way to everything else.
func configure(link string, addrs []string, gateways ...string) error {
	for _, name := range []string{"lo", link} {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetUp(l); err != nil {
			return err
		}
		if name == "lo" {
			continue
		}
		for _, text := range addrs {
			a, err := netlink.ParseAddr(text)
			if err != nil {
				return err
			}
			a.Flags = unix.IFA_F_NODAD
			if err := netlink.AddrAdd(l, a); err != nil {
				return err
			}
		}
		for _, gw := range gateways {
			if err := netlink.RouteAdd(&netlink.Route{LinkIndex: l.Attrs().Index, Gw: net.ParseIP(gw)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// setting writes a setting of the thread's network namespace.
func setting(name, value string) error {
	return os.WriteFile(filepath.Join("/proc/sys/net", name), []byte(value), 0)
}

const natRules = `
table inet translate {
	chain zones {
		type filter hook prerouting priority -300
		udp dport 7007 ct zone set 7
		udp dport 7009 ct original zone set 9
	}
	chain marks {
		type filter hook prerouting priority -150
		tcp dport 80 ct mark set 0x2a
	}
	chain before {
		type nat hook prerouting priority -100
		tcp dport 8080 dnat ip to 10.2.0.2:80
		tcp dport 8080 dnat ip6 to [fd02::2]:80
		tcp dport 8081 redirect to :81
		udp dport 5353 redirect to :54
	}
	chain after {
		type nat hook postrouting priority 100
		oifname "toserver" masquerade
	}
}
`

// lab is the router, whose namespace the test is in, and the two beside it.
type lab struct {
	*testing.T
	host           *Host
	client, server *room
	open           []io.Closer // held until the test ends
}

func newLab(t *testing.T) *lab {
	t.Helper()
	nft := program(t, "nft")
	l := &lab{T: t, host: enterNamespace(t), client: newRoom(t), server: newRoom(t)}
	if !hasConntrack("/proc/thread-self/net") {
		t.Skip("needs a kernel with connection tracking")
	}
	t.Cleanup(func() {
		for _, c := range l.open {
			c.Close()
		}
	})
	for name, r := range map[string]*room{"toclient": l.client, "toserver": l.server} {
		veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: "router", PeerNamespace: netlink.NsFd(r.ns)}
		if err := netlink.LinkAdd(veth); err != nil {
			t.Skipf("needs veth interfaces: %v", err)
		}
	}
	must(t, "configure the router", configure("toclient", []string{"10.1.0.1/24", "fd01::1/64"}))
	must(t, "configure the router", configure("toserver", []string{"10.2.0.1/24", "fd02::1/64"}))
	l.client.do(t, "configure the client", func() error {
		return configure("router", []string{"10.1.0.2/24", "fd01::2/64"}, "10.1.0.1", "fd01::1")
	})
	l.server.do(t, "configure the server", func() error {
		return configure("router", []string{"10.2.0.2/24", "fd02::2/64"}, "10.2.0.1", "fd02::1")
	})
	for name, value := range map[string]string{
		"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1",
		"netfilter/nf_conntrack_acct": "1", "netfilter/nf_conntrack_timestamp": "1",
	} {
		if err := setting(name, value); errors.Is(err, unix.EROFS) {
			t.Skipf("needs to write /proc/sys: %v", err)
		} else {
			must(t, "set "+name, err)
		}
	}
	cmd := exec.Command(nft, "-f", "-")
	cmd.Stdin = strings.NewReader(natRules)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("needs nft with NAT: %v: %s", err, out)
	}
	return l
}

// serve answers at addr: TCP takes 1000 bytes and answers 10, UDP sends back.
func (l *lab) serve(network, addr string) error {
	if network == "udp" {
		p, err := net.ListenPacket("udp", addr)
		if err != nil {
			return err
		}
		l.open = append(l.open, p)
		go func() {
			b := make([]byte, 1000)
			for {
				n, from, err := p.ReadFrom(b)
				if err != nil {
					return
				}
				p.WriteTo(b[:n], from)
			}
		}()
		return nil
	}
	lc := net.ListenConfig{KeepAlive: -1}
	lc.SetMultipathTCP(false)
	s, err := lc.Listen(l.Context(), "tcp", addr)
	if err != nil {
		return err
	}
	l.open = append(l.open, s)
	go func() {
		for {
			c, err := s.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := io.ReadFull(c, make([]byte, 1000)); err != nil {
					return
				}
				c.Write(make([]byte, 10))
				io.Copy(io.Discard, c)
			}()
		}
	}()
	return nil
}

// talk makes a flow to addr and waits for its answer.
func (l *lab) talk(network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second, KeepAlive: -1}
	c, err := d.Dial(network, addr)
	if err != nil {
		return nil, err
	}
	l.open = append(l.open, c)
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Write(make([]byte, 1000)); err != nil {
		return nil, err
	}
	_, err = io.ReadFull(c, make([]byte, 10))
	return c, err
}

// mutter sends a datagram that nobody answers.
func (l *lab) mutter(addr string) error {
	c, err := net.Dial("udp", addr)
	if err != nil {
		return err
	}
	l.open = append(l.open, c)
	_, err = c.Write([]byte("anybody?"))
	return err
}

// ping sends an echo request and waits for its answer.
func ping(addr string) error {
	family, proto, kind, to := unix.AF_INET, unix.IPPROTO_ICMP, byte(8), unix.Sockaddr(nil)
	ip := net.ParseIP(addr)
	if four := ip.To4(); four != nil {
		to = &unix.SockaddrInet4{Addr: [4]byte(four)}
	} else {
		family, proto, kind, to = unix.AF_INET6, unix.IPPROTO_ICMPV6, 128, &unix.SockaddrInet6{Addr: [16]byte(ip)}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	wait := unix.NsecToTimeval(int64(10 * time.Second))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		return err
	}
	if err := unix.Sendto(fd, []byte{kind, 0, 0, 0, 0, 0, 0, 1, 'p', 'i', 'n', 'g'}, 0, to); err != nil {
		return err
	}
	_, err = unix.Read(fd, make([]byte, 100))
	return err
}

// makeFlows makes one of each kind.
func (l *lab) makeFlows() {
	l.Helper()
	for network, addrs := range map[string][]string{
		"tcp": {"10.2.0.2:80", "[fd02::2]:80"}, "udp": {"10.2.0.2:53", "[fd02::2]:53"},
	} {
		for _, addr := range addrs {
			l.server.do(l.T, "serve "+addr, func() error { return l.serve(network, addr) })
		}
	}
	for network, addr := range map[string]string{"tcp": ":81", "udp": ":54"} {
		must(l, "serve "+addr, l.serve(network, addr)) // the router itself
	}
	l.client.do(l.T, "talk", func() error {
		if err := setting("ipv4/ping_group_range", "0 2147483647"); err != nil {
			return err
		}
		for _, a := range []string{
			"tcp 10.2.0.2:80", "tcp [fd02::2]:80", // the source is translated
			"tcp 10.1.0.1:8080", "tcp [fd01::1]:8080", // both are
			"tcp 10.1.0.1:8081", "tcp [fd01::1]:8081", "udp 10.1.0.1:5353", // the destination is
			"tcp 10.1.0.1:81", "udp [fd01::1]:54", // neither is
			"udp 10.2.0.2:53", "udp [fd02::2]:53",
		} {
			network, addr, _ := strings.Cut(a, " ")
			if _, err := l.talk(network, addr); err != nil {
				return fmt.Errorf("%s: %w", a, err)
			}
		}
		c, err := l.talk("tcp", "10.2.0.2:80")
		if err != nil {
			return err
		}
		if err := c.Close(); err != nil { // TIME_WAIT, some time soon
			return err
		}
		for _, addr := range []string{"10.2.0.2:9", "[fd02::2]:9", "10.2.0.2:7007", "10.2.0.2:7009", "[fd02::2]:7007"} {
			if err := l.mutter(addr); err != nil {
				return err
			}
		}
		for _, addr := range []string{"10.2.0.2", "fd02::2", "10.1.0.1"} {
			if err := ping(addr); err != nil {
				return fmt.Errorf("ping %s: %w", addr, err)
			}
		}
		// Nobody is there: it stays in SYN_SENT.
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		f := os.NewFile(uintptr(fd), "SYN_SENT")
		l.open = append(l.open, f)
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: 80, Addr: [4]byte{10, 2, 0, 99}}); err != unix.EINPROGRESS {
			return fmt.Errorf("connect: %v", err)
		}
		return nil
	})
}

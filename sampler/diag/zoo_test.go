package diag

// This file makes sockets in every state that can be held, in a network namespace of the test's own.

import (
	"errors"
	"io/fs"
	"net/netip"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"sockview/model"
)

// enterNamespace moves the test's goroutine, and the thread it is locked to from now on, to a new network
// namespace with the loopback up. The thread ends with the test, and the namespace with its last socket.
func enterNamespace(t testing.TB) {
	t.Helper()
	runtime.LockOSThread() // never unlocked: no other goroutine may get this thread
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

// openIn opens a Conn in the thread's namespace.
func openIn(t testing.TB) *Conn {
	t.Helper()
	c, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// zoo keeps sockets open until the test ends.
type zoo struct {
	testing.TB
}

func (z zoo) must(what string, err error) {
	z.Helper()
	if err != nil {
		z.Fatalf("%s: %v", what, err)
	}
}

// socket makes a socket. Addresses may be used again at once.
func (z zoo) socket(f model.Family, kind int) int {
	z.Helper()
	domain := unix.AF_INET
	if f == model.IPv6 {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
	z.must("socket", err)
	z.Cleanup(func() { unix.Close(fd) })
	z.must("SO_REUSEADDR", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
	return fd
}

func sockaddr(f model.Family, ip string, port int) unix.Sockaddr {
	a := netip.MustParseAddr(ip)
	if f == model.IPv6 {
		return &unix.SockaddrInet6{Port: port, Addr: a.As16()}
	}
	return &unix.SockaddrInet4{Port: port, Addr: a.As4()}
}

// bound makes a socket that is bound.
func (z zoo) bound(f model.Family, kind int, ip string, port int) int {
	z.Helper()
	fd := z.socket(f, kind)
	z.must("bind", unix.Bind(fd, sockaddr(f, ip, port)))
	return fd
}

// listen makes a listener.
func (z zoo) listen(f model.Family, ip string, port, backlog int) int {
	z.Helper()
	fd := z.bound(f, unix.SOCK_STREAM, ip, port)
	z.must("listen", unix.Listen(fd, backlog))
	return fd
}

// connect connects from a given port.
func (z zoo) connect(f model.Family, from string, port int, to string, toPort int) int {
	z.Helper()
	fd := z.bound(f, unix.SOCK_STREAM, from, port)
	z.must("connect", unix.Connect(fd, sockaddr(f, to, toPort)))
	return fd
}

func (z zoo) accept(listener int) int {
	z.Helper()
	fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	z.must("accept", err)
	z.Cleanup(func() { unix.Close(fd) })
	return fd
}

// send moves n bytes from one end of a connection to the other, and waits until they were read.
func (z zoo) send(from, to, n int) {
	z.Helper()
	done := make(chan error, 1)
	go func() {
		buf := make([]byte, 64<<10)
		for left := n; left > 0; {
			m, err := unix.Write(from, buf[:min(left, len(buf))])
			if err != nil && err != unix.EINTR {
				done <- err
				return
			}
			left -= max(m, 0)
		}
		done <- nil
	}()
	buf := make([]byte, 64<<10)
	for left := n; left > 0; {
		m, err := unix.Read(to, buf[:min(left, len(buf))])
		if err != nil && err != unix.EINTR {
			z.Fatalf("read: %v", err)
		}
		left -= max(m, 0)
	}
	z.must("write", <-done)
}

// fill writes until the connection takes no more, and says how many bytes.
func (z zoo) fill(fd int) int {
	z.Helper()
	z.must("O_NONBLOCK", unix.SetNonblock(fd, true))
	buf := make([]byte, 64<<10)
	for total := 0; ; {
		n, err := unix.Write(fd, buf)
		switch err {
		case nil:
			total += n
		case unix.EINTR:
		case unix.EAGAIN:
			return total
		default:
			z.Fatalf("write: %v", err)
		}
	}
}

// end reads until the other side's FIN.
func (z zoo) end(fd int) {
	z.Helper()
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Read(fd, buf)
		if n == 0 && err == nil {
			return
		}
		if err != nil && err != unix.EINTR {
			z.Fatalf("read: %v", err)
		}
	}
}

func (z zoo) shutdown(fd int) {
	z.Helper()
	z.must("shutdown", unix.Shutdown(fd, unix.SHUT_WR))
}

// Ports of the zoo. The server's end of a pair has the listener's port, the client's the pair's own.
const (
	portServer   = 1001
	portDeferred = 1002 // completes a connection only when data comes: SYN_RECV until then
	portFull     = 1003 // its accept queue is full
	portBoth     = 1004 // IPv6: takes IPv4 too
	portBothSlow = 1005 // IPv6: the same, deferred
	portBound    = 1006
	portUDP      = 1007
	portUDPTo    = 1008 // connected to portUDP
	portUDPBound = 1009 // on lo, with a mark

	pairOpen     = 2001
	pairHalf     = 2002 // FIN_WAIT2 - CLOSE_WAIT
	pairLastAck  = 2003 // LAST_ACK - FIN_WAIT2
	pairFinWait1 = 2004 // FIN_WAIT1 - ESTABLISHED
	pairClosing  = 2005 // CLOSING - FIN_WAIT2
	pairTimeWait = 2006 // TIME_WAIT - nothing
	pairSynRecv  = 2007 // ESTABLISHED - SYN_RECV
	pairQueued   = 2008 // ESTABLISHED - not accepted
	pairSynSent  = 2009 // SYN_SENT - nothing
	pairMapped   = 2010 // an IPv4 client of portBoth
	pairMapSlow  = 2011 // an IPv4 client of portBothSlow
	pairMapOut   = 2012 // an IPv6 socket that talks IPv4
	pairMapEnded = 2013 // an IPv4 client of portBoth that the server closed first
)

// What the zoo moved.
const (
	openSent, openReceived = 1_000, 70_000
	halfSent               = 500
	udpQueued              = 100
	listenBacklog          = 17
	markUDP                = 7
)

// animals makes the sockets of a family. zooCounts says what it holds.
func (z zoo) animals(f model.Family) {
	z.Helper()
	ip := "127.0.0.1"
	if f == model.IPv6 {
		ip = "::1"
	}
	server := z.listen(f, ip, portServer, listenBacklog)
	pair := func(port int) (client, served int) {
		client = z.connect(f, ip, port, ip, portServer)
		return client, z.accept(server)
	}
	a, b := pair(pairOpen)
	z.send(a, b, openSent)
	z.send(b, a, openReceived)

	a, b = pair(pairHalf)
	z.send(a, b, halfSent)
	z.shutdown(a)
	z.end(b)

	a, b = pair(pairLastAck)
	z.fill(a)
	z.shutdown(b)
	z.end(a)
	z.shutdown(a)

	a, _ = pair(pairFinWait1)
	z.fill(a)
	z.shutdown(a)

	a, b = pair(pairClosing)
	z.fill(a)
	z.shutdown(a)
	z.shutdown(b)
	z.must("O_NONBLOCK", unix.SetNonblock(a, false))
	z.end(a)

	a, b = pair(pairTimeWait)
	z.shutdown(a)
	z.end(b)
	z.shutdown(b)
	z.end(a)

	deferred := z.listen(f, ip, portDeferred, listenBacklog)
	z.must("TCP_DEFER_ACCEPT", unix.SetsockoptInt(deferred, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 3600))
	z.connect(f, ip, pairSynRecv, ip, portDeferred)

	z.listen(f, ip, portFull, 0)
	z.connect(f, ip, pairQueued, ip, portFull)
	late := z.bound(f, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, ip, pairSynSent)
	if err := unix.Connect(late, sockaddr(f, ip, portFull)); err != unix.EINPROGRESS {
		z.Fatalf("connect to a full listener: %v", err)
	}
	z.bound(f, unix.SOCK_STREAM, ip, portBound)

	z.bound(f, unix.SOCK_DGRAM, ip, portUDP)
	to := z.bound(f, unix.SOCK_DGRAM, ip, portUDPTo)
	z.must("connect UDP", unix.Connect(to, sockaddr(f, ip, portUDP)))
	_, err := unix.Write(to, make([]byte, udpQueued))
	z.must("send UDP", err)
	marked := z.bound(f, unix.SOCK_DGRAM, ip, portUDPBound)
	z.must("SO_BINDTODEVICE", unix.BindToDevice(marked, "lo"))
	z.must("SO_MARK", unix.SetsockoptInt(marked, unix.SOL_SOCKET, unix.SO_MARK, markUDP))
	if f == model.IPv6 {
		z.mapped()
	}
}

// mapped makes IPv6 sockets that talk IPv4, with their IPv4 clients.
func (z zoo) mapped() {
	z.Helper()
	both := z.listen(model.IPv6, "::", portBoth, listenBacklog)
	a := z.connect(model.IPv4, "127.0.0.1", pairMapped, "127.0.0.1", portBoth)
	b := z.accept(both)
	z.send(a, b, openSent)
	z.send(b, a, openReceived)
	slow := z.listen(model.IPv6, "::", portBothSlow, listenBacklog)
	z.must("TCP_DEFER_ACCEPT", unix.SetsockoptInt(slow, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 3600))
	z.connect(model.IPv4, "127.0.0.1", pairMapSlow, "127.0.0.1", portBothSlow)
	z.connect(model.IPv6, "::ffff:127.0.0.1", pairMapOut, "::ffff:127.0.0.1", portBoth)
	z.accept(both)
	a = z.connect(model.IPv4, "127.0.0.1", pairMapEnded, "127.0.0.1", portBoth)
	b = z.accept(both)
	z.shutdown(b)
	z.end(a)
	z.shutdown(a)
	z.end(b)
}

// settle waits until the loopback has delivered what the zoo sent: a FIN is acknowledged a moment after the
// other side has read it.
func (z zoo) settle(c *Conn) {
	z.Helper()
	for range 100_000 {
		waiting := 0
		for _, f := range []model.Family{model.IPv4, model.IPv6} {
			_, err := c.Dump(model.TCP, f, func(s *model.Socket) {
				// Of these two the last acknowledgement is all that is missing.
				if s.LocalPort == pairHalf && s.State == model.FinWait1 ||
					s.RemotePort != 0 && s.LocalPort == portServer && s.State == model.FinWait1 {
					waiting++
				}
			})
			z.must("dump", err)
		}
		if waiting == 0 {
			return
		}
	}
	z.Fatal("a FIN was never acknowledged")
}

package diag

// Conns and listeners of many namespaces at once, on the running kernel.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"sockview/model"
)

// nextNamespace moves the thread, which enterNamespace locked, on to a new namespace. The one it leaves stays for as long as it
// has sockets.
func (z zoo) nextNamespace() {
	z.Helper()
	z.must("unshare", unix.Unshare(unix.CLONE_NEWNET))
}

// localPorts are the ports of a namespace's UDP sockets, in no order.
func localPorts(c *Conn) (ports []int, err error) {
	_, err = c.Dump(model.UDP, model.IPv4, func(s *model.Socket) { ports = append(ports, int(s.LocalPort)) })
	return ports, err
}

// TestKernelBeside: each dumps its own namespace and closes sockets in it, all at once and from several goroutines, while others
// are opened and closed: the number of a descriptor is another namespace's at once, and none gets that one's answer.
func TestKernelBeside(t *testing.T) {
	enterNamespace(t)
	z := zoo{t}
	first := openIn(t)
	z.bound(model.IPv4, unix.SOCK_DGRAM, "0.0.0.0", 1000)
	conns := []*Conn{first}
	for i := 1; i < 8; i++ {
		z.nextNamespace()
		z.bound(model.IPv4, unix.SOCK_DGRAM, "0.0.0.0", 1000+i)
		c, err := first.Beside(nil)
		z.must("open beside", err)
		t.Cleanup(func() { c.Close() })
		conns = append(conns, c)
	}
	var work, goes, begun sync.WaitGroup
	begun.Add(len(conns))
	var over atomic.Bool
	for i, c := range conns {
		work.Go(func() {
			for n := 0; n < 100 || !over.Load(); n++ {
				ports, err := localPorts(c)
				if n == 0 {
					begun.Done()
				}
				if errors.Is(err, fs.ErrClosed) && i%2 == 1 {
					return
				}
				if err != nil || len(ports) != 1 || ports[0] != 1000+i {
					t.Errorf("namespace %d has %v, %v", i, ports, err)
					return
				}
			}
		})
		goes.Go(func() {
			gone := model.CloseTarget{Cookie: 1 << 40, Proto: model.UDP, Family: model.IPv4, LocalPort: uint16(1000 + i)}
			for range 20 {
				err := c.Destroy(gone)
				if errors.Is(err, fs.ErrClosed) && i%2 == 1 {
					return
				}
				if !errors.Is(err, ErrGone) {
					t.Errorf("namespace %d: %v", i, err)
				}
			}
		})
	}
	begun.Wait()
	for i := 1; i < len(conns); i += 2 {
		if err := conns[i].Close(); err != nil {
			t.Error(err)
		}
		again, err := first.Beside(nil) // in the last namespace, by the number of the one that was closed
		z.must("open beside", err)
		if ports, err := localPorts(again); err != nil || len(ports) != 1 || ports[0] != 1007 {
			t.Errorf("the new one has %v, %v", ports, err)
		}
		defer again.Close()
	}
	goes.Wait()
	over.Store(true)
	work.Wait()
}

// What is under way in a socket that is closed never reaches who has its number next.
func TestKernelClosedNumber(t *testing.T) {
	k, err := openKernel()
	if err != nil {
		t.Skipf("no sock_diag here: %v", err)
	}
	number := k.fd
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[0])
	defer unix.Close(ends[1])
	other := ends[1]
	if ends[0] != number && ends[1] != number {
		if err := unix.Dup3(ends[0], number, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		defer unix.Close(number)
	} else if number == ends[1] {
		other = ends[0]
	}
	if _, err := unix.Write(other, []byte("another's")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	_, cookie := k.NetNSCookie()
	_, link := k.LinkName(1)
	n, received := k.Receive(buf)
	for what, err := range map[string]error{"send": k.Send(buf), "receive": received, "cookie": cookie, "link": link, "close": k.Close()} {
		if !errors.Is(err, unix.EBADF) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n != 0 {
		t.Errorf("read %q", buf[:n])
	}
	if _, err := unix.FcntlInt(uintptr(number), unix.F_GETFD, 0); err != nil {
		t.Errorf("another's descriptor was closed: %v", err)
	}
}

// Closing waits for who uses the descriptor, and who comes after it does not get it any more.
func TestKernelCloseWaitsForUse(t *testing.T) {
	k, err := openKernel()
	if err != nil {
		t.Skipf("no sock_diag here: %v", err)
	}
	k.using.RLock()
	closed := make(chan error, 1)
	go func() { closed <- k.Close() }()
	for k.using.TryRLock() { // until Close waits
		k.using.RUnlock()
		select {
		case err := <-closed:
			t.Fatalf("closed while it was used: %v", err)
		default:
			runtime.Gosched()
		}
	}
	k.using.RUnlock()
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// TestKernelLinkName: an index means the namespace's own interface, a name is made safe, and it may be asked during a dump.
func TestKernelLinkName(t *testing.T) {
	enterNamespace(t)
	z := zoo{t}
	outer := openIn(t)
	z.nextNamespace()
	inner, err := outer.Beside(nil)
	z.must("open beside", err)
	defer inner.Close()
	z.bound(model.IPv4, unix.SOCK_DGRAM, "0.0.0.0", 5)
	const index = 4711
	for i, name := range []string{"sv-own", "sv\x1b[31m\u202ex"} {
		pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name, Index: index + i}, PeerName: fmt.Sprint("sv-peer", i)}
		if err := netlink.LinkAdd(pair); err != nil {
			t.Skipf("needs veth: %v", err)
		}
		got, err := inner.LinkName(uint32(index + i))
		if want := model.SafeText(name); err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if lo, err := outer.LinkName(1); err != nil || lo.String() != "lo" {
		t.Errorf("lo is %q, %v", lo, err)
	}
	for _, absent := range []uint32{0, index, 1 << 31, 1<<32 - 1} {
		if name, err := outer.LinkName(absent); !errors.Is(err, unix.ENODEV) || errors.Is(err, ErrUnsupported) || !name.Empty() {
			t.Errorf("interface %d of the other namespace: %q, %v", absent, name, err)
		}
	}
	during := ""
	if _, err := inner.Dump(model.UDP, model.IPv4, func(*model.Socket) {
		name, err := inner.LinkName(index)
		during = fmt.Sprint(name, err)
	}); err != nil || during != "sv-own <nil>" {
		t.Errorf("during a dump: %q, %v", during, err)
	}
}

// threads is how many this process has.
func threads(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "\nThreads:\t")
	line, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// descriptors is how many are open.
func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// ears listens in one of many namespaces, and counts.
type ears struct {
	*Events
	fds  []int // of sockets in it
	rows int
	last error
}

// TestKernelManyListeners: two hundred namespaces are listened to by a goroutine each, in no thread and one descriptor each. Each
// hears every closing of its own of a burst in all of them, and nothing else; closed, each ends at once.
func TestKernelManyListeners(t *testing.T) {
	const namespaces, sockets = 200, 10
	enterNamespace(t)
	z := zoo{t}
	first := listenIn(t)
	before := descriptors(t)
	all := make([]ears, namespaces)
	for i := range all {
		z.nextNamespace()
		e, err := first.Beside(nil)
		z.must("listen beside", err)
		t.Cleanup(func() { _ = e.Close() })
		all[i].Events = e
		for n := range sockets {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			z.must("socket", err)
			z.must("bind", unix.Bind(fd, sockaddr(model.IPv4, "0.0.0.0", 1000+i*sockets+n)))
			all[i].fds = append(all[i].fds, fd)
		}
	}
	if got := descriptors(t) - before; got != namespaces*(sockets+1) {
		t.Errorf("%d descriptors more for %d listeners and their %d sockets", got, namespaces, namespaces*sockets)
	}
	calm := threads(t)
	var awake, full, ended sync.WaitGroup // heard the first; heard all; closed
	for i := range all {
		e := &all[i]
		stop := time.AfterFunc(60*time.Second, func() { _ = e.Close() })
		awake.Add(1)
		full.Add(1)
		ended.Go(func() {
			defer stop.Stop()
			for e.last == nil {
				var h Heard
				h, e.last = e.Next(func(c *model.Ending) {
					if int(c.LocalPort-1000)/sockets != i || c.Proto != model.UDP {
						t.Errorf("namespace %d heard %+v", i, c)
					}
				})
				was := e.rows
				e.rows += h.Rows
				if h.Bad+h.Lost > 0 || e.last == nil && h.Rows == 0 {
					t.Errorf("namespace %d: %+v", i, h)
				}
				if was == 0 && (e.rows > 0 || e.last != nil) {
					awake.Done()
				}
				if was < sockets && (e.rows >= sockets || e.last != nil) {
					full.Done()
				}
			}
		})
	}
	for i := range all {
		unix.Close(all[i].fds[0])
	}
	awake.Wait()
	if now := threads(t); now > calm+namespaces/10 {
		t.Errorf("%d threads, %d before anybody waited", now, calm)
	}
	for n := 1; n < sockets; n++ {
		for i := range all {
			unix.Close(all[i].fds[n])
		}
	}
	full.Wait()
	for i := range all {
		if err := all[i].Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
			t.Error(err)
		}
	}
	if got := descriptors(t); got != before {
		t.Errorf("%d descriptors after closing, %d before", got, before)
	}
	ended.Wait()
	for i := range all {
		if all[i].rows != sockets || !errors.Is(all[i].last, fs.ErrClosed) {
			t.Errorf("namespace %d: heard %d of %d, %v", i, all[i].rows, sockets, all[i].last)
		}
	}
}

// TestKernelCloseLetsGo: a namespace that nothing but what we opened in it keeps is there until that is closed, though somebody
// waits for events of it, and gone then: so is the other end of its veth.
func TestKernelCloseLetsGo(t *testing.T) {
	enterNamespace(t)
	z := zoo{t}
	updates := make(chan netlink.LinkUpdate, 64)
	done := make(chan struct{})
	defer close(done)
	z.must("subscribe", netlink.LinkSubscribe(updates, done))
	here, err := netlink.NewHandle()
	z.must("netlink", err)
	defer here.Close()
	outside, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	z.must("ns/net", err)
	defer unix.Close(outside)
	conn, first := openIn(t), listenIn(t)

	z.nextNamespace()
	inside, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	z.must("ns/net", err)
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "sv-here"}, PeerName: "sv-there", PeerNamespace: netlink.NsFd(inside)}
	err = here.LinkAdd(pair)
	unix.Close(inside)
	if err != nil {
		t.Skipf("needs veth: %v", err)
	}
	c, err := conn.Beside(nil)
	z.must("open beside", err)
	e, err := first.Beside(nil)
	z.must("listen beside", err)
	z.must("setns", unix.Setns(outside, unix.CLONE_NEWNET))

	ended := make(chan error, 1)
	go func() {
		_, err := e.Next(func(*model.Ending) {})
		ended <- err
	}()
	z.must("close", c.Close())
	if _, err := here.LinkByName("sv-here"); err != nil {
		t.Fatalf("gone before the listener was closed: %v", err)
	}
	z.must("close", e.Close())
	if err := <-ended; !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Next: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	for {
		select {
		case u := <-updates:
			if u.Header.Type == unix.RTM_DELLINK && u.Attrs().Name == "sv-here" {
				return
			}
		case <-ctx.Done():
			t.Fatal("the namespace is kept")
		}
	}
}

// What the poller does not take is told when it is opened, not when it is waited for, and is closed.
func TestKernelUnwatched(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/regular") // epoll watches no such file
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	if _, err := watch(fd); !errors.Is(err, os.ErrNoDeadline) {
		t.Errorf("got %v", err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != unix.EBADF {
		t.Errorf("it is open still: %v", err)
	}
}

// Who waits looks whether there is something, and takes nothing by that: with nothing there he waits, and does not spin.
func TestKernelReadable(t *testing.T) {
	enterNamespace(t)
	z, e := zoo{t}, listenIn(t)
	k := e.transport.(*kernelEvents)
	look := func() (there bool) {
		z.must("look", k.raw.Control(func(fd uintptr) { there = readable(fd) }))
		return there
	}
	if look() {
		t.Error("something is there before anything happened")
	}
	for range 3 {
		unix.Close(z.bound(model.IPv4, unix.SOCK_DGRAM, "127.0.0.1", 9))
	}
	stop := deaf(e)
	defer stop()
	z.must("wait", k.Wait())
	if !look() {
		t.Error("what came was taken")
	}
	if hear(t, e, 3); look() {
		t.Error("something is there after all was heard")
	}
}

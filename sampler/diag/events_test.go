package diag

// Destroy events: replayed, damaged, lost, and from the running kernel.

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// wire plays the kernel's side of the listener: a datagram or an errno for each receive.
type wire struct {
	steps  []step
	lost   []uint32 // what Lost says, one after the other; empty: it fails
	waits  int
	closed chan struct{}
}

func newWire(steps ...step) *wire { return &wire{steps: steps, closed: make(chan struct{})} }

func (w *wire) Wait() error {
	w.waits++
	if len(w.steps) > 0 {
		return nil
	}
	<-w.closed
	return errHungUp
}

var errHungUp = errors.New("hung up")

func (w *wire) Receive(buf []byte) (int, error) {
	if len(w.steps) == 0 {
		return 0, unix.EAGAIN
	}
	s := w.steps[0]
	w.steps = w.steps[1:]
	if s.err != nil {
		return 0, s.err
	}
	copy(buf, s.data)
	return len(s.data), nil
}

func (w *wire) Lost() (uint32, error) {
	if len(w.lost) == 0 {
		return 0, unix.ENOPROTOOPT
	}
	n := w.lost[0]
	w.lost = w.lost[1:]
	return n, nil
}

func (w *wire) Close() error {
	close(w.closed)
	return nil
}

// destroyed is an event for a connection with this cookie.
func destroyed(cookie uint64, proto model.Proto) []byte {
	body := diagMsg(model.Close, cookie)
	return msg(unix.SOCK_DIAG_BY_FAMILY, 0, 0, join(body, attr(attrProtocol, byte(proto)),
		attr(attrInfo, tcpInfo(model.Close, 280)...))...)
}

func TestEventsReplayed(t *testing.T) {
	other := msg(unix.NLMSG_NOOP, 0, 0)
	torn := destroyed(9, model.TCP)
	w := newWire(
		data(destroyed(1, model.TCP)), step{err: unix.EINTR}, step{err: unix.EAGAIN}, data(other), step{err: unix.EAGAIN},
		data(destroyed(2, model.UDP), destroyed(3, model.TCP)),
		data(destroyed(4, model.SCTP)), data(destroyed(5, model.TCP), torn[:len(torn)-8]), data([]byte{1, 2, 3}),
		step{err: unix.EBADF},
	)
	e := NewEvents(w)
	var cookies []uint64
	var all Heard
	for {
		h, err := e.Next(func(c *model.Ending) {
			cookies = append(cookies, c.Cookie)
			if c.State != model.Close || c.Inode != 0 || c.Has&model.HasUID != 0 || c.Owner != -1 {
				t.Errorf("%+v", c)
			}
			if tcp := c.Proto == model.TCP; tcp != (c.Has&model.HasBytes != 0) || tcp != (c.Has&model.HasQueues != 0) {
				t.Errorf("%v has %b", c.Proto, c.Has)
			}
		})
		all.Rows, all.Bad, all.Lost = all.Rows+h.Rows, all.Bad+h.Bad, all.Lost+h.Lost
		if err != nil {
			if !errors.Is(err, unix.EBADF) {
				t.Error(err)
			}
			break
		}
	}
	if fmt.Sprint(cookies) != "[1 2 3 5]" || all != (Heard{Rows: 4, Bad: 3}) {
		t.Errorf("heard %v, %+v", cookies, all)
	}
}

// TestFault09EventsAreCounted: what was lost is told by its number, or as one where the kernel keeps none, and listening
// goes on.
func TestFault09EventsAreCounted(t *testing.T) {
	full, empty := step{err: unix.ENOBUFS}, step{err: unix.EAGAIN}
	w := newWire(full, data(destroyed(1, model.TCP)), empty, data(destroyed(2, model.TCP)), empty, full, empty, full, empty)
	w.lost = []uint32{1<<32 - 3, 4, 4, 6}
	e := NewEvents(w)
	e.lost = 1<<32 - 10
	var lost, rows []int
	for range 4 {
		h, err := e.Next(func(*model.Ending) {})
		if err != nil {
			t.Fatal(err)
		}
		lost, rows = append(lost, h.Lost), append(rows, h.Rows)
	}
	// The first wraps, the last is of a kernel that does not count.
	if fmt.Sprint(lost, rows) != "[14 0 3 1] [1 1 0 0]" {
		t.Errorf("lost %v, rows %v", lost, rows)
	}
}

// FuzzFault07Events: an event with any attributes is handed out or counted as bad, and the one behind it stands.
func FuzzFault07Events(f *testing.F) {
	f.Add([]byte{3, 0, attrInfo, 0})
	f.Add(attr(attrProtocol))
	f.Add(join(attr(attrProtocol, 6), attr(attrInfo, tcpInfo(model.Close, 100)...)))
	f.Fuzz(func(t *testing.T, attributes []byte) {
		attributes = attributes[:min(len(attributes), 16<<10)]
		first := msg(unix.SOCK_DIAG_BY_FAMILY, 0, 0, join(diagMsg(model.Close, 1), attributes)...)
		e := NewEvents(newWire(data(first, destroyed(2, model.TCP))))
		var last uint64
		h, err := e.Next(func(c *model.Ending) { last = c.Cookie })
		if err != nil || h.Rows+h.Bad != 2 || last != 2 {
			t.Fatalf("% x: %+v, %v, last %d", attributes, h, err, last)
		}
	})
}

// listenIn listens in the thread's namespace.
func listenIn(t *testing.T) *Events {
	t.Helper()
	e, err := Listen(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
			t.Error(err)
		}
	})
	return e
}

// hear listens until n closings came.
func hear(t *testing.T, e *Events, n int) (all []model.Ending) {
	t.Helper()
	stop := deaf(e)
	defer stop()
	for {
		h, err := e.Next(func(c *model.Ending) { all = append(all, *c) })
		if err != nil || h.Bad+h.Lost > 0 {
			t.Fatalf("%+v, %v", h, err)
		}
		if len(all) >= n {
			return all
		}
	}
}

// deaf ends a Next that waits for what never comes, so that the test fails and says what it waits for.
func deaf(e *Events) (stop func() bool) {
	return time.AfterFunc(30*time.Second, func() { _ = e.Close() }).Stop
}

// TestKernelClosings: how connections of known bytes end, and what the event says of each.
func TestKernelClosings(t *testing.T) {
	enterNamespace(t)
	z, e, c := zoo{t}, listenIn(t), openIn(t)
	for _, f := range []model.Family{model.IPv4, model.IPv6} {
		ip := map[model.Family]string{model.IPv4: "127.0.0.1", model.IPv6: "::1"}[f]
		listener := z.listen(f, ip, 1, 16)
		port := 2000
		pair := func() (a, b int) {
			port++
			a = z.connect(f, ip, port, ip, 1)
			b = z.accept(listener)
			z.send(a, b, 100)
			z.send(b, a, 50)
			return a, b
		}
		// told is sent, received, never read, and what of the acknowledged was no payload.
		told := func(how, want string) {
			t.Helper()
			got := ""
			for _, s := range hear(t, e, 2) {
				if s.Family != f || s.Proto != model.TCP || s.Cookie == 0 || s.LocalPort == 0 {
					t.Errorf("%s: %+v", how, s)
				}
				side := "client"
				if s.LocalPort == 1 {
					side = "server"
				}
				if s.Has&model.HasBytes == 0 {
					got += fmt.Sprintf("%s:- ", side)
					continue
				}
				got += fmt.Sprintf("%s:%d,%d,%d,%d ", side, s.Sent, s.Received, s.RecvQ, s.Controls)
			}
			if got != want {
				t.Errorf("IPv%d, %s: %q, want %q", f, how, got, want)
			}
		}
		a, b := pair()
		known := z.find(c, model.TCP, f, port, 1)
		unix.Close(a)
		unix.Close(b)
		closings := hear(t, e, 2)
		if closings[0].Cookie != known.Cookie && closings[1].Cookie != known.Cookie {
			t.Errorf("IPv%d: no event has the cookie %x that was dumped: %+v", f, known.Cookie, closings)
		}
		a, b = pair()
		unix.Close(a)
		z.end(b)
		unix.Close(b)
		told("client first", "client:100,51,1,2 server:50,101,0,1 ")
		a, b = pair()
		unix.Close(b)
		z.end(a)
		unix.Close(a)
		told("server first", "server:50,101,1,1 client:100,51,0,2 ")
		a, b = pair()
		z.must("SO_LINGER", unix.SetsockoptLinger(a, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}))
		unix.Close(a)
		unix.Close(b)
		told("reset", "client:- server:50,100,0,0 ")
		u := z.bound(f, unix.SOCK_DGRAM, ip, 99)
		unix.Close(u)
		if s := hear(t, e, 1)[0]; s.Proto != model.UDP || s.LocalPort != 99 || s.Family != f || s.Has != 0 {
			t.Errorf("UDP: %+v", s)
		}
		unix.Close(listener)
		if s := hear(t, e, 1)[0]; s.LocalPort != 1 || s.RemotePort != 0 || s.Has&model.HasBytes != 0 {
			t.Errorf("listener: %+v", s)
		}
	}
}

// TestFault09KernelOverflow: with nobody reading, a burst fills the buffer. What was lost is counted exactly, and
// what comes afterwards is heard.
func TestFault09KernelOverflow(t *testing.T) {
	enterNamespace(t)
	z, e := zoo{t}, listenIn(t)
	k := e.transport.(*kernelEvents)
	var err error
	z.must("SO_RCVBUF", k.raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 8<<10)
	}))
	z.must("SO_RCVBUF", err)
	n := 0
	for dropped := uint32(0); dropped == 0; n++ { // the kernel tells a moment later
		if n == 200_000 {
			t.Fatal("the buffer never filled")
		}
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		z.must("socket", err)
		z.must("bind", unix.Bind(fd, sockaddr(model.IPv4, "127.0.0.1", 1000+n%50_000)))
		unix.Close(fd)
		dropped, err = k.Lost()
		z.must("SO_MEMINFO", err)
	}
	var all Heard
	stop := deaf(e)
	for all.Rows+all.Lost < n {
		h, err := e.Next(func(*model.Ending) {})
		if err != nil {
			t.Fatalf("%+v of %d: %v", all, n, err)
		}
		all.Rows, all.Lost, all.Bad = all.Rows+h.Rows, all.Lost+h.Lost, all.Bad+h.Bad
	}
	stop()
	if all.Rows+all.Lost != n || all.Lost == 0 || all.Bad != 0 {
		t.Errorf("%+v of %d", all, n)
	}
	unix.Close(z.bound(model.IPv4, unix.SOCK_DGRAM, "127.0.0.1", 99))
	if s := hear(t, e, 1)[0]; s.LocalPort != 99 {
		t.Errorf("after the overflow: %+v", s)
	}
}

// TestKernelListensUnprivileged: whoever has no rights hears as much.
func TestKernelListensUnprivileged(t *testing.T) {
	enterNamespace(t)
	z := zoo{t}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil { // of this thread, which ends with the test
		if errors.Is(err, fs.ErrPermission) {
			t.Skipf("needs root: %v", err)
		}
		t.Fatal(err)
	}
	e := listenIn(t)
	unix.Close(z.bound(model.IPv4, unix.SOCK_DGRAM, "127.0.0.1", 9999))
	if s := hear(t, e, 1)[0]; s.LocalPort != 9999 {
		t.Errorf("%+v", s)
	}
}

// Nothing is told until something came, and who waits is woken by Close at once, whatever his transport says then.
func TestEventsWait(t *testing.T) {
	other := msg(unix.NLMSG_NOOP, 0, 0)
	w := newWire(step{err: unix.EAGAIN}, step{err: unix.EINTR}, data(other), step{err: unix.EAGAIN}, data(destroyed(1, model.TCP)))
	e := NewEvents(w)
	h, err := e.Next(func(*model.Ending) {})
	if h != (Heard{Rows: 1}) || err != nil || w.waits != 2 {
		t.Errorf("%+v, %v, waited %d times", h, err, w.waits)
	}
	ended := make(chan error)
	go func() {
		_, err := e.Next(func(*model.Ending) { t.Error("heard") })
		ended <- err
	}()
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, fs.ErrClosed) || errors.Is(err, errHungUp) {
		t.Errorf("closed: %v", err)
	}
	w.steps = []step{data(destroyed(2, model.TCP))}
	if h, err := e.Next(func(*model.Ending) { t.Error("heard") }); h != (Heard{}) || !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closed before: %+v, %v", h, err)
	}
	if err := e.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
	beside := e.BesideOver(newWire(data(destroyed(3, model.TCP))))
	if h, err := beside.Next(func(*model.Ending) {}); h.Rows != 1 || err != nil {
		t.Errorf("beside a closed one: %+v, %v", h, err)
	}
}

// A flood is handed out in parts, so that others who listen have their turn and Close is heeded.
func TestEventsInParts(t *testing.T) {
	w := newWire()
	for range maxTaken + 7 {
		w.steps = append(w.steps, data(destroyed(1, model.TCP)))
	}
	e := NewEvents(w)
	stop := deaf(e)
	defer stop()
	for _, want := range []int{maxTaken, 7} {
		if h, err := e.Next(func(*model.Ending) {}); h.Rows != want || err != nil {
			t.Errorf("%+v, %v, want %d", h, err, want)
		}
	}
	w.steps = []step{data(destroyed(1, model.TCP)), data(destroyed(2, model.TCP))}
	if h, err := e.Next(func(*model.Ending) { e.Close() }); h.Rows != 1 || !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closed on the way: %+v, %v", h, err)
	}
}

// Those that listen beside use one buffer and one record in turn.
func TestEventsBeside(t *testing.T) {
	first := NewEvents(newWire())
	var work sync.WaitGroup
	for i := range 4 {
		w := newWire()
		for range 500 {
			w.steps = append(w.steps, data(destroyed(uint64(i), model.TCP)), step{err: unix.EAGAIN})
		}
		e := first.BesideOver(w)
		if e.ear != first.ear {
			t.Fatal("nothing is shared")
		}
		work.Go(func() {
			for n := 0; n < 500; {
				h, err := e.Next(func(c *model.Ending) {
					if c.Cookie != uint64(i) {
						t.Errorf("number %d heard %d", i, c.Cookie)
					}
				})
				if n += h.Rows; err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	work.Wait()
}

// An event that tells of a congestion algorithm has no number for it: the list is the dumps'.
func TestEventsHaveNoCongestion(t *testing.T) {
	body := join(diagMsg(model.Close, 1), attr(attrProtocol, byte(model.TCP)), attr(attrCong, []byte("cubic\x00")...))
	e := NewEvents(newWire(data(msg(unix.SOCK_DIAG_BY_FAMILY, 0, 0, body...))))
	if _, err := e.Next(func(c *model.Ending) {
		if c.Has&model.HasCong != 0 || c.Cong != 0 {
			t.Errorf("number %d", c.Cong)
		}
	}); err != nil {
		t.Error(err)
	}
}

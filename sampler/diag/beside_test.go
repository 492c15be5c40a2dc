package diag

// Conns that share what a request needs: over fakes.

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// congRow is a row with a congestion algorithm.
func congRow(cookie uint64, name string) []byte {
	return msg(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_MULTI, 0,
		join(diagMsg(model.Established, cookie), attr(attrCong, append([]byte(name), 0)...))...)
}

// A number means the same name whichever of them it came from, and whichever is asked.
func TestBesideOneListOfNames(t *testing.T) {
	a := NewConn(&script{steps: []step{data(congRow(1, "cubic"), congRow(2, "bbr"), done(0))}})
	b := a.BesideOver(&script{steps: []step{data(congRow(3, "reno"), congRow(4, "bbr"), done(0))}})
	c := b.BesideOver(&script{steps: []step{data(congRow(5, "cubic"), done(0))}})
	want := map[uint64]string{1: "cubic", 2: "bbr", 3: "reno", 4: "bbr", 5: "cubic"}
	numbers := make(map[uint64]uint8)
	for _, conn := range []*Conn{a, b, c} {
		if _, err := conn.Dump(model.TCP, model.IPv4, func(s *model.Socket) { numbers[s.Cookie] = s.Cong }); err != nil {
			t.Fatal(err)
		}
	}
	for _, conn := range []*Conn{a, b, c} {
		names := conn.Congestion()
		for cookie, name := range want {
			if got := names[numbers[cookie]].String(); got != name {
				t.Errorf("socket %d: number %d is %q, want %q", cookie, numbers[cookie], got, name)
			}
		}
		if len(names) != 4 {
			t.Errorf("%d names", len(names))
		}
	}
}

// crowded fails when two requests are under way at once, over any of the transports that share it.
type crowded struct {
	script
	within *sync.Mutex
	t      *testing.T
}

func (c *crowded) Send(m []byte) error {
	if !c.within.TryLock() {
		c.t.Error("two requests at once")
		c.within.Lock()
	}
	return c.script.Send(m)
}

// Receive gives the last datagram of an answer, and with it the request is over.
func (c *crowded) Receive(buf []byte) (int, error) {
	if len(c.left) == 1 {
		defer c.within.Unlock()
	}
	return c.script.Receive(buf)
}

// Many goroutines ask one Conn and those beside it, and read what may be read meanwhile: one request at a time is under way,
// each gets its own answer.
func TestBesideOneRequestAtATime(t *testing.T) {
	var within sync.Mutex
	first := NewConn(&crowded{within: &within, t: t})
	conns := []*Conn{first}
	for range 3 {
		conns = append(conns, first.BesideOver(&crowded{within: &within, t: t}))
	}
	for i, c := range conns {
		c.transport.(*crowded).steps = []step{data(congRow(uint64(i+1), fmt.Sprint("cc", i))), data(row(uint64(i + 1))), data(done(0))}
	}
	var work sync.WaitGroup
	for i, c := range conns {
		for range 3 {
			work.Go(func() {
				for range 200 {
					n := 0
					res, err := c.Dump(model.TCP, model.IPv4, func(s *model.Socket) {
						if s.Cookie != uint64(i+1) || s.Has&model.HasCong != 0 && c.Congestion()[s.Cong].String() != fmt.Sprint("cc", i) {
							t.Errorf("number %d got %d", i, s.Cookie)
						}
						n++
					})
					if err != nil || res.Rows != 2 || n != 2 {
						t.Errorf("number %d: %+v, %v", i, res, err)
					}
				}
			})
		}
		work.Go(func() {
			for range 200 {
				c.Congestion()
				c.Waited()
				c.Bare(false)
				c.NetNSCookie() //nolint:errcheck // that it may be asked
			}
		})
	}
	work.Wait()
	for i, c := range conns {
		if c.Waited() <= 0 {
			t.Errorf("number %d waited %v", i, c.Waited())
		}
	}
}

// What each waited is its own.
func TestBesideWaited(t *testing.T) {
	a := NewConn(&script{steps: []step{data(done(0))}})
	b := a.BesideOver(&script{})
	if _, err := a.Dump(model.TCP, model.IPv4, func(*model.Socket) {}); err != nil {
		t.Fatal(err)
	}
	if a.Waited() == 0 || b.Waited() != 0 {
		t.Errorf("waited %v and %v", a.Waited(), b.Waited())
	}
}

// One that is cut off in the middle of its answer leaves nothing behind for the others, nor they for it: the end that was in the
// buffer already is not waited for.
func TestBesideAbandonedDump(t *testing.T) {
	silent := 0
	abandon := func(c *Conn) {
		defer func() { recover() }() //nolint:errcheck // it is ours
		c.Dump(model.TCP, model.IPv4, func(*model.Socket) { panic("callback") })
	}
	for name, steps := range map[string][]step{
		"the end is in the buffer": {data(row(1), row(2), done(0))},
		"the end is to come":       {data(row(1), row(2)), data(row(3), done(0))},
	} {
		s := &script{steps: steps}
		a := NewConn(&silence{s, &silent})
		b := a.BesideOver(&script{steps: []step{data(row(7)), data(row(8), done(0))}})
		abandon(a)
		// Of the same sequence number, so that only whose the buffer is tells them apart.
		cookies := ""
		see := func(s *model.Socket) { cookies += fmt.Sprint(s.Cookie, " ") }
		if _, err := b.Dump(model.TCP, model.IPv4, see); err != nil || cookies != "7 8 " {
			t.Errorf("%s: beside it: %q, %v", name, cookies, err)
		}
		s.steps, cookies = []step{data(row(4), done(0))}, ""
		if _, err := a.Dump(model.TCP, model.IPv4, see); err != nil || cookies != "4 " || silent != 0 {
			t.Errorf("%s: the next dump: %q, %v, %d receives in vain", name, cookies, err, silent)
		}
	}
}

// What one left behind its end in the buffer is not taken for the end of another's answer that is still to be read.
func TestBesideLeftovers(t *testing.T) {
	abandon := func(c *Conn) {
		defer func() { recover() }() //nolint:errcheck // it is ours
		c.Dump(model.TCP, model.IPv4, func(*model.Socket) { panic("callback") })
	}
	s := &script{steps: []step{data(row(1)), data(row(2), done(0))}}
	a := NewConn(s)
	forOther := msg(unix.NLMSG_DONE, 0, 1, errno(0)...) // of the sequence number that a's first request has
	b := a.BesideOver(&script{steps: []step{data(row(3), done(0), forOther)}})
	b.seq = 7
	abandon(a)
	abandon(b)
	left := -1
	a.transport = &spy{Transport: s, onSend: func() { left = len(s.left) }}
	s.steps = []step{data(row(4), done(0))}
	if res, err := a.Dump(model.TCP, model.IPv4, func(*model.Socket) {}); res.Rows != 1 || err != nil || left != 0 {
		t.Errorf("%+v, %v, %d datagrams left at the request", res, err, left)
	}
}

// silence counts receives that nothing came of.
type silence struct {
	*script
	n *int
}

func (s *silence) Receive(buf []byte) (int, error) {
	if len(s.left) == 0 {
		*s.n++
	}
	return s.script.Receive(buf)
}

// The tables of unix sockets are used in turn; the names are each one's own, so that none forgets them for another's sake.
func TestBesideUnix(t *testing.T) {
	rows := func(from, n int) []step {
		var all [][]byte
		for i := range n {
			all = append(all, unixRowMsg(unixMsg(1, 7, uint32(from+i), attr(unixName, []byte(fmt.Sprint("/", from+i))...))))
		}
		return []step{data(append(all, done(0))...)}
	}
	a := NewConn(&script{steps: rows(1, 300)})
	b := a.BesideOver(&script{steps: rows(1000, 1)})
	dumpUnix(t, a)
	a.names.known["of before"] = model.Text{}
	for range 3 {
		for c, want := range map[*Conn]string{a: "/1 300", b: "/1000 1"} {
			all := dumpUnix(t, c)
			if got := fmt.Sprint(all[0].Path, " ", len(all)); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		if len(a.names.known) != 301 || len(b.names.known) != 1 {
			t.Errorf("%d and %d names", len(a.names.known), len(b.names.known))
		}
	}
}

// untouched is a transport that nobody may use any more.
type untouched struct{ t *testing.T }

func (u untouched) Send([]byte) error               { u.t.Error("Send"); return nil }
func (u untouched) Receive([]byte) (int, error)     { u.t.Error("Receive"); return 0, unix.EIO }
func (u untouched) NetNSCookie() (uint64, error)    { u.t.Error("NetNSCookie"); return 1, nil }
func (u untouched) LinkName(uint32) (string, error) { u.t.Error("LinkName"); return "lo", nil }
func (u untouched) Close() error                    { u.t.Error("Close"); return nil }

// Every way to ask a Conn that was closed says so, those beside it go on, and its transport is not touched.
func TestClosedConn(t *testing.T) {
	for name, make := range map[string]func() *Conn{
		"fake":    func() *Conn { return NewConn(&script{steps: []step{data(row(1), done(0))}}) },
		"refused": func() *Conn { return Refused(unix.EPERM) },
	} {
		c := make()
		beside := c.BesideOver(&script{steps: []step{data(row(2), done(0))}})
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		c.transport = untouched{t}
		target := model.CloseTarget{Cookie: 1, Proto: model.TCP, Family: model.IPv4, LocalPort: 1, RemotePort: 1}
		for what, ask := range map[string]func() error{
			"dump":      func() error { _, err := c.Dump(model.TCP, model.IPv4, nil); return err },
			"unix":      func() error { _, err := c.DumpUnix(nil); return err },
			"ask":       func() error { _, err := c.Ask(target); return err },
			"destroy":   func() error { return c.Destroy(target) },
			"cookie":    func() error { _, err := c.NetNSCookie(); return err },
			"interface": func() error { _, err := c.LinkName(1); return err },
			"close":     c.Close,
		} {
			if err := ask(); !errors.Is(err, fs.ErrClosed) || errors.Is(err, ErrUnsupported) || errors.Is(err, ErrPartial) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		for range 2 {
			if res, err := beside.Dump(model.TCP, model.IPv4, func(*model.Socket) {}); res.Rows != 1 || err != nil {
				t.Errorf("%s: beside it: %+v, %v", name, res, err)
			}
		}
		late := c.BesideOver(&script{steps: []step{data(row(2), done(0))}})
		if res, err := late.Dump(model.TCP, model.IPv4, func(*model.Socket) {}); res.Rows != 1 || err != nil {
			t.Errorf("%s: opened beside it later: %+v, %v", name, res, err)
		}
	}
}

// hangsUp fails as a descriptor does that was closed.
type hangsUp struct {
	script
	in string // Send or Receive
	c  *Conn
}

func (h *hangsUp) Send(m []byte) error {
	if h.in == "Send" {
		h.c.Close()
		return unix.EBADF
	}
	return h.script.Send(m)
}

func (h *hangsUp) Receive(buf []byte) (int, error) {
	if len(h.left) == 1 {
		h.c.Close()
		return 0, unix.EBADF
	}
	return h.script.Receive(buf)
}

// A request that is under way when its Conn is closed ends, and says why; what came of it is true.
func TestClosedUnderWay(t *testing.T) {
	for in, rows := range map[string]int{"Send": 0, "Receive": 1} {
		h := &hangsUp{in: in, script: script{steps: []step{data(row(1)), data(row(2), done(0))}}}
		h.c = NewConn(h)
		res, err := h.c.Dump(model.TCP, model.IPv4, func(*model.Socket) {})
		if res.Rows != rows || !errors.Is(err, fs.ErrClosed) || errors.Is(err, ErrPartial) {
			t.Errorf("%s: %+v, %v", in, res, err)
		}
	}
}

// links is a transport that knows interfaces.
type links struct {
	script
	name string
	err  error
}

func (l *links) LinkName(uint32) (string, error) { return l.name, l.err }

func TestLinkName(t *testing.T) {
	for _, test := range []struct {
		links links
		want  string
		is    error
	}{
		{links{name: "eth0"}, "eth0", nil},
		{links{name: "a\x1b]0;\u202eb"}, `a\x1b]0;\u202eb`, nil},
		{links{err: unix.ENODEV}, "", unix.ENODEV},
		{links{err: unix.ENOTTY}, "", ErrUnsupported},
		{links{err: unix.EPERM}, "", ErrUnsupported},
	} {
		got, err := NewConn(&test.links).LinkName(7)
		if got.String() != test.want || !errors.Is(err, test.is) || errors.Is(err, ErrPartial) {
			t.Errorf("%+v: %q, %v", test.links, got, err)
		}
		if err != nil && (err.Error()[:len("name of interface 7: ")] != "name of interface 7: " ||
			errors.Is(err, ErrUnsupported) != (test.is == ErrUnsupported)) {
			t.Errorf("%v", err)
		}
	}
	if _, err := Refused(unix.EPROTONOSUPPORT).LinkName(1); !errors.Is(err, ErrUnsupported) {
		t.Errorf("refused: %v", err)
	}
	if _, err := NewConn(&links{err: unix.EIO}).LinkName(1); !errors.Is(err, unix.EIO) || errors.Is(err, ErrUnsupported) {
		t.Errorf("EIO: %v", err)
	}
}

package sampler

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockview/model"
	"sockview/sampler/diag"
	"sockview/sampler/diag/diagtest"
	"sockview/sampler/procnet"
)

// fakeSpaces is a Namespaces of namespaces that the test makes.
type fakeSpaces struct {
	others  []*Space
	hidden  bool // our own is not chosen
	err     error
	choices []string
}

func (h *fakeSpaces) Look(choice string, hear bool) Found {
	h.choices = append(h.choices, fmt.Sprint(choice, " ", hear))
	return Found{Home: !h.hidden, Others: h.others, Err: h.err}
}

// space is a namespace with a fake kernel in it.
func fakeSpace(name string, cookie uint64, sockets ...model.Socket) (*Space, *diagtest.Peer) {
	peer := diagtest.NewPeer()
	peer.Set(model.TCP, model.IPv4, diagtest.Answer{Sockets: sockets})
	return &Space{Cookie: cookie, Name: model.SafeText(name), View: model.Entered, Kernel: diag.NewConn(peer), Net: procnet.At("/nonexistent")}, peer
}

func newSpacesBench(t *testing.T, others ...*Space) (*bench, *fakeSpaces) {
	t.Helper()
	h := &fakeSpaces{others: others}
	b := newBench(t, func(c *Config) { c.Namespaces = h })
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{connection(1)}})
	b.Want(model.Demand{Interval: time.Second, NetNS: "all"})
	b.heed()
	return b, h
}

// in are the rows of a namespace, by its name: cookies, with what is wrong with a row.
func in(s *model.Snapshot, name string) string {
	var rows []string
	for i := range s.Sockets {
		r := &s.Sockets[i]
		if s.NetNSOf(r.NetNS).Name.String() != name {
			continue
		}
		text := fmt.Sprint(r.Cookie)
		if r.Dead {
			text += " closed"
		}
		if r.Stale {
			text += " stale"
		}
		rows = append(rows, text)
	}
	slices.Sort(rows)
	return strings.Join(rows, ", ")
}

func view(s *model.Snapshot, name string) model.View {
	for i := range s.NetNS {
		if s.NetNS[i].Name.String() == name {
			return s.NetNS[i].View
		}
	}
	return model.NoNetNS
}

// TestSpaces: the rows of each namespace are its own, whatever their cookies.
func TestSpaces(t *testing.T) {
	web, _ := fakeSpace("web", 4097, connection(1), connection(2))
	b, h := newSpacesBench(t, web)
	s := b.after(time.Second)
	if in(s, "own") != "1" || in(s, "web") != "1, 2" {
		t.Fatalf("own %q, web %q", in(s, "own"), in(s, "web"))
	}
	if got := h.choices; len(got) != 1 || got[0] != "all false" {
		t.Errorf("asked for %q", got)
	}
	if s.NetNS[0].Cookie != 7 || s.NetNS[1].Cookie != 4097 || s.NetNS[1].Sockets != 2 || s.NetNS[1].AskedAt != b.now {
		t.Errorf("%+v", s.NetNS)
	}
	if target := s.TargetOf(&s.Sockets[2]); target.NetNS != 4097 {
		t.Errorf("%+v", target)
	}
}

// TestSpacesOwn: whoever wants our own alone has no other looked for.
func TestSpacesOwn(t *testing.T) {
	web, _ := fakeSpace("web", 4097, connection(2))
	b, h := newSpacesBench(t, web)
	b.Want(model.Demand{Interval: time.Second})
	b.heed()
	if s := b.after(time.Second); len(s.Sockets) != 1 || len(h.choices) != 0 {
		t.Errorf("%d rows, looks %q", len(s.Sockets), h.choices)
	}
}

// TestSpacesGone: with its namespace a socket is closed, at once; the place is another's when its rows are gone.
func TestSpacesGone(t *testing.T) {
	web, _ := fakeSpace("web", 4097, connection(2))
	b, h := newSpacesBench(t, web)
	b.after(time.Second)
	h.others = nil
	s := b.after(time.Second)
	if in(s, "web") != "2 closed" || view(s, "web") != model.Abandoned || in(s, "own") != "1" {
		t.Fatalf("web %q, own %q, %+v", in(s, "web"), in(s, "own"), s.NetNS)
	}
	b.Release(s)
	other, _ := fakeSpace("db", 5000, connection(3))
	h.others = []*Space{other}
	if s = b.after(time.Second / 2); view(s, "web") != model.Abandoned {
		t.Errorf("%+v", s.NetNS)
	}
	b.Release(s)
	b.Release(b.after(time.Second))
	h.others = append(h.others, web)
	s = b.after(time.Second)
	if len(s.NetNS) != 3 || in(s, "db") != "3" || in(s, "web") != "2" {
		t.Fatalf("%+v: db %q, web %q", s.NetNS, in(s, "db"), in(s, "web"))
	}
	for i := range s.Sockets {
		if s.Sockets[i].Mark == model.New {
			t.Errorf("%d is news: nobody has seen its namespace without it", s.Sockets[i].Cookie)
		}
	}
}

// TestSpacesChosen: rows of what nobody wants to see any more leave without a trace, and return.
func TestSpacesChosen(t *testing.T) {
	web, _ := fakeSpace("web", 4097, connection(2))
	b, h := newSpacesBench(t, web)
	kernel := web.Kernel
	for _, c := range []struct {
		home    bool
		view    model.View
		kernel  Asker
		own     string
		web     string
		ownView model.View
	}{
		{true, model.Entered, kernel, "1", "2", model.Entered},
		{false, model.Entered, kernel, "", "2", model.Unchosen},
		{true, model.Unchosen, nil, "1", "", model.Entered},
		{true, model.Entered, kernel, "1", "2", model.Entered},
		{true, model.Hidden, nil, "1", "", model.Entered},
	} {
		h.hidden, web.View, web.Kernel = !c.home, c.view, c.kernel
		s := b.after(time.Second)
		if in(s, "own") != c.own || in(s, "web") != c.web || view(s, "own") != c.ownView || view(s, "web") != c.view {
			t.Fatalf("%+v: own %q, web %q, %+v", c, in(s, "own"), in(s, "web"), s.NetNS)
		}
		b.Release(s)
	}
}

// TestSpacesFailing: a namespace that does not answer makes its own rows stale and nobody else's, and is named.
func TestSpacesFailing(t *testing.T) {
	web, peer := fakeSpace("web", 4097, connection(2))
	b, _ := newSpacesBench(t, web)
	b.after(time.Second)
	peer.Set(model.TCP, model.IPv4, diagtest.Answer{Err: unix.ENOMEM})
	s := b.after(time.Second)
	if in(s, "own") != "1" || in(s, "web") != "2 stale" {
		t.Fatalf("own %q, web %q", in(s, "own"), in(s, "web"))
	}
	if s.NetNS[1].Err == nil || !slices.ContainsFunc(s.Sources, func(c model.Source) bool {
		return strings.HasSuffix(c.Name, " of web") && errors.Is(c.Err, unix.ENOMEM)
	}) {
		t.Errorf("%+v, %+v", s.NetNS[1], s.Sources)
	}
}

// TestSpacesQuiet: a namespace in which nothing moves is asked less often. What is known of it stands meanwhile, and a
// closing that is heard in it is shown at once.
func TestSpacesQuiet(t *testing.T) {
	web, peer := fakeSpace("web", 4097, connection(2), connection(3))
	b, _ := newSpacesBench(t, web)
	asked, oldest := 0, int64(0)
	for range 60 {
		s := b.after(time.Second)
		if in(s, "own") != "1" || in(s, "web") != "2, 3" {
			t.Fatalf("own %q, web %q", in(s, "own"), in(s, "web"))
		}
		if s.NetNS[1].AskedAt == b.now {
			asked++
		}
		if s.NetNS[0].AskedAt != b.now {
			t.Fatal("our own is asked each time")
		}
		oldest = max(oldest, b.now-s.NetNS[1].AskedAt)
		b.Release(s)
	}
	if asked < 6 || asked > 20 || oldest < int64(5*time.Second) || oldest > int64(10*time.Second) {
		t.Errorf("asked %d times in a minute, what was known of it was %v old", asked, time.Duration(oldest))
	}
	for b.spaces.all[1].rhythm.At != b.now {
		b.Release(b.after(time.Second))
	}
	peer.Set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{connection(3)}})
	e := endOf(connection(2), 100, 51)
	e.NetNS = 1
	b.ends.add(&e)
	s := b.after(time.Second)
	if in(s, "web") != "2 closed, 3" || s.NetNS[1].AskedAt == b.now {
		t.Fatalf("web %q", in(s, "web"))
	}
	b.Release(s)
	if s = b.after(time.Second); s.NetNS[1].AskedAt != b.now {
		t.Error("a namespace in which something ended is not quiet")
	}
}

// TestSpacesNow: whoever wants it now has every namespace asked.
func TestSpacesNow(t *testing.T) {
	web, _ := fakeSpace("web", 4097, connection(2))
	b, _ := newSpacesBench(t, web)
	for range 30 {
		b.Release(b.after(time.Second))
	}
	for b.spaces.all[1].rhythm.At != b.now {
		b.Release(b.after(time.Second))
	}
	b.Want(model.Demand{Interval: time.Second, NetNS: "all", Now: 1})
	b.heed()
	if s := b.after(time.Second); s.NetNS[1].AskedAt != b.now {
		t.Error("not asked")
	}
}

// TestSpacesTables: what was read through a process that is gone by then may be about another namespace.
func TestSpacesTables(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "tcp"), "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"+
		"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100 0 0 10 0\n")
	still := true
	web := &Space{Cookie: 1 << 63, Name: model.SafeText("web"), View: model.TablesOnly, Err: unix.EPERM, Kernel: diag.Refused(unix.EPERM),
		Net: procnet.At(dir), Still: func() bool { return still }}
	b, _ := newSpacesBench(t, web)
	s := b.after(time.Second)
	if in(s, "web") != "0" || s.NetNS[1].View != model.TablesOnly || s.Access.NoBytes != nil {
		t.Fatalf("web %q, %+v", in(s, "web"), s.NetNS)
	}
	b.Release(s)
	still = false
	write(t, filepath.Join(dir, "tcp"), "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n")
	if s = b.after(time.Second); in(s, "web") != "0 stale" || in(s, "own") != "1" {
		t.Errorf("web %q, own %q", in(s, "web"), in(s, "own"))
	}
}

// TestSpacesUnix: unix sockets are of their namespaces too, and those of one that rests stay.
func TestSpacesUnix(t *testing.T) {
	web, peer := fakeSpace("web", 4097)
	peer.SetUnix(diagtest.Answer{Unix: []model.UnixSocket{{Cookie: 9, Inode: 90, Path: model.SafeText("/run/web"), Type: model.UnixStream, State: model.UnixListening}}})
	b, _ := newSpacesBench(t, web)
	b.Want(model.Demand{Interval: time.Second, NetNS: "all", Tables: model.TableUnix | model.TableSockets})
	b.heed()
	for range 20 {
		s := b.after(time.Second)
		if len(s.Unix) != 1 || s.Unix[0].Dead || s.Unix[0].Stale || s.NetNSOf(s.Unix[0].NetNS).Name.String() != "web" {
			t.Fatalf("%+v", s.Unix)
		}
		b.Release(s)
	}
}

// slow is a Listener that is in the middle of something when it is closed: what it says, it says when it is let go on.
type slow struct {
	words chan model.Ending
	said  chan struct{}
}

func (s *slow) Next(fn func(*model.Ending)) (diag.Heard, error) {
	e, ok := <-s.words
	if !ok {
		return diag.Heard{}, fs.ErrClosed
	}
	fn(&e)
	s.said <- struct{}{}
	return diag.Heard{Rows: 1}, nil
}

func (s *slow) Close() error { return nil }

// TestSpacesLate: what is still told of a namespace that is gone is not taken for another's.
func TestSpacesLate(t *testing.T) {
	var listening sync.WaitGroup
	web, _ := fakeSpace("web", 4097)
	listener := &slow{make(chan model.Ending), make(chan struct{})}
	web.Listener = listener
	h := &fakeSpaces{others: []*Space{web}}
	b := newBench(t, func(c *Config) {
		c.Namespaces = h
		c.Go = func(_ string, f func()) { listening.Go(f) }
	})
	b.Want(model.Demand{Interval: time.Second, NetNS: "all"})
	b.heed()
	b.Release(b.after(time.Second))
	db, _ := fakeSpace("db", 5000, connection(3))
	h.others = []*Space{db} // web is gone, and had no rows
	b.Release(b.after(time.Second))
	listener.words <- endOf(connection(2), 100, 51)
	<-listener.said
	s := b.after(time.Second)
	if in(s, "web") != "2 closed" || in(s, "db") != "3" || view(s, "web") != model.Abandoned {
		t.Fatalf("web %q, db %q, %+v", in(s, "web"), in(s, "db"), s.NetNS)
	}
	b.Release(s)
	close(listener.words)
	listening.Wait()
	for range 3 {
		b.Release(b.after(time.Second))
	}
	if s = b.after(time.Second); view(s, "web") != model.NoNetNS || len(b.ends.hearing) != 0 {
		t.Errorf("nobody listens any more, and its place is not free: %+v", s.NetNS)
	}
}

// TestSpacesDeaf: a namespace whose closings are not told says so, unless it is so everywhere.
func TestSpacesDeaf(t *testing.T) {
	web, _ := fakeSpace("web", 4097)
	b, _ := newSpacesBench(t, web)
	for _, c := range []struct{ deaf, want error }{{unix.ENOMEM, unix.ENOMEM}, {diag.ErrUnsupported, nil}, {nil, nil}} {
		web.Deaf = c.deaf
		s := b.after(time.Second)
		if s.NetNS[1].Err != c.want || s.NetNS[1].View != model.Entered {
			t.Errorf("%v: %+v", c.deaf, s.NetNS[1])
		}
		b.Release(s)
	}
}

// TestSpacesMoved: a process that ends while it is read through is no trouble, only what is known of its namespace is old.
func TestSpacesMoved(t *testing.T) {
	dir := t.TempDir()
	web := &Space{Cookie: 1 << 63, Name: model.SafeText("web"), View: model.TablesOnly, Kernel: diag.Refused(unix.EPERM),
		Net: procnet.At(dir), Still: func() bool { return false }}
	b, _ := newSpacesBench(t, web)
	s := b.after(time.Second)
	for _, c := range s.Sources {
		if strings.HasSuffix(c.Name, " of web") {
			t.Errorf("%+v", c)
		}
	}
	if !errors.Is(s.NetNS[1].Err, errMoved) {
		t.Errorf("%+v", s.NetNS[1])
	}
}

// costly is an Asker whose dumps of TCP take the kernel a while, and are never the same.
type costly struct {
	Asker
	each, waited time.Duration
	asked        int
}

func (c *costly) Dump(p model.Proto, f model.Family, fn func(*model.Socket)) (diag.Result, error) {
	if p == model.TCP {
		c.waited += c.each
		c.asked++
	}
	return c.Asker.Dump(p, f, func(r *model.Socket) {
		r.Sent += uint64(c.asked)
		fn(r)
	})
}

func (c *costly) Waited() time.Duration { return c.waited }

// TestSpacesBudget: however many other namespaces there are, and however long each takes, together they take no more than their
// part of the time, each has its turn, and our own is asked as often as before.
func TestSpacesBudget(t *testing.T) {
	const minute = 60 * time.Second
	for name, c := range map[string]struct {
		n        int
		each     time.Duration
		interval time.Duration
		hidden   bool
	}{
		"many":            {20, 50 * time.Millisecond, time.Second, false},
		"one, not ours":   {1, 500 * time.Millisecond, 200 * time.Millisecond, true},
		"two large ones":  {2, 300 * time.Millisecond, time.Second, false},
		"a few small":     {3, time.Millisecond, time.Second, false},
		"one beside ours": {1, 150 * time.Millisecond, 200 * time.Millisecond, false},
	} {
		t.Run(name, func(t *testing.T) {
			var others []*Space
			var kernels []*costly
			for i := range c.n {
				space, _ := fakeSpace(fmt.Sprint("web", i), 5000+uint64(i), connection(uint64(10+i)))
				k := &costly{Asker: space.Kernel, each: c.each}
				space.Kernel = k
				others, kernels = append(others, space), append(kernels, k)
			}
			b, h := newSpacesBench(t, others...)
			h.hidden = c.hidden
			b.Want(model.Demand{Interval: c.interval, NetNS: "all"})
			b.heed()
			for range int(minute / c.interval) {
				s := b.after(c.interval)
				if s.Stretched() {
					t.Fatalf("our own namespace is asked every %v", s.Interval)
				}
				b.Release(s)
			}
			var sum time.Duration
			for i, k := range kernels {
				if sum += k.waited; k.asked < 6 {
					t.Errorf("namespace %d was asked %d times in a minute", i, k.asked)
				}
			}
			if sum > minute/dumpShare+c.each {
				t.Errorf("they took %v of %v", sum, minute)
			}
		})
	}
}

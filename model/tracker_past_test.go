package model

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"
)

// remembered are the entries of the last snapshot, a line each, oldest first.
func (w *watch) remembered() []string {
	var lines []string
	for i := range w.snap.History {
		r := &w.snap.History[i]
		who := "-"
		if d := w.snap.DepartedOf(r); d != nil {
			who = fmt.Sprint(d.PID)
		}
		var marks []string
		for _, m := range []struct {
			on   bool
			name string
		}{{r.Told, "told"}, {r.Exact, "exact"}, {r.Unseen, "unseen"}, {r.AgeKnown, "born"}, {r.Inferred, "inferred"}} {
			if m.on {
				marks = append(marks, m.name)
			}
		}
		lines = append(lines, fmt.Sprintf("%d %d/%d of %s, %s, %v: %s", r.Cookie, r.Sent, r.Received, who, r.End,
			time.Duration(r.Lasted), strings.Join(marks, " ")))
	}
	return lines
}

func (w *watch) remembers(want ...string) {
	w.Helper()
	if got := w.remembered(); !slices.Equal(got, want) {
		w.Errorf("remembered\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// owned is a watch that has seen a and who holds it, long enough for corrections to come.
func owned(t *testing.T, a Socket, hold time.Duration) *watch {
	w := newWatch(t)
	w.hold = int64(hold)
	w.poll(a).own(Owners{Processes: []Process{proc(5, 1)}, Holds: []Hold{heldBy(a, 5)}, Why: NoProcess})
	return w
}

func heldBy(s Socket, pid int32) Hold { return Hold{s.Inode, ProcessID{pid, 1}} }

// What a connection was seen to do, and what its event says, is how it ended. It enters once, when its end is settled.
func TestPastEnds(t *testing.T) {
	a := tcp4(1, 10, 20)
	aborted := Ending{Socket: a}
	aborted.Has, aborted.RemotePort, aborted.State = 0, 0, Close
	reset := ending(a, 100, 50, 0, 0)
	refused := ending(in(SynSent, a), 0, 0, 0, 0)
	refused.RTT = 0
	for name, c := range map[string]struct {
		polls func(w *watch)
		want  string
	}{
		"in order, told": {func(w *watch) { w.pollEnding([]Ending{ending(a, 100, 51, 1, 2)}, a).poll() },
			"1 100/50 of 5, closed, 1s: told exact"},
		"the other side first": {func(w *watch) {
			w.poll(in(CloseWait, a)).pollEnding([]Ending{ending(a, 100, 51, 0, 2)}, in(CloseWait, a)).poll()
		}, "1 100/50 of 5, closed there first, 2s: told exact"},
		"this side first": {func(w *watch) {
			w.pollEnding([]Ending{ending(a, 100, 50, 0, 2)}, in(TimeWait, a)).poll(in(TimeWait, a))
		},
			"1 100/50 of 5, closed here first, 1s: told exact"},
		"this side first, seen later": {func(w *watch) { w.pollEnding([]Ending{ending(a, 100, 50, 0, 2)}, a).poll(in(TimeWait, a)) },
			"1 100/50 of 5, closed here first, 1s: told exact"},
		"both at once": {func(w *watch) {
			w.poll(in(Closing, a)).pollEnding([]Ending{ending(a, 100, 51, 0, 2)}, in(TimeWait, a)).poll(in(TimeWait, a))
		}, "1 100/50 of 5, closed at once, 2s: told exact"},
		"aborted": {func(w *watch) { w.pollEnding([]Ending{aborted}, a).poll() },
			"1 10/20 of 5, aborted here, 1s: told"},
		"refused": {func(w *watch) { w.pollEnding([]Ending{aborted}, in(SynSent, a)).poll() },
			"1 10/20 of 5, while connecting, 1s: told"},
		"reset": {func(w *watch) { w.pollEnding([]Ending{reset}, a).poll() },
			"1 100/50 of 5, reset, 1s: told exact"},
		"our SYN or our FIN": {func(w *watch) { w.pollEnding([]Ending{ending(a, 100, 50, 0, 1)}, a).poll() },
			"1 100/50 of 5, -, 1s: told exact"},
		"never established": {func(w *watch) { w.pollEnding([]Ending{refused}, in(SynSent, a)).poll() },
			"1 0/0 of 5, never established, 1s: told exact"},
		"lost": {func(w *watch) { w.poll().poll().poll().poll().poll().poll() },
			"1 10/20 of 5, -, 0s: "},
		"lost, after the other side's close": {func(w *watch) { w.poll(in(CloseWait, a)).poll().poll().poll().poll().poll() },
			"1 10/20 of 5, closed there first, 1s: "},
		"a TIME_WAIT whose end was lost": {func(w *watch) {
			wait := in(TimeWait, a)
			wait.Has = 0
			w.poll(wait).poll(wait).poll(wait).poll(wait).poll(wait).poll().poll().poll()
		}, "1 10/20 of 5, closed here first, 1s: "},
	} {
		t.Run(name, func(t *testing.T) {
			w := owned(t, a, time.Second)
			w.T = t
			c.polls(w)
			w.remembers(c.want)
			for range 5 {
				w.poll()
			}
			w.remembers(c.want)
		})
	}
}

// The other end's TIME_WAIT, in the same host, says who closed first, and what both sent is exact.
func TestPastBothEndsHere(t *testing.T) {
	a := tcp4(1, 0, 0)
	b := facing(a, 2)
	wait := in(TimeWait, b)
	wait.Cookie = 3 // it was never seen alive
	w := newWatch(t).poll(listening(9, 443))
	w.pollEnding([]Ending{ending(a, 100, 51, 0, 1), ending(b, 50, 100, 0, 2)}, listening(9, 443)).poll(listening(9, 443), wait)
	w.remembers("1 100/50 of -, closed there first, 0s: told exact unseen born", "3 50/100 of -, closed here first, 0s: told exact unseen born")
	for range 4 {
		w.poll(listening(9, 443))
	}
	w.count(1, 1)
	if n := len(w.snap.History); n != 2 {
		t.Errorf("%d remembered", n)
	}
}

// What is no connection, or was over before we looked, is not remembered.
func TestPastOnlyConnections(t *testing.T) {
	udp := Socket{Cookie: 2, Local: addrOf("192.0.2.1"), LocalPort: 53, Inode: 1002, Proto: UDP, Family: IPv4, State: Close, Has: HasQueues}
	half := in(SynRecv, tcp4(3, 0, 0))
	wait := in(TimeWait, tcp4(4, 0, 0))
	wait.Has = 0
	listener := listening(9, 443)
	w := newWatch(t).poll(listener, udp, half, wait)
	gone := Ending{Socket: listener}
	gone.State = Close
	w.pollEnding([]Ending{gone, {Socket: udp}}, wait)
	for range 8 {
		w.poll()
	}
	w.count(0, 0)
	w.remembers()
	connected := udp
	connected.Cookie, connected.State, connected.Remote, connected.RemotePort = 5, Established, addrOf("192.0.2.9"), 53
	w.poll(connected).pollEnding([]Ending{{Socket: connected}}).poll()
	w.remembers("5 0/0 of -, -, 1s: told born")
}

// A row that was taken for dead and comes back is not remembered as closed, however late that shows; its TIME_WAIT changes
// nothing.
func TestPastTakenBack(t *testing.T) {
	a := tcp4(1, 10, 20)
	w := owned(t, a, 10*time.Second)
	w.poll().poll().poll().poll().poll().poll()
	w.remembers("1 10/20 of 5, -, 0s: ")
	held := slices.Clone(w.snap.History)
	old := w.snap.History
	w.poll(a)
	w.remembers()
	if !slices.Equal(old, held) {
		t.Error("an older snapshot was written to")
	}
	w.poll().poll().poll().poll().poll().poll()
	w.remembers("1 10/20 of 5, -, 7s: ")
	wait := in(TimeWait, a)
	wait.Has = 0
	w.poll(wait).poll(wait)
	w.remembers("1 10/20 of 5, -, 7s: ")
	// nor when its row was dropped meanwhile
	b := tcp4(2, 1, 1)
	w = newWatch(t).poll(b)
	w.poll().poll().poll().poll()
	w.count(0, 0)
	w.remembers("2 1/1 of -, -, 0s: ")
	w.poll(b)
	w.remembers()
}

// The end of one that was reset is told when its process closes it: then its final counters are known, and it is no new row.
func TestPastToldLate(t *testing.T) {
	a := tcp4(1, 10, 20)
	for name, hold := range map[string]time.Duration{"its row is shown yet": 20 * time.Second, "its row is gone": time.Second} {
		t.Run(name, func(t *testing.T) {
			w := owned(t, a, hold)
			w.T = t
			for range 6 {
				w.poll()
			}
			w.remembers("1 10/20 of 5, -, 0s: ")
			rows := len(w.snap.Sockets)
			w.pollEnding([]Ending{ending(a, 100, 50, 0, 0)})
			w.count(rows, 0)
			w.poll()
			if len(w.snap.History) != 1 {
				t.Fatal(w.remembered())
			}
			if r := &w.snap.History[0]; r.Sent != 100 || r.Received != 50 || !r.Exact || !r.Told || r.Retrans != 9 || w.snap.DepartedOf(r).PID != 5 {
				t.Errorf("%+v", *r)
			}
			w.pollEnding([]Ending{ending(a, 100, 50, 0, 0)}) // and once more
			if hold > 10*time.Second && len(w.snap.History) != 1 {
				t.Error(w.remembered())
			}
		})
	}
}

// An entry keeps its own copies: the slots of its process and its namespace are used again.
func TestPastOutlivesSlots(t *testing.T) {
	a := tcp4(1, 10, 20)
	w := newWatch(t)
	w.tr.In([]NetNS{{Cookie: 77, Name: SafeText("blue")}})
	p := proc(5, 1)
	p.Name, p.Unit, p.Container = SafeText("nginx"), SafeText("nginx.service"), SafeText("web")
	w.poll(a).own(Owners{Processes: []Process{p}, Holds: []Hold{heldBy(a, 5)}, Why: NoProcess})
	w.pollEnding([]Ending{ending(a, 100, 51, 1, 2)}).poll()
	w.tr.In([]NetNS{{Cookie: 78, Name: SafeText("red")}})
	w.own(Owners{Gone: []ProcessID{{5, 1}}, Asked: []uint32{}})
	b := tcp4(2, 1, 1)
	b.RemotePort++
	w.poll(b).poll(b).poll(b)
	w.own(Owners{Processes: []Process{proc(6, 1)}, Holds: []Hold{heldBy(b, 6)}, Why: NoProcess})
	w.pollEnding([]Ending{ending(b, 1, 2, 1, 2)}).poll()
	w.remembers("1 100/50 of 5, closed, 1s: told exact", "2 1/1 of 6, closed, 3s: told exact born")
	s := w.snap
	d := s.DepartedOf(&s.History[0])
	if d.Name.String() != "nginx" || d.Unit.String() != "nginx.service" || d.Container.String() != "web" || d.NetNSCookie != 77 {
		t.Errorf("%+v", *d)
	}
	if d := s.DepartedOf(&s.History[1]); d.NetNS.String() != "red" || d.NetNSCookie != 78 {
		t.Errorf("%+v", *d)
	}
}

// A Past is small and has no pointers, so that 65,536 of them are 10 MB that the collector need not look at.
func TestPastIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Past{}); n > 144 {
		t.Errorf("%d bytes", n)
	}
	if n := unsafe.Sizeof(Socket{}); n > 192 {
		t.Errorf("a socket has %d bytes", n)
	}
}

func pastOf(i int) (Past, departedKey, Departed) {
	id := ProcessID{int32(i%7 + 1), 1}
	return Past{Cookie: uint64(i + 1), Sent: uint64(i)}, departedKey{ProcessID: id}, Departed{ProcessID: id, Name: SafeText("p")}
}

// The ring keeps the newest, and a snapshot that was taken before it was full, renewed or resized keeps reading what it had.
func TestRing(t *testing.T) {
	const limit = 100
	g := ring{limit: limit}
	type taken struct {
		rows     []Past
		departed []Departed
		last     int
	}
	var all []taken
	check := func(s taken) {
		t.Helper()
		for i := range s.rows {
			n := s.last - len(s.rows) + 1 + i
			if r := &s.rows[i]; r.Cookie != uint64(n+1) || r.Sent != uint64(n) || s.departed[r.Who].PID != int32(n%7+1) {
				t.Fatalf("entry %d of %d: %+v, of %+v", i, len(s.rows), *r, s.departed[r.Who])
			}
		}
	}
	done := make(chan struct{})
	readers := make(chan taken, 1)
	go func() { // beside who writes, for the race detector
		defer close(done)
		for s := range readers {
			for i := range s.rows {
				if s.departed[s.rows[i].Who].PID != int32(s.rows[i].Sent%7+1) {
					t.Errorf("%+v", s.rows[i])
				}
			}
		}
	}()
	for i := range 1000 {
		p, key, who := pastOf(i)
		g.add(&p, p.Cookie, key, &who)
		rows, departed := g.publish()
		s := taken{rows, departed, i}
		if len(rows) != min(i+1, limit) {
			t.Fatalf("%d kept of %d", len(rows), i+1)
		}
		all = append(all, s)
		readers <- s
		if len(g.departed) > 7 || cap(g.rows) > limit+limit/4+1 || len(g.untold) > cap(g.rows) {
			t.Fatalf("%d processes, room for %d, %d untold", len(g.departed), cap(g.rows), len(g.untold))
		}
	}
	close(readers)
	<-done
	for _, s := range all {
		check(s)
	}
	for _, limit := range []int{40, 200} {
		g.resize(limit)
		rows, departed := g.publish()
		check(taken{rows, departed, 999})
		if len(rows) != 40 {
			t.Errorf("%d kept", len(rows))
		}
	}
	g.resize(0)
	if rows, _ := g.publish(); len(rows) != 0 || g.rows != nil || g.index != nil {
		t.Errorf("%+v", g)
	}
}

// While nothing closes nothing is allocated, and nothing is kept for a connection that is not to be remembered.
func TestPastQuiet(t *testing.T) {
	a := tcp4(1, 10, 20)
	w := newWatch(t)
	if w.poll(a).poll(a); w.tr.ring.rows != nil || w.tr.leaving != nil || w.snap.HistoryRoom != DefaultHistory {
		t.Errorf("%+v", w.tr.ring)
	}
	w.tr.Remember(0)
	w.pollEnding([]Ending{ending(a, 100, 51, 1, 2)}).poll()
	if w.remembers(); w.tr.ring.rows != nil || w.tr.leaving != nil || w.snap.HistoryRoom != 0 {
		t.Errorf("%+v", w.tr.ring)
	}
	w.tr.Remember(3)
	for i := range uint64(5) {
		b := tcp4(10+i, i, i)
		w.poll(b).pollEnding([]Ending{ending(b, i, i+1, 1, 2)}).poll().poll()
	}
	if w.remembers("12 2/2 of -, closed, 1s: told exact born", "13 3/3 of -, closed, 1s: told exact born", "14 4/4 of -, closed, 1s: told exact born"); len(w.tr.leaving) != 0 {
		t.Errorf("%+v", w.tr.leaving)
	}
}

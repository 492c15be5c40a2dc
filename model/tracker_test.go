package model

import (
	"math"
	"slices"
	"testing"
	"time"
)

// watch drives a tracker by a script: each poll is what the dumps gave.
type watch struct {
	*testing.T
	tr   *Tracker
	now  int64
	hold int64
	snap *Snapshot // as last published
}

// tracked are the dumps of a script's polls.
var tracked = [...]SourceID{{0, TCP, IPv4}, {0, TCP, IPv6}, {0, UDP, IPv4}, {0, UDP, IPv6}}

func newWatch(t *testing.T) *watch {
	return &watch{T: t, tr: NewTracker(), now: 1e12, hold: int64(time.Second)}
}

// poll is a poll a second after the one before, in which every dump was whole and the kernel gave these.
func (w *watch) poll(records ...Socket) *watch { return w.pollAfter(time.Second, nil, records...) }

// pollAfter is a poll in which the dumps named by failed were not whole.
func (w *watch) pollAfter(d time.Duration, failed []SourceID, records ...Socket) *watch {
	w.now += int64(d)
	w.tr.Begin(w.now, time.Unix(0, w.now))
	for i := range records {
		w.tr.See(&records[i])
	}
	var outcomes []Outcome
	for _, id := range tracked {
		outcomes = append(outcomes, Outcome{id, !slices.Contains(failed, id)})
	}
	w.tr.Finish(outcomes, w.hold)
	return w.publish()
}

func (w *watch) publish() *watch {
	w.snap = &Snapshot{Hold: w.hold}
	w.tr.Publish(w.snap)
	return w
}

func (w *watch) own(o Owners) *watch {
	w.tr.Own(&o)
	return w.publish()
}

// row is the row with a cookie; it ends the test when there is not exactly one.
func (w *watch) row(cookie uint64) *Socket {
	w.Helper()
	var found *Socket
	for i := range w.snap.Sockets {
		if w.snap.Sockets[i].Cookie == cookie {
			if found != nil {
				w.Fatalf("two rows have cookie %d", cookie)
			}
			found = &w.snap.Sockets[i]
		}
	}
	if found == nil {
		w.Fatalf("no row has cookie %d", cookie)
	}
	return found
}

// count checks how many rows there are, and how many of them the status line counts.
func (w *watch) count(rows, endpoints int) {
	w.Helper()
	if len(w.snap.Sockets) != rows || w.snap.Counts.Endpoints != endpoints {
		w.Fatalf("%d rows, %d endpoints; want %d, %d", len(w.snap.Sockets), w.snap.Counts.Endpoints, rows, endpoints)
	}
}

func (w *watch) change(cookie uint64, want Change) {
	w.Helper()
	if got := Sockets().Change(w.snap, w.row(cookie)); got != want {
		w.Errorf("row %d: change %v, want %v", cookie, got, want)
	}
}

// rates checks a row's rates; negative for none.
func (w *watch) rates(cookie uint64, sent, received float64) {
	w.Helper()
	r := w.row(cookie)
	if (r.Has&HasRates != 0) != (sent >= 0) {
		w.Errorf("row %d: has rates %v", cookie, r.Has&HasRates != 0)
		return
	}
	near := func(a float32, b float64) bool { return math.Abs(float64(a)-b) <= 1e-4*b }
	if sent >= 0 && (!near(r.SentRate, sent) || !near(r.ReceivedRate, received)) {
		w.Errorf("row %d: %g and %g bytes/s, want %g and %g", cookie, r.SentRate, r.ReceivedRate, sent, received)
	}
}

// process is the published process with a pid, or nil.
func (w *watch) process(pid int32) *Process {
	w.Helper()
	var found *Process
	for i := range w.snap.Processes {
		if p := &w.snap.Processes[i]; p.PID == pid {
			if found != nil {
				w.Fatalf("pid %d stands twice", pid)
			}
			found = p
		}
	}
	return found
}

// tcp4 is an established connection with counters; its inode is 1000 more than its cookie.
func tcp4(cookie, sent, received uint64) Socket {
	return Socket{
		Cookie: cookie, Local: addrOf("192.0.2.1"), Remote: addrOf("198.51.100.1"), LocalPort: 443, RemotePort: uint16(cookie),
		Sent: sent, Received: received, Inode: uint32(cookie) + 1000, UID: 33, Has: HasBytes | HasQueues,
		Proto: TCP, Family: IPv4, State: Established,
	}
}

// in is the same socket in another state, as the kernel tells it: without an inode where no process holds it,
// without counters in TIME_WAIT.
func in(s State, r Socket) Socket {
	r.State = s
	switch s {
	case TimeWait:
		r.Sent, r.Received, r.Has = 0, 0, HasQueues
		fallthrough
	case SynRecv, FinWait1, FinWait2, LastAck:
		r.Inode, r.UID = 0, 0
	}
	return r
}

func udp4(cookie uint64) Socket {
	return Socket{Cookie: cookie, LocalPort: 53, Inode: uint32(cookie) + 1000, Proto: UDP, Family: IPv4, State: Close, Has: HasQueues}
}

func proc(pid int32, start uint64) Process {
	return Process{PID: pid, Start: start, Name: SafeText("p")}
}

func hold(inode uint32, pid int32, start uint64) Hold { return Hold{inode, ProcessID{pid, start}} }

func TestTrackerMarks(t *testing.T) {
	w := newWatch(t).poll(tcp4(1, 0, 0))
	w.count(1, 1)
	w.change(1, Unchanged) // what was there before us is no news
	if r := w.row(1); r.AgeKnown || r.FirstSeen != w.now || r.Before != StateUnknown {
		t.Errorf("first row: %+v", r)
	}
	born := w.now + int64(time.Second)
	w.poll(tcp4(1, 0, 0), tcp4(2, 0, 0))
	w.count(2, 2)
	w.change(1, Unchanged)
	w.change(2, New)
	if !w.row(2).AgeKnown || w.row(2).FirstSeen != born {
		t.Errorf("born row: %+v", w.row(2))
	}
	w.poll(in(CloseWait, tcp4(1, 0, 0)), tcp4(2, 0, 0))
	w.change(1, Changed)
	w.change(2, Unchanged) // shown for its second
	if r := w.row(1); r.Before != Established || r.State != CloseWait || r.MarkedAt != w.now {
		t.Errorf("changed row: %+v", r)
	}
	w.poll(in(CloseWait, tcp4(1, 0, 0)), tcp4(2, 0, 0))
	w.change(1, Unchanged)
	if r := w.row(1); r.Before != Established || r.FirstSeen != 1e12+int64(time.Second) {
		t.Errorf("a second later: %+v", r)
	}
}

func TestTrackerMarksLastForHold(t *testing.T) {
	w := newWatch(t)
	w.hold = int64(3 * time.Second)
	w.poll().poll(tcp4(1, 0, 0))
	for range 3 {
		w.change(1, New)
		w.poll(tcp4(1, 0, 0))
	}
	w.change(1, Unchanged)
}

func TestTrackerClosesAtTheSecondMiss(t *testing.T) {
	w := newWatch(t)
	w.hold = int64(2 * time.Second)
	w.poll(tcp4(1, 5, 6), tcp4(2, 0, 0)).poll(tcp4(2, 0, 0))
	w.count(2, 2)
	w.change(1, Unchanged)
	if r := w.row(1); r.Missed != 1 || r.Dead || r.Stale {
		t.Errorf("after the first miss: %+v", r)
	}
	w.poll(tcp4(2, 0, 0))
	w.count(2, 1)
	w.change(1, Closed)
	if r := w.row(1); !r.Dead || r.MarkedAt != w.now || r.Sent != 5 || r.Received != 6 || r.Has&HasRates != 0 {
		t.Errorf("after the second miss: %+v", r)
	}
	w.poll(tcp4(2, 0, 0))
	w.change(1, Closed)
	w.poll(tcp4(2, 0, 0)) // its two seconds are over
	w.count(1, 1)
	w.row(2)
}

func TestTrackerRowSkippedOnce(t *testing.T) {
	w := newWatch(t).poll(tcp4(1, 0, 0)).poll(tcp4(1, 1000, 0))
	w.rates(1, 1000, 0)
	w.poll()
	w.rates(1, 1000, 0) // as last known
	w.poll(tcp4(1, 3000, 0))
	w.change(1, Unchanged)
	w.rates(1, 1000, 0) // 2000 bytes in two seconds
	if r := w.row(1); r.Missed != 0 {
		t.Errorf("seen again: %+v", r)
	}
	w.poll().poll(tcp4(1, 3000, 0)).poll() // misses that are not in a row
	w.count(1, 1)
}

func TestTrackerMissingIsConfirmed(t *testing.T) {
	w := newWatch(t).poll(tcp4(1, 0, 0), tcp4(2, 0, 0), tcp4(3, 0, 0), tcp4(4, 0, 0)).poll(tcp4(4, 0, 0))
	var asked []uint64
	ask := func(r *Socket) Fate {
		asked = append(asked, r.Cookie)
		return map[uint64]Fate{1: Gone, 2: Unsure, 3: Alive}[r.Cookie]
	}
	w.tr.Missing(ask)
	w.tr.Missing(ask) // once is enough
	slices.Sort(asked)
	if !slices.Equal(asked, []uint64{1, 2, 3}) {
		t.Errorf("asked for %v", asked)
	}
	w.publish()
	w.change(1, Closed)
	w.change(2, Unchanged)
	w.change(3, Unchanged)
	w.poll(tcp4(4, 0, 0))
	w.count(3, 2) // 1 was shown for its second, 2 was missed twice, 3 had only been skipped
	w.change(2, Closed)
	w.change(3, Unchanged)
	asked = nil
	w.tr.Missing(ask)
	if !slices.Equal(asked, []uint64{3}) {
		t.Errorf("asked for %v, want only 3: the others are closed already", asked)
	}
}

func TestTrackerFailedSourceIsStale(t *testing.T) {
	tcp := []SourceID{{0, TCP, IPv4}}
	w := newWatch(t).poll(tcp4(1, 0, 0), tcp4(2, 0, 0), udp4(9)).poll(tcp4(1, 10, 0), tcp4(2, 10, 0), udp4(9))
	for range 5 { // a dump that broke off after its first row
		w.pollAfter(time.Second, tcp, tcp4(1, 20, 0), udp4(9))
		w.count(3, 3)
		w.change(2, Outdated)
		if r := w.row(2); !r.Stale || r.Dead || r.Missed != 0 || r.Has&HasRates != 0 || r.Sent != 10 {
			t.Fatalf("row that the failed dump did not have: %+v", r)
		}
		if w.row(1).Stale || w.row(9).Stale {
			t.Fatal("rows that were seen are stale")
		}
	}
	w.poll(tcp4(1, 20, 0), tcp4(2, 70, 0), udp4(9)) // recovery
	if r := w.row(2); r.Stale {
		t.Errorf("seen again: %+v", r)
	}
	w.rates(2, 10, 0) // 60 bytes in six seconds
	w.change(2, Unchanged)
	w.pollAfter(time.Second, tcp).poll().poll()
	w.change(1, Closed)
	w.change(2, Closed)
	// One whole dump, a failed one and another whole one are two misses.
	w = newWatch(t).poll(tcp4(1, 0, 0)).poll().pollAfter(time.Second, tcp)
	w.count(1, 1)
	w.poll()
	w.count(1, 0)
}

func TestTrackerSourceNotAsked(t *testing.T) {
	w := newWatch(t).poll(tcp4(1, 0, 0))
	for range 3 {
		w.now += 1e9
		w.tr.Begin(w.now, time.Unix(0, w.now))
		w.tr.Finish([]Outcome{{SourceID{0, UDP, IPv4}, true}}, w.hold)
	}
	if w.publish(); !w.row(1).Stale || w.row(1).Dead {
		t.Errorf("%+v", w.row(1))
	}
}

// TestTrackerFirstWholeDumpIsNoNews: only when a source was whole once can a row be new.
func TestTrackerFirstWholeDumpIsNoNews(t *testing.T) {
	w := newWatch(t).pollAfter(time.Second, []SourceID{{0, TCP, IPv4}}, tcp4(1, 0, 0))
	w.poll(tcp4(1, 0, 0), tcp4(2, 0, 0), udp4(9))
	w.change(1, Unchanged)
	w.change(2, Unchanged)
	w.change(9, New) // UDP was whole before
	w.poll(tcp4(1, 0, 0), tcp4(2, 0, 0), tcp4(3, 0, 0), udp4(9))
	w.change(3, New)
}

func TestTrackerRepeatedRow(t *testing.T) {
	w := newWatch(t).poll(tcp4(1, 0, 0), tcp4(1, 0, 0))
	w.count(1, 1)
	w.poll(tcp4(1, 100, 0), tcp4(1, 150, 0), in(CloseWait, tcp4(1, 150, 0)))
	w.count(1, 1)
	w.rates(1, 100, 0) // the first counts
	w.change(1, Unchanged)
	w.poll(tcp4(1, 200, 0))
	if got := w.row(1).Sent; got != 200 {
		t.Errorf("sent %d", got)
	}
}

func TestTrackerSameTupleNewCookie(t *testing.T) {
	again := tcp4(1, 7, 7)
	again.Cookie = 50 // the same ends, the same inode
	w := newWatch(t).poll(tcp4(1, 1e6, 1e6)).own(Owners{Processes: []Process{proc(10, 1)}, Holds: []Hold{hold(1001, 10, 1)}})
	w.poll(again)
	w.count(2, 2)
	w.change(50, New)
	w.rates(50, -1, -1)
	if r := w.row(50); r.Sent != 7 || r.Owner != -1 || r.Why != NotYet || r.FirstSeen != w.now {
		t.Errorf("%+v", r)
	}
	w.poll(again)
	w.rates(50, 0, 0)
	w.change(1, Closed)
}

// TestTrackerWithoutCookies: /proc/net has none, so the tuple and the inode name the socket.
func TestTrackerWithoutCookies(t *testing.T) {
	a, b, c := tcp4(1, 0, 0), tcp4(2, 0, 0), udp4(3)
	a.Cookie, b.Cookie, c.Cookie = 0, 0, 0
	d := a
	d.Inode = 7 // the same ends again
	w := newWatch(t).poll(a, b, c, c).poll(a, b, c)
	w.count(3, 3)
	w.poll(d, b, c)
	w.count(4, 4)
	w.poll(d, b, c)
	w.count(4, 3)
}

func TestTrackerTimeWait(t *testing.T) {
	w := newWatch(t)
	w.poll(tcp4(1, 0, 0)).own(Owners{Processes: []Process{proc(10, 1)}, Holds: []Hold{hold(1001, 10, 1)}})
	last := tcp4(1, 1000, 500)
	last.SentPackets, last.ReceivedPackets, last.Has = 9, 8, last.Has|HasPackets
	w.poll(last)
	w.poll(in(TimeWait, tcp4(1, 0, 0)))
	w.change(1, Changed)
	r := w.row(1)
	if r.SentPackets != 9 || r.ReceivedPackets != 8 || r.Has&HasPackets == 0 {
		t.Errorf("packets are kept: %+v", r)
	}
	if r.Sent != 1000 || r.Received != 500 || r.Has&HasBytes == 0 || r.UID != 33 || r.Has&HasUID == 0 {
		t.Errorf("counters and user are kept: %+v", r)
	}
	if r.Owner < 0 || !r.Was || r.Holders != 0 || w.snap.HolderOf(r).PID != 10 {
		t.Errorf("the owner is kept as the one it was: %+v", r)
	}
	w.rates(1, -1, -1)
	if p := w.process(10); p.Sockets != 0 || p.Sent != 1000 || p.Received != 500 || p.HasRates {
		t.Errorf("process: %+v", p)
	}
	w.poll(in(TimeWait, tcp4(1, 0, 0))).poll(in(TimeWait, tcp4(1, 0, 0)))
	w.count(1, 1)
	w.poll().poll()
	w.change(1, Closed)
	w.poll()
	w.count(0, 0)
	if p := w.process(10); p == nil || p.Sent != 1000 || p.Received != 500 {
		t.Errorf("process after all: %+v", p)
	}
	// One that was never seen before has neither.
	w.poll(in(TimeWait, tcp4(2, 0, 0)))
	if r := w.row(2); r.Owner != -1 || r.Why != InTimeWait || r.Has&(HasUID|HasBytes) != 0 {
		t.Errorf("TIME_WAIT out of nowhere: %+v", r)
	}
}

func TestTrackerOwnerUnknown(t *testing.T) {
	udp := udp4(1)
	udp.Inode, udp.State = 0, Established
	for _, c := range []struct {
		name string
		r    Socket
		want Unknown
	}{
		{"has an inode", tcp4(1, 0, 0), NotYet},
		{"TIME_WAIT", in(TimeWait, tcp4(1, 0, 0)), InTimeWait},
		{"SYN_RECV", in(SynRecv, tcp4(1, 0, 0)), NotAccepted},
		{"not accepted", func() Socket { r := tcp4(1, 0, 0); r.Inode = 0; return r }(), NotAccepted},
		{"closed before it was accepted", func() Socket { r := in(CloseWait, tcp4(1, 0, 0)); r.Inode = 0; return r }(), NotAccepted},
		{"orphan", in(FinWait1, tcp4(1, 0, 0)), NoProcess},
		{"orphan, last", in(LastAck, tcp4(1, 0, 0)), NoProcess},
		{"UDP is never accepted", udp, NoProcess},
	} {
		w := newWatch(t).poll(c.r)
		if r := w.row(1); r.Owner != -1 || r.Why != c.want || r.Holders != 0 {
			t.Errorf("%s: owner %d, %q; want %q", c.name, r.Owner, r.Why, c.want)
		}
	}
	accepted := tcp4(1, 0, 0)
	waiting := accepted
	waiting.Inode = 0
	w := newWatch(t).poll(in(SynRecv, tcp4(1, 0, 0))).poll(waiting)
	if r := w.row(1); r.Why != NotAccepted {
		t.Errorf("in the queue: %+v", r)
	}
	w.poll(accepted)
	if r := w.row(1); r.Why != NotYet {
		t.Errorf("accepted: %+v", r)
	}
	w.own(Owners{Why: NoPermission})
	if r := w.row(1); r.Why != NoPermission || w.snap.Access.Hidden != 1 {
		t.Errorf("hidden: %+v, %d hidden", r, w.snap.Access.Hidden)
	}
	w.poll(in(FinWait1, accepted))
	if r := w.row(1); r.Why != NoProcess || r.Was || w.snap.Access.Hidden != 0 {
		t.Errorf("orphaned: %+v", r)
	}
	w.poll(in(TimeWait, accepted))
	if r := w.row(1); r.Why != InTimeWait {
		t.Errorf("at the end: %+v", r)
	}
}

// TestTrackerIgnoresItsOwnFields in what the dump gives.
func TestTrackerIgnoresItsOwnFields(t *testing.T) {
	dirty := tcp4(1, 0, 0)
	dirty.FirstSeen, dirty.MarkedAt, dirty.SentRate, dirty.Owner, dirty.Holders, dirty.Mark = 1, 1, 1, 9, 9, Closed
	dirty.Before, dirty.Why, dirty.AgeKnown, dirty.Stale, dirty.Dead, dirty.Was = Listen, Stale, true, true, true, true
	dirty.Missed, dirty.QuietSent, dirty.QuietReceived, dirty.Has = 1, 3, 3, dirty.Has|HasRates
	a := newWatch(t).poll(tcp4(1, 0, 0))
	b := newWatch(t).poll(dirty)
	b.snap.Sockets[0].SentRate = 0 // unknown, so its field may hold anything
	if a.snap.Sockets[0] != b.snap.Sockets[0] {
		t.Errorf("new row:\n%+v\n%+v", a.snap.Sockets[0], b.snap.Sockets[0])
	}
	a.poll(tcp4(1, 0, 0))
	b.poll(dirty)
	if a.snap.Sockets[0] != b.snap.Sockets[0] {
		t.Errorf("known row:\n%+v\n%+v", a.snap.Sockets[0], b.snap.Sockets[0])
	}
	b.pollAfter(0, nil, dirty)
	b.rates(1, -1, -1)
}

func TestTrackerRevives(t *testing.T) {
	for name, r := range map[string]Socket{
		"tcp":                                    tcp4(1, 1000, 10),
		"without counters, with rubbish in them": func() Socket { r := tcp4(1, 1000, 10); r.Has = HasQueues; return r }(),
	} {
		w := newWatch(t)
		w.hold = int64(time.Minute)
		w.poll(r).own(Owners{Processes: []Process{proc(10, 1)}, Holds: []Hold{hold(1001, 10, 1)}})
		before := *w.process(10)
		w.poll().poll()
		w.change(1, Closed)
		if p := w.process(10); p.Sent != before.Sent || p.Received != before.Received || p.Sockets != 0 {
			t.Errorf("%s, closed: %+v", name, p)
		}
		w.poll(r)
		w.count(1, 1)
		w.change(1, Changed)
		if p := w.process(10); p.Sent != before.Sent || p.Received != before.Received || p.Sockets != 1 {
			t.Errorf("%s, revived: %+v", name, p)
		}
		w.poll().poll()
		if p := w.process(10); p.Sent != before.Sent {
			t.Errorf("%s, closed again: %+v", name, p)
		}
	}
}

func TestTrackerRates(t *testing.T) {
	w := newWatch(t).poll(tcp4(1, 1<<40, 0))
	w.rates(1, -1, -1)                                        // one sample is none
	w.pollAfter(2*time.Second, nil, tcp4(1, 1<<40+4000, 200)) // over the real time
	w.rates(1, 2000, 100)
	weight := 1 - math.Exp(-0.5)
	w.pollAfter(500*time.Millisecond, nil, tcp4(1, 1<<40+4000+3000, 200))
	w.rates(1, 2000+weight*(6000-2000), 100-weight*100) // smoothed
	// A constant stream is shown as what it is, however irregular the samples.
	sent := uint64(0)
	w = newWatch(t).poll(tcp4(1, 0, 0))
	for _, ms := range []uint64{1000, 100, 1, 5000, 250, 60000, 999, 1001} {
		sent += ms * 8
		w.pollAfter(time.Duration(ms)*time.Millisecond, nil, tcp4(1, sent, sent/2))
		w.rates(1, 8000, 4000)
	}
	// After its last byte a rate falls, and is zero with the third quiet sample.
	last := w.row(1).SentRate
	for quiet := 1; quiet <= 4; quiet++ {
		w.poll(tcp4(1, sent, sent/2))
		got := w.row(1).SentRate
		if quiet < quietSamples && (got <= 0 || got >= last) || quiet >= quietSamples && got != 0 {
			t.Errorf("quiet sample %d: %g after %g", quiet, got, last)
		}
		last = got
	}
	w.poll(tcp4(1, sent+1000, sent/2))
	if got := w.row(1); got.SentRate <= 0 || got.ReceivedRate != 0 {
		t.Errorf("only one direction wakes up: %g, %g", got.SentRate, got.ReceivedRate)
	}
}

func TestTrackerCounterGoesBack(t *testing.T) {
	for name, c := range map[string]struct{ before, after Socket }{
		"sent":         {tcp4(1, 5000, 10), tcp4(1, 4999, 10)},
		"received":     {tcp4(1, 10, 5000), tcp4(1, 10, 0)},
		"wraps around": {tcp4(1, math.MaxUint64, 0), tcp4(1, 3, 0)},
	} {
		w := newWatch(t).poll(c.before).poll(c.before).poll(c.after)
		w.rates(1, -1, -1)
		if r := w.row(1); r.Sent != c.after.Sent || r.Received != c.after.Received {
			t.Errorf("%s: the kernel's word stands: %+v", name, r)
		}
		next := c.after
		next.Sent += 300
		w.poll(next)
		w.rates(1, 300, 0)
	}
}

func TestTrackerClock(t *testing.T) {
	w := newWatch(t).poll(tcp4(1, 0, 0)).poll(tcp4(1, 1000, 0))
	for range 3 { // the clock stands still
		w.pollAfter(0, nil, tcp4(1, 2000, 0))
		w.rates(1, -1, -1)
		w.change(1, Unchanged)
	}
	w.poll(tcp4(1, 3000, 0))
	w.rates(1, 1000, 0)
	w.pollAfter(time.Hour, nil, tcp4(1, 3000+3600*50, 0)) // suspended
	w.rates(1, 50, 0)
	w.count(1, 1)
	w.pollAfter(time.Hour, nil)
	w.count(1, 1) // one miss is one miss, however long it took
	w.pollAfter(time.Hour, nil)
	w.change(1, Closed)
	w.pollAfter(0, nil)
	w.count(1, 0) // its second is not over
	w.pollAfter(time.Hour, nil)
	w.count(0, 0)
}

func TestTrackerTotals(t *testing.T) {
	w := newWatch(t)
	w.poll(tcp4(1, 100, 1), tcp4(2, 200, 2), udp4(9)).own(Owners{
		Processes: []Process{proc(10, 1), proc(11, 2)},
		Holds:     []Hold{hold(1001, 10, 1), hold(1002, 10, 1), hold(1009, 11, 2)},
	})
	w.poll(tcp4(1, 150, 1), tcp4(2, 200, 2), in(Listen, tcp4(3, 0, 0)), udp4(9))
	w.own(Owners{Processes: []Process{proc(10, 1)}, Holds: []Hold{hold(1003, 10, 1)}, Asked: []uint32{1003}})
	p := w.process(10)
	if p.Sockets != 3 || p.Established != 2 || p.Listening != 1 || p.Sent != 350 || p.Received != 3 || !p.HasBytes ||
		!p.HasRates || p.SentRate != 50 {
		t.Errorf("%+v", p)
	}
	if u := w.process(11); u.Sockets != 1 || u.HasBytes || u.HasRates {
		t.Errorf("UDP only: %+v", u)
	}
	for range 4 {
		w.poll(tcp4(2, 200, 2), udp4(9)) // 1 and 3 close
	}
	p = w.process(10)
	if p.Sockets != 1 || p.Sent != 350 || p.Received != 3 {
		t.Errorf("closed connections stay in the totals: %+v", p)
	}
	if len(w.snap.Sockets) != 2 {
		t.Errorf("%d rows", len(w.snap.Sockets))
	}
	if got := w.snap.Counts; got.Endpoints != 2 || got.State(Established) != 1 || got.State(Close) != 0 || got.State(Listen) != 0 {
		t.Errorf("counts: %+v", got)
	}
}

func TestTrackerShared(t *testing.T) {
	// A socket that systemd opened, the server that started first, and its workers.
	all := []Process{proc(1, 1), proc(50, 300), proc(20, 500), proc(21, 500), proc(30, 400)}
	holds := []Hold{hold(1001, 1, 1), hold(1001, 20, 500), hold(1001, 21, 500), hold(1001, 30, 400), hold(1001, 50, 300), hold(1002, 21, 500), hold(1002, 20, 500)}
	w := newWatch(t).poll(in(Listen, tcp4(1, 0, 0)), tcp4(2, 0, 0)).own(Owners{Processes: all, Holds: holds})
	pids := func(cookie uint64) (pids []int32) {
		for _, p := range w.snap.HoldersOf(w.row(cookie)) {
			pids = append(pids, p.PID)
		}
		slices.Sort(pids[min(1, len(pids)):])
		return pids
	}
	check := func(cookie uint64, holders int32, want ...int32) {
		t.Helper()
		if got := pids(cookie); !slices.Equal(got, want) || w.row(cookie).Holders != holders {
			t.Errorf("row %d: %d holders, %v; want %d, %v", cookie, w.row(cookie).Holders, got, holders, want)
		}
	}
	check(1, 5, 50, 1, 20, 21, 30)
	check(2, 2, 20, 21)
	if w.process(50).Sockets != 1 || w.process(1).Sockets != 0 || w.process(20).Sockets != 1 || w.process(21).Sockets != 0 {
		t.Errorf("a socket counts for more than the one it names: %+v", w.snap.Processes)
	}

	// The one that is named exits, and a worker does: the others still hold it.
	old := w.snap
	w.own(Owners{Asked: []uint32{}, Gone: []ProcessID{{50, 300}, {21, 500}}})
	check(1, 3, 30, 1, 20)
	check(2, 1, 20)
	if len(old.HoldersOf(&old.Sockets[0])) != 5 {
		t.Error("a published snapshot was changed")
	}

	// Their slots are used again. The new processes hold none of it.
	for range 3 {
		w.poll(in(Listen, tcp4(1, 0, 0)), tcp4(2, 0, 0))
	}
	if w.process(50) != nil || w.process(21) != nil {
		t.Error("they still have a slot")
	}
	w.own(Owners{Asked: []uint32{}, Processes: []Process{proc(70, 900), proc(71, 901)}})
	check(1, 3, 30, 1, 20)
	check(2, 1, 20)

	// A full scan that may not see all of them leaves what was known; one that may is believed.
	w.own(Owners{Why: NoPermission})
	check(1, 3, 30, 1, 20)
	w.own(Owners{Why: NoPermission, Processes: []Process{proc(1, 1)}, Holds: []Hold{hold(1001, 1, 1)}})
	check(1, 1, 1)
	check(2, 1, 20)
	w.own(Owners{Why: NoProcess})
	if r := w.row(1); r.Owner != -1 || r.Holders != 0 || r.Why != NoProcess {
		t.Errorf("held by nobody: %+v", r)
	}
}

// TestTrackerSharedByTwoRows: the subflows of one MPTCP socket have its inode.
func TestTrackerSharedByTwoRows(t *testing.T) {
	a, b := tcp4(1, 0, 0), tcp4(2, 0, 0)
	b.Inode = a.Inode
	w := newWatch(t).poll(a, b).own(Owners{
		Processes: []Process{proc(10, 1), proc(11, 2), proc(12, 3)},
		Holds:     []Hold{hold(1001, 10, 1), hold(1001, 11, 2), hold(1001, 12, 3)},
	})
	w.own(Owners{Asked: []uint32{}, Gone: []ProcessID{{10, 1}}})
	for _, cookie := range []uint64{1, 2} {
		r := w.row(cookie)
		if r.Holders != 2 || w.snap.HolderOf(r).PID != 11 || len(w.snap.HoldersOf(r)) != 2 {
			t.Errorf("%+v", r)
		}
	}
}

func TestTrackerAskedAndFull(t *testing.T) {
	w := newWatch(t).poll(tcp4(1, 0, 0), tcp4(2, 0, 0), tcp4(3, 0, 0), in(TimeWait, tcp4(4, 0, 0)))
	if got := w.tr.Unowned(nil); !slices.Equal(got, []uint32{1001, 1002, 1003}) {
		t.Errorf("to be asked: %v", got)
	}
	w.own(Owners{
		Processes: []Process{proc(10, 1)}, Holds: []Hold{hold(1001, 10, 1), hold(1003, 10, 1)},
		Asked: []uint32{1001, 1002}, Why: NoPermission,
	})
	if w.row(1).Owner < 0 || w.row(2).Why != NoPermission || w.row(3).Why != NotYet || w.row(4).Why != InTimeWait {
		t.Errorf("%+v", w.snap.Sockets)
	}
	if got := w.tr.Unowned(nil); !slices.Equal(got, []uint32{1003}) {
		t.Errorf("to be asked: %v", got)
	}
	// A partial answer does not touch what was answered; a full one does.
	move := Owners{Processes: []Process{proc(11, 1)}, Holds: []Hold{hold(1001, 11, 1)}, Asked: []uint32{1001}, Why: NoProcess}
	w.own(move)
	if w.snap.HolderOf(w.row(1)).PID != 10 {
		t.Error("a partial answer moved a socket")
	}
	move.Asked = nil
	w.own(move)
	if w.snap.HolderOf(w.row(1)).PID != 11 || w.row(2).Why != NoProcess || w.row(3).Why != NoProcess {
		t.Errorf("%+v", w.snap.Sockets)
	}
	// What has no inode is nobody's, whatever the answer says.
	w.own(Owners{Processes: []Process{proc(12, 1)}, Holds: []Hold{hold(0, 12, 1)}, Asked: []uint32{0}})
	w.own(Owners{Processes: []Process{proc(12, 1)}, Holds: []Hold{hold(0, 12, 1), hold(1001, 11, 1)}, Why: NoProcess})
	if r := w.row(4); r.Owner != -1 || r.Why != InTimeWait {
		t.Errorf("%+v", r)
	}
	// A hold without its process is no answer.
	w.poll(tcp4(1, 0, 0), tcp4(5, 0, 0)).own(Owners{Holds: []Hold{hold(1005, 99, 1)}, Asked: []uint32{1005}, Why: NoProcess})
	if w.row(5).Why != NotYet {
		t.Errorf("%+v", w.row(5))
	}
}

// Those whose end would not show by their sockets are looked after each time, the others in turn.
func TestTrackerDoubtful(t *testing.T) {
	const n = 150
	w := newWatch(t)
	var sockets []Socket
	var o Owners
	for i := range uint32(n) {
		sockets = append(sockets, tcp4(uint64(i+1), 0, 0))
		o.Processes = append(o.Processes, proc(int32(10+i), 1))
		o.Holds = append(o.Holds, hold(1001+i, int32(10+i), 1))
	}
	o.Holds = slices.Insert(o.Holds, 1, hold(1001, 900, 1)) // shares the first one's socket
	o.Processes = append(o.Processes, proc(900, 1))
	w.poll(sockets...).own(o)
	seen := map[int32]int{}
	for range 3 {
		list := w.tr.Doubtful(nil)
		if len(list) > checksATick+2 {
			t.Errorf("%d processes in one tick", len(list))
		}
		for _, id := range list {
			seen[id.PID]++
		}
	}
	if seen[10] != 3 || seen[900] != 3 {
		t.Errorf("who shares a socket was looked after %d and %d times in 3 ticks", seen[10], seen[900])
	}
	if len(seen) != n+1 {
		t.Errorf("%d of %d processes were looked after in 3 ticks", len(seen), n+1)
	}
}

// The first holder of a shared socket exits: its row names the next, and one that a child inherited is asked for
// again.
func TestTrackerHolderExits(t *testing.T) {
	w := newWatch(t).poll(in(Listen, tcp4(1, 0, 0)), tcp4(2, 0, 0)).own(Owners{
		Processes: []Process{proc(10, 1), proc(11, 2)},
		Holds:     []Hold{hold(1001, 10, 1), hold(1001, 11, 2), hold(1002, 10, 1)},
	})
	w.own(Owners{Asked: []uint32{}, Gone: []ProcessID{{10, 1}}})
	if p := w.snap.HolderOf(w.row(1)); p == nil || p.PID != 11 {
		t.Errorf("the shared socket names %+v, want the worker that is left", p)
	}
	if p := w.snap.HolderOf(w.row(2)); p == nil || p.PID != 10 {
		t.Errorf("a socket that was not seen since names %+v", p)
	}
	w.poll(in(Listen, tcp4(1, 0, 0)), tcp4(2, 0, 0))
	if r := w.row(2); r.Owner != -1 || r.Why != NotYet || !slices.Equal(w.tr.Unowned(nil), []uint32{1002}) {
		t.Errorf("a socket whose only known holder is gone: %+v", r)
	}
}

// A socket that came while a full scan ran is not judged by it.
func TestTrackerFullScanLeavesTheUnsettled(t *testing.T) {
	w := newWatch(t).poll(tcp4(1, 0, 0), tcp4(2, 0, 0), tcp4(3, 0, 0))
	w.own(Owners{Processes: []Process{proc(10, 1)}, Holds: []Hold{hold(1002, 10, 1)}, Early: true, Settled: []uint32{1003}, Why: NoProcess})
	if r := w.row(1); r.Why != NotYet {
		t.Errorf("not seen and unsettled: %v", r.Why)
	}
	if r := w.row(2); r.Owner < 0 {
		t.Errorf("found, though unsettled: %v", r.Why)
	}
	if r := w.row(3); r.Why != NoProcess {
		t.Errorf("not seen: %v", r.Why)
	}
}

// At a short interval a sender that writes once a second has a rate between its writes, and the right one.
func TestTrackerRateAtShortIntervals(t *testing.T) {
	w := newWatch(t)
	sent, sum, n := uint64(0), 0.0, 0
	for i := range 200 {
		if i%10 == 0 {
			sent += 1_000_000
		}
		w.pollAfter(100*time.Millisecond, nil, tcp4(1, sent, 0))
		if i >= 100 {
			sum += float64(w.row(1).SentRate)
			n++
		}
	}
	if mean := sum / float64(n); mean < 950_000 || mean > 1_050_000 {
		t.Errorf("1 MB each second is shown as %.0f bytes/s", mean)
	}
}

func TestTrackerProcessGone(t *testing.T) {
	w := newWatch(t)
	w.poll(tcp4(1, 100, 0)).own(Owners{Processes: []Process{proc(10, 1)}, Holds: []Hold{hold(1001, 10, 1)}})
	w.poll(in(TimeWait, tcp4(1, 0, 0)))
	if got := w.tr.Doubtful(nil); !slices.Equal(got, []ProcessID{{10, 1}}) {
		t.Errorf("doubtful: %v", got)
	}
	w.own(Owners{Asked: []uint32{}, Gone: []ProcessID{{10, 1}, {77, 7}}})
	if got := w.tr.Doubtful(nil); got != nil {
		t.Errorf("doubtful and known to be gone: %v", got)
	}
	w.poll(in(TimeWait, tcp4(1, 0, 0)), tcp4(3, 0, 0))
	w.own(Owners{Asked: []uint32{1003}, Holds: []Hold{hold(1003, 10, 1)}}) // an answer from before it was gone
	if r := w.row(3); r.Owner != -1 || r.Why != NotYet {
		t.Errorf("joined to a process that is gone: %+v", r)
	}
	p := w.process(10)
	if p == nil || !p.Dead || p.Mark != Closed || p.MarkedAt != w.now || !p.Shown(w.snap) {
		t.Fatalf("gone: %+v", p)
	}
	for range 3 { // as long as a row names it, its slot stays, though not on the screen
		w.poll(in(TimeWait, tcp4(1, 0, 0)))
		if p := w.process(10); p == nil || p.Shown(w.snap) || w.snap.HolderOf(w.row(1)).PID != 10 {
			t.Fatalf("named by a TIME_WAIT: %+v", p)
		}
	}
	w.poll().poll().poll()
	w.count(0, 0)
	if w.process(10) != nil {
		t.Error("its slot is still taken")
	}
	// The pid comes back as another process, in the same slot, with nothing of the first.
	w.poll(tcp4(2, 7, 0)).own(Owners{Processes: []Process{proc(10, 500)}, Holds: []Hold{hold(1002, 10, 500)}})
	if p := w.process(10); p.Sent != 7 || p.Start != 500 || p.Dead || p.Mark != New || len(w.snap.Processes) != 1 {
		t.Errorf("the pid's next process: %+v of %d", p, len(w.snap.Processes))
	}
}

// TestTrackerUnpublished: a tick that was not published must not give away the slot of a process that a row
// names.
func TestTrackerUnpublished(t *testing.T) {
	w := newWatch(t).poll()
	tick := func(records ...Socket) {
		w.now += 2e9
		w.tr.Begin(w.now, time.Unix(0, w.now))
		for i := range records {
			w.tr.See(&records[i])
		}
		w.tr.Finish([]Outcome{{tracked[0], true}}, w.hold)
	}
	tick(tcp4(1, 100, 0))
	w.tr.Own(&Owners{Processes: []Process{proc(10, 1)}, Holds: []Hold{hold(1001, 10, 1)}})
	w.tr.Own(&Owners{Asked: []uint32{}, Gone: []ProcessID{{10, 1}}})
	for range 3 {
		tick(in(TimeWait, tcp4(1, 0, 0)))
	}
	w.tr.Own(&Owners{Asked: []uint32{}, Processes: []Process{proc(20, 9)}})
	w.publish()
	if p := w.snap.HolderOf(w.row(1)); p == nil || p.PID != 10 || p.Sent != 100 {
		t.Errorf("the row names %+v", p)
	}
}

// TestTrackerProcessIsBack: what was reported gone by mistake is there again, and is not red.
func TestTrackerProcessIsBack(t *testing.T) {
	one := Owners{Processes: []Process{proc(10, 1)}, Holds: []Hold{hold(1001, 10, 1)}}
	w := newWatch(t).poll(tcp4(1, 5, 0)).own(one).own(Owners{Asked: []uint32{}, Gone: []ProcessID{{10, 1}}})
	w.poll(tcp4(1, 5, 0)).own(one)
	p := w.process(10)
	if p.Dead || Processes().Change(w.snap, p) != Changed || p.Sent != 5 || p.Sockets != 1 {
		t.Errorf("back: %+v", p)
	}
	w.poll(tcp4(1, 5, 0)).poll(tcp4(1, 5, 0)).own(Owners{Asked: []uint32{}, Gone: []ProcessID{{10, 1}}})
	w.poll(tcp4(1, 5, 0))
	if p := w.process(10); p.Mark != Closed || p.MarkedAt != w.now {
		t.Errorf("and gone for good: %+v", p)
	}
}

func TestTrackerProcessMarks(t *testing.T) {
	w := newWatch(t).poll(tcp4(1, 0, 0)).own(Owners{Processes: []Process{proc(10, 1)}, Holds: []Hold{hold(1001, 10, 1)}})
	if p := w.process(10); p.Mark != Unchanged {
		t.Errorf("there before us: %+v", p)
	}
	w.poll(tcp4(1, 0, 0), tcp4(2, 0, 0)).own(Owners{Processes: []Process{proc(11, 5)}, Holds: []Hold{hold(1002, 11, 5)}, Asked: []uint32{1002}})
	if p := w.process(11); p.Mark != New || p.FirstSeen != w.now {
		t.Errorf("new: %+v", p)
	}
	// Read again: its name may have changed (exec), its totals are the tracker's.
	renamed := Process{PID: 11, Start: 5, Name: SafeText("q"), UID: 3, Sent: 999, HasBytes: true, Sockets: 9}
	w.poll(tcp4(1, 0, 0), tcp4(2, 7, 0)).own(Owners{Processes: []Process{renamed}, Asked: []uint32{}})
	if p := w.process(11); p.Name.String() != "q" || p.UID != 3 || p.Sent != 7 || p.Sockets != 1 {
		t.Errorf("read again: %+v", p)
	}
}

// TestTrackerPublishReuses the snapshot's memory and leaves other snapshots alone.
func TestTrackerPublishReuses(t *testing.T) {
	w := newWatch(t).poll(tcp4(1, 1, 0), tcp4(2, 2, 0))
	first := w.snap
	kept := slices.Clone(first.Sockets)
	w.poll(tcp4(1, 100, 0))
	if !slices.Equal(first.Sockets, kept) {
		t.Error("a published snapshot was written to")
	}
	array := &first.Sockets[0]
	w.tr.Publish(first)
	if &first.Sockets[0] != array || first.Now != w.now || first.Counts.Endpoints != 2 {
		t.Error("a snapshot that came back is not used again")
	}
}

// TestEpochTellsOfWhoRowsAre: an order by a steady column holds while the epoch does, whatever the counters do.
func TestEpochTellsOfWhoRowsAre(t *testing.T) {
	tr := NewTracker()
	outcomes := []Outcome{{SourceID{0, TCP, IPv4}, true}}
	now := int64(0)
	poll := func(records ...Socket) uint64 {
		now += 1e9
		tr.Begin(now, time.Unix(0, now))
		for i := range records {
			tr.See(&records[i])
		}
		tr.Finish(outcomes, 1)
		tr.Missing(func(*Socket) Fate { return Gone })
		var s Snapshot
		tr.Publish(&s)
		return s.Epoch
	}
	a, b := tcp4(1, 10, 10), tcp4(2, 10, 10)
	epoch := poll(a, b)
	if epoch == 0 {
		t.Fatal("0 means that it is not known")
	}
	a.Sent, a.Received, a.RecvQ, a.RTT = 99, 99, 99, 99
	if got := poll(a, b); got != epoch {
		t.Error("counters changed the epoch")
	}
	changed := func(what string, got uint64) {
		t.Helper()
		if got == epoch {
			t.Errorf("%s did not change the epoch", what)
		}
		epoch = got
	}
	a.State = CloseWait
	changed("a state", poll(a, b))
	a.RemotePort++
	changed("another end", poll(a, b))
	tr.Own(&Owners{Processes: []Process{proc(5, 5)}, Holds: []Hold{hold(a.Inode, 5, 5)}, Why: NoProcess})
	changed("an owner", poll(a, b))
	changed("one that closed", poll(b))
	changed("its row's end", poll(b))
	changed("one that came", poll(b, tcp4(3, 1, 1)))
	changed("an inode that went", func() uint64 { b.Inode = 0; return poll(b, tcp4(3, 1, 1)) }())
}

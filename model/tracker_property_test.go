package model

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var polls = flag.Int("polls", 24_000, "polls that TestTrackerProperty makes; 1000000 take a quarter of a minute")

// pollsOfAWorld is after how many polls a new world begins.
const pollsOfAWorld = 6000

// TestTrackerProperty drives the tracker through many random polls (dumps that break off, skip and repeat
// rows, ends and inodes that are used again, counters that go back and wrap, a clock that stands still or jumps)
// and compares each snapshot with what a plain book-keeper beside it knows. Each world is a subtest with its seed
// in the name, so that one that fails can be run alone.
func TestTrackerProperty(t *testing.T) {
	var did deeds
	for seed := range uint64((*polls + pollsOfAWorld - 1) / pollsOfAWorld) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			w := newWorld(t, rand.New(rand.NewPCG(seed, 17)))
			w.deeds = &did
			for step := range min(pollsOfAWorld, *polls-int(seed)*pollsOfAWorld) {
				w.live()
				w.poll()
				if w.rnd.IntN(4) != 0 {
					w.check(step)
				}
				if step%32 == 31 {
					w.checkHistory(step)
				}
				if w.rnd.IntN(3) == 0 {
					w.scan()
				}
				if t.Failed() {
					t.Fatalf("seed %d, step %d", seed, step)
				}
			}
		})
	}
	t.Logf("%+v", did)
	if !t.Failed() && *polls >= pollsOfAWorld && slices.Contains(did.all(), 0) {
		t.Errorf("something of it never happened: %+v", did)
	}
}

// deeds count what happened in the worlds, so that a test that became blind shows.
type deeds struct {
	Polls, Records, Repeated, Skipped, BrokenOff, TupleAgain, InodeAgain, WentBack, Wrapped, StoodStill, Gaps, Missed,
	AskedGone, AskedAlive, AskedUnsure, Followed, Closed, Revived, Stale, Rates, Scans, ProcessesGone, Rows,
	Endings, Unseen, Inferred, Late, Remembered int
}

func (d *deeds) all() []int {
	return []int{d.Polls, d.Records, d.Repeated, d.Skipped, d.BrokenOff, d.TupleAgain, d.InodeAgain, d.WentBack, d.Wrapped,
		d.StoodStill, d.Gaps, d.Missed, d.AskedGone, d.AskedAlive, d.AskedUnsure, d.Followed, d.Closed, d.Revived, d.Stale, d.Rates,
		d.Scans, d.ProcessesGone, d.Rows, d.Endings, d.Unseen, d.Inferred, d.Late, d.Remembered}
}

// world is a host of a few sockets and processes, with the books kept about what the tracker was told.
type world struct {
	*testing.T
	*deeds
	rnd    *rand.Rand
	ended  *entry // the last socket that ceased to exist
	tr     *Tracker
	snap   Snapshot
	now    int64
	at     int64  // when the newest dump was asked for
	next   uint64 // cookie
	start  uint64 // of the next process
	alive  []*entry
	procs  []ProcessID
	known  map[uint64]*entry // every cookie that has a row
	moved  map[ProcessID]*moved
	gone   map[ProcessID]bool // the tracker was told so
	shown  map[ProcessID]bool // in the last snapshot
	answer map[SourceID]bool
	ends   []*entry // gone, and perhaps told of later
	// unsettled are those whose end was told, and in which poll.
	unsettled map[*entry]int
	closed    map[uint64]*entry // what has to be in the history: the tracker said goodbye to its row
}

// entry is one socket: what it is, and what the tracker was told of it.
type entry struct {
	Socket
	holders []ProcessID
	exists  bool

	told             Socket // its record as last told
	at               int64
	first            int64
	poll             int // that told of it first
	misses           int
	dead             bool
	diedAt           int64
	stale            bool
	owner            ProcessID
	settled          bool       // a scan answered for it, and is not asked again
	peak             [2]float64 // the highest rate between two samples so far
	rated            bool       // the last two samples gave a rate
	born             bool       // it came when its source had answered before
	bytesKnown       bool
	endTold          bool
	sentAt, received uint64 // counters as last told while they were given
}

const worldHold = int64(1500 * time.Millisecond)

func newWorld(t *testing.T, rnd *rand.Rand) *world {
	return &world{
		T: t, deeds: &deeds{}, rnd: rnd, tr: NewTracker(), now: 1e9, next: 1, start: 1, known: map[uint64]*entry{},
		moved: map[ProcessID]*moved{}, shown: map[ProcessID]bool{}, answer: map[SourceID]bool{},
		unsettled: map[*entry]int{}, closed: map[uint64]*entry{},
	}
}

// live lets the world go on: processes and sockets come and go, bytes move.
func (w *world) live() {
	for len(w.procs) < 3 || w.rnd.IntN(20) == 0 && len(w.procs) < 8 {
		w.start++
		w.procs = append(w.procs, ProcessID{int32(1 + w.rnd.IntN(9)), w.start}) // pids are used again
	}
	if len(w.procs) > 1 && w.rnd.IntN(30) == 0 {
		i := w.rnd.IntN(len(w.procs))
		id := w.procs[i]
		w.ProcessesGone++
		w.procs = slices.Delete(w.procs, i, i+1)
		for _, e := range w.alive {
			if e.holders = slices.DeleteFunc(e.holders, func(h ProcessID) bool { return h == id }); len(e.holders) == 0 {
				w.orphan(e)
			}
		}
	}
	for len(w.alive) < 20 && w.rnd.IntN(2) == 0 {
		w.open()
	}
	for _, e := range w.alive {
		w.step(e)
	}
	w.alive = slices.DeleteFunc(w.alive, func(e *entry) bool {
		if !e.exists {
			w.ended = e
			w.over(e)
		}
		return !e.exists
	})
	if w.ended != nil && w.rnd.IntN(8) == 0 {
		w.open()
	}
}

// open makes a socket. Its ends and its inode may have been another one's.
func (w *world) open() {
	id := tracked[w.rnd.IntN(len(tracked))]
	e := &entry{exists: true}
	e.Cookie, e.Proto, e.Family = w.next, id.Proto, id.Family
	w.next++
	e.Local, e.LocalPort, e.RemotePort = addrOf("192.0.2.1"), 443, uint16(w.rnd.IntN(30))
	if w.ended != nil && w.rnd.IntN(2) == 0 { // between the ends of one that is gone
		e.Proto, e.Family, e.RemotePort = w.ended.Proto, w.ended.Family, w.ended.RemotePort
		id.Proto, id.Family = e.Proto, e.Family
	}
	for slices.ContainsFunc(w.alive, func(other *entry) bool { return other.exists && other.between(e) }) {
		e.RemotePort++ // the kernel has one connection between two ends
	}
	e.Inode, e.UID, e.State = uint32(100+w.rnd.IntN(60)), 33, Established
	if w.rnd.IntN(4) == 0 && id.Proto == TCP {
		e.Inode = 0 // not accepted
	}
	for _, other := range w.known {
		if other.Proto == e.Proto && other.Family == e.Family && other.RemotePort == e.RemotePort {
			w.TupleAgain++
		}
		if other.Inode == e.Inode && e.Inode != 0 {
			w.InodeAgain++
		}
	}
	for _, other := range w.alive {
		if other.Inode == e.Inode && e.Inode != 0 {
			e.holders = slices.Clone(other.holders) // the kernel gives one inode to one socket, or to MPTCP's
		}
	}
	if e.Inode != 0 && len(e.holders) == 0 {
		for range 1 + w.rnd.IntN(3) {
			h := w.procs[w.rnd.IntN(len(w.procs))]
			if !slices.Contains(e.holders, h) {
				e.holders = append(e.holders, h)
			}
		}
	}
	e.Has = HasQueues
	if id.Proto == TCP && w.rnd.IntN(9) != 0 {
		e.Has |= HasBytes
		e.Sent, e.Received = w.rnd.Uint64N(1e6), w.rnd.Uint64N(1e6)
		if w.rnd.IntN(8) == 0 { // it is about to wrap
			e.Sent, e.Received = math.MaxUint64-w.rnd.Uint64N(1e7), math.MaxUint64-w.rnd.Uint64N(1e7)
		}
	}
	w.alive = append(w.alive, e)
}

// between says whether two are connections between the same ends.
func (e *entry) between(o *entry) bool {
	return e.Proto == TCP && o.Proto == TCP && e.Family == o.Family && e.RemotePort == o.RemotePort && e.RemotePort != 0
}

// orphan is what becomes of a socket that nobody holds any more.
func (w *world) orphan(e *entry) {
	if e.Proto == UDP || w.rnd.IntN(2) == 0 || w.known[e.Cookie] == nil { // a new one is taken for the rest of an old one
		e.exists = false
		return
	}
	e.State, e.Inode, e.UID = TimeWait, 0, 0
	e.Has &^= HasBytes
}

func (w *world) step(e *entry) {
	if w.rnd.IntN(40) == 0 {
		e.exists = false
	}
	if e.Has&HasBytes == 0 {
		return
	}
	switch w.rnd.IntN(60) {
	case 0: // a counter goes back
		w.WentBack++
		e.Sent -= min(e.Sent, 1+w.rnd.Uint64N(1e6))
	case 1:
		e.State = CloseWait
	default:
		for _, counter := range []*uint64{&e.Sent, &e.Received} {
			if was := *counter; w.rnd.IntN(2) == 0 {
				if *counter += w.rnd.Uint64N(1e6); *counter < was {
					w.Wrapped++
				}
			}
		}
	}
}

// poll takes one poll, and keeps the books.
func (w *world) poll() {
	w.Polls++
	switch w.rnd.IntN(12) {
	case 0: // the clock stands still
		w.StoodStill++
	case 1: // a suspend, or an interval of a nanosecond
		w.Gaps++
		w.now += []int64{1, int64(time.Hour), int64(30 * 24 * time.Hour)}[w.rnd.IntN(3)]
	default:
		w.now += int64(time.Second) - 5e8 + w.rnd.Int64N(1e9)
	}
	w.at = w.now
	w.tr.Begin(w.now, time.Unix(0, w.now))
	var outcomes []Outcome
	seen := map[*entry]bool{}
	for _, id := range tracked {
		if w.rnd.IntN(2) == 0 { // this dump is asked for later than the last one
			w.at += w.rnd.Int64N(int64(30 * time.Millisecond))
			w.tr.At(w.at)
		}
		whole := w.rnd.IntN(6) != 0
		stop := w.rnd.IntN(6)
		for _, e := range w.alive {
			if e.Proto != id.Proto || e.Family != id.Family {
				continue
			}
			if stop--; !whole && stop < 0 {
				w.BrokenOff++
				continue
			}
			if w.rnd.IntN(25) == 0 {
				w.Skipped++
				continue
			}
			if !seen[e] {
				w.tell(e)
				seen[e] = true
			}
			record := e.Socket
			w.tr.See(&record)
			w.Records++
			if w.rnd.IntN(10) == 0 { // and repeats it, moved on
				w.Repeated++
				record.Sent += 5
				w.tr.See(&record)
			}
		}
		outcomes = append(outcomes, Outcome{id, whole})
	}
	w.tellEnds()
	w.tr.conclude() // as Finish does first: it may take the rows away that this is about
	w.conclude()
	w.tr.Finish(outcomes, worldHold)
	var missed []*entry
	for cookie, e := range w.known {
		whole := slices.Contains(outcomes, Outcome{SourceID{0, e.Proto, e.Family}, true})
		switch {
		case e.dead:
			if w.now-e.diedAt >= worldHold {
				delete(w.known, cookie)
				w.bid(e)
			}
		case seen[e]:
		case whole:
			w.Missed++
			if e.misses++; e.misses == 2 {
				w.bury(e)
			} else {
				missed = append(missed, e)
			}
		default:
			w.Stale++
			e.stale, e.rated = true, false
		}
	}
	for _, o := range outcomes {
		w.answer[o.SourceID] = o.Whole
	}
	if w.rnd.IntN(2) == 0 {
		w.confirm(missed)
	}
}

// confirm answers for each row that was missed once: the kernel is asked for exactly that one.
func (w *world) confirm(missed []*entry) {
	for _, e := range missed {
		for _, next := range w.known {
			if next.born && next.poll == w.Polls && next.between(e) && !e.dead { // that there is another says that it is gone
				w.Followed++
				w.bury(e)
			}
		}
	}
	w.at += w.rnd.Int64N(int64(30 * time.Millisecond))
	w.tr.At(w.at)
	var alive []*entry
	w.tr.Missing(func(r *Socket) Fate {
		e := w.known[r.Cookie]
		if e == nil || e.dead || e.misses != 1 {
			w.Errorf("asked about %d, which was not missed once: %+v", r.Cookie, e)
			return Unsure
		}
		switch {
		case w.rnd.IntN(5) == 0: // there was no time to ask
			w.AskedUnsure++
			return Unsure
		case e.exists:
			w.AskedAlive++
			e.misses = 0
			alive = append(alive, e)
			return Alive
		}
		w.AskedGone++
		w.bury(e)
		return Gone
	})
	for _, e := range alive { // the answer is a record like any other, but when the asking only said that it lives
		if w.rnd.IntN(4) != 0 {
			w.tell(e)
			record := e.Socket
			w.tr.See(&record)
		}
	}
}

// tell keeps the books of one record.
func (w *world) tell(e *entry) {
	dt := float64(w.at-e.at) / 1e9
	fresh := w.known[e.Cookie] == nil
	if fresh {
		w.known[e.Cookie] = e
		if e.State != TimeWait { // what is left of it is no news
			delete(w.closed, e.Cookie)
		}
		e.poll = w.Polls
		e.first, e.born = w.now, w.answer[SourceID{0, e.Proto, e.Family}]
		e.owner, e.settled, e.peak, e.bytesKnown, e.rated = ProcessID{}, false, [2]float64{}, false, false
	}
	if e.dead && !fresh { // it was thought closed
		w.Revived++
		if p := w.moved[e.owner]; p != nil && e.bytesKnown {
			p.sent, p.received = p.sent-e.sentAt, p.received-e.received
		}
		e.rated = false
	}
	before := e.told
	e.rated = !fresh && e.Has&HasBytes != 0 && e.bytesKnown && dt > 0 && e.Sent >= e.sentAt && e.Received >= e.received
	if e.rated {
		e.peak[0] = max(e.peak[0], float64(e.Sent-e.sentAt)/dt)
		e.peak[1] = max(e.peak[1], float64(e.Received-e.received)/dt)
	}
	if e.Has&HasBytes != 0 {
		e.sentAt, e.received, e.bytesKnown = e.Sent, e.Received, true
	}
	if !fresh && e.Inode != 0 && (before.Inode != e.Inode || w.gone[e.owner]) {
		e.owner, e.settled = ProcessID{}, false
	}
	e.told, e.at, e.misses, e.dead, e.stale = e.Socket, w.at, 0, false, false
}

func (w *world) bury(e *entry) {
	w.Closed++
	e.dead, e.diedAt, e.rated = true, w.now, false
	if p := w.moved[e.owner]; p != nil && e.bytesKnown {
		p.sent, p.received = p.sent+e.sentAt, p.received+e.received
	}
}

// scan answers about owners: all of them, or those asked for; and which processes are gone.
func (w *world) scan() {
	o := Owners{Why: NoProcess}
	full := w.rnd.IntN(3) == 0
	asked := w.tr.Unowned(nil)
	holds := map[Hold]bool{}
	for _, e := range w.alive {
		for _, h := range e.holders {
			if e.Inode != 0 && (full || slices.Contains(asked, e.Inode)) {
				holds[Hold{e.Inode, h}] = true
			}
		}
	}
	told := map[ProcessID]bool{}
	for h := range holds {
		o.Holds = append(o.Holds, h)
		if !told[h.ProcessID] {
			told[h.ProcessID] = true
			o.Processes = append(o.Processes, Process{PID: h.PID, Start: h.Start, Name: SafeText("p")})
			if w.moved[h.ProcessID] == nil {
				w.moved[h.ProcessID] = &moved{}
			}
		}
	}
	slices.SortFunc(o.Holds, func(a, b Hold) int { return int(a.Inode) - int(b.Inode) })
	if !full {
		o.Asked = append([]uint32{}, asked...)
	}
	for _, id := range w.tr.Doubtful(nil) {
		if !slices.Contains(w.procs, id) {
			o.Gone = append(o.Gone, id)
		}
	}
	w.Scans++
	w.tr.Own(&o)
	defer w.forget(o.Gone)
	for _, e := range w.known { // whom the rows name now
		r := e.told
		if e.dead || r.Inode == 0 || !full && (e.settled || !slices.Contains(asked, r.Inode)) {
			continue
		}
		e.owner, e.settled = ProcessID{}, true
		for h := range holds {
			if h.Inode == r.Inode && (e.owner == ProcessID{} || before(h.ProcessID, e.owner)) {
				e.owner = h.ProcessID
			}
		}
	}
}

// forget lets rows that named a process which is gone name another holder, or nobody until the next scan.
func (w *world) forget(gone []ProcessID) {
	if w.gone == nil {
		w.gone = make(map[ProcessID]bool)
	}
	for _, id := range gone {
		w.gone[id] = true
	}
	w.tr.Publish(&w.snap)
	for i := range w.snap.Sockets {
		r := &w.snap.Sockets[i]
		e := w.known[r.Cookie]
		if e == nil || e.dead || r.Inode == 0 || len(gone) == 0 || slices.Contains(w.procs, e.owner) {
			continue
		}
		e.owner = ProcessID{}
		if p := w.snap.HolderOf(r); p != nil {
			e.owner = ProcessID{p.PID, p.Start} // if it is gone, tell takes it back at the next poll
		}
	}
}

// before is which of two holders a row names.
func before(a, b ProcessID) bool {
	if (a.PID == 1) != (b.PID == 1) {
		return b.PID == 1
	}
	return a.Start < b.Start || a.Start == b.Start && a.PID < b.PID
}

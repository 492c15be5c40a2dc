package model

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestTrackerProperty drives the tracker through many random polls (dumps that break off, skip and repeat
// rows, ends and inodes that are used again, counters that go back, a clock that stands still or jumps) and
// compares each snapshot with what a plain book-keeper beside it knows.
func TestTrackerProperty(t *testing.T) {
	for seed := range uint64(4) {
		w := newWorld(t, rand.New(rand.NewPCG(seed, 17)))
		for step := range 6000 {
			w.live()
			w.poll()
			if w.rnd.IntN(4) != 0 {
				w.check(step)
			}
			if w.rnd.IntN(3) == 0 {
				w.scan()
			}
			if t.Failed() {
				t.Fatalf("seed %d, step %d", seed, step)
			}
		}
	}
}

// world is a host of a few sockets and processes, with the books kept about what the tracker was told.
type world struct {
	*testing.T
	rnd    *rand.Rand
	tr     *Tracker
	snap   Snapshot
	now    int64
	next   uint64 // cookie
	start  uint64 // of the next process
	alive  []*entry
	procs  []ProcessID
	known  map[uint64]*entry // every cookie that has a row
	moved  map[ProcessID]*moved
	gone   map[ProcessID]bool // the tracker was told so
	shown  map[ProcessID]bool // in the last snapshot
	answer map[SourceID]bool
}

// entry is one socket: what it is, and what the tracker was told of it.
type entry struct {
	Socket
	holders []ProcessID
	exists  bool

	told             Socket // its record as last told
	at               int64
	first            int64
	misses           int
	dead             bool
	diedAt           int64
	stale            bool
	owner            ProcessID
	peak             [2]float64 // the highest rate between two samples so far
	rated            bool       // the last two samples gave a rate
	born             bool       // it came when its source had answered before
	bytesKnown       bool
	sentAt, received uint64 // counters as last told while they were given
}

const worldHold = int64(1500 * time.Millisecond)

func newWorld(t *testing.T, rnd *rand.Rand) *world {
	return &world{
		T: t, rnd: rnd, tr: NewTracker(), now: 1e9, next: 1, start: 1, known: map[uint64]*entry{},
		moved: map[ProcessID]*moved{}, shown: map[ProcessID]bool{}, answer: map[SourceID]bool{},
	}
}

// live lets the world go on: processes and sockets come and go, bytes move.
func (w *world) live() {
	if len(w.procs) < 3 || w.rnd.IntN(20) == 0 && len(w.procs) < 8 {
		w.start++
		w.procs = append(w.procs, ProcessID{int32(1 + w.rnd.IntN(9)), w.start}) // pids are used again
	}
	if w.rnd.IntN(30) == 0 {
		i := w.rnd.IntN(len(w.procs))
		id := w.procs[i]
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
	w.alive = slices.DeleteFunc(w.alive, func(e *entry) bool { return !e.exists })
}

// open makes a socket. Its ends and its inode may have been another one's.
func (w *world) open() {
	id := tracked[w.rnd.IntN(len(tracked))]
	e := &entry{exists: true}
	e.Cookie, e.Proto, e.Family = w.next, id.Proto, id.Family
	w.next++
	e.Local, e.LocalPort, e.RemotePort = addrOf("192.0.2.1"), 443, uint16(w.rnd.IntN(30))
	e.Inode, e.UID, e.State = uint32(100+w.rnd.IntN(60)), 33, Established
	if w.rnd.IntN(4) == 0 && id.Proto == TCP {
		e.Inode = 0 // not accepted
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
	}
	w.alive = append(w.alive, e)
}

// orphan is what becomes of a socket that nobody holds any more.
func (w *world) orphan(e *entry) {
	if e.Proto == UDP || w.rnd.IntN(2) == 0 {
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
		e.Sent = w.rnd.Uint64N(e.Sent + 1)
	case 1:
		e.State = CloseWait
	default:
		if w.rnd.IntN(2) == 0 {
			e.Sent += w.rnd.Uint64N(1e6)
		}
		if w.rnd.IntN(2) == 0 {
			e.Received += w.rnd.Uint64N(1e6)
		}
	}
}

// poll takes one poll, and keeps the books.
func (w *world) poll() {
	switch w.rnd.IntN(12) {
	case 0: // the clock stands still
	case 1:
		w.now += int64(time.Hour)
	default:
		w.now += int64(time.Second) - 5e8 + w.rnd.Int64N(1e9)
	}
	w.tr.Begin(w.now, time.Unix(0, w.now))
	var outcomes []Outcome
	seen := map[*entry]bool{}
	for _, id := range tracked {
		whole := w.rnd.IntN(6) != 0
		stop := w.rnd.IntN(6)
		for _, e := range w.alive {
			if e.Proto != id.Proto || e.Family != id.Family {
				continue
			}
			if stop--; !whole && stop < 0 || w.rnd.IntN(25) == 0 {
				continue // the dump broke off, or skipped it
			}
			if !seen[e] {
				w.tell(e)
				seen[e] = true
			}
			record := e.Socket
			w.tr.See(&record)
			if w.rnd.IntN(10) == 0 { // and repeats it, moved on
				record.Sent += 5
				w.tr.See(&record)
			}
		}
		outcomes = append(outcomes, Outcome{id, whole})
	}
	w.tr.Finish(outcomes, worldHold)
	for cookie, e := range w.known {
		whole := slices.Contains(outcomes, Outcome{SourceID{0, e.Proto, e.Family}, true})
		switch {
		case e.dead:
			if w.now-e.diedAt >= worldHold {
				delete(w.known, cookie)
			}
		case seen[e]:
		case whole:
			if e.misses++; e.misses == 2 {
				w.bury(e)
			}
		default:
			e.stale, e.rated = true, false
		}
	}
	for _, o := range outcomes {
		w.answer[o.SourceID] = o.Whole
	}
	if w.rnd.IntN(2) == 0 {
		w.tr.Missing(func(r *Socket) Fate {
			e := w.known[r.Cookie]
			if e == nil || e.dead || e.misses != 1 {
				w.Errorf("asked about %d, which was not missed once: %+v", r.Cookie, e)
				return Unsure
			}
			if e.exists {
				e.misses = 0
				return Alive
			}
			w.bury(e)
			return Gone
		})
	}
}

// tell keeps the books of one record.
func (w *world) tell(e *entry) {
	dt := float64(w.now-e.at) / 1e9
	fresh := w.known[e.Cookie] == nil
	if fresh {
		w.known[e.Cookie] = e
		e.first, e.born = w.now, w.answer[SourceID{0, e.Proto, e.Family}]
		e.owner, e.peak, e.bytesKnown, e.rated = ProcessID{}, [2]float64{}, false, false
	}
	if e.dead && !fresh { // it was thought closed
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
		e.owner = ProcessID{}
	}
	e.told, e.at, e.misses, e.dead, e.stale = e.Socket, w.now, 0, false, false
}

func (w *world) bury(e *entry) {
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
	w.tr.Own(&o)
	defer w.forget(o.Gone)
	for _, e := range w.known { // whom the rows name now
		r := e.told
		if e.dead || r.Inode == 0 || !full && (e.owner != ProcessID{} || !slices.Contains(asked, r.Inode)) {
			continue
		}
		e.owner = ProcessID{}
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

// check compares a snapshot with the books.
func (w *world) check(step int) {
	s := &w.snap
	s.Hold = worldHold
	w.tr.Publish(s)
	rows := map[uint64]bool{}
	live := 0
	totals := map[ProcessID]*moved{}
	for id, m := range w.moved {
		totals[id] = &moved{m.sent, m.received}
	}
	for i := range s.Sockets {
		r := &s.Sockets[i]
		e := w.known[r.Cookie]
		if e == nil || rows[r.Cookie] {
			w.Fatalf("step %d: a row that nobody told of, or twice: %+v", step, *r)
		}
		rows[r.Cookie] = true
		w.checkRow(r, e)
		if !r.Dead {
			live++
			if m := totals[e.owner]; m != nil && e.bytesKnown {
				m.sent, m.received = m.sent+r.Sent, m.received+r.Received
			}
		}
	}
	for cookie, e := range w.known {
		if !rows[cookie] {
			w.Fatalf("step %d: row %d is lost: %+v", step, cookie, e)
		}
	}
	if s.Counts.Endpoints != live {
		w.Errorf("%d endpoints counted, %d are live", s.Counts.Endpoints, live)
	}
	w.checkProcesses(totals)
}

func (w *world) checkRow(r *Socket, e *entry) {
	if r.Dead != e.dead || r.Stale != (e.stale && !e.dead || r.Dead && r.Stale) || r.FirstSeen != e.first || r.AgeKnown != e.born {
		w.Errorf("row %+v\nbooks %+v", *r, *e)
	}
	if (r.Has&HasBytes != 0) != e.bytesKnown || e.bytesKnown && (r.Sent != e.sentAt || r.Received != e.received) {
		w.Errorf("counters of %+v\nbooks %+v", *r, *e)
	}
	if r.State != e.told.State || r.Inode != e.told.Inode {
		w.Errorf("state of %+v\nbooks %+v", *r, *e)
	}
	if (r.Has&HasRates != 0) != e.rated {
		w.Errorf("has a rate: %v, books %v (%+v)", r.Has&HasRates != 0, e.rated, *r)
	}
	for i, rate := range [...]float32{r.SentRate, r.ReceivedRate} {
		if f := float64(rate); r.Has&HasRates != 0 && (math.IsNaN(f) || f < 0 || f > e.peak[i]*(1+1e-6)) {
			w.Errorf("a rate of %g bytes/s, never more than %g between two samples: %+v", f, e.peak[i], *r)
		}
	}
	p := w.snap.HolderOf(r)
	if (p != nil) != (e.owner != ProcessID{}) || p != nil && (ProcessID{p.PID, p.Start}) != e.owner {
		w.Errorf("named: %+v, books %+v: %+v", p, e.owner, *r)
	}
	if r.Was != (p != nil && r.Inode == 0) || (p == nil) != (r.Why != Known) {
		w.Errorf("owner %+v of %+v", p, *r)
	}
	for i, h := range w.snap.HoldersOf(r) {
		if h.PID == 0 || i > 0 && h.Dead {
			w.Errorf("a holder that is none: %+v", *h)
		}
	}
}

// checkProcesses checks that each process has moved what its connections have, closed ones included, and
// that none is lost while it lives.
func (w *world) checkProcesses(totals map[ProcessID]*moved) {
	shown := map[ProcessID]bool{}
	for i := range w.snap.Processes {
		p := &w.snap.Processes[i]
		if p.PID == 0 {
			continue
		}
		id := ProcessID{p.PID, p.Start}
		m := totals[id]
		if m == nil || shown[id] {
			w.Errorf("a process that nobody told of, or twice: %+v", *p)
			continue
		}
		shown[id] = true
		if p.Sent != m.sent || p.Received != m.received {
			w.Errorf("process %v moved %d and %d, its connections %d and %d", id, p.Sent, p.Received, m.sent, m.received)
		}
		if p.SentRate < 0 || p.ReceivedRate < 0 || p.Established > p.Sockets {
			w.Errorf("%+v", *p)
		}
	}
	for id := range w.shown {
		if !shown[id] && slices.Contains(w.procs, id) {
			w.Errorf("process %v is lost, and lives", id)
		}
	}
	w.shown = shown
	for id := range w.moved {
		if !shown[id] && !slices.Contains(w.procs, id) {
			delete(w.moved, id)
		}
	}
}

package model

import "time"

// Tracker folds one poll after the other into complete snapshots: it marks what is new and what changed,
// sweeps what is gone, turns counters into rates, and keeps for each process what its closed connections
// moved.
//
// A poll is Begin, See for each record of each dump, Closed for each destroy event, SeeUnix while unix sockets are
// looked at, Finish, and then Publish. Owners may be told with Own at any time between. It is used by one goroutine.
type Tracker struct {
	rows  []Socket
	seen  []seenAt // beside rows
	rates histories
	index rowIndex
	last  int32 // the row that the dump gave last, -1 at its beginning
	unix  *Roll[UnixSocket]
	ended map[tuple]ended // closings that may still be corrected
	near  around

	spaces  spaces
	stirred uint64 // see Stirred

	ring    ring
	leaving map[uint64]leaving // by the cookies of rows whose end is not settled yet
	named   []NetNS            // the namespaces, as In named them

	epoch    uint64
	tick     uint32
	now      int64
	wall     time.Time
	answered map[SourceID]bool // whether a source was whole last time: only then its new rows are news

	procs     []Process // a slot stays with its process until no row names it
	past      []moved   // beside procs: what closed connections moved
	refs      []int32   // beside procs: rows that name it, counted by Finish
	free      []int32   // slots without a process
	procIndex map[ProcessID]int32
	shared    map[uint32][]int32 // inode -> slots, of sockets with several holders
	holders   []Holder           // shared as published; made anew when shared changes

	owned   bool     // an owner scan was answered
	turn    int      // where Doubtful goes on
	at      int64    // when the dump that is being read was asked for
	missing []int32  // rows that the last poll missed for the first time
	came    []ends   // connections that it saw for the first time
	vacated []uint32 // inodes that no row has any more, since Vacated was last asked
}

// seenAt says when a row was last in a dump, and which row came after it there: a dump goes through the kernel's
// table in the same order each time, so that the next row can be guessed.
type seenAt struct {
	at   int64
	tick uint32
	next int32
	past samples
}

// moved is payload bytes.
type moved struct{ sent, received uint64 }

// SourceID names what a dump asked for.
type SourceID struct {
	NetNS  uint16
	Proto  Proto
	Family Family
}

// Outcome says how one dump of a poll went. Whole is false for a refused, failed or partial one: its rows
// that were not seen are then stale, not closed.
type Outcome struct {
	SourceID
	Whole bool
}

// NewTracker makes a tracker that has seen nothing.
func NewTracker() *Tracker {
	return &Tracker{
		unix:      newUnixRoll(),
		ring:      ring{limit: DefaultHistory},
		index:     rowIndex{make(map[uint64]int32), make(map[tuple]int32)},
		last:      -1,
		ended:     make(map[tuple]ended),
		spaces:    spaces{resting: make(map[uint16]bool), leaving: make(map[uint16]bool), asked: make(map[uint16][2]int64)},
		answered:  make(map[SourceID]bool),
		procIndex: make(map[ProcessID]int32),
		shared:    make(map[uint32][]int32),
	}
}

// Expect makes room for n rows, before the first poll: a table of 100,000 is not grown by and by then.
func (t *Tracker) Expect(n int) {
	if t.rows != nil || n <= 0 {
		return
	}
	n += n/32 + 64
	t.rows, t.seen = make([]Socket, 0, n), make([]seenAt, 0, n)
	t.index.cookies = make(map[uint64]int32, n)
}

// Begin starts a poll. now is the monotonic clock in ns; it must not be smaller than in the poll before.
func (t *Tracker) Begin(now int64, wall time.Time) {
	t.tick++
	t.now, t.wall, t.at, t.last = now, wall, now, -1
	t.came = t.came[:0]
	t.spaces.begin()
}

// Now is when the poll began, ns.
func (t *Tracker) Now() int64 { return t.now }

// At tells when a further dump of the poll was asked for, on the clock of Begin: a rate is over the time between
// the dumps, not between the polls.
func (t *Tracker) At(now int64) { t.at = now }

// See takes one record of a dump. s is copied; its tracker's fields (FirstSeen to Missed, Owner) are
// ignored. A record that the dump repeats counts once.
func (t *Tracker) See(s *Socket) {
	i, ok := t.guess(s)
	if !ok {
		i, ok = t.index.get(s)
	}
	if !ok {
		i, ok = t.takeOver(s)
	}
	switch {
	case !ok:
		i = t.add(s)
		if r := &t.rows[i]; r.Mark == New && isConnection(r) {
			t.came = append(t.came, endsOf(r))
		}
	case t.rows[i].Dead: // it was thought closed and is back: same cookie, so the same socket
		t.revive(i, s)
	case t.seen[i].tick != t.tick:
		t.update(i, s)
	}
	if t.last >= 0 {
		t.seen[t.last].next = i
	}
	t.last = i
}

// guess is the row that came after the last one in the dump before, when it is that of s.
func (t *Tracker) guess(s *Socket) (int32, bool) {
	if t.last < 0 || s.Cookie == 0 {
		return 0, false
	}
	i := t.seen[t.last].next
	if int(i) >= len(t.rows) || t.rows[i].Cookie != s.Cookie || t.rows[i].NetNS != s.NetNS {
		return 0, false
	}
	return i, true
}

func (t *Tracker) add(s *Socket) int32 {
	i := int32(len(t.rows))
	t.rows = append(t.rows, *s)
	t.seen = append(t.seen, seenAt{at: t.at, tick: t.tick, next: i + 1})
	t.index.set(s, i)
	t.epoch++
	r := &t.rows[i]
	r.FirstSeen, r.MarkedAt = t.now, t.now
	r.Mark, r.Before, r.Missed = Unchanged, StateUnknown, 0
	r.Stale, r.Dead, r.Was, r.AgeKnown, r.unseen = false, false, false, false, false
	r.QuietSent, r.QuietReceived = 0, 0
	r.Owner, r.Holders, r.Why, r.Inferred = -1, 0, ownerUnknown(r), false
	if r.past = notPast; lingers(r) {
		r.past = noPast
	} else if len(t.ring.untold) > 0 {
		t.ring.takeBack(cookieOf(r)) // it was thought closed, and its row is gone
	}
	if r.State != TimeWait && r.State != SynRecv {
		r.Has |= HasUID
	}
	r.Has &^= HasRates
	if t.answered[SourceID{r.NetNS, r.Proto, r.Family}] {
		r.Mark, r.AgeKnown = New, true
	}
	return i
}

// ownerUnknown is why a socket that was never joined to a process has no owner.
func ownerUnknown(r *Socket) Unknown {
	switch {
	case r.Inode != 0:
		return NotYet
	case r.State == TimeWait:
		return InTimeWait
	case r.Proto == TCP && (r.State == SynRecv || r.State == Established || r.State == CloseWait):
		return NotAccepted
	}
	return NoProcess
}

// revive takes back a row that was declared closed too early.
func (t *Tracker) revive(i int32, s *Socket) {
	r := &t.rows[i]
	if lingers(s) {
		t.lingered(r)
	} else {
		t.livesOn(r)
	}
	t.unbank(r)
	r.Dead = false
	t.epoch++
	t.update(i, s)
	if r.Holders > 1 { // some may have exited meanwhile
		r.Holders = int32(max(1, len(t.shared[r.Inode])))
	}
	r.Mark, r.MarkedAt = Changed, t.now
}

// update folds a newer record of the same socket into its row.
func (t *Tracker) update(i int32, s *Socket) {
	r, seen := &t.rows[i], &t.seen[i]
	was := *r
	*r = *s
	r.FirstSeen, r.AgeKnown = was.FirstSeen, was.AgeKnown
	r.MarkedAt, r.Mark, r.Before = was.MarkedAt, was.Mark, was.Before
	r.Holding, r.past = was.Holding, was.past
	r.QuietSent, r.QuietReceived = was.QuietSent, was.QuietReceived
	r.Stale, r.Dead, r.unseen, r.Missed = false, false, false, 0
	r.Has &^= HasRates

	if r.State != was.State {
		r.Before, r.Mark, r.MarkedAt = was.State, Changed, t.now
		if was.unseen { // that state is the event's
			r.Before = StateUnknown
		}
		if lingers(r) {
			t.lingersOn(&was)
		}
	}
	if r.State != TimeWait && r.State != SynRecv {
		r.Has |= HasUID
	} else if was.Has&HasUID != 0 {
		r.UID, r.Has = was.UID, r.Has|HasUID
	}
	if r.State != was.State || r.Inode != was.Inode || r.Remote != was.Remote || r.RemotePort != was.RemotePort ||
		r.Local != was.Local || r.LocalPort != was.LocalPort {
		t.epoch++
	}
	if r.Sent != was.Sent || r.Received != was.Received || r.RecvQ != was.RecvQ || r.SendQ != was.SendQ {
		t.stirred++
	}
	t.keepCounters(r, &was)
	t.measure(r, &was, t.at-seen.at)
	t.noteInode(r, &was)
	if r.Has&HasRates != 0 {
		t.rates.add(&seen.past, r.SentRate, r.ReceivedRate)
	}
	seen.at, seen.tick = t.at, t.tick
}

// noteInode keeps Owner right when the inode comes (accept) or goes (the process closed it).
func (t *Tracker) noteInode(r, was *Socket) {
	switch {
	case r.Inode == was.Inode:
		if r.Inode != 0 && r.Owner >= 0 && t.procs[r.Owner].Dead {
			// Its process is known to be gone and it lives on: somebody inherited it.
			r.Owner, r.Holders, r.Why, r.Inferred = -1, 0, NotYet, false
			t.epoch++
		}
		if r.Owner < 0 && r.Inode == 0 && r.State != was.State {
			r.Why = ownerUnknown(r)
		}
	case r.Inode == 0:
		t.vacate(was.Inode)
		r.Was, r.Holders = r.Owner >= 0, 0
		if r.Owner < 0 {
			r.Why = ownerUnknown(r)
		}
	default:
		r.Owner, r.Holders, r.Was, r.Why, r.Inferred = -1, 0, false, NotYet, false
	}
}

// Finish ends a poll. Rows that a whole dump did not have are closed at the second miss, or when Gone says
// so; rows of a dump that failed are stale. hold is for how long, in ns, closed rows stay.
func (t *Tracker) Finish(outcomes []Outcome, hold int64) {
	t.missing = t.missing[:0]
	t.witness()
	t.conclude()
	t.spaces.answered(outcomes, t.now)
	t.last = -1 // rows move; what is seen after this is the answer to a question, and follows nothing
	whole := make(map[SourceID]bool, len(outcomes))
	for _, o := range outcomes {
		whole[o.SourceID] = o.Whole
		t.answered[o.SourceID] = o.Whole
	}
	clear(t.refs)
	clear(t.spaces.rows)
	for i := 0; i < len(t.rows); {
		if len(t.spaces.leaving) > 0 && t.leave(i) {
			continue
		}
		r := &t.rows[i]
		if r.past == notPast {
			t.settlePast(i, false)
		}
		if r.Dead {
			if t.now-r.MarkedAt >= hold {
				t.remove(i)
				continue
			}
		} else if t.seen[i].tick != t.tick {
			t.miss(i, r, whole)
		}
		t.refer(r.Inode, &r.Holding)
		t.spaces.count(r.NetNS)
		i++
	}
	if len(t.spaces.leaving) > 0 {
		t.leaveUnix()
	}
	rows := t.unix.Rows()
	for i := range rows {
		t.refer(rows[i].Inode, &rows[i].Holding)
		t.spaces.count(rows[i].NetNS)
	}
	clear(t.spaces.leaving)
	t.sweepProcesses(hold)
}

// refer counts the processes that a row names, or that hold it with the one it names.
func (t *Tracker) refer(inode uint32, h *Holding) {
	if h.Owner >= 0 {
		t.refs[h.Owner]++
	}
	if h.Holders > 1 {
		for _, slot := range t.shared[inode] {
			t.refs[slot]++
		}
	}
}

func (t *Tracker) miss(i int, r *Socket, whole map[SourceID]bool) {
	if t.spaces.resting[r.NetNS] {
		return
	}
	if whole[SourceID{r.NetNS, r.Proto, r.Family}] {
		r.Missed++
		if r.Missed >= 2 {
			t.die(r)
		} else {
			t.missing = append(t.missing, int32(i))
		}
		return
	}
	r.Stale = true
	r.Has &^= HasRates
}

func (t *Tracker) die(r *Socket) {
	t.epoch++
	r.Dead, r.Mark, r.MarkedAt = true, Closed, t.now
	t.vacate(r.Inode)
	r.Has &^= HasRates
	t.bank(r)
}

// Fate is what asking the kernel for exactly one socket says of it.
type Fate uint8

// The fates. The zero Fate is that nothing was learned: the second miss decides.
const (
	Unsure Fate = iota
	Alive       // the dump had skipped it
	Gone
)

// Missing calls f for each socket that the last poll missed for the first time, so that the kernel can be
// asked for exactly that one. A connection between whose ends there is another by now needs no asking: it is gone.
func (t *Tracker) Missing(f func(*Socket) Fate) {
	var followed map[ends]bool
	if len(t.missing) > 0 && len(t.came) > 0 {
		followed = make(map[ends]bool, len(t.came))
		for _, e := range t.came {
			followed[e] = true
		}
	}
	for _, i := range t.missing {
		r := &t.rows[i]
		if isConnection(r) && followed[endsOf(r)] {
			t.die(r)
			continue
		}
		switch f(r) {
		case Gone:
			t.die(r)
		case Alive:
			r.Missed = 0
		}
	}
	t.missing = t.missing[:0]
}

// remove takes row i out; the last row takes its place.
func (t *Tracker) remove(i int) {
	t.epoch++
	t.settlePast(i, true)
	t.index.remove(&t.rows[i])
	t.rates.forget(&t.seen[i].past)
	last := len(t.rows) - 1
	if i != last {
		t.rows[i], t.seen[i] = t.rows[last], t.seen[last]
		t.index.set(&t.rows[i], int32(i))
	}
	t.rows, t.seen = t.rows[:last], t.seen[:last]
}

package model

// The half of the tracker that joins sockets to processes: who holds what, who is gone, what is still to be looked
// for.

import (
	"cmp"
	"maps"
	"slices"
)

// ProcessID names a process for good.
type ProcessID struct {
	PID   int32
	Start uint64 // clock ticks after boot
}

// Owners is the answer of an owner scan.
type Owners struct {
	Processes []Process // the identity of each process in Holds; its totals are the tracker's
	Holds     []Hold    // sorted by inode
	Asked     []uint32  // the inodes that were looked for, sorted; nil for all of them
	Why       Unknown   // what to say of a looked-for inode that nobody was seen to hold
	// Early says that the scan of all began before some rows were there: that nobody was seen to hold a socket is an
	// answer only if it had one before or is among Settled.
	Early   bool
	Settled []uint32 // sorted
	Gone    []ProcessID
}

// Hold says that a process holds the socket with this inode.
type Hold struct {
	Inode uint32
	ProcessID
}

// Unowned appends the inodes that no owner scan has answered for yet, sorted.
func (t *Tracker) Unowned(dst []uint32) []uint32 {
	t.eachHeld(func(inode uint32, h *Holding) {
		if h.Why == NotYet && h.Owner < 0 {
			dst = append(dst, inode)
		}
	})
	slices.Sort(dst)
	return slices.Compact(dst)
}

func (t *Tracker) vacate(inode uint32) {
	if inode != 0 {
		t.vacated = append(t.vacated, inode)
	}
}

// Vacated appends the inodes of sockets that were closed since it was last asked: the descriptors that held them
// may hold others now.
func (t *Tracker) Vacated(dst []uint32) []uint32 {
	dst = append(dst, t.vacated...)
	t.vacated = t.vacated[:0]
	return dst
}

// Accepting appends the processes to look at first for a new connection: those that hold a listener, a server's
// workers among them. Each comes once.
func (t *Tracker) Accepting(dst []int32) []int32 {
	first := len(dst)
	for i := range t.rows {
		r := &t.rows[i]
		if r.State != Listen || r.Dead || r.Owner < 0 {
			continue
		}
		dst = append(dst, t.procs[r.Owner].PID)
		for _, slot := range t.shared[r.Inode] {
			dst = append(dst, t.procs[slot].PID)
		}
	}
	slices.Sort(dst[first:])
	return dst[:first+len(slices.Compact(dst[first:]))]
}

// Own takes the answer of an owner scan.
func (t *Tracker) Own(o *Owners) {
	t.epoch++
	holds := indexHolds(o)
	t.meet(o, holds)
	before := t.shared
	if o.Asked == nil {
		t.shared = make(map[uint32][]int32, len(before))
	}
	t.eachHeld(func(inode uint32, h *Holding) {
		if o.Asked != nil {
			if h.Why != NotYet || h.Owner >= 0 {
				return
			}
			if _, asked := slices.BinarySearch(o.Asked, inode); !asked {
				return
			}
		}
		t.own(inode, h, o, holds.of(inode), holds.slots, before)
	})
	t.noteInet()
	for _, id := range o.Gone {
		if slot, ok := t.procIndex[id]; ok {
			t.procs[slot].Dead = true
		}
	}
	if len(o.Gone) > 0 {
		t.forgetGone()
	}
	t.owned = true
	t.publishHolders()
}

// meet takes note of the processes of an answer, and of their slots in holds. When the answer is about every socket of
// the host, unix sockets and other namespaces' too, those that hold none of the rows are left out.
func (t *Tracker) meet(o *Owners, holds *holdIndex) {
	wanted := make([]bool, len(o.Processes))
	if o.Asked == nil {
		t.eachHeld(func(inode uint32, _ *Holding) {
			for _, h := range holds.of(inode) {
				if h.process >= 0 {
					wanted[h.process] = true
				}
			}
		})
	}
	for i := range o.Processes {
		p := &o.Processes[i]
		if _, known := t.procIndex[ProcessID{p.PID, p.Start}]; known || o.Asked != nil || wanted[i] {
			t.know(p)
		}
		holds.slots[i] = -1
		if slot, ok := t.procIndex[ProcessID{p.PID, p.Start}]; ok && !t.procs[slot].Dead {
			holds.slots[i] = slot
		}
	}
}

// forgetGone takes the processes that are gone out of the holders of shared sockets; a row that named one
// names another, who still holds it. A row whose only known holder is gone keeps it until the next poll: see
// noteInode.
func (t *Tracker) forgetGone() {
	gone := func(slot int32) bool { return t.procs[slot].Dead }
	for inode, slots := range t.shared {
		t.shared[inode] = slices.DeleteFunc(slots, gone)
	}
	t.eachHeld(func(inode uint32, h *Holding) {
		slots, ok := t.shared[inode]
		if h.Owner < 0 || !ok || int(h.Holders) == len(slots) {
			return
		}
		h.Holders = int32(max(1, len(slots)))
		if len(slots) > 0 && gone(h.Owner) {
			h.Owner = t.first(slots)
		}
	})
	maps.DeleteFunc(t.shared, func(_ uint32, slots []int32) bool { return len(slots) < 2 })
}

// first is which of several holders a row names.
func (t *Tracker) first(slots []int32) int32 {
	best := slots[0]
	for _, slot := range slots[1:] {
		if ownsBefore(&t.procs[slot], &t.procs[best]) {
			best = slot
		}
	}
	return best
}

// own joins one socket to its holders, those of held, whose processes have these slots. before is who shared sockets until
// now.
func (t *Tracker) own(inode uint32, r *Holding, o *Owners, held []held, slotOf []int32, before map[uint32][]int32) {
	if len(held) == 0 {
		if o.Early && r.Owner < 0 && r.Why == NotYet {
			if _, settled := slices.BinarySearch(o.Settled, inode); !settled {
				return
			}
		}
		if r.Owner >= 0 && o.Why != NoProcess {
			if slots, ok := before[inode]; ok {
				t.shared[inode] = slots
			}
			return // not seen this time; what was seen before stands
		}
		delete(t.shared, inode)
		r.Owner, r.Holders, r.Why = -1, 0, o.Why
		return
	}
	known, shared := before[inode]
	delete(t.shared, inode)
	var room [4]int32
	slots := room[:0]
	for _, h := range held {
		if h.process < 0 || slotOf[h.process] < 0 {
			continue // a holder without its process is no answer
		}
		slots = append(slots, slotOf[h.process])
	}
	if len(slots) == 0 {
		if shared {
			t.shared[inode] = known
		}
		return
	}
	r.Owner, r.Holders, r.Why, r.Was = t.first(slots), int32(len(slots)), Known, false
	r.Inferred = false
	if len(slots) > 1 {
		t.shared[inode] = slices.Clone(slots)
	}
}

// noteInet marks the processes that hold a socket of the table of sockets, so that those which are known for a unix
// socket alone can be told apart.
func (t *Tracker) noteInet() {
	for i := range t.rows {
		r := &t.rows[i]
		if r.Owner < 0 {
			continue
		}
		t.procs[r.Owner].Inet = true
		if r.Holders > 1 {
			for _, slot := range t.shared[r.Inode] {
				t.procs[slot].Inet = true
			}
		}
	}
}

// ownsBefore chooses which of several holders a row names: the one that started first, which is the server
// and not its workers. Pid 1 comes last: it holds the sockets it activates services with.
func ownsBefore(a, b *Process) bool {
	if (a.PID == 1) != (b.PID == 1) {
		return b.PID == 1
	}
	if a.Start != b.Start {
		return a.Start < b.Start
	}
	return a.PID < b.PID
}

// know takes a process's identity, new or read again.
func (t *Tracker) know(p *Process) {
	id := ProcessID{p.PID, p.Start}
	slot, ok := t.procIndex[id]
	if !ok {
		slot = t.freeSlot()
		t.procIndex[id] = slot
		t.procs[slot] = *p
		t.past[slot], t.refs[slot] = moved{}, 0
		q := &t.procs[slot]
		q.FirstSeen, q.MarkedAt, q.Mark, q.Dead = t.now, t.now, Unchanged, false
		if t.owned {
			q.Mark = New
		}
		return
	}
	q := &t.procs[slot]
	if q.Mark == Closed { // it was thought gone and is back
		q.Mark, q.MarkedAt = Changed, t.now
	}
	q.PPID, q.UID, q.Name, q.Cmdline, q.Argv0, q.Exe = p.PPID, p.UID, p.Name, p.Cmdline, p.Argv0, p.Exe
	q.Unit, q.Container, q.ContainerID, q.Started, q.Dead = p.Unit, p.Container, p.ContainerID, p.Started, false
}

func (t *Tracker) freeSlot() int32 {
	if n := len(t.free); n > 0 {
		slot := t.free[n-1]
		t.free = t.free[:n-1]
		return slot
	}
	t.procs = append(t.procs, Process{})
	t.past = append(t.past, moved{})
	t.refs = append(t.refs, 0)
	return int32(len(t.procs) - 1)
}

// sweepProcesses frees the slots of processes that are gone and that no row names.
func (t *Tracker) sweepProcesses(hold int64) {
	for i := range t.procs {
		p := &t.procs[i]
		if p.PID == 0 {
			continue
		}
		if !p.Dead {
			if !p.Inet && t.refs[i] == 0 { // it was here for a unix socket, and nobody looks at those any more
				t.freeProcess(i)
			}
			continue
		}
		if p.Mark != Closed {
			p.Mark, p.MarkedAt = Closed, t.now
		} else if t.refs[i] == 0 && t.now-p.MarkedAt >= hold {
			t.freeProcess(i)
		}
	}
}

func (t *Tracker) freeProcess(slot int) {
	p := &t.procs[slot]
	if !p.Dead { // a dead one was taken out before
		maps.DeleteFunc(t.shared, func(_ uint32, slots []int32) bool { return slices.Contains(slots, int32(slot)) })
	}
	delete(t.procIndex, ProcessID{p.PID, p.Start})
	*p = Process{}
	t.free = append(t.free, int32(slot))
}

// checksATick bounds how many of the processes whose end would show by their sockets Doubtful appends.
const checksATick = 64

// Doubtful appends the processes, not known to be gone, of which the sampler should look whether they still live:
// those that are named by no socket, and those that share one, since it outlives them. Of the others it appends a
// few, in turn: what they held may have been inherited.
func (t *Tracker) Doubtful(dst []ProcessID) []ProcessID {
	shares := make(map[int32]bool)
	for _, slots := range t.shared {
		for _, slot := range slots {
			shares[slot] = true
		}
	}
	named := make(map[int32]bool) // by a unix socket
	for _, r := range t.unix.Rows() {
		if r.Owner >= 0 && !r.Dead {
			named[r.Owner] = true
		}
	}
	others := 0
	n := len(t.procs)
	for i := range n {
		at := (t.turn + i) % n
		p := &t.procs[at]
		if p.PID == 0 || p.Dead {
			continue
		}
		if (p.Sockets != 0 || named[int32(at)]) && !shares[int32(at)] {
			if others++; others > checksATick {
				continue
			}
		}
		dst = append(dst, ProcessID{p.PID, p.Start})
	}
	t.turn += checksATick
	return dst
}

func (t *Tracker) publishHolders() {
	t.holders = nil // the old slice belongs to snapshots
	for inode, slots := range t.shared {
		for _, slot := range slots {
			t.holders = append(t.holders, Holder{inode, slot})
		}
	}
	slices.SortFunc(t.holders, func(a, b Holder) int {
		return cmp.Or(cmp.Compare(a.Inode, b.Inode), cmp.Compare(a.Process, b.Process))
	})
}

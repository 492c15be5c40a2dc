package model

// What the books of TestTrackerProperty say a snapshot must be.

import (
	"math"
	"slices"
)

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
		w.Rows++
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
	if e.rated {
		w.Rates++
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

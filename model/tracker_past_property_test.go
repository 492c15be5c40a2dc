package model

// The part of TestTrackerProperty about what is remembered of closed connections.

// bid takes note that a row is gone for good, so that the connection is in the history from now on.
func (w *world) bid(e *entry) {
	if e.RemotePort != 0 && w.closed[e.Cookie] == nil {
		was := *e // what is left of it may be seen once more
		w.closed[e.Cookie] = &was
	}
}

// tellLate keeps the books of an end that is told after the row is gone: e is how it was remembered, now how it was at
// its end.
func (w *world) tellLate(e, now *entry) {
	w.Late++
	e.endTold = true
	if now.Has&HasBytes == 0 {
		return
	}
	if p := w.moved[e.owner]; p != nil {
		if e.bytesKnown {
			p.sent, p.received = p.sent-e.sentAt, p.received-e.received
		}
		p.sent, p.received = p.sent+now.Sent, p.received+now.Received
	}
	e.sentAt, e.received, e.bytesKnown = now.Sent, now.Received, true
}

// checkHistory checks that each connection whose row is gone is remembered once, with what it moved, and none that lives.
func (w *world) checkHistory(step int) {
	w.tr.Publish(&w.snap)
	s := &w.snap
	seen := map[uint64]bool{}
	serial := uint64(0)
	for i := range s.History {
		r := &s.History[i]
		if seen[r.Cookie] || r.Serial <= serial {
			w.Fatalf("step %d: remembered twice, or out of turn: %+v", step, *r)
		}
		seen[r.Cookie], serial = true, r.Serial
		e := w.closed[r.Cookie]
		if e == nil { // it is shown yet
			e = w.known[r.Cookie]
		}
		if e == nil || w.known[r.Cookie] != nil && !e.dead && e.told.State != TimeWait {
			w.Fatalf("step %d: remembered, and lives or never was: %+v, books %+v", step, *r, e)
		}
		if e.endTold != r.Told && e.State != TimeWait {
			w.Errorf("told %v: %+v, books %+v", e.endTold, *r, *e)
		}
		if (r.Has&HasBytes != 0) != e.bytesKnown || e.bytesKnown && (r.Sent != e.sentAt || r.Received != e.received) {
			w.Errorf("step %d: counters of %+v, books %+v", step, *r, *e)
		}
		if p := s.DepartedOf(r); (p != nil) != (e.owner != ProcessID{}) || p != nil && p.ProcessID != e.owner {
			w.Errorf("step %d: of %+v: %+v, books %+v", step, p, *r, *e)
		}
	}
	for cookie, e := range w.closed {
		if !seen[cookie] {
			w.Fatalf("step %d: %d is forgotten: %+v", step, cookie, *e)
		}
	}
	w.Remembered = max(w.Remembered, len(s.History))
}

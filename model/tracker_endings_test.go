package model

// The part of TestTrackerProperty about destroy events: some sockets' ends are told, at once or a poll later, and some never.

import "math"

// over takes note of a socket that is gone, whose end may be told.
func (w *world) over(e *entry) {
	if e.State != TimeWait && e.Received != math.MaxUint64 {
		w.ends = append(w.ends, e)
	}
}

// tellEnds tells the tracker of ends, between the dumps and Finish.
func (w *world) tellEnds() {
	later := w.ends[:0]
	for _, e := range w.ends {
		switch {
		case w.rnd.IntN(4) == 0: // lost
		case w.rnd.IntN(4) == 0:
			later = append(later, e)
		case e.Proto == TCP && w.lingersAt(e.RemotePort): // the tracker would take that for what is left of this one
		default:
			w.tellEnd(e)
		}
	}
	w.ends = later
}

// lingersAt says whether a TIME_WAIT has these ends.
func (w *world) lingersAt(port uint16) bool {
	for _, e := range w.alive {
		if e.State == TimeWait && e.RemotePort == port {
			return true
		}
	}
	return false
}

func (w *world) tellEnd(e *entry) {
	w.Endings++
	e.endTold = true
	c := Ending{Socket: e.Socket, Controls: 2}
	c.State, c.Inode, c.UID, c.RecvQ = Close, 0, 0, 1
	c.Received++ // its FIN
	w.tr.Closed(&c)
	if was := w.closed[e.Cookie]; was != nil { // it was found gone, and only now is told of
		w.tellLate(was, e)
		return
	}
	if w.known[e.Cookie] == nil {
		w.Unseen++
		w.known[e.Cookie] = e
		e.told = c.Socket
		e.first, e.born, e.at = w.now, true, w.at
		e.owner, e.settled, e.bytesKnown, e.dead, e.stale = ProcessID{}, false, false, false, false
	}
	p := w.moved[e.owner]
	if e.dead && p != nil && e.bytesKnown {
		p.sent, p.received = p.sent-e.sentAt, p.received-e.received
	}
	if e.Has&HasBytes != 0 {
		e.sentAt, e.received, e.bytesKnown = e.Sent, e.Received, true
	}
	w.adopt(e)
	if !e.dead {
		w.bury(e)
	} else if p = w.moved[e.owner]; p != nil && e.bytesKnown {
		p.sent, p.received = p.sent+e.sentAt, p.received+e.received
	}
	if e.Proto == TCP && e.bytesKnown {
		w.unsettled[e] = w.Polls
	}
}

// adopt takes an owner that the tracker worked out, if it may have: one that is named at the same remote end.
func (w *world) adopt(e *entry) bool {
	i, ok := w.tr.index.cookies[e.Cookie]
	if !ok || (e.owner != ProcessID{}) || w.tr.rows[i].Owner < 0 {
		return false
	}
	p := &w.tr.procs[w.tr.rows[i].Owner]
	id := ProcessID{p.PID, p.Start}
	for _, other := range w.known {
		if other != e && other.owner == id && other.RemotePort == e.RemotePort && other.Proto == TCP && e.Proto == TCP {
			w.Inferred++
			e.owner = id
			return true
		}
	}
	w.Errorf("%+v is said to be of %v, who is not seen at its remote end", w.tr.rows[i], id)
	return false
}

// conclude keeps the books of what Finish works out about ends told before this poll.
func (w *world) conclude() {
	for e, at := range w.unsettled {
		if at == w.Polls {
			continue
		}
		delete(w.unsettled, e)
		if w.known[e.Cookie] == e && e.dead && w.adopt(e) {
			if p := w.moved[e.owner]; p != nil && e.bytesKnown {
				p.sent, p.received = p.sent+e.sentAt, p.received+e.received
			}
		}
	}
}

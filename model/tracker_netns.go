package model

// The part of the tracker that knows of network namespaces: not each of them is asked in every poll, and they come and go.

import "time"

// spaces is what a poll is told of namespaces, by their places, and how many rows each has.
type spaces struct {
	resting map[uint16]bool
	leaving map[uint16]bool // true: it is gone
	rows    []int32
	asked   map[uint16][2]int64 // when each was asked wholly for TCP, the last time first
}

// closely is how far apart looks may be for what they saw to tell of what happened between them, ns.
const closely = int64(5 * time.Second / 2)

// closelyWatched says whether a namespace was looked at often enough just now to say who alone calls a remote host: in a
// quiet one somebody else may have come and gone unseen.
func (t *Tracker) closelyWatched(netns uint16) bool {
	last, before := t.spaces.asked[netns][0], t.spaces.asked[netns][1]
	if !t.spaces.resting[netns] {
		last, before = t.now, last
	}
	return before != 0 && t.now-last <= closely && last-before <= closely
}

// answered takes note of when namespaces were asked.
func (s *spaces) answered(outcomes []Outcome, now int64) {
	for _, o := range outcomes {
		if asked := s.asked[o.NetNS]; o.Proto == TCP && o.Whole && asked[0] != now {
			s.asked[o.NetNS] = [2]int64{now, asked[0]}
		}
	}
}

// Rest says that a namespace is not asked in this poll, as was meant: its rows stay as they are.
func (t *Tracker) Rest(netns uint16) { t.spaces.resting[netns] = true }

// Leave says that a namespace is not looked into any more, or in another way than before. With the next Finish its sockets are
// closed when it is gone, and dropped when nobody wants to see it, but for those that were seen in between. What comes there
// later is no news at first.
func (t *Tracker) Leave(netns uint16, gone bool) {
	t.spaces.leaving[netns] = gone
	t.Forget(netns)
}

// Forget has a namespace's place given to another: what comes there is no news at first.
func (t *Tracker) Forget(netns uint16) {
	delete(t.spaces.asked, netns)
	for id := range t.answered {
		if id.NetNS == netns {
			delete(t.answered, id)
		}
	}
}

// Rows is how many rows name a namespace as of the last Finish: of the table of sockets and of unix sockets.
func (t *Tracker) Rows(netns uint16) int {
	if int(netns) >= len(t.spaces.rows) {
		return 0
	}
	return int(t.spaces.rows[netns])
}

// Stirred counts what was found to have moved since the beginning: rows that came, went, changed or moved data. What is
// found unchanged by the same count does not have to be asked often.
func (t *Tracker) Stirred() uint64 { return t.stirred + t.epoch }

// begin forgets what the last poll was told.
func (s *spaces) begin() { clear(s.resting) }

// leave applies Leave to row i. It says whether the row is no more.
func (t *Tracker) leave(i int) (removed bool) {
	r := &t.rows[i]
	gone, leaving := t.spaces.leaving[r.NetNS]
	switch {
	case !leaving:
	case !gone && !t.spaces.resting[r.NetNS] && t.seen[i].tick == t.tick: // of another look into it than the one that was left
	case !gone:
		t.vacate(r.Inode)
		t.remove(i)
		return true
	case !r.Dead:
		t.die(r)
	}
	return false
}

// leaveUnix applies Leave to the unix sockets.
func (t *Tracker) leaveUnix() {
	t.unix.Leave(func(netns uint16) Leaving {
		switch gone, leaving := t.spaces.leaving[netns]; {
		case gone:
			return Vanishes
		case leaving && t.spaces.resting[netns]:
			return Unwanted
		}
		return Stays
	}, t.now)
}

// count counts a row.
func (s *spaces) count(netns uint16) {
	for int(netns) >= len(s.rows) {
		s.rows = append(s.rows, 0)
	}
	s.rows[netns]++
}

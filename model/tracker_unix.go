package model

// The unix sockets of the tracker: few and read whole each time, so a Roll folds them, but held by processes as all
// sockets are.

func newUnixRoll() *Roll[UnixSocket] {
	return NewRoll(unixKey, func(r *UnixSocket) *Life { return &r.Life }, func(was, now *UnixSocket, _ int64) bool {
		now.Holding = was.Holding
		return was.State != now.State || was.PeerInode != now.PeerInode || was.Shutdown != now.Shutdown
	}, nil)
}

// SeeUnix takes a look at the unix sockets of some network namespaces, between Begin and Finish; those of others stay as they
// are. Their Holding and Peer are ignored.
func (t *Tracker) SeeUnix(look []Part[UnixSocket], hold int64) {
	for i := range look {
		for j := range look[i].Rows {
			r := &look[i].Rows[j]
			r.Holding = Holding{Owner: -1, Why: NotYet}
			if r.Inode == 0 {
				r.Why = NotAccepted
			}
		}
	}
	t.unix.Fold(look, t.now, hold)
	rows := t.unix.Rows()
	byInode := make(map[uint32]int32, len(rows))
	for i := range rows {
		r := &rows[i]
		switch {
		case r.Dead && r.MarkedAt == t.now:
			t.vacate(r.Inode)
		case !r.Dead && r.Inode != 0:
			byInode[r.Inode] = int32(i)
			if r.Owner >= 0 && t.procs[r.Owner].Dead { // somebody inherited it
				r.Holding = Holding{Owner: -1, Why: NotYet}
			}
		}
	}
	for i := range rows {
		r := &rows[i]
		r.Peer = -1
		if at, ok := byInode[r.PeerInode]; ok && r.PeerInode != 0 {
			r.Peer = at
		}
	}
}

// ForgetUnix drops the unix sockets: nobody looks at them any more.
func (t *Tracker) ForgetUnix() { t.unix.Forget() }

// eachHeld calls f for every live socket that a process may hold: what holds it, and its inode.
func (t *Tracker) eachHeld(f func(inode uint32, h *Holding)) {
	for i := range t.rows {
		if r := &t.rows[i]; r.Inode != 0 && !r.Dead {
			f(r.Inode, &r.Holding)
		}
	}
	rows := t.unix.Rows()
	for i := range rows {
		if r := &rows[i]; r.Inode != 0 && !r.Dead {
			f(r.Inode, &r.Holding)
		}
	}
}

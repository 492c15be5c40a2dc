package model

// The unix sockets of the tracker: few and read whole each time, so a Roll folds them, but held by processes as all
// sockets are.

func newUnixRoll() *Roll[UnixSocket] {
	return NewRoll(unixKey, func(r *UnixSocket) *Life { return &r.Life }, func(was, now *UnixSocket, _ int64) bool {
		now.Holding = was.Holding
		return was.State != now.State || was.PeerInode != now.PeerInode || was.Shutdown != now.Shutdown
	}, nil)
}

// SeeUnix takes a look at the unix sockets, between Begin and Finish. whole says that it had all of them. Their
// Holding and Peer are ignored.
func (t *Tracker) SeeUnix(look []UnixSocket, whole bool, hold int64) {
	for i := range look {
		r := &look[i]
		r.Holding = Holding{Owner: -1, Why: NotYet}
		if r.Inode == 0 {
			r.Why = NotAccepted
		}
	}
	t.unix.Fold(t.unixParts(look, whole), t.now, hold)
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

// unixParts are the parts of a look at all network namespaces, those among them that had rows and have none now.
func (t *Tracker) unixParts(look []UnixSocket, whole bool) []Part[UnixSocket] {
	var parts []Part[UnixSocket]
	part := func(netns uint16, rows []UnixSocket) {
		parts = append(parts, Part[UnixSocket]{Rows: rows, NetNS: netns, Whole: whole, At: t.now})
	}
	part(0, nil) // our own, which may have none at all
	t.unix.Places(func(netns uint16) { part(netns, nil) })
	for from := 0; from < len(look); {
		to := from + 1
		for to < len(look) && look[to].NetNS == look[from].NetNS {
			to++
		}
		part(look[from].NetNS, look[from:to])
		from = to
	}
	return parts
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

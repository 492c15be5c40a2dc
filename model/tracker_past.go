package model

// The part of the tracker that remembers connections: each enters the ring once, when its end is settled.

import "time"

// pastMark says where a row stands with the ring.
type pastMark uint8

const (
	notPast pastMark = iota // it lives, or its end is not settled yet
	isPast                  // it is in the ring
	noPast                  // it was over before we saw it: what is left of it is no news
)

// lateness is for how long, ns, a connection that was found gone waits for the kernel's word of its end: the socket of one
// that was reset is destroyed when its process closes it.
const lateness = int64(3 * time.Second)

// leaving is what is known of a connection's end until it is settled.
type leaving struct {
	at           int64  // when it was told, ns
	tick         uint32 // of the poll that was told of it
	rtt, retrans uint32
	has          Has // HasPath: rtt and retrans are known
	controls     uint8
	told, exact  bool
	aborted      bool // its remote end was cleared
	unseen       bool
	there        bool // the other end was seen to have closed first
}

// Remember sets how many closed connections are kept, the newest; DefaultHistory is what a Tracker starts with. 0 is none.
func (t *Tracker) Remember(n int) {
	t.ring.resize(n)
	if t.ring.limit == 0 {
		clear(t.leaving)
	}
}

// In names the namespaces that the rows of a poll are in; Socket.NetNS is an index. What is remembered of a connection keeps
// a copy. It is to be called before Finish, and stands until it is called again.
func (t *Tracker) In(namespaces []NetNS) { t.named = namespaces }

// isRemembered says whether a socket is one that has another end, so that its closing is to be remembered. A request for
// a connection that was never confirmed is none: nobody held it, it moved nothing, and a flood of them would wash all else
// out of the ring.
func isRemembered(r *Socket) bool {
	return r.RemotePort != 0 && r.Proto != Raw && r.State != SynRecv && r.State != newSynRecv
}

// heard takes note of a row's end as the kernel tells it. An entry that was made without is made anew.
func (t *Tracker) heard(r *Socket, c *Ending, unseen bool) {
	if t.ring.limit == 0 {
		return
	}
	unseen = unseen || r.past == noPast
	if r.past == isPast {
		if _, untold := t.ring.takeBack(cookieOf(r)); !untold {
			return // told again
		}
	}
	r.past = notPast
	l := t.leaving[cookieOf(r)]
	if !l.told {
		l.at, l.unseen = c.At, unseen
		if l.at == 0 {
			l.at = t.now
		}
	}
	l.tick, l.told, l.controls = t.tick, true, c.Controls
	l.exact = c.Has&HasBytes != 0
	l.aborted = r.Proto == TCP && c.RemotePort == 0 && r.RemotePort != 0
	if c.Has&HasPath != 0 {
		l.rtt, l.retrans, l.has = c.RTT, c.Retrans, HasPath
	}
	t.keep(cookieOf(r), l)
}

func (t *Tracker) keep(cookie uint64, l leaving) {
	if t.leaving == nil {
		t.leaving = make(map[uint64]leaving)
	}
	t.leaving[cookie] = l
}

// lingersOn keeps of a connection what its TIME_WAIT does not tell.
func (t *Tracker) lingersOn(was *Socket) {
	if t.ring.limit == 0 || was.Cookie == 0 || was.Has&HasPath == 0 || lingers(was) {
		return
	}
	if l := t.leaving[cookieOf(was)]; l.has == 0 {
		l.rtt, l.retrans, l.has = was.RTT, was.Retrans, HasPath
		t.keep(cookieOf(was), l)
	}
}

// sameAs says that the row with one cookie has another from now on.
func (t *Tracker) sameAs(from, to uint64) {
	if l, ok := t.leaving[from]; ok && from != to {
		delete(t.leaving, from)
		t.leaving[to] = l
	}
}

// livesOn takes a closed row back that is seen again, alive.
func (t *Tracker) livesOn(r *Socket) {
	if r.past == isPast {
		t.ring.takeBack(cookieOf(r))
	}
	r.past = notPast
	delete(t.leaving, cookieOf(r))
}

// witness takes note of connections inside the host whose other end closed first: that one is in TIME_WAIT.
func (t *Tracker) witness() {
	if len(t.leaving) == 0 {
		return
	}
	for ends, e := range t.ended {
		if e.tick == t.tick {
			continue
		}
		l, ok := t.leaving[e.cookie]
		if !ok || l.there {
			continue
		}
		if other, both := t.ended[ends.turned()]; both && other.cookie != e.cookie {
			if i, known := t.index.cookies[other.cookie]; known && !t.rows[i].Dead && lingers(&t.rows[i]) {
				l.there = true
				t.leaving[e.cookie] = l
			}
		}
	}
}

// settlePast enters row i into the ring if it is over and nothing more can be said of it; last says that the row goes now.
func (t *Tracker) settlePast(i int, last bool) {
	r := &t.rows[i]
	if r.past != notPast || !r.Dead && !lingers(r) {
		return
	}
	l := t.leaving[cookieOf(r)]
	if !last {
		switch {
		case l.told && l.tick == t.tick:
			return // its TIME_WAIT, its other end or its owner may be found yet
		case t.spaces.resting[r.NetNS]: // nobody looked for them since
			return
		case !l.told && (r.Cookie == 0 || t.now-r.MarkedAt < lateness):
			return
		}
	}
	r.past = isPast
	if t.ring.limit > 0 && (isRemembered(r) || l.exact && r.RemotePort != 0) {
		t.remember(r, t.seen[i].at, &l)
	}
	delete(t.leaving, cookieOf(r))
}

// remember makes an entry of a row. seen is when a dump had it last.
func (t *Tracker) remember(r *Socket, seen int64, l *leaving) {
	p := Past{
		Cookie: r.Cookie, Local: r.Local, Remote: r.Remote, LocalPort: r.LocalPort, RemotePort: r.RemotePort,
		Sent: r.Sent, Received: r.Received, SentPackets: r.SentPackets, ReceivedPackets: r.ReceivedPackets,
		UID: r.UID, Proto: r.Proto, Family: r.Family, State: r.State, Why: r.Why, Inferred: r.Inferred, AgeKnown: r.AgeKnown,
		Unseen: l.unseen, Told: l.told, Exact: l.exact, Has: r.Has & (HasBytes | HasPackets | HasUID),
	}
	switch { // how its path was last
	case l.has&HasPath != 0:
		p.RTT, p.Retrans, p.Has = l.rtt, l.retrans, p.Has|HasPath
	case r.Has&HasPath != 0:
		p.RTT, p.Retrans, p.Has = r.RTT, r.Retrans, p.Has|HasPath
	}
	switch {
	case l.told:
		p.ClosedAt = l.at
	case lingers(r) && !r.Dead:
		p.ClosedAt = r.MarkedAt
	default:
		p.ClosedAt = seen
	}
	p.Closed = t.wall.UnixNano() - (t.now - p.ClosedAt)
	p.Lasted = max(0, p.ClosedAt-r.FirstSeen)
	p.End = t.howEnded(r, l)
	var who Departed
	key := departedKey{netns: r.NetNS}
	who.NetNSCookie, who.NetNS = t.namespace(r.NetNS)
	if r.Owner >= 0 {
		o := &t.procs[r.Owner]
		who.ProcessID, who.UID = ProcessID{o.PID, o.Start}, o.UID
		who.Name, who.Unit, who.Container, who.ContainerID = o.Name, o.Unit, o.Container, o.ContainerID
		key.ProcessID = who.ProcessID
	} else if p.Why == NotYet || p.Why == Known {
		p.Why = TooShort // nobody will look any more
	}
	t.ring.add(&p, cookieOf(r), key, &who)
}

// namespace is what is kept of a row's namespace.
func (t *Tracker) namespace(slot uint16) (cookie uint64, name Text) {
	if int(slot) < len(t.named) {
		return t.named[slot].Cookie, t.named[slot].Name
	}
	return 0, Text{}
}

// howEnded says how a connection ended, and no more than the kernel did. That a socket has TIME_WAIT says that it closed first;
// that it was in CLOSE_WAIT or LAST_ACK, that the other one did. Else there is its destroy event: what of tcpi_bytes_acked
// is no payload is our SYN, if we connected, and our FIN.
func (t *Tracker) howEnded(r *Socket, l *leaving) End {
	if r.Proto != TCP {
		return EndUnknown
	}
	switch {
	case l.aborted && r.State == SynSent: // connect(2) disconnects what failed
		return EndConnecting
	case l.aborted:
		return EndAborted
	}
	switch {
	case r.State == Closing, lingers(r) && r.Before == Closing:
		return EndAtOnce
	case r.State == CloseWait, r.State == LastAck:
		return EndThere
	case r.State == FinWait1, r.State == FinWait2, r.State == TimeWait:
		return EndHere
	case !l.told || !l.exact:
		return EndUnknown
	case l.there:
		return EndThere
	}
	_, accepted := t.listenerOf(r)
	switch {
	case accepted && l.controls > 0, l.controls > 1:
		return EndClosed
	case l.controls == 0 && !accepted && r.Sent == 0 && r.Received == 0 && l.has&HasPath != 0 && l.rtt == 0:
		return EndNever
	case l.controls == 0, !accepted && (l.unseen || r.Before == SynSent):
		return EndReset
	}
	return EndUnknown // a FIN of ours if it was accepted, by a listener that is gone; else our SYN
}

// late takes the end of a socket whose row is gone: it was found gone, and its process closed it only now. It says false for
// one that is not remembered so.
func (t *Tracker) late(c *Ending) bool {
	p, ok := t.ring.takeBack(cookieOf(&c.Socket))
	if !ok {
		return false
	}
	was := t.ring.departed[p.Who]
	p.Told = true // p.Closed stays: from then on the kernel had no connection
	if c.Has&HasBytes != 0 {
		s := c.Socket
		s.State, s.NetNS = p.State, c.NetNS
		var before moved
		if p.Has&HasBytes != 0 {
			before = moved{p.Sent, p.Received}
		}
		p.Sent, p.Received = c.Sent, c.Received
		if came, _ := t.finCame(&s, c); came {
			p.Received--
		}
		if slot, known := t.procIndex[was.ProcessID]; known && was.PID != 0 {
			m := &t.past[slot]
			m.sent, m.received = m.sent+p.Sent-before.sent, m.received+p.Received-before.received
		}
		p.Has, p.Exact = p.Has|HasBytes, true
	}
	if c.Has&HasPackets != 0 {
		p.SentPackets, p.ReceivedPackets, p.Has = c.SentPackets, c.ReceivedPackets, p.Has|HasPackets
	}
	if c.Has&HasPath != 0 {
		p.RTT, p.Retrans, p.Has = c.RTT, c.Retrans, p.Has|HasPath
	}
	t.ring.add(&p, cookieOf(&c.Socket), departedKey{was.ProcessID, c.NetNS}, &was)
	return true
}

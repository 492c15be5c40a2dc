package model

// The part of the tracker that is told of ends: a destroyed socket becomes a closed row with its exact counters, also one
// that lived and died between two polls. What the event does not say is worked out from the rows around it: who it was
// of, and whether a FIN is among the bytes it received.

// ended is a closing that may still be corrected, until the poll after it: by its TIME_WAIT, by the other end's
// closing, by an owner scan.
type ended struct {
	cookie uint64 // its row
	raw    uint64 // Received with the FIN, if one came
	tick   uint32
	sure   bool // whether a FIN came is known
}

// betweenOf names a connection by its two ends. The family is left out: those of one may differ.
func betweenOf(s *Socket) tuple {
	return tuple{local: s.Local, remote: s.Remote, localPort: s.LocalPort, remotePort: s.RemotePort, netns: s.NetNS, proto: s.Proto}
}

func (e tuple) turned() tuple {
	e.local, e.remote, e.localPort, e.remotePort = e.remote, e.local, e.remotePort, e.localPort
	return e
}

// lingers says whether a record is what is left of a connection whose socket was destroyed: TIME_WAIT, which the kernel
// also makes of FIN_WAIT2 and then shows as that, without a tcp_info (tcp_time_wait, net/ipv4/tcp_minisocks.c).
func lingers(s *Socket) bool {
	return s.Proto == TCP && (s.State == TimeWait || s.State == FinWait2 && s.Inode == 0 && s.Has&HasPath == 0)
}

// Closed takes a destroy event. It is to be called after the dumps of a poll and before Finish, so that listeners are known as
// they are. A socket that has a row is closed with its final counters, unless the row is its TIME_WAIT: that changed, and lives
// on. One that was never seen gets a row that is closed at once.
func (t *Tracker) Closed(c *Ending) {
	if c.Cookie == 0 {
		return
	}
	i, known := t.index.get(&c.Socket)
	if !known {
		i, known = t.lingering(c)
	}
	unseen := !known
	if !known {
		if c.LocalPort == 0 || t.late(c) {
			return // it never was in any table, or was found gone long ago
		}
		t.dropRequest(c)
		i = t.addClosed(c)
	}
	r := &t.rows[i]
	if r.Dead {
		t.unbank(r)
	}
	t.final(i, c)
	if r.Owner < 0 {
		t.attribute(r)
	}
	switch {
	case r.Dead:
		t.bank(r)
	case !lingers(r):
		t.die(r)
	}
	t.compare(r)
	t.heard(r, c, unseen)
}

// addClosed makes a row for a socket that was never seen.
func (t *Tracker) addClosed(c *Ending) int32 {
	i := t.add(&c.Socket)
	r := &t.rows[i]
	r.Has &^= HasUID | HasQueues | HasBytes
	r.Inode, r.RecvQ, r.SendQ = 0, 0, 0
	r.AgeKnown, r.unseen = true, true
	r.Why = TooShort
	return i
}

// final takes the last counters.
func (t *Tracker) final(i int32, c *Ending) {
	r := &t.rows[i]
	if c.Has&HasPackets != 0 {
		r.SentPackets, r.ReceivedPackets = c.SentPackets, c.ReceivedPackets
		r.Has |= HasPackets
	}
	if c.Has&HasPath != 0 {
		r.Retrans, r.RTT, r.RTTVar = c.Retrans, c.RTT, c.RTTVar
		if !lingers(r) {
			r.Has |= HasPath
		}
	}
	if c.Has&HasBytes == 0 {
		return // UDP, or an abort: what was seen last stands
	}
	e := ended{cookie: cookieOf(r), raw: c.Received, tick: t.tick}
	came, sure := t.finCame(r, c)
	e.sure = sure
	r.Sent, r.Received = c.Sent, c.Received
	if came {
		r.Received--
	}
	r.Has |= HasBytes
	t.ended[betweenOf(r)] = e
}

// finCame says whether a FIN is among the bytes received, and whether that is sure.
func (t *Tracker) finCame(r *Socket, c *Ending) (came, sure bool) {
	switch {
	case c.Received == 0:
		return false, true
	case r.State == CloseWait || r.State == LastAck || r.State == Closing || r.Before == Closing:
		return true, true
	case c.RecvQ == 1 && c.Controls > 0:
		return true, true // it came after our program had closed, which had read all else
	case r.State == FinWait2 && lingers(r):
		return false, true // it is still waited for
	case c.RecvQ > 0:
		return false, false // closed with something unread, which is a reset
	case lingers(r):
		return false, false // it came to what lives on, or was read before the end, which is rarer
	}
	if _, accepted := t.listenerOf(r); accepted {
		return c.Controls > 0, false // our FIN was acknowledged: no reset
	}
	return c.Controls > 1, false // our SYN and our FIN
}

// compare corrects what a FIN makes of the bytes received by what the other end sent, where both ends are here and closed.
func (t *Tracker) compare(r *Socket) {
	here := betweenOf(r)
	there := here.turned()
	a, ok := t.ended[here]
	b, both := t.ended[there]
	if !ok || !both || here == there {
		return
	}
	i, known := t.index.cookies[b.cookie]
	if !known {
		return
	}
	other := &t.rows[i]
	t.settle(r, here, a, other.Sent)
	t.settle(other, there, b, r.Sent)
}

// settle corrects a row's Received where the other end sent what it received, with or without a FIN.
func (t *Tracker) settle(r *Socket, ends tuple, e ended, sent uint64) {
	if e.raw != sent && e.raw != sent+1 {
		return
	}
	e.sure = true
	t.ended[ends] = e
	t.correct(r, sent)
}

// correct sets what a row received; what its process moved goes with it.
func (t *Tracker) correct(r *Socket, received uint64) {
	if r.Dead {
		t.unbank(r)
	}
	r.Received = received
	if r.Dead {
		t.bank(r)
	}
}

// takeOver finds the closed row of which s, seen for the first time, is the TIME_WAIT: it has another cookie where the socket
// had none before it was destroyed. The row is s's from now on.
func (t *Tracker) takeOver(s *Socket) (int32, bool) {
	if len(t.ended) == 0 || !lingers(s) {
		return 0, false
	}
	ends := betweenOf(s)
	e, ok := t.ended[ends]
	if !ok {
		return 0, false
	}
	i, known := t.index.cookies[e.cookie]
	if !known || !t.rows[i].Dead {
		return 0, false
	}
	t.index.remove(&t.rows[i])
	t.sameAs(cookieOf(&t.rows[i]), cookieOf(s))
	t.rows[i].Cookie, e.cookie = s.Cookie, cookieOf(s)
	t.index.set(&t.rows[i], i)
	t.ended[ends] = e
	return i, true
}

// lingered corrects a closed row whose TIME_WAIT is seen: then it was most likely this end that closed first, and the FIN of
// the other one came to what lives on.
func (t *Tracker) lingered(r *Socket) {
	if e, ok := t.ended[betweenOf(r)]; ok && e.cookie == cookieOf(r) && !e.sure {
		t.correct(r, e.raw)
	}
}

// dropRequest drops the row of the request that a connection came of. As a rule that has the connection's cookie, but not when
// the dump gave it one after the kernel had made the connection of it (inet_csk_clone_lock).
func (t *Tracker) dropRequest(c *Ending) {
	if c.Proto != TCP || c.RemotePort == 0 {
		return
	}
	if i, ok := t.around().requests[betweenOf(&c.Socket)]; ok {
		t.remove(int(i))
		t.near.listeners = nil // rows have moved
	}
}

// lingering finds the TIME_WAIT of a connection that was destroyed before it was ever seen.
func (t *Tracker) lingering(c *Ending) (int32, bool) {
	if c.Proto != TCP || c.RemotePort == 0 {
		return 0, false
	}
	i, ok := t.around().lingering[betweenOf(&c.Socket)]
	return i, ok
}

// attribute tells the owner of a closed connection that none was seen to hold: of an accepted one its listener's, of one that
// connected the process that alone is seen at the same remote endpoint.
func (t *Tracker) attribute(r *Socket) {
	if r.Proto != TCP || r.RemotePort == 0 || r.Why == NoPermission {
		return
	}
	if l, accepted := t.listenerOf(r); accepted {
		if l.slot >= 0 {
			r.Owner, r.Why, r.Was = l.slot, Known, r.Inode == 0
			r.Holders, r.Inferred = l.holders, l.holders > 1
		}
		return
	}
	if !t.closelyWatched(r.NetNS) {
		return
	}
	if slot, ok := t.around().callers[remoteOf(r)]; ok && slot >= 0 {
		r.Owner, r.Why, r.Was, r.Inferred = slot, Known, r.Inode == 0, true
	}
}

// around is what an event is looked at with, made once a poll and only when there is one.
type around struct {
	tick      uint32
	listeners map[tuple]listener // by their local end
	callers   map[tuple]int32    // slots, by the remote end; nobody when several call it, or somebody unknown
	lingering map[tuple]int32    // rows without counters, by both ends
	requests  map[tuple]int32    // rows in SYN_RECV, likewise
}

// listener is who holds the listeners at an endpoint.
type listener struct {
	slot    int32 // nobody when it is not known, or one of several
	holders int32 // of several it is the first: which of them took a connection is not told
}

const nobody = -1

func listenAt(s *Socket, a Addr) tuple {
	return tuple{local: a, localPort: s.LocalPort, netns: s.NetNS, proto: s.Proto, family: s.Family}
}

func remoteOf(s *Socket) tuple {
	return tuple{remote: s.Remote, remotePort: s.RemotePort, netns: s.NetNS, proto: s.Proto}
}

// wildcards are the addresses of a listener that takes any: of a dual-stack one, both forms.
var wildcards = [...]Addr{{}, {10: 0xff, 11: 0xff}}

// listenerOf is who listens at a connection's local end. It says false where nobody does: then it is a connecting one.
func (t *Tracker) listenerOf(s *Socket) (listener, bool) {
	a := t.around()
	if l, ok := a.listeners[listenAt(s, s.Local)]; ok {
		return l, true
	}
	for _, any := range wildcards {
		if l, ok := a.listeners[listenAt(s, any)]; ok {
			return l, true
		}
	}
	return listener{}, false
}

func (t *Tracker) around() *around {
	if t.near.tick == t.tick && t.near.listeners != nil {
		return &t.near
	}
	t.near = around{t.tick, make(map[tuple]listener), make(map[tuple]int32), make(map[tuple]int32), make(map[tuple]int32)}
	for i := range t.rows {
		r := &t.rows[i]
		switch {
		case r.Proto != TCP:
		case r.State == Listen:
			t.noteListener(r)
		case r.Has&HasBytes == 0 && lingers(r) && t.seen[i].tick == t.tick:
			t.near.lingering[betweenOf(r)] = int32(i)
		case r.State == SynRecv:
			t.near.requests[betweenOf(r)] = int32(i)
		}
	}
	for i := range t.rows {
		if r := &t.rows[i]; r.Proto == TCP && r.RemotePort != 0 && r.Why != TooShort && !r.Inferred {
			t.noteCaller(r)
		}
	}
	return &t.near
}

// noteListener takes note of a listener. Of several with one endpoint (SO_REUSEPORT) it is not known which one
// took a connection.
func (t *Tracker) noteListener(r *Socket) {
	l := listener{r.Owner, r.Holders}
	if r.Owner >= 0 && t.procs[r.Owner].Dead {
		l.slot = nobody
	}
	at := listenAt(r, r.Local)
	if other, ok := t.near.listeners[at]; ok && other.slot != l.slot {
		l.slot = nobody
	}
	t.near.listeners[at] = l
}

// noteCaller takes note of who has a connection to a remote endpoint.
func (t *Tracker) noteCaller(r *Socket) {
	slot := r.Owner
	if r.Holders > 1 || slot >= 0 && t.procs[slot].Dead {
		slot = nobody
	}
	if slot < 0 && r.Inode == 0 && lingers(r) && r.Has&HasBytes == 0 {
		return // from before we looked
	}
	if _, accepted := t.near.listeners[listenAt(r, r.Local)]; accepted {
		return
	}
	for _, any := range wildcards {
		if _, accepted := t.near.listeners[listenAt(r, any)]; accepted {
			return
		}
	}
	at := remoteOf(r)
	if other, ok := t.near.callers[at]; ok && other != slot {
		slot = nobody
	}
	t.near.callers[at] = slot
}

// conclude ends what the polls before this one left open: whom a connection was of is asked once more, since a scan may have
// found its listener's owner meanwhile.
func (t *Tracker) conclude() {
	for ends, e := range t.ended {
		if e.tick == t.tick || t.spaces.resting[ends.netns] {
			continue
		}
		delete(t.ended, ends)
		i, ok := t.index.cookies[e.cookie]
		if !ok {
			continue
		}
		if r := &t.rows[i]; r.Dead && r.Owner < 0 {
			t.unbank(r)
			t.attribute(r)
			t.bank(r)
			t.epoch++
		}
	}
}

// bank adds what a closed connection moved to its process's past; unbank takes it back.
func (t *Tracker) bank(r *Socket) {
	if r.Owner >= 0 && r.Has&HasBytes != 0 {
		p := &t.past[r.Owner]
		p.sent, p.received = p.sent+r.Sent, p.received+r.Received
	}
}

func (t *Tracker) unbank(r *Socket) {
	if r.Owner >= 0 && r.Has&HasBytes != 0 {
		p := &t.past[r.Owner]
		p.sent, p.received = p.sent-r.Sent, p.received-r.Received
	}
}

package model

// The part of the tracker that writes snapshots: the rows as they are, and what is counted from them.

// Publish writes what is known now into s: all rows, the processes with their totals, the counts. The
// fields that the tracker does not know (Sources, Access, Users ...) are the caller's.
func (t *Tracker) Publish(s *Snapshot) {
	sockets, unix, processes := s.Sockets[:0], s.Unix[:0], s.Processes[:0]
	t.Lend(s)
	s.Sockets = append(sockets, s.Sockets...)
	s.Unix = append(unix, s.Unix...)
	s.Processes = append(processes, s.Processes...)
}

// Lend is Publish without a copy: what it writes into s are the tracker's own rows, which stand until it is told
// something again.
func (t *Tracker) Lend(s *Snapshot) {
	s.Now, s.Taken, s.Epoch = t.now, t.wall, t.epoch
	if s.Ends == nil {
		s.Ends = new(Ends)
	}
	t.addUp()
	s.Sockets, s.Unix, s.Processes, s.Holders = t.rows, t.unix.Rows(), t.procs, t.holders
	s.History, s.Departed = t.ring.publish()
	s.HistoryRoom = t.ring.limit
	s.Counts = Counts{}
	s.Access.Hidden = 0
	for i := range s.Sockets {
		r := &s.Sockets[i]
		if r.Dead {
			continue
		}
		s.Counts.Endpoints++
		if r.Proto == TCP && r.State < numStates {
			s.Counts.States[r.State]++
		}
		if r.Owner < 0 && r.Why == NoPermission {
			s.Access.Hidden++
		}
	}
	for i := range s.Unix {
		if r := &s.Unix[i]; !r.Dead && r.Owner < 0 && r.Why == NoPermission {
			s.Access.Hidden++
		}
	}
}

// addUp computes the processes' totals anew from the rows and from what closed connections moved.
func (t *Tracker) addUp() {
	for i := range t.procs {
		p := &t.procs[i]
		p.Sockets, p.Established, p.Listening = 0, 0, 0
		p.Sent, p.Received = t.past[i].sent, t.past[i].received
		p.SentRate, p.ReceivedRate, p.HasRates = 0, 0, false
		p.HasBytes = p.HasBytes || p.Sent|p.Received != 0
	}
	for i := range t.rows {
		r := &t.rows[i]
		if r.Owner >= 0 && !r.Dead {
			t.procs[r.Owner].count(r)
		}
	}
}

// count adds a live socket to its process's totals.
func (p *Process) count(r *Socket) {
	if r.Has&HasBytes != 0 {
		p.Sent, p.Received, p.HasBytes = p.Sent+r.Sent, p.Received+r.Received, true
	}
	if r.Was {
		return // it moved the bytes, but holds the socket no more
	}
	p.Sockets++
	switch {
	case r.State == Listen:
		p.Listening++
	case r.State == Established:
		p.Established++
	}
	if r.Has&HasRates != 0 {
		p.SentRate, p.ReceivedRate, p.HasRates = p.SentRate+r.SentRate, p.ReceivedRate+r.ReceivedRate, true
	}
}

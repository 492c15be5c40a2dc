package model

import "cmp"

// ProcessKey is the identity of a process.
func ProcessKey(_ *Snapshot, p *Process) Key { return Key{ID: uint64(p.PID), Start: p.Start} }

// Target names the process for a signal.
func (p *Process) Target() SignalTarget { return SignalTarget{PID: p.PID, Start: p.Start, UID: p.UID} }

// Processes is the table of processes that hold or held sockets.
func Processes() *Table[Process] {
	return &Table[Process]{
		Name:    "processes",
		Columns: processColumns(),
		Rows:    func(s *Snapshot) []Process { return s.Processes },
		Key:     ProcessKey,
		Change: func(s *Snapshot, p *Process) Change {
			if p.Dead {
				return Closed
			}
			return fresh(s, p.Mark, p.MarkedAt)
		},
		Less: func(a, b *Process) bool {
			return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.Start, b.Start)) < 0
		},
	}
}

// Shown says whether the slot holds a process that belongs on a screen: one that is gone and whose red row
// was shown long enough does not, even while a TIME_WAIT still names it.
func (p *Process) Shown(s *Snapshot) bool {
	return p.PID != 0 && p.Inet && (!p.Dead || p.Mark != Closed || fresh(s, Closed, p.MarkedAt) == Closed)
}

// ProcessesOf adds up the processes over some sockets only, for a screen whose sockets are filtered. It
// leaves out what closed connections moved, since they cannot be filtered any more.
func ProcessesOf(s *Snapshot, order []int32) []Process {
	out := make([]Process, 0, 16)
	at := make(map[int32]int)
	for _, i := range order {
		r := &s.Sockets[i]
		p := s.HolderOf(r)
		if p == nil || r.Dead {
			continue
		}
		n, ok := at[r.Owner]
		if !ok {
			n = len(out)
			at[r.Owner] = n
			q := *p
			q.Sockets, q.Established, q.Listening = 0, 0, 0
			q.Sent, q.Received, q.SentRate, q.ReceivedRate = 0, 0, 0, 0
			q.HasBytes, q.HasRates = false, false
			out = append(out, q)
		}
		out[n].count(r)
	}
	return out
}

// noRate is why something has no rate: its counters were not seen twice yet, or it has none (UDP).
func noRate(hasBytes bool) Unknown {
	if hasBytes {
		return NotYet
	}
	return NotGiven
}

func processColumns() []Column[Process] {
	type S = *Snapshot
	type P = *Process
	bytes := func(has bool, n int64, why Unknown) Value {
		if !has {
			return unknown(why)
		}
		return num(n)
	}
	return []Column[Process]{
		{Spec{ID: "process", Title: "PROCESS", Aliases: []string{"name", "proc"}, Help: "name of the process", Kind: KindText, Default: true, Width: 12, Max: 24},
			func(_ S, p P) Value { return Value{Text: p.Name.String()} }},
		{Spec{ID: "pid", Title: "PID", Help: "process id", Kind: KindNumber, Default: true, Width: 5, Max: 7},
			func(_ S, p P) Value { return num(int64(p.PID)) }},
		{Spec{ID: "puser", Title: "USER", Aliases: []string{"user"}, Help: "user the process runs as", Kind: KindText, Default: true, Width: 8, Max: 16, Give: 3},
			func(s S, p P) Value { return s.UserName(p.UID) }},
		{Spec{ID: "sockets", Title: "SOCKETS", Help: "TCP and UDP sockets that name it; one that several hold names the first", Kind: KindCount, Desc: true, Default: true, Width: 7},
			func(_ S, p P) Value { return num(int64(p.Sockets)) }},
		{Spec{ID: "established", Title: "ESTAB", Help: "established TCP connections, and UDP sockets that are connected", Kind: KindCount, Desc: true, Default: true, Width: 6, Give: 2},
			func(_ S, p P) Value { return num(int64(p.Established)) }},
		{Spec{ID: "listening", Title: "LISTEN", Help: "TCP listeners", Kind: KindCount, Desc: true, Default: true, Width: 6, Give: 2},
			func(_ S, p P) Value { return num(int64(p.Listening)) }},
		{Spec{ID: "sent", Title: "SENT", Help: "payload bytes sent by its TCP connections, closed ones that were seen included", Kind: KindBytes, Desc: true, Default: true, Width: 5},
			func(_ S, p P) Value { return bytes(p.HasBytes, int64(p.Sent), NotGiven) }},
		{Spec{ID: "received", Title: "RECV", Aliases: []string{"recv"}, Help: "payload bytes received by its TCP connections, closed ones that were seen included", Kind: KindBytes, Desc: true, Default: true, Width: 5},
			func(_ S, p P) Value { return bytes(p.HasBytes, int64(p.Received), NotGiven) }},
		{Spec{ID: "tx", Title: "TX/s", Help: "bytes sent per second now", Kind: KindRate, Desc: true, Default: true, Width: 5},
			func(_ S, p P) Value { return bytes(p.HasRates, rateOf(p.SentRate), noRate(p.HasBytes)) }},
		{Spec{ID: "rx", Title: "RX/s", Help: "bytes received per second now", Kind: KindRate, Desc: true, Default: true, Width: 5},
			func(_ S, p P) Value { return bytes(p.HasRates, rateOf(p.ReceivedRate), noRate(p.HasBytes)) }},
		{Spec{ID: "ppid", Title: "PPID", Help: "parent's process id", Kind: KindNumber, Width: 5, Max: 7, Give: 5},
			func(_ S, p P) Value { return num(int64(p.PPID)) }},
		{Spec{ID: "started", Title: "STARTED", Help: "when the process started", Kind: KindTime, Desc: true, Width: 19, Give: 5},
			func(_ S, p P) Value {
				if p.Started.IsZero() {
					return unknown(NotGiven)
				}
				return num(p.Started.UnixNano())
			}},
		{Spec{ID: "unit", Title: "UNIT", Help: "systemd unit, from its cgroup", Kind: KindText, Width: 12, Max: 30, Give: 5},
			func(_ S, p P) Value { return textOr(p.Unit, NotApplicable) }},
		{Spec{ID: "container", Title: "CONTAINER", Help: "container by name, else by the first digits of its id; of docker-proxy the one its port leads to", Kind: KindText, Width: 12, Max: 30, Give: 5},
			func(_ S, p P) Value { return textOr(p.Container, NotApplicable) }},
		{Spec{ID: "workload", Title: "WORKLOAD", Aliases: []string{"pod"}, Help: "container or pod; without one the systemd unit", Kind: KindText, Width: 12, Max: 44, Give: 5},
			func(_ S, p P) Value { return workload(p) }},
		{Spec{ID: "cmdline", Title: "COMMAND", Aliases: []string{"command", "args"}, Help: "command line", Kind: KindText, Default: true, Width: 10, Max: 80, Give: 4},
			func(_ S, p P) Value { return textOr(p.Cmdline, NotGiven) }},
	}
}

// SomeContainer says whether a process on show runs in a container.
func SomeContainer(s *Snapshot) bool {
	for i := range s.Processes {
		if p := &s.Processes[i]; !p.Container.Empty() && p.Inet {
			return true
		}
	}
	return false
}

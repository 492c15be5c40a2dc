package model

import (
	"cmp"
	"maps"
	"strings"
)

// Group is the sockets that share the value of one column: a remote address, a state, a user. It counts
// live sockets; closed ones, while they are shown, only keep the group in place.
type Group struct {
	Value    Value
	Key      string // the value in full, for the identity
	Sockets  int
	States   [numStates]int32 // TCP only
	Sent     uint64           // payload bytes of its live connections, each since it began; see Grouper.AddClosed
	Received uint64

	SentRate, ReceivedRate float32
	HasBytes, HasRates     bool

	Processes string // the first few names
	processes []int32
	fresh     int // live sockets that are new
	closed    int
}

const (
	maxGroupNames     = 3  // process names that a group spells out
	maxGroupProcesses = 64 // processes that it counts
)

// Grouper puts sockets into groups by the value of a column, look after look. It keeps the memory of the groups, and what
// they are called: a server with as many clients as sockets has as many groups.
type Grouper struct {
	by        *Column[Socket]
	connected bool // without the sockets that have no remote address
	groups    [2][]Group
	turn      uint32
	named     map[Value]naming

	past  *Column[Past] // what closed connections moved is added to the groups of its values; nil adds none
	shows func(*Snapshot, *Past) bool
}

// naming is what is known of a value that sockets had: the key of its group, and where that stands if turn is this one.
type naming struct {
	key  string
	at   int32
	turn uint32
}

// NewGrouper makes groups by the value of a column.
func NewGrouper(by *Column[Socket]) *Grouper {
	return &Grouper{by: by, named: make(map[Value]naming)}
}

// NewHostGrouper makes groups by the remote address, without the sockets that have none.
func NewHostGrouper(by *Column[Socket]) *Grouper {
	g := NewGrouper(by)
	g.connected = true
	return g
}

// AddClosed has the bytes of closed connections added to the groups of their values in a column of History, which are to be
// those of the sockets' column: of the connections that shows lets through, nil for all. A group is there for its sockets
// alone: what none has any more is in History.
func (g *Grouper) AddClosed(by *Column[Past], shows func(*Snapshot, *Past) bool) {
	g.past, g.shows = by, shows
}

// addClosed adds what closed connections moved to the groups.
func (g *Grouper) addClosed(s *Snapshot, groups []Group) {
	for i := range s.History {
		r := &s.History[i]
		if r.Has&HasBytes == 0 {
			continue
		}
		n, ok := g.named[groupValue(g.by.Kind, g.past.Value(s, r))]
		if !ok || n.turn != g.turn || g.shows != nil && !g.shows(s, r) {
			continue
		}
		h := &groups[n.at]
		h.Sent, h.Received, h.HasBytes = h.Sent+r.Sent, h.Received+r.Received, true
	}
}

// Group groups the sockets whose indices are in order. The groups stand until the call after the next.
func (g *Grouper) Group(s *Snapshot, order []int32) []Group {
	g.turn++
	groups := g.groups[g.turn%2][:0]
	for _, i := range order {
		r := &s.Sockets[i]
		if g.connected && r.Remote.IsUnspecified() {
			continue
		}
		v := groupValue(g.by.Kind, g.by.Value(s, r))
		n, ok := g.named[v]
		if !ok {
			n.key = groupKey(g.by.Kind, v)
		}
		if !ok || n.turn != g.turn {
			n.at, n.turn = int32(len(groups)), g.turn
			g.named[v] = n
			groups = begin(groups, v, n.key)
		}
		groups[n.at].add(s, r)
		if g.past != nil {
			groups[n.at].countOnce(r)
		}
	}
	if g.past != nil {
		g.addClosed(s, groups)
	}
	for i := range groups {
		groups[i].nameProcesses(s)
	}
	g.groups[g.turn%2] = groups
	if len(g.named) > 2*len(groups)+spareNames {
		maps.DeleteFunc(g.named, func(_ Value, n naming) bool { return n.turn != g.turn })
	}
	return groups
}

// spareNames is how many values without sockets may stay known.
const spareNames = 1024

// begin appends an empty group, in the memory of the one that stood there before.
func begin(groups []Group, v Value, key string) []Group {
	n := len(groups)
	var processes []int32
	if n < cap(groups) {
		groups = groups[:n+1]
		processes = groups[n].processes[:0]
	} else {
		groups = append(groups, Group{})
	}
	groups[n] = Group{Value: v, Key: key, processes: processes}
	return groups
}

// groupValue leaves of v what makes two values the same to people: a host is the same host when it is
// reached from an IPv6 socket, a port the same with each protocol.
func groupValue(k Kind, v Value) Value {
	if v.Why != Known {
		return Value{Why: NotGiven} // whatever the reason: a filter finds them all as unknown
	}
	v.AtLeast, v.More = false, 0
	if v.Note != NoteByProc { // what a process has to do with one row is not true of others
		v.Note = NoNote
	}
	switch k {
	case KindState: // UDP says its state in words, which may be TCP's
		if v.Text == State(v.Num).String() {
			v.Text = ""
		}
	case KindAddress:
		v.V6 = v.V6 && v.Addr == Addr{} // tells :: from 0.0.0.0; any other address says it itself
		if v.Addr == (Addr{10: 0xff, 11: 0xff}) {
			v.Addr = Addr{}
		}
	case KindPort:
		v.Text = "" // the protocol
	}
	return v
}

func groupKey(k Kind, v Value) string {
	var numeric Formatter
	key := string(numeric.Append(nil, k, v))
	if v.Why != Known {
		return "\x00" + v.Why.String() // no process can be called that
	}
	switch k {
	case KindText, KindState, KindAddress:
		return key
	case KindNetwork: // two default routes are shown alike
		return string(AppendNetwork(nil, v))
	}
	return key + " " + itoa(uint32(v.Num>>32)) + " " + itoa(uint32(v.Num)) // the short form is not unique
}

func (g *Group) add(s *Snapshot, r *Socket) {
	if r.Dead {
		g.closed++
		return
	}
	g.Sockets++
	if r.Proto == TCP && r.State < numStates {
		g.States[r.State]++
	}
	if fresh(s, r.Mark, r.MarkedAt) == New {
		g.fresh++
	}
	if r.Has&HasBytes != 0 {
		g.Sent, g.Received, g.HasBytes = g.Sent+r.Sent, g.Received+r.Received, true
	}
	if r.Has&HasRates != 0 {
		g.SentRate, g.ReceivedRate, g.HasRates = g.SentRate+r.SentRate, g.ReceivedRate+r.ReceivedRate, true
	}
	if r.Owner >= 0 && len(g.processes) < maxGroupProcesses {
		for _, p := range g.processes {
			if p == r.Owner {
				return
			}
		}
		g.processes = append(g.processes, r.Owner)
	}
}

// countOnce has the bytes of a socket counted once where closed connections count too: what is in History counts there, one
// that is closed and not there yet counts as if it lived.
func (g *Group) countOnce(r *Socket) {
	switch {
	case r.Has&HasBytes == 0:
	case r.Dead && r.past == notPast:
		g.Sent, g.Received, g.HasBytes = g.Sent+r.Sent, g.Received+r.Received, true
	case !r.Dead && r.past == isPast: // in TIME_WAIT
		g.Sent, g.Received = g.Sent-r.Sent, g.Received-r.Received
	}
}

func (g *Group) nameProcesses(s *Snapshot) {
	var room [maxGroupNames]string
	names, more := room[:0], 0
	for _, slot := range g.processes {
		name := s.Processes[slot].Name.String()
		switch {
		case contains(names, name):
		case len(names) < maxGroupNames:
			names = append(names, name)
		default:
			more++
		}
	}
	g.Processes = strings.Join(names, " ")
	if more > 0 {
		g.Processes += " +" + itoa(uint32(more))
		if len(g.processes) == maxGroupProcesses {
			g.Processes += " or more"
		}
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// Groups is the table of groups by one column of the sockets. Its first column is that column.
func Groups(name string, by Spec, titles ...string) *Table[Group] {
	first := by
	first.Help = "the value the sockets share: " + by.Help
	first.Default, first.Give = true, 0
	first.Width = max(first.Width, 11)
	if first.Max != 0 {
		first.Max = max(first.Max, first.Width)
	}
	first.Aliases, first.Where = nil, nil
	first.Desc = false
	if len(titles) > 0 {
		first.Title = titles[0]
	}
	columns := []Column[Group]{
		{first, func(_ *Snapshot, g *Group) Value { return g.Value }},
		countOf("sockets", "SOCKETS", "live sockets with this value", true, func(g *Group) int { return g.Sockets }),
	}
	for _, c := range []struct {
		id, title string
		state     State
		shown     bool
	}{
		{"established", "ESTAB", Established, true}, {"synsent", "SYN-SNT", SynSent, false},
		{"synrecv", "SYN-RCV", SynRecv, true}, {"timewait", "TIME-W", TimeWait, true},
		{"closewait", "CLOSE-W", CloseWait, true}, {"finwait1", "FIN-W1", FinWait1, false},
		{"finwait2", "FIN-W2", FinWait2, false}, {"lastack", "LASTACK", LastAck, false},
		{"closing", "CLOSING", Closing, false}, {"listening", "LISTEN", Listen, false},
	} {
		state := c.state
		columns = append(columns, countOf(c.id, c.title, "TCP sockets in "+state.String(), c.shown,
			func(g *Group) int { return int(g.States[state]) }))
	}
	for _, c := range groupTraffic() {
		if (name == "hosts" || name == "containers") && c.Kind == KindBytes {
			c.Help += withClosed
		}
		if c.ID != first.ID { // a sum of the values that make the groups would only be named twice
			columns = append(columns, c)
		}
	}
	return &Table[Group]{
		Name:    name,
		Columns: columns,
		Key:     func(_ *Snapshot, g *Group) Key { return Key{Text: g.Key} },
		Change: func(_ *Snapshot, g *Group) Change {
			switch {
			case g.Sockets == 0 && g.closed > 0:
				return Closed
			case g.Sockets > 0 && g.fresh == g.Sockets:
				return New
			}
			return Unchanged
		},
		Less: func(a, b *Group) bool { return cmp.Less(a.Key, b.Key) },
	}
}

// withClosed is what else counts of a host and of a container.
const withClosed = "; and its closed ones that History has, unless the filter asks what History does not know"

func countOf(id, title, help string, shown bool, f func(*Group) int) Column[Group] {
	give := 3
	if id == "sockets" {
		give = 0
	}
	return Column[Group]{
		Spec{ID: id, Title: title, Help: help, Kind: KindCount, Desc: true, Default: shown, Width: 7, Give: give},
		func(_ *Snapshot, g *Group) Value { return num(int64(f(g))) },
	}
}

func groupTraffic() []Column[Group] {
	known := func(has bool, n int64, why Unknown) Value {
		if !has {
			return unknown(why)
		}
		return num(n)
	}
	return []Column[Group]{
		{Spec{ID: "sent", Title: "SENT", Help: "payload bytes its live TCP connections sent, each since it began", Kind: KindBytes, Desc: true, Default: true, Width: 5, Give: 1},
			func(_ *Snapshot, g *Group) Value { return known(g.HasBytes, int64(g.Sent), NotGiven) }},
		{Spec{ID: "received", Title: "RECV", Help: "payload bytes its live TCP connections received, each since it began", Kind: KindBytes, Desc: true, Default: true, Width: 5, Give: 1},
			func(_ *Snapshot, g *Group) Value { return known(g.HasBytes, int64(g.Received), NotGiven) }},
		{Spec{ID: "tx", Title: "TX/s", Help: "bytes its connections send per second", Kind: KindRate, Desc: true, Default: true, Width: 5, Give: 2},
			func(_ *Snapshot, g *Group) Value { return known(g.HasRates, rateOf(g.SentRate), noRate(g.HasBytes)) }},
		{Spec{ID: "rx", Title: "RX/s", Help: "bytes its connections receive per second", Kind: KindRate, Desc: true, Default: true, Width: 5, Give: 2},
			func(_ *Snapshot, g *Group) Value {
				return known(g.HasRates, rateOf(g.ReceivedRate), noRate(g.HasBytes))
			}},
		{Spec{ID: "processes", Title: "PROCESSES", Help: "names of the processes that hold them", Kind: KindText, Default: true, Width: 9, Max: 40, Give: 4},
			func(_ *Snapshot, g *Group) Value {
				if g.Processes == "" {
					return unknown(NotGiven)
				}
				return Value{Text: g.Processes}
			}},
	}
}

package model

// A closed connection as it is remembered: whose it was, where it led, what it moved, how it ended.

import "cmp"

// Past is a connection that is over: a flat record without pointers, never changed once it is published. It refers to
// nothing but Snapshot.Departed.
type Past struct {
	Serial uint64 // counts what was remembered; names the entry for good
	Cookie uint64 // of its socket, 0 where the source had none
	// Local and Remote are its two ends.
	Local, Remote Addr

	Closed   int64 // Unix ns: when its end was told, or when it was seen last where nobody told it; see Told
	ClosedAt int64 // the same on the sampler's monotonic clock, ns
	Lasted   int64 // ns, from when it was first seen; at least, unless AgeKnown and Told; nothing is known if Unseen

	// Sent and Received are payload bytes, packets are segments: its final counters if Exact, else those seen last.
	Sent, Received               uint64
	SentPackets, ReceivedPackets uint32
	Retrans                      uint32 // segments sent again: tcpi_total_retrans
	RTT                          uint32 // us: tcpi_rtt
	UID                          uint32 // who made the socket
	Who                          int32  // index into Snapshot.Departed
	Has                          Has

	LocalPort, RemotePort uint16
	Proto                 Proto
	Family                Family
	State                 State   // as seen last; Close of one that never was
	End                   End     // how it ended
	Why                   Unknown // why its process is not known
	Inferred              bool    // its process is whom it must have been of, by what was seen around it
	AgeKnown              bool    // it was born while we watched
	Unseen                bool    // it lived and died between two looks
	Told                  bool    // the kernel told its end; else it was found gone
	Exact                 bool    // and its final counters
}

// Departed is whose closed connections were, and in which namespace: one record for all of a process's. Where the process is
// not known PID is 0.
type Departed struct {
	ProcessID
	UID                                uint32 // effective, of the process
	Name, Unit, Container, ContainerID Text
	NetNSCookie                        uint64 // see NetNS
	NetNS                              Text   // its name
}

// End is how a connection ended, as far as the kernel tells.
type End uint8

// The ends. Where the kernel does not tell enough, it is EndUnknown.
const (
	EndUnknown    End = iota
	EndHere           // this side closed first: FIN_WAIT or TIME_WAIT was seen
	EndThere          // the other side closed first: CLOSE_WAIT or LAST_ACK was seen, or TIME_WAIT at the other end
	EndAtOnce         // both did, before either knew of the other: CLOSING
	EndClosed         // closed in order, for our FIN was acknowledged; by whom first is not told
	EndReset          // our FIN was not acknowledged: reset by either side, or given up
	EndAborted        // this side threw it away, with SO_LINGER 0 as a rule: tcp_disconnect cleared its remote end
	EndNever          // it never was established: nothing acknowledged our SYN
	EndConnecting     // it was last seen asking for a connection, and then thrown away by this side
	numEnds
)

var endNames = [numEnds]string{
	"-", "closed here first", "closed there first", "closed at once", "closed", "reset", "aborted here", "never established",
	"while connecting",
}

// String says it in words, "-" for unknown.
func (e End) String() string {
	if e >= numEnds {
		return "-"
	}
	return endNames[e]
}

var endTexts = [numEnds]string{
	"How it ended is not known: the kernel did not tell of its end, or told too little.",
	"This side closed first: it was seen in FIN_WAIT or TIME_WAIT, which only the side that closes first gets to.",
	"The other side closed first: this one was seen in CLOSE_WAIT or LAST_ACK, or the other end, in this host, in TIME_WAIT.",
	"Both sides closed before either knew of the other's close: it was seen in CLOSING.",
	"Closed in order: the other side acknowledged our close. Which side was first the kernel did not tell.",
	"The other side never acknowledged our close: it was reset by one of them, or given up after too many tries.",
	"This side threw the connection away, as a program does that closes with SO_LINGER 0. Its last counters are lost with it.",
	"It never was established: nobody acknowledged our SYN. The other host refused it, did not answer, or the program gave up.",
	"It was last seen asking for a connection, and then this side threw it away: refused, not answered or given up. The kernel " +
		"does not tell which, nor whether it came to be at the last moment.",
}

// ExplainEnd is the end in a sentence.
func ExplainEnd(r *Past) string {
	if r.Proto != TCP {
		return "Its socket was closed. " + r.Proto.String() + " does not tell who of the two ended it."
	}
	return endTexts[min(r.End, numEnds-1)]
}

// ExplainPast says how much of a closed connection was seen.
func ExplainPast(r *Past) []string {
	var lines []string
	switch {
	case r.Unseen:
		lines = append(lines, "It lived and died between two looks: all that is known of it the kernel told at its end.")
	case !r.AgeKnown:
		lines = append(lines, "It was there before sockview was, so it lasted longer than this.")
	}
	switch {
	case !r.Told:
		lines = append(lines, "Nobody told its end. It was found gone, and this is how it was seen last.")
	case !r.Exact && r.Has&HasBytes != 0:
		lines = append(lines, "Its bytes are those seen last: the kernel told none at its end.")
	case r.Exact:
		lines = append(lines, "Its counters are the final ones, which the kernel told at its end.")
	}
	return lines
}

// protoName is that of Socket.ProtoName.
func (r *Past) protoName() string {
	s := Socket{Proto: r.Proto, Family: r.Family}
	return s.ProtoName()
}

// DepartedOf is whose r was, nil when that is not known.
func (s *Snapshot) DepartedOf(r *Past) *Departed {
	if d := s.departed(r); d != nil && d.PID != 0 {
		return d
	}
	return nil
}

func (s *Snapshot) departed(r *Past) *Departed {
	if r.Who < 0 || int(r.Who) >= len(s.Departed) {
		return nil
	}
	return &s.Departed[r.Who]
}

// ofDeparted is what f says of the process that had r.
func ofDeparted(s *Snapshot, r *Past, f func(*Departed) Value) Value {
	if d := s.DepartedOf(r); d != nil {
		return f(d)
	}
	if r.Why == Known {
		return unknown(NoProcess)
	}
	return unknown(r.Why)
}

// note says how its process was known.
func (r *Past) note() Note {
	if r.Inferred {
		return NoteInferred
	}
	return NoteWas
}

// given is n when the kernel gave the figures of group h.
func (r *Past) given(h Has, n int64, atLeast bool) Value {
	if r.Has&h == 0 {
		return unknown(NotGiven)
	}
	return Value{Num: n, AtLeast: atLeast}
}

// PastKey is the identity of a closed connection.
func PastKey(_ *Snapshot, r *Past) Key { return Key{ID: r.Serial, Text: "closed"} }

// ShowsPast says whether r is chosen. A closed connection was connected; none of them listened.
func (c Choice) ShowsPast(r *Past) bool {
	return c.Listen != ListeningOnly && c.ShowsProto(r.Proto) && c.ShowsFamily(r.Family)
}

// ClosedConnections is the table of closed connections, History.
func ClosedConnections() *Table[Past] {
	columns := append(pastColumns(), pastEndpoints()...)
	columns = append(columns, pastTraffic()...)
	return &Table[Past]{
		Name:    "history",
		Columns: append(columns, pastOwners()...),
		Rows:    func(s *Snapshot) []Past { return s.History },
		Key:     PastKey,
		Change:  func(*Snapshot, *Past) Change { return Unchanged },
		Less:    func(a, b *Past) bool { return cmp.Less(a.Serial, b.Serial) },
	}
}

func pastColumns() []Column[Past] {
	type S = *Snapshot
	return []Column[Past]{
		{Spec{ID: "closed", Title: "CLOSED", Help: "when the kernel told its end; where it did not, when the connection was seen last", Kind: KindTime, Desc: true, Default: true, Width: 19, Give: 2},
			func(_ S, r *Past) Value { return num(r.Closed) }},
		{Spec{ID: "lasted", Title: "LASTED", Aliases: []string{"duration", "age"}, Help: "how long it was there, from when it was first seen; > at least; - it lived and died between two looks", Kind: KindDuration, Desc: true, Default: true, Width: 7, Give: 3, AtLeast: true},
			func(_ S, r *Past) Value {
				if r.Unseen {
					return unknown(TooShort)
				}
				return Value{Num: r.Lasted, AtLeast: !r.AgeKnown || !r.Told}
			}},
		{Spec{ID: "process", Title: "PROCESS", Aliases: []string{"name", "proc"}, Help: "name of the process it was of; (?): it must have been that one", Kind: KindText, Default: true, Width: 10, Max: 20},
			func(s S, r *Past) Value {
				return ofDeparted(s, r, func(d *Departed) Value {
					v := Value{Text: d.Name.String()}
					if r.Inferred {
						v.Note = NoteInferred
					}
					return v
				})
			}},
		{Spec{ID: "pid", Title: "PID", Help: "process id of that process, which may be another's by now", Kind: KindNumber, Default: true, Width: 5, Max: 7, Give: 4},
			func(s S, r *Past) Value {
				return ofDeparted(s, r, func(d *Departed) Value { return num(int64(d.PID)) })
			}},
	}
}

// pastEndpoints say which connection it was.
func pastEndpoints() []Column[Past] {
	type S = *Snapshot
	port := func(r *Past, port uint16) Value { return Value{Num: int64(port), Text: r.protoName()} }
	return []Column[Past]{
		{Spec{ID: "proto", Title: "PROTO", Help: "protocol: tcp, tcp6, udp, udp6, udplite, sctp", Kind: KindText, Default: true, Width: 5, Give: 6},
			func(_ S, r *Past) Value { return Value{Text: r.protoName()} }},
		{Spec{ID: "local", Title: "LOCAL", Aliases: []string{"laddr", "src", "addr"}, Help: "local address", Kind: KindAddress, Default: true, Width: 9, Max: 39, Give: 5},
			func(_ S, r *Past) Value { return Value{Addr: r.Local, V6: r.Family == IPv6} }},
		{Spec{ID: "lport", Title: "PORT", Aliases: []string{"sport", "port"}, Help: "local port", Kind: KindPort, Default: true, Width: 5, Max: 15},
			func(_ S, r *Past) Value { return port(r, r.LocalPort) }},
		{Spec{ID: "remote", Title: "REMOTE", Aliases: []string{"raddr", "dst", "addr"}, Help: "remote address", Kind: KindAddress, Default: true, Width: 11, Max: 39},
			func(_ S, r *Past) Value { return Value{Addr: r.Remote, V6: r.Family == IPv6} }},
		{Spec{ID: "rport", Title: "PORT", Aliases: []string{"dport", "port"}, Help: "remote port", Kind: KindPort, Default: true, Width: 5, Max: 15},
			func(_ S, r *Past) Value { return port(r, r.RemotePort) }},
		{Spec{ID: "ended", Title: "ENDED", Help: "closed here first, there first, at once, or closed in order by who knows whom; reset, aborted here, never established, while connecting; - the kernel does not tell", Kind: KindText, Default: true, Width: 11, Max: 18, Give: 3},
			func(_ S, r *Past) Value {
				switch {
				case r.Proto != TCP:
					return unknown(NotApplicable)
				case r.End == EndUnknown:
					return unknown(NotGiven)
				}
				return Value{Text: r.End.String()}
			}},
	}
}

// pastTraffic say what it moved.
func pastTraffic() []Column[Past] {
	type S = *Snapshot
	const us = 1000
	return []Column[Past]{
		{Spec{ID: "sent", Title: "SENT", Help: "payload bytes it sent, retransmits not counted; > those seen last, where the kernel told no final ones", Kind: KindBytes, Desc: true, Default: true, Width: 5, Give: 1, AtLeast: true},
			func(_ S, r *Past) Value { return r.given(HasBytes, int64(r.Sent), !r.Exact) }},
		{Spec{ID: "received", Title: "RECV", Aliases: []string{"recv", "rcvd"}, Help: "payload bytes it received; > those seen last, where the kernel told no final ones", Kind: KindBytes, Desc: true, Default: true, Width: 5, Give: 1, AtLeast: true},
			func(_ S, r *Past) Value { return r.given(HasBytes, int64(r.Received), !r.Exact) }},
		{Spec{ID: "sentpkts", Title: "PKTS-TX", Help: "segments it sent (tcpi_segs_out)", Kind: KindCount, Desc: true, Width: 7, Max: 10, Give: 7, AtLeast: true},
			func(_ S, r *Past) Value { return r.given(HasPackets, int64(r.SentPackets), !r.Exact) }},
		{Spec{ID: "recvpkts", Title: "PKTS-RX", Help: "segments it received (tcpi_segs_in)", Kind: KindCount, Desc: true, Width: 7, Max: 10, Give: 7, AtLeast: true},
			func(_ S, r *Past) Value { return r.given(HasPackets, int64(r.ReceivedPackets), !r.Exact) }},
		{Spec{ID: "retrans", Title: "RETRANS", Aliases: []string{"retransmits"}, Help: "segments it sent again (tcpi_total_retrans)", Kind: KindCount, Desc: true, Width: 7, Give: 7, AtLeast: true},
			func(_ S, r *Past) Value { return r.given(HasPath, int64(r.Retrans), !r.Exact) }},
		{Spec{ID: "rtt", Title: "RTT", Help: "smoothed round trip time, as it was last (tcpi_rtt)", Kind: KindDuration, Desc: true, Width: 6, Give: 7},
			func(_ S, r *Past) Value {
				if r.Has&HasPath != 0 && r.RTT == 0 {
					return unknown(NotGiven) // nothing was answered
				}
				return r.given(HasPath, int64(r.RTT)*us, false)
			}},
	}
}

// pastOwners say whose it was.
func pastOwners() []Column[Past] {
	type S = *Snapshot
	text := func(id, title, help string, width, most int, f func(*Departed) Text, aliases ...string) Column[Past] {
		return Column[Past]{
			Spec{ID: id, Title: title, Aliases: aliases, Help: help, Kind: KindText, Width: width, Max: most, Give: 7},
			func(s S, r *Past) Value {
				return ofDeparted(s, r, func(d *Departed) Value { return textOr(f(d), NotApplicable) })
			},
		}
	}
	return []Column[Past]{
		{Spec{ID: "user", Title: "USER", Help: "user who made the socket; where that was not seen, user of its process", Kind: KindText, Width: 8, Max: 16, Give: 7},
			func(s S, r *Past) Value {
				if r.Has&HasUID != 0 {
					return s.UserName(r.UID)
				}
				return ofDeparted(s, r, func(d *Departed) Value { return s.UserName(d.UID) })
			}},
		{Spec{ID: "held", Title: "HELD", Help: "was: that process was seen to hold it, or its listener; inferred: it must have been that one", Kind: KindText, Width: 8, Give: 7},
			func(s S, r *Past) Value {
				return ofDeparted(s, r, func(*Departed) Value {
					return Value{Text: heldWords[r.note()]}
				})
			}},
		text("unit", "UNIT", "systemd unit of the process, from its cgroup", 12, 30, func(d *Departed) Text { return d.Unit }),
		text("container", "CONTAINER", "container of the process by name, else by its id; of docker-proxy the one its port leads to", 12, 30, func(d *Departed) Text { return d.Container }),
		text("workload", "WORKLOAD", "container or pod of the process; without one its systemd unit", 12, 44, func(d *Departed) Text {
			if d.Container.Empty() {
				return d.Unit
			}
			return d.Container
		}, "pod"),
		{Spec{ID: "netns", Title: "NETNS", Aliases: []string{"namespace"}, Help: "network namespace it was in, by its name then", Kind: KindText, Width: 5, Max: 20, Give: 8, Where: SeveralNetNS},
			func(s S, r *Past) Value {
				if d := s.departed(r); d != nil {
					return textOr(d.NetNS, NotGiven)
				}
				return unknown(NotGiven)
			}},
		{Spec{ID: "netnscookie", Title: "NETNS-ID", Help: "network namespace it was in, by SO_NETNS_COOKIE", Kind: KindHex, Width: 8, Max: 18, Give: 7},
			func(s S, r *Past) Value {
				if d := s.departed(r); d != nil && d.NetNSCookie != 0 && d.NetNSCookie < 1<<63 { // else it is a number of ours
					return num(int64(d.NetNSCookie))
				}
				return unknown(NotGiven)
			}},
		{Spec{ID: "cookie", Title: "COOKIE", Help: "sock_diag cookie of its socket, as ss -e (sk:)", Kind: KindHex, Width: 8, Max: 18, Give: 7},
			func(_ S, r *Past) Value {
				if r.Cookie == 0 {
					return unknown(NotGiven)
				}
				return num(int64(r.Cookie))
			}},
	}
}

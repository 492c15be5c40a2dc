package model

import (
	"cmp"
	"slices"
)

// unknown makes a Value without a value.
func unknown(why Unknown) Value { return Value{Why: why} }

// num is a known number.
func num(n int64) Value { return Value{Num: n} }

// given is n when the kernel gave the figures of group h.
func (r *Socket) given(h Has, n int64) Value {
	switch {
	case r.Has&h != 0:
		return num(n)
	case r.Stale:
		return unknown(Stale)
	case h == HasRates && r.Has&HasBytes != 0 && r.Dead:
		return unknown(NotApplicable)
	case h == HasRates && r.Has&HasBytes != 0 && r.State == TimeWait:
		return unknown(InTimeWait)
	case h == HasRates && r.Has&HasBytes != 0:
		return unknown(NotYet)
	}
	return unknown(NotGiven)
}

// Named is the process that h names, or nil.
func (s *Snapshot) Named(h *Holding) *Process {
	if h.Owner < 0 || int(h.Owner) >= len(s.Processes) {
		return nil
	}
	return &s.Processes[h.Owner]
}

// HolderOf is the process that r names, or nil.
func (s *Snapshot) HolderOf(r *Socket) *Process { return s.Named(&r.Holding) }

// ofOwner is what f says of the row's owner.
func ofOwner(s *Snapshot, r *Socket, f func(*Process) Value) Value { return ofHolder(s, &r.Holding, f) }

// ofHolder is what f says of the process that h names.
func ofHolder(s *Snapshot, h *Holding, f func(*Process) Value) Value {
	if p := s.Named(h); p != nil {
		return f(p)
	}
	why := h.Why
	if why == Known {
		why = NotYet
	}
	return unknown(why)
}

// UserName is the name of uid, or the number itself when it has none.
func (s *Snapshot) UserName(uid uint32) Value {
	if name, ok := s.Users[uid]; ok && !name.Empty() {
		return Value{Text: name.String()}
	}
	return Value{Text: itoa(uid)}
}

func itoa(n uint32) string {
	var b [10]byte
	i := len(b)
	for {
		i--
		b[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return string(b[i:])
		}
	}
}

// String is the protocol as netstat and /etc/protocols name it; the number itself when it has no name here.
func (p Proto) String() string {
	switch p {
	case 0:
		return "-"
	case 1:
		return "icmp"
	case 2:
		return "igmp"
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case 33:
		return "dccp"
	case 47:
		return "gre"
	case 50:
		return "esp"
	case 51:
		return "ah"
	case 58:
		return "icmpv6"
	case SCTP:
		return "sctp"
	case UDPLite:
		return "udplite"
	case Raw:
		return "raw"
	}
	return itoa(uint32(p))
}

// ProtoName is netstat's word for the protocol and family: tcp, tcp6, udp, udp6, udplite, udplite6, raw, raw6.
func (r *Socket) ProtoName() string {
	if r.Family == IPv6 {
		switch r.Proto { // no garbage: this is a value of every row
		case TCP:
			return "tcp6"
		case UDP:
			return "udp6"
		case SCTP:
			return "sctp6"
		case UDPLite:
			return "udplite6"
		case Raw:
			return "raw6"
		}
	}
	return r.Proto.String()
}

// HasHandshake says whether sockets of the protocol connect and listen: TCP and SCTP do.
func (p Proto) HasHandshake() bool { return p == TCP || p == SCTP }

// StateName is the state as shown: TCP's by netstat's word; a UDP or raw socket that is not connected has ss's.
func (r *Socket) StateName() string {
	if !r.Proto.HasHandshake() && r.State == Close {
		return "UNCONN"
	}
	return r.State.String()
}

// IsListening says whether the socket waits for others to come: a TCP listener, or a UDP or raw socket that is not
// connected, as netstat -l has it.
func (r *Socket) IsListening() bool {
	return r.State == Listen || !r.Proto.HasHandshake() && r.State == Close
}

// IsConnected says whether the socket has another end.
func (r *Socket) IsConnected() bool {
	return !r.IsListening() && r.State != Bound && r.State != Close
}

// Target names the socket within its network namespace.
func (r *Socket) Target() CloseTarget {
	return CloseTarget{
		Cookie: r.Cookie, Local: r.Local, Remote: r.Remote, LocalPort: r.LocalPort, RemotePort: r.RemotePort,
		Interface: r.Interface, Proto: r.Proto, Family: r.Family, State: r.State,
	}
}

// TargetOf names a socket of the snapshot for closing it.
func (s *Snapshot) TargetOf(r *Socket) CloseTarget {
	t := r.Target()
	t.NetNS = s.NetNSOf(r.NetNS).Cookie
	return t
}

// SocketKey is the identity of a socket.
func SocketKey(s *Snapshot, r *Socket) Key {
	k := Key{NetNS: s.NetNSOf(r.NetNS).Cookie, ID: r.Cookie, Proto: r.Proto}
	if r.Cookie == 0 {
		b := AppendAddr(nil, r.Local, r.Family == IPv6)
		b = append(append(b, ' '), itoa(uint32(r.LocalPort))...)
		b = AppendAddr(append(b, ' '), r.Remote, r.Family == IPv6)
		b = append(append(b, ' '), itoa(uint32(r.RemotePort))...)
		k.Text = string(append(append(b, ' '), itoa(r.Inode)...))
	}
	return k
}

// fresh is mark while the change is younger than the snapshot's hold.
func fresh(s *Snapshot, mark Change, at int64) Change {
	// A tick is never to the nanosecond an interval after the last one, and a change that was shown for
	// all but a tenth of its time was shown.
	if mark != Unchanged && s.Now-at < s.Hold-s.Hold/10 {
		return mark
	}
	return Unchanged
}

// Sockets is the table of TCP, UDP, UDP-Lite, SCTP and raw sockets.
func Sockets() *Table[Socket] {
	return &Table[Socket]{
		Name:    "sockets",
		Columns: socketColumns(),
		Rows:    func(s *Snapshot) []Socket { return s.Sockets },
		Key:     SocketKey,
		Change: func(s *Snapshot, r *Socket) Change {
			switch {
			case r.Dead:
				return Closed
			case r.Stale:
				return Outdated
			}
			return fresh(s, r.Mark, r.MarkedAt)
		},
		// The ends first: of equal rows a server's connections come in the order people look for them.
		Less: func(a, b *Socket) bool {
			switch { // not cmp.Or, which would compare all of them each time
			case a.NetNS != b.NetNS:
				return a.NetNS < b.NetNS
			case a.Proto != b.Proto:
				return a.Proto < b.Proto
			case a.LocalPort != b.LocalPort:
				return a.LocalPort < b.LocalPort
			case a.Local != b.Local:
				return cmpAddr(a.Local, b.Local) < 0
			case a.RemotePort != b.RemotePort:
				return a.RemotePort < b.RemotePort
			case a.Remote != b.Remote:
				return cmpAddr(a.Remote, b.Remote) < 0
			case a.Cookie != b.Cookie:
				return a.Cookie < b.Cookie
			}
			return a.Inode < b.Inode
		},
	}
}

// portValue is a port with the protocol it is of.
func portValue(r *Socket, port uint16) Value {
	return Value{Num: int64(port), Text: r.ProtoName()}
}

func socketColumns() []Column[Socket] {
	return append(endpointColumns(), append(trafficColumns(), append(ownerColumns(), pathColumns()...)...)...)
}

// heldWords say whether the process that is named holds a socket, as its note has it.
var heldWords = map[Note]string{NoNote: "yes", NoteWas: "was", NoteInferred: "inferred"}

// endpointColumns say which socket it is.
func endpointColumns() []Column[Socket] {
	type S = *Snapshot
	return []Column[Socket]{
		{Spec{ID: "process", Steady: true, Title: "PROCESS", Aliases: []string{"name", "proc"}, Help: "name of the process that holds the socket; +n: n more hold it; (was): nobody does any more; (?): it must have been this one",
			Kind: KindText, Default: true, Width: 10, Max: 20},
			func(s S, r *Socket) Value {
				return ofOwner(s, r, func(p *Process) Value {
					return Value{Text: p.Name.String(), More: max(0, r.Holders-1), Note: r.note()}
				})
			}},
		{Spec{ID: "pid", Steady: true, Title: "PID", Help: "process id of that process", Kind: KindNumber, Default: true, Width: 5, Max: 7, Give: 1},
			func(s S, r *Socket) Value {
				return ofOwner(s, r, func(p *Process) Value { return num(int64(p.PID)) })
			}},
		netnsColumn(func(r *Socket) uint16 { return r.NetNS }),
		{Spec{ID: "proto", Steady: true, Title: "PROTO", Help: "protocol: tcp, tcp6, udp, udp6, udplite, raw, sctp and so on", Kind: KindText, Default: true, Width: 5, Give: 4},
			func(_ S, r *Socket) Value { return Value{Text: r.ProtoName()} }},
		{Spec{ID: "local", Steady: true, Title: "LOCAL", Aliases: []string{"laddr", "src", "addr"}, Help: "local address", Kind: KindAddress, Default: true, Width: 9, Max: 39, Give: 3},
			func(_ S, r *Socket) Value { return Value{Addr: r.Local, V6: r.Family == IPv6} }},
		{Spec{ID: "lport", Steady: true, Title: "PORT", Aliases: []string{"sport", "port"}, Help: "local port; of a raw socket the protocol it takes", Kind: KindPort, Default: true, Width: 5, Max: 15},
			func(_ S, r *Socket) Value { return portValue(r, r.LocalPort) }},
		{Spec{ID: "remote", Steady: true, Title: "REMOTE", Aliases: []string{"raddr", "dst", "addr"}, Help: "remote address", Kind: KindAddress, Default: true, Width: 11, Max: 39, Give: 2},
			func(_ S, r *Socket) Value { return Value{Addr: r.Remote, V6: r.Family == IPv6} }},
		{Spec{ID: "rport", Steady: true, Title: "PORT", Aliases: []string{"dport", "port"}, Help: "remote port, * for none", Kind: KindPort, Default: true, Width: 5, Max: 15, Give: 2},
			func(_ S, r *Socket) Value { return portValue(r, r.RemotePort) }},
		{Spec{ID: "state", Steady: true, Title: "STATE", Help: "TCP state by netstat's word; UNCONN for a UDP or raw socket that is not connected", Kind: KindState, Default: true, Width: 11},
			func(_ S, r *Socket) Value {
				if r.State == StateUnknown {
					return unknown(NotGiven)
				}
				v := Value{Num: int64(r.State)}
				if !r.Proto.HasHandshake() {
					v.Text = r.StateName()
				}
				return v
			}},
	}
}

// trafficColumns say what it moves.
func trafficColumns() []Column[Socket] {
	type S = *Snapshot
	return []Column[Socket]{
		{Spec{ID: "sent", Title: "SENT", Help: "payload bytes sent since the connection began, retransmits not counted", Kind: KindBytes, Desc: true, Default: true, Width: 5, Give: 6},
			func(_ S, r *Socket) Value { return r.given(HasBytes, int64(r.Sent)) }},
		{Spec{ID: "received", Title: "RECV", Aliases: []string{"recv", "rcvd"}, Help: "payload bytes received since the connection began", Kind: KindBytes, Desc: true, Default: true, Width: 5, Give: 7},
			func(_ S, r *Socket) Value { return r.given(HasBytes, int64(r.Received)) }},
		{Spec{ID: "tx", Title: "TX/s", Aliases: []string{"sentrate", "txrate"}, Help: "bytes sent per second, smoothed over about a second", Kind: KindRate, Desc: true, Default: true, Width: 5, Give: 5},
			func(_ S, r *Socket) Value { return r.given(HasRates, rateOf(r.SentRate)) }},
		{Spec{ID: "rx", Title: "RX/s", Aliases: []string{"recvrate", "rxrate"}, Help: "bytes received per second, smoothed over about a second", Kind: KindRate, Desc: true, Default: true, Width: 5, Give: 5},
			func(_ S, r *Socket) Value { return r.given(HasRates, rateOf(r.ReceivedRate)) }},
		{Spec{ID: "sentpkts", Title: "PKTS-TX", Help: "segments sent since the connection began (tcpi_segs_out)", Kind: KindCount, Desc: true, Width: 7, Max: 10, Give: 4},
			func(_ S, r *Socket) Value { return r.given(HasPackets, int64(r.SentPackets)) }},
		{Spec{ID: "recvpkts", Title: "PKTS-RX", Help: "segments received since the connection began (tcpi_segs_in)", Kind: KindCount, Desc: true, Width: 7, Max: 10, Give: 4},
			func(_ S, r *Socket) Value { return r.given(HasPackets, int64(r.ReceivedPackets)) }},
		{Spec{ID: "recvq", Title: "RECV-Q", Aliases: []string{"recv-q"}, Help: "bytes the process has not read; on a listener: connections it has not accepted", Kind: KindCount, Desc: true, Width: 6, Max: 9, Give: 4},
			func(_ S, r *Socket) Value { return r.given(HasQueues, int64(r.RecvQ)) }},
		{Spec{ID: "sendq", Title: "SEND-Q", Aliases: []string{"send-q"}, Help: "bytes the other side has not acknowledged; on a listener: the backlog's limit", Kind: KindCount, Desc: true, Width: 6, Max: 9, Give: 4},
			func(_ S, r *Socket) Value { return r.given(HasQueues, int64(r.SendQ)) }},
	}
}

// ownerColumns say whose it is.
func ownerColumns() []Column[Socket] {
	type S = *Snapshot
	return []Column[Socket]{
		{Spec{ID: "peer", Steady: true, Title: "PEER", Aliases: []string{"peerprocess"}, Help: "process at the other end of a connection within this host; +n: n more hold it", Kind: KindText, Width: 8, Max: 20, Give: 4},
			func(s S, r *Socket) Value {
				return ofEnd(s, r, func(p *Process, o *Socket) Value {
					return Value{Text: p.Name.String(), More: max(0, o.Holders-1)}
				})
			}},
		{Spec{ID: "peerpid", Steady: true, Title: "PEERPID", Help: "process id of the process at the other end", Kind: KindNumber, Width: 7, Give: 4},
			func(s S, r *Socket) Value {
				return ofEnd(s, r, func(p *Process, _ *Socket) Value { return num(int64(p.PID)) })
			}},
		{Spec{ID: "user", Title: "USER", Help: "user who made the socket", Kind: KindText, Width: 8, Max: 16, Give: 4},
			func(s S, r *Socket) Value {
				if r.Has&HasUID == 0 {
					return r.given(HasUID, 0)
				}
				return s.UserName(r.UID)
			}},
		{Spec{ID: "uid", Title: "UID", Help: "id of the user who made the socket", Kind: KindNumber, Width: 5, Max: 10, Give: 4},
			func(_ S, r *Socket) Value { return r.given(HasUID, int64(r.UID)) }},
		{Spec{ID: "age", Title: "AGE", Help: "time since the socket appeared; > for one that is older than this watch", Kind: KindDuration, Desc: true, Width: 7, Give: 4, AtLeast: true},
			func(s S, r *Socket) Value {
				if !r.AgeKnown && s.Now == r.FirstSeen {
					return unknown(NotYet)
				}
				return Value{Num: s.Now - r.FirstSeen, AtLeast: !r.AgeKnown}
			}},
		{Spec{ID: "holders", Title: "HOLDERS", Help: "how many processes hold the socket", Kind: KindCount, Desc: true, Width: 7, Give: 4},
			func(s S, r *Socket) Value {
				return ofOwner(s, r, func(*Process) Value { return num(int64(r.Holders)) })
			}},
		{Spec{ID: "held", Title: "HELD", Help: "whether that process holds the socket: yes, was (nobody does any more), inferred (it must have been that one)", Kind: KindText, Width: 8, Give: 4},
			func(s S, r *Socket) Value {
				return ofOwner(s, r, func(*Process) Value { return Value{Text: heldWords[r.note()]} })
			}},
		{Spec{ID: "unit", Steady: true, Title: "UNIT", Help: "systemd unit of the process, from its cgroup", Kind: KindText, Width: 12, Max: 30, Give: 4},
			func(s S, r *Socket) Value {
				return ofOwner(s, r, func(p *Process) Value { return textOr(p.Unit, NotApplicable) })
			}},
		{Spec{ID: "container", Steady: true, Title: "CONTAINER", Help: "container of the process by name, else by its id; of docker-proxy the one its port leads to", Kind: KindText, Width: 12, Max: 30, Give: 9, Where: SomeContainer},
			func(s S, r *Socket) Value {
				return ofOwner(s, r, func(p *Process) Value { return textOr(p.Container, NotApplicable) })
			}},
		{Spec{ID: "workload", Steady: true, Title: "WORKLOAD", Aliases: []string{"pod"}, Help: "container or pod of the process; without one its systemd unit", Kind: KindText, Width: 12, Max: 44, Give: 4},
			func(s S, r *Socket) Value { return ofOwner(s, r, workload) }},
		{Spec{ID: "cmdline", Steady: true, Title: "COMMAND", Aliases: []string{"command", "args"}, Help: "command line of the process", Kind: KindText, Width: 16, Max: 60, Give: 4},
			func(s S, r *Socket) Value {
				return ofOwner(s, r, func(p *Process) Value { return textOr(p.Cmdline, NotGiven) })
			}},
		askedColumn(func(r *Socket) uint16 { return r.NetNS }),
	}
}

// pathColumns say how the connection does.
func pathColumns() []Column[Socket] {
	type S = *Snapshot
	us := int64(1000)
	return []Column[Socket]{
		{Spec{ID: "rtt", Title: "RTT", Help: "smoothed round trip time (tcpi_rtt)", Kind: KindDuration, Desc: true, Width: 6, Give: 4},
			func(_ S, r *Socket) Value {
				if r.Has&HasPath != 0 && r.RTT == 0 {
					return unknown(NotYet) // nothing was answered yet
				}
				return r.given(HasPath, int64(r.RTT)*us)
			}},
		{Spec{ID: "retrans", Title: "RETRANS", Aliases: []string{"retransmits"}, Help: "segments sent again since the connection began (tcpi_total_retrans)", Kind: KindCount, Desc: true, Width: 7, Give: 4},
			func(_ S, r *Socket) Value { return r.given(HasPath, int64(r.Retrans)) }},
		{Spec{ID: "cwnd", Title: "CWND", Help: "congestion window, segments (tcpi_snd_cwnd)", Kind: KindCount, Desc: true, Width: 5, Give: 4},
			func(_ S, r *Socket) Value { return r.given(HasPath, int64(r.Cwnd)) }},
		{Spec{ID: "mss", Title: "MSS", Help: "maximum segment size sent, bytes (tcpi_snd_mss)", Kind: KindCount, Desc: true, Width: 5, Give: 4},
			func(_ S, r *Socket) Value { return r.given(HasPath, int64(r.MSS)) }},
		{Spec{ID: "pmtu", Title: "PMTU", Help: "path MTU, bytes (tcpi_pmtu)", Kind: KindCount, Desc: true, Width: 5, Give: 4},
			func(_ S, r *Socket) Value { return r.given(HasPath, int64(r.PMTU)) }},
		{Spec{ID: "delivery", Title: "DELIV/s", Help: "delivery rate the kernel measured last, bytes per second (tcpi_delivery_rate)", Kind: KindRate, Desc: true, Width: 7, Give: 4},
			func(_ S, r *Socket) Value { return r.given(HasDelivery, int64(r.DeliveryRate)) }},
		{Spec{ID: "timer", Title: "TIMER", Help: "the timer that runs: on (retransmit), keepalive, timewait, probe, off", Kind: KindText, Width: 9, Give: 4},
			func(_ S, r *Socket) Value { return Value{Text: r.Timer.String()} }},
		{Spec{ID: "expires", Title: "EXPIRES", Help: "time until that timer fires", Kind: KindDuration, Width: 7, Give: 4},
			func(_ S, r *Socket) Value {
				if r.Timer == TimerOff {
					return unknown(NotApplicable)
				}
				return num(int64(r.Expires) * 1e6)
			}},
		{Spec{ID: "cong", Title: "CONG", Help: "congestion control algorithm", Kind: KindText, Width: 6, Max: 10, Give: 4},
			func(s S, r *Socket) Value {
				if r.Has&HasCong == 0 || int(r.Cong) >= len(s.Congestion) {
					return unknown(NotGiven)
				}
				return Value{Text: s.Congestion[r.Cong].String()}
			}},
		{Spec{ID: "inode", Steady: true, Title: "INODE", Help: "inode of the socket, as in /proc/PID/fd", Kind: KindNumber, Width: 8, Max: 10, Give: 4},
			func(_ S, r *Socket) Value {
				if r.Inode == 0 {
					return unknown(ownerUnknown(r))
				}
				return num(int64(r.Inode))
			}},
		{Spec{ID: "cookie", Steady: true, Title: "COOKIE", Help: "sock_diag cookie: names the socket for good, as ss -e (sk:)", Kind: KindHex, Width: 8, Max: 18, Give: 4},
			func(_ S, r *Socket) Value {
				if r.Cookie == 0 {
					return unknown(NotGiven)
				}
				return num(int64(r.Cookie))
			}},
		{Spec{ID: "iface", Title: "IFACE", Aliases: []string{"interface", "dev"}, Help: "interface the socket is bound to", Kind: KindText, Width: 8, Max: 15, Give: 4},
			func(s S, r *Socket) Value {
				if r.Interface == 0 {
					return unknown(NotApplicable)
				}
				return textOr(s.Interfaces[LinkID{r.NetNS, r.Interface}], NotGiven)
			}},
		{Spec{ID: "mark", Title: "MARK", Aliases: []string{"fwmark"}, Help: "SO_MARK; the kernel tells it with CAP_NET_ADMIN only", Kind: KindHex, Width: 6, Max: 10, Give: 4},
			func(_ S, r *Socket) Value {
				if r.Has&HasMark == 0 {
					return unknown(NeedsNetAdmin)
				}
				return num(int64(r.FwMark))
			}},
	}
}

// workload is what the process is run as: its container, else its unit.
func workload(p *Process) Value {
	if !p.Container.Empty() {
		return Value{Text: p.Container.String()}
	}
	return textOr(p.Unit, NotApplicable)
}

func textOr(t Text, why Unknown) Value {
	if t.Empty() {
		return unknown(why)
	}
	return Value{Text: t.String()}
}

func cmpAddr(a, b Addr) int {
	for i := range a {
		if a[i] != b[i] {
			return cmp.Compare(a[i], b[i])
		}
	}
	return 0
}

// HoldersOf are all the processes that hold r, the one it names first.
func (s *Snapshot) HoldersOf(r *Socket) []*Process { return s.holding(&r.Holding, r.Inode) }

// HoldersOfUnix are all the processes that hold r, the one it names first.
func (s *Snapshot) HoldersOfUnix(r *UnixSocket) []*Process { return s.holding(&r.Holding, r.Inode) }

func (s *Snapshot) holding(r *Holding, inode uint32) []*Process {
	first := s.Named(r)
	if first == nil {
		return nil
	}
	all := []*Process{first}
	if r.Holders < 2 {
		return all
	}
	at, _ := slices.BinarySearchFunc(s.Holders, inode, func(h Holder, inode uint32) int {
		return cmp.Compare(h.Inode, inode)
	})
	for _, h := range s.Holders[at:] {
		if h.Inode != inode {
			break
		}
		if h.Process != r.Owner {
			all = append(all, &s.Processes[h.Process])
		}
	}
	return all
}

package model

import "cmp"

// UnixType is the kind of a unix socket, as socket(2) takes it.
type UnixType uint8

// The kinds (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET of linux/net.h).
const (
	UnixStream    UnixType = 1
	UnixDatagram  UnixType = 2
	UnixSeqPacket UnixType = 5
)

// String is netstat's word for the kind.
func (t UnixType) String() string {
	switch t {
	case UnixStream:
		return "STREAM"
	case UnixDatagram:
		return "DGRAM"
	case UnixSeqPacket:
		return "SEQPACKET"
	}
	return "UNKNOWN"
}

// UnixState is what a unix socket is doing, in netstat's terms (SS_* of linux/net.h).
type UnixState uint8

// The states.
const (
	UnixUnconnected UnixState = iota
	UnixListening
	UnixConnecting // it waits to be accepted
	UnixConnected
	UnixDisconnecting
)

var unixStates = [...]string{"UNCONN", "LISTENING", "CONNECTING", "CONNECTED", "DISCONNECTING"}

// String is netstat's word for the state; netstat leaves the first one blank.
func (s UnixState) String() string {
	if int(s) >= len(unixStates) {
		return "-"
	}
	return unixStates[s]
}

// UnixSocket is one unix socket, from unix_diag (linux/unix_diag.h).
type UnixSocket struct {
	Life
	Holding
	Cookie    uint64 // names the socket for good; 0 for one that waits to be accepted
	Inode     uint32 // 0 for one that waits to be accepted
	PeerInode uint32 // UNIX_DIAG_PEER: the socket at the other end, 0 for none or unknown
	Peer      int32  // index into Snapshot.Unix of that socket, -1 for none or unknown; set by the Tracker
	// Path is the name it is bound to: a path, or "@" and the abstract name with "@" for each NUL, as
	// /proc/net/unix has it. Empty for none.
	Path       Text
	Type       UnixType
	State      UnixState
	RecvQ      uint32 // UNIX_DIAG_RQLEN: bytes (datagram: of the first message) to be read; listener: connections not accepted
	SendQ      uint32 // UNIX_DIAG_RQLEN: buffer memory, bytes, of what the other end has not read; listener: the backlog's limit
	UID        uint32 // UNIX_DIAG_UID (Linux 5.0): who made it
	References int32  // as /proc/net/unix counts them: itself, its name, and each socket connected to it
	Shutdown   uint8  // UNIX_DIAG_SHUTDOWN: 1 receives no more, 2 sends no more
	HasQueues  bool
	HasUID     bool
}

// UnixKey is the identity of a unix socket. One that waits to be accepted has neither cookie nor inode of its own:
// it is known by its listener's name and the socket that wants to connect.
func UnixKey(s *Snapshot, r *UnixSocket) Key { return r.in(s, unixKey(r)) }

func unixKey(r *UnixSocket) Key {
	if r.Cookie != 0 {
		return Key{ID: r.Cookie, Text: "unix"}
	}
	return Key{ID: uint64(r.PeerInode), Text: "unix " + r.Path.String() + " " + itoa(r.Inode)}
}

// Unix is the table of unix sockets.
func Unix() *Table[UnixSocket] {
	return &Table[UnixSocket]{
		Name:    "unix",
		Columns: unixColumns(),
		Rows:    func(s *Snapshot) []UnixSocket { return s.Unix },
		Key:     UnixKey,
		Change:  func(s *Snapshot, r *UnixSocket) Change { return r.change(s) },
		Less: func(a, b *UnixSocket) bool {
			return cmp.Or(cmp.Compare(a.Path.s, b.Path.s), cmp.Compare(a.Inode, b.Inode),
				cmp.Compare(a.PeerInode, b.PeerInode)) < 0
		},
	}
}

// peerOf is the socket at the other end of r, or nil.
func (s *Snapshot) peerOf(r *UnixSocket) *UnixSocket {
	if r.Peer < 0 || int(r.Peer) >= len(s.Unix) {
		return nil
	}
	return &s.Unix[r.Peer]
}

// ofPeer is what f says of the process at the other end.
func ofPeer(s *Snapshot, r *UnixSocket, f func(*Process, *UnixSocket) Value) Value {
	peer := s.peerOf(r)
	switch {
	case peer == nil && r.PeerInode == 0:
		return unknown(NotApplicable)
	case peer == nil:
		return unknown(OtherNetNS)
	}
	return ofHolder(s, &peer.Holding, func(p *Process) Value { return f(p, peer) })
}

func unixColumns() []Column[UnixSocket] {
	type S = *Snapshot
	type U = *UnixSocket
	inode := func(n uint32, why Unknown) Value {
		if n == 0 {
			return unknown(why)
		}
		return num(int64(n))
	}
	queue := func(r U, n uint32) Value {
		if !r.HasQueues {
			return unknown(NotGiven)
		}
		return num(int64(n))
	}
	return []Column[UnixSocket]{
		{Spec{ID: "process", Title: "PROCESS", Aliases: []string{"name", "proc"}, Help: "name of the process that holds the socket; +n: n more hold it",
			Kind: KindText, Default: true, Width: 10, Max: 20},
			func(s S, r U) Value {
				return ofHolder(s, &r.Holding, func(p *Process) Value {
					return Value{Text: p.Name.String(), More: max(0, r.Holders-1)}
				})
			}},
		{Spec{ID: "pid", Title: "PID", Help: "process id of that process", Kind: KindNumber, Default: true, Width: 5, Max: 7, Give: 1},
			func(s S, r U) Value {
				return ofHolder(s, &r.Holding, func(p *Process) Value { return num(int64(p.PID)) })
			}},
		netnsColumn(func(r *UnixSocket) uint16 { return r.NetNS }),
		{Spec{ID: "type", Title: "TYPE", Help: "STREAM, DGRAM or SEQPACKET", Kind: KindText, Default: true, Width: 6, Max: 9, Give: 2},
			func(_ S, r U) Value { return Value{Text: r.Type.String()} }},
		{Spec{ID: "state", Title: "STATE", Help: "LISTENING, CONNECTED, CONNECTING (waits to be accepted), UNCONN (neither)", Kind: KindText, Default: true, Width: 10, Max: 13, Give: 1},
			func(_ S, r U) Value { return Value{Text: r.State.String()} }},
		{Spec{ID: "path", Title: "PATH", Aliases: []string{"local"}, Help: "name it is bound to; @ begins an abstract one", Kind: KindText, Default: true, Width: 16, Max: 60},
			func(_ S, r U) Value { return textOr(r.Path, NotApplicable) }},
		{Spec{ID: "peerprocess", Title: "PEER", Aliases: []string{"peername"}, Help: "name of the process at the other end", Kind: KindText, Default: true, Width: 8, Max: 20, Give: 2},
			func(s S, r U) Value {
				return ofPeer(s, r, func(p *Process, peer U) Value {
					return Value{Text: p.Name.String(), More: max(0, peer.Holders-1)}
				})
			}},
		{Spec{ID: "peerpid", Title: "PEERPID", Help: "process id of the process at the other end", Kind: KindNumber, Default: true, Width: 7, Give: 4},
			func(s S, r U) Value {
				return ofPeer(s, r, func(p *Process, _ U) Value { return num(int64(p.PID)) })
			}},
		{Spec{ID: "peer", Title: "PEER-IN", Aliases: []string{"peerinode"}, Help: "inode of the socket at the other end", Kind: KindNumber, Default: true, Width: 8, Max: 10, Give: 5},
			func(_ S, r U) Value { return inode(r.PeerInode, NotApplicable) }},
		{Spec{ID: "inode", Title: "INODE", Help: "inode of the socket, as in /proc/PID/fd", Kind: KindNumber, Default: true, Width: 8, Max: 10, Give: 4},
			func(_ S, r U) Value { return inode(r.Inode, NotAccepted) }},
		{Spec{ID: "recvq", Title: "RECV-Q", Aliases: []string{"recv-q"}, Help: "bytes the process has not read; on a listener: connections it has not accepted", Kind: KindCount, Desc: true, Default: true, Width: 6, Max: 9, Give: 3},
			func(_ S, r U) Value { return queue(r, r.RecvQ) }},
		{Spec{ID: "sendq", Title: "SEND-Q", Aliases: []string{"send-q"}, Help: "memory of what the other end has not read, bytes; on a listener: the backlog's limit", Kind: KindCount, Desc: true, Default: true, Width: 6, Max: 9, Give: 3},
			func(_ S, r U) Value { return queue(r, r.SendQ) }},
		{Spec{ID: "user", Title: "USER", Help: "user who made the socket", Kind: KindText, Width: 8, Max: 16, Give: 6},
			func(s S, r U) Value {
				if !r.HasUID {
					return unknown(NotGiven)
				}
				return s.UserName(r.UID)
			}},
		{Spec{ID: "uid", Title: "UID", Help: "id of the user who made the socket", Kind: KindNumber, Width: 5, Max: 10, Give: 6},
			func(_ S, r U) Value {
				if !r.HasUID {
					return unknown(NotGiven)
				}
				return num(int64(r.UID))
			}},
		{Spec{ID: "peerpath", Title: "PEER-PATH", Help: "name that the other end is bound to", Kind: KindText, Width: 12, Max: 60, Give: 6},
			func(s S, r U) Value {
				if peer := s.peerOf(r); peer != nil {
					return textOr(peer.Path, NotApplicable)
				}
				return unknown(NotApplicable)
			}},
		{Spec{ID: "holders", Title: "HOLDERS", Help: "how many processes hold the socket", Kind: KindCount, Desc: true, Width: 7, Give: 6},
			func(s S, r U) Value {
				return ofHolder(s, &r.Holding, func(*Process) Value { return num(int64(r.Holders)) })
			}},
		{Spec{ID: "refs", Title: "REFS", Aliases: []string{"refcnt"}, Help: "references as netstat counts them: 2, and 1 for each socket connected to it", Kind: KindCount, Desc: true, Width: 5, Give: 6},
			func(_ S, r U) Value { return num(int64(r.References)) }},
		{Spec{ID: "shutdown", Title: "SHUT", Help: "what was shut down: receiving, sending, both", Kind: KindText, Width: 9, Give: 6},
			func(_ S, r U) Value {
				words := [...]string{"", "receiving", "sending", "both"}
				if r.Shutdown == 0 || int(r.Shutdown) >= len(words) {
					return unknown(NotApplicable)
				}
				return Value{Text: words[r.Shutdown]}
			}},
		{Spec{ID: "cookie", Title: "COOKIE", Help: "unix_diag cookie: names the socket for good", Kind: KindHex, Width: 8, Max: 18, Give: 6},
			func(_ S, r U) Value {
				if r.Cookie == 0 {
					return unknown(NotGiven)
				}
				return num(int64(r.Cookie))
			}},
		{Spec{ID: "age", Title: "AGE", Help: "time since the socket appeared; > for one that is older than this watch", Kind: KindDuration, Desc: true, Width: 7, Give: 6, AtLeast: true},
			func(s S, r U) Value { return r.age(s) }},
		{Spec{ID: "cmdline", Title: "COMMAND", Aliases: []string{"command", "args"}, Help: "command line of the process", Kind: KindText, Width: 16, Max: 60, Give: 6},
			func(s S, r U) Value {
				return ofHolder(s, &r.Holding, func(p *Process) Value { return textOr(p.Cmdline, NotGiven) })
			}},
		askedColumn(func(r *UnixSocket) uint16 { return r.NetNS }),
	}
}

// age is for how long the row is known.
func (l *Life) age(s *Snapshot) Value {
	if !l.AgeKnown && s.Now == l.FirstSeen {
		return unknown(NotYet)
	}
	return Value{Num: s.Now - l.FirstSeen, AtLeast: !l.AgeKnown}
}

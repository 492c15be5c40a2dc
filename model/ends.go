package model

// Both ends of a connection inside the host: its other end is a row of the same snapshot with the same ends the other
// way round, in the same network namespace or, over veth and its like, in another one.

import (
	"encoding/binary"
	"math/bits"
	"sync"
)

// Ends finds the other end of a connection among the rows of a snapshot. It is made when somebody first asks, and
// again only when sockets came, went or changed, so that whoever does not look pays nothing. It may be used by
// several goroutines.
type Ends struct {
	mu    sync.Mutex
	epoch uint64 // of the snapshot that slots are of; 0: there are none
	rows  int
	slots []int32 // open addressing by local and remote end: a row + 1; negative: several rows have these ends
}

// end is what two ends have in common, seen from one of them.
type end struct {
	local, remote         Addr
	localPort, remotePort uint16
	ns                    uint16
	proto                 Proto
}

func endOf(r *Socket) end { return end{r.Local, r.Remote, r.LocalPort, r.RemotePort, r.NetNS, r.Proto} }

// other is the same connection seen from its other end.
func (e end) other() end {
	e.local, e.remote, e.localPort, e.remotePort = e.remote, e.local, e.remotePort, e.localPort
	return e
}

// crosses says whether the other end may be in another namespace: loopback does not leave its own.
func (e *end) crosses() bool { return !e.local.IsLoopback() && !e.remote.IsLoopback() }

// hash mixes the ends; a remote host may choose some of the bits, which costs it a connection for each. What may cross
// is found without its namespace.
func (e *end) hash() uint64 {
	h := uint64(e.localPort)<<48 | uint64(e.remotePort)<<32 | uint64(e.proto)
	if !e.crosses() {
		h |= uint64(e.ns) << 16
	}
	for _, a := range [...]*Addr{&e.local, &e.remote} {
		for i := 0; i < len(a); i += 8 {
			high, low := bits.Mul64(h^binary.LittleEndian.Uint64(a[i:]), 0x9e3779b97f4a7c15)
			h = high ^ low
		}
	}
	high, low := bits.Mul64(h, 0xd6e8feb86659fd93)
	return high ^ low
}

// hasEnd says whether r can be the other end of a connection. A TIME_WAIT is only what the kernel remembers of one, and
// its ports may be in use again.
func hasEnd(r *Socket) bool {
	return !r.Dead && r.IsConnected() && r.State != TimeWait && r.State != StateUnknown && r.RemotePort != 0 && r.Proto != Raw
}

// OtherEnd is the row at the other end of r: nil when there is none, or several. One in the same namespace comes first. In
// others there must be exactly one with these ends turned, and r must be the only one with its own: private addresses are
// given out again and again, and two pairs of containers that have the same are not told apart. A socket that is
// connected to itself is its own.
func (s *Snapshot) OtherEnd(r *Socket) *Socket {
	if r.Dead || !r.IsConnected() || r.RemotePort == 0 {
		return nil
	}
	own := endOf(r)
	want := own.other()
	if e := s.Ends; e != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		if s.Epoch != 0 && (e.epoch != s.Epoch || e.rows != len(s.Sockets)) {
			e.index(s)
		}
	}
	near, far := s.withEnds(&want, nil)
	switch {
	case near.rows == 1:
		return near.one
	case near.rows > 1 || far.rows != 1 || !want.crosses():
		return nil
	}
	if same, elsewhere := s.withEnds(&own, r); same.rows+elsewhere.rows > 0 {
		return nil
	}
	return far.one
}

// found is what there is with the same ends: one of the rows, and whether that is all.
type found struct {
	one  *Socket
	rows int // 2 is several
}

func (f *found) add(r *Socket, rows int) {
	f.one = r
	f.rows = min(2, f.rows+rows)
}

// withEnds finds the rows but r with these ends: those in their namespace, and where there are none, those in others.
func (s *Snapshot) withEnds(want *end, r *Socket) (near, far found) {
	if s.Ends != nil && s.Epoch != 0 {
		return s.Ends.look(s, want, r)
	}
	anywhere := *want
	for i := range s.Sockets {
		o := &s.Sockets[i]
		if anywhere.ns = o.NetNS; o == r || endOf(o) != anywhere || !hasEnd(o) {
			continue
		}
		if o.NetNS == want.ns {
			near.add(o, 1)
		} else {
			far.add(o, 1)
		}
	}
	return near, far
}

// look is withEnds by the index.
func (e *Ends) look(s *Snapshot, want *end, r *Socket) (near, far found) {
	mask := len(e.slots) - 1
	anywhere := *want
	for at := int(want.hash()) & mask; e.slots[at] != 0; at = (at + 1) & mask {
		row, rows := e.slots[at], 1
		if row < 0 {
			row, rows = -row, 2
		}
		o := &s.Sockets[row-1]
		if anywhere.ns = o.NetNS; endOf(o) != anywhere {
			continue
		}
		if o == r && rows == 1 {
			continue
		}
		if o.NetNS == want.ns {
			near.add(o, rows)
			return near, found{}
		}
		far.add(o, rows)
	}
	return near, far
}

// find is the slot of the row with these ends in this namespace, or the free one where it belongs.
func (e *Ends) find(s *Snapshot, want *end) int {
	mask := len(e.slots) - 1
	for at := int(want.hash()) & mask; ; at = (at + 1) & mask {
		row := e.slots[at]
		if row == 0 || endOf(&s.Sockets[max(row, -row)-1]) == *want {
			return at
		}
	}
}

func (e *Ends) index(s *Snapshot) {
	e.epoch, e.rows = s.Epoch, len(s.Sockets)
	size := 1 << bits.Len(uint(2*len(s.Sockets)+1)) // at most half full
	if cap(e.slots) < size || cap(e.slots) > 8*size {
		e.slots = make([]int32, size)
	} else {
		e.slots = e.slots[:size]
		clear(e.slots)
	}
	for i := range s.Sockets {
		r := &s.Sockets[i]
		if !hasEnd(r) {
			continue
		}
		ends := endOf(r)
		switch at := e.find(s, &ends); {
		case e.slots[at] == 0:
			e.slots[at] = int32(i + 1)
		case e.slots[at] > 0:
			e.slots[at] = -e.slots[at]
		}
	}
}

// ofEnd is what f says of the process at the other end of r, and of the row there.
func ofEnd(s *Snapshot, r *Socket, f func(*Process, *Socket) Value) Value {
	other := s.OtherEnd(r)
	if other == nil {
		return unknown(NotApplicable)
	}
	return ofHolder(s, &other.Holding, func(p *Process) Value { return f(p, other) })
}

// PeerOf is the socket at the other end of r, or nil.
func (s *Snapshot) PeerOf(r *UnixSocket) *UnixSocket { return s.peerOf(r) }

package model

// Both ends of a connection inside the host: its other end is a row of the same snapshot, in the same network
// namespace, with the same ends the other way round.

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

// hash mixes the ends; a remote host may choose some of the bits, which costs it a connection for each.
func (e *end) hash() uint64 {
	h := uint64(e.localPort)<<48 | uint64(e.remotePort)<<32 | uint64(e.ns)<<16 | uint64(e.proto)
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

// OtherEnd is the row at the other end of r, which is in the same namespace: nil when there is none, or several. A socket
// that is connected to itself is its own.
func (s *Snapshot) OtherEnd(r *Socket) *Socket {
	if r.Dead || !r.IsConnected() || r.RemotePort == 0 {
		return nil
	}
	want := endOf(r).other()
	e := s.Ends
	if e == nil || s.Epoch == 0 { // nobody keeps an index of these rows
		var found *Socket
		for i := range s.Sockets {
			if o := &s.Sockets[i]; endOf(o) == want && hasEnd(o) {
				if found != nil {
					return nil
				}
				found = o
			}
		}
		return found
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.epoch != s.Epoch || e.rows != len(s.Sockets) {
		e.index(s)
	}
	slot := e.find(s, &want)
	if e.slots[slot] <= 0 {
		return nil
	}
	return &s.Sockets[e.slots[slot]-1]
}

// find is the slot of the row with these ends, or the free one where it belongs.
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

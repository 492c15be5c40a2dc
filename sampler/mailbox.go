package sampler

import (
	"runtime/debug"
	"sync"

	"sockview/model"
)

// snapshots is how many there are in all: the one on the screen, the one the view worker turns into the next
// screen, and the one that is being built or waits.
const snapshots = 3

// Mailbox hands snapshots to one reader: a single slot in which the newest wins. Their memory goes round:
// the reader gives each back, and it is written again only then.
type Mailbox struct {
	mu    sync.Mutex
	slot  *model.Snapshot
	free  []*model.Snapshot
	used  map[*model.Snapshot]uint64 // the turn in which each was written last
	turn  uint64                     // counts snapshots
	ready chan struct{}
}

// spareTurns is for how many snapshots one that is not needed keeps its memory. The third is needed only while samples
// come faster than they are shown, and with 100,000 sockets it is 20 MB.
const spareTurns = 20

// manyRows are so many that their memory is worth a collection.
const manyRows = 10_000

func newMailbox() *Mailbox {
	m := &Mailbox{used: make(map[*model.Snapshot]uint64), ready: make(chan struct{}, 1)}
	for range snapshots {
		m.free = append(m.free, new(model.Snapshot))
	}
	return m
}

// Ready has a token when there may be a snapshot to take.
func (m *Mailbox) Ready() <-chan struct{} { return m.ready }

// Take is the newest snapshot, or nil when it was taken before. It must be given back with Release.
func (m *Mailbox) Take() *model.Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.slot
	m.slot = nil
	return s
}

// Release gives a snapshot back; the reader holds nothing of it any more.
func (m *Mailbox) Release(s *model.Snapshot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free = append(m.free, s)
}

// blank is a snapshot to write the next one into: a free one, else the one nobody took. Nil when the reader
// holds all of them.
func (m *Mailbox) blank() *model.Snapshot {
	s, freed := m.next()
	if freed { // not while the reader may wait for us
		debug.FreeOSMemory()
	}
	return s
}

// next is blank, and says whether there is much memory to be returned to the system: at rest hardly anything is allocated,
// so that nothing would be collected for minutes.
func (m *Mailbox) next() (s *model.Snapshot, freed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn++
	s = m.slot
	if n := len(m.free); n > 0 {
		s = m.free[n-1]
		m.free = m.free[:n-1]
		for _, spare := range m.free {
			if m.turn-m.used[spare] == spareTurns {
				freed = freed || cap(spare.Sockets)+cap(spare.Unix)+cap(spare.Flows) > manyRows
				*spare = model.Snapshot{}
			}
		}
	} else {
		m.slot = nil
	}
	if s != nil {
		m.used[s] = m.turn
	}
	return s, freed
}

// put publishes s. An older one that nobody took is free again.
func (m *Mailbox) put(s *model.Snapshot) {
	m.mu.Lock()
	if m.slot != nil {
		m.free = append(m.free, m.slot)
	}
	m.slot = s
	m.mu.Unlock()
	select {
	case m.ready <- struct{}{}:
	default:
	}
}

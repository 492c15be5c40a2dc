package model

// The memory of closed connections: a ring of bounded size that snapshots share without a copy.

import (
	"cmp"
	"maps"
	"slices"
)

// DefaultHistory is how many closed connections are remembered unless the user says otherwise.
const DefaultHistory = 1 << 16

// ring holds closed connections, oldest first. What is in rows and departed is never changed: snapshots have slices of
// them, and only what lies behind those is written to. When rows is full, a quarter over the limit, the newest are copied
// to new memory. Nothing is allocated before the first connection closes.
type ring struct {
	limit    int
	rows     []Past
	departed []Departed
	index    map[departedKey]int32 // of departed, those that may come again
	serial   uint64
	untold   map[uint64]uint64 // cookieOf -> serial, of entries whose end was not told
	dropped  map[uint64]bool   // serials of entries to be left out from the next snapshot on
}

// departedKey finds the record of a process in a namespace. Both may have another name by now, and the slot of a namespace
// may have become another one's: the record is compared.
type departedKey struct {
	ProcessID
	netns uint16
}

// firstRows is for how many entries memory is made at first; it doubles until the ring is full.
const firstRows = 64

// resize sets how many entries are kept, the newest. 0 is none.
func (g *ring) resize(limit int) {
	if limit = max(0, limit); limit == g.limit {
		return
	}
	g.limit = limit
	if limit == 0 {
		*g = ring{serial: g.serial}
		return
	}
	if g.rows != nil {
		g.renew()
	}
}

// full is how many entries there is room for.
func (g *ring) full() int { return g.limit + g.limit/4 + 1 }

// add takes an entry of the socket with this cookieOf. Its Serial and Who are set here; whose is kept if it is new.
func (g *ring) add(p *Past, cookie uint64, key departedKey, whose *Departed) {
	if len(g.rows) == cap(g.rows) {
		if len(g.rows) >= g.full() {
			g.renew()
		} else {
			g.grow()
		}
	}
	g.serial++
	p.Serial, p.Who = g.serial, g.who(key, whose)
	g.rows = append(g.rows, *p)
	if !p.Told && p.Cookie != 0 {
		if g.untold == nil {
			g.untold = make(map[uint64]uint64)
		}
		g.untold[cookie] = p.Serial
	}
}

func (g *ring) grow() {
	rows := make([]Past, len(g.rows), min(g.full(), max(firstRows, 2*cap(g.rows))))
	copy(rows, g.rows)
	g.rows = rows
}

// who is where the record of a process is.
func (g *ring) who(key departedKey, whose *Departed) int32 {
	if i, ok := g.index[key]; ok && g.departed[i] == *whose {
		return i
	}
	if g.index == nil {
		g.index = make(map[departedKey]int32)
	}
	i := int32(len(g.departed))
	g.departed = append(g.departed, *whose)
	g.index[key] = i
	return i
}

// kept are the entries that the ring holds: the newest, at most limit.
func (g *ring) kept() []Past {
	n := len(g.rows)
	return g.rows[max(0, n-g.limit):n:n]
}

// renew copies what is kept to new memory, without what was dropped. Whoever has a slice of the old keeps it as it was.
func (g *ring) renew() {
	old := *g
	kept := g.kept()
	g.rows = make([]Past, 0, min(g.full(), max(firstRows, 2*len(kept))))
	g.departed, g.index, g.dropped = nil, nil, nil
	at := make([]int32, len(old.departed)) // where a record is now, from 1
	for i := range kept {
		p := kept[i]
		if old.dropped[p.Serial] {
			continue
		}
		if at[p.Who] == 0 {
			g.departed = append(g.departed, old.departed[p.Who])
			at[p.Who] = int32(len(g.departed))
		}
		p.Who = at[p.Who] - 1
		g.rows = append(g.rows, p)
	}
	g.index = make(map[departedKey]int32, len(g.departed))
	for key, i := range old.index {
		if at[i] > 0 {
			g.index[key] = at[i] - 1
		}
	}
	if len(g.rows) == 0 {
		clear(g.untold)
		return
	}
	first := g.rows[0].Serial
	maps.DeleteFunc(g.untold, func(_, serial uint64) bool { return serial < first })
}

// takeBack drops the entry of a socket whose end was not told, and says what it was; false when there is none.
func (g *ring) takeBack(cookie uint64) (Past, bool) {
	serial, ok := g.untold[cookie]
	if !ok {
		return Past{}, false
	}
	delete(g.untold, cookie)
	i, ok := slices.BinarySearchFunc(g.rows, serial, func(p Past, serial uint64) int { return cmp.Compare(p.Serial, serial) })
	if !ok {
		return Past{}, false
	}
	if g.dropped == nil {
		g.dropped = make(map[uint64]bool)
	}
	g.dropped[serial] = true
	return g.rows[i], true
}

// publish are the entries as of now, and whose they were.
func (g *ring) publish() ([]Past, []Departed) {
	if len(g.dropped) > 0 {
		g.renew()
	}
	return g.kept(), g.departed[:len(g.departed):len(g.departed)]
}

package ui

// Which closed connections were printed already. History takes an entry back and adds it anew when the kernel tells late of a
// connection that was found gone, as it does of one that was reset; what was printed stays printed, and is not said twice.

import (
	"maps"
	"slices"

	"sockview/model"
)

// printedPast are the closed connections that were printed.
type printedPast struct {
	serial uint64 // of the last entry that was looked at
	// untold are those that were printed before their end was told, with their serials: they may come again.
	untold map[closedSocket]uint64
}

// closedSocket names a socket that is no more.
type closedSocket struct {
	cookie uint64
	netns  uint64 // cookie of its namespace
}

// spareUntold is how many may be known that History has no more.
const spareUntold = 1024

// fresh leaves of the rows with these indices into History those that were not printed yet.
func (p *printedPast) fresh(s *model.Snapshot, order []int32) []int32 {
	return slices.DeleteFunc(order, func(row int32) bool {
		r := &s.History[row]
		_, again := p.untold[socketOf(s, r)]
		return r.Serial <= p.serial || again
	})
}

// printed takes note of the rows that are printed of a snapshot.
func (p *printedPast) printed(s *model.Snapshot, order []int32) {
	first := p.serial + 1 // what is older than all there is does not come again
	if n := len(s.History); n > 0 {
		first, p.serial = s.History[0].Serial, s.History[n-1].Serial
	}
	for _, row := range order {
		if r := &s.History[row]; !r.Told && r.Cookie != 0 {
			if p.untold == nil {
				p.untold = make(map[closedSocket]uint64)
			}
			p.untold[socketOf(s, r)] = r.Serial
		}
	}
	if len(p.untold) > len(s.History)+spareUntold {
		maps.DeleteFunc(p.untold, func(_ closedSocket, serial uint64) bool { return serial < first })
	}
}

func socketOf(s *model.Snapshot, r *model.Past) closedSocket {
	c := closedSocket{cookie: r.Cookie}
	if r.Who >= 0 && int(r.Who) < len(s.Departed) {
		c.netns = s.Departed[r.Who].NetNSCookie
	}
	return c
}

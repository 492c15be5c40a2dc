package sampler

// The names of the interfaces that sockets are bound to.

import (
	"fmt"
	"maps"
	"time"

	"sockview/model"
)

// linksEvery is how often the name of an interface is asked for again, for it may be renamed.
const linksEvery = 10 * time.Second

// links knows the names of interfaces.
type links struct {
	names map[model.LinkID]model.Text // replaced, never written to: snapshots share it
	asked map[model.LinkID]int64      // when
	bound map[model.LinkID]bool       // those that sockets of this poll are bound to
}

func newLinks() links {
	return links{asked: make(map[model.LinkID]int64), bound: make(map[model.LinkID]bool)}
}

// see takes note of what a socket is bound to.
func (l *links) see(r *model.Socket) {
	if r.Interface != 0 {
		l.bound[model.LinkID{NetNS: r.NetNS, Index: r.Interface}] = true
	}
}

// learn asks for the names of those that were seen since the last time, when they are not known or may have changed: in is
// who is asked in a namespace. What cannot be had keeps the name it had.
func (l *links) learn(now int64, in func(netns uint16) Asker) error {
	var first error
	for id := range l.bound {
		if at, ok := l.asked[id]; ok && now-at < int64(linksEvery) {
			continue
		}
		l.asked[id] = now
		kernel := in(id.NetNS)
		if kernel == nil {
			continue
		}
		name, err := kernel.LinkName(id.Index)
		switch {
		case err != nil && first == nil:
			first = fmt.Errorf("the name of interface %d: %w", id.Index, err)
		case err == nil && name != l.names[id]:
			if l.names = maps.Clone(l.names); l.names == nil {
				l.names = make(map[model.LinkID]model.Text)
			}
			l.names[id] = name
		}
	}
	clear(l.bound)
	return first
}

// forget forgets the interfaces of a namespace that is gone: another one's may have the same place and number.
func (l *links) forget(netns uint16) {
	of := func(id model.LinkID) bool { return id.NetNS == netns }
	maps.DeleteFunc(l.asked, func(id model.LinkID, _ int64) bool { return of(id) })
	for id := range l.names {
		if of(id) {
			l.names = maps.Clone(l.names)
			maps.DeleteFunc(l.names, func(id model.LinkID, _ model.Text) bool { return of(id) })
			return
		}
	}
}

package sampler

// The network namespaces that are looked into: which place of Snapshot.NetNS each has, which of them are asked in this
// look, what becomes of the rows of one that is gone.

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"sockview/model"
	"sockview/sampler/netns"
	"sockview/sampler/procnet"
)

// Space is a network namespace other than our own. It is the same one, with what is known of it now, in every look.
type Space struct {
	Cookie uint64 // see model.NetNS
	Name   model.Text
	View   model.View // Entered, TablesOnly, Hidden or Unchosen
	Err    error      // why it is TablesOnly or Hidden
	// Kernel is its sock_diag, and Listener tells of its closings, while it is Entered; a nil Listener tells of none, for
	// the reason in Deaf, if there is any.
	Kernel   Asker
	Listener Listener
	Deaf     error
	// Net are its tables of /proc/net, for what sock_diag does not know. What was read of them is true if Still, where there
	// is one, says so after: the pid that leads there may be another process's by then.
	Net   procnet.FS
	Still func() bool
	// Inside runs a function in it while it is Entered, in whatever goroutine calls it; an error says that it did not run.
	Inside func(f func()) error
}

// Found are the network namespaces of the host.
type Found struct {
	Home   bool     // our own is among those that were chosen
	Others []*Space // in an order that stays
	Err    error    // what could not be found out; the rest stands
}

// Namespaces finds the network namespaces of the host, opens those that are chosen, and lets go of the others and of those
// that nothing else keeps alive. See model.Demand.NetNS for the choice. hear says whether their closings are listened to.
type Namespaces interface {
	Look(choice string, hear bool) Found
}

const (
	// lookEvery is how often the namespaces are looked for: one that is gone is let go of within two seconds.
	lookEvery = time.Second
	// leastShare is the part of the interval that other namespaces' dumps may take however much our own takes: one in so many.
	leastShare = 20
	// mostPlaces is how many namespaces have a place: as many as a row can name.
	mostPlaces = math.MaxUint16
)

// place is a network namespace in its place of Snapshot.NetNS.
type place struct {
	slot    uint16
	name    model.Text
	cookie  uint64
	view    model.View
	err     error
	space   *Space // nil: our own
	kernel  Asker  // nil while nothing is asked in it
	sockets *sockets
	unix    *unixSockets
	rhythm  netns.Rhythm
	rows    int            // sockets that the last answer had
	trouble error          // what went wrong with it
	told    []model.Source // how its dumps went when it was asked last, as far as that is told
	turned  int64          // when it was chosen last, or not any more: what is heard of it while nobody looks is not to be shown
}

// spaces are the places.
type spaces struct {
	from     Namespaces // nil: there is our own and no other
	all      []*place   // by slot; nil is a free one; our own is the first
	slots    map[*Space]*place
	choice   string
	looked   bool
	changed  bool // since posts was asked
	lookedAt int64
	beyond   int // namespaces without a place
	err      error
	credit   time.Duration // kernel time that others than our own may take; below 0 they wait
	countAt  int64         // when credit was counted
}

func newSpaces(from Namespaces, home *place) *spaces {
	home.name, home.view = model.SafeText("own"), model.Entered
	return &spaces{from: from, all: []*place{home}, slots: make(map[*Space]*place)}
}

func (s *spaces) home() *place { return s.all[0] }

// watches says whether there are namespaces to look for now: for others than our own, and while somebody has looked at them.
func (s *spaces) watches(choice string) bool {
	return s.from != nil && (!own(choice) || s.looked && !own(s.choice))
}

func own(choice string) bool { return choice == "" || choice == "own" }

// look finds out which namespaces there are, once in a while or when the choice is another one. It tells the tracker of
// those that are gone or not wanted any more, and says whether some came that were never asked.
func (s *spaces) look(choice string, now int64, hear bool, t *model.Tracker, ends *closings) (fresh bool) {
	if !s.watches(choice) || s.looked && choice == s.choice && now-s.lookedAt < int64(lookEvery)*9/10 {
		return false
	}
	found := s.from.Look(choice, hear)
	s.looked, s.changed, s.lookedAt, s.choice, s.err, s.beyond = true, true, now, choice, found.Err, 0
	s.show(s.home(), found.Home, t)
	there := make(map[*Space]bool, len(found.Others))
	for _, space := range found.Others {
		there[space] = true
		p := s.slots[space]
		if p == nil {
			if p = s.give(space); p == nil {
				s.beyond++
				continue
			}
		}
		s.settle(p, t, ends)
		fresh = fresh || p.kernel != nil && p.rhythm.At == 0
	}
	for space, p := range s.slots {
		if !there[space] {
			delete(s.slots, space)
			p.view, p.kernel, p.err = model.Abandoned, nil, nil
			t.Leave(p.slot, true)
		}
	}
	return fresh
}

// letGo closes what is open in other namespaces, until the next look.
func (s *spaces) letGo() {
	if s.looked {
		s.from.Look("own", false)
		s.looked = false
	}
}

// show has our own namespace looked into, or not.
func (s *spaces) show(home *place, wanted bool, t *model.Tracker) {
	switch {
	case wanted && home.view != model.Entered:
		home.view, home.turned = model.Entered, s.lookedAt
	case !wanted && home.view == model.Entered:
		home.view, home.turned = model.Unchosen, s.lookedAt
		t.Leave(home.slot, false)
	}
}

// give finds a place for a namespace; nil when there is none.
func (s *spaces) give(space *Space) *place {
	at := slices.Index(s.all, nil)
	if at < 0 {
		if at = len(s.all); at > mostPlaces {
			return nil
		}
		s.all = append(s.all, nil)
	}
	p := &place{slot: uint16(at), space: space, view: model.Unchosen}
	s.all[at], s.slots[space] = p, p
	return p
}

// settle takes what is known of a namespace now.
func (s *spaces) settle(p *place, t *model.Tracker, ends *closings) {
	was, cookie := p.view, p.cookie
	p.name, p.cookie, p.view, p.err = p.space.Name, p.space.Cookie, p.space.View, p.space.Err
	if p.sockets != nil {
		p.sockets.net, p.sockets.still = p.space.Net, p.space.Still
	}
	if p.view == was && p.kernel == p.space.Kernel && (p.cookie == cookie || p.view != model.TablesOnly) {
		return
	}
	p.turned = s.lookedAt
	if p.kernel != nil {
		t.Leave(p.slot, false) // what it tells has other names: cookies, or none
	}
	p.kernel, p.rhythm, p.trouble, p.told = p.space.Kernel, netns.Rhythm{}, nil, nil
	if p.kernel == nil {
		p.sockets, p.unix = nil, nil
		return
	}
	p.sockets = newSockets(p.kernel, p.space.Net, s.home().sockets.loaded)
	p.sockets.foreign, p.sockets.still = true, p.space.Still
	p.unix = &unixSockets{kernel: p.kernel}
	ends.listen(p.space.Listener, p.slot, p.space.Name)
}

// free takes the places back of namespaces that are gone when nothing names them any more, nor will, and says which.
func (s *spaces) free(t *model.Tracker, small *tables, ends *closings) (freed []uint16) {
	for slot, p := range s.all {
		if slot := uint16(slot); p != nil && s.gone(slot) && t.Rows(slot) == 0 && !small.names(slot) && !ends.hears(slot) {
			t.Forget(uint16(slot))
			s.all[slot], freed = nil, append(freed, uint16(slot))
		}
	}
	for n := len(s.all); n > 1 && s.all[n-1] == nil; n-- {
		s.all = s.all[:n-1]
	}
	return freed
}

// due are the places to ask now: our own with home, then those of the others whose turn it is, as far as the kernel's time
// for them goes. patient: somebody waits for all of them, and later looks pay for it.
func (s *spaces) due(home, patient bool, now int64, interval time.Duration) []*place {
	var list []*place
	if home && s.home().view == model.Entered {
		list = append(list, s.home())
	}
	var others []*place
	var rhythms []netns.Rhythm
	for _, p := range s.all[1:] {
		if p != nil && p.kernel != nil {
			others, rhythms = append(others, p), append(rhythms, p.rhythm)
		}
	}
	s.count(len(list) > 0, now, interval)
	switch {
	case patient:
		return append(list, others...)
	case s.credit <= 0:
		return list
	}
	for _, i := range netns.Plan(rhythms, now, interval, s.credit) {
		list = append(list, others[i])
	}
	return list
}

// count counts the kernel's time that others than our own may take by now: what our own leaves of its share of the interval.
// What is not used is not saved up, and what was taken too much is missing later.
func (s *spaces) count(home bool, now int64, interval time.Duration) {
	each := interval / dumpShare
	if home {
		each = max(each-s.home().rhythm.Cost, interval/leastShare)
	}
	part := 1.0
	if s.countAt != 0 && interval > 0 {
		part = min(float64(now-s.countAt)/float64(interval), 1)
	}
	s.credit = min(s.credit+time.Duration(part*float64(each)), each)
	s.countAt = now
}

// publish writes the namespaces into a snapshot.
func (s *spaces) publish(list []model.NetNS, t *model.Tracker) []model.NetNS {
	list = list[:0]
	for slot, p := range s.all {
		if p == nil {
			list = append(list, model.NetNS{})
			continue
		}
		n := model.NetNS{Cookie: p.cookie, Name: p.name, View: p.view, Err: p.err, AskedAt: p.rhythm.At, Sockets: t.Rows(uint16(slot))}
		if n.Err == nil {
			n.Err = p.trouble
		}
		if n.Err == nil && p.kernel != nil && p.space != nil && !unsupported(p.space.Deaf) { // that the kernel tells of none is told of ours
			n.Err = p.space.Deaf
		}
		list = append(list, n)
	}
	return list
}

// sources are how the dumps went in all namespaces that are looked into, each as of when it was asked last.
func (s *spaces) sources() []model.Source {
	var list []model.Source
	for _, p := range s.all {
		if p != nil && p.kernel != nil && (p.view == model.Entered || p.view == model.TablesOnly) {
			list = append(list, p.told...)
		}
	}
	return list
}

// source says how the looking for namespaces went.
func (s *spaces) source() model.Source {
	err := s.err
	if s.beyond > 0 {
		err = fmt.Errorf("%d are left out: there are too many", s.beyond)
	}
	return model.Source{Name: "network namespaces", Err: err, Whole: true}
}

// kernelOf is who is asked in a network namespace; nil when nobody can be.
func (s *spaces) kernelOf(slot uint16) Asker {
	if int(slot) >= len(s.all) || s.all[slot] == nil {
		return nil
	}
	return s.all[slot].kernel
}

// errLeft says that nothing can be asked in a network namespace any more.
var errLeft = errors.New("its network namespace is gone")

// heard says that a socket was closed in a namespace: it is not quiet.
func (s *spaces) heard(slot uint16) {
	if int(slot) < len(s.all) && s.all[slot] != nil {
		s.all[slot].rhythm.Quiet = 0
	}
}

// unwanted says whether a socket was closed while nobody wanted to see its namespace, that of one who still listens there.
func (s *spaces) unwanted(e *model.Ending) bool {
	if int(e.NetNS) >= len(s.all) || s.all[e.NetNS] == nil {
		return true
	}
	switch p := s.all[e.NetNS]; p.view {
	case model.Abandoned:
		return false
	case model.Entered:
		return e.At < p.turned
	default:
		return e.At > p.turned
	}
}

// gone says whether the namespace in a place is no more.
func (s *spaces) gone(slot uint16) bool {
	return int(slot) >= len(s.all) || s.all[slot] == nil || s.all[slot].view == model.Abandoned
}

// posts are where the small tables are read, as of the last look: home reads those of our own namespace, away those of the
// others.
func (s *spaces) posts(home, away Host) []post {
	s.changed = false
	var list []post
	for _, p := range s.all {
		switch {
		case p == nil || p.view != model.Entered:
		case p.space == nil:
			list = append(list, post{netns: p.slot, name: p.name, host: home})
		case away != nil && p.space.Inside != nil:
			list = append(list, post{netns: p.slot, name: p.name, host: away, inside: p.space.Inside})
		}
	}
	return list
}

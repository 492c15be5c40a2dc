package model

// Life is where a row of a small table is, and what became of it since it is watched.
type Life struct {
	FirstSeen int64  // ns on the sampler's monotonic clock
	MarkedAt  int64  // when Mark was set, ns on the same clock
	SeenAt    int64  // when a look last had it, ns on the same clock
	NetNS     uint16 // its network namespace: a place in Snapshot.NetNS
	Mark      Change
	AgeKnown  bool // it was born while we watched
	Stale     bool // its source failed: this is how it was last seen
	Dead      bool // it is gone; it stays only to be shown
}

// change is what became of the row, as a table tells it.
func (l *Life) change(s *Snapshot) Change {
	switch {
	case l.Dead:
		return Closed
	case l.Stale:
		return Outdated
	}
	return fresh(s, l.Mark, l.MarkedAt)
}

// in is the key of a row of a small table, of which k says what it is within its network namespace.
func (l *Life) in(s *Snapshot, k Key) Key {
	k.NetNS = s.NetNSOf(l.NetNS).Cookie
	return k
}

// Part is what a look had of one network namespace.
type Part[R any] struct {
	Rows  []R
	NetNS uint16 // a place in Snapshot.NetNS
	// Whole says that the namespace has no other rows: only then is one that is not in it gone, and else it is stale.
	Whole bool
	At    int64 // when it was asked for, ns on the sampler's monotonic clock
}

// Leaving is what becomes of the rows of a network namespace.
type Leaving uint8

const (
	Stays    Leaving = iota
	Vanishes         // it is gone: they are closed
	Unwanted         // nobody wants to see it any more: they go at once, and when they come again they are no news
)

// Roll folds one look at a small table after the other into rows that know what is new, changed and gone. What a
// Tracker does for sockets by the hundred thousand, it does for tables whose every row is read anew each time.
// It is used by one goroutine.
type Roll[R any] struct {
	// key is the identity of a row in its network namespace. Its Start and NetNS are the roll's own: they tell apart
	// rows of equal key, by their order, and those of other namespaces, by their place.
	key  func(*R) Key
	life func(*R) *Life
	// carry gives the row as it is now what only both looks, dt ns apart, can tell (rates, an owner), and says
	// whether it changed in a way that people should see.
	carry func(was, now *R, dt int64) bool
	// rest takes from a row that was not seen what is true of the moment only (rates); nil where there is nothing.
	rest func(*R)

	rows, spare       []R
	index, spareIndex map[Key]int32  // of rows
	again             map[Key]uint64 // keys that a look has more than once, and how often
	// looked are the namespaces of which a whole look was had: only then is a row that was not in it news.
	looked map[uint16]bool
	whole  map[uint16]bool // the namespaces that a look has, and whether wholly
}

// NewRoll makes a roll that has seen nothing.
func NewRoll[R any](key func(*R) Key, life func(*R) *Life, carry func(was, now *R, dt int64) bool, rest func(*R)) *Roll[R] {
	if rest == nil {
		rest = func(*R) {}
	}
	return &Roll[R]{
		key: key, life: life, carry: carry, rest: rest, again: make(map[Key]uint64),
		looked: make(map[uint16]bool), whole: make(map[uint16]bool),
	}
}

// Rows are the rows as the last look left them; the next Fold writes over them.
func (l *Roll[R]) Rows() []R { return l.rows }

// Forget drops all rows: the next look is the first.
func (l *Roll[R]) Forget() { *l = *NewRoll(l.key, l.life, l.carry, l.rest) }

// Fold takes a look at the table, of one namespace after the other. Rows of a namespace that it has not stay as they
// were. now is when rows are marked, ns on the monotonic clock; hold is for how long, in ns, rows that are gone stay.
// The rows are copied.
func (l *Roll[R]) Fold(look []Part[R], now, hold int64) {
	next := l.spare[:0]
	index := l.spareIndex
	if index == nil {
		n := 0
		for i := range look {
			n += len(look[i].Rows)
		}
		index = make(map[Key]int32, n)
	}
	clear(index)
	clear(l.again)
	clear(l.whole)
	for i := range look {
		part := &look[i]
		l.whole[part.NetNS] = part.Whole
		for j := range part.Rows {
			at := int32(len(next))
			next = append(next, part.Rows[j])
			r := &next[at]
			k := l.key(r)
			k.NetNS = uint64(part.NetNS)
			if _, taken := index[k]; taken {
				l.again[k]++
				k.Start += l.again[k]
			}
			index[k] = at
			l.meet(k, r, now, part)
		}
	}
	for k, i := range l.index {
		if _, there := index[k]; there {
			continue
		}
		r := l.rows[i]
		if !l.miss(&r, now, hold) {
			continue
		}
		index[k] = int32(len(next))
		next = append(next, r)
	}
	l.rows, l.spare, l.index, l.spareIndex = next, l.rows, index, l.index
	for netns, whole := range l.whole {
		if whole {
			l.looked[netns] = true
		}
	}
}

// miss tells a row that a look has not what became of it. It says false when it need not be shown any more.
func (l *Roll[R]) miss(r *R, now, hold int64) bool {
	life := l.life(r)
	whole, looked := l.whole[life.NetNS]
	switch {
	case life.Dead:
		return now-life.MarkedAt < hold
	case !looked:
	case whole:
		l.close(r, now)
	default:
		life.Stale = true
		l.rest(r)
	}
	return true
}

func (l *Roll[R]) close(r *R, now int64) {
	life := l.life(r)
	life.Dead, life.Stale, life.Mark, life.MarkedAt = true, false, Closed, now
	l.rest(r)
}

// Leave takes leave of the namespaces that are not to be looked at any more, as leaving says of each that has rows or was
// looked at. now is when rows are marked, ns on the monotonic clock.
func (l *Roll[R]) Leave(leaving func(netns uint16) Leaving, now int64) {
	for netns := range l.looked {
		if leaving(netns) != Stays {
			delete(l.looked, netns)
		}
	}
	kept := l.rows[:0]
	moved := make([]int32, len(l.rows))
	for i := range l.rows {
		r := &l.rows[i]
		life := l.life(r)
		how := leaving(life.NetNS)
		if moved[i] = int32(len(kept)); how == Unwanted {
			moved[i] = -1
			continue
		}
		if how == Vanishes && !life.Dead {
			l.close(r, now)
		}
		kept = append(kept, *r)
	}
	clear(l.rows[len(kept):])
	l.rows = kept
	for k, i := range l.index {
		if l.index[k] = moved[i]; moved[i] < 0 {
			delete(l.index, k)
		}
	}
}

// Places calls use with the place of each namespace that rows are of: what it stands for may not change.
func (l *Roll[R]) Places(use func(netns uint16)) {
	last := -1
	for i := range l.rows {
		if netns := l.life(&l.rows[i]).NetNS; int(netns) != last {
			last = int(netns)
			use(netns)
		}
	}
}

// meet tells a row that a look has what became of it since it was last seen.
func (l *Roll[R]) meet(k Key, r *R, now int64, part *Part[R]) {
	life := l.life(r)
	*life = Life{FirstSeen: now, MarkedAt: now, SeenAt: part.At, NetNS: part.NetNS}
	i, known := l.index[k]
	if !known || l.life(&l.rows[i]).Dead {
		if l.looked[part.NetNS] {
			life.Mark, life.AgeKnown = New, true
		}
		return
	}
	was := &l.rows[i]
	old := l.life(was)
	*life = *old
	life.Stale, life.SeenAt = false, part.At
	if l.carry(was, r, part.At-old.SeenAt) {
		life.Mark, life.MarkedAt = Changed, now
	}
}

// rate is a counter's growth per second over dt ns; false when it went back or no time went by.
func rate(was, now uint64, dt int64) (float32, bool) {
	if dt <= 0 || now < was {
		return 0, false
	}
	return float32(float64(now-was) / (float64(dt) / 1e9)), true
}

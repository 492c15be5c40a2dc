package model

// Life is what became of a row of a small table since it is watched.
type Life struct {
	FirstSeen int64 // ns on the sampler's monotonic clock
	MarkedAt  int64 // when Mark was set, ns on the same clock
	SeenAt    int64 // when a look last had it, ns on the same clock
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

// Roll folds one look at a small table after the other into rows that know what is new, changed and gone. What a
// Tracker does for sockets by the hundred thousand, it does for tables whose every row is read anew each time.
// It is used by one goroutine.
type Roll[R any] struct {
	// key is the identity of a row. Its Start is the roll's own: it tells rows of equal key apart, by their order.
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
	looked            bool           // a whole look was had: only then is a row that was not in it news
}

// NewRoll makes a roll that has seen nothing.
func NewRoll[R any](key func(*R) Key, life func(*R) *Life, carry func(was, now *R, dt int64) bool, rest func(*R)) *Roll[R] {
	if rest == nil {
		rest = func(*R) {}
	}
	return &Roll[R]{key: key, life: life, carry: carry, rest: rest, again: make(map[Key]uint64)}
}

// Rows are the rows as the last look left them; the next Fold writes over them.
func (l *Roll[R]) Rows() []R { return l.rows }

// Forget drops all rows: the next look is the first.
func (l *Roll[R]) Forget() { *l = *NewRoll(l.key, l.life, l.carry, l.rest) }

// Fold takes a look at the table. whole says that the look had every row: only then is one that is not in it gone,
// and else it is stale. now is when rows are marked, at when the look was taken, both ns on the monotonic clock; hold
// is for how long, in ns, rows that are gone stay. The rows of look are copied.
func (l *Roll[R]) Fold(look []R, whole bool, now, at, hold int64) {
	next := l.spare[:0]
	index := l.spareIndex
	if index == nil {
		index = make(map[Key]int32, len(look))
	}
	clear(index)
	clear(l.again)
	for i := range look {
		next = append(next, look[i])
		r := &next[i]
		k := l.key(r)
		if _, taken := index[k]; taken {
			l.again[k]++
			k.Start += l.again[k]
		}
		index[k] = int32(i)
		l.meet(k, r, now, at)
	}
	for k, i := range l.index {
		if _, there := index[k]; there {
			continue
		}
		r := l.rows[i]
		life := l.life(&r)
		switch {
		case life.Dead && now-life.MarkedAt >= hold:
			continue
		case life.Dead:
		case whole:
			life.Dead, life.Stale, life.Mark, life.MarkedAt = true, false, Closed, now
			l.rest(&r)
		default:
			life.Stale = true
			l.rest(&r)
		}
		index[k] = int32(len(next))
		next = append(next, r)
	}
	l.rows, l.spare, l.index, l.spareIndex = next, l.rows, index, l.index
	l.looked = l.looked || whole
}

// meet tells a row that a look has what became of it since it was last seen.
func (l *Roll[R]) meet(k Key, r *R, now, at int64) {
	life := l.life(r)
	*life = Life{FirstSeen: now, MarkedAt: now, SeenAt: at}
	i, known := l.index[k]
	if !known || l.life(&l.rows[i]).Dead {
		if l.looked {
			life.Mark, life.AgeKnown = New, true
		}
		return
	}
	was := &l.rows[i]
	old := l.life(was)
	*life = *old
	life.Stale, life.SeenAt = false, at
	if l.carry(was, r, at-old.SeenAt) {
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

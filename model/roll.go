package model

// Life is what became of a row of a small table since it is watched.
type Life struct {
	FirstSeen int64 // ns on the sampler's monotonic clock
	MarkedAt  int64 // when Mark was set, ns on the same clock
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
	key  func(*R) Key
	life func(*R) *Life
	// carry gives the row as it is now what only both looks, dt ns apart, can tell (rates, an owner), and says
	// whether it changed in a way that people should see.
	carry func(was, now *R, dt int64) bool

	rows, spare       []R
	index, spareIndex map[Key]int32 // of rows
	at                int64         // when they were looked at
	looked            bool
}

// NewRoll makes a roll that has seen nothing. Rows of equal key are told apart by their order.
func NewRoll[R any](key func(*R) Key, life func(*R) *Life, carry func(was, now *R, dt int64) bool) *Roll[R] {
	return &Roll[R]{key: key, life: life, carry: carry}
}

// Rows are the rows as the last look left them; the next Fold writes over them.
func (l *Roll[R]) Rows() []R { return l.rows }

// Forget drops all rows: the next look is the first.
func (l *Roll[R]) Forget() { *l = Roll[R]{key: l.key, life: l.life, carry: l.carry} }

// Fold takes a look at the table. whole says that the look had every row: only then is one that is not in it gone,
// and else it is stale. now is the monotonic clock in ns; hold is for how long, in ns, rows that are gone stay.
// The rows of look are copied.
func (l *Roll[R]) Fold(look []R, whole bool, now, hold int64) {
	next := l.spare[:0]
	index := l.spareIndex
	if index == nil {
		index = make(map[Key]int32, len(look))
	}
	clear(index)
	for i := range look {
		next = append(next, look[i])
		r := &next[i]
		k := l.key(r)
		for { // the same key again is another row
			if _, taken := index[k]; !taken {
				break
			}
			k.Start++
		}
		index[k] = int32(i)
		life := l.life(r)
		*life = Life{FirstSeen: now, MarkedAt: now}
		at, known := l.index[k]
		switch {
		case known && !l.life(&l.rows[at]).Dead:
			was := &l.rows[at]
			*life = *l.life(was)
			life.Stale = false
			if l.carry(was, r, now-l.at) {
				life.Mark, life.MarkedAt = Changed, now
			}
		case l.looked:
			life.Mark, life.AgeKnown = New, true
		}
	}
	for k, at := range l.index {
		if _, there := index[k]; there {
			continue
		}
		r := l.rows[at]
		life := l.life(&r)
		switch {
		case life.Dead && now-life.MarkedAt >= hold:
			continue
		case life.Dead:
		case whole:
			life.Dead, life.Mark, life.MarkedAt = true, Closed, now
		default:
			life.Stale = true
		}
		index[k] = int32(len(next))
		next = append(next, r)
	}
	l.rows, l.spare, l.index, l.spareIndex = next, l.rows, index, l.index
	l.at, l.looked = now, true
}

// rate is a counter's growth per second over dt ns; false when it went back or no time went by.
func rate(was, now uint64, dt int64) (float32, bool) {
	if dt <= 0 || now < was {
		return 0, false
	}
	return float32(float64(now-was) / (float64(dt) / 1e9)), true
}

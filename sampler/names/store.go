package names

// What is known and what is asked: both bounded, both guarded by Resolver.mu.

import (
	"time"

	"sockview/model"
)

// answer is what is known of an address.
type answer struct {
	addr  model.Addr
	name  model.Text // empty: it has none, or the look-up failed
	until time.Time  // when it is to be asked for again
	used  bool       // since the clock's hand last passed
}

// cache is a clock cache: when it is full, an answer that was not used for a turn of the hand makes room.
type cache struct {
	limit   int
	answers []answer
	index   map[model.Addr]int
	hand    int
}

// look is what is known of a, or nil. The pointer holds until the next keep.
func (c *cache) look(a model.Addr) *answer {
	i, ok := c.index[a]
	if !ok {
		return nil
	}
	c.answers[i].used = true
	return &c.answers[i]
}

func (c *cache) keep(a model.Addr, name model.Text, until time.Time) {
	if c.index == nil {
		c.index = make(map[model.Addr]int)
	}
	i, known := c.index[a]
	switch {
	case known:
	case len(c.answers) < c.limit:
		i = len(c.answers)
		c.answers = append(c.answers, answer{})
	default:
		for c.answers[c.hand].used {
			c.answers[c.hand].used = false
			c.hand = (c.hand + 1) % len(c.answers)
		}
		i = c.hand
		c.hand = (c.hand + 1) % len(c.answers)
		delete(c.index, c.answers[i].addr)
	}
	c.index[a] = i
	c.answers[i] = answer{addr: a, name: name, until: until, used: true}
}

// queue holds the questions that wait. When it is full the oldest is forgotten.
type queue struct {
	limit   int
	ring    []model.Addr
	head, n int                     // the oldest, and how many
	asked   map[model.Addr]struct{} // those that wait and those that are being looked up
}

// add says false when a waits already or is being looked up.
func (q *queue) add(a model.Addr) bool {
	if _, ok := q.asked[a]; ok {
		return false
	}
	if q.ring == nil {
		q.ring = make([]model.Addr, q.limit)
		q.asked = make(map[model.Addr]struct{})
	}
	if q.n == q.limit {
		delete(q.asked, q.ring[q.head])
		q.head = (q.head + 1) % q.limit
		q.n--
	}
	q.ring[(q.head+q.n)%q.limit] = a
	q.n++
	q.asked[a] = struct{}{}
	return true
}

// take gives the newest question; it counts as asked until done.
func (q *queue) take() (model.Addr, bool) {
	if q.n == 0 {
		return model.Addr{}, false
	}
	q.n--
	return q.ring[(q.head+q.n)%q.limit], true
}

// done says that a is not being looked up any more.
func (q *queue) done(a model.Addr) { delete(q.asked, a) }

// clear forgets the questions that wait.
func (q *queue) clear() {
	for a, ok := q.take(); ok; a, ok = q.take() {
		q.done(a)
	}
}

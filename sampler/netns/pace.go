package netns

// How often each namespace is asked for its sockets. Every dump of TCP walks the table of the whole host, whichever
// namespace asks, so that an idle container costs nearly what a busy one does: those that stay as they are are asked
// less often.

import (
	"cmp"
	"slices"
	"time"
)

const (
	// patience is how many times in a row a namespace has to be found unchanged before it is asked half as often.
	patience = 3
	// Oldest is how old what is known of a quiet namespace may get while the budget allows for it.
	Oldest = 10 * time.Second
)

// Rhythm is how a namespace was found when it was asked.
type Rhythm struct {
	At    int64         // when it was asked last, monotonic ns; 0: never
	Cost  time.Duration // how long the kernel took the last time
	Quiet int           // how many times in a row nothing had changed
	// Seen says that somebody looks at it just now: it is never left out.
	Seen bool
}

// Asked is the rhythm after one more answer.
func (r Rhythm) Asked(at int64, cost time.Duration, changed bool) Rhythm {
	r.At, r.Cost = at, cost
	if r.Quiet++; changed {
		r.Quiet = 0
	}
	return r
}

// Age is how old what is known of it is; 0 when nothing is.
func (r Rhythm) Age(now int64) time.Duration {
	if r.At == 0 {
		return 0
	}
	return time.Duration(max(now-r.At, 0))
}

// Every is the time after which it is asked again: the interval, twice as long for every three times that it was found
// unchanged, up to Oldest.
func (r Rhythm) Every(interval time.Duration) time.Duration {
	every := interval
	for doublings := r.Quiet / patience; doublings > 0 && every < Oldest; doublings-- {
		every *= 2
	}
	return min(every, max(interval, Oldest))
}

// Plan says which namespaces are asked now, as indices of all, in the order in which to ask them: those that somebody
// looks at, those that were never asked, then those that are due, the longest overdue for its rhythm first. What does
// not fit in the budget of kernel time waits and gets older; at least one is asked. A namespace that was never asked is
// taken to cost as much as the others do on average.
func Plan(all []Rhythm, now int64, interval, budget time.Duration) []int {
	var list []int
	for i, r := range all {
		if r.Seen || r.At == 0 || r.overdue(now, interval) >= 1 {
			list = append(list, i)
		}
	}
	slices.SortStableFunc(list, func(i, j int) int {
		a, b := all[i], all[j]
		return cmp.Or(
			before(a.Seen, b.Seen), before(a.At == 0, b.At == 0),
			cmp.Compare(b.overdue(now, interval), a.overdue(now, interval)),
		)
	})
	usual, spent := usualCost(all), time.Duration(0)
	for n, i := range list {
		cost := all[i].Cost
		if all[i].At == 0 {
			cost = usual
		}
		if spent += cost; spent > budget && n > 0 && !all[i].Seen {
			return list[:n]
		}
	}
	return list
}

// before puts what is true first.
func before(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// slack is the part of an interval by which a timer may be early.
const slack = 8

// overdue is how old what is known is, as a multiple of how old it is meant to get.
func (r Rhythm) overdue(now int64, interval time.Duration) float64 {
	every := r.Every(interval)
	if every <= 0 {
		return 1
	}
	return float64(r.Age(now)+interval/slack) / float64(every)
}

// guessed is what a dump costs as long as none was made: a walk through a table of ordinary size.
const guessed = time.Millisecond

// usualCost is the mean of those that were asked.
func usualCost(all []Rhythm) time.Duration {
	sum, n := time.Duration(0), 0
	for _, r := range all {
		if r.At != 0 {
			sum, n = sum+r.Cost, n+1
		}
	}
	if n == 0 {
		return guessed
	}
	return sum / time.Duration(n)
}

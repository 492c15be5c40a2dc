package netns

import (
	"slices"
	"testing"
	"time"
)

const ms = time.Millisecond

func TestEvery(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		quiet          int
		interval, want time.Duration
	}{
		{0, time.Second, time.Second}, {2, time.Second, time.Second}, {3, time.Second, 2 * time.Second},
		{6, time.Second, 4 * time.Second}, {9, time.Second, 8 * time.Second}, {12, time.Second, Oldest},
		{1 << 40, time.Second, Oldest}, {1 << 20, 0, 0}, {0, 100 * ms, 100 * ms}, {3, 100 * ms, 200 * ms},
		{100, time.Minute, time.Minute}, {0, time.Minute, time.Minute},
	} {
		if got := (Rhythm{Quiet: c.quiet}).Every(c.interval); got != c.want {
			t.Errorf("quiet %d at %v: every %v, want %v", c.quiet, c.interval, got, c.want)
		}
	}
}

func TestAsked(t *testing.T) {
	t.Parallel()
	r := Rhythm{}.Asked(5, 2*ms, false).Asked(9, 3*ms, false)
	if r != (Rhythm{At: 9, Cost: 3 * ms, Quiet: 2}) {
		t.Errorf("twice unchanged: %+v", r)
	}
	if r = r.Asked(11, ms, true); r.Quiet != 0 {
		t.Errorf("changed: %+v", r)
	}
	if got := r.Age(11 + int64(time.Second)); got != time.Second {
		t.Errorf("age %v", got)
	}
	if got := (Rhythm{}).Age(1 << 40); got != 0 {
		t.Errorf("never asked: age %v", got)
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	const now = int64(100 * time.Second)
	ago := func(d time.Duration) int64 { return now - int64(d) }
	for _, c := range []struct {
		name   string
		all    []Rhythm
		budget time.Duration
		want   []int
	}{
		{"nothing", nil, 100 * ms, nil},
		{"a new one is asked without budget", []Rhythm{{}}, 0, []int{0}},
		{"two new ones: one", []Rhythm{{At: ago(0), Cost: ms}, {}, {}}, 0, []int{1}},
		{"not yet due", []Rhythm{{At: ago(800 * ms), Cost: ms}}, 100 * ms, nil},
		{"due, the timer a little early", []Rhythm{{At: ago(900 * ms), Cost: ms}}, 100 * ms, []int{0}},
		{"quiet", []Rhythm{{At: ago(time.Second), Cost: ms, Quiet: 3}, {At: ago(2 * time.Second), Cost: ms, Quiet: 3}}, 100 * ms, []int{1}},
		{"seen though quiet", []Rhythm{{At: ago(time.Second), Cost: ms, Quiet: 90, Seen: true}}, 100 * ms, []int{0}},
		{"seen over budget", []Rhythm{
			{At: ago(time.Second), Cost: 60 * ms}, {At: ago(time.Second), Cost: 60 * ms, Seen: true},
			{At: ago(time.Second), Cost: 60 * ms, Seen: true},
		}, 50 * ms, []int{1, 2}},
		{"seen, new, longest overdue", []Rhythm{
			{At: ago(2 * time.Second), Cost: ms}, {At: ago(5 * time.Second), Cost: ms}, {},
			{At: ago(9 * time.Second), Cost: ms, Quiet: 9}, {At: ago(time.Second), Seen: true},
		}, 100 * ms, []int{4, 2, 1, 0, 3}},
		{"the budget cuts", []Rhythm{
			{At: ago(2 * time.Second), Cost: 10 * ms}, {At: ago(4 * time.Second), Cost: 10 * ms},
			{At: ago(3 * time.Second), Cost: 10 * ms},
		}, 20 * ms, []int{1, 2}},
		{"the first one even if it costs more than there is", []Rhythm{{At: ago(2 * time.Second), Cost: time.Second}}, ms, []int{0}},
		{"a new one costs what others do", []Rhythm{{}, {At: ago(2 * time.Second), Cost: 10 * ms}}, 15 * ms, []int{0}},
	} {
		if got := Plan(c.all, now, time.Second, c.budget); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestPlanStarvesNone: however small the budget, every namespace is asked again and again, and the budget is kept.
func TestPlanStarvesNone(t *testing.T) {
	t.Parallel()
	const budget, cost, ticks = 10 * ms, 2 * ms, 400
	all := make([]Rhythm, 50)
	asked := make([]int, len(all))
	for tick := range ticks {
		now := int64(tick+1) * int64(time.Second)
		plan := Plan(all, now, time.Second, budget)
		if len(plan) > int(budget/cost) && tick > 0 {
			t.Fatalf("tick %d: %d are asked", tick, len(plan))
		}
		for _, i := range plan {
			all[i] = all[i].Asked(now, cost, i%2 == 0) // every other one is busy
			asked[i]++
		}
	}
	for i, n := range asked {
		if min := ticks / len(all); n < min {
			t.Errorf("namespace %d was asked %d times of %d", i, n, ticks)
		}
	}
}

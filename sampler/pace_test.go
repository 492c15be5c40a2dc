package sampler

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	ms := func(n ...int) (d []time.Duration) {
		for _, n := range n {
			d = append(d, time.Duration(n)*time.Millisecond)
		}
		return d
	}
	for _, tc := range []struct {
		name   string
		chosen int
		dumps  []time.Duration
		want   []time.Duration // after each dump
	}{
		{"quiet", 1000, ms(1, 1, 2), ms(1000, 1000, 1000)},
		{"a fifth is no more than a fifth", 1000, ms(200, 200), ms(1000, 1000)},
		{"more than a fifth", 1000, ms(201, 201), ms(1000, 1250)},
		{"one that was kept waiting", 1000, ms(100, 900, 100), ms(1000, 1000, 1000)},
		{"it grows by need", 1000, ms(300, 300, 450, 450), ms(1000, 1500, 1500, 2250)},
		{"the chosen one returns", 1000, ms(300, 300, 100, 100), ms(1000, 1500, 1500, 1000)},
		{"not for a little less", 1000, ms(260, 260, 199, 199), ms(1000, 1500, 1500, 1250)},
		{"nor to and fro", 1000, ms(201, 201, 199, 199, 201, 201, 199), ms(1000, 1250, 1250, 1250, 1250, 1250, 1250)},
		{"down by a step", 1000, ms(380, 380, 260, 260), ms(1000, 2000, 2000, 1500)},
		{"short intervals", 100, ms(90, 90), ms(100, 450)},
		{"long ones", 60_000, ms(5000, 5000), ms(60_000, 60_000)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p pace
			p.choose(time.Duration(tc.chosen) * time.Millisecond)
			for i, d := range tc.dumps {
				if p.dumped(d); p.interval != tc.want[i] {
					t.Fatalf("after dump %d of %v: every %v, want %v", i+1, d, p.interval, tc.want[i])
				}
			}
		})
	}
}

// Another choice counts at once: a longer one ends the stretch, a shorter one is stretched as the last dumps ask.
func TestPaceChosenAnew(t *testing.T) {
	var p pace
	p.choose(time.Second)
	p.dumped(300 * time.Millisecond)
	p.dumped(300 * time.Millisecond)
	if p.interval != 1500*time.Millisecond {
		t.Fatalf("every %v", p.interval)
	}
	p.choose(2 * time.Second)
	if p.interval != 2*time.Second {
		t.Errorf("2 s chosen: every %v", p.interval)
	}
	p.choose(500 * time.Millisecond)
	if p.interval != 1500*time.Millisecond {
		t.Errorf("500 ms chosen: every %v, want 1.5 s", p.interval)
	}
}

// TestFault25SlowKernel: what is published says the interval in force, the chosen one, and what the kernel took.
func TestFault25SlowKernel(t *testing.T) {
	b := newBench(t, nil)
	look := func(takes, interval time.Duration, stretched bool) {
		t.Helper()
		b.kernel.takes = takes
		for range 2 {
			b.Release(b.after(b.pace.interval))
		}
		s := b.after(b.pace.interval)
		if s.Interval != interval || s.Chosen != time.Second || s.Waited != takes || s.Stretched() != stretched {
			t.Errorf("the kernel takes %v: every %v, chosen %v, took %v, stretched %v; want every %v",
				takes, s.Interval, s.Chosen, s.Waited, s.Stretched(), interval)
		}
		if hold := s.Hold; hold != int64(interval) {
			t.Errorf("changes are shown for %v", time.Duration(hold))
		}
		b.Release(s)
	}
	look(time.Millisecond, time.Second, false)
	look(420*time.Millisecond, 2250*time.Millisecond, true)
	look(150*time.Millisecond, time.Second, false)
}

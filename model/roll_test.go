package model

import "testing"

// thing is a row of a small table.
type thing struct {
	Life
	id, counter uint64
	rate        float32
	has         bool
	state       string
}

func newThings() *Roll[thing] {
	return NewRoll(func(r *thing) Key { return Key{ID: r.id} }, func(r *thing) *Life { return &r.Life },
		func(was, now *thing, dt int64) bool {
			now.rate, now.has = rate(was.counter, now.counter, dt)
			return was.state != now.state
		}, func(r *thing) { r.rate, r.has = 0, false })
}

// find is the n-th row with this id, or nil.
func find(rows []thing, id uint64, n int) *thing {
	for i := range rows {
		if rows[i].id == id {
			if n == 0 {
				return &rows[i]
			}
			n--
		}
	}
	return nil
}

func TestRollLives(t *testing.T) {
	const second = int64(1e9)
	l := newThings()
	l.Fold([]thing{{id: 1, state: "a"}, {id: 2}}, true, second, second, second)
	for i := range l.Rows() {
		if r := &l.Rows()[i]; r.Mark != Unchanged || r.AgeKnown || r.FirstSeen != second {
			t.Errorf("what was there from the start: %+v", r)
		}
	}
	l.Fold([]thing{{id: 1, state: "b", counter: 500}, {id: 3}}, true, 3*second, 3*second, second)
	if r := find(l.Rows(), 1, 0); r.Mark != Changed || r.MarkedAt != 3*second || r.FirstSeen != second || !r.has || r.rate != 250 {
		t.Errorf("changed: %+v", r)
	}
	if r := find(l.Rows(), 3, 0); r.Mark != New || !r.AgeKnown || r.FirstSeen != 3*second {
		t.Errorf("new: %+v", r)
	}
	if r := find(l.Rows(), 2, 0); r == nil || !r.Dead || r.Mark != Closed || r.MarkedAt != 3*second {
		t.Errorf("gone: %+v", r)
	}
	l.Fold([]thing{{id: 1, state: "b", counter: 400}, {id: 3}}, true, 4*second, 4*second, second)
	if r := find(l.Rows(), 2, 0); r != nil {
		t.Errorf("gone for as long as it is shown: %+v", r)
	}
	if r := find(l.Rows(), 1, 0); r.has || r.Mark != Changed || r.MarkedAt != 3*second {
		t.Errorf("a counter that went back has no rate, and is no change to see: %+v", r)
	}
}

func TestRollPartial(t *testing.T) {
	l := newThings()
	l.Fold([]thing{{id: 1}, {id: 2}}, true, 1, 1, 10)
	l.Fold([]thing{{id: 1}}, false, 2, 2, 10)
	if r := find(l.Rows(), 2, 0); r == nil || r.Dead || !r.Stale {
		t.Fatalf("missing in a partial look: %+v", r)
	}
	if r := find(l.Rows(), 1, 0); r.Stale {
		t.Errorf("seen in a partial look: %+v", r)
	}
	l.Fold(nil, false, 3, 3, 10)
	if len(l.Rows()) != 2 {
		t.Errorf("a look that failed dropped rows: %+v", l.Rows())
	}
	l.Fold([]thing{{id: 1}, {id: 2}}, true, 4, 4, 10)
	if r := find(l.Rows(), 2, 0); r.Stale || r.Mark != Unchanged {
		t.Errorf("seen again: %+v", r)
	}
}

func TestRollEqualKeys(t *testing.T) {
	l := newThings()
	l.Fold([]thing{{id: 7, state: "first"}, {id: 7, state: "second"}}, true, 1, 1, 10)
	l.Fold([]thing{{id: 7, state: "first"}, {id: 7, state: "second"}}, true, 2, 2, 10)
	if len(l.Rows()) != 2 || find(l.Rows(), 7, 0).Mark != Unchanged || find(l.Rows(), 7, 1).Mark != Unchanged {
		t.Errorf("two rows of one key: %+v", l.Rows())
	}
	l.Fold([]thing{{id: 7, state: "first"}}, true, 3, 3, 10)
	if r := find(l.Rows(), 7, 1); len(l.Rows()) != 2 || !r.Dead || r.state != "second" {
		t.Errorf("one of the two went: %+v", l.Rows())
	}
}

func TestRollComesBack(t *testing.T) {
	l := newThings()
	l.Fold([]thing{{id: 1}}, true, 1, 1, 10)
	l.Fold(nil, true, 2, 2, 10)
	l.Fold([]thing{{id: 1}}, true, 3, 3, 10)
	if r := find(l.Rows(), 1, 0); len(l.Rows()) != 1 || r.Dead || r.Mark != New {
		t.Errorf("gone and made again: %+v", l.Rows())
	}
	l.Forget()
	l.Fold([]thing{{id: 5}}, true, 9, 9, 10)
	if r := find(l.Rows(), 5, 0); len(l.Rows()) != 1 || r.Mark != Unchanged {
		t.Errorf("after nobody looked for a while: %+v", l.Rows())
	}
}

// TestRollRatesAreOverTheTimeBetweenLooks: a look that failed is none, and while nothing is seen nothing has a rate.
func TestRollRatesAreOverTheTimeBetweenLooks(t *testing.T) {
	const second = int64(1e9)
	l := newThings()
	l.Fold([]thing{{id: 1}}, true, second, second, second)
	l.Fold([]thing{{id: 1, counter: 1000}}, true, 2*second, 2*second, second)
	l.Fold(nil, false, 3*second, 3*second, second)
	if r := find(l.Rows(), 1, 0); !r.Stale || r.has || r.rate != 0 {
		t.Errorf("not seen: %+v", r)
	}
	l.Fold(nil, false, 4*second, 4*second, second)
	l.Fold([]thing{{id: 1, counter: 4000}}, true, 5*second, 5*second, second)
	if r := find(l.Rows(), 1, 0); r.rate != 1000 || r.Stale {
		t.Errorf("seen again: %+v, want 1000 a second", r)
	}
	l.Fold(nil, true, 6*second, 6*second, second)
	if r := find(l.Rows(), 1, 0); !r.Dead || r.has {
		t.Errorf("gone: %+v", r)
	}
}

// TestRollFirstLookFailed: what the first whole look has is no news, whatever was seen before.
func TestRollFirstLookFailed(t *testing.T) {
	l := newThings()
	l.Fold(nil, false, 1, 1, 10)
	l.Fold([]thing{{id: 1}}, false, 2, 2, 10)
	l.Fold([]thing{{id: 1}, {id: 2}}, true, 3, 3, 10)
	for i := range l.Rows() {
		if r := &l.Rows()[i]; r.Mark != Unchanged || r.AgeKnown {
			t.Errorf("%+v", r)
		}
	}
}

// BenchmarkRollEqualKeys: rows of one key must not cost more than others, for whoever may make them would stall us.
func BenchmarkRollEqualKeys(b *testing.B) {
	look := make([]thing, 20_000)
	l := newThings()
	for b.Loop() {
		l.Fold(look, true, 1, 1, 1)
	}
}

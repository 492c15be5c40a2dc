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

// ours is a look at our own namespace and no other.
func ours[R any](rows []R, whole bool, at int64) []Part[R] {
	return []Part[R]{{Rows: rows, Whole: whole, At: at}}
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
	l.Fold(ours([]thing{{id: 1, state: "a"}, {id: 2}}, true, second), second, second)
	for i := range l.Rows() {
		if r := &l.Rows()[i]; r.Mark != Unchanged || r.AgeKnown || r.FirstSeen != second {
			t.Errorf("what was there from the start: %+v", r)
		}
	}
	l.Fold(ours([]thing{{id: 1, state: "b", counter: 500}, {id: 3}}, true, 3*second), 3*second, second)
	if r := find(l.Rows(), 1, 0); r.Mark != Changed || r.MarkedAt != 3*second || r.FirstSeen != second || !r.has || r.rate != 250 {
		t.Errorf("changed: %+v", r)
	}
	if r := find(l.Rows(), 3, 0); r.Mark != New || !r.AgeKnown || r.FirstSeen != 3*second {
		t.Errorf("new: %+v", r)
	}
	if r := find(l.Rows(), 2, 0); r == nil || !r.Dead || r.Mark != Closed || r.MarkedAt != 3*second {
		t.Errorf("gone: %+v", r)
	}
	l.Fold(ours([]thing{{id: 1, state: "b", counter: 400}, {id: 3}}, true, 4*second), 4*second, second)
	if r := find(l.Rows(), 2, 0); r != nil {
		t.Errorf("gone for as long as it is shown: %+v", r)
	}
	if r := find(l.Rows(), 1, 0); r.has || r.Mark != Changed || r.MarkedAt != 3*second {
		t.Errorf("a counter that went back has no rate, and is no change to see: %+v", r)
	}
}

func TestRollPartial(t *testing.T) {
	l := newThings()
	l.Fold(ours([]thing{{id: 1}, {id: 2}}, true, 1), 1, 10)
	l.Fold(ours([]thing{{id: 1}}, false, 2), 2, 10)
	if r := find(l.Rows(), 2, 0); r == nil || r.Dead || !r.Stale {
		t.Fatalf("missing in a partial look: %+v", r)
	}
	if r := find(l.Rows(), 1, 0); r.Stale {
		t.Errorf("seen in a partial look: %+v", r)
	}
	l.Fold(ours[thing](nil, false, 3), 3, 10)
	if len(l.Rows()) != 2 {
		t.Errorf("a look that failed dropped rows: %+v", l.Rows())
	}
	l.Fold(ours([]thing{{id: 1}, {id: 2}}, true, 4), 4, 10)
	if r := find(l.Rows(), 2, 0); r.Stale || r.Mark != Unchanged {
		t.Errorf("seen again: %+v", r)
	}
}

func TestRollEqualKeys(t *testing.T) {
	l := newThings()
	l.Fold(ours([]thing{{id: 7, state: "first"}, {id: 7, state: "second"}}, true, 1), 1, 10)
	l.Fold(ours([]thing{{id: 7, state: "first"}, {id: 7, state: "second"}}, true, 2), 2, 10)
	if len(l.Rows()) != 2 || find(l.Rows(), 7, 0).Mark != Unchanged || find(l.Rows(), 7, 1).Mark != Unchanged {
		t.Errorf("two rows of one key: %+v", l.Rows())
	}
	l.Fold(ours([]thing{{id: 7, state: "first"}}, true, 3), 3, 10)
	if r := find(l.Rows(), 7, 1); len(l.Rows()) != 2 || !r.Dead || r.state != "second" {
		t.Errorf("one of the two went: %+v", l.Rows())
	}
}

func TestRollComesBack(t *testing.T) {
	l := newThings()
	l.Fold(ours([]thing{{id: 1}}, true, 1), 1, 10)
	l.Fold(ours[thing](nil, true, 2), 2, 10)
	l.Fold(ours([]thing{{id: 1}}, true, 3), 3, 10)
	if r := find(l.Rows(), 1, 0); len(l.Rows()) != 1 || r.Dead || r.Mark != New {
		t.Errorf("gone and made again: %+v", l.Rows())
	}
	l.Forget()
	l.Fold(ours([]thing{{id: 5}}, true, 9), 9, 10)
	if r := find(l.Rows(), 5, 0); len(l.Rows()) != 1 || r.Mark != Unchanged {
		t.Errorf("after nobody looked for a while: %+v", l.Rows())
	}
}

// TestRollRatesAreOverTheTimeBetweenLooks: a look that failed is none, and while nothing is seen nothing has a rate.
func TestRollRatesAreOverTheTimeBetweenLooks(t *testing.T) {
	const second = int64(1e9)
	l := newThings()
	l.Fold(ours([]thing{{id: 1}}, true, second), second, second)
	l.Fold(ours([]thing{{id: 1, counter: 1000}}, true, 2*second), 2*second, second)
	l.Fold(ours[thing](nil, false, 3*second), 3*second, second)
	if r := find(l.Rows(), 1, 0); !r.Stale || r.has || r.rate != 0 {
		t.Errorf("not seen: %+v", r)
	}
	l.Fold(ours[thing](nil, false, 4*second), 4*second, second)
	l.Fold(ours([]thing{{id: 1, counter: 4000}}, true, 5*second), 5*second, second)
	if r := find(l.Rows(), 1, 0); r.rate != 1000 || r.Stale {
		t.Errorf("seen again: %+v, want 1000 a second", r)
	}
	l.Fold(ours[thing](nil, true, 6*second), 6*second, second)
	if r := find(l.Rows(), 1, 0); !r.Dead || r.has {
		t.Errorf("gone: %+v", r)
	}
}

// TestRollFirstLookFailed: what the first whole look has is no news, whatever was seen before.
func TestRollFirstLookFailed(t *testing.T) {
	l := newThings()
	l.Fold(ours[thing](nil, false, 1), 1, 10)
	l.Fold(ours([]thing{{id: 1}}, false, 2), 2, 10)
	l.Fold(ours([]thing{{id: 1}, {id: 2}}, true, 3), 3, 10)
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
		l.Fold(ours(look, true, 1), 1, 1)
	}
}

// rowOf is the row with this id in a namespace, or nil.
func rowOf(rows []thing, netns uint16, id uint64) *thing {
	for i := range rows {
		if rows[i].id == id && rows[i].NetNS == netns {
			return &rows[i]
		}
	}
	return nil
}

// TestRollNamespaces: rows of equal key in two namespaces are two, with rates of their own; one that fails makes no other's
// stale, and what a namespace has at the first look at it is no news.
func TestRollNamespaces(t *testing.T) {
	const second = int64(1e9)
	l := newThings()
	part := func(netns uint16, whole bool, at int64, rows ...thing) Part[thing] {
		return Part[thing]{Rows: rows, NetNS: netns, Whole: whole, At: at}
	}
	l.Fold([]Part[thing]{part(0, true, second, thing{id: 1}), part(3, true, 2*second, thing{id: 1}, thing{id: 2})}, second, second)
	l.Fold([]Part[thing]{
		part(0, true, 3*second, thing{id: 1, counter: 100}), part(3, false, 3*second, thing{id: 1, counter: 100}),
		part(4, true, 3*second, thing{id: 1}),
	}, 3*second, second)
	if r := rowOf(l.Rows(), 0, 1); len(l.Rows()) != 4 || r.rate != 50 || r.Stale {
		t.Errorf("ours: %+v", r)
	}
	if r := rowOf(l.Rows(), 3, 1); r.rate != 100 || r.Stale {
		t.Errorf("another's, asked a second later at first: %+v", r)
	}
	if r := rowOf(l.Rows(), 3, 2); !r.Stale || r.Dead {
		t.Errorf("missing in the part that failed: %+v", r)
	}
	if r := rowOf(l.Rows(), 4, 1); r.Mark != Unchanged || r.AgeKnown {
		t.Errorf("the first look at it: %+v", r)
	}
	l.Fold([]Part[thing]{part(0, true, 4*second), part(4, true, 4*second, thing{id: 1}, thing{id: 2})}, 4*second, second)
	if r := rowOf(l.Rows(), 0, 1); !r.Dead {
		t.Errorf("ours went: %+v", r)
	}
	if r := rowOf(l.Rows(), 3, 1); r == nil || r.Dead || r.Stale || !r.has {
		t.Errorf("of one that was not looked at: %+v", r)
	}
	if r := rowOf(l.Rows(), 4, 2); r.Mark != New || !r.AgeKnown {
		t.Errorf("new in the other: %+v", r)
	}
}

// TestRollLeave: rows of a namespace that is gone are closed, those of one that nobody wants to see are no more, and come
// again without being news.
func TestRollLeave(t *testing.T) {
	l := newThings()
	look := []Part[thing]{
		{Rows: []thing{{id: 1}, {id: 2}}, Whole: true, At: 1}, {NetNS: 3, Rows: []thing{{id: 1}, {id: 2}}, Whole: true, At: 1},
		{NetNS: 4, Rows: []thing{{id: 1, counter: 7}}, Whole: true, At: 1}, {NetNS: 5, Whole: true, At: 1},
	}
	l.Fold(look, 1, 10)
	l.Leave(func(netns uint16) Leaving { return map[uint16]Leaving{3: Unwanted, 4: Vanishes}[netns] }, 2)
	if len(l.Rows()) != 3 || rowOf(l.Rows(), 0, 1).Dead || rowOf(l.Rows(), 0, 2).Dead {
		t.Errorf("left: %+v", l.Rows())
	}
	if r := rowOf(l.Rows(), 4, 1); !r.Dead || r.Mark != Closed || r.MarkedAt != 2 || r.counter != 7 {
		t.Errorf("gone: %+v", r)
	}
	places := make(map[uint16]bool)
	l.Places(func(netns uint16) { places[netns] = true })
	if len(places) != 2 || !places[0] || !places[4] {
		t.Errorf("places that are used: %v", places)
	}
	l.Fold([]Part[thing]{look[0], {NetNS: 3, Rows: []thing{{id: 2}}, Whole: true, At: 3}, {NetNS: 5, Rows: []thing{{id: 9}}, Whole: true, At: 3}}, 3, 10)
	if r := rowOf(l.Rows(), 3, 2); r.Mark != Unchanged || r.FirstSeen != 3 {
		t.Errorf("wanted again: %+v", r)
	}
	if r := rowOf(l.Rows(), 5, 9); r.Mark != New {
		t.Errorf("new where there was none: %+v", r)
	}
	if r := rowOf(l.Rows(), 0, 1); r.FirstSeen != 1 || len(l.Rows()) != 5 {
		t.Errorf("of others: %+v", l.Rows())
	}
	if l.Fold(look[:1], 12, 10); len(l.Rows()) != 4 || rowOf(l.Rows(), 4, 1) != nil {
		t.Errorf("shown long enough: %+v", l.Rows())
	}
}

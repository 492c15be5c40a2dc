package ui

// The view worker: which snapshot it shows, when it gives one back, which query wins.

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"sockview/keymap"
	"sockview/model"
)

// working is a viewer at work whose views a test takes one by one.
type working struct {
	t      *testing.T
	viewer *viewer
	source *scripted
	views  chan *view
	taken  chan struct{}
	seq    uint64
}

func work(t *testing.T) *working {
	w := &working{t: t, source: newScripted(), views: make(chan *view), taken: make(chan struct{})}
	w.viewer = newViewer(w.source, func(v *view) {
		w.views <- v
		<-w.taken
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.viewer.run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		for {
			select {
			case <-w.views:
			case w.taken <- struct{}{}:
			case <-ended:
				return
			}
		}
	})
	return w
}

// ask asks with a filter.
func (w *working) ask(filter string, paused bool) {
	w.t.Helper()
	def := screens()[0]
	f, err := model.ParseFilter(filter, def.scopes("")...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.seq++
	w.viewer.ask(query{def: def, filter: f, paused: paused, format: &model.Formatter{}, seq: w.seq})
}

// look asks as ask does while the display is held and the details of a row are open.
func (w *working) look() {
	w.seq++
	w.viewer.ask(query{def: screens()[0], paused: true, details: true, format: &model.Formatter{}, seq: w.seq})
}

// next is the next view; the screen takes it over.
func (w *working) next() *view {
	w.t.Helper()
	select {
	case v := <-w.views:
		w.taken <- struct{}{}
		return v
	case <-time.After(10 * time.Second):
		w.t.Fatal("no view")
		return nil
	}
}

func numbered(w *world, seq uint64) *model.Snapshot {
	s := w.snapshot(time.Second)
	s.Seq = seq
	return s
}

func TestSnapshotsAreGivenBack(t *testing.T) {
	w, host := work(t), web()
	w.ask("", false)
	for seq := range uint64(20) {
		w.source.put(numbered(host, seq+1))
		if v := w.next(); v.snapshot.Seq != seq+1 {
			t.Fatalf("the view is of snapshot %d, want %d", v.snapshot.Seq, seq+1)
		}
	}
	w.ask("nginx", false)
	w.next() // by now the last but one was given back
	if held, most, taken := w.source.counts(); held != 1 || most != 2 || taken != 20 {
		t.Errorf("%d snapshots of %d are held, %d were at a time", held, taken, most)
	}
}

// TestSnapshotIsKeptWhileItIsShown: the one on the screen is given back only when the next was taken over.
func TestSnapshotIsKeptWhileItIsShown(t *testing.T) {
	w, host := work(t), web()
	w.ask("", false)
	w.source.put(numbered(host, 1))
	w.next()
	w.source.put(numbered(host, 2))
	<-w.views // the second view is made, and the screen still paints the first
	if held, _, _ := w.source.counts(); held != 2 {
		t.Errorf("%d snapshots are held while one is shown and one comes", held)
	}
	w.taken <- struct{}{}
	w.ask("", false)
	w.next()
	if held, _, _ := w.source.counts(); held != 1 {
		t.Errorf("%d snapshots are held", held)
	}
}

// TestOvertakenQueryIsGivenUp: what is chosen for a query is not shown when another came meanwhile, and the snapshot it
// was chosen from is not lost: the other one is answered from it.
func TestOvertakenQueryIsGivenUp(t *testing.T) {
	w, host := work(t), web()
	w.ask("", false)
	w.source.put(numbered(host, 1))
	w.next()
	sockets := screens()[0]
	overtaken := &screen{compile: func(q *query) selection {
		choose := sockets.compile(q)
		return func(s *model.Snapshot, order []int32) (model.Rows, []int32, int) {
			if q.overtaken() {
				t.Error("overtaken before anything was asked")
			}
			w.ask("process:nginx", false)
			if !q.overtaken() {
				t.Error("nobody told the work that it is for nothing")
			}
			rows, order, total := choose(s, order)
			if len(order) != 0 {
				t.Errorf("%d rows were chosen all the same", len(order))
			}
			return rows, order, total
		}
	}}
	w.seq++
	w.viewer.ask(query{def: overtaken, format: &model.Formatter{}, seq: w.seq})
	w.source.put(numbered(host, 2))
	v := w.next()
	for v.snapshot.Seq != 2 { // the query may have come before the snapshot
		v = w.next()
	}
	if v.query.seq != w.seq || len(v.order) != 4 {
		t.Errorf("the view of query %d with %d rows, want %d with 4", v.query.seq, len(v.order), w.seq)
	}
	w.ask("", false)
	w.next() // by now the one before was given back
	if held, _, _ := w.source.counts(); held != 1 {
		t.Errorf("%d snapshots are held", held)
	}
}

func TestNewestQueryWins(t *testing.T) {
	w, host := work(t), web()
	w.ask("", false)
	w.source.put(numbered(host, 1))
	<-w.views // while the screen is busy
	for i := range 50 {
		w.ask(fmt.Sprintf("lport:%d", 1000+i), false)
	}
	w.ask("process:nginx", false)
	w.taken <- struct{}{}
	v := w.next()
	if v.query.seq != w.seq || len(v.order) != 4 {
		t.Errorf("after 51 queries came the view of query %d with %d rows, want %d with 4", v.query.seq, len(v.order), w.seq)
	}
}

// TestNewestSnapshotWins: those that came while the screen was busy are not shown one after the other.
func TestNewestSnapshotWins(t *testing.T) {
	w, host := work(t), web()
	w.ask("", false)
	w.source.put(numbered(host, 1))
	<-w.views
	for seq := range uint64(10) {
		w.source.put(numbered(host, seq+2))
	}
	w.taken <- struct{}{}
	if v := w.next(); v.snapshot.Seq != 11 {
		t.Errorf("the next view is of snapshot %d, want 11", v.snapshot.Seq)
	}
}

func TestPausedKeepsItsSnapshot(t *testing.T) {
	w, host := work(t), web()
	w.ask("", false)
	w.source.put(numbered(host, 1))
	w.next()
	w.ask("", true)
	if v := w.next(); v.snapshot.Seq != 1 {
		t.Fatalf("pausing shows snapshot %d", v.snapshot.Seq)
	}
	host.sockets = host.sockets[:1]
	w.source.put(numbered(host, 2))
	w.ask("process:nginx", true)
	if v := w.next(); v.snapshot.Seq != 1 || len(v.order) != 4 {
		t.Errorf("a filter while paused shows %d rows of snapshot %d, want 4 of 1", len(v.order), v.snapshot.Seq)
	}
	if _, _, taken := w.source.counts(); taken != 1 {
		t.Errorf("%d snapshots were taken while paused", taken-1)
	}
	// Who looks at a row closely is told of it as it is now; the rows stay.
	looked := numbered(host, 3)
	looked.Detail = &model.Detail{Key: model.Key{ID: 2}}
	w.source.put(looked)
	w.look()
	if v := w.next(); v.snapshot.Seq != 1 || v.detail != looked.Detail {
		t.Errorf("details while paused: snapshot %d, detail %v", v.snapshot.Seq, v.detail)
	}
	if held, _, _ := w.source.counts(); held != 1 {
		t.Errorf("%d snapshots are held while paused", held)
	}
	w.ask("", true) // the details are closed: from now on the newest waits
	w.next()
	w.source.put(numbered(host, 4))
	w.ask("", false)
	if v := w.next(); v.snapshot.Seq != 4 {
		t.Errorf("going on shows snapshot %d, want the newest", v.snapshot.Seq)
	}
}

// TestPausedFromTheStart: a screen that has nothing yet takes its first snapshot.
func TestPausedFromTheStart(t *testing.T) {
	w, host := work(t), web()
	w.ask("", true)
	w.source.put(numbered(host, 1))
	if v := w.next(); v.snapshot.Seq != 1 {
		t.Errorf("snapshot %d", v.snapshot.Seq)
	}
}

// TestPauseOnTheScreen goes the whole way: Space, snapshots meanwhile, a filter, another screen, Space.
func TestPauseOnTheScreen(t *testing.T) {
	h, w := served(t, 80, 24, nil)
	h.press(keymap.Space)
	before := h.text()
	w.sockets = w.sockets[:3]
	for range 5 {
		h.feed(w.snapshot(2 * time.Second))
	}
	if after := h.text(); after != before {
		t.Errorf("a paused screen changed:\n%s", after)
	}
	h.filter("process:postgres")
	if n := len(h.app.table.view.order); n != 2 {
		t.Errorf("the filter shows %d rows of the snapshot that is held, want 2", n)
	}
	h.press("2")
	if h.app.table.view.snapshot.Seq != 2 {
		t.Errorf("another screen while paused shows snapshot %d, want 2", h.app.table.view.snapshot.Seq)
	}
	h.press("p")
	if h.app.table.view.snapshot.Seq != h.seq {
		t.Errorf("going on shows snapshot %d, want %d", h.app.table.view.snapshot.Seq, h.seq)
	}
	h.press("1", keymap.Esc)
	if n := len(h.app.table.view.order); n != 3 {
		t.Errorf("%d rows, want 3:\n%s", n, h.text())
	}
	if held, most, _ := h.source.counts(); held != 1 || most > 2 {
		t.Errorf("%d snapshots are held, %d were at a time", held, most)
	}
}

// TestDemand: what goes back to the sampler.
func TestDemand(t *testing.T) {
	h, _ := served(t, 80, 24, func(c *Config) { c.Start.Hold, c.Start.NetNS = 3*time.Second, "own" })
	d := h.source.wanted()
	if d.Interval != time.Second || d.Hold != 3*time.Second || d.NetNS != "own" || d.Focus != (model.Key{}) {
		t.Errorf("the first demand is %+v", d)
	}
	h.press("F5")
	if now := h.source.wanted().Now; now != d.Now+1 {
		t.Errorf("F5 demands sample %d, want %d", now, d.Now+1)
	}
	var steps []time.Duration
	for range 12 {
		h.press("+")
		steps = append(steps, h.source.wanted().Interval)
	}
	h.says("the interval goes from 100 ms to 60 s")
	for range 12 {
		h.press("-")
		steps = append(steps, h.source.wanted().Interval)
	}
	if slices.Max(steps) != time.Minute || slices.Min(steps) != 100*time.Millisecond {
		t.Errorf("the intervals are %v", steps)
	}
	h.press(keymap.Enter)
	row, _ := h.app.table.cursorRow()
	if focus := h.source.wanted().Focus; focus != h.app.table.view.rows.Key(row) {
		t.Errorf("the details are asked for %v", focus)
	}
	h.press("K", "?", keymap.Esc)
	h.press(keymap.Esc)
	if focus := h.source.wanted().Focus; focus != (model.Key{}) {
		t.Errorf("with the details closed they are still asked for: %v", focus)
	}
	h.press(keymap.Enter, "2")
	if focus := h.source.wanted().Focus; focus != (model.Key{}) || len(h.app.overlays) > 0 {
		t.Errorf("another screen leaves the details open, or asked for: %v", focus)
	}
}

// TestOddInterval: one that is not among the steps goes to the next of them.
func TestOddInterval(t *testing.T) {
	for start, want := range map[time.Duration][2]time.Duration{
		1500 * time.Millisecond: {2 * time.Second, time.Second},
		150 * time.Millisecond:  {200 * time.Millisecond, 100 * time.Millisecond},
		90 * time.Second:        {90 * time.Second, time.Minute},
		100 * time.Millisecond:  {200 * time.Millisecond, 100 * time.Millisecond},
	} {
		for i, k := range []keymap.Key{"+", "-"} {
			h := startWith(t, start)
			h.press(k)
			if got := h.source.wanted().Interval; got != want[i] {
				t.Errorf("%s from %s goes to %s, want %s", k, start, got, want[i])
			}
		}
	}
}

func startWith(t *testing.T, interval time.Duration) *harness {
	h := start(t, 80, 10, func(c *Config) { c.Start.Interval = interval })
	h.feed(newWorld().snapshot(0))
	return h
}

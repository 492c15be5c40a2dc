package ui

// The view worker: it takes snapshots and the newest query, filters and sorts beside the drawing, and hands
// over rows that only need to be painted.

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"sockview/model"
)

// query is what a person wants to see. It is a value: the worker shares nothing with the screen.
type query struct {
	def     *screen
	by      string
	choice  model.Choice
	filter  *model.Filter
	past    *model.Filter // what of filter asks of sockets, asked of closed connections
	unasked bool          // those cannot be asked that
	sorting model.Sorting
	shown   []int
	format  *model.Formatter // names or numbers
	paused  bool
	details bool          // somebody looks at a row closely: what is told of it stays new while paused
	seq     uint64        // counts queries, so that the screen can tell a view of an older one
	sorter  *model.Sorter // of the worker; nil: nothing is remembered
	// overtaken says that another query was asked meanwhile, so that the rest of the work is for nothing. Nil: none can.
	overtaken func() bool
}

// memory is what rows are sorted with.
func (q *query) memory() *model.Sorter {
	if q.sorter == nil {
		return new(model.Sorter)
	}
	return q.sorter
}

// view is one snapshot as one query wants it: rows in order, ready to be painted. Whoever holds it may read its
// snapshot; the worker gives the snapshot back when the next view was taken over.
type view struct {
	snapshot *model.Snapshot
	rows     model.Rows
	order    []int32
	detail   *model.Detail // of the row in focus: of the newest snapshot, while the display is held too
	total    int           // rows there are without the filter
	query    query
	took     time.Duration
}

// find is where the row with this identity is.
func (v *view) find(k model.Key) (int, bool) {
	for at, row := range v.order {
		if v.rows.Key(int(row)) == k {
			return at, true
		}
	}
	return 0, false
}

// selection turns a snapshot into rows in order. It is made once for a query; order's memory may be used.
type selection func(s *model.Snapshot, order []int32) (rows model.Rows, chosen []int32, total int)

// viewer is the worker.
type viewer struct {
	in   Snapshots
	show func(*view) // returns when the screen has taken it over

	mu     sync.Mutex
	newest query
	seq    atomic.Uint64 // of newest
	wake   chan struct{}
}

func newViewer(in Snapshots, show func(*view)) *viewer {
	return &viewer{in: in, show: show, wake: make(chan struct{}, 1)}
}

// ask sets the query; the newest wins.
func (w *viewer) ask(q query) {
	w.mu.Lock()
	w.newest = q
	w.seq.Store(q.seq)
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *viewer) query() query {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.newest
}

// run works until ctx is done. While the query is paused it keeps the snapshot it has; sampling goes on, and what is
// told of the row in focus is of the newest.
func (w *viewer) run(ctx context.Context) {
	var (
		held     *model.Snapshot // the one on the screen
		ahead    *model.Snapshot // newer, taken for a query that was overtaken
		buffers  [2][]int32
		turn     int
		selected selection
		compiled uint64
		detail   *model.Detail
		sorter   *model.Sorter // of the screen on show, whatever is asked of it
		def      *screen
	)
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		case <-w.in.Ready():
		}
		q := w.query()
		if q.def == nil {
			continue
		}
		s, looked := held, detail
		holding := q.paused && held != nil && q.def.tables&^held.Tables == 0 // a table that it has not is read first
		release := func(s *model.Snapshot) {
			if s != nil {
				w.in.Release(s)
			}
		}
		if !holding || q.details {
			if newer := w.in.Take(); newer != nil {
				detail = newer.Detail // not of the memory that goes back
				release(ahead)
				ahead = newer
			}
		}
		if holding {
			release(ahead)
		} else if ahead != nil {
			s = ahead
		}
		ahead = nil
		if s == nil || s == held && q.seq == compiled && detail == looked {
			continue
		}
		start := time.Now()
		if selected == nil || q.seq != compiled {
			if q.def != def {
				sorter, def = new(model.Sorter), q.def
			}
			q.sorter = sorter
			seq := q.seq
			q.overtaken = func() bool { return w.seq.Load() != seq }
			selected, compiled = q.def.compile(&q), q.seq
		}
		v := &view{snapshot: s, query: q, detail: detail}
		v.rows, v.order, v.total = selected(s, buffers[turn][:0])
		if w.seq.Load() != q.seq { // what was chosen may be half of it
			if s != held {
				ahead = s
			}
			continue
		}
		buffers[turn] = v.order
		turn = 1 - turn
		v.took = time.Since(start)
		w.show(v)
		if s != held {
			release(held)
			held = s
		}
	}
}

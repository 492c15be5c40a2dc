package ui

// What a person did to a screen: columns, order, filter, cursor, marks.

import (
	"slices"

	"sockview/model"
)

// screenState is how one screen stands. It outlives the views that pass through it.
type screenState struct {
	def     *screen
	by      string // the column that a count screen counts by
	specs   []model.Spec
	shown   []int // columns on show, in their order
	chosen  bool  // the user chose them: they do not follow what there is
	sorting model.Sorting

	filterText string        // as typed
	filter     *model.Filter // the last one that was right
	filterErr  error

	cursor   model.Key // the row the cursor is on
	cursorAt int       // where it is in the view
	atTop    bool      // the cursor was not moved: it stays in the first row, whichever that is
	top      int       // first row on the screen
	left     int       // columns scrolled out of sight

	marks map[model.Key]struct{}

	service func(name string) (uint16, bool) // for the filter: the port of a service name
}

// giveOfOthers is the Spec.Give of columns that nobody is shown unless he asks.
const giveOfOthers = 4

// chose notes that the columns on show are the user's own. Those that came by themselves gave way before any other: one
// that was asked for does not.
func (st *screenState) chose() {
	st.chosen = true
	for i := range st.specs {
		if spec := &st.specs[i]; spec.Where != nil {
			spec.Give = min(spec.Give, giveOfOthers)
		}
	}
}

// toggle shows or hides a column. A new one goes where the table of columns has it.
func (st *screenState) toggle(c int) {
	if at := slices.Index(st.shown, c); at >= 0 {
		st.shown = slices.Delete(st.shown, at, at+1)
	} else {
		at := slices.IndexFunc(st.shown, func(other int) bool { return other > c })
		if at < 0 {
			at = len(st.shown)
		}
		st.shown = slices.Insert(st.shown, at, c)
	}
	st.left = min(st.left, len(st.shown)-1)
}

// fit shows the columns that mean something in this snapshot and hides those that do not, unless the user chose his own.
// It says whether there are others now.
func (st *screenState) fit(s *model.Snapshot) bool {
	if st.chosen {
		return false
	}
	changed := false
	for i := range st.specs {
		spec := &st.specs[i]
		if spec.Where != nil && !spec.Default && spec.Where(s) != slices.Contains(st.shown, i) {
			st.toggle(i)
			changed = true
		}
	}
	if changed {
		st.lookAgain()
	}
	return changed
}

// setFilter takes a filter as typed. One that is wrong is remembered with its mistake, and the last right one
// stays in force.
func (st *screenState) setFilter(text string) error {
	st.filterText = text
	f, err := model.ParseFilter(text, st.scopes()...)
	if err != nil {
		st.filterErr = err
		return err
	}
	st.filter, st.filterErr = f, nil
	return nil
}

// lookAgain has the bare words of the filter look at the columns that are shown now.
func (st *screenState) lookAgain() {
	if f, err := model.ParseFilter(st.filter.String(), st.scopes()...); err == nil {
		st.filter = f
	}
}

// scopes are what the screen's filter may ask about. Bare words look at the columns on show.
func (st *screenState) scopes() []model.Scope {
	scopes := st.def.scopes(st.by)
	for i := range scopes {
		scopes[i].Service = st.service
	}
	scopes[0].Shown = st.shown
	return scopes
}

// follow finds the cursor's row in a new view and keeps it on its line of the screen. When the row is gone,
// the cursor stays where it is, on the row that is there now.
func (st *screenState) follow(v *view) {
	n := len(v.order)
	if n == 0 {
		st.cursorAt, st.top = 0, 0
		return
	}
	if st.atTop {
		st.cursorAt, st.top = 0, 0
		st.cursor = v.rows.Key(int(v.order[0]))
		return
	}
	was := st.cursorAt
	if was >= n || v.rows.Key(int(v.order[was])) != st.cursor {
		if at, ok := v.find(st.cursor); ok {
			st.top += at - was
			st.cursorAt = at
		} else {
			st.cursorAt = min(was, n-1)
			st.cursor = v.rows.Key(int(v.order[st.cursorAt]))
		}
	}
}

// moveTo puts the cursor on row at of the view, or as near as there are rows.
func (st *screenState) moveTo(v *view, at int) {
	if v == nil || len(v.order) == 0 {
		return
	}
	st.cursorAt = max(0, min(at, len(v.order)-1))
	st.cursor = v.rows.Key(int(v.order[st.cursorAt]))
	st.atTop = false
}

// toTop puts the cursor in the first row and lets it stay there, whichever row comes first.
func (st *screenState) toTop(v *view) {
	st.moveTo(v, 0)
	st.atTop = true
}

// scrollTo keeps the cursor within the height rows that are on the screen.
func (st *screenState) scrollTo(n, height int) {
	st.top = min(st.top, st.cursorAt)
	if st.cursorAt >= st.top+height {
		st.top = st.cursorAt - height + 1
	}
	st.top = max(0, min(st.top, n-height))
}

// query is what the view worker is to make for this screen.
func (st *screenState) query() query {
	past, err := model.ParseFilter(st.filter.Source(1), model.Scope{Specs: model.ClosedConnections().Specs(), Service: st.service})
	return query{
		past: past, unasked: err != nil,
		def: st.def, by: st.by, filter: st.filter, sorting: st.sorting,
		shown: append([]int(nil), st.shown...),
	}
}

// maxTrail is how many screens back Esc goes: whoever goes round and round has been everywhere by then.
const maxTrail = 64

// leave notes that Esc is to come back to this screen.
func (a *App) leave(from *screenState) {
	if n := len(a.trail); n >= maxTrail {
		a.trail = a.trail[:copy(a.trail, a.trail[n-maxTrail+1:])]
	}
	a.trail = append(a.trail, from)
}

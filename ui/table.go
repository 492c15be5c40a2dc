package ui

// The one widget: a table of rows, whatever they are.

import (
	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"sockview/model"
)

// table draws a view. It knows the row under the cursor and the marked ones by their identity, so a new order
// moves them and never changes which they are.
type table struct {
	*tview.Box
	theme  *theme
	format *model.Formatter

	screen  *screenState
	view    *view
	natural []int // widths wished for, beside screen.shown; they grow and do not shrink, so nothing jitters
	placed  []placed
	cell    []byte

	onHeader func(column int)
	onSelect func()
	empty    func() string
}

func newTable(th *theme, format *model.Formatter) *table {
	t := &table{Box: tview.NewBox(), theme: th, format: format}
	t.SetBackgroundColor(tcell.ColorDefault)
	return t
}

// Draw paints the heading and the rows that fit.
func (t *table) Draw(screen tcell.Screen) {
	x, y, width, height := t.GetInnerRect()
	if width <= 0 || height <= 0 || t.screen == nil {
		return
	}
	st := t.screen
	body := height - 1
	st.scrollTo(t.len(), body)
	t.measure(st, body)
	t.placed = layout(st.specs, st.shown, t.natural, width-1, st.left)
	t.drawHead(screen, x, y, width)
	if t.len() == 0 {
		if t.empty != nil && body > 0 {
			put(screen, x+1, y+1, width-1, t.empty(), t.theme.dim, t.theme.cut())
		}
		return
	}
	for i := range min(body, t.len()-st.top) {
		t.drawRow(screen, x, y+1+i, width, st.top+i)
	}
}

func (t *table) len() int {
	if t.view == nil {
		return 0
	}
	return len(t.view.order)
}

// shows says whether a column is on the screen.
func (t *table) shows(column int) bool {
	for _, p := range t.placed {
		if p.column == column {
			return true
		}
	}
	return false
}

// measure lets the columns grow to what is on the screen.
func (t *table) measure(st *screenState, body int) {
	if len(t.natural) != len(st.shown) {
		t.natural = make([]int, len(st.shown))
	}
	for i, c := range st.shown {
		spec := &st.specs[c]
		w := max(t.natural[i], spec.Width, titleWidth(st, c))
		for n := range min(body, t.len()-st.top) {
			w = max(w, t.cellWidth(st.top+n, c))
		}
		if isText(spec.Kind) {
			w = min(w, max(spec.Max, spec.Width, titleWidth(st, c)))
		}
		t.natural[i] = w
	}
}

// remeasure forgets the widths: the columns or the window changed.
func (t *table) remeasure() { t.natural = nil }

func titleWidth(st *screenState, c int) int {
	w := textWidth(st.specs[c].Title)
	if st.sorting.Column == c {
		w++ // the arrow
	}
	return w
}

// isText says whether a value of a kind may be cut.
func isText(k model.Kind) bool {
	return k == model.KindText || k == model.KindAddress || k == model.KindNetwork
}

func isRight(k model.Kind) bool {
	switch k {
	case model.KindText, model.KindAddress, model.KindNetwork, model.KindState, model.KindTime, model.KindPort:
		return false
	}
	return true
}

func (t *table) text(at, column int) string {
	row := int(t.view.order[at])
	t.cell = t.format.Append(t.cell[:0], t.screen.specs[column].Kind, t.view.rows.Value(row, column))
	return string(t.cell)
}

func (t *table) cellWidth(at, column int) int {
	row := int(t.view.order[at])
	t.cell = t.format.Append(t.cell[:0], t.screen.specs[column].Kind, t.view.rows.Value(row, column))
	for _, c := range t.cell {
		if c >= 0x80 {
			return textWidth(string(t.cell))
		}
	}
	return len(t.cell)
}

func (t *table) drawHead(screen tcell.Screen, x, y, width int) {
	st := t.screen
	fill(screen, x, y, width, t.theme.head)
	for _, p := range t.placed {
		spec := &st.specs[p.column]
		title := spec.Title
		if st.sorting.Column == p.column {
			title += t.arrow(st.sorting.Desc)
		}
		if isRight(spec.Kind) {
			putRight(screen, x+1+p.x, y, p.width, title, t.theme.head, t.theme.cut())
		} else {
			put(screen, x+1+p.x, y, p.width, title, t.theme.head, t.theme.cut())
		}
	}
}

func (t *table) arrow(desc bool) string {
	switch {
	case t.theme.ascii && desc:
		return "v"
	case t.theme.ascii:
		return "^"
	case desc:
		return "▼"
	}
	return "▲"
}

// signs say what became of a row, so that it is not told by colour alone.
var signs = [...]rune{model.Unchanged: ' ', model.New: '+', model.Changed: '~', model.Closed: '-', model.Outdated: '?'}

func (t *table) drawRow(screen tcell.Screen, x, y, width, at int) {
	st := t.screen
	row := int(t.view.order[at])
	change := t.view.rows.Change(row)
	style := t.theme.text
	switch change {
	case model.New:
		style = t.theme.fresh
	case model.Changed:
		style = t.theme.changed
	case model.Closed:
		style = t.theme.closed
	case model.Outdated:
		style = t.theme.dim
	}
	sign := signs[change]
	if len(st.marks) > 0 {
		if _, marked := st.marks[t.view.rows.Key(row)]; marked {
			style = t.theme.marked
			if sign == ' ' {
				sign = '*'
			}
		}
	}
	if at == st.cursorAt {
		style = style.Reverse(true)
		fill(screen, x, y, width, style)
	}
	screen.SetContent(x, y, sign, nil, style)
	for _, p := range t.placed {
		text := t.text(at, p.column)
		if isRight(st.specs[p.column].Kind) {
			putRight(screen, x+1+p.x, y, p.width, text, style, t.theme.cut())
		} else {
			put(screen, x+1+p.x, y, p.width, text, style, t.theme.cut())
		}
	}
}

// show takes a new view. The cursor goes where its row went; the row stays on its line of the screen.
func (t *table) show(v *view) {
	t.view = v
	if v == nil || t.screen == nil {
		return
	}
	t.screen.follow(v)
}

// cursorRow is the row under the cursor, as an index into the view's rows; false when there is none.
func (t *table) cursorRow() (int, bool) {
	if t.len() == 0 || t.screen.cursorAt >= t.len() {
		return 0, false
	}
	return int(t.view.order[t.screen.cursorAt]), true
}

// MouseHandler moves the cursor to a clicked row and sorts by a clicked heading.
func (t *table) MouseHandler() func(tview.MouseAction, *tcell.EventMouse, func(tview.Primitive)) (bool, tview.Primitive) {
	return t.WrapMouseHandler(func(action tview.MouseAction, ev *tcell.EventMouse, _ func(tview.Primitive)) (bool, tview.Primitive) {
		mx, my := ev.Position()
		if !t.InRect(mx, my) || t.screen == nil {
			return false, nil
		}
		x, y, _, height := t.GetInnerRect()
		switch action {
		case tview.MouseLeftClick, tview.MouseLeftDoubleClick:
			switch {
			case my == y: // two fast clicks are two: there and back
				for _, p := range t.placed {
					if mx-x-1 >= p.x && mx-x-1 < p.x+p.width+columnGap {
						t.onHeader(p.column)
					}
				}
			case action == tview.MouseLeftDoubleClick:
				t.onSelect()
			default:
				t.screen.moveTo(t.view, t.screen.top+my-y-1)
			}
		case tview.MouseScrollUp:
			t.screen.moveTo(t.view, t.screen.cursorAt-height/4-1)
		case tview.MouseScrollDown:
			t.screen.moveTo(t.view, t.screen.cursorAt+height/4+1)
		default:
			return false, nil
		}
		return true, nil
	})
}

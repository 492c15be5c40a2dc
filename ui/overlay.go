package ui

// What lies over a screen: pages of text, lists to choose from, questions. All are plain text in a frame.

import (
	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"sockview/keymap"
)

// overlay is a primitive over the screen with keys of its own.
type overlay interface {
	tview.Primitive
	context() keymap.Context
	// act does what a key asks for; false means that it is not for this overlay.
	act(keymap.Action) bool
	// refresh is called when there is a new view.
	refresh()
}

// frame draws a border with a title and leaves the inside to its owner.
type frame struct {
	*tview.Box
	theme         *theme
	title         string
	width, height int // of the inside, as wished for; 0 is the whole screen
}

func newFrame(th *theme, title string) *frame {
	f := &frame{Box: tview.NewBox(), theme: th, title: title}
	f.SetBackgroundColor(tcell.ColorDefault)
	return f
}

// drawFrame clears the frame's place in the middle of the screen and says where its inside is.
func (f *frame) drawFrame(screen tcell.Screen) (x, y, width, height int) {
	fx, fy, fw, fh := f.GetRect()
	w, h := fw, fh
	if f.width > 0 {
		w = min(fw, f.width+4)
	}
	if f.height > 0 {
		h = min(fh, f.height+2)
	}
	x, y = fx+(fw-w)/2, fy+(fh-h)/2
	for row := range h {
		fill(screen, x, y+row, w, f.theme.text)
	}
	if w < 8 || h < 3 {
		return x, y, w, h // no room for a border
	}
	b := f.theme.box()
	for i := 1; i < w-1; i++ {
		screen.SetContent(x+i, y, b[0], nil, f.theme.border)
		screen.SetContent(x+i, y+h-1, b[0], nil, f.theme.border)
	}
	for i := 1; i < h-1; i++ {
		screen.SetContent(x, y+i, b[1], nil, f.theme.border)
		screen.SetContent(x+w-1, y+i, b[1], nil, f.theme.border)
	}
	screen.SetContent(x, y, b[2], nil, f.theme.border)
	screen.SetContent(x+w-1, y, b[3], nil, f.theme.border)
	screen.SetContent(x+w-1, y+h-1, b[4], nil, f.theme.border)
	screen.SetContent(x, y+h-1, b[5], nil, f.theme.border)
	put(screen, x+2, y, w-4, " "+f.title+" ", f.theme.title, f.theme.cut())
	return x + 2, y + 1, w - 4, h - 2
}

// more says in the border below the inside whether there is more to scroll to.
func (f *frame) more(screen tcell.Screen, is bool, x, y, width, height int) {
	if is && width > 8 {
		put(screen, x+width-6, y+height, 6, " more ", f.theme.dim, f.theme.cut())
	}
}

// pager is a page of text to scroll in.
type pager struct {
	*frame
	ctx   keymap.Context
	lines func(width int) []line // made anew for each new view
	text  []line
	made  int // width that text was made for
	top   int
	page  int
	hint  string // the keys that matter here, for the frame
}

func newPager(th *theme, ctx keymap.Context, title string, lines func(width int) []line) *pager {
	return &pager{frame: newFrame(th, title), ctx: ctx, lines: lines}
}

func (p *pager) context() keymap.Context { return p.ctx }
func (p *pager) refresh()                { p.text = nil }

// Draw paints the lines that fit.
func (p *pager) Draw(screen tcell.Screen) {
	x, y, width, height := p.drawFrame(screen)
	if p.text == nil || p.made != width {
		p.text, p.made = p.lines(width), width
	}
	p.page = max(1, height)
	p.top = max(0, min(p.top, len(p.text)-height))
	if width > 20 && height > 2 {
		put(screen, x, y+height, width-8, p.hint, p.theme.dim, p.theme.cut())
	}
	for i := range min(height, len(p.text)-p.top) {
		putLine(screen, x, y+i, width, 0, p.text[p.top+i], p.theme.cut())
	}
	p.more(screen, p.top+height < len(p.text), x, y, width, height)
}

func (p *pager) act(action keymap.Action) bool {
	by, ok := step(action, p.page, len(p.text))
	if ok {
		p.top = max(0, min(p.top+by, len(p.text)-p.page))
	}
	return ok
}

// step is by how many of length lines a movement goes, on a page of so many; false for what is no movement.
func step(action keymap.Action, page, length int) (lines int, ok bool) {
	half := (page + 1) / 2
	switch action {
	case keymap.MoveUp:
		return -1, true
	case keymap.MoveDown:
		return 1, true
	case keymap.HalfPageUp:
		return -half, true
	case keymap.HalfPageDown:
		return half, true
	case keymap.PageUp:
		return -page, true
	case keymap.PageDown:
		return page, true
	case keymap.MoveTop:
		return -length, true
	case keymap.MoveBottom:
		return length, true
	}
	return 0, false
}

// picker is a list to choose from; with ticks, several may be chosen.
type picker struct {
	*frame
	items  []pick
	ticks  bool
	at     int
	top    int
	page   int
	chosen func(at int)
	ticked func(at int) // the tick of a line was changed
}

// pick is one line of a picker.
type pick struct {
	name, help string
	on         bool
}

func newPicker(th *theme, title string, items []pick, at int) *picker {
	p := &picker{frame: newFrame(th, title), items: items, at: max(0, at)}
	for _, it := range items {
		p.width = max(p.width, 6+nameWidth(items)+2+textWidth(it.help), textWidth(title)+4)
	}
	p.height = len(items)
	return p
}

func nameWidth(items []pick) int {
	w := 0
	for _, it := range items {
		w = max(w, textWidth(it.name))
	}
	return w
}

func (p *picker) context() keymap.Context { return keymap.Picker }
func (p *picker) refresh()                {}

// Draw paints the list around the chosen line.
func (p *picker) Draw(screen tcell.Screen) {
	x, y, width, height := p.drawFrame(screen)
	p.page = max(1, height)
	p.top = max(0, min(p.top, p.at, len(p.items)-1))
	if p.at >= p.top+height {
		p.top = p.at - height + 1
	}
	p.more(screen, p.top+height < len(p.items), x, y, width, height)
	names := nameWidth(p.items)
	for i := range min(height, len(p.items)-p.top) {
		it := p.items[p.top+i]
		style, help := p.theme.text, p.theme.dim
		if p.top+i == p.at {
			style, help = p.theme.cursor, p.theme.cursor
			fill(screen, x, y+i, width, style)
		}
		used := 0
		if p.ticks {
			tick := "[ ] "
			if it.on {
				tick = "[x] "
			}
			used = put(screen, x, y+i, width, tick, style, p.theme.cut())
		}
		put(screen, x+used, y+i, width-used, it.name, style, p.theme.cut())
		put(screen, x+used+names+2, y+i, width-used-names-2, it.help, help, p.theme.cut())
	}
}

func (p *picker) act(action keymap.Action) bool {
	switch action {
	case keymap.Toggle:
		if p.ticks {
			p.items[p.at].on = !p.items[p.at].on
			p.ticked(p.at)
		}
		return true
	case keymap.Choose:
		p.chosen(p.at)
		return true
	}
	by, ok := step(action, p.page, len(p.items))
	if ok {
		p.at = max(0, min(p.at+by, len(p.items)-1))
	}
	return ok
}

// dialog asks a question. No is the answer unless Yes was chosen.
type dialog struct {
	*frame
	lines   []line
	choices []pick // one of them goes with a yes
	choice  int
	top     int // first line on the screen, when there are more than fit
	onYes   bool
	answer  func(yes bool, choice int)
}

func newDialog(th *theme, title string, lines []line) *dialog {
	d := &dialog{frame: newFrame(th, title), lines: lines}
	d.measure()
	return d
}

// offer lets one of choices go with a yes.
func (d *dialog) offer(choices []pick) {
	d.choices = choices
	d.measure()
}

func (d *dialog) measure() {
	d.width = max(30, textWidth(d.title)+4)
	for _, l := range d.lines {
		w := 0
		for _, sp := range l {
			w += textWidth(sp.text)
		}
		d.width = max(d.width, w)
	}
	for _, c := range d.choices {
		d.width = max(d.width, 4+nameWidth(d.choices)+2+textWidth(c.help))
	}
}

func (d *dialog) context() keymap.Context { return keymap.Dialog }
func (d *dialog) refresh()                {}

// Draw paints text, choices and buttons; when there is too little room, the text scrolls and the choices and
// buttons stay.
func (d *dialog) Draw(screen tcell.Screen) {
	_, _, room, _ := d.GetRect()
	text := wrapLines(d.lines, max(16, min(d.width, room-4)))
	d.height = len(text) + len(d.choices) + 1 // the buttons
	x, y, width, height := d.drawFrame(screen)
	cut := d.theme.cut()
	below := 1
	choices := len(d.choices)
	if choices > 0 {
		choices = min(choices, max(1, height-4))
		below += choices
	}
	room = max(1, height-below)
	d.top = max(0, min(d.top, len(text)-room))
	d.more(screen, d.top+room < len(text)-1, x, y, width, height) // the last line is blank
	for i := range min(room, len(text)-d.top) {
		putLine(screen, x, y+i, width, 0, text[d.top+i], cut)
	}
	first := max(0, min(d.choice-choices/2, len(d.choices)-choices))
	names := nameWidth(d.choices)
	for i := range choices {
		at := first + i
		row := y + height - below + i
		style, sign := d.theme.text, "( ) "
		if at == d.choice {
			style, sign = d.theme.title, "(*) "
		}
		used := put(screen, x, row, width, sign+d.choices[at].name, style, cut)
		put(screen, x+4+names+2, row, width-max(used, 4+names)-2, d.choices[at].help, d.theme.dim, cut)
	}
	no, yes := d.theme.cursor, d.theme.text
	if d.onYes {
		no, yes = yes, no
	}
	row := y + height - 1
	put(screen, x, row, width, "  [N]o  ", no, cut)
	put(screen, x+10, row, width-10, "  [Y]es  ", yes, cut)
}

func (d *dialog) act(action keymap.Action) bool {
	switch action {
	case keymap.Yes:
		d.answer(true, d.choice)
	case keymap.No, keymap.Cancel:
		d.answer(false, d.choice)
	case keymap.DialogAccept:
		d.answer(d.onYes, d.choice)
	case keymap.DialogNext, keymap.DialogPrevious:
		d.onYes = !d.onYes
	case keymap.MoveUp:
		d.move(-1)
	case keymap.MoveDown:
		d.move(1)
	case keymap.HalfPageUp, keymap.PageUp:
		d.top -= 5
	case keymap.HalfPageDown, keymap.PageDown:
		d.top += 5
	case keymap.MoveTop:
		d.move(-len(d.choices) - len(d.lines))
	case keymap.MoveBottom:
		d.move(len(d.choices) + len(d.lines))
	default:
		return false
	}
	return true
}

// move moves among the choices, or scrolls the text when there are none.
func (d *dialog) move(by int) {
	if len(d.choices) == 0 {
		d.top += by
		return
	}
	d.choice = max(0, min(d.choice+by, len(d.choices)-1))
}

// Diff: a screen over a screen that passes on only what changed.

package term

import (
	"errors"
	"sync"

	"github.com/gdamore/tcell/v2"
)

var (
	errSuspended = errors.New("the screen is suspended")
	errBusy      = errors.New("the screen is busy with what was typed")
	errFinished  = errors.New("the screen was given back")
)

// Diff wraps a tcell.Screen and forwards to it, on Show, only the cells that differ from what was shown
// last. tview clears the screen before each draw, and tcell takes every cell cleared and rewritten for a
// changed one: an unchanged table of 180x50 costs 7.3 KB a draw. Through Diff it costs nothing, and Show
// does not reach the terminal at all.
//
// It fits tview.Application.SetScreen. Init starts the wrapped screen once; a second Init, which
// SetScreen makes, is nothing. A Diff may be used from several goroutines. While it is suspended or
// finished, drawing goes nowhere and does no harm, which is not so of tcell's own screen: that one loops
// for ever when shown after it was left.
//
// Whatever is not drawing (events, mouse, paste, title) is the wrapped screen's own.
type Diff struct {
	tcell.Screen

	mu        sync.Mutex
	begun     bool // Init was done
	suspended bool
	finished  bool

	next grid   // what was drawn
	sent []cell // what the wrapped screen holds; an empty str is not known
	full bool   // the next Show repaints every cell
	more bool   // the next Show must reach the wrapped screen, cells or not

	cursor, sentCursor point
	cursorStyle        cursorStyle

	// Set by Open before first use.
	ascii bool         // send seven bits only
	brake func()       // gives output that is stuck a last moment; may be nil
	hush  func() bool  // ends input, and says whether it did; may be nil
	end   func()       // what Fini does instead of finishing the wrapped screen; may be nil
	clip  func([]byte) // what SetClipboard does; may be nil
}

type point struct{ x, y int }

type cursorStyle struct {
	style tcell.CursorStyle
	color tcell.Color
}

// nowhere is where a cursor is that nobody sees, and unsure one that is to be placed again in any case.
func nowhere() point { return point{-1, -1} }
func unsure() point  { return point{-2, -2} }

// NewDiff wraps inner, whose Init is left to the Diff.
func NewDiff(inner tcell.Screen) *Diff {
	return &Diff{
		Screen:      inner,
		cursor:      nowhere(),
		sentCursor:  nowhere(),
		cursorStyle: cursorStyle{color: tcell.ColorNone},
	}
}

// Init starts the wrapped screen. It does so once; later calls do nothing.
func (d *Diff) Init() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.finished {
		return errFinished
	}
	if d.begun {
		return nil
	}
	if err := d.Screen.Init(); err != nil {
		return err
	}
	d.begun = true
	d.fit()
	return nil
}

// Fini gives the terminal back; from then on nothing is drawn. Later calls do nothing.
func (d *Diff) Fini() {
	if d.end != nil {
		d.end()
		return
	}
	d.finish()
}

// finish ends the wrapped screen.
func (d *Diff) finish() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.finished {
		return
	}
	d.finished = true
	if !d.begun {
		return
	}
	defer d.dropEvents()()
	if d.hush != nil {
		d.hush() // if not, whoever waits for us does not wait long
	}
	d.Screen.Fini()
}

// Suspend gives the terminal back until Resume. What is drawn meanwhile is kept and not sent.
func (d *Diff) Suspend() error {
	if d.brake != nil {
		d.brake()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.finished:
		return errFinished
	case d.suspended:
		return errSuspended
	}
	defer d.dropEvents()()
	if d.hush != nil && !d.hush() {
		return errBusy
	}
	if err := d.Screen.Suspend(); err != nil {
		return err
	}
	d.suspended = true
	return nil
}

// Resume takes the terminal again and shows what was last shown.
func (d *Diff) Resume() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.finished:
		return errFinished
	case !d.suspended:
		return nil
	}
	if err := d.Screen.Resume(); err != nil {
		return err
	}
	d.suspended = false
	// tcell forgot its cells. What was drawn since may be half a picture, so not next but sent.
	for i := range d.sent {
		if c := &d.sent[i]; c.str != "" {
			d.forward(i%d.next.w, i/d.next.w, c)
		}
	}
	d.Screen.Show()
	return nil
}

// dropEvents empties the wrapped screen's queue of events until the function it returns is called. tcell
// waits for its input loop to end, and the loop for room in a full queue; whoever would make room may be
// the one that waits for tcell.
func (d *Diff) dropEvents() (stop func()) {
	screen, ok := d.Screen.(interface{ EventQ() chan tcell.Event })
	if !ok || screen.EventQ() == nil {
		return func() {}
	}
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			select {
			case <-screen.EventQ():
			case <-done:
				return
			}
		}
	})
	return func() { close(done); ended.Wait() }
}

// repaint sends again what was last shown, for a terminal that something else wrote on.
func (d *Diff) repaint() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.suspended && !d.finished {
		d.Screen.Sync()
	}
}

// fit makes the cells match the window's size. With a new size nothing of what was sent is relied on.
func (d *Diff) fit() {
	if d.suspended || d.finished {
		return // tcell has no size to tell then
	}
	w, h := clampSize(d.Screen.Size())
	if w == d.next.w && h == d.next.h {
		return
	}
	d.next.resize(w, h)
	d.sent = make([]cell, w*h)
	d.sentCursor = unsure()
}

// Size is the window's size in cells, at most 500x200.
func (d *Diff) Size() (width, height int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fit()
	return d.next.w, d.next.h
}

// Show sends what differs from what was last shown. It waits as long as the terminal takes to accept it.
func (d *Diff) Show() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.show()
}

// Sync sends every cell.
func (d *Diff) Sync() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = true
	d.show()
}

func (d *Diff) show() {
	if d.suspended || d.finished || !d.begun {
		return
	}
	d.fit()
	changed := d.more
	for i := range d.next.cells {
		if c := &d.next.cells[i]; *c != d.sent[i] {
			d.forward(i%d.next.w, i/d.next.w, c)
			d.sent[i] = *c
			changed = true
		}
	}
	if at := d.visible(d.cursor); at != d.sentCursor {
		d.Screen.ShowCursor(at.x, at.y)
		d.sentCursor = at
		changed = true
	}
	switch {
	case d.full:
		d.Screen.Sync()
	case changed:
		d.Screen.Show()
	}
	d.full, d.more = false, false
}

func (d *Diff) forward(x, y int, c *cell) {
	str := c.str
	if d.ascii {
		str = toASCII(str)
	}
	d.Screen.Put(x, y, str, c.style)
}

func (d *Diff) visible(p point) point {
	if p.x < 0 || p.y < 0 || p.x >= d.next.w || p.y >= d.next.h {
		return nowhere()
	}
	return p
}

// Clear blanks what is drawn; the terminal sees nothing of it.
func (d *Diff) Clear() { d.Fill(' ', tcell.StyleDefault) }

// Fill is Clear with another character and style.
func (d *Diff) Fill(r rune, style tcell.Style) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fit()
	d.next.fill(r, style)
}

// Put draws the first character of str and returns the rest and the columns it takes.
func (d *Diff) Put(x, y int, str string, style tcell.Style) (rest string, width int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.next.put(x, y, str, style)
}

// PutStr draws a line of text in the default style.
func (d *Diff) PutStr(x, y int, str string) { d.PutStrStyled(x, y, str, tcell.StyleDefault) }

// PutStrStyled draws a line of text, cut at the window's edge.
func (d *Diff) PutStrStyled(x, y int, str string, style tcell.Style) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for str != "" && x < d.next.w && y < d.next.h {
		var width int
		if str, width = d.next.put(x, y, str, style); width == 0 {
			return
		}
		x += width
	}
}

// SetContent draws one character with its combining marks.
func (d *Diff) SetContent(x, y int, primary rune, combining []rune, style tcell.Style) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(combining) == 0 && primary >= ' ' && primary <= '~' {
		d.next.put(x, y, printable[primary-' ':primary-' '+1], style)
		return
	}
	d.next.put(x, y, string(primary)+string(combining), style)
}

// SetCell is SetContent as it was once called.
func (d *Diff) SetCell(x, y int, style tcell.Style, ch ...rune) {
	if len(ch) == 0 {
		ch = []rune{' '}
	}
	d.SetContent(x, y, ch[0], ch[1:], style)
}

// Get tells what is drawn at a position, sent or not.
func (d *Diff) Get(x, y int) (str string, style tcell.Style, width int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.next.get(x, y)
}

// GetContent is Get in runes.
func (d *Diff) GetContent(x, y int) (primary rune, combining []rune, style tcell.Style, width int) {
	str, style, width := d.Get(x, y)
	for i, r := range str {
		if i == 0 {
			primary = r
		} else {
			combining = append(combining, r)
		}
	}
	return primary, combining, style, width
}

// SetStyle sets what the default style looks like. Every cell may change by it.
func (d *Diff) SetStyle(style tcell.Style) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Screen.SetStyle(style)
	d.full = true
}

// ShowCursor places the cursor; the terminal hears of it at the next Show, if it moved.
func (d *Diff) ShowCursor(x, y int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cursor = point{x, y}
}

// HideCursor takes the cursor away at the next Show.
func (d *Diff) HideCursor() { d.ShowCursor(-1, -1) }

// SetCursorStyle sets the cursor's shape, and its colour if one is given.
func (d *Diff) SetCursorStyle(style tcell.CursorStyle, colors ...tcell.Color) {
	d.mu.Lock()
	defer d.mu.Unlock()
	want := cursorStyle{style, tcell.ColorNone}
	if len(colors) > 0 {
		want.color = colors[0]
	}
	if want != d.cursorStyle {
		d.cursorStyle = want
		d.Screen.SetCursorStyle(style, colors...)
		d.more = true
	}
}

// LockRegion holds cells back from the terminal, or lets them through again at the next Show.
func (d *Diff) LockRegion(x, y, width, height int, lock bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fit()
	// Cells outside have no lock, and the wrapped screen would count through all of them.
	right, bottom := min(x+width, d.next.w), min(y+height, d.next.h)
	x, y = max(x, 0), max(y, 0)
	d.Screen.LockRegion(x, y, right-x, bottom-y, lock)
	d.more = true
}

// SetSize asks the terminal for another window size, which few grant.
func (d *Diff) SetSize(width, height int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.suspended || d.finished {
		return
	}
	d.Screen.SetSize(width, height)
	d.fit()
	clear(d.sent)
	d.sentCursor = unsure()
}

// SetClipboard hands bytes to the clipboard of the person's own machine, if the terminal takes them.
func (d *Diff) SetClipboard(content []byte) {
	if d.clip != nil {
		d.clip(content)
		return
	}
	d.Screen.SetClipboard(content)
}

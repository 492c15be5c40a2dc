package ui

// The cursor and the marks hold sockets and not lines; what changed is told by colour and by a sign.

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"sockview/keymap"
	"sockview/model"
)

// crowd is a host with n connections, the first from port 1001.
func crowd(n int) *world {
	w := newWorld()
	w.sockets = make([]model.Socket, 0, 2*n+64)
	w.process(100, "server", 0)
	for i := range n {
		w.socket("tcp", "10.0.0.5:80", fmt.Sprintf("203.0.113.%d:%d", i%250+1, 1001+i), model.Established, 100)
	}
	return w
}

// cursor is the remote port of the socket under the cursor, and its line of the screen as drawn.
func (h *harness) cursor() (port string, line int) {
	h.t.Helper()
	line = -1
	grid := h.grid()
	for y, row := range grid {
		if _, _, attrs := row[0].Style.Decompose(); attrs&tcell.AttrReverse != 0 && y > 1 {
			if line >= 0 {
				h.t.Fatalf("two rows are under the cursor:\n%s", textOf(grid))
			}
			line = y
			for _, word := range strings.Fields(textOf(grid[y : y+1])) {
				if len(word) > 3 && strings.Trim(word, "0123456789") == "" {
					port = word
				}
			}
		}
	}
	return port, line
}

func (h *harness) cursorIs(port string, line int) {
	h.t.Helper()
	if p, l := h.cursor(); p != port || line >= 0 && l != line {
		h.t.Errorf("the cursor is on %s in line %d, want %s in line %d:\n%s", p, l, port, line, h.text())
	}
}

func TestCursorStaysAtTheTop(t *testing.T) {
	h := start(t, 120, 14, nil)
	w := crowd(30)
	h.feed(w.snapshot(0))
	h.cursorIs("1001", 2)
	w.socket("tcp", "10.0.0.5:80", "203.0.113.9:1000", model.Established, 100)
	h.feed(w.snapshot(time.Second))
	h.cursorIs("1000", 2) // it was not moved: it is on whatever comes first
	h.press("S")
	h.cursorIs("1000", 2) // all names are equal: the order below them stays
	h.press("j")
	h.cursorIs("1001", 3)
	h.press("g")
	w.socket("tcp", "10.0.0.5:80", "203.0.113.9:0999", model.Established, 100).RemotePort = 999
	h.feed(w.snapshot(time.Second))
	if _, line := h.cursor(); line != 2 || h.app.state.top != 0 {
		t.Errorf("after g the cursor is in line %d of the screen, want the first row", line)
	}
}

func TestCursorKeepsItsLine(t *testing.T) {
	h := start(t, 120, 14, nil)
	w := crowd(40)
	h.feed(w.snapshot(0))
	h.press("/", keymap.Enter)
	for range 15 {
		h.press("j")
	}
	port, line := h.cursor()
	if port != "1016" {
		t.Fatalf("after 15 j the cursor is on %s", port)
	}
	for i := range 5 {
		w.socket("tcp", "10.0.0.5:80", fmt.Sprintf("203.0.113.9:%d", 801+i), model.Established, 100)
	}
	h.feed(w.snapshot(time.Second))
	h.cursorIs("1016", line) // rows inserted above
	for port := uint16(1002); port < 1006; port++ {
		w.close(port)
	}
	h.feed(w.snapshot(2 * time.Second))
	h.feed(w.snapshot(2 * time.Second))
	h.cursorIs("1016", line) // rows above closed and swept
	h.press("/")
	h.type_("rport>=1010")
	h.press(keymap.Enter)
	h.cursorIs("1016", -1)
	h.press(keymap.Esc)
	h.cursorIs("1016", -1)

	w.close(1016)
	h.feed(w.snapshot(time.Second))
	h.cursorIs("1016", -1) // closed: its red row is still there
	_, line = h.cursor()
	h.feed(w.snapshot(2 * time.Second))
	h.cursorIs("1017", line) // swept: the cursor stays where it was, on the next
}

func TestCursorAfterSort(t *testing.T) {
	h := start(t, 120, 14, nil)
	w := crowd(40)
	h.feed(w.snapshot(0))
	for i := range w.sockets {
		w.sockets[i].Sent = uint64(1000 * (100 - i))
	}
	h.feed(w.snapshot(time.Second))
	for range 12 {
		h.press("j")
	}
	for _, keys := range [][]keymap.Key{{">"}, {"S"}, {"<"}, {"s", "G", keymap.Enter}} {
		h.press(keys...)
		if port, l := h.cursor(); port != "1013" || l > 11 || l < 2 {
			t.Errorf("after %v the cursor is on %s in line %d", keys, port, l)
		}
	}
	h.do(func() { h.app.sortBy(columnIndex(h.app.state.specs, "sent")) })
	h.settle()
	for i := range 10 {
		w.sockets[i+20].Sent += 10_000_000 // they overtake it
		h.feed(w.snapshot(time.Second))
		h.cursorIs("1013", -1)
	}
}

func TestCursorAtTheEnds(t *testing.T) {
	h := start(t, 120, 14, nil)
	w := crowd(40)
	h.feed(w.snapshot(0))
	page := 14 - 4 // head, heading, status and foot are not rows
	h.press("k")
	h.cursorIs("1001", 2)
	h.press("PgDn")
	h.cursorIs(fmt.Sprint(1001+page), -1)
	h.press("PgUp")
	h.cursorIs("1001", 2)
	h.press("Ctrl-D")
	h.cursorIs(fmt.Sprint(1001+page/2), -1)
	h.press("Ctrl-U")
	h.cursorIs("1001", 2)
	h.press("G")
	h.cursorIs("1040", 11)
	h.press("j", "PgDn")
	h.cursorIs("1040", 11)
	w.sockets = w.sockets[:5]
	h.feed(w.snapshot(time.Second))
	h.feed(w.snapshot(2 * time.Second))
	h.cursorIs("1005", 6) // most rows are gone: it is on the last
	h.press("/")
	h.type_("nothing")
	if _, line := h.cursor(); line >= 0 {
		t.Error("an empty table has a cursor")
	}
	h.press("j", "k", "m")
	h.press(keymap.Esc)
	h.press("K", "x", keymap.Esc, keymap.Esc, "g")
	h.cursorIs("1001", 2)
}

func TestEmptyTableTakesKeys(t *testing.T) {
	a := &actor{}
	h := start(t, 80, 10, func(c *Config) { c.Actor = a.ui() })
	for round := range 2 { // before the first snapshot, and with an empty one
		for _, k := range []keymap.Key{"j", "k", "g", "G", "m", "M", keymap.Enter, "K", "x", "c", "PgDn", "PgUp", "Ctrl-D", "2", "3", "4", "1"} {
			h.do(func() { h.event(eventOf(t, k)) })
		}
		h.do(func() {
			if len(h.app.overlays) > 0 {
				t.Errorf("round %d: something opened on an empty table", round)
			}
		})
		h.feed(newWorld().snapshot(0))
	}
}

func TestMarks(t *testing.T) {
	var a actor
	h := start(t, 120, 14, func(c *Config) { c.Actor = a.ui() })
	w := crowd(20)
	for i := range int32(20) {
		w.process(200+i, fmt.Sprintf("p%02d", 19-i), 0)
		w.holds[i].ProcessID = model.ProcessID{PID: 200 + i, Start: uint64(200+i) * 10}
	}
	h.feed(w.snapshot(0))
	h.press("j", "m", "j", "m") // m moves on
	marked := func() []string {
		var names []string
		for y := 2; y < 12; y++ {
			if l := h.line(y); strings.HasPrefix(l, "*") {
				names = append(names, strings.Fields(l[1:])[0])
			}
		}
		return names
	}
	if got := marked(); !slices.Equal(got, []string{"p01", "p03"}) {
		t.Fatalf("marked are %v:\n%s", got, h.text())
	}
	h.press(">", "<") // another order and back
	h.press("S", "S")
	w.sockets = slices.Insert(w.sockets, 0, w.sockets[0])[1:]
	h.feed(w.snapshot(time.Second))
	if got := marked(); !slices.Equal(got, []string{"p01", "p03"}) {
		t.Errorf("after sorting, marked are %v:\n%s", got, h.text())
	}
	if !strings.Contains(h.line(-1), "2 marked") {
		t.Errorf("the foot does not count the marks: %q", h.line(-1))
	}
	h.press("g", "K", "y")
	want := []string{"terminated to 218/2180", "terminated to 216/2160"}
	if got := a.did(); !slices.Equal(got, want) {
		t.Errorf("signalled %v, want the marked %v", got, want)
	}
	if len(marked()) != 0 {
		t.Error("the marks are still there after the kill")
	}
	h.press("g", "K", "y")
	if got := a.did(); !slices.Equal(got[2:], []string{"terminated to 219/2190"}) {
		t.Errorf("without marks it signalled %v, want the cursor's", got[2:])
	}
	h.press("m", "m", "m", "M")
	if len(marked()) != 0 {
		t.Error("M leaves marks")
	}
	h.press("g", "m", "g", "m") // twice is off
	if len(marked()) != 0 {
		t.Errorf("a second m does not unmark: %v", marked())
	}
}

// TestMarkedRowsThatAreGone: the keys then act on nothing, and not on the cursor's row instead.
func TestMarkedRowsThatAreGone(t *testing.T) {
	var a actor
	h := start(t, 120, 14, func(c *Config) { c.Actor = a.ui() })
	w := crowd(5)
	h.feed(w.snapshot(0))
	h.press("m")
	w.close(1001)
	h.feed(w.snapshot(2 * time.Second))
	h.feed(w.snapshot(2 * time.Second))
	for _, k := range []keymap.Key{"K", "x"} {
		h.press(k)
		h.says("the marked rows are gone or filtered away; M unmarks them")
	}
	h.press("M", "x", "y")
	h.await("the cursor's connection closed", func() bool { return slices.Equal(a.destroyed(), []uint16{1002}) })
}

func TestDiffColours(t *testing.T) {
	for _, name := range keymap.Themes() {
		t.Run(name, func(t *testing.T) {
			h := start(t, 80, 24, func(c *Config) { c.Start.Theme = name })
			w := server()
			h.feed(w.snapshot(0))
			for y := 2; y < 22; y++ {
				if l := h.line(y); l != "" && l[0] != ' ' {
					t.Errorf("the first snapshot marks %q", l)
				}
			}
			h.feed(w.work())
			th := newTheme(name, false)
			want := map[byte]tcell.Style{'+': th.fresh, '~': th.changed, '-': th.closed}
			found := 0
			grid := h.grid()
			for y := 3; y < 22; y++ {
				l := textOf(grid[y : y+1])
				style, ok := want[l[0]]
				if !ok {
					style = th.text
				} else {
					found++
				}
				for x, c := range grid[y] {
					if c.Runes[0] != ' ' && c.Style != style {
						t.Fatalf("%q is drawn in %q at %d, want %q", l, styleName(c.Style), x, styleName(style))
					}
				}
			}
			if found != 3 {
				t.Errorf("%d rows carry a sign, want one new, one changed, one closed:\n%s", found, h.text())
			}
			distinct := map[tcell.Style]bool{th.fresh: true, th.changed: true, th.closed: true, th.text: true}
			if name == "none" != (len(distinct) == 1) {
				t.Errorf("the theme has %d styles for rows", len(distinct))
			}
			h.feed(w.snapshot(2 * time.Second))
			for y := 2; y < 22; y++ {
				if l := h.line(y); l != "" && l[0] != ' ' {
					t.Errorf("two seconds later %q is still marked", l)
				}
			}
		})
	}
}

// TestNoColours: the theme none and --no-color send no colour at all.
func TestNoColours(t *testing.T) {
	h, _ := served(t, 80, 24, func(c *Config) { c.Start.Theme = "none" })
	for _, keys := range [][]keymap.Key{{}, {"?"}, {keymap.Esc, "s"}, {keymap.Esc, keymap.Enter}, {keymap.Esc, "/"}} {
		h.press(keys...)
		for y, row := range h.grid() {
			for x, c := range row {
				if fg, bg, _ := c.Style.Decompose(); fg != tcell.ColorDefault || bg != tcell.ColorDefault {
					t.Fatalf("after %v the cell %d,%d is %s", keys, x, y, styleName(c.Style))
				}
			}
		}
	}
}

// TestSixteenColours: every theme keeps to the ANSI colours, which the user's own palette defines.
func TestSixteenColours(t *testing.T) {
	for _, name := range keymap.Themes() {
		th := newTheme(name, false)
		for _, s := range []tcell.Style{th.text, th.dim, th.title, th.head, th.cursor, th.marked, th.fresh, th.changed,
			th.closed, th.warning, th.key, th.border, th.field} {
			fg, bg, _ := s.Decompose()
			for _, c := range []tcell.Color{fg, bg} {
				if c != tcell.ColorDefault && (c < tcell.PaletteColor(0) || c > tcell.PaletteColor(15)) {
					t.Errorf("theme %s uses %s", name, c.Name())
				}
			}
		}
	}
}

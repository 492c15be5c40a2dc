// The cells of a screen, with the rules of tcell's CellBuffer, made for being drawn over and compared.

package term

import (
	"strings"
	"unicode/utf8"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/uniseg"
)

// The largest window that is drawn, in cells. What a terminal says of its size is foreign input: 2000 by
// 2000 cells cost tcell 1.4 GB. A larger window is used up to here.
const (
	maxColumns = 500
	maxRows    = 200
)

func clampSize(w, h int) (int, int) {
	return min(max(w, 0), maxColumns), min(max(h, 0), maxRows)
}

// cell is one position. A character of two columns lives in the left one (width 2); the right one keeps
// whatever was written there, unseen until the character gives way.
type cell struct {
	str   string // one character with its combining marks; never empty on a drawn grid
	style tcell.Style
	width uint8 // 1 or 2
}

type grid struct {
	w, h  int
	cells []cell
}

// resize keeps what fits; what is new is blank.
func (g *grid) resize(w, h int) {
	fresh := grid{w: w, h: h, cells: make([]cell, w*h)}
	for i := range fresh.cells {
		fresh.cells[i] = cell{str: " ", width: 1}
	}
	for y := range min(h, g.h) {
		copy(fresh.cells[y*w:(y+1)*w], g.cells[y*g.w:(y+1)*g.w])
	}
	*g = fresh
}

func (g *grid) fill(r rune, style tcell.Style) {
	str, _, width := firstGlyph(string(r))
	if width != 1 {
		str = " "
	}
	for i := range g.cells {
		c := &g.cells[i]
		c.str, c.width, c.style = str, 1, overlay(style, c.style)
	}
}

// put writes the first character of str. Like tcell's Put it answers the rest of str and the columns the
// character takes, 0 when it takes none (the position is blank then) or lies outside.
func (g *grid) put(x, y int, str string, style tcell.Style) (rest string, width int) {
	if x < 0 || y < 0 || x >= g.w || y >= g.h {
		return str, 0
	}
	glyph, rest, width := firstGlyph(str)
	switch {
	case width == 0:
		g.set(x, y, " ", 1, style)
	case width > 2: // two and three em dashes: no two terminals agree on these
		g.set(x, y, "\u2014", 1, style)
	default:
		g.set(x, y, glyph, uint8(width), style)
	}
	return rest, width
}

// set writes one character. Something visible put on the right half of a wide one splits it, and its left
// half turns blank. A blank or the same again does not: that is how tview prints a wide character, and
// how it colours the row under the cursor.
func (g *grid) set(x, y int, glyph string, width uint8, style tcell.Style) {
	i := y*g.w + x
	c := &g.cells[i]
	if x > 0 && g.cells[i-1].width == 2 && glyph != " " && glyph != c.str {
		g.cells[i-1].str, g.cells[i-1].width = " ", 1
	}
	if width == 2 && x+1 < g.w && g.cells[i+1].width == 2 {
		g.cells[i+1].str, g.cells[i+1].width = " ", 1
	}
	c.str, c.width, c.style = glyph, width, overlay(style, c.style)
}

func (g *grid) get(x, y int) (string, tcell.Style, int) {
	if x < 0 || y < 0 || x >= g.w || y >= g.h {
		return "", tcell.StyleDefault, 0
	}
	c := &g.cells[y*g.w+x]
	return c.str, c.style, int(c.width)
}

// overlay is style with the colours it leaves open (ColorNone) taken from below.
func overlay(style, below tcell.Style) tcell.Style {
	fg, bg, _ := style.Decompose()
	if fg != tcell.ColorNone && bg != tcell.ColorNone {
		return style
	}
	belowFg, belowBg, _ := below.Decompose()
	if fg == tcell.ColorNone {
		style = style.Foreground(belowFg)
	}
	if bg == tcell.ColorNone {
		style = style.Background(belowBg)
	}
	return style
}

// printable holds every printable ASCII character, so that writing one allocates nothing.
const printable = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// firstGlyph is the first character of str that takes room, what follows it, and its columns. Control
// and format characters before it are dropped: here is the last place to stop an escape sequence.
func firstGlyph(str string) (glyph, rest string, width int) {
	if len(str) > 0 && str[0] >= ' ' && str[0] <= '~' && (len(str) == 1 || str[1] < utf8.RuneSelf) {
		return printable[str[0]-' ' : str[0]-' '+1], str[1:], 1
	}
	rest = str
	for state := -1; width == 0 && rest != ""; {
		glyph, rest, width, state = uniseg.FirstGraphemeClusterInString(rest, state)
	}
	switch {
	case width == 0:
		return " ", rest, 0
	case !utf8.ValidString(glyph):
		return "\uFFFD", rest, width
	case len(glyph) < len(str):
		glyph = strings.Clone(glyph) // or one letter keeps its whole line in memory
	}
	return glyph, rest, width
}

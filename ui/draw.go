package ui

// Plain text on the screen: no tags, exact widths.

import (
	"github.com/gdamore/tcell/v2"
	"github.com/rivo/uniseg"
)

// textWidth is how many cells s takes.
func textWidth(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return uniseg.StringWidth(s)
		}
	}
	return len(s)
}

// put draws s at x, y in at most width cells and says how many it took. What does not fit is cut, and the cut
// is marked by the rune cut.
func put(screen tcell.Screen, x, y, width int, s string, style tcell.Style, cut rune) int {
	if width <= 0 {
		return 0
	}
	if textWidth(s) <= width {
		return putCells(screen, x, y, width, s, style)
	}
	used := putCells(screen, x, y, width-1, s, style)
	screen.SetContent(x+used, y, cut, nil, style)
	return used + 1
}

// putRight draws s so that it ends at the right of width cells.
func putRight(screen tcell.Screen, x, y, width int, s string, style tcell.Style, cut rune) {
	gap := max(0, width-textWidth(s))
	put(screen, x+gap, y, width-gap, s, style, cut)
}

// putCells draws as many whole characters of s as fit.
func putCells(screen tcell.Screen, x, y, width int, s string, style tcell.Style) int {
	used, state := 0, -1
	for len(s) > 0 {
		if c := s[0]; c >= ' ' && c <= '~' && (len(s) == 1 || s[1] < 0x80) {
			if used == width {
				return used
			}
			screen.SetContent(x+used, y, rune(c), nil, style)
			used++
			s, state = s[1:], -1
			continue
		}
		var cluster string
		var w int
		cluster, s, w, state = uniseg.FirstGraphemeClusterInString(s, state)
		if used+w > width {
			return used
		}
		runes := []rune(cluster)
		if w > 0 {
			screen.SetContent(x+used, y, runes[0], runes[1:], style)
		}
		used += w
	}
	return used
}

// fill paints width cells of blank.
func fill(screen tcell.Screen, x, y, width int, style tcell.Style) {
	for i := range max(0, width) {
		screen.SetContent(x+i, y, ' ', nil, style)
	}
}

// span is a piece of a line in one style.
type span struct {
	text  string
	style tcell.Style
}

// line is a line of spans; a screen of text is a slice of them.
type line []span

// lineWidth is how many cells a line takes.
func lineWidth(l line) int {
	w := 0
	for _, sp := range l {
		w += textWidth(sp.text)
	}
	return w
}

// putLine draws a line from its cell skip on, in at most width cells.
func putLine(screen tcell.Screen, x, y, width, skip int, l line, cut rune) {
	for _, sp := range l {
		if width <= 0 {
			return
		}
		text := sp.text
		if skip > 0 {
			w := textWidth(text)
			if w <= skip {
				skip -= w
				continue
			}
			text = skipCells(text, skip)
			skip = 0
		}
		used := put(screen, x, y, width, text, sp.style, cut)
		x, width = x+used, width-used
	}
}

// skipCells leaves out the first n cells of s; a wide character that is cut in half leaves a blank.
func skipCells(s string, n int) string {
	state := -1
	for n > 0 && len(s) > 0 {
		var w int
		_, s, w, state = uniseg.FirstGraphemeClusterInString(s, state)
		n -= w
	}
	if n < 0 {
		return " " + s
	}
	return s
}

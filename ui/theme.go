package ui

// Themes: which style says what. 16 ANSI colours only; foreground and background are the terminal's own.

import "github.com/gdamore/tcell/v2"

// theme is a style for each thing that is told apart. Nothing is told by colour alone: new, changed and closed
// rows carry + ~ - too, and the cursor is reversed in every theme.
type theme struct {
	text, dim, title, head      tcell.Style
	cursor, marked              tcell.Style
	fresh, changed, closed      tcell.Style
	warning, key, border, field tcell.Style
	ascii                       bool
}

// newTheme makes the theme of that name, one of keymap.Themes.
func newTheme(name string, ascii bool) theme {
	base := tcell.StyleDefault
	t := theme{
		text: base, dim: base.Dim(true), title: base.Bold(true), head: base.Bold(true).Underline(true),
		cursor: base.Reverse(true), marked: base.Bold(true), fresh: base, changed: base, closed: base,
		warning: base.Bold(true), key: base.Bold(true), border: base, field: base.Underline(true), ascii: ascii,
	}
	switch name {
	case "none":
	case "light":
		t.dim = base
		t.marked = base.Foreground(tcell.ColorNavy).Bold(true)
		t.fresh = base.Foreground(tcell.ColorGreen)
		t.changed = base.Foreground(tcell.ColorPurple)
		t.closed = base.Foreground(tcell.ColorMaroon)
		t.warning = base.Foreground(tcell.ColorMaroon).Bold(true)
		t.key = base.Foreground(tcell.ColorNavy).Bold(true)
		t.title = base.Foreground(tcell.ColorNavy).Bold(true)
	case "high-contrast":
		t.dim = base
		t.marked = base.Foreground(tcell.ColorAqua).Bold(true)
		t.fresh = base.Foreground(tcell.ColorBlack).Background(tcell.ColorLime)
		t.changed = base.Foreground(tcell.ColorBlack).Background(tcell.ColorYellow)
		t.closed = base.Foreground(tcell.ColorWhite).Background(tcell.ColorMaroon).Bold(true)
		t.warning = base.Foreground(tcell.ColorYellow).Bold(true)
	default:
		t.marked = base.Foreground(tcell.ColorTeal).Bold(true)
		t.fresh = base.Foreground(tcell.ColorGreen)
		t.changed = base.Foreground(tcell.ColorOlive)
		t.closed = base.Foreground(tcell.ColorMaroon)
		t.warning = base.Foreground(tcell.ColorOlive).Bold(true)
		t.key = base.Foreground(tcell.ColorTeal)
		t.title = base.Foreground(tcell.ColorTeal).Bold(true)
	}
	return t
}

// cut is the sign for text that did not fit.
func (t *theme) cut() rune {
	if t.ascii {
		return '~'
	}
	return '…'
}

// box are the runes of a frame: horizontal, vertical, and the corners from the top left, clockwise.
func (t *theme) box() [6]rune {
	if t.ascii {
		return [6]rune{'-', '|', '+', '+', '+', '+'}
	}
	return [6]rune{'─', '│', '┌', '┐', '┘', '└'}
}

// bars are the steps of a small plot, from nothing to full.
func (t *theme) bars() []rune {
	if t.ascii {
		return []rune(" .:-=+*#")
	}
	return []rune(" ▁▂▃▄▅▆▇█")
}

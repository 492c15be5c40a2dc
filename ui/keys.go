package ui

// From a key to what it does: events become keys, the table of bindings says which action, actions.go does it.

import (
	"fmt"

	"github.com/gdamore/tcell/v2"

	"sockview/keymap"
)

var namedKeys = map[tcell.Key]keymap.Key{
	tcell.KeyEnter: keymap.Enter, tcell.KeyEscape: keymap.Esc, tcell.KeyTab: keymap.Tab,
	tcell.KeyBacktab: keymap.ShiftTab, tcell.KeyUp: keymap.Up, tcell.KeyDown: keymap.Down,
	tcell.KeyLeft: keymap.Left, tcell.KeyRight: keymap.Right, tcell.KeyPgUp: keymap.PgUp,
	tcell.KeyPgDn: keymap.PgDn, tcell.KeyHome: keymap.Home, tcell.KeyEnd: keymap.End,
	tcell.KeyInsert: keymap.Insert, tcell.KeyDelete: keymap.Delete, tcell.KeyBackspace: keymap.Backspace,
	tcell.KeyBackspace2: keymap.Backspace,
}

// keyOf is the key of an event, "" for one that has no name.
func keyOf(ev *tcell.EventKey) keymap.Key {
	if k, ok := namedKeys[ev.Key()]; ok {
		return k
	}
	switch {
	case ev.Modifiers()&tcell.ModAlt != 0:
		return "" // Esc followed fast by a letter: neither was meant
	case ev.Key() == tcell.KeyRune:
		return keymap.Char(ev.Rune())
	case ev.Key() >= tcell.KeyF1 && ev.Key() <= tcell.KeyF12:
		return keymap.F(int(ev.Key()-tcell.KeyF1) + 1)
	case ev.Key() >= tcell.KeyCtrlA && ev.Key() <= tcell.KeyCtrlZ:
		return keymap.Ctrl(rune('A' + ev.Key() - tcell.KeyCtrlA))
	}
	return ""
}

// context is where keys are pressed now.
func (a *App) context() keymap.Context {
	if n := len(a.overlays); n > 0 {
		return a.overlays[n-1].context()
	}
	return keymap.Sockets
}

// onKey gets every key first. What means nothing goes on to the line that is being typed.
func (a *App) onKey(ev *tcell.EventKey) *tcell.EventKey {
	ctx, k := a.context(), keyOf(ev)
	a.message = ""
	action, ok := a.keys.Action(ctx, k)
	if !ok {
		if ctx.Typing() {
			return ev
		}
		return nil
	}
	a.do(action)
	return nil
}

// do does what a key asks for: the overlay on top first, then the screen.
func (a *App) do(action keymap.Action) {
	if n := len(a.overlays); n > 0 && a.overlays[n-1].act(action) {
		return
	}
	if f, ok := handlers[action]; ok {
		f(a)
		return
	}
	a.warn(fmt.Sprintf("%s does nothing here", action))
}

// open puts an overlay on top.
func (a *App) push(o overlay) {
	a.overlays = append(a.overlays, o)
	a.pages.AddPage(fmt.Sprintf("over%d", len(a.overlays)), o, true, true)
	a.tv.SetFocus(o)
}

// pop takes the top overlay away.
func (a *App) pop() {
	n := len(a.overlays)
	if n == 0 {
		return
	}
	a.pages.RemovePage(fmt.Sprintf("over%d", n))
	a.overlays = a.overlays[:n-1]
	if n > 1 {
		a.tv.SetFocus(a.overlays[n-2])
	} else {
		a.tv.SetFocus(a.table)
	}
}

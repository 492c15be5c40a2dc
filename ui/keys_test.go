package ui

// Every key of the table is pressed wherever it works, and the screen is made any size meanwhile.

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"sockview/keymap"
)

// place is somewhere keys are pressed: a context, and how to get there from the sockets.
type place struct {
	name    string
	context keymap.Context
	keys    []keymap.Key
}

func places() []place {
	return []place{
		{"sockets", keymap.Sockets, nil},
		{"processes", keymap.Sockets, []keymap.Key{"2"}},
		{"hosts", keymap.Sockets, []keymap.Key{"3"}},
		{"count", keymap.Sockets, []keymap.Key{"4"}},
		{"marked", keymap.Sockets, []keymap.Key{"j", "m", "m"}},
		{"details", keymap.Details, []keymap.Key{keymap.Enter}},
		{"help", keymap.HelpScreen, []keymap.Key{"?"}},
		{"help over details", keymap.HelpScreen, []keymap.Key{keymap.Enter, "?"}},
		{"column picker", keymap.Picker, []keymap.Key{"C"}},
		{"sort picker", keymap.Picker, []keymap.Key{"s"}},
		{"count picker", keymap.Picker, []keymap.Key{"#"}},
		{"holder picker", keymap.Picker, []keymap.Key{"j", "K"}},
		{"kill dialog", keymap.Dialog, []keymap.Key{"K"}},
		{"close dialog", keymap.Dialog, []keymap.Key{"x"}},
		{"kill dialog over details", keymap.Dialog, []keymap.Key{keymap.Enter, "K"}},
		{"filter line", keymap.FilterLine, []keymap.Key{"/"}},
		{"file name", keymap.Prompt, []keymap.Key{"e"}},
		{"confirmation", keymap.Prompt, []keymap.Key{"j", "x", "y"}},
	}
}

// at starts the App on the server and goes to a place.
func (p place) at(t *testing.T, width, height int, change func(*Config)) *harness {
	t.Helper()
	a := &actor{}
	h, w := served(t, width, height, func(c *Config) {
		c.Actor = a.ui()
		c.SaveColumns = func(string, []string) error { return nil }
		if change != nil {
			change(c)
		}
	})
	if p.context == keymap.Details {
		w.focused(h)
	}
	h.quietly(p.keys...)
	if p.context == keymap.Details {
		h.feed(w.snapshot(time.Second))
	}
	h.do(func() {
		if got := h.app.context(); got != p.context {
			t.Errorf("the place is %s, want %s", got, p.context)
		}
	})
	return h
}

// bindings are all that have keys in a context.
func bindings(ctx keymap.Context) []keymap.Binding {
	var all []keymap.Binding
	for _, section := range keymap.Default().Help(ctx) {
		all = append(all, section.Bindings...)
	}
	return all
}

func TestEveryContextIsAPlace(t *testing.T) {
	for _, ctx := range keymap.Contexts() {
		found := slices.ContainsFunc(places(), func(p place) bool { return p.context == ctx })
		if !found && ctx != keymap.Table { // part of the others: every screen says it is Sockets
			t.Errorf("no place to press the keys of %s", ctx)
		}
	}
}

// TestEveryKey presses each key in each place: none panics, none does nothing, and the screen still answers.
func TestEveryKey(t *testing.T) {
	ends := []keymap.Action{keymap.Quit, keymap.Interrupt}
	for _, size := range []struct{ width, height int }{{80, 24}, {20, 5}} {
		for _, p := range places() {
			t.Run(fmt.Sprintf("%s at %dx%d", p.name, size.width, size.height), func(t *testing.T) {
				for _, b := range bindings(p.context) {
					keys := b.Keys
					if size.width < 80 || p.name != "sockets" {
						keys = keys[:1] // the others mean the same
					}
					for _, k := range keys {
						suspended := false
						h := p.at(t, size.width, size.height, func(c *Config) { c.Suspend = func(Suspender) { suspended = true } })
						inDetails := p.context == keymap.Details && b.Action == keymap.Quit // it leaves them
						if slices.Contains(ends, b.Action) && !inDetails {
							h.tell(func() { h.event(eventOf(t, k)) })
							select {
							case <-h.ended:
							case <-time.After(10 * time.Second):
								t.Errorf("%s (%s) does not end it", k, b.Action)
							}
							continue
						}
						before := h.underneath()
						h.press(k)
						h.look(func() {
							if strings.Contains(h.app.message, "does nothing") {
								t.Errorf("%s (%s): %s", k, b.Action, h.app.message)
							}
						})
						if after := h.underneath(); isOverlay(p.context) && len(h.app.overlays) > 0 && before != after {
							t.Errorf("%s (%s) reached what lies below:\n%s\n%s", k, b.Action, before, after)
						}
						if b.Action == keymap.Suspend && !suspended {
							t.Errorf("%s does not suspend", k)
						}
						h.quietly(keymap.Esc, keymap.Esc, keymap.Esc)
						h.press("j")
						if len(h.app.overlays) != 0 || !strings.Contains(h.text(), "sockview") {
							t.Errorf("after %s (%s) and Esc something still lies over the table:\n%s", k, b.Action, h.text())
						}
					}
				}
			})
		}
	}
}

func isOverlay(c keymap.Context) bool {
	return c == keymap.HelpScreen || c == keymap.Picker || c == keymap.Dialog
}

// underneath is how the screen below the overlays stands, the column picker's and sorts' own work left out.
func (h *harness) underneath() (s string) {
	h.look(func() {
		st := h.app.state
		s = fmt.Sprintf("%s %s cursor %d top %d left %d filter %q choice %v paused %v names %v marks %d",
			st.def.name, st.by, st.cursorAt, st.top, st.left, st.filterText, h.app.choice, h.app.paused,
			h.app.format == h.app.named, len(st.marks))
	})
	return s
}

// TestEveryActionIsHandled: an action with keys has a handler, or an overlay of its context takes it.
func TestEveryActionIsHandled(t *testing.T) {
	taken := []keymap.Action{
		keymap.Yes, keymap.No, keymap.DialogAccept, keymap.DialogNext, keymap.DialogPrevious, keymap.Choose,
		keymap.Toggle, keymap.FilterAccept, keymap.FilterClear, keymap.PromptAccept, keymap.PromptCancel,
	}
	for _, b := range bindings("") {
		_, handled := handlers[b.Action]
		if handled == slices.Contains(taken, b.Action) {
			t.Errorf("%s: handled %v, taken by an overlay %v", b.Action, handled, !handled)
		}
	}
	for action := range handlers {
		if len(keymap.Default().Keys(action)) == 0 {
			t.Errorf("%s has a handler and no key", action)
		}
	}
}

// TestAnyOtherKey presses what is bound to nothing.
func TestAnyOtherKey(t *testing.T) {
	h, _ := served(t, 80, 24, nil)
	before := h.underneath()
	for _, ev := range []*tcell.EventKey{
		tcell.NewEventKey(tcell.KeyRune, 'ß', tcell.ModNone), tcell.NewEventKey(tcell.KeyRune, 'k', tcell.ModAlt),
		tcell.NewEventKey(tcell.KeyF20, 0, tcell.ModNone), tcell.NewEventKey(tcell.KeyCtrlSpace, 0, tcell.ModCtrl),
		tcell.NewEventKey(tcell.KeyRune, 'z', tcell.ModNone), tcell.NewEventKey(tcell.KeyPrint, 0, tcell.ModNone),
	} {
		h.do(func() { h.event(ev) })
	}
	if after := h.underneath(); after != before {
		t.Errorf("a key without meaning did something:\n%s\n%s", before, after)
	}
}

// TestFault31Resize makes the screen many sizes while random keys are pressed and snapshots come.
func TestFault31Resize(t *testing.T) {
	sizes := [][2]int{{0, 0}, {1, 1}, {1, 24}, {80, 1}, {2, 2}, {3, 3}, {7, 2}, {8, 3}, {20, 5}, {19, 4}, {40, 10},
		{80, 24}, {120, 30}, {80, 2}, {0, 24}, {80, 0}, {81, 25}, {500, 200}}
	all := bindings("")
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 31))
			a := &actor{}
			h, w := served(t, 80, 24, func(c *Config) {
				c.Actor = a.ui()
				c.Start.ASCII = seed%2 == 1
			})
			w.focused(h)
			dir := t.TempDir()
			for step := range 150 {
				size := sizes[random.IntN(len(sizes)-1)]
				if step%30 == 29 {
					size = sizes[len(sizes)-1]
				}
				h.do(func() { h.screen.SetSize(size[0], size[1]) })
				b := all[random.IntN(len(all))]
				key := b.Keys[random.IntN(len(b.Keys))]
				if slices.Contains([]keymap.Key{"q", "F10", "Ctrl-C"}, key) {
					continue // it would end
				}
				prompt := false
				h.do(func() { prompt = h.app.context() == keymap.Prompt && h.app.input.GetText() == "" })
				if prompt { // nothing is written anywhere else
					h.type_(filepath.Join(dir, "x.csv"))
				}
				h.last = key
				h.do(func() { h.event(eventOf(t, h.last)) })
				if random.IntN(8) == 0 {
					h.do(func() { h.event(tcell.NewEventKey(tcell.KeyRune, rune('À'+random.IntN(9000)), tcell.ModNone)) })
				}
				if random.IntN(10) == 0 {
					w.to(51522).Sent += 1000
					w.now++ // rows that changed keep changing
					s := w.snapshot(time.Second)
					h.seq++
					s.Seq = h.seq
					h.source.put(s)
				}
			}
			h.do(func() { h.screen.SetSize(80, 24) })
			h.do(func() { h.app.paused = false; h.app.ask() })
			h.settle()
			h.press(keymap.Esc, keymap.Esc, keymap.Esc, keymap.Esc, keymap.Esc, keymap.Esc, keymap.Esc, "1")
			if !strings.Contains(h.line(0), "sockview") {
				t.Errorf("the screen is not itself again:\n%s", h.text())
			}
			if held, most, _ := h.source.counts(); held > 1 || most > 2 {
				t.Errorf("%d snapshots are held, %d were at a time", held, most)
			}
		})
	}
}

// TestResizeRedraws: a larger window shows more, a smaller one less, and the cursor stays in sight.
func TestResizeRedraws(t *testing.T) {
	h, _ := served(t, 80, 24, nil)
	h.press("G")
	for _, size := range [][2]int{{120, 40}, {80, 10}, {40, 6}, {20, 5}, {80, 24}} {
		h.do(func() { h.screen.SetSize(size[0], size[1]) })
		h.do(func() { h.app.tv.Sync() })
		h.do(func() {})
		reversed := 0
		for _, row := range h.grid() {
			if _, _, attrs := row[len(row)-1].Style.Decompose(); attrs&tcell.AttrReverse != 0 {
				reversed++
			}
		}
		if reversed != 1 {
			t.Errorf("at %v %d rows are under the cursor:\n%s", size, reversed, h.text())
		}
	}
}

func TestMouse(t *testing.T) {
	h, _ := served(t, 80, 24, func(c *Config) { c.Start.Mouse = true })
	click := func(x, y int, action string) {
		h.do(func() {
			ev := tcell.NewEventMouse(x, y, tcell.Button1, tcell.ModNone)
			handler := h.app.table.MouseHandler()
			switch action {
			case "click":
				handler(tview.MouseLeftClick, ev, nil)
			case "double":
				handler(tview.MouseLeftClick, ev, nil)
				handler(tview.MouseLeftDoubleClick, ev, nil)
			case "down":
				handler(tview.MouseScrollDown, ev, nil)
			}
		})
		h.settle()
	}
	click(16, 1, "click")
	if id := h.app.state.specs[h.app.state.sorting.Column].ID; id != "pid" {
		t.Errorf("a click on PID sorts by %s", id)
	}
	click(16, 1, "click")
	if !h.app.state.sorting.Desc {
		t.Error("a second click does not turn the order round")
	}
	click(5, 6, "click")
	if h.app.state.cursorAt != 4 {
		t.Errorf("a click on the fifth row puts the cursor on row %d", h.app.state.cursorAt)
	}
	click(5, 23, "down")
	click(5, 8, "down")
	if h.app.state.cursorAt <= 4 {
		t.Error("the wheel does not move the cursor")
	}
	click(5, 6, "double")
	if h.app.details() == nil {
		t.Error("a double click opens nothing")
	}
}

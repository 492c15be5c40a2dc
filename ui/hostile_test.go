package ui

// Foreign text on the screen: whatever a process, a user, an interface or a name server calls itself, the cells
// hold no control character, widths are right, and brackets are brackets.

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"
	"github.com/rivo/uniseg"

	"sockview/keymap"
	"sockview/model"
)

// hostile are names that want more than to be read.
var hostile = []string{
	"[red]owned[-]", "[:::https://evil.example]link", `["region"]x[""]`, "[::]:22", "[",
	"\x1b[31mred", "\x1b]52;c;ZXZpbA==\x07", "\x9b2J", "a\nb\tc\rd", "\x00\x7f\b",
	"\u202egnp.exe", "a\u200bb\u2066c", "e\u0301\u0302\u0303\u0304\u0305", "\xff\xfe", "日本語のプロセス名", "👩‍👩‍👧‍👦 family", "🇩🇪",
	"한글", "\u1100\u1161", "\ufe0f\ufe0e", "ﷺ", "\u2028line", "=cmd|' /C calc'!A0", "\U000e0041tag",
}

// hostileNames says the same of hosts and services.
type hostileNames struct{ changed chan struct{} }

func (n hostileNames) Known(a model.Addr) (model.Text, bool) {
	return model.SafeText(hostile[int(a[15])%len(hostile)]), true
}

func (hostileNames) Await(context.Context, []model.Addr) {}

func (n hostileNames) Host(a model.Addr) (model.Text, bool) {
	return model.SafeText(hostile[int(a[15])%len(hostile)]), true
}
func (n hostileNames) Network(model.Addr) model.Text { return model.Text{} }

func (n hostileNames) Service(_ model.Proto, port uint16) model.Text {
	return model.SafeText(hostile[int(port)%len(hostile)])
}
func (n hostileNames) ServicePort(name string) (uint16, bool) { return 443, name == "https" }
func (n hostileNames) Changed() <-chan struct{}               { return n.changed }

func hostileWorld() *world {
	w := newWorld()
	text := func(i int) model.Text { return model.SafeText(hostile[i%len(hostile)]) }
	for i := range hostile {
		pid := int32(100 + i)
		p := w.process(pid, hostile[i], uint32(5000+i))
		p.Cmdline, p.Exe, p.Unit, p.Container = text(i+1), text(i+2), text(i+3), text(i+4)
		s := w.socket("tcp", "10.0.0.5:443", "203.0.113.9:40000", model.Established, pid)
		s.Remote[15], s.RemotePort = byte(i), uint16(40000+i)
		s.UID, s.Interface, s.Cong, s.Has = uint32(5000+i), uint32(100+i), uint8(i), s.Has|model.HasCong
	}
	w.holds = append(w.holds, model.Hold{Inode: w.sockets[0].Inode, ProcessID: model.ProcessID{PID: 101, Start: 1010}})
	return w
}

// dressHostile gives a snapshot hostile users, interfaces, algorithms, sources and a detail.
func dressHostile(h *harness) func(*model.Snapshot) {
	return func(s *model.Snapshot) {
		s.Users, s.Interfaces, s.Congestion = map[uint32]model.Text{}, map[model.LinkID]model.Text{}, nil
		for i, raw := range hostile {
			s.Users[uint32(5000+i)] = model.SafeText(raw)
			s.Interfaces[model.LinkID{Index: uint32(100 + i)}] = model.SafeText(raw)
			s.Congestion = append(s.Congestion, model.SafeText(raw))
		}
		s.Sources = []model.Source{{Name: "TCP IPv4", Err: errors.New("no \x1b[5m[blink]answer\u202e"), Age: 1e9}}
		key := h.source.wanted().Focus
		for i := range s.Sockets {
			r := &s.Sockets[i]
			if model.SocketKey(s, r) != key {
				continue
			}
			s.Detail = detailOf(s, r)
			for j := range s.Detail.Holders {
				p := &s.Detail.Holders[j]
				p.User, p.Cwd = model.SafeText("\x1b[1mu[red]"), model.SafeText("/tmp/\n[blue]")
				p.Parents = []model.Process{{PID: 7, Name: model.SafeText("\x1b[2J[green]")}}
			}
			if i%2 == 1 {
				s.Detail.Err = errors.New("gone \x1b[0m[white]")
			}
		}
	}
}

// clean checks every cell of the screen.
func (h *harness) clean(where string) {
	h.t.Helper()
	for y, row := range h.grid() {
		for x := 0; x < len(row); x++ {
			c := row[x]
			text := string(c.Runes)
			for _, r := range c.Runes {
				if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
					h.t.Fatalf("%s: the cell %d,%d holds %q", where, x, y, text)
				}
			}
			w := uniseg.StringWidth(text)
			if w < 1 || w > 2 || uniseg.GraphemeClusterCount(text) != 1 || len(c.Runes) > 3 {
				h.t.Fatalf("%s: the cell %d,%d holds %q of width %d", where, x, y, text, w)
			}
			x += w - 1
		}
	}
}

func TestFault01HostileText(t *testing.T) {
	for _, size := range [][2]int{{200, 40}, {80, 24}, {20, 5}} {
		a := &actor{guards: map[int32]model.Protection{}}
		for pid := int32(100); pid < 140; pid++ {
			a.guards[pid] = model.Protection{Guard: model.AskTyped, Reason: model.SafeText(hostile[int(pid)%len(hostile)]).String() + " is your shell"}
		}
		names := hostileNames{make(chan struct{}, 1)}
		h := start(t, size[0], size[1], func(c *Config) {
			c.Actor, c.Names, c.Host = a.ui(), names, model.SafeText("\x1b]0;title\x07[red]host")
		})
		w := hostileWorld()
		w.dress = dressHostile(h)
		h.feed(w.snapshot(0))
		h.clean("sockets")
		h.do(func() {
			st := h.app.state
			st.shown = nil
			for i := range st.specs {
				st.shown = append(st.shown, i)
			}
			h.app.table.remeasure()
			h.app.ask()
		})
		for range 36 {
			h.press(keymap.Right)
			h.clean("scrolled")
		}
		h.press("n")
		h.clean("names")
		for _, k := range []keymap.Key{"2", "3", "4", "1"} {
			h.press(k)
			h.clean("screen " + string(k))
		}
		dialogs := len(hostile)
		if size[0] != 80 {
			dialogs = 4
		}
		for range dialogs {
			h.press(keymap.Enter)
			h.feed(w.snapshot(time.Second))
			h.clean("details")
			h.press("PgDn")
			h.clean("details")
			h.press("PgDn", "PgDn", "PgDn")
			h.clean("details")
			h.press(keymap.Esc)
			h.press("K")
			h.clean("kill")
			h.press(keymap.Enter) // the holder, or no
			h.clean("kill")
			h.press(keymap.Esc)
			h.press("K", "y")
			h.clean("kill, typed")
			h.press(keymap.Esc, keymap.Esc)
			h.press("x")
			h.clean("close")
			h.press(keymap.Esc, "j")
		}
		h.press("g", "m", "m", "m", "K")
		h.clean("several")
		h.press(keymap.Esc, "M")
		for _, by := range []string{"process", "user", "iface", "cong", "cmdline", "unit", "container", "rport"} {
			h.do(func() { h.app.enter("count", by) }) //nolint:errcheck // a column there is
			h.settle()
			h.clean("count by " + by)
			h.press("g", keymap.Enter)
			h.clean("the sockets of a group")
			h.press(keymap.Esc)
		}
	}
}

// TestFault02BracketsAreLiteral: tview's tags and regions mean nothing here.
func TestFault02BracketsAreLiteral(t *testing.T) {
	a := &actor{guards: map[int32]model.Protection{100: {Guard: model.AskTyped, Reason: "[red]owned[-] is your shell [::]:22"}}}
	h := start(t, 160, 40, func(c *Config) { c.Actor, c.Host = a.ui(), model.SafeText("[yellow]host[-]") })
	w := newWorld()
	p := w.process(100, "[red]owned[-]", 0)
	p.Cmdline = model.SafeText(`["x"]run[""] [::]:22 [:::https://evil.example]`)
	w.socket("tcp6", "[::]:22", "[::]:0", model.Listen, 100)
	h.feed(w.snapshot(0))
	want := func(where string, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if !strings.Contains(h.text(), text) {
				t.Errorf("%s: no %s on the screen:\n%s", where, text, h.text())
			}
		}
	}
	want("sockets", "[red]owned[-]", "[yellow]host[-]")
	h.press(keymap.Enter)
	want("details", "tcp6 [::]:22 - [::]:* LISTEN", `["x"]run[""] [::]:22 [:::https://evil.example]`)
	h.press(keymap.Esc, "x")
	want("close", "tcp6 [::]:22 - [::]:* LISTEN")
	h.press(keymap.Esc, "K")
	want("kill", "[red]owned[-]", `["x"]run[""] [::]:22 [:::https://evil.example]`, "[N]o", "[Y]es")
	h.press("y")
	want("typed", "[red]owned[-] is your shell [::]:22. To send TERM type yes:")
	h.type_("[red]yes")
	want("typed", "[red]yes")
	h.press(keymap.Esc)
	h.press("/")
	h.type_("process:'[red]' [blue]x[")
	want("filter", "/process:'[red]' [blue]x[")
	h.press(keymap.Esc)
	h.press("/")
	h.type_("process:'[green]x'")
	h.press(keymap.Enter)
	want("filter kept", "/process:'[green]x'", "0 of 1: filter process:'[green]x'")
	h.press("a", "e")
	h.type_("/nonexistent/[red].csv")
	want("file name", "/nonexistent/[red].csv")
	h.press(keymap.Enter)
	want("saved", "/nonexistent/[red].csv")
	for y, row := range h.grid() {
		for x, c := range row {
			if fg, _, _ := c.Style.Decompose(); fg == tcell.ColorRed || fg == tcell.ColorBlue || fg == tcell.ColorGreen {
				t.Errorf("the cell %d,%d has a colour from a tag: %s", x, y, styleName(c.Style))
			}
		}
	}
}

// TestPastedText: what is pasted into a line cannot steer either.
func TestPastedText(t *testing.T) {
	h, _ := served(t, 80, 24, nil)
	before := h.underneath()
	paste := func(text string) {
		h.do(func() {
			if handler := h.app.tv.GetFocus().PasteHandler(); handler != nil {
				handler(text, func(p tview.Primitive) {})
			}
		})
		h.settle()
	}
	paste("K\ny\n")
	if after := h.underneath(); after != before || len(h.app.overlays) > 0 {
		t.Errorf("what was pasted over the table acted:\n%s\n%s", before, after)
	}
	h.press("/")
	for _, text := range hostile {
		paste(text)
		h.clean("pasted " + text)
	}
	h.press(keymap.Enter)
	h.clean("kept")
	h.press(keymap.Esc)
	h.press("/")
	paste("process:nginx\nstate:listen\n")
	if got := h.app.input.GetText(); got != "process:nginx state:listen" {
		t.Errorf("two lines were pasted as %q", got)
	}
	h.press(keymap.Esc)
	if h.app.context() != keymap.Sockets {
		t.Error("the line is still open")
	}
}

// TestWideTextIsAligned: the columns behind a name of wide characters stand where the others do.
func TestFault03WideTextIsAligned(t *testing.T) {
	h := start(t, 100, 40, nil)
	h.feed(hostileWorld().snapshot(0))
	column := func(cells []tcell.SimCell, want string) int {
		for x := range cells {
			s := ""
			for _, c := range cells[x:min(len(cells), x+len(want))] {
				s += string(c.Runes)
			}
			if s == want {
				return x
			}
		}
		return -1
	}
	grid := h.grid()
	for y := 2; y < 2+len(hostile); y++ {
		if at := column(grid[y], "ESTABLISHED"); at != column(grid[2], "ESTABLISHED") || at < 0 {
			t.Errorf("row %d is out of line: %q", y, textOf(grid[y:y+1]))
		}
	}
}

package term

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gdamore/tcell/v2"
	"github.com/google/go-cmp/cmp"
	"github.com/rivo/tview"
)

// recorder is a simulated terminal that counts what reaches it.
type recorder struct {
	tcell.SimulationScreen
	puts, shows, syncs, cursors, inits, finis int
	width, height                             int // instead of the simulation's, if set
}

func (r *recorder) Put(x, y int, str string, style tcell.Style) (string, int) {
	r.puts++
	return r.SimulationScreen.Put(x, y, str, style)
}
func (r *recorder) Show()               { r.shows++; r.SimulationScreen.Show() }
func (r *recorder) Sync()               { r.syncs++; r.SimulationScreen.Sync() }
func (r *recorder) ShowCursor(x, y int) { r.cursors++; r.SimulationScreen.ShowCursor(x, y) }
func (r *recorder) Init() error         { r.inits++; return r.SimulationScreen.Init() }
func (r *recorder) Fini()               { r.finis++; r.SimulationScreen.Fini() }
func (r *recorder) EventQ() chan tcell.Event {
	return r.SimulationScreen.(interface{ EventQ() chan tcell.Event }).EventQ()
}
func (r *recorder) Size() (int, int) {
	if r.width != 0 {
		return r.width, r.height
	}
	return r.SimulationScreen.Size()
}

func (r *recorder) forget() { r.puts, r.shows, r.syncs, r.cursors = 0, 0, 0, 0 }

func newRecorded(t testing.TB, w, h int) (*Diff, *recorder) {
	t.Helper()
	r := &recorder{SimulationScreen: tcell.NewSimulationScreen("UTF-8")}
	d := NewDiff(r)
	if err := d.Init(); err != nil {
		t.Fatal(err)
	}
	r.SetSize(w, h)
	d.Size() // notices
	return d, r
}

// picture is what a person sees: rows of characters, a wide one taking its two columns.
func picture(s tcell.Screen) []string {
	w, h := s.Size()
	rows := make([]string, h)
	for y := range h {
		var row strings.Builder
		for x := 0; x < w; {
			str, style, width := s.Get(x, y)
			if x+width > w {
				str, width = " ", 1
			}
			fg, bg, attrs := style.Decompose()
			fmt.Fprintf(&row, "%s", str)
			if style != tcell.StyleDefault {
				fmt.Fprintf(&row, "{%v %v %v}", fg, bg, attrs)
			}
			x += max(width, 1)
		}
		rows[y] = row.String()
	}
	return rows
}

// front is what the simulated terminal itself holds, after encoding.
func front(s tcell.SimulationScreen) []string {
	cells, w, h := s.GetContents()
	rows := make([]string, h)
	for y := range h {
		for x := 0; x < w; x++ {
			rows[y] += string(cells[y*w+x].Bytes)
			if _, _, width := s.Get(x, y); width > 1 {
				x += width - 1
			}
		}
	}
	return rows
}

func drawTable(s tcell.Screen, changed string) {
	table := tview.NewTable().SetBorders(true)
	for row := range 20 {
		for column := range 4 {
			table.SetCell(row, column, tview.NewTableCell(fmt.Sprintf("世界 %d/%d é", row, column)))
		}
	}
	table.SetCell(3, 2, tview.NewTableCell(changed))
	w, h := s.Size()
	table.SetRect(0, 0, w, h)
	s.Clear()
	table.Draw(s)
	s.Show()
}

func TestDiffForwardsOnlyChanges(t *testing.T) {
	d, r := newRecorded(t, 90, 30)
	drawTable(d, "figure 1")
	if r.puts != 90*30 || r.shows != 1 {
		t.Fatalf("first picture: %d cells, %d shows; want %d, 1", r.puts, r.shows, 90*30)
	}
	r.forget()
	for range 3 {
		drawTable(d, "figure 1")
	}
	if r.puts != 0 || r.shows != 0 || r.syncs != 0 || r.cursors != 0 {
		t.Fatalf("unchanged: %d cells, %d shows, %d syncs, %d cursor moves; want none", r.puts, r.shows, r.syncs, r.cursors)
	}
	drawTable(d, "figure 2")
	if r.puts != 1 || r.shows != 1 {
		t.Fatalf("one figure changed: %d cells, %d shows; want 1, 1", r.puts, r.shows)
	}
	if got := strings.Join(front(r), "\n"); !strings.Contains(got, "figure 2") {
		t.Fatalf("the terminal shows\n%s", got)
	}
}

func TestDiffCursorStyleAndLock(t *testing.T) {
	tests := []struct {
		name                 string
		do                   func(d *Diff)
		shows, syncs, places int
	}{
		{"nothing", func(*Diff) {}, 0, 0, 0},
		{"cursor hidden, as it was", (*Diff).HideCursor, 0, 0, 0},
		{"cursor outside", func(d *Diff) { d.ShowCursor(10, 3) }, 0, 0, 0},
		{"cursor shown", func(d *Diff) { d.ShowCursor(3, 1) }, 1, 0, 1},
		{"same default style", func(d *Diff) { d.SetStyle(tcell.StyleDefault) }, 0, 1, 0},
		{"cursor's shape", func(d *Diff) { d.SetCursorStyle(tcell.CursorStyleSteadyBar) }, 1, 0, 0},
		{"cursor's shape, as it was", func(d *Diff) { d.SetCursorStyle(tcell.CursorStyleDefault) }, 0, 0, 0},
		{"a lock", func(d *Diff) { d.LockRegion(-5, -5, 1<<40, 1<<40, true) }, 1, 0, 0},
		{"cleared and drawn alike", func(d *Diff) { d.Clear(); d.PutStr(0, 0, "abc") }, 0, 0, 0},
		{"drawn outside", func(d *Diff) { d.PutStr(10, 0, "x"); d.PutStr(0, 3, "x"); d.PutStr(-1, 0, "x") }, 0, 0, 0},
		{"asked to sync", (*Diff).Sync, 0, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, r := newRecorded(t, 10, 3)
			d.PutStr(0, 0, "abc")
			d.Show()
			r.forget()
			tt.do(d)
			d.Show()
			r.puts = 0
			d.Show()
			if r.puts != 0 || r.shows != tt.shows || r.syncs != tt.syncs || r.cursors != tt.places {
				t.Errorf("%d cells, %d shows, %d syncs, %d cursor moves; want 0, %d, %d, %d",
					r.puts, r.shows, r.syncs, r.cursors, tt.shows, tt.syncs, tt.places)
			}
		})
	}
}

func TestDiffLockedCellsShowWhenUnlocked(t *testing.T) {
	d, r := newRecorded(t, 5, 1)
	d.PutStr(0, 0, "aaaaa")
	d.Show()
	d.LockRegion(1, 0, 2, 1, true)
	d.PutStr(0, 0, "bbbbb")
	d.Show()
	if got := front(r)[0]; got != "baabb" {
		t.Errorf("locked: %q", got)
	}
	d.LockRegion(1, 0, 2, 1, false)
	d.Show()
	if got := front(r)[0]; got != "bbbbb" {
		t.Errorf("unlocked: %q", got)
	}
}

func TestDiffCharacters(t *testing.T) {
	type put struct {
		x   int
		str string
	}
	tests := []struct {
		name string
		puts []put
		want string // of six columns
	}{
		{"wide", []put{{0, "世"}, {2, "x"}}, "世x   "},
		{"wide, as tview prints it", []put{{1, " "}, {0, "世"}}, "世    "},
		{"blank on the right half is colouring", []put{{1, " "}, {0, "世"}, {1, " "}}, "世    "},
		{"right half overwritten", []put{{0, "世"}, {1, "│"}}, " │    "},
		{"left half overwritten", []put{{0, "世"}, {0, "│"}}, "│     "},
		{"wide over the left half", []put{{1, "世"}, {0, "界"}}, "界    "},
		{"wide over the right half", []put{{0, "世"}, {1, "界"}}, " 界   "},
		{"wide over two narrow", []put{{0, "a"}, {1, "b"}, {0, "世"}, {0, "c"}}, "cb    "},
		{"wide in the last column", []put{{5, "世"}}, "      "},
		{"combining mark", []put{{0, "e\u0301"}, {1, "x"}}, "e\u0301x    "},
		{"mark alone", []put{{0, "a"}, {0, "\u0301"}}, "      "},
		{"emoji of several runes", []put{{0, "👩\u200d💻"}}, "👩\u200d💻    "},
		{"escape before a letter", []put{{0, "\x1bA"}}, "A     "},
		{"escape alone", []put{{0, "a"}, {0, "\x1b"}}, "      "},
		{"C1 control", []put{{0, "\u009b"}, {1, "\u009bB"}}, " B    "},
		{"not UTF-8", []put{{0, "\xff"}}, "\uFFFD     "},
		{"three em dash", []put{{0, "\u2e3b"}, {1, "x"}}, "\u2014x    "},
		{"no-break space stays", []put{{0, "\u00a0"}}, "\u00a0     "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, r := newRecorded(t, 6, 1)
			d.PutStr(0, 0, "zzzzzz")
			d.Show()
			d.Clear()
			for _, p := range tt.puts {
				d.Put(p.x, 0, p.str, tcell.StyleDefault)
				d.Show() // each step must be right, not only the last
			}
			if got := front(r)[0]; got != tt.want {
				t.Errorf("the terminal shows %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDiffASCII(t *testing.T) {
	d, r := newRecorded(t, 24, 1)
	d.ascii = true
	d.PutStr(0, 0, "┌─┐│═ é世→…▁█e\u0301\u00a0ok")
	d.Show()
	if got, want := strings.TrimRight(front(r)[0], " "), "+-+|= ?? >..#e ok"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDiffResize(t *testing.T) {
	d, r := newRecorded(t, 20, 4)
	d.ShowCursor(2, 2)
	for _, size := range [][2]int{{20, 4}, {31, 9}, {5, 2}, {0, 0}, {1, 1}, {40, 1}, {20, 4}} {
		r.SetSize(size[0], size[1])
		if w, h := d.Size(); w != size[0] || h != size[1] {
			t.Fatalf("size %dx%d, want %v", w, h, size)
		}
		d.Clear()
		for y := range size[1] {
			d.PutStr(0, y, strings.Repeat("世x", 20))
		}
		d.Show()
		direct := tcell.NewSimulationScreen("UTF-8")
		if err := direct.Init(); err != nil {
			t.Fatal(err)
		}
		direct.SetSize(size[0], size[1])
		for y := range size[1] {
			direct.PutStr(0, y, strings.Repeat("世x", 20))
		}
		direct.Show()
		if diff := cmp.Diff(picture(direct), picture(r)); diff != "" {
			t.Fatalf("%v: the screen differs (-direct +diff):\n%s", size, diff)
		}
		x, y, shown := r.GetCursor()
		if want := size[0] > 2 && size[1] > 2; shown != want || want && (x != 2 || y != 2) {
			t.Errorf("%v: cursor %d,%d shown %v", size, x, y, shown)
		}
	}
}

// A window may be resized between two draws, and shown before anything was drawn for the new size.
func TestDiffResizeWithinADraw(t *testing.T) {
	d, r := newRecorded(t, 4, 1)
	d.Clear()
	r.SetSize(6, 2)
	d.PutStr(0, 0, "abcdef")
	d.PutStr(0, 1, "ghijkl")
	d.Show()
	if diff := cmp.Diff([]string{"abcd  ", "      "}, front(r)); diff != "" {
		t.Fatal(diff)
	}
	d.Clear()
	d.PutStr(0, 1, "ghijkl")
	d.Show()
	if diff := cmp.Diff([]string{"      ", "ghijkl"}, front(r)); diff != "" {
		t.Fatal(diff)
	}
}

func TestDiffBoundsTheWindow(t *testing.T) {
	d, r := newRecorded(t, 10, 10)
	r.width, r.height = 2000, 2000
	if w, h := d.Size(); w != maxColumns || h != maxRows {
		t.Errorf("size %dx%d, want %dx%d", w, h, maxColumns, maxRows)
	}
	if got := len(d.next.cells); got != maxColumns*maxRows {
		t.Errorf("%d cells held", got)
	}
	r.width, r.height = -3, -4
	if w, h := d.Size(); w != 0 || h != 0 {
		t.Errorf("size %dx%d, want 0x0", w, h)
	}
	d.Show()
}

func TestDiffWhileGivenBack(t *testing.T) {
	d, r := newRecorded(t, 6, 1)
	d.PutStr(0, 0, "before")
	d.Show()
	if err := d.Suspend(); err != nil {
		t.Fatal(err)
	}
	if err := d.Suspend(); err == nil {
		t.Error("suspended twice")
	}
	r.forget()
	d.Clear()
	d.PutStr(0, 0, "half")
	d.Show()
	d.Sync()
	d.repaint()
	if r.puts+r.shows+r.syncs != 0 {
		t.Errorf("while suspended: %d cells, %d shows, %d syncs", r.puts, r.shows, r.syncs)
	}
	r.Clear() // tcell forgets its cells
	if err := d.Resume(); err != nil {
		t.Fatal(err)
	}
	if got := front(r)[0]; got != "before" {
		t.Errorf("on return %q, want what was last shown", got)
	}
	d.Show()
	if got := front(r)[0]; got != "half  " {
		t.Errorf("then %q", got)
	}
	d.Fini()
	d.Fini()
	d.PutStr(0, 0, "after")
	d.Show()
	d.Size()
	d.SetSize(3, 3)
	if r.finis != 1 {
		t.Errorf("wrapped screen finished %d times", r.finis)
	}
	if err := d.Init(); err == nil {
		t.Error("began again after the end")
	}
	if err := d.Resume(); err == nil {
		t.Error("resumed after the end")
	}
}

func TestDiffInitOnce(t *testing.T) {
	d, r := newRecorded(t, 33, 7)
	tview.NewApplication().SetScreen(d)
	if w, h := d.Size(); r.inits != 1 || w != 33 || h != 7 {
		t.Errorf("%d Inits, size %dx%d; want 1, 33x7", r.inits, w, h)
	}
}

// A full queue of events stops tcell's reader, and giving the terminal back waits for the reader.
func TestDiffDropsEventsWhileLeaving(t *testing.T) {
	d, r := newRecorded(t, 10, 10)
	posted := make(chan struct{})
	begun := make(chan struct{})
	go func() {
		defer close(posted)
		for i := range 1000 {
			r.InjectKey(tcell.KeyRune, 'x', tcell.ModNone) // waits while the queue is full
			if i == 5 {
				close(begun)
			}
		}
	}()
	<-begun
	stop := d.dropEvents()
	<-posted
	stop()
}

// What a Diff does not answer itself goes past it. A method that a new tcell adds has to be thought about.
func TestDiffAnswersEveryDrawingMethod(t *testing.T) {
	passed := strings.Fields(`Beep CanDisplay ChannelEvents CharacterSet Colors DisableFocus DisableMouse DisablePaste
		EnableFocus EnableMouse EnablePaste GetClipboard HasKey HasMouse HasPendingEvent PollEvent PostEvent
		PostEventWait RegisterRuneFallback Resize SetTitle Tty UnregisterRuneFallback`)
	own := strings.Fields(`Clear Fill Fini Get GetContent HideCursor Init LockRegion Put PutStr PutStrStyled Resume
		SetCell SetClipboard SetContent SetCursorStyle SetSize SetStyle Show ShowCursor Size Suspend Sync`)
	var all []string
	screen := reflect.TypeFor[tcell.Screen]()
	for i := range screen.NumMethod() {
		all = append(all, screen.Method(i).Name)
	}
	slices.Sort(all)
	known := append(passed, own...)
	slices.Sort(known)
	if diff := cmp.Diff(known, all); diff != "" {
		t.Errorf("methods of tcell.Screen (-known +now):\n%s", diff)
	}
	panics := func(name string) (yes bool) { // a method of a Diff over nothing at all panics if it is passed on
		defer func() { yes = recover() != nil }()
		m := reflect.ValueOf(&Diff{begun: true, clip: func([]byte) {}}).MethodByName(name)
		args := make([]reflect.Value, m.Type().NumIn())
		for i := range args {
			args[i] = reflect.Zero(m.Type().In(i))
		}
		if m.Type().IsVariadic() {
			m.CallSlice(args)
		} else {
			m.Call(args)
		}
		return false
	}
	for _, name := range strings.Fields("Get GetContent HideCursor Put PutStr PutStrStyled SetCell SetClipboard SetContent ShowCursor") {
		if panics(name) {
			t.Errorf("%s reaches the wrapped screen", name)
		}
	}
}

func TestDiffFromManyGoroutines(t *testing.T) {
	d, r := newRecorded(t, 40, 10)
	done := make(chan struct{})
	work := []func(i int){
		func(i int) { drawTable(d, fmt.Sprint(i)) },
		func(i int) { r.SetSize(20+i%30, 5+i%7) },
		func(i int) { d.repaint() },
		func(i int) { d.Get(i%40, 0); d.ShowCursor(i%40, 0) },
		func(i int) {
			if d.Suspend() == nil {
				if err := d.Resume(); err != nil {
					t.Error(err)
				}
			}
		},
	}
	for _, f := range work {
		go func() {
			for i := range 50 {
				f(i)
			}
			done <- struct{}{}
		}()
	}
	for range work {
		<-done
	}
	drawTable(d, "last")
	alone, fresh := newRecorded(t, 0, 0)
	fresh.SetSize(d.Size())
	drawTable(alone, "last")
	if diff := cmp.Diff(picture(fresh), picture(r)); diff != "" {
		t.Errorf("(-drawn alone +drawn by many):\n%s", diff)
	}
}

func BenchmarkDiffUnchangedTable(b *testing.B) {
	d, _ := newRecorded(b, 200, 50)
	drawTable(d, "x")
	b.ReportAllocs()
	for b.Loop() {
		drawTable(d, "x")
	}
}

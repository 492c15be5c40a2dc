package ui

// A simulated terminal fed by scripted snapshots: the whole screen in process, without a kernel and without a clock.

import (
	"fmt"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"sockview/keymap"
	"sockview/model"
)

// TestMain has times written the same everywhere: the screen shows local ones.
func TestMain(m *testing.M) {
	time.Local = time.UTC
	os.Exit(m.Run())
}

// scripted is a mailbox that a test fills by hand.
type scripted struct {
	mu     sync.Mutex
	slot   *model.Snapshot
	ready  chan struct{}
	demand model.Demand
	held   int // snapshots taken and not given back
	most   int // the most that were held at a time
	taken  int
}

func newScripted() *scripted { return &scripted{ready: make(chan struct{}, 1)} }

func (s *scripted) Ready() <-chan struct{} { return s.ready }

func (s *scripted) Take() *model.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.slot
	s.slot = nil
	if taken != nil {
		s.held++
		s.taken++
		s.most = max(s.most, s.held)
	}
	return taken
}

func (s *scripted) Release(*model.Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held--
}

func (s *scripted) Want(d model.Demand) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.demand = d
}

func (s *scripted) wanted() model.Demand {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.demand
}

// counts are how many snapshots are held now, were held at most, and were taken at all.
func (s *scripted) counts() (held, most, taken int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held, s.most, s.taken
}

func (s *scripted) put(snap *model.Snapshot) {
	s.mu.Lock()
	s.slot = snap
	s.mu.Unlock()
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// harness is a running App on a simulated terminal.
type harness struct {
	t      *testing.T
	app    *App
	screen tcell.SimulationScreen
	source *scripted
	seq    uint64
	ended  chan struct{} // closed when Run returned
	err    error         // what it returned, or its panic
	last   keymap.Key    // pressed last
}

// start runs the App at a size. change may alter what it is made of.
func start(t *testing.T, width, height int, change func(*Config)) *harness {
	t.Helper()
	screen := tcell.NewSimulationScreen("UTF-8")
	if err := screen.Init(); err != nil {
		t.Fatal(err)
	}
	h := &harness{t: t, screen: screen, source: newScripted(), ended: make(chan struct{})}
	cfg := Config{
		Snapshots: h.source, Screen: screen, Clipboard: true, Keys: keymap.Default(), Host: model.SafeText("web-1"),
		Start: Start{Interval: time.Second, Theme: "default"},
	}
	if change != nil {
		change(&cfg)
	}
	app, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h.app = app
	screen.SetSize(width, height) // tview initialised it anew
	go func() {
		defer close(h.ended)
		defer func() {
			if p := recover(); p != nil {
				h.err = fmt.Errorf("the screen panicked: %v\n%s", p, debug.Stack())
			}
		}()
		h.err = app.Run()
	}()
	t.Cleanup(func() {
		app.Stop()
		<-h.ended
		if h.err != nil {
			t.Error(h.err)
		}
	})
	return h
}

// do runs f in the drawing goroutine, draws, and waits for it.
func (h *harness) do(f func()) {
	h.t.Helper()
	h.queue(func() { h.app.tv.QueueUpdateDraw(f) })
}

// look runs f in the drawing goroutine and waits for it. What is drawn stays.
func (h *harness) look(f func()) {
	h.t.Helper()
	h.queue(func() { h.app.tv.QueueUpdate(f) })
}

func (h *harness) queue(f func()) {
	h.t.Helper()
	done := make(chan struct{})
	go func() { // nobody takes it when the screen has ended
		f()
		close(done)
	}()
	select {
	case <-done:
	case <-h.ended:
		h.t.Fatalf("the screen has ended after key %q: %v", h.last, h.err)
	}
}

// tell does f in the drawing goroutine, for a key that may end the screen.
func (h *harness) tell(f func()) {
	done := make(chan struct{})
	go func() {
		h.app.tv.QueueUpdate(f)
		close(done)
	}()
	select {
	case <-done:
	case <-h.ended:
	}
}

// await runs the drawing goroutine until cond holds there.
func (h *harness) await(what string, cond func() bool) {
	h.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for ok := false; !ok; {
		h.look(func() { ok = cond() })
		if !ok && time.Now().After(deadline) {
			h.t.Fatalf("waited in vain for %s; the screen:\n%s", what, h.text())
		}
	}
}

// settle waits until the screen shows the newest snapshot as the newest query wants it.
func (h *harness) settle() {
	h.t.Helper()
	h.await("the newest view", func() bool {
		v := h.app.table.view
		return v != nil && v.query.seq == h.app.seq && (h.app.paused || v.snapshot.Seq == h.seq)
	})
}

// feed publishes a snapshot and waits until it is shown.
func (h *harness) feed(s *model.Snapshot) {
	h.t.Helper()
	h.seq++
	s.Seq = h.seq
	h.source.put(s)
	h.settle()
}

// press presses keys, by the names of the key table.
func (h *harness) press(keys ...keymap.Key) {
	h.t.Helper()
	for _, k := range keys {
		h.last = k
		h.do(func() { h.event(eventOf(h.t, k)) })
		h.settle()
	}
}

// quietly presses keys on the way to somewhere: nothing needs to be drawn there.
func (h *harness) quietly(keys ...keymap.Key) {
	h.t.Helper()
	for _, k := range keys {
		h.last = k
		h.look(func() { h.event(eventOf(h.t, k)) })
		h.settle()
	}
}

// type_ types text.
func (h *harness) type_(text string) {
	h.t.Helper()
	for _, r := range text {
		h.do(func() { h.event(tcell.NewEventKey(tcell.KeyRune, r, tcell.ModNone)) })
	}
	h.settle()
}

// event goes the way tview sends a key: the App first, then whatever has the focus.
func (h *harness) event(ev *tcell.EventKey) {
	if ev = h.app.onKey(ev); ev == nil {
		return
	}
	if focus := h.app.tv.GetFocus(); focus != nil {
		if handler := focus.InputHandler(); handler != nil {
			handler(ev, nil)
		}
	}
}

// eventOf is the event that a key makes.
func eventOf(t *testing.T, k keymap.Key) *tcell.EventKey {
	t.Helper()
	for code, name := range namedKeys {
		if name == k && code != tcell.KeyBackspace {
			return tcell.NewEventKey(code, 0, tcell.ModNone)
		}
	}
	if k == keymap.Space {
		return tcell.NewEventKey(tcell.KeyRune, ' ', tcell.ModNone)
	}
	if letter, ok := strings.CutPrefix(string(k), "Ctrl-"); ok {
		return tcell.NewEventKey(tcell.KeyCtrlA+tcell.Key(letter[0]-'A'), 0, tcell.ModCtrl)
	}
	for n := 1; n <= 12; n++ {
		if keymap.F(n) == k {
			return tcell.NewEventKey(tcell.KeyF1+tcell.Key(n-1), 0, tcell.ModNone)
		}
	}
	r := []rune(string(k))
	if len(r) != 1 {
		t.Fatalf("no event for key %q", k)
	}
	return tcell.NewEventKey(tcell.KeyRune, r[0], tcell.ModNone)
}

// grid reads the cells of the screen. A wide character's second cell is empty.
func (h *harness) grid() (cells [][]tcell.SimCell) {
	h.look(func() {
		all, width, height := h.screen.GetContents()
		for y := range height {
			row := slices.Clone(all[y*width : (y+1)*width])
			for x := 0; x < width; x++ {
				if len(row[x].Runes) == 0 {
					row[x].Runes = []rune{' '}
				}
				if textWidth(string(row[x].Runes)) == 2 && x+1 < width {
					row[x+1] = tcell.SimCell{Style: row[x].Style}
					x++
				}
			}
			cells = append(cells, row)
		}
	})
	return cells
}

// text is what the screen shows, a line each, blanks at the end cut.
func (h *harness) text() string {
	h.t.Helper()
	return textOf(h.grid())
}

func textOf(grid [][]tcell.SimCell) string {
	var b strings.Builder
	for _, row := range grid {
		var l strings.Builder
		for _, c := range row {
			l.WriteString(string(c.Runes))
		}
		b.WriteString(strings.TrimRight(l.String(), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// line is one line of the screen; a negative one counts from the bottom.
func (h *harness) line(y int) string {
	lines := strings.Split(strings.TrimRight(h.text(), "\n"), "\n")
	_, height := h.screen.Size()
	for len(lines) < height {
		lines = append(lines, "")
	}
	if y < 0 {
		y += height
	}
	return lines[y]
}

// styleAt is the style of a cell.
func (h *harness) styleAt(x, y int) tcell.Style {
	return h.grid()[y][x].Style
}

// world is a small host to make snapshots of: it drives a real Tracker.
type world struct {
	tracker *model.Tracker
	now     int64
	made    int // sockets there ever were
	sockets []model.Socket
	procs   []model.Process
	holds   []model.Hold
	asked   []uint32              // the inodes the next owner scan looks for; nil is all
	failed  map[string]error      // sources that do not answer, by name
	spaces  []model.NetNS         // the network namespaces; none is our own alone
	look    func()                // what else the tracker is shown
	dress   func(*model.Snapshot) // what else a snapshot says
}

func newWorld() *world {
	w := &world{tracker: model.NewTracker()}
	w.sockets = make([]model.Socket, 0, 256) // pointers into them stay good
	w.procs = make([]model.Process, 0, 64)
	return w
}

func sourceName(p model.Proto, f model.Family) string {
	if p == model.UDP {
		return fmt.Sprintf("UDP IPv%d", f)
	}
	return fmt.Sprintf("TCP IPv%d", f)
}

// epoch is when the world began: any moment will do, as long as it is always the same.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// snapshot polls the world after d.
func (w *world) snapshot(d time.Duration) *model.Snapshot {
	w.now += int64(d)
	w.tracker.Begin(w.now, epoch.Add(time.Duration(w.now)))
	for i := range w.sockets {
		if r := &w.sockets[i]; w.failed[sourceName(r.Proto, r.Family)] == nil {
			w.tracker.See(r)
		}
	}
	if w.look != nil {
		w.look()
	}
	var outcomes []model.Outcome
	var sources []model.Source
	for _, p := range []model.Proto{model.TCP, model.UDP} {
		for _, f := range []model.Family{model.IPv4, model.IPv6} {
			err := w.failed[sourceName(p, f)]
			for slot := range max(1, len(w.spaces)) {
				outcomes = append(outcomes, model.Outcome{SourceID: model.SourceID{NetNS: uint16(slot), Proto: p, Family: f}, Whole: err == nil})
			}
			source := model.Source{Name: sourceName(p, f), Err: err}
			if err != nil {
				source.Age = int64(d)
			}
			sources = append(sources, source)
		}
	}
	w.tracker.Finish(outcomes, int64(time.Second))
	w.tracker.Missing(func(*model.Socket) model.Fate { return model.Gone })
	slices.SortStableFunc(w.holds, func(a, b model.Hold) int { return int(a.Inode) - int(b.Inode) })
	w.tracker.Own(&model.Owners{Processes: w.procs, Holds: w.holds, Asked: w.asked, Why: model.NoPermission})
	s := &model.Snapshot{
		Hold: int64(time.Second), Interval: time.Second, Took: time.Millisecond,
		NetNS: []model.NetNS{{Cookie: 1, Name: model.SafeText("own"), View: model.Entered}},
		Users: map[uint32]model.Text{
			0: model.SafeText("root"), 33: model.SafeText("www-data"), 101: model.SafeText("systemd-resolve"),
			110: model.SafeText("postgres"), 1000: model.SafeText("ann"),
		},
		Interfaces: map[model.LinkID]model.Text{{Index: 2}: model.SafeText("eth0")},
		Congestion: []model.Text{model.SafeText("cubic"), model.SafeText("bbr")},
		Sources:    sources,
	}
	if w.spaces != nil {
		s.NetNS = slices.Clone(w.spaces)
	}
	s.Access.Destroy = true
	w.tracker.Publish(s)
	if w.dress != nil {
		w.dress(s)
	}
	return s
}

// process adds a process.
func (w *world) process(pid int32, name string, uid uint32) *model.Process {
	w.procs = append(w.procs, model.Process{
		PID: pid, PPID: 1, Start: uint64(pid) * 10, UID: uid, Name: model.SafeText(name),
		Cmdline: model.SafeText("/usr/sbin/" + name), Started: epoch.Add(-time.Hour),
	})
	return &w.procs[len(w.procs)-1]
}

// hold has one more process hold a socket.
func (w *world) hold(s *model.Socket, pid int32) {
	w.holds = append(w.holds, model.Hold{Inode: s.Inode, ProcessID: model.ProcessID{PID: pid, Start: uint64(pid) * 10}})
}

// socket adds a socket "proto local remote state" that pid holds; 0 for nobody we may see.
func (w *world) socket(proto, local, remote string, state model.State, pid int32) *model.Socket {
	w.made++
	n := w.made
	s := model.Socket{Cookie: uint64(n), Proto: model.TCP, Family: model.IPv4, State: state, Inode: uint32(1000 + n)}
	if strings.HasPrefix(proto, "udp") {
		s.Proto = model.UDP
	}
	if strings.HasSuffix(proto, "6") {
		s.Family = model.IPv6
	}
	l, r := netip.MustParseAddrPort(local), netip.MustParseAddrPort(remote)
	s.Local, s.LocalPort = model.AddrFrom(l.Addr()), l.Port()
	s.Remote, s.RemotePort = model.AddrFrom(r.Addr()), r.Port()
	s.Has |= model.HasQueues
	if s.Proto == model.TCP && state != model.Listen {
		s.Has |= model.HasBytes | model.HasPackets | model.HasPath
	}
	if pid != 0 {
		w.hold(&s, pid)
	}
	w.sockets = append(w.sockets, s)
	return &w.sockets[len(w.sockets)-1]
}

// web is a host with a web server, its clients, a resolver and somebody else's database.
func web() *world {
	w := newWorld()
	w.process(1203, "nginx", 33)
	w.process(877, "systemd-resolved", 101)
	w.process(4410, "curl", 1000)
	w.socket("tcp", "0.0.0.0:443", "0.0.0.0:0", model.Listen, 1203).SendQ = 511
	w.socket("tcp", "10.0.0.5:443", "203.0.113.9:51522", model.Established, 1203)
	w.socket("tcp", "10.0.0.5:443", "198.51.100.7:40112", model.Established, 1203)
	w.socket("tcp", "10.0.0.5:443", "198.51.100.7:40113", model.CloseWait, 1203)
	w.socket("udp", "127.0.0.53:53", "0.0.0.0:0", model.Close, 877)
	w.socket("tcp", "127.0.0.1:5432", "0.0.0.0:0", model.Listen, 0)
	w.socket("tcp6", "[2001:db8::5]:39400", "[2001:db8::1]:443", model.Established, 4410)
	return w
}

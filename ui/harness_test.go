package ui

// A simulated terminal fed by scripted snapshots: the whole screen in process, without a kernel and without a clock.

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"sockview/keymap"
	"sockview/model"
)

// scripted is a mailbox that a test fills by hand.
type scripted struct {
	mu     sync.Mutex
	slot   *model.Snapshot
	ready  chan struct{}
	demand model.Demand
	held   int // snapshots taken and not given back
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
	ended  chan error
}

// start runs the App at a size. change may alter what it is made of.
func start(t *testing.T, width, height int, change func(*Config)) *harness {
	t.Helper()
	screen := tcell.NewSimulationScreen("UTF-8")
	if err := screen.Init(); err != nil {
		t.Fatal(err)
	}
	h := &harness{t: t, screen: screen, source: newScripted(), ended: make(chan error, 1)}
	cfg := Config{
		Snapshots: h.source, Screen: screen, Keys: keymap.Default(), Host: model.SafeText("web-1"),
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
	go func() { h.ended <- app.Run() }()
	t.Cleanup(func() {
		app.Stop()
		<-h.ended
	})
	return h
}

// do runs f in the drawing goroutine, draws, and waits for it.
func (h *harness) do(f func()) { h.app.tv.QueueUpdateDraw(f) }

// await runs the drawing goroutine until cond holds there.
func (h *harness) await(what string, cond func() bool) {
	h.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for ok := false; !ok; {
		h.do(func() { ok = cond() })
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
		h.do(func() { h.event(eventOf(h.t, k)) })
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

// text is what the screen shows, a line each, blanks at the end cut.
func (h *harness) text() string {
	cells, width, height := h.screen.GetContents()
	var b strings.Builder
	for y := range height {
		var l strings.Builder
		for x := 0; x < width; x++ {
			c := cells[y*width+x]
			if len(c.Runes) == 0 {
				l.WriteByte(' ')
				continue
			}
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
	cells, width, _ := h.screen.GetContents()
	return cells[y*width+x].Style
}

// world is a small host to make snapshots of: it drives a real Tracker.
type world struct {
	tracker *model.Tracker
	now     int64
	sockets []model.Socket
	procs   []model.Process
	holds   []model.Hold
}

func newWorld() *world { return &world{tracker: model.NewTracker()} }

// epoch is when the world began: any moment will do, as long as it is always the same.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// snapshot polls the world after d.
func (w *world) snapshot(d time.Duration) *model.Snapshot {
	w.now += int64(d)
	w.tracker.Begin(w.now, epoch.Add(time.Duration(w.now)))
	for i := range w.sockets {
		w.tracker.See(&w.sockets[i])
	}
	var outcomes []model.Outcome
	for _, p := range []model.Proto{model.TCP, model.UDP} {
		for _, f := range []model.Family{model.IPv4, model.IPv6} {
			outcomes = append(outcomes, model.Outcome{SourceID: model.SourceID{Proto: p, Family: f}, Whole: true})
		}
	}
	w.tracker.Finish(outcomes, int64(time.Second))
	w.tracker.Missing(func(*model.Socket) bool { return true })
	w.tracker.Own(&model.Owners{Processes: w.procs, Holds: w.holds, Why: model.NoPermission})
	s := &model.Snapshot{
		Hold: int64(time.Second), Interval: time.Second, Took: time.Millisecond,
		NetNS: []model.NetNS{{Cookie: 1, Name: model.SafeText("own")}},
		Users: map[uint32]model.Text{0: model.SafeText("root"), 33: model.SafeText("www-data"), 1000: model.SafeText("ann")},
	}
	w.tracker.Publish(s)
	return s
}

// process adds a process.
func (w *world) process(pid int32, name string, uid uint32) {
	w.procs = append(w.procs, model.Process{
		PID: pid, PPID: 1, Start: uint64(pid) * 10, UID: uid, Name: model.SafeText(name),
		Cmdline: model.SafeText("/usr/sbin/" + name), Started: epoch.Add(-time.Hour),
	})
}

// socket adds a socket "proto local remote state" that pid holds; 0 for nobody we may see.
func (w *world) socket(proto, local, remote string, state model.State, pid int32) *model.Socket {
	n := len(w.sockets) + 1
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
		w.holds = append(w.holds, model.Hold{Inode: s.Inode, ProcessID: model.ProcessID{PID: pid, Start: uint64(pid) * 10}})
	}
	w.sockets = append(w.sockets, s)
	return &w.sockets[n-1]
}

// web is a host with a web server, its clients, a resolver and somebody else's database.
func web() *world {
	w := newWorld()
	w.process(1203, "nginx", 33)
	w.process(877, "systemd-resolved", 101)
	w.process(4410, "curl", 1000)
	w.sockets = make([]model.Socket, 0, 64) // pointers into it stay good
	w.socket("tcp", "0.0.0.0:443", "0.0.0.0:0", model.Listen, 1203).SendQ = 511
	w.socket("tcp", "10.0.0.5:443", "203.0.113.9:51522", model.Established, 1203)
	w.socket("tcp", "10.0.0.5:443", "198.51.100.7:40112", model.Established, 1203)
	w.socket("tcp", "10.0.0.5:443", "198.51.100.7:40113", model.CloseWait, 1203)
	w.socket("udp", "127.0.0.53:53", "0.0.0.0:0", model.Close, 877)
	w.socket("tcp", "127.0.0.1:5432", "0.0.0.0:0", model.Listen, 0)
	w.socket("tcp6", "[2001:db8::5]:39400", "[2001:db8::1]:443", model.Established, 4410)
	return w
}

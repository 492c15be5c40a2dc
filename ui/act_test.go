package ui

// Killing and closing: whom it hits, what is asked before, what is said after.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sockview/keymap"
	"sockview/model"
)

// actor is a fake of what acts on the system. It writes down what it was asked for.
type actor struct {
	mu       sync.Mutex
	held     []model.SignalTarget
	released []model.SignalTarget
	sent     []sent
	closed   []model.CloseTarget

	guards    map[int32]model.Protection
	holdErr   map[int32]error
	signalErr map[int32]error
	survives  map[int32]bool // does not end
	hint      string
	refuse    func(model.CloseTarget) string
	closeErr  func(model.CloseTarget) error
}

type sent struct {
	model.SignalTarget
	signal syscall.Signal
}

func (a *actor) ui() Actor {
	return Actor{
		Signals: []model.SignalChoice{
			{Name: "TERM", Signal: syscall.SIGTERM, Help: "asks it to end"},
			{Name: "KILL", Signal: syscall.SIGKILL, Help: "ends it at once"},
			{Name: "INT", Signal: syscall.SIGINT, Help: "as Ctrl-C"},
			{Name: "HUP", Signal: syscall.SIGHUP, Help: "many daemons read their settings anew"},
			{Name: "STOP", Signal: syscall.SIGSTOP, Help: "stops it until CONT"},
			{Name: "CONT", Signal: syscall.SIGCONT, Help: "lets it go on"},
			{Name: "USR1", Signal: syscall.SIGUSR1, Help: "what it means the program says"},
			{Name: "USR2", Signal: syscall.SIGUSR2, Help: "what it means the program says"},
		},
		Hold: func(t model.SignalTarget) (Held, error) {
			a.mu.Lock()
			defer a.mu.Unlock()
			if err := a.holdErr[t.PID]; err != nil {
				return nil, err
			}
			a.held = append(a.held, t)
			return &heldProcess{a, t}, nil
		},
		Rank: func(t model.SignalTarget) model.Protection { return a.guards[t.PID] },
		Close: func(t model.CloseTarget) error {
			a.mu.Lock()
			defer a.mu.Unlock()
			if a.closeErr != nil {
				if err := a.closeErr(t); err != nil {
					return err
				}
			}
			a.closed = append(a.closed, t)
			return nil
		},
		CloseRefusal: func(t model.CloseTarget) string {
			if a.refuse == nil {
				return ""
			}
			return a.refuse(t)
		},
		CloseEffect: func(model.CloseTarget) string { return "The other side gets a reset." },
	}
}

// did is what was signalled, in words.
func (a *actor) did() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var words []string
	for _, s := range a.sent {
		words = append(words, fmt.Sprintf("%s to %d/%d", s.signal, s.PID, s.Start))
	}
	return words
}

func (a *actor) destroyed() []uint16 {
	a.mu.Lock()
	defer a.mu.Unlock()
	var ports []uint16
	for _, t := range a.closed {
		ports = append(ports, t.RemotePort)
	}
	return ports
}

// open is how many processes are held and were not let go.
func (a *actor) open() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.held) - len(a.released)
}

type heldProcess struct {
	actor  *actor
	target model.SignalTarget
}

func (p *heldProcess) Signal(s syscall.Signal) error {
	p.actor.mu.Lock()
	defer p.actor.mu.Unlock()
	if err := p.actor.signalErr[p.target.PID]; err != nil {
		return err
	}
	p.actor.sent = append(p.actor.sent, sent{p.target, s})
	return nil
}

func (p *heldProcess) Hint(syscall.Signal) string { return p.actor.hint }

func (p *heldProcess) Wait(context.Context) error {
	if p.actor.survives[p.target.PID] {
		return context.DeadlineExceeded
	}
	return nil
}

func (p *heldProcess) Close() {
	p.actor.mu.Lock()
	defer p.actor.mu.Unlock()
	p.actor.released = append(p.actor.released, p.target)
}

// acting starts the App on the server with a fake actor and puts the cursor on what the filter leaves.
func acting(t *testing.T, a *actor, filter string) (*harness, *world) {
	t.Helper()
	h, w := served(t, 80, 24, func(c *Config) { c.Actor = a.ui() })
	h.filter(filter)
	return h, w
}

// filter types a filter and keeps it.
func (h *harness) filter(text string) {
	h.t.Helper()
	if text != "" {
		h.press("/")
		h.type_(text)
		h.press(keymap.Enter)
	}
}

// says waits until the foot says something.
func (h *harness) says(want string) {
	h.t.Helper()
	h.await(fmt.Sprintf("the message %q", want), func() bool { return strings.Contains(h.app.message, want) })
}

func TestKill(t *testing.T) {
	for _, c := range []struct {
		name   string
		actor  *actor
		filter string
		before []keymap.Key // up to the dialog
		golden string
		after  []keymap.Key
		typed  string
		end    []keymap.Key
		want   []string
		says   string
	}{
		{name: "y sends TERM", filter: "pid:4410", after: []keymap.Key{"y"},
			want: []string{"terminated to 4410/44100"}, says: "curl (4410) ended", golden: "kill"},
		{name: "Enter is no", filter: "pid:4410", after: []keymap.Key{keymap.Enter}, says: "nothing was done"},
		{name: "n is no", filter: "pid:4410", after: []keymap.Key{"n"}, says: "nothing was done"},
		{name: "Esc is no", filter: "pid:4410", after: []keymap.Key{keymap.Esc}, says: "nothing was done"},
		{name: "q is no", filter: "pid:4410", after: []keymap.Key{"q"}, says: "nothing was done"},
		{name: "yes by the button", filter: "pid:4410", after: []keymap.Key{keymap.Tab, keymap.Enter},
			want: []string{"terminated to 4410/44100"}},
		{name: "twice beside is no", filter: "pid:4410", after: []keymap.Key{keymap.Right, keymap.Left, keymap.Enter}},
		{name: "another signal", filter: "pid:4410", after: []keymap.Key{"j", "j", "k", "y"},
			want: []string{"killed to 4410/44100"}},
		{name: "the last signal", filter: "pid:4410", golden: "kill-last",
			before: nil, after: []keymap.Key{"j", "j", "j", "j", "j", "j", "j", "j", "j", "y"},
			want: []string{"user defined signal 2 to 4410/44100"}},
		{name: "still there", filter: "pid:4410", actor: &actor{survives: map[int32]bool{4410: true}, hint: "it ignores TERM"},
			after: []keymap.Key{"y"}, want: []string{"terminated to 4410/44100"},
			says: "TERM sent to curl (4410), still there: it ignores TERM", golden: "kill-hint"},
		{name: "refused", filter: "pid:812", actor: &actor{guards: map[int32]model.Protection{
			812: {Guard: model.NeverTouch, Reason: "sshd (812) is sockview itself"}}},
			says: "sshd (812) is sockview itself"},
		{name: "gone meanwhile", filter: "pid:4410", actor: &actor{holdErr: map[int32]error{4410: errors.New("it has ended")}},
			says: "curl (4410): it has ended"},
		{name: "no permission", filter: "pid:4410", actor: &actor{signalErr: map[int32]error{4410: errors.New("CAP_KILL is missing")}},
			after: []keymap.Key{"y"}, says: "curl (4410): CAP_KILL is missing"},
		{name: "no owner", filter: "lport:631", says: "no process to signal: no permission"},
		{name: "time wait", filter: "rport:47771", says: "no process to signal: TIME_WAIT"},
		{name: "typed yes", filter: "lport:22 rport:50814", actor: ancestor(), golden: "kill-typed",
			after: []keymap.Key{"y"}, typed: "yes", end: []keymap.Key{keymap.Enter},
			want: []string{"terminated to 812/8120"}},
		{name: "typed something else", filter: "lport:22 rport:50814", actor: ancestor(),
			after: []keymap.Key{"y"}, typed: "y", end: []keymap.Key{keymap.Enter}, says: "nothing was done"},
		{name: "typed nothing", filter: "lport:22 rport:50814", actor: ancestor(),
			after: []keymap.Key{"y"}, end: []keymap.Key{keymap.Enter}, says: "nothing was done"},
		{name: "typed and left", filter: "lport:22 rport:50814", actor: ancestor(),
			after: []keymap.Key{"y"}, typed: "yes", end: []keymap.Key{keymap.Esc}, says: "nothing was done"},
		{name: "several rows, each process once", filter: "pid:1203 state:estab", before: []keymap.Key{"m", "m", "m"},
			after: []keymap.Key{"y"}, want: []string{"terminated to 1203/12030"}, says: "nginx (1203) ended"},
		{name: "several processes, one left alone", golden: "kill-several", filter: "process:nginx,postgres,sshd state:estab",
			actor:  &actor{guards: map[int32]model.Protection{812: {Guard: model.NeverTouch, Reason: "sshd (812) is sockview itself"}}},
			before: []keymap.Key{"m", "m", "m", "m", "m", "m", "m", "m", "m", "m"}, after: []keymap.Key{"y"},
			want: []string{"terminated to 1203/12030", "terminated to 1204/12040", "terminated to 940/9400"}},
		{name: "one of several fails", filter: "pid:4410,2031 state:estab", before: []keymap.Key{"m", "m"},
			actor: &actor{signalErr: map[int32]error{2031: errors.New("CAP_KILL is missing")}},
			after: []keymap.Key{"y"}, want: []string{"terminated to 4410/44100"}, says: "redis-server (2031): CAP_KILL is missing"},
		{name: "the holder is chosen", filter: "lport:443 state:listen", golden: "kill-holder",
			after: []keymap.Key{"j", keymap.Enter, "y"}, want: []string{"terminated to 1204/12040"}},
		{name: "no holder is chosen", filter: "lport:443 state:listen", after: []keymap.Key{keymap.Esc}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := c.actor
			if a == nil {
				a = &actor{}
			}
			h, _ := acting(t, a, c.filter)
			h.press(c.before...)
			h.press("K")
			if c.golden != "" {
				h.golden(c.golden)
			}
			h.press(c.after...)
			h.type_(c.typed)
			if c.typed != "" && c.golden != "" {
				h.golden(c.golden + "-line")
			}
			h.press(c.end...)
			if c.says != "" {
				h.says(c.says)
			}
			if got := a.did(); !slices.Equal(got, c.want) {
				t.Errorf("signalled %q, want %q", got, c.want)
			}
			h.await("every process let go", func() bool { return a.open() == 0 })
			if len(h.app.overlays) != 0 {
				t.Error("something still lies over the table")
			}
		})
	}
}

func ancestor() *actor {
	return &actor{guards: map[int32]model.Protection{
		812: {Guard: model.AskTyped, Reason: "sshd (812) carries this session: ending it ends sockview"},
	}}
}

// TestFault19TargetIsFrozen lets the world change while the dialog is open: another order, another filter, the
// pid used again by another process. Whom it hits was settled when the dialog opened.
func TestFault19TargetIsFrozen(t *testing.T) {
	var a actor
	h, w := acting(t, &a, "process:curl,redis-server state:estab")
	h.press("K")
	held := slices.Clone(a.held)
	if len(held) != 1 || held[0].PID != 4410 {
		t.Fatalf("the dialog holds %v, want curl (4410)", held)
	}
	for i := range w.procs {
		if w.procs[i].PID == 4410 {
			w.procs[i].Start, w.procs[i].Name = 999, model.SafeText("innocent")
		}
	}
	for i := range w.holds {
		if w.holds[i].PID == 4410 {
			w.holds[i].Start = 999
		}
	}
	h.feed(w.snapshot(time.Second))
	h.do(func() {
		h.app.state.sorting.Desc = true
		h.app.ask()
	})
	h.feed(w.snapshot(time.Second))
	if p := h.app.table.view.snapshot.Processes; !slices.ContainsFunc(p, func(p model.Process) bool { return p.Name.String() == "innocent" }) {
		t.Fatal("the pid was not used again")
	}
	if dialog := h.app.overlays[0].(*dialog); !strings.Contains(fmt.Sprint(dialog.lines), "curl") {
		t.Error("the dialog names another process than the one it hits")
	}
	h.press("y")
	if want := []string{"terminated to 4410/44100"}; !slices.Equal(a.did(), want) {
		t.Errorf("signalled %q, want %q", a.did(), want)
	}
	if len(a.held) != 1 {
		t.Errorf("the process was taken hold of %d times", len(a.held))
	}
}

// TestHolderIsFrozen does the same while the holder is chosen.
func TestHolderIsFrozen(t *testing.T) {
	var a actor
	h, w := acting(t, &a, "lport:443 state:listen")
	h.press("K", "j")
	w.procs = slices.DeleteFunc(w.procs, func(p model.Process) bool { return p.PID == 1204 })
	w.holds = slices.DeleteFunc(w.holds, func(x model.Hold) bool { return x.PID == 1204 })
	h.feed(w.snapshot(time.Second))
	h.feed(w.snapshot(time.Second))
	h.press(keymap.Enter, "y")
	if want := []string{"terminated to 1204/12040"}; !slices.Equal(a.did(), want) {
		t.Errorf("signalled %q, want %q", a.did(), want)
	}
}

func TestKillFromOtherScreens(t *testing.T) {
	for _, c := range []struct {
		name, screen, filter string
		want                 []string
	}{
		{"processes", "2", "process=nginx", []string{"terminated to 1203/12030"}},
		{"hosts", "3", "remote:192.0.2.14", []string{"terminated to 812/8120"}},
		{"count", "4", "state:last_ack", []string{"terminated to 1204/12040"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var a actor
			h, _ := acting(t, &a, "")
			h.press(keymap.Key(c.screen))
			h.filter(c.filter)
			h.press("K", "y")
			if !slices.Equal(a.did(), c.want) {
				t.Errorf("signalled %q, want %q", a.did(), c.want)
			}
		})
	}
	t.Run("details", func(t *testing.T) {
		var a actor
		h, w := acting(t, &a, "rport:50814")
		h.press(keymap.Enter)
		h.press("K")
		h.feed(w.snapshot(time.Second))
		h.press("y")
		if want := []string{"terminated to 812/8120"}; !slices.Equal(a.did(), want) {
			t.Errorf("signalled %q, want %q", a.did(), want)
		}
		if h.app.details() == nil {
			t.Error("the details went away with the dialog")
		}
	})
}

func TestClose(t *testing.T) {
	own := func(c model.CloseTarget) string {
		if c.RemotePort == 50814 {
			return "this is the SSH connection that sockview runs over"
		}
		return ""
	}
	for _, c := range []struct {
		name   string
		actor  *actor
		filter string
		before []keymap.Key
		golden string
		after  []keymap.Key
		typed  string
		end    []keymap.Key
		want   []uint16
		says   string
	}{
		{name: "y", filter: "rport:51522", golden: "close", after: []keymap.Key{"y"}, want: []uint16{51522},
			says: "closed tcp 10.0.0.5:443 - 203.0.113.9:51522"},
		{name: "Enter is no", filter: "rport:51522", after: []keymap.Key{keymap.Enter}, says: "nothing was done"},
		{name: "n", filter: "rport:51522", after: []keymap.Key{"n"}, says: "nothing was done"},
		{name: "a listener is typed", filter: "lport:5432 state:listen", after: []keymap.Key{"y"}, typed: "yes",
			end: []keymap.Key{keymap.Enter}, want: []uint16{0}, golden: "close-listener"},
		{name: "a listener, not typed", filter: "lport:5432 state:listen", after: []keymap.Key{"y"}, typed: "ye",
			end: []keymap.Key{keymap.Enter}, says: "nothing was done"},
		{name: "several are typed", filter: "pid:1203 state:estab", before: []keymap.Key{"m", "m", "m"},
			after: []keymap.Key{"y"}, typed: "yes", end: []keymap.Key{keymap.Enter},
			want: []uint16{40112, 51522, 5432}, says: "closed 3 connections", golden: "close-several"},
		{name: "several, not typed", filter: "pid:1203 state:estab", before: []keymap.Key{"m", "m", "m"},
			after: []keymap.Key{"y"}, end: []keymap.Key{keymap.Enter}, says: "nothing was done"},
		{name: "refused", filter: "rport:50814", actor: &actor{refuse: own},
			says: "this is the SSH connection that sockview runs over"},
		{name: "one of several refused", filter: "rport:50814,51522", before: []keymap.Key{"m", "m"}, actor: &actor{refuse: own},
			after: []keymap.Key{"y"}, want: []uint16{51522}, golden: "close-refused"},
		{name: "no permission", filter: "rport:51522", after: []keymap.Key{"y"},
			actor: &actor{closeErr: func(model.CloseTarget) error { return errors.New("CAP_NET_ADMIN is missing") }},
			says:  "CAP_NET_ADMIN is missing"},
		{name: "some fail", filter: "rport:40112,51522", before: []keymap.Key{"m", "m"}, after: []keymap.Key{"y"},
			actor: &actor{closeErr: func(c model.CloseTarget) error {
				if c.RemotePort == 40112 {
					return errors.New("it is gone")
				}
				return nil
			}}, typed: "yes", end: []keymap.Key{keymap.Enter}, want: []uint16{51522}, says: "closed 1 of 2: it is gone"},
		{name: "closed already", filter: "rport:33018", says: "no connection to close"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := c.actor
			if a == nil {
				a = &actor{}
			}
			h, _ := acting(t, a, c.filter)
			h.press(c.before...)
			h.press("x")
			if c.golden != "" {
				h.golden(c.golden)
			}
			h.press(c.after...)
			h.type_(c.typed)
			if c.typed != "" && c.golden != "" {
				h.golden(c.golden + "-line")
			}
			h.press(c.end...)
			if c.says != "" {
				h.says(c.says)
			}
			if c.want != nil {
				h.await("the connections closed", func() bool { return slices.Equal(a.destroyed(), c.want) })
			} else if got := a.destroyed(); got != nil {
				t.Errorf("closed those to ports %v", got)
			}
			if got := a.did(); got != nil {
				t.Errorf("signalled %v", got)
			}
			if h.line(23) == "" {
				t.Error("the foot is empty")
			}
		})
	}
}

// TestCloseIsFrozen changes the order while the dialog is open.
func TestCloseIsFrozen(t *testing.T) {
	var a actor
	h, w := acting(t, &a, "rport:51522,40112")
	h.press("x")
	h.do(func() {
		h.app.state.sorting.Desc = true
		h.app.ask()
	})
	w.close(40112)
	h.feed(w.snapshot(time.Second))
	h.feed(w.snapshot(2 * time.Second))
	h.press("y")
	h.await("it was closed", func() bool { return slices.Equal(a.destroyed(), []uint16{40112}) })
	want := w.to(51522).Cookie
	if a.closed[0].Cookie == want || a.closed[0].Cookie == 0 {
		t.Errorf("the cookie of the closed socket is %d", a.closed[0].Cookie)
	}
}

func TestCloseFromOtherScreens(t *testing.T) {
	for _, c := range []struct {
		screen, filter string
		want           []uint16
	}{
		{"2", "process=curl", []uint16{443}},
		{"3", "remote:192.0.2.14", []uint16{50814, 50913}},
		{"4", "state:last_ack", []uint16{55012}},
	} {
		var a actor
		h, _ := acting(t, &a, "")
		h.press(keymap.Key(c.screen))
		h.filter(c.filter)
		h.press("x", "y")
		if len(c.want) > 1 {
			h.type_("yes")
			h.press(keymap.Enter)
		}
		h.await("they are closed", func() bool {
			got := a.destroyed()
			slices.Sort(got)
			return slices.Equal(got, c.want)
		})
	}
}

func TestWithoutActor(t *testing.T) {
	h, _ := served(t, 80, 24, nil)
	h.press("K")
	h.says("signals are not available")
	h.press("x")
	h.says("closing connections is not available")
}

// TestDialogOnASmallScreen: the question can be read and answered at 20x5.
func TestDialogOnASmallScreen(t *testing.T) {
	var a actor
	h, _ := served(t, 20, 5, func(c *Config) { c.Actor = a.ui() })
	h.press("K")
	h.golden("kill-20x5")
	if !strings.Contains(h.text(), "[N]o") || !strings.Contains(h.text(), "TERM") {
		t.Errorf("no answer or no signal in sight:\n%s", h.text())
	}
	h.press("y")
	if want := []string{"terminated to 4410/44100"}; !slices.Equal(a.did(), want) {
		t.Errorf("signalled %q, want %q", a.did(), want)
	}
	a.guards = ancestor().guards
	h.filter("pid:812 lport:22 state:estab")
	h.press("K", "y")
	h.golden("kill-typed-20x5")
	h.type_("yes")
	if !strings.Contains(h.line(4), "yes") {
		t.Errorf("what is typed is not in sight: %q", h.line(4))
	}
}

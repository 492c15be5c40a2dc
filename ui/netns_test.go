package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sockview/keymap"
	"sockview/model"
)

// cluster is the server with other namespaces beside its own: a container that can be entered, one that /proc alone tells
// of, and one that is hidden.
func cluster(want func() model.Tables) *station {
	n := newStation(want)
	n.spaces = []model.NetNS{
		{Cookie: 1, Name: model.SafeText("own"), View: model.Entered, Sockets: 19},
		{Cookie: 4097, Name: model.SafeText("web"), View: model.Entered, Sockets: 3},
		{Cookie: 1<<63 + 4026532300, Name: model.SafeText("pid 7100"), View: model.TablesOnly, Err: errors.New("setns: operation not permitted"), Sockets: 1},
		{Cookie: 1<<63 + 4026532400, Name: model.SafeText("vault"), View: model.Hidden, Err: errors.New("its processes may not be looked into")},
		{},
	}
	n.process(7001, "gunicorn", 33)
	n.process(7100, "mysqld", 110)
	in := func(slot uint16, s *model.Socket) *model.Socket { s.NetNS = slot; return s }
	in(1, n.socket("tcp", "0.0.0.0:8000", "0.0.0.0:0", model.Listen, 7001)).SendQ = 2048
	in(1, n.socket("tcp", "172.17.0.2:8000", "172.17.0.1:51000", model.Established, 7001)).Sent = 92_010
	in(1, n.socket("tcp", "127.0.0.1:44001", "127.0.0.1:9000", model.CloseWait, 7001))
	n.socket("tcp", "172.17.0.1:51000", "172.17.0.2:8000", model.Established, 1203).Received = 92_010
	db := in(2, n.socket("tcp", "0.0.0.0:3306", "0.0.0.0:0", model.Listen, 7100))
	db.Cookie, db.Has = 0, model.HasQueues
	n.unix[4].NetNS = 1
	own := n.dress
	n.dress = func(s *model.Snapshot) {
		own(s)
		for i := range s.NetNS {
			if s.NetNS[i].View == model.Entered || s.NetNS[i].View == model.TablesOnly {
				s.NetNS[i].AskedAt = s.Now - int64(i)*int64(1500*time.Millisecond) - 1
			}
		}
		for i := range s.Processes {
			if p := &s.Processes[i]; p.PID == 7001 || p.PID == 7100 {
				p.Container = model.SafeText(p.Name.String() + "-1")
			}
		}
	}
	return n
}

// clustered starts the App with two snapshots of the cluster.
func clustered(t *testing.T, width, height int, change func(*Config)) (*harness, *station) {
	t.Helper()
	h, n := start(t, width, height, change), cluster(everything)
	h.feed(n.snapshot(0))
	h.feed(n.work())
	return h, n
}

func TestGoldenNetNS(t *testing.T) {
	for _, size := range []struct{ width, height int }{{80, 24}, {200, 50}} {
		for _, c := range []struct {
			name  string
			keys  []keymap.Key
			typed string
			more  []keymap.Key
		}{
			{name: "sockets"},
			{name: "unix", keys: []keymap.Key{"5"}},
			{name: "picker", keys: []keymap.Key{"N", "j"}},
			{name: "details", keys: []keymap.Key{"/"}, typed: "rport:51000", more: []keymap.Key{keymap.Enter, keymap.Enter}},
		} {
			name := fmt.Sprintf("netns-%s-%dx%d", c.name, size.width, size.height)
			t.Run(name, func(t *testing.T) {
				h, _ := clustered(t, size.width, size.height, nil)
				h.press(c.keys...)
				h.type_(c.typed)
				h.press(c.more...)
				h.golden(name)
			})
		}
	}
}

func (h *harness) titles() []string {
	var ids []string
	h.look(func() {
		for _, c := range h.app.state.shown {
			ids = append(ids, h.app.state.specs[c].ID)
		}
	})
	return ids
}

// TestNetNSColumnComesAndGoes: it is there while several namespaces are on show, at its place, and not against the user's
// own choice of columns.
func TestNetNSColumnComesAndGoes(t *testing.T) {
	h := start(t, 200, 30, nil)
	n := cluster(everything)
	all := n.spaces
	n.spaces = all[:1]
	alone := n.snapshot(0)
	alone.Processes = slices.DeleteFunc(alone.Processes, func(p model.Process) bool { return !p.Container.Empty() })
	alone.Sockets = alone.Sockets[:0]
	h.feed(alone)
	before := h.titles()
	if slices.Contains(before, "netns") || slices.Contains(before, "container") {
		t.Errorf("in one namespace without containers: %v", before)
	}
	n.spaces = all
	h.feed(n.snapshot(time.Second))
	if got := h.titles(); slices.Index(got, "netns") != slices.Index(got, "pid")+1 || !slices.Contains(got, "container") {
		t.Errorf("with several namespaces: %v", got)
	}
	h.press("/")
	h.type_("vault")
	h.press(keymap.Esc, "/")
	h.type_("gunicorn-1 web")
	if got := len(h.app.table.view.order); got != 3 {
		t.Errorf("a bare word finds %d rows by the columns that came by themselves, want 3", got)
	}
	h.press(keymap.Esc)
	n.spaces = all[:1]
	alone = n.snapshot(time.Second)
	alone.Processes, alone.Sockets = nil, nil
	h.feed(alone)
	if got := h.titles(); !slices.Equal(got, before) {
		t.Errorf("in one namespace again: %v, want %v", got, before)
	}

	h.press("C", "j", "j", "j", keymap.Space, keymap.Esc) // proto goes: from here on they are the user's
	mine := h.titles()
	n.spaces = all
	h.feed(n.snapshot(time.Second))
	if got := h.titles(); !slices.Equal(got, mine) || slices.Contains(got, "netns") {
		t.Errorf("the user's own columns became %v", got)
	}
	chosen := start(t, 80, 30, func(c *Config) { c.Start.Columns = map[string][]string{"sockets": {"netns", "state"}} })
	chosen.feed(alone)
	if got := chosen.titles(); !slices.Equal(got, []string{"netns", "state"}) {
		t.Errorf("columns of the command line became %v", got)
	}
}

// TestHeadTellsOfNetNS: the head says how many namespaces are looked into, how many cannot be, or which one was chosen.
func TestHeadTellsOfNetNS(t *testing.T) {
	view := func(views ...model.View) *model.Snapshot {
		s := &model.Snapshot{}
		for i, v := range views {
			s.NetNS = append(s.NetNS, model.NetNS{Name: model.SafeText([]string{"own", "web", "db", "x"}[i]), View: v})
		}
		return s
	}
	const in, tables, hidden, not = model.Entered, model.TablesOnly, model.Hidden, model.Unchosen
	for _, c := range []struct {
		choice string
		s      *model.Snapshot
		note   string
		warn   bool
		why    string // nothing is shown
	}{
		{"all", view(in), "", false, ""},
		{"all", view(in, model.NoNetNS, model.Abandoned), "", false, ""},
		{"all", view(in, in, tables), "3 namespaces", false, ""},
		{"all", view(in, in, tables, hidden), "3 namespaces, 1 hidden", true, ""},
		{"all", view(in, hidden), "1 namespace hidden", true, ""},
		{"all", view(in, hidden, hidden), "2 namespaces hidden", true, ""},
		{"own", view(in), "", false, ""},
		{"own", view(in, not), "own namespace", false, ""},
		{"", view(in, not), "own namespace", false, ""},
		{"web", view(not, in, not), "namespace web", false, ""},
		{"7001", view(not, in, not), "namespace web", false, ""},
		{"web", view(in, in, in), "namespace web", false, ""}, // before the sampler heard of it
		{"web", view(not, hidden), "namespace web hidden", true, "network namespace web cannot be looked into"},
		{"blue", view(not, not, hidden), "namespace db hidden", true, "network namespace db cannot be looked into"},
		{"blue", view(not, not, not), "no namespace blue", true, "no network namespace is called blue; there are: own, db, web"},
		{"7\x1b[2J", view(not), `no namespace 7\x1b[2J`, true, `no network namespace is called 7\x1b[2J; there are: own`},
		{"7001", view(not), "no namespace 7001", true, "no network namespace is called 7001, and no process with this pid was seen in one; there are: own"},
		{"blue", &model.Snapshot{}, "no namespace blue", true, "no network namespace is called blue"},
	} {
		note, warn := netnsNote(c.s, c.choice)
		if note != c.note || warn != c.warn {
			t.Errorf("%q of %v: %q, %v, want %q, %v", c.choice, c.s.NetNS, note, warn, c.note, c.warn)
		}
		if why := netnsTrouble(c.s, c.choice); why != c.why {
			t.Errorf("%q of %v: %q, want %q", c.choice, c.s.NetNS, why, c.why)
		}
	}
	many := &model.Snapshot{NetNS: []model.NetNS{{Name: model.SafeText("own"), View: not}}}
	for i := range 20 {
		many.NetNS = append(many.NetNS, model.NetNS{Name: model.SafeText(fmt.Sprint("pod", 20-i)), View: not})
	}
	if got := netnsTrouble(many, "x"); !strings.HasSuffix(got, "there are: own, pod1, pod2, pod3, pod4, pod5, pod6, pod7, pod8, pod9 and 11 more") {
		t.Errorf("of many it says %q", got)
	}
}

// TestNetNSKey: N lists the namespaces, and what is chosen is asked for at once.
func TestNetNSKey(t *testing.T) {
	h, n := clustered(t, 120, 24, nil)
	if d := h.source.wanted(); d.NetNS != "all" {
		t.Errorf("the screen starts with %q", d.NetNS)
	}
	h.press("N")
	text := h.text()
	for _, want := range []string{
		"all       all that may be seen: 3; 1 cannot be looked into", "own       the one that sockview runs in: open, 19 sockets",
		"pid 7100  /proc only, 1 socket: setns: operation not permitted, container mysqld-1",
		"vault     hidden: its processes may not be looked into", "web       open, 3 sockets, container gunicorn-1",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the list does not say %q:\n%s", want, text)
		}
	}
	before := h.source.wanted().Now
	h.press("G", keymap.Enter)
	if d := h.source.wanted(); d.NetNS != "web" || d.Now == before {
		t.Errorf("it asks for %+v", d)
	}
	for i := range n.spaces {
		if n.spaces[i].View != model.NoNetNS && i != 1 {
			n.spaces[i].View = model.Unchosen
		}
	}
	h.feed(n.snapshot(time.Second))
	if got := h.line(0); !strings.Contains(got, "namespace web") {
		t.Errorf("the head says %q", got)
	}
	h.press("N")
	if p := h.app.overlays[0].(*picker); p.items[p.at].name != "web" {
		t.Errorf("the list stands on %q", p.items[p.at].name)
	}
	h.press("g", "j", keymap.Enter)
	if d := h.source.wanted(); d.NetNS != "own" {
		t.Errorf("it asks for %q", d.NetNS)
	}
	n.spaces[3].Name = model.SafeText("all") // `ip netns add all`
	h.feed(n.snapshot(time.Second))
	h.press("N", "g", "j", "j", keymap.Enter)
	if d := h.source.wanted(); d.NetNS != "own" || !strings.Contains(h.app.message, "cannot be chosen by its name") {
		t.Errorf("one called all: it asks for %q and says %q", d.NetNS, h.app.message)
	}
}

// TestHelpTellsWhatNamespacesNeed: the help says what is not looked into and the line that would change it, once.
func TestHelpTellsWhatNamespacesNeed(t *testing.T) {
	for _, missing := range [][]string{nil, {"cap_sys_admin"}} {
		h := start(t, 120, 140, nil)
		n := cluster(everything)
		own := n.dress
		n.dress = func(s *model.Snapshot) { own(s); s.Access.Missing = missing }
		h.feed(n.snapshot(0))
		h.press("?")
		text := h.text()
		for _, want := range []string{"3 namespaces looked into", "Of 1 of them /proc alone tells", "1 namespace cannot be looked into", "cap_kill,cap_sys_admin=p sockview"} {
			if strings.Count(text, want) != 1 {
				t.Errorf("missing %v: the help says %q %d times:\n%s", missing, want, strings.Count(text, want), text)
			}
		}
	}
	h, _ := served(t, 120, 140, nil)
	h.press("?")
	if strings.Contains(h.text(), "Network namespaces") {
		t.Error("with one namespace the help speaks of several")
	}
}

// TestEmptyTableNamesNamespaces: a choice of which there is none is why the table is empty.
func TestEmptyTableNamesNamespaces(t *testing.T) {
	h := start(t, 120, 10, func(c *Config) { c.Start.NetNS = "blue" })
	s := cluster(everything).snapshot(0)
	s.Sockets, s.Counts = nil, model.Counts{}
	for i := range s.NetNS {
		if s.NetNS[i].View != model.NoNetNS {
			s.NetNS[i].View = model.Unchosen
		}
	}
	h.feed(s)
	want := "no network namespace is called blue; there are: own, pid 7100, vault, web"
	if text := h.text(); !strings.Contains(text, want) {
		t.Errorf("the screen does not say %q:\n%s", want, text)
	}
	if got := h.line(0); !strings.Contains(got, "no namespace blue") {
		t.Errorf("the head says %q", got)
	}
}

// TestOtherEndInAnotherNetNS: v and the details lead over a veth and back.
func TestOtherEndInAnotherNetNS(t *testing.T) {
	h, _ := clustered(t, 160, 60, nil)
	h.press("/")
	h.type_("lport:51000 or rport:51000")
	h.press(keymap.Enter, "g")
	at := func() uint16 {
		row, _ := h.app.table.cursorRow()
		return h.app.table.view.snapshot.Sockets[row].NetNS
	}
	from := at()
	h.press("v")
	if at() == from {
		t.Fatal("v leads nowhere")
	}
	h.press("v")
	if at() != from {
		t.Error("v does not lead back")
	}
	for at() != 0 {
		h.press("j")
	}
	h.press(keymap.Enter)
	if text := h.text(); !strings.Contains(text, "Other end, in this host: gunicorn (7001), in network namespace web") {
		t.Errorf("the details say:\n%s", text)
	}
	h.press("v")
	text := h.text()
	for _, want := range []string{"nginx (1203), in network namespace own", "Network namespace: web", "cookie      4097", "asked       1.5s ago"} {
		if !strings.Contains(text, want) {
			t.Errorf("the other end's details do not say %q:\n%s", want, text)
		}
	}
}

// TestQuestionsNameTheNetNS: what is hit in another namespace than ours is said to be there.
func TestQuestionsNameTheNetNS(t *testing.T) {
	a := &actor{}
	h, _ := clustered(t, 140, 40, func(c *Config) { c.Actor = a.ui() })
	h.press("/")
	h.type_("netns=web lport:8000 state:established")
	h.press(keymap.Enter, "K")
	if text := h.text(); !strings.Contains(text, "netns    web") {
		t.Errorf("the question for a signal does not name the namespace:\n%s", text)
	}
	h.press(keymap.Esc, "x")
	if text := h.text(); !strings.Contains(text, "172.17.0.2:8000 - 172.17.0.1:51000 ESTABLISHED, in network namespace web") {
		t.Errorf("the question for closing does not name the namespace:\n%s", text)
	}
	h.press("y")
	h.await("the close", func() bool { return len(a.destroyed()) == 1 })
	if a.closed[0].NetNS != 4097 {
		t.Errorf("closed in %d", a.closed[0].NetNS)
	}
	h.press(keymap.Esc, "/")
	h.type_("lport:51000")
	h.press(keymap.Enter, "K")
	if text := h.text(); !strings.Contains(text, "Signal the owner") || strings.Contains(text, "netns    ") {
		t.Errorf("of our own namespace it says:\n%s", text)
	}
}

// TestCountByNetNS: a row for each namespace, and Enter leads to its sockets.
func TestCountByNetNS(t *testing.T) {
	h, _ := clustered(t, 120, 24, func(c *Config) { c.Start.Screen, c.Start.By = "count", "netns" })
	text := h.text()
	for _, want := range []string{"web ", "pid 7100 (/proc) ", "own "} {
		if !strings.Contains(text, want) {
			t.Errorf("no row of %q:\n%s", want, text)
		}
	}
	v := h.app.table.view
	for at, row := range v.order {
		if v.rows.Value(int(row), 0).Text == "pid 7100" {
			h.press("g")
			for range at {
				h.press("j")
			}
		}
	}
	h.press(keymap.Enter)
	if st := h.app.state; st.def.name != "sockets" || st.filterText != `netns="pid 7100"` || len(h.app.table.view.order) != 1 {
		t.Errorf("Enter leads to %s, %q, %d rows", st.def.name, st.filterText, len(h.app.table.view.order))
	}
}

// oneSnapshot is a sampler of the same snapshot again and again.
type oneSnapshot struct{ s *model.Snapshot }

func (o oneSnapshot) Want(model.Demand) {}
func (o oneSnapshot) Sample(context.Context, time.Duration, time.Duration) *model.Snapshot {
	return o.s
}
func (o oneSnapshot) Release(*model.Snapshot) {}

// TestPrintedNetNS: what prints asks for our own namespace unless a flag says otherwise; then a table of ours has the
// column, whatever there is; and a namespace that is not there is a trouble.
func TestPrintedNetNS(t *testing.T) {
	for args, want := range map[string]struct {
		demand string
		column bool
	}{
		"-ant": {"own", false}, "--json": {"own", false}, "--json --netns own": {"own", false},
		"--json --netns all": {"all", true}, "--csv --netns web": {"web", true}, "--json --netns all -x": {"all", true},
		"--json --netns all --columns pid": {"all", false}, "--json --netns all --columns netns": {"all", true},
		"--netns all --count netns": {"all", true},
	} {
		p, err := printingOf(t, nil, strings.Fields(args)...)
		if err != nil {
			t.Fatalf("%s: %v", args, err)
		}
		if got := p.Demand().NetNS; got != want.demand {
			t.Errorf("%s asks for %q", args, got)
		}
		var b bytes.Buffer
		s := cluster(everything).snapshot(0)
		if err := p.Print(&b, s); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.ToLower(b.String()), "netns"); got != want.column {
			t.Errorf("%s: column netns: %v\n%s", args, got, b.String()[:200])
		}
	}
	p, err := printingOf(t, nil, "--json", "--netns", "all", "netns='pid 7100'")
	if err != nil {
		t.Fatal(err)
	}
	var b, trouble bytes.Buffer
	if err := p.Run(context.Background(), oneSnapshot{cluster(everything).snapshot(0)}, &b, &trouble); err != nil {
		t.Error(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal(b.Bytes(), &rows); err != nil || len(rows) != 1 || rows[0]["netns"] != "pid 7100" || rows[0]["sent"] != nil {
		t.Errorf("%v: %s", err, b.String())
	}
	if got := trouble.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "1 network namespace cannot be looked into: its processes may not") ||
		!strings.Contains(got, "no byte counters where /proc alone tells") {
		t.Errorf("it says %q", got)
	}

	p, err = printingOf(t, nil, "-ant", "--netns", "blue")
	if err != nil {
		t.Fatal(err)
	}
	s := cluster(everything).snapshot(0)
	s.Sockets = nil
	for i := range s.NetNS {
		if s.NetNS[i].View != model.NoNetNS {
			s.NetNS[i].View = model.Unchosen
		}
	}
	trouble.Reset()
	if err := p.Run(context.Background(), oneSnapshot{s}, &b, &trouble); !errors.Is(err, ErrTrouble) {
		t.Errorf("of a namespace that is not there: %v", err)
	}
	if got := trouble.String(); got != "sockview: no network namespace is called blue; there are: own, pid 7100, vault, web\n" {
		t.Errorf("it says %q", got)
	}
}

package ui

// Filtering on the screen: as it is typed, and by Enter on a row that stands for sockets.

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sockview/keymap"
	"sockview/model"
)

// rows is how many rows there are to see.
func (h *harness) rows() (n int) {
	h.look(func() { n = h.app.table.len() })
	return n
}

func TestFilterIsLive(t *testing.T) {
	h, _ := served(t, 80, 24, nil)
	h.press("/")
	counts := []int{}
	for _, r := range "pid=1203" {
		h.type_(string(r))
		counts = append(counts, h.rows())
	}
	if last := counts[len(counts)-1]; last != 4 {
		t.Errorf("pid=1203 shows %d rows, want 4", last)
	}
	h.type_(" (")
	if h.rows() != 4 {
		t.Errorf("with a mistake %d rows are shown, want the last right filter's 4", h.rows())
	}
	if l := h.line(-2); !strings.HasPrefix(l, "filter, character ") {
		t.Errorf("the place of the mistake is not told: %q", l)
	}
	h.press(keymap.Enter)
	if h.app.context() != keymap.FilterLine {
		t.Error("Enter takes a filter that is wrong")
	}
	h.type_("sent>1M)")
	if h.rows() != 2 || strings.HasPrefix(h.line(-2), "filter,") {
		t.Errorf("mended, it shows %d rows, want 2: %q", h.rows(), h.line(-2))
	}
	h.press(keymap.Backspace)
	if h.rows() != 2 {
		t.Errorf("without its last parenthesis it shows %d rows, want still 2", h.rows())
	}
	h.press(keymap.Esc)
	if h.rows() != 20 || h.app.context() != keymap.Sockets || h.app.state.filterErr != nil {
		t.Errorf("Esc leaves %d rows, want 20", h.rows())
	}
}

func TestFilterComesBack(t *testing.T) {
	h, _ := served(t, 80, 24, nil)
	h.filter("process:nginx")
	n := h.rows()
	h.press("/")
	if got := h.app.input.GetText(); got != "process:nginx" {
		t.Errorf("the line begins with %q", got)
	}
	h.type_(" state:listen")
	h.press(keymap.Enter)
	if h.rows() != 1 {
		t.Errorf("%d rows, want 1", h.rows())
	}
	h.press("2") // each screen has its own
	if h.app.state.filterText != "" {
		t.Errorf("another screen begins with the filter %q", h.app.state.filterText)
	}
	h.press("1")
	if h.rows() != 1 {
		t.Errorf("back on its screen the filter shows %d rows, want 1", h.rows())
	}
	h.press(keymap.Esc)
	if h.rows() <= n {
		t.Errorf("Esc on the screen does not clear the filter: %d rows", h.rows())
	}
}

func TestFilterCompletes(t *testing.T) {
	h, _ := served(t, 80, 24, nil)
	for typed, want := range map[string]string{
		"stat":           "state",
		"state:est":      "state:ESTABLISHED",
		"state:fin":      "state:FIN_WAIT",
		"rport:1 cookie": "rport:1 cookie",
		"cmdl":           "cmdline",
		"nosuch":         "nosuch",
		"'quo":           "'quo",
	} {
		h.press("/")
		h.type_(typed)
		h.press(keymap.Tab)
		if got := h.app.input.GetText(); !strings.EqualFold(got, want) {
			t.Errorf("Tab makes %q of %q, want %q", got, typed, want)
		}
		h.press(keymap.Esc)
	}
}

// TestCompletionsAreShown while there are several, and no longer.
func TestCompletionsAreShown(t *testing.T) {
	h, _ := served(t, 80, 24, nil)
	h.press("/")
	h.type_("re")
	h.press(keymap.Tab)
	if l := h.line(-2); !strings.Contains(l, "remote") || !strings.Contains(l, "received") {
		t.Errorf("the completions of re are not told: %q", l)
	}
	h.type_("m")
	if l := h.line(-2); strings.Contains(l, "received") {
		t.Errorf("they still are: %q", l)
	}
	h.press(keymap.Tab, keymap.Enter)
	if l := h.line(-1); !strings.HasPrefix(l, "/remote") {
		t.Errorf("the foot does not show the filter: %q", l)
	}
}

// services know one name.
type services struct{ Names }

func (services) ServicePort(name string) (uint16, bool) { return 443, name == "https" }
func (services) Changed() <-chan struct{}               { return nil }

// TestServiceNames: a port may be named, on the command line as on the screen.
func TestServiceNames(t *testing.T) {
	h, _ := served(t, 80, 24, func(c *Config) { c.Names = services{} })
	h.filter("lport:https")
	if h.rows() != 8 {
		t.Errorf("lport:https shows %d rows, want 8:\n%s", h.rows(), h.text())
	}
	if got := printed(t, services{}, "--once", "-n", "lport:https"); strings.Count(got, "\n") != 9 {
		t.Errorf("lport:https prints:\n%s", got)
	}
	c, _, err := configured(t, "", nil, "lport:nosuch")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Snapshots: newScripted(), Names: services{}, Keys: keymap.Default(), Start: c.Start}
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "nosuch") {
		t.Errorf("a service that does not exist: %v", err)
	}
}

// TestWordsLookAtTheColumnsOnShow: a column that was just ticked is searched too.
func TestWordsLookAtTheColumnsOnShow(t *testing.T) {
	h, _ := served(t, 80, 24, nil)
	h.filter("debian")
	if h.rows() != 0 {
		t.Errorf("a word finds %d rows by a column that is not shown", h.rows())
	}
	h.do(func() { h.app.toggleColumn(h.app.state, columnIndex(h.app.state.specs, "cmdline")) })
	h.settle()
	if h.rows() != 1 {
		t.Errorf("with the column on show the word finds %d rows, want 1", h.rows())
	}
}

func TestEnterLeadsToSocketsAndBack(t *testing.T) {
	for _, c := range []struct {
		screen, filter string
		rows           int // of sockets after Enter
	}{
		{"2", "process=curl", 1},
		{"2", "pid=1203", 4},
		{"3", "remote=192.0.2.14", 2},
		{"4", "state:last_ack", 1},
		{"3", "remote=192.0.2.14 proto=tcp6", 1}, // what it says of sockets goes along
		{"3", "remote=192.0.2.14 (proto=tcp6 or lport=443)", 1},
		{"2", "pid=1203 state:listen", 1},
	} {
		h, _ := served(t, 100, 24, nil)
		h.press(keymap.Key(c.screen))
		h.filter(c.filter)
		if h.rows() != 1 {
			t.Fatalf("%s shows %d rows, want 1:\n%s", c.filter, h.rows(), h.text())
		}
		from := h.line(2)
		h.press(keymap.Enter)
		if h.app.state.def.name != "sockets" || h.rows() != c.rows {
			t.Errorf("from %s Enter leads to %d rows of %s, want %d:\n%s", c.filter, h.rows(), h.app.state.def.name, c.rows, h.text())
		}
		h.press(keymap.Esc)
		if got := h.line(2); fmt.Sprint(strings.Fields(got)[:3]) != fmt.Sprint(strings.Fields(from)[:3]) || h.app.state.filterText != c.filter {
			t.Errorf("Esc leads to %q, want %q with its filter", got, from)
		}
		h.press("1")
		if h.app.state.filterText != "" {
			t.Errorf("the filter %q is left on the sockets", h.app.state.filterText)
		}
	}
}

// TestJumpForgetsTheWayBack: Esc after a digit does not lead to where Enter was pressed long ago.
func TestJumpForgetsTheWayBack(t *testing.T) {
	h, _ := served(t, 80, 24, nil)
	h.press("2", keymap.Enter, "3")
	h.filter("remote:10.0.0.9")
	h.press(keymap.Esc)
	if h.app.state.def.name != "hosts" || h.app.state.filterText != "" {
		t.Errorf("Esc leads to %s with the filter %q, want to clear that of hosts", h.app.state.def.name, h.app.state.filterText)
	}
}

// zoo is a host with every kind of value that a group can have.
func zoo() *world {
	w := server()
	w.process(300, "has space", 1000)
	w.process(301, `quo"te'd`, 1000)
	w.process(302, "a,b", 1000)
	w.process(303, "not", 1000)
	w.process(304, "[red]", 4242)
	w.process(305, "\x1b]52;evil\x07", 0)
	w.process(306, "-", 0)
	w.process(307, "NGINX", 0) // differs in case only
	w.process(308, "(x) or y", 0).Unit = model.SafeText("a=b:c~d.service")
	w.process(309, "münchen", 0).Container = model.SafeText("ab cd")
	for pid := int32(300); pid < 310; pid++ {
		s := w.socket("tcp", fmt.Sprintf("10.0.0.5:%d", 8000+pid), fmt.Sprintf("203.0.113.%d:%d", pid-290, 2000+pid), model.Established, pid)
		s.Sent, s.Received, s.SendQ, s.RecvQ = uint64(pid)*1_000_003, uint64(pid)*17, uint32(pid), 0
		s.RTT, s.Cwnd, s.Retrans, s.MSS = uint32(pid)*1001, 10, uint32(pid%3), 1448
		s.Timer, s.Expires = model.Timer(pid%5), uint32(pid)*11
		s.Interface, s.Has, s.Cong = uint32(pid%4), s.Has|model.HasCong|model.HasDelivery|model.HasMark, uint8(pid%3)
		s.DeliveryRate, s.FwMark = uint64(pid)*999, uint32(pid%2)*0xdeadbeef
	}
	for state := model.Established; state <= model.Bound; state++ {
		if state.String() == "SYN_RECV" && state != model.SynRecv {
			continue
		}
		s := w.socket("tcp", "10.0.0.5:7000", fmt.Sprintf("198.51.100.200:%d", 3000+uint16(state)), state, 0)
		if state == model.SynRecv || state == model.TimeWait || state == model.Established {
			s.Inode = 0
		}
		w.socket("udp6", "[::1]:7000", fmt.Sprintf("[2001:db8::%d]:53", state), state, 0)
	}
	w.socket("tcp6", "[::ffff:10.0.0.5]:80", "[::ffff:203.0.113.9]:9999", model.Established, 300)
	w.socket("tcp6", "[::]:81", "[::]:0", model.Listen, 300)
	w.socket("udp", "0.0.0.0:81", "0.0.0.0:0", model.Close, 300)
	w.socket("tcp", "10.0.0.5:82", "192.0.2.1:1", model.Established, 300).Cookie = 0
	return w
}

// TestEveryGroupLeadsToItsSockets: for every column that can be counted, Enter on each of its rows shows as many
// sockets as the row counts, and no live socket is without a group.
func TestEveryGroupLeadsToItsSockets(t *testing.T) {
	w := zoo()
	w.snapshot(0)
	s := w.work()
	var sockets, hosts, count *screen
	for _, d := range screens() {
		switch d.name {
		case "sockets":
			sockets = d
		case "hosts":
			hosts = d
		case "count":
			count = d
		}
	}
	live := 0
	for i := range s.Sockets {
		if !s.Sockets[i].Dead {
			live++
		}
	}
	shown := func(filter string) int {
		f, err := model.ParseFilter(filter, sockets.scopes("")...)
		if err != nil {
			t.Errorf("the filter %s: %v", filter, err)
			return -1
		}
		rows, order, _ := sockets.compile(&query{def: sockets, filter: f, format: &model.Formatter{}})(s, nil)
		n := 0
		for _, row := range order {
			if rows.Change(int(row)) != model.Closed {
				n++
			}
		}
		return n
	}
	check := func(t *testing.T, def *screen, by string, want int) {
		q := query{def: def, by: by, format: &model.Formatter{}}
		rows, order, _ := def.compile(&q)(s, nil)
		v := &view{snapshot: s, rows: rows, order: order, query: q}
		total, unknown := 0, 0
		for _, row := range order {
			n := int(rows.Value(int(row), 1).Num)
			total += n
			if rows.Value(int(row), 0).Why != model.Known {
				unknown += n
			}
		}
		for _, row := range order {
			counted := int(rows.Value(int(row), 1).Num)
			if rows.Value(int(row), 0).Why != model.Known {
				counted = unknown // a row for each reason, and a filter for all of them
			}
			filter := def.open(v, int(row))
			if got := shown(filter); got != counted {
				t.Errorf("a row that counts %d leads by %s to %d", counted, filter, got)
			}
		}
		if total != want {
			t.Errorf("the rows count %d sockets, there are %d", total, want)
		}
	}
	for _, spec := range model.Sockets().Specs() {
		if spec.AtLeast {
			continue // no filter says exactly "at least this old"
		}
		t.Run(spec.ID, func(t *testing.T) { check(t, count, spec.ID, live) })
	}
	t.Run("hosts", func(t *testing.T) {
		connected := 0
		for i := range s.Sockets {
			if r := &s.Sockets[i]; !r.Dead && !r.Remote.IsUnspecified() {
				connected++
			}
		}
		check(t, hosts, "remote", connected)
	})
	t.Run("processes", func(t *testing.T) {
		def := screens()[1]
		q := query{def: def, format: &model.Formatter{}}
		rows, order, _ := def.compile(&q)(s, nil)
		v := &view{snapshot: s, rows: rows, order: order, query: q}
		at := columnIndex(def.specs(""), "sockets")
		for _, row := range order {
			filter := def.open(v, int(row))
			if got, want := shown(filter), int(rows.Value(int(row), at).Num); got != want {
				t.Errorf("a process with %d sockets leads by %s to %d", want, filter, got)
			}
		}
	})
}

// TestCountIsBoundedByItsFilter: the sum over the groups is what the same filter shows of the sockets.
func TestCountIsBoundedByItsFilter(t *testing.T) {
	h := start(t, 120, 40, nil)
	w := zoo()
	h.feed(w.snapshot(0))
	h.feed(w.snapshot(2 * time.Second))
	for _, filter := range []string{"", "proto=tcp6", "lport:443 or process:quo", "not state:estab"} {
		h.press("1")
		h.press(keymap.Esc)
		h.filter(filter)
		want := h.rows()
		h.press("4")
		h.press(keymap.Esc)
		h.filter(strings.ReplaceAll(filter, "state:", "rport>0 not state:")) // state is the group's own here
		if strings.Contains(filter, "state:") {
			continue
		}
		got := 0
		h.do(func() {
			v := h.app.table.view
			for _, row := range v.order {
				got += int(v.rows.Value(int(row), 1).Num)
			}
		})
		if got != want {
			t.Errorf("filter %q: groups of %d sockets, the sockets screen shows %d", filter, got, want)
		}
	}
}

func TestToggles(t *testing.T) {
	h, _ := served(t, 100, 30, nil)
	all := h.rows()
	for _, c := range []struct {
		keys []keymap.Key
		note string
		want int
	}{
		{[]keymap.Key{"t"}, "[TCP]", 18},
		{[]keymap.Key{"u"}, "[TCP UDP]", all},
		{[]keymap.Key{"t"}, "[UDP]", 2},
		{[]keymap.Key{"u"}, "", all},
		{[]keymap.Key{"i"}, "[IPv4]", 16},
		{[]keymap.Key{"i"}, "[IPv6]", 4},
		{[]keymap.Key{"i"}, "", all},
		{[]keymap.Key{"l"}, "[connected]", 13},
		{[]keymap.Key{"l"}, "[listening]", 7},
		{[]keymap.Key{"t", "i"}, "[TCP IPv4 listening]", 4},
		{[]keymap.Key{"a"}, "", all},
	} {
		h.press(c.keys...)
		if got := h.rows(); got != c.want {
			t.Errorf("after %v %d rows are shown, want %d", c.keys, got, c.want)
		}
		foot := h.line(-1)
		if strings.HasPrefix(strings.TrimSpace(foot), "[") != (c.note != "") || !strings.Contains(foot, c.note) {
			t.Errorf("after %v the foot is %q, want %q in it", c.keys, foot, c.note)
		}
	}
}

// TestSorting goes through the neighbours and the picker.
func TestSorting(t *testing.T) {
	h, _ := served(t, 120, 30, nil)
	id := func() string { return h.app.state.specs[h.app.state.sorting.Column].ID }
	var order []string
	for range len(h.app.state.shown) {
		order = append(order, id())
		h.press(">")
	}
	if id() != "process" || len(order) != 12 || order[11] != "rx" {
		t.Errorf("> goes through %v", order)
	}
	h.press("<")
	if id() != "rx" || !h.app.state.sorting.Desc {
		t.Errorf("< from the first column leads to %s, descending %v", id(), h.app.state.sorting.Desc)
	}
	h.do(func() { h.app.sortBy(columnIndex(h.app.state.specs, "cookie")) }) // a column that is not shown
	h.press("<")
	if id() != "rx" {
		t.Errorf("< from a column that is not shown leads to %s, want the last", id())
	}
	h.do(func() { h.app.sortBy(columnIndex(h.app.state.specs, "cookie")) })
	h.press(">")
	if id() != "process" {
		t.Errorf("> from a column that is not shown leads to %s, want the first", id())
	}
	h.press("s", "j", keymap.Enter)
	if id() != "pid" {
		t.Errorf("the picker begins where the order is; it chose %s", id())
	}
}

package ui

// The screens of netstat's other tables at work: what they ask the sampler for, what the keys do on them, why they
// are empty.

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sockview/keymap"
	"sockview/model"
)

func (h *harness) tables() model.Tables { return h.source.wanted().Tables }

// TestTablesAreAskedFor while somebody looks, and no longer.
func TestTablesAreAskedFor(t *testing.T) {
	h := start(t, 100, 24, nil)
	n := newStation(h.tables)
	h.feed(n.snapshot(0))
	for _, s := range tableScreens {
		h.press(keymap.Key(s.key))
		if got, want := h.tables(), model.TableSockets|s.table; got != want {
			t.Errorf("on %s the tables %b are asked for, want %b", s.name, got, want)
		}
		if got := h.line(2); got != " reading ..." {
			t.Errorf("%s before it is read: %q", s.name, got)
		}
		h.feed(n.snapshot(time.Second))
		if h.rows() == 0 || strings.Contains(h.text(), "reading") {
			t.Errorf("%s is not shown:\n%s", s.name, h.text())
		}
		if len(h.app.table.view.snapshot.Sockets) == 0 {
			t.Errorf("with %s on show nobody counts the sockets of the status line", s.name)
		}
		h.press("1")
		if got := h.tables(); got != model.TableSockets {
			t.Errorf("after %s the tables %b are still asked for", s.name, got)
		}
	}
	h, _ = served(t, 80, 24, func(c *Config) { c.Start.Choice.SCTP = true })
	if got := h.tables(); got != model.TableSockets|model.TableSCTP {
		t.Errorf("with -S the tables %b are asked for", got)
	}
}

// TestHeldDisplayHasNoOtherTable: what is held was made when nobody looked at the routes.
func TestHeldDisplayHasNoOtherTable(t *testing.T) {
	h := start(t, 100, 24, nil)
	n := newStation(h.tables)
	h.feed(n.snapshot(0))
	h.press(keymap.Space, "7")
	if got := h.line(2); !strings.HasPrefix(got, " reading ...") {
		t.Errorf("a table that was not read yet says %q", got)
	}
	h.press(keymap.Space)
	h.feed(n.snapshot(time.Second))
	if h.rows() == 0 {
		t.Errorf("let go, the routes are not shown:\n%s", h.text())
	}
}

// TestScreensInOrder: digits and r go to a screen, Tab and Shift-Tab through all of them; P and H lead to the last.
func TestScreensInOrder(t *testing.T) {
	h := start(t, 100, 24, nil)
	n := newStation(everything)
	h.feed(n.snapshot(0))
	order := []string{"sockets", "processes", "hosts", "count", "unix", "interfaces", "routes", "statistics", "groups", "nat", "containers", "history"}
	if !slices.Equal(order, keymap.Screens()) {
		t.Fatalf("the flags know the screens %v", keymap.Screens())
	}
	for i, want := range order {
		key := keymap.Key(fmt.Sprint((i + 1) % 10))
		switch i {
		case 10:
			key = "P"
		case 11:
			key = "H"
		}
		h.press(key)
		if got := h.app.state.def.name; got != want {
			t.Errorf("%s leads to %s, want %s", key, got, want)
		}
	}
	h.press("r")
	if got := h.app.state.def.name; got != "routes" {
		t.Errorf("r leads to %s", got)
	}
	h.press("1")
	for i := range order {
		h.press(keymap.Tab)
		if got, want := h.app.state.def.name, order[(i+1)%len(order)]; got != want {
			t.Errorf("Tab leads to %s, want %s", got, want)
		}
	}
	for i := range order {
		h.press(keymap.ShiftTab)
		if got, want := h.app.state.def.name, order[len(order)-1-i]; got != want {
			t.Errorf("Shift-Tab leads to %s, want %s", got, want)
		}
	}
}

// TestTabForms: as much of the screens' names as there is room for, and always that of the one on show.
func TestTabForms(t *testing.T) {
	full := []string{"1 Sockets", "2 Processes", "3 Hosts", "4 Count", "5 Unix", "6 Interfaces", "7 Routes", "8 Statistics", "9 Groups", "0 NAT", "P Containers", "H History"}
	short := []string{"1 Sock", "2 Proc", "3 Hosts", "4 Count", "5 Unix", "6 Ifs", "7 Routes", "8 Stat", "9 Grp", "0 NAT", "P Cont", "H Hist"}
	digits := []string{"1", "2", "3", "4", "5", "6", "7 Routes", "8", "9", "0", "P", "H"}
	for _, c := range []struct {
		width int
		want  []string
	}{{200, full}, {170, full}, {140, short}, {80, digits}, {40, nil}} {
		h := start(t, c.width, 10, nil)
		n := newStation(h.tables)
		n.dress = func(s *model.Snapshot) {
			s.Tables, s.Access = h.tables(), model.Access{Owners: true, Destroy: true, Kill: true}
		}
		h.feed(n.snapshot(0))
		h.press("7")
		head := strings.Join(strings.Fields(h.line(0)), " ")
		if want := strings.Join(c.want, " "); !strings.HasSuffix(head, want) {
			t.Errorf("%d wide the head is %q, want it to end with %q", c.width, head, want)
		}
		if start := "sockview 7 Routes web-1"; c.width == 40 && !strings.HasPrefix(head, start) { // where one is comes first
			t.Errorf("%d wide the head is %q", c.width, head)
		} else if c.width != 40 && !strings.HasPrefix(head, "sockview web-1 full access") {
			t.Errorf("%d wide the head is %q", c.width, head)
		}
	}
	h := start(t, 200, 10, nil)
	h.feed(newStation(everything).snapshot(0))
	h.press("4")
	if head := h.line(0); !strings.Contains(head, "4 Count state  5 Unix") {
		t.Errorf("the head is %q", head)
	}
}

func TestTableStatusLine(t *testing.T) {
	h, _ := looked(t, 120, 24, "7", nil)
	if got, want := h.line(-2), fmt.Sprintf("Endpoints: 19 | Rows: %d | Established: 10 | Listening: 5 | ", h.rows()); !strings.HasPrefix(got, want) {
		t.Errorf("the status line is %q, want %q", got, want)
	}
	h.filter("default")
	if got := h.line(-2); !strings.Contains(got, "Rows: 3 |") {
		t.Errorf("with three rows the status line is %q", got)
	}
}

func TestTableToggles(t *testing.T) {
	type press struct {
		keys string
		rows int
		note string // "" for none
	}
	for _, c := range []struct {
		screen  string
		presses []press
	}{
		{"5", []press{{"l", 6, "[connected]"}, {"l", 3, "[listening]"}, {"l", 9, ""}, {"la", 9, ""}}},
		{"7", []press{{"i", 8, "[IPv4]"}, {"i", 4, "[IPv6]"}, {"i", 12, ""}}},
		{"9", []press{{"i", 6, "[IPv4]"}, {"i", 5, "[IPv6]"}, {"i", 9, ""}}}, // those of the link layer are of neither
		{"8", []press{{"t", 5, "[TCP]"}, {"u", 8, "[TCP UDP]"}, {"tuU", 1, "[UDP-Lite]"}, {"Uw", 3, "[raw]"}, {"i", 2, "[raw IPv4]"},
			{"a", 14, ""}, {"z", 4, "[changing]"}, {"t", 3, "[TCP changing]"}, {"tz", 14, ""}}},
		{"0", []press{{"t", 5, "[TCP]"}, {"tu", 2, "[UDP]"}, {"i", 1, "[UDP IPv4]"}, {"a", 8, ""}, {"w", 1, "[raw]"}, {"wU", 0, "[UDP-Lite]"}}},
	} {
		h, _ := looked(t, 100, 24, c.screen, nil)
		for _, p := range c.presses {
			for _, key := range p.keys {
				h.press(keymap.Key(key))
			}
			foot := strings.TrimSpace(h.line(-1))
			if got := h.rows(); got != p.rows || strings.HasPrefix(foot, "[") != (p.note != "") || !strings.HasPrefix(foot, p.note) {
				t.Errorf("screen %s after %s: %d rows, want %d with %q:\n%s", c.screen, p.keys, got, p.rows, p.note, h.text())
			}
		}
	}
}

// TestTogglesThatMeanNothing say so, and change nothing anywhere.
func TestTogglesThatMeanNothing(t *testing.T) {
	for screen, keys := range map[string]string{
		"1": "z", "2": "z", "3": "z", "4": "z", "5": "tuUwiz", "6": "tuUwilz", "7": "tuUwlz", "8": "l", "9": "tuUwlz", "0": "lz",
	} {
		h := start(t, 100, 24, func(c *Config) { c.Start.Choice = model.Choice{TCP: true} })
		h.feed(newStation(everything).snapshot(0))
		h.press(keymap.Key(screen))
		rows := h.rows()
		for _, key := range keys {
			h.press(keymap.Key(key))
			if got, want := h.app.message, "this key chooses nothing among "+strings.ToLower(h.app.state.def.title); got != want {
				t.Errorf("%c on screen %s says %q, want %q", key, screen, got, want)
			}
			if got := h.app.choice; got != (model.Choice{TCP: true}) || h.rows() != rows {
				t.Errorf("%c on screen %s chooses %+v and leaves %d of %d rows", key, screen, got, h.rows(), rows)
			}
		}
	}
}

// TestChoiceGoesAlong: what was chosen on one screen holds on those where it means something, and is not told on
// the others.
func TestChoiceGoesAlong(t *testing.T) {
	h := start(t, 100, 24, nil)
	h.feed(newStation(everything).snapshot(0))
	h.press("t", "i", "i")
	for _, c := range []struct{ screen, note string }{
		{"1", "[TCP IPv6]"}, {"5", ""}, {"6", ""}, {"7", "[IPv6]"}, {"8", "[TCP IPv6]"}, {"9", "[IPv6]"}, {"0", "[TCP IPv6]"}, {"2", "[TCP IPv6]"},
	} {
		h.press(keymap.Key(c.screen))
		if got := h.app.filterNote(); !strings.HasPrefix(got, c.note) || c.note == "" && strings.HasPrefix(got, "[") {
			t.Errorf("screen %s notes %q, want %q", c.screen, got, c.note)
		}
	}
}

func TestEmptyTables(t *testing.T) {
	for _, c := range []struct {
		name   string
		screen string
		change func(*station)
		keys   []keymap.Key
		filter string
		want   string
	}{
		{"none", "7", func(n *station) { n.routes = nil }, nil, "", " none"},
		{"why there is none", "0", func(n *station) { n.flows = nil }, nil, "", " none: no connection is tracked now; only where a rule of the namespace asks for it any is"},
		{"the kernel has none", "0", func(n *station) {
			n.flows = nil
			n.sources = []model.Source{{Name: "connection tracking", Of: model.TableFlows, Absent: true, Err: errors.New("this kernel has none (modprobe nf_conntrack_netlink)")}}
		}, nil, "", " nothing to show: connection tracking: this kernel has none (modprobe nf_conntrack_netlink)"},
		{"another table's trouble", "9", func(n *station) {
			n.groups = nil
			n.sources = []model.Source{{Name: "routes", Of: model.TableRoutes, Err: errors.New("refused")}}
		}, nil, "", " none"},
		{"the sockets' trouble", "9", func(n *station) {
			n.groups = nil
			n.failed = map[string]error{"TCP IPv6": errors.New("refused")}
		}, nil, "", " none"},
		{"filtered", "7", func(*station) {}, nil, "interface=nope", " 0 of 11: filter interface=nope   (a shows all)"},
		{"chosen", "9", func(n *station) { n.groups = n.groups[:1] }, []keymap.Key{"i", "i"}, "", " 0 of 1: filter [IPv6]   (a shows all)"},
		{"none of none", "9", func(n *station) { n.groups = nil }, []keymap.Key{"i"}, "users>4", " none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := start(t, 120, 24, nil)
			n := newStation(h.tables)
			c.change(n)
			h.feed(n.snapshot(0))
			h.press(keymap.Key(c.screen))
			h.feed(n.snapshot(time.Second))
			h.press(c.keys...)
			h.filter(c.filter)
			if got := h.line(2); got != c.want {
				t.Errorf("the table says %q, want %q", got, c.want)
			}
			h.press("a")
			if c.filter != "" && len(n.routes) > 0 && c.screen == "7" && h.rows() != len(n.routes) {
				t.Errorf("a shows %d rows, want all", h.rows())
			}
		})
	}
}

// TestClosedRowsAreNotCounted among those that a filter leaves out.
func TestClosedRowsAreNotCounted(t *testing.T) {
	h, _ := looked(t, 120, 24, "7", nil)
	if h.rows() != 12 {
		t.Fatalf("%d routes are shown, want 11 and one that is gone", h.rows())
	}
	h.filter("interface=nope")
	if got := h.line(2); !strings.HasPrefix(got, " 0 of 11: filter") {
		t.Errorf("the table says %q", got)
	}
}

// TestUnknownCounter: a name of the kernel's that nobody here has heard of.
func TestUnknownCounter(t *testing.T) {
	h, _ := looked(t, 100, 24, "8", nil)
	h.filter("name=TCPNovelty")
	h.press(keymap.Enter)
	if !strings.Contains(h.text(), "there is no explanation of it here") {
		t.Errorf("the page is\n%s", h.text())
	}
}

// TestFailedTableIsStale: what was read stays, marked as old, and the status line says of which source.
func TestFailedTableIsStale(t *testing.T) {
	h, n := looked(t, 120, 24, "7", nil)
	rows := h.rows()
	dress := n.dress
	n.dress = func(s *model.Snapshot) {
		dress(s)
		n.routeRoll.Fold([]model.Part[model.Route]{{At: n.now}}, n.now, int64(time.Second))
		s.Routes = n.routeRoll.Rows()
		s.Sources = append(s.Sources, model.Source{Name: "routes", Of: model.TableRoutes, Err: errors.New("no buffer space"), Age: int64(time.Second)})
	}
	h.feed(n.snapshot(100 * time.Millisecond))
	if h.rows() != rows || !strings.Contains(h.line(-2), "routes: no buffer space (1s old)") {
		t.Errorf("%d rows, want %d:\n%s", h.rows(), rows, h.text())
	}
	h.press(keymap.Enter)
	if !strings.Contains(h.text(), "Its source failed: this is how it was seen last.") {
		t.Errorf("the page takes an old row for a new one:\n%s", h.text())
	}
}

// TestTableFilters ask about columns of the table, and only of it.
func TestTableFilters(t *testing.T) {
	screens := map[string]*harness{}
	for _, c := range []struct {
		screen, filter string
		rows           int
	}{
		{"5", "state:listen", 3}, {"5", "path:pgsql recvq>0", 2}, {"5", "process=nginx", 2}, {"5", "peerprocess:nginx", 1},
		{"5", "uid=110 not state:listening", 1}, {"5", "inode:-", 1}, {"5", "type:dgram or type:seqpacket", 3},
		{"6", "addresses:172.17", 1}, {"6", "received>1G", 1}, {"6", "rxdrop>0", 1}, {"6", "state=up mtu=1500", 5}, {"6", "rx>1M", 1}, {"6", "rx:-", 2},
		{"7", "gateway:10.0.0.0/8", 3}, {"7", "gateway:-", 8}, {"7", "table=local", 4}, {"7", "metric>=100 metric<1000", 2}, {"7", "flags:G", 4},
		{"7", "type:blackhole", 1}, {"7", "mtu:1400", 1},
		{"8", "overflow", 2}, {"8", "group:tcpext", 2}, {"8", "change>0", 3}, {"8", "change<0", 1}, {"8", "value:-", 1}, {"8", "moved:2", 1},
		{"9", "family:link", 2}, {"9", "users>=2", 2}, {"9", "group:224.0.0.0/4 interface:eth0", 3}, {"9", "querier~^V2$", 3},
		{"0", "nat:dnat", 1}, {"0", "nat:-", 3}, {"0", "dport:443 state:syn_sent", 1}, {"0", "replysrc:172.17.0.0/16", 1}, {"0", "sent:-", 5},
		{"0", "port:443", 3}, {"0", "addr:172.17.0.2", 4}, {"0", "timeout<1m", 1}, {"0", "proto:icmp icmp:8/0", 1}, {"0", "flags:unreplied", 3},
	} {
		h := screens[c.screen]
		if h == nil {
			h, _ = looked(t, 120, 30, c.screen, nil)
			screens[c.screen] = h
		}
		h.quietly("a")
		h.filter(c.filter)
		if got := h.rows(); got != c.rows || len(h.app.overlays) > 0 {
			t.Errorf("screen %s: %s shows %d rows, want %d:\n%s", c.screen, c.filter, got, c.rows, h.text())
		}
	}
	h, _ := looked(t, 120, 30, "7", nil)
	h.filter("process:nginx")
	if l := h.line(-2); !strings.HasPrefix(l, "filter, character 1") || !strings.Contains(l, `"process"`) {
		t.Errorf("a filter by what routes have not: %q", l)
	}
}

// TestTableSorts by each column, either way: every row stays, the unknown last.
func TestTableSorts(t *testing.T) {
	for _, s := range tableScreens {
		t.Run(s.name, func(t *testing.T) {
			h, _ := looked(t, 100, 40, s.key, nil)
			rows := h.rows()
			for c := range h.app.state.specs {
				for range 2 {
					h.do(func() { h.app.sortBy(c) })
					h.settle()
					h.look(func() {
						v, unknown := h.app.table.view, false
						if len(v.order) != rows {
							t.Errorf("sorted by %s there are %d rows, want %d", h.app.state.specs[c].ID, len(v.order), rows)
						}
						for _, row := range v.order {
							is := v.rows.Value(int(row), c).Why != model.Known
							if unknown && !is {
								t.Errorf("sorted by %s a known value comes after an unknown one", h.app.state.specs[c].ID)
							}
							unknown = is
						}
					})
				}
			}
		})
	}
	h, _ := looked(t, 120, 40, "7", nil)
	h.press("s", "j", "j", "j", keymap.Enter, "S") // metric, the highest first
	if got := strings.Fields(h.line(2)); !slices.Contains(got, "1024") || !strings.Contains(h.line(1), "METRIC▼") {
		t.Errorf("the highest metric does not come first:\n%s", h.text())
	}
}

func TestTableEnterAndEsc(t *testing.T) {
	for _, s := range tableScreens {
		t.Run(s.name, func(t *testing.T) {
			h, _ := looked(t, 100, 30, s.key, nil)
			h.filter(s.row)
			key := h.app.state.cursor
			h.press(keymap.Enter)
			if h.app.context() != keymap.Details || h.source.wanted().Focus != key || h.tables()&s.table == 0 {
				t.Errorf("Enter opens %s and asks for %+v of %b", h.app.context(), h.source.wanted().Focus, h.tables())
			}
			foot := h.line(-1)
			if strings.Contains(foot, "x close") || strings.Contains(foot, "K kill") != (s.name == "unix") {
				t.Errorf("the page offers %q", foot)
			}
			h.press(keymap.Esc)
			if h.app.context() != keymap.Sockets || h.source.wanted().Focus != (model.Key{}) || h.app.state.def.name != s.name {
				t.Errorf("Esc leads to %s of %s, with the focus on %+v", h.app.context(), h.app.state.def.name, h.source.wanted().Focus)
			}
			h.press(keymap.Esc)
			if h.app.state.filterText != "" {
				t.Error("a second Esc leaves the filter")
			}
		})
	}
}

// TestTableRowsKeepTheirMarks, and what is marked is copied and saved.
func TestTableRowsKeepTheirMarks(t *testing.T) {
	h, n := looked(t, 120, 30, "7", nil)
	h.filter("gateway:10.0.0.0/8 table=main")
	h.press("m", "m")
	if h.app.filterNote() != "/gateway:10.0.0.0/8 table=main  2 marked" {
		t.Errorf("the foot notes %q", h.app.filterNote())
	}
	h.press("c")
	h.says("2 rows copied")
	var got string
	h.do(func() { got = string(h.screen.GetClipboardData()) })
	if want := "default\t10.0.0.1\tUG\t100\teth0\tmain\tdhcp\tglobal\tunicast\t10.0.0.5\n" +
		"default\t10.0.0.2\tUG\t600\teth0\tmain\tdhcp\tglobal\tunicast\t10.0.0.5\n"; got != want {
		t.Errorf("copied %q, want %q", got, want)
	}
	n.routes = slices.DeleteFunc(n.routes, func(r model.Route) bool { return r.Metric == 600 })
	h.feed(n.snapshot(time.Second))
	h.feed(n.snapshot(2 * time.Second))
	path := filepath.Join(t.TempDir(), "routes.csv")
	h.press("e")
	h.type_(path)
	h.press(keymap.Enter)
	h.says("1 row saved to " + path)
	records := readCSV(t, path)
	if want := [][]string{
		{"destination", "gateway", "flags", "metric", "interface", "table", "protocol", "scope", "type", "source"},
		{"0.0.0.0/0", "10.0.0.1", "UG", "100", "eth0", "main", "dhcp", "global", "unicast", "10.0.0.5"},
	}; !slices.EqualFunc(records, want, slices.Equal[[]string]) {
		t.Errorf("saved %q, want %q", records, want)
	}
	h.press("M")
	h.filter("metric=600")
	h.press("m")
	h.says("") // there is no row to mark
	if len(h.app.state.marks) != 0 {
		t.Error("a row was marked that is not there")
	}
}

func TestTableExport(t *testing.T) {
	for _, c := range []struct {
		screen, filter string
		row            []string
	}{
		{"5", "inode=5004", []string{"postgres", "940", "STREAM", "CONNECTED", "/run/postgresql/.s.PGSQL.5432", "nginx", "1203", "5003", "5004", "412", "0"}},
		{"8", "name=ListenOverflows", []string{"TcpExt", "ListenOverflows", "19", "2", "2"}},
		{"8", "name=SentNonUnicast", []string{"Interfaces", "SentNonUnicast", "", "", ""}},
		{"9", "hardware:33:33", []string{"eth0", "link", "", "33:33:ff:00:00:05", "1", "", "0"}},
		{"0", "nat:dnat", []string{"tcp", "dnat", "203.0.113.9", "51522", "10.0.0.5", "8080", "172.17.0.3", "80", "203.0.113.9", "51522", "ESTABLISHED",
			"431990", "4100", "48211"}},
	} {
		h, _ := looked(t, 160, 30, c.screen, nil)
		h.filter(c.filter)
		path := filepath.Join(t.TempDir(), "rows.csv")
		h.press("e")
		h.type_(path)
		h.press(keymap.Enter)
		h.says("1 row saved")
		if got := readCSV(t, path); len(got) != 2 || len(got[1]) < len(c.row) || !slices.Equal(got[1][:len(c.row)], c.row) {
			t.Errorf("screen %s: saved %q, want %q", c.screen, got, c.row)
		}
	}
}

func readCSV(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return records
}

func TestTableActions(t *testing.T) {
	const onlyInet = "no connection to close: the kernel closes TCP and UDP sockets only"
	for _, c := range []struct {
		name, screen, filter string
		before, keys         []keymap.Key
		access               bool // without the right to close
		did                  []string
		says                 string
	}{
		{name: "the holder of a unix socket", screen: "5", filter: "inode=5003", keys: []keymap.Key{"K", "y"},
			did: []string{"terminated to 1203/12030"}, says: "nginx (1203) ended"},
		{name: "one of several holders", screen: "5", filter: "inode=5002", keys: []keymap.Key{"K", "j", keymap.Enter, "y"},
			did: []string{"terminated to 1204/12040"}, says: "nginx (1204) ended"},
		{name: "several unix sockets, each process once", screen: "5", filter: "inode=5001,5004,5003", before: []keymap.Key{"m", "m", "m"},
			keys: []keymap.Key{"K", "y"}, did: []string{"terminated to 1203/12030", "terminated to 940/9400"}},
		{name: "from the page of a unix socket", screen: "5", filter: "inode=5003", keys: []keymap.Key{keymap.Enter, "K", "y"},
			did: []string{"terminated to 1203/12030"}},
		{name: "no holder to be seen", screen: "5", filter: "inode=5007", keys: []keymap.Key{"K"}, says: "no process to signal: no permission"},
		{name: "nobody has accepted it", screen: "5", filter: "state:connecting", keys: []keymap.Key{"K"}, says: "no process to signal: not accepted yet"},
		{name: "a unix socket that is closed", screen: "5", filter: "inode=5006", keys: []keymap.Key{"K"}, says: "no process to signal: the row is closed"},
		{name: "no unix socket at all", screen: "5", filter: "inode=1", keys: []keymap.Key{"K"}, says: "no process to signal: there is no row"},
		{name: "nobody holds an interface", screen: "6", keys: []keymap.Key{"K"}, says: "no process to signal: no process holds what is listed here"},
		{name: "nobody holds a counter", screen: "8", keys: []keymap.Key{keymap.Enter, "K"}, says: "no process to signal: no process holds what is listed here"},
		{name: "a unix socket is not closed", screen: "5", filter: "inode=5003", keys: []keymap.Key{"x"}, says: onlyInet},
		{name: "a route is not closed", screen: "7", keys: []keymap.Key{"x"}, says: onlyInet},
		{name: "a connection that passes by is not closed", screen: "0", keys: []keymap.Key{keymap.Enter, "x"}, says: onlyInet},
		{name: "rights would not help", screen: "7", keys: []keymap.Key{"x"}, access: true, says: onlyInet},
	} {
		t.Run(c.name, func(t *testing.T) {
			var a actor
			h := start(t, 100, 30, func(cfg *Config) { cfg.Actor = a.ui() })
			n := newStation(h.tables)
			if c.access {
				dress := n.dress
				n.dress = func(s *model.Snapshot) { dress(s); s.Access.Destroy = false }
			}
			h.feed(n.snapshot(0))
			n.visit(h, c.screen)
			h.filter(c.filter)
			h.press(c.before...)
			h.press(c.keys...)
			if c.says != "" {
				h.says(c.says)
			}
			got := a.did()
			slices.Sort(got)
			if !slices.Equal(got, c.did) || a.destroyed() != nil {
				t.Errorf("signalled %q and closed %v, want %q", got, a.destroyed(), c.did)
			}
			h.await("every process let go", func() bool { return a.open() == 0 })
		})
	}
}

// TestCountFromATable counts the rows of the table on show, as its filter lets them through; Enter leads to the rows
// with a value, Esc back.
func TestCountFromATable(t *testing.T) {
	for _, s := range tableScreens {
		h, _ := looked(t, 100, 30, s.key, nil)
		h.filter(s.row)
		h.press("#")
		if !strings.Contains(h.text(), "Count "+strings.ToLower(h.app.state.def.title)+" by") {
			t.Errorf("# on %s asks nothing:\n%s", s.name, h.text())
		}
		h.press(keymap.Enter)
		def := h.app.state.def
		if def.name != tallyName || def.leads != s.name || h.rows() == 0 || h.tables()&def.tables == 0 {
			t.Errorf("# on %s leads to %d rows of %s with the filter %q, asking for %b", s.name, h.rows(), def.name, h.app.state.filterText, h.tables())
		}
		h.press("#")
		h.says("these are counts already; Esc goes back")
		h.press(keymap.Esc)
		if h.app.state.def.name != s.name || h.app.state.filterText != s.row {
			t.Errorf("Esc leads to %s with the filter %q", h.app.state.def.name, h.app.state.filterText)
		}
		h.press("#", keymap.Enter, keymap.Enter)
		if h.app.state.def.name != s.name || h.rows() == 0 {
			t.Errorf("Enter on a count of %s leads to %d rows of %s with the filter %q", s.name, h.rows(), h.app.state.def.name, h.app.state.filterText)
		}
		h.press(keymap.Esc)
		if h.app.state.def != def {
			t.Errorf("Esc leads to %s", h.app.state.def.name)
		}
	}
}

// TestEveryKeyOnTables presses each key of a table on each of them, and on a page of each.
func TestEveryKeyOnTables(t *testing.T) {
	ends := []keymap.Action{keymap.Quit, keymap.Interrupt}
	for _, s := range tableScreens {
		for _, ctx := range []keymap.Context{keymap.Sockets, keymap.Details} {
			t.Run(fmt.Sprintf("%s %s", s.name, ctx), func(t *testing.T) {
				var a actor
				h := start(t, 80, 24, func(c *Config) {
					c.Actor = a.ui()
					c.SaveColumns = func(string, []string) error { return nil }
				})
				n := newStation(everything)
				h.feed(n.snapshot(0))
				h.feed(n.step())
				for _, b := range bindings(ctx) {
					if slices.Contains(ends, b.Action) {
						continue
					}
					h.quietly(keymap.Key(s.key))
					if ctx == keymap.Details {
						h.quietly(keymap.Enter)
					}
					h.press(b.Keys[0])
					h.look(func() {
						if strings.Contains(h.app.message, "does nothing") {
							t.Errorf("%s (%s): %s", b.Keys[0], b.Action, h.app.message)
						}
					})
					h.do(func() { h.app.paused = false })
					h.quietly(keymap.Esc, keymap.Esc, keymap.Esc, "a", "M", keymap.Key(s.key))
					if len(h.app.overlays) != 0 || h.app.state.def.name != s.name || h.rows() == 0 {
						t.Fatalf("after %s (%s) the screen is\n%s", b.Keys[0], b.Action, h.text())
					}
				}
			})
		}
	}
}

// TestTablesOfAnySize: no size panics, and the first column is always there.
func TestTablesOfAnySize(t *testing.T) {
	for _, s := range tableScreens {
		h, _ := looked(t, 80, 24, s.key, nil)
		first := h.app.state.specs[h.app.state.shown[0]].Title
		for _, size := range [][2]int{{1, 1}, {20, 5}, {7, 3}, {33, 6}, {300, 100}, {80, 2}, {0, 0}, {40, 10}} {
			h.do(func() { h.screen.SetSize(size[0], size[1]) })
			h.do(func() { h.app.tv.Sync() })
			h.press(keymap.Right, keymap.Enter)
			h.quietly(keymap.Esc, "j")
			h.press(keymap.Left)
			if size[0] >= 20 && size[1] > 3 && !strings.Contains(h.line(1), first) {
				t.Errorf("%s at %v has the heading %q", s.name, size, h.line(1))
			}
		}
	}
}

// TestTableSettings are kept and come back: columns and order of the new screens in the config.
func TestTableSettings(t *testing.T) {
	const file = `
[columns]
routes = ["destination", "metric", "mtu"]
unix = ["path", "refs"]
[sort]
routes = "metric desc"
nat = "timeout"
`
	c, _, err := configured(t, file, nil)
	if err != nil {
		t.Fatal(err)
	}
	h, _ := looked(t, 100, 30, "7", func(cfg *Config) { cfg.Start = c.Start })
	if head := strings.Fields(h.line(1)); !slices.Equal(head, []string{"DESTINATION", "METRIC▼", "MTU"}) {
		t.Errorf("the heading is %q", head)
	}
	h.press("5")
	if head := strings.Fields(h.line(1)); !slices.Equal(head, []string{"PATH", "REFS"}) {
		t.Errorf("the heading is %q", head)
	}
	h.press("0")
	if got := h.app.state.specs[h.app.state.sorting.Column].ID; got != "timeout" {
		t.Errorf("NAT is sorted by %s", got)
	}
	for _, file := range []string{"[columns]\nroutes = [\"process\"]\n", "[sort]\nnat = \"metric\"\n", "[columns]\ntally = [\"rows\"]\n"} {
		if _, _, err := configured(t, file, nil); err == nil || !strings.Contains(err.Error(), "config.toml:2:") {
			t.Errorf("%q: %v", file, err)
		}
	}
	for _, s := range tableScreens {
		dir := t.TempDir()
		env := func(name string) string { return map[string]string{"XDG_CONFIG_HOME": dir}[name] }
		c, err := Configure(keymap.Options{}, env)
		if err != nil {
			t.Fatal(err)
		}
		h, _ := looked(t, 100, 30, s.key, func(cfg *Config) { cfg.Start, cfg.SaveColumns = c.Start, c.SaveColumns })
		h.press("C", "j", keymap.Space, keymap.Enter)
		h.says("columns kept in the config")
		again, err := Configure(keymap.Options{}, env)
		if err != nil {
			t.Fatalf("what was kept is not taken: %v", err)
		}
		if got := again.Columns[s.name]; len(got) != len(h.app.state.shown) {
			t.Errorf("%s is kept with the columns %v", s.name, got)
		}
	}
}

func TestStartOnTables(t *testing.T) {
	for _, c := range []struct {
		args   string
		screen string
		filter string
		choice model.Choice
		rows   int
	}{
		{"-r", "routes", "", model.Choice{}, 11}, {"-F", "routes", "", model.Choice{}, 11}, {"-r6", "routes", "", model.Choice{Family: model.IPv6}, 4},
		{"-i", "interfaces", "", model.Choice{}, 6}, {"-I eth0", "interfaces", `interface=eth0`, model.Choice{}, 1}, {"-I=lo", "interfaces", `interface=lo`, model.Choice{}, 1},
		{"-I eth0 mtu>9000", "interfaces", `interface=eth0 (mtu>9000)`, model.Choice{}, 0},
		{"-g", "groups", "", model.Choice{}, 8}, {"-s", "statistics", "", model.Choice{}, 14}, {"-st", "statistics", "", model.Choice{TCP: true}, 5},
		{"-M", "nat", "", model.Choice{Translated: true}, 4}, {"-Ma", "nat", "", model.Choice{}, 7}, {"--screen nat", "nat", "", model.Choice{Translated: true}, 4},
		{"-x", "unix", "", model.Choice{}, 8}, {"-xl", "unix", "", model.Choice{Listen: model.ListeningOnly}, 2}, {"-A unix", "unix", "", model.Choice{}, 8},
		{"-xt", "sockets", "", model.Choice{TCP: true}, 17}, {"-x4", "sockets", "", model.Choice{Family: model.IPv4}, 15}, {"-A inet,unix", "sockets", "", model.Choice{Family: model.IPv4}, 15},
		{"--screen unix", "unix", "", model.Choice{}, 8}, {"-r table=main", "routes", "table=main", model.Choice{}, 6},
	} {
		t.Run(c.args, func(t *testing.T) {
			got, _, err := configured(t, "", nil, strings.Fields(c.args)...)
			if err != nil {
				t.Fatal(err)
			}
			if got.Screen != c.screen || strings.ReplaceAll(got.Filter, `"`, "") != c.filter || got.Choice != c.choice {
				t.Errorf("it starts on %s with %q and %+v", got.Screen, got.Filter, got.Choice)
			}
			h := start(t, 100, 30, func(cfg *Config) { cfg.Start = got.Start })
			h.feed(newStation(everything).snapshot(0))
			if h.app.state.def.name != c.screen || h.rows() != c.rows {
				t.Errorf("it shows %d rows of %s, want %d:\n%s", h.rows(), h.app.state.def.name, c.rows, h.text())
			}
			if c.choice.Translated {
				if !strings.HasPrefix(strings.TrimSpace(h.line(-1)), "[translated]") {
					t.Errorf("the foot is %q", h.line(-1))
				}
				h.press("a")
				if h.rows() != 7 {
					t.Errorf("a shows %d connections, want all 7", h.rows())
				}
			}
		})
	}
	if _, _, err := configured(t, "", nil, "-rC"); !errors.Is(err, ErrNoRouteCache) {
		t.Errorf("-C: %v", err)
	}
}

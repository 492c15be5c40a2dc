package ui

// What the screen starts with, and what is printed instead of a screen.

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sockview/keymap"
	"sockview/model"
)

// configured is what a command line makes with a config file.
func configured(t *testing.T, file string, env map[string]string, args ...string) (Configured, keymap.Options, error) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "sockview", "config.toml")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if file != "" {
		if err := os.WriteFile(path, []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	options, err := keymap.ParseArgs(args)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Configure(options, func(name string) string {
		if name == "XDG_CONFIG_HOME" {
			return dir
		}
		return env[name]
	})
	switch {
	case err != nil:
	case Prints(options):
		_, err = c.Printing(options, services{})
	default:
		err = c.Check()
	}
	return c, options, err
}

func TestConfigure(t *testing.T) {
	const file = `
interval = "5s"
hold = "9s"
theme = "light"
resolve = true
netns = "own"
[columns]
sockets = ["process", "state"]
processes = ["process", "sent"]
[sort]
sockets = "state desc"
processes = "sent asc"
[keys]
kill = ["X"]
`
	for _, c := range []struct {
		name string
		file string
		env  map[string]string
		args []string
		want func(c Configured) bool
	}{
		{"nothing", "", nil, nil, func(c Configured) bool {
			return c.Screen == "sockets" && c.Interval == time.Second && c.Hold == 0 && c.Theme == "" && !c.Names && c.Choice.Everything()
		}},
		{"the config", file, nil, nil, func(c Configured) bool {
			return c.Interval == 5*time.Second && c.Hold == 9*time.Second && c.Theme == "light" && c.Names && c.NetNS == "own" &&
				slices.Equal(c.Columns["sockets"], []string{"process", "state"}) && c.Sort["sockets"] == "state desc" &&
				slices.Equal(c.Keys.Keys(keymap.Kill), []keymap.Key{"X"})
		}},
		{"flags win", file, nil, []string{"--interval", "200ms", "--hold", "2s", "--theme", "high-contrast", "-n", "--netns", "web", "--columns", "pid,rx", "--sort", "rx"},
			func(c Configured) bool {
				return c.NetNS == "web" && c.Interval == 200*time.Millisecond && c.Hold == 2*time.Second && c.Theme == "high-contrast" && !c.Names &&
					slices.Equal(c.Columns["sockets"], []string{"pid", "rx"}) && c.Sort["sockets"] == "rx"
			}},
		{"flags for one screen leave the others", file, nil, []string{"--columns", "pid,rx", "--sort", "rx"}, func(c Configured) bool {
			return slices.Equal(c.Columns["processes"], []string{"process", "sent"}) && c.Sort["processes"] == "sent asc"
		}},
		{"flags are for the screen they open", file, nil, []string{"--screen", "processes", "--columns", "pid", "--sort", "pid"}, func(c Configured) bool {
			return slices.Equal(c.Columns["processes"], []string{"pid"}) && slices.Equal(c.Columns["sockets"], []string{"process", "state"}) &&
				c.Sort["processes"] == "pid" && c.Sort["sockets"] == "state desc"
		}},
		{"NO_COLOR", file, map[string]string{"NO_COLOR": "1"}, nil, func(c Configured) bool { return c.Theme == "none" }},
		{"NO_COLOR empty", file, map[string]string{"NO_COLOR": ""}, nil, func(c Configured) bool { return c.Theme == "light" }},
		{"--no-color", file, nil, []string{"--no-color"}, func(c Configured) bool { return c.Theme == "none" }},
		{"toggles", "", nil, []string{"-tl4"}, func(c Configured) bool {
			return c.Choice == model.Choice{TCP: true, Family: model.IPv4, Listen: model.ListeningOnly}
		}},
		{"all wins over listening", "", nil, []string{"-la"}, func(c Configured) bool { return c.Choice.Everything() }},
		{"both families are both", "", nil, []string{"-46"}, func(c Configured) bool { return c.Choice.Everything() }},
		{"a filter of words", "", nil, []string{"port:443", "process:a b"}, func(c Configured) bool { return c.Filter != "" }},
		{"a count", "", nil, []string{"--count", "user"}, func(c Configured) bool { return c.Screen == "count" && c.By == "user" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _, err := configured(t, c.file, c.env, c.args...)
			if err != nil {
				t.Fatal(err)
			}
			if !c.want(got) {
				t.Errorf("%+v", got.Start)
			}
		})
	}
}

func TestConfigureRefuses(t *testing.T) {
	for _, c := range []struct {
		file string
		args []string
		want string
	}{
		{"", []string{"--columns", "process,nosuch"}, `no column "nosuch"; allowed are process pid netns proto local`},
		{"", []string{"--sort", "nosuch"}, `no column "nosuch"`},
		{"", []string{"--count", "nosuch"}, `no column "nosuch"`},
		{"", []string{"--count", "\x1b[31m"}, `no column "\x1b[31m"`},
		{"", []string{"rtt>5parsec"}, "filter, character 5"},
		{"", []string{"--screen", "hosts", "nosuch:1"}, "no field"},
		{"", []string{"("}, "filter, character"},
		{"[columns]\nsockets = [\"nosuch\"]\n", nil, "config.toml:2:"},
		{"[sort]\nhosts = \"nosuch\"\n", nil, "config.toml:2:"},
		{"theme = \"pink\"\n", nil, "config.toml:1:"},
		{"[keys]\nkill = [\"j\"]\n", nil, "config.toml:2:"},
	} {
		_, _, err := configured(t, c.file, nil, c.args...)
		if err == nil {
			t.Errorf("%q %q is taken", c.file, c.args)
			continue
		}
		if !strings.Contains(err.Error(), c.want) || strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("%q %q: %q, want %q in one line", c.file, c.args, err, c.want)
		}
	}
	var wrong *StartError
	if _, _, err := configured(t, "", nil, "--sort", "nosuch"); !errors.As(err, &wrong) {
		t.Errorf("%T", err)
	}
	if _, err := New(Config{Snapshots: newScripted(), Start: Start{Screen: "sockets", Filter: "("}}); err == nil {
		t.Error("a screen begins with a filter that is wrong")
	}
	if c := (Configured{Start: Start{Screen: "nosuch"}}); c.Check() == nil {
		t.Error("there is a screen called nosuch")
	}
}

// TestColumnsAreKept ticks columns on the screen and starts anew: on every screen, and for every column a count
// screen can count by, they are as they were left.
func TestColumnsAreKept(t *testing.T) {
	for name, keys := range map[string][]keymap.Key{
		"sockets": nil, "processes": {"2"}, "hosts": {"3"}, "count": {"4"}, "count by process": {"#", "g", keymap.Enter},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			env := func(name string) string { return map[string]string{"XDG_CONFIG_HOME": dir}[name] }
			c, err := Configure(keymap.Options{}, env)
			if err != nil {
				t.Fatal(err)
			}
			with := func(c Configured) func(*Config) {
				return func(cfg *Config) { cfg.Start, cfg.SaveColumns = c.Start, c.SaveColumns }
			}
			h, _ := served(t, 120, 40, with(c))
			h.press(keys...)
			h.press("C", "j", keymap.Space, "j", "j", keymap.Space, keymap.Enter)
			h.says("columns kept in the config")
			want := slices.Clone(h.app.state.shown)

			again, err := Configure(keymap.Options{}, env)
			if err != nil {
				t.Fatalf("what was kept is not taken: %v", err)
			}
			h, _ = served(t, 120, 40, with(again))
			h.press(keys...)
			if got := h.app.state.shown; !slices.Equal(got, want) {
				t.Errorf("columns %v, want %v: %s", got, want, h.app.message)
			}
			for _, spec := range model.Sockets().Specs() {
				h.do(func() {
					if err := h.app.enter("count", spec.ID); err != nil {
						t.Errorf("then it cannot count by %s: %v", spec.ID, err)
					}
				})
			}
		})
	}
}

// TestCountSettingsOfAnotherColumn: what the config says of one count does not keep the others from opening.
func TestCountSettingsOfAnotherColumn(t *testing.T) {
	const file = "[columns]\ncount = [\"state\", \"sockets\", \"sent\"]\n[sort]\ncount = \"state desc\"\n"
	c, _, err := configured(t, file, nil, "--count", "user")
	if err != nil {
		t.Fatal(err)
	}
	h, _ := served(t, 80, 24, func(cfg *Config) { cfg.Start = c.Start })
	if head := strings.Fields(h.line(1)); !slices.Equal(head, []string{"USER", "SOCKETS▼", "SENT"}) {
		t.Errorf("the heading is %q", head)
	}
	h.do(func() { h.app.enter("count", "state") }) //nolint:errcheck // the heading tells
	h.settle()
	if head := strings.Fields(h.line(1)); !slices.Equal(head, []string{"STATE▼", "SOCKETS", "SENT"}) {
		t.Errorf("the heading is %q", head)
	}
}

func TestColumnsThatCannotBeKept(t *testing.T) {
	h, _ := served(t, 80, 24, func(c *Config) {
		c.SaveColumns = func(string, []string) error { return errors.New("read-only\nfile system") }
	})
	h.press("C", keymap.Space, keymap.Enter)
	h.says(`columns are not kept: read-only\nfile system`)
	if slices.Contains(h.app.state.shown, 0) {
		t.Error("the column is still shown")
	}
	c := Configured{}
	if err := c.SaveColumns("sockets", []string{"pid"}); err == nil {
		t.Error("columns are kept nowhere")
	}
}

// TestLastColumnStays: a table without a column would show nothing.
func TestLastColumnStays(t *testing.T) {
	h, _ := served(t, 80, 24, func(c *Config) { c.Start.Columns = map[string][]string{"sockets": {"pid"}} })
	h.press("C", "j", keymap.Space)
	if !strings.Contains(h.text(), "[x] pid") {
		t.Errorf("the last column was unticked:\n%s", h.text())
	}
	h.press(keymap.Enter)
	if len(h.app.state.shown) != 1 {
		t.Errorf("%d columns are shown", len(h.app.state.shown))
	}
}

func printed(t *testing.T, names Names, args ...string) string {
	t.Helper()
	w := server()
	w.snapshot(0)
	s := w.work()
	s.Sockets = slices.DeleteFunc(s.Sockets, func(r model.Socket) bool { return r.Dead }) // one snapshot sees none close
	c, options, err := configured(t, "", nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Printing(options, names)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := p.Print(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPrint(t *testing.T) {
	lines := func(s string) []string { return strings.Split(strings.TrimRight(s, "\n"), "\n") }
	if got := lines(printed(t, nil, "-n", "--once")); len(got) != 16 || got[0] != "Active Internet connections (w/o servers)" ||
		!strings.HasPrefix(got[14], "Active UNIX domain sockets") {
		t.Errorf("text has %d lines:\n%s", len(got), strings.Join(got, "\n"))
	}
	if got := lines(printed(t, nil, "--once", "--columns", "process,lport")); len(got) != 20 || !strings.HasPrefix(got[0], "PROCESS") {
		t.Errorf("a table of ours has %d lines:\n%s", len(got), strings.Join(got, "\n"))
	}
	got := lines(printed(t, nil, "-n", "--once", "-tl", "--sort", "lport"))
	if len(got) != 7 || !strings.Contains(got[2], ":22 ") || !strings.Contains(got[6], ":6379 ") {
		t.Errorf("listeners:\n%s", strings.Join(got, "\n"))
	}
	if got := lines(printed(t, nil, "--top", "3", "--sort", "tx", "--columns", "process,tx")); len(got) != 4 || !strings.Contains(got[1], "1.2M") {
		t.Errorf("the top three:\n%s", strings.Join(got, "\n"))
	}
	if got := lines(printed(t, nil, "--count", "state")); len(got) != 6 || !strings.HasPrefix(got[1], "ESTABLISHED") {
		t.Errorf("a count:\n%s", strings.Join(got, "\n"))
	}
	if got := printed(t, nil, "-n", "--once", "process:postgres", "state:listen"); strings.Count(got, "\n") != 3 || !strings.Contains(got, "5432") {
		t.Errorf("a filter:\n%s", got)
	}
	if got := lines(printed(t, nil, "--once", "--screen", "processes", "--sort", "sockets")); !strings.Contains(got[1], "nginx") {
		t.Errorf("processes:\n%s", strings.Join(got, "\n"))
	}

	var rows []map[string]any
	if err := json.Unmarshal([]byte(printed(t, nil, "--json", "--columns", "process,rport,sent", "rport:51522")), &rows); err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{{"process": "nginx", "rport": 51522., "sent": 49415004.}}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("JSON: %v, want %v", rows, want)
	}
	records, err := csv.NewReader(strings.NewReader(printed(t, nil, "--csv", "--columns", "process,rport,sent", "rport:51522"))).ReadAll()
	if err != nil || !reflect.DeepEqual(records, [][]string{{"process", "rport", "sent"}, {"nginx", "51522", "49415004"}}) {
		t.Errorf("CSV: %v, %v", records, err)
	}
}

func TestPrints(t *testing.T) {
	for args, want := range map[string]bool{
		"": false, "-tln": false, "--once": true, "--json": true, "--csv": true, "--top 5": true, "--count state": true,
		"--count state --screen count": false, "port:443": false,
	} {
		options, err := keymap.ParseArgs(strings.Fields(args))
		if err != nil {
			t.Fatal(err)
		}
		if got := Prints(options); got != want {
			t.Errorf("%q prints: %v, want %v", args, got, want)
		}
	}
}

func TestPrintTrouble(t *testing.T) {
	for _, c := range []struct {
		options keymap.Options
		s       model.Snapshot
		want    string
		failed  bool
	}{
		{keymap.Options{}, model.Snapshot{Sources: []model.Source{{Name: "TCP IPv4"}}}, "", false},
		{keymap.Options{}, model.Snapshot{Sources: []model.Source{
			{Name: "TCP IPv4", Err: errors.New("no\x1b[31m sock_diag"), Age: int64(3 * time.Second)}, {Name: "UDP IPv4", Bad: 2},
		}}, "TCP IPv4: no\\x1b[31m sock_diag (3s old); UDP IPv4: 2 rows unreadable", false},
		{keymap.Options{Screen: "nat"}, model.Snapshot{Sources: []model.Source{
			{Name: "connection tracking", Of: model.TableFlows, Err: errors.New("none here"), Absent: true},
		}}, "connection tracking: none here", true},
		{keymap.Options{SCTP: true}, model.Snapshot{Sources: []model.Source{{Name: "SCTP", Of: model.TableSCTP, Err: errors.New("none here")}}}, "SCTP: none here", true},
		{keymap.Options{Verbose: true}, model.Snapshot{Sources: []model.Source{{Name: "SCTP", Of: model.TableSCTP, Err: errors.New("none here")}}}, "SCTP: none here", false},
		{keymap.Options{}, model.Snapshot{Sources: []model.Source{{Name: "TCP IPv4", Of: model.TableSockets, Err: errors.New("refused")}}}, "TCP IPv4: refused", true},
		{keymap.Options{Screen: "routes"}, model.Snapshot{Sources: []model.Source{
			{Name: "routes", Of: model.TableRoutes, Err: errors.New("no names"), Whole: true},
		}}, "routes: no names", false},
		{keymap.Options{Programs: true}, model.Snapshot{Access: model.Access{Hidden: 2, Missing: []string{"cap_sys_ptrace"}}},
			"2 owners hidden: to see other users' processes takes root, or setcap as the README has it", false},
		{keymap.Options{Programs: true}, model.Snapshot{Access: model.Access{Hidden: 2}}, "", false},
		{keymap.Options{}, model.Snapshot{Interval: 1, Took: 2}, "", false},
		{keymap.Options{}, model.Snapshot{Access: model.Access{Hidden: 2}}, "", false},
	} {
		configured, err := Configure(c.options, func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		p, err := configured.Printing(c.options, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, failed := p.Trouble(&c.s); got != c.want || failed != c.failed {
			t.Errorf("%q, failed %v, want %q, %v", got, failed, c.want, c.failed)
		}
	}
}

func TestExport(t *testing.T) {
	h, w := served(t, 80, 24, nil)
	dir := t.TempDir()
	h.filter("process:nginx state:estab")
	h.press("e")
	path := filepath.Join(dir, "rows.csv")
	h.type_(path)
	w.sockets = w.sockets[:1] // what is saved is what was there when e was pressed
	h.feed(w.snapshot(time.Second))
	h.press(keymap.Enter)
	h.says("5 rows saved to " + path)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(file), "\n"); n != 6 { // a heading, and the closed row left out
		t.Errorf("%d lines:\n%s", n, file)
	}
	h.press(keymap.Esc, "g", "j", "m", "e") // the one that lives still
	h.type_(filepath.Join(dir, "one.json"))
	h.press(keymap.Enter)
	h.says("1 row saved")
	// What is there is written over only when that was typed out.
	for _, answer := range []struct{ typed, says string }{{"no", "nothing was done"}, {"yes", "1 row saved"}} {
		if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		h.press("e")
		h.type_(path)
		h.press(keymap.Enter)
		h.type_(answer.typed)
		h.press(keymap.Enter)
		h.says(answer.says)
		if file, err := os.ReadFile(path); err != nil || (string(file) == "mine") != (answer.typed == "no") {
			t.Errorf("after %q the file is %q, %v", answer.typed, file, err)
		}
	}
	for _, c := range []struct{ path, says string }{
		{"", "nothing was saved"}, {"  ", "nothing was saved"},
		{filepath.Join(dir, "x.pdf"), "the file's ending says how to write it"},
		{filepath.Join(dir, "no", "x.csv"), "cannot save"},
	} {
		h.press("e")
		h.type_(c.path)
		h.press(keymap.Enter)
		h.says(c.says)
	}
	h.press("e", keymap.Esc)
	h.says("nothing was saved")
}

func TestCopy(t *testing.T) {
	h, _ := served(t, 80, 24, nil)
	h.filter("rport:51522,40112")
	h.press("m", "m", "c")
	var got string
	h.do(func() { got = string(h.screen.GetClipboardData()) })
	lines := strings.Split(strings.TrimRight(got, "\n"), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "nginx\t1203\ttcp\t10.0.0.5\t443\t198.51.100.7\t40112\tESTABLISHED") {
		t.Errorf("copied %q", got)
	}
	h.says("2 rows copied")
}

// A rate takes two samples; printing once takes the second only when a rate is asked for.
func TestTimeForRates(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want bool
	}{
		{nil, false}, {[]string{"nginx"}, false}, {[]string{"--sort", "sent"}, false}, {[]string{"--count", "state"}, false},
		{[]string{"--columns", "pid,sent"}, false}, {[]string{"--sort", "tx"}, true}, {[]string{"tx>1k"}, true}, {[]string{"port:https tx>1k"}, true},
		{[]string{"not (port:80 or rx>1k)"}, true}, {[]string{"--columns", "pid,rx"}, true},
		{[]string{"--screen", "processes", "--sort", "tx"}, true}, {[]string{"--screen", "hosts", "port:80"}, false},
	} {
		o, err := keymap.ParseArgs(tc.args)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Configure(o, func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Printing(o, hostileNames{})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.TimeForRates(); (got > 0) != tc.want || got > 0 && got != c.Interval {
			t.Errorf("%q: %v", tc.args, got)
		}
		var b strings.Builder
		if err := p.Print(&b, web().snapshot(0)); err != nil {
			t.Fatal(err)
		}
		heading, _, _ := strings.Cut(b.String(), "\n")
		if p.ours() && strings.Contains(heading, "X/s") != tc.want {
			t.Errorf("%q: the heading is %s", tc.args, heading)
		}
	}
}

package ui

// What a command line prints: which tables, in whose layout, of which rows; and what is asked of the sampler for it.

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sockview/keymap"
	"sockview/model"
	"sockview/ui/text"
)

// printingOf is what a command line prints, without a config.
func printingOf(t *testing.T, names Names, args ...string) (*Printing, error) {
	t.Helper()
	o, err := keymap.ParseArgs(args)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Configure(o, func(string) string { return "" })
	if err != nil {
		return nil, err
	}
	return c.Printing(o, names)
}

// printOf is what a command line prints of the station.
func printOf(t *testing.T, names Names, args ...string) (string, error) {
	t.Helper()
	p, err := printingOf(t, names, args...)
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	var b bytes.Buffer
	err = p.Print(&b, newStation(everything).snapshot(0))
	return b.String(), err
}

func linesOf(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := printOf(t, nil, args...)
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return strings.Split(strings.TrimSuffix(out, "\n"), "\n")
}

// words are a command line, in which ~ is a blank within a word.
func words(args string) []string {
	list := strings.Fields(args)
	for i := range list {
		list[i] = strings.ReplaceAll(list[i], "~", " ")
	}
	return list
}

func TestPrintedParts(t *testing.T) {
	const sockets, unix, netstat = model.TableSockets, model.TableUnix, true
	for _, c := range []struct {
		args   string
		parts  string // screens, with a family or protocol that is chosen
		layout bool   // netstat's
		tables model.Tables
		owners bool // they are looked for
	}{
		{"--once", "sockets unix", netstat, sockets | unix, false},
		{"-a", "sockets unix", netstat, sockets | unix, false},
		{"-l", "sockets unix", netstat, sockets | unix, false},
		{"-ap", "sockets unix", netstat, sockets | unix, true},
		{"-an nginx", "sockets unix", netstat, sockets | unix, true},
		{"-an --sort lport", "sockets unix", netstat, sockets | unix, true},
		{"-t", "sockets:tcp", netstat, sockets, false},
		{"-x", "unix", netstat, unix, false},
		{"-xp", "unix", netstat, unix, true},
		{"-ax", "unix", netstat, unix, false},
		{"-tx", "sockets:tcp unix", netstat, sockets | unix, false},
		{"-4", "sockets:inet", netstat, sockets, false},
		{"-46", "sockets", netstat, sockets, false},
		{"-A unix", "unix", netstat, unix, false},
		{"-A inet", "sockets:inet", netstat, sockets, false},
		{"-A inet,unix", "sockets:inet unix", netstat, sockets | unix, false},
		{"-A inet6 -l", "sockets:inet6", netstat, sockets, false},
		{"-S", "sockets:sctp", netstat, sockets | model.TableSCTP, false},
		{"-av", "sockets unix", netstat, sockets | unix | model.TableSCTP, false},
		{"-r", "routes:inet", netstat, model.TableRoutes, false},
		{"-rv", "routes:inet", netstat, model.TableRoutes, false},
		{"-r4", "routes:inet", netstat, model.TableRoutes, false},
		{"-r6", "routes:inet6", netstat, model.TableRoutes, false},
		{"-46r", "routes:inet routes:inet6", netstat, model.TableRoutes, false},
		{"-r -A inet6", "routes:inet6", netstat, model.TableRoutes, false},
		{"-i", "interfaces", netstat, model.TableLinks, false},
		{"-ie", "interfaces", netstat, model.TableLinks, false},
		{"-g", "groups", netstat, model.TableGroups, false},
		{"-s", "statistics", netstat, model.TableStatistics, false},
		{"-st", "statistics:tcp", netstat, model.TableStatistics, false},
		{"-M", "nat", netstat, model.TableFlows, false},
		{"-Ma", "nat", netstat, model.TableFlows, false},
		{"-r --sort metric", "routes:inet", netstat, model.TableRoutes, true},
		{"-r --sort mss", "routes:inet", netstat, model.TableRoutes, true},
		{"-a --sort ~", "sockets unix", netstat, sockets | unix, true},
		{"-r --top 3", "routes:inet", netstat, model.TableRoutes, false},

		{"--json", "sockets", !netstat, sockets, true},
		{"--csv -t", "sockets:tcp", !netstat, sockets, true},
		{"--columns pid", "sockets", !netstat, sockets, true},
		{"--sort tx", "sockets", !netstat, sockets, true},
		{"-x --json", "unix", !netstat, unix, true},
		{"-x --sort peerpid", "unix", !netstat, unix, true},
		{"-r --json", "routes", !netstat, model.TableRoutes, true},
		{"-r --sort table", "routes", !netstat, model.TableRoutes, true},
		{"-46r --csv", "routes", !netstat, model.TableRoutes, true},
		{"-i --sort rx", "interfaces", !netstat, model.TableLinks, true},
		{"-g --columns group", "groups", !netstat, model.TableGroups, true},
		{"-s --sort change", "statistics", !netstat, model.TableStatistics, true},
		{"-M --json", "nat", !netstat, model.TableFlows, true},
		{"--count state", "count", !netstat, sockets, true},
		{"-t --count state", "count:tcp", !netstat, sockets, true},
		{"-x --count type", "unix", !netstat, unix, true},
		{"-r --count table", "routes", !netstat, model.TableRoutes, true},
		{"--screen hosts", "hosts", !netstat, sockets, true},
		{"--screen processes", "processes", !netstat, sockets, true},
	} {
		p, err := printingOf(t, nil, append(words(c.args), "--once")...)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		var parts []string
		for _, part := range p.sections {
			name := part.screen
			if part.choice.Family != 0 {
				name += ":" + part.choice.Family.String()
			}
			for _, proto := range []struct {
				on   bool
				name string
			}{{part.choice.TCP, ":tcp"}, {part.choice.UDP, ":udp"}, {part.choice.SCTP, ":sctp"}} {
				if proto.on {
					name += proto.name
				}
			}
			parts = append(parts, name)
			if (part.write != nil) != c.layout {
				t.Errorf("%s: netstat's layout of %s is %v, want %v", c.args, name, part.write != nil, c.layout)
			}
		}
		if got := strings.Join(parts, " "); got != c.parts {
			t.Errorf("%s prints %q, want %q", c.args, got, c.parts)
		}
		d := p.Demand()
		if d.Tables != c.tables {
			t.Errorf("%s asks for the tables %b, want %b", c.args, d.Tables, c.tables)
		}
		if looked := d.Tables&(sockets|unix) != 0; looked && d.NoOwners == c.owners { // nobody looks for them elsewhere
			t.Errorf("%s: owners are left out: %v", c.args, d.NoOwners)
		}
		if d.Interval != time.Second || d.Now != 0 || d.Focus != (model.Key{}) {
			t.Errorf("%s demands %+v", c.args, d)
		}
	}
}

// TestPrintedOrderIsTheKernels whatever the config says of the screens: netstat's output is to be relied on.
func TestPrintedOrderIsTheKernels(t *testing.T) {
	const file = "[columns]\nroutes = [\"metric\"]\n[sort]\nroutes = \"metric desc\"\nsockets = \"rport\"\n"
	for _, args := range [][]string{{"-r", "-n", "--once"}, {"-ant", "--once"}} {
		c, options, err := configured(t, file, nil, args...)
		if err != nil {
			t.Fatal(err)
		}
		p, err := c.Printing(options, nil)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := p.Print(&b, newStation(everything).snapshot(0)); err != nil {
			t.Fatal(err)
		}
		if want := strings.Join(linesOf(t, args...), "\n") + "\n"; b.String() != want {
			t.Errorf("%q prints\n%s\nwant\n%s", args, b.String(), want)
		}
		if !p.Demand().NoOwners {
			t.Errorf("%q looks for owners", args)
		}
	}
}

func TestPrintedLayout(t *testing.T) {
	for _, c := range []struct {
		args string
		want text.Netstat
	}{
		{"--once", text.Netstat{}},
		{"-a", text.Netstat{All: true}},
		{"-l", text.Netstat{Listening: true}},
		{"-al", text.Netstat{All: true, Listening: true}},
		{"--once port:443", text.Netstat{All: true}}, // a filter is ours: it looks at all
		{"-l port:443", text.Netstat{Listening: true}},
		{"-eepoW", text.Netstat{Extend: 2, Programs: true, Timers: true, Wide: true}},
		{"-n", text.Netstat{NumericUsers: true}},
		{"--numeric-users", text.Netstat{NumericUsers: true}},
	} {
		p, err := printingOf(t, nil, words(c.args)...)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		got := p.layout
		if got.All != c.want.All || got.Listening != c.want.Listening || got.Extend != c.want.Extend || got.Wide != c.want.Wide ||
			got.Programs != c.want.Programs || got.Timers != c.want.Timers || got.NumericUsers != c.want.NumericUsers {
			t.Errorf("%s: the layout is %+v", c.args, got)
		}
	}
}

func TestPrintingRefuses(t *testing.T) {
	for args, want := range map[string]string{
		"-tx --json":                      "-x with other protocols",
		"-tx --count state":               "-x with other protocols",
		"-A inet,unix --csv":              "-x with other protocols",
		"-r --count nosuch":               `no column "nosuch"; allowed are destination`,
		"-r --columns process":            `no column "process"; allowed are destination`,
		"-r --sort process":               `no column "process"`,
		"--sort nosuch":                   `no column "nosuch"`,
		"-a --sort path":                  `no column "path"`, // it is the sockets that are sorted
		"-x --sort rport":                 `no column "rport"`,
		"-r --count table --sort gateway": `no column "gateway"; allowed are table rows`,
		"-a nosuch:1":                     "no field",
		"-a (":                            "filter, character",
		"-r process:nginx":                "no field",
		"-46r rtt>5parsec":                "filter, character 5",
		"-C":                              "no route cache",
		"-rC":                             "no route cache",
	} {
		_, err := printingOf(t, nil, append(words(args), "--once")...)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %q in a line", args, err, want)
		}
	}
}

// TestFilterOfOneTable: of the two tables that netstat prints, the one that knows what is asked for is printed.
func TestFilterOfOneTable(t *testing.T) {
	for _, c := range []struct{ args, parts string }{
		{"-an lport:443", "sockets"}, {"-an path:pgsql", "unix"}, {"-an state:listen", "sockets unix"}, {"-an nginx", "sockets unix"},
		{"-an path:pgsql or lport:443", ""},
	} {
		p, err := printingOf(t, nil, words(c.args)...)
		if c.parts == "" {
			if err == nil {
				t.Errorf("%s is taken", c.args)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		var parts []string
		for _, part := range p.sections {
			parts = append(parts, part.screen)
		}
		if got := strings.Join(parts, " "); got != c.parts {
			t.Errorf("%s prints %q, want %q", c.args, got, c.parts)
		}
	}
	lines := linesOf(t, "-an", "path:pgsql", "state:listening")
	if len(lines) != 3 || lines[0] != "Active UNIX domain sockets (servers and established)" || !strings.HasSuffix(lines[2], "/run/postgresql/.s.PGSQL.5432") {
		t.Errorf("the listener:\n%s", strings.Join(lines, "\n"))
	}
}

// TestPrintedTables: the title and how many lines each table has.
func TestPrintedTables(t *testing.T) {
	for _, c := range []struct {
		args  string
		title string
		lines int
		has   string
	}{
		{"-ant", "Active Internet connections (servers and established)", 2 + 17, "0 10.0.0.5:443            203.0.113.9:51522       ESTABLISHED"},
		{"-ntl", "Active Internet connections (only servers)", 2 + 5, "127.0.0.1:6379"},
		{"-x", "Active UNIX domain sockets (w/o servers)", 2 + 6, "STREAM     CONNECTING"},
		{"-xa", "Active UNIX domain sockets (servers and established)", 2 + 8, "@/nginx/control"},
		{"-xlp", "Active UNIX domain sockets (only servers)", 2 + 2, "940/"},
		{"-rn", "Kernel IP routing table", 2 + 4, "0.0.0.0         10.0.0.1"}, // the main table alone
		{"-rn6", "Kernel IPv6 routing table", 2 + 4, "2001:db8::/64"},
		{"-i", "Kernel Interface table", 2 + 5, "eth0"},
		{"-ia", "Kernel Interface table", 2 + 6, "wg0"},
		{"-I eth0", "Kernel Interface table", 2 + 1, "eth0"},
		{"-I wg0", "Kernel Interface table", 2 + 1, "wg0"}, // asked for by name, though it is off
		{"-gn", "IPv6/IPv4 Group Memberships", 3 + 6, "ff02::1:ff00:5"},
		{"-s", "Interfaces:", 14 + 9, "connections not accepted because the listen queue overflowed"},
		{"-st", "Tcp:", 5 + 2, "RetransSegs"},
		{"-Mn", "Translated connections", 2 + 8, "dnat"}, // two lines for each that is translated
		{"-Man", "Tracked connections", 2 + 14, "192.0.2.61:55012"},
	} {
		lines := linesOf(t, append(words(c.args), "--once")...)
		all := strings.Join(lines, "\n")
		if len(lines) != c.lines || lines[0] != c.title || !strings.Contains(all, c.has) {
			t.Errorf("%s prints %d lines, want %d, with %q:\n%s", c.args, len(lines), c.lines, c.has, all)
		}
	}
	both := strings.Join(linesOf(t, "-46rn"), "\n")
	if strings.Index(both, "Kernel IP routing table") != 0 || strings.Count(both, "Kernel IPv6 routing table") != 1 {
		t.Errorf("both families:\n%s", both)
	}
}

// TestPrintLeavesOutWhatIsGone: with -c, rows that are shown closed on a screen are not printed.
func TestPrintLeavesOutWhatIsGone(t *testing.T) {
	n := newStation(everything)
	n.snapshot(0)
	s := n.step()
	for args, gone := range map[string]string{
		"-ant": "33018", "-rn": "vpn", "-i": "veth1a2b3c", "-Man": "55012", "-Ma --csv": "55012", "-r --json": "vpn", "-xa --csv": "5006",
		"-g --csv": "01:00:5e:00:00:fb", "-r --count table": "vpn", "-x --count pid": "\n1 ",
	} {
		p, err := printingOf(t, nil, append(words(args), "--once")...)
		if err != nil {
			t.Fatalf("%s: %v", args, err)
		}
		var b strings.Builder
		if err := p.Print(&b, s); err != nil || strings.Contains(b.String(), gone) || b.Len() == 0 {
			t.Errorf("%s: %v\n%s", args, err, b.String())
		}
	}
}

// TestPrintOneInterface asks for it by its exact name.
func TestPrintOneInterface(t *testing.T) {
	for _, args := range []string{"-I nope", "-I ETH0", "-I nope --json", "-I nope --count state"} {
		if _, err := printOf(t, nil, append(words(args), "--once")...); err == nil || !strings.HasPrefix(err.Error(), "no interface ") {
			t.Errorf("%s: %v", args, err)
		}
	}
	_, err := printOf(t, nil, "-I", "\x1b[31m", "--once")
	if err == nil || err.Error() != `no interface \x1b[31m` {
		t.Errorf("%v", err)
	}
	if lines := linesOf(t, "-I", "eth0", "--csv", "--columns", "interface,mtu"); !slices.Equal(lines, []string{"interface,mtu", "eth0,1500"}) {
		t.Errorf("%q", lines)
	}
	if lines := linesOf(t, "-I", "eth0", "--count", "state"); len(lines) != 2 || !slices.Equal(strings.Fields(lines[1]), []string{"up", "1"}) {
		t.Errorf("%q", lines)
	}
	if lines := linesOf(t, "-I", "eth0", "mtu>9000", "--once"); len(lines) != 2 { // there is one, and it is not let through
		t.Errorf("%q", lines)
	}
}

// TestTopOfEachTable, and the order it is of.
func TestTopOfEachTable(t *testing.T) {
	lines := linesOf(t, "-an", "--top", "2")
	if len(lines) != 8 || !strings.HasPrefix(lines[4], "Active UNIX") {
		t.Errorf("two of each:\n%s", strings.Join(lines, "\n"))
	}
	lines = linesOf(t, "-an", "--top", "2", "--sort", "rport") // netstat has the column: its layout
	if len(lines) != 8 || !strings.HasPrefix(lines[0], "Active Internet") {
		t.Errorf("two of each, sorted:\n%s", strings.Join(lines, "\n"))
	}
	if want := linesOf(t, "-axn"); lines[6] != want[2] || lines[7] != want[3] { // what is sorted is the sockets
		t.Errorf("the unix sockets are not as the kernel has them:\n%s", strings.Join(lines[4:], "\n"))
	}
	lines = linesOf(t, "-rn", "--sort", "metric desc", "--top", "1")
	if len(lines) != 3 || !strings.HasPrefix(lines[2], "0.0.0.0         10.0.0.1") {
		t.Errorf("the highest metric:\n%s", strings.Join(lines, "\n"))
	}
	lines = linesOf(t, "-s", "--sort", "value", "--top", "1", "--csv", "--columns", "name,value")
	if !slices.Equal(lines, []string{"name,value", "ReceivedBytes,48238330000"}) {
		t.Errorf("the largest counter: %q", lines)
	}
}

func TestCountedTables(t *testing.T) {
	fields := func(lines []string) (out []string) {
		for _, l := range lines {
			out = append(out, strings.Join(strings.Fields(l), " "))
		}
		return out
	}
	for _, c := range []struct {
		args string
		want []string
	}{
		{"-x --count type", []string{"TYPE ROWS", "STREAM 5", "DGRAM 2", "SEQPACKET 1"}},
		{"-x --count state", []string{"STATE ROWS", "CONNECTED 4", "LISTENING 2", "CONNECTING 1", "UNCONN 1"}},
		{"-r --count table", []string{"TABLE ROWS", "main 6", "local 4", "vpn 1"}},
		{"-r4 --count table --sort table", []string{"TABLE ROWS", "local 2", "main 4", "vpn 1"}},
		{"-r --count table --sort rows~asc", []string{"TABLE ROWS", "vpn 1", "local 4", "main 6"}},
		{"-r --count iface --columns rows", []string{"ROWS", "9", "1", "1"}}, // by an alias
		{"-r --count table --top 1", []string{"TABLE ROWS", "main 6"}},
		{"-r --count table gateway:10.0.0.0/8", []string{"TABLE ROWS", "main 1", "vpn 1"}},
		{"-r --count table table:main", []string{"TABLE ROWS", "main 6"}},
		{"-r --count table rows>5", []string{"TABLE ROWS", "main 6"}},
		{"-r --count gateway --sort gateway", []string{"GATEWAY ROWS", "10.0.0.1 1", "10.0.0.8 1", "fe80::1 1", "- 8"}},
		{"-M --count nat", []string{"NAT ROWS", "snat 3", "dnat 1"}},
		{"-Ma --count nat", []string{"NAT ROWS", "- 3", "snat 3", "dnat 1"}},
		{"-g --count interface", []string{"INTERFACE ROWS", "eth0 6", "lo 2"}},
		{"-i --count state", []string{"STATE ROWS", "up 3", "down 2", "unknown 1"}},
		{"-st --count group", []string{"GROUP ROWS", "Tcp 3", "TcpExt 2"}},
		{"-r --count table --csv", []string{"table,rows", "main,6", "local,4", "vpn,1"}},
		{"-t --count proto --columns proto,sockets", []string{"PROTO SOCKETS", "tcp 14", "tcp6 3"}},
		{"-tl --count state --columns state,sockets", []string{"STATE SOCKETS", "LISTEN 5"}},
	} {
		if got := fields(linesOf(t, append(words(c.args), "--once")...)); !slices.Equal(got, c.want) {
			t.Errorf("%s prints %q, want %q", c.args, got, c.want)
		}
	}
}

// TestPrintedValues: raw numbers in JSON and CSV, an array or an object a line.
func TestPrintedValues(t *testing.T) {
	out, err := printOf(t, nil, "-M", "--json", "nat:dnat", "--columns", "proto,src,sport,replysrc,state,timeout,sent,tx")
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatal(err)
	}
	want := "[map[proto:tcp replysrc:172.17.0.3 sent:4100 sport:51522 src:203.0.113.9 state:ESTABLISHED timeout:431990 tx:<nil>]]"
	if got := fmt.Sprint(rows); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, screen := range []string{"-x", "-i", "-r", "-s", "-g", "-M"} {
		out, err := printOf(t, nil, screen, "-a", "--json", "-c")
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		for _, line := range lines {
			var row map[string]any
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Errorf("%s: a line is %q: %v", screen, line, err)
			}
		}
		if out, err = printOf(t, nil, screen, "-a", "--csv"); err != nil {
			t.Fatal(err)
		}
		records, err := csv.NewReader(strings.NewReader(out)).ReadAll()
		if err != nil || len(records) != len(lines)+1 {
			t.Errorf("%s: %d lines of JSON, %d of CSV, %v", screen, len(lines), len(records), err)
		}
	}
}

// A rate takes two samples; of netstat's layouts none shows any.
func TestTimeForRatesOfTables(t *testing.T) {
	for args, want := range map[string]time.Duration{
		"-i": 0, "-i --json": 0, "-i --sort rx": time.Second, "-i --csv --columns rx": time.Second, "-i rx>1k": time.Second,
		"-i --sort received": 0, "-M tx>0": time.Second, "-M --json": 0, "-s": 0, "-a tx>1k": time.Second, "-x": 0,
		"-i --sort rx --interval 3s": 3 * time.Second, "-i --json -c2": 2 * time.Second, "-i -c": 0,
	} {
		p, err := printingOf(t, nil, append(words(args), "--once")...)
		if err != nil {
			t.Fatalf("%s: %v", args, err)
		}
		if got := p.TimeForRates(); got != want {
			t.Errorf("%s watches for %v, want %v", args, got, want)
		}
	}
}

// sampled hands out snapshots one after the other and writes down what it was asked for.
type sampled struct {
	t        *testing.T
	next     []*model.Snapshot
	wanted   []model.Demand
	apart    []time.Duration
	patience []time.Duration
	out      int // taken and not given back
	after    func(n int)
}

func (s *sampled) Want(d model.Demand) { s.wanted = append(s.wanted, d) }

func (s *sampled) Sample(_ context.Context, patience, apart time.Duration) *model.Snapshot {
	if s.out != 0 || len(s.wanted) == 0 {
		s.t.Errorf("sampled with %d snapshots taken and %d demands", s.out, len(s.wanted))
	}
	s.out++
	s.apart, s.patience = append(s.apart, apart), append(s.patience, patience)
	snapshot := s.next[0]
	if len(s.next) > 1 {
		s.next = s.next[1:]
	}
	if s.after != nil {
		s.after(len(s.apart))
	}
	return snapshot
}

func (s *sampled) Release(*model.Snapshot) { s.out-- }

func TestRunOnce(t *testing.T) {
	n := newStation(everything)
	p, err := printingOf(t, nil, "-i", "--sort", "rx")
	if err != nil {
		t.Fatal(err)
	}
	from := &sampled{t: t, next: []*model.Snapshot{n.snapshot(0)}}
	var out, trouble strings.Builder
	if err := p.Run(context.Background(), from, &out, &trouble); err != nil {
		t.Error(err)
	}
	if strings.Count(out.String(), "\n") != 7 || trouble.String() != "" {
		t.Errorf("printed:\n%s%s", out.String(), trouble.String())
	}
	if len(from.wanted) != 1 || from.wanted[0].Tables != model.TableLinks || !slices.Equal(from.apart, []time.Duration{time.Second}) ||
		from.patience[0] != ownersPatience || from.out != 0 {
		t.Errorf("demanded %+v, sampled apart %v with the patience %v, %d not given back", from.wanted, from.apart, from.patience, from.out)
	}
}

// continuous is a Printing that repeats without waiting for anybody.
func continuous(t *testing.T, args ...string) *Printing {
	t.Helper()
	p, err := printingOf(t, nil, append(args, "-c")...)
	if err != nil {
		t.Fatal(err)
	}
	p.start.Interval = time.Nanosecond
	return p
}

func TestRunRepeats(t *testing.T) {
	n := newStation(everything)
	p := continuous(t, "-i", "--json", "--columns", "interface,rx")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	from := &sampled{t: t, next: []*model.Snapshot{n.snapshot(0), n.step()}, after: func(n int) {
		if n == 3 {
			cancel()
		}
	}}
	var out, trouble strings.Builder
	if err := p.Run(ctx, from, &out, &trouble); err != nil {
		t.Error(err)
	}
	if got := strings.Count(out.String(), `"interface":"eth0"`); got < 3 || !strings.Contains(out.String(), `{"interface":"eth0","rx":1204000}`) {
		t.Errorf("printed %d times:\n%s", got, out.String())
	}
	if from.apart[0] != time.Nanosecond || slices.ContainsFunc(from.apart[1:], func(d time.Duration) bool { return d != 0 }) || len(from.wanted) != 1 || from.out != 0 {
		t.Errorf("sampled apart %v on %d demands, %d not given back", from.apart, len(from.wanted), from.out)
	}
}

// TestRunRepeatsCSV: the header comes once, so that what is printed stays one table; a look without rows adds nothing.
func TestRunRepeatsCSV(t *testing.T) {
	for args, header := range map[string]string{
		"-a --csv --columns process,lport":                    "process,lport",
		"-a --csv --columns process,lport pid=4000000000":     "process,lport",
		"--csv --count state":                                 "state,",
		"-r --csv":                                            "destination,",
		"-s --csv --columns name,value":                       "name,value",
		"-i --csv --columns interface,rx":                     "interface,",
		"-x --csv --columns process,path":                     "process,path",
		"--screen processes --csv --columns process,pid,sent": "process,pid,sent",
	} {
		n := newStation(everything)
		const looks = 3
		once, err := printingOf(t, nil, words(args)...)
		if err != nil {
			t.Fatal(args, err)
		}
		var one, out strings.Builder
		if err := once.Print(&one, n.snapshot(0)); err != nil {
			t.Fatal(args, err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		from := &sampled{t: t, next: []*model.Snapshot{n.snapshot(0)}, after: func(n int) {
			if n == looks {
				cancel()
			}
		}}
		if err := continuous(t, words(args)...).Run(ctx, from, &out, io.Discard); err != nil {
			t.Fatal(args, err)
		}
		_, body, _ := strings.Cut(one.String(), "\n")
		first, rest, _ := strings.Cut(out.String(), "\n")
		if !strings.HasPrefix(first, header) || (rest == "") != (body == "") || strings.Contains("\n"+rest, "\n"+first+"\n") {
			t.Errorf("%s printed\n%s", args, out.String())
		}
		if rows, each := strings.Count(rest, "\n"), strings.Count(body, "\n"); rows != len(from.apart)*each || len(from.apart) < looks {
			t.Errorf("%s printed %d rows at %d looks, %d each", args, rows, len(from.apart), each)
		}
	}
}

// reader reads so many writes and goes away.
type reader struct{ left int }

func (r *reader) Write(b []byte) (int, error) {
	if r.left--; r.left < 0 {
		return 0, &writeError{syscall.EPIPE}
	}
	return len(b), nil
}

type writeError struct{ error }

func (e *writeError) Unwrap() error { return e.error }

// TestRunEndsWithItsReader: with an error that says so, which is no reason for a message.
func TestRunEndsWithItsReader(t *testing.T) {
	for _, args := range []string{"-rn", "-an", "-r --json", "-s", "-Man"} {
		from := &sampled{t: t, next: []*model.Snapshot{newStation(everything).snapshot(0)}}
		err := continuous(t, words(args)...).Run(context.Background(), from, &reader{left: 3}, io.Discard)
		if !text.Closed(err) || len(from.apart) > 4 || from.out != 0 {
			t.Errorf("%s: %v after %d samples, %d not given back", args, err, len(from.apart), from.out)
		}
	}
}

func TestRunTellsOfTrouble(t *testing.T) {
	failing := func() *station {
		n := newStation(everything)
		n.flows = nil
		n.sources = []model.Source{{Name: "connection tracking", Of: model.TableFlows, Err: errors.New("none in\nthis kernel"), Absent: true}}
		return n
	}
	var out, trouble strings.Builder
	from := &sampled{t: t, next: []*model.Snapshot{failing().snapshot(0)}}
	p, err := printingOf(t, nil, "-M")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Run(context.Background(), from, &out, &trouble); !errors.Is(err, ErrTrouble) {
		t.Errorf("a table is missing: %v", err)
	}
	if want := "sockview: connection tracking: none in\\nthis kernel\n"; trouble.String() != want {
		t.Errorf("told %q, want %q", trouble.String(), want)
	}
	if strings.Contains(out.String(), "none in") {
		t.Errorf("the output is\n%s", out.String())
	}

	// Again and again: a line each time, until nobody listens.
	trouble.Reset()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	from = &sampled{t: t, next: []*model.Snapshot{failing().snapshot(0)}, after: func(n int) {
		if n == 3 {
			cancel()
		}
	}}
	if err := continuous(t, "-M").Run(ctx, from, &out, &trouble); err != nil {
		t.Errorf("what repeats gives up: %v", err)
	}
	if got := strings.Count(trouble.String(), "\n"); got != len(from.apart) || got < 3 {
		t.Errorf("told %d times of %d", got, len(from.apart))
	}

	// A socket source that failed is told, and the rest stands.
	trouble.Reset()
	n := newStation(everything)
	n.failed = map[string]error{"TCP IPv6": errors.New("refused")}
	if p, err = printingOf(t, nil, "-an"); err != nil {
		t.Fatal(err)
	}
	err = p.Run(context.Background(), &sampled{t: t, next: []*model.Snapshot{n.snapshot(time.Second)}}, &out, &trouble)
	if err != nil || trouble.String() != "sockview: TCP IPv6: refused (1s old)\n" {
		t.Errorf("%v, told %q", err, trouble.String())
	}
}

// phoneBook names what ends in .9 or is port 443, once it was asked to look it up.
type phoneBook struct {
	Names
	asked [][]model.Addr
	known map[model.Addr]bool
}

func (p *phoneBook) Await(_ context.Context, addrs []model.Addr) {
	p.asked = append(p.asked, addrs)
	for _, a := range addrs {
		p.known[a] = true
	}
}

func (p *phoneBook) Known(a model.Addr) (model.Text, bool) {
	if p.known[a] && a[15] == 9 {
		return model.SafeText("peer.example"), true
	}
	return model.Text{}, false
}

func (p *phoneBook) Host(a model.Addr) (model.Text, bool) {
	panic("printing looks up " + string(model.AppendAddr(nil, a, true)) + " on its own")
}

func (p *phoneBook) Service(_ model.Proto, port uint16) model.Text {
	if port == 443 {
		return model.SafeText("https")
	}
	return model.Text{}
}

func (p *phoneBook) Network(a model.Addr) model.Text {
	if a == addr("172.17.0.0") {
		return model.SafeText("containers")
	}
	return model.Text{}
}

func (p *phoneBook) ServicePort(name string) (uint16, bool) { return 443, name == "https" }

// TestPrintedNamesOfMany: a table that several goroutines write at once has every address looked up, and named.
func TestPrintedNamesOfMany(t *testing.T) {
	const n = 20_000
	s := newStation(everything).snapshot(0)
	peers := make(map[model.Addr]bool, n)
	for i := range n {
		peer := addr(fmt.Sprintf("10.%d.%d.9", i/256, i%256))
		peers[peer] = true
		s.Sockets = append(s.Sockets, model.Socket{
			Proto: model.TCP, Family: model.IPv4, State: model.Established, Cookie: uint64(1_000_000 + i),
			Local: addr("10.0.0.5"), LocalPort: 443, Remote: peer, RemotePort: 51522, Holding: model.Holding{Owner: -1},
		})
	}
	names := &phoneBook{known: map[model.Addr]bool{}}
	p, err := printingOf(t, names, "-t")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := p.Print(&out, s); err != nil {
		t.Fatal(err)
	}
	for peer := range peers {
		if !names.known[peer] {
			t.Fatalf("%s was not looked up", model.AppendAddr(nil, peer, false))
		}
	}
	if got := strings.Count(out.String(), "peer.example:51522"); got < n {
		t.Errorf("%d of %d peers are named", got, n)
	}
}

func TestPrintedNames(t *testing.T) {
	for _, c := range []struct {
		args  string
		asked int // tables whose addresses were looked up
		has   []string
		not   []string
	}{
		{"-at", 1, []string{"10.0.0.5:https", "peer.example:51522", "[::]:22"}, []string{"203.0.113.9", ":443 "}},
		{"-a", 1, []string{"peer.example:51522"}, nil},
		{"-ant", 0, []string{"10.0.0.5:443 ", "203.0.113.9:51522"}, []string{"https", "peer.example"}},
		{"-at --numeric-hosts", 0, []string{"10.0.0.5:https", "203.0.113.9:51522"}, []string{"peer.example"}},
		{"-at --numeric-ports", 1, []string{"10.0.0.5:443 ", "peer.example:51522"}, []string{"https"}},
		{"-at lport:https", 1, []string{"peer.example:51522"}, []string{":ssh", "6379"}},
		{"-M", 1, []string{"peer.example:51522", ":https"}, nil},
		{"-t --json", 0, []string{`"203.0.113.9"`}, []string{"peer.example"}}, // ours are numbers until --names
		{"-t --columns remote,rport", 0, []string{"203.0.113.9"}, []string{"peer.example"}},
		{"-t --columns remote,rport --names", 1, []string{"peer.example"}, []string{"203.0.113.9"}},
		{"-t --columns remote,rport --names -n", 0, []string{"203.0.113.9"}, []string{"peer.example"}},
		{"-r --columns gateway --names", 1, []string{"10.0.0.1"}, nil},
		{"-r --csv", 0, []string{"10.0.0.9"}, []string{"peer.example"}},
		{"-r", 1, []string{"default         10.0.0.1", "peer.example", "containers "}, []string{"10.0.0.9", "172.17.0.0"}}, // a route to a host, one to a network
		{"-rn", 0, []string{"10.0.0.9", "172.17.0.0"}, []string{"peer.example", "containers", "default"}},
		{"-rN", 0, []string{"10.0.0.9"}, []string{"peer.example"}},
		{"-i", 0, []string{"eth0"}, nil},
	} {
		names := &phoneBook{known: map[model.Addr]bool{}}
		p, err := printingOf(t, names, append(words(c.args), "--once")...)
		if err != nil {
			t.Fatalf("%s: %v", c.args, err)
		}
		n := newStation(everything)
		host := n.routes[1]
		host.Dst, host.DstLen, host.Flags = addr("10.0.0.9"), 32, 0x5
		n.routes = append(n.routes, host)
		var b strings.Builder
		if err := p.Print(&b, n.snapshot(0)); err != nil {
			t.Fatalf("%s: %v", c.args, err)
		}
		out := b.String()
		for _, want := range c.has {
			if !strings.Contains(out, want) {
				t.Errorf("%s does not print %q:\n%s", c.args, want, out)
			}
		}
		for _, not := range c.not {
			if strings.Contains(out, not) {
				t.Errorf("%s prints %q:\n%s", c.args, not, out)
			}
		}
		var asked [][]model.Addr
		for _, addrs := range names.asked {
			asked = append(asked, addrs)
			seen := map[model.Addr]bool{}
			for _, a := range addrs {
				if seen[a] || a.IsUnspecified() {
					t.Errorf("%s asks for %s again, or for nobody", c.args, model.AppendAddr(nil, a, true))
				}
				seen[a] = true
			}
		}
		if len(asked) != c.asked {
			t.Errorf("%s asks %d times: %v", c.args, len(asked), asked)
		}
	}
}

package keymap

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseArgs(t *testing.T) {
	cases := []struct {
		args string // separated by blanks
		want Options
	}{
		{"", Options{}},
		{"-t", Options{TCP: true}}, {"--tcp", Options{TCP: true}},
		{"-u", Options{UDP: true}}, {"--udp", Options{UDP: true}},
		{"-U", Options{UDPLite: true}}, {"--udplite", Options{UDPLite: true}},
		{"-w", Options{Raw: true}}, {"--raw", Options{Raw: true}},
		{"-S", Options{SCTP: true}}, {"--sctp", Options{SCTP: true}},
		{"-x", Options{Unix: true}}, {"--unix", Options{Unix: true}},
		{"-p", Options{Programs: true}}, {"--programs", Options{Programs: true}}, {"--program", Options{Programs: true}},
		{"-o", Options{Timers: true}}, {"--timers", Options{Timers: true}}, {"--timer", Options{Timers: true}},
		{"-e", Options{Extend: 1}}, {"-ee", Options{Extend: 2}}, {"--extend -te", Options{Extend: 2, TCP: true}},
		{"-W", Options{Wide: true}}, {"--wide", Options{Wide: true}},
		{"-N", Options{Symbolic: true}}, {"--symbolic", Options{Symbolic: true}},
		{"-v", Options{Verbose: true}}, {"--verbose", Options{Verbose: true}},
		{"--numeric-hosts", Options{NumericHosts: true}}, {"--numeric-ports", Options{NumericPorts: true}},
		{"--numeric-users", Options{NumericUsers: true}},
		{"-n --numeric-users", Options{Numeric: true, NumericUsers: true}},
		{"-C", Options{Cache: true}}, {"--cache", Options{Cache: true}},
		{"-4", Options{IPv4: true}}, {"--inet", Options{IPv4: true}}, {"--ip", Options{IPv4: true}},
		{"-6", Options{IPv6: true}}, {"--inet6", Options{IPv6: true}},
		{"-l", Options{Listening: true}}, {"--listening", Options{Listening: true}},
		{"-a", Options{All: true}}, {"--all", Options{All: true}},
		{"-n", Options{Numeric: true}}, {"--numeric", Options{Numeric: true}},
		{"--names", Options{Names: true}}, {"-n --names", Options{Names: true}},
		{"--names -n", Options{Numeric: true}},
		{"--columns pid,lport,sent", Options{Columns: []string{"pid", "lport", "sent"}}},
		{"--sort sent", Options{Sort: "sent"}}, {"--sort=sent", Options{Sort: "sent"}},
		{"--sort a --sort b", Options{Sort: "b"}},
		{"--count state", Options{Count: "state"}}, {"--top 20", Options{Top: 20}}, {"--top=1", Options{Top: 1}},
		{"--interval 500ms", Options{Interval: 500 * time.Millisecond}},
		{"--hold 3", Options{Hold: 3 * time.Second}},
		{"--history 1000", Options{History: 1000}},
		{"--history 0", Options{History: -1}},
		{"--netns own", Options{NetNS: "own"}},
		{"--netns=all", Options{NetNS: "all"}},
		{"--netns web --netns 1203", Options{NetNS: "1203"}},
		{"--once", Options{Once: true}}, {"--json", Options{JSON: true}}, {"--csv", Options{CSV: true}},
		{"--screen hosts", Options{Screen: "hosts"}}, {"--theme high-contrast", Options{Theme: "high-contrast"}},
		{"--config /tmp/c.toml", Options{Config: "/tmp/c.toml"}},
		{"--no-color", Options{NoColor: true}}, {"--ascii", Options{ASCII: true}},
		{"--mouse", Options{Mouse: true}},
		{"-h", Options{Help: true}}, {"--help", Options{Help: true}}, {"-V", Options{Version: true}},
		{"--version", Options{Version: true}}, {"--check --json", Options{Check: true, JSON: true}}, {"--panic sampler", Options{Panic: "sampler"}},

		{"-r", Options{Screen: "routes"}}, {"--route", Options{Screen: "routes"}}, {"-F", Options{Screen: "routes"}},
		{"--fib", Options{Screen: "routes"}}, {"-rF -r", Options{Screen: "routes"}},
		{"-i", Options{Screen: "interfaces"}}, {"--interfaces", Options{Screen: "interfaces"}},
		{"-g", Options{Screen: "groups"}}, {"--groups", Options{Screen: "groups"}},
		{"-M", Options{Screen: "nat"}}, {"--masquerade", Options{Screen: "nat"}},
		{"-s", Options{Screen: "statistics"}}, {"--statistics", Options{Screen: "statistics"}},
		{"-r --screen routes", Options{Screen: "routes"}}, {"--screen hosts --screen nat", Options{Screen: "nat"}},
		{"--screen hosts --screen routes -r", Options{Screen: "routes"}},
		{"-rC", Options{Screen: "routes", Cache: true}}, {"-rnee6", Options{Screen: "routes", Numeric: true, Extend: 2, IPv6: true}},
		{"-stuw", Options{Screen: "statistics", TCP: true, UDP: true, Raw: true}},

		{"-I eth0", Options{Screen: "interfaces", Interface: "eth0"}},
		{"-Ieth0", Options{Screen: "interfaces", Interface: "eth0"}},
		{"-I=eth0", Options{Screen: "interfaces", Interface: "eth0"}},
		{"-eI=eth0 -n", Options{Screen: "interfaces", Interface: "eth0", Extend: 1, Numeric: true}},
		{"-neI eth0.1:2", Options{Screen: "interfaces", Interface: "eth0.1:2", Extend: 1, Numeric: true}},
		{"--interface=eth0", Options{Screen: "interfaces", Interface: "eth0"}},
		{"--interface eth0", Options{Screen: "interfaces", Interface: "eth0"}},
		{"-i -I eth0", Options{Screen: "interfaces", Interface: "eth0"}},
		{"--interface", Options{Screen: "interfaces"}}, // netstat takes it for --interfaces
		{"-I -n -- x", Options{Screen: "interfaces", Numeric: true, Filter: []string{"x"}}},
		{"-Itest.0", Options{Screen: "interfaces", Interface: "test.0"}},
		{"-test", Options{TCP: true, Extend: 1, Screen: "statistics"}},
		{"-i eth0", Options{Screen: "interfaces", Filter: []string{"eth0"}}},

		{"-A inet", Options{IPv4: true}}, {"-Ainet6", Options{IPv6: true}}, {"-A=unix", Options{Unix: true}},
		{"--protocol=inet", Options{IPv4: true}}, {"--protocol inet6", Options{IPv6: true}},
		{"-A local", Options{Unix: true}}, {"-A ip,ip6", Options{IPv4: true, IPv6: true}},
		{"-A inet,inet6,unix -n", Options{IPv4: true, IPv6: true, Unix: true, Numeric: true}},
		{"-A inet -A unix", Options{IPv4: true, Unix: true}}, {"-tnA inet6", Options{TCP: true, Numeric: true, IPv6: true}},

		{"-c", Options{Continuous: true}}, {"--continuous", Options{Continuous: true}},
		{"-c 2", every(2, Options{})}, {"-c2", every(2, Options{})}, {"-c=2", every(2, Options{})},
		{"--continuous=2", every(2, Options{})}, {"--continuous 2", every(2, Options{})}, {"--cont 2", every(2, Options{})},
		{"-antc 2", every(2, Options{All: true, Numeric: true, TCP: true})},
		{"-antc2", every(2, Options{All: true, Numeric: true, TCP: true})},
		{"-c2nt 5", every(2, Options{Numeric: true, TCP: true, Filter: []string{"5"}})},
		{"-c 80", every(80, Options{})}, {"-c 80 443", every(80, Options{Filter: []string{"443"}})},
		{"-c 4", every(4, Options{})}, {"-c4", every(4, Options{})},
		{"-c -4", Options{Continuous: true, IPv4: true}}, {"-c -- 2", Options{Continuous: true, Filter: []string{"2"}}},
		{"-c 2x", Options{Continuous: true, Filter: []string{"2x"}}},
		{"-c port:80", Options{Continuous: true, Filter: []string{"port:80"}}},
		{"-ct 2", Options{Continuous: true, TCP: true, Filter: []string{"2"}}},
		{"--interval 500ms -c", Options{Continuous: true, Interval: 500 * time.Millisecond}},
		{"--continuous=500ms", Options{Continuous: true, Interval: 500 * time.Millisecond}},
		{"-c 3 --interval 2", every(2, Options{})},

		// beginnings of long flags
		{"--list", Options{Listening: true}}, {"--stat", Options{Screen: "statistics"}}, {"--prog", Options{Programs: true}},
		{"--time", Options{Timers: true}}, {"--numeric-h", Options{NumericHosts: true}},
		{"--prot=unix", Options{Unix: true}}, {"--so a", Options{Sort: "a"}}, {"--so=a", Options{Sort: "a"}},
		{"--fi", Options{Screen: "routes"}},

		{"-antp", Options{All: true, Numeric: true, TCP: true, Programs: true}},
		{"-tulpn", Options{TCP: true, UDP: true, Listening: true, Programs: true, Numeric: true}},
		{"-tulpen", Options{TCP: true, UDP: true, Listening: true, Programs: true, Numeric: true, Extend: 1}},
		{"-anlp", Options{All: true, Numeric: true, Listening: true, Programs: true}},
		{"-tcp", Options{TCP: true, Continuous: true, Programs: true}}, // as getopt has it
		{"-tl", Options{TCP: true, Listening: true}},
		{"-ant46u", Options{All: true, Numeric: true, TCP: true, UDP: true, IPv4: true, IPv6: true}},
		{"-an -t -l", Options{All: true, Numeric: true, TCP: true, Listening: true}},
		{"--read-only", Options{ReadOnly: true}},
		{"port:443 -t state:established --once rtt>50ms", Options{TCP: true, Once: true,
			Filter: []string{"port:443", "state:established", "rtt>50ms"}}},
		{"-at port:80 --count remote --top 20", Options{All: true, TCP: true, Count: "remote", Top: 20,
			Filter: []string{"port:80"}}},
		{"not process:nginx", Options{Filter: []string{"not", "process:nginx"}}},
		{"-t -- -u --nonsense", Options{TCP: true, Filter: []string{"-u", "--nonsense"}}},
		{"-t - (", Options{TCP: true, Filter: []string{"-", "("}}},
		{"--sort test.x -- -test.x", Options{Sort: "test.x", Filter: []string{"-test.x"}}},
	}
	used := map[string]bool{}
	for _, c := range cases {
		args := strings.Fields(c.args)
		got, err := ParseArgs(args)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %+v, %v\nwant %+v", c.args, got, err, c.want)
		}
		for _, arg := range args {
			used[strings.SplitN(arg, "=", 2)[0]] = true
		}
	}
	for _, row := range Default().Bindings() {
		if row.Hidden && row.Action != PanicTest {
			continue // TestParseArgsRefuses has them
		}
		if row.Flag != "" && !used["--"+row.Flag] || row.Short != "" && !used["-"+row.Short] {
			t.Errorf("--%s or -%s is parsed by no case", row.Flag, row.Short)
		}
	}
}

// every is o with -c and its seconds.
func every(seconds int, o Options) Options {
	o.Continuous, o.Interval = true, time.Duration(seconds)*time.Second
	return o
}

// A flag's value is neither a bundle nor the beginning of another flag.
func TestParseArgsLeavesValues(t *testing.T) {
	o, err := ParseArgs([]string{"--sort=-tl", "x"})
	if err == nil {
		t.Errorf("%+v", o)
	}
	for _, args := range [][]string{{"--config", "stat"}, {"--conf", "stat"}, {"--config=stat"}} {
		if o, err := ParseArgs(args); err != nil || !reflect.DeepEqual(o, Options{Config: "stat"}) {
			t.Errorf("%q: %+v, %v", args, o, err)
		}
	}
	if o, err := ParseArgs([]string{"-I="}); err == nil {
		t.Errorf("%+v", o)
	}
}

// Letters mean the same in a bundle as apart, in whatever order, and as the long flags.
func TestParseArgsBundles(t *testing.T) {
	var letters, long []string
	for _, row := range Default().Bindings() {
		for _, s := range append([]string{row.Short}, row.Also...) {
			if len(s) == 1 && row.Arg == "" {
				letters, long = append(letters, s), append(long, "--"+row.Flag)
			}
		}
	}
	for i, a := range letters {
		for j, b := range letters {
			bundled, bundledErr := ParseArgs([]string{"-" + a + b, "-n", "x"})
			for _, apart := range [][]string{{"-" + a, "-" + b, "-n", "x"}, {long[i], long[j], "x", "-n"}} {
				o, err := ParseArgs(apart)
				if !reflect.DeepEqual(o, bundled) || (err == nil) != (bundledErr == nil) {
					t.Errorf("-%s%s is %+v, %v; %q is %+v, %v", a, b, bundled, bundledErr, apart, o, err)
				}
			}
		}
	}
}

// Every beginning of every long flag is that flag, or says which it may be.
func TestParseArgsBeginnings(t *testing.T) {
	rows := table()
	for i := range rows {
		for _, long := range append([]string{rows[i].Flag}, rows[i].Also...) {
			if len(long) < 2 {
				continue
			}
			if got := longFlag(rows, long); got != &rows[i] {
				t.Errorf("--%s is another flag", long)
			}
			for n := 1; n < len(long); n++ {
				got, begun := longFlag(rows, long[:n]), begunBy(rows, long[:n])
				switch {
				case rows[i].Hidden && slices.Contains(begun, &rows[i]):
					t.Errorf("--%s finds the hidden --%s", long[:n], long)
				case !rows[i].Hidden && !slices.Contains(begun, &rows[i]):
					t.Errorf("--%s does not find --%s", long[:n], long)
				case len(begun) == 1 && got != begun[0]:
					t.Errorf("--%s is not --%s", long[:n], begun[0].Flag)
				case len(begun) > 1 && got != nil && got.Flag != long[:n] && !slices.Contains(got.Also, long[:n]):
					t.Errorf("--%s is --%s though others begin so", long[:n], got.Flag)
				}
			}
		}
	}
}

// A word of the command line stays one word, whatever it holds.
func TestParseArgsKeepsWords(t *testing.T) {
	words := []string{"rtt>50ms or retrans>0", "", "a\nb", "\xff"}
	o, err := ParseArgs(words)
	if err != nil || !reflect.DeepEqual(o.Filter, words) {
		t.Errorf("%q, %v", o.Filter, err)
	}
	o, err = ParseArgs([]string{"--columns", "pid, state"})
	if err != nil || !reflect.DeepEqual(o.Columns, []string{"pid", "state"}) {
		t.Errorf("%q, %v", o.Columns, err)
	}
}

func TestParseArgsRefuses(t *testing.T) {
	cases := []struct {
		args []string
		says string
	}{
		{[]string{"--listenning"}, `--listenning: no such flag; did you mean --listening?`},
		{[]string{"--TCP"}, `--TCP: no such flag; did you mean --tcp?`},
		{[]string{"--nocolor"}, "did you mean --no-color?"},
		{[]string{"--intreval", "1s"}, "did you mean --interval?"},
		{[]string{"--num"}, `--num: several flags begin so; allowed are --numeric --numeric-hosts --numeric-ports --numeric-users`},
		{[]string{"--ine"}, "several flags begin so; allowed are --inet --inet6"},
		{[]string{"--inter"}, "allowed are --interfaces --interface --interval"},
		{[]string{"--s=x"}, "--s: several flags begin so"},
		{[]string{"--pan"}, "--pan: no such flag"}, {[]string{"--ax"}, "--ax: no such flag"},
		{[]string{"--contex"}, "--contex: no such flag"},
		{[]string{"--processes"}, "--processes: no such flag; allowed are --interfaces --route"},
		{[]string{"--masquerade=1"}, `--masquerade: it takes no value, not "1"`},
		{[]string{"--prog=1"}, `--programs: it takes no value, not "1"`},
		{[]string{"-Z"}, "--context: SELinux contexts are not shown; ss -Z shows them"},
		{[]string{"-antZ"}, "SELinux contexts are not shown"}, {[]string{"--context"}, "SELinux contexts are not shown"},
		{[]string{"--ipx"}, "--ipx: this program has no such family; allowed are --inet, --inet6 and --unix"},
		{[]string{"-X"}, "-X: no such flag; allowed are -i -r -s -g -M -I -C -t -u -U -w -S -x -4 -6 -A -l -a -n -N -p -o -e -W -v -c -h -V"},
		{[]string{"x", "-tlXn"}, `-X in "-tlXn": no such flag; allowed are -i`},
		{[]string{"--sort", "-xQ", "-tQ"}, `-Q in "-tQ": no such flag`},
		{[]string{"--config", "a", "-Q"}, "-Q: no such flag"},
		{[]string{"-json"}, `-j in "-json": no such flag; did you mean --json?`},

		{[]string{"-r", "-i"}, "--interfaces --route: they open two screens, interfaces and routes; only one of them can be shown"},
		{[]string{"-sM"}, "--statistics --masquerade: they open two screens, statistics and nat"},
		{[]string{"-I", "eth0", "-r"}, "--route --interface: they open two screens, routes and interfaces"},
		{[]string{"--screen", "unix", "-g"}, "--groups --screen: they open two screens, groups and unix"},
		{[]string{"-F", "--screen=sockets"}, "--route --screen: they open two screens"},
		{[]string{"-A"}, "--protocol: it needs a value; allowed is inet, inet6 or unix, with commas between them"},
		{[]string{"-A", "ipx"}, `--protocol: "ipx" asks for ipx, and this program has no such family; allowed is inet, inet6 or unix`},
		{[]string{"-Ainet,bluetooth"}, `"inet,bluetooth" asks for bluetooth, and this program has no such family`},
		{[]string{"--protocol=ipv7"}, `"ipv7" asks for "ipv7", which is no family; allowed is inet`},
		{[]string{"-A", "inet,"}, "has an empty name; allowed is inet"}, {[]string{"-A", "-t"}, "which is no family"},
		{[]string{"-I="}, "--interface: it needs a value; allowed is an interface's name"},
		{[]string{"--interface="}, "it needs a value"},
		{[]string{"-c0"}, `--continuous: "0" is too short; allowed is 100ms to 1h`},
		{[]string{"-c", "3601"}, `"3601" is too long`}, {[]string{"--continuous=x"}, `"x" is not a time`},
		{[]string{"-c="}, "--continuous: it needs a value"}, {[]string{"-c", "-2"}, "-2: no such flag"},
		{[]string{"-c2Q"}, `-Q in "-c2Q": no such flag`},
		{[]string{"-é"}, "-é"}, {[]string{"-\xff"}, "no such flag"},
		{[]string{"-\x1b[2J"}, `-\x1b in "-\x1b[2J": no such flag`},
		{[]string{"--\x1b[2J"}, `--\x1b[2J: no such flag`},
		{[]string{"--" + strings.Repeat("x", 9999)}, "…: no such flag"},
		{[]string{"-test.v"}, `-. in "-test.v": no such flag`},
		{[]string{"-lntest.run"}, `-. in "-lntest.run": no such flag`},
		{[]string{"---"}, `"---": not a flag; filter words that begin with - go after --`},
		{[]string{"--=x"}, "not a flag"},
		{[]string{"--tcp=false"}, `--tcp: it takes no value, not "false"`},
		{[]string{"--tcp="}, "it takes no value"},
		{[]string{"-t=x"}, "--tcp: it takes no value"},
		{[]string{"--sort"}, "--sort: it needs a value; allowed is a column's name"},
		{[]string{"--sort="}, "it needs a value"},
		{[]string{"--sort", "--json"}, `--sort: "--json" looks like a flag`},
		{[]string{"--count", "-t"}, "looks like a flag"},
		{[]string{"--columns", "pid,,state"}, "has an empty name; allowed is columns' names"},
		{[]string{"--columns", ","}, "empty name"},
		{[]string{"--top", "0"}, "allowed is a whole number from 1"},
		{[]string{"--top", "-1"}, "allowed is a whole"},
		{[]string{"--top", "ten"}, "allowed is a whole"},
		{[]string{"--top", "99999999999"}, "allowed is a whole"}, {[]string{"--top", "+1"}, "allowed"},
		{[]string{"--interval", "99ms"}, `--interval: "99ms" is too short; allowed is 100ms to 1h`},
		{[]string{"--interval", "0"}, "too short"}, {[]string{"--interval", "-1s"}, "too short"},
		{[]string{"--interval", "61m"}, "too long"}, {[]string{"--interval", "3601"}, "too long"},
		{[]string{"--interval", "1x"}, "is not a time"}, {[]string{"--interval", "NaN"}, "is not a time"},
		{[]string{"--interval", "."}, "is not a time"},
		{[]string{"--interval", "inf"}, "is not a time"}, {[]string{"--interval", "1e3"}, "is not a time"},
		{[]string{"--hold", "x"}, "--hold: "},
		{[]string{"--history", "-1"}, `--history: "-1" is no such number; allowed is a whole number from 0 to 1000000`},
		{[]string{"--history=1000001"}, `"1000001" is too many`},
		{[]string{"--netns", "--json"}, `--netns: "--json" looks like a flag; allowed is own, all, a namespace's name, or the pid of a process in it`},
		{[]string{"--netns="}, "--netns: it needs a value; allowed is own, all"},
		{[]string{"--screen", "disks"}, `allowed is sockets, processes, hosts, count, unix, interfaces, routes, statistics, groups, nat, containers or history`},
		{[]string{"--theme", "pink"}, "allowed is default, light, high-contrast or none"},
		{[]string{"--json", "--csv"}, "--json --csv: only one of them"},
	}
	for _, c := range cases {
		o, err := ParseArgs(c.args)
		var usage *UsageError
		if !errors.As(err, &usage) || usage.ExitCode() != 2 {
			t.Errorf("%q: %v is no usage error", c.args, err)
			continue
		}
		if !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: %q; it should say %q", c.args, err, c.says)
		}
		if strings.Contains(err.Error(), "panic") {
			t.Errorf("%q: %q names the hidden flag", c.args, err)
		}
		if !reflect.DeepEqual(o, Options{}) {
			t.Errorf("%q: options beside an error: %+v", c.args, o)
		}
		checkOneLine(t, err)
	}
}

func TestParseInterval(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"100ms": MinInterval, "1h": MaxInterval, "3600": MaxInterval, "2": 2 * time.Second, "0.5": 500 * time.Millisecond,
		".5": 500 * time.Millisecond, "1m30s": 90 * time.Second, "500000us": 500 * time.Millisecond,
	} {
		if d, err := ParseInterval(s); err != nil || d != want {
			t.Errorf("%q: %v, %v; want %v", s, d, err, want)
		}
	}
	for _, s := range []string{"", "s", "1..2", "99999999999999999999", "2 s", "\x00"} {
		if d, err := ParseInterval(s); err == nil || d != 0 {
			t.Errorf("%q: %v, %v; want an error", s, d, err)
		}
	}
}

func FuzzParseArgs(f *testing.F) {
	for _, s := range []string{"-tl", "--interval\n500ms", "port:443\n-ant\n--\n-x", "-test.v\n-t=", "--sort", "--\xff=\n-\xff",
		"-lttest.ttest.\n--columns\na,b", "-antc\n2", "-c2nI=eth0", "-A\ninet,unix", "--num\n--stat",
		"-I\n-c", "--" + strings.Repeat("\xe4", 60)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, "\n")
		o, err := ParseArgs(args)
		if err != nil {
			var usage *UsageError
			if !errors.As(err, &usage) || !reflect.DeepEqual(o, Options{}) {
				t.Fatalf("%q: %v with %+v", args, err, o)
			}
			checkOneLine(t, err)
			return
		}
		for _, d := range []time.Duration{o.Interval, o.Hold} {
			if d != 0 && (d < MinInterval || d > MaxInterval) {
				t.Fatalf("%q: a time of %v", args, d)
			}
		}
		if o.Screen != "" && !slices.Contains(Screens(), o.Screen) || o.Interface != "" && o.Screen != "interfaces" {
			t.Fatalf("%q: screen %q, interface %q", args, o.Screen, o.Interface)
		}
		if again, err := ParseArgs(args); err != nil || !reflect.DeepEqual(again, o) {
			t.Fatalf("%q: %+v, then %+v, %v", args, o, again, err)
		}
	})
}

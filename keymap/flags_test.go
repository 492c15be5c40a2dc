package keymap

import (
	"errors"
	"reflect"
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
		{"-4", Options{IPv4: true}}, {"--inet", Options{IPv4: true}},
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
		{"--netns own", Options{NetNS: "own"}},
		{"--once", Options{Once: true}}, {"--json", Options{JSON: true}}, {"--csv", Options{CSV: true}},
		{"--screen hosts", Options{Screen: "hosts"}}, {"--theme high-contrast", Options{Theme: "high-contrast"}},
		{"--config /tmp/c.toml", Options{Config: "/tmp/c.toml"}},
		{"--no-color", Options{NoColor: true}}, {"--ascii", Options{ASCII: true}},
		{"--mouse", Options{Mouse: true}},
		{"-h", Options{Help: true}}, {"--help", Options{Help: true}}, {"-V", Options{Version: true}},
		{"--version", Options{Version: true}}, {"--panic sampler", Options{Panic: "sampler"}},

		{"-tl", Options{TCP: true, Listening: true}},
		{"-ant46u", Options{All: true, Numeric: true, TCP: true, UDP: true, IPv4: true, IPv6: true}},
		{"-an -t -l", Options{All: true, Numeric: true, TCP: true, Listening: true}},
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
		if row.Flag != "" && !used["--"+row.Flag] || row.Short != "" && !used["-"+row.Short] {
			t.Errorf("--%s or -%s is parsed by no case", row.Flag, row.Short)
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
		{[]string{"--list"}, "did you mean --listening?"},
		{[]string{"--programs"}, "--programs: no such flag; allowed are --tcp --udp"},
		{[]string{"--masquerade=1"}, "--masquerade: no such flag; allowed are"},
		{[]string{"-Z"}, "-Z: no such flag; allowed are -t -u -4 -6 -l -a -n -h -V"},
		{[]string{"x", "-tlZn"}, `-Z in "-tlZn": no such flag; allowed are -t`},
		{[]string{"-tcp"}, `-c in "-tcp": no such flag; did you mean --tcp?`},
		{[]string{"-é"}, "-é"}, {[]string{"-\xff"}, "no such flag"},
		{[]string{"-\x1b[2J"}, `-\x1b in "-\x1b[2J": no such flag`},
		{[]string{"--\x1b[2J"}, `--\x1b[2J: no such flag`},
		{[]string{"--" + strings.Repeat("x", 9999)}, "…: no such flag"},
		{[]string{"-test.v"}, `-e in "-test.v": no such flag`},
		{[]string{"-lntest.run"}, `-e in "-lntest.run": no such flag`},
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
		{[]string{"--netns", "blue"}, `--netns: "blue" is not known; allowed is own; the other namespaces come later`},
		{[]string{"--screen", "unix"}, `allowed is sockets, processes, hosts or count`},
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
		"-lttest.ttest.\n--columns\na,b"} {
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
		if again, err := ParseArgs(args); err != nil || !reflect.DeepEqual(again, o) {
			t.Fatalf("%q: %+v, then %+v, %v", args, o, again, err)
		}
	})
}

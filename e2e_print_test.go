package main

// Without a terminal: the same tables printed, and what is wrong said in one line.

import (
	"encoding/csv"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
)

func TestPrintsTheTable(t *testing.T) {
	t.Parallel()
	s := startServer(t, serving{name: "svprinted", listeners: 2})
	c := dial(t, s.ports[0], "")
	defer c.Close()
	pid, port := strconv.Itoa(s.pid), strconv.Itoa(s.ports[0])
	dir := home(t)
	run := func(t *testing.T, args ...string) string {
		t.Helper()
		got := capture(t, dir, nil, args...)
		if got.code != 0 || got.err != "" {
			t.Fatalf("%v: exit code %d, stderr: %s", args, got.code, got.err)
		}
		if strings.Contains(got.out, "\x1b") {
			t.Errorf("%v: an escape sequence in a pipe: %q", args, got.out)
		}
		return got.out
	}
	lines := func(out string) []string { return strings.Split(strings.TrimSuffix(out, "\n"), "\n") }

	t.Run("plain", func(t *testing.T) {
		columns := "--columns=process,pid,proto,local,lport,remote,rport,state"
		for _, args := range [][]string{{columns, "pid:" + pid}, {columns, "--once", "pid:" + pid}} {
			got := lines(run(t, args...))
			if len(got) != 4 || !strings.HasPrefix(got[0], "PROCESS") {
				t.Fatalf("want a heading and three rows:\n%s", strings.Join(got, "\n"))
			}
			for _, line := range got[1:] {
				if f := strings.Fields(line); len(f) < 8 || f[0] != "svprinted" || f[1] != pid || f[2] != "tcp" {
					t.Errorf("row %q", line)
				}
			}
		}
	})
	t.Run("filter and flags", func(t *testing.T) { // two lines of headings, as netstat has them
		got := lines(run(t, "-n", "-t", "-l", "port:"+port))
		if len(got) != 3 || !strings.Contains(got[2], ":"+port+" ") || !strings.Contains(got[2], "LISTEN") {
			t.Errorf("want the listener alone:\n%s", strings.Join(got, "\n"))
		}
		if got := lines(run(t, "-u", "pid:"+pid)); len(got) != 2 {
			t.Errorf("want no row:\n%s", strings.Join(got, "\n"))
		}
		if got := lines(run(t, "-n", "pid:"+pid, "state:listen", "not", "lport:"+port)); len(got) != 3 ||
			!strings.Contains(got[2], strconv.Itoa(s.ports[1])) {
			t.Errorf("want the other listener alone:\n%s", strings.Join(got, "\n"))
		}
	})
	t.Run("json", func(t *testing.T) {
		var rows []map[string]any
		out := run(t, "--json", "lport:"+port, "state:listen")
		if err := json.Unmarshal([]byte(out), &rows); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if len(rows) != 1 || rows[0]["process"] != "svprinted" || rows[0]["pid"] != float64(s.pid) ||
			rows[0]["lport"] != float64(s.ports[0]) || rows[0]["state"] != "LISTEN" || rows[0]["rport"] != nil {
			t.Errorf("%v", rows)
		}
	})
	t.Run("csv", func(t *testing.T) {
		rows, err := csv.NewReader(strings.NewReader(run(t, "--csv", "--columns", "pid,lport,state", "pid:"+pid, "--sort", "lport"))).ReadAll()
		if err != nil || len(rows) != 4 {
			t.Fatalf("%v: %q", err, rows)
		}
		if strings.Join(rows[0], ",") != "pid,lport,state" || rows[1][0] != pid {
			t.Errorf("%q", rows)
		}
	})
	t.Run("count", func(t *testing.T) {
		out := run(t, "--count", "state", "pid:"+pid)
		counts := make(map[string]string)
		for _, line := range lines(out)[1:] {
			f := strings.Fields(line)
			counts[f[0]] = f[1]
		}
		if counts["LISTEN"] != "2" || counts["ESTABLISHED"] != "1" || len(counts) != 2 {
			t.Errorf("%v:\n%s", counts, out)
		}
	})
	t.Run("top", func(t *testing.T) {
		if got := lines(run(t, "--top", "1", "-t", "pid:"+pid)); len(got) != 3 {
			t.Errorf("want one row:\n%s", strings.Join(got, "\n"))
		}
	})
	t.Run("help", func(t *testing.T) {
		out := run(t, "--help")
		for _, want := range []string{"Usage: sockview", "--json", "-t, --tcp", "port:443"} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
		if strings.Contains(out, "--panic") {
			t.Error("a flag for tests is listed")
		}
	})
	t.Run("version", func(t *testing.T) {
		if out := run(t, "--version"); !strings.HasPrefix(out, "sockview ") || strings.Count(out, "\n") != 1 {
			t.Errorf("%q", out)
		}
	})
}

func TestFault35WrongCommandLines(t *testing.T) {
	t.Parallel()
	dir := home(t)
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"bogus:x"}, []string{"character 1", `no field "bogus"`}},
		{[]string{"lport:80", "and"}, []string{"character 13", "expected"}},
		{[]string{"(port:80"}, []string{"character", ")"}},
		{[]string{"process~["}, []string{"character"}},
		{[]string{"rtt>50parsecs"}, []string{"character"}},
		{[]string{strings.Repeat("(", 5000)}, []string{"character"}},
		{[]string{"--bogus"}, []string{"--bogus", "no such flag", "--tcp"}},
		{[]string{"--jsno"}, []string{"did you mean --json?"}},
		{[]string{"-Q"}, []string{"-Q", "no such flag"}},
		{[]string{"--interval", "50ms"}, []string{"--interval", "50ms", "too short", "100ms"}},
		{[]string{"--interval", "soon"}, []string{"--interval", "soon", "not a time"}},
		{[]string{"--top", "0"}, []string{"--top"}},
		{[]string{"--json", "--csv"}, []string{"only one of them"}},
		{[]string{"--sort", "bogus"}, []string{"bogus", "allowed are", "lport"}},
		{[]string{"--columns", "pid,bogus"}, []string{"bogus", "allowed are", "lport"}},
		{[]string{"--count", "bogus"}, []string{"bogus", "allowed are", "state"}},
		{[]string{"--screen", "bogus"}, []string{"bogus", "sockets"}},
		{[]string{"--theme", "bogus"}, []string{"bogus", "light"}},
		{[]string{"--netns", "-1"}, []string{"--netns", "own, all"}},
		{[]string{"--config", "/does/not/exist"}, []string{"/does/not/exist"}},
		{[]string{"--\x1b[31m"}, []string{"no such flag"}},
		{[]string{"process:\x1b[31m and"}, []string{"character"}},
	} {
		t.Run(strings.Join(c.args, " ")[:min(20, len(strings.Join(c.args, " ")))], func(t *testing.T) {
			got := capture(t, dir, nil, c.args...)
			if got.code != 2 {
				t.Errorf("exit code %d, want 2", got.code)
			}
			if got.out != "" {
				t.Errorf("standard output: %q", got.out)
			}
			if strings.Count(got.err, "\n") != 1 || !strings.HasPrefix(got.err, "sockview: ") {
				t.Errorf("want one line, have %q", got.err)
			}
			if strings.Contains(got.err, "\x1b") {
				t.Errorf("a raw byte is echoed: %q", got.err)
			}
			for _, want := range c.says {
				if !strings.Contains(got.err, want) {
					t.Errorf("it does not say %q: %s", want, got.err)
				}
			}
		})
	}
}

// TestNetNSOfNoName: a namespace that is not there is one line of trouble, and an exit code that scripts see.
func TestNetNSOfNoName(t *testing.T) {
	t.Parallel()
	got := capture(t, home(t), nil, "-ant", "--netns", "no-such\x1b[2J")
	if got.code != 1 {
		t.Errorf("exit code %d, want 1", got.code)
	}
	if strings.Contains(got.out, "LISTEN") || strings.Contains(got.out, "ESTABLISHED") {
		t.Errorf("it shows another's sockets:\n%s", got.out)
	}
	const want = `sockview: no network namespace is called no-such\x1b[2J; there are: own`
	if !strings.HasPrefix(got.err, want) || strings.Count(got.err, "\n") != 1 {
		t.Errorf("standard error is %q, want one line that begins %q", got.err, want)
	}
}

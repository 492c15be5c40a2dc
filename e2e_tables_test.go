package main

// Our own forms of every table, repeating, what is refused, and what a dead name server costs.

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// rowsOf runs the binary in the zoo with --json, and parses it.
func (z *zoo) rowsOf(t *testing.T, args ...string) []map[string]any {
	t.Helper()
	got := z.run(t, append([]string{built.binary, "--json"}, args...)...)
	if said := complaint(t, got); got.code != 0 || said != "" {
		t.Fatalf("%v: exit code %d, stderr %q", args, got.code, said)
	}
	return parsed(t, got.out)
}

// parsed is a JSON array of objects, with numbers as they are written.
func parsed(t *testing.T, out string) (rows []map[string]any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(out))
	d.UseNumber()
	if err := d.Decode(&rows); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return rows
}

// ourTables are the flags of each table, and columns it must have.
var ourTables = []struct {
	name, flags, filter string
	columns             []string
	count               string
}{
	{"sockets", "-at", "state:listen", []string{"process", "pid", "proto", "local", "lport", "remote",
		"rport", "state"}, "state"},
	{"unix", "-x", "type:dgram", []string{"process", "pid", "type", "state", "path", "inode"}, "state"},
	{"routes", "-r", "interface=lo", []string{"destination", "gateway", "flags", "metric", "interface",
		"table"}, "interface"},
	{"interfaces", "-i", "state:up", []string{"interface", "state", "mtu", "addresses", "received", "sent"},
		"state"},
	{"groups", "-g", "interface=lo", []string{"interface", "group", "users"}, "interface"},
	{"statistics", "-s", "group:tcp value>0", []string{"group", "name", "value", "explanation"}, "group"},
}

// keysOf are the keys of the first object, in their order.
func keysOf(t *testing.T, out string) (keys []string) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(out))
	for _, want := range []json.Delim{'[', '{'} {
		if token, err := d.Token(); err != nil || token != want {
			t.Fatalf("%v, %v: %.200s", token, err, out)
		}
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key.(string))
		var value any
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

func TestOurFormsOfEveryTable(t *testing.T) {
	t.Parallel()
	needs(t)
	z := openZoo(t, "sockets")
	for _, c := range ourTables {
		run := func(t *testing.T, args ...string) string {
			t.Helper()
			got := z.run(t, slices.Concat([]string{built.binary, c.flags}, args)...)
			if said := complaint(t, got); got.code != 0 || said != "" {
				t.Fatalf("%s %v: exit code %d, stderr %q", c.flags, args, got.code, said)
			}
			return got.out
		}
		asCSV := func(t *testing.T, args ...string) [][]string {
			t.Helper()
			rows, err := csv.NewReader(strings.NewReader(run(t, append(args, "--csv")...))).ReadAll()
			if err != nil || len(rows) == 0 {
				t.Fatalf("%v: %q", err, rows)
			}
			return rows
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out := run(t, "--json")
			all, keys := parsed(t, out), keysOf(t, out)
			for _, column := range c.columns {
				if !slices.Contains(keys, column) {
					t.Errorf("no column %s in %v", column, keys)
				}
			}
			if rows := asCSV(t); !slices.Equal(rows[0], keys) || c.name != "sockets" &&
				len(rows) != len(all)+1 {
				t.Errorf("CSV has %d rows of %v, JSON %d of %v", len(rows), rows[0], len(all), keys)
			}
			some := parsed(t, run(t, "--json", c.filter))
			if len(some) == 0 || len(some) >= len(all) {
				t.Errorf("%s: %d of %d rows", c.filter, len(some), len(all))
			}
			pair := []string{c.columns[1], c.columns[0]}
			rows := asCSV(t, "--columns", strings.Join(pair, ","), "--sort", c.columns[0], "--top", "3")
			if !slices.Equal(rows[0], pair) || len(rows) != min(3, len(all))+1 {
				t.Errorf("--columns and --top: %q", rows)
			}
			if !slices.IsSortedFunc(rows[1:], func(a,
				b []string) int {
				return strings.Compare(strings.ToLower(a[1]), strings.ToLower(b[1]))
			}) &&
				!slices.ContainsFunc(rows[1:], func(r []string) bool { return r[1] == "" }) {
				t.Errorf("--sort %s: %q", c.columns[0], rows)
			}
			total := 0
			counted := asCSV(t, "--count", c.count)
			if counted[0][0] != c.count {
				t.Errorf("--count: %q", counted)
			}
			for _, row := range counted[1:] {
				n, err := strconv.Atoi(row[1])
				if err != nil {
					t.Fatalf("--count: %v in %q", err, row)
				}
				total += n
			}
			if c.name != "sockets" && total != len(all) { // TIME_WAITs come and go
				t.Errorf("--count %s counts %d of %d rows", c.count, total, len(all))
			}
			printed := strings.Split(strings.TrimSuffix(run(t, "--count", c.count), "\n"), "\n")
			if len(printed) != len(counted) {
				t.Fatalf("--count %s:\n%s", c.count, strings.Join(printed, "\n"))
			}
			for i, row := range counted[1:] {
				if f := strings.Fields(printed[i+1]); c.name != "sockets" && (len(f) < 2 ||
					f[0] != row[0] || f[1] != row[1]) {
					t.Errorf("--count %s prints %q, and %q as CSV", c.count, printed[i+1], row)
				}
			}
		})
	}
}

// follow starts the binary so that it repeats, and gives its output to read.
func follow(t *testing.T, args ...string) (out *bufio.Reader, closed func()) {
	t.Helper()
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	c := exec.CommandContext(t.Context(), built.binary, args...)
	c.Env = environment(home(t))
	c.Stdout, c.Stderr = to, &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	to.Close()
	if err := from.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(patience, func() { c.Process.Kill() }) //nolint:errcheck // it may have ended
	t.Cleanup(func() {
		from.Close()
		c.Process.Kill() //nolint:errcheck // it may have ended
	})
	return bufio.NewReader(from), func() {
		t.Helper()
		defer late.Stop()
		from.Close() // as head does when it has read enough
		err := c.Wait()
		status := c.ProcessState.Sys().(syscall.WaitStatus)
		if !(status.Exited() && status.ExitStatus() == 0 || status.Signaled() &&
			status.Signal() == unix.SIGPIPE) || stderr.Len() > 0 {
			t.Errorf("%v; stderr %q; want a quiet end", err, stderr.String())
		}
	}
}

func TestRepeatsUntilNobodyReads(t *testing.T) {
	t.Parallel()
	t.Run("netstat's layout", func(t *testing.T) {
		t.Parallel()
		for _, args := range [][]string{{"-ant", "-c", "1"}, {"-antc"}, {"-ant", "--interval", "100ms", "-c"}} {
			out, closed := follow(t, args...)
			for titles := 0; titles < 2; {
				line, err := out.ReadString('\n')
				if err != nil {
					t.Fatalf("%v: %v", args, err)
				}
				if strings.HasPrefix(line, "Active Internet connections") {
					titles++
				}
			}
			closed()
		}
	})
	t.Run("json", func(t *testing.T) {
		t.Parallel()
		for _, flags := range []string{"-tl", "-i", "-s"} {
			s := startServer(t, serving{name: "svrepeated"})
			args := []string{flags, "-c", "--interval", "100ms", "--json"}
			if flags == "-tl" {
				args = append(args, "pid:"+strconv.Itoa(s.pid))
			}
			out, closed := follow(t, args...)
			first := ""
			for again := 0; again < 2; {
				line, err := out.ReadString('\n')
				if err != nil {
					t.Fatalf("%v: %v", args, err)
				}
				var row map[string]any
				if err := json.Unmarshal([]byte(line), &row); err != nil || len(row) == 0 {
					t.Fatalf("%v: no object: %v: %q", args, err, line)
				}
				name := fmt.Sprint(row["pid"], row["lport"], row["interface"], row["group"], row["name"])
				if first == "" {
					first = name
				}
				if name == first {
					again++
				}
			}
			closed()
		}
	})
	t.Run("a reader that stays", func(t *testing.T) { // and a program that ends by itself without -c
		t.Parallel()
		out, closed := follow(t, "-ant")
		if _, err := io.Copy(io.Discard, out); err != nil {
			t.Error(err)
		}
		closed()
	})
}

func TestWhatNetstatSaysNoTo(t *testing.T) {
	t.Parallel()
	dir := home(t)
	for _, c := range []struct {
		args string
		code int    // -1: not 0
		says string // on standard error
	}{
		{"-C", -1, "route cache"}, {"-rC", -1, "route cache"},
		{"-i -r", 2, "-r"}, {"-Mn -s", 2, "-s"}, {"-g -i", 2, "-i"},
		{"-A ax25", 2, "ax25"}, {"--protocol=nonsense", 2, "nonsense"},
		{"-r bogus:x", 2, "bogus"}, {"-x lport:80", 2, "lport"}, {"-i --columns pid", 2, "pid"},
		{"-s --count bogus", 2, "bogus"}, {"-g --sort bogus", 2, "bogus"}, {"-xt --json", 2, "-x"}, {"-c 0",
			2, "-c"},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			got := capture(t, dir, nil, strings.Fields(c.args)...)
			if got.code == 0 || c.code > 0 && got.code != c.code {
				t.Errorf("exit code %d", got.code)
			}
			if got.out != "" || strings.Count(got.err, "\n") != 1 || !strings.HasPrefix(got.err,
				"sockview: ") || !strings.Contains(got.err, c.says) {
				t.Errorf("want one line that says %q: %q, standard output %q", c.says, got.err, got.out)
			}
		})
	}
	t.Run("-S", func(t *testing.T) {
		t.Parallel()
		got := capture(t, dir, nil, "-S")
		if got.code == 0 && got.err == "" {
			t.Skip("this kernel has SCTP")
		}
		if got.code != 1 || got.err != "sockview: SCTP: this kernel has no SCTP\n" {
			t.Errorf("exit code %d, stderr %q", got.code, got.err)
		}
	})
	t.Run("-V and -h", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct{ flag, begins string }{
			{"-V", "sockview "}, {"--version", "sockview "}, {"-h", "sockview shows"}, {"--help",
				"sockview shows"},
		} {
			if got := capture(t, dir, nil, c.flag); got.code != 0 || got.err != "" ||
				!strings.HasPrefix(got.out, c.begins) {
				t.Errorf("%s: exit code %d, stderr %q, %.80q", c.flag, got.code, got.err, got.out)
			}
		}
	})
}

// A dead name server costs seconds, where one question after the other would wait for minutes.
func TestFault40DeadResolver(t *testing.T) {
	t.Parallel()
	needs(t)
	z := openZoo(t, "deafness")
	asked := func() int {
		rows := z.rowsOf(t, "-i", "interface:lost0")
		if len(rows) != 1 {
			t.Fatalf("%v", rows)
		}
		n, err := rows[0]["txpkts"].(json.Number).Int64()
		if err != nil {
			t.Fatal(err)
		}
		return int(n)
	}
	before, start := asked(), time.Now()
	got := z.run(t, built.binary, "-at")
	took := time.Since(start)
	if got.code != 0 || got.err != "" || strings.Count(got.out, "\n") < 2*strangers {
		t.Errorf("exit code %d, stderr %q:\n%s", got.code, got.err, got.out)
	}
	if !strings.Contains(got.out, "10.9.8.50:") || !strings.Contains(got.out, "localhost:http") {
		t.Errorf("addresses without names:\n%s", got.out)
	}
	if took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	if n := asked() - before; n < 3 {
		t.Errorf("the name server was sent %d packets: this test waits for nothing", n)
	}
}

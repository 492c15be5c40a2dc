package main

// The parts that need no crowd, and a small run of the whole program, for which the test binary stands in.

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// standIn tells the test binary to be the program.
const standIn = "SCALE_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(standIn) != "" || os.Getenv(role) != "" {
		main()
	}
	os.Exit(m.Run())
}

func TestDurations(t *testing.T) {
	var hundred durations
	for i := range 100 {
		hundred = append(hundred, time.Duration((i*37)%100+1)) // 1 to 100, shuffled
	}
	for _, test := range []struct {
		of   durations
		q    float64
		want time.Duration
	}{
		{durations{5}, 0.5, 5}, {durations{5}, 1, 5}, {durations{3, 1, 2}, 0.5, 2}, {durations{3, 1, 2}, 1, 3},
		{durations{3, 1, 2}, 0, 1}, {hundred, 0.5, 51}, {hundred, 0.99, 100}, {hundred, 0.98, 99},
	} {
		if got := test.of.at(test.q); got != test.want {
			t.Errorf("at(%v) of %v is %d, want %d", test.q, test.of, got, test.want)
		}
	}
}

func TestParseRows(t *testing.T) {
	for text, want := range map[string]rowSet{
		"1": rowsOf(1), "11": rowsOf(11), "1,2,9": rowsOf(1, 2, 9), "3, 3": rowsOf(3),
		"": 0, "0": 0, "12": 0, "1,": 0, "1-3": 0, "x": 0,
	} {
		got, err := parseRows(text)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %b, %v; want %b", text, got, err, want)
		}
	}
}

func TestParse(t *testing.T) {
	s, _, ok := parse([]string{"-n", "500", "-secs", "2", "-rows", "2,9"})
	if want := (settings{connections: 500, seconds: 2, rows: rowsOf(2, 9)}); !ok || s != want {
		t.Errorf("%+v, %v; want %+v", s, ok, want)
	}
	if s, _, ok := parse(nil); !ok || s.connections != 48_000 || s.churn() != 1000 || s.counts().keys < 200 ||
		s.counts().refreshes < 20 || s.counts().ticks < 10 || s.counts().span != time.Minute {
		t.Errorf("without flags: %+v, %+v", s, s.counts())
	}
	for _, args := range [][]string{{"-n", "99"}, {"-n", "200001"}, {"-secs", "0"}, {"-secs", "601"}, {"-rows", "12"}, {"word"}} {
		if _, code, ok := parse(args); ok || code != 2 {
			t.Errorf("%v: code %d, taken: %v", args, code, ok)
		}
	}
}

// TestLines: each figure that a line needs is reported by a world which is visited for that line's row, and each line
// can be written.
func TestLines(t *testing.T) {
	for i := range lines {
		l := &lines[i]
		got := newFigures()
		if _, _, _, ok := l.cells(got); ok {
			t.Errorf("%s: measured by nothing", l.what)
		}
		for n, name := range l.needs {
			where, _, _ := strings.Cut(name, "/")
			at := slices.IndexFunc(worlds[:], func(w world) bool { return w.name == where })
			if at < 0 || !worlds[at].rows.any(rowsOf(l.row)) {
				t.Errorf("%s needs %s, and no such world is visited for row %d", l.what, name, l.row)
			}
			got.values[name] = float64(n + 2)
		}
		measured, made, verdict, ok := l.cells(got)
		if all := measured + made; !ok || strings.Contains(all, "%!") || verdict == "" {
			t.Errorf("%s is written %q, %q, %q", l.what, measured, made, verdict)
		}
		got.lacks[l.needs[0]] = "not installed"
		if measured, _, verdict, ok := l.cells(got); measured != "not installed" || verdict != "" || !ok {
			t.Errorf("%s without what it needs: %q, %q", l.what, measured, verdict)
		}
	}
}

func TestForEach(t *testing.T) {
	// A microsecond for each socket in both worlds, and half a millisecond in any case.
	if got := forEach([]float64{96.5, 96_000, 1.5, 1000, 0.5}); got < 0.999 || got > 1.001 {
		t.Errorf("%v, want 1", got)
	}
}

func TestWrite(t *testing.T) {
	got := newFigures()
	reports := `{"name":"garbage","value":2e6}
{"name":"mallocs","value":7}
`
	if err := got.read("full", strings.NewReader(reports)); err != nil {
		t.Fatal(err)
	}
	if err := got.read("full", strings.NewReader("no object\n")); err == nil {
		t.Error("takes what is no report")
	}
	var out bytes.Buffer
	if missing := write(&out, settings{connections: 500, rows: rowsOf(2, 4)}, got); missing != 2 {
		t.Errorf("%d lines missing, want those of row 4", missing)
	}
	for _, want := range []string{"2.00 MB", "over", "2000000 bytes, 7 allocations", "not measured"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestBareCount(t *testing.T) {
	message := func(kind uint16, body ...byte) []byte {
		b := make([]byte, unix.NLMSG_HDRLEN, 64)
		b = append(b, body...)
		binary.NativeEndian.PutUint32(b, uint32(len(b)))
		binary.NativeEndian.PutUint16(b[4:], kind)
		for len(b)%unix.NLMSG_ALIGNTO != 0 {
			b = append(b, 0)
		}
		return b
	}
	row := message(unix.SOCK_DIAG_BY_FAMILY, 1, 2, 3)
	refused := binary.NativeEndian.AppendUint32(nil, ^uint32(unix.EPERM)+1)
	for name, test := range map[string]struct {
		in      []byte
		sockets int
		done    bool
		err     error
	}{
		"more to come": {slices.Concat(row, row), 2, false, nil},
		"the end":      {slices.Concat(row, message(unix.NLMSG_DONE, 0, 0, 0, 0), row), 1, true, nil},
		"refused":      {message(unix.NLMSG_ERROR, refused...), 0, true, unix.EPERM},
	} {
		sockets, done, err := bareCount(test.in)
		if sockets != test.sockets || done != test.done || (err == nil) != (test.err == nil) ||
			err != nil && !strings.Contains(err.Error(), test.err.Error()) {
			t.Errorf("%s: %d, %v, %v", name, sockets, done, err)
		}
	}
	if _, _, err := bareCount(row[:unix.NLMSG_HDRLEN]); err == nil {
		t.Error("a message that was cut is taken")
	}
}

func TestNumbered(t *testing.T) {
	path := t.TempDir()
	for _, name := range []string{"1", "22", "self"} {
		if err := os.WriteFile(filepath.Join(path, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	var names []string
	err = numbered(int(dir.Fd()), make([]byte, 4096), func(name []byte) error {
		names = append(names, string(name))
		return nil
	})
	slices.Sort(names)
	if want := []string{"1\x00", "22\x00"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("%q, %v; want %q", names, err, want)
	}
	if fds, err := walk(); err != nil || fds < 3 { // ours at least
		t.Errorf("%d fds, %v", fds, err)
	}
}

// TestShown is about when a new view is there.
func TestShown(t *testing.T) {
	before := []string{"a", "b", "c", "d", "e"}
	for name, test := range map[string]struct {
		got, want bool
	}{
		"most lines are others":   {reordered("X▼")(before, []string{"a", "q", "r", "s", "t"}, "Y X▼"), true},
		"the title comes first":   {reordered("X▼")(before, before, "Y X▼"), false},
		"the rows come first":     {reordered("X▼")(before, []string{"p", "q", "r", "s", "t"}, "Y X▲"), false},
		"a few rows change":       {reordered("X▼")(before, []string{"a", "b", "r", "s", "t"}, "Y X▼"), false},
		"all have the word":       {only("L")(before, []string{"L 1", "2 L", ""}, ""), true},
		"one has it not":          {only("L")(before, []string{"L 1", "2", ""}, ""), false},
		"there is none":           {only("L")(before, []string{"", ""}, ""), false},
		"still those only":        {more("L")(before, []string{"L 1", "2 L", ""}, ""), false},
		"others again":            {more("L")(before, []string{"L 1", "2", "3"}, ""), true},
		"nothing is not all rows": {more("L")(before, []string{"", "", ""}, ""), false},
	} {
		if test.got != test.want {
			t.Errorf("%s: %v", name, test.got)
		}
	}
}

// TestTerminal is the echo program on a terminal: keys are answered, and q ends it.
func TestTerminal(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	e, err := startOn(t.TempDir(), []string{role + "=echo", "GORACE=atexit_sleep_ms=0"}, self)
	if err != nil {
		t.Skip("needs a pseudo-terminal: ", err)
	}
	if _, ok, err := e.until(appearTime, func() bool { return e.line(0) == "ready" }); err != nil || !ok {
		t.Fatalf("shows %q, %v", e.line(0), err)
	}
	var l latency
	for range 2 {
		if err := l.press(e); err != nil {
			t.Fatal(err)
		}
	}
	if e.line(0) != "readyjk" || len(l.took) != 2 || l.took.at(0) <= 0 {
		t.Errorf("shows %q after %v", e.line(0), l.took)
	}
	if cpu, err := cpuTime(e.cmd.Process.Pid); err != nil || cpu <= 0 {
		t.Errorf("CPU time %v, %v", cpu, err)
	}
	if size, err := residentMemory(e.cmd.Process.Pid); err != nil || size < 1<<16 {
		t.Errorf("resident memory %v, %v", size, err)
	}
	// What a program asks of a terminal, and its answers, which the echo shows again.
	e.take(time.Now(), []byte("\x1b[c"))
	if _, ok, err := e.until(appearTime, func() bool { return e.received > len("readyjk\x1b[c") }); err != nil || !ok {
		t.Errorf("a question for the kind of terminal is not answered: %v", err)
	}
	if err := e.close(); err != nil {
		t.Error(err)
	}
}

// TestSmall runs three worlds and more, as small as may be.
func TestSmall(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes network namespaces")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "-n", "100", "-secs", "1", "-rows", "7,9,11")
	cmd.Env = append(os.Environ(), standIn+"=1", "GORACE=atexit_sleep_ms=0")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &said)
	}
	for _, row := range []int{7, 9, 11} {
		if !slices.ContainsFunc(strings.Split(string(out), "\n"), func(line string) bool {
			return strings.HasPrefix(line, fmt.Sprint(row, " ")) && (strings.Contains(line, "within") || strings.Contains(line, "over"))
		}) {
			t.Errorf("no figure of row %d in\n%s", row, out)
		}
	}
}

func TestWithoutTheRight(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("needs a user without rights")
	}
	if code := lead([]string{"-rows", "9"}); code != 1 {
		t.Errorf("code %d", code)
	}
}

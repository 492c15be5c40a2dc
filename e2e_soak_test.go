package main

// The soak: the binary on a terminal for long amid five hundred new connections a second, alone and with hands that
// never rest. Its memory, threads, descriptors and goroutines stay what they are.

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var soak = flag.Duration("soak", 20*time.Second, "how long TestSoak lasts, up to 55m; a release is given 30m")

// longSoak is from when on a soak waits for the crowd's TIME_WAITs to be as many as they become, in a minute.
const longSoak = 5 * time.Minute

// TestSoak runs TestSoakInside amid five hundred connections that come and go each second.
func TestSoak(t *testing.T) {
	t.Parallel()
	t.Log(amidCrowd(t, "TestSoakInside", []string{"-n", "300", "-udp", "40", "-churn", "500", "-senders", "60",
		"-for", (*soak + 2*time.Minute).String()}, "-soak="+soak.String()))
}

func TestSoakInside(t *testing.T) {
	if os.Getenv(crowdVariable) == "" {
		t.Skip("is run by TestSoak")
	}
	warm := *soak / 4
	interval := "100ms"
	if *soak >= longSoak {
		warm, interval = 90*time.Second, "1s"
	} else if err := os.WriteFile("/proc/sys/net/ipv4/tcp_max_tw_buckets", []byte("500"), 0); err != nil {
		// In a short soak there is no time for the rows to become as many as they will be: so they become fewer.
		t.Fatal(err)
	}
	start := func() *soaked {
		e := open(t, launch{args: []string{"--interval", interval}, env: []string{"GOTRACEBACK=all"}, cols: 160, rows: 50})
		e.ready()
		return &soaked{terminal: e}
	}
	alone, busy, early := start(), start(), start()
	all := []*soaked{alone, busy, early}
	step := time.NewTicker(max(50*time.Millisecond, *soak/1000))
	defer step.Stop()
	began := time.Now()
	third := (*soak - warm) / 3
	goroutines := 0 // of early, when the first third is over
	for now := began; now.Sub(began) < *soak; now = <-step.C {
		part := int((now.Sub(began) - warm) / third)
		if now.Sub(began) < warm {
			part = -1
		}
		if part > 0 && goroutines == 0 {
			goroutines = early.abort()
			all = all[:2]
		}
		for _, s := range all {
			if s != alone {
				s.fidget()
			}
			if part >= 0 {
				s.measure(min(part, 2))
			}
		}
	}
	alone.steady("alone")
	busy.steady("busy")
	late := busy.abort()
	fmt.Printf("goroutines: %d after %v, %d after %v\n", goroutines, (warm + third).Round(time.Second), late, *soak)
	if late > goroutines+4 { // one or two may be under way: a scan, a read of a table
		t.Errorf("%d goroutines after the first third, %d at the end", goroutines, late)
	}
	alone.press("q")
	if code := alone.ends(); code != 0 || alone.stderr.Len() > 0 {
		t.Errorf("exit code %d, stderr: %s", code, alone.stderr)
	}
	alone.given()
}

// soaked is a program on its terminal, with what was measured of it in each third.
type soaked struct {
	*terminal
	presses int
	figures [3][]figures
	drawn   [3]int // bytes sent to the terminal until the end of each third
}

// figures are what a process takes.
type figures struct {
	memory, threads, files int // KiB of RssAnon, else VmRSS (proc_pid_status(5)); and how many
}

// hands are keys that lead over every screen, into details, counts, help and the sort picker and out again: what a
// person does again and again.
var hands = []string{
	"2", "3", "4", "5", "6", "7", "8", "9", "1", "S", "S", "i", "i", "i", "l", "l", "l", "j", "j", "k", enter, escape,
	"b", "j", enter, enter, "b", enter, escape, "1", "2", enter, "1", "3", enter, "1", "?", escape, "s", "j", enter,
	"G", "g", "m", "M", space, space, "z", escape, escape,
}

// fidget presses the next of them.
func (s *soaked) fidget() {
	s.press(hands[s.presses%len(hands)])
	s.presses++
}

func (s *soaked) measure(part int) {
	s.t.Helper()
	proc := "/proc/" + strconv.Itoa(s.cmd.Process.Pid)
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		s.t.Fatalf("%v\nstderr: %s", err, s.stderr)
	}
	fields := make(map[string]int)
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(line, ":")
		if n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB")); err == nil {
			fields[key] = n
		}
	}
	files, err := os.ReadDir(proc + "/fd")
	if err != nil {
		s.t.Fatal(err)
	}
	f := figures{memory: fields["RssAnon"], threads: fields["Threads"], files: len(files)}
	if f.memory == 0 {
		f.memory = fields["VmRSS"]
	}
	s.figures[part] = append(s.figures[part], f)
	s.mu.Lock()
	s.drawn[part] = len(s.bytes)
	s.mu.Unlock()
}

// median is that of a figure in a third of the soak.
func (s *soaked) median(part int, of func(figures) int) int {
	var all []int
	for _, f := range s.figures[part] {
		all = append(all, of(f))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// steady checks that the last third took no more than the first, but for what is allowed.
func (s *soaked) steady(who string) {
	s.t.Helper()
	for i := range s.figures {
		if len(s.figures[i]) == 0 || i > 0 && s.drawn[i] == s.drawn[i-1] {
			s.t.Fatalf("%s: nothing was measured or drawn in third %d", who, i+1)
		}
	}
	for _, c := range []struct {
		name  string
		of    func(figures) int
		allow func(first int) int
	}{
		// Go gives memory back late, and takes more before it collects: GOGC is a part of what lives.
		{"memory, KiB", func(f figures) int { return f.memory }, func(n int) int { return n/10 + 2048 }},
		// A goroutine in a system call that lasts gets its processor another thread; they are kept for good.
		{"threads", func(f figures) int { return f.threads }, func(int) int { return 2 + runtime.NumCPU() }},
		{"files", func(f figures) int { return f.files }, func(int) int { return 1 }},
	} {
		first, last := s.median(0, c.of), s.median(2, c.of)
		fmt.Printf("%s: %s: median %d in the first third, %d in the last\n", who, c.name, first, last)
		if last > first+c.allow(first) {
			s.t.Errorf("%s: %s: median %d in the first third, %d in the last", who, c.name, first, last)
		}
	}
}

var goroutineLine = regexp.MustCompile(`(?m)^goroutine \d+ .*\[`)

// abort ends the program by SIGABRT, which it leaves to the Go runtime, and counts the goroutines that this tells of.
func (s *soaked) abort() int {
	s.t.Helper()
	if err := s.cmd.Process.Signal(unix.SIGABRT); err != nil {
		s.t.Fatalf("%v\nstderr: %s", err, s.stderr)
	}
	if code := s.ends(); code != 2 {
		s.t.Fatalf("exit code %d after SIGABRT; stderr: %s", code, s.stderr)
	}
	said := s.stderr.String()
	if !strings.HasPrefix(said, "SIGABRT") {
		s.t.Errorf("it ended otherwise: %.2000s", said)
	}
	return len(goroutineLine.FindAllString(said, -1))
}

package main

// The terminal is lent: whatever ends or stops the program, it is given back as it was found.

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// atOnce is how long an end may take: a second, and what this machine takes to start the program just now,
// since a latency says as much about the load as about the program.
func atOnce(start time.Duration) time.Duration { return time.Second + start }

// endsAtOnce waits for the end that begin caused, and checks its time and exit code.
func (e *terminal) endsAtOnce(start time.Duration, want int, begin func()) {
	e.t.Helper()
	from := time.Now()
	begin()
	code := e.ends()
	if took := time.Since(from); took > atOnce(start) {
		e.t.Errorf("it took %v to end, more than %v", took, atOnce(start))
	}
	if code != want {
		e.t.Errorf("exit code %d, want %d", code, want)
	}
}

func TestFault26EveryWayOutGivesTheTerminalBack(t *testing.T) {
	t.Parallel()
	signalled := func(s unix.Signal) func(*terminal) {
		return func(e *terminal) { e.cmd.Process.Signal(s) } //nolint:errcheck // it shows
	}
	pressed := func(keys ...string) func(*terminal) {
		return func(e *terminal) { e.press(keys...) }
	}
	for _, c := range []struct {
		name string
		args []string
		open func(*terminal) // before the way out
		out  func(*terminal)
		code int
	}{
		{"q", nil, nil, pressed("q"), 0},
		{"F10", nil, nil, pressed("\x1b[21~"), 0},
		{"Ctrl-C", nil, nil, pressed(ctrlC), 0},
		{"Ctrl-C while a filter is typed", nil,
			func(e *terminal) { e.press("/ab"); e.shows("/ab") }, pressed(ctrlC), 0},
		{"Ctrl-C over a list", nil, func(e *terminal) { e.press("s"); e.shows("Sort by") }, pressed(ctrlC), 0},
		{"q with the mouse on", []string{"--mouse"}, nil, pressed("q"), 0},
		{"SIGTERM", nil, nil, signalled(unix.SIGTERM), 143},
		{"SIGHUP", nil, nil, signalled(unix.SIGHUP), 129},
		{"SIGINT", nil, nil, signalled(unix.SIGINT), 130},
		{"SIGQUIT", nil, nil, signalled(unix.SIGQUIT), 131},
		{"SIGTERM with the mouse on", []string{"--mouse"}, nil, signalled(unix.SIGTERM), 143},
		{"SIGTERM over a page", nil, func(e *terminal) { e.press("?"); e.shows("Help (Esc closes)") }, signalled(unix.SIGTERM), 143},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := open(t, launch{args: c.args})
			start := e.ready()
			if now := *e.settings(); now.Lflag&(unix.ICANON|unix.ECHO) != 0 {
				t.Errorf("the terminal is not raw while the screen is on: %+v", now)
			}
			if c.open != nil {
				c.open(e)
			}
			e.endsAtOnce(start, c.code, func() { c.out(e) })
			e.given()
			if e.stderr.Len() > 0 {
				t.Errorf("stderr: %s", e.stderr)
			}
		})
	}
}

// farAway is an address whose name only DNS could tell, in a network for documentation (RFC 5737).
var farAway = net.IPv4(192, 0, 2, 1)

// talkFarAway makes a socket with that other end. Nothing is sent.
func talkFarAway(t *testing.T) {
	t.Helper()
	c, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: farAway, Port: 9})
	if err != nil {
		t.Skip("needs a route out of this host: ", err)
	}
	t.Cleanup(func() { c.Close() })
}

func TestFault27PanicInAnyGoroutine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		goroutine string
		args      []string
	}{
		{"screen", nil}, {"view", nil}, {"names", nil}, {"sampler", nil}, {"owners", nil},
		{"resolver", []string{"--names", "remote:" + farAway.String()}}, // it starts with the first question
	} {
		t.Run(c.goroutine, func(t *testing.T) {
			if c.args != nil {
				talkFarAway(t)
			}
			e := open(t, launch{args: append(c.args, "--panic", c.goroutine)})
			if code := e.ends(); code != 2 {
				t.Errorf("exit code %d, want 2", code)
			}
			if now := *e.settings(); now != e.before {
				t.Errorf("the terminal's settings are\n%+v, and were\n%+v", now, e.before)
			}
			e.given()
			for _, want := range []string{"as --panic asked for", "goroutine ", ".go:"} {
				if !strings.Contains(e.stderr.String(), want) {
					t.Errorf("stderr does not say %q:\n%s", want, e.stderr)
				}
			}
		})
	}
}

// job is the binary as the job of a shell.
type job struct {
	*terminal
	orders *os.File
	events *bufio.Reader
}

// openJob starts the binary under a shell with job control. See shell.
func openJob(t *testing.T, args ...string) *job {
	t.Helper()
	ordersIn, ordersOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	eventsIn, eventsOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The job inherits the shell's environment, role and all; only a test binary would mind it.
	e := open(t, launch{
		command: append([]string{exe, built.binary}, args...), env: []string{roleVariable + "=shell", atExit},
		files: []*os.File{ordersIn, eventsOut},
	})
	ordersIn.Close()
	eventsOut.Close()
	t.Cleanup(func() {
		ordersOut.Close()
		eventsIn.Close()
	})
	return &job{e, ordersOut, bufio.NewReader(eventsIn)}
}

// signal sends a signal to the job itself, from outside. Its pid is that of the process group in front, which
// the kernel tells the master's side only.
func (j *job) signal(s unix.Signal) {
	j.t.Helper()
	var pid int
	j.control(func(fd int) (err error) {
		pid, err = unix.IoctlGetInt(fd, unix.TIOCGPGRP)
		return err
	})
	if pid <= 1 {
		j.t.Fatalf("the job in front is %d", pid)
	}
	if err := unix.Kill(pid, s); err != nil {
		j.t.Fatal(err)
	}
}

// stops waits until the shell says that its job stopped.
func (j *job) stops() {
	j.t.Helper()
	if line, err := j.events.ReadString('\n'); err != nil || line != "stopped\n" {
		j.t.Fatalf("the shell says %q, %v; stderr: %s", line, err, j.stderr)
	}
}

// fg brings the job to the front again.
func (j *job) fg() {
	j.t.Helper()
	if _, err := io.WriteString(j.orders, "fg\n"); err != nil {
		j.t.Fatal(err)
	}
}

func TestFault28StopAndFg(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		stop func(*job)
		// cooked: it was asked, so that it gives the terminal back before it stops
		cooked bool
		args   []string
	}{
		{"Ctrl-Z", func(j *job) { j.press(ctrlZ) }, true, nil},
		{"Ctrl-Z read-only", func(j *job) { j.press(ctrlZ) }, true, []string{"--read-only"}}, // which signals nobody else
		{"SIGTSTP from outside", func(j *job) { j.signal(unix.SIGTSTP) }, true, nil},
		{"SIGTSTP from outside read-only", func(j *job) { j.signal(unix.SIGTSTP) }, true, []string{"--read-only"}},
		{"SIGSTOP", func(j *job) { j.signal(unix.SIGSTOP) }, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := openJob(t, c.args...)
			start := j.ready()
			for round := range 2 {
				c.stop(j)
				j.stops()
				if now := *j.settings(); c.cooked && now != j.before {
					t.Errorf("round %d: stopped, the terminal's settings are\n%+v, and were\n%+v", round, now, j.before)
				}
				if c.cooked {
					j.await("the usual screen", func(*picture) bool {
						j.mu.Lock()
						defer j.mu.Unlock()
						sent := string(j.bytes)
						return strings.LastIndex(sent, "\x1b[?1049l") > strings.LastIndex(sent, "\x1b[?1049h") &&
							strings.LastIndex(sent, "\x1b[?25h") > strings.LastIndex(sent, "\x1b[?25l")
					})
				}
				// What a shell does meanwhile: settings of its own, another size, text.
				if err := unix.IoctlSetTermios(int(j.slave.Fd()), unix.TCSETS, &j.before); err != nil {
					t.Fatal(err)
				}
				cols := 90 + round
				j.resize(cols, 20)
				if _, err := j.slave.WriteString("\x1b[2J\x1b[Hof the shell\r\n"); err != nil {
					t.Fatal(err)
				}
				j.shows("of the shell")
				j.fg()
				j.await("the screen, drawn anew in the new size, and the terminal raw", func(p *picture) bool {
					return p.has("sockview", "Sockets") && p.matches(`Endp(oints)?:? \d`) && !p.has("of the shell") &&
						strings.Contains(p.lines[19], "? help") && j.settings().Lflag&(unix.ICANON|unix.ECHO) == 0
				})
			}
			j.endsAtOnce(start, 0, func() { j.press("q") })
			j.given()
		})
	}
}

func TestFault29TerminalGone(t *testing.T) {
	t.Parallel()
	e := open(t, launch{})
	start := e.ready()
	e.endsAtOnce(start, 129, e.hangUp)
}

func TestFault30TerminalStalled(t *testing.T) {
	t.Parallel()
	e := open(t, launch{cols: 200, rows: 50})
	start := e.ready()
	// As Ctrl-S does: from now on output waits.
	if err := unix.IoctlSetInt(int(e.slave.Fd()), unix.TCXONC, unix.TCOOFF); err != nil {
		t.Fatal(err)
	}
	e.press(ctrlL, "2", ctrlL, "3", ctrlL)
	e.endsAtOnce(start, 143, func() { e.cmd.Process.Signal(unix.SIGTERM) }) //nolint:errcheck // it shows
	e.given()
}

func TestFault33ReaderGone(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--once"}, {"--json"}, {"--csv"}, {"--help"}, {"--version"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			out, in, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			out.Close() // as head does when it has read enough
			defer in.Close()
			c := exec.CommandContext(t.Context(), built.binary, args...)
			c.Env = environment(home(t))
			var errs strings.Builder
			c.Stdout, c.Stderr = in, &errs
			runErr := c.Run()
			status := c.ProcessState.Sys().(syscall.WaitStatus)
			if errs.Len() > 0 || !(status.Exited() && status.ExitStatus() == 0 || status.Signaled() && status.Signal() == unix.SIGPIPE) {
				t.Errorf("%v; stderr %q; want a quiet end", runErr, errs.String())
			}
		})
	}
	t.Run("head", func(t *testing.T) {
		c := exec.CommandContext(t.Context(), "sh", "-c", fmt.Sprintf("'%s' | head -n 1", built.binary))
		c.Env = environment(home(t))
		out, err := c.CombinedOutput()
		if err != nil || strings.Count(string(out), "\n") != 1 || !strings.HasPrefix(string(out), "Active Internet connections") {
			t.Errorf("%v: %q, want the title", err, out)
		}
	})
}

package main

// A terminal with a program on it: a pseudo-terminal whose other end the observer reads, all of it on one thread, so
// that a byte's time is taken when the kernel has it. An emulator keeps what a person would see.

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
	"golang.org/x/sys/unix"
)

// terminal is a terminal and the program on it.
type terminal struct {
	master   *os.File
	fd       int // of master
	cmd      *exec.Cmd
	said     bytes.Buffer // on standard error; may be read when it ended
	ended    chan error
	began    time.Time
	first    time.Time // when the first byte came; zero before
	last     time.Time // when bytes came last
	received int       // bytes
	emulator vt10x.Terminal
	waiting  []byte // not drawn yet: a picture that is to be shown at once, a part of a character
	buf      []byte
}

// startOn starts a program on a terminal of the size that is measured.
func startOn(home string, env []string, command ...string) (*terminal, error) {
	master, slave, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("opening a pseudo-terminal: %w", err)
	}
	defer slave.Close()
	t := &terminal{master: master, fd: int(master.Fd()), ended: make(chan error, 1), buf: make([]byte, 64<<10)}
	t.emulator = vt10x.New(vt10x.WithSize(screenColumns, screenRows), vt10x.WithWriter(master))
	if err := unix.IoctlSetWinsize(t.fd, unix.TIOCSWINSZ, &unix.Winsize{Row: screenRows, Col: screenColumns}); err != nil {
		master.Close()
		return nil, fmt.Errorf("the terminal's size: %w", err)
	}
	t.cmd = &exec.Cmd{
		Path: command[0], Args: command, Dir: home, Stdin: slave, Stdout: slave, Stderr: &t.said,
		Env:         append([]string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "TERM=xterm-256color", "LANG=C.UTF-8"}, env...),
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: unix.SIGKILL},
	}
	t.began = time.Now()
	if err := t.cmd.Start(); err != nil {
		master.Close()
		return nil, fmt.Errorf("starting %s on a terminal: %w", command[0], err)
	}
	t.last = t.began
	go func() { t.ended <- t.cmd.Wait() }()
	return t, nil
}

// pump waits until some of the terminals have output, at most for d, and takes it.
func pump(d time.Duration, terminals ...*terminal) error {
	const most = 8
	var polls [most]unix.PollFd
	for i, t := range terminals {
		polls[i] = unix.PollFd{Fd: int32(t.fd), Events: unix.POLLIN}
	}
	timeout := unix.NsecToTimespec(max(d, 0).Nanoseconds())
	if _, err := unix.Ppoll(polls[:len(terminals)], &timeout, nil); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("waiting for a terminal: %w", err)
	}
	now := time.Now()
	for i, t := range terminals {
		if polls[i].Revents == 0 {
			continue
		}
		n, err := unix.Read(t.fd, t.buf)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return t.gone(err)
		}
		if n > 0 {
			t.take(now, t.buf[:n])
		}
	}
	return nil
}

// gone says what became of the program when its terminal gives an error: EIO when the program has ended.
func (t *terminal) gone(err error) error {
	select {
	case ended := <-t.ended:
		t.ended <- ended
		return fmt.Errorf("%s ended by itself: %w: %s", t.cmd.Args[0], errors.Join(ended, err), &t.said)
	case <-time.After(time.Second):
		return fmt.Errorf("reading the terminal of %s: %w", t.cmd.Args[0], err)
	}
}

// take takes in what the program sent, and answers what it asks of a terminal: the emulator tells where the cursor is
// (DSR), but not what kind of terminal it is (DA).
func (t *terminal) take(now time.Time, b []byte) {
	if t.first.IsZero() {
		t.first = now
	}
	t.last = now
	t.received += len(b)
	if bytes.Contains(b, []byte("\x1b[c")) || bytes.Contains(b, []byte("\x1b[0c")) {
		t.master.WriteString("\x1b[?6c") //nolint:errcheck // a program that is gone is noticed at the next read
	}
	t.feed(b)
}

// feed hands to the emulator what is to be seen: no picture before its end (synchronized output, mode 2026), which the
// emulator does not know, and whole characters, since it drops the beginning of one.
func (t *terminal) feed(b []byte) {
	b = append(t.waiting, b...)
	shown := len(b)
	if begin := bytes.LastIndex(b, []byte("\x1b[?2026h")); begin > bytes.LastIndex(b, []byte("\x1b[?2026l")) {
		shown = begin
	}
	for i := 1; i <= min(utf8.UTFMax, shown); i++ {
		if utf8.RuneStart(b[shown-i]) {
			if !utf8.FullRune(b[shown-i : shown]) {
				shown -= i
			}
			break
		}
	}
	t.emulator.Write(b[:shown]) //nolint:errcheck // it writes to memory
	t.waiting = slices.Clone(b[shown:])
}

// during takes output for a while.
func during(d time.Duration, terminals ...*terminal) error {
	for end := time.Now().Add(d); ; {
		left := time.Until(end)
		if left <= 0 {
			return nil
		}
		if err := pump(left, terminals...); err != nil {
			return err
		}
	}
}

// until takes output until cond holds and says when it did: when the bytes came that made it so. It says false when
// that did not happen within d.
func (t *terminal) until(d time.Duration, cond func() bool) (at time.Time, ok bool, err error) {
	for end := time.Now().Add(d); !cond(); {
		left := time.Until(end)
		if left <= 0 {
			return time.Now(), false, nil
		}
		if err := pump(left, t); err != nil {
			return time.Time{}, false, err
		}
	}
	return t.last, true, nil
}

// press types keys.
func (t *terminal) press(keys string) error {
	if _, err := unix.Write(t.fd, []byte(keys)); err != nil {
		return fmt.Errorf("typing %q: %w", keys, err)
	}
	return nil
}

// line is line y of the screen, without the blanks at its end.
func (t *terminal) line(y int) string {
	var line [screenColumns]rune
	for x := range line {
		if line[x] = t.emulator.Cell(x, y).Char; line[x] == 0 {
			line[x] = ' '
		}
	}
	return strings.TrimRight(string(line[:]), " ")
}

// Where things are on sockview's screen, from 0.
const (
	headLine   = 1              // the columns' titles
	firstLine  = 2              // the table
	statusLine = screenRows - 2 // counts
)

// table is the lines of the table.
func (t *terminal) table() []string {
	lines := make([]string, 0, statusLine-firstLine)
	for y := firstLine; y < statusLine; y++ {
		lines = append(lines, t.line(y))
	}
	return lines
}

// blank says that there is nothing on the screen.
func (t *terminal) blank() bool {
	for y := range screenRows {
		if t.line(y) != "" {
			return false
		}
	}
	return true
}

// hasRows says that there are rows in the table.
func (t *terminal) hasRows() bool {
	return !t.blank() && strings.Contains(t.line(statusLine), "Endpoints: ") && t.line(firstLine) != "" &&
		!strings.Contains(t.line(firstLine), "reading ...")
}

// close ends the program by its key, and by force when that does not do.
func (t *terminal) close() error {
	defer t.master.Close()
	if err := t.press("q"); err != nil {
		return err
	}
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
		select {
		case err := <-t.ended:
			if err != nil {
				return fmt.Errorf("%s after q: %w: %s", t.cmd.Args[0], err, &t.said)
			}
			return nil
		default:
		}
		if pump(10*time.Millisecond, t) != nil { // the terminal is gone: the end is near
			time.Sleep(time.Millisecond)
		}
	}
	t.cmd.Process.Kill() //nolint:errcheck // it may have ended at last
	<-t.ended
	return fmt.Errorf("%s did not end after q", t.cmd.Args[0])
}

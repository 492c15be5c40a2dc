package main

// A terminal for the end-to-end tests: a pseudo-terminal with the binary on one side and an emulator on the
// other, which keeps every byte and says what a person would see. Nothing here sleeps: what is waited for is
// looked at again with each byte that arrives.

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
	"golang.org/x/sys/unix"
)

// launch says how the binary is started on a terminal.
type launch struct {
	args       []string
	env        []string // beside the usual; a later one wins
	home       string   // "" is a new one
	cols, rows int      // 0 is 80x24
	uid        uint32   // 0 is as we are
	command    []string // instead of the binary and args
	files      []*os.File
	unread     bool // the terminal takes output and nobody looks at it, until read
}

// terminal is a terminal with the binary on it.
type terminal struct {
	t        *testing.T
	master   *os.File
	slave    *os.File // kept open, to look at the settings when the binary has ended
	cmd      *exec.Cmd
	stderr   *bytes.Buffer // may be read when exited
	before   unix.Termios
	began    time.Time
	exited   chan struct{}
	changed  chan struct{} // has a token when bytes came
	drained  chan struct{} // closed when there are no more
	hungUp   sync.Once
	mu       sync.Mutex
	emulator vt10x.Terminal
	bytes    []byte // all that was sent
	waiting  []byte // not drawn yet: a picture that is to be shown at once, a part of a character
}

// open starts the binary on a terminal of its own, in a session of its own.
func open(t *testing.T, how launch) *terminal {
	t.Helper()
	how.cols, how.rows = cmp.Or(how.cols, 80), cmp.Or(how.rows, 24)
	if how.home == "" {
		how.home = home(t)
	}
	if how.command == nil {
		// Which namespaces there are beside ours is this machine's affair; of a flag given twice the last one holds.
		how.command = append([]string{built.binary, "--netns", "own"}, how.args...)
	}
	master, slave, err := openPair()
	if err != nil {
		t.Skip("needs a pseudo-terminal: ", err)
	}
	e := &terminal{
		t: t, master: master, slave: slave, stderr: new(bytes.Buffer),
		exited: make(chan struct{}), changed: make(chan struct{}, 1), drained: make(chan struct{}),
		emulator: vt10x.New(vt10x.WithSize(how.cols, how.rows)),
	}
	e.resize(how.cols, how.rows)
	e.peculiar()
	e.cmd = &exec.Cmd{
		Path: how.command[0], Args: how.command, Env: slices.Concat(environment(how.home), how.env),
		Dir: how.home, Stdin: slave, Stdout: slave, Stderr: e.stderr, ExtraFiles: how.files,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Setctty: true},
	}
	if how.uid != 0 {
		e.cmd.SysProcAttr.Credential = credential(how.uid)
	}
	e.began = time.Now()
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		e.cmd.Wait() //nolint:errcheck // ProcessState says it all
		close(e.exited)
	}()
	t.Cleanup(e.close)
	if !how.unread {
		go e.read()
	}
	return e
}

// openPair opens a pseudo-terminal. The master is made non-blocking: else closing it waits for a read to come
// back, and nobody is ever told that the terminal is gone.
func openPair() (master, slave *os.File, err error) {
	blocking, slave, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	defer blocking.Close()
	fd, err := unix.FcntlInt(blocking.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		slave.Close()
		return nil, nil, err
	}
	return os.NewFile(uintptr(fd), "master"), slave, nil
}

// control runs f with the master's descriptor, which Fd would make blocking.
func (e *terminal) control(f func(fd int) error) {
	e.t.Helper()
	var failed error
	raw, err := e.master.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { failed = f(int(fd)) })
	}
	if err := errors.Join(err, failed); err != nil {
		e.t.Fatal(err)
	}
}

// peculiar gives the terminal settings that no program would choose by itself, so that "as before" is not
// "as usual".
func (e *terminal) peculiar() {
	e.t.Helper()
	s := e.settings()
	s.Iflag |= unix.IXANY
	s.Lflag &^= unix.ECHOE
	s.Cc[unix.VERASE] = '#'
	s.Cc[unix.VSTOP] = 'T' & 0x1f
	if err := unix.IoctlSetTermios(int(e.slave.Fd()), unix.TCSETS, s); err != nil {
		e.t.Fatal(err)
	}
	e.before = *s
}

// settings are the terminal's, termios(3).
func (e *terminal) settings() *unix.Termios {
	e.t.Helper()
	s, err := unix.IoctlGetTermios(int(e.slave.Fd()), unix.TCGETS)
	if err != nil {
		e.t.Fatal(err)
	}
	return s
}

// read feeds the emulator until the terminal is closed.
func (e *terminal) read() {
	defer close(e.drained)
	b := make([]byte, 64<<10)
	for {
		n, err := e.master.Read(b)
		if n > 0 {
			e.mu.Lock()
			e.bytes = append(e.bytes, b[:n]...)
			e.feed(b[:n])
			e.mu.Unlock()
			select {
			case e.changed <- struct{}{}:
			default:
			}
		}
		if err != nil {
			return
		}
	}
}

// feed hands to the emulator what is to be seen: no picture before its end (synchronized output, mode 2026),
// which the emulator does not know, and whole characters, since it drops the beginning of one.
func (e *terminal) feed(b []byte) {
	b = append(e.waiting, b...)
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
	e.emulator.Write(b[:shown]) //nolint:errcheck // it writes to memory
	e.waiting = slices.Clone(b[shown:])
}

// close ends what is left when a test is over.
func (e *terminal) close() {
	e.cmd.Process.Kill() //nolint:errcheck // it may have ended
	<-e.exited
	e.hangUp()
}

// hangUp closes both sides of the terminal.
func (e *terminal) hangUp() {
	e.hungUp.Do(func() {
		e.slave.Close()
		e.master.Close()
	})
}

// resize changes the window's size; the kernel tells the job in front (SIGWINCH).
func (e *terminal) resize(cols, rows int) {
	e.t.Helper()
	e.mu.Lock()
	e.emulator.Resize(cols, rows)
	e.mu.Unlock()
	e.control(func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(rows), Col: uint16(cols)})
	})
}

// press types keys, as the bytes that a terminal sends.
func (e *terminal) press(keys ...string) {
	e.t.Helper()
	for _, k := range keys {
		if _, err := e.master.WriteString(k); err != nil {
			e.t.Fatalf("pressing %q: %v", k, err)
		}
	}
}

// Keys, as xterm sends them.
const (
	enter  = "\r"
	escape = "\x1b"
	space  = " "
	ctrlC  = "\x03"
	ctrlL  = "\x0c"
	ctrlU  = "\x15"
	ctrlZ  = "\x1a"
)

// click is the left button pressed and let go of, in SGR's form, on the cell x, y from 0.
func (e *terminal) click(x, y int) {
	e.t.Helper()
	at := strconv.Itoa(x+1) + ";" + strconv.Itoa(y+1)
	e.press("\x1b[<0;"+at+"M", "\x1b[<0;"+at+"m")
}

// picture is what a person sees at one moment.
type picture struct {
	cells [][]vt10x.Glyph
	lines []string
}

// look is what a person sees now.
func (e *terminal) look() *picture {
	e.mu.Lock()
	defer e.mu.Unlock()
	cols, rows := e.emulator.Size()
	p := &picture{}
	for y := range rows {
		cells, line := make([]vt10x.Glyph, cols), make([]rune, cols)
		for x := range cols {
			cells[x] = e.emulator.Cell(x, y)
			line[x] = cells[x].Char
		}
		p.cells, p.lines = append(p.cells, cells), append(p.lines, string(line))
	}
	return p
}

func (p *picture) String() string { return strings.Join(p.lines, "\n") }

// has says whether there is a line that holds all the words.
func (p *picture) has(words ...string) bool { return p.line(words...) >= 0 }

// line is the first line that holds all the words, or -1.
func (p *picture) line(words ...string) int {
	return slices.IndexFunc(p.lines, func(line string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) })
	})
}

// column is the cell in which word begins on line y, or -1.
func (p *picture) column(y int, word string) int {
	at := strings.Index(p.lines[y], word)
	if at < 0 {
		return -1
	}
	return utf8.RuneCountInString(p.lines[y][:at])
}

// matches says whether the pattern is somewhere on the screen.
func (p *picture) matches(pattern string) bool {
	return regexp.MustCompile(pattern).MatchString(p.String())
}

// reversed is the emulator's bit for reverse video, which it does not export.
const reversed = 1

// cursor is the line that is under the cursor: the first in reverse video from the cell x on, or -1.
func (p *picture) cursor(x int) int {
	return slices.IndexFunc(p.cells, func(cells []vt10x.Glyph) bool {
		return len(cells) > x && cells[x].Mode&reversed != 0
	})
}

// coloured says whether a cell is drawn in a colour: in front, or behind when it is in reverse video. The
// emulator makes bold ones bright.
func coloured(g vt10x.Glyph, c vt10x.Color) bool {
	if g.Mode&reversed != 0 {
		return g.BG == c || g.BG == c+8
	}
	return g.FG == c || g.FG == c+8
}

// await waits until what the screen shows fulfils cond.
func (e *terminal) await(what string, cond func(*picture) bool) *picture {
	e.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		p := e.look()
		if cond(p) {
			return p
		}
		select {
		case <-e.changed:
		case <-e.drained:
			e.t.Fatalf("the terminal is gone; awaited was %s; the screen:\n%s", what, e.look())
		case <-e.exited:
			e.t.Fatalf("the program ended (%v); awaited was %s; the screen:\n%s\nstderr:\n%s",
				e.cmd.ProcessState, what, e.look(), e.stderr)
		case <-late.C:
			e.t.Fatalf("waited in vain for %s; the screen:\n%s", what, e.look())
		}
	}
}

// shows waits until a line holds all the words.
func (e *terminal) shows(words ...string) *picture {
	e.t.Helper()
	return e.await("a line with "+strings.Join(words, " ... "), func(p *picture) bool { return p.has(words...) })
}

// back presses Esc and waits until what it closes is gone. Another key at once would make one with Esc, as with
// Alt held down.
func (e *terminal) back(closes string) {
	e.t.Helper()
	e.press(escape)
	e.await("the end of "+closes, func(p *picture) bool { return !p.has(closes) })
}

// until presses a key again and again, each time the screen has changed, until cond holds.
func (e *terminal) until(key, what string, cond func(*picture) bool) *picture {
	e.t.Helper()
	for range 200 {
		was := e.look()
		if cond(was) {
			return was
		}
		e.press(key)
		e.await("a change towards "+what, func(p *picture) bool { return cond(p) || p.String() != was.String() || !same(p, was) })
	}
	e.t.Fatalf("pressed %q in vain for %s; the screen:\n%s", key, what, e.look())
	return nil
}

func same(a, b *picture) bool {
	return slices.EqualFunc(a.cells, b.cells, func(x, y []vt10x.Glyph) bool { return slices.Equal(x, y) })
}

// pick moves to the line of the open list that begins with name, and stays there.
func (e *terminal) pick(name string) {
	e.t.Helper()
	line := regexp.MustCompile(`│ (\[.\] )?` + regexp.QuoteMeta(name) + ` `)
	onName := func(p *picture) bool {
		for y := range p.lines {
			if at := line.FindStringIndex(p.lines[y]); at != nil {
				return p.cells[y][utf8.RuneCountInString(p.lines[y][:at[0]])+2].Mode&reversed != 0
			}
		}
		return false
	}
	e.press("g")
	e.await("the list's first line", func(p *picture) bool {
		y := slices.IndexFunc(p.lines, func(line string) bool { return strings.Contains(line, "┌─") })
		return y >= 0 && y+1 < len(p.cells) && p.cells[y+1][p.column(y, "┌─")+2].Mode&reversed != 0
	})
	e.until("j", "the list's line "+name, onName)
}

// filter types a filter and keeps it.
func (e *terminal) filter(text string) {
	e.t.Helper()
	e.press("/", ctrlU, text) // it opens with the filter there is
	foot := func(p *picture) string { return strings.TrimRight(p.lines[len(p.lines)-1], " ") }
	e.await("the filter in its line", func(p *picture) bool { return foot(p) == "/"+text })
	e.press(enter)
	e.await("the table's keys", func(p *picture) bool { return foot(p) != "/"+text })
}

// ready waits for the first sample to be on the screen, and says how long that took since the start. It is
// what a quick answer of this machine is at the moment.
func (e *terminal) ready() time.Duration {
	e.t.Helper()
	e.await("the first sample", func(p *picture) bool { return p.matches(`Endp(oints)?:? \d`) })
	return time.Since(e.began)
}

// ends waits for the program's end and says with which code.
func (e *terminal) ends() int {
	e.t.Helper()
	select {
	case <-e.exited:
	case <-time.After(patience):
		e.t.Fatalf("the program does not end; the screen:\n%s", e.look())
	}
	return e.cmd.ProcessState.ExitCode()
}

// sent is every byte that the program sent to the terminal. It must have ended.
func (e *terminal) sent() []byte {
	e.t.Helper()
	<-e.exited
	e.slave.Close()
	select {
	case <-e.drained:
	case <-time.After(patience):
		e.t.Fatal("the terminal does not drain")
	}
	return e.bytes
}

// quit ends the program by its key and checks that all was well.
func (e *terminal) quit() []byte {
	e.t.Helper()
	e.press("q")
	if code := e.ends(); code != 0 {
		e.t.Errorf("exit code %d after q", code)
	}
	if e.stderr.Len() > 0 {
		e.t.Errorf("stderr: %s", e.stderr)
	}
	return e.sent()
}

// given checks that the terminal was given back as it was found.
func (e *terminal) given() {
	e.t.Helper()
	if now := *e.settings(); now != e.before {
		e.t.Errorf("the terminal's settings are\n%+v, and were\n%+v", now, e.before)
	}
	sent := string(e.sent())
	for _, mode := range []struct{ on, off, what string }{
		{"\x1b[?1049h", "\x1b[?1049l", "the alternate screen is left on"},
		{"\x1b[?25l", "\x1b[?25h", "the cursor is left hidden"},
		{"\x1b[?7l", "\x1b[?7h", "lines are left unwrapped"},
		{"\x1b[?1000h", "\x1b[?1000l", "the mouse is left on"},
		{"\x1b[?2004h", "\x1b[?2004l", "bracketed paste is left on"},
		{"\x1b[?2026h", "\x1b[?2026l", "output is left held back"},
	} {
		if strings.LastIndex(sent, mode.on) > strings.LastIndex(sent, mode.off) {
			e.t.Error(mode.what)
		}
	}
	if !strings.Contains(sent, "\x1b[?1049h") {
		e.t.Error("the screen was never opened")
	}
}

// credential is another user's, without any group.
func credential(uid uint32) *syscall.Credential {
	return &syscall.Credential{Uid: uid, Gid: uid, Groups: []uint32{}}
}

// printed is what the binary did without a terminal.
type printed struct {
	out, err string
	code     int
}

// capture runs the binary with its output in a pipe.
func capture(t *testing.T, home string, env []string, args ...string) printed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var out, errs bytes.Buffer
	c := exec.CommandContext(ctx, built.binary, args...)
	c.Env = slices.Concat(environment(home), env)
	c.Stdout, c.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := c.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return printed{out.String(), errs.String(), c.ProcessState.ExitCode()}
}

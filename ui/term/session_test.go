package term

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// patienceOfTests bounds every wait; it is only ever used up by a failure.
const patienceOfTests = 10 * time.Second

// session is the program under test on a terminal of its own, seen from the terminal's side.
type session struct {
	t        *testing.T
	cmd      *exec.Cmd
	terminal *os.File // the master: what the person sees and types
	line     *os.File // the slave, kept open to look at its settings
	before   unix.Termios
	stderr   bytes.Buffer
	ended    chan struct{}

	status *bufio.Reader // of the shell
	orders *os.File

	mu     sync.Mutex
	output []byte
	news   chan struct{} // holds one when output grew or reading ended
	pause  chan struct{} // closed: stop reading
	paused chan struct{} // closed: reading stopped
}

// start runs the program with these options and variables on a terminal of w by h cells.
func start(t *testing.T, options string, w, h int, env ...string) *session {
	t.Helper()
	s := &session{t: t, ended: make(chan struct{}), news: make(chan struct{}, 1),
		pause: make(chan struct{}), paused: make(chan struct{})}
	s.open()
	t.Cleanup(func() { s.terminal.Close(); s.line.Close() })
	s.resize(w, h)
	settings := s.settings()
	settings.Cc[unix.VINTR] = 'k' & 0x1f // a person's own taste, to be found again
	settings.Lflag &^= unix.ECHOCTL
	if err := s.control(func(fd int) error { return unix.IoctlSetTermios(fd, unix.TCSETS, &settings) }); err != nil {
		t.Fatal(err)
	}
	s.before = s.settings()

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command(self)
	s.cmd.Env = append([]string{childVariable + "=" + options + " program", "TERM=xterm-256color", "LANG=C.UTF-8",
		"PATH=", "GOCOVERDIR=" + t.TempDir(), "GORACE=atexit_sleep_ms=0"}, env...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = s.line, s.line, &s.stderr
	s.cmd.WaitDelay = patienceOfTests // a job that outlives its shell keeps stderr open
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	if options == "shell" {
		s.cmd.Env[0] = childVariable + "=shell"
		s.pipes()
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, f := range s.cmd.ExtraFiles {
		f.Close()
	}
	go func() {
		_ = s.cmd.Wait() // how it ended is looked at in ProcessState
		close(s.ended)
	}()
	t.Cleanup(func() {
		if t.Failed() && options != "shell" {
			_ = s.cmd.Process.Signal(unix.SIGABRT) // Go answers with what each goroutine does
			select {
			case <-s.ended:
			case <-time.After(patienceOfTests):
			}
		}
		_ = s.cmd.Process.Kill()
		<-s.ended
		if t.Failed() {
			out := s.all()
			t.Logf("the output ends %q\nstderr %s", out[max(len(out)-2000, 0):], s.stderr.String())
		}
	})
	go s.read()
	return s
}

// open makes a pseudo-terminal, as pts(4) says. The master is non-blocking, so that a read can be called off.
func (s *session) open() {
	s.t.Helper()
	const flags = unix.O_RDWR | unix.O_NOCTTY | unix.O_CLOEXEC
	master, err := unix.Open("/dev/ptmx", flags|unix.O_NONBLOCK, 0)
	if err != nil {
		s.t.Skipf("needs pseudo-terminals: opening /dev/ptmx: %v", err)
	}
	s.terminal = os.NewFile(uintptr(master), "/dev/ptmx")
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		s.t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		s.t.Fatal(err)
	}
	slave, err := unix.Open(fmt.Sprintf("/dev/pts/%d", n), flags, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	s.line = os.NewFile(uintptr(slave), "the terminal's line")
}

func (s *session) pipes() {
	statusRead, statusWrite, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	ordersRead, ordersWrite, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	s.status, s.orders = bufio.NewReader(statusRead), ordersWrite
	s.cmd.ExtraFiles = []*os.File{statusWrite, ordersRead}
	s.t.Cleanup(func() { statusRead.Close(); ordersWrite.Close() })
}

func (s *session) read() {
	defer close(s.paused)
	b := make([]byte, 4096)
	for {
		select {
		case <-s.pause:
			return
		default:
		}
		n, err := s.terminal.Read(b)
		s.mu.Lock()
		s.output = append(s.output, b[:n]...)
		s.mu.Unlock()
		select {
		case s.news <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// stall is a person who went away: nothing is read any more.
func (s *session) stall() {
	s.t.Helper()
	close(s.pause)
	if err := s.terminal.SetReadDeadline(time.Now()); err != nil {
		s.t.Fatal(err)
	}
	<-s.paused
}

// full waits until the program filled what lies between it and the person.
func (s *session) full() {
	s.t.Helper()
	limit := time.Now().Add(patienceOfTests)
	for {
		waiting := 0
		if err := onDescriptor(s.terminal, func(fd int) (err error) {
			waiting, err = unix.IoctlGetInt(fd, unix.TIOCINQ)
			return err
		}); err != nil {
			s.t.Fatal(err)
		}
		if waiting >= 4095 { // N_TTY_BUF_SIZE - 1, linux/tty.h
			return
		}
		if time.Now().After(limit) {
			s.t.Fatalf("only %d bytes wait to be read", waiting)
		}
		pauseBriefly()
	}
}

// pauseBriefly lets others run between two looks at a condition that nothing reports.
func pauseBriefly() {
	_, _ = unix.Poll(nil, 2)
}

func (s *session) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.output)
}

// until waits for text, and returns the output from its beginning, or from after, up to and with the text.
func (s *session) until(text string, after int) string {
	s.t.Helper()
	limit := time.After(patienceOfTests)
	for {
		out := s.all()
		if i := strings.Index(out[min(after, len(out)):], text); i >= 0 {
			return out[after : after+i+len(text)]
		}
		select {
		case <-s.news:
		case <-limit:
			s.t.Fatalf("never showed %q", text)
		}
	}
}

// shown waits for the first picture.
func (s *session) shown() *session {
	s.t.Helper()
	s.until(greeting, 0)
	return s
}

// mark has the program write a mark behind all it wrote, and returns the place after it.
func (s *session) mark(text string) int {
	s.t.Helper()
	s.keys("s")
	return len(s.until(text, 0))
}

func (s *session) keys(keys string) {
	s.t.Helper()
	if _, err := s.terminal.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) resize(w, h int) {
	s.t.Helper()
	err := s.control(func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(w), Row: uint16(h)})
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) control(f func(fd int) error) error { return onDescriptor(s.line, f) }

func onDescriptor(file *os.File, f func(fd int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	err = raw.Control(func(fd uintptr) { inner = f(int(fd)) })
	return errors.Join(err, inner)
}

func (s *session) settings() unix.Termios {
	s.t.Helper()
	var found *unix.Termios
	err := s.control(func(fd int) (err error) {
		found, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return *found
}

func (s *session) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// exits waits for the program's end with this code.
func (s *session) exits(code int) {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patienceOfTests):
		s.t.Fatal("did not end")
	}
	if got := s.cmd.ProcessState.ExitCode(); got != code {
		s.t.Errorf("exit code %d (%v), want %d", got, s.cmd.ProcessState, code)
	}
}

// exitsInTime is exits for what must end within a second, whatever holds it up.
func (s *session) exitsInTime(code int) {
	s.t.Helper()
	begin := time.Now()
	s.exits(code)
	if took := time.Since(begin); took > time.Second {
		s.t.Errorf("took %v to end, want a second at most", took)
	}
}

// asFound says that the terminal's settings are those of before.
func (s *session) asFound() {
	s.t.Helper()
	if diff := cmp.Diff(s.before, s.settings()); diff != "" {
		s.t.Errorf("settings (-before +after):\n%s", diff)
	}
}

func (s *session) isRaw() bool {
	return s.settings().Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) == 0
}

// says reads a line of the shell's.
func (s *session) says(want string) string {
	s.t.Helper()
	got := make(chan string, 1)
	go func() {
		line, _ := s.status.ReadString('\n') // what was not read is not what is wanted
		got <- strings.TrimSpace(line)
	}()
	select {
	case line := <-got:
		if !strings.HasPrefix(line, want) {
			s.t.Fatalf("the shell says %q, want %q", line, want)
		}
		return strings.TrimSpace(strings.TrimPrefix(line, want))
	case <-time.After(patienceOfTests):
		s.t.Fatalf("the shell never says %q", want)
	}
	return ""
}

// The terminal's line: opened, made raw, read and written without ever being at its mercy.

package term

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gdamore/tcell/v2"
	"golang.org/x/sys/unix"
)

// ErrNotTerminal means that standard output is no terminal.
var ErrNotTerminal = errors.New("standard output is not a terminal")

var errReturned = errors.New("the terminal was given back")

// line is a tcell.Tty of our own. tcell's waits for output to drain and for its reader to come back before
// it lets go, so a terminal that nobody reads holds it for ever. Here the file description is our own and
// non-blocking: every read and write ends at a deadline, and the settings are put back by TCSETS, which
// waits for nothing.
type line struct {
	file *os.File
	fd   int // of file; file.Fd would make it blocking
	sync bool

	farewell string // puts the screen back when what tcell sent for that was lost

	signals chan<- os.Signal // gets what could end or stop us, while the terminal is held
	gone    func()           // called once, when the terminal is no more
	once    sync.Once

	lost atomic.Bool // some output was dropped

	partial []byte    // the beginning of a character that was read; Read's own
	escaped time.Time // when ESC was handed on, if it was the last byte; Read's own

	mu       sync.Mutex
	found    unix.Termios // as it was when last taken
	held     bool
	ending   bool
	draining chan struct{} // closed by Drain: the reader is to come back
	quiet    bool          // Read keeps what comes to itself
	reading  bool          // a Read is waiting
	entered  chan struct{} // closed by the next Read
	stopped  chan struct{} // closed by Stop
	resized  func()
	size     tcell.WindowSize
}

// openLine opens the terminal that standard output is. A description of our own matters: O_NONBLOCK on the
// inherited one would be seen by the shell, too.
func openLine(stdout int) (*line, error) {
	if _, err := unix.IoctlGetTermios(stdout, unix.TCGETS); err != nil {
		return nil, ErrNotTerminal
	}
	const flags = unix.O_RDWR | unix.O_NOCTTY | unix.O_NONBLOCK | unix.O_CLOEXEC
	fd, err := unix.Open("/dev/tty", flags, 0)
	if err == nil && !sameTerminal(fd, stdout) {
		unix.Close(fd)
		err = unix.ENXIO
	}
	if err != nil { // no controlling terminal, or another one
		if fd, err = unix.Open(fmt.Sprintf("/proc/self/fd/%d", stdout), flags, 0); err != nil {
			return nil, fmt.Errorf("opening the terminal of standard output: %w", err)
		}
	}
	return &line{file: os.NewFile(uintptr(fd), "terminal"), fd: fd, gone: func() {}}, nil
}

// sameTerminal compares the devices themselves, behind /dev/tty as well.
func sameTerminal(a, b int) bool {
	devA, errA := unix.IoctlGetUint32(a, unix.TIOCGDEV)
	devB, errB := unix.IoctlGetUint32(b, unix.TIOCGDEV)
	return errA == nil && errB == nil && devA == devB
}

// caught are the signals that end or stop a process and leave its terminal as it is.
func caught() []os.Signal {
	var s []os.Signal
	for _, sig := range []os.Signal{unix.SIGTERM, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTSTP} {
		if !signal.Ignored(sig) { // as under nohup: whoever started us wants it so
			s = append(s, sig)
		}
	}
	return s
}

// Start takes the terminal: signals first, so that none finds it raw and nobody there to put it back.
func (l *line) Start() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.ending:
		return errReturned
	case l.held:
		return nil
	}
	// Started in the background, the settings that we would remember are those of a shell at its prompt.
	// This call changes nothing, but in the background the kernel stops the process at it (SIGTTOU) until
	// fg. EIO: no shell is there to do that.
	if err := l.ioctl(unix.TCXONC, unix.TCOON); errors.Is(err, unix.EIO) {
		return fmt.Errorf("taking the terminal, which is gone or has another job in front: %w", err)
	}
	if err := l.file.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("waiting for the terminal: %w", err)
	}
	found, err := unix.IoctlGetTermios(l.fd, unix.TCGETS)
	if err != nil {
		return fmt.Errorf("reading the terminal's settings: %w", err)
	}
	if l.signals != nil {
		signal.Notify(l.signals, caught()...)
	}
	l.found = *found
	if err := l.raw(); err != nil {
		if l.signals != nil {
			signal.Stop(l.signals)
		}
		return fmt.Errorf("setting the terminal: %w", err)
	}
	l.held = true
	l.lost.Store(false)
	l.quiet, l.reading, l.entered = false, false, nil
	l.draining, l.stopped = make(chan struct{}), make(chan struct{})
	go l.watchSize(l.stopped)
	return nil
}

// raw is cfmakeraw(3): bytes as they come, Ctrl-C and Ctrl-Z too.
func (l *line) raw() error {
	t := l.found
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag &^= unix.CSIZE | unix.PARENB
	t.Cflag |= unix.CS8
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(l.fd, unix.TCSETS, &t)
}

// refresh makes the terminal raw again after something else, a shell for example, set it otherwise.
func (l *line) refresh() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.held || l.ending || l.background() {
		return nil
	}
	return l.raw()
}

// Drain makes a waiting Read come back.
func (l *line) Drain() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.draining != nil {
		close(l.draining)
		l.draining = nil
	}
	return l.file.SetReadDeadline(time.Now())
}

// Stop gives the terminal back as it was at Start.
func (l *line) Stop() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.release()
}

// release waits for nothing. If output was lost it drops what else waits to be sent, so that the farewell
// finds room and is all that a terminal sees that comes back to life.
func (l *line) release() error {
	if !l.held {
		return nil
	}
	l.held = false
	close(l.stopped)
	var err error
	if !l.background() {
		if l.lost.Load() {
			// The settings below count; what fails here is not worth more than trying.
			_ = l.ioctl(unix.TCFLSH, unix.TCOFLUSH)
			_ = l.ioctl(unix.TCXONC, unix.TCOON)
			_, _ = unix.Write(l.fd, []byte(l.farewell))
		}
		err = unix.IoctlSetTermios(l.fd, unix.TCSETS, &l.found)
	}
	// At the end they stay caught. When the terminal goes, its end may be read before the kernel's SIGHUP comes, which
	// would then end the process on its own, in the midst of leaving.
	if l.signals != nil && !l.ending {
		signal.Stop(l.signals)
	}
	return err
}

// background says whether the terminal is another job's now. It happens after SIGSTOP from outside and
// bg: then the shell has its own settings on, and ours are not to be put there.
func (l *line) background() bool {
	pgrp, err := unix.IoctlGetInt(l.fd, unix.TIOCGPGRP)
	return err == nil && pgrp != unix.Getpgrp()
}

// brake lets output that is on its way, or that follows, wait until then and not longer.
func (l *line) brake(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.file.SetWriteDeadline(until) // fails only on a closed file, which makes nobody wait
}

// finalBrake is brake for good: the terminal cannot be taken again.
func (l *line) finalBrake(until time.Time) {
	l.mu.Lock()
	l.ending = true
	l.mu.Unlock()
	l.brake(until)
}

// abandon gives the terminal back for good. If tcell still holds it, its farewell is taken for lost.
func (l *line) abandon() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ending = true
	if l.held {
		l.lost.Store(true)
	}
	return l.release()
}

// Close is left to the end of the process: after tcell is done, abandon may still need the file.
func (l *line) Close() error { return nil }

func (l *line) ioctl(request uint, arg int) error {
	for {
		if err := unix.IoctlSetInt(l.fd, request, arg); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// hush ends input, and says whether tcell took over all that was read before. tcell's reader hands on what it
// read without looking whether anyone is left to take it, and whoever waits for the reader to end, as Fini
// and Suspend do, waits for ever. Once it is back in Read it can be ended.
func (l *line) hush(patience time.Duration) bool {
	l.mu.Lock()
	l.quiet = true
	if l.reading || !l.held {
		l.mu.Unlock()
		return true
	}
	entered := make(chan struct{})
	l.entered = entered
	l.mu.Unlock()
	select {
	case <-entered:
		return true
	case <-time.After(patience):
		return false
	}
}

// carryOn takes back hush and brake, unless the end has come.
func (l *line) carryOn() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ending {
		return
	}
	l.quiet = false
	_ = l.file.SetWriteDeadline(time.Time{}) // see brake
}

// Read waits for keys. When the terminal is gone it says so, and then waits to be drained: tcell would make
// an error an event, and race with the exit that is on its way.
func (l *line) Read(b []byte) (int, error) {
	l.mu.Lock()
	draining := l.draining
	l.reading = true
	if l.entered != nil {
		close(l.entered)
		l.entered = nil
	}
	l.mu.Unlock()
	for ends := 0; ; {
		held := copy(b, l.partial)
		n, err := l.file.Read(b[held:])
		switch {
		case n > 0:
			l.partial = l.partial[:0]
			if n = l.characters(b[:held+n], time.Now()); n > 0 && l.handOver() {
				return n, nil
			}
			continue
		case err == nil, errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, os.ErrClosed):
			return n, err
		case errors.Is(err, io.EOF) && ends < 3 && l.alive():
			// Not raw any more: something else set the terminal, and Ctrl-D was pressed.
			ends++
			if l.refresh() == nil {
				continue
			}
		}
		l.hangUp()
		if draining != nil {
			<-draining
		}
		return 0, err
	}
}

// escapeWait is after which time ESC is the key alone, and what comes then another one: tcell waits 50 ms for the rest of a
// sequence (tScreen.inputLoop), and may be late.
const escapeWait = 200 * time.Millisecond

// characters keeps in b what is UTF-8 and opens no string, holds back the beginning of a character, and says how many bytes are
// left. tcell's decoder (tScreen.scanInput) takes nothing of a byte that is in no character, such as those of a
// paste in Latin-1 or of a Meta key that sets the eighth bit, and asks for it again for ever.
func (l *line) characters(b []byte, now time.Time) int {
	kept := 0
	for len(b) > kept {
		rest := b[kept:]
		if !utf8.FullRune(rest) {
			l.partial = append(l.partial, rest...)
			break
		}
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 || now.Sub(l.escaped) < escapeWait && opensString(r) {
			b = b[:kept+copy(rest, rest[size:])]
			continue
		}
		if l.escaped = (time.Time{}); r == 0x1b {
			l.escaped = now
		}
		kept += size
	}
	return kept
}

// opensString says whether r, after ESC or as a control character, begins a string (ECMA-48: DCS, SOS, OSC, PM,
// APC) that ends only at its terminator. We ask the terminal for none; but a person may press Alt-], and tcell
// would swallow every key from then on, Ctrl-C too.
func opensString(r rune) bool {
	switch r {
	case ']', 'P', 'X', '^', '_':
		return true
	}
	return false
}

// handOver says whether what was read is passed on; then the reader is away for a while.
func (l *line) handOver() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reading = l.quiet
	return !l.quiet
}

// alive says whether there is still a terminal; a line that was hung up answers EIO to everything.
func (l *line) alive() bool {
	_, err := unix.IoctlGetTermios(l.fd, unix.TCGETS)
	return err == nil
}

func (l *line) hangUp() { l.once.Do(func() { go l.gone() }) }

// largeWrite is the size in bytes from which a picture is worth being shown at once.
const largeWrite = 1024

// Write sends b, and waits for the terminal as long as the brake is not on. What it could not send is lost.
func (l *line) Write(b []byte) (int, error) {
	out := b
	if l.sync && len(b) >= largeWrite {
		out = make([]byte, 0, len(beginSync)+len(b)+len(endSync))
		out = append(out, beginSync...)
		out = append(out, b...)
		out = append(out, endSync...)
	}
	if _, err := l.file.Write(out); err != nil {
		l.lost.Store(true)
		if errors.Is(err, unix.EIO) && !l.alive() {
			l.hangUp()
		}
		return 0, err
	}
	return len(b), nil
}

// NotifyResize sets what is called when the window changed its size, from another goroutine.
func (l *line) NotifyResize(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.resized = f
}

func (l *line) watchSize(stopped <-chan struct{}) {
	winch := make(chan os.Signal, 1)
	signal.Notify(winch, unix.SIGWINCH)
	defer signal.Stop(winch)
	for {
		select {
		case <-stopped:
			return
		case <-winch:
			l.mu.Lock()
			f := l.resized
			l.mu.Unlock()
			if f != nil {
				f()
			}
		}
	}
}

// WindowSize is the size in cells, within what is ever drawn. It never fails: tcell would go on with no
// size at all.
func (l *line) WindowSize() (tcell.WindowSize, error) {
	ws, err := unix.IoctlGetWinsize(l.fd, unix.TIOCGWINSZ)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		// A serial line, or a pty that nobody told, has no size.
		w, h := clampSize(orElse(int(ws.Col), "COLUMNS", 80), orElse(int(ws.Row), "LINES", 24))
		l.size = tcell.WindowSize{Width: w, Height: h}
	}
	if l.size.Width == 0 {
		l.size = tcell.WindowSize{Width: 80, Height: 24}
	}
	return l.size, nil
}

func orElse(n int, variable string, usual int) int {
	if n > 0 {
		return n
	}
	if n, err := strconv.Atoi(os.Getenv(variable)); err == nil && n > 0 {
		return n
	}
	return usual
}

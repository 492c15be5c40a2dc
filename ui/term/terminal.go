// Terminal: taking the terminal, stopping and going on, giving it back.

package term

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gdamore/tcell/v2"
	"golang.org/x/sys/unix"

	"sockview/ui/term/kind"
)

// Options say how the terminal is wanted. The zero value is a good one.
type Options struct {
	NoColor bool // no colour at all; NO_COLOR in the environment does the same
	ASCII   bool // seven bits only, as in a locale that is not UTF-8
	Mouse   bool // report clicks and the wheel; takes the terminal's own selecting of text away

	// Guard is the one that also watches other goroutines. Without it the Terminal makes one.
	Guard *Guard
}

// Terminal is a terminal that was lent to us.
type Terminal struct {
	guard       *Guard
	line        *line
	description description
	screen      *Diff
	ascii       bool

	once     sync.Once
	stopping atomic.Bool // a stop is on its way, from giving back to having again
}

// How long a terminal that takes no output may hold up its return, or a stop: patience for output that is
// on its way, deadline for all of it.
const (
	patience = 200 * time.Millisecond
	deadline = 500 * time.Millisecond
)

// Open takes the terminal that standard output is. From then on SIGTERM, SIGHUP, SIGINT, SIGQUIT and the
// loss of the terminal end the process with exit code 128+n, the terminal given back, and SIGTSTP gives it
// back while stopped. It fails with ErrNotTerminal, or ErrIncapable when $TERM names what cannot be drawn
// on; each is one line that tells the person what to do.
func Open(o Options) (*Terminal, error) {
	d, err := describe(kind.Name(), os.Getenv, o.NoColor || os.Getenv("NO_COLOR") != "")
	if err != nil {
		return nil, err
	}
	l, err := openLine(int(os.Stdout.Fd()))
	if err != nil {
		return nil, err
	}
	l.sync = d.sync
	l.farewell = d.farewell(os.Getenv("TCELL_ALTSCREEN") != "disable")

	boundEnvironment()
	// tcell refuses to start in a locale whose encoding it does not know.
	tcell.SetEncodingFallback(tcell.EncodingFallbackASCII)
	inner, err := tcell.NewTerminfoScreenFromTtyTerminfo(l, d.info)
	if err != nil {
		return nil, fmt.Errorf("preparing the screen: %w", err)
	}
	t := &Terminal{guard: o.Guard, line: l, description: d, screen: NewDiff(inner)}
	t.ascii = o.ASCII || !utf8Locale(os.Getenv)
	if t.guard == nil {
		t.guard = NewGuard()
	}
	t.screen.ascii = t.ascii
	t.screen.end = t.Restore
	t.screen.brake = func() { l.brake(time.Now().Add(patience)) }
	t.screen.hush = func() bool {
		if l.hush(patience) {
			return true
		}
		l.carryOn()
		return false
	}
	t.screen.clip = t.copyOut
	t.watch()
	if err := t.screen.Init(); err != nil {
		t.Restore()
		return nil, fmt.Errorf("opening the screen: %w", err)
	}
	if o.Mouse {
		t.screen.EnableMouse(tcell.MouseButtonEvents)
	}
	return t, nil
}

// boundEnvironment drops window sizes from the environment that nobody means. tcell makes room for them
// before it asks the terminal, and a negative one ends the process.
func boundEnvironment() {
	for name, most := range map[string]int{"COLUMNS": maxColumns, "LINES": maxRows} {
		if n, err := strconv.Atoi(os.Getenv(name)); err == nil && (n < 1 || n > most) {
			os.Unsetenv(name)
		}
	}
}

// Screen is the screen to draw on, made for tview.Application.SetScreen. Its Fini is Restore.
func (t *Terminal) Screen() tcell.Screen { return t.screen }

// ASCII says whether only seven bits are sent: no lines, no letters beyond. What is drawn all the same
// comes out as the nearest ASCII, or as "?".
func (t *Terminal) ASCII() bool { return t.ascii }

// HasClipboard says whether the screen's SetClipboard reaches anything: the terminal knows OSC 52. Whether
// it is allowed to is the terminal's own setting and is not told.
func (t *Terminal) HasClipboard() bool { return t.description.clip != clipNone }

func (t *Terminal) copyOut(content []byte) {
	if s := t.description.clip.sequence(content); s != "" {
		_, _ = t.line.Write([]byte(s)) // what a terminal does with it is not known either
	}
}

// Go runs f in a goroutine whose panic gives the terminal back. See Guard.Go.
func (t *Terminal) Go(name string, f func()) { t.guard.Go(name, f) }

// Restore gives the terminal back. It takes little more than half a second at most, also when nobody reads what was sent,
// and only the first call does anything; others wait for it.
func (t *Terminal) Restore() {
	t.once.Do(func() {
		t.line.finalBrake(time.Now().Add(patience))
		done := make(chan struct{})
		go func() {
			defer close(done)
			// Whatever tcell does now, the terminal is put back below.
			defer func() { _ = recover() }()
			t.screen.finish()
		}()
		select {
		case <-done:
		case <-time.After(deadline):
		}
		// It fails when the terminal is gone, and then there is nothing to give back.
		_ = t.line.abandon()
	})
}

// watch starts what answers to signals and to the loss of the terminal.
func (t *Terminal) watch() {
	signals := make(chan os.Signal, 8)
	t.line.signals = signals
	t.line.gone = func() { t.guard.leave(128+int(unix.SIGHUP), "") }
	t.guard.attach(t)

	resumed := make(chan os.Signal, 1)
	signal.Notify(resumed, unix.SIGCONT)
	t.Go("signals", func() {
		for {
			select {
			case sig := <-signals:
				t.answer(sig.(unix.Signal))
			case <-resumed:
				// Stopped without being asked (SIGSTOP): a shell was here in between. What is slow is done
				// elsewhere, so that a signal is always answered.
				if !t.stopping.Load() {
					t.Go("repaint", t.repaint)
				}
			}
		}
	})
}

func (t *Terminal) answer(sig unix.Signal) {
	if sig != unix.SIGTSTP {
		t.guard.leave(128+int(sig), "")
		return
	}
	// Sent by someone else: Ctrl-Z is a key here. Only this process was meant.
	t.Go("stop", func() {
		if !t.stopping.CompareAndSwap(false, true) {
			return
		}
		defer t.stopping.Store(false)
		if t.screen.Suspend() == nil {
			stop(unix.Getpid())
			t.takeAgain(t.screen.Resume())
		}
	})
}

func (t *Terminal) repaint() {
	if err := t.line.refresh(); err == nil {
		t.screen.repaint()
	}
}

// Suspender is what can leave the screen, call f and come back: *tview.Application.
type Suspender interface {
	Suspend(f func()) bool
}

// Suspend is what Ctrl-Z means elsewhere: the terminal is given back and the job stopped, until fg. Call it
// where tview handles keys. Where nothing could wake the job (no job control), it comes back by itself.
func (t *Terminal) Suspend(app Suspender) {
	if signal.Ignored(unix.SIGTSTP) || !t.stopping.CompareAndSwap(false, true) {
		return
	}
	defer t.stopping.Store(false)
	// The whole process group, as the terminal's own Ctrl-Z would: sudo or a script around us is part of
	// the job.
	if app.Suspend(func() { stop(0) }) {
		t.takeAgain(t.screen.Resume())
	}
}

// takeAgain ends the process when the terminal could not be had again; nobody would see or steer it.
func (t *Terminal) takeAgain(err error) {
	if err != nil && !errors.Is(err, errFinished) {
		t.guard.leave(1, fmt.Sprintf("sockview: taking the terminal again: %v\n", err))
	}
}

// stop stops the process, or its process group with pid 0, and returns when it goes on. Where the kernel
// drops a SIGTSTP (in an orphaned process group, whose shell is gone or never was) it returns after half a
// second; SIGSTOP would have no way back there.
func stop(pid int) {
	resumed := make(chan os.Signal, 1)
	signal.Notify(resumed, unix.SIGCONT)
	defer signal.Stop(resumed)
	restore, err := defaultAction(unix.SIGTSTP)
	if err != nil {
		return
	}
	defer restore()
	if err := unix.Kill(pid, unix.SIGTSTP); err != nil {
		return // a sandbox forbids it: as if it came back at once
	}
	select {
	case <-resumed:
	case <-time.After(500 * time.Millisecond):
	}
}

// defaultAction gives sig the kernel's own action until restore is called. signal.Stop and signal.Reset do
// not: Go's handler stays, and swallows the job control signals. Zero is SIG_DFL with no flags in
// struct sigaction of every architecture, and what was there is only ever handed back.
func defaultAction(sig unix.Signal) (restore func(), err error) {
	type sigaction [8]uint64 // larger than the kernel's own
	var usual, was sigaction
	set := func(action, old *sigaction) error {
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig),
			uintptr(unsafe.Pointer(action)), uintptr(unsafe.Pointer(old)), unsafe.Sizeof(uint64(0)), 0, 0)
		if errno != 0 {
			return errno
		}
		return nil
	}
	if err := set(&usual, &was); err != nil {
		return nil, err
	}
	return func() { _ = set(&was, nil) }, nil // the same call succeeded just before
}

package act

// Signalling: a pidfd names one process for as long as it is open, whatever becomes of its pid. It is opened,
// then what /proc says of the pid is compared with what the user saw, then the pidfd is proven to be that
// very process, and only then it is signalled.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// Signals are the signals to offer, the usual one first.
func Signals() []model.SignalChoice {
	return []model.SignalChoice{
		{Name: "TERM", Signal: unix.SIGTERM, Help: "asks it to end; it may clean up first, or decline"},
		{Name: "KILL", Signal: unix.SIGKILL, Help: "ends it at once; it cannot clean up or decline"},
		{Name: "INT", Signal: unix.SIGINT, Help: "interrupts it, as Ctrl-C does"},
		{Name: "HUP", Signal: unix.SIGHUP, Help: "ends it; many servers reload their configuration instead"},
		{Name: "STOP", Signal: unix.SIGSTOP, Help: "freezes it until CONT; its connections stay open"},
		{Name: "CONT", Signal: unix.SIGCONT, Help: "lets it run again after STOP"},
		{Name: "USR1", Signal: unix.SIGUSR1, Help: "what the program made of it (often: reopen logs); else ends it"},
		{Name: "USR2", Signal: unix.SIGUSR2, Help: "what the program made of it (often: upgrade itself); else ends it"},
	}
}

// Handle holds on to one process, from when a dialog about it opens until that closes. It is safe for several
// goroutines.
type Handle struct {
	actor  *Actor
	target model.SignalTarget
	pidfd  *os.File
	open   context.Context // done after Close
	close  context.CancelFunc
}

// Signal sends sig to the process t and to no other. It is Hold, Handle.Signal and Close.
func (a *Actor) Signal(t model.SignalTarget, sig syscall.Signal) error {
	h, err := a.Hold(t)
	if err != nil {
		return err
	}
	defer h.Close()
	return h.Signal(sig)
}

// Hold opens and checks the process t. It fails with ErrGone, ErrReused, ErrZombie, ErrRefused, ErrPermission
// (it cannot be checked) or ErrUnsupported (pidfd_open needs Linux 5.3). Whether it may be signalled shows
// Handle.Signal(0), which sends nothing.
func (a *Actor) Hold(t model.SignalTarget) (*Handle, error) {
	if reason := a.refusal(t.PID); reason != "" {
		return nil, &failure{line: reason, kind: ErrRefused}
	}
	// Nonblocking, so that the runtime's poller can wait for it. Set by fcntl: PIDFD_NONBLOCK is of Linux 5.10.
	fd, err := unix.PidfdOpen(int(t.PID), 0)
	if err != nil {
		return nil, openFailure(t.PID, err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd) //nolint:errcheck // nothing was done with it
		return nil, fmt.Errorf("preparing the pidfd of process %d: %w", t.PID, err)
	}
	h := &Handle{actor: a, target: t, pidfd: os.NewFile(uintptr(fd), "pidfd")}
	h.open, h.close = context.WithCancel(context.Background())
	if err := h.control(func(fd int) error { _, err := a.check(fd, t); return err }); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

func openFailure(pid int32, err error) error {
	f := &failure{cause: err}
	switch {
	case errors.Is(err, unix.ESRCH):
		return exited(pid, err)
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT): // ENOENT since Linux 6.15
		// The number is in use, but by a thread of another process: our process is gone.
		f.kind, f.line = ErrReused, fmt.Sprintf("%d is the id of a thread now, not of the process looked at: "+
			"nothing was sent", pid)
	case errors.Is(err, unix.ENOSYS):
		f.kind, f.line = ErrUnsupported, "this kernel has no pidfd_open (Linux 5.3): a process cannot be signalled safely"
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		f.kind, f.line = ErrPermission, fmt.Sprintf("opening process %d is forbidden by a sandbox (pidfd_open)", pid)
	default:
		return fmt.Errorf("opening process %d: %w", pid, err)
	}
	return f
}

func exited(pid int32, cause error) error {
	return &failure{line: fmt.Sprintf("process %d has already exited", pid), kind: ErrGone, cause: cause}
}

// control runs f with the pidfd while Close cannot take it away.
func (h *Handle) control(f func(fd int) error) error {
	raw, err := h.pidfd.SyscallConn()
	if err == nil {
		var failed error
		if err = raw.Control(func(fd uintptr) { failed = f(int(fd)) }); err == nil {
			return failed
		}
	}
	return h.failed("using the handle of", err)
}

// failed wraps the error of the runtime's poller, whose own error for a closed file nobody can check for.
func (h *Handle) failed(doing string, err error) error {
	if h.open.Err() != nil {
		err = os.ErrClosed
	}
	return fmt.Errorf("%s process %d: %w", doing, h.target.PID, err)
}

// Target is the process held.
func (h *Handle) Target() model.SignalTarget { return h.target }

// Signal checks once more and sends sig. 0 sends nothing and only tells whether a signal could be sent. It
// fails as Hold does, and with ErrPermission where the kernel does not let us signal the process.
func (h *Handle) Signal(sig syscall.Signal) error {
	return h.control(func(fd int) error {
		// Capabilities are a thread's own; the check of them after a refusal must be on the same one.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		now, err := h.actor.check(fd, h.target)
		if err != nil {
			return err
		}
		h.actor.signal(func() { err = send(fd, h.target.PID, sig, now.credentials) })
		return err
	})
}

// send sends sig to the process behind fd, which is pid and runs with c.
func send(fd int, pid int32, sig syscall.Signal, c credentials) error {
	switch err := unix.PidfdSendSignal(fd, sig, nil, 0); {
	case err == nil:
		return nil
	case errors.Is(err, unix.ESRCH):
		return exited(pid, err)
	case errors.Is(err, unix.EPERM):
		return forbidden(pid, c, err)
	case errors.Is(err, unix.ENOSYS):
		return &failure{kind: ErrUnsupported, cause: err,
			line: "this kernel has no pidfd_send_signal (Linux 5.1): a process cannot be signalled safely"}
	default:
		return fmt.Errorf("signalling process %d: %w", pid, err)
	}
}

// forbidden says why the kernel refused a signal (check_kill_permission in kernel/signal.c).
func forbidden(pid int32, c credentials, cause error) error {
	f := &failure{kind: ErrPermission, cause: cause}
	us := [2]uint32{uint32(os.Getuid()), uint32(os.Geteuid())}
	same := false
	for _, uid := range us {
		same = same || uid == c.real || uid == c.saved
	}
	switch {
	case same || hasCapKill():
		f.line = fmt.Sprintf("the kernel forbids signalling process %d: a security module, a sandbox or its "+
			"user namespace", pid)
	default:
		f.line = fmt.Sprintf("process %d is another user's (uid %d): signalling it needs CAP_KILL (sudo gives it)",
			pid, c.effective)
	}
	return f
}

// hasCapKill says whether this thread has CAP_KILL in its effective set.
func hasCapKill() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return false // the message then names the capability, which is the likelier reason
	}
	return sets[0].Effective&(1<<unix.CAP_KILL) != 0
}

// checked is what check found out on its way.
type checked struct {
	process
	credentials
}

// check compares the process behind the pidfd with t. The order is the proof: /proc/PID is read while the
// pidfd is open, and only after that the pidfd is seen to hold the pid still. A pid is not given away while
// its process is not reaped, so what was read in between was of the pidfd's process.
//
// What remains is the start time's unit, a clock tick of 10 ms: a process that was looked at in the very tick of
// its birth, and replaced under the same pid before that tick ended, cannot be told from its successor.
func (a *Actor) check(fd int, t model.SignalTarget) (now checked, err error) {
	a.look(func() { now, err = a.compare(fd, t) }) // hidepid hides others' processes, an older kernel our own fdinfo
	return now, err
}

func (a *Actor) compare(fd int, t model.SignalTarget) (checked, error) {
	var now checked
	var errStat, errStatus error
	now.process, errStat = a.stat(t.PID)
	now.credentials, errStatus = a.status(t.PID)
	holder, err := a.pidOf(fd)
	if err != nil {
		return now, fmt.Errorf("checking process %d: %w", t.PID, err)
	}
	if holder < 0 { // reaped: its pid may be another's already
		return now, exited(t.PID, nil)
	}
	if holder != t.PID {
		return now, &failure{kind: ErrRefused, line: fmt.Sprintf(
			"%s is of another pid namespace than sockview: its pids cannot be signalled", a.root)}
	}
	dead, err := hasEnded(fd)
	if err != nil {
		return now, fmt.Errorf("checking process %d: %w", t.PID, err)
	}
	if err := errors.Join(errStat, errStatus); err != nil {
		return now, unchecked(t.PID, dead, err)
	}
	switch {
	case now.start != t.Start:
		return now, &failure{kind: ErrReused, line: fmt.Sprintf(
			"pid %d belongs to another process now (%s): nothing was sent", t.PID, now.name)}
	case now.kernel:
		return now, &failure{kind: ErrRefused, line: kernelThread(t.PID, now.name)}
	case dead:
		return now, &failure{kind: ErrZombie, line: fmt.Sprintf(
			"process %d is dead already and waits for its parent (pid %d) to take notice: no signal helps", t.PID, now.ppid)}
	case now.effective != t.UID:
		return now, &failure{kind: ErrReused, line: fmt.Sprintf(
			"process %d changed its user from %d to %d since it was looked at: nothing was sent",
			t.PID, t.UID, now.effective)}
	}
	return now, nil
}

// unchecked is for a process that is there but cannot be read.
func unchecked(pid int32, dead bool, err error) error {
	switch {
	case isAbsent(err) && dead:
		return exited(pid, err)
	case isAbsent(err), errors.Is(err, os.ErrPermission):
		return &failure{kind: ErrPermission, cause: err, line: fmt.Sprintf(
			"/proc hides process %d (hidepid): it cannot be checked, nothing was sent", pid)}
	}
	return fmt.Errorf("checking process %d: %w", pid, err)
}

// pidOf is the pid of a pidfd's process as the procfs in use counts pids, from /proc/self/fdinfo/FD; below
// 0 once it was reaped. 0, as the kernel says for a process of a namespace that this procfs does not show, is
// no pid of a target.
func (a *Actor) pidOf(fd int) (int32, error) {
	path := filepath.Join(a.root, "self", "fdinfo", strconv.Itoa(fd))
	b, err := readBounded(path, maxProcFile)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, "Pid:"); ok {
			pid, err := strconv.ParseInt(strings.TrimSpace(value), 10, 32)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", path, err)
			}
			return int32(pid), nil
		}
	}
	return 0, fmt.Errorf("%s has no Pid line", path)
}

// hasEnded says whether every thread of the pidfd's process has exited. State Z of /proc/PID/stat does not say
// so: a process whose main thread ended lives on in its other threads.
func hasEnded(fd int) (bool, error) {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(poll, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		return n > 0, err
	}
}

// Ended says whether the process has exited, reaped or not.
func (h *Handle) Ended() (bool, error) {
	var ended bool
	err := h.control(func(fd int) (err error) { ended, err = hasEnded(fd); return err })
	return ended, err
}

// Wait returns nil when the process has exited, ctx's error when that is done before, and os.ErrClosed after
// Close. It waits in the runtime's poller: no thread is held.
func (h *Handle) Wait(ctx context.Context) error {
	var dup int
	if err := h.control(func(fd int) (err error) {
		dup, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		return err
	}); err != nil {
		return err
	}
	// Each wait has a descriptor of its own, so that ending one does not disturb another.
	f := os.NewFile(uintptr(dup), "pidfd")
	defer f.Close()                                      //nolint:errcheck // may be closed already, to end the wait
	defer context.AfterFunc(ctx, func() { f.Close() })() //nolint:errcheck // as above
	defer context.AfterFunc(h.open, func() { f.Close() })()

	raw, err := f.SyscallConn()
	ended := false
	var failed error
	if err == nil {
		err = raw.Read(func(fd uintptr) bool {
			ended, failed = hasEnded(int(fd))
			return ended || failed != nil
		})
	}
	switch {
	case ended:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case failed != nil:
		err = failed
	}
	return h.failed("waiting for the end of", err)
}

// Close lets the process go and ends every Wait. It may be called more than once.
func (h *Handle) Close() {
	h.close()
	h.pidfd.Close() //nolint:errcheck // a second Close says so; a pidfd has nothing to lose
}

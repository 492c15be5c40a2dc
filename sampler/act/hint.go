package act

import (
	"fmt"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Hint is one sentence on why sig, although it is delivered, may not do at once what it is meant to: the
// process is stopped, traced, stuck in the kernel, ignores the signal, or is the init of a container. "" when
// nothing speaks against it, or nothing is known. The dialog shows it before and after sending.
func (h *Handle) Hint(sig syscall.Signal) string {
	var now checked
	if err := h.control(func(fd int) (err error) {
		now, err = h.actor.check(fd, h.target)
		return err
	}); err != nil {
		return "" // Signal tells
	}
	return hint(sig, now)
}

func hint(sig syscall.Signal, now checked) string {
	name := strings.TrimPrefix(unix.SignalName(sig), "SIG")
	forced := sig == unix.SIGKILL || sig == unix.SIGSTOP // can be neither caught, blocked nor ignored
	caught := hasSignal(now.caught, sig)
	switch {
	case now.init && !forced && !caught:
		return fmt.Sprintf("it is the first process of a container and has no handler for %s: nothing will happen", name)
	case hasSignal(now.ignored, sig) && !forced && sig != unix.SIGCONT:
		return fmt.Sprintf("it ignores %s", name)
	case now.state == 'D' && sig != unix.SIGSTOP:
		return fmt.Sprintf("it waits inside the kernel, for a disk or a network file system: %s acts when that ends", name)
	case now.state == 'T' && sig != unix.SIGKILL && sig != unix.SIGCONT && sig != unix.SIGSTOP:
		return fmt.Sprintf("it is stopped: %s waits until it gets CONT", name)
	case now.state == 'T' && sig == unix.SIGSTOP:
		return "it is stopped already"
	case now.state == 't' && sig != unix.SIGKILL:
		return fmt.Sprintf("a debugger holds it: the debugger decides what becomes of %s", name)
	case hasSignal(now.blocked, sig) && !forced && !caught:
		return fmt.Sprintf("its main thread blocks %s for now: it may act later, or take it by other means", name)
	case now.init && sig == unix.SIGKILL:
		return "it is the first process of a container: everything in the container ends with it"
	}
	return ""
}

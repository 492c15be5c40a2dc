package rights

// Giving up, once and for all, what is not used.

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

var (
	errNotSettled = errors.New("nothing was given up")
	// errCgo: threads that C code starts are not known to the Go runtime, so it changes none.
	errCgo = errors.New("what it does not use could not be given up: it was built with cgo; build it with CGO_ENABLED=0")
)

// Bits of linux/securebits.h that are set and locked: uid 0 gives nothing at an exec, and no capability becomes
// ambient. The other two stay as they are, for good.
const (
	noRoot              = 1 << 0
	noRootLocked        = 1 << 1
	noSetuidFixupLocked = 1 << 3
	keepCapsLocked      = 1 << 5
	noAmbientRaise      = 1 << 6
	noAmbientLocked     = 1 << 7

	secureBits = noRoot | noRootLocked | noSetuidFixupLocked | keepCapsLocked | noAmbientRaise | noAmbientLocked
)

// Settle gives up whatever this process may do that sockview has no use for, in every thread that there is or will
// be. It is called once, at the start. What stays is Used, as far as it was permitted (to the file, by setcap, or to
// root), and of it nothing is effective but within With. readOnly gives up Act as well.
//
// The inheritable, ambient and (with CAP_SETPCAP) bounding sets are emptied, uid 0 is made to mean nothing
// (securebits), no_new_privs is set, and system calls are filtered. Where one of these cannot be done it goes on, and
// Trouble and Filter say so. It is an error only when capget fails, or when readOnly cannot be kept.
func Settle(readOnly bool) (*Rights, error) {
	now, err := current()
	if err != nil {
		return nil, err
	}
	keep := Used
	if readOnly {
		keep = Look
	}
	r := &Rights{held: now.permitted & keep, readOnly: readOnly, settled: true}
	everywhere := reachesAllThreads()
	switch {
	case everywhere:
		r.giveUp(now)
	case now.permitted&^r.held != 0 || now.effective != 0:
		r.lack(errCgo)
	}
	if readOnly && !everywhere && now.permitted&Act != 0 {
		return nil, fmt.Errorf("--read-only: %w", errCgo)
	}
	if r.filter = installFilter(readOnly); r.filter != nil && readOnly {
		r.lack(fmt.Errorf("signals are not kept from the user's own processes by the kernel: %w", r.filter))
	}
	if now, err = current(); err != nil {
		return nil, err
	}
	if readOnly && now.permitted&Act != 0 {
		return nil, fmt.Errorf("--read-only: %s cannot be given up: %w", now.permitted&Act, r.Trouble())
	}
	return r, nil
}

func (r *Rights) lack(err error) {
	if err != nil {
		r.lacking = append(r.lacking, err)
	}
}

// giveUp is Settle but for the filter, step by step in every thread.
func (r *Rights) giveUp(now state) {
	if now.permitted&setpcap != 0 {
		able := now
		able.effective = setpcap
		if err := able.applyEverywhere(); err != nil {
			r.lack(err)
		} else {
			r.lack(emptyBounding())
			r.lack(lockSecureBits())
		}
	}
	// Before Linux 4.3 there is no ambient set (EINVAL).
	if err := prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL); err != nil && !errors.Is(err, unix.EINVAL) {
		r.lack(fmt.Errorf("emptying the ambient set: %w", err))
	}
	if err := prctl(unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		r.lack(fmt.Errorf("no_new_privs: %w", err))
	}
	r.lack(state{permitted: r.held}.applyEverywhere())
}

// emptyBounding empties the bounding set: nothing that sockview might ever execute has a capability.
func emptyBounding() error {
	for n := uintptr(0); n < 64; n++ {
		has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, n, 0, 0, 0)
		switch {
		case errors.Is(err, unix.EINVAL):
			return nil // past the last one that this kernel has
		case err == nil && has == 1:
			err = prctl(unix.PR_CAPBSET_DROP, n)
		}
		if err != nil {
			return fmt.Errorf("emptying the bounding set: %w", err)
		}
	}
	return nil
}

func lockSecureBits() error {
	was, err := unix.PrctlRetInt(unix.PR_GET_SECUREBITS, 0, 0, 0, 0)
	if err == nil {
		err = prctl(unix.PR_SET_SECUREBITS, uintptr(was)|secureBits)
	}
	if err != nil {
		return fmt.Errorf("securebits: %w", err)
	}
	return nil
}

// reachesAllThreads says whether a system call can be made in every thread: not in a program with cgo.
func reachesAllThreads() bool {
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_GET_SECUREBITS, 0, 0)
	return errno != unix.ENOTSUP
}

// prctl is prctl(2) in every thread. What more arguments it has are 0.
func prctl(option int, arg uintptr) error {
	if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, uintptr(option), arg, 0, 0, 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// applyEverywhere is apply in every thread.
func (s state) applyEverywhere() error {
	r := s.raw()
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET,
		uintptr(unsafe.Pointer(&r.header)), uintptr(unsafe.Pointer(&r.halves[0])), 0)
	if errno != 0 {
		return fmt.Errorf("capset: %w", errno)
	}
	return nil
}

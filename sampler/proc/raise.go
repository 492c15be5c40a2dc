package proc

// Making the capabilities that the binary was given effective.

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// used are the capabilities that sockview can use; see Caps.
const used = 1<<unix.CAP_SYS_PTRACE | 1<<unix.CAP_DAC_READ_SEARCH | 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_KILL

// errCgo: threads that C code starts are not known to the Go runtime, so it changes none.
var errCgo = errors.New("those of the file cannot be used: it was built with cgo; build it with CGO_ENABLED=0")

// RaiseCapabilities makes those capabilities effective, in every thread, that are permitted and of use. `setcap
// ...=p` leaves it to the program to do so, and with good reason: `=ep` makes exec fail wherever the bounding set
// (of a container, a unit) lacks one of them. It changes nothing for root or where there is nothing to raise.
func RaiseCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("capget: %w", err)
	}
	raised := data
	for i := range raised {
		raised[i].Effective |= raised[i].Permitted & uint32(uint64(used)>>(32*i))
	}
	if raised == data {
		return nil
	}
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET,
		uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&raised[0])), 0)
	switch errno {
	case 0:
		return nil
	case unix.ENOTSUP:
		return errCgo
	}
	return fmt.Errorf("capset: %w", errno)
}

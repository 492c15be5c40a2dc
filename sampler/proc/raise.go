package proc

// Making the capabilities that the binary was given effective.

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// used are the capabilities that sockview can use; see Caps.
const used = 1<<unix.CAP_SYS_PTRACE | 1<<unix.CAP_DAC_READ_SEARCH | 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_KILL

// RaiseCapabilities makes those capabilities effective, in every thread, that are permitted and of use. `setcap
// ...=p` leaves it to the program to do so, and with good reason: `=ep` makes exec fail wherever the bounding set
// (of a container, a unit) lacks one of them. It changes nothing for root or where there is nothing to raise.
func RaiseCapabilities() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("capabilities: capget: %w", err)
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
	if errno != 0 {
		return fmt.Errorf("capabilities: capset: %w", errno)
	}
	return nil
}

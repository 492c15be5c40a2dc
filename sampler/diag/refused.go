package diag

// This file stands in where there is no sock_diag to be opened.

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// Refused is a Conn for where Open failed with why: every request of it fails as ErrUnsupported, so that whoever asks goes
// other ways or says so. The reason is why's, if that is what a kernel says without sock_diag; for want of descriptors and the
// like it is that there is none here, for whoever knows why.
func Refused(why error) *Conn {
	errno := unix.EPROTONOSUPPORT
	if errors.As(why, &errno) && refused(errno) != ErrUnsupported {
		errno = unix.EPROTONOSUPPORT
	}
	return NewConn(nobody{errno})
}

// nobody is a transport without a kernel behind it.
type nobody struct{ errno syscall.Errno }

func (r nobody) Send([]byte) error               { return r.errno }
func (r nobody) Receive([]byte) (int, error)     { return 0, r.errno }
func (r nobody) NetNSCookie() (uint64, error)    { return 0, r.errno }
func (r nobody) LinkName(uint32) (string, error) { return "", r.errno }
func (r nobody) Close() error                    { return nil }

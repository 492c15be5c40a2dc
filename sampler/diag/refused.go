package diag

// This file stands in where there is no sock_diag to be opened.

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// Refused is a Conn for where Open failed with why: every request of it fails as ErrUnsupported for the same reason, so
// that whoever asks goes other ways or says so.
func Refused(why error) *Conn {
	errno := unix.EPROTONOSUPPORT
	errors.As(why, &errno)
	return NewConn(nobody{errno})
}

// nobody is a transport without a kernel behind it.
type nobody struct{ errno syscall.Errno }

func (r nobody) Send([]byte) error               { return r.errno }
func (r nobody) Receive([]byte) (int, error)     { return 0, r.errno }
func (r nobody) NetNSCookie() (uint64, error)    { return 0, r.errno }
func (r nobody) LinkName(uint32) (string, error) { return "", r.errno }
func (r nobody) Close() error                    { return nil }

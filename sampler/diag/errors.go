package diag

// This file names what can go wrong, so that callers decide with errors.Is and people read which request
// it was.

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"sockview/model"
)

var (
	// ErrPartial means that an answer is not whole: the kernel said so (NLM_F_DUMP_INTR), a message was cut
	// or lost, or the end never came. The rows that were handed out are true; that a socket was not among
	// them means nothing. Asking again may help.
	ErrPartial = errors.New("the answer is not complete")
	// ErrUnsupported means that the kernel cannot or may not do it: no sock_diag, no handler for the protocol
	// or family, forbidden by a seccomp filter or a security module, or no way to single the socket out.
	// Asking again does not help.
	ErrUnsupported = errors.New("the kernel does not support it")
	// ErrGone means that no socket has this cookie any more.
	ErrGone = errors.New("no such socket")
)

// What made an answer partial.
var (
	errInterrupted = errors.New("interrupted by a change of the kernel's tables (NLM_F_DUMP_INTR)")
	errTruncated   = errors.New("a message was cut short")
	errSequence    = errors.New("a message with a sequence number of no request")
	errOverrun     = errors.New("messages were lost in an overrun (ENOBUFS)")
	errSilence     = errors.New("the end did not come")
	errTooLong     = errors.New("it took too long")
)

// What is wrong with a row. The row is counted as bad.
var (
	errBoth      = errors.New("only TCP can be asked for in both families at once")
	errShort     = errors.New("shorter than struct inet_diag_msg")
	errShortUnix = errors.New("shorter than struct unix_diag_msg")
	errFamily    = errors.New("neither IPv4 nor IPv6")
	errAttribute = errors.New("an attribute does not fit")
	errForeign   = errors.New("not of the family that was asked for")
)

// request is what was asked, for error messages.
type request struct {
	verb   string
	proto  model.Proto
	family model.Family // AnyFamily without a protocol: unix sockets
}

func (r request) String() string {
	if r.family == model.AnyFamily && r.proto == 0 {
		return r.verb + " unix sockets"
	}
	proto := fmt.Sprintf("protocol %d", r.proto)
	switch r.proto {
	case model.TCP:
		proto = "TCP"
	case model.UDP:
		proto = "UDP"
	case model.SCTP:
		proto = "SCTP"
	case model.UDPLite:
		proto = "UDP-Lite"
	case model.Raw:
		proto = "raw"
	}
	if r.family == model.AnyFamily {
		return fmt.Sprintf("%s %s", r.verb, proto)
	}
	return fmt.Sprintf("%s %s IPv%d", r.verb, proto, r.family)
}

// wrap says which request failed with cause, and of which kind the failure is; kind may be nil.
func (r request) wrap(kind, cause error) error {
	switch {
	case kind == nil:
		return fmt.Errorf("%v: %w", r, cause)
	case cause == nil:
		return fmt.Errorf("%v: %w", r, kind)
	}
	return fmt.Errorf("%v: %w: %w", r, kind, cause)
}

// refused is the kind of an errno with which the kernel answers a dump, or fails to take a request. What
// may pass (ENOMEM, EBUSY) is a partial answer.
func refused(errno error) error {
	switch errno {
	case unix.ENOENT, unix.EPROTONOSUPPORT, unix.EAFNOSUPPORT, unix.EOPNOTSUPP, unix.ENOSYS, unix.EPERM,
		unix.EACCES, unix.EINVAL, unix.ECONNREFUSED, unix.ESOCKTNOSUPPORT, unix.ENOPROTOOPT:
		return ErrUnsupported
	case unix.EBADF, unix.ENOTSOCK:
		return nil // we closed it, or it never was: no state of the kernel's
	}
	if _, ok := errno.(syscall.Errno); ok {
		return ErrPartial
	}
	return nil
}

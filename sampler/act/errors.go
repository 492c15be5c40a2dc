package act

import "errors"

// What can come of acting. Every error of this package is one line for people and is, by errors.Is, one of
// these or the plain error of a system call. Whenever there is an error, nothing was done.
var (
	// ErrGone: the process has exited, or the socket is closed already.
	ErrGone = errors.New("already gone")
	// ErrReused: the pid belongs to another process than the one looked at, or the process changed its user.
	ErrReused = errors.New("not the process that was looked at")
	// ErrZombie: the process is dead and waits for its parent. The kernel would accept a signal and do nothing.
	ErrZombie = errors.New("already dead")
	// ErrRefused: sockview does not do this to this process or socket, whoever asks.
	ErrRefused = errors.New("refused")
	// ErrPermission: the kernel does not let us; the message names what is missing.
	ErrPermission = errors.New("no permission")
	// ErrUnsupported: this kernel cannot do it, or not to a socket in this state.
	ErrUnsupported = errors.New("not supported by the kernel")
)

// failure is an error in words of its own that still answers errors.Is for its kind and its cause.
type failure struct {
	line  string
	kind  error
	cause error // may be nil
}

func (f *failure) Error() string { return f.line }

func (f *failure) Unwrap() []error {
	if f.cause == nil {
		return []error{f.kind}
	}
	return []error{f.kind, f.cause}
}

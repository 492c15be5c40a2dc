// Package act is the write side: it signals a process and closes a socket. Nothing else in sockview
// changes the system.
//
// A process is signalled through a pidfd that was checked to be the very process the user looked at, so
// that a pid which was used again is never hit. A socket is closed by a function that is handed in (the
// SOCK_DESTROY request of sock_diag); this room decides what must not be closed and puts the kernel's
// answer into words. Asking the user, and which row he meant, is left to the screen.
package act

import (
	"os"

	"sockview/model"
)

// Actor signals processes and closes sockets. It holds no state of its own and may be used by several
// goroutines.
type Actor struct {
	root    string // where procfs is mounted
	self    int32
	destroy func(model.CloseTarget) error

	look, signal func(f func()) // see Raising
}

// New makes an Actor that looks processes up below procRoot (normally /proc, and it must be of our own pid
// namespace to signal anything) and closes sockets by destroy, whose errors wrap the kernel's errno.
func New(procRoot string, destroy func(model.CloseTarget) error) *Actor {
	asIs := func(f func()) { f() }
	return &Actor{root: procRoot, self: int32(os.Getpid()), destroy: destroy, look: asIs, signal: asIs}
}

// Raising has a read what /proc tells of other users' processes within look, and send each signal within signal: they run
// a function with the capabilities for that effective in its thread.
func (a *Actor) Raising(look, signal func(f func())) *Actor {
	a.look, a.signal = look, signal
	return a
}

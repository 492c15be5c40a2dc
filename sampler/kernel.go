package sampler

// Opening the real kernel: the descriptors that everything is asked through.

import (
	"fmt"
	"sync"

	"sockview/model"
	"sockview/sampler/diag"
	"sockview/sampler/host"
	"sockview/sampler/proc"
)

// Options are what the caller brings to the real kernel; see Config.
type Options struct {
	Own func(cookie uint64) bool
	Go  func(name string, f func())
}

// Kernel is a Sampler of this host, and the way to close one of its sockets.
type Kernel struct {
	*Sampler
	mu  sync.Mutex
	act *diag.Conn // apart from the sampler's: a Conn is used by one goroutine at a time
}

// netDir is where the kernel shows the tables of the namespace that the calling thread is in.
const netDir = "/proc/thread-self/net"

// Open opens sock_diag in the current network namespace. It fails when the kernel has none, or refuses it.
func Open(o Options) (*Kernel, error) {
	raiseErr := proc.RaiseCapabilities()
	poll, err := diag.Open()
	if err != nil {
		return nil, fmt.Errorf("asking the kernel for sockets: %w", err)
	}
	act, err := diag.Open()
	if err != nil {
		return nil, fmt.Errorf("asking the kernel for sockets: %w", err)
	}
	fs := proc.At("/proc")
	caps, err := fs.Capabilities()
	if err != nil {
		return nil, err
	}
	// Without it (before Linux 5.14) the namespace's identity is 0, which is told apart from nothing yet.
	cookie, _ := poll.NetNSCookie()
	s := New(Config{
		Kernel: poll, Host: host.New(netDir), NetDir: netDir, NetNSCookie: cookie, FS: fs, Access: caps.Access(), Own: o.Own, Go: o.Go,
	})
	s.access.Err = raiseErr
	return &Kernel{Sampler: s, act: act}, nil
}

// Destroy closes a socket (SOCK_DESTROY); see diag.Conn.Destroy for its errors.
func (k *Kernel) Destroy(t model.CloseTarget) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.act.Destroy(t)
}

package sampler

// Opening the real kernel: the descriptors that everything is asked through.

import (
	"cmp"
	"errors"
	"fmt"

	"sockview/model"
	"sockview/sampler/act"
	"sockview/sampler/containers"
	"sockview/sampler/diag"
	"sockview/sampler/host"
	"sockview/sampler/proc"
	"sockview/sampler/rights"
)

// Options are what the caller brings to the real kernel; see Config.
type Options struct {
	Own func(cookie uint64) bool
	Go  func(name string, f func())
	// Once says that nobody wants to know of closings: they are not listened to.
	Once bool
	// Runtimes is the root of what container runtimes keep in files; "" is /.
	Runtimes string
	// Rights are what rights.Settle kept. Nil: nothing was given up, and nothing is raised.
	Rights *rights.Rights
}

// Kernel is a Sampler of this host, and the way to close one of its sockets.
type Kernel struct {
	*Sampler
	rights *rights.Rights
	finder *finder
}

// netDir is where the kernel shows the tables of the namespace that the calling thread is in.
const netDir = "/proc/thread-self/net"

// OpenConfined is Open for a program that is sockview and nothing else: before anything is opened, all rights are given up
// that it has no use for, and with readOnly those by which it changes the system; see rights.Settle.
func OpenConfined(o Options, readOnly bool) (*Kernel, error) {
	var err error
	if o.Rights, err = rights.Settle(readOnly); err != nil {
		return nil, err
	}
	return Open(o)
}

// Open opens sock_diag in the current network namespace. Where the kernel has none, or refuses it, the Kernel makes do
// with /proc/net and closes nothing; see model.Access.NoBytes.
func Open(o Options) (*Kernel, error) {
	held := o.Rights
	if held == nil {
		var err error
		if held, err = rights.AsIs(); err != nil {
			return nil, err
		}
	}
	poll, err := openDiag(held)
	if err != nil {
		return nil, err
	}
	act, err := openDiag(held)
	if err != nil {
		return nil, err
	}
	// Without it (before Linux 5.14) our own namespace's identity is 0; others have numbers from 1<<63 on.
	cookie, _ := poll.NetNSCookie()
	home := &inside{Conn: poll}
	if !o.Once {
		home.events, home.deaf = diag.Listen(func() (drop func()) { return held.Raise(rights.NetAdmin) })
	}
	start := o.Go
	if start == nil {
		start = func(_ string, f func()) { go f() }
	}
	// Closing a socket of our own namespace waits for no dump.
	finder := newFinder(held, start, home, map[uint64]*diag.Conn{cookie: act})
	s := New(Config{
		Listener: home.listener(), Deaf: home.deaf,
		Namespaces: finder,
		Kernel:     poll, Host: hostTables(held), Away: hostTables(held), NetDir: netDir, NetNSCookie: cookie,
		FS:         proc.At("/proc").Looking(held.For(rights.Look)),
		Containers: containers.At(cmp.Or(o.Runtimes, "/"), held.For(rights.Look)), Access: held.Access(), Trouble: held.Trouble,
		Own: o.Own, Go: start,
	})
	return &Kernel{Sampler: s, rights: held, finder: finder}, nil
}

// hostTables reads the small tables of the network namespace that the thread is in.
func hostTables(held *rights.Rights) *host.Host {
	return host.New(netDir).Within(held.For(rights.NetAdmin))
}

// openDiag opens sock_diag, or stands in for it where there is none.
func openDiag(held *rights.Rights) (*diag.Conn, error) {
	c, err := diag.OpenRaising(func() (drop func()) { return held.Raise(rights.NetAdmin) })
	switch {
	case errors.Is(err, diag.ErrUnsupported):
		return diag.Refused(err), nil
	case err != nil:
		return nil, fmt.Errorf("asking the kernel for sockets: %w", err)
	}
	return c, nil
}

// Actor is who signals processes and closes sockets, with the rights for either only while he does.
func (k *Kernel) Actor() *act.Actor {
	return act.New("/proc", k.Destroy).Raising(k.rights.For(rights.Look), k.rights.For(rights.Kill))
}

// Destroy closes a socket (SOCK_DESTROY); see diag.Conn.Destroy for its errors.
func (k *Kernel) Destroy(t model.CloseTarget) error {
	c := k.finder.conn(t.NetNS)
	if c == nil {
		return fmt.Errorf("close the connection: %w", errLeft)
	}
	return c.Destroy(t)
}

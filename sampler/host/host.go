package host

// This file is the room's door: the handle to one network namespace, and the errors.

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// ErrUnsupported says that this kernel has none of what was asked for.
var ErrUnsupported = errors.New("the kernel does not have it")

// Host reads one network namespace. One goroutine at a time may use it, on a thread that is in the namespace:
// the netlink sockets stay where they were opened, but the files of /proc/thread-self/net are the thread's.
type Host struct {
	dir   string           // the namespace's /proc/net
	route *nl.SocketHandle // rtnetlink

	counters  counters
	conntrack conntrack // its socket is opened when flows are first asked for

	tables, protocols nameFile // of iproute2
}

// answerSeconds is for how long one message of the kernel's answer may be waited for. The kernel answers at once,
// but for the lock of who changes the interfaces.
const answerSeconds = 10

// Open opens a rtnetlink socket in the calling thread's current network namespace, which it keeps alive until
// Close. netDir is the namespace's /proc/net: /proc/thread-self/net for the current one.
func Open(netDir string) (*Host, error) {
	route, err := openNetlink(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink: %w", err)
	}
	dirs := iproute2Dirs()
	return &Host{dir: netDir, route: route, tables: newTableNames(dirs), protocols: newProtocolNames(dirs)}, nil
}

// openNetlink opens a socket of a netlink family in the current network namespace.
func openNetlink(family int) (*nl.SocketHandle, error) {
	s, err := nl.GetNetlinkSocketAt(-1, -1, family) // -1: where the thread is
	if err != nil {
		return nil, err
	}
	limit := unix.Timeval{Sec: answerSeconds}
	if err := errors.Join(s.SetSendTimeout(&limit), s.SetReceiveTimeout(&limit)); err != nil {
		s.Close()
		return nil, fmt.Errorf("set the time limit: %w", err)
	}
	return &nl.SocketHandle{Socket: s}, nil
}

// Close closes the sockets and lets go of the namespace.
func (h *Host) Close() {
	h.route.Close()
	h.conntrack.close() // nothing is written to it: there is nothing to lose
}

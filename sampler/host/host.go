package host

// This file is the room's door: the handle to one network namespace, and the errors.

import (
	"errors"
	"fmt"

	"sockview/model"
)

// ErrUnsupported says that this kernel has none of what was asked for, or refuses the way to it.
var ErrUnsupported = errors.New("the kernel does not have it")

// unsupported is ErrUnsupported in words that need nothing added.
type unsupported string

func (u unsupported) Error() string      { return string(u) }
func (unsupported) Is(target error) bool { return target == ErrUnsupported }

const (
	noRtnetlink = unsupported("this kernel gives no rtnetlink")
	noGroups    = unsupported("this kernel has no multicast")
	noConntrack = unsupported("this kernel has no connection tracking")
)

// Host reads one network namespace. One goroutine at a time may use it, on a thread that is in the namespace:
// the netlink sockets stay where they were opened, but the files of /proc/thread-self/net are the thread's.
type Host struct {
	dir   string         // the namespace's /proc/net
	with  func(f func()) // runs f with the right to read connection tracking; nil: f has what there is
	route rtnetlink      // nil until it is first needed, and after an answer that broke off
	open  func() (rtnetlink, error)

	counters  counters
	conntrack conntrack // its socket is opened when flows are first asked for

	tables, protocols nameFile      // of iproute2
	noRoutes          []model.Route // what only ipv6_route has, as it was last read whole
}

// New is a Host of the network namespace whose /proc/net netDir is: /proc/thread-self/net for the current one. It
// opens nothing: each table opens what it needs when it is first asked for, in the calling thread's current network
// namespace, and tries again at the next call when that was refused. An open socket keeps its namespace alive until
// Close.
func New(netDir string) *Host {
	dirs := iproute2Dirs()
	return &Host{dir: netDir, open: openRoute, tables: newTableNames(dirs), protocols: newProtocolNames(dirs)}
}

// Within has h read connection tracking within with, which runs a function with CAP_NET_ADMIN effective: the kernel wants it
// of whoever asks.
func (h *Host) Within(with func(f func())) *Host {
	h.with = with
	return h
}

// Rest says that nobody looks any more: it closes the socket of connection tracking and drops what one look leaves
// for the next, which on a busy router is room for a million flows. Rows that were given out stay good. The next
// call begins anew.
func (h *Host) Rest() {
	h.conntrack.close() // nothing is written to it: there is nothing to lose
	h.conntrack = conntrack{}
	h.counters = counters{}
	h.noRoutes = nil
}

// Leave lets go of the namespace: it closes all sockets, and forgets what was there. The next call opens what it needs in
// the namespace that the calling thread is in then. Unlike Close it keeps what does not depend on the namespace, names and
// room for rows: so one Host may read many namespaces, one after the other. Rows that were given out hold no longer than
// they do without it.
func (h *Host) Leave() {
	h.conntrack.close() // nothing is written to it: there is nothing to lose
	h.closeRoute()
	h.noRoutes = nil
}

// Close is Rest, and closes rtnetlink, which lets go of the namespace.
func (h *Host) Close() {
	h.Rest()
	h.closeRoute()
}

// oneLine is nil without errors, else the first of them and how many more there are.
func oneLine(errs ...error) error {
	var first error
	more := 0
	for _, err := range errs {
		switch {
		case err == nil:
		case first == nil:
			first = err
		default:
			more++
		}
	}
	if more == 0 {
		return first
	}
	return fmt.Errorf("%w (and %d more)", first, more)
}

// about says what an error is about; nil stays nil.
func about(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

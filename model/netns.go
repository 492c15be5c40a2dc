package model

// NetNS is a network namespace of this host, as far as we see into it. Its place in Snapshot.NetNS stays its own for as
// long as a row names it; then another namespace may get it.
type NetNS struct {
	// Cookie is its identity: SO_NETNS_COOKIE, or a number from 1<<63 on where that is not known; 0 for our own where the
	// kernel has none (before Linux 5.14).
	Cookie uint64
	// Name is "own", its name under /run/netns, "pid 123" after the first process in it, or its mount's.
	Name Text
	View View
	Err  error // why View is TablesOnly or Hidden; what went wrong with its answers while it is Entered
	// AskedAt is when it was last asked for its sockets, ns on the sampler's monotonic clock; 0 is not yet. A quiet one
	// is asked less often than others.
	AskedAt int64
	// Sockets are its rows in the table of sockets, those that are closed too.
	Sockets int
}

// View says how far we see into a network namespace.
type View uint8

// The views. The zero View is none: there is no such namespace, its place is free.
const (
	NoNetNS    View = iota
	Entered         // everything is asked in it
	TablesOnly      // it cannot be entered: its sockets are read from /proc/PID/net, without bytes
	Hidden          // it cannot be looked into at all
	Unchosen        // it is there, and nobody wants to see it
	Abandoned       // it is gone; its rows are shown as closed
)

// NetNSOf is the namespace of a row that names it by its place; the zero NetNS when there is none.
func (s *Snapshot) NetNSOf(slot uint16) NetNS {
	if s == nil || int(slot) >= len(s.NetNS) {
		return NetNS{}
	}
	return s.NetNS[slot]
}

// SeenNetNS counts the namespaces that are looked into, fully or by their tables, and those that cannot be.
func (s *Snapshot) SeenNetNS() (seen, hidden int) {
	for i := range s.NetNS {
		switch s.NetNS[i].View {
		case Entered, TablesOnly:
			seen++
		case Hidden:
			hidden++
		}
	}
	return seen, hidden
}

// LinkID names an interface: its index counts within its namespace.
type LinkID struct {
	NetNS uint16 // a place in Snapshot.NetNS
	Index uint32
}

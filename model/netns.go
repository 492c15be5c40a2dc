package model

// Network namespaces: what a row's says of itself, and what of a choice there is to be seen.

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

// views are the views in a word or two.
var views = [...]string{"-", "open", "/proc only", "hidden", "not chosen", "gone"}

// String is the view in a word or two.
func (v View) String() string {
	if int(v) >= len(views) {
		return "-"
	}
	return views[v]
}

// Explain says what the view means for what is shown, and what would show more.
func (v View) Explain() string {
	switch v {
	case Entered:
		return "sockview asks the kernel within it: all that the kernel tells of its sockets is shown."
	case TablesOnly:
		return "It cannot be entered, so its sockets are read from /proc/PID/net of a process in it: their ends, states, " +
			"queues and users, but no bytes, no figures of the path, and no identity to close a connection by. " + enterIt
	case Hidden:
		return "It cannot be looked into. " + enterIt
	case Unchosen:
		return "It is there, and was not chosen (N, or --netns)."
	case Abandoned:
		return "It is gone: nothing keeps it any more. Its sockets are shown as they were seen last."
	}
	return "The kernel does not say which namespace it is in."
}

const enterIt = "To enter it takes cap_sys_admin, and cap_sys_ptrace where processes alone lead to it: run sockview as root " +
	"on the host, or give it these (see the README)."

// SeveralNetNS says whether rows of more than one namespace are on show: those that are looked into, and those that
// are gone.
func SeveralNetNS(s *Snapshot) bool {
	n := 0
	for i := range s.NetNS {
		switch s.NetNS[i].View {
		case Entered, TablesOnly, Abandoned:
			n++
		}
	}
	return n > 1
}

// ChosenNetNS are the places of the namespaces that Demand.NetNS chose, whether they can be looked into or not: none when
// there is none of that name.
func (s *Snapshot) ChosenNetNS() []int {
	var chosen []int
	for i := range s.NetNS {
		switch s.NetNS[i].View {
		case Entered, TablesOnly, Hidden:
			chosen = append(chosen, i)
		}
	}
	return chosen
}

// OtherNetNS says whether there is any namespace but our own, chosen or not.
func (s *Snapshot) OtherNetNS() bool {
	for i := 1; i < len(s.NetNS); i++ {
		if v := s.NetNS[i].View; v != NoNetNS && v != Abandoned {
			return true
		}
	}
	return false
}

// netnsName is what a row's namespace is called.
func netnsName(s *Snapshot, slot uint16) Value {
	if int(slot) >= len(s.NetNS) {
		return unknown(NotYet)
	}
	n := &s.NetNS[slot]
	v := textOr(n.Name, NotGiven)
	if v.Why == Known && n.View == TablesOnly {
		v.Note = NoteByProc
	}
	return v
}

// netnsAsked is for how long a row's namespace was not asked.
func netnsAsked(s *Snapshot, slot uint16) Value {
	switch n := s.NetNSOf(slot); {
	case n.View == Unchosen || n.View == Hidden:
		return unknown(NotApplicable)
	case n.AskedAt == 0:
		return unknown(NotYet)
	default:
		return num(max(0, s.Now-n.AskedAt))
	}
}

// netnsColumn names the namespace of a row. It is the first to give way, where rows can be told apart without it.
func netnsColumn[R any](slot func(*R) uint16) Column[R] {
	return Column[R]{
		Spec{ID: "netns", Title: "NETNS", Aliases: []string{"namespace"}, Help: "network namespace; (/proc): not entered, so without bytes", Kind: KindText, Width: 5, Max: 20, Give: 8, Where: SeveralNetNS},
		func(s *Snapshot, r *R) Value { return netnsName(s, slot(r)) },
	}
}

// besideColumn is netnsColumn where each namespace has the same rows: it stays as long as others.
func besideColumn[R any](slot func(*R) uint16) Column[R] {
	c := netnsColumn(slot)
	c.Give = 1
	return c
}

// askedColumn says how old what is told of a row is.
func askedColumn[R any](slot func(*R) uint16) Column[R] {
	return Column[R]{
		Spec{ID: "asked", Title: "ASKED", Help: "how long ago its network namespace was asked", Kind: KindDuration, Desc: true, Width: 6, Give: 8},
		func(s *Snapshot, r *R) Value { return netnsAsked(s, slot(r)) },
	}
}

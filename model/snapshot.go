package model

import "time"

// Snapshot is all that was seen at one moment: complete, never a difference to an earlier one. Once
// published nobody writes to it until its reader gave it back.
type Snapshot struct {
	Seq      uint64        // counts snapshots, from 1
	Epoch    uint64        // changes when a socket comes, goes, or changes its ends, state or owner; 0 is not known
	Taken    time.Time     // when the kernel was asked
	Now      int64         // the same on the sampler's monotonic clock, ns; ages are Now - FirstSeen
	Hold     int64         // for how long a change is shown, ns
	Interval time.Duration // between two looks: the chosen one, or longer while the kernel takes too much of that
	Chosen   time.Duration // the interval that was asked for
	Took     time.Duration // how long a look took, with all that is made of it
	Waited   time.Duration // of that the kernel's dumps of our own namespace's sockets alone: what Interval follows
	Tables   Tables        // what was asked for; a table that was not is empty

	Sockets   []Socket  // every socket, and closed ones that are still shown
	Processes []Process // every process that holds or held one of them
	Holders   []Holder  // who holds a socket that several processes hold, sorted by Inode

	// The other tables; each is empty unless Demand asks for its source.
	Unix       []UnixSocket
	Links      []Link
	Routes     []Route
	Statistics []Statistic
	Groups     []Membership
	Flows      []Flow

	// History are the connections that closed, oldest first; only the newest HistoryRoom are kept. It is never written to.
	History     []Past
	Departed    []Departed // whose those were; Past.Who is an index
	HistoryRoom int

	NetNS      []NetNS         // the namespaces of this host, our own first; Socket.NetNS is an index
	Users      map[uint32]Text // uid -> name, for every uid in Sockets that has one
	Interfaces map[LinkID]Text // names of those that sockets are bound to
	Congestion []Text          // congestion algorithms; Socket.Cong is an index

	Counts  Counts
	Sources []Source // what was asked, and how it went
	Access  Access
	Detail  *Detail // everything about the row in focus, when one is
	Ends    *Ends   // finds the other ends of connections; nil: by looking at every row
}

// Stretched says whether looks are further apart than was asked for.
func (s *Snapshot) Stretched() bool { return s.Chosen > 0 && s.Interval > s.Chosen }

// Source is one thing that was asked for a snapshot, and how it went. A source that failed leaves its rows
// as they were, marked stale; it never empties a table.
type Source struct {
	Name string // as people would name it: "TCP IPv6", "owners"
	Of   Tables // the tables that it fills; 0 is about sockets and their owners
	Err  error  // nil when the answer was whole
	Bad  int    // rows of it that did not parse
	Age  int64  // ns since it last answered whole; 0 when it never did
	// Whole says that every row came: then Err is about something that the rows do not depend on.
	Whole bool
	// Absent says that the kernel has nothing of it, or keeps it from us: asking again does not help.
	Absent bool
	// Took is how long the look took that ended since the last sample; 0 is none, or not known. It is known of
	// "owners", which works beside the samples.
	Took time.Duration
}

// Lacks says whether the kernel has nothing of one of these tables, or keeps it from us.
func (s *Snapshot) Lacks(tables Tables) bool {
	for i := range s.Sources {
		if s.Sources[i].Absent && s.Sources[i].Of&tables != 0 {
			return true
		}
	}
	return false
}

// Access says what this machine lets us see and do. ui shows it; sampler finds it out.
type Access struct {
	Owners  bool // owners of other users' processes can be seen (CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH)
	Destroy bool // connections can be closed (CAP_NET_ADMIN)
	Kill    bool // other users' processes can be signalled (CAP_KILL)
	Enter   bool // other network namespaces can be entered (CAP_SYS_ADMIN); else NetNS says which are read how
	// ReadOnly: whatever changes the system was given up at the start, for good.
	ReadOnly bool
	Hidden   int // sockets whose owner we may not see
	// Missing are the capabilities that would be needed for full access, as setcap writes them.
	Missing []string
	// NoBytes is why TCP connections come from /proc/net, without bytes and without all else that sock_diag tells;
	// nil where it answers.
	NoBytes error
}

// Process is a process that holds sockets, with what they moved.
type Process struct {
	PID   int32
	PPID  int32
	Start uint64 // clock ticks after boot, /proc/PID/stat field 22; with PID its identity
	UID   uint32 // effective, /proc/PID/status
	// Name is comm, or the longer base name of the executable or argv[0] where comm is its cut form.
	Name    Text
	Cmdline Text // arguments, joined by spaces
	Argv0   Text // the first argument alone: netstat's Program name is made of it
	Exe     Text // /proc/PID/exe, empty when it may not be read
	Unit    Text // systemd unit, from the cgroup path
	// Container is the name of its container, "namespace/pod/container" of a pod's, or the first 12 digits of the id
	// where nobody says a name. Of docker-proxy it is "name (published)": the container that its port leads to.
	Container   Text
	ContainerID Text // the id, 64 digits, from the cgroup path; empty where containers go by names
	Started     time.Time

	Sockets, Established, Listening int32
	// Sent and Received are payload bytes of all its TCP connections that were seen, each since it began,
	// closed ones included.
	Sent, Received         uint64
	SentRate, ReceivedRate float32 // bytes/s
	HasBytes               bool    // some of its sockets have byte counters
	HasRates               bool

	FirstSeen, MarkedAt int64
	Mark                Change
	Dead                bool // it is gone
	// Inet says that it holds or held a socket of the table of sockets; else it is here for a unix socket.
	Inet bool
}

// Holder says that a process holds a socket, by its inode.
type Holder struct {
	Inode   uint32
	Process int32 // index into Snapshot.Processes
}

// Tables is a set of tables whose sources are asked only while someone looks.
type Tables uint16

// The tables of a snapshot.
const (
	TableSockets Tables = 1 << iota // with processes: all that is counted from sockets
	TableUnix
	TableLinks
	TableRoutes
	TableStatistics
	TableGroups
	TableFlows
	TableSCTP // SCTP's part of the sockets: asked for by name, so that a kernel without it is told of
)

// Demand is what the screen wants of the sampler: one small value that goes backward, newest wins.
type Demand struct {
	Interval time.Duration
	Hold     time.Duration // for how long changes are shown
	Tables   Tables        // the tables looked at; 0 is the sockets
	NoOwners bool          // nobody looks at who holds them
	Bare     bool          // nor at what they move: of sockets their ends, state, queues, timers and users suffice
	NetNS    string        // the namespaces looked into: "own" or nothing, "all", a name or a pid of a process in it
	Now      uint64        // a counter: when it changed, sample at once
	History  int           // how many closed connections are kept: 0 is DefaultHistory, less is none
	Focus    Key           // the row whose Detail is wanted; the zero Key for none
}

// Detail is everything known about one socket and its process, asked for only while someone looks at it.
type Detail struct {
	Key     Key
	Err     error    // the socket could not be asked; Figures are empty
	Figures []Figure // tcp_info, memory, timers
	// SentRates and ReceivedRates are the last samples' rates, bytes/s, oldest first.
	SentRates, ReceivedRates []float32
	Holders                  []ProcessDetail
}

// Figure is one figure of the details screen.
type Figure struct {
	Group string // "TCP_INFO", "Memory"
	Name  string // the kernel's own, as tcpi_rtt
	Help  string // one line: what it is, with its unit
	Kind  Kind
	Value Value
}

// ProcessDetail is what the details screen tells of a process.
type ProcessDetail struct {
	Process
	User    Text
	Cwd     Text
	Why     Unknown   // why Exe and Cwd are not known
	Parents []Process // from its parent up to pid 1: PID, Name, UID, Start are filled in
}

// SignalTarget names a process for good, for a signal: a pid alone may have been used again.
type SignalTarget struct {
	PID   int32
	Start uint64
	UID   uint32
}

// CloseTarget names a socket for good, to close it.
type CloseTarget struct {
	Cookie                uint64
	Local, Remote         Addr
	LocalPort, RemotePort uint16
	Interface             uint32
	Proto                 Proto
	Family                Family
	State                 State
	NetNS                 uint64 // NetNS.Cookie
}

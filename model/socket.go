package model

import "net/netip"

// Proto is the transport protocol, as the kernel numbers it (IPPROTO_TCP, IPPROTO_UDP).
type Proto uint8

// The protocols that have rows in the table of sockets, by their numbers (linux/in.h).
const (
	TCP     Proto = 6
	UDP     Proto = 17
	SCTP    Proto = 132
	UDPLite Proto = 136
	Raw     Proto = 255 // IPPROTO_RAW: any raw socket; its local port is the protocol it is of
)

// Family is the address family of a socket: 4 or 6. An IPv6 socket that talks IPv4 is of family 6 and
// has IPv4-mapped addresses.
type Family uint8

// The address families.
const (
	AnyFamily Family = 0 // in questions

	IPv4 Family = 4
	IPv6 Family = 6
)

// Addr is an IP address in 16 bytes; IPv4 in its mapped form. Unlike netip.Addr it holds no pointer, so
// that a slice of 100,000 sockets is nothing to the garbage collector. What family the socket is of says
// Socket.Family.
type Addr [16]byte

// AddrFrom makes an Addr of a netip.Addr, without its zone.
func AddrFrom(a netip.Addr) Addr { return Addr(a.As16()) }

// Is4 says whether a is an IPv4 address or an IPv4-mapped one.
func (a Addr) Is4() bool {
	return a[10] == 0xff && a[11] == 0xff && [10]byte(a[:10]) == [10]byte{}
}

// IsUnspecified says whether a is 0.0.0.0 or ::.
func (a Addr) IsUnspecified() bool {
	return a == Addr{} || a == Addr{10: 0xff, 11: 0xff}
}

// IsLoopback says whether a is in 127.0.0.0/8 or ::1.
func (a Addr) IsLoopback() bool {
	return a == Addr{15: 1} || a.Is4() && a[12] == 127
}

// Netip is a as a netip.Addr, unmapped: an IPv4 address, mapped or not, is an IPv4 netip.Addr.
func (a Addr) Netip() netip.Addr { return netip.AddrFrom16(a).Unmap() }

// Has says which groups of figures of a Socket the kernel gave. A figure whose bit is not set is unknown,
// whatever its field holds.
type Has uint32

// The groups of figures.
const (
	HasBytes    Has = 1 << iota // Sent, Received (tcp_info up to tcpi_bytes_received, tcpi_bytes_retrans)
	HasPackets                  // SentPackets, ReceivedPackets (tcpi_segs_out, tcpi_segs_in)
	HasPath                     // RTT, RTTVar, Retrans, Cwnd, MSS, PMTU (the tcp_info of Linux 2.6)
	HasDelivery                 // DeliveryRate (tcpi_delivery_rate, Linux 4.9)
	HasQueues                   // RecvQ, SendQ
	HasMark                     // Mark: only a reader with CAP_NET_ADMIN is told
	HasRates                    // SentRate, ReceivedRate: two samples of a counter were seen
	HasCong                     // Cong
	HasUID                      // UID: TIME_WAIT and SYN_RECV have none
)

// Change is what became of a row since it was last looked at. It is shown for a while.
type Change uint8

// The changes, the first three in TCPView's colours: green, yellow, red.
const (
	Unchanged Change = iota
	New
	Changed
	Closed
	Outdated // nothing is known of it now: its source failed
)

// Unknown says why a value is not known; the zero Unknown is a known value.
type Unknown uint8

// The reasons why a value is unknown.
const (
	Known         Unknown = iota
	NotGiven              // the kernel has no such figure for this kind of socket, or is too old for it
	NoPermission          // another user's process, and we may not look
	NotYet                // the owner scan or the second sample is still to come
	NoProcess             // nobody holds it: the kernel's own socket, or one in flight
	NotAccepted           // the connection waits in a listener's queue: no process has it yet
	InTimeWait            // TIME_WAIT: no process holds it any more
	Exited                // it was held by a process that is gone
	OtherNetNS            // its network namespace belongs to processes we cannot see
	Stale                 // its source failed
	NotApplicable         // the row can have no such value
	NeedsNetAdmin         // the kernel tells it only to CAP_NET_ADMIN
	NoAccounting          // it is counted only where a setting of the kernel says so
	TooShort              // it lived and died between two looks
)

var unknownReasons = [...]string{
	"", "the kernel does not give it", "no permission to see other users' processes", "not measured yet",
	"held by no process (kernel)", "not accepted yet", "TIME_WAIT: nobody holds it any more",
	"its process exited", "in a namespace we cannot look into", "its source failed", "does not apply",
	"the kernel tells it with CAP_NET_ADMIN only", "the kernel is not set to count it",
	"it lived and died between two looks",
}

// String is the reason in words, empty for a known value.
func (u Unknown) String() string {
	if int(u) >= len(unknownReasons) {
		return "unknown"
	}
	return unknownReasons[u]
}

// Timer is the kind of timer a socket waits for, as in inet_diag_msg.idiag_timer.
type Timer uint8

// The timers (net/ipv4/inet_diag.c, inet_diag_msg_attrs_fill and inet_sk_diag_fill).
const (
	TimerOff Timer = iota
	TimerRetransmit
	TimerKeepalive
	TimerTimeWait
	TimerProbe
)

var timerNames = [...]string{"off", "on", "keepalive", "timewait", "probe"}

// String is netstat's word for the timer.
func (t Timer) String() string {
	if int(t) >= len(timerNames) {
		return "-"
	}
	return timerNames[t]
}

// Holding says which processes hold a socket.
type Holding struct {
	Owner   int32   // index into Snapshot.Processes of the process that is named; -1: see Why
	Holders int32   // how many processes hold it; 0 is unknown or none
	Why     Unknown // why Owner is unknown
	Was     bool    // Owner is the process that held it: nobody does any more
	// Inferred says that nobody was seen to hold it: Owner is whom it must have been of, by what was seen around it.
	Inferred bool
}

// Socket is one TCP, UDP, UDP-Lite, SCTP or raw socket as last seen: a flat record without pointers. Counters are the kernel's
// own since the connection began. Which of them are known says Has.
type Socket struct {
	Cookie uint64 // INET_DIAG cookie: names the socket for good; 0 where the source has none
	// Local and Remote are the two ends. Remote of a listener is unspecified.
	Local, Remote Addr

	Sent     uint64 // payload bytes sent, without retransmits: tcpi_bytes_sent - tcpi_bytes_retrans
	Received uint64 // payload bytes received in order: tcpi_bytes_received less the FIN

	DeliveryRate uint64 // bytes/s: tcpi_delivery_rate

	FirstSeen int64 // ns on the sampler's monotonic clock
	MarkedAt  int64 // when Mark was set, ns on the same clock

	SentRate, ReceivedRate float32 // bytes/s, smoothed, over the real time between samples

	SentPackets, ReceivedPackets uint32 // tcpi_segs_out, tcpi_segs_in

	Inode     uint32 // 0 for TIME_WAIT, SYN_RECV and not accepted: never joined to a process
	UID       uint32 // the user who made the socket (TIME_WAIT: 0, and unknown)
	Interface uint32 // index of the interface it is bound to, 0 for none
	FwMark    uint32 // SO_MARK
	RecvQ     uint32 // bytes not read yet; on a listener: connections not accepted yet
	SendQ     uint32 // bytes not acknowledged yet; on a listener: the backlog's limit
	RTT       uint32 // us: tcpi_rtt
	RTTVar    uint32 // us: tcpi_rttvar
	Retrans   uint32 // segments: tcpi_total_retrans
	Cwnd      uint32 // segments: tcpi_snd_cwnd
	MSS       uint32 // bytes: tcpi_snd_mss
	PMTU      uint32 // bytes: tcpi_pmtu
	Expires   uint32 // ms until Timer fires
	Has       Has

	Holding

	LocalPort, RemotePort uint16

	NetNS   uint16 // index into Snapshot.NetNS
	Proto   Proto
	Family  Family
	State   State
	Before  State // the state it had before the last change, for the details
	Timer   Timer
	Retries uint8  // retransmits of the running timer without an answer: tcpi_retransmits, else idiag_retrans
	Cong    uint8  // index into Snapshot.Congestion
	Probes  uint8  // keepalives or window probes without an answer: tcpi_probes
	Mark    Change // what became of it, at MarkedAt
	// AgeKnown says that the socket was born while we watched, so that its age is FirstSeen's; else it is
	// at least that old.
	AgeKnown bool
	Stale    bool // its source failed: this is how it was last seen
	Dead     bool // closed; it stays only to be shown
	// Missed counts the whole dumps in a row that did not have it.
	Missed uint8
	// QuietSent and QuietReceived count the samples in a row that moved nothing.
	QuietSent, QuietReceived uint8

	past   pastMark // whether its end is in Snapshot.History
	unseen bool     // no dump has had it: its end is all that was told
}

// Key is the identity of a row: of a socket its namespace, protocol and cookie, of a process its pid and
// start, of a group its value. Cursor, marks and a pending kill hold a Key, never a row number.
type Key struct {
	NetNS uint64 // SO_NETNS_COOKIE, 0 for our own where the kernel has none
	ID    uint64 // socket: cookie; process: pid
	Start uint64 // process: start time, clock ticks after boot; else 0
	Text  string // group: the value's text; a socket without cookie: its tuple
	Proto Proto
}

// Counts are the numbers of the status line: the TCP states of the namespaces on show, closed rows
// excluded.
type Counts struct {
	Endpoints int // sockets of the table of sockets
	States    [numStates]int
}

// State is how many TCP sockets are in state s.
func (c *Counts) State(s State) int { return c.States[s] }

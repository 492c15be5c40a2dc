package model

import "strings"

// State is the state of a socket: the kernel's TCP numbers (include/net/tcp_states.h), and the same
// numbers as the kernel uses them for UDP.
type State uint8

// The numbers of include/net/tcp_states.h. A request socket (TCP_NEW_SYN_RECV, 12) is SynRecv to
// everybody, as it is to ss and netstat.
const (
	StateUnknown State = iota
	Established
	SynSent
	SynRecv
	FinWait1
	FinWait2
	TimeWait
	Close // UDP: not connected
	CloseWait
	LastAck
	Listen
	Closing
	newSynRecv
	Bound // TCP: bound to a port, neither listening nor connected (TCP_BOUND_INACTIVE)
	numStates
)

// stateNames are netstat's and the RFC's words; index is State.
var stateNames = [numStates]string{
	"-", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE",
	"CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "SYN_RECV", "BOUND",
}

// String is netstat's word for the state.
func (s State) String() string {
	if s >= numStates {
		return "-"
	}
	return stateNames[s]
}

// stateSpellings are the further names in use, by ss, Windows, lsof, the RFCs and the kernel, folded by
// foldState.
var stateSpellings = map[string]State{
	"ESTAB": Established, "SYNSENT": SynSent, "SYNRECV": SynRecv, "SYNRCVD": SynRecv, "SYNRECEIVED": SynRecv,
	"NEWSYNRECV": SynRecv, "FINWAIT1": FinWait1, "FINWAIT2": FinWait2, "TIMEWAIT": TimeWait, "CLOSED": Close,
	"UNCONN": Close, "UNCONNECTED": Close, "CLOSEWAIT": CloseWait, "LASTACK": LastAck, "LISTENING": Listen,
	"BOUNDINACTIVE": Bound,
}

func foldState(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToUpper(name))
}

// ParseState takes a state's name in every spelling in use (SYN_RECV, syn-rcvd, FIN_WAIT1, FIN-WAIT-1,
// ESTAB, Listening). It says false for a name that is none.
func ParseState(name string) (State, bool) {
	folded := foldState(name)
	if s, ok := stateSpellings[folded]; ok {
		return s, true
	}
	for s := Established; s < numStates; s++ {
		if folded != "" && foldState(stateNames[s]) == folded {
			return s, true
		}
	}
	return StateUnknown, false
}

// StateNames are the states' names as shown, for messages and completion.
func StateNames() []string {
	var names []string
	for s := Established; s < numStates; s++ {
		if s != newSynRecv {
			names = append(names, stateNames[s])
		}
	}
	return names
}

// FinReceived says whether a TCP socket in this state has received the other side's FIN, which the
// kernel counts as one byte of tcpi_bytes_received.
func (s State) FinReceived() bool {
	return s == CloseWait || s == LastAck || s == Closing || s == TimeWait
}

package model

import (
	"slices"
	"testing"
)

func TestParseState(t *testing.T) {
	for want, names := range map[State][]string{
		Established: {"ESTABLISHED", "established", "Established", "ESTAB", "estab"},
		SynSent:     {"SYN_SENT", "SYN-SENT", "syn-sent", "SYNSENT"},
		SynRecv:     {"SYN_RECV", "SYN-RECV", "syn_recv", "SYN_RCVD", "syn-rcvd", "SYN_RECEIVED", "SYN-RECEIVED", "NEW_SYN_RECV"},
		FinWait1:    {"FIN_WAIT1", "FIN-WAIT-1", "FIN_WAIT_1", "fin-wait-1", "finwait1"},
		FinWait2:    {"FIN_WAIT2", "FIN-WAIT-2", "FIN_WAIT_2", "fin wait 2"},
		TimeWait:    {"TIME_WAIT", "TIME-WAIT", "time-wait", "TIMEWAIT", "Time Wait"},
		Close:       {"CLOSE", "CLOSED", "closed", "UNCONN", "unconn", "UNCONNECTED"},
		CloseWait:   {"CLOSE_WAIT", "CLOSE-WAIT", "close-wait", "Close Wait"},
		LastAck:     {"LAST_ACK", "LAST-ACK", "last-ack"},
		Listen:      {"LISTEN", "listen", "LISTENING", "Listening"},
		Closing:     {"CLOSING", "closing"},
		Bound:       {"BOUND", "BOUND_INACTIVE", "bound-inactive"},
	} {
		for _, name := range names {
			if got, ok := ParseState(name); !ok || got != want {
				t.Errorf("ParseState(%q) is %v, %v; want %v", name, got, ok, want)
			}
		}
	}
	for _, name := range []string{"", "-", "_", " ", "EST", "SYN", "FIN_WAIT", "FIN_WAIT3", "WAIT", "tcp", "x"} {
		if got, ok := ParseState(name); ok || got != StateUnknown {
			t.Errorf("ParseState(%q) is %v; it is no state", name, got)
		}
	}
}

func TestStateNames(t *testing.T) {
	names := StateNames()
	if len(names) != 12 {
		t.Errorf("%d states: %v", len(names), names)
	}
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	if len(slices.Compact(sorted)) != len(names) {
		t.Errorf("a name stands twice: %v", names)
	}
	for _, name := range names {
		s, ok := ParseState(name)
		if !ok || s.String() != name {
			t.Errorf("%q is read as %v, %v", name, s, ok)
		}
	}
	for s, want := range map[State]string{
		StateUnknown: "-", Established: "ESTABLISHED", newSynRecv: "SYN_RECV", Bound: "BOUND", numStates: "-", 255: "-",
	} {
		if got := s.String(); got != want {
			t.Errorf("state %d is %q, want %q", uint8(s), got, want)
		}
	}
}

// TestStateNumbers pins the kernel's own (include/net/tcp_states.h).
func TestStateNumbers(t *testing.T) {
	for s, want := range map[State]int{
		Established: 1, SynSent: 2, SynRecv: 3, FinWait1: 4, FinWait2: 5, TimeWait: 6, Close: 7, CloseWait: 8,
		LastAck: 9, Listen: 10, Closing: 11, newSynRecv: 12, Bound: 13,
	} {
		if int(s) != want {
			t.Errorf("%v is %d, the kernel's is %d", s, int(s), want)
		}
	}
}

// TestFinReceived follows RFC 9293 s3.3.2: which states are entered by receiving a FIN.
func TestFinReceived(t *testing.T) {
	for s := StateUnknown; s <= numStates; s++ {
		want := s == CloseWait || s == LastAck || s == Closing || s == TimeWait
		if got := s.FinReceived(); got != want {
			t.Errorf("FinReceived of %v is %v", s, got)
		}
	}
}

func TestUnknownAndTimerNames(t *testing.T) {
	if Known.String() != "" {
		t.Errorf("the reason of a known value is %q", Known.String())
	}
	seen := map[string]Unknown{}
	for u := NotGiven; u <= TooShort; u++ {
		if other, twice := seen[u.String()]; u.String() == "" || twice {
			t.Errorf("reason %d is %q, and so is %d", u, u.String(), other)
		}
		seen[u.String()] = u
	}
	if got := (TooShort + 1).String(); got != "unknown" {
		t.Errorf("a reason that does not exist is %q", got)
	}
	for timer, want := range map[Timer]string{
		TimerOff: "off", TimerRetransmit: "on", TimerKeepalive: "keepalive", TimerTimeWait: "timewait", TimerProbe: "probe", 5: "-", 255: "-",
	} {
		if got := timer.String(); got != want {
			t.Errorf("timer %d is %q, want %q", timer, got, want)
		}
	}
}

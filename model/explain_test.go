package model

import (
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"
)

func addrOf(s string) Addr { return AddrFrom(netip.MustParseAddr(s)) }

func TestExplainState(t *testing.T) {
	for _, c := range []struct {
		name string
		r    Socket
		want []string // pieces
	}{
		{"established", Socket{Proto: TCP, State: Established, Inode: 1}, []string{"is open. Both sides can send"}},
		{"not accepted", Socket{Proto: TCP, State: Established}, []string{"no process has accepted it"}},
		{"syn sent", Socket{Proto: TCP, State: SynSent, Inode: 1}, []string{"no answer yet", "firewall", "down"}},
		{"syn recv", Socket{Proto: TCP, State: SynRecv}, []string{"the other one must confirm", "SYN flood"}},
		{"request socket", Socket{Proto: TCP, State: newSynRecv}, []string{"the other one must confirm"}},
		{"fin wait 1", Socket{Proto: TCP, State: FinWait1}, []string{"This side closed", "not acknowledged"}},
		{"fin wait 2, orphan", Socket{Proto: TCP, State: FinWait2}, []string{"the other program has not closed", "60 s"}},
		{"fin wait 2, held", Socket{Proto: TCP, State: FinWait2, Inode: 1}, []string{"still holds it and can read"}},
		{"time wait", Socket{Proto: TCP, State: TimeWait}, []string{"60 s", "goes by itself"}},
		{"close", Socket{Proto: TCP, State: Close, Inode: 1}, []string{"Not connected"}},
		{"close wait", Socket{Proto: TCP, State: CloseWait, Inode: 1}, []string{"The other side closed; this process has not closed its end yet.", "leaks"}},
		{"close wait, not accepted", Socket{Proto: TCP, State: CloseWait}, []string{"before any process here accepted"}},
		{"last ack", Socket{Proto: TCP, State: LastAck}, []string{"Both sides closed"}},
		{"listen", Socket{Proto: TCP, State: Listen, Inode: 1}, []string{"Waits for others"}},
		{"closing", Socket{Proto: TCP, State: Closing}, []string{"at the same time"}},
		{"bound", Socket{Proto: TCP, State: Bound, Inode: 1}, []string{"neither listens nor is connected"}},
		{"unknown", Socket{Proto: TCP, State: 77}, []string{"does not know"}},
		{"udp", Socket{Proto: UDP, State: Close, Inode: 1}, []string{"from whoever can reach"}},
		{"raw", Socket{Proto: Raw, LocalPort: 1, State: Close, Inode: 1}, []string{"every packet of protocol icmp"}},
		{"raw connected", Socket{Proto: Raw, LocalPort: 17, State: Established, Inode: 1}, []string{"protocol udp", "from its remote address"}},
		{"udp connected", Socket{Proto: UDP, State: Established, Inode: 1}, []string{"from that one only", "no handshake"}},
		{"udp with a state it cannot have", Socket{Proto: UDP, State: Listen}, []string{"do not have"}},
		{"dead", Socket{Proto: TCP, State: CloseWait, Dead: true}, []string{"Closed:", "CLOSE_WAIT."}},
		{"dead udp", Socket{Proto: UDP, State: Close, Dead: true}, []string{"Closed:", "UNCONN."}},
		{"stale", Socket{Proto: TCP, State: Listen, Stale: true}, []string{"last seen. Waits for others"}},
	} {
		got := ExplainState(&c.r)
		for _, piece := range c.want {
			if !strings.Contains(got, piece) {
				t.Errorf("%s: %q does not say %q", c.name, got, piece)
			}
		}
	}
}

func TestExplainQueues(t *testing.T) {
	for _, c := range []struct {
		name string
		r    Socket
		want string // all lines, joined; "" for none
	}{
		{"empty", Socket{Proto: TCP, State: Established, Inode: 1}, ""},
		{"unread", Socket{Proto: TCP, State: Established, Inode: 1, RecvQ: 20}, "Recv-Q: 20 bytes not read yet. If it stays, this process is the slow side. When its buffer is full, the other side is told to stop."},
		{"one byte", Socket{Proto: TCP, State: Established, Inode: 1, RecvQ: 1}, "Recv-Q: 1 byte not read yet. If it stays, this process is the slow side. When its buffer is full, the other side is told to stop."},
		{"unread and not accepted", Socket{Proto: TCP, State: Established, RecvQ: 20}, "Recv-Q: 20 bytes not read yet: no process has accepted the connection."},
		{"unread FIN", Socket{Proto: TCP, State: CloseWait, Inode: 1, RecvQ: 1}, "Recv-Q: the 1 is the other side's close, which counts as one byte. This process has not noticed it yet: it does not read."},
		{"data and unread FIN", Socket{Proto: TCP, State: CloseWait, Inode: 1, RecvQ: 2}, "Recv-Q: 1 byte and the other side's close, which counts as one byte more, not read yet. This process does not read, or is slow."},
		{"unread FIN, not accepted", Socket{Proto: TCP, State: CloseWait, RecvQ: 1}, "Recv-Q: 1 byte not read yet: no process has accepted the connection."},
		{"sending", Socket{Proto: TCP, State: Established, Inode: 1, SendQ: 3000}, "Send-Q: 3000 bytes not acknowledged by the other host yet. Some are normal while it sends. If it stays, the network or the other side is slow."},
		{"no room there", Socket{Proto: TCP, State: Established, Inode: 1, SendQ: 3000, Timer: TimerProbe}, "Send-Q: 3000 bytes not acknowledged by the other host yet. The other side has no room for more: its program reads too slowly."},
		{"lost", Socket{Proto: TCP, State: Established, Inode: 1, SendQ: 3000, Timer: TimerRetransmit, Retries: 3}, "Send-Q: 3000 bytes not acknowledged by the other host yet. The network loses packets, or the other host is gone."},
		{"waiting for the first acknowledgement", Socket{Proto: TCP, State: Established, Inode: 1, SendQ: 1, Timer: TimerRetransmit}, "Send-Q: 1 byte not acknowledged by the other host yet. Some are normal while it sends. If it stays, the network or the other side is slow."},
		{"SYN", Socket{Proto: TCP, State: SynSent, Inode: 1, SendQ: 1}, "Send-Q: the 1 is the request for the connection itself, which counts as one byte."},
		{"SYN with data (TCP Fast Open)", Socket{Proto: TCP, State: SynSent, Inode: 1, SendQ: 9}, "Send-Q: 9 bytes not acknowledged by the other host yet. Some are normal while it sends. If it stays, the network or the other side is slow."},
		{"FIN", Socket{Proto: TCP, State: FinWait1, SendQ: 1}, "Send-Q: the 1 is our close, which counts as one byte. The other host has not acknowledged it."},
		{"data and FIN", Socket{Proto: TCP, State: LastAck, SendQ: 11, Timer: TimerProbe}, "Send-Q: 10 bytes and our close, which counts as one byte more, not acknowledged yet. The other side has no room for more: its program reads too slowly."},
		{"time wait", Socket{Proto: TCP, State: TimeWait, RecvQ: 1, SendQ: 1}, ""},
		{"dead", Socket{Proto: TCP, State: Established, RecvQ: 1, SendQ: 1, Dead: true}, ""},
		{"idle listener", Socket{Proto: TCP, State: Listen, SendQ: 128}, "Recv-Q: no connection waits to be accepted. Send-Q: the limit (backlog) is 128."},
		{"listener", Socket{Proto: TCP, State: Listen, RecvQ: 3, SendQ: 128}, "Recv-Q: 3 connections not accepted yet, and the limit (backlog) is 128. If it stays or grows, this process accepts too slowly."},
		{"listener, one", Socket{Proto: TCP, State: Listen, RecvQ: 1, SendQ: 128}, "Recv-Q: 1 connection not accepted yet, and the limit (backlog) is 128. If it stays or grows, this process accepts too slowly."},
		{"at the limit one more fits", Socket{Proto: TCP, State: Listen, RecvQ: 128, SendQ: 128}, "Recv-Q: the queue is nearly full: 128 connections not accepted yet, and the limit (backlog) is 128. This process accepts too slowly."},
		{"full listener", Socket{Proto: TCP, State: Listen, RecvQ: 129, SendQ: 128}, "Recv-Q: the queue is full: 129 connections not accepted yet, and the limit (backlog) is 128. New connections are ignored until this process accepts some."},
		{"largest", Socket{Proto: TCP, State: Listen, RecvQ: 1<<32 - 1, SendQ: 1<<32 - 1}, "Recv-Q: the queue is nearly full: 4294967295 connections not accepted yet, and the limit (backlog) is 4294967295. This process accepts too slowly."},
		{"limit not known", Socket{Proto: TCP, State: Listen, RecvQ: 5}, "Recv-Q: 5 connections not accepted yet. If it stays, this process accepts too slowly."},
		{"idle, limit not known", Socket{Proto: TCP, State: Listen}, "Recv-Q: no connection waits to be accepted."},
		{"udp empty", Socket{Proto: UDP, State: Close, Inode: 1}, ""},
		{"udp unread", Socket{Proto: UDP, State: Close, Inode: 1, RecvQ: 768}, "Recv-Q: datagrams wait to be read; with the kernel's overhead they take 768 bytes. This process is slower than its senders. When its buffer is full, further datagrams are dropped."},
		{"udp unsent", Socket{Proto: UDP, State: Established, Inode: 1, SendQ: 768}, "Send-Q: datagrams have not left this host yet; with the kernel's overhead they take 768 bytes. If it stays, the network interface is the slow part."},
	} {
		c.r.Has = HasQueues
		if got := strings.Join(ExplainQueues(&c.r), "\n"); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
		c.r.Has = 0
		if got := ExplainQueues(&c.r); got != nil {
			t.Errorf("%s: with unknown queues: %q", c.name, got)
		}
	}
	both := Socket{Proto: TCP, State: Established, Inode: 1, RecvQ: 1, SendQ: 1, Has: HasQueues}
	if got := ExplainQueues(&both); len(got) != 2 || !strings.HasPrefix(got[0], "Recv-Q") || !strings.HasPrefix(got[1], "Send-Q") {
		t.Errorf("both queues: %q", got)
	}
}

func TestExplainListener(t *testing.T) {
	const firewall = " A firewall may still keep others out."
	for _, c := range []struct {
		name string
		r    Socket
		want string
	}{
		{"no listener", Socket{Proto: TCP, State: Established}, ""},
		{"bound only", Socket{Proto: TCP, State: Bound}, ""},
		{"connected udp", Socket{Proto: UDP, State: Established}, ""},
		{"tcp, any", Socket{Proto: TCP, State: Listen, Family: IPv4, Local: addrOf("0.0.0.0")}, "Open to everybody: every IPv4 address of this host." + firewall},
		{"tcp, any, not mapped", Socket{Proto: TCP, State: Listen, Family: IPv4}, "Open to everybody: every IPv4 address of this host." + firewall},
		{"tcp6, any", Socket{Proto: TCP, State: Listen, Family: IPv6}, "Open to everybody: every IPv6 address of this host, and every IPv4 address as well, unless the process asked for IPv6 only." + firewall},
		{"tcp6, any mapped", Socket{Proto: TCP, State: Listen, Family: IPv6, Local: addrOf("::ffff:0.0.0.0")}, "Open to everybody: every IPv4 address of this host." + firewall},
		{"udp, any", Socket{Proto: UDP, State: Close, Family: IPv4, Local: addrOf("0.0.0.0")}, "Open to everybody: every IPv4 address of this host." + firewall},
		{"loopback", Socket{Proto: TCP, State: Listen, Family: IPv4, Local: addrOf("127.0.0.53")}, "Open to programs on this host only (loopback)."},
		{"loopback 6", Socket{Proto: TCP, State: Listen, Family: IPv6, Local: addrOf("::1")}, "Open to programs on this host only (loopback)."},
		{"loopback, mapped", Socket{Proto: TCP, State: Listen, Family: IPv6, Local: addrOf("::ffff:127.0.0.1")}, "Open to programs on this host only (loopback)."},
		{"one address", Socket{Proto: TCP, State: Listen, Family: IPv4, Local: addrOf("10.0.0.5")}, "Open on one address of this host only: 10.0.0.5." + firewall},
		{"one address, mapped", Socket{Proto: TCP, State: Listen, Family: IPv6, Local: addrOf("::ffff:10.0.0.5")}, "Open on one address of this host only: 10.0.0.5." + firewall},
		{"one address 6", Socket{Proto: TCP, State: Listen, Family: IPv6, Local: addrOf("2001:db8::5")}, "Open on one address of this host only: 2001:db8::5." + firewall},
		{"link-local", Socket{Proto: UDP, State: Close, Family: IPv6, Local: addrOf("fe80::5")}, "Open on one address of this host, fe80::5, which only the same local network can reach." + firewall},
		{"multicast", Socket{Proto: UDP, State: Close, Family: IPv4, Local: addrOf("224.0.0.251")}, "Takes what is sent to the multicast group 224.0.0.251." + firewall},
		{"bound to an interface", Socket{Proto: TCP, State: Listen, Family: IPv4, Interface: 2}, "Open to everybody: every IPv4 address of this host. Only through the interface it is bound to." + firewall},
	} {
		if got := ExplainListener(&c.r); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestExplainTimer(t *testing.T) {
	for _, c := range []struct {
		name string
		r    Socket
		want string
	}{
		{"udp", Socket{Proto: UDP, State: Close}, ""},
		{"listener", Socket{Proto: TCP, State: Listen}, ""},
		{"dead", Socket{Proto: TCP, State: Established, Timer: TimerRetransmit, Dead: true}, ""},
		{"off", Socket{Proto: TCP, State: Established}, "No timer runs: nothing sent waits for an answer."},
		{"retransmit", Socket{Proto: TCP, State: Established, Timer: TimerRetransmit, Expires: 200}, "What was sent last is not acknowledged yet. The kernel sends it again in 200ms."},
		{"retransmit, due", Socket{Proto: TCP, State: Established, Timer: TimerRetransmit}, "What was sent last is not acknowledged yet. The kernel sends it again now."},
		{"retransmit, in vain", Socket{Proto: TCP, State: Established, Timer: TimerRetransmit, Expires: 1600, Retries: 3}, "What was sent last is not acknowledged yet. The kernel sends it again in 1.6s. It has sent it again 3 times without an answer: the network loses packets, or the other host is gone."},
		{"connecting", Socket{Proto: TCP, State: SynSent, Timer: TimerRetransmit, Expires: 1000, Retries: 1}, "The request for the connection is not answered yet. The kernel sends it again in 1s. It has sent it again once without an answer: a firewall drops it, or the other host is down."},
		{"answering", Socket{Proto: TCP, State: SynRecv, Timer: TimerRetransmit, Expires: 1000, Retries: 2}, "The other host has not confirmed our answer to its request. The kernel sends it again in 1s. It has sent it again 2 times without an answer: the answers get lost, or the request was forged."},
		{"keepalive", Socket{Proto: TCP, State: Established, Timer: TimerKeepalive, Expires: 7200000}, "Keepalive is on: when the connection is quiet for long, the kernel asks the other host whether it is still there. The next check is in 2h00m."},
		{"keepalive, in vain", Socket{Proto: TCP, State: Established, Timer: TimerKeepalive, Expires: 75000, Probes: 4}, "Keepalive is on: when the connection is quiet for long, the kernel asks the other host whether it is still there. The next check is in 1m15s. It has asked 4 times without an answer. If that grows, the other host may be gone."},
		{"orphan in FIN_WAIT2", Socket{Proto: TCP, State: FinWait2, Timer: TimerKeepalive, Expires: 60000}, "The kernel stops waiting for the other side's close in 1m00s."},
		{"small socket in FIN_WAIT2", Socket{Proto: TCP, State: FinWait2, Timer: TimerTimeWait, Expires: 60000}, "The kernel drops this connection in 1m00s, if the other side has not closed by then."},
		{"held in FIN_WAIT2", Socket{Proto: TCP, State: FinWait2, Inode: 1, Timer: TimerKeepalive, Expires: 1000}, "Keepalive is on: when the connection is quiet for long, the kernel asks the other host whether it is still there. The next check is in 1s."},
		{"time wait", Socket{Proto: TCP, State: TimeWait, Timer: TimerTimeWait, Expires: 42000}, "The kernel forgets this connection in 42s."},
		{"probe", Socket{Proto: TCP, State: Established, Timer: TimerProbe, Expires: 5000}, "The other side has no room for more data. This side asks again in 5s."},
		{"probe, in vain", Socket{Proto: TCP, State: Established, Timer: TimerProbe, Expires: 5000, Probes: 255}, "The other side has no room for more data. This side asks again in 5s. It has asked 255 times without an answer. If that grows, the other host may be gone."},
		{"a timer of a later kernel", Socket{Proto: TCP, State: Established, Timer: 9}, "A timer that sockview does not know."},
	} {
		if got := ExplainTimer(&c.r); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestExplainOwner(t *testing.T) {
	for _, c := range []struct {
		name string
		r    Socket
		want string // a piece; "" for nothing at all
	}{
		{"held", Socket{Holding: Holding{Owner: 0, Holders: 1}, Inode: 1}, ""},
		{"was held", Socket{Holding: Holding{Owner: 0, Was: true}, State: FinWait1}, "has let go of it"},
		{"no permission", Socket{Holding: Holding{Owner: -1, Why: NoPermission}, Inode: 1}, "cap_sys_ptrace and cap_dac_read_search"},
		{"kernel", Socket{Holding: Holding{Owner: -1, Why: NoProcess}, Inode: 1}, "The kernel itself uses some"},
		{"orphan", Socket{Holding: Holding{Owner: -1, Why: NoProcess}, State: FinWait2}, "has closed it or exited"},
		{"not accepted", Socket{Holding: Holding{Owner: -1, Why: NotAccepted}, State: Established}, "No process has accepted"},
		{"half open", Socket{Holding: Holding{Owner: -1, Why: NotAccepted}, State: SynRecv}, "still being set up"},
		{"time wait", Socket{Holding: Holding{Owner: -1, Why: InTimeWait}, State: TimeWait}, "does not keep whose it was"},
		{"exited", Socket{Holding: Holding{Owner: -1, Why: Exited}}, "has exited"},
		{"another namespace", Socket{Holding: Holding{Owner: -1, Why: OtherNetNS}}, "namespace"},
		{"stale", Socket{Holding: Holding{Owner: -1, Why: Stale}}, "failed"},
		{"not given", Socket{Holding: Holding{Owner: -1, Why: NotGiven}}, "does not say"},
		{"not yet", Socket{Holding: Holding{Owner: -1, Why: NotYet}, Inode: 1}, "not done yet"},
		{"no reason at all", Socket{Holding: Holding{Owner: -1}, Inode: 1}, "not done yet"},
	} {
		got := ExplainOwner(&c.r)
		if !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: %q, want %q in it", c.name, got, c.want)
		}
	}
}

// TestExplanationsArePlain goes through every kind of socket: each text is whole ASCII sentences that are
// short enough to be read.
func TestExplanationsArePlain(t *testing.T) {
	var r Socket
	check := func(what, text string, may bool) {
		t.Helper()
		if text == "" {
			if !may {
				t.Fatalf("%s: nothing for %+v", what, r)
			}
			return
		}
		if !strings.HasSuffix(text, ".") || strings.Contains(text, "  ") || strings.Contains(text, "..") {
			t.Fatalf("%s: not plain sentences: %q", what, text)
		}
		for _, sentence := range strings.SplitAfter(text, ". ") {
			if len(sentence) > 160 {
				t.Fatalf("%s: %d characters are no short sentence: %q", what, len(sentence), sentence)
			}
		}
		for i := 0; i < len(text); i++ {
			if text[i] < ' ' || text[i] >= utf8.RuneSelf {
				t.Fatalf("%s: not ASCII: %q", what, text)
			}
		}
	}
	for _, proto := range []Proto{TCP, UDP} {
		for state := StateUnknown; state <= numStates; state++ {
			for timer := TimerOff; timer <= TimerProbe+1; timer++ {
				for bits := range 64 {
					n := uint32(bits & 3)
					r = Socket{
						Proto: proto, Family: IPv6, State: state, Timer: timer, Has: HasQueues, RecvQ: n, SendQ: n >> 1,
						Retries: uint8(n), Probes: uint8(n), Expires: n * 900, Inode: uint32(bits >> 2 & 1), Dead: bits&8 != 0,
						Stale:   bits&16 != 0,
						Holding: Holding{Was: bits&32 != 0, Owner: -int32(bits & 1), Why: Unknown(bits % 12)},
					}
					check("state", ExplainState(&r), false)
					for _, line := range ExplainQueues(&r) {
						check("queues", line, false)
					}
					check("listener", ExplainListener(&r), !r.IsListening())
					check("timer", ExplainTimer(&r), true)
					check("owner", ExplainOwner(&r), r.Owner >= 0)
				}
			}
		}
	}
}

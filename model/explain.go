package model

// Plain sentences for the details screen: what a socket's state, queues, timer, reach and owner mean, and who
// must act next. What TCP's states mean is RFC 9293 s3.3.2 and s3.6; what the kernel counts and which timer
// it reports is net/ipv4/tcp_diag.c, udp_diag.c and inet_diag.c. Every text is ASCII, and holds no foreign
// text.

import (
	"strconv"
	"strings"
	"time"
)

// ExplainState says what the state of r means, and who must act next.
func ExplainState(r *Socket) string {
	if r.Dead {
		return "Closed: the kernel does not have this socket any more. Its last state was " + r.StateName() + "."
	}
	text := tcpState(r)
	switch {
	case r.Proto == Raw:
		text = rawState(r)
	case !r.Proto.HasHandshake():
		text = udpState(r)
	}
	if r.Stale {
		return "The kernel did not answer this time; this is how it was last seen. " + text
	}
	return text
}

// rawState: a raw socket is given a copy of each packet of its protocol (raw(7)).
func rawState(r *Socket) string {
	text := "Raw: it is given every packet of protocol " + Proto(r.LocalPort).String() + " that reaches this host"
	if r.State == Established {
		text += " from its remote address"
	}
	return text + ", as ping and routing daemons use it."
}

// udpState: UDP has no connections; the kernel uses two of TCP's numbers (net/ipv4/datagram.c,
// __ip4_datagram_connect sets TCP_ESTABLISHED).
func udpState(r *Socket) string {
	switch r.State {
	case Close:
		return "Not connected: it takes datagrams from whoever can reach its address and port."
	case Established:
		return "Connected to one other end: it takes datagrams from that one only. " +
			"UDP has no handshake, so this does not say that anybody is there."
	}
	return "A state that UDP sockets do not have."
}

func tcpState(r *Socket) string {
	switch r.State {
	case Established:
		if r.Inode == 0 { // it gets its inode by accept(2)
			return "The connection is open, but no process has accepted it yet. " +
				"If it stays, the listening process is stuck or too slow."
		}
		return "The connection is open. Both sides can send."
	case SynSent: // the first SYN is out
		return "This side asked for a connection and got no answer yet. " +
			"If it stays, a firewall drops the request or the other host is down."
	case SynRecv, newSynRecv: // RFC 9293 s3.5; many at once: RFC 4987
		return "Another host asked for a connection. This host answered, and the other one must confirm. " +
			"Many that stay are a SYN flood, or our answers get lost."
	case FinWait1:
		return "This side closed. The other host has not acknowledged that yet. " +
			"If it stays, the other host is unreachable or takes no more data."
	case FinWait2: // tcp_fin_timeout bounds it once no process holds it (tcp(7))
		if r.Inode == 0 {
			return "This side closed; the other program has not closed its end yet. " +
				"No process holds it here, so the kernel drops it after a while (tcp_fin_timeout, normally 60 s)."
		}
		return "This side closed for sending; the other program has not closed its end yet. " +
			"The process still holds it and can read. It waits for as long as the process likes."
	case TimeWait: // TCP_TIMEWAIT_LEN is 60 s in include/net/tcp.h
		return "Both sides have closed. The kernel keeps the pair of addresses for 60 s, so that late packets " +
			"cannot get into a new connection. Nobody need act: it goes by itself."
	case Close:
		return "Not connected: it was reset, or not used yet. The process may close it or connect again."
	case CloseWait:
		if r.Inode == 0 {
			return "The other side closed before any process here accepted the connection. " +
				"It stays in the listener's queue until the listening process takes it."
		}
		return "The other side closed; this process has not closed its end yet. " +
			"If it stays, the process leaks the socket."
	case LastAck:
		return "Both sides closed. The other host has not acknowledged our close yet. " +
			"The kernel sends it again for a while, then gives up."
	case Listen:
		return "Waits for others to connect."
	case Closing:
		return "Both sides closed at the same time. The other host has not acknowledged our close yet. " +
			"The kernel sends it again for a while, then gives up."
	case Bound: // TCP_BOUND_INACTIVE, Linux 6.8
		return "Holds its local port, but neither listens nor is connected. The process must act next."
	}
	return "A state that sockview does not know."
}

// ExplainQueues says what Recv-Q and Send-Q tell about which side is slow, on a listener how full its queue
// is. It says nothing where the queues are not known, or are empty.
func ExplainQueues(r *Socket) []string {
	switch {
	case r.Has&HasQueues == 0, r.Dead:
		return nil
	case !r.Proto.HasHandshake():
		return udpQueues(r)
	case r.State == Listen:
		return []string{backlog(r)}
	case r.State == TimeWait:
		return nil
	}
	var lines []string
	if r.RecvQ != 0 {
		lines = append(lines, unread(r))
	}
	if r.SendQ != 0 {
		lines = append(lines, unacknowledged(r))
	}
	return lines
}

// udpQueues: Recv-Q is sk_rmem_alloc, Send-Q sk_wmem_alloc (net/ipv4/udp_diag.c, udp_diag_get_info): memory,
// with the kernel's overhead, not payload.
func udpQueues(r *Socket) []string {
	var lines []string
	if r.RecvQ != 0 {
		lines = append(lines, "Recv-Q: datagrams wait to be read; with the kernel's overhead they take "+
			counted(r.RecvQ, "byte")+". This process is slower than its senders. "+
			"When its buffer is full, further datagrams are dropped.")
	}
	if r.SendQ != 0 {
		lines = append(lines, "Send-Q: datagrams have not left this host yet; with the kernel's overhead they take "+
			counted(r.SendQ, "byte")+". If it stays, the network interface is the slow part.")
	}
	return lines
}

// backlog: on a listener Recv-Q is sk_ack_backlog, Send-Q sk_max_ack_backlog (net/ipv4/tcp_diag.c,
// tcp_diag_get_info). It is full when the first is greater than the second (sk_acceptq_is_full in
// include/net/sock.h). /proc/net/tcp does not give the limit and has 0 there.
func backlog(r *Socket) string {
	wait := counted(r.RecvQ, "connection") + " not accepted yet"
	limit := strconv.FormatUint(uint64(r.SendQ), 10)
	switch {
	case r.SendQ == 0 && r.RecvQ == 0:
		return "Recv-Q: no connection waits to be accepted."
	case r.SendQ == 0:
		return "Recv-Q: " + wait + ". If it stays, this process accepts too slowly."
	case r.RecvQ == 0:
		return "Recv-Q: no connection waits to be accepted. Send-Q: the limit (backlog) is " + limit + "."
	case r.RecvQ > r.SendQ:
		return "Recv-Q: the queue is full: " + wait + ", and the limit (backlog) is " + limit +
			". New connections are ignored until this process accepts some."
	case uint64(r.RecvQ)*10 >= uint64(r.SendQ)*8:
		return "Recv-Q: the queue is nearly full: " + wait + ", and the limit (backlog) is " + limit +
			". This process accepts too slowly."
	}
	return "Recv-Q: " + wait + ", and the limit (backlog) is " + limit +
		". If it stays or grows, this process accepts too slowly."
}

// unread: Recv-Q is rcv_nxt - copied_seq. A FIN takes one sequence number (RFC 9293 s3.4), and recv(2)
// passes it only after all data, so that an unread FIN is the last one of them.
func unread(r *Socket) string {
	n := r.RecvQ
	if r.Inode == 0 && (r.State == Established || r.State == CloseWait) {
		return "Recv-Q: " + counted(n, "byte") + " not read yet: no process has accepted the connection."
	}
	if r.State.FinReceived() {
		if n == 1 {
			return "Recv-Q: the 1 is the other side's close, which counts as one byte. " +
				"This process has not noticed it yet: it does not read."
		}
		return "Recv-Q: " + counted(n-1, "byte") + " and the other side's close, which counts as one byte more, " +
			"not read yet. This process does not read, or is slow."
	}
	return "Recv-Q: " + counted(n, "byte") + " not read yet. If it stays, this process is the slow side. " +
		"When its buffer is full, the other side is told to stop."
}

// unacknowledged: Send-Q is write_seq - snd_una. A SYN and a FIN take one sequence number each (RFC 9293
// s3.4).
func unacknowledged(r *Socket) string {
	n := r.SendQ
	switch r.State {
	case SynSent, SynRecv, newSynRecv:
		if n == 1 {
			return "Send-Q: the 1 is the request for the connection itself, which counts as one byte."
		}
	case FinWait1, Closing, LastAck:
		if n == 1 {
			return "Send-Q: the 1 is our close, which counts as one byte. The other host has not acknowledged it."
		}
		return "Send-Q: " + counted(n-1, "byte") + " and our close, which counts as one byte more, not " +
			"acknowledged yet. " + slowSender(r)
	}
	return "Send-Q: " + counted(n, "byte") + " not acknowledged by the other host yet. " + slowSender(r)
}

// slowSender says which side holds up what this side sends. Probes run while the other side's receive
// window is closed (RFC 9293 s3.8.6.1).
func slowSender(r *Socket) string {
	switch {
	case r.Timer == TimerProbe:
		return "The other side has no room for more: its program reads too slowly."
	case r.Timer == TimerRetransmit && r.Retries > 0:
		return "The network loses packets, or the other host is gone."
	}
	return "Some are normal while it sends. If it stays, the network or the other side is slow."
}

// ExplainListener says whom a listener, or a UDP socket that is not connected, is open to; "" for any other.
func ExplainListener(r *Socket) string {
	if !r.IsListening() {
		return ""
	}
	a := r.Local.Netip()
	var text string
	switch {
	case r.Local == (Addr{}) && r.Family == IPv6: // IPV6_V6ONLY, ipv6(7)
		text = "Open to everybody: every IPv6 address of this host, and every IPv4 address as well, " +
			"unless the process asked for IPv6 only."
	case r.Local.IsUnspecified():
		text = "Open to everybody: every IPv4 address of this host."
	case r.Local.IsLoopback():
		text = "Open to programs on this host only (loopback)."
	case a.IsMulticast():
		text = "Takes what is sent to the multicast group " + a.String() + "."
	case a.IsLinkLocalUnicast():
		text = "Open on one address of this host, " + a.String() + ", which only the same local network can reach."
	default:
		text = "Open on one address of this host only: " + a.String() + "."
	}
	if r.Interface != 0 && !r.Local.IsLoopback() { // SO_BINDTODEVICE, socket(7)
		text += " Only through the interface it is bound to."
	}
	if !r.Local.IsLoopback() && !r.Dead {
		text += " A firewall may still keep others out."
	}
	return text
}

// ExplainTimer says which timer of r runs, how often it fired in vain, and what it means; "" for a socket
// that has no timers. Which timer is reported and what Retries and Probes count: net/ipv4/inet_diag.c,
// inet_sk_diag_fill.
func ExplainTimer(r *Socket) string {
	if r.Dead || !r.Proto.HasHandshake() || r.State == Listen || r.State == Bound || r.State == Close {
		return ""
	}
	switch r.Timer {
	case TimerOff:
		return "No timer runs: nothing sent waits for an answer."
	case TimerRetransmit:
		return retransmitTimer(r)
	case TimerKeepalive:
		return keepaliveTimer(r)
	case TimerTimeWait:
		if r.State == FinWait2 {
			return "The kernel drops this connection " + expiry(r) + ", if the other side has not closed by then."
		}
		return "The kernel forgets this connection " + expiry(r) + "."
	case TimerProbe:
		// The zero window probe, RFC 9293 s3.8.6.1. One of the first may well go unanswered: the other host
		// bounds how often it answers (tcp_invalid_ratelimit).
		text := "The other side has no room for more data. This side asks again " + expiry(r) + "."
		if r.Probes > 0 {
			text += " It has asked " + times(r.Probes) + " without an answer. If that grows, the other host may be gone."
		}
		return text
	}
	return "A timer that sockview does not know."
}

// retransmitTimer: Retries is icsk_retransmits, or num_retrans of a request: 0 again at each acknowledgement.
func retransmitTimer(r *Socket) string {
	again := "What was sent last is not acknowledged yet. The kernel sends it again "
	vain := "the network loses packets, or the other host is gone."
	switch r.State {
	case SynSent:
		again = "The request for the connection is not answered yet. The kernel sends it again "
		vain = "a firewall drops it, or the other host is down."
	case SynRecv, newSynRecv:
		again = "The other host has not confirmed our answer to its request. The kernel sends it again "
		vain = "the answers get lost, or the request was forged."
	}
	text := again + expiry(r) + "."
	if r.Retries > 0 {
		text += " It has sent it again " + times(r.Retries) + " without an answer: " + vain
	}
	return text
}

// keepaliveTimer: the same timer ends an orphan in FIN_WAIT2 (net/ipv4/tcp_timer.c, tcp_keepalive_timer).
// Probes is icsk_probes_out.
func keepaliveTimer(r *Socket) string {
	if r.State == FinWait2 && r.Inode == 0 {
		return "The kernel stops waiting for the other side's close " + expiry(r) + "."
	}
	text := "Keepalive is on: when the connection is quiet for long, the kernel asks the other host whether it " +
		"is still there. The next check is " + expiry(r) + "."
	if r.Probes > 0 {
		text += " It has asked " + times(r.Probes) + " without an answer. If that grows, the other host may be gone."
	}
	return text
}

// ExplainOwner says why r has no owner and what would show it, or that its owner holds it no more; "" when a
// process holds it.
func ExplainOwner(r *Socket) string {
	if r.Owner >= 0 {
		switch {
		case r.Inferred:
			return "It was gone before anybody was seen to hold it. The process shown is whom it must have been of: the " +
				"only one seen at the same end."
		case r.Was:
			return "The process shown held this socket and has let go of it. The kernel finishes the rest by itself."
		}
		return ""
	}
	switch r.Why {
	case NoPermission:
		return "It belongs to a process of another user, or to one that the system protects: we may not look into it. Run " +
			"sockview as root, or give it the capabilities cap_sys_ptrace and cap_dac_read_search (see the README). Or " +
			"nobody holds it just now: one that is on its way from one process to another over a unix socket has no holder."
	case NoProcess:
		if r.Inode == 0 {
			return "No process holds it: its process has closed it or exited. The kernel finishes the rest by itself."
		}
		return "No process that we can see holds it. The kernel itself uses some sockets (NFS, WireGuard), and one that is " +
			"on its way from one process to another over a unix socket has no holder. " +
			"From inside a container, processes outside cannot be seen: run sockview on the host."
	case NotAccepted:
		if r.State == SynRecv || r.State == newSynRecv {
			return "The connection is still being set up, so no process has it yet. " +
				"It will go to the process that listens on this port."
		}
		return "No process has accepted this connection yet. It waits in the queue of the process that listens " +
			"on this port."
	case InTimeWait:
		return "In TIME_WAIT no process holds a socket any more, and the kernel does not keep whose it was."
	case TooShort:
		return "It lived and died between two looks. The kernel tells of its end, and not whose it was."
	case Exited:
		return "The process that held it has exited."
	case OtherNetNS:
		return "Its network namespace belongs to processes that we cannot see. Run sockview as root on the host."
	case Stale:
		return "The search for owners failed; the header says why."
	case NotGiven, NotApplicable:
		return "The kernel does not say who holds a socket of this kind."
	}
	return "The search for its process is not done yet. The next samples will show it."
}

// counted is n of something, as "1 byte" or "20 bytes".
func counted(n uint32, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.FormatUint(uint64(n), 10) + " " + what + "s"
}

func times(n uint8) string {
	if n == 1 {
		return "once"
	}
	return strconv.Itoa(int(n)) + " times"
}

// expiry is when the timer fires: "in 200ms", or "now" when it is due.
func expiry(r *Socket) string {
	if r.Expires == 0 {
		return "now"
	}
	return "in " + strings.TrimSpace(string(AppendDuration(nil, time.Duration(r.Expires)*time.Millisecond)))
}

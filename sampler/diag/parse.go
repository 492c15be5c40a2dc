package diag

// This file turns one message, a struct inet_diag_msg with its attributes, into a model.Socket. It makes
// no garbage: it runs for every socket of the host, every second.

import (
	"encoding/binary"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// diagMsgSize is sizeof(struct inet_diag_msg), linux/inet_diag.h.
const diagMsgSize = 72

// parser parses the rows of one Conn's answers.
type parser struct {
	proto      model.Proto // what was asked for: a row does not say
	congestion *names
}

// socket parses the body of a SOCK_DIAG_BY_FAMILY message into s, whose old content does not matter. On
// an error s is the zero Socket.
func (p *parser) socket(s *model.Socket, b []byte) error {
	*s = model.Socket{}
	if len(b) < diagMsgSize {
		return errShort
	}
	if !p.header(s, b) {
		*s = model.Socket{}
		return errFamily
	}
	rest := b[diagMsgSize:]
	for len(rest) > 0 {
		var kind uint16
		var v []byte
		if kind, v, rest = attribute(rest); kind == badAttribute {
			*s = model.Socket{}
			return errAttribute
		}
		ok := true
		switch kind {
		case attrInfo:
			p.info(s, v)
		case attrPeers:
			if p.proto == model.SCTP {
				association(s, b[1])
			}
		case attrCong:
			ok = len(v) > 0
			if i, known := p.congestion.index(v); ok && known {
				s.Cong = i
				s.Has |= model.HasCong
			}
		case attrMark:
			if ok = len(v) >= 4; ok {
				s.FwMark = binary.NativeEndian.Uint32(v)
				s.Has |= model.HasMark
			}
		}
		if !ok {
			*s = model.Socket{}
			return errAttribute
		}
	}
	return nil
}

// header parses struct inet_diag_msg. It says false for a family that is neither IPv4 nor IPv6.
func (p *parser) header(s *model.Socket, b []byte) bool {
	_ = b[diagMsgSize-1]
	native := binary.NativeEndian
	switch b[0] {
	case unix.AF_INET:
		s.Family = model.IPv4
		s.Local[10], s.Local[11] = 0xff, 0xff
		s.Remote[10], s.Remote[11] = 0xff, 0xff
		copy(s.Local[12:], b[8:12])
		copy(s.Remote[12:], b[24:28])
	case unix.AF_INET6:
		s.Family = model.IPv6
		copy(s.Local[:], b[8:24])
		copy(s.Remote[:], b[24:40])
	default:
		return false
	}
	s.Proto = p.proto
	s.RemotePort = binary.BigEndian.Uint16(b[6:])
	s.State = state(p.proto, b[1], s.RemotePort)
	s.Timer = model.Timer(b[2])
	if s.Timer == model.TimerKeepalive || s.Timer == model.TimerProbe {
		s.Probes = b[3] // icsk_probes_out
	} else {
		s.Retries = b[3] // icsk_retransmits, or num_timeout of a request
	}
	s.LocalPort = binary.BigEndian.Uint16(b[4:])
	if p.proto == model.Raw {
		s.RemotePort = 0 // what connect(2) was given: packets have no such thing
	}
	s.Interface = native.Uint32(b[40:])
	s.Cookie = cookieOf(b)
	s.Expires = native.Uint32(b[52:])
	s.RecvQ = native.Uint32(b[56:])
	s.SendQ = native.Uint32(b[60:])
	s.UID = native.Uint32(b[64:])
	s.Inode = native.Uint32(b[68:])
	s.Has = model.HasQueues
	// TIME_WAIT and SYN_RECV are no whole sockets: the kernel writes uid 0 for want of one.
	if s.UID != 0 || s.State != model.TimeWait && s.State != model.SynRecv {
		s.Has |= model.HasUID
	}
	s.Owner = -1
	return true
}

// cookieOf is the cookie in a struct inet_diag_msg, 0 when it is too short: two words, the low one first.
func cookieOf(b []byte) uint64 {
	if len(b) < diagMsgSize {
		return 0
	}
	return uint64(binary.NativeEndian.Uint32(b[44:])) | uint64(binary.NativeEndian.Uint32(b[48:]))<<32
}

// state is the model's state for idiag_state. A TCP socket that is dumped as TCP_CLOSE is bound to a port and
// nothing more, unless it has a remote end: then its connection is over and its process keeps it open. A
// number of a kernel newer than we know is StateUnknown.
func state(p model.Proto, n byte, remotePort uint16) model.State {
	switch {
	case n == tcpNewSynRecv:
		return model.SynRecv
	case n == tcpBoundInactive, p == model.TCP && n == byte(model.Close) && remotePort == 0:
		return model.Bound
	case n > byte(model.Closing):
		return model.StateUnknown
	}
	return model.State(n)
}

// sctpStates are the model's states for an association's (enum sctp_state, linux/sctp.h), where the words mean
// the same to people. Both COOKIE states are of the end that connects: the other one keeps no state until the
// association is there. In SHUTDOWN_PENDING our program has closed and what it wrote is still on its way.
var sctpStates = [...]model.State{
	model.Close,       // CLOSED
	model.SynSent,     // COOKIE_WAIT
	model.SynSent,     // COOKIE_ECHOED
	model.Established, // ESTABLISHED
	model.FinWait1,    // SHUTDOWN_PENDING
	model.FinWait1,    // SHUTDOWN_SENT
	model.CloseWait,   // SHUTDOWN_RECEIVED
	model.LastAck,     // SHUTDOWN_ACK_SENT
}

// association makes s a row of an SCTP association, which has states of its own: the kernel gives a row for
// the socket, whose states are numbered as TCP's, and one for each of its associations, which alone has
// INET_DIAG_PEERS. The cookie in it is the socket's and names no association, so it is left out.
func association(s *model.Socket, n byte) {
	s.State, s.Cookie = model.StateUnknown, 0
	if int(n) < len(sctpStates) {
		s.State = sctpStates[n]
	}
	if s.Timer != model.TimerOff {
		s.Timer = model.TimerRetransmit // SCTP_EVENT_TIMEOUT_T3_RTX, by SCTP's own number
	}
	s.Retries, s.Probes = s.Retries+s.Probes, 0
}

// badAttribute is a type no attribute has: NLA_TYPE_MASK leaves 14 bits.
const badAttribute = 0xffff

// attribute splits the first attribute (struct nlattr) off b. It says badAttribute when it is shorter than
// its header or longer than b.
func attribute(b []byte) (kind uint16, value, rest []byte) {
	if len(b) < unix.SizeofNlAttr {
		return badAttribute, nil, nil
	}
	size := int(binary.NativeEndian.Uint16(b))
	if size < unix.SizeofNlAttr || size > len(b) {
		return badAttribute, nil, nil
	}
	kind = binary.NativeEndian.Uint16(b[2:]) & nlaTypeMask
	return kind, b[unix.SizeofNlAttr:size], b[min(align(size), len(b)):]
}

// nlaTypeMask takes NLA_F_NESTED and NLA_F_NET_BYTEORDER away (linux/netlink.h).
const nlaTypeMask = 0x3fff

// Offsets in struct tcp_info (linux/tcp.h) of what a row shows. tcpInfoFields has all of them.
const (
	infoState         = 0
	infoRetransmits   = 2
	infoProbes        = 3
	infoSndMSS        = 16
	infoPMTU          = 60
	infoRTT           = 68
	infoRTTVar        = 72
	infoSndCwnd       = 80
	infoTotalRetrans  = 100
	infoBytesAcked    = 120
	infoBytesReceived = 128
	infoSegsOut       = 136
	infoSegsIn        = 140
	infoDeliveryRate  = 160
	infoBytesSent     = 200
	infoBytesRetrans  = 208
)

// info takes from struct tcp_info what it is long enough for: it grew over the years, and a figure that it
// does not hold is unknown.
func (p *parser) info(s *model.Socket, v []byte) {
	if p.proto != model.TCP || s.State == model.Listen || s.State == model.Bound || s.State == model.Close {
		return
	}
	p.take(s, v)
}

// take takes the figures of a connection.
func (p *parser) take(s *model.Socket, v []byte) {
	native := binary.NativeEndian
	if len(v) > infoProbes { // idiag_retrans is only one of the two
		s.Retries, s.Probes = v[infoRetransmits], v[infoProbes]
	}
	if len(v) >= infoTotalRetrans+4 {
		s.MSS = native.Uint32(v[infoSndMSS:])
		s.PMTU = native.Uint32(v[infoPMTU:])
		s.RTT = native.Uint32(v[infoRTT:])
		s.RTTVar = native.Uint32(v[infoRTTVar:])
		s.Cwnd = native.Uint32(v[infoSndCwnd:])
		s.Retrans = native.Uint32(v[infoTotalRetrans:])
		s.Has |= model.HasPath
	}
	if len(v) >= infoSegsIn+4 {
		s.SentPackets = native.Uint32(v[infoSegsOut:])
		s.ReceivedPackets = native.Uint32(v[infoSegsIn:])
		s.Has |= model.HasPackets
	}
	if len(v) >= infoDeliveryRate+8 {
		// A rate that was measured is never 0 (tcp_compute_delivery_rate).
		if s.DeliveryRate = native.Uint64(v[infoDeliveryRate:]); s.DeliveryRate != 0 {
			s.Has |= model.HasDelivery
		}
	}
	if len(v) >= infoBytesRetrans+8 {
		payload(s, v)
	}
}

// payload takes the byte counters; the package comment says what they are. The state that tells of the FIN
// is tcp_info's own: it is read with the counters, idiag_state a moment before.
func payload(s *model.Socket, v []byte) {
	native := binary.NativeEndian
	sent, again := native.Uint64(v[infoBytesSent:]), native.Uint64(v[infoBytesRetrans:])
	if again > sent {
		return // more sent again than sent: a retransmit counts even when the clone for it fails
	}
	received := native.Uint64(v[infoBytesReceived:])
	if received > 0 && model.State(v[infoState]).FinReceived() {
		received--
	}
	s.Sent, s.Received = sent-again, received
	s.Has |= model.HasBytes
}

// names gives each name a small number, so that a record holds no string. One goroutine adds to them, any may read all.
type names struct {
	raw  []string
	safe atomic.Pointer[[]model.Text]
}

func newNames() *names {
	n := &names{raw: []string{""}}
	n.safe.Store(&[]model.Text{{}})
	return n
}

// maxNames bounds what a number can tell apart. The kernel has fewer than 20 congestion algorithms.
const maxNames = 256

// index is the number of a name, a C string. It says false when there are too many.
func (n *names) index(b []byte) (uint8, bool) {
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	for i, name := range n.raw {
		if name == string(b) {
			return uint8(i), true
		}
	}
	if len(n.raw) >= maxNames {
		return 0, false
	}
	n.raw = append(n.raw, string(b))
	safe := append(*n.safe.Load(), model.SafeText(string(b)))
	n.safe.Store(&safe)
	return uint8(len(n.raw) - 1), true
}

func (n *names) all() []model.Text {
	safe := *n.safe.Load()
	return safe[:len(safe):len(safe)]
}

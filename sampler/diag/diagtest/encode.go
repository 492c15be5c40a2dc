package diagtest

// This file encodes sockets as the kernel does: netlink messages with struct inet_diag_msg and attributes.

import (
	"encoding/binary"
	"syscall"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// Sizes and numbers of linux/netlink.h, linux/inet_diag.h and linux/unix_diag.h.
const (
	headerSize = 16
	msgSize    = 72
	attrInfo   = 2
	attrCong   = 4
	attrMark   = 15

	unixReqSize  = 24
	unixMsgSize  = 16
	unixName     = 0
	unixPeer     = 2
	unixIcons    = 3
	unixRQLen    = 4
	unixShutdown = 6
	unixUID      = 7
)

// datagramSize is where a new datagram is begun, as the kernel does.
const datagramSize = 32 << 10

var native = binary.NativeEndian

// appendMessage appends a netlink message whose body is written by body. The sequence number is left 0.
func appendMessage(b []byte, kind, flags uint16, body func([]byte) []byte) []byte {
	start := len(b)
	b = append(b, make([]byte, headerSize)...)
	b = body(b)
	native.PutUint32(b[start:], uint32(len(b)-start))
	native.PutUint16(b[start+4:], kind)
	native.PutUint16(b[start+6:], flags)
	return pad(b)
}

func pad(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// appendErrno appends NLMSG_ERROR or NLMSG_DONE.
func appendErrno(b []byte, kind, flags uint16, errno syscall.Errno) []byte {
	return appendMessage(b, kind, flags, func(b []byte) []byte {
		return native.AppendUint32(b, uint32(-int32(errno)))
	})
}

// AppendSocket appends the body of a SOCK_DIAG_BY_FAMILY message for s. Its tcp_info is as long as the
// Has bits of s need, and missing when they need none.
func AppendSocket(b []byte, s *model.Socket, congestion []string) []byte {
	start := len(b)
	b = append(b, make([]byte, msgSize)...)
	m := b[start:]
	m[0] = unix.AF_INET
	if s.Family == model.IPv6 {
		m[0] = unix.AF_INET6
	}
	m[1] = byte(s.State)
	if s.State == model.Bound {
		m[1] = byte(model.Close)
	}
	m[2], m[3] = byte(s.Timer), s.Retries
	if s.Timer == model.TimerKeepalive || s.Timer == model.TimerProbe {
		m[3] = s.Probes
	}
	binary.BigEndian.PutUint16(m[4:], s.LocalPort)
	binary.BigEndian.PutUint16(m[6:], s.RemotePort)
	if s.Family == model.IPv6 {
		copy(m[8:], s.Local[:])
		copy(m[24:], s.Remote[:])
	} else {
		copy(m[8:12], s.Local[12:])
		copy(m[24:28], s.Remote[12:])
	}
	native.PutUint32(m[40:], s.Interface)
	native.PutUint32(m[44:], uint32(s.Cookie))
	native.PutUint32(m[48:], uint32(s.Cookie>>32))
	for i, n := range []uint32{s.Expires, s.RecvQ, s.SendQ, s.UID, s.Inode} {
		native.PutUint32(m[52+4*i:], n)
	}
	if info := tcpInfo(s); info != nil {
		b = AppendAttribute(b, attrInfo, info)
	}
	if s.Has&model.HasCong != 0 && int(s.Cong) < len(congestion) {
		b = AppendAttribute(b, attrCong, append([]byte(congestion[s.Cong]), 0))
	}
	if s.Has&model.HasMark != 0 {
		b = AppendAttribute(b, attrMark, native.AppendUint32(nil, s.FwMark))
	}
	return b
}

// AppendUnix appends the body of a SOCK_DIAG_BY_FAMILY message for s, whose Path is a path or, with "@" before
// it, an abstract name. icons are the inodes of those who wait to be accepted, if it listens.
func AppendUnix(b []byte, s *model.UnixSocket, icons []uint32) []byte {
	start := len(b)
	b = append(b, make([]byte, unixMsgSize)...)
	m := b[start:]
	m[0], m[1], m[2] = unix.AF_UNIX, byte(s.Type), unixStateNumber(s.State)
	native.PutUint32(m[4:], s.Inode)
	native.PutUint32(m[8:], uint32(s.Cookie))
	native.PutUint32(m[12:], uint32(s.Cookie>>32))
	switch name := s.Path.String(); {
	case name == "":
	case name[0] == '@':
		b = AppendAttribute(b, unixName, append([]byte{0}, name[1:]...))
	default:
		b = AppendAttribute(b, unixName, append([]byte(name), 0))
	}
	if s.PeerInode != 0 || s.State == model.UnixConnected && s.Type != model.UnixDatagram {
		b = AppendAttribute(b, unixPeer, native.AppendUint32(nil, s.PeerInode))
	}
	if s.State == model.UnixListening {
		var v []byte
		for _, inode := range icons {
			v = native.AppendUint32(v, inode)
		}
		b = AppendAttribute(b, unixIcons, v)
	}
	if s.HasQueues {
		b = AppendAttribute(b, unixRQLen, native.AppendUint32(native.AppendUint32(nil, s.RecvQ), s.SendQ))
	}
	b = AppendAttribute(b, unixShutdown, []byte{s.Shutdown})
	if s.HasUID {
		b = AppendAttribute(b, unixUID, native.AppendUint32(nil, s.UID))
	}
	return b
}

// unixStateNumber is the sk_state of a unix socket.
func unixStateNumber(s model.UnixState) byte {
	switch s {
	case model.UnixListening:
		return byte(model.Listen)
	case model.UnixConnected:
		return byte(model.Established)
	}
	return byte(model.Close)
}

// AppendAttribute appends a struct nlattr.
func AppendAttribute(b []byte, kind uint16, value []byte) []byte {
	b = native.AppendUint16(b, uint16(4+len(value)))
	b = native.AppendUint16(b, kind)
	return pad(append(b, value...))
}

// tcpInfo is the struct tcp_info of s, of the length of the oldest kernel that has all s.Has says.
func tcpInfo(s *model.Socket) []byte {
	if s.Proto != model.TCP {
		return nil
	}
	size := 0
	for _, g := range []struct {
		has  model.Has
		size int
	}{{model.HasPath, 104}, {model.HasPackets, 144}, {model.HasDelivery, 168}, {model.HasBytes, 280}} {
		if s.Has&g.has != 0 {
			size = g.size
		}
	}
	if size == 0 {
		return nil
	}
	v := make([]byte, 280)
	v[0], v[2], v[3] = byte(s.State), s.Retries, s.Probes
	for offset, n := range map[int]uint32{
		16: s.MSS, 60: s.PMTU, 68: s.RTT, 72: s.RTTVar, 80: s.Cwnd, 100: s.Retrans, 136: s.SentPackets,
		140: s.ReceivedPackets,
	} {
		native.PutUint32(v[offset:], n)
	}
	received := s.Received
	if s.State.FinReceived() {
		received++
	}
	again := uint64(s.Retrans) * uint64(s.MSS)
	for offset, n := range map[int]uint64{128: received, 160: s.DeliveryRate, 200: s.Sent + again, 208: again} {
		native.PutUint64(v[offset:], n)
	}
	return v[:size]
}

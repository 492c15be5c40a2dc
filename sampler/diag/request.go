package diag

// This file encodes requests: struct nlmsghdr and struct inet_diag_req_v2 (linux/inet_diag.h).

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// Attributes of an answer, INET_DIAG_* of linux/inet_diag.h.
const (
	attrInfo      = 2 // struct tcp_info
	attrVegas     = 3
	attrCong      = 4
	attrTOS       = 5
	attrTClass    = 6
	attrSKMemInfo = 7
	attrShutdown  = 8
	attrDCTCP     = 9
	attrSKV6Only  = 11
	attrPeers     = 13 // SCTP: addresses of the other end
	attrMark      = 15
	attrBBR       = 16
	attrClassID   = 17
	attrMD5Sig    = 18
	attrULPInfo   = 19
	attrCgroupID  = 21
	attrSockopt   = 22
)

// Attributes to ask for: idiag_ext has a bit for each of the first eight. The others come by themselves.
const (
	extDump = 1<<(attrInfo-1) | 1<<(attrCong-1)
	extAll  = extDump | 1<<(attrVegas-1) | 1<<(attrTOS-1) | 1<<(attrTClass-1) | 1<<(attrSKMemInfo-1) |
		1<<(attrShutdown-1)
)

// Kernel states that model.State leaves out (include/net/tcp_states.h).
const (
	tcpNewSynRecv    = 12
	tcpBoundInactive = 13 // only in a mask: such sockets come as state 7, TCP_CLOSE
)

// allStates is a mask with every state. TCP_ALL (0xfff) is not all: it lacks the two above.
const allStates = 1<<(tcpBoundInactive+1) - 1

// idleStates are the states of a TCP socket without a remote end.
const idleStates = 1<<model.Listen | 1<<model.Close | 1<<tcpBoundInactive

// Sizes in struct inet_diag_req_v2 and struct inet_diag_sockid.
const (
	reqV2Size   = 56
	requestSize = unix.NLMSG_HDRLEN + reqV2Size
)

// query is one request.
type query struct {
	kind   uint16 // SOCK_DIAG_BY_FAMILY or SOCK_DESTROY
	flags  uint16 // besides NLM_F_REQUEST
	proto  model.Proto
	family model.Family
	ext    uint8
	states uint32
	// The socket, for a request that is exact. A dump takes local.port as a filter, 0 being any.
	local, remote end
	device        uint32
	cookie        uint64
}

// end is one end of a connection.
type end struct {
	addr model.Addr
	port uint16
}

// encode writes q to c.request. send fills in the sequence number.
func (c *Conn) encode(q *query) {
	c.request = c.request[:requestSize]
	clear(c.request)
	native := binary.NativeEndian
	native.PutUint32(c.request, requestSize)
	native.PutUint16(c.request[4:], q.kind)
	native.PutUint16(c.request[6:], unix.NLM_F_REQUEST|q.flags)
	b := c.request[unix.NLMSG_HDRLEN:]
	b[0] = unix.AF_INET
	if q.family == model.IPv6 {
		b[0] = unix.AF_INET6
	}
	b[1] = byte(q.proto)
	b[2] = q.ext
	native.PutUint32(b[4:], q.states)
	id := b[8:]
	binary.BigEndian.PutUint16(id[0:], q.local.port)
	binary.BigEndian.PutUint16(id[2:], q.remote.port)
	putAddr(id[4:20], q.local.addr, q.family)
	putAddr(id[20:36], q.remote.addr, q.family)
	native.PutUint32(id[36:], q.device)
	// Two host-order words, the low one first, whatever the byte order (sock_diag_save_cookie).
	native.PutUint32(id[40:], uint32(q.cookie))
	native.PutUint32(id[44:], uint32(q.cookie>>32))
}

// tcpdiagGetSock is TCPDIAG_GETSOCK (linux/inet_diag.h), what sock_diag was before it had families: the answer has both.
const tcpdiagGetSock = 18

// reqV1Size is sizeof(struct inet_diag_req): family and prefix lengths, of no use in a dump; ext, a struct
// inet_diag_sockid of 48 bytes, states, and an unused word.
const reqV1Size = 60

// encodeBoth writes the request for TCP sockets of both families to c.request.
func (c *Conn) encodeBoth() {
	const size = unix.NLMSG_HDRLEN + reqV1Size
	c.request = c.request[:size]
	clear(c.request)
	native := binary.NativeEndian
	native.PutUint32(c.request, size)
	native.PutUint16(c.request[4:], tcpdiagGetSock)
	native.PutUint16(c.request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	b := c.request[unix.NLMSG_HDRLEN:]
	b[3] = c.ext()
	native.PutUint32(b[52:], allStates)
}

func putAddr(b []byte, a model.Addr, f model.Family) {
	if f == model.IPv6 {
		copy(b, a[:])
		return
	}
	if a.Is4() {
		copy(b, a[12:])
	}
}

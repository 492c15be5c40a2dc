// Package diagtest plays the kernel's side of sock_diag for tests: a Peer is a diag.Transport that answers
// requests with sockets, or fails in the ways the kernel does.
package diagtest

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// tcpdiagGetSock asks for TCP sockets of both families (linux/inet_diag.h).
const tcpdiagGetSock = 18

// Fault is a way in which an answer goes wrong. All but the last make a dump partial.
type Fault uint8

// The faults.
const (
	Whole         Fault = iota
	Interrupted         // NLM_F_DUMP_INTR on every message
	Truncated           // the last datagram is cut in the middle of a message
	NoDone              // the end never comes
	WrongSequence       // one message has a sequence number of no request
	Overrun             // a receive fails with ENOBUFS
	BadRow              // one row more, that does not parse: the dump is whole
)

// Answer is what the Peer answers for a protocol and family. Without one it is an empty dump.
type Answer struct {
	Sockets    []model.Socket
	Unix       []model.UnixSocket // for SetUnix
	Congestion []string           // names; Socket.Cong is an index
	Err        syscall.Errno      // every request is refused with it
	Fault      Fault              // what goes wrong with a dump
	DestroyErr syscall.Errno      // closing is refused with it
}

// Request is one request that the Peer got.
type Request struct {
	Destroy, Dump bool
	Proto         model.Proto
	Family        model.Family
	Cookie        uint64
}

// Peer is a fake kernel. It may be used by several goroutines.
type Peer struct {
	// Cookie and CookieErr are the answer to NetNSCookie. Set them before the Peer is used.
	Cookie    uint64
	CookieErr syscall.Errno
	// Links are the names of the interfaces by their index. Set them before the Peer is used.
	Links map[uint32]string

	mu       sync.Mutex
	answers  map[source]*prepared
	queue    []packet
	hold     map[source]*hold
	waiting  *hold // what the request under way waits for
	closed   chan struct{}
	requests []Request
}

type source struct {
	proto  model.Proto
	family model.Family
}

// prepared is an answer with its dump encoded once: tests ask for it often.
type prepared struct {
	Answer
	dump []packet
}

// packet is one result of Receive.
type packet struct {
	data []byte
	err  syscall.Errno
}

type hold struct {
	asked, release chan struct{}
	once           sync.Once
}

// NewPeer is a Peer without sockets, in a namespace with cookie 1.
func NewPeer() *Peer {
	return &Peer{
		Cookie: 1, answers: make(map[source]*prepared), hold: make(map[source]*hold), closed: make(chan struct{}),
	}
}

// Set says what is answered for p and f from the next request on.
func (p *Peer) Set(proto model.Proto, family model.Family, a Answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers[source{proto, family}] = prepare(a)
}

// SetUnix says what is answered about unix sockets from the next request on: a.Unix. One in the state UnixConnecting
// is not sent: its PeerInode is told of the listener that has its Path. In what is recorded such a request has
// neither protocol nor family, and so it is named to Block.
func (p *Peer) SetUnix(a Answer) { p.Set(0, 0, a) }

// Block makes the answer to the next request for p and f wait until release is called. asked is closed when
// that request came.
func (p *Peer) Block(proto model.Proto, family model.Family) (asked <-chan struct{}, release func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := &hold{asked: make(chan struct{}), release: make(chan struct{})}
	p.hold[source{proto, family}] = h
	return h.asked, func() { h.once.Do(func() { close(h.release) }) }
}

// Requests are the requests so far.
func (p *Peer) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// NetNSCookie is Cookie, or fails with CookieErr.
func (p *Peer) NetNSCookie() (uint64, error) {
	if p.CookieErr != 0 {
		return 0, p.CookieErr
	}
	return p.Cookie, nil
}

// LinkName is the one in Links, or fails with ENODEV.
func (p *Peer) LinkName(index uint32) (string, error) {
	name, ok := p.Links[index]
	if !ok {
		return "", syscall.ENODEV
	}
	return name, nil
}

// Close ends what is blocked.
func (p *Peer) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.closed:
		return syscall.EBADF
	default:
		close(p.closed)
		return nil
	}
}

// Send takes a request and queues its answer.
func (p *Peer) Send(m []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.closed:
		return syscall.EBADF
	default:
	}
	r, port, ok := parseRequest(m)
	if !ok {
		return syscall.EINVAL
	}
	p.requests = append(p.requests, r)
	from := source{r.Proto, r.Family}
	a := p.answers[from]
	if a == nil {
		a = prepare(p.both(from))
	}
	p.queue = append(p.queue, stamp(a.reply(r, port), native.Uint32(m[8:]), a.Fault)...)
	p.waiting = nil
	for _, family := range families(r) {
		from.family = family
		if h := p.hold[from]; h != nil {
			delete(p.hold, from)
			close(h.asked)
			p.waiting = h
		}
	}
	return nil
}

// families are those that a request is about.
func families(r Request) []model.Family {
	if r.Family == model.AnyFamily && r.Proto != 0 {
		return []model.Family{model.IPv4, model.IPv6}
	}
	return []model.Family{r.Family}
}

// both is the answer about both families at once: what each of them is, and refused or faulty if one of them is. For
// one family it is empty.
func (p *Peer) both(from source) (a Answer) {
	if from.family != model.AnyFamily || from.proto == 0 {
		return a
	}
	for _, family := range [...]model.Family{model.IPv4, model.IPv6} {
		one := p.answers[source{from.proto, family}]
		if one == nil {
			continue
		}
		a.Sockets = append(a.Sockets, one.Sockets...)
		a.Err, a.Fault = cmp.Or(a.Err, one.Err), cmp.Or(a.Fault, one.Fault)
		if a.Congestion == nil {
			a.Congestion = one.Congestion
		}
	}
	return a
}

// parseRequest is the request in m, and the local port that a dump asks for. It says false when it is cut short.
func parseRequest(m []byte) (r Request, port uint16, ok bool) {
	if len(m) < headerSize+unixReqSize {
		return r, 0, false
	}
	b := m[headerSize:]
	r.Destroy = native.Uint16(m[4:]) == unix.SOCK_DESTROY
	r.Dump = native.Uint16(m[6:])&unix.NLM_F_DUMP == unix.NLM_F_DUMP
	if native.Uint16(m[4:]) == tcpdiagGetSock {
		r.Proto = model.TCP
		return r, 0, len(b) >= 60
	}
	switch b[0] {
	case unix.AF_UNIX:
		return r, 0, true
	case unix.AF_INET6:
		r.Family = model.IPv6
	default:
		r.Family = model.IPv4
	}
	if len(b) < 56 {
		return r, 0, false
	}
	r.Proto = model.Proto(b[1])
	r.Cookie = uint64(native.Uint32(b[48:])) | uint64(native.Uint32(b[52:]))<<32
	return r, binary.BigEndian.Uint16(b[8:]), true
}

// Receive gives the next datagram. When there is none it fails with EAGAIN, at once.
func (p *Peer) Receive(buf []byte) (int, error) {
	p.mu.Lock()
	waiting := p.waiting
	p.mu.Unlock()
	if waiting != nil {
		select {
		case <-waiting.release:
		case <-p.closed:
			return 0, syscall.EBADF
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = nil
	if len(p.queue) == 0 {
		return 0, syscall.EAGAIN
	}
	next := p.queue[0]
	p.queue = p.queue[1:]
	if next.err != 0 {
		return 0, next.err
	}
	return copy(buf, next.data), nil
}

// reply is the answer to r, as datagrams.
func (a *prepared) reply(r Request, port uint16) []packet {
	switch {
	case a.Err != 0:
		return []packet{{data: appendErrno(nil, unix.NLMSG_ERROR, 0, a.Err)}}
	case r.Dump && port == 0:
		return a.dump
	case r.Dump:
		some := Answer{Congestion: a.Congestion}
		for _, s := range a.Sockets {
			if s.LocalPort == port {
				some.Sockets = append(some.Sockets, s)
			}
		}
		return prepare(some).dump
	}
	i := slices.IndexFunc(a.Sockets, func(s model.Socket) bool { return s.Cookie == r.Cookie })
	switch {
	case i < 0:
		return []packet{{data: appendErrno(nil, unix.NLMSG_ERROR, 0, syscall.ENOENT)}}
	case r.Destroy:
		if a.DestroyErr == 0 {
			*a = *prepare(Answer{
				Sockets: slices.Delete(slices.Clone(a.Sockets), i, i+1), Congestion: a.Congestion, Fault: a.Fault,
			})
		}
		return []packet{{data: appendErrno(nil, unix.NLMSG_ERROR, 0, a.DestroyErr)}}
	}
	return []packet{{data: appendMessage(nil, unix.SOCK_DIAG_BY_FAMILY, 0, func(b []byte) []byte {
		return AppendSocket(b, &a.Sockets[i], a.Congestion)
	})}}
}

// waiting are the inodes of those who wait to be accepted by s.
func (a *Answer) waiting(s *model.UnixSocket) []uint32 {
	var clients []uint32
	for _, w := range a.Unix {
		if w.State == model.UnixConnecting && w.Path == s.Path && w.Type == s.Type {
			clients = append(clients, w.PeerInode)
		}
	}
	return clients
}

// prepare encodes the dump of an answer.
func prepare(a Answer) *prepared {
	flags := uint16(unix.NLM_F_MULTI)
	if a.Fault == Interrupted {
		flags |= unix.NLM_F_DUMP_INTR
	}
	p := &prepared{Answer: a}
	var b []byte
	flush := func() {
		if len(b) > 0 {
			p.dump = append(p.dump, packet{data: b})
			b = nil
		}
	}
	if a.Fault == BadRow {
		b = appendMessage(b, unix.SOCK_DIAG_BY_FAMILY, flags, func(b []byte) []byte {
			return append(b, make([]byte, unixMsgSize-1)...)
		})
	}
	for i := range a.Unix {
		s := &a.Unix[i]
		if s.State == model.UnixConnecting {
			continue
		}
		b = appendMessage(b, unix.SOCK_DIAG_BY_FAMILY, flags, func(b []byte) []byte { return AppendUnix(b, s, a.waiting(s)) })
		if len(b) >= datagramSize-1024 {
			flush()
		}
	}
	for i := range a.Sockets {
		b = appendMessage(b, unix.SOCK_DIAG_BY_FAMILY, flags, func(b []byte) []byte {
			return AppendSocket(b, &a.Sockets[i], a.Congestion)
		})
		if len(b) >= datagramSize-1024 {
			flush()
		}
	}
	switch a.Fault {
	case Overrun:
		flush()
		p.dump = append(p.dump, packet{err: syscall.ENOBUFS})
	case NoDone:
		flush()
		return p
	}
	b = appendErrno(b, unix.NLMSG_DONE, flags, 0)
	flush()
	if last := &p.dump[len(p.dump)-1]; a.Fault == Truncated {
		last.data = last.data[:len(last.data)-10]
	}
	return p
}

// stamp is a copy of the list of datagrams with the sequence number in each message. The bytes are shared:
// only one answer is on its way at a time.
func stamp(packets []packet, seq uint32, f Fault) []packet {
	for _, p := range packets {
		for b := p.data; len(b) >= headerSize; {
			native.PutUint32(b[8:], seq)
			b = b[min(len(b), int(native.Uint32(b)+3)&^3):]
		}
	}
	if f == WrongSequence {
		odd := appendMessage(nil, unix.NLMSG_NOOP, 0, func(b []byte) []byte { return b })
		native.PutUint32(odd[8:], seq+1000)
		return append([]packet{{data: odd}}, packets...)
	}
	return packets
}

package diag

// This file is the connection to one namespace's sock_diag: its life, and the loop that takes messages
// out of datagrams.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// Conn asks the sockets of one network namespace. Several goroutines may use it: one request at a time is under way, of it
// and of all that were opened beside it (Beside), and the others wait until its answer was read to the end. So the callback of
// a dump may ask nothing of any of them; NetNSCookie, LinkName, Congestion, Waited and Close are no requests and never wait
// for one.
//
// Every request of a Conn that was closed says fs.ErrClosed, the one that was under way among them.
type Conn struct {
	*common
	transport Transport
	raise     func() (drop func()) // see OpenRaising
	names     unixNames
	seq       uint32       // of the last request
	pending   bool         // its answer was not read to the end
	bare      atomic.Bool  // see Bare
	closed    atomic.Bool  // nothing is asked any more
	waited    atomic.Int64 // for the kernel, in all, nanoseconds
}

// bufferSize is the size of the one receive buffer, bytes. The kernel fills a dump's message to
// at most 32 KiB, however large the buffer is (netlink_recvmsg, af_netlink.c).
const bufferSize = 64 << 10

// How long to wait: a receive that comes back empty is repeated so often, and an answer as a whole may
// take so long. A million sockets take about a second.
const (
	maxSilence = 4
	maxAnswer  = 30 * time.Second
	maxSignals = 10_000 // receives in a row cut short by a signal
)

// Open opens a socket to the sock_diag of the calling thread's current network namespace; to open one in
// another, lock the goroutine to its thread (runtime.LockOSThread) and enter it first. The Conn stays in
// that namespace, and keeps it alive, until Close. It says ErrUnsupported where there is no sock_diag.
func Open() (*Conn, error) { return OpenRaising(nil) }

// OpenRaising is Open for a program that raises CAP_NET_ADMIN only while it is needed: raise makes it effective in the
// calling thread, until drop. The kernel shows marks, and closes, when both who opened the socket and who asks had it
// (netlink_net_capable, af_netlink.c), and whoever reads a dump asks for the rest of it. So it is raised once for opening, and
// once for each request for sockets of protocols that have marks, until its answer is read to the end.
func OpenRaising(raise func() (drop func())) (*Conn, error) { return newCommon().open(raise) }

// asIs is for who has raised what he has.
func asIs() (drop func()) { return func() {} }

// NewConn is a Conn over a transport. It closes the transport when it is closed.
func NewConn(t Transport) *Conn { return newCommon().over(t) }

// Close closes the socket and lets go of the namespace; those beside it go on. It waits for no answer, but for the receive
// that is under way: at most half a second, where the kernel is silent. A second time it says fs.ErrClosed.
func (c *Conn) Close() error {
	if c.closed.Swap(true) {
		return fmt.Errorf("close sock_diag: %w", fs.ErrClosed)
	}
	if err := c.transport.Close(); err != nil {
		return fmt.Errorf("close sock_diag: %w", err)
	}
	return nil
}

// Bare says whether dumps from now on do without tcp_info and the congestion algorithm: a third of the kernel's time
// for those who only want to know which sockets there are.
func (c *Conn) Bare(bare bool) { c.bare.Store(bare) }

// ext is what a dump of TCP or UDP asks for besides the sockets.
func (c *Conn) ext() uint8 {
	if c.bare.Load() {
		return 0
	}
	return extDump
}

// NetNSCookie names the network namespace for good, until the next boot (SO_NETNS_COOKIE, Linux 5.14). It
// says ErrUnsupported on an older kernel.
func (c *Conn) NetNSCookie() (uint64, error) {
	if c.closed.Load() {
		return 0, fmt.Errorf("SO_NETNS_COOKIE: %w", fs.ErrClosed)
	}
	cookie, err := c.transport.NetNSCookie()
	err = c.cause(err)
	if err == unix.ENOPROTOOPT {
		return 0, fmt.Errorf("SO_NETNS_COOKIE: %w: %w", ErrUnsupported, err)
	}
	if err != nil {
		return 0, fmt.Errorf("SO_NETNS_COOKIE: %w", err)
	}
	return cookie, nil
}

// Waited is how long this Conn has waited for the kernel since it was opened: the time that asking takes without what
// is made of the answers.
func (c *Conn) Waited() time.Duration { return time.Duration(c.waited.Load()) }

// Congestion are the names of congestion algorithms; model.Socket.Cong of every socket that this Conn, or one beside
// it, gave is an index. The first is the empty text. Names are only ever added, so that the slice stays as it is and may
// be kept and read by others.
func (c *Conn) Congestion() []model.Text { return c.parser.congestion.all() }

// message is one netlink message. Its body is in the receive buffer: it holds until the next one is taken.
type message struct {
	kind  uint16 // nlmsg_type
	flags uint16
	body  []byte
}

// send sends the request that encode left in c.request, after what is left of an earlier answer was read:
// the kernel refuses a second dump while one is running (EBUSY).
func (c *Conn) send() error {
	if c.pending {
		c.drain()
	}
	c.seq++
	binary.NativeEndian.PutUint32(c.request[8:], c.seq)
	c.rest, c.damage, c.started = nil, nil, time.Now()
	defer func() { c.waited.Add(int64(time.Since(c.started))) }()
	for signals := 0; ; signals++ {
		err := c.transport.Send(c.request)
		if err == nil {
			c.pending = true
			return nil
		}
		if err != unix.EINTR || signals >= maxSignals {
			return err
		}
	}
}

// drain reads the last answer to its end. What fails here fails again, and is told, with the next request;
// what still comes later has an old sequence number and is skipped.
func (c *Conn) drain() {
	c.started = time.Now()
	for {
		m, err := c.next()
		if err != nil || m.ends() {
			c.pending = false
			return
		}
	}
}

// ends says whether nothing follows m.
func (m message) ends() bool { return m.kind == unix.NLMSG_DONE || m.kind == unix.NLMSG_ERROR }

// finish marks the answer as read to its end.
func (c *Conn) finish() {
	c.pending = false
	c.rest = nil
}

// spoil notes that the answer is partial, and why.
func (c *Conn) spoil(why error) {
	if c.damage == nil {
		c.damage = why
	}
}

// next takes the next message that answers the last request.
func (c *Conn) next() (message, error) {
	for {
		if m, ok := c.take(); ok {
			return m, nil
		}
		if err := c.fill(); err != nil {
			return message{}, err
		}
	}
}

// take takes the next message of what was received that answers the last request. Messages of earlier requests are
// skipped. It says false when there is none.
func (c *Conn) take() (message, bool) {
	for len(c.rest) > 0 {
		b := c.rest
		if len(b) < unix.NLMSG_HDRLEN {
			c.spoil(errTruncated)
			c.rest = nil
			continue
		}
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.NLMSG_HDRLEN || size > len(b) {
			c.spoil(errTruncated)
			c.rest = nil
			continue
		}
		c.rest = b[min(align(size), len(b)):]
		if age := int32(c.seq - binary.NativeEndian.Uint32(b[8:])); age != 0 {
			if age < 0 {
				c.spoil(errSequence)
			}
			continue
		}
		m := message{
			kind:  binary.NativeEndian.Uint16(b[4:]),
			flags: binary.NativeEndian.Uint16(b[6:]),
			body:  b[unix.NLMSG_HDRLEN:size],
		}
		if m.flags&unix.NLM_F_DUMP_INTR != 0 {
			c.spoil(errInterrupted)
		}
		return m, true
	}
	return message{}, false
}

// fill receives the next datagram. When nothing comes for a while it says errSilence: then nothing is
// pending any more.
func (c *Conn) fill() error {
	began := time.Now()
	defer func() { c.waited.Add(int64(time.Since(began))) }()
	if c.buf == nil {
		c.buf = make([]byte, bufferSize)
	}
	for silence, signals := 0, 0; silence < maxSilence && signals < maxSignals; {
		if time.Since(c.started) > c.longest {
			return errTooLong
		}
		n, err := c.transport.Receive(c.buf)
		switch err {
		case nil:
			if n > len(c.buf) {
				c.spoil(errTruncated)
				n = len(c.buf)
			}
			if n > 0 {
				c.rest = c.buf[:n]
				return nil
			}
			silence++
		case unix.EINTR:
			signals++
		case unix.EAGAIN:
			silence++
		case unix.ENOBUFS:
			// Messages were lost, but those that follow are good and lead to the end.
			c.spoil(errOverrun)
			silence++
		default:
			return err
		}
	}
	c.pending = false
	return errSilence
}

// broken turns an error of next into the request's.
func (c *Conn) broken(r request, err error) error {
	if err == errSilence || err == errTooLong {
		return r.wrap(ErrPartial, err)
	}
	err = c.cause(err)
	return r.wrap(refused(err), fmt.Errorf("receive: %w", err))
}

// cause is why the transport failed: whatever it says, that we closed it comes first.
func (c *Conn) cause(err error) error {
	if err != nil && c.closed.Load() {
		return fs.ErrClosed
	}
	return err
}

func openError(err error) error {
	for _, errno := range [...]error{unix.EPROTONOSUPPORT, unix.EAFNOSUPPORT, unix.EPERM, unix.EACCES} {
		if errors.Is(err, errno) {
			return fmt.Errorf("open sock_diag: %w: %w", ErrUnsupported, err)
		}
	}
	return fmt.Errorf("open sock_diag: %w", err)
}

// align rounds a length up to where the next message or attribute begins (NLMSG_ALIGN, NLA_ALIGN).
func align(n int) int { return (n + 3) &^ 3 }

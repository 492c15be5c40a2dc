package host

// This file is the dump of the table of connections: its socket, and the loop that takes messages out of
// datagrams. A busy router tracks a million connections, so that neither bytes nor rows are copied or made
// anew each time.

import (
	"errors"
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// What makes a table partial.
var (
	errInterrupted = errors.New("the table changed while it was read (NLM_F_DUMP_INTR)")
	errTruncated   = errors.New("a message was cut short")
	errSequence    = errors.New("a message that answers no request")
	errOverrun     = errors.New("messages were lost (ENOBUFS)")
	errSilence     = errors.New("the end did not come")
)

// errRefused is in the error of a kernel that does not know the request.
var errRefused = errors.New("the kernel does not take the request")

// wire carries netlink messages to the kernel and back.
type wire interface {
	// Send sends one netlink message. It may keep nothing of it.
	Send(message []byte) error
	// Receive reads one datagram into buf and gives its full length, which is larger than len(buf) when the
	// rest of it was cut off. It waits for a while, then fails with EAGAIN.
	Receive(buf []byte) (int, error)
	Close() error
}

// conntrack is the connection to ctnetlink, and what one dump leaves for the next.
type conntrack struct {
	wire  wire // nil until it is asked for, and after an answer that broke off
	buf   []byte
	seq   uint32
	flows []model.Flow

	bad    int   // rows of this dump that did not parse
	why    error // what was wrong with the first of them
	damage error // what else made it partial, the first thing seen
}

const (
	// conntrackBuffer is the size of the receive buffer, bytes: the kernel fills at most 32 KiB of a dump's
	// datagram (netlink_recvmsg, af_netlink.c).
	conntrackBuffer = 64 << 10
	// conntrackWait is how long one receive waits, microseconds. The kernel makes a dump's messages while
	// they are read, so that it waits only when something was lost.
	conntrackWait = 1_000_000
	// conntrackLongest is how long a whole table may take.
	conntrackLongest = 30 * time.Second
	// maxSignals is how many calls in a row a signal may cut short.
	maxSignals = 10_000
	// sparseFlows is how many flows may have room in vain, before the room is given back.
	sparseFlows = 16 << 10
)

// The messages of linux/netfilter/nfnetlink_conntrack.h.
const (
	ctNew = unix.NFNL_SUBSYS_CTNETLINK << 8 // IPCTNL_MSG_CT_NEW, which is 0: a flow
	ctGet = ctNew | 1                       // IPCTNL_MSG_CT_GET
)

// nfgenSize is sizeof(struct nfgenmsg).
const nfgenSize = 4

// dump reads the whole table into c.flows. With an error they are not all.
func (c *conntrack) dump() error {
	if cap(c.flows) > 4*len(c.flows)+sparseFlows {
		c.flows = nil
	}
	if c.buf == nil {
		c.buf = make([]byte, conntrackBuffer)
	}
	c.flows, c.bad, c.why, c.damage = c.flows[:0], 0, nil, nil
	err := c.send()
	if err == nil {
		err = c.receive()
	}
	if err != nil {
		// What still comes of this answer must not be taken for the next one's.
		if e := c.close(); e != nil {
			err = fmt.Errorf("%w; %w", err, e)
		}
	}
	switch {
	case err != nil:
		return err
	case c.bad > 0:
		return fmt.Errorf("%d of %d flows did not parse: %w", c.bad, c.bad+len(c.flows), c.why)
	}
	return c.damage
}

// close closes the socket; the next dump opens another.
func (c *conntrack) close() error {
	if c.wire == nil {
		return nil
	}
	err := c.wire.Close()
	c.wire = nil
	if err != nil {
		return fmt.Errorf("close nfnetlink: %w", err)
	}
	return nil
}

// send asks for the flows of all families and zones.
func (c *conntrack) send() error {
	c.seq++
	var b [unix.NLMSG_HDRLEN + nfgenSize]byte
	native.PutUint32(b[0:], uint32(len(b)))
	native.PutUint16(b[4:], ctGet)
	native.PutUint16(b[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	native.PutUint32(b[8:], c.seq)
	b[unix.NLMSG_HDRLEN] = unix.AF_UNSPEC // nfgen_family: both
	for signals := 0; ; signals++ {
		err := c.wire.Send(b[:])
		if err == nil {
			return nil
		}
		if err != unix.EINTR || signals >= maxSignals {
			return fmt.Errorf("send: %w", err)
		}
	}
}

// receive reads the answer up to its end.
func (c *conntrack) receive() error {
	started := time.Now()
	for signals := 0; signals < maxSignals; {
		if time.Since(started) > conntrackLongest {
			return fmt.Errorf("%w within %v", errSilence, conntrackLongest)
		}
		n, err := c.wire.Receive(c.buf)
		switch err {
		case nil:
			if n > len(c.buf) {
				c.spoil(errTruncated)
				n = len(c.buf)
			}
			if end, err := c.datagram(c.buf[:n]); end || err != nil {
				return err
			}
			signals = 0
		case unix.EINTR:
			signals++
		case unix.ENOBUFS:
			c.spoil(errOverrun) // those that follow are good and lead to the end
			signals++
		case unix.EAGAIN:
			return errSilence
		default:
			return fmt.Errorf("receive: %w", err)
		}
	}
	return errSilence
}

// spoil notes why the table is partial.
func (c *conntrack) spoil(why error) {
	if c.damage == nil {
		c.damage = why
	}
}

// datagram takes the messages of one datagram. It says true at the end of the answer.
func (c *conntrack) datagram(b []byte) (end bool, err error) {
	for len(b) > 0 {
		if len(b) < unix.NLMSG_HDRLEN {
			c.spoil(errTruncated)
			return false, nil
		}
		size := int(native.Uint32(b))
		if size < unix.NLMSG_HDRLEN || size > len(b) {
			c.spoil(errTruncated)
			return false, nil
		}
		kind, flags, seq := native.Uint16(b[4:]), native.Uint16(b[6:]), native.Uint32(b[8:])
		body := b[unix.NLMSG_HDRLEN:size]
		b = b[min(alignNetlink(size), len(b)):]
		if seq != c.seq {
			c.spoil(errSequence)
			continue
		}
		if flags&unix.NLM_F_DUMP_INTR != 0 {
			c.spoil(errInterrupted)
		}
		switch kind {
		case ctNew:
			c.row(body)
		case unix.NLMSG_OVERRUN:
			c.spoil(errOverrun)
		case unix.NLMSG_DONE, unix.NLMSG_ERROR:
			// Both carry an errno: DONE that of a dump that failed on its way.
			return true, c.ended(body)
		}
	}
	return false, nil
}

// ended is what the last message of an answer says.
func (c *conntrack) ended(body []byte) error {
	if len(body) < 4 {
		c.spoil(errTruncated)
		return nil
	}
	errno := syscall.Errno(-int64(int32(native.Uint32(body))))
	switch errno {
	case 0:
		return nil
	case unix.EINVAL, unix.ENOENT, unix.EOPNOTSUPP, unix.EPROTONOSUPPORT:
		// nfnetlink says EINVAL when nobody answers for the table (nfnetlink_rcv_msg, nfnetlink.c).
		return fmt.Errorf("%w: %w", errRefused, errno)
	}
	return errno
}

// row parses a flow into the next row.
func (c *conntrack) row(body []byte) {
	c.flows = append(c.flows, model.Flow{})
	if err := parseFlow(&c.flows[len(c.flows)-1], body); err != nil {
		c.flows = c.flows[:len(c.flows)-1]
		if c.bad == 0 {
			c.why = err
		}
		c.bad++
	}
}

// netfilter is a NETLINK_NETFILTER socket.
type netfilter struct{ fd int }

// openNetfilter opens a socket in the calling thread's current network namespace.
func openNetfilter() (*netfilter, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, fmt.Errorf("open nfnetlink: %w", err)
	}
	timeout := unix.NsecToTimeval(conntrackWait * 1000)
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("open nfnetlink: SO_RCVTIMEO: %w", err)
	}
	// A connected netlink socket takes messages from the kernel only, so that no process can forge one.
	if err := unix.Connect(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("open nfnetlink: connect: %w", err)
	}
	return &netfilter{fd}, nil
}

func (k *netfilter) Send(message []byte) error {
	_, err := unix.Write(k.fd, message)
	return err
}

// Receive uses recvfrom without an address: unix.Recvfrom makes one for each message, which is garbage, and
// read does not tell of truncation.
func (k *netfilter) Receive(buf []byte) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(k.fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))),
		uintptr(len(buf)), unix.MSG_TRUNC, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func (k *netfilter) Close() error { return unix.Close(k.fd) }

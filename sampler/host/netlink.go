package host

// This file asks netlink for a table and takes its messages apart. Attributes are read here and not by the library's
// types, which lack some of them, and which drop the rest of a table behind a message that they cannot read.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"sockview/model"
)

// native is the byte order that netlink speaks in.
var native = binary.NativeEndian

// maxDumps is how often a table is asked for again that changed while it was told.
const maxDumps = 4

// errDamaged says that messages of an answer could not be read; the others stand.
var errDamaged = errors.New("the kernel's answer has messages that cannot be read")

// answerSeconds is for how long one message of the kernel's answer may be waited for. The kernel answers at once,
// but for the lock of who changes the interfaces.
const answerSeconds = 10

// rtnetlink tells a table of the kernel's as messages.
type rtnetlink interface {
	// Dump asks for a whole table: kind is the request (RTM_GETLINK), answer the kind of its messages. Messages that
	// came are returned even with an error: then they are not all.
	Dump(kind, answer uint16, parts ...nl.NetlinkRequestData) ([][]byte, error)
	Close()
}

// dump asks rtnetlink, which it opens if need be in the calling thread's current network namespace.
func (h *Host) dump(kind, answer uint16, parts ...nl.NetlinkRequestData) ([][]byte, error) {
	if h.route == nil {
		s, err := h.open()
		if err != nil {
			return nil, err
		}
		h.route = s
	}
	messages, err := h.route.Dump(kind, answer, parts...)
	if err != nil && !errors.Is(err, nl.ErrDumpInterrupted) {
		h.closeRoute() // what still comes of this answer must not be taken for the next one's
	}
	return messages, err
}

// closeRoute closes rtnetlink; the next dump opens it anew.
func (h *Host) closeRoute() {
	if h.route != nil {
		h.route.Close()
		h.route = nil
	}
}

// routeSocket is a NETLINK_ROUTE socket.
type routeSocket struct{ *nl.SocketHandle }

// openRoute opens rtnetlink in the calling thread's current network namespace.
func openRoute() (rtnetlink, error) {
	s, err := nl.GetNetlinkSocketAt(-1, -1, unix.NETLINK_ROUTE) // -1: where the thread is
	if err != nil {
		for _, errno := range [...]error{unix.EPERM, unix.EACCES, unix.EPROTONOSUPPORT, unix.EAFNOSUPPORT} {
			if errors.Is(err, errno) { // by a kernel without it, a filter of system calls, a security module
				return nil, fmt.Errorf("%w: %w", noRtnetlink, err)
			}
		}
		return nil, fmt.Errorf("open rtnetlink: %w", err)
	}
	limit := unix.Timeval{Sec: answerSeconds}
	if err := errors.Join(s.SetSendTimeout(&limit), s.SetReceiveTimeout(&limit)); err != nil {
		s.Close()
		return nil, fmt.Errorf("open rtnetlink: set the time limit: %w", err)
	}
	return routeSocket{&nl.SocketHandle{Socket: s}}, nil
}

func (s routeSocket) Dump(kind, answer uint16, parts ...nl.NetlinkRequestData) ([][]byte, error) {
	var messages [][]byte
	err := untilStill(func() error {
		messages = messages[:0]
		req := nl.NewNetlinkRequest(int(kind), unix.NLM_F_DUMP)
		req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: s.SocketHandle}
		for _, p := range parts {
			req.AddData(p)
		}
		return req.ExecuteIter(unix.NETLINK_ROUTE, answer, func(m []byte) bool {
			messages = append(messages, m)
			return true
		})
	})
	return messages, err
}

// untilStill asks until the table did not change meanwhile (NLM_F_DUMP_INTR), maxDumps times at most.
func untilStill(ask func() error) error {
	for try := 1; ; try++ {
		if err := ask(); !errors.Is(err, nl.ErrDumpInterrupted) || try == maxDumps {
			return err
		}
	}
}

// eachAttr calls f with the attributes of b, without the flags of their kinds. False says that b is damaged: what
// came before the damage was told.
func eachAttr(b []byte, f func(kind uint16, value []byte)) bool {
	for len(b) > 0 {
		kind, value, rest, ok := cutAttribute(b)
		if !ok {
			return false
		}
		f(kind, value)
		b = rest
	}
	return true
}

// cutAttribute takes the first attribute of b (struct nlattr), without the flags of its kind. It says false when the
// attribute is longer than the rest, or shorter than its header.
func cutAttribute(b []byte) (kind uint16, value, rest []byte, ok bool) {
	if len(b) < unix.SizeofNlAttr {
		return 0, nil, nil, false
	}
	size := int(native.Uint16(b))
	if size < unix.SizeofNlAttr || size > len(b) {
		return 0, nil, nil, false
	}
	kind = native.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
	return kind, b[unix.SizeofNlAttr:size], b[min(alignNetlink(size), len(b)):], true
}

// alignNetlink rounds a length up to where the next message or attribute begins (NLMSG_ALIGN, NLA_ALIGN).
func alignNetlink(n int) int { return (n + unix.NLMSG_ALIGNTO - 1) &^ (unix.NLMSG_ALIGNTO - 1) }

// figure is the value of an attribute of 32 bits; false when it is shorter.
func figure(b []byte) (uint32, bool) {
	if len(b) < 4 {
		return 0, false
	}
	return native.Uint32(b), true
}

// text is the value of a string attribute, which may or may not end with a NUL.
func text(b []byte) model.Text {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return model.SafeText(string(b))
}

// addr is the value of an address attribute: 4 or 16 bytes.
func addr(b []byte) (model.Addr, bool) {
	switch len(b) {
	case 4:
		return model.Addr{10: 0xff, 11: 0xff, 12: b[0], 13: b[1], 14: b[2], 15: b[3]}, true
	case 16:
		return model.Addr(b), true
	}
	return model.Addr{}, false
}

// damaged is the error for n messages that could not be read, nil for none.
func damaged(n int) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d of them", errDamaged, n)
}

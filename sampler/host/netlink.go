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

// dump asks a netlink socket for a whole table: kind is the request (RTM_GETLINK), answer the kind of its messages.
// Messages that came are returned even with an error.
func dump(s *nl.SocketHandle, family int, kind, answer uint16, parts ...nl.NetlinkRequestData) ([][]byte, error) {
	var messages [][]byte
	for try := 1; ; try++ {
		messages = messages[:0]
		req := nl.NewNetlinkRequest(int(kind), unix.NLM_F_DUMP)
		req.Sockets = map[int]*nl.SocketHandle{family: s}
		for _, p := range parts {
			req.AddData(p)
		}
		err := req.ExecuteIter(family, answer, func(m []byte) bool {
			messages = append(messages, m)
			return true
		})
		if !errors.Is(err, nl.ErrDumpInterrupted) || try == maxDumps {
			return messages, err
		}
	}
}

// eachAttr calls f with the attributes of b, without the flags of their kinds. False says that b is damaged: what
// came before the damage was told.
func eachAttr(b []byte, f func(kind uint16, value []byte)) bool {
	for len(b) >= unix.SizeofNlAttr {
		n := int(native.Uint16(b))
		if n < unix.SizeofNlAttr || n > len(b) {
			return false
		}
		f(native.Uint16(b[2:])&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), b[unix.SizeofNlAttr:n])
		b = b[min(nlAlign(n), len(b)):]
	}
	return len(b) == 0
}

func nlAlign(n int) int { return (n + unix.NLMSG_ALIGNTO - 1) &^ (unix.NLMSG_ALIGNTO - 1) }

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

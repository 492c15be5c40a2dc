package diag

// This file dumps: every socket of a protocol and family.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// Result is what a dump gave.
type Result struct {
	Rows int // sockets that were handed out
	Bad  int // rows that could not be parsed
}

// Dump hands every socket of a protocol (TCP, UDP, UDP-Lite, raw, SCTP) and family, in whatever state, to fn. The
// kernel has a handler for each, and often none for raw sockets and SCTP. The record is used again for
// the next one: fn copies what it keeps. Only sockets of that family come: a dual-stack IPv6 socket is
// an IPv6 one, whomever it talks to. TCP can be asked for with AnyFamily: both in one walk of the kernel through its table,
// which with two requests it does twice. The local port of a raw socket is the protocol it takes. An SCTP socket comes
// besides its associations, which have no cookie of their own; of both only the first address is told. Fields that are not the kernel's are left zero, but Owner, which is -1.
//
// A socket may be missing or come twice when the tables change under the dump; the kernel does not always
// say so. On ErrPartial the rows that were handed out are true. On ErrUnsupported there are none.
func (c *Conn) Dump(p model.Proto, f model.Family, fn func(*model.Socket)) (Result, error) {
	r := request{"dump", p, f}
	if err := c.claim(r); err != nil {
		return Result{}, err
	}
	defer c.release()
	defer c.raise()()
	switch {
	case f != model.AnyFamily:
		c.encode(&query{
			kind: unix.SOCK_DIAG_BY_FAMILY, flags: unix.NLM_F_DUMP, proto: p, family: f, ext: c.ext(), states: allStates,
		})
	case p == model.TCP:
		c.encodeBoth()
	default:
		return Result{}, r.wrap(ErrUnsupported, errBoth)
	}
	if err := c.begin(r); err != nil {
		return Result{}, err
	}
	var res Result
	for {
		body, err := c.row(r)
		switch {
		case err == errEnd:
			return res, nil
		case err != nil:
			return res, err
		case c.parse(body, f) != nil:
			res.Bad++
		default:
			res.Rows++
			fn(&c.socket)
		}
	}
}

// parse parses a row into c.socket.
func (c *Conn) parse(body []byte, f model.Family) error {
	if err := c.parser.socket(&c.socket, body); err != nil {
		return err
	}
	if f != model.AnyFamily && c.socket.Family != f {
		return errForeign
	}
	return nil
}

// begin sends the encoded request.
func (c *Conn) begin(r request) error {
	c.parser.proto = r.proto
	if err := c.send(); err != nil {
		err = c.cause(err)
		return r.wrap(refused(err), fmt.Errorf("send: %w", err))
	}
	return nil
}

// errEnd ends a dump that is whole.
var errEnd = errors.New("end of dump")

// row is the body of the next row of a dump, which holds until the next call. It says errEnd after the
// last one when the dump is whole, and what is wrong with it otherwise.
func (c *Conn) row(r request) ([]byte, error) {
	for {
		m, err := c.next()
		if err != nil {
			return nil, c.broken(r, err)
		}
		switch m.kind {
		case unix.SOCK_DIAG_BY_FAMILY, tcpdiagGetSock:
			return m.body, nil
		case unix.NLMSG_OVERRUN:
			c.spoil(errOverrun)
		case unix.NLMSG_DONE, unix.NLMSG_ERROR:
			// Both carry an errno: ERROR of a dump that did not begin, DONE of one that failed on its way,
			// as for a protocol without handler.
			errno, ok := answerErrno(m.body)
			if m.kind == unix.NLMSG_ERROR && ok && errno == 0 {
				continue // an acknowledgement is no end
			}
			c.finish()
			if errno != 0 {
				return nil, r.wrap(refused(errno), errno)
			}
			if !ok {
				c.spoil(errTruncated)
			}
			if c.damage != nil {
				return nil, r.wrap(ErrPartial, c.damage)
			}
			return nil, errEnd
		}
	}
}

// answerErrno is the errno at the start of the body of NLMSG_ERROR and NLMSG_DONE, 0 for success. It says
// false when there is none.
func answerErrno(body []byte) (syscall.Errno, bool) {
	if len(body) < 4 {
		return 0, false
	}
	n := int32(binary.NativeEndian.Uint32(body))
	if n > 0 {
		return 0, true // the kernel's are negative
	}
	return syscall.Errno(-int64(n)), true
}

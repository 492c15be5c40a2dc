package diag

// This file is what Conns of several namespaces share, so that one more costs little, and how they take turns with it.

import (
	"io/fs"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// common is what belongs to whichever of the Conns that share it has a request under way. The names of congestion
// algorithms outlive the request: they are one list for all.
type common struct {
	asking  sync.Mutex // held from a request until its answer was read, and its callbacks have returned
	buf     []byte     // one datagram; nil until the first
	rest    []byte     // what of it was not looked at yet
	request []byte     // the request, kept for the next
	parser  parser
	socket  model.Socket // the record that callbacks get
	unix    *unixTable   // nil until unix sockets are asked for

	started time.Time     // when the request was sent
	damage  error         // what made its answer partial, the first thing seen
	longest time.Duration // how long an answer may take in all
}

func newCommon() *common {
	return &common{
		request: make([]byte, 0, unix.NLMSG_HDRLEN+reqV1Size), parser: parser{congestion: newNames()}, longest: maxAnswer,
	}
}

// Beside opens a Conn in the calling thread's current network namespace that shares with c, and with all that were opened
// beside either, what a request needs only while it is under way, and the names of congestion algorithms: so it costs
// some hundred bytes, and Congestion of any of them is right for the sockets of all. What they do not share is the
// namespace, the socket, what Bare chose and what Waited says. Whether c is open, was closed or is Refused does not matter.
//
// raise is that of OpenRaising; nil raises nothing.
func (c *Conn) Beside(raise func() (drop func())) (*Conn, error) { return c.common.open(raise) }

// BesideOver is a Conn over a transport that shares with c what Beside says. It closes the transport when it is closed.
func (c *Conn) BesideOver(t Transport) *Conn { return c.common.over(t) }

// open opens a Conn in the calling thread's current network namespace.
func (s *common) open(raise func() (drop func())) (*Conn, error) {
	if raise == nil {
		raise = asIs
	}
	defer raise()()
	k, err := openKernel()
	if err != nil {
		return nil, openError(err)
	}
	c := s.over(k)
	c.raise = raise
	return c, nil
}

func (s *common) over(t Transport) *Conn { return &Conn{common: s, transport: t, raise: asIs} }

// claim waits until nothing else is under way. It says fs.ErrClosed when c is closed by then, and there is nothing to
// release.
func (c *Conn) claim(r request) error {
	c.asking.Lock()
	if c.closed.Load() {
		c.asking.Unlock()
		return r.wrap(nil, fs.ErrClosed)
	}
	return nil
}

// release ends the request. Of an answer that was not read to its end the buffer may hold the end, which is not to be
// waited for later: the buffer is another's from now on.
func (c *Conn) release() {
	for c.pending {
		m, ok := c.take()
		if !ok {
			break
		}
		c.pending = !m.ends()
	}
	c.rest = nil
	c.asking.Unlock()
}

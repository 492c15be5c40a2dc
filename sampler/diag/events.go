package diag

// This file listens to what the kernel tells by itself: that a socket was destroyed (sock_diag(7), multicast).

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// The groups of destroy events, SKNLGRP_* (linux/sock_diag.h), Linux 4.4.
const (
	groupTCP4 = 1 + iota
	groupUDP4
	groupTCP6
	groupUDP6
)

const destroyGroups = 1<<(groupTCP4-1) | 1<<(groupUDP4-1) | 1<<(groupTCP6-1) | 1<<(groupUDP6-1)

// attrProtocol is INET_DIAG_PROTOCOL, one byte: events come from several protocols through one socket.
const attrProtocol = 10

// eventBuffer is what we ask for as SO_RCVBUF of the listener, bytes. What is not read in time waits there: an event takes
// about a kilobyte, and 10,000 connections may end between two turns of a busy host's scheduler.
const eventBuffer = 32 << 20

// besideBuffer is that of each listener beside it: there may be thousands, and whoever stops sockview leaves them all unread.
const besideBuffer = 4 << 20

// EventTransport is where destroy events come from: Listen brings the kernel, tests bring a fake.
type EventTransport interface {
	// Wait waits until Receive may have something to say, or Close is called: then it fails.
	Wait() error
	// Receive is that of Transport, but does not wait: without a datagram it fails with EAGAIN. It fails with ENOBUFS once
	// after events were lost.
	Receive(buf []byte) (int, error)
	// Lost counts the events that found the buffer full since the beginning; it may wrap.
	Lost() (uint32, error)
	Close() error
}

// Events are the destroy events of one network namespace's TCP and UDP sockets. One goroutine at a time may call Next, and any
// may call Close.
type Events struct {
	*ear
	transport EventTransport
	lost      uint32 // as told last
	overran   bool   // since the buffer was empty last
	closed    atomic.Bool
}

// ear is what the Events of several namespaces share: each needs it only while it takes what came.
type ear struct {
	hearing sync.Mutex
	buf     []byte
	parser  parser
	ending  model.Ending // the record that callbacks get
}

// Heard is what one turn of listening gave: never nothing, unless there is an error.
type Heard struct {
	Rows int // sockets that were handed out
	Bad  int // events that did not parse
	// Lost are events that nobody will ever hear: the buffer was full. At least one, where the kernel does not count.
	Lost int
}

// Listen listens in the calling thread's current network namespace, which it keeps alive until Close. It takes no
// rights; raise, which may be nil, makes CAP_NET_ADMIN effective where there is one, for a buffer larger than
// net.core.rmem_max. ErrUnsupported: the kernel has no such events (before Linux 4.4), or refuses them.
func Listen(raise func() (drop func())) (*Events, error) { return newEar().listen(eventBuffer, raise) }

// Beside is Listen that shares with e, and with all that listen beside either, what is needed only while it is taken down what
// came. Whether e is open or was closed does not matter.
func (e *Events) Beside(raise func() (drop func())) (*Events, error) {
	return e.ear.listen(besideBuffer, raise)
}

// BesideOver are the events that come through t, with what Beside shares. It closes t when it is closed.
func (e *Events) BesideOver(t EventTransport) *Events { return e.ear.over(t) }

// NewEvents are the events that come through t. It closes t when it is closed.
func NewEvents(t EventTransport) *Events { return newEar().over(t) }

func newEar() *ear {
	return &ear{buf: make([]byte, bufferSize), parser: parser{congestion: newNames()}}
}

func (s *ear) over(t EventTransport) *Events { return &Events{ear: s, transport: t} }

func (s *ear) listen(buffer int, raise func() (drop func())) (*Events, error) {
	if raise == nil {
		raise = asIs
	}
	defer raise()()
	k, err := openKernelEvents(buffer)
	if err != nil {
		err = fmt.Errorf("listen to closings: %w", err)
		var errno syscall.Errno
		if errors.As(err, &errno) && refused(errno) == ErrUnsupported {
			err = fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		return nil, err
	}
	return s.over(k), nil
}

// Close stops listening and lets go of the namespace: when it returns the descriptor is closed. Next ends at once. A second
// time it says fs.ErrClosed.
func (e *Events) Close() error {
	if e.closed.Swap(true) {
		return fmt.Errorf("close listener to closings: %w", fs.ErrClosed)
	}
	if err := e.transport.Close(); err != nil {
		return fmt.Errorf("close listener to closings: %w", err)
	}
	return nil
}

// maxTaken is how many datagrams are taken at a time, each an event: a millisecond at most, for which those that listen
// beside wait.
const maxTaken = 128

// Next waits until events come, or are lost, and hands the sockets out that they tell of, each as it was at its end. A goroutine
// that waits holds no thread and wakes up for nothing. The record is used again: fn copies what it keeps. fn may not
// listen beside.
//
// An event has no inode, no user and no state but CLOSE; Has says so. A TCP socket has its final tcp_info, unless it
// was aborted from this side: tcp_disconnect clears it, with the remote port. UDP has no counters.
//
// After Close it says fs.ErrClosed. With any error Heard is what came before it, which was handed out.
func (e *Events) Next(fn func(*model.Ending)) (Heard, error) {
	for {
		h, err := e.take(fn)
		if err == nil && h == (Heard{}) {
			err = e.transport.Wait()
			if err == nil || err == unix.EINTR {
				continue
			}
		}
		switch {
		case err == nil:
			return h, nil
		case e.closed.Load():
			err = fs.ErrClosed
		}
		return h, fmt.Errorf("listen to closings: %w", err)
	}
}

// take hands out what is there, and does not wait.
func (e *Events) take(fn func(*model.Ending)) (h Heard, err error) {
	e.hearing.Lock()
	defer e.hearing.Unlock()
	for range maxTaken {
		if e.closed.Load() {
			return h, fs.ErrClosed
		}
		n, err := e.transport.Receive(e.buf)
		switch err {
		case nil:
			e.datagram(n, fn, &h)
		case unix.EINTR:
		case unix.ENOBUFS:
			h.Lost += e.dropped(1)
			e.overran = true
		case unix.EAGAIN:
			// The kernel tells once of what is lost until the buffer is empty again, and goes on losing meanwhile.
			if e.overran {
				h.Lost += e.dropped(0)
				e.overran = false
			}
			return h, nil
		default:
			return h, err
		}
	}
	return h, nil
}

// datagram hands out the events in the first n bytes of the buffer.
func (e *Events) datagram(n int, fn func(*model.Ending), h *Heard) {
	if n > len(e.buf) {
		h.Bad, n = h.Bad+1, len(e.buf)
	}
	for rest := e.buf[:n]; len(rest) > 0; {
		if len(rest) < unix.NLMSG_HDRLEN {
			h.Bad++
			return
		}
		size := int(binary.NativeEndian.Uint32(rest))
		if size < unix.NLMSG_HDRLEN || size > len(rest) {
			h.Bad++
			return
		}
		kind, body := binary.NativeEndian.Uint16(rest[4:]), rest[unix.NLMSG_HDRLEN:size]
		rest = rest[min(align(size), len(rest)):]
		if kind != unix.SOCK_DIAG_BY_FAMILY {
			continue
		}
		if e.parse(body) != nil {
			h.Bad++
			continue
		}
		h.Rows++
		fn(&e.ending)
	}
}

// dropped is how many events were lost since it was asked last, and at least that many.
func (e *Events) dropped(least int) int {
	now, err := e.transport.Lost()
	if err != nil {
		return least
	}
	lost := now - e.lost
	e.lost = now
	return max(least, int(lost))
}

func (e *Events) parse(b []byte) error {
	e.parser.proto = 0
	for rest := b[min(diagMsgSize, len(b)):]; len(rest) > 0; {
		var kind uint16
		var v []byte
		if kind, v, rest = attribute(rest); kind == badAttribute {
			return errAttribute
		} else if kind == attrProtocol && len(v) > 0 {
			e.parser.proto = model.Proto(v[0])
		}
	}
	if e.parser.proto != model.TCP && e.parser.proto != model.UDP && e.parser.proto != model.UDPLite {
		return errForeign
	}
	e.ending = model.Ending{}
	s := &e.ending.Socket
	if err := e.parser.socket(s, b); err != nil {
		return err
	}
	s.State, s.Inode, s.UID, s.Cong = model.Close, 0, 0, 0
	s.Has &^= model.HasUID | model.HasCong // an index of the list that dumps have is nothing to be had here
	if e.parser.proto != model.TCP || s.RemotePort == 0 {
		s.RecvQ, s.SendQ = 0, 0
		s.Has &^= model.HasQueues
		return nil
	}
	for rest := b[diagMsgSize:]; len(rest) > 0; {
		var kind uint16
		var v []byte
		if kind, v, rest = attribute(rest); kind == attrInfo {
			e.last(v)
		}
	}
	return nil
}

// last takes the final tcp_info of a TCP socket. A row in CLOSE has none, for a socket may be connected again; a destroyed
// one has had its last connection. tcpi_state is CLOSE here, so that no FIN is taken off Received.
func (e *Events) last(v []byte) {
	c := &e.ending
	e.parser.take(&c.Socket, v)
	if len(v) >= infoBytesAcked+8 && c.Has&model.HasBytes != 0 {
		if n := binary.NativeEndian.Uint64(v[infoBytesAcked:]); n > c.Sent {
			c.Controls = uint8(min(n-c.Sent, 2)) // a SYN and a FIN
		}
	}
}

package diag

// This file listens to what the kernel tells by itself: that a socket was destroyed (sock_diag(7), multicast).

import (
	"encoding/binary"
	"errors"
	"fmt"
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

// EventTransport is where destroy events come from: Listen brings the kernel, tests bring a fake.
type EventTransport interface {
	// Receive is that of Transport. It fails with ENOBUFS once after events were lost.
	Receive(buf []byte) (int, error)
	// Lost counts the events that found the buffer full since the beginning; it may wrap.
	Lost() (uint32, error)
	Close() error
}

// Events are the destroy events of one network namespace's TCP and UDP sockets. One goroutine at a time may use it.
type Events struct {
	transport EventTransport
	buf       []byte
	parser    parser
	ending    model.Ending
	lost      uint32 // as told last
}

// Heard is what one turn of listening gave.
type Heard struct {
	Rows int // sockets that were handed out
	Bad  int // events that did not parse
	// Lost are events that nobody will ever hear: the buffer was full. At least one, where the kernel does not count.
	Lost int
}

// Listen listens in the calling thread's current network namespace, which it keeps alive until Close. It takes no
// rights; raise, which may be nil, makes CAP_NET_ADMIN effective where there is one, for a buffer larger than
// net.core.rmem_max. ErrUnsupported: the kernel has no such events (before Linux 4.4), or refuses them.
func Listen(raise func() (drop func())) (*Events, error) {
	if raise == nil {
		raise = asIs
	}
	defer raise()()
	k, err := openKernelEvents()
	if err != nil {
		err = fmt.Errorf("listen to closings: %w", err)
		var errno syscall.Errno
		if errors.As(err, &errno) && refused(errno) == ErrUnsupported {
			err = fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		return nil, err
	}
	return NewEvents(k), nil
}

// NewEvents are the events that come through t. It closes t when it is closed.
func NewEvents(t EventTransport) *Events {
	return &Events{transport: t, buf: make([]byte, bufferSize), parser: parser{congestion: newNames()}}
}

// Close stops listening and lets go of the namespace.
func (e *Events) Close() error {
	if err := e.transport.Close(); err != nil {
		return fmt.Errorf("close listener to closings: %w", err)
	}
	return nil
}

// Next waits a while for events and hands the sockets out that they tell of, each as it was at its end. That nothing came is
// no error. The record is used again: fn copies what it keeps.
//
// An event has no inode, no user and no state but CLOSE; Has says so. A TCP socket has its final tcp_info, unless it
// was aborted from this side: tcp_disconnect clears it, with the remote port. UDP has no counters.
func (e *Events) Next(fn func(*model.Ending)) (Heard, error) {
	n, err := e.transport.Receive(e.buf)
	switch err {
	case nil:
	case unix.EAGAIN, unix.EINTR:
		return Heard{}, nil
	case unix.ENOBUFS:
		return Heard{Lost: e.overflow()}, nil
	default:
		return Heard{}, fmt.Errorf("listen to closings: %w", err)
	}
	var h Heard
	if n > len(e.buf) {
		h.Bad, n = 1, len(e.buf)
	}
	for rest := e.buf[:n]; len(rest) > 0; {
		if len(rest) < unix.NLMSG_HDRLEN {
			h.Bad++
			break
		}
		size := int(binary.NativeEndian.Uint32(rest))
		if size < unix.NLMSG_HDRLEN || size > len(rest) {
			h.Bad++
			break
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
	return h, nil
}

// overflow is how many events were lost since it was asked last.
func (e *Events) overflow() int {
	now, err := e.transport.Lost()
	if err != nil {
		return 1
	}
	lost := now - e.lost
	e.lost = now
	return max(1, int(lost))
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
	s.State, s.Inode, s.UID = model.Close, 0, 0
	s.Has &^= model.HasUID
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

// openKernelEvents opens a NETLINK_SOCK_DIAG socket in the calling thread's network namespace that takes destroy events.
func openKernelEvents() (*kernelEvents, error) {
	k, err := openKernelSocket(eventBuffer, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: destroyGroups})
	if err != nil {
		return nil, err
	}
	return &kernelEvents{k}, nil
}

// kernelEvents is the kernel as an EventTransport.
type kernelEvents struct{ *kernel }

// skMeminfoDrops is SK_MEMINFO_DROPS, an index of the array that SO_MEMINFO gives (linux/sock_diag.h, Linux 4.12).
const skMeminfoDrops = 8

func (k *kernelEvents) Lost() (uint32, error) { return socketDrops(k.fd) }

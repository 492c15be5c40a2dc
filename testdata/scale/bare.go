package main

// The bare dump: the same requests as a tick makes of the kernel, whose answers are received and not looked at. It is
// how fast the kernel is, and what a tick is held against.

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

const (
	bareBuffer = 1 << 20
	// TCP_INFO and the congestion algorithm, INET_DIAG_INFO and INET_DIAG_CONG, of every state.
	bareExt    = 1<<(2-1) | 1<<(4-1)
	bareStates = 1<<14 - 1
)

// bareDump asks the kernel over a socket of its own.
type bareDump struct {
	fd  int
	buf []byte
	seq uint32
}

func openBare() (*bareDump, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("the bare dump's socket: %w", err)
	}
	return &bareDump{fd: fd, buf: make([]byte, bareBuffer)}, nil
}

func (b *bareDump) close() { unix.Close(b.fd) }

// all dumps TCP and UDP of both families, TCP in one request, and says how many sockets there were.
func (b *bareDump) all() (sockets int, err error) {
	for _, request := range [...][]byte{bareTCP(), bareUDP(unix.AF_INET), bareUDP(unix.AF_INET6)} {
		n, err := b.dump(request)
		if err != nil {
			return 0, fmt.Errorf("the bare dump: %w", err)
		}
		sockets += n
	}
	return sockets, nil
}

// bareTCP is TCPDIAG_GETSOCK, of both families: a struct inet_diag_req (linux/inet_diag.h) behind the header.
func bareTCP() []byte {
	const kind, size, ext, states = 18, unix.NLMSG_HDRLEN + 60, unix.NLMSG_HDRLEN + 3, unix.NLMSG_HDRLEN + 52
	request := bareHeader(kind, size)
	request[ext] = bareExt
	binary.NativeEndian.PutUint32(request[states:], bareStates)
	return request
}

// bareUDP is SOCK_DIAG_BY_FAMILY: a struct inet_diag_req_v2 behind the header.
func bareUDP(family byte) []byte {
	request := bareHeader(unix.SOCK_DIAG_BY_FAMILY, unix.NLMSG_HDRLEN+56)
	body := request[unix.NLMSG_HDRLEN:]
	body[0], body[1], body[2] = family, unix.IPPROTO_UDP, bareExt
	binary.NativeEndian.PutUint32(body[4:], bareStates)
	return request
}

func bareHeader(kind uint16, size int) []byte {
	request := make([]byte, size)
	binary.NativeEndian.PutUint32(request[0:], uint32(size))
	binary.NativeEndian.PutUint16(request[4:], kind)
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	return request
}

func (b *bareDump) dump(request []byte) (sockets int, err error) {
	b.seq++
	binary.NativeEndian.PutUint32(request[8:], b.seq)
	if _, err := unix.Write(b.fd, request); err != nil {
		return 0, fmt.Errorf("send: %w", err)
	}
	for {
		n, err := unix.Read(b.fd, b.buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("receive: %w", err)
		}
		count, done, err := bareCount(b.buf[:n])
		if sockets += count; done || err != nil {
			return sockets, err
		}
	}
}

// bareCount counts the messages of a datagram and says whether the last one was among them.
func bareCount(b []byte) (sockets int, done bool, err error) {
	for len(b) >= unix.NLMSG_HDRLEN {
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.NLMSG_HDRLEN || size > len(b) {
			return sockets, true, fmt.Errorf("a message of %d bytes in %d", size, len(b))
		}
		switch binary.NativeEndian.Uint16(b[4:]) {
		case unix.NLMSG_DONE:
			return sockets, true, nil
		case unix.NLMSG_ERROR:
			if size < unix.NLMSG_HDRLEN+4 {
				return sockets, true, errors.New("an error without a number")
			}
			errno := -int32(binary.NativeEndian.Uint32(b[unix.NLMSG_HDRLEN:]))
			return sockets, true, fmt.Errorf("refused: %w", unix.Errno(errno))
		}
		sockets++
		b = b[min((size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1), len(b)):]
	}
	return sockets, false, nil
}

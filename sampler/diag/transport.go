package diag

// This file is the wire: one netlink socket, or whatever a test puts in its place.

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Transport carries netlink messages to the kernel and back. Open brings the real one; tests bring a fake.
type Transport interface {
	// Send sends one netlink message. It may keep nothing of it.
	Send(message []byte) error
	// Receive reads one datagram into buf and gives its full length, which is larger than len(buf) when
	// the rest of it was cut off. It waits for a while, then fails with EAGAIN.
	Receive(buf []byte) (int, error)
	// NetNSCookie is SO_NETNS_COOKIE of the namespace it was opened in.
	NetNSCookie() (uint64, error)
	Close() error
}

// kernel is a NETLINK_SOCK_DIAG socket.
type kernel struct{ fd int }

// receiveBuffer is what we ask for as SO_RCVBUF, bytes. A dump is paced by its reader and needs little.
const receiveBuffer = 4 << 20

// wait is how long one receive waits, microseconds (SO_RCVTIMEO). The kernel makes a dump's messages while
// they are read, so that it never waits at all unless something was lost.
const wait = 500_000

// openKernel opens a socket in the calling thread's current network namespace.
func openKernel() (*kernel, error) { return openKernelSocket(receiveBuffer, nil) }

// openKernelSocket opens a socket with a receive buffer of that many bytes. With groups it takes their messages too.
func openKernelSocket(buffer int, groups *unix.SockaddrNetlink) (*kernel, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	k := &kernel{fd}
	if err := k.prepare(buffer, groups); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return k, nil
}

func (k *kernel) prepare(buffer int, groups *unix.SockaddrNetlink) error {
	// SO_RCVBUFFORCE needs CAP_NET_ADMIN; without it the system's limit (net.core.rmem_max) does.
	if unix.SetsockoptInt(k.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) != nil {
		if err := unix.SetsockoptInt(k.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer); err != nil {
			return fmt.Errorf("SO_RCVBUF: %w", err)
		}
	}
	timeout := unix.NsecToTimeval(wait * 1000)
	if err := unix.SetsockoptTimeval(k.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return fmt.Errorf("SO_RCVTIMEO: %w", err)
	}
	if groups != nil {
		if err := unix.Bind(k.fd, groups); err != nil {
			return fmt.Errorf("bind: %w", err)
		}
	}
	// A connected netlink socket takes messages from the kernel only, so that no process can forge one.
	if err := unix.Connect(k.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	return nil
}

func (k *kernel) Send(message []byte) error {
	_, err := unix.Write(k.fd, message)
	return err
}

// Receive uses recvfrom without an address: unix.Recvfrom makes one for each message, which is garbage,
// and read does not tell of truncation.
func (k *kernel) Receive(buf []byte) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(k.fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))),
		uintptr(len(buf)), unix.MSG_TRUNC, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func (k *kernel) NetNSCookie() (uint64, error) {
	return unix.GetsockoptUint64(k.fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
}

// socketDrops counts the messages that found a socket's receive buffer full (SO_MEMINFO, Linux 4.12).
func socketDrops(fd int) (uint32, error) {
	var info [skMeminfoDrops + 1]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	switch {
	case errno != 0:
		return 0, errno
	case size <= skMeminfoDrops*4:
		return 0, unix.ENOPROTOOPT
	}
	return info[skMeminfoDrops], nil
}

func (k *kernel) Close() error { return unix.Close(k.fd) }

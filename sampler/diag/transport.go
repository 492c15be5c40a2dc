package diag

// This file is the wire: one netlink socket, or whatever a test puts in its place.

import (
	"fmt"
	"sync"
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
	// LinkName is the name of the interface with that index in the namespace, as the kernel writes it. It fails with
	// ENODEV when there is none.
	LinkName(index uint32) (string, error)
	Close() error
}

// kernel is a NETLINK_SOCK_DIAG socket.
type kernel struct {
	// Whoever uses the descriptor reads under the lock, so that Close waits for him and no number is used that is another
	// descriptor's by then.
	using sync.RWMutex
	fd    int // -1 when it is closed: the kernel answers EBADF
}

// receiveBuffer is what we ask for as SO_RCVBUF, bytes. A dump is paced by its reader and needs little.
const receiveBuffer = 4 << 20

// wait is how long one receive waits, microseconds (SO_RCVTIMEO). The kernel makes a dump's messages while
// they are read, so that it never waits at all unless something was lost.
const wait = 500_000

// openKernel opens a socket in the calling thread's current network namespace.
func openKernel() (*kernel, error) {
	fd, err := openSocket(0, receiveBuffer, 0)
	if err != nil {
		return nil, err
	}
	timeout := unix.NsecToTimeval(wait * 1000)
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("SO_RCVTIMEO: %w", err)
	}
	return &kernel{fd: fd}, nil
}

// openSocket opens a socket in the calling thread's current network namespace: with flags besides SOCK_CLOEXEC, a receive
// buffer of that many bytes, and the messages of groups, a bit each.
func openSocket(flags, buffer int, groups uint32) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|flags, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if err := prepare(fd, buffer, groups); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func prepare(fd, buffer int, groups uint32) error {
	// SO_RCVBUFFORCE needs CAP_NET_ADMIN; without it the system's limit (net.core.rmem_max) does.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer); err != nil {
			return fmt.Errorf("SO_RCVBUF: %w", err)
		}
	}
	if groups != 0 {
		if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
			return fmt.Errorf("bind: %w", err)
		}
	}
	// A connected netlink socket takes messages from the kernel only, so that no process can forge one.
	if err := unix.Connect(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	return nil
}

func (k *kernel) Send(message []byte) error {
	k.using.RLock()
	defer k.using.RUnlock()
	_, err := unix.Write(k.fd, message)
	return err
}

func (k *kernel) Receive(buf []byte) (int, error) {
	k.using.RLock()
	defer k.using.RUnlock()
	return receive(k.fd, buf)
}

// receive uses recvfrom without an address: unix.Recvfrom makes one for each message, which is garbage,
// and read does not tell of truncation.
func receive(fd int, buf []byte) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(buf))),
		uintptr(len(buf)), unix.MSG_TRUNC, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func (k *kernel) NetNSCookie() (uint64, error) {
	k.using.RLock()
	defer k.using.RUnlock()
	return unix.GetsockoptUint64(k.fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
}

// LinkName asks by SIOCGIFNAME: what netlink has no answer for itself goes on to where interfaces are asked for, in the
// socket's namespace (sock_do_ioctl, net/socket.c).
func (k *kernel) LinkName(index uint32) (string, error) {
	k.using.RLock()
	defer k.using.RUnlock()
	link, err := unix.NewIfreq("")
	if err != nil {
		return "", err
	}
	link.SetUint32(index) // ifr_ifindex
	if err := unix.IoctlIfreq(k.fd, unix.SIOCGIFNAME, link); err != nil {
		return "", err
	}
	return link.Name(), nil
}

func (k *kernel) Close() error {
	k.using.Lock()
	defer k.using.Unlock()
	fd := k.fd
	k.fd = -1
	return unix.Close(fd)
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

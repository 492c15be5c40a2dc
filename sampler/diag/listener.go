package diag

// This file is the wire of destroy events: a netlink socket that the runtime's poller watches, as it does those of package
// net. So thousands of them may be waited for, each by a goroutine, in no thread.

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// kernelEvents is the kernel as an EventTransport. Its Receive and Wait are called by one goroutine at a time.
type kernelEvents struct {
	file *os.File // non-blocking, and watched
	raw  syscall.RawConn

	// What receive is given and gives: a closure for each event would be garbage.
	receive func(fd uintptr)
	buf     []byte
	n       int
	err     error
}

// openKernelEvents opens a NETLINK_SOCK_DIAG socket in the calling thread's network namespace that takes destroy events.
func openKernelEvents(buffer int) (*kernelEvents, error) {
	fd, err := openSocket(unix.SOCK_NONBLOCK, buffer, destroyGroups)
	if err != nil {
		return nil, err
	}
	file, err := watch(fd)
	if err != nil {
		return nil, err
	}
	k := &kernelEvents{file: file}
	if k.raw, err = k.file.SyscallConn(); err != nil {
		k.file.Close()
		return nil, err
	}
	k.receive = func(fd uintptr) { k.n, k.err = receive(int(fd), k.buf) }
	return k, nil
}

// watch makes a file of a non-blocking descriptor, which is its own from now on, and fails when the poller did not take it:
// for want of memory or of epoll's watches. Go says so only when the file has to be waited for, or here: no other has deadlines.
func watch(fd int) (*os.File, error) {
	file := os.NewFile(uintptr(fd), "sock_diag events")
	if err := file.SetReadDeadline(time.Time{}); err != nil {
		file.Close()
		return nil, fmt.Errorf("have it watched: %w", err)
	}
	return file, nil
}

// Wait asks each time whether something is there: the poller tells of what comes, not of what came before.
func (k *kernelEvents) Wait() error { return k.raw.Read(readable) }

// readable says whether there is a datagram, or an error, to be received. It takes neither.
func readable(fd uintptr) bool {
	watched := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(watched[:], 0)
	return n != 0 || err != nil // if it cannot be told, receiving tells
}

func (k *kernelEvents) Receive(buf []byte) (int, error) {
	k.buf = buf
	err := k.raw.Control(k.receive)
	k.buf = nil // another's
	if err != nil {
		return 0, err
	}
	return k.n, k.err
}

// skMeminfoDrops is SK_MEMINFO_DROPS, an index of the array that SO_MEMINFO gives (linux/sock_diag.h, Linux 4.12).
const skMeminfoDrops = 8

func (k *kernelEvents) Lost() (lost uint32, err error) {
	closed := k.raw.Control(func(fd uintptr) { lost, err = socketDrops(int(fd)) })
	if closed != nil {
		return 0, closed
	}
	return lost, err
}

func (k *kernelEvents) Close() error { return k.file.Close() }

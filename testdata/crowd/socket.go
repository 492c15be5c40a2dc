package main

// Raw sockets: no runtime poller and no goroutine stands behind them, so each costs its file descriptor and nothing
// else in user space, and keepalive stays off.

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// sockaddr is an endpoint as the system calls want it.
func sockaddr(a netip.AddrPort) (domain int, to unix.Sockaddr) {
	if a.Addr().Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// limited adds to an error which limit was met, where that is known.
func limited(err error) error {
	switch {
	case errors.Is(err, unix.EMFILE):
		var limit unix.Rlimit
		if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
			return fmt.Errorf("%w (RLIMIT_NOFILE is %d; take more -processes)", err, limit.Cur)
		}
	case errors.Is(err, unix.ENFILE):
		return fmt.Errorf("%w (fs.file-max)", err)
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Errorf("%w (no free port)", err)
	}
	return err
}

// listen opens a listening TCP socket.
func listen(at netip.AddrPort) (int, error) {
	domain, to := sockaddr(at)
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", limited(err))
	}
	if err := unix.Bind(fd, to); err != nil {
		return -1, fmt.Errorf("bind to %v: %w", at, err)
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return -1, fmt.Errorf("listen on %v: %w", at, err)
	}
	return fd, nil
}

// dial begins a TCP connection from source, if that is of the same family, and does not wait for it.
func dial(source netip.Addr, at netip.AddrPort) (int, error) {
	domain, to := sockaddr(at)
	fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", limited(err))
	}
	if domain == unix.AF_INET {
		// The port is then chosen by connect, which needs only the four together to be unique.
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
			return -1, fmt.Errorf("IP_BIND_ADDRESS_NO_PORT: %w", err)
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: source.As4()}); err != nil {
			return -1, fmt.Errorf("bind to %v: %w", source, limited(err))
		}
	}
	for {
		switch err := unix.Connect(fd, to); {
		case err == nil, errors.Is(err, unix.EINPROGRESS), errors.Is(err, unix.EALREADY):
			return fd, nil
		case errors.Is(err, unix.EINTR):
		default:
			return -1, fmt.Errorf("connect to %v: %w", at, limited(err))
		}
	}
}

// established waits until all connections are.
func established(fds []unix.PollFd) error {
	for len(fds) > 0 {
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("waiting for %d connections: %w", len(fds), err)
		}
		left := 0
		for _, p := range fds {
			if p.Revents == 0 {
				fds[left] = p
				left++
				continue
			}
			code, err := unix.GetsockoptInt(int(p.Fd), unix.SOL_SOCKET, unix.SO_ERROR)
			if err == nil && code != 0 {
				err = unix.Errno(code)
			}
			if err != nil {
				return fmt.Errorf("connect: %w", limited(err))
			}
		}
		fds = fds[:left]
	}
	return nil
}

// udpSocket opens a UDP socket; call is unix.Bind or unix.Connect.
func udpSocket(at netip.AddrPort, name string, call func(int, unix.Sockaddr) error) error {
	domain, to := sockaddr(at)
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("UDP socket: %w", limited(err))
	}
	if err := call(fd, to); err != nil {
		return fmt.Errorf("UDP %s %v: %w", name, at, limited(err))
	}
	return nil
}

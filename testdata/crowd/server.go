package main

// A server: it listens, accepts in batches, keeps what is silent, and reads what is busy until the client closes it.

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// server is the state of one server process.
type server struct {
	epoll     int
	listeners map[int32]bool // by file descriptor: is it busy
	accepted  int
	expect    int
	sink      []byte
}

// serve carries out a serverOrder and never returns but with an error.
func serve(m member) error {
	var order serverOrder
	if err := m.order(&order); err != nil {
		return err
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("epoll: %w", limited(err))
	}
	s := &server{epoll: epoll, listeners: map[int32]bool{}, expect: order.Expect, sink: make([]byte, 64<<10)}
	for _, l := range order.Listen {
		fd, err := listen(l.At)
		if err != nil {
			return err
		}
		s.listeners[int32(fd)] = l.Busy
		if err := s.watch(fd); err != nil {
			return err
		}
	}
	for _, at := range order.Bind {
		if err := udpSocket(at, "bind to", unix.Bind); err != nil {
			return err
		}
	}
	say(wordReady)
	if s.expect == 0 {
		say(wordStands)
	}
	return s.run()
}

// watch asks epoll to tell when a socket has something to accept or to read, or was closed.
func (s *server) watch(fd int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

// run serves for ever.
func (s *server) run() error {
	events := make([]unix.EpollEvent, 256)
	for {
		n, err := unix.EpollWait(s.epoll, events, -1)
		if errors.Is(err, unix.EINTR) {
			continue
		} else if err != nil {
			return fmt.Errorf("epoll: %w", err)
		}
		for _, e := range events[:n] {
			if busy, is := s.listeners[e.Fd]; is {
				err = s.accept(int(e.Fd), busy)
			} else {
				err = s.drain(int(e.Fd))
			}
			if err != nil {
				return err
			}
		}
	}
}

// accept takes all that waits at a listener.
func (s *server) accept(listener int, busy bool) error {
	for {
		fd, _, err := unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED):
			continue
		case err != nil:
			return fmt.Errorf("accept: %w", limited(err))
		}
		if busy {
			if err := s.watch(fd); err != nil {
				return err
			}
		}
		if s.accepted++; s.accepted == s.expect {
			say(wordStands)
		}
	}
}

// drain reads once what has come on a busy connection (epoll asks again if there is more), and closes it when its client
// has.
func (s *server) drain(fd int) error {
	n, err := unix.Read(fd, s.sink)
	if n > 0 || errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return nil
	}
	if err != nil && !errors.Is(err, unix.ECONNRESET) {
		return fmt.Errorf("read: %w", err)
	}
	if err := unix.Close(fd); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

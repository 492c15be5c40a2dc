package main

// A client: it makes its connections as fast as it can, and then, if asked to, sends and churns by the clock.

import (
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

const (
	step      = 10 * time.Millisecond
	perSecond = int(time.Second / step)
	turns     = 10 // a sender sends in every tenth step, a tenth of the senders in each
)

// client is the state of one client process.
type client struct {
	order   clientOrder
	dialled int // connections begun, standing and churned
	senders []int
	payload []byte // what a sender sends at its turn

	// passing are the churned connections that are open, a second's worth at most: a ring with the oldest at oldest.
	passing []int
	oldest  int
	closed  int
}

// visit carries out a clientOrder and returns when the keeper is gone.
func visit(m member) error {
	var c client
	if err := m.order(&c.order); err != nil {
		return err
	}
	if err := c.connect(); err != nil {
		return err
	}
	for _, at := range c.order.UDP {
		if err := udpSocket(at, "connect to", unix.Connect); err != nil {
			return err
		}
	}
	say(wordStands)
	var begin bool
	if err := m.order(&begin); err != nil {
		return err
	}
	if len(c.senders) > 0 || c.order.Churn > 0 {
		return c.pace()
	}
	if _, err := io.Copy(io.Discard, m.input); err != nil {
		return fmt.Errorf("waiting for the end: %w", err)
	}
	return nil
}

// connect makes the standing connections, a batch on its way at a time.
func (c *client) connect() error {
	const batch = 512
	pending := make([]unix.PollFd, 0, batch)
	for _, l := range c.order.Connect {
		for range l.Count {
			fd, err := dial(c.order.Sources[c.dialled%sources], l.At)
			if err != nil {
				return err
			}
			c.dialled++
			if l.Busy {
				c.senders = append(c.senders, fd)
			}
			if pending = append(pending, unix.PollFd{Fd: int32(fd), Events: unix.POLLOUT}); len(pending) == batch {
				if err := established(pending); err != nil {
					return err
				}
				pending = pending[:0]
			}
		}
	}
	return established(pending)
}

// pace does the work of each step when its time has come. Late, it catches up, but with a second's work at most.
func (c *client) pace() error {
	c.payload = make([]byte, c.order.Rate/turns)
	c.passing = make([]int, 0, c.order.Churn)
	start := time.Now()
	for done := 0; ; {
		due := int(time.Since(start) / step)
		for done = max(done, due-perSecond); done < due; done++ {
			if err := c.send(done); err != nil {
				return err
			}
			for range share(c.order.Churn, perSecond, done%perSecond) {
				if err := c.pass(); err != nil {
					return err
				}
			}
		}
		time.Sleep(time.Until(start.Add(time.Duration(done+1) * step)))
	}
}

// send lets the senders whose turn it is send. What does not fit into a send buffer is left out.
func (c *client) send(turn int) error {
	for i := turn % turns; i < len(c.senders); i += turns {
		_, err := unix.Write(c.senders[i], c.payload)
		if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("send: %w", err)
		}
	}
	return nil
}

// pass opens one connection, after closing the one that was opened a second's worth before it.
func (c *client) pass() error {
	full := len(c.passing) == cap(c.passing)
	if full {
		if err := c.leave(c.passing[c.oldest]); err != nil {
			return err
		}
	}
	fd, err := dial(c.order.Sources[c.dialled%sources], c.order.ChurnTo[c.dialled%len(c.order.ChurnTo)])
	if err != nil {
		return err
	}
	c.dialled++
	if !full {
		c.passing = append(c.passing, fd)
		return nil
	}
	c.passing[c.oldest] = fd
	c.oldest = (c.oldest + 1) % len(c.passing)
	return nil
}

// leave closes a connection; every second one by a reset, which leaves no TIME_WAIT.
func (c *client) leave(fd int) error {
	if c.closed++; c.closed%2 == 0 {
		if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
			return fmt.Errorf("SO_LINGER: %w", err)
		}
	}
	if err := unix.Close(fd); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

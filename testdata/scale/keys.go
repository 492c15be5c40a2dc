package main

// Keys: how long from a key to the first byte of its answer, while samples of a full world with churn run; beside it, in
// turn, the same of a program that only echoes.

import (
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	silence = 30 * time.Millisecond // on the terminal, before a key is pressed
	missed  = time.Second           // a key whose answer has not begun by then
	block   = 8                     // keys to one program before it is the other's turn
)

// keys measures keys, then new sorts and filters.
func (o *observer) keys() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	ours, err := o.warmView("--sort", "lport")
	if err != nil {
		return err
	}
	bare, err := startOn(o.order.Dir, []string{role + "=echo"}, self)
	if err != nil {
		return errors.Join(err, ours.close())
	}
	err = o.latencies(ours, bare)
	if err == nil {
		err = o.newViews(ours)
	}
	return errors.Join(err, ours.close(), bare.close())
}

// latency is how long keys took to be answered.
type latency struct {
	took   durations
	missed int
}

// latencies presses keys on both in turn.
func (o *observer) latencies(ours, bare *terminal) error {
	if _, ok, err := bare.until(appearTime, func() bool { return bare.received > 0 }); err != nil || !ok {
		return errors.Join(errors.New("the echo program does not begin"), err)
	}
	var our, echo latency
	for n := 0; n < o.counts.keys; n += block {
		for range block {
			if err := our.press(ours, bare); err != nil {
				return err
			}
		}
		for range block {
			if err := echo.press(bare, ours); err != nil {
				return err
			}
		}
	}
	for _, l := range []struct {
		name string
		*latency
	}{{"key", &our}, {"echo", &echo}} {
		if err := o.report(l.name+" p50", millis(l.took.at(0.5))); err != nil {
			return err
		}
		if err := o.report(l.name+" p99", millis(l.took.at(0.99))); err != nil {
			return err
		}
		if err := o.report(l.name+" missed", float64(l.missed)); err != nil {
			return err
		}
	}
	return o.report("keys", float64(len(our.took)))
}

// press presses the next key, down and up again by turns, and notes how long it took. What other terminals get
// meanwhile is taken in, too.
func (l *latency) press(t *terminal, others ...*terminal) error {
	both := append([]*terminal{t}, others...)
	for begin := time.Now(); time.Since(t.last) < silence && time.Since(begin) < missed; {
		if err := pump(silence-time.Since(t.last), both...); err != nil {
			return err
		}
	}
	key := "jk"[len(l.took)%2:][:1]
	before, start := t.received, time.Now()
	if err := t.press(key); err != nil {
		return err
	}
	for t.received == before {
		left := missed - time.Since(start)
		if left <= 0 {
			l.missed++
			l.took = append(l.took, missed)
			return nil
		}
		if err := pump(left, both...); err != nil {
			return err
		}
	}
	l.took = append(l.took, t.last.Sub(start))
	return nil
}

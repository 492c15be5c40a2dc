package sampler

// The kernel's word that sockets were destroyed, heard beside the polls and folded into the next one.

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"sockview/model"
	"sockview/sampler/diag"
)

// Listener is where destroy events come from: a *diag.Events. Next waits until some came, or Close ends it.
type Listener interface {
	Next(fn func(*model.Ending)) (diag.Heard, error)
	Close() error
}

const (
	// maxEndings bounds what is kept until the next poll, 14 MB. What comes beyond it is counted as lost.
	maxEndings = 1 << 16
	// keptEndings is for how many the memory is kept from one poll to the next.
	keptEndings = 1 << 12
)

// closings hands what Listeners hear to the polls. A listening goroutine never waits for them, nor they for it: either holds
// the lock only to append, or to take all there is.
type closings struct {
	start func(name string, f func())
	clock func() (int64, time.Time) // nil: when a closing was heard is not told

	mu        sync.Mutex
	heard     []model.Ending
	lost, bad int
	deaf      error    // why our own namespace's are not heard any more
	failed    error    // why another's are not, since the last poll
	ended     []uint16 // places where somebody stopped listening, since the last poll

	// The poll's alone.
	spare   []model.Ending
	hearing map[uint16]int // how many listen in a place, or have said what no poll has folded yet
}

// listen listens in a network namespace until its Listener is closed.
func (c *closings) listen(from Listener, slot uint16, name model.Text) {
	if from == nil {
		return
	}
	if c.hearing == nil {
		c.hearing = make(map[uint16]int)
	}
	c.hearing[slot]++
	c.start("closings", func() {
		c.run(from, slot, name)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ended = append(c.ended, slot)
	})
}

// hears says whether something may still be told of a place: then it is not another namespace's.
func (c *closings) hears(slot uint16) bool { return c.hearing[slot] > 0 }

func (c *closings) run(from Listener, slot uint16, name model.Text) {
	for {
		h, err := from.Next(func(e *model.Ending) {
			e.NetNS = slot
			c.add(e)
		})
		c.mu.Lock()
		c.lost, c.bad = c.lost+h.Lost, c.bad+h.Bad
		switch {
		case err == nil, errors.Is(err, fs.ErrClosed):
		case slot == 0:
			c.deaf = err
		default:
			c.failed = fmt.Errorf("%s: %w", name, err)
		}
		c.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (c *closings) add(e *model.Ending) {
	if c.clock != nil {
		e.At, _ = c.clock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.heard) >= maxEndings {
		c.lost++
		return
	}
	c.heard = append(c.heard, *e)
}

// fold hands everything that was heard since the last poll to f, and says how that went. Whatever was lost the dumps show:
// those rows are missed, as if nobody listened.
func (c *closings) fold(f func(*model.Ending)) model.Source {
	c.mu.Lock()
	heard, lost, bad, err := c.heard, c.lost, c.bad, cmp.Or(c.deaf, c.failed)
	c.heard, c.lost, c.bad, c.failed = c.spare[:0], 0, 0, nil
	ended := c.ended
	c.ended = nil
	c.mu.Unlock()
	for i := range heard {
		f(&heard[i])
	}
	for _, slot := range ended {
		if c.hearing[slot]--; c.hearing[slot] == 0 {
			delete(c.hearing, slot)
		}
	}
	if c.spare = heard[:0]; cap(heard) > keptEndings {
		c.spare = nil
	}
	source := model.Source{Name: "closings", Err: err, Bad: bad, Absent: unsupported(err)}
	if lost > 0 && err == nil {
		source.Err = fmt.Errorf("%d lost", lost)
	}
	return source
}

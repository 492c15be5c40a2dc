package sampler

import (
	"context"
	"testing"
	"time"

	"sockview/model"
)

// choices is a Namespaces that tells what was chosen.
type choices struct {
	*fakeSpaces
	made chan string
}

func (c *choices) Look(choice string, hear bool) Found {
	c.made <- choice
	return c.fakeSpaces.Look(choice, hear)
}

// TestPause: while the process is stopped nothing is open in other network namespaces; then they are looked into again.
func TestPause(t *testing.T) {
	web, _ := fakeSpace("web", 4097, connection(2))
	h := &choices{&fakeSpaces{others: []*Space{web}}, make(chan string, 100)}
	b := newBench(t, func(c *Config) { c.Namespaces = h })
	b.Want(model.Demand{Interval: time.Hour, NetNS: "all"})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.Run(ctx)
	}()
	if got := <-h.made; got != "all" {
		t.Errorf("at first: %q", got)
	}
	b.Pause(func() {
		if got := <-h.made; got != "own" || len(h.made) != 0 {
			t.Errorf("stopped with %q looked into, and %d more looks", got, len(h.made))
		}
	})
	if got := <-h.made; got != "all" { // not in an hour
		t.Errorf("after it: %q", got)
	}
	cancel()
	<-ended
	ran := false
	b.Pause(func() { ran = true }) // nobody is there to be waited for
	if !ran {
		t.Error("nothing was done")
	}
}

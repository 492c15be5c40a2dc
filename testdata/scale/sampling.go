package main

// A sampler of the observer's own, driven tick by tick.

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"sockview/model"
	"sockview/sampler"
)

// tickTime is how long a tick may take before something is wrong.
const tickTime = 30 * time.Second

// sampling is a running sampler which polls when it is told to.
type sampling struct {
	kernel *sampler.Kernel
	demand model.Demand
	late   *time.Timer // one for all ticks: what is measured includes garbage
	seen   int64       // model.Snapshot.Now of the last tick
	end    func()
}

// tick is what a snapshot tells of its poll.
type tick struct {
	sockets   int
	took      time.Duration // the poll before
	scan      time.Duration // the owner scan that ended since the poll before; 0 for none
	unsettled int           // sockets that some process may hold, and was not looked for yet
}

// startSampling opens the kernel and collects garbage as the full-screen view does (main.go). It polls when it is told to, and
// nothing but that is changed in what is wanted.
func startSampling(want model.Demand) (*sampling, error) {
	want.Interval = time.Hour
	debug.SetGCPercent(15)
	kernel, err := sampler.Open(sampler.Options{})
	if err != nil {
		return nil, err
	}
	s := &sampling{kernel: kernel, demand: want, late: time.NewTimer(tickTime), seen: -1}
	kernel.Want(s.demand)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		kernel.Run(ctx)
		close(ended)
	}()
	s.end = func() {
		cancel()
		<-ended
	}
	_, err = s.await()
	return s, err
}

// next makes a tick.
func (s *sampling) next() (tick, error) {
	s.demand.Now++
	s.kernel.Want(s.demand)
	return s.await()
}

// await waits for the snapshot of a new poll. Others come when owners were found.
func (s *sampling) await() (tick, error) {
	s.late.Reset(tickTime)
	for {
		select {
		case <-s.kernel.Ready():
		case <-s.late.C:
			return tick{}, fmt.Errorf("no sample came within %v", tickTime)
		}
		snap := s.kernel.Take()
		if snap == nil {
			continue
		}
		fresh := snap.Now != s.seen
		s.seen = snap.Now
		t := tick{sockets: len(snap.Sockets), took: snap.Took}
		var failed error
		for i := range snap.Sources {
			switch src := &snap.Sources[i]; {
			case src.Name == "owners":
				t.scan = src.Took
			case src.Err != nil && fresh:
				failed = errors.Join(failed, fmt.Errorf("%s: %w", src.Name, src.Err))
			}
		}
		for i := range snap.Sockets {
			if r := &snap.Sockets[i]; r.Owner < 0 && r.Why == model.NotYet && r.Inode != 0 {
				t.unsettled++
			}
		}
		s.kernel.Release(snap)
		if fresh {
			return t, failed
		}
	}
}

// settle lets ticks pass until the owner of every socket is known, or known not to be.
func (s *sampling) settle() error {
	const patience = 30 * time.Second
	for start := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		t, err := s.next()
		switch {
		case err != nil:
			return err
		case t.unsettled == 0:
			return nil
		case time.Since(start) > patience:
			return fmt.Errorf("after %v nobody knows who holds %d sockets", patience, t.unsettled)
		}
	}
}

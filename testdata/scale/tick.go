package main

// What a tick costs: beside the bare dump, at rest and while connections come and go; and its garbage.

import (
	"runtime"
	"time"

	"sockview/model"
)

// inTurn is what ticks and bare dumps took in turn.
type inTurn struct {
	ticks, dumps durations
	scans        time.Duration // of owners, in all
	sockets      int
}

// takeInTurn takes ticks a second apart, as they are when somebody looks: what the caches of the machine still hold of
// the last one is part of what a tick costs. Half-way between them comes a bare dump.
func takeInTurn(s *sampling, bare func() (sockets int, err error), warm, n int) (t inTurn, err error) {
	start := time.Now()
	for i := range warm + n {
		time.Sleep(time.Until(start.Add(time.Duration(i) * refreshInterval)))
		one, err := s.next() // it tells how long the tick before took
		if err != nil {
			return t, err
		}
		if i >= warm {
			t.ticks = append(t.ticks, one.took)
			t.scans += one.scan
			t.sockets = one.sockets
		}
		time.Sleep(time.Until(start.Add(time.Duration(i)*refreshInterval + refreshInterval/2)))
		if err := t.dumps.time(func() error {
			_, err := bare()
			return err
		}); err != nil {
			return t, err
		}
	}
	t.dumps = t.dumps[warm:]
	return t, nil
}

// ticksAtRest is a tick when nothing changes.
func (o *observer) ticksAtRest() error {
	s, err := startSampling(model.Demand{})
	if err != nil {
		return err
	}
	defer s.end()
	if err := s.settle(); err != nil {
		return err
	}
	bare, err := openBare()
	if err != nil {
		return err
	}
	defer bare.close()
	t, err := takeInTurn(s, bare.all, 1, o.counts.ticks)
	if err == nil {
		err = o.reportTicks(t)
	}
	if err != nil || !o.wants(2) {
		return err
	}
	return o.garbage(s)
}

// reportTicks tells the medians.
func (o *observer) reportTicks(t inTurn) error {
	if err := o.report("tick", millis(t.ticks.median())); err != nil {
		return err
	}
	if err := o.report("dump", millis(t.dumps.median())); err != nil {
		return err
	}
	return o.report("sockets", float64(t.sockets))
}

// garbage is what the sampler allocates in a tick: all there is, since between two looks at it this process does
// nothing else, nor allocates by waiting. The mean has its part of the full owner scans that happen now and then.
func (o *observer) garbage(s *sampling) error {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range o.counts.ticks {
		if _, err := s.next(); err != nil {
			return err
		}
	}
	runtime.ReadMemStats(&after)
	n := float64(o.counts.ticks)
	if err := o.report("garbage", float64(after.TotalAlloc-before.TotalAlloc)/n); err != nil {
		return err
	}
	return o.report("mallocs", float64(after.Mallocs-before.Mallocs)/n)
}

// ticksWithChurn is a tick in which a second's churn comes and goes, and what owner scans cost then. The walk over all
// fds that these are held against comes before and after, for it makes the kernel's entries for new fds, which then are
// cheaper to read.
func (o *observer) ticksWithChurn() error {
	var walks durations
	if err := o.walks(&walks); err != nil {
		return err
	}
	s, err := startSampling(model.Demand{})
	if err != nil {
		return err
	}
	defer s.end()
	const warm = 4 // the first, full scan is over, and all of what churned before was seen
	bare, err := openBare()
	if err != nil {
		return err
	}
	defer bare.close()
	t, err := takeInTurn(s, bare.all, warm, o.counts.ticks)
	if err != nil {
		return err
	}
	if err := o.walks(&walks); err != nil {
		return err
	}
	if err := o.reportTicks(t); err != nil {
		return err
	}
	if err := o.report("walk", millis(walks.median())); err != nil {
		return err
	}
	return o.report("scan", millis(t.scans)/float64(o.counts.ticks))
}

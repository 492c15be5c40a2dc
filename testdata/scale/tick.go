package main

// What a tick costs: beside the bare dump, at rest and while connections come and go; and its garbage.

import (
	"runtime"
	"time"
)

// ticksAtRest takes ticks and bare dumps in turn, as nothing changes that could be missed.
func (o *observer) ticksAtRest(n int) error {
	s, err := startSampling()
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
	var ticks, dumps durations
	sockets := 0
	for i := range n + 1 { // a tick tells how long the one before took
		t, err := s.next()
		if err != nil {
			return err
		}
		if sockets = t.sockets; i > 0 {
			ticks = append(ticks, t.took)
		}
		if err := dumps.time(func() error {
			_, err := bare.all()
			return err
		}); err != nil {
			return err
		}
	}
	if err := o.reportTicks(ticks, dumps, sockets); err != nil || !o.wants(2) {
		return err
	}
	return o.garbage(s)
}

// reportTicks tells the medians.
func (o *observer) reportTicks(ticks, dumps durations, sockets int) error {
	if err := o.report("tick", millis(ticks.median())); err != nil {
		return err
	}
	if err := o.report("dump", millis(dumps.median())); err != nil {
		return err
	}
	return o.report("sockets", float64(sockets))
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

// ticksWithChurn takes ticks a second apart, so that there is a second's change between two. Half-way between them, when
// the owner scan is over, comes a bare dump. The walk over all fds that the owner scans are held against comes before
// and after, for it makes the kernel's entries for new fds, which then are cheaper to read.
func (o *observer) ticksWithChurn() error {
	var walks durations
	if err := o.walks(&walks); err != nil {
		return err
	}
	s, err := startSampling()
	if err != nil {
		return err
	}
	defer s.end()
	bare, err := openBare()
	if err != nil {
		return err
	}
	defer bare.close()
	var ticks, dumps durations
	var scans time.Duration
	sockets := 0
	const warm = 4 // the first, full scan is over, and all of what churned before was seen
	start := time.Now()
	for i := range warm + o.counts.churned {
		time.Sleep(time.Until(start.Add(time.Duration(i) * refreshInterval)))
		t, err := s.next()
		if err != nil {
			return err
		}
		if i >= warm {
			ticks = append(ticks, t.took)
			scans += t.scan
			sockets = t.sockets
		}
		time.Sleep(time.Until(start.Add(time.Duration(i)*refreshInterval + refreshInterval/2)))
		if err := dumps.time(func() error {
			_, err := bare.all()
			return err
		}); err != nil {
			return err
		}
	}
	if err := o.walks(&walks); err != nil {
		return err
	}
	if err := o.reportTicks(ticks, dumps[warm:], sockets); err != nil {
		return err
	}
	if err := o.report("walk", millis(walks.median())); err != nil {
		return err
	}
	return o.report("scan", millis(scans)/float64(o.counts.churned))
}

package main

// The full-screen view when nobody touches it: what it costs, what it sends, and how soon it is there.

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// appearTime is how long the first rows may take before something is wrong.
const appearTime = 30 * time.Second

// view starts sockview on a terminal. It looks at the crowd's namespace and not at what else the machine has.
func (o *observer) view(args ...string) (*terminal, error) {
	return startOn(o.order.Dir, nil, append([]string{o.order.Sockview, "--netns", o.netns}, args...)...)
}

// warmView is sockview on a terminal, with rows on it and its first work done.
func (o *observer) warmView(args ...string) (*terminal, error) {
	t, err := o.view(args...)
	if err != nil {
		return nil, err
	}
	_, ok, err := t.until(appearTime, t.hasRows)
	if err == nil && !ok {
		err = fmt.Errorf("no rows appeared within %v", appearTime)
	}
	if err == nil {
		err = during(o.counts.warm, t)
	}
	if err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

// firstPaint is how soon there is something to see after exec, and how soon rows.
func (o *observer) firstPaint() error {
	var bytes, paints, rows durations
	for range o.counts.runs + 1 {
		t, err := o.view()
		if err != nil {
			return err
		}
		painted, ok, err := t.until(appearTime, func() bool { return !t.blank() })
		filled := painted
		if ok && err == nil {
			filled, ok, err = t.until(appearTime, t.hasRows)
		}
		if err == nil && !ok {
			err = fmt.Errorf("no rows appeared within %v", appearTime)
		}
		if err := errors.Join(err, t.close()); err != nil {
			return err
		}
		bytes = append(bytes, t.first.Sub(t.began))
		paints = append(paints, painted.Sub(t.began))
		rows = append(rows, filled.Sub(t.began))
	}
	// The first of them has read the program from disk.
	if err := o.report("first byte", millis(bytes[1:].median())); err != nil {
		return err
	}
	if err := o.report("first paint", millis(paints[1:].median())); err != nil {
		return err
	}
	return o.report("first rows", millis(rows[1:].median()))
}

// resting is sockview with nobody at the keys for as long as was asked for: CPU time, memory, bytes to the terminal.
func (o *observer) resting() error {
	t, err := o.warmView()
	if err != nil {
		return err
	}
	err = o.measureResting(t)
	return errors.Join(err, t.close())
}

func (o *observer) measureResting(t *terminal) error {
	pid := t.cmd.Process.Pid
	sent, start := t.received, time.Now()
	before, err := cpuTime(pid)
	if err != nil {
		return err
	}
	if err := during(o.counts.span, t); err != nil {
		return err
	}
	after, err := cpuTime(pid)
	if err != nil {
		return err
	}
	span := time.Since(start)
	resident, err := residentMemory(pid)
	if err != nil {
		return err
	}
	if err := o.report("resident", resident); err != nil {
		return err
	}
	if err := o.report("cpu", millis(after-before)); err != nil {
		return err
	}
	if err := o.report("span", millis(span)); err != nil {
		return err
	}
	return o.reportBytes(t.received-sent, span)
}

// reportBytes tells what was sent in a refresh.
func (o *observer) reportBytes(sent int, span time.Duration) error {
	refreshes := float64(span) / float64(refreshInterval)
	if err := o.report("refreshes", refreshes); err != nil {
		return err
	}
	return o.report("bytes", float64(sent)/refreshes)
}

// bytesOfChange is what is sent while rows change.
func (o *observer) bytesOfChange() error {
	t, err := o.warmView()
	if err != nil {
		return err
	}
	sent, start := t.received, time.Now()
	err = during(time.Duration(o.counts.refreshes)*refreshInterval, t)
	if err == nil {
		err = o.reportBytes(t.received-sent, time.Since(start))
	}
	return errors.Join(err, t.close())
}

// cpuTime is the time that all threads of a process have had a processor, also those that ended: its CPU-time clock
// (clock_getcpuclockid(3)), which counts in nanoseconds.
func cpuTime(pid int) (time.Duration, error) {
	const ofProcess = 2 // CPUCLOCK_SCHED (include/linux/posix-timers.h)
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|ofProcess), &ts); err != nil {
		return 0, fmt.Errorf("the CPU time of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// residentMemory is VmRSS of /proc/PID/status, in bytes.
func residentMemory(pid int) (float64, error) {
	path := filepath.Join("/proc", strconv.Itoa(pid), "status")
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("resident memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", path, err)
			}
			return kib * 1024, nil
		}
	}
	return 0, fmt.Errorf("%s has no VmRSS", path)
}

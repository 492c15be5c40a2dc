// The crew: two walkers, the jobs between them and the scan, and the watch over walkers that block.

package proc

import (
	"context"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	walkers = 2 // a scan may cost two cores, not the machine
	// maxBlocked is how many walkers may be left behind in reads that block; each holds a thread.
	maxBlocked = 16
	// defaultStall is for how long a walker may take no step before it is left behind.
	defaultStall  = 300 * time.Millisecond
	looksPerStall = 4
)

// lane is a goroutine with its walker. When a read blocks for ever, lane and walker are left behind, with
// the job they had, and another lane takes their place.
type lane struct {
	*walker
	current atomic.Pointer[job] // taken by whoever is first: the lane that is done, or the watch
	back    chan struct{}       // closed when it was left behind and has come back
	crashed *crash              // what it came back with
	beatAt  uint64              // the watch's: the beat when it last looked
	still   int                 // the watch's: how many looks in a row it stood still
}

// blocked is a lane that was left behind, and what it was doing.
type blocked struct {
	lane *lane
	pid  int32
	kind jobKind
}

// crew does the jobs of one scan.
type crew struct {
	ctx    context.Context
	look   func(f func()) // see FS
	root   *os.File
	block  int  // see walker
	real   bool // root is a real /proc
	stop   atomic.Bool
	jobs   chan *job
	done   chan *job
	lanes  []*lane
	left   []blocked // left behind, in this scan or an earlier one
	queue  []*job    // goes before what the running pass gives
	flying int       // jobs handed out and not come back
	free   []*job
	spare  []*walker // without a lane
	tick   *time.Ticker
}

func newCrew(ctx context.Context, look func(func()), root *os.File, stall time.Duration, block int, left []blocked, free []*job,
	spare []*walker) *crew {
	c := &crew{
		ctx: ctx, look: look, root: root, block: block, left: left, free: free, spare: spare,
		jobs: make(chan *job, 2*walkers), done: make(chan *job, 4*walkers),
		tick: time.NewTicker(stall / looksPerStall),
	}
	var st unix.Statfs_t
	c.real = unix.Fstatfs(int(root.Fd()), &st) == nil && st.Type == unix.PROC_SUPER_MAGIC
	for range min(walkers, runtime.GOMAXPROCS(0)) {
		c.hire()
	}
	return c
}

// hire starts a lane, unless too many are blocked already.
func (c *crew) hire() {
	if len(c.left) >= maxBlocked {
		return
	}
	var w *walker
	if n := len(c.spare); n > 0 {
		w, c.spare = c.spare[n-1], c.spare[:n-1]
	} else {
		w = newWalker()
	}
	w.root, w.real, w.block, w.stop = int(c.root.Fd()), c.real, c.block, &c.stop
	l := &lane{walker: w, back: make(chan struct{})}
	c.lanes = append(c.lanes, l)
	look, jobs, done, root := c.look, c.jobs, c.done, c.root
	go look(func() { l.work(jobs, done, root) })
}

// work does jobs until there are no more: for as long as the scan, it has the rights to look, in a thread of its own.
// root is kept open for as long as it is used.
func (l *lane) work(jobs <-chan *job, done chan<- *job, root *os.File) {
	defer runtime.KeepAlive(root)
	for j := range jobs {
		l.current.Store(j)
		crashed := guard(func() { l.do(j) })
		if !l.current.CompareAndSwap(j, nil) {
			l.crashed = crashed
			close(l.back)
			return
		}
		j.crashed = crashed
		done <- j
	}
}

func (w *walker) do(j *job) {
	w.beat.Add(1)
	switch j.kind {
	case jobPIDs:
		w.processes(j)
	case jobAlive:
		w.alive(j)
	case jobNew, jobAll:
		w.list(j)
	case jobTouch:
		w.touch(j)
	case jobBlock:
		w.part(j)
	case jobIdentify:
		info, err := w.identify(j.pid, j.stat.Start, j.mute)
		j.info = info
		j.fail(err)
	default:
		panic("no such job")
	}
}

// close ends the lanes. None of them is at work any more, but those that were left behind.
func (c *crew) close() {
	c.tick.Stop()
	close(c.jobs)
	for _, l := range c.lanes {
		c.spare = append(c.spare, l.walker)
	}
}

// over says whether time is up.
func (c *crew) over() bool { return c.stop.Load() }

// get is an empty job.
func (c *crew) get(kind jobKind, pid int32) *job {
	n := len(c.free)
	if n == 0 {
		return &job{kind: kind, pid: pid}
	}
	j := c.free[n-1]
	c.free = c.free[:n-1]
	j.reset()
	j.kind, j.pid = kind, pid
	return j
}

// maxFree is how many empty jobs are kept: as many as can be under way.
const maxFree = 8 * walkers

func (c *crew) put(j *job) {
	if len(c.free) < maxFree && !j.lost {
		if j.kind == jobBlock {
			j.table = nil // a part of its parent's
		}
		c.free = append(c.free, j)
	}
}

// run hands out the jobs that next gives until it gives nil, and those that settle queues, and lets settle
// have each that is done. It returns when none is under way. When time is up the rest is dropped.
func (c *crew) run(next func() *job, settle func(*job)) {
	if c.ctx.Err() != nil {
		c.stop.Store(true) // before anything is handed out
	}
	expired := c.ctx.Done()
	var hand *job
	for {
		if hand == nil {
			if n := len(c.queue); n > 0 {
				hand, c.queue = c.queue[n-1], c.queue[:n-1]
			} else if next != nil {
				if hand = next(); hand == nil {
					next = nil
				}
			}
		}
		if hand != nil && (c.over() || len(c.lanes) == 0) {
			c.drop(hand, settle)
			hand = nil
			continue
		}
		if hand == nil && c.flying == 0 {
			return
		}
		var jobs chan<- *job
		if hand != nil {
			jobs = c.jobs
		}
		select {
		case jobs <- hand:
			c.flying++
			hand = nil
		case j := <-c.done:
			c.flying--
			c.rethrow(j)
			settle(j)
		case <-c.tick.C:
			c.watch(settle)
		case <-expired:
			c.stop.Store(true)
			expired = nil
		}
	}
}

// drop gives back a job that nobody will do.
func (c *crew) drop(j *job, settle func(*job)) {
	j.undone = true
	settle(j)
}

// watch leaves behind the lanes that took no step for too long, and hires others. It counts looks, not
// time: after a suspend all stood still for long, and none is blocked.
func (c *crew) watch(settle func(*job)) {
	for i := 0; i < len(c.lanes); {
		l := c.lanes[i]
		j, beat := l.current.Load(), l.beat.Load()
		if j == nil || beat != l.beatAt {
			l.beatAt, l.still = beat, 0
			i++
			continue
		}
		if l.still++; l.still < looksPerStall || !l.current.CompareAndSwap(j, nil) {
			i++
			continue
		}
		c.lanes = append(c.lanes[:i], c.lanes[i+1:]...)
		c.left = append(c.left, blocked{lane: l, pid: j.pid, kind: j.kind})
		c.flying--
		// the lane still has the job and may write to it: settle gets another that says so
		lost := &job{kind: j.kind, pid: j.pid, mute: j.mute, parent: j.parent, lost: true}
		if j.kind == jobIdentify {
			lost.stat = j.stat
		}
		c.hire()
		settle(lost)
	}
	for len(c.lanes) == 0 && c.flying > 0 { // nobody is left to take what was handed out
		select {
		case j := <-c.jobs:
			c.flying--
			c.drop(j, settle)
		case j := <-c.done:
			c.flying--
			c.rethrow(j)
			settle(j)
		}
	}
}

// rethrow goes on with a panic of a lane in the goroutine that asked for the scan, where whoever started
// that can see to it.
func (c *crew) rethrow(j *job) {
	if j.crashed != nil {
		c.stop.Store(true)
		panic(j.crashed)
	}
}

package act

// Kills against an adversary: in a pid namespace where pids can be chosen, the process that was looked at dies at
// any moment before the signal, and an innocent one has its pid at once.

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var kills = flag.Int("kills", 300, "kills that TestFault19PidReused tries; 10000 take a few minutes")

// TestFault19PidReused runs TestAdversary as pid 1 of a pid namespace.
func TestFault19PidReused(t *testing.T) {
	t.Log(inPidNamespace(t, "TestAdversary", "-kills="+strconv.Itoa(*kills)))
}

// moment is when the target dies and an innocent process gets its pid.
type moment int

// The moments, in the order of what is done: the look, Hold (pidfd_open, then the check: stat, status, and last
// that the pidfd still has the pid), Signal (the check once more, then pidfd_send_signal).
const (
	never moment = iota // left in peace: it has to get the signal
	afterLook
	holdBeforeStat
	holdAfterStat
	holdAfterStatus
	afterHold
	signalBeforeStat
	signalAfterStat
	signalAfterStatus
	raced // by the adversary on another processor, at no set moment
	moments
)

// tally is what became of the kills.
type tally struct {
	Tried, Delivered, Gone, Reused, Zombie int
	Wrong                                  int // an innocent process got a signal, or the target two fates
}

func TestAdversary(t *testing.T) {
	if os.Getenv(roleVariable) != "pidns" {
		t.Skip("is run by TestFault19PidReused")
	}
	a := newAdversary(t)
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 19))
	var sum tally
	var at [moments]tally
	began := time.Now()
	for sum.Tried < *kills {
		for _, victim := range a.targets(min(64, *kills-sum.Tried)) {
			m := moment(sum.Tried % int(moments))
			one := a.kill(victim, m, rnd)
			sum.add(one)
			at[m].add(one)
		}
		if t.Failed() {
			t.Fatalf("seed %d: %+v", seed, sum)
		}
	}
	fmt.Printf("%d kills in %v, seed %d: %+v\n", sum.Tried, time.Since(began).Round(time.Second), seed, sum)
	fmt.Printf("undisturbed: %+v\nraced: %+v\n", at[never], at[raced])
	if at[never].Delivered != at[never].Tried {
		t.Errorf("left in peace, and not signalled: %+v", at[never])
	}
	for m := afterLook; m < raced; m++ {
		if at[m].Delivered != 0 {
			t.Errorf("at moment %d a process was signalled that was dead: %+v", m, at[m])
		}
	}
}

func (s *tally) add(o tally) {
	s.Tried += o.Tried
	s.Delivered += o.Delivered
	s.Gone += o.Gone
	s.Reused += o.Reused
	s.Zombie += o.Zombie
	s.Wrong += o.Wrong
}

// adversary makes processes and lets others have their pids.
type adversary struct {
	*testing.T
	cat     string
	lastPID string // the kernel's file
}

func newAdversary(t *testing.T) *adversary {
	ownProc(t)
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Skipf("needs cat, which is started sooner than a Go program: %v", err)
	}
	return &adversary{T: t, cat: cat, lastPID: ownPIDs(t)}
}

// victim is a process that waits for the end of its input, and then exits with 0. Anything else was a signal.
type victim struct {
	*os.Process
	input *os.File
}

// start starts a process; it cannot hold on to another's input.
func (a *adversary) start() victim {
	a.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		a.Fatal(err)
	}
	defer r.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		a.Fatal(err)
	}
	defer null.Close()
	p, err := os.StartProcess(a.cat, []string{"cat"}, &os.ProcAttr{Files: []*os.File{r, null, null}, Env: []string{}})
	if err != nil {
		a.Fatal(err)
	}
	return victim{p, w}
}

// end lets a process exit and reaps it: its pid is free then. It says by which signal it had ended already.
func (v victim) end() (syscall.Signal, error) {
	if err := v.input.Close(); err != nil {
		return 0, err
	}
	state, err := v.Wait()
	if err != nil {
		return 0, err
	}
	if status := state.Sys().(syscall.WaitStatus); status.Signaled() {
		return status.Signal(), nil
	} else if status.ExitStatus() != 0 {
		return 0, fmt.Errorf("cat: exit code %d", status.ExitStatus())
	}
	return 0, nil
}

// targets are n processes that were born in an earlier clock tick than any that comes after: the tick is how exact a
// start time is, and who is replaced within it cannot be told from the successor (see Actor.check).
func (a *adversary) targets(n int) []victim {
	a.Helper()
	all := make([]victim, n)
	for i := range all {
		all[i] = a.start()
	}
	born := target(a.T, all[n-1].Pid).Start
	for {
		probe := a.start()
		now := target(a.T, probe.Pid).Start
		if _, err := probe.end(); err != nil {
			a.Fatal(err)
		}
		if now > born {
			return all
		}
	}
}

// succeed starts a process that has the pid. Threads of ours take pids, too, so it may need a few attempts.
func (a *adversary) succeed(pid int) (victim, error) {
	var others []victim
	defer func() {
		for _, v := range others {
			v.end() //nolint:errcheck // nobody was to signal these
		}
	}()
	for range 1000 {
		if err := os.WriteFile(a.lastPID, []byte(strconv.Itoa(pid-1)), 0); err != nil {
			return victim{}, err
		}
		v := a.start()
		if v.Pid == pid {
			return v, nil
		}
		others = append(others, v)
	}
	return victim{}, fmt.Errorf("no process got the pid %d", pid)
}

// swap is the adversary's move: the target dies, and an innocent process has its pid.
type swap struct {
	*adversary
	target   victim
	ended    syscall.Signal // by which the target had ended before its time
	innocent victim
	done     bool
}

func (s *swap) do() {
	if s.done {
		return
	}
	s.done = true
	var err error
	if s.ended, err = s.target.end(); err == nil {
		s.innocent, err = s.succeed(s.target.Pid)
	}
	if err != nil {
		s.Error(err)
	}
}

// kill looks at a process, and signals it as the screen does: Hold when the question opens, Signal at yes. At
// moment m the adversary moves.
func (a *adversary) kill(v victim, m moment, rnd *rand.Rand) tally {
	a.Helper()
	looked := target(a.T, v.Pid)
	s := &swap{adversary: a, target: v}
	signals := []syscall.Signal{unix.SIGTERM, unix.SIGKILL, unix.SIGUSR1}
	sig := signals[rnd.IntN(len(signals))]
	root, settled := "/proc", func() {}
	switch {
	case m == afterLook:
		s.do()
	case m == raced:
		settled = race(s, rnd.IntN(200_000))
		spin(rnd.IntN(600_000))
	case m != never && m != afterHold:
		slow := newSlowProc(a.T, v.Pid)
		root, settled = slow.root, slow.close
		go slow.serve(m, s)
	}
	h, err := New(root, nil).Hold(looked)
	if err == nil {
		if m == afterHold {
			s.do()
		}
		err = h.Signal(sig)
		h.Close()
	}
	settled()
	return a.judge(s, m, sig, err)
}

// race lets the adversary move on another processor, after so many turns; what it returns waits for that.
func race(s *swap, turns int) func() {
	begun, moved := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(moved)
		close(begun)
		spin(turns)
		s.do()
	}()
	<-begun
	return func() { <-moved }
}

// spin passes a time that no clock tells.
func spin(turns int) {
	for range turns {
		runtime.KeepAlive(turns)
	}
}

// judge finds out who got a signal, and whether what was said of it is true.
func (a *adversary) judge(s *swap, m moment, sig syscall.Signal, err error) tally {
	a.Helper()
	one := tally{Tried: 1}
	hit, failed := s.ended, error(nil)
	if !s.done {
		hit, failed = s.target.end()
	} else if s.innocent.Process != nil {
		var wrong syscall.Signal
		if wrong, failed = s.innocent.end(); wrong != 0 {
			one.Wrong++
			a.Errorf("moment %d: %v hit an innocent process with the pid %d; what was said is %v", m, wrong, s.target.Pid, err)
		}
	}
	if failed != nil {
		a.Error(failed)
	}
	switch {
	case err == nil && (hit == sig || m == raced && hit == 0):
		one.Delivered++ // or it was on its way out and could not be ended twice
	case err == nil || hit != 0:
		one.Wrong++
		a.Errorf("moment %d: the target ended by %v, and what was said of %v is %v", m, hit, sig, err)
	case errors.Is(err, ErrGone):
		one.Gone++
	case errors.Is(err, ErrReused):
		one.Reused++
	case errors.Is(err, ErrZombie) && m == raced:
		one.Zombie++
	default:
		a.Errorf("moment %d: %v", m, err)
	}
	return one
}

// slowProc is a /proc of one process whose stat and status are FIFOs: whoever reads them waits, and what comes is
// what the real /proc says at that time. So the adversary can move between any two steps of a check.
type slowProc struct {
	t    *testing.T
	root string
	pid  string
	over chan struct{} // nobody will read any more
	left chan struct{} // closed when nothing is served any more
}

func newSlowProc(t *testing.T, pid int) *slowProc {
	t.Helper()
	root, err := os.MkdirTemp("", "slowproc-")
	if err != nil {
		t.Fatal(err)
	}
	p := &slowProc{t: t, root: root, pid: strconv.Itoa(pid), over: make(chan struct{}), left: make(chan struct{})}
	dir := filepath.Join(root, p.pid)
	for _, made := range []error{
		os.Mkdir(dir, 0o700),
		unix.Mkfifo(filepath.Join(dir, "stat"), 0o600),
		unix.Mkfifo(filepath.Join(dir, "status"), 0o600),
		os.Symlink("/proc/self", filepath.Join(root, "self")),
	} {
		if made != nil {
			t.Fatal(made)
		}
	}
	return p
}

// serve answers the reads of two checks, Hold's and Signal's, and moves at moment m.
func (p *slowProc) serve(m moment, s *swap) {
	defer close(p.left)
	for _, step := range []struct {
		file          string
		before, after moment // of the reading
	}{
		{"stat", holdBeforeStat, holdAfterStat},
		{"status", never, holdAfterStatus},
		{"stat", signalBeforeStat, signalAfterStat},
		{"status", never, signalAfterStatus},
	} {
		f := p.reader(step.file)
		if f == nil {
			return
		}
		if step.before != never && m == step.before {
			s.do()
		}
		text, err := os.ReadFile("/proc/" + p.pid + "/" + step.file)
		if err == nil {
			_, err = f.Write(text)
		}
		if m == step.after { // the reader has it, and waits for the end of the file
			s.do()
		}
		if err := errors.Join(err, f.Close()); err != nil {
			p.t.Error(err)
		}
	}
}

// reader waits for somebody to open a FIFO for reading; it gives nil when nobody will.
func (p *slowProc) reader(name string) *os.File {
	for {
		f, err := os.OpenFile(filepath.Join(p.root, p.pid, name), os.O_WRONLY|unix.O_NONBLOCK, 0)
		switch {
		case err == nil:
			return f
		case !errors.Is(err, unix.ENXIO) && !errors.Is(err, unix.EINTR):
			p.t.Error(err)
			return nil
		}
		select {
		case <-p.over:
			return nil
		default:
			runtime.Gosched()
		}
	}
}

// close ends the serving, when all that is to be read was.
func (p *slowProc) close() {
	close(p.over)
	<-p.left
	if err := os.RemoveAll(p.root); err != nil {
		p.t.Error(err)
	}
}

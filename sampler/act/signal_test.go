package act

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// TestSignalArrives: each signal that can be caught, by a child that says what it got.
func TestSignalArrives(t *testing.T) {
	cmd, says := talkingChild(t, "says")
	h, err := actor().Hold(target(t, cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for _, choice := range Signals() {
		if choice.Name == "STOP" || choice.Name == "KILL" {
			continue
		}
		if err := h.Signal(choice.Signal); err != nil {
			t.Fatal(err)
		}
		if got, err := says.ReadString('\n'); err != nil || got != "SIG"+choice.Name+"\n" {
			t.Errorf("%s: got %q, %v", choice.Name, got, err)
		}
	}
}

func TestSignalEndsTheProcess(t *testing.T) {
	for _, sig := range []syscall.Signal{unix.SIGTERM, unix.SIGKILL} {
		cmd := child(t, "waits")
		if err := actor().Signal(target(t, cmd.Process.Pid), sig); err != nil {
			t.Fatal(err)
		}
		if state := wait(cmd); !state.Signaled() || state.Signal() != sig {
			t.Errorf("%v: status %#x", sig, state)
		}
	}
}

func wait(cmd *exec.Cmd) syscall.WaitStatus {
	cmd.Wait() //nolint:errcheck // the status says it
	return cmd.ProcessState.Sys().(syscall.WaitStatus)
}

func TestSignalOrder(t *testing.T) {
	var names []string
	for _, c := range Signals() {
		names = append(names, c.Name)
		if got := unix.SignalName(c.Signal); got != "SIG"+c.Name {
			t.Errorf("%s sends %s", c.Name, got)
		}
		if c.Help == "" {
			t.Errorf("%s has no help", c.Name)
		}
	}
	if got := strings.Join(names, " "); got != "TERM KILL INT HUP STOP CONT USR1 USR2" {
		t.Errorf("offered %s", got)
	}
}

// TestNotTheProcess: whatever differs from what was looked at, nothing is sent.
func TestNotTheProcess(t *testing.T) {
	cmd := child(t, "waits")
	right := target(t, cmd.Process.Pid)
	for name, c := range map[string]struct {
		change func(*model.SignalTarget)
		want   error
		says   string
	}{
		"start time": {func(t *model.SignalTarget) { t.Start++ }, ErrReused, "another process"},
		"user":       {func(t *model.SignalTarget) { t.UID++ }, ErrReused, "changed its user"},
		"pid 0":      {func(t *model.SignalTarget) { t.PID = 0 }, ErrRefused, "not the pid"},
		"negative":   {func(t *model.SignalTarget) { t.PID = -t.PID }, ErrRefused, "not the pid"},
		"init":       {func(t *model.SignalTarget) { t.PID = 1 }, ErrRefused, "init"},
		"ourselves":  {func(t *model.SignalTarget) { t.PID = int32(os.Getpid()) }, ErrRefused, "sockview itself"},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := right
			c.change(&wrong)
			err := actor().Signal(wrong, unix.SIGKILL)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %v: %q", err, c.want, c.says)
			}
			if strings.ContainsRune(err.Error(), '\n') {
				t.Errorf("more than a line: %q", err)
			}
		})
	}
	h, err := actor().Hold(right)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if dead, err := h.Ended(); dead || err != nil {
		t.Errorf("the process was hit (%v)", err)
	}
}

func TestSignalAThreadID(t *testing.T) {
	cmd := child(t, "waits")
	right := target(t, cmd.Process.Pid)
	tasks, err := os.ReadDir("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil {
			t.Fatal(err)
		}
		if tid == cmd.Process.Pid {
			continue
		}
		right.PID = int32(tid)
		if err := actor().Signal(right, unix.SIGKILL); !errors.Is(err, ErrReused) {
			t.Errorf("thread %d: %v", tid, err)
		}
		return
	}
	t.Fatal("a Go program with one thread")
}

func TestSignalKernelThread(t *testing.T) {
	a := actor()
	p, err := a.stat(2)
	if err != nil || !p.kernel {
		t.Skipf("needs the host's pid namespace: pid 2 is not kthreadd here (%v)", err)
	}
	err = a.Signal(target(t, 2), unix.SIGKILL)
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "kernel thread") {
		t.Errorf("got %v", err)
	}
}

func TestSignalExited(t *testing.T) {
	cmd := child(t, "waits")
	was := target(t, cmd.Process.Pid)
	h, err := actor().Hold(was)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	cmd.Process.Kill() //nolint:errcheck // the wait tells
	wait(cmd)
	if err := actor().Signal(was, unix.SIGKILL); !errors.Is(err, ErrGone) {
		t.Errorf("signal: %v", err)
	}
	if err := h.Signal(unix.SIGKILL); !errors.Is(err, ErrGone) {
		t.Errorf("held: %v", err)
	}
	if err := h.Wait(soon(t)); err != nil {
		t.Errorf("wait: %v", err)
	}
}

func TestSignalZombie(t *testing.T) {
	cmd := child(t, "waits")
	was := target(t, cmd.Process.Pid)
	h, err := actor().Hold(was)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if err := h.Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	ended(t, cmd) // and not reaped
	parent := "pid " + strconv.Itoa(os.Getpid())
	if err := h.Signal(unix.SIGKILL); !errors.Is(err, ErrZombie) || !strings.Contains(err.Error(), parent) {
		t.Errorf("held: %v", err)
	}
	if err := actor().Signal(was, unix.SIGKILL); !errors.Is(err, ErrZombie) {
		t.Errorf("signal: %v", err)
	}
	if dead, err := h.Ended(); !dead || err != nil {
		t.Errorf("Ended() = %v, %v", dead, err)
	}
}

// TestMainThreadGone: state Z, and yet alive.
func TestMainThreadGone(t *testing.T) {
	cmd := child(t, "leaderless")
	pid := cmd.Process.Pid
	deadline := soon(t)
	for { // the main thread exits right after it said ready
		if p, err := actor().stat(int32(pid)); err != nil {
			t.Fatal(err)
		} else if p.state == 'Z' {
			break
		}
		if deadline.Err() != nil {
			t.Fatal("the main thread does not exit")
		}
		runtime.Gosched()
	}
	h, err := actor().Hold(target(t, pid))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if dead, err := h.Ended(); dead || err != nil {
		t.Fatalf("Ended() = %v, %v", dead, err)
	}
	if err := h.Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := h.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
}

func TestStopped(t *testing.T) {
	cmd := child(t, "waits")
	h, err := actor().Hold(target(t, cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if got := h.Hint(unix.SIGTERM); got != "" {
		t.Errorf("while it runs: %q", got)
	}
	if err := h.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(cmd.Process.Pid, &status, unix.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("status %v, %v", status, err)
	}
	if got := h.Hint(unix.SIGTERM); !strings.Contains(got, "TERM waits until it gets CONT") {
		t.Errorf("while it is stopped: %q", got)
	}
	if got := h.Hint(unix.SIGKILL); got != "" {
		t.Errorf("KILL while it is stopped: %q", got)
	}
	if err := h.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if dead, err := h.Ended(); dead || err != nil {
		t.Errorf("a stopped process acted on TERM (%v)", err)
	}
	if err := h.Signal(unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := h.Wait(soon(t)); err != nil {
		t.Fatal(err)
	}
}

func TestWaitIsEnded(t *testing.T) {
	cmd := child(t, "waits")
	h, err := actor().Hold(target(t, cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	first, second := make(chan error), make(chan error)
	go func() { first <- h.Wait(cancelled) }()
	go func() { second <- h.Wait(context.Background()) }()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	select {
	case err := <-second:
		t.Fatalf("ended with the other: %v", err)
	default:
	}
	h.Close()
	if err := <-second; !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if err := h.Signal(unix.SIGKILL); !errors.Is(err, os.ErrClosed) {
		t.Errorf("signalled after Close: %v", err)
	}
	if err := h.Wait(context.Background()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("waited after Close: %v", err)
	}
	h.Close()
	// nothing of all this reached the process
	if err := actor().Signal(target(t, cmd.Process.Pid), 0); err != nil {
		t.Error(err)
	}
}

// TestFault39SignalForbidden: another user's process, from a thread that has no capability.
func TestFault39SignalForbidden(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: becomes another user")
	}
	cmd := child(t, "waits")
	of := target(t, cmd.Process.Pid)
	answer := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		const nobody = 65534
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			answer <- errno
			return
		}
		answer <- actor().Signal(of, unix.SIGKILL)
	}()
	err := <-answer
	if !errors.Is(err, ErrPermission) || !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "CAP_KILL") ||
		!strings.Contains(err.Error(), "another user's") {
		t.Errorf("got %v", err)
	}
	if err := actor().Signal(of, 0); err != nil {
		t.Errorf("the process was hit: %v", err)
	}
}

// TestForeignProc: a /proc of another pid namespace counts other pids than pidfd_open does.
func TestForeignProc(t *testing.T) {
	cmd := child(t, "waits")
	pid := cmd.Process.Pid
	of := target(t, pid)
	root := fakeProc(t, map[int]string{pid: statText("other", 'S', 1, 0, of.Start)})
	writeFile(t, root, pid, "status", "Uid:\t0\t"+strconv.Itoa(int(of.UID))+"\t0\t0\n")
	if err := os.MkdirAll(root+"/self/fdinfo", 0o755); err != nil {
		t.Fatal(err)
	}
	for fd := range 1024 { // whichever the pidfd becomes
		if err := os.WriteFile(root+"/self/fdinfo/"+strconv.Itoa(fd), []byte("Pid:\t77\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	err := New(root, nil).Signal(of, unix.SIGKILL)
	if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "pid namespace") {
		t.Errorf("got %v", err)
	}
	if err := actor().Signal(of, 0); err != nil {
		t.Errorf("the process was hit: %v", err)
	}
}

// TestReusedPid runs TestInPidNamespace as pid 1 of a namespace where pids can be chosen.
func TestReusedPid(t *testing.T) { inPidNamespace(t, "TestInPidNamespace") }

// inPidNamespace runs another test as pid 1 of a pid namespace, and gives what it said.
func inPidNamespace(t *testing.T, test string, flags ...string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes a pid namespace")
	}
	cmd := exec.Command("/proc/self/exe", append([]string{"-test.run=^" + test + "$", "-test.v"}, flags...)...)
	cmd.Env = append(os.Environ(), roleVariable+"=pidns")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS, Pdeathsig: unix.SIGKILL}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	out, err := cmd.CombinedOutput()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSPC) {
		t.Skipf("needs a pid namespace: %v", err)
	}
	switch {
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("in the namespace: %s", out)
	case !strings.Contains(string(out), "--- PASS: "+test):
		t.Fatalf("it did not run:\n%s", out)
	}
	return string(out)
}

// ownProc mounts the /proc of the pid namespace that the test is pid 1 of.
func ownProc(t *testing.T) {
	t.Helper()
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Skipf("needs a mount namespace of its own: %v", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		t.Skipf("needs to mount /proc: %v", err)
	}
}

// ownPIDs is the file that says which pid is given out next: one more than what is written to it.
func ownPIDs(t *testing.T) string {
	t.Helper()
	const lastPID = "/proc/sys/kernel/ns_last_pid"
	if _, err := os.Stat(lastPID); err != nil {
		t.Skipf("needs CONFIG_CHECKPOINT_RESTORE: %v", err)
	}
	return lastPID
}

func TestInPidNamespace(t *testing.T) {
	if os.Getenv(roleVariable) != "pidns" {
		t.Skip("is run by TestReusedPid")
	}
	ownProc(t)
	lastPID := ownPIDs(t)
	const rounds = 20
	for range rounds {
		first := child(t, "waits")
		pid := first.Process.Pid
		was := target(t, pid)
		h, err := actor().Hold(was)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Signal(unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		wait(first)
		second := childWithPID(t, lastPID, pid, was.Start)

		if err := h.Signal(unix.SIGKILL); !errors.Is(err, ErrGone) {
			t.Errorf("held before: %v", err)
		}
		if err := actor().Signal(was, unix.SIGKILL); !errors.Is(err, ErrReused) {
			t.Errorf("signalled after: %v", err)
		}
		if err := actor().Signal(target(t, pid), 0); err != nil {
			t.Errorf("the other process was hit: %v", err)
		}
		h.Close()
		second.Process.Kill() //nolint:errcheck // the wait tells
		wait(second)
	}
}

// childWithPID starts a child that gets pid, born after the clock tick start. Threads take pids too, so it
// may need a few attempts.
func childWithPID(t *testing.T, lastPID string, pid int, start uint64) *exec.Cmd {
	t.Helper()
	deadline := soon(t)
	for deadline.Err() == nil {
		if err := os.WriteFile(lastPID, []byte(strconv.Itoa(pid-1)), 0); err != nil {
			t.Fatal(err)
		}
		cmd := child(t, "waits")
		if cmd.Process.Pid == pid && target(t, pid).Start != start {
			return cmd
		}
		cmd.Process.Kill() //nolint:errcheck // the wait tells
		wait(cmd)
	}
	t.Fatal("no child got the pid")
	return nil
}

// TestNothingStaysOpen: each handle and each wait gives its descriptors back.
func TestNothingStaysOpen(t *testing.T) {
	cmd := child(t, "waits")
	of := target(t, cmd.Process.Pid)
	count := func() int {
		d, err := os.Open("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		names, err := d.Readdirnames(-1)
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		return len(names)
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	round := func() {
		h, err := actor().Hold(of)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Wait(over); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		h.Close()
		of.Start++
		if _, err := actor().Hold(of); !errors.Is(err, ErrReused) {
			t.Fatal(err)
		}
		of.Start--
	}
	round() // the poller's own descriptors
	before := count()
	for range 50 {
		round()
	}
	h, err := actor().Hold(of)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Process.Kill() //nolint:errcheck // the waits tell
	for range 50 {
		if err := h.Wait(soon(t)); err != nil {
			t.Fatal(err)
		}
	}
	h.Close()
	if after := count(); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

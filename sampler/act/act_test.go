package act

// Children of the test, and what they do: the test binary itself in another role.

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockview/model"
)

const roleVariable = "SOCKVIEW_ACT_TEST_ROLE"

func init() {
	if os.Getenv(roleVariable) == "leaderless" {
		runtime.LockOSThread() // the main goroutine stays on the main thread
	}
}

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		os.Exit(m.Run())
	case "waits":
		ready()
		untilStdinEnds()
	case "says": // the name of each signal it gets
		got := make(chan os.Signal, 1)
		signal.Notify(got, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGCONT, unix.SIGUSR1, unix.SIGUSR2)
		go func() {
			untilStdinEnds()
			os.Exit(0)
		}()
		ready()
		for sig := range got {
			fmt.Println(unix.SignalName(sig.(syscall.Signal)))
		}
	case "leaderless": // its main thread exits, the process lives on
		go func() {
			untilStdinEnds()
			os.Exit(0)
		}()
		ready()
		syscall.Syscall(syscall.SYS_EXIT, 0, 0, 0) //nolint:errcheck // does not return
	case "pidns":
		os.Exit(m.Run())
	}
}

func ready() { fmt.Println("ready") }

func untilStdinEnds() { io.Copy(io.Discard, os.Stdin) } //nolint:errcheck // any end is an end

// child starts the test binary in a role, ready, and ends it with the test.
func child(t *testing.T, role string) *exec.Cmd {
	t.Helper()
	cmd, _ := talkingChild(t, role)
	return cmd
}

// talkingChild is child with what the child prints after it is ready.
func talkingChild(t *testing.T, role string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	stdin, err := cmd.StdinPipe() // ends the child even if the test is killed
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Process.Kill() //nolint:errcheck // it may have ended
		cmd.Wait()         //nolint:errcheck // as above
	})
	out := bufio.NewReader(stdout)
	if line, err := out.ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the child said %q, %v", line, err)
	}
	return cmd, out
}

func actor() *Actor { return New("/proc", nil) }

// target is how a snapshot would name the process.
func target(t *testing.T, pid int) model.SignalTarget {
	t.Helper()
	a := actor()
	p, err := a.stat(int32(pid))
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.status(int32(pid))
	if err != nil {
		t.Fatal(err)
	}
	return model.SignalTarget{PID: int32(pid), Start: p.start, UID: c.effective}
}

// soon is a bound for what must happen: a test that waits so long has failed.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// ended waits until the process of cmd is dead, without reaping it.
func ended(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	fd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	for {
		if n, err := unix.Poll(poll, 60_000); err == unix.EINTR {
			continue
		} else if n != 1 {
			t.Fatalf("the child does not end: %v", err)
		}
		return
	}
}

// fakeProc makes a /proc of stat files from pid to the text after the pid.
func fakeProc(t *testing.T, stats map[int]string) string {
	t.Helper()
	root := t.TempDir()
	for pid, rest := range stats {
		writeFile(t, root, pid, "stat", fmt.Sprintf("%d %s\n", pid, rest))
	}
	return root
}

func writeFile(t *testing.T, root string, pid int, name, text string) {
	t.Helper()
	dir := root + "/" + strconv.Itoa(pid)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/"+name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// statText is a line of /proc/PID/stat after the pid.
func statText(name string, state byte, ppid int, flags uint64, start uint64) string {
	return fmt.Sprintf("(%s) %c %d 1 1 0 -1 %d 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0", name, state, ppid, flags, start)
}

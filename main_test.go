package main

// What the end-to-end tests stand on: the binary, built once, and the processes that the tests make. A test
// binary that is told a role by the environment becomes that process: a server with listeners of its own, or
// a shell with job control.

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The environment of children.
const (
	roleVariable = "SOCKVIEW_TEST_ROLE"
	commVariable = "SOCKVIEW_TEST_COMM"       // the name a server gives itself
	manyVariable = "SOCKVIEW_TEST_LISTENERS"  // how many listeners it opens
	atExit       = "GORACE=atexit_sleep_ms=0" // the race detector's second before an end is not ours
	// binaryVariable names a binary to test instead of building one, for example the one to be released.
	binaryVariable = "SOCKVIEW_TEST_BINARY"
)

// built is what TestMain made: paths that are set once, before any test runs.
var built struct {
	dir    string // for everybody to read
	binary string
}

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "server":
		os.Exit(serve())
	case "shell":
		os.Exit(shell(os.Args[1:]))
	case "without sock_diag":
		os.Exit(withoutSockDiag(os.Args[1:]))
	case "zoo":
		os.Exit(keepZoo(zoos[os.Getenv(zooVariable)]))
	}
	os.Exit(prepared(m))
}

// prepared builds the binary and runs the tests.
func prepared(m *testing.M) int {
	dir, err := os.MkdirTemp("", "sockview-e2e-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = os.Chmod(dir, 0o755) // tests run it as another user, too
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "no place for the binary:", err)
		return 1
	}
	built.dir, built.binary = dir, filepath.Join(dir, "sockview")
	if given := os.Getenv(binaryVariable); given != "" {
		built.binary = given
		return m.Run()
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", built.binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the binary: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// patience is how long a test waits for what should come at once. It is only ever used up by a failure.
const patience = 30 * time.Second

// server is a child of the test that listens on loopback ports the kernel chose, and takes every connection.
type server struct {
	t     *testing.T
	pid   int
	ports []int
	ended chan struct{}
}

// server's options.
type serving struct {
	name      string   // of its executable; "" is svserver
	comm      string   // what it calls itself; "" leaves the name
	args      []string // of its command line, after the name
	listeners int      // 0 is one
}

// startServer starts a server and ends it with the test.
func startServer(t *testing.T, how serving) *server {
	t.Helper()
	if how.name == "" {
		how.name = "svserver"
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), how.name)
	if err := os.Symlink(exe, link); err != nil {
		t.Fatal(err)
	}
	c := &exec.Cmd{Path: link, Args: append([]string{how.name}, how.args...), Stderr: os.Stderr}
	c.Env = append(os.Environ(), atExit, roleVariable+"=server", commVariable+"="+how.comm,
		manyVariable+"="+strconv.Itoa(max(1, how.listeners)))
	in, err := c.StdinPipe() // open for as long as the test runs: its end is the server's end
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, pid: c.Process.Pid, ended: make(chan struct{})}
	lines := bufio.NewScanner(out)
	for range max(1, how.listeners) {
		if !lines.Scan() {
			break
		}
		if port, err := strconv.Atoi(lines.Text()); err == nil {
			s.ports = append(s.ports, port)
		}
	}
	go func() {
		c.Wait() //nolint:errcheck // it is told to end, one way or another
		close(s.ended)
	}()
	t.Cleanup(func() {
		in.Close()
		c.Process.Kill() //nolint:errcheck // it may have ended
		<-s.ended
	})
	if len(s.ports) != max(1, how.listeners) {
		t.Fatalf("the server did not start: %v", lines.Err())
	}
	return s
}

// lives says whether the server still runs.
func (s *server) lives() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// serve is a server's life.
func serve() int {
	if comm := os.Getenv(commVariable); comm != "" {
		if err := os.WriteFile("/proc/self/comm", []byte(comm), 0); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	many, err := strconv.Atoi(os.Getenv(manyVariable))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for range many {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					io.Copy(io.Discard, c) //nolint:errcheck // until either side closes
					c.Close()
				}()
			}
		}()
		fmt.Println(l.Addr().(*net.TCPAddr).Port)
	}
	io.Copy(io.Discard, os.Stdin) //nolint:errcheck // until the test is over
	return 0
}

// shell runs a command as a shell's job in front: a process group of its own, to which the terminal is handed.
// It is the leader of the terminal's session, on standard input. When the job stops, it takes the terminal
// back and says "stopped" on file 4; on a line from file 3 it does what fg does. The terminal's settings it
// leaves alone.
func shell(command []string) int {
	orders, events := bufio.NewReader(os.NewFile(3, "orders")), os.NewFile(4, "events")
	unix.CloseOnExec(3)
	unix.CloseOnExec(4)
	job, err := os.StartProcess(command[0], command, &os.ProcAttr{
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 127
	}
	forward := func() error {
		if err := inFront(job.Pid); err != nil {
			return err
		}
		// Before it was in front, the job may have been stopped for touching the terminal.
		return unix.Kill(-job.Pid, unix.SIGCONT)
	}
	for err := forward(); err == nil; err = forward() {
		var status unix.WaitStatus
		if _, err := unix.Wait4(job.Pid, &status, unix.WUNTRACED, nil); err == unix.EINTR {
			continue
		} else if err != nil {
			break
		}
		if !status.Stopped() {
			if status.Signaled() {
				return 128 + int(status.Signal())
			}
			return status.ExitStatus()
		}
		if err := inFront(unix.Getpgrp()); err != nil {
			break
		}
		fmt.Fprintln(events, "stopped")
		if _, err := orders.ReadString('\n'); err != nil {
			break // the test is over
		}
	}
	unix.Kill(-job.Pid, unix.SIGKILL) //nolint:errcheck // it may have ended
	return 126
}

// inFront gives the terminal to a process group. From behind, the kernel lets only those do it that have
// SIGTTOU blocked (tty_check_change in drivers/tty/tty_jobctrl.c); ignoring it would be inherited by the job.
func inFront(pgrp int) error {
	runtime.LockOSThread() // what is blocked is a thread's own
	defer runtime.UnlockOSThread()
	var blocked, was unix.Sigset_t
	blocked.Val[0] = 1 << (unix.SIGTTOU - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &blocked, &was); err != nil {
		return err
	}
	err := unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, pgrp)
	if restored := unix.PthreadSigmask(unix.SIG_SETMASK, &was, nil); err == nil {
		err = restored
	}
	return err
}

// home is a folder for a user's settings, readable by everybody.
func home(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(built.dir, "home-")
	if err == nil {
		err = os.Chmod(dir, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// environment is what the binary gets to see: nothing of the person's who runs the tests.
func environment(home string, more ...string) []string {
	return append([]string{
		"TERM=xterm-256color", "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin", "HOME=" + home, "XDG_CONFIG_HOME=" + home,
	}, more...)
}

// hasCapability says whether this process has a capability in effect (CapEff of /proc/self/status).
func hasCapability(t *testing.T, number uint) bool {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "CapEff:"); ok {
			set, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			return set&(1<<number) != 0
		}
	}
	t.Fatal("/proc/self/status has no CapEff")
	return false
}

package netns

// This file makes the namespaces that the tests look at: kept by a mount, or by a process.

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockview/sampler/diag"
)

const roleVariable = "SOCKVIEW_NETNS_ROLE"

// In a role, main runs on the first thread: that is the one that /proc/PID/ns/net is about.
func init() {
	if os.Getenv(roleVariable) != "" {
		runtime.LockOSThread()
	}
}

// Processes in namespaces are this test binary in a role that the environment names.
func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := roles[role](); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

var roles = map[string]func() error{
	"sit": sit, "leave": leave, "behead": behead, "stranger": stranger, "settled": settled, "stranded": stranded,
	"refused": refused, "inside": inside,
}

// sit is in a namespace until its standard input ends.
func sit() error {
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// leave goes to the namespace of its parent when it is told to, and stays there.
func leave() error {
	parent, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", os.Getppid()))
	if err != nil {
		return err
	}
	fmt.Println("ready")
	var word string
	if _, err := fmt.Scanln(&word); err != nil {
		return err
	}
	if err := unix.Setns(int(parent.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	return sit()
}

// behead ends the first thread of the process; the others stay.
func behead() error {
	go func() {
		if err := sit(); err != nil {
			fmt.Println(err)
		}
		os.Exit(0)
	}()
	_, _, errno := unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	return errno
}

// actor is a process in a role.
type actor struct {
	testing.TB
	pid  int
	cmd  *exec.Cmd
	in   io.WriteCloser
	said io.Reader
}

// play starts a process in a namespace of its own, and waits until it is ready. It ends with us, for its standard input does;
// Pdeathsig would end it with the thread that started it, and threads end here.
func play(t testing.TB, role string) *actor {
	t.Helper()
	a := start(t, role, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET})
	a.ready()
	return a
}

func start(t testing.TB, role string, attr *syscall.SysProcAttr) *actor {
	t.Helper()
	exe, err := os.Executable()
	must(t, "find this binary", err)
	a := &actor{TB: t, cmd: exec.Command(exe)}
	a.cmd.Env = []string{roleVariable + "=" + role}
	a.cmd.SysProcAttr = attr
	a.in, err = a.cmd.StdinPipe()
	must(t, "pipe", err)
	a.said, err = a.cmd.StdoutPipe()
	must(t, "pipe", err)
	if err := a.cmd.Start(); errors.Is(err, fs.ErrPermission) {
		t.Skipf("needs root: a network namespace of its own: %v", err)
	} else {
		must(t, "start "+role, err)
	}
	a.pid = a.cmd.Process.Pid
	t.Cleanup(a.end)
	return a
}

func (a *actor) ready() {
	a.Helper()
	var word string
	if _, err := fmt.Fscanln(a.said, &word); err != nil || word != "ready" {
		a.Fatalf("it says %q, %v", word, err)
	}
}

// end ends the process and reaps it.
func (a *actor) end() {
	if a.cmd.ProcessState == nil {
		a.in.Close()
		a.cmd.Process.Kill()
		a.cmd.Wait()
	}
}

// mount makes a namespace that only a mount keeps, as `ip netns add` does, and says where it is. inside is called in it.
func mount(t testing.TB, name string, inside func()) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	must(t, "make "+path, os.WriteFile(path, nil, 0o600))
	err := elsewhere(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		if inside != nil {
			inside()
		}
		return unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, "")
	})
	if errors.Is(err, fs.ErrPermission) {
		t.Skipf("needs root: a network namespace of its own: %v", err)
	}
	must(t, "mount a namespace", err)
	t.Cleanup(func() { unix.Unmount(path, unix.MNT_DETACH) })
	return path
}

// elsewhere runs f on a thread that ends after it; not on the first one, which does not end.
func elsewhere(f func() error) (err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			err = elsewhere(f)
			runtime.UnlockOSThread()
			return
		}
		err = f()
	}()
	<-done
	return err
}

func must(t testing.TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// watch is a Watcher that opens sock_diag, as we are.
func watch(t testing.TB) *Watcher[*diag.Conn] {
	t.Helper()
	w, err := NewWatcher(Config[*diag.Conn]{Open: diag.Open})
	must(t, "watch", err)
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// look is a Look that must not fail.
func look(t testing.TB, w *Watcher[*diag.Conn]) Look[*diag.Conn] {
	t.Helper()
	l := w.Look(All)
	must(t, "look", l.Err)
	return l
}

// spaceOf is the namespace that a process is in, nil when it was not found.
func (a *actor) spaceOf(l Look[*diag.Conn]) *Space[*diag.Conn] {
	for _, s := range l.Spaces {
		if s.Has(int32(a.pid)) {
			return s
		}
	}
	return nil
}

// spaceAt is the namespace that is mounted at path.
func spaceAt(l Look[*diag.Conn], path string) *Space[*diag.Conn] {
	for _, s := range l.Spaces {
		for _, m := range s.Mounts {
			if m.Path == path {
				return s
			}
		}
	}
	return nil
}

// awaitHome waits until no thread of this process is in another namespace: one that is to end takes a moment.
func awaitHome(home uint64) error {
	for deadline := time.Now().Add(10 * time.Second); ; {
		tasks, err := filepath.Glob("/proc/self/task/*/ns/net")
		if err != nil {
			return err
		}
		away := slices.DeleteFunc(tasks, func(task string) bool {
			link, err := os.Readlink(task)
			return err != nil || link == fmt.Sprintf("net:[%d]", home) // without a link it has ended
		})
		if len(away) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("still away: %v", away)
		}
	}
}

// threads is how many this process has, and files how many descriptors.
func threads(t testing.TB) int { return count(t, "/proc/self/task") }
func files(t testing.TB) int   { return count(t, "/proc/self/fd") }

func count(t testing.TB, dir string) int {
	t.Helper()
	all, err := os.ReadDir(dir)
	must(t, "count", err)
	return len(all)
}

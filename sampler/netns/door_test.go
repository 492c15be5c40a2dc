package netns

// This file goes into namespaces through their doors.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/sampler/diag"
	"sockview/sampler/rights"
)

// here is the inode of the namespace that the calling thread is in.
func here(t testing.TB) uint64 {
	_, inode, err := inodeOf(unix.AT_FDCWD, "/proc/"+ownLink)
	if err != nil {
		t.Errorf("where are we: %v", err)
	}
	return inode
}

// TestKernelDoor: what a door leads to is the namespace that was meant, whether a process or a mount anchors it, also while
// others look; and the thread comes back.
func TestKernelDoor(t *testing.T) {
	w := watch(t)
	a, path := play(t, "sit"), mount(t, "blue", nil)
	l := look(t, w)
	for _, s := range []*Space[*diag.Conn]{l.Spaces[0], a.spaceOf(l), spaceAt(l, path)} {
		door, meant := s.Door(), s.Inode
		entered, looked := make(chan struct{}), make(chan struct{})
		done := make(chan error, 1)
		go func() {
			done <- door.Do(func() {
				close(entered)
				<-looked
				if inode := here(t); inode != meant {
					t.Errorf("%s: in %d, want %d", s.Label(), inode, meant)
				}
			})
		}()
		<-entered
		look(t, w)
		close(looked)
		must(t, "enter", <-done)
	}
	if err := awaitHome(l.Spaces[0].Inode); err != nil {
		t.Error(err)
	}
	if l = look(t, w); l.Ended != 0 {
		t.Errorf("%d threads could not come back", l.Ended)
	}
}

// TestKernelDoorGone: a door to a namespace that is gone leads nowhere, nor does one to what has its mount by now.
func TestKernelDoorGone(t *testing.T) {
	w := watch(t)
	a, path := play(t, "sit"), mount(t, "blue", nil)
	l := look(t, w)
	byProcess, byMount := a.spaceOf(l).Door(), spaceAt(l, path).Door()
	a.end()
	must(t, "unmount", unix.Unmount(path, 0))
	must(t, "mount another", elsewhere(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return err
		}
		return unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, "")
	}))
	for _, door := range []Door{byProcess, byMount} {
		err := door.Do(func() { t.Errorf("inside %s", door.name) })
		if !errors.Is(err, ErrGone) || !strings.Contains(err.Error(), door.name.String()) {
			t.Errorf("%s: %v", door.name, err)
		}
	}
}

// TestKernelDoorKeepsNothing: when it returned, a namespace ends with its last anchor.
func TestKernelDoorKeepsNothing(t *testing.T) {
	w := watch(t)
	fds := files(t)
	path := mount(t, "blue", nil)
	l := w.Look(Own)
	s := spaceAt(l, path)
	if s == nil || s.State != Unasked {
		t.Fatalf("%+v", s)
	}
	must(t, "enter", s.Door().Do(func() {}))
	if now := files(t); now != fds+1 { // our own, which the look opened
		t.Errorf("%d descriptors were open, %d are now", fds, now)
	}
	if err := awaitHome(l.Spaces[0].Inode); err != nil {
		t.Error(err)
	}
}

// TestKernelDoorClosed: who is inside when the Watcher is closed comes back, and nobody enters any more.
func TestKernelDoorClosed(t *testing.T) {
	fds := files(t)
	w, err := NewWatcher(Config[*diag.Conn]{Open: diag.Open})
	must(t, "watch", err)
	a := play(t, "sit")
	l := w.Look(Own)
	home, door, s := l.Spaces[0].Door(), a.spaceOf(l).Door(), a.spaceOf(l)
	must(t, "enter", door.Do(func() {
		must(t, "close", w.Close())
		if inode := here(t); inode != s.Inode {
			t.Errorf("in %d, want %d", inode, s.Inode)
		}
		if err := s.Door().Do(func() { t.Error("inside") }); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("another: %v", err)
		}
	}))
	if n := w.way.ended.Load(); n != 0 {
		t.Errorf("%d threads could not come back", n)
	}
	if err := awaitHome(l.Spaces[0].Inode); err != nil {
		t.Error(err)
	}
	if err := door.Do(func() { t.Error("inside") }); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("after it: %v", err)
	}
	ran := false
	if err := home.Do(func() { ran = true }); err != nil || !ran {
		t.Errorf("our own: %v, %v", ran, err)
	}
	a.end()
	runtime.GC() // what starting it left open
	if now := files(t); now != fds {
		t.Errorf("%d descriptors were open, %d are now", fds, now)
	}
}

// TestKernelDoorRefused: without the right to enter, f does not run, and the error says why.
func TestKernelDoorRefused(t *testing.T) {
	a := play(t, "sit")
	c := exec.Command(foreignBinary(t))
	c.Env = []string{roleVariable + "=refused", "PID=" + strconv.Itoa(a.pid)}
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// refused goes to a door without rights.
func refused() error {
	w, s, err := watchOne(Config[*diag.Conn]{Open: diag.Open})
	if err != nil {
		return err
	}
	defer w.Close()
	ran := false
	if err := s.Door().Do(func() { ran = true }); ran || !errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrGone) {
		return fmt.Errorf("ran %v: %w", ran, err)
	}
	return nil
}

// TestKernelDoorSettled: as sockview runs, f has no rights.
func TestKernelDoorSettled(t *testing.T) {
	a := play(t, "sit")
	c := exec.Command("/proc/self/exe")
	c.Env = []string{roleVariable + "=inside", "PID=" + strconv.Itoa(a.pid)}
	out, err := c.CombinedOutput()
	if strings.HasPrefix(string(out), "cgo:") {
		t.Skip("needs a test binary without cgo (CGO_ENABLED=0): Go cannot reach every thread of this one")
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// inside goes through a door as sockview does.
func inside() error {
	held, err := rights.Settle(false)
	if err != nil {
		return err
	}
	if err := held.Trouble(); err != nil {
		return fmt.Errorf("cgo: %w", err)
	}
	w, s, err := watchOne(Config[*diag.Conn]{
		Open: diag.Open, Looking: held.For(rights.Look), Entering: held.For(rights.Look | rights.SysAdmin),
	})
	if err != nil {
		return err
	}
	defer w.Close()
	var status []byte
	var inode uint64
	var failed error
	err = s.Door().Do(func() {
		status, failed = os.ReadFile("/proc/thread-self/status")
		_, inode, _ = inodeOf(unix.AT_FDCWD, "/proc/"+ownLink)
	})
	if err != nil || failed != nil || inode != s.Inode || w.way.ended.Load() != 0 {
		return fmt.Errorf("enter: %w, %w, in %d of %d, %d ended", err, failed, inode, s.Inode, w.way.ended.Load())
	}
	if !strings.Contains(string(status), "CapEff:\t0000000000000000") {
		return fmt.Errorf("capabilities are left:\n%s", status)
	}
	return nil
}

// watchOne is a Watcher, and the namespace of the process that the environment names.
func watchOne(cfg Config[*diag.Conn]) (*Watcher[*diag.Conn], *Space[*diag.Conn], error) {
	w, err := NewWatcher(cfg)
	if err != nil {
		return nil, nil, err
	}
	pid, err := strconv.Atoi(os.Getenv("PID"))
	if err != nil {
		return nil, nil, err
	}
	if s := (&actor{pid: pid}).spaceOf(w.Look(ParseChoice(os.Getenv("PID")))); s != nil {
		return w, s, nil
	}
	return nil, nil, fmt.Errorf("no namespace of pid %d", pid)
}

// lent is a Conn that must not be closed.
type lent struct {
	testing.TB
	word string
}

func (l *lent) NetNSCookie() (uint64, error) { return 7, nil }

func (l *lent) Close() error {
	if l.word == "ours" {
		l.Error("what was lent was closed")
	}
	return nil
}

// TestKernelLent: what the caller has opened in our own namespace is used there, whatever is wanted, and never closed.
func TestKernelLent(t *testing.T) {
	opened := 0
	w, err := NewWatcher(Config[*lent]{
		Home: &lent{t, "ours"}, Most: 1,
		Open: func() (*lent, error) { opened++; return &lent{t, "opened"}, nil },
	})
	must(t, "watch", err)
	a := play(t, "sit")
	choice := ParseChoice(strconv.Itoa(a.pid))
	for range 2 {
		l := w.Look(Own)
		if home := l.Spaces[0]; home.State != Open || home.Conn.word != "ours" || home.ID != 7 || w.open != 0 || opened != 0 {
			t.Errorf("our own: %+v, %d open, %d opened", home, w.open, opened)
		}
		l = w.Look(choice) // there is room for it: what is lent takes none
		if home := l.Spaces[0]; home.State != Unasked || home.Conn != nil || w.open != 1 || opened != 1 {
			t.Errorf("another: %+v, %d open, %d opened", home, w.open, opened)
		}
		opened = 0
	}
	l := w.Look(All)
	if l.Spaces[0].Conn.word != "ours" {
		t.Errorf("%+v", l.Spaces[0])
	}
	must(t, "close", w.Close())
}

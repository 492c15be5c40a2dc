package netns

// This file looks at namespaces with fewer rights than root has.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
	"sockview/sampler/diag"
	"sockview/sampler/rights"
)

// TestKernelStranger: a user without rights is told of namespaces that he may not enter, and reads them through /proc.
func TestKernelStranger(t *testing.T) {
	a, b := play(t, "sit"), play(t, "sit")
	path := foreignBinary(t)
	c := exec.Command(path)
	c.Env = []string{roleVariable + "=stranger", fmt.Sprintf("PIDS=%d %d", a.pid, b.pid)}
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// foreignBinary is a copy of this binary that other users can run.
func foreignBinary(t testing.TB) string {
	t.Helper()
	exe, err := os.Executable()
	must(t, "find this binary", err)
	dir, err := os.MkdirTemp("", "sockview-netns-")
	must(t, "make a directory", err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, "open it up", os.Chmod(dir, 0o755))
	b, err := os.ReadFile(exe)
	must(t, "read this binary", err)
	path := filepath.Join(dir, "test")
	must(t, "copy this binary", os.WriteFile(path, b, 0o755))
	return path
}

// stranger looks without rights.
func stranger() error {
	w, err := NewWatcher(Config[*diag.Conn]{Open: diag.Open})
	if err != nil {
		return err
	}
	defer w.Close()
	for range 3 {
		l := w.Look(All)
		if l.Err != nil || l.Ended != 0 || l.Hidden < 2 || !l.Spaces[0].Home || l.Spaces[0].State != Open {
			return fmt.Errorf("look: %+v", l)
		}
		ids := make(map[uint64]bool)
		for _, s := range l.Spaces {
			ids[s.ID] = true
		}
		if len(ids) != len(l.Spaces) {
			return fmt.Errorf("%d identities for %d namespaces", len(ids), len(l.Spaces))
		}
		inodes := make(map[uint64]bool)
		for word := range strings.FieldsSeq(os.Getenv("PIDS")) {
			pid, err := strconv.Atoi(word)
			if err != nil {
				return err
			}
			s := (&actor{pid: pid}).spaceOf(l)
			if s == nil || s.Home || s.State != ProcNet || !errors.Is(s.Err, fs.ErrPermission) || s.ID < standIn {
				return fmt.Errorf("pid %d: %+v", pid, s)
			}
			if _, err := os.ReadFile(filepath.Join(s.Dir, "tcp")); err != nil || !s.Still() {
				return fmt.Errorf("still %v: %w", s.Still(), err)
			}
			inodes[s.NetInode] = true
		}
		if len(inodes) != 2 {
			return fmt.Errorf("two namespaces have the inodes %v", inodes)
		}
	}
	return nil
}

// TestKernelSettled: with all rights given up but for the moment in which they are used, as sockview runs, it is the same.
func TestKernelSettled(t *testing.T) {
	a := play(t, "sit")
	c := exec.Command("/proc/self/exe")
	c.Env = []string{roleVariable + "=settled", fmt.Sprintf("PID=%d", a.pid)}
	out, err := c.CombinedOutput()
	if strings.HasPrefix(string(out), "cgo:") {
		t.Skip("needs a test binary without cgo (CGO_ENABLED=0): Go cannot reach every thread of this one")
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// settled looks as sockview does.
func settled() error {
	held, err := rights.Settle(false)
	if err != nil {
		return err
	}
	if err := held.Trouble(); err != nil {
		return fmt.Errorf("cgo: %w", err)
	}
	w, err := NewWatcher(Config[*diag.Conn]{
		Open: func() (*diag.Conn, error) {
			return diag.OpenRaising(func() (drop func()) { return held.Raise(rights.NetAdmin) })
		},
		Looking: held.For(rights.Look), Entering: held.For(rights.Look | rights.SysAdmin),
	})
	if err != nil {
		return err
	}
	defer w.Close()
	pid, err := strconv.Atoi(os.Getenv("PID"))
	if err != nil {
		return err
	}
	l := w.Look(All)
	s := (&actor{pid: pid}).spaceOf(l)
	if l.Err != nil || l.Ended != 0 || s == nil || s.State != Open || held.Trouble() != nil {
		return fmt.Errorf("look: %v, trouble %v, %d ended, %+v", l.Err, held.Trouble(), l.Ended, s)
	}
	if _, err := s.Conn.Dump(model.TCP, model.IPv4, func(*model.Socket) {}); err != nil {
		return err
	}
	status, err := os.ReadFile("/proc/thread-self/status")
	if err != nil || !strings.Contains(string(status), "CapEff:\t0000000000000000") {
		return fmt.Errorf("capabilities are left: %w\n%s", err, status)
	}
	return nil
}

// TestKernelStranded: a thread that cannot come back runs nothing else, and ends.
func TestKernelStranded(t *testing.T) {
	s := start(t, "stranded", &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}}})
	s.ready()
}

// stranded is root in a user namespace of its own, but not in that which our network namespace belongs to: it may enter
// namespaces of its own making, and not come back.
func stranded() error {
	w, err := NewWatcher(Config[*diag.Conn]{Open: diag.Open})
	if err != nil {
		return err
	}
	defer w.Close()
	made := exec.Command("/proc/self/exe")
	made.Env = []string{roleVariable + "=sit"}
	made.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	in, err := made.StdinPipe()
	if err != nil {
		return err
	}
	if err := made.Start(); err != nil {
		return err
	}
	defer made.Wait()
	defer in.Close()
	l := w.Look(All)
	s := (&actor{pid: made.Process.Pid}).spaceOf(l)
	if l.Err != nil || s == nil || s.State != Open || l.Ended != 1 {
		return fmt.Errorf("look: %v, %d ended, %+v", l.Err, l.Ended, s)
	}
	if err := awaitHome(l.Spaces[0].Inode); err != nil {
		return err
	}
	fmt.Println("ready")
	return nil
}

package main

// What the running program may do: the real binary on a terminal, looked at through /proc by its parent.

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Sets of capabilities as /proc/PID/status writes them.
const (
	lookRights = 1<<unix.CAP_SYS_PTRACE | 1<<unix.CAP_DAC_READ_SEARCH
	actRights  = 1<<unix.CAP_NET_ADMIN | 1<<unix.CAP_KILL
	enterRight = 1 << unix.CAP_SYS_ADMIN
)

// withCapabilities is a copy of the binary with file capabilities, as setcap ...=p gives them, for everybody to run.
func withCapabilities(t *testing.T, permitted uint64) string {
	t.Helper()
	code, err := os.ReadFile(built.binary)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(home(t), "sockview")
	if err := os.WriteFile(path, code, 0o755); err != nil {
		t.Fatal(err)
	}
	// struct vfs_cap_data, revision 2 (linux/capability.h)
	data := make([]byte, 20)
	data[3] = 2
	for i := range 4 {
		data[4+i], data[12+i] = byte(permitted>>(8*i)), byte(permitted>>(32+8*i))
	}
	if err := unix.Setxattr(path, "security.capability", data, 0); err != nil {
		t.Skipf("needs a file system that keeps capabilities of files: %v", err)
	}
	return path
}

// statusOf is /proc/PID/status, or that of a thread.
func statusOf(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	status := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		status[name] = strings.TrimSpace(value)
	}
	return status, nil
}

// amiss is what is not as wanted in the threads of a process, "" when all is.
func amiss(pid int, want map[string]string) string {
	dir := fmt.Sprintf("/proc/%d/task", pid)
	tasks, err := os.ReadDir(dir)
	if err != nil {
		return err.Error()
	}
	for _, task := range tasks {
		status, err := statusOf(filepath.Join(dir, task.Name(), "status"))
		if err != nil {
			continue // it ended
		}
		for field, value := range want {
			if status[field] != value {
				return fmt.Sprintf("thread %s of %d: %s is %q, want %q", task.Name(), len(tasks), field, status[field], value)
			}
		}
	}
	return ""
}

// rests waits until every thread has what it may have, and nothing of it is effective.
func (e *terminal) rests(permitted uint64, bounded bool) {
	e.t.Helper()
	want := map[string]string{
		"CapPrm": fmt.Sprintf("%016x", permitted), "CapEff": fmt.Sprintf("%016x", 0), "CapInh": fmt.Sprintf("%016x", 0),
		"CapAmb": fmt.Sprintf("%016x", 0), "NoNewPrivs": "1", "Seccomp": "2",
	}
	if bounded {
		want["CapBnd"] = fmt.Sprintf("%016x", 0)
	}
	wrong := "not looked at"
	for end := time.Now().Add(patience); wrong != ""; runtime.Gosched() {
		if wrong = amiss(e.cmd.Process.Pid, want); wrong != "" && time.Now().After(end) {
			e.t.Fatal(wrong)
		}
	}
}

// markedListener listens on a socket of root's with a firewall mark.
func markedListener(t *testing.T, mark int) (port string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err == nil {
		var failed error
		err = raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, mark) })
		if err == nil {
			err = failed
		}
	}
	if err != nil {
		t.Skipf("needs the right to mark a socket: %v", err)
	}
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// started are the ways to have rights: as root, and as another user by the file.
func started(t *testing.T, test func(t *testing.T, how launch, bounded bool)) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: to have rights, and to start it as another user with some")
	}
	t.Run("root", func(t *testing.T) {
		t.Parallel()
		test(t, launch{cols: 160, rows: 40}, true)
	})
	t.Run("setcap", func(t *testing.T) {
		t.Parallel()
		binary := withCapabilities(t, lookRights|actRights|enterRight)
		test(t, launch{cols: 160, rows: 40, uid: nobody, command: []string{binary}}, false)
	})
}

// with is how with these arguments.
func (how launch) with(args ...string) launch {
	if how.command != nil {
		how.command = append(how.command[:1:1], args...)
	}
	how.args = args
	return how
}

func TestPrivilegeKeepsOnlyWhatItUses(t *testing.T) {
	t.Parallel()
	started(t, func(t *testing.T, how launch, bounded bool) {
		s := startServer(t, serving{name: "svowned", listeners: 2})
		killed := startServer(t, serving{name: "svkilled"})
		port := markedListener(t, 0x1234)
		c := dial(t, s.ports[0], "")
		local := strconv.Itoa(c.LocalAddr().(*net.TCPAddr).Port)
		e := open(t, how.with("--columns", "process,pid,lport,rport,state,mark"))
		e.shows("full access")
		e.rests(lookRights|actRights|enterRight, bounded)

		e.filter("lport:" + strconv.Itoa(s.ports[1]))
		e.shows("svowned", strconv.Itoa(s.pid))
		e.filter("lport:" + port)
		e.shows(port, "0x1234")
		e.rests(lookRights|actRights|enterRight, bounded)

		e.filter("lport:" + strconv.Itoa(s.ports[0]) + " rport:" + local)
		e.await("the connection alone", func(p *picture) bool { return p.has("svowned", local, "ESTABLISHED") && p.matches(`Shown:? 1\b`) })
		e.press("x")
		e.shows("[N]o", "[Y]es")
		e.press("y")
		e.shows("closed ")
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("the connection is closed, and can be read")
		}

		e.filter("pid:" + strconv.Itoa(killed.pid))
		e.await("the victim alone", func(p *picture) bool { return p.has("svkilled", "LISTEN") && p.matches(`Shown:? 1\b`) })
		e.press("K")
		e.shows("[N]o", "[Y]es")
		e.press("y")
		e.shows("svkilled (" + strconv.Itoa(killed.pid) + ") ended")
		<-killed.ended
		e.rests(lookRights|actRights|enterRight, bounded)
		e.quit()
	})
}

func TestReadOnlyGivesUpForGood(t *testing.T) {
	t.Parallel()
	started(t, func(t *testing.T, how launch, bounded bool) {
		s := startServer(t, serving{name: "svspared"})
		e := open(t, how.with("--read-only", "lport:"+strconv.Itoa(s.ports[0])))
		e.await("the level, and no keys for what is refused", func(p *picture) bool {
			foot := p.lines[len(p.lines)-1]
			return strings.Contains(p.lines[0], "read-only") && strings.Contains(foot, "help") &&
				!strings.Contains(foot, "kill") && !strings.Contains(foot, "close")
		})
		e.rests(lookRights, bounded)
		e.shows("svspared", strconv.Itoa(s.pid)) // owners are shown all the same
		for _, key := range []string{"K", "x"} {
			e.press(key)
			e.shows("read-only: started with --read-only")
			e.press("j") // the next key takes the line away
			e.await("no question", func(p *picture) bool { return !p.has("[N]o") && !p.has("started with --read-only") })
		}
		e.press("?")
		e.shows("Help")
		e.until("\x04", "the keys that are refused", func(p *picture) bool { return p.has("refused: read-only") })
		e.back("refused: read-only")
		if !s.lives() {
			t.Error("the server ended")
		}
		e.rests(lookRights, bounded)
		e.quit()
	})
}

// As root without the right to write anywhere, what cannot be saved says why.
func TestPrivilegeSaysWhyNothingIsSaved(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root: that it is root and may not write is the point")
	}
	dir := home(t)
	theirs := filepath.Join(dir, "theirs")
	if err := os.Mkdir(theirs, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(theirs, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	e := open(t, launch{home: dir, cols: 200})
	e.ready()
	for _, to := range []struct{ path, says string }{
		{filepath.Join(theirs, "table.csv"), "gave up"}, {filepath.Join(dir, "table.csv"), "saved to"},
	} {
		e.press("e")
		e.shows("Save")
		e.press("\x15", to.path, enter)
		e.shows(to.says)
	}
	e.quit()
}

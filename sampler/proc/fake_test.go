package proc

// A /proc made of plain files, for what real processes cannot be brought to do.

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

type fakeProc struct {
	t    *testing.T
	root string
}

// fakeProcess is a process of a fakeProc; what is zero gets something usual.
type fakeProcess struct {
	pid, ppid int32
	start     uint64
	state     byte
	threads   int
	flags     uint64
	comm      string
	exe       string
	cmdline   string
	cgroup    string
	uid       uint32
	fds       map[int32]string
}

func newFakeProc(t *testing.T) *fakeProc {
	f := &fakeProc{t: t, root: t.TempDir()}
	f.write("stat", "cpu  1 2 3 4\nbtime 1700000000\nprocesses 1\n")
	return f
}

func (f *fakeProc) path(parts ...string) string {
	return filepath.Join(append([]string{f.root}, parts...)...)
}

func (f *fakeProc) write(name, content string) {
	f.t.Helper()
	f.must(os.MkdirAll(filepath.Dir(f.path(name)), 0o755))
	f.must(os.WriteFile(f.path(name), []byte(content), 0o644))
}

func (f *fakeProc) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func statLine(p fakeProcess) string {
	return fmt.Sprintf("%d (%s) %c %d %d %d 0 -1 %d 1 0 0 0 5 6 0 0 20 0 %d 0 %d 1000 200 18446744073709551615 "+
		"1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		p.pid, p.comm, p.state, p.ppid, p.pid, p.pid, p.flags, p.threads, p.start)
}

func (f *fakeProc) add(p fakeProcess) {
	f.t.Helper()
	if p.state == 0 {
		p.state = 'S'
	}
	if p.threads == 0 {
		p.threads = 1
	}
	if p.comm == "" {
		p.comm = "prog" + strconv.Itoa(int(p.pid))
	}
	dir := strconv.Itoa(int(p.pid))
	f.must(os.MkdirAll(f.path(dir, "fd"), 0o755))
	f.must(os.MkdirAll(f.path(dir, "task", dir, "fd"), 0o755))
	f.write(dir+"/stat", statLine(p))
	f.write(dir+"/comm", p.comm+"\n")
	f.write(dir+"/status", fmt.Sprintf("Name:\tx\nUid:\t7\t%d\t8\t9\nGid:\t1\t1\t1\t1\n", p.uid))
	f.write(dir+"/cmdline", p.cmdline)
	f.write(dir+"/cgroup", p.cgroup)
	if p.exe != "" {
		f.must(os.Symlink(p.exe, f.path(dir, "exe")))
	}
	f.must(os.Symlink("/srv/"+p.comm[:1], f.path(dir, "cwd")))
	f.fds(p.pid, p.fds)
}

// fds replaces the fds of a process.
func (f *fakeProc) fds(pid int32, fds map[int32]string) {
	f.t.Helper()
	dir := f.path(strconv.Itoa(int(pid)), "fd")
	f.must(os.RemoveAll(dir))
	f.must(os.Mkdir(dir, 0o755))
	for fd, link := range fds {
		f.must(os.Symlink(link, filepath.Join(dir, strconv.Itoa(int(fd)))))
	}
}

func (f *fakeProc) remove(pid int32) {
	f.t.Helper()
	f.must(os.RemoveAll(f.path(strconv.Itoa(int(pid)))))
}

// fifo puts a FIFO in a file's place, so that opening it blocks until the test ends.
func (f *fakeProc) fifo(name string) {
	f.t.Helper()
	path := f.path(name)
	f.must(os.Remove(path))
	f.must(unix.Mkfifo(path, 0o644))
	f.t.Cleanup(func() { release(path) })
}

// release lets go whoever waits to open the FIFO at path for reading.
func release(path string) {
	if fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NONBLOCK, 0); err == nil {
		unix.Close(fd)
	}
}

func sockets(inodes ...int) map[int32]string {
	fds := map[int32]string{0: "/dev/null", 1: "pipe:[5]", 2: "anon_inode:[eventpoll]"}
	for i, inode := range inodes {
		fds[int32(3+i)] = fmt.Sprintf("socket:[%d]", inode)
	}
	return fds
}

// holdsOf writes holds as "inode:pid ...".
func holdsOf(holds []Hold) string {
	var b strings.Builder
	for i, h := range holds {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%d:%d", h.Inode, h.PID)
	}
	return b.String()
}

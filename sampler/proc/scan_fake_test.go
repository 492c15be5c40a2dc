package proc

import (
	"context"
	"errors"
	iofs "io/fs"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sockview/model"
)

func scan(t *testing.T, s *Scanner, r Request) Result {
	t.Helper()
	res := s.Scan(context.Background(), r)
	if res.Err != nil {
		t.Fatalf("scan: %v", res.Err)
	}
	return res
}

func wantHolds(t *testing.T, res Result, holds string, complete bool) {
	t.Helper()
	if got := holdsOf(res.Holds); got != holds || res.Complete != complete {
		t.Errorf("holds %q, complete %v; want %q, %v", got, res.Complete, holds, complete)
	}
}

func TestFullScan(t *testing.T) {
	f := newFakeProc(t)
	f.add(fakeProcess{pid: 10, start: 100, fds: sockets(501, 502, 501)}) // one twice: dup
	f.add(fakeProcess{pid: 9, ppid: 1, start: 90, comm: "a) S 1 (\nb", exe: "/bin/a", cmdline: "a\x00-x\x00", uid: 33,
		cgroup: "0::/system.slice/docker-" + id64 + ".scope/a.service\n", fds: sockets(501)})
	f.add(fakeProcess{pid: 11, start: 110, fds: sockets()})
	f.add(fakeProcess{pid: 12, start: 120, flags: 0x200000, fds: sockets(777)}) // a kernel thread is not looked at
	s := NewScanner(At(f.root))
	res := scan(t, s, Request{Full: true})
	wantHolds(t, res, "501:9 501:10 502:10", true)
	want := []model.Process{
		{PID: 9, PPID: 1, Start: 90, UID: 33, Name: model.SafeText("a) S 1 (\nb"), Cmdline: model.SafeText("a -x"), Argv0: model.SafeText("a"),
			Exe: model.SafeText("/bin/a"), Unit: model.SafeText("a.service"), Container: model.SafeText("0123456789ab"), ContainerID: model.SafeText(id64),
			Started: time.Unix(1700000000, 9e8)},
		{PID: 10, Start: 100, Name: model.SafeText("prog10"), Started: time.Unix(1700000001, 0)},
	}
	if diff := cmp.Diff(want, res.Processes, cmp.Comparer(func(a, b model.Text) bool { return a == b })); diff != "" {
		t.Error(diff)
	}

	// an exec keeps pid and start
	f.write("9/comm", "other\n")
	for name, r := range map[string]Request{"one": {Inodes: []uint32{501}}, "other": {Full: true}} {
		f.write("9/comm", name+"\n")
		if res := scan(t, s, r); res.Processes[0].Name.String() != name {
			t.Errorf("after an exec: %q, want %q", res.Processes[0].Name, name)
		}
	}
}

func TestIncrementalScan(t *testing.T) {
	f := newFakeProc(t)
	f.add(fakeProcess{pid: 10, start: 100, fds: sockets(501)})
	f.add(fakeProcess{pid: 20, start: 200, fds: sockets(502)})
	s := NewScanner(At(f.root))
	wantHolds(t, scan(t, s, Request{}), "", true)
	wantHolds(t, scan(t, s, Request{Inodes: []uint32{0, 502, 502}}), "502:20", true)
	wantHolds(t, scan(t, s, Request{Inodes: []uint32{0}}), "", true)

	f.fds(20, sockets(502, 503, 504)) // new fds
	wantHolds(t, scan(t, s, Request{Inodes: []uint32{504, 503}}), "503:20 504:20", true)

	f.fds(10, sockets(505)) // the number used again, and nobody said that 501 was closed
	wantHolds(t, scan(t, s, Request{Inodes: []uint32{505}}), "505:10", true)

	f.fds(10, sockets(506))
	wantHolds(t, scan(t, s, Request{Inodes: []uint32{506}, Closed: []uint32{505}}), "506:10", true)

	// a socket that went elsewhere, while memory has it at 10
	f.fds(10, sockets())
	f.fds(20, sockets(506))
	wantHolds(t, scan(t, s, Request{Inodes: []uint32{506}}), "506:20", true)

	// nobody holds it; asked again later it is found
	wantHolds(t, scan(t, s, Request{Inodes: []uint32{600}}), "", true)
	wantHolds(t, scan(t, s, Request{Inodes: []uint32{600}}), "", true)
	f.add(fakeProcess{pid: 30, start: 300, fds: sockets(600)})
	wantHolds(t, scan(t, s, Request{Inodes: []uint32{600}}), "600:30", true)

	// the pid used again by another process
	f.remove(30)
	f.add(fakeProcess{pid: 30, start: 999, fds: sockets(700)})
	res := scan(t, s, Request{Inodes: []uint32{700}})
	wantHolds(t, res, "700:30", true)
	if len(res.Processes) != 1 || res.Processes[0].Start != 999 {
		t.Errorf("after a pid was used again: %+v", res.Processes)
	}
	f.remove(30)
	wantHolds(t, scan(t, s, Request{Inodes: []uint32{700}}), "", true)
	if _, known := s.known[30]; known {
		t.Error("an exited process is remembered")
	}
}

func TestScanFindsAllHoldersItKnows(t *testing.T) {
	f := newFakeProc(t)
	for pid := int32(10); pid < 16; pid++ {
		f.add(fakeProcess{pid: pid, start: 1, fds: sockets(501, 600+int(pid))})
	}
	s := NewScanner(At(f.root))
	scan(t, s, Request{Full: true})
	wantHolds(t, scan(t, s, Request{Inodes: []uint32{501}}), "501:10 501:11 501:12 501:13 501:14 501:15", true)
}

// A leader that has ended has no fds; its threads have.
func TestDeadLeader(t *testing.T) {
	f := newFakeProc(t)
	f.add(fakeProcess{pid: 10, start: 100, state: 'Z', threads: 2})
	f.must(os.MkdirAll(f.path("10", "task", "11", "fd"), 0o755))
	f.must(os.MkdirAll(f.path("10", "task", "12", "fd"), 0o755))
	f.must(os.Symlink("socket:[501]", f.path("10", "task", "12", "fd", "3")))
	f.add(fakeProcess{pid: 20, start: 200, state: 'Z'})
	s := NewScanner(At(f.root))
	wantHolds(t, scan(t, s, Request{Inodes: []uint32{501}}), "501:10", true)
	f.must(os.Symlink("socket:[502]", f.path("10", "task", "12", "fd", "4")))
	wantHolds(t, scan(t, s, Request{Inodes: []uint32{501, 502}}), "501:10 502:10", true)
	wantHolds(t, scan(t, s, Request{Full: true}), "501:10 502:10", true)
	res := scan(t, s, Request{Check: []ID{{10, 100}, {20, 200}}})
	if diff := cmp.Diff([]ID{{20, 200}}, res.Gone); diff != "" {
		t.Error(diff)
	}
}

func TestCheck(t *testing.T) {
	f := newFakeProc(t)
	var all, gone []ID
	for i := range checkBatch + 8 {
		id := ID{PID: int32(100 + i), Start: 5}
		all = append(all, id)
		switch i % 4 {
		case 0:
			f.add(fakeProcess{pid: id.PID, start: 5})
		case 1:
			f.add(fakeProcess{pid: id.PID, start: 6}) // used again
			gone = append(gone, id)
		case 2:
			f.add(fakeProcess{pid: id.PID, start: 5, state: 'Z'})
			gone = append(gone, id)
		case 3:
			gone = append(gone, id)
		}
	}
	slices.Reverse(all)
	all = append(all, all[0], ID{PID: -1}, ID{PID: 0})
	gone = append([]ID{{PID: -1}, {PID: 0}}, gone...)
	res := scan(t, NewScanner(At(f.root)), Request{Check: all})
	if diff := cmp.Diff(gone, res.Gone); diff != "" || !res.Complete {
		t.Errorf("complete %v: %s", res.Complete, diff)
	}
}

// More fds than one walker reads, sparse and far up, and files between sockets.
func TestHugeProcess(t *testing.T) {
	f := newFakeProc(t)
	fds := map[int32]string{}
	want := map[uint32]bool{}
	for i := range int32(200) {
		fds[7*i] = "/dev/null"
		if i%3 != 0 {
			fds[7*i] = "socket:[" + strconv.Itoa(int(10000+i)) + "]"
			want[uint32(10000+i)] = true
		}
	}
	f.add(fakeProcess{pid: 10, start: 100, fds: fds})
	s := NewScanner(At(f.root))
	s.block = 32
	for range 2 {
		res := scan(t, s, Request{Full: true})
		if len(res.Holds) != len(want) || !res.Complete {
			t.Fatalf("%d holds, complete %v; want %d", len(res.Holds), res.Complete, len(want))
		}
		for _, h := range res.Holds {
			if !want[h.Inode] || h.PID != 10 {
				t.Fatalf("%+v is no hold", h)
			}
		}
	}
	fds[3] = "socket:[5]"
	f.fds(10, fds)
	wantHolds(t, scan(t, s, Request{Inodes: []uint32{5}}), "5:10", true)
}

func TestScanThatCannot(t *testing.T) {
	s := NewScanner(At(t.TempDir() + "/none"))
	if res := s.Scan(context.Background(), Request{Full: true}); !errors.Is(res.Err, iofs.ErrNotExist) || res.Complete {
		t.Errorf("without /proc: %+v", res)
	}
	f := newFakeProc(t)
	f.add(fakeProcess{pid: 10, start: 100, fds: sockets(501)})
	f.add(fakeProcess{pid: 11, start: 100, fds: sockets(502)})
	f.write("10/stat", "10 (nonsense")
	s = NewScanner(At(f.root))
	res := s.Scan(context.Background(), Request{Full: true})
	if !errors.Is(res.Err, errFormat) || res.Complete || holdsOf(res.Holds) != "502:11" {
		t.Errorf("with a stat that is none: %+v", res)
	}
	f.write("10/stat", statLine(fakeProcess{pid: 10, start: 100, comm: "a", state: 'S', threads: 1}))
	wantHolds(t, scan(t, s, Request{Full: true}), "501:10 502:11", true)
}

// Out of time: what was not reached is said, and a full scan gives it as last seen.
func TestBudget(t *testing.T) {
	f := newFakeProc(t)
	f.add(fakeProcess{pid: 10, start: 100, fds: sockets(501)})
	s := NewScanner(At(f.root))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	none := s.Scan(ctx, Request{Inodes: []uint32{501}, Check: []ID{{99, 1}}})
	if none.Complete || none.Err != nil || len(none.Holds)+len(none.Gone) > 0 {
		t.Errorf("without any time: %+v", none)
	}
	scan(t, s, Request{Full: true})
	wantHolds(t, s.Scan(ctx, Request{Full: true}), "501:10", false)
	wantHolds(t, s.Scan(context.Background(), Request{Full: true, Budget: time.Nanosecond}), "501:10", false)
	wantHolds(t, scan(t, s, Request{Full: true, Budget: time.Hour}), "501:10", true)
}

// Reads that never come back: the process is still an owner as far as it can be told, the scan ends, and
// the next one does not wait for it again.
func TestFault23BlockedRead(t *testing.T) {
	for _, file := range []string{"cmdline", "comm", "status", "cgroup"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			f := newFakeProc(t)
			f.add(fakeProcess{pid: 10, start: 100, uid: 5, fds: sockets(501), cgroup: "0::/a.service\n", cmdline: "x"})
			f.add(fakeProcess{pid: 11, start: 110, fds: sockets(502)})
			f.fifo("10/" + file)
			s := NewScanner(At(f.root))
			s.stall = 300 * time.Millisecond
			res := scan(t, s, Request{Full: true})
			wantHolds(t, res, "501:10 502:11", file == "cmdline")
			if len(res.Processes) != 2 || res.Processes[0].Name.String() != "prog10" {
				t.Fatalf("processes: %+v", res.Processes)
			}
			if file == "cmdline" && (res.Processes[0].UID != 5 || res.Processes[0].Unit.String() != "a.service") {
				t.Errorf("without its command line: %+v", res.Processes[0])
			}
			blocked := len(s.left)
			if blocked == 0 {
				t.Fatal("nothing blocked")
			}
			scan(t, s, Request{Full: true})
			if file == "cmdline" && len(s.left) != blocked {
				t.Errorf("%d walkers blocked after another scan, before %d", len(s.left), blocked)
			}
		})
	}
}

// A process whose stat blocks cannot be looked at; all others are. Its walkers do not pile up, and when the
// read comes back it is looked at again.
func TestFault23BlockedStat(t *testing.T) {
	t.Parallel()
	f := newFakeProc(t)
	f.add(fakeProcess{pid: 10, start: 100, fds: sockets(501)})
	f.add(fakeProcess{pid: 11, start: 110, fds: sockets(502)})
	f.fifo("10/stat")
	s := NewScanner(At(f.root))
	s.stall = 300 * time.Millisecond
	for range 5 {
		wantHolds(t, scan(t, s, Request{Full: true}), "502:11", false)
		wantHolds(t, scan(t, s, Request{Inodes: []uint32{501}}), "", false)
		wantHolds(t, scan(t, s, Request{Inodes: []uint32{502}}), "502:11", true)
	}
	if len(s.left) != 1 {
		t.Errorf("%d walkers left behind, want 1", len(s.left))
	}
	left := s.left[0].lane
	release(f.path("10", "stat"))
	f.must(os.Remove(f.path("10", "stat")))
	f.write("10/stat", statLine(fakeProcess{pid: 10, start: 100, comm: "a", state: 'S', threads: 1}))
	<-left.back
	wantHolds(t, scan(t, s, Request{Full: true}), "501:10 502:11", true)
}

// However many processes block, a bounded number of walkers hangs in them.
func TestFault23ManyBlocked(t *testing.T) {
	t.Parallel()
	f := newFakeProc(t)
	for pid := range int32(maxBlocked + 10) {
		f.add(fakeProcess{pid: 10 + pid, start: 1})
		f.fifo(strconv.Itoa(int(10+pid)) + "/stat")
	}
	s := NewScanner(At(f.root))
	s.stall = 8 * time.Millisecond
	for range 3 {
		wantHolds(t, scan(t, s, Request{Full: true}), "", false)
	}
	if len(s.left) < maxBlocked || len(s.left) > maxBlocked+walkers {
		t.Errorf("%d walkers left behind, want about %d", len(s.left), maxBlocked)
	}
}

func TestUsers(t *testing.T) {
	etc := t.TempDir()
	fs := At("/proc").WithEtc(etc)
	if names, err := fs.Users(); !errors.Is(err, iofs.ErrNotExist) || len(names) != 0 {
		t.Errorf("without passwd: %v, %v", names, err)
	}
	path := etc + "/passwd"
	write := func(content string, mtime int64) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Unix(mtime, 0), time.Unix(mtime, 0)); err != nil {
			t.Fatal(err)
		}
	}
	write("a:x:1:1::/:/\n", 1000)
	names, err := fs.Users()
	if err != nil || names[1].String() != "a" || !names[2].Empty() {
		t.Fatalf("%v, %v", names, err)
	}
	write("b:x:1:1::/:/\n", 2000)
	if names, err := fs.Users(); err != nil || names[1].String() != "b" {
		t.Errorf("after a change: %v, %v", names, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if names, err := fs.Users(); err == nil || names[1].String() != "b" {
		t.Errorf("after it went: %v, %v; want the names as last known, and an error", names, err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if names, err := fs.Users(); err == nil || names[1].String() != "b" {
		t.Errorf("a directory in its place: %v, %v", names, err)
	}
}

func TestFakeDetail(t *testing.T) {
	f := newFakeProc(t)
	f.add(fakeProcess{pid: 1, start: 1, comm: "init"})
	f.add(fakeProcess{pid: 5, ppid: 1, start: 50, comm: "shell", uid: 8})
	f.add(fakeProcess{pid: 9, ppid: 5, start: 90, comm: "server", exe: "/bin/server", cmdline: "server\x00-a\x00", uid: 1,
		cgroup: "0::/user.slice/user@1.service/app.slice/s.service\n"})
	f.add(fakeProcess{pid: 20, ppid: 21, start: 1})
	f.add(fakeProcess{pid: 21, ppid: 20, start: 1}) // a ring, as pids used again can make
	f.add(fakeProcess{pid: 30, ppid: 1, start: 1, state: 'Z'})
	f.write("etc/passwd", "daemon:x:1:1::/:/\n")
	fs := At(f.root).WithEtc(f.path("etc"))
	d, err := fs.Detail(9)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{
		d.Name.String(), d.Exe.String(), d.Cmdline.String(), d.Cwd.String(), d.User.String(), d.Unit.String(),
		d.Started.UTC().Format(time.RFC3339Nano), d.Parents[0].Name.String(), d.Parents[1].Name.String(),
	}
	want := []string{
		"server", "/bin/server", "server -a", "/srv/s", "daemon", "s.service", "2023-11-14T22:13:20.9Z", "shell", "init",
	}
	if diff := cmp.Diff(want, got); diff != "" || d.Why != model.Known || len(d.Parents) != 2 ||
		d.Parents[0].UID != 8 || d.Parents[0].Start != 50 {
		t.Errorf("%+v\n%s", d, diff)
	}
	if d, err := fs.Detail(20); err != nil || len(d.Parents) != 1 {
		t.Errorf("parents in a ring: %+v, %v", d.Parents, err)
	}
	for _, pid := range []int32{30, 31, -1} {
		if d, err := fs.Detail(pid); !errors.Is(err, iofs.ErrNotExist) || d.PID != 0 {
			t.Errorf("pid %d: %+v, %v; want an error that Is fs.ErrNotExist", pid, d, err)
		}
	}
	if _, err := fs.Stat(31); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("Stat of no process: %v", err)
	}
}

func TestFault23Detail(t *testing.T) {
	t.Parallel()
	f := newFakeProc(t)
	f.add(fakeProcess{pid: 9, start: 90, comm: "server", cmdline: "x"})
	f.fifo("9/cmdline")
	fs := At(f.root)
	fs.shared.patience = 400 * time.Millisecond
	for range 2 {
		d, err := fs.Detail(9)
		if err != nil || d.Name.String() != "server" || !d.Cmdline.Empty() {
			t.Errorf("%+v, %v; want all but the command line", d, err)
		}
	}
	fs.shared.mu.Lock()
	defer fs.shared.mu.Unlock()
	if len(fs.shared.flying) != 1 {
		t.Errorf("%d reads have not come back, want 1", len(fs.shared.flying))
	}
}

// A panic of ours in a goroutine of ours reaches whoever asked.
func TestFault27Panic(t *testing.T) {
	ours := func(name string, do func()) {
		t.Helper()
		defer func() {
			t.Helper()
			if c, ok := recover().(*crash); !ok || c.value != "no such job" || len(c.stack) == 0 {
				t.Errorf("%s: the panic did not come through: %v", name, c)
			}
		}()
		do()
	}
	fs := At(newFakeProc(t).root)
	ours("a read", func() {
		_, _ = bounded(fs.shared, "x", func() (int, error) { panic("no such job") })
	})
	if len(fs.shared.flying) != 0 {
		t.Error("the read is still waited for")
	}
	c := newCrew(context.Background(), fs.look, os.Stdin, time.Minute, 1, nil, nil, nil)
	defer c.close()
	ours("a walker", func() {
		c.run(func() *job { return &job{kind: 99} }, func(*job) {})
	})
}

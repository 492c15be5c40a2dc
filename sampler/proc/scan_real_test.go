package proc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// realScanner does not take a walker for blocked because the machine is busy.
func realScanner() *Scanner {
	s := NewScanner(At("/proc"))
	s.stall = time.Minute
	return s
}

// One socket in six processes: all are listed.
func TestFault20SixHolders(t *testing.T) {
	f := socketFile(t)
	inode := inodeOf(int(f.Fd()))
	pids := []int32{int32(os.Getpid())}
	for range 5 {
		c := start(t, "obey", f)
		c.tell("ready", 0)
		pids = append(pids, c.pid())
	}
	s := realScanner()
	full := s.Scan(context.Background(), Request{Full: true})
	if got := holders(full, inode); !slices.Equal(got, sorted(pids...)) {
		t.Errorf("holders %v, want %v", got, pids)
	}
	again := s.Scan(context.Background(), Request{Inodes: []uint32{inode}})
	if got := holders(again, inode); !slices.Equal(got, sorted(pids...)) || !again.Complete {
		t.Errorf("asked for one: holders %v, want %v", got, pids)
	}
	named := 0
	for _, p := range full.Processes {
		if slices.Contains(pids, p.PID) {
			named++
			if want, err := os.Readlink("/proc/self/exe"); err != nil || p.Exe.String() != want || p.UID != uint32(os.Geteuid()) ||
				p.Name.Empty() || p.Cmdline.Empty() {
				t.Errorf("%+v: want our own executable %s (%v), our user, a name and arguments", p, want, err)
			}
		}
	}
	if named != len(pids) {
		t.Errorf("%d processes, want %d", named, len(pids))
	}
}

func TestPassedSocket(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	theirs := os.NewFile(uintptr(pair[1]), "pair")
	defer theirs.Close()
	c := start(t, "obey", theirs)
	f := socketFile(t)
	inode := inodeOf(int(f.Fd()))
	s := realScanner()
	s.Scan(context.Background(), Request{Full: true})
	if err := unix.Sendmsg(pair[0], []byte{0}, unix.UnixRights(int(f.Fd())), nil, 0); err != nil {
		t.Fatal(err)
	}
	if got := c.tell("receive", 1); got[0] != inode {
		t.Fatalf("the child received %v, want %d", got, inode)
	}
	res := s.Scan(context.Background(), Request{Full: true})
	if got := holders(res, inode); !slices.Equal(got, sorted(int32(os.Getpid()), c.pid())) {
		t.Errorf("holders %v, want us and %d", got, c.pid())
	}
	f.Close()
	res = s.Scan(context.Background(), Request{Inodes: []uint32{inode}})
	if got := holders(res, inode); !slices.Equal(got, []int32{c.pid()}) {
		t.Errorf("after we closed it: holders %v, want %d", got, c.pid())
	}
}

func TestFault21DeadLeader(t *testing.T) {
	c := start(t, "leaderless")
	inodes := c.tell("open", 2)
	fs := At("/proc")
	// the leader ends beside the thread that answered; its state says when
	stat, err := fs.Stat(c.pid())
	for ; err == nil && stat.State != 'Z'; stat, err = fs.Stat(c.pid()) {
		c.tell("ready", 0)
	}
	if err != nil || stat.Dead() {
		t.Fatalf("%+v, %v; want a dead leader with live threads", stat, err)
	}
	s := realScanner()
	id := ID{PID: c.pid(), Start: stat.Start}
	for range 2 {
		res := s.Scan(context.Background(), Request{Inodes: inodes, Check: []ID{id}})
		if !slices.Equal(holders(res, inodes[0]), []int32{c.pid()}) || len(res.Gone) > 0 || !res.Complete {
			t.Fatalf("holders %v, gone %v, complete %v", res.Holds, res.Gone, res.Complete)
		}
		inodes = append(inodes, c.tell("open", 1)...)
	}
	if _, err := fs.Detail(c.pid()); err != nil {
		t.Errorf("detail: %v", err)
	}
}

// Sockets come and go, numbers are used again: each new one is found, and by which way.
func TestChurn(t *testing.T) {
	c := start(t, "obey")
	c.tell("open", 500)
	s := realScanner()
	s.Scan(context.Background(), Request{Full: true})
	for round := range 6 {
		var closed []uint32
		if round%2 == 0 {
			closed = c.tell("close", 100)
		} else {
			c.tell("close", 20) // nobody says so
		}
		fresh := append(c.tell("open", 100), c.tell("far", 1)...)
		res := s.Scan(context.Background(), Request{Inodes: fresh, Closed: closed, Likely: []int32{c.pid()}})
		if !res.Complete || res.Err != nil {
			t.Fatalf("round %d: complete %v, %v", round, res.Complete, res.Err)
		}
		for _, inode := range fresh {
			if got := holders(res, inode); !slices.Equal(got, []int32{c.pid()}) {
				t.Fatalf("round %d: holders of %d: %v", round, inode, got)
			}
		}
	}
}

// A socket that nobody holds is looked for everywhere once; later that costs no full look.
func TestNobodysSocket(t *testing.T) {
	c := start(t, "obey")
	c.tell("open", 300)
	gone := c.tell("close", 1)
	s := realScanner()
	for range 3 {
		if res := s.Scan(context.Background(), Request{Inodes: gone}); len(res.Holds) != 0 || res.Err != nil {
			t.Fatalf("%+v", res)
		}
	}
	if p := s.known[c.pid()]; p.verified != 1 {
		t.Errorf("all fds were looked at again in scan %d", p.verified)
	}
}

// The whole host at once, against the plain way.
func TestScanAgainstPlainWalk(t *testing.T) {
	var pids []int32
	for range 3 {
		c := start(t, "obey")
		c.tell("open", defaultBlock/2*3/2)
		pids = append(pids, c.pid())
	}
	big := start(t, "obey")
	big.tell("open", 100)
	s := realScanner()
	s.block = 16
	for range 2 {
		res := s.Scan(context.Background(), Request{Full: true})
		if !res.Complete || !slices.IsSortedFunc(res.Holds, func(a, b Hold) int {
			if a.Inode != b.Inode {
				return int(int64(a.Inode) - int64(b.Inode))
			}
			return compareID(a.ID, b.ID)
		}) {
			t.Fatalf("complete %v, or not sorted", res.Complete)
		}
		for _, pid := range append(pids, big.pid()) {
			want := plainWalk(t, pid)
			var got []uint32
			for _, h := range res.Holds {
				if h.PID == pid {
					got = append(got, h.Inode)
				}
			}
			if !slices.Equal(got, want) || len(got) < 100 {
				t.Errorf("pid %d: %d sockets, want %d", pid, len(got), len(want))
			}
		}
	}
}

// The fds of a process with many are guessed; those above the guess are listed.
func TestGuessedFDs(t *testing.T) {
	for _, tc := range []struct {
		name        string
		open, close int
		far         int
	}{
		{"dense", 2 * denseFrom, 0, 0},
		{"a few gaps", 2 * denseFrom, denseFrom / 10, 0},
		{"one far beyond", 2 * denseFrom, 0, 1},
		{"more gaps than fds", 3 * denseFrom, 2*denseFrom - 20, 1},
	} {
		for _, block := range []int{defaultBlock, 100} {
			t.Run(fmt.Sprintf("%s by %d", tc.name, block), func(t *testing.T) {
				c := start(t, "obey")
				c.tell("open", tc.open)
				c.tell("close", tc.close)
				c.tell("far", tc.far)
				s := realScanner()
				s.block = block
				want := plainWalk(t, c.pid())
				for _, full := range []bool{false, true, true} { // met for the first time, then known
					res := s.Scan(context.Background(), Request{Inodes: want, Full: full})
					var got []uint32
					for _, h := range res.Holds {
						if h.PID == c.pid() {
							got = append(got, h.Inode)
						}
					}
					if !slices.Equal(got, want) || len(want) != tc.open-tc.close+tc.far || !res.Complete {
						t.Fatalf("full %v: %d sockets of %d, complete %v", full, len(got), len(want), res.Complete)
					}
				}
			})
		}
	}
}

// How many fds are open is a moment old when the guess is made of it: a process that opens some low ones meanwhile has
// those above the guess all the same.
func TestGuessLeavesNoneOut(t *testing.T) {
	c := start(t, "obey")
	c.tell("open", 3*denseFrom)
	c.tell("close", denseFrom)
	c.tell("far", 2)
	dir, err := unix.Open(fmt.Sprintf("/proc/%d/fd", c.pid()), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dir)
	w := newWalker()
	open, err := w.numbers(dir, nil)
	if err != nil || len(open) < 2*denseFrom {
		t.Fatalf("%d fds, %v", len(open), err)
	}
	for _, size := range []int64{1, denseFrom, 2 * denseFrom, int64(len(open)), 4 * denseFrom} {
		guessed, err := w.guess(dir, nil, size)
		if err != nil || !slices.IsSorted(guessed) || len(slices.Compact(slices.Clone(guessed))) != len(guessed) {
			t.Errorf("of %d: %d fds not sorted, or some twice; %v", size, len(guessed), err)
		}
		for _, fd := range open {
			if _, found := slices.BinarySearch(guessed, fd); !found {
				t.Errorf("of %d: %d is left out", size, fd)
			}
		}
	}
}

// plainWalk is what os says of the sockets of a process, ascending.
func plainWalk(t *testing.T, pid int32) []uint32 {
	dir := filepath.Join("/proc", strconv.Itoa(int(pid)), "fd")
	fds, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var inodes []uint32
	for _, fd := range fds {
		link, err := os.Readlink(filepath.Join(dir, fd.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if digits, ok := strings.CutPrefix(link, "socket:["); ok {
			n, err := strconv.ParseUint(strings.TrimSuffix(digits, "]"), 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			inodes = append(inodes, uint32(n))
		}
	}
	slices.Sort(inodes)
	return slices.Compact(inodes)
}

func TestFault18ExitedProcess(t *testing.T) {
	c := start(t, "obey")
	inodes := c.tell("open", 3)
	s := realScanner()
	res := s.Scan(context.Background(), Request{Inodes: inodes})
	if len(res.Processes) != 1 || res.Processes[0].Started.IsZero() {
		t.Fatalf("%+v", res)
	}
	id := ID{PID: c.pid(), Start: res.Processes[0].Start}
	us, err := s.fs.Stat(int32(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	other := ID{PID: us.PID, Start: us.Start + 1}
	check := []ID{id, {PID: us.PID, Start: us.Start}, other}
	if res := s.Scan(context.Background(), Request{Check: check}); !slices.Equal(res.Gone, []ID{other}) {
		t.Errorf("gone %v, want %v", res.Gone, other)
	}
	// not reaped yet: a zombie is gone
	c.in.Close()
	if _, err := c.out.ReadByte(); err == nil {
		t.Fatal("the child still talks")
	}
	if err := unix.Waitid(unix.P_PID, int(c.pid()), nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	want := []ID{id, other}
	slices.SortFunc(want, compareID)
	res = s.Scan(context.Background(), Request{Check: check, Inodes: inodes})
	if !slices.Equal(res.Gone, want) || len(res.Holds) > 0 {
		t.Errorf("a zombie: gone %v, holds %v; want %v", res.Gone, res.Holds, want)
	}
	if _, err := s.fs.Detail(c.pid()); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("detail of a zombie: %v", err)
	}
	c.end()
	if _, err := s.fs.Detail(c.pid()); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("detail of an exited process: %v", err)
	}
	if _, err := s.fs.Stat(c.pid()); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("stat of an exited process: %v", err)
	}
}

// Another user's processes are hidden: counted, and the scan is complete nevertheless.
func TestFault22HiddenOwners(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: to run as another user")
	}
	c := start(t, "obey")
	inodes := c.tell("open", 2)
	theirs := exec.Command("/proc/self/exe")
	theirs.Env = append(os.Environ(), childMode+"=scan")
	theirs.Dir = "/"
	theirs.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := theirs.Output()
	if err != nil {
		t.Fatal(err)
	}
	var res struct {
		Holds    []Hold
		Denied   int
		Complete bool
	}
	if err := json.Unmarshal(out, &res); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if res.Denied == 0 || !res.Complete || slices.ContainsFunc(res.Holds, func(h Hold) bool { return h.Inode == inodes[0] }) {
		t.Errorf("as nobody: %+v; want processes hidden, ours among them", res)
	}
	if res := realScanner().Scan(context.Background(), Request{Inodes: inodes}); len(res.Holds) != 2 {
		t.Errorf("as root: %+v", res.Holds)
	}
}

// Without free file descriptors the scan says so, and recovers.
func TestFault24NoFreeDescriptors(t *testing.T) {
	s := realScanner()
	inode := inodeOf(int(socketFile(t).Fd()))
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	free, err := unix.Open("/dev/null", unix.O_CLOEXEC, 0) // the lowest number that is free
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(free)
	// None at all, then enough for /proc, then for the list of processes: it fails later and later.
	for spare := range 3 {
		few := unix.Rlimit{Cur: uint64(free + spare), Max: old.Max}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
			t.Fatal(err)
		}
		res := s.Scan(context.Background(), Request{Full: true, Inodes: []uint32{inode}})
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(res.Err, unix.EMFILE) || res.Complete {
			t.Errorf("with %d descriptors: %+v; want EMFILE, and not complete", spare, res)
		}
	}
	if res := s.Scan(context.Background(), Request{Inodes: []uint32{inode}}); len(res.Holds) != 1 || res.Err != nil {
		t.Errorf("afterwards: %+v", res)
	}
}

func TestDetailOfOurselves(t *testing.T) {
	fs := At("/proc")
	d, err := fs.Detail(int32(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if d.Cwd.String() != cwd || d.Exe.String() != exe || d.PPID != int32(os.Getppid()) || d.UID != uint32(os.Geteuid()) ||
		d.Started.IsZero() || !strings.HasPrefix(d.Cmdline.String(), os.Args[0]) {
		t.Errorf("%+v", d)
	}
	if len(d.Parents) == 0 || d.Parents[0].PID != d.PPID || d.Parents[0].Name.Empty() {
		t.Errorf("parents: %+v", d.Parents)
	}
	if u, err := user.Current(); err == nil && d.User.String() != u.Username {
		t.Errorf("user %q, want %q", d.User, u.Username)
	}
}

// Kernel threads, where there are any to be seen.
func TestKernelThread(t *testing.T) {
	s, err := At("/proc").Stat(2)
	if err != nil || s.Comm.String() != "kthreadd" {
		t.Skip("needs the initial pid namespace: no kthreadd here")
	}
	if !s.Kernel || s.PPID != 0 {
		t.Errorf("%+v", s)
	}
	d, err := At("/proc").Detail(2)
	if err != nil || !d.Exe.Empty() || d.Why == 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

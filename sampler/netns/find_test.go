package netns

// This file finds namespaces in a small tree that looks like /proc.

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// tree is a /proc of its own.
type tree struct {
	testing.TB
	root, names string
	f           *finder
}

// ownInode is that of the namespace that the tree's reader is in, who is process 1.
const ownInode = 100

func grow(t testing.TB) *tree {
	t.Helper()
	r := &tree{TB: t, root: t.TempDir(), names: t.TempDir()}
	r.process(1, ownInode)
	must(t, "link", os.Symlink("1", filepath.Join(r.root, "self")))
	must(t, "link", os.Symlink("1", filepath.Join(r.root, "thread-self")))
	r.mounted("")
	return r
}

func (r *tree) find() *finder {
	r.Helper()
	f, err := newFinder(r.root, r.names)
	must(r, "find", err)
	r.Cleanup(f.close)
	r.f = f
	return f
}

func (r *tree) dir(pid int) string { return filepath.Join(r.root, fmt.Sprint(pid)) }

// process makes a process, or moves it to another namespace.
func (r *tree) process(pid int, inode uint64) {
	r.Helper()
	ns := filepath.Join(r.dir(pid), "ns")
	must(r, "process", os.MkdirAll(ns, 0o755))
	os.Remove(filepath.Join(ns, "net"))
	must(r, "process", os.Symlink(fmt.Sprintf("net:[%d]", inode), filepath.Join(ns, "net")))
}

func (r *tree) exit(pid int) {
	r.Helper()
	must(r, "exit", os.RemoveAll(r.dir(pid)))
}

func (r *tree) mounted(lines string) {
	r.Helper()
	must(r, "mounts", os.WriteFile(filepath.Join(r.dir(1), "mountinfo"), []byte(lines), 0o644))
}

// look looks, and says what is there: for each namespace its processes, mounts and names.
func (r *tree) look() []string {
	r.Helper()
	must(r, "look", r.f.look())
	var all []string
	for _, p := range r.f.all(nil) {
		line := fmt.Sprint(p.Inode, p.PIDs)
		for _, m := range p.Mounts {
			line += " " + m.Path
		}
		for _, n := range p.Names {
			line += " " + n.String() + "!"
		}
		all = append(all, line)
	}
	return all
}

func (r *tree) expect(want ...string) {
	r.Helper()
	if diff := cmp.Diff(want, r.look()); diff != "" {
		r.Error(diff)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	r := grow(t)
	r.process(5, 200)
	r.process(30, ownInode)
	r.find()
	r.expect("100 [1 30]", "200 [5]")
	r.process(6, 200)
	r.process(7, 300)
	r.expect("100 [1 30]", "200 [5 6]", "300 [7]")
	r.exit(5)
	r.exit(7)
	r.expect("100 [1 30]", "200 [6]")
	r.mounted("61 24 0:0 net:[200] /run/netns/blue rw - nsfs nsfs rw\n62 24 0:0 net:[400] /tmp/x rw - nsfs nsfs rw\n" +
		"63 24 0:0 net:[100] /var/run/netns/host rw - nsfs nsfs rw\n")
	r.expect("100 [1 30] /var/run/netns/host host!", "200 [6] /run/netns/blue blue!", "400 [] /tmp/x")
	r.exit(6)
	r.mounted("61 24 0:0 net:[200] /run/netns/blue rw - nsfs nsfs rw\n")
	r.expect("100 [1 30]", "200 [] /run/netns/blue blue!")
	r.mounted("")
	r.expect("100 [1 30]")
}

// TestFindOwn: this process is in its own namespace, whatever its threads are doing.
func TestFindOwn(t *testing.T) {
	t.Parallel()
	r := grow(t)
	r.find()
	r.process(1, 200)
	for range 40 {
		r.expect("100 [1]")
	}
}

// TestFindThread: a leader that is dead is in no namespace; its threads are.
func TestFindThread(t *testing.T) {
	t.Parallel()
	r := grow(t)
	r.process(5, 0) // a link that names none
	thread := filepath.Join(r.dir(5), "task/9/ns")
	must(t, "thread", os.MkdirAll(filepath.Join(r.dir(5), "task/5/ns"), 0o755))
	must(t, "thread", os.MkdirAll(thread, 0o755))
	must(t, "thread", os.Symlink("net:[200]", filepath.Join(thread, "net")))
	f := r.find()
	r.expect("100 [1]", "200 [5]")
	if p := f.all(nil)[1]; p.dir() != "/proc/5/task/9/net" {
		t.Errorf("its tables are in %s", p.dir())
	}
	must(t, "thread", os.RemoveAll(thread))
	r.expect("100 [1]")
}

// TestFindAlias: a symbolic link among the names of `ip netns` names a namespace, and keeps none.
func TestFindAlias(t *testing.T) {
	t.Parallel()
	r := grow(t)
	f := r.find()
	target := filepath.Join(t.TempDir(), "nsfs")
	must(t, "target", os.WriteFile(target, nil, 0o644))
	dev, inode, err := inodeOf(unix.AT_FDCWD, target)
	must(t, "target", err)
	f.home.Dev = dev // as on nsfs, where all are of one device
	r.process(5, inode)
	must(t, "link", os.Symlink(target, filepath.Join(r.names, "web\x1b[31m")))
	must(t, "link", os.Symlink("/nowhere", filepath.Join(r.names, "dangling")))
	must(t, "file", os.WriteFile(filepath.Join(r.names, "unmounted"), nil, 0o644))
	must(t, "look", f.look())
	p := f.all(nil)
	if len(p) != 2 || len(p[1].Names) != 1 || strings.Contains(p[1].Names[0].String(), "\x1b") || p[1].Label() != p[1].Names[0] {
		t.Fatalf("%+v", p)
	}
	r.exit(5)
	r.expect("100 [1]")
}

// TestFindSchedule: in the long run hardly any link is read, young processes are looked at again soon, and nobody is
// forgotten.
func TestFindSchedule(t *testing.T) {
	t.Parallel()
	r := grow(t)
	const many = 640
	for pid := range many {
		r.process(1000+pid, ownInode)
	}
	f := r.find()
	read := func() int {
		t.Helper()
		must(t, "look", f.look())
		return f.most - f.left
	}
	if n := read(); n != many+1 {
		t.Fatalf("the first look read %d links", n)
	}
	for range 40 {
		read()
	}
	sum := 0
	for range 64 {
		n := read()
		if sum += n; n > many/4 {
			t.Errorf("a look read %d links of %d", n, many)
		}
	}
	if sum < many || sum > 3*many {
		t.Errorf("64 looks read %d links of %d processes", sum, many)
	}
	r.process(5000, ownInode)
	read()
	r.process(5000, 200) // as a container's first process does
	r.await("200 [5000]", 1)
	r.process(1100, 300) // an old one
	r.await("300 [1100]", 1<<grown)
	if n := len(f.known); n != many+2 {
		t.Errorf("%d processes are known", n)
	}
}

// await looks until a namespace is there as it is wanted, so many times at most.
func (r *tree) await(want string, looks int) {
	r.Helper()
	for range looks {
		if slices.Contains(r.look(), want) {
			return
		}
	}
	r.Errorf("%d looks did not find %s", looks, want)
}

// TestFindQuiet: while the kernel counts no new process and none less, they are not listed, but that is not believed for
// long; and never when a namespace has lost all the processes that are known in it.
func TestFindQuiet(t *testing.T) {
	t.Parallel()
	r := grow(t)
	r.process(5, 200)
	r.load("1/80 5")
	r.find()
	r.expect("100 [1]", "200 [5]")
	r.process(6, 300)
	r.expect("100 [1]", "200 [5]") // the counts say that there is none
	r.load("1/81 6")
	r.expect("100 [1]", "200 [5]", "300 [6]")
	r.process(7, 400)
	for range listAtLeast - 1 {
		r.expect("100 [1]", "200 [5]", "300 [6]")
	}
	r.expect("100 [1]", "200 [5]", "300 [6]", "400 [7]")
	r.exit(5)
	r.process(8, 200) // it takes over: not a moment without an anchor
	r.expect("100 [1]", "200 [8]", "300 [6]", "400 [7]")
	r.exit(8)
	r.expect("100 [1]", "300 [6]", "400 [7]")
	r.process(6, 400) // not by its turn, but since it was the last one there
	r.expect("100 [1]", "400 [6 7]")
}

// load writes what the kernel counts.
func (r *tree) load(counts string) {
	r.Helper()
	must(r, "load", os.WriteFile(filepath.Join(r.root, "loadavg"), []byte("0.20 0.18 0.12 "+counts+"\n"), 0o644))
}

func TestParseLoad(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][2]int64{
		"0.20 0.18 0.12 1/80 11206\n": {80, 11206}, "": {}, "0.20 0.18 0.12 1 11206": {}, "0.20 0.18 0.12 1/80": {},
		"0.20 0.18 0.12 1/x 11206": {}, "0.20 0.18 0.12 1/80 x": {},
	} {
		if got := parseLoad(line); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}

// TestFindBudget: a look reads no more links than it may, and the rest is read in the next ones.
func TestFindBudget(t *testing.T) {
	t.Parallel()
	r := grow(t)
	for pid := range 25 {
		r.process(10+pid, uint64(200+pid))
	}
	f := r.find()
	f.most = 10
	for n, want := range []struct{ places, unread int }{{10, 16}, {20, 6}, {26, 0}, {26, 0}, {26, 0}} {
		must(t, "look", f.look())
		if got := len(f.all(nil)); got != want.places || f.unread != want.unread {
			t.Errorf("look %d: %d namespaces, %d unread", n+1, got, f.unread)
		}
	}
}

// TestFindGeneration: when all that anchored a namespace is replaced at once, it is taken for another one whose inode is
// used again; as long as one anchor stays, it is the same.
func TestFindGeneration(t *testing.T) {
	t.Parallel()
	r := grow(t)
	r.process(5, 200)
	f := r.find()
	seen := make(map[uint64]bool)
	id := func() int {
		t.Helper()
		must(t, "look", f.look())
		seen[f.all(nil)[1].identity()] = true
		return len(seen)
	}
	steps := []struct {
		name string
		do   func()
		want int
	}{
		{"first", func() {}, 1},
		{"as before", func() {}, 1},
		{"one more", func() { r.process(6, 200) }, 1},
		{"one less", func() { r.exit(5) }, 1},
		{"another process", func() { r.exit(6); r.process(7, 200) }, 2},
		{"a mount", func() { r.mounted("61 24 0:0 net:[200] /tmp/x rw - nsfs nsfs rw\n") }, 2},
		{"only the mount", func() { r.exit(7) }, 2},
		{"another mount", func() { r.mounted("62 24 0:0 net:[200] /tmp/x rw - nsfs nsfs rw\n") }, 3},
	}
	for _, s := range steps {
		s.do()
		if got := id(); got != s.want {
			t.Errorf("%s: %d identities so far, want %d", s.name, got, s.want)
		}
	}
}

// TestFindMerge: a namespace that was known by others' processes alone is the one in which a process of ours is seen.
func TestFindMerge(t *testing.T) {
	t.Parallel()
	r := grow(t)
	r.process(5, 200)
	r.process(6, 0)
	net := filepath.Join(r.dir(5), "net")
	must(t, "net", os.Mkdir(net, 0o755))
	must(t, "net", os.WriteFile(filepath.Join(net, "dev"), nil, 0o644))
	f := r.find()
	r.expect("100 [1]", "200 [5]")
	_, inode, err := inodeOf(unix.AT_FDCWD, filepath.Join(net, "dev"))
	must(t, "net", err)
	others := &Place{NetInode: inode}
	f.netOnly[inode], f.known[2].place = others, others
	if !f.merge() || f.merge() {
		t.Error("it is not merged once")
	}
	f.settle()
	if p := f.all(nil); len(p) != 2 || !slices.Equal(p[1].PIDs, []int32{5, 6}) {
		t.Errorf("%+v", p)
	}
}

func TestChoice(t *testing.T) {
	t.Parallel()
	r := grow(t)
	r.process(7, 200)
	r.process(8, 300)
	r.find()
	r.mounted("61 24 0:0 net:[300] /run/netns/blue rw - nsfs nsfs rw\n62 24 0:0 net:[400] /run/netns/7 rw - nsfs nsfs rw\n")
	r.look()
	for text, want := range map[string][]uint64{
		"": {100}, "own": {100}, "all": {100, 200, 300, 400}, "blue": {300}, "8": {300}, "1": {100}, "7": {200, 400},
		"pid 7": {200}, "0": nil, "-1": nil, "9": nil, "Blue": nil,
	} {
		var got []uint64
		for _, p := range r.f.all(nil) {
			if ParseChoice(text).Wants(p) {
				got = append(got, p.Inode)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

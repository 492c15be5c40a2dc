package netns

// This file asks the running kernel, about namespaces that the test makes.

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"sockview/model"
	"sockview/sampler/diag"
)

var comeAndGo = flag.Int("namespaces", 60, "how many namespaces TestKernelFlat makes")

// gone is how long a namespace may take to go, at most.
const gone = 2 * time.Second

func TestKernelProcess(t *testing.T) {
	w := watch(t)
	a := play(t, "sit")
	s := a.spaceOf(look(t, w))
	if s == nil || s.State != Open || s.Err != nil || s.Home || len(s.PIDs) != 1 || s.ID >= standIn {
		t.Fatalf("%+v", s)
	}
	if want := model.SafeText("pid " + strconv.Itoa(a.pid)); s.Label() != want {
		t.Errorf("it is called %q", s.Label())
	}
	link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", a.pid))
	must(t, "link", err)
	if link != fmt.Sprintf("net:[%d]", s.Inode) {
		t.Errorf("inode %d, the link says %s", s.Inode, link)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "tcp")); err != nil {
		t.Error(err)
	}
	id, conn := s.ID, s.Conn
	if again := a.spaceOf(look(t, w)); again == nil || again.ID != id || again.Conn != conn {
		t.Errorf("the next look: %+v", again)
	}
	a.end()
	l := look(t, w)
	if a.spaceOf(l) != nil || !slices.Contains(l.Gone, s) || s.ID != id || s.State == Open {
		t.Errorf("after it ended: %+v, gone are %v", s, l.Gone)
	}
	if _, err := conn.NetNSCookie(); err == nil {
		t.Error("its socket is open")
	}
}

// TestKernelInside: what is opened for a namespace sees the sockets of that namespace and of no other, and the thread that
// opened it is back.
func TestKernelInside(t *testing.T) {
	var inode uint32
	path := mount(t, "blue", func() { inode = listen(t) })
	w := watch(t)
	l := look(t, w)
	seen := 0
	for _, s := range l.Spaces {
		if s.State != Open { // other tests, in other processes, take theirs away meanwhile
			continue
		}
		found := false
		if _, err := s.Conn.Dump(model.TCP, model.IPv4, func(r *model.Socket) { found = found || r.Inode == inode }); err != nil {
			t.Fatal(err)
		}
		if found {
			seen++
		}
		if found != (s == spaceAt(l, path)) {
			t.Errorf("the listener of %s is seen in %s: %v", path, s.Label(), found)
		}
	}
	if seen != 1 {
		t.Errorf("the listener was seen %d times", seen)
	}
	if err := awaitHome(l.Spaces[0].Inode); err != nil {
		t.Error(err)
	}
}

// listen makes a listener that is closed with the test, and gives its inode.
func listen(t testing.TB) uint32 {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err == nil {
		t.Cleanup(func() { unix.Close(fd) })
		err = unix.Listen(fd, 1)
	}
	if err != nil {
		t.Errorf("listen: %v", err)
		return 0
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Errorf("listen: %v", err)
		return 0
	}
	return uint32(st.Ino)
}

// TestKernelMount: a namespace that only a mount keeps is entered through the mount, and let go of after it.
func TestKernelMount(t *testing.T) {
	path := mount(t, "a b", nil)
	w := watch(t)
	s := spaceAt(look(t, w), path)
	if s == nil || s.State != Open || len(s.PIDs) != 0 || s.Dir != "" || s.Label() != model.SafeText("a b") {
		t.Fatalf("%+v", s)
	}
	if again := spaceAt(look(t, w), path); again != s {
		t.Error("the next look does not have it")
	}
	must(t, "unmount", unix.Unmount(path, 0))
	if l := look(t, w); spaceAt(l, path) != nil || !slices.Contains(l.Gone, s) {
		t.Errorf("after the mount: %+v", l.Gone)
	}
}

// TestKernelIP: a namespace that `ip netns` made is found and chosen by its name.
func TestKernelIP(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: ip netns add")
	}
	name := "sockview-" + strconv.Itoa(os.Getpid())
	ip := func(verb string) error {
		out, err := exec.Command("ip", "netns", verb, name).CombinedOutput()
		if err != nil {
			return fmt.Errorf("ip netns %s: %w: %s", verb, err, out)
		}
		return nil
	}
	w := watch(t)
	look(t, w)
	if err := ip("add"); errors.Is(err, exec.ErrNotFound) {
		t.Skipf("needs iproute2: %v", err)
	} else {
		must(t, "make a namespace", err)
	}
	deleted := false
	t.Cleanup(func() {
		if !deleted {
			ip("del")
		}
	})
	l := w.Look(ParseChoice(name))
	s := spaceAt(l, "/run/netns/"+name)
	if s == nil || s.State != Open || l.Count(Open) != 1 || s.Label() != model.SafeText(name) {
		t.Fatalf("%d are open; %+v", l.Count(Open), s)
	}
	must(t, "delete it", ip("del"))
	deleted = true
	if l = w.Look(ParseChoice(name)); l.Err != nil || !slices.Contains(l.Gone, s) || s.Conn != nil {
		t.Errorf("after it was deleted: %v, %v", l.Gone, l.Err)
	}
}

// TestKernelOwn: nothing is opened but what is wanted, and what is not wanted any more is closed.
func TestKernelOwn(t *testing.T) {
	w := watch(t)
	a := play(t, "sit")
	l := w.Look(Own)
	s := a.spaceOf(l)
	if l.Err != nil || l.Count(Open) != 1 || !l.Spaces[0].Home || l.Spaces[0].State != Open || s == nil || s.State != Unasked {
		t.Fatalf("own: %+v", l)
	}
	if s.ID < standIn {
		t.Errorf("it was not looked into, and its cookie is known: %d", s.ID)
	}
	if w.Look(ParseChoice(strconv.Itoa(a.pid))); s.State != Open || l.Spaces[0].State != Unasked {
		t.Errorf("by pid: %v, own: %v", s.State, l.Spaces[0].State)
	}
	id := s.ID
	if w.Look(Own); s.State != Unasked || s.Conn != nil || s.ID != id || id >= standIn {
		t.Errorf("own again: %+v", s)
	}
	if cookie, err := l.Spaces[0].Conn.NetNSCookie(); err != nil || cookie != l.Spaces[0].ID {
		t.Errorf("own: cookie %d, %v; ID %d", cookie, err, l.Spaces[0].ID)
	}
}

// TestKernelVeth: while it is watched a namespace is taken away, and the veth to it goes, whether a process or a mount
// kept it.
func TestKernelVeth(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T) (peer any, find func(Look[*diag.Conn]) *Space[*diag.Conn], end func())
	}{
		{"process", func(t *testing.T) (any, func(Look[*diag.Conn]) *Space[*diag.Conn], func()) {
			a := play(t, "sit")
			return netlink.NsPid(a.pid), a.spaceOf, a.end
		}},
		{"mount", func(t *testing.T) (any, func(Look[*diag.Conn]) *Space[*diag.Conn], func()) {
			path := mount(t, "blue", nil)
			f, err := os.Open(path)
			must(t, "open", err)
			t.Cleanup(func() { f.Close() })
			return netlink.NsFd(f.Fd()), func(l Look[*diag.Conn]) *Space[*diag.Conn] { return spaceAt(l, path) }, func() {
				must(t, "close", f.Close())
				must(t, "unmount", unix.Unmount(path, 0))
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			peer, find, end := c.make(t)
			name := "sv" + strconv.Itoa(os.Getpid()) + c.name[:1]
			stop := make(chan struct{})
			defer close(stop)
			news := make(chan netlink.LinkUpdate, 64)
			must(t, "subscribe", netlink.LinkSubscribe(news, stop))
			err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: "eth0", PeerNamespace: peer})
			if errors.Is(err, unix.EOPNOTSUPP) {
				t.Skipf("needs veth interfaces: %v", err)
			}
			must(t, "add veth", err)
			w := watch(t)
			if s := find(look(t, w)); s == nil || s.State != Open {
				t.Fatalf("%+v", s)
			}
			end()
			if _, err := net.InterfaceByName(name); err != nil {
				t.Errorf("an open socket does not keep the namespace: %v", err)
			}
			look(t, w) // one look, and no later one, lets go of it
			deadline := time.After(gone)
			for {
				select {
				case u := <-news:
					if u.Header.Type == unix.RTM_DELLINK && u.Attrs().Name == name {
						return
					}
				case <-deadline:
					t.Fatalf("%s is still there", name)
				}
			}
		})
	}
}

// TestKernelLeave: a process that goes to another namespace anchors the first one no more, though it lives on.
func TestKernelLeave(t *testing.T) {
	w := watch(t)
	a := play(t, "leave")
	s := a.spaceOf(look(t, w))
	if s == nil || s.Home {
		t.Fatalf("%+v", s)
	}
	for range 40 { // by now its link is hardly ever read, but for the proof
		look(t, w)
	}
	fmt.Fprintln(a.in, "go")
	a.ready()
	if link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", a.pid)); err != nil || link == fmt.Sprintf("net:[%d]", s.Inode) {
		t.Fatalf("it is in %s, %v", link, err)
	}
	l := look(t, w)
	if now := a.spaceOf(l); !slices.Contains(l.Gone, s) || now == nil || !now.Home {
		t.Errorf("gone %v, now in %+v", l.Gone, now)
	}
}

// TestKernelBeheaded: a process whose first thread ended is in its namespace through the others.
func TestKernelBeheaded(t *testing.T) {
	w := watch(t)
	a := play(t, "behead")
	awaitDead(t, a.pid)
	s := a.spaceOf(look(t, w))
	if s == nil || s.Home || s.State != Open || !strings.Contains(s.Dir, "/task/") {
		t.Fatalf("%+v", s)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "tcp")); err != nil {
		t.Error(err)
	}
	if again := a.spaceOf(look(t, w)); again != s {
		t.Error("the next look does not have it")
	}
	a.end()
	if l := look(t, w); !slices.Contains(l.Gone, s) {
		t.Errorf("gone: %v", l.Gone)
	}
}

// awaitDead waits until the first thread of a process has ended.
func awaitDead(t testing.TB, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		if _, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid)); errors.Is(err, fs.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the first thread lives on")
		}
	}
}

// TestKernelZombie: a process that has ended and is not reaped yet anchors nothing.
func TestKernelZombie(t *testing.T) {
	w := watch(t)
	a := play(t, "sit")
	s := a.spaceOf(look(t, w))
	must(t, "kill", unix.Kill(a.pid, unix.SIGKILL))
	must(t, "wait", unix.Waitid(unix.P_PID, a.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)) // it stays a zombie
	if l := look(t, w); s == nil || !slices.Contains(l.Gone, s) {
		t.Errorf("gone: %v", l.Gone)
	}
}

// TestKernelRace: a namespace that goes after it was found and before it was entered is not one that may not be entered.
func TestKernelRace(t *testing.T) {
	both := [...]*actor{play(t, "sit"), play(t, "sit")}
	inodes := map[string]int{}
	for i, a := range both {
		link, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", a.pid))
		must(t, "link", err)
		inodes[link] = i
	}
	ended := -1
	w, err := NewWatcher(Config[*diag.Conn]{Open: func() (*diag.Conn, error) {
		here, err := os.Readlink("/proc/thread-self/ns/net")
		must(t, "link", err)
		if i, ours := inodes[here]; ours && ended < 0 { // the other one was found, and is not entered yet
			ended = 1 - i
			both[ended].end()
		}
		return diag.Open()
	}})
	must(t, "watch", err)
	defer w.Close()
	l := look(t, w)
	s := both[ended].spaceOf(l)
	if s == nil || s.State != Unasked || !isGone(s.Err) || both[1-ended].spaceOf(l).State != Open {
		t.Fatalf("%+v", s)
	}
	if l = look(t, w); !slices.Contains(l.Gone, s) {
		t.Errorf("gone: %v", l.Gone)
	}
}

// TestKernelMany: no more are opened than were allowed, and the next one is when there is room.
func TestKernelMany(t *testing.T) {
	a, b := play(t, "sit"), play(t, "sit")
	w, err := NewWatcher(Config[*diag.Conn]{Open: diag.Open, Most: 1})
	must(t, "watch", err)
	defer w.Close()
	choice := ParseChoice(strconv.Itoa(a.pid))
	if s := a.spaceOf(w.Look(choice)); s == nil || s.State != Open {
		t.Fatalf("%+v", s)
	}
	l := w.Look(All)
	s := b.spaceOf(l)
	if l.Count(Open) != 1 || s == nil || s.State != ProcNet || !errors.Is(s.Err, ErrTooMany) {
		t.Fatalf("%d are open; %+v", l.Count(Open), s)
	}
	if !s.Still() {
		t.Errorf("%s does not lead there", s.Dir)
	}
	if other := a.spaceOf(l).Dir; other == s.Dir {
		t.Errorf("both are in %s", other)
	} else {
		was := s.Dir
		if s.Dir = other; s.Still() {
			t.Errorf("%s is taken for %s", other, was)
		}
	}
	choice = ParseChoice(strconv.Itoa(b.pid))
	w.Look(choice) // leaves the one
	if s := b.spaceOf(w.Look(choice)); s.State != Open || s.Err != nil {
		t.Errorf("%+v", s)
	}
}

// TestKernelFlat: namespaces come and go, and neither descriptors nor threads are left behind.
func TestKernelFlat(t *testing.T) {
	w := watch(t)
	flat := ParseChoice("flat") // leaves those alone that others make meanwhile
	wave := func(n int) {
		t.Helper()
		paths := make([]string, n)
		for i := range paths {
			paths[i] = mount(t, "flat", nil)
		}
		l := w.Look(flat)
		must(t, "look", l.Err)
		for _, path := range paths {
			if s := spaceAt(l, path); s == nil || s.State != Open {
				t.Fatalf("%+v", s)
			}
			must(t, "unmount", unix.Unmount(path, 0))
		}
		if l = w.Look(flat); len(l.Gone) < n || w.open != 0 || l.Ended != 0 {
			t.Fatalf("%d gone, %d open, %d threads ended", len(l.Gone), w.open, l.Ended)
		}
	}
	wave(10) // the runtime has its threads now
	fds, tids := files(t), threads(t)
	for made := 0; made < *comeAndGo; made += 20 {
		wave(20)
	}
	if now := files(t); now != fds {
		t.Errorf("%d descriptors were open, %d are now", fds, now)
	}
	if now := threads(t); now > tids+5 { // the test itself makes and ends one for each namespace
		t.Errorf("there were %d threads, there are %d now", tids, now)
	}
}

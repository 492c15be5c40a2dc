package sampler

// Other network namespaces on the running kernel: what is in them, what ends in them, and how they come and go themselves.

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"sockview/model"
	"sockview/sampler/rights"
)

// everything is what most of these tests want to see.
var everything = model.Demand{Interval: 200 * time.Millisecond, NetNS: "all"}

// moved says whether a row has exactly these bytes.
func moved(r *model.Socket, sent, received uint64) bool {
	return r != nil && r.Has&model.HasBytes != 0 && r.Sent == sent && r.Received == received
}

// TestKernelSpacesVeth: a connection between two namespaces is a row in each, with its bytes and its owner, and so is its
// end, even where it lived between two polls.
func TestKernelSpacesVeth(t *testing.T) {
	a, b := newTenant(t), newTenant(t)
	join(t, a, b)
	at := b.do("listen", "door", "10.7.0.2:0")
	d := everything
	d.Interval = time.Second
	w := watchSpaces(t, d)
	there := port(t, at)

	connect(a, b, "long", "door", at)
	carry(a, b, "long", 12345)
	carry(b, a, "long", 6789)
	here := uint16(0)
	w.until("both ends of a connection", func(s *model.Snapshot) bool {
		for i := range s.Sockets {
			if r := &s.Sockets[i]; r.RemotePort == there && r.Remote == model.AddrFrom(netip.MustParseAddr("10.7.0.2")) {
				here = r.LocalPort
			}
		}
		near, far := a.rowOf(s, here, there), b.rowOf(s, there, here)
		return moved(near, 12345, 6789) && moved(far, 6789, 12345) && a.held(s, near) && b.held(s, far) && b.held(s, b.rowOf(s, there, 0))
	})
	carry(a, b, "long", 1000) // what no poll may have seen
	b.do("close", "long")
	a.do("close", "long")
	w.until("its end in both", func(s *model.Snapshot) bool {
		near, far := a.rowOf(s, here, there), b.rowOf(s, there, here)
		return near != nil && near.Dead && moved(near, 13345, 6789) && a.held(s, near) &&
			far != nil && (far.Dead || far.State == model.TimeWait) && moved(far, 6789, 13345)
	})

	from := a.do("dial", "brief", at)
	b.do("accept", "brief", "door")
	carry(a, b, "brief", 4321)
	carry(b, a, "brief", 87654)
	a.do("close", "brief")
	b.do("close", "brief")
	here = port(t, from)
	w.until("one that lived between two polls", func(s *model.Snapshot) bool {
		near, far := a.rowOf(s, here, there), b.rowOf(s, there, here)
		return near != nil && moved(near, 4321, 87654) && far != nil && far.Dead && moved(far, 87654, 4321) &&
			b.held(s, far) && (s.HolderOf(near) == nil || a.held(s, near))
	})
}

// TestKernelSpacesClose: closing ends the connection of its own namespace, though another has one with the same addresses
// and ports.
func TestKernelSpacesClose(t *testing.T) {
	const here, there = 40001, 40000
	at, from := fmt.Sprint("127.0.0.1:", there), fmt.Sprint("127.0.0.1:", here)
	tenants := []*tenant{newTenant(t), newTenant(t)}
	for _, a := range tenants {
		a.do("listen", "door", at)
		connect(a, a, "in", "door", at, from)
		a.do("dial", "other", at, "127.0.0.1:40002")
	}
	w := watchSpaces(t, everything)
	a, b := tenants[0], tenants[1]
	var target model.CloseTarget
	w.until("both", func(s *model.Snapshot) bool {
		one, other := a.rowOf(s, here, there), b.rowOf(s, here, there)
		if one != nil && other != nil {
			target = s.TargetOf(one)
		}
		return one != nil && other != nil
	})
	if err := w.Destroy(target); err != nil {
		t.Fatal(err)
	}
	w.until("the one that was closed", func(s *model.Snapshot) bool {
		r := a.rowOf(s, here, there)
		return r == nil || r.Dead || r.State == model.Close
	})
	b.do("send", "in", 77)
	w.until("the other, which is alive", func(s *model.Snapshot) bool {
		r := b.rowOf(s, there, here)
		alive := a.rowOf(s, 40002, there)
		if alive == nil || alive.Dead {
			t.Fatal("another connection of the namespace was closed")
		}
		return r != nil && !r.Dead && r.Sent == 77
	})
	if err := w.Destroy(target); !errors.Is(err, unix.ENOENT) {
		t.Errorf("closing it again: %v", err)
	}
	a.end()
	gone := w.ended(a.label())
	if err := w.Destroy(gone); !errors.Is(err, errLeft) {
		t.Errorf("closing one in a namespace that is gone: %v", err)
	}
}

// ended waits until a namespace is gone and its rows with it, and gives one that was closed.
func (w *onlooker) ended(name string) (r model.CloseTarget) {
	w.t.Helper()
	w.until(name+" closed", func(s *model.Snapshot) bool {
		place := placeOf(s, name)
		if place < 0 || s.NetNS[place].View != model.Abandoned {
			return false
		}
		for i := range s.Sockets {
			if int(s.Sockets[i].NetNS) == place {
				if r = s.TargetOf(&s.Sockets[i]); !s.Sockets[i].Dead {
					w.t.Errorf("a socket of a namespace that is gone lives: %+v", s.Sockets[i])
				}
			}
		}
		return true
	})
	return r
}

// TestKernelSpacesEnd: the rows of a namespace that is taken away are closed, what leads there goes with its last process,
// and its place is another's later.
func TestKernelSpacesEnd(t *testing.T) {
	a := newTenant(t)
	name := "sv" + strconv.Itoa(os.Getpid()) + "e"
	stop := make(chan struct{})
	defer close(stop)
	news := make(chan netlink.LinkUpdate, 256)
	if err := netlink.LinkSubscribe(news, stop); err != nil {
		t.Fatal(err)
	}
	err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: "eth0", PeerNamespace: netlink.NsPid(a.pid)})
	if errors.Is(err, unix.EOPNOTSUPP) {
		t.Skipf("needs veth interfaces: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	at := a.do("listen", "door", "127.0.0.1:0")
	from := a.do("dial", "in", at)
	a.do("accept", "out", "door")
	carry(a, a, "out", 0)
	a.do("send", "in", 555)
	w := watchSpaces(t, everything)
	place := -1
	w.until("what is in it", func(s *model.Snapshot) bool {
		place = placeOf(s, a.label())
		return moved(a.rowOf(s, port(t, from), port(t, at)), 555, 0)
	})
	a.do("send", "in", 445)
	a.end()
	began := time.Now()
	late := time.After(2 * time.Second)
	for there := true; there; {
		select {
		case u := <-news:
			there = u.Header.Type != unix.RTM_DELLINK || u.Attrs().Name != name
		case <-late:
			t.Fatal("a namespace is kept that nobody else keeps: its veth is still there after two seconds")
		}
	}
	t.Logf("the veth was gone %v after the last process", time.Since(began))
	w.until("its rows closed", func(s *model.Snapshot) bool {
		r := a.rowOf(s, port(t, from), port(t, at))
		n := s.NetNSOf(uint16(place))
		return r != nil && r.Dead && moved(r, 1000, 0) && n.View == model.Abandoned && n.Name.String() == a.label()
	})
	w.until("its place free", func(s *model.Snapshot) bool {
		return placeOf(s, a.label()) < 0 && s.NetNSOf(uint16(place)).View != model.Abandoned
	})
	tenants := []*tenant{newTenant(t)}
	w.until("its place another's", func(s *model.Snapshot) bool {
		if placeOf(s, tenants[len(tenants)-1].label()) >= 0 && s.NetNSOf(uint16(place)).View == model.NoNetNS {
			tenants = append(tenants, newTenant(t)) // others were free, too
		}
		return s.NetNSOf(uint16(place)).View == model.Entered
	})
}

// TestKernelSpacesChoice: what is shown is what was chosen, and another choice is followed while it runs.
func TestKernelSpacesChoice(t *testing.T) {
	a, b := newTenant(t), newTenant(t)
	name := "sockview-test-" + strconv.Itoa(os.Getpid())
	path := "/run/netns/" + name
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o600)); err != nil {
		t.Skipf("needs to write in /run: %v", err)
	}
	t.Cleanup(func() {
		unix.Unmount(path, unix.MNT_DETACH)
		os.Remove(path)
	})
	if err := unix.Mount(fmt.Sprintf("/proc/%d/ns/net", b.pid), path, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	inA, inB := port(t, a.do("listen", "door", "127.0.0.1:0")), port(t, b.do("listen", "door", "127.0.0.1:0"))
	w := watchSpaces(t, model.Demand{Interval: 200 * time.Millisecond})
	for _, c := range []struct {
		choice    string
		own, a, b bool
	}{
		{"own", true, false, false}, {name, false, false, true}, {strconv.Itoa(a.pid), false, true, false}, {"all", true, true, true},
		{strconv.Itoa(b.pid), false, false, true}, {"pid " + strconv.Itoa(a.pid), false, true, false}, {"", true, false, false},
		{"nobody's", false, false, false}, {"all", true, true, true},
	} {
		w.choose(c.choice)
		view := func(s *model.Snapshot, label string) bool {
			return s.NetNSOf(uint16(max(placeOf(s, label), 0))).View == model.Entered
		}
		w.until("the choice "+c.choice, func(s *model.Snapshot) bool {
			return (rowIn(s, a.label(), inA, 0) != nil) == c.a && (rowIn(s, name, inB, 0) != nil) == c.b &&
				(s.NetNS[0].View == model.Entered) == c.own &&
				(placeOf(s, name) < 0 || view(s, name) == c.b) && (placeOf(s, a.label()) < 0 || view(s, a.label()) == c.a)
		})
	}
}

// TestKernelSpacesMany: a thousand namespaces come and go. Each is seen, and nothing of them is left.
func TestKernelSpacesMany(t *testing.T) {
	const each, first = 100, 20000
	total := 1000
	if testing.Short() {
		total = 300
	}
	host := newTenant(t)
	dir := t.TempDir()
	t.Cleanup(func() {
		for i := range each { // what a test that failed has left
			unix.Unmount(filepath.Join(dir, fmt.Sprint("ns", i)), unix.MNT_DETACH)
		}
	})
	d := everything
	d.Interval = time.Second
	w := watchSpaces(t, d)
	w.before = func(s *model.Snapshot) {
		for _, c := range s.Sources {
			if c.Err != nil && !c.Absent && !passing(c) {
				t.Errorf("%s: %v", c.Name, c.Err)
			}
		}
	}
	wave := func(from int) {
		t.Helper()
		host.do("crowd", dir, from, each)
		w.until("all listeners of a crowd", func(s *model.Snapshot) bool {
			shown := map[uint16]uint16{}
			for i := range s.Sockets {
				if r := &s.Sockets[i]; int(r.LocalPort) >= from && int(r.LocalPort) < from+each && !r.Dead &&
					strings.HasPrefix(s.NetNSOf(r.NetNS).Name.String(), "ns") {
					shown[r.NetNS] = r.LocalPort
				}
			}
			return len(shown) == each
		})
		host.do("disperse")
	}
	gone := func(s *model.Snapshot) bool {
		for _, n := range s.NetNS {
			if strings.HasPrefix(n.Name.String(), "ns") && n.View != model.NoNetNS {
				return false
			}
		}
		return true
	}
	wave(first) // the runtime has its threads now
	w.until("the first ones gone", gone)
	files, threads := entries(t, "/proc/self/fd"), entries(t, "/proc/self/task")
	for made := each; made < total; made += each {
		wave(first + made)
	}
	w.until("the last ones gone", gone)
	w.until(fmt.Sprintf("%d descriptors, as before", files), func(*model.Snapshot) bool { return entries(t, "/proc/self/fd") <= files })
	if now := entries(t, "/proc/self/task"); now > threads+5 {
		t.Errorf("there were %d threads, there are %d now", threads, now)
	}
}

// passing says whether what a source lacks is others' doing: namespaces of other tests go while they are asked.
func passing(c model.Source) bool {
	return errors.Is(c.Err, unix.ESRCH) || errors.Is(c.Err, unix.ENOENT)
}

// entries is how many names are in a directory.
func entries(t *testing.T, dir string) int {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// TestKernelSpacesRare: raw and unix sockets are shown in their namespace.
func TestKernelSpacesRare(t *testing.T) {
	a := newTenant(t)
	path := filepath.Join(t.TempDir(), "door")
	a.do("raw")
	a.do("unix", path)
	d := everything
	d.Tables = model.TableSockets | model.TableUnix
	w := watchSpaces(t, d)
	w.until("both", func(s *model.Snapshot) bool {
		place, raw, local := placeOf(s, a.label()), false, false
		for i := range s.Sockets {
			r := &s.Sockets[i]
			raw = raw || int(r.NetNS) == place && r.Proto == model.Raw && r.LocalPort == 253 && a.held(s, r)
		}
		for i := range s.Unix {
			r := &s.Unix[i]
			local = local || int(r.NetNS) == place && r.Path.String() == path && len(s.HoldersOfUnix(r)) == 1
		}
		return raw && local
	})
	a.end()
	w.until("the unix socket closed", func(s *model.Snapshot) bool {
		for i := range s.Unix {
			if r := &s.Unix[i]; r.Path.String() == path {
				return r.Dead
			}
		}
		return true
	})
}

// TestKernelSpacesStranger: who may not enter reads tables, and is not told more than they say.
func TestKernelSpacesStranger(t *testing.T) {
	a := newTenant(t)
	at := a.do("listen", "door", "127.0.0.1:0")
	from := a.do("dial", "in", at)
	a.do("accept", "out", "door")
	a.do("send", "in", 999)
	run := func(role string, c *exec.Cmd) {
		t.Helper()
		c.Args = append(c.Args, "-test.run=^TestSpaceRole$")
		c.Env = append(os.Environ(), tenantVariable+"="+role, fmt.Sprintf("SOCKVIEW_TEST_AT=%d %d %d", a.pid, port(t, from), port(t, at)))
		out, err := c.CombinedOutput()
		switch {
		case strings.Contains(string(out), "failed: cgo:"):
			t.Skip("needs a test binary without cgo (CGO_ENABLED=0): Go cannot reach every thread of this one")
		case err != nil:
			t.Errorf("%s: %v\n%s", role, err, out)
		}
	}
	c := exec.Command(publicBinary(t))
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	run("stranger", c)
	run("settled", exec.Command(os.Args[0]))
}

// stranger is nobody.
func stranger() error { return lookFromOutside(Options{}) }

// settled is root after --read-only.
func settled() error {
	held, err := rights.Settle(true)
	switch {
	case err != nil && strings.Contains(err.Error(), "built with cgo"):
		return fmt.Errorf("cgo: %w", err)
	case err != nil:
		return err
	}
	return lookFromOutside(Options{Rights: held})
}

// lookFromOutside looks at a connection in a namespace that cannot be entered.
func lookFromOutside(o Options) error {
	var pid, here, there int
	if _, err := fmt.Sscan(os.Getenv("SOCKVIEW_TEST_AT"), &pid, &here, &there); err != nil {
		return err
	}
	k, err := Open(o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), worldPatience)
	defer cancel()
	k.Want(everything)
	go k.Run(ctx)
	last := ""
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("it took too long; last seen:\n%s", last)
		case <-k.Ready():
		}
		s := k.Take()
		if s == nil {
			continue
		}
		name := fmt.Sprint("pid ", pid)
		r, n := rowIn(s, name, uint16(here), uint16(there)), s.NetNSOf(uint16(max(placeOf(s, name), 0)))
		last = describe(s)
		if r == nil {
			k.Release(s)
			continue
		}
		target := s.TargetOf(r)
		switch {
		case n.View != model.TablesOnly || n.Err == nil || n.Cookie < 1<<63:
			return fmt.Errorf("the namespace is %+v", n)
		case r.State != model.Established || r.Has&(model.HasBytes|model.HasPath|model.HasPackets) != 0 || r.Cookie != 0 || r.Stale:
			return fmt.Errorf("the row is %+v", r)
		case s.NetNS[0].View != model.Entered || s.Access.NoBytes != nil || s.Access.Enter:
			return fmt.Errorf("of our own namespace: %+v, %+v", s.NetNS[0], s.Access)
		}
		if err := k.Destroy(target); !errors.Is(err, errLeft) {
			return fmt.Errorf("closing it: %w", err)
		}
		return nil
	}
}

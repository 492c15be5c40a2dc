package sampler

// The tables of namespaces of the running kernel, through netns and host.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"sockview/model"
	"sockview/sampler/diag"
	"sockview/sampler/host"
	"sockview/sampler/netns"
)

// mountNamespace makes a namespace that only a mount keeps, in which inside makes things, and says where it is.
func mountNamespace(t testing.TB, name string, inside func() error) (path string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes a network namespace")
	}
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := elsewhere(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make a namespace: %w", err)
		}
		if err := unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount it: %w", err)
		}
		return inside()
	})
	if errors.Is(err, fs.ErrPermission) {
		t.Skipf("needs root: a network namespace of its own: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(path, unix.MNT_DETACH) })
	if errors.Is(err, unix.EOPNOTSUPP) {
		t.Skipf("needs veth interfaces: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
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

// addLoopback gives lo an address and has it up.
func addLoopback(address string) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	a, err := netlink.ParseAddr(address)
	if err != nil {
		return err
	}
	return errors.Join(netlink.LinkSetUp(lo), netlink.AddrAdd(lo, a))
}

// sendDatagrams sends so many over loopback, to nobody.
func sendDatagrams(n int) error {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer c.Close()
	for range n {
		if _, err := c.WriteTo([]byte("x"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9}); err != nil {
			return err
		}
	}
	return nil
}

// outsiders are the posts of namespaces as sockview has them: one Host for all.
type outsiders struct {
	testing.TB
	*netns.Watcher[*diag.Conn]
	host *host.Host
}

func watchNamespaces(t testing.TB) *outsiders {
	t.Helper()
	w, err := netns.NewWatcher(netns.Config[*diag.Conn]{Open: diag.Open})
	if err != nil {
		t.Fatal(err)
	}
	h := host.New(netDir)
	t.Cleanup(func() {
		h.Close()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return &outsiders{t, w, h}
}

// posts are those of the namespaces that these paths are mounted for, in places from 1 on, as far as they are there.
func (o *outsiders) posts(paths ...string) []post {
	o.Helper()
	l := o.Look(netns.Own)
	if l.Err != nil || l.Ended != 0 {
		o.Fatalf("look: %v, %d threads ended", l.Err, l.Ended)
	}
	var posts []post
	for i, path := range paths {
		for _, s := range l.Spaces {
			if slices.ContainsFunc(s.Mounts, func(m netns.Mount) bool { return m.Path == path }) {
				posts = append(posts, post{netns: uint16(i + 1), name: s.Label(), host: o.host, inside: s.Door().Do})
			}
		}
	}
	return posts
}

// TestKernelTablesOfNamespaces: every table has each namespace's rows under that namespace, with its own figures.
func TestKernelTablesOfNamespaces(t *testing.T) {
	world := func(name, address string, datagrams int) string {
		return mountNamespace(t, name, func() error {
			return errors.Join(addLoopback(address), sendDatagrams(datagrams))
		})
	}
	paths := []string{world("blue", "10.7.7.1/24", 5), world("red", "10.8.8.1/24", 0)}
	o := watchNamespaces(t)
	home := host.New(netDir)
	defer home.Close()
	w := watchTables(t, home)
	const all = model.TableLinks | model.TableRoutes | model.TableStatistics | model.TableGroups
	look := func() *model.Snapshot {
		t.Helper()
		s := w.look(t, all, append([]post{{host: home}}, o.posts(paths...)...)...)
		for _, src := range s.Sources {
			if src.Err != nil || !src.Whole {
				t.Errorf("%s: whole %v, %v", src.Name, src.Whole, src.Err)
			}
		}
		return s
	}
	s := look()
	for slot, want := range map[uint16]struct {
		address, route string
		datagrams      int64
	}{1: {"10.7.7.1", "10.7.7.0", 5}, 2: {"10.8.8.1", "10.8.8.0", 0}} {
		var addresses, routes []string
		for i := range s.Links {
			if r := &s.Links[i]; r.NetNS == slot {
				for _, a := range r.Addrs {
					addresses = append(addresses, string(model.AppendAddr(nil, a.Addr, a.Family == model.IPv6)))
				}
			}
		}
		for i := range s.Routes {
			if r := &s.Routes[i]; r.NetNS == slot && r.Family == model.IPv4 {
				routes = append(routes, string(model.AppendAddr(nil, r.Dst, false)))
				if r.LinkName.String() != "lo" {
					t.Errorf("%d: a route over %q", slot, r.LinkName)
				}
			}
		}
		for other, foreign := range []string{"10.7.7.", "10.8.8."} {
			has := func(list []string) bool {
				return slices.ContainsFunc(list, func(a string) bool { return len(a) > 7 && a[:7] == foreign })
			}
			if ours := uint16(other+1) == slot; has(addresses) != ours || has(routes) != ours {
				t.Errorf("%d: addresses %v, routes %v", slot, addresses, routes)
			}
		}
		if !slices.Contains(addresses, want.address) || !slices.Contains(routes, want.route) {
			t.Errorf("%d: addresses %v, routes %v", slot, addresses, routes)
		}
		if r := statisticAt(s, slot, "Udp", "OutDatagrams"); r == nil || r.Value != want.datagrams {
			t.Errorf("%d: %+v", slot, r)
		}
		if !slices.ContainsFunc(s.Groups, func(r model.Membership) bool { return r.NetNS == slot && r.LinkName.String() == "lo" }) {
			t.Errorf("%d: no groups", slot)
		}
	}
	door := o.posts(paths...)[1].inside
	if err := door(func() {
		if err := sendDatagrams(3); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	s = look()
	if r := statisticAt(s, 1, "Udp", "OutDatagrams"); r.Value != 5 || r.Delta != 0 || r.Mark != model.Unchanged {
		t.Errorf("where nothing was sent: %+v", r)
	}
	if r := statisticAt(s, 2, "Udp", "OutDatagrams"); r.Value != 3 || r.Delta != 3 || r.Mark != model.Changed {
		t.Errorf("where three were sent: %+v", r)
	}
}

func statisticAt(s *model.Snapshot, slot uint16, group, name string) *model.Statistic {
	i := slices.IndexFunc(s.Statistics, func(r model.Statistic) bool {
		return r.NetNS == slot && r.Group.String() == group && r.Name.String() == name
	})
	if i < 0 {
		return nil
	}
	return &s.Statistics[i]
}

// TestKernelTablesLetGo: a namespace is deleted while its tables are read, and the veth to it goes with the reading; its
// rows are stale until it is known to be gone, and closed then.
func TestKernelTablesLetGo(t *testing.T) {
	name := "svt" + strconv.Itoa(os.Getpid())
	path := mountNamespace(t, "blue", func() error { return addLoopback("10.7.7.1/24") })
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	err = netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: "eth0", PeerNamespace: netlink.NsFd(f.Fd())})
	f.Close()
	if errors.Is(err, unix.EOPNOTSUPP) {
		t.Skipf("needs veth interfaces: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	defer close(stop)
	news := make(chan netlink.LinkUpdate, 64)
	if err := netlink.LinkSubscribe(news, stop); err != nil {
		t.Fatal(err)
	}
	o := watchNamespaces(t)
	home := host.New(netDir)
	defer home.Close()
	w := watchTables(t, home)
	w.look(t, everyTable, o.posts(path)...)
	posts := o.posts(path)
	door := posts[0].inside
	posts[0].inside = func(f func()) error {
		return door(func() {
			f() // everything is open now that a reading opens, and closed when it returns
			if err := unix.Unmount(path, 0); err != nil {
				t.Error(err)
			}
			if _, err := net.InterfaceByName("eth0"); err != nil {
				t.Errorf("who is inside does not keep the namespace: %v", err)
			}
			f()
		})
	}
	s := w.look(t, everyTable, posts...)
	if linkNamed(s, "eth0") == nil || len(s.Routes) == 0 || len(s.Statistics) == 0 {
		t.Errorf("what was read there: %d interfaces, %d routes, %d statistics", len(s.Links), len(s.Routes), len(s.Statistics))
	}
	// Who has closed everything and left keeps it no more, though nobody knows yet that it is gone.
	deadline := time.After(2 * time.Second)
	for there := true; there; {
		select {
		case u := <-news:
			there = u.Header.Type != unix.RTM_DELLINK || u.Attrs().Name != name
		case <-deadline:
			t.Fatalf("%s is still there", name)
		}
	}
	posts = slices.Clone(posts)
	posts[0].inside = door
	s = w.look(t, everyTable, posts...)
	if r := linkNamed(s, "eth0"); r == nil || !r.Stale || r.Dead {
		t.Errorf("before anybody knows: %+v", r)
	}
	for _, src := range s.Sources {
		if src.Err != nil || src.Whole {
			t.Errorf("%s: whole %v, %v", src.Name, src.Whole, src.Err)
		}
	}
	w.stand(o.posts(path), func(uint16) bool { return true }, w.now)
	if s = w.fold(); !linkNamed(s, "eth0").Dead || len(o.posts(path)) != 0 {
		t.Errorf("gone: %+v", linkNamed(s, "eth0"))
	}
}

const everyTable = model.TableLinks | model.TableRoutes | model.TableStatistics | model.TableGroups | model.TableFlows

// linkNamed is an interface of another namespace, nil when it is not there.
func linkNamed(s *model.Snapshot, name string) *model.Link {
	i := slices.IndexFunc(s.Links, func(r model.Link) bool { return r.Name.String() == name })
	if i < 0 {
		return nil
	}
	return &s.Links[i]
}

// BenchmarkTables reads a table in our own namespace, and in 50 others; nothing there is what entering them costs.
func BenchmarkTables(b *testing.B) {
	var paths []string
	for i := range 50 {
		paths = append(paths, mountNamespace(b, "n"+strconv.Itoa(i), func() error { return addLoopback("10.7.7.1/24") }))
	}
	o := watchNamespaces(b)
	home := host.New(netDir)
	defer home.Close()
	for _, c := range []struct {
		name  string
		table model.Tables
		posts []post
	}{
		{"interfaces/own", model.TableLinks, []post{{host: home}}},
		{"interfaces/50", model.TableLinks, o.posts(paths...)},
		{"statistics/own", model.TableStatistics, []post{{host: home}}},
		{"statistics/50", model.TableStatistics, o.posts(paths...)},
		{"routes/50", model.TableRoutes, o.posts(paths...)},
		{"flows/50", model.TableFlows, o.posts(paths...)},
		{"nothing/50", 0, o.posts(paths...)},
	} {
		b.Run(c.name, func(b *testing.B) {
			now := int64(0)
			t := newTables(home, func() int64 { return now })
			t.stand(c.posts, func(uint16) bool { return false }, now)
			r := reading{posts: t.posts}
			for _, table := range t.all {
				if table.which()&c.table != 0 {
					r.tables = append(r.tables, table)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				now += 1e9
				r.answer(context.Background(), t.clock)
				t.take(r.tables, now, 1e9)
			}
		})
	}
}

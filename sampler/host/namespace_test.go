package host

// This file makes the network namespaces that the tests of the running kernel live in.

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// enterNamespace moves the test into a network namespace of its own, with lo up, and opens it. The thread is never
// given back: it ends with the test, and the namespace with it.
func enterNamespace(t testing.TB) *Host {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			t.Skipf("needs root: a network namespace of its own: %v", err)
		}
		t.Fatalf("unshare: %v", err)
	}
	setUp(t, "lo")
	return openHere(t)
}

// openHere opens the namespace that the thread is in.
func openHere(t testing.TB) *Host {
	t.Helper()
	h := New("/proc/thread-self/net")
	t.Cleanup(h.Close)
	return h
}

func must(t testing.TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func linkNamed(t testing.TB, name string) netlink.Link {
	t.Helper()
	l, err := netlink.LinkByName(name)
	must(t, "find "+name, err)
	return l
}

func setUp(t testing.TB, name string) {
	t.Helper()
	must(t, "set "+name+" up", netlink.LinkSetUp(linkNamed(t, name)))
}

// addVeth makes a pair of interfaces that are up; a has the addresses.
func addVeth(t testing.TB, a, b string, addrs ...string) {
	t.Helper()
	err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: a}, PeerName: b})
	if errors.Is(err, unix.EOPNOTSUPP) {
		t.Skipf("needs veth interfaces: %v", err)
	}
	must(t, "add "+a, err)
	setUp(t, a)
	setUp(t, b)
	for _, text := range addrs {
		addAddr(t, a, text, "")
	}
}

// addAddr gives an interface an address, with a label unless that is empty. IPv6 addresses are not probed for.
func addAddr(t testing.TB, link, text, label string) {
	t.Helper()
	addr, err := netlink.ParseAddr(text)
	must(t, "address "+text, err)
	addr.Label = label
	if addr.IP.To4() == nil {
		addr.Flags = unix.IFA_F_NODAD
	}
	must(t, "add "+text+" to "+link, netlink.AddrAdd(linkNamed(t, link), addr))
}

func ipNet(t testing.TB, text string) *net.IPNet {
	t.Helper()
	_, n, err := net.ParseCIDR(text)
	must(t, "network", err)
	return n
}

// between reads rows, then whatever says the same in another way, then the rows again, until both times they are the
// same: the kernel itself adds addresses and routes for a while, and sends packets.
func between[R any](t *testing.T, rows func() ([]R, bool, error), other func()) []R {
	t.Helper()
	look := func() []R {
		t.Helper()
		all, whole, err := rows()
		if err != nil || !whole {
			t.Fatalf("read: whole %v, %v", whole, err)
		}
		return all
	}
	for range 200 {
		before := look()
		other()
		if reflect.DeepEqual(before, look()) {
			return before
		}
	}
	t.Fatal("it never stood still")
	return nil
}

// netFile is a file of the thread's /proc/net.
func netFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("/proc/thread-self/net/" + name)
	must(t, "read "+name, err)
	return string(b)
}

// output is what a program prints; nothing when it is not installed.
func output(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Logf("not compared: %v", err)
		return nil
	}
	must(t, name, err)
	return out
}

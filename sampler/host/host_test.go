package host

// This file tests what the tables say about themselves: whether they are whole, what could not be told, and that
// nothing is open before it is needed and after nobody looks.

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"sockview/model"
)

// fakeRoute answers each kind of request with messages and an error.
type fakeRoute struct {
	messages map[uint16][][]byte
	errs     map[uint16]error
	closed   int
}

func (f *fakeRoute) Dump(kind, _ uint16, _ ...nl.NetlinkRequestData) ([][]byte, error) {
	return f.messages[kind], f.errs[kind]
}

func (f *fakeRoute) Close() { f.closed++ }

// someTables are an interface, its address, a route of IPv4 and one that names nexthop object 7, a group of two.
func someTables() map[uint16][][]byte {
	head := make([]byte, unix.SizeofIfInfomsg)
	native.PutUint32(head[4:], 5)
	route := func(attrs ...[]byte) []byte {
		return join(append([][]byte{{unix.AF_INET, 8, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0}, attr(unix.RTA_DST, 10, 0, 0, 0)}, attrs...)...)
	}
	object := func(id byte, attrs ...[]byte) []byte {
		return join(make([]byte, unix.SizeofNhmsg), attr(unix.NHA_ID, native.AppendUint32(nil, uint32(id))...), join(attrs...))
	}
	member := func(id uint32) []byte { return append(native.AppendUint32(nil, id), 0, 0, 0, 0) }
	index := native.AppendUint32(nil, 5)
	return map[uint16][][]byte{
		unix.RTM_GETLINK: {join(head, attr(unix.IFLA_IFNAME, []byte("eth0\x00")...))},
		unix.RTM_GETADDR: {join([]byte{unix.AF_INET, 24, 0, 0}, index, attr(unix.IFA_LOCAL, 10, 0, 0, 1))},
		unix.RTM_GETROUTE: {route(attr(unix.RTA_OIF, index...)),
			route(attr(rtaNexthopID, native.AppendUint32(nil, 7)...))},
		unix.RTM_GETNEXTHOP: {object(7, attr(unix.NHA_GROUP, join(member(8), member(9))...)),
			object(8, attr(unix.NHA_OIF, index...)), object(9, attr(unix.NHA_OIF, index...))},
	}
}

func TestWhole(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		damage  uint16           // the table that gets a message that cannot be read
		errs    map[uint16]error // of the dumps
		badFile bool             // ipv6_route cannot be read
		table   string
		rows    int
		whole   bool
		want    error
		text    string
		reopen  int
	}{
		{"all", 0, nil, false, "links", 1, true, nil, "", 0},
		{"failed", 0, map[uint16]error{unix.RTM_GETLINK: unix.ENOBUFS}, false, "links", 1, false, unix.ENOBUFS,
			"no buffer space available", 1},
		{"interrupted", 0, map[uint16]error{unix.RTM_GETLINK: nl.ErrDumpInterrupted}, false, "links", 1, false,
			nl.ErrDumpInterrupted, "results may be incomplete or inconsistent", 0},
		{"damaged", unix.RTM_GETLINK, nil, false, "links", 1, false, errDamaged,
			"the kernel's answer has messages that cannot be read: 1 of them", 0},
		{"no addresses", 0, map[uint16]error{unix.RTM_GETADDR: unix.ENOMEM}, false, "links", 1, true, unix.ENOMEM,
			"addresses: cannot allocate memory", 1},
		{"damaged address", unix.RTM_GETADDR, nil, false, "links", 1, true, errDamaged,
			"addresses: the kernel's answer has messages that cannot be read: 1 of them", 0},
		{"damaged both", unix.RTM_GETLINK, map[uint16]error{unix.RTM_GETADDR: unix.ENOMEM}, false, "links", 1, false, errDamaged,
			"the kernel's answer has messages that cannot be read: 1 of them (and 1 more)", 1},

		{"all", 0, nil, false, "routes", 3, true, nil, "", 0},
		{"failed", 0, map[uint16]error{unix.RTM_GETROUTE: unix.ENOBUFS}, false, "routes", 3, false, unix.ENOBUFS,
			"no buffer space available", 1},
		{"interrupted", 0, map[uint16]error{unix.RTM_GETROUTE: nl.ErrDumpInterrupted}, false, "routes", 3, false,
			nl.ErrDumpInterrupted, "results may be incomplete or inconsistent", 0},
		{"damaged", unix.RTM_GETROUTE, nil, false, "routes", 3, false, errDamaged,
			"the kernel's answer has messages that cannot be read: 1 of them", 0},
		{"names interrupted", 0, map[uint16]error{unix.RTM_GETLINK: nl.ErrDumpInterrupted}, false, "routes", 3, true,
			nl.ErrDumpInterrupted, "interfaces: results may be incomplete or inconsistent", 0},
		{"no file", 0, nil, true, "routes", 3, true, unix.EISDIR, "flags of IPv6 routes: ", 0},
		// The group's second next hop may be the row that is missing.
		{"nexthop objects interrupted", 0, map[uint16]error{unix.RTM_GETNEXTHOP: nl.ErrDumpInterrupted}, false, "routes", 3, false,
			nl.ErrDumpInterrupted, "nexthop objects: results may be", 0},
		{"damaged nexthop object", unix.RTM_GETNEXTHOP, nil, false, "routes", 3, false, errDamaged, "nexthop objects: the kernel's", 0},
	} {
		t.Run(c.table+" "+c.name, func(t *testing.T) {
			t.Parallel()
			route := &fakeRoute{messages: someTables(), errs: c.errs}
			if c.damage != 0 {
				route.messages[c.damage] = append(route.messages[c.damage], []byte{1})
			}
			h := &Host{dir: t.TempDir(), open: func() (rtnetlink, error) { return route, nil }}
			if c.badFile {
				must(t, "mkdir", os.Mkdir(filepath.Join(h.dir, "ipv6_route"), 0o700))
			}
			rows, whole, err := 0, false, error(nil)
			if c.table == "links" {
				var links []model.Link
				links, whole, err = h.Links()
				rows = len(links)
			} else {
				var routes []model.Route
				routes, whole, err = h.Routes()
				rows = len(routes)
			}
			if rows != c.rows || whole != c.whole || !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("%d rows, whole %v, error %v; want %d, %v, %v", rows, whole, err, c.rows, c.whole, c.want)
			}
			if err != nil && (!strings.HasPrefix(err.Error(), c.text) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("error %q, want it to begin with %q", err, c.text)
			}
			if route.closed != c.reopen {
				t.Errorf("closed %d times, want %d", route.closed, c.reopen)
			}
		})
	}
}

func TestUntilStill(t *testing.T) {
	t.Parallel()
	for interrupted, want := range map[int]error{0: nil, 1: nil, maxDumps - 1: nil, maxDumps: nl.ErrDumpInterrupted} {
		asked := 0
		err := untilStill(func() error {
			if asked++; asked <= interrupted {
				return nl.ErrDumpInterrupted
			}
			return nil
		})
		if err != want || asked != min(interrupted+1, maxDumps) {
			t.Errorf("interrupted %d times: asked %d times, %v", interrupted, asked, err)
		}
	}
	asked := 0
	if err := untilStill(func() error { asked++; return unix.EINTR }); err != unix.EINTR || asked != 1 {
		t.Errorf("a signal: asked %d times, %v", asked, err)
	}
}

func TestOneLine(t *testing.T) {
	t.Parallel()
	a, b := errors.New("a"), errors.New("b")
	for _, c := range []struct {
		errs []error
		want string
	}{{nil, ""}, {[]error{nil, nil}, ""}, {[]error{nil, a}, "a"}, {[]error{a, nil, b, b}, "a (and 2 more)"}} {
		got := ""
		err := oneLine(c.errs...)
		if err != nil {
			got = err.Error()
		}
		if got != c.want || err != nil && !errors.Is(err, a) {
			t.Errorf("%v: %q, want %q", c.errs, got, c.want)
		}
	}
	if err := about("x", nil); err != nil {
		t.Error(err)
	}
}

// refuseSockets makes socket(2) fail on the thread that the test is on, for good: the thread ends with the goroutine.
func refuseSockets(t testing.TB, errno syscall.Errno) {
	t.Helper()
	runtime.LockOSThread()
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // seccomp_data.nr
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: unix.SYS_SOCKET},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0x50000 | uint32(errno)}, // SECCOMP_RET_ERRNO
		{Code: unix.BPF_RET | unix.BPF_K, K: 0x7fff0000},              // SECCOMP_RET_ALLOW
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	must(t, "no new privileges", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	if err := unix.Prctl(unix.PR_SET_SECCOMP, 2 /* SECCOMP_MODE_FILTER */, uintptr(unsafe.Pointer(&program)), 0, 0); err != nil {
		t.Skipf("needs seccomp: %v", err)
	}
	runtime.KeepAlive(filter)
	if _, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE); err != errno {
		t.Fatalf("the filter does not refuse sockets: %v", err)
	}
}

// Sockets are opened when they are needed; one that was refused is asked for again.
func TestKernelRefusesSockets(t *testing.T) {
	for _, c := range []struct {
		errno syscall.Errno
		lacks bool
		text  string
	}{
		{unix.EPERM, true, "this kernel gives no rtnetlink: operation not permitted"},
		{unix.EACCES, true, "this kernel gives no rtnetlink: permission denied"},
		{unix.EAFNOSUPPORT, true, "this kernel gives no rtnetlink: address family not supported by protocol"},
		{unix.EPROTONOSUPPORT, true, "this kernel gives no rtnetlink: protocol not supported"},
		{unix.EMFILE, false, "open rtnetlink: too many open files"},
	} {
		t.Run(c.errno.Error(), func(t *testing.T) {
			h := New("/proc/thread-self/net")
			defer h.Close()
			if h.route != nil || h.conntrack.wire != nil {
				t.Error("a socket is open before anything was asked for")
			}
			t.Run("refused", func(t *testing.T) {
				refuseSockets(t, c.errno)
				for range 2 {
					check := func(rows int, whole bool, err error) {
						t.Helper()
						if rows != 0 || whole || !errors.Is(err, c.errno) || errors.Is(err, ErrUnsupported) != c.lacks || err.Error() != c.text {
							t.Errorf("%d rows, whole %v, error %v", rows, whole, err)
						}
					}
					links, whole, err := h.Links()
					check(len(links), whole, err)
					routes, whole, err := h.Routes()
					check(len(routes), whole, err)
				}
				if names, err := h.linkNames(); len(names) != 0 || err == nil || err.Error() != "interfaces: "+c.text {
					t.Errorf("names: %v, %v", names, err)
				}
				// Files need no socket.
				if rows, _, err := h.Statistics(); len(rows) == 0 {
					t.Errorf("no statistics: %v", err)
				}
			})
			links, whole, err := h.Links() // on a thread that may
			if err != nil || !whole || len(links) == 0 {
				t.Errorf("asked again: %d links, whole %v, %v", len(links), whole, err)
			}
		})
	}
}

func TestRest(t *testing.T) {
	t.Parallel()
	wire, route := &fakeWire{}, &fakeRoute{messages: someTables()}
	h := &Host{dir: captured, route: route, noRoutes: make([]model.Route, 1)}
	h.conntrack = conntrack{wire: wire, buf: make([]byte, conntrackBuffer), flows: make([]model.Flow, 3)}
	rows, _, err := h.Statistics()
	must(t, "statistics", err)
	first := rows[0]
	h.Rest()
	if !wire.closed || h.conntrack.wire != nil || h.conntrack.buf != nil || h.conntrack.flows != nil ||
		h.counters.rows != nil || h.counters.text != nil || h.noRoutes != nil {
		t.Errorf("something is kept: %+v", h.conntrack)
	}
	if route.closed != 0 {
		t.Error("rtnetlink was closed")
	}
	h.Rest() // twice is as good
	again, whole, err := h.Statistics()
	if err != nil || !whole || len(again) != len(rows) || rows[0] != first || again[0] != first {
		t.Errorf("after the rest: %d of %d rows, whole %v, %v", len(again), len(rows), whole, err)
	}
	h.Close()
	h.Close()
	if route.closed != 1 || h.route != nil {
		t.Errorf("rtnetlink was closed %d times", route.closed)
	}
}

// After a rest, and after an end, the kernel is asked through new sockets.
func TestKernelAfterRest(t *testing.T) {
	h := enterNamespace(t)
	for _, pause := range []func(){h.Rest, h.Close} {
		links, whole, err := h.Links()
		if err != nil || !whole || len(links) == 0 {
			t.Errorf("%d links, whole %v, %v", len(links), whole, err)
		}
		_, whole, err = h.Flows()
		if whole != (err == nil) || err != nil && !errors.Is(err, ErrUnsupported) && !errors.Is(err, fs.ErrPermission) {
			t.Errorf("flows: whole %v, %v", whole, err)
		}
		if err == nil && h.conntrack.wire == nil {
			t.Error("no socket is kept for the next look")
		}
		pause()
		if h.conntrack.wire != nil {
			t.Error("the socket of connection tracking stayed open")
		}
	}
}

// The routes that only /proc/net/ipv6_route has stay while it cannot be read.
func TestKernelRoutesWithoutTheirFile(t *testing.T) {
	h := enterNamespace(t)
	routes := between(t, h.Routes, func() {})
	h.dir = t.TempDir()
	must(t, "mkdir", os.Mkdir(filepath.Join(h.dir, "ipv6_route"), 0o700))
	blind, whole, err := h.Routes()
	if len(blind) != len(routes) || !whole || !errors.Is(err, unix.EISDIR) {
		t.Errorf("%d routes of %d, whole %v, %v", len(blind), len(routes), whole, err)
	}
	for i := range blind {
		if r := &blind[i]; r.Family == model.IPv6 && r.Table != 0 && (r.References != -1 || r.Uses != -1) {
			t.Errorf("told without the file: %+v", r)
		}
	}
}

func TestKernelLinkNames(t *testing.T) {
	h := enterNamespace(t)
	addVeth(t, "veth0", "veth1")
	names, err := h.linkNames()
	must(t, "names", err)
	links, _, err := h.Links()
	must(t, "links", err)
	if len(names) != len(links) || len(links) < 3 {
		t.Errorf("%d names of %d interfaces", len(names), len(links))
	}
	for i := range links {
		if l := &links[i]; names[l.Index] != l.Name {
			t.Errorf("interface %d is %q, not %q", l.Index, names[l.Index], l.Name)
		}
	}
}

package host

// This file parses what was captured, what is damaged, and what is absent.

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"sockview/model"
)

// procNet are files of /proc/net as a kernel wrote them.
const procNet = "../../testdata/host"

func readCapture(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(procNet, name))
	must(t, "read", err)
	return string(b)
}

func TestGroupsOfCapture(t *testing.T) {
	if native.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the captured files are of a little-endian machine")
	}
	rows, whole, err := (&Host{dir: procNet}).Groups()
	must(t, "groups", err)
	if !whole {
		t.Error("not whole")
	}
	counts := map[model.Family]int{}
	type row struct {
		link, group string
		users, from int32
		querier     string
	}
	got := map[string]row{}
	for i := range rows {
		r := &rows[i]
		counts[r.Family]++
		name := r.Group.Netip().String()
		if r.Family == 0 {
			name = r.Hardware.String()
		}
		got[r.LinkName.String()+" "+name] = row{r.LinkName.String(), name, r.Users, r.Sources, r.Querier.String()}
	}
	if want := map[model.Family]int{model.IPv4: 11, model.IPv6: 28, 0: 26}; !cmp.Equal(counts, want) {
		t.Errorf("rows by family: %v, not %v", counts, want)
	}
	for _, want := range []row{
		{"lo", "224.0.0.1", 1, 0, "V3"}, {"d0", "239.1.2.3", 1, 0, "V3"}, {"d0", "239.255.0.4", 1, 3, "V3"},
		{"longname-iface1", "224.0.0.1", 1, 0, "V3"}, {"br0", "224.0.0.106", 1, 0, "V3"},
		{"longname-iface1", "ff05::5", 2, 1, ""}, {"tun9", "ff01::1", 1, 0, ""},
		{"d0", "01:00:5e:01:02:03", 1, 0, ""}, {"br0", "33:33:00:00:00:6a", 1, 0, ""},
	} {
		if got[want.link+" "+want.group] != want {
			t.Errorf("got %+v, not %+v", got[want.link+" "+want.group], want)
		}
	}
}

func TestGroupsThatAreAbsent(t *testing.T) {
	dir := t.TempDir()
	h := &Host{dir: dir}
	if rows, whole, err := h.Groups(); rows != nil || whole || !errors.Is(err, ErrUnsupported) ||
		err.Error() != "this kernel has no multicast" {
		t.Errorf("of an empty folder: %v, %v, %v", rows, whole, err)
	}
	// No IPv6: no igmp6.
	must(t, "write", os.WriteFile(filepath.Join(dir, "igmp"), []byte(readCapture(t, "igmp")), 0o600))
	if rows, whole, err := h.Groups(); err != nil || !whole || len(rows) != 11 {
		t.Errorf("of igmp alone: %d, %v, %v", len(rows), whole, err)
	}
	// The sources are no rows: that they cannot be read is a notice.
	must(t, "mkdir", os.Mkdir(filepath.Join(dir, "mcfilter"), 0o700))
	if rows, whole, err := h.Groups(); !errors.Is(err, unix.EISDIR) || !whole || len(rows) != 11 {
		t.Errorf("without the sources: %d, %v, %v", len(rows), whole, err)
	}
	// A file that cannot be read leaves the others, which are not all then.
	must(t, "mkdir", os.Mkdir(filepath.Join(dir, "igmp6"), 0o700))
	if rows, whole, err := h.Groups(); !errors.Is(err, unix.EISDIR) || whole || len(rows) != 11 ||
		!strings.HasPrefix(err.Error(), "igmp6: ") || !strings.HasSuffix(err.Error(), " (and 1 more)") {
		t.Errorf("with a file that cannot be read: %d, %v, %v", len(rows), whole, err)
	}
	// Nor are they with a line that does not parse.
	must(t, "remove", errors.Join(os.Remove(filepath.Join(dir, "igmp6")), os.Remove(filepath.Join(dir, "mcfilter"))))
	must(t, "write", os.WriteFile(filepath.Join(dir, "dev_mcast"), []byte("2    eth0            1     0     333300000001\n2\n"), 0o600))
	if rows, whole, err := h.Groups(); !errors.Is(err, errLine) || whole || len(rows) != 12 {
		t.Errorf("with a line that does not parse: %d, %v, %v", len(rows), whole, err)
	}
}

func TestDamagedLines(t *testing.T) {
	for _, c := range []struct {
		name, text string
		rows       int
		bad        bool
		parse      func(string) (int, error)
	}{
		{"igmp", "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n", 0, false, countIGMP},
		{"igmp, group without an interface", "\t\t\t\t010000E0     1 0:00000000\t\t0\n", 0, true, countIGMP},
		{"igmp, group of an interface that cannot be read",
			"1\tlo        :     1      V3\nx\teth0      :     1      V3\n\t\t\t\t010000E0     1 0:0\t\t0\n", 0, true, countIGMP},
		{"igmp, short group", "1\tlo        :     1      V3\n\t\t\t\t010000E     1 0:0\t\t0\n", 0, true, countIGMP},
		{"igmp, cut", "1\tlo        :     1      V3\n\t\t\t\t010000E0", 0, true, countIGMP},
		{"igmp, empty line", "\n", 0, true, countIGMP},
		{"igmp, name that steers a terminal", "1\ta\x1b[2J    :     1      V2\n\t\t\t\t010000E0     1 0:0\t\t0\n", 1, false, countIGMP},
		{"igmp6", "1    lo              ff020000000000000000000000000001     1 0000000C 0\n", 1, false, countIGMP6},
		{"igmp6, one good line", "1    lo              ff02000000000000000000000000000     1 0000000C 0\n" +
			"1    lo              ff020000000000000000000000000001     1 0000000C 0\n", 1, true, countIGMP6},
		{"igmp6, index 0", "0    lo              ff020000000000000000000000000001     1 0000000C 0\n", 0, true, countIGMP6},
		{"igmp6, users", "1    lo              ff020000000000000000000000000001     x 0000000C 0\n", 0, true, countIGMP6},
		{"dev_mcast", "2    eth0            1     0     333300000001\n", 1, false, countDevMcast},
		{"dev_mcast, no address", "2    tun0            1     0     \n", 1, false, countDevMcast},
		{"dev_mcast, half a byte", "2    eth0            1     0     33330000000\n", 0, true, countDevMcast},
		{"dev_mcast, short", "2    eth0\n", 0, true, countDevMcast},
		{"mcfilter", "Idx Device        MCA        SRC    INC    EXC\n  2     d0 0xefff0004 0x0a090901      1      0\n", 1, false, countMCFilter},
		{"mcfilter, address of 5 bytes", "  2     d0 0xefff000405 0x0a090901      1      0\n", 0, true, countMCFilter},
		{"mcfilter6", "  4 longna ff050000000000000000000000000005 fd000001000000000000000000000066      0      1\n", 1, false, countMCFilter},
		{"ipv6_route without an interface", zeros + " 00 " + zeros + " 00 " + zeros + " 00000001 00000002 00000000 00000001         \n", 1, false, countFIB6},
		{"ipv6_route, prefix of 129", zeros + " 81 " + zeros + " 00 " + zeros + " 00000001 00000002 00000000 00000001 lo\n", 0, true, countFIB6},
		{"ipv6_route, short address", zeros[1:] + " 80 " + zeros + " 00 " + zeros + " 00000001 00000002 00000000 00000001 lo\n", 0, true, countFIB6},
		{"ipv6_route, long address", zeros + "00 80 " + zeros + " 00 " + zeros + " 00000001 00000002 00000000 00000001 lo\n", 0, true, countFIB6},
		{"ipv6_route, no hexadecimal digit", strings.Replace(zeros, "0", "g", 1) + " 80 " + zeros + " 00 " + zeros + " 1 2 0 1 lo\n", 0, true, countFIB6},
		{"ipv6_route, cut", zeros + " 80 " + zeros, 0, true, countFIB6},
	} {
		rows, err := c.parse(c.text)
		if rows != c.rows || errors.Is(err, errLine) != c.bad {
			t.Errorf("%s: %d rows, %v", c.name, rows, err)
		}
	}
}

const zeros = "00000000000000000000000000000000"

func countIGMP(s string) (int, error)     { rows, err := parseIGMP(s); return len(rows), err }
func countIGMP6(s string) (int, error)    { rows, err := parseIGMP6(s); return len(rows), err }
func countDevMcast(s string) (int, error) { rows, err := parseDevMcast(s); return len(rows), err }
func countFIB6(s string) (int, error)     { lines, err := parseFIB6(s); return len(lines), err }

func countMCFilter(s string) (int, error) {
	counts := map[groupKey]int32{}
	err := parseMCFilter(s, counts)
	return len(counts), err
}

func TestFIB6OfCapture(t *testing.T) {
	lines, err := readFIB6(procNet)
	must(t, "read", err)
	null, expires := 0, 0
	for i := range lines {
		l := &lines[i]
		if l.isNull() {
			null++
		}
		if l.flags&rtfExpires != 0 {
			expires++
			if l.link.String() != "d0" || l.dstLen != 64 || l.metric != 1024 || l.references != 2 || l.flags&rtfGateway == 0 {
				t.Errorf("the route that expires: %+v", l)
			}
		}
	}
	if len(lines) != strings.Count(readCapture(t, "ipv6_route"), "\n") || null != 3 || expires != 1 {
		t.Errorf("%d lines, %d of them for no route, %d that expire", len(lines), null, expires)
	}
	if lines, err := readFIB6(t.TempDir()); lines != nil || err != nil {
		t.Errorf("without IPv6: %v, %v", lines, err)
	}
}

// Lines find their rows by what they have in common, rows of equal looks in order; a row of no line keeps its flags.
func TestJoinFIB6(t *testing.T) {
	lo := model.SafeText("lo")
	p := routeParser{tables: &nameFile{}, protocols: &nameFile{}, links: map[uint32]model.Text{1: lo}}
	dst := model.Addr{0: 0xfd}
	line := func(metric uint32, references int64, flags uint32) fib6Line {
		return fib6Line{fib6Key: fib6Key{dst: dst, dstLen: 64, metric: metric, link: lo}, references: references, flags: flags}
	}
	row := func(table, metric uint32) model.Route {
		return model.Route{Family: model.IPv6, Dst: dst, DstLen: 64, Metric: metric, LinkName: lo, Table: table, Flags: rtfUp, References: -1, Uses: -1}
	}
	null := fib6Line{fib6Key: fib6Key{metric: 1<<32 - 1, link: lo}, references: 1, flags: 0x00200200}
	var h Host
	got := h.joinFIB6([]model.Route{row(100, 7), row(254, 7), row(254, 8), {Family: model.IPv4, LinkName: lo, References: -1}},
		[]fib6Line{line(7, 1, 3), null, line(7, 2, 5), line(9, 9, 9), null}, true, &p)
	var refs []int64
	for i := range got {
		refs = append(refs, got[i].References)
	}
	if want := []int64{1, 2, -1, -1, 1, 1}; !cmp.Equal(refs, want) {
		t.Fatalf("references %v, not %v", refs, want)
	}
	if got[0].Flags != 3 || got[1].Flags != 5 || got[2].Flags != rtfUp || got[4].Link != 1 || got[4].Metric != 1<<32-1 ||
		got[4].Type.String() != "unreachable" {
		t.Errorf("%+v", got)
	}
	// A file of which there is nothing, or a part, takes none of its own rows away; one that is whole does.
	for _, c := range []struct {
		lines []fib6Line
		all   bool
		want  int
	}{{nil, false, 2}, {[]fib6Line{null}, false, 2}, {[]fib6Line{null}, true, 1}, {nil, true, 0}} {
		if got := h.joinFIB6(nil, c.lines, c.all, &p); len(got) != c.want {
			t.Errorf("%d lines, all of them %v: %+v", len(c.lines), c.all, got)
		}
	}
}

// A file of names that cannot be read gives none, and takes none away; it is read as soon as it can be.
func TestNameFileThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	dropIn := filepath.Join(dir, "rt_tables.d", "x.conf")
	must(t, "mkdir", os.Mkdir(filepath.Dir(dropIn), 0o700))
	must(t, "write", os.WriteFile(filepath.Join(dir, "rt_tables"), []byte("77 vpn\n"), 0o600))
	must(t, "write", os.WriteFile(dropIn, []byte("90 yes\n"), 0))
	_, err := os.ReadFile(dropIn)
	if err == nil {
		// Root reads everything but this, whose first page is never mapped.
		must(t, "remove", os.Remove(dropIn))
		must(t, "link", os.Symlink("/proc/self/mem", dropIn))
	}
	tables := newTableNames([]string{dir})
	check := func(want map[uint32]string) {
		t.Helper()
		tables.refresh()
		for number, name := range want {
			if got := tables.name(number).String(); got != name {
				t.Errorf("table %d is %q, not %q", number, got, name)
			}
		}
	}
	check(map[uint32]string{77: "vpn", 90: "90", 254: "main"})
	if err != nil {
		must(t, "permit", os.Chmod(dropIn, 0o600))
	} else {
		must(t, "remove", os.Remove(dropIn))
		must(t, "write", os.WriteFile(dropIn, []byte("90 yes\n"), 0o600))
	}
	check(map[uint32]string{77: "vpn", 90: "yes", 254: "main"})
}

func TestNameFile(t *testing.T) {
	low, high := t.TempDir(), t.TempDir()
	write := func(path, text string, at int64) {
		t.Helper()
		must(t, "mkdir", os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, "write", os.WriteFile(path, []byte(text), 0o600))
		must(t, "touch", os.Chtimes(path, time.Unix(at, 0), time.Unix(at, 0)))
	}
	tables := newTableNames([]string{low, high, filepath.Join(low, "absent")})
	check := func(want map[uint32]string) {
		t.Helper()
		tables.refresh()
		for number, name := range want {
			if got := tables.name(number).String(); got != name {
				t.Errorf("table %d is %q, not %q", number, got, name)
			}
		}
	}
	check(map[uint32]string{254: "main", 255: "local", 253: "default", 0: "unspec", 77: "77", 1<<32 - 1: "4294967295"})
	main, dropIn := filepath.Join(low, "rt_tables"), filepath.Join(high, "rt_tables.d", "a.conf")
	write(main, "# reserved\n255\tlocal\n0x10 hex # sixteen\n 77 vpn\n78 low\nnine nine\n4294967296 big\n79\n80 a\x1b[2J\n", 1)
	write(filepath.Join(high, "rt_tables"), "78 high", 1)
	write(filepath.Join(high, "rt_tables.d", "a.txt"), "90 no", 1)
	check(map[uint32]string{16: "hex", 77: "vpn", 78: "high", 79: "79", 80: `a\x1b[2J`, 90: "90", 254: "main"})
	write(main, "77 tun\n", 2) // another time
	check(map[uint32]string{16: "16", 77: "tun"})
	write(dropIn, "90 yes\n77 drop\n", 2)
	check(map[uint32]string{90: "yes", 77: "drop"})
	must(t, "remove", os.Remove(dropIn))
	check(map[uint32]string{90: "90", 77: "tun"})
	must(t, "mkfifo", unix.Mkfifo(dropIn, 0o600)) // must not block
	check(map[uint32]string{90: "90", 77: "tun"})

	protocols := newProtocolNames(nil)
	protocols.refresh()
	for number, want := range map[uint32]string{2: "kernel", 9: "ra", 12: "bird", 186: "bgp", 200: "200"} {
		if got := protocols.name(number).String(); got != want {
			t.Errorf("protocol %d is %q, not %q", number, got, want)
		}
	}
}

// attr is an attribute, padded.
func attr(kind uint16, value ...byte) []byte {
	b := native.AppendUint16(nil, uint16(len(value)+4))
	b = append(native.AppendUint16(b, kind), value...)
	return append(b, make([]byte, alignNetlink(len(b))-len(b))...)
}

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func TestLinkMessages(t *testing.T) {
	head := make([]byte, unix.SizeofIfInfomsg)
	native.PutUint16(head[2:], unix.ARPHRD_TUNNEL)
	native.PutUint32(head[4:], 9)
	native.PutUint32(head[8:], 0x1_1043)
	name := attr(unix.IFLA_IFNAME, []byte("eth\x1b0\x00")...)
	stats := func(n int) []byte {
		var b []byte
		for i := range n {
			b = native.AppendUint64(b, uint64(i+1)<<40)
		}
		return attr(unix.IFLA_STATS64, b...)
	}
	l, ok := parseLink(join(head, name, attr(unix.IFLA_ADDRESS, 10, 0, 0, 1), attr(unix.IFLA_OPERSTATE, 6), stats(25)))
	if !ok || l.Index != 9 || l.Name.String() != `eth\x1b0` || l.Flags != 0x11043 || l.HardwareAddr.String() != "10.0.0.1" ||
		l.State.String() != "up" || !l.HasCounters || l.Counters.RxPackets != 1<<40 || l.Counters.TxCompressed != 23<<40 ||
		l.Counters.RxNoHandler != 24<<40 {
		t.Errorf("%v %+v", ok, l)
	}
	if l, ok := parseLink(join(head, name, stats(23))); !ok || !l.HasCounters || l.Counters.TxCompressed != 23<<40 || l.Counters.RxNoHandler != 0 {
		t.Errorf("counters of an old kernel: %v %+v", ok, l)
	}
	if l, ok := parseLink(join(head, name, stats(22))); !ok || l.HasCounters {
		t.Errorf("short counters: %v %+v", ok, l)
	}
	if l, ok := parseLink(join(head, name, attr(unix.IFLA_OPERSTATE, 99))); !ok || l.HasCounters || l.State.String() != "99" {
		t.Errorf("no counters: %v %+v", ok, l)
	}
	for what, m := range map[string][]byte{
		"no name": head, "short": head[:15], "attribute of length 3": join(head, name, []byte{3, 0, 3, 0}),
		"attribute longer than the rest": join(head, name, []byte{200, 0, 3, 0}),
	} {
		if l, ok := parseLink(m); ok {
			t.Errorf("%s: %+v", what, l)
		}
	}
}

func TestRouteMessages(t *testing.T) {
	p := routeParser{tables: &nameFile{}, protocols: &nameFile{}, links: map[uint32]model.Text{5: model.SafeText("e")}}
	head := func(family, dstLen, kind byte, flags uint32) []byte {
		return native.AppendUint32([]byte{family, dstLen, 0, 0, 254, 4, 0, kind}, flags)
	}
	hop := func(size byte, weight byte, attrs []byte) []byte {
		return join([]byte{size, 0, 0, weight, 5, 0, 0, 0}, attrs)
	}
	gateway := attr(unix.RTA_GATEWAY, 10, 0, 0, 1)
	for _, c := range []struct {
		name string
		m    []byte
		rows int
		ok   bool
	}{
		{"default", join(head(unix.AF_INET, 0, 1, 0), gateway), 1, true},
		{"of the cache", join(head(unix.AF_INET6, 0, 1, unix.RTM_F_CLONED), gateway), 0, true},
		{"of another protocol", head(unix.AF_MPLS, 0, 1, 0), 0, true},
		{"multicast routing", head(128, 0, 1, 0), 0, true},
		{"two hops", join(head(unix.AF_INET, 0, 1, 0), attr(unix.RTA_MULTIPATH, join(hop(16, 2, gateway), hop(8, 0, nil))...)), 2, true},
		{"one hop", join(head(unix.AF_INET, 0, 1, 0), attr(unix.RTA_MULTIPATH, hop(8, 0, nil)...)), 1, true},
		{"hop of length 4", join(head(unix.AF_INET, 0, 1, 0), attr(unix.RTA_MULTIPATH, join(hop(16, 2, gateway), hop(4, 0, nil))...)), 0, false},
		{"hop longer than the rest", join(head(unix.AF_INET, 0, 1, 0), attr(unix.RTA_MULTIPATH, hop(40, 0, nil)...)), 0, false},
		{"hop that is cut", join(head(unix.AF_INET, 0, 1, 0), attr(unix.RTA_MULTIPATH, 8, 0, 0)), 0, false},
		{"short", head(unix.AF_INET, 0, 1, 0)[:11], 0, false},
		{"damaged", join(head(unix.AF_INET, 0, 1, 0), []byte{2, 0, 0, 0}), 0, false},
	} {
		before := []model.Route{{Metric: 1}}
		rows, ok := p.parse(before, c.m)
		if ok != c.ok || len(rows) != c.rows+1 || rows[0].Metric != 1 {
			t.Errorf("%s: %v, %+v", c.name, ok, rows)
		}
		if c.name == "two hops" && (rows[1].Weight != 3 || rows[2].Weight != 1 || rows[2].Hop != 1 || rows[2].HasGateway ||
			rows[1].Flags != rtfUp|rtfGateway || rows[2].LinkName.String() != "e") {
			t.Errorf("%s: %+v", c.name, rows)
		}
		if c.name == "one hop" && rows[1].Weight != 0 {
			t.Errorf("%s: %+v", c.name, rows)
		}
	}
	for ticks, want := range map[int32]uint32{0: 0, 1: 1, 100: 1, 101: 2, -5: 1} {
		v := native.AppendUint32(make([]byte, 8), uint32(ticks))
		if got := expiry(v); got != want || expiry(v[:11]) != 0 {
			t.Errorf("%d ticks are %d s, not %d", ticks, got, want)
		}
	}
}

func TestAddrMessages(t *testing.T) {
	head := func(family, prefix byte) []byte { return []byte{family, prefix, 0x80, 0, 5, 0, 0, 0} }
	for _, c := range []struct {
		name       string
		m          []byte
		addr, peer string
		ok         bool
	}{
		{"IPv4", join(head(unix.AF_INET, 24), attr(unix.IFA_ADDRESS, 10, 0, 0, 1), attr(unix.IFA_LOCAL, 10, 0, 0, 1)), "10.0.0.1", "::", true},
		{"peer", join(head(unix.AF_INET, 32), attr(unix.IFA_ADDRESS, 10, 0, 0, 2), attr(unix.IFA_LOCAL, 10, 0, 0, 1)), "10.0.0.1", "10.0.0.2", true},
		{"IPv6", join(head(unix.AF_INET6, 64), attr(unix.IFA_ADDRESS, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)), "fd00::1", "::", true},
		{"another protocol", head(unix.AF_MPLS, 0), "::", "::", true},
		{"no address", head(unix.AF_INET, 24), "::", "::", false},
		{"address of 5 bytes", join(head(unix.AF_INET, 24), attr(unix.IFA_ADDRESS, 10, 0, 0, 1, 1)), "::", "::", false},
		{"short", head(unix.AF_INET, 24)[:7], "::", "::", false},
	} {
		index, a, ok := parseAddr(c.m)
		if ok != c.ok || ok && (index != native.Uint32([]byte{5, 0, 0, 0}) || a.Addr.Netip().String() != c.addr ||
			a.Peer.Netip().String() != c.peer || a.Family != 0 && a.Flags != 0x80) {
			t.Errorf("%s: %v, %d, %+v", c.name, ok, index, a)
		}
	}
}

// FuzzLines: every parser of /proc/net gives rows or an error, and its rows are safe to print.
func FuzzLines(f *testing.F) {
	for _, name := range []string{"igmp", "igmp6", "dev_mcast", "mcfilter", "mcfilter6", "ipv6_route"} {
		f.Add(readCapture(f, name))
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Count(text, "\n") + 1
		for _, parse := range []func(string) ([]model.Membership, error){parseIGMP, parseIGMP6, parseDevMcast} {
			rows, err := parse(text)
			if err != nil && !errors.Is(err, errLine) || len(rows) > lines {
				t.Fatalf("%d rows of %d lines: %v", len(rows), lines, err)
			}
			for i := range rows {
				if r := &rows[i]; r.Link == 0 || model.SafeText(r.LinkName.String()) != r.LinkName {
					t.Fatalf("%+v", r)
				}
			}
		}
		if n, err := countMCFilter(text); n > lines || err != nil && !errors.Is(err, errLine) {
			t.Fatal(n, err)
		}
		rows, err := parseFIB6(text)
		if err != nil && !errors.Is(err, errLine) || err == nil && len(rows) != len(strings.SplitAfter(text, "\n")) &&
			len(rows) != strings.Count(text, "\n") {
			t.Fatalf("%d rows of %q: %v", len(rows), text, err)
		}
	})
}

// FuzzMessages: no message makes the parsers panic, and none that is damaged gives a row.
func FuzzMessages(f *testing.F) {
	f.Add(join(make([]byte, 16), attr(unix.IFLA_IFNAME, []byte("eth0\x00")...), attr(unix.IFLA_STATS64, make([]byte, 192)...)))
	f.Add(join([]byte{2, 24, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0}, attr(unix.RTA_MULTIPATH, 16, 0, 0, 1, 5, 0, 0, 0, 8, 0, 5, 0, 10, 0, 0, 1),
		attr(unix.RTA_METRICS, attr(unix.RTAX_MTU, 1, 2, 3, 4)...), attr(unix.RTA_VIA, 10, 0, 1, 2, 3, 4)))
	f.Add(join([]byte{10, 64, 0, 0, 5, 0, 0, 0}, attr(unix.IFA_ADDRESS, make([]byte, 16)...), attr(unix.IFA_LABEL, 'a')))
	f.Fuzz(func(t *testing.T, m []byte) {
		if l, ok := parseLink(m); ok && l.Name.Empty() {
			t.Fatalf("%+v", l)
		}
		if _, a, ok := parseAddr(m); ok && a.Family != 0 && a.Addr == (model.Addr{}) && a.Family == model.IPv4 {
			t.Fatalf("%+v", a)
		}
		if id, _, ok := parseNexthop(m); ok && id == 0 {
			t.Fatal("a nexthop object without a number")
		}
		p := routeParser{tables: &nameFile{}, protocols: &nameFile{}}
		if rows, ok := p.parse(nil, m); !ok && len(rows) > 0 {
			t.Fatalf("%+v", rows)
		}
	})
}

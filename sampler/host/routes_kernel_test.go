package host

// This file asks the running kernel about routes that the test makes, and holds the answers against /proc/net and ip.

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"sockview/model"
)

// makeRoutes makes routes of many kinds.
func makeRoutes(t *testing.T) {
	addVeth(t, "veth0", "veth1", "10.1.0.1/24", "fd00:1::1/64")
	addVeth(t, "veth2", "veth3", "10.2.0.1/24", "fd00:2::1/64")
	a, b, lo := linkNamed(t, "veth0").Attrs().Index, linkNamed(t, "veth2").Attrs().Index, 1
	ip := net.ParseIP
	for _, r := range []netlink.Route{
		{LinkIndex: a, Gw: ip("10.1.0.254"), Priority: 100},
		{LinkIndex: b, Gw: ip("10.2.0.254"), Priority: 200, MTU: 1400, AdvMSS: 1300, Window: 4000, Rtt: 800},
		{Dst: ipNet(t, "192.0.2.0/24"), MultiPath: []*netlink.NexthopInfo{
			{LinkIndex: a, Gw: ip("10.1.0.7"), Hops: 2}, {LinkIndex: b, Gw: ip("10.2.0.7")}}},
		{Dst: ipNet(t, "198.51.100.0/24"), Type: unix.RTN_UNREACHABLE},
		{Dst: ipNet(t, "198.51.101.1/32"), Type: unix.RTN_PROHIBIT},
		{Dst: ipNet(t, "198.51.102.0/24"), Type: unix.RTN_BLACKHOLE, Priority: 7},
		{Dst: ipNet(t, "198.51.103.0/24"), Type: unix.RTN_THROW},
		{Dst: ipNet(t, "203.0.113.5/32"), Gw: ip("10.1.0.3"), Protocol: 12},
		{Dst: ipNet(t, "203.0.113.0/25"), LinkIndex: b, Protocol: unix.RTPROT_STATIC, Scope: unix.RT_SCOPE_LINK},
		{Dst: ipNet(t, "172.16.0.0/12"), Gw: ip("10.2.0.9"), Table: 1000},
		{Dst: ipNet(t, "127.9.0.0/16"), LinkIndex: lo, Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_MAIN, Scope: unix.RT_SCOPE_HOST},
		{Dst: ipNet(t, "10.9.9.9/32"), LinkIndex: a, Type: unix.RTN_BROADCAST, Table: unix.RT_TABLE_MAIN, Scope: unix.RT_SCOPE_LINK},
		{Dst: ipNet(t, "224.5.0.0/16"), LinkIndex: a, Type: unix.RTN_MULTICAST, Scope: unix.RT_SCOPE_LINK},
		{Dst: ipNet(t, "10.66.0.1/32"), LinkIndex: a, Type: unix.RTN_ANYCAST, Scope: unix.RT_SCOPE_LINK},
		{Dst: ipNet(t, "198.18.0.0/15"), LinkIndex: a, Via: &netlink.Via{AddrFamily: unix.AF_INET6, Addr: ip("fe80::9")}},
		{Dst: ipNet(t, "192.88.0.0/24"), Tos: 0x10, Gw: ip("10.1.0.3")},
		{Dst: ipNet(t, "192.88.0.0/24"), LinkIndex: a, Gw: ip("77.1.1.1"), Flags: unix.RTNH_F_ONLINK, Priority: 3},

		{LinkIndex: a, Gw: ip("fe80::1"), Priority: 5, Family: unix.AF_INET6},
		{Dst: ipNet(t, "fd00:a::/64"), Type: unix.RTN_UNREACHABLE},
		{Dst: ipNet(t, "fd00:b::/64"), Type: unix.RTN_BLACKHOLE, Priority: 9},
		{Dst: ipNet(t, "fd00:c::/64"), MultiPath: []*netlink.NexthopInfo{
			{LinkIndex: a, Gw: ip("fd00:1::7"), Hops: 1}, {LinkIndex: b, Gw: ip("fd00:2::7")}}},
		{Dst: ipNet(t, "fd00:d::/64"), Gw: ip("fd00:1::8"), MTU: 1300, AdvMSS: 1200},
		{Dst: ipNet(t, "fd00:f::5/128"), Gw: ip("fd00:1::8")},
		{Dst: ipNet(t, "fd00:77::/64"), Gw: ip("fd00:1::8"), Table: 100},
		{Dst: ipNet(t, "fd00:77::/64"), Gw: ip("fd00:1::8"), Table: 101},
		{Dst: ipNet(t, "fd00:98::1/128"), LinkIndex: a, Type: unix.RTN_ANYCAST, Table: unix.RT_TABLE_LOCAL},
		{Dst: ipNet(t, "ff05::/16"), LinkIndex: a, Type: unix.RTN_MULTICAST},
	} {
		if r.Dst == nil && r.Family == unix.AF_INET6 {
			r.Dst = ipNet(t, "::/0")
		}
		must(t, "add route "+r.String(), netlink.RouteAdd(&r))
	}
	addExpiring(t, a)
}

// addExpiring adds fd00:e::/64, which expires in ten minutes: the library cannot say so.
func addExpiring(t *testing.T, link int) {
	t.Helper()
	req := nl.NewNetlinkRequest(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
	req.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{
		Family: unix.AF_INET6, Dst_len: 64, Table: unix.RT_TABLE_MAIN, Protocol: unix.RTPROT_RA, Type: unix.RTN_UNICAST,
	}})
	req.AddData(nl.NewRtAttr(unix.RTA_DST, ipNet(t, "fd00:e::/64").IP))
	req.AddData(nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(uint32(link))))
	req.AddData(nl.NewRtAttr(unix.RTA_EXPIRES, nl.Uint32Attr(600)))
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	must(t, "add an expiring route", err)
}

func TestKernelRoutes(t *testing.T) {
	h := enterNamespace(t)
	makeRoutes(t)
	var fib, fib6 string
	var ip [2][]byte
	routes := between(t, h.Routes, func() {
		fib, fib6 = netFile(t, "route"), netFile(t, "ipv6_route")
		ip = [2][]byte{
			output(t, "ip", "-d", "-N", "-j", "-4", "route", "show", "table", "all"),
			output(t, "ip", "-d", "-N", "-j", "-6", "route", "show", "table", "all"),
		}
	})
	checkFIB(t, routes, fib)
	checkFIB6(t, routes, fib6)
	checkIP(t, routes, model.IPv4, ip[0])
	checkIP(t, routes, model.IPv6, ip[1])

	find := func(dst string, table uint32) []model.Route {
		n := netip.MustParsePrefix(dst)
		var found []model.Route
		for _, r := range routes {
			if r.Dst.Netip() == n.Addr() && int(r.DstLen) == n.Bits() && r.Table == table && (r.Family == model.IPv6) == n.Addr().Is6() {
				found = append(found, r)
			}
		}
		return found
	}
	one := func(dst string, table uint32) model.Route {
		t.Helper()
		found := find(dst, table)
		if len(found) != 1 {
			t.Fatalf("%s of table %d: %+v", dst, table, found)
		}
		return found[0]
	}
	if hops := find("192.0.2.0/24", 254); len(hops) != 2 || hops[0].Weight != 3 || hops[1].Weight != 1 || hops[0].Hop != 0 ||
		hops[1].Hop != 1 || hops[0].Gateway.Netip().String() != "10.1.0.7" || hops[1].LinkName.String() != "veth2" {
		t.Errorf("multipath: %+v", hops)
	}
	if hops := find("fd00:c::/64", 254); len(hops) != 2 || hops[0].Weight != 2 || hops[1].LinkName.String() != "veth2" ||
		hops[0].References < 0 || hops[1].References < 0 {
		t.Errorf("IPv6 multipath: %+v", hops)
	}
	if r := one("203.0.113.5/32", 254); r.Protocol.String() != "bird" || r.TableName.String() != "main" || r.Weight != 0 {
		t.Errorf("%+v", r)
	}
	if r := one("172.16.0.0/12", 1000); r.References != -1 || r.Flags != rtfUp|rtfGateway {
		t.Errorf("%+v", r)
	}
	if r := one("198.18.0.0/15", 254); !r.HasGateway || r.Gateway.Netip().String() != "fe80::9" {
		t.Errorf("%+v", r)
	}
	if r := one("10.1.0.1/32", 255); r.Type != model.RouteLocal || r.Scope != unix.RT_SCOPE_HOST || r.PrefSrc.Netip().String() != "10.1.0.1" ||
		!r.HasPrefSrc || r.Protocol.String() != "kernel" {
		t.Errorf("%+v", r)
	}
	if r := one("fd00:e::/64", 254); r.Expires < 500 || r.Expires > 600 || r.Flags&rtfExpires == 0 || r.Protocol.String() != "ra" {
		t.Errorf("%+v", r)
	}
	if r := one("fd00:d::/64", 254); r.MTU != 1300 || r.AdvMSS != 1200 {
		t.Errorf("%+v", r)
	}
	if found := find("0.0.0.0/0", 254); len(found) != 2 || found[1].RTT != 100 || found[1].MTU != 1400 || found[1].Metric != 200 {
		t.Errorf("default: %+v", found)
	}
	if null := find("::/0", 0); len(null) == 0 || null[0].LinkName.String() != "lo" || null[0].Link != 1 ||
		null[0].Type != unix.RTN_UNREACHABLE || null[0].TableName.String() != "unspec" {
		t.Errorf("no route: %+v", null)
	}
}

// checkFIB writes /proc/net/route from the rows, by the rule that the file follows: the main table without broadcast
// and multicast, of several next hops the first.
func checkFIB(t *testing.T, routes []model.Route, file string) {
	t.Helper()
	word := func(a model.Addr) uint32 { return native.Uint32(a[12:]) }
	var got, want []string
	for i := range routes {
		r := &routes[i]
		if r.Family != model.IPv4 || r.Table != unix.RT_TABLE_MAIN || r.Hop != 0 || r.Type == model.RouteBroadcast ||
			r.Type == model.RouteMulticast {
			continue
		}
		var gateway, mss uint32
		if r.Gateway.Is4() {
			gateway = word(r.Gateway)
		}
		if r.AdvMSS != 0 {
			mss = r.AdvMSS + 40
		}
		link := cmp.Or(r.LinkName.String(), "*")
		mask := native.Uint32(net.CIDRMask(int(r.DstLen), 32))
		got = append(got, fmt.Sprintf("%s\t%08X\t%08X\t%04X\t0\t0\t%d\t%08X\t%d\t%d\t%d",
			link, word(r.Dst), gateway, r.Flags, r.Metric, mask, mss, r.Window, r.RTT))
	}
	for _, line := range strings.Split(strings.TrimSpace(file), "\n")[1:] {
		want = append(want, strings.TrimRight(line, " "))
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("/proc/net/route (-) and the rows (+): %s", diff)
	}
}

// checkFIB6 writes /proc/net/ipv6_route from the IPv6 rows.
func checkFIB6(t *testing.T, routes []model.Route, file string) {
	t.Helper()
	digits := func(a model.Addr) string { return hex.EncodeToString(a[:]) }
	var got, want []string
	for i := range routes {
		r := &routes[i]
		if r.Family != model.IPv6 {
			continue
		}
		if r.References <= 0 || r.Uses < 0 {
			t.Errorf("not in /proc/net/ipv6_route: %+v", r)
		}
		got = append(got, fmt.Sprintf("%s %02x %s %02x %s %08x %08x %08x %08x %8s", digits(r.Dst), r.DstLen, digits(r.Src), r.SrcLen,
			digits(r.Gateway), r.Metric, r.References, r.Uses, r.Flags, r.LinkName))
	}
	for line := range strings.Lines(file) {
		want = append(want, strings.TrimSuffix(line, "\n"))
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("/proc/net/ipv6_route (-) and the rows (+): %s", diff)
	}
}

// checkIP holds the rows of a family against those of iproute2's ip.
func checkIP(t *testing.T, routes []model.Route, family model.Family, answer []byte) {
	t.Helper()
	if answer == nil {
		return
	}
	type hop struct {
		Gateway, Dev string
		Via          struct{ Host string }
	}
	var rows []struct {
		hop
		Type, Dst, Table, Protocol, Scope, PrefSrc string
		Metric                                     uint32
		Nexthops                                   []hop
	}
	must(t, "ip's answer", json.Unmarshal(answer, &rows))
	var got, want []string
	for _, r := range rows {
		for _, h := range append(r.Nexthops, r.hop)[:max(1, len(r.Nexthops))] {
			want = append(want, fmt.Sprint(r.Type, " ", strings.Replace(r.Dst, "default", "0/0", 1), " ",
				cmp.Or(h.Gateway, h.Via.Host), " ", h.Dev, " ", cmp.Or(r.Table, "254"), " ", r.Metric, " ", r.PrefSrc))
		}
	}
	for i := range routes {
		r := &routes[i]
		if r.Family != family || r.Table == unix.RT_TABLE_UNSPEC {
			continue
		}
		var dst, gateway, src string
		switch {
		case r.DstLen == 0:
			dst = "0/0"
		case int(r.DstLen) == r.Dst.Netip().BitLen():
			dst = r.Dst.Netip().String()
		default:
			dst = netip.PrefixFrom(r.Dst.Netip(), int(r.DstLen)).String()
		}
		if r.HasGateway {
			gateway = r.Gateway.Netip().String()
		}
		if r.HasPrefSrc {
			src = r.PrefSrc.Netip().String()
		}
		got = append(got, fmt.Sprint(uint8(r.Type), " ", dst, " ", gateway, " ", r.LinkName, " ", r.Table, " ", r.Metric, " ", src))
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("ip (-) and the rows (+): %s", diff)
	}
}

package host

// This file asks the running kernel about routes by nexthop objects.

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"sockview/model"
)

// TestKernelNexthopObjects: routes by nexthop objects look the same whether the kernel writes these out or not.
func TestKernelNexthopObjects(t *testing.T) {
	h := enterNamespace(t)
	addVeth(t, "veth0", "veth1", "10.1.0.1/24", "fd00:1::1/64")
	addVeth(t, "veth2", "veth3", "10.2.0.1/24", "fd00:2::1/64")
	a, b := linkNamed(t, "veth0").Attrs().Index, linkNamed(t, "veth2").Attrs().Index
	object := func(id uint32, family byte, attrs ...[]byte) {
		t.Helper()
		req := nl.NewNetlinkRequest(unix.RTM_NEWNEXTHOP, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
		req.AddRawData([]byte{family, 0, unix.RTPROT_STATIC, 0, 0, 0, 0, 0})
		req.AddRawData(join(append(attrs, attr(unix.NHA_ID, native.AppendUint32(nil, id)...))...))
		_, err := req.Execute(unix.NETLINK_ROUTE, 0)
		if errors.Is(err, unix.EOPNOTSUPP) {
			t.Skipf("needs nexthop objects: %v", err)
		}
		must(t, "add a nexthop object", err)
	}
	hop := func(link int, gateway string) []byte {
		g := net.ParseIP(gateway)
		if g4 := g.To4(); g4 != nil {
			g = g4
		}
		return join(attr(unix.NHA_OIF, native.AppendUint32(nil, uint32(link))...), attr(unix.NHA_GATEWAY, g...))
	}
	group := func(members ...byte) []byte { // of pairs of id and weight
		var v []byte
		for i := 0; i < len(members); i += 2 {
			v = append(native.AppendUint32(v, uint32(members[i])), members[i+1]-1, 0, 0, 0)
		}
		return attr(unix.NHA_GROUP, v...)
	}
	object(1, unix.AF_INET, hop(a, "10.1.0.9"))
	object(2, unix.AF_INET, hop(b, "10.2.0.9"))
	object(3, unix.AF_INET6, hop(a, "fd00:1::9"))
	object(4, unix.AF_INET6, hop(b, "fd00:2::9"))
	object(5, unix.AF_UNSPEC, group(1, 4, 2, 1))
	object(6, unix.AF_UNSPEC, group(3, 1, 4, 7))
	object(7, unix.AF_INET, attr(unix.NHA_BLACKHOLE))
	for dst, id := range map[string]uint32{
		"10.50.0.0/16": 1, "10.51.0.0/16": 5, "10.52.0.0/16": 3, "10.53.0.0/16": 7, "fd00:50::/48": 3, "fd00:51::/48": 6,
	} {
		n := ipNet(t, dst)
		bits, _ := n.Mask.Size()
		msg := unix.RtMsg{Family: unix.AF_INET, Dst_len: uint8(bits), Table: unix.RT_TABLE_MAIN, Protocol: unix.RTPROT_STATIC, Type: unix.RTN_UNICAST}
		if len(n.IP) == 16 {
			msg.Family = unix.AF_INET6
		}
		req := nl.NewNetlinkRequest(unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
		req.AddData(&nl.RtMsg{RtMsg: msg})
		req.AddRawData(join(attr(unix.RTA_DST, n.IP...), attr(rtaNexthopID, native.AppendUint32(nil, id)...)))
		_, err := req.Execute(unix.NETLINK_ROUTE, 0)
		must(t, "add route "+dst, err)
	}
	look := func(compat string) []string {
		t.Helper()
		must(t, "compat mode", os.WriteFile("/proc/sys/net/ipv4/nexthop_compat_mode", []byte(compat), 0))
		var fib string
		routes := between(t, h.Routes, func() { fib = netFile(t, "route") })
		checkFIB(t, routes, fib)
		var lines []string
		for i := range routes {
			if r := &routes[i]; r.Protocol.String() == "static" {
				lines = append(lines, fmt.Sprint(r.Dst.Netip(), " ", r.Type, " ", r.LinkName, " ", r.HasGateway, " ", r.Gateway.Netip(),
					" ", r.Weight, " ", r.Hop, " ", r.Family == model.IPv6 && r.References >= 0))
			}
		}
		slices.Sort(lines)
		return lines
	}
	want := []string{
		"10.50.0.0 unicast veth0 true 10.1.0.9 0 0 false",
		"10.51.0.0 unicast veth0 true 10.1.0.9 4 0 false", "10.51.0.0 unicast veth2 true 10.2.0.9 1 1 false",
		"10.52.0.0 unicast veth0 true fd00:1::9 0 0 false", "10.53.0.0 blackhole lo false :: 0 0 false",
		// The file has the first next hop of a group only.
		"fd00:50:: unicast veth0 true fd00:1::9 0 0 true",
		"fd00:51:: unicast veth0 true fd00:1::9 1 0 true", "fd00:51:: unicast veth2 true fd00:2::9 7 1 false",
	}
	for _, compat := range []string{"1", "0"} {
		if diff := gocmp.Diff(want, look(compat)); diff != "" {
			t.Errorf("nexthop_compat_mode %s: %s", compat, diff)
		}
	}
}

package host

// This file asks the running kernel about groups that the test joins, and holds the answers against netstat's.

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"sockview/model"
)

func TestKernelGroups(t *testing.T) {
	h := enterNamespace(t)
	addVeth(t, "veth0", "long-name-15-by", "10.1.0.1/24", "fd00:1::1/64")
	index := linkNamed(t, "veth0").Attrs().Index

	c4 := socket(t, unix.AF_INET)
	must(t, "join 239.1.2.3", unix.SetsockoptIPMreqn(c4, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP,
		&unix.IPMreqn{Multiaddr: [4]byte{239, 1, 2, 3}, Ifindex: int32(index)}))
	for _, source := range []byte{1, 2} {
		mreq := [12]byte{239, 1, 2, 4, 10, 1, 0, 1, 10, 9, 9, source} // struct ip_mreq_source
		must(t, "join 239.1.2.4", unix.SetsockoptString(c4, unix.IPPROTO_IP, unix.IP_ADD_SOURCE_MEMBERSHIP, string(mreq[:])))
	}
	c6 := socket(t, unix.AF_INET6)
	for _, s := range []int{c6, socket(t, unix.AF_INET6)} {
		must(t, "join ff05::5", unix.SetsockoptIPv6Mreq(s, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP,
			&unix.IPv6Mreq{Multiaddr: [16]byte{0: 0xff, 1: 5, 15: 5}, Interface: uint32(index)}))
	}
	// On lo, whose carrier is there at once: on veth0 the kernel may yet begin anew and forget the source.
	must(t, "join ff05::6", unix.SetsockoptIPv6Mreq(c6, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP,
		&unix.IPv6Mreq{Multiaddr: [16]byte{0: 0xff, 1: 5, 15: 6}, Interface: loopback}))
	must(t, "refuse a source", unix.SetsockoptString(c6, unix.IPPROTO_IPV6, 43 /* MCAST_BLOCK_SOURCE */, blockSource()))

	var netstat []byte
	groups := between(t, h.Groups, func() { netstat = output(t, "netstat", "-gn") })
	var got []string
	for i := range groups {
		g := &groups[i]
		if strings.Contains(g.Group.Netip().String(), "ff02::1:ff") || strings.HasPrefix(g.Hardware.String(), "33:33:ff") {
			continue // of the kernel's fe80:: address
		}
		got = append(got, fmt.Sprint(g.LinkName, " ", g.Family, " ", g.Group.Netip(), " ", g.Hardware, " ", g.Users, " ", g.Querier, " ", g.Sources))
	}
	for _, want := range []string{
		"lo inet 224.0.0.1  1 V3 0", "veth0 inet 239.1.2.3  1 V3 0", "veth0 inet 239.1.2.4  1 V3 2",
		"long-name-15-by inet 224.0.0.1  1 V3 0", "veth0 inet6 ff05::5  2  0", "lo inet6 ff05::6  1  1", "lo inet6 ff02::1  1  0",
		"veth0 link :: 01:00:5e:01:02:03 1  0", "veth0 link :: 33:33:00:00:00:05 1  0",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, strings.Join(got, "\n"))
		}
	}
	checkNetstatGroups(t, groups, netstat)
}

// blockSource is struct group_source_req: fd00:1::66 is refused as a source of ff05::6 on lo.
func blockSource() string {
	var b [264]byte // each address in struct sockaddr_storage, which is aligned to 8
	native.PutUint32(b[0:], loopback)
	for at, a := range map[int]string{8: "ff05::6", 136: "fd00:1::66"} {
		native.PutUint16(b[at:], unix.AF_INET6)
		a16 := netip.MustParseAddr(a).As16()
		copy(b[at+8:], a16[:])
	}
	return string(b[:])
}

func socket(t testing.TB, family int) int {
	t.Helper()
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(t, "socket", err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// checkNetstatGroups holds the rows of both families against netstat's lines.
func checkNetstatGroups(t *testing.T, groups []model.Membership, out []byte) {
	t.Helper()
	if out == nil {
		return
	}
	want := strings.Split(strings.TrimSpace(string(out)), "\n")[3:]
	var got []string
	for i := range groups {
		if g := &groups[i]; g.Family != 0 {
			got = append(got, fmt.Sprintf("%-15s %-6d %s", g.LinkName, g.Users, g.Group.Netip()))
		}
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("netstat -gn (-) and the rows (+): %s", diff)
	}
}

package host

// This file asks the running kernel about interfaces that the test makes, and holds the answers against /proc/net.

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"sockview/model"
)

func TestKernelLinks(t *testing.T) {
	h := enterNamespace(t)
	addVeth(t, "veth0", "long-name-15-by", "10.1.0.1/24", "fd00:1::1/64")
	addAddr(t, "veth0", "10.1.0.9/24", "veth0:1")
	peer, err := netlink.ParseAddr("10.3.0.1/32")
	must(t, "parse", err)
	peer.Peer = ipNet(t, "10.3.0.2/32")
	must(t, "add an address with a peer", netlink.AddrAdd(linkNamed(t, "veth0"), peer))
	must(t, "set mtu", netlink.LinkSetMTU(linkNamed(t, "veth0"), 1400))
	must(t, "set alias", netlink.LinkSetAlias(linkNamed(t, "veth0"), "to \x1b[31mB"))
	must(t, "add a bridge", netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0", TxQLen: -1}}))
	must(t, "enslave", netlink.LinkSetMaster(linkNamed(t, "long-name-15-by"), linkNamed(t, "br0")))
	send(t, "10.1.0.9", 100)

	var dev string
	links := between(t, h.Links, func() { dev = netFile(t, "dev") })
	at := map[string]*model.Link{}
	for i := range links {
		at[links[i].Name.String()] = &links[i]
	}
	checkNetDev(t, at, dev)
	lo, veth, bridge := at["lo"], at["veth0"], at["br0"]
	if lo == nil || veth == nil || bridge == nil || at["long-name-15-by"] == nil {
		t.Fatalf("links: %+v", links)
	}
	if lo.Index != 1 || lo.Hardware != unix.ARPHRD_LOOPBACK || !lo.Up() || lo.State.String() != "unknown" ||
		lo.MTU != 65536 || !lo.HasCounters || lo.Counters.RxPackets < 100 || lo.Counters.RxBytes < 100*28 ||
		lo.HardwareAddr.String() != "00:00:00:00:00:00" || !lo.Kind.Empty() {
		t.Errorf("lo: %+v", lo)
	}
	if veth.Kind.String() != "veth" || veth.MTU != 1400 || veth.Alias.String() != `to \x1b[31mB` || veth.Hardware != unix.ARPHRD_ETHER ||
		len(veth.HardwareAddr.String()) != 17 || veth.Master != 0 || veth.State.String() != "up" {
		t.Errorf("veth0: %+v", veth)
	}
	if bridge.State.String() != "down" || bridge.Up() || bridge.Kind.String() != "bridge" ||
		at["long-name-15-by"].Master != bridge.Index {
		t.Errorf("br0: %+v", bridge)
	}
	var addrs []string
	for i := range veth.Addrs {
		a := &veth.Addrs[i]
		if a.Scope != unix.RT_SCOPE_UNIVERSE {
			continue // the kernel's own fe80:: address
		}
		addrs = append(addrs, fmt.Sprintf("%s/%d %s %s", a.Addr.Netip(), a.Prefix, a.Peer.Netip(), a.Label))
	}
	want := []string{"10.1.0.1/24 :: veth0", "10.1.0.9/24 :: veth0:1", "10.3.0.1/32 10.3.0.2 veth0", "fd00:1::1/64 :: "}
	slices.Sort(addrs)
	if diff := gocmp.Diff(want, addrs); diff != "" {
		t.Errorf("addresses: %s", diff)
	}
}

// send sends n datagrams to nobody over lo.
func send(t testing.TB, to string, n int) {
	t.Helper()
	c, err := net.Dial("udp", net.JoinHostPort(to, "9"))
	must(t, "dial", err)
	defer c.Close()
	for range n {
		if _, err := c.Write(nil); err != nil && !errors.Is(err, unix.ECONNREFUSED) {
			t.Fatal(err)
		}
	}
}

// checkNetDev holds the counters against /proc/net/dev (dev_seq_printf_stats of net/core/net-procfs.c), which adds
// some of them up.
func checkNetDev(t *testing.T, links map[string]*model.Link, dev string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(dev), "\n")[2:]
	if len(lines) != len(links) {
		t.Errorf("%d interfaces, /proc/net/dev has %d", len(links), len(lines))
	}
	for _, line := range lines {
		name, rest, _ := strings.Cut(line, ":")
		l := links[strings.TrimSpace(name)]
		if l == nil || !l.HasCounters {
			t.Errorf("%s: %+v", name, l)
			continue
		}
		c := &l.Counters
		got := []uint64{
			c.RxBytes, c.RxPackets, c.RxErrors, c.RxDropped + c.RxMissed, c.RxFIFO,
			c.RxLength + c.RxOver + c.RxCRC + c.RxFrame, c.RxCompressed, c.Multicast,
			c.TxBytes, c.TxPackets, c.TxErrors, c.TxDropped, c.TxFIFO, c.Collisions,
			c.TxCarrier + c.TxAborted + c.TxWindow + c.TxHeartbeat, c.TxCompressed,
		}
		for i, field := range strings.Fields(rest) {
			want, err := strconv.ParseUint(field, 10, 64)
			must(t, "parse", err)
			if got[i] != want {
				t.Errorf("%s, field %d: %d, /proc/net/dev has %d", name, i, got[i], want)
			}
		}
	}
}

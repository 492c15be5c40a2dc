package text

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sockview/model"
)

func TestNetstatRoutes4(t *testing.T) {
	route := func(dst model.Addr, bits uint8, flags uint32, gateway model.Addr, metric uint32, name string) model.Route {
		return model.Route{Family: model.IPv4, Table: 254, Type: 1, Dst: dst, DstLen: bits, Flags: flags, Gateway: gateway,
			HasGateway: !gateway.IsUnspecified(), Metric: metric, LinkName: model.SafeText(name), References: -1, Uses: -1}
	}
	none := addr4(0, 0, 0, 0)
	s := &model.Snapshot{Routes: []model.Route{
		route(none, 0, 3, addr4(10, 1, 2, 1), 0, "eth0"),
		route(none, 0, 3, addr4(10, 1, 2, 2), 100, "eth0"),
		route(addr4(10, 1, 2, 0), 24, 1, none, 0, "eth0"),
		route(addr4(10, 0, 0, 4), 32, 7, addr4(10, 1, 2, 1), 1024, "verylongifname0"),
		route(addr4(10, 0, 0, 5), 32, 0x1f, addr4(10, 1, 2, 1), 4294967295, "eth0"),
		route(addr4(10, 0, 0, 6), 32, 0x27f, addr4(10, 1, 2, 1), 4294967295, "eth0"),
		route(addr4(10, 7, 0, 0), 16, 1, none, 0, ""),
		route(addr4(127, 0, 0, 0), 8, 1, none, 0, "lo"),
		route(addr4(10, 2, 0, 0), 16, 3, addr6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x99), 0, "veth0"), // ip route add ... via inet6
		route(addr4(10, 0, 0, 1), 32, 3, addr4(10, 1, 2, 1), 12345678, "big"),
	}}
	s.Routes[1].AdvMSS, s.Routes[1].Window, s.Routes[1].RTT = 1460, 65535, 300
	s.Routes[9].AdvMSS, s.Routes[9].Window, s.Routes[9].RTT = 123416, 1234567, 1234567
	for _, c := range []struct {
		n    Netstat
		want string
	}{
		{Netstat{}, `Kernel IP routing table
Destination     Gateway         Genmask         Flags   MSS Window  irtt Iface
0.0.0.0         10.1.2.1        0.0.0.0         UG        0 0          0 eth0
0.0.0.0         10.1.2.2        0.0.0.0         UG     1500 65535    300 eth0
10.1.2.0        0.0.0.0         255.255.255.0   U         0 0          0 eth0
10.0.0.4        10.1.2.1        255.255.255.255 UGH       0 0          0 verylongifname0
10.0.0.5        10.1.2.1        255.255.255.255 UGHRD     0 0          0 eth0
10.0.0.6        -               255.255.255.255 !HRDMu     - -          - -
10.7.0.0        0.0.0.0         255.255.0.0     U         0 0          0 *
127.0.0.0       0.0.0.0         255.0.0.0       U         0 0          0 lo
10.2.0.0        0.0.0.0         255.255.0.0     UG        0 0          0 veth0
10.0.0.1        10.1.2.1        255.255.255.255 UG    123456 1234567 1234567 big`},
		{Netstat{Extend: 1}, `Kernel IP routing table
Destination     Gateway         Genmask         Flags Metric Ref    Use Iface
0.0.0.0         10.1.2.1        0.0.0.0         UG    0      0        0 eth0
0.0.0.0         10.1.2.2        0.0.0.0         UG    100    0        0 eth0
10.1.2.0        0.0.0.0         255.255.255.0   U     0      0        0 eth0
10.0.0.4        10.1.2.1        255.255.255.255 UGH   1024   0        0 verylongifname0
10.0.0.5        10.1.2.1        255.255.255.255 UGHRD -1     0        0 eth0
10.0.0.6        -               255.255.255.255 !HRDMu -1     -        0 -
10.7.0.0        0.0.0.0         255.255.0.0     U     0      0        0 *
127.0.0.0       0.0.0.0         255.0.0.0       U     0      0        0 lo
10.2.0.0        0.0.0.0         255.255.0.0     UG    0      0        0 veth0
10.0.0.1        10.1.2.1        255.255.255.255 UG    12345678 0        0 big`},
		{Netstat{Extend: 2, Wide: true, Host: someHosts, Network: someNetworks}, `Kernel IP routing table
Destination     Gateway         Genmask         Flags Metric Ref    Use Iface    MSS   Window irtt
default         gateway         0.0.0.0         UG    0      0        0 eth0     0     0      0
default         a-very-long-gat 0.0.0.0         UG    100    0        0 eth0     1500  65535  300
10.1.2.0        0.0.0.0         255.255.255.0   U     0      0        0 eth0     0     0      0
10.0.0.4        gateway         255.255.255.255 UGH   1024   0        0 verylo   0     0      0
10.0.0.5        gateway         255.255.255.255 UGHRD -1     0        0 eth0     0     0      0
10.0.0.6        -               255.255.255.255 !HRDMu -1     -        0 -        -     -      -
10.7.0.0        0.0.0.0         255.255.0.0     U     0      0        0 *        0     0      0
loopback        0.0.0.0         255.0.0.0       U     0      0        0 lo       0     0      0
10.2.0.0        0.0.0.0         255.255.0.0     UG    0      0        0 veth0    0     0      0
10.0.0.1        gateway         255.255.255.255 UG    12345678 0        0 big      123456 1234567 1234567`},
	} {
		got := printed(t, func(w io.Writer, o []int32) error { return c.n.Routes(w, s, o, model.IPv4) }, len(s.Routes), 0)
		if d := cmp.Diff(strings.Split(c.want, "\n"), got); d != "" {
			t.Errorf("-e %d: %s", c.n.Extend, d)
		}
	}
}

// TestNetstatRouteFlags: netstat -rn of a route with each bit and RTF_UP, and with RTF_REJECT too.
func TestNetstatRouteFlags(t *testing.T) {
	up := strings.Fields("U UG UH UR UD UM Uu Uw Ui ! Un U U U U U")
	refused := strings.Fields("! ! !H !R !D !M !u !w !i ! !n ! ! ! ! !")
	for bit := range 16 {
		if got := string(appendRouteFlags4(nil, 1<<bit|1)); got != up[bit] {
			t.Errorf("bit %d: %q, want %q", bit, got, up[bit])
		}
		if got := string(appendRouteFlags4(nil, 1<<bit|0x201)); got != refused[bit] {
			t.Errorf("bit %d, refused: %q, want %q", bit, got, refused[bit])
		}
	}
	letters := map[int]string{0: "U", 1: "G", 2: "H", 5: "m", 9: "!", 16: "D", 17: "a", 18: "A", 21: "n", 22: "e", 25: "f"}
	for bit := range 32 {
		if got := string(appendLetters(nil, 1<<bit, routeLetters6[:])); got != letters[bit] {
			t.Errorf("IPv6, bit %d: %q, want %q", bit, got, letters[bit])
		}
	}
	if got := string(appendLetters(nil, 0xfeffffff, routeLetters6[:])); got != "U!GHDAaemnf" {
		t.Errorf("all of IPv6: %q", got)
	}
}

func TestNetstatRoutes6(t *testing.T) {
	route := func(dst model.Addr, bits uint8, flags uint32, gateway model.Addr, metric uint32, references, uses int64, name string) model.Route {
		return model.Route{Family: model.IPv6, Dst: dst, DstLen: bits, Flags: flags, Gateway: gateway, HasGateway: gateway != model.Addr{},
			Metric: metric, LinkName: model.SafeText(name), References: references, Uses: uses}
	}
	long := addr6(0x2001, 0xdb8, 0x1234, 0x5678, 0x9abc, 0xdef0, 0x1234, 0x5678)
	s := &model.Snapshot{Routes: []model.Route{
		route(model.Addr{}, 0, 3, addr6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 5), 1024, 4, 7, "eth0"),
		route(long, 128, 3, addr6(0x2001, 0xdb8, 0x1234, 0x5678, 0x9abc, 0xdef0, 0x1234, 0x5679), 1024, 10, 74565, "verylongifname0"),
		route(addr6(0x2001, 0xdb8), 64, 0x450001, model.Addr{}, 256, 1, 0, "eth0"),
		route(addr6(0, 0, 0, 0, 0, 0, 0, 1), 128, 0x80200001, model.Addr{}, 0, 3, 0, "lo"),
		route(addr6(0x2001, 0xdb8, 2), 48, 0x200200, model.Addr{}, 1024, 4, 0, "lo"),
		route(addr4(10, 1, 2, 3), 128, 5, addr4(10, 1, 2, 3), 4294967295, 4294967295, 4294967295, "lo"),
		route(addr6(0x2001, 0xdb9, 1), 48, 1, model.Addr{}, 1000000, 1, 2147483647, "e0"),
		route(addr6(0, 0, 0, 0, 0, 0, 0x102, 0x304), 128, 1, model.Addr{}, 0, -1, -1, "tun0"),
		{Family: model.IPv4},
	}}
	for _, c := range []struct {
		n    Netstat
		want string
	}{
		{Netstat{}, `Kernel IPv6 routing table
Destination                    Next Hop                   Flag Met Ref  Use If
::/0                           2001:db8::5                UG   1024 4      7 eth0
2001:db8:1234:5678:9abc:def0:1234:5678/128 2001:db8:1234:5678:9abc:def0:1234:5679 UG   1024 10  74565 verylongifname0
2001:db8::/64                  ::                         UDAe 256 1      0 eth0
::1/128                        ::                         Un   0   3      0 lo
2001:db8:2::/48                ::                         !n   1024 4      0 lo
10.1.2.3/128                   10.1.2.3                   UH   -1  -1     -1 lo
2001:db9:1::/48                ::                         U    1000000 1 2147483647 e0
::1.2.3.4/128                  ::                         U    0   0      0 tun0`},
		{Netstat{Extend: 2, Host: someHosts}, `Kernel IPv6 routing table
Destination                    Next Hop                   Flag Met Ref  Use If
[::]/0                         2001:db8::5                UG   1024 4      7 eth0
2001:db8:1234:5678:9abc:def0:1234:5678/128 2001:db8:1234:5678:9abc:def0:1234:5679 UG   1024 10  74565 verylongifname0
2001:db8::/64                  [::]                       UDAe 256 1      0 eth0
localhost/128                  [::]                       Un   0   3      0 lo
2001:db8:2::/48                [::]                       !n   1024 4      0 lo
10.1.2.3/128                   10.1.2.3                   UH   -1  -1     -1 lo
2001:db9:1::/48                [::]                       U    1000000 1 2147483647 e0
::1.2.3.4/128                  [::]                       U    0   0      0 tun0`},
	} {
		got := printed(t, func(w io.Writer, o []int32) error { return c.n.Routes(w, s, o, model.IPv6) }, len(s.Routes), 0)
		if d := cmp.Diff(strings.Split(c.want, "\n"), got); d != "" {
			t.Error(d)
		}
	}
}

func TestNetstatShowsRoute(t *testing.T) {
	main := model.Route{Family: model.IPv4, Table: 254, Type: 1, Flags: 1}
	with := func(f func(*model.Route)) model.Route { r := main; f(&r); return r }
	for name, c := range map[string]struct {
		r    model.Route
		want bool
	}{
		"main":        {main, true},
		"blackhole":   {with(func(r *model.Route) { r.Type = 6 }), true},
		"unreachable": {with(func(r *model.Route) { r.Type, r.Flags = 7, 0x201 }), true},
		"local":       {with(func(r *model.Route) { r.Type = model.RouteLocal }), true},
		"anycast":     {with(func(r *model.Route) { r.Type = model.RouteAnycast }), true},
		"broadcast":   {with(func(r *model.Route) { r.Type = model.RouteBroadcast }), false},
		"multicast":   {with(func(r *model.Route) { r.Type = model.RouteMulticast }), false},
		"table 99":    {with(func(r *model.Route) { r.Table = 99 }), false},
		"local table": {with(func(r *model.Route) { r.Table = 255 }), false},
		"second hop":  {with(func(r *model.Route) { r.Hop = 1 }), false},
		"gone":        {with(func(r *model.Route) { r.Dead = true }), false},
		"IPv6":        {model.Route{Family: model.IPv6, Table: 88, Hop: 1}, true},
		"IPv6 cache":  {model.Route{Family: model.IPv6, Flags: 0x01000005}, false},
	} {
		if got := (&Netstat{}).ShowsRoute(&c.r); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// someLinks are interfaces as ip link and ip addr made them, with the counters of /proc/net/dev.
func someLinks() *model.Snapshot {
	v4 := func(a model.Addr, bits uint8, bcast model.Addr, label string) model.LinkAddr {
		return model.LinkAddr{Family: model.IPv4, Addr: a, Prefix: bits, Bcast: bcast, Label: model.SafeText(label)}
	}
	tunnel := v4(addr4(10, 99, 0, 1), 32, model.Addr{}, "tun0")
	tunnel.Peer = addr4(10, 99, 0, 2)
	return &model.Snapshot{Links: []model.Link{
		{Name: model.SafeText("lo"), MTU: 65536, Flags: 0x10049, Hardware: 772, HardwareAddr: model.SafeText("00:00:00:00:00:00"), QueueLength: 1000, HasCounters: true,
			Addrs: []model.LinkAddr{v4(addr4(127, 0, 0, 1), 8, model.Addr{}, "lo"), {Family: model.IPv6, Addr: addr6(0, 0, 0, 0, 0, 0, 0, 1), Prefix: 128}}},
		{Name: model.SafeText("veth0"), MTU: 1500, Flags: 0x11043, Hardware: 1, HardwareAddr: model.SafeText("02:14:c6:43:93:4e"), QueueLength: 1000, HasCounters: true,
			Addrs: []model.LinkAddr{v4(addr4(10, 1, 2, 3), 24, addr4(10, 1, 2, 255), "veth0"), v4(addr4(10, 1, 3, 4), 16, addr4(10, 1, 255, 255), "veth0:1"),
				v4(addr4(10, 1, 2, 4), 24, model.Addr{}, "veth0"), {Family: model.IPv6, Addr: addr6(0xfe80, 0, 0, 0, 0x14, 0xc6ff, 0xfe43, 0x934e), Prefix: 64},
				{Family: model.IPv6, Addr: addr6(0x2001, 0xdb8, 0x1234, 0x5678, 0x9abc, 0xdef0, 0x1234, 0x5678), Prefix: 64}},
			Counters: model.LinkCounters{RxBytes: 1234567, RxPackets: 12345678, RxErrors: 1234567, RxDropped: 234560, RxMissed: 7, RxFIFO: 345678,
				RxLength: 1, RxOver: 2, RxCRC: 40, RxFrame: 2, TxBytes: 999949, TxPackets: 1234567, TxErrors: 7654321, TxDropped: 54321, TxFIFO: 654321,
				Collisions: 11, TxCarrier: 10, TxAborted: 5, TxWindow: 4, TxHeartbeat: 3}},
		{Name: model.SafeText("tun0"), MTU: 1500, Flags: 0x1091, Hardware: 65534, QueueLength: 500, HasCounters: true,
			Addrs: []model.LinkAddr{tunnel, {Family: model.IPv6, Addr: addr6(0, 0, 0, 0, 0, 0, 0x102, 0x304), Prefix: 96}, {Family: model.IPv6, Addr: addr6(0xfec0, 0, 0, 0, 0, 0, 0, 1), Prefix: 10}}},
		{Name: model.SafeText("xifb"), MTU: 1500, Flags: 0x80c3, Hardware: 1, HardwareAddr: model.SafeText("7e:a6:4c:1f:09:e7"), QueueLength: 32, HasCounters: true,
			Addrs: []model.LinkAddr{v4(addr4(10, 6, 6, 6), 32, model.Addr{}, "xifb")}, Counters: model.LinkCounters{RxPackets: 1, RxBytes: 70, RxDropped: 1}},
		{Name: model.SafeText("tap0"), MTU: 9000, Flags: 0x1022, Hardware: 778, HardwareAddr: model.SafeText("01:02:0a:ff"), HasCounters: true},
	}}
}

func TestNetstatLinks(t *testing.T) {
	s := someLinks()
	for _, c := range []struct {
		n    Netstat
		want string
	}{
		{Netstat{}, `Kernel Interface table
Iface             MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg
lo              65536        0      0      0 0             0      0      0      0 LRU
veth0            1500 12345678 1234567 234567 345678  1234567 7654321  54321 654321 BMRU
veth0:1          1500      - no statistics available -                        BMRU
tun0             1500        0      0      0 0             0      0      0      0 MOPU
xifb             1500        1      0      1 0             0      0      0      0 BdORU
tap0             9000        0      0      0 0             0      0      0      0 BMN`},
		{Netstat{Extend: 1}, `Kernel Interface table
lo: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536
        inet 127.0.0.1  netmask 255.0.0.0
        inet6 ::1  prefixlen 128  scopeid 0x10<host>
        loop  txqueuelen 1000  (Local Loopback)
        RX packets 0  bytes 0 (0.0 B)
        RX errors 0  dropped 0  overruns 0  frame 0
        TX packets 0  bytes 0 (0.0 B)
        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0

veth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500
        inet 10.1.2.3  netmask 255.255.255.0  broadcast 10.1.2.255
        inet6 fe80::14:c6ff:fe43:934e  prefixlen 64  scopeid 0x20<link>
        inet6 2001:db8:1234:5678:9abc:def0:1234:5678  prefixlen 64  scopeid 0x0<global>
        ether 02:14:c6:43:93:4e  txqueuelen 1000  (Ethernet)
        RX packets 12345678  bytes 1234567 (1.1 MiB)
        RX errors 1234567  dropped 234567  overruns 345678  frame 45
        TX packets 1234567  bytes 999949 (976.5 KiB)
        TX errors 7654321  dropped 54321 overruns 654321  carrier 22  collisions 11

veth0:1: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500
        inet 10.1.3.4  netmask 255.255.0.0  broadcast 10.1.255.255
        ether 02:14:c6:43:93:4e  txqueuelen 1000  (Ethernet)

tun0: flags=4241<UP,POINTOPOINT,NOARP,MULTICAST>  mtu 1500
        inet 10.99.0.1  netmask 255.255.255.255  destination 10.99.0.2
        inet6 ::1.2.3.4  prefixlen 96  scopeid 0x80<compat,global>
        inet6 fec0::1  prefixlen 10  scopeid 0x40<site>
        unspec 00-00-00-00-00-00-00-00-00-00-00-00-00-00-00-00  txqueuelen 500  (UNSPEC)
        RX packets 0  bytes 0 (0.0 B)
        RX errors 0  dropped 0  overruns 0  frame 0
        TX packets 0  bytes 0 (0.0 B)
        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0

xifb: flags=-32573<UP,BROADCAST,RUNNING,NOARP,DYNAMIC>  mtu 1500
        inet 10.6.6.6  netmask 255.255.255.255  broadcast 0.0.0.0
        ether 7e:a6:4c:1f:09:e7  txqueuelen 32  (Ethernet)
        RX packets 1  bytes 70 (70.0 B)
        RX errors 0  dropped 1  overruns 0  frame 0
        TX packets 0  bytes 0 (0.0 B)
        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0

tap0: flags=4130<BROADCAST,NOTRAILERS,MULTICAST>  mtu 9000
        unspec 01-02-0A-FF-00-00-00-00-00-00-00-00-00-00-00-00  txqueuelen 0  (UNSPEC)
        RX packets 0  bytes 0 (0.0 B)
        RX errors 0  dropped 0  overruns 0  frame 0
        TX packets 0  bytes 0 (0.0 B)
        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0
`},
	} {
		got := printed(t, func(w io.Writer, o []int32) error { return c.n.Links(w, s, o) }, len(s.Links), 0)
		if d := cmp.Diff(strings.Split(c.want, "\n"), got); d != "" {
			t.Error(d)
		}
	}
	tap := &s.Links[4]
	if (&Netstat{}).ShowsLink(tap) || !(&Netstat{All: true}).ShowsLink(tap) || !(&Netstat{}).ShowsLink(&s.Links[0]) {
		t.Error("what is not up is shown with -a alone")
	}
}

func TestNetstatLinkFlags(t *testing.T) {
	letters := []string{"U", "B", "D", "L", "P", "N", "R", "O", "P", "A", "m", "s", "M", "", "", "d"} // netstat -ia, a bit each
	for bit, want := range letters {
		if got := string(appendLinkFlags(nil, 1<<bit)); got != want {
			t.Errorf("bit %d: %q, want %q", bit, got, want)
		}
	}
	for flags, want := range map[uint32]string{0xffff: "ABDLMdPNOPsmRU", 0: "[NO FLAGS]", 0x10000: "[NO FLAGS]"} {
		if got := string(appendLinkFlags(nil, flags)); got != want {
			t.Errorf("%#x: %q, want %q", flags, got, want)
		}
	}
	n := &Netstat{Extend: 1}
	for flags, want := range map[uint32]string{ // netstat -iae
		0xffff: "flags=-1<UP,BROADCAST,DEBUG,LOOPBACK,POINTOPOINT,NOTRAILERS,RUNNING,NOARP,PROMISC,ALLMULTI,SLAVE,MASTER,MULTICAST,DYNAMIC>  mtu 0",
		0:      "flags=0<  mtu 0", 0x2000: "flags=8192  mtu 0", 0x8000: "flags=-32768<DYNAMIC>  mtu 0",
	} {
		r := &model.Link{Flags: flags}
		line, _, _ := strings.Cut(string(n.appendLinkLong(nil, r, r.Name)), "\n")
		if line != ": "+want {
			t.Errorf("%#x: %q, want %q", flags, line, want)
		}
	}
}

func TestNetstatHardware(t *testing.T) {
	for kind, want := range map[uint16]string{ // netstat -ie
		27:  "eui64 01:02:0A:FF:05:06:07:08  txqueuelen 1000  (Generic EUI-64)",
		512: "ppp  txqueuelen 1000  (Point-to-Point Protocol)",
		768: "tunnel   txqueuelen 1000  (IPIP Tunnel)",
		774: "fddi 01-02-0A-FF-05-06  txqueuelen 1000  (Fiber Distributed Data Interface)",
		776: "sit  txqueuelen 1000  (IPv6-in-IPv4)",
		778: "unspec 01-02-0A-FF-05-06-07-08-00-00-00-00-00-00-00-00  txqueuelen 1000  (UNSPEC)",
		32:  "unspec 01-02-0A-FF-05-06-07-08-00-00-00-00-00-00-00-00  txqueuelen 1000  (UNSPEC)",
	} {
		r := &model.Link{Hardware: kind, QueueLength: 1000, HardwareAddr: model.SafeText("01:02:0a:ff:05:06:07:08:09:0a")}
		if got := string(appendHardware(nil, r)); got != want {
			t.Errorf("%d: %q, want %q", kind, got, want)
		}
	}
}

func TestNetstatBinary(t *testing.T) {
	for v, want := range map[uint64]string{ // netstat -ie
		0: "0.0 B", 999: "999.0 B", 1024: "1024.0 B", 1050: "1.0 KiB", 1999: "1.9 KiB", 1500000: "1.4 MiB", 999950000: "953.6 MiB",
		999999999999: "931.3 GiB", 1000000000000000: "909.4 TiB", 1 << 50: "1024.0 TiB", 1 << 60: "1024.0 PiB", 1<<64 - 1: "16.0 EiB",
	} {
		if got := string(appendBinary(nil, v)); got != " ("+want+")\n" {
			t.Errorf("%d: %q, want %q", v, got, want)
		}
	}
}

func TestNetstatGroups(t *testing.T) {
	s := &model.Snapshot{Groups: []model.Membership{
		{Family: model.IPv4, LinkName: model.SafeText("lo"), Users: 1, Group: addr4(224, 0, 0, 1)},
		{Family: model.IPv6, LinkName: model.SafeText("verylongifname0"), Users: 12, Group: addr6(0xff02, 0, 0, 0, 0, 0, 0, 1)},
		{LinkName: model.SafeText("eth0"), Users: 1, Hardware: model.SafeText("33:33:00:00:00:01")},
	}}
	var order []int32
	for _, host := range []func(model.Addr) string{nil, someHosts} {
		group := "224.0.0.1"
		if host != nil {
			group = "all-systems.mcast.net"
		}
		n := &Netstat{Host: host}
		order = order[:0]
		for i := range s.Groups {
			if n.ShowsGroup(&s.Groups[i]) {
				order = append(order, int32(i))
			}
		}
		var b strings.Builder
		if err := n.Groups(&b, s, order); err != nil {
			t.Fatal(err)
		}
		want := `IPv6/IPv4 Group Memberships
Interface       RefCnt Group
--------------- ------ ---------------------
lo              1      ` + group + `
verylongifname0 12     ff02::1
`
		if d := cmp.Diff(want, b.String()); d != "" {
			t.Error(d)
		}
	}
}

func TestNetstatStatistics(t *testing.T) {
	counter := func(group, name string, v int64) model.Statistic {
		return model.Statistic{Group: model.SafeText(group), Name: model.SafeText(name), Value: v}
	}
	s := &model.Snapshot{Statistics: []model.Statistic{
		counter("Odd", "Nobody", 0), counter("Odd", "KnowsTheseCounters", -1), counter("Other", "Unknown", 0), counter("Other", "Gone", 5),
		counter("TcpExt", "ListenOverflows", 1234),
	}}
	s.Statistics[2].Why = model.NotGiven
	s.Statistics[3].Dead = true
	n := &Netstat{}
	got := printed(t, func(w io.Writer, o []int32) error { return n.Statistics(w, s, o) }, len(s.Statistics), 0)
	last := "    ListenOverflows     1234"
	if help := s.Statistics[4].Help(); help != "" {
		last += "  " + help
	}
	want := []string{"Odd:", "    Nobody                 0", "    KnowsTheseCounters    -1", "Other:", "    Unknown                -", "TcpExt:", last}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestNetstatFlows(t *testing.T) {
	tuple := func(src model.Addr, sport uint16, dst model.Addr, dport uint16) model.FlowTuple {
		return model.FlowTuple{Src: src, SrcPort: sport, Dst: dst, DstPort: dport}
	}
	ping := tuple(addr4(10, 0, 0, 5), 0, addr4(203, 0, 113, 9), 0)
	ping.ICMPType, ping.ICMPID = 8, 4711
	s := &model.Snapshot{Flows: []model.Flow{
		{Proto: model.TCP, Family: model.IPv4, State: 3, HasState: true, Timeout: 431999, HasTimeout: true, Status: model.FlowSNAT | model.FlowSeenReply,
			Original: tuple(addr4(10, 0, 0, 5), 51522, addr4(203, 0, 113, 9), 443), Reply: tuple(addr4(203, 0, 113, 9), 443, addr4(198, 51, 100, 1), 61000),
			HasCounters: true, OriginalBytes: 1234, ReplyBytes: 9876543210},
		{Proto: 1, Family: model.IPv4, Timeout: 29, HasTimeout: true, Original: ping, Reply: tuple(addr4(203, 0, 113, 9), 0, addr4(10, 0, 0, 5), 0)},
		{Proto: model.UDP, Family: model.IPv4, Status: model.FlowSeenReply, Original: tuple(addr4(127, 0, 0, 1), 9, addr4(127, 0, 0, 1), 53),
			Reply: tuple(addr4(127, 0, 0, 1), 53, addr4(127, 0, 0, 1), 9)},
	}}
	n := &Netstat{All: true}
	got := printed(t, func(w io.Writer, o []int32) error { return n.Flows(w, s, o) }, len(s.Flows), 0)
	want := strings.Split(`Tracked connections
Prot  Expire Source                Destination           State            Bytes
tcp  7199:59 10.0.0.5:51522        203.0.113.9:443       ESTABLISHED       1234
<-           203.0.113.9:443       198.51.100.1:61000    snat        9876543210
icmp    0:29 10.0.0.5              203.0.113.9           8/0 4711             -
<-           203.0.113.9           10.0.0.5              unreplied            -
udp        - 127.0.0.1:9           127.0.0.1:53                               -
<-           127.0.0.1:53          127.0.0.1:9                                -`, "\n")
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, line := range got {
		if len(line) > 80 {
			t.Errorf("%d columns: %q", len(line), line)
		}
	}
	s.Flows[1].Family, s.Flows[1].Original.Src = model.IPv6, addr6(0x2001, 0xdb8, 0x1234, 0x5678, 0x9abc, 0xdef0, 0x1234, 0x5678)
	wide := printed(t, func(w io.Writer, o []int32) error { return n.Flows(w, s, o) }, len(s.Flows), 1)
	for _, line := range wide[1:] {
		if len(line) != len(wide[0]) {
			t.Errorf("columns do not stand below each other:\n%s\n%s", wide[0], line)
		}
	}
}

// someNetworks are those that /etc/networks comes with.
func someNetworks(a model.Addr) string {
	switch [4]byte(a[12:]) {
	case [4]byte{127}:
		return "loopback"
	case [4]byte{169, 254}:
		return "link-local"
	}
	return ""
}

func TestCompareNames(t *testing.T) {
	want := []string{"br0", "eth", "eth0", "eth0.7", "eth0.10", "eth9", "eth10", "lo", "veth1a", "veth1b", "veth02"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, CompareNames)
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

package model

import (
	"cmp"
	"strings"
)

// Route is a route of some routing table (RTM_GETROUTE, linux/rtnetlink.h). A route with several next hops is a row
// for each.
type Route struct {
	Life
	Dst, Src Addr   // networks; of the default route all bits are 0
	Gateway  Addr   // RTA_GATEWAY or RTA_VIA
	PrefSrc  Addr   // RTA_PREFSRC: the source address it prefers
	Link     uint32 // index of the interface, 0 for none
	LinkName Text
	Table    uint32
	// TableName is the table's name by /etc/iproute2/rt_tables, else its number.
	TableName Text
	Protocol  Text   // who made it: kernel, boot, static, ra, dhcp, bird; else its number
	Metric    uint32 // RTA_PRIORITY
	// MTU, AdvMSS, Window and RTT are metrics of connections over it; 0 is not set.
	MTU, AdvMSS, Window uint32 // bytes
	RTT                 uint32 // ms
	Weight              uint32 // of this next hop among the route's, 0 when it is the only one
	Expires             uint32 // s; 0 for never
	Flags               uint32 // RTF_* of linux/route.h and linux/ipv6_route.h, as /proc/net/route and ipv6_route have them
	HopFlags            uint32 // RTNH_F_*
	References, Uses    int64  // of IPv6 routes, /proc/net/ipv6_route; -1 is not known
	Hop                 uint16 // which of its route's next hops it is, from 0
	Type                RouteType
	Scope               uint8 // RT_SCOPE_*
	TOS                 uint8
	DstLen, SrcLen      uint8 // prefix lengths
	Family              Family
	HasGateway          bool
	HasPrefSrc          bool
}

// RouteType says what becomes of packets that take a route (RTN_* of linux/rtnetlink.h).
type RouteType uint8

// Some of the types; most routes are unicast, 1.
const (
	RouteLocal     RouteType = 2
	RouteBroadcast RouteType = 3
	RouteAnycast   RouteType = 4
	RouteMulticast RouteType = 5
)

var routeTypes = [...]string{
	"unspec", "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit", "throw",
	"nat", "xresolve",
}

// String is ip's word for the type.
func (t RouteType) String() string {
	if int(t) >= len(routeTypes) {
		return itoa(uint32(t))
	}
	return routeTypes[t]
}

// routeFlags are netstat's letters for RTF_* (linux/route.h, linux/ipv6_route.h), in its order, with what they say.
var routeFlags = []struct {
	bit    uint32
	letter byte
	family Family // 0 is both
	help   string
}{
	{0x0200, '!', 0, "packets are refused (unreachable, prohibit, blackhole)"},
	{0x0001, 'U', 0, "the route is up"},
	{0x0002, 'G', 0, "it leads over a gateway"},
	{0x0004, 'H', 0, "its target is a single host"},
	{0x0008, 'R', IPv4, "it is reinstated after a timeout"},
	{0x0010, 'D', IPv4, "a daemon or an ICMP redirect made it"},
	{0x0020, 'M', IPv4, "a daemon or an ICMP redirect modified it"},
	{0x00010000, 'D', IPv6, "a default route, learned from a router's advertisement"},
	{0x00040000, 'A', IPv6, "made from a router's advertisement (addrconf)"},
	{0x01000000, 'C', IPv6, "an entry of the cache"},
	{0x00020000, 'a', IPv6, "everything is taken to be on the link"},
	{0x00400000, 'e', IPv6, "it expires"},
	{0x0020, 'm', IPv6, "a redirect modified it"},
	{0x00200000, 'n', IPv6, "no next hop: packets stay on the link or this host"},
	{0x02000000, 'f', IPv6, "it is of a flow"},
}

// routeRejects is RTF_REJECT.
const routeRejects = 0x0200

// FlagLetters are netstat's letters for the route: UG, UH, !n.
func (r *Route) FlagLetters() string {
	var b strings.Builder
	r.eachFlag(func(letter byte, _ string) { b.WriteByte(letter) })
	return b.String()
}

// ExplainFlags says what each letter of FlagLetters means, a line each.
func (r *Route) ExplainFlags() []string {
	var lines []string
	r.eachFlag(func(letter byte, help string) { lines = append(lines, string(letter)+": "+help) })
	return lines
}

func (r *Route) eachFlag(f func(letter byte, help string)) {
	for i := range routeFlags {
		flag := &routeFlags[i]
		if flag.family != 0 && flag.family != r.Family || r.Flags&flag.bit == 0 {
			continue
		}
		if flag.letter == 'U' && r.Flags&routeRejects != 0 {
			continue // netstat has one of the two
		}
		f(flag.letter, flag.help)
	}
}

// RouteKey is the identity of a route.
func RouteKey(s *Snapshot, r *Route) Key { return r.in(s, routeKey(r)) }

func routeKey(r *Route) Key {
	b := appendPrefix(nil, r.Dst, r.DstLen, r.Family)
	b = appendPrefix(append(b, " from "...), r.Src, r.SrcLen, r.Family)
	if r.HasGateway {
		b = AppendAddr(append(b, " via "...), r.Gateway, r.Family == IPv6)
	}
	b = append(append(b, ' '), r.Type.String()...)
	return Key{
		ID: uint64(r.Table)<<32 | uint64(r.Metric), Proto: Proto(r.Family),
		Text: string(append(b, " dev "+itoa(r.Link)+" tos "+itoa(uint32(r.TOS))...)),
	}
}

// NewRoutes is a roll of routes.
func NewRoutes() *Roll[Route] {
	return NewRoll(routeKey, func(r *Route) *Life { return &r.Life }, func(was, now *Route, _ int64) bool {
		a, b := *was, *now
		a.Life, b.Life = Life{}, Life{}
		a.References, a.Uses, a.Expires = b.References, b.Uses, b.Expires // they move by themselves
		return a != b
	}, nil)
}

// Routes is the table of routes.
func Routes() *Table[Route] {
	return &Table[Route]{
		Name:    "routes",
		Columns: routeColumns(),
		Rows:    func(s *Snapshot) []Route { return s.Routes },
		Key:     RouteKey,
		Change:  func(s *Snapshot, r *Route) Change { return r.change(s) },
		Less: func(a, b *Route) bool {
			return cmp.Or(cmp.Compare(a.NetNS, b.NetNS), cmp.Compare(a.Family, b.Family), cmp.Compare(tableRank(a.Table), tableRank(b.Table)),
				cmpAddr(a.Dst, b.Dst), cmp.Compare(a.DstLen, b.DstLen), cmp.Compare(a.Metric, b.Metric),
				cmp.Compare(a.Link, b.Link), cmpAddr(a.Gateway, b.Gateway), cmp.Compare(a.Type, b.Type)) < 0
		},
	}
}

// tableRank puts the main table first and the local one, which the kernel fills by itself, last.
func tableRank(table uint32) uint32 {
	switch table {
	case 254:
		return 0
	case 255:
		return ^uint32(0)
	}
	return table
}

var scopeNames = map[uint8]string{0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}

// ScopeName is ip's word for an RT_SCOPE_*.
func ScopeName(scope uint8) string {
	if name, ok := scopeNames[scope]; ok {
		return name
	}
	return itoa(uint32(scope))
}

func routeColumns() []Column[Route] {
	type S = *Snapshot
	type R = *Route
	figure := func(id, title, help string, f func(R) uint32) Column[Route] {
		return Column[Route]{
			Spec{ID: id, Title: title, Help: help, Kind: KindCount, Width: 6, Give: 6},
			func(_ S, r R) Value {
				if f(r) == 0 {
					return unknown(NotApplicable)
				}
				return num(int64(f(r)))
			},
		}
	}
	return []Column[Route]{
		{Spec{ID: "destination", Title: "DESTINATION", Aliases: []string{"dst", "dest"}, Help: "network the route leads to", Kind: KindNetwork, Default: true, Width: 18, Max: 43},
			func(_ S, r R) Value { return network(r.Dst, r.DstLen, r.Family) }},
		{Spec{ID: "gateway", Title: "GATEWAY", Aliases: []string{"via", "nexthop"}, Help: "next router", Kind: KindAddress, Default: true, Width: 15, Max: 39},
			func(_ S, r R) Value {
				if !r.HasGateway {
					return unknown(NotApplicable)
				}
				return Value{Addr: r.Gateway, V6: !r.Gateway.Is4()}
			}},
		{Spec{ID: "flags", Title: "FLAGS", Help: "netstat's letters; the details say what each means", Kind: KindText, Default: true, Width: 5, Max: 8, Give: 2},
			func(_ S, r R) Value { return Value{Text: r.FlagLetters()} }},
		{Spec{ID: "metric", Title: "METRIC", Aliases: []string{"priority"}, Help: "of several routes the lowest is taken", Kind: KindNumber, Default: true, Width: 6, Max: 10, Give: 2},
			func(_ S, r R) Value { return num(int64(r.Metric)) }},
		{Spec{ID: "interface", Title: "IFACE", Aliases: []string{"iface", "dev"}, Help: "interface that packets leave by", Kind: KindText, Default: true, Width: 8, Max: 15, Give: 1},
			func(_ S, r R) Value { return textOr(r.LinkName, NotApplicable) }},
		besideColumn(func(r *Route) uint16 { return r.NetNS }),
		{Spec{ID: "table", Title: "TABLE", Help: "routing table: main, local, default, or a rule's", Kind: KindText, Default: true, Width: 6, Max: 12, Give: 3},
			func(_ S, r R) Value { return textOr(r.TableName, NotGiven) }},
		{Spec{ID: "protocol", Title: "PROTO", Aliases: []string{"proto"}, Help: "who made it: kernel, boot, static, ra, dhcp, a routing daemon", Kind: KindText, Default: true, Width: 7, Max: 10, Give: 4},
			func(_ S, r R) Value { return textOr(r.Protocol, NotGiven) }},
		{Spec{ID: "scope", Title: "SCOPE", Help: "how far the target is: global, link, host", Kind: KindText, Default: true, Width: 6, Give: 5},
			func(_ S, r R) Value { return Value{Text: ScopeName(r.Scope)} }},
		{Spec{ID: "type", Title: "TYPE", Help: "unicast, local, broadcast, multicast, unreachable and so on", Kind: KindText, Default: true, Width: 9, Max: 11, Give: 5},
			func(_ S, r R) Value { return Value{Text: r.Type.String()} }},
		{Spec{ID: "source", Title: "SOURCE", Aliases: []string{"src", "prefsrc"}, Help: "source address that it gives to packets", Kind: KindAddress, Default: true, Width: 15, Max: 39, Give: 6},
			func(_ S, r R) Value {
				if !r.HasPrefSrc {
					return unknown(NotApplicable)
				}
				return Value{Addr: r.PrefSrc, V6: r.Family == IPv6}
			}},
		{Spec{ID: "family", Title: "FAMILY", Help: "inet or inet6", Kind: KindText, Width: 6, Give: 6},
			func(_ S, r R) Value { return Value{Text: r.Family.String()} }},
		{Spec{ID: "from", Title: "FROM", Help: "network that packets must come from", Kind: KindNetwork, Width: 12, Max: 43, Give: 6},
			func(_ S, r R) Value {
				if r.SrcLen == 0 {
					return unknown(NotApplicable)
				}
				return network(r.Src, r.SrcLen, r.Family)
			}},
		figure("mtu", "MTU", "largest packet over it, bytes", func(r R) uint32 { return r.MTU }),
		figure("mss", "MSS", "maximum segment size that connections over it announce, bytes", func(r R) uint32 { return r.AdvMSS }),
		figure("window", "WINDOW", "window that connections over it announce, bytes", func(r R) uint32 { return r.Window }),
		{Spec{ID: "rtt", Title: "IRTT", Aliases: []string{"irtt"}, Help: "round trip time that connections over it begin with", Kind: KindDuration, Width: 6, Give: 6},
			func(_ S, r R) Value {
				if r.RTT == 0 {
					return unknown(NotApplicable)
				}
				return num(int64(r.RTT) * 1e6)
			}},
		{Spec{ID: "expires", Title: "EXPIRES", Help: "time until it goes by itself", Kind: KindDuration, Width: 7, Give: 6},
			func(_ S, r R) Value {
				if r.Expires == 0 {
					return unknown(NotApplicable)
				}
				return num(int64(r.Expires) * 1e9)
			}},
		{Spec{ID: "tos", Title: "TOS", Help: "type of service that packets must have", Kind: KindHex, Width: 4, Give: 6},
			func(_ S, r R) Value { return num(int64(r.TOS)) }},
		figure("weight", "WEIGHT", "share of this next hop among the route's", func(r R) uint32 { return r.Weight }),
		{Spec{ID: "refs", Title: "REFS", Help: "references to it; the kernel counts them for IPv6 only", Kind: KindCount, Width: 5, Give: 6},
			func(_ S, r R) Value {
				if r.References < 0 {
					return unknown(NotGiven)
				}
				return num(r.References)
			}},
	}
}

// network is a value of KindNetwork.
func network(a Addr, bits uint8, f Family) Value {
	if f == IPv4 && a == (Addr{}) {
		a = Addr{10: 0xff, 11: 0xff} // one form of the IPv4 default route
	}
	return Value{Addr: a, Num: int64(bits), V6: f == IPv6}
}

// String is netstat's word for the family: inet or inet6.
func (f Family) String() string {
	switch f {
	case IPv4:
		return "inet"
	case IPv6:
		return "inet6"
	}
	return "link"
}

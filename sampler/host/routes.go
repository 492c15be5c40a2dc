package host

// This file reads the routing tables.

import (
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"sockview/model"
)

// Routes are the routes of all tables and both families (RTM_GETROUTE), in the kernel's order: a row for each next
// hop. IPv6 rows have the flags, references and uses of /proc/net/ipv6_route, as far as a row is in there; what is
// only there, the entry that stands for "no route", is a row of table 0 ("unspec"), type unreachable and metric
// 4294967295.
//
// They are whole when rtnetlink told all of them, with the next hops that it keeps apart. Errors about the rest are
// notices: without the names of interfaces rows have none, and without the file those of IPv6 have the flags that can
// be known and its own rows stay as they were. Where rtnetlink is refused it says ErrUnsupported.
func (h *Host) Routes() (rows []model.Route, whole bool, err error) {
	links, linkErr := h.linkNames()
	h.tables.refresh()
	h.protocols.refresh()
	messages, err := h.dump(unix.RTM_GETROUTE, unix.RTM_NEWROUTE,
		&nl.RtMsg{RtMsg: unix.RtMsg{Family: unix.AF_UNSPEC}})
	if err != nil && len(messages) == 0 {
		return nil, false, err
	}
	p := routeParser{links: links, tables: &h.tables, protocols: &h.protocols, nexthops: h.nexthops}
	routes, bad := p.parseAll(messages)
	lines, fibErr := readFIB6(h.dir)
	// A route whose nexthop object is not known has fewer rows than it has next hops.
	whole = err == nil && bad == nil && p.err == nil
	rows = h.joinFIB6(routes, lines, fibErr == nil && linkErr == nil, &p)
	return rows, whole, oneLine(err, bad, p.err, linkErr, fibErr)
}

// parseAll are the rows of RTM_NEWROUTE messages, and an error when some are not to be read.
func (p *routeParser) parseAll(messages [][]byte) ([]model.Route, error) {
	routes := make([]model.Route, 0, len(messages))
	bad := 0
	for _, m := range messages {
		var ok bool
		if routes, ok = p.parse(routes, m); !ok {
			bad++
		}
	}
	return routes, damaged(bad)
}

// RTF_* of linux/route.h and linux/ipv6_route.h.
const (
	rtfUp      = 0x0001
	rtfGateway = 0x0002
	rtfHost    = 0x0004
	rtfReject  = 0x0200
	rtfAnycast = 0x0010_0000
	rtfExpires = 0x0040_0000
	rtfLocal   = 0x8000_0000
)

// userTicks are the ticks per second in which the kernel tells times to programs (USER_HZ).
const userTicks = 100

// routeParser makes routes of messages.
type routeParser struct {
	links             map[uint32]model.Text
	tables, protocols *nameFile

	nexthops func() (map[uint32]nexthop, error) // asked when a route first needs one
	objects  map[uint32]nexthop                 // its answer
	err      error                              // what it went wrong with
}

// parse appends the rows of an RTM_NEWROUTE message, which is struct rtmsg and attributes: none for an entry of the
// cache and for what is not IP. False says that the message is damaged.
func (p *routeParser) parse(rows []model.Route, m []byte) ([]model.Route, bool) {
	if len(m) < unix.SizeofRtMsg {
		return rows, false
	}
	flags := native.Uint32(m[8:])
	r := model.Route{
		Family: family(m[0]), DstLen: m[1], SrcLen: m[2], TOS: m[3], Table: uint32(m[4]), Scope: m[6],
		Type: model.RouteType(m[7]), HopFlags: flags & 0xff, References: -1, Uses: -1,
	}
	if r.Family == 0 || flags&unix.RTM_F_CLONED != 0 {
		return rows, true
	}
	if r.Family == model.IPv4 {
		r.Dst, r.Src = model.Addr{10: 0xff, 11: 0xff}, model.Addr{10: 0xff, 11: 0xff}
	}
	var hops []byte
	var object uint32
	good := eachAttr(m[unix.SizeofRtMsg:], func(kind uint16, v []byte) {
		switch kind {
		case unix.RTA_DST:
			r.Dst, _ = addr(v)
		case unix.RTA_SRC:
			r.Src, _ = addr(v)
		case unix.RTA_PREFSRC:
			r.PrefSrc, r.HasPrefSrc = addr(v)
		case unix.RTA_TABLE:
			if table, ok := figure(v); ok {
				r.Table = table
			}
		case unix.RTA_PRIORITY:
			r.Metric, _ = figure(v)
		case unix.RTA_CACHEINFO:
			r.Expires = expiry(v)
		case unix.RTA_METRICS:
			setMetrics(&r, v)
		case unix.RTA_MULTIPATH:
			hops = v
		case rtaNexthopID:
			object, _ = figure(v)
		default:
			setHop(&r, kind, v)
		}
	})
	if !good {
		return rows, false
	}
	r.TableName = p.tables.name(r.Table)
	r.Protocol = p.protocols.name(uint32(m[5]))
	if hops != nil {
		return p.eachHop(rows, r, hops)
	}
	if object != 0 && r.Link == 0 && !r.HasGateway {
		return p.expand(rows, r, object), true
	}
	p.finish(&r)
	return append(rows, r), true
}

// setHop takes an attribute of a next hop.
func setHop(r *model.Route, kind uint16, v []byte) {
	switch kind {
	case unix.RTA_OIF:
		r.Link, _ = figure(v)
	case unix.RTA_GATEWAY:
		r.Gateway, r.HasGateway = addr(v)
	case unix.RTA_VIA: // struct rtvia: family and address
		if len(v) > 2 {
			r.Gateway, r.HasGateway = addr(v[2:])
		}
	}
}

// eachHop appends a row for each next hop of RTA_MULTIPATH: struct rtnexthop and attributes.
func (p *routeParser) eachHop(rows []model.Route, route model.Route, hops []byte) ([]model.Route, bool) {
	whole := len(rows)
	single := false
	for n := uint16(0); len(hops) > 0; n++ {
		if len(hops) < unix.SizeofRtNexthop {
			return rows[:whole], false
		}
		size := int(native.Uint16(hops))
		if size < unix.SizeofRtNexthop || size > len(hops) {
			return rows[:whole], false
		}
		r := route
		r.Hop, r.HopFlags, r.Weight = n, uint32(hops[2]), uint32(hops[3])+1
		r.Link = native.Uint32(hops[4:])
		if !eachAttr(hops[unix.SizeofRtNexthop:size], func(kind uint16, v []byte) { setHop(&r, kind, v) }) {
			return rows[:whole], false
		}
		p.finish(&r)
		rows = append(rows, r)
		hops = hops[min(alignNetlink(size), len(hops)):]
		single = n == 0
	}
	if single {
		rows[whole].Weight = 0
	}
	return rows, true
}

// finish gives a row the interface's name and the flags that the kernel makes of it in /proc/net: those of IPv6
// are what can be known without the file.
func (p *routeParser) finish(r *model.Route) {
	r.LinkName = p.links[r.Link]
	r.Flags = rtfUp
	if r.HasGateway {
		r.Flags |= rtfGateway
	}
	switch {
	case r.Family == model.IPv4:
		// fib_flag_trans of net/ipv4/fib_trie.c: blackhole and throw are not refusals to it.
		if r.DstLen == 32 {
			r.Flags |= rtfHost
		}
		if r.Type == unix.RTN_UNREACHABLE || r.Type == unix.RTN_PROHIBIT {
			r.Flags |= rtfReject
		}
	case r.Type == unix.RTN_UNREACHABLE || r.Type == unix.RTN_PROHIBIT || r.Type == unix.RTN_BLACKHOLE ||
		r.Type == unix.RTN_THROW:
		r.Flags |= rtfReject
	case r.Type == model.RouteLocal:
		r.Flags |= rtfLocal
	case r.Type == model.RouteAnycast:
		r.Flags |= rtfAnycast
	}
	if r.Expires != 0 {
		r.Flags |= rtfExpires
	}
}

// expiry is rta_expires of struct rta_cacheinfo in seconds, rounded up; 0 for never. A route whose time is over and
// that still stands has 1.
func expiry(v []byte) uint32 {
	if len(v) < 12 {
		return 0
	}
	ticks := int64(int32(native.Uint32(v[8:])))
	if ticks == 0 {
		return 0
	}
	return uint32(max(1, (ticks+userTicks-1)/userTicks))
}

// setMetrics reads RTA_METRICS. RTAX_RTT is in eighths of a millisecond; /proc/net/route's IRTT is in whole ones,
// and its MTU is not the route's MTU but RTAX_ADVMSS and 40 for the headers.
func setMetrics(r *model.Route, b []byte) {
	eachAttr(b, func(kind uint16, v []byte) {
		value, ok := figure(v)
		if !ok {
			return
		}
		switch kind {
		case unix.RTAX_MTU:
			r.MTU = value
		case unix.RTAX_ADVMSS:
			r.AdvMSS = value
		case unix.RTAX_WINDOW:
			r.Window = value
		case unix.RTAX_RTT:
			r.RTT = value / 8
		}
	})
}

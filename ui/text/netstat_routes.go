package text

// netstat -r and -g.

import (
	"io"
	"strconv"

	"sockview/model"
)

// RTF_* of linux/route.h and linux/ipv6_route.h that choose rows and columns.
const (
	routeUp      = 0x0001
	routeHost    = 0x0004
	routeRejects = 0x0200
	routeCached  = 0x0100_0000
)

// mainTable is RT_TABLE_MAIN, the one table that /proc/net/route shows.
const mainTable = 254

// ShowsRoute says whether netstat prints the route: of IPv4 the main table without broadcast and multicast,
// each route with its first next hop; of IPv6 every table, what is in a cache excepted.
func (n *Netstat) ShowsRoute(r *model.Route) bool {
	switch {
	case r.Dead:
		return false
	case r.Family == model.IPv6:
		return r.Flags&routeCached == 0
	}
	return r.Table == mainTable && r.Hop == 0 && r.Flags&routeUp != 0 &&
		r.Type != model.RouteBroadcast && r.Type != model.RouteMulticast
}

// Routes writes the rows of s.Routes that order names and that are of family f, under its title. Extend
// chooses the columns: 0 is -r, 1 -re, 2 and more -ree; of IPv6 they are always the same.
func (n *Netstat) Routes(w io.Writer, s *model.Snapshot, order []int32, f model.Family) error {
	return eachNetNS(w, s, order, func(row int32) *model.Life { return &s.Routes[row].Life }, func(order []int32) error {
		return n.routes(w, s, order, f)
	})
}

func (n *Netstat) routes(w io.Writer, s *model.Snapshot, order []int32, f model.Family) error {
	title := "Kernel IP routing table\nDestination     Gateway         Genmask         "
	switch {
	case f == model.IPv6:
		title = "Kernel IPv6 routing table\n" +
			"Destination                    Next Hop                   Flag Met Ref  Use If"
	case n.Extend == 0:
		title += "Flags   MSS Window  irtt Iface"
	case n.Extend == 1:
		title += "Flags Metric Ref    Use Iface"
	default:
		title += "Flags Metric Ref    Use Iface    MSS   Window irtt"
	}
	return lines(w, title+"\n", order, func(dst []byte, row int) []byte {
		r := &s.Routes[row]
		switch {
		case r.Dead || r.Family != f:
			return dst
		case f == model.IPv6:
			return n.appendRoute6(dst, r)
		}
		return n.appendRoute4(dst, r)
	})
}

// Widths of the columns of addresses.
const (
	network4Width = 15
	network6Width = 30
	nextHop6Width = 26
)

func (n *Netstat) appendRoute4(dst []byte, r *model.Route) []byte {
	from := len(dst)
	dst = append(cutPad(n.appendNetwork4(dst, r), from, network4Width), ' ')
	from = len(dst)
	switch {
	case r.Flags&routeRejects != 0:
		dst = append(dst, '-')
	case r.HasGateway && r.Gateway.Is4():
		dst = n.appendHost(dst, r.Gateway, model.IPv4)
	default: // none, or one that /proc/net/route cannot tell: an IPv6 router
		dst = append(dst, "0.0.0.0"...)
	}
	dst = append(cutPad(dst, from, network4Width), ' ')
	from = len(dst)
	dst = append(cutPad(appendNumeric(dst, maskOf(r.DstLen), false), from, network4Width), ' ')
	from = len(dst)
	dst = append(padTo(appendRouteFlags4(dst, r.Flags), from, 5), ' ')
	return append(appendRouteFigures(dst, r, n.Extend), '\n')
}

// appendRouteFigures appends the columns behind an IPv4 route's flags.
func appendRouteFigures(dst []byte, r *model.Route, extend int) []byte {
	rejects := r.Flags&routeRejects != 0
	name := r.LinkName.String()
	if name == "" {
		name = "*" // a route to nowhere
	}
	if rejects {
		name = "-"
	}
	mss := int64(r.AdvMSS)
	if mss != 0 {
		mss += 40 // the kernel tells it with the headers, as an MTU (fib_route_seq_show)
	}
	figure := func(v int64) string {
		if rejects {
			return "-"
		}
		return strconv.FormatInt(v, 10)
	}
	if extend == 0 {
		dst = append(right(dst, figure(mss), 5), ' ')
		dst = append(left(dst, figure(int64(r.Window)), 5), ' ')
		return append(append(right(dst, figure(int64(r.RTT)), 6), ' '), name...)
	}
	dst = append(leftNumber(dst, int64(int32(r.Metric)), 6), ' ')
	// References and uses of IPv4 routes are not counted; /proc/net/route has zeros.
	if extend == 1 {
		dst = append(left(dst, figure(0), 2), "       0 "...)
		return append(dst, name...)
	}
	dst = append(left(dst, figure(0), 3), "      0 "...)
	dst = append(left(dst, cut(name, 6), 8), ' ')
	dst = append(left(dst, figure(mss), 5), ' ')
	dst = append(left(dst, figure(int64(r.Window)), 6), ' ')
	return append(dst, figure(int64(r.RTT))...)
}

// cutPad makes what was appended since from as wide as its column: netstat cuts it, with -W too.
func cutPad(dst []byte, from, wide int) []byte {
	if len(dst)-from > wide {
		dst = dst[:from+wholeRunes(dst[from:], wide)]
	}
	return padTo(dst, from, wide)
}

// appendNetwork4 appends the target of a route: hosts by their names, networks by those of networks(5).
func (n *Netstat) appendNetwork4(dst []byte, r *model.Route) []byte {
	if n.Host != nil {
		switch {
		case r.DstLen == 0:
			return append(dst, "default"...)
		case r.Flags&routeHost != 0:
			return n.appendHost(dst, r.Dst, model.IPv4)
		case n.Network == nil:
		case r.Dst.IsUnspecified(): // half of everything is not the default
		default:
			if name := n.Network(r.Dst); name != "" {
				return append(dst, safe(name)...)
			}
		}
	}
	return appendNumeric(dst, r.Dst, false)
}

// maskOf is the mask of an IPv4 prefix.
func maskOf(bits uint8) model.Addr {
	a := model.Addr{10: 0xff, 11: 0xff}
	mask := ^uint32(0) << (32 - min(bits, 32))
	a[12], a[13], a[14], a[15] = byte(mask>>24), byte(mask>>16), byte(mask>>8), byte(mask)
	return a
}

// routeLetter is a flag of a route and netstat's letter for it.
type routeLetter struct {
	bit    uint32
	letter byte
}

var routeLetters4 = [...]routeLetter{
	{routeHost, 'H'}, {0x0008, 'R'}, {0x0010, 'D'}, {0x0020, 'M'}, {0x0040, 'u'}, {0x0080, 'w'},
	{0x0100, 'i'}, {0x0400, 'n'},
}

// appendRouteFlags4 appends the letters of an IPv4 route: one that is refused has ! for U, and no G.
func appendRouteFlags4(dst []byte, flags uint32) []byte {
	switch {
	case flags&routeRejects != 0:
		dst = append(dst, '!')
	case flags&0x0002 != 0:
		dst = append(dst, "UG"...)
	default:
		dst = append(dst, 'U')
	}
	return appendLetters(dst, flags, routeLetters4[:])
}

var routeLetters6 = [...]routeLetter{
	{routeUp, 'U'}, {routeRejects, '!'}, {0x0002, 'G'}, {routeHost, 'H'}, {0x0001_0000, 'D'}, {0x0004_0000, 'A'},
	{0x0002_0000, 'a'}, {0x0040_0000, 'e'}, {0x0020, 'm'}, {0x0020_0000, 'n'}, {0x0200_0000, 'f'},
}

func appendLetters(dst []byte, flags uint32, letters []routeLetter) []byte {
	for _, l := range letters {
		if flags&l.bit != 0 {
			dst = append(dst, l.letter)
		}
	}
	return dst
}

// appendRoute6 appends a line of the IPv6 table. What is longer than its column pushes the rest.
func (n *Netstat) appendRoute6(dst []byte, r *model.Route) []byte {
	from := len(dst)
	dst = n.appendHost(dst, r.Dst, model.IPv6)
	dst = strconv.AppendUint(append(dst, '/'), uint64(r.DstLen), 10)
	dst = append(padTo(dst, from, network6Width), ' ')
	from = len(dst)
	gateway := r.Gateway
	if !r.HasGateway {
		gateway = model.Addr{}
	}
	dst = append(padTo(n.appendHost(dst, gateway, model.IPv6), from, nextHop6Width), ' ')
	from = len(dst)
	dst = append(padTo(appendLetters(dst, r.Flags, routeLetters6[:]), from, 4), ' ')
	dst = append(leftNumber(dst, int64(int32(r.Metric)), 3), ' ')
	// a row that /proc/net/ipv6_route does not have has no references
	dst = strconv.AppendInt(dst, int64(int32(max(0, r.References))), 10)
	dst = append(rightInt(append(dst, ' '), int64(int32(max(0, r.Uses))), 6), ' ')
	return append(append(dst, r.LinkName.String()...), '\n')
}

// ShowsGroup says whether netstat prints the membership: those of IP, not those of the link layer.
func (n *Netstat) ShowsGroup(r *model.Membership) bool { return !r.Dead && r.Family != 0 }

// Groups writes the rows of s.Groups that order names, under the title of group memberships.
func (n *Netstat) Groups(w io.Writer, s *model.Snapshot, order []int32) error {
	return eachNetNS(w, s, order, func(row int32) *model.Life { return &s.Groups[row].Life }, func(order []int32) error {
		return n.groups(w, s, order)
	})
}

func (n *Netstat) groups(w io.Writer, s *model.Snapshot, order []int32) error {
	const title = "IPv6/IPv4 Group Memberships\n" +
		"Interface       RefCnt Group\n" +
		"--------------- ------ ---------------------\n"
	return lines(w, title, order, func(dst []byte, row int) []byte {
		r := &s.Groups[row]
		if r.Dead {
			return dst
		}
		dst = append(left(dst, r.LinkName.String(), 15), ' ')
		dst = append(leftNumber(dst, int64(r.Users), 6), ' ')
		if r.Family == 0 {
			return append(append(dst, r.Hardware.String()...), '\n')
		}
		return append(n.appendHost(dst, r.Group, r.Family), '\n')
	})
}

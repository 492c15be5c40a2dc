package host

// This file resolves nexthop objects (linux/nexthop.h, Linux 5.3): what a route names by number only. Where
// net.ipv4.nexthop_compat_mode is on, as it is by default, the kernel writes them out in the route itself.

import (
	"golang.org/x/sys/unix"

	"sockview/model"
)

// rtaNexthopID is RTA_NH_ID of linux/rtnetlink.h.
const rtaNexthopID = 30

// nexthop is a nexthop object: where packets go, or a group of others.
type nexthop struct {
	gateway    model.Addr
	hasGateway bool
	link       uint32
	flags      uint32 // RTNH_F_*
	group      []groupHop
}

// groupHop is a member of a group (struct nexthop_grp).
type groupHop struct {
	id, weight uint32
}

// nexthopRequest is the struct nhmsg of a dump: everything.
type nexthopRequest struct{}

func (nexthopRequest) Len() int          { return unix.SizeofNhmsg }
func (nexthopRequest) Serialize() []byte { return make([]byte, unix.SizeofNhmsg) }

// nexthops are the nexthop objects by their numbers (RTM_GETNEXTHOP).
func (h *Host) nexthops() (map[uint32]nexthop, error) {
	messages, err := h.dump(unix.RTM_GETNEXTHOP, unix.RTM_NEWNEXTHOP, nexthopRequest{})
	known := make(map[uint32]nexthop, len(messages))
	bad := 0
	for _, m := range messages {
		if id, n, ok := parseNexthop(m); ok {
			known[id] = n
		} else {
			bad++
		}
	}
	return known, about("nexthop objects", oneLine(err, damaged(bad)))
}

// parseNexthop reads an RTM_NEWNEXTHOP message: struct nhmsg and attributes.
func parseNexthop(m []byte) (id uint32, n nexthop, ok bool) {
	if len(m) < unix.SizeofNhmsg {
		return 0, n, false
	}
	n.flags = native.Uint32(m[4:]) & 0xff
	ok = eachAttr(m[unix.SizeofNhmsg:], func(kind uint16, v []byte) {
		switch kind {
		case unix.NHA_ID:
			id, _ = figure(v)
		case unix.NHA_OIF:
			n.link, _ = figure(v)
		case unix.NHA_BLACKHOLE:
			n.link = loopback // where the kernel puts it
		case unix.NHA_GATEWAY:
			n.gateway, n.hasGateway = addr(v)
		case unix.NHA_GROUP:
			for ; len(v) >= 8; v = v[8:] {
				// The weight is told less one, in two parts.
				n.group = append(n.group, groupHop{native.Uint32(v), uint32(v[5])<<8 + uint32(v[4]) + 1})
			}
		}
	})
	return id, n, ok && id != 0
}

// loopback is the index of lo in every namespace (LOOPBACK_IFINDEX of net/net_namespace.h).
const loopback = 1

// expand appends the rows of a route that names nexthop object id; one without a next hop when it is not known. A
// group has no groups.
func (p *routeParser) expand(rows []model.Route, route model.Route, id uint32) []model.Route {
	if p.objects == nil {
		p.objects = map[uint32]nexthop{}
		if p.nexthops != nil {
			p.objects, p.err = p.nexthops()
		}
	}
	object := p.objects[id]
	group := object.group
	if len(group) == 0 {
		group = []groupHop{{id, 0}}
	}
	for i, member := range group {
		n := p.objects[member.id]
		r := route
		r.Link, r.Gateway, r.HasGateway, r.HopFlags = n.link, n.gateway, n.hasGateway, n.flags
		r.Hop = uint16(i)
		if len(group) > 1 {
			r.Weight = member.weight
		}
		p.finish(&r)
		rows = append(rows, r)
	}
	return rows
}

package model

import "cmp"

// Membership is a multicast group that an interface listens to (/proc/net/igmp, /proc/net/igmp6,
// /proc/net/dev_mcast).
type Membership struct {
	Life
	Link     uint32
	LinkName Text
	Family   Family // 0 is of the link layer
	Group    Addr   // of a link layer group the zero Addr
	Hardware Text   // of a link layer group: its address, as 01:00:5e:00:00:01
	Users    int32  // how many joined it: sockets and the kernel itself
	Querier  Text   // version of IGMP spoken on the interface, as V3; empty where it is not told
	Sources  int32  // source addresses that its members ask for or refuse (/proc/net/mcfilter)
}

// MembershipKey is the identity of a membership.
func MembershipKey(s *Snapshot, r *Membership) Key { return r.in(s, membershipKey(r)) }

func membershipKey(r *Membership) Key {
	b := AppendAddr(nil, r.Group, r.Family == IPv6)
	return Key{ID: uint64(r.Link), Proto: Proto(r.Family), Text: string(append(b, r.Hardware.s...))}
}

// NewMemberships is a roll of memberships.
func NewMemberships() *Roll[Membership] {
	return NewRoll(membershipKey, func(r *Membership) *Life { return &r.Life }, func(was, now *Membership, _ int64) bool {
		return was.Users != now.Users || was.Sources != now.Sources || was.Querier != now.Querier
	}, nil)
}

// Memberships is the table of multicast groups.
func Memberships() *Table[Membership] {
	return &Table[Membership]{
		Name:    "groups",
		Columns: membershipColumns(),
		Rows:    func(s *Snapshot) []Membership { return s.Groups },
		Key:     MembershipKey,
		Change:  func(s *Snapshot, r *Membership) Change { return r.change(s) },
		Less: func(a, b *Membership) bool {
			return cmp.Or(cmp.Compare(a.NetNS, b.NetNS), cmp.Compare(a.Link, b.Link), cmp.Compare(a.Family, b.Family), cmpAddr(a.Group, b.Group),
				cmp.Compare(a.Hardware.s, b.Hardware.s)) < 0
		},
	}
}

func membershipColumns() []Column[Membership] {
	type S = *Snapshot
	type R = *Membership
	return []Column[Membership]{
		{Spec{ID: "interface", Title: "INTERFACE", Aliases: []string{"iface", "dev"}, Help: "interface that listens to the group", Kind: KindText, Default: true, Width: 9, Max: 15},
			func(_ S, r R) Value { return textOr(r.LinkName, NotGiven) }},
		besideColumn(func(r *Membership) uint16 { return r.NetNS }),
		{Spec{ID: "family", Title: "FAMILY", Help: "inet, inet6, or link for a hardware address", Kind: KindText, Default: true, Width: 6},
			func(_ S, r R) Value { return Value{Text: r.Family.String()} }},
		{Spec{ID: "group", Title: "GROUP", Aliases: []string{"addr", "address"}, Help: "address of the group", Kind: KindAddress, Default: true, Width: 15, Max: 39},
			func(_ S, r R) Value {
				if r.Family == 0 {
					return unknown(NotApplicable)
				}
				return Value{Addr: r.Group, V6: r.Family == IPv6}
			}},
		{Spec{ID: "hardware", Title: "HARDWARE", Aliases: []string{"mac"}, Help: "hardware address, of a group of the link layer", Kind: KindText, Default: true, Width: 17, Give: 2},
			func(_ S, r R) Value { return textOr(r.Hardware, NotApplicable) }},
		{Spec{ID: "users", Title: "USERS", Aliases: []string{"refcnt", "refs"}, Help: "how many joined it: sockets and the kernel", Kind: KindCount, Desc: true, Default: true, Width: 6},
			func(_ S, r R) Value { return num(int64(r.Users)) }},
		{Spec{ID: "querier", Title: "QUERIER", Help: "version of IGMP that is spoken on the interface", Kind: KindText, Default: true, Width: 7, Give: 3},
			func(_ S, r R) Value { return textOr(r.Querier, NotApplicable) }},
		{Spec{ID: "sources", Title: "SOURCES", Help: "source addresses that members ask for or refuse", Kind: KindCount, Desc: true, Default: true, Width: 7, Give: 3},
			func(_ S, r R) Value { return num(int64(r.Sources)) }},
		{Spec{ID: "age", Title: "AGE", Help: "time since it appeared; > for one that is older than this watch", Kind: KindDuration, Desc: true, Width: 7, Give: 4, AtLeast: true},
			func(s S, r R) Value { return r.age(s) }},
	}
}

package model

import (
	"cmp"
	"slices"
	"strings"
)

// LinkAddr is an address of an interface (struct ifaddrmsg, linux/if_addr.h).
type LinkAddr struct {
	Addr   Addr
	Peer   Addr // IFA_ADDRESS of a point-to-point interface; else the zero Addr
	Bcast  Addr // IFA_BROADCAST; else the zero Addr
	Prefix uint8
	Family Family
	Scope  uint8 // RT_SCOPE_* of linux/rtnetlink.h
	// Label is IFA_LABEL of an IPv4 address: the interface's name, or an alias of it as eth0:1.
	Label Text
	Flags uint32 // IFA_F_* of linux/if_addr.h
}

// LinkMap says where the kernel reaches a device (struct rtnl_link_ifmap, linux/if_link.h); it is zero for most.
type LinkMap struct {
	MemStart, MemEnd, Base uint64
	IRQ                    uint16
	DMA                    uint8
}

// LinkCounters are struct rtnl_link_stats64 (linux/if_link.h), since the interface was made.
type LinkCounters struct {
	RxPackets, TxPackets, RxBytes, TxBytes, RxErrors, TxErrors, RxDropped, TxDropped uint64

	Multicast, Collisions                               uint64
	RxLength, RxOver, RxCRC, RxFrame, RxFIFO, RxMissed  uint64
	TxAborted, TxCarrier, TxFIFO, TxHeartbeat, TxWindow uint64
	RxCompressed, TxCompressed, RxNoHandler             uint64
}

// Link is a network interface (RTM_GETLINK, RTM_GETADDR).
type Link struct {
	Life
	Index                                      uint32
	Master                                     uint32 // index of the bridge or bond it belongs to, 0 for none
	MTU                                        uint32 // bytes
	QueueLength                                uint32 // packets: txqueuelen
	Flags                                      uint32 // IFF_* of linux/if.h
	Hardware                                   uint16 // ARPHRD_* of linux/if_arp.h
	Name                                       Text
	Kind                                       Text       // IFLA_INFO_KIND: veth, bridge, vlan ...; empty for a device
	State                                      Text       // IFLA_OPERSTATE: up, down, dormant, lowerlayerdown, unknown ...
	HardwareAddr                               Text       // as 52:54:00:12:34:56, empty for none
	Alias                                      Text       // IFLA_IFALIAS
	Addrs                                      []LinkAddr // never written to once published
	Map                                        LinkMap    // IFLA_MAP
	Counters                                   LinkCounters
	HasCounters                                bool
	HasRates                                   bool
	RxRate, TxRate, RxPacketRate, TxPacketRate float32 // per second
	Trend                                      Trend   // of both directions' bytes
}

// TrendLength is how many samples a Trend keeps.
const TrendLength = 60

// Trend is the rates of a row's last samples, oldest first, in units per second.
type Trend struct {
	Received, Sent [TrendLength]float32
	Length         int
}

// add appends a sample and drops the oldest when there is no room.
func (t *Trend) add(received, sent float32) {
	if t.Length == TrendLength {
		copy(t.Received[:], t.Received[1:])
		copy(t.Sent[:], t.Sent[1:])
		t.Length--
	}
	t.Received[t.Length], t.Sent[t.Length] = received, sent
	t.Length++
}

// plotLength is how many samples a plot in a column shows.
const plotLength = 16

// bars are what a plot is drawn with: one to eight eighths of a cell.
var bars = [...]string{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}

// plot draws the last samples, a bar for each; the highest of them is a full one.
func (t *Trend) plot() string {
	from := max(0, t.Length-plotLength)
	top := float32(0)
	for i := from; i < t.Length; i++ {
		top = max(top, t.Received[i]+t.Sent[i])
	}
	var b strings.Builder
	for i := from; i < t.Length; i++ {
		level := 0
		if sum := t.Received[i] + t.Sent[i]; sum > 0 {
			level = max(1, int(sum/top*float32(len(bars)-1)+0.5))
		}
		b.WriteString(bars[level])
	}
	return b.String()
}

// Up says whether the interface is switched on (IFF_UP).
func (r *Link) Up() bool { return r.Flags&1 != 0 }

// LinkKey is the identity of an interface.
func LinkKey(s *Snapshot, r *Link) Key { return r.in(s, linkKey(r)) }

func linkKey(r *Link) Key { return Key{ID: uint64(r.Index), Text: r.Name.s} }

// NewLinks is a roll of interfaces, with rates.
func NewLinks() *Roll[Link] {
	return NewRoll(linkKey, func(r *Link) *Life { return &r.Life }, carryLink, func(r *Link) {
		r.HasRates, r.RxRate, r.TxRate, r.RxPacketRate, r.TxPacketRate = false, 0, 0, 0, 0
	})
}

func carryLink(was, now *Link, dt int64) bool {
	now.Trend = was.Trend
	if was.HasCounters && now.HasCounters {
		a, b := &was.Counters, &now.Counters
		var ok [4]bool
		now.RxRate, ok[0] = rate(a.RxBytes, b.RxBytes, dt)
		now.TxRate, ok[1] = rate(a.TxBytes, b.TxBytes, dt)
		now.RxPacketRate, ok[2] = rate(a.RxPackets, b.RxPackets, dt)
		now.TxPacketRate, ok[3] = rate(a.TxPackets, b.TxPackets, dt)
		if now.HasRates = ok == [4]bool{true, true, true, true}; now.HasRates {
			now.Trend.add(now.RxRate, now.TxRate)
		}
	}
	return was.Flags != now.Flags || was.MTU != now.MTU || was.State != now.State || was.Master != now.Master ||
		!slices.Equal(was.Addrs, now.Addrs)
}

// linkFlags are IFF_* of linux/if.h, in ip's words.
var linkFlags = [...]string{
	"UP", "BROADCAST", "DEBUG", "LOOPBACK", "POINTOPOINT", "NOTRAILERS", "RUNNING", "NOARP", "PROMISC", "ALLMULTI",
	"MASTER", "SLAVE", "MULTICAST", "PORTSEL", "AUTOMEDIA", "DYNAMIC", "LOWER_UP", "DORMANT", "ECHO",
}

// FlagNames are the words for the interface's flags.
func (r *Link) FlagNames() []string {
	var names []string
	for i, name := range linkFlags {
		if r.Flags&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Links is the table of interfaces.
func Links() *Table[Link] {
	return &Table[Link]{
		Name:    "interfaces",
		Columns: linkColumns(),
		Rows:    func(s *Snapshot) []Link { return s.Links },
		Key:     LinkKey,
		Change:  func(s *Snapshot, r *Link) Change { return r.change(s) },
		Less: func(a, b *Link) bool {
			return cmp.Or(cmp.Compare(a.NetNS, b.NetNS), cmp.Compare(a.Index, b.Index), cmp.Compare(a.Name.s, b.Name.s)) < 0
		},
	}
}

func linkColumns() []Column[Link] {
	type S = *Snapshot
	type L = *Link
	counter := func(id, title, help string, shown bool, give int, f func(*LinkCounters) uint64) Column[Link] {
		return Column[Link]{
			Spec{ID: id, Title: title, Help: help, Kind: KindCount, Desc: true, Default: shown, Width: 7, Max: 12, Give: give},
			func(_ S, r L) Value { return r.counter(f) },
		}
	}
	bytes := func(id, title, help string, f func(*LinkCounters) uint64) Column[Link] {
		return Column[Link]{
			Spec{ID: id, Title: title, Help: help, Kind: KindBytes, Desc: true, Default: true, Width: 5, Give: 2},
			func(_ S, r L) Value { return r.counter(f) },
		}
	}
	rates := func(id, title, help string, shown bool, kind Kind, f func(L) float32) Column[Link] {
		return Column[Link]{
			Spec{ID: id, Title: title, Help: help, Kind: kind, Desc: true, Default: shown, Width: 5, Max: 7, Give: 1},
			func(_ S, r L) Value {
				if !r.HasRates {
					return unknown(noRate(r.HasCounters))
				}
				return num(rateOf(f(r)))
			},
		}
	}
	return []Column[Link]{
		{Spec{ID: "interface", Title: "INTERFACE", Aliases: []string{"iface", "name", "dev"}, Help: "name of the interface", Kind: KindText, Default: true, Width: 9, Max: 15},
			func(_ S, r L) Value { return Value{Text: r.Name.s} }},
		besideColumn(func(r *Link) uint16 { return r.NetNS }),
		{Spec{ID: "state", Title: "STATE", Help: "operational state: up, down, dormant, lowerlayerdown, unknown (the driver does not say)", Kind: KindText, Default: true, Width: 7, Max: 14, Give: 1},
			func(_ S, r L) Value { return textOr(r.State, NotGiven) }},
		{Spec{ID: "mtu", Title: "MTU", Help: "largest packet, bytes", Kind: KindNumber, Desc: true, Default: true, Width: 5, Max: 7, Give: 3},
			func(_ S, r L) Value { return num(int64(r.MTU)) }},
		{Spec{ID: "addresses", Title: "ADDRESSES", Aliases: []string{"addr", "address"}, Help: "its addresses with their prefix lengths", Kind: KindText, Default: true, Width: 18, Max: 60, Give: 4},
			func(_ S, r L) Value { return r.addresses() }},
		rates("rx", "RX/s", "bytes received per second", true, KindRate, func(r L) float32 { return r.RxRate }),
		rates("tx", "TX/s", "bytes sent per second", true, KindRate, func(r L) float32 { return r.TxRate }),
		{Spec{ID: "trend", Title: "TREND", Help: "bytes both ways over the last 16 samples; the highest bar is the highest of them", Kind: KindText, Default: true, Width: plotLength, Give: 6},
			func(_ S, r L) Value {
				if r.Trend.Length == 0 {
					return unknown(noRate(r.HasCounters))
				}
				return Value{Text: r.Trend.plot()}
			}},
		bytes("received", "RECV", "bytes received since the interface was made", func(c *LinkCounters) uint64 { return c.RxBytes }),
		bytes("sent", "SENT", "bytes sent since the interface was made", func(c *LinkCounters) uint64 { return c.TxBytes }),
		counter("rxpkts", "PKTS-RX", "packets received", true, 5, func(c *LinkCounters) uint64 { return c.RxPackets }),
		counter("txpkts", "PKTS-TX", "packets sent", true, 5, func(c *LinkCounters) uint64 { return c.TxPackets }),
		counter("rxerrs", "ERR-RX", "bad packets received", true, 3, func(c *LinkCounters) uint64 { return c.RxErrors }),
		counter("txerrs", "ERR-TX", "packets that could not be sent", true, 3, func(c *LinkCounters) uint64 { return c.TxErrors }),
		counter("rxdrop", "DROP-RX", "packets received and dropped: no room, or missed by the hardware", true, 3,
			func(c *LinkCounters) uint64 { return c.RxDropped + c.RxMissed }),
		counter("txdrop", "DROP-TX", "packets dropped on their way out", true, 3, func(c *LinkCounters) uint64 { return c.TxDropped }),
		rates("rxpps", "RXPKT/s", "packets received per second", false, KindCount, func(r L) float32 { return r.RxPacketRate }),
		rates("txpps", "TXPKT/s", "packets sent per second", false, KindCount, func(r L) float32 { return r.TxPacketRate }),
		counter("rxunicast", "UNI-RX", "packets received that were not multicast; drivers mostly count broadcasts among them", false, 6, func(c *LinkCounters) uint64 { return c.RxPackets - min(c.RxPackets, c.Multicast) }),
		counter("multicast", "MULTI-RX", "multicast packets received", false, 6, func(c *LinkCounters) uint64 { return c.Multicast }),
		counter("rxover", "OVR-RX", "packets lost because a receive queue was full (rx_fifo_errors)", false, 6, func(c *LinkCounters) uint64 { return c.RxFIFO }),
		counter("txover", "OVR-TX", "packets lost in a send queue (tx_fifo_errors)", false, 6, func(c *LinkCounters) uint64 { return c.TxFIFO }),
		counter("frame", "FRAME", "frames that were cut, of a wrong length or with a wrong checksum", false, 6,
			func(c *LinkCounters) uint64 { return c.RxLength + c.RxOver + c.RxCRC + c.RxFrame }),
		counter("carrier", "CARRIER", "losses of the carrier while sending, and other failures to send", false, 6,
			func(c *LinkCounters) uint64 { return c.TxCarrier + c.TxAborted + c.TxWindow + c.TxHeartbeat }),
		counter("collisions", "COLLS", "collisions while sending", false, 6, func(c *LinkCounters) uint64 { return c.Collisions }),
		counter("nohandler", "NOHANDLR", "packets of a protocol that nobody here takes", false, 6, func(c *LinkCounters) uint64 { return c.RxNoHandler }),
		{Spec{ID: "flags", Title: "FLAGS", Help: "flags in ip's words", Kind: KindText, Width: 12, Max: 50, Give: 6},
			func(_ S, r L) Value { return Value{Text: strings.Join(r.FlagNames(), ",")} }},
		{Spec{ID: "mac", Title: "MAC", Aliases: []string{"lladdr"}, Help: "hardware address", Kind: KindText, Width: 17, Give: 6},
			func(_ S, r L) Value { return textOr(r.HardwareAddr, NotApplicable) }},
		{Spec{ID: "kind", Title: "KIND", Help: "kind of virtual interface: veth, bridge, vlan and others", Kind: KindText, Width: 6, Max: 12, Give: 6},
			func(_ S, r L) Value { return textOr(r.Kind, NotApplicable) }},
		{Spec{ID: "master", Title: "MASTER", Help: "bridge or bond it belongs to", Kind: KindText, Width: 8, Max: 15, Give: 6},
			func(s S, r L) Value {
				if r.Master == 0 {
					return unknown(NotApplicable)
				}
				return s.linkName(LinkID{r.NetNS, r.Master})
			}},
		{Spec{ID: "txqueue", Title: "TXQLEN", Help: "length of the send queue, packets", Kind: KindNumber, Width: 6, Give: 6},
			func(_ S, r L) Value { return num(int64(r.QueueLength)) }},
		{Spec{ID: "index", Title: "INDEX", Help: "number of the interface", Kind: KindNumber, Width: 5, Give: 6},
			func(_ S, r L) Value { return num(int64(r.Index)) }},
		{Spec{ID: "alias", Title: "ALIAS", Help: "description that was given to it (ip link set alias)", Kind: KindText, Width: 8, Max: 40, Give: 6},
			func(_ S, r L) Value { return textOr(r.Alias, NotApplicable) }},
	}
}

func (r *Link) counter(f func(*LinkCounters) uint64) Value {
	if !r.HasCounters {
		return unknown(NotGiven)
	}
	return num(int64(f(&r.Counters)))
}

func (r *Link) addresses() Value {
	if len(r.Addrs) == 0 {
		return unknown(NotApplicable)
	}
	var b []byte
	for i := range r.Addrs {
		a := &r.Addrs[i]
		if i > 0 {
			b = append(b, ' ')
		}
		b = appendPrefix(b, a.Addr, a.Prefix, a.Family)
	}
	return Value{Text: string(b)}
}

// linkName is the name of an interface, among those looked at.
func (s *Snapshot) linkName(id LinkID) Value {
	for i := range s.Links {
		if r := &s.Links[i]; r.Index == id.Index && r.NetNS == id.NetNS {
			return Value{Text: r.Name.s}
		}
	}
	return unknown(NotGiven)
}

// appendPrefix appends a network or an address with its prefix length.
func appendPrefix(dst []byte, a Addr, bits uint8, f Family) []byte {
	dst = AppendAddr(dst, a, f == IPv6)
	return append(append(dst, '/'), itoa(uint32(bits))...)
}

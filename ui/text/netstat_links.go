package text

// netstat -i, and -ie as ifconfig has it.

import (
	"cmp"
	"io"
	"strconv"
	"strings"

	"sockview/model"
)

// ShowsLink says whether netstat prints the interface: one that is not up only with -a.
func (n *Netstat) ShowsLink(r *model.Link) bool { return !r.Dead && (n.All || r.Up()) }

// Links writes the rows of s.Links that order names, under the title of the interface table: a line each,
// or with Extend several. Behind an interface come its aliases (eth0:1), which have no counters of their
// own.
func (n *Netstat) Links(w io.Writer, s *model.Snapshot, order []int32) error {
	return eachNetNS(w, s, order, func(row int32) *model.Life { return &s.Links[row].Life }, func(order []int32) error {
		return n.links(w, s, order)
	})
}

func (n *Netstat) links(w io.Writer, s *model.Snapshot, order []int32) error {
	title := "Kernel Interface table\n"
	if n.Extend == 0 {
		title += "Iface             MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg\n"
	}
	return lines(w, title, order, func(dst []byte, row int) []byte {
		r := &s.Links[row]
		if r.Dead {
			return dst
		}
		dst = n.appendLink(dst, r, r.Name)
		for i := range r.Addrs {
			if isAlias(r, i) {
				dst = n.appendLink(dst, r, r.Addrs[i].Label)
			}
		}
		return dst
	})
}

// isAlias says whether the i-th address is the first of an alias: an IPv4 address with a label that is not the
// interface's name.
func isAlias(r *model.Link, i int) bool {
	a := &r.Addrs[i]
	if a.Family != model.IPv4 || a.Label.Empty() || a.Label == r.Name {
		return false
	}
	for j := range i {
		if b := &r.Addrs[j]; b.Family == model.IPv4 && b.Label == a.Label {
			return false
		}
	}
	return true
}

func (n *Netstat) appendLink(dst []byte, r *model.Link, name model.Text) []byte {
	if n.Extend > 0 {
		return append(n.appendLinkLong(dst, r, name), '\n')
	}
	return append(appendLinkShort(dst, r, name), '\n')
}

func appendLinkShort(dst []byte, r *model.Link, name model.Text) []byte {
	dst = append(left(dst, name.String(), 15), ' ')
	dst = append(rightNumber(dst, uint64(r.MTU), 5), ' ')
	if c := &r.Counters; r.HasCounters && name == r.Name {
		dst = append(rightNumber(dst, c.RxPackets, 8), ' ')
		dst = append(rightNumber(dst, c.RxErrors, 6), ' ')
		dst = append(rightNumber(dst, c.RxDropped+c.RxMissed, 6), ' ')
		dst = append(leftNumber(dst, int64(c.RxFIFO), 6), ' ')
		dst = append(rightNumber(dst, c.TxPackets, 8), ' ')
		dst = append(rightNumber(dst, c.TxErrors, 6), ' ')
		dst = append(rightNumber(dst, c.TxDropped, 6), ' ')
		dst = append(rightNumber(dst, c.TxFIFO, 6), ' ')
	} else {
		dst = left(dst, "     - no statistics available -", 56)
	}
	return appendLinkFlags(dst, r.Flags)
}

// linkLetters are netstat's letters for IFF_* of linux/if.h, in its order.
var linkLetters = [...]struct {
	bit    uint32
	letter byte
}{
	{0x0200, 'A'}, {0x0002, 'B'}, {0x0004, 'D'}, {0x0008, 'L'}, {0x1000, 'M'}, {0x8000, 'd'}, {0x0100, 'P'},
	{0x0020, 'N'}, {0x0080, 'O'}, {0x0010, 'P'}, {0x0800, 's'}, {0x0400, 'm'}, {0x0040, 'R'}, {0x0001, 'U'},
}

func appendLinkFlags(dst []byte, flags uint32) []byte {
	if flags&0xffff == 0 { // the ioctl that netstat uses tells 16 of them
		return append(dst, "[NO FLAGS]"...)
	}
	for _, l := range linkLetters {
		if flags&l.bit != 0 {
			dst = append(dst, l.letter)
		}
	}
	return dst
}

// linkWords are ifconfig's words for IFF_*, in its order.
var linkWords = [...]struct {
	bit  uint32
	word string
}{
	{0x0001, "UP"}, {0x0002, "BROADCAST"}, {0x0004, "DEBUG"}, {0x0008, "LOOPBACK"}, {0x0010, "POINTOPOINT"},
	{0x0020, "NOTRAILERS"}, {0x0040, "RUNNING"}, {0x0080, "NOARP"}, {0x0100, "PROMISC"}, {0x0200, "ALLMULTI"},
	{0x0800, "SLAVE"}, {0x0400, "MASTER"}, {0x1000, "MULTICAST"}, {0x8000, "DYNAMIC"},
}

// pointToPoint is IFF_POINTOPOINT, broadcasts IFF_BROADCAST.
const (
	broadcasts   = 0x0002
	pointToPoint = 0x0010
)

// indent stands before the lines of an interface's long form.
const indent = "        "

func (n *Netstat) appendLinkLong(dst []byte, r *model.Link, name model.Text) []byte {
	dst = strconv.AppendInt(append(append(dst, name.String()...), ": flags="...), int64(int16(r.Flags)), 10)
	mark := byte('<')
	for _, f := range linkWords {
		if r.Flags&f.bit != 0 {
			dst = append(append(dst, mark), f.word...)
			mark = ','
		}
	}
	switch {
	case mark == ',':
		dst = append(dst, '>')
	case int16(r.Flags) == 0:
		dst = append(dst, '<')
	}
	dst = strconv.AppendUint(append(dst, "  mtu "...), uint64(r.MTU), 10)
	dst = n.appendLinkAddrs(append(dst, '\n'), r, name)
	dst = append(appendHardware(append(dst, indent...), r), '\n')
	if name == r.Name {
		dst = appendLinkCounters(dst, r)
	}
	return dst
}

// appendLinkAddrs appends the addresses: of IPv4 the first one of the name, of IPv6 all, which aliases do
// not have.
func (n *Netstat) appendLinkAddrs(dst []byte, r *model.Link, name model.Text) []byte {
	for i := range r.Addrs {
		a := &r.Addrs[i]
		if a.Family != model.IPv4 || a.Label != name && (!a.Label.Empty() || name != r.Name) {
			continue
		}
		dst = appendNumeric(append(append(dst, indent...), "inet "...), a.Addr, false)
		dst = appendNumeric(append(dst, "  netmask "...), maskOf(a.Prefix), false)
		switch {
		case r.Flags&broadcasts != 0:
			dst = appendNumeric(append(dst, "  broadcast "...), a.Bcast, false)
		case r.Flags&pointToPoint != 0:
			peer := a.Peer
			if peer.IsUnspecified() {
				peer = a.Addr
			}
			dst = appendNumeric(append(dst, "  destination "...), peer, false)
		}
		dst = append(dst, '\n')
		break
	}
	for i := range r.Addrs {
		if a := &r.Addrs[i]; a.Family == model.IPv6 && name == r.Name {
			dst = appendNumeric(append(append(dst, indent...), "inet6 "...), a.Addr, true)
			dst = strconv.AppendUint(append(dst, "  prefixlen "...), uint64(a.Prefix), 10)
			dst = append(append(append(dst, "  scopeid "...), scopeWord(a.Addr)...), '\n')
		}
	}
	return dst
}

// scopeWord is the scope of an IPv6 address, which the kernel makes of the address alone (ipv6_addr_scope of
// net/ipv6.h), in netstat's words.
func scopeWord(a model.Addr) string {
	switch {
	case a == model.Addr{15: 1}:
		return "0x10<host>"
	case a[0] == 0xfe && a[1]&0xc0 == 0x80:
		return "0x20<link>"
	case a[0] == 0xfe && a[1]&0xc0 == 0xc0:
		return "0x40<site>"
	case [12]byte(a[:12]) == [12]byte{} && a != model.Addr{}:
		return "0x80<compat,global>"
	}
	return "0x0<global>"
}

// hardware is how netstat calls a kind of hardware, and whether and how it writes its address.
type hardware struct {
	word, title string
	separator   byte // between the bytes of the address; 0 is no address
	bytes       int
	upper       bool
}

// hardwareKinds are those of ARPHRD_* (linux/if_arp.h) that netstat knows by name.
var hardwareKinds = map[uint16]hardware{
	1:   {word: "ether", title: "Ethernet", separator: ':', bytes: 6},
	27:  {word: "eui64", title: "Generic EUI-64", separator: ':', bytes: 8, upper: true},
	256: {word: "slip", title: "Serial Line IP"},
	257: {word: "cslip", title: "VJ Serial Line IP"},
	258: {word: "slip6", title: "6-bit Serial Line IP"},
	259: {word: "cslip6", title: "VJ 6-bit Serial Line IP"},
	264: {word: "adaptive", title: "Adaptive Serial Line IP"},
	512: {word: "ppp", title: "Point-to-Point Protocol"},
	513: {word: "hdlc", title: "(Cisco)-HDLC"},
	516: {word: "lapb", title: "LAPB"},
	768: {word: "tunnel ", title: "IPIP Tunnel"},
	772: {word: "loop", title: "Local Loopback"},
	774: {word: "fddi", title: "Fiber Distributed Data Interface", separator: '-', bytes: 6, upper: true},
	776: {word: "sit", title: "IPv6-in-IPv4"},
	780: {word: "hippi", title: "HIPPI", separator: ':', bytes: 6, upper: true},
}

// appendHardware appends the kind of hardware, its address and the length of the send queue. Of a kind that
// netstat does not know the first 8 bytes of the address are told and 8 zeros.
func appendHardware(dst []byte, r *model.Link) []byte {
	kind, known := hardwareKinds[r.Hardware]
	if !known {
		kind = hardware{word: "unspec", title: "UNSPEC", separator: '-', bytes: 16, upper: true}
	}
	dst = append(dst, kind.word...)
	if kind.separator != 0 {
		address := r.HardwareAddr.String()
		if !known {
			address = cut(address, len("00:00:00:00:00:00:00:00"))
		}
		if kind.upper {
			address = strings.ToUpper(address)
		}
		address = strings.ReplaceAll(cut(address, 3*kind.bytes-1), ":", string(rune(kind.separator)))
		dst = append(append(dst, ' '), address...)
		for missing := kind.bytes - (len(address)+1)/3; missing > 0; missing-- {
			if dst[len(dst)-1] != ' ' {
				dst = append(dst, kind.separator)
			}
			dst = append(dst, "00"...)
		}
	}
	dst = strconv.AppendUint(append(dst, "  txqueuelen "...), uint64(r.QueueLength), 10)
	return append(append(append(dst, "  ("...), kind.title...), ')')
}

// appendLinkCounters appends the four lines of counters; what the kernel did not tell is left out.
func appendLinkCounters(dst []byte, r *model.Link) []byte {
	if !r.HasCounters {
		return dst
	}
	c := &r.Counters
	figure := func(name string, v uint64) {
		dst = strconv.AppendUint(append(dst, name...), v, 10)
	}
	figure(indent+"RX packets ", c.RxPackets)
	figure("  bytes ", c.RxBytes)
	dst = appendBinary(dst, c.RxBytes)
	figure(indent+"RX errors ", c.RxErrors)
	figure("  dropped ", c.RxDropped+c.RxMissed)
	figure("  overruns ", c.RxFIFO)
	figure("  frame ", c.RxLength+c.RxOver+c.RxCRC+c.RxFrame)
	figure("\n"+indent+"TX packets ", c.TxPackets)
	figure("  bytes ", c.TxBytes)
	dst = appendBinary(dst, c.TxBytes)
	figure(indent+"TX errors ", c.TxErrors)
	figure("  dropped ", c.TxDropped)
	figure(" overruns ", c.TxFIFO)
	figure("  carrier ", c.TxCarrier+c.TxAborted+c.TxWindow+c.TxHeartbeat)
	figure("  collisions ", c.Collisions)
	return append(dst, '\n')
}

// appendBinary appends " (1.2 KiB)" and ends the line. The figure is cut, not rounded, and a unit begins
// when more than one of it is there.
func appendBinary(dst []byte, v uint64) []byte {
	units := [...]string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	unit, one := 0, uint64(1)
	for unit < len(units)-1 && v > one<<10 {
		unit++
		one <<= 10
	}
	tenths := v * 10 / one
	if unit == len(units)-1 {
		tenths = v / (one / 10) // the other way it is too big
	}
	dst = strconv.AppendUint(append(dst, " ("...), tenths/10, 10)
	dst = append(dst, '.', byte('0'+tenths%10), ' ')
	return append(append(dst, units[unit]...), ")\n"...)
}

// CompareNames is the order in which netstat -i lists interfaces: by name, and numbers within names by their value, so
// that eth9 comes before eth10.
func CompareNames(a, b string) int {
	for a != "" && b != "" {
		x, y := digits(a), digits(b)
		if x == 0 || y == 0 {
			if a[0] != b[0] {
				return cmp.Compare(a[0], b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		m, n := strings.TrimLeft(a[:x], "0"), strings.TrimLeft(b[:y], "0")
		if c := cmp.Or(cmp.Compare(len(m), len(n)), cmp.Compare(m, n)); c != 0 {
			return c
		}
		a, b = a[x:], b[y:]
	}
	return cmp.Compare(len(a), len(b))
}

// digits is how many digits s begins with.
func digits(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }

package text

// How netstat writes addresses, ports and their names.

import (
	"strconv"
	"unicode/utf8"

	"sockview/model"
)

// endpointWidth is the longest address and port together, without the colon, that are written uncut.
const endpointWidth = 22

// portWidth is how much of a port's name is left when both are cut.
const portWidth = endpointWidth - 4

// appendEndpoint appends address:port. Without -W the address gives way to the port.
func (n *Netstat) appendEndpoint(dst []byte, a model.Addr, port uint16, p model.Proto, f model.Family) []byte {
	from := len(dst)
	dst = n.appendHost(dst, a, f)
	colon := len(dst)
	dst = n.appendService(append(dst, ':'), p, port)
	host, service := colon-from, len(dst)-colon-1
	if n.Wide || host+service <= endpointWidth {
		return dst
	}
	service = wholeRunes(dst[colon+1:], min(service, portWidth))
	host = wholeRunes(dst[from:colon], min(host, endpointWidth-service))
	kept := copy(dst[from+host:], dst[colon:colon+1+service])
	return dst[:from+host+kept]
}

// wholeRunes is the length of b up to most bytes, at a whole character.
func wholeRunes(b []byte, most int) int {
	for most > 0 && most < len(b) && !utf8.RuneStart(b[most]) {
		most--
	}
	return min(most, len(b))
}

// appendHost appends an address of a socket: its name when there is one. An IPv4-mapped address of an IPv6
// socket is written as an IPv4 one.
func (n *Netstat) appendHost(dst []byte, a model.Addr, f model.Family) []byte {
	v6 := f == model.IPv6
	switch {
	case n.Host == nil:
	case v6 && a == model.Addr{}:
		return append(dst, "[::]"...)
	case a.IsUnspecified():
	case v6 && a.Is4() && a.IsLoopback():
		// libc looks a mapped address up as an IPv6 one, which the hosts file does not have
	default:
		if name := n.Host(a); name != "" {
			return append(dst, safe(name)...)
		}
	}
	return appendNumeric(dst, a, v6)
}

// appendNumeric appends an address as libc does (inet_ntop): ::1.2.3.4 for an IPv4-compatible one.
func appendNumeric(dst []byte, a model.Addr, v6 bool) []byte {
	if v6 && [12]byte(a[:12]) == [12]byte{} && (a[12] != 0 || a[13] != 0) {
		a[10], a[11] = 0xff, 0xff
		return model.AppendAddr(append(dst, "::"...), a, false)
	}
	return model.AppendAddr(dst, a, v6 && !a.Is4())
}

// appendService appends a port: * for none, its service's name, its number. The port of a raw socket is a
// protocol.
func (n *Netstat) appendService(dst []byte, p model.Proto, port uint16) []byte {
	if port == 0 {
		return append(dst, '*')
	}
	if n.Service != nil {
		name := n.Service(p, port)
		if name == "" && p == model.Raw {
			name = protocolNames[port]
		}
		if name != "" {
			return append(dst, safe(name)...)
		}
	}
	return strconv.AppendUint(dst, uint64(port), 10)
}

// protocolNames are the names of /etc/protocols for what raw sockets are opened for.
var protocolNames = map[uint16]string{
	1: "icmp", 2: "igmp", 4: "ipencap", 6: "tcp", 8: "egp", 9: "igp", 17: "udp", 33: "dccp", 41: "ipv6",
	46: "rsvp", 47: "gre", 50: "esp", 51: "ah", 58: "ipv6-icmp", 88: "eigrp", 89: "ospf", 94: "ipip",
	97: "etherip", 98: "encap", 103: "pim", 108: "ipcomp", 112: "vrrp", 115: "l2tp", 124: "isis", 132: "sctp", 136: "udplite",
}

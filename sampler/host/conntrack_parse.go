package host

// This file parses one flow: the attributes of linux/netfilter/nfnetlink_conntrack.h. Numbers are big-endian
// there. It is strict: a row is whole, or it is an error.

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// What is wrong with a row.
var (
	errShort     = errors.New("shorter than struct nfgenmsg")
	errFamily    = errors.New("neither IPv4 nor IPv6")
	errAttribute = errors.New("an attribute does not fit")
	errLacking   = errors.New("an attribute is missing that every flow has")
)

// CTA_* of enum ctattr_type; those not named are not ours to show.
const (
	ctaTupleOrig    = 1
	ctaTupleReply   = 2
	ctaStatus       = 3
	ctaProtoInfo    = 4
	ctaTimeout      = 7
	ctaMark         = 8
	ctaCountersOrig = 9
	ctaCountersRepl = 10
	ctaUse          = 11
	ctaID           = 12
	ctaZone         = 18
	ctaTimestamp    = 20
)

// What is nested in them: enum ctattr_tuple, ctattr_ip, ctattr_l4proto, ctattr_counters, ctattr_tstamp,
// ctattr_protoinfo and its three.
const (
	ctaTupleIP    = 1
	ctaTupleProto = 2
	ctaTupleZone  = 3

	ctaIPv4Src = 1
	ctaIPv4Dst = 2
	ctaIPv6Src = 3
	ctaIPv6Dst = 4

	ctaProtoNum     = 1
	ctaProtoSrcPort = 2
	ctaProtoDstPort = 3
	ctaICMPID       = 4
	ctaICMPType     = 5
	ctaICMPCode     = 6
	ctaICMPv6ID     = 7
	ctaICMPv6Type   = 8
	ctaICMPv6Code   = 9

	ctaCountersPackets = 1
	ctaCountersBytes   = 2

	ctaTimestampStart = 1

	ctaProtoInfoTCP  = 1
	ctaProtoInfoDCCP = 2
	ctaProtoInfoSCTP = 3
	ctaState         = 1 // the same in all three
)

const protoDCCP = 33 // IPPROTO_DCCP

// Which attributes of a flow were seen.
const (
	sawOriginal = 1 << iota
	sawReply
	sawStatus
	sawID
	sawOriginalCounters
	sawReplyCounters
	sawZone

	sawAll      = sawOriginal | sawReply | sawStatus | sawID // every flow has them
	sawCounters = sawOriginalCounters | sawReplyCounters
)

// parseFlow parses the body of an IPCTNL_MSG_CT_NEW into f, which is zero.
func parseFlow(f *model.Flow, body []byte) error {
	if len(body) < nfgenSize {
		return errShort
	}
	switch body[0] {
	case unix.AF_INET:
		f.Family = model.IPv4
	case unix.AF_INET6:
		f.Family = model.IPv6
	default:
		return errFamily
	}
	var p flowParser
	for b := body[nfgenSize:]; len(b) > 0; {
		kind, v, rest, ok := cutAttribute(b)
		if !ok || !p.take(f, kind, v) {
			return errAttribute
		}
		b = rest
	}
	return p.finish(f)
}

// flowParser is what is known of a flow while its attributes are taken.
type flowParser struct {
	saw   int
	state protoState
	zones [2]uint16 // of the original direction and of the reply
}

// take takes an attribute of a flow. False says that its value does not fit.
func (p *flowParser) take(f *model.Flow, kind uint16, v []byte) (ok bool) {
	ok = true
	switch kind {
	case ctaTupleOrig:
		p.saw |= sawOriginal
		ok = parseTuple(&f.Original, f.Family, &f.Proto, &p.zones[0], v)
	case ctaTupleReply:
		p.saw |= sawReply
		var proto model.Proto // the same
		ok = parseTuple(&f.Reply, f.Family, &proto, &p.zones[1], v)
	case ctaStatus:
		p.saw |= sawStatus
		f.Status, ok = be32(v)
	case ctaProtoInfo:
		p.state, ok = parseProtoInfo(v)
	case ctaTimeout: // one that is dying, or was offloaded, has none
		f.Timeout, ok = be32(v)
		f.HasTimeout = true
	case ctaMark:
		f.Mark, ok = be32(v)
	case ctaCountersOrig:
		p.saw |= sawOriginalCounters
		f.OriginalPackets, f.OriginalBytes, ok = flowCounters(v)
	case ctaCountersRepl:
		p.saw |= sawReplyCounters
		f.ReplyPackets, f.ReplyBytes, ok = flowCounters(v)
	case ctaUse:
		f.Use, ok = be32(v)
	case ctaID:
		p.saw |= sawID
		f.ID, ok = be32(v)
	case ctaZone:
		p.saw |= sawZone
		f.Zone, ok = be16(v)
	case ctaTimestamp:
		f.Started, ok = parseStart(v)
	}
	return ok
}

// finish sets what follows from several attributes, and refuses a flow that lacks one.
func (p *flowParser) finish(f *model.Flow) error {
	if p.saw&sawAll != sawAll {
		return errLacking
	}
	if p.saw&sawZone == 0 {
		// A zone may be that of one direction only: then the tuple has it.
		if f.Zone = p.zones[0]; f.Zone == 0 {
			f.Zone = p.zones[1]
		}
	}
	if p.state.proto != 0 && p.state.proto == f.Proto {
		f.State, f.HasState = p.state.state, true
	}
	f.HasCounters = p.saw&sawCounters == sawCounters
	return nil
}

// parseTuple parses CTA_TUPLE_ORIG or CTA_TUPLE_REPLY.
func parseTuple(t *model.FlowTuple, family model.Family, proto *model.Proto, zone *uint16, b []byte) bool {
	var addrs, protos bool
	for len(b) > 0 {
		kind, v, rest, ok := cutAttribute(b)
		if !ok {
			return false
		}
		b = rest
		switch kind {
		case ctaTupleIP:
			addrs, ok = true, parseAddrs(t, family, v)
		case ctaTupleProto:
			protos, ok = true, parseProto(t, proto, v)
		case ctaTupleZone:
			*zone, ok = be16(v)
		}
		if !ok {
			return false
		}
	}
	return addrs && protos
}

// parseAddrs parses CTA_TUPLE_IP, which has both addresses, of the flow's family.
func parseAddrs(t *model.FlowTuple, family model.Family, b []byte) bool {
	src, dst := false, false
	for len(b) > 0 {
		kind, v, rest, ok := cutAttribute(b)
		if !ok {
			return false
		}
		b = rest
		switch kind {
		case ctaIPv4Src, ctaIPv4Dst:
			if len(v) != 4 || family != model.IPv4 {
				return false
			}
			a := model.Addr{10: 0xff, 11: 0xff, 12: v[0], 13: v[1], 14: v[2], 15: v[3]}
			if kind == ctaIPv4Src {
				t.Src, src = a, true
			} else {
				t.Dst, dst = a, true
			}
		case ctaIPv6Src, ctaIPv6Dst:
			if len(v) != 16 || family != model.IPv6 {
				return false
			}
			if kind == ctaIPv6Src {
				t.Src, src = model.Addr(v), true
			} else {
				t.Dst, dst = model.Addr(v), true
			}
		}
	}
	return src && dst
}

// parseProto parses CTA_TUPLE_PROTO: the protocol's number, and ports or what ICMP has in their place. GRE's
// keys come as ports; other protocols have neither.
func parseProto(t *model.FlowTuple, proto *model.Proto, b []byte) bool {
	known := false
	for len(b) > 0 {
		kind, v, rest, ok := cutAttribute(b)
		if !ok {
			return false
		}
		b = rest
		switch kind {
		case ctaProtoNum:
			var n uint8
			n, known = be8(v)
			*proto, ok = model.Proto(n), known
		case ctaProtoSrcPort:
			t.SrcPort, ok = be16(v)
		case ctaProtoDstPort:
			t.DstPort, ok = be16(v)
		case ctaICMPID, ctaICMPv6ID:
			t.ICMPID, ok = be16(v)
		case ctaICMPType, ctaICMPv6Type:
			t.ICMPType, ok = be8(v)
		case ctaICMPCode, ctaICMPv6Code:
			t.ICMPCode, ok = be8(v)
		}
		if !ok {
			return false
		}
	}
	return known
}

// flowCounters parses CTA_COUNTERS_ORIG or CTA_COUNTERS_REPLY.
func flowCounters(b []byte) (packets, bytes uint64, ok bool) {
	var counted [2]bool
	for len(b) > 0 {
		kind, v, rest, ok := cutAttribute(b)
		if !ok {
			return 0, 0, false
		}
		b = rest
		switch kind {
		case ctaCountersPackets:
			packets, counted[0] = be64(v)
		case ctaCountersBytes:
			bytes, counted[1] = be64(v)
		}
	}
	return packets, bytes, counted[0] && counted[1]
}

// parseStart parses CTA_TIMESTAMP: when the flow began, Unix ns.
func parseStart(b []byte) (int64, bool) {
	start := uint64(0)
	for len(b) > 0 {
		kind, v, rest, ok := cutAttribute(b)
		if ok && kind == ctaTimestampStart {
			start, ok = be64(v)
		}
		if !ok {
			return 0, false
		}
		b = rest
	}
	return int64(start), int64(start) >= 0
}

// protoState is the state that a protocol's tracker keeps.
type protoState struct {
	proto model.Proto
	state model.FlowState
}

// parseProtoInfo parses CTA_PROTOINFO, which holds CTA_PROTOINFO_TCP, _SCTP or _DCCP.
func parseProtoInfo(b []byte) (protoState, bool) {
	var s protoState
	for len(b) > 0 {
		kind, inner, rest, ok := cutAttribute(b)
		if !ok {
			return s, false
		}
		b = rest
		var proto model.Proto
		switch kind {
		case ctaProtoInfoTCP:
			proto = model.TCP
		case ctaProtoInfoDCCP:
			proto = protoDCCP
		case ctaProtoInfoSCTP:
			proto = model.SCTP
		default:
			continue
		}
		for len(inner) > 0 {
			kind, v, rest, ok := cutAttribute(inner)
			if !ok {
				return s, false
			}
			inner = rest
			if kind == ctaState {
				n, ok := be8(v)
				if !ok {
					return s, false
				}
				s = protoState{proto, model.FlowState(n)}
			}
		}
	}
	return s, true
}

func be8(v []byte) (uint8, bool) {
	if len(v) != 1 {
		return 0, false
	}
	return v[0], true
}

func be16(v []byte) (uint16, bool) {
	if len(v) != 2 {
		return 0, false
	}
	return binary.BigEndian.Uint16(v), true
}

func be32(v []byte) (uint32, bool) {
	if len(v) != 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(v), true
}

func be64(v []byte) (uint64, bool) {
	if len(v) != 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(v), true
}

package model

import (
	"cmp"
	"strings"
)

// FlowTuple is how packets of one direction look (CTA_TUPLE_* of linux/netfilter/nfnetlink_conntrack.h).
type FlowTuple struct {
	Src, Dst         Addr
	SrcPort, DstPort uint16 // 0 for protocols without ports
	// ICMPType, ICMPCode and ICMPID are those of an ICMP exchange.
	ICMPType, ICMPCode uint8
	ICMPID             uint16
}

// The bits of Flow.Status (IPS_* of linux/netfilter/nf_conntrack_common.h).
const (
	FlowSeenReply = 1 << 1
	FlowAssured   = 1 << 2
	FlowSNAT      = 1 << 4
	FlowDNAT      = 1 << 5
	FlowOffload   = 1 << 14
)

// Flow is a connection that the kernel tracks, translated or not (IPCTNL_MSG_CT_GET).
type Flow struct {
	Life
	// Original is how the first packet came, Reply how an answer to it looks before it is translated back.
	Original, Reply FlowTuple
	ID              uint32 // CTA_ID
	Status          uint32
	Mark            uint32 // CTA_MARK
	Use             uint32 // CTA_USE: references
	Timeout         uint32 // s until it is forgotten
	Zone            uint16
	Proto           Proto
	Family          Family
	State           FlowState
	HasState        bool
	HasTimeout      bool // one that is dying has none
	HasCounters     bool // accounting is on: net.netfilter.nf_conntrack_acct
	HasRates        bool
	Started         int64 // Unix ns; 0 where timestamps are off: net.netfilter.nf_conntrack_timestamp
	// The counters are of whole packets with their headers, from where tracking began.
	OriginalBytes, OriginalPackets, ReplyBytes, ReplyPackets uint64
	OriginalRate, ReplyRate                                  float32 // bytes/s
}

// FlowState is the state of a connection as the tracker sees it pass by, which is not that of a socket. The numbers
// are those of enum tcp_conntrack, enum sctp_conntrack or enum ct_dccp_states: see Flow.Proto.
type FlowState uint8

var flowStates = map[Proto][]string{
	TCP: {"NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE", "SYN_SENT2"},
	SCTP: {"NONE", "CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED", "ESTABLISHED", "SHUTDOWN_SENT", "SHUTDOWN_RECD",
		"SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT"},
	33: {"NONE", "REQUEST", "RESPOND", "PARTOPEN", "OPEN", "CLOSEREQ", "CLOSING", "TIMEWAIT"},
}

// StateName is conntrack's word for the state; empty for a protocol without states.
func (r *Flow) StateName() string {
	names := flowStates[r.Proto]
	if !r.HasState || int(r.State) >= len(names) {
		return ""
	}
	return names[r.State]
}

// Translation says what is translated: "snat" the source (masquerading is that), "dnat" the destination, "snat dnat"
// both; empty for neither.
func (r *Flow) Translation() string {
	snat, dnat := r.Status&FlowSNAT != 0, r.Status&FlowDNAT != 0
	switch {
	case snat && dnat:
		return "snat dnat"
	case snat:
		return "snat"
	case dnat:
		return "dnat"
	}
	return ""
}

// FlowKey is the identity of a tracked connection.
func FlowKey(s *Snapshot, r *Flow) Key { return r.in(s, flowKey(r)) }

func flowKey(r *Flow) Key { return Key{ID: uint64(r.ID)<<16 | uint64(r.Zone), Proto: r.Proto} }

// NewFlows is a roll of tracked connections, with rates.
func NewFlows() *Roll[Flow] {
	return NewRoll(flowKey, func(r *Flow) *Life { return &r.Life }, func(was, now *Flow, dt int64) bool {
		if was.HasCounters && now.HasCounters {
			var sent, received bool
			now.OriginalRate, sent = rate(was.OriginalBytes, now.OriginalBytes, dt)
			now.ReplyRate, received = rate(was.ReplyBytes, now.ReplyBytes, dt)
			now.HasRates = sent && received
		}
		return was.State != now.State || was.Status != now.Status
	}, func(r *Flow) { r.HasRates, r.OriginalRate, r.ReplyRate = false, 0, 0 })
}

// ShowsFlow says whether r is chosen. Raw stands for the protocols that are neither of the others.
func (c Choice) ShowsFlow(r *Flow) bool {
	return c.ShowsProto(r.Proto) && c.ShowsFamily(r.Family) && (!c.Translated || r.Translation() != "")
}

// Flows is the table of tracked connections.
func Flows() *Table[Flow] {
	return &Table[Flow]{
		Name:    "nat",
		Columns: flowColumns(),
		Rows:    func(s *Snapshot) []Flow { return s.Flows },
		Key:     FlowKey,
		Change:  func(s *Snapshot, r *Flow) Change { return r.change(s) },
		Less: func(a, b *Flow) bool {
			return cmp.Or(cmp.Compare(a.Proto, b.Proto), cmpAddr(a.Original.Src, b.Original.Src),
				cmp.Compare(a.Original.SrcPort, b.Original.SrcPort), cmpAddr(a.Original.Dst, b.Original.Dst),
				cmp.Compare(a.Original.DstPort, b.Original.DstPort), cmp.Compare(a.ID, b.ID), cmp.Compare(a.NetNS, b.NetNS)) < 0
		},
	}
}

func flowColumns() []Column[Flow] {
	type S = *Snapshot
	type R = *Flow
	addr := func(id, title, help string, shown bool, give int, aliases []string, f func(R) Addr) Column[Flow] {
		return Column[Flow]{
			Spec{ID: id, Title: title, Aliases: aliases, Help: help, Kind: KindAddress, Default: shown, Width: 11, Max: 39, Give: give},
			func(_ S, r R) Value { return Value{Addr: f(r), V6: r.Family == IPv6} },
		}
	}
	port := func(id, help string, shown bool, give int, f func(R) uint16) Column[Flow] {
		return Column[Flow]{
			Spec{ID: id, Title: "PORT", Aliases: []string{"port"}, Help: help, Kind: KindPort, Default: shown, Width: 5, Max: 15, Give: give},
			func(_ S, r R) Value {
				if f(r) == 0 {
					return unknown(NotApplicable)
				}
				return Value{Num: int64(f(r)), Text: r.Proto.String()}
			},
		}
	}
	counter := func(id, title, help string, kind Kind, shown bool, f func(R) uint64) Column[Flow] {
		return Column[Flow]{
			Spec{ID: id, Title: title, Help: help, Kind: kind, Desc: true, Default: shown, Width: 5, Max: 9, Give: 4},
			func(_ S, r R) Value {
				if !r.HasCounters {
					return unknown(NoAccounting)
				}
				return num(int64(f(r)))
			},
		}
	}
	rates := func(id, title, help string, f func(R) float32) Column[Flow] {
		return Column[Flow]{
			Spec{ID: id, Title: title, Help: help, Kind: KindRate, Desc: true, Width: 5, Give: 5},
			func(_ S, r R) Value {
				switch {
				case !r.HasCounters:
					return unknown(NoAccounting)
				case !r.HasRates:
					return unknown(NotYet)
				}
				return num(rateOf(f(r)))
			},
		}
	}
	text := func(id, title, help string, shown bool, width, give int, f func(R) string) Column[Flow] {
		return Column[Flow]{
			Spec{ID: id, Title: title, Help: help, Kind: KindText, Default: shown, Width: width, Max: width + 3, Give: give},
			func(_ S, r R) Value {
				if s := f(r); s != "" {
					return Value{Text: s}
				}
				return unknown(NotApplicable)
			},
		}
	}
	return []Column[Flow]{
		text("proto", "PROTO", "protocol", true, 5, 2, func(r R) string { return r.Proto.String() }),
		text("nat", "NAT", "what is translated: snat (masqueraded too), dnat, or both", true, 5, 1, (*Flow).Translation),
		addr("src", "SOURCE", "who began it, as its packets come", true, 0, []string{"addr"}, func(r R) Addr { return r.Original.Src }),
		port("sport", "port of who began it", true, 1, func(r R) uint16 { return r.Original.SrcPort }),
		addr("dst", "DESTINATION", "whom it asked for", true, 0, []string{"addr"}, func(r R) Addr { return r.Original.Dst }),
		port("dport", "port it asked for", true, 1, func(r R) uint16 { return r.Original.DstPort }),
		addr("replysrc", "ANSWERS", "who answers: another than asked for where the destination is translated", true, 3, []string{"addr"}, func(r R) Addr { return r.Reply.Src }),
		port("replysport", "port that answers", true, 3, func(r R) uint16 { return r.Reply.SrcPort }),
		addr("replydst", "ANSWERS-TO", "whom it answers to: another than began it where the source is translated", true, 3, []string{"addr"}, func(r R) Addr { return r.Reply.Dst }),
		port("replydport", "port it answers to", true, 3, func(r R) uint16 { return r.Reply.DstPort }),
		text("state", "STATE", "state of the connection as it passes by, in conntrack's word", true, 11, 2, (*Flow).StateName),
		{Spec{ID: "timeout", Title: "TIMEOUT", Aliases: []string{"expires"}, Help: "time until it is forgotten when nothing more passes", Kind: KindDuration, Default: true, Width: 7, Give: 4},
			func(_ S, r R) Value {
				if !r.HasTimeout {
					return unknown(NotApplicable)
				}
				return num(int64(r.Timeout) * 1e9)
			}},
		counter("sent", "SENT", "bytes from who began it, with headers; needs net.netfilter.nf_conntrack_acct", KindBytes, true, func(r R) uint64 { return r.OriginalBytes }),
		counter("received", "RECV", "bytes of the answers, with headers; needs net.netfilter.nf_conntrack_acct", KindBytes, true, func(r R) uint64 { return r.ReplyBytes }),
		rates("tx", "TX/s", "bytes per second from who began it", func(r R) float32 { return r.OriginalRate }),
		rates("rx", "RX/s", "bytes per second of the answers", func(r R) float32 { return r.ReplyRate }),
		counter("sentpkts", "PKTS-TX", "packets from who began it", KindCount, false, func(r R) uint64 { return r.OriginalPackets }),
		counter("recvpkts", "PKTS-RX", "packets of the answers", KindCount, false, func(r R) uint64 { return r.ReplyPackets }),
		text("flags", "FLAGS", "assured: it is not dropped when the table is full; unreplied; offloaded", false, 9, 5, (*Flow).flagNames),
		{Spec{ID: "mark", Title: "MARK", Help: "mark that rules gave it", Kind: KindHex, Width: 6, Max: 10, Give: 5},
			func(_ S, r R) Value { return num(int64(r.Mark)) }},
		{Spec{ID: "zone", Title: "ZONE", Help: "zone of connection tracking", Kind: KindNumber, Width: 4, Give: 5},
			func(_ S, r R) Value { return num(int64(r.Zone)) }},
		{Spec{ID: "icmp", Title: "ICMP", Help: "type, code and id of an ICMP exchange", Kind: KindText, Width: 9, Max: 14, Give: 5},
			func(_ S, r R) Value {
				if r.Proto != 1 && r.Proto != 58 {
					return unknown(NotApplicable)
				}
				t := &r.Original
				return Value{Text: itoa(uint32(t.ICMPType)) + "/" + itoa(uint32(t.ICMPCode)) + " " + itoa(uint32(t.ICMPID))}
			}},
		{Spec{ID: "started", Title: "STARTED", Help: "when it began; needs net.netfilter.nf_conntrack_timestamp", Kind: KindTime, Desc: true, Width: 19, Give: 5},
			func(_ S, r R) Value {
				if r.Started == 0 {
					return unknown(NoAccounting)
				}
				return num(r.Started)
			}},
		{Spec{ID: "id", Title: "ID", Help: "the kernel's number for it, as conntrack -o id has it", Kind: KindNumber, Width: 10, Give: 5},
			func(_ S, r R) Value { return num(int64(r.ID)) }},
		netnsColumn(func(r *Flow) uint16 { return r.NetNS }),
	}
}

func (r *Flow) flagNames() string {
	var words []string
	if r.Status&FlowAssured != 0 {
		words = append(words, "assured")
	}
	if r.Status&FlowSeenReply == 0 {
		words = append(words, "unreplied")
	}
	if r.Status&FlowOffload != 0 {
		words = append(words, "offloaded")
	}
	return strings.Join(words, " ")
}

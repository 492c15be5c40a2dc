package diag

// This file makes the figures of the group "Socket": the attributes of a message that are no struct of
// counters.

import (
	"strconv"

	"sockview/model"
)

// socketFields are attributes that are one number. Sizes are the kernel's.
var socketFields = []struct {
	attr uint16
	field
}{
	{attrTOS, field{size: 1, name: "INET_DIAG_TOS", unit: hexadecimal,
		help: "type of service of packets sent over IPv4 (IP_TOS): DSCP and ECN"}},
	{attrTClass, field{size: 1, name: "INET_DIAG_TCLASS", unit: hexadecimal,
		help: "traffic class of packets sent over IPv6 (IPV6_TCLASS): DSCP and ECN"}},
	{attrSKV6Only, field{size: 1, name: "INET_DIAG_SKV6ONLY", unit: word, words: yesNo,
		help: "takes IPv6 only, no IPv4-mapped addresses (IPV6_V6ONLY)"}},
	{attrMark, field{size: 4, name: "INET_DIAG_MARK", unit: hexadecimal,
		help: "firewall mark (SO_MARK); the kernel tells it to CAP_NET_ADMIN only"}},
	{attrClassID, field{size: 4, name: "INET_DIAG_CLASS_ID", unit: hexadecimal,
		help: "net_cls class of its cgroup, or its priority (SO_PRIORITY)"}},
	{attrCgroupID, field{size: 8, name: "INET_DIAG_CGROUP_ID",
		help: "cgroup v2 it was made in: the inode of its directory"}},
}

// The bits of struct inet_diag_sockopt, in the order they are declared.
var (
	sockoptWords = [2][]string{
		{"recverr", "is_icsk", "freebind", "hdrincl", "mc_loop", "transparent", "mc_all", "nodefrag"},
		{"bind_address_no_port", "recverr_rfc4884", "defer_connect"},
	}
	shutdownWords = []string{"receiving", "sending"} // RCV_SHUTDOWN, SEND_SHUTDOWN
)

// ulpName is INET_ULP_INFO_NAME within INET_DIAG_ULP_INFO.
const ulpName = 1

// md5SigSize is sizeof(struct tcp_diag_md5sig). The keys in it are nobody's business.
const md5SigSize = 100

// appendSocket appends the group "Socket".
func appendSocket(out []model.Figure, s *model.Socket, attrs map[uint16][]byte) []model.Figure {
	add := func(name, help string, k model.Kind, v model.Value) {
		out = append(out, model.Figure{Group: groupSocket, Name: name, Help: help, Kind: k, Value: v})
	}
	text := func(attr uint16, say func(v []byte) string) model.Value {
		if v := attrs[attr]; len(v) > 0 {
			if t := say(v); t != "" {
				return model.Value{Text: t}
			}
		}
		return model.Value{Why: model.NotGiven}
	}
	add("INET_DIAG_SHUTDOWN", "directions that were shut down", model.KindText,
		text(attrShutdown, func(v []byte) string { return wordsOf(uint64(v[0]), shutdownWords) }))
	if s.Proto == model.TCP {
		add("INET_DIAG_CONG", "congestion control algorithm", model.KindText, text(attrCong, foreign))
	}
	for _, f := range socketFields {
		if _, given := attrs[f.attr]; !given && f.attr != attrMark {
			continue // IPv6's, or not told for this state
		}
		fig := f.figure(attrs[f.attr])
		fig.Group = groupSocket
		if f.attr == attrCgroupID {
			fig.Kind = model.KindNumber
		}
		out = append(out, fig)
	}
	add("INET_DIAG_SOCKOPT", "options that are switched on", model.KindText, text(attrSockopt, sockopts))
	if _, given := attrs[attrULPInfo]; given {
		add("INET_DIAG_ULP_INFO", "protocol on top of TCP (TCP_ULP): tls, mptcp", model.KindText,
			text(attrULPInfo, ulp))
	}
	if v, given := attrs[attrMD5Sig]; given {
		add("INET_DIAG_MD5SIG", "peers with a TCP MD5 key", model.KindCount,
			model.Value{Num: int64(len(v) / md5SigSize)})
	}
	return out
}

// sockopts are the words for the bits of struct inet_diag_sockopt.
func sockopts(v []byte) string {
	var n uint64
	var words []string
	for i := 0; i < len(sockoptWords) && i < len(v); i++ {
		for bit, w := range sockoptWords[i] {
			n |= bitField(v[i], uint8(bit), 1) << len(words)
			if w == "is_icsk" {
				w = "" // every TCP socket is one
			}
			words = append(words, w)
		}
	}
	return wordsOf(n, words)
}

// ulp is the name within INET_DIAG_ULP_INFO.
func ulp(v []byte) string {
	for len(v) > 0 {
		var kind uint16
		var inner []byte
		if kind, inner, v = attribute(v); kind == ulpName {
			return foreign(inner)
		}
	}
	return ""
}

// foreign is a C string of the kernel's, made safe.
func foreign(v []byte) string {
	for len(v) > 0 && v[len(v)-1] == 0 {
		v = v[:len(v)-1]
	}
	return model.SafeText(string(v)).String()
}

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }

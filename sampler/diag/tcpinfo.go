package diag

// This file is the table of struct tcp_info (linux/tcp.h), up to Linux 7.0, and of what congestion
// algorithms add to it: each field with its place, its unit and what it says.

import "sockview/model"

// unit says how the number in a field is to be read.
type unit uint8

const (
	count unit = iota
	bytes
	bytesPerSecond
	microseconds
	milliseconds
	hexadecimal
	word  // field.words has a word for each value
	flags // field.words has a word for each bit, the lowest first
)

// field is one field of a struct the kernel sends.
type field struct {
	offset, size int
	name         string // the kernel's
	unit         unit
	help         string
	words        []string
	bit, bits    uint8         // a bit field: place and width within its byte, the first declared being 0
	unset        uint64        // a number that means "not set", 0 for none
	unsetWhy     model.Unknown // why unset is no number, if it is not just "not set"
	zeroWhy      model.Unknown // why 0 is no number; Known when it is one
	listener     string        // what it says of a listener; empty when it has none
	halves       bool          // two words, the low one first, whatever the byte order
}

var (
	caStates    = []string{"Open", "Disorder", "CWR", "Recovery", "Loss"}
	infoOptions = []string{
		"timestamps", "sack", "wscale", "ecn", "ecn-seen", "syn-data", "usec-timestamps", "tfo-child",
	}
	tfoFailures = []string{"none", "cookie unavailable", "data not acknowledged", "SYN retransmitted"}
	yesNo       = []string{"no", "yes"}
)

// Numbers that stand for "not set" or "not measured".
const (
	infiniteSsthresh = 0x7fffffff // TCP_INFINITE_SSTHRESH
	allOnes32        = 1<<32 - 1
	allOnes64        = 1<<64 - 1
)

// The last four bytes of Linux 6.18 hold tcpi_accecn_fail_mode and tcpi_accecn_opt_seen as two u16; Linux 7.0
// packs four bit fields into the same place. Nothing in the answer tells which, so they are shown raw.
var tcpInfoFields = []field{
	{offset: 0, size: 1, name: "tcpi_state", unit: word, words: stateWords(),
		help: "state of the connection", listener: "state: it listens"},
	{offset: 1, size: 1, name: "tcpi_ca_state", unit: word, words: caStates,
		help: "state of loss recovery: Open is normal, Loss is after a timeout"},
	{offset: 2, size: 1, name: "tcpi_retransmits", help: "timeouts in a row for the segment being sent again"},
	{offset: 3, size: 1, name: "tcpi_probes", help: "unanswered window or keepalive probes"},
	{offset: 4, size: 1, name: "tcpi_backoff", help: "how often the retransmit timeout was doubled"},
	{offset: 5, size: 1, name: "tcpi_options", unit: flags, words: infoOptions,
		help: "options both ends agreed on"},
	{offset: 6, size: 1, name: "tcpi_snd_wscale", bit: 0, bits: 4,
		help: "shift applied to the window the other end announces"},
	{offset: 6, size: 1, name: "tcpi_rcv_wscale", bit: 4, bits: 4,
		help: "shift applied to the window we announce"},
	{offset: 7, size: 1, name: "tcpi_delivery_rate_app_limited", bit: 0, bits: 1, unit: word, words: yesNo,
		help: "the delivery rate was limited by the application, not by the path"},
	{offset: 7, size: 1, name: "tcpi_fastopen_client_fail", bit: 1, bits: 2, unit: word, words: tfoFailures,
		help: "why TCP Fast Open did not work for the connecting side"},
	{offset: 8, size: 4, name: "tcpi_rto", unit: microseconds, help: "time until a segment is sent again"},
	{offset: 12, size: 4, name: "tcpi_ato", unit: microseconds, help: "time an acknowledgement may be delayed"},
	{offset: 16, size: 4, name: "tcpi_snd_mss", help: "largest segment sent, bytes of payload"},
	{offset: 20, size: 4, name: "tcpi_rcv_mss",
		help: "largest segment received, bytes of payload, estimated"},
	{offset: 24, size: 4, name: "tcpi_unacked", help: "segments sent and not acknowledged yet",
		listener: "connections that wait to be accepted"},
	{offset: 28, size: 4, name: "tcpi_sacked", help: "segments acknowledged out of order (SACK)",
		listener: "connections that may wait to be accepted (backlog)"},
	{offset: 32, size: 4, name: "tcpi_lost", help: "segments taken for lost and not acknowledged since"},
	{offset: 36, size: 4, name: "tcpi_retrans", help: "segments sent again and not acknowledged yet"},
	{offset: 40, size: 4, name: "tcpi_fackets", zeroWhy: model.NotGiven,
		help: "segments up to the highest SACK; kept until Linux 4.14"},
	{offset: 44, size: 4, name: "tcpi_last_data_sent", unit: milliseconds, help: "time since payload was last sent"},
	{offset: 48, size: 4, name: "tcpi_last_ack_sent", unit: milliseconds, zeroWhy: model.NotGiven,
		help: "time since an acknowledgement was last sent; Linux does not keep it"},
	{offset: 52, size: 4, name: "tcpi_last_data_recv", unit: milliseconds,
		help: "time since payload was last received"},
	{offset: 56, size: 4, name: "tcpi_last_ack_recv", unit: milliseconds,
		help: "time since an acknowledgement was last received"},
	{offset: infoPMTU, size: 4, name: "tcpi_pmtu", help: "largest packet the path takes, bytes"},
	{offset: 64, size: 4, name: "tcpi_rcv_ssthresh", unit: bytes,
		help: "limit of the window we announce at present, bytes"},
	{offset: infoRTT, size: 4, name: "tcpi_rtt", unit: microseconds, zeroWhy: model.NotYet,
		help: "round-trip time, smoothed"},
	{offset: infoRTTVar, size: 4, name: "tcpi_rttvar", unit: microseconds,
		help: "mean deviation of the round-trip time"},
	{offset: 76, size: 4, name: "tcpi_snd_ssthresh", unset: infiniteSsthresh,
		help: "congestion window at which slow start ends, segments"},
	{offset: infoSndCwnd, size: 4, name: "tcpi_snd_cwnd", help: "congestion window, segments"},
	{offset: 84, size: 4, name: "tcpi_advmss", help: "largest segment we announced, bytes of payload"},
	{offset: 88, size: 4, name: "tcpi_reordering",
		help: "how far segments may be out of order before one is taken for lost, segments"},
	{offset: 92, size: 4, name: "tcpi_rcv_rtt", unit: microseconds, zeroWhy: model.NotYet,
		help: "round-trip time as the receiving side estimates it"},
	{offset: 96, size: 4, name: "tcpi_rcv_space", unit: bytes,
		help: "receive buffer the application keeps up with in a round trip, bytes"},
	{offset: infoTotalRetrans, size: 4, name: "tcpi_total_retrans", help: "segments sent again, in all"},
	{offset: 104, size: 8, name: "tcpi_pacing_rate", unit: bytesPerSecond, unset: allOnes64,
		help: "rate at which segments are spaced, bytes/s"},
	{offset: 112, size: 8, name: "tcpi_max_pacing_rate", unit: bytesPerSecond, unset: allOnes64,
		help: "limit of the pacing rate (SO_MAX_PACING_RATE), bytes/s", listener: "limit of the pacing rate, bytes/s"},
	{offset: infoBytesAcked, size: 8, name: "tcpi_bytes_acked", unit: bytes,
		help: "bytes the other end acknowledged; SYN and FIN count as one each"},
	{offset: infoBytesReceived, size: 8, name: "tcpi_bytes_received", unit: bytes,
		help: "bytes received in order; a FIN counts as one"},
	{offset: infoSegsOut, size: 4, name: "tcpi_segs_out", help: "segments sent, with and without payload"},
	{offset: infoSegsIn, size: 4, name: "tcpi_segs_in", help: "segments received, with and without payload"},
	{offset: 144, size: 4, name: "tcpi_notsent_bytes", unit: bytes,
		help: "bytes the application wrote that were not sent yet"},
	{offset: 148, size: 4, name: "tcpi_min_rtt", unit: microseconds, unset: allOnes32, unsetWhy: model.NotYet,
		help: "smallest round-trip time of late"},
	{offset: 152, size: 4, name: "tcpi_data_segs_in", help: "segments with payload received"},
	{offset: 156, size: 4, name: "tcpi_data_segs_out", help: "segments with payload sent"},
	{offset: infoDeliveryRate, size: 8, name: "tcpi_delivery_rate", unit: bytesPerSecond, zeroWhy: model.NotYet,
		help: "rate at which payload reached the other end of late, bytes/s"},
	{offset: 168, size: 8, name: "tcpi_busy_time", unit: microseconds, help: "time with payload to send, in all"},
	{offset: 176, size: 8, name: "tcpi_rwnd_limited", unit: microseconds,
		help: "time held up by the other end's window, in all: it reads too slowly"},
	{offset: 184, size: 8, name: "tcpi_sndbuf_limited", unit: microseconds,
		help: "time held up by our send buffer, in all: it is too small"},
	{offset: 192, size: 4, name: "tcpi_delivered", help: "segments delivered, those sent again included"},
	{offset: 196, size: 4, name: "tcpi_delivered_ce",
		help: "segments delivered that the path marked as congested (ECN CE)"},
	{offset: infoBytesSent, size: 8, name: "tcpi_bytes_sent", unit: bytes,
		help: "bytes of payload sent, those sent again included"},
	{offset: infoBytesRetrans, size: 8, name: "tcpi_bytes_retrans", unit: bytes, help: "bytes of payload sent again"},
	{offset: 216, size: 4, name: "tcpi_dsack_dups", help: "segments the other end says it had twice (DSACK)"},
	{offset: 220, size: 4, name: "tcpi_reord_seen", help: "times segments were found to be out of order"},
	{offset: 224, size: 4, name: "tcpi_rcv_ooopack", help: "segments received out of order"},
	{offset: 228, size: 4, name: "tcpi_snd_wnd", unit: bytes, help: "window the other end announced, bytes"},
	{offset: 232, size: 4, name: "tcpi_rcv_wnd", unit: bytes, help: "window we announced, bytes"},
	{offset: 236, size: 4, name: "tcpi_rehash", help: "times another path was tried (PLB or timeout)"},
	{offset: 240, size: 2, name: "tcpi_total_rto", help: "retransmit timeouts, in all"},
	{offset: 242, size: 2, name: "tcpi_total_rto_recoveries", help: "recoveries from retransmit timeouts, in all"},
	{offset: 244, size: 4, name: "tcpi_total_rto_time", unit: milliseconds,
		help: "time spent recovering from retransmit timeouts, in all"},
	{offset: 248, size: 4, name: "tcpi_received_ce", help: "segments received marked as congested (ECN CE)"},
	{offset: 252, size: 4, name: "tcpi_delivered_e1_bytes", unit: bytes, help: "bytes delivered marked ECT(1)"},
	{offset: 256, size: 4, name: "tcpi_delivered_e0_bytes", unit: bytes, help: "bytes delivered marked ECT(0)"},
	{offset: 260, size: 4, name: "tcpi_delivered_ce_bytes", unit: bytes, help: "bytes delivered marked CE"},
	{offset: 264, size: 4, name: "tcpi_received_e1_bytes", unit: bytes, help: "bytes received marked ECT(1)"},
	{offset: 268, size: 4, name: "tcpi_received_e0_bytes", unit: bytes, help: "bytes received marked ECT(0)"},
	{offset: 272, size: 4, name: "tcpi_received_ce_bytes", unit: bytes, help: "bytes received marked CE"},
	{offset: 276, size: 4, name: "tcpi_accecn", unit: hexadecimal,
		help: "accurate ECN, raw bits: Linux 6.18 and 7.0 lay them out differently"},
}

// What congestion algorithms tell of themselves (linux/inet_diag.h): struct tcp_bbr_info, tcp_dctcp_info,
// tcpvegas_info.
var (
	bbrFields = []field{
		{offset: 0, size: 8, name: "bbr_bw", unit: bytesPerSecond, zeroWhy: model.NotYet, halves: true,
			help: "bandwidth of the path as BBR estimates it, bytes/s"},
		{offset: 8, size: 4, name: "bbr_min_rtt", unit: microseconds, unset: allOnes32, unsetWhy: model.NotYet,
			help: "round-trip time of the path without queues"},
		{offset: 12, size: 4, name: "bbr_pacing_gain", help: "pacing rate over bandwidth, in 256ths"},
		{offset: 16, size: 4, name: "bbr_cwnd_gain", help: "window over bandwidth times delay, in 256ths"},
	}
	dctcpFields = []field{
		{offset: 0, size: 2, name: "dctcp_enabled", unit: word, words: yesNo, help: "whether the path takes part"},
		{offset: 2, size: 2, name: "dctcp_ce_state", unit: word, words: yesNo,
			help: "the last segment was marked as congested"},
		{offset: 4, size: 4, name: "dctcp_alpha", help: "share of bytes marked as congested, in 1024ths"},
		{offset: 8, size: 4, name: "dctcp_ab_ecn", unit: bytes, help: "bytes acknowledged that were marked"},
		{offset: 12, size: 4, name: "dctcp_ab_tot", unit: bytes, help: "bytes acknowledged"},
	}
	vegasFields = []field{
		{offset: 0, size: 4, name: "tcpv_enabled", unit: word, words: yesNo, help: "whether Vegas is at work"},
		{offset: 4, size: 4, name: "tcpv_rttcnt", help: "round-trip times measured in this round"},
		{offset: 8, size: 4, name: "tcpv_rtt", unit: microseconds, unset: infiniteSsthresh, unsetWhy: model.NotYet,
			help: "smallest round-trip time of all"},
		{offset: 12, size: 4, name: "tcpv_minrtt", unit: microseconds, unset: infiniteSsthresh,
			unsetWhy: model.NotYet, help: "smallest round-trip time of this round"},
	}
)

// memoryFields are the words of INET_DIAG_SKMEMINFO (SK_MEMINFO_*, linux/sock_diag.h).
var memoryFields = []field{
	{offset: 0, size: 4, name: "SK_MEMINFO_RMEM_ALLOC", unit: bytes, help: "memory of what was received, bytes"},
	{offset: 4, size: 4, name: "SK_MEMINFO_RCVBUF", unit: bytes, help: "limit of the receive buffer, bytes"},
	{offset: 8, size: 4, name: "SK_MEMINFO_WMEM_ALLOC", unit: bytes,
		help: "memory of what was handed to the device, bytes"},
	{offset: 12, size: 4, name: "SK_MEMINFO_SNDBUF", unit: bytes, help: "limit of the send buffer, bytes"},
	{offset: 16, size: 4, name: "SK_MEMINFO_FWD_ALLOC", unit: bytes, help: "memory set aside for the socket, bytes"},
	{offset: 20, size: 4, name: "SK_MEMINFO_WMEM_QUEUED", unit: bytes,
		help: "memory of what waits to be sent or acknowledged, bytes"},
	{offset: 24, size: 4, name: "SK_MEMINFO_OPTMEM", unit: bytes, help: "memory of options and filters, bytes"},
	{offset: 28, size: 4, name: "SK_MEMINFO_BACKLOG", unit: bytes,
		help: "memory of packets that arrived while the socket was locked, bytes"},
	{offset: 32, size: 4, name: "SK_MEMINFO_DROPS", help: "packets that were dropped by the socket"},
}

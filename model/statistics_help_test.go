package model

import (
	"bytes"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

// kernelCounters are the names of counters, "Group Name", of a /proc/net.
func kernelCounters(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	for _, file := range []string{"snmp", "netstat"} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Split(text, []byte("\n"))
		for i := 0; i+1 < len(lines); i += 2 {
			group, list, _ := strings.Cut(string(lines[i]), ":")
			for _, name := range strings.Fields(list) {
				names = append(names, group+" "+name)
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "snmp6"))
	if os.IsNotExist(err) {
		return names
	} else if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		name := strings.Fields(line)[0]
		group, rest, _ := strings.Cut(name, "6")
		names = append(names, group+"6 "+rest)
	}
	return names
}

// otherCounters are names that other kernels print.
const otherCounters = `
	TcpExt TCPLoss, TcpExt TCPAbortOnSyn, TcpExt PAWSPassive, TcpExt TCPPrequeued, TcpExt TCPPrequeueDropped,
	TcpExt TCPDirectCopyFromBacklog, TcpExt TCPDirectCopyFromPrequeue, TcpExt TCPHPHitsToUser, TcpExt TCPFACKReorder,
	TcpExt TCPForwardRetrans, TcpExt TCPSchedulerFailed, Icmp InCsumErrors, Ip6 OutForwDatagrams, Udp6 IgnoredMulti,
	IcmpMsg InType200, IcmpMsg OutType8, Icmp6 InType135, Icmp6 OutType254, UdpLite6 InCsumErrors`

func TestStatisticsAreExplained(t *testing.T) {
	t.Parallel()
	names := strings.Split(otherCounters, ",")
	for _, dir := range []string{"/proc/net", "../testdata/host/statistics"} {
		names = append(names, kernelCounters(t, dir)...)
	}
	if len(names) < 500 {
		t.Fatalf("only %d counters", len(names))
	}
	for _, s := range names {
		group, name, _ := strings.Cut(strings.TrimSpace(s), " ")
		r := Statistic{Group: SafeText(group), Name: SafeText(name)}
		checkHelp(t, group+" "+name, r.Help())
	}
	for key, help := range statisticsExplained {
		checkHelp(t, key, help)
		if group, name, ok := strings.Cut(key, " "); !ok || group == "" || name == "" || strings.Contains(name, " ") {
			t.Errorf("key %q is not a group and a name", key)
		}
	}
}

func checkHelp(t *testing.T, name, help string) {
	t.Helper()
	switch {
	case help == "":
		t.Errorf("%s is not explained", name)
	case len(help) > 100:
		t.Errorf("%s: %d bytes: %s", name, len(help), help)
	case strings.HasSuffix(help, "."), strings.TrimSpace(help) != help, SafeText(help).String() != help:
		t.Errorf("%s: not a plain phrase: %q", name, help)
	}
}

// TestExplanationsDiffer: two counters of a group that read the same would leave one guessing.
func TestExplanationsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	var keys []string
	for key := range statisticsExplained {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		group, _, _ := strings.Cut(key, " ")
		help := strings.ToLower(statisticsExplained[key])
		if other := seen[group+help]; other != "" {
			t.Errorf("%s and %s have the same explanation: %s", other, key, help)
		}
		seen[group+help] = key
	}
	for name, types := range map[string]map[uint8]string{"ICMP": icmpTypes, "ICMPv6": icmp6Types} {
		texts := map[string]bool{}
		for n, s := range types {
			if texts[s] {
				t.Errorf("%s: type %d is not the only %s", name, n, s)
			}
			texts[s] = true
		}
	}
}

func TestStatisticHelp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ group, name, want string }{
		{"TcpExt", "ListenOverflows", "connections not accepted because the listen queue overflowed"},
		{"IcmpMsg", "InType3", "ICMP messages received of type 3: destination unreachable"},
		{"IcmpMsg", "OutType8", "ICMP messages sent of type 8: echo request, a ping"},
		{"IcmpMsg", "OutType200", "ICMP messages sent of type 200"},
		{"Icmp6", "InType135", "ICMPv6 messages received of type 135: neighbor solicitation, asking for a link-layer address"},
		{"IcmpMsg", "InType", ""},
		{"IcmpMsg", "InType256", ""},
		{"IcmpMsg", "AcrossType3", ""},
		{"Icmp", "InType3", ""},
		{"Udp6", "NoPorts", "datagrams received for a port where nothing listens"},
		{"UdpLite", "NoPorts", "datagrams received for a port where nothing listens"},
		{"Ip6", "InOctets", "bytes of packets received, with IP headers"},
		{"Ip6", "InHdrErrors", "received packets dropped: bad header, or the hop limit ran out"},
		{"Ip6", "Forwarding", "whether packets are forwarded: 1 as a router, 2 not"},
		{"Tcp6", "InSegs", ""},
		{"Ip", "New", ""},
		{"", "", ""},
	} {
		if got := statisticHelp(c.group, c.name); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.group, c.name, got, c.want)
		}
	}
}

// TestWordsToGrep: what people look for in the output of netstat -s is in it.
func TestWordsToGrep(t *testing.T) {
	t.Parallel()
	for word, keys := range map[string][]string{
		"overflowed":    {"TcpExt ListenOverflows", "TcpExt ListenDrops", "TcpExt TCPBacklogDrop", "Udp RcvbufErrors"},
		"listen":        {"TcpExt ListenOverflows", "TcpExt ListenDrops", "TcpExt TCPReqQFullDrop"},
		"retransmitted": {"Tcp RetransSegs", "TcpExt TCPFastRetrans", "TcpExt TCPLostRetransmit", "TcpExt TCPSynRetrans"},
		"rejected":      {"TcpExt SyncookiesFailed", "TcpExt PAWSEstab", "MPTcpExt MPJoinRejected"},
		"dropped":       {"TcpExt ListenDrops", "TcpExt RcvPruned", "Ip InDiscards", "Udp InErrors"},
		"failed":        {"Tcp AttemptFails", "Ip ReasmFails", "Icmp OutErrors"},
		"reset":         {"Tcp EstabResets", "Tcp OutRsts", "TcpExt EmbryonicRsts", "TcpExt TCPAbortOnClose"},
		"timeout":       {"TcpExt TCPTimeouts", "TcpExt TCPAbortOnTimeout", "Ip ReasmTimeout", "Tcp RtoMin"},
	} {
		for _, key := range keys {
			if !strings.Contains(statisticsExplained[key], word) {
				t.Errorf("%s: %q is not in %q", key, word, statisticsExplained[key])
			}
		}
	}
}

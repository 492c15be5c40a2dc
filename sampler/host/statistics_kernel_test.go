package host

// This file compares the statistics with what nstat reads, in a network namespace of the test's own.

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"sockview/model"
)

// program finds a program that the test compares with.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("needs %s to compare with: %v", name, err)
	}
	return path
}

func TestKernelStatisticsAreNstats(t *testing.T) {
	nstat := program(t, "nstat")
	h := enterNamespace(t)
	makeLoopbackTraffic(t)
	history := filepath.Join(t.TempDir(), "history")

	for try := 1; ; try++ {
		before := values(t, h)
		cmd := exec.Command(nstat, "-asz")
		cmd.Env = append(cmd.Environ(), "NSTAT_HISTORY="+history)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("nstat: %v: %s", err, out)
		}
		after := values(t, h)
		if fmt.Sprint(before) == fmt.Sprint(after) {
			compareStatistics(t, after, nstatValues(string(out)))
			return
		}
		if try == 20 {
			t.Fatal("the namespace does not come to rest")
		}
	}
}

// values are the counters by nstat's names.
func values(t *testing.T, h *Host) map[string]int64 {
	t.Helper()
	rows, _, err := h.Statistics()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]int64, len(rows))
	for _, r := range rows {
		if r.Group.String() != interfacesGroup {
			all[r.Group.String()+r.Name.String()] = r.Value
		}
	}
	return all
}

func nstatValues(out string) map[string]string {
	all := map[string]string{}
	for _, line := range strings.Split(out, "\n") {
		if f := strings.Fields(line); len(f) == 3 && !strings.HasPrefix(line, "#") {
			all[f[0]] = f[1]
		}
	}
	return all
}

func compareStatistics(t *testing.T, ours map[string]int64, theirs map[string]string) {
	t.Helper()
	if len(theirs) < 300 {
		t.Fatalf("nstat listed %d counters only", len(theirs))
	}
	moved := 0
	for name, want := range theirs {
		got, ok := ours[name]
		switch {
		case strings.HasPrefix(name, "Sctp"): // of /proc/net/sctp/snmp
		case !ok:
			t.Errorf("%s: we have none, nstat has %s", name, want)
		case fmt.Sprint(got) != want:
			t.Errorf("%s: %d, nstat has %s", name, got, want)
		case got != 0:
			moved++
		}
	}
	if moved < 30 {
		t.Errorf("%d counters are not 0: there was no traffic to compare", moved)
	}
	// nstat leaves out what is no counter, and the types of ICMP message.
	for name := range ours {
		if _, ok := theirs[name]; !ok && !nstatOmits(name) {
			t.Errorf("%s: nstat does not list it", name)
		}
	}
	t.Logf("%d counters of nstat are ours, %d of them not 0", len(theirs), moved)
}

func nstatOmits(name string) bool {
	switch name {
	case "IpForwarding", "IpDefaultTTL", "TcpRtoAlgorithm", "TcpRtoMin", "TcpRtoMax", "TcpMaxConn", "TcpCurrEstab":
		return true
	}
	return false
}

// makeLoopbackTraffic moves something in every group that loopback can move.
func makeLoopbackTraffic(t *testing.T) {
	t.Helper()
	for _, host := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1000)
		if _, err := c.Write(buf); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(buf); err != nil {
			t.Fatal(err)
		}
		closed := l.Addr().String()
		t.Cleanup(func() { c.Close(); s.Close() })
		l.Close()
		if c, err := net.Dial("tcp", closed); err == nil { // refused: AttemptFails, OutRsts
			c.Close()
			t.Fatal("a closed port answers")
		}
		u, err := net.Dial("udp", net.JoinHostPort(host, "9")) // nobody: NoPorts and an ICMP error
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		u.Close()
	}
}

// TestKernelInterfaceTotals compares with the counters of rtnetlink.
func TestKernelInterfaceTotals(t *testing.T) {
	h := enterNamespace(t)
	addVeth(t, "a", "b", "10.77.0.1/24")
	u, err := net.Dial("udp", "10.77.0.255:9")
	if err == nil { // Go asks for broadcasts
		_, err = u.Write(make([]byte, 500))
		u.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	makeLoopbackTraffic(t) // not among them
	totals := func() (map[string]int64, []model.Statistic) {
		links, err := netlink.LinkList()
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]int64{}
		for _, l := range links {
			s := l.Attrs().Statistics
			if l.Attrs().Flags&net.FlagLoopback != 0 {
				continue
			}
			all["ReceivedBytes"] += int64(s.RxBytes)
			all["SentBytes"] += int64(s.TxBytes)
			all["ReceivedPackets"] += int64(s.RxPackets)
			all["SentPackets"] += int64(s.TxPackets)
			all["ReceivedNonUnicast"] += int64(s.Multicast)
			all["ReceivedDiscards"] += int64(s.RxDropped + s.RxMissedErrors)
			all["SentDiscards"] += int64(s.TxDropped)
			all["ReceivedErrors"] += int64(s.RxErrors)
			all["SentErrors"] += int64(s.TxErrors)
		}
		rows, _, err := h.Statistics()
		if err != nil {
			t.Fatal(err)
		}
		return all, rows
	}
	for try := 1; ; try++ {
		before, rows := totals()
		if after, _ := totals(); fmt.Sprint(before) != fmt.Sprint(after) && try < 20 {
			continue // neighbor discovery still goes on
		}
		if before["SentBytes"] < 500 {
			t.Fatalf("no traffic: %v", before)
		}
		for name, want := range before {
			if r := statistic(t, rows, interfacesGroup, name); r.Value != want || r.Why != model.Known {
				t.Errorf("%s: %d, want %d", name, r.Value, want)
			}
		}
		return
	}
}

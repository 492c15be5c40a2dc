package host

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sockview/model"
)

// captured is a /proc/net of Linux 6.18, with two veth interfaces and some traffic on the loopback.
const captured = "../../testdata/host/statistics"

// statistic is the row of a counter.
func statistic(t *testing.T, rows []model.Statistic, group, name string) model.Statistic {
	t.Helper()
	for _, r := range rows {
		if r.Group.String() == group && r.Name.String() == name {
			return r
		}
	}
	t.Fatalf("no counter %s %s", group, name)
	return model.Statistic{}
}

func TestStatisticsOfCapture(t *testing.T) {
	t.Parallel()
	h := &Host{dir: captured}
	rows, _, err := h.Statistics()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct {
		group, name string
		value       int64
		proto       model.Proto
		family      model.Family
		bytes       bool
		gauge       bool
		why         model.Unknown
	}{
		{"Ip", "Forwarding", 2, model.Raw, model.IPv4, false, true, 0},
		{"Ip", "DefaultTTL", 64, model.Raw, model.IPv4, false, true, 0},
		{"Icmp", "OutDestUnreachs", 1, model.Raw, model.IPv4, false, false, 0},
		{"IcmpMsg", "InType3", 1, model.Raw, model.IPv4, false, false, 0},
		{"Tcp", "MaxConn", -1, model.TCP, 0, false, true, 0},
		{"Tcp", "RtoMax", 120000, model.TCP, 0, false, true, 0},
		{"Tcp", "ActiveOpens", 4, model.TCP, 0, false, false, 0},
		{"Udp", "NoPorts", 1, model.UDP, model.IPv4, false, false, 0},
		{"UdpLite", "InDatagrams", 0, model.UDPLite, model.IPv4, false, false, 0},
		{"TcpExt", "ListenOverflows", 2, model.TCP, 0, false, false, 0},
		{"IpExt", "InMcastOctets", 0, model.Raw, model.IPv4, true, false, 0},
		{"MPTcpExt", "MPCurrEstab", 0, model.TCP, 0, false, true, 0},
		{"Icmp6", "InType1", 1, model.Raw, model.IPv6, false, false, 0},
		{"Udp6", "NoPorts", 1, model.UDP, model.IPv6, false, false, 0},
		{"UdpLite6", "MemErrors", 0, model.UDPLite, model.IPv6, false, false, 0},
		{"Interfaces", "ReceivedPackets", 6, 0, 0, false, false, 0},
		{"Interfaces", "SentNonUnicast", 0, 0, 0, false, false, model.NotGiven},
	} {
		r := statistic(t, rows, want.group, want.name)
		if r.Value != want.value || r.Proto != want.proto || r.Family != want.family || r.Bytes != want.bytes ||
			r.Gauge != want.gauge || r.Why != want.why {
			t.Errorf("%s %s: %+v, want %+v", want.group, want.name, r, want)
		}
	}
	groups := ""
	for i, r := range rows {
		if int(r.Place) != i {
			t.Fatalf("row %d has place %d", i, r.Place)
		}
		if i == 0 || rows[i-1].Group != r.Group {
			groups += r.Group.String() + " "
		}
		if r.Help() == "" {
			t.Errorf("%s %s is not explained", r.Group, r.Name)
		}
	}
	const want = "Ip Icmp IcmpMsg Tcp Udp UdpLite TcpExt IpExt MPTcpExt Ip6 Icmp6 Udp6 UdpLite6 Interfaces "
	if groups != want {
		t.Errorf("groups %s, want %s", groups, want)
	}
}

// TestStatisticsAreAll compares with the words of the files, however they are laid out.
func TestStatisticsAreAll(t *testing.T) {
	t.Parallel()
	h := &Host{dir: captured}
	rows, _, err := h.Statistics()
	if err != nil {
		t.Fatal(err)
	}
	words := 0
	for _, name := range []string{"snmp", "netstat", "snmp6"} {
		text, err := os.ReadFile(filepath.Join(captured, name))
		if err != nil {
			t.Fatal(err)
		}
		words += len(bytes.Fields(text))
		words -= bytes.Count(text, []byte(":"))
	}
	if len(rows) != words/2+len(interfaceTotals) {
		t.Errorf("%d rows of %d words", len(rows), words)
	}
}

func TestStatisticsReadAgain(t *testing.T) {
	h := &Host{dir: captured}
	first, _, err := h.Statistics()
	if err != nil {
		t.Fatal(err)
	}
	first = append([]model.Statistic(nil), first...)
	// A type of ICMP message that is new moves all that follow.
	h.counters.rows = append(h.counters.rows[:3], h.counters.rows[4:]...)
	h.counters.rows[2].Delta, h.counters.rows[2].Why = 7, model.Stale
	for range 2 {
		again, _, err := h.Statistics()
		if err != nil {
			t.Fatal(err)
		}
		again[2].Delta = 0
		if fmt.Sprint(again) != fmt.Sprint(first) {
			t.Fatal("the same files give other rows")
		}
	}
	if n := testing.AllocsPerRun(10, func() { h.Statistics() }); n > 40 {
		t.Errorf("%v allocations to read the same again: names are made anew", n)
	}
}

func TestPairs(t *testing.T) {
	t.Parallel()
	const big = "18446744073709551615"
	for _, c := range []struct {
		name, text, want, bad string
	}{
		{"empty", "", "", ""},
		{"one", "Ip: A B\nIp: 1 2\n", "Ip A=1, Ip B=2", ""},
		{"no last newline", "Ip: A\nIp: 1", "Ip A=1", ""},
		{"a group in two pairs", "M: A\nM: 1\nM: B\nM: 2\n", "M A=1, M B=2", ""},
		{"no counters", "M:\nM:\nIp: A\nIp: 1\n", "Ip A=1", ""},
		{"signed", "Tcp: MaxConn\nTcp: -1\n", "Tcp MaxConn=-1", ""},
		{"above 2^63", "Tcp: CurrEstab X\nTcp: " + big + " 9223372036854775807\n",
			fmt.Sprint("Tcp CurrEstab=-1, Tcp X=", math.MaxInt64), ""},
		{"more names", "Ip: A B\nIp: 1\nTcp: C\nTcp: 3\n", "Tcp C=3", `"Ip": 2 names and 1 values`},
		{"more values", "Ip: A\nIp: 1 2\nTcp: C\nTcp: 3\n", "Tcp C=3", `"Ip": 1 names and 2 values`},
		{"a line lost", "Ip: A\nTcp: C\nTcp: 3\n", "Tcp C=3", `"Ip": names without values`},
		{"the end lost", "Ip: A\nIp: 1\nTcp: C\n", "Ip A=1", `"Tcp: C": names without values`},
		{"no group", "A B\nIp: A\nIp: 1\n", "Ip A=1", `"A B": no group`},
		{"no number", "Ip: A B C\nIp: 1 x 3\n", "Ip A=1, Ip C=3", `"Ip" "B": "x": not a number`},
		{"too large", "Ip: A B\nIp: " + big + "0 2\n", "Ip B=2", "not a number"},
		{"hostile", "Ip: \x1b[31m\nIp: 1\n", `Ip \x1b[31m=1`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var k counters
			k.pairs([]byte(c.text))
			checkCounters(t, &k, c.want, c.bad)
		})
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text, want, bad string
	}{
		{"empty", "", "", ""},
		{"groups", "Ip6InReceives   \t43\nIcmp6InType135\t1\nUdpLite6InErrors 2", "Ip6 InReceives=43, Icmp6 InType135=1, UdpLite6 InErrors=2", ""},
		{"no value", "Ip6InReceives\nUdp6A 1\n", "Udp6 A=1", `"Ip6InReceives": "": not a number`},
		{"no number", "Ip6InReceives x\nUdp6A 1\n", "Udp6 A=1", `"x": not a number`},
		{"no group", "InReceives 1\nUdp6A 1\n", "Udp6 A=1", "not a counter and its value"},
		{"no name", "Ip6 1\nUdp6A 1\n", "Udp6 A=1", "not a counter and its value"},
		{"three words", "Ip6A 1 2\nUdp6A 1\n", "Udp6 A=1", "not a counter and its value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var k counters
			k.list([]byte(c.text))
			checkCounters(t, &k, c.want, c.bad)
		})
	}
}

func TestInterfaceTotals(t *testing.T) {
	t.Parallel()
	const heading = "Inter-|   Receive       |  Transmit\n face |bytes    packets |bytes\n"
	for _, c := range []struct {
		name, text, want, bad string
	}{
		{"none", heading, "ReceivedBytes=0 SentBytes=0 ReceivedDiscards=0", ""},
		{"two and loopback", heading + "    lo: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n" +
			"  eth0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n" +
			"verylongname0: 100 200 300 400 500 600 700 800 900 1000 1100 1200 1300 1400 1500 1600\n",
			"ReceivedBytes=101 SentBytes=909 ReceivedPackets=202 SentPackets=1010 ReceivedUnicast=0 ReceivedNonUnicast=808 " +
				"ReceivedDiscards=404 SentDiscards=1212 ReceivedErrors=303 SentErrors=1111", ""},
		{"columns lost", heading + "  eth0: 1 2 3\n", "", "not an interface and its counters"},
		{"no number", heading + "  eth0: 1 x 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", "", `"eth0": "x": not a number`},
		{"no name", heading + "  1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", "", "not an interface and its counters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var k counters
			k.totals([]byte(c.text))
			if err := oneLine(k.bad...); (err == nil) != (c.bad == "") || err != nil && !strings.Contains(err.Error(), c.bad) {
				t.Errorf("error %v, want %q", err, c.bad)
			}
			if c.bad != "" && len(k.rows) != 0 {
				t.Errorf("totals of a part: %v", k.rows)
			}
			for _, want := range strings.Fields(c.want) {
				name, value, _ := strings.Cut(want, "=")
				r := statistic(t, k.rows, "Interfaces", name)
				if fmt.Sprint(r.Value) != value || r.Why != model.Known || r.Bytes != strings.Contains(name, "Bytes") {
					t.Errorf("%s: %+v, want %s", name, r, value)
				}
			}
			if c.bad != "" {
				return
			}
			for _, name := range []string{"SentUnicast", "SentNonUnicast", "UnknownProtocols"} {
				if r := statistic(t, k.rows, "Interfaces", name); r.Why != model.NotGiven || !strings.Contains(r.Help(), "Linux") {
					t.Errorf("%s: %+v, want it not given and explained: %q", name, r, r.Help())
				}
			}
		})
	}
}

func checkCounters(t *testing.T, k *counters, want, bad string) {
	t.Helper()
	var got []string
	for _, r := range k.rows {
		got = append(got, fmt.Sprintf("%s %s=%d", r.Group, r.Name, r.Value))
	}
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("got %s, want %s", s, want)
	}
	err := oneLine(k.bad...)
	if (err == nil) != (bad == "") || err != nil && !strings.Contains(err.Error(), bad) {
		t.Errorf("error %v, want %q", err, bad)
	}
}

func TestStatisticsWithoutFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := &Host{dir: dir}
	if rows, whole, err := h.Statistics(); len(rows) != 0 || whole || !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "\n") {
		t.Errorf("without any file: %d rows, %v", len(rows), err)
	}
	write("snmp", "Ip: A\nIp: 1\n")
	write("dev", "")
	rows, whole, err := h.Statistics()
	if len(rows) != 1+len(interfaceTotals) || whole || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without netstat: %d rows, %v", len(rows), err)
	}
	write("netstat", "IpExt: B\nIpExt: 2\n")
	if rows, whole, err = h.Statistics(); len(rows) != 2+len(interfaceTotals) || !whole || err != nil {
		t.Errorf("without IPv6: %d rows, %v", len(rows), err)
	}
	write("snmp6", "Ip6C 3\n")
	if rows, whole, err = h.Statistics(); len(rows) != 3+len(interfaceTotals) || !whole || err != nil {
		t.Errorf("with all: %d rows, %v", len(rows), err)
	}
	// A file larger than the buffer.
	write("snmp6", strings.Repeat("Ip6C                    \t3\n", 5000))
	if rows, whole, err = h.Statistics(); len(rows) != 5002+len(interfaceTotals) || !whole || err != nil {
		t.Errorf("with a large file: %d rows, %v", len(rows), err)
	}
	write("netstat", "IpExt: B\nIpExt: 2 3\n")
	if rows, whole, err = h.Statistics(); len(rows) != 5001+len(interfaceTotals) || whole || err == nil ||
		err.Error() != `netstat: "IpExt": 1 names and 2 values` {
		t.Errorf("with a bad pair: %d rows, %v", len(rows), err)
	}
}

// FuzzStatistics gives all three parsers the same bytes.
func FuzzStatistics(f *testing.F) {
	for _, name := range []string{"snmp", "netstat", "snmp6", "dev"} {
		text, err := os.ReadFile(filepath.Join(captured, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("Ip: A B\nIp: 1\nTcp: C\nTcp: -3\nM:\nM:"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, parse := range []func(*counters, []byte){(*counters).pairs, (*counters).list, (*counters).totals} {
			var k counters
			parse(&k, text)
			if len(k.rows)+len(k.bad) > len(text)+len(interfaceTotals) {
				t.Fatalf("%d rows and %d errors of %d bytes", len(k.rows), len(k.bad), len(text))
			}
			for i, r := range k.rows {
				if r.Group.Empty() || r.Name.Empty() || int(r.Place) != i {
					t.Fatalf("row %d: %+v", i, r)
				}
			}
			// The rows are the same when those of another file stood there before.
			again := counters{rows: k.rows[:0:cap(k.rows)]}
			want := fmt.Sprint(k.rows)
			for i := range k.rows {
				k.rows[i] = describe("x", fmt.Sprint(i))
			}
			parse(&again, text)
			if fmt.Sprint(again.rows) != want {
				t.Fatalf("got %v, want %s", again.rows, want)
			}
		}
	})
}

func BenchmarkStatistics(b *testing.B) {
	for _, dir := range []string{captured, "/proc/thread-self/net"} {
		name := "kernel"
		if dir == captured {
			name = "captured"
		}
		b.Run(name, func(b *testing.B) {
			h := &Host{dir: dir}
			b.ReportAllocs()
			rows := 0
			for b.Loop() {
				all, _, err := h.Statistics()
				if err != nil {
					b.Fatal(err)
				}
				rows = len(all)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/counter")
		})
	}
}

package model

import (
	"math"
	"net/netip"
	"strconv"
	"testing"
	"time"
)

func TestAppendShort(t *testing.T) {
	for _, c := range []struct {
		n    uint64
		want string
	}{
		{0, "0"}, {1, "1"}, {999, "999"}, {1000, "1.0K"}, {1099, "1.0K"}, {1100, "1.1K"}, {1999, "1.9K"}, {9999, "9.9K"},
		{10_000, "10K"}, {18_999, "18K"}, {99_999, "99K"}, {100_000, "100K"}, {999_999, "999K"},
		{1_000_000, "1.0M"}, {1_234_567, "1.2M"}, {9_999_999, "9.9M"}, {10_000_000, "10M"}, {999_999_999, "999M"},
		{1_000_000_000, "1.0G"}, {999_999_999_999, "999G"}, {1_000_000_000_000, "1.0T"}, {999_999_999_999_999, "999T"},
		{1_000_000_000_000_000, "1.0P"}, {999_999_999_999_999_999, "999P"}, {1_000_000_000_000_000_000, "1.0E"},
		{math.MaxInt64, "9.2E"}, {math.MaxUint64, "18E"},
	} {
		if got := string(AppendShort([]byte("x"), c.n)); got != "x"+c.want {
			t.Errorf("%d is %q, want %q after x", c.n, got, c.want)
		}
	}
	// Never longer than four characters, never ahead of what was reached, never smaller than before.
	before := 0.0
	for n := uint64(1); n < math.MaxUint64/11*10; n += n/10 + 1 {
		s := string(AppendShort(nil, n))
		if len(s) > 4 {
			t.Fatalf("%d is %q", n, s)
		}
		v := valueOfShort(t, s)
		if v > float64(n) || v < before || v < float64(n)*0.9 {
			t.Fatalf("%d is shown as %q (%g, before it %g)", n, s, v, before)
		}
		before = v
	}
}

func valueOfShort(t *testing.T, s string) float64 {
	t.Helper()
	unit := 1.0
	for i, u := range "KMGTPE" {
		if s[len(s)-1] == byte(u) {
			unit, s = math.Pow(1000, float64(i+1)), s[:len(s)-1]
			break
		}
	}
	v, tenth, point := 0.0, 0.1, false
	for _, c := range s {
		switch {
		case c == '.':
			point = true
		case c < '0' || c > '9':
			t.Fatalf("%q is no figure", s)
		case point:
			v += float64(c-'0') * tenth
		default:
			v = v*10 + float64(c-'0')
		}
	}
	return v * unit * (1 - 1e-12)
}

func TestAppendDuration(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"}, {1, "1ns"}, {999, "999ns"}, {time.Microsecond, "1us"}, {1999, "1us"}, {340 * time.Microsecond, "340us"},
		{time.Millisecond - 1, "999us"}, {time.Millisecond, "1ms"}, {1500 * time.Microsecond, "1.5ms"},
		{1099 * time.Microsecond, "1ms"}, {10*time.Millisecond - 1, "9.9ms"}, {10 * time.Millisecond, "10ms"},
		{12900 * time.Microsecond, "12ms"}, {time.Second - 1, "999ms"}, {time.Second, "1s"}, {3200 * time.Millisecond, "3.2s"},
		{10*time.Second - 1, "9.9s"}, {45*time.Second + 999*time.Millisecond, "45s"}, {time.Minute - 1, "59s"},
		{time.Minute, "1m00s"}, {3*time.Minute + 4*time.Second, "3m04s"}, {time.Hour - 1, "59m59s"}, {time.Hour, "1h00m"},
		{2*time.Hour + 5*time.Minute, "2h05m"}, {day - 1, "23h59m"}, {day, "1d00h"}, {3*day + 4*time.Hour, "3d04h"},
		{400*day + 23*time.Hour, "400d23h"}, {math.MaxInt64, "106751d23h"}, {-1, "-"}, {math.MinInt64, "-"},
	} {
		if got := string(AppendDuration([]byte("x"), c.d)); got != "x"+c.want {
			t.Errorf("%d ns is %q, want %q after x", int64(c.d), got, c.want)
		}
	}
}

func TestAppendAddr(t *testing.T) {
	for _, c := range []struct {
		addr Addr
		v6   bool
		want string
	}{
		{addrOf("192.0.2.1"), false, "192.0.2.1"},
		{addrOf("192.0.2.1"), true, "::ffff:192.0.2.1"},
		{addrOf("::ffff:192.0.2.1"), false, "192.0.2.1"},
		{addrOf("0.0.0.0"), false, "0.0.0.0"},
		{Addr{}, false, "0.0.0.0"},
		{Addr{}, true, "::"},
		{addrOf("0.0.0.0"), true, "::ffff:0.0.0.0"},
		{addrOf("::1"), true, "::1"},
		{addrOf("2001:db8::1"), true, "2001:db8::1"},
		{addrOf("::192.0.2.1"), true, "::c000:201"},
		{addrOf("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), true, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	} {
		if got := string(AppendAddr([]byte("x"), c.addr, c.v6)); got != "x"+c.want {
			t.Errorf("%x, v6 %v: %q, want %q after x", c.addr, c.v6, got, c.want)
		}
	}
}

func TestAddr(t *testing.T) {
	for _, c := range []struct {
		text                       string
		is4, unspecified, loopback bool
	}{
		{"0.0.0.0", true, true, false}, {"127.0.0.1", true, false, true}, {"127.255.0.3", true, false, true},
		{"128.0.0.1", true, false, false}, {"10.0.0.1", true, false, false}, {"::", false, true, false},
		{"::1", false, false, true}, {"::2", false, false, false}, {"::ffff:127.0.0.1", true, false, true},
		{"::127.0.0.1", false, false, false}, {"2001:db8::ffff:7f00:1", false, false, false}, {"fe80::1%eth0", false, false, false},
	} {
		a := addrOf(c.text)
		if a.Is4() != c.is4 || a.IsUnspecified() != c.unspecified || a.IsLoopback() != c.loopback {
			t.Errorf("%s: Is4 %v, IsUnspecified %v, IsLoopback %v", c.text, a.Is4(), a.IsUnspecified(), a.IsLoopback())
		}
		if want := netip.MustParseAddr(c.text).WithZone("").Unmap(); a.Netip() != want {
			t.Errorf("%s: Netip is %v, want %v", c.text, a.Netip(), want)
		}
	}
}

func TestFormatterAppend(t *testing.T) {
	numeric := &Formatter{}
	named := &Formatter{
		Host: func(a Addr) string {
			if a == addrOf("192.0.2.1") {
				return "web.example"
			}
			return ""
		},
		Service: func(p Proto, port uint16) string {
			switch {
			case p == TCP && port == 443:
				return "https"
			case p == UDP && port == 443:
				return "quic"
			}
			return ""
		},
	}
	for _, c := range []struct {
		name string
		f    *Formatter
		k    Kind
		v    Value
		want string
	}{
		{"unknown", numeric, KindBytes, Value{Num: 5, Why: NotGiven}, "-"},
		{"unknown text", numeric, KindText, Value{Text: "x", Why: NoPermission}, "-"},
		{"unknown lower bound", numeric, KindDuration, Value{Why: NotGiven, AtLeast: true}, "-"},
		{"text", numeric, KindText, Value{Text: "sshd"}, "sshd"},
		{"empty text", numeric, KindText, Value{}, ""},
		{"state", numeric, KindState, Value{Num: int64(CloseWait)}, "CLOSE_WAIT"},
		{"state in other words", numeric, KindState, Value{Num: int64(Close), Text: "UNCONN"}, "UNCONN"},
		{"address", numeric, KindAddress, Value{Addr: addrOf("192.0.2.1")}, "192.0.2.1"},
		{"mapped", numeric, KindAddress, Value{Addr: addrOf("192.0.2.1"), V6: true}, "192.0.2.1"},
		{"named host", named, KindAddress, Value{Addr: addrOf("192.0.2.1"), V6: true}, "web.example"},
		{"host without name", named, KindAddress, Value{Addr: addrOf("192.0.2.2")}, "192.0.2.2"},
		{"nil formatter", nil, KindAddress, Value{Addr: addrOf("192.0.2.2")}, "192.0.2.2"},
		{"network", named, KindNetwork, netOf("192.0.2.1/32"), "192.0.2.1/32"},
		{"IPv6 network", named, KindNetwork, netOf("2001:db8::/32"), "2001:db8::/32"},
		{"mapped network", named, KindNetwork, netOf("::ffff:10.0.0.0/104"), "::ffff:10.0.0.0/104"},
		{"default route", named, KindNetwork, netOf("0.0.0.0/0"), "default"},
		{"IPv6 default route", nil, KindNetwork, netOf("::/0"), "default"},
		{"no default route", named, KindNetwork, netOf("::ffff:0:0/96"), "::ffff:0.0.0.0/96"},
		{"unknown network", named, KindNetwork, Value{Why: NotApplicable}, "-"},
		{"port", numeric, KindPort, Value{Num: 65535}, "65535"},
		{"no port", named, KindPort, Value{Num: 0}, "*"},
		{"tcp service", named, KindPort, Value{Num: 443, Text: "tcp6"}, "https"},
		{"udp service", named, KindPort, Value{Num: 443, Text: "udp"}, "quic"},
		{"udp6 service", named, KindPort, Value{Num: 443, Text: "udp6"}, "quic"},
		{"port without name", named, KindPort, Value{Num: 444, Text: "tcp"}, "444"},
		{"nil formatter, port", nil, KindPort, Value{Num: 443}, "443"},
		{"number", numeric, KindNumber, Value{Num: 1234567}, "1234567"},
		{"zero", numeric, KindNumber, Value{}, "0"},
		{"hex", numeric, KindHex, Value{Num: 0xbeef}, "0xbeef"},
		{"largest cookie", numeric, KindHex, Value{Num: -1}, "0xffffffffffffffff"},
		{"count", numeric, KindCount, Value{Num: 1234567}, "1234567"},
		{"bytes", numeric, KindBytes, Value{Num: 1234567}, "1.2M"},
		{"rate", numeric, KindRate, Value{Num: 999}, "999"},
		{"duration", numeric, KindDuration, Value{Num: 1500000}, "1.5ms"},
		{"age", numeric, KindDuration, Value{Num: int64(time.Hour), AtLeast: true}, ">1h00m"},
		{"time", numeric, KindTime, Value{Num: time.Date(2026, 1, 31, 23, 5, 9, 7, time.Local).UnixNano()}, "2026-01-31 23:05:09"},
	} {
		if got := string(c.f.Append([]byte("x"), c.k, c.v)); got != "x"+c.want {
			t.Errorf("%s: %q, want %q after x", c.name, got, c.want)
		}
	}
}

func TestRateOf(t *testing.T) {
	for r, want := range map[float32]int64{0: 0, 0.4: 0, 0.5: 1, 99.6: 100, 1.25e9: 1250000000} {
		if got := rateOf(r); got != want {
			t.Errorf("%g bytes/s is %d", r, got)
		}
	}
}

func TestItoa(t *testing.T) {
	for _, n := range []uint32{0, 1, 9, 10, 99, 100, 65534, 4294967294, 4294967295} {
		if got, want := itoa(n), strconv.FormatUint(uint64(n), 10); got != want {
			t.Errorf("itoa(%d) is %q", n, got)
		}
	}
}

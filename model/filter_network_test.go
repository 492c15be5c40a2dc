package model

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
)

// netOf makes a value of KindNetwork. Its family is the one it is written in, though its address be mapped.
func netOf(s string) Value {
	p := netip.MustParsePrefix(s)
	return Value{Addr: AddrFrom(p.Addr()), Num: int64(p.Bits()), V6: p.Addr().Is6()}
}

// referenceNet is the plain meaning of what is asked of a network.
func referenceNet(w want, v Value) bool {
	bits := int(v.Num)
	if !v.V6 {
		bits += 96
	}
	addr := v.Addr
	if !v.V6 && addr == (Addr{}) {
		addr = Addr{10: 0xff, 11: 0xff}
	}
	net, asked := netip.AddrFrom16(addr), netip.AddrFrom16(w.addr)
	mapped := bits >= 96 && net.Is4In6()
	switch w.how {
	case wantDefault:
		return v.Num == 0
	case wantHolds:
		return (mapped || !v.V6 || !w.v4) && containsBits(net, bits, asked)
	case wantWithin:
		return (v.V6 || w.v4) && bits >= w.bits && containsBits(asked, w.bits, net)
	}
	return v.V6 == !w.v4 && bits == w.bits && containsBits(asked, bits, net)
}

func TestFilterNetworks(t *testing.T) {
	on := func(network string) *probe { return row("network", network) }
	checkCases(t, map[string]filterCase{
		"IPv4": {on("10.0.0.0/8"),
			[]string{
				"network:10.1.2.3", "network:10.0.0.0", "network:10.255.255.255", "network:::ffff:10.1.2.3", "network:[::ffff:10.1.2.3]",
				"network:10.0.0.0/8", "network:10.0.0.0/7", "network:0.0.0.0/0", "network:::ffff:0:0/96", "network:::ffff:10.0.0.0/104", "network:11.0.0.0/7",
				"network=10.0.0.0/8", "network=10.9.9.9/8", "network!=10.0.0.0/9", "network!=default", "network!=::ffff:10.0.0.0/104",
				"network:10", "network:10.", "network:10.0", "network:1", "network~^10", "network~/8$", "10.0.0.0/8", "10.0", "/8", "network:default,10.1.2.3",
				"not network:-",
			},
			[]string{
				"network:11.0.0.0", "network:9.255.255.255", "network:::", "network:2001:db8::1", "network:10.0.0.0/9", "network:10.0.0.0/32", "network:::/0",
				"network:::ffff:0:0/97 network:11.0.0.0/8", "network=10.0.0.0", "network=10.0.0.0/7", "network=10.0.0.0/9", "network=::ffff:10.0.0.0/104", "network!=10.0.0.0/8",
				"network:default", "network=default", "network:-", "network:0", "network:10.1", "network:8", "network~default", "10.1.2.3", "network:d", "10.0.0.0/7",
			}},
		"a network with a short beginning": {on("10.1.0.0/16"), []string{"network:10.1", "network:10.1.", "network:10.1.0.1", "network:10.0.0.0/8"}, []string{"network:10.10", "network:10.2"}},
		"host": {on("10.1.2.3/32"),
			[]string{"network=10.1.2.3", "network:10.1.2.3", "network=10.1.2.3/32", "network:10.1.2.3/32", "network:10.0.0.0/8", "network:10.1.2.2/31"},
			[]string{"network=::ffff:10.1.2.3", "network:10.1.2.4", "network=10.1.2.3/31", "network!=10.1.2.3"}},
		"default": {on("0.0.0.0/0"),
			[]string{"network:default", "network=default", "network:DEFAULT", `network:"default"`, "network:d", "network:def", "network:10.1.2.3", "network:0.0.0.0", "network:255.255.255.255",
				"network:0.0.0.0/0", "network=0.0.0.0/0", "network:::ffff:0:0/96", "network!=::/0", "default", "network~^default$", "network:::ffff:10.1.2.3"},
			[]string{"network:::1", "network:::", "network:2001:db8::1", "network:::/0", "network=::/0", "network=::ffff:0:0/96", "network=0.0.0.0", "network!=default", "network:10.0.0.0/8",
				"network:0.0.0.0/1", "network:0", "0.0.0.0", "network:10."}},
		"default of IPv6": {on("::/0"),
			[]string{"network:default", "network=default", "network:::1", "network:::", "network:2001:db8::1", "network:::/0", "network=::/0", "network:::ffff:10.1.2.3", "network!=0.0.0.0/0", "default"},
			[]string{"network:10.1.2.3", "network:0.0.0.0", "network=0.0.0.0/0", "network:0.0.0.0/0", "network:::/1", "network!=default", "network!=::/0", "network=::"}},
		"default route as the zero value": {row("network", Value{}), []string{"network:default", "network=0.0.0.0/0", "network:10.1.2.3", "network:0.0.0.0/0"}, []string{"network:::1", "network:::/0"}},
		"IPv6": {on("2001:db8::/32"),
			[]string{"network:2001:db8::1", "network:[2001:DB8::1]", "network:2001:db8::/32", "network:[2001:db8::]/32", "network:2001::/16", "network:::/0", "network=2001:db8::/32",
				"network:2001:", "network:2001:d", "network:[2001:", "network:20", "network:2001:db8::/31", "network!=2001:db8::/33"},
			[]string{"network:2001:db9::", "network:10.1.2.3", "network:0.0.0.0/0", "network:2001:db8::/33", "network=2001:db8::", "network:db8", "network:default", "network:de", "network:::ffff:0:0/96"}},
		"letters first": {on("dead:beef::/48"), []string{"network:d", "network:de", "network:dead", "network:DEAD:", "network:dead:b", "network:dead:beef:0:1::"}, []string{"network:def", "network:default", "network:beef"}},
		"host of IPv6":  {on("::1/128"), []string{"network=::1", "network:::1", "network:[::1]", "network:::/0", "network:::1,default"}, []string{"network:::2", "network=::2", "network:0.0.0.1"}},
		"mapped": {on("::ffff:10.0.0.0/104"),
			[]string{"network:10.1.2.3", "network:::ffff:10.1.2.3", "network:10.0.0.0/8", "network:::ffff:10.0.0.0/104", "network:0.0.0.0/0", "network:::/0", "network:::ffff:0:0/96",
				"network=::ffff:10.0.0.0/104", "network:::ffff:10.", "network!=10.0.0.0/8"},
			[]string{"network:11.0.0.0", "network=10.0.0.0/8", "network:10.0.0.0/9", "network:default", "network!=::ffff:10.0.0.0/104", "network:10."}},
		"no default route": {on("::ffff:0:0/96"),
			[]string{"network:10.1.2.3", "network=::ffff:0:0/96", "network:0.0.0.0/0", "network!=default", "network!=0.0.0.0/0"},
			[]string{"network:default", "network=default", "network=0.0.0.0/0", "default", "network:::1"}},
		"wide": {on("::/80"), []string{"network:::1", "network:::/0", "network:::ffff:10.1.2.3"}, []string{"network:10.1.2.3", "network:default", "network:0.0.0.0/0"}},
		"unknown": {row(), []string{"network:-", "network=-", "not network:10.1.2.3"},
			[]string{"network:10.1.2.3", "network:default", "network:0.0.0.0/0", "network!=default", "network!=-", "network~.", "network:d"}},
		"longer than an address": {row("network", Value{Addr: addrOf("10.0.0.0"), Num: 255}), []string{"network:10.0.0.0", "network:10.0.0.0/8"}, []string{"network:10.0.0.1", "network:default"}},
	}, nil)
}

func TestFilterNetworkErrors(t *testing.T) {
	const wanted = "an address, a network or default is expected"
	for _, c := range []struct{ src, place, msg string }{
		{"network:eth0", "eth0", `"eth0" is no network; ` + wanted},
		{"network:defaults", "defaults", `"defaults" is no network; ` + wanted},
		{"network:10.0.0.0/8,x", "x", `"x" is no network; ` + wanted},
		{"network:a.b", "a.b", `"a.b" is no network; ` + wanted},
		{"network=def", "def", `"def" is no network; ` + wanted},
		{"network=10.1", "10.1", `"10.1" is no network; ` + wanted},
		{"network!=2001:", "2001:", `"2001:" is no network; ` + wanted},
		{"network:*", "*", `"*" is no network; ` + wanted},
		{`network:""`, `""`, `"" is no network; ` + wanted},
		{`network:"-"`, `"-"`, `"-" is no network; ` + wanted},
		{"network:10.0.0.0/33", "10.0.0.0/33", `"10.0.0.0/33" is no network, such as 10.0.0.0/8 or 2001:db8::/32; ` + wanted},
		{"network:10.0.0.0/", "10.0.0.0/", `"10.0.0.0/" is no network, such as 10.0.0.0/8 or 2001:db8::/32; ` + wanted},
		{"network:10.0.0.0/255.0.0.0", "10.0.0.0/255.0.0.0", `"10.0.0.0/255.0.0.0" is no network, such as 10.0.0.0/8 or 2001:db8::/32; ` + wanted},
		{"network:10.0.0.300", "10.0.0.300", `"10.0.0.300" is no address and not the beginning of one, such as 10.0.`},
		{"network:10.0.0.1:443", ":443", `a network has no port: leave out ":443"`},
		{`network:"[::1]:443"`, ":443", `a network has no port: leave out ":443"`},
		{"network:host:443", "host:443", `"host:443" is no network; ` + wanted},
		{"network:fe80::1%eth0", "fe80::1%eth0", `an address has no zone here: leave out "%eth0"`},
		{"network:10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9", "addresses take a network such as 10.0.0.0/8, not a range"},
		{"network>10.0.0.0/8", "10.0.0.0/8", "network is a network, which has no order: use a network, as in network:10.0.0.0/8"},
		{"network<=default", "default", "network is a network, which has no order: use a network, as in network:10.0.0.0/8"},
		{"network>-", "-", "- is the unknown, which no comparison matches; network:- finds it"},
		{"network:", "", "an address such as 10.0.0.1, a network such as 10.0.0.0/8 or default is expected after network:"},
		{"network:=10.0.0.1", "=", "an address such as 10.0.0.1, a network such as 10.0.0.0/8 or default is expected after network:; a value that begins so is put in quotes"},
		{"network~(", "(", `mistake in the regular expression: missing closing ) "("`},
	} {
		_, err := ParseFilter(c.src, probeScope())
		var bad *FilterError
		if !errors.As(err, &bad) {
			t.Errorf("%s: no error", c.src)
			continue
		}
		if got := c.src[bad.Pos : bad.Pos+bad.Len]; got != c.place && c.place != "(" || bad.Msg != c.msg {
			t.Errorf("%s\n at %q, want %q\n %s\n want: %s", c.src, got, c.place, bad.Msg, c.msg)
		}
	}
}

// TestNetworksHaveOneTextEach: what stands after = finds its network and no other, however alike they are.
func TestNetworksHaveOneTextEach(t *testing.T) {
	all := []string{
		"0.0.0.0/0", "::/0", "::ffff:0:0/96", "0.0.0.0/1", "0.0.0.0/32", "::/96", "::/128", "::/32", "10.0.0.0/8", "::ffff:10.0.0.0/104", "10.0.0.0/9",
		"10.0.0.0/32", "::10.0.0.0/104", "2001:db8::/32", "2001:db8::/33", "fe80::/64", "::1/128", "0.0.0.1/32",
	}
	values := append(nets(all), Value{Why: NotApplicable})
	for _, v := range values {
		src := "network=" + FilterValue(KindNetwork, v)
		for _, other := range values {
			if got := holds(t, src, row("network", other), nil); got != (v == other) {
				t.Errorf("%s of %+v: %v", src, other, got)
			}
		}
	}
}

func nets(texts []string) []Value {
	var values []Value
	for _, s := range texts {
		values = append(values, netOf(s))
	}
	return values
}

// TestRouteNetworks asks the columns of the routes themselves.
func TestRouteNetworks(t *testing.T) {
	route := func(dst, src string, family Family) Route {
		d, s := netip.MustParsePrefix(dst), netip.MustParsePrefix(src)
		return Route{
			Dst: AddrFrom(d.Addr()), DstLen: uint8(d.Bits()), Src: AddrFrom(s.Addr()), SrcLen: uint8(s.Bits()), Family: family,
		}
	}
	rows := []Route{
		route("fe80::/64", "::/0", IPv6), route("0.0.0.0/0", "0.0.0.0/0", IPv4), route("10.10.0.0/16", "0.0.0.0/0", IPv4), {Family: IPv4},
		route("9.0.0.0/8", "0.0.0.0/0", IPv4), route("::/0", "2001:db8::/32", IPv6), route("10.0.0.0/8", "10.0.0.0/9", IPv4),
	}
	table := Routes()
	for src, want := range map[string][]int{
		"destination:10.10.1.1":  {1, 2, 3, 6},
		"destination:10.0.0.0/8": {2, 6},
		"destination=10.0.0.0/8": {6},
		"destination:default":    {1, 3, 5},
		"destination=0.0.0.0/0":  {1, 3},
		"dst:2001:db8::1":        {5},
		"dst:fe8":                {0},
		"from:-":                 {0, 1, 2, 3, 4},
		"from:2001:db8::1":       {5},
		"from:10.0.0.0/8":        {6},
		"from:default":           nil,
		"default":                {1, 3, 5},
	} {
		f, err := ParseFilter(src, Scope{Name: "routes", Specs: table.Specs()})
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		match := Matcher(f, 0, table, nil)
		var got []int
		for i := range rows {
			if match(&Snapshot{}, &rows[i]) {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", src, got, want)
		}
	}
	column := slices.IndexFunc(table.Columns, func(c Column[Route]) bool { return c.ID == "destination" })
	order := allRows(len(rows))
	table.Sort(&Snapshot{}, rows, order, Sorting{Column: column})
	if v := table.Columns[column].Value; v(nil, &rows[1]) != v(nil, &rows[3]) {
		t.Error("the IPv4 default route has two values")
	}
	if want := []int32{5, 3, 1, 4, 6, 2, 0}; !slices.Equal(order, want) {
		t.Errorf("by destination: %v, want %v", order, want)
	}
}

// TestTalliesOfNetworks: each network has a key of its own, and what Enter on a count asks for finds its rows.
func TestTalliesOfNetworks(t *testing.T) {
	texts := []string{"0.0.0.0/0", "::/0", "::ffff:0:0/96", "10.0.0.0/8", "10.0.0.0/9", "::ffff:10.0.0.0/104", "2001:db8::/32", "::/0", "10.0.0.0/8"}
	var rows []probe
	for _, v := range append(nets(texts), Value{Why: NotApplicable}) {
		rows = append(rows, *row("network", v))
	}
	table := probeTable()
	tallies := TallyBy(table, &Snapshot{}, rows, allRows(len(rows)), probeColumn("network"))
	keys := map[string]bool{}
	for _, tally := range tallies {
		if keys[tally.Key] {
			t.Errorf("two networks have the key %q", tally.Key)
		}
		keys[tally.Key] = true
		src, found := "network="+FilterValue(KindNetwork, tally.Value), 0
		for i := range rows {
			if holds(t, src, &rows[i], nil) {
				found++
			}
		}
		if found != tally.Rows {
			t.Errorf("%s finds %d rows of %d", src, found, tally.Rows)
		}
	}
	if len(tallies) != 8 {
		t.Errorf("%d tallies", len(tallies))
	}
}

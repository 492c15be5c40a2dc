package model

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// checkColumns checks what every table promises of its columns.
func checkColumns(t *testing.T, table string, specs []Spec) {
	t.Helper()
	ids := map[string]bool{}
	for _, c := range specs {
		if ids[c.ID] {
			t.Errorf("%s: two columns are %q", table, c.ID)
		}
		ids[c.ID] = true
	}
	mayShare := map[string]bool{"port": true, "addr": true} // either end
	aliases := map[string]string{}
	for _, c := range specs {
		if c.ID == "" || c.ID != strings.ToLower(c.ID) || strings.ContainsAny(c.ID, " :=<>~!,()'\"") {
			t.Errorf("%s: %q cannot be written in a filter", table, c.ID)
		}
		if c.Title == "" || c.Title != strings.ToUpper(c.Title) && !strings.HasSuffix(c.Title, "/s") {
			t.Errorf("%s: %s has the title %q", table, c.ID, c.Title)
		}
		if c.Help == "" || strings.HasSuffix(c.Help, ".") || strings.Contains(c.Help, "\n") {
			t.Errorf("%s: the help of %s is %q, not one line", table, c.ID, c.Help)
		}
		if c.Width < 3 || c.Max != 0 && c.Max < c.Width {
			t.Errorf("%s: %s is %d to %d wide", table, c.ID, c.Width, c.Max)
		}
		if c.Give < 0 {
			t.Errorf("%s: %s gives way at %d", table, c.ID, c.Give)
		}
		for _, a := range c.Aliases {
			if ids[a] {
				t.Errorf("%s: %s is also called %s, which is another column", table, c.ID, a)
			}
			if other, taken := aliases[a]; taken && !mayShare[a] {
				t.Errorf("%s: %s and %s are both called %s", table, other, c.ID, a)
			}
			aliases[a] = c.ID
		}
	}
}

func TestColumns(t *testing.T) {
	checkColumns(t, "sockets", Sockets().Specs())
	checkColumns(t, "processes", Processes().Specs())
	checkColumns(t, "unix", Unix().Specs())
	checkColumns(t, "interfaces", Links().Specs())
	checkColumns(t, "routes", Routes().Specs())
	checkColumns(t, "statistics", Statistics().Specs())
	checkColumns(t, "groups", Memberships().Specs())
	checkColumns(t, "nat", Flows().Specs())
	for _, c := range Sockets().Specs() {
		checkColumns(t, "groups by "+c.ID, Groups("groups", c).Specs())
	}
}

// TestSocketColumnsByDefault are those that a person sees first.
func TestSocketColumnsByDefault(t *testing.T) {
	var shown []string
	for _, c := range Sockets().Specs() {
		if c.Default {
			shown = append(shown, c.ID)
		}
	}
	want := []string{"process", "pid", "proto", "local", "lport", "remote", "rport", "state", "sent", "received", "tx", "rx"}
	if !slices.Equal(shown, want) {
		t.Errorf("shown: %v", shown)
	}
}

// TestTies: who held a socket, or must have, is not shown as if it held it now; filters and groups know it by the same name.
func TestTies(t *testing.T) {
	s := &Snapshot{Processes: []Process{{PID: 9, Name: SafeText("nginx")}}}
	specs := Sockets()
	process, held := specs.Columns[0], -1
	for i := range specs.Columns {
		if specs.Columns[i].ID == "held" {
			held = i
		}
	}
	for _, c := range []struct {
		h           Holding
		shown, held string
	}{
		{Holding{Holders: 1}, "nginx", "yes"}, {Holding{Holders: 6}, "nginx +5", "yes"}, {Holding{Was: true}, "nginx (was)", "was"},
		{Holding{Inferred: true}, "nginx (?)", "inferred"}, {Holding{Was: true, Inferred: true}, "nginx (?)", "inferred"},
	} {
		r := Socket{Holding: c.h}
		v := process.Value(s, &r)
		if shown := string((&Formatter{}).Append(nil, KindText, v)); shown != c.shown || v.Text != "nginx" {
			t.Errorf("%+v is shown as %q, named %q", c.h, shown, v.Text)
		}
		if got := specs.Columns[held].Value(s, &r).Text; got != c.held {
			t.Errorf("%+v is held: %q", c.h, got)
		}
		if g := groupValue(KindText, v); g != (Value{Text: "nginx"}) {
			t.Errorf("%+v is grouped by %+v", c.h, g)
		}
	}
}

// TestUnknownIsNeverZero gives each column a row of which the kernel said nothing.
func TestUnknownIsNeverZero(t *testing.T) {
	// What a socket always has, and why anything else is unknown.
	always := []string{"proto", "local", "lport", "remote", "rport", "timer"}
	want := map[string]Unknown{
		"process": NotYet, "pid": NotYet, "holders": NotYet, "held": NotYet, "unit": NotYet, "container": NotYet, "workload": NotYet, "peer": NotApplicable, "peerpid": NotApplicable, "cmdline": NotYet,
		"netns": NotYet, "asked": NotYet,
		"sent": NotGiven, "received": NotGiven, "tx": NotGiven, "rx": NotGiven, "sentpkts": NotGiven, "recvpkts": NotGiven,
		"recvq": NotGiven, "sendq": NotGiven, "user": NotGiven, "uid": NotGiven, "rtt": NotGiven, "retrans": NotGiven,
		"cwnd": NotGiven, "mss": NotGiven, "pmtu": NotGiven, "delivery": NotGiven, "cong": NotGiven, "cookie": NotGiven,
		"state": NotGiven, "age": NotYet, "inode": NoProcess, "expires": NotApplicable, "iface": NotApplicable, "mark": NeedsNetAdmin,
	}
	// The fields of figures that were not given hold rubbish on purpose.
	r := Socket{Proto: TCP, Family: IPv4, Holding: Holding{Owner: -1, Why: NotYet}, Sent: 7, Received: 7, SentRate: 7, RTT: 7, UID: 7, FwMark: 7, RecvQ: 7}
	s := &Snapshot{Congestion: []Text{SafeText("cubic")}}
	for _, c := range Sockets().Columns {
		v := c.Value(s, &r)
		if slices.Contains(always, c.ID) {
			if v.Why != Known {
				t.Errorf("%s is unknown: %v", c.ID, v.Why)
			}
			continue
		}
		why, listed := want[c.ID]
		if !listed {
			t.Errorf("%s is not in this test", c.ID)
		}
		if v.Why != why || v.Num != 0 || v.Text != "" {
			t.Errorf("%s of a row without figures is %+v, want %q", c.ID, v, why)
		}
		if got := string((&Formatter{}).Append(nil, c.Kind, v)); got != "-" {
			t.Errorf("%s of a row without figures shows %q", c.ID, got)
		}
		delete(want, c.ID)
	}
	for id := range want {
		t.Errorf("there is no column %s", id)
	}
}

// TestNoColumnPanics, whatever the row holds and however little the snapshot does.
func TestNoColumnPanics(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	full := mixedSnapshot(rnd, 500)
	table := Sockets()
	for _, s := range []*Snapshot{{}, full} {
		for i := range full.Sockets {
			r := full.Sockets[i]
			if i == 0 {
				r = Socket{}
			}
			if i%3 == 0 {
				r.Owner, r.Cong, r.NetNS, r.Interface = 1<<30, 255, 65535, 1<<31
			}
			for _, c := range table.Columns {
				v := c.Value(s, &r)
				if v.Why != Known && (v.Num != 0 || v.Text != "" || v.Addr != Addr{}) {
					t.Fatalf("%s is unknown (%v) and yet has a value: %+v", c.ID, v.Why, v)
				}
				if v.AtLeast && !c.AtLeast {
					t.Fatalf("%s has a lower bound and does not say that it may", c.ID)
				}
			}
			table.Key(s, &r)
			table.Change(s, &r)
			s.HoldersOf(&r)
		}
	}
	for _, c := range Processes().Columns {
		c.Value(&Snapshot{}, &Process{})
	}
	for _, c := range Groups("hosts", table.Columns[0].Spec).Columns {
		c.Value(&Snapshot{}, &Group{})
	}
}

func TestSocketValues(t *testing.T) {
	s := &Snapshot{
		Now: 100e9, Users: map[uint32]Text{33: SafeText("www-data")}, Interfaces: map[LinkID]Text{{Index: 2}: SafeText("eth0")},
		Congestion: []Text{SafeText("reno"), SafeText("cubic")},
		Processes:  []Process{{PID: 70, Name: SafeText("nginx"), Unit: SafeText("nginx.service"), Cmdline: SafeText("nginx -g")}},
	}
	full := Socket{
		Cookie: 0xbeef, Local: addrOf("192.0.2.1"), LocalPort: 443, Remote: addrOf("192.0.2.2"), RemotePort: 50000,
		Sent: 1234567, Received: 10, SentRate: 1500.4, ReceivedRate: 0, SentPackets: 3, ReceivedPackets: 4, RecvQ: 5, SendQ: 6,
		UID: 33, FirstSeen: 40e9, Inode: 77, Interface: 2, FwMark: 0x10, RTT: 1500, Retrans: 8, Cwnd: 10, MSS: 1448,
		PMTU: 1500, DeliveryRate: 2500000, Timer: TimerKeepalive, Expires: 7200000, Cong: 1, Holding: Holding{Holders: 3},
		Proto: TCP, Family: IPv6, State: Established, Has: 1<<9 - 1,
	}
	with := func(f func(*Socket)) *Socket {
		r := full
		f(&r)
		return &r
	}
	for _, c := range []struct {
		column string
		r      *Socket
		want   string
		why    Unknown
	}{
		{"process", &full, "nginx +2", 0}, {"pid", &full, "70", 0}, {"proto", &full, "tcp6", 0}, {"holders", &full, "3", 0},
		{"local", &full, "192.0.2.1", 0}, {"lport", &full, "443", 0}, {"rport", &full, "50000", 0},
		{"rport", with(func(r *Socket) { r.RemotePort = 0 }), "*", 0},
		{"state", &full, "ESTABLISHED", 0},
		{"state", with(func(r *Socket) { r.Proto, r.State = UDP, Close }), "UNCONN", 0},
		{"sent", &full, "1.2M", 0}, {"received", &full, "10", 0}, {"tx", &full, "1.5K", 0}, {"rx", &full, "0", 0},
		{"tx", with(func(r *Socket) { r.Has = HasBytes }), "-", NotYet},
		{"tx", with(func(r *Socket) { r.Has = HasBytes; r.State = TimeWait }), "-", InTimeWait},
		{"tx", with(func(r *Socket) { r.Has = HasBytes; r.Stale = true }), "-", Stale},
		{"tx", with(func(r *Socket) { r.Has = HasBytes; r.Dead = true }), "-", NotApplicable},
		{"tx", with(func(r *Socket) { r.Has = 0 }), "-", NotGiven},
		{"sent", with(func(r *Socket) { r.Stale = true }), "1.2M", 0},
		{"user", &full, "www-data", 0}, {"user", with(func(r *Socket) { r.UID = 34 }), "34", 0}, {"uid", &full, "33", 0},
		{"uid", with(func(r *Socket) { r.UID = 0 }), "0", 0},
		{"age", &full, ">1m00s", 0}, {"age", with(func(r *Socket) { r.AgeKnown = true }), "1m00s", 0},
		{"unit", &full, "nginx.service", 0}, {"container", &full, "-", NotApplicable}, {"cmdline", &full, "nginx -g", 0},
		{"rtt", &full, "1.5ms", 0}, {"retrans", &full, "8", 0}, {"delivery", &full, "2.5M", 0}, {"timer", &full, "keepalive", 0},
		{"expires", &full, "2h00m", 0}, {"expires", with(func(r *Socket) { r.Timer = TimerOff }), "-", NotApplicable},
		{"cong", &full, "cubic", 0}, {"inode", &full, "77", 0},
		{"inode", with(func(r *Socket) { r.Inode, r.State = 0, TimeWait }), "-", InTimeWait},
		{"inode", with(func(r *Socket) { r.Inode = 0 }), "-", NotAccepted},
		{"cookie", &full, "0xbeef", 0}, {"iface", &full, "eth0", 0},
		{"iface", with(func(r *Socket) { r.Interface = 9 }), "-", NotGiven}, {"mark", &full, "0x10", 0},
		{"process", with(func(r *Socket) { r.Owner, r.Why = -1, NoPermission }), "-", NoPermission},
		{"process", with(func(r *Socket) { r.Owner, r.Why = -1, Known }), "-", NotYet},
		{"process", with(func(r *Socket) { r.Owner = 5 }), "-", NotYet},
	} {
		columns := Sockets().Columns
		i := slices.IndexFunc(columns, func(x Column[Socket]) bool { return x.ID == c.column })
		v := columns[i].Value(s, c.r)
		got := string((&Formatter{}).Append(nil, columns[i].Kind, v))
		if got != c.want || v.Why != c.why {
			t.Errorf("%s of %+v is %q (%v), want %q (%v)", c.column, *c.r, got, v.Why, c.want, c.why)
		}
	}
}

func TestSocketKey(t *testing.T) {
	s := &Snapshot{NetNS: []NetNS{{Cookie: 1}, {Cookie: 4097}}}
	a := Socket{Cookie: 9, Proto: TCP, Family: IPv4, Local: addrOf("10.0.0.1"), LocalPort: 80, State: Established}
	same := a
	same.State, same.Sent, same.Inode, same.Owner = TimeWait, 5, 7, 3
	if SocketKey(s, &a) != SocketKey(s, &same) {
		t.Error("the key depends on more than the identity")
	}
	bare := Socket{Proto: TCP, Family: IPv4, Local: addrOf("10.0.0.1"), LocalPort: 80, Remote: addrOf("10.0.0.2"), RemotePort: 90, Inode: 5}
	others := []Socket{a, bare}
	for _, f := range []func(*Socket){
		func(r *Socket) { r.Cookie = 10 }, func(r *Socket) { r.NetNS = 1 },
	} {
		r := a
		f(&r)
		others = append(others, r)
	}
	for _, f := range []func(*Socket){
		func(r *Socket) { r.Proto = UDP }, func(r *Socket) { r.Local = addrOf("10.0.0.3") }, func(r *Socket) { r.LocalPort++ },
		func(r *Socket) { r.Remote = addrOf("10.0.0.3") }, func(r *Socket) { r.RemotePort++ }, func(r *Socket) { r.Inode++ },
		func(r *Socket) { r.Family = IPv6 },
	} {
		r := bare
		f(&r)
		others = append(others, r)
	}
	keys := map[Key]int{}
	for i := range others {
		k := SocketKey(s, &others[i])
		if j, taken := keys[k]; taken {
			t.Errorf("%+v and %+v have one key", others[j], others[i])
		}
		keys[k] = i
	}
	SocketKey(&Snapshot{}, &a) // no namespace known
}

func TestSocketTarget(t *testing.T) {
	r := Socket{Cookie: 1, Local: addrOf("10.0.0.1"), Remote: addrOf("10.0.0.2"), LocalPort: 3, RemotePort: 4, Interface: 5, Proto: TCP, Family: IPv6, State: Listen, NetNS: 1}
	want := CloseTarget{Cookie: 1, Local: r.Local, Remote: r.Remote, LocalPort: 3, RemotePort: 4, Interface: 5, Proto: TCP, Family: IPv6, State: Listen, NetNS: 4097}
	s := &Snapshot{NetNS: []NetNS{{Cookie: 1}, {Cookie: 4097}}}
	if got := s.TargetOf(&r); got != want {
		t.Errorf("got %+v", got)
	}
	if want.NetNS = 0; r.Target() != want {
		t.Errorf("within its namespace: %+v", r.Target())
	}
}

func TestSocketChange(t *testing.T) {
	s := &Snapshot{Now: 10e9, Hold: 1e9}
	for _, c := range []struct {
		name string
		r    Socket
		want Change
	}{
		{"at rest", Socket{MarkedAt: 10e9}, Unchanged},
		{"new now", Socket{Mark: New, MarkedAt: 10e9}, New},
		{"changed a little ago", Socket{Mark: Changed, MarkedAt: 9.5e9}, Changed},
		{"shown for its time", Socket{Mark: New, MarkedAt: 9e9}, Unchanged},
		{"shown for its time but a tick's jitter", Socket{Mark: New, MarkedAt: 9.05e9}, Unchanged},
		{"dead is closed for as long as it is there", Socket{Mark: Closed, MarkedAt: 1, Dead: true}, Closed},
	} {
		if got := Sockets().Change(s, &c.r); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestHoldersOf(t *testing.T) {
	s := &Snapshot{
		Processes: []Process{{PID: 10}, {PID: 11}, {PID: 12}, {PID: 13}},
		Holders:   []Holder{{5, 0}, {5, 2}, {7, 0}, {7, 1}, {7, 3}, {9, 1}, {9, 2}},
	}
	for _, c := range []struct {
		name string
		r    Socket
		want []int32 // pids
	}{
		{"nobody", Socket{Inode: 7, Holding: Holding{Owner: -1}}, nil},
		{"one", Socket{Inode: 6, Holding: Holding{Owner: 2, Holders: 1}}, []int32{12}},
		{"the first of them first", Socket{Inode: 7, Holding: Holding{Owner: 1, Holders: 3}}, []int32{11, 10, 13}},
		{"at the front of the list", Socket{Inode: 5, Holding: Holding{Owner: 0, Holders: 2}}, []int32{10, 12}},
		{"at its end", Socket{Inode: 9, Holding: Holding{Owner: 2, Holders: 2}}, []int32{12, 11}},
		{"not in the list", Socket{Inode: 8, Holding: Holding{Owner: 2, Holders: 2}}, []int32{12}},
		{"beyond the list", Socket{Inode: 10, Holding: Holding{Owner: 2, Holders: 2}}, []int32{12}},
		{"an owner that is not there", Socket{Inode: 7, Holding: Holding{Owner: 9, Holders: 2}}, nil},
	} {
		var pids []int32
		for _, p := range s.HoldersOf(&c.r) {
			pids = append(pids, p.PID)
		}
		if !slices.Equal(pids, c.want) {
			t.Errorf("%s: %v, want %v", c.name, pids, c.want)
		}
	}
}

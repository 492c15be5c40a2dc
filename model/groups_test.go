package model

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func socketColumn(id string) *Column[Socket] {
	columns := Sockets().Columns
	i := slices.IndexFunc(columns, func(c Column[Socket]) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return &columns[i]
}

// pastColumn is the column of History with this id.
func pastColumn(id string) *Column[Past] {
	columns := ClosedConnections().Columns
	i := slices.IndexFunc(columns, func(c Column[Past]) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return &columns[i]
}

// groupsShown are the groups as "value:sockets", in order of their keys.
func groupsShown(groups []Group, by *Column[Socket]) []string {
	var shown []string
	for i := range groups {
		shown = append(shown, fmt.Sprintf("%s:%d", (&Formatter{}).Append(nil, by.Kind, groups[i].Value), groups[i].Sockets))
	}
	slices.Sort(shown)
	return shown
}

func TestGroupBy(t *testing.T) {
	s := &Snapshot{
		Users:     map[uint32]Text{33: SafeText("www")},
		Processes: []Process{{PID: 1, Name: SafeText("nginx")}, {PID: 2, Name: SafeText("sshd")}},
		Sockets: []Socket{
			{Proto: TCP, Family: IPv4, State: Established, Remote: addrOf("192.0.2.1"), LocalPort: 80, Holding: Holding{Owner: 0}, UID: 33, Has: HasUID},
			{Proto: TCP, Family: IPv6, State: Established, Remote: addrOf("::ffff:192.0.2.1"), LocalPort: 80, Holding: Holding{Owner: 0}, UID: 33, Has: HasUID},
			{Proto: TCP, Family: IPv6, State: TimeWait, Remote: addrOf("2001:db8::1"), LocalPort: 443, Holding: Holding{Owner: -1, Why: InTimeWait}},
			{Proto: UDP, Family: IPv4, State: Established, Remote: addrOf("192.0.2.1"), LocalPort: 80, Holding: Holding{Owner: 1}, UID: 0, Has: HasUID},
			{Proto: UDP, Family: IPv4, State: Close, Remote: addrOf("0.0.0.0"), LocalPort: 53, Holding: Holding{Owner: -1, Why: NoPermission}, UID: 7, Has: HasUID},
			{Proto: UDP, Family: IPv6, State: Close, Remote: Addr{}, LocalPort: 53, Holding: Holding{Owner: -1, Why: NoPermission}, UID: 7, Has: HasUID},
			{Proto: TCP, Family: IPv6, State: Listen, Remote: addrOf("::ffff:0.0.0.0"), LocalPort: 80, Holding: Holding{Owner: 1}, UID: 0, Has: HasUID},
			{Proto: TCP, Family: IPv4, State: Established, Remote: addrOf("192.0.2.9"), LocalPort: 80, Holding: Holding{Owner: 0}, Dead: true, UID: 33, Has: HasUID},
		},
	}
	for _, c := range []struct {
		by   string
		want []string
	}{
		{"state", []string{"ESTABLISHED:3", "LISTEN:1", "TIME_WAIT:1", "UNCONN:2"}},
		{"remote", []string{"0.0.0.0:2", "192.0.2.1:3", "192.0.2.9:0", "2001:db8::1:1", ":::1"}},
		{"lport", []string{"443:1", "53:2", "80:4"}},
		{"process", []string{"-:3", "nginx:2", "sshd:2"}},
		{"pid", []string{"-:3", "1:2", "2:2"}},
		{"user", []string{"-:1", "0:2", "7:2", "www:2"}},
		{"proto", []string{"tcp6:3", "tcp:1", "udp6:1", "udp:2"}},
	} {
		by := socketColumn(c.by)
		groups := NewGrouper(by).Group(s, allRows(len(s.Sockets)))
		if got := groupsShown(groups, by); !slices.Equal(got, c.want) {
			t.Errorf("by %s: %v, want %v", c.by, got, c.want)
		}
	}
	by := socketColumn("remote")
	want := []string{"192.0.2.1:3", "192.0.2.9:0", "2001:db8::1:1"}
	if got := groupsShown(NewHostGrouper(by).Group(s, allRows(len(s.Sockets))), by); !slices.Equal(got, want) {
		t.Errorf("hosts: %v, want %v", got, want)
	}
	if got := NewGrouper(by).Group(s, nil); len(got) != 0 {
		t.Errorf("of no sockets: %v", got)
	}
	if got := groupsShown(NewGrouper(by).Group(s, []int32{2, 0}), by); !slices.Equal(got, []string{"192.0.2.1:1", "2001:db8::1:1"}) {
		t.Errorf("of two sockets: %v", got)
	}
}

func TestGroupSums(t *testing.T) {
	s := &Snapshot{
		Now: 10e9, Hold: 1e9,
		Processes: []Process{{Name: SafeText("a")}, {Name: SafeText("b")}, {Name: SafeText("a")}, {Name: SafeText("c")}, {Name: SafeText("d")}, {Name: SafeText("e")}},
		Sockets: []Socket{
			{Proto: TCP, LocalPort: 1, State: Established, Sent: 10, Received: 1, SentRate: 5, ReceivedRate: 6, Has: HasBytes | HasRates, Holding: Holding{Owner: 0}},
			{Proto: TCP, LocalPort: 1, State: CloseWait, Sent: 20, Received: 2, Has: HasBytes, Holding: Holding{Owner: 1}},
			{Proto: UDP, LocalPort: 1, State: Close, Sent: 99, Received: 99, SentRate: 99, Holding: Holding{Owner: 2}},
			{Proto: TCP, LocalPort: 1, State: Established, Sent: 1000, Received: 1000, Has: HasBytes, Holding: Holding{Owner: 5}, Dead: true},
			{Proto: TCP, LocalPort: 1, State: TimeWait, Holding: Holding{Owner: 3, Was: true}},
			{Proto: TCP, LocalPort: 1, State: SynRecv, Holding: Holding{Owner: -1}, Mark: New, MarkedAt: 10e9},
			{Proto: TCP, LocalPort: 1, State: Established, Holding: Holding{Owner: 4}},
			{Proto: UDP, LocalPort: 2, State: Close, Holding: Holding{Owner: -1}},
			{Proto: UDP, LocalPort: 3, State: Close, Holding: Holding{Owner: -1}, Mark: New, MarkedAt: 10e9},
			{Proto: UDP, LocalPort: 4, State: Close, Holding: Holding{Owner: -1}, Dead: true},
		},
	}
	by := socketColumn("lport")
	groups := NewGrouper(by).Group(s, allRows(len(s.Sockets)))
	table := Groups("ports", by.Spec)
	if len(groups) != 4 {
		t.Fatalf("%d groups", len(groups))
	}
	for _, c := range []struct {
		group int
		want  map[string]string
		mark  Change
	}{
		{0, map[string]string{
			"lport": "1", "sockets": "6", "established": "2", "closewait": "1", "timewait": "1", "synrecv": "1", "synsent": "0",
			"listening": "0", "finwait1": "0", "finwait2": "0", "lastack": "0", "closing": "0", "sent": "30", "received": "3", "tx": "5", "rx": "6",
			"processes": "a b c +1",
		}, Unchanged},
		{1, map[string]string{"lport": "2", "sockets": "1", "sent": "-", "received": "-", "tx": "-", "rx": "-", "processes": "-"}, Unchanged},
		{2, map[string]string{"lport": "3", "sockets": "1"}, New},
		{3, map[string]string{"lport": "4", "sockets": "0", "sent": "-"}, Closed},
	} {
		g := &groups[c.group]
		for _, column := range table.Columns {
			want, ok := c.want[column.ID]
			if !ok {
				continue
			}
			if got := string((&Formatter{}).Append(nil, column.Kind, column.Value(s, g))); got != want {
				t.Errorf("group %d: %s is %q, want %q", c.group, column.ID, got, want)
			}
			delete(c.want, column.ID)
		}
		for id := range c.want {
			t.Errorf("no column %s", id)
		}
		if got := table.Change(s, g); got != c.mark {
			t.Errorf("group %d: change %v, want %v", c.group, got, c.mark)
		}
	}
}

// TestNoRateSaysWhy: what has no counters is not waited for.
func TestNoRateSaysWhy(t *testing.T) {
	s := &Snapshot{Sockets: []Socket{{Proto: UDP, Holding: Holding{Owner: -1}}, {Proto: TCP, Has: HasBytes, Holding: Holding{Owner: -1}}}}
	by := socketColumn("proto")
	groups := NewGrouper(by).Group(s, allRows(2))
	for _, column := range Groups("x", by.Spec).Columns {
		if column.ID != "tx" && column.ID != "rx" {
			continue
		}
		if v := column.Value(s, &groups[0]); v.Why != NotGiven {
			t.Errorf("%s of UDP: %v", column.ID, v.Why)
		}
		if v := column.Value(s, &groups[1]); v.Why != NotYet {
			t.Errorf("%s of a first sample: %v", column.ID, v.Why)
		}
	}
	for _, column := range Processes().Columns {
		if column.ID != "tx" && column.ID != "rx" {
			continue
		}
		if v := column.Value(s, &Process{PID: 1}); v.Why != NotGiven {
			t.Errorf("%s of a process with UDP only: %v", column.ID, v.Why)
		}
		if v := column.Value(s, &Process{PID: 1, HasBytes: true}); v.Why != NotYet {
			t.Errorf("%s of a process seen once: %v", column.ID, v.Why)
		}
	}
}

// TestGroupsHaveOneKeyEach, by whatever column, and hold each socket once.
func TestGroupsHaveOneKeyEach(t *testing.T) {
	s := mixedSnapshot(rand.New(rand.NewPCG(9, 10)), 400)
	s.Processes[4].Name = SafeText("- " + NoPermission.String()) // tries to pass for the unknown
	table := Sockets()
	for c := range table.Columns {
		by := &table.Columns[c]
		groups := NewGrouper(by).Group(s, allRows(len(s.Sockets)))
		shown := Groups("groups", by.Spec)
		keys := map[Key]bool{}
		sockets, closed := 0, 0
		for i := range groups {
			k := shown.Key(s, &groups[i])
			if keys[k] {
				t.Errorf("by %s: two groups have the key %q", by.ID, k.Text)
			}
			keys[k] = true
			sockets, closed = sockets+groups[i].Sockets, closed+groups[i].closed
		}
		if sockets+closed != len(s.Sockets) {
			t.Errorf("by %s: %d live and %d closed sockets of %d", by.ID, sockets, closed, len(s.Sockets))
		}
	}
}

func TestGroupsTitle(t *testing.T) {
	by := socketColumn("remote")
	table := Groups("hosts", by.Spec, "HOST")
	if c := table.Columns[0]; table.Name != "hosts" || c.Title != "HOST" || c.ID != "remote" || !c.Default || c.Aliases != nil {
		t.Errorf("%s: %+v", table.Name, c.Spec)
	}
	if by.Title != "REMOTE" || by.Aliases == nil {
		t.Errorf("the column of the sockets was changed: %+v", by.Spec)
	}
}

// A Grouper that has grouped before gives what a new one gives, and leaves the groups it gave last alone.
func TestGrouperAgain(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	by := socketColumn("remote")
	g := NewGrouper(by)
	var last []Group
	var lastShown []string
	for turn := range 50 {
		var s Snapshot
		for range rnd.IntN(3000) {
			r := tcp4(rnd.Uint64(), 1, 1)
			r.Remote[14], r.Remote[15] = byte(turn/10), byte(rnd.IntN(200))
			r.Owner = -1
			if rnd.IntN(2) == 0 {
				r.Owner = int32(rnd.IntN(5))
			}
			s.Sockets = append(s.Sockets, r)
		}
		for pid := range int32(5) {
			s.Processes = append(s.Processes, proc(pid+1, 1))
		}
		order := allRows(len(s.Sockets))
		groups := g.Group(&s, order)
		if got, want := groupsShown(groups, by), groupsShown(NewGrouper(by).Group(&s, order), by); !slices.Equal(got, want) {
			t.Fatalf("turn %d: %v, want %v", turn, got, want)
		}
		for i, fresh := range NewGrouper(by).Group(&s, order) {
			if groups[i].Processes != fresh.Processes || groups[i].Key != fresh.Key {
				t.Fatalf("turn %d: %+v, want %+v", turn, groups[i], fresh)
			}
		}
		if got := groupsShown(last, by); !slices.Equal(got, lastShown) {
			t.Fatalf("turn %d: the groups of the turn before became %v, they were %v", turn, got, lastShown)
		}
		last, lastShown = groups, groupsShown(groups, by)
		if most := 2*len(groups) + spareNames; len(g.named) > most {
			t.Fatalf("turn %d: %d values are known, at most %d should be", turn, len(g.named), most)
		}
	}
}

// A host's bytes are those of its live connections and of its closed ones in History, each once: a TIME_WAIT that is there
// does not count again, a closed row that is not there yet counts meanwhile.
func TestHostsCountClosed(t *testing.T) {
	here, away := addrOf("192.0.2.1"), addrOf("192.0.2.2")
	tcp := func(remote Addr, state State, bytes uint64, past pastMark, dead bool) Socket {
		return Socket{Proto: TCP, Family: IPv4, State: state, Remote: remote, RemotePort: 80, Sent: bytes, Received: 2 * bytes, Has: HasBytes,
			Holding: Holding{Owner: -1}, past: past, Dead: dead}
	}
	s := &Snapshot{
		Sockets: []Socket{
			tcp(here, Established, 1, notPast, false), tcp(here, TimeWait, 10, isPast, false), tcp(here, TimeWait, 100, noPast, false),
			tcp(here, Established, 1000, notPast, true), tcp(here, Established, 10_000, isPast, true),
		},
		History: []Past{
			{Remote: here, Sent: 10, Received: 20, Has: HasBytes, LocalPort: 1}, {Remote: here, Sent: 10_000, Received: 20_000, Has: HasBytes, LocalPort: 2},
			{Remote: here, Sent: 100_000, Received: 200_000, Has: HasBytes, LocalPort: 3}, {Remote: here, Sent: 5}, {Remote: away, Sent: 7, Has: HasBytes},
		},
	}
	for _, c := range []struct {
		name  string
		add   bool
		shows func(*Snapshot, *Past) bool
		want  uint64
	}{
		{"live ones alone", false, nil, 111},
		{"with closed ones", true, nil, 111_111},
		{"with some", true, func(_ *Snapshot, r *Past) bool { return r.LocalPort != 3 }, 11_111},
	} {
		g := NewHostGrouper(socketColumn("remote"))
		if c.add {
			g.AddClosed(pastColumn("remote"), c.shows)
		}
		for range 3 {
			groups := g.Group(s, allRows(len(s.Sockets)))
			if len(groups) != 1 || groups[0].Sent != c.want || groups[0].Received != 2*c.want || groups[0].Sockets != 3 {
				t.Errorf("%s: %+v, want %d sent", c.name, groups, c.want)
			}
		}
	}
}

// What a container moved is told likewise: closed connections are its own by what their processes were run as, also where that
// was worked out; of those whose process is not known, or was run as nothing, the unknown has them. It leaves no garbage.
func TestContainersCountClosed(t *testing.T) {
	live := func(owner int32, bytes uint64) Socket {
		return Socket{Proto: TCP, Family: IPv4, State: Established, RemotePort: 80, Sent: bytes, Received: 2 * bytes, Has: HasBytes, Holding: Holding{Owner: owner}}
	}
	past := func(who int32, bytes uint64) Past {
		return Past{Who: who, Sent: bytes, Received: 2 * bytes, Has: HasBytes}
	}
	s := &Snapshot{
		Processes: []Process{
			{PID: 1, Start: 1, Container: SafeText("web"), Unit: SafeText("docker.service")},
			{PID: 2, Start: 1, Unit: SafeText("nginx.service")},
			{PID: 3, Start: 1},
		},
		Sockets: []Socket{live(0, 1), live(1, 2), live(2, 3), live(-1, 4)},
		Departed: []Departed{
			{ProcessID: ProcessID{1, 1}, Container: SafeText("web"), Unit: SafeText("docker.service")},
			{ProcessID: ProcessID{9, 1}, Container: SafeText("web")},
			{ProcessID: ProcessID{2, 1}, Unit: SafeText("nginx.service")},
			{ProcessID: ProcessID{8, 1}, Unit: SafeText("gone.service")},
			{ProcessID: ProcessID{3, 1}}, {},
		},
	}
	inferred := past(2, 10)
	inferred.Inferred = true
	nobody := past(5, 1000)
	nobody.Why = TooShort
	s.History = []Past{past(0, 100), past(1, 1000), inferred, past(3, 7), past(4, 100), nobody, {Who: 0, Sent: 5}}
	g := NewGrouper(socketColumn("workload"))
	g.AddClosed(pastColumn("workload"), nil)
	order := allRows(len(s.Sockets))
	var groups []Group
	look := func() { groups = g.Group(s, order) }
	look()
	got := map[string]uint64{}
	for i := range groups {
		if groups[i].Received != 2*groups[i].Sent {
			t.Errorf("%+v", groups[i])
		}
		got[groups[i].Value.Text] = groups[i].Sent
	}
	if want := map[string]uint64{"web": 1101, "nginx.service": 12, "": 1107}; !maps.Equal(got, want) {
		t.Errorf("sent %v, want %v", got, want)
	}
	if n := testing.AllocsPerRun(50, look); n != 0 {
		t.Errorf("a look makes %v things anew", n)
	}
	for _, name := range []string{"hosts", "containers", "count"} {
		for _, spec := range Groups(name, socketColumn("workload").Spec).Specs() {
			if said := strings.HasSuffix(spec.Help, withClosed); said != (name != "count" && spec.Kind == KindBytes) {
				t.Errorf("%s, %s: %s", name, spec.ID, spec.Help)
			}
		}
	}
}

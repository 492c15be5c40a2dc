package model

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// kindRow is a row with one value of any kind and an identity.
type kindRow struct {
	id int
	v  Value
}

func kindTable(k Kind) *Table[kindRow] {
	return &Table[kindRow]{
		Columns: []Column[kindRow]{{
			Spec{ID: "v", Kind: k}, func(_ *Snapshot, r *kindRow) Value { return r.v },
		}},
		Key:    func(_ *Snapshot, r *kindRow) Key { return Key{ID: uint64(r.id)} },
		Change: func(*Snapshot, *kindRow) Change { return Unchanged },
		Less:   func(a, b *kindRow) bool { return a.id < b.id },
	}
}

func allRows(n int) []int32 {
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	return order
}

// TestSortByEveryKind gives each kind its values in ascending order, with equal ones and unknown ones among
// them, and expects that order from any shuffle of the rows.
func TestSortByEveryKind(t *testing.T) {
	number := func(ns ...int64) []Value {
		var vs []Value
		for _, n := range ns {
			vs = append(vs, num(n))
		}
		return vs
	}
	text := func(ts ...string) []Value {
		var vs []Value
		for _, s := range ts {
			vs = append(vs, Value{Text: s})
		}
		return vs
	}
	for name, c := range map[string]struct {
		kind   Kind
		values []Value
	}{
		"text":    {KindText, text("", "-", "10", "9", "A", "a", "ab", "Abc", "abc", "B", "b", "é")},
		"state":   {KindState, number(1, 2, 6, 7, 10)},
		"address": {KindAddress, []Value{{Addr: Addr{}}, {Addr: addrOf("::1")}, {Addr: addrOf("0.0.0.0")}, {Addr: addrOf("9.0.0.1")}, {Addr: addrOf("10.0.0.2")}, {Addr: addrOf("10.0.0.10")}, {Addr: addrOf("2001:db8::1")}, {Addr: addrOf("fe80::1")}}},
		"network": {KindNetwork, []Value{
			netOf("::/0"), netOf("::/8"), netOf("::1/128"), {}, netOf("0.0.0.0/8"), netOf("9.0.0.0/8"), netOf("10.0.0.0/8"),
			netOf("10.0.0.0/9"), netOf("10.0.0.0/30"), netOf("10.0.0.0/32"), netOf("10.0.0.1/32"), netOf("2001:db8::/32"), netOf("2001:db8::/48"), netOf("fe80::/64"),
		}},
		"network, both families": {KindNetwork, nets([]string{"0.0.0.0/0", "::ffff:0:0/96", "0.0.0.0/1", "10.0.0.0/8", "::ffff:10.0.0.0/104", "10.0.0.0/9"})},
		"port":                   {KindPort, number(0, 22, 443, 65535)},
		"number":                 {KindNumber, number(0, 1, 9, 10, 100)},
		"hex":                    {KindHex, number(0, 1, 1<<62, -1<<63, -1)},
		"count":                  {KindCount, number(0, 5, 4294967295)},
		"bytes":                  {KindBytes, number(0, 999, 1000, 1<<62)},
		"rate":                   {KindRate, number(0, 1, 1000000)},
		"duration":               {KindDuration, number(-5, 0, 7, 1<<50)},
		"time":                   {KindTime, number(-1<<62, -1, 0, 1, 1<<62)},
	} {
		table := kindTable(c.kind)
		var rows []kindRow
		for i, v := range c.values {
			rows = append(rows, kindRow{2 * i, v})
		}
		for i, v := range c.values { // each value twice
			rows = append(rows, kindRow{2*i + 1, v})
		}
		for i := range 3 {
			rows = append(rows, kindRow{1000 + i, Value{Num: int64(i), Text: "x", Why: NotGiven + Unknown(i)}})
		}
		rnd := rand.New(rand.NewPCG(1, 2))
		for range 50 {
			rnd.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
			for _, desc := range []bool{false, true} {
				order := allRows(len(rows))
				rnd.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
				table.Sort(nil, rows, order, Sorting{0, desc})
				var ids, want []int
				for _, i := range order {
					ids = append(ids, rows[i].id)
				}
				for i := range c.values {
					if desc {
						i = len(c.values) - 1 - i
					}
					want = append(want, 2*i, 2*i+1) // equal ones the same way up in both directions
				}
				want = append(want, 1000, 1001, 1002) // the unknown last in both
				if !slices.Equal(ids, want) {
					t.Fatalf("%s, descending %v:\n got %v\nwant %v", name, desc, ids, want)
				}
			}
		}
	}
}

// TestCompareFoldIsTotal: what the sort relies on.
func TestCompareFoldIsTotal(t *testing.T) {
	words := []string{"", "a", "A", "aa", "aA", "Aa", "AA", "ab", "B", "b", "z", "Z", "[", "`", "é", "É", "-", "10", "9"}
	for _, x := range words {
		for _, y := range words {
			if c := compareFold(x, y); c != -compareFold(y, x) || (c == 0) != (x == y) {
				t.Errorf("%q and %q: %d, the other way round %d", x, y, c, compareFold(y, x))
			}
			for _, z := range words {
				if compareFold(x, y) < 0 && compareFold(y, z) < 0 && compareFold(x, z) >= 0 {
					t.Errorf("%q < %q < %q, but not %q < %q", x, y, z, x, z)
				}
			}
		}
	}
}

// TestSortByNoColumn follows the identity.
func TestSortByNoColumn(t *testing.T) {
	rows := []kindRow{{3, num(1)}, {1, num(3)}, {2, num(2)}}
	for _, column := range []int{-1, 1, 99} {
		order := allRows(3)
		kindTable(KindCount).Sort(nil, rows, order, Sorting{column, true})
		if !slices.Equal(order, []int32{1, 2, 0}) {
			t.Errorf("by column %d: %v", column, order)
		}
	}
}

// TestSortOfSome orders the rows it is given and no others, and none is fine.
func TestSortOfSome(t *testing.T) {
	rows := []kindRow{{0, num(5)}, {1, num(4)}, {2, num(3)}, {3, num(2)}}
	order := []int32{0, 3, 2}
	kindTable(KindCount).Sort(nil, rows, order, Sorting{})
	if !slices.Equal(order, []int32{3, 2, 0}) {
		t.Errorf("got %v", order)
	}
	kindTable(KindCount).Sort(nil, rows, nil, Sorting{})
}

// TestSortSockets sorts a mixed table by each of its columns, from any starting order.
func TestSortSockets(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	s := mixedSnapshot(rnd, 200)
	table := Sockets()
	for column := range table.Columns {
		for _, desc := range []bool{false, true} {
			var first []int32
			for range 4 {
				order := allRows(len(s.Sockets))
				rnd.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
				table.Sort(s, s.Sockets, order, Sorting{column, desc})
				if first == nil {
					first = order
				}
				if !slices.Equal(first, order) {
					t.Fatalf("by %s: the order depends on the one before", table.Columns[column].ID)
				}
			}
			known := true
			for _, i := range first {
				k := table.Columns[column].Value(s, &s.Sockets[i]).Why == Known
				if k && !known {
					t.Fatalf("by %s, descending %v: a value after an unknown one", table.Columns[column].ID, desc)
				}
				known = k
			}
		}
	}
}

// mixedSnapshot has n sockets of all sorts: about half of each figure known, values that repeat, and some
// sockets without a cookie.
func mixedSnapshot(rnd *rand.Rand, n int) *Snapshot {
	s := &Snapshot{
		Now: 1e12, Hold: 1e9,
		NetNS:      []NetNS{{Cookie: 1, Name: SafeText("own")}, {Cookie: 4097, Name: SafeText("blue")}},
		Users:      map[uint32]Text{0: SafeText("root"), 33: SafeText("www-data")},
		Interfaces: map[LinkID]Text{{Index: 2}: SafeText("eth0")},
		Congestion: []Text{SafeText("cubic"), SafeText("bbr")},
		Processes: []Process{
			{PID: 1, Start: 1, Name: SafeText("systemd")}, {PID: 70, Start: 9, UID: 33, Name: SafeText("nginx")},
			{PID: 71, Start: 9, UID: 33, Name: SafeText("nginx")}, {}, {PID: 99, Start: 12, Name: SafeText("Sshd")},
		},
		Holders: []Holder{{5, 1}, {5, 2}},
	}
	few := func(n int) uint64 { return rnd.Uint64N(uint64(n)) }
	addrs := []Addr{{}, addrOf("0.0.0.0"), addrOf("127.0.0.1"), addrOf("::1"), addrOf("192.0.2.1"), addrOf("192.0.2.10"), addrOf("2001:db8::1")}
	states := []State{StateUnknown, Established, SynSent, SynRecv, FinWait1, FinWait2, TimeWait, Close, CloseWait, LastAck, Listen, Closing, Bound}
	for i := range n {
		r := Socket{
			Cookie: uint64(i + 1), Local: addrs[few(len(addrs))], Remote: addrs[few(len(addrs))],
			LocalPort: uint16(few(4)), RemotePort: uint16(few(4)), Sent: few(3), Received: few(3), DeliveryRate: few(3),
			FirstSeen: int64(few(3)), SentRate: float32(few(3)), ReceivedRate: float32(few(3)), SentPackets: uint32(few(3)),
			ReceivedPackets: uint32(few(3)), Inode: uint32(few(20)), UID: uint32(33 * few(3)), Interface: uint32(few(4)),
			FwMark: uint32(few(3)), RecvQ: uint32(few(3)), SendQ: uint32(few(3)), RTT: uint32(few(3)), Retrans: uint32(few(3)),
			Cwnd: uint32(few(3)), MSS: uint32(few(3)), PMTU: uint32(few(3)), Expires: uint32(few(3)), Has: Has(few(1 << 9)),
			Holding: Holding{Owner: int32(few(6)) - 1, Holders: int32(few(3)), Why: Unknown(few(11))}, NetNS: uint16(few(3)), Proto: []Proto{TCP, UDP}[few(2)],
			Family: []Family{IPv4, IPv6}[few(2)], State: states[few(len(states))], Timer: Timer(few(6)), Cong: uint8(few(3)),
			Mark: Change(few(4)), AgeKnown: few(2) == 0, Stale: few(9) == 0, Dead: few(9) == 0,
		}
		if few(9) == 0 {
			r.Cookie, r.Inode = 0, uint32(1000+i)
		}
		s.Sockets = append(s.Sockets, r)
	}
	return s
}

func TestBind(t *testing.T) {
	s := mixedSnapshot(rand.New(rand.NewPCG(5, 6)), 9)
	table := Sockets()
	rows := Bind(table, s, s.Sockets)
	if rows.Len() != 9 {
		t.Fatalf("%d rows", rows.Len())
	}
	for i := range s.Sockets {
		r := &s.Sockets[i]
		if rows.Key(i) != SocketKey(s, r) || rows.Change(i) != table.Change(s, r) {
			t.Errorf("row %d: %v, %v", i, rows.Key(i), rows.Change(i))
		}
		for c := range table.Columns {
			if rows.Value(i, c) != table.Columns[c].Value(s, r) {
				t.Errorf("row %d, %s: %v", i, table.Columns[c].ID, rows.Value(i, c))
			}
		}
	}
}

// TestSortAgain sorts whatever it is given as an ordinary sort does, however little or much of it moved.
func TestSortAgain(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 9))
	compare := func(x, y int) int { return x - y }
	var moved []int
	for n := range 200 {
		for _, swaps := range []int{0, 1, 2, 5, n / 4, n, 3 * n} {
			keys := make([]int, n)
			for i := range keys {
				keys[i] = i
			}
			want := slices.Clone(keys)
			for range swaps {
				if n > 0 {
					i, j := rnd.IntN(n), rnd.IntN(n)
					keys[i], keys[j] = keys[j], keys[i]
				}
			}
			if n > 0 && swaps == 1 { // one that went far, either way
				k := keys[0]
				keys = append(keys[1:], k)
			}
			moved = sortAgain(keys, moved, compare)
			if !slices.Equal(keys, want) {
				t.Fatalf("%d keys after %d swaps: %v", n, swaps, keys)
			}
		}
	}
}

// TestSorterRemembers: whatever was sorted before, by whichever column, the order is that of a sort from nothing.
func TestSorterRemembers(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	table := Sockets()
	var m Sorter
	var s Snapshot
	s.Processes = []Process{proc(1, 1), proc(2, 1), proc(3, 1)}
	for i := range s.Processes {
		s.Processes[i].Name = SafeText([]string{"nginx", "Nginx", "sshd"}[i])
	}
	cookie := uint64(0)
	for turn := range 300 {
		s.Epoch++
		for range rnd.IntN(20) { // some come, some go, some stand elsewhere
			cookie++
			r := tcp4(cookie, rnd.Uint64N(5), rnd.Uint64())
			r.Remote[15], r.RemotePort, r.State = byte(rnd.IntN(4)), uint16(rnd.IntN(3)), State(rnd.IntN(int(numStates)))
			r.Owner = int32(rnd.IntN(4)) - 1
			s.Sockets = append(s.Sockets, r)
		}
		for range rnd.IntN(20) {
			if n := len(s.Sockets); n > 0 {
				s.Sockets[rnd.IntN(n)] = s.Sockets[n-1]
				s.Sockets = s.Sockets[:n-1]
			}
		}
		if turn == 100 {
			m.turn = ^uint32(0) // the turns wrap around
		}
		for range 3 { // in one epoch: the rows stand as they stood
			by := Sorting{rnd.IntN(len(table.Columns)+1) - 1, rnd.IntN(2) == 0}
			var order []int32
			for _, i := range table.Ready(&m, s.Sockets, s.Epoch, by) {
				if rnd.IntN(3) > 0 {
					order = append(order, i)
				}
			}
			want := slices.Clone(order)
			slices.Sort(want)
			table.SortWith(&m, &s, s.Sockets, order, by)
			table.Sort(&s, s.Sockets, want, by)
			if !slices.Equal(order, want) {
				t.Fatalf("turn %d, %+v: %v, want %v", turn, by, order, want)
			}
		}
	}
	read := table.Ready(&m, s.Sockets, s.Epoch, Sorting{Column: AsRead})
	if !slices.Equal(read, allRows(len(s.Sockets))) {
		t.Errorf("as read: %v", read)
	}
	if by := (Sorting{Column: -1}); !slices.IsSortedFunc(table.Ready(&m, s.Sockets, s.Epoch, by), table.compare(s.Sockets)) {
		t.Error("the order as read was taken for that of the identities")
	}
}

package text

import (
	"testing"
	"time"

	"sockview/model"
)

// fakeRows are rows made of values, one slice a row.
type fakeRows struct {
	values  [][]model.Value
	changes map[int]model.Change
}

func (f *fakeRows) Len() int                        { return len(f.values) }
func (f *fakeRows) Key(i int) model.Key             { return model.Key{ID: uint64(i)} }
func (f *fakeRows) Change(i int) model.Change       { return f.changes[i] }
func (f *fakeRows) Value(i, column int) model.Value { return f.values[i][column] }

// tableOf is a table of all columns and rows.
func tableOf(specs []model.Spec, values ...[]model.Value) Table {
	t := Table{Specs: specs, Rows: &fakeRows{values: values}}
	for c := range specs {
		t.Columns = append(t.Columns, c)
	}
	for i := range values {
		t.Order = append(t.Order, int32(i))
	}
	return t
}

// oneText is a table of one text.
func oneText(s string) Table {
	return tableOf([]model.Spec{{ID: "name", Title: "NAME"}}, []model.Value{{Text: s}})
}

func addr4(a, b, c, d byte) model.Addr {
	return model.Addr{10: 0xff, 11: 0xff, 12: a, 13: b, 14: c, 15: d}
}

// zoo is a snapshot with a socket of each sort, and names that try to get out of their cell.
func zoo() *model.Snapshot {
	const second = int64(time.Second)
	return &model.Snapshot{
		Now: 1000 * second, Hold: second,
		Users:      map[uint32]model.Text{33: model.SafeText("www-data")},
		Interfaces: map[model.LinkID]model.Text{{Index: 2}: model.SafeText("eth0")},
		Congestion: []model.Text{model.SafeText("cubic")},
		Processes: []model.Process{
			{PID: 1203, Name: model.SafeText("nginx"), Cmdline: model.SafeText("nginx: worker\tprocess")},
			{PID: 77, Name: model.SafeText(`=cmd|" /C"!A0`), Cmdline: model.SafeText("+1+1, \"quoted\"\n\x1b]0;x\x07")},
			{PID: 8, Name: model.SafeText("日本語"), Cmdline: model.SafeText("@SUM(A1)")},
		},
		Sockets: []model.Socket{
			{Cookie: 0xffffffffffffffff, Local: addr4(10, 0, 0, 5), LocalPort: 443, Remote: addr4(203, 0, 113, 9), RemotePort: 51522,
				Proto: model.TCP, Family: model.IPv4, State: model.Established, Holding: model.Holding{Owner: 0, Holders: 1}, Inode: 4711,
				Sent: 1234567, Received: 18000, SentRate: 1500, ReceivedRate: 0, RTT: 340, UID: 33, FwMark: 16, Interface: 2,
				FirstSeen: 1000*second - 2500000000, AgeKnown: true,
				Has: model.HasBytes | model.HasRates | model.HasPath | model.HasUID | model.HasMark | model.HasCong | model.HasQueues},
			{Cookie: 2, Local: model.Addr{}, LocalPort: 80, Proto: model.TCP, Family: model.IPv6, State: model.Listen, Holding: model.Holding{Owner: 1, Holders: 2},
				UID: 4294967295, SendQ: 511, FirstSeen: 0, Has: model.HasUID | model.HasQueues},
			{Cookie: 3, Local: addr4(127, 0, 0, 1), LocalPort: 53, Remote: addr4(0, 0, 0, 0), Proto: model.UDP, Family: model.IPv6,
				State: model.Close, Holding: model.Holding{Owner: 2, Holders: 1}, FirstSeen: 1000 * second, AgeKnown: true},
			{Cookie: 4, Local: addr4(10, 0, 0, 5), LocalPort: 443, Remote: model.Addr{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 15: 1}, RemotePort: 9,
				Proto: model.TCP, Family: model.IPv6, State: model.TimeWait, Holding: model.Holding{Owner: -1, Why: model.InTimeWait}, FirstSeen: 0, AgeKnown: true},
			{Cookie: 5, Dead: true, Proto: model.TCP, Family: model.IPv4, State: model.Established, Holding: model.Holding{Owner: -1, Why: model.Exited}},
		},
	}
}

// zooTable is the zoo's sockets with the named columns, or all of them.
func zooTable(t testing.TB, ids ...string) Table {
	t.Helper()
	s, table := zoo(), model.Sockets()
	out := Table{Specs: table.Specs(), Rows: model.Bind(table, s, s.Sockets)}
	for c := range out.Specs {
		if len(ids) == 0 {
			out.Columns = append(out.Columns, c)
		}
	}
	for _, id := range ids {
		at := -1
		for c := range out.Specs {
			if out.Specs[c].ID == id {
				at = c
			}
		}
		if at < 0 {
			t.Fatalf("no column %s", id)
		}
		out.Columns = append(out.Columns, at)
	}
	for i := range s.Sockets {
		out.Order = append(out.Order, int32(i))
	}
	return out
}

package model

import "cmp"

// Statistic is one counter of the kernel's network stack: of /proc/net/snmp, /proc/net/netstat or /proc/net/snmp6,
// or a total over the interfaces.
type Statistic struct {
	Life
	Group Text  // the kernel's own: Ip, Tcp, TcpExt, Ip6 ...; "Interfaces" for the totals
	Name  Text  // the kernel's own: ListenOverflows
	Place int32 // where it stands in the kernel's files, for the order
	Value int64
	Why   Unknown // why Value is not known
	// Delta is what it changed by since the last look, Moved since the first.
	Delta, Moved int64
	Rate         float32 // per second
	HasDelta     bool
	Proto        Proto  // whom it is about: TCP, UDP, UDPLite; Raw stands for IP and ICMP; 0 for the interfaces
	Family       Family // 0 for both
	Bytes        bool   // it counts bytes
	Gauge        bool   // it is a level that goes up and down, or a setting, not a counter
}

// StatisticKey is the identity of a counter.
func StatisticKey(s *Snapshot, r *Statistic) Key { return r.in(s, statisticKey(r)) }

func statisticKey(r *Statistic) Key { return Key{Text: r.Group.s + " " + r.Name.s} }

// NewStatistics is a roll of counters, with what they changed by.
func NewStatistics() *Roll[Statistic] {
	return NewRoll(statisticKey, func(r *Statistic) *Life { return &r.Life }, func(was, now *Statistic, dt int64) bool {
		now.Moved = was.Moved
		if was.Why != Known || now.Why != Known {
			return was.Why != now.Why
		}
		delta := now.Value - was.Value
		if delta < 0 && !now.Gauge {
			return true // it was reset, or wrapped around: nobody knows by how much it moved
		}
		now.Delta, now.Moved, now.HasDelta = delta, was.Moved+delta, true
		if dt > 0 {
			now.Rate = float32(float64(delta) / (float64(dt) / 1e9))
		}
		return delta != 0
	}, func(r *Statistic) { r.HasDelta, r.Delta, r.Rate = false, 0, 0 })
}

// Help is what the counter counts, in a line of ours; empty for one that we do not know.
func (r *Statistic) Help() string { return statisticHelp(r.Group.s, r.Name.s) }

// ShowsStatistic says whether r is chosen. -w asks for what is neither TCP nor UDP.
func (c Choice) ShowsStatistic(r *Statistic) bool {
	if r.Proto == 0 {
		return c.allProtos() && c.Family == 0 && (!c.Changing || r.Delta != 0 || r.Moved != 0)
	}
	return c.ShowsProto(r.Proto) && c.ShowsFamily(r.Family) && (!c.Changing || r.Delta != 0 || r.Moved != 0)
}

// Statistics is the table of counters.
func Statistics() *Table[Statistic] {
	return &Table[Statistic]{
		Name:    "statistics",
		Columns: statisticColumns(),
		Rows:    func(s *Snapshot) []Statistic { return s.Statistics },
		Key:     StatisticKey,
		Change:  func(s *Snapshot, r *Statistic) Change { return r.change(s) },
		Less: func(a, b *Statistic) bool {
			return cmp.Or(cmp.Compare(a.NetNS, b.NetNS), cmp.Compare(a.Place, b.Place), cmp.Compare(a.Name.s, b.Name.s)) < 0
		},
	}
}

func statisticColumns() []Column[Statistic] {
	type S = *Snapshot
	type R = *Statistic
	moved := func(r R, n int64) Value {
		switch {
		case r.Why != Known:
			return unknown(r.Why)
		case !r.HasDelta:
			return unknown(NotYet)
		}
		return num(n)
	}
	return []Column[Statistic]{
		{Spec{ID: "group", Title: "GROUP", Aliases: []string{"proto", "protocol"}, Help: "protocol, in the kernel's word: Ip, Tcp, TcpExt, Udp6", Kind: KindText, Default: true, Width: 8, Max: 10},
			func(_ S, r R) Value { return Value{Text: r.Group.s} }},
		{Spec{ID: "name", Title: "COUNTER", Aliases: []string{"counter"}, Help: "name of the counter, the kernel's own", Kind: KindText, Default: true, Width: 20, Max: 30},
			func(_ S, r R) Value { return Value{Text: r.Name.s} }},
		besideColumn(func(r *Statistic) uint16 { return r.NetNS }),
		{Spec{ID: "value", Title: "VALUE", Help: "what it stands at, since boot or since the namespace was made", Kind: KindCount, Desc: true, Default: true, Width: 8, Max: 20},
			func(_ S, r R) Value {
				if r.Why != Known {
					return unknown(r.Why)
				}
				return num(r.Value)
			}},
		{Spec{ID: "change", Title: "CHANGE", Aliases: []string{"delta"}, Help: "what it changed by since the last sample", Kind: KindCount, Desc: true, Default: true, Width: 7, Max: 12, Give: 1},
			func(_ S, r R) Value { return moved(r, r.Delta) }},
		{Spec{ID: "rate", Title: "PER-SEC", Help: "what it changes by per second", Kind: KindCount, Desc: true, Default: true, Width: 7, Max: 12, Give: 2},
			func(_ S, r R) Value { return moved(r, rateOf(r.Rate)) }},
		{Spec{ID: "moved", Title: "MOVED", Help: "what it changed by since it is watched", Kind: KindCount, Desc: true, Width: 7, Max: 12, Give: 3},
			func(_ S, r R) Value { return moved(r, r.Moved) }},
		{Spec{ID: "explanation", Title: "EXPLANATION", Aliases: []string{"help"}, Help: "what it counts", Kind: KindText, Default: true, Width: 16, Max: 120, Give: 3},
			func(_ S, r R) Value {
				if help := r.Help(); help != "" {
					return Value{Text: help}
				}
				return unknown(NotGiven)
			}},
	}
}

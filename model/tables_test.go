package model

import (
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// scramble fills every field that can be set with something, so that no value is left to chance.
func scramble(rnd *rand.Rand, v reflect.Value) {
	if !v.CanSet() {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Text]() {
			v.Set(reflect.ValueOf(SafeText([]string{"", "eth0", "@a\x1b b"}[rnd.IntN(3)])))
			return
		}
		for i := range v.NumField() {
			scramble(rnd, v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			scramble(rnd, v.Index(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rnd.IntN(3), 3))
		for i := range v.Len() {
			scramble(rnd, v.Index(i))
		}
	case reflect.Bool:
		v.SetBool(rnd.IntN(2) == 0)
	case reflect.Float32:
		v.SetFloat(rnd.Float64() * 1e6)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(rnd.Int64N(100) - 1)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(rnd.Uint64N(300) & (1<<v.Type().Bits() - 1))
	}
}

// checkTable gives every column rows of all sorts, the empty one among them: an unknown value is never also one, and
// the order is total.
func checkTable[R any](t *testing.T, table *Table[R], set func(*Snapshot, []R), bound func(*R)) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(3, 4))
	rows := make([]R, 300)
	for i := range rows {
		if i > 0 {
			scramble(rnd, reflect.ValueOf(&rows[i]).Elem())
		}
		bound(&rows[i])
	}
	full := &Snapshot{Now: 5e9, Hold: 1e9, Processes: []Process{{PID: 1, Name: SafeText("a")}}}
	set(full, rows)
	if got := table.Rows(full); len(got) != len(rows) {
		t.Fatalf("%s: %d rows, want %d", table.Name, len(got), len(rows))
	}
	keys := map[Key]bool{}
	for _, s := range []*Snapshot{{}, full} {
		for i := range rows {
			for _, c := range table.Columns {
				v := c.Value(s, &rows[i])
				if v.Why != Known && (v.Num != 0 || v.Text != "" || v.Addr != Addr{}) {
					t.Fatalf("%s: %s is unknown (%v) and yet has a value: %+v", table.Name, c.ID, v.Why, v)
				}
				if v.AtLeast && !c.AtLeast {
					t.Fatalf("%s: %s has a lower bound and does not say that it may", table.Name, c.ID)
				}
				if strings.ContainsFunc(v.Text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
					t.Fatalf("%s: %s is %q", table.Name, c.ID, v.Text)
				}
			}
			table.Change(s, &rows[i])
			keys[table.Key(s, &rows[i])] = true
			if table.Less(&rows[i], &rows[i]) {
				t.Fatalf("%s: a row comes before itself", table.Name)
			}
		}
	}
	if len(keys) < 2 {
		t.Errorf("%s: %d identities for %d rows", table.Name, len(keys), len(rows))
	}
	for c := range table.Columns {
		order := allRows(len(rows))
		table.Sort(full, rows, order, Sorting{Column: c})
		if slices.Sort(order); !slices.Equal(order, allRows(len(rows))) {
			t.Fatalf("%s by %s lost rows", table.Name, table.Columns[c].ID)
		}
	}
}

func TestTables(t *testing.T) {
	owner := func(h *Holding) {
		if h.Owner > 0 {
			h.Owner = -1
		}
	}
	checkTable(t, Unix(), func(s *Snapshot, r []UnixSocket) { s.Unix = r }, func(r *UnixSocket) { owner(&r.Holding) })
	checkTable(t, Links(), func(s *Snapshot, r []Link) { s.Links = r }, func(r *Link) { r.Trend.Length = min(TrendLength, max(0, r.Trend.Length)) })
	checkTable(t, Routes(), func(s *Snapshot, r []Route) { s.Routes = r }, func(*Route) {})
	checkTable(t, Statistics(), func(s *Snapshot, r []Statistic) { s.Statistics = r }, func(*Statistic) {})
	checkTable(t, Memberships(), func(s *Snapshot, r []Membership) { s.Groups = r }, func(*Membership) {})
	checkTable(t, Flows(), func(s *Snapshot, r []Flow) { s.Flows = r }, func(*Flow) {})
}

func TestRouteFlags(t *testing.T) {
	for _, c := range []struct {
		r       Route
		letters string
		means   string
	}{
		{Route{Family: IPv4, Flags: 0x3}, "UG", "G: it leads over a gateway"},
		{Route{Family: IPv4, Flags: 0x5}, "UH", "H: its target is a single host"},
		{Route{Family: IPv4, Flags: 0x200}, "!", "!: packets are refused"},
		{Route{Family: IPv6, Flags: 0x450003}, "UGDAe", "A: made from a router's advertisement"},
		{Route{Family: IPv6, Flags: 0x00200201}, "!n", "n: no next hop"},
		{Route{Family: IPv4, Flags: 0x11}, "UD", "D: a daemon or an ICMP redirect made it"},
	} {
		if c.r.Family == IPv6 && c.r.Flags == 0x450003 {
			c.r.Flags |= 0x10000
		}
		got := strings.Join(c.r.ExplainFlags(), "\n")
		if c.r.FlagLetters() != c.letters || !strings.Contains(got, c.means) || len(c.r.ExplainFlags()) != len(c.letters) {
			t.Errorf("%#x: %s, want %s:\n%s", c.r.Flags, c.r.FlagLetters(), c.letters, got)
		}
	}
}

func TestStatisticsMove(t *testing.T) {
	l := NewStatistics()
	look := func(v int64, now int64) *Statistic {
		rows := []Statistic{{Name: SafeText("X"), Value: v}, {Name: SafeText("Level"), Value: 10 - v, Gauge: true}}
		l.Fold(ours(rows, true, now), now, 1)
		return &l.Rows()[0]
	}
	if r := look(5, 1e9); r.HasDelta {
		t.Errorf("the first look: %+v", r)
	}
	if r := look(7, 2e9); !r.HasDelta || r.Delta != 2 || r.Moved != 2 || r.Rate != 2 || r.Mark != Changed {
		t.Errorf("moved: %+v", r)
	}
	if r := &l.Rows()[1]; r.Delta != -2 || r.Rate != -2 {
		t.Errorf("a level that fell: %+v", r)
	}
	if r := look(7, 4e9); r.Delta != 0 || r.Moved != 2 || r.MarkedAt != 2e9 {
		t.Errorf("at rest: %+v", r)
	}
	if c := (Choice{Changing: true}); !c.ShowsStatistic(&l.Rows()[0]) || c.ShowsStatistic(&Statistic{Proto: TCP, HasDelta: true}) {
		t.Error("only what moved since it is watched is shown")
	}
	if r := look(3, 5e9); r.HasDelta || r.Delta != 0 || r.Rate != 0 || r.Moved != 2 {
		t.Errorf("a counter that was reset: %+v", r)
	}
}

func TestFlowWords(t *testing.T) {
	addr := func(s string) Addr { return AddrFrom(netip.MustParseAddr(s)) }
	r := Flow{
		Proto: TCP, Family: IPv4, HasState: true, State: 3, Status: FlowDNAT | FlowSNAT,
		Original: FlowTuple{Src: addr("10.0.0.2"), SrcPort: 4000, Dst: addr("192.0.2.1"), DstPort: 80},
		Reply:    FlowTuple{Src: addr("10.0.0.9"), SrcPort: 8080, Dst: addr("192.0.2.7"), DstPort: 4000},
	}
	want := []string{
		"10.0.0.2:4000 asked for 192.0.2.1:80.", "The destination is translated: 10.0.0.9:8080 answers.",
		"The source is translated: to who answers it comes from 192.0.2.7:4000.", "No answer was seen yet.",
	}
	if got := ExplainFlow(&r); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if r.StateName() != "ESTABLISHED" || r.Translation() != "snat dnat" {
		t.Errorf("%s, %s", r.StateName(), r.Translation())
	}
	if r.State = 99; r.StateName() != "" {
		t.Errorf("a state that does not exist: %s", r.StateName())
	}
	if c := (Choice{Translated: true}); !c.ShowsFlow(&r) || c.ShowsFlow(&Flow{}) {
		t.Error("only translated ones are shown")
	}
}

func TestTrendPlot(t *testing.T) {
	var trend Trend
	for i := range TrendLength + 5 {
		trend.add(float32(i), 0)
	}
	if trend.Length != TrendLength || trend.Received[0] != 5 || trend.Received[TrendLength-1] != TrendLength+4 {
		t.Errorf("%d samples, from %v to %v", trend.Length, trend.Received[0], trend.Received[TrendLength-1])
	}
	if got := []rune(trend.plot()); len(got) != plotLength || got[plotLength-1] != '█' {
		t.Errorf("%s", string(got))
	}
	quiet := Trend{Length: 2}
	if got := quiet.plot(); got != "▁▁" {
		t.Errorf("nothing moved: %s", got)
	}
}

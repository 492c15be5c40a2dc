package model

import (
	"reflect"
	"testing"
)

func TestNetNSColumns(t *testing.T) {
	s := &Snapshot{Now: 90e9, NetNS: []NetNS{
		{Name: SafeText("own"), View: Entered, AskedAt: 89e9},
		{Name: SafeText("web"), View: TablesOnly, AskedAt: 60e9},
		{Name: SafeText("gone"), View: Abandoned, AskedAt: 30e9},
		{Name: SafeText("new"), View: Entered},
		{Name: SafeText("dark"), View: Hidden},
		{},
	}}
	type V = Value
	for slot, want := range [][2]Value{
		{V{Text: "own"}, V{Num: 1e9}},
		{V{Text: "web", Note: NoteByProc}, V{Num: 30e9}},
		{V{Text: "gone"}, V{Num: 60e9}},
		{V{Text: "new"}, V{Why: NotYet}},
		{V{Text: "dark"}, V{Why: NotApplicable}},
		{V{Why: NotGiven}, V{Why: NotYet}}, // a free place
		{V{Why: NotYet}, V{Why: NotYet}},   // none
	} {
		r, u := Socket{NetNS: uint16(slot)}, UnixSocket{Life: Life{NetNS: uint16(slot)}}
		for i, id := range []string{"netns", "asked"} {
			if got := socketColumn(id).Value(s, &r); got != want[i] {
				t.Errorf("%s of a socket in %d: %+v, want %+v", id, slot, got, want[i])
			}
			for _, c := range Unix().Columns {
				if c.ID == id && c.Value(s, &u) != want[i] {
					t.Errorf("%s of a unix socket in %d: %+v, want %+v", id, slot, c.Value(s, &u), want[i])
				}
			}
		}
	}
	if got := string((&Formatter{}).Append(nil, KindText, V{Text: "web", Note: NoteByProc})); got != "web (/proc)" {
		t.Errorf("one that /proc tells of is shown as %q", got)
	}
	for _, c := range []struct {
		filter string
		slot   uint16
		want   bool
	}{
		{"netns=web", 1, true}, {"netns:we", 1, true}, {"namespace=own", 0, true}, {"netns=own", 1, false},
		{"netns:-", 5, true}, {"netns:-", 1, false}, {"asked>20s", 1, true}, {"asked>20s", 0, false}, {"asked:-", 3, true},
	} {
		f, err := ParseFilter(c.filter, Scope{Specs: Sockets().Specs()})
		if err != nil {
			t.Fatal(err)
		}
		if got := Matcher(f, 0, Sockets(), nil)(s, &Socket{NetNS: c.slot}); got != c.want {
			t.Errorf("%s of a socket in %d: %v", c.filter, c.slot, got)
		}
	}
}

// TestNetNSOnShow: which columns and notes there are follows from what namespaces can be seen.
func TestNetNSOnShow(t *testing.T) {
	for _, c := range []struct {
		views          []View
		several, other bool
		chosen         []int
	}{
		{nil, false, false, nil},
		{[]View{Entered}, false, false, []int{0}},
		{[]View{Entered, NoNetNS}, false, false, []int{0}},
		{[]View{Entered, Entered}, true, true, []int{0, 1}},
		{[]View{Entered, TablesOnly}, true, true, []int{0, 1}},
		{[]View{Entered, Hidden}, false, true, []int{0, 1}},
		{[]View{Entered, Unchosen, Unchosen}, false, true, []int{0}},
		{[]View{Unchosen, Unchosen, Entered}, false, true, []int{2}},
		{[]View{Unchosen, Hidden}, false, true, []int{1}},
		{[]View{Unchosen, Unchosen}, false, true, nil},
		{[]View{Entered, Abandoned}, true, false, []int{0}},
	} {
		s := &Snapshot{}
		for _, v := range c.views {
			s.NetNS = append(s.NetNS, NetNS{View: v})
		}
		if got := SeveralNetNS(s); got != c.several {
			t.Errorf("%v: several: %v", c.views, got)
		}
		if got := s.OtherNetNS(); got != c.other {
			t.Errorf("%v: others: %v", c.views, got)
		}
		if got := s.ChosenNetNS(); !reflect.DeepEqual(got, c.chosen) {
			t.Errorf("%v: chosen: %v", c.views, got)
		}
	}
	told := map[string]bool{}
	for v := NoNetNS; v <= Abandoned+1; v++ {
		if v.Explain() == "" || v.String() == "" {
			t.Errorf("view %d has no words", v)
		}
		told[v.Explain()] = true
	}
	if len(told) != int(Abandoned)+1 {
		t.Errorf("two views are explained alike")
	}
}

func TestSomeContainer(t *testing.T) {
	s := &Snapshot{Processes: []Process{{PID: 1, Inet: true}, {PID: 2, Container: SafeText("db")}}}
	if SomeContainer(s) {
		t.Error("of a process that is here for a unix socket alone")
	}
	if s.Processes[1].Inet = true; !SomeContainer(s) {
		t.Error("a container is overlooked")
	}
}

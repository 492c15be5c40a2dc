package ui

import (
	"strings"
	"testing"

	"sockview/keymap"
	"sockview/model"
)

// TestContainersScreen: each container and unit has its sockets added up, and Enter leads to them.
func TestContainersScreen(t *testing.T) {
	h := start(t, 160, 30, nil)
	n := newStation(everything)
	n.dress = func(s *model.Snapshot) {
		for i := range s.Processes {
			p := &s.Processes[i]
			p.Container, p.Unit = model.Text{}, model.SafeText("other.service")
			if p.Name.String() == "nginx" {
				p.Container = model.SafeText("default/web-7d9f/nginx")
			}
		}
	}
	s := n.snapshot(0)
	want := 0
	for i := range s.Sockets {
		if p := s.HolderOf(&s.Sockets[i]); p != nil && p.Name.String() == "nginx" && !s.Sockets[i].Dead {
			want++
		}
	}
	h.feed(s)
	h.press("P")
	if got := h.app.state.def.name; got != "containers" {
		t.Fatalf("P leads to %s", got)
	}
	v := h.app.table.view
	found := -1
	for at, row := range v.order {
		if v.rows.Value(int(row), 0).Text == "default/web-7d9f/nginx" {
			found = at
			if got := v.rows.Value(int(row), 1).Num; want == 0 || got != int64(want) {
				t.Errorf("%d sockets, want %d", got, want)
			}
		}
	}
	if found < 0 {
		t.Fatalf("no such container among %d", len(v.order))
	}
	for range found {
		h.press("j")
	}
	h.press(keymap.Enter)
	if st := h.app.state; st.def.name != "sockets" || !strings.HasPrefix(st.filterText, "workload=") || st.filterErr != nil {
		t.Errorf("Enter leads to %s, filter %q, %v", st.def.name, st.filterText, st.filterErr)
	}
	if got := len(h.app.table.view.order); got != want {
		t.Errorf("Enter shows %d sockets, want %d", got, want)
	}
}

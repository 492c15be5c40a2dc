package text

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sockview/model"
)

// in puts a row in a network namespace.
func in(slot uint16) model.Life { return model.Life{NetNS: slot} }

// manyNamespaces has rows of four namespaces in all tables, of which one that is gone.
func manyNamespaces() *model.Snapshot {
	ns := func(name string, view model.View) model.NetNS {
		return model.NetNS{Name: model.SafeText(name), View: view}
	}
	s := &model.Snapshot{NetNS: []model.NetNS{
		ns("own", model.Entered), ns("web10", model.Entered), ns("web9\x1b", model.Entered), ns("old", model.Abandoned), ns("idle", model.Entered),
	}}
	name := model.SafeText
	for slot := range uint16(4) {
		life := in(slot)
		life.Dead = slot == 3
		s.Links = append(s.Links, model.Link{Life: life, Name: name("lo"), MTU: 1000 + uint32(slot), Flags: 1})
		s.Routes = append(s.Routes, model.Route{Life: life, Family: model.IPv4, Table: 254, Type: 1, Flags: 1, LinkName: name("eth0"),
			Dst: addr4(10, 0, 0, byte(slot)), DstLen: 32})
		s.Groups = append(s.Groups, model.Membership{Life: life, Family: model.IPv4, Group: addr4(224, 0, 0, byte(slot)), LinkName: name("lo"), Users: 1})
		s.Statistics = append(s.Statistics, model.Statistic{Life: life, Group: name("Zzz"), Name: name("Count"), Value: int64(slot)})
		s.Flows = append(s.Flows, model.Flow{Life: life, Proto: model.TCP, Family: model.IPv4,
			Original: model.FlowTuple{Src: addr4(1, 1, 1, byte(slot)), Dst: addr4(2, 2, 2, 2)}, Reply: model.FlowTuple{Src: addr4(2, 2, 2, 2), Dst: addr4(1, 1, 1, byte(slot))}})
	}
	return s
}

// layouts are those of netstat's tables that may be of several namespaces.
func layouts(n *Netstat) map[string]func(io.Writer, *model.Snapshot, []int32) error {
	return map[string]func(io.Writer, *model.Snapshot, []int32) error{
		"interfaces": n.Links, "groups": n.Groups, "statistics": n.Statistics, "nat": n.Flows,
		"routes": func(w io.Writer, s *model.Snapshot, order []int32) error { return n.Routes(w, s, order, model.IPv4) },
	}
}

func TestNetstatNamespaces(t *testing.T) {
	s := manyNamespaces()
	var b strings.Builder
	if err := new(Netstat).Groups(&b, s, []int32{3, 2, 1, 0}); err != nil {
		t.Fatal(err)
	}
	const title = `IPv6/IPv4 Group Memberships
Interface       RefCnt Group
--------------- ------ ---------------------
`
	want := "Network namespace: own\n" + title + "lo              1      224.0.0.0\n\n" +
		`Network namespace: web9\x1b` + "\n" + title + "lo              1      224.0.0.2\n\n" +
		"Network namespace: web10\n" + title + "lo              1      224.0.0.1\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for what, write := range layouts(new(Netstat)) {
		var b strings.Builder
		if err := write(&b, s, []int32{0, 1, 2, 3}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if out := b.String(); strings.Count(out, "Network namespace: ") != 3 || strings.Contains(out, "old") {
			t.Errorf("%s:\n%s", what, out)
		}
		if err := write(unread{}, s, []int32{0, 1}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: nobody reads: %v", what, err)
		}
	}
}

// unread is a pipe that nobody reads.
type unread struct{}

func (unread) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// With one namespace to see, whichever it is, every line is as netstat has it.
func TestNetstatOneNamespace(t *testing.T) {
	for what, write := range layouts(new(Netstat)) {
		var bare, one, none strings.Builder
		s := manyNamespaces()
		order := []int32{2, 3}
		seen := s.NetNS
		s.NetNS = nil
		write(&bare, s, order)
		write(&none, s, nil)
		s.NetNS = seen
		s.NetNS[0].View, s.NetNS[1].View, s.NetNS[4].View = model.Unchosen, model.Unchosen, model.Hidden
		write(&one, s, order)
		if one.Len() == 0 || one.String() != bare.String() {
			t.Errorf("%s:\n%s\nwant\n%s", what, one.String(), bare.String())
		}
		one.Reset()
		s.NetNS[0].View = model.Entered
		if write(&one, s, []int32{3}); one.String() != none.String() {
			t.Errorf("%s: no row in any of several:\n%s\nwant\n%s", what, one.String(), none.String())
		}
	}
}

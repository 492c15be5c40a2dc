package sampler

// The tables of several network namespaces, of which fakes tell.

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"sockview/model"
	"sockview/sampler/host"
	"sockview/sampler/netns"
)

// watched are tables that are read by hand.
type watched struct {
	*tables
	now int64
}

func watchTables(t *testing.T, home Host) *watched {
	w := &watched{}
	w.tables = newTables(home, func() int64 { return w.now })
	go w.run(t.Context())
	return w
}

// look reads tables at these posts, a second later, and publishes them.
func (w *watched) look(t *testing.T, wanted model.Tables, posts ...post) *model.Snapshot {
	t.Helper()
	w.now += 1e9
	w.stand(posts, func(uint16) bool { return false }, w.now)
	w.ask(t.Context(), wanted)
	return w.fold()
}

func (w *watched) fold() *model.Snapshot {
	if w.busy {
		w.take(<-w.answers, w.now, 1e9)
	}
	s := &model.Snapshot{Now: w.now}
	w.publish(s, w.now)
	return s
}

// entered is the post of another namespace that is read by h.
func entered(slot uint16, name string, h Host) post {
	return post{netns: slot, name: model.SafeText(name), host: h, inside: func(f func()) error { f(); return nil }}
}

func refused(slot uint16, name string, err error) post {
	p := entered(slot, name, &fakeHost{})
	p.inside = func(func()) error { return fmt.Errorf("enter network namespace %s: %w", name, err) }
	return p
}

func link(index uint32, name string, received uint64) model.Link {
	return model.Link{Index: index, Name: model.SafeText(name), HasCounters: true, Counters: model.LinkCounters{RxBytes: received}}
}

// linkAt is the interface of a namespace, nil when it has none.
func linkAt(s *model.Snapshot, slot uint16, index uint32) *model.Link {
	i := slices.IndexFunc(s.Links, func(r model.Link) bool { return r.NetNS == slot && r.Index == index })
	if i < 0 {
		return nil
	}
	return &s.Links[i]
}

func TestTablesOfNamespaces(t *testing.T) {
	home, blue, red := &fakeHost{}, &fakeHost{}, &fakeHost{}
	own := post{host: home}
	home.links, blue.links, red.links = []model.Link{link(1, "lo", 0)}, []model.Link{link(1, "lo", 0), link(2, "eth0", 0)}, nil
	w := watchTables(t, home)
	posts := []post{own, entered(2, "blue", blue), entered(5, "red", red)}
	w.look(t, model.TableLinks, posts...)
	home.links, blue.links = []model.Link{link(1, "lo", 1000)}, []model.Link{link(1, "lo", 500), link(2, "eth0", 0)}
	s := w.look(t, model.TableLinks, posts...)
	if len(s.Links) != 3 || linkAt(s, 0, 1).RxRate != 1000 || linkAt(s, 2, 1).RxRate != 500 || linkAt(s, 2, 2).Mark != model.Unchanged {
		t.Fatalf("interfaces: %+v", s.Links)
	}
	if home.left != 0 || blue.left != 2 || red.left != 2 {
		t.Errorf("left: ours %d times, blue %d, red %d", home.left, blue.left, red.left)
	}
	if src, _ := source(s, "interfaces"); src.Err != nil || !src.Whole || src.Age != 0 {
		t.Errorf("its source: %+v", src)
	}

	// One fails, and the others' rows are right.
	home.links, blue.partial, blue.err = nil, true, errors.New("half of it")
	blue.links = blue.links[:1]
	s = w.look(t, model.TableLinks, posts...)
	if !linkAt(s, 0, 1).Dead || linkAt(s, 2, 1).Stale || !linkAt(s, 2, 2).Stale {
		t.Errorf("one failed: %+v", s.Links)
	}
	if src, _ := source(s, "interfaces"); src.Err == nil || src.Err.Error() != "in network namespace blue: half of it" || src.Whole || src.Absent || src.Age != 1e9 {
		t.Errorf("its source: %+v", src)
	}

	// It is not to be entered.
	s = w.look(t, model.TableLinks, own, refused(2, "blue", fs.ErrPermission), posts[2])
	if r := linkAt(s, 2, 1); r == nil || !r.Stale || r.Dead {
		t.Errorf("refused: %+v", s.Links)
	}
	if src, _ := source(s, "interfaces"); src.Absent || !errors.Is(src.Err, fs.ErrPermission) || strings.Count(src.Err.Error(), "blue") != 1 {
		t.Errorf("its source: %+v", src)
	}
	// It is gone, and nobody knows yet.
	s = w.look(t, model.TableLinks, own, refused(2, "blue", netns.ErrGone), posts[2])
	if src, _ := source(s, "interfaces"); src.Err != nil || src.Whole || !linkAt(s, 2, 1).Stale {
		t.Errorf("gone: %+v, %+v", src, linkAt(s, 2, 1))
	}

	w.look(t, 0, posts...)
	if home.rested != 1 || blue.rested != 1 || red.rested != 1 {
		t.Errorf("rested: ours %d times, blue %d, red %d", home.rested, blue.rested, red.rested)
	}
}

// What is the same in all namespaces is said once, without a name.
func TestTablesThatNobodyHas(t *testing.T) {
	none := &fakeHost{partial: true, err: host.ErrUnsupported}
	w := watchTables(t, none)
	s := w.look(t, model.TableFlows, post{host: none}, entered(1, "blue", none), entered(2, "red", none))
	if src, _ := source(s, "connection tracking"); !src.Absent || src.Err.Error() != host.ErrUnsupported.Error() {
		t.Errorf("%+v", src)
	}
	s = w.look(t, model.TableFlows, post{host: &fakeHost{}}, entered(1, "blue", none), entered(2, "red", none))
	if src, _ := source(s, "connection tracking"); src.Absent || src.Err.Error() != "in network namespace blue: "+host.ErrUnsupported.Error()+" (and 1 more)" {
		t.Errorf("%+v", src)
	}
}

// TestTablesLeave: what nobody wants to see goes at once, what is gone is closed, and an answer that was under way brings
// neither back.
func TestTablesLeave(t *testing.T) {
	home := &fakeHost{links: []model.Link{link(1, "lo", 0)}}
	blue, red := &fakeHost{links: []model.Link{link(1, "blue", 0)}}, &fakeHost{links: []model.Link{link(1, "red", 0)}}
	own, a, b := post{host: home}, entered(1, "blue", blue), entered(2, "red", red)
	w := watchTables(t, home)
	w.look(t, model.TableLinks, own, a, b)
	gone := func(slot uint16) bool { return slot == 2 }

	w.ask(t.Context(), model.TableLinks)
	w.stand([]post{own}, gone, w.now)
	for _, when := range []string{"at once", "after the answer that was under way"} {
		s := &model.Snapshot{}
		if w.publish(s, w.now); linkAt(s, 1, 1) != nil || !linkAt(s, 2, 1).Dead || linkAt(s, 0, 1).Dead {
			t.Errorf("%s: %+v", when, s.Links)
		}
		w.fold()
	}
	if !w.names(0) || w.names(1) || !w.names(2) {
		t.Errorf("places in use: ours %v, blue's %v, red's %v", w.names(0), w.names(1), w.names(2))
	}

	// An answer of nobody who is looked at is none, also when another namespace has the place by then.
	w.stand([]post{a}, gone, w.now)
	w.ask(t.Context(), model.TableLinks)
	w.stand(nil, gone, w.now)
	w.stand([]post{entered(1, "green", &fakeHost{})}, gone, w.now)
	if w.take(<-w.answers, w.now, 1e9) {
		t.Error("there is something to show")
	}
	s := w.look(t, model.TableLinks, entered(1, "green", &fakeHost{}))
	if linkAt(s, 1, 1) != nil || linkAt(s, 0, 1) != nil {
		t.Errorf("another namespace: %+v", s.Links)
	}
	w.look(t, model.TableLinks, own)
	if s = w.look(t, model.TableLinks, own, a); linkAt(s, 1, 1).Mark != model.Unchanged || linkAt(s, 0, 1).Mark != model.Unchanged {
		t.Errorf("looked at again: %+v", s.Links)
	}
}

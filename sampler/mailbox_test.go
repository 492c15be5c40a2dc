package sampler

import (
	"testing"

	"sockview/model"
)

// TestSpareSnapshotGivesItsMemoryBack: the third snapshot is used while the reader holds two, and keeps no memory once it
// is not needed any more; the two that go round keep theirs.
func TestSpareSnapshotGivesItsMemoryBack(t *testing.T) {
	m := newMailbox()
	publish := func() {
		s := m.blank()
		if s == nil {
			t.Fatal("no snapshot")
		}
		s.Sockets = append(s.Sockets[:0], make([]model.Socket, 100)...)
		m.put(s)
	}
	take := func() *model.Snapshot {
		s := m.Take()
		if s == nil || len(s.Sockets) != 100 {
			t.Fatalf("took %v", s)
		}
		return s
	}
	with := func() (n int) {
		for s := range m.used {
			if cap(s.Sockets) > 0 {
				n++
			}
		}
		return n
	}
	publish()
	held := take()
	publish()
	second := take()
	publish() // the third
	m.Release(held)
	held = second
	if with() != snapshots {
		t.Fatalf("%d snapshots have memory", with())
	}
	for range spareTurns + 2 {
		next := take()
		m.Release(held)
		held = next
		publish()
	}
	if with() != snapshots-1 {
		t.Errorf("%d snapshots have memory, want those that go round", with())
	}
	m.blank()
	if m.blank() == nil {
		t.Error("the spare one is gone for good")
	}
}

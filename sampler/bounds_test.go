package sampler

import (
	"testing"
	"time"

	"sockview/model"
	"sockview/sampler/diag/diagtest"
)

// TestNobodyAsksForOwners: who prints again and again without owners for days keeps nothing of the sockets that came
// and went.
func TestNobodyAsksForOwners(t *testing.T) {
	b := newBench(t, nil)
	b.Want(model.Demand{Interval: time.Second, NoOwners: true})
	b.want = b.wanted()
	for n := range uint64(50) {
		b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{conn(n+1, uint32(1000+n), model.Established)}})
		b.Release(b.after(time.Second))
	}
	if left := b.tracker.Vacated(nil); len(left) > 0 {
		t.Errorf("%d inodes of closed sockets are kept for a scan that nobody asks for", len(left))
	}
}

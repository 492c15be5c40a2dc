package sampler

import (
	"math"
	"testing"

	"sockview/model"
	"sockview/sampler/diag"
	"sockview/sampler/netns"
)

// TestFinderOwn: where the kernel gives namespaces no numbers ours is 0, and stays the one in which 0 closes sockets when
// others are found.
func TestFinderOwn(t *testing.T) {
	own := new(diag.Conn)
	f := newFinder(nil, nil, nil, map[uint64]*diag.Conn{0: own})
	other := &netns.Space[*inside]{Place: &netns.Place{Inode: 4026531900}, ID: 1 << 63}
	for range 2 {
		f.space(other)
	}
	if f.conn(0) != own || f.conn(1<<63) != nil {
		t.Error("our own sockets cannot be closed any more")
	}
}

// TestMostSpaces: however many namespaces there are, descriptors are left for all else.
func TestMostSpaces(t *testing.T) {
	both := []model.Proto{model.UDPLite, model.Raw}
	for _, c := range []struct {
		limit uint64
		lacks []model.Proto
		want  int
	}{
		{1024, nil, 384}, {1024, both[:1], 192}, {1024, both, 128}, {0, nil, 1}, {100, both, 1}, {1 << 20, both, netns.DefaultMost},
		{math.MaxUint64, nil, netns.DefaultMost},
	} {
		if got := mostSpaces(c.limit, c.lacks); got != c.want {
			t.Errorf("%d files, %v: %d", c.limit, c.lacks, got)
		}
	}
}

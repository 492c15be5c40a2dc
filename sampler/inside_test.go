package sampler

import (
	"testing"

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

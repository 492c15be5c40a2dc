package model

import (
	"cmp"
	"math/bits"
	"slices"
)

// holdIndex finds the holds of a socket in a few steps. The kernel numbers inodes one after the other, so those that
// share their upper bits are few.
type holdIndex struct {
	holds  []Hold // sorted by inode
	lowest uint32
	shift  int
	starts []int32 // starts[i] is where the holds begin whose inode, less the lowest, has i as its upper bits
}

func indexHolds(holds []Hold) holdIndex {
	if len(holds) == 0 {
		return holdIndex{}
	}
	x := holdIndex{holds: holds, lowest: holds[0].Inode}
	span := holds[len(holds)-1].Inode - x.lowest
	x.shift = max(0, bits.Len32(span)-bits.Len(uint(len(holds))))
	x.starts = make([]int32, int(span>>x.shift)+2)
	for i := range holds {
		x.starts[(holds[i].Inode-x.lowest)>>x.shift+1] = int32(i + 1)
	}
	for i := 1; i < len(x.starts); i++ { // where there are none
		x.starts[i] = max(x.starts[i], x.starts[i-1])
	}
	return x
}

// of are the holds of the socket with this inode.
func (x *holdIndex) of(inode uint32) []Hold {
	at := uint64(inode-x.lowest) >> x.shift
	if inode < x.lowest || at+1 >= uint64(len(x.starts)) {
		return nil
	}
	few := x.holds[x.starts[at]:x.starts[at+1]]
	from, _ := slices.BinarySearchFunc(few, inode, func(h Hold, inode uint32) int { return cmp.Compare(h.Inode, inode) })
	few = few[from:]
	n := 0
	for n < len(few) && few[n].Inode == inode {
		n++
	}
	return few[:n]
}

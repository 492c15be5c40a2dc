package model

import (
	"cmp"
	"math/bits"
	"slices"
)

// holdIndex finds the holds of a socket in a few steps. The kernel numbers inodes one after the other, so those that
// share their upper bits are few.
type holdIndex struct {
	held   []held  // sorted by inode
	slots  []int32 // of each process of the answer, -1 for one that is not among the tracker's
	lowest uint32
	shift  int
	starts []int32 // starts[i] is where the holds begin whose inode, less the lowest, has i as its upper bits
}

// held is a hold: process is an index of the answer's processes, -1 when it is not among them.
type held struct {
	inode   uint32
	process int32
}

func indexHolds(o *Owners) *holdIndex {
	x := &holdIndex{held: make([]held, len(o.Holds)), slots: make([]int32, len(o.Processes))}
	x.number(o)
	if len(x.held) == 0 {
		return x
	}
	x.lowest = x.held[0].inode
	span := x.held[len(x.held)-1].inode - x.lowest
	x.shift = max(0, bits.Len32(span)-bits.Len(uint(len(x.held))))
	x.starts = make([]int32, int(span>>x.shift)+2)
	for i := range x.held {
		x.starts[(x.held[i].inode-x.lowest)>>x.shift+1] = int32(i + 1)
	}
	for i := 1; i < len(x.starts); i++ { // where there are none
		x.starts[i] = max(x.starts[i], x.starts[i-1])
	}
	return x
}

// number says of each hold which process it is of. Sockets that follow each other are often of one.
func (x *holdIndex) number(o *Owners) {
	numbers := make(map[ProcessID]int32, len(o.Processes))
	for i := range o.Processes {
		numbers[ProcessID{o.Processes[i].PID, o.Processes[i].Start}] = int32(i)
	}
	var last ProcessID
	process := int32(-1)
	for i := range o.Holds {
		h := &o.Holds[i]
		if i == 0 || h.ProcessID != last {
			last = h.ProcessID
			if n, ok := numbers[last]; ok {
				process = n
			} else {
				process = -1
			}
		}
		x.held[i] = held{h.Inode, process}
	}
}

// of are the holds of the socket with this inode.
func (x *holdIndex) of(inode uint32) []held {
	at := uint64(inode-x.lowest) >> x.shift
	if inode < x.lowest || at+1 >= uint64(len(x.starts)) {
		return nil
	}
	few := x.held[x.starts[at]:x.starts[at+1]]
	from, _ := slices.BinarySearchFunc(few, inode, func(h held, inode uint32) int { return cmp.Compare(h.inode, inode) })
	few = few[from:]
	n := 0
	for n < len(few) && few[n].inode == inode {
		n++
	}
	return few[:n]
}

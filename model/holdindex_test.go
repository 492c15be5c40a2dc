package model

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestHoldIndex(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	spread := func(n int, below uint32) (inodes []uint32) {
		for range n {
			inodes = append(inodes, rnd.Uint32N(below))
		}
		return inodes
	}
	for name, inodes := range map[string][]uint32{
		"none":           nil,
		"one":            {7},
		"the highest":    {math.MaxUint32},
		"both ends":      {0, math.MaxUint32},
		"dense":          {10, 11, 12, 13, 14, 15, 16, 17},
		"many holders":   {5, 5, 5, 5, 6, 6, 900, 900, 900},
		"clusters":       append(spread(300, 1000), math.MaxUint32, math.MaxUint32-1, 1<<31),
		"spread":         spread(1000, math.MaxUint32),
		"spread, shared": spread(1000, 300),
	} {
		slices.Sort(inodes)
		o := &Owners{Processes: []Process{proc(1, 1), proc(2, 1), proc(3, 1)}}
		want := make(map[uint32][]held)
		for i, inode := range inodes {
			number := int32(i % 4) // the fourth is not among the processes
			o.Holds = append(o.Holds, hold(inode, number+1, 1))
			if number == 3 {
				number = -1
			}
			want[inode] = append(want[inode], held{inode, number})
		}
		x := indexHolds(o)
		asked := append(spread(1000, math.MaxUint32), inodes...)
		for _, inode := range inodes {
			asked = append(asked, inode-1, inode+1)
		}
		for _, inode := range append(asked, 0, math.MaxUint32) {
			if got := x.of(inode); !slices.Equal(got, want[inode]) {
				t.Fatalf("%s: inode %d is held by %v, want %v", name, inode, got, want[inode])
			}
		}
	}
}

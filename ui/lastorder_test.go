package ui

import (
	"slices"
	"testing"
)

func TestLastOrder(t *testing.T) {
	var o lastOrder
	if got := o.through(3); !slices.Equal(got, []int32{0, 1, 2}) {
		t.Errorf("the first time: %v", got)
	}
	o.keep([]int32{2, 0})
	if got := o.through(4); !slices.Equal(got, []int32{2, 0, 1, 3}) {
		t.Errorf("as it stood, then the others: %v", got)
	}
	o.keep([]int32{3, 1, 2, 0})
	if got := o.through(2); !slices.Equal(got, []int32{1, 0}) {
		t.Errorf("rows that are gone: %v", got)
	}
	o.turn = ^uint32(0)
	if got := o.through(4); !slices.Equal(got, []int32{3, 1, 2, 0}) {
		t.Errorf("after the turns wrapped around: %v", got)
	}
	if got := o.through(0); len(got) != 0 {
		t.Errorf("of no rows: %v", got)
	}
}

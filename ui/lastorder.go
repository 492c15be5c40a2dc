package ui

// Going through rows in the order that they had on the screen last: most are still in it, and sorting what is nearly
// sorted costs little.

import "sockview/model"

// lastOrder is how the rows of a table stood, and the memory to sort them again.
type lastOrder struct {
	model.Sorter
	rows  []int32
	stamp []uint32 // beside the table's rows: when each was listed last
	turn  uint32
	all   []int32
}

// through are the indices of n rows, those that were on the screen first, in their order. A row may have moved to
// another index meanwhile: the order is a guess and nothing more.
func (o *lastOrder) through(n int) []int32 {
	o.all = o.all[:0]
	if len(o.rows) == 0 {
		for i := range int32(n) {
			o.all = append(o.all, i)
		}
		return o.all
	}
	if len(o.stamp) < n {
		o.stamp = append(o.stamp, make([]uint32, n-len(o.stamp))...)
	}
	if o.turn++; o.turn == 0 { // it wrapped around
		clear(o.stamp)
		o.turn = 1
	}
	for _, i := range o.rows {
		if int(i) < n && o.stamp[i] != o.turn {
			o.stamp[i] = o.turn
			o.all = append(o.all, i)
		}
	}
	for i := range int32(n) {
		if o.stamp[i] != o.turn {
			o.all = append(o.all, i)
		}
	}
	return o.all
}

// keep notes the order as it is now.
func (o *lastOrder) keep(order []int32) { o.rows = append(o.rows[:0], order...) }

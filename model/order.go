package model

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// AsRead as Sorting.Column leaves rows in the order in which they were read.
const AsRead = -2

// Sorting says by which column rows are sorted, and which way.
type Sorting struct {
	Column int
	Desc   bool
}

// sortKey is what one row is sorted by, taken out of it once. Numbers are in a, addresses in a and b, what tells
// networks of one address apart in c.
type sortKey struct {
	a, b uint64
	text string
	row  int32
	c    uint16
}

// Sort orders the rows whose indices are in order. It is total: rows that are equal in the column follow
// their identity, the same way up in both directions, and rows without a value come last in both.
func (t *Table[R]) Sort(s *Snapshot, rows []R, order []int32, by Sorting) {
	if by.Column == AsRead {
		return
	}
	tie := func(x, y int32) int {
		if t.Less(&rows[x], &rows[y]) {
			return -1
		}
		return 1
	}
	if by.Column < 0 || by.Column >= len(t.Columns) {
		slices.SortFunc(order, tie)
		return
	}
	column := &t.Columns[by.Column]
	known := make([]sortKey, 0, len(order))
	var unknowns []int32
	for _, i := range order {
		v := column.Value(s, &rows[i])
		if v.Why != Known {
			unknowns = append(unknowns, i)
			continue
		}
		known = append(known, keyOf(column.Kind, v, i))
	}
	text := column.Kind == KindText
	slices.SortFunc(known, func(x, y sortKey) int {
		c := 0
		if text {
			c = compareFold(x.text, y.text)
		} else if c = cmp.Compare(x.a, y.a); c == 0 {
			if c = cmp.Compare(x.b, y.b); c == 0 {
				c = cmp.Compare(x.c, y.c)
			}
		}
		if by.Desc {
			c = -c
		}
		if c == 0 {
			c = tie(x.row, y.row)
		}
		return c
	})
	slices.SortFunc(unknowns, tie)
	for i := range known {
		order[i] = known[i].row
	}
	copy(order[len(known):], unknowns)
}

func keyOf(k Kind, v Value, row int32) sortKey {
	switch k {
	case KindText:
		return sortKey{text: v.Text, row: row}
	case KindAddress:
		return sortKey{a: binary.BigEndian.Uint64(v.Addr[:8]), b: binary.BigEndian.Uint64(v.Addr[8:]), row: row}
	case KindNetwork:
		a := seenAs(&v) // so that 0.0.0.0/0 stands with IPv4
		key := sortKey{a: binary.BigEndian.Uint64(a[:8]), b: binary.BigEndian.Uint64(a[8:]), row: row}
		if key.c = uint16(netBits(&v)) << 1; v.V6 {
			key.c++ // ::ffff:0.0.0.0/96 behind 0.0.0.0/0
		}
		return key
	case KindHex:
		return sortKey{a: uint64(v.Num), row: row}
	}
	return sortKey{a: uint64(v.Num) ^ 1<<63, row: row} // signed order as unsigned order
}

// compareFold compares without regard to the case of ASCII letters; texts that differ in nothing else are
// told apart by it.
func compareFold(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if c := cmp.Compare(lower(a[i]), lower(b[i])); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// Rows are the rows of some table, whatever their type: what a screen or a printer needs of them.
type Rows interface {
	Len() int
	Key(i int) Key
	Change(i int) Change
	Value(i, column int) Value
}

// Bind makes Rows of the rows of a table in a snapshot.
func Bind[R any](t *Table[R], s *Snapshot, rows []R) Rows { return &boundRows[R]{t, s, rows} }

type boundRows[R any] struct {
	table    *Table[R]
	snapshot *Snapshot
	rows     []R
}

func (b *boundRows[R]) Len() int            { return len(b.rows) }
func (b *boundRows[R]) Key(i int) Key       { return b.table.Key(b.snapshot, &b.rows[i]) }
func (b *boundRows[R]) Change(i int) Change { return b.table.Change(b.snapshot, &b.rows[i]) }
func (b *boundRows[R]) Value(i, column int) Value {
	return b.table.Columns[column].Value(b.snapshot, &b.rows[i])
}

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

// Sorter is the memory of a table that is sorted again and again; the zero Sorter is ready.
type Sorter struct {
	known, moved []sortKey
	unknowns     []int32
}

// Sort orders the rows whose indices are in order. It is total: rows that are equal in the column follow
// their identity, the same way up in both directions, and rows without a value come last in both.
func (t *Table[R]) Sort(s *Snapshot, rows []R, order []int32, by Sorting) {
	t.SortWith(new(Sorter), s, rows, order, by)
}

// SortWith is Sort in m's memory. Rows that are nearly in order, as after the last time, cost little more than to look
// at each once.
func (t *Table[R]) SortWith(m *Sorter, s *Snapshot, rows []R, order []int32, by Sorting) {
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
	m.known, m.unknowns = slices.Grow(m.known[:0], len(order)), m.unknowns[:0]
	for _, i := range order {
		v := column.Value(s, &rows[i])
		if v.Why != Known {
			m.unknowns = append(m.unknowns, i)
			continue
		}
		m.known = append(m.known, keyOf(column.Kind, v, i))
	}
	text := column.Kind == KindText
	m.moved = sortAgain(m.known, m.moved, func(x, y sortKey) int {
		c := 0
		if text {
			if x.text != y.text {
				c = compareFold(x.text, y.text)
			}
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
	slices.SortFunc(m.unknowns, tie)
	for i := range m.known {
		order[i] = m.known[i].row
	}
	copy(order[len(m.known):], m.unknowns)
}

// wrongPlaced is how many keys side by side are taken for being in the wrong place, rather than the next one.
const wrongPlaced = 4

// sortAgain sorts keys that are likely to be nearly in order: those that are not in their place are taken out, sorted
// by themselves and merged in again. When they are many it is an ordinary sort. moved is memory to use; what it has
// become is returned. No two keys compare as equal.
func sortAgain[K any](keys, moved []K, compare func(x, y K) int) []K {
	most := len(keys)/8 + 8
	moved = moved[:0]
	kept := keys[:0]
	for i := range keys {
		k := keys[i]
		// Of the last few that were kept, those that are behind k are in the wrong place; when they all are, k is.
		n := len(kept)
		for n > 0 && n > len(kept)-wrongPlaced && compare(kept[n-1], k) > 0 {
			n--
		}
		if n > 0 && n == len(kept)-wrongPlaced && compare(kept[n-1], k) > 0 {
			moved = append(moved, k)
		} else {
			moved = append(moved, kept[n:]...)
			kept = append(kept[:n], k)
		}
		if len(moved) > most {
			copy(keys[len(kept):], moved)
			slices.SortFunc(keys, compare)
			return moved
		}
	}
	slices.SortFunc(moved, compare)
	i, j := len(kept)-1, len(moved)-1
	for at := len(keys) - 1; j >= 0; at-- { // from the end, where there is room
		if i >= 0 && compare(keys[i], moved[j]) > 0 {
			keys[at] = keys[i]
			i--
		} else {
			keys[at] = moved[j]
			j--
		}
	}
	return moved
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

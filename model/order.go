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

// Sorter is the memory of a table that is sorted again and again; the zero Sorter is ready. It knows nothing of columns
// or filters, so that it serves every view of a table.
type Sorter struct {
	identity []int32 // every row, in the order of their identities
	epoch    uint64  // the Snapshot.Epoch of which identity is; 0: it is to be looked at again
	stamp    []uint32
	turn     uint32
	moved    []int32
	unknowns []int32
	keys     []sortKey
	other    []sortKey
	ranks    map[string]uint64
	texts    []string
}

// Ready are all rows as SortWith wants them, in the order of their identities; as read when that is what is asked for.
// They stand until the next call. Rows that stand nearly as they did the last time cost little more than to look at
// each once, and nothing when epoch is the same as then: Snapshot.Epoch where rows are its sockets, else 0.
func (t *Table[R]) Ready(m *Sorter, rows []R, epoch uint64, by Sorting) []int32 {
	if by.Column == AsRead {
		m.identity, m.epoch = m.identity[:0], 0
		m.guess(len(rows))
		return m.identity
	}
	if epoch != 0 && epoch == m.epoch && len(m.identity) == len(rows) {
		return m.identity
	}
	m.epoch = epoch
	m.guess(len(rows))
	m.moved = sortAgain(m.identity, m.moved, t.compare(rows))
	return m.identity
}

// compare compares the identities of rows, of which no two are equal.
func (t *Table[R]) compare(rows []R) func(x, y int32) int {
	return func(x, y int32) int {
		if t.Less(&rows[x], &rows[y]) {
			return -1
		}
		return 1
	}
}

// guess makes identity the indices of n rows: those that it had, in their order, then the others. A row may have moved
// to another index meanwhile.
func (m *Sorter) guess(n int) {
	if len(m.stamp) < n {
		m.stamp = append(m.stamp, make([]uint32, n-len(m.stamp))...)
	}
	if m.turn++; m.turn == 0 { // it wrapped around
		clear(m.stamp)
		m.turn = 1
	}
	kept := m.identity[:0]
	for _, i := range m.identity {
		if int(i) < n {
			m.stamp[i] = m.turn
			kept = append(kept, i)
		}
	}
	m.identity = slices.Grow(kept, n-len(kept))
	for i := range int32(n) {
		if m.stamp[i] != m.turn {
			m.identity = append(m.identity, i)
		}
	}
}

// Sort orders the rows whose indices are in order. It is total: rows that are equal in the column follow
// their identity, the same way up in both directions, and rows without a value come last in both.
func (t *Table[R]) Sort(s *Snapshot, rows []R, order []int32, by Sorting) {
	if by.Column == AsRead {
		return
	}
	slices.SortFunc(order, t.compare(rows))
	t.SortWith(new(Sorter), s, rows, order, by)
}

// SortWith is Sort, in m's memory, of rows among those of Ready, in its order.
func (t *Table[R]) SortWith(m *Sorter, s *Snapshot, rows []R, order []int32, by Sorting) {
	if by.Column < 0 || by.Column >= len(t.Columns) {
		return
	}
	column := &t.Columns[by.Column]
	m.unknowns, m.keys = m.unknowns[:0], slices.Grow(m.keys[:0], len(order))
	value := func(i int32) Value { return column.Value(s, &rows[i]) }
	if column.Kind == KindText {
		m.textKeys(order, value)
	} else {
		for _, i := range order {
			if v := value(i); v.Why != Known {
				m.unknowns = append(m.unknowns, i)
			} else {
				m.keys = append(m.keys, keyOf(column.Kind, v, i))
			}
		}
	}
	if by.Desc {
		for i := range m.keys {
			k := &m.keys[i]
			k.a, k.b, k.c = ^k.a, ^k.b, ^k.c
		}
	}
	m.radix()
	for i := range m.keys {
		order[i] = m.keys[i].row
	}
	copy(order[len(m.keys):], m.unknowns)
}

// textKeys makes keys of texts: the place of each among those that are different, which are mostly few.
func (m *Sorter) textKeys(order []int32, value func(row int32) Value) {
	if m.ranks == nil {
		m.ranks = make(map[string]uint64)
	}
	last, n := "", uint64(0)
	for _, i := range order {
		v := value(i)
		if v.Why != Known {
			m.unknowns = append(m.unknowns, i)
			continue
		}
		if len(m.texts) == 0 || v.Text != last {
			known := false
			last = v.Text
			if n, known = m.ranks[last]; !known {
				n = uint64(len(m.texts))
				m.ranks[last] = n
				m.texts = append(m.texts, last)
			}
		}
		m.keys = append(m.keys, sortKey{a: n, row: i})
	}
	sorted := slices.Clone(m.texts)
	slices.SortFunc(sorted, compareFold)
	for rank, text := range sorted {
		m.ranks[text] = uint64(rank)
	}
	places := make([]uint64, len(m.texts))
	for n, text := range m.texts {
		places[n] = m.ranks[text]
	}
	for i := range m.keys {
		m.keys[i].a = places[m.keys[i].a]
	}
	clear(m.ranks) // it is not to keep texts alive
	clear(m.texts)
	m.texts = m.texts[:0]
}

// sortKey is what one row is sorted by, taken out of it once. Numbers and places are in a, addresses in a and b, what
// tells networks of one address apart in c.
type sortKey struct {
	a, b uint64
	row  int32
	c    uint16
}

// radix sorts the keys by a, b, c, and leaves equal ones as they stand: byte by byte from the last, but only those bytes
// in which some keys differ, which of ports are two and of IPv4 addresses four.
func (m *Sorter) radix() {
	if len(m.keys) == 0 {
		return
	}
	first := m.keys[0]
	var differ sortKey
	sorted := true
	for i := 1; i < len(m.keys); i++ {
		k, before := &m.keys[i], &m.keys[i-1]
		differ.a |= k.a ^ first.a
		differ.b |= k.b ^ first.b
		differ.c |= k.c ^ first.c
		sorted = sorted && !k.less(before)
	}
	if sorted {
		return
	}
	m.other = slices.Grow(m.other[:0], len(m.keys))[:len(m.keys)]
	for shift := 0; shift < 16; shift += 8 {
		if differ.c>>shift&0xff != 0 {
			m.pass(func(k *sortKey) uint8 { return uint8(k.c >> shift) })
		}
	}
	for shift := 0; shift < 64; shift += 8 {
		if differ.b>>shift&0xff != 0 {
			m.pass(func(k *sortKey) uint8 { return uint8(k.b >> shift) })
		}
	}
	for shift := 0; shift < 64; shift += 8 {
		if differ.a>>shift&0xff != 0 {
			m.pass(func(k *sortKey) uint8 { return uint8(k.a >> shift) })
		}
	}
}

func (k *sortKey) less(o *sortKey) bool {
	switch {
	case k.a != o.a:
		return k.a < o.a
	case k.b != o.b:
		return k.b < o.b
	}
	return k.c < o.c
}

// pass sorts the keys by one byte.
func (m *Sorter) pass(digit func(*sortKey) uint8) {
	var starts [256]int
	for i := range m.keys {
		starts[digit(&m.keys[i])]++
	}
	at := 0
	for d, n := range starts {
		starts[d] = at
		at += n
	}
	for i := range m.keys {
		d := digit(&m.keys[i])
		m.other[starts[d]] = m.keys[i]
		starts[d]++
	}
	m.keys, m.other = m.other, m.keys
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

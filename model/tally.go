package model

import "cmp"

// Tally is how many rows of a table have the same value in a column.
type Tally struct {
	Value Value
	Key   string // the value in full, for the identity
	Rows  int
}

// TallyBy counts the rows whose indices are in order by the value of a column.
func TallyBy[R any](t *Table[R], s *Snapshot, rows []R, order []int32, column int) []Tally {
	by := &t.Columns[column]
	var tallies []Tally
	index := make(map[Value]int)
	for _, i := range order {
		v := groupValue(by.Kind, by.Value(s, &rows[i]))
		at, ok := index[v]
		if !ok {
			at = len(tallies)
			index[v] = at
			tallies = append(tallies, Tally{Value: v, Key: groupKey(by.Kind, v)})
		}
		tallies[at].Rows++
	}
	return tallies
}

// Tallies is the table of counts by a column. Its first column is that column.
func Tallies(by Spec) *Table[Tally] {
	by.Default, by.Give, by.Desc, by.Aliases, by.Where = true, 0, false, nil, nil
	return &Table[Tally]{
		Name: "tally",
		Columns: []Column[Tally]{
			{by, func(_ *Snapshot, r *Tally) Value { return r.Value }},
			{Spec{ID: "rows", Title: "ROWS", Help: "rows with this value", Kind: KindCount, Desc: true, Default: true, Width: 6, Max: 12},
				func(_ *Snapshot, r *Tally) Value { return num(int64(r.Rows)) }},
		},
		Key:    func(_ *Snapshot, r *Tally) Key { return Key{Text: r.Key} },
		Change: func(*Snapshot, *Tally) Change { return Unchanged },
		Less:   func(a, b *Tally) bool { return cmp.Less(a.Key, b.Key) },
	}
}

package model

// Spec describes a column: everything about it but how a row gives its value.
type Spec struct {
	ID      string   // what --columns, --sort, the filter, CSV and JSON call it
	Title   string   // its heading on the screen
	Help    string   // one line: what it is, its unit, where it comes from
	Aliases []string // further names a filter may use; several columns may share one
	Kind    Kind
	Desc    bool // sorted descending first: counters and rates
	Default bool // shown unless the user chose otherwise
	Width   int  // cells its values need at least to be of use
	Max     int  // cells it may grow to; 0 is Width
	Give    int  // which column gives way first on a narrow screen: the highest; 0 stays longest
	Steady  bool // its values stay while Snapshot.Epoch does: what it says is who a row is and whose, not what it does
	// Where says in which snapshots a column is shown that is not Default, unless the user chose his columns; nil in none.
	Where   func(*Snapshot) bool
	AtLeast bool // its values may be lower bounds (Value.AtLeast); CSV and JSON say so beside them
}

// Column is one column of a table with rows of type R.
type Column[R any] struct {
	Spec
	Value func(s *Snapshot, r *R) Value
}

// Table is the one description of a kind of row: its columns, its identity, what became of it.
type Table[R any] struct {
	Name    string // as in `sockview --help` and the config: sockets, processes, hosts
	Columns []Column[R]
	Rows    func(s *Snapshot) []R
	Key     func(s *Snapshot, r *R) Key
	Change  func(s *Snapshot, r *R) Change
	// Less is the order of two rows that are equal in the sorted column: by identity, so that rows never
	// jump without cause.
	Less func(a, b *R) bool
}

// Specs are the columns' descriptions, in the table's order.
func (t *Table[R]) Specs() []Spec {
	specs := make([]Spec, len(t.Columns))
	for i := range t.Columns {
		specs[i] = t.Columns[i].Spec
	}
	return specs
}

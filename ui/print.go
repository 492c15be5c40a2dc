package ui

// The same tables printed: one snapshot, through the same selection as the screen, into a writer.

import (
	"context"
	"io"
	"slices"
	"time"

	"sockview/keymap"
	"sockview/model"
	"sockview/ui/text"
)

// Prints says whether these flags ask for output rather than a screen, on a terminal too.
func Prints(o keymap.Options) bool {
	return o.Once || o.JSON || o.CSV || o.Top > 0 || o.Count != "" && o.Screen == ""
}

// Print writes one snapshot as the options want it.
func Print(w io.Writer, s *model.Snapshot, o keymap.Options, c Configured, names Names) error {
	var service func(string) (uint16, bool)
	if names != nil {
		service = names.ServicePort
	}
	st, err := c.open(service)
	if err != nil {
		return err
	}
	if c.TimeForRates() == 0 {
		st.withoutRates()
	}
	q := st.query()
	q.choice, q.format = c.Choice, &model.Formatter{}
	if c.Names {
		q.format = namedFormat(names, false)
	}
	rows, order, _ := st.def.compile(&q)(s, nil)
	if c.Top > 0 && len(order) > c.Top {
		order = order[:c.Top]
	}
	if c.Names && names != nil {
		await(names, st, rows, order)
	}
	t := text.Table{Specs: st.specs, Columns: st.shown, Rows: rows, Order: order, Format: q.format}
	switch {
	case o.JSON:
		return text.JSON(w, t)
	case o.CSV:
		return text.CSV(w, t)
	}
	return text.Plain(w, t)
}

// TimeForRates is for how long printing once has to watch: rates were asked for, by a column, the order or the
// filter. 0: they were not, and the columns that come by themselves leave them out.
func (c *Configured) TimeForRates() time.Duration {
	st, err := c.open(anyService)
	if err != nil {
		return 0 // Print says what is wrong
	}
	isRate := func(column int) bool { return column >= 0 && st.specs[column].Kind == model.KindRate }
	if st.filter.Asks(model.KindRate) ||
		c.Sort[c.Screen] != "" && isRate(st.sorting.Column) ||
		len(c.Columns[c.Screen]) > 0 && slices.ContainsFunc(st.shown, isRate) {
		return c.Interval
	}
	return 0
}

// withoutRates leaves out what one sample cannot tell.
func (st *screenState) withoutRates() {
	st.shown = slices.DeleteFunc(st.shown, func(c int) bool { return st.specs[c].Kind == model.KindRate })
}

// namesPatience is for how long printing waits for host names; a dead resolver must not cost more.
const namesPatience = 3 * time.Second

// await has the addresses that will be printed looked up.
func await(names Names, st *screenState, rows model.Rows, order []int32) {
	var addrs []model.Addr
	seen := make(map[model.Addr]bool)
	for _, row := range order {
		for _, c := range st.shown {
			if st.specs[c].Kind != model.KindAddress {
				continue
			}
			if v := rows.Value(int(row), c); v.Why == model.Known && !seen[v.Addr] {
				seen[v.Addr] = true
				addrs = append(addrs, v.Addr)
			}
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), namesPatience)
	defer cancel()
	names.Await(ctx, addrs)
}

// PrintTrouble writes a line for each source that did not answer whole.
func PrintTrouble(w io.Writer, s *model.Snapshot) {
	if t := troubleLine(s); t != "" {
		io.WriteString(w, "sockview: "+t+"\n") //nolint:errcheck // nobody is left to be told
	}
}

package text

// netstat's tables of several network namespaces. netstat itself knows but the one that it is in, and its layout has no
// place for another's name: so each has a table of its own, under a line that says whose it is.

import (
	"cmp"
	"io"
	"maps"
	"slices"

	"sockview/model"
)

// eachNetNS has write write the rows that order names: those of each network namespace apart and under its name where
// several are looked into, our own first and then by name; else all of them, with nothing above them. A namespace without
// a row that is alive is left out. life tells of a row.
func eachNetNS(w io.Writer, s *model.Snapshot, order []int32, life func(row int32) *model.Life, write func([]int32) error) error {
	if seen, _ := s.SeenNetNS(); seen < 2 {
		return write(order)
	}
	rows := make(map[uint16][]int32)
	for _, row := range order {
		if l := life(row); !l.Dead {
			rows[l.NetNS] = append(rows[l.NetNS], row)
		}
	}
	if len(rows) == 0 {
		return write(nil)
	}
	slots := slices.SortedFunc(maps.Keys(rows), func(a, b uint16) int {
		return cmp.Or(cmp.Compare(min(a, 1), min(b, 1)),
			CompareNames(s.NetNSOf(a).Name.String(), s.NetNSOf(b).Name.String()), cmp.Compare(a, b))
	})
	for i, slot := range slots {
		heading := "Network namespace: " + s.NetNSOf(slot).Name.String() + "\n"
		if i > 0 {
			heading = "\n" + heading
		}
		if _, err := io.WriteString(w, heading); err != nil {
			return err
		}
		if err := write(rows[slot]); err != nil {
			return err
		}
	}
	return nil
}

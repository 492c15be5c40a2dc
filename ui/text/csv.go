package text

// CSV, for spreadsheets and scripts.

import (
	"bufio"
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// CSV writes the table as RFC 4180 has it, with line feeds alone: a header of column ids, raw numbers in the
// units that Units lists, an empty cell for the unknown. A column that may hold lower bounds is followed by
// one that says true or false, as age_at_least.
//
// Text that a spreadsheet would take for a formula, because it begins with = + - or @, is written with a '
// before it.
func CSV(w io.Writer, t Table) error { return writeCSV(w, &t, true) }

// CSVRows is CSV without the header, for a table that follows one of the same columns.
func CSVRows(w io.Writer, t Table) error { return writeCSV(w, &t, false) }

func writeCSV(w io.Writer, t *Table, headed bool) error {
	buf := bufio.NewWriterSize(w, pageSize)
	out := csv.NewWriter(buf)
	var header []string
	for _, c := range t.Columns {
		header = append(header, t.Specs[c].ID)
		if t.Specs[c].AtLeast {
			header = append(header, t.Specs[c].ID+atLeast)
		}
	}
	if headed {
		if err := out.Write(header); err != nil {
			return err
		}
	}
	r := record{cells: make([]string, len(header))}
	err := t.eachRow(func(row int) error {
		r.fill(t, row)
		if len(r.cells) == 1 && r.cells[0] == "" {
			// encoding/csv would write an empty line, which every reader skips
			out.Flush()
			_, err := buf.WriteString("\"\"\n")
			return err
		}
		return out.Write(r.cells)
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}

// record is one line of CSV. Its cells are pieces of one string, so that a line is one allocation.
type record struct {
	line  []byte
	ends  []int
	cells []string
}

func (r *record) fill(t *Table, row int) {
	r.line, r.ends = r.line[:0], r.ends[:0]
	for _, c := range t.Columns {
		spec := &t.Specs[c]
		v := t.Rows.Value(row, c)
		from := len(r.line)
		var f form
		r.line, f = appendRaw(r.line, spec.Kind, v)
		if f == foreign && isFormula(r.line[from:]) {
			r.line = append(r.line, 0)
			copy(r.line[from+1:], r.line[from:])
			r.line[from] = '\''
		}
		r.ends = append(r.ends, len(r.line))
		if spec.AtLeast {
			if f != absent {
				r.line = strconv.AppendBool(r.line, v.AtLeast)
			}
			r.ends = append(r.ends, len(r.line))
		}
	}
	line, from := string(r.line), 0
	for n, end := range r.ends {
		r.cells[n] = line[from:end]
		from = end
	}
}

// isFormula says whether a spreadsheet would compute the text. Some take the wide forms of the signs too.
func isFormula(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	if strings.IndexByte("=+-@\t\r\n", text[0]) >= 0 {
		return true
	}
	for _, sign := range [...]string{"＝", "＋", "－", "＠"} {
		if strings.HasPrefix(string(text), sign) {
			return true
		}
	}
	return false
}

package text

// The table for eyes: a heading, and columns that stand below each other.

import (
	"io"

	"github.com/rivo/uniseg"

	"sockview/model"
)

// gap is what stands between two columns.
const gap = "  "

// Plain writes the table as the screen formats its values, every value in full: a heading line, columns as
// wide as their widest value, numbers to the right, "-" for the unknown. Lines have no trailing blanks.
//
// Every value is formatted twice, for the width and for the line, which costs less than to keep them all. A
// name that a Formatter learns in between may be wider than its column; it is written in full all the same.
func Plain(w io.Writer, t Table) error {
	widths := t.widths()
	p := page{w: w}
	for n, c := range t.Columns {
		spec := &t.Specs[c]
		p.buf = appendCell(p.buf, spec.Title, widths[n], n, len(t.Columns), toRight(spec.Kind))
	}
	p.buf = append(p.buf, '\n')
	var cell []byte
	err := t.eachRow(func(row int) error {
		for n, c := range t.Columns {
			kind := t.Specs[c].Kind
			cell = t.appendShown(cell[:0], row, c)
			p.buf = appendCell(p.buf, cell, widths[n], n, len(t.Columns), toRight(kind))
		}
		p.buf = append(trimBlanks(p.buf), '\n')
		return p.turn()
	})
	if err != nil {
		return err
	}
	return p.flush()
}

// widths are the cells that each column needs, its heading included.
func (t *Table) widths() []int {
	widths := make([]int, len(t.Columns))
	for n, c := range t.Columns {
		widths[n] = width(t.Specs[c].Title)
	}
	var cell []byte
	_ = t.eachRow(func(row int) error { // it fails only when the function does
		for n, c := range t.Columns {
			cell = t.appendShown(cell[:0], row, c)
			widths[n] = max(widths[n], width(cell))
		}
		return nil
	})
	return widths
}

// appendShown appends a value as the screen shows it. dst is empty.
func (t *Table) appendShown(dst []byte, row, column int) []byte {
	dst = t.Format.Append(dst, t.Specs[column].Kind, t.Rows.Value(row, column))
	if isPlain(dst) {
		return dst
	}
	clean := safe(string(dst))
	return append(dst[:0], clean...)
}

// toRight says whether the values of a kind are aligned at their right end.
func toRight(k model.Kind) bool {
	switch k {
	case model.KindText, model.KindState, model.KindAddress, model.KindNetwork, model.KindTime:
		return false
	}
	return true
}

// appendCell appends the n-th of a line's cells, padded to wide cells of the terminal.
func appendCell[T string | []byte](dst []byte, cell T, wide, n, of int, right bool) []byte {
	if n > 0 {
		dst = append(dst, gap...)
	}
	pad := wide - width(cell)
	if right {
		dst = blanks(dst, pad)
	}
	dst = append(dst, cell...)
	if !right && n < of-1 {
		dst = blanks(dst, pad)
	}
	return dst
}

func blanks(dst []byte, n int) []byte {
	for ; n > 0; n-- {
		dst = append(dst, ' ')
	}
	return dst
}

// trimBlanks takes the blanks off the end of the last line.
func trimBlanks(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}

// width is how many cells of a terminal safe text takes.
func width[T string | []byte](s T) int {
	if isPlain(s) {
		return len(s)
	}
	return uniseg.StringWidth(string(s))
}

// isPlain says whether s is printable ASCII, so that a byte is a cell.
func isPlain[T string | []byte](s T) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

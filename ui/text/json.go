package text

// JSON: an array of objects, or one object a line.

import (
	"io"
	"strconv"
)

// JSON writes the table as an array of objects, an object a line, each with the column ids as keys in the
// order of the columns. Numbers are in the units that Units lists; null is the unknown. A column that may
// hold lower bounds is followed by a key that says true or false, as age_at_least. A column chosen twice is
// written once.
func JSON(w io.Writer, t Table) error {
	o := newObjects(w, &t)
	o.buf = append(o.buf, '[')
	first := true
	err := t.eachRow(func(row int) error {
		if !first {
			o.buf = append(o.buf, ',')
		}
		first = false
		o.buf = append(o.buf, '\n')
		o.append(row)
		return o.turn()
	})
	if err != nil {
		return err
	}
	if !first {
		o.buf = append(o.buf, '\n')
	}
	o.buf = append(o.buf, "]\n"...)
	return o.flush()
}

// JSONLines writes the objects of JSON one a line with nothing around them, so that tables can follow each
// other.
func JSONLines(w io.Writer, t Table) error {
	o := newObjects(w, &t)
	err := t.eachRow(func(row int) error {
		o.append(row)
		o.buf = append(o.buf, '\n')
		return o.turn()
	})
	if err != nil {
		return err
	}
	return o.flush()
}

// objects writes rows as JSON objects.
type objects struct {
	page
	table *Table
	keys  []key
	raw   []byte
}

// key is a column with what stands before its value.
type key struct {
	column  int
	text    string // `"pid":`
	atLeast string // `,"age_at_least":`, empty where no value is a lower bound
}

func newObjects(w io.Writer, t *Table) *objects {
	o := &objects{page: page{w: w}, table: t}
	seen := make(map[int]bool, len(t.Columns))
	for _, c := range t.Columns {
		if seen[c] {
			continue
		}
		seen[c] = true
		spec := &t.Specs[c]
		k := key{column: c, text: string(appendString(nil, spec.ID)) + ":"}
		if spec.AtLeast {
			k.atLeast = "," + string(appendString(nil, spec.ID+atLeast)) + ":"
		}
		o.keys = append(o.keys, k)
	}
	return o
}

func (o *objects) append(row int) {
	b := append(o.buf, '{')
	for n := range o.keys {
		k := &o.keys[n]
		if n > 0 {
			b = append(b, ',')
		}
		b = append(b, k.text...)
		v := o.table.Rows.Value(row, k.column)
		var f form
		o.raw, f = appendRaw(o.raw[:0], o.table.Specs[k.column].Kind, v)
		switch f {
		case absent:
			b = append(b, "null"...)
		case number:
			b = append(b, o.raw...)
		default:
			b = appendString(b, o.raw)
		}
		if k.atLeast == "" {
			continue
		}
		b = append(b, k.atLeast...)
		if f == absent {
			b = append(b, "null"...)
		} else {
			b = strconv.AppendBool(b, v.AtLeast)
		}
	}
	o.buf = append(b, '}')
}

// appendString appends valid UTF-8 as a JSON string (RFC 8259 section 7).
func appendString[T string | []byte](dst []byte, s T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		if c == '"' || c == '\\' {
			dst = append(dst, '\\', c)
		} else {
			dst = append(dst, `\u00`...)
			dst = append(dst, hex[c>>4], hex[c&0xf])
		}
	}
	return append(append(dst, s[from:]...), '"')
}

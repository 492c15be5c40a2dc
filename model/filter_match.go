package model

// Applying a filter to rows. A filter is compiled once for a table, into closures that allocate nothing per
// row: 100,000 rows are asked between a key and its paint. Tests are pure, so their order cannot change a
// result, and the cheap ones go first.

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Matcher makes the test of the rows of t: whether a row meets the parts of f that ask about a scope. It is
// nil when there are none. Columns are found by their ID; one that t lacks is unknown in every row. The test
// keeps a buffer: one goroutine at a time may use it.
func Matcher[R any](f *Filter, scope int, t *Table[R], fm *Formatter) func(s *Snapshot, r *R) bool {
	if f.Empty() {
		return nil
	}
	c := rowCompiler[R]{table: t, screen: &screenText{fm: fm}}
	var parts []rowTest[R]
	for _, part := range f.parts {
		if part.scope == scope {
			parts = append(parts, c.clause(part))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return allOf(parts).holds
}

// rowTest is a compiled clause. Cost is a rough number of nanoseconds.
type rowTest[R any] struct {
	holds func(s *Snapshot, r *R) bool
	cost  int
}

type rowCompiler[R any] struct {
	table  *Table[R]
	screen *screenText
}

func (c *rowCompiler[R]) clause(e *clause) rowTest[R] {
	if e.op == opTerm {
		return c.term(e.term)
	}
	kids := make([]rowTest[R], len(e.kids))
	for i, kid := range e.kids {
		kids[i] = c.clause(kid)
	}
	switch e.op {
	case opNot:
		holds := kids[0].holds
		return rowTest[R]{func(s *Snapshot, r *R) bool { return !holds(s, r) }, kids[0].cost}
	case opOr:
		return anyOf(kids)
	}
	return allOf(kids)
}

func cheapFirst[R any](tests []rowTest[R]) (cost int) {
	slices.SortStableFunc(tests, func(a, b rowTest[R]) int { return cmp.Compare(a.cost, b.cost) })
	for i := range tests {
		cost += tests[i].cost
	}
	return cost
}

func allOf[R any](tests []rowTest[R]) rowTest[R] {
	if len(tests) == 1 {
		return tests[0]
	}
	cost := cheapFirst(tests)
	return rowTest[R]{func(s *Snapshot, r *R) bool {
		for i := range tests {
			if !tests[i].holds(s, r) {
				return false
			}
		}
		return true
	}, cost}
}

func anyOf[R any](tests []rowTest[R]) rowTest[R] {
	cost := cheapFirst(tests)
	return rowTest[R]{func(s *Snapshot, r *R) bool {
		for i := range tests {
			if tests[i].holds(s, r) {
				return true
			}
		}
		return false
	}, cost}
}

// cell is a column of the table with what is asked of it.
type cell[R any] struct {
	value func(s *Snapshot, r *R) Value
	kind  Kind
	wants []want
	cost  int
}

func (c *rowCompiler[R]) term(t *term) rowTest[R] {
	var cells []cell[R]
	cost := 0
	for i := range t.cells {
		test := &t.cells[i]
		k := test.spec.Kind
		one := cell[R]{value: c.column(test.spec.ID), kind: k}
		for _, w := range test.wants {
			if w.how != wantHas || c.screen.mayShow(k, w.text) {
				one.wants = append(one.wants, w)
				one.cost += w.cost(k)
			}
		}
		if len(one.wants) > 0 || t.op == opIsNot {
			cells = append(cells, one)
			cost += one.cost + 5 // getting the value
		}
	}
	slices.SortStableFunc(cells, func(a, b cell[R]) int { return cmp.Compare(a.cost, b.cost) })
	screen := c.screen
	if t.op == opIsNot {
		return rowTest[R]{func(s *Snapshot, r *R) bool { return noneIs(cells, screen, s, r) }, cost}
	}
	if len(cells) == 1 && len(cells[0].wants) == 1 {
		value, k, w := cells[0].value, cells[0].kind, cells[0].wants[0]
		return rowTest[R]{func(s *Snapshot, r *R) bool {
			v := value(s, r)
			return w.meets(k, &v, screen)
		}, cost}
	}
	return rowTest[R]{func(s *Snapshot, r *R) bool {
		for i := range cells {
			v := cells[i].value(s, r)
			for j := range cells[i].wants {
				if cells[i].wants[j].meets(cells[i].kind, &v, screen) {
					return true
				}
			}
		}
		return false
	}, cost}
}

// noneIs is !=: some column has a value, and none can be one of those wanted.
func noneIs[R any](cells []cell[R], screen *screenText, s *Snapshot, r *R) bool {
	known := false
	for i := range cells {
		v := cells[i].value(s, r)
		known = known || v.Why == Known
		for j := range cells[i].wants {
			if cells[i].wants[j].mayMeet(cells[i].kind, &v, screen) {
				return false
			}
		}
	}
	return known
}

// column is how a column gets its value.
func (c *rowCompiler[R]) column(id string) func(s *Snapshot, r *R) Value {
	for i := range c.table.Columns {
		if c.table.Columns[i].ID == id {
			return c.table.Columns[i].Value
		}
	}
	return func(*Snapshot, *R) Value { return Value{Why: NotApplicable} }
}

// cost is about how many nanoseconds a test of a known value takes.
func (w *want) cost(k Kind) int {
	switch w.how {
	case wantHas, wantShown, wantAddrPrefix, wantBegins:
		switch k {
		case KindText, KindState:
			return 20
		case KindAddress, KindNetwork, KindTime:
			return 60
		}
		return 15
	case wantRegexp:
		return 300
	case wantNet, wantHolds, wantWithin, wantIsNet:
		return 4
	}
	return 2
}

// meets says whether v, of kind k, is what w wants.
func (w *want) meets(k Kind, v *Value, screen *screenText) bool {
	if v.Why != Known {
		return w.how == wantUnknown
	}
	switch w.how {
	case wantNumber:
		n := uint64(v.Num) ^ w.flip
		if v.AtLeast { // anything from n on: all of it must be wanted
			return w.lo <= n && w.hi == math.MaxUint64
		}
		return w.lo <= n && n <= w.hi
	case wantHas:
		return screen.has(k, v, w)
	case wantShown:
		return string(screen.folded(screen.shown(k, v))) == w.text
	case wantText:
		return v.Text == w.text
	case wantState:
		return uint64(v.Num) < 32 && w.states>>uint64(v.Num)&1 != 0
	case wantAddr:
		return seenAs(v) == w.addr
	case wantAnyAddr:
		return v.Addr.IsUnspecified()
	case wantNet:
		return w.inNet(v)
	case wantAddrPrefix:
		var ok bool
		screen.buf, ok = w.startsAs(v, screen.buf)
		return ok
	case wantHolds:
		return w.holds(v)
	case wantWithin:
		return netBits(v) >= w.bits && w.inNet(v)
	case wantIsNet:
		return w.isNet(v)
	case wantDefault:
		return v.Num == 0
	case wantBegins:
		return bytes.HasPrefix(screen.shown(k, v), w.needle) // networks are shown in small letters
	case wantRegexp:
		if k == KindText && !v.AtLeast {
			return w.re.MatchString(v.Text)
		}
		return w.re.Match(screen.shown(k, v))
	}
	return false
}

// mayMeet says whether v may be what w wants; it differs from meets where only a lower bound is known.
func (w *want) mayMeet(k Kind, v *Value, screen *screenText) bool {
	if w.how == wantNumber && v.AtLeast && v.Why == Known {
		return max(uint64(v.Num)^w.flip, w.lo) <= w.hi
	}
	return w.meets(k, v, screen)
}

// screenText is the text of values as the screen shows them, in buffers that are used again.
type screenText struct {
	fm        *Formatter
	buf, fold []byte
}

// shown is v as shown, valid until the next call.
func (t *screenText) shown(k Kind, v *Value) []byte {
	t.buf = t.fm.Append(t.buf[:0], k, *v)
	return t.buf
}

// has says whether v as shown contains the folded text of w, without regard to case.
func (t *screenText) has(k Kind, v *Value, w *want) bool {
	if k != KindText || v.AtLeast {
		shown := t.shown(k, v)
		if !t.isLower(k) {
			shown = t.folded(shown)
		}
		return bytes.Contains(shown, w.needle)
	}
	if isASCII(v.Text) {
		return hasFold(v.Text, w.text)
	}
	t.buf = append(t.buf[:0], v.Text...)
	return bytes.Contains(t.folded(t.buf), w.needle)
}

// isLower says whether values of kind k are never shown with a capital letter.
func (t *screenText) isLower(k Kind) bool {
	switch k {
	case KindNetwork, KindNumber, KindHex, KindCount, KindDuration, KindTime:
		return true
	case KindAddress:
		return t.fm == nil || t.fm.Host == nil
	case KindPort:
		return t.fm == nil || t.fm.Service == nil
	}
	return false
}

// mayShow says whether a value of kind k, as shown, can contain folded text.
func (t *screenText) mayShow(k Kind, text string) bool {
	letters := ""
	switch k {
	case KindText, KindState:
		return true
	case KindAddress:
		if t.fm != nil && t.fm.Host != nil {
			return true
		}
		letters = "abcdef:."
	case KindNetwork:
		letters = "abcdef:./" + defaultNetwork
	case KindPort:
		if t.fm != nil && t.fm.Service != nil {
			return true
		}
		letters = "*-"
	case KindHex:
		letters = "xabcdef"
	case KindBytes, KindRate:
		letters = ".kmgtpe"
	case KindDuration:
		letters = ".-nusmhd"
	case KindTime:
		letters = "-: "
	default:
		letters = "-"
	}
	for _, r := range text {
		// > stands before a lower bound of any kind
		if (r < '0' || r > '9') && r != '>' && !strings.ContainsRune(letters, r) {
			return false
		}
	}
	return true
}

// Folding: two texts that differ in case only are equal when folded. Every rune stands for the first of
// those that Unicode's simple folding makes equal, letters of ASCII for the small one.

func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		return rune(lower(byte(r)))
	}
	first := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		first = min(first, next)
	}
	if first < utf8.RuneSelf {
		return rune(lower(byte(first)))
	}
	return first
}

// appendFold appends b folded. A byte that is not UTF-8 stays as it is.
func appendFold(dst, b []byte) []byte {
	for i := 0; i < len(b); {
		if b[i] < utf8.RuneSelf {
			dst = append(dst, lower(b[i]))
			i++
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, b[i])
		} else {
			dst = utf8.AppendRune(dst, foldRune(r))
		}
		i += size
	}
	return dst
}

func foldString(s string) string { return string(appendFold(nil, []byte(s))) }

func (t *screenText) folded(b []byte) []byte {
	t.fold = appendFold(t.fold[:0], b)
	return t.fold
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// hasFold says whether s, which is ASCII, contains folded text, without regard to case.
func hasFold(s, text string) bool {
	if text == "" {
		return true
	}
	first := text[0]
	for i := 0; i+len(text) <= len(s); i++ {
		if lower(s[i]) == first && equalFold(s[i+1:i+len(text)], text[1:]) {
			return true
		}
	}
	return false
}

// equalFold compares ASCII with folded text of the same length.
func equalFold(s, text string) bool {
	for i := 0; i < len(text); i++ {
		if lower(s[i]) != text[i] {
			return false
		}
	}
	return true
}

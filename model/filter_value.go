package model

// What stands after an operator, read for the kind of the column it is compared with.

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// wanting is what a want looks at.
type wanting uint8

const (
	wantUnknown    wanting = iota
	wantNumber             // the number is in an interval
	wantHas                // the text as shown contains text, folded
	wantShown              // the text as shown is text, both folded
	wantText               // the text is text
	wantState              // the state is one of a set
	wantAddr               // the address is addr
	wantAnyAddr            // the address is 0.0.0.0 or ::
	wantNet                // the first bits of the address are addr's
	wantAddrPrefix         // the address in figures begins with text
	wantHolds              // the network holds addr
	wantWithin             // the network lies within addr and bits, or is it
	wantIsNet              // the network is addr and bits
	wantDefault            // the network is everything
	wantBegins             // the text as shown begins with text, folded
	wantRegexp             // the text as shown matches
)

// want is what a term asks of a value of one kind; unless it asks for the unknown, no unknown value meets it.
type want struct {
	how    wanting
	lo, hi uint64 // ends included; lo > hi holds nothing
	flip   uint64 // turns Value.Num into the order of lo and hi
	text   string
	needle []byte // of wantHas and wantBegins: text
	states uint32 // bit n is State n
	addr   Addr
	bits   int
	v4     bool // addr is an IPv4 network, or, of wantHolds and wantIsNet, is written as IPv4
	re     *regexp.Regexp
}

// wantContains asks for text somewhere in what is shown, without regard to case.
func wantContains(text string) want {
	folded := foldString(text)
	return want{how: wantHas, text: folded, needle: []byte(folded)}
}

// mistake says what is wrong with an operand, and where within its text.
type mistake struct {
	msg    string
	at, to int // to 0: all of it
}

func wrong(format string, args ...any) *mistake {
	return &mistake{msg: fmt.Sprintf(format, args...)}
}

// cells are the tests of a field's columns. Where columns of several kinds share a name, a value need make
// sense to one of them only.
func (p *filterParser) cells(t *term, scope *Scope, columns []int) ([]cellTest, *FilterError) {
	cells := make([]cellTest, len(columns))
	for i, col := range columns {
		cells[i] = cellTest{col: col, spec: &scope.Specs[col]}
	}
	for i := range t.operands {
		o := &t.operands[i]
		var first *mistake
		taken := false
		for j := range cells {
			w, bad := readWant(t, o, cells[j].spec.Kind, scope)
			if bad == nil {
				taken = true
				cells[j].wants = append(cells[j].wants, w)
			} else if first == nil {
				first = bad
			}
		}
		if !taken {
			pos, end := o.pos, o.end
			if first.to > 0 {
				if o.quoted {
					pos++
				}
				pos, end = min(pos+first.at, o.end), min(pos+first.to, o.end)
			}
			return nil, p.errorAt(pos, end, "%s", first.msg)
		}
	}
	// != needs to know whether a column has a value even when it cannot be any of these
	if t.op != opIsNot {
		cells = slices.DeleteFunc(cells, func(c cellTest) bool { return len(c.wants) == 0 })
	}
	return cells, nil
}

// wordCells are the tests of a bare word.
func wordCells(t *term, scopes []Scope) []cellTest {
	if len(scopes) == 0 {
		return nil
	}
	scope := &scopes[0]
	var cells []cellTest
	add := func(col int) {
		c := cellTest{col: col, spec: &scope.Specs[col]}
		for i := range t.operands {
			text := t.operands[i].text
			c.wants = append(c.wants, wantContains(text))
			if c.spec.Kind == KindAddress {
				if w, ok := readAddr(text); ok {
					c.wants = append(c.wants, w)
				} else if w, ok := readNet(text); ok {
					c.wants = append(c.wants, w)
				}
			}
		}
		cells = append(cells, c)
	}
	if scope.Shown == nil {
		for col := range scope.Specs {
			add(col)
		}
	}
	for _, col := range scope.Shown {
		if col >= 0 && col < len(scope.Specs) {
			add(col)
		}
	}
	return cells
}

// readWant reads an operand as a value of a kind.
func readWant(t *term, o *operand, k Kind, scope *Scope) (want, *mistake) {
	switch {
	case t.op == opMatches:
		return readRegexp(o.text)
	case o.isUnknown() && t.op.orders():
		return want{}, wrong("- is the unknown, which no comparison matches; %s:- finds it", t.field)
	case o.isUnknown():
		return want{how: wantUnknown}, nil
	case t.op.orders() && (k == KindText || k == KindState || k == KindAddress || k == KindNetwork):
		return want{}, noOrder(t.field, o.text, k)
	case !o.quoted && strings.IndexByte("=<>~!", o.text[0]) >= 0:
		return want{}, &mistake{msg: expected(k, t.op) + " is expected after " + t.field + operatorText[t.op] +
			"; a value that begins so is put in quotes", at: 0, to: 1}
	}
	switch k {
	case KindText:
		if t.op == opHas {
			return wantContains(o.text), nil
		}
		return want{how: wantText, text: o.text}, nil
	case KindState:
		return readState(o.text, t.op)
	case KindAddress:
		return readAddress(t, o.text)
	case KindNetwork:
		return readNetwork(t, o.text)
	}
	lo, hi, bad := readInterval(o.text, k, t, scope)
	if bad != nil {
		return want{}, bad
	}
	return interval(t.op, k, lo, hi), nil
}

func noOrder(field, text string, k Kind) *mistake {
	text = Quote(clip(text, 30))
	switch k {
	case KindState:
		return wrong("%s is a state, which has no order: use %s:LISTEN or %s!=LISTEN", field, field, field)
	case KindAddress:
		return wrong("%s is an address, which has no order: use a network, as in %s:10.0.0.0/8", field, field)
	case KindNetwork:
		return wrong("%s is a network, which has no order: use a network, as in %s:10.0.0.0/8", field, field)
	}
	return wrong("%s is text, which has no order: use %s:%s, %s=%s or %s~%s",
		field, field, text, field, text, field, text)
}

// expected says in words what a column of kind k is compared with.
func expected(k Kind, op operator) string {
	if op == opMatches {
		return "a regular expression"
	}
	switch k {
	case KindState:
		return "a state such as LISTEN"
	case KindAddress:
		return "an address such as 10.0.0.1 or a network such as 10.0.0.0/8"
	case KindNetwork:
		return "an address such as 10.0.0.1, a network such as 10.0.0.0/8 or default"
	case KindPort:
		return "a port such as 443"
	case KindNumber:
		return "a number such as 1203"
	case KindHex:
		return "a number such as 0x1f or 31"
	case KindCount:
		return "a number such as 100 or 1.5k"
	case KindBytes:
		return "a size such as 1.5M or 64Ki"
	case KindRate:
		return "a rate such as 1.5M or 64Ki/s"
	case KindDuration:
		return "a duration such as 50ms"
	case KindTime:
		return "a time such as 2026-01-31 or 2026-01-31T15:04"
	}
	return "a text"
}

// readState takes a state by any spelling; after : also by the beginning of one.
func readState(text string, op operator) (want, *mistake) {
	w := want{how: wantState}
	if s, ok := ParseState(text); ok {
		w.add(s)
		return w, nil
	}
	if prefix := foldState(text); op == opHas && prefix != "" {
		for s := Established; s < numStates; s++ {
			if strings.HasPrefix(foldState(s.String()), prefix) {
				w.add(s)
			}
		}
		for name, s := range stateSpellings {
			if strings.HasPrefix(name, prefix) {
				w.add(s)
			}
		}
	}
	if w.states == 0 {
		return want{}, wrong("no state %s; the states are %s", named(text), strings.Join(StateNames(), " "))
	}
	return w, nil
}

func (w *want) add(s State) {
	w.states |= 1 << s
	if s == SynRecv || s == newSynRecv { // one state to everybody
		w.states |= 1<<SynRecv | 1<<newSynRecv
	}
}

// maxRegexpSize bounds a regexp with its repetitions written out, in characters and classes: (a{1000}){1000}
// is short to write and costs 100 MB.
const maxRegexpSize = 2000

func readRegexp(text string) (want, *mistake) {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return want{}, regexpMistake(text, err)
	}
	if regexpSize(tree) > maxRegexpSize {
		return want{}, wrong("the regular expression is too large: "+
			"at most %d characters with repetitions written out", maxRegexpSize)
	}
	re, err := regexp.Compile("(?i)" + text)
	if err != nil {
		return want{}, regexpMistake(text, err)
	}
	return want{how: wantRegexp, re: re}, nil
}

func regexpMistake(text string, err error) *mistake {
	bad := wrong("mistake in the regular expression")
	if e, ok := err.(*syntax.Error); ok {
		bad.msg += ": " + string(e.Code)
		if at := strings.Index(text, e.Expr); at >= 0 && e.Expr != "" && utf8.ValidString(text) {
			bad.at, bad.to = at, at+len(e.Expr)
			bad.msg += " " + named(e.Expr)
		}
	}
	return bad
}

// regexpSize is about how many instructions re takes. It stops counting past the bound.
func regexpSize(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)/2
	for _, sub := range re.Sub {
		if n += regexpSize(sub); n > maxRegexpSize {
			return maxRegexpSize + 1
		}
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return min(n, maxRegexpSize+1)
}

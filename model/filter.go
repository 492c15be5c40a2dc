package model

// The filter language: what a filter is made of and what can be done with one. filter_parse.go reads it,
// filter_value.go, filter_address.go and filter_network.go read what stands after an operator, filter_match.go applies it to
// rows, filter_complete.go helps while it is typed.
//
//	word "some words"     a column on show contains it, as shown, without regard to case; an address or a
//	                      network also matches the address columns as one, whatever they show
//	192.0.2.1:443         one of the ends is it; also [2001:db8::1]:443
//	field:value           text: contains it, without regard to case; other kinds: is it
//	field=value           is it exactly, text to the letter
//	field!=value          is known, and is not it
//	field<value <= > >=   with units: 10k 1.5M 64Ki 50ms 1h30m 2026-01-31
//	field~regexp          the text as shown matches (RE2), without regard to case
//	field:a,b             is either; a quoted value may hold anything, "" within quotes is one quote
//	field:8000-8100       is between, ends included: ports, numbers, sizes, rates, durations
//	field:10.0.0.0/8      is in the network; a network: lies within it
//	field:10.1.2.3        a network: holds the address, as default holds all of its family
//	field:default         a network: the default routes
//	field:-               is unknown
//	a b, a and b, a or b, not a, !a, (a)
//
// not binds tightest, then and, then or. A field that is the name of several columns holds when one of them
// does, and != when none of them is the value.
//
// No comparison matches an unknown value, neither does !=. But not turns a test round as a whole: not
// rtt>50ms matches whatever rtt>50ms does not, the unknown among it. A value known only to be at least
// something (the age of a socket older than our watch) passes a test that it passes whatever it is: "over
// 3m" is >2m, and neither >5m nor <5m. < and <= leave out port *, which is no port.

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of a filter. A filter is typed by hand or made by a script; past these it is a mistake.
const (
	maxFilterBytes = 4096
	maxFilterDepth = 64  // parentheses and nots within each other
	maxFilterTerms = 256 // values compared with
)

// Scope is one kind of row that a filter may ask about, by its columns.
type Scope struct {
	Name  string // what its rows are called in messages: "sockets"; may be empty
	Specs []Spec
	// Shown are the columns that a bare word looks at, as indices into Specs. Nil is all of them.
	Shown []int
	// Service is the port of a service name, in any case. Nil knows none.
	Service func(name string) (port uint16, ok bool)
}

// Filter is a parsed filter. It is read-only: any number of goroutines may make a Matcher of it.
type Filter struct {
	src   string
	root  *clause // nil: everything matches
	parts []*clause
}

// FilterError says what is wrong with a filter, and where.
type FilterError struct {
	Src      string
	Pos, Len int    // the place, in bytes of Src; Len is 0 where something is missing
	Msg      string // what was expected, one line of safe text
}

// Error is the message with the place, counted in characters from 1.
func (e *FilterError) Error() string {
	return fmt.Sprintf("filter, character %d: %s", utf8.RuneCountInString(e.Src[:e.Pos])+1, e.Msg)
}

// Caret is two lines for a terminal: the part of the filter around the mistake, as safe text, and carets
// under the mistake. It counts a cell a character.
func (e *FilterError) Caret() string {
	const before, after = 50, 30
	head, bad, tail := e.Src[:e.Pos], e.Src[e.Pos:e.Pos+e.Len], e.Src[e.Pos+e.Len:]
	left := []rune(SafeText(head[max(0, len(head)-8*before):]).String())
	if len(left) > before {
		left = append([]rune("…"), left[len(left)-before:]...)
	}
	middle := []rune(clip(bad, after))
	right := clip(tail, after)
	carets := strings.Repeat("^", max(1, len(middle)))
	return string(left) + string(middle) + right + "\n" + strings.Repeat(" ", len(left)) + carets
}

// clip is s as safe text of at most n characters.
func clip(s string, n int) string {
	r := []rune(SafeText(s[:min(len(s), 8*n)]).String())
	if len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return string(r)
}

// named quotes a piece of a filter for a message.
func named(s string) string { return `"` + clip(s, 40) + `"` }

// Empty says whether the filter leaves nothing out.
func (f *Filter) Empty() bool { return f == nil || f.root == nil }

// Asks says whether the filter compares columns of a kind.
func (f *Filter) Asks(k Kind) bool { return !f.Empty() && f.root.asks(k) }

func (c *clause) asks(k Kind) bool {
	if c.op == opTerm && c.term.op != opWord {
		for i := range c.term.cells {
			if c.term.cells[i].spec.Kind == k {
				return true
			}
		}
	}
	for _, kid := range c.kids {
		if kid.asks(k) {
			return true
		}
	}
	return false
}

// String is the filter written anew, with only the parentheses and quotes it needs. It parses to the same
// filter.
func (f *Filter) String() string {
	if f.Empty() {
		return ""
	}
	var b strings.Builder
	f.root.write(&b)
	return b.String()
}

// Source is what was written of the parts that ask about a scope, to be carried to another screen. Whatever
// is put beside it, it keeps its meaning.
func (f *Filter) Source(scope int) string {
	if f.Empty() {
		return ""
	}
	var words []string
	for _, c := range f.parts {
		if c.scope != scope {
			continue
		}
		s := f.src[c.pos:c.end]
		if c.op == opOr && !c.paren {
			s = "(" + s + ")"
		}
		words = append(words, s)
	}
	return strings.Join(words, " ")
}

// logic is how a clause joins its clauses.
type logic uint8

const (
	opTerm logic = iota
	opAnd
	opOr
	opNot
)

// clause is a node of the filter's tree.
type clause struct {
	op       logic
	kids     []*clause // two or more of and, or; one of not
	term     *term     // of opTerm
	pos, end int       // where it is written, its parentheses included
	paren    bool      // it is written in parentheses, or as one word
	text     string    // the word it stands for, of an endpoint
	scope    int       // which scope all of it asks about
}

// term is one test: a field, an operator and the values, or a bare word.
type term struct {
	field    string // in lower case, empty for a bare word
	op       operator
	operands []operand
	cells    []cellTest // the columns asked; none: it cannot hold
}

// operand is a value as written, without its quotes.
type operand struct {
	text     string
	pos, end int // with its quotes
	quoted   bool
}

// isUnknown says whether the operand stands for the unknown.
func (o *operand) isUnknown() bool { return o.text == "-" && !o.quoted }

// cellTest is what a term asks of one column.
type cellTest struct {
	col   int // index into the scope's Specs
	spec  *Spec
	wants []want // any of them
}

// operator stands between a field and its value.
type operator uint8

const (
	opWord operator = iota // no field
	opHas
	opIs
	opIsNot
	opLess
	opLessIs
	opMore
	opMoreIs
	opMatches
)

var operatorText = [...]string{"", ":", "=", "!=", "<", "<=", ">", ">=", "~"}

func (o operator) orders() bool { return o >= opLess && o <= opMoreIs }

// write writes c so that it parses to the same wherever a clause may stand in its parent.
func (c *clause) write(b *strings.Builder) {
	if c.text != "" {
		b.WriteString(c.text)
		return
	}
	switch c.op {
	case opTerm:
		c.term.write(b)
	case opNot:
		b.WriteString("not ")
		c.kids[0].writeWithin(b, c.kids[0].op == opAnd || c.kids[0].op == opOr)
	case opAnd:
		for i, kid := range c.kids {
			if i > 0 {
				b.WriteByte(' ')
			}
			kid.writeWithin(b, kid.op == opOr)
		}
	case opOr:
		for i, kid := range c.kids {
			if i > 0 {
				b.WriteString(" or ")
			}
			kid.write(b)
		}
	}
}

func (c *clause) writeWithin(b *strings.Builder, paren bool) {
	if paren {
		b.WriteByte('(')
	}
	c.write(b)
	if paren {
		b.WriteByte(')')
	}
}

func (t *term) write(b *strings.Builder) {
	b.WriteString(t.field)
	b.WriteString(operatorText[t.op])
	for i := range t.operands {
		o := &t.operands[i]
		if i > 0 {
			b.WriteByte(',')
		}
		switch {
		case o.isUnknown():
			b.WriteByte('-')
		case t.op == opWord:
			b.WriteString(quoteWord(o.text))
		default:
			b.WriteString(Quote(o.text))
		}
	}
}

// Quote makes a value that may stand after an operator: as it is, or in quotes when it would be read as
// something else.
func Quote(value string) string {
	if value == "" || value == "-" || strings.IndexFunc(value, needsQuotes) >= 0 || !utf8.ValidString(value) {
		return quoted(value)
	}
	return value
}

// FilterValue is v as it may stand after field= to find the rows that have exactly this value: in full, not
// as short as it is shown. Of an unknown value it is -. A lower bound has no such text: it equals nothing.
func FilterValue(k Kind, v Value) string {
	if v.Why != Known {
		return "-"
	}
	switch k {
	case KindText:
		return Quote(v.Text)
	case KindState:
		return State(v.Num).String()
	case KindAddress:
		return string(AppendAddr(nil, v.Addr, v.V6))
	case KindNetwork:
		return string(AppendNetwork(nil, v))
	case KindPort, KindHex:
		return string((&Formatter{}).Append(nil, k, Value{Num: v.Num}))
	case KindDuration:
		return strconv.FormatInt(v.Num, 10) + "ns"
	case KindTime:
		return time.Unix(0, v.Num).Format("2006-01-02T15:04:05")
	}
	return strconv.FormatInt(v.Num, 10)
}

// quoteWord is Quote for a bare word, which must not look like a field or a keyword either.
func quoteWord(word string) string {
	plain := func(r rune) bool {
		return r >= '0' && r <= '9' || lower(byte(r)) >= 'a' && lower(byte(r)) <= 'z' && r < utf8.RuneSelf ||
			strings.ContainsRune("._-/", r)
	}
	for _, r := range word {
		if !plain(r) {
			return quoted(word)
		}
	}
	if word == "" || word == "-" || keyword(word) != "" {
		return quoted(word)
	}
	return word
}

func needsQuotes(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune(`(),"'=<>~!\`, r)
}

// quoted puts value in the quotes that it does not hold; where it holds both, a doubled quote is one.
func quoted(value string) string {
	if strings.Contains(value, `"`) && !strings.Contains(value, `'`) {
		return `'` + value + `'`
	}
	return `"` + strings.ReplaceAll(value, `"`, `""`) + `"`
}

// keyword is the keyword that word is in any case: and, or, not; else "".
func keyword(word string) string {
	for _, k := range [...]string{"and", "or", "not"} {
		if strings.EqualFold(word, k) {
			return k
		}
	}
	return ""
}

// JoinWords makes one filter of the words of a command line. One that holds a space counts as in
// parentheses, so that 'rtt>50ms or retrans>0' means what the shell's quotes suggest.
func JoinWords(args []string) string {
	var words []string
	for _, arg := range args {
		switch {
		case strings.TrimSpace(arg) == "":
		case strings.IndexFunc(arg, unicode.IsSpace) >= 0:
			words = append(words, "("+arg+")")
		default:
			words = append(words, arg)
		}
	}
	return strings.Join(words, " ")
}

package model

// Reading a filter: recursive descent over the source itself. There is no list of tokens, because what a
// character means depends on where it stands: "::1" is an address, and the parentheses of a regexp are its
// own.

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ParseFilter reads a filter that asks about the rows of the scopes. A field belongs to the first scope that
// has it, a bare word to the first scope. Each of the parts that are joined by and at the top must lie in
// one scope. An error is a *FilterError.
func ParseFilter(src string, scopes ...Scope) (*Filter, error) {
	if len(src) > maxFilterBytes {
		return nil, tooLong(src)
	}
	p := filterParser{src: src, scopes: scopes}
	p.space()
	if p.pos == len(src) {
		return &Filter{src: src}, nil
	}
	root, err := p.or()
	if err == nil && p.pos < len(src) {
		err = p.errorAt(p.pos, p.pos+1, "this ) has no ( before it")
	}
	if err != nil {
		return nil, err
	}
	f := &Filter{src: src, root: root, parts: []*clause{root}}
	if root.op == opAnd {
		f.parts = root.kids
	}
	for _, c := range f.parts {
		if err := p.oneScope(c, c.firstTerm()); err != nil {
			return nil, err
		}
	}
	// what the filter says of itself must be a filter too
	tooBig := len(f.String()) > maxFilterBytes
	for scope := range scopes {
		tooBig = tooBig || len(f.Source(scope)) > maxFilterBytes
	}
	if tooBig {
		return nil, tooLong(src)
	}
	if root.op == opOr && !root.paren && p.deepest == maxFilterDepth { // Source would need one more
		return nil, p.errorAt(0, len(src), "%s", tooDeep)
	}
	return f, nil
}

var tooDeep = fmt.Sprintf("parentheses and nots are nested too deep: at most %d", maxFilterDepth)

func tooLong(src string) *FilterError {
	at := min(len(src), maxFilterBytes)
	for at > 0 && at < len(src) && !utf8.RuneStart(src[at]) {
		at--
	}
	return &FilterError{Src: src, Pos: at, Len: len(src) - at,
		Msg: fmt.Sprintf("the filter is too long: at most %d bytes", maxFilterBytes)}
}

type filterParser struct {
	src            string
	pos            int
	depth, deepest int
	terms          int
	scopes         []Scope
}

func (p *filterParser) errorAt(pos, end int, format string, args ...any) *FilterError {
	return &FilterError{Src: p.src, Pos: pos, Len: end - pos, Msg: fmt.Sprintf(format, args...)}
}

// oneScope sets the scope of c and says where another one is mixed in.
func (p *filterParser) oneScope(c, first *clause) *FilterError {
	c.scope = first.scope
	for _, kid := range c.kids {
		if kid.op == opTerm && kid.scope != first.scope {
			return p.errorAt(kid.pos, kid.end, "%s asks about %s and %s about %s: only and may join the two",
				first.term.label(), p.scopeName(first.scope), kid.term.label(), p.scopeName(kid.scope))
		}
		if err := p.oneScope(kid, first); err != nil {
			return err
		}
	}
	return nil
}

func (c *clause) firstTerm() *clause {
	for c.op != opTerm {
		c = c.kids[0]
	}
	return c
}

func (t *term) label() string {
	if t.op == opWord {
		return named(t.operands[0].text)
	}
	return t.field
}

func (p *filterParser) scopeName(i int) string {
	if name := p.scopes[i].Name; name != "" {
		return name
	}
	if i == 0 {
		return "the rows"
	}
	return "what is below them"
}

func (p *filterParser) or() (*clause, *FilterError) {
	return p.join(opOr, p.and, func() bool { return p.takeKeyword("or") }, func() bool { return false })
}

func (p *filterParser) and() (*clause, *FilterError) {
	return p.join(opAnd, p.not, func() bool { return p.takeKeyword("and") },
		func() bool { return p.pos < len(p.src) && p.src[p.pos] != ')' && !p.atKeyword("or") })
}

// join reads clauses joined by what joined takes, or standing side by side while beside says that one
// follows.
func (p *filterParser) join(
	op logic, part func() (*clause, *FilterError), joined, beside func() bool,
) (*clause, *FilterError) {
	first, err := part()
	if err != nil {
		return nil, err
	}
	c := &clause{op: op, kids: first.flat(op), pos: first.pos, end: first.end}
	for single := true; ; single = false {
		p.space()
		if !joined() && !beside() {
			if single {
				return first, nil
			}
			return c, nil
		}
		next, err := part()
		if err != nil {
			return nil, err
		}
		c.kids = append(c.kids, next.flat(op)...)
		c.end = next.end
	}
}

// flat is c as parts of an and (or an or): its own parts when it is one too.
func (c *clause) flat(op logic) []*clause {
	if c.op == op {
		return c.kids
	}
	return []*clause{c}
}

func (p *filterParser) not() (*clause, *FilterError) {
	p.space()
	start := p.pos
	switch {
	case p.takeKeyword("not"):
	case strings.HasPrefix(p.src[p.pos:], "!") && !strings.HasPrefix(p.src[p.pos:], "!="):
		p.pos++
	case strings.HasPrefix(p.src[p.pos:], "("):
		return p.parenthesis()
	default:
		return p.test()
	}
	if err := p.enter(start); err != nil {
		return nil, err
	}
	kid, err := p.not()
	if err != nil {
		return nil, err
	}
	p.depth--
	return &clause{op: opNot, kids: []*clause{kid}, pos: start, end: kid.end}, nil
}

func (p *filterParser) enter(start int) *FilterError {
	p.depth++
	p.deepest = max(p.deepest, p.depth)
	if p.depth > maxFilterDepth {
		return p.errorAt(start, start+1, "%s", tooDeep)
	}
	return nil
}

func (p *filterParser) parenthesis() (*clause, *FilterError) {
	start := p.pos
	p.pos++
	if err := p.enter(start); err != nil {
		return nil, err
	}
	p.space()
	if p.pos < len(p.src) && p.src[p.pos] == ')' {
		return nil, p.errorAt(start, p.pos+1, "there is nothing in these parentheses")
	}
	c, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.pos == len(p.src) {
		return nil, p.errorAt(start, start+1, "this ( is not closed: ) is missing")
	}
	p.pos++ // or stops at ) and at the end only
	p.depth--
	c.pos, c.end, c.paren = start, p.pos, true
	return c, nil
}

// test reads a bare word or a field with its operator and values.
func (p *filterParser) test() (*clause, *FilterError) {
	start := p.pos
	if err := p.stray(); err != nil {
		return nil, err
	}
	if c := p.endpoint(); c != nil {
		return c, nil
	}
	t, scope, err := p.fieldTest()
	if err == nil && t == nil {
		t = &term{op: opWord}
		if t.operands, err = p.operands(t, "a word"); err == nil {
			t.cells = wordCells(t, p.scopes)
		}
	}
	if err != nil {
		return nil, err
	}
	return &clause{op: opTerm, term: t, scope: scope, pos: start, end: p.pos}, nil
}

// stray refuses what cannot begin a test.
func (p *filterParser) stray() *FilterError {
	const wanted = "a word or a test such as port:443 is expected"
	if p.pos == len(p.src) || p.src[p.pos] == ')' {
		at := p.pos
		if before := strings.TrimRightFunc(p.src[:at], unicode.IsSpace); before != "" {
			return p.errorAt(at, at, wanted+" after %s", named(lastWord(before)))
		}
		return p.errorAt(at, at, wanted)
	}
	for _, k := range [...]string{"and", "or"} {
		if p.atKeyword(k) {
			return p.errorAt(p.pos, p.pos+len(k), wanted+" before %s; to look for the word put it in quotes", named(k))
		}
	}
	word := p.src[p.pos:p.wordEnd(p.pos)]
	switch word {
	case "&&", "||", "&", "|":
		return p.errorAt(p.pos, p.pos+len(word), "tests are joined by the words and, or")
	}
	if strings.ContainsRune("=<>~!", rune(word[0])) || word[0] == ':' && !colonAddress(p.firstValue(p.pos)) {
		_, n := operatorAt(word)
		return p.errorAt(p.pos, p.pos+max(n, 1), "a field is missing before %s, as in port:443; "+
			"to look for the text put it in quotes", named(word[:max(n, 1)]))
	}
	return nil
}

func lastWord(s string) string {
	return s[strings.LastIndexFunc(s, unicode.IsSpace)+1:]
}

// fieldTest reads field, operator and values. It says nil when a bare word stands here.
func (p *filterParser) fieldTest() (*term, int, *FilterError) {
	start := p.pos
	name := p.src[start : start+nameLen(p.src[start:])]
	if name == "" {
		return nil, 0, nil
	}
	after := start + len(name)
	at := after + spaceLen(p.src[after:])
	op, n := operatorAt(p.src[at:])
	if op == opWord && n > 0 {
		return nil, 0, p.errorAt(at, at+n, "%s is no operator; one of : = != < <= > >= ~ is expected",
			named(p.src[at:at+n]))
	}
	if op == opWord || op == opHas && at > after {
		return nil, 0, nil
	}
	columns, scope := p.columns(name)
	if len(columns) == 0 {
		if op == opHas && colonAddress(p.firstValue(start)) {
			return nil, 0, nil
		}
		return nil, 0, p.errorAt(start, after, "%s", unknownField(name, p.scopes))
	}
	p.pos = at + n
	t := &term{field: strings.ToLower(name), op: op}
	what := expected(p.scopes[scope].Specs[columns[0]].Kind, op)
	if op != opHas && spaceLen(p.src[p.pos:]) > 0 {
		p.space()
		if p.atKeyword("and") || p.atKeyword("or") || p.atKeyword("not") {
			return nil, 0, p.missing(t, what, false)
		}
	}
	var err *FilterError
	if t.operands, err = p.operands(t, what); err != nil {
		return nil, 0, err
	}
	t.cells, err = p.cells(t, &p.scopes[scope], columns)
	return t, scope, err
}

// columns are the columns that a field names, and their scope: the first that has any.
func (p *filterParser) columns(name string) (columns []int, scope int) {
	for s := range p.scopes {
		for i := range p.scopes[s].Specs {
			if p.scopes[s].Specs[i].isCalled(name) {
				columns = append(columns, i)
			}
		}
		if len(columns) > 0 {
			return columns, s
		}
	}
	return nil, 0
}

func (s *Spec) isCalled(name string) bool {
	if strings.EqualFold(s.ID, name) {
		return true
	}
	for _, alias := range s.Aliases {
		if strings.EqualFold(alias, name) {
			return true
		}
	}
	return false
}

// operands reads the values of t: one regexp, or a list. What says what is expected.
func (p *filterParser) operands(t *term, what string) ([]operand, *FilterError) {
	var list []operand
	for {
		o, err := p.operand(t.op == opMatches)
		if err != nil {
			return nil, err
		}
		if o.text == "" && !o.quoted {
			return nil, p.missing(t, what, len(list) > 0)
		}
		if len(list) > 0 && !o.quoted && p.isTest(o.text) {
			return nil, p.errorAt(o.pos, o.end, "a comma joins values; tests are joined by the words and, or")
		}
		list = append(list, o)
		if p.terms++; p.terms > maxFilterTerms {
			return nil, p.errorAt(o.pos, o.end, "too many values: at most %d in a filter", maxFilterTerms)
		}
		if t.op == opMatches || !strings.HasPrefix(p.src[p.pos:], ",") {
			return list, p.afterQuote(&o)
		}
		if t.op.orders() {
			return nil, p.errorAt(p.pos, p.pos+1, "%s%s takes one value, not a list", t.field, operatorText[t.op])
		}
		p.pos++
	}
}

// missing is the error for a value that is not there.
func (p *filterParser) missing(t *term, what string, inList bool) *FilterError {
	where := t.field + operatorText[t.op]
	switch {
	case inList:
		return p.errorAt(p.pos, p.pos, "a value is missing after the comma")
	case strings.HasPrefix(p.src[p.pos:], ","):
		return p.errorAt(p.pos, p.pos+1, "a value is missing before the comma")
	case t.op == opHas && spaceLen(p.src[p.pos:]) > 0:
		return p.errorAt(p.pos, p.pos, "%s is expected right after %s, without a space", what, where)
	}
	return p.errorAt(p.pos, p.pos, "%s is expected after %s", what, where)
}

// afterQuote refuses text that clings to a closing quote.
func (p *filterParser) afterQuote(o *operand) *FilterError {
	if !o.quoted || p.pos == len(p.src) || endsWord(p.src[p.pos:]) {
		return nil
	}
	if op, n := operatorAt(p.src[p.pos:]); op != opWord {
		return p.errorAt(p.pos, p.pos+n, "a field before %s is written without quotes", operatorText[op])
	}
	return p.errorAt(p.pos, p.wordEnd(p.pos),
		"a space is missing after the closing quote; a quote within quotes is doubled")
}

// isTest says whether text looks like a test of a field there is.
func (p *filterParser) isTest(text string) bool {
	n := nameLen(text)
	op, _ := operatorAt(text[n:])
	columns, _ := p.columns(text[:n])
	return n > 0 && op != opWord && len(columns) > 0
}

// operand reads one value, up to a comma or the end of the word.
func (p *filterParser) operand(regexp bool) (operand, *FilterError) {
	start := p.pos
	if start < len(p.src) && (p.src[start] == '"' || p.src[start] == '\'') {
		return p.quotedOperand()
	}
	if regexp {
		p.pos += regexpLen(p.src[start:])
	} else {
		p.pos = p.wordEnd(start)
		if comma := strings.IndexByte(p.src[start:p.pos], ','); comma >= 0 {
			p.pos = start + comma
		}
	}
	return operand{text: p.src[start:p.pos], pos: start, end: p.pos}, nil
}

func (p *filterParser) quotedOperand() (operand, *FilterError) {
	start, quote := p.pos, p.src[p.pos]
	var text strings.Builder
	for i := start + 1; i < len(p.src); i++ {
		if p.src[i] == quote {
			if i++; i == len(p.src) || p.src[i] != quote {
				p.pos = i
				return operand{text: text.String(), pos: start, end: i, quoted: true}, nil
			}
		}
		text.WriteByte(p.src[i])
	}
	return operand{}, p.errorAt(start, start+1, "this quote is not closed")
}

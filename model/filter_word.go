package model

// The words of a filter: where one ends, what is a keyword, a field's name or an operator.

import (
	"strings"
	"unicode"
)

// space skips white space.
func (p *filterParser) space() { p.pos += spaceLen(p.src[p.pos:]) }

func spaceLen(s string) int {
	return len(s) - len(strings.TrimLeftFunc(s, unicode.IsSpace))
}

// atKeyword says whether the keyword k stands here, as a word of its own.
func (p *filterParser) atKeyword(k string) bool {
	rest := p.src[p.pos:]
	if len(rest) < len(k) || !strings.EqualFold(rest[:len(k)], k) {
		return false
	}
	rest = rest[len(k):]
	return rest == "" || endsWord(rest) || rest[0] == '"' || rest[0] == '\''
}

func (p *filterParser) takeKeyword(k string) bool {
	if !p.atKeyword(k) {
		return false
	}
	p.pos += len(k)
	return true
}

// endsWord says whether a word ends before s: white space or a parenthesis stands there.
func endsWord(s string) bool {
	return s[0] == '(' || s[0] == ')' || spaceLen(s) > 0
}

func (p *filterParser) wordEnd(from int) int {
	end := strings.IndexFunc(p.src[from:], func(r rune) bool { return r == '(' || r == ')' || unicode.IsSpace(r) })
	if end < 0 {
		return len(p.src)
	}
	return from + end
}

// firstValue is the word from a place on, without the length of a network and the rest of a list.
func (p *filterParser) firstValue(from int) string {
	word, _, _ := strings.Cut(p.src[from:p.wordEnd(from)], ",")
	word, _, _ = strings.Cut(word, "/")
	return word
}

// regexpLen is how far an unquoted regexp reaches: to white space or to a ) that is not its own.
func regexpLen(s string) int {
	depth, class := 0, false
	for i, r := range s {
		switch {
		case unicode.IsSpace(r):
			return i
		case i > 0 && s[i-1] == '\\' && escapes(s[:i]):
		case r == '[':
			class = true
		case r == ']':
			class = false
		case class:
		case r == '(':
			depth++
		case r == ')':
			if depth--; depth < 0 {
				return i
			}
		}
	}
	return len(s)
}

// escapes says whether s ends in an odd number of backslashes.
func escapes(s string) bool {
	return (len(s)-len(strings.TrimRight(s, `\`)))%2 == 1
}

// nameLen is the length of the field name that s begins with: a letter, then letters, digits and _ - .
func nameLen(s string) int {
	for i := 0; i < len(s); i++ {
		c := lower(s[i])
		letter := c >= 'a' && c <= 'z' || c == '_'
		if !letter && (i == 0 || !(c >= '0' && c <= '9' || c == '-' || c == '.')) {
			return i
		}
	}
	return len(s)
}

// operatorAt is the operator s begins with and its length. A length without an operator is that of
// something that people take for one.
func operatorAt(s string) (operator, int) {
	for _, o := range [...]struct {
		text string
		op   operator
	}{
		{"!~", opWord}, {"<>", opWord}, {"=~", opWord}, {"!=", opIsNot}, {"<=", opLessIs}, {">=", opMoreIs},
		{"==", opIs}, {":", opHas}, {"=", opIs}, {"<", opLess}, {">", opMore}, {"~", opMatches},
	} {
		if strings.HasPrefix(s, o.text) {
			return o.op, len(o.text)
		}
	}
	return opWord, 0
}

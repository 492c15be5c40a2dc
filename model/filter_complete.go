package model

// Help while a filter is typed: what may stand at the cursor, and which field was meant.

import (
	"slices"
	"strings"
	"unicode"
)

// Complete says what the word at the cursor may become: fields and keywords by their beginning, and behind
// the operator of a state its states, of a network default. Pos is the cursor's place in bytes. A completion replaces the text from
// WordStart to the cursor.
func Complete(src string, pos int, scopes ...Scope) []string {
	pos = min(max(pos, 0), len(src))
	start, field := wordBefore(src[:pos])
	typed := src[start:pos]
	var words []string
	add := func(word string) {
		if len(word) > len(typed) && strings.EqualFold(word[:len(typed)], typed) && !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	if field != "" {
		p := filterParser{scopes: scopes}
		columns, scope := p.columns(field)
		for _, col := range columns {
			switch scopes[scope].Specs[col].Kind {
			case KindState:
				for _, name := range StateNames() {
					add(name)
				}
			case KindNetwork:
				add(defaultNetwork)
			}
		}
		return words
	}
	if strings.ContainsAny(typed, `"'`) {
		return nil
	}
	for i := range scopes {
		for j := range scopes[i].Specs {
			add(scopes[i].Specs[j].ID)
		}
	}
	if typed == "" {
		return words
	}
	for i := range scopes {
		for j := range scopes[i].Specs {
			for _, alias := range scopes[i].Specs[j].Aliases {
				add(alias)
			}
		}
	}
	for _, k := range [...]string{"and", "or", "not"} {
		add(k)
	}
	return words
}

// WordStart is where the word, or the value, begins that Complete completes.
func WordStart(src string, pos int) int {
	start, _ := wordBefore(src[:min(max(pos, 0), len(src))])
	return start
}

// wordBefore is where the last word of src begins: after white space, a parenthesis or an exclamation mark,
// or, when it is a test, after its operator or last comma; then field is its field.
func wordBefore(src string) (start int, field string) {
	for i := 0; i < len(src); {
		rest := src[i:]
		switch c := src[i]; {
		case c == '"' || c == '\'':
			end := strings.IndexByte(rest[1:], c)
			if end < 0 {
				return i, "" // within quotes
			}
			i += end + 2
			start, field = i, ""
		case c == '(' || c == ')' || c == ',' && field == "" || c == '!' && !strings.HasPrefix(rest, "!="):
			i++
			start, field = i, ""
		case c == ',':
			i++
			start = i
		case spaceLen(rest) > 0:
			i += spaceLen(rest)
			start, field = i, ""
		default:
			name := nameLen(rest)
			op, n := operatorAt(rest[name:])
			if i == start && field == "" && name > 0 && op != opWord {
				i += name + n
				start, field = i, rest[:name]
				continue
			}
			next := strings.IndexFunc(rest, func(r rune) bool {
				return r == ',' || r == '(' || r == ')' || unicode.IsSpace(r)
			})
			if next <= 0 {
				return start, field
			}
			i += next
		}
	}
	return start, field
}

// unknownField says that there is no such field, and which one may be meant.
func unknownField(name string, scopes []Scope) string {
	const most = 3
	type guess struct {
		name string
		far  int
	}
	var guesses []guess
	typed := strings.ToLower(name)
	consider := func(field string) {
		far := distance(typed, strings.ToLower(field))
		if strings.HasPrefix(strings.ToLower(field), typed) {
			far = 0
		}
		known := slices.ContainsFunc(guesses, func(g guess) bool { return g.name == field })
		if far <= min(2, (len(typed)+1)/3) && !known {
			guesses = append(guesses, guess{field, far})
		}
	}
	for i := range scopes {
		for j := range scopes[i].Specs {
			consider(scopes[i].Specs[j].ID)
			for _, alias := range scopes[i].Specs[j].Aliases {
				consider(alias)
			}
		}
	}
	if len(guesses) == 0 {
		var all []string
		for _, spec := range scopes[0].Specs {
			all = append(all, spec.ID)
		}
		return "no field " + named(name) + "; to look for the text put it in quotes; fields are " + strings.Join(all, " ")
	}
	slices.SortStableFunc(guesses, func(a, b guess) int { return a.far - b.far })
	var names []string
	for _, g := range guesses[:min(most, len(guesses))] {
		names = append(names, g.name)
	}
	return "no field " + named(name) + "; did you mean " + strings.Join(names, ", ") + "?"
}

// distance is how many letters must be inserted, removed, replaced or swapped with their neighbour to make b
// of a. Names that differ in length by more than two are just far.
func distance(a, b string) int {
	const far = 99
	if len(a)-len(b) > 2 || len(b)-len(a) > 2 || len(a) > 64 {
		return far
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			rows[i][j] = min(replace, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

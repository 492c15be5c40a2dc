package text

// The report on what this machine lets sockview see and do, for people and as JSON.

import (
	"fmt"
	"io"
	"strings"

	"sockview/model"
)

// reportWidth is how wide the report is, cells of the terminal.
const reportWidth = 80

// Report writes a report, for people or as JSON.
func Report(w io.Writer, r model.Report, asJSON bool) error {
	if asJSON {
		return reportJSON(w, &r)
	}
	return reportPlain(w, &r)
}

// reportPlain writes a report for people, at most 80 columns wide: the machine, each finding with why it is so, and last
// the lines that mend what is missing. A line to be typed that is longer goes on after a backslash, as a shell takes it,
// so that it may be copied; only a word of it that is longer stays whole.
func reportPlain(w io.Writer, r *model.Report) error {
	p := page{w: w}
	wide := 0
	for i := range r.Facts {
		wide = max(wide, width(safe(r.Facts[i].Name)))
	}
	for i := range r.Facts {
		f := &r.Facts[i]
		p.labelled(safe(f.Name), wide, f.Value.String())
	}
	wide = 0
	for i := range r.Findings {
		wide = max(wide, width(r.Findings[i].Standing.String()))
	}
	if len(r.Facts) > 0 {
		p.buf = append(p.buf, '\n')
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		p.labelled(f.Standing.String(), wide, f.What)
		if !f.Why.Empty() {
			p.labelled("", wide+len(gap), f.Why.String())
		}
	}
	p.fixes(r)
	return p.flush()
}

// fixes says what mends what.
func (p *page) fixes(r *model.Report) {
	if lacking := r.Count(model.Denied) + r.Count(model.Partial); lacking == 0 {
		p.buf = append(p.buf, "\nNothing that this machine has is missing.\n"...)
		return
	}
	const indent = "  "
	for _, fix := range r.Fixes() {
		var mends []string
		for i := range r.Findings {
			if r.Findings[i].Fix == fix {
				mends = append(mends, safe(r.Findings[i].ID))
			}
		}
		p.buf = append(p.buf, '\n')
		for _, line := range wrap("For "+strings.Join(mends, ", ")+":", reportWidth) {
			p.buf = append(append(p.buf, line...), '\n')
		}
		for n, line := range continued(safe(fix.String()), reportWidth-2*len(indent)) {
			if n > 0 {
				p.buf = append(p.buf, indent...)
			}
			p.buf = append(append(append(p.buf, indent...), line...), '\n')
		}
	}
}

// labelled writes a label and, beside it, a text on as many lines as it needs.
func (p *page) labelled(label string, wide int, text string) {
	for n, line := range wrap(safe(text), reportWidth-wide-len(gap)) {
		if n > 0 {
			label = ""
		}
		p.buf = append(p.buf, label...)
		p.buf = blanks(p.buf, wide+len(gap)-width(label))
		p.buf = append(trimBlanks(append(p.buf, line...)), '\n')
	}
}

// wrap breaks a text at blanks into lines of at most wide cells.
func wrap(text string, wide int) []string { return fill(strings.Fields(text), wide, 0) }

// fill puts words on lines of at most wide cells, of which more are kept free on every line but the last. A word that
// is wider is a line of its own. There is at least one line.
func fill(words []string, wide, more int) []string {
	lines := []string{""}
	for i, word := range words {
		line := &lines[len(lines)-1]
		rest := more
		if i == len(words)-1 {
			rest = 0
		}
		switch {
		case *line == "":
			*line = word
		case width(*line)+1+width(word)+rest <= wide:
			*line += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}

// continued breaks a shell's line at blanks that are not quoted, and ends all but the last with a backslash. Of one
// that is short enough nothing changes.
func continued(line string, wide int) []string {
	const more = ` \`
	if width(line) <= wide {
		return []string{line}
	}
	lines := fill(shellWords(line), wide, len(more))
	for i := range lines[:len(lines)-1] {
		lines[i] += more
	}
	return lines
}

// shellWords are the words of a shell's line, quotes and all; blanks within single quotes are no ends of words.
func shellWords(line string) []string {
	var words []string
	quoted, from := false, 0
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && !quoted:
			i++
		case line[i] == '\'':
			quoted = !quoted
		case line[i] == ' ' && !quoted:
			if i > from {
				words = append(words, line[from:i])
			}
			from = i + 1
		}
	}
	if from < len(line) {
		words = append(words, line[from:])
	}
	return words
}

// reportJSON writes a report as one JSON object: "facts" by their names, and "findings", an array of objects with id,
// what, state ("yes", "partly", "no", "not here"), why and fix, the last two null where there is none.
func reportJSON(w io.Writer, r *model.Report) error {
	p := page{w: w}
	p.buf = append(p.buf, `{"facts":{`...)
	for i := range r.Facts {
		if i > 0 {
			p.buf = append(p.buf, ',')
		}
		p.buf = append(appendString(p.buf, safe(r.Facts[i].Name)), ':')
		p.buf = appendString(p.buf, safe(r.Facts[i].Value.String()))
	}
	p.buf = append(p.buf, `},"findings":[`...)
	for i := range r.Findings {
		f := &r.Findings[i]
		if i > 0 {
			p.buf = append(p.buf, ',')
		}
		p.buf = append(p.buf, "\n{"...)
		for n, v := range []struct {
			name, text string
			none       bool
		}{
			{"id", f.ID, false}, {"what", f.What, false}, {"state", f.Standing.String(), false},
			{"why", f.Why.String(), f.Why.Empty()}, {"fix", f.Fix.String(), f.Fix.Empty()},
		} {
			if n > 0 {
				p.buf = append(p.buf, ',')
			}
			p.buf = fmt.Appendf(p.buf, `"%s":`, v.name)
			if v.none {
				p.buf = append(p.buf, "null"...)
			} else {
				p.buf = appendString(p.buf, safe(v.text))
			}
		}
		p.buf = append(p.buf, '}')
	}
	p.buf = append(p.buf, "\n]}\n"...)
	return p.flush()
}

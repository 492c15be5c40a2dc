package config

// What is wrong, in one line: the words that all messages are made of.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"sockview/model"
)

// Mistake is something in a settings file that cannot stand.
type Mistake struct {
	Path string
	Line int    // from 1
	Msg  string // what is wrong and what is allowed: safe text, one line
}

// Error is the line, as compilers write it: path:line: message.
func (m *Mistake) Error() string { return fmt.Sprintf("%s:%d: %s", shown(m.Path), m.Line, m.Msg) }

// unreadable says that a settings file could not be read.
func unreadable(path string, err error) error {
	return fmt.Errorf("cannot read settings %s: %w", shown(path), cause(err))
}

// cause is the system's error without the path around it.
func cause(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// shown is text of the user's or the system's as it may be printed.
func shown(s string) string { return model.SafeText(s).String() }

// clip is a word of the user's for a message, cut where it is no word any more.
func clip(s string) string {
	const most = 40
	r := []rune(shown(s[:min(len(s), 8*most)]))
	if len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return string(r)
}

// quote is clip in quotes.
func quote(s string) string { return `"` + clip(s) + `"` }

// instead says what to write for a word that is none of those allowed.
func instead(word string, allowed []string) string {
	if near := nearest(word, allowed); near != "" {
		return "did you mean " + near + "?"
	}
	return "allowed are " + strings.Join(allowed, ", ")
}

// nearest is the allowed word that was most likely meant, or "".
func nearest(word string, allowed []string) string {
	folded := fold(word)
	if len(folded) < 2 || len(folded) > 40 {
		return ""
	}
	best, most := "", len(folded)/3+1 // a slip or two; fewer in a short word
	for _, a := range allowed {
		f := fold(a)
		if f == folded || len(folded) > 2 && strings.HasPrefix(f, folded) {
			return a
		}
		if n := distance(folded, f); n < most {
			best, most = a, n
		}
	}
	return best
}

func fold(s string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
}

// distance is how many letters have to be put in, taken out, changed or swapped with their neighbour to make
// b of a: Damerau and Levenshtein, no letter edited twice.
func distance(a, b string) int {
	width := len(b) + 1
	d := make([]int, (len(a)+1)*width)
	for j := range width {
		d[j] = j
	}
	for i := 1; i <= len(a); i++ {
		d[i*width] = i
		for j := 1; j <= len(b); j++ {
			at := i*width + j
			change := d[at-width-1]
			if a[i-1] != b[j-1] {
				change++
			}
			d[at] = min(d[at-width]+1, d[at-1]+1, change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[at] = min(d[at], d[at-2*width-2]+1)
			}
		}
	}
	return d[len(d)-1]
}

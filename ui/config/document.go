package config

// A settings file as TOML has it: every setting with its path, its line and its place in the bytes. What
// the settings mean is not known here.

import (
	"bytes"
	"errors"
	"slices"
	"sort"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// document is a parsed file.
type document struct {
	src      []byte
	entries  []entry   // in the file's order; an inline table comes before what is in it
	sections []section // in the file's order
	broken   *Mistake  // where the file stops being TOML; what is before it was read
	lines    []int     // offsets of the line feeds
}

// section is a [header].
type section struct {
	path  []string
	line  int
	end   int  // offset behind the header's last word
	array bool // [[header]]
	at    int  // how many entries come before it
}

// entry is one key = value.
type entry struct {
	path    []string // with its section's and its inline table's
	line    int
	section int   // index into sections, -1 before the first
	inline  bool  // it stands in an inline table
	start   int   // offsets: of the key
	from    int   // of the value
	to      int   // behind the value
	value   value // a table's content follows as entries
}

// value is what stands behind a =.
type value struct {
	kind  unstable.Kind
	text  string // a string's content; of a number, date or boolean what is written
	line  int
	items []value // an array's
	from  int     // offsets, of values that are no arrays and tables
	to    int
	note  string // of an array's item or end: the comment in its line, with its #
	above []string
}

// deepest is how many words a setting's path has: [columns] sockets. Of a longer one, which no setting has,
// one more is kept.
const deepest = 2

var byteOrderMark = []byte("\xef\xbb\xbf")

// parseDocument reads src. A file that is not well formed gives what came before the mistake, and broken.
func parseDocument(path string, src []byte) *document {
	d := &document{src: slices.Clip(src)}
	for i, c := range src {
		if c == '\n' {
			d.lines = append(d.lines, i)
		}
	}
	p := unstable.Parser{KeepComments: true}
	body := bytes.TrimPrefix(d.src, byteOrderMark)
	skipped := len(d.src) - len(body)
	p.Reset(body)
	r := reader{d, &p, skipped}
	for p.NextExpression() {
		r.expression(p.Expression())
	}
	var wrong *unstable.ParserError
	if errors.As(p.Error(), &wrong) {
		// a piece of src shares its backing array, so what is left behind it tells where it is
		at := min(max(cap(d.src)-cap(wrong.Highlight), 0), len(d.src))
		d.broken = &Mistake{Path: path, Line: d.line(at), Msg: "not TOML: " + explain(wrong.Message)}
		if isOpen(wrong.Message) {
			d.broken.Line = d.line(d.unread()) // the end of the file is not where to look
			d.broken.Msg += "; it begins here and does not end"
		}
	}
	return d
}

// confirm looks for what is well formed and still no TOML, such as a thing said twice, and puts it into
// broken.
func (d *document) confirm(path string) {
	if d.broken != nil {
		return
	}
	var all map[string]any
	var refused *toml.DecodeError
	if err := toml.Unmarshal(bytes.TrimPrefix(d.src, byteOrderMark), &all); errors.As(err, &refused) {
		line, _ := refused.Position()
		d.broken = &Mistake{path, line, "not TOML: " + explain(refused.Error())}
	} else if err != nil {
		d.broken = &Mistake{path, 1, "not TOML: " + explain(err.Error())}
	}
}

// explain puts the parser's message into words that help.
func explain(msg string) string {
	switch {
	case strings.Contains(msg, "at start of value"), strings.HasPrefix(msg, "expected keyword"):
		return `a value is true, false, a number, "text" in quotes or a [list]`
	case msg == "strings must be quoted":
		return `text must stand in quotes, as "500ms"`
	}
	msg = strings.ReplaceAll(msg, "toml: ", "")
	return shown(msg[:min(len(msg), 200)])
}

// isOpen says whether the parser's message is about something that is not closed.
func isOpen(msg string) bool {
	return strings.Contains(msg, "incomplete") || strings.Contains(msg, "terminated")
}

// line is the line that the offset is in, from 1.
func (d *document) line(offset int) int {
	return 1 + sort.SearchInts(d.lines, offset)
}

// unread is the offset of the first expression that was not read.
func (d *document) unread() int {
	at := 0
	if n := len(d.entries); n > 0 {
		at = d.entries[n-1].to
		for i := range d.entries {
			at = max(at, d.entries[i].to)
		}
	}
	if n := len(d.sections); n > 0 {
		at = max(at, d.sections[n-1].end)
	}
	if at > 0 {
		at = d.lineEnd(at)
	}
	for at < len(d.src) {
		switch c := d.src[at]; {
		case c == '#':
			at = d.lineEnd(at)
		case c == ' ', c == '\t', c == '\r', c == '\n':
			at++
		default:
			return at
		}
	}
	return at
}

// lineEnd is the offset behind the line feed of the line that offset is in.
func (d *document) lineEnd(offset int) int {
	if i := bytes.IndexByte(d.src[offset:], '\n'); i >= 0 {
		return offset + i + 1
	}
	return len(d.src)
}

// reader turns the parser's nodes into entries.
type reader struct {
	*document
	p       *unstable.Parser
	skipped int // bytes before those the parser sees
}

func (r *reader) place(raw unstable.Range) (from, to int) {
	from = int(raw.Offset) + r.skipped
	return from, from + int(raw.Length)
}

func (r *reader) expression(n *unstable.Node) {
	switch n.Kind {
	case unstable.Table, unstable.ArrayTable:
		words, start, end := r.key(n)
		r.sections = append(r.sections, section{
			path: words, line: r.line(start), end: end, array: n.Kind == unstable.ArrayTable, at: len(r.entries),
		})
	case unstable.KeyValue:
		var prefix []string
		if len(r.sections) > 0 {
			prefix = r.sections[len(r.sections)-1].path
		}
		r.keyValue(n, prefix, false)
	}
}

// key is the dotted key of a node and the place of its words.
func (r *reader) key(n *unstable.Node) (words []string, start, end int) {
	for it := n.Key(); it.Next(); {
		from, to := r.place(it.Node().Raw)
		if words == nil {
			start = from
		}
		end = to
		if len(words) <= deepest {
			words = append(words, string(it.Node().Data))
		}
	}
	return words, start, end
}

func (r *reader) keyValue(n *unstable.Node, prefix []string, inline bool) {
	words, start, end := r.key(n)
	_, to := r.place(n.Raw)
	path := slices.Concat(prefix, words)
	from := end + bytes.IndexByte(r.src[end:], '=') + 1
	for r.src[from] == ' ' || r.src[from] == '\t' {
		from++
	}
	e := entry{
		path: path[:min(len(path), deepest+1)], line: r.line(start), section: len(r.sections) - 1, inline: inline,
		start: start, from: from, to: to,
	}
	table := n.Value().Kind == unstable.InlineTable
	if !table {
		e.value = r.value(n.Value())
	} else {
		e.value = value{kind: unstable.InlineTable}
	}
	e.value.line = r.line(from)
	r.entries = append(r.entries, e)
	if !table || len(e.path) >= deepest {
		return
	}
	for it := n.Value().Children(); it.Next(); {
		if it.Node().Kind == unstable.KeyValue {
			r.keyValue(it.Node(), e.path, true)
		}
	}
}

// value is a value's kind and text, and an array's items. Lists in lists and tables in lists are not
// looked into.
func (r *reader) value(n *unstable.Node) value {
	v := value{kind: n.Kind, text: string(n.Data)}
	if n.Kind != unstable.Array {
		return v
	}
	var above []string
	last := -1 // offset behind the last item
	for it := n.Children(); it.Next(); {
		child := it.Node()
		if child.Kind == unstable.Comment {
			above = r.comments(&v, child, last, above)
			continue
		}
		item := value{kind: child.Kind, text: string(child.Data), above: above}
		item.from, item.to = r.place(child.Raw)
		if child.Kind != unstable.Array && child.Kind != unstable.InlineTable {
			item.line, last = r.line(item.from), item.to
		}
		v.items = append(v.items, item)
		above = nil
	}
	v.above = above
	return v
}

// comments takes a run of comments in an array: the one in the line of the item before it is that item's.
func (r *reader) comments(array *value, run *unstable.Node, last int, above []string) []string {
	take := func(n *unstable.Node) {
		from, to := r.place(n.Raw)
		comment := string(r.src[from:to])
		if last >= 0 && len(above) == 0 && r.line(from) == r.line(last) {
			array.items[len(array.items)-1].note = comment
			return
		}
		above = append(above, comment)
	}
	take(run)
	for it := run.Children(); it.Next(); {
		take(it.Node())
	}
	return above
}

// name is a path as messages write it: columns.sockets.
func name(path []string) string {
	words := make([]string, len(path))
	for i, w := range path {
		words[i] = clip(w)
	}
	return strings.Join(words, ".")
}

// kindWords says in people's words what a value is.
func kindWords(k unstable.Kind) string {
	switch k {
	case unstable.String:
		return "a text"
	case unstable.Bool:
		return "true or false"
	case unstable.Integer, unstable.Float:
		return "a number"
	case unstable.Array:
		return "a list"
	case unstable.InlineTable:
		return "a table"
	}
	return "a date or time"
}

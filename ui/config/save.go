package config

// Keeping the columns of a screen: one value of the file is changed, everything else stays as the user
// wrote it.

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
	"golang.org/x/sys/unix"
)

// SetColumns sets columns.SCREEN in the file to ids. The file is read anew, and only that value changes:
// comments, order and layout of the rest stay. File and folder are made when missing, for the user alone; a
// link stays a link. The file is replaced whole or not at all, so that a full or read-only disk leaves the
// old one. The error is one line: a *Mistake when the file is no TOML, else with the system's error in it.
func SetColumns(path, screen string, ids []string) error {
	return setColumns(path, screen, ids, func() {})
}

// maxTries is how often a file is read again that somebody else changed meanwhile.
const maxTries = 5

// setColumns is SetColumns. ready is called each time before the file is looked at for the last time.
func setColumns(path, screen string, ids []string, ready func()) error {
	err := errChanged
	for try := 0; try < maxTries && errors.Is(err, errChanged); try++ {
		err = setOnce(path, screen, ids, ready)
	}
	var m *Mistake
	switch {
	case err == nil:
		return nil
	case errors.As(err, &m):
		return err
	}
	return fmt.Errorf("cannot save settings %s: %w", shown(path), cause(err))
}

func setOnce(path, screen string, ids []string, ready func()) error {
	if path == "" {
		return unix.ENOENT // and not a file in the working directory
	}
	target, err := resolve(path)
	if err != nil {
		return err
	}
	old, err := readOrNothing(target)
	if err != nil {
		return err
	}
	if old.info == nil && target == path {
		if err := makeFolder(filepath.Dir(target)); err != nil {
			return err
		}
	}
	if old.info != nil && !old.info.Mode().IsRegular() {
		return errNotRegular
	}
	text, err := edit(path, old.text, screen, ids)
	switch {
	case err != nil:
		return err
	case bytes.Equal(text, old.text):
		return nil
	case len(text) > maxFile:
		return errTooBig
	}
	return put(target, old, text, ready)
}

// bareKey is what TOML takes without quotes.
var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// edit is src with columns.SCREEN set to ids.
func edit(path string, src []byte, screen string, ids []string) ([]byte, error) {
	for _, word := range append([]string{screen}, ids...) {
		if !bareKey.MatchString(word) {
			return nil, fmt.Errorf("%s is no name", quote(word))
		}
	}
	if len(ids) == 0 {
		return nil, errors.New("a table needs a column")
	}
	d := parseDocument(path, src)
	d.confirm(path)
	if d.broken != nil {
		return nil, d.broken
	}
	e := editor{document: d, path: path, screen: screen, ids: ids, eol: "\n"}
	if first := bytes.IndexByte(src, '\n'); first > 0 && src[first-1] == '\r' {
		e.eol = "\r\n"
	}
	text, err := e.set()
	if err != nil {
		return nil, err
	}
	// never trust a machine with somebody's file: what was written must be what was meant
	after := parseDocument(path, text)
	after.confirm(path)
	if after.broken != nil {
		return nil, fmt.Errorf("changing it would break it: line %d, %s", after.broken.Line, after.broken.Msg)
	}
	if got := after.find("columns", screen); got == nil || !slices.Equal(got.value.strings(), ids) {
		return nil, errors.New("it is written in a way that cannot be changed without harm; set columns by hand")
	}
	return text, nil
}

// find is the entry with that path, or nil.
func (d *document) find(path ...string) *entry {
	for i := range d.entries {
		if slices.Equal(d.entries[i].path, path) {
			return &d.entries[i]
		}
	}
	return nil
}

// strings are a list's items, nil when it is not a list of texts.
func (v *value) strings() []string {
	list := make([]string, 0, len(v.items))
	for _, item := range v.items {
		if item.kind != unstable.String {
			return nil
		}
		list = append(list, item.text)
	}
	return list
}

// editor changes one value of a document.
type editor struct {
	*document
	path   string // for messages
	screen string
	ids    []string
	eol    string // the file's line ending
}

// set finds out how the file is written and changes it in the same way.
func (e *editor) set() ([]byte, error) {
	if old := e.find("columns", e.screen); old != nil {
		if old.value.kind == unstable.Array && slices.Equal(old.value.strings(), e.ids) {
			return e.src, nil
		}
		return e.replace(old.from, old.to, e.list(old)), nil
	}
	if table := e.find("columns"); table != nil {
		if table.value.kind != unstable.InlineTable {
			return nil, &Mistake{e.path, table.line, "columns must be a section, not " + kindWords(table.value.kind)}
		}
		return e.intoInline(table), nil
	}
	line := e.screen + " = " + e.list(nil)
	for i := range e.sections {
		if s := &e.sections[i]; slices.Equal(s.path, []string{"columns"}) {
			return e.intoSection(i, line), nil
		}
	}
	if last := e.lastDotted(); last != nil {
		return e.below(last.to, last.start, "columns."+line), nil
	}
	return e.newSection(line), nil
}

func (e *editor) replace(from, to int, with string) []byte {
	return slices.Concat(e.src[:from], []byte(with), e.src[to:])
}

// below puts a line below the one that has the offset at, indented as the one with the offset like.
func (e *editor) below(at, like int, line string) []byte {
	start := bytes.LastIndexByte(e.src[:like], '\n') + 1
	indent := e.src[start:like]
	if len(bytes.Trim(indent, " \t")) > 0 {
		indent = nil // a byte order mark
	}
	end := e.lineEnd(at)
	line = string(indent) + line
	if end > 0 && e.src[end-1] != '\n' {
		return e.replace(end, end, e.eol+line+e.eol)
	}
	return e.replace(end, end, line+e.eol)
}

// intoSection puts a line below the last setting of a section.
func (e *editor) intoSection(n int, line string) []byte {
	s := &e.sections[n]
	at, like := s.end, bytes.LastIndexByte(e.src[:s.end], '\n')+1
	for i := range e.entries {
		if x := &e.entries[i]; x.section == n && !x.inline {
			at, like = x.to, x.start
		}
	}
	return e.below(at, like, line)
}

// intoInline puts the setting into columns = { ... }.
func (e *editor) intoInline(table *entry) []byte {
	item := e.screen + " = " + e.list(nil)
	at := 0
	for i := range e.entries {
		x := &e.entries[i]
		if x.inline && len(x.path) > 1 && x.path[0] == "columns" && x.from > table.from && x.to <= table.to {
			at = x.to
		}
	}
	if at == 0 {
		at = table.from + len("{")
		return e.replace(at, at, " "+item+" ")
	}
	return e.replace(at, at, ", "+item)
}

// lastDotted is the last columns.SCREEN = ... before the first section, or nil. Beside such a one [columns]
// would be a second definition.
func (e *editor) lastDotted() *entry {
	var last *entry
	for i := range e.entries {
		if x := &e.entries[i]; x.section < 0 && !x.inline && x.path[0] == "columns" {
			last = x
		}
	}
	return last
}

// newSection puts [columns] at the end.
func (e *editor) newSection(line string) []byte {
	var b strings.Builder
	b.Write(e.src)
	if body := bytes.TrimPrefix(e.src, byteOrderMark); len(body) > 0 {
		if body[len(body)-1] != '\n' {
			b.WriteString(e.eol)
		}
		b.WriteString(e.eol)
	}
	b.WriteString("[columns]" + e.eol + line + e.eol)
	return []byte(b.String())
}

// list is the new list. One that had a line for each item keeps them, with their comments.
func (e *editor) list(old *entry) string {
	quoted := make([]string, len(e.ids))
	for i, id := range e.ids {
		quoted[i] = `"` + id + `"`
	}
	if old == nil || old.value.kind != unstable.Array || !bytes.ContainsRune(e.src[old.from:old.to], '\n') {
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	// what stood above a column that went was not about it alone: it now stands above the next
	had := make(map[string]value, len(old.value.items))
	var above []string
	for _, item := range old.value.items {
		above = append(above, item.above...)
		if slices.Contains(e.ids, item.text) {
			item.above, above = above, nil
			had[item.text] = item
		}
	}
	indent := e.itemIndent(old)
	var b strings.Builder
	b.WriteString("[" + e.eol)
	comments := func(list []string) {
		for _, comment := range list {
			b.WriteString(indent + comment + e.eol)
		}
	}
	for i, id := range e.ids {
		item := had[id]
		comments(item.above)
		b.WriteString(indent + quoted[i] + ",")
		if item.note != "" {
			b.WriteString(" " + item.note)
		}
		b.WriteString(e.eol)
	}
	comments(above)
	comments(old.value.above)
	// the closing bracket stands where it stood
	last := bytes.LastIndexByte(e.src[:old.to], '\n') + 1
	if closing := e.src[last : old.to-1]; len(bytes.Trim(closing, " \t")) == 0 {
		b.Write(closing)
	}
	return b.String() + "]"
}

// itemIndent is the indentation of the first item that begins a line.
func (e *editor) itemIndent(list *entry) string {
	for _, item := range list.value.items {
		start := bytes.LastIndexByte(e.src[:item.from], '\n') + 1
		if start > list.from && len(bytes.Trim(e.src[start:item.from], " \t")) == 0 {
			return string(e.src[start:item.from])
		}
	}
	return "  "
}

package config

// What the settings mean and which values they may have.

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"
)

// topLevel are the settings before the first section, sectionNames the sections.
func topLevel() []string {
	return []string{"interval", "hold", "history", "theme", "mouse", "ascii", "resolve", "netns"}
}
func sectionNames() []string { return []string{"columns", "sort", "keys"} }

// parse reads settings. The path is for messages. The error is a *Mistake.
func parse(path string, src []byte, known Known) (Config, error) {
	d := parseDocument(path, src)
	c := checker{path: path, known: known, config: Default(), seen: make(map[string]int)}
	next := 0
	for _, s := range d.sections {
		c.entries(d.entries[next:s.at])
		next = s.at
		if c.mistake == nil {
			c.section(&s)
		}
	}
	c.entries(d.entries[next:])
	if c.mistake == nil { // what broke is behind all that was read
		d.confirm(path)
		c.mistake = d.broken
	}
	if c.mistake == nil {
		c.rebind(d)
	}
	if c.mistake != nil {
		return Config{}, c.mistake
	}
	return c.config, nil
}

// checker takes the settings of a document one after the other, up to the first mistake.
type checker struct {
	path    string
	known   Known
	config  Config
	seen    map[string]int // path of a setting or section -> the line it was first in
	mistake *Mistake
}

func (c *checker) wrong(line int, format string, args ...any) {
	if c.mistake == nil {
		c.mistake = &Mistake{c.path, line, fmt.Sprintf(format, args...)}
	}
}

// again says whether a setting or section was there before, and that it must not.
func (c *checker) again(path []string, line int) bool {
	id := strings.Join(path, "\x00")
	if before, ok := c.seen[id]; ok {
		c.wrong(line, "%s stands twice, first in line %d; one of them must go", name(path), before)
		return true
	}
	c.seen[id] = line
	return false
}

func (c *checker) section(s *section) {
	top := s.path[0]
	switch {
	case s.array:
		c.wrong(s.line, "[[%s]] is a list of sections, which no setting is; a section is [%s]", name(s.path), name(s.path))
	case slices.Contains(topLevel(), top):
		c.wrong(s.line, "%s is no section; write %s = and its value above the first section", top, top)
	case !slices.Contains(sectionNames(), top):
		c.wrong(s.line, "unknown section %s; %s", quote(top), instead(top, sectionNames()))
	case len(s.path) > 1:
		c.wrong(s.line, "there is no section within [%s]; write [%s]", top, top)
	default:
		c.again(s.path, s.line)
	}
}

func (c *checker) entries(entries []entry) {
	for i := 0; i < len(entries) && c.mistake == nil; i++ {
		c.entry(&entries[i])
	}
}

func (c *checker) entry(e *entry) {
	top := e.path[0]
	section := slices.Contains(sectionNames(), top)
	switch {
	case !section && !slices.Contains(topLevel(), top):
		if e.section < 0 { // in an unknown section, that is the mistake
			c.wrong(e.line, "unknown key %s; %s", quote(top), instead(top, append(topLevel(), sectionNames()...)))
		}
	case c.again(e.path, e.line):
	case section && len(e.path) == 1:
		if e.value.kind != unstable.InlineTable {
			c.wrong(e.line, "%s must be a section, not %s; write [%s] and its settings below",
				top, kindWords(e.value.kind), top)
		}
	case !section && e.section >= 0: // [interval]: the section was refused already
	case len(e.path) > 1 && !section, len(e.path) > 2:
		c.wrong(e.line, "%s has nothing within it", name(e.path[:len(e.path)-1]))
	case top == "columns":
		c.columns(e)
	case top == "sort":
		c.sort(e)
	case top == "keys":
		c.keys(e)
	default:
		c.setting(e)
	}
}

// setting takes one of topLevel.
func (c *checker) setting(e *entry) {
	switch e.path[0] {
	case "interval":
		c.interval(e, &c.config.Interval)
	case "hold":
		c.interval(e, &c.config.Hold)
	case "history":
		c.history(e)
	case "theme":
		switch {
		case !c.isKind(e, unstable.String, "one of "+strings.Join(c.known.Themes, ", ")+", in quotes"):
		case !slices.Contains(c.known.Themes, e.value.text):
			c.wrong(e.value.line, "theme: no such theme %s; %s", quote(e.value.text), instead(e.value.text, c.known.Themes))
		default:
			c.config.Theme = e.value.text
		}
	case "mouse":
		c.flag(e, &c.config.Mouse)
	case "ascii":
		c.flag(e, &c.config.ASCII)
	case "resolve":
		c.flag(e, &c.config.Resolve)
	case "netns":
		const allowed = "own, all, the name of a network namespace or the pid of a process in it, in quotes"
		switch {
		case !c.isKind(e, unstable.String, allowed):
		case e.value.text == "" || e.value.text[0] == '-':
			c.wrong(e.value.line, "netns: no such namespace %s; allowed is %s", quote(e.value.text), allowed)
		default:
			c.config.NetNS = e.value.text
		}
	}
}

// isKind says whether the value is of that kind, and that it must be.
func (c *checker) isKind(e *entry, kind unstable.Kind, allowed string) bool {
	if e.value.kind == kind {
		return true
	}
	c.wrong(e.value.line, "%s must be %s, not %s", name(e.path), allowed, kindWords(e.value.kind))
	return false
}

func (c *checker) flag(e *entry, to *bool) {
	if c.isKind(e, unstable.Bool, "true or false, without quotes") {
		*to = e.value.text == "true"
	}
}

// interval takes a time; a bare number is seconds, as in the flag.
func (c *checker) interval(e *entry, to *time.Duration) {
	switch e.value.kind {
	case unstable.String, unstable.Integer, unstable.Float:
		d, err := c.known.Interval(e.value.text)
		if err != nil {
			c.wrong(e.value.line, "%s: %s %s; allowed is %s", name(e.path), quote(e.value.text), err, c.known.Times)
			return
		}
		*to = d
	default:
		c.isKind(e, unstable.String, "a time in quotes, "+c.known.Times)
	}
}

// history takes how many closed connections are kept.
func (c *checker) history(e *entry) {
	if !c.isKind(e, unstable.Integer, c.known.Histories+", without quotes") {
		return
	}
	n, err := c.known.History(e.value.text)
	if err != nil {
		c.wrong(e.value.line, "history: %s %s; allowed is %s", quote(e.value.text), err, c.known.Histories)
		return
	}
	c.config.History = n
}

// screenOf is the screen that an entry of [columns] or [sort] is about.
func (c *checker) screenOf(e *entry) (string, bool) {
	screen := e.path[1]
	if slices.Contains(c.known.Screens, screen) {
		return screen, true
	}
	if slices.Contains(topLevel(), screen) {
		c.wrong(e.line, "%s stands in [%s]; move it above the first section", screen, e.path[0])
	} else {
		c.wrong(e.line, "%s: unknown screen %s; %s", e.path[0], quote(screen), instead(screen, c.known.Screens))
	}
	return "", false
}

func (c *checker) columns(e *entry) {
	screen, ok := c.screenOf(e)
	if !ok || !c.isKind(e, unstable.Array, `a list of columns, as ["process", "pid"]`) {
		return
	}
	allowed := c.known.Columns(screen)
	ids := make([]string, 0, len(e.value.items))
	for _, item := range e.value.items {
		line := max(item.line, e.value.line)
		switch {
		case item.kind != unstable.String:
			c.wrong(line, "%s: a column must be a text in quotes, not %s", name(e.path), kindWords(item.kind))
		case !slices.Contains(allowed, item.text):
			c.wrong(line, "%s: unknown column %s; %s", name(e.path), quote(item.text), instead(item.text, allowed))
		case slices.Contains(ids, item.text):
			c.wrong(line, "%s: column %s stands twice; one of them must go", name(e.path), item.text)
		default:
			ids = append(ids, item.text)
		}
	}
	if len(e.value.items) == 0 {
		c.wrong(e.value.line, "%s: a table needs a column; allowed are %s", name(e.path), strings.Join(allowed, ", "))
	}
	if c.config.Columns == nil {
		c.config.Columns = make(map[string][]string)
	}
	c.config.Columns[screen] = ids
}

func (c *checker) sort(e *entry) {
	screen, ok := c.screenOf(e)
	if !ok || !c.isKind(e, unstable.String, `a column in quotes, with asc or desc behind it if need be, as "tx desc"`) {
		return
	}
	words := strings.Fields(e.value.text)
	if len(words) == 0 || len(words) > 2 {
		c.wrong(e.value.line, `%s: %s must be a column, then asc or desc if need be, as "tx desc"`,
			name(e.path), quote(e.value.text))
		return
	}
	s := Sorting{Column: words[0]}
	if allowed := c.known.Columns(screen); !slices.Contains(allowed, s.Column) {
		c.wrong(e.value.line, "%s: unknown column %s; %s", name(e.path), quote(s.Column), instead(s.Column, allowed))
		return
	}
	if len(words) == 2 {
		switch strings.ToLower(words[1]) {
		case "asc":
			s.Way = Ascending
		case "desc":
			s.Way = Descending
		default:
			c.wrong(e.value.line, "%s: unknown direction %s; allowed are asc, desc", name(e.path), quote(words[1]))
			return
		}
	}
	if c.config.Sort == nil {
		c.config.Sort = make(map[string]Sorting)
	}
	c.config.Sort[screen] = s
}

func (c *checker) keys(e *entry) {
	misplaced := e.value.kind == unstable.Bool || e.value.kind == unstable.Integer // no key is such a value
	if misplaced && e.section >= 0 && slices.Contains(topLevel(), e.path[1]) {
		c.wrong(e.line, "%s stands in [keys]; move it above the first section", e.path[1])
		return
	}
	const allowed = `a key in quotes or a list of them, as "K" or ["K", "F9"]`
	keys := []string{e.value.text}
	switch e.value.kind {
	case unstable.String:
	case unstable.Array:
		keys = make([]string, 0, len(e.value.items))
		for _, item := range e.value.items {
			if item.kind != unstable.String {
				c.wrong(max(item.line, e.value.line), "%s must be %s, not a list with %s",
					name(e.path), allowed, kindWords(item.kind))
				return
			}
			keys = append(keys, item.text)
		}
	default:
		c.isKind(e, unstable.String, allowed)
		return
	}
	if c.config.Keys == nil {
		c.config.Keys = make(map[string][]string)
	}
	c.config.Keys[e.path[1]] = keys
}

// rebind has the keys checked, all of them at once, when all else is well.
func (c *checker) rebind(d *document) {
	if len(c.config.Keys) == 0 {
		return
	}
	blame, err := c.known.Rebind(c.config.Keys)
	if err == nil {
		return
	}
	line := 0
	for i := range d.entries {
		e := &d.entries[i]
		if len(e.path) == 2 && e.path[0] == "keys" && (line == 0 || e.path[1] == blame) {
			line = e.line
			if e.path[1] == blame {
				break
			}
		}
	}
	c.wrong(max(line, 1), "keys: %s", shown(err.Error()))
}

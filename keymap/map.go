package keymap

// Which key means what: looking up, listing, rebinding.

import (
	"fmt"
	"slices"
	"strings"
)

// Map is a whole set of bindings, free of conflicts: in no context has a key two meanings. A copy of a Map
// is independent of it. The zero Map is empty; Default makes one.
type Map struct {
	rows []Binding // never written to: rebinding makes new ones
}

// Default is the table as it comes.
func Default() Map { return Map{table()} }

// Bindings are all rows, in the table's order, hidden ones too.
func (m Map) Bindings() []Binding { return cloneRows(m.rows) }

// Binding is the row of an action.
func (m Map) Binding(action Action) (Binding, bool) {
	i := m.find(action)
	if i < 0 {
		return Binding{}, false
	}
	return cloneRows(m.rows[i : i+1])[0], true
}

// Action says what k means in ctx: there or in what it shares with others. False for a key that means
// nothing, as a character does where a line is typed.
func (m Map) Action(ctx Context, k Key) (Action, bool) {
	if ctx.Typing() && k.IsText() {
		return "", false
	}
	within := ctx.within()
	for i := range m.rows {
		row := &m.rows[i]
		if slices.Contains(row.Keys, k) && slices.Contains(within, row.Context) {
			return row.Action, true
		}
	}
	return "", false
}

// Keys are the keys of an action, none for one that has none or is not known.
func (m Map) Keys(action Action) []Key {
	if i := m.find(action); i >= 0 {
		return slices.Clone(m.rows[i].Keys)
	}
	return nil
}

// Screens are the names of the screens, as --screen takes them, in the order of their digits.
func Screens() []string { return screenNames(screenRows()) }

// ScreenAction is the action that opens the screen of that name, as --screen takes it.
func (m Map) ScreenAction(name string) (Action, bool) {
	for i := range m.rows {
		if name != "" && m.rows[i].Screen == name && m.rows[i].Context != "" {
			return m.rows[i].Action, true
		}
	}
	return "", false
}

// FooterEntry is one of the footer's words with its key: "q quit".
type FooterEntry struct {
	Key    Key
	Title  string
	Action Action
}

// Footer are the most used keys of ctx, the most needed first: a narrow screen cuts the end.
func (m Map) Footer(ctx Context) []FooterEntry {
	var rows []Binding
	for _, row := range m.in(ctx) {
		if row.Footer > 0 {
			rows = append(rows, row)
		}
	}
	slices.SortStableFunc(rows, func(a, b Binding) int { return a.Footer - b.Footer })
	entries := make([]FooterEntry, len(rows))
	for i, row := range rows {
		entries[i] = FooterEntry{row.Keys[0], row.Title, row.Action}
	}
	return entries
}

// Section is a group of the help screen.
type Section struct {
	Group    Group
	Bindings []Binding
}

// Help are the keys that work in ctx by their groups; of every context when ctx is empty.
func (m Map) Help(ctx Context) []Section {
	rows := m.in(ctx)
	var sections []Section
	for _, group := range Groups() {
		s := Section{Group: group}
		for _, row := range rows {
			if row.Group == group {
				s.Bindings = append(s.Bindings, row)
			}
		}
		if len(s.Bindings) > 0 {
			sections = append(sections, s)
		}
	}
	return sections
}

// in are the rows whose keys work in ctx, or all that have keys. Of a row's keys only those are left that
// are not typed there.
func (m Map) in(ctx Context) []Binding {
	within := ctx.within()
	var rows []Binding
	for _, row := range cloneRows(m.rows) {
		if ctx.Typing() {
			row.Keys = slices.DeleteFunc(row.Keys, Key.IsText)
		}
		if len(row.Keys) > 0 && (ctx == "" || slices.Contains(within, row.Context)) {
			rows = append(rows, row)
		}
	}
	return rows
}

// BindError says what is wrong with a rebinding, in one line. It names what is allowed.
type BindError struct {
	Action Action
	Key    Key // the key that is wrong, or ""
	Reason string
}

func (e *BindError) Error() string { return e.Reason }

// Rebind gives an action other keys instead of its own; none takes it off the keyboard. Some keys stay
// whatever is asked for: Esc goes back, Ctrl-C quits, and quitting keeps a key of its own. The error is a
// *BindError and leaves m as it was: no such action, no such key, or a key that already means something.
func (m *Map) Rebind(action Action, keys []Key) error {
	changed, err := m.With(map[Action][]Key{action: keys})
	if err != nil {
		return err
	}
	*m = changed
	return nil
}

// With is m with several actions rebound at once, so that two of them may swap keys. It fails as Rebind
// does.
func (m Map) With(changes map[Action][]Key) (Map, error) {
	changed := Map{cloneRows(m.rows)}
	for _, action := range sortedActions(changes) {
		i := changed.find(action)
		if i < 0 || changed.rows[i].Hidden {
			return m, m.noSuchAction(action)
		}
		keys, err := changed.rows[i].accept(changes[action])
		if err != nil {
			return m, err
		}
		changed.rows[i].Keys = keys
	}
	for _, action := range sortedActions(changes) {
		if err := changed.conflict(changed.find(action), changes); err != nil {
			return m, err
		}
	}
	return changed, nil
}

// accept checks new keys for a row and adds those it never loses.
func (b *Binding) accept(keys []Key) ([]Key, error) {
	wrong := func(k Key, format string, args ...any) error {
		return &BindError{b.Action, k, string(b.Action) + ": " + fmt.Sprintf(format, args...)}
	}
	if b.Context == "" {
		return nil, wrong("", "it has no keys; it is the flag --%s", b.Flag)
	}
	var accepted []Key
	for _, spelling := range keys {
		k, err := ParseKey(string(spelling))
		if err != nil {
			return nil, wrong(spelling, "%v", err)
		}
		if b.Context.Typing() && k.IsText() {
			return nil, wrong(k, "key %s is typed there; allowed are Ctrl-, F- and named keys but Space", k)
		}
		if !slices.Contains(accepted, k) {
			accepted = append(accepted, k)
		}
	}
	for _, k := range b.fixed {
		if !slices.Contains(accepted, k) {
			accepted = append(accepted, k)
		}
	}
	if b.last && len(accepted) == 0 {
		return nil, wrong("", "it must have a key")
	}
	return accepted, nil
}

// conflict says whether a key of row i means something else already where row i's keys work.
func (m Map) conflict(i int, changes map[Action][]Key) error {
	row := &m.rows[i]
	for j := range m.rows {
		other := &m.rows[j]
		if i == j || !meet(row.Context, other.Context) {
			continue
		}
		for _, k := range row.Keys {
			if !slices.Contains(other.Keys, k) {
				continue
			}
			blame, taken := row, other
			if _, both := changes[other.Action]; both && slices.Contains(row.fixed, k) {
				blame, taken = other, row // the key is row's for good: who asked for it is the other
			}
			reason := fmt.Sprintf("%s: key %s is already %s", blame.Action, k, taken.Action)
			if free := m.freeLetters(blame.Context); free != "" {
				reason += "; free letters are " + free
			}
			return &BindError{blame.Action, k, reason}
		}
	}
	return nil
}

// freeLetters are the letters that mean nothing wherever keys of ctx work.
func (m Map) freeLetters(ctx Context) string {
	if ctx.Typing() {
		return ""
	}
	used := map[Key]bool{}
	for i := range m.rows {
		if meet(ctx, m.rows[i].Context) {
			for _, k := range m.rows[i].Keys {
				used[k] = true
			}
		}
	}
	var free []string
	for _, letters := range []string{"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"} {
		for _, r := range letters {
			if !used[Key(r)] {
				free = append(free, string(r))
			}
		}
	}
	return strings.Join(free, " ")
}

func (m Map) noSuchAction(action Action) error {
	var names []string
	for i := range m.rows {
		if m.rows[i].Context != "" {
			names = append(names, string(m.rows[i].Action))
		}
	}
	reason := "no such action: " + quote(string(action))
	if near := suggest(string(action), names); near != "" {
		reason += "; did you mean " + near + "?"
	} else {
		reason += "; allowed are " + strings.Join(names, ", ")
	}
	return &BindError{action, "", reason}
}

func (m Map) find(action Action) int {
	return slices.IndexFunc(m.rows, func(b Binding) bool { return b.Action == action })
}

func cloneRows(rows []Binding) []Binding {
	rows = slices.Clone(rows)
	for i := range rows {
		rows[i].Keys = slices.Clone(rows[i].Keys)
		rows[i].fixed = slices.Clone(rows[i].fixed)
		rows[i].Also = slices.Clone(rows[i].Also)
	}
	return rows
}

func sortedActions(changes map[Action][]Key) []Action {
	actions := make([]Action, 0, len(changes))
	for action := range changes {
		actions = append(actions, action)
	}
	slices.Sort(actions)
	return actions
}

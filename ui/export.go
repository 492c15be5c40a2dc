package ui

// Taking rows elsewhere: to the clipboard of the terminal, or into a file.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sockview/keymap"
	"sockview/model"
	"sockview/ui/text"
)

// copy puts the subjects, a line each, into the terminal's clipboard (OSC 52), over SSH too.
func (a *App) copy() {
	rows := a.subjects()
	v := a.table.view
	switch {
	case !a.cfg.Clipboard:
		a.warn("this terminal has no clipboard that can be reached (OSC 52); e saves to a file")
		return
	case len(rows) == 0:
		a.warn("no row to copy")
		return
	}
	var b strings.Builder
	for _, row := range rows {
		for i, c := range a.state.shown {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.Write(a.format.Append(nil, a.state.specs[c].Kind, v.rows.Value(row, c)))
		}
		b.WriteByte('\n')
	}
	a.cfg.Screen.SetClipboard([]byte(b.String()))
	a.say(rowCount(len(rows)) + " copied, if the terminal allows it (OSC 52)")
}

// export saves the table as it stands: the marked rows, or all that the filter shows.
func (a *App) export() {
	v := a.table.view
	if v == nil {
		return
	}
	order := v.order
	if len(a.state.marks) > 0 {
		order = nil
		for _, row := range a.subjects() {
			order = append(order, int32(row))
		}
	}
	order = living(v.rows, order)
	// The snapshot goes back while the name is typed, so what is saved is frozen now.
	t := text.Table{Specs: a.state.specs, Columns: append([]int(nil), a.state.shown...), Format: a.format}
	t.Rows, t.Order = freeze(v.rows, order, t.Columns)
	a.input.ask(keymap.Prompt, fmt.Sprintf("Save %s to (.csv .json .txt): ", rowCount(len(order))), "", nil,
		func(path string) {
			a.pop()
			if strings.TrimSpace(path) == "" {
				a.say("nothing was saved")
				return
			}
			path = expandHome(path)
			if _, err := os.Lstat(path); err != nil {
				a.save(path, t)
				return
			}
			a.confirm(fmt.Sprintf("%s exists. To write over it type yes: ", model.SafeText(path)), func() { a.save(path, t) }, func() {})
		},
		func() {
			a.pop()
			a.say("nothing was saved")
		})
	a.push(a.input)
}

func (a *App) save(path string, t text.Table) {
	if err := text.Save(path, t); err != nil {
		a.warn(model.SafeText(err.Error()).String() + a.whyNotRoot(err))
		return
	}
	a.say(fmt.Sprintf("%s saved to %s", rowCount(len(t.Order)), model.SafeText(path)))
}

// whyNotRoot says, behind the error of writing a file, why root may not write it: to write in folders of others takes a
// capability that was given up at the start.
func (a *App) whyNotRoot(err error) string {
	if !a.cfg.Root || !errors.Is(err, fs.ErrPermission) {
		return ""
	}
	return ": it is not root's, and sockview gave up the right to write everywhere; ~/ and /tmp work"
}

func rowCount(n int) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}

// expandHome is path with a ~/ at its beginning spelled out, as a shell would.
func expandHome(path string) string {
	path = strings.TrimSpace(path)
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return path
}

// living are those of the rows that are not closed: what is over stays on the screen for a while, and is in no file.
func living(rows model.Rows, order []int32) []int32 {
	var out []int32
	for _, row := range order {
		if rows.Change(int(row)) != model.Closed {
			out = append(out, row)
		}
	}
	return out
}

// frozen are rows that were read out of a snapshot.
type frozen struct {
	values  [][]model.Value
	keys    []model.Key
	changes []model.Change
}

func freeze(rows model.Rows, order []int32, columns []int) (*frozen, []int32) {
	f := &frozen{}
	out := make([]int32, len(order))
	width := 0
	for _, c := range columns {
		width = max(width, c+1)
	}
	for i, row := range order {
		values := make([]model.Value, width)
		for _, c := range columns {
			values[c] = rows.Value(int(row), c)
		}
		f.values = append(f.values, values)
		f.keys = append(f.keys, rows.Key(int(row)))
		f.changes = append(f.changes, rows.Change(int(row)))
		out[i] = int32(i)
	}
	return f, out
}

func (f *frozen) Len() int                        { return len(f.values) }
func (f *frozen) Key(i int) model.Key             { return f.keys[i] }
func (f *frozen) Change(i int) model.Change       { return f.changes[i] }
func (f *frozen) Value(i, column int) model.Value { return f.values[i][column] }

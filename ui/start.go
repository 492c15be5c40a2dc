package ui

// What the screen starts with: the config's settings, then the command line's, checked before anything opens.

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sockview/keymap"
	"sockview/model"
)

// Start is what the screen starts with.
type Start struct {
	Screen   string // name of the first screen
	By       string // column the count screen counts by
	Filter   string
	Choice   model.Choice
	Interval time.Duration
	Hold     time.Duration // 0: one interval, at least a second
	Names    bool          // resolve addresses and ports
	Mouse    bool
	ASCII    bool
	Theme    string
	NetNS    string
	History  int                 // how many closed connections are kept; 0 is the default, less is none
	Columns  map[string][]string // screen -> column ids
	Sort     map[string]string   // screen -> "column" or "column desc"
	Also     []string            // columns of sockets shown besides
	Top      int                 // printing: so many rows; 0 is all
	ReadOnly bool                // nothing is signalled or closed
}

// ChoiceOf is what the flags choose among the sockets.
func ChoiceOf(o keymap.Options) model.Choice {
	c := model.Choice{TCP: o.TCP, UDP: o.UDP, UDPLite: o.UDPLite, SCTP: o.SCTP, Raw: o.Raw}
	switch {
	case o.IPv4 && !o.IPv6:
		c.Family = model.IPv4
	case o.IPv6 && !o.IPv4:
		c.Family = model.IPv6
	}
	if o.Listening && !o.All {
		c.Listen = model.ListeningOnly
	}
	c.Translated = o.Screen == "nat" && !o.All
	return c
}

// StartError is a start that names what does not exist: one line, and what is allowed.
type StartError struct{ Msg string }

func (e *StartError) Error() string { return e.Msg }

// newState makes the state of a screen from what it starts with.
func (s *Start) newState(def *screen, by string, service func(string) (uint16, bool)) (*screenState, error) {
	st := &screenState{def: def, by: by, specs: def.specs(by), atTop: true, marks: map[model.Key]struct{}{}, service: service}
	st.shown = defaultColumns(st.specs)
	if ids := s.Columns[def.name]; len(ids) > 0 {
		shown, err := columnsNamed(st.specs, withoutOtherCounts(def, st.specs, ids))
		if err != nil {
			return nil, err
		}
		if by != "" && !slices.Contains(shown, 0) { // what it counts by is not kept
			shown = slices.Insert(shown, 0, 0)
		}
		st.shown = shown
		st.chose()
	}
	for _, id := range s.Also {
		if c := columnIndex(st.specs, id); c >= 0 && def.holders != nil && !slices.Contains(st.shown, c) {
			st.shown = append(st.shown, c)
		}
	}
	st.sorting = model.Sorting{Column: columnIndex(st.specs, def.sort), Desc: def.desc}
	words := strings.Fields(s.Sort[def.name])
	if len(words) > 0 && len(withoutOtherCounts(def, st.specs, words[:1])) > 0 {
		c := findColumn(st.specs, words[0])
		if c < 0 {
			return nil, noColumn(st.specs, words[0])
		}
		st.sorting = model.Sorting{Column: c, Desc: st.specs[c].Desc}
		if len(words) > 1 {
			st.sorting.Desc = words[1] == "desc"
		}
	}
	return st, nil
}

// withoutOtherCounts leaves out the columns that only a count by something else has: what that one counts by.
func withoutOtherCounts(def *screen, specs []model.Spec, ids []string) []string {
	if def.name != "count" {
		return ids
	}
	sockets := model.Sockets().Specs()
	var kept []string
	for _, id := range ids {
		if findColumn(specs, id) >= 0 || findColumn(sockets, id) < 0 {
			kept = append(kept, id)
		}
	}
	return kept
}

func defaultColumns(specs []model.Spec) []int {
	var shown []int
	for i := range specs {
		if specs[i].Default {
			shown = append(shown, i)
		}
	}
	return shown
}

func columnsNamed(specs []model.Spec, ids []string) ([]int, error) {
	var shown []int
	for _, id := range ids {
		c := findColumn(specs, id)
		if c < 0 {
			return nil, noColumn(specs, id)
		}
		shown = append(shown, c)
	}
	return shown, nil
}

func noColumn(specs []model.Spec, name string) error {
	var ids []string
	for i := range specs {
		ids = append(ids, specs[i].ID)
	}
	return &StartError{fmt.Sprintf(`no column "%s"; allowed are %s`, model.SafeText(name), strings.Join(ids, " "))}
}

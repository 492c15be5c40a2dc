package ui

// Both ends, and every holder: from a connection to its other end inside the host, and who else has a socket in hand.

import (
	"fmt"
	"strings"

	"sockview/model"
)

// otherEnd goes to the row at the other end of a connection: from the details to its details, from the table to its
// row, or to its details where a filter hides the row.
func (a *App) otherEnd() {
	v, row := a.table.view, -1
	d := a.details()
	if d != nil && v != nil {
		row = v.rowOf(d.key, d.row)
	} else if at, ok := a.table.cursorRow(); ok {
		row = at
	}
	switch {
	case v == nil || row < 0:
		a.warn("there is no row")
		return
	case v.query.def.peer == nil:
		a.warn("what is listed here has no other end")
		return
	}
	to, _ := v.query.def.peer(v, row)
	if to < 0 {
		a.warn("its other end is not on this host, or not in sight")
		return
	}
	at, shown := v.find(v.rows.Key(to))
	if shown {
		a.state.moveTo(v, at)
	}
	if d != nil {
		a.closeOverlay()
	}
	if d != nil || !shown {
		a.openDetails(to)
	}
}

// otherEnd says who has the other end.
func (w *page) otherEnd(v *view, row int) {
	peer := v.query.def.peer
	if peer == nil {
		return
	}
	to, holding := peer(v, row)
	if to < 0 {
		return
	}
	who := "no process: " + holding.Why.String()
	if p := v.snapshot.Named(holding); p != nil {
		who = fmt.Sprintf("%s (%d)", p.Name, p.PID)
		if more := holding.Holders - 1; more > 0 {
			who += fmt.Sprintf(" and %d more", more)
		}
		if holding.Was {
			who = "was " + who
		}
	}
	if netns := v.query.def.netns; netns != nil && netns(v, to) != netns(v, row) {
		who += ", in network namespace " + v.snapshot.NetNSOf(netns(v, to)).Name.String()
	}
	w.head("Other end, in this host: " + who)
	w.text(v.query.def.heading(v, to))
}

// maxHolders is how many of the other holders a question names.
const maxHolders = 5

// alsoHeld names who else holds the sockets that a signal is about: they stay open when these processes end.
func (a *App) alsoHeld(victims []*model.Process) string {
	v := a.table.view
	if v == nil {
		return ""
	}
	seen := make(map[model.ProcessID]bool)
	for _, p := range victims {
		seen[model.ProcessID{PID: p.PID, Start: p.Start}] = true
	}
	var others []string
	add := func(all []*model.Process) {
		for _, p := range all {
			if id := (model.ProcessID{PID: p.PID, Start: p.Start}); !seen[id] && !p.Dead {
				seen[id] = true
				others = append(others, fmt.Sprintf("%s (%d)", p.Name, p.PID))
			}
		}
	}
	if def := v.query.def; def.holders != nil {
		for _, row := range a.subjects() {
			all, _ := def.holders(v, row)
			add(all)
		}
	} else {
		for _, r := range a.subjectSockets() {
			if r.Holders > 1 {
				add(v.snapshot.HoldersOf(r))
			}
		}
	}
	if len(others) == 0 {
		return ""
	}
	text := strings.Join(others[:min(len(others), maxHolders)], ", ")
	if more := len(others) - maxHolders; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + ": a shared socket stays open until all let go of it"
}

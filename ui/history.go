package ui

// The screen of closed connections.

import (
	"fmt"
	"strconv"

	"sockview/keymap"
	"sockview/model"
)

func historyScreen() *screen {
	return tableScreen(model.ClosedConnections(), model.Choice.ShowsPast, screen{
		title: "History", short: "Hist", action: keymap.ScreenHistory, sort: "closed", desc: true,
		chooses: choosesSockets, why: whyNoHistory, fill: historyFill,
		heading: func(v *view, row int) string {
			return fmt.Sprintf("%s %s - %s, closed", cellText(v, row, "proto"), cellEnd(v, row, "local", "lport"), cellEnd(v, row, "remote", "rport"))
		},
		about: aboutPast,
	})
}

// historyFill says how many closed connections there are of how many that are kept.
func historyFill(s *model.Snapshot) string {
	return strconv.Itoa(len(s.History)) + " of " + strconv.Itoa(s.HistoryRoom)
}

// whyNoHistory says why there is no closed connection.
func whyNoHistory(s *model.Snapshot) string {
	if s.HistoryRoom == 0 {
		return "none: none is kept (--history 0)"
	}
	for i := range s.Sources {
		if src := &s.Sources[i]; src.Name == "closings" && src.Absent {
			return "nothing was seen to close since sockview started; short connections are missed: " + model.SafeText(src.Err.Error()).String()
		}
	}
	return "nothing has closed since sockview started"
}

func aboutPast(_ *App, w *page, v *view, row int) {
	s, r := v.snapshot, &v.snapshot.History[row]
	end := r.End.String()
	if r.End == model.EndUnknown {
		end = "closed"
	}
	w.head("How it ended: " + end)
	w.text(model.ExplainEnd(r))
	for _, text := range model.ExplainPast(r) {
		w.text(text)
	}
	d := s.DepartedOf(r)
	if d == nil {
		w.head("Process")
		w.text("Not known: " + r.Why.String() + ".")
		return
	}
	title := fmt.Sprintf("Process %s (%d)", d.Name, d.PID)
	if r.Inferred {
		title = "Most likely p" + title[1:]
	}
	w.head(title)
	w.field("user", fmt.Sprintf("%s (uid %d)", s.UserName(d.UID).Text, d.UID))
	for _, f := range []struct {
		name string
		text model.Text
	}{{"unit", d.Unit}, {"container", d.Container}, {"its id", d.ContainerID}, {"namespace", d.NetNS}} {
		if !f.text.Empty() {
			w.field(f.name, f.text.String())
		}
	}
}

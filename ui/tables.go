package ui

// The screens of netstat's other tables. Each is its table, what the toggles choose of it, and what its page says
// about a row beyond its columns.

import (
	"fmt"
	"slices"
	"strings"

	"sockview/keymap"
	"sockview/model"
)

// tableScreen makes a screen of a table whose rows stand for themselves. shows says whether a row is chosen.
func tableScreen[R any](t *model.Table[R], shows func(model.Choice, *R) bool, s screen) *screen {
	s.name = t.Name
	s.specs = func(string) []model.Spec { return t.Specs() }
	s.scopes = func(string) []model.Scope { return []model.Scope{{Name: t.Name, Specs: t.Specs()}} }
	s.compile = func(q *query) selection {
		match, m := model.Matcher(q.filter, 0, t, q.format), q.memory()
		return func(s *model.Snapshot, order []int32) (model.Rows, []int32, int) {
			rows := t.Rows(s)
			total := 0
			for _, i := range t.Ready(m, rows, 0, q.sorting) {
				r := &rows[i]
				if t.Change(s, r) != model.Closed {
					total++
				}
				if shows(q.choice, r) && (match == nil || match(s, r)) {
					order = append(order, i)
				}
			}
			t.SortWith(m, s, rows, order, q.sorting)
			return model.Bind(t, s, rows), order, total
		}
	}
	base := s
	s.tally = func(by int) *screen { return tallyScreen(t, &base, by) }
	return &s
}

// tallyName is what a count of a table's rows is called; nobody can ask for a screen of that name.
const tallyName = "tally"

// tallyScreen counts the rows of a screen by a column.
func tallyScreen[R any](t *model.Table[R], base *screen, by int) *screen {
	counts := model.Tallies(t.Columns[by].Spec)
	s := *base
	s.name, s.sort, s.desc, s.leads, s.tally = tallyName, "rows", true, base.name, nil
	column := t.Columns[by].Spec
	s.title += " by " + column.ID
	s.about, s.heading, s.holders, s.peer, s.netns = nil, nil, nil, nil, nil
	s.open = func(v *view, row int) string {
		return column.ID + "=" + model.FilterValue(column.Kind, v.rows.Value(row, 0))
	}
	s.specs = func(string) []model.Spec { return counts.Specs() }
	s.scopes = func(string) []model.Scope {
		return []model.Scope{{Name: "counts", Specs: counts.Specs()}, {Name: t.Name, Specs: t.Specs()}}
	}
	s.compile = func(q *query) selection {
		under := *q
		under.sorting = model.Sorting{Column: model.AsRead}
		below := model.Matcher(q.filter, 1, t, q.format)
		match := model.Matcher(q.filter, 0, counts, q.format)
		under.filter = nil
		chosen := base.compile(&under)
		return func(s *model.Snapshot, order []int32) (model.Rows, []int32, int) {
			_, all, _ := chosen(s, nil)
			rows := t.Rows(s)
			all = slices.DeleteFunc(all, func(i int32) bool {
				return t.Change(s, &rows[i]) == model.Closed || below != nil && !below(s, &rows[i])
			})
			tallies := model.TallyBy(t, s, rows, all, by)
			for i := range tallies {
				if match == nil || match(s, &tallies[i]) {
					order = append(order, int32(i))
				}
			}
			counts.Sort(s, tallies, order, q.sorting)
			return model.Bind(counts, s, tallies), order, len(tallies)
		}
	}
	return &s
}

// chooseFamily is what the toggles choose where rows have a family and nothing else.
func chooseFamily(c model.Choice) model.Choice { return model.Choice{Family: c.Family} }

func unixScreen() *screen {
	return tableScreen(model.Unix(), model.Choice.ShowsUnix, screen{
		title: "Unix", short: "Unix", action: keymap.ScreenUnix, sort: "process", tables: model.TableUnix,
		chooses: func(c model.Choice) model.Choice { return model.Choice{Listen: c.Listen} },
		heading: func(v *view, row int) string {
			r := &v.snapshot.Unix[row]
			if r.Path.Empty() {
				return fmt.Sprintf("unix %s %d %s", r.Type, r.Inode, r.State)
			}
			return fmt.Sprintf("unix %s %s %s", r.Type, r.Path, r.State)
		},
		netns: func(v *view, row int) uint16 { return v.snapshot.Unix[row].NetNS },
		peer: func(v *view, row int) (int, *model.Holding) {
			r := &v.snapshot.Unix[row]
			o := v.snapshot.PeerOf(r)
			if o == nil {
				return -1, nil
			}
			return int(r.Peer), &o.Holding
		},
		holders: func(v *view, row int) ([]*model.Process, *model.Holding) {
			r := &v.snapshot.Unix[row]
			return v.snapshot.HoldersOfUnix(r), &r.Holding
		},
		about: func(_ *App, w *page, v *view, row int) {
			s, r := v.snapshot, &v.snapshot.Unix[row]
			w.head("State: " + r.State.String())
			w.text(model.ExplainUnix(r))
			w.otherEnd(v, row)
			if detail := v.detail; detail != nil && detail.Key == v.rows.Key(row) {
				w.processes(s, &r.Holding, detail)
			}
			w.netns(s, r.NetNS)
		},
	})
}

func linksScreen() *screen {
	return tableScreen(model.Links(), func(model.Choice, *model.Link) bool { return true }, screen{
		title: "Interfaces", short: "Ifs", action: keymap.ScreenInterfaces, tables: model.TableLinks,
		chooses: func(model.Choice) model.Choice { return model.Choice{} },
		heading: func(v *view, row int) string { return "interface " + v.snapshot.Links[row].Name.String() },
		about: func(_ *App, w *page, v *view, row int) {
			r := &v.snapshot.Links[row]
			w.head("State: " + r.State.String())
			w.text(model.ExplainLink(r))
			w.plot(r.Trend.Sent[:r.Trend.Length], r.Trend.Received[:r.Trend.Length], v.snapshot.Interval)
			w.head("Addresses")
			for i := range r.Addrs {
				w.text(r.Addrs[i].String())
			}
			if len(r.Addrs) == 0 {
				w.text("none")
			}
		},
	})
}

func routesScreen() *screen {
	shows := func(c model.Choice, r *model.Route) bool { return c.ShowsFamily(r.Family) }
	return tableScreen(model.Routes(), shows, screen{
		title: "Routes", short: "Rt", action: keymap.ScreenRoutes, tables: model.TableRoutes, chooses: chooseFamily,
		heading: func(v *view, row int) string {
			text := "route to " + cellText(v, row, "destination")
			if r := &v.snapshot.Routes[row]; r.HasGateway {
				text += " via " + cellText(v, row, "gateway")
			}
			return text
		},
		about: func(_ *App, w *page, v *view, row int) {
			r := &v.snapshot.Routes[row]
			w.head("What it does")
			w.text(model.ExplainRoute(r))
			w.head("Flags: " + r.FlagLetters())
			for _, text := range r.ExplainFlags() {
				w.text(text)
			}
		},
	})
}

func statisticsScreen() *screen {
	return tableScreen(model.Statistics(), model.Choice.ShowsStatistic, screen{
		title: "Statistics", short: "Stat", action: keymap.ScreenStatistics, tables: model.TableStatistics,
		chooses: func(c model.Choice) model.Choice {
			return model.Choice{TCP: c.TCP, UDP: c.UDP, UDPLite: c.UDPLite, Raw: c.Raw, Family: c.Family, Changing: c.Changing}
		},
		heading: func(v *view, row int) string {
			r := &v.snapshot.Statistics[row]
			return r.Group.String() + " " + r.Name.String()
		},
		about: func(_ *App, w *page, v *view, row int) {
			r := &v.snapshot.Statistics[row]
			w.head("What it counts")
			if help := r.Help(); help != "" {
				w.text(help)
			} else {
				w.text("The kernel has a name for it; there is no explanation of it here.")
			}
		},
	})
}

func groupsScreen() *screen {
	shows := func(c model.Choice, r *model.Membership) bool { return c.ShowsFamily(r.Family) }
	return tableScreen(model.Memberships(), shows, screen{
		title: "Groups", short: "Grp", action: keymap.ScreenGroups, tables: model.TableGroups, chooses: chooseFamily,
		heading: func(v *view, row int) string {
			r := &v.snapshot.Groups[row]
			if r.Family == 0 {
				return "group " + r.Hardware.String() + " on " + r.LinkName.String()
			}
			return "group " + cellText(v, row, "group") + " on " + r.LinkName.String()
		},
		about: func(_ *App, w *page, v *view, row int) {
			w.head("What it is")
			w.text(model.ExplainMembership(&v.snapshot.Groups[row]))
		},
	})
}

func flowsScreen() *screen {
	return tableScreen(model.Flows(), model.Choice.ShowsFlow, screen{
		none:  "no connection is tracked now; only where a rule of the namespace asks for it any is",
		title: "NAT", short: "NAT", action: keymap.ScreenNAT, sort: "src", tables: model.TableFlows,
		chooses: func(c model.Choice) model.Choice {
			return model.Choice{TCP: c.TCP, UDP: c.UDP, UDPLite: c.UDPLite, SCTP: c.SCTP, Raw: c.Raw, Family: c.Family, Translated: c.Translated}
		},
		heading: func(v *view, row int) string {
			text := fmt.Sprintf("%s %s - %s", cellText(v, row, "proto"), cellEnd(v, row, "src", "sport"), cellEnd(v, row, "dst", "dport"))
			if state := v.snapshot.Flows[row].StateName(); state != "" {
				text += " " + state
			}
			return text
		},
		about: func(_ *App, w *page, v *view, row int) {
			w.head("What is translated")
			for _, text := range model.ExplainFlow(&v.snapshot.Flows[row]) {
				w.text(text)
			}
		},
	})
}

// cellEnd is an address and a port, of a protocol that has ports.
func cellEnd(v *view, row int, host, port string) string {
	text, number := cellText(v, row, host), cellText(v, row, port)
	if number == "-" {
		return text
	}
	if strings.Contains(text, ":") {
		text = "[" + text + "]"
	}
	return text + ":" + number
}

// cellText is what a column says of a row, in numbers.
func cellText(v *view, row int, id string) string {
	specs := v.query.def.specs("")
	c := columnIndex(specs, id)
	return string((&model.Formatter{}).Append(nil, specs[c].Kind, v.rows.Value(row, c)))
}

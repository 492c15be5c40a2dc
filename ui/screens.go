package ui

// What each screen is. A screen is data: where its rows come from, what they are sorted by at first, where Enter
// leads.

import (
	"slices"
	"strings"

	"sockview/keymap"
	"sockview/model"
)

// screen describes one screen.
type screen struct {
	name   string // as --screen and the config say it
	title  string // as the tab says it
	short  string // the same on a narrow screen
	action keymap.Action
	sort   string // column it is sorted by at first
	desc   bool

	specs func(by string) []model.Spec
	// scopes are what its filter may ask about: its own rows, then the sockets below them.
	scopes  func(by string) []model.Scope
	compile func(q *query) selection
	// open is the filter that shows a row's sockets; nil where Enter opens the row itself.
	open func(v *view, row int) string

	// leads is the screen that open's filter is for.
	leads string
	// tally is a screen of how many of its rows have each value of a column; nil where the count screen does that.
	tally func(by int) *screen

	none string // why there may be no row, when nothing failed and nothing is left out
	// why is why there is no row, when nothing is left out; nil: the sources that failed and none say it.
	why func(*model.Snapshot) string
	// fill is said beside the title while it is on show; nil says nothing.
	fill   func(*model.Snapshot) string
	tables model.Tables // what the sampler has to read for it, besides the sockets of the status line
	// chooses is what of the toggles chooses among its rows.
	chooses func(model.Choice) model.Choice
	// about writes the page about a row; nil where Enter leads elsewhere.
	about func(a *App, w *page, v *view, row int)
	// heading is the title of that page.
	heading func(v *view, row int) string
	// holders are the processes that hold what a row is; nil where a row is not held.
	holders func(v *view, row int) ([]*model.Process, *model.Holding)
	// netns is the place of a row's network namespace; nil where rows are of none.
	netns func(v *view, row int) uint16
	// peer is the row at the other end and who holds that, -1 where it is not among these; nil where rows have no ends.
	peer func(v *view, row int) (int, *model.Holding)
}

// ofSockets says whether its rows stand for sockets of the table of sockets.
func (s *screen) ofSockets() bool { return s.open != nil && s.leads == "sockets" }

// isSockets says whether its rows are sockets of the table of sockets.
func (s *screen) isSockets() bool { return s.name == "sockets" }

// countFirst is what the count screen counts by until the user says otherwise.
const countFirst = "state"

func screens() []*screen {
	sockets := model.Sockets()
	processes := model.Processes()
	return []*screen{
		{
			name: "sockets", title: "Sockets", short: "Sock", action: keymap.ScreenSockets, sort: "process",
			specs:   func(string) []model.Spec { return sockets.Specs() },
			scopes:  func(string) []model.Scope { return []model.Scope{{Name: "sockets", Specs: sockets.Specs()}} },
			compile: selectSockets, chooses: choosesSockets, about: aboutSocket,
			peer: func(v *view, row int) (int, *model.Holding) {
				o := v.snapshot.OtherEnd(&v.snapshot.Sockets[row])
				if o == nil {
					return -1, nil
				}
				return v.rowOf(model.SocketKey(v.snapshot, o), -1), &o.Holding
			},
			heading: func(v *view, row int) string { return targetText(v.snapshot.Sockets[row].Target()) },
			netns:   func(v *view, row int) uint16 { return v.snapshot.Sockets[row].NetNS },
			holders: func(v *view, row int) ([]*model.Process, *model.Holding) {
				r := &v.snapshot.Sockets[row]
				return v.snapshot.HoldersOf(r), &r.Holding
			},
		},
		{
			name: "processes", title: "Processes", short: "Proc", action: keymap.ScreenProcesses, sort: "tx", desc: true,
			specs: func(string) []model.Spec { return processes.Specs() },
			scopes: func(string) []model.Scope {
				return []model.Scope{{Name: "processes", Specs: processes.Specs()}, {Name: "sockets", Specs: sockets.Specs()}}
			},
			compile: selectProcesses, chooses: choosesSockets, leads: "sockets",
			open: func(v *view, row int) string {
				return "pid=" + model.FilterValue(model.KindNumber, v.rows.Value(row, columnIndex(processes.Specs(), "pid")))
			},
		},
		groupScreen("hosts", "Hosts", keymap.ScreenHosts),
		groupScreen("count", "Count", keymap.ScreenCount),
		unixScreen(), linksScreen(), routesScreen(), statisticsScreen(), groupsScreen(), flowsScreen(),
		containersScreen(), historyScreen(),
	}
}

// groupedBy is the column that a screen groups sockets by, where that is always the same one; "" for any other screen.
func groupedBy(name string) string {
	switch name {
	case "hosts":
		return "remote"
	case "containers":
		return "workload"
	}
	return ""
}

// groupScreen is a screen of sockets counted by a column. Hosts is the one by remote address, Containers the one by what
// runs them.
func groupScreen(name, title string, action keymap.Action) *screen {
	return &screen{
		name: name, title: title, short: title, action: action, sort: "sockets", desc: true,
		specs: func(by string) []model.Spec { return groupTable(name, by).Specs() },
		scopes: func(by string) []model.Scope {
			return []model.Scope{
				{Name: name, Specs: groupTable(name, by).Specs()},
				{Name: "sockets", Specs: model.Sockets().Specs()},
			}
		},
		compile: selectGroups, chooses: choosesSockets, leads: "sockets",
		open: func(v *view, row int) string {
			return groupFilter(v.query.by, v.rows.Value(row, 0))
		},
	}
}

// containersScreen counts the sockets of each container, pod and unit.
func containersScreen() *screen {
	s := groupScreen("containers", "Containers", keymap.ScreenContainers)
	s.short = "Cont"
	return s
}

// groupFilter is the filter for the sockets that have this value.
func groupFilter(by string, value model.Value) string {
	spec := model.Sockets().Specs()[columnIndex(model.Sockets().Specs(), by)]
	if spec.Kind == model.KindState && value.Why == model.Known && model.State(value.Num) == model.Close {
		return by + "~^" + string((&model.Formatter{}).Append(nil, spec.Kind, value)) + "$" // TCP's word, or UDP's for it
	}
	return by + "=" + model.FilterValue(spec.Kind, value)
}

func groupTable(name, by string) *model.Table[model.Group] {
	sockets := model.Sockets()
	spec := sockets.Columns[columnIndex(sockets.Specs(), by)].Spec
	switch name {
	case "hosts":
		return model.Groups(name, spec, "HOST")
	case "containers":
		return model.Groups(name, spec, "CONTAINER OR UNIT")
	}
	return model.Groups(name, spec)
}

// columnIndex is where the column with this id is; -1 when there is none.
func columnIndex(specs []model.Spec, id string) int {
	return slices.IndexFunc(specs, func(s model.Spec) bool { return s.ID == id })
}

// findColumn takes a column as people name it: by id, title or alias, in any case.
func findColumn(specs []model.Spec, name string) int {
	name = strings.ToLower(strings.TrimSpace(name))
	if i := columnIndex(specs, name); i >= 0 {
		return i
	}
	return slices.IndexFunc(specs, func(s model.Spec) bool {
		return strings.ToLower(s.Title) == name || slices.Contains(s.Aliases, name)
	})
}

// overtakenEvery is after how many sockets the choice looks whether anybody still wants it.
const overtakenEvery = 4096

// chooseSockets appends those of the sockets with these indices, nil for all as they were read, that the toggles and the
// filter let through.
func chooseSockets(s *model.Snapshot, of []int32, q *query, match func(*model.Snapshot, *model.Socket) bool, order []int32) []int32 {
	all := q.choice.Everything() && match == nil
	choose := func(i int32) {
		if r := &s.Sockets[i]; all || q.choice.Shows(r) && (match == nil || match(s, r)) {
			order = append(order, i)
		}
	}
	for n := range s.Sockets {
		if n%overtakenEvery == 0 && q.overtaken != nil && q.overtaken() {
			return order[:0]
		}
		if of != nil {
			choose(of[n])
		} else {
			choose(int32(n))
		}
	}
	return order
}

// choosesSockets is what the toggles choose where rows are sockets, or what is counted from them.
func choosesSockets(c model.Choice) model.Choice {
	c.Changing, c.Translated = false, false
	return c
}

func selectSockets(q *query) selection {
	t, m := model.Sockets(), q.memory()
	match := model.Matcher(q.filter, 0, t, q.format)
	var last []int32 // how the rows stood, in epoch
	var epoch uint64
	// Without a filter, and sorted by who a row is, the rows stand as they stood until one comes or goes.
	column := q.sorting.Column
	steady := match == nil && column >= 0 && column < len(t.Columns) && t.Columns[column].Steady
	return func(s *model.Snapshot, order []int32) (model.Rows, []int32, int) {
		if steady && s.Epoch != 0 && s.Epoch == epoch {
			return model.Bind(t, s, s.Sockets), append(order, last...), s.Counts.Endpoints
		}
		order = chooseSockets(s, t.Ready(m, s.Sockets, s.Epoch, q.sorting), q, match, order)
		t.SortWith(m, s, s.Sockets, order, q.sorting)
		if steady {
			last, epoch = append(last[:0], order...), s.Epoch
		}
		return model.Bind(t, s, s.Sockets), order, s.Counts.Endpoints
	}
}

func selectProcesses(q *query) selection {
	sockets, t, m := model.Sockets(), model.Processes(), q.memory()
	below := model.Matcher(q.filter, 1, sockets, q.format)
	match := model.Matcher(q.filter, 0, t, q.format)
	var buffer []int32
	return func(s *model.Snapshot, order []int32) (model.Rows, []int32, int) {
		rows := s.Processes
		if below != nil || !q.choice.Everything() {
			buffer = chooseSockets(s, nil, q, below, buffer[:0])
			rows = model.ProcessesOf(s, buffer)
		}
		total := 0
		for _, i := range t.Ready(m, rows, 0, q.sorting) {
			if p := &rows[i]; p.Shown(s) {
				total++
				if match == nil || match(s, p) {
					order = append(order, i)
				}
			}
		}
		t.SortWith(m, s, rows, order, q.sorting)
		return model.Bind(t, s, rows), order, total
	}
}

// addClosed has the closed connections of a host, or of what runs them, counted too: those that the toggles and the filter would
// let through. Where the filter asks what is not known of closed ones (a state, a rate), it is the live ones that it is about.
func addClosed(g *model.Grouper, q *query) {
	if q.unasked {
		return
	}
	closed := model.ClosedConnections()
	by := &closed.Columns[columnIndex(closed.Specs(), q.by)]
	match, choice := model.Matcher(q.past, 0, closed, q.format), q.choice
	if match == nil && choice.Everything() {
		g.AddClosed(by, nil)
		return
	}
	g.AddClosed(by, func(s *model.Snapshot, r *model.Past) bool {
		return choice.ShowsPast(r) && (match == nil || match(s, r))
	})
}

func selectGroups(q *query) selection {
	sockets, t, m := model.Sockets(), groupTable(q.def.name, q.by), q.memory()
	column := &sockets.Columns[columnIndex(sockets.Specs(), q.by)]
	below := model.Matcher(q.filter, 1, sockets, q.format)
	match := model.Matcher(q.filter, 0, t, q.format)
	grouper := model.NewGrouper(column)
	if q.def.name == "hosts" {
		grouper = model.NewHostGrouper(column)
	}
	if groupedBy(q.def.name) != "" {
		addClosed(grouper, q)
	}
	var buffer []int32
	return func(s *model.Snapshot, order []int32) (model.Rows, []int32, int) {
		buffer = chooseSockets(s, nil, q, below, buffer[:0])
		rows := grouper.Group(s, buffer)
		for _, i := range t.Ready(m, rows, 0, q.sorting) {
			if match == nil || match(s, &rows[i]) {
				order = append(order, i)
			}
		}
		t.SortWith(m, s, rows, order, q.sorting)
		return model.Bind(t, s, rows), order, len(rows)
	}
}

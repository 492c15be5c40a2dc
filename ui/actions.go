package ui

// What each key does on a screen. Keys are data (package keymap); this is the other half of the table.

import (
	"fmt"
	"slices"
	"strings"

	"sockview/keymap"
	"sockview/model"
)

// handlers say what an action does when no overlay took it.
var handlers = map[keymap.Action]func(*App){
	keymap.MoveUp:       func(a *App) { a.move(-1) },
	keymap.MoveDown:     func(a *App) { a.move(1) },
	keymap.HalfPageUp:   func(a *App) { a.move(-a.page() / 2) },
	keymap.HalfPageDown: func(a *App) { a.move(a.page() / 2) },
	keymap.PageUp:       func(a *App) { a.move(-a.page()) },
	keymap.PageDown:     func(a *App) { a.move(a.page()) },
	keymap.MoveTop:      func(a *App) { a.state.toTop(a.table.view) },
	keymap.MoveBottom:   func(a *App) { a.state.moveTo(a.table.view, a.table.len()-1) },
	keymap.ScrollLeft:   func(a *App) { a.state.left = max(0, a.state.left-1) },
	keymap.ScrollRight:  (*App).scrollRight,
	keymap.Open:         (*App).open,
	keymap.Back:         (*App).back,
	keymap.Cancel:       (*App).pop,
	keymap.HelpClose:    (*App).pop,

	keymap.ToggleTCP:     func(a *App) { a.choose(func(c *model.Choice) { c.TCP = !c.TCP }) },
	keymap.ToggleUDP:     func(a *App) { a.choose(func(c *model.Choice) { c.UDP = !c.UDP }) },
	keymap.ToggleRaw:     func(a *App) { a.choose(func(c *model.Choice) { c.Raw = !c.Raw }) },
	keymap.ToggleUDPLite: func(a *App) { a.choose(func(c *model.Choice) { c.UDPLite = !c.UDPLite }) },
	keymap.Family:        func(a *App) { a.choose(nextFamily) },
	keymap.Listening:     func(a *App) { a.choose(func(c *model.Choice) { c.Listen = (c.Listen + 1) % 3 }) },
	keymap.HideUnchanged: func(a *App) { a.choose(func(c *model.Choice) { c.Changing = !c.Changing }) },
	keymap.ShowAll:       (*App).showAll,
	keymap.Numeric:       (*App).toggleNames,
	keymap.Columns:       (*App).pickColumns,
	keymap.NetNS:         (*App).pickNetNS,

	keymap.FilterRows:     (*App).typeFilter,
	keymap.FilterComplete: (*App).completeFilter,
	keymap.Sort:           (*App).pickSort,
	keymap.SortPrevious:   func(a *App) { a.sortNeighbour(-1) },
	keymap.SortNext:       func(a *App) { a.sortNeighbour(1) },
	keymap.SortReverse:    func(a *App) { a.state.sorting.Desc = !a.state.sorting.Desc; a.ask() },
	keymap.CountBy:        (*App).pickCount,

	keymap.OtherEnd:  (*App).otherEnd,
	keymap.Kill:      (*App).kill,
	keymap.Close:     (*App).closeSockets,
	keymap.MarkRow:   (*App).mark,
	keymap.UnmarkAll: func(a *App) { clear(a.state.marks) },
	keymap.Copy:      (*App).copy,
	keymap.Export:    (*App).export,

	keymap.Pause:           (*App).pause,
	keymap.SampleNow:       func(a *App) { a.demand.Now++; a.want() },
	keymap.IntervalLonger:  func(a *App) { a.changeInterval(1) },
	keymap.IntervalShorter: func(a *App) { a.changeInterval(-1) },

	keymap.ScreenSockets:    func(a *App) { a.jump("sockets") },
	keymap.ScreenProcesses:  func(a *App) { a.jump("processes") },
	keymap.ScreenHosts:      func(a *App) { a.jump("hosts") },
	keymap.ScreenCount:      func(a *App) { a.jump("count") },
	keymap.ScreenUnix:       func(a *App) { a.jump("unix") },
	keymap.ScreenInterfaces: func(a *App) { a.jump("interfaces") },
	keymap.ScreenRoutes:     func(a *App) { a.jump("routes") },
	keymap.ScreenStatistics: func(a *App) { a.jump("statistics") },
	keymap.ScreenGroups:     func(a *App) { a.jump("groups") },
	keymap.ScreenNAT:        func(a *App) { a.jump("nat") },
	keymap.ScreenHistory:    func(a *App) { a.jump("history") },
	keymap.ScreenContainers: func(a *App) { a.jump("containers") },
	keymap.ScreenNext:       func(a *App) { a.stepScreen(1) },
	keymap.ScreenPrevious:   func(a *App) { a.stepScreen(-1) },

	keymap.Help:      (*App).help,
	keymap.Mouse:     func(a *App) { a.mouse = !a.mouse; a.tv.EnableMouse(a.mouse); a.say(onOff("mouse", a.mouse)) },
	keymap.Redraw:    func(a *App) { a.table.remeasure(); a.cfg.Screen.Sync() },
	keymap.Suspend:   (*App).suspend,
	keymap.Quit:      (*App).quit,
	keymap.Interrupt: (*App).Stop,
}

func onOff(what string, on bool) string {
	if on {
		return what + " on"
	}
	return what + " off"
}

// page is how many rows the table has room for.
func (a *App) page() int {
	_, _, _, height := a.table.GetInnerRect()
	return max(1, height-1)
}

func (a *App) move(by int) { a.state.moveTo(a.table.view, a.state.cursorAt+by) }

func (a *App) scrollRight() {
	placed, shown := a.table.placed, a.state.shown
	if a.state.left == 0 && len(placed) == len(shown) {
		return // all are in sight
	}
	last := len(placed) > 0 && placed[len(placed)-1].column == shown[len(shown)-1]
	if a.state.left > 0 && last && len(placed) > 2 {
		return // the last one is
	}
	a.state.left = min(a.state.left+1, len(shown)-1)
}

// open shows all about a socket, or the sockets of any other row.
func (a *App) open() {
	row, ok := a.table.cursorRow()
	if !ok {
		return
	}
	if a.state.def.open == nil {
		a.openDetails(row)
		return
	}
	words := []string{a.state.def.open(a.table.view, row)}
	if below := a.state.filter.Source(1); below != "" {
		words = append(words, below)
	}
	filter := strings.Join(words, " ")
	a.leave(a.state)
	a.goScreen(a.state.def.leads)
	a.state.atTop = true
	if err := a.state.setFilter(filter); err != nil {
		a.warn(err.Error())
	}
	a.ask()
}

// back closes what lies on top, else goes to the screen before, else clears the filter.
func (a *App) back() {
	switch {
	case len(a.overlays) > 0:
		a.closeOverlay()
	case len(a.trail) > 0:
		n := len(a.trail) - 1
		st := a.trail[n]
		a.trail = a.trail[:n]
		a.clearFilter()
		a.goTo(st)
	default:
		a.clearFilter()
	}
}

func (a *App) closeOverlay() {
	a.pop()
	if len(a.overlays) == 0 && a.demand.Focus != (model.Key{}) {
		a.demand.Focus = model.Key{}
		a.want()
		a.ask()
	}
}

func (a *App) clearFilter() {
	if a.state.filterText != "" {
		a.state.setFilter("") //nolint:errcheck // the empty filter is right
		a.ask()
	}
}

// choose changes what the toggles choose. Where that would choose nothing among the rows on show, it says so and
// changes nothing: a key must not act on a screen that is not looked at.
func (a *App) choose(change func(*model.Choice)) {
	changed := a.choice
	change(&changed)
	if def := a.state.def; def.chooses(changed) == def.chooses(a.choice) {
		a.warn("this key chooses nothing among " + strings.ToLower(def.title))
		return
	}
	a.choice = changed
	a.ask()
}

func nextFamily(c *model.Choice) {
	switch c.Family {
	case 0:
		c.Family = model.IPv4
	case model.IPv4:
		c.Family = model.IPv6
	default:
		c.Family = 0
	}
}

func (a *App) showAll() {
	a.choice = model.Choice{}
	a.state.setFilter("") //nolint:errcheck // the empty filter is right
	a.ask()
}

func (a *App) toggleNames() {
	if a.format == a.named {
		a.format = a.numbers
		a.say("addresses and ports as numbers")
	} else {
		a.format = a.named
		a.say("addresses and ports by name, as they get known")
	}
	a.table.format = a.format
	a.table.remeasure()
	a.ask()
}

func (a *App) goScreen(name string) {
	if err := a.enter(name, ""); err != nil {
		a.warn(err.Error())
	}
}

func (a *App) stepScreen(by int) {
	at := slices.IndexFunc(a.screens, func(s *screen) bool { return s.action == a.state.def.action })
	a.jump(a.screens[(at+by+len(a.screens))%len(a.screens)].name)
}

// jump goes to a screen that was asked for by name: out of the details, and not to come back from.
func (a *App) jump(name string) {
	for len(a.overlays) > 0 {
		a.closeOverlay()
	}
	a.trail = nil
	a.goScreen(name)
}

// sortBy sorts by a column; the one it is sorted by already, the other way.
func (a *App) sortBy(column int) {
	if a.state.sorting.Column == column {
		a.state.sorting.Desc = !a.state.sorting.Desc
	} else {
		a.state.sorting = model.Sorting{Column: column, Desc: a.state.specs[column].Desc}
	}
	a.ask()
}

// sortNeighbour sorts by the column beside the one it is sorted by.
func (a *App) sortNeighbour(by int) {
	at := slices.Index(a.state.shown, a.state.sorting.Column)
	if at < 0 && by < 0 {
		at = 0 // from a column that is not shown to the last
	}
	n := len(a.state.shown)
	a.sortBy(a.state.shown[((at+by)%n+n)%n])
}

func (a *App) pickSort() {
	items := make([]pick, len(a.state.specs))
	for i := range a.state.specs {
		items[i] = pick{name: a.columnName(i), help: a.state.specs[i].Help}
	}
	p := newPicker(&a.theme, "Sort by", items, a.state.sorting.Column)
	p.chosen = func(at int) {
		a.pop()
		a.sortBy(at)
	}
	a.push(p)
}

func (a *App) columnName(c int) string { return a.state.specs[c].ID }

// pickColumns lets columns be ticked; the choice is kept in the config.
func (a *App) pickColumns() {
	st := a.state
	items := make([]pick, len(st.specs))
	for i := range st.specs {
		items[i] = pick{name: st.specs[i].ID, help: st.specs[i].Help, on: slices.Contains(st.shown, i)}
	}
	p := newPicker(&a.theme, "Columns (Space ticks, Enter keeps)", items, 0)
	p.ticks = true
	p.width += 4
	p.ticked = func(at int) {
		if !a.toggleColumn(st, at) {
			p.items[at].on = true
		}
	}
	p.chosen = func(int) {
		a.pop()
		a.saveColumns(st)
	}
	a.push(p)
}

// toggleColumn shows or hides a column. A new one goes where the table of columns has it.
func (a *App) toggleColumn(st *screenState, c int) bool {
	if len(st.shown) == 1 && st.shown[0] == c {
		return false // a table needs a column
	}
	st.chose()
	st.toggle(c)
	st.lookAgain()
	a.table.remeasure()
	a.ask()
	return true
}

func (a *App) saveColumns(st *screenState) {
	if a.cfg.SaveColumns == nil || st.def.name == tallyName { // what a table is counted by is another the next time
		return
	}
	var ids []string
	for _, c := range st.shown {
		if st.def.name != "count" || c != 0 { // what it counts by is another column the next time
			ids = append(ids, st.specs[c].ID)
		}
	}
	if len(ids) == 0 {
		ids = []string{"sockets"}
	}
	if err := a.cfg.SaveColumns(st.def.name, ids); err != nil {
		a.warn("columns are not kept: " + model.SafeText(err.Error()).String() + a.whyNotRoot(err))
		return
	}
	st.chose()
	a.say("columns kept in the config")
}

// pickCount asks for the column to count by: one of the sockets, or of the table on show.
func (a *App) pickCount() {
	def := a.state.def
	what, specs, count := "sockets", model.Sockets().Specs(), a.countBy
	if def.tally != nil {
		what, specs, count = strings.ToLower(def.title), def.specs(""), a.tallyBy
	}
	if !def.isSockets() && def.tally == nil && !def.ofSockets() {
		a.warn("these are counts already; Esc goes back")
		return
	}
	items := make([]pick, len(specs))
	for i := range specs {
		items[i] = pick{name: specs[i].ID, help: specs[i].Help}
	}
	p := newPicker(&a.theme, "Count "+what+" by", items, columnIndex(specs, "state"))
	p.chosen = func(at int) {
		a.pop()
		count(specs[at].ID)
	}
	a.push(p)
}

// tallyBy goes to the count of the rows on show by a column of theirs.
func (a *App) tallyBy(id string) {
	from := a.state
	key := from.def.name + ":" + id
	st, ok := a.states[key]
	if !ok {
		var err error
		if st, err = a.cfg.Start.newState(from.def.tally(columnIndex(from.specs, id)), "", a.servicePort()); err != nil {
			a.warn(err.Error())
			return
		}
		a.states[key] = st
	}
	a.leave(from)
	filter := from.filter.Source(0)
	a.goTo(st)
	if err := st.setFilter(filter); err != nil {
		a.warn(err.Error())
	}
	a.ask()
}

// countBy goes to the count by a column, of the sockets that the filter lets through here.
func (a *App) countBy(id string) {
	from, scope := a.state, 1
	if from.def.isSockets() {
		scope = 0
	}
	filter := ""
	if from.def.isSockets() || from.def.ofSockets() {
		filter = from.filter.Source(scope)
	}
	if err := a.enter("count", id); err != nil {
		a.warn(err.Error())
		return
	}
	if from.def.name != "count" {
		a.leave(from)
	}
	if err := a.state.setFilter(filter); err != nil {
		a.warn(err.Error())
	}
	a.ask()
}

// typeFilter opens the filter line. What is typed acts at once; while it is wrong the last right one does.
func (a *App) typeFilter() {
	st := a.state
	apply := func(text string) {
		if st.setFilter(text) == nil {
			a.ask()
		}
	}
	a.input.ask(keymap.FilterLine, "/", st.filterText, apply,
		func(text string) {
			if st.filterErr != nil {
				return // the mistake stays in sight until it is mended or the filter cleared
			}
			a.pop()
		},
		func() {
			a.pop()
			a.clearFilter()
		})
	a.push(a.input)
}

// completeFilter completes the field, value or word before the cursor as far as it is certain.
func (a *App) completeFilter() {
	text := a.input.GetText()
	options := model.Complete(text, len(text), a.state.scopes()...)
	if len(options) == 0 {
		return
	}
	start := model.WordStart(text, len(text))
	common := options[0]
	for _, o := range options[1:] {
		for !strings.HasPrefix(o, common) {
			common = common[:len(common)-1]
		}
	}
	if len(common) > len(text)-start {
		a.input.SetText(text[:start] + common)
	}
	a.say(strings.Join(options, " "))
}

func (a *App) changeInterval(step int) {
	at, exact := slices.BinarySearch(intervals, a.demand.Interval)
	if !exact && step > 0 {
		at--
	}
	at += step
	if at < 0 || at >= len(intervals) {
		a.warn(fmt.Sprintf("the interval goes from %s to %s", intervalText(intervals[0]), intervalText(intervals[len(intervals)-1])))
		return
	}
	a.demand.Interval = intervals[at]
	a.want()
}

func (a *App) mark() {
	row, ok := a.table.cursorRow()
	if !ok {
		return
	}
	k := a.table.view.rows.Key(row)
	if _, marked := a.state.marks[k]; marked {
		delete(a.state.marks, k)
	} else {
		a.state.marks[k] = struct{}{}
	}
	a.move(1)
}

// pause holds the display, or lets it go on from now.
func (a *App) pause() {
	a.paused = !a.paused
	if !a.paused {
		a.demand.Now++
		a.want()
	}
	a.ask()
}

// quit leaves the details, as it leaves any other page over the table, and else the program.
func (a *App) quit() {
	if len(a.overlays) > 0 {
		a.closeOverlay()
		return
	}
	a.Stop()
}

func (a *App) suspend() {
	if a.cfg.Suspend != nil {
		a.cfg.Suspend(a.tv)
	}
}

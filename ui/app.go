package ui

// The wiring: one tview.Application, the parts of the screen, the view worker beside it.

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"sockview/keymap"
	"sockview/model"
)

// App is the screen at work. All its methods but Run and Stop belong to the drawing goroutine.
type App struct {
	cfg    Config
	tv     *tview.Application
	theme  theme
	keys   keymap.Map
	ctx    context.Context
	stop   context.CancelFunc
	viewer *viewer
	drawn  chan struct{} // closed with the first frame

	screens []*screen
	states  map[string]*screenState // by screen, and column for a count
	state   *screenState
	trail   []*screenState // where Esc goes back to
	lastBy  string         // what was counted by last

	pages    *tview.Pages
	table    *table
	bars     *bars
	input    *lineInput
	overlays []overlay

	demand  model.Demand
	choice  model.Choice
	format  *model.Formatter
	named   *model.Formatter // format when names are on: what is drawn is looked up
	known   *model.Formatter // the same for the filter, which goes through all rows: nothing is looked up for it
	numbers *model.Formatter
	paused  bool
	mouse   bool
	seq     uint64
	message string // said until the next key
	warning bool   // message is about something that went wrong
}

// New makes the screen. The error is one line for people: a filter, column or screen that does not exist.
func New(cfg Config) (*App, error) {
	if cfg.Go == nil {
		cfg.Go = func(_ string, f func()) { go f() }
	}
	a := &App{
		cfg: cfg, keys: cfg.Keys, theme: newTheme(cfg.Start.Theme, cfg.Start.ASCII),
		tv: tview.NewApplication(), screens: screens(), states: make(map[string]*screenState),
		choice: cfg.Start.Choice, mouse: cfg.Start.Mouse, numbers: &model.Formatter{},
	}
	a.demand = model.Demand{Interval: cfg.Start.Interval, Hold: cfg.Start.Hold, NetNS: cmp.Or(cfg.Start.NetNS, allNetNS), History: cfg.Start.History}
	a.named = namedFormat(cfg.Names, true)
	a.known = namedFormat(cfg.Names, false)
	a.format = a.numbers
	if cfg.Start.Names {
		a.format = a.named
	}
	a.table = newTable(&a.theme, a.format)
	a.table.onHeader = a.sortBy
	a.table.onSelect = a.open
	a.table.empty = a.emptyLine
	a.bars = newBars(a)
	a.input = newLineInput(&a.theme)
	a.viewer = newViewer(cfg.Snapshots, a.takeView)
	a.ctx, a.stop = context.WithCancel(context.Background())
	a.drawn = make(chan struct{})

	name := cfg.Start.Screen
	if name == "" {
		name = a.screens[0].name
	}
	if err := a.enter(name, cfg.Start.By); err != nil {
		return nil, err
	}
	if err := a.state.setFilter(cfg.Start.Filter); err != nil {
		return nil, err
	}
	a.build()
	return a, nil
}

// namedFormat shows names where they are known; with ask, the others are looked up.
func namedFormat(names Names, ask bool) *model.Formatter {
	if names == nil {
		return &model.Formatter{}
	}
	host := names.Known
	if ask {
		host = names.Host
	}
	return &model.Formatter{
		Host: func(addr model.Addr) string {
			name, _ := host(addr)
			return name.String()
		},
		Service: func(p model.Proto, port uint16) string { return names.Service(p, port).String() },
	}
}

func (a *App) build() {
	main := tview.NewFlex().SetDirection(tview.FlexRow).
		AddItem(a.bars.head, 1, 0, false).
		AddItem(a.table, 0, 1, true).
		AddItem(a.bars.status, 1, 0, false).
		AddItem(a.bars.foot, 1, 0, false)
	a.pages = tview.NewPages().AddPage("main", main, true, true)
	a.tv.SetScreen(a.cfg.Screen).EnableMouse(a.mouse).EnablePaste(true).
		SetRoot(a.pages, true).SetFocus(a.table).SetInputCapture(a.onKey)
	var once sync.Once
	a.tv.SetAfterDrawFunc(func(tcell.Screen) { once.Do(func() { close(a.drawn) }) })
	a.pages.SetBackgroundColor(tcell.ColorDefault)
	main.SetBackgroundColor(tcell.ColorDefault)
}

// Drawn is closed when the first frame is there. What takes the cores is not to begin before.
func (a *App) Drawn() <-chan struct{} { return a.drawn }

// Run shows the screen until the user quits.
func (a *App) Run() error {
	defer a.stop()
	a.cfg.Snapshots.Want(a.demand)
	a.ask()
	a.cfg.Go("view", func() { a.viewer.run(a.ctx) })
	if a.cfg.Names != nil {
		a.cfg.Go("names", a.watchNames)
	}
	return a.tv.Run()
}

// Stop ends Run; it may be called from any goroutine.
func (a *App) Stop() {
	a.stop()
	a.tv.Stop()
}

// takeView hands a view from the worker to the drawing goroutine and returns when that has it.
func (a *App) takeView(v *view) {
	a.update(func() { a.show(v) })
}

// update runs f in the drawing goroutine and draws. It must not be called from there, and does nothing once
// the screen is stopped.
func (a *App) update(f func()) {
	done := make(chan struct{})
	go func() { // after Stop nobody takes it any more
		a.tv.QueueUpdateDraw(f)
		close(done)
	}()
	select {
	case <-done:
	case <-a.ctx.Done():
	}
}

// show takes over a view. One that was made for another screen is passed over: its successor is on the way.
func (a *App) show(v *view) {
	if v.query.def != a.state.def || v.query.by != a.state.by {
		return
	}
	if a.cfg.Panic == "screen" {
		panic("as --panic asked for")
	}
	if a.state.fit(v.snapshot) {
		a.table.remeasure()
		a.ask()
	}
	a.table.show(v)
	for _, o := range a.overlays {
		o.refresh()
	}
}

// ask has the worker make the view that is wanted now.
func (a *App) ask() {
	q := a.state.query()
	q.choice, q.format, q.paused = a.choice, a.format, a.paused
	q.details = a.details() != nil
	if a.format == a.named {
		q.format = a.known
	}
	a.seq++
	q.seq = a.seq
	a.viewer.ask(q)
}

// want tells the sampler what is wanted now.
func (a *App) want() { a.cfg.Snapshots.Want(a.demand) }

func (a *App) watchNames() {
	for {
		select {
		case <-a.ctx.Done():
			return
		case <-a.cfg.Names.Changed():
			a.update(func() {
				if a.format == a.named {
					a.ask()
				}
			})
		}
	}
}

// say shows a message until the next key.
func (a *App) say(text string) { a.message, a.warning = text, false }

// warn shows a message about something that went wrong.
func (a *App) warn(text string) { a.message, a.warning = text, true }

// enter opens the screen of that name, with its own order, columns and cursor as they were left.
func (a *App) enter(name, by string) error {
	def := a.screens[0]
	for _, s := range a.screens {
		if s.name == name {
			def = s
		}
	}
	by, err := countColumn(def, by, a.lastBy)
	if err != nil {
		return err
	}
	key := def.name + ":" + by
	st, ok := a.states[key]
	if !ok {
		if st, err = a.cfg.Start.newState(def, by, a.servicePort()); err != nil {
			return err
		}
		a.states[key] = st
	}
	if def.name == "count" {
		a.lastBy = by
	}
	a.goTo(st)
	return nil
}

// countColumn is the column that a screen of groups groups by: the one asked for, the one it last had, or its
// first; none for other screens.
func countColumn(def *screen, by, last string) (string, error) {
	switch {
	case groupedBy(def.name) != "":
		return groupedBy(def.name), nil
	case def.name != "count":
		return "", nil
	case by == "" && last != "":
		return last, nil
	case by == "":
		return countFirst, nil
	}
	specs := model.Sockets().Specs()
	c := findColumn(specs, by)
	if c < 0 {
		return "", noColumn(specs, by)
	}
	return specs[c].ID, nil
}

func (a *App) servicePort() func(string) (uint16, bool) {
	if a.cfg.Names == nil {
		return nil
	}
	return a.cfg.Names.ServicePort
}

// goTo makes st the screen on show.
func (a *App) goTo(st *screenState) {
	if st == a.state {
		return
	}
	a.state = st
	a.demand.Tables = model.TableSockets | st.def.tables // the status line counts sockets on every screen
	if a.choice.SCTP {
		a.demand.Tables |= model.TableSCTP
	}
	a.table.screen = st
	a.table.view = nil
	a.table.remeasure()
	if a.tv.GetFocus() != nil {
		a.want()
		a.ask()
	}
}

// intervals are those that + and - step through.
var intervals = []time.Duration{
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second,
	5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute,
}

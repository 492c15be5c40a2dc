package sampler

// The small tables: each is read whole while somebody looks at it, beside the ticks, since reading connection tracking
// or a full routing table may take longer than a tick. What was read is folded by the sampler itself.

import (
	"context"
	"errors"
	"io/fs"

	"sockview/model"
	"sockview/sampler/diag"
	"sockview/sampler/host"
)

// Host is where the tables that are not sockets come from: a *host.Host. Each reading says whether it had every row;
// what it could not tell is the error, which may come with a whole answer.
type Host interface {
	Links() (rows []model.Link, whole bool, err error)
	Routes() (rows []model.Route, whole bool, err error)
	Groups() (rows []model.Membership, whole bool, err error)
	Statistics() (rows []model.Statistic, whole bool, err error)
	Flows() (rows []model.Flow, whole bool, err error)
	// Rest drops what was kept for the next reading: nobody looks any more.
	Rest()
}

// table is a small table.
type table interface {
	which() model.Tables
	// read asks for the table; it is called beside the ticks. fold takes what was read.
	read(clock func() int64)
	fold(now, hold int64)
	// known says whether it was read since somebody looks at it.
	known() bool
	source(now int64) model.Source
	forget()
	publish(*model.Snapshot)
}

// rolled is a table with rows of type R.
type rolled[R any] struct {
	name string
	of   model.Tables
	ask  func() ([]R, bool, error)
	roll *model.Roll[R]
	rows func(*model.Snapshot) *[]R

	// got is what the last reading had; it is written by read and taken by fold.
	got struct {
		rows  []R
		whole bool
		at    int64 // when it was asked for
		err   error
	}
	err      error
	folded   bool
	wholeNow bool  // the last reading was
	wholeAt  int64 // when the last whole one was folded; 0: never
}

func (t *rolled[R]) which() model.Tables { return t.of }
func (t *rolled[R]) known() bool         { return t.folded }

func (t *rolled[R]) read(clock func() int64) {
	t.got.at = clock()
	t.got.rows, t.got.whole, t.got.err = t.ask()
}

func (t *rolled[R]) fold(now, hold int64) {
	if t.got.whole {
		t.wholeAt = now
	}
	t.roll.Fold(t.got.rows, t.got.whole, now, t.got.at, hold)
	t.err, t.folded, t.wholeNow = t.got.err, true, t.got.whole
	t.got.rows = nil
}

func (t *rolled[R]) source(now int64) model.Source {
	s := model.Source{Name: t.name, Of: t.of, Err: t.err, Whole: t.wholeNow, Absent: !t.wholeNow && unsupported(t.err)}
	if t.wholeAt > 0 && !s.Absent {
		s.Age = now - t.wholeAt
	}
	return s
}

// forget drops what was seen: what comes after a while that nobody looked is not news.
func (t *rolled[R]) forget() {
	t.roll.Forget()
	t.err, t.folded, t.wholeAt = nil, false, 0
}

// keptRows is how many rows' memory a snapshot keeps when a table is not looked at any more.
const keptRows = 1024

func (t *rolled[R]) publish(s *model.Snapshot) {
	rows := t.rows(s)
	if !t.folded && cap(*rows) > keptRows {
		*rows = nil
	}
	*rows = append((*rows)[:0], t.roll.Rows()...)
}

// unsupported says whether the kernel has nothing of what was asked for, or keeps it from us for good.
func unsupported(err error) bool {
	return errors.Is(err, diag.ErrUnsupported) || errors.Is(err, host.ErrUnsupported) || errors.Is(err, fs.ErrPermission)
}

// tables reads the tables: questions go out and answers come back, one at a time.
type tables struct {
	host     Host
	all      []table
	clock    func() int64
	requests chan []table
	answers  chan []table

	busy   bool
	wanted model.Tables
	asked  bool // some were, since nobody looked
}

func newTables(h Host, clock func() int64) *tables {
	t := &tables{host: h, clock: clock, requests: make(chan []table, 1), answers: make(chan []table, 1)}
	if h == nil {
		return t
	}
	t.all = []table{
		&rolled[model.Link]{name: "interfaces", of: model.TableLinks, ask: h.Links, roll: model.NewLinks(),
			rows: func(s *model.Snapshot) *[]model.Link { return &s.Links }},
		&rolled[model.Route]{name: "routes", of: model.TableRoutes, ask: h.Routes, roll: model.NewRoutes(),
			rows: func(s *model.Snapshot) *[]model.Route { return &s.Routes }},
		&rolled[model.Membership]{name: "multicast groups", of: model.TableGroups, ask: h.Groups, roll: model.NewMemberships(),
			rows: func(s *model.Snapshot) *[]model.Membership { return &s.Groups }},
		&rolled[model.Statistic]{name: "statistics", of: model.TableStatistics, ask: h.Statistics, roll: model.NewStatistics(),
			rows: func(s *model.Snapshot) *[]model.Statistic { return &s.Statistics }},
		&rolled[model.Flow]{name: "connection tracking", of: model.TableFlows, ask: h.Flows, roll: model.NewFlows(),
			rows: func(s *model.Snapshot) *[]model.Flow { return &s.Flows }},
	}
	return t
}

func (t *tables) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case asked := <-t.requests:
			for _, table := range asked {
				table.read(t.clock)
			}
			if len(asked) == 0 {
				t.host.Rest()
			}
			select {
			case t.answers <- asked:
			case <-ctx.Done():
				return
			}
		}
	}
}

// ask has the wanted tables read, unless a reading is still under way. When the last of them is not wanted any
// more, the host is told to rest.
func (t *tables) ask(ctx context.Context, wanted model.Tables) {
	t.wanted = wanted
	if t.busy || t.host == nil || ctx.Err() != nil {
		return
	}
	var asked []table
	for _, table := range t.all {
		switch {
		case wanted&table.which() != 0:
			asked = append(asked, table)
		case table.known():
			table.forget()
		}
	}
	if len(asked) == 0 && !t.asked {
		return
	}
	t.asked = len(asked) > 0
	t.busy = true
	t.requests <- asked
}

// take folds what was read. It says whether there is something to publish.
func (t *tables) take(answer []table, now, hold int64) bool {
	t.busy = false
	for _, table := range answer {
		table.fold(now, hold)
	}
	return len(answer) > 0
}

// publish writes the tables into s, and which of them it has.
func (t *tables) publish(s *model.Snapshot, now int64) {
	for _, table := range t.all {
		table.publish(s)
		if t.wanted&table.which() != 0 && table.known() {
			s.Tables |= table.which()
			s.Sources = append(s.Sources, table.source(now))
		}
	}
}

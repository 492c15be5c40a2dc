package sampler

// The small tables: each is read whole while somebody looks at it, beside the ticks, since reading connection tracking
// or a full routing table, or those of many network namespaces, may take longer than a tick. What was read is folded by the
// sampler itself.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"sockview/model"
	"sockview/sampler/diag"
	"sockview/sampler/host"
	"sockview/sampler/netns"
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
	// Leave keeps nothing open: the next reading is of another network namespace.
	Leave()
}

// post is where the tables are read: a network namespace.
type post struct {
	netns uint16     // its place in Snapshot.NetNS
	name  model.Text // for what goes wrong there
	// host reads the tables. That of our own namespace reads no other; one may read all others in turn, since it is told
	// to Leave after each.
	host Host
	// inside runs f in the namespace, as netns.Door.Do: an error says that f did not run. Nil is our own.
	inside func(f func()) error

	since uint64 // the call of stand that brought it
}

// table is a small table.
type table interface {
	which() model.Tables
	// begin, then read or fail for each post, is a reading; they are called beside the ticks. fold takes what was read at
	// those posts that still stand, and says whether there is something.
	begin()
	read(p *post, at int64)
	fail(p *post, at int64, err error)
	fold(stands func(*post) bool, now, hold int64) bool
	// leave drops or closes rows of namespaces, and places calls use with those that rows are of.
	leave(leaving func(netns uint16) model.Leaving, now int64)
	places(use func(netns uint16))
	// known says whether it was read since somebody looks at it.
	known() bool
	source(now int64) model.Source
	forget()
	publish(*model.Snapshot)
}

// answer is what one reading had of one namespace.
type answer[R any] struct {
	model.Part[R]
	post *post
	err  error
	out  bool // the namespace was not entered, which err says
}

// rolled is a table with rows of type R.
type rolled[R any] struct {
	name string
	of   model.Tables
	ask  func(Host) ([]R, bool, error)
	roll *model.Roll[R]
	rows func(*model.Snapshot) *[]R

	// got is what the last reading had; it is written by read and taken by fold. room has the rows of other namespaces.
	got  []answer[R]
	room []R

	err      error
	absent   bool
	folded   bool
	wholeNow bool  // the last reading was
	wholeAt  int64 // when the last whole one was folded; 0: never
}

func (t *rolled[R]) which() model.Tables { return t.of }
func (t *rolled[R]) known() bool         { return t.folded }

func (t *rolled[R]) begin() { t.got, t.room = t.got[:0], t.room[:0] }

func (t *rolled[R]) read(p *post, at int64) {
	a := answer[R]{post: p, Part: model.Part[R]{NetNS: p.netns, At: at}}
	a.Rows, a.Whole, a.err = t.ask(p.host)
	if p.inside != nil { // they hold until the next namespace is read
		from := len(t.room)
		t.room = append(t.room, a.Rows...)
		a.Rows = t.room[from:]
	}
	t.got = append(t.got, a)
}

func (t *rolled[R]) fail(p *post, at int64, err error) {
	if errors.Is(err, netns.ErrGone) {
		err = nil // whoever watches the namespaces will see that; until then its rows are stale
	}
	t.got = append(t.got, answer[R]{post: p, Part: model.Part[R]{NetNS: p.netns, At: at}, err: err, out: true})
}

func (t *rolled[R]) fold(stands func(*post) bool, now, hold int64) bool {
	asked := len(t.got)
	t.got = slices.DeleteFunc(t.got, func(a answer[R]) bool { return !stands(a.post) })
	if len(t.got) == 0 && asked > 0 {
		return false // somebody else is looked at by now
	}
	t.err, t.absent = wentWrong(t.got), len(t.got) > 0
	t.folded, t.wholeNow = true, true
	parts := make([]model.Part[R], len(t.got))
	for i := range t.got {
		a := &t.got[i]
		parts[i] = a.Part
		t.wholeNow = t.wholeNow && a.Whole
		t.absent = t.absent && !a.Whole && unsupported(a.err)
	}
	if t.wholeNow {
		t.wholeAt = now
	}
	t.roll.Fold(parts, now, hold)
	clear(t.got) // the rows are the host's
	return true
}

func (t *rolled[R]) leave(leaving func(netns uint16) model.Leaving, now int64) {
	t.roll.Leave(leaving, now)
}
func (t *rolled[R]) places(use func(netns uint16)) { t.roll.Places(use) }

func (t *rolled[R]) source(now int64) model.Source {
	s := model.Source{Name: t.name, Of: t.of, Err: t.err, Whole: t.wholeNow, Absent: t.absent}
	if t.wholeAt > 0 && !s.Absent {
		s.Age = now - t.wholeAt
	}
	return s
}

// forget drops what was seen: what comes after a while that nobody looked is not news.
func (t *rolled[R]) forget() {
	t.roll.Forget()
	t.err, t.folded, t.wholeAt = nil, false, 0
	t.room = nil
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

// wentWrong is what went wrong in some namespaces, in one line: the first of it with the namespace's name, unless it is the
// same in all of them.
func wentWrong[R any](got []answer[R]) error {
	var first *answer[R]
	more, same := 0, true
	for i := range got {
		switch a := &got[i]; {
		case a.err == nil:
			same = false
		case first == nil:
			first = a
		default:
			more++
			same = same && a.err.Error() == first.err.Error()
		}
	}
	switch {
	case first == nil:
		return nil
	case same && (more > 0 || first.post.inside == nil):
		return first.err
	}
	err := first.err
	if !first.out {
		err = fmt.Errorf("in network namespace %s: %w", first.post.name, err)
	}
	if more > 0 {
		err = fmt.Errorf("%w (and %d more)", err, more)
	}
	return err
}

// unsupported says whether the kernel has nothing of what was asked for, or keeps it from us for good.
func unsupported(err error) bool {
	return errors.Is(err, diag.ErrUnsupported) || errors.Is(err, host.ErrUnsupported) || errors.Is(err, fs.ErrPermission)
}

// tables reads the tables: questions go out and answers come back, one at a time.
type tables struct {
	host     Host // our own namespace's; nil: there are no tables
	all      []table
	clock    func() int64
	requests chan reading
	answers  chan []table

	posts  []post
	since  map[uint16]uint64 // of the posts, by their namespaces' places
	stood  uint64            // calls of stand
	named  map[uint16]bool   // see names; nil until it is asked for after rows came or went
	busy   bool
	wanted model.Tables
	asked  bool // some were, since nobody looked
}

// reading is a question: which tables, and where. Without tables it is that nobody looks any more.
type reading struct {
	tables []table
	posts  []post
}

// newTables reads the tables of our own namespace; see stand for others.
func newTables(h Host, clock func() int64) *tables {
	t := &tables{host: h, clock: clock, requests: make(chan reading, 1), answers: make(chan []table, 1)}
	if h == nil {
		return t
	}
	t.all = []table{
		&rolled[model.Link]{name: "interfaces", of: model.TableLinks, ask: Host.Links, roll: model.NewLinks(),
			rows: func(s *model.Snapshot) *[]model.Link { return &s.Links }},
		&rolled[model.Route]{name: "routes", of: model.TableRoutes, ask: Host.Routes, roll: model.NewRoutes(),
			rows: func(s *model.Snapshot) *[]model.Route { return &s.Routes }},
		&rolled[model.Membership]{name: "multicast groups", of: model.TableGroups, ask: Host.Groups, roll: model.NewMemberships(),
			rows: func(s *model.Snapshot) *[]model.Membership { return &s.Groups }},
		&rolled[model.Statistic]{name: "statistics", of: model.TableStatistics, ask: Host.Statistics, roll: model.NewStatistics(),
			rows: func(s *model.Snapshot) *[]model.Statistic { return &s.Statistics }},
		&rolled[model.Flow]{name: "connection tracking", of: model.TableFlows, ask: Host.Flows, roll: model.NewFlows(),
			rows: func(s *model.Snapshot) *[]model.Flow { return &s.Flows }},
	}
	t.stand([]post{{name: model.SafeText("own"), host: h}}, nil, 0)
	return t
}

// stand has the tables read at these posts from the next question on; the slice is the tables' from then on. Rows of
// namespaces that are not among them leave: when gone says so they are closed as of now, else nobody wants to see them any
// more and they are dropped at once, and so is what is being read there. While the posts are the same it does next to nothing.
func (t *tables) stand(posts []post, gone func(netns uint16) bool, now int64) {
	if t.host == nil {
		return
	}
	t.stood++
	since := make(map[uint16]uint64, len(posts))
	kept := 0
	for i := range posts {
		p := &posts[i]
		if p.since = t.since[p.netns]; p.since > 0 {
			kept++
		} else {
			p.since = t.stood
		}
		since[p.netns] = p.since
	}
	left := kept < len(t.since)
	t.posts, t.since = posts, since
	if !left {
		return
	}
	t.named = nil
	for _, table := range t.all {
		table.leave(func(netns uint16) model.Leaving {
			switch {
			case since[netns] > 0:
				return model.Stays
			case gone(netns):
				return model.Vanishes
			}
			return model.Unwanted
		}, now)
	}
}

// stands says whether a post that was read at is still one.
func (t *tables) stands(p *post) bool { return t.since[p.netns] == p.since }

// names says whether a row is of the namespace in this place, one that is gone too: no other may have it yet.
func (t *tables) names(netns uint16) bool {
	if t.named == nil {
		t.named = make(map[uint16]bool)
		for _, table := range t.all {
			table.places(func(place uint16) { t.named[place] = true })
		}
	}
	return t.named[netns]
}

func (t *tables) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-t.requests:
			if len(r.tables) > 0 {
				r.answer(ctx, t.clock)
			} else {
				t.host.Rest()
				r.rest()
			}
			select {
			case t.answers <- r.tables:
			case <-ctx.Done():
				return
			}
		}
	}
}

// answer reads the tables, one post after the other: each namespace is entered once.
func (r *reading) answer(ctx context.Context, clock func() int64) {
	for _, table := range r.tables {
		table.begin()
	}
	for i := range r.posts {
		p := &r.posts[i]
		if ctx.Err() != nil {
			return
		}
		here := func() {
			for _, table := range r.tables {
				table.read(p, clock())
			}
		}
		if p.inside == nil {
			here()
			continue
		}
		err := p.inside(func() {
			defer p.host.Leave() // an open socket keeps the namespace
			here()
		})
		if err != nil {
			for _, table := range r.tables {
				table.fail(p, clock(), err)
			}
		}
	}
}

// rest has the hosts of other namespaces rest.
func (r *reading) rest() {
	for i := range r.posts {
		if p := &r.posts[i]; p.inside != nil {
			p.host.Rest()
		}
	}
}

// ask has the wanted tables read, unless a reading is still under way. When the last of them is not wanted any
// more, the hosts are told to rest.
func (t *tables) ask(ctx context.Context, wanted model.Tables) {
	t.wanted = wanted
	if t.busy || t.host == nil || ctx.Err() != nil {
		return
	}
	r := reading{posts: t.posts}
	for _, table := range t.all {
		switch {
		case wanted&table.which() != 0:
			r.tables = append(r.tables, table)
		case table.known():
			table.forget()
			t.named = nil
		}
	}
	if len(r.tables) == 0 && !t.asked {
		return
	}
	t.asked = len(r.tables) > 0
	t.busy = true
	t.requests <- r
}

// take folds what was read. It says whether there is something to publish.
func (t *tables) take(answer []table, now, hold int64) bool {
	t.busy, t.named = false, nil
	some := false
	for _, table := range answer {
		some = table.fold(t.stands, now, hold) || some
	}
	return some
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

package ui

// The same tables printed: snapshots, through the same selections as the screens, into a writer. A command line that
// netstat would understand is answered in netstat's layout; whoever asks for what is ours gets our tables.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"sockview/keymap"
	"sockview/model"
	"sockview/ui/text"
)

// Prints says whether these flags ask for output rather than a screen, on a terminal too.
func Prints(o keymap.Options) bool {
	return o.Once || o.JSON || o.CSV || o.Top > 0 || o.Count != "" && o.Screen != "count"
}

// Printing is what a command line prints, settled before the kernel is asked.
type Printing struct {
	start    Start
	options  keymap.Options
	names    Names
	layout   text.Netstat
	sections []section
	rates    bool // rates are among what is printed, sorted or filtered by
	past     printedPast
}

// section is one table of the output. netstat prints two, of internet and of unix sockets.
type section struct {
	screen string
	choice model.Choice
	// shows says whether netstat's own rules let a row through; nil lets all.
	shows func(s *model.Snapshot, row int32) bool
	// write writes rows in netstat's layout; nil is a table of ours.
	write func(w io.Writer, s *model.Snapshot, order []int32) error

	state  *screenState
	headed bool // its header was written: with -c it heads all that follows
}

// Printing settles what the options print. The error is one line for people.
func (c *Configured) Printing(o keymap.Options, names Names) (*Printing, error) {
	p := &Printing{start: c.Start, options: o, names: names}
	p.layout = text.Netstat{
		All: o.All || len(o.Filter) > 0 && !o.Listening, Listening: o.Listening,
		Extend: o.Extend, Wide: o.Wide, Programs: o.Programs, Timers: o.Timers,
		NumericUsers: o.Numeric || o.NumericUsers,
	}
	if c.Screen == "history" && !o.Continuous {
		return nil, &StartError{"history: nothing has closed before sockview started; allowed is -c, which prints what closes from now on"}
	}
	parts, err := p.parts()
	if err != nil {
		return nil, err
	}
	var first error
	for _, part := range parts {
		part.state, err = c.openSection(&part, o.Count, p.servicePort())
		var filter *model.FilterError
		switch {
		case err == nil:
			p.sections = append(p.sections, part)
		case !errors.As(err, &filter):
			return nil, err
		case first == nil: // of two tables the filter may ask for what only one of them has
			first = err
		}
	}
	if len(p.sections) == 0 {
		return nil, first
	}
	p.settleColumns()
	return p, nil
}

// openSection is the screen that a part prints: that of its table, or the count of its rows by a column.
func (c *Configured) openSection(part *section, count string, service func(string) (uint16, bool)) (*screenState, error) {
	for _, def := range screens() {
		if count == "" || def.name != part.screen || def.tally == nil {
			continue
		}
		by := findColumn(def.specs(""), count)
		if by < 0 {
			return nil, noColumn(def.specs(""), count)
		}
		return c.openState(def.tally(by), "", service)
	}
	return c.openScreen(part.screen, service)
}

func (p *Printing) servicePort() func(string) (uint16, bool) {
	if p.names == nil {
		return nil
	}
	return p.names.ServicePort
}

// layouts are the columns that netstat's layout of a screen shows; what is not listed netstat has not.
var layouts = map[string][]string{
	"sockets":    {"proto", "recvq", "sendq", "local", "lport", "remote", "rport", "state", "user", "uid", "inode", "process", "pid", "timer", "expires"},
	"unix":       {"refs", "type", "state", "inode", "path", "process", "pid"},
	"routes":     {"destination", "gateway", "flags", "metric", "interface", "mss", "window", "rtt", "refs", "mtu"},
	"interfaces": {"interface", "mtu", "rxpkts", "txpkts", "rxerrs", "txerrs", "rxdrop", "txdrop", "rxover", "txover", "flags"},
	"groups":     {"interface", "users", "group"},
	"statistics": {"group", "name", "value", "explanation"},
	"nat": {"proto", "nat", "src", "sport", "dst", "dport", "replysrc", "replysport", "replydst", "replydport", "state", "timeout",
		"sent", "received", "sentpkts", "recvpkts"},
}

// ours says whether a table of ours is asked for, which netstat has not: another format, other columns, or an order
// by a column that its layout does not show.
func (p *Printing) ours() bool {
	o := &p.options
	shown, known := layouts[p.start.Screen]
	if o.JSON || o.CSV || len(o.Columns) > 0 || o.Count != "" || !known {
		return true
	}
	words := strings.Fields(o.Sort)
	if len(words) == 0 {
		return false
	}
	specs := specsOf(p.start.Screen)
	c := findColumn(specs, words[0])
	return c >= 0 && !slices.Contains(shown, specs[c].ID)
}

// parts are the tables to print.
func (p *Printing) parts() ([]section, error) {
	o, choice := &p.options, p.start.Choice
	if p.ours() {
		if o.Unix && (p.start.Screen == "sockets" || p.start.Screen == "count" && asksInternet(o)) {
			return nil, &StartError{"-x with other protocols: a table of ours has one kind of rows; allowed is -x alone, or without it"}
		}
		return []section{{screen: p.start.Screen, choice: choice}}, nil
	}
	layout := &p.layout
	switch p.start.Screen {
	case "sockets":
		choice.Listen = model.AnySocket // as netstat has it, which is not quite what a toggle does
		parts := []section{{screen: "sockets", choice: choice, write: layout.Sockets,
			shows: func(s *model.Snapshot, row int32) bool { return layout.ShowsSocket(&s.Sockets[row]) }}}
		if o.Unix || !asksInternet(o) {
			parts = append(parts, p.unixPart())
		}
		return parts, nil
	case "unix":
		return []section{p.unixPart()}, nil
	case "routes":
		return p.routeParts(), nil
	case "interfaces":
		return []section{{screen: "interfaces", choice: choice, write: layout.Links,
			shows: func(s *model.Snapshot, row int32) bool {
				return o.Interface != "" || layout.ShowsLink(&s.Links[row])
			}}}, nil
	case "groups":
		return []section{{screen: "groups", choice: choice, write: layout.Groups,
			shows: func(s *model.Snapshot, row int32) bool { return layout.ShowsGroup(&s.Groups[row]) }}}, nil
	case "statistics":
		return []section{{screen: "statistics", choice: choice, write: layout.Statistics}}, nil
	}
	return []section{{screen: p.start.Screen, choice: choice, write: layout.Flows}}, nil
}

func (p *Printing) unixPart() section {
	return section{screen: "unix", write: p.layout.Unix,
		shows: func(s *model.Snapshot, row int32) bool { return p.layout.ShowsUnix(&s.Unix[row]) }}
}

// routeParts are a table for each family, as netstat -46r has them; without a family there is IPv4's.
func (p *Printing) routeParts() []section {
	var parts []section
	for _, f := range []model.Family{model.IPv4, model.IPv6} {
		asked := p.options.IPv4
		if f == model.IPv6 {
			asked = p.options.IPv6
		}
		if !asked && (f == model.IPv6 || p.options.IPv6) {
			continue
		}
		parts = append(parts, section{screen: "routes", choice: model.Choice{Family: f},
			shows: func(s *model.Snapshot, row int32) bool { return p.layout.ShowsRoute(&s.Routes[row]) },
			write: func(w io.Writer, s *model.Snapshot, order []int32) error { return p.layout.Routes(w, s, order, f) }})
	}
	return parts
}

// settleColumns settles the order and the columns that rates are among.
func (p *Printing) settleColumns() {
	for i := range p.sections {
		st := p.sections[i].state
		if c := columnIndex(st.specs, "netns"); c >= 0 && !st.chosen && !slices.Contains(st.shown, c) &&
			p.sections[i].write == nil && !slices.Contains([]string{"", ownNetNS}, p.options.NetNS) { // whatever there is: scripts count on it
			st.toggle(c)
		}
		isRate := func(column int) bool { return column >= 0 && st.specs[column].Kind == model.KindRate }
		asked := st.filter.Asks(model.KindRate) || p.start.Sort[st.def.name] != "" && isRate(st.sorting.Column) ||
			len(p.start.Columns[st.def.name]) > 0 && slices.ContainsFunc(st.shown, isRate)
		switch {
		case p.sections[i].write == nil && !asked && !p.options.Continuous: // one sample cannot tell rates
			st.shown = slices.DeleteFunc(st.shown, isRate)
		case p.sections[i].write == nil:
			asked = true
		case p.options.Sort == "" || st.def.name != p.start.Screen: // it is the first table that is sorted
			st.sorting = model.Sorting{Column: model.AsRead}
		}
		p.rates = p.rates || asked
	}
}

// Demand is what the sampler has to find out.
func (p *Printing) Demand() model.Demand {
	d := model.Demand{
		Interval: p.start.Interval, Hold: p.start.Hold, NetNS: cmp.Or(p.options.NetNS, ownNetNS), NoOwners: true,
		Bare:    !p.options.Timers, // their two counts are in tcp_info
		History: -1,
	}
	for i := range p.sections {
		part := &p.sections[i]
		tables := part.state.def.tables
		if tables == 0 {
			tables = model.TableSockets
		}
		d.Tables |= tables
		if part.screen == "history" {
			if d.History = p.start.History; d.History == 0 {
				d.History = model.DefaultHistory
			}
		}
		if part.write == nil || part.state.sorting.Column != model.AsRead || !part.state.filter.Empty() {
			d.NoOwners, d.Bare = false, false // a column may tell of them
		}
	}
	if p.layout.Programs {
		d.NoOwners = false
	}
	if d.Tables&model.TableSockets != 0 && (p.options.SCTP || p.options.Verbose) {
		d.Tables |= model.TableSCTP
	}
	return d
}

// Hears says whether what is printed has closings in it, so that they are to be listened to.
func (p *Printing) Hears() bool { return p.Demand().History > 0 }

// TimeForRates is for how long the first sample has to watch. 0: nothing that is printed needs it.
func (p *Printing) TimeForRates() time.Duration {
	if p.rates {
		return p.start.Interval
	}
	return 0
}

// Every is how often to print; 0 is once.
func (p *Printing) Every() time.Duration {
	if p.options.Continuous {
		return p.start.Interval
	}
	return 0
}

// Sampler is what snapshots to print come from: a *sampler.Sampler.
type Sampler interface {
	Want(model.Demand)
	// Sample takes a snapshot, with owners if they are known within patience and rates if apart is above 0.
	Sample(ctx context.Context, patience, apart time.Duration) *model.Snapshot
	Release(*model.Snapshot)
}

// ownersPatience is for how long printing waits for the owner scan.
const ownersPatience = 5 * time.Second

// ErrTrouble says that a table could not be had, which was told already.
var ErrTrouble = errors.New("a table could not be read")

// Run prints one snapshot, or one after the other until nobody reads them any more or ctx ends. What could not be
// told goes to trouble, a line each time.
func (p *Printing) Run(ctx context.Context, from Sampler, out, trouble io.Writer) error {
	from.Want(p.Demand())
	apart := p.TimeForRates()
	for {
		next := time.Now().Add(p.Every())
		snapshot := from.Sample(ctx, ownersPatience, apart)
		line, failed := p.Trouble(snapshot)
		if line != "" {
			fmt.Fprintf(trouble, "sockview: %s\n", line) //nolint:errcheck // nobody is left to be told
		}
		err := p.Print(out, snapshot)
		from.Release(snapshot)
		switch {
		case err != nil:
			return err
		case p.Every() > 0:
		case failed:
			return ErrTrouble
		default:
			return nil
		}
		apart = 0
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(next)):
		}
	}
}

// Print writes one snapshot.
func (p *Printing) Print(w io.Writer, s *model.Snapshot) error {
	written := false
	for i := range p.sections {
		part := &p.sections[i]
		rows, order, err := p.choose(part, s)
		if err != nil {
			return err
		}
		last := i == len(p.sections)-1
		if len(order) == 0 && part.write != nil && s.Lacks(part.state.def.tables) {
			continue // there is no such table; Trouble says so
		}
		if len(order) == 0 && !part.state.filter.Empty() && (written || !last) {
			continue // what is asked for is in the other table
		}
		if err := p.write(w, part, s, rows, order); err != nil {
			return err
		}
		written = true
	}
	return nil
}

// choose is the rows of a part, in their order.
func (p *Printing) choose(part *section, s *model.Snapshot) (model.Rows, []int32, error) {
	q := part.state.query()
	q.choice, q.format = part.choice, &model.Formatter{}
	if p.start.Names && part.write == nil {
		q.format = namedFormat(p.names, false)
	}
	rows, order, _ := part.state.def.compile(&q)(s, nil)
	closings := part.screen == "history" && part.state.def.name == part.screen
	if closings { // each is printed once
		order = p.past.fresh(s, order)
	}
	if part.shows != nil {
		order = slices.DeleteFunc(order, func(row int32) bool { return !part.shows(s, row) })
	}
	if p.options.Interface != "" {
		name := model.SafeText(p.options.Interface)
		if !slices.ContainsFunc(s.Links, func(r model.Link) bool { return r.Name == name && !r.Dead }) {
			return nil, nil, fmt.Errorf("no interface %s", name)
		}
		if part.state.def.name == "interfaces" { // the filter does not tell eth0 from ETH0
			order = slices.DeleteFunc(order, func(row int32) bool { return s.Links[row].Name != name })
		}
	}
	if part.screen == "interfaces" && part.write != nil && p.options.Sort == "" {
		slices.SortStableFunc(order, func(a, b int32) int { return text.CompareNames(s.Links[a].Name.String(), s.Links[b].Name.String()) })
	}
	if p.start.Top > 0 && len(order) > p.start.Top {
		order = order[:p.start.Top]
	}
	if closings {
		p.past.printed(s, order)
	}
	return rows, order, nil
}

func (p *Printing) write(w io.Writer, part *section, s *model.Snapshot, rows model.Rows, order []int32) error {
	st := part.state
	if part.write != nil {
		if err := p.nameThings(part, s, order); err != nil {
			return err
		}
		return part.write(w, s, order)
	}
	t := text.Table{Specs: st.specs, Columns: st.shown, Rows: rows, Order: order, Format: &model.Formatter{}}
	if p.start.Names && p.names != nil {
		t.Format = namedFormat(p.names, false)
		await(p.names, addressesIn(st.specs, st.shown, rows, order))
	}
	switch {
	case p.options.JSON && p.options.Continuous:
		return text.JSONLines(w, t)
	case p.options.JSON:
		return text.JSON(w, t)
	case p.options.CSV && part.headed && p.options.Continuous:
		return text.CSVRows(w, t)
	case p.options.CSV:
		part.headed = true
		return text.CSV(w, t)
	}
	return text.Plain(w, t)
}

// nameThings has netstat's layout say names, unless numbers were asked for.
func (p *Printing) nameThings(part *section, s *model.Snapshot, order []int32) error {
	o := &p.options
	if p.names == nil || o.Numeric {
		return nil
	}
	named := namedFormat(p.names, false)
	if !o.NumericPorts {
		p.layout.Service = named.Service
	}
	if o.NumericHosts || o.Symbolic && part.screen == "routes" { // as netstat has it
		return nil
	}
	var mu sync.Mutex // a large table is written by two at once
	var addrs []model.Addr
	p.layout.Host = func(a model.Addr) string { // only the layout knows which addresses it has names for
		mu.Lock()
		defer mu.Unlock()
		addrs = append(addrs, a)
		return ""
	}
	if err := part.write(io.Discard, s, order); err != nil {
		return err
	}
	await(p.names, addrs)
	p.layout.Host = named.Host
	p.layout.Network = func(a model.Addr) string { return p.names.Network(a).String() }
	return nil
}

// namesPatience is for how long printing waits for host names; a dead resolver must not cost more.
const namesPatience = 3 * time.Second

// addressesIn are the addresses in these columns.
func addressesIn(specs []model.Spec, columns []int, rows model.Rows, order []int32) []model.Addr {
	var addrs []model.Addr
	for _, c := range columns {
		if specs[c].Kind != model.KindAddress {
			continue
		}
		for _, row := range order {
			if v := rows.Value(int(row), c); v.Why == model.Known {
				addrs = append(addrs, v.Addr)
			}
		}
	}
	return addrs
}

// await has the addresses that will be printed looked up, each once, side by side.
func await(names Names, addrs []model.Addr) {
	seen := make(map[model.Addr]bool)
	addrs = slices.DeleteFunc(addrs, func(a model.Addr) bool {
		known := seen[a] || a.IsUnspecified()
		seen[a] = true
		return known
	})
	if len(addrs) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), namesPatience)
	defer cancel()
	names.Await(ctx, addrs)
}

// tellsBytes says whether a table of ours is printed that has columns of bytes.
func (p *Printing) tellsBytes() bool {
	return slices.ContainsFunc(p.sections, func(part section) bool {
		st := part.state
		return part.write == nil && st.def.tables&^model.TableSockets == 0 &&
			slices.ContainsFunc(st.shown, func(c int) bool { return st.specs[c].Kind == model.KindBytes })
	})
}

// Trouble is a line for what the snapshot could not tell of what is printed, empty when it told all; failed says that
// a whole table is missing for it.
func (p *Printing) Trouble(s *model.Snapshot) (line string, failed bool) {
	var parts []string
	told := *s
	told.Interval = told.Chosen // the pace of what is printed is ours
	if !p.options.Continuous {
		told.Took = 0 // who prints once waits for no interval
	}
	if t := troubleLine(&told); t != "" {
		parts = append(parts, t)
	}
	if p.layout.Programs && s.Access.Hidden > 0 && len(s.Access.Missing) > 0 { // else there is nothing to be done
		parts = append(parts, hiddenOwners(s.Access.Hidden)+": to see other users' processes takes root, or setcap as the README has it")
	}
	if s.Access.NoBytes != nil && p.tellsBytes() {
		parts = append(parts, "no byte counters: "+model.SafeText(s.Access.NoBytes.Error()).String())
	}
	spaces, failed := p.netnsTroubles(s)
	parts = append(parts, spaces...)
	wanted := p.Demand().Tables
	if !p.options.SCTP {
		wanted &^= model.TableSCTP
	}
	for i := range s.Sources {
		src := &s.Sources[i]
		failed = failed || src.Err != nil && !src.Whole && src.Of&wanted != 0
	}
	return strings.Join(parts, "; "), failed
}

package ui

// Everything known about one row: who has it, what its figures say in plain sentences, what it moved of late.

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sockview/keymap"
	"sockview/model"
)

// details is the page about one row. It follows the row from snapshot to snapshot.
type details struct {
	*pager
	key model.Key
	row int // where it was when it was looked at last; -1: nowhere
}

// openDetails opens the page about this row and has the sampler ask for all about it.
func (a *App) openDetails(row int) {
	v := a.table.view
	k := v.rows.Key(row)
	d := &details{key: k, row: row}
	title := a.state.def.heading(v, row)
	d.pager = newPager(&a.theme, keymap.Details, title, func(width int) []line { return a.detailLines(d, width) })
	actions := []keymap.Action{keymap.Back}
	if a.state.def.holders != nil {
		actions = append(actions, keymap.Kill)
	}
	if a.state.def.isSockets() {
		actions = append(actions, keymap.Close)
	}
	if peer := a.state.def.peer; peer != nil {
		if at, _ := peer(v, row); at >= 0 {
			actions = append(actions, keymap.OtherEnd)
		}
	}
	d.hint = a.keyHint(append(actions, keymap.Copy, keymap.Pause)...)
	a.demand.Focus = k
	a.want()
	a.push(d)
	a.ask()
}

// keyHint names the keys of some actions, as the footer does, for the frame of a page.
func (a *App) keyHint(actions ...keymap.Action) string {
	var words []string
	for _, action := range actions {
		if b, ok := a.keys.Binding(action); ok && len(b.Keys) > 0 {
			title := b.Title
			if title == "" {
				title = string(action)
			}
			words = append(words, string(b.Keys[0])+" "+title)
		}
	}
	return " " + strings.Join(words, "  ") + " "
}

// detailLines is the page, made of the newest view.
func (a *App) detailLines(d *details, width int) []line {
	v := a.table.view
	if v == nil {
		return nil
	}
	w := &page{theme: &a.theme, width: width}
	d.row = v.rowOf(d.key, d.row)
	row := d.row
	if row < 0 {
		w.warn("It is gone, and its row too. Esc goes back.")
		return w.lines
	}
	d.title = v.query.def.heading(v, row)
	if !v.query.def.isSockets() { // a socket's page has more to say of it
		switch v.rows.Change(row) {
		case model.Closed:
			w.warn("It is gone: this is how it was seen last.")
		case model.Outdated:
			w.warn("Its source failed: this is how it was seen last.")
		}
	}
	v.query.def.about(a, w, v, row)
	w.columns(v, row, a.state.specs)
	return w.lines
}

// rowOf is the row with this identity, whether it is on show or not; -1 for none. It looks where the row was first.
func (v *view) rowOf(k model.Key, was int) int {
	if was >= 0 && was < v.rows.Len() && v.rows.Key(was) == k {
		return was
	}
	for row := range v.rows.Len() {
		if v.rows.Key(row) == k {
			return row
		}
	}
	return -1
}

// aboutSocket tells what a socket does, who holds it and what the kernel counts of it.
func aboutSocket(_ *App, w *page, v *view, row int) {
	s, r := v.snapshot, &v.snapshot.Sockets[row]
	w.sentences(s, r)
	w.otherEnd(v, row)
	if detail := v.detail; detail != nil && detail.Key == v.rows.Key(row) {
		w.plot(detail.SentRates, detail.ReceivedRates, s.Interval)
		w.processes(s, &r.Holding, detail)
		w.netns(s, r.NetNS)
		w.otherSockets(s, r)
		w.figures(detail)
	} else {
		w.text("asking the kernel for the rest ...")
		w.netns(s, r.NetNS)
		w.otherSockets(s, r)
	}
}

// page collects lines of text.
type page struct {
	theme *theme
	width int
	lines []line
}

func (w *page) head(text string) {
	if len(w.lines) > 0 {
		w.lines = append(w.lines, nil)
	}
	w.lines = append(w.lines, line{{text, w.theme.title}})
}

func (w *page) field(name, value string) {
	const indent = 12
	for i, part := range wrap(value, max(16, w.width-indent)) {
		label := ""
		if i == 0 {
			label = name
		}
		w.lines = append(w.lines, line{{fmt.Sprintf("%-*s", indent, label), w.theme.dim}, {part, w.theme.text}})
	}
}

func (w *page) text(text string) {
	for _, part := range wrap(text, max(16, w.width)) {
		w.lines = append(w.lines, line{{part, w.theme.text}})
	}
}

func (w *page) warn(text string) {
	for _, part := range wrap(text, max(16, w.width)) {
		w.lines = append(w.lines, line{{part, w.theme.warning}})
	}
}

// wrap breaks text at spaces into lines of at most width cells; a longer word is cut apart.
func wrap(text string, width int) []string {
	var lines []string
	current := ""
	for _, word := range strings.Fields(text) {
		for textWidth(word) > width {
			if current != "" {
				lines, current = append(lines, current), ""
			}
			head := cutCells(word, width)
			lines, word = append(lines, head), word[len(head):]
		}
		switch {
		case current == "":
			current = word
		case textWidth(current)+1+textWidth(word) <= width:
			current += " " + word
		default:
			lines, current = append(lines, current), word
		}
	}
	if current != "" || len(lines) == 0 {
		lines = append(lines, current)
	}
	return lines
}

// wrapLines breaks lines that are wider than width at spaces. What follows the first span of a line of several is
// indented by it.
func wrapLines(lines []line, width int) []line {
	var out []line
	for _, l := range lines {
		if lineWidth(l) <= width || len(l) == 0 || len(l) > 2 {
			out = append(out, l)
			continue
		}
		label := l[:len(l)-1]
		indent := 0
		if len(label) > 0 {
			indent = textWidth(label[0].text)
		}
		last := l[len(l)-1]
		for i, part := range wrap(last.text, max(8, width-indent)) {
			if i == 0 && len(label) > 0 {
				out = append(out, line{label[0], {part, last.style}})
			} else {
				out = append(out, line{{strings.Repeat(" ", indent) + part, last.style}})
			}
		}
	}
	return out
}

// cutCells is the longest beginning of s that takes at most n cells, but at least one character.
func cutCells(s string, n int) string {
	end := 0
	for i, r := range s {
		next := i + len(string(r))
		if end > 0 && textWidth(s[:next]) > n {
			break
		}
		end = next
	}
	return s[:end]
}

// sentences say what the state and the queues mean.
func (w *page) sentences(s *model.Snapshot, r *model.Socket) {
	state := r.StateName()
	switch {
	case r.Dead:
		state += ", closed"
	case r.Stale:
		state += ", stale: its source failed"
	case r.Before != model.StateUnknown:
		state += " (was " + r.Before.String() + ")"
	}
	w.head("State: " + state)
	for _, text := range []string{model.ExplainState(r), model.ExplainListener(r)} {
		if text != "" {
			w.text(text)
		}
	}
	for _, text := range model.ExplainQueues(r) {
		w.text(text)
	}
	for _, text := range []string{model.ExplainTimer(r), model.ExplainOwner(r)} {
		if text != "" {
			w.text(text)
		}
	}
}

// plot draws the rates of the last samples.
func (w *page) plot(sent, received []float32, interval time.Duration) {
	if len(sent) == 0 {
		return
	}
	w.head("Rates, " + lastSamples(len(sent)) + " (" + intervalText(interval) + " each)")
	for _, p := range []struct {
		name  string
		rates []float32
	}{{"sent", sent}, {"received", received}} {
		top := float32(0)
		for _, rate := range p.rates {
			top = max(top, rate)
		}
		last := p.rates[len(p.rates)-1]
		w.lines = append(w.lines, line{
			{fmt.Sprintf("%-12s", p.name), w.theme.dim}, {plotText(w.theme.bars(), p.rates), w.theme.text},
			{fmt.Sprintf("  now %s/s, top %s/s", model.AppendShort(nil, uint64(last)), model.AppendShort(nil, uint64(top))), w.theme.text},
		})
	}
}

func lastSamples(n int) string {
	if n == 1 {
		return "last sample"
	}
	return fmt.Sprintf("last %d samples", n)
}

// plotText is a bar for each rate, the highest full.
func plotText(bars []rune, rates []float32) string {
	top := float32(0)
	for _, rate := range rates {
		top = max(top, rate)
	}
	var b strings.Builder
	for _, rate := range rates {
		step := 0
		if top > 0 && rate > 0 {
			step = max(1, int(rate/top*float32(len(bars)-1)+0.5))
		}
		b.WriteRune(bars[step])
	}
	return b.String()
}

// processes tell of each holder and of its parents.
func (w *page) processes(s *model.Snapshot, r *model.Holding, d *model.Detail) {
	if len(d.Holders) > 1 {
		w.head(fmt.Sprintf("Held by %d processes", r.Holders))
	}
	for i := range d.Holders {
		p := &d.Holders[i]
		title := fmt.Sprintf("Process %s (%d)", p.Name, p.PID)
		if r.Inferred {
			title = fmt.Sprintf("Most likely process %s (%d)", p.Name, p.PID)
		} else if r.Was {
			title = fmt.Sprintf("Was process %s (%d)", p.Name, p.PID)
		}
		w.head(title)
		w.field("command", orWhy(p.Cmdline, model.NotGiven))
		w.field("executable", orWhy(p.Exe, p.Why))
		w.field("directory", orWhy(p.Cwd, p.Why))
		user := p.User.String()
		if user == "" {
			user = s.UserName(p.UID).Text
		}
		w.field("user", fmt.Sprintf("%s (uid %d)", user, p.UID))
		w.field("started", ageText(s.Taken, p.Started))
		if !p.Unit.Empty() {
			w.field("unit", p.Unit.String())
		}
		if !p.Container.Empty() {
			w.field("container", p.Container.String())
		}
		if !p.ContainerID.Empty() {
			w.field("its id", p.ContainerID.String())
		}
		var up []string
		for j := range p.Parents {
			up = append(up, fmt.Sprintf("%s (%d, %s)", p.Parents[j].Name, p.Parents[j].PID, s.UserName(p.Parents[j].UID).Text))
		}
		if len(up) > 0 {
			w.field("started by", strings.Join(up, " < "))
		}
	}
}

func orWhy(t model.Text, why model.Unknown) string {
	switch {
	case !t.Empty():
		return t.String()
	case why == model.Known:
		return "-"
	}
	return "- (" + why.String() + ")"
}

// maxSiblings bounds the list of a process's other sockets.
const maxSiblings = 10

// otherSockets lists what else its process holds.
func (w *page) otherSockets(s *model.Snapshot, r *model.Socket) {
	p := s.HolderOf(r)
	if p == nil {
		return
	}
	var others []*model.Socket
	for i := range s.Sockets {
		if o := &s.Sockets[i]; o != r && o.Owner == r.Owner && !o.Dead {
			others = append(others, o)
		}
	}
	if len(others) == 0 {
		return
	}
	less := model.Sockets().Less
	slices.SortFunc(others, func(a, b *model.Socket) int {
		if less(a, b) {
			return -1
		}
		return 1
	})
	w.head(fmt.Sprintf("Its other sockets: %d", len(others)))
	for _, o := range others[:min(len(others), maxSiblings)] {
		w.text(targetText(o.Target()))
	}
	if more := len(others) - maxSiblings; more > 0 {
		w.text(fmt.Sprintf("... and %d more: the filter pid:%d shows them all", more, p.PID))
	}
}

// columns are the values of every column, with what they mean.
func (w *page) columns(v *view, row int, specs []model.Spec) {
	w.head("Columns")
	var f model.Formatter
	for i := range specs {
		c := &specs[i]
		value := v.rows.Value(row, i)
		text := string(f.Append(nil, c.Kind, value))
		switch {
		case value.Why != model.Known:
			text = "- (" + value.Why.String() + ")"
		case (c.Kind == model.KindBytes || c.Kind == model.KindRate) && value.Num >= 1000:
			text = fmt.Sprintf("%s (%d)", text, value.Num)
		}
		w.figure(c.ID, text, c.Help)
	}
}

// figure is a name, a value and, where there is room, what it is.
func (w *page) figure(name, value, help string) {
	const names, values = 22, 22
	l := line{{fmt.Sprintf("%-*s ", names, name), w.theme.dim}}
	pad := max(0, values-textWidth(value))
	l = append(l, span{value + strings.Repeat(" ", pad) + " ", w.theme.text})
	if textWidth(value) <= values && w.width >= names+values+2+textWidth(help) { // half a sentence is none
		l = append(l, span{help, w.theme.dim})
	}
	w.lines = append(w.lines, l)
}

// figures are the kernel's own, by group.
func (w *page) figures(d *model.Detail) {
	if d.Err != nil {
		w.head("Kernel figures")
		w.warn(model.SafeText(d.Err.Error()).String())
		return
	}
	group := ""
	var f model.Formatter
	for i := range d.Figures {
		g := &d.Figures[i]
		if g.Group != group {
			group = g.Group
			w.head(group)
		}
		text := string(f.Append(nil, g.Kind, g.Value))
		if g.Value.Why == model.Known && (g.Kind == model.KindBytes || g.Kind == model.KindRate) && g.Value.Num >= 1000 {
			text = fmt.Sprintf("%s (%d)", text, g.Value.Num)
		}
		w.figure(g.Name, text, g.Help)
	}
}

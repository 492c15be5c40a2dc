package ui

// The lines around the table: what is looked at, how much there is, what can be done.

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"sockview/keymap"
	"sockview/model"
)

// bars are the head, the status line and the foot.
type bars struct {
	app                *App
	head, status, foot *bar
}

// bar is one line that draws itself.
type bar struct {
	*tview.Box
	draw func(screen tcell.Screen, x, y, width int)
}

func newBar(draw func(tcell.Screen, int, int, int)) *bar {
	b := &bar{tview.NewBox(), draw}
	b.SetBackgroundColor(tcell.ColorDefault)
	return b
}

func (b *bar) Draw(screen tcell.Screen) {
	x, y, width, height := b.GetInnerRect()
	if width > 0 && height > 0 {
		fill(screen, x, y, width, tcell.StyleDefault)
		b.draw(screen, x, y, width)
	}
}

func newBars(a *App) *bars {
	b := &bars{app: a}
	b.head, b.status, b.foot = newBar(b.drawHead), newBar(b.drawStatus), newBar(b.drawFoot)
	return b
}

func (b *bars) snapshot() *model.Snapshot {
	if b.app.table.view == nil {
		return nil
	}
	return b.app.table.view.snapshot
}

// drawHead says what program, which machine, what may be seen, and which screens there are.
func (b *bars) drawHead(screen tcell.Screen, x, y, width int) {
	a := b.app
	right := ""
	if a.paused {
		right = "(paused)"
	}
	room := width - textWidth(right)
	l := line{{"sockview", a.theme.title}, {"  " + a.cfg.Host.String() + "  ", a.theme.text}}
	if s := b.snapshot(); s != nil {
		text, warn := accessLine(s)
		if s.Access.NoBytes != nil {
			text, warn = text+", no byte counters", true
		}
		style := a.theme.text
		if warn {
			style = a.theme.warning
		}
		l = append(l, span{text + "  ", style})
		if note, warn := netnsNote(s, a.demand.NetNS); note != "" {
			if style = a.theme.text; warn {
				style = a.theme.warning
			}
			l = append(l, span{note + "  ", style})
		}
	}
	var tabs line
	for _, form := range tabForms {
		if tabs = b.tabs(form); lineWidth(l)+lineWidth(tabs) <= room {
			break
		}
	}
	if lineWidth(l)+lineWidth(tabs) > room { // where one is matters more than what else there is
		l, tabs = l[:1], append(line{{"  ", a.theme.text}, a.currentTab()}, l[1:]...)
	}
	l = append(l, tabs...)
	putLine(screen, x, y, room, 0, l, a.theme.cut())
	put(screen, x+room, y, width-room, right, a.theme.warning, a.theme.cut())
}

// currentTab is the tab of the screen on show alone.
func (a *App) currentTab() span {
	at := slices.IndexFunc(a.screens, func(s *screen) bool { return s.action == a.state.def.action })
	return span{a.tabKey(at) + " " + a.state.def.title, a.theme.title}
}

// tabKey is the key that a tab goes by: a digit as long as there are any, then the first one of its action.
func (a *App) tabKey(at int) string {
	if at < 10 {
		return strconv.Itoa((at + 1) % 10)
	}
	if b, ok := a.keys.Binding(a.screens[at].action); ok && len(b.Keys) > 0 {
		return string(b.Keys[0])
	}
	return ""
}

// How much of a screen's title its tab says; the screen on show always says it.
func longTab(s *screen) string   { return " " + s.title + " " }
func shortTab(s *screen) string  { return " " + s.short }
func onlyDigit(s *screen) string { return "" }

// tabForms are the ways to name the screens, the longest first.
var tabForms = []func(*screen) string{longTab, shortTab, onlyDigit}

// tabs name the screens.
func (b *bars) tabs(title func(*screen) string) line {
	var l line
	for i, s := range b.app.screens {
		style, text := b.app.theme.dim, title(s)
		if def := b.app.state.def; s.action == def.action {
			name := def.title
			if s.name == "count" {
				name += " " + b.app.state.by
			}
			if v := b.app.table.view; def.fill != nil && v != nil {
				name += " " + def.fill(v.snapshot)
			}
			style, text = b.app.theme.title, " "+name+strings.TrimPrefix(text, strings.TrimRight(text, " "))
		}
		l = append(l, span{b.app.tabKey(i) + text + " ", style})
	}
	return l
}

// accessLine says what may be seen; when it is not everything, how much is hidden and what would show it.
func accessLine(s *model.Snapshot) (text string, warn bool) {
	level := ""
	if s.Access.ReadOnly {
		level = "read-only"
	}
	switch lacks := len(s.Access.Missing) > 0; {
	case s.Access.Hidden > 0:
		text, warn = hiddenOwners(s.Access.Hidden), true
		if lacks {
			text += " (setcap: ?)"
		}
	case lacks && !s.Access.Owners: // none to hide just now
		text = "no owners of others"
	case lacks:
		text = "partial access"
	case level == "":
		text = "full access"
	}
	if level != "" && text != "" {
		level += ", "
	}
	return level + text, warn
}

// hiddenOwners says of how many sockets the owner is hidden.
func hiddenOwners(n int) string {
	if n == 1 {
		return "1 owner hidden"
	}
	return strconv.Itoa(n) + " owners hidden"
}

// drawStatus counts, in TCPView's words and order, what the host has.
func (b *bars) drawStatus(screen tcell.Screen, x, y, width int) {
	a := b.app
	s := b.snapshot()
	if s == nil {
		put(screen, x, y, width, "reading sockets ...", a.theme.dim, a.theme.cut())
		return
	}
	if a.context() == keymap.FilterLine && a.message != "" { // the line that is typed hides the foot
		put(screen, x, y, width, a.message, a.theme.text, a.theme.cut())
		return
	}
	if lines := wrap(a.message, width); len(lines) > 1 {
		put(screen, x, y, width, lines[0], b.messageStyle(), a.theme.cut())
		return
	}
	if a.context() == keymap.FilterLine && a.state.filterErr != nil {
		put(screen, x, y, width, a.state.filterErr.Error(), a.theme.warning, a.theme.cut())
		return
	}
	if trouble := troubleLine(s); trouble != "" {
		n := min(textWidth(trouble)+2, width/2)
		put(screen, x+width-n+2, y, n-2, trouble, a.theme.warning, a.theme.cut())
		width -= n
	}
	what, shown := "Shown", ""
	if !a.state.def.isSockets() {
		what = "Rows" // of processes or groups, not of endpoints
	}
	if !a.state.filter.Empty() || !a.state.def.chooses(a.choice).Everything() || a.state.def.tables != 0 || a.state.def.fill != nil {
		shown = strconv.Itoa(len(a.table.view.order))
	}
	every := a.demand.Interval
	if s.Stretched() {
		every = max(every, s.Interval)
	}
	put(screen, x, y, width, statusLine(&s.Counts, what, shown, every, width), a.theme.text, a.theme.cut())
}

// statusLine is the longest form of the counts that fits width.
func statusLine(c *model.Counts, what, shown string, interval time.Duration, width int) string {
	type figure struct{ long, short, value string }
	figures := []figure{
		{"Endpoints", "Endp", strconv.Itoa(c.Endpoints)},
		{"Established", "Estab", strconv.Itoa(c.State(model.Established))},
		{"Listening", "Listen", strconv.Itoa(c.State(model.Listen))},
		{"Time Wait", "TimeW", strconv.Itoa(c.State(model.TimeWait))},
		{"Close Wait", "CloseW", strconv.Itoa(c.State(model.CloseWait))},
		{"Update", "Upd", intervalText(interval)},
	}
	if shown != "" {
		figures = append(figures[:1], append([]figure{{what, what, shown}}, figures[1:]...)...)
	}
	forms := []struct{ colon, between string }{{": ", " | "}, {": ", "  "}, {" ", " "}}
	for _, form := range forms {
		var words []string
		for _, f := range figures {
			words = append(words, f.long+form.colon+f.value)
		}
		if text := strings.Join(words, form.between); len(text) <= width {
			return text
		}
	}
	var words []string
	for _, f := range figures {
		words = append(words, f.short+" "+f.value)
	}
	return strings.Join(words, " ")
}

func intervalText(d time.Duration) string {
	if d < time.Second {
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	return strconv.FormatFloat(d.Seconds(), 'g', 4, 64) + " s"
}

// troubleLine names the sources that failed and how old what they last said is.
func troubleLine(s *model.Snapshot) string {
	var parts []string
	switch {
	case s.Stretched(): // what the kernel takes cannot be helped, so it is asked less often
		parts = append(parts, "not "+intervalText(s.Chosen)+": the kernel takes "+string(model.AppendDuration(nil, s.Waited)))
	case s.Interval > 0 && s.Took > s.Interval:
		parts = append(parts, "a sample takes "+string(model.AppendDuration(nil, s.Took)))
	}
	return strings.Join(append(parts, sourceTroubles(s.Sources)...), "; ")
}

// sourceTroubles are a few words about each source that failed.
func sourceTroubles(sources []model.Source) []string {
	var parts []string
	for i := range sources {
		src := &sources[i]
		switch {
		case src.Err != nil:
			text := src.Name + ": " + model.SafeText(src.Err.Error()).String()
			if src.Age > 0 {
				text += " (" + string(model.AppendDuration(nil, time.Duration(src.Age))) + " old)"
			}
			parts = append(parts, text)
		case src.Bad > 0:
			parts = append(parts, fmt.Sprintf("%s: %d rows unreadable", src.Name, src.Bad))
		}
	}
	return parts
}

// drawFoot shows the filter or a message, and the keys most used here.
func (b *bars) drawFoot(screen tcell.Screen, x, y, width int) {
	a := b.app
	used := 0
	switch {
	case a.message != "": // one that is too long begins in the line above
		lines := wrap(a.message, width)
		text := strings.Join(lines[min(1, len(lines)-1):], " ")
		used = put(screen, x, y, width, text, b.messageStyle(), a.theme.cut())
	default:
		used = put(screen, x, y, width*2/3, a.filterNote(), a.theme.title, a.theme.cut())
	}
	if used > 0 {
		used += 2
	}
	b.drawKeys(screen, x+used, y, width-used)
}

func (b *bars) messageStyle() tcell.Style {
	if b.app.warning {
		return b.app.theme.warning
	}
	return b.app.theme.text
}

// drawKeys draws the footer's keys, as many as fit, at the right when something stands at the left.
func (b *bars) drawKeys(screen tcell.Screen, x, y, width int) {
	var l line
	total := 0
	for _, e := range b.app.keys.Footer(b.app.context()) {
		if !b.app.can(e.Action) {
			continue
		}
		w := textWidth(string(e.Key)) + 1 + textWidth(e.Title)
		if total > 0 {
			w += 2
		}
		if total+w > width {
			break
		}
		if total > 0 {
			l = append(l, span{"  ", b.app.theme.text})
		}
		l = append(l, span{string(e.Key), b.app.theme.key}, span{" " + e.Title, b.app.theme.text})
		total += w
	}
	putLine(screen, x+width-total, y, total, 0, l, b.app.theme.cut())
}

// filterNote is what is left out of the table, in short.
func (a *App) filterNote() string {
	var parts []string
	if c := a.choiceNote(); c != "" {
		parts = append(parts, c)
	}
	if !a.state.filter.Empty() {
		text := a.state.filterText
		if a.state.filterErr != nil {
			text = a.state.filter.String() // the last right one is in force
		}
		parts = append(parts, "/"+model.SafeText(text).String())
	}
	if st := a.state; a.table.view != nil && !a.table.shows(st.sorting.Column) && st.sorting.Column >= 0 {
		parts = append(parts, "by "+st.specs[st.sorting.Column].ID+a.table.arrow(st.sorting.Desc))
	}
	if n := len(a.state.marks); n > 0 {
		parts = append(parts, fmt.Sprintf("%d marked", n))
	}
	return strings.Join(parts, "  ")
}

// choiceNote says which toggles are set.
func (a *App) choiceNote() string {
	var parts []string
	c := a.state.def.chooses(a.choice)
	for _, p := range []struct {
		on   bool
		name string
	}{{c.TCP, "TCP"}, {c.UDP, "UDP"}, {c.UDPLite, "UDP-Lite"}, {c.SCTP, "SCTP"}, {c.Raw, "raw"}} {
		if p.on && !c.Everything() {
			parts = append(parts, p.name)
		}
	}
	if c.Family != 0 {
		parts = append(parts, "IPv"+strconv.Itoa(int(c.Family)))
	}
	switch c.Listen {
	case model.ConnectedOnly:
		parts = append(parts, "connected")
	case model.ListeningOnly:
		parts = append(parts, "listening")
	}
	if c.Changing {
		parts = append(parts, "changing")
	}
	if c.Translated {
		parts = append(parts, "translated")
	}
	if len(parts) == 0 {
		return ""
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// emptyLine says why a table is empty.
func (a *App) emptyLine() string {
	v := a.table.view
	switch {
	case v == nil:
		return "reading ..."
	case a.state.def.tables&^v.snapshot.Tables == 0:
	default:
		return "reading ..."
	}
	why := a.filterNote()
	if explain := a.state.def.why; explain != nil && v.total == 0 {
		return explain(v.snapshot)
	}
	if why == "" || v.total == 0 {
		if line := netnsTrouble(v.snapshot, a.demand.NetNS); line != "" {
			return line
		}
		others := func(src model.Source) bool { // of them the status line tells
			return src.Of != a.state.def.tables && src.Of&a.state.def.tables == 0
		}
		own := slices.DeleteFunc(slices.Clone(v.snapshot.Sources), others)
		if troubles := sourceTroubles(own); len(troubles) > 0 {
			return "nothing to show: " + strings.Join(troubles, "; ")
		}
		if none := a.state.def.none; none != "" {
			return "none: " + none
		}
		return "none"
	}
	return fmt.Sprintf("0 of %d: filter %s   (a shows all)", v.total, strings.TrimPrefix(why, "/"))
}

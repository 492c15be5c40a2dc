package ui

// Network namespaces: which are looked into, what the head says of that, and where a row or a target is.

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"sockview/model"
	"sockview/ui/text"
)

// The choices of namespaces that are no names.
const (
	allNetNS = "all"
	ownNetNS = "own"
)

// namesNetNS says whether a choice is of one namespace, by its name or a pid.
func namesNetNS(choice string) bool { return choice != "" && choice != allNetNS && choice != ownNetNS }

// netnsNote is what the head says of namespaces; nothing where there is but one. What cannot be looked into is a warning.
func netnsNote(s *model.Snapshot, choice string) (note string, warn bool) {
	if namesNetNS(choice) {
		switch chosen := s.ChosenNetNS(); {
		case len(chosen) == 0:
			return "no namespace " + model.SafeText(choice).String(), true
		case len(chosen) > 1: // of a look before it was chosen
			return "namespace " + model.SafeText(choice).String(), false
		default:
			n := &s.NetNS[chosen[0]]
			if n.View == model.Hidden {
				return "namespace " + n.Name.String() + " hidden", true
			}
			return "namespace " + n.Name.String(), false
		}
	}
	if choice != allNetNS {
		if s.OtherNetNS() {
			return "own namespace", false
		}
		return "", false
	}
	seen, hidden := s.SeenNetNS()
	switch {
	case hidden == 0 && seen < 2:
		return "", false
	case hidden == 0:
		return fmt.Sprintf("%d namespaces", seen), false
	case seen < 2 && hidden == 1:
		return "1 namespace hidden", true
	case seen < 2:
		return fmt.Sprintf("%d namespaces hidden", hidden), true
	}
	return fmt.Sprintf("%d namespaces, %d hidden", seen, hidden), true
}

// maxListedNetNS is how many names a message lists.
const maxListedNetNS = 10

// netnsTrouble says why nothing of the chosen namespace is shown; "" where it is looked into.
func netnsTrouble(s *model.Snapshot, choice string) string {
	if !namesNetNS(choice) {
		return ""
	}
	chosen := s.ChosenNetNS()
	if len(chosen) > 0 {
		if n := &s.NetNS[chosen[0]]; len(chosen) == 1 && n.View == model.Hidden {
			return "network namespace " + n.Name.String() + " cannot be looked into" + colon(n.Err)
		}
		return ""
	}
	line := "no network namespace is called " + model.SafeText(choice).String()
	if _, err := strconv.ParseUint(choice, 10, 31); err == nil {
		line += ", and no process with this pid was seen in one"
	}
	var names []string
	for i := range s.NetNS {
		if v := s.NetNS[i].View; v != model.NoNetNS && v != model.Abandoned {
			names = append(names, s.NetNS[i].Name.String())
		}
	}
	if len(names) == 0 {
		return line
	}
	slices.SortFunc(names[1:], text.CompareNames)
	more := len(names) - maxListedNetNS
	line += "; there are: " + strings.Join(names[:min(len(names), maxListedNetNS)], ", ")
	if more > 0 {
		line += fmt.Sprintf(" and %d more", more)
	}
	return line
}

// colon is a reason behind a colon, nothing without one.
func colon(err error) string {
	if err == nil {
		return ""
	}
	return ": " + model.SafeText(err.Error()).String()
}

// netnsTroubles are what printing says of namespaces of which nothing, or less, could be printed; failed says that it was
// all that was asked for.
func (p *Printing) netnsTroubles(s *model.Snapshot) (parts []string, failed bool) {
	choice := p.options.NetNS
	if line := netnsTrouble(s, choice); line != "" {
		return []string{line}, true
	}
	hidden, tables := 0, 0
	var why error
	for i := range s.NetNS {
		switch n := &s.NetNS[i]; n.View {
		case model.Hidden:
			hidden, why = hidden+1, cmp.Or(why, n.Err)
		case model.TablesOnly:
			tables++
		}
	}
	switch {
	case hidden == 1:
		parts = append(parts, "1 network namespace cannot be looked into"+colon(why))
	case hidden > 1:
		parts = append(parts, fmt.Sprintf("%d network namespaces cannot be looked into", hidden)+colon(why))
	}
	if tables > 0 && p.tellsBytes() {
		parts = append(parts, "no byte counters where /proc alone tells of a namespace ("+strconv.Itoa(tables)+"): to enter it takes cap_sys_admin")
	}
	return parts, false
}

// pickNetNS asks for the namespaces to look into.
func (a *App) pickNetNS() {
	s := a.bars.snapshot()
	if s == nil {
		a.warn("no namespace was looked for yet")
		return
	}
	seen, hidden := s.SeenNetNS()
	items := []pick{
		{name: allNetNS, help: "all that may be seen"},
		{name: ownNetNS, help: "the one that sockview runs in: " + netnsHelp(s, 0)},
	}
	if a.demand.NetNS == allNetNS {
		items[0].help += ": " + strconv.Itoa(seen)
		if hidden > 0 {
			items[0].help += fmt.Sprintf("; %d cannot be looked into", hidden)
		}
	}
	var others []int
	for i := 1; i < len(s.NetNS); i++ {
		if v := s.NetNS[i].View; v != model.NoNetNS && v != model.Abandoned {
			others = append(others, i)
		}
	}
	slices.SortStableFunc(others, func(x, y int) int {
		return text.CompareNames(s.NetNS[x].Name.String(), s.NetNS[y].Name.String())
	})
	containers := containersIn(s)
	for _, i := range others {
		help := netnsHelp(s, i)
		if name := containers[uint16(i)]; name != "" {
			help += ", container " + name
		}
		items = append(items, pick{name: s.NetNS[i].Name.String(), help: help})
	}
	now := cmp.Or(a.demand.NetNS, ownNetNS)
	if chosen := s.ChosenNetNS(); namesNetNS(now) && len(chosen) == 1 { // it may have been by a pid
		now = s.NetNS[chosen[0]].Name.String()
	}
	at := slices.IndexFunc(items, func(it pick) bool { return it.name == now })
	p := newPicker(&a.theme, "Network namespaces to look into", items, at)
	p.chosen = func(at int) {
		a.pop()
		if name := items[at].name; at > 1 && !namesNetNS(name) {
			a.warn(fmt.Sprintf(`a namespace called "%s" cannot be chosen by its name; --netns takes the pid of a process in it`, name))
		} else {
			a.chooseNetNS(name)
		}
	}
	a.push(p)
}

// chooseNetNS has other namespaces looked into, at once.
func (a *App) chooseNetNS(choice string) {
	a.demand.NetNS = choice
	a.demand.Now++
	a.want()
	switch choice {
	case allNetNS:
		a.say("all network namespaces that may be seen")
	case ownNetNS:
		a.say("sockview's own network namespace alone")
	default:
		a.say("network namespace " + choice + " alone")
	}
}

// netnsHelp is what the list of namespaces says of one: how far it is seen, what it has, and what keeps us out.
func netnsHelp(s *model.Snapshot, slot int) string {
	if slot >= len(s.NetNS) {
		return "-"
	}
	n := &s.NetNS[slot]
	help := n.View.String()
	switch n.View {
	case model.Entered, model.TablesOnly:
		help += ", " + counted(n.Sockets, "socket")
	}
	return help + colon(n.Err)
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

// containersIn are the names of a container with sockets in each namespace but ours: that is often called by a pid.
func containersIn(s *model.Snapshot) map[uint16]string {
	names := make(map[uint16]string)
	for i := range s.Sockets {
		r := &s.Sockets[i]
		if r.NetNS == 0 || r.Dead {
			continue
		}
		if p := s.HolderOf(r); p != nil && !p.Container.Empty() && names[r.NetNS] == "" {
			names[r.NetNS] = p.Container.String()
		}
	}
	return names
}

// netns tells of a row's namespace where that is not our own.
func (w *page) netns(s *model.Snapshot, slot uint16) {
	n := s.NetNSOf(slot)
	if slot == 0 || n.View == model.NoNetNS {
		return
	}
	w.head("Network namespace: " + n.Name.String())
	w.text(n.View.Explain())
	if n.Err != nil {
		w.warn(model.SafeText(n.Err.Error()).String())
	}
	switch {
	case n.Cookie == 0:
		w.field("cookie", "- (the kernel gives none before Linux 5.14)")
	case n.Cookie>>63 != 0:
		w.field("cookie", "- (it is told only within the namespace)")
	default:
		w.field("cookie", strconv.FormatUint(n.Cookie, 10))
	}
	if n.AskedAt != 0 && n.View != model.Hidden {
		ago := string(model.AppendDuration(nil, time.Duration(max(0, s.Now-n.AskedAt))))
		w.field("asked", ago+" ago; a quiet one is asked less often")
	}
	w.field("sockets", strconv.Itoa(n.Sockets))
}

// netnsOf names the namespace with this cookie, "" for our own.
func netnsOf(s *model.Snapshot, cookie uint64) string {
	for i := range s.NetNS {
		if n := &s.NetNS[i]; n.Cookie == cookie && n.View != model.NoNetNS {
			if i == 0 {
				return ""
			}
			return n.Name.String()
		}
	}
	return ""
}

// subjectsIn names the namespaces that the subjects' sockets are in, when some are not in our own.
func (a *App) subjectsIn() string {
	v := a.table.view
	if v == nil {
		return ""
	}
	var names []string
	other := false
	add := func(slot uint16) {
		name := v.snapshot.NetNSOf(slot).Name.String()
		if other = other || slot != 0; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if netns := v.query.def.netns; netns != nil {
		for _, row := range a.subjects() {
			add(netns(v, row))
		}
	} else {
		for _, r := range a.subjectSockets() {
			add(r.NetNS)
		}
	}
	if !other {
		return ""
	}
	slices.SortFunc(names, text.CompareNames)
	if more := len(names) - maxListedNetNS; more > 0 {
		return strings.Join(names[:maxListedNetNS], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

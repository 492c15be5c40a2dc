package ui

// Killing an owner and closing connections. What was looked at is frozen when the dialog opens; a new order of
// rows or a pid that was used again cannot change whom it hits.

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sockview/keymap"
	"sockview/model"
)

// patience is for how long a signalled process is watched for its end.
const patience = 5 * time.Second

// maxListed is how many targets a dialog lists.
const maxListed = 12

// readOnlyText is the answer to the keys that change the system, where they do not.
const readOnlyText = "read-only: started with --read-only, so nothing is killed or closed; start it without to do so"

// kill signals the owners of the subjects, after a question.
func (a *App) kill() {
	if a.cfg.Start.ReadOnly {
		a.warn(readOnlyText)
		return
	}
	if a.cfg.Actor.Hold == nil {
		a.warn("signals are not available")
		return
	}
	processes := a.subjectProcesses()
	if len(processes) == 0 {
		a.warn("no process to signal: " + a.whyNoOwner())
		return
	}
	if holders := a.sharedHolders(); len(holders) > 1 {
		a.pickHolder(holders)
		return
	}
	a.askKill(processes)
}

// can says whether an action means anything on the screen on show: not every row has a process, or is a socket.
func (a *App) can(action keymap.Action) bool {
	def := a.state.def
	if a.cfg.Start.ReadOnly && changesSystem(action) {
		return false
	}
	switch action {
	case keymap.Kill:
		return def.holders != nil || def.ofSockets()
	case keymap.Close:
		return def.isSockets() || def.ofSockets()
	}
	return true
}

// changesSystem says whether an action does more than look.
func changesSystem(action keymap.Action) bool { return action == keymap.Kill || action == keymap.Close }

// whyNoOwner says why the row has no process.
func (a *App) whyNoOwner() string {
	rows := a.subjects()
	def := a.state.def
	switch {
	case def.holders == nil && !def.ofSockets():
		return "no process holds what is listed here"
	case def.holders == nil || len(rows) == 0:
		return a.whyNoSocket()
	case a.table.view.rows.Change(rows[0]) == model.Closed:
		return "the row is closed"
	}
	_, h := def.holders(a.table.view, rows[0])
	if h.Was {
		return "its process closed it; only the kernel still knows it"
	}
	return h.Why.String()
}

// whyNoSocket says why there is no live socket to act on.
func (a *App) whyNoSocket() string {
	switch {
	case a.details() == nil && len(a.state.marks) > 0 && len(a.subjects()) == 0:
		return "the marked rows are gone or filtered away; M unmarks them"
	case a.table.len() == 0:
		return "there is no row"
	}
	return "the row is closed"
}

// sharedHolders are the holders to choose from when the only subject is a socket of several processes.
func (a *App) sharedHolders() []*model.Process {
	rows := a.subjects()
	if a.state.def.holders == nil || len(rows) != 1 || a.table.view.rows.Change(rows[0]) == model.Closed {
		return nil
	}
	holders, _ := a.state.def.holders(a.table.view, rows[0])
	return holders
}

func (a *App) pickHolder(holders []*model.Process) {
	// Copies: the snapshot goes back while the list is open.
	frozen := make([]model.Process, len(holders))
	items := make([]pick, len(holders))
	for i, p := range holders {
		frozen[i] = *p
		items[i] = pick{name: fmt.Sprintf("%s (%d)", p.Name, p.PID), help: p.Cmdline.String()}
	}
	p := newPicker(&a.theme, fmt.Sprintf("%d processes hold this socket: signal which?", len(holders)), items, 0)
	p.chosen = func(at int) {
		a.pop()
		a.askKill([]*model.Process{&frozen[at]})
	}
	a.push(p)
}

// victim is a process taken hold of, with what is known of it.
type victim struct {
	model.Process
	held Held
}

func (v *victim) name() string { return fmt.Sprintf("%s (%d)", v.Name, v.PID) }

// askKill takes hold of the processes and asks. Whoever may not be signalled is named with the reason.
func (a *App) askKill(processes []*model.Process) {
	var victims []*victim
	var refused []string
	var typed string
	for _, p := range processes {
		guard := a.cfg.Actor.Rank(p.Target())
		if guard.Guard == model.NeverTouch {
			refused = append(refused, guard.Reason)
			continue
		}
		held, err := a.cfg.Actor.Hold(p.Target())
		if err != nil {
			refused = append(refused, fmt.Sprintf("%s (%d): %v", p.Name, p.PID, err))
			continue
		}
		if guard.Guard == model.AskTyped {
			typed = guard.Reason
		}
		victims = append(victims, &victim{*p, held})
	}
	if len(victims) == 0 {
		a.warn(strings.Join(refused, "; "))
		return
	}
	d := newDialog(&a.theme, "Signal the owner", a.killLines(victims, refused, typed, a.alsoHeld(processes)))
	var choices []pick
	for _, s := range a.cfg.Actor.Signals {
		choices = append(choices, pick{name: s.Name, help: s.Help})
	}
	d.offer(choices)
	d.answer = func(yes bool, choice int) {
		a.pop()
		if !yes {
			release(victims)
			a.say("nothing was done")
			return
		}
		signal := a.cfg.Actor.Signals[choice]
		if typed == "" {
			a.signal(victims, signal)
			return
		}
		a.confirm(fmt.Sprintf("%s. To send %s type yes: ", typed, signal.Name),
			func() { a.signal(victims, signal) }, func() { release(victims) })
	}
	a.push(d)
}

func release(victims []*victim) {
	for _, v := range victims {
		v.held.Close()
	}
}

// killLines say whom it will hit.
func (a *App) killLines(victims []*victim, refused []string, typed, alsoHeld string) []line {
	th := &a.theme
	plain := func(s string) line { return line{{s, th.text}} }
	field := func(name, value string) line { return line{{fmt.Sprintf("%-9s", name), th.dim}, {value, th.text}} }
	snap := a.table.view.snapshot
	var lines []line
	if len(victims) == 1 {
		v := victims[0]
		lines = append(lines,
			field("process", v.Name.String()),
			field("pid", fmt.Sprint(v.PID)),
			field("user", snap.UserName(v.UID).Text),
			field("command", v.Cmdline.String()),
			field("age", ageText(snap.Taken, v.Started)),
			field("sockets", otherSockets(&v.Process, a.state.def.isSockets())))
		if v.Unit.String() != "" {
			lines = append(lines, field("unit", v.Unit.String()))
		}
	} else {
		lines = append(lines, line{{fmt.Sprintf("%d processes:", len(victims)), th.title}})
		for i, v := range victims {
			if i == maxListed {
				lines = append(lines, plain(fmt.Sprintf("... and %d more", len(victims)-i)))
				break
			}
			lines = append(lines, plain(fmt.Sprintf("%7d %-15s %-8s %s", v.PID, v.Name, snap.UserName(v.UID).Text, v.Cmdline)))
		}
	}
	if netns := a.subjectsIn(); netns != "" {
		lines = append(lines, field("netns", netns))
	}
	if alsoHeld != "" {
		lines = append(lines, line{{"held too by " + alsoHeld, th.warning}})
	}
	for i, r := range refused {
		if i == maxListed {
			break
		}
		lines = append(lines, line{{"left alone: " + r, th.warning}})
	}
	if typed != "" {
		lines = append(lines, line{{typed, th.warning}})
	}
	if len(victims) == 1 {
		if hint := victims[0].held.Hint(a.cfg.Actor.Signals[0].Signal); hint != "" {
			lines = append(lines, line{{"note: " + hint, th.warning}})
		}
	}
	return append(lines, nil)
}

func otherSockets(p *model.Process, one bool) string {
	if one {
		return fmt.Sprintf("%d others besides this one", max(0, p.Sockets-1))
	}
	return fmt.Sprintf("%d", p.Sockets)
}

func ageText(now, started time.Time) string {
	if started.IsZero() {
		return "-"
	}
	return string(model.AppendDuration(nil, now.Sub(started))) + ", since " + started.Format("2006-01-02 15:04:05")
}

// signal sends the signal to each, and watches whether they end.
func (a *App) signal(victims []*victim, signal model.SignalChoice) {
	var failed []string
	var reached []*victim
	for _, v := range victims {
		if err := v.held.Signal(signal.Signal); err != nil {
			failed = append(failed, fmt.Sprintf("%s: %v", v.name(), err))
			v.held.Close()
			continue
		}
		reached = append(reached, v)
	}
	if len(failed) > 0 {
		a.warn(strings.Join(failed, "; "))
	} else {
		a.say(fmt.Sprintf("%s sent to %s", signal.Name, names(reached)))
	}
	if len(reached) > 0 {
		a.cfg.Go("watch", func() { a.watch(reached, signal, failed) })
	}
	clear(a.state.marks)
}

func names(victims []*victim) string {
	var words []string
	for i, v := range victims {
		if i == 3 {
			words = append(words, fmt.Sprintf("and %d more", len(victims)-i))
			break
		}
		words = append(words, v.name())
	}
	return strings.Join(words, ", ")
}

// watch tells whether the processes ended, after a while at most, and has a sample taken then.
func (a *App) watch(victims []*victim, signal model.SignalChoice, failed []string) {
	defer release(victims)
	ctx, cancel := context.WithTimeout(a.ctx, patience)
	defer cancel()
	var ended, alive []*victim
	for _, v := range victims {
		if v.held.Wait(ctx) == nil {
			ended = append(ended, v)
		} else {
			alive = append(alive, v)
		}
	}
	var parts []string
	if len(ended) > 0 {
		parts = append(parts, names(ended)+" ended")
	}
	if len(alive) > 0 {
		text := fmt.Sprintf("%s sent to %s, still there", signal.Name, names(alive))
		if hint := alive[0].held.Hint(signal.Signal); hint != "" {
			text += ": " + hint
		}
		parts = append(parts, text)
	}
	a.update(func() {
		if len(failed)+len(alive) > 0 {
			a.warn(strings.Join(append(parts, failed...), "; "))
		} else {
			a.say(strings.Join(parts, "; "))
		}
		a.demand.Now++
		a.want()
	})
}

// closeSockets closes the subjects' connections and leaves their processes alone, after a question.
func (a *App) closeSockets() {
	if a.cfg.Start.ReadOnly {
		a.warn(readOnlyText)
		return
	}
	if a.cfg.Actor.Close == nil {
		a.warn("closing connections is not available")
		return
	}
	if def := a.state.def; !def.isSockets() && !def.ofSockets() {
		a.warn("no connection to close: the kernel closes TCP and UDP sockets only")
		return
	}
	if s := a.bars.snapshot(); s != nil && !s.Access.Destroy {
		a.warn("closing a connection needs CAP_NET_ADMIN: sudo or setcap (see ?)")
		return
	}
	var targets []model.CloseTarget
	var refused []string
	risky := ""
	for _, r := range a.subjectSockets() {
		t := a.table.view.snapshot.TargetOf(r)
		if why := a.cfg.Actor.CloseRefusal(t); why != "" {
			refused = append(refused, why)
			continue
		}
		if r.IsListening() {
			risky = "this listener"
		}
		targets = append(targets, t)
	}
	switch {
	case len(targets) == 0 && len(refused) == 0:
		a.warn("no connection to close: " + a.whyNoSocket())
		return
	case len(targets) == 0:
		a.warn(refused[0])
		return
	case len(targets) > 1:
		risky = fmt.Sprintf("%d sockets", len(targets))
	}
	lines := a.closeLines(targets, refused)
	if risky != "" {
		lines = append(lines, line{{"Yes asks you to type it out.", a.theme.warning}})
	}
	lines = append(lines, nil)
	d := newDialog(&a.theme, "Close the connection", lines)
	d.answer = func(yes bool, _ int) {
		a.pop()
		switch {
		case !yes:
			a.say("nothing was done")
		case risky == "":
			a.destroy(targets)
		default:
			a.confirm("To close "+risky+" type yes: ", func() { a.destroy(targets) }, func() {})
		}
	}
	a.push(d)
}

func (a *App) closeLines(targets []model.CloseTarget, refused []string) []line {
	th := &a.theme
	var lines []line
	for i, t := range targets {
		if i == maxListed {
			lines = append(lines, line{{fmt.Sprintf("... and %d more", len(targets)-i), th.text}})
			break
		}
		text := targetText(t)
		if name := netnsOf(a.bars.snapshot(), t.NetNS); name != "" {
			text += ", in network namespace " + name
		}
		lines = append(lines, line{{text, th.text}})
	}
	for i, r := range refused {
		if i == 3 {
			break
		}
		lines = append(lines, line{{"left alone: " + r, th.warning}})
	}
	lines = append(lines, nil)
	told := make(map[string]bool)
	for _, t := range targets {
		if a.cfg.Actor.CloseEffect == nil {
			break
		}
		if effect := a.cfg.Actor.CloseEffect(t); !told[effect] {
			told[effect] = true
			lines = append(lines, line{{effect, th.text}})
		}
	}
	return append(lines, line{{"The process itself is left alone.", th.text}})
}

// targetText names a connection: its two ends.
func targetText(t model.CloseTarget) string {
	r := model.Socket{Proto: t.Proto, Family: t.Family, State: t.State}
	end := func(a model.Addr, port uint16) string {
		s := string(model.AppendAddr(nil, a, t.Family == model.IPv6))
		if strings.Contains(s, ":") {
			s = "[" + s + "]"
		}
		if port == 0 {
			return s + ":*"
		}
		return fmt.Sprintf("%s:%d", s, port)
	}
	return fmt.Sprintf("%s %s - %s %s", r.ProtoName(), end(t.Local, t.LocalPort), end(t.Remote, t.RemotePort), r.StateName())
}

// destroy closes the sockets beside the drawing and says how it went.
func (a *App) destroy(targets []model.CloseTarget) {
	clear(a.state.marks)
	a.cfg.Go("close", func() {
		done := 0
		var first error
		for _, t := range targets {
			if err := a.cfg.Actor.Close(t); err != nil {
				if first == nil {
					first = err
				}
				continue
			}
			done++
		}
		a.update(func() {
			switch {
			case first == nil && done == 1:
				a.say("closed " + targetText(targets[0]))
			case first == nil:
				a.say(fmt.Sprintf("closed %d connections", done))
			case len(targets) == 1:
				a.warn(first.Error())
			default:
				a.warn(fmt.Sprintf("closed %d of %d: %v", done, len(targets), first))
			}
			a.demand.Now++
			a.want()
		})
	})
}

// confirm has yes typed before f; anything else is no.
func (a *App) confirm(label string, f, otherwise func()) {
	no := func() {
		otherwise()
		a.say("nothing was done")
	}
	a.input.ask(keymap.Prompt, label, "", nil,
		func(text string) {
			a.pop()
			if strings.EqualFold(strings.TrimSpace(text), "yes") {
				f()
			} else {
				no()
			}
		},
		func() { a.pop(); no() })
	a.push(a.input)
}

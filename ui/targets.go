package ui

// Which rows, sockets and processes an action is about.

import "sockview/model"

// subjects are the rows an action is about: the one whose details are open, else the marked ones, else the
// cursor's. A marked row that is gone or filtered away is left out.
func (a *App) subjects() []int {
	v := a.table.view
	if v == nil {
		return nil
	}
	if d := a.details(); d != nil {
		if row := v.rowOf(d.key, d.row); row >= 0 {
			return []int{row}
		}
		return nil
	}
	if len(a.state.marks) > 0 {
		var rows []int
		for _, row := range v.order {
			if _, marked := a.state.marks[v.rows.Key(int(row))]; marked {
				rows = append(rows, int(row))
			}
		}
		return rows
	}
	if row, ok := a.table.cursorRow(); ok {
		return []int{row}
	}
	return nil
}

// details is the details page when it is open.
func (a *App) details() *details {
	for _, o := range a.overlays {
		if d, ok := o.(*details); ok {
			return d
		}
	}
	return nil
}

// subjectSockets are the live sockets of the subjects: themselves, or those that a process or group stands
// for, as far as the screen's filter and toggles let them through.
func (a *App) subjectSockets() []*model.Socket {
	v := a.table.view
	rows := a.subjects()
	if v == nil || len(rows) == 0 {
		return nil
	}
	var sockets []*model.Socket
	if v.query.def.isSockets() {
		for _, row := range rows {
			if r := &v.snapshot.Sockets[row]; !r.Dead {
				sockets = append(sockets, r)
			}
		}
		return sockets
	}
	if !v.query.def.ofSockets() {
		return nil // its rows have nothing to do with sockets
	}
	belongs := make([]func(*model.Snapshot, *model.Socket) bool, len(rows))
	table := model.Sockets()
	for i, row := range rows {
		f, err := model.ParseFilter(v.query.def.open(v, row), model.Scope{Specs: table.Specs()})
		if err != nil { // an action must not hit fewer than it was asked for without a word
			a.warn(err.Error())
			return nil
		}
		belongs[i] = model.Matcher(f, 0, table, nil)
	}
	q := v.query
	below := model.Matcher(q.filter, 1, table, q.format)
	for _, i := range chooseSockets(v.snapshot, nil, &q, below, nil) {
		r := &v.snapshot.Sockets[i]
		for _, is := range belongs {
			if !r.Dead && is(v.snapshot, r) {
				sockets = append(sockets, r)
				break
			}
		}
	}
	return sockets
}

// subjectProcesses are the processes that hold the subjects, each once.
func (a *App) subjectProcesses() []*model.Process {
	v := a.table.view
	if v == nil {
		return nil
	}
	var processes []*model.Process
	seen := make(map[model.ProcessID]bool)
	add := func(p *model.Process) {
		id := model.ProcessID{PID: p.PID, Start: p.Start}
		if p.PID != 0 && !seen[id] {
			seen[id] = true
			processes = append(processes, p)
		}
	}
	if v.query.def.name == "processes" {
		for _, row := range a.subjects() {
			k := v.rows.Key(row)
			for i := range v.snapshot.Processes {
				if p := &v.snapshot.Processes[i]; model.ProcessKey(nil, p) == k {
					add(p)
				}
			}
		}
		return processes
	}
	if def := v.query.def; def.holders != nil {
		for _, row := range a.subjects() {
			if all, h := def.holders(v, row); len(all) > 0 && !h.Was && v.rows.Change(row) != model.Closed {
				add(all[0])
			}
		}
		return processes
	}
	for _, r := range a.subjectSockets() {
		if p := v.snapshot.HolderOf(r); p != nil && !r.Was {
			add(p)
		}
	}
	return processes
}

// What becomes of the answers of the walkers: memory is brought up to date, wanted sockets are taken note
// of, and the result is put together.

package proc

import (
	"cmp"
	"slices"

	"sockview/model"
)

// settle takes in a job that is done, given up or dropped.
func (x *search) settle(j *job) {
	if j.err != nil && x.res.Err == nil {
		x.res.Err = j.err
	}
	if j.undone || j.lost || j.partial || j.err != nil {
		if j.kind == jobAlive || j.kind == jobIdentify && (j.mute || !j.lost) {
			x.cut = true
		} else if j.kind != jobIdentify {
			x.short = true
		}
	}
	switch j.kind {
	case jobPIDs:
		if !j.undone && !j.lost && j.err == nil && !j.gone && !j.denied {
			x.pids, x.listed = append(x.pids[:0], j.pids...), true
		} else {
			x.short = true
		}
	case jobAlive:
		for _, c := range j.check {
			if c.gone {
				x.gone = append(x.gone, c.ID)
			}
		}
	case jobBlock:
		x.settleBlock(j)
	case jobIdentify:
		x.settleIdentity(j)
	default:
		if x.share(j) {
			return // it comes back when its parts are done
		}
		x.settleFDs(j)
	}
	x.crew.put(j)
}

// share splits a process of which more is to be read than one walker should, and says whether it did.
func (x *search) share(j *job) bool {
	if j.undone || j.lost || j.gone || j.denied || j.same || j.partial || j.err != nil || j.kernel {
		return false
	}
	unread := func(e fdEntry) bool { return e.state == fdUnread }
	rest := j.table
	for {
		at := slices.IndexFunc(rest, unread)
		if at < 0 {
			return j.blocks > 0
		}
		rest = rest[at:]
		n := min(len(rest), x.block)
		b := x.crew.get(jobBlock, j.pid)
		b.parent, b.ident, b.tid, b.table = j, j.ident, j.tid, rest[:n:n]
		x.crew.queue = append(x.crew.queue, b)
		j.blocks++
		rest = rest[n:]
	}
}

// settleBlock takes in a part of a process; with the last one the process is settled.
func (x *search) settleBlock(b *job) {
	j := b.parent
	j.gone, j.denied = j.gone || b.gone, j.denied || b.denied
	j.partial, j.lost = j.partial || b.partial || b.undone, j.lost || b.lost
	if j.err == nil {
		j.err = b.err
	}
	if j.blocks--; j.blocks == 0 {
		x.settleFDs(j)
		x.crew.put(j)
	}
}

// settleFDs brings what is known of a process up to date.
func (x *search) settleFDs(j *job) {
	p := x.known[j.pid]
	switch {
	case j.undone:
		return
	case j.lost:
		if p != nil { // the walker that hangs still reads the table
			p.fds, p.whole = nil, false
		}
		return
	case j.gone:
		delete(x.known, j.pid)
		return
	case j.same:
		if j.kernel {
			p.verified = x.seq
		}
		return
	case j.err != nil && !j.met:
		return
	}
	if p == nil || j.fresh {
		p = &process{}
		x.known[j.pid] = p
	}
	p.stat, p.uid, p.ident, p.tid = j.stat, j.uid, j.ident, j.tid
	p.denied = j.denied
	if j.denied || j.kernel || j.err != nil {
		p.fds, p.whole = nil, false
		p.verified = x.seq
		return
	}
	if j.kind != jobTouch {
		p.whole = !j.partial
		if !j.partial && (j.fresh || j.kind == jobAll) {
			p.verified = x.seq
		}
	}
	p.keep(j.table)
	x.note(j.pid, p)
}

// keep remembers the fds of table that were looked at and are open.
func (p *process) keep(table []fdEntry) {
	const loose = 1024 // so much room may be left unused
	if cap(p.fds) < len(table) || cap(p.fds) > 2*len(table)+loose {
		p.fds = make([]fdEntry, 0, len(table))
	}
	p.fds = p.fds[:0]
	for _, e := range table {
		if e.state == fdRead {
			p.fds = append(p.fds, e)
		}
	}
}

// note takes the wanted sockets among the fds of a process, and has it identified when there are any.
func (x *search) note(pid int32, p *process) {
	wanted := false
	for _, e := range p.fds {
		switch {
		case e.inode == 0:
		case x.r.Full:
			wanted = true
		case x.want.has(e.inode):
			wanted = true
			delete(x.missing, e.inode)
			x.res.Holds = append(x.res.Holds, Hold{Inode: e.inode, ID: ID{PID: pid, Start: p.stat.Start}})
		}
	}
	if !wanted {
		return
	}
	if !x.r.Full {
		p.hit = x.seq
	}
	// Again in each scan that finds something of it: an exec changes who it is, and neither pid nor start.
	if p.infoAt != x.seq {
		p.infoAt = x.seq
		x.crew.queue = append(x.crew.queue, x.job(jobIdentify, pid))
	}
}

// settleIdentity takes in who a process is.
func (x *search) settleIdentity(j *job) {
	p := x.known[j.pid]
	if p == nil || p.stat.Start != j.stat.Start {
		return
	}
	switch {
	case j.undone:
	case j.lost && !j.mute:
		// its command line blocks, most likely: the rest can still be told
		p.mute = true
		x.crew.queue = append(x.crew.queue, x.job(jobIdentify, j.pid))
	case j.lost, j.err != nil, j.denied:
	case j.gone:
		// an exec does not change a process's start: it has exited, and what it held is not held
		delete(x.known, j.pid)
	default:
		info := j.info
		p.info = &info
	}
}

// identity is who the process is, as far as could be read.
func (p *process) identity() model.Process {
	if p.info != nil {
		return *p.info
	}
	return model.Process{
		PID: p.stat.PID, PPID: p.stat.PPID, Start: p.stat.Start, UID: p.uid, Name: p.stat.Comm,
	}
}

// result puts together what was found.
func (x *search) result() Result {
	res := x.res
	res.Gone = x.gone
	slices.SortFunc(res.Gone, compareID)
	res.Gone = slices.Compact(res.Gone)
	if x.r.Full {
		for pid, p := range x.known {
			for _, e := range p.fds {
				if e.inode != 0 {
					res.Holds = append(res.Holds, Hold{Inode: e.inode, ID: ID{PID: pid, Start: p.stat.Start}})
				}
			}
		}
	}
	// a process may have exited after its fds were read: who else has its sockets was looked for by a full
	// scan only
	held := len(res.Holds)
	res.Holds = slices.DeleteFunc(res.Holds, func(h Hold) bool {
		p := x.known[h.PID]
		return p == nil || p.stat.Start != h.Start
	})
	x.cut = x.cut || !x.r.Full && len(res.Holds) < held
	res.Holds = sortHolds(res.Holds)
	res.Processes = x.processes(res.Holds)
	for _, p := range x.known {
		if p.denied {
			res.Denied++
		}
	}
	res.Complete = !x.cut && (!x.short || !x.r.Full && len(x.missing) == 0)
	return res
}

// processes are those of the holds.
func (x *search) processes(holds []Hold) []model.Process {
	seen := make(map[int32]struct{})
	var list []model.Process
	boot := x.fs.bootTime(x.r.Full)
	for _, h := range holds {
		if _, ok := seen[h.PID]; ok {
			continue
		}
		seen[h.PID] = struct{}{}
		p := x.known[h.PID].identity()
		p.Started = started(boot, p.Start)
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b model.Process) int { return cmp.Compare(a.PID, b.PID) })
	return list
}

// sortHolds sorts holds by inode, pid and start, each once. Nearly all inodes have one holder, so numbers are sorted, and
// holders only among themselves: that is several times as fast.
func sortHolds(holds []Hold) []Hold {
	order := make([]uint64, len(holds))
	for i := range holds {
		order[i] = uint64(holds[i].Inode)<<32 | uint64(uint32(i))
	}
	slices.Sort(order)
	sorted := make([]Hold, len(holds))
	for i, n := range order {
		sorted[i] = holds[uint32(n)]
	}
	for from := 0; from < len(sorted); {
		to := from + 1
		for to < len(sorted) && sorted[to].Inode == sorted[from].Inode {
			to++
		}
		slices.SortFunc(sorted[from:to], func(a, b Hold) int { return compareID(a.ID, b.ID) })
		from = to
	}
	return slices.Compact(sorted)
}

func compareID(a, b ID) int {
	return cmp.Or(cmp.Compare(a.PID, b.PID), cmp.Compare(a.Start, b.Start))
}

// One scan: in which order processes are looked at, and what is made of the answers.

package proc

import (
	"cmp"
	"slices"
)

const (
	// recentScans is for how many scans a process that had a wanted socket counts as likely.
	recentScans = 16
	// maxRecent is how many such processes are probed before all are listed.
	maxRecent = 64
	// checkBatch is how many processes one job checks.
	checkBatch = 64
)

// search is the work of one scan.
type search struct {
	*Scanner
	r       Request
	crew    *crew
	want    *inodeSet
	missing map[uint32]struct{} // wanted and not found yet
	pids    []int32
	listed  bool // pids are all processes
	cut     bool // something asked was not answered: a check, who a process is
	short   bool // some fds were not looked at
	res     Result
	gone    []ID
}

// checkAlive asks for the processes of Check.
func (x *search) checkAlive() {
	ids := x.r.Check
	x.crew.run(func() *job {
		if len(ids) == 0 {
			return nil
		}
		j := x.crew.get(jobAlive, 0)
		for _, id := range ids[:min(len(ids), checkBatch)] {
			c := checked{ID: id}
			if p := x.known[id.PID]; p != nil && p.stat.Start == id.Start {
				c.ident = p.ident
			}
			j.check = append(j.check, c)
		}
		ids = ids[len(j.check):]
		return j
	}, x.settle)
}

// full looks at every fd of every process: those that were longest not looked at first, so that scans that
// are cut short get everywhere in the end.
func (x *search) full() {
	x.want = newInodeSet(nil)
	if !x.listProcesses() {
		return
	}
	x.pids = x.order(func(pid int32) uint64 {
		if p := x.known[pid]; p != nil {
			return p.verified
		}
		return 0
	})
	x.pass(jobAll, func(*process) bool { return true })
	clear(x.asked)
}

// find looks for the wanted sockets, at more and more cost: where they are remembered to be and where new
// ones are likely; at all fds that are not known; at every fd anew.
func (x *search) find() {
	x.want = newInodeSet(x.r.Inodes)
	x.missing = make(map[uint32]struct{}, len(x.want.set))
	for inode := range x.want.set {
		x.missing[inode] = struct{}{}
	}
	x.forgetClosed()
	x.rememberAsked()
	x.recall()
	if len(x.missing) == 0 || !x.listProcesses() {
		x.forgetFound()
		return
	}
	x.pids = x.order(func(pid int32) uint64 {
		switch p := x.known[pid]; {
		case p == nil:
			return 0 // a process that is new is likely to have what is new
		default:
			return x.seq - p.hit + 1
		}
	})
	if x.r.Shallow { // who came since is likely to have what came since
		x.pass(jobNew, func(p *process) bool { return p == nil })
		x.short = x.short || len(x.missing) > 0
		x.forgetFound()
		return
	}
	x.pass(jobNew, func(*process) bool { return true })
	last := uint64(0)
	for inode := range x.missing {
		last = max(last, x.asked[inode])
	}
	x.pass(jobAll, func(p *process) bool { return p != nil && p.verified < last })
	x.forgetFound()
}

// forgetClosed drops the fds whose sockets are gone from memory: whatever has their numbers now is new.
func (x *search) forgetClosed() {
	if len(x.r.Closed) == 0 {
		return
	}
	closed := newInodeSet(x.r.Closed)
	for _, p := range x.known {
		p.fds = slices.DeleteFunc(p.fds, func(e fdEntry) bool { return e.inode != 0 && closed.has(e.inode) })
	}
}

// rememberAsked notes since when each wanted inode is asked for: a process looked at anew after that need
// not be looked at again for its sake.
func (x *search) rememberAsked() {
	for inode := range x.asked {
		if !x.want.has(inode) {
			delete(x.asked, inode)
		}
	}
	for inode := range x.want.set {
		if _, ok := x.asked[inode]; !ok {
			x.asked[inode] = x.seq
		}
	}
}

func (x *search) forgetFound() {
	for inode := range x.asked {
		if _, ok := x.missing[inode]; !ok {
			delete(x.asked, inode)
		}
	}
}

// recall looks at the fds that are remembered to be wanted sockets, and for new fds in the likely processes.
func (x *search) recall() {
	if len(x.missing) == 0 {
		return
	}
	probe := x.probed()
	var pids []int32
	for pid, p := range x.known {
		if p.tid != 0 || p.denied || p.ident == (ident{}) {
			continue // the next pass reads these
		}
		if probe[pid] || slices.ContainsFunc(p.fds, func(e fdEntry) bool { return x.want.has(e.inode) }) {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	x.crew.run(func() *job {
		for len(pids) > 0 {
			pid := pids[0]
			pids = pids[1:]
			if x.isBlocked(pid) {
				continue
			}
			j := x.job(jobTouch, pid)
			j.probe = probe[pid]
			return j
		}
		return nil
	}, x.settle)
}

// probed are the processes in which new sockets are expected.
func (x *search) probed() map[int32]bool {
	probe := make(map[int32]bool, len(x.r.Likely))
	for _, pid := range x.r.Likely {
		probe[pid] = true
	}
	var recent []int32
	for pid, p := range x.known {
		if p.hit != 0 && x.seq-p.hit <= recentScans && !probe[pid] {
			recent = append(recent, pid)
		}
	}
	slices.SortFunc(recent, func(a, b int32) int {
		return cmp.Or(cmp.Compare(x.known[b].hit, x.known[a].hit), cmp.Compare(a, b))
	})
	for _, pid := range recent[:min(len(recent), maxRecent)] {
		probe[pid] = true
	}
	return probe
}

// listProcesses lists the pids and forgets the processes that are gone. It says whether it could.
func (x *search) listProcesses() bool {
	first := true
	x.crew.run(func() *job {
		if !first {
			return nil
		}
		first = false
		return x.crew.get(jobPIDs, 0)
	}, x.settle)
	if !x.listed {
		return false
	}
	for pid := range x.known {
		if _, alive := slices.BinarySearch(x.pids, pid); !alive {
			delete(x.known, pid)
		}
	}
	return true
}

// order sorts the pids: the likely first as they were given, then by rank, then by pid.
func (x *search) order(rank func(pid int32) uint64) []int32 {
	likely := make(map[int32]int, len(x.r.Likely))
	for i, pid := range x.r.Likely {
		likely[pid] = i - len(x.r.Likely)
	}
	ranks := make(map[int32]uint64, len(x.pids))
	for _, pid := range x.pids {
		ranks[pid] = rank(pid)
	}
	slices.SortStableFunc(x.pids, func(a, b int32) int {
		return cmp.Or(cmp.Compare(likely[a], likely[b]), cmp.Compare(ranks[a], ranks[b]))
	})
	return x.pids
}

// pass looks at the fds of the processes that only lets through, until nothing is missing any more.
func (x *search) pass(kind jobKind, only func(*process) bool) {
	pids := x.pids
	x.crew.run(func() *job {
		for len(pids) > 0 && (x.r.Full || len(x.missing) > 0) {
			pid := pids[0]
			pids = pids[1:]
			if !only(x.known[pid]) {
				continue
			}
			if x.isBlocked(pid) {
				x.short = true
				continue
			}
			return x.job(kind, pid)
		}
		return nil
	}, x.settle)
}

// isBlocked says whether a walker hangs in this process's fds.
func (x *search) isBlocked(pid int32) bool {
	return slices.ContainsFunc(x.crew.left, func(b blocked) bool { return b.pid == pid && b.kind != jobIdentify })
}

// job is a job that says what is known of the process.
func (x *search) job(kind jobKind, pid int32) *job {
	j := x.crew.get(kind, pid)
	if p := x.known[pid]; p != nil {
		j.met, j.stat, j.ident, j.kernel = true, p.stat, p.ident, p.stat.Kernel
		j.known, j.whole, j.hidden, j.mute = p.fds, p.whole, p.denied, p.mute
	}
	if kind == jobNew || kind == jobTouch {
		j.want = x.want
	}
	return j
}

package netns

// Which process is in which namespace: whom to list when, and whose link to read again.

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// wantsList says whether to list the processes in this look. With thousands of them that is most of its cost, so it is
// left out when the kernel counts neither a new process nor one thread less, and every other time and more when there are
// very many. But not for ever: those in other pid namespaces are counted as well, and one may make up for another.
func (f *finder) wantsList() bool {
	now := f.load()
	if now == ([2]int64{}) || f.seq == 1 || f.unread > 0 {
		f.counted = now
		return true
	}
	since := f.seq - f.listedAt
	if since < listAtLeast && (now == f.counted || since <= uint64(len(f.known)/listEasily)) {
		return false
	}
	f.counted = now
	return true
}

// load is how many threads there are and which pid was given out last, by /proc/loadavg; zeros when it does not say.
func (f *finder) load() (counted [2]int64) {
	fd, err := unix.Openat(f.root, "loadavg", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return counted
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, f.link)
	if err != nil {
		return counted
	}
	return parseLoad(string(f.link[:n]))
}

// parseLoad reads "0.20 0.18 0.12 1/80 11206" (proc_loadavg(5)).
func parseLoad(line string) (counted [2]int64) {
	fields := strings.Fields(line)
	if len(fields) != 5 {
		return counted
	}
	_, all, _ := strings.Cut(fields[3], "/")
	threads, err1 := strconv.ParseInt(all, 10, 64)
	last, err2 := strconv.ParseInt(fields[4], 10, 64)
	if err1 != nil || err2 != nil {
		return counted
	}
	return [2]int64{threads, last}
}

// follow lists the processes and brings what is known of them up to that. Both ascend.
func (f *finder) follow() error {
	var err error
	f.listedAt = f.seq
	if f.listed, err = list(f.root, f.dents, f.listed[:0]); err != nil {
		return fmt.Errorf("processes: %w", err)
	}
	next, i := f.spare[:0], 0
	for n, e := range f.listed {
		for i < len(f.known) && f.known[i].pid < e.pid {
			i++
		}
		var p process
		if i < len(f.known) && f.known[i].entry == e {
			p = f.known[i]
		} else {
			p = process{entry: e}
			if f.seq == 1 && n < len(f.listed)-newest {
				p.age = grown
			}
		}
		if !p.met {
			f.read(&p)
		}
		next = append(next, p)
	}
	f.known, f.spare = next, f.known
	return nil
}

// again reads the links that are due once more, after those of new processes. When not all can be read, it begins with
// others each time.
func (f *finder) again() {
	for n := range f.known {
		if p := &f.known[(n+int(f.seq)*f.most)%len(f.known)]; p.met && p.due <= f.seq && f.left > 0 {
			f.read(p)
		}
	}
}

// read reads which namespace a process is in, unless enough links were read in this look: then it is left out.
func (f *finder) read(p *process) {
	if f.left == 0 {
		f.unread++
		return
	}
	f.left--
	p.met = true
	place := f.where(p)
	if place != p.place {
		p.place, p.since = place, f.seq
		if f.seq > 1 {
			p.age = 0
		}
	}
	p.due = f.seq + 1<<p.age
	if p.age < grown {
		p.age++
	} else if f.seq == 1 { // spread, so that not all are due at once
		p.due = f.seq + 1 + uint64(p.pid)%(1<<grown)
	}
}

// where is the namespace of a process, nil when it is in none.
func (f *finder) where(p *process) *Place {
	if p.pid == f.self {
		return f.home // whatever its threads are doing
	}
	pid := strconv.Itoa(int(p.pid))
	p.tid = 0
	inode, err := readLink(f.root, pid+"/ns/net", f.link)
	if isGone(err) {
		p.tid, inode, err = f.liveThread(pid, p.pid)
	}
	switch {
	case err == nil:
		return f.at(f.home.Dev, inode)
	case isHidden(err):
		return f.behind(pid)
	}
	return nil
}

// liveThread looks for a thread that outlives the leader of its process: a dead leader is in no namespace.
func (f *finder) liveThread(pid string, leader int32) (tid int32, inode uint64, err error) {
	task, err := unix.Openat(f.root, pid+"/task", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, 0, err
	}
	defer unix.Close(task)
	threads, err := list(task, make([]byte, 4<<10), nil)
	if err != nil {
		return 0, 0, err
	}
	for _, t := range threads {
		if t.pid == leader {
			continue
		}
		inode, err := readLink(task, strconv.Itoa(int(t.pid))+"/ns/net", f.link)
		if !isGone(err) {
			return t.pid, inode, err
		}
	}
	return 0, 0, unix.ENOENT
}

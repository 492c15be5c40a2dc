package netns

// Finding the namespaces: which process is in which. A link is read when a process is new, then less and less often,
// for hardly any process moves to another namespace, and those that do are young: a container's first process starts in
// its runtime's. So a look is a listing of /proc, a few links, and one link for each namespace: the proof that it
// is still anchored.

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"sockview/model"
)

const (
	// grown is the age at which a process's link is read every 1<<grown looks.
	grown = 5
	// newest is how many of the highest pids are taken to be young in the first look.
	newest = 128
	// defaultLinks is how many links of processes a look reads: the rest of a storm of forks waits for the next.
	defaultLinks = 4096
	// listEasily is how many processes are listed in every look; twice as many in every other one, and so on, but in one of
	// listAtLeast at least.
	listEasily  = 2048
	listAtLeast = 5
)

// ownLink is the nsfs file of the namespace that the calling thread is in, under the root of a procfs.
const ownLink = "thread-self/ns/net"

// process is what is remembered of a process.
type process struct {
	entry
	place *Place // nil: in none (it is dead), or not known yet
	since uint64 // the look that first saw it there
	due   uint64 // the look that reads its link again
	tid   int32  // its leader is dead: this thread was asked
	age   uint8  // doublings of the time between two readings
	met   bool   // its link was read, or tried to be
}

// finder finds namespaces.
type finder struct {
	root   int // /proc
	self   int32
	home   *Place
	names  string // the directory of `ip netns`
	mounts mounts
	most   int // links a look

	seq      uint64
	listedAt uint64    // the look that listed the processes last
	counted  [2]int64  // threads and the last pid, then
	known    []process // ascending
	spare    []process
	listed   []entry
	dents    []byte
	link     []byte
	places   map[[2]uint64]*Place // by dev and inode
	netOnly  map[uint64]*Place    // by NetInode: those whose links may not be read
	left     int                  // links that this look may still read
	unread   int
	hidden   int // processes in netOnly places
}

// newFinder opens the root of a procfs and finds out which namespace the calling thread is in.
func newFinder(root, names string) (*finder, error) {
	f := &finder{
		names: names, most: defaultLinks,
		dents: make([]byte, 64<<10), link: make([]byte, 64),
		places: make(map[[2]uint64]*Place), netOnly: make(map[uint64]*Place),
	}
	var err error
	if f.root, err = unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("open %s: %w", root, err)
	}
	if f.mounts.fd, err = unix.Openat(f.root, "self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		unix.Close(f.root)
		return nil, fmt.Errorf("mounts: %w", err)
	}
	var fs unix.Statfs_t
	f.mounts.real = unix.Fstatfs(f.root, &fs) == nil && fs.Type == unix.PROC_SUPER_MAGIC
	if n, err := unix.Readlinkat(f.root, "self", f.link); err == nil {
		f.self, _ = number(f.link[:n])
	}
	f.home = &Place{Home: true}
	if f.home.Inode, err = readLink(f.root, ownLink, f.link); err == nil && f.mounts.real {
		f.home.Dev, _, err = inodeOf(f.root, ownLink)
	}
	if err != nil {
		f.close()
		return nil, fmt.Errorf("our own namespace: %w", err)
	}
	f.places[[2]uint64{f.home.Dev, f.home.Inode}] = f.home
	return f, nil
}

func (f *finder) close() {
	unix.Close(f.root)
	unix.Close(f.mounts.fd)
}

// look finds what is there now. What could not be found out is in the error; the rest stands.
func (f *finder) look() error {
	f.seq++
	listed := f.wantsList()
	f.left, f.unread = f.most, 0
	var errs [4]error
	if listed {
		errs[0] = f.follow()
	}
	f.again()
	for _, p := range f.places {
		p.kept, p.Names = false, nil
	}
	for _, p := range f.netOnly {
		p.kept = false
	}
	mounted, err := f.mounts.look()
	errs[1] = err
	f.place(mounted)
	errs[2] = f.alias()
	if !f.verify() && !listed { // those that are not known yet may be in it
		errs[3] = f.follow()
		f.verify()
	}
	f.settle()
	if f.merge() {
		f.settle()
	}
	return errors.Join(errs[:]...)
}

// at is the place with this nsfs inode.
func (f *finder) at(dev, inode uint64) *Place {
	key := [2]uint64{dev, inode}
	p := f.places[key]
	if p == nil {
		p = &Place{Dev: dev, Inode: inode}
		f.places[key] = p
	}
	return p
}

// behind is the place of a process whose links we may not read. What is in /proc/PID/net may be read by everybody, and
// each namespace has inodes of its own there (proc_net_ns_init, fs/proc/proc_net.c).
func (f *finder) behind(pid string) *Place {
	_, inode, err := inodeOf(f.root, pid+"/net/dev")
	if err != nil {
		return nil
	}
	if p := f.netOnly[inode]; p != nil {
		return p
	}
	if p := f.seenAs(inode); p != nil {
		return p
	}
	p := &Place{NetInode: inode}
	f.netOnly[inode] = p
	return p
}

// seenAs is the place with readable links that has this NetInode, nil when there is none.
func (f *finder) seenAs(inode uint64) *Place {
	for _, p := range f.places {
		if p.NetInode == 0 {
			switch {
			case p.Home:
				_, p.NetInode, _ = inodeOf(f.root, "thread-self/net/dev")
			case len(p.PIDs) > 0:
				_, p.NetInode, _ = inodeOf(f.root, strconv.Itoa(int(p.PIDs[0]))+"/net/dev")
			}
		}
		if p.NetInode == inode {
			return p
		}
	}
	return nil
}

// merge makes one of two places that turn out to be the same: processes of ours are in it, and processes of others. It says
// whether there were such.
func (f *finder) merge() bool {
	merged := false
	for inode, p := range f.netOnly {
		seen := f.seenAs(inode)
		if seen == nil {
			continue
		}
		for i := range f.known {
			if f.known[i].place == p {
				f.known[i].place = seen
			}
		}
		delete(f.netOnly, inode)
		merged = true
	}
	return merged
}

// place takes the mounts in: which places they keep, and what these are called.
func (f *finder) place(all []mounted) {
	before := make(map[int]*Place)
	for _, p := range f.places {
		for _, m := range p.Mounts {
			before[m.ID] = p
		}
		p.Mounts = p.Mounts[:0]
	}
	for _, m := range all {
		p := f.at(m.dev, m.inode)
		p.kept = p.kept || before[m.ID] == p
		p.Mounts = append(p.Mounts, m.Mount)
		if name := ipName(m.Path); name != "" {
			p.Names = append(p.Names, model.SafeText(name))
		}
	}
}

// alias gives places the names that are only links.
func (f *finder) alias() error {
	all, err := aliases(f.names)
	for _, a := range all {
		if p := f.places[[2]uint64{a.dev, a.inode}]; p != nil {
			p.Names = append(p.Names, model.SafeText(a.name))
		}
	}
	return err
}

// verify says whether each place that had processes still has one that is known, and sees to it that the first process of each
// place is in it now, and not only was when its link was read last: what nobody needs must not be kept alive by us, and what is
// read through a process must be its own.
func (f *finder) verify() bool {
	for i := range f.known {
		k := &f.known[i]
		if k.place == nil || k.place.Home || k.place.verified == f.seq {
			continue
		}
		if was := k.place; f.where(k) == was {
			was.verified = f.seq
		} else {
			k.place, k.due, k.age = nil, f.seq, 0
			f.left = max(f.left, 1) // what was to be read here was one link
			f.read(k)
			if k.place != nil && !k.place.Home {
				k.place.verified = f.seq
			}
		}
	}
	lost := func(p *Place) bool { return !p.Home && len(p.PIDs) > 0 && p.verified != f.seq }
	for _, p := range f.places {
		if lost(p) {
			return false
		}
	}
	for _, p := range f.netOnly {
		if lost(p) {
			return false
		}
	}
	return true
}

// settle tells each place its processes, and forgets those that nothing anchors.
func (f *finder) settle() {
	f.hidden = 0
	for _, p := range f.places {
		p.PIDs, p.tid = p.PIDs[:0], 0
	}
	for _, p := range f.netOnly {
		p.PIDs = p.PIDs[:0]
	}
	for _, k := range f.known {
		p := k.place
		if p == nil {
			continue
		}
		if len(p.PIDs) == 0 {
			p.tid = k.tid
		}
		p.PIDs = append(p.PIDs, k.pid)
		p.kept = p.kept || k.since < f.seq
		if p.Inode == 0 {
			f.hidden++
		}
	}
	for key, p := range f.places {
		slices.SortFunc(p.Names, func(a, b model.Text) int { return cmp.Compare(a.String(), b.String()) })
		if !p.Home && len(p.PIDs) == 0 && len(p.Mounts) == 0 {
			delete(f.places, key)
		}
		p.age()
	}
	for key, p := range f.netOnly {
		if len(p.PIDs) == 0 {
			delete(f.netOnly, key)
		}
		p.age()
	}
}

// age notes that one more look saw the place. With nothing left that anchored it before, it may be another one whose
// inode is used again.
func (p *Place) age() {
	if p.old && !p.kept {
		p.generation++
	}
	p.old = true
}

// all are the places: our own first, then in an order that stays.
func (f *finder) all(dst []*Place) []*Place {
	for _, p := range f.places {
		dst = append(dst, p)
	}
	for _, p := range f.netOnly {
		dst = append(dst, p)
	}
	slices.SortFunc(dst, func(a, b *Place) int {
		switch {
		case a == b:
			return 0
		case a.Home:
			return -1
		case b.Home:
			return 1
		}
		return cmp.Or(cmp.Compare(a.Inode, b.Inode), cmp.Compare(a.NetInode, b.NetInode))
	})
	return dst
}

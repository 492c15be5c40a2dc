// The hot path: the fds of one process, read with getdents and readlinkat on its open fd directory. A
// walker belongs to one goroutine; its buffers are used again for every process.

package proc

import (
	"io"
	"math"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// fdState says what is known of an fd.
type fdState uint8

const (
	fdUnread fdState = iota // it is open; what it is was not looked at
	fdRead                  // inode says what it is
	fdClosed                // it was closed before it could be looked at
)

// fdEntry is an open fd of a process.
type fdEntry struct {
	fd    int32
	inode uint32 // of the socket that it is; 0: it is no socket
	state fdState
}

const (
	// defaultBlock is how many fds one walker reads of a process at a time: more are shared out, so that a
	// server with all its connections in one process is read by every walker.
	defaultBlock = 2048
	// beatEvery is after how many fds a walker tells that it is alive and looks whether it has to stop.
	beatEvery = 64
	// maxMisses is how many free fd numbers in a row end the search for new fds in the gaps.
	maxMisses = 8
	// denseFrom is how many open fds make it worth while to guess the numbers of most of them, and denseSlack the part
	// of the guess that may miss. Listing a directory of fds costs a quarter of what reading them does.
	denseFrom  = 256
	denseSlack = 8
)

// walker reads processes.
type walker struct {
	root  int           // the open root of /proc
	real  bool          // it is procfs: the size of an fd directory is how many are open
	beat  atomic.Uint64 // counts steps: one that stands still is blocked
	stop  *atomic.Bool  // time is up
	block int           // how many fds it reads of a process by itself
	path  cpath
	dents []byte  // getdents answers and whole files
	link  []byte  // a link of an fd
	fds   []int32 // of the directory being read
	tids  []int32
}

func newWalker() *walker {
	return &walker{
		root: -1, block: defaultBlock, stop: new(atomic.Bool),
		path: make(cpath, 0, 64), dents: make([]byte, 64<<10), link: make([]byte, 64),
	}
}

// file reads a file under dir, as far as the buffer goes; the next call overwrites it.
func (w *walker) file(dir int, name string) ([]byte, error) {
	fd, err := openat(dir, w.path.set(name), 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	w.beat.Add(1)
	return readAll(fd, w.dents)
}

// numbers appends the entries of an open directory that are numbers, ascending.
func (w *walker) numbers(dir int, dst []int32) ([]int32, error) {
	for {
		w.beat.Add(1)
		n, err := unix.ReadDirent(dir, w.dents)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return dst, err
		case n <= 0:
			return ascending(dst), nil
		default:
			dst = appendNumbers(dst, w.dents[:n])
		}
	}
}

// list looks at the fds of a process: at those that are not known yet, or at all.
func (w *walker) list(j *job) {
	fdDir := w.path.number(j.pid, "/fd")
	if j.kernel || j.kind == jobNew && j.whole {
		st, err := statDir(w.root, fdDir)
		if err != nil {
			j.fail(err)
			return
		}
		unchanged := w.real && st.size > 0 && st.size == int64(len(j.known))
		if st.same(j.ident) && (j.kernel || unchanged) {
			j.same = true
			return
		}
	}
	dir, err := w.openFDs(j)
	if err != nil && !(isHidden(err) && w.leaderDied(j)) || j.kernel {
		j.fail(err)
		return
	}
	w.fds = w.fds[:0]
	if dir >= 0 {
		defer unix.Close(dir)
		if w.canGuess(j) {
			w.fds, err = w.guess(dir, w.fds, j.size)
		} else {
			w.fds, err = w.numbers(dir, w.fds)
		}
		if err != nil {
			j.fail(err)
			return
		}
	}
	if len(w.fds) == 0 {
		live, err := w.openLiveThread(j)
		if err != nil {
			j.fail(err)
			return
		}
		if live >= 0 {
			defer unix.Close(live)
			dir = live
		}
	}
	if unread := j.plan(w.fds); unread <= w.block {
		w.resolve(j, dir, j.table)
	}
}

// canGuess says whether to guess the fds of a process of which all are to be read.
func (w *walker) canGuess(j *job) bool {
	return w.real && j.size >= denseFrom && j.size < math.MaxInt32/2 && (j.kind == jobAll || len(j.known) == 0)
}

// guess appends the lowest fd numbers, as many as are open and some more, open or not, and after them those that the
// directory has above: the kernel always gives out the lowest free one, so that a process with many has few gaps, and
// few above. However wrong open is by now, none is left out.
func (w *walker) guess(dir int, dst []int32, open int64) ([]int32, error) {
	above := open + open/denseSlack
	for fd := range int32(above) {
		dst = append(dst, fd)
	}
	const dots = 2 // "." and ".." stand before fd 0 (proc_readfd_common, fs/proc/fd.c)
	if _, err := unix.Seek(dir, above+dots, io.SeekStart); err != nil {
		return dst, err
	}
	return w.numbers(dir, dst)
}

// openFDs opens the fd directory of the process that j means; when it is not the one that was known, it
// says so in j.
func (w *walker) openFDs(j *job) (int, error) {
	if j.ident != (ident{}) {
		dir, err := openat(w.root, w.path.number(j.pid, "/fd"), unix.O_DIRECTORY)
		if err != nil {
			return -1, err
		}
		st, err := statDir(dir, w.path.set(""))
		if err == nil && st.same(j.ident) {
			j.uid, j.size = st.uid, st.size
			return dir, nil
		}
		unix.Close(dir)
	}
	return w.meet(j)
}

// meet reads who has the pid and opens its fd directory, both through one directory, which stays that of
// one process whatever becomes of the pid.
func (w *walker) meet(j *job) (int, error) {
	w.beat.Add(1)
	proc, err := openat(w.root, w.path.number(j.pid, ""), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	defer unix.Close(proc)
	raw, err := w.file(proc, "stat")
	if err != nil {
		return -1, err
	}
	stat, err := parseStat(raw)
	if err != nil {
		return -1, err
	}
	if !j.met || stat.Start != j.stat.Start {
		j.known, j.whole, j.fresh = nil, false, true
	}
	j.met, j.stat, j.kernel = true, stat, stat.Kernel
	st, err := statDir(proc, w.path.set("fd"))
	if err != nil {
		return -1, err
	}
	j.ident, j.uid, j.size = st.ident, st.uid, st.size
	if j.kernel {
		return -1, nil // it has no fds of its own
	}
	return openat(proc, w.path.set("fd"), unix.O_DIRECTORY)
}

// leaderDied says whether a process that hides its fds, and did not before, does so because its leader has
// ended: what is left of a leader belongs to root, its threads are still their user's.
func (w *walker) leaderDied(j *job) bool {
	if j.hidden {
		return false
	}
	stat, err := w.statOf(j.pid)
	return err == nil && stat.State == 'Z' && !stat.Dead()
}

// openLiveThread opens the fd directory of the first thread that has one, -1 when there is none. The
// leader of a process may end before its threads; its own directory is empty then. The fds are in w.fds.
func (w *walker) openLiveThread(j *job) (int, error) {
	proc, err := openat(w.root, w.path.number(j.pid, ""), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	defer unix.Close(proc)
	if st, err := statDir(proc, w.path.set("fd")); err != nil {
		return -1, err
	} else if st.ident != j.ident {
		return -1, errOther
	}
	task, err := openat(proc, w.path.set("task"), unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	defer unix.Close(task)
	if w.tids, err = w.numbers(task, w.tids[:0]); err != nil {
		return -1, err
	}
	for _, tid := range w.tids {
		if tid == j.pid {
			continue
		}
		dir, err := openat(task, w.path.number(tid, "/fd"), unix.O_DIRECTORY)
		if isGone(err) {
			continue
		}
		if err != nil {
			return -1, err
		}
		if w.fds, err = w.numbers(dir, w.fds[:0]); err == nil && len(w.fds) > 0 {
			j.tid = tid
			return dir, nil
		}
		unix.Close(dir)
	}
	return -1, nil
}

// part reads a part of the fds of a process that another walker listed.
func (w *walker) part(j *job) {
	path := w.path.number(j.pid, "/fd")
	if j.tid != 0 {
		path = w.path.number2(j.pid, "/task/", j.tid, "/fd")
	}
	dir, err := openat(w.root, path, unix.O_DIRECTORY)
	if err != nil {
		j.fail(err)
		return
	}
	defer unix.Close(dir)
	if st, err := statDir(w.root, w.path.number(j.pid, "/fd")); err != nil || st.ident != j.ident {
		j.partial = true // whether it has exited will be seen next time
		return
	}
	w.resolve(j, dir, j.table)
}

// touch looks again at the fds that are known to hold a wanted socket and, when j.probe is set, at the numbers that the kernel gives
// out next, always the lowest free ones. That spares the listing of a process with many connections.
func (w *walker) touch(j *job) {
	dir, err := openat(w.root, w.path.number(j.pid, "/fd"), unix.O_DIRECTORY)
	if err != nil {
		j.fail(err)
		return
	}
	defer unix.Close(dir)
	if st, err := statDir(dir, w.path.set("")); err != nil || !st.same(j.ident) {
		j.same = true // another process, perhaps: nothing was learned
		return
	}
	j.table = append(j.table[:0], j.known...)
	for i := range j.table {
		if j.want.has(j.table[i].inode) {
			j.table[i].state = fdUnread
		}
	}
	w.resolve(j, dir, j.table)
	if j.probe && !j.denied && !j.partial && j.err == nil {
		w.fillGaps(j, dir)
	}
}

// fillGaps looks at the lowest fd numbers that are not known, until several in a row are free.
func (w *walker) fillGaps(j *job, dir int) {
	known := j.table
	fd, misses := int32(0), 0
	for misses < maxMisses && fd < math.MaxInt32 && !j.partial {
		if len(known) > 0 && known[0].fd == fd {
			known = known[1:]
			fd++
			continue
		}
		one := [1]fdEntry{{fd: fd}}
		if w.resolve(j, dir, one[:]); j.denied || j.err != nil {
			return
		}
		if one[0].state == fdRead {
			j.table = append(j.table, one[0])
			misses = 0
		} else {
			misses++
		}
		fd++
	}
	j.table = sortEntries(j.table)
}

// resolve reads what the unread fds of part are.
func (w *walker) resolve(j *job, dir int, part []fdEntry) {
	for i := range part {
		e := &part[i]
		if i%beatEvery == 0 {
			w.beat.Add(1)
			if w.stop.Load() {
				j.partial = true
				return
			}
		}
		if e.state != fdUnread {
			continue
		}
		link, err := readlinkat(dir, w.path.number(e.fd, ""), w.link)
		switch {
		case err == nil:
			e.inode, _ = parseSocket(link)
			e.state = fdRead
		case isGone(err):
			e.state = fdClosed
		default:
			j.fail(err)
			return
		}
	}
}

// alive says which of the processes are gone.
func (w *walker) alive(j *job) {
	for i := range j.check {
		c := &j.check[i]
		if w.stop.Load() {
			j.partial = true
			return
		}
		w.beat.Add(1)
		// a process with open fds has not ended, and that is cheaper to ask than its stat
		st, err := statDir(w.root, w.path.number(c.PID, "/fd"))
		if err == nil && w.real && st.same(c.ident) && st.size > 0 {
			continue
		}
		stat, err := w.statOf(c.PID)
		c.gone = isGone(err) || err == nil && (stat.Start != c.Start || stat.Dead())
	}
}

func (w *walker) statOf(pid int32) (Stat, error) {
	dir, err := openat(w.root, w.path.number(pid, ""), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return Stat{}, err
	}
	defer unix.Close(dir)
	raw, err := w.file(dir, "stat")
	if err != nil {
		return Stat{}, err
	}
	return parseStat(raw)
}

// processes lists the pids.
func (w *walker) processes(j *job) {
	dir, err := openat(w.root, w.path.set("."), unix.O_DIRECTORY)
	if err != nil {
		j.fail(err)
		return
	}
	defer unix.Close(dir)
	if j.pids, err = w.numbers(dir, j.pids[:0]); err != nil {
		j.fail(err)
	}
}

// A job is what one walker is asked to do, and its answer.

package proc

import (
	"fmt"
	"slices"

	"sockview/model"
)

type jobKind uint8

const (
	jobPIDs     jobKind = iota // list the processes
	jobAlive                   // say which of some processes are gone
	jobNew                     // look at the fds of a process that are not known
	jobAll                     // look at all of its fds anew
	jobTouch                   // look at some of its fds, and at the numbers given out next
	jobBlock                   // look at a part of the fds of a process that was listed
	jobIdentify                // read who it is
)

var jobWords = [...]string{"listing processes", "checking", "fds of", "fds of", "fds of", "fds of", "identity of"}

// job goes from the scan to a walker and back. Jobs and their tables are used again, so that a scan over
// known processes makes no garbage.
type job struct {
	kind jobKind
	pid  int32

	// What the scan knows of the process; the walker brings it up to date.
	met    bool // stat is that of the process
	stat   Stat
	ident  ident // of its fd directory
	kernel bool
	known  []fdEntry // its fds, only read by the walker
	whole  bool      // known is all it had
	hidden bool      // we could not look when it was last tried

	want  *inodeSet // jobNew, jobTouch: known fds with these inodes are looked at again
	probe bool      // jobTouch: look for new fds in the gaps
	mute  bool      // jobIdentify: without the command line

	// The answer.
	uid     uint32
	size    int64         // how many fds are open, as its directory says; 0: it does not
	tid     int32         // the fds were read through this thread, the leader being dead
	table   []fdEntry     // its fds now; jobBlock: the part to be read, in its parent's table
	fresh   bool          // it is another process than the one that was known
	same    bool          // no change: there is no table
	gone    bool          // it has exited
	denied  bool          // we may not look
	partial bool          // time was up before all of it was looked at
	undone  bool          // time was up before any of it was looked at
	lost    bool          // its walker is blocked: nothing of it may be looked at
	err     error         // anything else that went wrong
	pids    []int32       // jobPIDs
	check   []checked     // jobAlive
	crashed *crash        // our own fault
	info    model.Process // jobIdentify

	parent *job // jobBlock: of which process it is a part
	blocks int  // how many parts are still being read
}

// checked is a process that is asked for, and the answer.
type checked struct {
	ID
	ident ident
	gone  bool
}

// fail notes why a process could not be read.
func (j *job) fail(err error) {
	switch {
	case err == nil:
	case isGone(err):
		j.gone = true
	case isHidden(err):
		j.denied = true
	default:
		j.err = fmt.Errorf("%s %d: %w", jobWords[j.kind], j.pid, err)
	}
}

// plan makes the table of a process of the fds that are open now, keeping what is known of them unless all
// are to be looked at; a wanted socket is always looked at again. It says how many are still to be looked at.
func (j *job) plan(fds []int32) int {
	known := j.known
	if j.kind == jobAll {
		known = nil
	}
	j.table = j.table[:0]
	unread := 0
	for _, fd := range fds {
		for len(known) > 0 && known[0].fd < fd {
			known = known[1:]
		}
		if len(known) > 0 && known[0].fd == fd && !(j.want != nil && j.want.has(known[0].inode)) {
			j.table = append(j.table, known[0])
			continue
		}
		j.table = append(j.table, fdEntry{fd: fd})
		unread++
	}
	return unread
}

// reset makes a job ready to be used again; it keeps its buffers.
func (j *job) reset() {
	*j = job{table: j.table[:0], pids: j.pids[:0], check: j.check[:0]}
}

func sortEntries(table []fdEntry) []fdEntry {
	slices.SortFunc(table, func(a, b fdEntry) int { return int(a.fd) - int(b.fd) })
	return table
}

// inodeSet is a set of inodes that is asked far more often than it says yes.
type inodeSet struct {
	bits [1 << 9]uint64
	set  map[uint32]struct{}
}

func newInodeSet(inodes []uint32) *inodeSet {
	s := &inodeSet{set: make(map[uint32]struct{}, len(inodes))}
	for _, inode := range inodes {
		if inode == 0 {
			continue // TIME_WAIT and the like: no process has it
		}
		s.set[inode] = struct{}{}
		at := inode % (64 * uint32(len(s.bits)))
		s.bits[at/64] |= 1 << (at % 64)
	}
	return s
}

func (s *inodeSet) has(inode uint32) bool {
	at := inode % (64 * uint32(len(s.bits)))
	if s.bits[at/64]&(1<<(at%64)) == 0 {
		return false
	}
	_, ok := s.set[inode]
	return ok
}

// The owner scan as its caller sees it: what may be asked, what is answered, what is remembered.

package proc

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// ID names a process for good: its pid and its start time in clock ticks after boot.
type ID struct {
	PID   int32
	Start uint64
}

// Hold says that a process holds the socket with this inode.
type Hold struct {
	Inode uint32
	ID
}

// Request is what a scan is to find out.
type Request struct {
	// Inodes are the sockets whose holders are wanted. The scan ends when each has a holder; further ones
	// of the same socket are reported where it came across them, and all of them by a Full scan.
	Inodes []uint32
	// Full looks at every fd of every process and reads again who each holder is, so that an exec shows.
	// The answer has every socket, whatever Inodes says.
	Full bool
	// Closed are the sockets that are gone since the last scan. The fds that held them are looked at
	// anew, so that a socket under a number used again is found without looking at everything.
	Closed []uint32
	// Check are processes of which Gone is to tell whether they live.
	Check []ID
	// Likely are processes to be looked at first: the holders of the listeners of accepted connections.
	Likely []int32
	// Shallow looks only where the wanted sockets are remembered to be, where new ones are likely, and at processes
	// that are new: a fraction of the cost of listing every process's fds. What is not found there is not answered
	// (Result.Complete).
	Shallow bool
	// Budget bounds the scan; 0 leaves it to the context. It may be exceeded by a third of a second when
	// a read blocks.
	Budget time.Duration
}

// Result is what a scan found out. It is the caller's, the scanner keeps no part of it.
type Result struct {
	// Holds are the wanted sockets' holders, or every hold of the host after a Full scan, sorted by inode,
	// pid and start, each once. A Full scan that did not reach a process gives its holds as last seen.
	Holds []Hold
	// Processes are those of Holds, sorted by pid, each once. The fields that tell who a process is are
	// filled in; its sockets and what they moved are not.
	Processes []model.Process
	// Gone are the processes of Check that are not alive: exited, a zombie, or the pid used again.
	Gone []ID
	// Denied counts the processes whose fds we may not see, as far as they were tried.
	Denied int
	// Complete says that everything asked was answered: an inode without a holder is held by no process
	// that we may see. It need not be asked for again, and asking again is cheap.
	Complete bool
	// Err is the first error that is neither an exited process nor a missing right: /proc cannot be read,
	// no free file descriptor. The rest of the result stands.
	Err error
}

// process is what the scanner remembers of a process.
type process struct {
	stat     Stat
	uid      uint32
	ident    ident // of its fd directory
	fds      []fdEntry
	whole    bool           // fds are all it had when it was last listed
	tid      int32          // its leader is dead: the fds are this thread's
	denied   bool           // we may not look
	mute     bool           // its command line blocks
	verified uint64         // the scan that last looked at every fd anew
	hit      uint64         // the scan that last found a wanted socket here
	info     *model.Process // who it is, nil when not read yet
	infoAt   uint64         // the scan that read info, or tried to
}

// Scanner finds the holders of sockets. It remembers what every fd is, so that a scan reads only what is
// new; the kernel's word is taken again before an answer is given. One Scan runs at a time.
type Scanner struct {
	fs    FS
	mu    sync.Mutex
	seq   uint64 // counts scans
	known map[int32]*process
	asked map[uint32]uint64 // wanted inodes without a holder: the scan that first asked
	left  []blocked         // walkers that hang
	free  []*job
	spare []*walker
	stall time.Duration // for how long a walker may take no step
	block int           // how many fds of a process are read in one go
}

// NewScanner makes a scanner of the processes under fs.
func NewScanner(fs FS) *Scanner {
	return &Scanner{fs: fs, known: map[int32]*process{}, asked: map[uint32]uint64{}, stall: defaultStall, block: defaultBlock}
}

// Scan does what r asks for, until it is done, ctx ends or the budget is used up.
func (s *Scanner) Scan(ctx context.Context, r Request) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	root, err := os.OpenFile(s.fs.root, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return Result{Err: fmt.Errorf("scanning processes: %w", err)}
	}
	if r.Budget > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.Budget)
		defer cancel()
	}
	s.comeBack()
	before := len(s.left)
	x := &search{Scanner: s, r: r, crew: newCrew(ctx, s.fs.look, root, s.stall, s.block, s.left, s.free, s.spare)}
	x.checkAlive()
	if r.Full {
		x.full()
	} else {
		x.find()
	}
	x.crew.close()
	s.left, s.free, s.spare = x.crew.left, x.crew.free, x.crew.spare
	if len(s.left) == before {
		root.Close() // else it is closed when the last blocked walker lets go of it
	}
	return x.result()
}

// comeBack forgets the walkers that came back from a read that blocked; their processes are read again.
func (s *Scanner) comeBack() {
	still := s.left[:0:0]
	for _, b := range s.left {
		select {
		case <-b.lane.back:
			if b.lane.crashed != nil {
				panic(b.lane.crashed)
			}
			if p := s.known[b.pid]; p != nil {
				p.mute = false
			}
		default:
			still = append(still, b)
		}
	}
	s.left = still
}

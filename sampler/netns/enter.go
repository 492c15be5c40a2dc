package netns

// Entering a namespace. It is the thread that enters, so the goroutine is locked to one until it is back. A thread that
// cannot come back must run nothing else: it stays locked, and the runtime ends it with its goroutine.

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

var (
	errHidden = fmt.Errorf("its processes are another user's: %w", fs.ErrPermission)
	errAway   = errors.New("the thread is in another network namespace")
	errMoved  = errors.New("what anchored it is another namespace's by now")
)

// enter opens what is wanted in each of these namespaces, all in one go: the thread goes from one to the next, and back
// in the end.
func (w *Watcher[C]) enter(list []*Space[C]) {
	var inside []*Space[C]
	for _, s := range list {
		switch {
		case s.Inode == 0:
			w.refuse(s, errHidden)
		case s.Home && w.lent:
			w.fill(s)
		case w.open+len(inside) >= w.cfg.Most:
			w.refuse(s, ErrTooMany)
		case s.Home:
			w.fill(s)
		default:
			inside = append(inside, s)
		}
	}
	if len(inside) > 0 {
		w.way.away(func() {
			for _, s := range inside {
				var err error
				w.way.entering(func() { err = visit(s.paths(), s.Dev, s.Inode) })
				if err != nil {
					w.refuse(s, err)
				} else {
					w.fill(s)
				}
			}
		})
	}
}

// way is what brings a thread to other namespaces and back. Whoever is on his way holds it: it stays open for him when the
// Watcher is closed.
type way struct {
	back       int    // the nsfs file of our own namespace
	dev, inode uint64 // what that is
	entering   func(f func())
	start      func(name string, f func())
	ended      atomic.Int64 // threads that could not come back

	mu     sync.Mutex
	taken  int
	closed bool
}

// take holds the way open until leave. It says false when it is closed.
func (w *way) take() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.taken++
	return true
}

func (w *way) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.taken--; w.taken == 0 && w.closed {
		unix.Close(w.back) //nolint:errcheck // nothing was written to it
	}
}

// close closes the way, for those that hold it when the last of them leaves.
func (w *way) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.taken > 0 {
		return nil
	}
	return unix.Close(w.back)
}

// away runs f, which may enter namespaces, in a thread that does nothing else meanwhile, and brings it back.
func (w *way) away(f func()) {
	done := make(chan struct{})
	w.start("netns", func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// The first thread cannot be ended, and would show this process in another namespace: while it is
			// kept here, the next goroutine gets another.
			w.away(f)
			runtime.UnlockOSThread()
			return
		}
		f()
		if w.comeBack() != nil {
			w.ended.Add(1)
			return // still locked
		}
		runtime.UnlockOSThread()
	})
	<-done
}

// paths lead to the place's nsfs file.
func (p *Place) paths() []string {
	var paths []string
	if process := p.process(); process != "" {
		paths = append(paths, "/proc/"+process+"/ns/net")
	}
	for _, m := range p.Mounts {
		paths = append(paths, m.Path)
	}
	return paths
}

// visit brings the calling thread into a namespace by the first of the paths that leads there, and makes sure that it is
// the one that was meant.
func visit(paths []string, dev, inode uint64) error {
	err := error(unix.ENOENT)
	for _, path := range paths {
		if err = setns(path, dev, inode); err == nil {
			return nil
		}
	}
	return err
}

// setns enters the namespace whose nsfs file path leads to.
func setns(path string, dev, inode uint64) error {
	// O_NONBLOCK: what is mounted over it meanwhile may be a pipe.
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	if uint64(st.Dev) != dev || st.Ino != inode {
		return errMoved
	}
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("setns: %w", err)
	}
	return nil
}

// comeBack brings the calling thread back to our own namespace, and looks whether it is there. Coming back takes the
// right to enter as well, so one that never left is left alone.
func (w *way) comeBack() error {
	if w.atHome() == nil {
		return nil
	}
	var err error
	w.entering(func() { err = unix.Setns(w.back, unix.CLONE_NEWNET) })
	if err != nil {
		return fmt.Errorf("back to our own network namespace: %w", err)
	}
	return w.atHome()
}

// atHome is nil when the calling thread is in our own namespace.
func (w *way) atHome() error {
	if dev, inode, err := inodeOf(unix.AT_FDCWD, "/proc/"+ownLink); err != nil || dev != w.dev || inode != w.inode {
		return errors.Join(errAway, err)
	}
	return nil
}

// fill opens what is wanted in the namespace that the calling thread is in, unless it is ours and was lent.
func (w *Watcher[C]) fill(s *Space[C]) {
	c, err := w.cfg.Home, error(nil)
	if !s.Home || !w.lent {
		if c, err = w.cfg.Open(); err != nil {
			w.refuse(s, err)
			return
		}
		w.open++
	}
	s.Conn, s.State, s.Err, s.retry = c, Open, nil, 0
	if cookie, err := c.NetNSCookie(); err == nil && cookie != 0 {
		s.ID, s.cookie = cookie, true
	}
}

package netns

// Entering a namespace. It is the thread that enters, so the goroutine is locked to one until it is back. A thread that
// cannot come back must run nothing else: it stays locked, and the runtime ends it with its goroutine.

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"

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
		case w.open+len(inside) >= w.cfg.Most:
			w.refuse(s, ErrTooMany)
		case s.Home:
			w.fill(s)
		default:
			inside = append(inside, s)
		}
	}
	if len(inside) > 0 {
		w.away(func() {
			for _, s := range inside {
				if err := w.visit(s.Place); err != nil {
					w.refuse(s, err)
				} else {
					w.fill(s)
				}
			}
		})
	}
}

// away runs f, which may enter namespaces, in a thread that does nothing else meanwhile, and brings it back.
func (w *Watcher[C]) away(f func()) {
	done := make(chan struct{})
	w.cfg.Go("netns", func() {
		defer close(done)
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			// The first thread cannot be ended, and would show this process in another namespace: while it is
			// kept here, the next goroutine gets another.
			w.away(f)
			runtime.UnlockOSThread()
			return
		}
		var err error
		w.cfg.Entering(func() {
			f()
			err = w.comeBack()
		})
		if err != nil {
			w.ended++
			return // still locked
		}
		runtime.UnlockOSThread()
	})
	<-done
}

// visit brings the calling thread into a namespace, and makes sure that it is the one that was meant.
func (w *Watcher[C]) visit(p *Place) error {
	var paths []string
	if process := p.process(); process != "" {
		paths = append(paths, "/proc/"+process+"/ns/net")
	}
	for _, m := range p.Mounts {
		paths = append(paths, m.Path)
	}
	err := error(unix.ENOENT)
	for _, path := range paths {
		if err = setns(path, p.Dev, p.Inode); err == nil {
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
func (w *Watcher[C]) comeBack() error {
	if w.atHome() == nil {
		return nil
	}
	if err := unix.Setns(w.back, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("back to our own network namespace: %w", err)
	}
	return w.atHome()
}

// atHome is nil when the calling thread is in our own namespace.
func (w *Watcher[C]) atHome() error {
	home := w.finder.home
	if dev, inode, err := inodeOf(w.finder.root, ownLink); err != nil || dev != home.Dev || inode != home.Inode {
		return errors.Join(errAway, err)
	}
	return nil
}

// fill opens what is wanted in the namespace that the calling thread is in.
func (w *Watcher[C]) fill(s *Space[C]) {
	c, err := w.cfg.Open()
	if err != nil {
		w.refuse(s, err)
		return
	}
	s.Conn, s.State, s.Err, s.retry = c, Open, nil, 0
	w.open++
	if cookie, err := c.NetNSCookie(); err == nil && cookie != 0 {
		s.ID, s.cookie = cookie, true
	}
}

package netns

// A way into a namespace for whoever is not the Watcher: what he does inside takes as long as it takes, and Looks go on.

import (
	"errors"
	"fmt"
	"io/fs"

	"sockview/model"
)

// ErrGone says that nothing leads to the namespace any more: the next Look finds it gone, or another way to it.
var ErrGone = errors.New("it is gone")

// Door leads into a namespace from any goroutine. It is a value that keeps nothing open, and knows the ways there as the
// last Look found them: take a new one after each Look.
type Door struct {
	home       bool
	name       model.Text
	paths      []string
	dev, inode uint64
	way        *way
}

// Door is the way into the namespace. It is to be called by who uses the Watcher, before the next Look; the Door may be
// used by others, and for as long as they like.
func (s *Space[C]) Door() Door {
	return Door{
		home: s.Home, name: s.Label(), paths: s.paths(), dev: s.Dev, inode: s.Inode, way: s.way,
	}
}

// Do runs f in a thread that is in the namespace, with no more rights than any other thread: they are raised to enter and
// to come back. It waits for f, and for the thread to be back; one that cannot come back runs nothing more, and is
// counted in Look.Ended. What f opens there keeps the namespace alive for as long as it is open, as f itself does while
// it runs; nothing else does. Our own namespace needs no entering: f runs in the calling thread.
//
// An error says which namespace was not entered, and why: f did not run. It is ErrGone when nothing leads there any
// more, and fs.ErrClosed after the Watcher was closed. Closing it while f runs is safe.
func (d Door) Do(f func()) error {
	if d.home {
		f()
		return nil
	}
	err := errHidden
	if d.inode != 0 {
		err = d.enter(f)
	}
	if err != nil {
		return fmt.Errorf("enter network namespace %s: %w", d.name, err)
	}
	return nil
}

func (d Door) enter(f func()) error {
	if !d.way.take() {
		return fmt.Errorf("nobody watches it any more: %w", fs.ErrClosed)
	}
	defer d.way.leave()
	var err error
	d.way.away(func() {
		d.way.entering(func() { err = visit(d.paths, d.dev, d.inode) })
		if err == nil {
			f()
		}
	})
	if isGone(err) || errors.Is(err, errMoved) {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return err
}

package procnet

// Tables that are kept open: those of a namespace that the thread is in now, and is not when they are read.

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// kept are open files by their names.
type kept struct {
	mu     sync.Mutex // Close may come from another goroutine
	files  map[string]int
	closed bool
}

// Keep opens the tables of these protocols in the net directory dir, for reading them into f's buffer from wherever. Open they
// keep the namespace alive, until Close. A table that the kernel does not have is left out, and is none when it is read.
func (f FS) Keep(dir string, protocols ...model.Proto) (FS, error) {
	k := FS{dir: dir, r: f.r, kept: &kept{files: make(map[string]int)}}
	for _, p := range protocols {
		v4, v6 := tables(p)
		for _, name := range [...]string{v4, v6} {
			path := dir + "/" + name
			fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			switch {
			case err == unix.ENOENT:
			case err != nil:
				return FS{}, errors.Join(fmt.Errorf("open %s: %w", path, err), k.Close())
			default:
				k.kept.files[name] = fd
			}
		}
	}
	return k, nil
}

// Close closes what Keep has opened; without that there is nothing to close.
func (f FS) Close() error {
	if f.kept == nil {
		return nil
	}
	f.kept.mu.Lock()
	defer f.kept.mu.Unlock()
	f.kept.closed = true
	var errs []error
	for name, fd := range f.kept.files {
		if err := unix.Close(fd); err != nil {
			errs = append(errs, fmt.Errorf("close %s/%s: %w", f.dir, name, err))
		}
	}
	f.kept.files = nil
	return errors.Join(errs...)
}

// again reads a kept file from its beginning.
func (f FS) again(path, name string, read func(io.Reader) error) error {
	f.kept.mu.Lock()
	defer f.kept.mu.Unlock()
	fd, ok := f.kept.files[name]
	switch {
	case f.kept.closed:
		return fmt.Errorf("read %s: %w", path, fs.ErrClosed)
	case !ok:
		return fmt.Errorf("open %s: %w: %w", path, ErrUnsupported, unix.ENOENT)
	}
	if _, err := unix.Seek(fd, 0, io.SeekStart); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	f.r.fd = fd
	if err := read(f.r); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

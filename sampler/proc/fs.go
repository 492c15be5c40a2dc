// FS: where /proc is, the small files of it that everybody may read, and reads that may block.

package proc

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// FS is a /proc. Its methods may be called from any goroutine.
type FS struct {
	root   string
	etc    string
	look   func(f func()) // runs f with the rights to look into every process
	shared *shared
}

// shared is what the copies of an FS have in common.
type shared struct {
	users    passwd
	patience time.Duration

	mu      sync.Mutex
	boot    time.Time
	flying  map[string]struct{} // reads that have not come back
	crashed *crash              // of a read that nobody waited for any more
}

// At is the /proc at root: "/proc" for the real one. Users are read from /etc.
func At(root string) FS {
	return FS{
		root: root, etc: "/etc", look: func(f func()) { f() },
		shared: &shared{patience: defaultPatience, flying: map[string]struct{}{}},
	}
}

// Looking is fs that looks into other users' processes within look, which runs a function with the capabilities for
// that effective in its thread, and is called in whichever goroutine does the looking.
func (fs FS) Looking(look func(f func())) FS {
	fs.look = look
	return fs
}

// WithEtc is fs with users read from another directory than /etc.
func (fs FS) WithEtc(dir string) FS {
	other := At(fs.root).Looking(fs.look)
	other.etc = dir
	return other
}

func (fs FS) path(parts ...string) string {
	return filepath.Join(append([]string{fs.root}, parts...)...)
}

func pidString(pid int32) string { return strconv.FormatInt(int64(pid), 10) }

// maxSmall bounds a file that the kernel keeps to a line.
const maxSmall = 16 << 10

// Stat reads /proc/PID/stat. A process that is gone is an error that Is fs.ErrNotExist.
func (fs FS) Stat(pid int32) (Stat, error) {
	raw, err := readBounded(fs.path(pidString(pid), "stat"), maxSmall)
	if err != nil {
		return Stat{}, exited(err)
	}
	s, err := parseStat(raw)
	if err != nil {
		return Stat{}, fmt.Errorf("%s: %w", fs.path(pidString(pid), "stat"), err)
	}
	return s, nil
}

// readBounded reads a file of at most limit bytes; the rest of a longer one is left out.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// exited makes ESRCH, which /proc answers for a process that exits while one of its files is open, an
// error that Is fs.ErrNotExist, as ENOENT is.
func exited(err error) error {
	if errors.Is(err, unix.ESRCH) && !errors.Is(err, iofs.ErrNotExist) {
		return fmt.Errorf("%w (%w)", iofs.ErrNotExist, err)
	}
	return err
}

// defaultPatience is for how long a read outside of a scan is waited for.
const defaultPatience = time.Second

// bounded calls read beside and waits for it, but not for ever: a read of /proc blocks when the memory of
// the process is locked, or when /proc is no real one. Then the error Is os.ErrDeadlineExceeded, and
// until the read has come back the next of this name is refused at once, so that they cannot pile up.
func bounded[T any](s *shared, name string, read func() (T, error)) (T, error) {
	var none T
	s.mu.Lock()
	if crashed := s.crashed; crashed != nil {
		s.mu.Unlock()
		panic(crashed)
	}
	_, flying := s.flying[name]
	if !flying && len(s.flying) < maxBlocked {
		s.flying[name] = struct{}{}
	} else {
		flying = true
	}
	s.mu.Unlock()
	if flying {
		return none, fmt.Errorf("%s: an earlier read has not come back: %w", name, os.ErrDeadlineExceeded)
	}
	type answer struct {
		value   T
		err     error
		crashed *crash
	}
	done := make(chan answer)
	late := make(chan struct{})
	go func() {
		var a answer
		a.crashed = guard(func() { a.value, a.err = read() })
		s.mu.Lock()
		delete(s.flying, name)
		s.mu.Unlock()
		select {
		case done <- a:
		case <-late:
			s.mu.Lock()
			s.crashed = cmp.Or(s.crashed, a.crashed)
			s.mu.Unlock()
		}
	}()
	timeout := time.NewTimer(s.patience)
	defer timeout.Stop()
	select {
	case a := <-done:
		if a.crashed != nil {
			panic(a.crashed)
		}
		return a.value, a.err
	case <-timeout.C:
		close(late)
		return none, fmt.Errorf("%s: %w", name, os.ErrDeadlineExceeded)
	}
}

// bootTime is when the system booted by its clock as it is now (/proc/stat, btime, whole seconds), the zero
// time when that cannot be told. It is kept; with again it is read anew, as setting the clock moves it.
func (fs FS) bootTime(again bool) time.Time {
	fs.shared.mu.Lock()
	boot := fs.shared.boot
	fs.shared.mu.Unlock()
	if !again && !boot.IsZero() {
		return boot
	}
	stat, err := bounded(fs.shared, fs.path("stat"), func() (procfs.Stat, error) {
		p, err := procfs.NewFS(fs.root)
		if err != nil {
			return procfs.Stat{}, err
		}
		return p.Stat()
	})
	if err != nil || stat.BootTime == 0 || stat.BootTime > 1<<40 {
		return boot // unknown, or as last read: times are then "-", which is all there is to say
	}
	boot = time.Unix(int64(stat.BootTime), 0)
	fs.shared.mu.Lock()
	fs.shared.boot = boot
	fs.shared.mu.Unlock()
	return boot
}

package config

// The settings file on disk: reading it without being held up, and putting a new one in its place whole.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxFile is how large settings may be, bytes. A hundred times what anybody writes.
const maxFile = 64 << 10

// Why a file is not read.
var (
	errDirectory  = errors.New("it is a directory")
	errNotRegular = errors.New("it is not a regular file")
	errTooBig     = fmt.Errorf("it is larger than %d KiB, which settings never are", maxFile>>10)
)

// file is a settings file as read.
type file struct {
	text []byte
	info fs.FileInfo // nil for one that is not there
}

// readFile reads a settings file of bounded size. What is not a regular file is refused without being
// opened, so that a FIFO does not hold it up and no device is disturbed. The null device is an empty file.
func readFile(path string) (file, error) {
	if info, err := os.Stat(path); err != nil {
		return file{}, err
	} else if err := acceptable(info); err != nil {
		return file{}, err
	}
	// O_NONBLOCK: it may have become a FIFO since (open(2))
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return file{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return file{}, err
	}
	if err := acceptable(info); err != nil {
		return file{}, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return file{}, err
	}
	if len(text) > maxFile { // it grew, or it is one of /proc, where sizes are 0
		return file{}, errTooBig
	}
	return file{text, info}, nil
}

// acceptable says why a file is not read.
func acceptable(info fs.FileInfo) error {
	switch {
	case isNull(info):
		return nil
	case info.IsDir():
		return errDirectory
	case !info.Mode().IsRegular():
		return errNotRegular
	case info.Size() > maxFile:
		return errTooBig
	}
	return nil
}

// isNull says whether it is the null device, character device 1:3 (null(4)).
func isNull(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode()&fs.ModeCharDevice != 0 && uint64(st.Rdev) == unix.Mkdev(1, 3)
}

// maxLinks is how many links are followed, as the kernel does (path_resolution(7)).
const maxLinks = 40

// errForeignLink is why a link is not followed to where settings are written.
var errForeignLink = errors.New("it is another user's link")

// resolve follows a link at the end of path, so that the file is replaced and not the link: settings are
// often kept elsewhere. What it names may not exist. Only one's own links and root's are followed: under sudo
// another's, in the home that it left in the environment, would lead root's hand to any folder.
func resolve(path string) (string, error) {
	for range maxLinks {
		to, err := os.Readlink(path)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, fs.ErrNotExist) {
			return path, nil // no link, or nothing
		}
		if err != nil {
			return "", err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return "", err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Uid != 0 && int(st.Uid) != os.Geteuid() {
			return "", errForeignLink
		}
		if !filepath.IsAbs(to) {
			// not Join: it would take "link/.." for nothing, where link may lead elsewhere
			to = filepath.Dir(path) + "/" + to
		}
		path = to
	}
	return "", unix.ELOOP
}

// errChanged means that somebody else wrote the file meanwhile.
var errChanged = errors.New("it keeps being changed by someone else")

// put puts new in place of old, whole or not at all: a temporary file beside it, written out, then renamed.
// Rights and owner of the old file stay. ready is called when all that is left is the rename.
func put(path string, old file, text []byte, ready func()) (err error) {
	// CreateTemp opens with O_EXCL and 0600
	f, err := os.CreateTemp(filepath.Dir(path), ".config-*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = dropTemporary(f, err)
		}
	}()
	if err := keepRights(f, path, old.info); err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	// a full disk or quota may show only now
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	ready()
	now, err := readOrNothing(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(now.text, old.text) || (now.info == nil) != (old.info == nil) {
		return errChanged
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	// The new file is in place, whatever comes: this only makes it outlive a power cut sooner, and some
	// filesystems cannot do it.
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync()
		dir.Close()
	}
	return nil
}

// keepRights gives the new file the owner and rights of the old one; without one, the owner of its folder,
// so that settings saved under sudo are their user's.
func keepRights(f *os.File, path string, old fs.FileInfo) error {
	mode := fs.FileMode(0o600)
	like := old
	if like != nil {
		mode = like.Mode().Perm()
	} else {
		folder, err := os.Stat(filepath.Dir(path))
		if err != nil {
			return err
		}
		like = folder
	}
	if err := giveTo(f, like); err != nil {
		return err
	}
	return f.Chmod(mode)
}

// giveTo gives a file or folder to the owner of another. Without the right to give files away it stays
// ours, as with any editor: who may rename in a folder may replace its files.
func giveTo(f *os.File, like fs.FileInfo) error {
	now, err := f.Stat()
	if err != nil {
		return err
	}
	was, ok1 := now.Sys().(*syscall.Stat_t)
	want, ok2 := like.Sys().(*syscall.Stat_t)
	if !ok1 || !ok2 || was.Uid == want.Uid && was.Gid == want.Gid {
		return nil
	}
	err = f.Chown(int(want.Uid), int(want.Gid))
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EINVAL) { // EINVAL: an id our user namespace has not
		return nil
	}
	return err
}

// makeFolder makes a folder and those it is in, 0700 each, for the owner of the one that is there. It goes
// down by file descriptors, so that nobody can lead it astray with a link.
func makeFolder(path string) error {
	there, missing := filepath.Clean(path), []string(nil)
	for {
		_, err := os.Stat(there)
		if err == nil {
			break
		}
		parent := filepath.Dir(there)
		if !errors.Is(err, fs.ErrNotExist) || parent == there {
			return err
		}
		missing = append(missing, filepath.Base(there))
		there = parent
	}
	if len(missing) == 0 {
		return nil
	}
	at, err := os.Open(there)
	if err != nil {
		return err
	}
	defer func() { at.Close() }()
	owner, err := at.Stat()
	if err != nil {
		return err
	}
	for _, name := range slices.Backward(missing) {
		if err := unix.Mkdirat(int(at.Fd()), name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		fd, err := unix.Openat(int(at.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		at.Close()
		at = os.NewFile(uintptr(fd), name)
		if err := giveTo(at, owner); err != nil {
			return err
		}
	}
	return nil
}

// readOrNothing is readFile, where no file is an empty one without info.
func readOrNothing(path string) (file, error) {
	f, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return file{}, nil
	}
	return f, err
}

// dropTemporary takes a temporary file away after err.
func dropTemporary(f *os.File, err error) error {
	f.Close() // what it held is not wanted any more, and it may be closed already
	if left := os.Remove(f.Name()); left != nil {
		return fmt.Errorf("%w; %s is left behind: %w", cause(err), shown(f.Name()), cause(left))
	}
	return err
}

package text

// A table into a file: whole, or not at all.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Save writes the table to a file, in the form its ending asks for (see ByEnding). The file appears whole:
// until then whatever had its name stands, and when saving fails it stays as it was. Only its user can read
// it, since it may hold command lines. A name that is a directory, a link or anything else but a regular file
// is refused. The error is one line, with the system's error (ENOSPC, EROFS, EACCES) in it.
func Save(path string, t Table) error {
	write, err := ByEnding(path)
	if err != nil {
		return err
	}
	if err := replace(path, write, t); err != nil {
		return fmt.Errorf("cannot save %s: %w", shown(path), cause(err))
	}
	return nil
}

// errNotRegular is why a name is not written to.
var errNotRegular = errors.New("it exists and is not a regular file")

func replace(path string, write Writer, t Table) (err error) {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case info.IsDir():
		return errors.New("it is a directory")
	case !info.Mode().IsRegular():
		return errNotRegular
	}
	// CreateTemp opens with O_EXCL and 0600, in the same directory since a rename cannot leave a filesystem
	f, err := os.CreateTemp(filepath.Dir(path), ".sockview-*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = dropTemporary(f, err)
		}
	}()
	if err := write(f, t); err != nil {
		return err
	}
	// a full disk or quota may show only now
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// dropTemporary takes a temporary file away after err. That f is closed already is no new error.
func dropTemporary(f *os.File, err error) error {
	f.Close() // what it held is not wanted any more
	if left := os.Remove(f.Name()); left != nil {
		return fmt.Errorf("%w; %s is left behind: %w", cause(err), shown(f.Name()), cause(left))
	}
	return err
}

// cause is the system's error without the path of a temporary file around it.
func cause(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

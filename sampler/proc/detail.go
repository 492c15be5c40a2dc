// Everything about one process, for the details screen.

package proc

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"os"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"sockview/model"
)

// maxParents ends the way up to pid 1; real ones are a few dozen at most.
const maxParents = 256

// Detail reads all about a process: who it is, its working directory, its user's name, when it started, and
// its parents up to pid 1. An exited process (a zombie too) is an error that Is fs.ErrNotExist; one whose
// files do not come back in a second is an error that Is os.ErrDeadlineExceeded. What may not be read is
// empty, and Why says why.
func (fs FS) Detail(pid int32) (model.ProcessDetail, error) {
	d, err := fs.detail(pid)
	if err != nil {
		return model.ProcessDetail{}, fmt.Errorf("process %d: %w", pid, exited(err))
	}
	return d, nil
}

func (fs FS) detail(pid int32) (model.ProcessDetail, error) {
	d, err := bounded(fs.shared, fs.path(pidString(pid)), func() (model.ProcessDetail, error) {
		return fs.lookAt(pid, false)
	})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		// its command line blocks, most likely; all the rest can still be told
		d, err = bounded(fs.shared, fs.path(pidString(pid))+" without command line",
			func() (model.ProcessDetail, error) { return fs.lookAt(pid, true) })
	}
	if err != nil {
		return model.ProcessDetail{}, err
	}
	boot := fs.bootTime(false)
	d.Started = started(boot, d.Start)
	for i := range d.Parents {
		d.Parents[i].Started = started(boot, d.Parents[i].Start)
	}
	// without names the number stands: a missing passwd is no fault of this process
	users, _ := fs.Users()
	d.User = users[d.UID]
	return d, nil
}

// lookAt is readDetail with the rights to look.
func (fs FS) lookAt(pid int32, mute bool) (d model.ProcessDetail, err error) {
	fs.look(func() { d, err = fs.readDetail(pid, mute) })
	return d, err
}

func (fs FS) readDetail(pid int32, mute bool) (model.ProcessDetail, error) {
	stat, err := fs.Stat(pid)
	if err != nil {
		return model.ProcessDetail{}, err
	}
	if stat.Dead() {
		return model.ProcessDetail{}, fmt.Errorf("a zombie: %w", iofs.ErrNotExist)
	}
	root, err := os.OpenFile(fs.root, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return model.ProcessDetail{}, err
	}
	defer root.Close()
	w := newWalker()
	w.root = int(root.Fd())
	var d model.ProcessDetail
	if d.Process, err = w.identify(pid, stat.Start, mute); err != nil {
		return model.ProcessDetail{}, err
	}
	if err := fs.places(pid, stat, &d); err != nil {
		return model.ProcessDetail{}, err
	}
	seen := map[int32]bool{pid: true}
	for ppid := d.PPID; ppid > 0 && !seen[ppid] && len(d.Parents) < maxParents; {
		seen[ppid] = true
		parent, err := w.identify(ppid, 0, true)
		if isGone(err) || isHidden(err) {
			break // exited while being read, or of no concern to us
		}
		if err != nil {
			return model.ProcessDetail{}, err
		}
		d.Parents = append(d.Parents, parent)
		ppid = parent.PPID
	}
	return d, nil
}

// places reads the executable and the working directory, or why they are unknown. They are read by path:
// that the process is still the same is checked afterwards.
func (fs FS) places(pid int32, stat Stat, d *model.ProcessDetail) error {
	if stat.Kernel {
		d.Why = model.NotApplicable
		return nil
	}
	pfs, err := procfs.NewFS(fs.root)
	if err != nil {
		return err
	}
	p, err := pfs.Proc(int(pid))
	if err != nil {
		return err
	}
	cwd, err := p.Cwd()
	switch {
	case isHidden(err):
		d.Why = model.NoPermission
	case err != nil && !isGone(err):
		return err
	default:
		d.Cwd = model.SafeText(cwd)
	}
	again, err := fs.Stat(pid)
	if err != nil {
		return err
	}
	if again.Start != stat.Start {
		return errOther
	}
	return nil
}

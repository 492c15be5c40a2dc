// Who a process is: read through one open directory of /proc, so that a pid used again in between cannot
// mix two processes.

package proc

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// ticksPerSecond is USER_HZ, 100 wherever Go runs on Linux.
const ticksPerSecond = 100

// started is when a process with this start time began; the zero time when the boot time is unknown.
func started(boot time.Time, ticks uint64) time.Time {
	const most = 1 << 40 // 348 years: a stat file that says more is not to be believed
	if boot.IsZero() || ticks > most {
		return time.Time{}
	}
	return boot.Add(time.Duration(ticks) * (time.Second / ticksPerSecond))
}

// errOther says that the pid belongs to another process by now.
var errOther = fmt.Errorf("pid used again: %w", unix.ESRCH)

// identify reads the identity of a process: everything of model.Process that /proc tells, but for Started.
// start says which process is meant, 0 whichever has the pid. What may not be read stays empty. With mute
// the command line is not read: it is the one file that a process can make block (its memory is read).
func (w *walker) identify(pid int32, start uint64, mute bool) (model.Process, error) {
	dir, err := openat(w.root, w.path.number(pid, ""), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return model.Process{}, err
	}
	defer unix.Close(dir)
	w.beat.Add(1)
	raw, err := w.file(dir, "stat")
	if err != nil {
		return model.Process{}, err
	}
	stat, err := parseStat(raw)
	if err != nil {
		return model.Process{}, err
	}
	if stat.PID != pid || start != 0 && stat.Start != start {
		return model.Process{}, errOther
	}
	p := model.Process{PID: pid, PPID: stat.PPID, Start: stat.Start}
	if p.UID, err = w.uid(dir); err != nil {
		return model.Process{}, err
	}
	comm, err := w.file(dir, "comm")
	if isGone(err) {
		return model.Process{}, err
	}
	name := string(bytes.TrimSuffix(comm, []byte("\n")))
	if err != nil {
		name = stat.Comm.String()
	}
	exe := ""
	if link, err := readlinkat(dir, w.path.set("exe"), w.dents); err == nil {
		exe = string(link)
	}
	if raw, err := w.file(dir, "cgroup"); err == nil {
		if len(raw) == len(w.dents) {
			raw = raw[:bytes.LastIndexByte(raw, '\n')+1]
		}
		// a line that does not parse leaves the place unknown; there is nobody to tell but the screen,
		// and there it is "-"
		if at, err := parseCgroup(bytes.NewReader(raw)); err == nil {
			p.Unit, p.Container, p.ContainerID = model.SafeText(at.unit), model.SafeText(at.container), model.SafeText(at.id)
		}
	}
	var argv []string
	if !mute {
		if raw, err := w.file(dir, "cmdline"); err == nil {
			argv = splitArgs(raw)
		}
	}
	p.Name = model.SafeText(displayName(name, exe, argv))
	p.Exe = model.SafeText(exe)
	p.Cmdline = model.SafeText(strings.Join(argv, " "))
	if len(argv) > 0 {
		p.Argv0 = model.SafeText(argv[0])
	}
	return p, nil
}

// uid is the effective user id by status, or by the owner of the directory where that may not be read.
func (w *walker) uid(dir int) (uint32, error) {
	raw, err := w.file(dir, "status")
	if err == nil {
		var uid uint32
		if uid, err = parseUID(raw); err == nil {
			return uid, nil
		}
	}
	if isGone(err) {
		return 0, err
	}
	st, statErr := statDir(dir, w.path.set(""))
	if statErr != nil || st.ident == (ident{}) {
		return 0, errors.Join(err, statErr)
	}
	return st.uid, nil
}

// splitArgs splits the bytes of /proc/PID/cmdline. Arguments end in NUL; a process that wrote a title over
// them leaves a row of NULs behind.
func splitArgs(raw []byte) []string {
	raw = bytes.TrimRight(raw, "\x00")
	if len(raw) == 0 {
		return nil
	}
	return strings.Split(string(raw), "\x00")
}

// commLen is how many bytes of a name the kernel keeps (TASK_COMM_LEN less its NUL).
const commLen = 15

// displayName is comm, or the whole name where comm is its cut form: the base name of the executable, of
// argv[0], or of the script that an interpreter was started for (argv[1] or, after an option, argv[2]). An
// argv[0] that is a sentence ("postgres: checkpointer") is not a name.
func displayName(comm, exe string, argv []string) string {
	if comm == "" {
		return base(exe)
	}
	if len(comm) < commLen {
		return comm
	}
	candidates := []string{exe}
	candidates = append(candidates, argv[:min(len(argv), 3)]...)
	for i, c := range candidates {
		name := base(c)
		if len(name) > len(comm) && strings.HasPrefix(name, comm) && (i == 0 || !strings.Contains(name, " ")) {
			return name
		}
	}
	return comm
}

// base is the last element of a path, without what the kernel adds when the file was removed.
func base(path string) string {
	path = strings.TrimSuffix(path, " (deleted)")
	return path[strings.LastIndexByte(path, '/')+1:]
}

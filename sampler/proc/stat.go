// /proc/PID/stat and /proc/PID/status: who a process is, as the kernel numbers it.

package proc

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"

	"sockview/model"
)

// errFormat is wrapped by every error about a file that was read and is not what proc(5) says.
var errFormat = errors.New("unexpected format")

// Stat is what /proc/PID/stat says of a process.
type Stat struct {
	PID     int32
	PPID    int32
	Start   uint64     // clock ticks (1/100 s) after boot; with PID its identity
	State   byte       // R, S, D, T, Z ..., as in proc(5)
	Threads int32      // how many it has; a dead leader that is waited for by live threads counts
	Kernel  bool       // a kernel thread (PF_KTHREAD)
	Comm    model.Text // at most 15 bytes of a program's name; newlines come escaped
}

// Dead says whether the process has ended and only waits to be reaped. A leader thread that ended while
// other threads run is a zombie too, but its process is not dead.
func (s Stat) Dead() bool {
	return (s.State == 'Z' || s.State == 'X' || s.State == 'x') && s.Threads <= 1
}

// flagKernelThread is PF_KTHREAD of include/linux/sched.h.
const flagKernelThread = 0x00200000

// Fields of /proc/PID/stat, counted from the state, which is field 3 of proc(5).
const (
	fieldState   = 0
	fieldPPID    = 1
	fieldFlags   = 6
	fieldThreads = 17
	fieldStart   = 19
	statFields   = 20
)

// parseStat reads /proc/PID/stat. The name may hold anything, blanks and parentheses included, so that
// only the last ')' ends it.
func parseStat(b []byte) (Stat, error) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return Stat{}, fmt.Errorf("%w: no name in parentheses", errFormat)
	}
	pid, err := strconv.ParseInt(string(bytes.TrimSpace(b[:open])), 10, 32)
	if err != nil {
		return Stat{}, fmt.Errorf("%w: pid: %w", errFormat, err)
	}
	var field [statFields][]byte
	n := 0
	for f := range bytes.FieldsSeq(b[end+1:]) {
		if field[n] = f; n == statFields-1 {
			n++
			break
		}
		n++
	}
	if n < statFields || len(field[fieldState]) != 1 {
		return Stat{}, fmt.Errorf("%w: %d of %d fields", errFormat, n, statFields)
	}
	s := Stat{PID: int32(pid), State: field[fieldState][0], Comm: model.SafeText(string(b[open+1 : end]))}
	ppid, err1 := strconv.ParseInt(string(field[fieldPPID]), 10, 32)
	flags, err2 := strconv.ParseUint(string(field[fieldFlags]), 10, 64)
	threads, err3 := strconv.ParseInt(string(field[fieldThreads]), 10, 32)
	start, err4 := strconv.ParseUint(string(field[fieldStart]), 10, 64)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return Stat{}, fmt.Errorf("%w: %w", errFormat, err)
	}
	s.PPID, s.Kernel, s.Threads, s.Start = int32(ppid), flags&flagKernelThread != 0, int32(threads), start
	return s, nil
}

// parseUID reads the effective user id of /proc/PID/status: the second number of the line Uid. The kernel
// escapes newlines in the name, which stands above it.
func parseUID(b []byte) (uint32, error) {
	for line := range bytes.Lines(b) {
		rest, ok := bytes.CutPrefix(line, []byte("Uid:"))
		if !ok {
			continue
		}
		ids := bytes.Fields(rest)
		if len(ids) < 2 {
			return 0, fmt.Errorf("%w: Uid has %d numbers", errFormat, len(ids))
		}
		uid, err := strconv.ParseUint(string(ids[1]), 10, 64)
		if err != nil || uid > math.MaxUint32 {
			return 0, fmt.Errorf("%w: Uid %q", errFormat, ids[1])
		}
		return uint32(uid), nil
	}
	return 0, fmt.Errorf("%w: no line Uid", errFormat)
}

package act

// What must be known of a process before it is signalled: /proc/PID/stat and /proc/PID/status.

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"sockview/model"
)

// pfKthread is PF_KTHREAD of include/linux/sched.h, in the flags of /proc/PID/stat.
const pfKthread = 0x00200000

// maxProcFile is how much of a file of /proc is read: more than the kernel writes into stat or status.
const maxProcFile = 64 << 10

// process is what /proc/PID/stat tells.
type process struct {
	name   model.Text // comm
	state  byte       // R S D Z T t X I
	ppid   int32
	kernel bool   // a kernel thread
	start  uint64 // clock ticks after boot
}

// credentials are what /proc/PID/status tells.
type credentials struct {
	real, effective, saved   uint32
	blocked, ignored, caught uint64 // signal sets, of the main thread; bit n-1 is signal n
	init                     bool   // pid 1 of a pid namespace below ours
}

func (a *Actor) path(pid int32, name string) string {
	return filepath.Join(a.root, strconv.Itoa(int(pid)), name)
}

func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	return io.ReadAll(io.LimitReader(f, limit))
}

// stat reads /proc/PID/stat.
func (a *Actor) stat(pid int32) (process, error) {
	b, err := readBounded(a.path(pid, "stat"), maxProcFile)
	if err != nil {
		return process{}, err
	}
	return parseStat(b)
}

// parseStat takes the fields of proc_pid_stat(5). The name may hold anything, spaces and parentheses
// included, so it ends at the last ')'.
func parseStat(b []byte) (process, error) {
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if open < 0 || end < open {
		return process{}, errors.New("stat without a name")
	}
	f := strings.Fields(string(b[end+1:])) // f[0] is field 3
	if len(f) < 20 || len(f[0]) != 1 {
		return process{}, errors.New("stat is too short")
	}
	ppid, err := strconv.ParseInt(f[4-3], 10, 32)
	if err != nil {
		return process{}, fmt.Errorf("stat: parent: %w", err)
	}
	flags, err := strconv.ParseUint(f[9-3], 10, 64)
	if err != nil {
		return process{}, fmt.Errorf("stat: flags: %w", err)
	}
	start, err := strconv.ParseUint(f[22-3], 10, 64)
	if err != nil {
		return process{}, fmt.Errorf("stat: start time: %w", err)
	}
	return process{
		name: model.SafeText(string(b[open+1 : end])), state: f[0][0], ppid: int32(ppid),
		kernel: flags&pfKthread != 0, start: start,
	}, nil
}

// status reads /proc/PID/status.
func (a *Actor) status(pid int32) (credentials, error) {
	b, err := readBounded(a.path(pid, "status"), maxProcFile)
	if err != nil {
		return credentials{}, err
	}
	return parseStatus(b)
}

// parseStatus takes proc_pid_status(5). The kernel escapes a newline in the name there, so that a line is
// a line. Without a Uid line it is an error; the rest may be missing.
func parseStatus(b []byte) (credentials, error) {
	var c credentials
	haveUID := false
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, maxProcFile)
	for lines.Scan() {
		key, value, ok := strings.Cut(lines.Text(), ":")
		if !ok {
			continue
		}
		f := strings.Fields(value)
		switch key {
		case "Uid":
			if len(f) < 3 {
				return c, errors.New("status: short Uid line")
			}
			for i, uid := range []*uint32{&c.real, &c.effective, &c.saved} {
				n, err := strconv.ParseUint(f[i], 10, 32)
				if err != nil {
					return c, fmt.Errorf("status: Uid: %w", err)
				}
				*uid = uint32(n)
			}
			haveUID = true
		case "NSpid": // from the namespace of this procfs inwards
			c.init = len(f) > 1 && f[len(f)-1] == "1"
		case "SigBlk":
			c.blocked = signalSet(f)
		case "SigIgn":
			c.ignored = signalSet(f)
		case "SigCgt":
			c.caught = signalSet(f)
		}
	}
	if err := lines.Err(); err != nil {
		return c, fmt.Errorf("status: %w", err)
	}
	if !haveUID {
		return c, errors.New("status without a Uid line")
	}
	return c, nil
}

// signalSet takes a set as status writes it. A set that cannot be read is empty: only hints hang on it.
func signalSet(f []string) uint64 {
	if len(f) != 1 {
		return 0
	}
	set, err := strconv.ParseUint(f[0], 16, 64)
	if err != nil {
		return 0
	}
	return set
}

func hasSignal(set uint64, sig syscall.Signal) bool {
	return sig > 0 && sig <= 64 && set>>(uint(sig)-1)&1 != 0
}

// isAbsent says whether err means that a process has no directory in /proc (any more).
func isAbsent(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}

package netns

// Reading /proc and nsfs: listings, links, and what they are made of.

import (
	"cmp"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// entry is a process in a listing of /proc. The kernel makes its inode when it is first listed or walked, and drops it
// with the process: a pid that is used again comes with another one, so that both together name a process as pid and
// start time do, for nothing. Memory pressure may give a process another inode: then its link is read once more.
type entry struct {
	pid   int32
	inode uint64
}

// list appends the numbers in an open directory, ascending, as one read of it from the beginning has them.
func list(dir int, buf []byte, dst []entry) ([]entry, error) {
	if _, err := unix.Seek(dir, 0, 0); err != nil {
		return dst, err
	}
	for {
		n, err := unix.ReadDirent(dir, buf)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return dst, err
		case n <= 0:
			if !slices.IsSortedFunc(dst, byPID) { // other file systems than procfs have no order
				slices.SortFunc(dst, byPID)
			}
			return dst, nil
		default:
			dst = appendEntries(dst, buf[:n])
		}
	}
}

func byPID(a, b entry) int { return cmp.Compare(a.pid, b.pid) }

// appendEntries appends the entries of a getdents64 answer whose names are decimal numbers. A record that does not
// fit its buffer ends it.
func appendEntries(dst []entry, dents []byte) []entry {
	const nameAt = 19 // struct linux_dirent64: d_ino, d_off, d_reclen, d_type, d_name
	for len(dents) >= nameAt {
		size := int(binary.NativeEndian.Uint16(dents[16:]))
		if size < nameAt || size > len(dents) {
			break
		}
		if pid, ok := number(dents[nameAt:size]); ok {
			dst = append(dst, entry{pid, binary.NativeEndian.Uint64(dents)})
		}
		dents = dents[size:]
	}
	return dst
}

// number reads the decimal number that a name is, up to its NUL.
func number(name []byte) (int32, bool) {
	n := int64(0)
	for i, c := range name {
		switch {
		case c == 0:
			return int32(n), i > 0
		case c < '0' || c > '9':
			return 0, false
		}
		if n = n*10 + int64(c-'0'); n > math.MaxInt32 {
			return 0, false
		}
	}
	return int32(n), len(name) > 0
}

// parseLink reads the inode of a link "net:[4026531833]" (ns_get_name, fs/nsfs.c).
func parseLink(link string) (uint64, bool) {
	digits, ok := strings.CutPrefix(link, "net:[")
	if !ok {
		return 0, false
	}
	if digits, ok = strings.CutSuffix(digits, "]"); !ok || digits == "" || digits[0] < '0' || digits[0] > '9' {
		return 0, false
	}
	inode, err := strconv.ParseUint(digits, 10, 64)
	return inode, err == nil && inode != 0
}

// readLink reads the inode of the link path under dir. What is no link to a network namespace is ENOENT.
func readLink(dir int, path string, buf []byte) (uint64, error) {
	n, err := unix.Readlinkat(dir, path, buf)
	if err != nil {
		return 0, err
	}
	inode, ok := parseLink(string(buf[:n]))
	if !ok {
		return 0, unix.ENOENT
	}
	return inode, nil
}

// inodeOf is what path under dir leads to.
func inodeOf(dir int, path string) (dev, inode uint64, err error) {
	var st unix.Stat_t
	if err := unix.Fstatat(dir, path, &st, 0); err != nil {
		return 0, 0, err
	}
	return uint64(st.Dev), st.Ino, nil
}

// isGone says that the process or thread is not there any more, or is in no namespace, as a zombie is.
func isGone(err error) bool { return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) }

// isHidden says that it is there and we may not look.
func isHidden(err error) bool { return errors.Is(err, fs.ErrPermission) }

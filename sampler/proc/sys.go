// The few system calls of the owner scan, on reused byte buffers: the wrappers of x/sys take strings, and
// a string per fd is what the scan is there to avoid.

package proc

import (
	"encoding/binary"
	"errors"
	iofs "io/fs"
	"math"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// cpath is a path for the kernel: reused bytes that end in NUL.
type cpath []byte

func (p *cpath) set(parts ...string) cpath {
	b := (*p)[:0]
	for _, part := range parts {
		b = append(b, part...)
	}
	*p = append(b, 0)
	return *p
}

// number is a decimal number, and what follows it.
func (p *cpath) number(n int32, rest string) cpath {
	*p = append(append(appendNumber((*p)[:0], n), rest...), 0)
	return *p
}

// number2 is n, middle, m, rest, as in 12/task/13/fd.
func (p *cpath) number2(n int32, middle string, m int32, rest string) cpath {
	b := append(appendNumber((*p)[:0], n), middle...)
	*p = append(append(appendNumber(b, m), rest...), 0)
	return *p
}

func appendNumber(dst []byte, n int32) []byte {
	var digits [10]byte
	i := len(digits)
	for u := uint32(n); ; { // below zero is no pid: it becomes one that does not exist
		i--
		digits[i] = byte('0' + u%10)
		if u /= 10; u == 0 {
			return append(dst, digits[i:]...)
		}
	}
}

// openat opens path under dir for reading; flags are added to O_RDONLY and O_CLOEXEC.
func openat(dir int, path cpath, flags int) (int, error) {
	for {
		fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(&path[0])),
			uintptr(unix.O_RDONLY|unix.O_CLOEXEC|flags), 0, 0, 0)
		switch errno {
		case 0:
			return int(fd), nil
		case unix.EINTR:
		default:
			return -1, errno
		}
	}
}

// readlinkat reads the link path under dir into buf; what does not fit is cut off.
func readlinkat(dir int, path cpath, buf []byte) ([]byte, error) {
	n, _, errno := unix.Syscall6(unix.SYS_READLINKAT, uintptr(dir), uintptr(unsafe.Pointer(&path[0])),
		uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0)
	if errno != 0 {
		return nil, errno
	}
	return buf[:n], nil
}

// readAll fills buf from an open file until its end or until buf is full.
func readAll(fd int, buf []byte) ([]byte, error) {
	n := 0
	for n < len(buf) {
		k, err := unix.Read(fd, buf[n:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		if k == 0 {
			break
		}
		n += k
	}
	return buf[:n], nil
}

// ident names one incarnation of a directory of /proc. The kernel makes the inode when the path is first
// walked and drops it when the process is gone, so that a process with a pid used again never has the
// ident of the one before it. The reverse does not hold: memory pressure may give a process another one.
type ident struct {
	inode uint64
	sec   int64
	nsec  uint32
}

// same says whether both are one; the zero ident is unknown and the same as none.
func (a ident) same(b ident) bool { return a == b && a != ident{} }

// dirStat is what statx tells of a directory /proc/PID/fd.
type dirStat struct {
	ident
	size int64  // how many fds are open, since Linux 6.2; 0 before
	uid  uint32 // the owner: the effective uid, or 0 of a process that may not be dumped
}

// statDir asks for path under dir, or for dir itself when path is empty. Where statx is missing (before
// Linux 4.11) or forbidden, everything is unknown, not an error.
func statDir(dir int, path cpath) (dirStat, error) {
	var stx unix.Statx_t
	const mask = unix.STATX_INO | unix.STATX_CTIME | unix.STATX_SIZE | unix.STATX_UID
	_, _, errno := unix.Syscall6(unix.SYS_STATX, uintptr(dir), uintptr(unsafe.Pointer(&path[0])),
		unix.AT_EMPTY_PATH, mask, uintptr(unsafe.Pointer(&stx)), 0)
	switch {
	case errno == unix.ENOSYS:
		return dirStat{}, nil
	case errno != 0:
		return dirStat{}, errno
	}
	return dirStat{
		ident: ident{inode: stx.Ino, sec: stx.Ctime.Sec, nsec: stx.Ctime.Nsec},
		size:  int64(stx.Size), uid: stx.Uid,
	}, nil
}

// appendNumbers appends the entries of a getdents64 answer whose names are decimal numbers (pids, thread
// ids, fds). A record that does not fit its buffer ends it.
func appendNumbers(dst []int32, dents []byte) []int32 {
	const nameAt = 19 // struct linux_dirent64: d_ino, d_off, d_reclen, d_type, d_name
	for len(dents) >= nameAt {
		size := int(binary.NativeEndian.Uint16(dents[16:]))
		if size < nameAt || size > len(dents) {
			break
		}
		if n, ok := parseNumber(dents[nameAt:size]); ok {
			dst = append(dst, n)
		}
		dents = dents[size:]
	}
	return dst
}

// parseNumber reads the decimal number that name is, up to its NUL.
func parseNumber(name []byte) (int32, bool) {
	n := int64(0)
	for i, c := range name {
		if c == 0 {
			return int32(n), i > 0
		}
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + int64(c-'0'); n > math.MaxInt32 {
			return 0, false
		}
	}
	return int32(n), len(name) > 0
}

// parseSocket reads the inode of a link "socket:[123]" (fs/d_path.c, net/socket.c sockfs_dname).
func parseSocket(link []byte) (uint32, bool) {
	const prefix = "socket:["
	if len(link) < len(prefix)+2 || string(link[:len(prefix)]) != prefix || link[len(link)-1] != ']' {
		return 0, false
	}
	n := uint64(0)
	for _, c := range link[len(prefix) : len(link)-1] {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + uint64(c-'0'); n > math.MaxUint32 {
			return 0, false
		}
	}
	return uint32(n), n != 0
}

// isGone says that the process, thread or fd is not there any more.
func isGone(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) || errors.Is(err, iofs.ErrNotExist)
}

// isHidden says that it is there and we may not look.
func isHidden(err error) bool { return errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) }

// ascending sorts what is not sorted: /proc gives pids and fds in order, other file systems do not.
func ascending(n []int32) []int32 {
	if !slices.IsSorted(n) {
		slices.Sort(n)
	}
	return n
}

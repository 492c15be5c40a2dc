package netns

// The names of namespaces, and the mounts that keep them: /proc/self/mountinfo and the directory of `ip netns`.

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ipDirs is where `ip netns` keeps its names; /var/run is a link to /run nearly everywhere.
var ipDirs = [...]string{"/run/netns/", "/var/run/netns/"}

// mounted is a mount of an nsfs file of a network namespace.
type mounted struct {
	Mount
	dev, inode uint64
}

// mounts reads mountinfo when it changed.
type mounts struct {
	// fd is mountinfo's. It is no os.File: the runtime's poller would take each change for itself.
	fd   int
	real bool // it is procfs, which tells by poll(2) that something changed
	raw  []byte
	all  []mounted
	read bool
}

// look says what is mounted now. What cannot be read leaves what was known.
func (m *mounts) look() ([]mounted, error) {
	if m.read && !m.changed() {
		return m.all, nil
	}
	if err := m.load(); err != nil {
		m.read = false
		return m.all, fmt.Errorf("mounts: %w", err)
	}
	m.read = true
	m.all = parseMounts(m.all[:0], m.raw)
	return m.all, nil
}

// load reads the whole file into raw.
func (m *mounts) load() error {
	if _, err := unix.Seek(m.fd, 0, io.SeekStart); err != nil {
		return err
	}
	for m.raw = m.raw[:0]; ; {
		m.raw = slices.Grow(m.raw, 16<<10)
		n, err := unix.Read(m.fd, m.raw[len(m.raw):cap(m.raw)])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return err
		case n <= 0:
			return nil
		default:
			m.raw = m.raw[:len(m.raw)+n]
		}
	}
}

// changed says whether a mount came or went since it was last asked (mounts_poll, fs/proc_namespace.c).
func (m *mounts) changed() bool {
	if !m.real {
		return true
	}
	fds := []unix.PollFd{{Fd: int32(m.fd), Events: unix.POLLPRI}}
	for {
		n, err := unix.Poll(fds, 0)
		if err == unix.EINTR {
			continue
		}
		return err != nil || n > 0 && fds[0].Revents&(unix.POLLPRI|unix.POLLERR) != 0
	}
}

// parseMounts appends the mounts of network namespaces: lines of mountinfo like
// "61 24 0:4 net:[4026532288] /run/netns/blue rw shared:5 - nsfs nsfs rw". Others, and what is no such line, are skipped.
func parseMounts(dst []mounted, raw []byte) []mounted {
	for line := range bytes.Lines(raw) {
		if !bytes.Contains(line, []byte(" net:[")) {
			continue
		}
		if m, ok := parseMount(string(line)); ok {
			dst = append(dst, m)
		}
	}
	return dst
}

func parseMount(line string) (mounted, bool) {
	before, after, ok := strings.Cut(line, " - ")
	fields := strings.Fields(before)
	if !ok || len(fields) < 6 || !strings.HasPrefix(after, "nsfs ") {
		return mounted{}, false
	}
	id, err1 := strconv.Atoi(fields[0])
	big, small, _ := strings.Cut(fields[2], ":")
	major, err2 := strconv.ParseUint(big, 10, 32)
	minor, err3 := strconv.ParseUint(small, 10, 32)
	inode, ok := parseLink(fields[3])
	if !ok || errors.Join(err1, err2, err3) != nil {
		return mounted{}, false
	}
	return mounted{Mount{id, unescape(fields[4])}, unix.Mkdev(uint32(major), uint32(minor)), inode}, true
}

// unescape undoes what the kernel does to blanks, newlines and backslashes in a path: \040 (mangle, fs/seq_file.c).
func unescape(path string) string {
	if !strings.Contains(path, `\`) {
		return path
	}
	b := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if path[i] == '\\' && i+3 < len(path) {
			if n, err := strconv.ParseUint(path[i+1:i+4], 8, 8); err == nil {
				b, i = append(b, byte(n)), i+3
				continue
			}
		}
		b = append(b, path[i])
	}
	return string(b)
}

// ipName is the name that `ip netns` has for what is mounted there, or "".
func ipName(path string) string {
	for _, dir := range ipDirs {
		if name, ok := strings.CutPrefix(path, dir); ok && !strings.Contains(name, "/") {
			return name
		}
	}
	return ""
}

// alias is a name that leads to a namespace without keeping it: people link /run/netns/web to /proc/PID/ns/net.
type alias struct {
	name       string
	dev, inode uint64
}

// aliases are the symbolic links in the directory of `ip netns`, by name.
func aliases(dir string) ([]alias, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || isHidden(err) {
		return nil, nil
	}
	var all []alias
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink == 0 {
			continue
		}
		// One that leads nowhere, or where we may not look, names nothing.
		if dev, inode, err := inodeOf(unix.AT_FDCWD, filepath.Join(dir, e.Name())); err == nil {
			all = append(all, alias{e.Name(), dev, inode})
		}
	}
	slices.SortFunc(all, func(a, b alias) int { return cmp.Compare(a.name, b.name) })
	if err != nil {
		return all, fmt.Errorf("names of namespaces: %w", err)
	}
	return all, nil
}

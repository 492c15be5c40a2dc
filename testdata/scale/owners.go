package main

// Who holds what: the first owner scan, beside the plain way to look at every fd of every process on one core.

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"sockview/sampler/proc"
)

// firstScan takes plain walks and scans by a scanner that knows nothing yet, in turn. The first walk makes the kernel's
// entries for all fds, so that neither way is the one that has to.
func (o *observer) firstScan() error {
	var walks, scans durations
	fds, err := walk()
	if err != nil {
		return err
	}
	for range o.counts.scans {
		if err := walks.time(func() error {
			_, err := walk()
			return err
		}); err != nil {
			return err
		}
		if err := scans.time(func() error {
			result := proc.NewScanner(proc.At("/proc")).Scan(context.Background(), proc.Request{Full: true})
			if result.Err == nil && !result.Complete {
				return errors.New("the owner scan did not reach everything")
			}
			return result.Err
		}); err != nil {
			return err
		}
	}
	if err := o.report("fds", float64(fds)); err != nil {
		return err
	}
	if err := o.report("walk", millis(walks.median())); err != nil {
		return err
	}
	return o.report("scan", millis(scans.median()))
}

// walks adds plain walks.
func (o *observer) walks(d *durations) error {
	for range o.counts.scans {
		if err := d.time(func() error {
			_, err := walk()
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// walk reads the link of every fd of every process on this thread, with nothing made of what it says, and counts
// them. What is gone when it is looked at, or may not be looked at, is left out. It allocates next to nothing: names
// are used where the kernel put them.
func walk() (fds int, err error) {
	root, err := unix.Open("/proc", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("walking over /proc: %w", err)
	}
	defer unix.Close(root)
	var link [64]byte
	inner := make([]byte, 64<<10)
	err = numbered(root, make([]byte, 64<<10), func(pid []byte) error {
		path := string(pid[:len(pid)-1]) + "/fd"
		dir, err := unix.Openat(root, path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err == nil {
			defer unix.Close(dir)
			err = numbered(dir, inner, func(fd []byte) error {
				_, _, errno := unix.Syscall6(unix.SYS_READLINKAT, uintptr(dir), uintptr(unsafe.Pointer(&fd[0])),
					uintptr(unsafe.Pointer(&link[0])), uintptr(len(link)), 0, 0)
				if errno == 0 {
					fds++
					return nil
				}
				return serious(errno)
			})
		}
		if err := serious(err); err != nil {
			return fmt.Errorf("walking over /proc/%s: %w", path, err)
		}
		return nil
	})
	return fds, err
}

// serious is err, unless it is about one process or fd that is gone or hidden: even root may not see all in a sandbox.
func serious(err error) error {
	for _, errno := range [...]error{unix.ENOENT, unix.ESRCH, unix.EACCES, unix.EPERM} {
		if errors.Is(err, errno) {
			return nil
		}
	}
	return err
}

// numbered calls do with each name in a directory that begins with a digit, and the NUL behind it (getdents64(2)).
func numbered(dir int, entries []byte, do func(name []byte) error) error {
	const nameAt = 19 // in struct linux_dirent64, after inode, offset, length and type
	for {
		n, err := unix.ReadDirent(dir, entries)
		if err != nil || n <= 0 {
			return err
		}
		for b := entries[:n]; len(b) > nameAt; {
			size := int(binary.NativeEndian.Uint16(b[16:]))
			name := b[nameAt:size]
			if name[0] >= '0' && name[0] <= '9' {
				if err := do(name[:bytes.IndexByte(name, 0)+1]); err != nil {
					return err
				}
			}
			b = b[size:]
		}
	}
}

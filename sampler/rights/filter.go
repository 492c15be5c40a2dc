package rights

// The filter of system calls: a program in classic BPF that the kernel runs before each (seccomp(2)). It does not
// name what is allowed, since that changes with every version of Go, but what must never happen.

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// errNoFilter is for an architecture whose numbers are not known here.
var errNoFilter = errors.New("no filter of system calls for " + runtime.GOARCH)

// auditArch is how seccomp names the architecture of a system call (linux/audit.h): of those that are little endian and
// 64 bits wide, so that the low half of an argument comes first.
var auditArch = map[string]uint32{
	"amd64":   unix.AUDIT_ARCH_X86_64,
	"arm64":   unix.AUDIT_ARCH_AARCH64,
	"riscv64": unix.AUDIT_ARCH_RISCV64,
	"loong64": unix.AUDIT_ARCH_LOONGARCH64,
}

// never are the calls that are refused in any case: those that start another program, and those by which
// CAP_SYS_PTRACE reaches into other processes instead of looking at them.
var never = []uint32{
	unix.SYS_EXECVE, unix.SYS_EXECVEAT,
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PIDFD_GETFD,
}

// signalling are the calls that a read-only run refuses. kill and tgkill are allowed within the process: Go
// interrupts its own threads so.
var signalling = []uint32{
	unix.SYS_TKILL, unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO, unix.SYS_PIDFD_SEND_SIGNAL,
}

// owning are requests that a read-only run refuses: by them a descriptor signals whom it is told to when something comes
// (fcntl(2)). Each is a call and its second argument.
var owning = []struct{ call, request uint32 }{
	{unix.SYS_FCNTL, unix.F_SETOWN}, {unix.SYS_FCNTL, unix.F_SETOWN_EX},
	{unix.SYS_IOCTL, fiosetown}, {unix.SYS_IOCTL, unix.SIOCSPGRP},
}

const fiosetown = 0x8901 // FIOSETOWN (asm-generic/sockios.h)

// Offsets in struct seccomp_data (linux/seccomp.h).
const (
	atNumber = 0
	atArch   = 4
	atArg0   = 16 // the low half
	atArg1   = 24
)

const x32 = 0x40000000 // __X32_SYSCALL_BIT: amd64's other way to number the same calls

const (
	allow = unix.SECCOMP_RET_ALLOW
	deny  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
)

// program writes the filter. Every jump is within a few instructions, so that each rule stands by itself.
func program(arch uint32, readOnly bool, self uint32) []unix.SockFilter {
	load := func(offset uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
	}
	answer := func(what uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: what}
	}
	jump := func(test uint16, k uint32, yes, no uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, Jt: yes, Jf: no, K: k}
	}
	p := []unix.SockFilter{load(atArch), jump(unix.BPF_JEQ, arch, 1, 0), answer(deny), load(atNumber)}
	if arch == unix.AUDIT_ARCH_X86_64 {
		p = append(p, jump(unix.BPF_JGE, x32, 0, 1), answer(deny))
	}
	refused := never
	if readOnly {
		refused = append(refused[:len(refused):len(refused)], signalling...)
	}
	for _, number := range refused {
		p = append(p, jump(unix.BPF_JEQ, number, 0, 1), answer(deny))
	}
	if readOnly {
		for _, o := range owning {
			p = append(p,
				jump(unix.BPF_JEQ, o.call, 0, 4),
				load(atArg1),
				jump(unix.BPF_JEQ, o.request, 0, 1),
				answer(deny),
				load(atNumber),
			)
		}
		p = append(p,
			jump(unix.BPF_JEQ, unix.SYS_PRLIMIT64, 0, 5), // the process: a limit of CPU time of 0 ends it
			load(atArg0),
			jump(unix.BPF_JEQ, self, 1, 0),
			jump(unix.BPF_JEQ, 0, 0, 1), // the caller
			answer(allow),
			answer(deny),
			jump(unix.BPF_JEQ, unix.SYS_TGKILL, 0, 4), // the process, the thread, the signal
			load(atArg0),
			jump(unix.BPF_JEQ, self, 0, 1),
			answer(allow),
			answer(deny),
			jump(unix.BPF_JEQ, unix.SYS_KILL, 0, 7), // the process, the signal
			load(atArg0),
			jump(unix.BPF_JEQ, self, 3, 0),
			jump(unix.BPF_JEQ, 0, 0, 3), // its own group: what the terminal's own Ctrl-Z stops
			load(atArg1),
			jump(unix.BPF_JEQ, uint32(unix.SIGTSTP), 0, 1),
			answer(allow),
			answer(deny),
		)
	}
	return append(p, answer(allow))
}

// installFilter puts the filter into force in every thread, for good. It takes no_new_privs, which is set here for a program
// with cgo; the kernel passes it on to the other threads together with the filter.
func installFilter(readOnly bool) error {
	arch, ok := auditArch[runtime.GOARCH]
	if !ok {
		return errNoFilter
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no filter of system calls: no_new_privs: %w", err)
	}
	p := program(arch, readOnly, uint32(os.Getpid()))
	prog := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	install := func(flags uintptr) error {
		thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
		switch {
		case errno != 0:
			return fmt.Errorf("no filter of system calls: %w", errno)
		case thread != 0:
			return fmt.Errorf("no filter of system calls: thread %d has another already", thread)
		}
		return nil
	}
	// Nothing foreign runs in this process, so that it needs no protection from itself: before Linux 5.16 a filter would
	// switch on costly ones against speculation. Before 4.17 there is no such choice.
	err := install(unix.SECCOMP_FILTER_FLAG_TSYNC | unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW)
	if errors.Is(err, unix.EINVAL) {
		err = install(unix.SECCOMP_FILTER_FLAG_TSYNC)
	}
	runtime.KeepAlive(p)
	return err
}

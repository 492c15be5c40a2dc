package main

// Where the kernel's sock_diag is refused, as a sandbox does: the binary runs in a seccomp filter of the test's.

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// withoutSockDiag runs a command to which socket(AF_NETLINK, ..., NETLINK_SOCK_DIAG) answers EPROTONOSUPPORT. It is the
// role of a child: a filter cannot be taken off again.
func withoutSockDiag(command []string) int {
	const nr, domain, protocol = 0, 16, 32 // struct seccomp_data: the low halves of the arguments
	native := [2]byte{1}
	if *(*uint16)(unsafe.Pointer(&native)) != 1 {
		fmt.Fprintln(os.Stderr, "big-endian")
		return 77
	}
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	unless := func(k uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jf: skip}
	}
	answer := func(k uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k} }
	filter := []unix.SockFilter{
		load(nr), unless(unix.SYS_SOCKET, 5),
		load(domain), unless(unix.AF_NETLINK, 3),
		load(protocol), unless(unix.NETLINK_SOCK_DIAG, 1),
		answer(unix.SECCOMP_RET_ERRNO | uint32(unix.EPROTONOSUPPORT)),
		answer(unix.SECCOMP_RET_ALLOW),
	}
	runtime.LockOSThread()
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	if err == nil {
		err = unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "no filter:", err)
		return 77
	}
	fmt.Fprintln(os.Stderr, unix.Exec(command[0], command, os.Environ()))
	return 1
}

// TestFault12WithoutSockDiag: the tables of /proc/net with their owners, and a line that says what is missing.
func TestFault12WithoutSockDiag(t *testing.T) {
	t.Parallel()
	s := startServer(t, serving{name: "svplain"})
	c := dial(t, s.ports[0], "")
	defer c.Close()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (stdout, stderr string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, exe, append([]string{built.binary}, args...)...)
		cmd.Env = append(environment(home(t)), roleVariable+"=without sock_diag")
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		if exit := new(exec.ExitError); errors.As(err, &exit) && exit.ExitCode() == 77 {
			t.Skip("needs a seccomp filter: ", errs.String())
		}
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, errs.String())
		}
		return out.String(), errs.String()
	}
	port := fmt.Sprint(s.ports[0])
	out, trouble := run("-ant", "-p")
	found := 0
	for line := range strings.Lines(out) {
		if strings.Contains(line, ":"+port+" ") && strings.Contains(line, fmt.Sprintf("%d/svplain", s.pid)) {
			found++
		}
	}
	if found != 2 || strings.Contains(trouble, "sock_diag") {
		t.Errorf("netstat's layout, which has no bytes: %d of 2 rows, stderr %q\n%s", found, trouble, out)
	}
	out, trouble = run("--json", "process:svplain", "state:established")
	var rows []map[string]any
	if err := json.Unmarshal([]byte(out), &rows); err != nil || len(rows) != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	if v, told := rows[0]["sent"]; told && v != nil {
		t.Errorf("sent %v: nobody can know", v)
	}
	if !strings.Contains(trouble, "no byte counters") || strings.Count(trouble, "\n") != 1 {
		t.Errorf("stderr: %q", trouble)
	}
}

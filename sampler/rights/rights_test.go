package rights

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"sockview/model"
	"sockview/sampler/diag"
)

// Giving up is for good and for the whole process. So each of these tests starts the test binary once more, in a role that
// the environment names, and reads what it found.
const roleVariable = "SOCKVIEW_RIGHTS_ROLE"

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	if err := roles[role](); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

var roles = map[string]func() error{
	"settle":    settle,
	"read-only": readOnly,
	"threads":   threads,
	"bystander": unix.Pause, // until it is killed
}

// skipCgo: the test binary must be the static one, as sockview is; the race detector needs cgo.
func skipCgo(t *testing.T) {
	t.Helper()
	if !reachesAllThreads() {
		t.Skip("needs a test binary without cgo (CGO_ENABLED=0): Go cannot reach every thread of this one")
	}
}

// play runs a role and fails the test with what it says is wrong. permitted are the capabilities of the file that it
// is run from, by another user; 0 runs it as we are.
func play(t *testing.T, role string, permitted Set) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe)
	if permitted != 0 {
		c.Path, c.Args = withFileCapabilities(t, exe, permitted), []string{exe}
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		c.Dir = "/"
	}
	c.Env = []string{roleVariable + "=" + role}
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

const nobody = 65534

// withFileCapabilities is a copy of a program that is given capabilities, as setcap ...=p does.
func withFileCapabilities(t *testing.T, program string, permitted Set) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sockview-rights-")
	if err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "program")
	if err := os.WriteFile(path, code, 0o755); err != nil {
		t.Fatal(err)
	}
	// struct vfs_cap_data, revision 2, little endian (linux/capability.h)
	data := make([]byte, 20)
	data[3] = 2
	for i := range 4 {
		data[4+i], data[12+i] = byte(permitted>>(8*i)), byte(permitted>>(32+8*i))
	}
	if err := unix.Setxattr(path, "security.capability", data, 0); err != nil {
		t.Skipf("needs a file system that keeps capabilities of files, and root: %v", err)
	}
	return path
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: has rights to give up")
	}
}

// everyThread calls f with the fields of /proc/self/task/*/status of each thread of this process.
func everyThread(f func(tid string, status map[string]string) error) error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, task := range tasks {
		text, err := os.ReadFile("/proc/self/task/" + task.Name() + "/status")
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // it ended
		}
		if err != nil {
			return err
		}
		status := make(map[string]string)
		for line := range strings.Lines(string(text)) {
			name, value, _ := strings.Cut(line, ":")
			status[name] = strings.TrimSpace(value)
		}
		if err := f(task.Name(), status); err != nil {
			return err
		}
	}
	return nil
}

// want is the status that each thread must have.
func want(fields map[string]string) error {
	return everyThread(func(tid string, status map[string]string) error {
		for name, value := range fields {
			if got, has := status[name]; got != value && (has || name != "Seccomp") {
				return fmt.Errorf("thread %s: %s is %q, want %q", tid, name, got, value)
			}
		}
		return nil
	})
}

func hex(s Set) string { return fmt.Sprintf("%016x", uint64(s)) }

// crowd starts n goroutines that stay in system calls, so that there are many threads.
func crowd(n int) (end func()) {
	var at [2]int
	if err := unix.Pipe2(at[:], unix.O_CLOEXEC); err != nil {
		panic(err)
	}
	var here, gone sync.WaitGroup
	for range n {
		here.Add(1)
		gone.Add(1)
		go func() {
			defer gone.Done()
			here.Done()
			unix.Read(at[0], make([]byte, 1)) //nolint:errcheck // it ends with the pipe
		}()
	}
	here.Wait()
	return func() { unix.Close(at[1]); gone.Wait() }
}

func settled(readOnly bool) (*Rights, Set, error) {
	had, err := current()
	if err != nil {
		return nil, 0, err
	}
	end := crowd(12)
	defer end()
	r, err := Settle(readOnly)
	if err != nil {
		return nil, 0, err
	}
	if err := r.Trouble(); err != nil {
		return nil, 0, fmt.Errorf("trouble: %w", err)
	}
	keep := had.permitted & Used
	if readOnly {
		keep &= Look
	}
	if r.Held() != keep {
		return nil, 0, fmt.Errorf("held %v, want %v", r.Held(), keep)
	}
	fields := map[string]string{
		"CapPrm": hex(keep), "CapEff": hex(0), "CapInh": hex(0), "CapAmb": hex(0), "NoNewPrivs": "1",
	}
	if r.Filter() == nil {
		fields["Seccomp"] = "2"
	}
	if had.permitted&setpcap != 0 {
		fields["CapBnd"] = hex(0)
	}
	return r, keep, want(fields)
}

func settle() error {
	r, keep, err := settled(false)
	if err != nil {
		return err
	}
	if err := exec.Command("/proc/self/exe").Run(); r.Filter() == nil && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("another program was run, or the refusal is another: %v", err)
	}
	if _, _, errno := unix.Syscall6(unix.SYS_EXECVEAT, ^uintptr(99), 0, 0, 0, 0, 0); r.Filter() == nil && errno != unix.EPERM {
		return fmt.Errorf("execveat: %v", errno)
	}
	if _, _, errno := unix.Syscall6(unix.SYS_PTRACE, unix.PTRACE_SEIZE, 1, 0, 0, 0, 0); errno != unix.EPERM {
		return fmt.Errorf("ptrace: %v", errno)
	}
	inside := state{}
	r.With(keep, func() { inside, err = current() })
	if err != nil || inside.effective != keep || inside.permitted != keep {
		return fmt.Errorf("within: %+v, %v; want %v effective", inside, err, keep)
	}
	r.With(Kill, func() {
		r.With(NetAdmin|1<<unix.CAP_SYS_BOOT, func() { inside, err = current() })
	})
	if err != nil || inside.effective != (Kill|NetAdmin)&keep {
		return fmt.Errorf("within both: %v, %v", inside.effective, err)
	}
	func() {
		defer func() { recover() }() //nolint:errcheck // it is ours
		r.With(keep, func() { panic("of what runs within") })
	}()
	if now, err := current(); err != nil || now.effective != 0 {
		return fmt.Errorf("after a panic: %v, %v", now.effective, err)
	}
	able := state{effective: keep | setpcap, permitted: keep | setpcap}
	if err := able.apply(); !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("taking back what was given up: %v", err)
	}
	return nil
}

// threads raises in many goroutines at once while others start and block, so that Go starts threads all the time, most
// of them while something is raised. No thread but those that run With may have any of it, then or later.
func threads() error {
	r, keep, err := settled(false)
	if err != nil {
		return err
	}
	var work sync.WaitGroup
	failures := make(chan error, 64)
	for range 32 {
		work.Go(func() {
			for range 20 {
				r.With(keep, func() {
					if now, err := current(); err != nil || now.effective != keep {
						failures <- fmt.Errorf("within: %v, %v", now.effective, err)
					}
					end := crowd(4) // from within: these must have nothing of it
					end()
				})
			}
		})
	}
	work.Wait()
	close(failures)
	if err := <-failures; err != nil {
		return err
	}
	return want(map[string]string{"CapEff": hex(0), "CapPrm": hex(keep)})
}

// readOnly tries, from within a read-only run, all that it must not be able to do.
func readOnly() error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	child := exec.Command(exe)
	child.Env = []string{roleVariable + "=bystander"}
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	runtime.LockOSThread() // the signal comes when the thread ends that started it
	defer runtime.UnlockOSThread()
	if err := child.Start(); err != nil {
		return err
	}
	pid := child.Process.Pid
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	own, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	r, keep, err := settled(true)
	if err != nil {
		return err
	}
	if keep&^Look != 0 || r.Has(SysAdmin) || r.Has(Kill) || r.Has(NetAdmin) || !r.ReadOnly() {
		return fmt.Errorf("held: %v", r.Held())
	}
	if r.Filter() != nil {
		return r.Filter()
	}
	raw := func(call uintptr, args ...uintptr) error {
		var a [6]uintptr
		copy(a[:], args)
		if _, _, errno := unix.Syscall6(call, a[0], a[1], a[2], a[3], a[4], a[5]); errno != 0 {
			return errno
		}
		return nil
	}
	self, sig := uintptr(os.Getpid()), uintptr(unix.SIGTERM)
	for _, try := range []struct {
		name string
		err  func() error
	}{
		{"kill", func() error { return unix.Kill(pid, unix.SIGTERM) }},
		{"kill 0", func() error { return unix.Kill(pid, 0) }},
		{"kill its group", func() error { return unix.Kill(-unix.Getpgrp(), unix.SIGTSTP) }},
		{"kill all", func() error { return unix.Kill(-1, unix.SIGTERM) }},
		{"kill our group", func() error { return unix.Kill(0, unix.SIGTERM) }},
		{"tgkill", func() error { return unix.Tgkill(pid, pid, unix.SIGTERM) }},
		{"tkill", func() error { return raw(unix.SYS_TKILL, uintptr(pid), sig) }},
		{"rt_sigqueueinfo", func() error { return raw(unix.SYS_RT_SIGQUEUEINFO, uintptr(pid), sig, 0) }},
		{"rt_tgsigqueueinfo", func() error { return raw(unix.SYS_RT_TGSIGQUEUEINFO, uintptr(pid), uintptr(pid), sig, 0) }},
		{"pidfd_send_signal", func() error { return unix.PidfdSendSignal(pidfd, unix.SIGTERM, nil, 0) }},
		{"pidfd_getfd", func() error { _, err := unix.PidfdGetfd(pidfd, 0, 0); return err }},
		{"F_SETOWN", func() error { return raw(unix.SYS_FCNTL, uintptr(own[0]), unix.F_SETOWN, uintptr(pid)) }},
		{"F_SETOWN_EX", func() error {
			owner := [2]int32{1, int32(pid)} // struct f_owner_ex: F_OWNER_PID and the process
			_, _, errno := unix.Syscall(unix.SYS_FCNTL, uintptr(own[0]), unix.F_SETOWN_EX, uintptr(unsafe.Pointer(&owner)))
			return errno
		}},
		{"FIOSETOWN", func() error { return unix.IoctlSetPointerInt(own[0], fiosetown, pid) }},
		{"SIOCSPGRP", func() error { return unix.IoctlSetPointerInt(own[0], unix.SIOCSPGRP, pid) }},
		{"prlimit64", func() error { return raw(unix.SYS_PRLIMIT64, uintptr(pid), unix.RLIMIT_CPU) }},
		{"execve", func() error { return syscall.Exec(exe, []string{exe}, nil) }},
		{"execveat", func() error { return raw(unix.SYS_EXECVEAT, ^uintptr(99), 0, 0, 0, 0) }},
		{"ptrace", func() error { return raw(unix.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(pid)) }},
		{"SOCK_DESTROY", func() (err error) {
			r.With(Used, func() { err = destroyOne(listener) })
			return err
		}},
		{"high bits beside our pid", func() error { return raw(unix.SYS_TGKILL, uintptr(pid)|self<<32, uintptr(pid), sig) }},
	} {
		if err := try.err(); !errors.Is(err, unix.EPERM) {
			return fmt.Errorf("%s: %v, want EPERM", try.name, err)
		}
	}
	var limit unix.Rlimit
	if err := errors.Join(unix.Getrlimit(unix.RLIMIT_NOFILE, &limit), unix.Prlimit(os.Getpid(), unix.RLIMIT_NOFILE, nil, &limit)); err != nil {
		return fmt.Errorf("its own limits: %w", err)
	}
	// Go's own: interrupting threads, and the process as a whole.
	if err := unix.Kill(os.Getpid(), 0); err != nil {
		return fmt.Errorf("kill of oneself: %w", err)
	}
	if err := unix.Tgkill(os.Getpid(), unix.Gettid(), 0); err != nil {
		return fmt.Errorf("tgkill of oneself: %w", err)
	}
	if _, err := unix.FcntlInt(uintptr(own[0]), unix.F_GETFL, 0); err != nil {
		return fmt.Errorf("fcntl: %w", err)
	}
	if _, err := unix.IoctlGetInt(own[0], unix.TIOCINQ); err != nil {
		return fmt.Errorf("ioctl: %w", err)
	}
	runtime.GC()
	return nil // the child ends with us, by Pdeathsig
}

// destroyOne tries to close a listener of our own.
func destroyOne(l net.Listener) error {
	c, err := diag.Open()
	if err != nil {
		return err
	}
	defer c.Close()
	var target model.CloseTarget
	if _, err := c.Dump(model.TCP, model.IPv4, func(s *model.Socket) {
		if int(s.LocalPort) == l.Addr().(*net.TCPAddr).Port && s.State == model.Listen {
			target = s.Target()
		}
	}); err != nil {
		return err
	}
	return c.Destroy(target)
}

func TestSettleAsRoot(t *testing.T) {
	needRoot(t)
	skipCgo(t)
	play(t, "settle", 0)
}

func TestSettleWithFileCapabilities(t *testing.T) {
	needRoot(t)
	skipCgo(t)
	for _, permitted := range []Set{
		Look | Act, Used, Look, Kill, Used | 1<<unix.CAP_NET_RAW | 1<<unix.CAP_SYS_BOOT, Used | setpcap,
	} {
		t.Run(permitted.String(), func(t *testing.T) { play(t, "settle", permitted) })
	}
}

func TestSettleWithoutRights(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("needs a user without rights")
	}
	skipCgo(t)
	play(t, "settle", 0)
	play(t, "read-only", 0)
}

// Kill safety: what --read-only gives up cannot be had back, nor got round.
func TestReadOnlyCannotKillNorClose(t *testing.T) {
	skipCgo(t)
	play(t, "read-only", 0)
	if os.Geteuid() == 0 {
		play(t, "read-only", Used)
	}
}

func TestRaisedRightsStayInTheirThread(t *testing.T) {
	needRoot(t)
	skipCgo(t)
	play(t, "threads", 0)
}

func TestAccess(t *testing.T) {
	for _, tt := range []struct {
		held     Set
		readOnly bool
		access   model.Access
	}{
		{0, false, model.Access{Missing: []string{"cap_sys_ptrace", "cap_dac_read_search", "cap_net_admin", "cap_kill"}}},
		{Used, false, model.Access{Owners: true, Destroy: true, Kill: true, Enter: true}},
		{Used &^ SysAdmin, false, model.Access{Owners: true, Destroy: true, Kill: true}},
		{Ptrace | Kill, false, model.Access{Kill: true, Missing: []string{"cap_dac_read_search", "cap_net_admin"}}},
		{ReadSearch | NetAdmin, false, model.Access{Destroy: true, Missing: []string{"cap_sys_ptrace", "cap_kill"}}},
		{Look, true, model.Access{Owners: true, ReadOnly: true}},
		{ReadSearch, true, model.Access{ReadOnly: true, Missing: []string{"cap_sys_ptrace"}}},
	} {
		r := &Rights{held: tt.held, readOnly: tt.readOnly}
		if diff := cmp.Diff(tt.access, r.Access()); diff != "" {
			t.Errorf("%v: %s", tt.held, diff)
		}
	}
}

func TestAsIsChangesNothing(t *testing.T) {
	before, err := current()
	if err != nil {
		t.Fatal(err)
	}
	r, err := AsIs()
	if err != nil {
		t.Fatal(err)
	}
	if r.Held() != before.effective&Used || r.Filter() == nil || r.Trouble() != nil || r.ReadOnly() {
		t.Errorf("%+v", r)
	}
	r.With(Used, func() {
		if now, err := current(); err != nil || now != before {
			t.Errorf("within: %+v, %v; before %+v", now, err, before)
		}
	})
}

func TestSetString(t *testing.T) {
	for set, want := range map[Set]string{
		0: "", Kill: "cap_kill", Look: "cap_sys_ptrace,cap_dac_read_search", Kill | 1: "0x" + strconv.FormatUint(1|1<<5, 16),
	} {
		if got := set.String(); got != want {
			t.Errorf("%x: %q, want %q", uint64(set), got, want)
		}
	}
}

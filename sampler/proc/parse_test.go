package proc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sockview/model"
)

const id64 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "testdata", "proc", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFault04Stat(t *testing.T) {
	line := func(comm string) string {
		return statLine(fakeProcess{pid: 42, ppid: 7, start: 99, state: 'R', threads: 3, flags: 0x400000, comm: comm})
	}
	want := Stat{PID: 42, PPID: 7, Start: 99, State: 'R', Threads: 3}
	for _, comm := range []string{
		"nginx", "a b", "a) S 1 (", ")", "(", "", "))((", "x) Z 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 (", "new\nline",
		"ctrl\x1b[2J",
	} {
		got, err := parseStat([]byte(line(comm)))
		want.Comm = model.SafeText(comm)
		if err != nil || got != want {
			t.Errorf("comm %q: %+v, %v; want %+v", comm, got, err, want)
		}
	}
	for _, bad := range []string{
		"", "1", "1 (a", "1 a) S 1", ")(", "1 (a)", "1 (a) ", "x (a) S 1 2 3 4 5 6", line("a")[:40],
		strings.Replace(line("a"), " 99 ", " -99 ", 1), strings.Replace(line("a"), ") R ", ") RR ", 1),
		strings.Replace(line("a"), "42 (", "99999999999 (", 1),
	} {
		if got, err := parseStat([]byte(bad)); !errors.Is(err, errFormat) || got != (Stat{}) {
			t.Errorf("%q: %+v, %v; want an error", bad, got, err)
		}
	}
	kernel := statLine(fakeProcess{pid: 2, state: 'S', flags: 0x208040, comm: "kthreadd", threads: 1})
	if got, err := parseStat([]byte(kernel)); err != nil || !got.Kernel {
		t.Errorf("kthreadd: %+v, %v; want a kernel thread", got, err)
	}
	for _, tt := range []struct {
		state   byte
		threads int32
		dead    bool
	}{{'S', 1, false}, {'Z', 1, true}, {'Z', 0, true}, {'Z', 2, false}, {'X', 1, true}, {'T', 1, false}} {
		if got := (Stat{State: tt.state, Threads: tt.threads}).Dead(); got != tt.dead {
			t.Errorf("state %c, %d threads: dead %v", tt.state, tt.threads, got)
		}
	}
}

func TestParseUID(t *testing.T) {
	for _, tt := range []struct {
		in   string
		uid  uint32
		fail bool
	}{
		{in: "Name:\ta\nUid:\t1\t2\t3\t4\n", uid: 2},
		{in: "Name:\tUid:\nUid:\t0\t4294967294\t0\t0\n", uid: 4294967294},
		{in: "Uid:\t1\n", fail: true},
		{in: "Uid:\t1\t4294967296\n", fail: true},
		{in: "Uid:\t1\t-1\n", fail: true},
		{in: "Gid:\t1\t1\n", fail: true},
		{in: "", fail: true},
	} {
		uid, err := parseUID([]byte(tt.in))
		if uid != tt.uid || errors.Is(err, errFormat) != tt.fail {
			t.Errorf("%q: %d, %v", tt.in, uid, err)
		}
	}
}

func TestParseCgroup(t *testing.T) {
	const short = "0123456789ab"
	for _, tt := range []struct{ name, in, unit, container string }{
		{"root", "0::/\n", "", ""},
		{"service", "0::/system.slice/nginx.service\n", "nginx.service", ""},
		{"template", "0::/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service", ""},
		{"session", "0::/user.slice/user-1000.slice/session-3.scope\n", "session-3.scope", ""},
		{"user unit", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service\n", "foo.service", ""},
		{"user manager", "0::/user.slice/user-1000.slice/user@1000.service/init.scope\n", "init.scope", ""},
		{"delegated", "0::/system.slice/db.service/worker\n", "db.service", ""},
		{"removed", "0::/system.slice/db.service (deleted)\n", "db.service", ""},
		{"escaped", "0::/system.slice/_cgroup.procs.service\n", "cgroup.procs.service", ""},
		{"v1", "3:cpu,cpuacct:/x\n1:name=systemd:/system.slice/a.service\n0::/\n", "a.service", ""},
		{"v1 and v2", "1:name=systemd:/a.service\n0::/b.service\n", "b.service", ""},
		{"v1 without systemd", "3:cpu:/a.service\n", "a.service", ""},
		{"docker v1", string(testdata(t, "cgroup-v1")), "containerd.service", short},
		{"docker systemd", "0::/system.slice/docker-" + id64 + ".scope\n", "", short},
		{"systemd in docker", "0::/system.slice/docker-" + id64 + ".scope/system.slice/a.service\n", "a.service", short},
		{"docker in docker", "0::/docker/f" + id64[1:] + "/docker/" + id64 + "\n", "", short},
		{"podman", "0::/machine.slice/libpod-" + id64 + ".scope/container\n", "", short},
		{"podman user", "0::/user.slice/user-1.slice/user@1.service/user.slice/libpod-" + id64 + ".scope\n",
			"user@1.service", short},
		{"podman's monitor", "0::/machine.slice/libpod-conmon-" + id64 + ".scope\n", "", ""},
		{"cri-o", "0::/kubepods.slice/kubepods-pod1.slice/crio-" + id64 + ".scope\n", "", short},
		{"cri-o's monitor", "0::/kubepods.slice/kubepods-pod1.slice/crio-conmon-" + id64 + ".scope\n", "", ""},
		{"containerd", "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-" +
			id64 + ".scope\n", "", short},
		{"containerd unnested", "0::/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" + id64 + "\n",
			"containerd.service", short},
		{"kubepods", "4:memory:/kubepods/burstable/pod7b8a/" + id64 + "\n", "", short},
		{"lxc", "0::/lxc/web/system.slice/a.service\n", "a.service", "web"},
		{"lxc 4", "0::/lxc.payload.web/init.scope\n", "init.scope", "web"},
		{"lxc 4 nested", "0::/lxc.payload/web\n", "", "web"},
		{"lxc's monitor", "0::/lxc.monitor.web\n", "", ""},
		{"lxc 2", "0::/lxc/web\n", "", "web"},
		{"nspawn", "0::/machine.slice/systemd-nspawn@web.service/payload/system.slice/a.service\n", "a.service", "web"},
		{"nspawn by hand", "0::/machine.slice/machine-web.scope/payload/init.scope\n", "init.scope", "web"},
		{"nspawn's supervisor", "0::/machine.slice/systemd-nspawn@web.service/supervisor\n", "systemd-nspawn@web.service", ""},
		{"a virtual machine", "0::/machine.slice/machine-qemu\\x2d1.scope/libvirt/vcpu0\n", "machine-qemu\\x2d1.scope", ""},
		{"kind", "0::/docker/f" + id64[1:] + "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod1.slice/" +
			"cri-containerd-" + id64 + ".scope\n", "", short},
		{"nerdctl", "0::/system.slice/nerdctl-" + id64 + ".scope\n", "", short},
		{"ctr", "0::/default/" + id64 + "\n", "", short},
		{"podman v1", "4:memory:/libpod_parent/libpod-" + id64 + "\n", "", short},
		{"podman's pod", "0::/machine.slice/machine-libpod_pod_f" + id64[1:] + ".slice/libpod-" + id64 + ".scope/container\n",
			"", short},
		{"podman rootless v1", "1:name=systemd:/user.slice/user-1000.slice/user@1000.service/user.slice/podman-77.scope/" +
			id64 + "\n", "podman-77.scope", short},
		{"cri-o v1", "4:memory:/kubepods/besteffort/pod7b8a/crio-" + id64 + "\n", "", short},
		{"guaranteed pod", "0::/kubepods.slice/kubepods-pod7b8a_1.slice/docker-" + id64 + ".scope\n", "", short},
		{"outside of our root", "0::/../../docker-" + id64 + ".scope\n", "", short},
		{"docker in lxc", "0::/lxc.payload.web/docker/" + id64 + "\n", "", short},
		{"lxc in docker", "0::/docker/f" + id64[1:] + "/lxc.payload.web/a\n", "", "web"},
		{"capitals are no id", "0::/docker/" + strings.ToUpper(id64) + "\n", "", ""},
		{"63 digits", "0::/docker/" + id64[1:] + "\n", "", ""},
		{"colons in a path", "0::/a:b:c.service\n", "a:b:c.service", ""},
		{"only a suffix", "0::/.service\n", "", ""},
		{"empty", "", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseCgroup(strings.NewReader(tt.in))
			want := placement{unit: tt.unit, container: tt.container}
			if tt.container == short {
				want.id = id64
			}
			if err != nil || got != want {
				t.Errorf("got %+v, %v; want %q, %q", got, err, tt.unit, tt.container)
			}
		})
	}
	for _, bad := range []string{"x\n", "0:/\n", "0::/a\nx", "0::/" + strings.Repeat("a", maxCgroupLine)} {
		if got, err := parseCgroup(strings.NewReader(bad)); !errors.Is(err, errFormat) || got != (placement{}) {
			t.Errorf("%.20q: %+v, %v; want an error", bad, got, err)
		}
	}
}

func TestParsePasswd(t *testing.T) {
	got, err := parsePasswd(strings.NewReader(string(testdata(t, "passwd"))))
	if err != nil {
		t.Fatal(err)
	}
	want := map[uint32]string{
		0: "root", 1: "daemon", 65534: "nobody", 4294967294: "big", 1000: `esc\x1b[31m`, 1001: "last",
	}
	names := map[uint32]string{}
	for uid, name := range got {
		names[uid] = name.String()
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	long := "long" + strings.Repeat("g", 3*maxPasswdLine) + ":x:5:5::/:/\nnext:x:6:6::/:/\n"
	got, err = parsePasswd(strings.NewReader(long))
	if err != nil || len(got) != 1 || got[6].String() != "next" {
		t.Errorf("after a line too long: %v, %v", got, err)
	}
	var many strings.Builder
	for i := range maxUsers + 10 {
		fmt.Fprintf(&many, "u%d:x:%d:1::/:/\n", i, i)
	}
	if got, err := parsePasswd(strings.NewReader(many.String())); err != nil || len(got) != maxUsers {
		t.Errorf("%d users, %v; want %d", len(got), err, maxUsers)
	}
}

func TestDisplayName(t *testing.T) {
	const cut = "systemd-resolve"
	for _, tt := range []struct {
		name, comm, exe string
		argv            []string
		want            string
	}{
		{name: "short", comm: "nginx", exe: "/usr/sbin/nginx-full", want: "nginx"},
		{name: "executable", comm: cut, exe: "/lib/systemd/systemd-resolved", want: "systemd-resolved"},
		{name: "removed", comm: cut, exe: "/lib/systemd/systemd-resolved (deleted)", want: "systemd-resolved"},
		{name: "argv", comm: cut, argv: []string{"/lib/systemd/systemd-resolved"}, want: "systemd-resolved"},
		{name: "15 bytes as they are", comm: "exactly15bytes_", exe: "/bin/exactly15bytes_", want: "exactly15bytes_"},
		{name: "a thread's name", comm: "worker-thread-1", exe: "/bin/server", want: "worker-thread-1"},
		{name: "script", comm: "averylongscript", exe: "/usr/bin/python3.11",
			argv: []string{"python3", "-u", "/opt/averylongscript.py"}, want: "averylongscript.py"},
		{name: "sentence", comm: "averylongprogra", argv: []string{"averylongprogram: worker process"},
			want: "averylongprogra"},
		{name: "sentence, but executable", comm: "averylongprogra", exe: "/bin/averylongprogram",
			argv: []string{"averylongprogram: worker"}, want: "averylongprogram"},
		{name: "a title in argv", comm: "nginx", exe: "/usr/sbin/nginx",
			argv: []string{"nginx: worker process"}, want: "nginx"},
		{name: "cut within a rune", comm: "abcdefghijklmn\xc3", exe: "/bin/abcdefghijklmnö", want: "abcdefghijklmnö"},
		{name: "no comm", comm: "", exe: "/bin/x", want: "x"},
		{name: "nothing", want: ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := displayName(tt.comm, tt.exe, tt.argv); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestParseSocket(t *testing.T) {
	for _, tt := range []struct {
		link  string
		inode uint32
		ok    bool
	}{
		{"socket:[1]", 1, true}, {"socket:[4294967295]", 4294967295, true},
		{"socket:[4294967296]", 0, false}, {"socket:[99999999999999999999999]", 0, false},
		{"socket:[0]", 0, false}, {"socket:[]", 0, false}, {"socket:[1", 0, false}, {"socket:[-1]", 0, false},
		{"pipe:[1]", 0, false}, {"", 0, false}, {"/tmp/socket:[1]", 0, false}, {"socket:[1]x", 0, false},
	} {
		inode, ok := parseSocket([]byte(tt.link))
		if inode != tt.inode || ok != tt.ok {
			t.Errorf("%q: %d, %v", tt.link, inode, ok)
		}
	}
}

func TestStarted(t *testing.T) {
	boot := At(newFakeProc(t).root).bootTime(false)
	if got := started(boot, 250).UnixMilli(); got != 1700000002500 {
		t.Errorf("250 ticks after boot: %d", got)
	}
	if got := started(boot, 1<<63); !got.IsZero() {
		t.Errorf("an impossible start: %v", got)
	}
	if boot := At(t.TempDir()).bootTime(false); !boot.IsZero() || !started(boot, 1).IsZero() {
		t.Errorf("unknown boot time: %v", boot)
	}
}

// FuzzFault04Stat puts any name into a good line: the fields after it must come out right. Any line by itself gives
// an error or a value, never both.
func FuzzFault04Stat(f *testing.F) {
	f.Add(testdata(f, "stat"))
	f.Add([]byte("a) S 1 ("))
	f.Add([]byte("1 (x) S 1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := parseStat(b); err != nil && s != (Stat{}) {
			t.Errorf("an error and a value: %+v, %v", s, err)
		}
		line := statLine(fakeProcess{pid: 42, ppid: 7, start: 99, state: 'R', threads: 3, comm: string(b)})
		s, err := parseStat([]byte(line))
		if err != nil || s.PID != 42 || s.PPID != 7 || s.Start != 99 || s.State != 'R' || s.Threads != 3 || s.Kernel {
			t.Errorf("name %q: %+v, %v", b, s, err)
		}
	})
}

func FuzzStatus(f *testing.F) {
	f.Add(testdata(f, "status"))
	f.Add([]byte("Uid:\t1\t2\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if uid, err := parseUID(b); err != nil && uid != 0 {
			t.Errorf("an error and a value: %d, %v", uid, err)
		}
	})
}

func FuzzCgroup(f *testing.F) {
	f.Add(testdata(f, "cgroup-v1"))
	f.Add(testdata(f, "cgroup-v2"))
	f.Add([]byte("0::/lxc/\n0::/_.service"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parseCgroup(strings.NewReader(string(b)))
		if err != nil && p != (placement{}) {
			t.Errorf("an error and a value: %+v, %v", p, err)
		}
		if strings.ContainsAny(p.unit+p.container, "/\n") {
			t.Errorf("a path in %+v", p)
		}
	})
}

func FuzzPasswd(f *testing.F) {
	f.Add(testdata(f, "passwd"))
	f.Add([]byte("a:b:1:"))
	f.Fuzz(func(t *testing.T, b []byte) {
		users, err := parsePasswd(strings.NewReader(string(b)))
		if err != nil {
			t.Fatalf("reading from memory: %v", err)
		}
		for uid, name := range users {
			if name.Empty() || model.SafeText(name.String()) != name {
				t.Errorf("uid %d: %q", uid, name)
			}
		}
	})
}

// FuzzLink compares the hand-written number parsers with strconv.
func FuzzLink(f *testing.F) {
	f.Add([]byte("socket:[123]"))
	f.Add([]byte("123\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		digits := func(s string) bool {
			return s != "" && strings.Trim(s, "0123456789") == ""
		}
		inner, ok := strings.CutPrefix(string(b), "socket:[")
		inner, ok2 := strings.CutSuffix(inner, "]")
		want, err := strconv.ParseUint(inner, 10, 32)
		wantOK := ok && ok2 && digits(inner) && err == nil && want != 0
		if got, gotOK := parseSocket(b); gotOK != wantOK || gotOK && uint64(got) != want {
			t.Errorf("%q: %d, %v", b, got, gotOK)
		}
		name, _, _ := strings.Cut(string(b), "\x00")
		n, err := strconv.ParseInt(name, 10, 32)
		wantOK = digits(name) && err == nil
		if got, gotOK := parseNumber(b); gotOK != wantOK || gotOK && int64(got) != n {
			t.Errorf("%q: %d, %v", b, got, gotOK)
		}
		if n >= 0 && wantOK {
			if got := string(appendNumber(nil, int32(n))); got != strconv.FormatInt(n, 10) {
				t.Errorf("%d is written %q", n, got)
			}
		}
	})
}

// FuzzDents feeds any bytes as a getdents answer: no panic, no number below zero.
func FuzzDents(f *testing.F) {
	f.Add(append(make([]byte, 16), 24, 0, 4, '1', '2', 0, 0, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, n := range appendNumbers(nil, slices.Clip(b)) {
			if n < 0 {
				t.Errorf("%d", n)
			}
		}
	})
}

package sampler

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"sockview/model"
	"sockview/sampler/diag"
	"sockview/sampler/host"
	"sockview/sampler/rights"
)

// bare is a machine where nothing is in the way but rights.
func bare() machine {
	return machine{release: "6.12.1", uid: 1000, exe: "/usr/local/bin/sockview", bounding: ^rights.Set(0), modules: modules{fixed: true}}
}

// good is what trying comes to where everything can be had.
func good() outcome {
	o := outcome{
		dumps: map[string]error{"unix": nil}, listed: map[string]bool{}, sctp: true, closed: true,
		figures:   model.HasBytes | model.HasPath | model.HasPackets | model.HasMark,
		processes: processes{own: 3, others: 9, seen: 9, signalled: 9},
	}
	for _, q := range eachFamily() {
		o.dumps[q.name], o.listed[q.name] = nil, true
	}
	return o
}

func findingOf(t *testing.T, r model.Report, id string) model.Finding {
	t.Helper()
	i := slices.IndexFunc(r.Findings, func(f model.Finding) bool { return f.ID == id })
	if i < 0 {
		t.Fatalf("no finding %q", id)
	}
	return r.Findings[i]
}

const giveAll = "sudo setcap cap_sys_ptrace,cap_dac_read_search,cap_net_admin,cap_kill,cap_sys_admin=p /usr/local/bin/sockview"

func TestJudgeWhole(t *testing.T) {
	t.Parallel()
	m := bare()
	m.held = rights.Used
	r := judge(&m, good())
	for _, f := range r.Findings {
		if f.Standing != model.Allowed || !f.Why.Empty() || !f.Fix.Empty() || f.What == "" {
			t.Errorf("%+v", f)
		}
	}
	seen := map[string]bool{}
	for _, f := range r.Findings {
		if seen[f.ID] || strings.ContainsAny(f.ID, " \"") {
			t.Errorf("%q is no id of its own", f.ID)
		}
		seen[f.ID] = true
	}
}

// TestJudge: each thing that can be in the way, what the report says of it, and what would mend it.
func TestJudge(t *testing.T) {
	t.Parallel()
	unsupported := fmt.Errorf("%w: %w", diag.ErrUnsupported, unix.EOPNOTSUPP)
	for name, c := range map[string]struct {
		with     func(*machine, *outcome)
		id       string
		standing model.Standing
		why, fix string // why is a part
	}{
		"no rights": {func(m *machine, o *outcome) { m.held, o.processes.seen = 0, 0 }, "owners", model.Denied,
			"it takes cap_sys_ptrace and cap_dac_read_search; 3 of one's own can be looked into, 9 others not", giveAll},
		"half the rights": {func(m *machine, o *outcome) { m.held &^= rights.Ptrace }, "owners", model.Denied,
			"it takes cap_sys_ptrace;", giveAll},
		"Landlock": {func(m *machine, o *outcome) { o.processes.seen = 0 }, "owners", model.Denied, "Landlock", ""},
		"a profile": {func(m *machine, o *outcome) { o.processes.seen, m.profile = 2, "docker-default (enforce)" }, "owners",
			model.Partial, "7 of 9 processes cannot be looked into: the rights are there; the security profile docker-default", ""},
		"pid namespace": {func(m *machine, o *outcome) { m.pidNS = true }, "owners", model.Partial, "pid namespace", ""},
		"container's pid namespace": {func(m *machine, o *outcome) { m.pidNS, m.container = true, true }, "owners", model.Partial,
			"pid namespace", "docker run --pid=host IMAGE"},
		"no /proc": {func(m *machine, o *outcome) { o.processes.err = fs.ErrNotExist }, "owners", model.Denied, "not exist",
			"sudo mount -t proc proc /proc"},
		"hidepid": {func(m *machine, o *outcome) { m.hidepid, o.processes.first = "invisible", fs.ErrNotExist }, "processes",
			model.Denied, "hidepid=invisible", "sudo mount -o remount,hidepid=0 /proc"},
		"hidepid=1": {func(m *machine, o *outcome) { m.hidepid, o.processes.cmdline = "1", fs.ErrPermission }, "processes",
			model.Denied, "hidepid=1", "sudo mount -o remount,hidepid=0 /proc"},
		"ProtectProc": {func(m *machine, o *outcome) { m.unit, m.hidepid, o.processes.first = true, "2", fs.ErrNotExist }, "processes",
			model.Denied, "hidepid=2", "ProtectProc=default"},
		"seen through": {func(m *machine, o *outcome) { m.hidepid = "2" }, "processes", model.Allowed, "", ""},

		"may not close": {func(m *machine, o *outcome) { m.held, o.destroy = 0, unix.EPERM }, "close", model.Denied, "cap_net_admin", giveAll},
		"cannot close": {func(m *machine, o *outcome) { o.destroy = unsupported }, "close", model.Absent, "built without",
			"CONFIG_INET_DIAG_DESTROY=y"},
		"nothing to close": {func(m *machine, o *outcome) { o.closed = false }, "close", model.Allowed, "not tried", ""},
		"nothing to close, nor rights": {func(m *machine, o *outcome) { m.held, o.closed = 0, false }, "close", model.Denied,
			"cap_net_admin", giveAll},
		"refused in a user namespace": {func(m *machine, o *outcome) { m.userNS, o.destroy = true, unix.EPERM }, "close", model.Denied,
			"end with this user namespace", ""},
		"read-only": {func(m *machine, o *outcome) { m.held, m.readOnly, o.destroy = rights.Look, true, unix.EPERM }, "close",
			model.Denied, "--read-only", ""},
		"read-only signals": {func(m *machine, o *outcome) { m.held, m.readOnly, o.pidfd = rights.Look, true, unix.EPERM }, "signals",
			model.Denied, "--read-only", ""},

		"may not signal": {func(m *machine, o *outcome) { m.held = 0 }, "signals", model.Denied, "cap_kill", giveAll},
		"no pidfd":       {func(m *machine, o *outcome) { o.pidfd = unix.ENOSYS }, "signals", model.Absent, "Linux 5.3", ""},
		"pidfd filtered": {func(m *machine, o *outcome) { o.pidfd = unix.EPERM }, "signals", model.Denied, "sandbox", ""},

		"container's bounding": {func(m *machine, o *outcome) {
			m.held, m.bounding, m.container, o.figures = rights.Kill, rights.Kill, true, model.HasBytes
		}, "marks", model.Denied, "which the container was not given", "docker run --cap-add=SYS_PTRACE --cap-add=DAC_READ_SEARCH " +
			"--cap-add=NET_ADMIN --cap-add=KILL --cap-add=SYS_ADMIN IMAGE"},
		"unit's bounding": {func(m *machine, o *outcome) { m.held, m.bounding, m.unit, o.figures = 0, 0, true, 0 }, "marks", model.Denied,
			"the unit was not given", "CapabilityBoundingSet=CAP_SYS_PTRACE CAP_DAC_READ_SEARCH CAP_NET_ADMIN CAP_KILL CAP_SYS_ADMIN"},
		"bounding":        {func(m *machine, o *outcome) { m.held, m.bounding, o.figures = 0, 0, 0 }, "marks", model.Denied, "bounding set", ""},
		"no_new_privs":    {func(m *machine, o *outcome) { m.held, m.noNewPrivs, o.figures = 0, true, 0 }, "marks", model.Denied, "no_new_privs", ""},
		"NoNewPrivileges": {func(m *machine, o *outcome) { m.held, m.noNewPrivs, m.unit, o.figures = 0, true, true, 0 }, "marks", model.Denied, "no_new_privs", "NoNewPrivileges=no"},
		"user namespace":  {func(m *machine, o *outcome) { m.held, m.userNS, o.figures = 0, true, 0 }, "marks", model.Denied, "user namespace", ""},
		"nosuid": {func(m *machine, o *outcome) { m.held, m.noSUID, m.exe, o.figures = 0, true, "/mnt/it's/sockview", 0 }, "marks",
			model.Denied, "cap_net_admin", `sudo '/mnt/it'\''s/sockview'`},
		"no path":                  {func(m *machine, o *outcome) { m.held, m.exe, o.figures = 0, "", 0 }, "marks", model.Denied, "cap_net_admin", ""},
		"too long":                 {func(m *machine, o *outcome) { m.held, m.exe, o.figures = 0, "/"+strings.Repeat("x", 1<<17), 0 }, "marks", model.Denied, "cap_net_admin", ""},
		"no marks":                 {func(m *machine, o *outcome) { o.figures = model.HasBytes }, "marks", model.Absent, "does not tell", ""},
		"old tcp_info":             {func(m *machine, o *outcome) { o.figures = model.HasPath }, "tcp", model.Partial, "Linux 4.19", ""},
		"sock_diag off":            {func(m *machine, o *outcome) { o.diag = unsupported }, "tcp", model.Partial, "no bytes", ""},
		"sock_diag off, UDP":       {func(m *machine, o *outcome) { o.diag = unsupported }, "udp", model.Partial, "/proc/net", ""},
		"sock_diag and tables off": {func(m *machine, o *outcome) { o.diag = unsupported; clear(o.listed) }, "tcp", model.Denied, "does not support", ""},
		"no IPv6": {func(m *machine, o *outcome) { o.dumps["TCP IPv6"] = unsupported }, "tcp", model.Partial, "does not support",
			"CONFIG_INET_TCP_DIAG=y"},
		"busy":           {func(m *machine, o *outcome) { o.dumps["UDP IPv4"] = diag.ErrPartial }, "udp", model.Allowed, "", ""},
		"udp not loaded": {func(m *machine, o *outcome) { o.dumps["UDP IPv4"] = errNotLoaded }, "udp", model.Allowed, "not asked", ""},
		"no udp_diag, a module": {func(m *machine, o *outcome) {
			m.modules = modules{files: map[string]bool{"udp_diag": true}}
			o.dumps["UDP IPv4"], o.dumps["UDP IPv6"] = unsupported, unsupported
		}, "udp", model.Partial, "does not support", "sudo modprobe udp_diag"},
		"no unix_diag": {func(m *machine, o *outcome) { o.dumps["unix"] = unsupported }, "unix", model.Denied, "does not support", "CONFIG_UNIX_DIAG=y"},
		"no raw_diag": {func(m *machine, o *outcome) {
			o.dumps["raw IPv4"], o.dumps["raw IPv6"] = unsupported, unsupported
		}, "raw", model.Partial, "no cookie", "CONFIG_INET_RAW_DIAG=y"},
		"no UDP-Lite": {func(m *machine, o *outcome) { clear(o.listed) }, "udplite", model.Absent, "no UDP-Lite", ""},
		"no SCTP":     {func(m *machine, o *outcome) { o.sctp = false }, "sctp", model.Absent, "not loaded", ""},

		"may not track": {func(m *machine, o *outcome) { m.held, o.flows = 0, unix.EPERM }, "nat", model.Denied, "cap_net_admin", giveAll},
		"no tracking":   {func(m *machine, o *outcome) { o.flows = host.ErrUnsupported }, "nat", model.Absent, "nothing is tracked", ""},
		"no ctnetlink": {func(m *machine, o *outcome) {
			m.modules, o.flows = modules{loaded: map[string]bool{"nf_conntrack": true}}, host.ErrUnsupported
		}, "nat", model.Denied, "", "CONFIG_NF_CT_NETLINK=y"},
		"ctnetlink not loaded": {func(m *machine, o *outcome) { o.flows = errNotLoaded }, "nat", model.Allowed, "not asked", ""},
		"may not enter": {func(m *machine, o *outcome) { m.held, o.namespaces = rights.Look, unix.EPERM }, "namespaces", model.Partial,
			"it takes cap_sys_admin; they are read from /proc/PID/net, which tells no bytes", giveAll},
		"may enter but not look": {func(m *machine, o *outcome) { m.held = rights.SysAdmin }, "namespaces", model.Partial,
			"it takes cap_sys_ptrace and cap_dac_read_search; they are read from /proc/PID/net", giveAll},
		"may not enter, nor see who is in": {func(m *machine, o *outcome) {
			m.held, o.namespaces, m.hidepid, o.processes.first = 0, unix.EPERM, "2", fs.ErrNotExist
		}, "namespaces", model.Denied, "it takes cap_sys_admin", giveAll},
		"entering given up": {func(m *machine, o *outcome) { m.held, m.readOnly, o.namespaces = rights.Look, true, unix.EPERM },
			"namespaces", model.Partial, "given up, as --read-only asked for; they are read from /proc/PID/net", ""},
		"entering is refused": {func(m *machine, o *outcome) { m.userNS, o.namespaces = true, unix.EPERM }, "namespaces", model.Partial,
			"end with this user namespace; they are read", ""},
		"no namespaces":        {func(m *machine, o *outcome) { o.namespaces = unix.EINVAL }, "namespaces", model.Absent, "no network namespaces", "CONFIG_NET_NS=y"},
		"no events":            {func(m *machine, o *outcome) { o.events = unix.ENOENT }, "events", model.Absent, "Linux 4.3", ""},
		"inet_diag not loaded": {func(m *machine, o *outcome) { o.events = errNotLoaded }, "events", model.Allowed, "not asked", ""},
		"no rtnetlink":         {func(m *machine, o *outcome) { o.links = unix.EPERM }, "links", model.Denied, "not permitted", ""},
		"no /proc/net":         {func(m *machine, o *outcome) { o.statistics = fs.ErrNotExist }, "statistics", model.Denied, "not exist", ""},
		"no services": {func(m *machine, o *outcome) {
			o.services = &fs.PathError{Op: "stat", Path: "/etc/services", Err: unix.ENOENT}
		},
			"services", model.Denied, "/etc/services: no such file or directory: ports stay numbers", ""},
		"cgo":        {func(m *machine, o *outcome) { m.cgo, o.settled = true, errors.New("one\ntwo") }, "settled", model.Partial, "one; two", "CGO_ENABLED=0 go build"},
		"cannot run": {func(m *machine, o *outcome) { o.unable = errors.New("no capget") }, "settled", model.Denied, "does not start: no capget", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, o := bare(), good()
			m.held = rights.Used
			c.with(&m, &o)
			f := findingOf(t, judge(&m, o), c.id)
			if f.Standing != c.standing || !strings.Contains(f.Why.String(), c.why) || f.Fix.String() != c.fix {
				t.Errorf("%+v", f)
			}
			if (f.Why.String() == "") != (f.Standing == model.Allowed && c.why == "") {
				t.Errorf("why: %q", f.Why)
			}
		})
	}
}

func TestShellWord(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/usr/bin/sockview": "/usr/bin/sockview", "/a b": "'/a b'", "/it's": `'/it'\''s'`, "/$(id)": "'/$(id)'", "/größer": "'/größer'",
		"/a\nb'\\": `$'/a\012b\047\134'`, "/\x1b[31m": `$'/\033[31m'`, "/\xff": `$'/\377'`,
	} {
		if got := shellWord(path); got != want {
			t.Errorf("%q: %s, not %s", path, got, want)
		}
	}
}

// smallTree writes files; a text that begins with -> is a link.
func smallTree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if to, link := strings.CutPrefix(text, "->"); err == nil && link {
			err = os.Symlink(to, path)
		} else if err == nil {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestLookAround(t *testing.T) {
	t.Parallel()
	none := func(string) string { return "" }
	free := lookAround(smallTree(t, map[string]string{
		"proc/self/status":       "CapBnd:\t000001ffffffffff\nNoNewPrivs:\t0\nSeccomp:\t0\n",
		"proc/self/ns/user":      "->" + firstUserNS,
		"proc/self/ns/pid":       "->" + firstPidNS,
		"proc/self/mountinfo":    "22 1 0:5 / /proc rw,nosuid - proc proc rw,hidepid=0\n",
		"proc/self/attr/current": "unconfined\n",
	}), none)
	if free.bounding != 1<<41-1 || free.noNewPrivs || free.seccomp || free.userNS || free.pidNS || free.hidepid != "" ||
		free.profile != "" || free.container || free.unit || !free.modules.fixed {
		t.Errorf("%+v", free)
	}
	caught := lookAround(smallTree(t, map[string]string{
		"proc/self/status":    "CapBnd:\t00000000a80425fb\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n",
		"proc/self/ns/user":   "->user:[4026532500]",
		"proc/self/ns/pid":    "->pid:[4026532501]",
		"proc/self/mountinfo": "22 1 0:5 / /proc rw - proc proc rw\n30 22 0:6 / /proc rw,relatime shared:7 - proc proc rw,gid=5,hidepid=invisible\n31 1 0:7 / /proc/sys rw - tmpfs x rw\nx\n",

		"proc/self/attr/current": "docker-default (enforce)\n",
		"run/.containerenv":      "",
		"proc/modules":           "",
	}), func(name string) string { return map[string]string{"INVOCATION_ID": "f00"}[name] })
	if caught.bounding != 0xa80425fb || !caught.noNewPrivs || !caught.seccomp || !caught.userNS || !caught.pidNS ||
		caught.hidepid != "invisible" || caught.profile != "docker-default (enforce)" || !caught.container || !caught.unit || caught.modules.fixed {
		t.Errorf("%+v", caught)
	}
	for label, want := range map[string]string{
		"": "", "unconfined\x00": "", "_": "", "/usr/sbin/x (unconfined)\n": "", "system_u:system_r:unconfined_t:s0\x00": "",
		"system_u:system_r:httpd_t:s0\x00": "system_u:system_r:httpd_t:s0",
	} {
		if got := profileOf([]byte(label)); got != want {
			t.Errorf("%q: %q", label, got)
		}
	}
}

// TestModules: a module that is there and not loaded is loaded by asking, so that it is not asked.
func TestModules(t *testing.T) {
	t.Parallel()
	const dep = "kernel/net/ipv4/udp_diag.ko.xz: kernel/net/ipv4/inet_diag.ko.xz\nkernel/net/ipv4/raw-diag.ko:\nkernel/net/ipv4/tcp_diag.ko.zst:\n"
	host := smallTree(t, map[string]string{"proc/modules": "tcp_diag 16384 0 - Live 0x0\n", "lib/modules/6.1/modules.dep": dep})
	for _, c := range []struct {
		root, release, name string
		load, known         bool
	}{
		{host, "6.1", "tcp_diag", false, true}, {host, "6.1", "udp_diag", true, true}, {host, "6.1", "raw_diag", true, true},
		{host, "6.1", "unix_diag", false, true}, // built in, or not there at all
		{host, "6.2", "udp_diag", false, false}, {host, "6.2", "tcp_diag", false, true},
		{smallTree(t, map[string]string{"usr/lib/modules/6.1/modules.dep": dep}), "6.1", "udp_diag", false, true}, // a kernel without modules
		{smallTree(t, map[string]string{"proc/modules": "", "proc/sys/kernel/modules_disabled": "1\n", "lib/modules/6.1/modules.dep": dep}),
			"6.1", "udp_diag", false, true},
	} {
		m := modulesOf(c.root, c.release)
		if load, known := m.wouldLoad(c.name); load != c.load || known != c.known {
			t.Errorf("%s of %s: %v %v", c.name, c.release, load, known)
		}
	}
	m := machine{modules: modulesOf(host, "6.1")}
	for _, q := range requests[2:4] {
		asked := false
		if err := askOnce(&m, q, func() error { asked = true; return nil }); asked || !errors.Is(err, errNotLoaded) {
			t.Errorf("%s: asked %v, %v", q.name, asked, err)
		}
	}
}

// TestTryHere: what can be had on this machine, whoever runs the test. What is found out agrees with the rights.
func TestTryHere(t *testing.T) {
	kept, err := rights.AsIs()
	if err != nil {
		t.Fatal(err)
	}
	m := lookAround("/", os.Getenv)
	m.held = kept.Held()
	o := try(&m, netDir)
	if o.diag != nil {
		t.Skipf("needs sock_diag: %v", o.diag)
	}
	r := judge(&m, o)
	for _, f := range r.Findings {
		if f.Standing == model.Unjudged || (f.Standing == model.Denied) && f.Why.Empty() {
			t.Errorf("%+v", f)
		}
		t.Logf("%-9s %-10s %s", f.ID, f.Standing, f.Why)
	}
	if got := findingOf(t, r, "marks").Standing; (got == model.Allowed) != kept.Has(rights.NetAdmin) && !m.userNS {
		t.Errorf("marks %v with %v", got, kept.Held())
	}
	if got := findingOf(t, r, "owners").Standing; got == model.Allowed && !kept.Has(rights.Look) {
		t.Errorf("owners %v with %v", got, kept.Held())
	}
	if !errors.Is(o.flows, host.ErrUnsupported) && !m.userNS && errors.Is(o.flows, fs.ErrPermission) == kept.Has(rights.NetAdmin) {
		t.Errorf("connection tracking: %v with %v", o.flows, kept.Held())
	}
	if o.pair == nil && o.figures&model.HasPath == 0 {
		t.Errorf("nothing is known of its own connection: %v", o.figureErr)
	}
}

// TestTryWithoutLoopback: in a namespace where nothing is up no connection can be made, and the report says so.
func TestTryWithoutLoopback(t *testing.T) {
	ownNamespace(t)
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetDown(lo)
	}
	if err != nil {
		t.Fatal(err)
	}
	kept, err := rights.AsIs()
	if err != nil {
		t.Fatal(err)
	}
	m := lookAround("/", os.Getenv)
	m.held = kept.Held()
	o := try(&m, netDir)
	if o.pair == nil || o.closed {
		t.Fatalf("a connection was made without a loopback: %v %v", o.pair, o.closed)
	}
	if f := findingOf(t, judge(&m, o), "close"); f.Standing == model.Allowed && !strings.Contains(f.Why.String(), "not tried") {
		t.Errorf("%+v", f)
	}
}

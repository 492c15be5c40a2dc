package sampler

// What the program runs as and in: the facts that say why something cannot be had, and what would change it.

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"sockview/model"
	"sockview/sampler/rights"
)

// machine is what there is to know of the program's place. What could not be read is as where nothing confines it:
// then only trying tells.
type machine struct {
	release  string
	uid      int
	userName model.Text
	exe      string // path of this binary, as the kernel knows it

	held       rights.Set // of those that sockview uses
	readOnly   bool       // those that change something were given up, as was asked for
	bounding   rights.Set // what can be had by exec
	noNewPrivs bool       // exec gives no rights: neither sudo nor setcap does
	seccomp    bool       // a filter of system calls is in place
	noSUID     bool       // the binary's file system gives no rights
	profile    string     // of AppArmor, or the context of SELinux or Smack; "" is none
	modules    modules

	userNS, pidNS bool   // it is in another than the host's first
	hidepid       string // the option of the mount of /proc, "" where everybody sees all
	container     bool
	unit          bool // systemd started it
	cgo           bool
}

// The inodes of the first namespaces (include/linux/proc_ns.h), which are the same on every host.
const (
	firstUserNS = "user:[4026531837]"
	firstPidNS  = "pid:[4026531836]"
)

// lookAround finds out about the machine, before rights are given up: what was given up would seem to have been taken away.
// root is "/" for the real one; a test brings a small tree.
func lookAround(root string, env func(string) string) machine {
	m := machine{bounding: ^rights.Set(0), uid: os.Geteuid(), container: env("container") != "", unit: env("INVOCATION_ID") != ""}
	at := func(path string) string { return filepath.Join(root, path) }
	var uts unix.Utsname
	if unix.Uname(&uts) == nil {
		m.release = unix.ByteSliceToString(uts.Release[:])
	}
	if u, err := user.LookupId(strconv.Itoa(m.uid)); err == nil {
		m.userName = model.SafeText(u.Username)
	}
	if exe, err := os.Executable(); err == nil {
		m.exe = exe
		var fs unix.Statfs_t
		m.noSUID = unix.Statfs(exe, &fs) == nil && fs.Flags&unix.ST_NOSUID != 0
	}
	if status, err := os.ReadFile(at("proc/self/status")); err == nil {
		m.status(status)
	}
	m.userNS = isOther(at("proc/self/ns/user"), firstUserNS)
	m.pidNS = isOther(at("proc/self/ns/pid"), firstPidNS)
	if mounts, err := os.ReadFile(at("proc/self/mountinfo")); err == nil {
		m.hidepid = hidepidOf(mounts)
	}
	if label, err := os.ReadFile(at("proc/self/attr/current")); err == nil {
		m.profile = profileOf(label)
	}
	for _, mark := range []string{".dockerenv", "run/.containerenv"} {
		if _, err := os.Stat(at(mark)); err == nil {
			m.container = true
		}
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		m.cgo = slices.Contains(info.Settings, debug.BuildSetting{Key: "CGO_ENABLED", Value: "1"})
	}
	m.modules = modulesOf(root, m.release)
	return m
}

// status takes what /proc/self/status says (proc_pid_status(5)).
func (m *machine) status(b []byte) {
	for line := range bytes.Lines(b) {
		name, value, _ := strings.Cut(string(line), ":")
		value = strings.TrimSpace(value)
		switch name {
		case "CapBnd":
			if bits, err := strconv.ParseUint(value, 16, 64); err == nil {
				m.bounding = rights.Set(bits)
			}
		case "NoNewPrivs":
			m.noNewPrivs = value == "1"
		case "Seccomp":
			m.seccomp = value != "0"
		}
	}
}

// isOther says whether the link names another namespace than the first.
func isOther(link, first string) bool {
	is, err := os.Readlink(link)
	return err == nil && is != first
}

// hidepidOf is the option hidepid of the /proc that is seen, "" where it hides nothing (proc(5)). The last mount on a
// place is the one that is seen.
func hidepidOf(mountinfo []byte) string {
	hidden := ""
	for line := range bytes.Lines(mountinfo) {
		mount, fs, ok := strings.Cut(string(line), " - ")
		fields, kind := strings.Fields(mount), strings.Fields(fs)
		if !ok || len(fields) < 5 || fields[4] != "/proc" || len(kind) < 3 || kind[0] != "proc" {
			continue
		}
		hidden = ""
		for _, option := range strings.Split(kind[2], ",") {
			if value, ok := strings.CutPrefix(option, "hidepid="); ok && value != "0" && value != "off" {
				hidden = value
			}
		}
	}
	return hidden
}

// profileOf is the label of a security module that confines, "" of one that does not.
func profileOf(label []byte) string {
	text := strings.Trim(string(label), " \n\x00")
	switch {
	case text == "", text == "unconfined", text == "_", strings.HasSuffix(text, "(unconfined)"),
		strings.Contains(text, ":unconfined_t:"):
		return ""
	}
	return text
}

// modules is which modules of the kernel are loaded and which could be: asking for what is not loaded has the kernel
// load it.
type modules struct {
	fixed  bool            // the kernel loads none, so that asking is safe
	loaded map[string]bool // by their names, with _
	files  map[string]bool // those that can be loaded; nil where they cannot be seen, as in a container
}

func modulesOf(root, release string) modules {
	m := modules{loaded: map[string]bool{}}
	list, err := os.ReadFile(filepath.Join(root, "proc/modules"))
	if errors.Is(err, os.ErrNotExist) {
		m.fixed = true // a kernel without modules
		return m
	}
	for line := range bytes.Lines(list) {
		name, _, _ := strings.Cut(string(line), " ")
		m.loaded[name] = true
	}
	disabled, err := os.ReadFile(filepath.Join(root, "proc/sys/kernel/modules_disabled"))
	m.fixed = err == nil && strings.TrimSpace(string(disabled)) == "1"
	for _, dir := range []string{"lib/modules", "usr/lib/modules"} {
		dep, err := os.Open(filepath.Join(root, dir, release, "modules.dep"))
		if err != nil {
			continue
		}
		m.files = moduleNames(bufio.NewScanner(dep))
		dep.Close() //nolint:errcheck // opened for reading only
		break
	}
	return m
}

// moduleNames are the modules of modules.dep: "kernel/net/ipv4/tcp_diag.ko.xz: ..." is tcp_diag.
func moduleNames(lines *bufio.Scanner) map[string]bool {
	names := map[string]bool{}
	for lines.Scan() {
		path, _, _ := strings.Cut(lines.Text(), ":")
		name, _, _ := strings.Cut(filepath.Base(path), ".ko")
		names[strings.ReplaceAll(name, "-", "_")] = true
	}
	if lines.Err() != nil {
		return nil
	}
	return names
}

// wouldLoad says whether asking for what a module answers would have the kernel load it; known is false where that
// cannot be told from here.
func (m *modules) wouldLoad(name string) (load, known bool) {
	switch {
	case m.fixed, m.loaded[name]:
		return false, true
	case m.files == nil:
		return false, false
	}
	return m.files[name], true
}

// can says whether all of need is there.
func (m *machine) can(need rights.Set) bool { return m.held&need == need }

// facts are the machine's for people.
func (m *machine) facts() []model.Fact {
	fact := func(name, value string) model.Fact { return model.Fact{Name: name, Value: model.SafeText(value)} }
	var confined []string
	who := "uid " + strconv.Itoa(m.uid)
	if !m.userName.Empty() {
		who = fmt.Sprintf("%s (%s)", m.userName, who)
	}
	for _, c := range []struct {
		is   bool
		says string
	}{
		{m.container, "a container"}, {m.unit, "a systemd unit"}, {m.userNS, "a user namespace"},
		{m.pidNS, "a pid namespace"}, {m.seccomp, "a seccomp filter"}, {m.noNewPrivs, "no_new_privs"},
		{m.hidepid != "", "hidepid=" + m.hidepid}, {m.profile != "", "the security profile " + m.profile},
	} {
		if c.is {
			confined = append(confined, c.says)
		}
	}
	facts := []model.Fact{
		fact("kernel", "Linux "+cmp.Or(m.release, "of unknown release")), fact("user", who), fact("program", m.exe),
		fact("rights", cmp.Or(strings.Join(m.held.Names(), ", "), "none")),
	}
	if len(confined) > 0 {
		facts = append(facts, fact("confined", strings.Join(confined, ", ")))
	}
	return facts
}

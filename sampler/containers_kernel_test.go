package sampler

// Containers on the running kernel: processes in cgroups of the shapes that runtimes make, in network namespaces of their own,
// with names from files as the runtimes write them.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// containerShapes are cgroups below the one that the test makes, and what the runtimes' files say of them. %s is the id.
var containerShapes = []struct {
	runtime, cgroup, file, text string
	container, unit             string // as they are to be called; of a container without a name its short id
}{
	{"docker", "system.slice/docker-%s.scope", "var/lib/docker/containers/%s/config.v2.json",
		`{"ID":"%s","Name":"/shop","State":{"Running":true}}`, "shop", ""},
	{"docker without systemd", "docker/%s", "var/lib/docker/containers/%s/config.v2.json",
		`{"ID":"%s","Name":"/till","State":{"Running":true}}`, "till", ""},
	{"podman", "machine.slice/libpod-%s.scope/container", "var/lib/containers/storage/overlay-containers/containers.json",
		`[{"id":"%s","names":["ledger"]}]`, "ledger", ""},
	{"kubernetes", "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0b1c.slice/cri-containerd-%s.scope",
		"var/log/containers/api-0_prod_app-%s.log", "", "prod/api-0/app", ""},
	{"containerd", "system.slice/containerd.service/kubepods-besteffort-pod0b1d.slice:cri-containerd:%s", "", "", "%.12s", "containerd.service"},
	{"lxc", "lxc.payload.mail", "", "", "mail", ""},
	{"a unit", "system.slice/gate.service", "", "", "", "gate.service"},
	{"a user's unit", "user.slice/user-1000.slice/user@1000.service/app.slice/note.service", "", "", "", "note.service"},
}

// hierarchy is where a hierarchy of cgroups can be made: version 2 where there is one, else systemd's of version 1.
func hierarchy(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	for line := range strings.Lines(string(text)) {
		mount, kind, _ := strings.Cut(line, " - ")
		where := strings.Fields(mount)
		switch {
		case len(where) < 5:
		case strings.HasPrefix(kind, "cgroup2 "):
			return where[4]
		case strings.HasPrefix(kind, "cgroup ") && strings.Contains(kind, "name=systemd"):
			found = where[4]
		}
	}
	if found == "" {
		t.Skip("needs a hierarchy of cgroups: none is mounted")
	}
	return found
}

// enclose makes a cgroup and puts a process into it. The cgroups go with the test.
func enclose(t *testing.T, root, path string, pid int) {
	t.Helper()
	for made, rest := root, strings.Split(path, "/"); len(rest) > 0; rest = rest[1:] {
		made = filepath.Join(made, rest[0])
		switch err := os.Mkdir(made, 0o755); {
		case errors.Is(err, fs.ErrExist):
		case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
			t.Skipf("needs the right to make cgroups: %v", err)
		case err != nil:
			t.Fatal(err)
		default:
			t.Cleanup(func() { removeCgroup(t, made) })
		}
	}
	if err := os.WriteFile(filepath.Join(root, path, "cgroup.procs"), fmt.Append(nil, pid), 0); err != nil {
		t.Fatal(err)
	}
}

// removeCgroup removes a cgroup whose processes were ended: the kernel may take a moment to see them out.
func removeCgroup(t *testing.T, path string) {
	t.Helper()
	for deadline := time.Now().Add(worldPatience); ; {
		err := syscall.Rmdir(path)
		if err != syscall.EBUSY {
			if err != nil {
				t.Errorf("remove %s: %v", path, err)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%s is busy still", path)
			return
		}
	}
}

// TestKernelContainers: the connections of each container are shown, under its name, in its namespace.
func TestKernelContainers(t *testing.T) {
	files := t.TempDir()
	type one struct {
		*tenant
		port      uint16
		container string
		unit      string
	}
	var all []one
	for i, shape := range containerShapes {
		id := fmt.Sprintf("%064x", 0xabc0+i)
		fill := func(pattern string) string {
			if strings.Contains(pattern, "%") {
				return fmt.Sprintf(pattern, id)
			}
			return pattern
		}
		a := newTenantIn(t, func(pid int) {
			enclose(t, hierarchy(t), fmt.Sprintf("sockview-test-%d/%s", os.Getpid(), fill(shape.cgroup)), pid)
		})
		if shape.file != "" {
			write(t, filepath.Join(files, fill(shape.file)), fill(shape.text))
		}
		at := a.do("listen", "door", "127.0.0.1:0")
		connect(a, a, "self", "door", at)
		all = append(all, one{a, port(t, at), fill(shape.container), shape.unit})
	}
	w := watchSpacesWith(t, everything, Options{Runtimes: files})
	w.until("every container under its name", func(s *model.Snapshot) bool {
		for _, a := range all {
			r := a.rowOf(s, a.port, 0)
			if r == nil {
				return false
			}
			p := s.HolderOf(r)
			if p == nil || int(p.PID) != a.pid || p.Container.String() != a.container || p.Unit.String() != a.unit {
				return false
			}
		}
		return true
	})
}

// /proc/PID/cgroup: the systemd unit and the container that a process runs in, told from paths alone.

package proc

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// placement is where a process runs, by its cgroup paths.
type placement struct {
	unit      string // nginx.service; empty when there is none
	container string // a container's name, where the path has it (lxc, systemd-nspawn); else the first 12 digits of its id
	id        string // the container's id, 64 digits; empty when it goes by a name
}

// maxCgroupLine bounds a line: a path is at most PATH_MAX bytes.
const maxCgroupLine = 8 << 10

// parseCgroup reads /proc/PID/cgroup: a line for each hierarchy, id:controllers:path (cgroups(7)). The unit
// is told by the unified hierarchy or systemd's own, a container by whichever names one.
func parseCgroup(r io.Reader) (placement, error) {
	var p placement
	best := 0 // how much the unit found so far is to be trusted
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 1024), maxCgroupLine)
	for lines.Scan() {
		_, rest, ok1 := strings.Cut(lines.Text(), ":")
		controllers, path, ok2 := strings.Cut(rest, ":")
		if !ok1 || !ok2 {
			return placement{}, fmt.Errorf("%w: cgroup line without two colons", errFormat)
		}
		path = strings.TrimSuffix(path, " (deleted)")
		trust := 1
		switch controllers {
		case "name=systemd":
			trust = 2
		case "":
			trust = 3
		}
		if unit := unitOf(path); unit != "" && trust > best {
			p.unit, best = unit, trust
		}
		if name, id := containerOf(path); name != "" && p.container == "" {
			p.container, p.id = name, id
		}
	}
	if err := lines.Err(); err != nil {
		return placement{}, fmt.Errorf("%w: %w", errFormat, err)
	}
	return p, nil
}

// unitOf is the innermost unit of a path: in user@1000.service/app.slice/foo.service it is foo.service. A
// scope that only wraps a container is none.
func unitOf(path string) string {
	unit := ""
	for name := range strings.SplitSeq(path, "/") {
		// systemd puts "_" before a name that the kernel or itself might take for something else
		name = strings.TrimPrefix(name, "_")
		for _, suffix := range []string{".service", ".scope", ".socket", ".mount", ".swap"} {
			if len(name) > len(suffix) && strings.HasSuffix(name, suffix) && containerID(name) == "" {
				unit = name
			}
		}
	}
	return unit
}

// containerOf is the innermost container of a path: what it is called by that alone, and its id if it has one.
func containerOf(path string) (found, id string) {
	parent := ""
	for name := range strings.SplitSeq(path, "/") {
		if full := containerID(name); full != "" && !strings.Contains(name, "conmon") {
			found, id = full[:12], full
		} else if lxc := lxcName(parent, name); lxc != "" {
			found, id = lxc, ""
		} else if machine := nspawnName(parent, name); machine != "" {
			found, id = machine, ""
		}
		parent = name
	}
	return found, id
}

// containerID is the id of 64 hex digits that a cgroup's name is or ends in: <id>, docker-<id>.scope,
// cri-containerd-<id>.scope, libpod-<id>.scope, crio-<id>, kubepods-pod<uid>.slice:cri-containerd:<id>.
func containerID(name string) string {
	name = strings.TrimSuffix(name, ".scope")
	if i := strings.LastIndexAny(name, "-:"); i >= 0 {
		name = name[i+1:]
	}
	if len(name) != 64 {
		return ""
	}
	for _, c := range []byte(name) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	return name
}

// nspawnName is the name of a container of systemd-nspawn, which puts what runs inside into "payload":
// machine.slice/systemd-nspawn@NAME.service/payload, machine.slice/machine-NAME.scope/payload.
func nspawnName(parent, name string) string {
	if name != "payload" {
		return ""
	}
	if machine, ok := strings.CutPrefix(strings.TrimSuffix(parent, ".service"), "systemd-nspawn@"); ok {
		return machine
	}
	if machine, ok := strings.CutPrefix(parent, "machine-"); ok && strings.HasSuffix(machine, ".scope") {
		return strings.TrimSuffix(machine, ".scope")
	}
	return ""
}

// lxcName is the name of an lxc container: /lxc/NAME, /lxc.payload/NAME, /lxc.payload.NAME.
func lxcName(parent, name string) string {
	if parent == "lxc" || parent == "lxc.payload" {
		return name
	}
	if rest, ok := strings.CutPrefix(name, "lxc.payload."); ok {
		return rest
	}
	return ""
}

package containers

// What the files say. All of it is foreign: bounded, and taken for nothing when it is something else.

import (
	"encoding/json"
	"errors"
	"net/netip"
	"path/filepath"
	"strings"
)

// parsePodLink takes POD_NAMESPACE_CONTAINER-ID.log apart. Names in kubernetes have no underscore.
func parsePodLink(name string) (id, pod string, ok bool) {
	rest, ok := strings.CutSuffix(name, ".log")
	if !ok || len(rest) < 65 || len(name) > maxNameLen {
		return "", "", false
	}
	id = rest[len(rest)-64:]
	rest, ok = strings.CutSuffix(rest[:len(rest)-64], "-")
	parts := strings.Split(rest, "_")
	if !ok || !IsID(id) || len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return "", "", false
	}
	return id, parts[1] + "/" + parts[0] + "/" + parts[2], true
}

// cleanName is a container's name as people know it: without docker's slash, and of a pod's container
// (k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT, as docker's shim and cri-o have it) namespace/pod/container.
func cleanName(name string) string {
	name = strings.TrimPrefix(name, "/")
	if len(name) > maxNameLen {
		return ""
	}
	if parts := strings.Split(name, "_"); len(parts) == 6 && parts[0] == "k8s" {
		return parts[3] + "/" + parts[2] + "/" + parts[1]
	}
	return name
}

// parseDocker reads config.v2.json, docker's own (moby, container.Container).
func parseDocker(raw []byte) ([]container, error) {
	var c struct {
		ID, Name        string
		State           struct{ Running bool }
		NetworkSettings struct {
			Networks map[string]*struct{ IPAddress, GlobalIPv6Address string }
		}
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, err
	}
	if !IsID(c.ID) {
		return nil, errors.New("no container's id")
	}
	out := container{id: c.ID, name: cleanName(c.Name), running: c.State.Running}
	for _, n := range c.NetworkSettings.Networks {
		if n == nil {
			continue
		}
		for _, text := range []string{n.IPAddress, n.GlobalIPv6Address} {
			if addr, err := netip.ParseAddr(text); err == nil && len(out.address) < maxListed {
				out.address = append(out.address, addr.Unmap().WithZone(""))
			}
		}
	}
	return []container{out}, nil
}

// parseStore reads containers.json (containers/storage, Container).
func parseStore(raw []byte) ([]container, error) {
	var list []struct {
		ID    string   `json:"id"`
		Names []string `json:"names"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	if len(list) > maxListed {
		return nil, errBig
	}
	out := make([]container, 0, len(list))
	for _, c := range list {
		if IsID(c.ID) && len(c.Names) > 0 {
			out = append(out, container{id: c.ID, name: cleanName(c.Names[0])})
		}
	}
	return out, nil
}

// parseDaemon is where docker was told to keep its files (daemon.json, data-root; graph before 17.05).
func parseDaemon(raw []byte) (string, error) {
	var c struct {
		Root  string `json:"data-root"`
		Graph string `json:"graph"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return "", err
	}
	if c.Root == "" {
		c.Root = c.Graph
	}
	if !filepath.IsAbs(c.Root) {
		return "", nil
	}
	return filepath.Clean(c.Root), nil
}

// parseHomes is who has which home by uid, "name:home", of passwd(5).
func parseHomes(raw []byte) (map[string]string, error) {
	homes := make(map[string]string)
	for line := range strings.Lines(string(raw)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(f) < 7 || len(homes) >= 4*maxListed {
			continue
		}
		if _, twice := homes[f[2]]; !twice {
			homes[f[2]] = f[0] + ":" + f[5]
		}
	}
	return homes, nil
}

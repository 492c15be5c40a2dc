package sampler

// Where processes run, by name: containers as their runtimes call them, and where docker's published ports lead.

import (
	"net/netip"
	"strings"

	"sockview/model"
	"sockview/sampler/containers"
)

// places names the containers of processes. It works beside the ticks, after each owner scan.
type places struct {
	names *containers.Names
	known map[string]model.Text // the last word on each id that was asked for, should a file system not answer
}

// name gives the processes' containers their names. full: these are all processes that hold sockets.
func (p *places) name(processes []model.Process, full bool) error {
	if p.names == nil {
		return nil
	}
	var ids []string
	asked := make(map[string]bool)
	proxies := make(map[int]netip.AddrPort)
	for i := range processes {
		q := &processes[i]
		if id := q.ContainerID.String(); id != "" && !asked[id] {
			asked[id] = true
			ids = append(ids, id)
		}
		if to, ok := proxied(q); ok {
			proxies[i] = to
		}
	}
	if len(ids)+len(proxies) == 0 {
		return nil
	}
	answer := p.names.Look(ids, len(proxies) > 0)
	if full || p.known == nil {
		before := p.known
		p.known = make(map[string]model.Text, len(ids))
		for _, id := range ids {
			if name, ok := before[id]; ok {
				p.known[id] = name
			}
		}
	}
	for id, name := range answer.Names {
		p.known[id] = name
	}
	for i := range processes {
		q := &processes[i]
		if name, ok := p.known[q.ContainerID.String()]; ok {
			q.Container = name
		}
		if to, ok := proxies[i]; ok {
			name := to.String()
			if container, ok := answer.At[to.Addr()]; ok {
				name = container.String()
			}
			q.Container = model.SafeText(name + " (published)")
		}
	}
	return answer.Err
}

// proxied is where docker-proxy leads the port that it listens at: -container-ip 172.17.0.2 -container-port 80. Root
// runs it, and what anybody else calls so is not believed.
func proxied(p *model.Process) (netip.AddrPort, bool) {
	if p.Name.String() != "docker-proxy" || p.UID != 0 || !p.ContainerID.Empty() {
		return netip.AddrPort{}, false
	}
	var host, port string
	words := strings.Fields(p.Cmdline.String())
	for i, word := range words {
		flag, value, joined := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if !joined && i+1 < len(words) {
			value = words[i+1]
		}
		switch {
		case !strings.HasPrefix(word, "-"):
		case flag == "container-ip":
			host = value
		case flag == "container-port":
			port = value
		}
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	to, err := netip.ParseAddrPort(host + ":" + port)
	if err != nil || to.Addr().Zone() != "" {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(to.Addr().Unmap(), to.Port()), true
}

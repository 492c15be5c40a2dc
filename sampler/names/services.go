package names

// Names of ports, from /etc/services (services(5)).

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"sockview/model"
)

// Bounds of the services file. Debian's has 20 KB, the full IANA list 1.2 MB and 12,000 ports.
const (
	maxServicesFile = 4 << 20 // bytes; what is beyond is not read
	maxServices     = 1 << 16 // names and ports
	maxServiceName  = 64      // bytes; a longer name is passed over
)

type servicePort struct {
	proto model.Proto
	port  uint16
}

// services is the file, both ways. The first entry for a port or a name holds, as in getservbyport(3).
type services struct {
	names map[servicePort]model.Text
	ports map[serviceName]uint16
}

type serviceName struct {
	proto model.Proto
	name  string // in lower case
}

// Service is the name of a protocol's port, or empty when it has none. The file is read at the first question.
func (r *Resolver) Service(p model.Proto, port uint16) model.Text {
	if p == model.UDPLite { // it has UDP's ports
		p = model.UDP
	}
	return r.servicesTable().names[servicePort{p, port}]
}

// ServicePort is the port of a service by its name or one of its aliases, in any case. Where TCP and UDP differ
// it is TCP's.
func (r *Resolver) ServicePort(name string) (uint16, bool) {
	t := r.servicesTable()
	name = strings.ToLower(name)
	for _, p := range [...]model.Proto{model.TCP, model.UDP} {
		if port, ok := t.ports[serviceName{p, name}]; ok {
			return port, true
		}
	}
	return 0, false
}

func (r *Resolver) servicesTable() *services {
	r.services.once.Do(func() {
		table, err := readServices(r.config.Services)
		r.services.table = table
		r.mu.Lock()
		r.services.err = err
		r.mu.Unlock()
	})
	return &r.services.table
}

// readServices reads the file. A machine without one simply has no names.
func readServices(path string) (services, error) {
	b, err := readSmall(path)
	if os.IsNotExist(err) {
		return services{}, nil
	}
	if err != nil {
		return services{}, fmt.Errorf("service names: %w", err)
	}
	return parseServices(b), nil
}

// readSmall reads a file of names. Anything but a regular file is refused, since reading it might wait.
func readSmall(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // opened for reading only
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	return io.ReadAll(io.LimitReader(f, maxServicesFile))
}

// parseServices takes lines of "name port/protocol alias ... # comment" and passes over all others: protocols
// that have no rows here, and mistakes, as libc does.
func parseServices(b []byte) services {
	s := services{names: make(map[servicePort]model.Text), ports: make(map[serviceName]uint16)}
	for line := range bytes.Lines(b) {
		text, _, _ := bytes.Cut(line, []byte{'#'})
		f := strings.Fields(string(text))
		if len(f) < 2 {
			continue
		}
		port, proto, ok := parsePort(f[1])
		if !ok {
			continue
		}
		key := servicePort{proto, port}
		if _, known := s.names[key]; !known && isServiceName(f[0]) && len(s.names) < maxServices {
			s.names[key] = model.SafeText(f[0])
		}
		f[1] = f[0]
		for _, name := range f[1:] {
			key := serviceName{proto, strings.ToLower(name)}
			if _, known := s.ports[key]; !known && isServiceName(name) && len(s.ports) < maxServices {
				s.ports[key] = port
			}
		}
	}
	return s
}

// parsePort takes "443/tcp".
func parsePort(s string) (uint16, model.Proto, bool) {
	number, proto, _ := strings.Cut(s, "/")
	port, err := strconv.ParseUint(number, 10, 16)
	if err != nil || port == 0 {
		return 0, 0, false
	}
	switch proto {
	case "tcp":
		return uint16(port), model.TCP, true
	case "udp":
		return uint16(port), model.UDP, true
	}
	return 0, 0, false
}

// isServiceName says whether a name can stand for a port: one of digits alone would be read as another port
// (RFC 6335 s5.1 asks for a letter).
func isServiceName(name string) bool {
	return len(name) <= maxServiceName && strings.Trim(name, "0123456789") != ""
}

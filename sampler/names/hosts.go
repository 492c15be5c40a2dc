package names

// Names of addresses from /etc/hosts (hosts(5)): they need nobody's answer, so a dead name server hides none of them.

import (
	"bytes"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"sockview/model"
)

// maxHosts bounds the names that are kept; block lists have a few hundred thousand, all of the same few addresses.
const maxHosts = 1 << 16

// hostsEvery is how often it is looked whether the file was changed.
const hostsEvery = 5 * time.Second

// hostsFile is the file as last read.
type hostsFile struct {
	mu     sync.Mutex
	names  map[model.Addr]model.Text
	looked time.Time // when it was last looked at
	size   int64
	stamp  time.Time
}

// name is the name that the file gives an address. The first of several lines holds, as in gethostbyaddr(3).
func (h *hostsFile) name(path string, a model.Addr, now time.Time) model.Text {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.looked.IsZero() || now.Sub(h.looked) >= hostsEvery {
		h.looked = now
		h.refresh(path)
	}
	return h.names[a]
}

// refresh reads the file when it was changed. One that is gone or cannot be read has no names.
func (h *hostsFile) refresh(path string) {
	info, err := os.Stat(path)
	if err != nil {
		h.names, h.size, h.stamp = nil, 0, time.Time{}
		return
	}
	if info.Size() == h.size && info.ModTime().Equal(h.stamp) {
		return
	}
	h.names, h.size, h.stamp = nil, info.Size(), info.ModTime()
	if b, err := readSmall(path); err == nil {
		h.names = parseHosts(b)
	}
}

// parseHosts takes lines of "address name alias ... # comment" and passes over all others.
func parseHosts(b []byte) map[model.Addr]model.Text {
	names := make(map[model.Addr]model.Text)
	for line := range bytes.Lines(b) {
		text, _, _ := bytes.Cut(line, []byte{'#'})
		f := strings.Fields(string(text))
		if len(f) < 2 || len(f[1]) > maxName || len(names) >= maxHosts {
			continue
		}
		ip, err := netip.ParseAddr(f[0])
		if err != nil || ip.Zone() != "" {
			continue
		}
		a := model.AddrFrom(ip)
		if _, known := names[a]; !known && !ip.IsUnspecified() {
			names[a] = model.SafeText(f[1])
		}
	}
	return names
}

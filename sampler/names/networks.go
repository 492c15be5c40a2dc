package names

// Names of networks, from /etc/networks (networks(5)).

import (
	"bytes"
	"strconv"
	"strings"

	"sockview/model"
)

// maxNetworks bounds the names that are kept; the file is as small as somebody cared to write it.
const maxNetworks = 4096

// Network is the name of the IPv4 network that begins at a, whatever its length, or empty when it has none. The
// file is read at the first question.
func (r *Resolver) Network(a model.Addr) model.Text {
	r.networks.once.Do(func() {
		b, err := readSmall(r.config.Networks)
		if err == nil {
			r.networks.names = parseNetworks(b)
		}
	})
	return r.networks.names[a]
}

// parseNetworks takes lines of "name number alias ... # comment" and passes over all others. A number has up to
// four parts; those that are missing are 0.
func parseNetworks(b []byte) map[model.Addr]model.Text {
	names := make(map[model.Addr]model.Text)
	for line := range bytes.Lines(b) {
		text, _, _ := bytes.Cut(line, []byte{'#'})
		f := strings.Fields(string(text))
		if len(f) < 2 || len(f[0]) > maxName || len(names) >= maxNetworks {
			continue
		}
		a, ok := parseNetwork(f[1])
		if _, known := names[a]; ok && !known {
			names[a] = model.SafeText(f[0])
		}
	}
	return names
}

func parseNetwork(number string) (model.Addr, bool) {
	a := model.Addr{10: 0xff, 11: 0xff}
	parts := strings.Split(number, ".")
	if len(parts) > 4 {
		return a, false
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return a, false
		}
		a[12+i] = byte(n)
	}
	return a, true
}

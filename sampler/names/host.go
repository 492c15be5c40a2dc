package names

import (
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"sockview/model"
)

// maxName is the length in bytes of the longest domain name (RFC 1035 s2.3.4); what /etc/hosts holds beyond
// it is cut.
const maxName = 255

// choose takes one of an address's names. DNS gives several in any order: the one shown before is kept while
// it is among them, so that rows do not jump.
func choose(a model.Addr, names []string, before model.Text) model.Text {
	var usable []model.Text
	for _, raw := range names {
		if name := hostText(raw, a.IsLoopback()); !name.Empty() {
			usable = append(usable, name)
		}
	}
	switch {
	case len(usable) == 0:
		return model.Text{}
	case !before.Empty() && slices.Contains(usable, before):
		return before
	}
	return usable[0]
}

// hostText makes a name as it came from DNS safe. Whoever owns an address chooses its name, so one that would be
// read as another address, or as this machine when it is none of its own, is none.
func hostText(raw string, ours bool) model.Text {
	raw = strings.TrimSuffix(raw, ".")
	if _, err := netip.ParseAddr(raw); err == nil {
		return model.Text{}
	}
	if folded := strings.ToLower(raw); !ours && (folded == "localhost" || strings.HasSuffix(folded, ".localhost")) {
		return model.Text{}
	}
	if len(raw) > maxName {
		cut := maxName
		for cut > maxName-utf8.UTFMax && !utf8.RuneStart(raw[cut]) {
			cut--
		}
		raw = raw[:cut] + "…"
	}
	return model.SafeText(raw)
}

package model

// Networks in a filter: those that hold an address, those that lie within a network, one itself, the default
// routes. An IPv4-mapped network is compared in both its forms, as a mapped address is: ::ffff:10.0.0.0/104 holds
// 10.1.2.3 and lies within 10.0.0.0/8. What = asks for is one network of one family, so that the IPv4 default
// route is not taken for a route to ::ffff:0.0.0.0/96.

import (
	"cmp"
	"strings"
)

const defaultNetwork = "default"

// netBits is how many first bits a KindNetwork holds fast, counted in the 16 bytes of an Addr.
func netBits(v *Value) int {
	bits := v.Num
	if !v.V6 {
		bits += 96
	}
	return int(min(max(bits, 0), 128))
}

// holds says whether v is a network that the address is in.
func (w *want) holds(v *Value) bool {
	bits := netBits(v)
	if w.v4 && v.V6 && bits < 96 {
		return false // an IPv4 address is in no IPv6 network, ::/0 among them
	}
	return sameBits(seenAs(v), w.addr, bits)
}

// isNet says whether v is the network itself.
func (w *want) isNet(v *Value) bool {
	return v.V6 != w.v4 && netBits(v) == w.bits && sameBits(seenAs(v), w.addr, w.bits)
}

// sameBits says whether the first bits of two addresses are the same.
func sameBits(a, b Addr, bits int) bool {
	whole, rest := bits/8, bits%8
	for i := range whole {
		if a[i] != b[i] {
			return false
		}
	}
	return rest == 0 || (a[whole]^b[whole])>>(8-rest) == 0
}

// readNetwork reads what stands after the operator of a network field.
func readNetwork(t *term, text string) (want, *mistake) {
	if strings.EqualFold(text, defaultNetwork) {
		return want{how: wantDefault}, nil
	}
	if w, ok := readAddr(text); ok {
		w.how, w.bits, w.v4 = wantHolds, 128, isDotted(text)
		if t.op != opHas {
			w.how = wantIsNet
		}
		return w, nil
	}
	if w, ok := readNet(text); ok {
		w.how = wantWithin
		if t.op != opHas {
			w.how, w.v4 = wantIsNet, isDotted(text)
		}
		return w, nil
	}
	const wanted = "an address, a network or " + defaultNetwork + " is expected"
	if strings.Contains(text, "/") {
		return want{}, wrong("%s is no network, such as 10.0.0.0/8 or 2001:db8::/32; "+wanted, named(text))
	}
	bad := withZone(text)
	if port := withPort(t, text); bad == nil && port != nil {
		if _, ok := readAddr(text[:port.at]); ok {
			bad = &mistake{"a network has no port: leave out " + named(text[port.at:]), port.at, port.to}
		}
	}
	if bad = cmp.Or(bad, notAnAddress(text)); bad != nil {
		return want{}, bad
	}
	if folded := foldString(text); t.op == opHas && startsNetwork(folded) {
		folded = strings.TrimPrefix(folded, "[")
		return want{how: wantBegins, text: folded, needle: []byte(folded)}, nil
	}
	return want{}, wrong("%s is no network; "+wanted, named(text))
}

// isDotted says whether an address or a network that netip reads is written as IPv4, not as IPv6.
func isDotted(text string) bool { return !strings.Contains(text, ":") }

// startsNetwork says whether folded text may be the beginning of a network as it is shown: of an address in
// figures or of the word.
func startsNetwork(folded string) bool {
	group, rest, _ := strings.Cut(folded, ":") // dead: is no field here, as it may be elsewhere
	const hex = "0123456789abcdef"
	grouped := group != "" && len(group) <= 4 && strings.Trim(group, hex) == "" && strings.Trim(rest, hex+":.") == ""
	return grouped || startsAddress(folded) || folded != "" && strings.HasPrefix(defaultNetwork, folded)
}

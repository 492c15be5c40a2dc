package model

// Addresses in a filter: one address, a network, the beginning of an address while it is typed, or part of a
// host name. An IPv4 address and its mapped form are the same address.

import (
	"cmp"
	"net/netip"
	"strings"
)

// seenAs is the address of v in the one form that filters compare: an IPv4 socket's 0.0.0.0 is told from ::.
func seenAs(v *Value) Addr {
	if v.Addr == (Addr{}) && !v.V6 {
		return Addr{10: 0xff, 11: 0xff}
	}
	return v.Addr
}

// readAddr reads 10.0.0.1, ::1 or [::1].
func readAddr(text string) (want, bool) {
	if inner, ok := inBrackets(text); ok && strings.Contains(inner, ":") {
		text = inner
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return want{}, false
	}
	return want{how: wantAddr, addr: AddrFrom(a)}, true
}

func inBrackets(text string) (string, bool) {
	inner, ok := strings.CutPrefix(text, "[")
	if !ok {
		return text, false
	}
	return strings.CutSuffix(inner, "]")
}

// readNet reads 10.0.0.0/8, 2001:db8::/32 or [2001:db8::]/32. Bits past the length do not matter.
func readNet(text string) (want, bool) {
	addr, length, ok := strings.Cut(text, "/")
	if !ok {
		return want{}, false
	}
	if inner, ok := inBrackets(addr); ok && strings.Contains(inner, ":") {
		addr = inner
	}
	net, err := netip.ParsePrefix(addr + "/" + length)
	if err != nil {
		return want{}, false
	}
	w := want{how: wantNet, addr: AddrFrom(net.Addr()), bits: net.Bits()}
	if net.Addr().Is4() {
		w.bits += 96
	}
	w.v4 = w.addr.Is4() && w.bits >= 96
	return w, true
}

// inNet says whether v is in the network. An IPv4 address is in no IPv6 network, ::/0 among them; a mapped
// address is in the networks of both its forms.
func (w *want) inNet(v *Value) bool {
	a := seenAs(v)
	if !w.v4 && !v.V6 && a.Is4() {
		return false
	}
	return sameBits(a, w.addr, w.bits)
}

// readAddress reads what stands after the operator of an address field.
func readAddress(t *term, text string) (want, *mistake) {
	if w, ok := readAddr(text); ok {
		return w, nil
	}
	if w, ok := readNet(text); ok {
		return w, nil
	}
	if text == "*" {
		return want{how: wantAnyAddr}, nil
	}
	if strings.Contains(text, "/") {
		return want{}, wrong("%s is no network: an address and a length, such as 10.0.0.0/8 or 2001:db8::/32",
			named(text))
	}
	if bad := cmp.Or(withZone(text), withPort(t, text), notAnAddress(text)); bad != nil {
		return want{}, bad
	}
	folded := foldString(strings.TrimPrefix(text, "["))
	switch figures := startsAddress(folded); {
	case t.op == opHas && figures:
		rest, mapped := strings.CutPrefix(folded, "::ffff:")
		if mapped && startsWithDigit(rest) && strings.Contains(rest, ".") {
			folded = rest // the two forms are the same address
		}
		return want{how: wantAddrPrefix, text: folded}, nil
	case figures || text == "":
		return want{}, wrong("%s is no address, such as 10.0.0.1 or ::1", named(text))
	case t.op == opHas:
		return wantContains(text), nil
	}
	return want{how: wantShown, text: foldString(text)}, nil // a host name
}

// withZone, withPort and notAnAddress explain what people try with addresses.
func withZone(text string) *mistake {
	if _, zone, ok := strings.Cut(text, "%"); ok && strings.Contains(text, ":") {
		return wrong("an address has no zone here: leave out %s", named("%"+zone))
	}
	return nil
}

func withPort(t *term, text string) *mistake {
	if at := strings.LastIndexByte(text, ':'); at >= 0 {
		host, port := text[:at], text[at+1:]
		inner, bracketed := inBrackets(host)
		_, isAddr := readAddr(host)
		ends := isAddr && (bracketed || !strings.Contains(inner, ":"))
		if ends || !colonAddress(text) && !strings.HasPrefix(text, "[") {
			return &mistake{"the address and the port are two fields: " + t.field + operatorText[t.op] + clip(host, 40) +
				" port:" + clip(port, 10), at, len(text)}
		}
	}
	return nil
}

func notAnAddress(text string) *mistake {
	if from, to, ok := strings.Cut(text, "-"); ok {
		_, ok1 := readAddr(from)
		_, ok2 := readAddr(to)
		if ok1 && ok2 {
			return wrong("addresses take a network such as 10.0.0.0/8, not a range")
		}
	}
	if strings.Trim(text, "0123456789.") == "" && text != "" {
		parts := strings.Split(text, ".")
		for i, part := range parts {
			empty := part == "" && i < len(parts)-1
			large := len(part) > 3 || len(part) == 3 && part > "255"
			octal := len(part) > 1 && part[0] == '0' // netip refuses it: it is octal to some
			if len(parts) > 4 || empty || large || octal {
				return wrong("%s is no address and not the beginning of one, such as 10.0.", named(text))
			}
		}
	}
	return nil
}

// startsAddress says whether folded text may be the beginning of an address in figures: digits and dots, or
// hexadecimal digits with a colon.
func startsAddress(text string) bool {
	return text != "" && strings.Trim(text, "0123456789.") == "" || colonAddress(text)
}

// colonAddress says whether a word that holds a colon may be an IPv6 address or the beginning of one, not a
// field with its value: fe80::1, ::, [::1]. A word of letters before the first colon is a field.
func colonAddress(word string) bool {
	if strings.HasPrefix(word, "[") {
		word = strings.TrimSuffix(word[1:], "]")
	}
	group, rest, ok := strings.Cut(word, ":")
	if !ok || strings.Trim(word, "0123456789abcdefABCDEF:.") != "" {
		return false
	}
	if group == "" {
		return strings.HasPrefix(rest, ":")
	}
	return len(group) <= 4 && (strings.ContainsAny(group, "0123456789") || strings.Count(rest, ":") > 0)
}

// startsAs says whether the address in figures begins with the text, in either form of a mapped one. It
// uses buf.
func (w *want) startsAs(v *Value, buf []byte) ([]byte, bool) {
	a := seenAs(v)
	buf = AppendAddr(buf[:0], a, v.V6 && !a.Is4())
	if hasPrefix(buf, w.text) {
		return buf, true
	}
	if !v.V6 || !a.Is4() {
		return buf, false
	}
	buf = AppendAddr(buf[:0], a, true)
	return buf, hasPrefix(buf, w.text)
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

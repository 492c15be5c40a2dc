package text

// How CSV and JSON write a value: as a number in one unit, the same whatever its size.

import (
	"strconv"
	"time"

	"sockview/model"
)

// Unit says how CSV and JSON write the values of a kind.
type Unit struct {
	Kind model.Kind
	Name string // what the kind is called
	JSON string // its type in JSON
	Unit string // its unit or layout, the same in CSV and JSON
}

// Units are the kinds of values with the units they are written in. In JSON an unknown value is null, in CSV
// its cell is empty.
func Units() []Unit {
	return []Unit{
		{model.KindText, "text", "string", "foreign text with control characters written visibly, as \\n or \\x1b"},
		{model.KindState, "state", "string", "netstat's word, as ESTABLISHED"},
		{model.KindAddress, "address", "string", "numeric; an IPv4-mapped one of an IPv6 socket as ::ffff:192.0.2.1"},
		{model.KindNetwork, "network", "string", "numeric with its prefix length; default routes are 0.0.0.0/0 and ::/0"},
		{model.KindPort, "port", "number", "numeric; unknown where there is no port"},
		{model.KindNumber, "number", "number", "an id: pid, uid, inode"},
		{model.KindHex, "hexadecimal", "string", "0x and hexadecimal digits, since JSON readers round beyond 2^53"},
		{model.KindCount, "count", "number", "how many"},
		{model.KindBytes, "bytes", "number", "bytes"},
		{model.KindRate, "rate", "number", "bytes per second"},
		{model.KindDuration, "duration", "number", "seconds, with up to nine decimals"},
		{model.KindTime, "time", "string", "RFC 3339 in UTC, as 2006-01-02T15:04:05Z"},
	}
}

// atLeast is added to a column's id for the column or key beside it that says whether the value is only a
// lower bound (Spec.AtLeast): age_at_least.
const atLeast = "_at_least"

// form is what a raw value is, so that CSV and JSON quote it as it needs.
type form uint8

const (
	absent  form = iota // unknown
	number              // digits
	word                // text of our own making: no quote, no backslash, no formula
	foreign             // any other text
)

// appendRaw appends v as CSV and JSON write it, before any quoting.
func appendRaw(dst []byte, k model.Kind, v model.Value) ([]byte, form) {
	if v.Why != model.Known {
		return dst, absent
	}
	switch k {
	case model.KindText:
		return append(dst, safe(v.Text)...), foreign
	case model.KindState:
		if v.Text != "" {
			return append(dst, safe(v.Text)...), foreign
		}
		if name := model.State(v.Num).String(); name != "-" {
			return append(dst, name...), word
		}
		return dst, absent
	case model.KindAddress:
		return model.AppendAddr(dst, v.Addr, v.V6), word
	case model.KindNetwork:
		return model.AppendNetwork(dst, v), word
	case model.KindPort:
		if v.Num == 0 {
			return dst, absent // who listens has no other end
		}
	case model.KindHex:
		return strconv.AppendUint(append(dst, "0x"...), uint64(v.Num), 16), word
	case model.KindBytes, model.KindRate:
		return strconv.AppendUint(dst, uint64(v.Num), 10), number
	case model.KindDuration:
		if v.Num < 0 {
			return dst, absent // as on the screen
		}
		return appendSeconds(dst, v.Num), number
	case model.KindTime:
		return time.Unix(0, v.Num).UTC().AppendFormat(dst, time.RFC3339), word
	}
	return strconv.AppendInt(dst, v.Num, 10), number
}

// appendSeconds appends n >= 0 nanoseconds as seconds, exactly, without zeros at the end: 0.00034, 2.5, 10.
func appendSeconds(dst []byte, n int64) []byte {
	const second = int64(time.Second)
	dst = strconv.AppendInt(dst, n/second, 10)
	rest := n % second
	if rest == 0 {
		return dst
	}
	dst = append(dst, '.')
	for one := second / 10; rest > 0; one /= 10 {
		dst = append(dst, byte('0'+rest/one))
		rest %= one
	}
	return dst
}

package model

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Kind is what sort of value a column holds. Formatting, comparing, filtering, CSV and JSON follow from
// it; no column has its own.
type Kind uint8

// The kinds.
const (
	KindText     Kind = iota // Value.Text
	KindState                // Value.Num is a State; Text may say it in other words
	KindAddress              // Value.Addr
	KindNetwork              // Value.Addr, no bit set past its prefix; Num is the prefix length, V6 the family
	KindPort                 // Value.Num
	KindNumber               // Value.Num names something (pid, inode, uid): no unit, no thousands
	KindHex                  // Value.Num names something and is written in hexadecimal (cookie, mark)
	KindCount                // Value.Num counts something
	KindBytes                // Value.Num, bytes
	KindRate                 // Value.Num, bytes per second
	KindDuration             // Value.Num, nanoseconds
	KindTime                 // Value.Num, Unix nanoseconds
)

// Value is what one cell holds. A plain struct, so that 100,000 of them cost nothing to pass on.
type Value struct {
	Text    string // safe text
	Addr    Addr
	Num     int64
	More    int32   // KindText: so many others besides, shown as "nginx +5"
	Note    Note    // KindText: shown as "nginx (was)"
	Why     Unknown // not Known: there is no value, and why
	AtLeast bool    // the value is a lower bound (the age of a socket older than our watch)
	V6      bool    // KindAddress: of an IPv6 socket, so that a mapped address is written as one; KindNetwork: of IPv6
}

// Note is what there is to say of a named thing, beside its name: people see it, filters and groups know the name alone.
type Note uint8

// The notes.
const (
	NoNote       Note = iota
	NoteWas           // a process that held the row, which nobody does any more
	NoteInferred      // a process that nobody was seen to be: it must have been this one
	NoteByProc        // a network namespace of which /proc alone tells
)

var notes = [...]string{"", " (was)", " (?)", " (/proc)"}

// note is what there is to say of the process that h names.
func (h *Holding) note() Note {
	switch {
	case h.Inferred:
		return NoteInferred
	case h.Was:
		return NoteWas
	}
	return NoNote
}

// Formatter turns values into what the screen shows. The zero Formatter is numeric.
type Formatter struct {
	// Host names an address, or says "". Nil is numeric.
	Host func(Addr) string
	// Service names a port of a protocol, or says "". Nil is numeric.
	Service func(p Proto, port uint16) string
}

// Append appends v, of kind k, as the screen shows it: short, with units, "-" when unknown.
func (f *Formatter) Append(dst []byte, k Kind, v Value) []byte {
	if v.Why != Known {
		return append(dst, '-')
	}
	if v.AtLeast {
		dst = append(dst, '>')
	}
	switch k {
	case KindText:
		dst = append(dst, v.Text...)
		if v.More > 0 {
			dst = strconv.AppendInt(append(dst, " +"...), int64(v.More), 10)
		}
		return append(dst, notes[v.Note]...)
	case KindState:
		if v.Text != "" {
			return append(dst, v.Text...)
		}
		return append(dst, State(v.Num).String()...)
	case KindAddress:
		if f != nil && f.Host != nil {
			if name := f.Host(v.Addr); name != "" {
				return append(dst, name...)
			}
		}
		// Of an IPv6 socket too an IPv4 address is written as one: the protocol column says which socket it
		// is, and ::ffff: would take the cells that tell addresses apart.
		return AppendAddr(dst, v.Addr, v.V6 && v.Addr == Addr{})
	case KindNetwork:
		if v.Num == 0 {
			return append(dst, defaultNetwork...)
		}
		return AppendNetwork(dst, v)
	case KindPort:
		if v.Num == 0 {
			return append(dst, '*')
		}
		if f != nil && f.Service != nil {
			// Text of a port is its protocol's name
			proto := TCP
			switch {
			case strings.HasPrefix(v.Text, "raw"): // its port is a protocol
				return append(dst, Proto(v.Num).String()...)
			case strings.HasPrefix(v.Text, "udp"):
				proto = UDP
			}
			if name := f.Service(proto, uint16(v.Num)); name != "" {
				return append(dst, name...)
			}
		}
		return strconv.AppendInt(dst, v.Num, 10)
	case KindHex:
		return strconv.AppendUint(append(dst, "0x"...), uint64(v.Num), 16)
	case KindBytes, KindRate:
		return AppendShort(dst, uint64(v.Num))
	case KindDuration:
		return AppendDuration(dst, time.Duration(v.Num))
	case KindTime:
		return time.Unix(0, v.Num).AppendFormat(dst, "2006-01-02 15:04:05")
	}
	return strconv.AppendInt(dst, v.Num, 10)
}

// AppendAddr appends a as the kernel's tools write it: an IPv4-mapped address of an IPv6 socket as
// ::ffff:192.0.2.1.
func AppendAddr(dst []byte, a Addr, v6 bool) []byte {
	if v6 && a.Is4() {
		dst = append(dst, "::ffff:"...)
	}
	if v6 && a == (Addr{}) {
		return append(dst, "::"...)
	}
	if a == (Addr{}) {
		return append(dst, "0.0.0.0"...)
	}
	return a.Netip().AppendTo(dst)
}

// AppendNetwork appends v, of KindNetwork and known, in figures: 10.0.0.0/8, 2001:db8::/32, ::ffff:10.0.0.0/104 of
// IPv6, the default routes as 0.0.0.0/0 and ::/0. No two networks are written alike.
func AppendNetwork(dst []byte, v Value) []byte {
	return strconv.AppendInt(append(AppendAddr(dst, v.Addr, v.V6), '/'), v.Num, 10)
}

// AppendShort appends n in at most four characters: 999, 1.2K, 18K, 999K, 1.2M. Units
// are 1000s, and the figure is cut, not rounded, so that nothing is shown before it is reached.
func AppendShort(dst []byte, n uint64) []byte {
	if n < 1000 {
		return strconv.AppendUint(dst, n, 10)
	}
	const units = "KMGTPE"
	unit, div := 0, uint64(1000)
	for n/div >= 1000 && unit < len(units)-1 {
		div *= 1000
		unit++
	}
	dst = strconv.AppendUint(dst, n/div, 10)
	if n/div < 10 {
		dst = append(dst, '.', byte('0'+n%div/(div/10)))
	}
	return append(dst, units[unit])
}

// AppendDuration appends d in two units at most: 340us, 1.5ms, 12ms, 3.2s, 45s, 3m04s, 2h05m, 3d04h.
func AppendDuration(dst []byte, d time.Duration) []byte {
	if d < 0 {
		return append(dst, '-')
	}
	two := func(a int64, u1 string, b int64, u2 string) []byte {
		dst = append(strconv.AppendInt(dst, a, 10), u1...)
		if b < 10 {
			dst = append(dst, '0')
		}
		return append(strconv.AppendInt(dst, b, 10), u2...)
	}
	tenths := func(n, one int64, u string) []byte {
		dst = strconv.AppendInt(dst, n/one, 10)
		if n/one < 10 && n%one/(one/10) != 0 {
			dst = append(dst, '.', byte('0'+n%one/(one/10)))
		}
		return append(dst, u...)
	}
	n := int64(d)
	const us, ms, s, m, h, day = int64(time.Microsecond), int64(time.Millisecond), int64(time.Second),
		int64(time.Minute), int64(time.Hour), 24 * int64(time.Hour)
	switch {
	case n == 0:
		return append(dst, "0s"...)
	case n < us:
		return append(strconv.AppendInt(dst, n, 10), "ns"...)
	case n < ms:
		return append(strconv.AppendInt(dst, n/us, 10), "us"...)
	case n < s:
		return tenths(n, ms, "ms")
	case n < m:
		return tenths(n, s, "s")
	case n < h:
		return two(n/m, "m", n%m/s, "s")
	case n < day:
		return two(n/h, "h", n%h/m, "m")
	}
	return two(n/day, "d", n%day/h, "h")
}

// rateOf is a rate as a value's number; rates are whole bytes per second.
func rateOf(r float32) int64 { return int64(math.Round(float64(r))) }

package model

// Numbers, sizes, durations, ports and times in a filter. Each is read as an interval of uint64, in the order
// of its kind, so that a row is compared by two comparisons whatever the kind.

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// interval is the want for a value that stands for lo to hi: a range, a day, or a single number. lo is one
// above hi for a number with a fraction, which lies between the two.
func interval(op operator, k Kind, lo, hi uint64) want {
	w := want{how: wantNumber, lo: lo, hi: hi}
	top := uint64(math.MaxInt64)
	if k == KindHex || k == KindBytes || k == KindRate {
		top = math.MaxUint64 // the kernel's unsigned 64 bits
	} else {
		w.flip = 1 << 63
	}
	none := false
	switch op {
	case opLess:
		w.lo, w.hi, none = 0, lo-1, lo == 0 && w.flip == 0
	case opLessIs:
		w.lo = 0
	case opMore:
		w.lo, w.hi, none = hi+1, top, hi == top
	case opMoreIs:
		w.hi = top
	}
	if op != opLess && op != opLessIs {
		w.lo ^= w.flip
	}
	w.hi ^= w.flip // below 0 is -1, and that is just below the flip
	if k == KindPort && (op == opLess || op == opLessIs) {
		w.lo = w.flip + 1 // port 0 is shown as * and is no port
	}
	if none {
		w.lo, w.hi = 1, 0
	}
	return w
}

// readInterval reads a value of a kind that has an order, or a range of two.
func readInterval(text string, k Kind, t *term, scope *Scope) (lo, hi uint64, bad *mistake) {
	if k == KindTime {
		return readTime(text)
	}
	if lo, hi, bad = readOrdered(text, k, scope); bad == nil {
		return lo, hi, nil
	}
	from, to, isRange := strings.Cut(text, "-")
	if !isRange || k == KindPort && !startsWithDigit(text) || from == "" {
		return 0, 0, bad
	}
	if t.op.orders() {
		return 0, 0, wrong("%s%s takes one value; a range stands after : or =", t.field, operatorText[t.op])
	}
	if to == "" {
		return 0, 0, &mistake{"the range has no end; " + t.field + ">=" + clip(from, 20) + " has none either",
			len(text) - 1, len(text)}
	}
	lo, fromHi, bad := readOrdered(from, k, scope)
	if bad != nil {
		return 0, 0, &mistake{bad.msg, 0, len(from)}
	}
	toLo, hi, bad := readOrdered(to, k, scope)
	if bad != nil {
		return 0, 0, &mistake{bad.msg, len(from) + 1, len(text)}
	}
	if fromHi > hi || lo > toLo {
		return 0, 0, wrong("the range is backwards; is %s-%s meant?", clip(to, 20), clip(from, 20))
	}
	return lo, hi, nil
}

func startsWithDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// readOrdered reads one value. Of one with a fraction that the kind cannot hold, hi is the whole part and lo
// one more.
func readOrdered(text string, k Kind, scope *Scope) (lo, hi uint64, bad *mistake) {
	switch k {
	case KindPort:
		return readPort(text, scope)
	case KindNumber:
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil {
			return 0, 0, wrong("%s is no whole number, such as 1203", named(text))
		}
		return n, n, nil
	case KindHex:
		digits, base := text, 10
		if len(text) > 2 && strings.EqualFold(text[:2], "0x") {
			digits, base = text[2:], 16
		}
		n, err := strconv.ParseUint(digits, base, 64)
		if err != nil {
			return 0, 0, wrong("%s is no number, such as 31 or, in hexadecimal, 0x1f", named(text))
		}
		return n, n, nil
	case KindDuration:
		return readDuration(text)
	}
	return readSize(text, k)
}

func readPort(text string, scope *Scope) (lo, hi uint64, bad *mistake) {
	if text == "*" {
		return 0, 0, nil
	}
	if strings.Trim(text, "0123456789") == "" && text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			return 0, 0, wrong("a port is at most 65535")
		}
		return n, n, nil
	}
	if scope.Service == nil {
		return 0, 0, wrong("%s is no port: a number such as 443, a range such as 8000-8100, or *", named(text))
	}
	port, ok := scope.Service(text)
	if !ok {
		return 0, 0, wrong("%s is no port and no service: a number such as 443, a range such as 8000-8100, or *",
			named(text))
	}
	return uint64(port), uint64(port), nil
}

// decimal cuts a decimal number off s.
func decimal(s string) (whole, frac, rest string) {
	rest = strings.TrimLeft(s, "0123456789")
	whole = s[:len(s)-len(rest)]
	if whole != "" && strings.HasPrefix(rest, ".") {
		after := strings.TrimLeft(rest[1:], "0123456789")
		frac = rest[1 : len(rest)-len(after)]
		if frac == "" {
			return "", "", s
		}
		rest = after
	}
	return whole, frac, rest
}

// scaled is whole.frac times unit: the whole part, and whether that is all. It says false when that is no
// number of 63 bits.
func scaled(whole, frac string, unit uint64) (n uint64, exact, ok bool) {
	n, err := strconv.ParseUint(whole, 10, 64)
	over, n := bits.Mul64(n, unit)
	if err != nil || over != 0 || n > math.MaxInt64 {
		return 0, false, false
	}
	frac = strings.TrimRight(frac, "0")
	const digits = 18 // 10^18 fits; what lies below cannot be a whole byte or nanosecond of a unit of ours
	exact = true
	if len(frac) > digits {
		frac, exact = frac[:digits], false
	}
	if frac != "" {
		f, _ := strconv.ParseUint(frac, 10, 64) // up to 18 digits
		pow := uint64(1)
		for range frac {
			pow *= 10
		}
		high, low := bits.Mul64(f, unit)
		part, rem := bits.Div64(high, low, pow) // f < pow, so that high < pow
		n += part
		exact = exact && rem == 0
	}
	return n, exact, n < math.MaxInt64
}

func bounds(n uint64, exact bool) (lo, hi uint64) {
	if exact {
		return n, n
	}
	return n + 1, n
}

// readSize reads a count, a size in bytes or a rate in bytes per second.
func readSize(text string, k Kind) (lo, hi uint64, bad *mistake) {
	whole, frac, suffix := decimal(text)
	suffix = strings.ToLower(suffix)
	if k == KindRate {
		suffix = strings.TrimSuffix(suffix, "/s")
	}
	if k != KindCount {
		suffix = strings.TrimSuffix(suffix, "b")
	}
	step := uint64(1000)
	if unit, ok := strings.CutSuffix(suffix, "i"); ok && len(unit) == 1 {
		suffix, step = unit, 1024
	}
	power := strings.Index("kmgtpe", suffix)
	if whole == "" || len(suffix) > 1 || power < 0 || step == 1024 && suffix == "" {
		what := "is no size: a number of bytes with k M G T (1000s) or Ki Mi Gi Ti (1024s), such as 1.5M"
		switch {
		case k == KindCount:
			what = "is no number: digits with k M G T (1000s) or Ki Mi Gi Ti (1024s), such as 100 or 1.5k"
		case k == KindRate:
			what = "is no rate: bytes per second with k M G T (1000s) or Ki Mi Gi Ti (1024s), such as 1.5M or 64Ki/s"
		case strings.HasSuffix(suffix, "/s"):
			what = "is a rate, and this column counts bytes: " + expected(k, opIs) + " is expected"
		}
		return 0, 0, wrong("%s %s", named(text), what)
	}
	unit := uint64(1)
	if suffix != "" {
		for range power + 1 {
			unit *= step
		}
	}
	n, exact, ok := scaled(whole, frac, unit)
	if !ok {
		return 0, 0, wrong("%s is too large", named(text))
	}
	lo, hi = bounds(n, exact)
	return lo, hi, nil
}

// timeUnit is the length of a unit of time in ns, 0 for a word that is none.
func timeUnit(word string) uint64 {
	switch strings.ToLower(word) {
	case "ns":
		return 1
	case "us", "µs", "μs": // the micro sign and the Greek letter
		return 1e3
	case "ms":
		return 1e6
	case "s":
		return 1e9
	case "m":
		return 60e9
	case "h":
		return 3600e9
	case "d":
		return 86400e9
	}
	return 0
}

// readDuration reads 50ms or 1h30m. The last unit may have a fraction.
func readDuration(text string) (lo, hi uint64, bad *mistake) {
	const units = "ns us ms s m h d"
	if text != "" && strings.Trim(text, "0") == "" {
		return 0, 0, nil // 0 needs no unit
	}
	var total uint64
	exact := true
	for rest, last := text, uint64(math.MaxUint64); rest != "" || text == ""; {
		whole, frac, after := decimal(rest)
		if whole == "" {
			return 0, 0, wrong("%s is no duration: a number with %s, such as 50ms or 1h30m", named(text), units)
		}
		rest = strings.TrimLeftFunc(after, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		word := after[:len(after)-len(rest)]
		unit := timeUnit(word)
		switch {
		case word == "":
			return 0, 0, wrong("%s needs a unit: %s, as in %sms", named(text), units, clip(text, 20))
		case unit == 0:
			return 0, 0, wrong("%s is no unit of time: %s, as in 50ms or 1h30m", named(word), units)
		case unit >= last || frac != "" && rest != "":
			return 0, 0, wrong("%s is no duration: the largest unit comes first, only the last has a fraction, as in 1h30m",
				named(text))
		}
		last = unit
		n, all, ok := scaled(whole, frac, unit)
		if !ok || total+n >= math.MaxInt64 {
			return 0, 0, wrong("%s is too long", named(text))
		}
		total, exact = total+n, all
	}
	lo, hi = bounds(total, exact)
	return lo, hi, nil
}

// readTime reads a day, a minute or a second, in local time, as the screen shows it.
func readTime(text string) (lo, hi uint64, bad *mistake) {
	for _, layout := range [...]string{
		"2006-01-02", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02T15:04:05",
	} {
		from, err := time.ParseInLocation(layout, text, time.Local)
		if err != nil || strings.ContainsAny(text, ".,") {
			continue
		}
		to := from.Add(time.Second)
		switch len(layout) {
		case len("2006-01-02"):
			to = from.AddDate(0, 0, 1)
		case len("2006-01-02 15:04"):
			to = from.Add(time.Minute)
		}
		if from.Year() < 1970 || to.Year() > 2261 || from.Unix() < 0 { // Unix nanoseconds in 63 bits
			return 0, 0, wrong("%s is no time of ours: a year from 1970 to 2261 is expected", named(text))
		}
		return uint64(from.UnixNano()), uint64(to.UnixNano()) - 1, nil
	}
	return 0, 0, wrong("%s is no time: 2026-01-31, 2026-01-31T15:04 or 2026-01-31T15:04:05", named(text))
}

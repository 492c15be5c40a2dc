package keymap

// What values the flags take: the setters of the table's rows.

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The bounds of an interval.
const (
	MinInterval = 100 * time.Millisecond
	MaxInterval = time.Hour

	// AllowedTime says in messages what ParseInterval takes.
	AllowedTime = "100ms to 1h, as 500ms, 2s or 2 (seconds)"
)

// ParseInterval takes a time between samples, from MinInterval to MaxInterval: "500ms", "2s", "1m30s" or
// a bare number of seconds. The error says what is wrong, to follow the value in a message.
func ParseInterval(s string) (time.Duration, error) {
	number := s
	if strings.Trim(s, "0123456789.") == "" {
		number += "s"
	}
	d, err := time.ParseDuration(number)
	switch {
	case err != nil:
		return 0, errors.New("is not a time")
	case d < MinInterval:
		return 0, errors.New("is too short")
	case d > MaxInterval:
		return 0, errors.New("is too long")
	}
	return d, nil
}

// MaxHistory is how many closed connections may be kept, 150 MB.
const MaxHistory = 1_000_000

// AllowedHistory says in messages what ParseHistory takes.
const AllowedHistory = "a whole number from 0 to 1000000"

// ParseHistory takes how many closed connections are kept; 0, which is none, it gives as -1. The error says what is wrong, to
// follow the value in a message.
func ParseHistory(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	switch {
	case errors.Is(err, strconv.ErrRange), err == nil && n > MaxHistory:
		return 0, errors.New("is too many")
	case err != nil:
		return 0, errors.New("is no such number")
	case n == 0:
		return -1, nil
	}
	return int(n), nil
}

// Themes are the colour schemes.
func Themes() []string { return []string{"default", "light", "high-contrast", "none"} }

// What follows makes the setters of the table's flags.

func on(field func(*Options) *bool) func(*Options, string) error {
	return func(o *Options, _ string) error { *field(o) = true; return nil }
}

// count counts how often a flag is given.
func count(field func(*Options) *int) func(*Options, string) error {
	return func(o *Options, _ string) error { *field(o)++; return nil }
}

// opens is for a flag that only opens its row's screen, which ParseArgs sees to.
func opens(*Options, string) error { return nil }

// refuse is for a flag that is known and not to be had.
func refuse(why string) func(*Options, string) error {
	return func(*Options, string) error { return errors.New(why) }
}

func word(field func(*Options) *string) func(*Options, string) error {
	return func(o *Options, s string) error {
		if s[0] == '-' {
			return errors.New("looks like a flag")
		}
		*field(o) = s
		return nil
	}
}

func list(field func(*Options) *[]string) func(*Options, string) error {
	return func(o *Options, s string) error {
		words := strings.Split(s, ",")
		for i, w := range words {
			words[i] = strings.TrimSpace(w)
			if words[i] == "" {
				return errors.New("has an empty name")
			}
		}
		*field(o) = words
		return nil
	}
}

func oneOf(field func(*Options) *string, allowed ...string) func(*Options, string) error {
	return func(o *Options, s string) error {
		if !slices.Contains(allowed, s) {
			return errors.New("is not known")
		}
		*field(o) = s
		return nil
	}
}

func number(field func(*Options) *int) func(*Options, string) error {
	return func(o *Options, s string) error {
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil || n < 1 || s[0] == '+' {
			return errors.New("is no such number")
		}
		*field(o) = int(n)
		return nil
	}
}

func duration(field func(*Options) *time.Duration) func(*Options, string) error {
	return func(o *Options, s string) error {
		d, err := ParseInterval(s)
		if err != nil {
			return err
		}
		*field(o) = d
		return nil
	}
}

// setContinuous takes -c with its seconds or without.
func setContinuous(o *Options, s string) error {
	o.Continuous = true
	if s == "" {
		return nil
	}
	return duration(func(o *Options) *time.Duration { return &o.Interval })(o, s)
}

// leadingTime is how much of s is a time between samples, or else a whole number.
func leadingTime(s string) int {
	if _, err := ParseInterval(s); err == nil || s != "" && strings.Trim(s, "0123456789") == "" {
		return len(s) // a whole number that is no interval is a mistake, and no other flag or word
	}
	return len(s) - len(strings.TrimLeft(s, "0123456789"))
}

// wordAhead is all of s unless it looks like a flag.
func wordAhead(s string) int {
	if strings.HasPrefix(s, "-") {
		return 0
	}
	return len(s)
}

// setFamilies takes netstat's names of the address families, those of net-tools' lib/pathnames included that
// mean the same.
func setFamilies(o *Options, s string) error {
	for _, name := range strings.Split(s, ",") {
		switch name {
		case "inet", "ip", "tcpip":
			o.IPv4 = true
		case "inet6", "ip6":
			o.IPv6 = true
		case "unix", "local":
			o.Unix = true
		case "":
			return errors.New("has an empty name")
		default:
			if slices.Contains(otherFamilies(), name) {
				return fmt.Errorf("asks for %s, and this program has no such family", name)
			}
			return fmt.Errorf("asks for %s, which is no family", quote(name))
		}
	}
	return nil
}

// otherFamilies are those that netstat has and this program has not.
func otherFamilies() []string {
	return []string{"ipx", "ax25", "x25", "netrom", "rose", "ddp", "appletalk", "bluetooth", "ash", "econet"}
}

// joinWords writes words as a sentence lists them: "a, b or c".
func joinWords(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

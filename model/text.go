package model

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText is the length in bytes at which safe text is cut. The kernel gives command lines of up to
// 2 MiB; nobody reads that on a screen, and a table of them must not cost memory.
const MaxText = 4096

// Text is foreign text (a process name, command line, unix path, cgroup, interface or DNS name) that
// was made safe: it holds no control character, nothing that changes direction, nothing without a
// width of its own, and it is valid UTF-8. The zero Text is empty. SafeText is its only constructor, so
// a Text can be sent to a terminal, a CSV or a JSON file as it is.
type Text struct{ s string }

// SafeText makes raw harmless. What could steer a terminal or hide itself is written visibly, as \n,
// \x1b or \u202e; a byte that is not UTF-8 as \xff. It cuts at MaxText and marks the cut with "…".
// A Text passed through it again is unchanged.
func SafeText(raw string) Text {
	if len(raw) <= MaxText && isPlain(raw) {
		return Text{raw}
	}
	var b strings.Builder
	keep := 0         // up to where the text stays when it must be cut
	base := rune(0)   // the last character that is no mark
	marks := maxMarks // a mark needs a base before it
	for i := 0; i < len(raw); {
		if b.Len() <= MaxText-len("…") {
			keep = b.Len()
		}
		r, size := utf8.DecodeRuneInString(raw[i:])
		switch {
		case r == utf8.RuneError && size <= 1:
			writeEscape(&b, 'x', uint32(raw[i]), 2)
			base, marks = 0, maxMarks
		case unicode.Is(unicode.M, r) && marks < maxMarks && !hasNoWidth(r):
			b.WriteRune(r)
			marks++
		case unicode.IsPrint(r) && !unicode.Is(unicode.M, r) && !hasNoWidth(r) && !strays(base, r):
			b.WriteRune(r)
			base, marks = r, 0
		default:
			escapeRune(&b, r)
			base, marks = 0, maxMarks
		}
		if b.Len() > MaxText {
			return Text{b.String()[:keep] + "…"}
		}
		i += size
	}
	return Text{b.String()}
}

// String is the text; it can be printed anywhere.
func (t Text) String() string { return t.s }

// Empty says whether there is no text.
func (t Text) Empty() bool { return t.s == "" }

// maxMarks is how many combining marks one character may carry. Living languages need two; a stack of
// more climbs over the lines above it.
const maxMarks = 2

func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// hasNoWidth says whether terminals disagree about the width of r, give it none or more than two cells,
// although Unicode counts it among the letters, marks and symbols.
func hasNoWidth(r rune) bool {
	switch {
	case r >= 0x1100 && r <= 0x11ff, // Hangul letters join into one syllable with what is beside them
		r >= 0xa960 && r <= 0xa97f,
		r >= 0xd7b0 && r <= 0xd7ff,
		r == 0xff9e, r == 0xff9f, // halfwidth katakana sound marks: a cell to terminals, a mark to Unicode
		r == 0x2e3a, r == 0x2e3b, // the two-em and three-em dash
		r == 0x3164, r == 0xffa0, // Hangul fillers
		r == 0x034f, // combining grapheme joiner
		r >= 0x180b && r <= 0x180f,
		r >= 0xfe00 && r <= 0xfe0f, // variation selectors turn a narrow sign into a wide one
		r >= 0xe0100 && r <= 0xe01ef,
		r >= 0x1f1e6 && r <= 0x1f1ff, // regional indicators: two of them make one flag
		r >= 0x1f3fb && r <= 0x1f3ff, // skin tones
		r == 0x17b4, r == 0x17b5:
		return true
	}
	return unicode.Is(unicode.Mc, r)
}

// strays says whether r, the Thai or Lao vowel am, stands after something else than its own script. It makes
// one cluster with whatever is before it (UAX 29, GB9a), and after a pictograph it has no width there.
func strays(base, r rune) bool {
	return (r == 0x0e33 || r == 0x0eb3) && (base < 0x0e00 || base > 0x0eff)
}

func escapeRune(b *strings.Builder, r rune) {
	switch {
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\t':
		b.WriteString(`\t`)
	case r == '\r':
		b.WriteString(`\r`)
	case r < 0x80:
		writeEscape(b, 'x', uint32(r), 2)
	case r < 0x10000:
		writeEscape(b, 'u', uint32(r), 4)
	default:
		writeEscape(b, 'U', uint32(r), 8)
	}
}

func writeEscape(b *strings.Builder, letter byte, v uint32, digits int) {
	const hex = "0123456789abcdef"
	b.WriteByte('\\')
	b.WriteByte(letter)
	for shift := (digits - 1) * 4; shift >= 0; shift -= 4 {
		b.WriteByte(hex[v>>shift&0xf])
	}
}

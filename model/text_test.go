package model

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

func TestFault03SafeText(t *testing.T) {
	for _, c := range []struct{ name, raw, want string }{
		{"empty", "", ""},
		{"plain", "nginx: worker process", "nginx: worker process"},
		{"tags are text", "[red]", "[red]"},
		{"a region that looks like a link", `[:::url]`, `[:::url]`},
		{"backslash", `a\nb`, `a\nb`},
		{"ESC", "\x1b[31mred", `\x1b[31mred`},
		{"OSC 52 sets the clipboard", "\x1b]52;c;aGk=\x07", `\x1b]52;c;aGk=\x07`},
		{"OSC 8 with ST", "\x1b]8;;http://x\x1b\\", `\x1b]8;;http://x\x1b\`},
		{"NUL", "a\x00b", `a\x00b`},
		{"newline, tab, return", "a\nb\tc\rd", `a\nb\tc\rd`},
		{"backspace and DEL", "a\bb\x7f", `a\x08b\x7f`},
		{"C1 CSI", "\u009b31m", `\u009b31m`},
		{"C1 as a raw byte", "\x9b31m", `\x9b31m`},
		{"NEL and line separators", "a\u0085b\u2028c\u2029", `a\u0085b\u2028c\u2029`},
		{"right to left override", "exe\u202etxt", `exe\u202etxt`},
		{"isolates", "\u2066x\u2069", `\u2066x\u2069`},
		{"marks of direction", "\u200e\u200f\u061c", `\u200e\u200f\u061c`},
		{"zero width", "a\u200bb\u200cc\u200dd\ufeffe\u2060", `a\u200bb\u200cc\u200dd\ufeffe\u2060`},
		{"soft hyphen", "a\u00adb", `a\u00adb`},
		{"language tag", "\U000e0041", `\U000e0041`},
		{"other spaces", "a\u00a0b\u3000c", `a\u00a0b\u3000c`},
		{"private use", "\ue000\U000f0000", `\ue000\U000f0000`},
		{"not assigned", "\u0378", `\u0378`},
		{"wide", "中文 日本", "中文 日本"},
		{"accents", "Zoë Ünïcode ñ", "Zoë Ünïcode ñ"},
		{"one and two marks", "e\u0301 o\u0302\u0301", "e\u0301 o\u0302\u0301"},
		{"stacked marks", "e\u0301\u0302\u0303\u0304", "e\u0301\u0302" + `\u0303\u0304`},
		{"a mark without a base", "\u0301e", `\u0301e`},
		{"a mark after an escape", "\n\u0301", `\n\u0301`},
		{"a mark after bad UTF-8", "\xff\u0301", `\xff\u0301`},
		{"spacing marks", "का", "क" + `\u093e`},
		{"variation selector", "❤\ufe0f", "❤" + `\ufe0f`},
		{"keycap", "1\ufe0f\u20e3", "1" + `\ufe0f\u20e3`},
		{"flag", "\U0001f1e9\U0001f1ea", `\U0001f1e9\U0001f1ea`},
		{"skin tone", "👍\U0001f3fd", "👍" + `\U0001f3fd`},
		{"family", "👩\u200d👦", "👩" + `\u200d` + "👦"},
		{"Hangul syllables", "한국", "한국"},
		{"Hangul letters", "\u1112\u1161\u11ab\ua960\ud7b0", `\u1112\u1161\u11ab\ua960\ud7b0`},
		{"Hangul filler", "a\u3164", `a\u3164`},
		{"halfwidth sound mark", "ｶ\uff9e", "ｶ" + `\uff9e`},
		{"three-em dash", "\u2e3b", `\u2e3b`},
		{"Thai", "น้ำ", "น้ำ"},
		{"a Thai vowel after something else", "❤\u0e33", "❤" + `\u0e33`},
		{"bad UTF-8", "a\xffb\xc3", `a\xffb\xc3`},
		{"overlong", "\xc0\xaf", `\xc0\xaf`},
		{"surrogate", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"beyond Unicode", "\xf4\x90\x80\x80", `\xf4\x90\x80\x80`},
		{"a real replacement character", "\ufffd", "\ufffd"},
	} {
		text := SafeText(c.raw)
		if got := text.String(); got != c.want {
			t.Errorf("%s: SafeText(%q) is %q, want %q", c.name, c.raw, got, c.want)
		}
		if text.Empty() != (c.want == "") {
			t.Errorf("%s: Empty is %v", c.name, text.Empty())
		}
		checkSafe(t, c.raw)
	}
}

func TestSafeTextIsCut(t *testing.T) {
	for _, c := range []struct {
		name, raw string
		want      int  // bytes
		cut       bool // ends with an ellipsis
	}{
		{"plain, longest", strings.Repeat("a", MaxText), MaxText, false},
		{"plain, one too long", strings.Repeat("a", MaxText+1), MaxText, true},
		{"plain, far too long", strings.Repeat("a", 2<<20), MaxText, true},
		{"two bytes each, longest", strings.Repeat("é", MaxText/2), MaxText, false},
		{"two bytes each, too long", strings.Repeat("é", MaxText/2+1), MaxText - 1, true},
		{"three bytes each", strings.Repeat("中", MaxText/3+1), MaxText - 1, true},
		{"escapes, longest", strings.Repeat("\x1b", MaxText/4), MaxText, false},
		{"escapes, too long", strings.Repeat("\x1b", MaxText/4+1), MaxText - 1, true},
		{"long escapes", strings.Repeat("\U000e0001", MaxText), 4093, true},
		{"an escape over the end", strings.Repeat("a", MaxText-5) + "\U000e0001", MaxText - 2, true},
		{"marks at the end", strings.Repeat("a", MaxText-4) + "e\u0301\u0301", MaxText, true},
	} {
		got := SafeText(c.raw).String()
		if len(got) != c.want || strings.HasSuffix(got, "…") != c.cut {
			t.Errorf("%s: %d bytes, ends in %q; want %d, cut %v", c.name, len(got), got[len(got)-8:], c.want, c.cut)
		}
		checkSafe(t, c.raw)
	}
}

// checkSafe checks what every Text promises.
func checkSafe(t *testing.T, raw string) {
	t.Helper()
	s := SafeText(raw).String()
	if !utf8.ValidString(s) {
		t.Fatalf("SafeText(%q) is not UTF-8: %q", raw, s)
	}
	if len(s) > MaxText {
		t.Fatalf("SafeText of %d bytes has %d", len(raw), len(s))
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			t.Fatalf("SafeText(%q) holds %U: %q", raw, r, s)
		}
	}
	if again := SafeText(s).String(); again != s {
		t.Fatalf("SafeText(%q) is %q, and of that %q", raw, s, again)
	}
	// What draws by clusters and what draws by runes must agree about where each cell is.
	runes := 0
	for _, r := range s {
		if !unicode.Is(unicode.M, r) {
			runes += uniseg.StringWidth(string(r))
		}
	}
	clusters := 0
	rest, state := s, -1
	for rest != "" {
		var cluster string
		var width int
		cluster, rest, width, state = uniseg.FirstGraphemeClusterInString(rest, state)
		clusters += width
		if width < 1 || width > 2 && len([]rune(cluster)) == 1 {
			t.Fatalf("SafeText(%q): the cluster %q is %d wide", raw, cluster, width)
		}
	}
	if runes != clusters {
		t.Fatalf("SafeText(%q) is %q: %d cells by runes, %d by clusters", raw, s, runes, clusters)
	}
}

// TestSafeTextOfEveryRune puts each rune alone, after and before characters that join with others.
func TestSafeTextOfEveryRune(t *testing.T) {
	beside := []string{"a", "中", "❤", "⌚", "가", "ก", "क", "e\u0301"}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		switch {
		case r >= 0xd800 && r < 0xe000, r > 0x32000 && r < 0xe0000, r > 0xe0200 && r < 0x10fff0:
			continue // surrogates, and planes where nothing is assigned or all is private
		case unicode.Is(unicode.Han, r) && r&0x3f != 0, r >= 0xac00 && r < 0xd7a4 && r%28 > 1:
			continue // all alike
		}
		text := SafeText("a" + string(r)).String()
		if unicode.In(r, unicode.C, unicode.Z) && r != ' ' && strings.ContainsRune(text, r) {
			t.Fatalf("%U stays: %q", r, text)
		}
		if text != "a"+string(r) {
			continue // escaped, so plain ASCII
		}
		for _, b := range beside {
			checkSafe(t, string(r)+b+string(r)+string(r))
		}
	}
}

func FuzzSafeText(f *testing.F) {
	for _, seed := range []string{
		"", "sshd", "\x1b]52;c;aGk=\x07", "a\u202eb", "e\u0301\u0301\u0301", "\xff\xfe", "中❤\ufe0f", "\u1112\u1161",
		"❤\u0e33", "ก\u0e33", "\u0600a", "1\u20e3", "\U0001f1e9\U0001f1ea", "\u0d4e\u0d4e\u0e33", strings.Repeat("é\n", 1500),
		strings.Repeat("a", MaxText-2) + "\U000e0001\u0301",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) { checkSafe(t, raw) })
}

func BenchmarkSafeText(b *testing.B) {
	for name, raw := range map[string]string{
		"plain":   "/usr/lib/postgresql/16/bin/postgres -D /var/lib/postgresql/16/main",
		"unicode": "/srv/Zoë/データベース --name=Ünïcode",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				SafeText(raw)
			}
		})
	}
}

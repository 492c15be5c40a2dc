package keymap

import (
	"strings"
	"testing"
	"unicode"
)

func TestParseKey(t *testing.T) {
	cases := []struct {
		want      Key
		spellings string // separated by blanks
	}{
		{"q", "q <q>"}, {"S", "S shift-s Shift+S shift-S"}, {"/", "/"}, {"<", "<"}, {">", ">"}, {"-", "-"},
		{"+", "+"},
		{"^", "^"}, {"é", "é"}, {"#", "#"},
		{"Ctrl-D", "Ctrl-D ctrl+d CTRL-d C-d c-D ^D ^d <C-d> Control-D control+d"},
		{"Ctrl-C", "^C ctrl-c"}, {"Ctrl-Z", "Ctrl-z"}, {"Ctrl-J", "^J"},
		{Space, "Space space SPC spacebar <Space>"},
		{Enter, "Enter return RET cr"}, {Esc, "Esc escape ESC <Esc>"},
		{Tab, "Tab tab"}, {ShiftTab, "Shift-Tab shift+tab backtab S-Tab"},
		{PgUp, "PgUp pageup page-up Page_Up PAGEUP"}, {PgDn, "PgDn pgdown pagedown page-down"},
		{Up, "Up arrow-up"}, {Down, "down"}, {Left, "LEFT"}, {Right, "right"}, {Home, "home"}, {End, "end"},
		{Insert, "ins Insert"}, {Delete, "del delete Delete"}, {Backspace, "bs backspace Back-Space"},
		{"F1", "F1 f1 <F1>"}, {"F5", "f5"}, {"F12", "f12 F12"},
	}
	for _, c := range cases {
		for _, s := range strings.Fields(c.spellings) {
			if k, err := ParseKey(s); err != nil || k != c.want {
				t.Errorf("ParseKey(%q) = %q, %v; want %q", s, k, err, c.want)
			}
		}
	}
	if k, err := ParseKey(" "); err != nil || k != Space {
		t.Errorf("ParseKey of a blank = %q, %v", k, err)
	}
}

func TestParseKeyRefuses(t *testing.T) {
	cases := []struct{ spelling, says string }{
		{"", `"" is not a key; allowed are one character, Space, Enter`},
		{"qq", `"qq" is not a key`}, {"F0", "F1 to F12"}, {"F13", "F1 to F12"}, {"f01", "F1 to F12"},
		{"Ctrl-1", "Ctrl-A to Ctrl-Z"}, {"Ctrl-", "Ctrl-A"}, {"^[", "Ctrl-A"}, {"Alt-x", "Ctrl-A"},
		{"<>", "one character"},
		{"<<q>>", "one character"}, {"shift-1", "one character"},
		{"Ctrl-I", "write Tab"}, {"^M", "write Enter"}, {"ctrl+h", "write Backspace"},
		{"\x1b", `"\x1b" is not a key`}, {"\u0301", "is not a key"}, {"\u202e", `"\u202e" is not a key`},
		{"\xff", `"\xff" is not a key`}, {"\ufffd", "is not a key"}, {"\u200b", "is not a key"},
		{strings.Repeat("x", 5000), "…"},
	}
	for _, c := range cases {
		k, err := ParseKey(c.spelling)
		if err == nil || k != "" {
			t.Errorf("ParseKey(%q) = %q, %v; want an error and no key", c.spelling, k, err)
			continue
		}
		if !strings.Contains(err.Error(), c.says) {
			t.Errorf("ParseKey(%q): %q; it should say %q", c.spelling, err, c.says)
		}
		checkOneLine(t, err)
	}
}

// checkOneLine wants a message that is one line, cannot steer a terminal and is not endless.
func checkOneLine(t *testing.T, err error) {
	t.Helper()
	s := err.Error()
	if len(s) > 700 {
		t.Errorf("a message of %d bytes: %.80q", len(s), s)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			t.Fatalf("a message holds %U: %q", r, s)
		}
	}
}

func TestKeysMade(t *testing.T) {
	cases := []struct{ got, want Key }{
		{Char('q'), "q"}, {Char(' '), Space}, {Char('\t'), ""}, {Char(0), ""}, {Char(0x7f), ""}, {Char(-1), ""},
		{Char(0x202e), ""}, {Char('ß'), "ß"},
		{Ctrl('d'), "Ctrl-D"}, {Ctrl('D'), "Ctrl-D"}, {Ctrl('1'), ""}, {Ctrl('['), ""}, {Ctrl('`'), ""},
		{Ctrl('{'), ""},
		{F(1), "F1"}, {F(12), "F12"}, {F(0), ""}, {F(13), ""},
	}
	for i, c := range cases {
		if c.got != c.want {
			t.Errorf("case %d: %q, want %q", i, c.got, c.want)
		}
	}
	for k, want := range map[Key]bool{"q": true, "é": true, Space: true, Enter: false, "F1": false, "Ctrl-D": false, "": false} {
		if k.IsText() != want {
			t.Errorf("%q.IsText() = %v", k, !want)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	for _, s := range []string{"q", "ctrl+d", "<C-d>", "^", "f5", "\x1b", "Shift-Tab", "é", "f99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := ParseKey(s)
		if (err == nil) == (k == "") {
			t.Fatalf("ParseKey(%q) = %q, %v: a key or an error, never both", s, k, err)
		}
		if err != nil {
			checkOneLine(t, err)
			return
		}
		if again, err := ParseKey(string(k)); err != nil || again != k {
			t.Fatalf("%q is spelled %q, which is read as %q, %v", s, k, again, err)
		}
	})
}

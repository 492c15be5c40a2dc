package keymap

// How a key is spelled, and what spellings are taken.

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Key is a key of the keyboard in its one canonical spelling: a character as itself ("q", "S", "/"), the
// others by name ("Space", "Enter", "PgUp", "F5", "Ctrl-D", "Shift-Tab"). The zero Key is none.
type Key string

// The keys that have names. F1 to F12 and Ctrl-A to Ctrl-Z are made by F and Ctrl.
const (
	Space     Key = "Space"
	Enter     Key = "Enter"
	Esc       Key = "Esc"
	Tab       Key = "Tab"
	ShiftTab  Key = "Shift-Tab"
	Up        Key = "Up"
	Down      Key = "Down"
	Left      Key = "Left"
	Right     Key = "Right"
	PgUp      Key = "PgUp"
	PgDn      Key = "PgDn"
	Home      Key = "Home"
	End       Key = "End"
	Insert    Key = "Insert"
	Delete    Key = "Delete"
	Backspace Key = "Backspace"
)

// keyNames are the named keys in the order in which messages list them, each with the further spellings
// that are taken, folded by foldKey.
var keyNames = []struct {
	key  Key
	also []string
}{
	{Space, []string{"spc", "spacebar"}},
	{Enter, []string{"return", "ret", "cr"}},
	{Esc, []string{"escape"}},
	{Tab, nil},
	{ShiftTab, []string{"backtab", "stab"}},
	{Up, []string{"uparrow", "arrowup"}},
	{Down, []string{"downarrow", "arrowdown"}},
	{Left, []string{"leftarrow", "arrowleft"}},
	{Right, []string{"rightarrow", "arrowright"}},
	{PgUp, []string{"pageup", "prior"}},
	{PgDn, []string{"pagedown", "pgdown", "next"}},
	{Home, nil},
	{End, nil},
	{Insert, []string{"ins"}},
	{Delete, []string{"del"}},
	{Backspace, []string{"bs", "bspace"}},
}

// maxF is the last function key that terminals agree about.
const maxF = 12

// Char is the key that types r, or "" when no key does: control characters, and marks that join another.
func Char(r rune) Key {
	switch {
	case r == ' ':
		return Space
	case r == utf8.RuneError || !unicode.IsPrint(r) || unicode.Is(unicode.M, r):
		return ""
	}
	return Key(r)
}

// Ctrl is the key of Ctrl with a letter, or "" for what is no letter from a to z.
func Ctrl(letter rune) Key {
	switch {
	case letter >= 'a' && letter <= 'z':
		letter -= 'a' - 'A'
	case letter < 'A' || letter > 'Z':
		return ""
	}
	return "Ctrl-" + Key(letter)
}

// F is the function key n, or "" when n is not from 1 to 12.
func F(n int) Key {
	if n < 1 || n > maxF {
		return ""
	}
	return Key("F" + strconv.Itoa(n))
}

// IsText says whether the key types a character: where a line is typed, it types itself and means nothing
// else.
func (k Key) IsText() bool {
	return k == Space || k != "" && utf8.RuneCountInString(string(k)) == 1
}

// sameByte are control keys that send the very byte another key sends.
var sameByte = map[Key]Key{"Ctrl-I": Tab, "Ctrl-M": Enter, "Ctrl-H": Backspace}

// ParseKey takes a key in the usual spellings (ctrl+d, C-d, ^D, <C-d>, space, escape, return, f5,
// page-up, shift-s) and gives the canonical one. The error is one line that says what is allowed.
func ParseKey(spelling string) (Key, error) {
	if k, ok := parseCtrl(spelling); ok {
		if same, ok := sameByte[k]; ok {
			return "", fmt.Errorf("%s is not a key of its own: a terminal sends %s for it; write %s", k, same, same)
		}
		return k, nil
	}
	if k, ok := parsePlain(spelling); ok {
		return k, nil
	}
	if inner, ok := strings.CutPrefix(spelling, "<"); ok {
		if inner, ok := strings.CutSuffix(inner, ">"); ok && !strings.HasPrefix(inner, "<") && inner != "" {
			return ParseKey(inner)
		}
	}
	return "", fmt.Errorf("%s is not a key; allowed are %s", quote(spelling), allowedKeys())
}

// parsePlain takes a character, a name or a function key.
func parsePlain(s string) (Key, bool) {
	if r, size := utf8.DecodeRuneInString(s); size == len(s) && size > 0 {
		k := Char(r)
		return k, k != ""
	}
	if len(s) > 16 {
		return "", false
	}
	folded := foldKey(s)
	for _, name := range keyNames {
		if foldKey(string(name.key)) == folded || slices.Contains(name.also, folded) {
			return name.key, true
		}
	}
	if digits, ok := strings.CutPrefix(folded, "f"); ok && digits != "" && digits[0] != '0' {
		if n, err := strconv.Atoi(digits); err == nil {
			k := F(n)
			return k, k != ""
		}
	}
	if letter, ok := strings.CutPrefix(folded, "shift"); ok && len(letter) == 1 && letter[0] >= 'a' && letter[0] <= 'z' {
		return Key(strings.ToUpper(letter)), true
	}
	return "", false
}

func parseCtrl(s string) (Key, bool) {
	lower := strings.ToLower(s)
	for _, prefix := range []string{"^", "ctrl-", "ctrl+", "control-", "control+", "c-", "c+"} {
		letter, ok := strings.CutPrefix(lower, prefix)
		if ok && len(letter) == 1 {
			k := Ctrl(rune(letter[0]))
			return k, k != ""
		}
	}
	return "", false
}

func foldKey(s string) string {
	return strings.NewReplacer("-", "", "_", "", "+", "", " ", "").Replace(strings.ToLower(s))
}

func allowedKeys() string {
	var b strings.Builder
	b.WriteString("one character")
	for _, name := range keyNames {
		b.WriteString(", " + string(name.key))
	}
	fmt.Fprintf(&b, ", F1 to F%d and Ctrl-A to Ctrl-Z", maxF)
	return b.String()
}

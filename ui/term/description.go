// What the terminal understands: $TERM looked up in tcell's tables, and made to ask for no more than a
// borrower should.

package term

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/gdamore/tcell/v2/terminfo"

	"sockview/model"
)

// ErrIncapable means that a terminal of this type cannot be drawn on. Its text is one line that says what
// to set.
var ErrIncapable = errors.New("this terminal cannot show a screen")

// description is a terminal's abilities as this program uses them.
type description struct {
	info *terminfo.Terminfo // a copy; tcell writes into it
	sync bool               // takes synchronized output (mode 2026), or ignores it
	clip clipboard
}

// clipboard is how a terminal is handed text for the person's clipboard (OSC 52).
type clipboard int

const (
	clipNone   clipboard = iota
	clipOSC              // as it is
	clipScreen           // through GNU screen, in its own wrapping
)

// describe finds the description for the kind of terminal that $TERM names. tcell's own way would run
// infocmp for a name that is not in its tables, and exit when that fails.
func describe(name string, getenv func(string) string, noColor bool) (description, error) {
	if cannotAddress(name) {
		return description{}, fmt.Errorf("%w: TERM is %q; set it to what your terminal is, for example TERM=xterm",
			ErrIncapable, model.SafeText(name).String())
	}
	found, ok := lookUp(name)
	if !ok {
		found = plain()
	}
	xterm := found.XTermLike || strings.HasPrefix(name, "foot")
	d := description{info: borrowed(found), sync: xterm}
	switch {
	case getenv("STY") != "" && strings.HasPrefix(name, "screen"):
		d.clip = clipScreen
	case xterm || getenv("TMUX") != "":
		d.clip = clipOSC
	}
	if noColor {
		withoutColor(d.info)
	}
	return d, nil
}

// cannotAddress lists the types that cannot place a cursor, those that are no type at all (terminfo's
// "generic" ones), and the families that speak something else than ECMA-48.
func cannotAddress(name string) bool {
	switch name {
	case "dumb", "unknown", "network", "dialup", "switch", "ethernet", "printer", "emacs":
		return true
	}
	for _, family := range []string{"dumb-", "vt52", "wy", "tvi", "adm", "hp2", "h19", "ibm31", "tek"} {
		if strings.HasPrefix(name, family) {
			return true
		}
	}
	return false
}

// lookUp finds name, or what it is a variant of: a type is named from the general to the special, as in
// screen.xterm-256color.
func lookUp(name string) (*terminfo.Terminfo, bool) {
	for name != "" {
		if ti, err := terminfo.LookupTerminfo(name); err == nil {
			return ti, true
		}
		name = name[:max(strings.LastIndexAny(name, "-.+"), 0)]
	}
	return nil, false
}

// plain is for a type that nobody knows, or that is not said. What is met on Linux today speaks ECMA-48;
// the private modes (?...) are ignored by what does not have them.
func plain() *terminfo.Terminfo {
	return &terminfo.Terminfo{
		Name: "plain", Columns: 80, Lines: 24, Colors: 8, AutoMargin: true,
		Clear: "\x1b[H\x1b[2J", SetCursor: "\x1b[%i%p1%d;%p2%dH",
		AttrOff: "\x1b[m", Bold: "\x1b[1m", Underline: "\x1b[4m", Reverse: "\x1b[7m",
		SetFg: "\x1b[3%p1%dm", SetBg: "\x1b[4%p1%dm", ResetFgBg: "\x1b[39;49m",
		EnterCA: "\x1b[?1049h", ExitCA: "\x1b[?1049l",
		EnableAutoMargin: "\x1b[?7h", DisableAutoMargin: "\x1b[?7l",
	}
}

// borrowed is a copy of ti that changes less of the terminal and says it in fewer bytes.
func borrowed(ti *terminfo.Terminfo) *terminfo.Terminfo {
	b := *ti
	// Pauses for the mechanics of 1978, 5 ms for each move of the cursor on a vt100.
	padding := regexp.MustCompile(`\$<[^>]*>`)
	for v, i := reflect.ValueOf(&b).Elem(), 0; i < v.NumField(); i++ {
		if f := v.Field(i); f.Kind() == reflect.String {
			f.SetString(padding.ReplaceAllString(f.String(), ""))
		}
	}
	// Other forms of these also set the cursor's blinking, size or colour, which nothing sets back.
	b.ShowCursor, b.HideCursor = "\x1b[?25h", "\x1b[?25l"
	// The line drawing character set is never used: a character goes out as UTF-8 or as ASCII. So no
	// need to leave that set with each change of colour.
	b.AltChars, b.EnterAcs, b.ExitAcs, b.EnableAcs = "", "", "", ""
	b.AttrOff = strings.TrimPrefix(strings.TrimSuffix(b.AttrOff, "\x0f"), "\x1b(B")
	// By these two tcell would set the window's title, three keyboard protocols, and send 16 bytes of
	// synchronized output with the smallest change. line does that for large ones.
	b.Name, b.XTermLike = "borrowed "+b.Name, false
	return &b
}

func withoutColor(ti *terminfo.Terminfo) {
	ti.Colors = 0
	ti.SetFg, ti.SetBg, ti.SetFgBg, ti.ResetFgBg = "", "", "", ""
	ti.SetFgRGB, ti.SetBgRGB, ti.SetFgBgRGB, ti.TrueColor = "", "", "", false
}

// Synchronized output: the terminal shows what comes between the two at once.
const (
	beginSync = "\x1b[?2026h"
	endSync   = "\x1b[?2026l"
)

// farewell is what puts the screen back when tcell's own did not get through. It opens with CAN, which ends
// an escape sequence that was cut off in the middle. alternate: tcell was let use the alternate screen.
func (d description) farewell(alternate bool) string {
	ti := d.info
	s := "\x18"
	if d.sync {
		s += endSync
	}
	if ti.Mouse != "" {
		s += "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l" + "\x1b[?2004l" + "\x1b[?1004l"
	}
	s += ti.ShowCursor + ti.ResetFgBg + ti.AttrOff + ti.ExitKeypad + ti.EnableAutoMargin
	switch {
	case !alternate:
	case ti.ExitCA != "":
		s += ti.ExitCA
	default:
		s += ti.Clear
	}
	return s
}

// sequence is what hands content to the clipboard; empty when the terminal takes none.
func (c clipboard) sequence(content []byte) string {
	if c == clipNone {
		return ""
	}
	osc := "\x1b]52;c;" + base64.StdEncoding.EncodeToString(content) + "\a"
	if c == clipOSC {
		return osc
	}
	const most = 512 // GNU screen drops a string longer than 768 bytes
	var s strings.Builder
	for len(osc) > 0 {
		n := min(most, len(osc))
		s.WriteString("\x1bP" + osc[:n] + "\x1b\\")
		osc = osc[n:]
	}
	return s.String()
}

package keymap

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// conflicts finds every key with two meanings in one context, by brute force.
func conflicts(m Map) []string {
	var found []string
	for _, ctx := range Contexts() {
		meaning := map[Key]Action{}
		for _, row := range m.rows {
			if !slices.Contains(ctx.within(), row.Context) {
				continue
			}
			for _, k := range row.Keys {
				if other, taken := meaning[k]; taken {
					found = append(found, string(ctx)+": "+string(k)+" is "+string(other)+" and "+string(row.Action))
				}
				meaning[k] = row.Action
			}
		}
	}
	return found
}

func TestNoKeyHasTwoMeanings(t *testing.T) {
	if found := conflicts(Default()); len(found) > 0 {
		t.Error(strings.Join(found, "\n"))
	}
	twice := Map{[]Binding{
		{Action: Quit, Context: Screen, Keys: []Key{"q"}}, {Action: Kill, Context: Target, Keys: []Key{"q"}},
	}}
	if len(conflicts(twice)) == 0 {
		t.Error("the check finds no conflict where there is one")
	}
}

func TestEveryRowIsWhole(t *testing.T) {
	actions, flags, shorts := map[Action]bool{}, map[string]bool{}, map[string]bool{}
	for _, row := range Default().Bindings() {
		name := row.Action
		if actions[row.Action] {
			t.Errorf("%s: two rows", name)
		}
		actions[row.Action] = true
		if len(row.Keys) == 0 && row.Flag == "" {
			t.Errorf("%s: neither key nor flag", name)
		}
		if (len(row.Keys) > 0) != (row.Context != "") {
			t.Errorf("%s: keys %v and context %q", name, row.Keys, row.Context)
		}
		if !slices.Contains(Groups(), row.Group) {
			t.Errorf("%s: group %q", name, row.Group)
		}
		for _, help := range []string{row.Help, row.flagHelp()} {
			if help == "" || len(help) > 58 || strings.HasSuffix(help, ".") || strings.Contains(help, "\n") {
				t.Errorf("%s: help %q is not one short line", name, help)
			}
		}
		for _, k := range row.Keys {
			if canonical, err := ParseKey(string(k)); err != nil || canonical != k {
				t.Errorf("%s: key %q is not in its canonical spelling: %q, %v", name, k, canonical, err)
			}
			if row.Context.Typing() && k.IsText() {
				t.Errorf("%s: key %q is typed there", name, k)
			}
		}
		for _, k := range row.fixed {
			if !slices.Contains(row.Keys, k) {
				t.Errorf("%s: fixed key %s is not among its keys", name, k)
			}
		}
		if row.Flag != "" {
			if flags[row.Flag] || row.Short != "" && shorts[row.Short] {
				t.Errorf("%s: flag --%s -%s twice", name, row.Flag, row.Short)
			}
			flags[row.Flag], shorts[row.Short] = true, true
			for _, also := range row.Also {
				if flags[also] || shorts[also] {
					t.Errorf("%s: %q is another flag's", name, also)
				}
				flags[also], shorts[also] = true, true
			}
			if row.set == nil || (row.Arg == "") != (row.Allowed == "") {
				t.Errorf("%s: --%s: no setter, or a value without what is allowed", name, row.Flag)
			}
			if len(row.Flag) < 2 || len(row.Short) > 1 || row.optional != nil && row.Arg == "" {
				t.Errorf("%s: --%s -%s: a long flag, a letter, and only a value may be left out", name, row.Flag, row.Short)
			}
		}
		if row.Screen != "" && !slices.Contains(Screens(), row.Screen) {
			t.Errorf("%s: no screen is %s", name, row.Screen)
		}
		if row.Footer > 0 && (len(row.Title) < 2 || len(row.Title) > 6 || len(row.Keys) == 0) {
			t.Errorf("%s: title %q in the footer", name, row.Title)
		}
	}
}

func TestEverySymbolHasALetterOrFKey(t *testing.T) {
	for _, row := range Default().Bindings() {
		symbol, easy := false, false
		for _, k := range row.Keys {
			r, _ := utf8.DecodeRuneInString(string(k))
			switch {
			case !k.IsText():
				easy = easy || k[0] == 'F' && len(k) > 1
			case k == Space:
				symbol = true
			case unicode.IsLetter(r):
				easy = true
			case !unicode.IsDigit(r): // every keyboard has digits where one expects them
				symbol = true
			}
		}
		if symbol && !easy {
			t.Errorf("%s: %v has neither letter nor F-key", row.Action, row.Keys)
		}
	}
}

func TestAction(t *testing.T) {
	cases := []struct {
		ctx  Context
		keys string
		want Action // "" means nothing
	}{
		{Sockets, "q F10", Quit}, {Sockets, "Ctrl-C", Interrupt}, {Sockets, "? h F1", Help},
		{Sockets, "/ f F4", FilterRows},
		{Sockets, "t", ToggleTCP}, {Sockets, "u", ToggleUDP}, {Sockets, "i", Family}, {Sockets, "l", Listening},
		{Sockets, "a", ShowAll}, {Sockets, "n", Numeric}, {Sockets, "s F6", Sort}, {Sockets, "S", SortReverse},
		{Sockets, "< F7", SortPrevious}, {Sockets, "> F8", SortNext}, {Sockets, "K F9", Kill},
		{Sockets, "x", Close},
		{Sockets, "m", MarkRow}, {Sockets, "M", UnmarkAll}, {Sockets, "c", Copy}, {Sockets, "e", Export},
		{Sockets, "C F2", Columns}, {Sockets, "# b", CountBy}, {Sockets, "Space p", Pause},
		{Sockets, "F5 R", SampleNow},
		{Sockets, "+ D", IntervalLonger}, {Sockets, "- d", IntervalShorter}, {Sockets, "Enter", Open},
		{Sockets, "Esc Backspace", Back}, {Sockets, "1", ScreenSockets}, {Sockets, "2", ScreenProcesses},
		{Sockets, "3", ScreenHosts}, {Sockets, "4", ScreenCount}, {Sockets, "Tab", ScreenNext},
		{Sockets, "5", ScreenUnix}, {Sockets, "6", ScreenInterfaces}, {Sockets, "7 r", ScreenRoutes},
		{Sockets, "8", ScreenStatistics}, {Sockets, "9", ScreenGroups}, {Sockets, "0", ScreenNAT},
		{Sockets, "w", ToggleRaw}, {Sockets, "U", ToggleUDPLite}, {Sockets, "z", HideUnchanged},
		{Sockets, "Shift-Tab", ScreenPrevious},
		{Sockets, "j Down", MoveDown}, {Sockets, "k Up", MoveUp}, {Sockets, "g Home", MoveTop},
		{Sockets, "G End", MoveBottom},
		{Sockets, "Ctrl-D", HalfPageDown}, {Sockets, "Ctrl-U", HalfPageUp}, {Sockets, "PgUp", PageUp},
		{Sockets, "PgDn", PageDown},
		{Sockets, "Left", ScrollLeft}, {Sockets, "Right", ScrollRight}, {Sockets, "Ctrl-Z", Suspend},
		{Sockets, "Ctrl-L", Redraw},
		{Sockets, "y o O", ""}, {Sockets, "N", NetNS}, {Table, "N", NetNS}, {Details, "N", NetNS},
		{Table, "t w U K x", ""}, {Table, "z", HideUnchanged}, {Table, "r", ScreenRoutes}, {Table, "0", ScreenNAT}, {Table, "s", Sort}, {Table, "j", MoveDown},
		{Details, "K", Kill}, {Details, "x", Close}, {Details, "c", Copy}, {Details, "s / t", ""},
		{Details, "q", Quit}, {Details, "Esc", Back},
		{HelpScreen, "q Esc", Cancel}, {HelpScreen, "? h", HelpClose}, {HelpScreen, "j", MoveDown},
		{HelpScreen, "K 2", ""},
		{Dialog, "y Y", Yes}, {Dialog, "n N", No}, {Dialog, "Esc q", Cancel}, {Dialog, "Enter", DialogAccept},
		{Dialog, "Tab", DialogNext},
		{Dialog, "K x 1 s t F5", ""}, {Dialog, "j", MoveDown}, {Dialog, "Ctrl-C", Interrupt},
		{Dialog, "Ctrl-Z", Suspend},
		{Picker, "Enter", Choose}, {Picker, "Space", Toggle}, {Picker, "K q2", ""}, {Picker, "q", Cancel},
		{FilterLine, "q j K Space ? y / é", ""}, {FilterLine, "Enter", FilterAccept},
		{FilterLine, "Esc", FilterClear},
		{FilterLine, "Tab", FilterComplete}, {FilterLine, "Ctrl-C", Interrupt},
		{FilterLine, "Home Left Backspace Ctrl-U", ""},
		{Prompt, "y q Space", ""}, {Prompt, "Enter", PromptAccept}, {Prompt, "Esc", PromptCancel},
		{"nowhere", "Ctrl-C", Interrupt}, {"nowhere", "q", ""},
	}
	m := Default()
	for _, c := range cases {
		for _, k := range strings.Fields(c.keys) {
			if a, ok := m.Action(c.ctx, Key(k)); a != c.want || ok != (c.want != "") {
				t.Errorf("%s in %s is %q, want %q", k, c.ctx, a, c.want)
			}
		}
	}
}

// Every key of every row does what the row says somewhere, so that no row is out of reach.
func TestEveryKeyIsReached(t *testing.T) {
	m := Default()
	for _, row := range m.Bindings() {
		for _, k := range row.Keys {
			reached := slices.ContainsFunc(Contexts(), func(ctx Context) bool {
				a, ok := m.Action(ctx, k)
				return ok && a == row.Action
			})
			if !reached {
				t.Errorf("%s: %s does it in no context", row.Action, k)
			}
		}
		if !slices.Equal(m.Keys(row.Action), row.Keys) {
			t.Errorf("%s: Keys is %v", row.Action, m.Keys(row.Action))
		}
	}
	if m.Keys("no such") != nil {
		t.Error("keys of an action that is none")
	}
}

func TestFooter(t *testing.T) {
	m := Default()
	line := ""
	for _, e := range m.Footer(Sockets)[:6] {
		line += string(e.Key) + " " + e.Title + "  "
	}
	if want := "? help  / filter  s sort  K kill  x close  q quit  "; line != want {
		t.Errorf("footer %q, want %q", line, want)
	}
	for _, ctx := range Contexts() {
		entries := m.Footer(ctx)
		if len(entries) == 0 {
			t.Errorf("%s has no footer", ctx)
		}
		places := map[int]Action{}
		for _, e := range entries {
			if a, ok := m.Action(ctx, e.Key); !ok || a != e.Action {
				t.Errorf("%s: the footer's %s %s does %q", ctx, e.Key, e.Title, a)
			}
			row, _ := m.Binding(e.Action)
			if other, taken := places[row.Footer]; taken {
				t.Errorf("%s: %s and %s at the same place", ctx, other, e.Action)
			}
			places[row.Footer] = e.Action
		}
	}
}

func TestHelpSections(t *testing.T) {
	m := Default()
	for _, ctx := range append(Contexts(), "") {
		seen := map[Action]bool{}
		for _, s := range m.Help(ctx) {
			for _, row := range s.Bindings {
				seen[row.Action] = row.Group == s.Group && len(row.Keys) > 0
			}
		}
		for _, row := range m.Bindings() {
			works := len(row.Keys) > 0 && (ctx == "" || slices.Contains(ctx.within(), row.Context))
			if works != seen[row.Action] {
				t.Errorf("help of %q: %s is there: %v", ctx, row.Action, seen[row.Action])
			}
		}
	}
}

func TestScreenAction(t *testing.T) {
	m := Default()
	for i, name := range Screens() {
		a, ok := m.ScreenAction(name)
		if !ok || m.Keys(a)[0] != Key("1234567890PH"[i]) {
			t.Errorf("screen %s: %q, keys %v", name, a, m.Keys(a))
		}
	}
	want := "sockets processes hosts count unix interfaces routes statistics groups nat containers history"
	if got := strings.Join(Screens(), " "); got != want {
		t.Errorf("screens %s, want %s", got, want)
	}
	if err := m.Rebind(ScreenInterfaces, nil); err != nil {
		t.Fatal(err)
	}
	if a, _ := m.ScreenAction("interfaces"); a != ScreenInterfaces {
		t.Errorf("without a key interfaces are opened by %s", a)
	}
	if a, ok := m.ScreenAction(""); ok {
		t.Errorf("no name opens %s", a)
	}
}

func TestRebind(t *testing.T) {
	m := Default()
	before := m
	if err := m.Rebind(Sort, []Key{"o", "ctrl+s", "o"}); err != nil {
		t.Fatal(err)
	}
	if got, want := m.Keys(Sort), []Key{"o", "Ctrl-S"}; !slices.Equal(got, want) {
		t.Errorf("sort is %v, want %v", got, want)
	}
	if a, ok := m.Action(Sockets, "s"); ok {
		t.Errorf("s is still %s", a)
	}
	if a, _ := m.Action(Sockets, "Ctrl-S"); a != Sort {
		t.Errorf("Ctrl-S is %q", a)
	}
	if a, _ := before.Action(Sockets, "s"); a != Sort {
		t.Error("rebinding changed a copy made before")
	}
	if i := slices.IndexFunc(m.Footer(Sockets), func(e FooterEntry) bool { return e.Key == "o" && e.Title == "sort" }); i < 0 {
		t.Error("the footer does not show the new key")
	}
	if err := m.Rebind(Kill, nil); err != nil || len(m.Keys(Kill)) != 0 {
		t.Errorf("kill cannot be taken off the keyboard: %v, %v", err, m.Keys(Kill))
	}
	if err := m.Rebind(Back, []Key{"Z"}); err != nil || !slices.Equal(m.Keys(Back), []Key{"Z", Esc}) {
		t.Errorf("back lost Esc: %v, %v", err, m.Keys(Back))
	}
	if err := m.Rebind(Interrupt, nil); err != nil || !slices.Equal(m.Keys(Interrupt), []Key{"Ctrl-C"}) {
		t.Errorf("interrupt lost Ctrl-C: %v, %v", err, m.Keys(Interrupt))
	}
	// a global action may get a letter, which is typed all the same where a line is
	if err := m.Rebind(Redraw, []Key{"O"}); err != nil {
		t.Error(err)
	}
	if a, ok := m.Action(FilterLine, "O"); ok {
		t.Errorf("O in the filter line is %s", a)
	}
	if a, _ := m.Action(Dialog, "O"); a != Redraw {
		t.Errorf("O in a dialog is %q", a)
	}
	// the same letter may mean another thing in a dialog
	if err := m.Rebind(Quit, []Key{"y"}); err != nil {
		t.Error(err)
	}
	if found := conflicts(m); len(found) > 0 {
		t.Error(found)
	}
}

func TestRebindRefuses(t *testing.T) {
	cases := []struct {
		action Action
		keys   []Key
		says   string
		key    Key
	}{
		{Sort, []Key{"q"}, "sort: key q is already quit; free letters are ", "q"},
		{Sort, []Key{"o", "C-c"}, "sort: key Ctrl-C is already interrupt", "Ctrl-C"},
		{Kill, []Key{"esc"}, "kill: key Esc is already back", Esc},
		{Redraw, []Key{"Esc"}, "redraw: key Esc is already back", Esc},
		{MoveUp, []Key{"y"}, "up: key y is already yes", "y"},
		{Quit, nil, "quit: it must have a key", ""},
		{Yes, nil, "yes: it must have a key", ""},
		{Sort, []Key{"f1x"}, `sort: "f1x" is not a key; allowed are`, "f1x"},
		{Sort, []Key{"\x1b[2J"}, `sort: "\x1b[2J" is not a key`, "\x1b[2J"},
		{FilterAccept, []Key{"x"}, "filter-accept: key x is typed there", "x"},
		{PromptCancel, []Key{Space}, "key Space is typed there", Space},
		{"sotr", []Key{"o"}, `no such action: "sotr"; did you mean sort?`, ""},
		{"a\x1b\nb", []Key{"o"}, "allowed are up, down, ", ""},
		{Config, []Key{"o"}, "config: it has no keys; it is the flag --config", ""},
		{PanicTest, []Key{"o"}, "no such action", ""},
	}
	for _, c := range cases {
		m := Default()
		err := m.Rebind(c.action, c.keys)
		var bind *BindError
		if !errors.As(err, &bind) {
			t.Errorf("%s to %q: %v", c.action, c.keys, err)
			continue
		}
		if !strings.Contains(bind.Error(), c.says) || bind.Key != c.key || bind.Action != c.action {
			t.Errorf("%s to %q: %+v; it should say %q", c.action, c.keys, bind, c.says)
		}
		if len(bind.Reason) < 700 { // the list of all actions is long
			checkOneLine(t, bind)
		}
		for _, row := range Default().Bindings() {
			if !slices.Equal(m.Keys(row.Action), row.Keys) {
				t.Errorf("a refused rebinding changed %s", row.Action)
			}
		}
	}
}

func TestWithSwaps(t *testing.T) {
	m, err := Default().With(map[Action][]Key{Sort: {"f"}, FilterRows: {"s", "/"}})
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range map[Key]Action{"f": Sort, "s": FilterRows, "/": FilterRows} {
		if a, _ := m.Action(Sockets, k); a != want {
			t.Errorf("%s is %q, want %s", k, a, want)
		}
	}
	cases := []struct {
		changes map[Action][]Key
		blame   Action
	}{
		{map[Action][]Key{Sort: {"o"}, FilterRows: {"o"}}, FilterRows},
		{map[Action][]Key{Back: {"Z"}, Sort: {Esc}}, Sort}, // Esc stays with back
		{map[Action][]Key{Sort: {"o"}, Kill: {"q"}}, Kill},
	}
	for _, c := range cases {
		m, err := Default().With(c.changes)
		var bind *BindError
		if !errors.As(err, &bind) || bind.Action != c.blame {
			t.Errorf("%v: %v; %s is to blame", c.changes, err, c.blame)
		}
		if !slices.Equal(m.Keys(Sort), []Key{"s", "F6"}) {
			t.Errorf("%v: half of it was done", c.changes)
		}
	}
}

// Nothing handed out leads back into the Map.
func TestMapIsNotShared(t *testing.T) {
	m := Default()
	m.Bindings()[0].Keys[0] = "w"
	m.Keys(MoveUp)[0] = "w"
	row, _ := m.Binding(MoveUp)
	row.Keys[0] = "w"
	m.Help("")[0].Bindings[0].Keys[0] = "w"
	if want := Default().Keys(MoveUp); !reflect.DeepEqual(m.Keys(MoveUp), want) {
		t.Errorf("keys %v, want %v", m.Keys(MoveUp), want)
	}
}

package keymap

// What a row of the table is: an action, where it can be asked for, and how.

import (
	"slices"
	"strings"
)

// Action is what a user can ask for, in kebab-case. The config rebinds actions by these names.
type Action string

// The actions. What each does is said by its row in table.go.
const (
	MoveUp       Action = "up"
	MoveDown     Action = "down"
	HalfPageUp   Action = "half-page-up"
	HalfPageDown Action = "half-page-down"
	PageUp       Action = "page-up"
	PageDown     Action = "page-down"
	MoveTop      Action = "top"
	MoveBottom   Action = "bottom"
	ScrollLeft   Action = "scroll-left"
	ScrollRight  Action = "scroll-right"
	Open         Action = "open"
	Back         Action = "back"

	ToggleTCP Action = "tcp"
	ToggleUDP Action = "udp"
	Family    Action = "family"
	OnlyIPv4  Action = "ipv4"
	OnlyIPv6  Action = "ipv6"
	Listening Action = "listening"
	ShowAll   Action = "all"
	Numeric   Action = "numeric"
	Names     Action = "names"
	Columns   Action = "columns"

	FilterRows   Action = "filter"
	Sort         Action = "sort"
	SortPrevious Action = "sort-previous"
	SortNext     Action = "sort-next"
	SortReverse  Action = "sort-reverse"
	CountBy      Action = "count"

	Kill      Action = "kill"
	Close     Action = "close"
	MarkRow   Action = "mark"
	UnmarkAll Action = "unmark-all"
	Copy      Action = "copy"
	Export    Action = "export"

	Pause           Action = "pause"
	SampleNow       Action = "sample-now"
	IntervalLonger  Action = "interval-longer"
	IntervalShorter Action = "interval-shorter"
	Interval        Action = "interval"
	Hold            Action = "hold"
	NetNS           Action = "netns"

	Once Action = "once"
	JSON Action = "json"
	CSV  Action = "csv"
	Top  Action = "first-rows"

	ScreenSockets   Action = "screen-sockets"
	ScreenProcesses Action = "screen-processes"
	ScreenHosts     Action = "screen-hosts"
	ScreenCount     Action = "screen-count"
	ScreenNext      Action = "screen-next"
	ScreenPrevious  Action = "screen-previous"
	ScreenNamed     Action = "screen"

	Help      Action = "help"
	Version   Action = "version"
	Mouse     Action = "mouse"
	Theme     Action = "theme"
	NoColor   Action = "no-color"
	ASCII     Action = "ascii"
	Config    Action = "config"
	Redraw    Action = "redraw"
	Suspend   Action = "suspend"
	Quit      Action = "quit"
	Interrupt Action = "interrupt"
	PanicTest Action = "panic"

	Cancel         Action = "cancel"
	HelpClose      Action = "help-close"
	Yes            Action = "yes"
	No             Action = "no"
	DialogAccept   Action = "dialog-accept"
	DialogNext     Action = "dialog-next"
	DialogPrevious Action = "dialog-previous"
	Choose         Action = "choose"
	Toggle         Action = "toggle"
	FilterAccept   Action = "filter-accept"
	FilterClear    Action = "filter-clear"
	FilterComplete Action = "filter-complete"
	PromptAccept   Action = "prompt-accept"
	PromptCancel   Action = "prompt-cancel"
)

// Context is where a key is pressed, so that a letter may mean one thing in a table and another in a
// dialog. A key that means nothing in its own context is looked up in the wider ones (see within). The
// zero Context belongs to rows that are flags only.
type Context string

// The contexts that the screen is in. Only these need to be asked for; the wider ones below are what
// they share.
const (
	Sockets    Context = "sockets"     // a table of sockets or of what is counted from them: all four screens
	Table      Context = "table"       // any other table
	Details    Context = "details"     // everything about one row
	HelpScreen Context = "help"        // the help screen, over anything
	Picker     Context = "picker"      // a list to choose from: columns, a sort column
	Dialog     Context = "dialog"      // a question with y/N
	FilterLine Context = "filter-line" // the filter is typed
	Prompt     Context = "prompt"      // another line is typed: a file's name, a confirmation
)

// What contexts share.
const (
	Global  Context = "global"  // everywhere, over a dialog and while typing too
	Screen  Context = "screen"  // wherever no dialog is open
	Target  Context = "target"  // where a socket or process is in hand: Sockets and Details
	List    Context = "list"    // whatever has lines to move over
	Overlay Context = "overlay" // whatever lies over a screen: help, pickers, dialogs
)

// Contexts are those the screen can be in.
func Contexts() []Context {
	return []Context{Sockets, Table, Details, HelpScreen, Picker, Dialog, FilterLine, Prompt}
}

// within lists the contexts whose keys work in c, c first. A dialog takes nothing from the screen under it:
// a key meant for the one must not reach the other.
func (c Context) within() []Context {
	switch c {
	case Sockets:
		return []Context{Sockets, Target, Table, Screen, List, Global}
	case Table:
		return []Context{Table, Screen, List, Global}
	case Details:
		return []Context{Details, Target, Screen, List, Global}
	case HelpScreen, Picker, Dialog:
		return []Context{c, Overlay, List, Global}
	}
	return []Context{c, Global}
}

// Typing says whether keys that are characters are typed into a line there, and so mean nothing else.
func (c Context) Typing() bool { return c == FilterLine || c == Prompt }

// meet says whether there is a context in which rows of a and rows of b both work.
func meet(a, b Context) bool {
	for _, c := range Contexts() {
		within := c.within()
		if slices.Contains(within, a) && slices.Contains(within, b) {
			return true
		}
	}
	return false
}

// Group is a heading of the help screen, of --help and of the README's table.
type Group string

// The groups.
const (
	GroupMove        Group = "Move"
	GroupShow        Group = "Show"
	GroupFind        Group = "Find"
	GroupAct         Group = "Act"
	GroupSample      Group = "Sample"
	GroupPrint       Group = "Print"
	GroupScreens     Group = "Screens"
	GroupApplication Group = "Application"
	GroupDialogs     Group = "Dialogs"
)

// Groups are the groups in the order in which they are listed.
func Groups() []Group {
	return []Group{GroupMove, GroupShow, GroupFind, GroupAct, GroupSample, GroupPrint, GroupScreens,
		GroupApplication, GroupDialogs}
}

// Binding is one row of the table: an action, and every way to ask for it.
type Binding struct {
	Action  Action
	Context Context // where its keys work; empty for a row that is a flag only
	Keys    []Key   // the first is the one the footer shows
	Group   Group
	Help    string // one line: what the key does, and the flag where FlagHelp is empty

	Flag     string // the long flag, without dashes
	Short    string // its letter
	Arg      string // placeholder of its value; empty: it takes none
	Allowed  string // what values are allowed, for messages
	FlagHelp string // one line: what the flag does, where that is not what the key does
	Hidden   bool   // a flag for tests, not listed

	Title  string // the footer's word, 2 to 6 letters
	Footer int    // place in the footer, from 1; 0 is not in it
	Screen string // the screen it opens, as --screen takes it

	// What the same is called elsewhere, for those who come from there.
	Netstat string // Linux, net-tools
	Windows string // netstat of Windows
	TCPView string

	fixed []Key // keys that no rebinding takes away
	last  bool  // it must keep a key
	set   func(*Options, string) error
}

// Spelling is the row's flag as --help writes it: "-t, --tcp", "    --sort COLUMN"; "" without a flag.
func (b *Binding) Spelling() string {
	if b.Flag == "" {
		return ""
	}
	var s strings.Builder
	if b.Short != "" {
		s.WriteString("-" + b.Short + ", ")
	} else {
		s.WriteString("    ")
	}
	s.WriteString("--" + b.Flag)
	if b.Arg != "" {
		s.WriteString(" " + b.Arg)
	}
	return s.String()
}

// flagHelp is the flag's line of help.
func (b *Binding) flagHelp() string {
	if b.FlagHelp != "" {
		return b.FlagHelp
	}
	return b.Help
}

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

	ToggleTCP     Action = "tcp"
	ToggleUDP     Action = "udp"
	ToggleUDPLite Action = "udplite"
	ToggleRaw     Action = "raw"
	OnlySCTP      Action = "sctp"
	OnlyUnix      Action = "unix"
	Family        Action = "family"
	OnlyIPv4      Action = "ipv4"
	OnlyIPv6      Action = "ipv6"
	Protocol      Action = "protocol"
	Listening     Action = "listening"
	ShowAll       Action = "all"

	Numeric       Action = "numeric"
	NumericHosts  Action = "numeric-hosts"
	NumericPorts  Action = "numeric-ports"
	NumericUsers  Action = "numeric-users"
	Names         Action = "names"
	Symbolic      Action = "symbolic"
	Programs      Action = "programs"
	Timers        Action = "timers"
	Extend        Action = "extend"
	Wide          Action = "wide"
	Verbose       Action = "verbose"
	Columns       Action = "columns"
	HideUnchanged Action = "hide-unchanged"

	FilterRows   Action = "filter"
	Sort         Action = "sort"
	SortPrevious Action = "sort-previous"
	SortNext     Action = "sort-next"
	SortReverse  Action = "sort-reverse"
	CountBy      Action = "count"

	OtherEnd  Action = "other-end"
	Kill      Action = "kill"
	Close     Action = "close"
	ReadOnly  Action = "read-only"
	MarkRow   Action = "mark"
	UnmarkAll Action = "unmark-all"
	Copy      Action = "copy"
	Export    Action = "export"

	Pause           Action = "pause"
	SampleNow       Action = "sample-now"
	IntervalLonger  Action = "interval-longer"
	IntervalShorter Action = "interval-shorter"
	Interval        Action = "interval"
	Continuous      Action = "continuous"
	Hold            Action = "hold"
	History         Action = "history"
	NetNS           Action = "netns"

	Once Action = "once"
	JSON Action = "json"
	CSV  Action = "csv"
	Top  Action = "first-rows"

	ScreenSockets    Action = "screen-sockets"
	ScreenProcesses  Action = "screen-processes"
	ScreenHosts      Action = "screen-hosts"
	ScreenCount      Action = "screen-count"
	ScreenUnix       Action = "screen-unix"
	ScreenInterfaces Action = "screen-interfaces"
	ScreenRoutes     Action = "screen-routes"
	ScreenStatistics Action = "screen-statistics"
	ScreenGroups     Action = "screen-groups"
	ScreenNAT        Action = "screen-nat"
	ScreenContainers Action = "screen-containers"
	ScreenHistory    Action = "screen-history"
	ScreenNext       Action = "screen-next"
	ScreenPrevious   Action = "screen-previous"
	ScreenNamed      Action = "screen"
	OneInterface     Action = "interface"
	RouteCache       Action = "route-cache"

	Help      Action = "help"
	Version   Action = "version"
	Check     Action = "check"
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
	SELinux   Action = "selinux"

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
	Sockets    Context = "sockets"     // a screen's table: what protocol, family and state narrow
	Table      Context = "table"       // a table that they do not narrow
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
	GroupTables      Group = "Tables"
	GroupSockets     Group = "Sockets"
	GroupShow        Group = "Show"
	GroupFind        Group = "Find"
	GroupAct         Group = "Act"
	GroupSample      Group = "Sample"
	GroupPrint       Group = "Print"
	GroupApplication Group = "Application"
	GroupDialogs     Group = "Dialogs"
)

// Groups are the groups in the order in which they are listed.
func Groups() []Group {
	return []Group{GroupMove, GroupTables, GroupSockets, GroupShow, GroupFind, GroupAct, GroupSample, GroupPrint,
		GroupApplication, GroupDialogs}
}

// Binding is one row of the table: an action, and every way to ask for it.
type Binding struct {
	Action  Action
	Context Context // where its keys work; empty for a row that is a flag only
	Keys    []Key   // the first is the one the footer shows
	Group   Group
	Help    string // one line: what the key does, and the flag where FlagHelp is empty

	Flag     string   // the long flag, without dashes
	Short    string   // its letter
	Also     []string // what else is taken for it and not listed: long flags, and letters
	Arg      string   // placeholder of its value; empty: it takes none
	Allowed  string   // what values are allowed, for messages
	FlagHelp string   // one line: what the flag does, where that is not what the key does
	Hidden   bool     // a flag that is not listed: for tests, or one of netstat's that is refused

	Title  string // the footer's word, 2 to 6 letters
	Footer int    // place in the footer, from 1; 0 is not in it
	Screen string // the screen that it opens, as --screen takes it; its flag opens it too

	// What the same is called elsewhere, for those who come from there.
	Netstat string // Linux, net-tools
	Windows string // netstat of Windows
	TCPView string

	fixed []Key // keys that no rebinding takes away
	last  bool  // it must keep a key
	set   func(*Options, string) error

	// Only where the value may be left out, which set is told by "": how many bytes at the beginning of what
	// follows the flag are its value.
	optional func(follows string) int
}

// Spelling is the row's flag as --help writes it: "-t, --tcp", "    --sort COLUMN", "-c, --continuous [SEC]";
// "" without a flag.
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
	switch {
	case b.optional != nil:
		s.WriteString(" [" + b.Arg + "]")
	case b.Arg != "":
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

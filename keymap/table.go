package keymap

// The table: every action with its keys, its flag and its words. Letters follow what hands know from
// netstat's flags, vim and htop; every key that is a symbol has a letter or an F-key beside it.
//
// w is kept free for raw sockets, r for routes, and the digits from 5 for the screens still to come.

import "time"

func table() []Binding {
	var rows []Binding
	for _, part := range [][]Binding{
		moveRows(), showRows(), findRows(), actRows(), sampleRows(), printRows(), screenRows(),
		applicationRows(), dialogRows(),
	} {
		rows = append(rows, part...)
	}
	return rows
}

func moveRows() []Binding {
	return []Binding{
		{Action: MoveUp, Context: List, Keys: []Key{"k", Up}, Group: GroupMove, Help: "line up"},
		{Action: MoveDown, Context: List, Keys: []Key{"j", Down}, Group: GroupMove, Help: "line down"},
		{Action: HalfPageUp, Context: List, Keys: []Key{"Ctrl-U"}, Group: GroupMove, Help: "half a page up"},
		{Action: HalfPageDown, Context: List, Keys: []Key{"Ctrl-D"}, Group: GroupMove, Help: "half a page down"},
		{Action: PageUp, Context: List, Keys: []Key{PgUp, "Ctrl-B"}, Group: GroupMove, Help: "page up"},
		{Action: PageDown, Context: List, Keys: []Key{PgDn, "Ctrl-F"}, Group: GroupMove, Help: "page down"},
		{Action: MoveTop, Context: List, Keys: []Key{"g", Home}, Group: GroupMove, Help: "first line"},
		{Action: MoveBottom, Context: List, Keys: []Key{"G", End}, Group: GroupMove, Help: "last line"},
		{Action: ScrollLeft, Context: Table, Keys: []Key{Left}, Group: GroupMove, Help: "columns to the left"},
		{Action: ScrollRight, Context: Table, Keys: []Key{Right}, Group: GroupMove, Help: "columns to the right"},
		{Action: Open, Context: Table, Keys: []Key{Enter}, Group: GroupMove,
			Help:  "all about the socket, or the sockets of the row",
			Title: "open", Footer: 7, TCPView: "Process Properties"},
		{Action: Back, Context: Screen, Keys: []Key{Esc, Backspace}, Group: GroupMove,
			Help:  "clear the filter, or go back",
			Title: "back", Footer: 13, fixed: []Key{Esc}},
	}
}

func showRows() []Binding {
	return []Binding{
		{Action: ToggleTCP, Context: Sockets, Keys: []Key{"t"}, Group: GroupShow, Help: "only TCP, and all again; with u both",
			Flag: "tcp", Short: "t", FlagHelp: "TCP sockets; with neither -t nor -u both",
			Netstat: "-t", Windows: "-p TCP", TCPView: "TCP v4, TCP v6",
			set: on(func(o *Options) *bool { return &o.TCP })},
		{Action: ToggleUDP, Context: Sockets, Keys: []Key{"u"}, Group: GroupShow, Help: "only UDP, and all again; with t both",
			Flag: "udp", Short: "u", FlagHelp: "UDP sockets",
			Netstat: "-u", Windows: "-p UDP", TCPView: "UDP v4, UDP v6",
			set: on(func(o *Options) *bool { return &o.UDP })},
		{Action: Family, Context: Sockets, Keys: []Key{"i"}, Group: GroupShow,
			Help: "next of: both families, IPv4, IPv6"},
		{Action: OnlyIPv4, Group: GroupShow, Flag: "inet", Short: "4", Help: "IPv4 sockets",
			Netstat: "-4", TCPView: "TCP v4, UDP v4",
			set: on(func(o *Options) *bool { return &o.IPv4 })},
		{Action: OnlyIPv6, Group: GroupShow, Flag: "inet6", Short: "6", Help: "IPv6 sockets",
			Netstat: "-6", Windows: "-p TCPv6", TCPView: "TCP v6, UDP v6",
			set: on(func(o *Options) *bool { return &o.IPv6 })},
		{Action: Listening, Context: Sockets, Keys: []Key{"l"}, Group: GroupShow,
			Help: "next of: all sockets, connected, listening",
			Flag: "listening", Short: "l", FlagHelp: "listening sockets only", Netstat: "-l",
			TCPView: "Show Unconnected Endpoints",
			set:     on(func(o *Options) *bool { return &o.Listening })},
		{Action: ShowAll, Context: Sockets, Keys: []Key{"a"}, Group: GroupShow,
			Help: "everything again: no filter, nothing switched off",
			Flag: "all", Short: "a", FlagHelp: "listening and connected sockets; wins over -l",
			Netstat: "-a", Windows: "-a", set: on(func(o *Options) *bool { return &o.All })},
		{Action: Numeric, Context: Screen, Keys: []Key{"n"}, Group: GroupShow,
			Help: "addresses and ports as numbers or as names",
			Flag: "numeric", Short: "n", FlagHelp: "addresses and ports as numbers (as it starts)",
			Netstat: "-n", Windows: "-n", TCPView: "Resolve Addresses",
			set: func(o *Options, _ string) error { o.Numeric, o.Names = true, false; return nil }},
		{Action: Names, Group: GroupShow, Flag: "names", Help: "hosts and services by name; the last of -n, --names wins",
			Windows: "-f", set: func(o *Options, _ string) error { o.Numeric, o.Names = false, true; return nil }},
		{Action: Columns, Context: Table, Keys: []Key{"C", "F2"}, Group: GroupShow,
			Help: "choose the columns", Title: "cols", Footer: 10,
			Flag: "columns", Arg: "A,B,C", Allowed: "columns' names, with commas between them",
			FlagHelp: "show these columns, in this order",
			Netstat:  "-p -e -o", Windows: "-b -o", set: list(func(o *Options) *[]string { return &o.Columns })},
	}
}

func findRows() []Binding {
	return []Binding{
		{Action: FilterRows, Context: Table, Keys: []Key{"/", "f", "F4"}, Group: GroupFind,
			Help: "show only rows that match", Title: "filter", Footer: 2, Netstat: "| grep"},
		{Action: Sort, Context: Table, Keys: []Key{"s", "F6"}, Group: GroupFind,
			Help: "choose the column to sort by", Title: "sort", Footer: 3,
			Flag: "sort", Arg: "COLUMN", Allowed: "a column's name", FlagHelp: "sort by this column",
			Netstat: "| sort", TCPView: "click on a heading", set: word(func(o *Options) *string { return &o.Sort })},
		{Action: SortPrevious, Context: Table, Keys: []Key{"<", "F7"}, Group: GroupFind,
			Help: "sort by the column to the left"},
		{Action: SortNext, Context: Table, Keys: []Key{">", "F8"}, Group: GroupFind,
			Help: "sort by the column to the right"},
		{Action: SortReverse, Context: Table, Keys: []Key{"S"}, Group: GroupFind,
			Help: "turn the order round", Netstat: "| sort -r"},
		{Action: CountBy, Context: Table, Keys: []Key{"#", "b"}, Group: GroupFind,
			Help: "count by a column", Title: "count", Footer: 9,
			Flag: "count", Arg: "COLUMN", Allowed: "a column's name",
			FlagHelp: "print how many sockets each value of it has",
			Netstat:  "| sort | uniq -c", set: word(func(o *Options) *string { return &o.Count })},
	}
}

func actRows() []Binding {
	return []Binding{
		{Action: Kill, Context: Target, Keys: []Key{"K", "F9"}, Group: GroupAct,
			Help:  "send a signal to the owner; asks first",
			Title: "kill", Footer: 4, TCPView: "End Process"},
		{Action: Close, Context: Target, Keys: []Key{"x"}, Group: GroupAct,
			Help:  "close the connection, not the process; asks first",
			Title: "close", Footer: 5, TCPView: "Close Connection"},
		{Action: MarkRow, Context: Table, Keys: []Key{"m"}, Group: GroupAct,
			Help: "mark the row for what is done next", Title: "mark", Footer: 11},
		{Action: UnmarkAll, Context: Table, Keys: []Key{"M"}, Group: GroupAct, Help: "no row marked any more"},
		{Action: Copy, Context: Screen, Keys: []Key{"c"}, Group: GroupAct,
			Help: "copy to your own clipboard, over SSH too (OSC 52)", TCPView: "Copy"},
		{Action: Export, Context: Table, Keys: []Key{"e"}, Group: GroupAct,
			Help: "save the table as .csv, .json or text", Title: "save", Footer: 12,
			Netstat: "> file", Windows: "> file", TCPView: "Save"},
	}
}

func sampleRows() []Binding {
	return []Binding{
		{Action: Pause, Context: Screen, Keys: []Key{Space, "p"}, Group: GroupSample,
			Help: "hold the display; sampling goes on", Title: "pause", Footer: 8, TCPView: "Update Speed, Paused"},
		{Action: SampleNow, Context: Screen, Keys: []Key{"F5", "R"}, Group: GroupSample, Help: "sample now",
			TCPView: "Refresh Now"},
		{Action: IntervalLonger, Context: Screen, Keys: []Key{"+", "D"}, Group: GroupSample,
			Help: "sample less often", TCPView: "Update Speed"},
		{Action: IntervalShorter, Context: Screen, Keys: []Key{"-", "d"}, Group: GroupSample,
			Help: "sample more often", TCPView: "Update Speed"},
		{Action: Interval, Group: GroupSample, Flag: "interval", Arg: "TIME", Allowed: AllowedTime,
			Help: "sample every 500ms, 2s or 2 (seconds); default 1s", Netstat: "-c", Windows: "interval",
			TCPView: "Update Speed", set: duration(func(o *Options) *time.Duration { return &o.Interval })},
		{Action: Hold, Group: GroupSample, Flag: "hold", Arg: "TIME", Allowed: AllowedTime,
			Help: "how long changes stay; default the interval, at least 1s",
			set:  duration(func(o *Options) *time.Duration { return &o.Hold })},
		{Action: NetNS, Group: GroupSample, Flag: "netns", Arg: "NAME", Allowed: "own; the other namespaces come later",
			Help: "network namespace to look into: own", set: oneOf(func(o *Options) *string { return &o.NetNS }, "own")},
	}
}

func printRows() []Binding {
	return []Binding{
		{Action: Once, Group: GroupPrint, Flag: "once", Help: "print the table once, on a terminal too",
			set: on(func(o *Options) *bool { return &o.Once })},
		{Action: JSON, Group: GroupPrint, Flag: "json", Help: "print it as JSON: raw numbers",
			set: on(func(o *Options) *bool { return &o.JSON })},
		{Action: CSV, Group: GroupPrint, Flag: "csv", Help: "print it as CSV: raw numbers",
			set: on(func(o *Options) *bool { return &o.CSV })},
		{Action: Top, Group: GroupPrint, Flag: "top", Arg: "N", Allowed: "a whole number from 1",
			Help: "print the first N rows", Netstat: "| head", set: number(func(o *Options) *int { return &o.Top })},
	}
}

func screenRows() []Binding {
	rows := []Binding{
		{Action: ScreenSockets, Context: Screen, Keys: []Key{"1"}, Group: GroupScreens, Screen: "sockets",
			Help: "every socket, its owner and what it moves"},
		{Action: ScreenProcesses, Context: Screen, Keys: []Key{"2"}, Group: GroupScreens, Screen: "processes",
			Help: "what each process holds and moves"},
		{Action: ScreenHosts, Context: Screen, Keys: []Key{"3"}, Group: GroupScreens, Screen: "hosts",
			Help: "the connections of each remote address"},
		{Action: ScreenCount, Context: Screen, Keys: []Key{"4"}, Group: GroupScreens, Screen: "count",
			Help: "the sockets of each value of a column"},
	}
	names := screenNames(rows)
	return append(rows, []Binding{
		{Action: ScreenNext, Context: Screen, Keys: []Key{Tab}, Group: GroupScreens, Help: "next screen"},
		{Action: ScreenPrevious, Context: Screen, Keys: []Key{ShiftTab}, Group: GroupScreens,
			Help: "previous screen"},
		{Action: ScreenNamed, Group: GroupScreens, Flag: "screen", Arg: "NAME", Allowed: joinWords(names),
			Help: "start with " + joinWords(names),
			set:  oneOf(func(o *Options) *string { return &o.Screen }, names...)},
	}...)
}

func screenNames(rows []Binding) []string {
	var names []string
	for i := range rows {
		if rows[i].Screen != "" {
			names = append(names, rows[i].Screen)
		}
	}
	return names
}

func applicationRows() []Binding {
	return []Binding{
		{Action: Help, Context: Screen, Keys: []Key{"?", "h", "F1"}, Group: GroupApplication,
			Help: "all keys", Title: "help", Footer: 1,
			Flag: "help", Short: "h", FlagHelp: "this help", Netstat: "-h", Windows: "/?",
			set: on(func(o *Options) *bool { return &o.Help })},
		{Action: Version, Group: GroupApplication, Flag: "version", Short: "V", Help: "version",
			Netstat: "-V", set: on(func(o *Options) *bool { return &o.Version })},
		{Action: Config, Group: GroupApplication, Flag: "config", Arg: "FILE", Allowed: "a file's path",
			Help: "instead of ~/.config/sockview/config.toml",
			set:  word(func(o *Options) *string { return &o.Config })},
		{Action: Theme, Group: GroupApplication, Flag: "theme", Arg: "NAME", Allowed: joinWords(Themes()),
			Help: "colours: " + joinWords(Themes()),
			set:  oneOf(func(o *Options) *string { return &o.Theme }, Themes()...)},
		{Action: NoColor, Group: GroupApplication, Flag: "no-color", Help: "no colours, as with NO_COLOR set",
			set: on(func(o *Options) *bool { return &o.NoColor })},
		{Action: ASCII, Group: GroupApplication, Flag: "ascii", Help: "draw without box characters",
			set: on(func(o *Options) *bool { return &o.ASCII })},
		{Action: Mouse, Context: Screen, Keys: []Key{"F12"}, Group: GroupApplication,
			Help: "mouse on or off; on, it cannot select text",
			Flag: "mouse", FlagHelp: "mouse on: click a heading to sort",
			set: on(func(o *Options) *bool { return &o.Mouse })},
		{Action: Redraw, Context: Global, Keys: []Key{"Ctrl-L"}, Group: GroupApplication, Help: "draw the screen anew"},
		{Action: Suspend, Context: Global, Keys: []Key{"Ctrl-Z"}, Group: GroupApplication,
			Help: "back to the shell for a while; fg returns"},
		{Action: Quit, Context: Screen, Keys: []Key{"q", "F10"}, Group: GroupApplication, Help: "quit; in the details back to the table",
			Title: "quit", Footer: 6, TCPView: "Exit", last: true},
		{Action: Interrupt, Context: Global, Keys: []Key{"Ctrl-C"}, Group: GroupApplication,
			Help: "quit from anywhere, from a dialog too", fixed: []Key{"Ctrl-C"}},
		{Action: PanicTest, Group: GroupApplication, Flag: "panic", Arg: "GOROUTINE", Hidden: true,
			Allowed: "a goroutine's name", Help: "for tests: this goroutine panics",
			set: word(func(o *Options) *string { return &o.Panic })},
	}
}

func dialogRows() []Binding {
	return []Binding{
		{Action: Cancel, Context: Overlay, Keys: []Key{Esc, Backspace, "q", "F10"}, Group: GroupDialogs,
			Help: "close help, list or dialog, nothing done", Title: "cancel", Footer: 4, fixed: []Key{Esc}},
		{Action: HelpClose, Context: HelpScreen, Keys: []Key{"?", "h", "F1"}, Group: GroupDialogs,
			Help: "help: close it", Title: "close", Footer: 1},
		{Action: Yes, Context: Dialog, Keys: []Key{"y", "Y"}, Group: GroupDialogs, Help: "dialog: yes, do it",
			Title: "yes", Footer: 1, last: true},
		{Action: No, Context: Dialog, Keys: []Key{"n", "N"}, Group: GroupDialogs, Help: "dialog: no, nothing done",
			Title: "no", Footer: 2},
		{Action: DialogAccept, Context: Dialog, Keys: []Key{Enter}, Group: GroupDialogs,
			Help: "dialog: press the button in focus, at first No", Title: "press", Footer: 3, fixed: []Key{Enter}},
		{Action: DialogNext, Context: Dialog, Keys: []Key{Tab, Right}, Group: GroupDialogs, Help: "dialog: next button"},
		{Action: DialogPrevious, Context: Dialog, Keys: []Key{ShiftTab, Left}, Group: GroupDialogs,
			Help: "dialog: previous button"},
		{Action: Choose, Context: Picker, Keys: []Key{Enter}, Group: GroupDialogs,
			Help: "list: take the line under the cursor", Title: "choose", Footer: 1, fixed: []Key{Enter}},
		{Action: Toggle, Context: Picker, Keys: []Key{Space, "x"}, Group: GroupDialogs,
			Help: "list: tick the line or untick it", Title: "tick", Footer: 2},
		{Action: FilterAccept, Context: FilterLine, Keys: []Key{Enter}, Group: GroupDialogs,
			Help: "filter: keep it, back to the table", Title: "keep", Footer: 1, fixed: []Key{Enter}},
		{Action: FilterClear, Context: FilterLine, Keys: []Key{Esc}, Group: GroupDialogs,
			Help: "filter: clear it, back to the table", Title: "clear", Footer: 2, fixed: []Key{Esc}},
		{Action: FilterComplete, Context: FilterLine, Keys: []Key{Tab}, Group: GroupDialogs,
			Help: "filter: complete a column's name", Title: "column", Footer: 3},
		{Action: PromptAccept, Context: Prompt, Keys: []Key{Enter}, Group: GroupDialogs,
			Help: "file name, confirmation: take what was typed", Title: "accept", Footer: 1, fixed: []Key{Enter}},
		{Action: PromptCancel, Context: Prompt, Keys: []Key{Esc}, Group: GroupDialogs,
			Help: "file name, confirmation: nothing done", Title: "cancel", Footer: 2, fixed: []Key{Esc}},
	}
}

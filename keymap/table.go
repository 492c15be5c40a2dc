package keymap

// The table: every action with its keys, its flag and its words. Letters follow what hands know from
// netstat's flags, vim and htop; every key that is a symbol has a letter or an F-key beside it.

import "time"

func table() []Binding {
	var rows []Binding
	for _, part := range [][]Binding{
		moveRows(), screenRows(), socketRows(), showRows(), findRows(), actRows(), sampleRows(), printRows(),
		applicationRows(), dialogRows(), refusedRows(),
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

func socketRows() []Binding {
	return append(protocolRows(), []Binding{
		{Action: Family, Context: Sockets, Keys: []Key{"i"}, Group: GroupSockets,
			Help: "next of: both families, IPv4, IPv6"},
		{Action: OnlyIPv4, Group: GroupSockets, Flag: "inet", Short: "4", Also: []string{"ip"}, Help: "IPv4",
			Netstat: "-4", TCPView: "TCP v4, UDP v4",
			set: on(func(o *Options) *bool { return &o.IPv4 })},
		{Action: OnlyIPv6, Group: GroupSockets, Flag: "inet6", Short: "6", Help: "IPv6; with -4 both",
			Netstat: "-6", Windows: "-p TCPv6", TCPView: "TCP v6, UDP v6",
			set: on(func(o *Options) *bool { return &o.IPv6 })},
		{Action: Protocol, Group: GroupSockets, Flag: "protocol", Short: "A", Arg: "FAMILY",
			Allowed: "inet, inet6 or unix, with commas between them",
			Help:    "inet, inet6, unix: as -4, -6, -x; or inet,unix", Netstat: "-A", set: setFamilies},
		{Action: Listening, Context: Sockets, Keys: []Key{"l"}, Group: GroupSockets,
			Help: "next of: all sockets, connected, listening",
			Flag: "listening", Short: "l", FlagHelp: "listening sockets only", Netstat: "-l",
			TCPView: "Show Unconnected Endpoints",
			set:     on(func(o *Options) *bool { return &o.Listening })},
		{Action: ShowAll, Context: Sockets, Keys: []Key{"a"}, Group: GroupSockets,
			Help: "everything again: no filter, nothing switched off",
			Flag: "all", Short: "a", FlagHelp: "listening and connected sockets; wins over -l",
			Netstat: "-a", Windows: "-a", set: on(func(o *Options) *bool { return &o.All })},
	}...)
}

// protocolRows are the set of protocols: a key shows one alone, and further keys add theirs.
func protocolRows() []Binding {
	return []Binding{
		{Action: ToggleTCP, Context: Sockets, Keys: []Key{"t"}, Group: GroupSockets,
			Help: "only TCP, and all again; with u, U or w those too",
			Flag: "tcp", Short: "t", FlagHelp: "TCP; with none of -t -u -U -w -S -x all of them",
			Netstat: "-t", Windows: "-p TCP", TCPView: "TCP v4, TCP v6",
			set: on(func(o *Options) *bool { return &o.TCP })},
		{Action: ToggleUDP, Context: Sockets, Keys: []Key{"u"}, Group: GroupSockets,
			Help: "only UDP, and all again; with t, U or w those too",
			Flag: "udp", Short: "u", FlagHelp: "UDP",
			Netstat: "-u", Windows: "-p UDP", TCPView: "UDP v4, UDP v6",
			set: on(func(o *Options) *bool { return &o.UDP })},
		{Action: ToggleUDPLite, Context: Sockets, Keys: []Key{"U"}, Group: GroupSockets,
			Help: "only UDP-Lite, and all again; with t, u or w those too",
			Flag: "udplite", Short: "U", FlagHelp: "UDP-Lite", Netstat: "-U",
			set: on(func(o *Options) *bool { return &o.UDPLite })},
		{Action: ToggleRaw, Context: Sockets, Keys: []Key{"w"}, Group: GroupSockets,
			Help: "only raw, and all again; with t, u or U those too",
			Flag: "raw", Short: "w", FlagHelp: "raw sockets", Netstat: "-w",
			set: on(func(o *Options) *bool { return &o.Raw })},
		{Action: OnlySCTP, Group: GroupSockets, Flag: "sctp", Short: "S", Help: "SCTP, where the kernel has it",
			Netstat: "-S", set: on(func(o *Options) *bool { return &o.SCTP })},
		{Action: OnlyUnix, Group: GroupSockets, Flag: "unix", Short: "x", Help: "unix sockets",
			Netstat: "-x", set: on(func(o *Options) *bool { return &o.Unix })},
	}
}

func showRows() []Binding {
	return append(nameRows(), []Binding{
		{Action: Programs, Group: GroupShow, Flag: "programs", Short: "p", Also: []string{"program"},
			Help: "the process of each socket: PID/Program name", Netstat: "-p", Windows: "-b, -o",
			set: on(func(o *Options) *bool { return &o.Programs })},
		{Action: Timers, Group: GroupShow, Flag: "timers", Short: "o", Also: []string{"timer"},
			Help: "the timer of each socket", Netstat: "-o", set: on(func(o *Options) *bool { return &o.Timers })},
		{Action: Extend, Group: GroupShow, Flag: "extend", Short: "e",
			Help: "more: user and inode; of routes metrics, -ee all", Netstat: "-e",
			set: count(func(o *Options) *int { return &o.Extend })},
		{Action: Wide, Group: GroupShow, Flag: "wide", Short: "W", Help: "do not cut addresses and names",
			Netstat: "-W", set: on(func(o *Options) *bool { return &o.Wide })},
		{Action: Verbose, Group: GroupShow, Flag: "verbose", Short: "v", Help: "say what the kernel does not have",
			Netstat: "-v", set: on(func(o *Options) *bool { return &o.Verbose })},
		{Action: Columns, Context: Table, Keys: []Key{"C", "F2"}, Group: GroupShow,
			Help: "choose the columns", Title: "cols", Footer: 10,
			Flag: "columns", Arg: "A,B,C", Allowed: "columns' names, with commas between them",
			FlagHelp: "show these columns, in this order",
			Netstat:  "| awk '{print $4,$6}'", set: list(func(o *Options) *[]string { return &o.Columns })},
		{Action: NetNS, Context: Screen, Keys: []Key{"N"}, Group: GroupShow,
			Help: "choose the network namespaces looked into",
			Flag: "netns", Arg: "NAME", Allowed: "own, all, a namespace's name, or the pid of a process in it",
			FlagHelp: "own, all, NAME or PID: all on the screen, else own", set: word(func(o *Options) *string { return &o.NetNS })},
		{Action: HideUnchanged, Context: Table, Keys: []Key{"z"}, Group: GroupShow,
			Help: "statistics: only what changes, and all again"},
	}...)
}

// nameRows say what is shown by name and what by number.
func nameRows() []Binding {
	return []Binding{
		{Action: Numeric, Context: Screen, Keys: []Key{"n"}, Group: GroupShow,
			Help: "addresses and ports as numbers or as names",
			Flag: "numeric", Short: "n", FlagHelp: "numbers, no names: as the screen starts",
			Netstat: "-n", Windows: "-n", TCPView: "Resolve Addresses",
			set: func(o *Options, _ string) error { o.Numeric, o.Names = true, false; return nil }},
		{Action: NumericHosts, Group: GroupShow, Flag: "numeric-hosts", Help: "hosts as numbers",
			Netstat: "--numeric-hosts", set: on(func(o *Options) *bool { return &o.NumericHosts })},
		{Action: NumericPorts, Group: GroupShow, Flag: "numeric-ports", Help: "ports as numbers",
			Netstat: "--numeric-ports", set: on(func(o *Options) *bool { return &o.NumericPorts })},
		{Action: NumericUsers, Group: GroupShow, Flag: "numeric-users", Help: "users as numbers",
			Netstat: "--numeric-users", set: on(func(o *Options) *bool { return &o.NumericUsers })},
		{Action: Names, Group: GroupShow, Flag: "names",
			Help:    "hosts and services by name; the last of it and -n wins",
			Windows: "-f", set: func(o *Options, _ string) error { o.Numeric, o.Names = false, true; return nil }},
		{Action: Symbolic, Group: GroupShow, Flag: "symbolic", Short: "N",
			Help: "as in netstat: routes as numbers, else nothing", Netstat: "-N",
			set: on(func(o *Options) *bool { return &o.Symbolic })},
	}
}

func findRows() []Binding {
	return []Binding{
		{Action: FilterRows, Context: Table, Keys: []Key{"/", "f", "F4"}, Group: GroupFind,
			Help: "show only rows that match", Title: "filter", Footer: 2, Netstat: "| grep", Windows: "| findstr",
			TCPView: "search"},
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
			FlagHelp: "print how many rows each value of it has",
			Netstat:  "| sort | uniq -c", set: word(func(o *Options) *string { return &o.Count })},
	}
}

func actRows() []Binding {
	return []Binding{
		{Action: OtherEnd, Context: Target, Keys: []Key{"v"}, Group: GroupFind, Title: "other end",
			Help: "go to the other end of a connection in this host"},
		{Action: Kill, Context: Target, Keys: []Key{"K", "F9"}, Group: GroupAct,
			Help:  "send a signal to the owner; asks first",
			Title: "kill", Footer: 4, TCPView: "End Process"},
		{Action: Close, Context: Target, Keys: []Key{"x"}, Group: GroupAct,
			Help:  "close the connection, not the process; asks first",
			Title: "close", Footer: 5, TCPView: "Close Connection"},
		{Action: ReadOnly, Group: GroupAct, Flag: "read-only",
			Help: "kill and close nothing; gives up the rights to",
			set:  on(func(o *Options) *bool { return &o.ReadOnly })},
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
			Help:    "sample every 500ms, 2s or 2 (seconds); default 1s",
			TCPView: "Update Speed", set: duration(func(o *Options) *time.Duration { return &o.Interval })},
		{Action: Continuous, Group: GroupSample, Flag: "continuous", Short: "c", Arg: "SEC", Allowed: AllowedTime,
			optional: leadingTime, Help: "print every SEC: -c 2, -c 500ms; it is no filter then",
			Netstat: "-c", Windows: "interval", set: setContinuous},
		{Action: Hold, Group: GroupSample, Flag: "hold", Arg: "TIME", Allowed: AllowedTime,
			Help: "how long changes stay; default one interval, from 1s",
			set:  duration(func(o *Options) *time.Duration { return &o.Hold })},
		{Action: History, Group: GroupSample, Flag: "history", Arg: "N", Allowed: AllowedHistory,
			Help: "keep so many closed connections; default 65536",
			set: func(o *Options, s string) error {
				n, err := ParseHistory(s)
				o.History = n
				return err
			}},
	}
}

func printRows() []Binding {
	return []Binding{
		{Action: Once, Group: GroupPrint, Flag: "once", Help: "print the table once, on a terminal too",
			set: on(func(o *Options) *bool { return &o.Once })},
		{Action: JSON, Group: GroupPrint, Flag: "json", Help: "print as JSON, raw numbers; with -c an object a line",
			set: on(func(o *Options) *bool { return &o.JSON })},
		{Action: CSV, Group: GroupPrint, Flag: "csv", Help: "print as CSV, raw numbers; with -c one header",
			set: on(func(o *Options) *bool { return &o.CSV })},
		{Action: Top, Group: GroupPrint, Flag: "top", Arg: "N", Allowed: "a whole number from 1",
			Help: "print the first N rows of each table", Netstat: "| head", set: number(func(o *Options) *int { return &o.Top })},
	}
}

func screenRows() []Binding {
	rows := append(liveRows(), tableRows()...)
	names := screenNames(rows)
	return append(rows, []Binding{
		{Action: OneInterface, Group: GroupTables, Screen: "interfaces", Flag: "interface", Short: "I", Arg: "NAME",
			Allowed: "an interface's name", optional: wordAhead, Help: "this interface alone: -I eth0, -I=eth0",
			Netstat: "-I", set: func(o *Options, s string) error { o.Interface = s; return nil }},
		{Action: RouteCache, Group: GroupTables, Flag: "cache", Short: "C",
			Help: "the route cache, which Linux has not had since 3.6", Netstat: "-C",
			set: on(func(o *Options) *bool { return &o.Cache })},
		{Action: ScreenNext, Context: Screen, Keys: []Key{Tab}, Group: GroupTables, Help: "next screen"},
		{Action: ScreenPrevious, Context: Screen, Keys: []Key{ShiftTab}, Group: GroupTables,
			Help: "previous screen"},
		{Action: ScreenNamed, Group: GroupTables, Flag: "screen", Arg: "NAME", Allowed: joinWords(names),
			Help: "open the screen of this name", FlagHelp: "the screen of this name: see Screens below",
			set: oneOf(func(o *Options) *string { return &o.Screen }, names...)},
	}...)
}

// liveRows open the screens that netstat has no flag for.
func liveRows() []Binding {
	return []Binding{
		{Action: ScreenSockets, Context: Screen, Keys: []Key{"1"}, Group: GroupTables, Screen: "sockets",
			Help: "every socket, its owner and what it moves"},
		{Action: ScreenProcesses, Context: Screen, Keys: []Key{"2"}, Group: GroupTables, Screen: "processes",
			Help: "what each process holds and moves"},
		{Action: ScreenHosts, Context: Screen, Keys: []Key{"3"}, Group: GroupTables, Screen: "hosts",
			Help: "the connections of each remote address"},
		{Action: ScreenCount, Context: Screen, Keys: []Key{"4"}, Group: GroupTables, Screen: "count",
			Help: "the sockets of each value of a column"},
	}
}

// tableRows open netstat's tables.
func tableRows() []Binding {
	return []Binding{
		{Action: ScreenUnix, Context: Screen, Keys: []Key{"5"}, Group: GroupTables, Screen: "unix",
			Help: "unix sockets: path, type, state, peer", Netstat: "-x"},
		{Action: ScreenInterfaces, Context: Screen, Keys: []Key{"6"}, Group: GroupTables, Screen: "interfaces",
			Help: "interfaces: state, traffic, errors, drops",
			Flag: "interfaces", Short: "i", Netstat: "-i", set: opens},
		{Action: ScreenRoutes, Context: Screen, Keys: []Key{"7", "r"}, Group: GroupTables, Screen: "routes",
			Help: "routes: every table, both families",
			Flag: "route", Short: "r", Also: []string{"fib", "F"}, FlagHelp: "routes; -F, --fib is the same",
			Netstat: "-r, -F", Windows: "-r", set: opens},
		{Action: ScreenStatistics, Context: Screen, Keys: []Key{"8"}, Group: GroupTables, Screen: "statistics",
			Help: "statistics: the kernel's counters, explained",
			Flag: "statistics", Short: "s", Netstat: "-s", Windows: "-s, -e", set: opens},
		{Action: ScreenGroups, Context: Screen, Keys: []Key{"9"}, Group: GroupTables, Screen: "groups",
			Help: "multicast groups of each interface", Flag: "groups", Short: "g", Netstat: "-g", set: opens},
		{Action: ScreenNAT, Context: Screen, Keys: []Key{"0"}, Group: GroupTables, Screen: "nat",
			Help: "tracked connections, and what is translated", Flag: "masquerade", Short: "M", Netstat: "-M",
			FlagHelp: "connections that are translated; with -a all tracked",
			set:      opens},
		{Action: ScreenContainers, Context: Screen, Keys: []Key{"P"}, Group: GroupTables, Screen: "containers",
			Help: "the sockets of each container, pod and unit"},
		{Action: ScreenHistory, Context: Screen, Keys: []Key{"H"}, Group: GroupTables, Screen: "history",
			Help: "closed connections: whose, bytes, how they ended"},
	}
}

// screenNames are the screens that have keys, in the order of these.
func screenNames(rows []Binding) []string {
	var names []string
	for i := range rows {
		if rows[i].Screen != "" && rows[i].Context != "" {
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
		{Action: Check, Group: GroupApplication, Flag: "check",
			Help: "what this machine lets it see and do; --json too",
			set:  on(func(o *Options) *bool { return &o.Check })},
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

// refusedRows are flags of netstat for which there is nothing to show here: a better answer than "no such
// flag".
func refusedRows() []Binding {
	rows := []Binding{
		{Action: SELinux, Group: GroupApplication, Flag: "context", Short: "Z", Hidden: true,
			Help: "refused", set: refuse("SELinux contexts are not shown; ss -Z shows them")},
	}
	for _, family := range otherFamilies() {
		rows = append(rows, Binding{Action: Action("family-" + family), Group: GroupSockets, Flag: family,
			Hidden: true, Help: "refused", set: refuse("this program has no such family; allowed are --inet, --inet6 and --unix")})
	}
	return rows
}

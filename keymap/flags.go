package keymap

// The command line: the table's flags, read by pflag, and what is wrong with them in one line.

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// ExitUsage is the exit code of wrong usage.
const ExitUsage = 2

// Options is what a command line asks for. A zero field was not asked for: the config or the default holds.
type Options struct {
	// The protocols to show; none is all.
	TCP, UDP, UDPLite, Raw, SCTP, Unix bool

	IPv4, IPv6 bool // the families to show; none is both
	Listening  bool // listening sockets only
	All        bool // listening and connected; wins over Listening, as in netstat

	// Of Numeric (everything as numbers) and Names (addresses and ports as names) the last asked for is set.
	Numeric, Names                           bool
	NumericHosts, NumericPorts, NumericUsers bool // only these as numbers

	Programs bool   // the process of each socket
	Timers   bool   // the timers of each socket
	Extend   int    // how often more was asked for: -ee is 2
	Wide     bool   // nothing is cut
	Symbolic bool   // netstat's -N: routes as numbers
	Verbose  bool   // say what the kernel does not have
	Cache    bool   // the route cache, which Linux has not had since 3.6; whoever shows routes says so
	Screen   string // one of Screens; flags that open one, like -r and -I, are in it

	Interface string   // of the interfaces only the one of this name, as it was typed
	Columns   []string // columns' names, not checked
	Sort      string   // a column's name, not checked
	Count     string   // a column's name, not checked: print how many rows each value has
	Filter    []string // the words of the filter expression, as they stood on the command line
	Top       int      // print so many rows, from 1

	ReadOnly bool // give up whatever changes the system

	Once       bool
	JSON, CSV  bool          // at most one of them
	Continuous bool          // print again and again, every Interval
	Interval   time.Duration // between samples, MinInterval to MaxInterval
	Hold       time.Duration // for how long a change is shown, same bounds
	History    int           // how many closed connections are kept; -1 is none

	NetNS   string // "own", "all", a name or a pid, not checked
	Theme   string // one of Themes
	Config  string // path of the config file
	NoColor bool
	ASCII   bool
	Mouse   bool
	Help    bool
	Version bool
	Check   bool   // report on what this machine lets us see and do
	Panic   string // for tests: the goroutine that shall panic
}

// UsageError is wrong usage: what is wrong, where, and what is allowed, in one line. The program ends with
// ExitUsage.
type UsageError struct {
	Where   string // the flag or word as it was typed
	What    string
	Allowed string // may be empty
}

func (e *UsageError) Error() string {
	line := e.Where + ": " + e.What
	if e.Allowed != "" {
		line += "; " + e.Allowed
	}
	return line
}

// ExitCode is ExitUsage.
func (e *UsageError) ExitCode() int { return ExitUsage }

// ParseArgs reads a command line, without the program's name. Flags and filter words may be mixed, letters
// be bundled (-tln), long flags cut short where their beginning is enough (--stat); after -- everything is
// filter. Every error is a *UsageError, and goes with the zero Options.
func ParseArgs(args []string) (Options, error) {
	var o Options
	rows := table()
	flags := pflag.NewFlagSet("sockview", pflag.ContinueOnError)
	var values []*flagValue
	for i := range rows {
		row := &rows[i]
		if row.Flag == "" {
			continue
		}
		v := &flagValue{row: row, o: &o}
		values = append(values, v)
		f := flags.VarPF(v, row.Flag, "", row.flagHelp()) // letters are spelled out before
		if row.Arg == "" || row.optional != nil {
			f.NoOptDefVal = noValue
		}
	}
	spelled, err := spellOut(rows, args)
	if err != nil {
		return Options{}, err
	}
	if err := flags.Parse(spelled); err != nil {
		return Options{}, usageError(err, rows)
	}
	if o.JSON && o.CSV {
		return Options{}, &UsageError{"--json --csv", "only one of them can be printed", ""}
	}
	if o.Check && o.CSV {
		return Options{}, &UsageError{"--check --csv", "a report is no table", "--json is for programs"}
	}
	if err := o.settleScreen(values); err != nil {
		return Options{}, err
	}
	if words := flags.Args(); len(words) > 0 {
		o.Filter = words
	}
	return o, nil
}

// settleScreen finds the one screen that the flags open. --screen given again replaces itself, as every flag
// with a value does; other flags that open another screen contradict it.
func (o *Options) settleScreen(values []*flagValue) error {
	var by *flagValue
	for _, v := range values {
		switch screen := v.screen(); {
		case screen == "":
		case by == nil:
			by, o.Screen = v, screen
		case screen != o.Screen:
			return &UsageError{by.where() + " " + v.where(),
				"they open two screens, " + o.Screen + " and " + screen, "only one of them can be shown"}
		}
	}
	return nil
}

// noValue is what pflag hands to a flag that was given without a value: a byte that no argument holds.
const noValue = "\x00"

// flagValue stores one flag of the table: pflag.Value.
type flagValue struct {
	row   *Binding
	o     *Options
	given bool
	text  string // its last value
}

func (v *flagValue) String() string { return "" }
func (v *flagValue) Type() string   { return v.row.Arg }
func (v *flagValue) where() string  { return "--" + v.row.Flag }

func (v *flagValue) Set(s string) error {
	switch {
	case s == noValue && (v.row.Arg == "" || v.row.optional != nil):
		s = ""
	case v.row.Arg == "":
		return &UsageError{v.where(), "it takes no value, not " + quote(s), ""}
	case s == "":
		return &UsageError{v.where(), "it needs a value", "allowed is " + v.row.Allowed}
	}
	v.given, v.text = true, s
	err := v.row.set(v.o, s)
	switch {
	case err == nil:
		return nil
	case v.row.Arg == "":
		return &UsageError{v.where(), err.Error(), ""}
	}
	return &UsageError{v.where(), quote(s) + " " + err.Error(), "allowed is " + v.row.Allowed}
}

// screen is the screen that the flag opens, "" when it was not given or opens none.
func (v *flagValue) screen() string {
	switch {
	case !v.given:
		return ""
	case v.row.Action == ScreenNamed:
		return v.text
	}
	return v.row.Screen
}

// usageError turns pflag's errors into ours.
func usageError(err error, rows []Binding) error {
	var ours *UsageError
	var unknown *pflag.NotExistError
	var needs *pflag.ValueRequiredError
	var syntax *pflag.InvalidSyntaxError
	switch {
	case errors.As(err, &ours):
		return ours
	case errors.As(err, &unknown):
		return unknownLong(unknown.GetSpecifiedName(), rows)
	case errors.As(err, &needs):
		name := needs.GetFlag().Name
		i := slices.IndexFunc(rows, func(b Binding) bool { return b.Flag == name })
		return &UsageError{"--" + name, "it needs a value", "allowed is " + rows[i].Allowed}
	case errors.As(err, &syntax):
		return &UsageError{quote(syntax.GetSpecifiedFlag()), "not a flag",
			"filter words that begin with - go after --"}
	}
	return &UsageError{"command line", err.Error(), ""}
}

func unknownLong(name string, rows []Binding) error {
	e := &UsageError{Where: "--" + escape(name), What: "no such flag"}
	var flags []string
	for i := range rows {
		if rows[i].Flag != "" && !rows[i].Hidden {
			flags = append(flags, rows[i].Flag)
		}
	}
	if begun := begunBy(rows, name); len(begun) > 1 {
		flags = flags[:0]
		for _, row := range begun {
			flags = append(flags, row.Flag)
		}
		e.What = "several flags begin so"
		e.Allowed = "allowed are --" + strings.Join(flags, " --")
	} else if near := suggest(name, flags); near != "" {
		e.Allowed = "did you mean --" + near + "?"
	} else {
		e.Allowed = "allowed are --" + strings.Join(flags, " --")
	}
	return e
}

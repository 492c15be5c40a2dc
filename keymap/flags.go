package keymap

// The command line: the table's flags, read by pflag, and what is wrong with them in one line.

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/pflag"
)

// ExitUsage is the exit code of wrong usage.
const ExitUsage = 2

// Options is what a command line asks for. A zero field was not asked for: the config or the default holds.
type Options struct {
	TCP, UDP   bool // the protocols to show; none is all
	IPv4, IPv6 bool // the families to show; none is both
	Listening  bool // listening sockets only
	All        bool // listening and connected; wins over Listening, as in netstat
	Numeric    bool // addresses and ports as numbers; of Numeric and Names the last asked for is set
	Names      bool // addresses and ports as names
	Columns    []string
	Sort       string   // a column's name, not checked
	Count      string   // a column's name, not checked: print how many rows each value has
	Filter     []string // the words of the filter expression, as they stood on the command line
	Top        int      // print so many rows, from 1
	Once       bool
	JSON, CSV  bool          // at most one of them
	Interval   time.Duration // between samples, MinInterval to MaxInterval
	Hold       time.Duration // for how long a change is shown, same bounds
	NetNS      string        // "own"
	Screen     string        // one of Screens
	Theme      string        // one of Themes
	Config     string        // path of the config file
	NoColor    bool
	ASCII      bool
	Mouse      bool
	Help       bool
	Version    bool
	Panic      string // for tests: the goroutine that shall panic
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
// be bundled (-tln); after -- everything is filter. Every error is a *UsageError, and goes with the zero
// Options.
func ParseArgs(args []string) (Options, error) {
	var o Options
	rows := table()
	flags := pflag.NewFlagSet("sockview", pflag.ContinueOnError)
	for i := range rows {
		if row := &rows[i]; row.Flag != "" {
			f := flags.VarPF(&flagValue{row, &o}, row.Flag, row.Short, row.flagHelp())
			if row.Arg == "" {
				f.NoOptDefVal = noValue
			}
		}
	}
	if err := flags.Parse(splitTest(flags, args)); err != nil {
		return Options{}, usageError(err, args, rows)
	}
	if o.JSON && o.CSV {
		return Options{}, &UsageError{"--json --csv", "only one of them can be printed", ""}
	}
	if words := flags.Args(); len(words) > 0 {
		o.Filter = words
	}
	return o, nil
}

// noValue is what pflag hands to a flag that was given without a value: a byte that no argument holds.
const noValue = "\x00"

// flagValue stores one flag of the table: pflag.Value.
type flagValue struct {
	row *Binding
	o   *Options
}

func (v *flagValue) String() string { return "" }
func (v *flagValue) Type() string   { return v.row.Arg }

func (v *flagValue) Set(s string) error {
	where := "--" + v.row.Flag
	if v.row.Arg == "" {
		if s != noValue {
			return &UsageError{where, "it takes no value, not " + quote(s), ""}
		}
		return v.row.set(v.o, "")
	}
	if s == "" {
		return &UsageError{where, "it needs a value", "allowed is " + v.row.Allowed}
	}
	if err := v.row.set(v.o, s); err != nil {
		return &UsageError{where, quote(s) + " " + err.Error(), "allowed is " + v.row.Allowed}
	}
	return nil
}

// splitTest takes a bundle apart where pflag would drop the rest in silence: at letters that go on with
// "test.", which it leaves to the go tool. -test.v becomes -t -est.v, which means the same.
func splitTest(flags *pflag.FlagSet, args []string) []string {
	split := make([]string, 0, len(args)+1)
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			return append(split, args[i:]...)
		}
		takesNext := false // the next argument is this flag's value
		if name, long := strings.CutPrefix(arg, "--"); long {
			f := flags.Lookup(name)
			takesNext = f != nil && f.NoOptDefVal == ""
		} else if strings.HasPrefix(arg, "-") {
			for j := 1; j < len(arg) && arg[j] < utf8.RuneSelf; j++ {
				f := flags.ShorthandLookup(arg[j : j+1])
				if f == nil || f.NoOptDefVal == "" {
					takesNext = f != nil && j == len(arg)-1
					break
				}
				if strings.HasPrefix(arg[j:], "test.") {
					split = append(split, arg[:j+1])
					arg, j = "-"+arg[j+1:], 0
				}
			}
		}
		split = append(split, arg)
		if takesNext && i+1 < len(args) {
			i++
			split = append(split, args[i])
		}
	}
	return split
}

// usageError turns pflag's errors into ours.
func usageError(err error, args []string, rows []Binding) error {
	var ours *UsageError
	if errors.As(err, &ours) {
		return ours
	}
	var unknown *pflag.NotExistError
	var needs *pflag.ValueRequiredError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return unknownShort(unknown.GetSpecifiedShortnames(), args, rows)
	case errors.As(err, &unknown):
		return unknownLong(unknown.GetSpecifiedName(), rows)
	case errors.As(err, &needs):
		name := needs.GetFlag().Name
		i := slices.IndexFunc(rows, func(b Binding) bool { return b.Flag == name })
		return &UsageError{"--" + name, "it needs a value", "allowed is " + rows[i].Allowed}
	}
	var syntax *pflag.InvalidSyntaxError
	if errors.As(err, &syntax) {
		return &UsageError{quote(syntax.GetSpecifiedFlag()), "not a flag", "filter words that begin with - go after --"}
	}
	return &UsageError{"command line", err.Error(), ""}
}

func unknownLong(name string, rows []Binding) error {
	var flags []string
	for i := range rows {
		if rows[i].Flag != "" && !rows[i].Hidden {
			flags = append(flags, rows[i].Flag)
		}
	}
	e := &UsageError{Where: "--" + escape(name), What: "no such flag"}
	if near := suggest(name, flags); near != "" {
		e.Allowed = "did you mean --" + near + "?"
	} else {
		e.Allowed = "allowed are --" + strings.Join(flags, " --")
	}
	return e
}

// unknownShort takes what is left of a bundle, from the letter that is no flag.
func unknownShort(rest string, args []string, rows []Binding) error {
	_, size := utf8.DecodeRuneInString(rest)
	bundle := args[slices.IndexFunc(args, func(arg string) bool {
		return len(arg) > len(rest) && arg[0] == '-' && arg[1] != '-' && strings.HasSuffix(arg, rest)
	})]
	e := &UsageError{Where: "-" + escape(rest[:size]), What: "no such flag"}
	if len(bundle) > 2 {
		e.Where += " in " + quote(bundle)
	}
	var letters []string
	for i := range rows {
		if rows[i].Short != "" {
			letters = append(letters, rows[i].Short)
		}
		if !rows[i].Hidden && bundle == "-"+rows[i].Flag {
			e.Allowed = "did you mean --" + rows[i].Flag + "?"
		}
	}
	if e.Allowed == "" {
		e.Allowed = "allowed are -" + strings.Join(letters, " -")
	}
	return e
}

// The bounds of an interval.
const (
	MinInterval = 100 * time.Millisecond
	MaxInterval = time.Hour

	// AllowedTime says in messages what ParseInterval takes.
	AllowedTime = "100ms to 1h, as 500ms, 2s or 2 (seconds)"
)

// ParseInterval takes a time between samples, from MinInterval to MaxInterval: "500ms", "2s", "1m30s" or
// a bare number of seconds. The error says what is wrong, to follow the value in a message.
func ParseInterval(s string) (time.Duration, error) {
	number := s
	if strings.Trim(s, "0123456789.") == "" {
		number += "s"
	}
	d, err := time.ParseDuration(number)
	switch {
	case err != nil:
		return 0, errors.New("is not a time")
	case d < MinInterval:
		return 0, errors.New("is too short")
	case d > MaxInterval:
		return 0, errors.New("is too long")
	}
	return d, nil
}

// Themes are the colour schemes.
func Themes() []string { return []string{"default", "light", "high-contrast", "none"} }

// What follows makes the setters of the table's flags.

func on(field func(*Options) *bool) func(*Options, string) error {
	return func(o *Options, _ string) error { *field(o) = true; return nil }
}

func word(field func(*Options) *string) func(*Options, string) error {
	return func(o *Options, s string) error {
		if s[0] == '-' {
			return errors.New("looks like a flag")
		}
		*field(o) = s
		return nil
	}
}

func list(field func(*Options) *[]string) func(*Options, string) error {
	return func(o *Options, s string) error {
		words := strings.Split(s, ",")
		for i, w := range words {
			words[i] = strings.TrimSpace(w)
			if words[i] == "" {
				return errors.New("has an empty name")
			}
		}
		*field(o) = words
		return nil
	}
}

func oneOf(field func(*Options) *string, allowed ...string) func(*Options, string) error {
	return func(o *Options, s string) error {
		if !slices.Contains(allowed, s) {
			return errors.New("is not known")
		}
		*field(o) = s
		return nil
	}
}

func number(field func(*Options) *int) func(*Options, string) error {
	return func(o *Options, s string) error {
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil || n < 1 || s[0] == '+' {
			return errors.New("is no such number")
		}
		*field(o) = int(n)
		return nil
	}
}

func duration(field func(*Options) *time.Duration) func(*Options, string) error {
	return func(o *Options, s string) error {
		d, err := ParseInterval(s)
		if err != nil {
			return err
		}
		*field(o) = d
		return nil
	}
}

// joinWords writes words as a sentence lists them: "a, b or c".
func joinWords(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

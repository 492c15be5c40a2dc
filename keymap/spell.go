package keymap

// How a command line is spelled: letters, bundles of them, further names and beginnings of long flags, and
// values that may be left out. All of it is written out as plain long flags, which pflag then reads.
//
// pflag has letters of its own, and drops in silence the rest of a bundle that goes on with "test."; nor
// does it know a value that may be left out and still stand in the next argument.

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// spellOut writes every flag of args as --flag or --flag=value. What is no flag is left as it is, for pflag
// to complain about; only a letter that is none ends it, with a *UsageError.
func spellOut(rows []Binding, args []string) ([]string, error) {
	spelled := make([]string, 0, len(args)+8)
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			return append(append(spelled, arg), args...), nil
		}
		if len(arg) < 2 || arg[0] != '-' {
			spelled = append(spelled, arg)
			continue
		}
		var row *Binding // the flag that the argument ends with, still without a value
		if arg[1] == '-' {
			name, value, joined := strings.Cut(arg[2:], "=")
			if row = longFlag(rows, name); row == nil {
				spelled = append(spelled, arg)
				continue
			}
			arg = "--" + row.Flag
			if joined {
				arg, row = arg+"="+value, nil
			}
			spelled = append(spelled, arg)
		} else {
			var err error
			if spelled, row, err = spellBundle(spelled, rows, arg); err != nil {
				return nil, err
			}
		}
		if row != nil && len(args) > 0 && row.takes(args[0]) {
			spelled[len(spelled)-1] += "=" + args[0]
			args = args[1:]
		}
	}
	return spelled, nil
}

// spellBundle appends the flags of a bundle of letters to spelled. The row is that of the last letter, or nil
// when the bundle ends with a value.
func spellBundle(spelled []string, rows []Binding, bundle string) ([]string, *Binding, error) {
	var row *Binding
	for i := 1; i < len(bundle); {
		if row = letterFlag(rows, bundle[i]); row == nil {
			return nil, nil, unknownLetter(rows, bundle, i)
		}
		i++
		flag, rest := "--"+row.Flag, bundle[i:]
		if strings.HasPrefix(rest, "=") {
			return append(spelled, flag+rest), nil, nil
		}
		n := 0 // how much of the rest is the flag's value
		if row.optional != nil {
			n = row.optional(rest)
		} else if row.Arg != "" {
			n = len(rest)
		}
		if n > 0 {
			flag += "=" + rest[:n]
			i, row = i+n, nil
		}
		spelled = append(spelled, flag)
	}
	return spelled, row, nil
}

// takes says whether the argument after the flag is its value.
func (b *Binding) takes(next string) bool {
	if b.optional != nil {
		return next != "" && b.optional(next) == len(next)
	}
	return b.Arg != ""
}

// letterFlag is the row of a letter, or nil.
func letterFlag(rows []Binding, letter byte) *Binding {
	for i := range rows {
		if rows[i].Short == string(letter) || slices.Contains(rows[i].Also, string(letter)) {
			return &rows[i]
		}
	}
	return nil
}

// longFlag is the row that a long flag stands for: by its name, by another name of it, or by a beginning that
// no other flag has, as getopt_long(3) takes them. Otherwise nil.
func longFlag(rows []Binding, name string) *Binding {
	for i := range rows {
		if len(name) > 1 && (rows[i].Flag == name || slices.Contains(rows[i].Also, name)) {
			return &rows[i]
		}
	}
	if begun := begunBy(rows, name); len(begun) == 1 {
		return begun[0]
	}
	return nil
}

// begunBy are the rows of which a long name begins so.
func begunBy(rows []Binding, name string) []*Binding {
	var begun []*Binding
	for i := range rows {
		row := &rows[i]
		begins := func(long string) bool { return len(long) > 1 && strings.HasPrefix(long, name) }
		if name != "" && !row.Hidden && (begins(row.Flag) || slices.ContainsFunc(row.Also, begins)) {
			begun = append(begun, row)
		}
	}
	return begun
}

// unknownLetter complains about the letter at place i of a bundle.
func unknownLetter(rows []Binding, bundle string, i int) error {
	_, size := utf8.DecodeRuneInString(bundle[i:])
	e := &UsageError{Where: "-" + escape(bundle[i:i+size]), What: "no such flag"}
	if len(bundle) > 1+size {
		e.Where += " in " + quote(bundle)
	}
	var letters []string
	for j := range rows {
		if rows[j].Hidden {
			continue
		}
		if rows[j].Short != "" {
			letters = append(letters, rows[j].Short)
		}
		if bundle == "-"+rows[j].Flag {
			e.Allowed = "did you mean --" + rows[j].Flag + "?"
		}
	}
	if e.Allowed == "" {
		e.Allowed = "allowed are -" + strings.Join(letters, " -")
	}
	return e
}

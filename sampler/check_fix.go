package sampler

// The lines that mend what is missing. Each is exact: it names this binary and works as it stands, or it is not given.

import (
	"fmt"
	"strings"

	"sockview/model"
	"sockview/sampler/rights"
)

// remedy is why capabilities are missing, and the line that gives them; both are about the first thing in the way.
func (m *machine) remedy(need rights.Set) (why, fix string) {
	lacks := need &^ m.held
	missing, unbound := lacks.Names(), lacks&^m.bounding
	switch {
	case lacks == 0:
		return m.withheld(), ""
	case m.readOnly && lacks&^rights.Look != 0:
		return "given up, as --read-only asked for", ""
	case unbound != 0 && m.container:
		return fmt.Sprintf("it takes %s, which the container was not given", and(missing)),
			"docker run " + strings.Join(eachCapability("--cap-add=%s"), " ") + " IMAGE"
	case unbound != 0 && m.unit:
		return fmt.Sprintf("it takes %s, which the unit was not given", and(missing)),
			"CapabilityBoundingSet=" + strings.Join(eachCapability("CAP_%s"), " ")
	case unbound != 0:
		return fmt.Sprintf("it takes %s, which whoever started it has given up for good (bounding set)", and(missing)), ""
	case m.noNewPrivs && m.unit:
		return fmt.Sprintf("it takes %s, and no_new_privs keeps sudo and setcap from giving it", and(missing)), "NoNewPrivileges=no"
	case m.noNewPrivs:
		return fmt.Sprintf("it takes %s, and no_new_privs keeps sudo and setcap from giving it", and(missing)), ""
	case m.userNS:
		return fmt.Sprintf("it takes %s, and what setcap gives does not reach into this user namespace", and(missing)), ""
	}
	return "it takes " + and(missing), m.give()
}

// withheld is why something is refused although no capability is missing.
func (m *machine) withheld() string {
	switch {
	case m.userNS:
		return "the rights are there, but end with this user namespace"
	case m.profile != "":
		return "the rights are there; the security profile " + m.profile + " or a Landlock domain forbids it"
	case m.seccomp:
		return "the rights are there; a seccomp filter or a Landlock domain forbids it"
	}
	return "the rights are there; a Landlock domain or another security module forbids it"
}

// give is the line that gives this binary every capability that it uses. On a file system that gives no rights it is
// sudo.
func (m *machine) give() string {
	switch {
	case m.exe == "":
		return ""
	case m.noSUID:
		return "sudo " + shellWord(m.exe)
	}
	return "sudo setcap " + strings.Join(rights.Used.Names(), ",") + "=p " + shellWord(m.exe)
}

// load is the line that loads a module, or the kernel's option where there is none to load.
func (m *machine) load(module, option string) string {
	if m.modules.files[module] && !m.modules.fixed {
		return "sudo modprobe " + module
	}
	return option
}

// eachCapability writes the capabilities' names without cap_, in capitals, in a format.
func eachCapability(format string) []string {
	var names []string
	for _, name := range rights.Used.Names() {
		names = append(names, fmt.Sprintf(format, strings.ToUpper(strings.TrimPrefix(name, "cap_"))))
	}
	return names
}

// and lists words: "a, b and c".
func and(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// shellWord is a path as a shell takes it for itself: as it is, in quotes, or, where it holds what cannot be shown,
// with the bytes' numbers ($” of POSIX 2024, bash, zsh, ksh).
func shellWord(path string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-"
	switch {
	case path != "" && strings.Trim(path, plain) == "":
		return path
	case model.SafeText(path).String() == path:
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	var b strings.Builder
	b.WriteString("$'")
	for i := 0; i < len(path); i++ {
		if c := path[i]; c < ' ' || c > '~' || c == '\'' || c == '\\' {
			fmt.Fprintf(&b, `\%03o`, c)
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

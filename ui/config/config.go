// Package config reads the user's settings, ~/.config/sockview/config.toml, and keeps the columns chosen on
// the screen in it.
//
// A mistake is one line with file and line number that says what is allowed (see Mistake); there is never a
// half-read Config. What columns, themes, actions and keys there are is told by the caller (see Known), and
// what a setting does is left to ui and main.
//
//	interval = "500ms"      # between samples
//	hold = "3s"             # for how long changes are shown
//	history = 65536         # how many closed connections are kept
//	theme = "light"
//	mouse = false
//	ascii = false           # no box characters
//	resolve = false         # addresses and ports as names
//	netns = "all"           # network namespaces that the screen starts with
//
//	[columns]
//	sockets = ["process", "pid", "local", "lport", "remote", "rport", "state"]
//
//	[sort]
//	sockets = "tx desc"     # asc, desc, or the column's own direction
//
//	[keys]
//	kill = ["K", "F9"]      # one key may stand without brackets; [] is none
package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Config is what the user set, and the defaults of all that was not set.
type Config struct {
	Interval time.Duration // between samples
	Hold     time.Duration // for how long changes are shown; 0 is not set
	History  int           // how many closed connections are kept; 0 is not set, less is none
	Theme    string        // "" is not set
	Mouse    bool
	ASCII    bool                // no box characters
	Resolve  bool                // addresses and ports as names
	NetNS    string              // network namespaces to look into; "" is not set
	Columns  map[string][]string // screen -> ids of its columns, left to right; without a screen: its defaults
	Sort     map[string]Sorting  // screen -> how it is sorted at the start
	Keys     map[string][]string // action -> its keys as the user spelled them; an empty list takes them all away
}

// Sorting is a sort column and its direction.
type Sorting struct {
	Column string // its id
	Way    Way
}

// Way is a direction of sorting.
type Way uint8

// The directions. The zero Way is the column's own.
const (
	OwnWay Way = iota
	Ascending
	Descending
)

// Default is the Config of a user who set nothing.
func Default() Config { return Config{Interval: time.Second} }

// Known is what settings may name, so that this package needs to know neither tables nor keys. All of it
// must be filled in.
type Known struct {
	// Screens are the names of the screens, Columns the ids of a screen's columns, Themes the themes.
	Screens []string
	Columns func(screen string) []string
	Themes  []string
	// Interval reads a time between samples, "500ms" or "2" seconds. Its error follows the value in a message:
	// "is too short". Times says what it takes: "100ms to 1h, as 500ms, 2s or 2 (seconds)".
	Interval func(string) (time.Duration, error)
	Times    string
	// History reads how many closed connections are kept, -1 for none. Its error follows the value, and Histories says what
	// it takes.
	History   func(string) (int, error)
	Histories string
	// Rebind takes all of [keys] at once, action -> keys, so that two actions may swap theirs. Its error is one
	// line; blame is the action whose entry is wrong.
	Rebind func(keys map[string][]string) (blame string, err error)
}

// ErrNoHome means that there is no folder for settings: neither XDG_CONFIG_HOME nor HOME is an absolute path.
var ErrNoHome = errors.New("neither XDG_CONFIG_HOME nor HOME names a folder for settings")

// Path is where the settings are: sockview/config.toml in $XDG_CONFIG_HOME, else in $HOME/.config. A path
// that is not absolute counts as not set (XDG Base Directory Specification). The error is ErrNoHome.
func Path(env func(string) string) (string, error) {
	if dir := env("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "sockview", "config.toml"), nil
	}
	if home := env("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".config", "sockview", "config.toml"), nil
	}
	return "", ErrNoHome
}

// Load reads the settings from the usual place. Without a file they are the defaults. The error is one line:
// a *Mistake, or why the file could not be read; it goes with the zero Config. The first mistake of the file
// is the one told, those of [keys] when there is no other.
func Load(path string, known Known) (Config, error) {
	c, err := LoadNamed(path, known)
	if errors.Is(err, fs.ErrNotExist) {
		return Default(), nil
	}
	// Who became another user (su -m, setpriv) may not look into the home that is still in the environment: there
	// are no settings of his, as far as anybody can tell.
	if _, statErr := os.Lstat(path); errors.Is(err, fs.ErrPermission) && errors.Is(statErr, fs.ErrPermission) {
		return Default(), nil
	}
	return c, err
}

// LoadNamed is Load of a file that the user asked for by name: it must be there. The null device is an empty
// file.
func LoadNamed(path string, known Known) (Config, error) {
	f, err := readFile(path)
	if err != nil {
		return Config{}, unreadable(path, err)
	}
	return parse(path, f.text, known)
}

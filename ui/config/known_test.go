package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// known is a small world of settings, with the words that main's has.
func known() Known {
	return Known{
		Screens: []string{"sockets", "processes", "hosts"},
		Columns: func(screen string) []string {
			if screen == "processes" {
				return []string{"process", "pid", "sockets"}
			}
			return []string{"process", "pid", "local", "lport", "remote", "rport", "state", "tx", "rx", "rtt"}
		},
		Themes: []string{"default", "light", "high-contrast", "none"},
		Interval: func(s string) (time.Duration, error) {
			if strings.Trim(s, "0123456789.") == "" {
				s += "s"
			}
			d, err := time.ParseDuration(s)
			switch {
			case err != nil:
				return 0, errors.New("is not a time")
			case d < 100*time.Millisecond:
				return 0, errors.New("is too short")
			}
			return d, nil
		},
		Times: "100ms to 1h",
		History: func(s string) (int, error) {
			n, err := strconv.Atoi(s)
			switch {
			case err != nil || n < 0:
				return 0, errors.New("is no such number")
			case n == 0:
				return -1, nil
			}
			return n, nil
		},
		Histories: "a whole number",
		Rebind: func(keys map[string][]string) (string, error) {
			taken := make(map[string]string)
			for _, action := range []string{"kill", "close", "quit"} { // a fixed order
				for _, k := range keys[action] {
					if k == "" || len(k) > 3 {
						return action, fmt.Errorf("%s: %q is not a key", action, k)
					}
					if other, ok := taken[k]; ok {
						return action, fmt.Errorf("%s: key %s is %s already", action, k, other)
					}
					taken[k] = action
				}
			}
			for action := range keys {
				if !slices.Contains([]string{"kill", "close", "quit"}, action) {
					return action, fmt.Errorf("no such action %q", action)
				}
			}
			return "", nil
		},
	}
}

// settings is a file with that content in a folder of its own.
func settings(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func contentOf(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// oneLine fails unless err is one line that can be printed.
func oneLine(t *testing.T, err error) {
	t.Helper()
	for _, r := range err.Error() {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e {
			t.Errorf("the message holds %U: %q", r, err.Error())
		}
	}
}

// entriesOf are the files of a folder, to see that no temporary one is left.
func entriesOf(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

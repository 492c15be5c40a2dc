package ui

// What a read-only run refuses, and what the screen says of the rights there are.

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"sockview/keymap"
	"sockview/model"
)

func TestReadOnlyRefusesBeforeItAsks(t *testing.T) {
	var a actor
	h, _ := served(t, 100, 24, func(c *Config) { c.Actor, c.Start.ReadOnly = a.ui(), true })
	for _, screen := range []keymap.Key{"1", "2", "3", "5", "7"} {
		for _, key := range []keymap.Key{"K", keymap.Key("F9"), "x"} {
			h.press(screen, key)
			h.says("read-only: started with --read-only")
			if strings.Contains(h.text(), "[N]o") {
				t.Errorf("%s on screen %s asks:\n%s", key, screen, h.text())
			}
		}
	}
	h.press("1", keymap.Enter, "K") // in the details too
	h.says("read-only: started with --read-only")
	h.press(keymap.Esc, "j")
	if foot := h.line(23); strings.Contains(foot, "kill") || strings.Contains(foot, "close") || !strings.Contains(foot, "sort") {
		t.Errorf("the foot is %q", foot)
	}
	if did := a.did(); len(did) > 0 || a.open() > 0 || len(a.destroyed()) > 0 {
		t.Errorf("it did %q, holds %d, closed %v", did, a.open(), a.destroyed())
	}
	refused := 0
	h.look(func() {
		for _, l := range h.app.helpLines(100) {
			for _, s := range l {
				if s.text == "refused: read-only" {
					refused++
				}
			}
		}
	})
	if refused != 2 {
		t.Errorf("help says of %d keys that they are refused, want K and x", refused)
	}
}

func TestAccessLine(t *testing.T) {
	all := model.Access{Owners: true, Destroy: true, Kill: true}
	for _, tt := range []struct {
		access model.Access
		want   string
		warn   bool
	}{
		{all, "full access", false},
		{model.Access{Owners: true, ReadOnly: true}, "read-only", false},
		{model.Access{Missing: []string{"cap_sys_ptrace"}}, "no owners of others", false},
		{model.Access{Owners: true, Kill: true, Missing: []string{"cap_net_admin"}}, "partial access", false},
		{model.Access{Hidden: 1, Missing: []string{"cap_sys_ptrace"}}, "1 owner hidden (setcap: ?)", true},
		{model.Access{Owners: true, Destroy: true, Kill: true, Hidden: 2}, "2 owners hidden", true},
		{model.Access{ReadOnly: true, Missing: []string{"cap_sys_ptrace"}}, "read-only, no owners of others", false},
		{model.Access{ReadOnly: true, Hidden: 3, Missing: []string{"cap_sys_ptrace"}}, "read-only, 3 owners hidden (setcap: ?)", true},
	} {
		if got, warn := accessLine(&model.Snapshot{Access: tt.access}); got != tt.want || warn != tt.warn {
			t.Errorf("%+v: %q, %v; want %q, %v", tt.access, got, warn, tt.want, tt.warn)
		}
	}
}

func TestHelpSaysWhatReadOnlyCosts(t *testing.T) {
	for _, tt := range []struct {
		access model.Access
		want   []string
		not    string
	}{
		{model.Access{Owners: true, ReadOnly: true}, []string{"Read-only (--read-only)", "NAT screen", "Every owner is shown"}, "every connection closed"},
		{model.Access{ReadOnly: true, Missing: []string{"cap_sys_ptrace"}}, []string{"Read-only", "Missing now: cap_sys_ptrace"}, "Full:"},
		{model.Access{Owners: true, Destroy: true, Kill: true}, []string{"Full:"}, "Read-only"},
	} {
		h := start(t, 100, 24, nil)
		s := newWorld().snapshot(0)
		s.Access = tt.access
		h.feed(s)
		var text strings.Builder
		h.look(func() {
			for _, l := range h.app.helpLines(100) {
				for _, s := range l {
					text.WriteString(s.text + " ")
				}
			}
		})
		for _, want := range tt.want {
			if !strings.Contains(text.String(), want) {
				t.Errorf("%+v: help has no %q", tt.access, want)
			}
		}
		if strings.Contains(text.String(), tt.not) {
			t.Errorf("%+v: help has %q", tt.access, tt.not)
		}
	}
}

func TestWhyRootMayNotSave(t *testing.T) {
	denied := fmt.Errorf("cannot save x: %w", fs.ErrPermission)
	for _, tt := range []struct {
		root bool
		err  error
		want bool
	}{{true, denied, true}, {false, denied, false}, {true, errors.New("no space left on device"), false}} {
		a := &App{cfg: Config{Root: tt.root}}
		if got := a.whyNotRoot(tt.err); (got != "") != tt.want {
			t.Errorf("root %v, %v: %q", tt.root, tt.err, got)
		}
	}
}

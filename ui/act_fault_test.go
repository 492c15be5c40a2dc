package ui

// What must not happen by a key too many: the questions before, and what is said when it cannot be done.

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sockview/keymap"
	"sockview/model"
)

// TestFault37Refused: pid 1 and sockview itself are refused with the reason, and no question is asked.
func TestFault37Refused(t *testing.T) {
	for _, reason := range []string{"pid 1 is init: everything else depends on it", "pid 4410 is sockview itself: leave it with q"} {
		a := &actor{guards: map[int32]model.Protection{4410: {Guard: model.NeverTouch, Reason: reason}}}
		h, _ := acting(t, a, "pid:4410")
		h.press("K")
		h.says(reason)
		if len(h.app.overlays) != 0 || len(a.held) != 0 {
			t.Errorf("%s: asked all the same, %d held", reason, len(a.held))
		}
		h.press("y", keymap.Enter)
		if got := a.did(); got != nil {
			t.Errorf("%s: %v", reason, got)
		}
	}
}

// TestFault37TypedOut: what sockview runs under is signalled only when yes is typed out, whichever signal it is.
func TestFault37TypedOut(t *testing.T) {
	for _, name := range []string{"bash", "tmux: server", "sshd"} {
		for _, c := range []struct {
			typed string
			end   keymap.Key
			sent  bool
		}{
			{"", keymap.Enter, false}, {"y", keymap.Enter, false}, {"yess", keymap.Enter, false}, {"no", keymap.Enter, false},
			{"yes", keymap.Esc, false}, {"yes", keymap.Enter, true},
		} {
			reason := fmt.Sprintf("sockview runs under %s (pid 4410): ending it may end this session", name)
			a := &actor{guards: map[int32]model.Protection{4410: {Guard: model.AskTyped, Reason: reason}}}
			h, _ := acting(t, a, "pid:4410")
			h.press("K", "y")
			if got := a.did(); got != nil {
				t.Fatalf("%s: y alone sent %v", name, got)
			}
			if !strings.Contains(h.text(), "type yes:") {
				t.Fatalf("%s: nothing is to be typed:\n%s", name, h.text())
			}
			h.type_(c.typed)
			h.press(c.end)
			var want []string
			if c.sent {
				want = []string{"terminated to 4410/44100"}
			} else {
				h.says("nothing was done")
			}
			if got := a.did(); !slices.Equal(got, want) {
				t.Errorf("%s, %q and %s: %v", name, c.typed, c.end, got)
			}
			h.await("the process let go", func() bool { return a.open() == 0 })
		}
	}
}

// TestFault38SecondConfirmation: a listener is closed only when yes is typed out; a connection is not asked for twice.
func TestFault38SecondConfirmation(t *testing.T) {
	for _, c := range []struct {
		filter, typed string
		end           keymap.Key
		want          []uint16
	}{
		{"lport:5432 state:listen", "", keymap.Enter, nil}, {"lport:5432 state:listen", "y", keymap.Enter, nil},
		{"lport:5432 state:listen", "yes", keymap.Esc, nil}, {"lport:5432 state:listen", "YES", keymap.Enter, []uint16{0}},
	} {
		a := &actor{}
		h, _ := acting(t, a, c.filter)
		h.press("x", "y")
		if got := a.destroyed(); got != nil {
			t.Fatalf("y alone closed %v", got)
		}
		h.type_(c.typed)
		h.press(c.end)
		if c.want == nil {
			h.says("nothing was done")
		}
		h.await("the answer to have its effect", func() bool { return slices.Equal(a.destroyed(), c.want) })
	}
}

// TestFault38OwnConnectionRefused: the SSH connection is left alone, by itself and among others.
func TestFault38OwnConnectionRefused(t *testing.T) {
	const reason = "sockview itself runs over this SSH connection"
	refuse := func(c model.CloseTarget) string {
		if c.RemotePort == 50814 {
			return reason
		}
		return ""
	}
	a := &actor{refuse: refuse}
	h, _ := acting(t, a, "rport:50814")
	h.press("x")
	h.says(reason)
	if len(h.app.overlays) != 0 {
		t.Error("a question is asked all the same")
	}
	h.press("y", keymap.Enter)
	if got := a.destroyed(); got != nil {
		t.Errorf("closed %v", got)
	}
	a = &actor{refuse: refuse}
	h, _ = acting(t, a, "rport:50814,51522")
	h.press("m", "m", "x")
	if !strings.Contains(h.text(), "left alone: "+reason) {
		t.Errorf("it is not said what is left alone:\n%s", h.text())
	}
	h.press("y")
	h.await("the other one closed", func() bool { return slices.Equal(a.destroyed(), []uint16{51522}) })
}

// TestFault39NothingHalfDone: the capability that is missing is named; of several, those that can be reached are, the
// others are named; and where nothing can be closed no question is asked.
func TestFault39NothingHalfDone(t *testing.T) {
	a := &actor{signalErr: map[int32]error{2031: errors.New("process 2031 is another user's (uid 999): signalling it needs CAP_KILL")}}
	h, _ := acting(t, a, "pid:4410,2031 state:estab")
	h.press("m", "m", "K", "y")
	h.says("redis-server (2031): process 2031 is another user's (uid 999): signalling it needs CAP_KILL")
	if got := a.did(); !slices.Equal(got, []string{"terminated to 4410/44100"}) {
		t.Errorf("signalled %v", got)
	}
	h.await("every process let go", func() bool { return a.open() == 0 })

	a = &actor{}
	h, w := acting(t, a, "rport:51522")
	w.dress = func(s *model.Snapshot) { s.Access.Destroy = false }
	h.feed(w.snapshot(0))
	h.press("x")
	h.says("needs CAP_NET_ADMIN")
	if len(h.app.overlays) != 0 {
		t.Error("a question is asked that has no answer")
	}
	h.press("y", keymap.Enter)
	if got := a.destroyed(); got != nil {
		t.Errorf("closed %v", got)
	}
}

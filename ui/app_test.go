package ui

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sockview/model"
)

func TestSocketsScreen(t *testing.T) {
	h := start(t, 120, 16, nil)
	w := web()
	h.feed(w.snapshot(0))
	w.sockets[1].Sent += 2_000_000
	h.feed(w.snapshot(time.Second))
	screen := h.text()
	for _, want := range []string{
		"Endpoints: 7 | Established: 3 | Listening: 2 | Time Wait: 0 | Close Wait: 1 | Update: 1 s",
		"1 owner hidden", "nginx", "2.0M", "UNCONN", "2001:db8::1",
	} {
		if !strings.Contains(screen, want) {
			t.Errorf("no %q on the screen:\n%s", want, screen)
		}
	}
}

// TestFault25StretchedInterval: the status line has the interval in force and says why it is not the chosen one.
func TestFault25StretchedInterval(t *testing.T) {
	h := start(t, 160, 10, nil)
	w := web()
	s := w.snapshot(0)
	s.Chosen, s.Interval, s.Waited = time.Second, 2250*time.Millisecond, 420*time.Millisecond
	h.feed(s)
	for _, want := range []string{"Update: 2.25 s", "not 1 s: the kernel takes 420"} {
		if !strings.Contains(h.line(-2), want) {
			t.Errorf("no %q in %q", want, h.line(-2))
		}
	}
	s = w.snapshot(time.Second)
	s.Chosen = time.Second
	h.feed(s)
	if l := h.line(-2); !strings.HasSuffix(strings.TrimSpace(l), "Update: 1 s") {
		t.Errorf("the chosen interval is back: %q", l)
	}
}

// TestFault12HeaderSaysNoBytes: the header names the lack, the help screen says why.
func TestFault12HeaderSaysNoBytes(t *testing.T) {
	h := start(t, 120, 40, nil)
	s := web().snapshot(0)
	s.Access.NoBytes = errors.New("sock_diag: operation not permitted")
	h.feed(s)
	if !strings.Contains(h.line(0), "no byte counters") {
		t.Errorf("the header: %q", h.line(0))
	}
	h.press("?", "G")
	if text := h.text(); !strings.Contains(text, "No byte counters") || !strings.Contains(text, "operation not permitted") {
		t.Errorf("the help:\n%s", text)
	}
}

func TestChangesAreMarked(t *testing.T) {
	h := start(t, 120, 16, nil)
	w := web()
	h.feed(w.snapshot(0))
	w.sockets[2].State = model.FinWait2
	w.sockets = append(w.sockets[:3], w.sockets[4:]...)
	w.socket("tcp", "10.0.0.5:22", "192.0.2.1:999", model.Established, 1203).Cookie = 99
	h.feed(w.snapshot(time.Second))
	for sign, what := range map[string]string{"~": "FIN_WAIT2", "-": "CLOSE_WAIT", "+": "192.0.2.1"} {
		found := false
		for y := range 16 {
			if l := h.line(y); strings.HasPrefix(l, sign) && strings.Contains(l, what) {
				found = true
				want := map[string]any{"~": h.app.theme.changed, "-": h.app.theme.closed, "+": h.app.theme.fresh}[sign]
				if got := h.styleAt(0, y); y != 2 && got != want {
					t.Errorf("row %q is drawn in %v, want %v", l, got, want)
				}
			}
		}
		if !found {
			t.Errorf("no row %s with %s:\n%s", sign, what, h.text())
		}
	}
	h.feed(w.snapshot(time.Second))
	if strings.Contains(h.text(), "CLOSE_WAIT") {
		t.Errorf("the closed row is still there after its second:\n%s", h.text())
	}
}

func TestCursorFollowsItsSocket(t *testing.T) {
	h := start(t, 120, 16, nil)
	w := web()
	h.feed(w.snapshot(0))
	h.press("j", "j", "j")
	before := h.app.state.cursor
	row := func() string { return h.line(2 + h.app.state.cursorAt - h.app.state.top) }
	was := strings.Join(strings.Fields(row())[:7], " ")
	h.press("S")
	if h.app.state.cursor != before {
		t.Fatal("the cursor went to another socket when the order was turned round")
	}
	if now := strings.Join(strings.Fields(row())[:7], " "); now != was {
		t.Errorf("the cursor is drawn on %q, its socket is %q", now, was)
	}
	h.press("/")
	h.type_("proto:udp")
	h.press("Enter")
	if len(h.app.table.view.order) != 1 || h.app.state.cursor == before {
		t.Errorf("after the filter the cursor is on a row that is not shown:\n%s", h.text())
	}
}

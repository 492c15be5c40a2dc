package ui

import (
	"strings"
	"testing"

	"sockview/keymap"
	"sockview/model"
)

// TestOtherEndKey: v goes from one end of a loopback connection to the other and back, in the table, in the details, and
// past a filter; where there is no other end it says so.
func TestOtherEndKey(t *testing.T) {
	h := start(t, 160, 60, nil)
	n := newStation(everything)
	var client, server model.Key
	n.dress = func(s *model.Snapshot) {
		var ends []*model.Socket
		for i := range s.Sockets {
			if r := &s.Sockets[i]; r.Proto == model.TCP && r.State == model.Established && r.Owner >= 0 && !r.Dead && len(ends) < 2 {
				ends = append(ends, r)
			}
		}
		a, b := ends[0], ends[1]
		a.Local, a.Remote, a.LocalPort, a.RemotePort = model.Addr{15: 1}, model.Addr{15: 1}, 41000, 81
		b.Local, b.Remote, b.LocalPort, b.RemotePort = a.Local, a.Remote, 81, 41000
		client, server = model.SocketKey(s, a), model.SocketKey(s, b)
	}
	s := n.snapshot(0)
	h.feed(s)
	at := func(k model.Key) {
		t.Helper()
		i, ok := h.app.table.view.find(k)
		if !ok {
			t.Fatal("no such row")
		}
		h.press("g")
		for range i {
			h.press("j")
		}
	}
	at(client)
	for i, want := range []model.Key{server, client} {
		h.press("v")
		if h.app.state.cursor != want || h.app.details() != nil {
			t.Fatalf("jump %d leads to %v, want %v", i+1, h.app.state.cursor, want)
		}
	}
	h.press(keymap.Enter)
	if text := h.text(); !strings.Contains(text, "Other end, in this host: ") {
		t.Errorf("the details say nothing of the other end:\n%s", text)
	}
	h.press("v")
	if d := h.app.details(); d == nil || d.key != server || h.app.state.cursor != server || len(h.app.overlays) != 1 {
		t.Errorf("in the details it leads to %+v", d)
	}
	h.press(keymap.Esc)
	h.press("/")
	h.type_("lport:81")
	h.press(keymap.Enter)
	h.press("g", "v")
	if d := h.app.details(); d == nil || d.key != client {
		t.Errorf("past the filter it leads to %+v", d)
	}
	h.press(keymap.Esc, "2", "v")
	if got := h.app.message; !strings.Contains(got, "no other end") {
		t.Errorf("on processes it says %q", got)
	}
}

// TestKillNamesOtherHolders: before a signal is sent, the question names who else holds the socket.
func TestKillNamesOtherHolders(t *testing.T) {
	a := &actor{}
	h, _ := served(t, 120, 40, func(c *Config) { c.Actor = a.ui() })
	h.press("/")
	h.type_("lport:443 state:listen")
	h.press(keymap.Enter, "K", keymap.Enter)
	want := "held too by nginx (1204): a shared socket stays open"
	if text := h.text(); !strings.Contains(text, want) {
		t.Errorf("the question does not say %q:\n%s", want, text)
	}
	h.press(keymap.Esc, keymap.Esc)
	h.press("/")
	h.type_("pid:4410")
	h.press(keymap.Enter, "K")
	if text := h.text(); !strings.Contains(text, "Signal the owner") || strings.Contains(text, "held too") {
		t.Errorf("of a socket with one holder it says:\n%s", text)
	}
}

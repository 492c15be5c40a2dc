package ui

import (
	"testing"
	"time"

	"sockview/keymap"
)

// TestTrailIsBounded: whoever goes from counts to sockets and back to counts for ever comes back by Esc, and nothing
// piles up.
func TestTrailIsBounded(t *testing.T) {
	a := &App{}
	screens := make([]*screenState, 3*maxTrail)
	for i := range screens {
		screens[i] = &screenState{}
		a.leave(screens[i])
		if len(a.trail) > maxTrail {
			t.Fatalf("%d screens to go back to, want at most %d", len(a.trail), maxTrail)
		}
	}
	for i, st := range a.trail {
		if st != screens[len(screens)-maxTrail+i] {
			t.Fatalf("step %d back leads elsewhere than where one came from", maxTrail-i)
		}
	}

	h := start(t, 100, 20, nil)
	h.feed(zoo().snapshot(time.Second))
	for range maxTrail { // each round is two screens
		h.press("b", keymap.Enter, keymap.Enter)
	}
	h.look(func() {
		if n := len(h.app.trail); n != maxTrail {
			t.Errorf("%d screens to go back to, want %d", n, maxTrail)
		}
	})
}

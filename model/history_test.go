package model

import (
	"math"
	"testing"
	"time"
)

func TestPackRate(t *testing.T) {
	for _, r := range []float32{0, 0.5, -1} {
		if got := unpackRate(packRate(r)); got != 0 {
			t.Errorf("%g bytes/s comes back as %g", r, got)
		}
	}
	for r := float32(1); r < 3.6e9; r *= 1.01 {
		if got := unpackRate(packRate(r)); math.Abs(float64(got/r)-1) > 0.09 {
			t.Fatalf("%g bytes/s comes back as %g", r, got)
		}
	}
	if got := unpackRate(packRate(1e30)); got < 3.5e9 || got > 4.5e9 {
		t.Errorf("more than fits comes back as %g", got)
	}
}

func TestTrackerHistory(t *testing.T) {
	one, two := tcp4(1, 0, 0), tcp4(2, 0, 0)
	w := newWatch(t).poll(one, two)
	if sent, received := w.tr.History(&two); len(sent) != 0 || len(received) != 0 {
		t.Errorf("after one sample: %v, %v", sent, received)
	}
	for i := range historyLength + 5 {
		two.Sent += uint64(1000 * (i + 1))
		w.poll(one, two)
	}
	sent, received := w.tr.History(&two)
	if len(sent) != historyLength || len(received) != historyLength {
		t.Fatalf("%d and %d samples are kept", len(sent), len(received))
	}
	for i := range sent {
		if received[i] != 0 || i > 0 && sent[i] < sent[i-1] || sent[i] < 1000 {
			t.Fatalf("not oldest first, or not this row's: %v, %v", sent, received)
		}
	}
	w.pollAfter(0, nil, one, two) // no rate, no sample
	if again, _ := w.tr.History(&two); again[historyLength-1] != sent[historyLength-1] {
		t.Error("a sample without a rate was kept")
	}
	w.hold = 0
	w.pollAfter(time.Second, nil, two).poll(two).poll(two) // 1 closes; 2 moves to its place
	w.count(1, 1)
	if moved, _ := w.tr.History(&two); len(moved) != historyLength || moved[0] < 1000 {
		t.Errorf("the rates did not move with their row: %v", moved)
	}
	if sent, _ := w.tr.History(&one); sent != nil {
		t.Errorf("of a row that is gone: %v", sent)
	}
}

// TestIdleSocketsHaveNoHistory: what never moved anything takes no memory, reads as zeros, and a place is used again.
func TestIdleSocketsHaveNoHistory(t *testing.T) {
	w := newWatch(t)
	idle := tcp4(1, 0, 0)
	for i := range uint64(40) {
		moving := tcp4(100+i/4, 1000*i, 0) // ten sockets, each for four polls
		w.poll(idle, moving)
	}
	if sent, received := w.tr.History(&idle); len(sent) != historyLength || sent[0] != 0 || received[historyLength-1] != 0 {
		t.Errorf("an idle socket: %v, %v", sent, received)
	}
	if n := len(w.tr.rates.all); n == 0 || n > 4 {
		t.Errorf("%d histories for one socket that moves at a time", n)
	}
}

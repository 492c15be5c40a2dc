package act

// What is refused whoever asks, and what is said when the kernel refuses.

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// TestFault37NeverSignalled: pid 1 and sockview itself cannot even be taken hold of, by whatever way. The signal is 0,
// which sends nothing, so that a hole here would not end what the test runs on.
func TestFault37NeverSignalled(t *testing.T) {
	for name, pid := range map[string]int{"init": 1, "ourselves": os.Getpid()} {
		t.Run(name, func(t *testing.T) {
			a, of := actor(), target(t, pid) // the very process: only the guard is in the way
			if h, err := a.Hold(of); !errors.Is(err, ErrRefused) || h != nil {
				t.Errorf("hold: %v, %v", h, err)
			}
			if err := a.Signal(of, 0); !errors.Is(err, ErrRefused) || strings.Contains(err.Error(), "\n") {
				t.Errorf("signal: %v", err)
			}
			if got := a.Rank(of); got.Guard != model.NeverTouch || got.Reason == "" {
				t.Errorf("rank: %+v", got)
			}
		})
	}
}

// TestFault39MissingCapability: what the kernel refuses for want of a capability is said to be that, with its name, and
// nothing was done.
func TestFault39MissingCapability(t *testing.T) {
	for _, refusal := range []error{unix.EPERM, unix.EACCES} {
		a := New(emptyProc(t), func(model.CloseTarget) error { return fmt.Errorf("destroying a socket: %w", refusal) })
		err := a.Close(established())
		if !errors.Is(err, ErrPermission) || !errors.Is(err, refusal) || !strings.Contains(err.Error(), "CAP_NET_ADMIN") ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("close, %v: %v", refusal, err)
		}
	}
	const other = 54321 // a user who is neither we nor anybody
	theirs := forbidden(7, credentials{real: other, effective: other, saved: other}, unix.EPERM)
	if says := theirs.Error(); !errors.Is(theirs, ErrPermission) || hasCapKill() == strings.Contains(says, "CAP_KILL") {
		t.Errorf("signal, with CAP_KILL %v: %v", hasCapKill(), says)
	}
}

package model

import (
	"slices"
	"testing"
)

func TestStandingWords(t *testing.T) {
	t.Parallel()
	for standing, want := range map[Standing]string{
		Unjudged: "unknown", Allowed: "yes", Partial: "partly", Denied: "no", Absent: "not here", Absent + 1: "unknown",
	} {
		if got := standing.String(); got != want {
			t.Errorf("%d: %q, not %q", standing, got, want)
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	load, give := SafeText("sudo modprobe udp_diag"), SafeText("sudo setcap cap_kill=p /sockview")
	r := Report{Findings: []Finding{
		{ID: "a", Standing: Allowed}, {ID: "b", Standing: Denied, Fix: give}, {ID: "c", Standing: Denied, Fix: load},
		{ID: "d", Standing: Partial, Fix: give}, {ID: "e", Standing: Absent},
	}}
	for standing, want := range map[Standing]int{Unjudged: 0, Allowed: 1, Partial: 1, Denied: 2, Absent: 1} {
		if got := r.Count(standing); got != want {
			t.Errorf("%v: %d, not %d", standing, got, want)
		}
	}
	if got := r.Fixes(); !slices.Equal(got, []Text{give, load}) {
		t.Errorf("%v", got)
	}
	if got := (&Report{}).Fixes(); got != nil {
		t.Errorf("an empty report is mended by %v", got)
	}
}

package main

// --check with the real binary: what it says of this machine, and that it leaves it as it was.

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// checked runs --check --json and gives the states by their ids, and the lines that mend.
func checked(t *testing.T, as *syscall.Credential, args ...string) (states, fixes map[string]string) {
	t.Helper()
	c := exec.Command(built.binary, append([]string{"--check", "--json"}, args...)...)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	c.Dir = "/"
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var report struct {
		Findings []struct{ ID, State, Fix string }
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	states, fixes = map[string]string{}, map[string]string{}
	for _, f := range report.Findings {
		states[f.ID], fixes[f.ID] = f.State, f.Fix
	}
	return states, fixes
}

func TestCheckAsNobody(t *testing.T) {
	t.Parallel()
	var as *syscall.Credential // whoever runs the test
	if os.Geteuid() == 0 {
		as = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	states, fixes := checked(t, as)
	for _, id := range []string{"owners", "close", "signals", "marks"} {
		if states[id] != "no" {
			t.Errorf("%s: %q", id, states[id])
		}
		if fix := fixes[id]; strings.HasPrefix(fix, "sudo ") && !strings.HasSuffix(fix, built.binary) {
			t.Errorf("%s: %s is not about %s", id, fix, built.binary)
		}
	}
}

func TestCheckAsRoot(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root: it is about what root may")
	}
	states, _ := checked(t, nil)
	if states["close"] != "yes" || states["signals"] != "yes" || states["marks"] != "yes" {
		t.Errorf("%v", states)
	}
	states, _ = checked(t, nil, "--read-only")
	if states["close"] != "no" || states["signals"] != "no" {
		t.Errorf("read-only: %v", states)
	}
}

func TestCheckForPeople(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(built.binary, "--check").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"kernel", "TCP sockets", "closing connections"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

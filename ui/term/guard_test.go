package term

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// left is a Guard that does not end the process, what it reports, and the exit codes it would end with.
func left() (*Guard, *bytes.Buffer, chan int) {
	var report bytes.Buffer
	codes := make(chan int, 1)
	return &Guard{stderr: &report, exit: func(code int) { codes <- code }}, &report, codes
}

func TestGuardWithoutTerminal(t *testing.T) {
	tests := []struct {
		name string
		do   func(g *Guard)
		code int
		want string
	}{
		{"panic in a goroutine", func(g *Guard) { g.Go("sampler", func() { panic("a\x1b[2Jb\nc") }) },
			2, "sockview: panic in sampler: a\\x1b[2Jb\nc\n"},
		{"panic with an error", func(g *Guard) { g.Go("x", func() { panic(errors.New("boom")) }) },
			2, "sockview: panic in x: boom\n"},
		{"panic in main", func(g *Guard) { defer g.Recover(); panic(7) }, 2, "sockview: panic in main: 7\n"},
		{"exit", func(g *Guard) { g.Exit(5) }, 5, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g, report, codes := left()
			tt.do(g)
			if code := <-codes; code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			if !strings.HasPrefix(report.String(), tt.want) || (tt.want == "") != (report.Len() == 0) {
				t.Errorf("report %q, want %q first", report, tt.want)
			}
			if tt.want != "" && !strings.Contains(report.String(), "guard_test.go") {
				t.Errorf("no stack in %q", report)
			}
			if strings.ContainsAny(report.String(), "\x1b\t\r") {
				t.Errorf("control characters in %q", report)
			}
		})
	}
}

// The first reason to leave counts, and whoever comes later waits for the end instead of racing it.
func TestGuardLeavesOnce(t *testing.T) {
	g, _, codes := left()
	g.Exit(143)
	second := make(chan struct{})
	go func() { g.Exit(1); close(second) }()
	if code := <-codes; code != 143 {
		t.Errorf("exit code %d, want 143", code)
	}
	select {
	case code := <-codes:
		t.Errorf("left again with %d", code)
	case <-second:
		t.Error("Exit came back")
	case <-time.After(20 * time.Millisecond): // there is no end to wait for
	}
}

// A stderr that takes nothing does not keep the process.
func TestGuardWithStalledStderr(t *testing.T) {
	g, _, codes := left()
	stalled, writer := io.Pipe()
	defer stalled.Close()
	g.stderr = writer
	g.Go("x", func() { panic("boom") })
	if code := <-codes; code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
}

func TestGuardIsQuietWithoutPanic(t *testing.T) {
	g, report, codes := left()
	done := make(chan struct{})
	g.Go("x", func() { defer g.Recover(); close(done) })
	<-done
	if len(codes) != 0 || report.Len() != 0 {
		t.Errorf("left with nothing to leave for: %q", report)
	}
}

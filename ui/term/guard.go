// The one way out of the process while the screen is on.

package term

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"sockview/model"
)

// exitPanic is the exit code after a panic, the one that Go itself uses.
const exitPanic = 2

// lastWords is how long a report on stderr may take; that may be the very terminal that is stuck.
const lastWords = 300 * time.Millisecond

// Guard watches over goroutines, with or without a screen. A panic in one of them, or in a function that
// defers Recover, gives the terminal back, is reported on stderr as safe text, and ends the process with
// exit code 2. The first reason to leave is the one that counts.
type Guard struct {
	stderr io.Writer
	exit   func(int)

	mu       sync.Mutex
	terminal *Terminal
	leaving  bool
}

// NewGuard returns a Guard that reports on standard error and ends this process.
func NewGuard() *Guard {
	return &Guard{stderr: os.Stderr, exit: os.Exit}
}

// Go runs f in a goroutine of its own. The name says in a report what f was for.
func (g *Guard) Go(name string, f func()) {
	go func() {
		defer func() {
			if p := recover(); p != nil {
				g.crash(name, p, debug.Stack())
			}
		}()
		f()
	}()
}

// Recover is to be deferred, itself and not from within another function, by main and by what is called
// from goroutines that Go did not start.
func (g *Guard) Recover() {
	if p := recover(); p != nil {
		g.crash("main", p, debug.Stack())
	}
}

// Exit gives the terminal back and ends the process. It does not return; if the process is being ended
// already, by a signal for example, that one's exit code stands.
func (g *Guard) Exit(code int) { g.leave(code, "") }

// crash reports a panic. The value and the stack may hold foreign text, so they are made safe line by line.
func (g *Guard) crash(name string, value any, stack []byte) {
	var b strings.Builder
	report := fmt.Sprintf("sockview: panic in %s: %v\n\n%s", name, value, stack)
	for line := range strings.Lines(report) {
		line = strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "    ")
		b.WriteString(model.SafeText(line).String())
		b.WriteByte('\n')
	}
	g.leave(exitPanic, b.String())
}

// attach makes t the terminal that is given back on the way out.
func (g *Guard) attach(t *Terminal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.terminal = t
}

func (g *Guard) leave(code int, report string) {
	g.mu.Lock()
	if g.leaving {
		g.mu.Unlock()
		select {} // until the process ends
	}
	g.leaving = true
	t := g.terminal
	g.mu.Unlock()

	if t != nil {
		t.Restore()
	}
	if report != "" {
		written := make(chan struct{})
		go func() {
			defer close(written)
			_, _ = io.WriteString(g.stderr, report) // nobody is left to be told that this failed
		}()
		select {
		case <-written:
		case <-time.After(lastWords):
		}
	}
	g.exit(code)
}

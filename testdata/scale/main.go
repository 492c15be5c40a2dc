// Command scale measures sockview among a hundred thousand sockets, each figure beside its reference in the same run,
// and prints them with the bar that each has to meet:
//
//	go run ./testdata/scale                   # 96,000 TCP sockets; about eight minutes
//	go run ./testdata/scale -n 500 -secs 2    # small and quick: it works, but its figures say little
//	go run ./testdata/scale -rows 1,2,9       # some rows only
//
// It needs root, for the network namespaces of testdata/crowd. However the figures come out the exit code is 0; it is 1
// when something could not be measured.
//
// Four roles are one program: the process a user starts, the lead; the observer, which the lead starts in one world
// after the other (worlds.go) and which reports figures, a JSON object a line (figures.go); a bare echo program
// (echo.go) and the tenants of namespaces (spaces.go), which the observer starts. The sampler's figures are taken in the observer itself (tick.go, garbage.go,
// owners.go), all others from the binary (screen.go, keys.go, views.go, print.go). table.go has the bars.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"

	"golang.org/x/sys/unix"
)

// role is the environment variable that tells a re-executed process what it is.
const role = "SCALE_ROLE"

func main() {
	// A parent-death signal comes when the thread that forked ends, so all are started from one that stays.
	runtime.LockOSThread()
	switch os.Getenv(role) {
	case "":
		os.Exit(lead(os.Args[1:]))
	case "observer":
		os.Exit(observe())
	case "tenant":
		os.Exit(inhabit())
	case "echo":
		os.Exit(echo())
	}
	os.Exit(fail(fmt.Errorf("%s=%q is not a role", role, os.Getenv(role))))
}

// fail says why nothing came of it, and returns the exit code.
func fail(err error) int {
	fmt.Fprintln(os.Stderr, "scale:", err)
	return 1
}

// lead is the process a user starts: it visits each world that is needed and prints the table.
func lead(args []string) int {
	s, code, ok := parse(args)
	if !ok {
		return code
	}
	if os.Geteuid() != 0 {
		return fail(errors.New("needs root, to make network namespaces"))
	}
	dir, err := os.MkdirTemp("", "sockview-scale-")
	if err != nil {
		return fail(fmt.Errorf("making a place for the programs: %w", err))
	}
	defer os.RemoveAll(dir)
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	p, err := build(ctx, dir, s.binary)
	if err != nil {
		return fail(err)
	}
	got := newFigures()
	var failed error
	for _, w := range worlds {
		if !s.rows.any(w.rows) {
			continue
		}
		if err := w.visit(ctx, s, p, got); err != nil {
			failed = errors.Join(failed, fmt.Errorf("world %s: %w", w.name, err))
		}
		if ctx.Err() != nil {
			return fail(errors.New("ended by a signal"))
		}
	}
	missing := write(os.Stdout, s, got)
	if failed == nil && missing > 0 {
		failed = fmt.Errorf("%d lines were not measured", missing)
	}
	if failed != nil {
		return fail(failed)
	}
	return 0
}

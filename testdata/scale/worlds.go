package main

// The worlds: what surrounds sockview while it is measured. Each is a crowd in a network namespace of its own, but the
// first, which is the host as it is. They come one after the other: a process of one would be seen from the next.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// world is what an observer is put into.
type world struct {
	name  string
	rows  rowSet                    // of the table, to which it contributes
	crowd func(s settings) []string // the crowd's flags; nil: no crowd
	look  func(o *observer) error   // what is measured there
	alone bool                      // it sees no processes and namespaces but those that it makes
}

// smallCrowd is how many connections the small world has: its cost for each socket is held against the full one's.
const smallCrowd = 500

// changing is how many connections send in the world of ten changing rows: each is two rows.
const changing = 5

var worlds = [...]world{
	{name: "quiet", rows: rowsOf(4, 5, 7, 10), look: (*observer).quiet},
	{name: "empty", rows: rowsOf(9), look: (*observer).constant,
		crowd: func(settings) []string { return []string{"-n", "0", "-udp", "0"} }},
	{name: "small", rows: rowsOf(9), look: (*observer).constant,
		crowd: func(settings) []string { return []string{"-n", strconv.Itoa(smallCrowd)} }},
	{name: "ten", rows: rowsOf(7), look: (*observer).tenChanging,
		crowd: func(settings) []string {
			return []string{"-n", strconv.Itoa(changing), "-senders", strconv.Itoa(changing), "-udp", "0"}
		}},
	{name: "full", rows: rowsOf(1, 2, 3, 4, 5, 8, 9, 10), look: (*observer).rest,
		crowd: func(s settings) []string { return []string{"-n", strconv.Itoa(s.connections)} }},
	{name: "churn", rows: rowsOf(1, 3, 6), look: (*observer).churn,
		crowd: func(s settings) []string {
			return []string{"-n", strconv.Itoa(s.connections), "-churn", strconv.Itoa(s.churn())}
		}},
	{name: "spaces", rows: rowsOf(11), look: (*observer).namespaces, alone: true},
}

// programs are where the binaries are.
type programs struct {
	dir, sockview, crowd string
}

// build builds what is measured, as it is released, and the crowd.
func build(ctx context.Context, dir, sockview string) (programs, error) {
	p := programs{dir: dir, sockview: filepath.Join(dir, "sockview"), crowd: filepath.Join(dir, "crowd")}
	packages := map[string]string{p.crowd: "sockview/testdata/crowd", p.sockview: "sockview"}
	if sockview != "" {
		path, err := filepath.Abs(sockview)
		if err != nil {
			return p, fmt.Errorf("finding %s: %w", sockview, err)
		}
		delete(packages, p.sockview)
		p.sockview = path
	}
	for path, pkg := range packages {
		cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", path, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return p, fmt.Errorf("building %s: %w\n%s", pkg, err, out)
		}
	}
	return p, nil
}

// order is what an observer has to do. It comes in the environment.
type order struct {
	World                string
	Connections, Seconds int
	Rows                 rowSet
	Dir, Sockview        string
}

// settings are those that the order was made of.
func (o order) settings() settings { return settings{connections: o.Connections, seconds: o.Seconds} }

// orderVariable carries the order.
const orderVariable = "SCALE_ORDER"

// visit makes the world, lets an observer look at it, and takes in what it reports.
func (w *world) visit(ctx context.Context, s settings, p programs, got *figures) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	text, err := json.Marshal(order{w.name, s.connections, s.seconds, s.rows, p.dir, p.sockview})
	if err != nil {
		return fmt.Errorf("encoding the order: %w", err)
	}
	command := []string{self}
	if w.crowd != nil {
		args := append([]string{p.crowd, "-for", "1h"}, w.crowd(s)...)
		command = append(append(args, "--"), self)
	}
	fmt.Fprintf(os.Stderr, "scale: the world %q: %v\n", w.name, about(w, s))
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), role+"=observer", orderVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if w.alone {
		cmd.SysProcAttr.Cloneflags = alone
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	reports, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("starting the observer: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the observer: %w", err)
	}
	err = got.read(w.name, reports)
	return errors.Join(err, cmd.Wait())
}

// about says what a world is made of.
func about(w *world, s settings) string {
	if w.alone {
		return fmt.Sprint(s.namespaces(), " network namespaces")
	}
	if w.crowd == nil {
		return "this host"
	}
	return fmt.Sprint("crowd ", w.crowd(s))
}

package main

// What a pipe gets: sockview beside ss and netstat, all with processes, output thrown away.

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// printing runs each in turn.
func (o *observer) printing() error {
	rivals := []struct {
		name string
		args []string
		took durations
	}{
		{"sockview", []string{o.order.Sockview, "-antp"}, nil},
		{"ss", []string{"ss", "-tanp"}, nil},
		{"netstat", []string{"netstat", "-antp"}, nil},
	}
	for turn := range o.counts.runs + 1 {
		for i := range rivals {
			r := &rivals[i]
			cmd := exec.Command(r.args[0], r.args[1:]...)
			cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
			start := time.Now()
			switch err := cmd.Run(); {
			case errors.Is(err, exec.ErrNotFound) && r.name != "sockview":
				continue
			case err != nil:
				return fmt.Errorf("running %v: %w", r.args, err)
			}
			if turn > 0 { // the first of each warms up
				r.took = append(r.took, time.Since(start))
			}
		}
	}
	for _, r := range rivals {
		what := report{Name: r.name, Lacks: "not installed"}
		if len(r.took) > 0 {
			what = report{Name: r.name, Value: millis(r.took.median())}
		}
		if err := o.tell(what); err != nil {
			return err
		}
	}
	return nil
}

package main

// The flags and their bounds.

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Bounds of what can be asked for. They keep a slip of the finger from taking the host down.
const (
	maxConnections = 500_000
	maxUDP         = 50_000
	maxProcesses   = 64        // of each kind: addresses and ports are laid out for so many
	maxChurn       = 4_000     // a second: TIME_WAITs of a minute stay below the usual tcp_max_tw_buckets of 131,072
	maxRate        = 1_000_000 // bytes a second of one sender
	maxFor         = time.Hour
)

// spareFiles are the file descriptors a process of the crew needs beside its sockets: listeners, epoll, pipes.
const spareFiles = 200

// settings are what the command line asks for.
type settings struct {
	connections int // TCP, two sockets each
	udp         int // sockets
	six         int // percent of all that is IPv6
	processes   int // servers, and as many clients
	churn       int // connections opened and closed a second, beside the standing ones
	senders     int // of the standing connections
	rate        int // bytes a second of each sender
	hold        time.Duration
	stdin       bool     // end when standard input is closed
	command     []string // to be run among the crowd; none: hold it
}

// parse reads the command line. Where it is not ok, what there was to say has been said and code is the exit code.
func parse(args []string) (s settings, code int, ok bool) {
	flags := flag.NewFlagSet("crowd", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintln(flags.Output(), "usage: crowd [flags] [-- command ...]")
		flags.PrintDefaults()
	}
	flags.IntVar(&s.connections, "n", 1000, "`connections`, each of two TCP sockets")
	flags.IntVar(&s.udp, "udp", -1, "UDP `sockets`, half of them connected (default n/50)")
	flags.IntVar(&s.six, "6", 25, "`percent` that is IPv6")
	flags.IntVar(&s.processes, "processes", 0,
		"server `processes`, and as many clients (default as the hard limit of open files asks, at least 3)")
	flags.IntVar(&s.churn, "churn", 0, "further `connections` opened and closed a second, each a second old;\n"+
		"the client closes half of them, which leaves TIME_WAITs, and resets the others")
	flags.IntVar(&s.senders, "senders", 0, "`connections` of the n that send steadily, ten times a second")
	flags.IntVar(&s.rate, "rate", 1000, "`bytes` a second that each sender sends")
	flags.DurationVar(&s.hold, "for", 10*time.Minute, "`duration` after which the crowd ends, from when it stands")
	flags.BoolVar(&s.stdin, "stdin", false, "end when standard input is closed, unless it is a terminal")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return s, 0, false
	case err != nil:
		return s, 2, false
	}
	s.command = flags.Args()
	if s.udp < 0 {
		s.udp = s.connections / 50
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return s, fail(fmt.Errorf("reading the limit of open files: %w", err)), false
	}
	if s.processes == 0 {
		s.processes = s.needed(limit.Max)
	}
	if err := s.check(); err != nil {
		fmt.Fprintln(os.Stderr, "crowd:", err)
		return s, 2, false
	}
	return s, 0, true
}

// needed is how many servers (and clients) it takes when each may open limit files.
func (s settings) needed(limit uint64) int {
	const least = 3
	// A server may still hold what its clients have closed, so churn counts twice.
	files := uint64(max(s.connections, 0) + s.udp + 2*max(s.churn, 0))
	if limit <= spareFiles {
		return maxProcesses
	}
	each := limit - spareFiles
	return int(min(max((files+each-1)/each, least), maxProcesses))
}

// check holds what is asked for against the bounds.
func (s settings) check() error {
	for _, f := range []struct {
		flag             string
		value, low, high int
	}{
		{"-n", s.connections, 0, maxConnections},
		{"-udp", s.udp, 0, maxUDP},
		{"-6", s.six, 0, 100},
		{"-processes", s.processes, 1, maxProcesses},
		{"-churn", s.churn, 0, maxChurn},
		{"-senders", s.senders, 0, s.connections},
		{"-rate", s.rate, 10, maxRate},
	} {
		if f.value < f.low || f.value > f.high {
			return fmt.Errorf("%s %d: takes %d to %d", f.flag, f.value, f.low, f.high)
		}
	}
	if s.hold <= 0 || s.hold > maxFor {
		return fmt.Errorf("-for %v: takes more than 0 and up to %v", s.hold, maxFor)
	}
	return nil
}

package main

// The flags, and how much is measured in the time they give.

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	lastRow         = 11
	leastCrowd      = 100 // connections: fewer do not fill a screen
	mostCrowd       = 200_000
	mostSeconds     = 600
	fullChurn       = 1000 // connections opened and closed a second
	crowdForEach    = 48   // a crowd below 48,000 has churn in proportion
	fullSpaces      = 50   // network namespaces beside our own
	leastSpaces     = 3
	screenColumns   = 200
	screenRows      = 50
	refreshInterval = time.Second // sockview's own, unless told otherwise
)

// rowSet is a set of rows of the table, bit n for row n.
type rowSet uint16

func rowsOf(rows ...int) (s rowSet) {
	for _, r := range rows {
		s |= 1 << r
	}
	return s
}

func (s rowSet) any(of rowSet) bool { return s&of != 0 }

// parseRows reads numbers with commas between them.
func parseRows(text string) (rowSet, error) {
	var s rowSet
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 1 || n > lastRow {
			return 0, fmt.Errorf("-rows %s: %q is no row from 1 to %d", text, word, lastRow)
		}
		s |= rowsOf(n)
	}
	return s, nil
}

// settings are what the command line asks for. The observer gets them too.
type settings struct {
	connections int
	seconds     int
	rows        rowSet
	binary      string // a sockview to measure; "" builds one
}

// parse reads the command line. Where it is not ok, what there was to say has been said and code is the exit code.
func parse(args []string) (s settings, code int, ok bool) {
	flags := flag.NewFlagSet("scale", flag.ContinueOnError)
	flags.IntVar(&s.connections, "n", 48_000, "`connections` of the full world, each of two TCP sockets")
	flags.IntVar(&s.seconds, "secs", 60, "`seconds` for which CPU time is taken; counts of all else follow from it")
	rows := flags.String("rows", "1,2,3,4,5,6,7,8,9,10,11", "`rows` of the table to measure")
	flags.StringVar(&s.binary, "sockview", "", "`path` of the binary to measure (default: one built of this tree)")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return s, 0, false
	case err != nil:
		return s, 2, false
	}
	var err error
	s.rows, err = parseRows(*rows)
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("takes flags only, not %q", flags.Arg(0))
	case s.connections < leastCrowd || s.connections > mostCrowd:
		err = fmt.Errorf("-n %d: takes %d to %d", s.connections, leastCrowd, mostCrowd)
	case s.seconds < 1 || s.seconds > mostSeconds:
		err = fmt.Errorf("-secs %d: takes 1 to %d", s.seconds, mostSeconds)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		return s, 2, false
	}
	return s, 0, true
}

// churn is how many connections are opened and closed a second in the world with churn.
func (s settings) churn() int { return min(fullChurn, max(1, s.connections/crowdForEach)) }

// namespaces is how many there are in the world of namespaces, in proportion too.
func (s settings) namespaces() int {
	return min(fullSpaces, max(leastSpaces, s.churn()*fullSpaces/fullChurn))
}

// counts says how often each thing is done; small for a run that is only to show that it works.
type counts struct {
	ticks     int // a second apart
	scans     int
	keys      int
	views     int // rounds of new sorts and filters
	runs      int // of the binary
	refreshes int // of the ten-changing world
	span      time.Duration
	warm      time.Duration
}

func (s settings) counts() counts {
	of := func(n, least, most int) int { return min(max(n, least), most) }
	return counts{
		ticks: of(s.seconds/4, 3, 15), scans: of(s.seconds/10, 3, 7), keys: of(4*s.seconds, 16, 240), views: of(s.seconds/15, 1, 4),
		runs: of(s.seconds/10, 3, 5), refreshes: of(s.seconds/2, 3, 30),
		span: time.Duration(s.seconds) * time.Second, warm: time.Duration(of(s.seconds/6, 2, 10)) * time.Second,
	}
}

// Command mutations shows that each of the forty faults that sockview survives has a test that would notice if it did
// not. For every entry of its list it takes one guard out of the source and runs that fault's test, which has to fail:
//
//	go run ./testdata/mutations                  # all of it, some minutes; as root, or some tests are skipped
//	go run ./testdata/mutations -only 12,30
//	go run ./testdata/mutations -list
//
// The working tree is never touched: the changed file lies in a folder for temporary files and is put over the real
// one by go's -overlay, for the binary that end-to-end tests build, too. It prints one line for each entry: killed,
// or what went wrong, and exits with 1 when any was not killed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	if signal.Ignored(unix.SIGHUP) { // under nohup; the tests, to which that would be handed on, are about it
		signal.Notify(make(chan os.Signal, 1), unix.SIGHUP)
	}
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "mutations:", err)
		}
		stop()
		os.Exit(1)
	}
}

// run is the command.
func run(ctx context.Context, args []string, out, errs io.Writer) error {
	flags := flag.NewFlagSet("mutations", flag.ContinueOnError)
	flags.SetOutput(errs)
	only := flags.String("only", "", "the faults to look at, as 12,30; all otherwise")
	list := flags.Bool("list", false, "say what would be done, and do nothing")
	verbose := flags.Bool("v", false, "show what the tests say that were to fail")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is not understood", flags.Arg(0))
	}
	chosen, err := choose(mutations, *only)
	if err != nil {
		return err
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	if *list {
		for _, m := range chosen {
			fmt.Fprintf(out, "%02d  %s  %s\n    - %s\n    + %s\n", m.fault, m.file, m.test(),
				indented(m.guard), indented(m.without))
		}
		return nil
	}
	b, err := newBench(ctx, root)
	if err != nil {
		return err
	}
	defer b.close()
	var count [outcomes]int
	for _, m := range chosen {
		began := time.Now()
		got := b.try(m)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		count[got.outcome]++
		fmt.Fprintf(out, "%02d  %-8s  %s  %s  %.1f s", m.fault, got.outcome, m.test(), m.file, time.Since(began).Seconds())
		if got.why != "" {
			fmt.Fprintf(out, "  (%s)", got.why)
		}
		fmt.Fprintln(out)
		if *verbose || got.outcome != killed && got.said != "" {
			fmt.Fprintln(errs, got.said)
		}
	}
	fmt.Fprintf(out, "%d mutations: %s\n", len(chosen), sum(count))
	if count[killed] != len(chosen) {
		return errors.New("not every guard has a test that notices when it is gone")
	}
	return nil
}

// moduleRoot is the folder of the go.mod that this is run in.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("asking go for its module: %w", err)
	}
	mod := strings.TrimSpace(string(out))
	if filepath.Base(mod) != "go.mod" {
		return "", errors.New("run it inside sockview's source")
	}
	return filepath.Dir(mod), nil
}

// choose is the entries for the faults named, in the list's order; all of them for "".
func choose(all []mutation, only string) ([]mutation, error) {
	if only == "" {
		return all, nil
	}
	var wanted []int
	for word := range strings.SplitSeq(only, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil {
			return nil, fmt.Errorf("-only %s: %q is no number of a fault", only, word)
		}
		if !slices.ContainsFunc(all, func(m mutation) bool { return m.fault == n }) {
			return nil, fmt.Errorf("-only %s: no mutation is of fault %d", only, n)
		}
		wanted = append(wanted, n)
	}
	var chosen []mutation
	for _, m := range all {
		if slices.Contains(wanted, m.fault) {
			chosen = append(chosen, m)
		}
	}
	return chosen, nil
}

// sum is how many came out how.
func sum(count [outcomes]int) string {
	var parts []string
	for o, n := range count {
		if n > 0 || outcome(o) == killed {
			parts = append(parts, fmt.Sprintf("%d %s", n, outcome(o)))
		}
	}
	return strings.Join(parts, ", ")
}

// indented is code of several lines for -list.
func indented(code string) string {
	code = strings.TrimSpace(strings.ReplaceAll(code, "\t", "  "))
	return strings.ReplaceAll(code, "\n", "\n      ")
}

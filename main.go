// Command sockview shows every socket of a Linux host, live, with the process that owns it and what it moves,
// and lets its user filter, sort, kill the owner or close the connection. In a pipe it prints the same table.
//
// This file wires the rooms together; what each does is said in its own package comment.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"sockview/keymap"
	"sockview/model"
	"sockview/sampler"
	"sockview/sampler/act"
	"sockview/sampler/names"
	"sockview/ui"
	"sockview/ui/term"
	"sockview/ui/text"
)

func main() {
	guard := term.NewGuard()
	defer guard.Recover()
	guard.Exit(run(os.Args[1:], guard))
}

// run is the program; it returns the exit code.
func run(args []string, guard *term.Guard) int {
	options, err := keymap.ParseArgs(args)
	if err != nil {
		return fail(err, keymap.ExitUsage)
	}
	switch {
	case options.Help:
		_, err := io.WriteString(os.Stdout, keymap.Default().Usage())
		return written(err)
	case options.Version:
		_, err := fmt.Println("sockview", version())
		return written(err)
	case options.Check:
		return written(text.Report(os.Stdout, sampler.Check(options.ReadOnly), options.JSON))
	}
	configured, err := ui.Configure(options, os.Getenv)
	switch {
	case errors.Is(err, ui.ErrNoRouteCache):
		return fail(err, 1)
	case err != nil:
		return fail(err, keymap.ExitUsage)
	}
	prints := ui.Prints(options) || !term.IsTerminal(os.Stdout)
	start := func(name string, f func()) {
		if name == options.Panic { // for the tests of what a panic leaves behind
			f = func() { panic("as --panic asked for") }
		}
		guard.Go(name, f)
	}
	resolver := names.New(names.Config{Go: func(f func()) { start("resolver", f) }})
	var printing *ui.Printing
	if prints {
		printing, err = configured.Printing(options, resolver)
	} else {
		err = configured.Check()
	}
	if err != nil {
		return fail(err, keymap.ExitUsage)
	}
	kernel, err := sampler.OpenConfined(sampler.Options{Own: resolver.Own, Go: start, Once: prints && !printing.Hears()}, options.ReadOnly)
	if err != nil {
		return fail(err, 1)
	}
	if prints {
		debug.SetGCPercent(400) // it ends before it pays to collect
		return written(printing.Run(context.Background(), kernel, os.Stdout, os.Stderr))
	}
	return show(kernel, options, configured, resolver, guard, start)
}

// show runs the full-screen view until its user quits.
func show(kernel *sampler.Kernel, options keymap.Options, c ui.Configured, resolver *names.Resolver, guard *term.Guard,
	start func(string, func())) int {
	debug.SetGCPercent(15) // the large tables hold no pointers: collecting costs little, and memory is scarce
	terminal, err := term.Open(term.Options{NoColor: options.NoColor, ASCII: c.ASCII, Mouse: c.Mouse, Guard: guard})
	if err != nil {
		return fail(err, 1)
	}
	defer terminal.Restore()
	c.ASCII = terminal.ASCII()
	hostname, err := os.Hostname()
	if err != nil {
		hostname = "localhost"
	}
	actor := kernel.Actor()
	app, err := ui.New(ui.Config{
		Snapshots: kernel.Sampler, Names: resolver, Screen: terminal.Screen(), Clipboard: terminal.HasClipboard(), Suspend: func(s ui.Suspender) { kernel.Pause(func() { terminal.Suspend(s) }) }, Go: start,
		Keys: c.Keys, Host: model.SafeText(hostname), SaveColumns: c.SaveColumns, Start: c.Start, Root: os.Geteuid() == 0, Panic: options.Panic,
		Actor: ui.Actor{
			Signals: act.Signals(), Rank: actor.Rank, Close: actor.Close,
			CloseRefusal: actor.CloseRefusal, CloseEffect: act.CloseEffect,
			Hold: func(t model.SignalTarget) (ui.Held, error) {
				h, err := actor.Hold(t)
				if err != nil {
					return nil, err
				}
				return h, nil
			},
		},
	})
	if err != nil {
		terminal.Restore()
		return fail(err, keymap.ExitUsage)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	start("sampler", func() { <-app.Drawn(); kernel.Run(ctx) })
	if err := app.Run(); err != nil {
		terminal.Restore()
		return fail(err, 1)
	}
	return 0
}

// written is the exit code after output: a reader who went away (| head) is no failure.
func written(err error) int {
	switch {
	case err == nil, text.Closed(err):
		return 0
	case errors.Is(err, ui.ErrTrouble): // it was said
		return 1
	}
	return fail(err, 1)
}

// fail says in one line what went wrong.
func fail(err error, code int) int {
	fmt.Fprintf(os.Stderr, "sockview: %s\n", model.SafeText(err.Error()))
	return code
}

// version is what the build says of itself.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "(development)"
}

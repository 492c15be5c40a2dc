// Package term borrows the terminal and gives it back as it was found, whatever happens.
//
// Open takes the terminal: it remembers its settings, picks a description for $TERM and the locale
// without running another program, and hands out a tcell.Screen that sends only the cells that changed
// (Diff). Restore gives it back well within a second, also when nobody reads what we write. A Guard does
// the same when a goroutine panics, and is the one way out of the process while the screen is on.
//
// What is drawn, and what a key means, is left to others. Two things cannot be survived here: SIGKILL
// and a fatal error of the Go runtime itself (out of memory, concurrent map writes), which no deferred
// call sees.
package term

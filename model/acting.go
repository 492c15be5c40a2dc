package model

import "syscall"

// Guard says how readily a process may be signalled.
type Guard uint8

// The guards.
const (
	Unguarded  Guard = iota // a plain confirmation is enough
	AskTyped                // ending it may end sockview or the session it runs in: to be confirmed by typing
	NeverTouch              // refused: pid 1, a kernel thread, sockview itself
)

// Protection is how readily a process may be signalled, and why not more readily.
type Protection struct {
	Guard  Guard
	Reason string // one sentence, safe to print; empty when Unguarded
}

// SignalChoice is a signal that is offered.
type SignalChoice struct {
	Name   string // without SIG
	Signal syscall.Signal
	Help   string // what it does to a process, in a few words
}

package ui

// What the screen needs of the world: small interfaces that main fills in.

import (
	"context"
	"syscall"

	"github.com/gdamore/tcell/v2"

	"sockview/keymap"
	"sockview/model"
)

// Snapshots is where snapshots come from: a mailbox of one slot, newest wins. A *sampler.Sampler.
type Snapshots interface {
	// Ready has a token when there may be a snapshot to take.
	Ready() <-chan struct{}
	// Take is the newest snapshot, nil when there is none newer. It must be released.
	Take() *model.Snapshot
	Release(*model.Snapshot)
	// Want says what is wanted from now on; the newest demand wins. It does not wait.
	Want(model.Demand)
}

// Actor changes the system: it signals processes and closes sockets. Its errors are one line for people.
type Actor struct {
	Signals []model.SignalChoice
	// Hold takes hold of the very process that was looked at, so that a signal can hit no other.
	Hold func(model.SignalTarget) (Held, error)
	// Rank says whether the process may be signalled at all, or only after typing.
	Rank func(model.SignalTarget) model.Protection
	// Close closes a socket; CloseRefusal says beforehand why it never will, CloseEffect what it does.
	Close        func(model.CloseTarget) error
	CloseRefusal func(model.CloseTarget) string
	CloseEffect  func(model.CloseTarget) string
}

// Held is a process that was taken hold of.
type Held interface {
	Signal(syscall.Signal) error
	// Hint is why a signal may not do what it is meant to, or "".
	Hint(syscall.Signal) string
	// Wait returns nil when the process has ended.
	Wait(context.Context) error
	Close()
}

// Names resolves addresses and ports. Only Await makes its caller wait.
type Names interface {
	// Host is the name of an address when it is known, and has it looked up when it is not; Known asks nobody.
	Host(model.Addr) (model.Text, bool)
	Known(model.Addr) (model.Text, bool)
	// Await looks names up until all are answered or ctx is done.
	Await(context.Context, []model.Addr)
	Service(model.Proto, uint16) model.Text
	Network(model.Addr) model.Text
	ServicePort(name string) (uint16, bool)
	// Changed has a token when a name was learned.
	Changed() <-chan struct{}
}

// Config is what the screen is made of.
type Config struct {
	Snapshots Snapshots
	Actor     Actor
	Names     Names
	Screen    tcell.Screen
	// Suspend is what Ctrl-Z does: the terminal is given back and the program stopped, until fg. Nil: nothing.
	Suspend func(Suspender)
	// Clipboard says that the terminal has one that Screen.SetClipboard reaches (OSC 52).
	Clipboard bool
	// Go starts a goroutine in which a panic is caught. Nil is the go statement.
	Go   func(name string, f func())
	Keys keymap.Map
	Host model.Text // name of this machine
	// SaveColumns keeps the columns chosen for a screen; nil keeps nothing.
	SaveColumns func(screen string, ids []string) error
	Start       Start
	Root        bool   // the user is root, who may not write everywhere here, and wonders why
	Panic       string // for tests: the goroutine of that name panics
}

// Suspender is what leaves the screen, calls f and comes back: the *tview.Application.
type Suspender interface{ Suspend(f func()) bool }

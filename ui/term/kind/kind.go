// Package kind is $TERM, taken out of the environment before anything else sees it.
//
// tview looks $TERM up while it is initialised, before main, and tcell runs infocmp for a name that is not
// in its tables. This program never runs another one, whatever is in $PATH. The language initialises
// packages in the order of their import paths, each as soon as what it imports is ready: this package needs
// syscall alone and "sockview/..." sorts before "time", on which everything with a terminal depends. So it
// must not import more than syscall.
package kind

import "syscall"

var name = taken()

func taken() string {
	name, _ := syscall.Getenv("TERM") // unset is empty: no kind is said
	_ = syscall.Unsetenv("TERM")      // fails on an empty name only
	return name
}

// Name is the kind of terminal that the process was told it has, $TERM, and empty if nothing was said.
func Name() string { return name }

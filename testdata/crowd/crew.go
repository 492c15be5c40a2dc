package main

// What servers and clients have in common: an order read from the keeper on standard input, and words said to it on
// standard output, a line each. One that ends before the keeper does has failed.

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// Words of the crew. A failure is followed by its reason.
const (
	wordReady  = "ready"  // a server listens
	wordStands = "stands" // all connections are made, or accepted
	wordFailed = "failed "
)

// crewNames are what the processes are called; more of them get a number.
var crewNames = map[string][]string{
	"server": {"web", "db", "cache", "queue", "mail", "auth"},
	"client": {"app", "worker", "proxy", "batch", "cron", "shell"},
}

// crewName is the name of process i of a role, 15 bytes at most, which is what the kernel keeps.
func crewName(role string, i int) string {
	names := crewNames[role]
	name := "crowd-" + names[i%len(names)]
	if i >= len(names) {
		name = fmt.Sprintf("%s-%d", name, i/len(names)+1)
	}
	return name
}

// member is one of the crew, as itself.
type member struct {
	keeper *json.Decoder // orders, and then the word to go
	input  io.Reader
}

// say tells the keeper a word. When the keeper is gone there is nobody to tell, and the end comes anyway.
func say(word string) { fmt.Println(word) }

// crew runs a server or a client until the keeper ends it.
func crew(work func(m member) error) int {
	// The kernel has taken the name from /proc/self/exe, which is "exe".
	if err := os.WriteFile("/proc/self/comm", []byte(os.Args[0]), 0); err != nil {
		say(wordFailed + "taking the name: " + err.Error())
		return 1
	}
	if err := work(member{json.NewDecoder(os.Stdin), os.Stdin}); err != nil {
		say(wordFailed + strings.ReplaceAll(err.Error(), "\n", " "))
		return 1
	}
	return 0
}

// order reads the next order.
func (m member) order(o any) error {
	if err := m.keeper.Decode(o); err != nil {
		return fmt.Errorf("reading the order: %w", err)
	}
	return nil
}

// Package model says what a socket, a process and a snapshot are: values and pure functions.
//
// It does no I/O, starts no goroutine and has no clock of its own; whoever calls it brings the
// kernel's bytes, already read, and the time. It imports the standard library only.
//
//   - Socket, Process, Snapshot: what was seen, as flat records.
//   - Tracker: folds one poll after the other into the next complete Snapshot.
//   - Table, Column, Value: one description of every column, from which formatting, comparing,
//     filtering, CSV and JSON follow.
//   - Filter: the expression language, over any table.
//   - Text: foreign text that was made harmless.
package model

// Package ui is the screen: tview over an immutable snapshot.
//
// It never talks to the kernel and never imports the sampler. What it needs it declares here as small
// interfaces (Snapshots, Actor, Names), and main hands them in. A view worker filters and sorts beside the
// drawing; the drawing goroutine paints the rows that are ready and never waits.
//
//	screens.go   what each screen is: row type, columns, where rows come from, where Enter leads
//	view.go      the worker: snapshot and query in, ordered rows out
//	table.go     the one widget that draws them; layout.go says how wide its columns are
//	app.go       the wiring; actions.go what each key does; the rest are the dialogs
//
// The table is drawn by its own primitive and not by tview.Table: it paints plain text, so that foreign text
// cannot hold a tag, and its cursor is the identity of a row and not a row number.
package ui

// Package text prints the tables that the screen shows: as aligned text, CSV and JSON.
//
// It writes whatever rows, columns and order it is given; which those are (filter, sorting, the first
// twenty) is decided before. It talks to nobody: the caller brings the io.Writer, and Save is the one
// function that touches files.
//
//   - Plain: for eyes. Values as the screen has them, with units.
//   - CSV, CSVRows, JSON, JSONLines: for programs. Raw numbers in the units that Units lists, the same in all three.
//   - ByEnding, Save: a table into a file, by the file's ending.
//   - Netstat: a snapshot's typed rows in netstat's own layouts, line for line.
//
// Every writer is a Writer and writes row by row, so that 100,000 rows need no more memory than one screen.
// A closed row is left out by all of them: a file has no colour to say that it is gone.
package text

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"syscall"

	"sockview/model"
)

// Table is what is printed. The rows belong to a snapshot: the caller holds it until the writer returned.
type Table struct {
	Specs   []model.Spec // all columns of the table
	Columns []int        // those to print, left to right, as indices into Specs
	Rows    model.Rows
	Order   []int32          // the rows to print, in order, as indices into Rows
	Format  *model.Formatter // names of hosts and services for Plain; nil is numeric
}

// Writer writes a whole table. An error is the io.Writer's own.
type Writer = func(io.Writer, Table) error

// Closed says whether a writer failed because nobody reads any more (| head): no reason for a message.
func Closed(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}

// ByEnding is the writer for a file of that name: .csv, .json or .txt, in any case.
func ByEnding(path string) (Writer, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
		return CSV, nil
	case ".json":
		return JSON, nil
	case ".txt":
		return Plain, nil
	}
	return nil, fmt.Errorf("%s: the file's ending says how to write it: .csv, .json or .txt", shown(path))
}

// eachRow calls f with the index of every row to print.
func (t *Table) eachRow(f func(row int) error) error {
	for _, i := range t.Order {
		if t.Rows.Change(int(i)) == model.Closed {
			continue
		}
		if err := f(int(i)); err != nil {
			return err
		}
	}
	return nil
}

// page gathers output, so that a row is not a system call.
type page struct {
	w   io.Writer
	buf []byte
}

// pageSize is when a page is written; a pipe takes as much at once (pipe(7)).
const pageSize = 64 << 10

// turn writes the page when it is full.
func (p *page) turn() error {
	if len(p.buf) < pageSize {
		return nil
	}
	return p.flush()
}

func (p *page) flush() error {
	_, err := p.w.Write(p.buf)
	p.buf = p.buf[:0]
	return err
}

// safe is foreign text as it may be printed. What comes out of a snapshot was made safe where it entered;
// this is the last door, and it costs next to nothing.
func safe(s string) string { return model.SafeText(s).String() }

// shown is a path for a message.
func shown(path string) string { return safe(path) }

package text

// netstat's own layouts (net-tools 2.10), line for line, so that what reads netstat's output reads ours.
// Rows and their order come from the caller; ShowsSocket and the like tell which rows netstat would print.
//
// Three things differ on purpose. Foreign text is written escaped. A row that is gone is left out. And an
// interface whose name has 15 letters has its counters here; netstat says 0.

import (
	"io"
	"strconv"
	"sync"
	"unicode/utf8"

	"sockview/model"
)

// Netstat says how netstat's layout is wanted; its zero value is a bare netstat -n.
//
// Names that Host, Service and Network give are made safe here; of a large table several goroutines ask for them at
// once. An error of its methods is the io.Writer's own.
type Netstat struct {
	// All and Listening are -a and -l. They choose the title; ShowsSocket and its like go by them, the writers
	// print every row of order that is alive.
	All, Listening bool
	Extend         int  // how often -e was given
	Wide           bool // -W: addresses are not cut
	Programs       bool // -p
	Timers         bool // -o
	NumericUsers   bool // users by their numbers
	// Host names an address, or says "". Nil is numeric.
	Host func(model.Addr) string
	// Service names a port of a protocol, or says "". Nil is numeric. Of model.Raw it is asked for the name
	// of a protocol number.
	Service func(p model.Proto, port uint16) string
	// Network names the IPv4 network that begins at an address, or says "". Nil is numeric.
	Network func(model.Addr) string
}

// lines writes a title and then a line for each row of order: line appends it to the page, or appends nothing.
func lines(w io.Writer, title string, order []int32, line func(dst []byte, row int) []byte) error {
	p := page{w: w, buf: append(make([]byte, 0, pageSize+4096), title...)}
	for _, i := range order {
		p.buf = line(p.buf, int(i))
		if err := p.turn(); err != nil {
			return err
		}
	}
	return p.flush()
}

// manyLines is lines of a table that may have very many: two at work are twice as fast. worker makes what appends a
// line, for each of them.
func manyLines(w io.Writer, title string, order []int32, worker func() func(dst []byte, row int) []byte) error {
	const workers, piece, width = 2, 2048, 160 // rows, and bytes of one
	if len(order) <= 2*workers*piece {
		return lines(w, title, order, worker())
	}
	if _, err := io.WriteString(w, title); err != nil {
		return err
	}
	var done [workers]chan []byte // pieces, in turn
	spare := make(chan []byte, 2*workers)
	over := make(chan struct{})
	var working sync.WaitGroup
	defer working.Wait() // none reads the snapshot when this has returned
	defer close(over)
	for i := range workers {
		spare <- make([]byte, 0, piece*width)
		spare <- make([]byte, 0, piece*width)
		done[i] = make(chan []byte, 1)
		working.Go(func() {
			line := worker()
			for at := i * piece; at < len(order); at += workers * piece {
				var buf []byte
				select {
				case buf = <-spare:
				case <-over:
					return
				}
				buf = buf[:0]
				for _, row := range order[at:min(at+piece, len(order))] {
					buf = line(buf, int(row))
				}
				select {
				case done[i] <- buf:
				case <-over:
					return
				}
			}
		})
	}
	for at := 0; at < len(order); at += piece {
		buf := <-done[at/piece%workers]
		if _, err := w.Write(buf); err != nil {
			return err
		}
		spare <- buf
	}
	return nil
}

// scope is what a title says of the rows below it.
func (n *Netstat) scope() string {
	switch {
	case n.All:
		return "(servers and established)\n"
	case n.Listening:
		return "(only servers)\n"
	}
	return "(w/o servers)\n"
}

// padTo appends blanks until what was appended since from is wide bytes. printf, which netstat uses, counts
// bytes too.
func padTo(dst []byte, from, wide int) []byte { return blanks(dst, wide-(len(dst)-from)) }

// left appends s and blanks up to wide bytes.
func left(dst []byte, s string, wide int) []byte {
	from := len(dst)
	return padTo(append(dst, s...), from, wide)
}

// right appends s behind blanks up to wide bytes.
func right(dst []byte, s string, wide int) []byte { return append(blanks(dst, wide-len(s)), s...) }

// leftNumber appends v and blanks up to wide bytes.
func leftNumber(dst []byte, v int64, wide int) []byte {
	from := len(dst)
	return padTo(strconv.AppendInt(dst, v, 10), from, wide)
}

// rightNumber appends v behind blanks up to wide bytes.
func rightNumber(dst []byte, v uint64, wide int) []byte {
	var digits [20]byte
	b := strconv.AppendUint(digits[:0], v, 10)
	return append(blanks(dst, wide-len(b)), b...)
}

// rightInt is rightNumber of a number that may be negative.
func rightInt(dst []byte, v int64, wide int) []byte {
	var digits [20]byte
	b := strconv.AppendInt(digits[:0], v, 10)
	return append(blanks(dst, wide-len(b)), b...)
}

// cut is s up to most bytes, at a whole character.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

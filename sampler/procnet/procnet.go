// Package procnet reads the kernel's own tables of sockets, the files tcp, udp, udplite, raw and their IPv6 forms of
// a net directory (proc_net(5)), and the figures of sockstat that say whether there are any.
//
// It is what remains where sock_diag(7) is refused, or has no handler for a protocol, as often for raw sockets.
// The files tell less: no cookie, so that a socket has no name for good; no tcp_info, so no bytes and no path; no
// backlog's limit; no interface; and no socket that is only bound. A big table takes the kernel longer to print
// than sock_diag to dump. It leaves to others: when to read which, and who owns a socket.
package procnet

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// ErrUnsupported means that there is no such table: the kernel is built without the protocol or family, or has no
// table of it here (SCTP). Asking again does not help.
var ErrUnsupported = errors.New("the kernel has no such table")

// FS is a net directory. One goroutine at a time may use it; its buffer is kept from one reading to the next.
type FS struct {
	dir  string
	r    *reader
	kept *kept // nil: files are opened when they are read
}

// At is the net directory dir: /proc/thread-self/net is the one of the namespace that the calling thread is in when
// a file is opened, /proc/PID/net that of a process. Nothing is read yet, and no file is kept open: that would keep
// a namespace alive.
func At(dir string) FS { return FS{dir: dir, r: &reader{buf: make([]byte, bufferSize)}} }

// In is another net directory, which is read into the same buffer: of both one at a time may be read.
func (f FS) In(dir string) FS { return FS{dir: dir, r: f.r} }

// bufferSize is the size of the buffer, bytes. The kernel gives a page or so with each read; a line is some 200.
const bufferSize = 64 << 10

// Result is what reading a table gave.
type Result struct {
	Rows int // sockets that were handed out
	Bad  int // lines that could not be parsed
}

// reader reads one file after the other into one buffer.
type reader struct {
	fd   int
	buf  []byte
	sock model.Socket
}

// Read reads from the file that is open.
func (r *reader) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(r.fd, p)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// with opens the file name, hands it to read, and closes it. It says ErrUnsupported when there is none.
func (f FS) with(name string, read func(io.Reader) error) error {
	path := f.dir + "/" + name
	if f.kept != nil {
		return f.again(path, name, read)
	}
	for {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.ENOENT:
			return fmt.Errorf("open %s: %w: %w", path, ErrUnsupported, err)
		case err != nil:
			return fmt.Errorf("open %s: %w", path, err)
		}
		f.r.fd = fd
		err = read(f.r)
		unix.Close(fd) // nothing was written
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		return nil
	}
}

// tables are the files' names, of IPv4 and IPv6.
func tables(p model.Proto) (v4, v6 string) {
	switch p {
	case model.TCP:
		return "tcp", "tcp6"
	case model.UDP:
		return "udp", "udp6"
	case model.UDPLite:
		return "udplite", "udplite6"
	case model.Raw:
		return "raw", "raw6"
	}
	return "", ""
}

// Dump hands every socket in the table of a protocol and family to fn. The record is used again for the next one: fn
// copies what it keeps. Cookie is 0, Owner -1, and what the table does not tell is left zero. The local port
// of a raw socket is the protocol it takes.
//
// A listener's RecvQ are the connections not accepted yet. How many may wait is not told, so that HasQueues is not set
// for it.
//
// A line that does not parse is counted, and the rest stands. A socket may be missing or come twice when the table
// changes while it is read. Rows that were handed out before an error are true.
func (f FS) Dump(p model.Proto, family model.Family, fn func(*model.Socket)) (Result, error) {
	name, v6 := tables(p)
	if family == model.IPv6 {
		name = v6
	}
	if name == "" {
		return Result{}, fmt.Errorf("protocol %d: %w", p, ErrUnsupported)
	}
	var res Result
	err := f.with(name, func(file io.Reader) error {
		header := true
		return f.r.lines(file, func(line []byte, whole bool) {
			switch {
			case header:
				header = false
			case !whole || !parseSocket(&f.r.sock, line, p, family):
				res.Bad++
			default:
				res.Rows++
				fn(&f.r.sock)
			}
		})
	})
	return res, err
}

// lines hands each line of file to fn, without its end. One that is longer than the buffer or has no end, as the
// last one of a file that was cut, is not whole.
func (r *reader) lines(file io.Reader, fn func(line []byte, whole bool)) error {
	have, tooLong := 0, false
	for {
		n, err := file.Read(r.buf[have:])
		have += n
		at := 0
		for i := have - n; i < have; i++ {
			if r.buf[i] == '\n' {
				fn(r.buf[at:i], !tooLong)
				at, tooLong = i+1, false
			}
		}
		have = copy(r.buf, r.buf[at:have])
		if have == len(r.buf) {
			have, tooLong = 0, true
		}
		switch {
		case err == io.EOF:
			if have > 0 || tooLong {
				fn(r.buf[:have], false)
			}
			return nil
		case err != nil:
			return err
		}
	}
}

// Counts are how many sockets are in use in the namespace.
type Counts struct {
	All               int // of every protocol here, TIME_WAIT included; a dump may have a few more
	Raw, Raw6         int
	UDPLite, UDPLite6 int // bound to a port
}

// InUse reads sockstat and sockstat6, which count the sockets that the tables of raw and UDP-Lite have. A protocol
// or family that the kernel does not have is counted 0. It says ErrUnsupported where there is no sockstat.
func (f FS) InUse() (Counts, error) {
	var c Counts
	err := f.with("sockstat", func(file io.Reader) error { return f.r.inUse(file, &c) })
	if err != nil {
		return Counts{}, err
	}
	err = f.with("sockstat6", func(file io.Reader) error { return f.r.inUse(file, &c) })
	if err != nil && !errors.Is(err, syscall.ENOENT) { // no IPv6
		return Counts{}, err
	}
	return c, nil
}

// errSockstat is what is wrong with a sockstat.
var errSockstat = errors.New("a count is not a number")

// inUse takes the counts of one file, whose lines are like "RAW: inuse 2".
func (r *reader) inUse(file io.Reader, c *Counts) error {
	bad := false
	err := r.lines(file, func(line []byte, whole bool) {
		name, rest := field(line)
		var n *int
		tcp := false
		switch string(name) {
		case "RAW:":
			n = &c.Raw
		case "RAW6:":
			n = &c.Raw6
		case "UDPLITE:":
			n = &c.UDPLite
		case "UDPLITE6:":
			n = &c.UDPLite6
		case "TCP:", "TCP6:", "UDP:", "UDP6:":
			n, tcp = new(int), string(name) == "TCP:"
		default:
			return
		}
		word, rest := field(rest)
		digits, rest := field(rest)
		count, ok := decimal(digits)
		if !whole || !ok || string(word) != "inuse" || count > maxCount {
			bad = true
			return
		}
		*n = int(count)
		c.All += int(count)
		if tcp {
			c.All += timeWaits(rest)
		}
	})
	if err == nil && bad {
		return errSockstat
	}
	return err
}

// timeWaits is the count behind the word "tw", 0 without one: it is of both families.
func timeWaits(rest []byte) int {
	for len(rest) > 0 {
		var word []byte
		if word, rest = field(rest); string(word) != "tw" {
			continue
		}
		digits, _ := field(rest)
		if count, ok := decimal(digits); ok && count <= maxCount {
			return int(count)
		}
	}
	return 0
}

// maxCount is the kernel's own limit: it counts in an int.
const maxCount = 1<<31 - 1

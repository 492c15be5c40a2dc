package diag

// This file tests the parsing of unix sockets, and what is worked out of their rows.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// unixMsg is a struct unix_diag_msg with attributes.
func unixMsg(kind model.UnixType, state model.State, inode uint32, attrs ...[]byte) []byte {
	b := make([]byte, unixMsgSize)
	b[0], b[1], b[2] = unix.AF_UNIX, byte(kind), byte(state)
	binary.NativeEndian.PutUint32(b[4:], inode)
	binary.NativeEndian.PutUint32(b[8:], 1000+inode)
	binary.NativeEndian.PutUint32(b[12:], 1)
	return join(append([][]byte{b}, attrs...)...)
}

// numbers is an attribute of 32-bit words.
func numbers(kind uint16, n ...uint32) []byte {
	var v []byte
	for _, n := range n {
		v = binary.NativeEndian.AppendUint32(v, n)
	}
	return attr(kind, v...)
}

func unixRowMsg(body []byte) []byte {
	return msg(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_MULTI, 0, body...)
}

// dumpUnix is a dump as a slice.
func dumpUnix(t testing.TB, c *Conn) []model.UnixSocket {
	t.Helper()
	var all []model.UnixSocket
	res, err := c.DumpUnix(func(s *model.UnixSocket) { all = append(all, *s) })
	if err != nil || res != (Result{Rows: len(all)}) {
		t.Fatalf("dump: %+v, %v", res, err)
	}
	return all
}

// unixLine is what a row is compared by, but for numbers that differ each time.
func unixLine(s *model.UnixSocket) string {
	path := s.Path.String()
	if len(path) == 6 && path[0] == '@' && strings.Trim(path[1:], "0123456789abcdef") == "" {
		path = "@auto"
	}
	return fmt.Sprintf("%d %v %v %s", s.References, s.Type, s.State, path)
}

func TestUnixRow(t *testing.T) {
	c := NewConn(&script{steps: []step{data(unixRowMsg(unixMsg(model.UnixStream, model.Listen, 7,
		attr(unixName, []byte("/run/x\x00junk")...), attr(1, make([]byte, 8)...), numbers(unixIcons),
		numbers(unixRQLen, 3, 128), attr(unixShutdown, 2), numbers(unixUID, 1000), attr(99), attr(0x8000|98, 1))), done(0))}})
	want := model.UnixSocket{
		Cookie: 1<<32 | 1007, Inode: 7, Peer: -1, Path: model.SafeText("/run/x"), Type: model.UnixStream,
		State: model.UnixListening, RecvQ: 3, SendQ: 128, HasQueues: true, UID: 1000, HasUID: true, Shutdown: 2, References: 2,
		Holding: model.Holding{Owner: -1},
	}
	if got := dumpUnix(t, c); len(got) != 1 || got[0] != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	// Older kernels tell less: then nothing is made up.
	c = NewConn(&script{steps: []step{data(unixRowMsg(unixMsg(model.UnixDatagram, model.Close, 7)), done(0))}})
	if got := dumpUnix(t, c); got[0].HasQueues || got[0].HasUID || got[0].State != model.UnixUnconnected {
		t.Errorf("got %+v", got[0])
	}
}

func TestUnixRequest(t *testing.T) {
	s := &script{steps: []step{data(done(0))}}
	dumpUnix(t, NewConn(s))
	native := binary.NativeEndian
	want := join([]byte{unix.AF_UNIX, 0, 0, 0}, native.AppendUint32(nil, allStates), make([]byte, 4),
		native.AppendUint32(nil, 0x5d), make([]byte, 8))
	if b := s.got; len(b) != 40 || native.Uint32(b) != 40 || native.Uint16(b[4:]) != unix.SOCK_DIAG_BY_FAMILY ||
		native.Uint16(b[6:]) != unix.NLM_F_REQUEST|unix.NLM_F_DUMP || string(b[16:]) != string(want) {
		t.Errorf("got % x", b)
	}
}

func TestFault05UnixNames(t *testing.T) {
	long := strings.Repeat("n", 108)
	for _, test := range []struct{ raw, want string }{
		{"/run/x\x00", "/run/x"}, {"/run/x", "/run/x"}, {"x\x00y", "x"}, {"\x00", "@"}, {"\x00a\x00b\x00", "@a@b@"},
		{"\x00\x1b]0;x\x07", `@\x1b]0;x\x07`}, {"/tmp/a\nb\x00", `/tmp/a\nb`}, {"@x\x00", "@x"}, {long + "\x00", long}, {"\x00\xff", `@\xff`},
	} {
		c := NewConn(&script{steps: []step{data(unixRowMsg(unixMsg(model.UnixStream, model.Close, 1,
			attr(unixName, []byte(test.raw)...))), done(0))}})
		for range 2 { // the second time it is known
			if got := dumpUnix(t, c)[0].Path.String(); got != test.want {
				t.Errorf("%q: %q, want %q", test.raw, got, test.want)
			}
		}
	}
}

func TestFault07BadUnixRows(t *testing.T) {
	stream := func(attrs ...[]byte) []byte { return unixMsg(model.UnixStream, model.Listen, 9, attrs...) }
	inet := stream()
	inet[0] = unix.AF_INET
	long := attr(unixUID, 1, 2, 3, 4)
	binary.NativeEndian.PutUint16(long, 9)
	for name, body := range map[string][]byte{
		"nothing": {}, "short": stream()[:unixMsgSize-1], "family": inet, "empty name": stream(attr(unixName)),
		"long name": stream(attr(unixName, make([]byte, maxUnixName+1)...)), "short peer": stream(attr(unixPeer, 1, 2)),
		"short icon": stream(attr(unixIcons, 1, 2, 3, 4, 5)), "short queues": stream(attr(unixRQLen, 1, 2, 3, 4)),
		"empty shutdown": stream(attr(unixShutdown)), "short uid": stream(attr(unixUID, 1)),
		"attribute shorter than its header": stream([]byte{3, 0, unixName, 0}), "attribute longer than the rest": stream(long),
		"half a header": stream([]byte{4, 0}), "icons, then rubbish": stream(numbers(unixIcons, 0, 0), []byte{1}),
	} {
		good := unixRowMsg(unixMsg(model.UnixStream, model.Listen, 1, numbers(unixIcons, 0)))
		c := NewConn(&script{steps: []step{data(unixRowMsg(body), good, unixRowMsg(body), done(0))}})
		rows := 0
		res, err := c.DumpUnix(func(*model.UnixSocket) { rows++ })
		if err != nil || res != (Result{Rows: 2, Bad: 2}) || rows != 2 {
			t.Errorf("%s: %+v, %d rows, %v", name, res, rows, err)
		}
	}
}

func TestUnixReferences(t *testing.T) {
	peer := func(inode uint32) []byte { return numbers(unixPeer, inode) }
	name := attr(unixName, []byte("/l\x00")...)
	for _, test := range []struct {
		name string
		rows [][]byte
		want []string
	}{
		{"a pair", [][]byte{unixMsg(1, 1, 5, peer(6)), unixMsg(1, 1, 6, peer(5))},
			[]string{"3 STREAM CONNECTED ", "3 STREAM CONNECTED "}},
		{"its own peer", [][]byte{unixMsg(2, 1, 5, peer(5))}, []string{"3 DGRAM CONNECTED "}},
		{"a server", [][]byte{unixMsg(2, 1, 5), unixMsg(2, 1, 6, peer(5)), unixMsg(2, 1, 7, peer(5))},
			[]string{"4 DGRAM CONNECTED ", "2 DGRAM CONNECTED ", "2 DGRAM CONNECTED "}},
		{"a closed server", [][]byte{unixMsg(2, 1, 6, peer(0))}, []string{"2 DGRAM CONNECTED "}},
		{"the other end closed", [][]byte{unixMsg(1, 1, 6, peer(0), attr(unixShutdown, 3))}, []string{"2 STREAM CONNECTED "}},
		{"a server elsewhere", [][]byte{unixMsg(2, 1, 6, peer(99))}, []string{"2 DGRAM CONNECTED "}},
		{"waiting", [][]byte{unixMsg(5, 10, 5, name, numbers(unixIcons, 6, 0)), unixMsg(5, 1, 6, peer(0))},
			[]string{"2 SEQPACKET LISTENING /l", "3 SEQPACKET CONNECTED ", "3 SEQPACKET CONNECTING /l", "2 SEQPACKET CONNECTING /l"}},
		{"waiting, shut down", [][]byte{unixMsg(1, 1, 6, peer(0), attr(unixShutdown, 3)), unixMsg(1, 10, 5, name, numbers(unixIcons, 6))},
			[]string{"3 STREAM CONNECTED ", "2 STREAM LISTENING /l", "3 STREAM CONNECTING /l"}},
		{"accepted meanwhile", [][]byte{unixMsg(1, 10, 5, name, numbers(unixIcons, 6)), unixMsg(1, 1, 6, peer(7))},
			[]string{"2 STREAM LISTENING /l", "2 STREAM CONNECTED "}},
		{"waiting for us elsewhere", [][]byte{unixMsg(1, 10, 5, name, numbers(unixIcons, 6))}, []string{"2 STREAM LISTENING /l"}},
		{"waiting elsewhere", [][]byte{unixMsg(1, 1, 6, peer(0))}, []string{"3 STREAM CONNECTED ", "3 STREAM CONNECTING "}},
		{"twice", [][]byte{unixMsg(1, 10, 5, numbers(unixIcons, 0)), unixMsg(1, 10, 5, numbers(unixIcons, 0))},
			[]string{"2 STREAM LISTENING ", "2 STREAM CONNECTING "}},
	} {
		var steps []step
		for _, body := range test.rows {
			steps = append(steps, data(unixRowMsg(body)))
		}
		c := NewConn(&script{steps: append(steps, data(done(0)))})
		for range 2 {
			var got []string
			for _, s := range dumpUnix(t, c) {
				got = append(got, unixLine(&s))
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("%s: %q, want %q", test.name, got, test.want)
			}
		}
	}
}

func TestFault11FaultyUnixDumps(t *testing.T) {
	row := unixRowMsg(unixMsg(model.UnixStream, model.Close, 1))
	intr := msg(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP_INTR, 0, unixMsg(model.UnixStream, model.Close, 1)...)
	for _, test := range []struct {
		name  string
		steps []step
		rows  int
		err   error
	}{
		{"empty", []step{data(done(0))}, 0, nil},
		{"interrupted", []step{data(intr, done(0))}, 1, ErrPartial},
		{"cut", []step{data(row, row[:20]), data(done(0))}, 1, ErrPartial},
		{"no end", []step{data(row)}, 1, ErrPartial},
		{"overrun", []step{data(row), {err: unix.ENOBUFS}, data(done(0))}, 1, ErrPartial},
		{"no unix_diag", []step{data(fails(unix.ENOENT))}, 0, ErrUnsupported},
		{"forbidden", []step{data(fails(unix.EPERM))}, 0, ErrUnsupported},
	} {
		c := NewConn(&script{steps: test.steps})
		rows := 0
		res, err := c.DumpUnix(func(*model.UnixSocket) { rows++ })
		if res != (Result{Rows: test.rows}) || rows != test.rows || !errors.Is(err, test.err) {
			t.Errorf("%s: %+v, %d rows, %v", test.name, res, rows, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "dump unix sockets: ") {
			t.Errorf("%q does not say which request it was", err)
		}
		c.transport.(*script).steps = []step{data(row, done(0))}
		if got := dumpUnix(t, c); len(got) != 1 {
			t.Errorf("%s: the next dump has %d rows", test.name, len(got))
		}
	}
	if _, err := NewConn(&script{err: unix.EPERM}).DumpUnix(nil); !errors.Is(err, ErrUnsupported) {
		t.Errorf("send: %v", err)
	}
}

// The names of sockets that are gone are not kept for ever.
func TestUnixNamesAreBounded(t *testing.T) {
	s := &script{}
	c := NewConn(s)
	for i := range 1000 {
		s.steps = []step{data(unixRowMsg(unixMsg(1, 7, 1, attr(unixName, []byte(fmt.Sprint("/", i))...))), done(0))}
		if got := dumpUnix(t, c)[0].Path.String(); got != fmt.Sprint("/", i) || len(c.names.known) > 100 {
			t.Fatalf("%q, %d names", got, len(c.names.known))
		}
	}
}

func TestCapturedUnix(t *testing.T) {
	for _, size := range []int{1, 32 << 10} {
		c := NewConn(&script{steps: datagrams(readCapture(t, "unix.bin"), size)})
		for range 2 {
			checkUnixZoo(t, dumpUnix(t, c))
		}
	}
}

func TestDumpUnixMakesNoGarbage(t *testing.T) {
	s := &script{steps: datagrams(readCapture(t, "unix.bin"), 32<<10)}
	c := NewConn(&quiet{script: s, steps: s.steps})
	rows := 0
	dump := func() {
		if _, err := c.DumpUnix(func(*model.UnixSocket) { rows++ }); err != nil {
			t.Fatal(err)
		}
	}
	dump() // makes the buffers
	if n := testing.AllocsPerRun(50, dump); n != 0 || rows == 0 {
		t.Errorf("%v allocations a dump, %d rows", n, rows)
	}
}

// FuzzDumpUnix: whatever the datagrams hold, a dump ends, what it counts was handed out, and no row is half made.
func FuzzDumpUnix(f *testing.F) {
	if b, err := os.ReadFile(captures + "/unix.bin"); err == nil {
		f.Add(b, uint16(1000))
	}
	f.Add(join(unixRowMsg(unixMsg(1, 10, 1, numbers(unixIcons, 0, 2), attr(unixName, 0, 'x'))), done(0)), uint16(200))
	f.Fuzz(func(t *testing.T, b []byte, size uint16) {
		var steps []step
		for len(b) > 0 {
			n := min(int(size)+1, len(b))
			steps = append(steps, step{data: b[:n]})
			b = b[n:]
		}
		c := NewConn(&script{steps: steps})
		for range 2 {
			rows := 0
			res, err := c.DumpUnix(func(s *model.UnixSocket) {
				rows++
				if s.Owner != -1 || s.Peer != -1 || s.References < 2 || s.Path != model.SafeText(s.Path.String()) ||
					s.State == model.UnixConnecting && (s.Inode != 0 || s.Cookie != 0 || s.HasQueues || s.HasUID) {
					t.Fatalf("%+v", *s)
				}
			})
			if res.Rows != rows {
				t.Fatalf("%+v, but %d rows, %v", res, rows, err)
			}
		}
	})
}

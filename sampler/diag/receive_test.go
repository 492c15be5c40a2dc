package diag

// This file tests what goes wrong between the kernel and a row.

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// msg encodes a netlink message; sequence number 0 becomes the request's.
func msg(kind, flags uint16, seq uint32, body ...byte) []byte {
	b := make([]byte, unix.NLMSG_HDRLEN, unix.NLMSG_HDRLEN+len(body)+3)
	binary.NativeEndian.PutUint32(b, uint32(len(b)+len(body)))
	binary.NativeEndian.PutUint16(b[4:], kind)
	binary.NativeEndian.PutUint16(b[6:], flags)
	binary.NativeEndian.PutUint32(b[8:], seq)
	b = append(b, body...)
	return append(b, make([]byte, align(len(b))-len(b))...)
}

func errno(n int32) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(-n)) }

func done(n int32) []byte { return msg(unix.NLMSG_DONE, unix.NLM_F_MULTI, 0, errno(n)...) }

func fails(n syscall.Errno) []byte { return msg(unix.NLMSG_ERROR, 0, 0, errno(int32(n))...) }

// diagMsg is a struct inet_diag_msg of an IPv4 socket.
func diagMsg(state model.State, cookie uint64) []byte {
	b := make([]byte, diagMsgSize)
	b[0], b[1] = unix.AF_INET, byte(state)
	copy(b[8:], []byte{192, 0, 2, 1})
	copy(b[24:], []byte{198, 51, 100, 2})
	binary.BigEndian.PutUint16(b[4:], 80)
	binary.BigEndian.PutUint16(b[6:], 40000)
	binary.NativeEndian.PutUint32(b[44:], uint32(cookie))
	binary.NativeEndian.PutUint32(b[48:], uint32(cookie>>32))
	return b
}

func attr(kind uint16, v ...byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(v)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), v...)
	return append(b, make([]byte, align(len(b))-len(b))...)
}

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func row(cookie uint64) []byte {
	return msg(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_MULTI, 0, diagMsg(model.Established, cookie)...)
}

func data(parts ...[]byte) step { return step{data: join(parts...)} }

// faultyDump is what the kernel sends, and what a dump makes of it.
type faultyDump struct {
	name  string
	steps []step
	want  Result
	err   error // nil: whole
}

// check dumps over each, and then again over a kernel without fault: whatever went wrong, the next dump is not harmed.
func check(t *testing.T, dumps []faultyDump) {
	t.Helper()
	for _, test := range dumps {
		t.Run(test.name, func(t *testing.T) {
			c := NewConn(&script{steps: test.steps})
			res, err := c.Dump(model.TCP, model.IPv4, func(*model.Socket) {})
			if res != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %+v, %v; want %+v, %v", res, err, test.want, test.err)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "dump TCP IPv4: ") {
				t.Errorf("%q does not say which request it was", err)
			}
			c.transport.(*script).steps = []step{data(row(1), done(0))}
			if res, err := c.Dump(model.TCP, model.IPv4, func(*model.Socket) {}); res.Rows != 1 || err != nil {
				t.Errorf("the next dump: %+v, %v", res, err)
			}
		})
	}
}

// TestFault07BadRows: a row that cannot be read is counted, and the rest stands.
func TestFault07BadRows(t *testing.T) {
	short := msg(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_MULTI, 0, make([]byte, diagMsgSize-1)...)
	foreign := diagMsg(model.Established, 9)
	foreign[0] = unix.AF_INET6
	unix6 := diagMsg(model.Established, 9)
	unix6[0] = unix.AF_UNIX
	check(t, []faultyDump{
		{"short", []step{data(row(1), short, row(2)), data(row(3), done(0))}, Result{3, 1}, nil},
		{"foreign families", []step{data(msg(unix.SOCK_DIAG_BY_FAMILY, 0, 0, foreign...),
			msg(unix.SOCK_DIAG_BY_FAMILY, 0, 0, unix6...), row(1), done(0))}, Result{1, 2}, nil},
		{"attributes", []step{data(row(1), badRow(3), badRow(0), badRow(200), row(2)), data(badRow(5), row(3), done(0))},
			Result{3, 4}, nil},
	})
}

// badRow is a row with an attribute whose length is not its own, in front of one that is as it should be.
func badRow(length uint16) []byte {
	bad := attr(attrMark, 1, 2, 3, 4)
	binary.NativeEndian.PutUint16(bad, length)
	return msg(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_MULTI, 0,
		join(diagMsg(model.Established, 9), bad, attr(attrCong, []byte("cubic\x00")...))...)
}

// TestFault09Overrun is about ENOBUFS during a dump; TestFault09EventsAreCounted is about events. Messages were lost, so that what did not come is not gone; what came is true, and the next dump is
// the one to go by.
func TestFault09Overrun(t *testing.T) {
	check(t, []faultyDump{
		{"ENOBUFS", []step{data(row(1)), {err: unix.ENOBUFS}, data(row(2), done(0))}, Result{Rows: 2}, ErrPartial},
		{"ENOBUFS at once", []step{{err: unix.ENOBUFS}, data(row(1), done(0))}, Result{Rows: 1}, ErrPartial},
		{"ENOBUFS before the end", []step{data(row(1)), {err: unix.ENOBUFS}, data(done(0))}, Result{Rows: 1}, ErrPartial},
		{"OVERRUN", []step{data(row(1), msg(unix.NLMSG_OVERRUN, 0, 0), done(0))}, Result{Rows: 1}, ErrPartial},
	})
	c := NewConn(&script{steps: []step{data(row(1)), {err: unix.ENOBUFS}, data(done(0))}})
	if _, err := c.Dump(model.TCP, model.IPv4, func(*model.Socket) {}); !errors.Is(err, errOverrun) {
		t.Errorf("what was lost and why is not said: %v", err)
	}
}

// TestFault10Interrupted: a signal, and an answer that lets wait for itself, are nothing to tell of.
func TestFault10Interrupted(t *testing.T) {
	var signals []step // as many as a profiler or a resized window sends
	for range 100 {
		signals = append(signals, step{err: unix.EINTR})
	}
	check(t, []faultyDump{
		{"EINTR", []step{{err: unix.EINTR}, data(row(1)), {err: unix.EINTR}, data(done(0))}, Result{Rows: 1}, nil},
		{"EAGAIN", []step{{err: unix.EAGAIN}, data(row(1)), {err: unix.EAGAIN}, data(done(0))}, Result{Rows: 1}, nil},
		{"both", []step{{err: unix.EINTR}, {err: unix.EAGAIN}, data(row(1)), {err: unix.EINTR}, {err: unix.EAGAIN},
			data(done(0))}, Result{Rows: 1}, nil},
		{"many signals", append(signals, data(row(1), done(0))), Result{Rows: 1}, nil},
	})
	c := NewConn(&script{steps: []step{{err: unix.EINTR}, {err: unix.EAGAIN}, data(row(7))}})
	if got, err := c.Ask(model.CloseTarget{Cookie: 7, Proto: model.TCP, Family: model.IPv4}); err != nil || got.Socket.Cookie != 7 {
		t.Errorf("a single socket: %+v, %v", got.Socket, err)
	}
}

// TestFault11FaultyDumps: an answer that is not whole is said to be partial, what came of it is true, and one that
// has no end is not waited for.
func TestFault11FaultyDumps(t *testing.T) {
	intr := msg(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_MULTI|unix.NLM_F_DUMP_INTR, 0, diagMsg(model.Established, 1)...)
	endless := make([]step, maxSilence)
	for i := range endless {
		endless[i] = step{err: unix.EAGAIN}
	}
	cut := row(2)
	// A datagram that fills the buffer, and one that fills it with whole messages.
	var many []byte
	for len(many) < bufferSize {
		many = append(many, cut...)
	}
	manyRows := bufferSize / len(cut)
	many = many[:bufferSize]
	even := join(many[:manyRows*len(cut)],
		msg(unix.NLMSG_NOOP, 0, 0, make([]byte, bufferSize%len(cut)-unix.NLMSG_HDRLEN)...))
	check(t, []faultyDump{
		{"whole", []step{data(row(1), row(2)), data(row(3), done(0))}, Result{Rows: 3}, nil},
		{"empty", []step{data(done(0))}, Result{}, nil},
		{"NOOP", []step{data(msg(unix.NLMSG_NOOP, 0, 0), row(1), done(0))}, Result{Rows: 1}, nil},
		{"after DONE", []step{data(row(1), done(0), row(2))}, Result{Rows: 1}, nil},
		{"an acknowledgement is no end", []step{data(fails(0), row(1), done(0))}, Result{Rows: 1}, nil},
		{"older answer", []step{data(msg(unix.NLMSG_DONE, 0, ^uint32(0), errno(0)...)), data(row(1), done(0))},
			Result{Rows: 1}, nil},

		{"DUMP_INTR on a row", []step{data(intr, row(2), done(0))}, Result{Rows: 2}, ErrPartial},
		{"DUMP_INTR on DONE", []step{data(row(1), msg(unix.NLMSG_DONE, unix.NLM_F_DUMP_INTR, 0, errno(0)...))},
			Result{Rows: 1}, ErrPartial},
		{"truncated datagram", []step{{data: many, size: bufferSize + 100}, data(row(3), done(0))},
			Result{Rows: manyRows + 1}, ErrPartial},
		{"truncated behind a message", []step{{data: even, size: bufferSize + 100}, data(done(0))},
			Result{Rows: manyRows}, ErrPartial},
		{"message longer than the rest", []step{data(row(1), cut[:40]), data(done(0))}, Result{Rows: 1}, ErrPartial},
		{"message shorter than its header", []step{data(row(1), make([]byte, 16)), data(done(0))},
			Result{Rows: 1}, ErrPartial},
		{"stray bytes", []step{data(row(1), make([]byte, 8)), data(done(0))}, Result{Rows: 1}, ErrPartial},
		{"no DONE", []step{data(row(1))}, Result{Rows: 1}, ErrPartial},
		{"nothing", endless, Result{}, ErrPartial},
		{"empty datagrams", []step{{}, {}, {}, {}}, Result{}, ErrPartial},
		{"wrong sequence", []step{data(row(1), msg(unix.SOCK_DIAG_BY_FAMILY, 0, 77, diagMsg(1, 5)...), done(0))},
			Result{Rows: 1}, ErrPartial},
		{"DONE without errno", []step{data(row(1), msg(unix.NLMSG_DONE, 0, 0))}, Result{Rows: 1}, ErrPartial},
		{"no memory on the way", []step{data(row(1), done(int32(unix.ENOMEM)))}, Result{Rows: 1}, ErrPartial},
		{"busy", []step{data(fails(unix.EBUSY))}, Result{}, ErrPartial},

		{"no handler", []step{data(done(int32(unix.ENOENT)))}, Result{}, ErrUnsupported},
		{"no family", []step{data(fails(unix.ENOENT))}, Result{}, ErrUnsupported},
		{"forbidden", []step{data(fails(unix.EPERM))}, Result{}, ErrUnsupported},
		{"unknown", []step{data(fails(unix.EINVAL))}, Result{}, ErrUnsupported},
	})
}

func TestForbiddenIsPermission(t *testing.T) {
	c := NewConn(&script{steps: []step{data(fails(unix.EPERM))}})
	_, err := c.Dump(model.UDP, model.IPv6, nil)
	if !errors.Is(err, fs.ErrPermission) || !errors.Is(err, ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

func TestSendFails(t *testing.T) {
	for errno, want := range map[error]error{
		unix.EPERM: ErrUnsupported, unix.ENOBUFS: ErrPartial, unix.ECONNREFUSED: ErrUnsupported,
	} {
		c := NewConn(&script{err: errno})
		if _, err := c.Dump(model.TCP, model.IPv4, nil); !errors.Is(err, want) || !errors.Is(err, errno) {
			t.Errorf("%v: got %v", errno, err)
		}
	}
}

func TestReceiveFails(t *testing.T) {
	c := NewConn(&script{steps: []step{data(row(1)), {err: unix.EBADF}}})
	_, err := c.Dump(model.TCP, model.IPv4, func(*model.Socket) {})
	if !errors.Is(err, unix.EBADF) || errors.Is(err, ErrPartial) || errors.Is(err, ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

// A dump that is not read to its end is, before the next request is sent: the kernel refuses a second one
// while the first is running.
func TestAbandonedDumpIsDrained(t *testing.T) {
	s := &script{steps: []step{data(row(1)), data(row(2)), data(row(3), done(0))}}
	c := NewConn(s)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the callback's panic was lost")
			}
		}()
		c.Dump(model.TCP, model.IPv4, func(*model.Socket) { panic("callback") })
	}()
	s.steps = []step{data(row(4), done(0))}
	left := -1
	c.transport = &spy{Transport: s, onSend: func() { left = len(s.left) }}
	var got []uint64
	res, err := c.Dump(model.TCP, model.IPv4, func(s *model.Socket) { got = append(got, s.Cookie) })
	if err != nil || res.Rows != 1 || got[0] != 4 || left != 0 {
		t.Errorf("got %+v, %v, cookies %v, %d datagrams left at the request", res, err, got, left)
	}
}

type spy struct {
	Transport
	onSend func()
}

func (s *spy) Send(m []byte) error {
	s.onSend()
	return s.Transport.Send(m)
}

func TestAnswerTakesTooLong(t *testing.T) {
	c := NewConn(&script{steps: []step{data(row(1)), data(row(2), done(0))}})
	c.longest = -1
	res, err := c.Dump(model.TCP, model.IPv4, func(*model.Socket) {})
	if res.Rows != 0 || !errors.Is(err, ErrPartial) || !errors.Is(err, errTooLong) {
		t.Errorf("got %+v, %v", res, err)
	}
}

func TestSequenceWraps(t *testing.T) {
	c := NewConn(&script{steps: []step{data(msg(unix.NLMSG_DONE, 0, ^uint32(0)-1, errno(0)...)), data(row(1), done(0))}})
	c.seq = ^uint32(0) - 1
	for range 3 {
		res, err := c.Dump(model.TCP, model.IPv4, func(*model.Socket) {})
		// The one in the middle has sequence number 0, which the script takes for "the request's" too.
		if err != nil || res.Rows != 1 {
			t.Errorf("seq %d: %+v, %v", c.seq, res, err)
		}
	}
}

func TestNetNSCookieUnsupported(t *testing.T) {
	if _, err := NewConn(&script{}).NetNSCookie(); !errors.Is(err, ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

func TestRequest(t *testing.T) {
	s := &script{steps: []step{data(fails(unix.ENOENT))}}
	c := NewConn(s)
	local := model.Addr{10: 0xff, 11: 0xff, 12: 192, 13: 0, 14: 2, 15: 1}
	remote := model.Addr{10: 0xff, 11: 0xff, 12: 198, 13: 51, 14: 100, 15: 2}
	target := model.CloseTarget{
		Cookie: 0x1122334455667788, Local: local, Remote: remote, LocalPort: 80, RemotePort: 40000, Interface: 3,
		Proto: model.TCP, Family: model.IPv4, State: model.Established,
	}
	if _, err := c.Ask(target); !errors.Is(err, ErrGone) {
		t.Fatalf("got %v", err)
	}
	b := s.got
	native := binary.NativeEndian
	if len(b) != 72 || native.Uint32(b) != 72 || native.Uint16(b[4:]) != unix.SOCK_DIAG_BY_FAMILY ||
		native.Uint16(b[6:]) != unix.NLM_F_REQUEST {
		t.Errorf("header % x", b[:16])
	}
	want := join([]byte{unix.AF_INET, 6, 0xfe, 0}, native.AppendUint32(nil, 0x3fff),
		[]byte{0, 80, 0x9c, 0x40}, []byte{192, 0, 2, 1}, make([]byte, 12), []byte{198, 51, 100, 2}, make([]byte, 12),
		native.AppendUint32(nil, 3), native.AppendUint32(nil, 0x55667788), native.AppendUint32(nil, 0x11223344))
	want[2] = extAll
	if string(b[16:]) != string(want) {
		t.Errorf("got  % x\nwant % x", b[16:], want)
	}
	target.Proto = model.UDP // has its ends the other way round
	if _, errno, err := c.exact(request{}, target, unix.SOCK_DIAG_BY_FAMILY, 0); err != nil || errno != unix.ENOENT {
		t.Fatal(errno, err)
	}
	if got := s.got[24:28]; string(got) != "\x9c\x40\x00\x50" {
		t.Errorf("UDP ports % x", got)
	}
}

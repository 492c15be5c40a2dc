package diag

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// tcpInfo is a struct tcp_info of the given length, in which every figure has a number of its own.
func tcpInfo(state model.State, size int) []byte {
	v := make([]byte, 400)
	for i := range v {
		v[i] = 0xa5
	}
	v[infoState] = byte(state)
	native := binary.NativeEndian
	native.PutUint32(v[infoSndMSS:], 1448)
	native.PutUint32(v[infoPMTU:], 1500)
	native.PutUint32(v[infoRTT:], 250)
	native.PutUint32(v[infoRTTVar:], 20)
	native.PutUint32(v[infoSndCwnd:], 10)
	native.PutUint32(v[infoTotalRetrans:], 3)
	native.PutUint64(v[infoBytesReceived:], 5001)
	native.PutUint32(v[infoSegsOut:], 12)
	native.PutUint32(v[infoSegsIn:], 11)
	native.PutUint64(v[infoDeliveryRate:], 1<<40)
	native.PutUint64(v[infoBytesSent:], 1<<40+7)
	native.PutUint64(v[infoBytesRetrans:], 7)
	return v[:size]
}

func newParser(p model.Proto) *parser { return &parser{proto: p, congestion: newNames()} }

// TestFault08InfoOfEveryLength: struct tcp_info grew over the years, and a kernel gives as much of it as it has.
func TestFault08InfoOfEveryLength(t *testing.T) {
	for size := 0; size <= 400; size++ {
		var want model.Has
		for from, has := range map[int]model.Has{
			104: model.HasPath, 144: model.HasPackets, 168: model.HasDelivery, 216: model.HasBytes,
		} {
			if size >= from {
				want |= has
			}
		}
		body := join(diagMsg(model.Established, 1), attr(attrInfo, tcpInfo(model.Established, size)...))
		var s model.Socket
		if err := newParser(model.TCP).socket(&s, body); err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if got := s.Has &^ (model.HasQueues | model.HasUID); got != want {
			t.Fatalf("%d bytes: has %b, want %b", size, got, want)
		}
		if s.Has&model.HasPath != 0 && (s.MSS != 1448 || s.PMTU != 1500 || s.RTT != 250 || s.RTTVar != 20 ||
			s.Cwnd != 10 || s.Retrans != 3) {
			t.Fatalf("%d bytes: path %+v", size, s)
		}
		if s.Has&model.HasPackets != 0 && (s.SentPackets != 12 || s.ReceivedPackets != 11) {
			t.Fatalf("%d bytes: packets %d, %d", size, s.SentPackets, s.ReceivedPackets)
		}
		if s.Has&model.HasDelivery != 0 && s.DeliveryRate != 1<<40 {
			t.Fatalf("%d bytes: delivery rate %d", size, s.DeliveryRate)
		}
		if s.Has&model.HasBytes != 0 && (s.Sent != 1<<40 || s.Received != 5001) {
			t.Fatalf("%d bytes: sent %d, received %d", size, s.Sent, s.Received)
		}
		// Every figure is there, and known exactly when it lies within.
		for i, f := range figures(&s, body) {
			if f.Group != groupInfo {
				break
			}
			in := size >= tcpInfoFields[i].offset+tcpInfoFields[i].size
			if in == (f.Value.Why == model.NotGiven) && tcpInfoFields[i].zeroWhy != model.NotGiven {
				t.Fatalf("%d bytes: %s: %+v", size, f.Name, f.Value)
			}
		}
	}
}

func TestPayload(t *testing.T) {
	tests := []struct {
		state                   model.State
		received, sent, retrans uint64
		wantReceived, wantSent  uint64
		known                   bool
	}{
		{model.Established, 100, 50, 0, 100, 50, true},
		{model.Established, 0, 0, 0, 0, 0, true},
		{model.CloseWait, 101, 50, 10, 100, 40, true},
		{model.CloseWait, 1, 0, 0, 0, 0, true},
		{model.CloseWait, 0, 0, 0, 0, 0, true},
		{model.LastAck, 101, 0, 0, 100, 0, true},
		{model.Closing, 101, 0, 0, 100, 0, true},
		{model.FinWait1, 100, 0, 0, 100, 0, true},
		{model.FinWait2, 100, 0, 0, 100, 0, true},
		{model.Established, 100, 5, 6, 0, 0, false},
	}
	for _, test := range tests {
		v := tcpInfo(test.state, 280)
		binary.NativeEndian.PutUint64(v[infoBytesReceived:], test.received)
		binary.NativeEndian.PutUint64(v[infoBytesSent:], test.sent)
		binary.NativeEndian.PutUint64(v[infoBytesRetrans:], test.retrans)
		var s model.Socket
		if err := newParser(model.TCP).socket(&s, join(diagMsg(test.state, 1), attr(attrInfo, v...))); err != nil {
			t.Fatal(err)
		}
		if s.Received != test.wantReceived || s.Sent != test.wantSent || s.Has&model.HasBytes != 0 != test.known {
			t.Errorf("%+v: sent %d, received %d, has %b", test, s.Sent, s.Received, s.Has)
		}
	}
}

func TestNoTrafficWithoutConnection(t *testing.T) {
	for _, test := range []struct {
		proto model.Proto
		state byte
		port  uint16
		want  model.State
	}{
		{model.TCP, 10, 0, model.Listen}, {model.TCP, 7, 0, model.Bound}, {model.TCP, 7, 80, model.Close},
		{model.TCP, 13, 0, model.Bound}, {model.UDP, 7, 0, model.Close}, {model.UDP, 1, 80, model.Established},
	} {
		body := join(diagMsg(0, 1), attr(attrInfo, tcpInfo(model.Established, 280)...))
		body[1] = test.state
		binary.BigEndian.PutUint16(body[6:], test.port)
		var s model.Socket
		if err := newParser(test.proto).socket(&s, body); err != nil {
			t.Fatal(err)
		}
		if s.State != test.want || s.Has != model.HasQueues|model.HasUID || s.Sent != 0 || s.RTT != 0 {
			t.Errorf("%+v: %v, has %b", test, s.State, s.Has)
		}
	}
}

func TestStates(t *testing.T) {
	for n := range 256 {
		s := state(model.TCP, byte(n), 80)
		switch {
		case n == 12 && s == model.SynRecv, n == 13 && s == model.Bound, n > 13 && s == model.StateUnknown,
			n <= 11 && s == model.State(n):
		default:
			t.Errorf("state %d is %v", n, s)
		}
	}
}

func TestMeasuredRateIsNeverZero(t *testing.T) {
	v := tcpInfo(model.Established, 280)
	binary.NativeEndian.PutUint64(v[infoDeliveryRate:], 0)
	var s model.Socket
	if err := newParser(model.TCP).socket(&s, join(diagMsg(model.Established, 1), attr(attrInfo, v...))); err != nil {
		t.Fatal(err)
	}
	if s.Has&model.HasDelivery != 0 {
		t.Error("a delivery rate of 0 is taken for measured")
	}
}

func TestRow(t *testing.T) {
	body := diagMsg(model.Established, 0x1122334455667788)
	native := binary.NativeEndian
	body[2], body[3] = 2, 5
	for i, n := range []uint32{1500, 11, 22, 1000, 0} {
		native.PutUint32(body[52+4*i:], n)
	}
	native.PutUint32(body[40:], 4)
	body = join(body, attr(attrCong, []byte("cubic\x00")...), attr(attrMark, native.AppendUint32(nil, 0xbeef)...),
		attr(0x8000|attrULPInfo, 1, 2, 3), attr(99))
	p := newParser(model.TCP)
	s := model.Socket{Sent: 99, Stale: true, Holding: model.Holding{Why: model.Stale}} // leftovers
	if err := p.socket(&s, body); err != nil {
		t.Fatal(err)
	}
	want := model.Socket{
		Cookie: 0x1122334455667788, Local: model.Addr{10: 0xff, 11: 0xff, 12: 192, 13: 0, 14: 2, 15: 1},
		Remote: model.Addr{10: 0xff, 11: 0xff, 12: 198, 13: 51, 14: 100, 15: 2}, LocalPort: 80, RemotePort: 40000,
		Proto: model.TCP, Family: model.IPv4, State: model.Established, Timer: model.TimerKeepalive, Probes: 5,
		Expires: 1500, RecvQ: 11, SendQ: 22, UID: 1000, Inode: 0, Interface: 4, FwMark: 0xbeef, Cong: 1, Holding: model.Holding{Owner: -1},
		Has: model.HasQueues | model.HasUID | model.HasMark | model.HasCong,
	}
	if s != want {
		t.Errorf("got  %+v\nwant %+v", s, want)
	}
	if got := p.congestion.all(); len(got) != 2 || !got[0].Empty() || got[1].String() != "cubic" {
		t.Errorf("names %v", got)
	}
}

func TestUIDOfHalfSockets(t *testing.T) {
	for _, st := range []model.State{model.TimeWait, model.SynRecv} {
		for _, uid := range []uint32{0, 1000} {
			body := diagMsg(st, 1)
			binary.NativeEndian.PutUint32(body[64:], uid)
			var s model.Socket
			if err := newParser(model.TCP).socket(&s, body); err != nil {
				t.Fatal(err)
			}
			if known := s.Has&model.HasUID != 0; known != (uid != 0) {
				t.Errorf("%v, uid %d: known %v", st, uid, known)
			}
		}
	}
}

func TestFault07BadAttributes(t *testing.T) {
	good := diagMsg(model.Established, 1)
	family := diagMsg(model.Established, 1)
	family[0] = 99
	long := attr(attrMark, 1, 2, 3, 4)
	binary.NativeEndian.PutUint16(long, 9)
	tests := []struct {
		name string
		body []byte
		want error
	}{
		{"nothing", nil, errShort},
		{"short", good[:diagMsgSize-1], errShort},
		{"family", family, errFamily},
		{"attribute shorter than its header", join(good, []byte{3, 0, attrInfo, 0}), errAttribute},
		{"attribute of length 0", join(good, make([]byte, 8)), errAttribute},
		{"attribute longer than the rest", join(good, long), errAttribute},
		{"half a header", join(good, []byte{4, 0}), errAttribute},
		{"empty mark", join(good, attr(attrMark)), errAttribute},
		{"short mark", join(good, attr(attrMark, 1, 2)), errAttribute},
		{"empty congestion", join(good, attr(attrCong)), errAttribute},
		{"empty tcp_info", join(good, attr(attrInfo)), nil},
		{"empty unknown", join(good, attr(200)), nil},
		{"no padding at the end", join(good, attr(attrCong, 'x', 0)[:6]), nil},
		{"only a header", good, nil},
	}
	for _, test := range tests {
		s := model.Socket{Sent: 1}
		err := newParser(model.TCP).socket(&s, test.body)
		if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if (err != nil) != (s == model.Socket{}) {
			t.Errorf("%s: error %v and value %+v", test.name, err, s)
		}
	}
}

func TestNamesAreBounded(t *testing.T) {
	p := newParser(model.TCP)
	var s model.Socket
	for i := range 1000 {
		body := join(diagMsg(model.Established, 1), attr(attrCong, append([]byte(fmt.Sprint("cc", i)), 0)...))
		if err := p.socket(&s, body); err != nil {
			t.Fatal(err)
		}
		if known := s.Has&model.HasCong != 0; known != (i < maxNames-1) {
			t.Fatalf("name %d: known %v", i, known)
		}
		if s.Has&model.HasCong != 0 && p.congestion.all()[s.Cong].String() != fmt.Sprint("cc", i) {
			t.Fatalf("name %d is %v", i, p.congestion.all()[s.Cong])
		}
	}
}

func TestNamesAreSafe(t *testing.T) {
	p := newParser(model.TCP)
	var s model.Socket
	if err := p.socket(&s, join(diagMsg(model.Established, 1), attr(attrCong, []byte("\x1b]0;x\x00")...))); err != nil {
		t.Fatal(err)
	}
	if got := p.congestion.all()[s.Cong].String(); got != `\x1b]0;x` {
		t.Errorf("got %q", got)
	}
}

func TestNamesStayAsTheyWere(t *testing.T) {
	n := newNames()
	n.index([]byte("reno"))
	kept := n.all()
	n.index([]byte("cubic"))
	if len(kept) != 2 || kept[1].String() != "reno" || cap(kept) != 2 {
		t.Errorf("%v, capacity %d", kept, cap(kept))
	}
}

func TestParseMakesNoGarbage(t *testing.T) {
	body := join(diagMsg(model.Established, 1), attr(attrInfo, tcpInfo(model.Established, 280)...),
		attr(attrCong, []byte("cubic\x00")...), attr(attrMark, 1, 0, 0, 0))
	bad := body[:len(body)-3]
	p := newParser(model.TCP)
	var s model.Socket
	if err := p.socket(&s, body); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { p.socket(&s, body); p.socket(&s, bad) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzParse: an error or a value, never both, no panic, and figures of whatever parsed.
func FuzzParse(f *testing.F) {
	for _, c := range captured {
		b := readCapture(f, c.file)
		for len(b) >= unix.NLMSG_HDRLEN {
			n := int(binary.NativeEndian.Uint32(b))
			f.Add(b[unix.NLMSG_HDRLEN:n], c.proto == model.UDP)
			b = b[align(n):]
		}
	}
	f.Add(join(diagMsg(model.Listen, 1), attr(attrInfo, tcpInfo(model.Listen, 400)...)), false)
	f.Fuzz(func(t *testing.T, b []byte, udp bool) {
		proto := model.TCP
		if udp {
			proto = model.UDP
		}
		p := newParser(proto)
		s := model.Socket{Sent: 1}
		err := p.socket(&s, b)
		if (err != nil) != (s == model.Socket{}) {
			t.Fatalf("error %v and value %+v", err, s)
		}
		if err != nil {
			return
		}
		if s.Family != model.IPv4 && s.Family != model.IPv6 || s.Owner != -1 || s.Proto != proto ||
			s.State > model.Bound || int(s.Cong) >= len(p.congestion.all()) {
			t.Fatalf("%+v", s)
		}
		for _, fig := range figures(&s, b) {
			safe := model.SafeText(fig.Value.Text).String()
			if fig.Name == "" || fig.Help == "" || fig.Group == "" || fig.Value.Text != safe {
				t.Fatalf("%+v", fig)
			}
		}
	})
}

// FuzzDump: whatever the datagrams hold, a dump ends, and what it counts was handed out.
func FuzzDump(f *testing.F) {
	for _, c := range captured {
		f.Add(readCapture(f, c.file), uint16(1000))
	}
	f.Add(join(row(1), done(0)), uint16(20))
	f.Fuzz(func(t *testing.T, b []byte, size uint16) {
		var steps []step
		for len(b) > 0 {
			n := min(int(size)+1, len(b))
			steps = append(steps, step{data: b[:n]})
			b = b[n:]
		}
		c := NewConn(&script{steps: steps})
		rows := 0
		res, err := c.Dump(model.TCP, model.IPv4, func(*model.Socket) { rows++ })
		if res.Rows != rows {
			t.Fatalf("%+v, but %d rows, %v", res, rows, err)
		}
	})
}

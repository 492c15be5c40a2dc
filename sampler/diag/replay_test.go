package diag

// This file replays captured dumps. They were made on Linux 6.18 (x86-64) from the zoo of zoo_test.go, by
//
//	go test ./sampler/diag -run TestCapture -capture
//
// as root, and are made again in the same way. Each file holds the netlink messages of one dump.

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
)

var capture = flag.Bool("capture", false, "write the captured dumps anew")

const captures = "../../testdata/diag"

// captured are the files, and what they are dumps of.
var captured = []struct {
	file   string
	proto  model.Proto
	family model.Family
}{
	{"tcp4.bin", model.TCP, model.IPv4}, {"tcp6.bin", model.TCP, model.IPv6},
	{"udp4.bin", model.UDP, model.IPv4}, {"udp6.bin", model.UDP, model.IPv6},
}

// recorder keeps what comes from the kernel.
type recorder struct {
	Transport
	seen []byte
}

func (r *recorder) Receive(buf []byte) (int, error) {
	n, err := r.Transport.Receive(buf)
	if err == nil {
		r.seen = append(r.seen, buf[:n]...)
	}
	return n, err
}

func TestCapture(t *testing.T) {
	if !*capture {
		t.Skip("writes testdata: needs -capture")
	}
	enterNamespace(t)
	z := zoo{t}
	z.animals(model.IPv4)
	z.animals(model.IPv6)
	z.settle(openIn(t))
	k, err := openKernel()
	z.must("open", err)
	r := &recorder{Transport: k}
	c := NewConn(r)
	defer c.Close()
	for _, f := range captured {
		r.seen = nil
		if _, err := c.Dump(f.proto, f.family, func(*model.Socket) {}); err != nil {
			t.Fatal(err)
		}
		z.must("write", os.WriteFile(filepath.Join(captures, f.file), r.seen, 0o644))
	}
}

func readCapture(t testing.TB, file string) []byte {
	t.Helper()
	if bigEndian {
		t.Skip("the captures are of a little-endian kernel")
	}
	b, err := os.ReadFile(filepath.Join(captures, file))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// script is a Transport that answers every request with the same steps. Sequence numbers that are 0 become
// the request's.
type script struct {
	steps []step
	left  []step
	seq   uint32
	sends int
	err   error // of Send
	got   []byte
}

// step is one result of Receive.
type step struct {
	data []byte
	size int // what Receive says, if not len(data)
	err  error
}

func (s *script) Send(m []byte) error {
	s.sends++
	if s.err != nil {
		return s.err
	}
	s.got = slices.Clone(m)
	s.seq = binary.NativeEndian.Uint32(m[8:])
	s.left = append(s.left, s.steps...)
	return nil
}

func (s *script) Receive(buf []byte) (int, error) {
	if len(s.left) == 0 {
		return 0, unix.EAGAIN
	}
	next := s.left[0]
	s.left = s.left[1:]
	if next.err != nil {
		return 0, next.err
	}
	n := copy(buf, next.data)
	for b := buf[:n]; len(b) >= unix.NLMSG_HDRLEN; {
		if seq := b[8:12]; binary.NativeEndian.Uint32(seq) == 0 {
			binary.NativeEndian.PutUint32(seq, s.seq)
		}
		size := align(int(binary.NativeEndian.Uint32(b)))
		b = b[min(max(size, unix.NLMSG_HDRLEN), len(b)):]
	}
	if next.size != 0 {
		return next.size, nil
	}
	return n, nil
}

func (s *script) NetNSCookie() (uint64, error)    { return 0, unix.ENOPROTOOPT }
func (s *script) Close() error                    { return nil }
func (s *script) LinkName(uint32) (string, error) { return "", unix.ENODEV }

// datagrams cuts captured messages into datagrams of at most size bytes, with sequence numbers 0.
func datagrams(b []byte, size int) []step {
	b = slices.Clone(b)
	var steps []step
	start := 0
	for at := 0; at < len(b); {
		n := align(int(binary.NativeEndian.Uint32(b[at:])))
		if at+n-start > size {
			steps = append(steps, step{data: b[start:at]})
			start = at
		}
		clear(b[at+8 : at+12])
		at += n
	}
	return append(steps, step{data: b[start:]})
}

// line is what a row is compared by.
func line(s *model.Socket, names []model.Text) string {
	text := fmt.Sprintf("%v %v:%d-%v:%d", s.State, s.Local.Netip(), s.LocalPort, s.Remote.Netip(), s.RemotePort)
	if s.Has&model.HasBytes != 0 {
		text += fmt.Sprintf(" sent %d received %d", s.Sent, s.Received)
	}
	if s.State == model.Listen || s.Proto == model.UDP {
		text += fmt.Sprintf(" queue %d/%d", s.RecvQ, s.SendQ)
	}
	if s.Has&model.HasCong != 0 && names[s.Cong].Empty() {
		text += " no congestion name"
	}
	return text
}

// zooLines are the rows of the zoo that are the same each time it is made: v is the zoo's address.
func zooLines(f model.Family, ip string) []string {
	any := "0.0.0.0"
	if f == model.IPv6 {
		any = "::"
	}
	pair := func(state model.State, port, to int, more string) string {
		return fmt.Sprintf("%v %s:%d-%s:%d%s", state, ip, port, ip, to, more)
	}
	idle := func(state model.State, port int, more string) string {
		return fmt.Sprintf("%v %s:%d-%s:0%s", state, ip, port, any, more)
	}
	lines := []string{
		idle(model.Listen, portServer, " queue 0/17"),
		idle(model.Listen, portDeferred, " queue 0/17"),
		idle(model.Listen, portFull, " queue 1/0"),
		idle(model.Bound, portBound, ""),
		pair(model.Established, pairOpen, portServer, " sent 1000 received 70000"),
		pair(model.Established, portServer, pairOpen, " sent 70000 received 1000"),
		pair(model.FinWait2, pairHalf, portServer, " sent 500 received 0"),
		pair(model.CloseWait, portServer, pairHalf, " sent 0 received 500"),
		pair(model.TimeWait, pairTimeWait, portServer, ""),
		pair(model.Close, pairTimeWait, portServer, ""),
		pair(model.Established, pairSynRecv, portDeferred, " sent 0 received 0"),
		pair(model.SynRecv, portDeferred, pairSynRecv, ""),
		pair(model.Established, pairQueued, portFull, " sent 0 received 0"),
		pair(model.Established, portFull, pairQueued, " sent 0 received 0"),
		pair(model.SynSent, pairSynSent, portFull, " sent 0 received 0"),
	}
	mapped := func(state model.State, port, to int, more string) string {
		return fmt.Sprintf("%v 127.0.0.1:%d-127.0.0.1:%d%s", state, port, to, more)
	}
	if f == model.IPv6 {
		lines = append(lines,
			"LISTEN :::1004-:::0 queue 0/17", "LISTEN :::1005-:::0 queue 0/17",
			mapped(model.Established, portBoth, pairMapped, " sent 70000 received 1000"),
			mapped(model.SynRecv, portBothSlow, pairMapSlow, ""),
			mapped(model.Established, pairMapOut, portBoth, " sent 0 received 0"),
			mapped(model.Established, portBoth, pairMapOut, " sent 0 received 0"),
			mapped(model.TimeWait, portBoth, pairMapEnded, ""))
	}
	return lines
}

// zooStates are the states of the pairs whose byte counts depend on buffers.
var zooStates = map[string]model.State{
	fmt.Sprint(pairLastAck, portServer):  model.LastAck,
	fmt.Sprint(portServer, pairLastAck):  model.FinWait2,
	fmt.Sprint(pairFinWait1, portServer): model.FinWait1,
	fmt.Sprint(portServer, pairFinWait1): model.Established,
	fmt.Sprint(pairClosing, portServer):  model.Closing,
	fmt.Sprint(portServer, pairClosing):  model.FinWait2,
}

// checkZoo compares a dump of the zoo's TCP sockets with what was made. In a live one the kernel may still move
// bytes between the ends that do not read, whenever a window probe is due.
func checkZoo(t *testing.T, c *Conn, f model.Family, live bool) {
	t.Helper()
	ip := "127.0.0.1"
	if f == model.IPv6 {
		ip = "::1"
	}
	want := zooLines(f, ip)
	states, inFlight := 0, make(map[string]model.Socket)
	var got []string
	res, err := c.Dump(model.TCP, f, func(s *model.Socket) {
		checkRow(t, s, model.TCP, f)
		got = append(got, line(s, c.Congestion()))
		ends := fmt.Sprint(s.LocalPort, s.RemotePort)
		if state, ok := zooStates[ends]; ok {
			states++
			inFlight[ends] = *s
			if s.State != state {
				t.Errorf("%s: state %v, want %v", ends, s.State, state)
			}
		}
	})
	if err != nil || res.Bad != 0 || res.Rows != len(got) {
		t.Fatalf("dump: %+v, %v", res, err)
	}
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("no row %q in\n%v", w, got)
		}
	}
	if states != len(zooStates) {
		t.Errorf("%d half-closed rows, want %d", states, len(zooStates))
	}
	// Nobody read: what one end sent the other has received and has in its queue, the FINs not counted.
	for _, port := range []int{pairLastAck, pairFinWait1, pairClosing} {
		from, to := inFlight[fmt.Sprint(port, portServer)], inFlight[fmt.Sprint(portServer, port)]
		if from.Sent == 0 || to.Received == 0 ||
			!live && (from.Sent != to.Received || to.Received != uint64(to.RecvQ)) {
			t.Errorf("pair %d: sent %d, received %d, queue %d", port, from.Sent, to.Received, to.RecvQ)
		}
		if from.Received != 0 || to.Sent != 0 {
			t.Errorf("pair %d: bytes the other way: %d, %d", port, from.Received, to.Sent)
		}
	}
}

// checkRow checks what holds for every row of the zoo.
func checkRow(t *testing.T, s *model.Socket, p model.Proto, f model.Family) {
	t.Helper()
	if s.Proto != p || s.Family != f || s.Cookie == 0 || s.Owner != -1 || s.LocalPort == 0 {
		t.Errorf("%v: proto %d family %d cookie %d owner %d", line(s, nil), s.Proto, s.Family, s.Cookie, s.Owner)
	}
	full := s.State != model.TimeWait && s.State != model.SynRecv && s.State != model.Bound && s.State != model.Close
	traffic := p == model.TCP && full && s.State != model.Listen
	want := model.HasQueues
	if s.State != model.TimeWait && s.State != model.SynRecv {
		want |= model.HasUID
	}
	if traffic {
		want |= model.HasBytes | model.HasPackets | model.HasPath
	}
	if p == model.TCP && full {
		want |= model.HasCong
	}
	if got := s.Has &^ (model.HasMark | model.HasDelivery); got != want {
		t.Errorf("%v %d-%d: has %b, want %b", s.State, s.LocalPort, s.RemotePort, got, want)
	}
	unaccepted := s.LocalPort == portFull && s.RemotePort != 0
	if none := s.State == model.TimeWait || s.State == model.SynRecv || unaccepted; none != (s.Inode == 0) {
		t.Errorf("%v %d-%d: inode %d", s.State, s.LocalPort, s.RemotePort, s.Inode)
	}
	if s.State == model.TimeWait && (s.Timer != model.TimerTimeWait || s.Expires == 0 || s.Expires > 60_000) {
		t.Errorf("TIME_WAIT: timer %v, %d ms", s.Timer, s.Expires)
	}
	if s.State == model.SynSent && s.Timer != model.TimerRetransmit {
		t.Errorf("SYN_SENT: timer %v", s.Timer)
	}
}

// checkUDP compares a dump of the zoo's UDP sockets with what was made.
func checkUDP(t *testing.T, c *Conn, f model.Family) {
	t.Helper()
	seen := make(map[uint16]model.Socket)
	res, err := c.Dump(model.UDP, f, func(s *model.Socket) {
		checkUDPRow(t, s, f)
		seen[s.LocalPort] = *s
	})
	if err != nil || res != (Result{Rows: 3}) {
		t.Fatalf("dump: %+v, %v", res, err)
	}
	if s := seen[portUDP]; s.State != model.Close || s.RemotePort != 0 || s.RecvQ < udpQueued {
		t.Errorf("unconnected: %v, remote port %d, queue %d", s.State, s.RemotePort, s.RecvQ)
	}
	if s := seen[portUDPTo]; s.State != model.Established || s.RemotePort != portUDP || !s.Remote.IsLoopback() {
		t.Errorf("connected: %v, remote %v:%d", s.State, s.Remote.Netip(), s.RemotePort)
	}
	if s := seen[portUDPBound]; s.Interface == 0 || s.Has&model.HasMark == 0 || s.FwMark != markUDP {
		t.Errorf("bound to lo with a mark: interface %d, mark %d", s.Interface, s.FwMark)
	}
}

func checkUDPRow(t *testing.T, s *model.Socket, f model.Family) {
	t.Helper()
	if s.Proto != model.UDP || s.Family != f || s.Cookie == 0 || s.Inode == 0 || s.Owner != -1 {
		t.Errorf("port %d: %+v", s.LocalPort, *s)
	}
	if got := s.Has &^ model.HasMark; got != model.HasQueues|model.HasUID {
		t.Errorf("port %d: has %b", s.LocalPort, got)
	}
}

func TestCapturedDumps(t *testing.T) {
	for _, f := range captured {
		for _, size := range []int{1, 4 << 10, 32 << 10} {
			t.Run(fmt.Sprintf("%s in %d", f.file, size), func(t *testing.T) {
				c := NewConn(&script{steps: datagrams(readCapture(t, f.file), size)})
				for range 2 { // the second finds nothing of the first
					if f.proto == model.TCP {
						checkZoo(t, c, f.family, false)
					} else {
						checkUDP(t, c, f.family)
					}
				}
			})
		}
	}
}

func TestDumpMakesNoGarbage(t *testing.T) {
	for _, f := range captured {
		s := &script{steps: datagrams(readCapture(t, f.file), 32<<10)}
		c := NewConn(&quiet{script: s, steps: s.steps})
		rows := 0
		dump := func() {
			if _, err := c.Dump(f.proto, f.family, func(*model.Socket) { rows++ }); err != nil {
				t.Fatal(err)
			}
		}
		dump() // learns the congestion algorithms
		if n := testing.AllocsPerRun(50, dump); n != 0 || rows == 0 {
			t.Errorf("%s: %v allocations a dump, %d rows", f.file, n, rows)
		}
	}
}

// quiet is a script that makes no garbage itself.
type quiet struct {
	*script
	steps []step
}

func (q *quiet) Send(m []byte) error {
	q.seq, q.left = binary.NativeEndian.Uint32(m[8:]), q.steps
	return nil
}

package diagtest_test

import (
	"errors"
	"io/fs"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sockview/model"
	"sockview/sampler/diag"
	"sockview/sampler/diag/diagtest"
)

var congestion = []string{"", "cubic"}

func sockets(p model.Proto, f model.Family, n int) []model.Socket {
	var all []model.Socket
	for i := range n {
		s := model.Socket{
			Cookie: uint64(i+1) << 33, Local: model.Addr{0: 0x20, 15: 1}, Remote: model.Addr{0: 0x20, 15: 2},
			LocalPort: uint16(1000 + i), RemotePort: 443, Proto: p, Family: f, State: model.Established,
			Inode: uint32(i + 1), UID: 1000, RecvQ: 1, SendQ: 2, Holding: model.Holding{Owner: -1}, Has: model.HasQueues | model.HasUID,
		}
		if f == model.IPv4 {
			s.Local, s.Remote = model.Addr{10: 0xff, 11: 0xff, 15: 1}, model.Addr{10: 0xff, 11: 0xff, 15: 2}
		}
		if p == model.TCP {
			s.Has |= model.HasBytes | model.HasPackets | model.HasPath | model.HasDelivery | model.HasCong | model.HasMark
			s.Sent, s.Received, s.SentPackets, s.ReceivedPackets = 1<<40, 77, 5, 6
			s.RTT, s.RTTVar, s.Retrans, s.Cwnd, s.MSS, s.PMTU = 1, 2, 3, 4, 5, 6
			s.DeliveryRate, s.Cong, s.FwMark, s.Timer, s.Expires, s.Retries = 9, 1, 8, model.TimerRetransmit, 200, 1
			if i%2 == 1 {
				s.State = model.CloseWait
			}
		}
		all = append(all, s)
	}
	return all
}

func dump(c *diag.Conn, p model.Proto, f model.Family) ([]model.Socket, diag.Result, error) {
	var all []model.Socket
	res, err := c.Dump(p, f, func(s *model.Socket) { all = append(all, *s) })
	return all, res, err
}

func TestDumpGivesWhatWasSet(t *testing.T) {
	for _, p := range []model.Proto{model.TCP, model.UDP} {
		for _, f := range []model.Family{model.IPv4, model.IPv6} {
			peer := diagtest.NewPeer()
			want := sockets(p, f, 500) // several datagrams
			peer.Set(p, f, diagtest.Answer{Sockets: want, Congestion: congestion})
			c := diag.NewConn(peer)
			got, res, err := dump(c, p, f)
			if err != nil || res.Rows != 500 {
				t.Fatalf("%+v, %v", res, err)
			}
			if d := cmp.Diff(want, got, cmpopts.EquateComparable(model.Socket{})); d != "" {
				t.Fatal(d)
			}
			if other, _, err := dump(c, p, 10-f); err != nil || len(other) != 0 {
				t.Errorf("the other family: %d, %v", len(other), err)
			}
			if cookie, err := c.NetNSCookie(); cookie != 1 || err != nil {
				t.Errorf("cookie %d, %v", cookie, err)
			}
		}
	}
}

func TestFaults(t *testing.T) {
	for fault := diagtest.Interrupted; fault <= diagtest.Overrun; fault++ {
		peer := diagtest.NewPeer()
		all := sockets(model.TCP, model.IPv4, 3)
		peer.Set(model.TCP, model.IPv4, diagtest.Answer{Sockets: all, Fault: fault})
		c := diag.NewConn(peer)
		if got, _, err := dump(c, model.TCP, model.IPv4); !errors.Is(err, diag.ErrPartial) || len(got) != 3 {
			t.Errorf("fault %d: %d rows, %v", fault, len(got), err)
		}
		peer.Set(model.TCP, model.IPv4, diagtest.Answer{Sockets: all})
		if got, _, err := dump(c, model.TCP, model.IPv4); err != nil || len(got) != 3 {
			t.Errorf("after fault %d: %d rows, %v", fault, len(got), err)
		}
	}
	peer := diagtest.NewPeer()
	bad := diagtest.Answer{Sockets: sockets(model.TCP, model.IPv4, 3), Fault: diagtest.BadRow}
	peer.Set(model.TCP, model.IPv4, bad)
	_, res, err := dump(diag.NewConn(peer), model.TCP, model.IPv4)
	if err != nil || res != (diag.Result{Rows: 3, Bad: 1}) {
		t.Errorf("bad row: %+v, %v", res, err)
	}
}

func TestRefusal(t *testing.T) {
	peer := diagtest.NewPeer()
	peer.Set(model.UDP, model.IPv6, diagtest.Answer{Err: syscall.EPERM})
	c := diag.NewConn(peer)
	_, _, err := dump(c, model.UDP, model.IPv6)
	if !errors.Is(err, diag.ErrUnsupported) || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v", err)
	}
	if _, _, err := dump(c, model.UDP, model.IPv4); err != nil {
		t.Errorf("the other family: %v", err)
	}
}

func TestAskAndDestroy(t *testing.T) {
	peer := diagtest.NewPeer()
	all := sockets(model.TCP, model.IPv4, 3)
	peer.Set(model.TCP, model.IPv4, diagtest.Answer{Sockets: all, Congestion: congestion, DestroyErr: syscall.EPERM})
	c := diag.NewConn(peer)
	target := model.CloseTarget{Cookie: all[1].Cookie, LocalPort: all[1].LocalPort, RemotePort: 443, Proto: model.TCP,
		Family: model.IPv4, State: all[1].State}
	a, err := c.Ask(target)
	if err != nil || a.Socket != all[1] || len(a.Figures) == 0 {
		t.Errorf("ask: %+v, %v", a.Socket, err)
	}
	if err := c.Destroy(target); !errors.Is(err, fs.ErrPermission) || errors.Is(err, diag.ErrUnsupported) {
		t.Errorf("forbidden: %v", err)
	}
	peer.Set(model.TCP, model.IPv4, diagtest.Answer{Sockets: all, Congestion: congestion, DestroyErr: syscall.EOPNOTSUPP})
	if err := c.Destroy(target); !errors.Is(err, diag.ErrUnsupported) {
		t.Errorf("not in this kernel: %v", err)
	}
	peer.Set(model.TCP, model.IPv4, diagtest.Answer{Sockets: all, Congestion: congestion})
	if err := c.Destroy(target); err != nil {
		t.Error(err)
	}
	if _, err := c.Ask(target); !errors.Is(err, diag.ErrGone) {
		t.Errorf("after closing: %v", err)
	}
	if got, _, err := dump(c, model.TCP, model.IPv4); err != nil || len(got) != 2 {
		t.Errorf("%d left, %v", len(got), err)
	}
	destroys := func(r diagtest.Request) bool { return r.Destroy && r.Cookie == target.Cookie }
	if !slices.ContainsFunc(peer.Requests(), destroys) {
		t.Errorf("requests %+v", peer.Requests())
	}
	target.Cookie = 0
	if err := c.Destroy(target); !errors.Is(err, diag.ErrUnsupported) {
		t.Errorf("closing without a cookie: %v", err)
	}
}

// A listener that the kernel does not find by its ends is looked for in a dump.
func TestAskForListener(t *testing.T) {
	peer := diagtest.NewPeer()
	s := sockets(model.TCP, model.IPv4, 1)[0]
	s.State, s.RemotePort = model.Listen, 0
	s.Has = model.HasQueues | model.HasUID
	peer.Set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{s}})
	c := diag.NewConn(peer)
	gone := model.CloseTarget{Cookie: 5, LocalPort: s.LocalPort, Proto: model.TCP, Family: model.IPv4, State: model.Listen}
	if _, err := c.Ask(gone); !errors.Is(err, diag.ErrGone) {
		t.Errorf("got %v", err)
	}
	if r := peer.Requests(); len(r) != 2 || r[0].Dump || !r[1].Dump {
		t.Errorf("requests %+v", r)
	}
}

func TestBlock(t *testing.T) {
	peer := diagtest.NewPeer()
	peer.Set(model.TCP, model.IPv4, diagtest.Answer{Sockets: sockets(model.TCP, model.IPv4, 1)})
	asked, release := peer.Block(model.TCP, model.IPv4)
	c := diag.NewConn(peer)
	result := make(chan error)
	go func() {
		_, _, err := dump(c, model.TCP, model.IPv4)
		result <- err
	}()
	<-asked
	select {
	case err := <-result:
		t.Fatalf("not blocked: %v", err)
	default:
	}
	release()
	release() // twice is as once
	if err := <-result; err != nil {
		t.Error(err)
	}
	asked, _ = peer.Block(model.TCP, model.IPv4)
	go func() {
		_, _, err := dump(c, model.TCP, model.IPv4)
		result <- err
	}()
	<-asked
	if err := peer.Close(); err != nil {
		t.Error(err)
	}
	if err := <-result; !errors.Is(err, syscall.EBADF) {
		t.Errorf("closed: %v", err)
	}
}

func TestUnix(t *testing.T) {
	row := func(inode, peer uint32, path string, state model.UnixState) model.UnixSocket {
		return model.UnixSocket{
			Cookie: uint64(inode) << 33, Inode: inode, PeerInode: peer, Peer: -1, Path: model.SafeText(path), Type: model.UnixStream,
			State: state, RecvQ: 1, SendQ: 2, UID: 1000, HasQueues: true, HasUID: true, References: 2, Holding: model.Holding{Owner: -1},
		}
	}
	want := []model.UnixSocket{
		row(5, 0, "/run/x", model.UnixListening), row(6, 0, "", model.UnixConnected), row(7, 0, "@bound", model.UnixUnconnected),
		{PeerInode: 6, Peer: -1, Path: model.SafeText("/run/x"), Type: model.UnixStream, State: model.UnixConnecting,
			References: 3, Holding: model.Holding{Owner: -1}},
	}
	want[1].References = 3
	peer := diagtest.NewPeer()
	c := diag.NewConn(peer)
	dump := func() (all []model.UnixSocket, res diag.Result, err error) {
		res, err = c.DumpUnix(func(s *model.UnixSocket) { all = append(all, *s) })
		return all, res, err
	}
	if all, _, err := dump(); err != nil || len(all) != 0 {
		t.Errorf("nothing set: %d, %v", len(all), err)
	}
	peer.SetUnix(diagtest.Answer{Unix: want})
	all, res, err := dump()
	if d := cmp.Diff(want, all, cmp.Comparer(func(a, b model.Text) bool { return a == b })); err != nil || res.Rows != 4 || d != "" {
		t.Errorf("%+v, %v, %s", res, err, d)
	}
	peer.SetUnix(diagtest.Answer{Unix: want, Fault: diagtest.Truncated})
	if _, _, err := dump(); !errors.Is(err, diag.ErrPartial) {
		t.Errorf("cut: %v", err)
	}
	peer.SetUnix(diagtest.Answer{Unix: want, Fault: diagtest.BadRow})
	if _, res, err := dump(); err != nil || res != (diag.Result{Rows: 4, Bad: 1}) {
		t.Errorf("bad row: %+v, %v", res, err)
	}
	peer.SetUnix(diagtest.Answer{Err: syscall.ENOENT})
	if _, _, err := dump(); !errors.Is(err, diag.ErrUnsupported) {
		t.Errorf("no unix_diag: %v", err)
	}
	if r := peer.Requests(); !r[0].Dump || r[0].Proto != 0 || r[0].Family != 0 {
		t.Errorf("requests %+v", r)
	}
}

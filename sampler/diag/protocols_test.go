package diag

// This file tests the protocols besides TCP and UDP. The kernel at hand may have no handler for some of them.

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// inetMsg is a struct inet_diag_msg with these ports.
func inetMsg(state byte, local, remote uint16, attrs ...[]byte) []byte {
	b := diagMsg(model.State(state), 7)
	binary.BigEndian.PutUint16(b[4:], local)
	binary.BigEndian.PutUint16(b[6:], remote)
	return join(append([][]byte{b}, attrs...)...)
}

func TestProtocols(t *testing.T) {
	peers := attr(attrPeers, make([]byte, 128)...)
	for _, test := range []struct {
		proto  model.Proto
		body   []byte
		state  model.State
		local  uint16
		remote uint16
		cookie uint64
	}{
		{model.Raw, inetMsg(7, 58, 0), model.Close, 58, 0, 7},
		{model.Raw, inetMsg(1, 255, 99, attr(10, 255)), model.Established, 255, 0, 7},
		{model.UDPLite, inetMsg(7, 99, 0), model.Close, 99, 0, 7},
		{model.UDPLite, inetMsg(1, 99, 80), model.Established, 99, 80, 7},
		{model.SCTP, inetMsg(10, 99, 0), model.Listen, 99, 0, 7},
		{model.SCTP, inetMsg(7, 99, 0), model.Close, 99, 0, 7},
		{model.SCTP, inetMsg(1, 99, 80), model.Established, 99, 80, 7},
		{model.SCTP, inetMsg(0, 99, 80, peers), model.Close, 99, 80, 0},
		{model.SCTP, inetMsg(1, 99, 80, peers), model.SynSent, 99, 80, 0},
		{model.SCTP, inetMsg(2, 99, 80, peers), model.SynSent, 99, 80, 0},
		{model.SCTP, inetMsg(3, 99, 80, peers), model.Established, 99, 80, 0},
		{model.SCTP, inetMsg(4, 99, 80, peers), model.FinWait1, 99, 80, 0},
		{model.SCTP, inetMsg(5, 99, 80, peers), model.FinWait1, 99, 80, 0},
		{model.SCTP, inetMsg(6, 99, 80, peers), model.CloseWait, 99, 80, 0},
		{model.SCTP, inetMsg(7, 99, 80, peers), model.LastAck, 99, 80, 0},
		{model.SCTP, inetMsg(8, 99, 80, peers), model.StateUnknown, 99, 80, 0},
		{model.TCP, inetMsg(1, 99, 80, peers), model.Established, 99, 80, 7},
	} {
		// What looks like tcp_info is none: another protocol has no bytes.
		body := join(test.body, attr(attrInfo, tcpInfo(model.Established, 280)...))
		s := &script{steps: []step{data(msg(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_MULTI, 0, body...), done(0))}}
		res, err := NewConn(s).Dump(test.proto, model.IPv4, func(s *model.Socket) {
			if s.Proto != test.proto || s.State != test.state || s.LocalPort != test.local || s.RemotePort != test.remote ||
				s.Cookie != test.cookie || (s.Has&model.HasBytes != 0) != (test.proto == model.TCP) {
				t.Errorf("% x: %+v", test.body[:8], *s)
			}
		})
		if err != nil || res != (Result{Rows: 1}) || s.got[16+1] != byte(test.proto) {
			t.Errorf("protocol %d: %+v, %v", test.proto, res, err)
		}
	}
}

func TestProtocolsInErrors(t *testing.T) {
	for p, want := range map[model.Proto]string{
		model.TCP: "dump TCP IPv4: ", model.UDP: "dump UDP IPv4: ", model.SCTP: "dump SCTP IPv4: ",
		model.UDPLite: "dump UDP-Lite IPv4: ", model.Raw: "dump raw IPv4: ", 33: "dump protocol 33 IPv4: ",
	} {
		_, err := NewConn(&script{steps: []step{data(done(int32(unix.ENOENT)))}}).Dump(p, model.IPv4, nil)
		if !errors.Is(err, ErrUnsupported) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// Of raw sockets the kernel looks up the first that fits, whatever its cookie is.
func TestRawIsNeverTakenForAnother(t *testing.T) {
	s := &script{steps: []step{data(msg(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_MULTI, 0, inetMsg(7, 58, 0)...), done(0))}}
	c := NewConn(s)
	mine := model.CloseTarget{Proto: model.Raw, Family: model.IPv4, LocalPort: 58, Cookie: 7}
	if a, err := c.Ask(mine); err != nil || a.Socket.Cookie != 7 {
		t.Errorf("ask: %+v, %v", a.Socket, err)
	}
	other := mine
	other.Cookie = 8
	if _, err := c.Ask(other); !errors.Is(err, ErrGone) {
		t.Errorf("ask for another: %v", err)
	}
	other.Cookie = 0
	if _, err := c.Ask(other); !errors.Is(err, ErrUnsupported) {
		t.Errorf("ask for one without cookie: %v", err)
	}
	sends := s.sends
	if err := c.Destroy(mine); !errors.Is(err, ErrUnsupported) || s.sends != sends {
		t.Errorf("close: %v, %d requests", err, s.sends-sends)
	}
}

// The two figures of tcp_info are the ones of /proc/net/tcp; idiag_retrans is one of them, by the timer.
func TestRetriesAndProbes(t *testing.T) {
	info := tcpInfo(model.Established, 280)
	info[infoRetransmits], info[infoProbes] = 3, 4
	for _, test := range []struct {
		timer           model.Timer
		info            []byte
		retries, probes uint8
	}{
		{model.TimerRetransmit, nil, 9, 0}, {model.TimerKeepalive, nil, 0, 9}, {model.TimerProbe, nil, 0, 9},
		{model.TimerRetransmit, info, 3, 4}, {model.TimerKeepalive, info, 3, 4}, {model.TimerOff, info, 3, 4},
		{model.TimerRetransmit, info[:4], 3, 4}, {model.TimerRetransmit, info[:3], 9, 0},
	} {
		body := diagMsg(model.Established, 1)
		body[2], body[3] = byte(test.timer), 9
		if test.info != nil {
			body = join(body, attr(attrInfo, test.info...))
		}
		var s model.Socket
		if err := newParser(model.TCP).socket(&s, body); err != nil || s.Retries != test.retries || s.Probes != test.probes {
			t.Errorf("timer %v, %d bytes of tcp_info: %d retries, %d probes, %v", test.timer, len(test.info), s.Retries, s.Probes, err)
		}
	}
}

func TestKernelUDPLite(t *testing.T) {
	enterNamespace(t)
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.IPPROTO_UDPLITE)
	if err != nil {
		t.Skipf("this kernel has no UDP-Lite: %v", err)
	}
	defer unix.Close(fd)
	z := zoo{t}
	z.must("bind", unix.Bind(fd, sockaddr(model.IPv6, "::1", 99)))
	c := openIn(t)
	s := z.find(c, model.UDPLite, model.IPv6, 99, 0)
	if s.State != model.Close || s.Inode == 0 || s.Cookie == 0 {
		t.Errorf("%+v", s)
	}
	if a, err := c.Ask(target(s)); err != nil || a.Socket.Cookie != s.Cookie {
		t.Errorf("ask: %+v, %v", a.Socket, err)
	}
	destroyable(t, c.Destroy(target(s)))
}

package text

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sockview/model"
)

// The expected lines are net-tools 2.10's own, printed for the same rows.

// printed are the lines that f writes of so many rows, without the first skip.
func printed(t testing.TB, f func(io.Writer, []int32) error, rows, skip int) []string {
	t.Helper()
	var order []int32
	for i := range rows {
		order = append(order, int32(i))
	}
	var b strings.Builder
	if err := f(&b, order); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(b.String(), "\n") {
		t.Errorf("the last line does not end: %q", b.String())
	}
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")[skip:]
}

// addr6 is an IPv6 address that begins with these 16-bit words; the rest is zero.
func addr6(words ...uint16) model.Addr {
	var a model.Addr
	for i, w := range words {
		a[2*i], a[2*i+1] = byte(w>>8), byte(w)
	}
	return a
}

const known = model.HasQueues | model.HasUID

// established is a connection over the loopback interface that r says more about.
func established(r model.Socket) model.Socket {
	r.Local, r.LocalPort, r.Remote, r.RemotePort = addr4(127, 0, 0, 1), 8080, addr4(127, 0, 0, 1), 54321
	r.Proto, r.Family, r.Has = model.TCP, model.IPv4, r.Has|model.HasQueues
	if r.State == model.StateUnknown {
		r.State = model.Established
	}
	if r.Owner == 0 && r.Holders == 0 {
		r.Owner = -1
	}
	return r
}

// someHosts and someServices are names as /etc/hosts and /etc/services had them.
func someHosts(a model.Addr) string {
	switch a {
	case addr4(127, 0, 0, 1), addr6(0, 0, 0, 0, 0, 0, 0, 1):
		return "localhost"
	case addr4(254, 255, 254, 253):
		return "host-with-a-long-name.example.com"
	case addr4(10, 1, 2, 1):
		return "gateway"
	case addr4(10, 1, 2, 2):
		return "a-very-long-gateway-name.example.com"
	case addr4(10, 1, 2, 0):
		return "netname.example.com"
	case addr4(224, 0, 0, 1):
		return "all-systems.mcast.net"
	}
	return ""
}

func someServices(p model.Proto, port uint16) string {
	if p == model.Raw {
		return ""
	}
	return map[uint16]string{1: "tcpmux", 22: "ssh", 53: "domain", 80: "http", 443: "https", 8080: "http-alt"}[port]
}

func TestNetstatTitles(t *testing.T) {
	// netstat -nt, -ant, -lnt, -alnt, -ante, -antp, -anto, -antepo, each | head -2
	const heading = "Proto Recv-Q Send-Q Local Address           Foreign Address         State      "
	for _, c := range []struct {
		n           Netstat
		title, tail string
	}{
		{Netstat{}, "w/o servers", ""},
		{Netstat{All: true}, "servers and established", ""},
		{Netstat{Listening: true}, "only servers", ""},
		{Netstat{All: true, Listening: true}, "servers and established", ""},
		{Netstat{Extend: 1}, "w/o servers", " User       Inode     "},
		{Netstat{Extend: 2}, "w/o servers", " User       Inode     "},
		{Netstat{Programs: true}, "w/o servers", " PID/Program name    "},
		{Netstat{Timers: true}, "w/o servers", " Timer"},
		{Netstat{Extend: 1, Programs: true, Timers: true}, "w/o servers", " User       Inode      PID/Program name     Timer"},
	} {
		s := &model.Snapshot{}
		got := printed(t, func(w io.Writer, o []int32) error { return c.n.Sockets(w, s, o) }, 0, 0)
		want := []string{"Active Internet connections (" + c.title + ")", heading + c.tail}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%+v: %s", c.n, d)
		}
	}
}

func TestNetstatSockets(t *testing.T) {
	s := &model.Snapshot{
		Users: map[uint32]model.Text{0: model.SafeText("root"), 998: model.SafeText("systemd-network")},
		Processes: []model.Process{
			{PID: 900, Argv0: model.SafeText("/usr/sbin/sshd")}, {PID: 12, Argv0: model.SafeText("second")},
			{PID: 100, Argv0: model.SafeText("nginx: master process /usr/sbin/nginx -g daemon on")},
			{PID: 7, Argv0: model.SafeText("gone"), Dead: true},
		},
		Holders: []model.Holder{{Inode: 5, Process: 2}, {Inode: 1001, Process: 0}, {Inode: 1001, Process: 1}, {Inode: 1001, Process: 3}, {Inode: 1002, Process: 3}},
	}
	listener := model.Socket{Proto: model.TCP, Family: model.IPv4, State: model.Listen, Local: addr4(0, 0, 0, 0), Remote: addr4(0, 0, 0, 0),
		LocalPort: 22, RecvQ: 5, SendQ: 128, Inode: 1001, Has: known, Holding: model.Holding{Owner: 0, Holders: 3}}
	v6 := func(local model.Addr, lport uint16, remote model.Addr, rport uint16) model.Socket {
		return model.Socket{Proto: model.TCP, Family: model.IPv6, State: model.Established, Local: local, LocalPort: lport, Remote: remote,
			RemotePort: rport, RecvQ: 5, Inode: 1001, Has: known, Holding: model.Holding{Owner: -1}}
	}
	listener6 := v6(model.Addr{}, 22, model.Addr{}, 0)
	listener6.State = model.Listen
	mapped := v6(addr4(0, 0, 0, 0), 22, addr4(0, 0, 0, 0), 0)
	mapped.State = model.Listen
	long6 := v6(addr6(0x2001, 0xdb8, 0x1234, 0x5678, 0, 0, 0, 1), 65535, addr6(0x2001, 0xdb8, 0x1234, 0x5678, 0x8765, 0x4321, 0x2143, 0x6587), 443)
	connectionless := func(p model.Proto, f model.Family, local model.Addr, lport uint16, remote model.Addr, rport uint16, state model.State) model.Socket {
		return model.Socket{Proto: p, Family: f, Local: local, LocalPort: lport, Remote: remote, RemotePort: rport, State: state, Has: known,
			Holding: model.Holding{Owner: -1}}
	}
	none4 := addr4(0, 0, 0, 0)
	for _, c := range []struct {
		n    Netstat
		r    model.Socket
		want string
	}{
		// -ant
		{Netstat{}, listener, "tcp        5      0 0.0.0.0:22              0.0.0.0:*               LISTEN     "},
		{Netstat{}, established(model.Socket{RecvQ: 7, SendQ: 3}), "tcp        7      3 127.0.0.1:8080          127.0.0.1:54321         ESTABLISHED"},
		{Netstat{}, established(model.Socket{State: model.TimeWait}), "tcp        0      0 127.0.0.1:8080          127.0.0.1:54321         TIME_WAIT  "},
		{Netstat{}, established(model.Socket{State: model.SynRecv}), "tcp        0      0 127.0.0.1:8080          127.0.0.1:54321         SYN_RECV   "},
		{Netstat{}, listener6, "tcp6       5      0 :::22                   :::*                    LISTEN     "},
		{Netstat{}, mapped, "tcp6       5      0 0.0.0.0:22              0.0.0.0:*               LISTEN     "},
		{Netstat{}, v6(addr4(127, 0, 0, 1), 22, addr4(127, 0, 0, 1), 54321), "tcp6       5      0 127.0.0.1:22            127.0.0.1:54321         ESTABLISHED"},
		{Netstat{}, v6(addr6(0, 0, 0, 0, 0, 0, 0, 1), 65535, addr6(0, 0, 0, 0, 0, 0, 0, 1), 1), "tcp6       5      0 ::1:65535               ::1:1                   ESTABLISHED"},
		{Netstat{}, long6, "tcp6       5      0 2001:db8:1234:567:65535 2001:db8:1234:5678::443 ESTABLISHED"},
		{Netstat{}, v6(addr6(0xfe80, 0, 0, 0, 0x5054, 0xff, 0x5634, 0x12fe), 443, addr6(0, 0, 0, 0, 0, 0, 0x7f00, 1), 1),
			"tcp6       5      0 fe80::5054:ff:5634::443 ::127.0.0.1:1           ESTABLISHED"},
		// -antW
		{Netstat{Wide: true}, long6, "tcp6       5      0 2001:db8:1234:5678::1:65535 2001:db8:1234:5678:8765:4321:2143:6587:443 ESTABLISHED"},
		// -at
		{Netstat{Host: someHosts, Service: someServices}, listener, "tcp        5      0 0.0.0.0:ssh             0.0.0.0:*               LISTEN     "},
		{Netstat{Host: someHosts, Service: someServices}, listener6, "tcp6       5      0 [::]:ssh                [::]:*                  LISTEN     "},
		{Netstat{Service: someServices}, listener6, "tcp6       5      0 :::ssh                  :::*                    LISTEN     "},
		{Netstat{Host: someHosts, Service: someServices}, mapped, "tcp6       5      0 0.0.0.0:ssh             0.0.0.0:*               LISTEN     "},
		{Netstat{Host: someHosts, Service: someServices}, established(model.Socket{}), "tcp        0      0 localhost:http-alt      localhost:54321         ESTABLISHED"},
		{Netstat{Host: someHosts, Service: someServices}, v6(addr4(127, 0, 0, 1), 22, addr4(127, 0, 0, 1), 54321),
			"tcp6       5      0 127.0.0.1:ssh           127.0.0.1:54321         ESTABLISHED"},
		{Netstat{Host: someHosts, Service: someServices}, long6, "tcp6       5      0 2001:db8:1234:567:65535 2001:db8:1234:567:https ESTABLISHED"},
		{Netstat{Host: someHosts, Service: someServices},
			connectionless(model.TCP, model.IPv4, addr4(254, 255, 254, 253), 65535, addr4(254, 255, 254, 253), 65534, model.Established),
			"tcp        0      0 host-with-a-long-:65535 host-with-a-long-:65534 ESTABLISHED"},
		// -anu, -anU, -anw, -aw
		{Netstat{}, connectionless(model.UDP, model.IPv4, none4, 68, none4, 0, model.Close), "udp        0      0 0.0.0.0:68              0.0.0.0:*                          "},
		{Netstat{}, connectionless(model.UDP, model.IPv6, model.Addr{}, 68, model.Addr{}, 0, model.Close), "udp6       0      0 :::68                   :::*                               "},
		{Netstat{}, connectionless(model.UDP, model.IPv4, addr4(127, 0, 0, 1), 53, addr4(127, 0, 0, 1), 4660, model.Established),
			"udp        0      0 127.0.0.1:53            127.0.0.1:4660          ESTABLISHED"},
		{Netstat{}, connectionless(model.UDPLite, model.IPv4, none4, 68, none4, 0, model.Close), "udpl       0      0 0.0.0.0:68              0.0.0.0:*                          "},
		{Netstat{}, connectionless(model.UDPLite, model.IPv6, model.Addr{}, 68, model.Addr{}, 0, model.Close), "udpl6      0      0 :::68                   :::*                               "},
		{Netstat{}, connectionless(model.Raw, model.IPv4, none4, 1, none4, 0, model.Close), "raw        0      0 0.0.0.0:1               0.0.0.0:*               7          "},
		{Netstat{}, connectionless(model.Raw, model.IPv4, addr4(127, 0, 0, 1), 6, addr4(127, 0, 0, 2), 0, model.Established),
			"raw        0      0 127.0.0.1:6             127.0.0.2:*             1          "},
		{Netstat{}, connectionless(model.Raw, model.IPv6, model.Addr{}, 58, model.Addr{}, 0, model.Close), "raw6       0      0 :::58                   :::*                    7          "},
		{Netstat{Host: someHosts, Service: someServices}, connectionless(model.Raw, model.IPv4, none4, 1, none4, 0, model.Close),
			"raw        0      0 0.0.0.0:icmp            0.0.0.0:*               7          "},
		{Netstat{Host: someHosts, Service: someServices}, connectionless(model.Raw, model.IPv6, model.Addr{}, 58, model.Addr{}, 0, model.Close),
			"raw6       0      0 [::]:ipv6-icmp          [::]:*                  7          "},
		{Netstat{Host: someHosts, Service: someServices}, connectionless(model.Raw, model.IPv4, addr4(127, 0, 0, 1), 255, none4, 0, model.Close),
			"raw        0      0 localhost:255           0.0.0.0:*               7          "},
		// -ante, -ate, --numeric-users; -2 is what netstat makes of uid 4294967294
		{Netstat{Extend: 1, NumericUsers: true}, listener, "tcp        5      0 0.0.0.0:22              0.0.0.0:*               LISTEN      0          1001      "},
		{Netstat{Extend: 1}, listener, "tcp        5      0 0.0.0.0:22              0.0.0.0:*               LISTEN      root       1001      "},
		{Netstat{Extend: 1}, established(model.Socket{UID: 998, Inode: 5, Has: model.HasUID}),
			"tcp        0      0 127.0.0.1:8080          127.0.0.1:54321         ESTABLISHED systemd-network 5         "},
		{Netstat{Extend: 1}, established(model.Socket{UID: 4294967294, Has: model.HasUID}),
			"tcp        0      0 127.0.0.1:8080          127.0.0.1:54321         ESTABLISHED -2         0         "},
		{Netstat{Extend: 2, NumericUsers: true}, established(model.Socket{State: model.TimeWait}),
			"tcp        0      0 127.0.0.1:8080          127.0.0.1:54321         TIME_WAIT   0          0         "},
		// -antp: the lowest pid of those that hold it
		{Netstat{Programs: true}, listener, "tcp        5      0 0.0.0.0:22              0.0.0.0:*               LISTEN      12/second           "},
		{Netstat{Programs: true}, established(model.Socket{Inode: 5, Holding: model.Holding{Owner: 2, Holders: 1}}),
			"tcp        0      0 127.0.0.1:8080          127.0.0.1:54321         ESTABLISHED 100/nginx: master p "},
		{Netstat{Programs: true}, established(model.Socket{Holding: model.Holding{Owner: 2, Holders: 1, Was: true}}),
			"tcp        0      0 127.0.0.1:8080          127.0.0.1:54321         ESTABLISHED -                   "},
		{Netstat{Programs: true}, established(model.Socket{Holding: model.Holding{Owner: -1}}),
			"tcp        0      0 127.0.0.1:8080          127.0.0.1:54321         ESTABLISHED -                   "},
		// -anto, -antepo
		{Netstat{Timers: true}, established(model.Socket{Timer: model.TimerRetransmit, Expires: 359, Retries: 2, Probes: 1}),
			"tcp        0      0 127.0.0.1:8080          127.0.0.1:54321         ESTABLISHED on (0.35/2/1)"},
		{Netstat{Timers: true}, established(model.Socket{Timer: model.TimerKeepalive, Expires: 439810, Probes: 3}),
			"tcp        0      0 127.0.0.1:8080          127.0.0.1:54321         ESTABLISHED keepalive (439.81/0/3)"},
		{Netstat{Timers: true}, established(model.Socket{Timer: model.TimerTimeWait, Expires: 60000, State: model.TimeWait}),
			"tcp        0      0 127.0.0.1:8080          127.0.0.1:54321         TIME_WAIT   timewait (60.00/0/0)"},
		{Netstat{Timers: true}, established(model.Socket{Timer: model.TimerProbe, Expires: 10, Retries: 4, Probes: 9, State: model.CloseWait}),
			"tcp        0      0 127.0.0.1:8080          127.0.0.1:54321         CLOSE_WAIT  probe (0.01/4/9)"},
		{Netstat{Timers: true}, established(model.Socket{Timer: 5, Expires: 10}),
			"tcp        0      0 127.0.0.1:8080          127.0.0.1:54321         ESTABLISHED unkn-5 (0.01/0/0)"},
		{Netstat{Timers: true}, connectionless(model.UDP, model.IPv4, none4, 68, none4, 0, model.Close),
			"udp        0      0 0.0.0.0:68              0.0.0.0:*                           off (0.00/0/0)"},
		{Netstat{Timers: true}, connectionless(model.Raw, model.IPv4, none4, 1, none4, 0, model.Close),
			"raw        0      0 0.0.0.0:1               0.0.0.0:*               7           off (0.00/0/0)"},
		{Netstat{Extend: 1, NumericUsers: true, Programs: true, Timers: true}, listener,
			"tcp        5      0 0.0.0.0:22              0.0.0.0:*               LISTEN      0          1001       12/second            off (0.00/0/0)"},
	} {
		s.Sockets = []model.Socket{c.r}
		got := printed(t, func(w io.Writer, o []int32) error { return c.n.Sockets(w, s, o) }, 1, 2)
		if len(got) != 1 || got[0] != c.want {
			t.Errorf("%+v:\ngot  %q\nwant %q", c.n, got, c.want)
		}
	}
}

// TestNetstatHalfOpen: /proc/net/tcp has a half-open connection under its listener's user.
func TestNetstatHalfOpen(t *testing.T) {
	s := &model.Snapshot{Sockets: []model.Socket{
		{Proto: model.TCP, Family: model.IPv6, State: model.Listen, LocalPort: 8080, UID: 33, Has: known},
		{Proto: model.TCP, Family: model.IPv4, State: model.Listen, Local: addr4(10, 0, 0, 1), Remote: addr4(0, 0, 0, 0), LocalPort: 8080, UID: 5, Has: known},
		established(model.Socket{State: model.SynRecv}),
		{Proto: model.TCP, Family: model.IPv4, State: model.SynRecv, Local: addr4(10, 0, 0, 1), LocalPort: 8080, Remote: addr4(10, 0, 0, 9), RemotePort: 7},
		{Proto: model.TCP, Family: model.IPv4, State: model.SynRecv, Local: addr4(10, 0, 0, 1), LocalPort: 8081, Remote: addr4(10, 0, 0, 9), RemotePort: 7},
	}}
	n := &Netstat{Extend: 1, NumericUsers: true}
	got := printed(t, func(w io.Writer, o []int32) error { return n.Sockets(w, s, o) }, len(s.Sockets), 4)
	for i, uid := range []string{"33", "5", "0"} {
		if fields := strings.Fields(got[i]); fields[6] != uid || fields[7] != "0" {
			t.Errorf("%q: want user %s and inode 0", got[i], uid)
		}
	}
}

func TestNetstatPrograms(t *testing.T) {
	x600 := strings.Repeat("x", 600)
	for argv0, want := range map[string]string{ // real processes, netstat -antp
		"nginx: master process /usr/sbin/nginx":  "100/nginx: master p ",
		"/usr/sbin/sshd":                         "100/sshd            ",
		"-bash":                                  "100/-bash           ",
		"":                                       "100/                ",
		"/opt/my app/bin/the server with spaces": "100/the server with ",
		"relative/dir/name":                      "100/relative/dir/na ",
		"./x/y":                                  "100/./x/y           ",
		"/usr/bin/":                              "100/                ",
		"sshd: root@pts/0":                       "100/sshd: root@pts/ ",
		"/usr/sbin/foo: worker /a/b":             "100/b               ",
		"exactlyfifteen_":                        "100/exactlyfifteen_ ",
		"exactlysixteen__":                       "100/exactlysixteen_ ",
		"trailing ":                              "100/trailing        ",
		"/" + x600 + "/name":                     "100/xxxxxxxxxxxxxxx ", // it reads 511 bytes
		"/" + x600[:505] + "/name":               "100/name            ",
		"ééééééééééé":                            "100/ééééééé  ", // netstat cuts the eighth in two
		"a\nb":                                   `100/a\nb            `,
	} {
		s := &model.Snapshot{Processes: []model.Process{{PID: 100, Argv0: model.SafeText(argv0)}}}
		got := string((&Netstat{}).appendProgram(nil, s, &model.Holding{Holders: 1}, 5))
		if got != want {
			t.Errorf("%.40q: %q, want %q", argv0, got, want)
		}
	}
}

func TestNetstatShows(t *testing.T) {
	tcp := func(state model.State, port uint16) model.Socket {
		return model.Socket{Proto: model.TCP, Family: model.IPv4, State: state, Remote: addr4(0, 0, 0, 0), RemotePort: port}
	}
	udp := func(p model.Proto, remote model.Addr, port uint16) model.Socket {
		return model.Socket{Proto: p, Family: model.IPv4, State: model.Close, Remote: remote, RemotePort: port}
	}
	dead := tcp(model.Established, 1)
	dead.Dead = true
	for _, c := range []struct {
		name                    string
		r                       model.Socket
		neither, listening, all bool
	}{
		{"listener", tcp(model.Listen, 0), false, true, true},
		{"connection", tcp(model.Established, 80), true, false, true},
		{"time wait", tcp(model.TimeWait, 80), true, false, true},
		{"bound only", tcp(model.Bound, 0), false, false, false},
		{"closed but open", tcp(model.Close, 0), false, false, false},
		{"gone", dead, false, false, false},
		{"udp", udp(model.UDP, addr4(0, 0, 0, 0), 0), false, true, true},
		{"udp with a port alone", udp(model.UDP, addr4(0, 0, 0, 0), 4660), false, true, true},
		{"udp connected", udp(model.UDP, addr4(127, 0, 0, 1), 53), true, false, true},
		{"udp connected to port 0", udp(model.UDP, addr4(127, 0, 0, 1), 0), true, false, true},
		{"udplite", udp(model.UDPLite, model.Addr{}, 0), false, true, true},
		{"raw", udp(model.Raw, addr4(0, 0, 0, 0), 0), false, true, true},
		{"raw connected", udp(model.Raw, addr4(127, 0, 0, 2), 0), true, false, true},
	} {
		for _, n := range []struct {
			Netstat
			want bool
		}{{Netstat{}, c.neither}, {Netstat{Listening: true}, c.listening}, {Netstat{All: true}, c.all}, {Netstat{All: true, Listening: true}, c.all}} {
			if got := n.ShowsSocket(&c.r); got != n.want {
				t.Errorf("%s, all %v, listening %v: %v", c.name, n.All, n.Listening, got)
			}
		}
	}
}

func TestNetstatUnix(t *testing.T) {
	s := &model.Snapshot{
		Processes: []model.Process{{PID: 101, Argv0: model.SafeText("/usr/sbin/sshd")}, {PID: 5, Argv0: model.SafeText("init")}},
		Holders:   []model.Holder{{Inode: 1002, Process: 0}, {Inode: 1002, Process: 1}},
	}
	alone := model.Holding{Owner: -1}
	s.Unix = []model.UnixSocket{
		{References: 2, Type: model.UnixStream, State: model.UnixListening, Inode: 1001, Path: model.SafeText("/run/a.sock"), Holding: model.Holding{Owner: 0, Holders: 1}},
		{References: 3, Type: model.UnixStream, State: model.UnixConnected, Inode: 1002, Holding: model.Holding{Owner: 0, Holders: 2}},
		{References: 2, Type: model.UnixDatagram, Inode: 1004, Path: model.SafeText("@abstract name@x"), Holding: alone},
		{References: 1000, Type: model.UnixSeqPacket, State: model.UnixConnected, Inode: 4294967295, Path: model.SafeText("relative"), Holding: alone},
		{References: 2, Type: model.UnixStream, State: model.UnixConnecting, Path: model.SafeText("/run/a.sock"), Holding: alone},
		{References: 2, Type: model.UnixStream, State: model.UnixDisconnecting, Inode: 1010, Holding: alone},
		{Life: model.Life{Dead: true}, Inode: 9},
	}
	for _, c := range []struct {
		n    Netstat
		want string
	}{
		{Netstat{All: true}, `Active UNIX domain sockets (servers and established)
Proto RefCnt Flags       Type       State         I-Node   Path
unix  2      [ ACC ]     STREAM     LISTENING     1001     /run/a.sock
unix  3      [ ]         STREAM     CONNECTED     1002     ` + `
unix  2      [ ]         DGRAM                    1004     @abstract
unix  1000   [ ]         SEQPACKET  CONNECTED     4294967295 relative
unix  2      [ ]         STREAM     CONNECTING    0        /run/a.sock
unix  2      [ ]         STREAM     DISCONNECTING 1010     `},
		{Netstat{Listening: true, Extend: 1, Timers: true, Programs: true}, `Active UNIX domain sockets (only servers)
Proto RefCnt Flags       Type       State         I-Node   PID/Program name     Path
unix  2      [ ACC ]     STREAM     LISTENING     1001     101/sshd             /run/a.sock
unix  3      [ ]         STREAM     CONNECTED     1002     5/init               ` + `
unix  2      [ ]         DGRAM                    1004     -                    @abstract
unix  1000   [ ]         SEQPACKET  CONNECTED     4294967295 -                    relative
unix  2      [ ]         STREAM     CONNECTING    0        -                    /run/a.sock
unix  2      [ ]         STREAM     DISCONNECTING 1010     -                    `},
	} {
		got := printed(t, func(w io.Writer, o []int32) error { return c.n.Unix(w, s, o) }, len(s.Unix), 0)
		if d := cmp.Diff(strings.Split(c.want, "\n"), got); d != "" {
			t.Errorf("%+v: %s", c.n, d)
		}
	}
	for i, want := range [][3]bool{{false, true, true}, {true, false, true}, {true, false, true}, {true, false, true}, {true, false, true}, {true, false, true}, {}} {
		r := &s.Unix[i]
		got := [3]bool{(&Netstat{}).ShowsUnix(r), (&Netstat{Listening: true}).ShowsUnix(r), (&Netstat{All: true, Listening: true}).ShowsUnix(r)}
		if got != want {
			t.Errorf("row %d: shown without, with -l, with -al: %v, want %v", i, got, want)
		}
	}
}

// TestFault01Netstat: names that a resolver gives cannot leave their line either.
func TestFault01Netstat(t *testing.T) {
	for _, text := range hostile {
		n := &Netstat{
			All: true, Extend: 2, Programs: true, Timers: true, Wide: true,
			Host:    func(model.Addr) string { return text },
			Service: func(model.Proto, uint16) string { return text },
		}
		s := zoo()
		s.Routes = []model.Route{{Family: model.IPv6, Dst: addr6(1), Gateway: addr6(2), HasGateway: true, Flags: 3}}
		s.Flows = []model.Flow{{Family: model.IPv4, Proto: model.TCP, Original: model.FlowTuple{SrcPort: 1, DstPort: 2}}}
		var b strings.Builder
		for _, err := range []error{n.Sockets(&b, s, []int32{0, 1, 2, 3}), n.Routes(&b, s, []int32{0}, model.IPv6), n.Flows(&b, s, []int32{0})} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Count(b.String(), "\n"); got != 2+4+2+1+2+2 {
			t.Errorf("%q: %d lines", text, got)
		}
		for _, r := range strings.ReplaceAll(b.String(), "\n", "") {
			if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0x2028 || r == 0x200b || r == 0xfffd {
				t.Errorf("%q: %U gets out", text, r)
			}
		}
	}
}

// manySockets is a snapshot of n connections, held by a few processes.
func manySockets(n int) (*model.Snapshot, []int32) {
	s := &model.Snapshot{Users: map[uint32]model.Text{33: model.SafeText("www-data")}}
	for i := range 100 {
		s.Processes = append(s.Processes, model.Process{PID: int32(1000 + i), Argv0: model.SafeText("/usr/sbin/nginx")})
	}
	order := make([]int32, n)
	for i := range n {
		order[i] = int32(i)
		s.Sockets = append(s.Sockets, model.Socket{
			Local: addr4(10, 0, 0, 5), LocalPort: 443, Remote: addr4(203, 0, byte(i>>8), byte(i)), RemotePort: uint16(1024 + i%60000),
			Proto: model.TCP, Family: model.IPv4, State: model.Established, UID: 33, Inode: uint32(i + 1), Has: known,
			Timer: model.TimerKeepalive, Expires: uint32(i), Holding: model.Holding{Owner: int32(i % 100), Holders: 1},
		})
	}
	return s, order
}

func TestNetstatStopsAtError(t *testing.T) {
	s, order := manySockets(20000)
	for _, after := range []int{0, pageSize + 8000, 4 * pageSize} {
		if err := (&Netstat{}).Sockets(&failing{room: after, err: os.ErrClosed}, s, order); err != os.ErrClosed {
			t.Errorf("after %d bytes: %v", after, err)
		}
	}
}

func TestNetstatNoGarbage(t *testing.T) {
	s, order := manySockets(50000)
	n := &Netstat{All: true, Extend: 1, Programs: true, Timers: true}
	for rows, most := range map[int]float64{2000: 20, 10000: 30, 50000: 30} { // two workers have buffers of their own
		if got := testing.AllocsPerRun(3, func() { _ = n.Sockets(io.Discard, s, order[:rows]) }); got > most {
			t.Errorf("%v allocations for %d rows", got, rows)
		}
	}
}

func BenchmarkNetstat(b *testing.B) {
	s, order := manySockets(100000)
	for _, n := range []*Netstat{{All: true}, {All: true, Extend: 1, Programs: true, Timers: true}} {
		b.Run(fmt.Sprintf("programs=%v", n.Programs), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				if err := n.Sockets(io.Discard, s, order); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(order)), "ns/row")
		})
	}
}

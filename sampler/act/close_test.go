package act

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
)

func addr(s string) model.Addr { return model.AddrFrom(netip.MustParseAddr(s)) }

// emptyProc shows no process: no SSH connection is known.
func emptyProc(t *testing.T) string { return t.TempDir() }

func established() model.CloseTarget {
	return model.CloseTarget{Cookie: 7, Proto: model.TCP, Family: model.IPv4, State: model.Established,
		Local: addr("192.0.2.1"), LocalPort: 443, Remote: addr("198.51.100.9"), RemotePort: 5000}
}

func TestCloseAnswers(t *testing.T) {
	in := func(s model.State) model.CloseTarget {
		c := established()
		c.State = s
		return c
	}
	for _, c := range []struct {
		name   string
		t      model.CloseTarget
		answer error
		want   error
		says   string
	}{
		{"done", established(), nil, nil, ""},
		{"gone", established(), unix.ENOENT, ErrGone, "closed already"},
		{"another cookie", established(), unix.ESTALE, ErrGone, "closed already"},
		{"no permission", established(), unix.EPERM, ErrPermission, "CAP_NET_ADMIN"},
		{"old kernel", established(), unix.EOPNOTSUPP, ErrUnsupported, "CONFIG_INET_DIAG_DESTROY"},
		{"old kernel, TIME_WAIT", in(model.TimeWait), unix.EOPNOTSUPP, ErrUnsupported, "TIME_WAIT"},
		{"old kernel, SYN_RECV", in(model.SynRecv), unix.EOPNOTSUPP, ErrUnsupported, "SYN_RECV"},
		{"another error", established(), unix.ENOBUFS, unix.ENOBUFS, "closing the connection"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked []model.CloseTarget
			a := New(emptyProc(t), func(t model.CloseTarget) error {
				asked = append(asked, t)
				if c.answer == nil {
					return nil
				}
				return fmt.Errorf("destroying a socket: %w", c.answer)
			})
			err := a.Close(c.t)
			if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
			if len(asked) != 1 || asked[0] != c.t {
				t.Errorf("asked the kernel for %v", asked)
			}
			if err == nil {
				return
			}
			if !errors.Is(err, c.answer) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q", err)
			}
		})
	}
}

// TestFault38OwnConnection: the SSH connection that sockview runs over is refused, whatever else is not.
func TestFault38OwnConnection(t *testing.T) {
	root := emptyProc(t)
	const shell = 5_000_001
	writeFile(t, root, os.Getpid(), "stat", "1 "+statText("sockview", 'R', shell, 0, 1))
	writeFile(t, root, os.Getpid(), "environ", "A=b\x00SSH_CONNECTION=nonsense\x00")
	writeFile(t, root, shell, "stat", "1 "+statText("bash", 'S', 1, 0, 1))
	writeFile(t, root, shell, "environ", "XSSH_CONNECTION=9.9.9.9 1 9.9.9.9 2\x00"+
		"SSH_CONNECTION=198.51.100.9 5000 192.0.2.1 443\x00TERM=xterm\x00")
	a := New(root, func(model.CloseTarget) error { return errors.New("the kernel was asked") })

	mapped := established()
	mapped.Family = model.IPv6
	listener := established()
	listener.State, listener.Remote, listener.RemotePort = model.Listen, model.Addr{}, 0
	other := established()
	other.RemotePort++
	bound, unnamed := other, other
	bound.State, unnamed.Cookie = model.Bound, 0
	for _, c := range []struct {
		name string
		t    model.CloseTarget
		want error // nil: the kernel is asked
	}{
		{"our SSH connection", established(), ErrRefused},
		{"as a mapped address", mapped, ErrRefused},
		{"its listener", listener, nil},
		{"another connection of the same peer", other, nil},
		{"no cookie", unnamed, ErrRefused},
		{"only bound", bound, ErrUnsupported},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := a.Close(c.t)
			if asked := strings.HasSuffix(err.Error(), "the kernel was asked"); asked != (c.want == nil) ||
				!asked && !errors.Is(err, c.want) {
				t.Errorf("got %v", err)
			}
			if refused := a.CloseRefusal(c.t) != ""; refused != (c.want == ErrRefused) {
				t.Errorf("CloseRefusal(): %q", a.CloseRefusal(c.t))
			}
		})
	}
	if got := a.OwnConnections(); len(got) != 1 {
		t.Errorf("own connections: %v", got)
	}
}

func TestCloseEffect(t *testing.T) {
	udp := established()
	udp.Proto, udp.State = model.UDP, model.Established
	server := udp
	server.Remote, server.RemotePort, server.State = addr("0.0.0.0"), 0, model.Close
	listener := established()
	listener.State = model.Listen
	for _, c := range []struct {
		t    model.CloseTarget
		says string
	}{
		{established(), "reset"}, {udp, "no remote end"}, {server, "stays open"}, {listener, "accepted ones stay"},
	} {
		if got := CloseEffect(c.t); !strings.Contains(got, c.says) {
			t.Errorf("%+v: %q", c.t, got)
		}
	}
}

func TestFault38SSHPeer(t *testing.T) {
	for _, c := range []struct {
		env           string
		local, remote string
		lport, rport  uint16
	}{
		{"198.51.100.9 50123 192.0.2.1 22", "192.0.2.1", "198.51.100.9", 22, 50123},
		{"2001:db8::9 1 2001:db8::1 65535", "2001:db8::1", "2001:db8::9", 65535, 1},
		{"fe80::9%eth0 5 fe80::1%eth0 22", "fe80::1", "fe80::9", 22, 5},
		{"::ffff:198.51.100.9 5 ::ffff:192.0.2.1 22", "192.0.2.1", "198.51.100.9", 22, 5},
	} {
		local, remote, lport, rport, ok := SSHPeer(c.env)
		if !ok || local != addr(c.local) || remote != addr(c.remote) || lport != c.lport || rport != c.rport {
			t.Errorf("%q: %v %v %v %v %v", c.env, local, remote, lport, rport, ok)
		}
	}
	for _, bad := range []string{
		"", "a b c d", "1.2.3.4 5 6.7.8.9", "1.2.3.4 5 6.7.8.9 22 1", "1.2.3.4 0 6.7.8.9 22", "1.2.3.4 5 6.7.8.9 65536",
		"1.2.3.4 -5 6.7.8.9 22", "host 5 6.7.8.9 22", "1.2.3.4 5 6.7.8.9 22x",
	} {
		if local, remote, lport, rport, ok := SSHPeer(bad); ok || local != (model.Addr{}) || remote != (model.Addr{}) ||
			lport != 0 || rport != 0 {
			t.Errorf("%q was taken", bad)
		}
	}
}

package act

// The SSH connection that sockview runs over: closing it would end sockview and leave its user outside.

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	"sockview/model"
)

// maxEnviron is how much of /proc/PID/environ is read; a longer one is looked through as far as that.
const maxEnviron = 1 << 20

// Connection is the two ends of a TCP connection.
type Connection struct {
	Local, Remote         model.Addr
	LocalPort, RemotePort uint16
}

// Is says whether t is this connection, a mapped address being the IPv4 address it maps. A listener on the
// same port is not.
func (c Connection) Is(t model.CloseTarget) bool {
	return t.Proto == model.TCP &&
		c == Connection{Local: t.Local, Remote: t.Remote, LocalPort: t.LocalPort, RemotePort: t.RemotePort}
}

// SSHPeer takes the value of SSH_CONNECTION: "client address, client port, server address, server port"
// (ssh(1)). The server's end is local. It says false for anything else.
func SSHPeer(env string) (local, remote model.Addr, lport, rport uint16, ok bool) {
	f := strings.Fields(env)
	if len(f) != 4 {
		return
	}
	peer, err1 := netip.ParseAddr(f[0])
	us, err2 := netip.ParseAddr(f[2])
	peerPort, err3 := strconv.ParseUint(f[1], 10, 16)
	ourPort, err4 := strconv.ParseUint(f[3], 10, 16)
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil || peerPort == 0 || ourPort == 0 {
		return
	}
	return model.AddrFrom(us), model.AddrFrom(peer), uint16(ourPort), uint16(peerPort), true
}

// OwnConnections are the SSH connections that sockview runs over, as far as can be told: SSH_CONNECTION in
// the environment (/proc/PID/environ) of sockview and of each ancestor that may be read. sudo and su take the
// variable out of sockview's own, the shell before them has it still. Under tmux it may name a connection
// that ended long ago, which does no harm.
func (a *Actor) OwnConnections() (own []Connection) {
	a.look(func() { own = a.readConnections() })
	return own
}

func (a *Actor) readConnections() []Connection {
	pids := []int32{a.self}
	for _, up := range a.ancestors() {
		pids = append(pids, up.pid)
	}
	var own []Connection
	seen := make(map[Connection]bool)
	for _, pid := range pids {
		b, err := readBounded(a.path(pid, "environ"), maxEnviron)
		if err != nil {
			continue // another user's: whoever may close connections can mostly read it
		}
		for v := range bytes.SplitSeq(b, []byte{0}) {
			value, ok := bytes.CutPrefix(v, []byte("SSH_CONNECTION="))
			if !ok {
				continue
			}
			var c Connection
			c.Local, c.Remote, c.LocalPort, c.RemotePort, ok = SSHPeer(string(value))
			if ok && !seen[c] {
				seen[c] = true
				own = append(own, c)
			}
		}
	}
	return own
}

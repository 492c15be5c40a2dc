package act

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// Close closes the socket t and leaves its process alone, through SOCK_DESTROY. It fails with ErrRefused (the
// SSH connection sockview runs over, or a socket without cookie), ErrGone, ErrPermission or ErrUnsupported.
// What success means for a kind of socket tells CloseEffect.
func (a *Actor) Close(t model.CloseTarget) error {
	if reason := a.CloseRefusal(t); reason != "" {
		return &failure{line: reason, kind: ErrRefused}
	}
	if t.Proto == model.TCP && (t.State == model.Bound || t.State == model.Close) {
		// Such a socket is in no table the kernel looks in for SOCK_DESTROY; it would answer ENOENT, as
		// for one that is gone.
		return &failure{kind: ErrUnsupported,
			line: "the socket is only bound to its port: there is no connection to close, only its process can"}
	}
	return closeFailure(t, a.destroy(t))
}

// CloseRefusal says why t is never closed, or "": the screen can tell before it asks.
func (a *Actor) CloseRefusal(t model.CloseTarget) string {
	if t.Cookie == 0 {
		return "the kernel gave no cookie for this socket: another one could be hit"
	}
	for _, c := range a.OwnConnections() {
		if c.Is(t) {
			return "sockview itself runs over this SSH connection: closing it would end this session"
		}
	}
	return ""
}

// closeFailure puts the answer to SOCK_DESTROY into words.
func closeFailure(t model.CloseTarget, err error) error {
	if err == nil {
		return nil
	}
	f := &failure{cause: err}
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ESTALE), errors.Is(err, unix.ESRCH):
		f.kind, f.line = ErrGone, "the connection is closed already"
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		f.kind, f.line = ErrPermission, "closing a connection needs CAP_NET_ADMIN: start sockview with "+
			"sudo, or give it the capability with setcap as the README says"
	case errors.Is(err, unix.EOPNOTSUPP) && (t.State == model.TimeWait || t.State == model.SynRecv):
		f.kind, f.line = ErrUnsupported, fmt.Sprintf("this kernel cannot close a connection in %s", t.State)
	case errors.Is(err, unix.EOPNOTSUPP):
		f.kind, f.line = ErrUnsupported, "this kernel cannot close connections: it was built without "+
			"CONFIG_INET_DIAG_DESTROY"
	default:
		return fmt.Errorf("closing the connection: %w", err)
	}
	return f
}

// CloseEffect is one sentence on what closing t does, as measured on Linux 6.18, for the dialog that asks.
func CloseEffect(t model.CloseTarget) string {
	unconnected := t.Remote.IsUnspecified() && t.RemotePort == 0
	switch {
	case t.Proto == model.UDP && unconnected:
		// udp_abort: a socket that was bound to its port keeps it
		return "Its process gets ECONNABORTED at its next read; a socket that was bound to its port stays open."
	case t.Proto == model.UDP:
		return "Its process gets ECONNABORTED at its next read, and the socket has no remote end any more."
	}
	switch t.State {
	case model.Listen:
		return "Nobody can connect any more and connections not accepted yet are reset; accepted ones stay. The port stays taken."
	case model.TimeWait:
		return "The kernel forgets it at once; no process holds it any more."
	case model.SynRecv:
		return "The half-open connection is dropped without an answer."
	case model.SynSent:
		return "The attempt to connect ends; its process gets ECONNABORTED."
	}
	return "The other side gets a reset, the process here ECONNABORTED; data not yet delivered is lost."
}

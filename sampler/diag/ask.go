package diag

// This file is about one socket: asking everything about it, and closing it.

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// Answer is everything the kernel tells about one socket.
type Answer struct {
	Socket  model.Socket
	Figures []model.Figure
}

// Ask asks for one socket, by its cookie: tcp_info and the figures of its congestion algorithm, memory,
// timer, options. It says ErrGone when no socket has the cookie any more. A target without cookie is asked
// for by its two ends.
//
// Several sockets may share a local end (SO_REUSEPORT), and a bound socket that does not listen is in no
// table that the kernel looks into: then the ones on that port are dumped and the cookie is looked for.
func (c *Conn) Ask(t model.CloseTarget) (Answer, error) {
	r := request{"ask for", t.Proto, t.Family}
	if err := c.claim(r); err != nil {
		return Answer{}, err
	}
	defer c.release()
	defer c.raise()()
	if t.Proto == model.Raw {
		if t.Cookie == 0 {
			return Answer{}, r.wrap(ErrUnsupported, errNoCookie)
		}
		return c.find(r, t) // by its ends the kernel gives the first that fits, whatever its cookie
	}
	a, errno, err := c.exact(r, t, unix.SOCK_DIAG_BY_FAMILY, 0)
	if err != nil {
		return Answer{}, err
	}
	switch errno {
	case 0:
		return a, nil
	case unix.ENOENT, unix.ESTALE:
		switch {
		case lonely(t):
			return Answer{}, r.wrap(ErrGone, errno)
		case t.Cookie == 0:
			return Answer{}, r.wrap(ErrUnsupported, errNoCookie)
		}
		return c.find(r, t)
	}
	return Answer{}, r.wrap(refused(errno), errno)
}

// Destroy closes one socket, by its cookie (SOCK_DESTROY, Linux 4.5): its process gets ECONNABORTED, the
// other end of a TCP connection an RST. The process keeps the descriptor, so that a socket with a port of its
// own may live on under the same cookie: a listener as model.Bound, a connection as model.Close, a UDP
// socket unconnected.
//
// ErrGone: no socket has the cookie any more. ErrUnsupported: the kernel was built without
// CONFIG_INET_DIAG_DESTROY, or it cannot single the socket out. fs.ErrPermission: it takes CAP_NET_ADMIN.
func (c *Conn) Destroy(t model.CloseTarget) error {
	r := request{"close", t.Proto, t.Family}
	if err := c.claim(r); err != nil {
		return err
	}
	defer c.release()
	defer c.raise()()
	if t.Cookie == 0 {
		// Without one the kernel would close whatever has these ends by now.
		return r.wrap(ErrUnsupported, errNoCookie)
	}
	if t.Proto == model.Raw {
		return r.wrap(ErrUnsupported, errRawCookie)
	}
	errno, err := c.destroy(r, t)
	if err != nil {
		return err
	}
	switch errno {
	case 0:
		return nil
	case unix.ENOENT, unix.ESTALE:
		if lonely(t) {
			return r.wrap(ErrGone, errno)
		}
		if _, err := c.find(r, t); err != nil {
			return err
		}
		return r.wrap(ErrUnsupported, errShared)
	case unix.EOPNOTSUPP, unix.EINVAL, unix.EPROTONOSUPPORT: // EINVAL: before Linux 4.5
		return r.wrap(ErrUnsupported, errno)
	}
	return r.wrap(nil, errno)
}

var (
	errNoCookie = errors.New("its cookie is not known")
	errShared   = errors.New("it is there, but its addresses do not lead to it")
	// raw_diag_destroy (net/ipv4/raw_diag.c) takes the first one that fits.
	errRawCookie = errors.New("the kernel does not look at the cookie of a raw socket, and might close another")
)

// reuseTries is how many remote ports are tried to hit one socket of a group.
const reuseTries = 512

// destroy sends SOCK_DESTROY. Of sockets that share a port by SO_REUSEPORT the kernel looks up one by a hash
// over both ends, and refuses when the cookie is not that one's. For a socket without a remote end the
// remote port is free to choose, so that others are tried until the hash leads to it; the cookie keeps every
// other socket safe. It is no help where the socket is in no table that is looked into (model.Bound), or one that
// was closed before hides it (UDP).
func (c *Conn) destroy(r request, t model.CloseTarget) (syscall.Errno, error) {
	_, errno, err := c.exact(r, t, unix.SOCK_DESTROY, unix.NLM_F_ACK)
	if err != nil || errno != unix.ENOENT && errno != unix.ESTALE || lonely(t) || t.RemotePort != 0 {
		return errno, err
	}
	if _, err := c.find(r, t); err != nil {
		return 0, err
	}
	for range reuseTries {
		t.RemotePort++
		_, again, err := c.exact(r, t, unix.SOCK_DESTROY, unix.NLM_F_ACK)
		if err != nil || again != unix.ENOENT && again != unix.ESTALE {
			return again, err
		}
	}
	return errno, nil
}

// lonely says whether no other socket can have the same ends, so that not finding it by them means that it
// is gone: so it is for a TCP connection.
func lonely(t model.CloseTarget) bool {
	return t.Proto == model.TCP && t.RemotePort != 0 && t.State != model.Close
}

// exact sends a request for one socket and waits for the answer: the socket, or an errno, which is 0 for
// success.
func (c *Conn) exact(r request, t model.CloseTarget, kind, flags uint16) (Answer, syscall.Errno, error) {
	q := query{
		kind: kind, flags: flags, proto: t.Proto, family: t.Family, ext: extAll, states: allStates,
		local: end{t.Local, t.LocalPort}, remote: end{t.Remote, t.RemotePort}, device: t.Interface, cookie: t.Cookie,
	}
	if t.Cookie == 0 {
		q.cookie = noCookie
	}
	if (t.Proto == model.UDP || t.Proto == model.UDPLite) && kind == unix.SOCK_DIAG_BY_FAMILY {
		// Asking UDP takes the ends as a received packet has them, destroying does not (udp_diag.c).
		q.local, q.remote = q.remote, q.local
	}
	c.encode(&q)
	if err := c.begin(r); err != nil {
		return Answer{}, 0, err
	}
	for {
		m, err := c.next()
		if err != nil {
			return Answer{}, 0, c.broken(r, err)
		}
		switch m.kind {
		case unix.SOCK_DIAG_BY_FAMILY:
			if kind == unix.SOCK_DESTROY {
				continue // only the acknowledgement counts
			}
			a, err := c.answer(r, m.body, t.Family)
			c.finish()
			return a, 0, err
		case unix.NLMSG_ERROR:
			c.finish()
			errno, ok := answerErrno(m.body)
			if !ok || errno == 0 && kind == unix.SOCK_DIAG_BY_FAMILY {
				return Answer{}, 0, r.wrap(ErrPartial, errTruncated)
			}
			return Answer{}, errno, nil
		case unix.NLMSG_DONE:
			c.finish()
			return Answer{}, 0, r.wrap(ErrPartial, errTruncated)
		}
	}
}

// noCookie asks for a socket whatever its cookie is (INET_DIAG_NOCOOKIE twice).
const noCookie = 1<<64 - 1

// find dumps the sockets on t's local port and picks the one with t's cookie, which is known.
func (c *Conn) find(r request, t model.CloseTarget) (Answer, error) {
	q := query{
		kind: unix.SOCK_DIAG_BY_FAMILY, flags: unix.NLM_F_DUMP, proto: t.Proto, family: t.Family, ext: extAll,
		states: allStates, local: end{port: t.LocalPort},
	}
	if t.Proto == model.TCP {
		q.states = idleStates
	}
	c.encode(&q)
	if err := c.begin(r); err != nil {
		return Answer{}, err
	}
	var found Answer
	var bad error
	for {
		body, err := c.row(r)
		switch {
		case err == nil && found.Figures == nil && cookieOf(body) == t.Cookie:
			found, bad = c.answer(r, body, t.Family)
		case err == nil:
		case found.Figures != nil || bad != nil:
			return found, bad // the dump may be partial, but this one was in it
		case err == errEnd:
			return Answer{}, r.wrap(ErrGone, unix.ENOENT)
		default:
			return Answer{}, err
		}
	}
}

// answer is a row with everything that comes with it.
func (c *Conn) answer(r request, body []byte, f model.Family) (Answer, error) {
	if err := c.parse(body, f); err != nil {
		return Answer{}, r.wrap(ErrPartial, err)
	}
	return Answer{Socket: c.socket, Figures: figures(&c.socket, body)}, nil
}

package text

// netstat's table of sockets, and of unix sockets.

import (
	"cmp"
	"io"
	"slices"
	"strconv"
	"strings"

	"sockview/model"
)

// ShowsSocket says whether netstat prints the socket: all that /proc/net has with -a, those without another
// end with -l, those with one else.
func (n *Netstat) ShowsSocket(r *model.Socket) bool {
	if r.Dead || r.Proto.HasHandshake() && !tabled(r.State) {
		return false
	}
	if n.All {
		return true
	}
	connected := !r.Remote.IsUnspecified()
	switch r.Proto {
	case model.TCP:
		connected = r.RemotePort != 0
	case model.SCTP:
		connected = r.State != model.Listen
	}
	return connected != n.Listening
}

// tabled says whether TCP sockets in the state are in a table of /proc/net: one that is closed but open, or
// has no more than a port, is not.
func tabled(s model.State) bool {
	return s != model.StateUnknown && s != model.Close && s != model.Bound
}

// Sockets writes the rows of s.Sockets that order names, under the title of internet connections.
func (n *Netstat) Sockets(w io.Writer, s *model.Snapshot, order []int32) error {
	title := "Active Internet connections " + n.scope() +
		"Proto Recv-Q Send-Q Local Address           Foreign Address         State      "
	if n.Extend > 0 {
		title += " User       Inode     "
	}
	if n.Programs {
		title += " PID/Program name    "
	}
	if n.Timers {
		title += " Timer"
	}
	return manyLines(w, title+"\n", order, func() func(dst []byte, row int) []byte {
		t := socketLines{Netstat: n, s: s}
		return func(dst []byte, row int) []byte {
			if s.Sockets[row].Dead {
				return dst
			}
			return t.append(dst, &s.Sockets[row])
		}
	})
}

// socketLines makes the lines of one snapshot's sockets.
type socketLines struct {
	*Netstat
	s         *model.Snapshot
	listeners map[listener]uint32 // uids; made when first needed
}

// listener is where a listener listens.
type listener struct {
	addr  model.Addr // the zero Addr is all
	port  uint16
	netns uint16
}

// netstatProto is netstat's word for protocol and family.
func netstatProto(r *model.Socket) string {
	if r.Proto == model.UDPLite {
		if r.Family == model.IPv6 {
			return "udpl6"
		}
		return "udpl"
	}
	return r.ProtoName()
}

func (t *socketLines) append(dst []byte, r *model.Socket) []byte {
	receive, send := r.RecvQ, r.SendQ
	if r.Has&model.HasQueues == 0 {
		receive, send = 0, 0
	}
	if r.State == model.Listen && r.Proto.HasHandshake() {
		send = 0 // sock_diag has the backlog's limit here, /proc/net/tcp nothing
	}
	dst = append(left(dst, netstatProto(r), 5), ' ')
	dst = append(rightNumber(dst, uint64(receive), 6), ' ')
	dst = append(rightNumber(dst, uint64(send), 6), ' ')
	from := len(dst)
	dst = append(padTo(t.appendEndpoint(dst, r.Local, r.LocalPort, r.Proto, r.Family), from, 23), ' ')
	from = len(dst)
	dst = append(padTo(t.appendEndpoint(dst, r.Remote, r.RemotePort, r.Proto, r.Family), from, 23), ' ')
	dst = appendSocketState(dst, r)
	if t.Extend > 0 {
		from = len(dst) + 1
		dst = append(padTo(t.appendUser(append(dst, ' '), t.uid(r)), from, 10), ' ')
		dst = leftNumber(dst, int64(r.Inode), 10)
	}
	if t.Programs {
		dst = t.appendProgram(append(dst, ' '), t.s, &r.Holding, r.Inode)
	}
	if t.Timers {
		dst = appendTimer(append(dst, ' '), r)
	}
	return append(dst, '\n')
}

// appendSocketState appends the state in 11 cells: of UDP nothing or ESTABLISHED, of raw sockets the number.
func appendSocketState(dst []byte, r *model.Socket) []byte {
	const wide = 11
	switch r.Proto {
	case model.Raw:
		return leftNumber(dst, int64(r.State), wide)
	case model.UDP, model.UDPLite:
		switch r.State {
		case model.Close:
			return left(dst, "", wide)
		case model.Established:
			return left(dst, "ESTABLISHED", wide)
		}
		return left(dst, "UNKNOWN", wide)
	}
	return left(dst, r.State.String(), wide)
}

// uid is the socket's user. Half-open connections have their listener's in /proc/net/tcp and none in
// sock_diag; of others that have none, TIME_WAIT, netstat says root.
func (t *socketLines) uid(r *model.Socket) uint32 {
	switch {
	case r.Has&model.HasUID != 0:
		return r.UID
	case r.State != model.SynRecv:
		return 0
	}
	if t.listeners == nil {
		t.listeners = make(map[listener]uint32)
		for i := range t.s.Sockets {
			if l := &t.s.Sockets[i]; l.State == model.Listen && !l.Dead && l.Proto == model.TCP {
				t.listeners[listenerAt(l.Local, l)] = l.UID
			}
		}
	}
	if uid, ok := t.listeners[listenerAt(r.Local, r)]; ok {
		return uid
	}
	return t.listeners[listenerAt(model.Addr{}, r)]
}

func listenerAt(a model.Addr, r *model.Socket) listener {
	if a.IsUnspecified() {
		a = model.Addr{}
	}
	return listener{a, r.LocalPort, r.NetNS}
}

// appendUser appends a user's name, or the number, which netstat takes for a signed one.
func (t *socketLines) appendUser(dst []byte, uid uint32) []byte {
	if !t.NumericUsers {
		if name := t.s.Users[uid]; !name.Empty() {
			return append(dst, name.String()...)
		}
	}
	return strconv.AppendInt(dst, int64(int32(uid)), 10)
}

// appendTimer appends the timer: its name, the seconds until it fires, retransmits and probes.
func appendTimer(dst []byte, r *model.Socket) []byte {
	switch {
	case r.Timer == model.TimerOff:
		dst = append(dst, "off"...)
	case r.Timer > model.TimerProbe, !r.Proto.HasHandshake() && r.Timer > model.TimerKeepalive:
		dst = strconv.AppendUint(append(dst, "unkn-"...), uint64(r.Timer), 10)
	case !r.Proto.HasHandshake():
		dst = strconv.AppendUint(append(dst, "on"...), uint64(r.Timer), 10)
	default:
		dst = append(dst, r.Timer.String()...)
	}
	hundredths := uint64(r.Expires) / 10
	if r.Timer == model.TimerOff {
		hundredths = 0
	}
	dst = strconv.AppendUint(append(dst, " ("...), hundredths/100, 10)
	dst = append(dst, '.', byte('0'+hundredths%100/10), byte('0'+hundredths%10), '/')
	dst = append(strconv.AppendUint(dst, uint64(r.Retries), 10), '/')
	return append(strconv.AppendUint(dst, uint64(r.Probes), 10), ')')
}

// The widths of netstat's PID/Program name: the column's, and the text's.
const (
	programWidth = 20
	programMost  = programWidth - 1
)

// argvMost is how much of a command line netstat reads.
const argvMost = 511

// appendProgram appends pid/program of the process that netstat would name, "-" for none, in 20 cells.
func (n *Netstat) appendProgram(dst []byte, s *model.Snapshot, h *model.Holding, inode uint32) []byte {
	from := len(dst)
	p := netstatHolder(s, h, inode)
	if p == nil {
		return padTo(append(dst, '-'), from, programWidth)
	}
	dst = append(strconv.AppendInt(dst, int64(p.PID), 10), '/')
	dst = append(dst, programName(p.Argv0.String())...)
	if len(dst)-from > programMost {
		dst = dst[:from+wholeRunes(dst[from:], programMost)]
	}
	return padTo(dst, from, programWidth)
}

// programName is what stands behind the last slash, when the first argument begins with one: "nginx: master
// process /usr/sbin/nginx" stays as it is.
func programName(argv0 string) string {
	argv0 = cut(argv0, argvMost)
	if strings.HasPrefix(argv0, "/") {
		return argv0[strings.LastIndexByte(argv0, '/')+1:]
	}
	return argv0
}

// netstatHolder is the process that netstat names: of several that hold the socket the one with the lowest
// pid. One that only held it, or shows as gone, is none.
func netstatHolder(s *model.Snapshot, h *model.Holding, inode uint32) *model.Process {
	p := s.Named(h)
	if p == nil || h.Was || h.Inferred || p.Dead {
		return nil
	}
	if h.Holders < 2 {
		return p
	}
	at, _ := slices.BinarySearchFunc(s.Holders, inode, func(h model.Holder, inode uint32) int {
		return cmp.Compare(h.Inode, inode)
	})
	for _, other := range s.Holders[at:] {
		if other.Inode != inode {
			break
		}
		if q := &s.Processes[other.Process]; q.PID < p.PID && !q.Dead {
			p = q
		}
	}
	return p
}

// ShowsUnix says whether netstat prints the unix socket: with -a all, with -l those that listen, else the
// others.
func (n *Netstat) ShowsUnix(r *model.UnixSocket) bool {
	return !r.Dead && (n.All || n.Listening == (r.State == model.UnixListening))
}

// Unix writes the rows of s.Unix that order names, under the title of UNIX domain sockets.
func (n *Netstat) Unix(w io.Writer, s *model.Snapshot, order []int32) error {
	title := "Active UNIX domain sockets " + n.scope() +
		"Proto RefCnt Flags       Type       State         I-Node   "
	if n.Programs {
		title += "PID/Program name     "
	}
	return lines(w, title+"Path\n", order, func(dst []byte, row int) []byte {
		if r := &s.Unix[row]; !r.Dead {
			dst = n.appendUnix(dst, s, r)
		}
		return dst
	})
}

func (n *Netstat) appendUnix(dst []byte, s *model.Snapshot, r *model.UnixSocket) []byte {
	flags, state := "[ ]", r.State.String()
	switch r.State {
	case model.UnixListening:
		flags = "[ ACC ]"
	case model.UnixUnconnected:
		state = ""
	}
	dst = append(leftNumber(append(dst, "unix  "...), int64(r.References), 6), ' ')
	dst = append(left(dst, flags, 11), ' ')
	dst = append(left(dst, r.Type.String(), 10), ' ')
	dst = append(left(dst, state, 13), ' ')
	dst = append(leftNumber(dst, int64(r.Inode), 8), ' ')
	if n.Programs {
		dst = append(n.appendProgram(dst, s, &r.Holding, r.Inode), ' ')
	}
	path, _, _ := strings.Cut(strings.TrimLeft(r.Path.String(), " "), " ") // netstat reads one word
	return append(append(dst, path...), '\n')
}

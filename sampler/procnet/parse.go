package procnet

// This file turns a line of a table into a model.Socket. It makes no garbage: a table may have a hundred thousand lines.

import (
	"encoding/binary"

	"sockview/model"
)

// clockTick is the unit of tm->when, ms: the kernel counts it in USER_HZ, which is 100 a second on all machines that
// Go runs on.
const clockTick = 10

// parseSocket parses a line of the table of a protocol and family into s, whose old content does not matter
// (get_tcp4_sock and its likes, net/ipv4/tcp_ipv4.c; udp4_format_sock; raw_sock_seq_show; __ip6_dgram_sock_seq_show):
//
//	sl: local remote st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ...
//
// On false s is the zero Socket.
func parseSocket(s *model.Socket, line []byte, p model.Proto, family model.Family) bool {
	*s = model.Socket{Proto: p, Family: family, Holding: model.Holding{Owner: -1}}
	slot, rest := field(line)
	bucket, _, ok := cut(slot)
	if _, number := decimal(bucket); !number {
		ok = false
	}
	next := func() []byte {
		var v []byte
		v, rest = field(rest)
		return v
	}
	must := func(v uint64, good bool) uint32 {
		ok = ok && good && v <= 1<<32-1
		return uint32(v)
	}
	ends := endpoint(&s.Local, &s.LocalPort, next(), family)
	ends = endpoint(&s.Remote, &s.RemotePort, next(), family) && ends
	state := must(hexadecimal(next()))
	tx, rx, queues := cut(next())
	s.SendQ, s.RecvQ = must(hexadecimal(tx)), must(hexadecimal(rx))
	active, when, timer := cut(next())
	timerKind := must(hexadecimal(active))
	ticks, number := hexadecimal(when)
	timer = timer && number
	s.Expires = uint32(min(ticks, (1<<32-1)/clockTick) * clockTick)
	retries := must(hexadecimal(next()))
	s.UID = must(decimal(next()))
	probes := must(decimal(next()))
	s.Inode = must(decimal(next()))
	if !ok || !ends || !queues || !timer || state > 0xff || timerKind > 0xff {
		*s = model.Socket{}
		return false
	}
	s.State = stateOf(uint8(state))
	s.Timer = model.Timer(timerKind)
	s.Retries, s.Probes = uint8(min(retries, 255)), uint8(min(probes, 255))
	if s.State != model.Listen {
		s.Has |= model.HasQueues
	}
	// TIME_WAIT and SYN_RECV are no whole sockets: they belong to nobody, or to whom the listener does.
	if s.UID != 0 || s.State != model.TimeWait && s.State != model.SynRecv {
		s.Has |= model.HasUID
	}
	return true
}

// stateOf is the model's state for the kernel's number; UDP and raw sockets have TCP's 1 and 7. TCP_NEW_SYN_RECV
// is printed as 3. A number of a kernel newer than we know is StateUnknown.
func stateOf(n uint8) model.State {
	if n > uint8(model.Closing) {
		return model.StateUnknown
	}
	return model.State(n)
}

// endpoint parses an address and port, as "0100007F:0016": the address in words of 32 bits as the machine has
// them, the port as a number.
func endpoint(a *model.Addr, port *uint16, v []byte, family model.Family) bool {
	addr, number, ok := cut(v)
	at := 0
	if family != model.IPv6 {
		a[10], a[11] = 0xff, 0xff
		at = 12
	}
	if !ok || len(addr) != 2*(16-at) || len(number) != 4 {
		return false
	}
	for ; at < 16; at, addr = at+4, addr[8:] {
		word, good := hexadecimal(addr[:8])
		if !good {
			return false
		}
		binary.NativeEndian.PutUint32(a[at:], uint32(word))
	}
	n, ok := hexadecimal(number)
	*port = uint16(n)
	return ok
}

// field is the first word of b and what follows it.
func field(b []byte) (word, rest []byte) {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	for i, c := range b {
		if c == ' ' {
			return b[:i], b[i:]
		}
	}
	return b, nil
}

// cut splits v at its one colon.
func cut(v []byte) (before, after []byte, ok bool) {
	for i, c := range v {
		if c == ':' {
			return v[:i], v[i+1:], true
		}
	}
	return nil, nil, false
}

// hexadecimal is the number in v, of at most 16 digits.
func hexadecimal(v []byte) (uint64, bool) {
	var n uint64
	for _, c := range v {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			return 0, false
		}
		n = n<<4 | uint64(c)
	}
	return n, len(v) > 0 && len(v) <= 16
}

// decimal is the number in v, of at most 18 digits.
func decimal(v []byte) (uint64, bool) {
	var n uint64
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, len(v) > 0 && len(v) <= 18
}

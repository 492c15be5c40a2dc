package model

// rowIndex finds the row of a record. A cookie is unique in its network namespace (before Linux 5.10 not beyond it) and never
// used twice; what has none is known by all that it is.
type rowIndex struct {
	cookies map[uint64]int32 // by cookieOf
	tuples  map[tuple]int32
}

type tuple struct {
	local, remote         Addr
	localPort, remotePort uint16
	inode                 uint32
	netns                 uint16
	proto                 Proto
	family                Family
}

func tupleOf(s *Socket) tuple {
	return tuple{s.Local, s.Remote, s.LocalPort, s.RemotePort, s.Inode, s.NetNS, s.Proto, s.Family}
}

// cookieOf is a socket's cookie with its namespace's place in the bits that no cookie reaches: the kernel counts them up.
func cookieOf(s *Socket) uint64 { return s.Cookie ^ uint64(s.NetNS)<<48 }

func (x *rowIndex) get(s *Socket) (int32, bool) {
	if s.Cookie != 0 {
		i, ok := x.cookies[cookieOf(s)]
		return i, ok
	}
	i, ok := x.tuples[tupleOf(s)]
	return i, ok
}

func (x *rowIndex) set(s *Socket, i int32) {
	if s.Cookie != 0 {
		x.cookies[cookieOf(s)] = i
	} else {
		x.tuples[tupleOf(s)] = i
	}
}

func (x *rowIndex) remove(s *Socket) {
	if s.Cookie != 0 {
		delete(x.cookies, cookieOf(s))
	} else {
		delete(x.tuples, tupleOf(s))
	}
}

// ends are what no two TCP connections have in common at a time.
type ends struct {
	local, remote         Addr
	localPort, remotePort uint16
	netns                 uint16
	family                Family
	device                uint32
}

func endsOf(s *Socket) ends {
	return ends{s.Local, s.Remote, s.LocalPort, s.RemotePort, s.NetNS, s.Family, s.Interface}
}

// isConnection says whether a socket is a TCP connection.
func isConnection(s *Socket) bool { return s.Proto == TCP && s.RemotePort != 0 }

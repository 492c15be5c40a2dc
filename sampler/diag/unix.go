package diag

// This file dumps unix sockets: the request and the rows of unix_diag (linux/unix_diag.h), and what has to be
// worked out because the rows do not tell it.

import (
	"encoding/binary"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// Sizes of struct unix_diag_req and struct unix_diag_msg.
const (
	unixReqSize = 24
	unixMsgSize = 16
)

// What to ask for, UDIAG_SHOW_*. Which directions are shut down comes by itself.
const unixShow = 1<<0 | 1<<2 | 1<<3 | 1<<4 | 1<<6 // NAME, PEER, ICONS, RQLEN, UID

// Attributes of an answer, UNIX_DIAG_*.
const (
	unixName     = 0 // sun_path
	unixPeer     = 2 // inode
	unixIcons    = 3 // inodes of those who wait to be accepted
	unixRQLen    = 4 // struct unix_diag_rqlen
	unixShutdown = 6
	unixUID      = 7
)

// maxUnixName is how long a name can be: sun_path, and the NUL that the kernel puts behind a full one.
const maxUnixName = 108 + 1

// unixTable is what a dump of unix sockets collects. Its buffers are kept from one dump to the next, whichever Conn asks for
// it: nothing of it outlives the dump.
type unixTable struct {
	rows    []unixRow
	icons   []uint32         // inodes, of all listeners
	pending []unixRow        // sockets that wait to be accepted
	at      map[uint32]int32 // inode -> row
	names   *unixNames       // of the Conn that asks
}

// unixNames are the names of one namespace's unix sockets. Each Conn has its own: they are the same the next time,
// while those of another namespace are others.
type unixNames struct {
	known map[string]model.Text
	rows  int // of the last dump
}

// unixRow is a socket with what is needed until all are there.
type unixRow struct {
	model.UnixSocket
	firstIcon, lastIcon int  // icons[firstIcon:lastIcon] are its own
	peerless            bool // it has a peer without inode: one that waits to be accepted, or was closed
}

// DumpUnix hands every unix socket of the namespace to fn, at the end, when all of them are known. The record
// is used again: fn copies what it keeps. Peer is -1 and Holding without owner; Life is left zero.
//
// The kernel leaves out what no file stands for: the sockets at a listener that wait to be accepted.
// UNIX_DIAG_ICONS of the listener names who connected, so that they are handed out too, behind the others: with
// the listener's path and type, without inode, cookie and queues. Such a socket is of its client's namespace, not
// of the listener's: one whose client is elsewhere is not handed out here, and one whose listener is elsewhere has no path
// here. A client that closed meanwhile is not known (PeerInode 0), and taken to be of this namespace.
//
// References are the RefCount of /proc/net/unix: 2, and one for each socket of this namespace whose peer it is. Not told
// by unix_diag, and so not counted: a connect(2) or send(2) that is blocked on a full queue and holds the other
// end, a datagram client in another namespace, and what a sockmap holds.
//
// Errors are as with Dump. Rows of a partial answer are true, but for References, which may be too few.
func (c *Conn) DumpUnix(fn func(*model.UnixSocket)) (Result, error) {
	r := request{verb: "dump"}
	if err := c.claim(r); err != nil {
		return Result{}, err
	}
	defer c.release()
	if c.unix == nil {
		c.unix = &unixTable{at: make(map[uint32]int32)}
	}
	t := c.unix
	t.begin(&c.names)
	c.encodeUnix()
	if err := c.begin(r); err != nil {
		return Result{}, err
	}
	var res Result
	for {
		body, err := c.row(r)
		if err != nil {
			t.accept()
			t.refer()
			c.names.rows, t.names = len(t.rows), nil
			res.Rows = t.handOut(fn)
			if err == errEnd {
				err = nil
			}
			return res, err
		}
		if t.add(body) != nil {
			res.Bad++
		}
	}
}

// encodeUnix writes struct unix_diag_req for every socket to c.request.
func (c *Conn) encodeUnix() {
	c.request = c.request[:unix.NLMSG_HDRLEN+unixReqSize]
	clear(c.request)
	native := binary.NativeEndian
	native.PutUint32(c.request, unix.NLMSG_HDRLEN+unixReqSize)
	native.PutUint16(c.request[4:], unix.SOCK_DIAG_BY_FAMILY)
	native.PutUint16(c.request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	b := c.request[unix.NLMSG_HDRLEN:]
	b[0] = unix.AF_UNIX
	native.PutUint32(b[4:], allStates)
	native.PutUint32(b[12:], unixShow)
}

// begin empties the table for a dump whose sockets have these names. The names are kept: they are the same the next time. When most of them are of
// sockets that are gone they are forgotten.
func (t *unixTable) begin(names *unixNames) {
	if len(names.known) > 64+2*names.rows {
		names.known = nil
	}
	t.names = names
	t.rows, t.icons, t.pending = t.rows[:0], t.icons[:0], t.pending[:0]
	clear(t.at)
}

// add parses the body of a message and adds its row. One that comes twice is added once.
func (t *unixTable) add(body []byte) error {
	var row unixRow
	had := len(t.icons)
	if err := t.parse(&row, body); err != nil {
		t.icons = t.icons[:had]
		return err
	}
	if row.Inode != 0 {
		if _, twice := t.at[row.Inode]; twice {
			t.icons = t.icons[:had]
			return nil
		}
		t.at[row.Inode] = int32(len(t.rows))
	}
	t.rows = append(t.rows, row)
	return nil
}

// parse parses struct unix_diag_msg with its attributes into row, which is zero. Icons are appended to t's. On
// an error row is zero.
func (t *unixTable) parse(row *unixRow, b []byte) error {
	native := binary.NativeEndian
	if len(b) < unixMsgSize {
		return errShortUnix
	}
	if b[0] != unix.AF_UNIX {
		return errForeign
	}
	row.Type = model.UnixType(b[1])
	row.State = unixState(b[2])
	row.Inode = native.Uint32(b[4:])
	row.Cookie = uint64(native.Uint32(b[8:])) | uint64(native.Uint32(b[12:]))<<32
	row.Owner, row.Peer = -1, -1
	row.firstIcon = len(t.icons)
	hasPeer := false
	for rest := b[unixMsgSize:]; len(rest) > 0; {
		var kind uint16
		var v []byte
		kind, v, rest = attribute(rest)
		ok := kind != badAttribute
		switch kind {
		case unixName:
			if ok = len(v) > 0 && len(v) <= maxUnixName; ok {
				row.Path = t.name(v)
			}
		case unixPeer:
			if ok = len(v) >= 4; ok {
				row.PeerInode, hasPeer = native.Uint32(v), true
			}
		case unixIcons:
			ok = len(v)%4 == 0
			for ; ok && len(v) > 0; v = v[4:] {
				t.icons = append(t.icons, native.Uint32(v))
			}
		case unixRQLen:
			if ok = len(v) >= 8; ok {
				row.RecvQ, row.SendQ, row.HasQueues = native.Uint32(v), native.Uint32(v[4:]), true
			}
		case unixShutdown:
			if ok = len(v) >= 1; ok {
				row.Shutdown = v[0]
			}
		case unixUID:
			if ok = len(v) >= 4; ok {
				row.UID, row.HasUID = native.Uint32(v), true
			}
		}
		if !ok {
			*row = unixRow{}
			return errAttribute
		}
	}
	row.lastIcon = len(t.icons)
	row.peerless = hasPeer && row.PeerInode == 0
	return nil
}

// unixState is the state for sk_state, which has TCP's numbers.
func unixState(n byte) model.UnixState {
	switch model.State(n) {
	case model.Listen:
		return model.UnixListening
	case model.Established:
		return model.UnixConnected
	}
	return model.UnixUnconnected
}

// name is a name as /proc/net/unix writes it. A path ends at its NUL; an abstract name begins with one and may
// hold more, each of which is written as "@". Two names may so look the same.
func (t *unixTable) name(v []byte) model.Text {
	if v[0] != 0 {
		if end := slices.Index(v, 0); end >= 0 {
			v = v[:end]
		}
	}
	if known, ok := t.names.known[string(v)]; ok {
		return known
	}
	text := model.SafeText(strings.ReplaceAll(string(v), "\x00", "@"))
	if t.names.known == nil {
		t.names.known = make(map[string]model.Text)
	}
	t.names.known[string(v)] = text
	return text
}

// accept makes the sockets that wait to be accepted. A client that was accepted between its row and the
// listener's is left out: its row says who its peer is.
func (t *unixTable) accept() {
	for i := range t.rows {
		listener := &t.rows[i]
		for _, client := range t.icons[listener.firstIcon:listener.lastIcon] {
			if client != 0 {
				at, here := t.at[client]
				if !here || !t.rows[at].peerless {
					continue
				}
				t.rows[at].peerless = false
			}
			t.wait(client, listener.Type, listener.Path)
		}
	}
	// Whose listener is elsewhere: a peer that was closed would have shut its client down both ways.
	for i := range t.rows {
		client := &t.rows[i]
		if client.peerless && client.State == model.UnixConnected && client.Type != model.UnixDatagram &&
			client.Shutdown != bothWays && client.Inode != 0 {
			t.wait(client.Inode, client.Type, model.Text{})
		}
	}
}

// bothWays is SHUTDOWN_MASK: RCV_SHUTDOWN and SEND_SHUTDOWN.
const bothWays = 3

// wait adds a socket that waits to be accepted.
func (t *unixTable) wait(client uint32, kind model.UnixType, path model.Text) {
	t.pending = append(t.pending, unixRow{UnixSocket: model.UnixSocket{
		Holding: model.Holding{Owner: -1}, PeerInode: client, Peer: -1, Path: path, Type: kind,
		State: model.UnixConnecting,
	}})
}

// refer counts the references. One that waits to be accepted is its client's peer, and the client its own.
func (t *unixTable) refer() {
	for i := range t.rows {
		t.rows[i].References += ownReferences
		t.point(t.rows[i].PeerInode)
	}
	for i := range t.pending {
		row := &t.pending[i]
		row.References = ownReferences
		if row.PeerInode != 0 {
			row.References++
			t.point(row.PeerInode)
		}
	}
}

// ownReferences are the ones every socket has: of its file and of the table it is in.
const ownReferences = 2

func (t *unixTable) point(inode uint32) {
	if at, here := t.at[inode]; here {
		t.rows[at].References++
	}
}

// handOut hands all rows to fn and says how many there are.
func (t *unixTable) handOut(fn func(*model.UnixSocket)) int {
	for i := range t.rows {
		fn(&t.rows[i].UnixSocket)
	}
	for i := range t.pending {
		fn(&t.pending[i].UnixSocket)
	}
	return len(t.rows) + len(t.pending)
}

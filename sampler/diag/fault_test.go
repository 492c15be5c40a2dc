package diag

// Rows that are not as they should be: attributes of any length, figures that a kernel does not have.

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// FuzzFault07Attributes puts a row with any attributes between two that are good: it is handed out or counted as bad,
// and the two stand.
func FuzzFault07Attributes(f *testing.F) {
	f.Add([]byte{3, 0, attrInfo, 0})
	f.Add(make([]byte, 8))
	f.Add([]byte{4, 0})
	f.Add([]byte{255, 255, attrCong, 0, 'x', 0})
	f.Add(attr(attrCong))
	f.Add(attr(attrMark, 1, 2))
	f.Add(join(attr(attrInfo, tcpInfo(model.Established, 280)...), []byte{2, 0, 0, 0}))
	f.Fuzz(func(t *testing.T, attributes []byte) {
		// A message holds what the kernel has room for (nlmsg_len is 32 bits, a dump's datagram 32 KiB).
		attributes = attributes[:min(len(attributes), 16<<10)]
		middle := msg(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_MULTI, 0, join(diagMsg(model.Established, 2), attributes)...)
		c := NewConn(&script{steps: []step{data(row(1), middle, row(3), done(0))}})
		var got []uint64
		res, err := c.Dump(model.TCP, model.IPv4, func(s *model.Socket) { got = append(got, s.Cookie) })
		if err != nil || res.Rows+res.Bad != 3 || res.Rows != len(got) || len(got) < 2 || got[0] != 1 || got[len(got)-1] != 3 {
			t.Fatalf("% x: %+v, %v, cookies %v", attributes, res, err, got)
		}
		if fits(attributes) != (res.Bad == 0) {
			t.Fatalf("% x: %+v, and the attributes fit: %v", attributes, res, fits(attributes))
		}
	})
}

// fits is what the parser must find out, written down plainly: each attribute is as long as it says, and the two that
// cannot be empty or short are not.
func fits(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 4 {
			return false
		}
		size, kind := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])&0x3fff
		if size < 4 || size > len(b) || kind == attrCong && size == 4 || kind == attrMark && size < 8 {
			return false
		}
		b = b[min((size+3)/4*4, len(b)):]
	}
	return true
}

// TestFault08AbsentIsDash: whatever part of struct tcp_info a kernel gives, the rest is shown as unknown, not as 0.
func TestFault08AbsentIsDash(t *testing.T) {
	groups := map[model.Has][]string{
		model.HasPath:     {"rtt", "retrans", "cwnd", "mss", "pmtu"},
		model.HasPackets:  {"sentpkts", "recvpkts"},
		model.HasDelivery: {"delivery"},
		model.HasBytes:    {"sent", "received"},
	}
	from := map[model.Has]int{model.HasPath: 104, model.HasPackets: 144, model.HasDelivery: 168, model.HasBytes: 216}
	columns := make(map[string]int)
	for i, c := range model.Sockets().Columns {
		columns[c.ID] = i
	}
	for size := range 401 {
		row := msg(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_MULTI, 0,
			join(diagMsg(model.Established, 1), attr(attrInfo, tcpInfo(model.Established, size)...))...)
		c := NewConn(&script{steps: []step{data(row, done(0))}})
		var s model.Socket
		if res, err := c.Dump(model.TCP, model.IPv4, func(r *model.Socket) { s = *r }); err != nil || res != (Result{Rows: 1}) {
			t.Fatalf("%d bytes: %+v, %v", size, res, err)
		}
		for has, ids := range groups {
			for _, id := range ids {
				column := model.Sockets().Columns[columns[id]]
				if column.ID != id {
					t.Fatalf("there is no column %s", id)
				}
				v := column.Value(&model.Snapshot{}, &s)
				shown := string((&model.Formatter{}).Append(nil, column.Kind, v))
				if dash := size < from[has]; (shown == "-") != dash {
					t.Fatalf("%d bytes: %s is %q", size, id, shown)
				}
			}
		}
	}
}

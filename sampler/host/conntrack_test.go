package host

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// nla is an attribute.
func nla(kind int, value ...byte) []byte {
	b := make([]byte, unix.SizeofNlAttr, alignNetlink(unix.SizeofNlAttr+len(value)))
	binary.NativeEndian.PutUint16(b, uint16(unix.SizeofNlAttr+len(value)))
	binary.NativeEndian.PutUint16(b[2:], uint16(kind))
	b = append(b, value...)
	return b[:cap(b)]
}

func nest(kind int, inner ...[]byte) []byte {
	return nla(kind|unix.NLA_F_NESTED, bytes.Join(inner, nil)...)
}

func nla16(kind int, v uint16) []byte { return nla(kind, binary.BigEndian.AppendUint16(nil, v)...) }
func nla32(kind int, v uint32) []byte { return nla(kind, binary.BigEndian.AppendUint32(nil, v)...) }
func nla64(kind int, v uint64) []byte { return nla(kind, binary.BigEndian.AppendUint64(nil, v)...) }

func tupleAttr(kind int, f *model.Flow, t *model.FlowTuple) []byte {
	addrs := [][]byte{nla(ctaIPv4Src, t.Src[12:]...), nla(ctaIPv4Dst, t.Dst[12:]...)}
	if f.Family == model.IPv6 {
		addrs = [][]byte{nla(ctaIPv6Src, t.Src[:]...), nla(ctaIPv6Dst, t.Dst[:]...)}
	}
	proto := [][]byte{nla(ctaProtoNum, byte(f.Proto))}
	switch f.Proto {
	case 1:
		proto = append(proto, nla16(ctaICMPID, t.ICMPID), nla(ctaICMPType, t.ICMPType), nla(ctaICMPCode, t.ICMPCode))
	case 58:
		proto = append(proto, nla16(ctaICMPv6ID, t.ICMPID), nla(ctaICMPv6Type, t.ICMPType), nla(ctaICMPv6Code, t.ICMPCode))
	case model.TCP, model.UDP, model.SCTP, protoDCCP:
		proto = append(proto, nla16(ctaProtoSrcPort, t.SrcPort), nla16(ctaProtoDstPort, t.DstPort))
	}
	return nest(kind, nest(ctaTupleIP, addrs...), nest(ctaTupleProto, proto...))
}

// flowBody is what the kernel says about f.
func flowBody(f *model.Flow) []byte {
	b := []byte{unix.AF_INET, 0, 0, 0}
	if f.Family == model.IPv6 {
		b[0] = unix.AF_INET6
	}
	add := func(attrs ...[]byte) { b = append(b, bytes.Join(attrs, nil)...) }
	add(tupleAttr(ctaTupleOrig, f, &f.Original), tupleAttr(ctaTupleReply, f, &f.Reply), nla32(ctaStatus, f.Status))
	if f.HasTimeout {
		add(nla32(ctaTimeout, f.Timeout))
	}
	if f.HasCounters {
		add(nest(ctaCountersOrig, nla64(ctaCountersPackets, f.OriginalPackets), nla64(ctaCountersBytes, f.OriginalBytes)),
			nest(ctaCountersRepl, nla64(ctaCountersPackets, f.ReplyPackets), nla64(ctaCountersBytes, f.ReplyBytes)))
	}
	if f.Started != 0 {
		add(nest(ctaTimestamp, nla64(ctaTimestampStart, uint64(f.Started))))
	}
	if f.HasState {
		info := map[model.Proto]int{model.TCP: ctaProtoInfoTCP, model.SCTP: ctaProtoInfoSCTP, protoDCCP: ctaProtoInfoDCCP}
		add(nest(ctaProtoInfo, nest(info[f.Proto], nla(ctaState, byte(f.State)))))
	}
	if f.Mark != 0 {
		add(nla32(ctaMark, f.Mark))
	}
	if f.Zone != 0 {
		add(nla16(ctaZone, f.Zone))
	}
	add(nla32(ctaID, f.ID), nla32(ctaUse, f.Use))
	return b
}

func addr4(a, b, c, d byte) model.Addr {
	return model.Addr{10: 0xff, 11: 0xff, 12: a, 13: b, 14: c, 15: d}
}

// flows are one of each kind.
func flows() []model.Flow {
	six, two := model.Addr{0xfd, 1, 15: 1}, model.Addr{0xfd, 2, 15: 2}
	return []model.Flow{
		{Family: model.IPv4, Proto: model.TCP, ID: 0xfffffffe, Status: 0x1be, Use: 1, Mark: 42, Timeout: 432000, HasTimeout: true,
			Original: model.FlowTuple{Src: addr4(10, 1, 0, 2), Dst: addr4(10, 1, 0, 1), SrcPort: 40000, DstPort: 8080},
			Reply:    model.FlowTuple{Src: addr4(10, 2, 0, 2), Dst: addr4(10, 2, 0, 1), SrcPort: 80, DstPort: 40000},
			State:    3, HasState: true, HasCounters: true, OriginalBytes: 1 << 40, OriginalPackets: 7, ReplyBytes: 8, ReplyPackets: 9,
			Started: 1_700_000_000_123_456_789},
		{Family: model.IPv6, Proto: model.UDP, ID: 2, Status: 8, Use: 2, HasTimeout: true, Zone: 7,
			Original: model.FlowTuple{Src: six, Dst: two, SrcPort: 1, DstPort: 65535},
			Reply:    model.FlowTuple{Src: two, Dst: six, SrcPort: 65535, DstPort: 1}},
		{Family: model.IPv4, Proto: 1, ID: 3, Status: 0xa, Use: 1, HasTimeout: true, Timeout: 29,
			Original: model.FlowTuple{Src: addr4(10, 1, 0, 2), Dst: addr4(10, 2, 0, 2), ICMPType: 8, ICMPCode: 1, ICMPID: 999},
			Reply:    model.FlowTuple{Src: addr4(10, 2, 0, 2), Dst: addr4(10, 1, 0, 2), ICMPType: 0, ICMPCode: 1, ICMPID: 999}},
		{Family: model.IPv6, Proto: 58, ID: 4, Status: 0xa, Use: 1, HasTimeout: true, Timeout: 29,
			Original: model.FlowTuple{Src: six, Dst: two, ICMPType: 128, ICMPID: 5},
			Reply:    model.FlowTuple{Src: two, Dst: six, ICMPType: 129, ICMPID: 5}},
		{Family: model.IPv4, Proto: model.SCTP, ID: 5, Status: 0xe, State: 4, HasState: true,
			Original: model.FlowTuple{Src: addr4(1, 1, 1, 1), Dst: addr4(2, 2, 2, 2), SrcPort: 5, DstPort: 6},
			Reply:    model.FlowTuple{Src: addr4(2, 2, 2, 2), Dst: addr4(1, 1, 1, 1), SrcPort: 6, DstPort: 5}},
		{Family: model.IPv4, Proto: protoDCCP, ID: 6, Status: 0xe, State: 7, HasState: true,
			Original: model.FlowTuple{Src: addr4(1, 1, 1, 1), Dst: addr4(2, 2, 2, 2), SrcPort: 5, DstPort: 6},
			Reply:    model.FlowTuple{Src: addr4(2, 2, 2, 2), Dst: addr4(1, 1, 1, 1), SrcPort: 6, DstPort: 5}},
		{Family: model.IPv4, Proto: 50, ID: 7, Status: 1<<14 | 0xe, // ESP, offloaded: no timeout
			Original: model.FlowTuple{Src: addr4(1, 1, 1, 1), Dst: addr4(2, 2, 2, 2)},
			Reply:    model.FlowTuple{Src: addr4(2, 2, 2, 2), Dst: addr4(1, 1, 1, 1)}},
	}
}

func TestParseFlow(t *testing.T) {
	t.Parallel()
	for _, want := range flows() {
		var got model.Flow
		if err := parseFlow(&got, flowBody(&want)); err != nil {
			t.Errorf("flow %d: %v", want.ID, err)
		} else if got != want {
			t.Errorf("flow %d: %+v, want %+v", want.ID, got, want)
		}
	}
}

func TestParseFlowZones(t *testing.T) {
	t.Parallel()
	base := flows()[1]
	base.Zone = 0
	zoned := func(kind int, tuple *model.FlowTuple, zone uint16) []byte {
		whole := tupleAttr(kind, &base, tuple)
		return nest(kind, whole[unix.SizeofNlAttr:], nla16(ctaTupleZone, zone))
	}
	head := []byte{unix.AF_INET6, 0, 0, 0}
	tail := append(nla32(ctaStatus, 8), nla32(ctaID, 2)...)
	plain, reply := tupleAttr(ctaTupleOrig, &base, &base.Original), tupleAttr(ctaTupleReply, &base, &base.Reply)
	for _, c := range []struct {
		name            string
		original, reply []byte
		more            []byte
		want            uint16
	}{
		{"none", plain, reply, nil, 0},
		{"both directions", plain, reply, nla16(ctaZone, 3), 3},
		{"original only", zoned(ctaTupleOrig, &base.Original, 4), reply, nil, 4},
		{"reply only", plain, zoned(ctaTupleReply, &base.Reply, 5), nil, 5},
		{"all of them", zoned(ctaTupleOrig, &base.Original, 4), reply, nla16(ctaZone, 3), 3},
	} {
		var f model.Flow
		err := parseFlow(&f, bytes.Join([][]byte{head, c.original, c.reply, tail, c.more}, nil))
		if err != nil || f.Zone != c.want {
			t.Errorf("%s: zone %d, %v", c.name, f.Zone, err)
		}
	}
}

func TestParseFlowIsStrict(t *testing.T) {
	t.Parallel()
	whole := flows()[0]
	good := flowBody(&whole)
	without := func(kind uint16) []byte {
		b := append([]byte(nil), good[:nfgenSize]...)
		for rest := good[nfgenSize:]; len(rest) > 0; {
			k, v, next, _ := cutAttribute(rest)
			if k != kind {
				b = append(b, nla(int(k), v...)...)
			}
			rest = next
		}
		return b
	}
	with := func(attrs ...[]byte) []byte { return append(append([]byte(nil), good...), bytes.Join(attrs, nil)...) }
	tuple := func(inner ...[]byte) []byte { return with(nest(ctaTupleOrig, inner...)) }
	ip := nest(ctaTupleIP, nla(ctaIPv4Src, 1, 2, 3, 4), nla(ctaIPv4Dst, 1, 2, 3, 4))
	proto := nest(ctaTupleProto, nla(ctaProtoNum, 6))
	long := append([]byte(nil), nla32(ctaMark, 1)...)
	binary.NativeEndian.PutUint16(long, 9)
	short := append([]byte(nil), nla32(ctaMark, 1)...)
	binary.NativeEndian.PutUint16(short, 3)
	for _, c := range []struct {
		name string
		body []byte
		want error
	}{
		{"nothing", nil, errShort},
		{"half a header", good[:3], errShort},
		{"header only", good[:4], errLacking},
		{"another family", append([]byte{unix.AF_UNSPEC}, good[1:]...), errFamily},
		{"the wrong family", append([]byte{unix.AF_INET6}, good[1:]...), errAttribute},
		{"no original", without(ctaTupleOrig), errLacking},
		{"no reply", without(ctaTupleReply), errLacking},
		{"no status", without(ctaStatus), errLacking},
		{"no id", without(ctaID), errLacking},
		{"no mark", without(ctaMark), nil},
		{"no counters of the reply", without(ctaCountersRepl), nil},
		{"an attribute beyond the end", with(long), errAttribute},
		{"an attribute shorter than its header", with(short), errAttribute},
		{"trailing bytes", with([]byte{1, 2, 3}), errAttribute},
		{"an empty mark", with(nla(ctaMark)), errAttribute},
		{"a long mark", with(nla64(ctaMark, 1)), errAttribute},
		{"a short zone", with(nla(ctaZone, 1)), errAttribute},
		{"an attribute that is new to us", with(nla32(99, 1)), nil},
		{"a tuple without addresses", tuple(proto), errAttribute},
		{"a tuple without protocol", tuple(ip), errAttribute},
		{"a tuple of both", tuple(ip, proto), nil},
		{"a source only", tuple(nest(ctaTupleIP, nla(ctaIPv4Src, 1, 2, 3, 4)), proto), errAttribute},
		{"an address of 5 bytes", tuple(nest(ctaTupleIP, nla(ctaIPv4Src, 1, 2, 3, 4, 5), nla(ctaIPv4Dst, 1, 2, 3, 4)), proto), errAttribute},
		{"a protocol without number", tuple(ip, nest(ctaTupleProto, nla16(ctaProtoSrcPort, 1))), errAttribute},
		{"a port of a byte", tuple(ip, nest(ctaTupleProto, nla(ctaProtoNum, 6), nla(ctaProtoSrcPort, 1))), errAttribute},
		{"counters of 32 bits", with(nest(ctaCountersOrig, nla32(ctaCountersPackets, 1), nla32(ctaCountersBytes, 1))), errAttribute},
		{"packets only", with(nest(ctaCountersOrig, nla64(ctaCountersPackets, 1))), errAttribute},
		{"a start in the year 2500", with(nest(ctaTimestamp, nla64(ctaTimestampStart, 1<<63))), errAttribute},
		{"a state of two bytes", with(nest(ctaProtoInfo, nest(ctaProtoInfoTCP, nla16(ctaState, 3)))), errAttribute},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if err := parseFlow(new(model.Flow), c.body); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
	var f model.Flow
	if err := parseFlow(&f, without(ctaCountersRepl)); err != nil || f.HasCounters {
		t.Errorf("counters of one direction count as counters: %v", err)
	}
	if err := parseFlow(&f, without(ctaTimeout)); err != nil {
		t.Error(err)
	}
	for n := range good { // cut anywhere, it is an error or lacks something optional, but never a panic
		parseFlow(new(model.Flow), good[:n])
	}
}

// fakeWire answers as it is told: a function of the request's sequence number gives each datagram, or an error.
type fakeWire struct {
	steps  []func(seq uint32) ([]byte, error)
	seq    uint32
	sent   []byte
	closed bool
}

func (w *fakeWire) Send(b []byte) error {
	w.sent, w.seq = append([]byte(nil), b...), binary.NativeEndian.Uint32(b[8:])
	return nil
}

func (w *fakeWire) Receive(buf []byte) (int, error) {
	if len(w.steps) == 0 {
		return 0, unix.EAGAIN
	}
	b, err := w.steps[0](w.seq)
	w.steps = w.steps[1:]
	copy(buf, b)
	return len(b), err
}

func (w *fakeWire) Close() error { w.closed = true; return nil }

func nlmsg(kind, flags uint16, seq uint32, body []byte) []byte {
	b := make([]byte, unix.NLMSG_HDRLEN, unix.NLMSG_HDRLEN+len(body)+3)
	binary.NativeEndian.PutUint32(b, uint32(len(b)+len(body)))
	binary.NativeEndian.PutUint16(b[4:], kind)
	binary.NativeEndian.PutUint16(b[6:], flags)
	binary.NativeEndian.PutUint32(b[8:], seq)
	b = append(b, body...)
	return b[:alignNetlink(len(b))]
}

func TestDump(t *testing.T) {
	t.Parallel()
	all := flows()
	type step = func(seq uint32) ([]byte, error)
	rows := func(flags uint16, which ...int) step {
		return func(seq uint32) (b []byte, err error) {
			for _, i := range which {
				b = append(b, nlmsg(ctNew, flags, seq, flowBody(&all[i]))...)
			}
			return b, nil
		}
	}
	end := func(kind, flags uint16, errno int32) step {
		return func(seq uint32) ([]byte, error) {
			return nlmsg(kind, flags, seq, binary.NativeEndian.AppendUint32(nil, uint32(errno))), nil
		}
	}
	done := end(unix.NLMSG_DONE, unix.NLM_F_MULTI, 0)
	fails := func(errno syscall.Errno) step { return func(uint32) ([]byte, error) { return nil, errno } }
	raw := func(b []byte) step { return func(uint32) ([]byte, error) { return b, nil } }
	bad := func(seq uint32) ([]byte, error) {
		b := nlmsg(ctNew, 0, seq, flowBody(&all[0])[:40])
		return append(b, nlmsg(ctNew, 0, seq, flowBody(&all[1]))...), nil
	}
	stray := func(seq uint32) ([]byte, error) {
		return append(nlmsg(ctNew, 0, seq+1, flowBody(&all[0])), nlmsg(ctNew, 0, seq, flowBody(&all[1]))...), nil
	}
	for _, c := range []struct {
		name   string
		steps  []step
		ids    string
		want   error  // nil: whole
		text   string // of the error
		reopen bool   // the socket is closed, so that nothing of this answer is taken for the next one's
	}{
		{"empty", []step{done}, "[]", nil, "", false},
		{"whole", []step{rows(0, 0, 1), rows(0, 2), done}, "[4294967294 2 3]", nil, "", false},
		{"signals", []step{fails(unix.EINTR), rows(0, 1), fails(unix.EINTR), fails(unix.EINTR), done}, "[2]", nil, "", false},
		{"a row that does not parse", []step{rows(0, 2), bad, done}, "[3 2]", errAttribute, "1 of 3 flows did not parse", false},
		{"changed meanwhile", []step{rows(0, 2), rows(unix.NLM_F_DUMP_INTR, 3), done}, "[3 4]", errInterrupted, "NLM_F_DUMP_INTR", false},
		{"changed at the end", []step{rows(0, 2), end(unix.NLMSG_DONE, unix.NLM_F_DUMP_INTR, 0)}, "[3]", errInterrupted, "", false},
		{"another's message", []step{stray, done}, "[2]", errSequence, "", false},
		{"messages lost", []step{rows(0, 2), fails(unix.ENOBUFS), rows(0, 3), done}, "[3 4]", errOverrun, "ENOBUFS", false},
		{"an overrun", []step{rows(0, 2), end(unix.NLMSG_OVERRUN, 0, 0), done}, "[3]", errOverrun, "", false},
		{"a message too long", []step{rows(0, 2), raw([]byte{0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), done}, "[3]", errTruncated, "", false},
		{"a message too short", []step{raw([]byte{15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}), done}, "[]", errTruncated, "", false},
		{"half a header", []step{raw([]byte{1, 2, 3}), done}, "[]", errTruncated, "", false},
		{"a datagram cut off", []step{raw(make([]byte, conntrackBuffer+1)), done}, "[]", errTruncated, "", false},
		{"no end", []step{rows(0, 2)}, "[3]", errSilence, "the end did not come", true},
		{"an end without errno", []step{rows(0, 2), func(seq uint32) ([]byte, error) { return nlmsg(unix.NLMSG_DONE, 0, seq, nil), nil }},
			"[3]", errTruncated, "", false},
		{"failed on its way", []step{rows(0, 2), end(unix.NLMSG_DONE, 0, -int32(unix.ENOMEM))}, "[3]", unix.ENOMEM, "", true},
		{"not permitted", []step{end(unix.NLMSG_ERROR, 0, -int32(unix.EPERM))}, "[]", fs.ErrPermission,
			"needs CAP_NET_ADMIN: operation not permitted", true},
		{"no such table", []step{end(unix.NLMSG_ERROR, 0, -int32(unix.EINVAL))}, "[]", ErrUnsupported,
			"this kernel has no connection tracking", true},
		{"broken", []step{rows(0, 2), fails(unix.EBADF)}, "[3]", unix.EBADF, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := &fakeWire{steps: c.steps}
			h := &Host{conntrack: conntrack{wire: w}}
			got, whole, err := h.Flows()
			ids := []uint32{}
			for i := range got {
				ids = append(ids, got[i].ID)
			}
			if whole != (c.want == nil) {
				t.Errorf("whole %v, error %v", whole, err)
			}
			if s := fmt.Sprint(ids); s != c.ids {
				t.Errorf("flows %s, want %s", s, c.ids)
			}
			switch {
			case (err == nil) != (c.want == nil), !errors.Is(err, c.want):
				t.Errorf("error %v, want %v", err, c.want)
			case err != nil && (!strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "\n")):
				t.Errorf("error %q, want %q in it", err, c.text)
			}
			if w.closed != c.reopen || (h.conntrack.wire == nil) != c.reopen {
				t.Errorf("closed: %v, want %v", w.closed, c.reopen)
			}
			if want := unix.NLMSG_HDRLEN + nfgenSize; len(w.sent) != want || w.sent[4] != 1 || w.sent[5] != 1 {
				t.Errorf("request % x", w.sent)
			}
		})
	}
}

func TestDumpGivesRoomBack(t *testing.T) {
	t.Parallel()
	c := conntrack{wire: &fakeWire{}, flows: make([]model.Flow, 10, 10+sparseFlows*5)}
	if err := c.dump(); !errors.Is(err, errSilence) {
		t.Fatal(err)
	}
	if cap(c.flows) > sparseFlows {
		t.Errorf("room for %d flows is kept for none", cap(c.flows))
	}
	c = conntrack{wire: &fakeWire{}, flows: make([]model.Flow, 1000, 4000)}
	if c.dump(); cap(c.flows) != 4000 {
		t.Errorf("room for 4000 flows became %d", cap(c.flows))
	}
}

// FuzzFlow: whatever comes, it is a flow or an error.
func FuzzFlow(f *testing.F) {
	for _, flow := range flows() {
		f.Add(flowBody(&flow))
	}
	seeds, err := filepath.Glob("../../testdata/host/flows/*.bin")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no captured flows: %v", err)
	}
	for _, name := range seeds {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var flow model.Flow
		if parseFlow(&flow, body) != nil {
			return
		}
		if flow.Family != model.IPv4 && flow.Family != model.IPv6 {
			t.Fatalf("family %d", flow.Family)
		}
		if flow.Family == model.IPv4 && !(flow.Original.Src.Is4() && flow.Reply.Dst.Is4()) {
			t.Fatalf("addresses of IPv4: %+v", flow)
		}
		if flow.HasState && flow.Proto != model.TCP && flow.Proto != model.SCTP && flow.Proto != protoDCCP {
			t.Fatalf("protocol %d has a state", flow.Proto)
		}
		// What was understood, written again, is understood the same way.
		var again model.Flow
		if err := parseFlow(&again, flowBody(&flow)); err != nil {
			t.Fatalf("%+v: %v", flow, err)
		}
		if flow.Proto == 1 || flow.Proto == 58 || flow.Proto == model.TCP || flow.Proto == model.UDP {
			ports := func(f *model.Flow) [2]uint16 { return [2]uint16{f.Original.SrcPort, f.Reply.DstPort} }
			if (flow.Proto == model.TCP || flow.Proto == model.UDP) && ports(&again) != ports(&flow) {
				t.Fatalf("%+v became %+v", flow, again)
			}
		}
	})
}

// FuzzDump: a datagram of whatever bytes never panics, and no row is made up.
func FuzzDump(f *testing.F) {
	all := flows()
	f.Add(append(nlmsg(ctNew, 2, 1, flowBody(&all[0])), nlmsg(unix.NLMSG_DONE, 2, 1, make([]byte, 4))...))
	f.Add(nlmsg(unix.NLMSG_ERROR, 0, 1, []byte{0xff, 0xff, 0xff, 0xff}))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := conntrack{wire: &fakeWire{steps: []func(uint32) ([]byte, error){func(uint32) ([]byte, error) { return b, nil }}}}
		err := c.dump()
		if smallest := 100; len(c.flows) > len(b)/smallest {
			t.Fatalf("%d flows of %d bytes", len(c.flows), len(b))
		}
		if c.bad > 0 && err == nil {
			t.Fatalf("%d rows did not parse and nobody is told", c.bad)
		}
	})
}

package diag

import (
	"encoding/binary"
	"testing"

	"sockview/model"
)

// figuresOf are the figures of a message, by name.
func figuresOf(t *testing.T, p model.Proto, body []byte) map[string]model.Figure {
	t.Helper()
	var s model.Socket
	if err := newParser(p).socket(&s, body); err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]model.Figure)
	for _, f := range figures(&s, body) {
		if _, twice := byName[f.Name]; twice {
			t.Errorf("%s is there twice", f.Name)
		}
		byName[f.Name] = f
	}
	return byName
}

func TestFigures(t *testing.T) {
	if bigEndian {
		t.Skip("the bit fields are written for a little-endian machine")
	}
	native := binary.NativeEndian
	v := tcpInfo(model.Established, 280)
	clear(v[1:16])
	v[1], v[5], v[6], v[7] = 3, 1|2|4|64, 0x97, 1|2<<1
	native.PutUint32(v[8:], 204_000)              // rto
	native.PutUint32(v[44:], 1500)                // last_data_sent, ms
	native.PutUint32(v[40:], 0)                   // fackets
	native.PutUint32(v[48:], 0)                   // last_ack_sent
	native.PutUint32(v[76:], infiniteSsthresh)    // snd_ssthresh
	native.PutUint64(v[104:], 125_000)            // pacing_rate
	native.PutUint64(v[112:], allOnes64)          // max_pacing_rate
	native.PutUint32(v[148:], allOnes32)          // min_rtt
	native.PutUint64(v[infoDeliveryRate:], 0)     // none yet
	native.PutUint64(v[infoBytesSent:], 1<<63+12) // more than an int64 holds
	mem := make([]byte, 36)
	for i := range 9 {
		native.PutUint32(mem[4*i:], uint32(100+i))
	}
	bbr := join(native.AppendUint32(nil, 5), native.AppendUint32(nil, 1), native.AppendUint32(nil, 40),
		native.AppendUint32(nil, 739), native.AppendUint32(nil, 512))
	head := diagMsg(model.Established, 1)
	head[2], head[3] = 1, 2
	native.PutUint32(head[52:], 300)
	body := join(head, attr(attrInfo, v...), attr(attrSKMemInfo, mem...), attr(attrBBR, bbr...),
		attr(attrShutdown, 2), attr(attrTOS, 0x10), attr(attrCong, []byte("bbr\x00")...),
		attr(attrSockopt, 0x02|0x04|0x20, 0x04), attr(attrCgroupID, native.AppendUint64(nil, 77)...),
		attr(0x8000|attrULPInfo, attr(ulpName, []byte("mptcp\x00")...)...), attr(attrMD5Sig, make([]byte, 200)...))
	got := figuresOf(t, model.TCP, body)
	text := func(s string) model.Value { return model.Value{Text: s} }
	num := func(n int64) model.Value { return model.Value{Num: n} }
	why := func(u model.Unknown) model.Value { return model.Value{Why: u} }
	for name, want := range map[string]struct {
		kind  model.Kind
		value model.Value
	}{
		"tcpi_state":                     {model.KindText, text("ESTABLISHED")},
		"tcpi_ca_state":                  {model.KindText, text("Recovery")},
		"tcpi_options":                   {model.KindText, text("timestamps, sack, wscale, usec-timestamps")},
		"tcpi_snd_wscale":                {model.KindCount, num(7)},
		"tcpi_rcv_wscale":                {model.KindCount, num(9)},
		"tcpi_delivery_rate_app_limited": {model.KindText, text("yes")},
		"tcpi_fastopen_client_fail":      {model.KindText, text("data not acknowledged")},
		"tcpi_rto":                       {model.KindDuration, num(204e6)},
		"tcpi_last_data_sent":            {model.KindDuration, num(1500e6)},
		"tcpi_fackets":                   {model.KindCount, why(model.NotGiven)},
		"tcpi_last_ack_sent":             {model.KindDuration, why(model.NotGiven)},
		"tcpi_rtt":                       {model.KindDuration, num(250e3)},
		"tcpi_snd_ssthresh":              {model.KindText, text("not set")},
		"tcpi_snd_cwnd":                  {model.KindCount, num(10)},
		"tcpi_pacing_rate":               {model.KindRate, num(125_000)},
		"tcpi_max_pacing_rate":           {model.KindText, text("not set")},
		"tcpi_min_rtt":                   {model.KindDuration, why(model.NotYet)},
		"tcpi_delivery_rate":             {model.KindRate, why(model.NotYet)},
		"tcpi_bytes_received":            {model.KindBytes, num(5001)},
		"tcpi_bytes_sent":                {model.KindBytes, num(1<<63 - 1)},
		"tcpi_total_rto":                 {model.KindCount, num(0xa5a5)},
		"SK_MEMINFO_RMEM_ALLOC":          {model.KindBytes, num(100)},
		"SK_MEMINFO_DROPS":               {model.KindCount, num(108)},
		"bbr_bw":                         {model.KindRate, num(1<<32 + 5)},
		"bbr_min_rtt":                    {model.KindDuration, num(40e3)},
		"bbr_cwnd_gain":                  {model.KindCount, num(512)},
		"idiag_timer":                    {model.KindText, text("retransmit")},
		"idiag_expires":                  {model.KindDuration, num(300e6)},
		"idiag_retrans":                  {model.KindCount, num(2)},
		"INET_DIAG_SHUTDOWN":             {model.KindText, text("sending")},
		"INET_DIAG_TOS":                  {model.KindHex, num(0x10)},
		"INET_DIAG_CONG":                 {model.KindText, text("bbr")},
		"INET_DIAG_SOCKOPT":              {model.KindText, text("freebind, transparent, defer_connect")},
		"INET_DIAG_CGROUP_ID":            {model.KindNumber, num(77)},
		"INET_DIAG_MARK":                 {model.KindHex, why(model.NotGiven)},
		"INET_DIAG_ULP_INFO":             {model.KindText, text("mptcp")},
		"INET_DIAG_MD5SIG":               {model.KindCount, num(2)},
	} {
		f, ok := got[name]
		if !ok || f.Kind != want.kind || f.Value != want.value {
			t.Errorf("%s: %+v, want kind %d, %+v", name, f, want.kind, want.value)
		}
	}
}

func TestFiguresOfListener(t *testing.T) {
	got := figuresOf(t, model.TCP, join(diagMsg(model.Listen, 1), attr(attrInfo, tcpInfo(model.Listen, 280)...)))
	if f := got["tcpi_sacked"]; f.Help != "connections that may wait to be accepted (backlog)" {
		t.Errorf("tcpi_sacked: %+v", f)
	}
	if _, there := got["tcpi_rtt"]; there {
		t.Error("a listener has a round-trip time")
	}
}

func TestFiguresWithoutInfo(t *testing.T) {
	for _, p := range []model.Proto{model.TCP, model.UDP} {
		for name, f := range figuresOf(t, p, diagMsg(model.TimeWait, 1)) {
			if f.Group == groupInfo || f.Group == groupMemory {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
}

// The table must describe the struct without gap or overlap, but for bit fields, which share a byte.
func TestInfoTable(t *testing.T) {
	end := 0
	for _, f := range tcpInfoFields {
		if f.offset != end && !(f.bits != 0 && f.offset == end-1) {
			t.Errorf("%s begins at %d, the field before it ends at %d", f.name, f.offset, end)
		}
		end = f.offset + f.size
		if f.name == "" || f.help == "" || f.size&(f.size-1) != 0 || f.offset%f.size != 0 {
			t.Errorf("%+v", f)
		}
	}
	if end != 280 {
		t.Errorf("the struct ends at %d", end)
	}
}

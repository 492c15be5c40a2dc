package diag

// This file makes the figures of the details screen from one message. It is run for the one row that
// somebody looks at, so that it may take its time.

import (
	"encoding/binary"
	"math"
	"strings"

	"sockview/model"
)

// The groups of figures, in their order.
const (
	groupInfo   = "TCP_INFO"
	groupCong   = "Congestion"
	groupMemory = "Memory"
	groupTimer  = "Timer"
	groupSocket = "Socket"
)

// notSet is what a number says that means "no limit was set".
const notSet = "not set"

// figures makes all figures of a message that parsed. A struct that the kernel did not send has no figures,
// as tcp_info of a socket in TIME_WAIT; a field that it was too short for is NotGiven.
func figures(s *model.Socket, body []byte) []model.Figure {
	attrs := attributes(body)
	out := make([]model.Figure, 0, 96)
	if v, ok := attrs[attrInfo]; ok && s.Proto == model.TCP {
		out = appendFields(out, groupInfo, tcpInfoFields, v, s.State)
	}
	for _, cc := range []struct {
		attr   uint16
		fields []field
	}{{attrBBR, bbrFields}, {attrDCTCP, dctcpFields}, {attrVegas, vegasFields}} {
		if v, ok := attrs[cc.attr]; ok {
			out = appendFields(out, groupCong, cc.fields, v, model.Established)
		}
	}
	if v, ok := attrs[attrSKMemInfo]; ok {
		out = appendFields(out, groupMemory, memoryFields, v, model.Established)
	}
	out = appendTimer(out, s, body[3])
	return appendSocket(out, s, attrs)
}

// attributes are the attributes of a message that parsed, by type.
func attributes(body []byte) map[uint16][]byte {
	attrs := make(map[uint16][]byte)
	for rest := body[diagMsgSize:]; len(rest) > 0; {
		var kind uint16
		var v []byte
		if kind, v, rest = attribute(rest); kind == badAttribute {
			break
		}
		attrs[kind] = v
	}
	return attrs
}

// appendFields appends the figures of a struct.
func appendFields(out []model.Figure, group string, fields []field, v []byte, s model.State) []model.Figure {
	for i := range fields {
		f := &fields[i]
		fig := f.figure(v)
		fig.Group = group
		if group == groupInfo && s == model.Listen {
			// The kernel fills in little of it for a listener, and some of that says something else.
			if f.listener == "" {
				continue
			}
			fig.Help = f.listener
		}
		out = append(out, fig)
	}
	return out
}

// figure is the field's figure in the struct v.
func (f *field) figure(v []byte) model.Figure {
	fig := model.Figure{Name: f.name, Help: f.help, Kind: f.kind()}
	if len(v) < f.offset+f.size {
		fig.Value.Why = model.NotGiven
		return fig
	}
	n := f.number(v)
	switch {
	case f.unset != 0 && n == f.unset && f.unsetWhy == model.Known:
		fig.Kind, fig.Value.Text = model.KindText, notSet
	case f.unset != 0 && n == f.unset:
		fig.Value.Why = f.unsetWhy
	case n == 0 && f.zeroWhy != model.Known:
		fig.Value.Why = f.zeroWhy
	case f.unit == word:
		fig.Value.Text = wordOf(n, f.words)
	case f.unit == flags:
		fig.Value.Text = wordsOf(n, f.words)
	default:
		fig.Value.Num = f.scale(n)
	}
	return fig
}

// number reads the field, in the host's byte order.
func (f *field) number(v []byte) uint64 {
	native := binary.NativeEndian
	switch b := v[f.offset:]; {
	case f.bits != 0:
		return bitField(b[0], f.bit, f.bits)
	case f.halves:
		return uint64(native.Uint32(b)) | uint64(native.Uint32(b[4:]))<<32
	case f.size == 1:
		return uint64(b[0])
	case f.size == 2:
		return uint64(native.Uint16(b))
	case f.size == 4:
		return uint64(native.Uint32(b))
	default:
		return native.Uint64(b)
	}
}

// bitField reads a bit field of a byte. C puts the first declared at the low end on a little-endian
// machine and at the high end on a big-endian one.
func bitField(b byte, bit, bits uint8) uint64 {
	if bigEndian {
		bit = 8 - bit - bits
	}
	return uint64(b>>bit) & (1<<bits - 1)
}

var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// kind is the model's kind for the field's unit.
func (f *field) kind() model.Kind {
	switch f.unit {
	case bytes:
		return model.KindBytes
	case bytesPerSecond:
		return model.KindRate
	case microseconds, milliseconds:
		return model.KindDuration
	case hexadecimal:
		return model.KindHex
	case word, flags:
		return model.KindText
	}
	return model.KindCount
}

// scale turns the field's number into a model.Value's: nanoseconds for times. One that would not fit is
// the largest that does.
func (f *field) scale(n uint64) int64 {
	factor := uint64(1)
	switch f.unit {
	case microseconds:
		factor = 1e3
	case milliseconds:
		factor = 1e6
	}
	if n > math.MaxInt64/factor {
		return math.MaxInt64
	}
	return int64(n * factor)
}

// wordOf is the word for a number, or the number where there is none.
func wordOf(n uint64, words []string) string {
	if n < uint64(len(words)) {
		return words[n]
	}
	return "unknown (" + utoa(n) + ")"
}

// wordsOf are the words for the bits of n that are set.
func wordsOf(n uint64, words []string) string {
	var set []string
	for i, w := range words {
		if n>>i&1 != 0 && w != "" {
			set = append(set, w)
		}
	}
	if len(set) == 0 {
		return "none"
	}
	return strings.Join(set, ", ")
}

// stateWords are the states by the kernel's number.
func stateWords() []string {
	var words []string
	for s := model.StateUnknown; s <= model.Bound; s++ {
		words = append(words, s.String())
	}
	return words
}

var timerWords = []string{
	"off", "retransmit", "keepalive", "TIME_WAIT", "window probe",
}

// appendTimer appends what struct inet_diag_msg says of the timer. retrans is idiag_retrans.
func appendTimer(out []model.Figure, s *model.Socket, retrans uint8) []model.Figure {
	off := model.Known
	if s.Timer == model.TimerOff {
		off = model.NotApplicable
	}
	return append(out,
		model.Figure{Group: groupTimer, Name: "idiag_timer", Help: "what the socket waits for",
			Value: model.Value{Text: wordOf(uint64(s.Timer), timerWords)}},
		model.Figure{Group: groupTimer, Name: "idiag_expires", Help: "time until the timer fires",
			Kind: model.KindDuration, Value: known(int64(s.Expires)*1e6, off)},
		model.Figure{Group: groupTimer, Name: "idiag_retrans", Help: "retransmits or probes so far",
			Kind: model.KindCount, Value: known(int64(retrans), off)},
	)
}

// known is n, unless there is a reason why it is not known.
func known(n int64, why model.Unknown) model.Value {
	if why != model.Known {
		return model.Value{Why: why}
	}
	return model.Value{Num: n}
}

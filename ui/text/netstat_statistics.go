package text

// -s and -M: what netstat says there is too little, so that the layout is ours.

import (
	"io"
	"strconv"

	"sockview/model"
)

// Statistics writes the rows of s.Statistics that order names: a heading for each group, and below it a
// line for each counter with its name, value ("-" for unknown) and what it counts.
func (n *Netstat) Statistics(w io.Writer, s *model.Snapshot, order []int32) error {
	return eachNetNS(w, s, order, func(row int32) *model.Life { return &s.Statistics[row].Life }, func(order []int32) error {
		return n.statistics(w, s, order)
	})
}

func (n *Netstat) statistics(w io.Writer, s *model.Snapshot, order []int32) error {
	names, values := 0, 0
	for _, i := range order {
		if r := &s.Statistics[i]; !r.Dead {
			var digits [20]byte
			names = max(names, width(r.Name.String()))
			values = max(values, len(appendStatistic(digits[:0], r)))
		}
	}
	group, first := model.Text{}, true
	return lines(w, "", order, func(dst []byte, row int) []byte {
		r := &s.Statistics[row]
		if r.Dead {
			return dst
		}
		if first || r.Group != group {
			dst = append(append(dst, r.Group.String()...), ":\n"...)
			group, first = r.Group, false
		}
		name := r.Name.String()
		dst = blanks(append(append(dst, "    "...), name...), names-width(name))
		var digits [20]byte
		dst = right(append(dst, gap...), string(appendStatistic(digits[:0], r)), values)
		if help := r.Help(); help != "" {
			dst = append(append(dst, gap...), help...)
		}
		return append(dst, '\n')
	})
}

func appendStatistic(dst []byte, r *model.Statistic) []byte {
	if r.Why != model.Known {
		return append(dst, '-')
	}
	return strconv.AppendInt(dst, r.Value, 10)
}

// flowEndWidth is how wide the column of an endpoint is at least: an IPv4 address and a port.
const flowEndWidth = 21

// Flows writes the rows of s.Flows that order names, two lines for each, 80 columns for IPv4: how the first
// packet came, and below it, marked "<-", how an answer to it looks before it is translated back. Bytes are
// with headers, "-" where the kernel does not count them. What is translated stands in the second line as
// snat, dnat or both.
func (n *Netstat) Flows(w io.Writer, s *model.Snapshot, order []int32) error {
	return eachNetNS(w, s, order, func(row int32) *model.Life { return &s.Flows[row].Life }, func(order []int32) error {
		return n.flows(w, s, order)
	})
}

func (n *Netstat) flows(w io.Writer, s *model.Snapshot, order []int32) error {
	t := flowLines{Netstat: n, wide: flowEndWidth}
	var end []byte
	for _, i := range order {
		if r := &s.Flows[i]; !r.Dead {
			for _, tuple := range [...]*model.FlowTuple{&r.Original, &r.Reply} {
				end = t.appendEnd(end[:0], r, tuple.Src, tuple.SrcPort)
				t.wide = max(t.wide, len(end))
				end = t.appendEnd(end[:0], r, tuple.Dst, tuple.DstPort)
				t.wide = max(t.wide, len(end))
			}
		}
	}
	what := "Translated connections"
	if n.All {
		what = "Tracked connections"
	}
	title := left([]byte(what+"\nProt  Expire "), "Source", t.wide+1)
	title = append(left(title, "Destination", t.wide+1), "State            Bytes\n"...)
	return lines(w, string(title), order, func(dst []byte, row int) []byte {
		if r := &s.Flows[row]; !r.Dead {
			dst = t.append(dst, r)
		}
		return dst
	})
}

// flowLines makes lines of tracked connections.
type flowLines struct {
	*Netstat
	wide int // of a column of endpoints
}

func (t *flowLines) append(dst []byte, r *model.Flow) []byte {
	var small [20]byte
	dst = left(dst, r.Proto.String(), 4)
	dst = right(append(dst, ' '), string(appendExpiry(small[:0], r)), 7)
	dst = t.appendTuple(append(dst, ' '), r, &r.Original)
	state := r.StateName()
	if o := &r.Original; state == "" && (r.Proto == 1 || r.Proto == 58) {
		small := strconv.AppendUint(small[:0], uint64(o.ICMPType), 10)
		small = strconv.AppendUint(append(small, '/'), uint64(o.ICMPCode), 10)
		state = string(strconv.AppendUint(append(small, ' '), uint64(o.ICMPID), 10))
	}
	dst = appendFlowEnd(dst, state, r.OriginalBytes, r.HasCounters)
	dst = t.appendTuple(append(dst, "<-           "...), r, &r.Reply)
	reply := r.Translation()
	if reply == "" && r.Status&model.FlowSeenReply == 0 {
		reply = "unreplied"
	}
	return appendFlowEnd(dst, reply, r.ReplyBytes, r.HasCounters)
}

// appendTuple appends both ends of one direction.
func (t *flowLines) appendTuple(dst []byte, r *model.Flow, tuple *model.FlowTuple) []byte {
	from := len(dst)
	dst = append(padTo(t.appendEnd(dst, r, tuple.Src, tuple.SrcPort), from, t.wide), ' ')
	from = len(dst)
	return append(padTo(t.appendEnd(dst, r, tuple.Dst, tuple.DstPort), from, t.wide), ' ')
}

// appendEnd appends an address, and the port of a protocol that has one. Nothing is cut.
func (t *flowLines) appendEnd(dst []byte, r *model.Flow, a model.Addr, port uint16) []byte {
	dst = t.appendHost(dst, a, r.Family)
	if port == 0 {
		return dst
	}
	return t.appendService(append(dst, ':'), r.Proto, port)
}

// appendExpiry appends the time until the connection is forgotten, in minutes and seconds as netstat -M.
func appendExpiry(dst []byte, r *model.Flow) []byte {
	if !r.HasTimeout {
		return append(dst, '-')
	}
	dst = strconv.AppendUint(dst, uint64(r.Timeout/60), 10)
	seconds := r.Timeout % 60
	return append(dst, ':', byte('0'+seconds/10), byte('0'+seconds%10))
}

// appendFlowEnd appends the last two columns and ends the line.
func appendFlowEnd(dst []byte, state string, bytes uint64, counted bool) []byte {
	dst = append(left(dst, state, 11), ' ')
	if !counted {
		return append(right(dst, "-", 10), '\n')
	}
	return append(rightNumber(dst, bytes, 10), '\n')
}

package host

// This file parses the kernel's files of counters. They come in three layouts:
//
//	snmp, netstat   Tcp: RtoAlgorithm RtoMin ...    a line of names, and below it a line of values
//	                Tcp: 1 200 ...
//	snmp6           Ip6InReceives      43008        a line a counter
//	dev               eth0: 1021 7 0 0 ...          a line an interface: 8 columns received, 8 sent

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"sockview/model"
)

// errNumber is what is wrong with a value.
var errNumber = errors.New("not a number")

// spoil notes that something is missing, and why.
func (c *counters) spoil(format string, args ...any) {
	c.bad = append(c.bad, fmt.Errorf(format, args...))
}

// pairs parses snmp and netstat (snmp_seq_show and netstat_seq_show, net/ipv4/proc.c). A group may come in
// several pairs. The last line may end without a newline: MPTcpExt's did.
func (c *counters) pairs(text []byte) {
	var names []byte // the line of names that waits for its values
	for len(text) > 0 {
		var line []byte
		line, text = cutLine(text)
		switch {
		case len(bytes.TrimSpace(line)) == 0:
		case names == nil:
			names = line
		case c.pair(names, line):
			names = nil
		default:
			names = line // a line was lost: perhaps this one begins the next pair
		}
	}
	if names != nil {
		c.spoil("%.40q: names without values", names)
	}
}

// pair adds the rows of a line of names and a line of values. It says false when they do not belong together.
func (c *counters) pair(names, values []byte) bool {
	group, names, ok := bytes.Cut(names, []byte(":"))
	if !ok || len(group) == 0 {
		c.spoil("%.40q: no group", group)
		return false
	}
	of, values, ok := bytes.Cut(values, []byte(":"))
	if !ok || !bytes.Equal(group, of) {
		c.spoil("%.40q: names without values", group)
		return false
	}
	if a, b := countFields(names), countFields(values); a != b {
		c.spoil("%.40q: %d names and %d values", group, a, b)
		return true
	}
	for {
		var name, value []byte
		name, names = cutField(names)
		value, values = cutField(values)
		if len(name) == 0 {
			return true
		}
		if n, ok := counterValue(value); ok {
			c.add(group, name, n)
		} else {
			c.spoil("%.40q %.40q: %.40q: %w", group, name, value, errNumber)
		}
	}
}

// list parses snmp6 (snmp6_seq_show, net/ipv6/proc.c). Its names begin with the group, which ends in 6.
func (c *counters) list(text []byte) {
	for len(text) > 0 {
		var line []byte
		line, text = cutLine(text)
		name, rest := cutField(line)
		if len(name) == 0 {
			continue
		}
		value, rest := cutField(rest)
		n, ok := counterValue(value)
		six := bytes.IndexByte(name, '6') + 1
		switch extra, _ := cutField(rest); {
		case !ok:
			c.spoil("%.40q: %.40q: %w", name, value, errNumber)
		case len(extra) > 0, six == 0, six == len(name):
			c.spoil("%.80q: not a counter and its value", line)
		default:
			c.add(name[:six], name[six:], n)
		}
	}
}

// The columns of /proc/net/dev (dev_seq_printf_stats, net/core/net-procfs.c). Those not named are kinds of
// errors, or counted twice.
const (
	devRxBytes     = 0
	devRxPackets   = 1
	devRxErrors    = 2
	devRxDropped   = 3 // with those that the hardware had no buffer for
	devRxMulticast = 7
	devTxBytes     = 8
	devTxPackets   = 9
	devTxErrors    = 10
	devTxDropped   = 11
	devColumns     = 16
)

// interfaceTotals are Windows' totals over the interfaces, and what Linux counts in their place. Non-unicast is what
// each driver counts as multicast, received only; most count broadcasts with the rest, and their explanation says so,
// as that of the interfaces' columns does. A frame of an unknown protocol is a discard like others.
var interfaceTotals = [...]struct {
	name   string
	column int // -1: Linux has no such figure
	less   int // what is taken from it; -1: nothing
}{
	{"ReceivedBytes", devRxBytes, -1}, {"SentBytes", devTxBytes, -1},
	{"ReceivedPackets", devRxPackets, -1}, {"SentPackets", devTxPackets, -1},
	{"ReceivedUnicast", devRxPackets, devRxMulticast}, {"SentUnicast", -1, -1},
	{"ReceivedNonUnicast", devRxMulticast, -1}, {"SentNonUnicast", -1, -1},
	{"ReceivedDiscards", devRxDropped, -1}, {"SentDiscards", devTxDropped, -1},
	{"ReceivedErrors", devRxErrors, -1}, {"SentErrors", devTxErrors, -1},
	{"UnknownProtocols", -1, -1},
}

// interfacesGroup is the group of the totals.
const interfacesGroup = "Interfaces"

// totals parses dev and adds up all interfaces but the loopback. When one of them is not understood there are
// no totals at all, for they would be wrong.
func (c *counters) totals(text []byte) {
	var sums [devColumns]int64
	for len(text) > 0 {
		var line []byte
		line, text = cutLine(text)
		if len(bytes.TrimSpace(line)) == 0 || bytes.IndexByte(line, '|') >= 0 {
			continue // the two lines of headings
		}
		// No name holds a colon (dev_valid_name).
		name, rest, ok := bytes.Cut(line, []byte(":"))
		if !ok || countFields(rest) < devColumns {
			c.spoil("%.80q: not an interface and its counters", line)
			return
		}
		if string(bytes.TrimSpace(name)) == "lo" {
			continue
		}
		for i := range sums {
			var field []byte
			field, rest = cutField(rest)
			n, ok := counterValue(field)
			if !ok {
				c.spoil("%.40q: %.40q: %w", bytes.TrimSpace(name), field, errNumber)
				return
			}
			sums[i] += n
		}
	}
	for _, t := range interfaceTotals {
		switch {
		case t.less >= 0:
			c.add([]byte(interfacesGroup), []byte(t.name), max(0, sums[t.column]-sums[t.less]))
		case t.column >= 0:
			c.add([]byte(interfacesGroup), []byte(t.name), sums[t.column])
		default:
			c.add([]byte(interfacesGroup), []byte(t.name), 0)
			c.rows[len(c.rows)-1].Why = model.NotGiven
		}
		c.rows[len(c.rows)-1].Bytes = t.column == devRxBytes || t.column == devTxBytes
	}
}

// counterValue is a number of the kernel's, signed or not; see Host.Statistics for those that do not fit.
func counterValue(b []byte) (int64, bool) {
	if len(b) > 0 && b[0] == '-' {
		n, err := strconv.ParseInt(string(b), 10, 64)
		return n, err == nil
	}
	n, err := strconv.ParseUint(string(b), 10, 64)
	return int64(n), err == nil
}

// cutLine takes the first line of text, without its end.
func cutLine(text []byte) (line, rest []byte) {
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		return text[:i], text[i+1:]
	}
	return text, nil
}

// cutField takes the first word of line; it is empty when there is none.
func cutField(line []byte) (field, rest []byte) {
	for len(line) > 0 && isBlank(line[0]) {
		line = line[1:]
	}
	for i, b := range line {
		if isBlank(b) {
			return line[:i], line[i:]
		}
	}
	return line, nil
}

func isBlank(b byte) bool { return b == ' ' || b == '\t' || b == '\r' }

func countFields(line []byte) int {
	n := 0
	for {
		var field []byte
		if field, line = cutField(line); len(field) == 0 {
			return n
		}
		n++
	}
}

package host

// This file reads what the kernel counts for the whole namespace: /proc/net/snmp, netstat, snmp6 and dev.

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"sockview/model"
)

// counters is what one reading of the statistics leaves for the next: names do not change, so that only the
// first reading makes texts of them.
type counters struct {
	rows []model.Statistic
	text []byte  // the file that is being read
	bad  []error // what was not understood
}

// statisticFiles are the kernel's files, in the order of their rows.
var statisticFiles = [...]struct {
	name     string
	parse    func(c *counters, text []byte)
	optional bool
}{
	{"snmp", (*counters).pairs, false},
	{"netstat", (*counters).pairs, false},
	{"snmp6", (*counters).list, true}, // there is none without IPv6
	{"dev", (*counters).totals, false},
}

// Statistics are the counters of the namespace: those of /proc/net/snmp, netstat and snmp6 as the kernel
// orders and names them, whatever they are, and after them the totals over the interfaces (/proc/net/dev).
//
// Value holds the kernel's 64 bits. Those that it prints as 2^63 or more become negative: nothing is counted
// that far, but a level summed up over the processors while it moves may fall below zero for a moment.
//
// The rows hold until the next call. With an error they are never whole: what could not be read or understood is
// missing, the rest is true.
func (h *Host) Statistics() (rows []model.Statistic, whole bool, err error) {
	c := &h.counters
	c.rows, c.bad = c.rows[:0], nil
	for _, f := range statisticFiles {
		err := c.read(filepath.Join(h.dir, f.name))
		switch {
		case f.optional && errors.Is(err, fs.ErrNotExist):
		case err != nil:
			c.bad = append(c.bad, err)
		default:
			had := len(c.bad)
			f.parse(c, c.text)
			for i := had; i < len(c.bad); i++ {
				c.bad[i] = fmt.Errorf("%s: %w", f.name, c.bad[i])
			}
		}
	}
	return c.rows, len(c.bad) == 0, oneLine(c.bad...)
}

// read reads a file into c.text.
func (c *counters) read(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if c.text == nil {
		c.text = make([]byte, 0, 16<<10)
	}
	for c.text = c.text[:0]; ; {
		if len(c.text) == cap(c.text) {
			c.text = append(c.text, 0)[:len(c.text)]
		}
		n, err := f.Read(c.text[len(c.text):cap(c.text)])
		c.text = c.text[:len(c.text)+n]
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// add appends a row. The row that stood there at the last reading most often is the same counter.
func (c *counters) add(group, name []byte, value int64) {
	at := len(c.rows)
	if at == cap(c.rows) {
		c.rows = append(c.rows, model.Statistic{})
	} else {
		c.rows = c.rows[:at+1]
	}
	r := &c.rows[at]
	if r.Group.String() != string(group) || r.Name.String() != string(name) {
		*r = describe(string(group), string(name))
	}
	r.Place, r.Value, r.Why = int32(at), value, model.Known
}

// describe is the row of a counter without its value: whom it is about, and what kind of number it is.
func describe(group, name string) model.Statistic {
	r := model.Statistic{
		Group: model.SafeText(group), Name: model.SafeText(name),
		Bytes: strings.Contains(name, "Octets"), Gauge: isGauge(group, name),
	}
	stem, six := strings.CutSuffix(group, "6")
	switch {
	case strings.HasPrefix(stem, "Tcp"), strings.HasPrefix(stem, "MPTcp"):
		r.Proto = model.TCP // both families are counted together
		return r
	case strings.HasPrefix(stem, "UdpLite"):
		r.Proto = model.UDPLite
	case strings.HasPrefix(stem, "Udp"):
		r.Proto = model.UDP
	case strings.HasPrefix(stem, "Sctp"):
		r.Proto = model.SCTP
		return r
	case strings.HasPrefix(stem, "Ip"), strings.HasPrefix(stem, "Icmp"):
		r.Proto = model.Raw
	default:
		return r // a group that is new to us
	}
	r.Family = model.IPv4
	if six {
		r.Family = model.IPv6
	}
	return r
}

// isGauge says whether a counter is none, but a level that goes up and down, or a setting.
func isGauge(group, name string) bool {
	switch group {
	case "Ip":
		return name == "Forwarding" || name == "DefaultTTL"
	case "Tcp":
		switch name {
		case "RtoAlgorithm", "RtoMin", "RtoMax", "MaxConn", "CurrEstab":
			return true
		}
	case "MPTcpExt":
		return name == "MPCurrEstab"
	}
	return false
}

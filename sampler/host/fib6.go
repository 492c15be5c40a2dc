package host

// This file reads /proc/net/ipv6_route, which tells what netlink does not: the kernel's flags of a route, its
// references and uses.

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// fib6Key is what a route and its line have in common. The table is not among it.
type fib6Key struct {
	dst, src, gateway model.Addr
	dstLen, srcLen    uint8
	metric            uint32
	link              model.Text
}

// fib6Line is a line of ipv6_route.
type fib6Line struct {
	fib6Key
	references, uses int64
	flags            uint32
}

// isNull says whether the line is the entry that each table ends with unless it has a default route: no route.
// Netlink does not tell of it.
func (l *fib6Line) isNull() bool {
	return l.metric == math.MaxUint32 && l.flags&rtfReject != 0 && l.dstLen == 0 && l.srcLen == 0
}

// readFIB6 are the lines of ipv6_route; none, and no error, where there is no IPv6.
func readFIB6(dir string) ([]fib6Line, error) {
	b, err := os.ReadFile(filepath.Join(dir, "ipv6_route"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, about("flags of IPv6 routes", err)
	}
	lines, err := parseFIB6(string(b))
	return lines, about("ipv6_route", err)
}

// errLine says that a line of a file of /proc/net is not as the kernel writes it.
var errLine = errors.New("a line that cannot be read")

// parseFIB6 reads ipv6_route (ipv6_route_seq_show of net/ipv6/route.c). The lines that can be read are returned even
// with an error.
func parseFIB6(text string) ([]fib6Line, error) {
	var lines []fib6Line
	var bad error
	for s := range strings.Lines(text) {
		l, ok := parseFIB6Line(strings.TrimSuffix(s, "\n"))
		switch {
		case ok:
			lines = append(lines, l)
		case bad == nil:
			bad = fmt.Errorf("%w: %.200q", errLine, s)
		}
	}
	return lines, bad
}

func parseFIB6Line(s string) (fib6Line, bool) {
	fields := kernelFields(s)
	if len(fields) == 9 {
		fields = append(fields, "") // a route without an interface
	}
	if len(fields) != 10 {
		return fib6Line{}, false
	}
	var l fib6Line
	ok := true
	address := func(s string) (a model.Addr) {
		if n, err := hex.Decode(a[:], []byte(s[:min(len(s), 32)])); err != nil || n != 16 || len(s) != 32 {
			ok = false
		}
		return a
	}
	number := func(s string, bits int) uint64 {
		n, err := strconv.ParseUint(s, 16, bits)
		ok = ok && err == nil
		return n
	}
	l.dst, l.dstLen = address(fields[0]), uint8(number(fields[1], 8))
	l.src, l.srcLen = address(fields[2]), uint8(number(fields[3], 8))
	l.gateway, l.metric = address(fields[4]), uint32(number(fields[5], 32))
	l.references, l.uses = int64(number(fields[6], 32)), int64(number(fields[7], 32))
	l.flags, l.link = uint32(number(fields[8], 32)), model.SafeText(fields[9])
	return l, ok && l.dstLen <= 128 && l.srcLen <= 128
}

// kernelFields splits a line at the blanks that no interface's name can hold (dev_valid_name of net/core/dev.c).
func kernelFields(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' })
}

// joinFIB6 gives IPv6 rows what their lines tell, and appends the rows that only the file has. Unless all its lines
// are there, with the interfaces' names, these are those of the last time, for their absence would say that they are
// gone. Rows that look the same, in two tables, stand in the same order in both answers.
func (h *Host) joinFIB6(routes []model.Route, lines []fib6Line, all bool, p *routeParser) []model.Route {
	taken := make([]bool, len(lines))
	at := make(map[fib6Key][]int32, len(lines))
	for i := range lines {
		at[lines[i].fib6Key] = append(at[lines[i].fib6Key], int32(i))
	}
	for i := range routes {
		r := &routes[i]
		if r.Family != model.IPv6 {
			continue
		}
		key := fib6Key{r.Dst, r.Src, r.Gateway, r.DstLen, r.SrcLen, r.Metric, r.LinkName}
		found := at[key]
		if len(found) == 0 {
			continue
		}
		l := &lines[found[0]]
		at[key], taken[found[0]] = found[1:], true
		r.Flags, r.References, r.Uses = l.flags, l.references, l.uses
	}
	if all {
		h.noRoutes = h.noRoutes[:0]
		for i := range lines {
			if l := &lines[i]; !taken[i] && l.isNull() {
				h.noRoutes = append(h.noRoutes, nullRoute(l, p))
			}
		}
	}
	return append(routes, h.noRoutes...)
}

// nullRoute is the row of a line that stands for no route.
func nullRoute(l *fib6Line, p *routeParser) model.Route {
	r := model.Route{
		Family: model.IPv6, LinkName: l.link, Metric: l.metric, Flags: l.flags, References: l.references,
		Uses: l.uses, Type: unix.RTN_UNREACHABLE,
		TableName: p.tables.name(unix.RT_TABLE_UNSPEC), Protocol: p.protocols.name(unix.RTPROT_KERNEL),
	}
	for index, name := range p.links {
		if name == l.link {
			r.Link = index
		}
	}
	return r
}

package host

// This file reads the multicast groups that interfaces listen to.

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sockview/model"
)

// Groups are the multicast groups of the interfaces: of IPv4 (/proc/net/igmp), of IPv6 (igmp6) and of the link layer
// (dev_mcast), in this order and each in the kernel's. A kernel that has one of the files not has none of its groups;
// one that has none of them says ErrUnsupported. They are whole when each of the files that are there was read and
// understood. An error about the sources (mcfilter, mcfilter6) is a notice.
func (h *Host) Groups() (rows []model.Membership, whole bool, err error) {
	var errs []error
	absent := 0
	files := []struct {
		name  string
		parse func(string) ([]model.Membership, error)
	}{{"igmp", parseIGMP}, {"igmp6", parseIGMP6}, {"dev_mcast", parseDevMcast}}
	for _, f := range files {
		text, err := h.read(f.name)
		if errors.Is(err, fs.ErrNotExist) {
			absent++
			continue
		}
		if err == nil {
			var more []model.Membership
			more, err = f.parse(text)
			rows = append(rows, more...)
		}
		if err != nil {
			errs = append(errs, about(f.name, err))
		}
	}
	if absent == len(files) {
		return nil, false, noGroups
	}
	whole = len(errs) == 0
	return rows, whole, oneLine(append(errs, h.addSources(rows))...)
}

// read is the text of a file of the namespace's /proc/net.
func (h *Host) read(name string) (string, error) {
	b, err := os.ReadFile(filepath.Join(h.dir, name))
	return string(b), err
}

// groupKey names a membership in mcfilter and mcfilter6.
type groupKey struct {
	link  uint32
	group model.Addr
}

// addSources counts the source addresses of the groups (/proc/net/mcfilter, mcfilter6).
func (h *Host) addSources(rows []model.Membership) error {
	counts := map[groupKey]int32{}
	var errs []error
	for _, name := range []string{"mcfilter", "mcfilter6"} {
		text, err := h.read(name)
		if err == nil {
			err = parseMCFilter(text, counts)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, about(name, err))
		}
	}
	for i := range rows {
		if r := &rows[i]; r.Family != 0 {
			r.Sources = counts[groupKey{r.Link, r.Group}]
		}
	}
	return oneLine(errs...)
}

// eachLine calls parse with the lines of a file and keeps the first that it refuses for the error.
func eachLine(text string, parse func(line string) bool) error {
	var bad error
	for line := range strings.Lines(text) {
		if line = strings.TrimSuffix(line, "\n"); !parse(line) && bad == nil {
			bad = fmt.Errorf("%w: %.200q", errLine, line)
		}
	}
	return bad
}

// parseIGMP reads igmp (igmp_mc_seq_show of net/ipv4/igmp.c): a line for an interface, with the version of IGMP it
// speaks, and below it one for each of its groups, which begins with tabs. A group is a word in the machine's order
// of bytes.
func parseIGMP(text string) ([]model.Membership, error) {
	var rows []model.Membership
	var link model.Membership // the interface that the groups below belong to
	err := eachLine(text, func(line string) bool {
		fields := kernelFields(line)
		if len(fields) == 0 {
			return false
		}
		if !strings.HasPrefix(line, "\t") {
			if fields[0] == "Idx" {
				return true
			}
			var ok bool
			link, ok = parseIGMPLink(line)
			return ok
		}
		if len(fields) < 2 || link.Link == 0 || len(fields[0]) != 8 {
			return false
		}
		group, err := strconv.ParseUint(fields[0], 16, 32)
		users, err2 := strconv.ParseInt(fields[1], 10, 32)
		if err != nil || err2 != nil {
			return false
		}
		r := link
		r.Group = model.Addr{10: 0xff, 11: 0xff}
		native.PutUint32(r.Group[12:], uint32(group))
		r.Users = int32(users)
		rows = append(rows, r)
		return true
	})
	return rows, err
}

// parseIGMPLink reads "4\teth0      :     1      V3". A name may touch the colon, and cannot hold one.
func parseIGMPLink(line string) (model.Membership, bool) {
	head, tail, ok := strings.Cut(line, ":")
	index, name, ok2 := strings.Cut(head, "\t")
	n, err := strconv.ParseUint(index, 10, 32)
	fields := kernelFields(tail)
	if !ok || !ok2 || err != nil || n == 0 || len(fields) < 2 {
		return model.Membership{}, false
	}
	return model.Membership{
		Family: model.IPv4, Link: uint32(n), LinkName: model.SafeText(strings.TrimRight(name, " ")),
		Querier: model.SafeText(fields[1]),
	}, true
}

// parseIGMP6 reads igmp6 (igmp6_mc_seq_show of net/ipv6/mcast.c).
func parseIGMP6(text string) ([]model.Membership, error) {
	var rows []model.Membership
	err := eachLine(text, func(line string) bool {
		r, fields, ok := parseGroupLine(line, 6)
		if !ok || len(fields[2]) != 32 {
			return false
		}
		r.Family = model.IPv6
		_, err := hex.Decode(r.Group[:], []byte(fields[2]))
		users, err2 := strconv.ParseInt(fields[3], 10, 32)
		if err != nil || err2 != nil {
			return false
		}
		r.Users = int32(users)
		rows = append(rows, r)
		return true
	})
	return rows, err
}

// parseDevMcast reads dev_mcast (dev_mc_seq_show of net/core/net-procfs.c): how often an address was asked for, how
// often by the kernel as a whole (left out here), and the address, of which some interfaces have none.
func parseDevMcast(text string) ([]model.Membership, error) {
	var rows []model.Membership
	err := eachLine(text, func(line string) bool {
		r, fields, ok := parseGroupLine(line, 4)
		if !ok {
			return false
		}
		users, err := strconv.ParseInt(fields[2], 10, 32)
		if err != nil {
			return false
		}
		r.Users = int32(users)
		if len(fields) > 4 {
			address, err := hex.DecodeString(fields[4])
			if err != nil {
				return false
			}
			r.Hardware = model.SafeText(net.HardwareAddr(address).String())
		}
		rows = append(rows, r)
		return true
	})
	return rows, err
}

// parseGroupLine reads the index and the name that a line begins with; it has at least so many fields.
func parseGroupLine(line string, fields int) (model.Membership, []string, bool) {
	f := kernelFields(line)
	if len(f) < fields {
		return model.Membership{}, f, false
	}
	n, err := strconv.ParseUint(f[0], 10, 32)
	return model.Membership{Link: uint32(n), LinkName: model.SafeText(f[1])}, f, err == nil && n != 0
}

// parseMCFilter adds the lines of mcfilter (addresses as 0xefffffff) or mcfilter6 (32 hexadecimal digits) to the
// counts: each is a source of a group. The interface's name is cut there at 6 bytes.
func parseMCFilter(text string, counts map[groupKey]int32) error {
	return eachLine(text, func(line string) bool {
		f := kernelFields(line)
		if len(f) > 0 && f[0] == "Idx" {
			return true
		}
		if len(f) != 6 {
			return false
		}
		link, err := strconv.ParseUint(f[0], 10, 32)
		group, err2 := hex.DecodeString(strings.TrimPrefix(f[2], "0x"))
		if err != nil || err2 != nil {
			return false
		}
		a, ok := addr(group)
		if ok {
			counts[groupKey{uint32(link), a}]++
		}
		return ok
	})
}

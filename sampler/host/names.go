package host

// This file knows the names that iproute2's files give to numbers: of routing tables, and of who makes routes.

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"sockview/model"
)

// iproute2Dirs are the folders of iproute2's files; what a later one says counts.
func iproute2Dirs() []string {
	return []string{"/usr/lib/iproute2", "/usr/share/iproute2", "/etc/iproute2"}
}

// maxNames is how many bytes of a file are read. The real ones have less than 1 KiB.
const maxNames = 1 << 20

// nameFile gives names to numbers by a file (rt_tables) of each folder and those of its folder of drop-ins
// (rt_tables.d/*.conf). They are read again when one of them changed. A file that cannot be read is no error: it
// gives no names, and a number without a name is as true.
type nameFile struct {
	dirs    []string
	file    string
	builtin map[uint32]string

	stamp string // of the files as they were read
	names map[uint32]model.Text
}

func newTableNames(dirs []string) nameFile {
	return nameFile{dirs: dirs, file: "rt_tables", builtin: map[uint32]string{
		0: "unspec", 253: "default", 254: "main", 255: "local",
	}}
}

func newProtocolNames(dirs []string) nameFile {
	return nameFile{dirs: dirs, file: "rt_protos", builtin: map[uint32]string{
		0: "unspec", 1: "redirect", 2: "kernel", 3: "boot", 4: "static", 8: "gated", 9: "ra", 10: "mrt", 11: "zebra",
		12: "bird", 13: "dnrouted", 14: "xorp", 15: "ntk", 16: "dhcp", 17: "mrouted", 18: "keepalived", 42: "babel",
		84: "ovn", 99: "openr", 186: "bgp", 187: "isis", 188: "ospf", 189: "rip", 192: "eigrp",
	}}
}

// name is the name of a number, else the number itself.
func (n *nameFile) name(number uint32) model.Text {
	if name, ok := n.names[number]; ok {
		return name
	}
	return model.SafeText(strconv.FormatUint(uint64(number), 10))
}

// refresh reads the files unless they are as they were. What cannot be read is left out, and tried again.
func (n *nameFile) refresh() {
	var stamp strings.Builder
	var paths []string
	for _, dir := range n.dirs {
		main := filepath.Join(dir, n.file)
		dropIns, err := filepath.Glob(filepath.Join(main+".d", "*.conf"))
		if err != nil { // a folder's name that is no pattern: it has no drop-ins
			dropIns = nil
		}
		for _, path := range append([]string{main}, dropIns...) {
			// A FIFO would block.
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				fmt.Fprintln(&stamp, path, info.Size(), info.ModTime().UnixNano())
				paths = append(paths, path)
			}
		}
	}
	if n.names != nil && n.stamp == stamp.String() {
		return
	}
	names := maps.Clone(n.builtin)
	n.stamp = stamp.String()
	for _, path := range paths {
		if err := readNames(path, names); err != nil {
			n.stamp = "" // look again: the right to read it, which a stamp does not tell, may come
		}
	}
	n.names = make(map[uint32]model.Text, len(names))
	for number, name := range names {
		n.names[number] = model.SafeText(name)
	}
}

// readNames adds the names of a file.
func readNames(path string, names map[uint32]string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read names: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxNames))
	if err != nil {
		return fmt.Errorf("read names: %w", err)
	}
	parseNames(string(b), names)
	return nil
}

// parseNames reads lines of a number, decimal or as 0x1f, and a name; # begins a comment. Other lines say nothing.
func parseNames(text string, names map[uint32]string) {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		if n, err := parseNameNumber(fields[0]); err == nil {
			names[n] = fields[1]
		}
	}
}

func parseNameNumber(s string) (uint32, error) {
	base := 10
	if rest, ok := strings.CutPrefix(s, "0x"); ok {
		s, base = rest, 16
	}
	n, err := strconv.ParseUint(s, base, 32)
	return uint32(n), err
}

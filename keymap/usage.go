package keymap

// What --help prints.

import (
	"fmt"
	"strings"
)

const usageHead = `sockview shows netstat's tables live in a terminal: sockets, the process that
owns each and what it is moving, unix sockets, interfaces, routes, statistics,
multicast groups and NAT. A key kills the owner or closes the connection.

In a pipe, or with --once, netstat's flags print what netstat prints. A filter,
--json, --csv, --columns and --count are ours: with one of them every socket is
looked at, as on the screen, also without -a. --sort and --top order and cut
either; by a column that netstat has not, the table is ours.

Usage: sockview [flags] [filter ...]

Examples:
  sockview                               everything, live
  sockview -tl                           what listens on TCP
  sockview -s                            every counter of the kernel, live
  sockview port:8080                     who uses port 8080
  sockview --sort tx                     who sends most right now
  sockview 'rtt>50ms or retrans>0'       connections in trouble
  sockview -antp | awk '/LISTEN/'        as netstat in old one-liners
  sockview -rn                           routes, as numbers
  sockview -at --count state             connections by state
  sockview -at port:80 --count remote --top 20

A long flag may be cut short where its beginning is enough: --stat.
`

const usageTail = `
Filter, on the command line or after /; words side by side must all match:
  nginx                     any column has it, in upper or lower case
  process:nginx port:443    a text has it; any other value is it
  user=www                  it is exactly this
  rtt>50ms sent>=10M        < <= > >= with us ms s m h d, k M G or Ki Mi Gi
  port:80,443,8000-8100     one of them, or in the range
  remote:10.0.0.0/8         in the network
  process~'^php-fpm'        the regular expression matches
  rtt:-                     it is not known
  state:estab               a state in any spelling: SYN_RECV, syn-rcvd, ESTAB
  not a (b or !c) and d     combined; in a shell put ( ) < > ! ' in quotes

Exit code: 0 done, 1 it failed, 2 wrong usage, 128+n ended by signal n.
`

// Usage is the text of --help, at most 80 columns wide.
func (m Map) Usage() string {
	width := 0
	for i := range m.rows {
		if row := &m.rows[i]; row.Flag != "" && !row.Hidden {
			width = max(width, len(row.Spelling()))
		}
	}
	var b strings.Builder
	b.WriteString(usageHead)
	for _, group := range Groups() {
		title := "\n" + string(group) + ":\n"
		for i := range m.rows {
			row := &m.rows[i]
			if row.Group != group || row.Flag == "" || row.Hidden {
				continue
			}
			fmt.Fprintf(&b, "%s  %-*s  %s\n", title, width, row.Spelling(), row.flagHelp())
			title = ""
		}
	}
	b.WriteString(m.usageScreens())
	b.WriteString(m.usageKeys())
	b.WriteString(usageTail)
	return b.String()
}

// usageScreens are the screens with their keys, on as many lines as they need.
func (m Map) usageScreens() string {
	const indent = "        "
	text, line := "", "\nScreens:"
	for i := range m.rows {
		row := &m.rows[i]
		if row.Screen == "" || row.Context == "" {
			continue
		}
		entry := " " + row.Screen + " "
		if len(row.Keys) > 0 {
			entry = " " + string(row.Keys[0]) + entry
		}
		if len(line)+len(entry) > 80 {
			text += strings.TrimRight(line, " ") + "\n"
			line = indent
		}
		line += entry
	}
	return text + strings.TrimRight(line, " ") + "\n"
}

// usageKeys is one line of the most used keys.
func (m Map) usageKeys() string {
	line := "\nKeys:"
	for _, e := range m.Footer(Sockets) {
		entry := " " + string(e.Key) + " " + e.Title + " "
		if len(line)+len(entry) > 80 {
			break
		}
		line += entry
	}
	return strings.TrimRight(line, " ") + "\n"
}

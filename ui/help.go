package ui

// The help screen: the table of bindings as it stands, and what the signs mean.

import (
	"fmt"
	"strings"

	"sockview/keymap"
	"sockview/model"
)

func (a *App) help() {
	a.push(newPager(&a.theme, keymap.HelpScreen, "Help (Esc closes)", a.helpLines))
}

func (a *App) helpLines(width int) []line {
	w := &page{theme: &a.theme, width: width}
	for _, section := range a.keys.Help("") {
		w.head(string(section.Group))
		for _, b := range section.Bindings {
			var keys []string
			for _, k := range b.Keys {
				keys = append(keys, string(k))
			}
			help := span{b.Help, a.theme.text}
			if a.cfg.Start.ReadOnly && changesSystem(b.Action) {
				help = span{"refused: read-only", a.theme.dim}
			}
			w.lines = append(w.lines, line{{fmt.Sprintf("  %-16s ", strings.Join(keys, " ")), a.theme.key}, help})
		}
	}
	w.head("Signs")
	for _, s := range []struct {
		sign string
		what string
	}{
		{"+ green", "new since the last sample"}, {"~ yellow", "its state changed"}, {"- red", "closed"},
		{"? dim", "its source failed: as it was last seen"}, {"* bold", "marked"}, {"-", "not known; the details (Enter) say why"},
	} {
		w.lines = append(w.lines, line{{fmt.Sprintf("  %-16s ", s.sign), a.theme.key}, {s.what, a.theme.text}})
	}
	w.head("Filter")
	for _, s := range []struct{ example, what string }{
		{"nginx", "any column on show contains it"},
		{"port:443 state:established", "both; a port is local or remote"},
		{"process:nginx,haproxy", "either"},
		{"remote:10.0.0.0/8 or remote:::1", "a network, or an address"},
		{"rtt>50ms sent>=1M", "with units"},
		{"lport:8000-8100 not user=root", "a range; not"},
		{"cmdline~'java.*kafka'", "a regular expression"},
		{"process:-", "not known"},
	} {
		w.lines = append(w.lines, line{{fmt.Sprintf("  %-33s ", s.example), a.theme.key}, {s.what, a.theme.text}})
	}
	a.netnsHelp(w)
	a.accessHelp(w)
	return w.lines
}

// netnsHelp says which namespaces cannot be looked into, or not wholly, and what would help.
func (a *App) netnsHelp(w *page) {
	s := a.bars.snapshot()
	if s == nil || !s.OtherNetNS() {
		return
	}
	w.head("Network namespaces")
	seen, hidden := s.SeenNetNS()
	tables := 0
	for i := range s.NetNS {
		if s.NetNS[i].View == model.TablesOnly {
			tables++
		}
	}
	w.text(counted(seen, "namespace") + " looked into. N lists them, and chooses one, all or sockview's own.")
	if tables > 0 {
		w.text(fmt.Sprintf("Of %d of them /proc alone tells, marked so: no bytes there, and nothing can be closed.", tables))
	}
	if hidden > 0 {
		w.text(counted(hidden, "namespace") + " cannot be looked into.")
	}
	if tables+hidden == 0 {
		return
	}
	w.text("To enter a namespace takes cap_sys_admin, and cap_sys_ptrace where processes alone lead to it: sudo sockview has both, or setcap gives them once and for all. cap_sys_admin is used for nothing else.")
	if len(s.Access.Missing) == 0 { // else the line comes below
		w.setcap()
	}
}

// setcap is the line that gives all rights.
func (w *page) setcap() {
	for _, part := range wrap(SetcapLine, max(16, w.width-2)) {
		w.lines = append(w.lines, line{{"  " + part, w.theme.key}})
	}
}

// accessHelp says what is hidden and the line that would show it.
func (a *App) accessHelp(w *page) {
	s := a.bars.snapshot()
	w.head("Access")
	if s != nil && s.Access.NoBytes != nil {
		w.text("No byte counters, and no identity of a connection to close it by: the kernel's sock_diag is refused here, and /proc/net tells less. " +
			model.SafeText(s.Access.NoBytes.Error()).String())
	}
	if s != nil && s.Access.ReadOnly {
		w.text("Read-only (--read-only): the rights to signal processes and to close connections were given up when it started, and nothing gives them back. With them went the marks of sockets and the NAT screen, which the kernel shows to nobody else.")
	}
	if s != nil && s.Access.Hidden > 0 && len(s.Access.Missing) == 0 {
		w.text(fmt.Sprintf("%d sockets belong to processes that nobody may look into from here, whatever his rights: in a Landlock domain, or in another pid namespace.", s.Access.Hidden))
		return
	}
	if s != nil && s.Access.ReadOnly && len(s.Access.Missing) == 0 {
		w.text("Every owner is shown.")
		return
	}
	if s == nil || len(s.Access.Missing) == 0 {
		w.text("Full: every owner is shown, every process can be signalled, every connection closed.")
		return
	}
	w.text(hiddenText(s))
	w.setcap()
	w.text("Missing now: " + strings.Join(s.Access.Missing, ", "))
}

// hiddenText says what missing rights keep from us.
func hiddenText(s *model.Snapshot) string {
	if s.Access.Hidden == 0 {
		return "Not all that sockview can do is permitted. With sudo it is, or once and for all:"
	}
	return fmt.Sprintf("%d sockets belong to processes of other users that may not be looked into. sudo sockview shows them, or once and for all:", s.Access.Hidden)
}

// SetcapLine gives the binary what it needs to show every owner and network namespace, signal and close, without being
// root.
const SetcapLine = "sudo setcap cap_sys_ptrace,cap_dac_read_search,cap_net_admin,cap_kill,cap_sys_admin=p sockview"

package sampler

// What this machine lets sockview see and do: tried, then judged, with the line that mends what is missing. Nothing is
// changed by it, and no module of the kernel loaded that no poll would load.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"sockview/model"
	"sockview/sampler/diag"
	"sockview/sampler/host"
	"sockview/sampler/rights"
)

// Check tries what sockview sees and does, on this machine and with the rights that it has. It gives up the others, and
// with readOnly those to change something too, as a run would (rights.Settle): nothing else in the process may need them
// afterwards. It takes as long as a poll and a look at every process. It fails never: what fails is a finding.
func Check(readOnly bool) model.Report {
	m := lookAround("/", os.Getenv)
	m.readOnly = readOnly
	kept, err := rights.Settle(readOnly)
	if err != nil {
		r := model.Report{Facts: m.facts()}
		r.Findings = append(r.Findings, judgeSettled(&m, &outcome{unable: err}))
		return r
	}
	m.held = kept.Held()
	var o outcome
	kept.With(rights.Used, func() { o = try(&m, netDir) })
	o.settled = errors.Join(kept.Trouble(), kept.Filter())
	return judge(&m, o)
}

// judge makes findings of what was tried, most used first.
func judge(m *machine, o outcome) model.Report {
	r := model.Report{Facts: m.facts()}
	for _, f := range []func(*machine, *outcome) model.Finding{
		judgeTCP, judgeUDP, judgeOwners, judgeNames, judgeClose, judgeSignals, judgeEvents, judgeUnix, judgeRaw, judgeUDPLite,
		judgeSCTP, judgeMarks, judgeNAT, judgeNamespaces, judgeLinks, judgeStatistics, judgeServices, judgeSettled,
	} {
		r.Findings = append(r.Findings, f(m, &o))
	}
	return r
}

// finding is a finding with its texts made safe. A line that is too long to be whole would be wrong: there is none then.
func finding(id, what string, s model.Standing, why, fix string) model.Finding {
	f := model.Finding{ID: id, What: what, Standing: s, Why: model.SafeText(why), Fix: model.SafeText(fix)}
	if f.Fix.String() != fix {
		f.Fix = model.SafeText("")
	}
	return f
}

// judgeDump judges dumps of a protocol, both families: the first of them that failed for a reason that counts.
func (o *outcome) judgeDump(m *machine, names ...string) (s model.Standing, why string) {
	if o.diag != nil {
		return model.Denied, reason(o.diag)
	}
	failed := 0
	var first error
	for _, name := range names {
		switch err := o.dumps[name]; {
		case err == nil, errors.Is(err, diag.ErrPartial): // a busy table
		case errors.Is(err, errNotLoaded):
			why = "not asked: the kernel loads its module when sockview does"
		default:
			if failed++; first == nil {
				first = err
			}
		}
	}
	switch {
	case failed == len(names):
		return model.Denied, reason(first)
	case failed > 0:
		return model.Partial, reason(first)
	}
	return model.Allowed, why
}

// reason is an error as a sentence of a report.
func reason(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func judgeTCP(m *machine, o *outcome) model.Finding {
	const id, what = "tcp", "TCP sockets, each with exact byte counters"
	s, why := o.judgeDump(m, "TCP IPv4", "TCP IPv6")
	switch {
	case s == model.Denied && o.listed["TCP IPv4"]:
		why += "; they are read from /proc/net, which tells no bytes, and none can be closed"
		return finding(id, what, model.Partial, why, o.fixDump(s, m, "tcp_diag", "CONFIG_INET_TCP_DIAG=y"))
	case o.diag != nil:
		return finding(id, what, s, why, "")
	case s != model.Allowed:
		return finding(id, what, s, why, m.load("tcp_diag", "CONFIG_INET_TCP_DIAG=y"))
	case why != "" || o.pair != nil:
		return finding(id, what, s, why, "")
	case o.figureErr != nil:
		return finding(id, what, model.Partial, "asking for a connection by its ends failed: "+reason(o.figureErr), "")
	case o.figures&model.HasBytes == 0:
		return finding(id, what, model.Partial, "this kernel does not count the bytes of a connection sent again: Linux 4.19 does", "")
	case o.figures&(model.HasPath|model.HasPackets) != model.HasPath|model.HasPackets:
		return finding(id, what, model.Partial, "the kernel's tcp_info is an old and short one: some columns stay empty", "")
	}
	return finding(id, what, s, "", "")
}

func judgeUDP(m *machine, o *outcome) model.Finding {
	s, why := o.judgeDump(m, "UDP IPv4", "UDP IPv6")
	if s == model.Denied && o.listed["UDP IPv4"] {
		why += "; they are read from /proc/net, which tells less of them"
		return finding("udp", "UDP sockets", model.Partial, why, o.fixDump(s, m, "udp_diag", "CONFIG_INET_UDP_DIAG=y"))
	}
	return finding("udp", "UDP sockets", s, why, o.fixDump(s, m, "udp_diag", "CONFIG_INET_UDP_DIAG=y"))
}

// fixDump is the line that brings what answers for a protocol, if that is what is missing.
func (o *outcome) fixDump(s model.Standing, m *machine, module, option string) string {
	if s == model.Allowed || o.diag != nil {
		return ""
	}
	return m.load(module, option)
}

func judgeUnix(m *machine, o *outcome) model.Finding {
	s, why := o.judgeDump(m, "unix")
	return finding("unix", "unix sockets, with the process at either end", s, why, o.fixDump(s, m, "unix_diag", "CONFIG_UNIX_DIAG=y"))
}

func judgeRaw(m *machine, o *outcome) model.Finding {
	const id, what = "raw", "raw sockets"
	s, why := o.judgeDump(m, "raw IPv4", "raw IPv6")
	listed := o.listed["raw IPv4"]
	switch {
	case s == model.Allowed:
		return finding(id, what, s, why, "")
	case listed: // it is the case on most machines
		return finding(id, what, model.Partial, "the kernel has no raw_diag: they are read from /proc/net, where they have no cookie",
			m.load("raw_diag", "CONFIG_INET_RAW_DIAG=y"))
	}
	return finding(id, what, s, why, "")
}

func judgeUDPLite(m *machine, o *outcome) model.Finding {
	const id, what = "udplite", "UDP-Lite sockets"
	s, why := o.judgeDump(m, "UDP-Lite IPv4", "UDP-Lite IPv6")
	switch {
	case !o.listed["UDP-Lite IPv4"] && !o.listed["UDP-Lite IPv6"]:
		return finding(id, what, model.Absent, "this kernel has no UDP-Lite", "")
	case s == model.Allowed:
		return finding(id, what, s, why, "")
	}
	return finding(id, what, model.Partial, "the kernel's udp_diag does not know them: they are read from /proc/net, without a cookie", "")
}

func judgeSCTP(m *machine, o *outcome) model.Finding {
	const id, what = "sctp", "SCTP sockets"
	switch load, _ := m.modules.wouldLoad("sctp_diag"); {
	case !o.sctp:
		return finding(id, what, model.Absent, "SCTP is not loaded: there are no such sockets", "")
	case o.diag != nil:
		return finding(id, what, model.Denied, reason(o.diag), "")
	case load:
		return finding(id, what, model.Allowed, "not asked: the kernel loads its module when sockview does", "")
	case m.modules.files != nil && !m.modules.loaded["sctp_diag"] && m.modules.loaded["sctp"]:
		return finding(id, what, model.Denied, "the kernel has no sctp_diag", "CONFIG_INET_SCTP_DIAG=m")
	}
	return finding(id, what, model.Allowed, "", "")
}

func judgeOwners(m *machine, o *outcome) model.Finding {
	const id, what = "owners", "owners of sockets: other users' processes"
	p := o.processes
	if p.err != nil {
		return finding(id, what, model.Denied, reason(p.err), "sudo mount -t proc proc /proc")
	}
	if !m.can(rights.Look) {
		why, fix := m.remedy(rights.Look)
		return finding(id, what, model.Denied, fmt.Sprintf("%s; %d of one's own can be looked into, %d others not",
			why, p.own, p.others-p.seen), fix)
	}
	switch hidden := p.others - p.seen; {
	case hidden > 0 && p.seen == 0:
		return finding(id, what, model.Denied, m.withheld(), "")
	case hidden > 0:
		return finding(id, what, model.Partial, fmt.Sprintf("%d of %d processes cannot be looked into: %s", hidden, p.others, m.withheld()), "")
	case m.pidNS:
		return finding(id, what, model.Partial, "processes outside this pid namespace do not show, and may share its sockets' network namespace",
			inContainer(m, "docker run --pid=host IMAGE"))
	}
	return finding(id, what, model.Allowed, "", "")
}

func inContainer(m *machine, line string) string {
	if m.container {
		return line
	}
	return ""
}

// judgeNames judges what everybody may read of others' processes, unless /proc is mounted to hide it. Process 1 is
// another's, or one's own and no matter.
func judgeNames(m *machine, o *outcome) model.Finding {
	const id, what = "processes", "other users' processes: name, command line, unit"
	p := o.processes
	switch {
	case p.err != nil:
		return finding(id, what, model.Denied, reason(p.err), "")
	case p.first == nil && !errors.Is(p.cmdline, fs.ErrPermission):
		return finding(id, what, model.Allowed, "", "")
	case m.hidepid == "":
		return finding(id, what, model.Denied, "a security module hides them", "")
	}
	why := fmt.Sprintf("/proc is mounted with hidepid=%s; cap_sys_ptrace sees through it", m.hidepid)
	if m.unit {
		return finding(id, what, model.Denied, why, "ProtectProc=default")
	}
	return finding(id, what, model.Denied, why, "sudo mount -o remount,hidepid=0 /proc")
}

func judgeClose(m *machine, o *outcome) model.Finding {
	const id, what = "close", "closing connections"
	switch err := o.destroy; {
	case o.diag != nil:
		return finding(id, what, model.Denied, reason(o.diag), "")
	case errors.Is(err, diag.ErrUnsupported):
		return finding(id, what, model.Absent, "the kernel was built without it", "CONFIG_INET_DIAG_DESTROY=y")
	case errors.Is(err, fs.ErrPermission), !o.closed && !m.can(rights.NetAdmin):
		why, fix := m.remedy(rights.NetAdmin)
		return finding(id, what, model.Denied, why, fix)
	case err != nil:
		return finding(id, what, model.Denied, reason(err), "")
	case !o.closed:
		return finding(id, what, model.Allowed, "not tried: no connection could be made over loopback", "")
	}
	return finding(id, what, model.Allowed, "", "")
}

func judgeSignals(m *machine, o *outcome) model.Finding {
	const id, what = "signals", "signals to other users' processes"
	p := o.processes
	switch {
	case m.readOnly:
		why, _ := m.remedy(rights.Kill)
		return finding(id, what, model.Denied, why, "")
	case refusedBy(o.pidfd, unix.ENOSYS):
		return finding(id, what, model.Absent, "the kernel has no pidfd (Linux 5.3), and without it a signal may hit another process", "")
	case o.pidfd != nil:
		return finding(id, what, model.Denied, "a sandbox forbids it: "+reason(o.pidfd), "")
	case !m.can(rights.Kill):
		why, fix := m.remedy(rights.Kill)
		return finding(id, what, model.Denied, why, fix)
	case p.others > 0 && p.signalled == 0:
		return finding(id, what, model.Denied, m.withheld(), "")
	case p.signalled < p.others:
		return finding(id, what, model.Partial, fmt.Sprintf("%d of %d processes take none: %s", p.others-p.signalled, p.others, m.withheld()), "")
	}
	return finding(id, what, model.Allowed, "", "")
}

func judgeEvents(m *machine, o *outcome) model.Finding {
	const id, what = "events", "events of sockets that close"
	switch {
	case o.events == nil:
		return finding(id, what, model.Allowed, "", "")
	case errors.Is(o.events, errNotLoaded):
		return finding(id, what, model.Allowed, "not asked: the kernel loads inet_diag when sockview does", "")
	case refusedBy(o.events, unix.ENOENT, unix.EINVAL):
		return finding(id, what, model.Absent, "the kernel has none (Linux 4.3 has): "+reason(o.events), "")
	}
	return finding(id, what, model.Denied, reason(o.events), "")
}

func judgeMarks(m *machine, o *outcome) model.Finding {
	const id, what = "marks", "firewall marks of sockets"
	switch {
	case o.diag != nil:
		return finding(id, what, model.Denied, reason(o.diag), "")
	case o.figures&model.HasMark != 0:
		return finding(id, what, model.Allowed, "", "")
	case m.can(rights.NetAdmin) && !o.closed:
		return finding(id, what, model.Allowed, "not tried: no connection could be made over loopback", "")
	case m.can(rights.NetAdmin) && !m.userNS:
		return finding(id, what, model.Absent, "the kernel does not tell them", "")
	}
	why, fix := m.remedy(rights.NetAdmin)
	return finding(id, what, model.Denied, why, fix)
}

func judgeNAT(m *machine, o *outcome) model.Finding {
	const id, what = "nat", "tracked connections and NAT"
	switch err := o.flows; {
	case err == nil:
		return finding(id, what, model.Allowed, "", "")
	case errors.Is(err, fs.ErrPermission), errors.Is(err, errNotLoaded) && !m.can(rights.NetAdmin):
		why, fix := m.remedy(rights.NetAdmin)
		return finding(id, what, model.Denied, why, fix)
	case errors.Is(err, errNotLoaded):
		return finding(id, what, model.Allowed, "not asked: the kernel loads nf_conntrack_netlink when sockview does", "")
	case errors.Is(err, host.ErrUnsupported) && m.modules.loaded["nf_conntrack"]:
		return finding(id, what, model.Denied, reason(err), m.load("nf_conntrack_netlink", "CONFIG_NF_CT_NETLINK=y"))
	case errors.Is(err, host.ErrUnsupported):
		return finding(id, what, model.Absent, "nothing is tracked: "+reason(err), "")
	}
	return finding(id, what, model.Denied, reason(o.flows), "")
}

// judgeNamespaces judges the namespaces beside our own. Who may not enter one reads the tables of a process in it, where he
// sees that process.
func judgeNamespaces(m *machine, o *outcome) model.Finding {
	const id, what = "namespaces", "sockets of other network namespaces, with bytes and closings"
	err, p := o.namespaces, o.processes
	switch {
	case p.err != nil:
		return finding(id, what, model.Denied, reason(p.err), "")
	case err == nil && m.can(rights.Look):
		return finding(id, what, model.Allowed, "", "")
	case refusedBy(err, unix.EINVAL, unix.ENOSYS, unix.ENOENT):
		return finding(id, what, model.Absent, "the kernel has no network namespaces: "+reason(err), "CONFIG_NET_NS=y")
	}
	why, fix := reason(err), ""
	switch {
	case err == nil:
		why, fix = m.remedy(rights.Look)
	case refusedBy(err, unix.EPERM, unix.EACCES):
		why, fix = m.remedy(rights.SysAdmin)
	}
	if p.first != nil || errors.Is(p.cmdline, fs.ErrPermission) {
		return finding(id, what, model.Denied, why, fix)
	}
	return finding(id, what, model.Partial, why+"; they are read from /proc/PID/net, which tells no bytes", fix)
}

func judgeLinks(m *machine, o *outcome) model.Finding {
	return judgeRead("links", "interfaces, routes and multicast groups", o.links)
}

func judgeStatistics(m *machine, o *outcome) model.Finding {
	return judgeRead("statistics", "the kernel's statistics", o.statistics)
}

func judgeRead(id, what string, err error) model.Finding {
	if err != nil {
		return finding(id, what, model.Denied, reason(err), "")
	}
	return finding(id, what, model.Allowed, "", "")
}

func judgeServices(m *machine, o *outcome) model.Finding {
	const id, what = "services", "names of services"
	if o.services != nil {
		return finding(id, what, model.Denied, strings.TrimPrefix(reason(o.services), "stat ")+": ports stay numbers", "")
	}
	return finding(id, what, model.Allowed, "", "")
}

// judgeSettled is about sockview itself: what it has no use for it gives up, and where it cannot it goes on and says so.
func judgeSettled(m *machine, o *outcome) model.Finding {
	const id, what = "settled", "giving up every right that sockview does not use"
	fix := ""
	if m.cgo {
		fix = "CGO_ENABLED=0 go build"
	}
	switch {
	case o.unable != nil:
		return finding(id, what, model.Denied, "sockview does not start: "+reason(o.unable), fix)
	case o.settled == nil:
		return finding(id, what, model.Allowed, "", "")
	}
	return finding(id, what, model.Partial, strings.ReplaceAll(reason(o.settled), "\n", "; "), fix)
}

package host

// This file compares the flows with conntrack's, on a router of the test's own.

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// conntrackLine is a flow as conntrack -L -o id,extended prints it, without the timeout and with what is 0
// left out.
func conntrackLine(f *model.Flow) string {
	var b strings.Builder
	protos := map[model.Proto]string{1: "icmp", 58: "icmpv6", model.TCP: "tcp", model.UDP: "udp"}
	family := map[model.Family]string{model.IPv4: "ipv4 2", model.IPv6: "ipv6 10"}
	fmt.Fprintf(&b, "%s %s %d", family[f.Family], protos[f.Proto], f.Proto)
	if s := f.StateName(); s != "" {
		b.WriteString(" " + s)
	}
	tuple := func(t *model.FlowTuple, packets, bytes uint64) {
		fmt.Fprintf(&b, " src=%v dst=%v", t.Src.Netip(), t.Dst.Netip())
		if f.Proto == 1 || f.Proto == 58 {
			fmt.Fprintf(&b, " type=%d code=%d id=%d", t.ICMPType, t.ICMPCode, t.ICMPID)
		} else {
			fmt.Fprintf(&b, " sport=%d dport=%d", t.SrcPort, t.DstPort)
		}
		if f.HasCounters {
			fmt.Fprintf(&b, " packets=%d bytes=%d", packets, bytes)
		}
	}
	tuple(&f.Original, f.OriginalPackets, f.OriginalBytes)
	if f.Status&model.FlowSeenReply == 0 {
		b.WriteString(" [UNREPLIED]")
	}
	tuple(&f.Reply, f.ReplyPackets, f.ReplyBytes)
	if f.Status&model.FlowAssured != 0 {
		b.WriteString(" [ASSURED]")
	}
	if f.Mark != 0 {
		fmt.Fprintf(&b, " mark=%d", f.Mark)
	}
	if f.Zone != 0 {
		fmt.Fprintf(&b, " zone=%d", f.Zone)
	}
	fmt.Fprintf(&b, " use=%d id=%d", f.Use, f.ID)
	return b.String()
}

// theirFlow is a line of conntrack's.
type theirFlow struct {
	line         string
	timeout, age int // s; -1: conntrack says none
}

// conntrackFlows are conntrack's lines, with the options given.
func conntrackFlows(t *testing.T, path string, options ...string) map[uint32]theirFlow {
	t.Helper()
	all := map[uint32]theirFlow{}
	for _, family := range []string{"ipv4", "ipv6"} {
		cmd := exec.Command(path, append([]string{"-L", "-f", family, "-o", "id,extended"}, options...)...)
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v: %s", cmd, err, errs.String())
		}
		for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
			var words []string
			var id uint64
			timeout, age := -1, -1
			for i, w := range strings.Fields(line) {
				switch {
				case i == 4:
					timeout, err = strconv.Atoi(w)
					must(t, "timeout of "+line, err)
					continue
				case strings.HasPrefix(w, "delta-time="):
					age, err = strconv.Atoi(w[len("delta-time="):])
					must(t, "age of "+line, err)
					continue
				case w == "mark=0":
					continue
				case strings.HasPrefix(w, "id=") && i > 8:
					id, err = strconv.ParseUint(w[3:], 10, 32)
					must(t, "id of "+line, err)
				}
				words = append(words, strings.Replace(w, "zone-orig=", "zone=", 1))
			}
			if len(words) > 0 {
				all[uint32(id)] = theirFlow{zoneLast(words), timeout, age}
			}
		}
	}
	return all
}

// zoneLast puts the zone where ours is: conntrack prints that of one direction after its tuple.
func zoneLast(words []string) string {
	at := slices.IndexFunc(words, func(w string) bool { return strings.HasPrefix(w, "zone=") })
	if at < 0 {
		return strings.Join(words, " ")
	}
	zone := words[at]
	words = slices.Delete(words, at, at+1)
	return strings.Join(slices.Insert(words, len(words)-2, zone), " ")
}

// settled are the flows, after two looks that saw the same: ACKs may still be under way.
func (l *lab) settled(between func()) []model.Flow {
	l.Helper()
	look := func() ([]model.Flow, string) {
		all, whole, err := l.host.Flows()
		must(l, "flows", err)
		if !whole {
			l.Fatal("flows without an error that are not whole")
		}
		var lines []string
		for i := range all {
			lines = append(lines, conntrackLine(&all[i]))
		}
		slices.Sort(lines)
		return slices.Clone(all), strings.Join(lines, "\n")
	}
	for range 500 {
		_, before := look()
		between()
		if all, after := look(); before == after {
			return all
		}
	}
	l.Fatal("the flows do not come to rest")
	return nil
}

func TestKernelFlowsAreConntracks(t *testing.T) {
	path := program(t, "conntrack")
	l := newLab(t)
	if all, whole, err := l.host.Flows(); err != nil || !whole || len(all) != 0 {
		t.Fatalf("before any traffic: %d flows, %v", len(all), err)
	}
	l.makeFlows()
	var theirs, snat, dnat map[uint32]theirFlow
	ours := l.settled(func() {
		theirs = conntrackFlows(t, path)
		snat, dnat = conntrackFlows(t, path, "--src-nat"), conntrackFlows(t, path, "--dst-nat")
	})
	kinds := map[string]int{}
	for i := range ours {
		f := &ours[i]
		line := conntrackLine(f)
		their, ok := theirs[f.ID]
		delete(theirs, f.ID)
		if !ok || their.line != line {
			t.Errorf("ours:   %s\ntheirs: %s", line, their.line)
		}
		if d := int(f.Timeout) - their.timeout; !f.HasTimeout || d < -2 || d > 2 {
			t.Errorf("timeout %d, conntrack has %d: %s", f.Timeout, their.timeout, line)
		}
		_, s := snat[f.ID]
		_, d := dnat[f.ID]
		// conntrack tells translation from the tuples, and takes every exchange of ICMP for translated both
		// ways.
		icmp := f.Proto == 1 || f.Proto == 58
		if !icmp && s != (f.Status&model.FlowSNAT != 0) || !icmp && d != (f.Status&model.FlowDNAT != 0) {
			t.Errorf("translation %q, conntrack has snat %v, dnat %v: %s", f.Translation(), s, d, line)
		}
		if d := int(time.Since(time.Unix(0, f.Started)).Seconds()) - their.age; d < -2 || d > 2 {
			t.Errorf("started at %v, conntrack says %d s ago: %s", time.Unix(0, f.Started), their.age, line)
		}
		if !f.HasCounters || f.OriginalBytes == 0 {
			t.Errorf("no counters: %s", line)
		}
		kinds[fmt.Sprintf("IPv%d %d %s", f.Family, f.Proto, f.Translation())]++
		kinds[fmt.Sprintf("%d %s", f.Proto, f.StateName())]++
		kinds[fmt.Sprintf("zone %d", f.Zone)]++
		kinds[fmt.Sprintf("mark %d", f.Mark)]++
	}
	for _, their := range theirs {
		t.Errorf("we lack: %s", their.line)
	}
	for _, kind := range []string{
		"IPv4 6 snat", "IPv4 6 dnat", "IPv4 6 snat dnat", "IPv4 6 ", "IPv6 6 snat", "IPv6 6 dnat", "IPv6 6 snat dnat",
		"IPv4 17 snat", "IPv4 17 dnat", "IPv6 17 snat", "IPv6 17 ", "IPv4 1 snat", "IPv6 58 snat",
		"6 ESTABLISHED", "6 SYN_SENT", "zone 7", "zone 9", "mark 42",
	} {
		if kinds[kind] == 0 {
			t.Errorf("none of %q was there to compare", kind)
		}
	}
	t.Logf("%d flows are conntrack's: %v", len(ours), kinds)
	if *capture {
		captureFlows(t)
	}
}

var capture = flag.Bool("capture", false, "capture flows of the kernel as seeds for fuzzing")

// captureFlows keeps the bytes of the kernel's rows, one of each protocol and family.
func captureFlows(t *testing.T) {
	t.Helper()
	k, err := openNetfilter()
	must(t, "open nfnetlink", err)
	r := &recorder{wire: k, rows: map[string][]byte{}}
	c := conntrack{wire: r}
	must(t, "dump", c.dump())
	must(t, "close", c.close())
	for name, body := range r.rows {
		must(t, "write", os.WriteFile(filepath.Join("../../testdata/host/flows", name+".bin"), body, 0o644))
	}
}

type recorder struct {
	wire
	rows map[string][]byte
}

func (r *recorder) Receive(buf []byte) (int, error) {
	n, err := r.wire.Receive(buf)
	if err != nil {
		return n, err
	}
	for b := buf[:n]; len(b) >= unix.NLMSG_HDRLEN; {
		size := int(b[0]) | int(b[1])<<8
		body := b[unix.NLMSG_HDRLEN:size]
		var f model.Flow
		if b[5] == 1 && parseFlow(&f, body) == nil {
			name := fmt.Sprintf("ipv%d-%d-%s", f.Family, f.Proto, strings.ReplaceAll(f.Translation(), " ", "-"))
			r.rows[strings.TrimSuffix(name, "-")] = slices.Clone(body)
		}
		b = b[min(alignNetlink(size), len(b)):]
	}
	return n, nil
}

func TestKernelFlowsWithoutAccounting(t *testing.T) {
	l := newLab(t)
	must(t, "set", setting("netfilter/nf_conntrack_acct", "0"))
	must(t, "set", setting("netfilter/nf_conntrack_timestamp", "0"))
	l.makeFlows()
	for _, f := range l.settled(func() {}) {
		if f.HasCounters || f.Started != 0 || f.OriginalBytes != 0 {
			t.Errorf("counted or timed although neither is on: %+v", f)
		}
	}
}

// TestKernelFlowsNeedNetAdmin drops the capability of the thread.
func TestKernelFlowsNeedNetAdmin(t *testing.T) {
	h := enterNamespace(t)
	if !hasConntrack(h.dir) {
		t.Skip("needs a kernel with connection tracking")
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	must(t, "capget", unix.Capget(&head, &caps[0]))
	caps[0].Effective &^= 1 << unix.CAP_NET_ADMIN
	must(t, "capset", unix.Capset(&head, &caps[0]))
	for range 2 {
		all, whole, err := h.Flows()
		if len(all) != 0 || whole || !errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrUnsupported) ||
			err.Error() != "needs CAP_NET_ADMIN: operation not permitted" {
			t.Fatalf("%d flows, %v", len(all), err)
		}
	}
	caps[0].Effective |= 1 << unix.CAP_NET_ADMIN
	must(t, "capset", unix.Capset(&head, &caps[0]))
	if all, whole, err := h.Flows(); len(all) != 0 || !whole || err != nil {
		t.Fatalf("with it again: %d flows, %v", len(all), err)
	}
}

// TestKernelWithoutConntrack hides from the thread where the kernel shows that it has it.
func TestKernelWithoutConntrack(t *testing.T) {
	h := enterNamespace(t)
	must(t, "unshare mounts", unix.Unshare(unix.CLONE_NEWNS))
	must(t, "make mounts private", unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	for _, dir := range []string{"/proc/sys/net/netfilter", "/sys/module"} {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := unix.Mount("none", dir, "tmpfs", 0, ""); err != nil {
			t.Skipf("needs to mount: %v", err)
		}
	}
	h.dir = t.TempDir()
	all, whole, err := h.Flows()
	if all != nil || whole || !errors.Is(err, ErrUnsupported) || err.Error() != "this kernel has no connection tracking" {
		t.Errorf("%d flows, %v", len(all), err)
	}
	if h.conntrack.wire != nil {
		t.Error("a socket was opened, which loads modules")
	}
}

package main

// In netstat's place: the same flags, in a zoo of sockets, interfaces and routes, give the lines that the real
// netstat (Debian's net-tools) gives.

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// unsettled is how often a comparison begins again because the zoo itself moved in the middle of it: a connection
// was tried once more, a TIME_WAIT was over.
const unsettled = 20

// between runs ours between two runs of the real one. It begins again until the real one says twice the same, in
// the eyes of equal, so that ours saw it, too.
func (z *zoo) between(t *testing.T, real, ours []string, equal func(a, b string) bool) (before, got,
	after printed) {
	t.Helper()
	before = z.run(t, real...)
	for range unsettled {
		got = z.run(t, ours...)
		after = z.run(t, real...)
		if equal(before.out, after.out) {
			return before, got, after
		}
		before = after
	}
	t.Fatalf("%v never says twice the same:\n%s", real, difference(before.out, after.out))
	return before, got, after
}

// sorted are the lines of an output, in their order by bytes.
func sorted(out string) []string { return slices.Sorted(strings.Lines(out)) }

func sameLines(a, b string) bool { return slices.Equal(sorted(a), sorted(b)) }

// difference shows which lines only one of two outputs has.
func difference(want, got string) string {
	count := make(map[string]int)
	for line := range strings.Lines(want) {
		count[line]++
	}
	for line := range strings.Lines(got) {
		count[line]--
	}
	var b strings.Builder
	for _, line := range slices.Sorted(func(yield func(string) bool) {
		for line := range count {
			if !yield(line) {
				return
			}
		}
	}) {
		for ; count[line] > 0; count[line]-- {
			fmt.Fprintf(&b, "netstat : %q\n", line)
		}
		for ; count[line] < 0; count[line]++ {
			fmt.Fprintf(&b, "sockview: %q\n", line)
		}
	}
	return b.String()
}

// ownersHidden is what is said of sockets whose owners are not to be seen.
var ownersHidden = regexp.MustCompile(`^sockview: [0-9]+ owners? hidden: [^\n]*\n$`)

// complaint is what was said on standard error. That there are sockets without an owner in sight is no complaint
// on a machine that hides some process from root.
func complaint(t *testing.T, got printed) string {
	t.Helper()
	if !ownersHidden.MatchString(got.err) {
		return got.err
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range links {
		if _, err := os.Readlink(link); errors.Is(err, fs.ErrPermission) {
			return ""
		}
	}
	return got.err
}

// asNetstat compares what both say to the same arguments, as sorted lines, with the title and headings in place.
// before is a program that starts them.
func (z *zoo) asNetstat(t *testing.T, args string, before ...string) {
	t.Helper()
	flags := strings.Fields(args)
	want, got, _ := z.between(t, slices.Concat(before, []string{"netstat"}, flags),
		slices.Concat(before, []string{built.binary}, flags), sameLines)
	if got.code != want.code {
		t.Errorf("%s: exit code %d, netstat's is %d", args, got.code, want.code)
	}
	// -v has both say what the kernel lacks, and without rights both say that owners are hidden.
	if said := complaint(t, got); said != "" && (want.err == "" || strings.Count(said, "\n") != 1) {
		t.Errorf("%s: stderr %q, netstat's is %q", args, said, want.err)
	}
	if d := difference(want.out, got.out); d != "" {
		t.Errorf("%s:\n%s", args, d)
	} else if title, _, _ := strings.Cut(want.out, "\n"); !strings.HasPrefix(got.out, title+"\n") {
		t.Errorf("%s: the title is not the first line: %.80q", args, got.out)
	}
}

// each compares for each of a list of arguments.
func (z *zoo) each(t *testing.T, list ...string) {
	for _, args := range list {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			z.asNetstat(t, args)
		})
	}
}

// split is a list of arguments, one to a line.
func split(list string) []string {
	var args []string
	for line := range strings.Lines(list) {
		args = append(args, strings.TrimSpace(line))
	}
	return args
}

func TestNetstatSockets(t *testing.T) {
	t.Parallel()
	needs(t, "netstat")
	z := openZoo(t, "sockets")
	t.Run("the zoo is complete", func(t *testing.T) {
		t.Parallel()
		out := z.run(t, "netstat", "-anW").out
		for _, proto := range []string{"tcp ", "tcp6"} {
			for _, state := range []string{"LISTEN", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1",
				"FIN_WAIT2", "TIME_WAIT",
				"CLOSE_WAIT", "LAST_ACK", "CLOSING"} {
				if !regexp.MustCompile(`(?m)^` + proto + `.* ` + state + ` *$`).MatchString(out) {
					t.Errorf("no %s in %s", proto, state)
				}
			}
		}
		for _, line := range []string{
			`^udp .*ESTABLISHED`, `^udp6 .*ESTABLISHED`, `^raw `, `^raw6 `,
			`^tcp6 .*` + longSix + `:80 .*` + longSix,
			`^tcp6 .* 127\.0\.0\.1:1101 .*127\.0\.0\.1:2101`, `^unix .*STREAM .*LISTENING`,
			`^unix .*SEQPACKET .*CONNECTED`, `^unix .*DGRAM `,
			`@zoo@with@nuls`, `^unix .*x{100}`, `^tcp .* [1-9]\d* .*ESTABLISHED`,
		} {
			if !regexp.MustCompile(`(?m)` + line).MatchString(out) {
				t.Errorf("no line like %s in\n%s", line, out)
			}
		}
	})
	z.each(t, split(`-ant
		-antp
		-anu
		-anup
		-anw
		-anwp
		-anx
		-anxp
		-anU
		-lntup
		-ante
		-antee
		-anteep
		-anue
		-anwe
		-anxe
		-lnx
		-nx
		-lnw
		-nu
		-lnu
		-nw
		-an
		-n
		-anp
		-lnt
		-nt
		-nlpt
		-alpn
		-tulpn
		-tulpen
		-antW
		-antpW
		-anuW
		-anupW
		-anwW
		-anxW
		-anxpW
		-lntupW
		-anteW
		-anteeW
		-anW
		-anN
		-anv
		-an4
		-an6
		-ant4
		-ant6
		-antu46
		-anu6
		-anw6
		-an -A inet
		-an -A inet6
		-an -A unix
		-an -A inet6,unix
		-an -A inet,inet6
		-an --inet
		-an --inet6
		-an --ip
		-an --unix
		-an --protocol=inet
		-ant --protocol=inet6,unix
		-tuxan
		-twn
		-antl
		--all --numeric --tcp --programs
		--listening --udp --numeric --extend`)...)
}

// As a user without rights, who sees the programs of his own processes alone.
func TestNetstatWithoutRights(t *testing.T) {
	t.Parallel()
	needs(t, "netstat", "setpriv")
	z := openZoo(t, "sockets")
	for _, args := range []string{"-antp", "-anup", "-anwp", "-anxp", "-alpn", "-ante", "-ltpe", "-an"} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			z.asNetstat(t, args, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
				"--bounding-set=-all")
		})
	}
}

// Without -n there are names: the zoo's own of hosts, the machine's of services and users.
func TestNetstatNames(t *testing.T) {
	t.Parallel()
	needs(t, "netstat")
	z := openZoo(t, "sockets")
	z.each(t, split(`-t
		-a
		-l
		-at
		-au
		-aw
		-ax
		-ltpe
		-ate
		-atW
		-auW
		-aW
		-at4
		-at6
		-ate --numeric-users
		-at --numeric-hosts
		-at --numeric-ports
		-at --numeric-hosts --numeric-ports
		-ate --numeric-hosts --numeric-ports --numeric-users
		-atN`)...)
}

// timer is netstat's triple: what is left in seconds, retransmissions, probes.
var timer = regexp.MustCompile(`\((-?[0-9]+\.[0-9]{2})/([0-9]+)/([0-9]+)\) *\n`)

// apart takes the seconds out of a line with a timer.
func apart(line string) (rest string, seconds float64) {
	at := timer.FindStringSubmatchIndex(line)
	if at == nil {
		return line, math.NaN()
	}
	seconds, err := strconv.ParseFloat(line[at[2]:at[3]], 64)
	if err != nil {
		return line, math.NaN()
	}
	return line[:at[2]] + "S" + line[at[3]:], seconds
}

// deferred are the zoo's listeners that wait for data. A connection that does not send it is timed out again and
// again with nothing sent; /proc/net/tcp counts these times (num_timeout), sock_diag the retransmissions
// (num_retrans, which is what netstat's manual says the figure is).
var deferred = regexp.MustCompile(`^(tcp.*:1[01]02 .* SYN_RECV .*on \(S/)[0-9]+/`)

// timers are the lines without the seconds, sorted, each with its seconds.
func timers(out string) (lines []string, seconds map[string][]float64) {
	seconds = make(map[string][]float64)
	for line := range strings.Lines(out) {
		rest, s := apart(line)
		rest = deferred.ReplaceAllString(rest, "${1}N/")
		lines = append(lines, rest)
		if !math.IsNaN(s) {
			seconds[rest] = append(seconds[rest], s)
		}
	}
	slices.Sort(lines)
	for _, s := range seconds {
		slices.Sort(s)
	}
	return lines, seconds
}

func TestNetstatTimers(t *testing.T) {
	t.Parallel()
	needs(t, "netstat")
	z := openZoo(t, "sockets")
	// A clock tick of the kernel's, in which netstat is told, and the rounding to hundredths.
	const tick = 0.05
	// The zoo held still: the same lines, and no timer started anew.
	still := func(a, b string) bool {
		was, before := timers(a)
		is, after := timers(b)
		if !slices.Equal(was, is) {
			return false
		}
		for line, seconds := range before {
			for i, s := range after[line] {
				if s > seconds[i]+tick {
					return false
				}
			}
		}
		return true
	}
	for _, args := range split(`-anto
		-antop
		-antoe
		-antoep
		-antoW
		-anuo
		-anwo
		-ano
		-lnto
		-no`) {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			flags := strings.Fields(args)
			first, ours, last := z.between(t, append([]string{"netstat"}, flags...),
				append([]string{built.binary}, flags...), still)
			want, before := timers(first.out)
			got, seconds := timers(ours.out)
			_, after := timers(last.out)
			if said := complaint(t, ours); ours.code != 0 || said != "" {
				t.Errorf("exit code %d, stderr %q", ours.code, said)
			}
			if d := difference(strings.Join(want, ""), strings.Join(got, "")); d != "" {
				t.Fatalf("%s:\n%s", args, d)
			}
			kinds := make(map[string]bool)
			for line, s := range seconds {
				for i := range s {
					if s[i] > before[line][i]+tick || s[i] < after[line][i]-tick {
						t.Errorf("%q: %.2f s are left, where netstat says %.2f before and %.2f after", line,
							s[i], before[line][i], after[line][i])
					}
				}
				for _, kind := range []string{"off", "on", "keepalive", "timewait", "probe"} {
					if strings.Contains(line, " "+kind+" (") {
						kinds[kind] = true
					}
				}
			}
			if args == "-anto" && len(kinds) != 5 {
				t.Errorf("the zoo has timers of %v alone", kinds)
			}
		})
	}
}

func TestNetstatRoutesInterfacesGroups(t *testing.T) {
	t.Parallel()
	needs(t, "netstat")
	z := openZoo(t, "network")
	t.Run("the zoo is complete", func(t *testing.T) {
		t.Parallel()
		out := z.run(t, "netstat", "-rn").out + z.run(t, "netstat", "-rn6").out + z.run(t, "netstat", "-gn").out
		for _, want := range []string{"10.23.0.0 ", "10.21.0.1 ", " UGH ", " 2001:db8:22::/48 ", "!n",
			"239.1.2.3", "ff05::1:3"} {
			if !strings.Contains(strings.ReplaceAll("\n"+out, "\n", "\n "), want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		}
	})
	z.each(t, split(`-rn
		-rn4
		-rn6
		-rn -6
		-rn -A inet6
		-rn46
		-rnF
		-r
		-r6
		-rN
		-ren
		-reen
		-rne6
		-rnee6
		-re
		-rW
		-rnW
		-rn6W
		-rn --inet
		-rn --inet6
		--route --numeric
		-i
		-in
		-ia
		-ie
		-iae
		--interfaces
		-gn
		-g
		-gW
		--groups --numeric`)...)
}

// One interface alone, which netstat's manual promises and netstat itself does not know.
func TestNetstatOneInterface(t *testing.T) {
	t.Parallel()
	needs(t, "netstat")
	z := openZoo(t, "network")
	for _, name := range []string{"lo", "veth0", "br0", "fourteen-chars"} {
		for _, args := range [][]string{{"-I=" + name}, {"-I", name}, {"-i", "-I=" + name},
			{"--interface=" + name}} {
			t.Run(strings.Join(args, " "), func(t *testing.T) {
				t.Parallel()
				all, got, _ := z.between(t, []string{"netstat", "-ia"}, append([]string{built.binary},
					args...), sameLines)
				var want strings.Builder
				for i, line := range slices.Collect(strings.Lines(all.out)) {
					if f := strings.Fields(line); i < 2 || f[0] == name || strings.HasPrefix(f[0], name+":") {
						want.WriteString(line)
					}
				}
				if got.code != 0 || got.err != "" || got.out != want.String() {
					t.Errorf("exit code %d, stderr %q:\n%s", got.code, got.err, difference(want.String(),
						got.out))
				}
			})
		}
	}
	if got := z.run(t, built.binary, "-I=absent"); got.code == 0 || got.out != "" ||
		!strings.Contains(got.err, "absent") {
		t.Errorf("one that is absent: exit code %d, %q, stderr %q", got.code, got.out, got.err)
	}
}

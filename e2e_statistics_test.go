package main

// The two tables whose layout is ours: the kernel's statistics against nstat, tracked connections against conntrack.

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// counters are those of nstat, by its names: "TcpExtListenOverflows".
func counters(out string) map[string]string {
	found := make(map[string]string)
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) == 3 {
			found[f[0]] = f[1]
		}
	}
	return found
}

func TestStatisticsAgreeWithNstat(t *testing.T) {
	t.Parallel()
	needs(t, "nstat")
	z := openZoo(t, "traffic")
	nstat := []string{"env", "NSTAT_HISTORY=" + z.home + "/nstat", "nstat", "-asz"}
	same := func(a, b string) bool { return a == b }

	t.Run("json", func(t *testing.T) {
		t.Parallel()
		real, got, _ := z.between(t, nstat, []string{built.binary, "-s", "--json"}, same)
		want := counters(real.out)
		if len(want) < 200 || want["TcpExtListenOverflows"] == "0" || want["UdpNoPorts"] == "0" ||
			want["Ip6InReceives"] == "0" {
			t.Fatalf("the zoo counts too little:\n%s", real.out)
		}
		if got.code != 0 || got.err != "" {
			t.Fatalf("exit code %d, stderr %q", got.code, got.err)
		}
		have := make(map[string]string)
		for _, row := range parsed(t, got.out) {
			have[fmt.Sprint(row["group"], row["name"])] = fmt.Sprint(row["value"])
		}
		for name, value := range want {
			if have[name] != value {
				t.Errorf("%s is %q, nstat says %s", name, have[name], value)
			}
		}
	})
	t.Run("printed", func(t *testing.T) {
		t.Parallel()
		real, got, _ := z.between(t, nstat, []string{built.binary, "-s"}, same)
		if got.code != 0 || got.err != "" {
			t.Fatalf("exit code %d, stderr %q", got.code, got.err)
		}
		have := printedCounters(t, got.out)
		for name, value := range counters(real.out) {
			if have[name].value != value {
				t.Errorf("%s is %q, nstat says %s", name, have[name].value, value)
			}
		}
		// What people grep for, with or without -i.
		for _, word := range []string{"overflowed", "retransmitted", "listen", "rejected", "dropped"} {
			if !strings.Contains(got.out, word) {
				t.Errorf("grep %s finds nothing", word)
			}
		}
		if line := have["TcpExtListenOverflows"]; !strings.Contains(line.help, "overflowed") ||
			!strings.Contains(line.help, "listen") {
			t.Errorf("TcpExtListenOverflows: %q", line.help)
		}
	})
	for _, c := range []struct {
		flags  string
		groups string // a regular expression of what is left
		has    string
	}{
		{"-t", `^(MP)?Tcp(Ext)?$`, "TcpActiveOpens"}, {"-u", `^Udp6?$`, "UdpInDatagrams"}, {"-w",
			`^(Ip|Ip6|IpExt|Icmp6?|Icmp6?Msg)$`, "IpInReceives"},
		{"-tu", `^((MP)?Tcp(Ext)?|Udp6?)$`, "Udp6InDatagrams"}, {"-U", `^UdpLite6?$`, "UdpLiteInDatagrams"},
	} {
		t.Run("-s "+c.flags, func(t *testing.T) {
			t.Parallel()
			got := z.run(t, built.binary, "-s", c.flags)
			have := printedCounters(t, got.out)
			if _, ok := have[c.has]; !ok || got.code != 0 || got.err != "" {
				t.Errorf("no %s; exit code %d, stderr %q", c.has, got.code, got.err)
			}
			for name, line := range have {
				if !regexp.MustCompile(c.groups).MatchString(line.group) {
					t.Errorf("%s of %s was not asked for", name, line.group)
				}
			}
		})
	}
}

// counter is a printed line of -s.
type counter struct{ group, value, help string }

// printedCounters are the lines of -s, by nstat's names.
func printedCounters(t *testing.T, out string) map[string]counter {
	t.Helper()
	found := make(map[string]counter)
	group := ""
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutSuffix(line, ":"); ok && !strings.HasPrefix(line, " ") {
			group = name
			continue
		}
		f := strings.Fields(line)
		if len(f) < 2 || group == "" || !strings.HasPrefix(line, " ") {
			t.Fatalf("no counter: %q", line)
		}
		_, help, _ := strings.Cut(line, "  "+f[1]+"  ")
		if help == "" {
			_, help, _ = strings.Cut(line, " "+f[1]+" ")
		}
		found[group+f[0]] = counter{group, f[1], help}
	}
	return found
}

// flow is a tracked connection in the words of conntrack.
type flow struct {
	proto, state               string
	src, dst, sport, dport     string
	rsrc, rdst, rsport, rdport string
	mark, icmp                 string
	assured, unreplied         bool
	packets, bytes             [2]string
	timeout                    int
}

// tracked are the connections that conntrack lists, by id.
func tracked(t *testing.T, out string) map[string]flow {
	t.Helper()
	found := make(map[string]flow)
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 6 {
			t.Fatalf("conntrack: %q", line)
		}
		var c flow
		// ipv4 2 tcp 6 431999 ESTABLISHED src=...; a protocol without a name is "unknown".
		c.proto = f[2]
		if c.proto == "unknown" {
			c.proto = f[3]
		}
		var err error
		if c.timeout, err = strconv.Atoi(f[4]); err != nil {
			t.Fatalf("conntrack: %q: %v", line, err)
		}
		values := make(map[string][]string)
		for _, word := range f[5:] {
			key, value, ok := strings.Cut(word, "=")
			switch {
			case ok:
				values[key] = append(values[key], value)
			case word == "[ASSURED]":
				c.assured = true
			case word == "[UNREPLIED]":
				c.unreplied = true
			case word[0] != '[':
				c.state = word
			}
		}
		at := func(key string, i int) string {
			if len(values[key]) > i {
				return values[key][i]
			}
			return ""
		}
		c.src, c.dst, c.sport, c.dport = at("src", 0), at("dst", 0), at("sport", 0), at("dport", 0)
		c.rsrc, c.rdst, c.rsport, c.rdport = at("src", 1), at("dst", 1), at("sport", 1), at("dport", 1)
		c.packets, c.bytes = [2]string{at("packets", 0), at("packets", 1)}, [2]string{at("bytes", 0),
			at("bytes", 1)}
		c.mark = at("mark", 0)
		if at("type", 0) != "" {
			c.icmp = at("type", 0) + "/" + at("code", 0) + " " + at("id", 0)
		}
		id := slices.Concat(values["id"])
		found[id[len(id)-1]] = c
	}
	return found
}

func TestTrackedConnectionsAgreeWithConntrack(t *testing.T) {
	t.Parallel()
	needs(t, "conntrack", "nft")
	z := openZoo(t, "tracked")
	list := []string{"sh", "-c", "conntrack -L -f ipv4 -o extended,id 2>/dev/null && conntrack -L -f ipv6 -o extended,id 2>/dev/null"}
	still := func(a, b string) bool {
		was, is := tracked(t, a), tracked(t, b)
		for id, c := range was {
			next, ok := is[id]
			if !ok || next.timeout > c.timeout {
				return false
			}
			c.timeout = next.timeout
			if c != next {
				return false
			}
		}
		return len(was) == len(is)
	}
	const columns = "id,proto,nat,state,src,dst,sport,dport,replysrc,replydst,replysport,replydport,mark,icmp,flags," +
		"sentpkts,recvpkts,sent,received,timeout"
	before, got, after := z.between(t, list, []string{built.binary, "-M", "-a", "--json", "--columns",
		columns}, still)
	if got.code != 0 || got.err != "" {
		t.Fatalf("exit code %d, stderr %q", got.code, got.err)
	}
	word := func(v any) string {
		if v == nil {
			return ""
		}
		return fmt.Sprint(v)
	}
	// What conntrack says of connections, with ours of the same; and what is translated.
	want, end := tracked(t, before.out), tracked(t, after.out)
	translated := make(map[string]string)
	for id, c := range want {
		var nat []string
		if c.rdst != c.src || c.rdport != c.sport {
			nat = append(nat, "snat")
		}
		if c.rsrc != c.dst || c.rsport != c.dport {
			nat = append(nat, "dnat")
		}
		if c.icmp == "" && nat != nil {
			translated[id] = strings.Join(nat, " ")
		}
	}
	if len(translated) < 4 || len(want) < 10 {
		t.Fatalf("the zoo is too small: %d connections, %v\n%s", len(want), translated, before.out)
	}
	seen := 0
	for _, row := range parsed(t, got.out) {
		id := word(row["id"])
		c, ok := want[id]
		if !ok {
			t.Errorf("conntrack does not know %v", row)
			continue
		}
		seen++
		flags := word(row["flags"])
		mark, err := strconv.ParseUint(word(row["mark"]), 0, 32) // ours is hexadecimal, as nft writes it
		if err != nil {
			t.Error(err)
		}
		have := flow{
			proto: word(row["proto"]), state: word(row["state"]), src: word(row["src"]), dst: word(row["dst"]),
			sport: word(row["sport"]), dport: word(row["dport"]), rsrc: word(row["replysrc"]),
			rdst:   word(row["replydst"]),
			rsport: word(row["replysport"]), rdport: word(row["replydport"]), mark: strconv.FormatUint(mark,
				10), icmp: word(row["icmp"]),
			assured: strings.Contains(flags, "assured"), unreplied: strings.Contains(flags, "unreplied"),
			packets: [2]string{word(row["sentpkts"]), word(row["recvpkts"])},
			bytes:   [2]string{word(row["sent"]), word(row["received"])},
			timeout: c.timeout,
		}
		if c.proto == "ipv6-icmp" || c.proto == "icmpv6" {
			have.proto = c.proto
		}
		if have != c {
			t.Errorf("%s is\n%+v, conntrack says\n%+v", id, have, c)
		}
		if nat := word(row["nat"]); nat != translated[id] {
			t.Errorf("%s: translated is %q, by its tuples %q", id, nat, translated[id])
		}
		left, err := strconv.Atoi(word(row["timeout"]))
		if err != nil || left > c.timeout || left < end[id].timeout {
			t.Errorf("%s: %v s are left, conntrack says %d before and %d after", id, row["timeout"],
				c.timeout, end[id].timeout)
		}
	}
	if seen != len(want) {
		t.Errorf("%d of %d connections", seen, len(want))
	}

	t.Run("-M has the translated ones alone", func(t *testing.T) {
		ids := make(map[string]bool)
		for _, row := range z.rowsOf(t, "-M", "--columns", "id,nat") {
			ids[word(row["id"])] = true
			if translated[word(row["id"])] == "" {
				t.Errorf("not translated: %v", row)
			}
		}
		if len(ids) != len(translated) {
			t.Errorf("%v, want %v", ids, translated)
		}
		plain := z.run(t, built.binary, "-M")
		lines := strings.Split(strings.TrimSuffix(plain.out, "\n"), "\n")
		if plain.code != 0 || plain.err != "" || len(lines) != 2+2*len(translated) {
			t.Errorf("exit code %d, stderr %q, want a title, headings and two lines for each of %d:\n%s",
				plain.code, plain.err, len(translated), plain.out)
		}
	})
	t.Run("without the right to it, one line", func(t *testing.T) {
		got := z.run(t, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
			"--bounding-set=-all", built.binary, "-M")
		if got.code != 1 || strings.Count(got.err, "\n") != 1 || !strings.Contains(got.err, "CAP_NET_ADMIN") {
			t.Errorf("exit code %d, stderr %q", got.code, got.err)
		}
	})
}

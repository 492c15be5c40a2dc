package model

import (
	"errors"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// A probe is a row that holds any value of any kind: the filter is tested apart from what sockview shows.
type probe [len(probeSpecs)]Value

var probeSpecs = [...]Spec{
	{ID: "process", Aliases: []string{"name"}, Kind: KindText},
	{ID: "user", Kind: KindText},
	{ID: "state", Kind: KindState},
	{ID: "local", Aliases: []string{"addr"}, Kind: KindAddress},
	{ID: "lport", Aliases: []string{"port"}, Kind: KindPort},
	{ID: "remote", Aliases: []string{"addr"}, Kind: KindAddress},
	{ID: "rport", Aliases: []string{"port"}, Kind: KindPort},
	{ID: "pid", Aliases: []string{"id"}, Kind: KindNumber},
	{ID: "cookie", Kind: KindHex},
	{ID: "retrans", Kind: KindCount},
	{ID: "recv-q", Kind: KindCount},
	{ID: "sent", Kind: KindBytes},
	{ID: "tx", Kind: KindRate},
	{ID: "rtt", Kind: KindDuration},
	{ID: "age", Kind: KindDuration},
	{ID: "started", Kind: KindTime},
	{ID: "owner", Aliases: []string{"id"}, Kind: KindText},
	{ID: "network", Kind: KindNetwork},
}

// column is the place of a column among probeSpecs.
func probeColumn(id string) int {
	return slices.IndexFunc(probeSpecs[:], func(s Spec) bool { return s.ID == id })
}

func probeTable() *Table[probe] {
	t := &Table[probe]{Name: "probes"}
	for i, spec := range probeSpecs {
		t.Columns = append(t.Columns, Column[probe]{spec, func(_ *Snapshot, r *probe) Value { return r[i] }})
	}
	return t
}

func probeScope() Scope {
	return Scope{Name: "sockets", Specs: probeSpecs[:], Service: func(name string) (uint16, bool) {
		if strings.EqualFold(name, "http-alt") {
			return 8080, true
		}
		return 443, strings.EqualFold(name, "https")
	}}
}

// row makes a probe of columns and values; columns not named are unknown.
func row(cells ...any) *probe {
	var p probe
	for i := range p {
		p[i].Why = NotGiven
	}
	for i := 0; i < len(cells); i += 2 {
		col := probeColumn(cells[i].(string))
		switch v := cells[i+1].(type) {
		case string:
			p[col] = Value{Text: v}
			switch probeSpecs[col].Kind {
			case KindNetwork:
				p[col] = netOf(v)
			case KindAddress:
				a := netip.MustParseAddr(v)
				p[col] = Value{Addr: AddrFrom(a), V6: a.Is6()}
			}
		case int:
			p[col] = Value{Num: int64(v)}
		case State:
			p[col] = Value{Num: int64(v)}
		case time.Duration:
			p[col] = Value{Num: int64(v)}
		case Value:
			p[col] = v
		}
	}
	return &p
}

func mustParse(t testing.TB, src string) *Filter {
	t.Helper()
	f, err := ParseFilter(src, probeScope())
	if err != nil {
		t.Fatalf("ParseFilter(%q): %v", src, err)
	}
	return f
}

// holds applies src to r; a filter that asks nothing holds.
func holds(t testing.TB, src string, r *probe, fm *Formatter) bool {
	t.Helper()
	match := Matcher(mustParse(t, src), 0, probeTable(), fm)
	return match == nil || match(&Snapshot{}, r)
}

// filterCase says which filters a row meets and which it does not.
type filterCase struct {
	row      *probe
	yes, not []string
}

func checkCases(t *testing.T, cases map[string]filterCase, fm *Formatter) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, src := range c.yes {
				if !holds(t, src, c.row, fm) {
					t.Errorf("%s does not match", src)
				}
			}
			for _, src := range c.not {
				if holds(t, src, c.row, fm) {
					t.Errorf("%s matches", src)
				}
			}
		})
	}
}

func TestFilterWords(t *testing.T) {
	r := row("process", "Nginx worker (old), \"x\"", "lport", 443, "remote", "2001:db8::1", "local", "10.1.2.3", "sent", 1_234_567,
		"rtt", 12*time.Millisecond, "state", Established, "cookie", 0x1f)
	checkCases(t, map[string]filterCase{
		"contains, any column, as shown": {r, []string{"nginx", "NGINX", "inx", "443", "44", "1.2m", "12ms", "estab", "db8",
			"0x1F", "nginx 443", "10.1.2.3", "::1", "[2001:db8::1]"}, []string{"apache", "nginx 444", "1234567", "10.1.2.4", "-"}},
		"quoted":    {r, []string{`"x worker"`, `'worker (old)'`, `"""x"""`, `'"x"'`, `"),"`, `""`}, []string{`"worker  (old)"`, `"not"`}},
		"either":    {r, []string{"apache,nginx", `"a b","x w"`}, []string{"apache,sshd"}},
		"networks":  {r, []string{"10.0.0.0/8", "2001:db8::/32", "::ffff:10.1.2.3", "[2001:db8::]/32"}, []string{"10.2.0.0/16", "11.0.0.0/8"}},
		"looks":     {row("process", "a::1 fe80:1 don't 10.0.0.1:443 --x=1"), []string{"::1", "fe80:1", "fe80:", "don't", "10.0.0.1:443", "--x=1"}, nil},
		"unknown":   {row(), nil, []string{"-", `"-"`, `""`}},
		"lower end": {row("age", Value{Num: 2 * int64(time.Hour), AtLeast: true}), []string{`">2h"`, "2h"}, []string{`">3h"`}},
	}, nil)
}

func TestFilterWordsLookAtShownColumns(t *testing.T) {
	scope := probeScope()
	scope.Shown = []int{probeColumn("process"), probeColumn("pid"), 99, -1}
	r := row("process", "nginx", "user", "www")
	for src, want := range map[string]bool{"nginx": true, "www": false, "user:www": true} {
		f, err := ParseFilter(src, scope)
		if err != nil {
			t.Fatal(err)
		}
		if got := Matcher(f, 0, probeTable(), nil)(&Snapshot{}, r); got != want {
			t.Errorf("%s: %v, want %v", src, got, want)
		}
	}
}

func TestFilterText(t *testing.T) {
	checkCases(t, map[string]filterCase{
		"text": {row("process", "Nginx: worker", "user", ""),
			[]string{"process:nginx", "name:WORK", "PROCESS:nginx", `process="Nginx: worker"`, `process="x","Nginx: worker"`, "process!=nginx",
				"process~^nginx:", "process~WORKER$", `process~"x: w"`, `process~n(g|x)i{1,3}`, "(process~(a|worker))", `process~[(]|w`,
				"process ~ work", `process != x`, "process:a,work", `user=""`, `user:""`, `process~\bwork`, "process==\"Nginx: worker\""},
			[]string{"process:apache", "process=nginx", `process="nginx: worker"`, `process!="Nginx: worker"`, `process!=a,"Nginx: worker"`,
				"process~^worker", "user!=\"\"", "process~a{2}"}},
		"folding": {row("process", "STRASSE Ελλάς ſtop Kelvin é"),
			[]string{"process:ελλάσ", "process:stop", "process:kelvin", "process:É", "process:strasse", "ΕΛΛΆΣ"},
			[]string{"process:straße", "process:e\u0301"}},
		"folding of the filter":  {row("process", "stop kelvin"), []string{"process:ſTOP", "process:\u212aelvin"}, []string{"process:ö"}},
		"bytes that are no text": {row("process", "a\xffb"), []string{"process:\xffB", "process:\"a\xff\""}, []string{"process:\xfe"}},
		"dash":                   {row("process", "-", "user", "a-b"), []string{`process="-"`, `process:"-"`, "process!=-"}, []string{"process:-", "user:-"}},
	}, nil)
}

func TestFilterNumbers(t *testing.T) {
	ms := time.Millisecond
	checkCases(t, map[string]filterCase{
		"duration": {row("rtt", 50*ms+500*time.Microsecond),
			[]string{"rtt>50ms", "rtt>=50.5ms", "rtt<=50500us", "rtt<51ms", "rtt:50.5ms", "rtt=50500000ns", "rtt:50ms-51ms", "rtt>0", "rtt > 50MS",
				"rtt<1m", "rtt!=50ms", "rtt>50499.9µs", "rtt:1ms,50.5ms", "rtt<1h30m", "rtt<1d", "rtt>=50500us"},
			[]string{"rtt>51ms", "rtt<50.5ms", "rtt:50ms", "rtt!=50.5ms", "rtt:51ms-1s", "rtt:0"}},
		"combined": {row("rtt", 90*time.Minute), []string{"rtt:1h30m", "rtt=1.5h", "rtt:1h29m60s", "rtt:90m", "rtt>1h29m59.5s"}, []string{"rtt>1h30m"}},
		"bytes": {row("sent", 1_500_000),
			[]string{"sent:1.5M", "sent=1500k", "sent:1500KB", "sent>1Mi", "sent<1.5Mi", "sent:1.5mb", "sent=1500000b", "sent>=1.4305Mi", "sent:1k-2M",
				"sent<1T", "sent<1.5000001M", "sent>1464.8Ki", "sent<1464.9KiB", "sent!=1464.8Ki", "sent=1500000"},
			[]string{"sent>1.5M", "sent<1.5M", "sent:1.5Mi", "sent>1464.9Ki", "sent<=1464.8Ki", "sent:1464.8Ki"}},
		"rate":  {row("tx", 2000), []string{"tx:2k", "tx=2kB/s", "tx>1k/s", "tx>1Ki/s", "tx=2000B/s"}, []string{"tx>2k/s", "tx:2Ki"}},
		"count": {row("retrans", 3, "recv-q", 12), []string{"retrans>2", "retrans:3", "retrans<1k", "retrans:1-3", "recv-q>11", "retrans>2.5"}, []string{"retrans:2.5-2.7", "retrans=4", "retrans!=3"}},
		"zero": {row("retrans", 0, "sent", 0, "rtt", 0, "lport", 0),
			[]string{"retrans:0", "retrans<1", "sent=0", "rtt:0", "rtt:0s", "rtt<1ns", "port:*", "port=0", "port:0-5", "retrans>=0"},
			[]string{"retrans<0", "sent<0", "sent>0", "rtt>0", "retrans:-", "port<1024", "port<=80", "port!=*"}},
		"below zero": {row("retrans", -1, "rtt", -time.Second), []string{"retrans<0", "retrans<5", "rtt<0", "retrans!=0"}, []string{"retrans>=0", "retrans:0", "rtt:0-5s"}},
		"ports": {row("lport", 8080, "rport", 443),
			[]string{"port:443", "port=8080", "port:8000-8100", "rport<1024", "lport>1024", "port:https", "port:HTTP-ALT", "port:80,443", "port:440-450,9", "port!=80", "not port:80"},
			[]string{"port:80", "port!=443", "port!=80,8080", "lport<1024", "not port:443", "port:444-8079"}},
		"numbers": {row("pid", 1203, "cookie", 0x1f), []string{"pid:1203", "pid>1000", "pid:1200-1300", "cookie:0x1f", "cookie=31", "cookie:0X1F", "cookie:0x10-0x20", "cookie<32", "pid:5,1203"},
			[]string{"pid:120", "cookie:0x1", "pid>1203"}},
		"unsigned": {row("cookie", -1, "sent", -1), []string{"cookie:0xffffffffffffffff", "cookie>5", "cookie>=0x8000000000000000", "sent>9000T"},
			[]string{"cookie<5", "cookie>0xffffffffffffffff"}},
	}, nil)
}

func TestFilterUnknown(t *testing.T) {
	one := row("lport", 81)
	checkCases(t, map[string]filterCase{
		"unknown": {row(),
			[]string{"rtt:-", "rtt=-", "not rtt>50ms", "not rtt<=50ms", "not rtt!=50ms", "process:-", "pid:-,5", "port:-", "state:-", "remote:-"},
			[]string{"rtt>50ms", "rtt<=50ms", "rtt!=50ms", "rtt:0", "rtt!=-", "process:\"\"", "process~.*", "process!=x", "remote!=10.0.0.1", "state!=LISTEN",
				"pid!=-,5", "not rtt:-", "remote:0.0.0.0/0", "port!=80"}},
		"known":           {row("rtt", 5, "pid", 6), []string{"rtt!=-", "pid!=-,5"}, []string{"rtt:-", "pid:-,5", "pid!=-,6"}},
		"one of two":      {one, []string{"port!=80", "port:-", "port:81"}, []string{"port!=81", "port!=-", "port!=80,-"}},
		"over two hours":  {row("age", Value{Num: int64(2 * time.Hour), AtLeast: true}), []string{"age>1h", "age>=2h", "age!=1h", "not age<3h", "age!=1m-2m"}, []string{"age>2h", "age<3h", "age<1h", "age:2h", "age!=3h", "age!=2h", "age:-", "age:1h-3h"}},
		"its text is >2h": {row("age", Value{Num: int64(2 * time.Hour), AtLeast: true}), []string{"age~^>2h"}, []string{"age~^2h"}},
	}, nil)
}

func TestFilterStates(t *testing.T) {
	checkCases(t, map[string]filterCase{
		"syn_recv": {row("state", SynRecv), []string{"state:syn_recv", "state:SYN-RCVD", "state=synrecv", "state:syn", "state:S", "state:listen,syn-recv", `state:"SYN RECV"`, "state!=LISTEN", "state~^syn"},
			[]string{"state:listen", "state:syn_sent", "state!=SYN_RECV"}},
		"new_syn_recv": {row("state", newSynRecv), []string{"state:syn_recv", "state:syn", "state=SYN-RECV", "state:new"}, nil},
		"close":        {row("state", Close), []string{"state:close", "state:clos", "state:unconn", "state:closed", "state=UNCONN"}, []string{"state:close_wait"}},
		"close_wait":   {row("state", CloseWait), []string{"state:clos", "state:close-w"}, []string{"state:close"}},
		"fin_wait1":    {row("state", FinWait1), []string{"state:FIN_WAIT1", "state:FIN-WAIT-1", "state:fin"}, []string{"state:finwait2"}},
		"time_wait":    {row("state", TimeWait), []string{"state:time", "state:T"}, []string{"state:est"}},
		"in words":     {row("state", Value{Num: int64(Close), Text: "UNCONN"}), []string{"UNCONN", "state:unconn", "state~unconn"}, []string{"CLOSE"}},
		"no state":     {row("state", 77), []string{"state!=LISTEN"}, []string{"state:listen"}},
	}, nil)
}

func TestFilterAddresses(t *testing.T) {
	checkCases(t, map[string]filterCase{
		"IPv4": {row("remote", "10.0.0.1"),
			[]string{"remote:10.0.0.1", "remote=::ffff:10.0.0.1", "remote:10.0.0.0/8", "remote:::ffff:10.0.0.0/104", "remote:10.", "remote:10.0.", "remote:1", "remote:::ffff:10.0.0",
				"remote:10.0.0.1,::1", "remote!=10.0.0.2", "remote:0.0.0.0/0", "addr:10.0.0.1", "remote:10.0.0.1/32", "remote:10.9.9.9/8", "remote~^10"},
			[]string{"remote:10.0.0.10", "remote:10.0.0.2", "remote:0.0", "remote!=10.0.0.1", "remote!=::ffff:10.0.0.1", "remote:::/0", "remote:11.0.0.0/8", "remote:*", "remote:0.0.0.0", "remote:2"}},
		"mapped": {row("remote", "::ffff:10.0.0.1"),
			[]string{"remote:10.0.0.1", "remote=::ffff:10.0.0.1", "remote:10.0.0.0/8", "remote:10.", "remote:::ffff:10.", "remote:::ffff:10.0.0", "remote:::/0", "remote:0.0.0.0/0", "remote:::ffff:0:0/96", "remote:[::ffff:10.0.0.1]"},
			[]string{"remote!=10.0.0.1", "remote:::fff", "remote:::ffff:1"}},
		"IPv6": {row("remote", "2001:db8::1"),
			[]string{"remote:2001:db8::1", "remote:[2001:DB8::1]", "remote=2001:db8:0:0::1", "remote:2001:db8::/32", "remote:[2001:db8::]/32", "remote:2001:", "remote:[2001:db", "remote:2001:D", "remote:db8", "remote:::/0", "remote:2001:db8::1/127"},
			[]string{"remote:2001:db8::2", "remote:2001:db9::/32", "remote:0.0.0.0/0", "remote:db8:"}},
		"any, IPv4":        {row("local", Value{}), []string{"local:0.0.0.0", "local:*", "local:0.", "local=*", "0.0.0.0", "local:0.0.0.0/0", "local:0.0.0.0/32"}, []string{"local:::", "local:::/0", "local!=*"}},
		"any, mapped zero": {row("local", "0.0.0.0"), []string{"local:0.0.0.0", "local:*"}, []string{"local:::"}},
		"any, IPv6":        {row("local", Value{V6: true}), []string{"local:::", "local:*", "local:[::]", "::", "local:::/0", "local:::/128"}, []string{"local:0.0.0.0", "local:0.0.0.0/0", "local:0."}},
		"either":           {row("local", "10.0.0.1", "remote", "10.0.0.2"), []string{"addr:10.0.0.2", "addr:10.0.0.1", "addr!=10.0.0.3"}, []string{"addr:10.0.0.3", "addr!=10.0.0.2", "not addr:10.0.0.1"}},
	}, nil)
	fm := &Formatter{Host: func(a Addr) string {
		if a.IsLoopback() {
			return "db.Example.org"
		}
		return ""
	}, Service: func(_ Proto, port uint16) string {
		if port == 443 {
			return "https"
		}
		return ""
	}}
	checkCases(t, map[string]filterCase{
		"names": {row("remote", "127.0.0.1", "rport", 443),
			[]string{"remote:example", "remote=db.example.org", "example", "remote:127.", "remote:127.0.0.1", "127.0.0.1", "https", "rport:443", "remote!=example.org"},
			[]string{"remote=example.org", "443", "remote:host"}},
	}, fm)
}

func TestFilterTimes(t *testing.T) {
	at := time.Date(2026, 1, 31, 15, 4, 5, 600_000_000, time.Local)
	checkCases(t, map[string]filterCase{
		"time": {row("started", Value{Num: at.UnixNano()}),
			[]string{"started:2026-01-31", "started:2026-01-31T15:04", `started="2026-01-31 15:04:05"`, "started>2026-01-30", "started>=2026-01-31", "started<=2026-01-31",
				"started<2026-02-01", "started>2026-01-31T15:04:04", "2026-01", "started!=2026-01-30"},
			[]string{"started>2026-01-31", "started<2026-01-31", "started:2026-01-30", "started>2026-01-31T15:04", "started>2026-01-31T15:04:05"}},
	}, nil)
}

func TestFilterLogic(t *testing.T) {
	// a, b, c are on or off in every way; the filter's answer must be the expression's
	for bits := range 8 {
		a, b, c := bits&1 != 0, bits&2 != 0, bits&4 != 0
		text := ""
		for i, on := range []bool{a, b, c} {
			if on {
				text += "xyz"[i : i+1]
			}
		}
		r := row("process", text)
		for src, want := range map[string]bool{
			"": true, "   ": true,
			"x": a, "x y": a && b, "x and y": a && b, "x AND y Or z": a && b || c, "x or y z": a || b && c, "x y or z": a && b || c,
			"(x or y) z": (a || b) && c, "not x y": !a && b, "!x or !y": !a || !b, "not (x y)": !(a && b), "not not x": a, "! ( x or y )and z": !(a || b) && c,
			"!!x": a, "x!y": false, "x (y)": a && b, "x(y)or z": a && b || c, "not(x)": !a, "NOT x": !a, "process:x or not process:y and z": a || !b && c,
			"(((x)))": a, "not x or not (y or z)": !a || !(b || c), `x "y"`: a && b, `not"x"`: !a, "x and not y": a && !b, "x,y z": (a || b) && c,
			"x or (y or z)": a || b || c, "x (y z)": a && b && c, "process!=xyz": text != "xyz",
		} {
			if got := holds(t, src, r, nil); got != want {
				t.Errorf("%q of %q: %v, want %v", src, text, got, want)
			}
		}
	}
}

func TestFilterErrors(t *testing.T) {
	for _, c := range []struct{ src, place, msg string }{
		{"stat:LISTEN", "stat", `no field "stat"; did you mean state?`},
		{"prt:80", "prt", "did you mean port"},
		{"procses:x", "procses", "did you mean process?"},
		{"qqqqqq:x", "qqqqqq", "to look for the text put it in quotes"},
		{"state:foo", "foo", "the states are ESTABLISHED SYN_SENT"},
		{"state=est", "est", "the states are"},
		{"state:", "", "a state such as LISTEN is expected after state:"},
		{"state>LISTEN", "LISTEN", "a state, which has no order"},
		{"user>5", "5", "user is text, which has no order: use user:5, user=5 or user~5"},
		{"remote>10.0.0.1", "10.0.0.1", "use a network"},
		{"rtt>", "", "a duration such as 50ms is expected after rtt>"},
		{"rtt> and x", "", "a duration such as 50ms is expected after rtt>"},
		{"rtt>50", "50", "needs a unit: ns us ms s m h d, as in 50ms"},
		{"rtt>50xs", "50xs", `"xs" is no unit of time`},
		{"rtt>30m1h", "30m1h", "the largest unit comes first"},
		{"rtt>1.5h30m", "1.5h30m", "only the last has a fraction"},
		{"rtt>1.h", "1.h", "is no duration"},
		{"rtt>9999999999d", "9999999999d", "too long"},
		{"rtt>-", "-", "- is the unknown, which no comparison matches; rtt:- finds it"},
		{"rtt>1ms,2ms", ",", "takes one value, not a list"},
		{"pid>5-9", "5-9", "a range stands after : or ="},
		{"sent>5x", "5x", "k M G T (1000s) or Ki Mi Gi Ti (1024s)"},
		{"sent>i", "i", "is no size"},
		{"sent>5i", "5i", "is no size"},
		{"sent>1M/s", "1M/s", "is a rate, and this column counts bytes"},
		{"sent>99999999999P", "99999999999P", "too large"},
		{"retrans:1kB", "1kB", "is no number"},
		{"tx>fast", "fast", "is no rate"},
		{"pid:12a", "12a", "is no whole number"},
		{"pid:+5", "+5", "is no whole number"},
		{"cookie:1f", "1f", "in hexadecimal, 0x1f"},
		{"port:70000", "70000", "at most 65535"},
		{"port:99999999999999999999", "99999999999999999999", "at most 65535"},
		{"port:htps", "htps", "no port and no service"},
		{"port:8100-8000", "8100-8000", "backwards; is 8000-8100 meant?"},
		{"port:8000-", "-", "the range has no end; port>=8000"},
		{"port:8000-x", "x", "is no port"},
		{"port:x-80", "x-80", "is no port"},
		{"port:80,", "", "a value is missing after the comma"},
		{"port:80,,443", "", "a value is missing after the comma"},
		{"port:,80", ",", "a value is missing before the comma"},
		{"port: 80", "", "a port such as 443 is expected right after port:, without a space"},
		{"port:80,pid:5", "pid:5", "a comma joins values"},
		{"a,port:80", "port:80", "a comma joins values"},
		{"port:>80", ">", "a port such as 443 is expected after port:"},
		{"process:=x", "=", "a value that begins so is put in quotes"},
		{"remote:10.0.0.1:443", ":443", "remote:10.0.0.1 port:443"},
		{"remote:[::1]:443", ":443", "remote:[::1] port:443"},
		{"remote:host:443", ":443", "remote:host port:443"},
		{"remote:10.0.0.300", "10.0.0.300", "no address and not the beginning of one"},
		{"remote:10.0.0.0/33", "10.0.0.0/33", "is no network"},
		{"remote=10.0.", "10.0.", "is no address"},
		{"remote:fe80::1%eth0", "fe80::1%eth0", "leave out \"%eth0\""},
		{"remote:10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9", "not a range"},
		{`remote=""`, `""`, "is no address"},
		{"started>yesterday", "yesterday", "is no time: 2026-01-31"},
		{"started>0001-01-01", "0001-01-01", "from 1970 to 2261"},
		{"process~a(b", "a(b", "missing closing )"},
		{"process~a[b-a]", "b-a", "invalid character class range"},
		{`process~"x *** y"`, "**", "invalid nested repetition"},
		{`process~"(\pL\pN\pS\pP){99}"`, `"(\pL\pN\pS\pP){99}"`, "too large: at most 2000"},
		{"process~((a{30}){30}){30}", "{30}", "repeat count"},
		{"process~", "", "a regular expression is expected after process~"},
		{"process!~x", "!~", "no operator"},
		{"process=~x", "=~", "no operator"},
		{"(port:80", "(", "this ( is not closed"},
		{"port:80)", ")", "this ) has no ( before it"},
		{"x ()", "()", "nothing in these parentheses"},
		{")", "", "a word or a test such as port:443 is expected"},
		{"x and", "", `is expected after "and"`},
		{"x or or y", "or", `is expected before "or"`},
		{"and x", "and", `before "and"`},
		{"not", "", `is expected after "not"`},
		{"x && y", "&&", "the words and, or"},
		{"=80", "=", "a field is missing before"},
		{":22", ":", "a field is missing before"},
		{"x !=5", "x", "no field"},
		{"state : listen", ":", "a field is missing before"},
		{`"abc`, `"`, "this quote is not closed"},
		{`process:'a''`, `'`, "this quote is not closed"},
		{`"a"b`, "b", "a space is missing after the closing quote"},
		{`"process":x`, ":", "is written without quotes"},
		{",", ",", "a value is missing before the comma"},
		{strings.Repeat("(", 65) + "x", "(", "nested too deep: at most 64"},
		{strings.Repeat("!", 65) + "x", "!", "nested too deep"},
		{"port:1" + strings.Repeat(",1", 256), "1", "too many values: at most 256"},
		{strings.Repeat("é", 2100), strings.Repeat("é", 52), "at most 4096 bytes"},
	} {
		f, err := ParseFilter(c.src, probeScope())
		var bad *FilterError
		if !errors.As(err, &bad) || f != nil {
			t.Errorf("%s: no error but %v", c.src, f)
			continue
		}
		if got := c.src[bad.Pos : bad.Pos+bad.Len]; got != c.place || !strings.Contains(bad.Msg, c.msg) {
			t.Errorf("%s\n at %q, want %q\n %s\n want: %s", c.src, got, c.place, bad.Msg, c.msg)
		}
	}
}

func TestFilterErrorForPeople(t *testing.T) {
	_, err := ParseFilter("näme rtt>50", probeScope())
	if want := `filter, character 10: "50" needs a unit: ns us ms s m h d, as in 50ms`; err.Error() != want {
		t.Errorf("got %s\nwant %s", err, want)
	}
	var bad *FilterError
	errors.As(err, &bad)
	if got, want := bad.Caret(), "näme rtt>50\n         ^^"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// foreign bytes do not reach the terminal, and a long filter is shown around the mistake
	_, err = ParseFilter(strings.Repeat("x ", 500)+"\x1b[31m:y pid:\x1b]52"+strings.Repeat(" z", 500), probeScope())
	errors.As(err, &bad)
	for _, s := range []string{bad.Error(), bad.Caret()} {
		if strings.IndexFunc(s, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) >= 0 || len(s) > 400 {
			t.Errorf("%q", s)
		}
	}
	lines := strings.Split(bad.Caret(), "\n")
	if len(lines) != 2 || utf8.RuneCountInString(lines[1]) > utf8.RuneCountInString(lines[0])+1 {
		t.Errorf("%q", lines)
	}
}

func TestFilterString(t *testing.T) {
	for src, want := range map[string]string{
		"":                           "",
		" x  AND y ":                 "x y",
		"((x or y) or z) w":          "(x or y or z) w",
		"(a b) c":                    "a b c",
		"!(a or b)":                  "not (a or b)",
		"!!a":                        "not not a",
		"PORT : 80":                  "",
		"Port:80,443":                "port:80,443",
		`process:"nginx"`:            "process:nginx",
		`process:"a b",'"'`:          `process:"a b",'"'`,
		`process:"""'"`:              `process:"""'"`,
		`process="-" or process=-`:   `process="-" or process=-`,
		`"and" "port:80" "-" x:`:     "",
		`"and" "port:80" "-"`:        `"and" "port:80" "-"`,
		"process~(a|b)":              `process~"(a|b)"`,
		"rtt >  50ms":                "rtt>50ms",
		"a or b c or not d":          "a or b c or not d",
		"::1 10.0.0.0/8":             `"::1" 10.0.0.0/8`,
		"process==x":                 "process=x",
		"not (not a) and (not b)(c)": "not not a not b c",
	} {
		f, err := ParseFilter(src, probeScope())
		if err != nil {
			if want != "" {
				t.Errorf("%s: %v", src, err)
			}
			continue
		}
		if got := f.String(); got != want {
			t.Errorf("%s: %s, want %s", src, got, want)
		}
	}
	var none *Filter
	if !none.Empty() || none.String() != "" || none.Source(0) != "" || Matcher(none, 0, probeTable(), nil) != nil {
		t.Error("no filter must be an empty one")
	}
}

func hostScopes() []Scope {
	return []Scope{{Name: "hosts", Specs: []Spec{
		{ID: "remote", Kind: KindAddress}, {ID: "sockets", Kind: KindCount}, {ID: "sent", Kind: KindBytes}}}, probeScope()}
}

func TestFilterScopes(t *testing.T) {
	for _, c := range []struct{ src, hosts, sockets string }{
		{"port:80 sockets>5 state:syn", "sockets>5", "port:80 state:syn"},
		{"sent>1M or sockets>3", "(sent>1M or sockets>3)", ""},
		{"port:80 or port:443", "", "(port:80 or port:443)"},
		{"(port:80 or port:443) word", "word", "(port:80 or port:443)"},
		{"(port:80 sockets>5) not ( state:syn  or pid:5 )", "sockets>5", "port:80 not ( state:syn  or pid:5 )"},
		{"remote:10.0.0.0/8 local:10.0.0.1", "remote:10.0.0.0/8", "local:10.0.0.1"},
		{"((port:80))", "", "((port:80))"},
		{"", "", ""},
	} {
		f, err := ParseFilter(c.src, hostScopes()...)
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		for scope, want := range []string{c.hosts, c.sockets} {
			if got := f.Source(scope); got != want {
				t.Errorf("%s: Source(%d) is %q, want %q", c.src, scope, got, want)
			}
			// alone it parses to the same
			if _, err := ParseFilter(f.Source(scope), hostScopes()[scope]); err != nil {
				t.Errorf("%s: %v", f.Source(scope), err)
			}
		}
		if match := Matcher(f, 1, probeTable(), nil); (match == nil) != (c.sockets == "") {
			t.Errorf("%s: a matcher: %v", c.src, match != nil)
		}
	}
	for src, place := range map[string]string{
		"sockets>5 or port:80":               "port:80",
		"x (port:80 or word)":                "word",
		"not (sockets>5 state:syn) lport:80": "state:syn",
		"port:1 or (a or (b not sockets:5))": "a",
	} {
		_, err := ParseFilter(src, hostScopes()...)
		var bad *FilterError
		if !errors.As(err, &bad) || src[bad.Pos:bad.Pos+bad.Len] != place {
			t.Errorf("%s: %v, want a mistake at %s", src, err, place)
		}
	}
	// what the table lacks is unknown
	f, err := ParseFilter("sockets>5", hostScopes()...)
	if err != nil || Matcher(f, 0, probeTable(), nil)(&Snapshot{}, row()) {
		t.Error("a column that the table lacks has a value", err)
	}
	// no scope, no fields and nothing to find
	f, err = ParseFilter("x")
	if err != nil || Matcher(f, 0, probeTable(), nil)(&Snapshot{}, row("process", "x")) {
		t.Error("a word found something outside of its scope", err)
	}
}

// At its bounds too a filter says of itself what is a filter.
func TestFault35FilterBounds(t *testing.T) {
	long := `x or "` + strings.Repeat("y", maxFilterBytes-8) + `"`
	for src, ok := range map[string]bool{
		strings.Repeat("!", 64) + "x":                           true,
		strings.Repeat("!", 64) + "x or y":                      false, // Source puts it in parentheses
		strings.Repeat("!", 63) + "x or y":                      true,
		strings.Repeat("!", 65) + "x":                           false,
		strings.Repeat("(", 64) + "x" + strings.Repeat(")", 64): true,
		strings.Repeat("(", 65) + "x" + strings.Repeat(")", 65): false,
		strings.Repeat("x ", 257):                               false,
		long:                                                    false,
		long[:8] + long[9:]:                                     true,
		strings.Repeat("::1 ", 200):                             true,
		strings.Repeat(":::::::::::::::,", 255) + "::1":         false, // quotes in String
	} {
		f, err := ParseFilter(src, probeScope())
		if (err == nil) != ok {
			t.Errorf("%.40s: %v", src, err)
		}
		if err == nil {
			checkFilter(t, src, probeScope())
			mustParse(t, f.String())
			mustParse(t, f.Source(0))
		}
	}
}

func TestFilterMixedKinds(t *testing.T) {
	// id is pid, a number, and owner, a text
	checkCases(t, map[string]filterCase{
		"number": {row("pid", 5, "owner", "root"), []string{"id:5", "id:root", "id>4", "id!=6", "id~5", "id~oo"}, []string{"id:bin", "id>5", "id!=5", "id!=root"}},
	}, nil)
}

// A name that the language cannot read, or reads as something else, is a column nobody can filter by.
func TestEveryFieldCanBeNamed(t *testing.T) {
	for _, spec := range Sockets().Specs() {
		for _, name := range append([]string{spec.ID}, spec.Aliases...) {
			if nameLen(name) != len(name) || keyword(name) != "" {
				t.Errorf("%q is no name for a field", name)
			}
		}
	}
}

func TestQuote(t *testing.T) {
	for _, v := range []string{"", "-", "a", "a b", "a,b", `"`, `'`, `"'`, `''""`, "and", "x:y", "a=b", "!a", "(a)", "[a]", "\t", "\u00a0", "é", "\xff", "a\\b", "::1", "~", "*", "#", "a\x00b"} {
		for _, op := range []string{"=", ":"} {
			src := "process" + op + Quote(v)
			if !holds(t, src, row("process", v), nil) {
				t.Errorf("%s does not find %q", src, v)
			}
		}
		if holds(t, "process="+Quote(v), row("process", v+"x"), nil) {
			t.Errorf("process=%s finds %q", Quote(v), v+"x")
		}
		if v != "" && !holds(t, quoteWord(v), row("process", v), nil) {
			t.Errorf("the word %s does not find %q", quoteWord(v), v)
		}
	}
}

func TestFilterValue(t *testing.T) {
	for _, r := range []*probe{
		row("process", "a \"b\", 'c'", "user", "", "state", TimeWait, "local", Value{}, "remote", Value{V6: true}, "lport", 0, "rport", 443, "pid", 1203, "cookie", -5,
			"retrans", 1_234_567, "sent", 1_234_567_891, "tx", 99999, "rtt", 1_234_567, "age", 86_400_000_000_001, "started", 1_700_000_000_000_000_000),
		row("local", "::ffff:10.0.0.1", "remote", "fe80::1", "state", Established, "process", "-", "network", "::ffff:10.0.0.0/104"),
	} {
		for i := range probeSpecs {
			src := probeSpecs[i].ID + "=" + FilterValue(probeSpecs[i].Kind, r[i])
			if !holds(t, src, r, nil) {
				t.Errorf("%s does not find %+v", src, r[i])
			}
		}
	}
}

func TestJoinWords(t *testing.T) {
	for want, args := range map[string][]string{
		"":                   nil,
		"port:443 state:est": {"port:443", "state:est"},
		"port:443 (rtt>50ms or retrans>0) not process:nginx": {"port:443", "rtt>50ms or retrans>0", "not", "process:nginx"},
		"(rtt>50ms or retrans>0)":                            {"", "rtt>50ms or retrans>0", " "},
	} {
		if got := JoinWords(args); got != want {
			t.Errorf("%q: %q, want %q", args, got, want)
		}
		mustParse(t, want)
	}
}

func TestComplete(t *testing.T) {
	for _, c := range []struct {
		src  string // the cursor stands at |
		want []string
		from string
	}{
		{"sta|", []string{"state", "started"}, "sta"},
		{"x (ST|", []string{"state", "started"}, "ST"},
		{"!por|", []string{"port"}, "por"},
		{"x o|", []string{"owner", "or"}, "o"},
		{"state:T|", []string{"TIME_WAIT"}, "T"},
		{"state=listen,close|", []string{"CLOSE_WAIT"}, "close"},
		{"state!=syn|", []string{"SYN_SENT", "SYN_RECV"}, "syn"},
		{"state:LISTEN|", nil, "LISTEN"},
		{"process:sta|", nil, "sta"},
		{`"sta|`, nil, `"sta`},
		{`"a b" sta|`, []string{"state", "started"}, "sta"},
		{`don't sta|`, []string{"state", "started"}, "sta"},
		{"sta|te:x", []string{"state", "started"}, "sta"},
		{"a,st|", []string{"state", "started"}, "st"},
		{"qq:x|", nil, "x"},
		{"network:D|", []string{"default"}, "D"},
		{"network=10.0.0.0/8,|", []string{"default"}, ""},
		{"network:10.|", nil, "10."},
	} {
		src, after, _ := strings.Cut(c.src, "|")
		got := Complete(src+after, len(src), probeScope())
		if !slices.Equal(got, c.want) || src[WordStart(src+after, len(src)):] != c.from {
			t.Errorf("%s: %q from %q", c.src, got, src[WordStart(src+after, len(src)):])
		}
	}
	if got := Complete("", 0, probeScope()); len(got) != len(probeSpecs) {
		t.Errorf("nothing typed yet: %q", got)
	}
	if got := Complete("x", 99, hostScopes()...); len(got) != 0 {
		t.Errorf("%q", got)
	}
	if got := Complete("so", -5, hostScopes()...); len(got) == 0 || WordStart("so", -5) != 0 {
		t.Errorf("%q", got)
	}
}

// reference is the plain meaning of a clause, without any of the matcher's short cuts.
func reference(c *clause, r *probe, fm *Formatter) bool {
	switch c.op {
	case opNot:
		return !reference(c.kids[0], r, fm)
	case opAnd:
		for _, kid := range c.kids {
			if !reference(kid, r, fm) {
				return false
			}
		}
		return true
	case opOr:
		for _, kid := range c.kids {
			if reference(kid, r, fm) {
				return true
			}
		}
		return false
	}
	known, some := false, false
	for _, cell := range c.term.cells {
		v := r[cell.col]
		known = known || v.Why == Known
		for _, w := range cell.wants {
			some = some || referenceWant(w, cell.spec.Kind, v, fm, c.term.op == opIsNot)
		}
	}
	if c.term.op == opIsNot {
		return known && !some
	}
	return some
}

func referenceWant(w want, k Kind, v Value, fm *Formatter, may bool) bool {
	if v.Why != Known || w.how == wantUnknown {
		return v.Why != Known && w.how == wantUnknown
	}
	shown := string(fm.Append(nil, k, v))
	host := netip.AddrFrom16(v.Addr)
	if v.Addr == (Addr{}) && !v.V6 {
		host = netip.IPv4Unspecified()
	}
	switch w.how {
	case wantHas:
		return strings.Contains(foldString(shown), w.text)
	case wantShown:
		return foldString(shown) == w.text
	case wantText:
		return v.Text == w.text
	case wantRegexp:
		return regexp.MustCompile(w.re.String()).MatchString(shown)
	case wantState:
		return slices.Contains([]int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}, v.Num) && w.states&(1<<v.Num) != 0
	case wantAddr:
		return host.Unmap() == w.addr.Netip()
	case wantAnyAddr:
		return host.Unmap().IsUnspecified()
	case wantNet:
		if w.v4 {
			return netip.PrefixFrom(w.addr.Netip(), w.bits-96).Contains(host.Unmap())
		}
		return (v.V6 || !host.Unmap().Is4()) && containsBits(netip.AddrFrom16(w.addr), w.bits, host)
	case wantHolds, wantWithin, wantIsNet, wantDefault:
		return referenceNet(w, v)
	case wantBegins:
		return strings.HasPrefix(shown, w.text)
	case wantAddrPrefix:
		mapped := v.V6 && host.Is4In6()
		return strings.HasPrefix(host.Unmap().String(), w.text) || mapped && strings.HasPrefix("::ffff:"+host.Unmap().String(), w.text)
	}
	// numbers: in the order of the kind, by the big and plain way
	n := uint64(v.Num) ^ w.flip
	if !v.AtLeast {
		return n >= w.lo && n <= w.hi
	}
	if may {
		return w.lo <= w.hi && w.hi >= n
	}
	return n >= w.lo && w.hi == 1<<64-1
}

func containsBits(net netip.Addr, bits int, a netip.Addr) bool {
	x, y := net.As16(), a.As16()
	for i := range bits {
		if (x[i/8]^y[i/8])>>(7-i%8)&1 != 0 {
			return false
		}
	}
	return true
}

// probes are rows with what is worth telling apart.
func probes() []*probe {
	return []*probe{
		row(),
		row("process", "nginx", "user", "www-data", "state", Established, "local", "10.0.0.5", "lport", 443, "remote", "203.0.113.9", "rport", 51522, "pid", 1203,
			"cookie", 0x1f, "retrans", 3, "recv-q", 0, "sent", 1_234_567, "tx", 18_400, "rtt", 12*time.Millisecond, "age", 3*time.Minute, "started", 1_700_000_000_000_000_000, "owner", "5", "network", "10.0.0.0/8"),
		row("process", "Straße \"x\" ſK\u212a", "user", "", "state", Listen, "local", Value{V6: true}, "lport", 22, "remote", Value{V6: true}, "rport", 0, "pid", 1,
			"age", Value{Num: int64(2 * time.Hour), AtLeast: true}, "owner", "-", "network", "0.0.0.0/0"),
		row("process", Value{Text: "cut", AtLeast: true}, "state", newSynRecv, "local", "::ffff:10.0.0.1", "remote", "::ffff:127.0.0.1", "sent", -1, "cookie", -1,
			"retrans", -1, "rtt", -5, "pid", -7, "network", "::ffff:0:0/96"),
		row("state", Value{Num: int64(Close), Text: "UNCONN"}, "local", Value{}, "remote", "fe80::1", "lport", 8080, "rport", 65535, "sent", 0, "tx", 999_999_999_999,
			"rtt", 90*time.Minute, "retrans", Value{Num: 5, AtLeast: true}, "process", "a\xffb", "network", "::/0"),
		row("state", 77, "local", "2001:db8::1", "remote", "0.0.0.0", "network", "2001:db8::/32"),
	}
}

var fuzzFormatters = []*Formatter{nil, {Host: func(a Addr) string {
	if a.IsLoopback() {
		return "Localhost"
	}
	return ""
}, Service: func(_ Proto, port uint16) string {
	if port == 443 {
		return "HTTPS"
	}
	return ""
}}}

// checkFilter is what must hold of any source.
func checkFilter(t *testing.T, src string, scopes ...Scope) {
	f, err := ParseFilter(src, scopes...)
	Complete(src, len(src)/2, scopes...)
	Complete(src, len(src), scopes...)
	if err != nil {
		var bad *FilterError
		if f != nil || !errors.As(err, &bad) {
			t.Fatalf("%.300q: a filter and an error", src)
		}
		if bad.Pos < 0 || bad.Len < 0 || bad.Pos+bad.Len > len(src) || bad.Src != src || SafeText(bad.Msg).String() != bad.Msg || bad.Msg == "" {
			t.Fatalf("%.300q: a bad place or message: %+v", src, bad)
		}
		if strings.Count(bad.Caret(), "\n") != 1 {
			t.Fatalf("%.300q: %q", src, bad.Caret())
		}
		return
	}
	again, err := ParseFilter(f.String(), scopes...)
	if err != nil || again.String() != f.String() {
		t.Fatalf("%.300q as %.300q: %v", src, f, err)
	}
	var parts []*Filter
	for i := range scopes {
		part, err := ParseFilter(f.Source(i), scopes[i])
		if err != nil {
			t.Fatalf("%.300q: of scope %d %q: %v", src, i, f.Source(i), err)
		}
		parts = append(parts, part)
	}
	last := len(scopes) - 1 // the scope of the probes
	table := probeTable()
	for _, fm := range fuzzFormatters {
		fast, fastAgain, fastPart := Matcher(f, last, table, fm), Matcher(again, last, table, fm), Matcher(parts[last], 0, table, fm)
		for i, r := range probes() {
			want := true
			for _, part := range f.parts {
				if part.scope == last {
					want = want && reference(part, r, fm)
				}
			}
			for name, match := range map[string]func(*Snapshot, *probe) bool{"fast": fast, "of String": fastAgain, "of Source": fastPart} {
				if got := match == nil || match(&Snapshot{}, r); got != want {
					t.Fatalf("%.300q of row %d, %s: %v, want %v", src, i, name, got, want)
				}
			}
		}
	}
}

// TestFilterExhaustive puts together every operator with every field and many values.
func TestFilterExhaustive(t *testing.T) {
	values := []string{"-", `"-"`, "0", "5", "443", "1.5k", "1.2M", "12ms", "1h30m", "0x1f", "10.0.0.1", "::1", "10.0.0.0/8", "::/0", "::ffff:0:0/96", "10.", "fe80:", "*",
		"listen", "syn", "close", "nginx", "ſ", "k", "ß", ">2", "n", "https", "localhost", "2h", "(n|x)", "1-5", "0-65535", "5,nginx,443", "5,-", "default", "Def", "10.1.2.3/32", "::ffff:10.0.0.1", "20", "0.0.0.0/0", "0.0.0.0", "2023-11-14", "x\xff", `""`, "a b"}
	for _, value := range values {
		forms := []string{value, "not " + value}
		for _, spec := range probeSpecs {
			for _, name := range append(spec.Aliases, spec.ID) {
				for _, op := range operatorText[1:] {
					forms = append(forms, name+op+value, name+op+value+" or pid>5 nginx")
				}
			}
		}
		for _, src := range forms {
			checkFilter(t, src, probeScope())
		}
	}
}

func FuzzFilter(f *testing.F) {
	seeds, err := os.ReadFile("../testdata/model/filters.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(seeds)) {
		f.Add(strings.TrimSuffix(line, "\n"))
	}
	f.Fuzz(func(t *testing.T, src string) {
		checkFilter(t, src, probeScope())
		checkFilter(t, src, hostScopes()...)
	})
}

func TestMatcherDoesNotAllocate(t *testing.T) {
	rows := probes()
	for _, src := range []string{"port:443", "nginx", "process:SS", "not process:nginx remote:10.0.0.0/8 or rtt>5ms", "1.2m 443", "remote:10.", "state:est sent>1M", "remote:db port!=80", "network:10.1.2.3", "network:10.0.0.0/8 or network:10. or network=default", "started:2026-01-31 2023"} {
		match := Matcher(mustParse(t, src), 0, probeTable(), nil)
		s := &Snapshot{}
		for _, r := range rows { // the buffers grow once
			match(s, r)
		}
		if n := testing.AllocsPerRun(20, func() {
			for _, r := range rows {
				match(s, r)
			}
		}); n != 0 {
			t.Errorf("%s allocates %v times", src, n)
		}
	}
}

func BenchmarkFilter100k(b *testing.B) {
	some := probes()
	rows := make([]probe, 100_000)
	for i := range rows {
		rows[i] = *some[i%len(some)]
	}
	for _, src := range []string{"port:443", "state:est rtt>5ms", "nginx", "zzz", "443", "remote:10.0.0.0/8", "process~ng.nx", "process:ng", "not process:nginx (rtt>50ms or retrans>0)"} {
		b.Run(src, func(b *testing.B) {
			match := Matcher(mustParse(b, src), 0, probeTable(), nil)
			s := &Snapshot{}
			b.ReportAllocs()
			for b.Loop() {
				for i := range rows {
					match(s, &rows[i])
				}
			}
		})
	}
}

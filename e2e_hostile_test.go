package main

// What nobody means well with: windows of no size, and names that want to steer the terminal.

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

func TestFault31Sizes(t *testing.T) {
	t.Parallel()
	s := startServer(t, serving{name: "svsizes"})
	pid := strconv.Itoa(s.pid)
	for _, c := range []struct {
		cols, rows int
		shows      []string // on one line
	}{
		{1, 1, nil}, {2, 2, nil}, {8, 3, nil},
		{20, 5, []string{"svsizes"}},
		{40, 10, []string{"svsizes", strconv.Itoa(s.ports[0])}},
		{80, 24, []string{"svsizes", pid, "127.0.0.1", strconv.Itoa(s.ports[0]), "LISTEN"}},
		{200, 50, []string{"svsizes", pid, "tcp", "127.0.0.1", strconv.Itoa(s.ports[0]), "LISTEN"}},
	} {
		t.Run(fmt.Sprintf("%dx%d", c.cols, c.rows), func(t *testing.T) {
			e := open(t, launch{args: []string{"pid:" + pid}, cols: c.cols, rows: c.rows})
			if c.shows != nil {
				e.shows(c.shows...)
			} else {
				e.await("something drawn", func(*picture) bool {
					e.mu.Lock()
					defer e.mu.Unlock()
					return strings.Contains(string(e.bytes), "\x1b[?1049h")
				})
			}
			// Every page at that size, and the table after it.
			for _, keys := range [][]string{{"?"}, {"s"}, {"C"}, {"b"}, {enter}, {"K"}, {"/", "x"}} {
				e.press(keys...)
			}
			e.press(ctrlC)
			if code := e.ends(); code != 0 || e.stderr.Len() > 0 {
				t.Errorf("exit code %d, stderr: %s", code, e.stderr)
			}
			e.given()
		})
	}
}

// harmless are keys for a storm: all that move, show, choose and type, but none that acts on a process, a
// connection or a file (K F9 x e y), and none that ends or stops the program.
var harmless = []string{
	"j", "k", "g", "G", "\x04", "\x15", "\x02", "\x06", "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[5~", "\x1b[6~",
	"\x1b[H", "\x1b[F", "t", "u", "i", "l", "a", "n", "C", "/", "f", "s", "<", ">", "S", "#", "b", "m", "M", "c",
	" ", "p", "\x1b[15~", "+", "-", "1", "2", "3", "4", "\t", "\x1b[Z", "?", "h", "\x0c", enter, enter, escape,
	"\x7f", "(", "[", "]", ":", "é", "\xff", "\x1b[<0;3;2M\x1b[<0;3;2m", "\x1b[200~1234\n\x1b[201~",
}

func TestFault31StormOfResizesAndKeys(t *testing.T) {
	t.Parallel()
	const steps = 400
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			e := open(t, launch{args: []string{"--interval", "100ms", "--mouse"}})
			e.ready()
			random := rand.New(rand.NewPCG(seed, seed))
			for range steps {
				switch random.IntN(4) {
				case 0:
					e.resize(1+random.IntN(200), 1+random.IntN(60))
				case 1:
					e.resize(1+random.IntN(10), 1+random.IntN(6))
				default:
					e.press(harmless[random.IntN(len(harmless))])
				}
			}
			e.resize(120, 24)
			e.leave()
		})
	}
}

// Bytes that no key sends, but a paste in Latin-1, a Meta key that sets the eighth bit, or a noisy line does.
func TestFault31InputThatIsNoText(t *testing.T) {
	t.Parallel()
	for _, input := range []string{"\xff", "caf\xe9", "\xc3", "\x80\x80\x80", "\xed\xa0\x80", "\x00", "\x1b["} {
		t.Run(strconv.Quote(input), func(t *testing.T) {
			e := open(t, launch{})
			e.ready()
			e.press("/", input, ctrlU, "x")
			e.leave()
		})
	}
}

// leave quits from whatever is open, when it may be long before all keys have had their effect.
func (e *terminal) leave() {
	e.t.Helper()
	for began := time.Now(); time.Since(began) < patience; {
		for _, key := range []string{escape, "q"} {
			e.press(key)
			select {
			case <-e.exited:
				if code := e.cmd.ProcessState.ExitCode(); code != 0 || e.stderr.Len() > 0 {
					e.t.Errorf("exit code %d, stderr: %s", code, e.stderr)
				}
				e.given()
				return
			case <-time.After(100 * time.Millisecond): // Esc and q at once are Alt-q
			}
		}
	}
	e.t.Fatalf("it does not answer to q; the screen:\n%s", e.look())
}

// hostileNames are names that processes give themselves, and how each is to be read.
var hostileNames = []struct{ comm, shown string }{
	{"\x1b]52;c;aGk=\a", `\x1b]52;c;aGk=\x07`},
	{"\x1b[31;1mred", `\x1b[31;1mred`},
	{"[red]x[:::u]", `[red]x[:::u]`},
	{"a\nb) S 1 (", `a\nb) S 1 (`},
	{"\u202egnp.exe", `\u202egnp.exe`},
	{"\u009b5mblink", `\u009b5mblink`},
	{"\xff\xfebad", `\xff\xfebad`},
	{"=cmd|' /C", `=cmd|' /C`},
}

// sequences are what a screen is drawn with: cursor, colours, modes, CAN at the farewell, and the two blanks
// that tcell goes back over before a wide character.
var sequences = regexp.MustCompile(`\x1b\[[?>=<]?[0-9;:]*[ -/]?[A-Za-z]|\x1b[=>78]|\x1b\(B|\x18|  \x08\x08`)

// steers says what in the bytes that were drawn could steer a terminal, "" for nothing.
func steers(sent []byte) string {
	rest := sequences.ReplaceAll(sent, nil)
	if !utf8.Valid(rest) {
		return "bytes that are not UTF-8"
	}
	for _, r := range string(rest) {
		if unicode.IsControl(r) && r != '\r' && r != '\n' || unicode.Is(unicode.Cf, r) {
			at := strings.IndexRune(string(rest), r)
			return fmt.Sprintf("%U, in %q", r, rest[max(0, at-20):min(len(rest), at+20)])
		}
	}
	return ""
}

func TestFault01HostileNames(t *testing.T) {
	t.Parallel()
	evil := "\x1b]0;title\a\x1b[2J \x1b]8;;http://x/\x1b\\link [red]arg[-] \u202e\u2066 end"
	const evilShown = `\x1b]0;title\x07\x1b[2J \x1b]8;;http://x/\x1b\link [red]arg[-] \u202e\u2066 end`
	servers := make([]*server, len(hostileNames))
	for i, n := range hostileNames {
		servers[i] = startServer(t, serving{name: "svhostile", comm: n.comm, args: []string{evil}})
	}
	pids := make([]string, len(servers))
	for i, s := range servers {
		pids[i] = strconv.Itoa(s.pid)
	}
	filter := "pid:" + strings.Join(pids, ",")

	t.Run("screen", func(t *testing.T) {
		for i, n := range hostileNames {
			e := open(t, launch{args: []string{filter, "--sort", "pid"}, cols: 200, rows: 50})
			for j, other := range hostileNames {
				e.await("the row of "+other.shown, func(p *picture) bool { return p.has(pids[j], "127.0.0.1", cutName(other.shown)) })
			}
			e.filter("pid:" + pids[i])
			e.await("one row", func(p *picture) bool { return p.matches(`Shown:? 1\b`) })
			e.press(enter)
			e.shows("Process " + n.shown + " (" + pids[i] + ")")
			e.shows(evilShown)
			e.press("K")
			e.shows("process", n.shown)
			e.shows("[N]o", "[Y]es")
			e.press("n")
			e.await("the end of the question", func(p *picture) bool { return !p.has("[N]o") })
			e.back("Process ")
			if what := steers(e.quit()); what != "" {
				t.Errorf("%s: the terminal was sent %s", n.shown, what)
			}
		}
	})

	dir := home(t)
	t.Run("json", func(t *testing.T) {
		got := capture(t, dir, nil, "--json", "--columns", "process,pid,cmdline", filter)
		var rows []struct {
			Process, Cmdline string
			PID              int
		}
		if err := json.Unmarshal([]byte(got.out), &rows); err != nil || len(rows) != len(servers) {
			t.Fatalf("%v: %s", err, got.out)
		}
		for _, r := range rows {
			i := slices.Index(pids, strconv.Itoa(r.PID))
			if i < 0 || r.Process != hostileNames[i].shown || !strings.Contains(r.Cmdline, evilShown) {
				t.Errorf("%+v", r)
			}
		}
		if what := steers([]byte(got.out)); what != "" {
			t.Errorf("the output holds %s", what)
		}
	})
	t.Run("csv", func(t *testing.T) {
		got := capture(t, dir, nil, "--csv", "--columns", "process,pid", filter)
		rows, err := csv.NewReader(strings.NewReader(got.out)).ReadAll()
		if err != nil || len(rows) != len(servers)+1 {
			t.Fatalf("%v: %s", err, got.out)
		}
		for _, r := range rows[1:] {
			i := slices.Index(pids, r[1])
			// What a spreadsheet would take for a formula is led by an apostrophe.
			if i < 0 || strings.TrimPrefix(r[0], "'") != hostileNames[i].shown || strings.ContainsAny(r[0][:1], "=+-@") {
				t.Errorf("%q", r)
			}
		}
	})
	t.Run("plain", func(t *testing.T) {
		got := capture(t, dir, nil, "--columns", "process,pid,lport", filter)
		for i, n := range hostileNames {
			if !strings.Contains(got.out, n.shown) || !strings.Contains(got.out, pids[i]) {
				t.Errorf("no %s in\n%s", n.shown, got.out)
			}
		}
		if lines := strings.Count(got.out, "\n"); lines != len(servers)+1 {
			t.Errorf("%d lines, want a heading and %d", lines, len(servers))
		}
		if what := steers([]byte(got.out)); what != "" {
			t.Errorf("the output holds %s", what)
		}
	})
	t.Run("netstat", func(t *testing.T) { // its program name is the first argument's
		got := capture(t, dir, nil, "-antp", filter)
		for i := range hostileNames {
			if !strings.Contains(got.out, " "+pids[i]+"/") {
				t.Errorf("no %s/ in\n%s", pids[i], got.out)
			}
		}
		if what := steers([]byte(got.out)); what != "" {
			t.Errorf("the output holds %s", what)
		}
	})
}

// cutName is how much of a name a column shows at least.
func cutName(s string) string { return s[:min(len(s), 8)] }

package main

// Settings, themes, and other people's eyes: what the file says, what is kept in it, what a plain terminal or
// another user gets.

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// writeSettings writes a config file into a home.
func writeSettings(t *testing.T, home, text string) string {
	t.Helper()
	path := filepath.Join(home, "sockview", "config.toml")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFault34WrongSettingsAreOneLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		line       int
		says       []string
	}{
		{"unknown key", "# mine\nintervall = \"1s\"\n", 2, []string{"intervall", "did you mean interval?"}},
		{"wrong type", "interval = \"1s\"\nmouse = \"yes\"\n", 2, []string{"mouse", "true or false"}},
		{"too short", "interval = \"50ms\"\n", 1, []string{"50ms", "too short", "100ms"}},
		{"theme", "\n\ntheme = \"dark\"\n", 3, []string{"dark", "default", "light"}},
		{"column", "[columns]\nsockets = [\"pid\", \"bogus\"]\n", 2, []string{"bogus", "lport"}},
		{"key", "[keys]\nquit = \"Ctrl-Meta-Q\"\n", 2, []string{"Ctrl-Meta-Q", "is not a key"}},
		{"key taken", "[keys]\nkill = \"x\"\n", 2, []string{"x", "close"}},
		{"action", "[keys]\nexplode = \"X\"\n", 2, []string{"explode"}},
		{"not TOML", "interval = \n", 1, nil},
		{"escape", "\"\\u001b[31m\" = 1\n", 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := home(t)
			path := writeSettings(t, dir, c.text)
			e := open(t, launch{home: dir, cols: 200})
			if code := e.ends(); code != 2 {
				t.Errorf("exit code %d, want 2", code)
			}
			if sent := e.sent(); len(sent) > 0 {
				t.Errorf("the terminal was sent %q", sent)
			}
			said := e.stderr.String()
			if strings.Count(said, "\n") != 1 || strings.Contains(said, "\x1b") {
				t.Errorf("want one safe line, have %q", said)
			}
			for _, want := range append(c.says, fmt.Sprintf("%s:%d: ", path, c.line)) {
				if !strings.Contains(said, want) {
					t.Errorf("it does not say %q: %s", want, said)
				}
			}
		})
	}
}

func TestConfigKeepsColumns(t *testing.T) {
	t.Parallel()
	dir := home(t)
	path := writeSettings(t, dir, "# kept by hand\ninterval = \"500ms\"\n")
	s := startServer(t, serving{name: "svcolumns"})
	args := []string{"pid:" + strconv.Itoa(s.pid)}
	e := open(t, launch{home: dir, args: args, cols: 200, rows: 50})
	if p := e.shows("svcolumns", "LISTEN"); strings.Contains(p.lines[heading], "USER") {
		t.Fatalf("the user's column is there from the start:\n%s", p)
	}
	e.press("C")
	e.shows("Columns")
	e.pick("user")
	e.press(space)
	e.shows("[x] user")
	e.pick("rx")
	e.press(space)
	e.shows("[ ] rx")
	e.press(enter)
	e.shows("columns kept in the config")
	kept := func(p *picture) bool {
		head := p.lines[heading]
		return strings.Contains(head, "USER") && !strings.Contains(head, "RX/s") && p.has("svcolumns", "LISTEN")
	}
	e.await("the columns chosen", kept)
	e.quit()

	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# kept by hand\n", "interval = \"500ms\"\n", "[columns]\n", "\"user\""} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the file does not hold %q:\n%s", want, text)
		}
	}
	again := open(t, launch{home: dir, args: args, cols: 200, rows: 50})
	again.await("the columns chosen last time", kept)
	again.await("the interval of the file", func(p *picture) bool { return p.has("Update: 500 ms") })
	again.quit()
}

func TestConfigRebindsKeys(t *testing.T) {
	t.Parallel()
	dir := home(t)
	writeSettings(t, dir, "[keys]\nquit = [\"Z\"]\nhelp = \"o\"\n")
	e := open(t, launch{home: dir, cols: 120})
	e.ready()
	e.shows("o help", "Z quit")
	e.press("q", "o")
	e.shows("Help (Esc closes)")
	e.back("Help (Esc closes)")
	e.press("Z")
	if code := e.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	e.given()
}

// colours are the settings of colour among all of SGR (ECMA-48 8.3.117 and aixterm's bright ones).
var colours = regexp.MustCompile(`\x1b\[(?:[0-9;:]*[;:])?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:[;:][0-9;:]*)?m`)

func TestColoursOnlyWhereWanted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		args   []string
		env    []string
		config string
		colour bool
	}{
		{"usual", nil, nil, "", true},
		{"light", []string{"--theme", "light"}, nil, "", true},
		{"high-contrast", []string{"--theme", "high-contrast"}, nil, "", true},
		{"--no-color", []string{"--no-color"}, nil, "", false},
		{"NO_COLOR", nil, []string{"NO_COLOR=1"}, "", false},
		{"NO_COLOR empty", nil, []string{"NO_COLOR="}, "", true},
		{"NO_COLOR over a theme", []string{"--theme", "high-contrast"}, []string{"NO_COLOR=1"}, "", false},
		{"theme none", []string{"--theme", "none"}, nil, "", false},
		{"theme none in the config", nil, nil, "theme = \"none\"\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := home(t)
			if c.config != "" {
				writeSettings(t, dir, c.config)
			}
			e := open(t, launch{home: dir, env: c.env, args: append(c.args, "process:svcoloured", "--hold", "1m", "--interval", "100ms")})
			e.shows("0 of ")
			s := startServer(t, serving{name: "svcoloured"}) // a new row, green where there are colours
			e.shows("+svcoloured", strconv.Itoa(s.pid))
			e.press("K")
			e.shows("[N]o")
			e.press("y")
			e.shows("-svcoloured", strconv.Itoa(s.pid))
			e.press("?")
			e.shows("Help (Esc closes)")
			e.back("Help (Esc closes)")
			sent := e.quit()
			if got := colours.Find(sent); (got != nil) != c.colour {
				t.Errorf("colour sent: %q; wanted: %v", got, c.colour)
			}
		})
	}
}

func TestASCIIOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, config string
		args, env    []string
	}{
		{"--ascii", "", []string{"--ascii"}, nil},
		{"config", "ascii = true\n", nil, nil},
		{"locale", "", nil, []string{"LC_ALL=C"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := startServer(t, serving{name: "svascii", comm: "größe漢字"})
			dir := home(t)
			if c.config != "" {
				writeSettings(t, dir, c.config)
			}
			e := open(t, launch{home: dir, env: c.env, args: append(c.args, "pid:"+strconv.Itoa(s.pid)), cols: 100})
			e.shows(strconv.Itoa(s.pid), "LISTEN", "gr")
			for _, page := range [][2]string{{"s", "Sort by"}, {"C", "Columns"}, {"?", "Help"}, {"K", "[N]o"}, {enter, "Waits for"}} {
				e.press(page[0])
				e.shows(page[1])
				e.back(page[1])
			}
			sent := e.quit()
			for i, b := range sent {
				if b >= 0x80 {
					t.Fatalf("byte %#x at %d, in %q", b, i, sent[max(0, i-20):min(len(sent), i+20)])
				}
			}
		})
	}
}

func TestFault32TerminalTypes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		env  []string
	}{
		{"unset", []string{"TERM="}}, {"unknown name", []string{"TERM=from-the-future"}},
		{"linux", []string{"TERM=linux"}}, {"vt100", []string{"TERM=vt100"}}, {"screen", []string{"TERM=screen-256color"}},
		{"tmux", []string{"TERM=tmux-256color"}}, {"no locale", []string{"LC_ALL="}}, {"odd locale", []string{"LC_ALL=xx_YY.KOI-99"}},
		{"latin locale", []string{"LC_ALL=de_DE.ISO-8859-1"}}, {"hostile size", []string{"COLUMNS=-5", "LINES=99999999"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := open(t, launch{env: c.env})
			e.ready()
			e.shows("sockview", "Sockets")
			e.press("?")
			e.shows("Help (Esc closes)")
			e.back("Help (Esc closes)")
			e.quit()
		})
	}
	for _, name := range []string{"dumb", "unknown"} {
		t.Run(name, func(t *testing.T) {
			e := open(t, launch{env: []string{"TERM=" + name}})
			if code := e.ends(); code == 0 {
				t.Error("exit code 0")
			}
			if now := *e.settings(); now != e.before {
				t.Errorf("the terminal's settings are\n%+v, and were\n%+v", now, e.before)
			}
			if sent := e.sent(); len(sent) > 0 {
				t.Errorf("the terminal was sent %q", sent)
			}
			if said := e.stderr.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "set it to") {
				t.Errorf("want one line on what to set, have %q", said)
			}
		})
	}
}

// nobody is a user that owns nothing.
const nobody = 65534

func TestFault22AnotherUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root: to start it as another user")
	}
	s := startServer(t, serving{name: "svhidden"})
	port := strconv.Itoa(s.ports[0])
	dial(t, s.ports[0], "")
	e := open(t, launch{uid: nobody, args: []string{"lport:" + port}, cols: 120, rows: 40})
	hidden := func(p *picture) bool {
		y := p.line(port, "LISTEN")
		return y > heading && strings.HasPrefix(strings.Fields(p.lines[y])[0], "-") && !p.has("svhidden")
	}
	e.await("its listener, without an owner", hidden)
	e.await("how many are hidden", func(p *picture) bool {
		return regexp.MustCompile(`[1-9]\d* owners? hidden`).MatchString(p.lines[0])
	})

	e.filter("lport:" + port + " state:listen")
	e.await("the listener alone", func(p *picture) bool { return p.matches(`Shown:? 1\b`) })
	e.press("K")
	e.shows("no process to signal", "no permission")
	e.press(enter)
	e.shows("belongs to a process of another user")
	e.back("belongs to a process of another user")
	e.filter("lport:" + port + " state:established")
	e.await("the connection", func(p *picture) bool { return p.has(port, "ESTABLISHED") && p.matches(`Shown:? 1\b`) })
	e.press("x")
	e.shows("needs CAP_NET_ADMIN", "setcap")

	e.press("?")
	e.shows("Help")
	e.until("\x04", "the line that would show the owners", func(p *picture) bool { return p.has("sudo setcap cap_sys_ptrace") })
	e.back("sudo setcap")
	e.quit()
}

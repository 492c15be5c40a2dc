package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPath(t *testing.T) {
	for _, tt := range []struct {
		xdg, home, want string
		err             error
	}{
		{"/x", "/home/u", "/x/sockview/config.toml", nil},
		{"", "/home/u", "/home/u/.config/sockview/config.toml", nil},
		{"relative", "/home/u", "/home/u/.config/sockview/config.toml", nil},
		{"/x", "", "/x/sockview/config.toml", nil},
		{"", "", "", ErrNoHome},
		{"", "not/absolute", "", ErrNoHome},
	} {
		env := map[string]string{"XDG_CONFIG_HOME": tt.xdg, "HOME": tt.home}
		got, err := Path(func(k string) string { return env[k] })
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("XDG_CONFIG_HOME=%q HOME=%q: %q, %v; want %q, %v", tt.xdg, tt.home, got, err, tt.want, tt.err)
		}
	}
}

func TestLoad(t *testing.T) {
	for _, tt := range []struct {
		name, src string
		want      Config
	}{
		{"empty", "", Default()},
		{"comments only", "# nothing\n\n  # set\n", Default()},
		{"everything", `
interval = "500ms" # often
hold = "3s"
theme = 'light'
mouse = true
ascii = true
resolve = true
netns = "web"
[columns]
sockets = ["process", "pid",
  "rtt", # how far
]
processes = ["pid"]
[sort]
sockets = "tx desc"
processes = "pid"
hosts = "rtt ASC"
[keys]
kill = ["K", "F9"]
close = "x"
quit = []
`, Config{
			Interval: 500 * time.Millisecond, Hold: 3 * time.Second, Theme: "light", Mouse: true, ASCII: true, Resolve: true, NetNS: "web",
			Columns: map[string][]string{"sockets": {"process", "pid", "rtt"}, "processes": {"pid"}},
			Sort:    map[string]Sorting{"sockets": {"tx", Descending}, "processes": {"pid", OwnWay}, "hosts": {"rtt", Ascending}},
			Keys:    map[string][]string{"kill": {"K", "F9"}, "close": {"x"}, "quit": {}},
		}},
		{"inline and dotted", "columns = { sockets = ['pid'] }\nsort.sockets = 'tx'\nkeys = {kill='K'}\n", Config{
			Interval: time.Second,
			Columns:  map[string][]string{"sockets": {"pid"}},
			Sort:     map[string]Sorting{"sockets": {"tx", OwnWay}},
			Keys:     map[string][]string{"kill": {"K"}},
		}},
		{"a history", "history = 9", Config{Interval: time.Second, History: 9}},
		{"no history", "history = 0", Config{Interval: time.Second, History: -1}},
		{"seconds without a unit", "interval = 2\nhold = 1.5", Config{Interval: 2 * time.Second, Hold: 1500 * time.Millisecond}},
		{"CRLF and byte order mark", "\xef\xbb\xbfmouse = true\r\n[columns]\r\nsockets = [\r\n\"pid\" ]\r\n",
			Config{Interval: time.Second, Mouse: true, Columns: map[string][]string{"sockets": {"pid"}}}},
		{"swapped keys", "[keys]\nkill = 'x'\nclose = 'K'", Config{
			Interval: time.Second, Keys: map[string][]string{"kill": {"x"}, "close": {"K"}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Load(settings(t, tt.src), known())
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestFault34Mistakes: every mistake is one line with the file, its line and what is allowed, and no Config.
func TestFault34Mistakes(t *testing.T) {
	for _, tt := range []struct {
		name, src string
		line      int
		says      string // all of it, but for path:line
	}{
		{"unknown key", "mouse = true\n\nintervall = '1s'\n", 3, `unknown key "intervall"; did you mean interval?`},
		{"unknown key, nothing near", "zzzzz = 1", 1,
			`unknown key "zzzzz"; allowed are interval, hold, history, theme, mouse, ascii, resolve, netns, columns, sort, keys`},
		{"hostile key", "\"\\u001b]52;c;\\u0007\\u202e\" = 1", 1,
			`unknown key "\x1b]52;c;\x07\u202e"; allowed are interval, hold, history, theme, mouse, ascii, resolve, netns, columns, sort, keys`},
		{"unknown section", "[colums]\nsockets = 1", 1, `unknown section "colums"; did you mean columns?`},
		{"section of a value", "\n[interval]\nx = 1", 2, `interval is no section; write interval = and its value above the first section`},
		{"section within", "[columns]\n[columns.sockets]\n", 2, `there is no section within [columns]; write [columns]`},
		{"list of sections", "[[columns]]\n", 1, `[[columns]] is a list of sections, which no setting is; a section is [columns]`},
		{"value for a section", "columns = ['pid']", 1, `columns must be a section, not a list; write [columns] and its settings below`},
		{"dotted value", "mouse.x = true", 1, `mouse has nothing within it`},
		{"deep", "[columns]\nsockets.a.b = 1", 2, `columns.sockets has nothing within it`},
		{"interval too short", "interval = '5ms'", 1, `interval: "5ms" is too short; allowed is 100ms to 1h`},
		{"interval no time", "\ninterval = 'often'", 2, `interval: "often" is not a time; allowed is 100ms to 1h`},
		{"interval negative", "interval = -3", 1, `interval: "-3" is not a time; allowed is 100ms to 1h`},
		{"history not a number", "history = '9'", 1, `history must be a whole number, without quotes, not a text`},
		{"history below zero", "history = -9", 1, `history: "-9" is no such number; allowed is a whole number`},
		{"hold too short", "hold = '0s'", 1, `hold: "0s" is too short; allowed is 100ms to 1h`},
		{"interval of wrong type", "interval = true", 1, `interval must be a time in quotes, 100ms to 1h, not true or false`},
		{"interval a list", "interval = []", 1, `interval must be a time in quotes, 100ms to 1h, not a list`},
		{"theme unknown", "theme = 'lihgt'", 1, `theme: no such theme "lihgt"; did you mean light?`},
		{"theme of wrong type", "theme = 3", 1, `theme must be one of default, light, high-contrast, none, in quotes, not a number`},
		{"mouse in quotes", "mouse = 'yes'", 1, `mouse must be true or false, without quotes, not a text`},
		{"ascii a date", "ascii = 2026-01-31", 1, `ascii must be true or false, without quotes, not a date or time`},
		{"netns no text", "netns = true", 1, `netns must be own, all, the name of a network namespace or the pid of a process in it, in quotes, not true or false`},
		{"netns empty", `netns = ""`, 1, `netns: no such namespace ""; allowed is own, all, the name of a network namespace or the pid of a process in it, in quotes`},
		{"netns a flag", `netns = "-x"`, 1, `netns: no such namespace "-x"; allowed is own, all, the name of a network namespace or the pid of a process in it, in quotes`},
		{"resolve a table", "resolve = {a=1}", 1, `resolve must be true or false, without quotes, not a table`},
		{"mouse bare word", "mouse = yes", 1, `not TOML: a value is true, false, a number, "text" in quotes or a [list]`},
		{"theme without quotes", "\ntheme = light", 2, `not TOML: a value is true, false, a number, "text" in quotes or a [list]`},
		{"interval without quotes", "interval = 500ms", 1, `not TOML: text must stand in quotes, as "500ms"`},
		{"no value", "interval =\n", 1, `not TOML: a value is true, false, a number, "text" in quotes or a [list]`},
		{"no equals sign", "\n\nmouse\n", 3, `not TOML: expected '=' after key`},
		{"list not closed", "[columns]\n# mine\nsockets = [\n  'pid',\n\n\n", 3, `not TOML: array is incomplete; it begins here and does not end`},
		{"text not closed", "[sort]\nsockets = '''a\nb\n\n", 2, `not TOML: multiline literal string not terminated by '''; it begins here and does not end`},
		{"section not closed", "[columns\n", 1, `not TOML: expected ']' to close table name`},
		{"NUL", "mouse = true\n\x00", 2, `not TOML: invalid character at start of key: U+0000`},
		{"not UTF-8", "# \xff\n", 1, `not TOML: invalid UTF-8 character in comment`},
		{"twice", "mouse = true\nascii = true\nmouse = true", 3, `mouse stands twice, first in line 1; one of them must go`},
		{"twice, quoted", "mouse = true\n'mouse' = true", 2, `mouse stands twice, first in line 1; one of them must go`},
		{"section twice", "[columns]\n[sort]\n[columns]", 3, `columns stands twice, first in line 1; one of them must go`},
		{"section and inline", "columns = {}\n[columns]", 2, `columns stands twice, first in line 1; one of them must go`},
		{"section and dotted", "columns.sockets = ['pid']\n[columns]\nhosts = ['pid']", 2,
			`not TOML: table columns already exists as defined by a dotted key`},
		{"in section and dotted", "columns.sockets = ['pid']\n[columns]\nsockets = ['pid']", 3,
			`columns.sockets stands twice, first in line 1; one of them must go`},
		{"setting in a section", "[columns]\nsockets = ['pid']\nmouse = true", 3, `mouse stands in [columns]; move it above the first section`},
		{"setting among the keys", "[keys]\nmouse = true", 2, `mouse stands in [keys]; move it above the first section`},
		{"unknown screen", "[columns]\nsocket = ['pid']", 2, `columns: unknown screen "socket"; did you mean sockets?`},
		{"unknown column", "[columns]\nsockets = [\n 'pid',\n 'rttt',\n]", 4, `columns.sockets: unknown column "rttt"; did you mean rtt?`},
		{"column of another screen", "[columns]\nprocesses = ['rtt']", 2, `columns.processes: unknown column "rtt"; allowed are process, pid, sockets`},
		{"column twice", "[columns]\nsockets = ['pid',\n'pid']", 3, `columns.sockets: column pid stands twice; one of them must go`},
		{"column no text", "[columns]\nsockets = ['pid',\n7]", 3, `columns.sockets: a column must be a text in quotes, not a number`},
		{"columns in a list", "[columns]\nsockets = [['pid']]", 2, `columns.sockets: a column must be a text in quotes, not a list`},
		{"no columns", "[columns]\nprocesses = []", 2, `columns.processes: a table needs a column; allowed are process, pid, sockets`},
		{"columns no list", "[columns]\nsockets = 'pid'", 2, `columns.sockets must be a list of columns, as ["process", "pid"], not a text`},
		{"sort unknown column", "[sort]\nsockets = 'txx desc'", 2, `sort.sockets: unknown column "txx"; did you mean tx?`},
		{"sort unknown way", "[sort]\nsockets = 'tx down'", 2, `sort.sockets: unknown direction "down"; allowed are asc, desc`},
		{"sort nothing", "[sort]\nsockets = ' '", 2, `sort.sockets: " " must be a column, then asc or desc if need be, as "tx desc"`},
		{"sort of wrong type", "[sort]\nsockets = ['tx']", 2,
			`sort.sockets must be a column in quotes, with asc or desc behind it if need be, as "tx desc", not a list`},
		{"sort unknown screen", "[sort]\nfoo = 'tx'", 2, `sort: unknown screen "foo"; allowed are sockets, processes, hosts`},
		{"key of wrong type", "[keys]\nkill = 9", 2, `keys.kill must be a key in quotes or a list of them, as "K" or ["K", "F9"], not a number`},
		{"key list of wrong type", "[keys]\nkill = ['K',\ntrue]", 3,
			`keys.kill must be a key in quotes or a list of them, as "K" or ["K", "F9"], not a list with true or false`},
		{"no such key", "[keys]\nquit = 'q'\nkill = 'Hyper'", 3, `keys: kill: "Hyper" is not a key`},
		{"key taken", "[keys]\nclose = 'x'\nquit = 'q'\nkill = 'x'", 2, `keys: close: key x is kill already`},
		{"no such action", "[keys]\n\nexplode = 'x'", 3, `keys: no such action "explode"`},
		{"the first of several", "[keys]\nexplode = 'x'\n[sort]\nfoo = 1\n[columns]\nbar = 1", 4, `sort: unknown screen "foo"; allowed are sockets, processes, hosts`},
		{"before a broken line", "mouze = true\n]]]", 1, `unknown key "mouze"; did you mean mouse?`},
		{"long word", "theme = '" + strings.Repeat("x", 500) + "'", 1,
			`theme: no such theme "` + strings.Repeat("x", 39) + `…"; allowed are default, light, high-contrast, none`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := settings(t, tt.src)
			got, err := Load(path, known())
			if err == nil {
				t.Fatalf("no error; %+v", got)
			}
			oneLine(t, err)
			if d := cmp.Diff(Config{}, got); d != "" {
				t.Errorf("a Config beside the error: %s", d)
			}
			var m *Mistake
			if !errors.As(err, &m) || m.Line != tt.line {
				t.Fatalf("%v; want line %d", err, tt.line)
			}
			prefix := fmt.Sprintf("%s:%d: ", path, tt.line)
			says, ok := strings.CutPrefix(err.Error(), prefix)
			if !ok || says != tt.says {
				t.Errorf("got  %s\nwant %s%s", err, prefix, tt.says)
			}
		})
	}
}

// TestFault34Files: what is no settings file is refused in one line, and nothing waits for it.
func TestFault34Files(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(syscall.Mkfifo(at("fifo"), 0o600))
	must(os.Mkdir(at("folder"), 0o700))
	must(os.WriteFile(at("huge"), make([]byte, maxFile+1), 0o600))
	must(os.WriteFile(at("largest"), []byte("mouse = true\n"+strings.Repeat("#", maxFile-13)), 0o600))
	must(os.Symlink("loop", at("loop")))
	must(os.Symlink("nothing", at("dangling")))
	must(os.Symlink("fifo", at("to-fifo")))
	for _, tt := range []struct {
		path, says string
		is         error
	}{
		{at("fifo"), "it is not a regular file", nil},
		{at("to-fifo"), "it is not a regular file", nil},
		{at("folder"), "it is a directory", nil},
		{at("huge"), "it is larger than 64 KiB, which settings never are", nil},
		{at("loop"), "too many levels of symbolic links", syscall.ELOOP},
		{at("largest/x"), "not a directory", syscall.ENOTDIR},
		{"/dev/zero", "it is not a regular file", nil},
		{"/proc/self/mem", "input/output error", syscall.EIO}, // a regular file that not even root can read at 0
		{"/proc/kallsyms", "it is larger than 64 KiB, which settings never are", nil},
		{"x\x1b[2J\x00", "invalid argument", syscall.EINVAL},
	} {
		t.Run(filepath.Base(tt.path), func(t *testing.T) {
			if _, err := os.Stat(tt.path); errors.Is(err, fs.ErrNotExist) {
				t.Skipf("this machine has no %s", tt.path)
			}
			got, err := Load(tt.path, known())
			if err == nil {
				t.Fatalf("no error; %+v", got)
			}
			oneLine(t, err)
			if want := "cannot read settings " + shown(tt.path) + ": " + tt.says; err.Error() != want {
				t.Errorf("got  %s\nwant %s", err, want)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %v", err, tt.is)
			}
			if d := cmp.Diff(Config{}, got); d != "" {
				t.Errorf("a Config beside the error: %s", d)
			}
		})
	}
	for _, path := range []string{at("missing"), at("none/config.toml"), at("dangling")} {
		if got, err := Load(path, known()); err != nil || got.Interval != time.Second {
			t.Errorf("Load of a file that is not there: %+v, %v", got, err)
		}
		_, err := LoadNamed(path, known())
		if !errors.Is(err, fs.ErrNotExist) || err.Error() != "cannot read settings "+path+": no such file or directory" {
			t.Errorf("LoadNamed of a file that is not there: %v", err)
		}
	}
	if got, err := Load(at("largest"), known()); err != nil || !got.Mouse {
		t.Errorf("the largest file: %+v, %v", got, err)
	}
	if got, err := LoadNamed(os.DevNull, known()); err != nil || got.Interval != time.Second {
		t.Errorf("the null device: %+v, %v", got, err)
	}
}

// TestUnreadable is the usual case of a file without permission; root may read everything.
func TestUnreadable(t *testing.T) {
	path := settings(t, "mouse = true")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if f, err := os.Open(path); err == nil {
		f.Close()
		t.Skip("needs a user who is bound by permissions; /proc/self/mem stands in for it in TestFault34Files")
	}
	_, err := Load(path, known())
	if !errors.Is(err, fs.ErrPermission) || err.Error() != "cannot read settings "+path+": permission denied" {
		t.Error(err)
	}
}

func TestNearest(t *testing.T) {
	allowed := []string{"interval", "hold", "theme", "high-contrast"}
	for word, want := range map[string]string{
		"intervall": "interval", "Interval": "interval", "interv": "interval", "HighContrast": "high-contrast",
		"high_contrast": "high-contrast", "hodl": "hold", "themes": "theme", "x": "", "": "", "color": "",
		strings.Repeat("interval", 100): "", "ho": "",
	} {
		if got := nearest(word, allowed); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, src := range []string{
		"", "interval = '500ms'\n[columns]\nsockets = ['pid']\n", "columns = {sockets=['pid'],}", "[[a]]\n[a.b]",
		"a.b.c = {d = {e = [1, [2, {f = 1979-05-27T07:32:00Z}]]}}", "x = [ # c\n 1, # d\n # e\n]", "[keys]\nkill = '''\nK'''",
		"\xef\xbb\xbf[sort]\r\nsockets = \"tx\\u0020desc\"\r\n", "x = [", "x = \"\"\"", "'' = 1", "columns.sockets = ['pid']",
	} {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		got, err := parse("config.toml", src, known())
		if err == nil {
			if got.Interval == 0 {
				t.Fatal("neither an error nor a value")
			}
			return
		}
		oneLine(t, err)
		if d := cmp.Diff(Config{}, got); d != "" {
			t.Fatalf("an error and a value: %v, %s", err, d)
		}
		var m *Mistake
		if !errors.As(err, &m) || m.Line < 1 || m.Line > strings.Count(string(src), "\n")+1 {
			t.Fatalf("%v: not a line of the file", err)
		}
	})
}

// TestFault34Huge: the largest file allowed takes no more than a moment and no more memory than it is worth,
// however it is made up. The bound is on allocations: it does not depend on the machine.
func TestFault34Huge(t *testing.T) {
	full := func(head, piece, tail string) string {
		return head + strings.Repeat(piece, (maxFile-len(head)-len(tail))/len(piece)) + tail
	}
	var keys strings.Builder
	for i := 0; keys.Len() < maxFile-20; i++ {
		fmt.Fprintf(&keys, "k%d=1\n", i)
	}
	for name, src := range map[string]string{
		"lists":          full("x=", "[", ""),
		"inline tables":  full("", "a={", ""),
		"dots":           full("a", ".a", "=1"),
		"many keys":      keys.String(),
		"long section":   "[a" + strings.Repeat(".a", maxFile/4) + "]\n" + strings.Repeat("b=1\n", maxFile/8-1),
		"sections":       full("", "[a]\n", ""),
		"list sections":  full("", "[[a]]\n", ""),
		"comments":       full("x = [\n", "#\n", "]"),
		"long word":      full("", "x", "=1"),
		"columns":        full("[columns]\nsockets = [", "'pid',", "]"),
		"twice the same": full("", "mouse=true\n", ""),
	} {
		t.Run(name, func(t *testing.T) {
			if len(src) > maxFile {
				t.Fatalf("%d bytes", len(src))
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := parse("config.toml", []byte(src), known())
			runtime.ReadMemStats(&after)
			if err == nil {
				t.Fatal("no error")
			}
			if len(err.Error()) > 400 {
				t.Errorf("a message of %d bytes", len(err.Error()))
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
				t.Errorf("%d MB allocated", used>>20)
			}
		})
	}
}

package config

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2/unstable"
	"golang.org/x/sys/unix"
)

// TestSetColumns: only the value changes, whatever the file looks like.
func TestSetColumns(t *testing.T) {
	ids := []string{"pid", "rtt", "local"}
	for _, tt := range []struct{ name, src, want string }{
		{"no content", "", "[columns]\nsockets = [\"pid\", \"rtt\", \"local\"]\n"},
		{"no section",
			"# my settings\nmouse = true   # yes\n",
			"# my settings\nmouse = true   # yes\n\n[columns]\nsockets = [\"pid\", \"rtt\", \"local\"]\n"},
		{"no line feed at the end",
			"[keys]\nkill = 'K'",
			"[keys]\nkill = 'K'\n\n[columns]\nsockets = [\"pid\", \"rtt\", \"local\"]\n"},
		{"in place",
			"[columns] # which\n\tsockets  =  ['pid']  # mine\nprocesses = ['pid']\n\n# end\n",
			"[columns] # which\n\tsockets  =  [\"pid\", \"rtt\", \"local\"]  # mine\nprocesses = ['pid']\n\n# end\n"},
		{"same value", "[columns]\nsockets=['pid', \"rtt\",'local']#x", "[columns]\nsockets=['pid', \"rtt\",'local']#x"},
		{"empty section in the middle",
			"[columns]\n# none yet\n\n[keys]\nkill = 'K'\n",
			"[columns]\nsockets = [\"pid\", \"rtt\", \"local\"]\n# none yet\n\n[keys]\nkill = 'K'\n"},
		{"below the last of the section, indented as it",
			"[columns]\n  hosts = ['pid']\n  processes = ['pid'] # p\n\n[keys]\n",
			"[columns]\n  hosts = ['pid']\n  processes = ['pid'] # p\n  sockets = [\"pid\", \"rtt\", \"local\"]\n\n[keys]\n"},
		{"section without a line feed", "[columns]", "[columns]\nsockets = [\"pid\", \"rtt\", \"local\"]\n"},
		{"dotted in place",
			"columns.sockets = ['pid']\nmouse = true\n",
			"columns.sockets = [\"pid\", \"rtt\", \"local\"]\nmouse = true\n"},
		{"beside a dotted one",
			"columns.hosts = ['pid']\nmouse = true\n[keys]\n",
			"columns.hosts = ['pid']\ncolumns.sockets = [\"pid\", \"rtt\", \"local\"]\nmouse = true\n[keys]\n"},
		{"inline in place",
			"columns = { sockets = ['pid'], hosts = ['pid'] } # c\n",
			"columns = { sockets = [\"pid\", \"rtt\", \"local\"], hosts = ['pid'] } # c\n"},
		{"into an inline table",
			"columns = { hosts = ['pid'] }\n",
			"columns = { hosts = ['pid'], sockets = [\"pid\", \"rtt\", \"local\"] }\n"},
		{"into an empty inline table", "columns = {}\n", "columns = { sockets = [\"pid\", \"rtt\", \"local\"] }\n"},
		{"quoted words", "['columns']\n\"sockets\" = []\n", "['columns']\n\"sockets\" = [\"pid\", \"rtt\", \"local\"]\n"},
		{"of a wrong type", "[columns]\nsockets = \"\"\"\npid\n\"\"\" # x\n", "[columns]\nsockets = [\"pid\", \"rtt\", \"local\"] # x\n"},
		{"CRLF",
			"mouse = true\r\n[columns]\r\nhosts = ['pid']\r\n[keys]\r\n",
			"mouse = true\r\n[columns]\r\nhosts = ['pid']\r\nsockets = [\"pid\", \"rtt\", \"local\"]\r\n[keys]\r\n"},
		{"CRLF, new section", "mouse = true\r\n", "mouse = true\r\n\r\n[columns]\r\nsockets = [\"pid\", \"rtt\", \"local\"]\r\n"},
		{"byte order mark", "\xef\xbb\xbf", "\xef\xbb\xbf[columns]\nsockets = [\"pid\", \"rtt\", \"local\"]\n"},
		{"byte order mark, dotted",
			"\xef\xbb\xbfcolumns.hosts = ['pid']\n",
			"\xef\xbb\xbfcolumns.hosts = ['pid']\ncolumns.sockets = [\"pid\", \"rtt\", \"local\"]\n"},
		{"a list with a line for each item keeps its comments",
			"[columns]\nsockets = [  # left to right\n    # who\n    \"process\", # its name\n    'pid',   # its number\n    # where\n    \"local\"\n    # the end\n  ] # done\n",
			"[columns]\nsockets = [\n    # left to right\n    # who\n    \"pid\", # its number\n    \"rtt\",\n    # where\n    \"local\",\n    # the end\n  ] # done\n"},
		{"the same with CRLF",
			"[columns]\r\nsockets = [\r\n\t'pid', # a\r\n]\r\n",
			"[columns]\r\nsockets = [\r\n\t\"pid\", # a\r\n\t\"rtt\",\r\n\t\"local\",\r\n]\r\n"},
		{"settings that mean nothing", "nonsense = 1\n", "nonsense = 1\n\n[columns]\nsockets = [\"pid\", \"rtt\", \"local\"]\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := settings(t, tt.src)
			if err := SetColumns(path, "sockets", ids); err != nil {
				t.Fatal(err)
			}
			got := contentOf(t, path)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Fatal(d)
			}
			if strings.Contains(tt.src, "nonsense") {
				return
			}
			if c, err := Load(path, known()); err != nil || !slices.Equal(c.Columns["sockets"], ids) {
				t.Errorf("read again: %v, %v", c.Columns, err)
			}
			// once more is no change, and back again is what it was but for layout
			if err := SetColumns(path, "sockets", ids); err != nil || contentOf(t, path) != got {
				t.Errorf("setting the same changed the file (%v): %q", err, contentOf(t, path))
			}
			if left := entriesOf(t, filepath.Dir(path)); len(left) != 1 {
				t.Errorf("files left behind: %v", left)
			}
		})
	}
}

// TestSetColumnsRefuses: a file that is not understood is not touched.
func TestSetColumnsRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, src, screen, says string
		ids                     []string
	}{
		{"no TOML", "mouse = \n", "sockets", `:1: not TOML: a value is true, false, a number, "text" in quotes or a [list]`, []string{"pid"}},
		{"twice", "a = 1\na = 2\n", "sockets", ":2: not TOML: ", []string{"pid"}},
		{"no section", "columns = 5\n", "sockets", ":1: columns must be a section, not a number", []string{"pid"}},
		{"no column", "", "sockets", ": a table needs a column", nil},
		{"no id", "", "sockets", `: "a b" is no name`, []string{"a b"}},
		{"no screen", "", "x\"]\nmouse = true #", `: "x"]\nmouse = true #" is no name`, []string{"pid"}},
		{"too big", "#" + strings.Repeat("x", maxFile-2) + "\n", "sockets", ": it is larger than 64 KiB, which settings never are", []string{"pid"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := settings(t, tt.src)
			err := SetColumns(path, tt.screen, tt.ids)
			if err == nil {
				t.Fatal("no error")
			}
			oneLine(t, err)
			if !strings.Contains(err.Error(), path+tt.says) {
				t.Errorf("got %s; want ...%s", err, tt.says)
			}
			if got := contentOf(t, path); got != tt.src {
				t.Errorf("the file was changed: %q", got)
			}
			if left := entriesOf(t, filepath.Dir(path)); len(left) != 1 {
				t.Errorf("files left behind: %v", left)
			}
		})
	}
}

func TestSetColumnsMakesFolders(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	home := t.TempDir()
	path := filepath.Join(home, ".config", "sockview", "config.toml")
	if err := SetColumns(path, "sockets", []string{"pid"}); err != nil {
		t.Fatal(err)
	}
	if got := contentOf(t, path); got != "[columns]\nsockets = [\"pid\"]\n" {
		t.Errorf("%q", got)
	}
	for p, want := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): 0o700 | fs.ModeDir, filepath.Join(home, ".config"): 0o700 | fs.ModeDir} {
		if info, err := os.Stat(p); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", p, info.Mode(), err, want)
		}
	}
}

// TestSetColumnsKeepsRights: mode and owner are the old file's; what is new is the owner's of the folder.
func TestSetColumnsKeepsRights(t *testing.T) {
	path := settings(t, "")
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	root := os.Geteuid() == 0
	if root {
		if err := errors.Join(os.Chown(path, 1234, 2345), os.Chown(filepath.Dir(path), 1234, 2345)); err != nil {
			t.Skipf("needs root that may give files away: %v", err)
		}
	}
	fresh := filepath.Join(filepath.Dir(path), "a", "b", "config.toml")
	for _, p := range []string{path, fresh} {
		if err := SetColumns(p, "sockets", []string{"pid"}); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("mode %v, %v; want 0640", info.Mode(), err)
	}
	if !root {
		return // the owner cannot be another's
	}
	for _, p := range []string{path, fresh, filepath.Dir(fresh), filepath.Dir(filepath.Dir(fresh))} {
		var st unix.Stat_t
		if err := unix.Stat(p, &st); err != nil || st.Uid != 1234 || st.Gid != 2345 {
			t.Errorf("%s belongs to %d:%d, %v; want 1234:2345", p, st.Uid, st.Gid, err)
		}
	}
}

// TestSetColumnsKeepsLinks: settings that live elsewhere are changed there.
func TestSetColumnsKeepsLinks(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"dotfiles/deep", "config"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	target, path := filepath.Join(dir, "dotfiles/deep/sockview.toml"), filepath.Join(dir, "config/config.toml")
	if err := errors.Join(
		os.Symlink("../dotfiles/deep/link", path),
		os.Symlink("sockview.toml", filepath.Join(dir, "dotfiles/deep/link")),
	); err != nil {
		t.Fatal(err)
	}
	// first without a file behind the links, then with one
	for _, ids := range [][]string{{"pid"}, {"pid", "rtt"}} {
		if err := SetColumns(path, "sockets", ids); err != nil {
			t.Fatal(err)
		}
		if to, err := os.Readlink(path); err != nil || to != "../dotfiles/deep/link" {
			t.Errorf("the link is %q, %v", to, err)
		}
		if info, err := os.Lstat(target); err != nil || !info.Mode().IsRegular() {
			t.Errorf("behind the links is %v, %v", info, err)
		}
		if c, err := Load(path, known()); err != nil || !slices.Equal(c.Columns["sockets"], ids) {
			t.Errorf("%v, %v", c.Columns, err)
		}
	}
	if err := os.Symlink("loop", filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	if err := SetColumns(filepath.Join(dir, "loop"), "sockets", []string{"pid"}); !errors.Is(err, unix.ELOOP) {
		t.Error(err)
	}
}

// TestSetColumnsSeesChanges: what somebody else wrote meanwhile is not lost.
func TestSetColumnsSeesChanges(t *testing.T) {
	path := settings(t, "mouse = true\n")
	times := 0
	meanwhile := func() {
		if times++; times == 1 {
			if err := os.WriteFile(path, []byte("ascii = true\n"), 0o600); err != nil {
				t.Error(err)
			}
		}
	}
	if err := setColumns(path, "sockets", []string{"pid"}, meanwhile); err != nil {
		t.Fatal(err)
	}
	if got, want := contentOf(t, path), "ascii = true\n\n[columns]\nsockets = [\"pid\"]\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}

	path, times = settings(t, ""), 0
	always := func() {
		times++
		if err := os.WriteFile(path, bytes.Repeat([]byte("#\n"), times), 0o600); err != nil {
			t.Error(err)
		}
	}
	err := setColumns(path, "sockets", []string{"pid"}, always)
	if !errors.Is(err, errChanged) || times != maxTries {
		t.Errorf("%v after %d tries", err, times)
	}
	if got := contentOf(t, path); got != strings.Repeat("#\n", times) {
		t.Errorf("the file is %q", got)
	}
}

// TestSetColumnsForeignLink: root does not write where another user's link leads, neither a new file nor over an old one.
func TestSetColumnsForeignLink(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: to give a link to another user")
	}
	dir := t.TempDir()
	path, target := filepath.Join(dir, "config.toml"), filepath.Join(dir, "target")
	if err := errors.Join(os.Symlink(target, path), os.Lchown(path, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	refused := func() {
		t.Helper()
		if err := SetColumns(path, "sockets", []string{"pid"}); !errors.Is(err, errForeignLink) {
			t.Errorf("the error is %v", err)
		} else {
			oneLine(t, err)
		}
	}
	refused()
	if _, err := os.Lstat(target); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("behind the link is %v", err)
	}
	const old = "mouse = true\n"
	if err := os.WriteFile(target, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	refused()
	if text, err := os.ReadFile(target); err != nil || string(text) != old {
		t.Errorf("behind the link is %q, %v", text, err)
	}
}

// TestFault36NoPlace: where nothing can be written the error says why, and what is there stands.
func TestFault36NoPlace(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "file"), nil, 0o600),
		os.Symlink("/nowhere/at/all", filepath.Join(dir, "dangling")),
		syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path, says string
	}{
		{"/proc/sockview/config.toml", "no such file or directory"}, // not even root can make a folder there
		{filepath.Join(dir, "file", "config.toml"), "not a directory"},
		{filepath.Join(dir, "fifo"), "it is not a regular file"},
		{filepath.Join(dir, "dangling"), "no such file or directory"},
		{dir, "it is a directory"},
		{os.DevNull, "it is not a regular file"},
		{"", "no such file or directory"},
	} {
		err := SetColumns(tt.path, "sockets", []string{"pid"})
		if err == nil {
			t.Errorf("%s: no error", tt.path)
			continue
		}
		oneLine(t, err)
		if want := "cannot save settings " + tt.path + ": " + tt.says; err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode()&fs.ModeCharDevice == 0 {
		t.Fatalf("the null device is %v, %v", info, err)
	}
	if left := entriesOf(t, dir); len(left) != 3 {
		t.Errorf("files left behind: %v", left)
	}
}

// TestFault36FullDisk fills a disk of its own, then makes it read-only.
func TestFault36FullDisk(t *testing.T) {
	done := make(chan struct{})
	skip := ""
	go func() {
		defer close(done)
		// never unlocked: the thread, which has a mount namespace of its own, ends with the goroutine
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			skip = "needs root: unshare: " + err.Error()
			return
		}
		disk := t.TempDir()
		if err := errors.Join(
			unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
			unix.Mount("sockview-test", disk, "tmpfs", 0, "size=16k"),
		); err != nil {
			skip = "needs root that may mount: " + err.Error()
			return
		}
		defer func() {
			if err := unix.Unmount(disk, 0); err != nil {
				t.Error(err)
			}
		}()
		path := filepath.Join(disk, "config.toml")
		const src = "# mine\nmouse = true\n"
		if err := os.WriteFile(path, []byte(src), 0o600); err != nil {
			t.Error(err)
			return
		}
		fill(t, filepath.Join(disk, "ballast"))
		refused(t, path, src, unix.ENOSPC, "no space left on device")
		if err := unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Error(err)
			return
		}
		refused(t, path, src, unix.EROFS, "read-only file system")
		refused(t, filepath.Join(disk, "new", "config.toml"), "", unix.EROFS, "read-only file system")
	}()
	<-done
	if skip != "" {
		t.Skip(skip)
	}
}

// fill writes until the disk is full.
func fill(t *testing.T, path string) {
	f, err := os.Create(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	for range 1 << 10 {
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return
		}
	}
	t.Error("the disk does not fill up")
}

func refused(t *testing.T, path, src string, is error, says string) {
	err := SetColumns(path, "sockets", []string{"pid"})
	if !errors.Is(err, is) || err.Error() != "cannot save settings "+path+": "+says {
		t.Errorf("got %v; want %s", err, says)
	}
	if src == "" {
		return
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != src {
		t.Errorf("the old file is %q, %v", got, err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 2 {
		t.Errorf("files left behind: %v, %v", left, err)
	}
}

// FuzzSetColumns: whatever the file is, changing it works or leaves everything; what was set is read back
// and every other setting means what it meant.
func FuzzSetColumns(f *testing.F) {
	for _, src := range []string{
		"", "mouse = true", "[columns]\nsockets = ['pid', # c\n\n'rtt'] # d\n", "columns = {sockets=['pid'],}", "columns = { # x\n}",
		"columns.hosts = []\n[keys]\na='b'", "\xef\xbb\xbf\r\n[columns]\r\n", "[columns.x]\ny=1", "[[columns]]\nsockets=[1]",
		"[a]\n[columns]\n[b]\nx=1", "columns.sockets = '''\n'''", "['columns']\n'sockets'=[[],{}]", "[columns]\nsockets = [ # a\n # b\n]",
	} {
		f.Add([]byte(src))
	}
	ids := []string{"pid", "rtt"}
	f.Fuzz(func(t *testing.T, src []byte) {
		text, err := edit("config.toml", src, "sockets", ids)
		if err != nil {
			if text != nil {
				t.Fatalf("an error and a value: %v, %q", err, text)
			}
			oneLine(t, err)
			return
		}
		before, after := parseDocument("", src), parseDocument("", text)
		if after.confirm(""); after.broken != nil {
			t.Fatalf("broken: %v\n%q\n%q", after.broken, src, text)
		}
		if e := after.find("columns", "sockets"); e == nil || !slices.Equal(e.value.strings(), ids) {
			t.Fatalf("not set:\n%q\n%q", src, text)
		}
		if d := cmp.Diff(others(before), others(after)); d != "" {
			t.Fatalf("other settings changed: %s\n%q\n%q", d, src, text)
		}
		if again, err := edit("config.toml", text, "sockets", ids); err != nil || !bytes.Equal(again, text) {
			t.Fatalf("not stable (%v):\n%q\n%q", err, text, again)
		}
	})
}

// others are all settings but the one that is set, as written.
func others(d *document) []string {
	var list []string
	for i := range d.entries {
		e := &d.entries[i]
		switch {
		case slices.Equal(e.path, []string{"columns", "sockets"}):
		case e.value.kind == unstable.InlineTable && slices.Equal(e.path, []string{"columns"}):
		default:
			list = append(list, strings.Join(e.path, "\x00")+"="+string(d.src[e.from:e.to]))
		}
	}
	return list
}

package text

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestByEnding(t *testing.T) {
	for path, want := range map[string]string{
		"a.csv": "name\nx\n", "A.CSV": "name\nx\n", "b.json": "[\n{\"name\":\"x\"}\n]\n", "/tmp/c.d/e.txt": "NAME\nx\n",
	} {
		w, err := ByEnding(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := print(t, w, oneText("x")); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	for _, path := range []string{"", "csv", "a.pdf", "a.csv.gz", "dir.csv/", "\x1b[2J.x"} {
		w, err := ByEnding(path)
		if err == nil || w != nil {
			t.Errorf("%q: %v", path, err)
			continue
		}
		oneLine(t, err)
		if want := shown(path) + ": the file's ending says how to write it: .csv, .json or .txt"; err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
	}
}

func oneLine(t *testing.T, err error) {
	t.Helper()
	if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
		t.Errorf("not one printable line: %q", err.Error())
	}
}

func TestSave(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := t.TempDir()
	path := filepath.Join(dir, "out.csv")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, filepath.Join(dir, strings.Repeat("x", 251)+".csv")} {
		if err := Save(p, oneText("x")); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(p); err != nil || string(got) != "name\nx\n" {
			t.Errorf("%q, %v", got, err)
		}
		if info, err := os.Stat(p); err != nil || info.Mode() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 2 {
		t.Errorf("files left behind: %v, %v", list, err)
	}
}

// TestSaveRefuses: what has the name and is no regular file stays what it is, and the error is one line.
func TestSaveRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(
		os.Mkdir(at("folder.csv"), 0o700), syscall.Mkfifo(at("fifo.csv"), 0o600), os.WriteFile(at("target"), []byte("old"), 0o600),
		os.Symlink("target", at("link.csv")), os.Symlink("folder.csv", at("tofolder.csv")),
	); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path, says string
		is         error
	}{
		{at("folder.csv"), "it is a directory", nil},
		{at("tofolder.csv"), "it exists and is not a regular file", nil},
		{at("link.csv"), "it exists and is not a regular file", nil},
		{at("fifo.csv"), "it exists and is not a regular file", nil},
		{at("none/x.csv"), "no such file or directory", fs.ErrNotExist},
		{at("target/x.csv"), "not a directory", syscall.ENOTDIR},
		{"/proc/x.csv", "no such file or directory", fs.ErrNotExist}, // not even root can make a file there
	} {
		err := Save(tt.path, oneText("x"))
		if err == nil {
			t.Errorf("%s: no error", tt.path)
			continue
		}
		oneLine(t, err)
		if want := "cannot save " + tt.path + ": " + tt.says; err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
		if tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%v is not %v", err, tt.is)
		}
	}
	if got, err := os.ReadFile(at("target")); err != nil || string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 5 {
		t.Errorf("files left behind: %v, %v", list, err)
	}
}

// TestFault36SaveFullDisk fills a disk of its own, then makes it read-only: the old file stands.
func TestFault36SaveFullDisk(t *testing.T) {
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
			unix.Mount("sockview-test", disk, "tmpfs", 0, "size=64k"),
		); err != nil {
			skip = "needs root that may mount: " + err.Error()
			return
		}
		defer func() {
			if err := unix.Unmount(disk, 0); err != nil {
				t.Error(err)
			}
		}()
		path := filepath.Join(disk, "out.json")
		if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
			t.Error(err)
			return
		}
		check := func(is error) {
			err := Save(path, crowd(1000))
			if !errors.Is(err, is) || err.Error() != "cannot save "+path+": "+is.Error() {
				t.Errorf("got %v; want %v", err, is)
			}
			if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
				t.Errorf("the old file is %q, %v", got, err)
			}
			if list, err := os.ReadDir(disk); err != nil || len(list) != 1 {
				t.Errorf("files left behind: %v, %v", list, err)
			}
		}
		check(unix.ENOSPC)
		if err := unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Error(err)
			return
		}
		check(unix.EROFS)
	}()
	<-done
	if skip != "" {
		t.Skip(skip)
	}
}

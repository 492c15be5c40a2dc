package netns

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestParseLink(t *testing.T) {
	t.Parallel()
	for link, want := range map[string]uint64{
		"net:[4026531833]": 4026531833, "net:[1]": 1, "net:[18446744073709551615]": 1<<64 - 1,
		"": 0, "net:[]": 0, "net:[0]": 0, "net:[-1]": 0, "net:[+1]": 0, "net:[1": 0, "net:1": 0, "mnt:[1]": 0,
		"net:[1 ]": 0, "net:[18446744073709551616]": 0, "net:[1]x": 0,
	} {
		if got, ok := parseLink(link); ok != (want != 0) || ok && got != want {
			t.Errorf("%q: %d, %v", link, got, ok)
		}
	}
}

const mountinfo = `22 1 254:0 / / rw,relatime - ext4 /dev/root rw
23 22 0:21 / /proc rw,nosuid shared:5 - proc proc rw
61 24 0:4 net:[4026532288] /run/netns/blue rw shared:5 master:2 - nsfs nsfs rw
62 24 0:4 net:[4026532288] /run/docker/netns/a\040b\134c rw - nsfs nsfs rw
63 24 0:4 mnt:[4026532290] /run/snapd/ns/lxd.mnt rw - nsfs nsfs rw
64 24 254:0 /net:[7] /srv/net:[7] rw - ext4 /dev/root rw
65 24 0:9 net:[4026532291] /tmp/x rw - tmpfs nsfs rw
sixty 24 0:4 net:[4026532292] /tmp/y rw - nsfs nsfs rw
66 24 4 net:[4026532292] /tmp/y rw - nsfs nsfs rw
67 24 0:4 net:[4026532292] /tmp/z
68 24 8:3 net:[5] /var/run/netns/x/y rw - nsfs nsfs rw`

func TestParseMounts(t *testing.T) {
	t.Parallel()
	want := []mounted{
		{Mount{61, "/run/netns/blue"}, unix.Mkdev(0, 4), 4026532288},
		{Mount{62, `/run/docker/netns/a b\c`}, unix.Mkdev(0, 4), 4026532288},
		{Mount{68, "/var/run/netns/x/y"}, unix.Mkdev(8, 3), 5},
	}
	if diff := cmp.Diff(want, parseMounts(nil, []byte(mountinfo)), cmp.AllowUnexported(mounted{})); diff != "" {
		t.Error(diff)
	}
}

func TestIPName(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/run/netns/blue": "blue", "/var/run/netns/blue": "blue", "/run/netns/a b": "a b",
		"/run/netns/x/y": "", "/run/docker/netns/default": "", "/run/netns": "", "": "",
	} {
		if got := ipName(path); got != want {
			t.Errorf("%q: %q", path, got)
		}
	}
}

func TestUnescape(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		`/a`: "/a", `/a\040b`: "/a b", `\012\011\134`: "\n\t\\", `/a\`: `/a\`, `/a\04`: `/a\04`, `/a\999`: `/a\999`, `\777`: `\777`,
	} {
		if got := unescape(path); got != want {
			t.Errorf("%q: %q", path, got)
		}
	}
}

// FuzzMounts: whatever is in mountinfo, what comes out is a mount of a namespace, one a line at most.
func FuzzMounts(f *testing.F) {
	f.Add([]byte(mountinfo))
	f.Add([]byte("1 1 0:4 net:[1] \\04 r - nsfs "))
	f.Fuzz(func(t *testing.T, raw []byte) {
		all := parseMounts(nil, raw)
		if len(all) > 1+strings.Count(string(raw), "\n") {
			t.Errorf("%d mounts", len(all))
		}
		for _, m := range all {
			if m.inode == 0 || m.Path == "" {
				t.Errorf("%+v", m)
			}
		}
	})
}

// record is a struct linux_dirent64.
func record(inode uint64, name string) []byte {
	b := make([]byte, (19+len(name)+1+7)/8*8)
	binary.NativeEndian.PutUint64(b, inode)
	binary.NativeEndian.PutUint16(b[16:], uint16(len(b)))
	copy(b[19:], name)
	return b
}

func TestAppendEntries(t *testing.T) {
	t.Parallel()
	all := slices.Concat(record(1, "."), record(7, "1"), record(9, "self"), record(8, "4194304"), record(3, "99999999999"), record(2, "12a"))
	want := []entry{{1, 7}, {4194304, 8}}
	if got := appendEntries(nil, all); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	short := record(5, "5")
	for n := range short {
		if got := appendEntries(nil, short[:n]); n < len(short) && len(got) != 0 {
			t.Errorf("cut at %d: %v", n, got)
		}
	}
}

// FuzzEntries: no listing leads out of its buffer, and a pid is never below zero.
func FuzzEntries(f *testing.F) {
	f.Add(record(7, "12"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, e := range appendEntries(nil, raw) {
			if e.pid < 0 {
				t.Errorf("%+v", e)
			}
		}
	})
}

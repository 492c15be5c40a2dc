package names

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"sockview/model"
)

func TestHostsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	write := func(text string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Unix(1_000_000, 0)
	write("127.0.0.1\tlocalhost alias\n::1 localhost ip6-localhost\n10.0.0.9 esc\x1b[31m # comment\n10.0.0.9 second\n"+
		"ff02::1 ip6-allnodes\n0.0.0.0 blocked\nnonsense here\n10.0.0.8\nfe80::1%eth0 zoned\n", now)
	b := newBench(Config{Hosts: path})
	for a, want := range map[string]string{
		"127.0.0.1": "localhost", "::1": "localhost", "10.0.0.9": `esc\x1b[31m`, "ff02::1": "ip6-allnodes", "::ffff:10.0.0.9": `esc\x1b[31m`,
	} {
		if got := b.host(addr(a)); got != want {
			t.Errorf("%s is %q, want %q", a, got, want)
		}
		if got, ok := b.Known(addr(a)); !ok || got.String() != want {
			t.Errorf("%s is known as %q", a, got)
		}
		if !b.answered(addr(a)) {
			t.Errorf("%s is waited for", a)
		}
	}
	if len(b.started) != 0 {
		t.Error("what the file has was asked for")
	}
	for _, a := range []string{"0.0.0.0", "fe80::1"} {
		if got, ok := b.Known(addr(a)); ok {
			t.Errorf("%s is known as %q", a, got)
		}
	}

	var h hostsFile
	look := func(at time.Time) string { return h.name(path, addr("10.0.0.7"), at).String() }
	if got := look(now); got != "" {
		t.Errorf("not there yet: %q", got)
	}
	write("10.0.0.7 new\n", now.Add(time.Second))
	if got := look(now.Add(hostsEvery / 2)); got != "" {
		t.Errorf("looked at too soon: %q", got)
	}
	if got := look(now.Add(hostsEvery)); got != "new" {
		t.Errorf("after a change: %q", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := look(now.Add(2 * hostsEvery)); got != "" {
		t.Errorf("after it was removed: %q", got)
	}
}

func FuzzHosts(f *testing.F) {
	f.Add("127.0.0.1 localhost\n::1 a b # c\n10.0.0.1\n")
	f.Fuzz(func(t *testing.T, text string) {
		for a, name := range parseHosts([]byte(text)) {
			if name.Empty() || model.SafeText(name.String()) != name {
				t.Errorf("%v is %q", a, name)
			}
		}
	})
}

package names

import (
	"os"
	"path/filepath"
	"testing"
)

func TestNetworks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "networks")
	text := "default\t0.0.0.0\nloopback 127.0.0.0\n# a comment\nlocalnet 10.20.0.0 alias\nsecond 10.20.0.0\nshort 192.168 # two parts\n" +
		"bad 300.1\nworse a.b\nlong 1.2.3.4.5\nlonely\nesc\x1b[31m 172.16.0.0\n"
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	r := New(Config{Networks: path})
	defer r.Close()
	for a, want := range map[string]string{
		"127.0.0.0": "loopback", "10.20.0.0": "localnet", "192.168.0.0": "short", "172.16.0.0": `esc\x1b[31m`, "0.0.0.0": "default",
		"10.0.0.0": "", "1.2.3.4": "",
	} {
		if got := r.Network(addr(a)); got.String() != want {
			t.Errorf("%s is %q, want %q", a, got, want)
		}
	}
	none := New(Config{Networks: filepath.Join(t.TempDir(), "none")})
	defer none.Close()
	if got := none.Network(addr("127.0.0.0")); !got.Empty() {
		t.Errorf("without a file: %q", got)
	}
}

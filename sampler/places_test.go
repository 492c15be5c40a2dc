package sampler

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sockview/model"
	"sockview/sampler/containers"
)

func TestProxied(t *testing.T) {
	t.Parallel()
	const usual = "/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 8080 -container-ip 172.17.0.2 -container-port 80"
	for _, tt := range []struct {
		name, process, cmdline string
		uid                    uint32
		want                   string
	}{
		{"usual", "docker-proxy", usual, 0, "172.17.0.2:80"},
		{"since 28", "docker-proxy", usual + " -use-listen-fd", 0, "172.17.0.2:80"},
		{"with equals", "docker-proxy", "docker-proxy --container-ip=10.0.0.9 --container-port=53", 0, "10.0.0.9:53"},
		{"IPv6", "docker-proxy", "docker-proxy -container-ip fd00::2 -container-port 443", 0, "[fd00::2]:443"},
		{"no port", "docker-proxy", "docker-proxy -container-ip 172.17.0.2", 0, ""},
		{"a flag at the end", "docker-proxy", "docker-proxy -container-port 1 -container-ip", 0, ""},
		{"no address", "docker-proxy", "docker-proxy -container-ip web -container-port 80", 0, ""},
		{"port too high", "docker-proxy", "docker-proxy -container-ip 10.0.0.9 -container-port 65536", 0, ""},
		{"a zone", "docker-proxy", "docker-proxy -container-ip fe80::1%x -container-port 80", 0, ""},
		{"another user's", "docker-proxy", usual, 1000, ""},
		{"another program", "nginx", usual, 0, ""},
	} {
		p := model.Process{Name: model.SafeText(tt.process), Cmdline: model.SafeText(tt.cmdline), UID: tt.uid}
		got, ok := proxied(&p)
		if ok != (tt.want != "") || ok && got.String() != tt.want {
			t.Errorf("%s: %v, %v; want %q", tt.name, got, ok, tt.want)
		}
	}
}

// TestPlaces: processes are given the names of their containers, and lose them when the runtime does.
func TestPlaces(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	id := strings.Repeat("ab", 32)
	dir := filepath.Join(root, "var/lib/docker/containers", id)
	config := filepath.Join(dir, "config.v2.json")
	write := func(name string) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		text := `{"ID":"` + id + `","Name":"/` + name + `","State":{"Running":true},` +
			`"NetworkSettings":{"Networks":{"bridge":{"IPAddress":"172.17.0.2"}}}}`
		if err := os.WriteFile(config+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(config+".new", config); err != nil {
			t.Fatal(err)
		}
	}
	write("web")
	p := &places{names: containers.At(root, nil)}
	look := func() []string {
		t.Helper()
		processes := []model.Process{
			{PID: 1, Name: model.SafeText("nginx"), Container: model.SafeText(id[:12]), ContainerID: model.SafeText(id)},
			{PID: 2, Name: model.SafeText("docker-proxy"), Cmdline: model.SafeText("docker-proxy -container-ip 172.17.0.2 -container-port 80")},
			{PID: 3, Name: model.SafeText("docker-proxy"), Cmdline: model.SafeText("docker-proxy -container-ip 172.17.0.3 -container-port 81")},
			{PID: 4, Name: model.SafeText("sshd")},
			{PID: 5, Container: model.SafeText("box")},
		}
		if err := p.name(processes, true); err != nil {
			t.Fatal(err)
		}
		var out []string
		for i := range processes {
			out = append(out, processes[i].Container.String())
		}
		return out
	}
	for _, name := range []string{"web", "shop"} {
		write(name)
		want := name + "|" + name + " (published)|172.17.0.3:81 (published)||box"
		if got := strings.Join(look(), "|"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

package names

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
)

const servicesText = `# comment
tcpmux          1/tcp                           # TCP port service multiplexer
http		80/tcp		www	# WorldWideWeb HTTP
www2 80/tcp
https		443/tcp
https		443/udp
exec            512/tcp
biff            512/udp         comsat
syslog 514/udp
shell 514/tcp cmd syslog # tcp has the alias of udp's name
	indented 7/tcp
nothing
bad/port tcp
zero 0/tcp
big 65536/tcp
neg -1/tcp
sctpd 99/sctp
12345 98/tcp named
esc` + "\x1b[2J" + ` 97/tcp
last 96/tcp`

func withServices(t *testing.T, text string) *Resolver {
	t.Helper()
	path := filepath.Join(t.TempDir(), "services")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return New(Config{Services: path})
}

func TestService(t *testing.T) {
	r := withServices(t, servicesText)
	for _, c := range []struct {
		p    model.Proto
		port uint16
		want string
	}{
		{model.TCP, 1, "tcpmux"}, {model.TCP, 80, "http"}, {model.UDP, 80, ""}, {model.UDP, 443, "https"},
		{model.TCP, 512, "exec"}, {model.UDP, 512, "biff"}, {model.TCP, 7, "indented"}, {model.TCP, 0, ""},
		{model.TCP, 99, ""}, {model.TCP, 98, ""}, {model.TCP, 97, `esc\x1b[2J`}, {model.TCP, 96, "last"}, {model.Proto(132), 99, ""},
	} {
		if got := r.Service(c.p, c.port).String(); got != c.want {
			t.Errorf("%d/%d is %q, want %q", c.port, c.p, got, c.want)
		}
	}
	for name, want := range map[string]uint16{
		"http": 80, "WWW": 80, "www2": 80, "HTTPS": 443, "comsat": 512, "biff": 512, "exec": 512, "syslog": 514,
		"cmd": 514, "nothing": 0, "zero": 0, "big": 0, "neg": 0, "12345": 0, "named": 98, "": 0, "sctpd": 0,
	} {
		if got, ok := r.ServicePort(name); got != want || ok != (want != 0) {
			t.Errorf("%s is %d, %v, want %d", name, got, ok, want)
		}
	}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
}

func TestServicesFileIsOdd(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path  string
		wrong bool
	}{{filepath.Join(dir, "absent"), false}, {fifo, true}, {dir, true}} {
		r := New(Config{Services: c.path})
		if name := r.Service(model.TCP, 80); !name.Empty() {
			t.Errorf("%s: %q", c.path, name)
		}
		if port, ok := r.ServicePort("http"); ok {
			t.Errorf("%s: %d", c.path, port)
		}
		if err := r.Err(); (err != nil) != c.wrong {
			t.Errorf("%s: %v", c.path, err)
		}
	}
}

func TestServicesAreBounded(t *testing.T) {
	name := strings.Repeat("n", maxServiceName)
	r := withServices(t, name+" 1/tcp\n"+name+"n 2/tcp\n"+strings.Repeat("a", 1<<20)+"\nok 3/tcp\n")
	for port, want := range map[uint16]string{1: name, 2: "", 3: "ok"} {
		if got := r.Service(model.TCP, port).String(); got != want {
			t.Errorf("port %d is %q", port, got)
		}
	}
}

func FuzzParseServices(f *testing.F) {
	f.Add([]byte(servicesText))
	f.Add([]byte("a 1/tcp a a a\n#\n 2/udp\nb\t2/udp#"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := parseServices(b)
		for key, name := range s.names {
			if key.port == 0 || name.Empty() || model.SafeText(name.String()) != name {
				t.Errorf("%v: %q", key, name)
			}
		}
		for key, port := range s.ports {
			if port == 0 || len(key.name) > 2*maxServiceName {
				t.Errorf("%v: %d", key, port)
			}
		}
	})
}

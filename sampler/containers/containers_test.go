package containers

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// idOf is an id that begins with these digits.
func idOf(start string) string { return start + strings.Repeat("0", 64-len(start)) }

// tree is a root made of plain files.
type tree struct {
	t    *testing.T
	root string
}

func (f tree) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// write puts a new file in the place of another, as the runtimes do.
func (f tree) write(name, text string) {
	f.t.Helper()
	path := filepath.Join(f.root, name)
	f.must(os.MkdirAll(filepath.Dir(path), 0o755))
	f.must(os.WriteFile(path+".new", []byte(text), 0o600))
	f.must(os.Rename(path+".new", path))
}

func (f tree) podLink(name string) {
	f.t.Helper()
	dir := filepath.Join(f.root, "var/log/containers")
	f.must(os.MkdirAll(dir, 0o755))
	f.must(os.Symlink("/var/log/pods/nowhere/0.log", filepath.Join(dir, name)))
}

func dockerConfig(id, name, address string, running bool) string {
	text, err := json.Marshal(name)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"StreamConfig":{},"State":{"Running":%t,"Pid":77},"ID":%q,"Config":{"Hostname":"x"},"Name":%s,`+
		`"NetworkSettings":{"Networks":{"bridge":{"IPAddress":%q},"none":null}}}`, running, id, text, address)
}

func TestNames(t *testing.T) {
	t.Parallel()
	f := tree{t, t.TempDir()}
	docker, snap, moved, pod, shim, crio := idOf("d1"), idOf("d2"), idOf("d3"), idOf("a1"), idOf("a2"), idOf("a3")
	podman, volatile, alices, dockerless, nobody := idOf("b1"), idOf("b2"), idOf("c1"), idOf("c2"), idOf("ee")
	f.write("var/lib/docker/containers/"+docker+"/config.v2.json", dockerConfig(docker, "/web", "172.17.0.2", true))
	f.write("var/lib/docker/containers/"+shim+"/config.v2.json",
		dockerConfig(shim, "/k8s_app_api-0_prod_7b8a-11_0", "", true))
	f.write("var/snap/docker/common/var-lib-docker/containers/"+snap+"/config.v2.json", dockerConfig(snap, "/snapped", "", true))
	f.write("etc/docker/daemon.json", `{"data-root":"/srv/docker"}`)
	f.write("srv/docker/containers/"+moved+"/config.v2.json", dockerConfig(moved, "/moved", "", true))
	f.podLink("web-7d9f_default_nginx-" + pod + ".log")
	f.podLink("README")
	storage := "var/lib/containers/storage/overlay-containers/"
	f.write(storage+"containers.json", `[{"id":"`+podman+`","names":["db"],"metadata":"{}"},{"id":"`+idOf("ff")+`"},`+
		`{"id":"`+crio+`","names":["k8s_sidecar_api-1_prod_7b8a-12_3"]}]`)
	f.write(storage+"volatile-containers.json", `[{"id":"`+volatile+`","names":["job"]}]`)
	f.write("etc/passwd", "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n")
	f.must(os.MkdirAll(filepath.Join(f.root, "run/user/1000"), 0o755))
	f.write("home/alice/.local/share/containers/storage/overlay-containers/containers.json",
		`[{"id":"`+alices+`","names":["own"]},{"id":"`+docker+`","names":["lie"]},{"id":"`+podman+`","names":["lie"]}]`)
	f.write("home/alice/.local/share/docker/containers/"+dockerless+"/config.v2.json", dockerConfig(dockerless, "/mine", "172.17.0.2", true))
	f.write("home/bob/.local/share/containers/storage/overlay-containers/containers.json", // he is not logged in
		`[{"id":"`+nobody+`","names":["out"]}]`)
	n := At(f.root, nil)
	n.patience = time.Minute
	want := map[string]string{
		docker: "web", shim: "prod/api-0/app", snap: "snapped", moved: "moved", pod: "default/web-7d9f/nginx", podman: "db",
		crio: "prod/api-1/sidecar", volatile: "job", alices: "alice/own", dockerless: "alice/mine", nobody: "",
	}
	ids := []string{"../../../etc", "short"}
	for id := range want {
		ids = append(ids, id)
	}
	for range 2 { // the second time from memory
		a := n.Look(ids, true)
		if a.Err != nil {
			t.Fatal(a.Err)
		}
		for id, name := range want {
			if got := a.Names[id].String(); got != name {
				t.Errorf("%.4s: %q, want %q", id, got, name)
			}
		}
		if len(a.Names) != len(want)-1 {
			t.Errorf("%d names: %v", len(a.Names), a.Names)
		}
		if got := a.At[netip.MustParseAddr("172.17.0.2")].String(); got != "web" || len(a.At) != 1 {
			t.Errorf("at %v", a.At)
		}
	}
	f.write("var/lib/docker/containers/"+docker+"/config.v2.json", dockerConfig(docker, "/shop", "172.17.0.2", true))
	f.must(os.Remove(filepath.Join(f.root, storage, "volatile-containers.json")))
	a := n.Look(ids, false)
	if got := a.Names[docker].String(); got != "shop" {
		t.Errorf("renamed it is %q", got)
	}
	if got, ok := a.Names[volatile]; ok {
		t.Errorf("its file is gone and it is %q", got)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	f := tree{t, t.TempDir()}
	for id, c := range map[string][3]string{
		idOf("01"): {"/one", "172.17.0.2", "up"}, idOf("02"): {"/two", "172.17.0.3", "up"}, idOf("03"): {"/three", "172.17.0.3", "up"},
		idOf("04"): {"/four", "172.17.0.2", ""}, idOf("05"): {"/five", "fd00::5", "up"}, idOf("06"): {"/six", "none", "up"},
		idOf("07"): {"/seven", "172.17.0.3", "up"},
	} {
		f.write("var/lib/docker/containers/"+id+"/config.v2.json", dockerConfig(id, c[0], c[1], c[2] != ""))
	}
	n := At(f.root, nil)
	n.patience = time.Minute
	a := n.Look(nil, true)
	if len(a.At) != 2 || a.At[netip.MustParseAddr("172.17.0.2")].String() != "one" || a.At[netip.MustParseAddr("fd00::5")].String() != "five" {
		t.Errorf("at %v; 172.17.0.3 is claimed by three", a.At)
	}
}

// TestHostile: files of which nothing can be made are said so, name nobody, and hold nothing up.
func TestHostile(t *testing.T) {
	t.Parallel()
	id := idOf("d1")
	config := "var/lib/docker/containers/" + id + "/config.v2.json"
	for _, tt := range []struct {
		name string
		make func(tree)
		want string // of the error
	}{
		{"nothing", func(tree) {}, ""},
		{"no JSON", func(f tree) { f.write(config, "{") }, "unexpected end"},
		{"another type", func(f tree) { f.write(config, `{"ID":7}`) }, "cannot unmarshal"},
		{"no id", func(f tree) { f.write(config, `{}`) }, "no container's id"},
		{"another's id", func(f tree) { f.write(config, dockerConfig(idOf("d2"), "/x", "", true)) }, ""},
		{"too long", func(f tree) { f.write(config, strings.Repeat(" ", maxConfig+1)) }, "longer"},
		{"deep", func(f tree) { f.write(config, strings.Repeat("[", maxConfig)) }, "depth"},
		{"a name too long", func(f tree) { f.write(config, dockerConfig(id, strings.Repeat("x", maxNameLen+1), "", true)) }, ""},
		{"a FIFO", func(f tree) {
			f.must(os.MkdirAll(filepath.Dir(filepath.Join(f.root, config)), 0o755))
			f.must(unix.Mkfifo(filepath.Join(f.root, config), 0o600))
		}, "not a file"},
		{"a directory", func(f tree) { f.must(os.MkdirAll(filepath.Join(f.root, config), 0o755)) }, "not a file"},
		{"a link", func(f tree) {
			f.write("secret", dockerConfig(id, "/x", "", true))
			f.must(os.MkdirAll(filepath.Dir(filepath.Join(f.root, config)), 0o755))
			f.must(os.Symlink(filepath.Join(f.root, "secret"), filepath.Join(f.root, config)))
		}, "symbolic links"},
		{"a file for a directory", func(f tree) { f.write("var/lib/docker", "") }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := tree{t, t.TempDir()}
			tt.make(f)
			n := At(f.root, nil)
			n.patience = time.Minute
			for range 2 {
				a := n.Look([]string{id}, false)
				if len(a.Names) != 0 {
					t.Errorf("names %v", a.Names)
				}
				if tt.want == "" && a.Err != nil || tt.want != "" && (a.Err == nil || !strings.Contains(a.Err.Error(), tt.want)) {
					t.Errorf("error %v, want %q", a.Err, tt.want)
				}
			}
		})
	}
	f := tree{t, t.TempDir()}
	f.write(config, dockerConfig(id, "/a\x1b[31m\u202e", "", true))
	if got := At(f.root, nil).Look([]string{id}, false).Names[id].String(); got != `a\x1b[31m\u202e` {
		t.Errorf("foreign text is %q", got)
	}
}

// TestHangs: a look that does not come back is not waited for, no other is begun, and what it found comes the next time.
func TestHangs(t *testing.T) {
	t.Parallel()
	id := idOf("d1")
	f := tree{t, t.TempDir()}
	f.write("var/lib/docker/containers/"+id+"/config.v2.json", dockerConfig(id, "/web", "", true))
	looks, hold := 0, make(chan struct{})
	n := At(f.root, func(do func()) { looks++; <-hold; do() })
	n.patience = 0
	for range 3 {
		if a := n.Look([]string{id}, false); !errors.Is(a.Err, os.ErrDeadlineExceeded) || a.Names != nil {
			t.Fatalf("%+v while it hangs", a)
		}
	}
	close(hold)
	n.patience = time.Minute
	if a := n.Look([]string{id}, false); a.Err != nil || a.Names[id].String() != "web" || looks != 1 {
		t.Errorf("%+v after %d looks", a, looks)
	}
	n.look = func(func()) { panic("as it happens") }
	defer func() {
		if c, ok := recover().(*crash); !ok || !strings.Contains(c.Error(), "as it happens") {
			t.Errorf("its panic is %v", c)
		}
	}()
	n.Look([]string{id}, false)
	t.Error("a look's panic is lost")
}

func TestPodLink(t *testing.T) {
	t.Parallel()
	id := idOf("ab")
	for name, want := range map[string]string{
		"web_default_nginx-" + id + ".log":                    "default/web/nginx",
		"kube-proxy-x7_kube-system_kube-proxy-" + id + ".log": "kube-system/kube-proxy-x7/kube-proxy",
		"web.v2_a_b-" + id + ".log":                           "a/web.v2/b",
		"web_default_nginx-" + id:                             "", "web_default_nginx" + id + ".log": "",
		"default_nginx-" + id + ".log": "", "a_b_c_d-" + id + ".log": "", "__-" + id + ".log": "", "-" + id + ".log": "",
		"web_default_nginx-" + strings.ToUpper(id) + ".log": "", "": "", ".log": "",
	} {
		got, pod, ok := parsePodLink(name)
		if ok != (want != "") || pod != want || ok && got != id {
			t.Errorf("%q: %q, %q, %v; want %q", name, got, pod, ok, want)
		}
	}
}

// FuzzFiles: whatever the files hold, there is an error or a value, and no name that is too long or no container's.
func FuzzFiles(f *testing.F) {
	id := idOf("ab")
	f.Add([]byte(dockerConfig(id, "/web", "172.17.0.2", true)))
	f.Add([]byte(`[{"id":"` + id + `","names":["web"]}]`))
	f.Add([]byte("alice:x:1000:1000::/home/alice:/bin/sh\n"))
	f.Add([]byte("web_default_nginx-" + id + ".log"))
	f.Add([]byte(`{"data-root":"/srv/docker"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, parse := range []func([]byte) ([]container, error){parseDocker, parseStore} {
			list, err := parse(raw)
			if err != nil && list != nil {
				t.Errorf("an error and a value: %v, %v", list, err)
			}
			for _, c := range list {
				if !IsID(c.id) || len(c.name) > maxNameLen {
					t.Errorf("%+v", c)
				}
			}
			if err == nil && !json.Valid(raw) {
				t.Error("taken for JSON")
			}
		}
		if root, err := parseDaemon(raw); root != "" && (err != nil || !filepath.IsAbs(root)) {
			t.Errorf("%q, %v", root, err)
		}
		if _, err := parseHomes(raw); err != nil {
			t.Error(err)
		}
		if id, pod, ok := parsePodLink(string(raw)); ok && (!IsID(id) || strings.Count(pod, "/") < 2) {
			t.Errorf("%q, %q", id, pod)
		}
	})
}

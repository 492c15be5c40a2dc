package main

// What the real binary does when it should not do as it is told, or cannot; and names that nobody means well with.

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// abstractNames are names that unix sockets are bound to, without the NUL that makes them abstract, and how each is to
// be read. A NUL inside is an @, as /proc/net/unix has it.
var abstractNames = []struct{ name, shown string }{
	{"sv\x00nul\x00", "@sv@nul@"},
	{"sv\nnewline\n", `@sv\nnewline\n`},
	{"sv\x1b]52;c;aGk=\a", `@sv\x1b]52;c;aGk=\x07`},
	{"sv\x1b[2J\x1b[31m", `@sv\x1b[2J\x1b[31m`},
	{"sv\u009b5m\u202e", `@sv\u009b5m\u202e`},
	{"sv\xff\xfe", `@sv\xff\xfe`},
	{"sv[red] \"x\",y", `@sv[red] "x",y`},
}

// TestFault05AbstractNames: each is quoted, and in one row. The namespace is the test's own, which is not parallel with
// itself: what is started from its thread is in it.
func TestFault05AbstractNames(t *testing.T) {
	t.Parallel()
	runtime.LockOSThread() // never unlocked: no other goroutine may get this thread
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("needs root: a network namespace of its own: %v", err)
	}
	for _, n := range abstractNames {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err := unix.Bind(fd, &unix.SockaddrUnix{Name: "@" + n.name}); err != nil {
			t.Fatal(err)
		}
		if err := unix.Listen(fd, 1); err != nil {
			t.Fatal(err)
		}
	}
	var want []string
	for _, n := range abstractNames {
		want = append(want, n.shown)
	}
	slices.Sort(want)
	dir := home(t)

	got := capture(t, dir, nil, "-x", "-l", "--json", "--columns", "path,state")
	var rows []struct{ Path, State string }
	if err := json.Unmarshal([]byte(got.out), &rows); err != nil {
		t.Fatalf("%v: %s", err, got.out)
	}
	var paths []string
	for _, r := range rows {
		paths = append(paths, r.Path)
	}
	if slices.Sort(paths); !slices.Equal(paths, want) || strings.Contains(got.out, "\x1b") {
		t.Errorf("JSON: %q", got.out)
	}

	got = capture(t, dir, nil, "-x", "-l", "--csv", "--columns", "path,state")
	records, err := csv.NewReader(strings.NewReader(got.out)).ReadAll()
	if err != nil || len(records) != len(want)+1 {
		t.Fatalf("CSV: %v: %q", err, got.out)
	}
	paths = nil
	for _, r := range records[1:] {
		paths = append(paths, strings.TrimPrefix(r[0], "'")) // a spreadsheet takes @ for a formula
	}
	if slices.Sort(paths); !slices.Equal(paths, want) || strings.Count(got.out, "\n") != len(want)+1 {
		t.Errorf("CSV: %q", got.out)
	}

	for _, args := range [][]string{{"-x", "-l", "--columns", "path,state"}, {"-x", "-l"}} {
		got = capture(t, dir, nil, args...)
		if what := steers([]byte(got.out)); what != "" {
			t.Errorf("%v: the output holds %s", args, what)
		}
		named := 0
		for line := range strings.Lines(got.out) {
			for _, n := range abstractNames {
				if strings.Contains(line, strings.Fields(n.shown)[0]) { // netstat's own ends at a blank
					named++
				}
			}
		}
		if at := strings.Count(got.out, "@sv"); named != len(want) || at != len(want) {
			t.Errorf("%v: %d names on %d lines:\n%s", args, at, named, got.out)
		}
	}

	e := open(t, launch{args: []string{"-x", "-l"}, cols: 160, rows: 30})
	for _, n := range abstractNames {
		p := e.shows("LISTENING", n.shown)
		if y := p.line(n.shown); strings.Count(strings.Join(p.lines, "\n"), n.shown) != 1 || y <= heading {
			t.Errorf("%s is not on one line:\n%s", n.shown, p)
		}
	}
	if what := steers(e.quit()); what != "" {
		t.Errorf("the terminal was sent %s", what)
	}
}

// listening is a listener of the test's own process.
func listening(t *testing.T) (port string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// TestFault37OwnParent: the test is what sockview runs under, as a shell would be, and holds a listener. It is signalled
// only when yes is typed out. The signal is CONT, which harms nobody.
func TestFault37OwnParent(t *testing.T) {
	t.Parallel()
	port := listening(t)
	e := open(t, launch{args: []string{"lport:" + port}, cols: 160, rows: 30})
	e.shows(strconv.Itoa(os.Getpid()), port, "LISTEN")
	asked := func() {
		t.Helper()
		e.press("K")
		e.shows("sockview runs under")
		e.shows("[N]o", "[Y]es")
		for range slices.Index([]string{"TERM", "KILL", "INT", "HUP", "STOP", "CONT"}, "CONT") {
			e.press("j")
		}
		e.press("y")
		e.shows("To send CONT type yes:")
	}
	asked()
	e.press("y", enter)
	e.shows("nothing was done")
	asked()
	e.press("yes", escape)
	e.shows("nothing was done")
	asked()
	e.press("yes", enter)
	e.shows("CONT sent to")
	e.quit()
}

// established says whether a connection still is, by what its own end knows.
func established(t *testing.T, c net.Conn) bool {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info *unix.TCPInfo
	if failed := raw.Control(func(fd uintptr) { info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); failed != nil || err != nil {
		t.Fatal(failed, err)
	}
	const tcpEstablished = 1 // include/net/tcp_states.h
	return info.State == tcpEstablished
}

// TestFault38OwnSSHConnection: the connection that SSH_CONNECTION names is refused, another of the same server is not.
func TestFault38OwnSSHConnection(t *testing.T) {
	t.Parallel()
	if !hasCapability(t, unix.CAP_NET_ADMIN) {
		t.Skip("needs root: CAP_NET_ADMIN, without which nothing is closed")
	}
	s := startServer(t, serving{name: "svssh"})
	own, other := dial(t, s.ports[0], ""), dial(t, s.ports[0], "")
	client := func(c net.Conn) string { return strconv.Itoa(c.LocalAddr().(*net.TCPAddr).Port) }
	e := open(t, launch{
		env:  []string{fmt.Sprintf("SSH_CONNECTION=127.0.0.1 %s 127.0.0.1 %d", client(own), s.ports[0])},
		args: []string{"lport:" + strconv.Itoa(s.ports[0]), "state:established", "rport:" + client(own)}, cols: 120, rows: 24,
	})
	e.await("the connection alone", func(p *picture) bool { return p.has("svssh", client(own)) && p.matches(`Shown:? 1\b`) })
	e.press("x")
	p := e.shows("sockview itself runs over this SSH connection")
	if p.has("[Y]es") {
		t.Errorf("a question is asked all the same:\n%s", p)
	}
	e.quit()
	if !established(t, own) || !established(t, other) || !s.lives() {
		t.Errorf("the own connection is there: %v, the other: %v", established(t, own), established(t, other))
	}
}

// TestFault39WithoutCapabilities: with the rights to look and none to act, as a binary has that was given only those,
// each of the two keys names the capability that it lacks, and nothing has happened.
func TestFault39WithoutCapabilities(t *testing.T) {
	t.Parallel()
	needs(t)
	path := withCapabilities(t, lookRights)
	s := startServer(t, serving{name: "svforeign"})
	c := dial(t, s.ports[0], "")
	e := open(t, launch{uid: nobody, command: []string{path, "lport:" + strconv.Itoa(s.ports[0]), "state:established"}, cols: 160, rows: 24})
	e.await("the connection and its owner", func(p *picture) bool { return p.has("svforeign", strconv.Itoa(s.pid)) })
	e.press("x")
	e.shows("CAP_NET_ADMIN")
	e.press("K")
	e.await("the question, or why there is none", func(p *picture) bool { return p.has("[Y]es") || p.has("CAP_KILL") })
	if e.look().has("[Y]es") {
		e.press("y")
	}
	e.shows("CAP_KILL")
	e.quit()
	if !s.lives() || !established(t, c) {
		t.Errorf("the process lives: %v, its connection is there: %v", s.lives(), established(t, c))
	}
}

// TestFault22Hidepid: where /proc shows others' processes not at all (hidepid=invisible, ProtectProc=), the socket has its
// user all the same, the header counts the owner as hidden, and the help says what would show it.
func TestFault22Hidepid(t *testing.T) {
	t.Parallel()
	needs(t)
	s := startServer(t, serving{name: "svinvisible"})
	port := strconv.Itoa(s.ports[0])
	runtime.LockOSThread() // never unlocked: what is mounted is this thread's, and of what is started from it
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		t.Skipf("needs root: a mount namespace of its own: %v", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Skipf("needs root that may mount: %v", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, "hidepid=2"); err != nil {
		t.Skipf("needs root that may mount /proc: %v", err)
	}
	e := open(t, launch{uid: nobody, args: []string{"lport:" + port, "state:listen", "--columns", "process,pid,user,lport,state"}, cols: 120, rows: 40})
	p := e.shows("-", "root", port, "LISTEN")
	if p.has("svinvisible") || p.has(strconv.Itoa(s.pid)) {
		t.Errorf("/proc was not hidden: this test looks at nothing\n%s", p)
	}
	e.await("how many are hidden", func(p *picture) bool {
		return regexp.MustCompile(`[1-9]\d* owners? hidden`).MatchString(p.lines[0])
	})
	e.press("K")
	e.shows("no process to signal", "no permission")
	e.press("?")
	e.until("\x04", "what would show the owners", func(p *picture) bool { return p.has("cap_sys_ptrace") })
	e.back("cap_sys_ptrace")
	e.quit()
}

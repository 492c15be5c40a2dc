package main

// The zoo: a child of the test that lives in network and mount namespaces of its own, and keeps there whatever
// netstat and its like have something to say about, until the test closes its standard input.

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// zooVariable says which zoo a child of the role "zoo" is to keep.
const zooVariable = "SOCKVIEW_TEST_ZOO"

// zoos are the kinds of them.
var zoos = map[string]func(*keeper){
	"sockets":  (*keeper).keepSockets,
	"network":  (*keeper).keepNetwork,
	"traffic":  (*keeper).keepTraffic,
	"tracked":  (*keeper).keepTracked,
	"deafness": (*keeper).keepDeafness,
}

// adminPath is where the programs are that an administrator uses.
const adminPath = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"

// zoo is a running child.
type zoo struct {
	t    *testing.T
	pid  int
	home string
}

// lacks ends a test that cannot be run here. Where everything has to be run, that is a failure.
func lacks(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Geteuid() == 0 && os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// needs skips a test without root, and without the programs that it compares with.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: network and mount namespaces of its own")
	}
	for _, program := range append([]string{"nsenter", "ip"}, programs...) {
		if _, err := exec.LookPath(program); err != nil {
			lacks(t, "needs %s: %v", program, err)
		}
	}
}

// openZoo opens a zoo of a kind, and closes it with the test.
func openZoo(t *testing.T, kind string) *zoo {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe)
	c.Dir = home(t) // a short path: names of unix sockets have to fit into 107 bytes
	c.Env = append(environment(c.Dir), adminPath, atExit, roleVariable+"=zoo", zooVariable+"="+kind)
	c.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS}
	var stderr strings.Builder
	c.Stderr = &stderr
	in, err := c.StdinPipe() // open for as long as the test runs: its end is the zoo's end
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); errors.Is(err, fs.ErrPermission) {
		lacks(t, "needs the right to make namespaces: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(out).ReadString('\n')
	t.Cleanup(func() {
		in.Close()
		if err := c.Wait(); err != nil {
			t.Errorf("the zoo of %s: %v\n%s", kind, err, stderr.String())
		}
	})
	if why, missing := strings.CutPrefix(said, "missing: "); missing {
		lacks(t, "needs %s", strings.TrimSpace(why))
	}
	if said != "ready\n" {
		t.Fatalf("the zoo of %s did not open: %q, %v", kind, said, err)
	}
	return &zoo{t: t, pid: c.Process.Pid, home: c.Dir}
}

// inside is a command that runs in the zoo's namespaces, and sees the host's processes.
func (z *zoo) inside(t *testing.T, env []string, command ...string) *exec.Cmd {
	at := "/proc/" + strconv.Itoa(z.pid) + "/ns/"
	c := exec.CommandContext(t.Context(), "nsenter", append([]string{"--net=" + at + "net",
		"--mount=" + at + "mnt", "--"}, command...)...)
	c.Env = append(environment(z.home, "LC_ALL=C", adminPath), env...)
	return c
}

// run runs a command in the zoo.
func (z *zoo) run(t *testing.T, command ...string) printed {
	t.Helper()
	return z.runWith(t, nil, command...)
}

func (z *zoo) runWith(t *testing.T, env []string, command ...string) printed {
	t.Helper()
	var out, errs strings.Builder
	c := z.inside(t, env, command...)
	c.Stdout, c.Stderr = &out, &errs
	late := time.AfterFunc(patience, func() { c.Process.Kill() }) //nolint:errcheck // it may have ended
	defer late.Stop()
	var exit *exec.ExitError
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return printed{out.String(), errs.String(), c.ProcessState.ExitCode()}
}

// keeper is the child's side. What it opens stays open until it ends.
type keeper struct {
	open []io.Closer // and what its children wait for
}

// keepZoo is a keeper's life.
func keepZoo(keep func(*keeper)) int {
	runtime.LockOSThread()
	k := &keeper{}
	k.must("own names", k.etc())
	k.ip("link set lo up")
	keep(k)
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin) //nolint:errcheck // until the test is over
	return 0
}

func (k *keeper) must(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

// misses says that this machine cannot keep the zoo, and why.
func (k *keeper) misses(why string) {
	fmt.Println("missing:", strings.ReplaceAll(strings.TrimSpace(why), "\n", "; "))
	os.Exit(0)
}

// etc lays names of the zoo's own over the machine's. Nobody answers at its name server, and at once.
func (k *keeper) etc() error {
	for name, text := range map[string]string{
		"hosts": "127.0.0.1 localhost\n::1 localhost ip6-localhost\n" +
			"127.0.0.2 short\n127.0.0.3 a-name-much-longer-than-its-column.of.example.test with-alias\n" +
			"10.0.0.254 gateway.example.test gateway\n10.20.0.7 a-host.of-a-long-name.example.test\n" +
			"239.1.2.3 group-of-a-very-long-name.example.test\nff05::1:3 group6\n" +
			"2001:db8:1111:2222:3333:4444:5555:6666 six.example.test\nfe80::fe gateway6.example.test\n",
		"networks":    "default 0.0.0.0\nloopback 127.0.0.0\nlocalnet 10.20.0.0\nnet-of-a-long-name 10.24.0.0\n",
		"resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
	} {
		if err := k.lay("/etc/"+name, text); err != nil {
			return err
		}
	}
	return nil
}

// lay mounts a file over one of the machine's, which only this zoo sees. One that the machine has not stays away.
func (k *keeper) lay(over, text string) error {
	own, err := filepath.Abs("etc-" + filepath.Base(over))
	if err == nil {
		err = os.WriteFile(own, []byte(text), 0o644)
	}
	if err != nil {
		return err
	}
	if err := unix.Mount(own, over, "", unix.MS_BIND, ""); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ip runs commands of ip(8). One that begins with "?" may fail: not every kernel has everything.
func (k *keeper) ip(commands ...string) {
	for _, command := range commands {
		command, optional := strings.CutPrefix(command, "?")
		if out, err := exec.Command("ip", strings.Fields(command)...).CombinedOutput(); err != nil &&
			!optional {
			k.must("ip "+command, fmt.Errorf("%w: %s", err, out))
		}
	}
}

// up waits until links carry.
func (k *keeper) up(links ...string) {
	k.until("links", func() bool {
		for _, link := range links {
			out, err := exec.Command("ip", "-o", "link", "show", link).Output()
			k.must("ip link", err)
			if !strings.Contains(string(out), "state UP") {
				return false
			}
		}
		return true
	})
}

// reachable waits until there is a route to each IPv6 address of the namespace. The kernel adds it a moment after
// the address (addrconf_dad_work in net/ipv6/addrconf.c).
func (k *keeper) reachable() {
	k.until("routes to addresses", func() bool {
		addresses, err := os.ReadFile("/proc/self/net/if_inet6")
		k.must("addresses", err)
		routes, err := os.ReadFile("/proc/self/net/ipv6_route")
		k.must("routes", err)
		for line := range strings.Lines(string(addresses)) {
			if !regexp.MustCompile(`(?m)^` + line[:32] + ` 80 .* [0-9a-f]*80200001 `).Match(routes) {
				return false
			}
		}
		return true
	})
}

// sysctl sets a kernel parameter of the namespace.
func (k *keeper) sysctl(name, value string) {
	k.must(name, os.WriteFile("/proc/sys/"+name, []byte(value), 0))
}

// holder starts another process that holds copies of sockets. It is cat, which waits for a standard input that
// ends with the keeper, and says to be what name is.
func (k *keeper) holder(name string, uid uint32, fds ...int) {
	in, out, err := os.Pipe()
	k.must("pipe", err)
	cat, err := exec.LookPath("cat")
	k.must("a holder", err)
	c := &exec.Cmd{Path: cat, Args: []string{name}, Stdin: in, Dir: "/"}
	if uid != 0 {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: credential(uid)}
	}
	for _, fd := range fds {
		dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		k.must("dup", err)
		f := os.NewFile(uintptr(dup), "socket")
		defer f.Close()
		c.ExtraFiles = append(c.ExtraFiles, f)
	}
	k.must("start "+cat, c.Start())
	in.Close()
	k.open = append(k.open, out)
}

// hand gives sockets to another process and keeps none.
func (k *keeper) hand(name string, uid uint32, fds ...int) {
	k.holder(name, uid, fds...)
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// addr is an address and port as the system calls want it: of the IPv6 kind if six.
func (k *keeper) addr(s string, six bool) unix.Sockaddr {
	a, err := netip.ParseAddrPort(s)
	k.must("address", err)
	if !six {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	to := &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	if zone := a.Addr().Zone(); zone != "" {
		to.ZoneId = k.link(zone)
	}
	return to
}

// link is the number of an interface.
func (k *keeper) link(name string) uint32 {
	fd := k.socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	defer unix.Close(fd)
	request, err := unix.NewIfreq(name)
	k.must("interface", err)
	k.must("SIOCGIFINDEX", unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, request))
	return request.Uint32()
}

// socket makes a socket whose addresses may be used again at once.
func (k *keeper) socket(domain, kind, protocol int) int {
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, protocol)
	k.must(fmt.Sprintf("socket %d %d %d", domain, kind, protocol), err)
	if domain != unix.AF_UNIX {
		k.set(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	return fd
}

func (k *keeper) set(fd, level, option, value int) {
	k.must(fmt.Sprintf("setsockopt %d %d", level, option), unix.SetsockoptInt(fd, level, option, value))
}

// bound makes a bound socket; at is an address and port, and an IPv6 one makes an IPv6 socket.
func (k *keeper) bound(kind, protocol int, at string) int {
	six := strings.HasPrefix(at, "[")
	domain := unix.AF_INET
	if six {
		domain = unix.AF_INET6
	}
	fd := k.socket(domain, kind, protocol)
	k.must("bind "+at, unix.Bind(fd, k.addr(at, six)))
	return fd
}

// udp makes a UDP socket; to is whom it is connected with, or "".
func (k *keeper) udp(at, to string) int {
	fd := k.bound(unix.SOCK_DGRAM, 0, at)
	if to != "" {
		k.must("connect UDP", unix.Connect(fd, k.addr(to, strings.HasPrefix(at, "["))))
	}
	return fd
}

// listen makes a listener.
func (k *keeper) listen(at string, backlog int) int {
	fd := k.bound(unix.SOCK_STREAM, 0, at)
	k.must("listen", unix.Listen(fd, backlog))
	return fd
}

// connect connects from an address to another.
func (k *keeper) connect(from, to string) int {
	fd := k.bound(unix.SOCK_STREAM, 0, from)
	k.must("connect to "+to, unix.Connect(fd, k.addr(to, strings.HasPrefix(from, "["))))
	return fd
}

// begin connects without waiting for an answer.
func (k *keeper) begin(from, to string) int {
	fd := k.bound(unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0, from)
	if err := unix.Connect(fd, k.addr(to, strings.HasPrefix(from, "["))); err != nil &&
		err != unix.EINPROGRESS {
		k.must("begin to connect to "+to, err)
	}
	return fd
}

func (k *keeper) accept(listener int) int {
	fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
	k.must("accept", err)
	return fd
}

// write leaves n bytes at the other end.
func (k *keeper) write(fd, n int) {
	_, err := unix.Write(fd, make([]byte, n))
	k.must("write", err)
}

// fill writes until the connection takes no more.
func (k *keeper) fill(fd int) {
	k.must("O_NONBLOCK", unix.SetNonblock(fd, true))
	buf := make([]byte, 64<<10)
	for {
		if _, err := unix.Write(fd, buf); err == unix.EAGAIN {
			break
		} else if err != unix.EINTR {
			k.must("write", err)
		}
	}
	k.must("O_NONBLOCK", unix.SetNonblock(fd, false))
}

// drain reads until the other side's FIN.
func (k *keeper) drain(fd int) {
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Read(fd, buf)
		if n == 0 && err == nil {
			return
		}
		if err != unix.EINTR {
			k.must("read", err)
		}
	}
}

func (k *keeper) shutdown(fd int) { k.must("shutdown", unix.Shutdown(fd, unix.SHUT_WR)) }

// own gives a socket to another user.
func (k *keeper) own(fd, uid int) { k.must("fchown", unix.Fchown(fd, uid, uid)) }

// until waits for the kernel to have done what was asked of it.
func (k *keeper) until(what string, done func() bool) {
	for end := time.Now().Add(patience); !done(); runtime.Gosched() {
		if time.Now().After(end) {
			k.must(what, errors.New("it never came to be"))
		}
	}
}

// states are the sockets of a table of /proc/net, by local port and state: "2001 04".
func (k *keeper) states(table string) map[string]int {
	text, err := os.ReadFile("/proc/self/net/" + table)
	k.must("states", err)
	found := make(map[string]int)
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 4 || !strings.Contains(f[1], ":") {
			continue
		}
		port, err := strconv.ParseUint(f[1][strings.LastIndexByte(f[1], ':')+1:], 16, 16)
		k.must("port", err)
		found[fmt.Sprintf("%d %s", port, f[3])]++
	}
	return found
}

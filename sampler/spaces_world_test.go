package sampler

// This file makes the network namespaces that spaces_kernel_test.go looks into: each is kept by a process, which is this
// test binary and does there what it is told.

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"sockview/model"
)

const (
	tenantVariable = "SOCKVIEW_TEST_SPACE" // "tenant" in a process of its own
	worldPatience  = 30 * time.Second
)

// TestSpaceRole is not a test but the processes of those in spaces_kernel_test.go.
func TestSpaceRole(t *testing.T) {
	var err error
	switch os.Getenv(tenantVariable) {
	case "":
		t.Skip("is run by the tests of namespaces")
	case "tenant":
		err = obey(os.Stdin, os.Stdout)
	case "stranger":
		err = stranger()
	case "settled":
		err = settled()
	}
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// obey does what each line says, answers with a line, and ends with its input.
func obey(in io.Reader, out io.Writer) error {
	r := &resident{conns: map[string]net.Conn{}, listeners: map[string]net.Listener{}, others: map[string]io.Closer{}}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		answer, err := r.act(strings.Fields(lines.Text()))
		if err != nil {
			answer = "error: " + strings.ReplaceAll(err.Error(), "\n", "; ")
		}
		fmt.Fprintln(out, answer)
	}
	return nil
}

// resident is what a process has open in its namespace, by the names that it was told.
type resident struct {
	conns     map[string]net.Conn
	listeners map[string]net.Listener
	others    map[string]io.Closer
	crowd     crowd
}

func (r *resident) act(words []string) (answer string, err error) {
	switch words = append(words, "", "", "", ""); words[0] {
	case "up": // LINK [ADDRESS/BITS]
		return "", up(words[1], words[2])
	case "veth": // PID of the one at the other end
		peer := 0
		fmt.Sscan(words[1], &peer)
		return "", netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "eth0"}, PeerName: "eth0", PeerNamespace: netlink.NsPid(peer)})
	case "listen": // NAME ADDRESS
		r.listeners[words[1]], err = net.Listen("tcp", words[2])
		if err != nil {
			return "", err
		}
		return r.listeners[words[1]].Addr().String(), nil
	case "dial": // NAME ADDRESS [LOCAL]
		d := net.Dialer{Timeout: worldPatience}
		if words[3] != "" {
			if d.LocalAddr, err = net.ResolveTCPAddr("tcp", words[3]); err != nil {
				return "", err
			}
		}
		if r.conns[words[1]], err = d.Dial("tcp", words[2]); err != nil {
			return "", err
		}
		return r.conns[words[1]].LocalAddr().String(), nil
	case "accept": // NAME LISTENER
		if r.conns[words[1]], err = r.listeners[words[2]].Accept(); err != nil {
			return "", err
		}
		return r.conns[words[1]].RemoteAddr().String(), nil
	case "close":
		return "", errors.Join(closeIn(r.conns, words[1]), closeIn(r.listeners, words[1]), closeIn(r.others, words[1]))
	case "raw", "unix":
		r.others[words[0]], err = open(words[0], words[1])
		return "", err
	case "send", "receive": // NAME BYTES
		n := 0
		fmt.Sscan(words[2], &n)
		return "", move(r.conns[words[1]], words[0] == "send", n)
	case "crowd": // DIRECTORY PORT COUNT
		port, n := 0, 0
		fmt.Sscan(words[2]+" "+words[3], &port, &n)
		return "", r.crowd.come(words[1], port, n)
	case "disperse":
		return "", r.crowd.leave()
	}
	return "", fmt.Errorf("%q is nothing to do", words)
}

func up(link, address string) error {
	l, err := netlink.LinkByName(link)
	if err == nil && address != "" {
		var a *netlink.Addr
		if a, err = netlink.ParseAddr(address); err == nil {
			err = netlink.AddrAdd(l, a)
		}
	}
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(l)
}

func closeIn[C io.Closer](all map[string]C, name string) error {
	c, ok := all[name]
	delete(all, name)
	if !ok {
		return nil
	}
	return c.Close()
}

func open(kind, path string) (io.Closer, error) {
	if kind == "raw" {
		return net.ListenPacket("ip4:253", "127.0.0.1")
	}
	return net.Listen("unix", path)
}

func move(c net.Conn, out bool, n int) (err error) {
	if err = c.SetDeadline(time.Now().Add(worldPatience)); err != nil {
		return err
	}
	if out {
		_, err = c.Write(make([]byte, n))
	} else {
		_, err = io.ReadFull(c, make([]byte, n))
	}
	return err
}

// crowd are namespaces that a mount keeps, with a listener in each.
type crowd struct {
	fds   []int
	paths []string
}

func (c *crowd) come(dir string, port, n int) error {
	return elsewhere(func() error {
		for i := range n {
			if err := c.one(filepath.Join(dir, fmt.Sprint("ns", i)), port+i); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *crowd) one(path string, port int) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	c.fds = append(c.fds, fd)
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Port: port}), unix.Listen(fd, 1), os.WriteFile(path, nil, 0o600)); err != nil {
		return err
	}
	c.paths = append(c.paths, path)
	return unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, "")
}

func (c *crowd) leave() error {
	var errs []error
	for _, path := range c.paths {
		errs = append(errs, unix.Unmount(path, unix.MNT_DETACH))
	}
	for _, fd := range c.fds {
		errs = append(errs, unix.Close(fd))
	}
	*c = crowd{}
	return errors.Join(errs...)
}

// tenant is a process in a network namespace of its own, as the test sees it.
type tenant struct {
	*testing.T
	pid   int
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
}

// newTenant starts one with its loopback up.
func newTenant(t *testing.T) *tenant {
	t.Helper()
	return newTenantIn(t, func(int) {})
}

// newTenantIn is newTenant for a process that something is done with first. What that has to clean up is done after the
// process has ended.
func newTenantIn(t *testing.T, do func(pid int)) *tenant {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes network namespaces")
	}
	c := exec.Command(os.Args[0], "-test.run=^TestSpaceRole$")
	c.Env = append(os.Environ(), tenantVariable+"=tenant")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); errors.Is(err, fs.ErrPermission) {
		t.Skipf("needs the right to make a network namespace: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	a := &tenant{t, c.Process.Pid, c, in, bufio.NewScanner(out)}
	t.Cleanup(a.end)
	do(a.pid)
	t.Cleanup(a.end) // cleaning up goes backwards
	a.do("up lo")
	return a
}

// end ends the process, and with it what it has open.
func (a *tenant) end() {
	if a.cmd.ProcessState == nil {
		a.cmd.Process.Kill()
		a.cmd.Wait()
	}
}

// try has the process do something and gives its answer.
func (a *tenant) try(order ...any) (string, error) {
	a.Helper()
	text := fmt.Sprintln(order...)
	if _, err := io.WriteString(a.in, text); err != nil {
		a.Fatalf("%s: %v", text, err)
	}
	if !a.lines.Scan() {
		a.Fatalf("%s: the process has ended", text)
	}
	if why, failed := strings.CutPrefix(a.lines.Text(), "error: "); failed {
		return "", errors.New(why)
	}
	return a.lines.Text(), nil
}

// do is try for what must not fail.
func (a *tenant) do(order ...any) string {
	a.Helper()
	answer, err := a.try(order...)
	if err != nil {
		a.Fatalf("%v: %v", order, err)
	}
	return answer
}

// join gives two namespaces a link, with 10.7.0.1 at the one end and 10.7.0.2 at the other.
func join(t *testing.T, a, b *tenant) {
	t.Helper()
	if _, err := a.try("veth", b.pid); err != nil && strings.Contains(err.Error(), "not supported") {
		t.Skipf("needs veth interfaces: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	a.do("up", "eth0", "10.7.0.1/24")
	b.do("up", "eth0", "10.7.0.2/24")
}

// connect connects a to b, where each calls its end by name.
func connect(a, b *tenant, name, listener, address string, local ...any) {
	a.Helper()
	a.do(append([]any{"dial", name, address}, local...)...)
	b.do("accept", name, listener)
}

// carry brings bytes from one end to the other.
func carry(from, to *tenant, name string, n int) {
	from.Helper()
	from.do("send", name, n)
	to.do("receive", name, n)
}

// onlooker is a Kernel that runs.
type onlooker struct {
	*Kernel
	t      *testing.T
	late   context.Context
	demand model.Demand
	before func(*model.Snapshot) // looks at every snapshot; may be nil
}

// watchSpaces looks from the network namespace of this process, and lets go of the others in the end.
func watchSpaces(t *testing.T, d model.Demand) *onlooker {
	t.Helper()
	return watchSpacesWith(t, d, Options{})
}

func watchSpacesWith(t *testing.T, d model.Demand, o Options) *onlooker {
	t.Helper()
	k, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &onlooker{Kernel: k, t: t, demand: d}
	var enough context.CancelFunc
	w.late, enough = context.WithTimeout(ctx, worldPatience)
	k.Want(d)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		k.Run(ctx)
	}()
	t.Cleanup(func() {
		enough()
		cancel()
		<-ended
		if k.finder.watcher != nil {
			if err := k.finder.watcher.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return w
}

// until waits for a snapshot that is what is waited for.
func (w *onlooker) until(what string, is func(*model.Snapshot) bool) {
	w.t.Helper()
	var last string
	for {
		select {
		case <-w.late.Done():
			w.t.Fatalf("not within %v: %s; last seen:\n%s", worldPatience, what, last)
		case <-w.Ready():
		}
		s := w.Take()
		if s == nil {
			continue
		}
		if w.before != nil {
			w.before(s)
		}
		done := is(s)
		if !done {
			last = describe(s)
		}
		w.Release(s)
		if done {
			return
		}
	}
}

// choose has other namespaces looked into.
func (w *onlooker) choose(choice string) {
	w.demand.NetNS = choice
	w.Want(w.demand)
}

// describe is what a failed test says of a snapshot: others' namespaces may have any number of sockets.
func describe(s *model.Snapshot) string {
	const most = 200
	var b bytes.Buffer
	for i := range s.NetNS {
		if n := &s.NetNS[i]; i < most && n.View != model.NoNetNS && n.View != model.Unchosen {
			fmt.Fprintf(&b, "%d %s: view %d, %d sockets, asked %v ago, %v\n", i, n.Name, n.View, n.Sockets, time.Duration(s.Now-n.AskedAt), n.Err)
		}
	}
	shown := map[uint16]int{}
	for i := range s.Sockets {
		r := &s.Sockets[i]
		if shown[r.NetNS]++; shown[r.NetNS] < 10 && len(shown) < most {
			fmt.Fprintf(&b, "  in %d: %v %v:%d %v:%d %v dead %v sent %d received %d\n", r.NetNS, r.Proto, netip.AddrFrom16(r.Local), r.LocalPort,
				netip.AddrFrom16(r.Remote), r.RemotePort, r.State, r.Dead, r.Sent, r.Received)
		}
	}
	for _, c := range s.Sources {
		if c.Err != nil {
			fmt.Fprintf(&b, "  %s: %v\n", c.Name, c.Err)
		}
	}
	return b.String()
}

// placeOf is the place of the namespace that is called so; -1 when there is none.
func placeOf(s *model.Snapshot, name string) int {
	return slices.IndexFunc(s.NetNS, func(n model.NetNS) bool { return n.View != model.NoNetNS && n.Name.String() == name })
}

// label is what the namespace of a process is called.
func (a *tenant) label() string { return fmt.Sprint("pid ", a.pid) }

// rowOf is the row of a namespace's socket at these ports; remote 0 is a listener. nil: there is none.
func (a *tenant) rowOf(s *model.Snapshot, local, remote uint16) *model.Socket {
	return rowIn(s, a.label(), local, remote)
}

func rowIn(s *model.Snapshot, name string, local, remote uint16) *model.Socket {
	place := placeOf(s, name)
	for i := range s.Sockets {
		if r := &s.Sockets[i]; int(r.NetNS) == place && r.LocalPort == local && r.RemotePort == remote {
			return r
		}
	}
	return nil
}

// held is whether the process is named as the one that holds the socket.
func (a *tenant) held(s *model.Snapshot, r *model.Socket) bool {
	p := s.HolderOf(r)
	return p != nil && int(p.PID) == a.pid
}

// port is that of an address.
func port(t *testing.T, address string) uint16 {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(a.Port)
}

// publicBinary is a copy of this binary that other users can run.
func publicBinary(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sockview-spaces-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b, err := os.ReadFile(os.Args[0])
	path := filepath.Join(dir, "test")
	if err = errors.Join(err, os.Chmod(dir, 0o755), os.WriteFile(path, b, 0o755)); err != nil {
		t.Fatal(err)
	}
	return path
}

package sampler

// Connections that live for milliseconds, on the running kernel: each has to appear, with its exact bytes, and none with a
// wrong owner.

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockview/model"
)

const (
	roleVariable = "SOCKVIEW_TEST_SHORT" // a role, in a process of its own
	shortLife    = 5 * time.Millisecond
	// Four clients make 10,000 connections, 1,000 a second.
	shortClients = 4
	shortEach    = 2500
	shortPause   = 4 * time.Millisecond // between two of a client's
)

// The roles: "serve" listens at a port of its own; "share N" has N processes accept at one listener beside it, as a server's
// workers do; "reuse PORT" listens at a port at which others do too; "call N PORT ..." connects to each in turn from 127.N.0.0/16,
// each time from another address, so that no two connections have the same ends.
//
// TestShortRole is not a test but the servers and clients of the one below.
func TestShortRole(t *testing.T) {
	role := strings.Fields(os.Getenv(roleVariable))
	if len(role) == 0 {
		t.Skip("is run by TestKernelShortConnections")
	}
	var err error
	switch role[0] {
	case "serve":
		err = serve("127.0.0.1:0", nil)
	case "reuse":
		err = serve("127.0.0.1:"+role[1], func(_, _ string, c syscall.RawConn) error {
			var failed error
			err := c.Control(func(fd uintptr) {
				failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
			})
			return errors.Join(err, failed)
		})
	case "share":
		err = share(role[1])
	case "work":
		var l net.Listener
		if l, err = net.FileListener(os.NewFile(3, "listener")); err == nil {
			err = accept(l)
		}
	case "call":
		err = callAll(role[1], role[2:])
	}
	if err != nil {
		t.Fatal(err)
	}
}

func serve(address string, control func(network, address string, c syscall.RawConn) error) error {
	l, err := (&net.ListenConfig{Control: control}).Listen(context.Background(), "tcp4", address)
	if err != nil {
		return err
	}
	fmt.Println("port", l.Addr().(*net.TCPAddr).Port)
	return accept(l)
}

func accept(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		fmt.Println("took", os.Getpid(), c.LocalAddr(), c.RemoteAddr())
		go serveShort(c)
	}
}

// share listens and lets that many processes accept, and itself too.
func share(workers string) error {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(workers)
	if err != nil {
		return err
	}
	for range n {
		c := exec.Command(os.Args[0], "-test.run=^TestShortRole$")
		c.Env = append(os.Environ(), roleVariable+"=work")
		c.ExtraFiles, c.Stdout = []*os.File{file}, os.Stdout
		c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		runtime.LockOSThread() // Pdeathsig comes when the thread that started it ends
		if err := c.Start(); err != nil {
			return err
		}
	}
	fmt.Println("port", l.Addr().(*net.TCPAddr).Port)
	return accept(l)
}

func callAll(net string, ports []string) error {
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil { // the word to begin
		return err
	}
	pace := time.NewTicker(shortPause)
	defer pace.Stop()
	var all sync.WaitGroup
	var failed atomic.Pointer[error]
	for i := range shortEach {
		<-pace.C
		all.Go(func() {
			if err := callShort(fmt.Sprintf("127.%s.%d.%d", net, i/250, 1+i%250), ports[i%len(ports)], i/len(ports)); err != nil {
				failed.Store(&err)
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	fmt.Println("done")
	_, err := io.Copy(io.Discard, os.Stdin) // it lives until the test has looked
	return err
}

// serveShort answers a request, which says how long it and the answer are and who closes first.
func serveShort(c net.Conn) {
	defer c.Close()
	var head [12]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return
	}
	io.CopyN(io.Discard, c, int64(binary.BigEndian.Uint32(head[0:])))
	c.Write(make([]byte, binary.BigEndian.Uint32(head[4:])))
	if binary.BigEndian.Uint32(head[8:]) != 0 {
		io.Copy(io.Discard, c) // the client closes first
	}
}

func callShort(from, port string, i int) error {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp4", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	defer c.Close()
	body, answer, first := 10+i*7%3000, 1+i*13%5000, i%2
	request := make([]byte, 12+body)
	binary.BigEndian.PutUint32(request, uint32(body))
	binary.BigEndian.PutUint32(request[4:], uint32(answer))
	binary.BigEndian.PutUint32(request[8:], uint32(first))
	if _, err := c.Write(request); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, make([]byte, answer)); err != nil {
		return err
	}
	<-time.After(shortLife)
	_, err = fmt.Println("call", c.LocalAddr(), c.RemoteAddr(), len(request), answer, first != 0)
	return err
}

// actor is a process of the test.
type actor struct {
	pid   int
	lines *bufio.Scanner
	in    io.WriteCloser
}

// startActor starts a process in a role, as a user.
func startActor(t *testing.T, binary, role string, uid uint32) *actor {
	t.Helper()
	c := exec.Command(binary, "-test.run=^TestShortRole$")
	c.Env, c.Dir = append(os.Environ(), roleVariable+"="+role), "/"
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	return &actor{c.Process.Pid, bufio.NewScanner(out), in}
}

// startServer is startActor for who says at which port it listens.
func startServer(t *testing.T, binary, role string, uid uint32) (server *actor, port string) {
	t.Helper()
	s := startActor(t, binary, role, uid)
	if !s.lines.Scan() {
		t.Fatal("a server did not start: ", role)
	}
	port, ok := strings.CutPrefix(s.lines.Text(), "port ")
	if !ok {
		t.Fatal(role, " says ", s.lines.Text())
	}
	return s, port
}

// line is a connection seen from one of its ends, which comes first.
type line struct{ here, there netip.AddrPort }

func lineOf(a model.Addr, port uint16, b model.Addr, other uint16) line {
	return line{netip.AddrPortFrom(a.Netip(), port), netip.AddrPortFrom(b.Netip(), other)}
}

func (l line) turned() line { return line{l.there, l.here} }

// scan reads both ends.
func (l *line) scan(here, there string) (err error) {
	if l.here, err = netip.ParseAddrPort(here); err == nil {
		l.there, err = netip.ParseAddrPort(there)
	}
	return err
}

// call is a connection as its client knows it.
type call struct {
	line
	sent, received uint64
	client         int // pid
	clientFirst    bool
}

// spoken is what the processes say of their connections.
type spoken struct {
	mu    sync.Mutex
	calls []call
	took  map[line]int // who accepted it, seen from the server
	done  int          // clients
}

func (s *spoken) listen(a *actor) {
	for a.lines.Scan() {
		var one call
		var pid int
		var here, there string
		text := a.lines.Text()
		s.mu.Lock()
		if n, _ := fmt.Sscanf(text, "call %s %s %d %d %t", &here, &there, &one.sent, &one.received, &one.clientFirst); n == 5 && one.scan(here, there) == nil {
			one.client = a.pid
			s.calls = append(s.calls, one)
		} else if n, _ := fmt.Sscanf(text, "took %d %s %s", &pid, &here, &there); n == 3 && one.scan(here, there) == nil {
			s.took[one.line] = pid
		} else if text == "done" {
			s.done++
		}
		s.mu.Unlock()
	}
}

// servers starts one server that everybody calls, one of another user that one client alone calls, three processes at one
// listener, and two at one port. Clients call the ports that are theirs.
func servers(t *testing.T, binary string, s *spoken) (everybodys []string, lonely string) {
	t.Helper()
	var port string
	start := func(role string, uid uint32) {
		var a *actor
		a, port = startServer(t, binary, role, uid)
		go s.listen(a)
	}
	start("serve", 0)
	everybodys = append(everybodys, port)
	start("share 2", 0)
	everybodys = append(everybodys, port)
	start("reuse 0", 0)
	start("reuse "+port, 0)
	everybodys = append(everybodys, port)
	start("serve", 65534)
	return everybodys, port
}

// TestKernelShortConnections: 10,000 connections of 5 ms, 1,000 a second, polled each second. All of them are shown and
// remembered with their exact bytes; the accepting side's owner is who accepted it, or who holds the listener with him, and
// is said to be a guess then; the connecting side's is the right one or none.
func TestKernelShortConnections(t *testing.T) {
	ownNamespace(t)
	k, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	said := &spoken{took: map[line]int{}}
	binary := publicBinary(t)
	everybodys, lonely := servers(t, binary, said)
	var clients []*actor
	for i := range shortClients {
		ports := everybodys
		if i == 0 {
			ports = append([]string{lonely}, everybodys...)
		}
		clients = append(clients, startActor(t, binary, fmt.Sprint("call ", 10+i, " ", strings.Join(ports, " ")), uint32(i%2*65534)))
	}

	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
	defer cancel()
	go k.Run(ctx)
	last := map[line]ending{} // each connection's ends, as last seen
	lost := ""
	var past model.Snapshot // History and Departed alone: what they refer to is never written to
	look := func(until func(*model.Snapshot) bool) {
		t.Helper()
		for {
			select {
			case <-ctx.Done():
				t.Fatal("it took too long")
			case <-k.Ready():
			}
			s := k.Take()
			if s == nil {
				continue
			}
			for i := range s.Sockets {
				if r := &s.Sockets[i]; r.RemotePort != 0 && (r.Dead || r.State == model.TimeWait) {
					last[lineOf(r.Local, r.LocalPort, r.Remote, r.RemotePort)] = endingOf(s, r)
				}
			}
			for _, source := range s.Sources {
				if source.Name == "closings" {
					lost = source.Err.Error()
				}
			}
			past.History, past.Departed = s.History, s.Departed
			enough := until(s)
			k.Release(s)
			if enough {
				return
			}
		}
	}
	look(func(s *model.Snapshot) bool { // until all listeners' owners are known
		known := 0
		for i := range s.Sockets {
			if r := &s.Sockets[i]; r.State == model.Listen && len(s.HoldersOf(r)) > 0 && s.Sources != nil {
				known += len(s.HoldersOf(r))
			}
		}
		return known == 7
	})
	for _, c := range clients {
		if _, err := c.in.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		go said.listen(c)
	}
	more := 3 // samples after the last one ended, for what is told of it later
	look(func(*model.Snapshot) bool {
		said.mu.Lock()
		defer said.mu.Unlock()
		if said.done == len(clients) {
			more--
		}
		return more < 0
	})
	if lost != "" {
		t.Fatalf("closings were lost: %s", lost)
	}
	said.mu.Lock()
	defer said.mu.Unlock()
	if len(said.calls) != shortClients*shortEach || len(said.took) != len(said.calls) {
		t.Fatalf("%d calls, %d were taken", len(said.calls), len(said.took))
	}
	checkShort(t, said, last)
	checkRemembered(t, said, &past)
}

// checkRemembered checks that the history has each end of each connection, once and exactly, and claims of neither that it
// closed first where the other did.
func checkRemembered(t *testing.T, said *spoken, s *model.Snapshot) {
	t.Helper()
	calls := said.calls
	ends := map[line]ending{}
	how := map[line]model.End{}
	counts := map[model.End]int{}
	for i := range s.History {
		r := &s.History[i]
		at := lineOf(r.Local, r.LocalPort, r.Remote, r.RemotePort)
		if _, again := ends[at]; again {
			t.Fatalf("remembered twice: %+v", *r)
		}
		e := ending{known: r.Has&model.HasBytes != 0 && r.Exact && r.Told, sent: r.Sent, received: r.Received, inferred: r.Inferred}
		if d := s.DepartedOf(r); d != nil {
			e.pid = int(d.PID)
		}
		ends[at], how[at] = e, r.End
		counts[r.End]++
	}
	if len(ends) != 2*len(calls) {
		t.Errorf("%d are remembered, of %d", len(ends), 2*len(calls))
	}
	checkShort(t, said, ends)
	for _, c := range calls {
		client, server := how[c.line], how[c.turned()]
		claims := [2]model.End{model.EndThere, model.EndHere}
		if c.clientFirst {
			claims = [2]model.End{model.EndHere, model.EndThere}
		}
		if client != claims[0] && client != model.EndClosed || server != claims[1] && server != model.EndClosed {
			t.Errorf("%+v: the client's end is %q, the server's %q", c, client, server)
		}
	}
	t.Log(counts)
}

// ending is what was shown of a connection's end.
type ending struct {
	known          bool
	sent, received uint64
	pid            int // 0: nobody is named
	inferred       bool
}

func endingOf(s *model.Snapshot, r *model.Socket) ending {
	e := ending{known: r.Has&model.HasBytes != 0, sent: r.Sent, received: r.Received, inferred: r.Inferred}
	if p := s.HolderOf(r); p != nil {
		e.pid = int(p.PID)
	}
	return e
}

func checkShort(t *testing.T, said *spoken, last map[line]ending) {
	t.Helper()
	group := map[netip.AddrPort]map[int]bool{} // who accepts there
	for at, pid := range said.took {
		if group[at.here] == nil {
			group[at.here] = map[int]bool{}
		}
		group[at.here][pid] = true
	}
	missing, inexact, wrong, named, unnamed, guessed := 0, 0, 0, 0, 0, 0
	for _, c := range said.calls {
		at := c.turned()
		client, ok := last[c.line]
		server, both := last[at]
		switch {
		case !ok || !both:
			missing++
		case !client.known || !server.known || client.sent != c.sent || client.received != c.received ||
			server.sent != c.received || server.received != c.sent:
			if inexact++; inexact < 5 {
				t.Logf("%+v: client %+v, server %+v", c, client, server)
			}
		}
		switch {
		case client.pid == 0:
		case client.pid == c.client:
			named++
		default:
			if wrong++; wrong < 5 {
				t.Logf("%+v: client %+v", c, client)
			}
		}
		switch alone := len(group[c.there]) == 1; {
		case server.pid == said.took[at]:
		case server.pid == 0 && !alone:
			unnamed++
		case server.inferred && group[c.there][server.pid]:
			guessed++
		default:
			if wrong++; wrong < 5 {
				t.Logf("%+v, taken by %d: server %+v", c, said.took[at], server)
			}
		}
	}
	t.Logf("%d connections, the client told of %d; of shared listeners' %d one of the holders, %d none",
		len(said.calls), named, guessed, unnamed)
	if missing+inexact+wrong != 0 {
		t.Errorf("%d are missing, %d not exact, %d of a wrong owner", missing, inexact, wrong)
	}
}

package sampler

// Connections that live for milliseconds, on the running kernel: each has to appear, with its exact bytes, and none with a
// wrong owner.

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"sockview/model"
)

const (
	roleVariable = "SOCKVIEW_TEST_SHORT" // "serve" or "call PORT PORT ..." in a process of its own
	shortEach    = 250                   // connections of a client to each of its servers
	shortLife    = 5 * time.Millisecond
	shortPause   = 2 * time.Millisecond // between two of a client's
)

// TestShortRole is not a test but the servers and clients of the one below.
func TestShortRole(t *testing.T) {
	role := strings.Fields(os.Getenv(roleVariable))
	switch {
	case len(role) == 0:
		t.Skip("is run by TestKernelShortConnections")
	case role[0] == "serve":
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("port", l.Addr().(*net.TCPAddr).Port)
		for {
			c, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			go serveShort(c)
		}
	default:
		if _, err := os.Stdin.Read(make([]byte, 1)); err != nil { // the word to begin
			t.Fatal(err)
		}
		pace := time.NewTicker(shortPause)
		defer pace.Stop()
		var all sync.WaitGroup
		for i := range shortEach * (len(role) - 1) {
			<-pace.C
			all.Go(func() { callShort(t, role[1+i%(len(role)-1)], i) })
		}
		all.Wait()
		fmt.Println("done")
		io.Copy(io.Discard, os.Stdin) // it lives until the test has looked
	}
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

func callShort(t *testing.T, port string, i int) {
	c, err := net.Dial("tcp4", "127.0.0.1:"+port)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	body, answer, first := 10+i*7%3000, 1+i*13%5000, i/2%2
	request := make([]byte, 12+body)
	binary.BigEndian.PutUint32(request, uint32(body))
	binary.BigEndian.PutUint32(request[4:], uint32(answer))
	binary.BigEndian.PutUint32(request[8:], uint32(first))
	c.Write(request)
	if _, err := io.ReadFull(c, make([]byte, answer)); err != nil {
		t.Error(err)
		return
	}
	<-time.After(shortLife)
	fmt.Println("call", c.LocalAddr().(*net.TCPAddr).Port, port, len(request), answer, first != 0)
}

// actor is a process of the test.
type actor struct {
	pid   int
	lines *bufio.Scanner
	in    io.WriteCloser
}

func startActor(t *testing.T, role string) *actor {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^TestShortRole$")
	c.Env = append(os.Environ(), roleVariable+"="+role)
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

// call is a connection as its client knows it.
type call struct {
	from, to       uint16
	sent, received uint64
	client, server int // pids
	clientFirst    bool
}

func TestKernelShortConnections(t *testing.T) {
	ownNamespace(t)
	k, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	servers := map[uint16]int{}
	role := "call"
	for range 2 {
		s := startActor(t, "serve")
		var port uint16
		if !s.lines.Scan() {
			t.Fatal("a server did not start")
		}
		if _, err := fmt.Sscanf(s.lines.Text(), "port %d", &port); err != nil {
			t.Fatal(err)
		}
		servers[port] = s.pid
		role += fmt.Sprint(" ", port)
	}
	clients := []*actor{startActor(t, role), startActor(t, role)}

	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	go k.Run(ctx)
	last := map[[2]uint16]ending{} // each connection's end, by its ports, as last seen
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
					last[[2]uint16{r.LocalPort, r.RemotePort}] = endingOf(s, r)
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
	look(func(s *model.Snapshot) bool { // until both listeners' owners are known
		known := 0
		for i := range s.Sockets {
			if p := s.HolderOf(&s.Sockets[i]); p != nil && int(p.PID) == servers[s.Sockets[i].LocalPort] {
				known++
			}
		}
		return known == 2
	})
	var calls []call
	var mu sync.Mutex
	done := 0
	for _, c := range clients {
		if _, err := c.in.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		go func() {
			for c.lines.Scan() {
				one := call{client: c.pid}
				n, _ := fmt.Sscanf(c.lines.Text(), "call %d %d %d %d %t", &one.from, &one.to, &one.sent, &one.received, &one.clientFirst)
				mu.Lock()
				if n == 5 {
					one.server = servers[one.to]
					calls = append(calls, one)
				} else if c.lines.Text() == "done" {
					done++
				}
				mu.Unlock()
			}
		}()
	}
	more := 3 // samples after the last one ended, for what is told of it later
	look(func(*model.Snapshot) bool {
		mu.Lock()
		defer mu.Unlock()
		if done == len(clients) {
			more--
		}
		return more < 0
	})
	if lost != "" {
		t.Skipf("closings were lost, the machine is too busy: %s", lost)
	}
	if len(calls) != len(clients)*len(servers)*shortEach {
		t.Fatalf("%d calls", len(calls))
	}
	checkShort(t, calls, last)
	checkRemembered(t, calls, &past)
}

// checkRemembered checks that the history has each end of each connection, once and exactly, and claims of neither that it
// closed first where the other did.
func checkRemembered(t *testing.T, calls []call, s *model.Snapshot) {
	t.Helper()
	ends := map[[2]uint16]ending{}
	how := map[[2]uint16]model.End{}
	counts := map[model.End]int{}
	for i := range s.History {
		r := &s.History[i]
		at := [2]uint16{r.LocalPort, r.RemotePort}
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
	checkShort(t, calls, ends)
	for _, c := range calls {
		client, server := how[[2]uint16{c.from, c.to}], how[[2]uint16{c.to, c.from}]
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

func checkShort(t *testing.T, calls []call, last map[[2]uint16]ending) {
	t.Helper()
	missing, inexact, wrong, named := 0, 0, 0, 0
	for _, c := range calls {
		client, ok := last[[2]uint16{c.from, c.to}]
		server, both := last[[2]uint16{c.to, c.from}]
		switch {
		case !ok || !both:
			missing++
		case !client.known || !server.known || client.sent != c.sent || client.received != c.received ||
			server.sent != c.received || server.received != c.sent:
			if inexact++; inexact < 5 {
				t.Logf("%+v: client %+v, server %+v", c, client, server)
			}
		}
		if both && server.pid != c.server || ok && client.pid != 0 && client.pid != c.client {
			if wrong++; wrong < 5 {
				t.Logf("%+v: client %+v, server %+v", c, client, server)
			}
		}
		if client.pid == c.client {
			named++
		}
	}
	t.Logf("%d connections, the client's owner told of %d", len(calls), named)
	if missing+inexact+wrong != 0 {
		t.Errorf("%d are missing, %d not exact, %d of a wrong owner", missing, inexact, wrong)
	}
}

package main

// A person at work: finding a socket, looking at it, ending its owner, closing it.

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hinshun/vt10x"
	"golang.org/x/sys/unix"
)

// heading is the line of the table's headings.
const heading = 1

func TestLiveFindsAListenerAndKillsItsOwner(t *testing.T) {
	t.Parallel()
	s := startServer(t, serving{name: "svlistener", args: []string{"--told", "by the test"}, listeners: 3})
	pid := strconv.Itoa(s.pid)
	// Closed rows stay for long enough to be seen on a busy machine.
	e := open(t, launch{args: []string{"--hold", "3s"}, cols: 120, rows: 24})
	e.ready()

	// Found by typing.
	e.filter("port:" + strconv.Itoa(s.ports[1]))
	p := e.shows("svlistener", pid, "127.0.0.1", strconv.Itoa(s.ports[1]), "LISTEN")
	if p.has("svlistener", strconv.Itoa(s.ports[0])) {
		t.Errorf("the filter lets another port through:\n%s", p)
	}
	e.await("the number of rows shown", func(p *picture) bool { return p.matches(`Shown:? 1\b`) })
	e.press(escape)
	e.await("the filter to be cleared", func(p *picture) bool { return !p.matches(`Shown`) })

	// Looked at.
	e.filter("pid:" + pid)
	e.await("all its listeners", func(p *picture) bool { return p.matches(`Shown:? 3\b`) })
	e.press("G", "g", enter)
	e.shows("Waits for others to connect")
	e.shows("command", "svlistener --told by the test")
	e.shows("Open to programs on this host only")
	e.back("Waits for others to connect")

	// Asked, and left alone.
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	e.press("K")
	e.shows("pid", pid)
	e.shows("user", who.Username)
	e.shows("process", "svlistener")
	e.shows("[N]o", "[Y]es")
	e.press("n")
	e.shows("nothing was done")
	e.press("K")
	e.shows("[N]o", "[Y]es")
	e.press(enter) // No is the default
	e.shows("nothing was done")
	if !s.lives() {
		t.Fatal("no was the answer, and the process ended")
	}

	// Ended.
	e.press("K")
	e.shows("[N]o", "[Y]es")
	e.press("y")
	e.shows("svlistener (" + pid + ") ended")
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Fatal("the screen says it ended, and it did not")
	}
	e.await("its rows, closed and red", func(p *picture) bool {
		y := p.line("-svlistener", pid)
		return y > heading && coloured(p.cells[y][p.column(y, "svlistener")], vt10x.Red)
	})
	e.await("its rows to go", func(p *picture) bool { return !p.has("svlistener", "LISTEN") && p.has("0 of ") })
	e.quit()
}

func TestLiveSorts(t *testing.T) {
	t.Parallel()
	s := startServer(t, serving{name: "svsorted", listeners: 3})
	e := open(t, launch{args: []string{"pid:" + strconv.Itoa(s.pid)}, cols: 120, rows: 40})
	ports := func(p *picture) (shown []string) {
		for y := range p.lines {
			if f := strings.Fields(p.lines[y]); len(f) > 4 && strings.HasSuffix(f[0], "svsorted") {
				shown = append(shown, f[4])
			}
		}
		return shown
	}
	ordered := func(desc bool) func(*picture) bool {
		return func(p *picture) bool {
			shown := ports(p)
			for i := 1; i < len(shown); i++ {
				// ports of one length in digits: all are from the kernel's ephemeral range
				a, _ := strconv.Atoi(shown[i-1])
				b, _ := strconv.Atoi(shown[i])
				if a < b == desc {
					return false
				}
			}
			return len(shown) == 3
		}
	}
	e.await("its rows", func(p *picture) bool { return len(ports(p)) == 3 })

	e.press("s")
	e.shows("Sort by")
	e.pick("lport")
	e.press(enter)
	e.await("rows by port", func(p *picture) bool { return p.has("PORT▲") && ordered(false)(p) })

	// The cursor follows its socket.
	e.press("G")
	last := ports(e.look())[2]
	under := func(p *picture) string {
		if y := p.cursor(1); y > heading {
			return strings.Fields(p.lines[y])[4]
		}
		return ""
	}
	e.await("the cursor on the last row", func(p *picture) bool { return under(p) == last })
	e.press("S")
	e.await("rows the other way", func(p *picture) bool {
		return p.has("PORT▼") && ordered(true)(p) && ports(p)[0] == last && under(p) == last
	})

	// The arrow has room beside the shortest heading.
	e.press("s")
	e.shows("Sort by")
	e.pick("proto")
	e.press(enter)
	e.await("rows by protocol", func(p *picture) bool { return strings.Contains(p.lines[heading], "PROTO▲ ") })

	e.press(">")
	e.await("rows by local address", func(p *picture) bool { return strings.Contains(p.lines[heading], "LOCAL▲") })
	e.press(">", ">", "<", ">")
	e.await("rows by remote address", func(p *picture) bool { return strings.Contains(p.lines[heading], "REMOTE▲") })
	e.quit()
}

// dial connects to a server, from an address of its own when one is given.
func dial(t *testing.T, port int, from string) net.Conn {
	t.Helper()
	d := net.Dialer{KeepAlive: -1}
	if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	c, err := d.DialContext(t.Context(), "tcp4", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestLiveClosesAConnection(t *testing.T) {
	t.Parallel()
	s := startServer(t, serving{name: "svclosed"})
	c := dial(t, s.ports[0], "")
	e := open(t, launch{args: []string{"--hold", "3s", fmt.Sprintf("lport:%d", s.ports[0]), "state:established"}, cols: 120, rows: 24})
	e.await("the connection", func(p *picture) bool { return p.has("svclosed", strconv.Itoa(s.pid), "ESTABLISHED") })
	e.press("x")
	if !hasCapability(t, unix.CAP_NET_ADMIN) { // said at once, not after the question
		e.shows("needs CAP_NET_ADMIN", "setcap")
		e.quit()
		return
	}
	e.shows("Close the connection")
	e.shows("The process itself is left alone.")
	e.press("n")
	e.shows("nothing was done")
	e.press("x")
	e.shows("[N]o", "[Y]es")
	e.press("y")
	said := e.await("what became of it", func(p *picture) bool {
		return p.has("closed tcp") || p.has("CONFIG_INET_DIAG_DESTROY")
	})
	if said.has("CONFIG_INET_DIAG_DESTROY") {
		t.Skip("needs a kernel with CONFIG_INET_DIAG_DESTROY")
	}
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("the other end read %v, want a reset", err)
	}
	e.await("the row, closed and red", func(p *picture) bool {
		y := p.line("-svclosed")
		return y > heading && coloured(p.cells[y][p.column(y, "svclosed")], vt10x.Red)
	})
	if !s.lives() {
		t.Error("the process ended with its connection")
	}
	e.quit()
}

func TestFault38ListenerIsTypedOut(t *testing.T) {
	t.Parallel()
	s := startServer(t, serving{name: "svtyped"})
	e := open(t, launch{args: []string{fmt.Sprintf("lport:%d", s.ports[0]), "state:listen"}, cols: 120, rows: 24})
	e.shows("svtyped", "LISTEN")
	// A listener asks to be typed; anything else than yes is no.
	e.press("x")
	if !hasCapability(t, unix.CAP_NET_ADMIN) {
		e.shows("needs CAP_NET_ADMIN", "setcap")
		e.quit()
		return
	}
	e.shows("[N]o", "[Y]es")
	e.press("y")
	e.await("a word to be typed", func(p *picture) bool { return p.matches(`(?i)type yes`) })
	e.press("y", enter)
	e.shows("nothing was done")
	if c := dial(t, s.ports[0], ""); c == nil || !s.lives() {
		t.Error("the listener is gone")
	}
	e.quit()
}

func TestLivePauseHoldsTheDisplay(t *testing.T) {
	t.Parallel()
	how := launch{args: []string{"process:svpaused", "--hold", "6s", "--interval", "100ms"}, cols: 120}
	e, running := open(t, how), open(t, how)
	running.shows("0 of ")
	e.shows("0 of ")
	e.press(space)
	e.shows("(paused)")
	s := startServer(t, serving{name: "svpaused"})
	port := strconv.Itoa(s.ports[0])
	// Where nothing is held, it comes, and is no news any more some seconds later.
	running.shows("+svpaused", port)
	running.shows(" svpaused", port)
	e.press("?")
	e.shows("Help (Esc closes)")
	e.back("Help (Esc closes)")
	if p := e.look(); p.has("svpaused", port) || !p.has("(paused)") {
		t.Errorf("the display was not held:\n%s", p)
	}
	e.press(space)
	if p := e.shows("svpaused", port, "LISTEN"); p.has("(paused)") {
		t.Errorf("still paused:\n%s", p)
	}
	e.quit()
	running.quit()
}

func TestLiveInterval(t *testing.T) {
	t.Parallel()
	e := open(t, launch{args: []string{"--interval", "1s"}})
	e.ready()
	update := func(interval string) {
		t.Helper()
		e.await("interval "+interval, func(p *picture) bool { return p.matches(`Upd(ate)?:? ` + interval + `\s`) })
	}
	update("1 s")
	e.press("+")
	update("2 s")
	e.press("-", "-")
	update("500 ms")
	e.press("-", "-", "-")
	e.shows("the interval goes from 100 ms to 60 s")
	update("100 ms")
	e.quit()
}

func TestLiveScreens(t *testing.T) {
	t.Parallel()
	s := startServer(t, serving{name: "svscreens"})
	// An address of loopback that no other test comes from.
	from := fmt.Sprintf("127.%d.%d.77", os.Getpid()>>8&0xff, os.Getpid()&0xff)
	c := dial(t, s.ports[0], from)
	if _, err := c.Write(make([]byte, 1234567)); err != nil {
		t.Fatal(err)
	}
	e := open(t, launch{cols: 160, rows: 30})
	e.ready()

	e.press("2")
	e.await("the screen of processes", func(p *picture) bool { return strings.Contains(p.lines[heading], "SOCKETS") })
	e.filter("svscreens")
	e.shows("svscreens", strconv.Itoa(s.pid), "1.2M")

	e.press("3")
	e.await("the screen of hosts", func(p *picture) bool { return strings.Contains(p.lines[heading], "HOST") })
	e.filter(from)
	e.shows(from, "svscreens")
	e.press(enter)
	e.await("the host's connection", func(p *picture) bool {
		return p.has("svscreens", strconv.Itoa(s.ports[0]), from, "ESTABLISHED") && p.matches(`Shown:? 1\b`)
	})
	e.press(escape)
	e.await("the hosts again", func(p *picture) bool { return strings.Contains(p.lines[heading], "HOST") && p.has(from) })

	e.press("4")
	e.shows("4 Count")
	e.await("the sockets of each state", func(p *picture) bool {
		return strings.Contains(p.lines[heading], "STATE") && p.has("LISTEN") && p.has("ESTABLISHED")
	})
	e.press("b")
	e.shows("Count sockets by")
	e.pick("process")
	e.press(enter)
	e.await("the sockets of each process", func(p *picture) bool {
		return strings.Contains(p.lines[heading], "PROCESS") && strings.Contains(p.lines[heading], "SOCKETS")
	})
	e.filter("svscreens")
	e.shows("svscreens")
	e.press(enter)
	e.await("the process's sockets", func(p *picture) bool {
		return p.has("svscreens", "LISTEN") && p.has("svscreens", "ESTABLISHED") && p.matches(`Shown:? 2\b`)
	})
	e.press("1")
	e.quit()
}

func TestLiveNamesOnAndOff(t *testing.T) {
	t.Parallel()
	s := startServer(t, serving{name: "svnamed"})
	e := open(t, launch{args: []string{"pid:" + strconv.Itoa(s.pid)}, cols: 120})
	e.shows("svnamed", "127.0.0.1")
	e.press("n")
	e.shows("by name")
	e.press("n")
	e.shows("as numbers")
	e.shows("svnamed", "127.0.0.1", strconv.Itoa(s.ports[0]))
	e.quit()
}

func TestLiveMouse(t *testing.T) {
	t.Parallel()
	s := startServer(t, serving{name: "svmouse", listeners: 2})
	e := open(t, launch{args: []string{"--mouse", "pid:" + strconv.Itoa(s.pid)}, cols: 120})
	p := e.shows("svmouse", "LISTEN")
	e.click(p.column(heading, "STATE")+1, heading)
	p = e.await("rows by state", func(p *picture) bool { return strings.Contains(p.lines[heading], "STATE▲") })
	e.click(p.column(heading, "STATE")+1, heading)
	e.await("rows by state, the other way", func(p *picture) bool { return strings.Contains(p.lines[heading], "STATE▼") })
	e.click(20, heading+2)
	e.await("the cursor on the row clicked", func(p *picture) bool { return p.cursor(1) == heading+2 })
	e.press("q")
	if code := e.ends(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	e.given()
}

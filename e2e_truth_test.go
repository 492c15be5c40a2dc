package main

// The truth: among connections that come and go, what sockview prints lies between what ss and /proc say before and
// after it, and the bytes of connections that rest are those that were sent.

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sockview/model"
)

var looks = flag.Int("looks", 20, "looks that TestTruth takes; each is compared with ss and /proc before and after it")

const (
	// crowdVariable says that a test binary runs as the command of a crowd (testdata/crowd), in its namespace.
	crowdVariable = "SOCKVIEW_TEST_CROWD"
	// passing is for how long a connection of the crowd that comes and goes stands, at least.
	passing = 900 * time.Millisecond
)

// amidCrowd runs another test of this binary amid a crowd of connections in a network namespace of its own, and gives
// what it said.
func amidCrowd(t *testing.T, test string, crowd []string, flags ...string) string {
	t.Helper()
	needs(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(home(t), "crowd")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, "./testdata/crowd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the crowd: %v\n%s", err, out)
	}
	c := exec.CommandContext(t.Context(), program, slices.Concat(crowd, []string{"--", exe, "-test.run=^" + test + "$",
		"-test.v", "-test.timeout=0"}, flags)...)
	c.Env = append(os.Environ(), atExit, crowdVariable+"=1", binaryVariable+"="+built.binary)
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+test) {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// TestTruth runs TestTruthInside amid connections of which three hundred a second come and go.
func TestTruth(t *testing.T) {
	needs(t, "ss")
	t.Log(amidCrowd(t, "TestTruthInside", []string{"-n", "200", "-udp", "40", "-churn", "300", "-senders", "30"},
		"-looks="+strconv.Itoa(*looks)))
}

func TestTruthInside(t *testing.T) {
	if os.Getenv(crowdVariable) == "" {
		t.Skip("is run by TestTruth")
	}
	j := &jury{T: t, at: home(t)}
	j.resting()
	for n := 0; n < *looks; n++ {
		if j.tooLong > 10*(*looks) {
			t.Fatalf("only %d of %d looks were short enough to be sure of", n, *looks)
		}
		if !j.look() {
			n--
		}
		if t.Failed() {
			t.Fatalf("look %d: %+v", n, j.verdict)
		}
	}
	fmt.Printf("%d looks: %+v\n", *looks, j.verdict)
	if want := *looks * 2 * len(j.resters); j.Rested != want {
		t.Errorf("%d counters of connections that rest were seen, want %d", j.Rested, want)
	}
	if j.Compared == 0 || j.Owned == 0 || j.Shared == 0 || j.Came == 0 || j.Went == 0 {
		t.Errorf("the test became blind: %+v", j.verdict)
	}
}

// verdict counts what was compared.
type verdict struct {
	Compared  int // rows that were there before and after
	Came      int // rows that were only there after
	Went      int // rows that were only there before
	InBetween int // rows in a state on the way from that before to that after
	LeftOut   int // rows that the look after had not, and one more had
	Owned     int // rows whose holder was the same before and after
	Shared    int // of which several processes hold
	Unowned   int // rows that nobody held before and after
	Rested    int // counters of connections that rest
	tooLong   int // looks that are not counted
}

// jury compares.
type jury struct {
	*testing.T
	verdict
	at      string
	resters map[[2]netip.AddrPort]moved // by their ends, local and remote
}

// moved is what an end of a connection sent and received.
type moved struct{ sent, received int64 }

// resting makes connections that carry a known number of bytes and then rest, some half closed, some with bytes that
// nobody reads, some held by another process, too.
func (j *jury) resting() {
	j.resters = make(map[[2]netip.AddrPort]moved)
	rnd := rand.New(rand.NewPCG(rand.Uint64(), 5))
	quiet := net.ListenConfig{KeepAlive: -1}
	var passedOn []*os.File
	for i := range 24 {
		l, err := quiet.Listen(j.Context(), "tcp", []string{"127.0.0.1:0", "[::1]:0"}[i%2])
		if err != nil {
			j.Fatal(err)
		}
		dialer := net.Dialer{KeepAlive: -1}
		c, err := dialer.DialContext(j.Context(), "tcp", l.Addr().String())
		if err != nil {
			j.Fatal(err)
		}
		s, err := l.Accept()
		if err != nil {
			j.Fatal(err)
		}
		j.Cleanup(func() { errors.Join(c.Close(), s.Close(), l.Close()) }) //nolint:errcheck // the namespace ends with them
		there, back := rnd.Int64N(3_000_000), rnd.Int64N(3_000_000)
		j.carry(c, s, there)
		j.carry(s, c, back)
		switch i % 4 {
		case 1: // the server has a FIN, which is no byte
			if err := c.(*net.TCPConn).CloseWrite(); err != nil {
				j.Fatal(err)
			}
			if n, err := s.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				j.Fatalf("%d, %v after the end", n, err)
			}
		case 2: // not read
			unread := 1 + rnd.Int64N(10_000)
			if _, err := c.Write(make([]byte, unread)); err != nil {
				j.Fatal(err)
			}
			there += unread
		case 3:
			f, err := s.(*net.TCPConn).File()
			if err != nil {
				j.Fatal(err)
			}
			passedOn = append(passedOn, f)
		}
		j.resters[[2]netip.AddrPort{end(c.LocalAddr()), end(s.LocalAddr())}] = moved{there, back}
		j.resters[[2]netip.AddrPort{end(s.LocalAddr()), end(c.LocalAddr())}] = moved{back, there}
	}
	holder := exec.Command("cat")
	holder.ExtraFiles = passedOn
	in, err := holder.StdinPipe()
	if err != nil {
		j.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		j.Fatal(err)
	}
	j.Cleanup(func() { errors.Join(in.Close(), holder.Wait()) }) //nolint:errcheck // it ends with its input
	for _, f := range passedOn {
		f.Close() //nolint:errcheck // the other has it
	}
}

func end(a net.Addr) netip.AddrPort { return a.(*net.TCPAddr).AddrPort() }

// carry sends n bytes from a to b, and sees them arrive.
func (j *jury) carry(a, b net.Conn, n int64) {
	failed := make(chan error, 1)
	go func() {
		_, err := a.Write(make([]byte, n))
		failed <- err
	}()
	_, err := io.CopyN(io.Discard, b, n)
	if err := errors.Join(err, <-failed); err != nil {
		j.Fatal(err)
	}
}

// seen is a socket as somebody tells of it.
type seen struct {
	proto         string // without the 6
	local, remote netip.AddrPort
	state         model.State
	inode         uint64
}

// ss is every TCP and UDP socket by its cookie, as ss tells.
func (j *jury) ss() map[uint64]seen {
	out, err := exec.CommandContext(j.Context(), "ss", "-H", "-t", "-u", "-a", "-n", "-e").Output()
	if err != nil {
		j.Fatal(err)
	}
	all := make(map[uint64]seen)
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 6 {
			j.Fatalf("ss says %q", line)
		}
		state, ok := model.ParseState(f[1])
		s := seen{proto: f[0], local: j.endpoint(f[4]), remote: j.endpoint(f[5]), state: state}
		var cookie uint64
		for _, word := range f[6:] {
			if v, is := strings.CutPrefix(word, "ino:"); is {
				s.inode, err = strconv.ParseUint(v, 10, 32)
			} else if v, is := strings.CutPrefix(word, "sk:"); is {
				cookie, err = strconv.ParseUint(v, 16, 64)
			}
			ok = ok && err == nil
		}
		if !ok || cookie == 0 {
			j.Fatalf("ss says %q", line)
		}
		all[cookie] = s
	}
	return all
}

// endpoint is ADDRESS:PORT as ss writes it. What is any address is that of IPv6.
func (j *jury) endpoint(text string) netip.AddrPort {
	colon := strings.LastIndexByte(text, ':')
	host, _, _ := strings.Cut(strings.Trim(text[:colon], "[]"), "%")
	if host == "*" {
		host = "::"
	}
	addr, err := netip.ParseAddr(host)
	port := uint64(0)
	if p := text[colon+1:]; p != "*" && err == nil {
		port, err = strconv.ParseUint(p, 10, 16)
	}
	if err != nil {
		j.Fatalf("endpoint %q: %v", text, err)
	}
	return settled(addr, uint16(port))
}

func settled(a netip.Addr, port uint16) netip.AddrPort {
	if a = a.Unmap(); a.IsUnspecified() {
		a = netip.IPv6Unspecified()
	}
	return netip.AddrPortFrom(a, port)
}

// holders is who holds each socket, by its inode, as /proc tells; pids ascending.
func (j *jury) holders() map[uint64][]int {
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		j.Fatal(err)
	}
	all := make(map[uint64][]int)
	for _, link := range links {
		to, err := os.Readlink(link)
		text, is := strings.CutPrefix(to, "socket:[")
		if err != nil || !is {
			continue // it is no socket, or closed since
		}
		inode, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 64)
		if err != nil {
			j.Fatalf("%s: %q", link, to)
		}
		pid, err := strconv.Atoi(strings.Split(link, "/")[2])
		if err != nil {
			j.Fatal(err)
		}
		if !slices.Contains(all[inode], pid) {
			all[inode] = append(all[inode], pid)
		}
	}
	for _, pids := range all {
		slices.Sort(pids)
	}
	return all
}

// row is a line of sockview's.
type row struct {
	Proto, Local, Remote, State, Cookie string
	Lport, Rport, Inode                 uint64
	PID, Holders                        int
	Sent, Received                      *int64
}

const truthColumns = "proto,local,lport,remote,rport,state,inode,cookie,pid,holders,sent,received"

// look takes one look, with others before and after it. It is false when they were too far apart to say that nothing
// came and went in between unseen.
func (j *jury) look() bool {
	began := time.Now()
	before, heldBefore := j.ss(), j.holders()
	got := capture(j.T, j.at, nil, "--json", "-a", "-n", "-t", "-u", "--columns", truthColumns)
	heldAfter, after := j.holders(), j.ss()
	if time.Since(began) > passing {
		j.tooLong++
		return false
	}
	var rows []row
	if err := json.Unmarshal([]byte(got.out), &rows); err != nil || got.code != 0 || complaint(j.T, got) != "" {
		j.Fatalf("%v, exit code %d, stderr %q: %.300s", err, got.code, got.err, got.out)
	}
	missing := maps.Clone(before)
	maps.DeleteFunc(missing, func(cookie uint64, _ seen) bool { _, still := after[cookie]; return !still })
	told := make(map[uint64]bool)
	for i := range rows {
		r := &rows[i]
		cookie, err := strconv.ParseUint(r.Cookie, 0, 64)
		if err != nil || told[cookie] {
			j.Errorf("no cookie, or for the second time: %+v", *r)
			continue
		}
		told[cookie] = true
		delete(missing, cookie)
		was, had := before[cookie]
		is, has := after[cookie]
		if !had && !has { // a dump may leave one out; a connection that came stands for a while
			if is, has = j.ss()[cookie]; has {
				j.LeftOut++
			}
		}
		switch {
		case !had && !has:
			j.Errorf("invented: %+v", *r)
			continue
		case !had:
			j.Came++
			was = is
		case !has:
			j.Went++
			is = was
		default:
			j.Compared++
		}
		ends := j.compare(r, was, is, had && has)
		j.owner(r, heldBefore, heldAfter)
		j.bytes(r, ends)
	}
	for cookie, s := range missing {
		j.Errorf("missing: cookie %#x, %+v", cookie, s)
	}
	return true
}

// progress is how far a connection has come on its way through its states, RFC 9293 figure 5: from one to another by the
// side that closes first, and by the other.
func progress(s model.State) (first, second int) {
	switch s {
	case model.SynSent, model.SynRecv:
		return 1, 1
	case model.Established:
		return 2, 2
	case model.FinWait1:
		return 3, 0
	case model.FinWait2:
		return 4, 0
	case model.Closing:
		return 4, 0
	case model.TimeWait:
		return 5, 0
	case model.CloseWait:
		return 0, 3
	case model.LastAck:
		return 0, 4
	}
	return 0, 0
}

// onTheWay says whether a socket that was in state a and is in b may have been in s in between.
func onTheWay(a, s, b model.State) bool {
	a1, a2 := progress(a)
	s1, s2 := progress(s)
	b1, b2 := progress(b)
	return s1 != 0 && a1 < s1 && s1 < b1 && a1 != 0 || s2 != 0 && a2 < s2 && s2 < b2 && a2 != 0
}

// compare holds a row against the looks before and after; both says that both had it.
func (j *jury) compare(r *row, was, is seen, both bool) (ends [2]netip.AddrPort) {
	state, ok := model.ParseState(r.State)
	local, err := netip.ParseAddr(r.Local)
	remote, err2 := netip.ParseAddr(r.Remote)
	if !ok || err != nil || err2 != nil || strings.TrimSuffix(r.Proto, "6") != is.proto {
		j.Errorf("%+v is %+v, %v, %v", *r, is, err, err2)
		return ends
	}
	ends = [2]netip.AddrPort{settled(local, uint16(r.Lport)), settled(remote, uint16(r.Rport))}
	// A connection's ends are for good; a listener may become connected, and that is another look.
	if ends != [2]netip.AddrPort{was.local, was.remote} && ends != [2]netip.AddrPort{is.local, is.remote} {
		j.Errorf("ends: %+v was %+v and is %+v", *r, was, is)
	}
	accepting := !both && r.Inode == 0 // not accepted yet, or closed just now
	if r.Inode != was.inode && r.Inode != is.inode && !accepting {
		j.Errorf("inode: %+v was %+v and is %+v", *r, was, is)
	}
	switch {
	case state == was.state || state == is.state:
	case both && onTheWay(was.state, state, is.state):
		j.InBetween++
	case !both: // it was in this state before it came into sight, or after it went
		j.InBetween++
	default:
		j.Errorf("state: %+v was %+v and is %+v", *r, was, is)
	}
	return ends
}

// owner holds a row's process against who held the socket before and after.
func (j *jury) owner(r *row, before, after map[uint64][]int) {
	if r.Inode == 0 {
		if r.PID != 0 || r.Holders != 0 {
			j.Errorf("nobody can hold it: %+v", *r)
		}
		return
	}
	pids := before[r.Inode]
	if !slices.Equal(pids, after[r.Inode]) {
		return // it changed hands just now
	}
	switch {
	case len(pids) == 0:
		// It came and went between the looks at /proc, or is on its way into a table of descriptors.
		if r.PID == 0 {
			j.Unowned++
		}
	case !slices.Contains(pids, r.PID) || r.Holders != len(pids):
		j.Errorf("held by %v: %+v", pids, *r)
	default:
		j.Owned++
		if len(pids) > 1 {
			j.Shared++
		}
	}
}

// bytes holds the counters of a connection that rests against what was sent.
func (j *jury) bytes(r *row, ends [2]netip.AddrPort) {
	want, rests := j.resters[ends]
	if !rests {
		return
	}
	if r.Sent == nil || r.Received == nil || *r.Sent != want.sent || *r.Received != want.received {
		text, err := json.Marshal(r)
		j.Errorf("sent %d and received %d: %s %v", want.sent, want.received, text, err)
		return
	}
	j.Rested += 2
}

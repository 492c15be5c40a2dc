package diag

// This file asks the running kernel about unix sockets of every kind, and compares with /proc/net/unix.

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// unixSocket makes a unix socket, bound to name if there is one.
func (z zoo) unixSocket(kind int, name string) int {
	z.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	z.must("socket", err)
	z.Cleanup(func() { unix.Close(fd) })
	if name != "" {
		z.must("bind", unix.Bind(fd, &unix.SockaddrUnix{Name: name}))
	}
	return fd
}

func (z zoo) unixListen(kind int, name string, backlog int) int {
	z.Helper()
	fd := z.unixSocket(kind, name)
	z.must("listen", unix.Listen(fd, backlog))
	return fd
}

func (z zoo) unixConnect(kind int, to string) int {
	z.Helper()
	fd := z.unixSocket(kind, "")
	z.must("connect", unix.Connect(fd, &unix.SockaddrUnix{Name: to}))
	return fd
}

func (z zoo) unixPair(kind int) (int, int) {
	z.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	z.must("socketpair", err)
	z.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	return fds[0], fds[1]
}

// close closes a descriptor before the end of the test, and leaves another in its place for the cleanup.
func (z zoo) close(fd int) {
	z.Helper()
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	z.must("open", err)
	z.must("close", unix.Dup3(null, fd, unix.O_CLOEXEC))
	unix.Close(null)
}

// unixAnimals makes the unix sockets of the zoo, with paths in the current folder.
func (z zoo) unixAnimals() {
	z.Helper()
	for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_SEQPACKET} {
		name := fmt.Sprint("server", kind)
		server := z.unixListen(kind, name, 10)
		z.unixConnect(kind, name)
		z.accept(server)
		left := z.unixConnect(kind, name)
		z.close(z.accept(server))
		z.must("shutdown", unix.Shutdown(left, unix.SHUT_WR))
		z.unixConnect(kind, name)
		z.close(z.unixConnect(kind, name))
		z.must("shutdown", unix.Shutdown(z.unixConnect(kind, name), unix.SHUT_RDWR))
		z.must("shutdown", unix.Shutdown(z.unixConnect(kind, name), unix.SHUT_WR))
		gone := z.unixListen(kind, "gone"+name, 10)
		z.unixConnect(kind, "gone"+name)
		z.close(gone)
	}
	z.unixListen(unix.SOCK_STREAM, "@abstract\x00inside\x1b", 10)
	z.unixPair(unix.SOCK_STREAM)
	a, b := z.unixPair(unix.SOCK_STREAM)
	z.must("shutdown", unix.Shutdown(a, unix.SHUT_WR))
	z.must("shutdown", unix.Shutdown(b, unix.SHUT_RD))
	_, b = z.unixPair(unix.SOCK_STREAM)
	z.close(b)
	z.unixPair(unix.SOCK_DGRAM)
	_, b = z.unixPair(unix.SOCK_DGRAM)
	z.close(b)
	z.unixPair(unix.SOCK_SEQPACKET)
	z.unixSocket(unix.SOCK_DGRAM, "dgram")
	for range 3 {
		z.unixConnect(unix.SOCK_DGRAM, "dgram")
	}
	closed := z.unixSocket(unix.SOCK_DGRAM, "closed")
	z.unixConnect(unix.SOCK_DGRAM, "closed")
	z.close(closed)
	z.unixSocket(unix.SOCK_STREAM, "")
	z.unixSocket(unix.SOCK_STREAM, "bound")
	auto := z.unixSocket(unix.SOCK_DGRAM, "")
	z.must("bind", unix.Bind(auto, &unix.SockaddrUnix{}))
	self := z.unixSocket(unix.SOCK_DGRAM, "@self")
	z.must("connect", unix.Connect(self, &unix.SockaddrUnix{Name: "@self"}))
}

// checkUnixZoo compares a dump with what unixAnimals made.
func checkUnixZoo(t *testing.T, all []model.UnixSocket) {
	t.Helper()
	var want []string
	for kind, name := range map[string]string{"STREAM": "server1", "SEQPACKET": "server5"} {
		want = append(want,
			"2 "+kind+" LISTENING "+name,
			"3 "+kind+" CONNECTED ", "3 "+kind+" CONNECTED "+name, // accepted
			"2 "+kind+" CONNECTED ",                                // accepted, and closed there
			"3 "+kind+" CONNECTED ", "3 "+kind+" CONNECTING "+name, // waits
			"2 "+kind+" CONNECTING "+name,                          // waits, and closed here
			"3 "+kind+" CONNECTED ", "3 "+kind+" CONNECTING "+name, // waits, and shut down
			"3 "+kind+" CONNECTED ", "3 "+kind+" CONNECTING "+name,
			"2 "+kind+" CONNECTED ") // its listener is gone
	}
	pair := func(kind string) []string { return []string{"3 " + kind + " CONNECTED ", "3 " + kind + " CONNECTED "} }
	want = slices.Concat(want, []string{`2 STREAM LISTENING @abstract@inside\x1b`}, pair("STREAM"), pair("STREAM"),
		[]string{"2 STREAM CONNECTED "}, pair("DGRAM"), []string{"2 DGRAM CONNECTED "}, pair("SEQPACKET"),
		[]string{"5 DGRAM CONNECTED dgram", "2 DGRAM CONNECTED ", "2 DGRAM CONNECTED ", "2 DGRAM CONNECTED "},
		[]string{"2 DGRAM CONNECTED ", "2 STREAM UNCONN ", "2 STREAM UNCONN bound", "2 DGRAM UNCONN @auto", "3 DGRAM CONNECTED @self"})
	var got []string
	for _, s := range all {
		got = append(got, unixLine(&s))
		if waits := s.State == model.UnixConnecting; waits != (s.Inode == 0) || waits != (s.Cookie == 0) || waits == s.HasQueues ||
			s.HasUID == waits || s.Owner != -1 || s.Peer != -1 {
			t.Errorf("%+v", s)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// procUnix are the lines of /proc/net/unix, opened in the namespace, as procLine writes them.
func procUnix(t *testing.T, f *os.File) []string {
	t.Helper()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, l := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")[1:] {
		var refs, zero, flags, kind, state, inode int
		if _, err := fmt.Sscanf(l[strings.IndexByte(l, ':')+1:], "%x %x %x %x %x %d", &refs, &zero, &flags, &kind, &state, &inode); err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		path := ""
		if fields := strings.Fields(l); len(fields) > 7 {
			path = fields[7]
		}
		// SS_* count from SS_FREE, and have no word for a listener (__SO_ACCEPTCON).
		what := []model.UnixState{0, model.UnixUnconnected, model.UnixConnecting, model.UnixConnected, model.UnixDisconnecting}[state]
		if flags&0x10000 != 0 {
			what = model.UnixListening
		}
		lines = append(lines, fmt.Sprintf("%d %d %v %v %v", refs, inode, model.UnixType(kind), what, model.SafeText(path)))
	}
	slices.Sort(lines)
	return lines
}

func openProcUnix(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Open("/proc/thread-self/net/unix")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// asProc is a dump in procUnix's lines.
func asProc(t *testing.T, c *Conn) []string {
	t.Helper()
	var lines []string
	for _, s := range dumpUnix(t, c) {
		lines = append(lines, fmt.Sprintf("%d %d %v %v %v", s.References, s.Inode, s.Type, s.State, s.Path))
	}
	slices.Sort(lines)
	return lines
}

func TestKernelUnix(t *testing.T) {
	enterNamespace(t)
	t.Chdir(t.TempDir())
	c := openIn(t)
	proc := openProcUnix(t)
	zoo{t}.unixAnimals()
	checkUnixZoo(t, dumpUnix(t, c))
	if got, want := asProc(t, c), procUnix(t, proc); !slices.Equal(got, want) {
		t.Errorf("got\n%s\n/proc/net/unix has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestKernelUnixDetails(t *testing.T) {
	enterNamespace(t)
	z := zoo{t}
	z.unixListen(unix.SOCK_STREAM, "@a\nb", 7)
	z.unixConnect(unix.SOCK_STREAM, "@a\nb")
	a, b := z.unixPair(unix.SOCK_STREAM)
	_, err := unix.Write(a, []byte("12345"))
	z.must("write", err)
	z.must("shutdown", unix.Shutdown(b, unix.SHUT_WR))
	inode := func(fd int) uint32 {
		var st unix.Stat_t
		z.must("stat", unix.Fstat(fd, &st))
		return uint32(st.Ino)
	}
	for _, s := range dumpUnix(t, openIn(t)) {
		switch {
		case s.State == model.UnixListening:
			if s.Path.String() != `@a\nb` || s.RecvQ != 1 || s.SendQ != 7 || int(s.UID) != os.Getuid() {
				t.Errorf("listener: %+v", s)
			}
		case s.Inode == inode(b):
			if s.RecvQ != 5 || s.PeerInode != inode(a) || s.Shutdown != 2 {
				t.Errorf("reader: %+v", s)
			}
		case s.Inode == inode(a):
			if s.RecvQ != 0 || s.SendQ < 5 || s.PeerInode != inode(b) || s.Shutdown != 1 {
				t.Errorf("writer: %+v", s)
			}
		}
	}
}

// A path leads to a listener in another network namespace. What waits to be accepted, and what is accepted, is of the
// client's; the listener's lists it in its queue alone.
func TestKernelUnixAcrossNamespaces(t *testing.T) {
	enterNamespace(t)
	z := zoo{t}
	dir := t.TempDir()
	stream, dgram := filepath.Join(dir, "s"), filepath.Join(dir, "d")
	listener := z.unixListen(unix.SOCK_STREAM, stream, 5)
	z.unixSocket(unix.SOCK_DGRAM, dgram)
	there, procThere := openIn(t), openProcUnix(t)
	enterNamespace(t)
	here, procHere := openIn(t), openProcUnix(t)
	for range 2 {
		z.unixConnect(unix.SOCK_STREAM, stream)
	}
	z.unixConnect(unix.SOCK_DGRAM, dgram)
	z.accept(listener)

	// Here the path of the listener is not known, and all else is as in /proc.
	got, want := asProc(t, here), procUnix(t, procHere)
	for i, l := range want {
		if strings.Contains(l, " CONNECTING ") {
			want[i] = strings.TrimSuffix(l, stream)
		}
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the clients': got\n%s\n/proc/net/unix has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// There the datagram client's reference is not told.
	got, want = asProc(t, there), procUnix(t, procThere)
	for i, l := range want {
		if strings.HasSuffix(l, dgram) {
			want[i] = "2" + strings.TrimPrefix(l, "3")
		}
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the listener's: got\n%s\n/proc/net/unix has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCaptureUnix(t *testing.T) {
	if !*capture {
		t.Skip("writes testdata: needs -capture")
	}
	file, err := filepath.Abs(filepath.Join(captures, "unix.bin"))
	if err != nil {
		t.Fatal(err)
	}
	enterNamespace(t)
	t.Chdir(t.TempDir())
	zoo{t}.unixAnimals()
	k, err := openKernel()
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{Transport: k}
	c := NewConn(r)
	defer c.Close()
	dumpUnix(t, c)
	if err := os.WriteFile(file, r.seen, 0o644); err != nil {
		t.Fatal(err)
	}
}

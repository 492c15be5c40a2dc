package names

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// query is a question that a fake DNS server got.
type query struct {
	id   uint16
	body []byte // the question section as it came
	from net.Addr
}

// dnsServer is a DNS server on loopback that answers what the test says (RFC 1035 s4.1).
type dnsServer struct {
	conn    net.PacketConn
	queries chan query
}

func newDNSServer(t *testing.T) *dnsServer {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Skipf("needs UDP on 127.0.0.1: %v", err)
	}
	if _, err := conn.WriteTo([]byte{0}, conn.LocalAddr()); err != nil {
		conn.Close()
		t.Skipf("needs the loopback interface up: %v", err)
	}
	s := &dnsServer{conn: conn, queries: make(chan query)}
	done := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			end := 12
			for end < n && buf[end] != 0 {
				end += int(buf[end]) + 1
			}
			end += 5 // the root label, type, class
			if n < end {
				continue
			}
			q := query{binary.BigEndian.Uint16(buf), append([]byte(nil), buf[12:end]...), from}
			select {
			case s.queries <- q:
			case <-done:
				return
			}
		}
	})
	t.Cleanup(func() {
		close(done)
		conn.Close()
		reader.Wait()
	})
	return s
}

// answer sends a response with an rcode and PTR records of names, each a list of labels of any bytes.
func (s *dnsServer) answer(t *testing.T, q query, rcode uint16, names ...[]string) {
	t.Helper()
	b := binary.BigEndian.AppendUint16(nil, q.id)
	b = binary.BigEndian.AppendUint16(b, 0x8580|rcode) // response, authoritative, recursion desired and available
	for _, n := range []int{1, len(names), 0, 0} {
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	}
	b = append(b, q.body...)
	for _, labels := range names {
		var rdata []byte
		for _, label := range labels {
			rdata = append(append(rdata, byte(len(label))), label...)
		}
		rdata = append(rdata, 0)
		b = append(b, 0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 60) // the question's name, PTR, IN, 60 s
		b = binary.BigEndian.AppendUint16(b, uint16(len(rdata)))
		b = append(b, rdata...)
	}
	if _, err := s.conn.WriteTo(b, q.from); err != nil {
		t.Error(err)
	}
}

// dnsBench is a Resolver that asks the fake server; all are its goroutines.
func dnsBench(t *testing.T, s *dnsServer, all *sync.WaitGroup) *Resolver {
	t.Helper()
	var r *Resolver
	r = New(Config{Timeout: time.Minute, Go: all.Go,
		Lookup: func(ctx context.Context, a netip.Addr) ([]string, error) {
			return dnsResolver(&r.own, s.conn.LocalAddr().String()).LookupAddr(ctx, a.String())
		}})
	t.Cleanup(func() { r.Close(); all.Wait() })
	return r
}

func TestDNS(t *testing.T) {
	long := strings.Repeat("x", 63)
	for _, c := range []struct {
		name  string
		rcode uint16
		ptr   [][]string
		want  string
	}{
		{"a name", 0, [][]string{{"web-1", "example"}}, "web-1.example"},
		{"the longest name", 0, [][]string{{long, long, long, long[:61]}}, strings.Join([]string{long, long, long, long[:61]}, ".")},
		{"no such name", 3, nil, ""},
		{"escape codes", 0, [][]string{{"\x1b[2J", "example"}}, ""}, // Go takes out what is no host name
		{"and a good one beside it", 0, [][]string{{"a\x00b", "example"}, {"good", "example"}}, "good.example"},
		{"an address", 0, [][]string{{"192", "0", "2", "9"}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newDNSServer(t)
			var all sync.WaitGroup
			r := dnsBench(t, s, &all)
			a := addr("192.0.2.77")
			r.Host(a)
			q := <-s.queries
			if got := string(q.body); !strings.HasPrefix(got, "\x0277\x012\x010\x03192\x07in-addr\x04arpa") {
				t.Errorf("asked for %q", got)
			}
			s.answer(t, q, c.rcode, c.ptr...)
			all.Wait()
			name, _ := r.Host(a)
			if name.String() != c.want {
				t.Errorf("got %q, want %q", name, c.want)
			}
			if known := r.cache.look(a); known == nil || time.Until(known.until) <= r.config.FailTTL {
				t.Errorf("the answer was not taken for one: %+v", known)
			}
		})
	}
}

// TestOwn: while a look-up waits for its answer, its socket and no other is known as our own.
func TestOwn(t *testing.T) {
	s := newDNSServer(t)
	var all sync.WaitGroup
	r := dnsBench(t, s, &all)
	r.Host(addr("192.0.2.77"))
	q := <-s.queries
	port := q.from.(*net.UDPAddr).Port
	servers := s.conn.LocalAddr().(*net.UDPAddr).Port
	if cookie := cookieOfPort(t, port); !r.Own(cookie) {
		t.Errorf("the look-up's socket %#x is not known", cookie)
	}
	if cookie := cookieOfPort(t, servers); r.Own(cookie) {
		t.Errorf("a socket %#x that is not ours is", cookie)
	}
	if r.Own(0) {
		t.Error("a socket without cookie is ours")
	}
	s.answer(t, q, 3)
	all.Wait()
}

// cookieOfPort asks the kernel for the cookie of our UDP socket with this local port.
func cookieOfPort(t *testing.T, port int) uint64 {
	t.Helper()
	for fd := range 1024 {
		if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_DGRAM {
			continue
		}
		name, err := unix.Getsockname(fd)
		if err != nil {
			continue
		}
		if in4, ok := name.(*unix.SockaddrInet4); ok && in4.Port == port {
			cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE)
			if err != nil {
				t.Skipf("needs SO_COOKIE (Linux 4.12): %v", err)
			}
			return cookie
		}
	}
	t.Fatalf("no socket with port %d", port)
	return 0
}

// TestOwnIsBounded: the oldest are forgotten.
func TestOwnIsBounded(t *testing.T) {
	r := New(Config{})
	dialer := net.Dialer{Control: r.own.note}
	var first uint64
	for n := range maxOwn + 1 {
		c, err := dialer.Dial("udp4", "127.0.0.1:9")
		if err != nil {
			t.Skipf("needs UDP on 127.0.0.1: %v", err)
		}
		if n == 0 {
			first = r.own.ring[0]
			if !r.Own(first) {
				t.Error("the newest is not known")
			}
		}
		c.Close()
	}
	if r.Own(first) || len(r.own.set) != maxOwn {
		t.Errorf("%d are remembered", len(r.own.set))
	}
}

// TestEndOfContextEndsARead: Go's resolver minds only the deadline of ctx; were ctx's end not minded here, this
// read would never return.
func TestEndOfContextEndsARead(t *testing.T) {
	s := newDNSServer(t)
	ctx, cancel := context.WithCancel(context.Background())
	c, err := dnsResolver(&cookies{}, s.conn.LocalAddr().String()).Dial(ctx, "udp", "192.0.2.53:53")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// TestCloseEndsAnExchange: the server does not answer, and the look-up ends with Close.
func TestCloseEndsAnExchange(t *testing.T) {
	s := newDNSServer(t)
	var all sync.WaitGroup
	r := dnsBench(t, s, &all)
	r.Host(addr("192.0.2.77"))
	q := <-s.queries
	r.Close()
	all.Wait()
	select {
	case again := <-s.queries: // the same name, asked a second time, when the first has timed out
		t.Errorf("asked again: %q", again.body)
	default:
	}
	if name, ok := r.Host(addr("192.0.2.77")); ok {
		t.Errorf("%q for %q", name, q.body)
	}
}

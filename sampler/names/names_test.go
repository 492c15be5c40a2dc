package names

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sockview/model"
)

func addr(s string) model.Addr { return model.AddrFrom(netip.MustParseAddr(s)) }

// numbered is the nth of many addresses.
func numbered(n int) model.Addr {
	var a model.Addr
	a[0], a[1] = 0x20, 0x01
	binary.BigEndian.PutUint32(a[12:], uint32(n))
	return a
}

// bench is a Resolver whose workers run when the test says so and whose clock stands still.
type bench struct {
	*Resolver
	started []func()
	now     time.Time
	asked   []netip.Addr
	reply   func(netip.Addr) ([]string, error)
}

func newBench(c Config) *bench {
	b := &bench{now: time.Unix(1_000_000, 0)}
	if c.Hosts == "" {
		c.Hosts = "/nonexistent"
	}
	b.reply = func(netip.Addr) ([]string, error) { return nil, nil }
	c.Go = func(f func()) { b.started = append(b.started, f) }
	c.Now = func() time.Time { return b.now }
	c.Lookup = func(_ context.Context, a netip.Addr) ([]string, error) {
		b.asked = append(b.asked, a)
		return b.reply(a)
	}
	b.Resolver = New(c)
	return b
}

// run lets the workers work until nothing is to do.
func (b *bench) run() {
	for len(b.started) > 0 {
		f := b.started[0]
		b.started = b.started[1:]
		f()
	}
}

func (b *bench) host(a model.Addr) string {
	name, ok := b.Host(a)
	if ok == name.Empty() {
		return fmt.Sprintf("BUG: %q, %v", name, ok)
	}
	return name.String()
}

func (b *bench) hasChanged() bool {
	select {
	case <-b.Changed():
		return true
	default:
		return false
	}
}

func TestHostIsLearned(t *testing.T) {
	b := newBench(Config{})
	b.reply = func(netip.Addr) ([]string, error) { return []string{"web-1.example."}, nil }
	a := addr("192.0.2.1")
	for range 3 {
		if got := b.host(a); got != "" {
			t.Fatalf("before: %q", got)
		}
	}
	if b.hasChanged() {
		t.Error("changed before there was an answer")
	}
	b.run()
	if got := b.host(a); got != "web-1.example" {
		t.Errorf("after: %q", got)
	}
	if !b.hasChanged() || b.hasChanged() {
		t.Error("one change was to be told once")
	}
	if len(b.asked) != 1 || b.asked[0] != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("asked for %v", b.asked)
	}
}

func TestNeverLookedUp(t *testing.T) {
	for a, want := range map[string]string{
		"0.0.0.0": "", "::": "", "255.255.255.255": "",
	} {
		b := newBench(Config{})
		if got := b.host(addr(a)); got != want {
			t.Errorf("%s is %q, want %q", a, got, want)
		}
		if len(b.started) != 0 {
			t.Errorf("%s: looked up", a)
		}
	}
}

// Loopback and multicast addresses have the names that hosts(5) or DNS give them, and no others; only an address
// of this machine may be called localhost.
func TestLoopbackAndGroups(t *testing.T) {
	for a, want := range map[string]string{
		"127.0.0.1": "localhost", "::1": "localhost", "192.0.2.1": "", "224.0.0.251": "",
	} {
		b := newBench(Config{})
		b.reply = func(netip.Addr) ([]string, error) { return []string{"localhost"}, nil }
		b.host(addr(a))
		b.run()
		if got := b.host(addr(a)); got != want {
			t.Errorf("%s, called localhost, is %q, want %q", a, got, want)
		}
	}
	for _, a := range []string{"127.0.0.4", "224.0.0.251", "ff02::fb"} {
		b := newBench(Config{})
		b.reply = func(netip.Addr) ([]string, error) { return []string{"mine.example."}, nil }
		b.host(addr(a))
		b.run()
		if got := b.host(addr(a)); got != "mine.example" {
			t.Errorf("%s is %q", a, got)
		}
	}
}

func TestFault40HostileNames(t *testing.T) {
	long := strings.Repeat("a", 4096)
	for _, c := range []struct {
		name  string
		reply []string
		want  string
	}{
		{"escape codes", []string{"\x1b]52;c;AAAA\x07.example."}, `\x1b]52;c;AAAA\x07.example`},
		{"brackets stay", []string{"[red]x.example."}, "[red]x.example"},
		{"bidi", []string{"a\u202eb."}, `a\u202eb`},
		{"not UTF-8", []string{"a\xff."}, `a\xff`},
		{"newline", []string{"a\nb."}, `a\nb`},
		{"4 KB", []string{long}, long[:255] + "…"},
		{"cut inside a letter", []string{long[:254] + "é" + long}, long[:254] + "…"},
		{"only a dot", []string{"."}, ""},
		{"empty", []string{""}, ""},
		{"another address", []string{"192.0.2.99."}, ""},
		{"another IPv6 address", []string{"2001:db8::1"}, ""},
		{"this machine", []string{"LocalHost."}, ""},
		{"below this machine", []string{"a.localhost"}, ""},
		{"the first that is one", []string{"1.2.3.4.", "b.example.", "a.example."}, "b.example"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(Config{})
			b.reply = func(netip.Addr) ([]string, error) { return c.reply, nil }
			b.host(addr("192.0.2.1"))
			b.run()
			if got := b.host(addr("192.0.2.1")); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestTimes: what is known is asked for again when its time is over, and stands until there is an answer.
func TestTimes(t *testing.T) {
	notFound := &net.DNSError{Err: "no such host", IsNotFound: true}
	timeout := &net.DNSError{Err: "timeout", IsTimeout: true}
	b := newBench(Config{TTL: time.Hour, NoTTL: time.Minute, FailTTL: time.Second})
	a := addr("2001:db8::1")
	for _, step := range []struct {
		after  time.Duration
		reply  []string
		err    error
		asks   int
		name   string
		change bool
	}{
		{0, nil, notFound, 1, "", false},
		{time.Minute, []string{"x."}, nil, 0, "", false},
		{1, []string{"x.", "y."}, nil, 1, "x", true},
		{time.Hour, []string{"y."}, nil, 0, "x", false},
		{1, []string{"y.", "x."}, nil, 1, "x", false}, // kept: the order of a DNS answer means nothing
		{time.Hour + 1, nil, timeout, 1, "x", false},
		{time.Second, []string{"y."}, nil, 0, "x", false},
		{1, []string{"y."}, nil, 1, "y", true},
		{time.Hour + 1, nil, notFound, 1, "", true},
	} {
		b.now = b.now.Add(step.after)
		b.reply = func(netip.Addr) ([]string, error) { return step.reply, step.err }
		b.asked = nil
		b.Host(a)
		b.run()
		if name := b.host(a); name != step.name || len(b.asked) != step.asks || b.hasChanged() != step.change {
			t.Errorf("%+v: %q after %d questions", step, name, len(b.asked))
		}
	}
}

// TestBounds: as many addresses as there may be leave queue, cache and work bounded.
func TestFault40Bounds(t *testing.T) {
	const addresses, workers, queued, kept = 20_000, 4, 32, 128
	b := newBench(Config{Workers: workers, Queue: queued, Cache: kept})
	b.reply = func(a netip.Addr) ([]string, error) { return []string{a.String() + ".example."}, nil }
	for n := range addresses {
		b.Host(numbered(n))
	}
	if len(b.started) != workers {
		t.Errorf("%d workers were started", len(b.started))
	}
	if b.queue.n != queued || len(b.queue.asked) != queued {
		t.Errorf("%d wait, %d are known as asked", b.queue.n, len(b.queue.asked))
	}
	b.run()
	if len(b.asked) != queued || b.asked[0] != numbered(addresses-1).Netip() {
		t.Errorf("%d were looked up, first %v", len(b.asked), b.asked[0])
	}
	if len(b.queue.asked) != 0 || b.working != 0 {
		t.Errorf("left: %d asked, %d workers", len(b.queue.asked), b.working)
	}

	seen := addr("192.0.2.1") // on the screen all the while
	b.Host(seen)
	b.run()
	for n := range addresses / queued {
		for i := range queued {
			b.Host(numbered(n*queued + i))
		}
		b.run()
		if b.host(seen) == "" {
			t.Fatalf("what is in use was thrown out after %d addresses", n*queued)
		}
	}
	if len(b.cache.answers) != kept || len(b.cache.index) != kept {
		t.Errorf("%d answers, %d in the index", len(b.cache.answers), len(b.cache.index))
	}
	for a, i := range b.cache.index {
		if b.cache.answers[i].addr != a {
			t.Fatalf("the index of %v leads to %v", a, b.cache.answers[i].addr)
		}
	}
}

// TestDeadResolver: a server that never answers is asked ever less, one look-up at a time, and Err says so.
func TestFault40DeadResolver(t *testing.T) {
	dead := errors.New("no route to the server")
	b := newBench(Config{Queue: 8})
	b.reply = func(netip.Addr) ([]string, error) { return nil, dead }
	n := 0
	draw := func() {
		for range 50 {
			b.Host(numbered(n))
			n++
		}
		b.run()
	}
	for range 5 {
		draw()
	}
	if len(b.asked) != failuresSuspected {
		t.Errorf("%d look-ups before it was left alone", len(b.asked))
	}
	if err := b.Err(); !errors.Is(err, dead) {
		t.Errorf("Err() = %v", err)
	}
	total := 0
	for range 600 { // seconds
		b.asked = nil
		b.now = b.now.Add(time.Second)
		b.Host(numbered(n))
		n++
		b.Host(numbered(n))
		n++
		if len(b.started) > 1 {
			t.Fatalf("%d probes at a time", len(b.started))
		}
		b.run()
		if len(b.asked) > 1 {
			t.Fatalf("%d look-ups in a second", len(b.asked))
		}
		total += len(b.asked)
	}
	if total < 10 || total > 30 { // 1 + 2 + 4 + 8 + 16 s, then every 30 s
		t.Errorf("%d look-ups in ten minutes", total)
	}

	b.reply = func(netip.Addr) ([]string, error) { return []string{"back.example."}, nil }
	b.now = b.now.Add(longestRest)
	b.Host(numbered(n))
	b.run()
	if got := b.host(numbered(n)); got != "back.example" || b.Err() != nil {
		t.Errorf("after it came back: %q, %v", got, b.Err())
	}
	for range 8 {
		n++
		b.Host(numbered(n))
	}
	if len(b.started) != 8 {
		t.Errorf("after it came back: %d workers", len(b.started))
	}
}

// TestRestGrowsOncePerProbe: look-ups that fail together are one failure.
func TestRestGrowsOncePerProbe(t *testing.T) {
	var s silence
	now := time.Unix(1_000_000, 0)
	for range failuresSuspected + 8 {
		s.more(now, nil)
	}
	if s.rest != firstRest {
		t.Errorf("rests for %v", s.rest)
	}
	for range 20 {
		now = s.until
		s.more(now, nil)
	}
	if s.rest != longestRest || s.over(now) || !s.over(now.Add(longestRest)) {
		t.Errorf("rests for %v", s.rest)
	}
	if s.err() == nil {
		t.Error("no error")
	}
}

// TestFault40NeverBlocks: every worker is stuck, and Host returns. Were it to wait, this test would never end.
func TestFault40NeverBlocks(t *testing.T) {
	const workers = 3
	var busy, most atomic.Int32
	stuck, release := make(chan struct{}, 1), make(chan struct{})
	var all sync.WaitGroup
	r := New(Config{Workers: workers, Go: all.Go, Lookup: func(context.Context, netip.Addr) ([]string, error) {
		n := busy.Add(1)
		defer busy.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == workers {
			stuck <- struct{}{}
		}
		<-release
		return nil, nil
	}})
	for n := range workers {
		r.Host(numbered(n))
	}
	<-stuck
	var askers sync.WaitGroup
	for g := range 4 {
		askers.Go(func() {
			for n := range 5000 {
				if name, ok := r.Host(numbered(g*5000 + n)); ok {
					t.Errorf("named %q by nobody", name)
				}
				r.Own(uint64(n))
			}
		})
	}
	askers.Wait()
	r.Close() // before the stuck ones are let go: nothing new is begun
	close(release)
	all.Wait()
	if got := most.Load(); got != workers {
		t.Errorf("%d look-ups at a time", got)
	}
}

func TestCloseEndsIt(t *testing.T) {
	var all sync.WaitGroup
	begun := make(chan struct{})
	r := New(Config{Go: all.Go, Timeout: time.Hour, Lookup: func(ctx context.Context, _ netip.Addr) ([]string, error) {
		begun <- struct{}{}
		<-ctx.Done()
		return []string{"late.example."}, ctx.Err()
	}})
	a := addr("192.0.2.1")
	r.Host(a)
	<-begun
	r.Close()
	all.Wait()
	r.Host(a)
	r.Host(addr("192.0.2.2"))
	all.Wait()
	if name, ok := r.Host(a); ok {
		t.Errorf("learned %q from a look-up that was ended", name)
	}
	r.Close()
}

func BenchmarkHostKnown(b *testing.B) {
	t := newBench(Config{})
	t.reply = func(netip.Addr) ([]string, error) { return []string{"x.example."}, nil }
	r := New(Config{Lookup: t.config.Lookup, Go: t.config.Go})
	r.Host(addr("192.0.2.1"))
	t.run()
	b.ReportAllocs()
	for b.Loop() {
		r.Host(addr192)
	}
}

var addr192 = addr("192.0.2.1")

func BenchmarkHostUnknown(b *testing.B) {
	r := New(Config{Go: func(func()) {}})
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		r.Host(numbered(n))
	}
}

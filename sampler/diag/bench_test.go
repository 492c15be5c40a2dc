package diag

import (
	"flag"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
)

var benchConnections = flag.Int("connections", 2000, "connections that BenchmarkDump makes; each is two sockets")

// BenchmarkDump dumps a namespace full of loopback connections: as a sampler does, and receiving
// the same without parsing it, which is what the kernel takes.
func BenchmarkDump(b *testing.B) {
	enterNamespace(b)
	z := zoo{b}
	listener := z.listen(model.IPv4, "127.0.0.1", 1, 4096)
	for i := range *benchConnections {
		// Many source addresses, so that ports suffice.
		from := []string{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"}[i%4]
		z.connect(model.IPv4, from, 1024+i/4, "127.0.0.1", 1)
		z.accept(listener)
	}
	c := openIn(b)
	sockets := 2**benchConnections + 1
	b.Run("parsed", func(b *testing.B) {
		b.ReportAllocs()
		rows := 0
		for b.Loop() {
			rows = 0
			if _, err := c.Dump(model.TCP, model.IPv4, func(*model.Socket) { rows++ }); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(sockets), "ns/socket")
		if rows != sockets {
			b.Fatalf("%d sockets, want %d", rows, sockets)
		}
	})
	b.Run("received", func(b *testing.B) {
		b.ReportAllocs()
		r := request{"dump", model.TCP, model.IPv4}
		for b.Loop() {
			c.encode(&query{
				kind: unix.SOCK_DIAG_BY_FAMILY, flags: unix.NLM_F_DUMP, proto: r.proto, family: r.family, ext: extDump,
				states: allStates,
			})
			err := c.begin(r)
			for err == nil {
				_, err = c.row(r)
			}
			if err != errEnd {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(sockets), "ns/socket")
	})
}

// BenchmarkBeside opens and closes what is kept for each namespace: B/op is what one more of them takes.
func BenchmarkBeside(b *testing.B) {
	conn := openIn(b)
	first, err := Listen(nil)
	if err != nil {
		b.Fatal(err)
	}
	defer first.Close()
	b.Run("Conn", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c, err := conn.Beside(nil)
			if err != nil {
				b.Fatal(err)
			}
			c.Close()
		}
	})
	b.Run("Events", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e, err := first.Beside(nil)
			if err != nil {
				b.Fatal(err)
			}
			e.Close()
		}
	})
	b.Run("Refused", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Refused(unix.EPERM).Close()
		}
	})
}

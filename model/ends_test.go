package model

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
)

func endpoint(text string) (Addr, uint16) {
	ap := netip.MustParseAddrPort(text)
	return Addr(ap.Addr().As16()), ap.Port()
}

func connection(local, remote string, state State) Socket {
	r := Socket{Proto: TCP, Family: IPv4, State: state, Holding: Holding{Owner: -1, Why: NotAccepted}}
	r.Local, r.LocalPort = endpoint(local)
	r.Remote, r.RemotePort = endpoint(remote)
	return r
}

func TestOtherEnd(t *testing.T) {
	type S = Socket
	change := func(r S, f func(*S)) S { f(&r); return r }
	client := connection("127.0.0.1:40000", "127.0.0.1:80", Established)
	server := connection("127.0.0.1:80", "127.0.0.1:40000", Established)
	inside := change(connection("10.0.0.2:40000", "10.0.0.1:80", Established), func(r *S) { r.NetNS = 3 })
	outside := connection("10.0.0.1:80", "10.0.0.2:40000", Established)
	for _, c := range []struct {
		name string
		rows []S
		want int // the other end of the first row; -1 none
	}{
		{"loopback", []S{client, server}, 1},
		{"an IPv6 socket that speaks IPv4", []S{client, change(server, func(r *S) { r.Family = IPv6 })}, 1},
		{"two addresses of the host", []S{connection("10.0.0.1:1", "10.0.0.2:2", Established), connection("10.0.0.2:2", "10.0.0.1:1", CloseWait)}, 1},
		{"not accepted", []S{client, change(server, func(r *S) { r.State = SynRecv })}, 1},
		{"closing", []S{change(client, func(r *S) { r.State = FinWait2 }), change(server, func(r *S) { r.State = CloseWait })}, 1},
		{"to itself", []S{connection("127.0.0.1:7", "127.0.0.1:7", Established)}, 0},
		{"alone", []S{client}, -1},
		{"another port", []S{client, change(server, func(r *S) { r.RemotePort++ })}, -1},
		{"another namespace", []S{client, change(server, func(r *S) { r.NetNS = 1 })}, -1},
		{"two namespaces", []S{inside, outside}, 1},
		{"from inside", []S{outside, inside}, 1},
		{"our own namespace first", []S{inside, outside, change(outside, func(r *S) { r.NetNS = 3 })}, 2},
		{"two others", []S{inside, outside, change(outside, func(r *S) { r.NetNS = 5 })}, -1},
		{"one other, twice", []S{inside, outside, outside}, -1},
		{"equal pairs, of which we see three", []S{inside, outside, change(inside, func(r *S) { r.NetNS = 5 })}, -1},
		{"equal pairs within their namespaces", []S{inside, change(outside, func(r *S) { r.NetNS = 3 }),
			change(inside, func(r *S) { r.NetNS = 5 }), change(outside, func(r *S) { r.NetNS = 5 })}, 1},
		{"its end, forwarded in a namespace that has both", []S{inside, outside, change(inside, func(r *S) { r.NetNS = 0 })}, -1},
		{"an equal pair is closed", []S{inside, outside, change(inside, func(r *S) { r.NetNS, r.Dead = 5, true }),
			change(outside, func(r *S) { r.NetNS, r.Dead = 6, true })}, 1},
		{"closed, in another namespace", []S{inside, change(outside, func(r *S) { r.Dead = true })}, -1},
		{"TIME_WAIT, in another namespace", []S{inside, change(outside, func(r *S) { r.State = TimeWait })}, -1},
		{"in TIME_WAIT itself", []S{change(inside, func(r *S) { r.State = TimeWait }), outside}, 1},
		{"in TIME_WAIT itself, and its ports in use again", []S{change(inside, func(r *S) { r.State = TimeWait }), outside, inside}, -1},
		{"loopback by one address", []S{change(inside, func(r *S) { r.Local = client.Local }),
			change(outside, func(r *S) { r.Remote = client.Local })}, -1},
		{"UDP over veth", []S{change(inside, func(r *S) { r.Proto = UDP }), change(outside, func(r *S) { r.Proto = UDP })}, 1},
		{"another protocol", []S{client, change(server, func(r *S) { r.Proto = SCTP })}, -1},
		{"closed", []S{client, change(server, func(r *S) { r.Dead = true })}, -1},
		{"the row itself closed", []S{change(client, func(r *S) { r.Dead = true }), server}, -1},
		{"TIME_WAIT", []S{client, change(server, func(r *S) { r.State = TimeWait })}, -1},
		{"closed, and its ports in use again", []S{client, change(server, func(r *S) { r.Dead = true }), server}, 2},
		{"two with the same ends", []S{client, server, server}, -1},
		{"its listener", []S{client, change(connection("127.0.0.1:80", "0.0.0.0:0", Listen), func(*S) {})}, -1},
		{"a listener", []S{connection("0.0.0.0:80", "0.0.0.0:0", Listen), connection("0.0.0.0:0", "0.0.0.0:80", Listen)}, -1},
		{"UDP", []S{change(client, func(r *S) { r.Proto = UDP }), change(server, func(r *S) { r.Proto = UDP })}, 1},
		{"UDP to one that is not connected", []S{change(client, func(r *S) { r.Proto = UDP }),
			change(connection("127.0.0.1:80", "0.0.0.0:0", Close), func(r *S) { r.Proto = UDP })}, -1},
		{"raw", []S{change(connection("127.0.0.1:1", "127.0.0.1:1", Established), func(r *S) { r.Proto = Raw })}, -1},
	} {
		for _, s := range []*Snapshot{{Sockets: c.rows}, {Sockets: c.rows, Epoch: 1, Ends: new(Ends)}} {
			got := s.OtherEnd(&s.Sockets[0])
			if (got == nil) != (c.want < 0) || got != nil && got != &s.Sockets[c.want] {
				t.Errorf("%s, epoch %d: %+v, want row %d", c.name, s.Epoch, got, c.want)
			}
		}
	}
}

// TestOtherEndIndexed: the index says what looking at every row says, whatever the rows are and however they change.
func TestOtherEndIndexed(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	states := []State{Established, Listen, TimeWait, CloseWait, Close, SynRecv}
	s := &Snapshot{Ends: new(Ends)}
	addrs := []Addr{{15: 1}, {10: 0xff, 11: 0xff, 12: 10, 15: 1}, {10: 0xff, 11: 0xff, 12: 10, 15: 2}}
	near, far := 0, 0
	for range 400 {
		s.Epoch++
		s.Sockets = s.Sockets[:0]
		ports, spaces := 2+rng.IntN(12), 1+rng.IntN(4)
		for range rng.IntN(200) {
			r := Socket{Proto: TCP, Local: addrs[rng.IntN(len(addrs))], Remote: addrs[rng.IntN(len(addrs))], State: states[rng.IntN(len(states))],
				LocalPort: uint16(rng.IntN(ports)), RemotePort: uint16(rng.IntN(ports)), NetNS: uint16(rng.IntN(spaces)), Dead: rng.IntN(9) == 0}
			s.Sockets = append(s.Sockets, r)
		}
		plain := &Snapshot{Sockets: s.Sockets}
		var all sync.WaitGroup // the screen draws while the viewer sorts
		for range 2 {
			all.Go(func() {
				for i := range s.Sockets {
					if got, want := s.OtherEnd(&s.Sockets[i]), plain.OtherEnd(&s.Sockets[i]); got != want {
						t.Errorf("row %d: %+v, want %+v", i, got, want)
					}
				}
			})
		}
		all.Wait()
		for i := range s.Sockets {
			r := &s.Sockets[i]
			o := s.OtherEnd(r)
			switch {
			case o == nil:
				continue
			case o.NetNS == r.NetNS:
				near++
				continue
			case r.State == TimeWait:
				continue
			}
			if far++; s.OtherEnd(o) != r {
				t.Errorf("%+v leads to %+v in another namespace, and that elsewhere", r, o)
			}
		}
	}
	if near < 100 || far < 100 {
		t.Errorf("only %d pairs in a namespace and %d over two were met", near, far)
	}
}

func TestPeerColumns(t *testing.T) {
	s := &Snapshot{Sockets: []Socket{connection("127.0.0.1:40000", "127.0.0.1:80", Established), connection("127.0.0.1:80", "127.0.0.1:40000", Established)}}
	s.Processes = []Process{{PID: 7, Name: SafeText("nginx")}}
	s.Sockets[1].Holding = Holding{Owner: 0, Holders: 3}
	for id, want := range map[string][2]Value{
		"peer":    {{Text: "nginx", More: 2}, {Why: NotAccepted}},
		"peerpid": {{Num: 7}, {Why: NotAccepted}},
	} {
		c := socketColumn(id)
		for i := range want {
			if got := c.Value(s, &s.Sockets[i]); got != want[i] {
				t.Errorf("%s of row %d: %+v, want %+v", id, i, got, want[i])
			}
		}
	}
}

func BenchmarkOtherEnds(b *testing.B) {
	b.Run("loopback", func(b *testing.B) { benchmarkOtherEnds(b, "127.0.0.1", 0) })
	b.Run("veth", func(b *testing.B) { benchmarkOtherEnds(b, "10.0.0.1", 1) })
}

func benchmarkOtherEnds(b *testing.B, host string, other uint16) {
	b.ReportAllocs()
	s := &Snapshot{Ends: new(Ends)}
	for i := range 48_000 {
		c := connection(host+":1", host+":80", Established)
		c.Local[13], c.LocalPort = byte(i>>14), uint16(1024+i&(1<<14-1))
		o := c
		o.NetNS = other
		o.Local, o.Remote, o.LocalPort, o.RemotePort = c.Remote, c.Local, c.RemotePort, c.LocalPort
		s.Sockets = append(s.Sockets, c, o)
	}
	for b.Loop() {
		s.Epoch++
		for i := range s.Sockets {
			if s.OtherEnd(&s.Sockets[i]) == nil {
				b.Fatal("an end without the other")
			}
		}
	}
}

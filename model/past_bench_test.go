package model

import (
	"testing"
	"time"
)

// BenchmarkClosings is a poll in which a thousand connections were told to have closed that nobody saw alive; the figure is
// for one of them, with all that becomes of it.
func BenchmarkClosings(b *testing.B) {
	for name, limit := range map[string]int{"remembered": DefaultHistory, "forgotten": 0} {
		b.Run(name, func(b *testing.B) {
			const each = 1000
			tr := NewTracker()
			tr.Remember(limit)
			now := int64(1e9)
			cookie := uint64(1)
			endings := make([]Ending, each)
			outcomes := []Outcome{{SourceID{0, TCP, IPv4}, true}}
			poll := func() {
				now += int64(time.Second)
				tr.Begin(now, time.Unix(0, now))
				for i := range endings {
					a := tcp4(cookie, 0, 0)
					a.RemotePort = uint16(1 + cookie%60_000)
					endings[i] = ending(a, 100, 51, 1, 2)
					cookie++
				}
				for i := range endings {
					tr.Closed(&endings[i])
				}
				tr.Finish(outcomes, int64(time.Second))
				var s Snapshot
				tr.Lend(&s)
			}
			for range DefaultHistory/each + 20 { // the ring is full
				poll()
			}
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += each {
				poll()
			}
		})
	}
}

// BenchmarkHosts is Hosts on a busy server: with no closed connection, and with as many as History holds, of the same hosts or
// of others.
func BenchmarkHosts(b *testing.B) {
	tr, _, _ := busyTracker(busy)
	for _, name := range []string{"none", "same hosts", "others"} {
		var s Snapshot
		tr.Publish(&s)
		for i := range DefaultHistory {
			r := &s.Sockets[i]
			if name != "none" {
				s.History = append(s.History, Past{Serial: uint64(i + 1), Remote: r.Remote, Sent: r.Sent, Received: r.Received, Has: HasBytes, Proto: TCP})
			}
			if name == "others" {
				s.History[i].Remote[0] = 1
			}
		}
		order := allRows(len(s.Sockets))
		b.Run(name, func(b *testing.B) {
			g := NewHostGrouper(socketColumn("remote"))
			g.AddClosed(pastColumn("remote"), nil)
			g.Group(&s, order)
			g.Group(&s, order)
			b.ReportAllocs()
			for b.Loop() {
				g.Group(&s, order)
			}
		})
	}
}

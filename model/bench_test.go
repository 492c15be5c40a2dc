package model

import (
	"math/rand/v2"
	"testing"
	"time"
)

// busySockets are n connections of a busy server.
func busySockets(n int) []Socket {
	rnd := rand.New(rand.NewPCG(1, 1))
	records := make([]Socket, n)
	for i := range records {
		r := tcp4(uint64(i+1), rnd.Uint64N(1e9), rnd.Uint64N(1e9))
		r.Remote[12], r.Remote[13], r.Remote[14], r.Remote[15] = 10, byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32())
		r.RemotePort, r.RTT, r.Has = uint16(rnd.Uint32()), rnd.Uint32N(1e5), r.Has|HasPath|HasPackets
		records[i] = r
	}
	rnd.Shuffle(n, func(i, j int) { records[i], records[j] = records[j], records[i] })
	return records
}

// busyTracker has seen n sockets twice, of 200 processes.
func busyTracker(n int) (*Tracker, []Socket, func()) {
	records := busySockets(n)
	tr := NewTracker()
	now := int64(1e9)
	outcomes := []Outcome{{SourceID{0, TCP, IPv4}, true}}
	poll := func() {
		now += int64(time.Second)
		tr.Begin(now, time.Unix(0, now))
		for i := range records {
			tr.See(&records[i])
		}
		tr.Finish(outcomes, int64(time.Second))
	}
	poll()
	var o Owners
	for pid := range int32(200) {
		o.Processes = append(o.Processes, proc(pid+1, uint64(pid)))
	}
	for i := range n {
		o.Holds = append(o.Holds, hold(uint32(i)+1001, int32(i%200)+1, uint64(i%200)))
	}
	tr.Own(&o)
	poll()
	return tr, records, poll
}

const busy = 96_000

// BenchmarkTrackerPollAtRest is a poll in which nothing changed: it should leave no garbage.
func BenchmarkTrackerPollAtRest(b *testing.B) {
	_, _, poll := busyTracker(busy)
	b.ReportAllocs()
	for b.Loop() {
		poll()
	}
}

// BenchmarkTrackerPollMoving is a poll in which every connection moved some bytes.
func BenchmarkTrackerPollMoving(b *testing.B) {
	_, records, poll := busyTracker(busy)
	b.ReportAllocs()
	for b.Loop() {
		for i := range records {
			records[i].Sent += 1000
		}
		poll()
	}
}

func BenchmarkTrackerPublish(b *testing.B) {
	tr, _, _ := busyTracker(busy)
	var s Snapshot
	tr.Publish(&s)
	b.ReportAllocs()
	for b.Loop() {
		tr.Publish(&s)
	}
}

// BenchmarkTrackerManyProcesses takes the first owner scan of a host with 10,000 processes.
func BenchmarkTrackerManyProcesses(b *testing.B) {
	var o Owners
	for pid := range int32(10_000) {
		o.Processes = append(o.Processes, proc(pid+1, uint64(pid)))
	}
	b.ReportAllocs()
	for b.Loop() {
		NewTracker().Own(&o)
	}
}

// BenchmarkTrackerOwnAll takes a whole owner scan of a busy server.
func BenchmarkTrackerOwnAll(b *testing.B) {
	tr, _, _ := busyTracker(busy)
	var o Owners
	for pid := range int32(200) {
		o.Processes = append(o.Processes, proc(pid+1, uint64(pid)))
	}
	for i := range busy {
		o.Holds = append(o.Holds, hold(uint32(i)+1001, int32(i%200)+1, uint64(i%200)))
	}
	b.ReportAllocs()
	for b.Loop() {
		tr.Own(&o)
	}
}

// BenchmarkSort sorts by a column of each kind: while nobody came or went, as another column is asked for; when a
// thousand rows stand elsewhere, as after a tick of a busy server; and from nothing.
func BenchmarkSort(b *testing.B) {
	tr, _, _ := busyTracker(busy)
	var s Snapshot
	tr.Publish(&s)
	table := Sockets()
	for _, id := range []string{"process", "state", "remote", "rport", "pid", "cookie", "recvq", "sent", "tx", "rtt"} {
		column := 0
		for table.Columns[column].ID != id {
			column++
		}
		by := Sorting{column, table.Columns[column].Desc}
		order := make([]int32, len(s.Sockets))
		var m Sorter
		sort := func(epoch uint64) {
			copy(order, table.Ready(&m, s.Sockets, epoch, by))
			table.SortWith(&m, &s, s.Sockets, order, by)
		}
		sort(1)
		b.Run(id+"/again", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sort(1)
			}
		})
		b.Run(id+"/moved", func(b *testing.B) {
			rnd := rand.New(rand.NewPCG(5, 6))
			b.ReportAllocs()
			for b.Loop() {
				for range 500 {
					i, j := rnd.IntN(len(order)), rnd.IntN(len(order))
					s.Sockets[i], s.Sockets[j] = s.Sockets[j], s.Sockets[i]
				}
				sort(0)
			}
		})
		b.Run(id+"/anew", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m = Sorter{}
				sort(0)
			}
		})
	}
}

func BenchmarkGroup(b *testing.B) {
	tr, _, _ := busyTracker(busy)
	var s Snapshot
	tr.Publish(&s)
	order := allRows(len(s.Sockets))
	for _, id := range []string{"state", "process", "remote"} {
		b.Run(id, func(b *testing.B) {
			g := NewGrouper(socketColumn(id))
			g.Group(&s, order)
			g.Group(&s, order)
			b.ReportAllocs()
			for b.Loop() {
				g.Group(&s, order)
			}
		})
	}
}

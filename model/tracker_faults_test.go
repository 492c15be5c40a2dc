package model

// Faults in what the kernel and the clock tell, at random: ends that are used again, counters that go back, gaps.

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// seeds runs a test with a few sources of chance; its seed is in the subtest's name.
func seeds(t *testing.T, f func(w *watch, rnd *rand.Rand)) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { f(newWatch(t), rand.New(rand.NewPCG(seed, 1))) })
	}
}

// TestFault15SameTupleNewCookie: whatever has the ends and the inode of another, but a cookie of its own, is another
// socket: its counters, rates, age, owner and history begin anew, and the other's stay its own until it is closed by
// the rules.
func TestFault15SameTupleNewCookie(t *testing.T) {
	seeds(t, func(w *watch, rnd *rand.Rand) {
		w.hold = 0
		sockets := make([]Socket, 12)
		cookie := uint64(len(sockets))
		owner := Owners{Processes: []Process{proc(10, 1)}}
		for i := range sockets {
			sockets[i] = tcp4(uint64(i+1), rnd.Uint64N(1e9), rnd.Uint64N(1e9))
			owner.Holds = append(owner.Holds, hold(sockets[i].Inode, 10, 1))
		}
		w.poll(sockets...)
		replaced := make(map[uint64]Socket) // by cookie, as last told
		past := uint64(0)                   // what those that are closed had sent
		for range 500 {
			w.own(owner)
			fresh := make(map[uint64]bool)
			for i := range sockets {
				s := &sockets[i]
				if rnd.IntN(5) != 0 {
					s.Sent, s.Received = s.Sent+rnd.Uint64N(1e6), s.Received+rnd.Uint64N(1e6)
					continue
				}
				replaced[s.Cookie] = *s
				cookie++
				s.Cookie, s.Sent, s.Received = cookie, rnd.Uint64N(1e3), rnd.Uint64N(1e3)
				fresh[cookie] = true
			}
			w.poll(sockets...)
			sent := w.begunAnew(sockets, fresh)
			for c, last := range replaced {
				switch r := w.row(c); {
				case r.Sent != last.Sent || r.Received != last.Received || r.Dead != (r.Missed == 2):
					w.Fatalf("row %+v of %+v", *r, last)
				case r.Dead:
					past += r.Sent
					delete(replaced, c) // with no time to be shown, it goes with the next poll
				default:
					sent += r.Sent
				}
			}
			if p := w.own(owner).process(10); p.Sent != sent+past {
				w.Fatalf("the process sent %d, its connections %d, closed ones %d", p.Sent, sent, past)
			}
		}
	})
}

// begunAnew checks the rows of sockets that live, of which some are fresh, and gives what they sent.
func (w *watch) begunAnew(sockets []Socket, fresh map[uint64]bool) (sent uint64) {
	w.Helper()
	for i := range sockets {
		s, r := &sockets[i], w.row(sockets[i].Cookie)
		sent += s.Sent
		if r.Sent != s.Sent || r.Received != s.Received || r.Dead || fresh[s.Cookie] != (r.FirstSeen == w.now) {
			w.Fatalf("row %+v of %+v", *r, *s)
		}
		rates, _ := w.tr.History(s)
		if fresh[s.Cookie] && (r.Has&HasRates != 0 || r.Owner != -1 || r.Why != NotYet || len(rates) != 0 || !r.AgeKnown ||
			r.Mark != New) {
			w.Fatalf("a new socket with another's past: %+v, history %v", *r, rates)
		}
	}
	return sent
}

// TestFault16CounterGoesBack: between any two values of a counter there is a rate that is no more than what came
// in the time, or none.
func TestFault16CounterGoesBack(t *testing.T) {
	seeds(t, func(w *watch, rnd *rand.Rand) {
		counter := func() uint64 { // of any size, often next to an end
			switch n := rnd.Uint64() >> rnd.IntN(64); rnd.IntN(4) {
			case 0:
				return math.MaxUint64 - n>>rnd.IntN(64)
			default:
				return n
			}
		}
		was := tcp4(1, counter(), counter())
		w.poll(was)
		peak := [2]float64{}
		with, without := 0, 0
		for range 4000 {
			now := tcp4(1, counter(), counter())
			for _, c := range []struct{ was, now *uint64 }{{&was.Sent, &now.Sent}, {&was.Received, &now.Received}} {
				if rnd.IntN(3) != 0 {
					*c.now = max(*c.now, *c.was)
				}
			}
			dt := time.Duration(1 + rnd.Int64N(int64(time.Minute))>>rnd.IntN(30))
			w.pollAfter(dt, nil, now)
			r := w.row(1)
			back := now.Sent < was.Sent || now.Received < was.Received
			if back == (r.Has&HasRates != 0) {
				w.Fatalf("%d to %d and %d to %d: has a rate: %v", was.Sent, now.Sent, was.Received, now.Received, !back)
			}
			if p := w.snap.Processes; len(p) != 0 {
				w.Fatalf("processes from nowhere: %+v", p)
			}
			if back {
				without++
			} else {
				with++
				peak[0] = max(peak[0], float64(now.Sent-was.Sent)/dt.Seconds())
				peak[1] = max(peak[1], float64(now.Received-was.Received)/dt.Seconds())
				for i, rate := range []float32{r.SentRate, r.ReceivedRate} {
					if f := float64(rate); math.IsNaN(f) || f < 0 || f > peak[i]*(1+1e-6) {
						w.Fatalf("%g bytes/s, and never more than %g in any interval", f, peak[i])
					}
				}
			}
			was = now
		}
		if with < 100 || without < 100 {
			w.Errorf("%d with a rate, %d without: the test became blind", with, without)
		}
	})
}

// TestFault17ClockGap: a suspend is one long interval, a step of the wall clock is nothing, and time alone closes
// no row.
func TestFault17ClockGap(t *testing.T) {
	seeds(t, func(w *watch, rnd *rand.Rand) {
		gaps := []time.Duration{0, 1, time.Millisecond, time.Second, time.Minute, time.Hour, 90 * 24 * time.Hour}
		s := tcp4(1, 0, 0)
		quiet := tcp4(2, 77, 77)
		w.poll(s, quiet)
		for range 1000 {
			gap := gaps[rnd.IntN(len(gaps))]
			sent := rnd.Uint64N(1 << 40)
			s.Sent += sent
			w.now += int64(gap)
			w.tr.Begin(w.now, time.Unix(rnd.Int64N(4e9), 0)) // the wall clock is anywhere
			skipped := rnd.IntN(8) == 0
			w.tr.See(&s)
			if !skipped {
				w.tr.See(&quiet)
			}
			var outcomes []Outcome
			for _, id := range tracked {
				outcomes = append(outcomes, Outcome{id, true})
			}
			w.tr.Finish(outcomes, w.hold)
			w.publish().count(2, 2)
			if r := w.row(2); r.Has&HasRates != 0 && (r.SentRate != 0 || r.ReceivedRate != 0) {
				w.Fatalf("nothing moved, and after %v it is %g bytes/s", gap, r.SentRate)
			}
			r := w.row(1)
			if (r.Has&HasRates != 0) != (gap > 0) {
				w.Fatalf("after %v it has a rate: %v", gap, gap == 0)
			}
			// After so long only this interval is left in the smoothed rate.
			if mean := float64(sent) / gap.Seconds(); gap >= time.Minute && math.Abs(float64(r.SentRate)-mean) > 1e-4*mean {
				w.Fatalf("%d bytes in %v are shown as %g bytes/s, want %g", sent, gap, r.SentRate, mean)
			}
			if skipped { // back in the next dump: two misses in a row would close it
				w.pollAfter(0, nil, s, quiet)
			}
		}
	})
}

// TestTrackerSeesAnAnswerAfterTheSweep: the answer about one socket comes when rows have moved already, the one
// before it in the dump among them.
func TestTrackerSeesAnAnswerAfterTheSweep(t *testing.T) {
	w := newWatch(t)
	w.hold = 0
	a, b, c := tcp4(1, 1, 1), tcp4(2, 2, 2), tcp4(3, 3, 3)
	w.poll(a, b, c).poll(b, c).poll(b, c).count(3, 2) // a is closed, and goes with the next poll
	w.now += int64(time.Second)
	w.tr.Begin(w.now, time.Unix(0, w.now))
	w.tr.See(&c) // the last row, and it takes the place of a
	var outcomes []Outcome
	for _, id := range tracked {
		outcomes = append(outcomes, Outcome{id, true})
	}
	w.tr.Finish(outcomes, w.hold)
	w.tr.Missing(func(*Socket) Fate { return Alive })
	w.tr.See(&b)
	w.publish().count(2, 2)
	if r := w.row(2); r.Missed != 0 || r.Sent != 2 {
		t.Errorf("%+v", *r)
	}
}

// TestFault15SuccessorEndsTheOneBefore: between the same ends there is one connection at a time, so that the one before is
// closed at once, though the kernel could not be asked; a listener may have others beside it.
func TestFault15SuccessorEndsTheOneBefore(t *testing.T) {
	w := newWatch(t)
	old, listener := tcp4(1, 500, 50), tcp4(10, 0, 0)
	listener.State, listener.Remote, listener.RemotePort = Listen, Addr{}, 0
	w.poll(old, listener)
	next, other := tcp4(2, 7, 7), listener
	next.Local, next.LocalPort, next.Remote, next.RemotePort = old.Local, old.LocalPort, old.Remote, old.RemotePort
	other.Cookie = 11
	w.poll(next, other)
	w.tr.Missing(func(r *Socket) Fate {
		if r.Cookie == 1 {
			t.Error("the kernel is asked for what cannot be")
		}
		return Unsure
	})
	w.publish()
	if r := w.row(1); !r.Dead || r.Mark != Closed || r.Sent != 500 {
		t.Errorf("the one before: %+v", r)
	}
	if r := w.row(2); r.Dead || r.Sent != 7 {
		t.Errorf("its successor: %+v", r)
	}
	if r := w.row(10); r.Dead {
		t.Error("a listener was closed for another beside it")
	}
}

package model

import (
	"testing"
	"time"
)

// pollEnding is a poll a second after the one before, after whose dumps these closings were heard.
func (w *watch) pollEnding(endings []Ending, records ...Socket) *watch {
	w.now += int64(time.Second)
	w.tr.Begin(w.now, time.Unix(0, w.now))
	for i := range records {
		w.tr.See(&records[i])
	}
	for i := range endings {
		w.tr.Closed(&endings[i])
	}
	var outcomes []Outcome
	for _, id := range tracked {
		outcomes = append(outcomes, Outcome{id, true})
	}
	w.tr.Finish(outcomes, w.hold)
	return w.publish()
}

// ending is the end of a socket: received is as the kernel counts it.
func ending(s Socket, sent, received uint64, unread uint32, controls uint8) Ending {
	s.State, s.Inode, s.UID, s.Owner = Close, 0, 0, -1
	s.Sent, s.Received, s.RecvQ = sent, received, unread
	s.SentPackets, s.ReceivedPackets, s.Retrans = 7, 8, 9
	s.Has = HasBytes | HasPackets | HasPath | HasQueues
	return Ending{Socket: s, Controls: controls}
}

func (w *watch) moved(cookie, sent, received uint64) {
	w.Helper()
	if r := w.row(cookie); r.Sent != sent || r.Received != received || r.Has&HasBytes == 0 {
		w.Errorf("row %d moved %d and %d, want %d and %d", cookie, r.Sent, r.Received, sent, received)
	}
}

func (w *watch) total(pid int32, sent, received uint64) {
	w.Helper()
	if p := w.process(pid); p == nil || p.Sent != sent || p.Received != received {
		w.Errorf("process %d: %+v, want %d and %d moved", pid, p, sent, received)
	}
}

// facing is the other end of s, on the same host.
func facing(s Socket, cookie uint64) Socket {
	s.Cookie, s.Inode = cookie, uint32(cookie)+1000
	s.Local, s.Remote, s.LocalPort, s.RemotePort = s.Remote, s.Local, s.RemotePort, s.LocalPort
	return s
}

func listening(cookie uint64, port uint16) Socket {
	return Socket{Cookie: cookie, Local: addrOf("0.0.0.0"), Remote: addrOf("0.0.0.0"), LocalPort: port, Inode: uint32(cookie) + 1000,
		Proto: TCP, Family: IPv4, State: Listen, Has: HasQueues}
}

func TestClosedKnown(t *testing.T) {
	a := tcp4(1, 10, 20)
	w := newWatch(t).poll(a)
	w.own(Owners{Processes: []Process{proc(5, 1)}, Holds: []Hold{hold(1001, 5, 1)}, Why: NoProcess})
	w.pollEnding([]Ending{ending(a, 100, 51, 1, 2)}, a) // it ended after the dump had it
	w.count(1, 0)
	w.change(1, Closed)
	w.moved(1, 100, 50)
	w.total(5, 100, 50)
	r := w.row(1)
	if !r.Dead || r.Was || r.Inferred || r.State != Established || r.SentPackets != 7 || r.ReceivedPackets != 8 || r.Retrans != 9 {
		t.Errorf("%+v", *r)
	}
	w.poll()
	w.count(0, 0)
	w.total(5, 100, 50)
}

// An end that is told after the row was thought closed corrects what it moved.
func TestClosedLate(t *testing.T) {
	a := tcp4(1, 10, 20)
	w := newWatch(t)
	w.hold = int64(5 * time.Second)
	w.poll(a).own(Owners{Processes: []Process{proc(5, 1)}, Holds: []Hold{hold(1001, 5, 1)}, Why: NoProcess})
	w.poll().poll()
	w.total(5, 10, 20)
	w.pollEnding([]Ending{ending(a, 100, 51, 1, 2)})
	w.moved(1, 100, 50)
	w.total(5, 100, 50)
	w.pollEnding([]Ending{ending(a, 100, 51, 1, 2)}) // and once more
	w.total(5, 100, 50)
	w.count(1, 0)
}

// A connection that this side aborted has no counters at its end: what was seen last stands.
func TestClosedByAbort(t *testing.T) {
	a := tcp4(1, 10, 20)
	e := Ending{Socket: a}
	e.Has, e.Sent, e.Received, e.RemotePort, e.State = 0, 0, 0, 0, Close
	w := newWatch(t).poll(a).pollEnding([]Ending{e}, a)
	w.change(1, Closed)
	w.moved(1, 10, 20)
	if r := w.row(1); r.RemotePort != 1 {
		t.Errorf("its end is lost: %+v", *r)
	}
}

// What lives on as TIME_WAIT changed, whether it is dumped before its end is told or after.
func TestClosedLivesOnAsTimeWait(t *testing.T) {
	a := tcp4(1, 10, 20)
	for name, polls := range map[string]func(w *watch){
		"dumped first": func(w *watch) { w.pollEnding([]Ending{ending(a, 100, 50, 0, 2)}, in(TimeWait, a)) },
		"told first": func(w *watch) {
			w.pollEnding([]Ending{ending(a, 100, 50, 0, 2)}, a).poll(in(TimeWait, a))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWatch(t)
			w.poll(a).own(Owners{Processes: []Process{proc(5, 1)}, Holds: []Hold{hold(1001, 5, 1)}, Why: NoProcess})
			w.T = t
			polls(w)
			w.count(1, 1)
			w.change(1, Changed)
			w.moved(1, 100, 50)
			w.total(5, 100, 50)
			if r := w.row(1); !r.Was || r.State != TimeWait || r.Before != Established || w.snap.HolderOf(r).PID != 5 {
				t.Errorf("%+v", *r)
			}
			w.poll().poll() // it is over
			w.count(1, 0)
			w.total(5, 100, 50)
			w.poll()
			w.total(5, 100, 50)
		})
	}
}

// One that was never seen has a TIME_WAIT with another cookie: it is one row.
func TestClosedUnseenWithTimeWait(t *testing.T) {
	a := tcp4(1, 0, 0)
	wait := in(TimeWait, a)
	wait.Cookie = 2
	for name, polls := range map[string]func(w *watch){
		"dumped first": func(w *watch) { w.pollEnding([]Ending{ending(a, 100, 50, 0, 2)}, listening(9, 443), wait) },
		"told first": func(w *watch) {
			w.pollEnding([]Ending{ending(a, 100, 50, 0, 2)}, listening(9, 443)).poll(listening(9, 443), wait)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWatch(t).poll(listening(9, 443))
			w.own(Owners{Processes: []Process{proc(5, 1)}, Holds: []Hold{hold(1009, 5, 1)}, Why: NoProcess})
			polls(w)
			w.count(2, 2)
			w.moved(2, 100, 50)
			w.total(5, 100, 50)
			if r := w.row(2); !r.Was || r.State != TimeWait || r.Inferred || w.snap.HolderOf(r).PID != 5 {
				t.Errorf("%+v", *r)
			}
			if r := w.row(2); r.Before != StateUnknown { // the state that its end was told with nobody saw it in
				t.Errorf("it was %v", r.Before)
			}
			for range 4 {
				w.poll(listening(9, 443))
			}
			w.count(1, 1)
			w.total(5, 100, 50)
		})
	}
}

// What lived and died between two polls is a row: its owner is its listener's.
func TestClosedUnseen(t *testing.T) {
	a := tcp4(1, 0, 0)
	w := newWatch(t).poll(listening(9, 443)).pollEnding([]Ending{ending(a, 100, 51, 1, 1)}, listening(9, 443))
	w.count(2, 1)
	w.change(1, Closed)
	w.moved(1, 100, 50)
	if r := w.row(1); r.Owner >= 0 || r.Why != TooShort || r.Has&(HasUID|HasQueues) != 0 || !r.AgeKnown || r.RecvQ != 0 {
		t.Errorf("%+v", *r)
	}
	// The owner scan that knows the listener comes after it.
	w.hold = int64(5 * time.Second)
	w.own(Owners{Processes: []Process{proc(5, 1)}, Holds: []Hold{hold(1009, 5, 1)}, Why: NoProcess})
	w.poll(listening(9, 443))
	if r := w.row(1); r.Owner < 0 || !r.Was || r.Inferred || w.snap.HolderOf(r).PID != 5 {
		t.Errorf("%+v", *r)
	}
	w.total(5, 100, 50)
}

// Two processes that listen at one port may each have accepted it; several holders of one listener are told by the
// first, as inferred.
func TestClosedSharedListeners(t *testing.T) {
	a := tcp4(1, 0, 0)
	w := newWatch(t).poll(listening(8, 443), listening(9, 443))
	w.own(Owners{Processes: []Process{proc(5, 1), proc(6, 2)}, Holds: []Hold{hold(1008, 5, 1), hold(1009, 6, 2)}, Why: NoProcess})
	w.pollEnding([]Ending{ending(a, 1, 2, 1, 1)}, listening(8, 443), listening(9, 443))
	if r := w.row(1); r.Owner >= 0 || r.Why != TooShort {
		t.Errorf("two listeners: %+v", *r)
	}
	w = newWatch(t).poll(listening(9, 443))
	w.own(Owners{Processes: []Process{proc(5, 1), proc(6, 2)}, Holds: []Hold{hold(1009, 5, 1), hold(1009, 6, 2)}, Why: NoProcess})
	w.pollEnding([]Ending{ending(a, 1, 2, 1, 1)}, listening(9, 443))
	if r := w.row(1); r.Owner < 0 || !r.Inferred || w.snap.HolderOf(r).PID != 5 {
		t.Errorf("two holders: %+v", *r)
	}
}

// A connecting one is of the process that is seen at the same remote endpoint, if it is the only one there.
func TestClosedCaller(t *testing.T) {
	at := func(cookie uint64, port uint16) Socket {
		s := tcp4(cookie, 0, 0)
		s.LocalPort, s.RemotePort = port, 5432
		return s
	}
	one, two, short := at(1, 40001), at(2, 40002), at(3, 40003)
	for name, c := range map[string]struct {
		holds []Hold
		why   Unknown
		pid   int32
	}{
		"one process":  {[]Hold{hold(1001, 5, 1), hold(1002, 5, 1)}, NoProcess, 5},
		"two":          {[]Hold{hold(1001, 5, 1), hold(1002, 6, 2)}, NoProcess, 0},
		"one unknown":  {[]Hold{hold(1001, 5, 1)}, NoPermission, 0},
		"both unknown": {nil, NoPermission, 0},
	} {
		w := newWatch(t).poll(one, two)
		w.own(Owners{Processes: []Process{proc(5, 1), proc(6, 2)}, Holds: c.holds, Why: c.why})
		w.pollEnding([]Ending{ending(short, 1, 2, 1, 2)}, one, two)
		r := w.row(3)
		switch p := w.snap.HolderOf(r); {
		case c.pid == 0 && (p != nil || r.Why != TooShort), c.pid != 0 && (p == nil || p.PID != c.pid || !r.Inferred || !r.Was):
			t.Errorf("%s: %+v, %+v", name, p, *r)
		}
	}
}

// The request that a connection came of may have had another cookie in the dump: there is one closed row, not two.
func TestClosedRequest(t *testing.T) {
	a := tcp4(7, 0, 0)
	request := a
	request.Cookie, request.Inode, request.State, request.Has = 6, 0, SynRecv, 0
	other := tcp4(8, 0, 0)
	w := newWatch(t).poll(listening(9, a.LocalPort), request, other)
	w.pollEnding([]Ending{ending(a, 1, 2, 1, 2)}, listening(9, a.LocalPort), other)
	w.moved(7, 1, 1)
	if len(w.snap.Sockets) != 3 || !w.row(7).Dead || w.row(8).Dead {
		t.Errorf("%d rows: %+v", len(w.snap.Sockets), w.snap.Sockets)
	}
}

// One that was seen as a request alone was a connection after: the kernel tells of no request's end.
func TestClosedAfterRequest(t *testing.T) {
	a := tcp4(7, 0, 0)
	request := a
	request.Inode, request.State, request.Has = 0, SynRecv, 0
	w := newWatch(t).poll(listening(9, a.LocalPort), request)
	w.pollEnding([]Ending{ending(a, 1, 2, 1, 2)}, listening(9, a.LocalPort))
	w.moved(7, 1, 1)
	for range 3 {
		w.poll(listening(9, a.LocalPort))
	}
	if h := w.snap.History; len(h) != 1 || h[0].Sent != 1 || h[0].Received != 1 || !h[0].Exact {
		t.Errorf("remembered: %+v", h)
	}
}

// Whom a connecting one was of is not guessed where nobody looked closely: somebody else may have called the same endpoint
// meanwhile, and be gone.
func TestClosedCallerUnwatched(t *testing.T) {
	at := func(cookie uint64, port uint16) Socket {
		s := tcp4(cookie, 0, 0)
		s.LocalPort, s.RemotePort = port, 5432
		return s
	}
	for name, c := range map[string]struct {
		rests, pause time.Duration // how long it was not asked before the closing, and before the poll that tells it
		resting      bool          // in that poll too
		named        bool
	}{
		"each second":         {time.Second, time.Second, false, true},
		"it rests once":       {time.Second, time.Second, true, true},
		"it rested":           {8 * time.Second, time.Second, false, true},
		"it rests for long":   {time.Second, 3 * time.Second, true, false},
		"it was asked rarely": {time.Second, 5 * time.Second, false, false},
	} {
		w := newWatch(t).poll(at(1, 40001))
		w.own(Owners{Processes: []Process{proc(5, 1)}, Holds: []Hold{hold(1001, 5, 1)}, Why: NoProcess})
		w.now += int64(c.rests - time.Second)
		w.poll(at(1, 40001)).poll(at(1, 40001))
		w.now += int64(c.pause)
		w.tr.Begin(w.now, time.Unix(0, w.now))
		if c.resting {
			w.tr.Rest(0)
		} else {
			one := at(1, 40001)
			w.tr.See(&one)
		}
		e := ending(at(3, 40003), 1, 2, 1, 2)
		w.tr.Closed(&e)
		var outcomes []Outcome
		for _, id := range tracked {
			if !c.resting {
				outcomes = append(outcomes, Outcome{id, true})
			}
		}
		w.tr.Finish(outcomes, w.hold)
		if r := w.publish().row(3); (r.Owner >= 0) != c.named {
			t.Errorf("%s: %+v", name, *r)
		}
	}
}

// Whether a FIN is among the bytes received is told by what is known around the end.
func TestClosedFIN(t *testing.T) {
	a := tcp4(1, 10, 20)
	other := facing(a, 2)
	var before []Socket
	for name, c := range map[string]struct {
		seen    []Socket
		endings []Ending
		want    uint64
	}{
		"it was read, then closed":      {before, []Ending{ending(a, 100, 51, 0, 2)}, 50},
		"never read":                    {before, []Ending{ending(a, 100, 51, 1, 2)}, 50},
		"reset: nothing acknowledged":   {before, []Ending{ending(a, 100, 50, 0, 0)}, 50},
		"reset: only our SYN was":       {before, []Ending{ending(a, 100, 50, 0, 1)}, 50},
		"closed with data unread":       {before, []Ending{ending(a, 100, 50, 10, 1)}, 50},
		"CLOSE_WAIT, then reset":        {[]Socket{in(CloseWait, a)}, []Ending{ending(a, 100, 51, 0, 1)}, 50},
		"nothing came":                  {before, []Ending{ending(a, 100, 0, 0, 2)}, 0},
		"TIME_WAIT is there":            {[]Socket{a, in(TimeWait, a)}, []Ending{ending(a, 100, 50, 0, 2)}, 50},
		"FIN_WAIT2 is there":            {[]Socket{a, in(FinWait2, a)}, []Ending{ending(a, 100, 50, 0, 2)}, 50},
		"the other end sent as much":    {before, []Ending{ending(a, 100, 50, 0, 2), ending(other, 50, 101, 1, 1)}, 50},
		"the other end sent one less":   {before, []Ending{ending(a, 100, 51, 0, 0), ending(other, 50, 101, 1, 1)}, 50},
		"the other end was first, less": {before, []Ending{ending(other, 50, 101, 1, 1), ending(a, 100, 51, 0, 0)}, 50},
	} {
		w := newWatch(t).poll()
		for _, s := range c.seen {
			w.poll(s)
		}
		last := []Socket{}
		if n := len(c.seen); n > 0 {
			last = c.seen[n-1:]
		}
		w.pollEnding(c.endings, last...)
		if r := w.row(1); r.Received != c.want {
			t.Errorf("%s: received %d, want %d", name, r.Received, c.want)
		}
	}
}

// UDP has no counters at its end, and a socket that never had a port is nobody's news.
func TestClosedUDPAndUnbound(t *testing.T) {
	known, short, never := udp4(1), udp4(2), udp4(3)
	never.LocalPort = 0
	var endings []Ending
	for _, s := range []Socket{known, short, never} {
		s.Inode, s.Has = 0, 0
		endings = append(endings, Ending{Socket: s})
	}
	w := newWatch(t).poll(known).pollEnding(endings, known)
	w.count(2, 0)
	w.change(1, Closed)
	w.change(2, Closed)
	if r := w.row(2); r.Why != TooShort || r.Has != 0 {
		t.Errorf("%+v", *r)
	}
}

package model

import (
	"testing"
	"time"
)

// unixLook is a listener, a connection to it and an embryo that waits in its queue.
func unixLook() []UnixSocket {
	return []UnixSocket{
		{Cookie: 1, Inode: 10, Type: UnixStream, State: UnixListening, Path: SafeText("/run/a"), HasQueues: true},
		{Cookie: 2, Inode: 20, PeerInode: 30, Type: UnixStream, State: UnixConnected, HasQueues: true},
		{Cookie: 3, Inode: 30, PeerInode: 20, Type: UnixStream, State: UnixConnected, HasQueues: true},
		{PeerInode: 40, Type: UnixStream, State: UnixConnecting, Path: SafeText("/run/a")},
	}
}

// unixTracker has seen unixLook, and tcp is a TCP socket of process 5.
func unixTracker(t *testing.T) *Tracker {
	t.Helper()
	tr := NewTracker()
	tr.Begin(1e9, time.Unix(1, 0))
	tr.See(&Socket{Cookie: 9, Inode: 90, Proto: TCP, Family: IPv4, State: Listen})
	tr.SeeUnix([]Part[UnixSocket]{{Rows: unixLook(), Whole: true}}, 1e9)
	tr.Finish([]Outcome{{SourceID{Proto: TCP, Family: IPv4}, true}}, 1e9)
	return tr
}

func publish(tr *Tracker) *Snapshot {
	s := new(Snapshot)
	tr.Publish(s)
	return s
}

var unixOwners = Owners{
	Processes: []Process{{PID: 5, Start: 1, Name: SafeText("server")}, {PID: 6, Start: 1, Name: SafeText("client")}, {PID: 7, Start: 2, Name: SafeText("worker")}},
	Holds:     []Hold{{10, ProcessID{5, 1}}, {10, ProcessID{7, 2}}, {20, ProcessID{6, 1}}, {30, ProcessID{5, 1}}, {90, ProcessID{5, 1}}},
	Why:       NoProcess,
}

func TestUnixOwners(t *testing.T) {
	tr := unixTracker(t)
	if got := tr.Unowned(nil); len(got) != 4 {
		t.Errorf("looked for: %v, want the inodes of three unix sockets and one TCP", got)
	}
	tr.Own(&unixOwners)
	s := publish(tr)
	if len(s.Unix) != 4 || len(s.Sockets) != 1 {
		t.Fatalf("%d unix sockets, %d sockets", len(s.Unix), len(s.Sockets))
	}
	value := func(row int, id string) Value {
		for _, c := range Unix().Columns {
			if c.ID == id {
				return c.Value(s, &s.Unix[row])
			}
		}
		t.Fatalf("no column %s", id)
		return Value{}
	}
	for _, c := range []struct {
		row  int
		id   string
		want Value
	}{
		{0, "process", Value{Text: "server", More: 1}}, {1, "process", Value{Text: "client"}},
		{1, "peerprocess", Value{Text: "server"}}, {2, "peerprocess", Value{Text: "client"}}, {2, "peerpid", Value{Num: 6}},
		{0, "peerprocess", Value{Why: NotApplicable}}, {3, "process", Value{Why: NotAccepted}},
		{3, "inode", Value{Why: NotAccepted}}, {3, "recvq", Value{Why: NotGiven}}, {0, "recvq", Value{}},
		{0, "holders", Value{Num: 2}}, {0, "user", Value{Why: NotGiven}},
	} {
		if got := value(c.row, c.id); got != c.want {
			t.Errorf("row %d, %s: %+v, want %+v", c.row, c.id, got, c.want)
		}
	}
	for tick := range 3 { // the second holder stays, though no row names it
		if got := s.HoldersOfUnix(&s.Unix[0]); len(got) != 2 || got[0].PID != 5 || got[1].PID != 7 {
			t.Fatalf("tick %d: holders of the listener: %v", tick, got)
		}
		tr.Begin(int64(tick+2)*1e9, time.Unix(2, 0))
		tr.See(&Socket{Cookie: 9, Inode: 90, Proto: TCP, Family: IPv4, State: Listen})
		tr.SeeUnix([]Part[UnixSocket]{{Rows: unixLook(), Whole: true}}, 1e9)
		tr.Finish([]Outcome{{SourceID{Proto: TCP, Family: IPv4}, true}}, 1e9)
		s = publish(tr)
	}
	shown := 0
	for i := range s.Processes {
		if s.Processes[i].Shown(s) {
			shown++
		}
	}
	if shown != 1 {
		t.Errorf("%d processes are on the screen of processes, want the one with a TCP socket", shown)
	}
}

// When nobody looks at unix sockets any more, the processes that were there for one alone go, and their slots serve
// others without being mistaken for holders.
func TestUnixForgotten(t *testing.T) {
	tr := unixTracker(t)
	tr.Own(&unixOwners)
	tr.ForgetUnix()
	tr.Begin(2e9, time.Unix(2, 0))
	tr.See(&Socket{Cookie: 9, Inode: 90, Proto: TCP, Family: IPv4, State: Listen})
	tr.Finish([]Outcome{{SourceID{Proto: TCP, Family: IPv4}, true}}, 1e9)
	tr.Own(&Owners{Asked: []uint32{1}, Why: NoProcess})
	s := publish(tr)
	live := 0
	for i := range s.Processes {
		if s.Processes[i].PID != 0 {
			live++
		}
	}
	if live != 1 || len(s.Unix) != 0 || len(s.Holders) != 0 {
		t.Errorf("%d processes, %d unix sockets, holders %v", live, len(s.Unix), s.Holders)
	}
	if p := s.HolderOf(&s.Sockets[0]); p == nil || p.PID != 5 {
		t.Errorf("the TCP socket's owner: %+v", p)
	}
}

func TestUnixCloses(t *testing.T) {
	tr := unixTracker(t)
	tr.Own(&unixOwners)
	tr.Vacated(nil)
	tr.Begin(2e9, time.Unix(2, 0))
	tr.See(&Socket{Cookie: 9, Inode: 90, Proto: TCP, Family: IPv4, State: Listen})
	tr.SeeUnix([]Part[UnixSocket]{{Rows: unixLook()[:1], Whole: true}}, 1e9)
	tr.Finish([]Outcome{{SourceID{Proto: TCP, Family: IPv4}, true}}, 1e9)
	s := publish(tr)
	dead := 0
	for i := range s.Unix {
		if Unix().Change(s, &s.Unix[i]) == Closed {
			dead++
		}
	}
	if dead != 3 || len(s.Unix) != 4 {
		t.Errorf("%d of %d closed, want 3 of 4", dead, len(s.Unix))
	}
	if got := tr.Vacated(nil); len(got) != 2 {
		t.Errorf("inodes that nobody holds any more: %v", got)
	}
	if p := s.Named(&s.Unix[0].Holding); p == nil || p.PID != 5 {
		t.Errorf("the listener lost its owner: %+v", p)
	}
}

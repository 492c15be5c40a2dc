package model

import (
	"testing"
	"time"
)

func TestProcessesOf(t *testing.T) {
	s := &Snapshot{
		Processes: []Process{
			{PID: 10, Start: 1, Name: SafeText("a"), Sockets: 9, Established: 9, Listening: 9, Sent: 1e6, Received: 1e6, SentRate: 9, HasBytes: true, HasRates: true},
			{PID: 11, Start: 2, Name: SafeText("b"), Sent: 7, HasBytes: true},
		},
		Sockets: []Socket{
			{Proto: TCP, State: Established, Sent: 10, Received: 20, SentRate: 1, ReceivedRate: 2, Has: HasBytes | HasRates, Holding: Holding{Owner: 0}},
			{Proto: TCP, State: Listen, Holding: Holding{Owner: 0}},
			{Proto: TCP, State: FinWait1, Sent: 5, Received: 5, SentRate: 5, Has: HasBytes | HasRates, Holding: Holding{Owner: 0, Was: true}},
			{Proto: TCP, State: Established, Sent: 100, Has: HasBytes, Holding: Holding{Owner: 0}, Dead: true},
			{Proto: UDP, State: Close, Holding: Holding{Owner: 1}},
			{Proto: TCP, State: Established, Holding: Holding{Owner: -1, Why: NoPermission}},
			{Proto: TCP, State: Established, Holding: Holding{Owner: 7}},
		},
	}
	got := ProcessesOf(s, allRows(len(s.Sockets)))
	if len(got) != 2 {
		t.Fatalf("%d processes: %+v", len(got), got)
	}
	a, b := got[0], got[1]
	if a.PID != 10 || a.Sockets != 2 || a.Established != 1 || a.Listening != 1 || a.Sent != 15 || a.Received != 25 ||
		a.SentRate != 1 || a.ReceivedRate != 2 || !a.HasBytes || !a.HasRates {
		t.Errorf("a: %+v", a)
	}
	if b.PID != 11 || b.Sockets != 1 || b.Sent != 0 || b.HasBytes || b.HasRates {
		t.Errorf("b: %+v", b)
	}
	if s.Processes[0].Sockets != 9 || s.Processes[0].Sent != 1e6 {
		t.Errorf("the snapshot was changed: %+v", s.Processes[0])
	}
	if got := ProcessesOf(s, []int32{4}); len(got) != 1 || got[0].PID != 11 {
		t.Errorf("of one socket: %+v", got)
	}
	if got := ProcessesOf(s, nil); len(got) != 0 {
		t.Errorf("of none: %+v", got)
	}
}

func TestProcessShown(t *testing.T) {
	s := &Snapshot{Now: 10e9, Hold: 1e9}
	for _, c := range []struct {
		name   string
		p      Process
		shown  bool
		change Change
	}{
		{"a free slot", Process{}, false, Unchanged},
		{"known for a unix socket alone", Process{PID: 1}, false, Unchanged},
		{"alive", Process{PID: 1, Inet: true}, true, Unchanged},
		{"new", Process{PID: 1, Inet: true, Mark: New, MarkedAt: 10e9}, true, New},
		{"new some time ago", Process{PID: 1, Inet: true, Mark: New, MarkedAt: 9e9}, true, Unchanged},
		{"gone, not marked yet", Process{PID: 1, Inet: true, Dead: true, Mark: New, MarkedAt: 1}, true, Closed},
		{"gone just now", Process{PID: 1, Inet: true, Dead: true, Mark: Closed, MarkedAt: 10e9}, true, Closed},
		{"gone and shown for its time", Process{PID: 1, Inet: true, Dead: true, Mark: Closed, MarkedAt: 9e9}, false, Closed},
	} {
		if got := c.p.Shown(s); got != c.shown {
			t.Errorf("%s: shown %v", c.name, got)
		}
		if got := Processes().Change(s, &c.p); got != c.change {
			t.Errorf("%s: change %v", c.name, got)
		}
	}
}

func TestProcessValues(t *testing.T) {
	s := &Snapshot{Users: map[uint32]Text{33: SafeText("www")}}
	full := Process{
		PID: 10, PPID: 1, Start: 5, UID: 33, Name: SafeText("a"), Cmdline: SafeText("a -b"), Unit: SafeText("a.service"),
		Container: SafeText("web"), Started: time.Date(2026, 1, 31, 1, 2, 3, 0, time.Local), Sockets: 3, Established: 2,
		Listening: 1, Sent: 1500, Received: 10, SentRate: 2, ReceivedRate: 3, HasBytes: true, HasRates: true,
	}
	want := map[string]string{
		"process": "a", "pid": "10", "puser": "www", "sockets": "3", "established": "2", "listening": "1", "sent": "1.5K",
		"received": "10", "tx": "2", "rx": "3", "ppid": "1", "started": "2026-01-31 01:02:03", "unit": "a.service",
		"container": "web", "workload": "web", "cmdline": "a -b",
	}
	unknowns := map[string]Unknown{
		"sent": NotGiven, "received": NotGiven, "tx": NotGiven, "rx": NotGiven, "started": NotGiven,
		"unit": NotApplicable, "container": NotApplicable, "workload": NotApplicable, "cmdline": NotGiven,
	}
	for _, c := range Processes().Columns {
		if got := string((&Formatter{}).Append(nil, c.Kind, c.Value(s, &full))); got != want[c.ID] {
			t.Errorf("%s is %q, want %q", c.ID, got, want[c.ID])
		}
		if got := c.Value(s, &Process{PID: 1, Inet: true}).Why; got != unknowns[c.ID] {
			t.Errorf("%s of a bare process: %q, want %q", c.ID, got, unknowns[c.ID])
		}
	}
	if k := Processes().Key(s, &full); k != (Key{ID: 10, Start: 5}) {
		t.Errorf("key %+v", k)
	}
	if got := full.Target(); got != (SignalTarget{PID: 10, Start: 5, UID: 33}) {
		t.Errorf("target %+v", got)
	}
	less := Processes().Less
	again := full
	again.Start++
	other := full
	other.PID++
	if !less(&full, &again) || less(&again, &full) || !less(&again, &other) || less(&full, &full) {
		t.Error("the order is not by pid and start")
	}
}

// TestWorkload: a container goes before the unit that it runs in, as for the runtime's monitor's children.
func TestWorkload(t *testing.T) {
	web, unit := SafeText("web"), SafeText("a.service")
	for _, c := range []struct {
		p    Process
		want string
	}{
		{Process{Container: web, Unit: unit}, "web"}, {Process{Container: web}, "web"}, {Process{Unit: unit}, "a.service"},
		{Process{}, "-"},
	} {
		if got := string((&Formatter{}).Append(nil, KindText, workload(&c.p))); got != c.want {
			t.Errorf("%+v is run as %s, want %s", c.p, got, c.want)
		}
	}
}

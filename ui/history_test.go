package ui

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sockview/keymap"
	"sockview/model"
)

// closings are connections that have closed, as a snapshot of a busy web server has them.
func closings(s *model.Snapshot) {
	text := model.SafeText
	s.HistoryRoom = model.DefaultHistory
	s.Departed = []model.Departed{
		{ProcessID: model.ProcessID{PID: 1203, Start: 7}, UID: 33, Name: text("nginx"), Unit: text("nginx.service"), NetNS: text("own"), NetNSCookie: 1},
		{ProcessID: model.ProcessID{PID: 4410, Start: 9}, Name: text("curl"), Container: text("ci/build-7"), ContainerID: text("9f2c"), NetNS: text("ci"), NetNSCookie: 4097},
		{NetNS: text("own"), NetNSCookie: 1},
	}
	at := func(ago time.Duration) int64 { return s.Taken.Add(-ago).UnixNano() }
	all := model.HasBytes | model.HasPackets | model.HasPath
	for _, r := range []model.Past{
		{Closed: at(time.Hour), Lasted: int64(3 * time.Hour), Local: addr("10.0.0.5"), Remote: addr("203.0.113.9"), LocalPort: 443, RemotePort: 51522,
			Sent: 12_000_000, Received: 1234, SentPackets: 9000, ReceivedPackets: 4000, RTT: 12_000, Retrans: 3, UID: 33, Has: all | model.HasUID,
			Proto: model.TCP, State: model.LastAck, End: model.EndThere, Told: true, Exact: true},
		{Closed: at(time.Minute), Lasted: int64(40 * time.Second), Local: addr("10.0.0.5"), Remote: addr("203.0.113.9"), LocalPort: 443, RemotePort: 51600,
			Sent: 500, Received: 20, Has: model.HasBytes, Proto: model.TCP, State: model.Established, AgeKnown: true},
		{Closed: at(3 * time.Second), Local: addr("10.0.0.5"), Remote: addr("198.51.100.7"), LocalPort: 39400, RemotePort: 443, Sent: 90, Received: 4096,
			SentPackets: 6, ReceivedPackets: 7, RTT: 900, Has: all, Who: 1, Proto: model.TCP, State: model.TimeWait, End: model.EndHere,
			Inferred: true, AgeKnown: true, Unseen: true, Told: true, Exact: true},
		{Closed: at(2 * time.Second), Local: addr("10.0.0.5"), Remote: addr("10.0.0.1"), LocalPort: 39500, RemotePort: 53, Who: 2, Why: model.TooShort,
			Proto: model.UDP, State: model.Close, AgeKnown: true, Unseen: true, Told: true},
		{Closed: at(time.Second), Lasted: int64(3 * time.Second), Local: addr("10.0.0.5"), Remote: addr("192.0.2.200"), LocalPort: 39600, RemotePort: 25, Who: 1,
			Has: all, Proto: model.TCP, State: model.SynSent, End: model.EndNever, AgeKnown: true, Told: true, Exact: true},
	} {
		r.Family, r.Serial, r.Cookie = model.IPv4, uint64(len(s.History)+1), uint64(0x100+len(s.History))
		s.History = append(s.History, r)
	}
}

func startHistory(t *testing.T, width, height int, dress func(*model.Snapshot)) (*harness, *station) {
	t.Helper()
	h := start(t, width, height, nil)
	n := newStation(everything)
	n.dress = func(s *model.Snapshot) {
		s.History = nil
		dress(s)
	}
	h.feed(n.snapshot(0))
	h.press("H")
	if got := h.app.state.def.name; got != "history" {
		t.Fatalf("H leads to %s", got)
	}
	return h, n
}

func TestGoldenHistory(t *testing.T) {
	h, _ := startHistory(t, 80, 24, closings)
	h.golden("history-80x24")
	h, _ = startHistory(t, 200, 50, closings)
	h.golden("history-200x50")
	h.filter("process:curl ended:here")
	h.press(keymap.Enter)
	h.golden("details-history")
	h.press(keymap.Esc, keymap.Esc)
	h.filter("proto=udp")
	h.press(keymap.Enter)
	if !strings.Contains(h.text(), "Not known: it lived and died between two looks.") {
		t.Error(h.text())
	}
}

// The toggles, the filter and the count work as everywhere.
func TestHistoryChoice(t *testing.T) {
	h, _ := startHistory(t, 160, 30, closings)
	for _, c := range []struct {
		key  keymap.Key
		want int
	}{{"t", 4}, {"t", 5}, {"u", 1}, {"u", 5}, {"l", 5}, {"l", 0}, {"l", 5}, {"i", 5}, {"i", 0}, {"i", 5}} {
		h.press(c.key)
		if h.rows() != c.want {
			t.Errorf("%s shows %d rows, want %d:\n%s", c.key, h.rows(), c.want, h.text())
		}
	}
	for filter, want := range map[string]int{
		"port:443": 3, "203.0.113.9:51600": 1, "ended:-": 2, "sent>1k": 1, "lasted>1m": 1, "closed>2000-01-01": 5, "container:ci": 2, "netns=ci": 2,
		"pid=1203": 2, "held=inferred": 1, "rtt<1ms": 1,
	} {
		h.filter(filter)
		if h.rows() != want {
			t.Errorf("%s shows %d rows, want %d", filter, h.rows(), want)
		}
		h.press(keymap.Esc)
	}
	h.press("K")
	h.press("x")
	if h.app.state.def.name != "history" || len(h.app.table.view.order) != 5 {
		t.Error(h.text())
	}
}

// An empty History says why it is.
func TestHistoryEmpty(t *testing.T) {
	for _, c := range []struct {
		dress func(*model.Snapshot)
		want  string
	}{
		{func(s *model.Snapshot) { s.HistoryRoom = 9 }, "nothing has closed since sockview started"},
		{func(s *model.Snapshot) { s.HistoryRoom = 0 }, "none: none is kept (--history 0)"},
		{func(s *model.Snapshot) {
			s.HistoryRoom = 9
			s.Sources = []model.Source{{Name: "closings", Err: errLine("not by this kernel"), Absent: true}}
		}, "nothing was seen to close since sockview started; short connections are missed: not by this kernel"},
	} {
		h, _ := startHistory(t, 120, 20, c.dress)
		if got := strings.TrimSpace(h.line(2)); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

type errLine string

func (e errLine) Error() string { return string(e) }

// Hosts counts the closed connections that the toggles and the filter let through; where they are not known to a filter,
// none.
func TestHostsWithClosed(t *testing.T) {
	host := addr("203.0.113.9")
	h := start(t, 160, 30, nil)
	n := newStation(everything)
	n.dress = func(s *model.Snapshot) {
		s.History = nil
		closings(s)
	}
	s := n.snapshot(0)
	live := uint64(0)
	for i := range s.Sockets {
		if r := &s.Sockets[i]; r.Remote == host && !r.Dead {
			live += r.Sent
		}
	}
	h.feed(s)
	h.press("3")
	sent := func() int64 {
		v := h.app.table.view
		for _, row := range v.order {
			if v.rows.Value(int(row), 0).Addr == host {
				return v.rows.Value(int(row), columnIndex(h.app.state.specs, "sent")).Num - int64(live)
			}
		}
		return -1
	}
	if got := sent(); got != 12_000_500 {
		t.Fatalf("%d bytes of closed ones\n%s", got, h.text())
	}
	for filter, want := range map[string]int64{"process:nginx": 12_000_500, "lport=443 not rtt=12ms": 500, "state:established": 0} {
		h.filter(filter)
		if got := sent(); got != want {
			t.Errorf("%s: %d bytes of closed ones, want %d", filter, got, want)
		}
		h.press(keymap.Esc)
	}
}

// In a pipe there is no history yet: it is said so, and -c prints each closing once.
func TestPrintHistory(t *testing.T) {
	o, err := keymap.ParseArgs([]string{"--screen", "history", "--once"})
	if err != nil {
		t.Fatal(err)
	}
	none := func(string) string { return "" }
	c, err := Configure(o, none)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.Printing(o, nil); err == nil || !strings.Contains(err.Error(), "-c") {
		t.Error(err)
	}
	if o, err = keymap.ParseArgs([]string{"--screen", "history", "-c", "--csv", "--columns", "lport,sent", "--history", "77", "not", "proto:udp"}); err != nil {
		t.Fatal(err)
	}
	if c, err = Configure(o, none); err != nil {
		t.Fatal(err)
	}
	p, err := c.Printing(o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := p.Demand(); d.History != 77 || d.NoOwners {
		t.Errorf("%+v", d)
	}
	s := &model.Snapshot{Taken: time.Unix(1e9, 0)}
	closings(s)
	all := s.History
	var got []string
	for _, n := range []int{2, 2, 5} {
		s.History = all[:n]
		var b strings.Builder
		if err := p.Print(&b, s); err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.ReplaceAll(strings.TrimSpace(b.String()), "\n", " "))
	}
	want := []string{"lport,sent,sent_at_least 443,500,true 443,12000000,false", "", "39600,0,false 39400,90,false"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

// Containers counts them likewise, by what their process was run as.
func TestContainersWithClosed(t *testing.T) {
	const unit, container = "nginx.service", "ci/build-7"
	h := start(t, 160, 30, nil)
	n := newStation(everything)
	n.dress = func(s *model.Snapshot) {
		s.History = nil
		closings(s)
		for i := range s.Processes {
			p := &s.Processes[i]
			p.Unit, p.Container = model.SafeText(unit), model.Text{}
			if p.Name.String() != "nginx" {
				p.Container = model.SafeText(container)
			}
		}
	}
	s := n.snapshot(0)
	live := func(name string, shows func(*model.Socket) bool) (bytes int64) {
		for i := range s.Sockets {
			r := &s.Sockets[i]
			p := s.Named(&r.Holding)
			if p != nil && (p.Name.String() == "nginx") == (name == unit) && !r.Dead && r.Has&model.HasBytes != 0 && shows(r) {
				bytes += int64(r.Sent)
			}
		}
		return bytes
	}
	h.feed(s)
	h.press("P")
	sent := func(name string) int64 {
		v := h.app.table.view
		for _, row := range v.order {
			if v.rows.Value(int(row), 0).Text == name {
				return v.rows.Value(int(row), columnIndex(h.app.state.specs, "sent")).Num
			}
		}
		return -1
	}
	all := func(*model.Socket) bool { return true }
	if a, b := sent(unit)-live(unit, all), sent(container)-live(container, all); a != 12_000_500 || b != 90 {
		t.Fatalf("%d and %d bytes of closed ones\n%s", a, b, h.text())
	}
	h.filter("state:established") // History does not know it
	if got := sent(unit) - live(unit, func(r *model.Socket) bool { return r.State == model.Established }); got != 0 {
		t.Errorf("%d bytes of closed ones", got)
	}
}

// lateEnd is a tracker that finds a connection gone, and is told of its end later: looks are the snapshots meanwhile.
func lateEnd(hold time.Duration) (looks []*model.Snapshot) {
	tr := model.NewTracker()
	now := int64(time.Hour)
	a := model.Socket{Cookie: 7, Local: addr("192.0.2.1"), LocalPort: 443, Remote: addr("192.0.2.9"), RemotePort: 51000, Inode: 9, Proto: model.TCP,
		Family: model.IPv4, State: model.Established, Sent: 10, Received: 20, Has: model.HasBytes | model.HasPath}
	poll := func(seen bool, ends ...*model.Ending) {
		now += int64(time.Second)
		tr.Begin(now, time.Unix(0, now))
		if seen {
			tr.See(&a)
		}
		for _, e := range ends {
			tr.Closed(e)
		}
		tr.Finish([]model.Outcome{{SourceID: model.SourceID{Proto: model.TCP, Family: model.IPv4}, Whole: true}}, int64(hold))
		s := &model.Snapshot{Taken: time.Unix(0, now)}
		tr.Publish(s)
		looks = append(looks, s)
	}
	poll(true)
	for range 8 {
		poll(false)
	}
	end := model.Ending{Socket: a}
	end.State, end.Inode, end.Sent, end.Received = model.Close, 0, 100, 50
	poll(false, &end)
	poll(false)
	poll(false)
	return looks
}

// What was found gone and printed is not printed again when its end is told; what the filter left out until then is.
func TestPrintHistoryOnce(t *testing.T) {
	for name, hold := range map[string]time.Duration{"its row is gone": time.Second, "its row is shown yet": time.Minute} {
		t.Run(name, func(t *testing.T) {
			looks := lateEnd(hold)
			last := looks[len(looks)-1].History
			if len(last) != 1 || !last[0].Told || last[0].Serial < 2 {
				t.Fatalf("%+v", last)
			}
			for args, want := range map[string]string{
				"":          "443,10,true\n",
				"lport:443": "443,10,true\n",
				"sent=100":  "443,100,false\n",
				"proto:udp": "",
				"--top 1":   "443,10,true\n",
			} {
				p := continuous(t, words("--screen history --csv --columns lport,sent "+args)...)
				var b strings.Builder
				for _, s := range looks {
					if err := p.Print(&b, s); err != nil {
						t.Fatal(err)
					}
				}
				if got := strings.TrimPrefix(b.String(), "lport,sent,sent_at_least\n"); got != want {
					t.Errorf("%q prints %q, want %q", args, got, want)
				}
			}
		})
	}
}

// What is kept to know them again is no more than History has, and some.
func TestPrintedPastIsBounded(t *testing.T) {
	const room = 100
	var p printedPast
	s := &model.Snapshot{}
	for n := range uint64(5 * (spareUntold + room)) {
		s.History = append(s.History, model.Past{Serial: n + 1, Cookie: n + 1})
		s.History = s.History[max(0, len(s.History)-room):]
		order := []int32{int32(len(s.History) - 1)}
		if order = p.fresh(s, order); len(order) != 1 {
			t.Fatalf("%d is thought to be printed", n)
		}
		p.printed(s, order)
		if len(p.untold) > room+spareUntold {
			t.Fatalf("%d are known at %d", len(p.untold), n)
		}
	}
	for i := range s.History {
		s.History[i].Serial, s.History[i].Told = s.History[i].Serial+room, true
	}
	if again := p.fresh(s, []int32{0, room / 2, room - 1}); len(again) != 0 {
		t.Errorf("%v are printed again", again)
	}
}

package sampler

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"sockview/model"
	"sockview/sampler/diag"
	"sockview/sampler/diag/diagtest"
	"sockview/sampler/proc"
)

// bench is a Sampler over a fake kernel and a fake /proc, polled by hand.
type bench struct {
	*Sampler
	t    *testing.T
	peer *diagtest.Peer
	root string
	now  int64

	nextDeep time.Time
	kernel   *timedKernel
}

// timedKernel says of itself how long its dumps took.
type timedKernel struct {
	*diag.Conn
	takes  time.Duration // each dump of TCP
	waited time.Duration
}

func (k *timedKernel) Dump(p model.Proto, f model.Family, fn func(*model.Socket)) (diag.Result, error) {
	if p == model.TCP {
		k.waited += k.takes
	}
	return k.Conn.Dump(p, f, fn)
}

func (k *timedKernel) Waited() time.Duration { return k.waited }

func newBench(t *testing.T, change func(*Config)) *bench {
	t.Helper()
	b := &bench{t: t, peer: diagtest.NewPeer(), root: t.TempDir()}
	etc := t.TempDir()
	write(t, filepath.Join(etc, "passwd"), "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n")
	b.kernel = &timedKernel{Conn: diag.NewConn(b.peer)}
	cfg := Config{
		Kernel: b.kernel, NetNSCookie: 7, Access: model.Access{Owners: true}, FS: proc.At(b.root).WithEtc(etc),
		Clock: func() (int64, time.Time) { return b.now, time.Unix(1_700_000_000, b.now) },
	}
	if change != nil {
		change(&cfg)
	}
	b.Sampler = New(cfg)
	b.heed()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go b.owners.run(ctx)
	go b.details.run(ctx)
	go b.tables.run(ctx)
	return b
}

// after polls d later, waits for the owner scans that follow, and takes the snapshot.
func (b *bench) after(d time.Duration) *model.Snapshot {
	b.t.Helper()
	b.now += int64(d)
	b.owners.nextDeep = b.nextDeep // the scans' own clock is not that of the test
	ctx := context.Background()
	b.poll(ctx)
	if b.tables.busy && b.takeTables(<-b.tables.answers) {
		b.publish()
	}
	for b.owners.busy {
		_, again := b.owners.take(<-b.owners.answers, b.tracker)
		b.publish()
		if again {
			b.owners.nextDeep = b.nextDeep
			b.owners.ask(ctx, b.tracker)
		}
	}
	if b.details.busy {
		b.details.take(<-b.details.answers)
		b.publish()
	}
	s := b.Take()
	if s == nil {
		b.t.Fatal("no snapshot")
	}
	return s
}

// set makes the kernel's answer for one protocol and family.
func (b *bench) set(proto model.Proto, family model.Family, a diagtest.Answer) {
	b.peer.Set(proto, family, a)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// process makes a process in the fake /proc that holds the sockets with these inodes.
func (b *bench) process(pid int, name string, start int, inodes ...uint32) {
	b.t.Helper()
	dir := filepath.Join(b.root, fmt.Sprint(pid))
	write(b.t, filepath.Join(dir, "stat"), fmt.Sprintf("%d (%s) S 1 %d %d 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n", pid, name, pid, pid, start))
	write(b.t, filepath.Join(dir, "status"), fmt.Sprintf("Name:\t%s\nPid:\t%d\nUid:\t1000\t1000\t1000\t1000\n", name, pid))
	write(b.t, filepath.Join(dir, "cmdline"), "/usr/bin/"+name+"\x00--serve\x00")
	write(b.t, filepath.Join(dir, "comm"), name+"\n")
	write(b.t, filepath.Join(dir, "cgroup"), "0::/system.slice/"+name+".service\n")
	if err := os.MkdirAll(filepath.Join(dir, "fd"), 0o755); err != nil {
		b.t.Fatal(err)
	}
	for i, inode := range inodes {
		link := filepath.Join(dir, "fd", fmt.Sprint(3+i))
		if err := os.Symlink(fmt.Sprintf("socket:[%d]", inode), link); err != nil {
			b.t.Fatal(err)
		}
	}
	write(b.t, filepath.Join(b.root, "stat"), "btime 1700000000\n")
}

func conn(cookie uint64, inode uint32, state model.State) model.Socket {
	return model.Socket{
		Cookie: cookie, Inode: inode, Proto: model.TCP, Family: model.IPv4, State: state, UID: 1000,
		Local: model.AddrFrom(netip.MustParseAddr("10.0.0.5")), LocalPort: 443,
		Remote: model.AddrFrom(netip.MustParseAddr("192.0.2.9")), RemotePort: uint16(40000 + cookie),
		Sent: 1000 * cookie, Received: 10 * cookie, Holding: model.Holding{Owner: -1},
		Has: model.HasBytes | model.HasPackets | model.HasPath | model.HasQueues | model.HasUID,
	}
}

func find(s *model.Snapshot, cookie uint64) *model.Socket {
	for i := range s.Sockets {
		if s.Sockets[i].Cookie == cookie {
			return &s.Sockets[i]
		}
	}
	return nil
}

func TestOwnersAreJoined(t *testing.T) {
	b := newBench(t, nil)
	b.process(100, "nginx", 5, 11, 12)
	b.process(101, "nginx", 6, 11)
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{
		conn(1, 11, model.Listen), conn(2, 12, model.Established), conn(3, 0, model.TimeWait), conn(4, 99, model.Established),
	}})
	s := b.after(0)
	for cookie, want := range map[uint64]struct {
		pid     int32
		holders int32
		why     model.Unknown
	}{
		1: {100, 2, model.Known},
		2: {100, 1, model.Known},
		3: {0, 0, model.InTimeWait},
		4: {0, 0, model.NoProcess},
	} {
		r := find(s, cookie)
		if r == nil {
			t.Fatalf("socket %d is not in the snapshot", cookie)
		}
		var pid int32
		if p := s.HolderOf(r); p != nil {
			pid = p.PID
		}
		if pid != want.pid || r.Holders != want.holders || r.Why != want.why {
			t.Errorf("socket %d: pid %d, %d holders, %q; want %d, %d, %q", cookie, pid, r.Holders, r.Why, want.pid, want.holders, want.why)
		}
	}
	if got := s.UserName(1000).Text; got != "ann" {
		t.Errorf("uid 1000 is %q, want ann", got)
	}
	p := s.HolderOf(find(s, 2))
	if p.Unit.String() != "nginx.service" || p.Cmdline.String() != "/usr/bin/nginx --serve" {
		t.Errorf("process: unit %q, command %q", p.Unit, p.Cmdline)
	}
}

func TestMissedRowIsConfirmed(t *testing.T) {
	b := newBench(t, nil)
	both := []model.Socket{conn(1, 0, model.Established), conn(2, 0, model.Established)}
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: both})
	b.Release(b.after(0))
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: both[:1]})
	s := b.after(time.Second)
	if r := find(s, 2); r == nil || !r.Dead || r.Mark != model.Closed {
		t.Errorf("a socket that the kernel does not know any more is %+v, want a closed row", r)
	}
	if s.Counts.Endpoints != 1 {
		t.Errorf("%d endpoints counted, want 1", s.Counts.Endpoints)
	}
	b.Release(s)
	if s = b.after(2 * time.Second); find(s, 2) != nil {
		t.Error("the closed row is still there after its time")
	}
}

// TestFault11FailedSourceIsStale: what a dump that failed did not give is stale, and nothing is closed for it.
func TestFault11FailedSourceIsStale(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer diagtest.Answer
	}{
		{"refused", diagtest.Answer{Err: syscall.EPERM}},
		{"interrupted", diagtest.Answer{Fault: diagtest.Interrupted}},
		{"overrun", diagtest.Answer{Fault: diagtest.Overrun}},
		{"truncated", diagtest.Answer{Fault: diagtest.Truncated}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t, nil)
			b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{conn(1, 0, model.Established)}})
			b.set(model.UDP, model.IPv4, diagtest.Answer{})
			b.Release(b.after(0))
			b.set(model.TCP, model.IPv4, tc.answer)
			for range 3 {
				s := b.after(time.Second)
				r := find(s, 1)
				if r == nil || r.Dead || !r.Stale {
					t.Fatalf("after a failed dump the row is %+v, want it stale", r)
				}
				if err := sourceErr(s, "TCP IPv4"); err == nil {
					t.Error("the failed source is not named")
				}
				if err := sourceErr(s, "UDP IPv4"); err != nil {
					t.Errorf("UDP answered, but is said to have failed: %v", err)
				}
				b.Release(s)
			}
			b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{conn(1, 0, model.Established)}})
			if r := find(b.after(time.Second), 1); r == nil || r.Stale {
				t.Errorf("after the source came back the row is %+v", r)
			}
		})
	}
}

// A row that does not parse may be any of those not seen: none of them is closed for it.
func TestFault07UnreadableRowClosesNobody(t *testing.T) {
	b := newBench(t, nil)
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{conn(1, 0, model.Established)}})
	b.Release(b.after(0))
	b.set(model.TCP, model.IPv4, diagtest.Answer{Fault: diagtest.BadRow})
	for range 4 {
		s := b.after(time.Second)
		if r := find(s, 1); r == nil || r.Dead || !r.Stale {
			t.Fatalf("the row beside an unreadable one is %+v, want it stale", r)
		}
		bad := 0
		for _, src := range s.Sources {
			bad += src.Bad
		}
		if bad != 1 {
			t.Errorf("%d unreadable rows are told of, want 1", bad)
		}
		b.Release(s)
	}
}

// A socket that appears while a full scan runs is looked for before it is said that nobody holds it.
func TestFullScanDoesNotJudgeWhatCameMeanwhile(t *testing.T) {
	b := newBench(t, nil)
	b.process(100, "nginx", 5, 11)
	ctx := context.Background()
	b.poll(ctx) // asks for a full scan, of nothing
	answer := <-b.owners.answers
	b.process(101, "curl", 6, 12)
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{conn(2, 12, model.Established)}})
	b.now += int64(time.Second)
	b.poll(ctx)
	b.owners.take(answer, b.tracker)
	b.publish()
	s := b.Take()
	if r := find(s, 2); r.Why != model.NotYet {
		t.Errorf("judged by a scan that began before it: %q", r.Why)
	}
	b.Release(s)
	s = b.after(time.Second)
	if p := s.HolderOf(find(s, 2)); p == nil || p.PID != 101 {
		t.Errorf("owner is %+v", p)
	}
}

func sourceErr(s *model.Snapshot, name string) error {
	for _, src := range s.Sources {
		if src.Name == name {
			return src.Err
		}
	}
	return errors.New("no such source")
}

func TestOwnLookupsAreLeftOut(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Own = func(cookie uint64) bool { return cookie == 2 } })
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{conn(1, 0, model.Established), conn(2, 0, model.Established)}})
	s := b.after(0)
	if find(s, 1) == nil || find(s, 2) != nil || s.Counts.Endpoints != 1 {
		t.Errorf("%d endpoints, our own look-up among them: %t", s.Counts.Endpoints, find(s, 2) != nil)
	}
}

func TestDetailOfTheRowInFocus(t *testing.T) {
	b := newBench(t, nil)
	b.process(100, "nginx", 5, 12)
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{conn(2, 12, model.Established)}})
	s := b.after(0)
	if s.Detail != nil {
		t.Error("a detail that nobody asked for")
	}
	b.want.Focus = model.SocketKey(s, find(s, 2))
	b.Release(s)
	s = b.after(time.Second)
	if s.Detail == nil || s.Detail.Err != nil || len(s.Detail.Figures) == 0 || len(s.Detail.Holders) != 1 {
		t.Fatalf("detail: %+v", s.Detail)
	}
	if len(s.Detail.SentRates) != 1 {
		t.Errorf("%d rates after two samples, want 1", len(s.Detail.SentRates))
	}
	if name := s.Detail.Holders[0].Name.String(); name != "nginx" {
		t.Errorf("holder is %q", name)
	}
	b.want.Focus = model.Key{ID: 77}
	b.Release(s)
	if s = b.after(time.Second); s.Detail != nil {
		t.Error("a detail for a socket that is not there")
	}
}

func TestReaderHoldsEverySnapshot(t *testing.T) {
	b := newBench(t, nil)
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{conn(1, 0, model.Established)}})
	var held []*model.Snapshot
	for range snapshots {
		held = append(held, b.after(time.Second))
	}
	seqs := []uint64{held[0].Seq, held[1].Seq, held[2].Seq}
	b.now += int64(time.Second)
	b.poll(context.Background())
	if s := b.Take(); s != nil {
		t.Fatal("a snapshot was written although the reader holds all of them")
	}
	for i, s := range held {
		if s.Seq != seqs[i] {
			t.Error("a snapshot was written to while the reader held it")
		}
	}
	b.Release(held[0])
	s := b.after(time.Second)
	if sourceErr(s, "screen") == nil {
		t.Error("the skipped tick is not named")
	}
	if s != held[0] {
		t.Error("the memory that was given back is not used again")
	}
}

func TestNewestSnapshotWins(t *testing.T) {
	b := newBench(t, nil)
	for range 10 {
		b.now += int64(time.Second)
		b.poll(context.Background())
	}
	if s := b.Take(); s == nil || s.Seq != 10 {
		t.Errorf("took %+v, want the tenth", s)
	}
	if b.Take() != nil {
		t.Error("the same snapshot was handed out twice")
	}
}

// TestRun lets the loop run: a demand to sample now and one for another interval are acted on.
func TestRun(t *testing.T) {
	b := newBench(t, nil)
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{conn(1, 0, model.Established)}})
	b.Want(model.Demand{Interval: time.Hour})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	b.cfg.Go = func(string, func()) {} // the bench runs the owner scans
	go func() { b.Run(ctx); close(done) }()
	next := func(what string) *model.Snapshot {
		t.Helper()
		for deadline := time.After(10 * time.Second); ; {
			select {
			case <-b.Ready():
				if s := b.Take(); s != nil {
					return s
				}
			case <-deadline:
				t.Fatalf("no snapshot after %s", what)
			}
		}
	}
	b.Release(next("the start"))
	b.Want(model.Demand{Interval: time.Hour, Now: 1})
	b.Release(next("the demand to sample now"))
	b.Want(model.Demand{Interval: time.Millisecond})
	s := next("the demand for a shorter interval")
	for s.Interval != time.Millisecond {
		b.Release(s)
		s = next("the demand for a shorter interval")
	}
	cancel()
	<-done
}

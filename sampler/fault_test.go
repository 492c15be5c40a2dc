package sampler

// What the kernel's answers may do to a sample: messages lost, sockets without inode, more of everything than usual.

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockview/model"
	"sockview/sampler/diag"
	"sockview/sampler/diag/diagtest"
)

// TestFault09OverrunIsMadeGood is about ENOBUFS during a dump; of events TestFault09ClosingsAreBounded is. What the dump
// lost is stale and named as such, nothing is closed for it, and the next whole dump says what is: closed, there, new.
func TestFault09OverrunIsMadeGood(t *testing.T) {
	b := newBench(t, nil)
	socket := func(cookie uint64) model.Socket { return conn(cookie, 0, model.Established) }
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{socket(1), socket(2), socket(3)}})
	b.Release(b.after(time.Second))
	// Socket 2 closes, 4 comes, and the messages that had 1, 2 and 3 are lost.
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{socket(4)}, Fault: diagtest.Overrun})
	for range 3 {
		s := b.after(time.Second)
		for cookie := uint64(1); cookie <= 3; cookie++ {
			if r := find(s, cookie); r == nil || r.Dead || !r.Stale {
				t.Fatalf("socket %d, of which nothing was heard, is %+v", cookie, r)
			}
		}
		if r := find(s, 4); r == nil || r.Stale {
			t.Errorf("what did come is %+v", r)
		}
		if err := sourceErr(s, "TCP"); err == nil || !strings.Contains(err.Error(), "ENOBUFS") {
			t.Errorf("the loss is told as %v", err)
		}
		b.Release(s)
	}
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{socket(1), socket(3), socket(4)}})
	s := b.after(time.Second)
	defer b.Release(s)
	for _, cookie := range []uint64{1, 3, 4} {
		if r := find(s, cookie); r == nil || r.Dead || r.Stale {
			t.Errorf("socket %d after a whole dump: %+v", cookie, r)
		}
	}
	if r := find(s, 2); r == nil || !r.Dead {
		t.Errorf("the socket that was closed meanwhile is %+v", r)
	}
	if err := sourceErr(s, "TCP"); err != nil || s.Counts.Endpoints != 3 {
		t.Errorf("after a whole dump: %v, %d endpoints", err, s.Counts.Endpoints)
	}
}

// askedKernel counts what it is asked.
type askedKernel struct {
	*timedKernel
	dumps, asks int
}

func (k *askedKernel) Dump(p model.Proto, f model.Family, fn func(*model.Socket)) (diag.Result, error) {
	if p == model.TCP {
		k.dumps++
	}
	return k.timedKernel.Dump(p, f, fn)
}

func (k *askedKernel) Ask(t model.CloseTarget) (diag.Answer, error) {
	k.asks++
	return k.timedKernel.Ask(t)
}

// TestFault11TriesAreBounded: a kernel whose every dump is torn is not asked without end. A tick makes at most four
// attempts; as it is, the next tick is the next one.
func TestFault11TriesAreBounded(t *testing.T) {
	var k *askedKernel
	b := newBench(t, func(c *Config) {
		k = &askedKernel{timedKernel: c.Kernel.(*timedKernel)}
		c.Kernel = k
	})
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{conn(1, 0, model.Established)}, Fault: diagtest.Interrupted})
	for tick := range 3 {
		k.dumps = 0
		s := b.after(time.Second)
		if k.dumps < 1 || k.dumps > 4 {
			t.Errorf("tick %d: asked %d times", tick, k.dumps)
		}
		if r := find(s, 1); r == nil || r.Dead {
			t.Errorf("tick %d: %+v", tick, r)
		}
		b.Release(s)
	}
}

// TestFault14NoInode: what has no inode is nobody's, whatever /proc may show; also when a process held it before.
func TestFault14NoInode(t *testing.T) {
	b := newBench(t, nil)
	b.process(100, "nginx", 5, 0, 11, 12) // socket:[0], as no kernel writes it
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{
		conn(1, 0, model.TimeWait), conn(2, 0, model.SynRecv), conn(3, 0, model.Established), conn(4, 0, model.FinWait1),
		conn(5, 11, model.Established), conn(6, 12, model.Established),
	}})
	for round := range 3 { // the first owner scan is of everything, the next ones are of what is asked
		if round == 1 {
			b.owners.nextFull = time.Time{}
		}
		s := b.after(time.Second)
		for cookie, why := range map[uint64]model.Unknown{
			1: model.InTimeWait, 2: model.NotAccepted, 3: model.NotAccepted, 4: model.NoProcess,
		} {
			if r := find(s, cookie); r == nil || r.Owner >= 0 || r.Holders != 0 || r.Why != why || s.HolderOf(r) != nil {
				t.Fatalf("round %d: socket %d without an inode: %+v, held by %+v", round, cookie, r, s.HolderOf(r))
			}
		}
		if p := s.HolderOf(find(s, 5)); p == nil || p.PID != 100 || p.Sockets != 2 {
			t.Fatalf("round %d: socket 5 is held by %+v", round, p)
		}
		b.Release(s)
	}
	// A process closes its end: what is left of the connection is not held any more, and moved bytes all the same.
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{
		conn(5, 11, model.Established), conn(6, 0, model.FinWait2),
	}})
	s := b.after(time.Second)
	defer b.Release(s)
	if r := find(s, 6); r == nil || !r.Was || r.Holders != 0 || s.HolderOf(r) != nil && s.HolderOf(r).Sockets != 1 {
		t.Errorf("the socket that was closed: %+v, held by %+v", r, s.HolderOf(r))
	}
}

// TestFault25Crowd replays 100,000 sockets of 10,000 processes: a poll gives all of them with their owners, keeps within
// bounds in memory, and asks of the kernel no more when half of them vanish at once than when a few do.
func TestFault25Crowd(t *testing.T) {
	const connections, processes = 100_000, 10_000
	if unix.Access("/dev/shm", unix.W_OK) == nil {
		t.Setenv("TMPDIR", "/dev/shm") // the tens of thousands of files of such a /proc are in memory there
	}
	var k *askedKernel
	b := newBench(t, func(c *Config) {
		k = &askedKernel{timedKernel: c.Kernel.(*timedKernel)}
		c.Kernel = k
	})
	for n := range processes {
		b.holder(2+n, 1_000_000+n)
	}
	answer := diagtest.Answer{Sockets: make([]model.Socket, connections)}
	for i := range answer.Sockets {
		r := conn(uint64(1+i), uint32(1_000_000+i%processes), model.Established)
		r.Remote = model.AddrFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
		r.RemotePort = 40_000
		answer.Sockets[i] = r
	}
	b.set(model.TCP, model.IPv4, answer)
	before := inUse()
	s := b.after(time.Second)
	for round := 0; len(s.Processes) < processes && round < 100; round++ { // a scan has its budget; the next goes on
		b.Release(s)
		s = b.after(time.Second)
	}
	if len(s.Sockets) != connections || s.Counts.Endpoints != connections || len(s.Processes) != processes {
		t.Fatalf("%d sockets, %d processes, sources %+v", len(s.Sockets), len(s.Processes), s.Sources)
	}
	for i := range s.Sockets {
		if p := s.HolderOf(&s.Sockets[i]); p == nil || p.PID != int32(2+i%processes) || p.Sockets != connections/processes {
			t.Fatalf("socket %d is held by %+v", i, p)
		}
	}
	b.Release(s)
	for range snapshots { // each of the snapshots is filled once
		b.Release(b.after(time.Second))
	}
	// A row is about 300 bytes: in the tracker, in each of three snapshots, and once for what is remembered beside.
	full := inUse()
	if used := full - before; used > 160<<20 {
		t.Errorf("%d sockets take %d MiB", connections, used>>20)
	}
	for range 10 {
		b.Release(b.after(time.Second))
	}
	if grown := inUse() - full; grown > 16<<20 {
		t.Errorf("ten more polls of the same take %d MiB more", grown>>20)
	}

	answer.Sockets = answer.Sockets[:connections/2]
	b.set(model.TCP, model.IPv4, answer)
	k.asks = 0
	b.kernel.takes = 400 * time.Millisecond
	b.Release(b.after(time.Second))
	if k.asks == 0 || k.asks > askLimit {
		t.Errorf("asked for %d of %d sockets one by one", k.asks, connections/2)
	}
	s = b.after(time.Second)
	defer b.Release(s)
	if s.Counts.Endpoints != connections/2 {
		t.Errorf("%d endpoints are left", s.Counts.Endpoints)
	}
	// The kernel takes long for so many: the interval follows, and what is published says so.
	if !s.Stretched() || s.Interval != 2*time.Second || s.Chosen != time.Second {
		t.Errorf("every %v, chosen %v", s.Interval, s.Chosen)
	}
}

// holder is a process with one socket, in as few files as there can be.
func (b *bench) holder(pid, inode int) {
	dir := filepath.Join(b.root, fmt.Sprint(pid))
	if err := os.MkdirAll(filepath.Join(dir, "fd"), 0o755); err != nil {
		b.t.Fatal(err)
	}
	write(b.t, filepath.Join(dir, "stat"),
		fmt.Sprintf("%d (worker) S 1 %d %d 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 77 0 0\n", pid, pid, pid))
	write(b.t, filepath.Join(dir, "status"), "Uid:\t1000\t1000\t1000\t1000\n")
	write(b.t, filepath.Join(dir, "comm"), "worker\n")
	if err := os.Symlink(fmt.Sprintf("socket:[%d]", inode), filepath.Join(dir, "fd", "3")); err != nil {
		b.t.Fatal(err)
	}
}

// inUse is what the heap holds when all is collected that can be.
func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

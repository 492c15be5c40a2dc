package proc

// What the owner scan costs beside the plain way: getdents and readlinkat on every fd of the host, on one
// core, with nothing made of the answers. Both on processes that were never looked at before, as the first
// look makes the kernel build its directory entries.
//
//	go test -run - -bench Scan -benchtime 5x ./sampler/proc

import (
	"context"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	crowdProcesses = 20
	crowdSockets   = 900
)

func crowd(b *testing.B) []*child {
	b.Helper()
	children := make([]*child, crowdProcesses)
	for i := range children {
		children[i] = start(b, "obey")
		children[i].tell("open", crowdSockets)
	}
	return children
}

func disband(children []*child) {
	for _, c := range children {
		c.end()
	}
}

// plainScan reads every fd link of every process and says how many there are.
func plainScan(b *testing.B) int {
	b.Helper()
	root, err := unix.Open("/proc", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer unix.Close(root)
	dents := make([]byte, 64<<10)
	link := make([]byte, 64)
	list := func(dir int) (numbers []int32) {
		for {
			n, err := unix.ReadDirent(dir, dents)
			if err != nil || n <= 0 {
				return numbers
			}
			numbers = appendNumbers(numbers, dents[:n])
		}
	}
	count := 0
	for _, pid := range list(root) {
		dir, err := unix.Openat(root, strconv.Itoa(int(pid))+"/fd", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		var path cpath
		for _, fd := range list(dir) {
			if _, err := readlinkat(dir, path.number(fd, ""), link); err == nil {
				count++
			}
		}
		unix.Close(dir)
	}
	return count
}

func BenchmarkFirstScan(b *testing.B) {
	var plain, ours cost
	fds := 0
	for range b.N {
		children := crowd(b)
		plain.of(func() { fds = plainScan(b) })
		disband(children)

		children = crowd(b)
		s := NewScanner(At("/proc"))
		var res Result
		ours.of(func() { res = s.Scan(context.Background(), Request{Full: true}) })
		disband(children)
		if !res.Complete || len(res.Holds) < crowdProcesses*crowdSockets {
			b.Fatalf("%d holds, complete %v, %v", len(res.Holds), res.Complete, res.Err)
		}
	}
	report(b, plain, ours, fds)
}

// cost is what something takes: by the clock, and of all cores together.
type cost struct{ wall, cpu time.Duration }

func (c *cost) of(do func()) {
	used := func() time.Duration {
		var r unix.Rusage
		must(unix.Getrusage(unix.RUSAGE_SELF, &r))
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	cpu, begin := used(), time.Now()
	do()
	c.wall += time.Since(begin)
	c.cpu += used() - cpu
}

func report(b *testing.B, plain, ours cost, fds int) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(plain.wall.Microseconds())/float64(b.N)/1000, "ms/plain")
	b.ReportMetric(float64(ours.wall.Microseconds())/float64(b.N)/1000, "ms/scan")
	b.ReportMetric(float64(ours.wall)/float64(plain.wall), "x-plain")
	b.ReportMetric(float64(ours.cpu)/float64(plain.cpu), "x-cpu")
	b.ReportMetric(float64(fds), "fds")
}

// A thousand new connections beside known ones, in place of a thousand that were closed: in one process of
// which the scan is told, and in ten of which it is not. Then sockets that no process holds.
func BenchmarkIncrementalScan(b *testing.B) {
	for _, bench := range []struct {
		name   string
		busy   int
		likely bool
		held   bool
	}{
		{"told where", 2, true, true}, {"not told", 10, false, true}, {"held by nobody", 10, false, false},
	} {
		b.Run(bench.name, func(b *testing.B) {
			children := crowd(b)
			defer disband(children)
			s := NewScanner(At("/proc"))
			s.Scan(context.Background(), Request{Full: true})
			var plain, ours cost
			fds := 0
			for range b.N {
				var r Request
				for _, c := range children[:bench.busy] {
					r.Closed = append(r.Closed, c.tell("close", 1000/bench.busy)...)
					r.Inodes = append(r.Inodes, c.tell("open", 1000/bench.busy)...)
					if bench.likely {
						r.Likely = append(r.Likely, c.pid())
					}
				}
				want := len(r.Inodes)
				if !bench.held {
					want, r.Inodes = 0, []uint32{r.Closed[0], r.Closed[1]}
				}
				var res Result
				ours.of(func() { res = s.Scan(context.Background(), r) })
				if len(res.Holds) != want || !res.Complete {
					b.Fatalf("%d holds, complete %v, %v", len(res.Holds), res.Complete, res.Err)
				}
				plain.of(func() { fds = plainScan(b) })
			}
			report(b, plain, ours, fds)
		})
	}
}

// A tick in which nothing is new, but for the look whether the owners live.
func BenchmarkQuietScan(b *testing.B) {
	children := crowd(b)
	defer disband(children)
	s := NewScanner(At("/proc"))
	var check []ID
	for _, p := range s.Scan(context.Background(), Request{Full: true}).Processes {
		check = append(check, ID{PID: p.PID, Start: p.Start})
	}
	b.ReportAllocs()
	for b.Loop() {
		s.Scan(context.Background(), Request{Check: check})
	}
}

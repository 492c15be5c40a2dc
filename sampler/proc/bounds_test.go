package proc

// What is remembered stays bounded, however much comes and goes.

import (
	"errors"
	"os"
	"strconv"
	"testing"
	"time"
)

// TestReadsThatHangAreBounded: reads that do not come back hold a goroutine and a thread each, so there are only so
// many, of whatever name.
func TestReadsThatHangAreBounded(t *testing.T) {
	s := &shared{patience: time.Nanosecond, flying: map[string]struct{}{}}
	hang, begun := make(chan struct{}), make(chan struct{}, 10*maxBlocked)
	for i := range 10 * maxBlocked {
		_, err := bounded(s, strconv.Itoa(i), func() (int, error) {
			begun <- struct{}{}
			<-hang
			return 0, nil
		})
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("read %d: %v", i, err)
		}
	}
	for range maxBlocked {
		<-begun
	}
	s.mu.Lock()
	if len(s.flying) != maxBlocked || len(begun) != 0 {
		t.Errorf("%d reads hang, want %d", len(s.flying), maxBlocked)
	}
	s.mu.Unlock()
	close(hang)
}

// TestScannerForgets: of processes and sockets that are gone nothing is kept.
func TestScannerForgets(t *testing.T) {
	f := newFakeProc(t)
	s := NewScanner(At(f.root))
	for i := range 40 {
		pid, inode := int32(100+i), 5000+i
		f.add(fakeProcess{pid: pid, start: uint64(100 + i), fds: sockets(inode)})
		// One that nobody holds is asked for, too, and only for a while.
		scan(t, s, Request{Inodes: []uint32{uint32(inode), uint32(90_000 + i)}, Closed: []uint32{uint32(inode - 1)}})
		f.remove(pid)
	}
	scan(t, s, Request{Full: true})
	if len(s.known) != 0 || len(s.asked) != 0 {
		t.Errorf("%d processes and %d sockets are remembered, and there are none", len(s.known), len(s.asked))
	}
	if len(s.free) > maxFree || len(s.spare) > walkers || len(s.left) != 0 {
		t.Errorf("kept for the next scan: %d jobs, %d walkers; %d hang", len(s.free), len(s.spare), len(s.left))
	}
}

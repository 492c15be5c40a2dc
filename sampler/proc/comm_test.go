package proc

// Names that processes give themselves to be taken for something else (prctl(2), PR_SET_NAME).

import (
	"testing"

	"sockview/model"
)

// TestFault04HostileComm: whatever stands in a name, the process that holds the socket is the right one, with its own
// start, parent and user. Were the name taken for the end of the fields, pid 12 would be a kernel thread that has ended.
func TestFault04HostileComm(t *testing.T) {
	comms := map[int32]string{
		10: "new\nline", 11: "a) S 1 (", 12: ") Z 1 1 1 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 5 (", 13: "((((", 14: "))))",
		15: ") S 1 (\n11 (x", 16: "\x1b]0;t\x07", 17: "Uid:\t0\t0\t0\t0\n",
	}
	f := newFakeProc(t)
	for pid, comm := range comms {
		f.add(fakeProcess{pid: pid, ppid: pid - 5, start: uint64(100 * pid), uid: uint32(pid) + 1000, comm: comm,
			cmdline: "/bin/true\x00", fds: sockets(500 + int(pid))})
	}
	const holds = "510:10 511:11 512:12 513:13 514:14 515:15 516:16 517:17"
	s := NewScanner(At(f.root))
	full := scan(t, s, Request{Full: true})
	wantHolds(t, full, holds, true)
	if len(full.Processes) != len(comms) {
		t.Fatalf("%d processes", len(full.Processes))
	}
	var inodes []uint32
	var check []ID
	for _, p := range full.Processes {
		if p.Name != model.SafeText(comms[p.PID]) || p.PPID != p.PID-5 || p.Start != uint64(100*p.PID) ||
			p.UID != uint32(p.PID)+1000 || p.Cmdline.String() != "/bin/true" {
			t.Errorf("%q: %+v", comms[p.PID], p)
		}
		inodes, check = append(inodes, uint32(500+p.PID)), append(check, ID{PID: p.PID, Start: p.Start})
	}
	again := scan(t, s, Request{Inodes: inodes, Check: check})
	wantHolds(t, again, holds, true)
	if len(again.Gone) > 0 {
		t.Errorf("taken for gone: %v", again.Gone)
	}
}

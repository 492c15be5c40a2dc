package sampler

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sockview/model"
	"sockview/sampler/diag/diagtest"
)

const tcpTable = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
	"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000000000000000 100 0 0 10 0\n" +
	"   1: 0100007F:1F90 0100007F:C350 01 00000005:00000007 00:00000000 00000000  1000        0 4712 1 0000000000000000 20 4 30 10 -1\n"

const udpTable = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n" +
	"    1: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4713 2 0000000000000000 0\n"

// refuse has the fake kernel refuse sock_diag for some protocols.
func (b *bench) refuse(errno syscall.Errno, protos ...model.Proto) {
	for _, p := range protos {
		b.set(p, model.IPv4, diagtest.Answer{Err: errno})
		b.set(p, model.IPv6, diagtest.Answer{Err: errno})
	}
}

// TestFault12SockDiagRefused: the tables of /proc/net instead, owners and all, and the missing counters are told.
func TestFault12SockDiagRefused(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EPERM, syscall.EPROTONOSUPPORT, syscall.ENOENT, syscall.EACCES} {
		t.Run(errno.Error(), func(t *testing.T) {
			dir := fakeNetDir(t)
			write(t, filepath.Join(dir, "tcp"), tcpTable)
			write(t, filepath.Join(dir, "udp"), udpTable)
			b := newBench(t, func(c *Config) { c.NetDir = dir })
			b.refuse(errno, model.TCP, model.UDP, model.Raw)
			b.process(50, "httpd", 10, 4711, 4712)
			b.process(51, "named", 11, 4713)
			b.Release(b.after(time.Second))
			s := b.after(time.Second)
			defer b.Release(s)
			if len(s.Sockets) != 4 { // and one raw
				t.Fatalf("%d sockets, sources %+v", len(s.Sockets), s.Sources)
			}
			for i := range s.Sockets {
				r := &s.Sockets[i]
				p := s.HolderOf(r)
				name := map[uint32]string{4711: "httpd", 4712: "httpd", 4713: "named"}[r.Inode]
				if r.ProtoName() != "raw" && (p == nil || p.Name.String() != name) {
					t.Errorf("inode %d is held by %+v, want %s", r.Inode, p, name)
				}
				if r.Has&(model.HasBytes|model.HasRates) != 0 || r.Dead || r.Mark != model.Unchanged {
					t.Errorf("inode %d: has %b, mark %v", r.Inode, r.Has, r.Mark)
				}
			}
			for _, src := range s.Sources {
				if src.Err != nil || src.Bad != 0 {
					t.Errorf("%s: %v, %d bad: what is read from elsewhere did not fail", src.Name, src.Err, src.Bad)
				}
			}
			if why := s.Access.NoBytes; why == nil || !strings.Contains(why.Error(), errno.Error()) {
				t.Errorf("why there are no bytes: %v, want %v", why, errno)
			}
		})
	}
}

// Neither way: the table is not silently empty.
func TestFault12NeitherWay(t *testing.T) {
	b := newBench(t, func(c *Config) { c.NetDir = t.TempDir() })
	b.refuse(syscall.EPERM, model.TCP)
	s := b.after(time.Second)
	defer b.Release(s)
	src, ok := source(s, "TCP IPv4")
	if !ok || src.Err == nil || !strings.Contains(src.Err.Error(), "not permitted") {
		t.Errorf("the source: %+v", src)
	}
	if src, ok := source(s, "TCP IPv6"); ok {
		t.Errorf("a host without IPv6 is told of it: %+v", src)
	}
}

// What sock_diag answered for once is its: a failure later makes rows stale, and they keep their identity.
func TestFault12LaterFailure(t *testing.T) {
	dir := fakeNetDir(t)
	write(t, filepath.Join(dir, "tcp"), tcpTable)
	b := newBench(t, func(c *Config) { c.NetDir = dir })
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{conn(1, 0, model.Established)}})
	b.Release(b.after(time.Second))
	b.refuse(syscall.EPERM, model.TCP)
	s := b.after(time.Second)
	defer b.Release(s)
	if r := find(s, 1); r == nil || r.Dead || !r.Stale || s.Access.NoBytes != nil {
		t.Errorf("the row: %+v; no bytes: %v", r, s.Access.NoBytes)
	}
	if src, _ := source(s, "TCP"); src.Err == nil {
		t.Error("the failure is not told")
	}
}

// TestFault13NoUDPDiag: without udp_diag and without IPv6 the rest works, bytes and all.
func TestFault13NoUDPDiag(t *testing.T) {
	dir := fakeNetDir(t)
	write(t, filepath.Join(dir, "udp"), udpTable)
	b := newBench(t, func(c *Config) { c.NetDir = dir })
	b.refuse(syscall.ENOENT, model.UDP)
	b.set(model.TCP, model.IPv6, diagtest.Answer{Err: syscall.EAFNOSUPPORT})
	b.peer.SetUnix(diagtest.Answer{Err: syscall.ENOENT})
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{conn(1, 0, model.Established)}})
	b.want.Tables = model.TableSockets | model.TableUnix
	b.Release(b.after(time.Second))
	s := b.after(time.Second)
	defer b.Release(s)
	udp := 0
	for i := range s.Sockets {
		if s.Sockets[i].Proto == model.UDP {
			udp++
		}
	}
	if r := find(s, 1); r == nil || r.Has&model.HasBytes == 0 || udp != 1 || s.Access.NoBytes != nil {
		t.Errorf("TCP %+v, %d UDP sockets, no bytes: %v", r, udp, s.Access.NoBytes)
	}
	for _, src := range s.Sources {
		if src.Err != nil && src.Name != "unix" {
			t.Errorf("%s: %v", src.Name, src.Err)
		}
	}
	if src, ok := source(s, "unix"); !ok || src.Err == nil || !src.Absent {
		t.Errorf("unix: %+v", src)
	}
}

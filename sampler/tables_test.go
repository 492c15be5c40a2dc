package sampler

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sockview/model"
	"sockview/sampler/diag/diagtest"
	"sockview/sampler/host"
)

// fakeHost answers as it is told and notes what it was asked.
type fakeHost struct {
	links   []model.Link
	routes  []model.Route
	partial bool
	err     error
	asked   []string
	rested  int
	left    int
}

func (h *fakeHost) Rest()  { h.rested++ }
func (h *fakeHost) Leave() { h.left++ }

func (h *fakeHost) Links() ([]model.Link, bool, error) {
	h.asked = append(h.asked, "links")
	return h.links, !h.partial, h.err
}

func (h *fakeHost) Routes() ([]model.Route, bool, error) {
	h.asked = append(h.asked, "routes")
	return h.routes, !h.partial, h.err
}

func (h *fakeHost) Groups() ([]model.Membership, bool, error) {
	h.asked = append(h.asked, "groups")
	return nil, !h.partial, h.err
}

func (h *fakeHost) Statistics() ([]model.Statistic, bool, error) {
	h.asked = append(h.asked, "statistics")
	return nil, !h.partial, h.err
}

func (h *fakeHost) Flows() ([]model.Flow, bool, error) {
	h.asked = append(h.asked, "flows")
	return nil, !h.partial, h.err
}

// source is the source of that name, and whether there is one.
func source(s *model.Snapshot, name string) (model.Source, bool) {
	i := slices.IndexFunc(s.Sources, func(src model.Source) bool { return src.Name == name })
	if i < 0 {
		return model.Source{}, false
	}
	return s.Sources[i], true
}

// A table is read while somebody looks at it and at no other time; what comes after a while is not news.
func TestTableIsReadWhileLookedAt(t *testing.T) {
	h := &fakeHost{links: []model.Link{{Index: 1, Name: model.SafeText("lo"), HasCounters: true}}}
	b := newBench(t, func(c *Config) { c.Host = h })
	s := b.after(time.Second)
	if len(h.asked) > 0 || len(s.Links) > 0 || s.Tables != model.TableSockets {
		t.Fatalf("asked %v while nobody looks, %d links", h.asked, len(s.Links))
	}
	b.Release(s)
	b.want.Tables = model.TableSockets | model.TableLinks
	s = b.after(time.Second)
	if strings.Join(h.asked, " ") != "links" || len(s.Links) != 1 || s.Links[0].Mark != model.Unchanged || s.Tables&model.TableLinks == 0 {
		t.Fatalf("asked %v, links %+v", h.asked, s.Links)
	}
	if src, ok := source(s, "interfaces"); !ok || src.Err != nil || src.Of != model.TableLinks {
		t.Errorf("its source: %+v", src)
	}
	b.Release(s)
	h.links = []model.Link{
		{Index: 1, Name: model.SafeText("lo"), HasCounters: true, Counters: model.LinkCounters{RxBytes: 3000}}, {Index: 2, Name: model.SafeText("veth0")},
	}
	s = b.after(2 * time.Second)
	if len(s.Links) != 2 || !s.Links[0].HasRates || s.Links[0].RxRate != 1500 || s.Links[1].Mark != model.New {
		t.Errorf("links: %+v", s.Links)
	}
	b.Release(s)
	b.want.Tables = model.TableSockets
	b.Release(b.after(time.Second))
	if h.rested != 1 {
		t.Errorf("told to rest %d times", h.rested)
	}
	h.links = append(h.links, model.Link{Index: 3, Name: model.SafeText("veth1")})
	b.want.Tables = model.TableLinks
	s = b.after(time.Second)
	for i := range s.Links {
		if s.Links[i].Mark != model.Unchanged || s.Links[i].HasRates {
			t.Errorf("after a while: %+v", s.Links[i])
		}
	}
	if _, ok := source(s, "TCP IPv4"); ok {
		t.Error("sockets were asked for, though nobody looks at them")
	}
}

func TestTableThatFails(t *testing.T) {
	h := &fakeHost{routes: []model.Route{{Family: model.IPv4, DstLen: 8}, {Family: model.IPv4, DstLen: 16}}}
	b := newBench(t, func(c *Config) { c.Host = h })
	b.want.Tables = model.TableRoutes
	b.Release(b.after(time.Second))
	h.routes, h.partial, h.err = h.routes[:1], true, errors.New("half of it")
	s := b.after(3 * time.Second)
	if len(s.Routes) != 2 || s.Routes[0].Stale || !s.Routes[1].Stale || s.Routes[1].Dead {
		t.Errorf("routes after a partial answer: %+v", s.Routes)
	}
	if src, _ := source(s, "routes"); src.Err == nil || src.Age != int64(3*time.Second) || src.Absent {
		t.Errorf("its source: %+v", src)
	}
	b.Release(s)
	h.routes, h.err = nil, host.ErrUnsupported
	s = b.after(time.Second)
	if src, _ := source(s, "routes"); !src.Absent || len(s.Routes) != 2 {
		t.Errorf("source %+v, %d routes", src, len(s.Routes))
	}
	b.Release(s)
	h.err = fs.ErrPermission
	s = b.after(time.Second)
	if src, _ := source(s, "routes"); !src.Absent || src.Age != 0 {
		t.Errorf("without the right to read it: %+v", src)
	}
	b.Release(s)
	h.partial, h.err = false, errors.New("a name is missing") // a notice: the answer was whole
	if s = b.after(time.Second); !s.Routes[0].Dead || !s.Routes[1].Dead {
		t.Errorf("routes that a whole answer does not have: %+v", s.Routes)
	}
}

// netDir is a fake /proc/net in which the kernel counts one raw socket.
func fakeNetDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "sockstat"), "sockets: used 9\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 0\nUDP: inuse 0 mem 0\nUDPLITE: inuse 0\nRAW: inuse 1\nFRAG: inuse 0 memory 0\n")
	write(t, filepath.Join(dir, "sockstat6"), "TCP6: inuse 0\nUDP6: inuse 0\nUDPLITE6: inuse 0\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0\n")
	write(t, filepath.Join(dir, "raw"), "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n"+
		"    1: 00000000:0001 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0000000000000000 0\n")
	return dir
}

// Raw sockets come from /proc/net where the kernel has no raw_diag; UDP-Lite, of which there is none, is not asked for.
func TestRawSocketsWithoutRawDiag(t *testing.T) {
	dir := fakeNetDir(t)
	b := newBench(t, func(c *Config) { c.NetDir = dir })
	b.set(model.Raw, model.IPv4, diagtest.Answer{Err: syscall.ENOENT}) // no handler
	b.process(50, "ping", 10, 4711)
	s := b.after(time.Second)
	if len(s.Sockets) != 1 {
		t.Fatalf("%d sockets: %+v", len(s.Sockets), s.Sources)
	}
	r := &s.Sockets[0]
	if p := s.HolderOf(r); r.ProtoName() != "raw" || r.LocalPort != 1 || r.Inode != 4711 || p == nil || p.PID != 50 {
		t.Errorf("the raw socket: %+v, held by %+v", r, p)
	}
	if src, ok := source(s, "raw IPv4"); !ok || src.Err != nil {
		t.Errorf("its source: %+v", src)
	}
	for _, name := range []string{"UDP-Lite IPv4", "raw IPv6", "SCTP IPv4"} {
		if src, asked := source(s, name); asked {
			t.Errorf("%s was asked for: %+v", name, src)
		}
	}
	b.Release(s)
	write(t, filepath.Join(dir, "sockstat"), "RAW: inuse 0\nUDPLITE: inuse 0\n")
	b.Release(b.after(time.Second))
	s = b.after(time.Second) // the second look without it
	if len(s.Sockets) != 1 || !s.Sockets[0].Dead {
		t.Errorf("the raw socket was closed: %+v", s.Sockets)
	}
}

func TestSCTPIsToldOfWhenAskedFor(t *testing.T) {
	dir := fakeNetDir(t)
	b := newBench(t, func(c *Config) { c.NetDir = dir })
	b.want.Tables = model.TableSockets | model.TableSCTP
	s := b.after(time.Second)
	if src, ok := source(s, "SCTP"); !ok || !errors.Is(src.Err, errNoSCTP) || !src.Absent {
		t.Errorf("a kernel without SCTP: %+v", src)
	}
	b.Release(s)
	if err := os.Mkdir(filepath.Join(dir, "sctp"), 0o755); err != nil {
		t.Fatal(err)
	}
	s = b.after(time.Second)
	if _, ok := source(s, "SCTP"); ok {
		t.Error("a kernel with SCTP is said to have none")
	}
	if _, ok := source(s, "SCTP IPv4"); !ok {
		t.Error("SCTP was not asked for")
	}
}

func TestUnixSocketsHaveOwners(t *testing.T) {
	b := newBench(t, nil)
	b.peer.SetUnix(diagtest.Answer{Unix: []model.UnixSocket{
		{Cookie: 1, Inode: 10, Type: model.UnixStream, State: model.UnixListening, Path: model.SafeText("/run/a")},
		{Cookie: 2, Inode: 20, PeerInode: 30, Type: model.UnixStream, State: model.UnixConnected},
		{Cookie: 3, Inode: 30, PeerInode: 20, Type: model.UnixStream, State: model.UnixConnected},
	}})
	b.process(60, "server", 10, 10, 30)
	b.process(61, "client", 11, 20)
	b.Release(b.after(time.Second))
	b.want.Tables = model.TableSockets | model.TableUnix
	s := b.after(time.Second)
	if len(s.Unix) != 3 {
		t.Fatalf("%d unix sockets, sources %+v", len(s.Unix), s.Sources)
	}
	for i := range s.Unix {
		r := &s.Unix[i]
		want := map[uint32]int32{10: 60, 20: 61, 30: 60}[r.Inode]
		if p := s.Named(&r.Holding); p == nil || p.PID != want {
			t.Errorf("inode %d is held by %+v, want %d", r.Inode, p, want)
		}
	}
	b.want.Focus = model.UnixKey(s, &s.Unix[1])
	b.Release(s)
	b.Release(b.after(time.Second))
	s = b.after(time.Second)
	if d := s.Detail; d == nil || len(d.Holders) != 1 || d.Holders[0].PID != 61 {
		t.Errorf("the details of the client's end: %+v", d)
	}
	b.Release(s)
	b.want.Tables = model.TableSockets
	if s = b.after(time.Second); len(s.Unix) != 0 {
		t.Errorf("%d unix sockets, though nobody looks", len(s.Unix))
	}
}

// Printing what tells of no owner does not look for them.
func TestNoOwnersAreLookedFor(t *testing.T) {
	b := newBench(t, nil)
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{conn(1, 11, model.Established)}})
	b.process(60, "server", 10, 11)
	b.want.NoOwners = true
	if s := b.after(time.Second); s.Sockets[0].Owner >= 0 || s.Sockets[0].Why != model.NotYet {
		t.Errorf("an owner was looked for: %+v", s.Sockets[0].Holding)
	}
}

// What is not found where it is likely to be is looked for everywhere only now and then; until then it is not known, and
// nothing is said to have failed.
func TestDeepScansAreBounded(t *testing.T) {
	b := newBench(t, nil)
	b.process(60, "server", 10, 11)
	b.process(61, "stranger", 11, 99) // it has nothing to do with the server
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{conn(1, 11, model.Established)}})
	b.Release(b.after(time.Second))
	if err := os.Symlink("socket:[12]", filepath.Join(b.root, "61", "fd", "4")); err != nil {
		t.Fatal(err)
	}
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{conn(1, 11, model.Established), conn(2, 12, model.Established)}})
	b.nextDeep = time.Now().Add(time.Hour)
	s := b.after(time.Second)
	if r := &s.Sockets[1]; r.Owner >= 0 || r.Why != model.NotYet {
		t.Errorf("a shallow scan says %+v", r.Holding)
	}
	if src, _ := source(s, "owners"); src.Err != nil {
		t.Errorf("a shallow scan is told as a failure: %v", src.Err)
	}
	b.Release(s)
	b.process(62, "newcomer", 12, 13) // a process that is new is looked at all the same
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{
		conn(1, 11, model.Established), conn(2, 12, model.Established), conn(3, 13, model.Established),
	}})
	s = b.after(time.Second)
	if p := s.HolderOf(&s.Sockets[2]); p == nil || p.PID != 62 {
		t.Errorf("of a new process: %+v, %+v", p, s.Sockets[2].Holding)
	}
	b.Release(s)
	b.nextDeep = time.Time{}
	s = b.after(time.Second)
	if p := s.HolderOf(&s.Sockets[1]); p == nil || p.PID != 61 {
		t.Errorf("a scan of everything finds %+v", p)
	}
}

// Printing once tells why a socket has no owner, though the scan began before the sockets were known; and a second time too.
func TestSampleSettlesOwners(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Access.Owners = false })
	b.set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{conn(1, 11, model.Established), conn(2, 12, model.Established)}})
	b.process(60, "server", 10, 11)
	for range 2 {
		b.now += int64(time.Second)
		s := b.Sample(t.Context(), time.Minute, 0)
		if p := s.HolderOf(&s.Sockets[0]); p == nil || p.PID != 60 {
			t.Errorf("held by %+v", p)
		}
		if r := &s.Sockets[1]; r.Owner >= 0 || r.Why != model.NoPermission || s.Access.Hidden != 1 {
			t.Errorf("held by nobody we may see: %+v, %d hidden", r.Holding, s.Access.Hidden)
		}
		b.Release(s)
	}
}

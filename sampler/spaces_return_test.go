package sampler

// Namespaces that are looked into again, or in another way than before, and what is told while they are not.

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockview/model"
	"sockview/sampler/diag"
	"sockview/sampler/diag/diagtest"
	"sockview/sampler/procnet"
)

// newsIn are the cookies of a snapshot's rows that are new, or whose age is said to be known.
func newsIn(s *model.Snapshot) (news []uint64) {
	for i := range s.Sockets {
		if r := &s.Sockets[i]; r.Mark == model.New || r.AgeKnown {
			news = append(news, r.Cookie)
		}
	}
	return news
}

// TestSpacesAgain: sockets of a namespace that was not looked into for a while were not born when it is again.
func TestSpacesAgain(t *testing.T) {
	web, _ := fakeSpace("web", 4097, connection(2))
	b, h := newSpacesBench(t, web)
	kernel := web.Kernel
	b.Release(b.after(time.Second))
	h.hidden, web.View, web.Kernel = true, model.Unchosen, nil
	b.Release(b.after(time.Second))
	h.hidden, web.View, web.Kernel = false, model.Entered, kernel
	for range 2 {
		s := b.after(time.Second)
		if in(s, "own") != "1" || in(s, "web") != "2" || len(newsIn(s)) > 0 {
			t.Errorf("own %q, web %q; news: %d", in(s, "own"), in(s, "web"), newsIn(s))
		}
		b.Release(s)
	}
}

// TestSpacesEntered: what could only be read of /proc/net and is entered now has its sockets in the same look, with their
// cookies; none of them is news.
func TestSpacesEntered(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "tcp"), "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"+
		"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100 0 0 10 0\n")
	web, peer := fakeSpace("web", 4097, connection(2))
	peer.SetUnix(diagtest.Answer{Unix: []model.UnixSocket{{Cookie: 9, Inode: 90, Path: model.SafeText("/run/web"), Type: model.UnixStream, State: model.UnixListening}}})
	kernel := web.Kernel
	web.View, web.Kernel, web.Net = model.TablesOnly, diag.Refused(unix.EMFILE), procnet.At(dir)
	b, _ := newSpacesBench(t, web)
	b.Want(model.Demand{Interval: time.Second, NetNS: "all", Tables: model.TableUnix | model.TableSockets})
	b.heed()
	s := b.after(time.Second)
	if in(s, "web") != "0" {
		t.Fatalf("web %q", in(s, "web"))
	}
	b.Release(s)
	web.View, web.Kernel, web.Net = model.Entered, kernel, procnet.At("/nonexistent")
	for range 2 {
		s := b.after(time.Second)
		if in(s, "web") != "2" || len(newsIn(s)) > 0 || len(s.Unix) != 1 || s.Unix[0].Mark == model.New {
			t.Errorf("web %q; news: %d; unix %+v", in(s, "web"), newsIn(s), s.Unix)
		}
		b.Release(s)
	}
}

// TestSpacesUnwanted: what the kernel tells of a namespace that nobody wants to see is not shown, nor remembered as
// something that was missed.
func TestSpacesUnwanted(t *testing.T) {
	web, _ := fakeSpace("web", 4097, connection(2))
	b, h := newSpacesBench(t, web)
	b.Release(b.after(time.Second))
	e := endOf(connection(1), 100, 51)
	b.ends.add(&e) // before
	h.hidden = true
	s := b.after(time.Second)
	if in(s, "own") != "" || len(s.History) != 1 {
		t.Errorf("own %q, history %+v", in(s, "own"), s.History)
	}
	b.Release(s)
	b.now++
	e = endOf(connection(8), 100, 51)
	b.ends.add(&e) // and while
	s = b.after(time.Second)
	if in(s, "own") != "" || len(s.History) != 1 {
		t.Errorf("own %q, history %+v", in(s, "own"), s.History)
	}
	b.Release(s)
	e = endOf(connection(9), 100, 51)
	b.ends.add(&e)
	b.now++
	h.hidden = false
	if s = b.after(time.Second); in(s, "own") != "1" {
		t.Errorf("own %q", in(s, "own"))
	}
}

// TestSpacesOthersAlone: what is wrong in our own namespace stays said while others are asked without it.
func TestSpacesOthersAlone(t *testing.T) {
	web, peer := fakeSpace("web", 4097, connection(2))
	b, h := newSpacesBench(t, web)
	b.set(model.UDP, model.IPv4, diagtest.Answer{Err: unix.ENOMEM})
	peer.Set(model.UDP, model.IPv6, diagtest.Answer{Err: unix.ENOBUFS})
	says := func(s *model.Snapshot, name string, why error) int {
		n := 0
		for _, c := range s.Sources {
			if c.Name == name && errors.Is(c.Err, why) {
				n++
			}
		}
		return n
	}
	b.Release(b.after(time.Second))
	db, _ := fakeSpace("db", 5000, connection(3))
	h.others = append(h.others, db)
	b.now += int64(lookEvery)
	if !b.lookForSpaces() {
		t.Fatal("not found")
	}
	b.pollOthers(t.Context())
	s := b.Take()
	if in(s, "db") != "3" || says(s, "UDP IPv4", unix.ENOMEM) != 1 || says(s, "UDP IPv6 of web", unix.ENOBUFS) != 1 {
		t.Errorf("db %q, %+v", in(s, "db"), s.Sources)
	}
	b.Release(s)
	b.set(model.UDP, model.IPv4, diagtest.Answer{})
	if s = b.after(time.Second); says(s, "UDP IPv4", unix.ENOMEM) != 0 {
		t.Errorf("%+v", s.Sources)
	}
	b.Release(s)
	h.hidden = true
	h.others = nil
	if s = b.after(time.Second); strings.Contains(sourceNames(s), "UDP") {
		t.Errorf("nobody looks there: %s", sourceNames(s))
	}
}

func sourceNames(s *model.Snapshot) string {
	var names []string
	for _, c := range s.Sources {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

// TestSpacesLinks: an interface is not called what another namespace's was, which had its place and number.
func TestSpacesLinks(t *testing.T) {
	bound := connection(2)
	bound.Interface = 5
	web, peer := fakeSpace("web", 4097, bound)
	peer.Links = map[uint32]string{5: "veth0"}
	b, h := newSpacesBench(t, web)
	s := b.after(time.Second)
	if got := s.Interfaces[model.LinkID{NetNS: 1, Index: 5}].String(); got != "veth0" {
		t.Fatalf("%q", got)
	}
	b.Release(s)
	h.others = nil
	for range 3 {
		b.Release(b.after(time.Second))
	}
	bound = connection(3)
	bound.Interface = 5
	db, _ := fakeSpace("db", 5000, bound) // which has no name for it: it was taken away
	h.others = []*Space{db}
	s = b.after(time.Second)
	if in(s, "db") != "3" || s.Sockets[1].NetNS != 1 {
		t.Fatalf("db %q, %+v", in(s, "db"), s.NetNS)
	}
	if name, known := s.Interfaces[model.LinkID{NetNS: 1, Index: 5}]; known {
		t.Errorf("it is called %s", name)
	}
}

package sampler

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sockview/model"
	"sockview/sampler/diag"
	"sockview/sampler/diag/diagtest"
)

// told is a Listener that says what the test has it say, and then fails.
type told struct {
	endings []model.Ending
	heard   diag.Heard
	err     error
}

func (s *told) Next(fn func(*model.Ending)) (diag.Heard, error) {
	for i := range s.endings {
		fn(&s.endings[i])
	}
	s.endings = nil
	return s.heard, s.err
}

var errDeaf = errors.New("the test is over")

func (s *told) Close() error { return nil }

// connection is a TCP connection, and ended its end.
func connection(cookie uint64) model.Socket {
	a := model.Addr{10: 0xff, 11: 0xff, 12: 192, 13: 0, 14: 2, 15: 1}
	return model.Socket{Cookie: cookie, Local: a, Remote: a, LocalPort: 443, RemotePort: uint16(cookie), Inode: 1000 + uint32(cookie),
		Sent: 1, Received: 2, Has: model.HasBytes | model.HasQueues, Proto: model.TCP, Family: model.IPv4, State: model.Established}
}

func endOf(s model.Socket, sent, received uint64) model.Ending {
	s.Inode, s.State, s.Sent, s.Received, s.RecvQ = 0, model.Close, sent, received, 1
	return model.Ending{Socket: s, Controls: 2}
}

// trouble is what the snapshot says of closings.
func trouble(s *model.Snapshot) string {
	for i := range s.Sources {
		if s.Sources[i].Name == "closings" {
			return s.Sources[i].Err.Error()
		}
	}
	return ""
}

func TestClosingsAreFolded(t *testing.T) {
	listener := &told{err: errDeaf}
	own := uint64(3)
	b := newBench(t, func(c *Config) {
		c.Own = func(cookie uint64) bool { return cookie == own }
	})
	b.peer.Set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{connection(1)}})
	if s := b.after(time.Second); len(s.Sockets) != 1 || trouble(s) != "" {
		t.Fatalf("%d rows, %q", len(s.Sockets), trouble(s))
	}
	listener.endings = []model.Ending{endOf(connection(1), 100, 51), endOf(connection(2), 200, 61), endOf(connection(own), 1, 1)}
	listener.heard.Lost = 7
	b.ends.run(listener, 0, model.Text{})
	b.ends.deaf = nil // the listener goes on
	s := b.after(time.Second)
	if len(s.Sockets) != 2 || s.Counts.Endpoints != 0 || trouble(s) != "7 lost" {
		t.Fatalf("%d rows, %d live, %q", len(s.Sockets), s.Counts.Endpoints, trouble(s))
	}
	for i, want := range []uint64{100, 200} {
		if r := &s.Sockets[i]; !r.Dead || r.Sent != want || r.Received != want/2-uint64(i)*40 {
			t.Errorf("%+v", *r)
		}
	}
	if s = b.after(time.Second); trouble(s) != "" {
		t.Errorf("still %q", trouble(s))
	}
}

// Why nobody listens is said as long as it is so, and the dumps do without.
func TestClosingsDeaf(t *testing.T) {
	b := newBench(t, func(c *Config) { c.Deaf = diag.ErrUnsupported })
	b.peer.Set(model.TCP, model.IPv4, diagtest.Answer{Sockets: []model.Socket{connection(1)}})
	for range 2 {
		if s := b.after(time.Second); len(s.Sockets) != 1 || trouble(s) != diag.ErrUnsupported.Error() || s.Lacks(model.TableSockets) {
			t.Errorf("%d rows, %q", len(s.Sockets), trouble(s))
		}
	}
}

// TestFault09ClosingsAreBounded: a listener that hears more than there is room for counts the rest.
func TestFault09ClosingsAreBounded(t *testing.T) {
	c := &closings{}
	e := endOf(connection(1), 1, 1)
	for range maxEndings + 9 {
		c.add(&e)
	}
	n := 0
	source := c.fold(func(*model.Ending) { n++ })
	if n != maxEndings || source.Err == nil || source.Err.Error() != "9 lost" {
		t.Errorf("folded %d, %v", n, source.Err)
	}
	if source = c.fold(func(*model.Ending) { n++ }); n != maxEndings || source.Err != nil || cap(c.spare) > keptEndings {
		t.Errorf("folded %d, %v, kept %d", n, source.Err, cap(c.spare))
	}
}

// The listener never waits for the polls, nor they for it.
func TestClosingsTogether(t *testing.T) {
	c := &closings{}
	e := endOf(connection(1), 1, 1)
	const n = 20_000
	var done sync.WaitGroup
	done.Go(func() {
		for range n {
			c.add(&e)
		}
	})
	got := 0
	for range 100 {
		c.fold(func(*model.Ending) { got++ })
	}
	done.Wait()
	c.fold(func(*model.Ending) { got++ })
	if got != n {
		t.Errorf("folded %d of %d", got, n)
	}
}

func TestClosingsFailure(t *testing.T) {
	c := &closings{}
	c.run(&told{err: unix.EBADF}, 0, model.Text{})
	if source := c.fold(func(*model.Ending) {}); !errors.Is(source.Err, unix.EBADF) || strings.Contains(source.Err.Error(), "lost") {
		t.Errorf("%+v", source)
	}
}

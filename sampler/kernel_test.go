package sampler

// The whole way from the running kernel to a snapshot, in a network namespace of the test's own.

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"sockview/model"
	"sockview/sampler/diag"
)

// ownNamespace moves the test into a new network namespace with its loopback up. The thread is lost with it: it
// must not run anything else afterwards.
func ownNamespace(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes a network namespace")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("needs the right to make a network namespace: %v", err)
	}
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// pair is a connection over loopback, both ends.
func pair(t *testing.T, network, address string) (l net.Listener, server, client *net.TCPConn) {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(); s.Close(); c.Close() })
	return l, s.(*net.TCPConn), c.(*net.TCPConn)
}

func send(t *testing.T, from, to net.Conn, n int) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := from.Write(make([]byte, n))
		done <- err
	}()
	if _, err := io.ReadFull(to, make([]byte, n)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func between(s *model.Snapshot, local, remote net.Addr) *model.Socket {
	for i := range s.Sockets {
		r := &s.Sockets[i]
		if int(r.LocalPort) == local.(*net.TCPAddr).Port && int(r.RemotePort) == remote.(*net.TCPAddr).Port {
			return r
		}
	}
	return nil
}

func TestRealKernel(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(address, func(t *testing.T) {
			ownNamespace(t)
			k, err := Open(Options{})
			if err != nil {
				t.Fatal(err)
			}
			_, server, client := pair(t, "tcp", address)
			const up, down = 100_000, 3_456_789
			send(t, client, server, up)
			send(t, server, client, down)

			s := k.Sample(context.Background(), time.Minute, 0)
			if got := s.Counts.Endpoints; got != 3 {
				t.Errorf("%d endpoints, want a listener and two ends", got)
			}
			for _, end := range []struct {
				conn           *net.TCPConn
				sent, received uint64
			}{{client, up, down}, {server, down, up}} {
				r := between(s, end.conn.LocalAddr(), end.conn.RemoteAddr())
				if r == nil {
					t.Fatalf("no socket %v - %v", end.conn.LocalAddr(), end.conn.RemoteAddr())
				}
				if r.State != model.Established || r.Has&model.HasBytes == 0 || r.Sent != end.sent || r.Received != end.received {
					t.Errorf("%v: %v sent %d received %d, want %d and %d", end.conn.LocalAddr(), r.State, r.Sent, r.Received, end.sent, end.received)
				}
				if p := s.HolderOf(r); p == nil || int(p.PID) != os.Getpid() {
					t.Errorf("%v: owner %+v (%v), want this process", end.conn.LocalAddr(), p, r.Why)
				}
			}
			me := s.HolderOf(between(s, client.LocalAddr(), client.RemoteAddr()))
			if me.Sent != up+down || me.Received != up+down || me.Sockets != 3 || me.Established != 2 || me.Listening != 1 {
				t.Errorf("this process: %+v", me)
			}
			closing := s.TargetOf(between(s, client.LocalAddr(), client.RemoteAddr()))
			k.Release(s)

			// What a closed connection moved stays with its process, and its row says that it closed.
			if err := k.Destroy(closing); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Read(make([]byte, 1)); err == nil {
				t.Error("the closed connection can still be read")
			}
			if err := k.Destroy(closing); !errors.Is(err, unix.ENOENT) && !errors.Is(err, diag.ErrUnsupported) {
				t.Errorf("closing it again: %v", err)
			}
			server.SetLinger(0) //nolint:errcheck // the reset is already there
			server.Close()
			s = k.Sample(context.Background(), time.Minute, 0)
			r := between(s, client.LocalAddr(), client.RemoteAddr())
			if r == nil || !r.Dead && r.State != model.Close {
				t.Errorf("the closed connection is %+v", r)
			}
			if me = s.HolderOf(between(s, client.LocalAddr(), client.RemoteAddr())); me == nil || me.Sent != up+down {
				t.Errorf("after closing, this process is %+v; what it moved is lost", me)
			}
		})
	}
}

func TestRealKernelNamesInterfaces(t *testing.T) {
	ownNamespace(t)
	k, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.BindToDevice(fd, "lo"); err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: 5353, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	s := k.Sample(context.Background(), time.Minute, 0)
	if len(s.Sockets) != 1 {
		t.Fatalf("%d sockets, want 1", len(s.Sockets))
	}
	if name := s.Interfaces[model.LinkID{Index: s.Sockets[0].Interface}].String(); name != "lo" {
		t.Errorf("the socket is bound to interface %q, want lo", name)
	}
}

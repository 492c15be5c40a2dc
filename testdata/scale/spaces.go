package main

// Many network namespaces: a process in each, with connections over its loopback, as containers have. What a round costs in
// which every one of them is asked, beside the bare dumps of the same namespaces.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"sockview/model"
)

const (
	tenantConnections = 100                     // of each namespace: twice as many sockets, and a listener of each family
	tenantSockets     = 2*tenantConnections + 2 //
	tenantEachSix     = 4                       // one in so many is IPv6
	alone             = unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWNET
)

// seclude makes the observer see its own processes and namespaces and nobody else's: it was started alone.
func seclude() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making the mounts its own: %w", err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("mounts: %w", err)
	}
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if kind := strings.Index(line, " - nsfs "); kind < 0 || len(fields) < 5 {
			continue
		}
		if err := unix.Unmount(fields[4], unix.MNT_DETACH); err != nil {
			return fmt.Errorf("leaving %s: %w", fields[4], err)
		}
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("a /proc of its own: %w", err)
	}
	return nil
}

// tenants are the processes in the namespaces.
type tenants []*exec.Cmd

// settleTenants starts so many, and waits until all their connections stand.
func settleTenants(n int) (all tenants, err error) {
	for range n {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), role+"=tenant")
		cmd.Stderr = os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: unix.SIGKILL}
		_, err := cmd.StdinPipe()
		var out io.ReadCloser
		if err == nil {
			out, err = cmd.StdoutPipe()
		}
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			return all, errors.Join(fmt.Errorf("starting a process in a namespace: %w", err), all.end())
		}
		all = append(all, cmd)
		if word, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			return nil, errors.Join(fmt.Errorf("a process in a namespace says %q: %w", word, err), all.end())
		}
	}
	return all, nil
}

func (t tenants) end() error {
	var errs []error
	for _, cmd := range t {
		errs = append(errs, cmd.Process.Kill())
		cmd.Wait() //nolint:errcheck // it was killed
	}
	return errors.Join(errs...)
}

// inhabit is a tenant's whole life; it returns the exit code.
func inhabit() int {
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		return fail(fmt.Errorf("bringing lo up: %w", err))
	}
	quiet := net.ListenConfig{KeepAlive: -1}
	var doors [tenantEachSix]net.Listener
	for i, address := range [...]string{"[::1]:0", "127.0.0.1:0"} {
		if doors[i], err = quiet.Listen(context.Background(), "tcp", address); err != nil {
			return fail(err)
		}
	}
	dial := net.Dialer{KeepAlive: -1}
	var ends []net.Conn
	for i := range tenantConnections {
		door := doors[min(i%tenantEachSix, 1)]
		c, err := dial.Dial("tcp", door.Addr().String())
		if err != nil {
			return fail(err)
		}
		s, err := door.Accept()
		if err != nil {
			return fail(err)
		}
		ends = append(ends, c, s)
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin) //nolint:errcheck // it ends with the observer at the latest
	runtime.KeepAlive(ends)
	return 0
}

// bareInside opens the bare dump's socket in the namespace of a process.
func bareInside(pid int) (b *bareDump, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // it ends with the thread, which is lost to the namespace
		var fd int
		if fd, err = unix.Open(fmt.Sprintf("/proc/%d/ns/net", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return
		}
		defer unix.Close(fd)
		if err = unix.Setns(fd, unix.CLONE_NEWNET); err == nil {
			b, err = openBare()
		}
	}()
	<-done
	if err != nil {
		return nil, fmt.Errorf("the namespace of process %d: %w", pid, err)
	}
	return b, nil
}

// bareRound are the bare dumps of several namespaces, into the same buffer.
type bareRound []*bareDump

func (r bareRound) all() (sockets int, err error) {
	for _, b := range r {
		b.buf = r[0].buf
		n, err := b.all()
		if err != nil {
			return 0, err
		}
		sockets += n
	}
	return sockets, nil
}

func (r bareRound) close() {
	for _, b := range r {
		b.close()
	}
}

// namespaces is what many of them cost.
func (o *observer) namespaces() (err error) {
	if err := seclude(); err != nil {
		return err
	}
	n := o.order.settings().namespaces()
	all, err := settleTenants(n)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.end()) }()
	if err := errors.Join(o.report("namespaces", float64(n)), o.ownTick(), o.rounds(all)); err != nil {
		return err
	}
	o.netns = "all"
	return o.resting()
}

// ownTick is a tick of our own namespace alone, which has no sockets.
func (o *observer) ownTick() error {
	s, err := startSampling(model.Demand{})
	if err != nil {
		return err
	}
	defer s.end()
	var took durations
	for range o.counts.ticks {
		one, err := s.next()
		if err != nil {
			return err
		}
		took = append(took, one.took)
	}
	return o.report("own", millis(took[1:].median()))
}

// rounds are ticks in which all namespaces are asked, and the bare dumps of all.
func (o *observer) rounds(all tenants) error {
	var bare bareRound
	defer func() { bare.close() }()
	for _, cmd := range all {
		b, err := bareInside(cmd.Process.Pid)
		if err != nil {
			return err
		}
		bare = append(bare, b)
	}
	s, err := startSampling(model.Demand{NetNS: "all"})
	if err != nil {
		return err
	}
	defer s.end()
	if err := s.settle(); err != nil {
		return err
	}
	t, err := takeInTurn(s, bare.all, 1, o.counts.ticks)
	if err != nil {
		return err
	}
	if want := tenantSockets * len(all); t.sockets != want {
		return fmt.Errorf("%d sockets are shown of %d namespaces, and %d are there", t.sockets, len(all), want)
	}
	return o.reportTicks(t)
}

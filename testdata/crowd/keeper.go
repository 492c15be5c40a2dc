package main

// The keeper: the first process of the namespace. It makes the namespace ready, starts the crew, waits until the crowd
// stands, holds it or runs the command, and ends it all.

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	standTime = 2 * time.Minute // within which the crowd has to stand
	graceTime = 5 * time.Second // from SIGTERM to SIGKILL for a command that has to end
)

// event is a word of one of the crew, or its end.
type event struct {
	name  string
	word  string
	ended bool
	err   error // of an end
}

// hand is a process of the crew, as the keeper sees it.
type hand struct {
	cmd    *exec.Cmd
	orders *json.Encoder
}

// keeper is the state of the keeper.
type keeper struct {
	settings settings
	crew     []hand
	ended    int            // of the crew
	said     map[string]int // how many have said each word
	events   chan event
	signals  chan os.Signal
}

// keep is the keeper's whole life; it returns the exit code.
func keep(args []string) int {
	s, code, ok := parse(args)
	if !ok {
		return code
	}
	k := &keeper{settings: s, said: map[string]int{}, events: make(chan event, s.processes),
		signals: make(chan os.Signal, 8)}
	signal.Notify(k.signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	start := time.Now()
	err := k.stand()
	if err == nil {
		code, err = k.hold(time.Since(start))
	}
	k.end()
	if err != nil {
		return fail(err)
	}
	return code
}

// namespace makes a new network namespace ready: loopback up, room for ports and for connections not yet accepted.
func namespace() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("finding lo: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("bringing lo up: %w", err)
	}
	for _, sysctl := range []struct{ path, value string }{
		{"/proc/sys/net/ipv4/ip_local_port_range", "10000 65535"},
		{"/proc/sys/net/core/somaxconn", fmt.Sprint(backlog)},
	} {
		if err := os.WriteFile(sysctl.path, []byte(sysctl.value), 0); err != nil {
			return fmt.Errorf("setting up the namespace: %w", err)
		}
	}
	return nil
}

// stand makes the crowd.
func (k *keeper) stand() error {
	if err := namespace(); err != nil {
		return err
	}
	plan, err := newPlan(k.settings)
	if err != nil {
		return err
	}
	late := time.After(standTime)
	for i, order := range plan.servers {
		if err := k.start("server", i, order); err != nil {
			return err
		}
	}
	if err := k.gather(late, wordReady, len(plan.servers)); err != nil {
		return err
	}
	for i, order := range plan.clients {
		if err := k.start("client", i, order); err != nil {
			return err
		}
	}
	if err := k.gather(late, wordStands, len(k.crew)); err != nil {
		return err
	}
	for _, h := range k.crew[len(plan.servers):] {
		if err := h.orders.Encode(true); err != nil {
			return fmt.Errorf("telling %s to begin: %w", h.cmd.Args[0], err)
		}
	}
	return nil
}

// start starts process i of a role and gives it its order.
func (k *keeper) start(as string, i int, order any) error {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args[0] = crewName(as, i)
	cmd.Env = append(os.Environ(), role+"="+as, "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	// A group of its own: what is typed at the terminal is for the command, or for the keeper.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL, Setpgid: true}
	orders, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("starting %s: %w", cmd.Args[0], err)
	}
	words, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("starting %s: %w", cmd.Args[0], err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", cmd.Args[0], err)
	}
	h := hand{cmd, json.NewEncoder(orders)}
	k.crew = append(k.crew, h)
	go k.listen(cmd, words)
	if err := h.orders.Encode(order); err != nil {
		return fmt.Errorf("giving %s its order: %w", cmd.Args[0], err)
	}
	return nil
}

// listen passes on what one of the crew says, and then how it ended.
func (k *keeper) listen(cmd *exec.Cmd, words io.Reader) {
	lines := bufio.NewScanner(words)
	for lines.Scan() {
		k.events <- event{name: cmd.Args[0], word: lines.Text()}
	}
	k.events <- event{name: cmd.Args[0], ended: true, err: errors.Join(lines.Err(), cmd.Wait())}
}

// note takes in an event. One of the crew that fails, or ends before it was told to, is an error.
func (k *keeper) note(e event) error {
	if reason, failed := strings.CutPrefix(e.word, wordFailed); failed {
		return fmt.Errorf("%s: %s", e.name, reason)
	}
	if !e.ended {
		k.said[e.word]++
		return nil
	}
	k.ended++
	if e.err != nil {
		return fmt.Errorf("%s ended: %w", e.name, e.err)
	}
	return fmt.Errorf("%s ended", e.name)
}

// gather waits until a word was said count times.
func (k *keeper) gather(late <-chan time.Time, word string, count int) error {
	for k.said[word] < count {
		select {
		case e := <-k.events:
			if err := k.note(e); err != nil {
				return err
			}
		case s := <-k.signals:
			return fmt.Errorf("%v came before the crowd stood", s)
		case <-late:
			return fmt.Errorf("after %v only %d of %d processes say %q", standTime, k.said[word], count, word)
		}
	}
	return nil
}

// hold keeps the crowd until its end has come: that of the command, where there is one. It returns the exit code.
func (k *keeper) hold(took time.Duration) (int, error) {
	over := time.After(k.settings.hold)
	if len(k.settings.command) > 0 {
		return k.run(over)
	}
	fmt.Printf("crowd: %d connections and %d UDP sockets stand after %.1f s, in %d processes; "+
		"nsenter --net=/proc/%d/ns/net\n",
		k.settings.connections, k.settings.udp, took.Seconds(), len(k.crew), os.Getpid())
	closed := make(chan error, 1)
	if _, err := unix.IoctlGetTermios(unix.Stdin, unix.TCGETS); k.settings.stdin && err != nil {
		go func() {
			_, err := io.Copy(io.Discard, os.Stdin)
			closed <- err
		}()
	}
	for {
		select {
		case e := <-k.events:
			if err := k.note(e); err != nil {
				return 1, err
			}
		case err := <-closed:
			if err != nil {
				return 1, fmt.Errorf("waiting for standard input to be closed: %w", err)
			}
			return 0, nil
		case <-k.signals:
			return 0, nil
		case <-over:
			return 0, nil
		}
	}
}

// run runs the command among the crowd and returns its exit code.
func (k *keeper) run(over <-chan time.Time) (int, error) {
	cmd := exec.Command(k.settings.command[0], k.settings.command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, role+"=") })
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		return 1, fmt.Errorf("running the command: %w", err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	var kill <-chan time.Time
	var failure error // why the command has to end before its time
	stop := func(why error) error {
		if failure != nil {
			return nil
		}
		failure, kill = why, time.After(graceTime)
		return cmd.Process.Signal(unix.SIGTERM)
	}
	for {
		var err error
		select {
		case waited := <-done:
			code, err := exitCode(waited)
			return code, errors.Join(failure, err)
		case e := <-k.events:
			if why := k.note(e); why != nil {
				err = stop(why)
			}
		case s := <-k.signals:
			// ^C has reached the command too, and what it means there is the command's own affair.
			if s != unix.SIGINT {
				err = cmd.Process.Signal(s)
			}
		case <-over:
			err = stop(fmt.Errorf("the command did not end within %v", k.settings.hold))
		case <-kill:
			err = cmd.Process.Kill()
		}
		if err != nil && !errors.Is(err, os.ErrProcessDone) {
			return 1, fmt.Errorf("ending the command: %w", err)
		}
	}
}

// end ends the crew and waits for it.
func (k *keeper) end() {
	for _, h := range k.crew {
		// One that has ended already is what is wanted; the keeper's own end would take any other with it.
		_ = h.cmd.Process.Kill()
	}
	for k.ended < len(k.crew) {
		if e := <-k.events; e.ended {
			k.ended++
		}
	}
}

// Command crowd makes a crowd of loopback connections in a network namespace of its own and holds it, so that sockview
// can be seen, tested and measured at scale without touching the host's own network:
//
//	go run ./testdata/crowd -n 48000                      # stands until ^C or -for; prints how to enter it
//	go run ./testdata/crowd -n 48000 -- ./sockview -antp  # runs a command among it and ends with it
//
// Each connection is two sockets, held by several server and client processes with keepalive off. UDP sockets stand
// beside them; connections that come and go (-churn) and that carry data (-senders) are asked for. Everything is
// bounded, ends by itself, and nothing outlives the process that was started. It needs root, or CAP_SYS_ADMIN and
// CAP_NET_ADMIN, for the namespace.
//
// Three roles are one program: the process a user starts; the keeper, which it starts in the new namespace (keeper.go);
// and the crew, the servers and clients that the keeper starts there (crew.go, server.go, client.go). What each of the
// crew has to do is decided beforehand (plan.go).
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// role is the environment variable that tells a re-executed process what it is.
const role = "CROWD_ROLE"

func main() {
	// A parent-death signal comes when the thread that forked ends, so all are started from one that stays.
	runtime.LockOSThread()
	switch os.Getenv(role) {
	case "":
		os.Exit(lead(os.Args[1:]))
	case "keeper":
		os.Exit(keep(os.Args[1:]))
	case "server":
		os.Exit(crew(serve))
	case "client":
		os.Exit(crew(visit))
	}
	os.Exit(fail(fmt.Errorf("%s=%q is not a role", role, os.Getenv(role))))
}

// fail says in one line why nothing came of it, and returns the exit code.
func fail(err error) int {
	fmt.Fprintln(os.Stderr, "crowd:", err)
	return 1
}

// lead is the process a user starts: it checks the flags, starts the keeper in a new network namespace, hands on
// signals, and returns the keeper's exit code.
func lead(args []string) int {
	if _, code, ok := parse(args); !ok {
		return code
	}
	// Caught from here on: none may end this process and leave the keeper to be killed in the middle of its work.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	keeper := exec.Command("/proc/self/exe", args...)
	keeper.Args[0] = "crowd-keeper"
	keeper.Env = append(os.Environ(), role+"=keeper")
	keeper.Stdin, keeper.Stdout, keeper.Stderr = os.Stdin, os.Stdout, os.Stderr
	keeper.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: unix.SIGKILL}
	switch err := keeper.Start(); {
	case errors.Is(err, unix.EPERM):
		return fail(errors.New("needs root, or CAP_SYS_ADMIN and CAP_NET_ADMIN, to make a network namespace"))
	case err != nil:
		return fail(fmt.Errorf("starting the keeper in a network namespace: %w", err))
	}
	go func() {
		for s := range signals {
			// The keeper that has just ended needs no signal; any other error would be a signal it cannot get.
			if err := keeper.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
				fail(fmt.Errorf("handing %v to the keeper: %w", s, err))
			}
		}
	}()
	code, err := exitCode(keeper.Wait())
	if err != nil {
		return fail(fmt.Errorf("the keeper: %w", err))
	}
	return code
}

// exitCode is what a shell makes of how a process ended: its code, or 128 and the signal. An error is one of waiting.
func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0, err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}

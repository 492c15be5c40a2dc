package main

// The whole program, for which the test binary stands in; commands run among the crowd look at it from inside.

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// standIn tells the test binary to be the program.
const standIn = "CROWD_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(standIn) != "" || os.Getenv(role) != "" {
		main()
	}
	os.Exit(m.Run())
}

// crowd is the program, not yet started.
func crowd(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, self, args...)
	// Under -race each process would else wait a second at its end.
	cmd.Env = append(os.Environ(), standIn+"=1", "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	return cmd
}

// result is how a run of the program ended.
type result struct {
	out, err string
	code     int
}

func finish(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{out.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// needsNamespaces skips a test where no network namespace can be made.
func needsNamespaces(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes a network namespace")
	}
}

// count counts the rows of /proc/net/{tcp,udp}{,6} in a state (01 is ESTABLISHED, 0A LISTEN; of UDP 07 is unconnected).
func count(tables, state string) int {
	n := 0
	for line := range strings.Lines(tables) {
		if f := strings.Fields(line); len(f) > 3 && f[3] == state {
			n++
		}
	}
	return n
}

func TestCrowdStands(t *testing.T) {
	needsNamespaces(t)
	for _, test := range []struct {
		args          []string
		tcp4, tcp6    int // established sockets
		bound, joined int // UDP
	}{
		{[]string{"-n", "400"}, 600, 200, 4, 4},
		{[]string{"-n", "60", "-6", "0", "-udp", "7", "-senders", "6"}, 120, 0, 4, 3},
		{[]string{"-n", "60", "-6", "100", "-udp", "0", "-processes", "5"}, 0, 120, 0, 0},
		{[]string{"-n", "0", "-udp", "0"}, 0, 0, 0, 0},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			tables := map[string]string{}
			for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
				r := finish(t, crowd(t, append(test.args, "--", "cat", "/proc/net/"+table)...))
				if r.code != 0 || r.err != "" {
					t.Fatalf("code %d, said %q", r.code, r.err)
				}
				tables[table] = r.out
			}
			got := fmt.Sprint(count(tables["tcp"], "01"), count(tables["tcp6"], "01"),
				count(tables["udp"]+tables["udp6"], "07"), count(tables["udp"]+tables["udp6"], "01"))
			if want := fmt.Sprint(test.tcp4, test.tcp6, test.bound, test.joined); got != want {
				t.Errorf("TCP, TCP over IPv6, UDP bound, UDP connected: %s, want %s", got, want)
			}
			if listening := tables["tcp"] + tables["tcp6"]; count(listening, "0A") == 0 {
				t.Error("nobody listens")
			}
		})
	}
}

// TestCommand is about exit codes, what the command sees, and that it is told apart from the crowd's own failures.
func TestCommand(t *testing.T) {
	needsNamespaces(t)
	for _, test := range []struct {
		name, script string
		args         []string
		code         int
		out, err     string
	}{
		{name: "its code is the code", script: "exit 7", code: 7},
		{name: "killed", script: "kill -9 $$", code: 128 + 9},
		{name: "it is no part of the crew", script: `echo "role=$` + role + `"`, out: "role=\n"},
		{name: "the crew has names",
			script: "for p in $(cat /proc/$PPID/task/*/children); do cat /proc/$p/comm; done | grep crowd- | sort",
			out:    "crowd-app\ncrowd-cache\ncrowd-db\ncrowd-proxy\ncrowd-web\ncrowd-worker\n"},
		{name: "it has to end with the crowd", args: []string{"-for", "50ms"}, script: "exec cat /dev/zero >/dev/null",
			code: 1, err: "crowd: the command did not end within 50ms\n"},
		{name: "TIME_WAITs arise", args: []string{"-churn", "200"},
			script: `until [ $(grep -c ' 06 ' /proc/net/tcp) -gt 20 ]; do :; done`},
		{name: "bytes flow", args: []string{"-senders", "10", "-rate", "100000"},
			script: `until [ $(awk '/lo:/ {print $2}' /proc/net/dev) -gt 500000 ]; do :; done`},
		{name: "too few files", args: []string{"-n", "500", "-processes", "1"}, script: "exit 0", code: 1,
			err: "too many open files"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := crowd(t, append(append([]string{"-n", "20"}, test.args...), "--", "sh", "-c", test.script)...)
			if test.name == "too few files" {
				cmd = limited128(t, cmd)
			}
			r := finish(t, cmd)
			if r.code != test.code || r.out != test.out || !strings.Contains(r.err, test.err) {
				t.Errorf("code %d, printed %q, said %q; want code %d, %q, %q",
					r.code, r.out, r.err, test.code, test.out, test.err)
			}
			if lines := strings.Count(r.err, "\n"); lines > 1 || (test.err == "" && lines > 0) {
				t.Errorf("said %q", r.err)
			}
		})
	}
}

// limited128 runs a command under a limit of 128 open files.
func limited128(t *testing.T, cmd *exec.Cmd) *exec.Cmd {
	t.Helper()
	args := append([]string{"-c", `ulimit -n 128 && exec "$0" "$@"`}, cmd.Args...)
	sh := exec.CommandContext(t.Context(), "sh", args...)
	sh.Env = cmd.Env
	return sh
}

// TestHeld is a crowd without a command: it says how to enter it, and ends by each of its ways with code 0. Nothing of
// it is left: that its output ends shows that every process which inherited the pipe has gone.
func TestHeld(t *testing.T) {
	needsNamespaces(t)
	for _, test := range []struct {
		name string
		args []string
		end  func(p *os.Process, stdin io.Closer) error
	}{
		{"by -for", []string{"-for", "50ms"}, func(*os.Process, io.Closer) error { return nil }},
		{"by SIGTERM", nil, func(p *os.Process, _ io.Closer) error { return p.Signal(unix.SIGTERM) }},
		{"by SIGINT", nil, func(p *os.Process, _ io.Closer) error { return p.Signal(unix.SIGINT) }},
		{"by its input", []string{"-stdin"}, func(_ *os.Process, stdin io.Closer) error { return stdin.Close() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := crowd(t, append([]string{"-n", "50"}, test.args...)...)
			stdin, stdout := pipes(t, cmd)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := stdout.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(line, "50 connections") || !strings.Contains(line, "nsenter --net=/proc/") {
				t.Errorf("it says %q", line)
			}
			if err := test.end(cmd.Process, stdin); err != nil {
				t.Fatal(err)
			}
			if rest, err := io.ReadAll(stdout); err != nil || len(rest) > 0 {
				t.Errorf("it goes on: %q, %v", rest, err)
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestKilled: when the process that was started is killed, the crew goes with it.
func TestKilled(t *testing.T) {
	needsNamespaces(t)
	cmd := crowd(t, "-n", "50")
	_, stdout := pipes(t, cmd)
	var stderr io.ReadCloser // held by all of the crew
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if said, err := io.ReadAll(stderr); err != nil || len(said) > 0 {
		t.Errorf("it said %q, %v", said, err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("killed, and ended well")
	}
}

func pipes(t *testing.T, cmd *exec.Cmd) (io.WriteCloser, *bufio.Reader) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	return stdin, bufio.NewReader(stdout)
}

func TestRefused(t *testing.T) {
	for _, args := range [][]string{
		{"-n", "500001"}, {"-n", "-1"}, {"-6", "101"}, {"-churn", "4001"}, {"-for", "2h"}, {"-for", "0s"},
		{"-n", "5", "-senders", "6"}, {"-processes", "65"}, {"-rate", "1"}, {"-udp", "50001"}, {"-nonsense"},
	} {
		if r := finish(t, crowd(t, args...)); r.code != 2 || r.err == "" || r.out != "" {
			t.Errorf("%v: code %d, printed %q, said %q", args, r.code, r.out, r.err)
		}
	}
}

func TestWithoutTheRight(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("needs a user without rights")
	}
	r := finish(t, crowd(t, "-n", "1"))
	if r.code != 1 || !strings.HasPrefix(r.err, "crowd: needs root") || strings.Count(r.err, "\n") != 1 {
		t.Errorf("code %d, said %q", r.code, r.err)
	}
}

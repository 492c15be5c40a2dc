package act

import (
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// TestFault37Rank: pid 1, sockview itself and kernel threads are never signalled; what it runs under, only when it is
// typed out.
func TestFault37Rank(t *testing.T) {
	me := os.Getpid()
	const shell, tmux, sshd, loop1, other, kthread = 5_000_001, 5_000_002, 5_000_003, 5_000_004, 5_000_005, 5_000_006
	tree := map[int]string{
		1:       statText("systemd", 'S', 0, 0x400100, 1),
		me:      statText("sockview", 'R', shell, 0, 9),
		shell:   statText("ba) S 1 (sh", 'S', tmux, 0, 8),
		tmux:    statText("tmux\x1b[2J", 'S', sshd, 0, 7),
		sshd:    statText("sshd", 'S', 1, 0, 6),
		other:   statText("nginx", 'S', 1, 0, 5),
		kthread: statText("kworker/0:1", 'I', 2, pfKthread|0x8040, 4),
	}
	for _, c := range []struct {
		name  string
		pid   int
		guard model.Guard
		says  string
	}{
		{"init", 1, model.NeverTouch, "init"},
		{"ourselves", me, model.NeverTouch, "sockview itself"},
		{"kernel thread", kthread, model.NeverTouch, "kworker/0:1"},
		{"a process group", -4, model.NeverTouch, "not the pid"},
		{"every process", -1, model.NeverTouch, "not the pid"},
		{"the shell", shell, model.AskTyped, "ba) S 1 (sh"},
		{"tmux", tmux, model.AskTyped, `tmux\x1b[2J`},
		{"sshd", sshd, model.AskTyped, "sshd"},
		{"a server", other, model.Unguarded, ""},
		{"nobody", loop1, model.Unguarded, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := New(fakeProc(t, tree), nil).Rank(model.SignalTarget{PID: int32(c.pid)})
			if got.Guard != c.guard || !strings.Contains(got.Reason, c.says) || (c.says == "") != (got.Reason == "") {
				t.Errorf("got %+v", got)
			}
		})
	}

	t.Run("a parent that /proc hides", func(t *testing.T) {
		root := fakeProc(t, map[int]string{me: tree[me]})
		got := New(root, nil).Rank(model.SignalTarget{PID: shell})
		if got.Guard != model.AskTyped || !strings.Contains(got.Reason, "5000001") {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a circle ends", func(t *testing.T) {
		root := fakeProc(t, map[int]string{
			me: statText("x", 'R', loop1, 0, 1), loop1: statText("y", 'R', shell, 0, 1), shell: statText("z", 'R', loop1, 0, 1),
		})
		if got := New(root, nil).Rank(model.SignalTarget{PID: other}); got.Guard != model.Unguarded {
			t.Errorf("got %+v", got)
		}
	})
}

// TestFault37RankForReal: our own parent, as the kernel tells it.
func TestFault37RankForReal(t *testing.T) {
	if os.Getppid() <= 1 {
		t.Skip("needs a parent other than pid 1")
	}
	if got := actor().Rank(model.SignalTarget{PID: int32(os.Getppid())}); got.Guard != model.AskTyped {
		t.Errorf("the parent: %+v", got)
	}
	if got := actor().Rank(model.SignalTarget{PID: int32(child(t, "waits").Process.Pid)}); got.Guard != model.Unguarded {
		t.Errorf("a child: %+v", got)
	}
}

func TestParseStatus(t *testing.T) {
	got, err := parseStatus([]byte("Name:\tx\\nUid:\t0\nUid:\t1\t2\t3\t4\nNSpid:\t812\t1\nSigBlk:\t0000000000000001\n" +
		"SigIgn:\t0000000000004000\nSigCgt:\t8000000000000000\n"))
	want := credentials{real: 1, effective: 2, saved: 3, init: true, blocked: 1, ignored: 1 << 14, caught: 1 << 63}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range []string{"", "Name:\tx\n", "Uid:\t1\n", "Uid:\ta\tb\tc\td\n", "Uid:\t-1\t0\t0\t0\n"} {
		if _, err := parseStatus([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestHint(t *testing.T) {
	term := uint64(1) << (unix.SIGTERM - 1)
	for _, c := range []struct {
		name string
		now  checked
		sig  unix.Signal
		says string
	}{
		{"sleeping", checked{process{state: 'S'}, credentials{}}, unix.SIGTERM, ""},
		{"ignored", checked{process{state: 'S'}, credentials{ignored: term}}, unix.SIGTERM, "ignores TERM"},
		{"KILL cannot be ignored", checked{process{state: 'S'}, credentials{ignored: ^uint64(0)}}, unix.SIGKILL, ""},
		{"disk", checked{process{state: 'D'}, credentials{}}, unix.SIGKILL, "KILL acts when that ends"},
		{"traced", checked{process{state: 't'}, credentials{}}, unix.SIGTERM, "debugger"},
		{"stopped twice", checked{process{state: 'T'}, credentials{}}, unix.SIGSTOP, "already"},
		{"continued", checked{process{state: 'T'}, credentials{}}, unix.SIGCONT, ""},
		{"blocked", checked{process{state: 'S'}, credentials{blocked: term}}, unix.SIGTERM, "blocks TERM"},
		{"container", checked{process{state: 'S'}, credentials{init: true}}, unix.SIGTERM, "nothing will happen"},
		{"container that handles it", checked{process{state: 'S'}, credentials{init: true, caught: term}}, unix.SIGTERM, ""},
		{"container killed", checked{process{state: 'S'}, credentials{init: true}}, unix.SIGKILL, "everything in the container"},
	} {
		if got := hint(c.sig, c.now); !strings.Contains(got, c.says) || (got == "") != (c.says == "") {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("7 " + statText("a) S 1 (b", 'S', 4, pfKthread, 99)))
	f.Add([]byte("7 () S"))
	f.Add([]byte(")("))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parseStat(b)
		if err != nil && p != (process{}) {
			t.Errorf("an error and a value: %+v, %v", p, err)
		}
		if again := model.SafeText(p.name.String()); again != p.name {
			t.Errorf("name is not safe: %q", p.name)
		}
		if err != nil && errors.Is(err, os.ErrNotExist) {
			t.Error("a broken stat is not a process that is gone")
		}
	})
}

package act

import (
	"fmt"

	"sockview/model"
)

// maxAncestors bounds the walk to pid 1, against a /proc that lies in a circle.
const maxAncestors = 256

// ancestor is a process that sockview runs under.
type ancestor struct {
	pid  int32
	name model.Text // empty when /proc does not show it
}

// ancestors are the parents of sockview up to but without pid 1: the shell, sudo, tmux, sshd. A parent whose
// own stat is hidden (hidepid) is still named by its pid, and ends the walk.
func (a *Actor) ancestors() []ancestor {
	var up []ancestor
	p, err := a.stat(a.self)
	for err == nil && p.ppid > 1 && len(up) < maxAncestors {
		pid := p.ppid
		p, err = a.stat(pid)
		if err != nil {
			p.name = model.Text{}
		}
		up = append(up, ancestor{pid, p.name})
	}
	return up
}

// Rank says how readily t may be signalled. It does not say whether t still lives: Hold and Signal do.
func (a *Actor) Rank(t model.SignalTarget) (p model.Protection) {
	a.look(func() { p = a.rank(t) }) // hidepid hides who we run under
	return p
}

func (a *Actor) rank(t model.SignalTarget) model.Protection {
	if reason := a.refusal(t.PID); reason != "" {
		return model.Protection{Guard: model.NeverTouch, Reason: reason}
	}
	if p, err := a.stat(t.PID); err == nil && p.kernel {
		return model.Protection{Guard: model.NeverTouch, Reason: kernelThread(t.PID, p.name)}
	}
	for _, up := range a.ancestors() {
		if up.pid != t.PID {
			continue
		}
		name := "its parent"
		if !up.name.Empty() {
			name = up.name.String()
		}
		return model.Protection{Guard: model.AskTyped, Reason: fmt.Sprintf(
			"sockview runs under %s (pid %d): ending it may end this session", name, up.pid)}
	}
	return model.Protection{}
}

// refusal says why a process with this pid is never signalled, or "".
func (a *Actor) refusal(pid int32) string {
	switch {
	case pid <= 0: // to kill(2) these are process groups
		return fmt.Sprintf("%d is not the pid of a process", pid)
	case pid == 1:
		return "pid 1 is init: everything else depends on it, sockview does not signal it"
	case pid == a.self:
		return fmt.Sprintf("pid %d is sockview itself: leave it with q", pid)
	}
	return ""
}

func kernelThread(pid int32, name model.Text) string {
	return fmt.Sprintf("pid %d (%s) is a kernel thread: signals do not reach it", pid, name)
}

// Package containers says what containers are called: from the files that docker, podman, cri-o and the kubelet keep
// of them, read as they lie there. It never talks to a daemon, and runs nothing.
//
// Which container a process is in is package proc's: it is in the cgroup's path, by its id.
package containers

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"sockview/model"
)

const (
	// maxConfig bounds docker's file about one container, usually of 3 to 10 KiB.
	maxConfig = 1 << 20
	// maxStore bounds podman's file about all of a user's containers, about 500 bytes for each.
	maxStore = 8 << 20
	// maxListed is how many containers a directory or a file is believed to have.
	maxListed = 8192
	// maxUsers is how many users who are logged in may have containers of their own.
	maxUsers = 64
	// maxNameLen bounds a container's name, bytes; a pod's has its namespace, itself and the container, 63 to 253 each.
	maxNameLen = 600
	// patience is for how long a look is waited for.
	patience = 500 * time.Millisecond
)

// Names knows the containers of a host by their ids. It is used by one goroutine at a time.
type Names struct {
	root string
	look func(f func()) // runs f with the rights to read what is not ours

	patience time.Duration
	known    known
	flying   chan looked // a look that has not come back
}

// known is what one look leaves for the next.
type known struct {
	docker map[string]cached[[]container] // by path
	stores map[string]cached[[]container]
	pods   cached[map[string]string]
	daemon cached[string]
	passwd cached[map[string]string]
}

// cached is what was read of a file, and which file that was.
type cached[T any] struct {
	ident ident
	value T
	err   error
	seen  bool
}

// ident tells whether a file is the one it was: the runtimes put a new one in its place.
type ident struct {
	dev, ino     uint64
	size         int64
	mtime, ctime unix.Timespec
}

// container is what a runtime's file says of one.
type container struct {
	id, name string
	running  bool
	address  []netip.Addr
}

// Answer is what a look found.
type Answer struct {
	// Names are the containers that were asked for, by id, and have a name: "web"; of a pod
	// "namespace/pod/container"; of a user's own runtime "user/web".
	Names map[string]model.Text
	// At are the containers that run at an address of one of docker's networks, and no other does.
	At map[netip.Addr]model.Text
	// Err is what could not be made sense of: a file that is broken, or longer than it may be. That there is none, or
	// that it is not for us to read, is no error. It Is os.ErrDeadlineExceeded while a file system does not answer.
	Err error
}

type looked struct {
	answer  Answer
	known   known
	crashed *crash
}

// crash is a panic of a look, which goes on in who asked for it: only there can the terminal be given back.
type crash struct {
	value any
	stack []byte
}

func (c *crash) Error() string { return fmt.Sprintf("%v\n\n%s", c.value, c.stack) }

// At names the containers of the host whose files are under root: "/" for this one. look runs a function with the
// rights to read other users' files; nil: with those that we have.
func At(root string, look func(f func())) *Names {
	if look == nil {
		look = func(f func()) { f() }
	}
	return &Names{root: root, look: look, patience: patience}
}

// Look reads what has changed since the last time and answers for these ids, the 64 digits of each; addresses says
// whether At is wanted too. It does not wait for ever: while a look hangs, no other is begun.
func (n *Names) Look(ids []string, addresses bool) Answer {
	if n.flying == nil {
		if len(ids) == 0 && !addresses {
			return Answer{}
		}
		ids, was := slices.Clone(ids), n.known
		flying := make(chan looked, 1)
		n.flying = flying
		n.known = known{} // the look's, until it is back
		go func() {
			l := looked{}
			defer func() {
				if v := recover(); v != nil {
					l.crashed = &crash{v, debug.Stack()}
				}
				flying <- l
			}()
			n.look(func() { l.answer, l.known = n.answer(was, ids, addresses) })
		}()
	}
	late := time.NewTimer(n.patience)
	defer late.Stop()
	select {
	case l := <-n.flying:
		n.flying = nil
		if l.crashed != nil {
			panic(l.crashed)
		}
		n.known = l.known
		return l.answer
	case <-late.C:
		return Answer{Err: fmt.Errorf("reading the runtimes' files: %w", os.ErrDeadlineExceeded)}
	}
}

// answer does a look.
func (n *Names) answer(was known, ids []string, addresses bool) (Answer, known) {
	if was.docker == nil || len(was.docker) > 2*maxListed { // of those that are gone, what was known is left to lie
		was.docker, was.stores = make(map[string]cached[[]container]), make(map[string]cached[[]container])
	}
	r := &reader{root: n.root, known: was, names: make(map[string]string, len(ids))}
	for _, id := range ids {
		if IsID(id) {
			r.names[id] = ""
		}
	}
	r.open = len(r.names)
	r.podLinks()
	for _, dir := range r.dockers() {
		r.docker(dir, "", addresses)
	}
	r.podman("var/lib/containers/storage", "")
	if r.open > 0 { // whatever a user writes may name only what nobody else does
		for _, u := range r.users() {
			r.docker(filepath.Join(u.home, ".local/share/docker"), u.name+"/", false)
			r.podman(filepath.Join(u.home, ".local/share/containers/storage"), u.name+"/")
		}
	}
	a := Answer{Names: make(map[string]model.Text, len(ids)), Err: errors.Join(r.errs...)}
	for id, name := range r.names {
		if name != "" {
			a.Names[id] = model.SafeText(name)
		}
	}
	if addresses {
		a.At = r.at()
	}
	return a, r.known
}

// IsID says whether id is a container's: 64 hexadecimal digits. All that is made of an id here is a path.
func IsID(id string) bool {
	if len(id) != 64 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// nothing says whether err is about a file that is not there, or not for us.
func nothing(err error) bool {
	return errors.Is(err, iofs.ErrNotExist) || errors.Is(err, iofs.ErrPermission) || errors.Is(err, unix.ENOTDIR)
}

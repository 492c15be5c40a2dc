// Package netns knows the network namespaces of this host: it finds them, opens a socket inside each, and lets go
// of it when nobody else holds the namespace any more.
//
// A namespace is found by what anchors it: the processes that are in it (/proc/PID/ns/net) and the bind mounts of
// its nsfs file (`ip netns add` makes one in /run/netns). Nothing else is looked for: a namespace that only a
// descriptor or a socket keeps alive cannot be told from one that nobody needs. An open socket keeps it alive as well,
// its interfaces and addresses too, so Watcher closes ours in the first look that finds no anchor.
//
// It leaves to others what is opened there, what it is asked, and whose rights that takes: all three are handed in.
// How often a quiet namespace is asked is told by Plan.
package netns

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sockview/model"
)

// ErrTooMany says that a namespace is not looked into because so many others are.
var ErrTooMany = errors.New("too many network namespaces are looked into")

// State says how far we see into a namespace.
type State uint8

const (
	Unasked State = iota // nobody wants to see it: nothing is open in it
	Open                 // Conn is in it
	ProcNet              // it is not to be entered, but the tables in Dir can be read
	Refused              // it is not to be looked into at all; Err says why
)

func (s State) String() string {
	switch s {
	case Unasked:
		return "not looked into"
	case Open:
		return "open"
	case ProcNet:
		return "/proc/net only"
	case Refused:
		return "refused"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// Mount is a bind mount of a namespace's nsfs file, in the mount namespace that we are in.
type Mount struct {
	ID   int    // mount id of /proc/PID/mountinfo
	Path string // as it is on disk: foreign text, not for showing
}

// Place is a namespace as it shows from outside. It is the finder's: read it until the next Look, and not beyond.
type Place struct {
	Home bool // the one that this process is in
	// Dev and Inode are those of its nsfs file: they tell it apart while it exists, and are used again after. 0
	// where we may not read the links of its processes.
	Dev, Inode uint64
	// NetInode is the inode of its /proc/PID/net/dev, which tells it apart where the links may not be read. 0 when
	// that was not needed.
	NetInode uint64
	PIDs     []int32 // processes in it, ascending. One may have left since its link was read
	Mounts   []Mount
	Names    []model.Text // those of `ip netns`, sorted

	generation uint32 // counts namespaces that had the same inode, as far as that shows
	tid        int32  // the first process's leader is dead: a thread of it that is alive
	kept       bool   // something anchors it that did so in the look before
	old        bool   // it was there in the look before
	verified   uint64 // the look that last saw a process in it with its own eyes
}

// Label is the best name that it has: own, that of `ip netns`, that of a process in it, that of a mount.
func (p *Place) Label() model.Text {
	switch {
	case p.Home:
		return model.SafeText("own")
	case len(p.Names) > 0:
		return p.Names[0]
	case len(p.PIDs) > 0:
		return model.SafeText("pid " + strconv.Itoa(int(p.PIDs[0])))
	case len(p.Mounts) > 0:
		return model.SafeText(p.Mounts[0].Path[strings.LastIndexByte(p.Mounts[0].Path, '/')+1:])
	}
	return model.SafeText("net:[" + strconv.FormatUint(p.Inode, 10) + "]")
}

// Has says whether the process was seen in it.
func (p *Place) Has(pid int32) bool {
	_, ok := slices.BinarySearch(p.PIDs, pid)
	return ok
}

// standIn are the bits of an identity that stands in for a cookie: the kernel counts those up from 1.
const (
	standIn    = 1 << 63
	standInNet = 1 << 62 // made of NetInode
)

// identity tells a place without a cookie apart from others, for as long as it is seen.
func (p *Place) identity() uint64 {
	id := standIn | uint64(p.generation&0x3fff_ffff)<<32
	if p.Inode == 0 {
		return id | standInNet | p.NetInode&0xffff_ffff
	}
	return id | p.Inode&0xffff_ffff
}

// Choice says which namespaces somebody wants to see.
type Choice struct {
	all, own bool
	name     string
	pid      int32
}

// All and Own are the choices that need no name.
var (
	All = Choice{all: true}
	Own = Choice{own: true}
)

// ParseChoice reads own (or nothing), all, the pid of a process in it, or a name as Label or `ip netns` gives it, as it is or
// as it is shown.
func ParseChoice(text string) Choice {
	switch text {
	case "", "own":
		return Own
	case "all":
		return All
	}
	c := Choice{name: model.SafeText(text).String()}
	if pid, err := strconv.ParseInt(text, 10, 32); err == nil && pid > 0 {
		c.pid = int32(pid)
	}
	return c
}

// Wants says whether the namespace is chosen. A number is a name first: `ip netns add 7` makes one.
func (c Choice) Wants(p *Place) bool {
	switch {
	case c.all:
		return true
	case c.own:
		return p.Home
	case p.Label().String() == c.name, slices.ContainsFunc(p.Names, func(n model.Text) bool { return n.String() == c.name }):
		return true
	}
	return c.pid != 0 && p.Has(c.pid)
}

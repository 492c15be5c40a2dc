package rights

// A set of capabilities, and the two system calls about them.

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Set is a set of capabilities: bit n is capability n of linux/capability.h.
type Set uint64

// What sockview can use. Everything else it gives up.
const (
	Ptrace     Set = 1 << unix.CAP_SYS_PTRACE      // with ReadSearch: the descriptors of other users' processes
	ReadSearch Set = 1 << unix.CAP_DAC_READ_SEARCH // see Ptrace
	NetAdmin   Set = 1 << unix.CAP_NET_ADMIN       // closing connections, socket marks, connection tracking
	Kill       Set = 1 << unix.CAP_KILL            // signalling other users' processes
	SysAdmin   Set = 1 << unix.CAP_SYS_ADMIN       // entering network namespaces

	// Look is what it takes to look into every process.
	Look = Ptrace | ReadSearch
	// Act is what changes the system; NetAdmin also shows marks and tracked connections.
	Act = NetAdmin | Kill
	// Used is all of them.
	Used = Look | Act | SysAdmin
)

// setpcap is only used to give up the others.
const setpcap Set = 1 << unix.CAP_SETPCAP

// names are those of the used ones, in the order in which people are told.
var names = [...]struct {
	set  Set
	name string
}{
	{Ptrace, "cap_sys_ptrace"}, {ReadSearch, "cap_dac_read_search"}, {NetAdmin, "cap_net_admin"},
	{Kill, "cap_kill"}, {SysAdmin, "cap_sys_admin"},
}

// Names are the names of those of the set that sockview can use, as setcap writes them.
func (s Set) Names() []string {
	var list []string
	for _, n := range names {
		if s&n.set != 0 {
			list = append(list, n.name)
		}
	}
	return list
}

// String is the names, or the number where others are in it too.
func (s Set) String() string {
	if s&^Used != 0 {
		return fmt.Sprintf("%#x", uint64(s))
	}
	return strings.Join(s.Names(), ",")
}

// state are the capabilities of one thread.
type state struct{ effective, permitted, inheritable Set }

// raw is what capget(2) and capset(2) take: a header, and each set in two halves.
type raw struct {
	header unix.CapUserHeader
	halves [2]unix.CapUserData
}

func (s state) raw() *raw {
	r := &raw{header: unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}}
	for i := range r.halves {
		shift := 32 * i
		r.halves[i] = unix.CapUserData{
			Effective: uint32(s.effective >> shift), Permitted: uint32(s.permitted >> shift),
			Inheritable: uint32(s.inheritable >> shift),
		}
	}
	return r
}

// current are the capabilities of the calling thread (capget(2)).
func current() (state, error) {
	r := state{}.raw()
	if err := unix.Capget(&r.header, &r.halves[0]); err != nil {
		return state{}, fmt.Errorf("capget: %w", err)
	}
	var s state
	for i, half := range r.halves {
		shift := 32 * i
		s.effective |= Set(half.Effective) << shift
		s.permitted |= Set(half.Permitted) << shift
		s.inheritable |= Set(half.Inheritable) << shift
	}
	return s, nil
}

// apply makes s the capabilities of the calling thread (capset(2)).
func (s state) apply() error {
	r := s.raw()
	if err := unix.Capset(&r.header, &r.halves[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	return nil
}

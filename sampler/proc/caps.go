// The capabilities that this process runs with: they decide what it can see and do.

package proc

import (
	"fmt"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"sockview/model"
)

// Caps says which of the capabilities that matter here are effective.
type Caps struct {
	Ptrace     bool // CAP_SYS_PTRACE: with ReadSearch, the fds of other users' processes
	ReadSearch bool // CAP_DAC_READ_SEARCH: see Ptrace
	NetAdmin   bool // CAP_NET_ADMIN: closing connections, socket marks
	Kill       bool // CAP_KILL: signalling other users' processes
	SysAdmin   bool // CAP_SYS_ADMIN: entering network namespaces
}

// Capabilities reads CapEff of self/status.
func (fs FS) Capabilities() (Caps, error) {
	pfs, err := procfs.NewFS(fs.root)
	if err != nil {
		return Caps{}, fmt.Errorf("capabilities: %w", err)
	}
	self, err := pfs.Self()
	if err != nil {
		return Caps{}, fmt.Errorf("capabilities: %w", err)
	}
	status, err := self.NewStatus()
	if err != nil {
		return Caps{}, fmt.Errorf("capabilities: %w", err)
	}
	return capsOf(status.CapEff), nil
}

func capsOf(effective uint64) Caps {
	has := func(bit uint) bool { return effective>>bit&1 != 0 }
	return Caps{
		Ptrace:     has(unix.CAP_SYS_PTRACE),
		ReadSearch: has(unix.CAP_DAC_READ_SEARCH),
		NetAdmin:   has(unix.CAP_NET_ADMIN),
		Kill:       has(unix.CAP_KILL),
		SysAdmin:   has(unix.CAP_SYS_ADMIN),
	}
}

// Access is what the capabilities allow. How many owners are hidden is for the scan to tell. Entering
// namespaces is no part of it.
func (c Caps) Access() model.Access {
	a := model.Access{Owners: c.Ptrace && c.ReadSearch, Destroy: c.NetAdmin, Kill: c.Kill}
	for _, need := range []struct {
		has  bool
		name string
	}{
		{c.Ptrace, "cap_sys_ptrace"}, {c.ReadSearch, "cap_dac_read_search"},
		{c.NetAdmin, "cap_net_admin"}, {c.Kill, "cap_kill"},
	} {
		if !need.has {
			a.Missing = append(a.Missing, need.name)
		}
	}
	return a
}

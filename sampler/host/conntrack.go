package host

// This file asks the kernel which connections it tracks (ctnetlink).

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// Flows are the connections that the namespace tracks, of both families (IPCTNL_MSG_CT_GET). An empty table
// is no error: nothing is tracked where no rule asks for it.
//
// The rows hold until the next call. With an error they are never whole: some did not parse, the kernel said that
// the table changed under the dump, or the end of it did not come. Without a word from the kernel, too, a flow may
// be missing or come twice when the table changes meanwhile.
//
// It says ErrUnsupported where the kernel has no connection tracking, and fs.ErrPermission without
// CAP_NET_ADMIN in the user namespace that owns the network namespace. Where nf_conntrack is not loaded it is
// not asked, since asking would load it.
func (h *Host) Flows() (rows []model.Flow, whole bool, err error) {
	if h.with == nil {
		return h.readFlows()
	}
	h.with(func() { rows, whole, err = h.readFlows() })
	return rows, whole, err
}

func (h *Host) readFlows() (rows []model.Flow, whole bool, err error) {
	c := &h.conntrack
	if c.wire == nil {
		if !hasConntrack(h.dir) {
			return nil, false, noConntrack
		}
		k, err := openNetfilter()
		if err != nil {
			return nil, false, conntrackError(err)
		}
		c.wire = k
	}
	if idle(c.wire) {
		c.flows = c.flows[:0]
		return c.flows, true, nil
	}
	if err := c.dump(); err != nil {
		return c.flows, false, conntrackError(err)
	}
	return c.flows, true, nil
}

// flowCount is how many connections the calling thread's current network namespace tracks, for everybody to read. Older
// kernels hide it in namespaces that a user made.
const flowCount = "/proc/sys/net/netfilter/nf_conntrack_count"

// idle says whether the kernel tracks nothing in this namespace, and would tell. It spares the dump, for which the kernel
// walks one table of all namespaces: with a quarter of a million buckets, which are common, some 9 ms in each of them.
func idle(w wire) bool {
	if _, real := w.(*netfilter); !real {
		return false
	}
	count, err := os.ReadFile(flowCount)
	return err == nil && string(count) == "0\n" && askStats(w) == nil
}

// conntrackError turns an errno into what people can do about it.
func conntrackError(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("needs CAP_NET_ADMIN: %w", err)
	case errors.Is(err, errRefused):
		return fmt.Errorf("%w: %w", noConntrack, err)
	}
	for _, errno := range [...]error{unix.EPROTONOSUPPORT, unix.EAFNOSUPPORT} { // no nfnetlink
		if errors.Is(err, errno) {
			return fmt.Errorf("%w: %w", noConntrack, err)
		}
	}
	return err
}

// hasConntrack says whether nf_conntrack is there, built in or loaded. One of these is not enough: older
// kernels hide the settings in network namespaces that a user made, others are built without the file of
// statistics.
func hasConntrack(netDir string) bool {
	for _, path := range [...]string{
		"/proc/sys/net/netfilter/nf_conntrack_max",
		"/sys/module/nf_conntrack",
		filepath.Join(netDir, "stat/nf_conntrack"),
	} {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}

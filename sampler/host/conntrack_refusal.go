package host

// This file finds out whether the table of connections may be read, without reading it: it may hold a million.

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// ctGetStats asks for how many flows there are (IPCTNL_MSG_CT_GET_STATS, Linux 3.5): the smallest question that takes the
// same right as the whole table.
const ctGetStats = ctNew | 5

// FlowsRefusal is the error that Flows would begin with, and nil where the kernel would answer. It asks the smallest
// question there is, and like Flows not at all where nf_conntrack is not loaded.
func (h *Host) FlowsRefusal() error {
	if !hasConntrack(h.dir) {
		return noConntrack
	}
	k, err := openNetfilter()
	if err != nil {
		return conntrackError(err)
	}
	defer k.Close() //nolint:errcheck // one question was asked, and nothing is lost
	return conntrackError(askStats(k))
}

// askStats asks k for the number of flows and waits for an answer, whatever it is.
func askStats(k wire) error {
	const seq = 1
	var b [unix.NLMSG_HDRLEN + nfgenSize]byte
	native.PutUint32(b[0:], uint32(len(b)))
	native.PutUint16(b[4:], ctGetStats)
	native.PutUint16(b[6:], unix.NLM_F_REQUEST)
	native.PutUint32(b[8:], seq)
	if err := unlessCutShort(func() error { return k.Send(b[:]) }); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	buf, n := make([]byte, 4096), 0
	err := unlessCutShort(func() (err error) {
		n, err = k.Receive(buf)
		return err
	})
	switch {
	case err == unix.EAGAIN:
		return errSilence
	case err != nil:
		return fmt.Errorf("receive: %w", err)
	case n < unix.NLMSG_HDRLEN || n > len(buf):
		return errTruncated
	case native.Uint16(buf[4:]) != unix.NLMSG_ERROR:
		return nil
	}
	return (&conntrack{}).ended(buf[unix.NLMSG_HDRLEN:n])
}

// unlessCutShort calls f until no signal cuts it short.
func unlessCutShort(f func() error) error {
	err := f()
	for tries := 0; err == unix.EINTR && tries < maxSignals; tries++ {
		err = f()
	}
	return err
}

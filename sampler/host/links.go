package host

// This file reads the interfaces and their addresses.

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"sockview/model"
)

// Links are the interfaces (RTM_GETLINK) with their addresses (RTM_GETADDR), in the kernel's order. They are whole
// without the addresses too: an error about these is a notice. Where rtnetlink is refused it says ErrUnsupported.
func (h *Host) Links() (rows []model.Link, whole bool, err error) {
	messages, err := h.dumpLinks(0)
	if err != nil && len(messages) == 0 {
		return nil, false, err
	}
	links, bad := parseLinks(messages)
	whole = err == nil && bad == nil
	return links, whole, oneLine(err, bad, h.addAddrs(links))
}

// parseLinks are the interfaces of RTM_NEWLINK messages, and an error when some are not to be read.
func parseLinks(messages [][]byte) ([]model.Link, error) {
	links := make([]model.Link, 0, len(messages))
	bad := 0
	for _, m := range messages {
		if l, ok := parseLink(m); ok {
			links = append(links, l)
		} else {
			bad++
		}
	}
	return links, damaged(bad)
}

// linkNames are the names of the interfaces by index, asked without their counters. With an error they are those that are
// known.
func (h *Host) linkNames() (map[uint32]model.Text, error) {
	messages, err := h.dumpLinks(extSkipStats)
	links, bad := parseLinks(messages)
	names := make(map[uint32]model.Text, len(links))
	for i := range links {
		names[links[i].Index] = links[i].Name
	}
	return names, about("interfaces", oneLine(err, bad))
}

// extSkipStats is RTEXT_FILTER_SKIP_STATS of linux/rtnetlink.h (Linux 4.14; older kernels give the counters).
const extSkipStats = 1 << 3

func (h *Host) dumpLinks(ext uint32) ([][]byte, error) {
	parts := []nl.NetlinkRequestData{nl.NewIfInfomsg(unix.AF_UNSPEC)}
	if ext != 0 {
		parts = append(parts, nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(ext)))
	}
	return h.dump(unix.RTM_GETLINK, unix.RTM_NEWLINK, parts...)
}

// operStates are ip's words for IF_OPER_* (linux/if.h), in lower case.
var operStates = [...]string{"unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"}

// parseLink reads an RTM_NEWLINK message: struct ifinfomsg and attributes.
func parseLink(m []byte) (model.Link, bool) {
	if len(m) < unix.SizeofIfInfomsg {
		return model.Link{}, false
	}
	l := model.Link{
		Hardware: native.Uint16(m[2:]), Index: native.Uint32(m[4:]), Flags: native.Uint32(m[8:]),
	}
	ok := eachAttr(m[unix.SizeofIfInfomsg:], func(kind uint16, v []byte) {
		switch kind {
		case unix.IFLA_IFNAME:
			l.Name = text(v)
		case unix.IFLA_MTU:
			l.MTU, _ = figure(v)
		case unix.IFLA_TXQLEN:
			l.QueueLength, _ = figure(v)
		case unix.IFLA_MASTER:
			l.Master, _ = figure(v)
		case unix.IFLA_IFALIAS:
			l.Alias = text(v)
		case unix.IFLA_ADDRESS:
			l.HardwareAddr = hardwareAddr(l.Hardware, v)
		case unix.IFLA_OPERSTATE:
			if len(v) > 0 {
				l.State = operState(v[0])
			}
		case unix.IFLA_LINKINFO:
			eachAttr(v, func(kind uint16, v []byte) {
				if kind == unix.IFLA_INFO_KIND {
					l.Kind = text(v)
				}
			})
		case unix.IFLA_MAP:
			if len(v) >= 27 {
				l.Map = model.LinkMap{
					MemStart: native.Uint64(v), MemEnd: native.Uint64(v[8:]), Base: native.Uint64(v[16:]),
					IRQ: native.Uint16(v[24:]), DMA: v[26],
				}
			}
		case unix.IFLA_STATS64:
			l.Counters, l.HasCounters = parseLinkCounters(v)
		}
	})
	return l, ok && !l.Name.Empty()
}

func operState(state byte) model.Text {
	if int(state) < len(operStates) {
		return model.SafeText(operStates[state])
	}
	return model.SafeText(fmt.Sprint(state))
}

// hardwareAddr is a hardware address as ip writes it: for tunnels over IP it is an IP address.
func hardwareAddr(hardware uint16, v []byte) model.Text {
	switch hardware {
	case unix.ARPHRD_TUNNEL, unix.ARPHRD_SIT, unix.ARPHRD_IPGRE, unix.ARPHRD_TUNNEL6, unix.ARPHRD_IP6GRE:
		if a, ok := addr(v); ok {
			return model.SafeText(string(model.AppendAddr(nil, a, len(v) == 16)))
		}
	}
	return model.SafeText(net.HardwareAddr(v).String())
}

// parseLinkCounters reads struct rtnl_link_stats64, which grew at its end: rx_nohandler came with Linux 4.6. False says
// that it is shorter than any kernel's.
func parseLinkCounters(v []byte) (model.LinkCounters, bool) {
	var c model.LinkCounters
	fields := [...]*uint64{
		&c.RxPackets, &c.TxPackets, &c.RxBytes, &c.TxBytes, &c.RxErrors, &c.TxErrors, &c.RxDropped, &c.TxDropped,
		&c.Multicast, &c.Collisions,
		&c.RxLength, &c.RxOver, &c.RxCRC, &c.RxFrame, &c.RxFIFO, &c.RxMissed,
		&c.TxAborted, &c.TxCarrier, &c.TxFIFO, &c.TxHeartbeat, &c.TxWindow,
		&c.RxCompressed, &c.TxCompressed, &c.RxNoHandler,
	}
	if len(v)/8 < len(fields)-1 {
		return model.LinkCounters{}, false
	}
	for i := range min(len(fields), len(v)/8) {
		*fields[i] = native.Uint64(v[i*8:])
	}
	return c, true
}

// addAddrs gives the interfaces their addresses.
func (h *Host) addAddrs(links []model.Link) error {
	messages, err := h.dump(unix.RTM_GETADDR, unix.RTM_NEWADDR, nl.NewIfInfomsg(unix.AF_UNSPEC))
	at := make(map[uint32]*model.Link, len(links))
	for i := range links {
		at[links[i].Index] = &links[i]
	}
	bad := 0
	for _, m := range messages {
		index, a, ok := parseAddr(m)
		switch l := at[index]; {
		case !ok:
			bad++
		case l != nil && a.Family != 0: // a younger interface is told at the next look
			l.Addrs = append(l.Addrs, a)
		}
	}
	return about("addresses", oneLine(err, damaged(bad)))
}

// family is the model's family for an AF_*; 0 for one that the tables do not know.
func family(af byte) model.Family {
	switch af {
	case unix.AF_INET:
		return model.IPv4
	case unix.AF_INET6:
		return model.IPv6
	}
	return 0
}

// parseAddr reads an RTM_NEWADDR message: struct ifaddrmsg and attributes. It is of family 0 when it is of another
// protocol than IP.
func parseAddr(m []byte) (index uint32, a model.LinkAddr, ok bool) {
	if len(m) < unix.SizeofIfAddrmsg {
		return 0, a, false
	}
	index = native.Uint32(m[4:])
	a = model.LinkAddr{Family: family(m[0]), Prefix: m[1], Flags: uint32(m[2]), Scope: m[3]}
	if a.Family == 0 {
		return index, a, true
	}
	var address, local model.Addr
	var hasAddress, hasLocal bool
	ok = eachAttr(m[unix.SizeofIfAddrmsg:], func(kind uint16, v []byte) {
		switch kind {
		case unix.IFA_ADDRESS:
			address, hasAddress = addr(v)
		case unix.IFA_LOCAL:
			local, hasLocal = addr(v)
		case unix.IFA_BROADCAST:
			a.Bcast, _ = addr(v)
		case unix.IFA_LABEL:
			a.Label = text(v)
		case unix.IFA_FLAGS: // all of them; the header has the first 8
			if flags, ok := figure(v); ok {
				a.Flags = flags
			}
		}
	})
	// IFA_ADDRESS is the other end where there is one, and IFA_LOCAL this one.
	switch {
	case hasLocal:
		a.Addr = local
		if hasAddress && address != local {
			a.Peer = address
		}
	case hasAddress:
		a.Addr = address
	}
	return index, a, ok && (hasLocal || hasAddress)
}

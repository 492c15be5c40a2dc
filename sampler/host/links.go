// Package host reads what belongs to the whole host or namespace and not to one socket: interfaces now;
// routes, statistics, multicast groups and conntrack have their room here too. It uses the netlink library,
// since none of it is asked for 100,000 times.
package host

import (
	"fmt"

	"github.com/vishvananda/netlink"

	"sockview/model"
)

// LinkNames are the names of the interfaces of the current network namespace, by index (RTM_GETLINK).
func LinkNames() (map[uint32]model.Text, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	names := make(map[uint32]model.Text, len(links))
	for _, l := range links {
		names[uint32(l.Attrs().Index)] = model.SafeText(l.Attrs().Name)
	}
	return names, nil
}

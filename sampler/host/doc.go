// Package host reads what belongs to the whole host or network namespace and not to one socket: interfaces, routes,
// multicast groups, statistics and tracked connections. It asks over netlink where there is a message for it, and
// reads /proc/net for the rest; none of it is asked for 100,000 times, so each look is a whole one.
//
// A table that came only in part is returned as far as it is known, together with an error. What became of a row
// since the last look, rates, and how anything is shown, is left to others.
package host

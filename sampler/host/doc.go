// Package host reads what belongs to the whole host or network namespace and not to one socket: interfaces, routes,
// multicast groups, statistics and tracked connections. It asks over netlink where there is a message for it, and
// reads /proc/net for the rest; none of it is asked for 100,000 times, so each look is a whole one.
//
// Each table comes with two words about itself. Whole says that the answer has every row there is: only then does
// the absence of a row mean that it is gone. The error is what could not be told, in one line and without the
// table's name; beside a whole table it is a notice. What is there is true with both. What became of a row since
// the last look, rates, and how anything is shown, is left to others.
package host

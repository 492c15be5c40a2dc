package main

// What the other zoos keep: interfaces and routes, traffic, tracked connections, a name server that is dead.

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// keepNetwork keeps interfaces, addresses, routes and memberships.
func (k *keeper) keepNetwork() {
	k.quietLinks()
	k.ip("link add veth0 type veth peer name veth1", "link add br0 type bridge",
		"link add port0 type veth peer name port1",
		"link add fourteen-chars type veth peer name x", "?link add dummy0 type dummy",
		"?link add link veth0 name veth0.5 type vlan id 5",
		"?link add link veth0 name mac0 type macvlan", "?tuntap add mode tun name tun0",
		"?link add gre1 type gre local 10.0.0.1 remote 10.0.0.254", "?link add bond9 type bond",
		"?link add vrf0 type vrf table 77",
		"link set port0 master br0", "link set veth0 mtu 1400", "link set veth1 promisc on",
		"link set br0 allmulticast on",
		"link set port1 arp off", "link set veth0 txqueuelen 17", "link set x address 02:00:00:00:00:0f",
		"link set fourteen-chars multicast off")
	k.ip("addr add 10.0.0.1/24 brd + dev veth0", "addr add 10.0.1.1/24 dev veth0 label veth0:1",
		"addr add 10.5.0.1 peer 10.5.0.2/32 dev veth1",
		"addr add 172.16.255.1/12 brd 172.31.255.255 dev br0", "-6 addr add fe80::a/64 dev veth0 nodad",
		"-6 addr add fd00:1::1/64 dev veth0 nodad",
		"-6 addr add "+longSix+"/128 dev veth1 nodad", "-6 addr add fec0::1/64 dev br0 nodad",
		"addr add 127.7.7.7/32 dev lo")
	k.ip("link set veth0 up", "link set veth1 up", "link set br0 up", "link set port0 up",
		"link set port1 up", "link set fourteen-chars up",
		"?link set veth0.5 up", "?addr add 10.6.0.1/24 dev veth0.5", "?addr add 10.7.0.1/24 dev tun0",
		"?link set tun0 up")
	k.up("veth0", "veth1", "br0", "port0")
	k.reachable()
	k.ip("route add default via 10.0.0.254 dev veth0 metric 100", "route add 10.20.0.0/16 via 10.0.0.253",
		"route add 10.21.0.1 dev veth0",
		"route add 10.22.0.0/16 nexthop via 10.0.0.2 weight 2 nexthop via 10.0.1.2 nexthop via 10.5.0.2",
		"route add unreachable 10.23.0.0/16", "route add blackhole 10.23.1.0/24",
		"route add prohibit 10.23.2.0/24", "route add throw 10.23.3.0/24",
		"route add 10.24.0.0/14 via 10.0.0.254 mtu 1300 advmss 1200 window 8192 rtt 100ms",
		"route add 10.30.0.0/15 via 192.168.77.1 dev br0 onlink",
		"route add 10.31.0.0/16 dev veth0 tos 0x10", "route add 10.31.0.0/16 dev veth1 metric 4000000000",
		"route add 0.0.0.0/1 dev br0",
		"route add 10.40.0.0/16 dev veth0 table 100", "rule add from 10.40.0.0/16 table 100",
		"route add 10.20.0.7 via 10.0.0.254",
		"?route add default dev veth0 table 77")
	k.ip("-6 route add default via fe80::fe dev veth0 metric 512",
		"-6 route add 2001:db8:20::/48 via fd00:1::fe", "-6 route add 2001:db8:21::1 dev veth1",
		"-6 route add 2001:db8:22::/48 nexthop via fd00:1::2 nexthop via fd00:1::3",
		"-6 route add unreachable 2001:db8:23::/48",
		"-6 route add blackhole 2001:db8:24::/48", "-6 route add prohibit 2001:db8:25::/48",
		"-6 route add 2001:db8:26::/48 dev veth0 mtu 1300 metric 4000000000",
		"-6 route add 2001:db8:1111:2222:3333:4444:5555:0/112 dev veth0",
		"-6 route add 2001:db8:27::/48 dev veth0 table 100",
		"-6 route add ::/1 dev br0", "-6 route add 2001:db8:28::/48 dev veth0 expires 3000",
		"-6 route add anycast 2001:db8:29::1 dev veth0")
	k.memberships()
}

// memberships are of groups that sockets have joined, some twice.
func (k *keeper) memberships() {
	for _, m := range []struct {
		group, link string
		times       int
	}{
		{"239.1.2.3", "veth0", 2}, {"224.0.0.251", "veth0", 1}, {"224.0.0.251", "lo", 1},
		{"239.255.255.250", "br0", 3},
	} {
		for range m.times {
			fd := k.socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
			join := &unix.IPMreqn{Ifindex: int32(k.link(m.link))}
			join.Multiaddr = k.addr(m.group+":0", false).(*unix.SockaddrInet4).Addr
			k.must("join "+m.group, unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_ADD_MEMBERSHIP, join))
		}
	}
	for _, m := range []struct {
		group, link string
		times       int
	}{
		{"ff05::1:3", "veth0", 2}, {"ff02::fb", "veth1", 1}, {"ff1e:1111:2222:3333:4444:5555:6666:7777",
			"br0", 1}, {"ff02::fb", "fourteen-chars", 1},
	} {
		for range m.times {
			fd := k.socket(unix.AF_INET6, unix.SOCK_DGRAM, 0)
			join := &unix.IPv6Mreq{Interface: k.link(m.link)}
			join.Multiaddr = k.addr("["+m.group+"]:0", true).(*unix.SockaddrInet6).Addr
			k.must("join "+m.group, unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, join))
		}
	}
}

// keepTraffic lets something happen that counts, and then stays quiet.
func (k *keeper) keepTraffic() {
	for _, ip := range []string{"127.0.0.1", "[::1]"} {
		l := k.listen(ip+":1001", 0)
		a := k.connect(ip+":2001", ip+":1001")
		k.begin(ip+":2002", ip+":1001") // ListenOverflows
		b := k.accept(l)
		k.write(a, 1000)
		k.write(b, 100_000)
		quiet := k.udp(ip+":1401", ip+":1402") // NoPorts, and DestUnreachs
		k.write(quiet, 10)
		// The answer, an error, comes at once on loopback; it is read so that it is not left for the next write.
		unix.Write(quiet, []byte{0}) //nolint:errcheck // that is the point
	}
}

// keepTracked keeps connections of every kind that the kernel tracks, some of them translated.
func (k *keeper) keepTracked() {
	k.sysctl("net/ipv6/conf/all/accept_dad", "0")
	if err := os.WriteFile("/proc/sys/net/netfilter/nf_conntrack_acct", []byte("1"), 0); err != nil {
		k.misses("a kernel with connection tracking: " + err.Error())
	}
	k.ip("addr add 10.1.0.1/32 dev lo", "addr add 10.1.0.2/32 dev lo", "addr add 10.2.0.1/32 dev lo",
		"-6 addr add fd00:1::1/128 dev lo nodad", "-6 addr add fd00:2::1/128 dev lo nodad")
	k.reachable()
	rules := exec.Command("nft", "-f", "-")
	rules.Stdin = strings.NewReader(`
		table ip nat {
			chain out {
				type nat hook output priority -100
				ip daddr 10.2.0.1 tcp dport 80 dnat to 10.1.0.1:8080
			}
			chain post {
				type nat hook postrouting priority 100
				tcp dport 8081 snat to 10.1.0.2
				udp dport 5353 masquerade
			}
		}
		table ip6 nat {
			chain out {
				type nat hook output priority -100
				ip6 daddr fd00:2::1 tcp dport 80 dnat to [fd00:1::1]:8080
			}
		}
		table inet marks {
			chain out {
				type filter hook output priority 0
				tcp dport 8082 ct mark set 0x2a
			}
		}`)
	if out, err := rules.CombinedOutput(); err != nil {
		k.misses("a kernel with nftables and NAT: " + err.Error() + string(out))
	}
	for _, port := range []string{"8080", "8081", "8082"} {
		k.listen("0.0.0.0:"+port, 10)
	}
	k.listen("[fd00:1::1]:8080", 10)
	k.connect("10.1.0.1:2001", "10.2.0.1:80")   // dnat
	k.connect("10.1.0.1:2002", "10.1.0.1:8081") // snat
	k.connect("10.1.0.1:2003", "10.1.0.1:8082") // marked
	k.connect("[fd00:1::1]:2004", "[fd00:2::1]:80")
	k.connect("[fd00:1::1]:2005", "[fd00:1::1]:8080")
	unix.Close(k.connect("10.1.0.1:2006", "10.1.0.1:8080")) // CLOSE_WAIT
	k.udp("10.1.0.1:5354", "")
	k.write(k.udp("10.1.0.1:1401", "10.1.0.1:5354"), 10) // without an answer
	a, b := k.udp("10.1.0.1:1402", "10.1.0.1:1403"), k.udp("10.1.0.1:1403", "10.1.0.1:1402")
	k.write(a, 100)
	k.write(b, 200)
	k.udp("0.0.0.0:5353", "")
	k.write(k.udp("10.1.0.1:1404", "10.2.0.1:5353"), 10) // masqueraded
	echo := []byte{8, 0, 0, 0, 0, 0, 0, 1}
	ping := k.socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
	echo[2], echo[3] = 0xf7, 0xfe // the checksum of the above
	k.must("echo", unix.Sendto(ping, echo, 0, k.addr("10.1.0.1:0", false)))
	other := k.socket(unix.AF_INET, unix.SOCK_RAW, 253)
	k.must("a protocol without ports", unix.Sendto(other, []byte("x"), 0, k.addr("10.1.0.1:0", false)))
}

// keepDeafness keeps connections with many hosts, and a name server that never answers.
func (k *keeper) keepDeafness() {
	k.quietLinks()
	k.ip(lost0...)
	k.up("lost0", "lost1")
	k.must("resolv.conf", k.lay("/etc/resolv.conf", "nameserver 10.0.0.53\n"))
	server := k.listen("127.0.0.1:80", 100)
	for i := range strangers {
		ip := fmt.Sprintf("10.9.8.%d", i+1)
		k.ip("addr add " + ip + "/32 dev lo")
		k.connect(ip+":0", "127.0.0.1:80")
		k.accept(server)
	}
}

// strangers is with how many hosts.
const strangers = 50

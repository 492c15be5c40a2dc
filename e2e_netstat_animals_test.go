package main

// What lives in the zoo of sockets: each protocol, family, state, owner and timer.

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// longSix is an address that netstat cuts without -W.
const longSix = "2001:db8:1111:2222:3333:4444:5555:6666"

// lost0 leads to addresses where everything vanishes: nobody behind it has the hardware address that they are said
// to have.
var lost0 = []string{
	"link add lost0 type veth peer name lost1", "link set lost0 up", "link set lost1 up",
	"addr add 10.0.0.1/24 dev lost0", "neigh add 10.0.0.53 lladdr 02:00:00:00:00:66 dev lost0 nud permanent",
	"route add 10.66.0.0/24 dev lost0", "neigh add 10.66.0.1 lladdr 02:00:00:00:00:66 dev lost0 nud permanent",
	"-6 addr add fe80::66/64 dev lost0 nodad",
	"-6 route add 2001:db8:66::/64 dev lost0",
	"-6 neigh add 2001:db8:66::1 lladdr 02:00:00:00:00:66 dev lost0 nud permanent",
}

// quietLinks keeps links from speaking of themselves.
func (k *keeper) quietLinks() {
	for _, conf := range []string{"all", "default"} {
		k.sysctl("net/ipv6/conf/"+conf+"/accept_dad", "0")
		k.sysctl("net/ipv6/conf/"+conf+"/router_solicitations", "0")
	}
	k.sysctl("net/ipv6/conf/default/addr_gen_mode", "1")
}

// keepSockets keeps sockets of each protocol, family, state, owner and timer.
func (k *keeper) keepSockets() {
	k.quietLinks()
	k.ip(lost0...)
	k.ip("addr add 10.1.0.1/32 dev lo", "addr add 192.168.100.200/32 dev lo",
		"-6 addr add "+longSix+"/128 dev lo nodad", "-6 addr add 2001:db8::1/128 dev lo nodad",
		"-6 addr add fe80::abcd:1234:5678:9abc/64 dev lo nodad")
	k.up("lost0", "lost1")
	k.reachable()
	k.tcp("127.0.0.1")
	k.tcp("[::1]")
	k.mapped()
	k.servers()
	k.lost("10.1.0.1", "10.66.0.1", "/32")
	k.lost("[2001:db8::1]", "[2001:db8:66::1]", "/128")
	k.timers()
	k.datagrams()
	k.raw()
	k.unix()
	k.owners()
	k.settled()
}

// tcp makes each state that can be held between two ends at an address of loopback. The server's end of a pair has
// the port of the listener, the client's one of its own.
func (k *keeper) tcp(ip string) {
	at := func(port int) string { return fmt.Sprintf("%s:%d", ip, port) }
	server := k.listen(at(1001), 17)
	pair := func(port int) (client, served int) {
		client = k.connect(at(port), at(1001))
		return client, k.accept(server)
	}
	a, b := pair(2001) // ESTABLISHED, with unread bytes either way
	k.write(a, 123)
	k.write(b, 45678)

	a, b = pair(2002) // FIN_WAIT2 - CLOSE_WAIT
	k.shutdown(a)
	k.drain(b)

	a, b = pair(2003) // LAST_ACK: what it still has to send is not read
	k.fill(a)
	k.shutdown(b)
	k.drain(a)
	k.shutdown(a)

	a, _ = pair(2004) // FIN_WAIT1
	k.fill(a)
	k.shutdown(a)

	a, b = pair(2005) // CLOSING
	k.fill(a)
	k.shutdown(a)
	k.shutdown(b)
	k.drain(a)

	for port := 2010; port < 2013; port++ { // TIME_WAIT
		a, b = pair(port)
		k.shutdown(a)
		k.drain(b)
		unix.Close(b)
		k.drain(a)
		unix.Close(a)
	}

	a, _ = pair(2006) // unsent bytes, probed for room
	k.fill(a)

	deferred := k.listen(at(1002), 17) // SYN_RECV, until data comes
	k.set(deferred, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 3600)
	k.connect(at(2007), at(1002))

	k.listen(at(1003), 0) // its queue is full: not accepted, and SYN_SENT
	k.connect(at(2008), at(1003))
	k.begin(at(2009), at(1003))

	waiting := k.listen(at(1004), 8) // more waits to be accepted
	for port := 2020; port < 2024; port++ {
		k.connect(at(port), at(1004))
	}
	k.own(waiting, 4242) // nobody's name

	k.bound(unix.SOCK_STREAM, 0, at(1005)) // bound only: netstat does not know of it
}

// mapped makes IPv6 sockets that talk IPv4.
func (k *keeper) mapped() {
	both := k.listen("[::]:1101", 17)
	k.connect("127.0.0.1:2101", "127.0.0.1:1101")
	k.accept(both)
	k.connect("[::ffff:127.0.0.1]:2102", "[::ffff:127.0.0.1]:1101")
	k.accept(both)
	a := k.connect("[::ffff:192.168.100.200]:2103", "[::ffff:192.168.100.200]:1101")
	b := k.accept(both)
	k.shutdown(b) // TIME_WAIT of the server's end, CLOSE_WAIT before
	k.drain(a)
	unix.Close(a)
	k.drain(b)
	unix.Close(b)
	slow := k.listen("[::]:1102", 17)
	k.set(slow, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 3600)
	k.connect("127.0.0.1:2104", "127.0.0.1:1102")
	k.listen("[::ffff:127.0.0.1]:1103", 3)
}

// servers are listeners of well-known ports and whom they serve.
func (k *keeper) servers() {
	web := k.listen("0.0.0.0:80", 100)
	for from, many := range map[string]int{"127.0.0.2": 3, "127.0.0.3": 7, "127.0.0.4": 2, "10.1.0.1": 5,
		"192.168.100.200": 1} {
		for range many {
			k.connect(from+":0", "10.1.0.1:80")
			k.accept(web)
		}
	}
	ssh := k.listen("0.0.0.0:22", 100)
	k.connect("127.0.0.2:0", "127.0.0.1:22")
	k.accept(ssh)
	k.listen("10.1.0.1:8080", 10)

	only := k.socket(unix.AF_INET6, unix.SOCK_STREAM, 0)
	k.set(only, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	k.must("bind", unix.Bind(only, k.addr("[::]:80", true)))
	k.must("listen", unix.Listen(only, 100))
	for range 4 {
		k.connect("["+longSix+"]:0", "["+longSix+"]:80")
		k.accept(only)
	}
	k.connect("[::1]:0", "[2001:db8::1]:80")
	k.accept(only)
	k.listen("["+longSix+"]:65535", 10)
	local := k.listen("[fe80::abcd:1234:5678:9abc%lo]:1105", 10)
	k.connect("[fe80::abcd:1234:5678:9abc%lo]:2105", "[fe80::abcd:1234:5678:9abc%lo]:1105")
	k.accept(local)
}

// lost makes connections between an address that stays and one that goes away: what is sent to it is never
// acknowledged.
func (k *keeper) lost(stays, goes, prefix string) {
	address := strings.Trim(goes, "[]") + prefix
	k.ip("addr add " + address + " dev lo" + map[string]string{"/128": " nodad"}[prefix])
	k.reachable()
	far, near := k.listen(goes+":1201", 10), k.listen(stays+":1202", 10)
	a := k.connect(stays+":2201", goes+":1201")
	b := k.accept(far)
	c := k.connect(stays+":2202", goes+":1201")
	k.accept(far)
	// Deaf to the answer, it leaves the other end in SYN_RECV.
	deaf := k.bound(unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0, goes+":2203")
	nothing := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K}}
	k.must("SO_ATTACH_FILTER", unix.SetsockoptSockFprog(deaf, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: 1, Filter: &nothing[0]}))
	if err := unix.Connect(deaf, k.addr(stays+":1202", stays[0] == '[')); err != unix.EINPROGRESS {
		k.must("connect without hearing", err)
	}
	unix.Close(deaf)
	k.ip("addr del " + address + " dev lo")
	k.write(a, 1000)
	k.write(b, 2000)
	k.shutdown(c)                        // FIN_WAIT1
	k.begin(stays+":2204", goes+":1201") // SYN_SENT
	k.own(near, 65534)
}

// timers makes connections with keepalive on.
func (k *keeper) timers() {
	for i, ip := range []string{"127.0.0.1", "[::1]"} {
		l := k.listen(fmt.Sprintf("%s:1301", ip), 10)
		a := k.connect(fmt.Sprintf("%s:2301", ip), fmt.Sprintf("%s:1301", ip))
		k.set(a, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
		b := k.accept(l)
		k.set(b, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
		k.set(b, unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 600+i)
	}
}

// datagrams makes UDP and UDP-Lite sockets.
func (k *keeper) datagrams() {
	k.udp("0.0.0.0:68", "")
	k.udp("0.0.0.0:123", "")
	k.udp("[::]:123", "[::1]:4")
	k.own(k.udp("127.0.0.1:1401", ""), 65534)
	k.udp("[::1]:1401", "")
	k.udp("["+longSix+"]:1402", "["+longSix+"]:1403")
	k.udp("[fe80::abcd:1234:5678:9abc%lo]:1404", "")
	k.udp("[::]:1405", "")
	k.udp("[::ffff:127.0.0.1]:1406", "[::ffff:127.0.0.1]:1401")
	k.udp("[::ffff:10.1.0.1]:1407", "")
	k.udp("192.168.100.200:1408", "192.168.100.200:40000")
	k.udp("239.1.2.3:1409", "")
	k.write(k.udp("127.0.0.1:1410", "127.0.0.1:1401"), 100) // unread at the other end
	k.write(k.udp("[::1]:1410", "[::1]:1401"), 100)
	if fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, unix.IPPROTO_UDPLITE); err == nil {
		unix.Close(fd)
		k.bound(unix.SOCK_DGRAM, unix.IPPROTO_UDPLITE, "127.0.0.1:1501")
		k.bound(unix.SOCK_DGRAM, unix.IPPROTO_UDPLITE, "[::]:1502")
		fd := k.bound(unix.SOCK_DGRAM, unix.IPPROTO_UDPLITE, "127.0.0.1:1503")
		k.must("connect", unix.Connect(fd, k.addr("127.0.0.1:1501", false)))
	}
}

// raw makes raw sockets. Those that would hear of what happens here are deaf: their queues stay as they are.
func (k *keeper) raw() {
	const filter4, filter6 = 1, 1 // ICMP_FILTER, ICMPV6_FILTER
	icmp := k.socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
	k.set(icmp, unix.SOL_RAW, filter4, -1)
	icmp6 := k.socket(unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6)
	all := [8]uint32{0: ^uint32(0), 1: ^uint32(0), 2: ^uint32(0), 3: ^uint32(0), 4: ^uint32(0),
		5: ^uint32(0), 6: ^uint32(0), 7: ^uint32(0)}
	k.must("ICMPV6_FILTER", unix.SetsockoptICMPv6Filter(icmp6, unix.IPPROTO_ICMPV6, filter6,
		&unix.ICMPv6Filter{Data: all}))
	for _, protocol := range []int{2, 89, 253, 255} {
		k.socket(unix.AF_INET, unix.SOCK_RAW, protocol)
	}
	for _, protocol := range []int{89, 253, 255} {
		k.socket(unix.AF_INET6, unix.SOCK_RAW, protocol)
	}
	at := k.bound(unix.SOCK_RAW, 253, "127.0.0.1:0")
	k.must("connect raw", unix.Connect(at, k.addr("127.0.0.1:0", false)))
	k.write(at, 300) // to itself, and to the one above of this protocol
	at = k.bound(unix.SOCK_RAW, 132, "["+longSix+"]:0")
	k.must("connect raw", unix.Connect(at, k.addr("["+longSix+"]:0", true)))
	k.own(k.bound(unix.SOCK_RAW, 50, "127.0.0.1:0"), 65534)
}

// unix makes unix sockets.
func (k *keeper) unix() {
	bind := func(kind int, name string) int {
		fd := k.socket(unix.AF_UNIX, kind, 0)
		k.must("bind "+name, unix.Bind(fd, &unix.SockaddrUnix{Name: name}))
		return fd
	}
	connect := func(kind int, name string) int {
		fd := k.socket(unix.AF_UNIX, kind, 0)
		k.must("connect to "+name, unix.Connect(fd, &unix.SockaddrUnix{Name: name}))
		return fd
	}
	here, err := os.Getwd()
	k.must("folder", err)
	long := here + "/" + strings.Repeat("long-", 25)
	for _, s := range []struct {
		kind, connected, accepted int
		name                      string
	}{
		{unix.SOCK_STREAM, 3, 1, here + "/stream"}, {unix.SOCK_STREAM, 1, 1, "relative"},
		{unix.SOCK_STREAM, 0, 0, "@zoo/abstract"}, {unix.SOCK_STREAM, 2, 1, "@zoo.\\quoted\"'*?~"},
		{unix.SOCK_STREAM, 1, 1, "@zoo\x00with\x00nuls\x00"}, {unix.SOCK_STREAM, 1, 0, "@"},
		{unix.SOCK_STREAM, 1, 1, long[:107]}, {unix.SOCK_STREAM, 1, 1, "@" + strings.Repeat("x", 106)},
		{unix.SOCK_STREAM, 1, 1, "sn\u00f6-\u96ea"}, {unix.SOCK_STREAM, 0, 0, "@with spaces  in it"},
		{unix.SOCK_SEQPACKET, 2, 1, here + "/seqpacket"}, {unix.SOCK_SEQPACKET, 0, 0, "@zoo/seqpacket"},
	} {
		fd := bind(s.kind, s.name)
		k.must("listen", unix.Listen(fd, 10))
		for range s.connected {
			connect(s.kind, s.name)
		}
		for range s.accepted {
			k.accept(fd)
		}
	}
	bind(unix.SOCK_STREAM, "bound-only")
	bind(unix.SOCK_DGRAM, here+"/dgram")
	bind(unix.SOCK_DGRAM, "@zoo/dgram")
	k.write(connect(unix.SOCK_DGRAM, here+"/dgram"), 10)
	named := bind(unix.SOCK_DGRAM, "dgram-to")
	k.must("connect", unix.Connect(named, &unix.SockaddrUnix{Name: "@zoo/dgram"}))
	k.socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	k.socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	k.socket(unix.AF_UNIX, unix.SOCK_SEQPACKET, 0)
	for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM, unix.SOCK_SEQPACKET} {
		fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
		k.must("socketpair", err)
		k.write(fds[0], 10)
	}
}

// owners makes sockets with other holders than the keeper, with several, and with none.
func (k *keeper) owners() {
	unixPair := func() (int, int) {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		k.must("socketpair", err)
		return fds[0], fds[1]
	}
	for i, name := range []string{
		"nginx: master process /usr/sbin/nginx -g daemon on;",
		"/usr/local/bin/a-program-of-a-very-long-name-indeed",
		"a name with spaces", "-bash", "relative/path/prog",
		"/usr/sbin/sshd: /usr/sbin/sshd -D [listener] 0 of 10",
		"/ends/with/slash/", "", "caf\u00e9", "12/34", "postgres: writer", "[kworker/0:0]",
	} {
		a, b := unixPair()
		fds := []int{k.listen(fmt.Sprintf("127.0.0.1:%d", 1600+i), 5), k.udp(fmt.Sprintf("[::1]:%d",
			1600+i), ""), a, b}
		uid := uint32(0)
		if i%2 == 1 {
			uid = 65534
			k.own(fds[0], 65534)
		}
		k.hand(name, uid, fds...)
	}
	// Held by three processes: the one of the lowest pid is named.
	many := k.listen("127.0.0.1:1650", 5)
	k.holder("many-1", 0, many)
	k.holder("many-2", 65534, many)
	// Held twice by another.
	k.hand("twice", 0, k.listen("[::1]:1651", 5), k.udp("127.0.0.1:1651", ""))
	// On its way from one process to another, where nobody holds it.
	a, _ := unixPair()
	lone := k.listen("127.0.0.1:1652", 5)
	k.must("sendmsg", unix.Sendmsg(a, []byte("x"), unix.UnixRights(lone), nil, 0))
	unix.Close(lone)
}

// settled waits until what was sent has arrived: a FIN is acknowledged a moment after the other side has read it.
func (k *keeper) settled() {
	both := []string{ // local port and state, as /proc/net/tcp numbers them (include/net/tcp_states.h)
		"1001 0A", "2001 01", "2002 05", "1001 08", "2003 09", "2004 04", "2005 0B", "2006 01", "1002 03", "2009 02",
		"2010 06", "2011 06", "2012 06", "1202 03", "2202 04", "2204 02",
	}
	for table, states := range map[string][]string{"tcp": both, "tcp6": append(both, "1101 06", "1102 03")} {
		k.until("states of "+table, func() bool {
			have := k.states(table)
			return !slices.ContainsFunc(states, func(s string) bool { return have[s] == 0 })
		})
	}
}

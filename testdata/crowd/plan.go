package main

// Who opens what: the orders of all servers and clients, worked out before any of them starts.

import (
	"fmt"
	"net/netip"
)

const (
	// backlog is what each listener can hold that was not accepted yet. No listener is sent more than that before
	// the crowd stands, so none ever drops a SYN, however late its process gets the processor.
	backlog = 4096

	firstPort      = 2000 // TCP: server s listens on firstPort+s*portsPerServer and up, below the clients' ports
	portsPerServer = 100
	firstUDPPort   = 10000 // UDP: one port for each bound socket

	// sources are the IPv4 addresses each client process connects from, so that there are many hosts to see.
	sources = 50
)

// listener is a TCP endpoint of a server.
type listener struct {
	At    netip.AddrPort
	Busy  bool // what is accepted here will send or come and go; elsewhere it stays and is silent
	Count int  // connections that will stand here
}

// serverOrder is what one server process has to do.
type serverOrder struct {
	Listen []listener
	Bind   []netip.AddrPort // UDP
	Expect int              // connections accepted when it stands
}

// clientOrder is what one client process has to do. The Counts of Connect are its own part of each listener's.
type clientOrder struct {
	Sources [sources]netip.Addr // IPv4; there is but one IPv6 loopback address
	Connect []listener
	UDP     []netip.AddrPort // to be connected to
	Rate    int              // bytes a second on each connection to a busy listener
	Churn   int              // connections opened and closed a second
	ChurnTo []netip.AddrPort
}

// plan is the orders of all.
type plan struct {
	servers []serverOrder
	clients []clientOrder
}

// share is the part of total that falls to number i of n; the shares of all add up to it.
func share(total, n, i int) int { return total*(i+1)/n - total*i/n }

// newPlan shares out what the settings ask for.
func newPlan(s settings) (plan, error) {
	p := plan{servers: make([]serverOrder, s.processes), clients: make([]clientOrder, s.processes)}
	for c := range p.clients {
		client := &p.clients[c]
		client.Rate, client.Churn = s.rate, share(s.churn, s.processes, c)
		for i := range client.Sources {
			client.Sources[i] = netip.AddrFrom4([4]byte{127, 1, byte(c + 1), byte(i + 1)})
		}
	}
	for i := range p.servers {
		if err := p.listeners(s, i); err != nil {
			return plan{}, err
		}
	}
	p.udp(s)
	return p, nil
}

// serverAddr is where server i listens. All servers share ::1, and differ by port.
func serverAddr(i int, six bool) netip.Addr {
	if six {
		return netip.IPv6Loopback()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, byte(i + 1)})
}

// sixOf is the part of total that is IPv6.
func (s settings) sixOf(total int) int { return total * s.six / 100 }

// listeners gives server i its listeners and the clients their connections to them.
func (p *plan) listeners(s settings, i int) error {
	part := func(total int) int { return share(total, s.processes, i) }
	quiet := s.connections - s.senders
	server := &p.servers[i]
	for _, kind := range []struct {
		busy, six bool
		count     int
		least     int // listeners, even without connections
	}{
		{false, false, part(quiet - s.sixOf(quiet)), 2},
		{false, true, part(s.sixOf(quiet)), 1},
		{true, false, part(s.senders - s.sixOf(s.senders)), 1},
		{true, true, part(s.sixOf(s.senders)), 1},
	} {
		if (kind.six && s.six == 0) || (!kind.six && s.six == 100) || (kind.busy && s.senders+s.churn == 0) {
			continue
		}
		server.Expect += kind.count
		listeners := max((kind.count+backlog-1)/backlog, kind.least)
		for j := range listeners {
			if len(server.Listen) == portsPerServer {
				return fmt.Errorf("%d connections are too many for %d server processes", s.connections, s.processes)
			}
			port := firstPort + i*portsPerServer + len(server.Listen)
			l := listener{netip.AddrPortFrom(serverAddr(i, kind.six), uint16(port)), kind.busy,
				share(kind.count, listeners, j)}
			server.Listen = append(server.Listen, l)
			p.connect(s, l)
		}
	}
	return nil
}

// connect shares the connections to one listener among the clients.
func (p *plan) connect(s settings, l listener) {
	for c := range p.clients {
		client := &p.clients[c]
		if count := share(l.Count, len(p.clients), c); count > 0 {
			client.Connect = append(client.Connect, listener{l.At, l.Busy, count})
		}
		if l.Busy && s.churn > 0 {
			client.ChurnTo = append(client.ChurnTo, l.At)
		}
	}
}

// udp shares out the UDP sockets: the servers bind one half, the clients connect the other to them.
func (p *plan) udp(s settings) {
	bound := (s.udp + 1) / 2
	for i := range s.udp {
		k := i % bound // the k-th bound socket, or the one that connects to it
		n := k % s.processes
		six := k*s.six/100 != (k+1)*s.six/100
		at := netip.AddrPortFrom(serverAddr(n, six), uint16(firstUDPPort+k))
		if i < bound {
			p.servers[n].Bind = append(p.servers[n].Bind, at)
		} else {
			p.clients[n].UDP = append(p.clients[n].UDP, at)
		}
	}
}

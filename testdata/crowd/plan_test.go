package main

import (
	"fmt"
	"net/netip"
	"testing"
)

func TestSharesAddUp(t *testing.T) {
	for _, total := range []int{0, 1, 2, 7, 1000, 48_001} {
		for _, n := range []int{1, 3, 64} {
			sum := 0
			for i := range n {
				part := share(total, n, i)
				if part < total/n || part > total/n+1 {
					t.Errorf("share(%d, %d, %d) = %d", total, n, i, part)
				}
				sum += part
			}
			if sum != total {
				t.Errorf("shares of %d among %d add up to %d", total, n, sum)
			}
		}
	}
}

// TestPlan holds every plan against what was asked for and against what the kernel can take.
func TestPlan(t *testing.T) {
	for _, s := range []settings{
		{},
		{connections: 1, udp: 1, six: 25, processes: 3},
		{connections: 1000, udp: 20, six: 25, processes: 3},
		{connections: 48_000, udp: 960, six: 25, processes: 3, churn: 1000, senders: 100},
		{connections: 10, udp: 3, six: 100, processes: 3, churn: 1, senders: 10},
		{connections: 10, udp: 3, six: 0, processes: 64, churn: 4000, senders: 1},
		{connections: maxConnections, udp: maxUDP, six: 50, processes: 3, senders: maxConnections},
	} {
		s.processes = max(s.processes, 1)
		t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) {
			p, err := newPlan(s)
			if err != nil {
				t.Fatal(err)
			}
			checkPlan(t, s, p)
		})
	}
}

func checkPlan(t *testing.T, s settings, p plan) {
	bound, left := map[netip.AddrPort]bool{}, map[netip.AddrPort]int{}
	var expected, dialled, senders, churn, udp int
	for _, server := range p.servers {
		expected += server.Expect
		for _, l := range server.Listen {
			if _, twice := left[l.At]; twice {
				t.Errorf("two listeners at %v", l.At)
			}
			if l.Count > backlog {
				t.Errorf("%d connections wait at %v, which holds %d", l.Count, l.At, backlog)
			}
			if six := l.At.Addr().Is6(); six && s.six == 0 || !six && s.six == 100 {
				t.Errorf("a listener at %v with %d %% IPv6", l.At, s.six)
			}
			left[l.At] = l.Count
		}
		for _, at := range server.Bind {
			if bound[at] {
				t.Errorf("two UDP sockets at %v", at)
			}
			bound[at] = true
		}
	}
	for _, client := range p.clients {
		churn += client.Churn
		if client.Churn > 0 && len(client.ChurnTo) == 0 {
			t.Error("a client has nowhere to churn to")
		}
		for _, l := range client.Connect {
			dialled += l.Count
			left[l.At] -= l.Count
			if l.Busy {
				senders += l.Count
			}
		}
		for _, at := range client.UDP {
			if udp++; !bound[at] {
				t.Errorf("UDP to %v, which nobody has bound", at)
			}
		}
	}
	for at, n := range left {
		if n != 0 {
			t.Errorf("%d connections to %v are not made", n, at)
		}
	}
	if expected != s.connections || dialled != s.connections || churn != s.churn || udp+len(bound) != s.udp {
		t.Errorf("expected %d, dialled %d, churn %d, UDP %d", expected, dialled, churn, udp+len(bound))
	}
	if senders != s.senders {
		t.Errorf("%d senders, want %d", senders, s.senders)
	}
}

func TestTooManyConnectionsForTheServers(t *testing.T) {
	if _, err := newPlan(settings{connections: maxConnections, processes: 1}); err == nil {
		t.Error("one server has more listeners than ports")
	}
}

func TestNeededProcesses(t *testing.T) {
	for _, test := range []struct {
		settings settings
		limit    uint64
		want     int
	}{
		{settings{connections: 1000}, 20_000, 3},
		{settings{connections: 48_000, udp: 960}, 20_000, 3},
		{settings{connections: 60_000, udp: 960}, 20_000, 4},
		{settings{connections: 48_000, churn: 4000, udp: 4000}, 20_000, 4},
		{settings{connections: maxConnections}, 1024, maxProcesses},
		{settings{connections: 1000}, 10, maxProcesses},
		{settings{connections: maxConnections}, 1 << 63, 3},
	} {
		if got := test.settings.needed(test.limit); got != test.want {
			t.Errorf("%+v under a limit of %d: %d processes, want %d", test.settings, test.limit, got, test.want)
		}
	}
}

func TestCrewNames(t *testing.T) {
	seen := map[string]bool{}
	for role := range crewNames {
		for i := range maxProcesses {
			name := crewName(role, i)
			if seen[name] || len(name) > 15 {
				t.Errorf("%s %d is called %q", role, i, name)
			}
			seen[name] = true
		}
	}
}

package model

import "testing"

func TestChoice(t *testing.T) {
	tcp := Socket{Proto: TCP, Family: IPv4, State: Established}
	tcp6 := Socket{Proto: TCP, Family: IPv6, State: Listen}
	udp := Socket{Proto: UDP, Family: IPv4, State: Close}
	udp6 := Socket{Proto: UDP, Family: IPv6, State: Established}
	timeWait := Socket{Proto: TCP, Family: IPv4, State: TimeWait}
	bound := Socket{Proto: TCP, Family: IPv4, State: Bound}
	closed := Socket{Proto: TCP, Family: IPv4, State: Close}
	raw := Socket{Proto: Raw, Family: IPv4, State: Close}
	lite := Socket{Proto: UDPLite, Family: IPv6, State: Close}
	all := []*Socket{&tcp, &tcp6, &udp, &udp6, &timeWait, &bound, &closed, &raw, &lite}
	for _, c := range []struct {
		name   string
		choice Choice
		want   []*Socket
	}{
		{"nothing chosen", Choice{}, all},
		{"both protocols", Choice{TCP: true, UDP: true}, []*Socket{&tcp, &tcp6, &udp, &udp6, &timeWait, &bound, &closed}},
		{"every protocol", Choice{TCP: true, UDP: true, UDPLite: true, SCTP: true, Raw: true}, all},
		{"raw", Choice{Raw: true}, []*Socket{&raw}},
		{"UDP-Lite", Choice{UDPLite: true}, []*Socket{&lite}},
		{"tcp", Choice{TCP: true}, []*Socket{&tcp, &tcp6, &timeWait, &bound, &closed}},
		{"udp", Choice{UDP: true}, []*Socket{&udp, &udp6}},
		{"IPv4", Choice{Family: IPv4}, []*Socket{&tcp, &udp, &timeWait, &bound, &closed, &raw}},
		{"IPv6", Choice{Family: IPv6}, []*Socket{&tcp6, &udp6, &lite}},
		{"listening", Choice{Listen: ListeningOnly}, []*Socket{&tcp6, &udp, &raw, &lite}},
		{"connected", Choice{Listen: ConnectedOnly}, []*Socket{&tcp, &udp6, &timeWait}},
		{"udp, IPv6, connected", Choice{UDP: true, Family: IPv6, Listen: ConnectedOnly}, []*Socket{&udp6}},
		{"tcp, IPv4, listening", Choice{TCP: true, Family: IPv4, Listen: ListeningOnly}, nil},
	} {
		var got []*Socket
		for _, r := range all {
			if c.choice.Shows(r) {
				got = append(got, r)
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s shows %d sockets, want %d", c.name, len(got), len(c.want))
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("%s shows %s %v", c.name, got[i].ProtoName(), got[i].State)
			}
		}
		if c.choice.Everything() != (len(c.want) == len(all)) {
			t.Errorf("%s: Everything is %v", c.name, c.choice.Everything())
		}
	}
}

func TestSocketWords(t *testing.T) {
	for _, c := range []struct {
		r                    Socket
		proto, state         string
		listening, connected bool
	}{
		{Socket{Proto: TCP, Family: IPv4, State: Listen}, "tcp", "LISTEN", true, false},
		{Socket{Proto: TCP, Family: IPv6, State: Established}, "tcp6", "ESTABLISHED", false, true},
		{Socket{Proto: TCP, Family: IPv4, State: Close}, "tcp", "CLOSE", false, false},
		{Socket{Proto: TCP, Family: IPv4, State: Bound}, "tcp", "BOUND", false, false},
		{Socket{Proto: TCP, Family: IPv4, State: SynSent}, "tcp", "SYN_SENT", false, true},
		{Socket{Proto: UDP, Family: IPv4, State: Close}, "udp", "UNCONN", true, false},
		{Socket{Proto: UDP, Family: IPv6, State: Established}, "udp6", "ESTABLISHED", false, true},
		{Socket{Proto: Raw, Family: IPv6, State: Close}, "raw6", "UNCONN", true, false},
		{Socket{Proto: Raw, Family: IPv4, State: Established}, "raw", "ESTABLISHED", false, true},
		{Socket{Proto: UDPLite, Family: IPv6, State: Close}, "udplite6", "UNCONN", true, false},
		{Socket{}, "-", "-", false, true},
	} {
		if c.r.ProtoName() != c.proto || c.r.StateName() != c.state || c.r.IsListening() != c.listening ||
			c.r.IsConnected() != c.connected {
			t.Errorf("%+v: %s %s, listening %v, connected %v", c.r, c.r.ProtoName(), c.r.StateName(),
				c.r.IsListening(), c.r.IsConnected())
		}
	}
}

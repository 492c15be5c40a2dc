package model

// What the rows of the smaller tables mean, in sentences.

import "strings"

// ExplainUnix says what the state of a unix socket means.
func ExplainUnix(r *UnixSocket) string {
	switch r.State {
	case UnixListening:
		text := "Waits for other processes to connect."
		if r.HasQueues && r.RecvQ > 0 {
			text += " " + itoa(r.RecvQ) + " of at most " + itoa(r.SendQ) + " have connected and are not accepted yet."
			if r.RecvQ >= r.SendQ {
				text += " The queue is full: whoever connects now has to wait."
			}
		}
		return text
	case UnixConnecting:
		return "The other side has connected; no process has accepted it yet."
	case UnixConnected:
		text := "Is connected to another socket of this host."
		if r.HasQueues && r.RecvQ > 0 {
			text += " " + itoa(r.RecvQ) + " bytes wait to be read: if they stay, this process is the slow side."
		}
		if r.HasQueues && r.SendQ > 0 {
			text += " What it sent and the other end has not read takes " + itoa(r.SendQ) + " bytes of memory: if they stay, the other side is slow."
		}
		return text
	case UnixDisconnecting:
		return "Its process has closed it; the kernel is not done with it yet."
	}
	if r.Type == UnixDatagram {
		return "Takes datagrams from whoever may write to it."
	}
	return "Is neither connected nor does it listen."
}

// ExplainLink says what the state of an interface means.
func ExplainLink(r *Link) string {
	switch state := r.State.String(); {
	case !r.Up():
		return "It is switched off: nothing passes until it is set up."
	case state == "lowerlayerdown":
		return "It is switched on, but the interface below it is down."
	case state == "down":
		return "It is switched on, but there is no carrier: no cable, no partner, or the other end is off."
	case state == "dormant":
		return "It has a carrier and waits for something else, as a login to the network."
	case state == "up":
		return "It is up and passes packets."
	}
	return "It is switched on. Its driver does not say more; for interfaces without a carrier, as lo, that is usual."
}

// String is the address with its prefix length, and what else belongs to it.
func (a *LinkAddr) String() string {
	b := appendPrefix(nil, a.Addr, a.Prefix, a.Family)
	if a.Peer != (Addr{}) {
		b = AppendAddr(append(b, " peer "...), a.Peer, a.Family == IPv6)
	}
	if a.Bcast != (Addr{}) {
		b = AppendAddr(append(b, " broadcast "...), a.Bcast, a.Family == IPv6)
	}
	return string(append(append(b, " scope "...), ScopeName(a.Scope)...))
}

var routeMeanings = map[RouteType]string{
	RouteLocal:     "The address is this host's own: packets to it are delivered here.",
	RouteBroadcast: "Packets to it are sent to everybody on the link.",
	RouteAnycast:   "The address is shared by several hosts, this one among them.",
	RouteMulticast: "Packets to it are multicast.",
	6:              "Packets to it are dropped without a word.",
	7:              "Packets to it are dropped, and their sender is told that the host is unreachable.",
	8:              "Packets to it are dropped, and their sender is told that it is prohibited.",
	9:              "The look-up goes on in the next routing table.",
}

// ExplainRoute says what becomes of packets that take the route.
func ExplainRoute(r *Route) string {
	if text, ok := routeMeanings[r.Type]; ok {
		return text
	}
	to := "Packets to it"
	if r.DstLen == 0 {
		to = "Packets that no other route takes"
	}
	dev := ""
	if !r.LinkName.Empty() {
		dev = " by " + r.LinkName.String()
	}
	if r.HasGateway {
		return to + " go" + dev + " to the router " + string(AppendAddr(nil, r.Gateway, !r.Gateway.Is4())) + "."
	}
	return to + " leave" + dev + " straight to their target: it is on the same link."
}

// ExplainMembership says what it means that the interface is in the group.
func ExplainMembership(r *Membership) string {
	if r.Family == 0 {
		return "The interface takes frames to this hardware address: groups of the network layer are mapped to such addresses."
	}
	text := "The interface takes packets to this group"
	if r.Users > 1 {
		text += ", for " + itoa(uint32(r.Users)) + " users: sockets that joined it, or the kernel itself"
	}
	return text + "."
}

// ExplainFlow says how the connection is translated, and how far it got.
func ExplainFlow(r *Flow) []string {
	end := func(a Addr, port uint16) string {
		s := string(AppendAddr(nil, a, r.Family == IPv6))
		if strings.Contains(s, ":") && port != 0 {
			s = "[" + s + "]"
		}
		if port != 0 {
			s += ":" + itoa(uint32(port))
		}
		return s
	}
	o, p := &r.Original, &r.Reply
	lines := []string{end(o.Src, o.SrcPort) + " asked for " + end(o.Dst, o.DstPort) + "."}
	if p.Src != o.Dst || p.SrcPort != o.DstPort {
		lines = append(lines, "The destination is translated: "+end(p.Src, p.SrcPort)+" answers.")
	}
	if p.Dst != o.Src || p.DstPort != o.SrcPort {
		lines = append(lines, "The source is translated: to who answers it comes from "+end(p.Dst, p.DstPort)+".")
	}
	if len(lines) == 1 {
		lines = append(lines, "Nothing is translated: it is only tracked.")
	}
	if r.Status&FlowSeenReply == 0 {
		lines = append(lines, "No answer was seen yet.")
	}
	return lines
}

package model

// Listening says which sockets are wanted by what they wait for.
type Listening uint8

// All sockets, those with another end, those that wait for others.
const (
	AnySocket Listening = iota
	ConnectedOnly
	ListeningOnly
)

// Choice is what the toggles choose among the rows. The zero Choice is everything. What a table has nothing of
// (a route has no protocol) chooses nothing there.
type Choice struct {
	TCP, UDP, UDPLite, SCTP, Raw bool   // a set; none means all
	Family                       Family // 0 is both
	Listen                       Listening
	Changing                     bool // statistics: only counters that moved since they are watched
	Translated                   bool // connection tracking: only connections whose addresses are translated
}

// Everything says whether the choice leaves nothing out.
func (c Choice) Everything() bool { return c == Choice{} || c.allProtos() && c == c.protos() }

// protos is the set of protocols alone.
func (c Choice) protos() Choice {
	return Choice{TCP: c.TCP, UDP: c.UDP, UDPLite: c.UDPLite, SCTP: c.SCTP, Raw: c.Raw}
}

// allProtos says whether the set leaves no protocol out.
func (c Choice) allProtos() bool {
	p := c.protos()
	return p == Choice{} || p == Choice{TCP: true, UDP: true, UDPLite: true, SCTP: true, Raw: true}
}

// ShowsProto says whether the protocol is chosen.
func (c Choice) ShowsProto(p Proto) bool {
	if c.allProtos() {
		return true
	}
	switch p {
	case TCP:
		return c.TCP
	case UDP:
		return c.UDP
	case UDPLite:
		return c.UDPLite
	case SCTP:
		return c.SCTP
	}
	return c.Raw
}

// ShowsFamily says whether the family is chosen; 0 is of none and always is.
func (c Choice) ShowsFamily(f Family) bool { return c.Family == 0 || f == 0 || c.Family == f }

// Shows says whether r is chosen.
func (c Choice) Shows(r *Socket) bool {
	if !c.ShowsProto(r.Proto) || !c.ShowsFamily(r.Family) {
		return false
	}
	switch c.Listen {
	case ConnectedOnly:
		return r.IsConnected()
	case ListeningOnly:
		return r.IsListening()
	}
	return true
}

// ShowsUnix says whether r is chosen: of what the choice says, a unix socket only listens or not.
func (c Choice) ShowsUnix(r *UnixSocket) bool {
	switch c.Listen {
	case ConnectedOnly:
		return r.State != UnixListening
	case ListeningOnly:
		return r.State == UnixListening
	}
	return true
}

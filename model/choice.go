package model

// Listening says which sockets are wanted by what they wait for.
type Listening uint8

// All sockets, those with another end, those that wait for others.
const (
	AnySocket Listening = iota
	ConnectedOnly
	ListeningOnly
)

// Choice is what the toggles choose among the sockets. The zero Choice is everything.
type Choice struct {
	TCP, UDP bool   // a set; neither means all
	Family   Family // 0 is both
	Listen   Listening
}

// Everything says whether the choice leaves nothing out.
func (c Choice) Everything() bool {
	return c.TCP == c.UDP && c.Family == 0 && c.Listen == AnySocket
}

// Shows says whether r is chosen.
func (c Choice) Shows(r *Socket) bool {
	if c.TCP != c.UDP && c.TCP != (r.Proto == TCP) {
		return false
	}
	if c.Family != 0 && c.Family != r.Family {
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

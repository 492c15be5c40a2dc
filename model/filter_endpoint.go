package model

import (
	"net/netip"
	"slices"
	"strings"
	"unicode"
)

// endpoint reads an address with its port, as ss prints and people paste it: 192.0.2.1:443, [2001:db8::1]:443. It
// stands for the sockets of which it is one end, and for the words themselves on a command line, say. Nil means that something else stands here.
func (p *filterParser) endpoint() *clause {
	start := p.pos
	word := p.src[start:]
	if end := strings.IndexFunc(word, func(r rune) bool { return unicode.IsSpace(r) || r == '(' || r == ')' }); end >= 0 {
		word = word[:end]
	}
	e, err := netip.ParseAddrPort(word)
	if err != nil || e.Addr().Zone() != "" {
		return nil
	}
	scope := p.socketScope()
	if scope < 0 {
		return nil
	}
	address, port := e.Addr().String(), itoa(uint32(e.Port()))
	src := "local=" + address + " lport=" + port + " or remote=" + address + " rport=" + port
	if scope == 0 { // bare words belong to the first scope
		src += " or " + quoted(word)
	}
	only := make([]Scope, len(p.scopes)) // a host's address is not a socket's, though both are called remote
	only[scope] = p.scopes[scope]
	sub := filterParser{src: src, scopes: only, terms: p.terms, depth: p.depth}
	c, failed := sub.or()
	if failed != nil {
		return nil
	}
	c.text, c.paren = word, true
	p.terms, p.deepest = sub.terms, max(p.deepest, p.depth+1) // written anew it may need parentheses
	p.pos = start + len(word)
	c.place(start, p.pos)
	return c
}

// socketScope is the first scope whose rows have two ends, -1 for none.
func (p *filterParser) socketScope() int {
	return slices.IndexFunc(p.scopes, func(s Scope) bool {
		for _, id := range []string{"local", "lport", "remote", "rport"} {
			if !slices.ContainsFunc(s.Specs, func(spec Spec) bool { return spec.ID == id }) {
				return false
			}
		}
		return true
	})
}

// place says of a clause and all within it where they are written.
func (c *clause) place(pos, end int) {
	c.pos, c.end = pos, end
	for _, kid := range c.kids {
		kid.place(pos, end)
	}
}

package model

import (
	"net/netip"
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
	address, port := e.Addr().String(), itoa(uint32(e.Port()))
	sub := filterParser{
		src:    "local=" + address + " lport=" + port + " or remote=" + address + " rport=" + port + " or " + quoted(word),
		scopes: p.scopes, terms: p.terms, depth: p.depth,
	}
	c, failed := sub.or()
	if failed != nil {
		return nil // no table of sockets is asked
	}
	p.terms, p.deepest = sub.terms, max(p.deepest, p.depth+1) // written anew it may need parentheses
	p.pos = start + len(word)
	c.place(start, p.pos)
	return c
}

// place says of a clause and all within it where they are written.
func (c *clause) place(pos, end int) {
	c.pos, c.end = pos, end
	for _, kid := range c.kids {
		kid.place(pos, end)
	}
}

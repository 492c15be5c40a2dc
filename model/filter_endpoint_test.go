package model

import (
	"slices"
	"testing"
)

func TestFilterEndpoint(t *testing.T) {
	table := Sockets()
	end := func(a string, port uint16) (Addr, uint16) { return addrOf(a), port }
	var rows []Socket
	add := func(cookie uint64, family Family, local string, lport uint16, remote string, rport uint16) {
		s := Socket{Cookie: cookie, Proto: TCP, Family: family, State: Established, Holding: Holding{Owner: -1}}
		s.Local, s.LocalPort = end(local, lport)
		s.Remote, s.RemotePort = end(remote, rport)
		rows = append(rows, s)
	}
	add(1, IPv4, "192.0.2.1", 443, "198.51.100.7", 50000)
	add(2, IPv4, "198.51.100.7", 50000, "192.0.2.1", 443)
	add(3, IPv4, "192.0.2.1", 50000, "198.51.100.7", 443)
	add(4, IPv6, "2001:db8::1", 443, "2001:db8::2", 1)
	add(5, IPv6, "::ffff:192.0.2.1", 443, "::ffff:198.51.100.9", 9)
	s := &Snapshot{Sockets: rows}
	for _, by := range []string{"remote", "state"} { // on a screen of groups it is about the sockets below
		scopes := []Scope{
			{Name: "groups", Specs: Groups("groups", table.Columns[slices.IndexFunc(table.Columns, func(c Column[Socket]) bool {
				return c.ID == by
			})].Spec).Specs()},
			{Name: "sockets", Specs: table.Specs()},
		}
		f, err := ParseFilter("192.0.2.1:443 sockets>1", scopes...)
		if err != nil {
			t.Errorf("counted by %s: %v", by, err)
			continue
		}
		if got := f.Source(1); got != "192.0.2.1:443" || f.Source(0) != "sockets>1" || Matcher(f, 1, table, nil)(s, &rows[2]) {
			t.Errorf("counted by %s: asks the sockets for %q, the groups for %q", by, got, f.Source(0))
		}
		if again, err := ParseFilter(f.String(), scopes...); err != nil || again.String() != f.String() {
			t.Errorf("counted by %s, written as %s: %v", by, f, err)
		}
	}
	for src, want := range map[string][]uint64{
		"192.0.2.1:443":                    {1, 2, 5},
		"[2001:db8::1]:443":                {4},
		"not 192.0.2.1:443":                {3, 4},
		"(192.0.2.1:443)":                  {1, 2, 5},
		"192.0.2.1:443 lport:443":          {1, 5},
		"lport:443 or 198.51.100.7:50000":  {1, 2, 4, 5},
		"192.0.2.1:443 198.51.100.7:50000": {1, 2},
		"192.0.2.1:444":                    nil,
	} {
		f, err := ParseFilter(src, Scope{Specs: table.Specs()})
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		for _, again := range []string{src, f.String(), f.Source(0)} {
			f, err := ParseFilter(again, Scope{Specs: table.Specs()})
			if err != nil {
				t.Errorf("%s, written as %s: %v", src, again, err)
				continue
			}
			match := Matcher(f, 0, table, nil)
			var got []uint64
			for i := range rows {
				if match(s, &rows[i]) {
					got = append(got, rows[i].Cookie)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, written as %s: %v, want %v", src, again, got, want)
			}
		}
	}
}

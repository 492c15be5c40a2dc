package model

// Rows of the small tables in several network namespaces.

import "testing"

// checkNamespaces gives a table the same row in two namespaces: they are told apart, and say where they are.
func checkNamespaces[R any](t *testing.T, table *Table[R], row R, life func(*R) *Life) {
	t.Helper()
	s := &Snapshot{NetNS: []NetNS{{Cookie: 1, Name: SafeText("own")}, {}, {Cookie: 4097, Name: SafeText("blue")}}}
	ours, blue := row, row
	life(&blue).NetNS = 2
	if a, b := table.Key(s, &ours), table.Key(s, &blue); a == b || a.NetNS != 1 || b.NetNS != 4097 {
		t.Errorf("%s: keys %+v, %+v", table.Name, a, b)
	}
	if !table.Less(&ours, &blue) || table.Less(&blue, &ours) {
		t.Errorf("%s: no order", table.Name)
	}
	for i := range table.Columns {
		c := &table.Columns[i]
		if c.Default && c.Give >= 7 {
			t.Errorf("%s: %s gives way before netns", table.Name, c.ID)
		}
		if c.ID != "netns" {
			continue
		}
		if v := c.Value(s, &blue); v.Text != "blue" || c.Default {
			t.Errorf("%s: %+v, shown %v", table.Name, v, c.Default)
		}
		if v := c.Value(&Snapshot{}, &blue); v.Why == Known {
			t.Errorf("%s: of a namespace that is not known: %+v", table.Name, v)
		}
		return
	}
	t.Errorf("%s: no column tells the namespace", table.Name)
}

func TestTablesTellNamespaces(t *testing.T) {
	checkNamespaces(t, Links(), Link{Index: 1, Name: SafeText("lo")}, func(r *Link) *Life { return &r.Life })
	checkNamespaces(t, Routes(), Route{Family: IPv4, DstLen: 8}, func(r *Route) *Life { return &r.Life })
	checkNamespaces(t, Statistics(), Statistic{Name: SafeText("InErrs")}, func(r *Statistic) *Life { return &r.Life })
	checkNamespaces(t, Memberships(), Membership{Link: 1, Family: IPv6}, func(r *Membership) *Life { return &r.Life })
	checkNamespaces(t, Flows(), Flow{ID: 7, Proto: TCP}, func(r *Flow) *Life { return &r.Life })
}

// An interface's master is one of its own namespace: there the same number means another.
func TestMasterIsOfTheSameNamespace(t *testing.T) {
	at := func(slot uint16, index, master uint32, name string) Link {
		return Link{Life: Life{NetNS: slot}, Index: index, Master: master, Name: SafeText(name)}
	}
	s := &Snapshot{Links: []Link{at(0, 3, 0, "br0"), at(1, 3, 0, "docker0"), at(1, 4, 3, "veth0"), at(2, 4, 3, "veth0")}}
	for i := range Links().Columns {
		if c := &Links().Columns[i]; c.ID == "master" {
			if v := c.Value(s, &s.Links[2]); v.Text != "docker0" {
				t.Errorf("%+v", v)
			}
			if v := c.Value(s, &s.Links[3]); v.Why != NotGiven {
				t.Errorf("one that is not among those looked at: %+v", v)
			}
		}
	}
}

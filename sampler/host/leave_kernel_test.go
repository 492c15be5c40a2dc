package host

// This file reads one namespace after the other with the same Host.

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
)

// TestKernelLeave: after Leave a Host reads the namespace that the thread is in then, and nothing of the one before; before
// it, its sockets are where they were.
func TestKernelLeave(t *testing.T) {
	l := newLab(t)
	l.makeFlows()
	h := l.host
	read := func() (names []string, flows, routes int) {
		t.Helper()
		links, whole, err := h.Links()
		if err != nil || !whole {
			t.Fatalf("interfaces: whole %v, %v", whole, err)
		}
		for i := range links {
			names = append(names, links[i].Name.String())
		}
		tracked, whole, err := h.Flows()
		if err != nil || !whole {
			t.Fatalf("flows: whole %v, %v", whole, err)
		}
		list, whole, err := h.Routes()
		if err != nil || !whole {
			t.Fatalf("routes: whole %v, %v", whole, err)
		}
		return names, len(tracked), len(slices.DeleteFunc(list, func(r model.Route) bool { return r.Table == 0 }))
	}
	if names, flows, routes := read(); !slices.Contains(names, "toserver") || flows == 0 || routes == 0 {
		t.Fatalf("the router: %v, %d flows, %d routes", names, flows, routes)
	}
	must(t, "unshare", unix.Unshare(unix.CLONE_NEWNET))
	if links, _, err := h.Links(); err != nil || len(links) < 3 {
		t.Errorf("before it left: %d interfaces, %v", len(links), err)
	}
	h.Leave()
	if names, flows, routes := read(); slices.Contains(names, "toserver") || flows != 0 || routes != 0 {
		t.Errorf("another namespace: %v, %d flows, %d routes", names, flows, routes)
	}
}

package ui

// Golden screens of netstat's other tables, and of the pages about their rows.

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sockview/keymap"
	"sockview/model"
)

// tableScreens are the screens of netstat's other tables: how each is reached, and a filter for one of its rows.
var tableScreens = []struct {
	name, key, title string
	table            model.Tables
	row              string
}{
	{"unix", "5", "Unix", model.TableUnix, "inode=5004"},
	{"interfaces", "6", "Interfaces", model.TableLinks, "interface=eth0"},
	{"routes", "7", "Routes", model.TableRoutes, "protocol=ra"},
	{"statistics", "8", "Statistics", model.TableStatistics, "name=ListenOverflows"},
	{"groups", "9", "Groups", model.TableGroups, "group=ff02::1:ff00:5"},
	{"nat", "0", "NAT", model.TableFlows, "nat=dnat"},
}

func TestGoldenTables(t *testing.T) {
	for _, s := range tableScreens {
		for _, size := range []struct{ width, height int }{{80, 24}, {200, 50}} {
			name := fmt.Sprintf("%s-%dx%d", s.name, size.width, size.height)
			t.Run(name, func(t *testing.T) {
				h, _ := looked(t, size.width, size.height, s.key, nil)
				h.golden(name)
			})
		}
	}
}

// TestGoldenTableDetails are the pages about a row, and what they say when the row is gone.
func TestGoldenTableDetails(t *testing.T) {
	for _, s := range tableScreens {
		t.Run(s.name, func(t *testing.T) {
			h, n := looked(t, 100, 50, s.key, nil)
			n.detailed(h)
			h.filter(s.row)
			if h.rows() != 1 {
				t.Fatalf("%s shows %d rows, want 1:\n%s", s.row, h.rows(), h.text())
			}
			h.press(keymap.Enter)
			h.feed(n.snapshot(time.Second))
			h.golden("details-" + s.name)
			n.unix, n.links, n.routes, n.statistics, n.groups, n.flows = nil, nil, nil, nil, nil, nil
			h.feed(n.snapshot(time.Second))
			h.feed(n.snapshot(2 * time.Second))
			if !strings.Contains(h.text(), "It is gone, and its row too.") {
				t.Errorf("the page does not say that its row is gone:\n%s", h.text())
			}
		})
	}
	t.Run("ascii", func(t *testing.T) { // the frame and the plot
		h, _ := looked(t, 80, 24, "6", func(c *Config) { c.Start.ASCII = true })
		h.filter("interface=eth0")
		h.press(keymap.Enter)
		h.golden("details-interfaces-ascii")
		for _, row := range h.grid()[:12] {
			for _, c := range row {
				if c.Runes[0] > '~' {
					t.Fatalf("%q is not ASCII:\n%s", c.Runes, h.text())
				}
			}
		}
	})
}

// detailed gives the snapshots the detail of the unix socket that the screen asks for.
func (n *station) detailed(h *harness) {
	dress := n.dress
	n.dress = func(s *model.Snapshot) {
		dress(s)
		for i := range s.Unix {
			r := &s.Unix[i]
			if model.UnixKey(s, r) != h.source.wanted().Focus {
				continue
			}
			s.Detail = &model.Detail{Key: model.UnixKey(s, r)}
			for _, p := range s.HoldersOfUnix(r) {
				s.Detail.Holders = append(s.Detail.Holders, model.ProcessDetail{
					Process: *p, User: model.SafeText("postgres"), Why: model.NoPermission,
					Parents: []model.Process{{PID: 1, Name: model.SafeText("systemd")}},
				})
			}
		}
	}
}

package ui

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sockview/keymap"
	"sockview/model"
)

// TestLayoutProperties lays random columns into random widths: nothing overlaps or sticks out, no figure is cut,
// the first column is always there.
func TestLayoutProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	kinds := []model.Kind{model.KindText, model.KindAddress, model.KindNetwork, model.KindState, model.KindPort, model.KindNumber,
		model.KindCount, model.KindBytes, model.KindRate, model.KindDuration, model.KindTime}
	for range 20_000 {
		n := 1 + random.IntN(14)
		specs := make([]model.Spec, n)
		natural := make([]int, n)
		shown := random.Perm(n)[:1+random.IntN(n)]
		for i := range specs {
			specs[i] = model.Spec{Kind: kinds[random.IntN(len(kinds))], Width: 1 + random.IntN(12), Give: random.IntN(7)}
		}
		for i := range shown {
			natural[i] = specs[shown[i]].Width + random.IntN(30)
		}
		width, left := random.IntN(160)-2, random.IntN(n+2)
		placed := layout(specs, shown, natural, width, left)
		if len(placed) == 0 || placed[0].column != shown[0] {
			t.Fatalf("the first column is not there: %v of %v", placed, shown)
		}
		end, last := -columnGap, -1
		for i, p := range placed {
			at := slices.Index(shown, p.column)
			if at <= last {
				t.Fatalf("columns in the wrong order or twice: %v of %v", placed, shown)
			}
			last = at
			if p.x < end+columnGap || p.width < 0 {
				t.Fatalf("column %d overlaps the one before: %v", i, placed)
			}
			end = p.x + p.width
			if i > 0 && at < left {
				t.Fatalf("column %d should be out of sight: %v", at, placed)
			}
			if p.width > natural[at] {
				t.Fatalf("column %d is wider than it needs to be: %v, natural %v", i, placed, natural)
			}
			if len(placed) > 1 && !isText(specs[p.column].Kind) && p.width < natural[at] {
				t.Fatalf("a figure is cut: %v, natural %v", placed, natural)
			}
			scrolled := left > 0 && len(placed) == 2 // the narrowest that still shows two
			if len(placed) > 1 && !scrolled && p.width < min(natural[at], specs[p.column].Width) {
				t.Fatalf("a text is cut below its least width: %v, natural %v", placed, natural)
			}
		}
		if end > max(0, width) {
			t.Fatalf("%d cells are taken of %d: %v", end, width, placed)
		}
	}
}

// TestLayoutGives: the columns of the highest Give go first, and all are there when there is room.
func TestLayoutGives(t *testing.T) {
	specs := []model.Spec{{Give: 6, Width: 5}, {Kind: model.KindCount, Give: 2, Width: 5}, {Kind: model.KindCount, Give: 4, Width: 5},
		{Kind: model.KindCount, Give: 2, Width: 5}, {Kind: model.KindCount, Width: 5}}
	shown, natural := []int{0, 1, 2, 3, 4}, []int{9, 5, 5, 5, 5}
	for width, want := range map[int][]int{
		100: {0, 1, 2, 3, 4}, 33: {0, 1, 2, 3, 4}, 29: {0, 1, 2, 3, 4}, 28: {0, 1, 3, 4}, 23: {0, 1, 3, 4}, 22: {0, 1, 4}, 16: {0, 4}, 10: {0}, 0: {0},
	} {
		var got []int
		for _, p := range layout(specs, shown, natural, width, 0) {
			got = append(got, p.column)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d cells show %v, want %v", width, got, want)
		}
	}
}

// TestScrollingReachesEveryColumn: with Right and Left every column comes into sight, on a narrow screen too, and
// with an order in which the second would give way first.
func TestScrollingReachesEveryColumn(t *testing.T) {
	var all []string
	for _, s := range model.Sockets().Specs() {
		all = append(all, s.ID)
	}
	for name, c := range map[string]struct {
		width   int
		columns []string
	}{
		"default at 80":   {80, nil},
		"default at 40":   {40, nil},
		"default at 20":   {20, nil},
		"default at 200":  {200, nil},
		"every at 80":     {80, all},
		"every at 20":     {20, all},
		"second gives":    {60, []string{"process", "cmdline", "unit", "local", "lport", "remote", "rport", "state", "sent"}},
		"figure in front": {30, []string{"pid", "process", "remote", "state", "cookie"}},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := served(t, c.width, 10, func(cfg *Config) {
				if c.columns != nil {
					cfg.Start.Columns = map[string][]string{"sockets": c.columns}
				}
			})
			seen := make(map[int]bool)
			note := func() {
				h.do(func() {
					for _, p := range h.app.table.placed {
						if p.width > 0 {
							seen[p.column] = true
						}
					}
				})
			}
			note()
			for range len(all) + 2 {
				h.press(keymap.Right)
				note()
			}
			right := len(seen)
			for range len(all) + 2 {
				h.press(keymap.Left)
				note()
			}
			var missing []string
			h.do(func() {
				for _, col := range h.app.state.shown {
					if !seen[col] {
						missing = append(missing, h.app.state.specs[col].ID)
					}
				}
				if h.app.state.left != 0 {
					t.Errorf("Left ends at %d", h.app.state.left)
				}
			})
			if missing != nil || right != len(seen) {
				t.Errorf("never in sight: %v", missing)
			}
		})
	}
}

// TestRemovedColumnsAreScrolledBack: after columns were taken away one press of Left shows that it was pressed.
func TestRemovedColumnsAreScrolledBack(t *testing.T) {
	h, _ := served(t, 60, 10, nil)
	for range 12 {
		h.press(keymap.Right)
	}
	h.do(func() {
		for _, col := range slices.Clone(h.app.state.shown[3:]) {
			h.app.toggleColumn(h.app.state, col)
		}
	})
	h.settle()
	if got := h.app.state.left; got > 2 {
		t.Errorf("%d columns are out of sight, of 3", got)
	}
}

// TestWidthsDoNotJitter: a column that grew stays as wide while rows come and go.
func TestWidthsDoNotJitter(t *testing.T) {
	h, w := served(t, 120, 24, nil)
	before := h.line(1)
	w.sockets = w.sockets[:3]
	for range 4 {
		h.feed(w.snapshot(2_000_000_000))
	}
	if after := h.line(1); after != before {
		t.Errorf("the heading moved:\n%s\n%s", before, after)
	}
	h.press("Ctrl-L")
	if after := h.line(1); after == before {
		t.Error("a redraw does not measure anew")
	}
	if !strings.Contains(h.line(1), "PROCESS") {
		t.Errorf("no heading: %q", h.line(1))
	}
}

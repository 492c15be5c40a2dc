package ui

// How wide the columns of a table are, and which give way on a narrow screen.

import (
	"slices"

	"sockview/model"
)

// placed is a column on the screen: which, where from and how wide.
type placed struct {
	column   int // index into the specs
	x, width int
}

const columnGap = 1

// leastScrolled is how far the first column and the one scrolled to shrink to stand beside each other on a very
// narrow screen.
const leastScrolled = 4

// layout places the columns shown, in their order, into width cells. natural is, beside shown, the width the
// cells that are on the screen would like; figures are never cut, texts and addresses shrink to their column's
// least width. When that is not enough, columns give way by priority. A left above 0 means that the user
// scrolled: then the first column stays, left-1 columns after it are out of sight, and none gives way but at
// the right edge, so that scrolling brings each into sight.
func layout(specs []model.Spec, shown, natural []int, width, left int) []placed {
	type candidate struct {
		at, width, least int
	}
	var cs []candidate
	for i, c := range shown {
		if i > 0 && i < left {
			continue
		}
		cs = append(cs, candidate{i, natural[i], least(&specs[c], natural[i])})
	}
	need := func(w func(candidate) int) int {
		sum := -columnGap
		for _, c := range cs {
			sum += w(c) + columnGap
		}
		return sum
	}
	narrow := func(c candidate) int { return c.least }
	var gave []candidate
	for len(cs) > 1 && need(narrow) > width {
		last := len(cs) - 1
		if left > 0 && last == 1 { // rather they are cut
			for i := range cs {
				if isText(specs[shown[cs[i].at]].Kind) {
					cs[i].least = min(cs[i].least, max(leastScrolled, width-columnGap-cs[1-i].least))
				}
			}
			if need(narrow) <= width {
				break
			}
		}
		if left == 0 {
			last = firstToGive(specs, shown, len(cs), func(i int) int { return cs[i].at })
		}
		gave = append(gave, cs[last])
		cs = slices.Delete(cs, last, last+1)
	}
	// One that is narrow may fit where a wide one gave way after it.
	for i := len(gave) - 1; i >= 0 && left == 0; i-- {
		at := slices.IndexFunc(cs, func(c candidate) bool { return c.at > gave[i].at })
		if at < 0 {
			at = len(cs)
		}
		if need(narrow)+gave[i].least+columnGap <= width {
			cs = slices.Insert(cs, at, gave[i])
		}
	}
	// What is left over goes to those that were shrunk, a cell each in turn.
	widths := make([]int, len(cs))
	for i, c := range cs {
		widths[i] = c.least
	}
	for spare, grew := width-need(narrow), true; spare > 0 && grew; {
		grew = false
		for i, c := range cs {
			if spare > 0 && widths[i] < c.width {
				widths[i]++
				spare--
				grew = true
			}
		}
	}
	out := make([]placed, 0, len(cs))
	x := 0
	for i, c := range cs {
		w := min(widths[i], max(width-x, 0))
		out = append(out, placed{shown[c.at], x, w})
		x += w + columnGap
	}
	return out
}

// least is how far a column can shrink: a cut text can still be read, a cut figure would be a lie.
func least(s *model.Spec, natural int) int {
	if isText(s.Kind) {
		return min(natural, s.Width)
	}
	return natural
}

// firstToGive is which of n columns gives way: the one of the highest Give, of equals the last. The first
// column stays to the end.
func firstToGive(specs []model.Spec, shown []int, n int, at func(int) int) int {
	give := n - 1
	for i := n - 1; i > 0; i-- {
		if specs[shown[at(i)]].Give > specs[shown[at(give)]].Give {
			give = i
		}
	}
	return give
}

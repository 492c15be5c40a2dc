package term

import (
	"testing"

	"github.com/gdamore/tcell/v2"
	"github.com/google/go-cmp/cmp"
)

// FuzzDiff draws the same at random through a Diff and on a screen of tcell's own, and compares what a
// person sees. The one rule of ours, that something visible on the right half of a wide character splits
// it, is put in tcell's terms beside it.
func FuzzDiff(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"))
	f.Add([]byte("\x01\x00\x00\x03\x01\x01\x00\x01\x03\x01\x02\x00\x03\x05\x05\x05\x01\x00\x00\x00\x05"))
	f.Add([]byte("\x06\x03\x02\x01\x02\x01\x04\x05\x06\x09\x09\x01\x02\x01\x03\x05"))
	glyphs := []string{"a", "b", " ", "世", "界", "e\u0301", "│", "─", "\u0301", "👩\u200d💻", "\x1b", "é"}
	styles := []tcell.Style{
		tcell.StyleDefault,
		tcell.StyleDefault.Foreground(tcell.ColorRed),
		tcell.StyleDefault.Bold(true).Background(tcell.ColorBlue),
		tcell.StyleDefault.Foreground(tcell.ColorNone).Background(tcell.ColorGreen),
		tcell.StyleDefault.Background(tcell.ColorNone),
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		d, r := newRecorded(t, 7, 3)
		direct := tcell.NewSimulationScreen("UTF-8")
		if err := direct.Init(); err != nil {
			t.Fatal(err)
		}
		direct.SetSize(7, 3)
		next := func() int {
			if len(script) == 0 {
				return 0
			}
			b := script[0]
			script = script[1:]
			return int(b)
		}
		for len(script) > 0 {
			switch next() % 8 {
			case 0:
				d.Clear()
				direct.Clear()
			case 1, 2, 3:
				x, y, g, s := next()%9-1, next()%5-1, glyphs[next()%len(glyphs)], styles[next()%len(styles)]
				splitDirect(direct, x, y, g)
				rest, width := d.Put(x, y, g, s)
				wantRest, wantWidth := direct.Put(x, y, g, s)
				if rest != wantRest || width != wantWidth {
					t.Fatalf("Put(%d, %d, %q) = %q, %d; tcell says %q, %d", x, y, g, rest, width, wantRest, wantWidth)
				}
			case 4: // read and write back in another style, as tview colours a row
				x, y, s := next()%7, next()%3, styles[next()%len(styles)]
				for ; x < 7; x++ {
					p, c, _, _ := d.GetContent(x, y)
					d.SetContent(x, y, p, c, s)
					str, _, _ := direct.Get(x, y)
					direct.Put(x, y, str, s)
				}
			case 5:
				d.Show()
				direct.Show()
			case 6:
				s := styles[next()%len(styles)]
				d.Fill('x', s)
				direct.Fill('x', s)
			case 7:
				w, h := next()%9, next()%4
				r.SetSize(w, h)
				direct.SetSize(w, h)
				d.Size()
			}
		}
		d.Show()
		direct.Show()
		if diff := cmp.Diff(picture(direct), picture(r)); diff != "" {
			t.Fatalf("cells differ (-direct +diff):\n%s", diff)
		}
		r.forget()
		d.Show()
		if r.puts+r.shows != 0 {
			t.Fatalf("shown twice: %d cells, %d shows", r.puts, r.shows)
		}
	})
}

// splitDirect is the rule of grid.set on a screen that does not have it.
func splitDirect(s tcell.Screen, x, y int, glyph string) {
	under, _, _ := s.Get(x, y)
	visible := glyph != " " && glyph != under && glyph != "\u0301" && glyph != "\x1b"
	if left, style, width := s.Get(x-1, y); left != "" && width == 2 && visible {
		if str, _, _ := s.Get(x, y); str != "" {
			s.Put(x-1, y, " ", style)
		}
	}
	if glyph == "世" || glyph == "界" || glyph == "👩\u200d💻" {
		if str, _, _ := s.Get(x, y); str == "" {
			return
		}
		if _, style, width := s.Get(x+1, y); width == 2 {
			s.Put(x+1, y, " ", style)
		}
	}
}

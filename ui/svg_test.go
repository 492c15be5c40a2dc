package ui

// The picture of the screen in the README: a simulated terminal's cells drawn as SVG. go test ./ui -update
// draws it anew.

import (
	"encoding/xml"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"sockview/keymap"
	"sockview/model"
)

// Measures of the picture, in pixels: a cell, and the margin around all cells.
const (
	cellWidth, cellHeight = 8.4, 18.0
	margin                = 14.0
	fontSize              = 14
)

// The colours of a terminal with a dark background; the program itself names only the ANSI ones.
const (
	svgBackground = "#14171c"
	svgForeground = "#d4d8de"
	svgDim        = "#868e9a"
)

var svgColours = map[tcell.Color]string{
	tcell.ColorBlack: "#14171c", tcell.ColorMaroon: "#e8716d", tcell.ColorGreen: "#85c46c", tcell.ColorOlive: "#e3b95b",
	tcell.ColorNavy: "#6c9ef8", tcell.ColorPurple: "#c58af9", tcell.ColorTeal: "#58bcc8", tcell.ColorSilver: "#d4d8de",
}

// look is how a cell is drawn.
type look struct {
	fg, bg          string
	bold, underline bool
}

func lookOf(s tcell.Style) look {
	fg, bg, attrs := s.Decompose()
	l := look{fg: svgForeground, bg: svgBackground, bold: attrs&tcell.AttrBold != 0,
		underline: s.GetUnderlineStyle() != tcell.UnderlineStyleNone}
	if attrs&tcell.AttrDim != 0 {
		l.fg = svgDim
	}
	if c, ok := svgColours[fg]; ok {
		l.fg = c
	}
	if c, ok := svgColours[bg]; ok {
		l.bg = c
	}
	if attrs&tcell.AttrReverse != 0 {
		l.fg, l.bg = l.bg, l.fg
	}
	return l
}

// drawSVG writes the cells as a picture. Each piece of text says how long it is, so that the columns stand in
// line whichever monospaced font draws them.
func drawSVG(w io.Writer, grid [][]tcell.SimCell) {
	columns := len(grid[0])
	width, height := 2*margin+float64(columns)*cellWidth, 2*margin+float64(len(grid))*cellHeight
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.1f %.1f" width="%.0f" height="%.0f" role="img" aria-label="sockview in a terminal">`+"\n",
		width, height, width, height)
	fmt.Fprintf(w, `<rect width="%.1f" height="%.1f" rx="10" fill="%s"/>`+"\n", width, height, svgBackground)
	fmt.Fprintf(w, `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace" font-size="%d" fill="%s" xml:space="preserve">`+"\n",
		fontSize, svgForeground)
	for y, row := range grid {
		top := margin + float64(y)*cellHeight
		for x := 0; x < len(row); {
			l, end := lookOf(row[x].Style), x+1
			for end < len(row) && lookOf(row[end].Style) == l {
				end++
			}
			drawRun(w, row[x:end], l, margin+float64(x)*cellWidth, top)
			x = end
		}
	}
	io.WriteString(w, "</g>\n</svg>\n") //nolint:errcheck // a buffer
}

// drawRun draws cells of one look: what is behind them, then each piece of text between wide gaps.
func drawRun(w io.Writer, cells []tcell.SimCell, l look, x, top float64) {
	length := float64(len(cells)) * cellWidth
	if l.bg != svgBackground {
		fmt.Fprintf(w, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, top, length, cellHeight, l.bg)
	}
	if l.underline {
		fmt.Fprintf(w, `<rect x="%.1f" y="%.1f" width="%.1f" height="1" fill="%s" opacity="0.45"/>`+"\n", x, top+cellHeight-2, length, l.fg)
	}
	for at := 0; at < len(cells); {
		if string(cells[at].Runes) == " " {
			at++
			continue
		}
		end, text := at, ""
		for end < len(cells) && (string(cells[end].Runes) != " " || end+1 < len(cells) && string(cells[end+1].Runes) != " ") {
			text += string(cells[end].Runes)
			end++
		}
		attributes := ""
		if l.fg != svgForeground {
			attributes += fmt.Sprintf(` fill="%s"`, l.fg)
		}
		if l.bold {
			attributes += ` font-weight="bold"`
		}
		var escaped strings.Builder
		xml.EscapeText(&escaped, []byte(text)) //nolint:errcheck // a buffer
		fmt.Fprintf(w, `<text x="%.1f" y="%.1f" textLength="%.1f" lengthAdjust="spacingAndGlyphs"%s>%s</text>`+"\n",
			x+float64(at)*cellWidth, top+cellHeight-5, float64(end-at)*cellWidth, attributes, escaped.String())
		at = end
	}
}

// busy is the server of the picture: every owner can be seen, and every second bytes flow.
func busy() *world {
	w := server()
	for i := range w.sockets { // who holds the last two is known here
		r := &w.sockets[i]
		switch {
		case r.LocalPort == 631:
			w.hold(r, 1401)
		case r.LocalPort == 5353:
			w.hold(r, 1388)
		}
	}
	w.process(1401, "cupsd", 0)
	w.process(1388, "avahi-daemon", 108)
	w.process(3320, "prometheus", 998)
	w.socket("tcp", "10.0.0.5:48112", "10.0.0.21:9100", model.Established, 3320).Received = 41_220_118
	w.socket("tcp6", "[2001:db8::5]:443", "[2001:db8:77::2f]:60114", model.Established, 1204).Sent = 3_204_118
	w.dress = nil
	return w
}

func (w *world) flow() {
	for _, f := range []struct {
		port           uint16
		sent, received uint64
	}{
		{51522, 1_204_000, 4_100}, {40112, 310_500, 1_900}, {61201, 42_000, 610}, {5432, 12_000, 890_000}, {52804, 890_000, 12_000},
		{50814, 1_840, 96}, {60114, 96_300, 1_020}, {9100, 420, 38_000}, {49310, 2_100, 1_700}, {33018, 8_400, 220},
	} {
		for i := range w.sockets {
			if r := &w.sockets[i]; r.RemotePort == f.port {
				r.Sent, r.Received = r.Sent+f.sent, r.Received+f.received
			}
		}
	}
	for i := range w.sockets {
		if r := &w.sockets[i]; r.RemotePort == 443 {
			r.Sent, r.Received = r.Sent+310, r.Received+11_800_000
		}
	}
}

func TestPicture(t *testing.T) {
	h := start(t, 112, 26, func(c *Config) { c.Start.Sort = map[string]string{"sockets": "tx desc"} })
	w := busy()
	h.feed(w.snapshot(0))
	for range 3 {
		w.flow()
		h.feed(w.snapshot(time.Second))
	}
	w.flow()
	w.to(55012).State = model.LastAck
	w.close(33018)
	for port, bytes := range map[uint16]uint64{50010: 18_040, 50011: 5_210} {
		s := w.socket("tcp", "10.0.0.5:443", fmt.Sprintf("203.0.113.140:%d", port), model.Established, 1204)
		s.Sent, s.Received, s.Cookie = bytes, bytes/15, uint64(port)
	}
	h.feed(w.snapshot(time.Second))
	h.press("j", "j")

	grid := h.grid()
	var b strings.Builder
	drawSVG(&b, grid)
	svg := b.String()
	compare(t, filepath.Join("..", "testdata", "screen.svg"), svg)
	if len(svg) > 100_000 {
		t.Errorf("the picture has %d bytes", len(svg))
	}
	for _, sign := range []string{"+nginx", "~nginx", "-nginx", "TX/s▼", "full access"} {
		if !strings.Contains(textOf(grid), sign) {
			t.Errorf("the picture shows no %s:\n%s", sign, textOf(grid))
		}
	}
	documented(t, textOf(grid))
	drawn := readSVG(t, svg)
	for y, row := range grid {
		if got, want := strings.Join(strings.Fields(drawn[y]), ""), strings.Join(strings.Fields(textOf([][]tcell.SimCell{row})), ""); got != want {
			t.Errorf("line %d is drawn as %q, want %q", y, got, want)
		}
	}
}

// documented checks that the picture shows nobody's real address: those for documentation, private, loopback.
func documented(t *testing.T, text string) {
	t.Helper()
	for _, word := range strings.Fields(text) {
		if strings.Count(word, ".") != 3 || strings.Trim(word, "0123456789.") != "" {
			continue
		}
		ok := false
		for _, prefix := range []string{"192.0.2.", "198.51.100.", "203.0.113.", "10.", "127.0.0.", "0.0.0.0"} {
			ok = ok || strings.HasPrefix(word, prefix)
		}
		if !ok {
			t.Errorf("the picture shows %s", word)
		}
	}
}

// readSVG checks that it is well-formed, and says what is drawn in each line.
func readSVG(t *testing.T, svg string) map[int]string {
	t.Helper()
	lines := make(map[int]string)
	d := xml.NewDecoder(strings.NewReader(svg))
	y := -1
	for {
		token, err := d.Token()
		if err == io.EOF {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			y = -1
			for _, a := range e.Attr {
				if e.Name.Local == "text" && a.Name.Local == "y" {
					var at float64
					fmt.Sscan(a.Value, &at) //nolint:errcheck // 0 is a line too
					y = int((at - margin) / cellHeight)
				}
			}
		case xml.CharData:
			if y >= 0 {
				lines[y] += string(e)
			}
		case xml.EndElement:
			y = -1
		}
	}
}

// TestSVGText: what XML could take for markup is escaped, and wide characters take two cells.
func TestSVGText(t *testing.T) {
	h, _ := served(t, 60, 6, func(c *Config) { c.Host = model.SafeText("<b>&\"日本語") })
	h.press(keymap.Space)
	var b strings.Builder
	drawSVG(&b, h.grid())
	if got := readSVG(t, b.String())[0]; !strings.Contains(got, "<b>&\"日本語") || !strings.Contains(got, "(paused)") {
		t.Errorf("the first line is drawn as %q", got)
	}
}

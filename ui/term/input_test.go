package term

import (
	"slices"
	"testing"
)

// What reaches tcell is whole characters, and nothing that would have it wait for ever.
func TestCharacters(t *testing.T) {
	for name, tc := range map[string]struct {
		reads []string
		want  []string
	}{
		"plain":                      {[]string{"abc"}, []string{"abc"}},
		"a character in two reads":   {[]string{"\xc3", "\xa9x"}, []string{"", "éx"}},
		"three of four bytes":        {[]string{"\xf0\x9f\x98", "\x80"}, []string{"", "😀"}},
		"not UTF-8":                  {[]string{"a\xffb\x80"}, []string{"ab"}},
		"Latin-1 paste":              {[]string{"caf\xe9 ok"}, []string{"caf ok"}},
		"broken by what follows":     {[]string{"\xc3", "x"}, []string{"", "x"}},
		"a CSI sequence":             {[]string{"\x1b[A"}, []string{"\x1b[A"}},
		"Alt-]":                      {[]string{"\x1b]x"}, []string{"\x1bx"}},
		"Esc and ] in two reads":     {[]string{"\x1b", "]q"}, []string{"\x1b", "q"}},
		"] alone":                    {[]string{"]P_^X"}, []string{"]P_^X"}},
		"all that open a string":     {[]string{"\x1bP\x1bX\x1b^\x1b_\x1b]"}, []string{"\x1b\x1b\x1b\x1b\x1b"}},
		"a string within a sequence": {[]string{"\x1b]]]0;a"}, []string{"\x1b0;a"}},
	} {
		l := &line{}
		var got []string
		for _, read := range tc.reads {
			b := make([]byte, 64)
			n := copy(b, l.partial)
			l.partial = l.partial[:0]
			n += copy(b[n:], read)
			got = append(got, string(b[:l.characters(b[:n])]))
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q becomes %q, want %q", name, tc.reads, got, tc.want)
		}
	}
}

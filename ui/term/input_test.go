package term

import (
	"os"
	"os/signal"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// What reaches tcell is whole characters, and nothing that would have it wait for ever.
func TestFault31Characters(t *testing.T) {
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
		"Esc, then P soon, twice":    {[]string{"\x1b", "60ms|P", "60ms|Pq"}, []string{"\x1b", "", "q"}},
		"Esc, then P after a while":  {[]string{"\x1b", "200ms|P"}, []string{"\x1b", "P"}},
		"Esc, another key, then P":   {[]string{"\x1b", "1ms|j", "1ms|P"}, []string{"\x1b", "j", "P"}},
		"] alone":                    {[]string{"]P_^X"}, []string{"]P_^X"}},
		"all that open a string":     {[]string{"\x1bP\x1bX\x1b^\x1b_\x1b]"}, []string{"\x1b\x1b\x1b\x1b\x1b"}},
		"a string within a sequence": {[]string{"\x1b]]]0;a"}, []string{"\x1b0;a"}},
	} {
		l := &line{}
		now := time.Unix(1_700_000_000, 0)
		var got []string
		for _, read := range tc.reads {
			wait, rest, later := strings.Cut(read, "|")
			if later {
				d, err := time.ParseDuration(wait)
				if err != nil {
					t.Fatal(err)
				}
				now, read = now.Add(d), rest
			}
			b := make([]byte, 64)
			n := copy(b, l.partial)
			l.partial = l.partial[:0]
			n += copy(b[n:], read)
			got = append(got, string(b[:l.characters(b[:n], now)]))
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q becomes %q, want %q", name, tc.reads, got, tc.want)
		}
	}
}

// TestFault29CaughtToTheEnd: a terminal that is gone is noticed by reading and told of by SIGHUP, in either order. The
// signal does not find the process without its handler while it is leaving; while it is stopped, it does.
func TestFault29CaughtToTheEnd(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Skip("needs a pseudo-terminal: ", err)
	}
	defer master.Close()
	defer slave.Close()
	ours := make(chan os.Signal, 1) // also keeps the test alive, whatever becomes of the line's
	signal.Notify(ours, unix.SIGHUP)
	defer signal.Stop(ours)
	for _, c := range []struct {
		name   string
		leave  func(*line) error
		caught bool
	}{{"stopped", (*line).Stop, false}, {"leaving", (*line).abandon, true}} {
		fd, err := unix.Open(slave.Name(), unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan os.Signal, 1)
		l := &line{file: os.NewFile(uintptr(fd), "terminal"), fd: fd, gone: func() {}, signals: got}
		if err := l.Start(); err != nil {
			t.Fatal(err)
		}
		if err := c.leave(l); err != nil {
			t.Error(err)
		}
		if err := unix.Kill(unix.Getpid(), unix.SIGHUP); err != nil {
			t.Fatal(err)
		}
		<-ours
		signal.Stop(got) // waits for what is on its way
		if (len(got) > 0) != c.caught {
			t.Errorf("%s: %d signals caught", c.name, len(got))
		}
		l.file.Close()
	}
}

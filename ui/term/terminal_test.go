package term

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

const (
	enterScreen = "\x1b[?1049h"
	leaveScreen = "\x1b[?1049l"
	showCursor  = "\x1b[?25h"
)

func TestEachWayOut(t *testing.T) {
	tests := []struct {
		name   string
		leave  func(s *session)
		code   int
		stderr []string
	}{
		{"q", func(s *session) { s.keys("q") }, 0, nil},
		{"SIGTERM", func(s *session) { s.signal(unix.SIGTERM) }, 143, nil},
		{"SIGHUP", func(s *session) { s.signal(unix.SIGHUP) }, 129, nil},
		{"SIGINT", func(s *session) { s.signal(unix.SIGINT) }, 130, nil},
		{"SIGQUIT", func(s *session) { s.signal(unix.SIGQUIT) }, 131, nil},
		{"panic while a key is handled", func(s *session) { s.keys("p") }, 2,
			[]string{"panic in main: here \\x1b]0;evil\\x07\\xff", "screenProgram"}},
		{"panic in another goroutine", func(s *session) { s.keys("P") }, 2,
			[]string{"panic in elsewhere: there", "screenProgram"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, "mouse", 80, 24).shown()
			if !s.isRaw() {
				t.Error("the terminal is not raw while the screen is on")
			}
			from := s.mark("<mark 1>")
			tt.leave(s)
			s.exitsInTime(tt.code)
			s.asFound()
			s.until(leaveScreen, from)
			s.until(showCursor, from)
			s.until("\x1b[?1000l", from)
			for _, want := range tt.stderr {
				if !strings.Contains(s.stderr.String(), want) {
					t.Errorf("stderr lacks %q:\n%s", want, s.stderr.String())
				}
			}
			if strings.ContainsAny(s.stderr.String(), "\x1b\a") || !utf8.ValidString(s.stderr.String()) {
				t.Errorf("raw bytes on stderr: %q", s.stderr.String())
			}
			if tt.stderr == nil && s.stderr.Len() > 0 {
				t.Errorf("stderr %q, want nothing", s.stderr.String())
			}
		})
	}
}

// Nobody reads the terminal, or it was stopped: signals still end the program in time.
func TestFault30StalledTerminal(t *testing.T) {
	stalls := map[string]func(s *session){
		"nobody reads": func(s *session) {
			s.stall()
			s.keys("f")
			s.full()
		},
		"output stopped": func(s *session) {
			err := s.control(func(fd int) error { return unix.IoctlSetInt(fd, unix.TCXONC, unix.TCOOFF) })
			if err != nil {
				s.t.Fatal(err)
			}
			s.keys("f")
		},
	}
	for name, stall := range stalls {
		for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT} {
			t.Run(fmt.Sprintf("%s, %v", name, sig), func(t *testing.T) {
				s := start(t, "", 180, 50).shown()
				s.mark("<mark 1>")
				stall(s)
				s.signal(sig)
				s.exitsInTime(128 + int(sig))
				s.asFound()
			})
		}
	}
}

// Who comes back to a terminal that had stalled finds it put back, not the rest of an old picture.
func TestStalledTerminalComesBack(t *testing.T) {
	s := start(t, "", 180, 50).shown()
	s.mark("<mark 1>")
	s.stall()
	s.keys("f")
	s.full()
	s.signal(unix.SIGTERM)
	s.exitsInTime(terminated)

	after := s.settings()
	s.line.Close() // the last one: reading ends where the output does
	if err := s.terminal.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(s.terminal)
	if err != nil && !errors.Is(err, unix.EIO) {
		t.Fatal(err)
	}
	for _, want := range []string{leaveScreen, showCursor} {
		if !strings.Contains(string(rest), want) {
			t.Errorf("what is left to read lacks %q: %q", want, rest)
		}
	}
	if diff := cmp.Diff(s.before, after); diff != "" {
		t.Errorf("settings (-before +after):\n%s", diff)
	}
}

func TestFault29TerminalGone(t *testing.T) {
	for _, options := range []string{"", "nohup"} {
		t.Run("options "+options, func(t *testing.T) {
			s := start(t, options, 80, 24).shown()
			s.mark("<mark 1>")
			s.stall() // a read in progress would keep the master open
			s.terminal.Close()
			s.exitsInTime(129)
		})
	}
}

func TestFault28CtrlZ(t *testing.T) {
	stops := map[string]struct {
		stop func(s *session, pid int)
		sig  unix.Signal
	}{
		"Ctrl-Z":  {func(s *session, _ int) { s.keys("\x1a") }, unix.SIGTSTP},
		"SIGTSTP": {func(s *session, pid int) { kill(s.t, pid, unix.SIGTSTP) }, unix.SIGTSTP},
	}
	for name, tt := range stops {
		t.Run(name, func(t *testing.T) {
			s := start(t, "shell", 80, 24)
			pid, err := strconv.Atoi(s.says("pid "))
			if err != nil {
				t.Fatal(err)
			}
			s.shown()
			for i := range 3 {
				from := s.mark(fmt.Sprintf("<mark %d>", i+1))
				tt.stop(s, pid)
				s.says(fmt.Sprintf("stopped %d", tt.sig))
				s.asFound()
				s.until(leaveScreen, from)
				from = len(s.all())
				s.order()
				s.until(enterScreen, from)
				s.until("é", from) // the picture is back without a key
			}
			if !s.isRaw() {
				t.Error("the terminal is not raw after fg")
			}
			s.keys("q")
			s.says("ended 0")
			s.asFound()
		})
	}
}

func (s *session) order() {
	if _, err := s.orders.Write([]byte{'\n'}); err != nil {
		s.t.Fatal(err)
	}
}

func kill(t *testing.T, pid int, sig unix.Signal) {
	t.Helper()
	if err := unix.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
}

// SIGSTOP asks nobody. What a shell did to the terminal meanwhile is set right on return.
func TestStoppedUnasked(t *testing.T) {
	s := start(t, "shell", 80, 24)
	pid, err := strconv.Atoi(s.says("pid "))
	if err != nil {
		t.Fatal(err)
	}
	s.shown()
	s.mark("<mark 1>")
	kill(t, pid, unix.SIGSTOP)
	s.says(fmt.Sprintf("stopped %d", unix.SIGSTOP))
	if err := s.control(func(fd int) error { return unix.IoctlSetTermios(fd, unix.TCSETS, &s.before) }); err != nil {
		t.Fatal(err)
	}
	from := len(s.all())
	s.order()
	s.until(greeting, from)
	if !s.isRaw() {
		t.Error("the terminal is not raw again")
	}
	s.keys("q")
	s.says("ended 0")
	s.asFound()
}

// A terminal that takes no output can be left by stopping, too, and shows the picture again on return.
func TestStopOnStalledTerminal(t *testing.T) {
	s := start(t, "shell", 80, 24)
	pid, err := strconv.Atoi(s.says("pid "))
	if err != nil {
		t.Fatal(err)
	}
	s.shown()
	s.mark("<mark 1>")
	if err := s.control(func(fd int) error { return unix.IoctlSetInt(fd, unix.TCXONC, unix.TCOOFF) }); err != nil {
		t.Fatal(err)
	}
	s.keys("f")
	kill(t, pid, unix.SIGTSTP)
	s.says("stopped")
	s.asFound()
	from := len(s.all())
	s.order()
	s.until(enterScreen, from)
	kill(t, pid, unix.SIGTERM)
	s.says(fmt.Sprintf("ended %d", terminated))
	s.asFound()
}

// A stopped job is killed as any other.
func TestEndedWhileStopped(t *testing.T) {
	s := start(t, "shell", 80, 24)
	pid, err := strconv.Atoi(s.says("pid "))
	if err != nil {
		t.Fatal(err)
	}
	s.shown().keys("\x1a")
	s.says("stopped")
	kill(t, pid, unix.SIGTERM)
	s.order()
	s.says("ended")
	s.asFound()
}

// Without job control nothing could wake it, so Ctrl-Z must not put it to sleep.
func TestCtrlZWithoutJobControl(t *testing.T) {
	s := start(t, "", 80, 24).shown()
	from := s.mark("<mark 1>")
	s.keys("\x1a")
	s.until(leaveScreen, from)
	s.until(enterScreen, from)
	s.mark("<mark 2>")
	s.keys("q")
	s.exits(0)
	s.asFound()
}

func TestBytesSent(t *testing.T) {
	s := start(t, "", 180, 50).shown()
	from := s.mark("<mark 1>")
	s.keys("rrrrr")
	to := s.mark("<mark 2>")
	if sent := s.all()[from : to-len("<mark 2>")]; sent != "" {
		t.Errorf("five unchanged pictures sent %d bytes: %q", len(sent), sent)
	}
	s.keys("c")
	to2 := s.mark("<mark 3>")
	sent := s.all()[to : to2-len("<mark 3>")]
	if len(sent) > 40 || !strings.Contains(sent, "1") {
		t.Errorf("one changed cell sent %d bytes: %q", len(sent), sent)
	}
	t.Logf("one changed cell: %d bytes", len(sent))
}

func TestFault32TerminalTypes(t *testing.T) {
	tests := []struct {
		term     string // "-" is unset
		refused  bool
		contains string
	}{
		{"-", false, enterScreen},
		{"dumb", true, `"dumb"`},
		{"unknown", true, `"unknown"`},
		{"no\x1bsuch\x07", false, enterScreen},
		{"foo-256color", false, enterScreen},
		{"xterm", false, enterScreen},
		{"xterm-256color", false, enterScreen},
		{"xterm-kitty", false, enterScreen},
		{"screen", false, enterScreen},
		{"screen.xterm-256color", false, enterScreen},
		{"tmux-256color", false, enterScreen},
		{"linux", false, "\x1b[H\x1b[J"},
		{"vt100", false, "\x1b[H\x1b[J"},
		{"wy60", true, `"wy60"`},
	}
	for _, tt := range tests {
		t.Run(strconv.Quote(tt.term), func(t *testing.T) {
			bin := t.TempDir()
			ran := filepath.Join(bin, "ran")
			script := "#!/bin/sh\n: >" + ran + "\n"
			if err := os.WriteFile(filepath.Join(bin, "infocmp"), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			env := []string{"PATH=" + bin, "TERM=" + tt.term}
			if tt.term == "-" {
				env[1] = "TERM="
			}
			s := start(t, "mouse", 80, 24, env...)
			if tt.refused {
				s.exits(noScreen)
				if out := s.all(); out != "" {
					t.Errorf("wrote %q on a terminal it cannot draw on", out)
				}
				got := s.stderr.String()
				if !strings.Contains(got, tt.contains) || !strings.Contains(got, "TERM=xterm") || strings.Count(got, "\n") != 1 {
					t.Errorf("stderr %q, want one line that says what to set", got)
				}
			} else {
				s.until(tt.contains, 0)
				s.shown().keys("q")
				s.exits(0)
			}
			s.asFound()
			if _, err := os.Stat(ran); err == nil {
				t.Error("it ran infocmp")
			}
		})
	}
}

func TestFault32Locales(t *testing.T) {
	tests := []struct {
		env   string
		ascii bool
	}{
		{"LANG=C.UTF-8", false},
		{"LANG=", false},
		{"LC_CTYPE=UTF-8", false},
		{"LC_ALL=de_DE.utf8", false},
		{"LC_ALL=C", true},
		{"LC_ALL=POSIX", true},
		{"LC_ALL=de_DE@euro", true},
		{"LC_CTYPE=en_US.ISO-8859-1", true},
		{"LC_ALL=ja_JP.eucJP", true},
		{"LC_ALL=.../\x1b[31m.no such", true},
	}
	for _, tt := range tests {
		t.Run(strconv.Quote(tt.env), func(t *testing.T) {
			s := start(t, "", 80, 24, tt.env).shown()
			s.mark("<mark 1>")
			s.keys("q")
			s.exits(0)
			s.asFound()
			beyond := strings.IndexFunc(s.all(), func(r rune) bool { return r > '~' }) >= 0
			if beyond == tt.ascii {
				t.Errorf("sent more than ASCII: %v", beyond)
			}
			if strings.Contains(s.all(), "\x1a") {
				t.Error("sent SUB")
			}
		})
	}
}

func TestOptions(t *testing.T) {
	color := func(out string) bool { return strings.Contains(out, "\x1b[31") }
	mouse := func(out string) bool { return strings.Contains(out, "\x1b[?1000h") }
	beyond := func(out string) bool { return strings.Contains(out, "é") }
	tests := []struct {
		options, env         string
		color, mouse, beyond bool
	}{
		{"", "X=", true, false, true},
		{"nocolor", "X=", false, false, true},
		{"", "NO_COLOR=1", false, false, true},
		{"", "NO_COLOR=", true, false, true},
		{"mouse", "X=", true, true, true},
		{"ascii", "X=", true, false, false},
		{"", "COLUMNS=-7", true, false, true},
		{"", "LINES=2000000000", true, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.options+" "+tt.env, func(t *testing.T) {
			s := start(t, tt.options, 80, 24, tt.env).shown()
			s.mark("<mark 1>")
			out := s.all()
			if color(out) != tt.color || mouse(out) != tt.mouse || beyond(out) != tt.beyond {
				t.Errorf("color %v, mouse %v, beyond ASCII %v; want %v, %v, %v",
					color(out), mouse(out), beyond(out), tt.color, tt.mouse, tt.beyond)
			}
			if strings.Contains(out, "\x1b]2;") || strings.Contains(out, "\x1b[>") {
				t.Error("set the title or a keyboard protocol, which nobody asked for")
			}
		})
	}
}

func TestClipboard(t *testing.T) {
	tests := []struct{ term, env, want string }{
		{"xterm-256color", "X=", "\x1b]52;c;Y29waWVk\a<"},
		{"screen", "TMUX=/tmp/x", "\x1b]52;c;Y29waWVk\a<"},
		{"screen", "STY=1.x", "\x1bP\x1b]52;c;Y29waWVk\a\x1b\\<"},
		{"linux", "X=", "<"},
	}
	for _, tt := range tests {
		t.Run(tt.term+" "+tt.env, func(t *testing.T) {
			s := start(t, "", 80, 24, "TERM="+tt.term, tt.env).shown()
			from := s.mark("<mark 1>")
			s.keys("y")
			s.mark("<mark 2>")
			if got := s.all()[from:]; got != tt.want+"mark 2>" {
				t.Errorf("sent %q, want %q", got, tt.want)
			}
		})
	}
}

func TestFault31WindowSizes(t *testing.T) {
	for _, size := range [][2]int{{0, 0}, {1, 1}, {0, 10}, {2000, 2000}, {65535, 65535}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			s := start(t, "", 80, 24).shown()
			s.mark("<mark 1>")
			s.resize(size[0], size[1])
			s.keys("r")
			s.mark("<mark 2>")
			most := 128 << 10 // kB; tcell alone would take 1.4 GB at 2000x2000
			if raceDetected() {
				most *= 4
			}
			if got := statusKB(s.cmd.Process.Pid, "VmHWM"); got == 0 || got > most {
				t.Errorf("resident memory reached %d kB, want %d at most", got, most)
			}
			s.keys("q")
			s.exits(0)
			s.asFound()
		})
		t.Run(fmt.Sprintf("%dx%d from the start", size[0], size[1]), func(t *testing.T) {
			s := start(t, "", size[0], size[1])
			s.until(enterScreen, 0)
			s.mark("<mark 1>")
			s.keys("q")
			s.exits(0)
			s.asFound()
		})
	}
}

// Keys and sizes at random, Ctrl-Z among them (which comes back by itself here).
func TestStormOfResizes(t *testing.T) {
	s := start(t, "mouse", 80, 24).shown()
	s.mark("<mark 1>")
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		s.resize(random.IntN(300), random.IntN(100))
		s.keys(strings.Repeat(string("cr \x1b[A\t"[random.IntN(7)]), random.IntN(4)))
	}
	s.resize(20, 5) // each key draws
	s.keys("ccc")   // ends an escape sequence
	s.mark("<mark 2>")
	from := len(s.all())
	s.keys("\x1a" + strings.Repeat("xzw", 700)) // more than tcell's queue holds
	s.until(leaveScreen, from)
	s.until(enterScreen, from)
	from = s.mark("<mark 3>")
	s.keys("q")
	s.exits(0)
	s.until(leaveScreen, from)
	s.asFound()
}

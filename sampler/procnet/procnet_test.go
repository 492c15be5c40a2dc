package procnet

// This file reads tables captured on Linux 6.18 (testdata/procnet), and ones that are wrong.

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"sockview/model"
)

const captures = "../../testdata/procnet"

// line is what a row is compared by.
func line(s *model.Socket) string {
	return fmt.Sprintf("%s %v:%d-%v:%d %v %d/%d %v %d %d uid %d", s.ProtoName(), s.Local.Netip(), s.LocalPort,
		s.Remote.Netip(), s.RemotePort, s.State, s.RecvQ, s.SendQ, s.Timer, s.Retries, s.Probes, s.UID)
}

func TestCapturedTables(t *testing.T) {
	f := At(captures)
	for _, test := range []struct {
		proto  model.Proto
		family model.Family
		want   []string
	}{
		{model.TCP, model.IPv4, []string{
			"tcp 127.0.0.1:1001-0.0.0.0:0 LISTEN 1/0 off 0 0 uid 0",
			"tcp 127.0.0.1:1001-127.0.0.1:2001 ESTABLISHED 100/0 off 0 0 uid 0",
			"tcp 127.0.0.1:1001-127.0.0.1:2002 ESTABLISHED 0/0 off 0 0 uid 0",
			"tcp 127.0.0.1:2001-127.0.0.1:1001 ESTABLISHED 0/0 off 0 0 uid 0",
			"tcp 127.0.0.1:2002-127.0.0.1:1001 ESTABLISHED 0/0 off 0 0 uid 0",
			"tcp 127.0.0.1:2003-127.0.0.1:1004 ESTABLISHED 0/0 off 0 0 uid 0"}},
		{model.TCP, model.IPv6, []string{
			"tcp6 127.0.0.1:1004-127.0.0.1:2003 ESTABLISHED 0/0 off 0 0 uid 0",
			"tcp6 :::1004-:::0 LISTEN 1/0 off 0 0 uid 0"}},
		{model.UDP, model.IPv4, []string{
			"udp 127.0.0.1:53-0.0.0.0:0 CLOSE 832/0 off 0 0 uid 1000",
			"udp 127.0.0.1:54-127.0.0.1:53 ESTABLISHED 0/0 off 0 0 uid 1000"}},
		{model.UDP, model.IPv6, []string{"udp6 ::1:53-:::0 CLOSE 0/0 off 0 0 uid 1000"}},
		{model.UDPLite, model.IPv4, []string{"udplite 127.0.0.1:99-0.0.0.0:0 CLOSE 0/0 off 0 0 uid 0"}},
		{model.UDPLite, model.IPv6, nil},
		{model.Raw, model.IPv4, []string{
			"raw 0.0.0.0:255-0.0.0.0:0 CLOSE 0/0 off 0 0 uid 0",
			"raw 127.0.0.1:1-127.0.0.1:0 ESTABLISHED 0/0 off 0 0 uid 0"}},
		{model.Raw, model.IPv6, []string{"raw6 :::58-:::0 CLOSE 0/0 off 0 0 uid 0"}},
	} {
		for range 2 { // the second finds nothing of the first
			var got []string
			res, err := f.Dump(test.proto, test.family, func(s *model.Socket) {
				got = append(got, line(s))
				if s.Cookie != 0 || s.Owner != -1 || (s.Has&model.HasQueues == 0) != (s.State == model.Listen) ||
					s.Has&model.HasUID == 0 || s.Has&^(model.HasQueues|model.HasUID) != 0 {
					t.Errorf("%+v", *s)
				}
				// 2002 and 2003 were not accepted.
				if waits := s.RemotePort == 2002 || s.RemotePort == 2003; waits != (s.Inode == 0) {
					t.Errorf("%s: inode %d", line(s), s.Inode)
				}
			})
			slices.Sort(got)
			if err != nil || res != (Result{Rows: len(got)}) || !slices.Equal(got, test.want) {
				t.Errorf("%+v, %v, got\n%s\nwant\n%s", res, err, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		}
	}
	if got, err := f.InUse(); err != nil || got != (Counts{All: 15, Raw: 2, Raw6: 1, UDPLite: 1}) {
		t.Errorf("in use: %+v, %v", got, err)
	}
}

// good is a line of the table, with the last word left to be filled in.
const good = "   0: 0100007F:03E9 0200007F:07D1 %s 0000000A:0000000B %s    1000        3 4711 2 000000005daa6ddd 20 4 30 10 -1"

func TestLines(t *testing.T) {
	for _, test := range []struct {
		state, timer string
		want         string
		expires      uint32
		has          model.Has
	}{
		{"01", "00:00000000 00000000", "ESTABLISHED 11/10 off 0 3", 0, model.HasQueues | model.HasUID},
		{"01", "01:00000014 00000002", "ESTABLISHED 11/10 on 2 3", 200, model.HasQueues | model.HasUID},
		{"01", "02:000AFC80 00000000", "ESTABLISHED 11/10 keepalive 0 3", 7_200_000, model.HasQueues | model.HasUID},
		{"01", "04:FFFFFFFF 00000FFF", "ESTABLISHED 11/10 probe 255 3", 4294967290, model.HasQueues | model.HasUID},
		{"06", "03:00001770 00000000", "TIME_WAIT 11/10 timewait 0 3", 60_000, model.HasQueues | model.HasUID},
		{"0A", "00:00000000 00000000", "LISTEN 11/10 off 0 3", 0, model.HasUID},
		{"07", "00:00000000 00000000", "CLOSE 11/10 off 0 3", 0, model.HasQueues | model.HasUID},
		{"63", "00:00000000 00000000", "- 11/10 off 0 3", 0, model.HasQueues | model.HasUID},
	} {
		var s model.Socket
		if !parseSocket(&s, fmt.Appendf(nil, good, test.state, test.timer), model.TCP, model.IPv4) {
			t.Errorf("%+v does not parse", test)
		}
		want := "tcp 127.0.0.1:1001-127.0.0.2:2001 " + test.want + " uid 1000"
		if line(&s) != want || s.Expires != test.expires || s.Has != test.has || s.Inode != 4711 {
			t.Errorf("got %s, %d ms, has %b; want %s", line(&s), s.Expires, s.Has, want)
		}
	}
	// Nobody's socket has no user.
	for _, state := range []string{"03", "06"} {
		text := strings.Replace(fmt.Sprintf(good, state, "01:00000014 00000002"), "1000 ", "0 ", 1)
		var s model.Socket
		if !parseSocket(&s, []byte(text), model.TCP, model.IPv4) || s.Has != model.HasQueues {
			t.Errorf("%s: %+v", text, s)
		}
	}
}

func TestBadLines(t *testing.T) {
	whole := fmt.Sprintf(good, "01", "00:00000000 00000000")
	words := strings.Fields(whole)
	bad := map[string]string{"nothing": "", "blanks": "      ", "no number": strings.Replace(whole, "0:", "x:", 1)}
	for i := range 10 {
		bad[fmt.Sprint("cut before ", i)] = strings.Join(words[:i], " ")
		for _, w := range []string{"", "x", "0100007F", ":", "g100007F:03E9", "0100007F:003E9", "0100007F:0G00", "99999999999999999999",
			"00000001000000000000", "0000000A:", "-1"} {
			// What is left out is followed by a number too; what is longer than it should be is one all the same.
			if w == "" && i > 5 || i == 4 && w == "0100007F:003E9" || i == 6 && w == "0100007F" {
				continue
			}
			broken := slices.Clone(words)
			broken[i] = w
			bad[fmt.Sprintf("%q for %d", w, i)] = strings.Join(broken, " ")
		}
	}
	for name, text := range bad {
		s := model.Socket{Sent: 1}
		if parseSocket(&s, []byte(text), model.TCP, model.IPv4) || s != (model.Socket{}) {
			t.Errorf("%s parses as %s", name, line(&s))
		}
	}
	var s model.Socket
	if parseSocket(&s, []byte(whole), model.TCP, model.IPv6) {
		t.Error("an IPv4 line is taken for IPv6")
	}
}

func TestFaultyTables(t *testing.T) {
	row := fmt.Sprintf(good, "01", "00:00000000 00000000") + "\n"
	for _, test := range []struct {
		name, text string
		want       Result
	}{
		{"empty", "", Result{}},
		{"header", "sl\n", Result{}},
		{"rows", "sl\n" + row + row, Result{Rows: 2}},
		{"a bad row", "sl\n" + row + "junk\n" + row, Result{2, 1}},
		{"cut", "sl\n" + row + row[:100], Result{1, 1}},
		{"cut at the end of a line", "sl\n" + row + row[:len(row)-1], Result{1, 1}},
		{"a line that is too long", "sl\n" + row + strings.Repeat("x", 3*bufferSize) + "\n" + row, Result{2, 1}},
		{"too long to the end", "sl\n" + row + strings.Repeat("x", bufferSize), Result{1, 1}},
		{"many", "sl\n" + strings.Repeat(row, 3000), Result{Rows: 3000}},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "tcp"), []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		rows := 0
		res, err := At(dir).Dump(model.TCP, model.IPv4, func(*model.Socket) { rows++ })
		if err != nil || res != test.want || rows != res.Rows {
			t.Errorf("%s: %+v, %d rows, %v; want %+v", test.name, res, rows, err, test.want)
		}
	}
}

func TestReadInPieces(t *testing.T) {
	b, err := os.ReadFile(captures + "/tcp")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []io.Reader{iotest.OneByteReader(strings.NewReader(string(b))), iotest.DataErrReader(strings.NewReader(string(b)))} {
		n := 0
		if err := At("").r.lines(file, func(line []byte, whole bool) {
			n++
			if !whole || strings.Contains(string(line), "\n") {
				t.Errorf("%q", line)
			}
		}); err != nil || n != 7 {
			t.Errorf("%d lines, %v", n, err)
		}
	}
	if err := At("").r.lines(iotest.ErrReader(io.ErrUnexpectedEOF), nil); err != io.ErrUnexpectedEOF {
		t.Errorf("got %v", err)
	}
}

func TestMissing(t *testing.T) {
	f := At(t.TempDir())
	if _, err := f.Dump(model.Raw, model.IPv6, nil); !errors.Is(err, ErrUnsupported) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no table: %v", err)
	}
	if _, err := f.Dump(model.SCTP, model.IPv4, nil); !errors.Is(err, ErrUnsupported) {
		t.Errorf("SCTP: %v", err)
	}
	if _, err := f.InUse(); !errors.Is(err, ErrUnsupported) {
		t.Errorf("no sockstat: %v", err)
	}
	// A directory can be opened and not read: that is another error.
	dir := t.TempDir()
	for _, name := range []string{"tcp", "sockstat"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := At(dir).Dump(model.TCP, model.IPv4, nil); err == nil || errors.Is(err, ErrUnsupported) {
		t.Errorf("unreadable: %v", err)
	}
	if _, err := At(dir).InUse(); err == nil || errors.Is(err, ErrUnsupported) {
		t.Errorf("unreadable: %v", err)
	}
}

func TestSockstat(t *testing.T) {
	for _, test := range []struct {
		v4, v6 string
		want   Counts
		ok     bool
	}{
		{"RAW: inuse 3\nUDPLITE: inuse 4\n", "RAW6: inuse 5\nUDPLITE6: inuse 6\n", Counts{18, 3, 5, 4, 6}, true},
		{"sockets: used 9\nTCP: inuse 1 orphan 2 tw 30 alloc 9 mem 1\nUDP: inuse 4 mem 5\n", "TCP6: inuse 100\n", Counts{All: 135}, true},
		{"RAW: inuse 3\n", "-", Counts{All: 3, Raw: 3}, true}, // no IPv6
		{"RAW: inuse x\n", "", Counts{}, false},
		{"RAW: memory 3\n", "", Counts{}, false},
		{"RAW: inuse 99999999999\n", "", Counts{}, false},
		{"RAW: inuse 3", "", Counts{}, false},
		{"RAW:\n", "", Counts{}, false},
		{"", "RAW6: inuse -1\n", Counts{}, false},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"sockstat": test.v4, "sockstat6": test.v6} {
			if text == "-" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := At(dir).InUse(); got != test.want || (err == nil) != test.ok {
			t.Errorf("%q, %q: %+v, %v", test.v4, test.v6, got, err)
		}
	}
}

// All that is left is the path, which is made anew for the kernel.
func TestMakesNoGarbage(t *testing.T) {
	f := At(captures)
	if n := testing.AllocsPerRun(50, func() {
		if _, err := f.Dump(model.TCP, model.IPv4, func(*model.Socket) {}); err != nil {
			t.Fatal(err)
		}
	}); n > 4 {
		t.Errorf("a dump: %v allocations", n)
	}
	if n := testing.AllocsPerRun(50, func() {
		if _, err := f.InUse(); err != nil {
			t.Fatal(err)
		}
	}); n > 8 {
		t.Errorf("in use: %v allocations", n)
	}
}

// FuzzTable: no panic, and a line is a row or bad and never half of each.
func FuzzTable(f *testing.F) {
	for _, name := range []string{"tcp", "tcp6", "udp", "raw6"} {
		b, err := os.ReadFile(filepath.Join(captures, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, strings.HasSuffix(name, "6"))
	}
	f.Fuzz(func(t *testing.T, b []byte, v6 bool) {
		family := model.IPv4
		if v6 {
			family = model.IPv6
		}
		var s model.Socket
		for text := range strings.SplitSeq(string(b), "\n") {
			ok := parseSocket(&s, []byte(text), model.TCP, family)
			if ok == (s == model.Socket{}) || ok && (s.Family != family || s.Owner != -1 || s.State > model.Closing) {
				t.Fatalf("%q: %v, %+v", text, ok, s)
			}
		}
		var c Counts
		if err := At("").r.inUse(strings.NewReader(string(b)), &c); err == nil && (c.Raw < 0 || c.UDPLite6 < 0) {
			t.Fatalf("%+v", c)
		}
	})
}

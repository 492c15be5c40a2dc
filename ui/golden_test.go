package ui

// Golden screens: what the simulated terminal shows, compared cell by cell with testdata/ui. A file has the
// characters, then a letter for the style of each cell that is not plain, then what the letters mean.
//
// go test ./ui -update writes them anew.

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"sockview/keymap"
	"sockview/model"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares the screen with a file of testdata/ui.
func (h *harness) golden(name string) {
	h.t.Helper()
	var cursor string
	h.do(func() {
		if x, y, shown := h.screen.GetCursor(); shown {
			cursor = fmt.Sprintf("cursor at column %d of line %d\n", x, y)
		}
	})
	compare(h.t, filepath.Join("..", "testdata", "ui", name+".txt"), pictureOf(h.grid())+cursor)
}

// compare compares got with a file, or writes it.
func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test ./ui -update writes it)", err)
	}
	if got == string(want) {
		return
	}
	is, was := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range max(len(is), len(was)) {
		a, b := "", ""
		if i < len(is) {
			a = is[i]
		}
		if i < len(was) {
			b = was[i]
		}
		if a != b {
			t.Errorf("%s differs, first in line %d:\n got %q\nwant %q\nall of it:\n%s", path, i+1, a, b, got)
			return
		}
	}
}

// pictureOf is a screen as a golden file has it.
func pictureOf(grid [][]tcell.SimCell) string {
	letters := make(map[string]byte)
	var styles []string
	for _, row := range grid {
		for _, c := range row {
			s := styleName(c.Style)
			if _, ok := letters[s]; !ok && s != "" {
				letters[s] = 0
				styles = append(styles, s)
			}
		}
	}
	slices.Sort(styles)
	for i, s := range styles {
		letters[s] = byte('a' + i)
	}
	var b strings.Builder
	b.WriteString(textOf(grid))
	b.WriteString("-- styles\n")
	for _, row := range grid {
		l := make([]byte, len(row))
		for x, c := range row {
			if l[x] = ' '; styleName(c.Style) != "" {
				l[x] = letters[styleName(c.Style)]
			}
		}
		b.WriteString(strings.TrimRight(string(l), " "))
		b.WriteByte('\n')
	}
	b.WriteString("-- legend\n")
	for _, s := range styles {
		fmt.Fprintf(&b, "%c %s\n", letters[s], s)
	}
	return b.String()
}

// styleName is a style in words, "" for the terminal's own.
func styleName(s tcell.Style) string {
	fg, bg, attrs := s.Decompose()
	var words []string
	if fg != tcell.ColorDefault {
		words = append(words, fg.Name())
	}
	if bg != tcell.ColorDefault {
		words = append(words, "on "+bg.Name())
	}
	for _, a := range []struct {
		mask tcell.AttrMask
		name string
	}{
		{tcell.AttrBold, "bold"}, {tcell.AttrDim, "dim"}, {tcell.AttrReverse, "reverse"},
		{tcell.AttrItalic, "italic"}, {tcell.AttrBlink, "blink"},
	} {
		if attrs&a.mask != 0 {
			words = append(words, a.name)
		}
	}
	if s.GetUnderlineStyle() != tcell.UnderlineStyleNone {
		words = append(words, "underline")
	}
	return strings.Join(words, " ")
}

// server is a host at work: a web server, its database, a cache, SSH, a download and a resolver.
func server() *world {
	w := newWorld()
	w.process(1, "systemd", 0).PPID = 0
	nginx := w.process(1203, "nginx", 33)
	nginx.Cmdline = model.SafeText("nginx: worker process")
	nginx.Unit = model.SafeText("nginx.service")
	nginx.Exe = model.SafeText("/usr/sbin/nginx")
	w.process(1204, "nginx", 33).Cmdline = model.SafeText("nginx: worker process")
	db := w.process(940, "postgres", 110)
	db.Cmdline = model.SafeText("/usr/lib/postgresql/17/bin/postgres -D /var/lib/postgresql/17/main")
	db.Unit = model.SafeText("postgresql@17-main.service")
	w.process(812, "sshd", 0).Cmdline = model.SafeText("sshd: ann [priv]")
	w.process(877, "systemd-resolved", 101).Cmdline = model.SafeText("/usr/lib/systemd/systemd-resolved")
	w.process(4410, "curl", 1000).Cmdline = model.SafeText("curl -O https://mirror.example/debian-13.iso")
	w.process(2031, "redis-server", 0).Cmdline = model.SafeText("/usr/bin/redis-server 127.0.0.1:6379")

	listen := w.socket("tcp", "0.0.0.0:443", "0.0.0.0:0", model.Listen, 1203)
	listen.SendQ = 511
	w.hold(listen, 1204)
	w.socket("tcp6", "[::]:22", "[::]:0", model.Listen, 812).SendQ = 128
	w.socket("tcp", "127.0.0.1:5432", "0.0.0.0:0", model.Listen, 940).SendQ = 200
	w.socket("tcp", "127.0.0.1:6379", "0.0.0.0:0", model.Listen, 2031).SendQ = 511
	w.socket("tcp", "127.0.0.1:631", "0.0.0.0:0", model.Listen, 0).SendQ = 8
	w.socket("udp", "127.0.0.53:53", "0.0.0.0:0", model.Close, 877)
	w.socket("udp6", "[::]:5353", "[::]:0", model.Close, 0)

	for i, c := range []struct {
		local, remote  string
		state          model.State
		pid            int32
		sent, received uint64
	}{
		{"10.0.0.5:443", "203.0.113.9:51522", model.Established, 1203, 48_211_004, 193_112},
		{"10.0.0.5:443", "198.51.100.7:40112", model.Established, 1203, 9_120_333, 88_020},
		{"10.0.0.5:443", "198.51.100.23:61201", model.Established, 1204, 1_870_112, 45_310},
		{"10.0.0.5:443", "203.0.113.77:33018", model.Established, 1204, 702_118, 30_870},
		{"10.0.0.5:443", "192.0.2.61:55012", model.CloseWait, 1204, 31_008, 2_214},
		{"10.0.0.5:41822", "10.0.0.9:5432", model.Established, 1203, 611_930, 22_840_111},
		{"127.0.0.1:5432", "127.0.0.1:52804", model.Established, 940, 5_310_820, 412_008},
		{"127.0.0.1:6379", "127.0.0.1:49310", model.Established, 2031, 120_334, 99_102},
		{"10.0.0.5:22", "192.0.2.14:50814", model.Established, 812, 402_118, 61_240},
		{"10.0.0.5:443", "198.51.100.90:47771", model.TimeWait, 0, 0, 0},
	} {
		s := w.socket("tcp", c.local, c.remote, c.state, c.pid)
		s.Sent, s.Received = c.sent, c.received
		s.SentPackets, s.ReceivedPackets = uint32(c.sent/1400+1), uint32(c.received/900+1)
		s.RTT, s.RTTVar, s.Cwnd, s.MSS, s.PMTU = uint32(1200+i*731), 300, 10, 1448, 1500
		if c.state == model.TimeWait {
			s.Inode, s.Has = 0, model.HasQueues
			s.Timer, s.Expires = model.TimerTimeWait, 42_000
		}
	}
	w.socket("tcp6", "[2001:db8::5]:39400", "[2001:db8::1]:443", model.Established, 4410).Received = 812_004_118
	w.socket("tcp6", "[::ffff:10.0.0.5]:22", "[::ffff:192.0.2.14]:50913", model.Established, 812).Sent = 9_204
	w.dress = func(s *model.Snapshot) {
		s.Access.Missing = []string{"cap_sys_ptrace", "cap_dac_read_search"}
	}
	return w
}

// to is the socket of w whose remote end is at port.
func (w *world) to(port uint16) *model.Socket {
	for i := range w.sockets {
		if w.sockets[i].RemotePort == port {
			return &w.sockets[i]
		}
	}
	panic(fmt.Sprintf("no socket to port %d", port))
}

// close takes the socket to a port away.
func (w *world) close(port uint16) {
	w.sockets = slices.DeleteFunc(w.sockets, func(s model.Socket) bool { return s.RemotePort == port })
}

// work lets a second pass: bytes flow, a connection comes, one changes, one goes.
func (w *world) work() *model.Snapshot {
	w.to(51522).Sent += 1_204_000
	w.to(51522).Received += 4_100
	w.to(40112).Sent += 310_500
	w.to(61201).Sent += 42_000
	w.to(5432).Received += 890_000
	w.to(5432).Sent += 12_000
	w.to(52804).Sent += 150_200
	w.to(50814).Sent += 1_040
	w.to(50814).Received += 96
	for i := range w.sockets {
		if w.sockets[i].Family == model.IPv6 && w.sockets[i].State == model.Established && w.sockets[i].RemotePort == 443 {
			w.sockets[i].Received += 11_800_000
		}
	}
	w.to(55012).State = model.LastAck
	w.close(33018)
	s := w.socket("tcp", "10.0.0.5:443", "203.0.113.140:50010", model.Established, 1204)
	s.Sent, s.Received = 18_040, 1_204
	return w.snapshot(time.Second)
}

// served starts the App with two snapshots of the server.
func served(t *testing.T, width, height int, change func(*Config)) (*harness, *world) {
	t.Helper()
	h, w := start(t, width, height, change), server()
	h.feed(w.snapshot(0))
	h.feed(w.work())
	return h, w
}

// focused gives the snapshots of w the detail of the socket that the screen asks for.
func (w *world) focused(h *harness) {
	w.dress = func(s *model.Snapshot) {
		key := h.source.wanted().Focus
		for i := range s.Sockets {
			if r := &s.Sockets[i]; model.SocketKey(s, r) == key {
				s.Detail = detailOf(s, r)
			}
		}
	}
}

func detailOf(s *model.Snapshot, r *model.Socket) *model.Detail {
	d := &model.Detail{
		Key: model.SocketKey(s, r),
		Figures: []model.Figure{
			{Group: "TCP_INFO", Name: "tcpi_rtt", Help: "smoothed round trip time", Kind: model.KindDuration, Value: model.Value{Num: 1_931_000}},
			{Group: "TCP_INFO", Name: "tcpi_snd_cwnd", Help: "congestion window, segments", Kind: model.KindCount, Value: model.Value{Num: 10}},
			{Group: "TCP_INFO", Name: "tcpi_delivery_rate", Help: "bytes per second", Kind: model.KindRate, Value: model.Value{Num: 11_930_112}},
			{Group: "TCP_INFO", Name: "tcpi_rcv_ooopack", Help: "segments out of order", Kind: model.KindCount, Value: model.Value{Why: model.NotGiven}},
			{Group: "Memory", Name: "wmem_queued", Help: "bytes that wait to be sent", Kind: model.KindBytes, Value: model.Value{Num: 4608}},
		},
		SentRates:     []float32{0, 120, 90_000, 410_000, 1_204_000, 800_000},
		ReceivedRates: []float32{0, 40, 1_000, 2_000, 4_100, 3_900},
	}
	for _, p := range s.HoldersOf(r) {
		d.Holders = append(d.Holders, model.ProcessDetail{
			Process: *p, User: model.SafeText("www-data"), Cwd: model.SafeText("/"),
			Parents: []model.Process{
				{PID: 1199, Name: model.SafeText("nginx"), UID: 0}, {PID: 1, Name: model.SafeText("systemd"), UID: 0},
			},
		})
	}
	return d
}

func TestGoldenSockets(t *testing.T) {
	for _, size := range []struct{ width, height int }{{80, 24}, {120, 30}, {200, 50}, {40, 10}, {20, 5}, {1, 1}} {
		t.Run(fmt.Sprintf("%dx%d", size.width, size.height), func(t *testing.T) {
			h, _ := served(t, size.width, size.height, nil)
			h.golden(fmt.Sprintf("sockets-%dx%d", size.width, size.height))
		})
	}
}

// TestGoldenScreens are screens and dialogs reached by keys from the sockets at 80x24.
func TestGoldenScreens(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
		keys   []keymap.Key
		typed  string
		more   []keymap.Key
	}{
		{name: "processes", keys: []keymap.Key{"2"}},
		{name: "hosts", keys: []keymap.Key{"3"}},
		{name: "count", keys: []keymap.Key{"4"}},
		{name: "count-picker", keys: []keymap.Key{"#"}},
		{name: "help", keys: []keymap.Key{"?"}},
		{name: "help-end", keys: []keymap.Key{"?", "G"}},
		{name: "columns", keys: []keymap.Key{"C", "j", "j", keymap.Space}},
		{name: "sort", keys: []keymap.Key{"s"}},
		{name: "sorted-by-tx", keys: []keymap.Key{">", ">", ">", ">", ">", ">", ">", ">", ">", ">"}},
		{name: "scrolled", keys: []keymap.Key{keymap.Right, keymap.Right, keymap.Right, keymap.Right}},
		{name: "filter-typed", keys: []keymap.Key{"/"}, typed: "port:443 state:estab"},
		{name: "filter-kept", keys: []keymap.Key{"/"}, typed: "port:443 state:estab", more: []keymap.Key{keymap.Enter}},
		{name: "filter-wrong", keys: []keymap.Key{"/"}, typed: "nginx rtt>5parsec"},
		{name: "empty", keys: []keymap.Key{"/"}, typed: "process:apache", more: []keymap.Key{keymap.Enter}},
		{name: "toggles", keys: []keymap.Key{"t", "i", "l"}},
		{name: "paused", keys: []keymap.Key{keymap.Space}},
		{name: "marked", keys: []keymap.Key{"m", "m", "j", "m"}},
		{name: "export", keys: []keymap.Key{"e"}, typed: "/tmp/a.csv"},
		{name: "light", change: func(c *Config) { c.Start.Theme = "light" }, keys: []keymap.Key{"j", "m"}},
		{name: "high-contrast", change: func(c *Config) { c.Start.Theme = "high-contrast" }, keys: []keymap.Key{"j", "m"}},
		{name: "none", change: func(c *Config) { c.Start.Theme = "none" }, keys: []keymap.Key{"j", "m"}},
		{name: "ascii", change: func(c *Config) { c.Start.ASCII = true }, keys: []keymap.Key{"s"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, _ := served(t, 80, 24, c.change)
			h.press(c.keys...)
			h.type_(c.typed)
			h.press(c.more...)
			h.golden(c.name)
		})
	}
}

func TestGoldenDetails(t *testing.T) {
	for _, c := range []struct {
		name          string
		width, height int
		ascii         bool
	}{{"details", 100, 70, false}, {"details-80x24", 80, 24, false}, {"details-20x5", 20, 5, false}, {"details-ascii", 80, 24, true}} {
		t.Run(c.name, func(t *testing.T) {
			h := start(t, c.width, c.height, func(cfg *Config) { cfg.Start.ASCII = c.ascii })
			w := server()
			w.focused(h)
			h.feed(w.snapshot(0))
			h.press("/")
			h.type_("rport:51522")
			h.press(keymap.Enter, keymap.Enter)
			h.feed(w.work())
			h.golden(c.name)
		})
	}
	t.Run("shared", func(t *testing.T) { // a listener that two processes hold, and no detail yet
		h := start(t, 100, 40, nil)
		w := server()
		h.feed(w.snapshot(0))
		h.press("/")
		h.type_("lport:443 state:listen")
		h.press(keymap.Enter, keymap.Enter)
		h.golden("details-early")
		w.focused(h)
		h.feed(w.work())
		h.golden("details-shared")
	})
	t.Run("gone", func(t *testing.T) {
		h := start(t, 80, 24, nil)
		w := server()
		h.feed(w.snapshot(0))
		h.press("/")
		h.type_("rport:33018")
		h.press(keymap.Enter, keymap.Enter)
		h.feed(w.work())
		if !strings.Contains(h.text(), "closed") {
			t.Errorf("the details do not say that the socket is closed:\n%s", h.text())
		}
		h.feed(w.snapshot(time.Second))
		h.golden("details-gone")
	})
}

func TestGoldenStatus(t *testing.T) {
	t.Run("failed-source", func(t *testing.T) {
		h := start(t, 100, 24, nil)
		w := server()
		h.feed(w.snapshot(0))
		w.failed = map[string]error{"TCP IPv6": errors.New("sock_diag: operation not permitted")}
		h.feed(w.snapshot(3 * time.Second))
		h.golden("failed-source")
	})
	t.Run("nothing-read", func(t *testing.T) {
		h := start(t, 80, 6, nil)
		h.golden("nothing-read")
	})
	t.Run("empty-failed", func(t *testing.T) {
		h := start(t, 80, 6, nil)
		w := newWorld()
		w.failed = map[string]error{"TCP IPv4": errors.New("no sock_diag in this kernel")}
		h.feed(w.snapshot(0))
		h.golden("empty-failed")
	})
	t.Run("empty-none", func(t *testing.T) {
		h := start(t, 80, 6, nil)
		h.feed(newWorld().snapshot(0))
		h.golden("empty-none")
	})
	t.Run("hidden-owners", func(t *testing.T) {
		h, _ := served(t, 120, 8, nil)
		if !strings.Contains(h.line(0), "owners hidden (setcap: ?)") {
			t.Errorf("the head does not say that owners are hidden: %q", h.line(0))
		}
		h.golden("hidden-owners")
	})
	t.Run("full-access", func(t *testing.T) {
		h := start(t, 120, 8, nil)
		w := newWorld()
		w.process(1203, "nginx", 33)
		w.socket("tcp", "0.0.0.0:443", "0.0.0.0:0", model.Listen, 1203)
		h.feed(w.snapshot(0))
		h.golden("full-access")
	})
}

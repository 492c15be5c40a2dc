package text

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"sockview/model"
)

var update = flag.Bool("update", false, "write the golden files anew")

// writers are all of them, by the name that golden files have.
func writers() map[string]Writer {
	return map[string]Writer{"txt": Plain, "csv": CSV, "json": JSON, "jsonl": JSONLines}
}

func print(t testing.TB, w Writer, table Table) string {
	t.Helper()
	var b strings.Builder
	if err := w(&b, table); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestFault06Golden: a zoo of sockets in each form, formulas and quotes in names among them.
func TestFault06Golden(t *testing.T) {
	columns := []string{"process", "pid", "proto", "local", "lport", "remote", "rport", "state", "sent", "received", "tx", "rx",
		"user", "uid", "age", "rtt", "cookie", "mark", "iface", "cong", "sendq", "cmdline"}
	for ending, w := range writers() {
		t.Run(ending, func(t *testing.T) {
			got := print(t, w, zooTable(t, columns...))
			path := filepath.Join("..", "..", "testdata", "text", "zoo."+ending)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Error(d)
			}
		})
	}
}

// hostile are texts as they must never come, put past SafeText on purpose.
var hostile = []string{
	"\x1b]52;c;aGk=\x07", "\x1b[31m", "a\nb", "a\r\nb", "\t=1", "\x00", "\x7f", "\u009b31m", "\u202egnp", "\u2028", "a\u200bb", "\xff\xfe", "\xc2",
}

// TestFault01Writers: no control byte gets out, whatever a value holds, and no row becomes two.
func TestFault01Writers(t *testing.T) {
	for ending, w := range writers() {
		for _, text := range hostile {
			table := oneText(text)
			table.Specs = append(table.Specs, model.Spec{ID: "addr", Title: "ADDR", Kind: model.KindAddress},
				model.Spec{ID: "port", Title: "PORT", Kind: model.KindPort}, model.Spec{ID: "state", Title: "STATE", Kind: model.KindState})
			table.Columns = []int{0, 1, 2, 3}
			table.Rows = &fakeRows{values: [][]model.Value{{{Text: text}, {}, {Num: 1}, {Text: text}}}}
			table.Format = &model.Formatter{
				Host:    func(model.Addr) string { return text },
				Service: func(model.Proto, uint16) string { return text },
			}
			got := print(t, w, table)
			lines := map[string]int{"txt": 2, "csv": 2, "json": 3, "jsonl": 1}[ending]
			if n := strings.Count(got, "\n"); n != lines {
				t.Errorf("%s of %q: %d lines: %q", ending, text, n, got)
			}
			if !utf8.ValidString(got) {
				t.Errorf("%s of %q: not UTF-8: %q", ending, text, got)
			}
			for _, r := range strings.ReplaceAll(got, "\n", "") {
				if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0x2028 || r == 0x200b {
					t.Errorf("%s of %q: %U gets out: %q", ending, text, r, got)
				}
			}
		}
	}
}

func TestPlain(t *testing.T) {
	specs := []model.Spec{
		{Title: "NAME"}, {Title: "N", Kind: model.KindCount}, {Title: "ADDRESS", Kind: model.KindAddress},
		{Title: "PORT", Kind: model.KindPort}, {Title: "AGE", Kind: model.KindDuration}, {Title: "LAST"},
	}
	got := print(t, Plain, tableOf(specs,
		[]model.Value{{Text: "a"}, {Num: 1}, {Addr: addr4(1, 2, 3, 4)}, {Num: 443, Text: "tcp"}, {Num: 1e9, AtLeast: true}, {Text: "x"}},
		[]model.Value{{Text: "日本"}, {Num: 12345}, {Addr: addr4(192, 0, 2, 1), V6: true}, {Num: 0}, {Why: model.NotGiven}, {Text: ""}},
		[]model.Value{{Text: "e\u0301"}, {Why: model.NotYet}, {}, {Num: 7}, {Num: 3}, {Text: "two words"}},
	))
	want := strings.TrimPrefix(`
NAME      N  ADDRESS    PORT  AGE  LAST
a         1  1.2.3.4     443  >1s  x
日本  12345  192.0.2.1     *    -
e`+"\u0301"+`         -  0.0.0.0       7  3ns  two words
`, "\n")
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := print(t, Plain, tableOf(specs[:2])); got != "NAME  N\n" {
		t.Errorf("an empty table: %q", got)
	}
	if got := print(t, Plain, Table{Specs: specs, Rows: &fakeRows{}}); got != "\n" {
		t.Errorf("a table without columns: %q", got)
	}
}

// TestPlainNames: names are shown; one that is learned while the table is printed is not cut.
func TestPlainNames(t *testing.T) {
	asked := 0
	table := tableOf([]model.Spec{{Title: "ADDR", Kind: model.KindAddress}, {Title: "N", Kind: model.KindPort}},
		[]model.Value{{Addr: addr4(1, 2, 3, 4)}, {Num: 53, Text: "udp6"}})
	table.Format = &model.Formatter{
		Host: func(model.Addr) string {
			if asked++; asked == 1 {
				return ""
			}
			return "a.long.name.example"
		},
		Service: func(p model.Proto, port uint16) string {
			if p == model.UDP && port == 53 {
				return "domain"
			}
			return ""
		},
	}
	if got, want := print(t, Plain, table), "ADDR          N\na.long.name.example  domain\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	// the forms for programs stay numeric
	if got, want := print(t, CSV, named(table)), "addr,port\n1.2.3.4,53\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func named(t Table) Table {
	t.Specs = []model.Spec{{ID: "addr", Kind: model.KindAddress}, {ID: "port", Kind: model.KindPort}}
	return t
}

func TestRaw(t *testing.T) {
	const day = int64(86400e9)
	for _, tt := range []struct {
		kind      model.Kind
		v         model.Value
		csv, json string
	}{
		{model.KindText, model.Value{Text: "a"}, "a", `"a"`},
		{model.KindText, model.Value{Text: ""}, "", `""`},
		{model.KindText, model.Value{Text: `q"\`}, `q"\`, `"q\"\\"`},
		{model.KindText, model.Value{Text: "x", Why: model.Exited}, "", "null"},
		{model.KindState, model.Value{Num: int64(model.TimeWait)}, "TIME_WAIT", `"TIME_WAIT"`},
		{model.KindState, model.Value{Num: int64(model.Close), Text: "UNCONN"}, "UNCONN", `"UNCONN"`},
		{model.KindState, model.Value{}, "", "null"},
		{model.KindAddress, model.Value{}, "0.0.0.0", `"0.0.0.0"`},
		{model.KindAddress, model.Value{V6: true}, "::", `"::"`},
		{model.KindAddress, model.Value{Addr: addr4(1, 2, 3, 4), V6: true}, "::ffff:1.2.3.4", `"::ffff:1.2.3.4"`},
		{model.KindNetwork, model.Value{}, "0.0.0.0/0", `"0.0.0.0/0"`},
		{model.KindNetwork, model.Value{V6: true}, "::/0", `"::/0"`},
		{model.KindNetwork, model.Value{Addr: addr4(10, 0, 0, 0), Num: 8}, "10.0.0.0/8", `"10.0.0.0/8"`},
		{model.KindNetwork, model.Value{Addr: addr4(10, 0, 0, 0), Num: 104, V6: true}, "::ffff:10.0.0.0/104", `"::ffff:10.0.0.0/104"`},
		{model.KindNetwork, model.Value{Why: model.NotApplicable}, "", "null"},
		{model.KindPort, model.Value{Num: 65535}, "65535", "65535"},
		{model.KindPort, model.Value{Text: "tcp"}, "", "null"},
		{model.KindNumber, model.Value{Num: 0}, "0", "0"},
		{model.KindNumber, model.Value{Num: 4294967295}, "4294967295", "4294967295"},
		{model.KindHex, model.Value{Num: -1}, "0xffffffffffffffff", `"0xffffffffffffffff"`},
		{model.KindHex, model.Value{}, "0x0", `"0x0"`},
		{model.KindCount, model.Value{Num: 1234567}, "1234567", "1234567"},
		{model.KindBytes, model.Value{Num: -1}, "18446744073709551615", "18446744073709551615"},
		{model.KindRate, model.Value{Num: 1500}, "1500", "1500"},
		{model.KindDuration, model.Value{Num: 0}, "0", "0"},
		{model.KindDuration, model.Value{Num: 1}, "0.000000001", "0.000000001"},
		{model.KindDuration, model.Value{Num: 340000}, "0.00034", "0.00034"},
		{model.KindDuration, model.Value{Num: 2500000000}, "2.5", "2.5"},
		{model.KindDuration, model.Value{Num: 10 * day}, "864000", "864000"},
		{model.KindDuration, model.Value{Num: -5}, "", "null"},
		{model.KindTime, model.Value{Num: 1769860800123456789}, "2026-01-31T12:00:00Z", `"2026-01-31T12:00:00Z"`},
	} {
		table := tableOf([]model.Spec{{ID: "n", Kind: model.KindNumber}, {ID: "x", Kind: tt.kind}}, []model.Value{{Num: 1}, tt.v})
		r := csv.NewReader(strings.NewReader(print(t, CSV, table)))
		lines, err := r.ReadAll()
		if err != nil || len(lines) != 2 || lines[1][1] != tt.csv {
			t.Errorf("kind %d %+v: CSV %q, %v; want %q", tt.kind, tt.v, lines, err, tt.csv)
		}
		if got, want := print(t, JSON, table), "[\n{\"n\":1,\"x\":"+tt.json+"}\n]\n"; got != want {
			t.Errorf("kind %d %+v: JSON %q, want %q", tt.kind, tt.v, got, want)
		}
	}
}

// TestUnits: every kind that a column can have is documented.
func TestUnits(t *testing.T) {
	documented := make(map[model.Kind]Unit)
	for _, u := range Units() {
		if u.Name == "" || u.Unit == "" {
			t.Errorf("%+v says nothing", u)
		}
		documented[u.Kind] = u
	}
	for k := model.KindText; k <= model.KindTime; k++ {
		u, ok := documented[k]
		if !ok {
			t.Errorf("kind %d is not documented", k)
		}
		// and JSON has the type that is documented
		out := print(t, JSON, tableOf([]model.Spec{{ID: "x", Kind: k}}, []model.Value{{Num: 1, Text: "1"}}))
		var rows []map[string]any
		if err := json.Unmarshal([]byte(out), &rows); err != nil {
			t.Fatal(err)
		}
		want := map[string]reflect.Kind{"string": reflect.String, "number": reflect.Float64}[u.JSON]
		if got := reflect.TypeOf(rows[0]["x"]).Kind(); got != want {
			t.Errorf("kind %d is a %v in JSON, documented is %s", k, got, u.JSON)
		}
	}
}

// TestFault06Formulas: what a spreadsheet would compute is text, in text cells only.
func TestFault06Formulas(t *testing.T) {
	for text, want := range map[string]string{
		"=cmd|' /C calc'!A0": "'=cmd|' /C calc'!A0", "+1": "'+1", "-1": "'-1", "@SUM(1)": "'@SUM(1)", "=": "'=", "＝1": "'＝1",
		"a=1": "a=1", "'=1": "'=1", "": "", "nginx": "nginx", "\t=1": `\t=1`,
	} {
		table := tableOf([]model.Spec{{ID: "n", Kind: model.KindNumber}, {ID: "x"}}, []model.Value{{Num: -1}, {Text: text}})
		lines, err := csv.NewReader(strings.NewReader(print(t, CSV, table))).ReadAll()
		if err != nil || lines[1][1] != want || lines[1][0] != "-1" {
			t.Errorf("%q: %q, %v; want %q", text, lines, err, want)
		}
		if text == "\t=1" {
			continue
		}
		var rows []map[string]any
		if err := json.Unmarshal([]byte(print(t, JSON, table)), &rows); err != nil || rows[0]["x"] != text {
			t.Errorf("JSON of %q: %v, %v", text, rows, err)
		}
	}
}

// TestCSVRows: every row is a line that readers see, a single empty cell too.
func TestCSVRows(t *testing.T) {
	table := tableOf([]model.Spec{{ID: "x"}}, []model.Value{{Text: "a"}}, []model.Value{{Why: model.Exited}}, []model.Value{{Text: " b,\"c\""}})
	got := print(t, CSV, table)
	if want := "x\na\n\"\"\n\" b,\"\"c\"\"\"\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	lines, err := csv.NewReader(strings.NewReader(got)).ReadAll()
	if err != nil || len(lines) != 4 || lines[3][0] != ` b,"c"` {
		t.Errorf("%q, %v", lines, err)
	}
}

// TestAtLeast: a lower bound is told from a value, and a column has its mark whatever its values are.
func TestAtLeast(t *testing.T) {
	table := tableOf([]model.Spec{{ID: "age", Kind: model.KindDuration, AtLeast: true}, {ID: "n", Kind: model.KindNumber}},
		[]model.Value{{Num: 5e9, AtLeast: true}, {Num: 1}}, []model.Value{{Num: 5e9}, {Num: 2}}, []model.Value{{Why: model.NotYet}, {Num: 3}})
	if got, want := print(t, JSONLines, table), `{"age":5,"age_at_least":true,"n":1}
{"age":5,"age_at_least":false,"n":2}
{"age":null,"age_at_least":null,"n":3}
`; got != want {
		t.Errorf("%s", got)
	}
	if got, want := print(t, CSV, table), "age,age_at_least,n\n5,true,1\n5,false,2\n,,3\n"; got != want {
		t.Errorf("%s", got)
	}
}

// TestJSON: the output is JSON with the keys in the order of the columns, each once; closed rows are not in it.
func TestJSON(t *testing.T) {
	table := zooTable(t)
	out := print(t, JSON, table)
	var rows []map[string]any
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 4 {
		t.Fatalf("%d rows, want 4 without the closed one", len(rows))
	}
	var keys []string
	for _, c := range table.Columns {
		keys = append(keys, table.Specs[c].ID)
		if table.Specs[c].AtLeast {
			keys = append(keys, table.Specs[c].ID+"_at_least")
		}
	}
	dec := json.NewDecoder(strings.NewReader(out))
	var got []string
	for depth, key := 0, false; ; {
		tok, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		if d, ok := tok.(json.Delim); ok {
			if d == '}' {
				break
			}
			depth++
			key = true
			continue
		}
		if key {
			got = append(got, tok.(string))
		}
		key = !key
	}
	if d := cmp.Diff(keys, got); d != "" {
		t.Errorf("keys: %s", d)
	}
	if rows[0]["cookie"] != "0xffffffffffffffff" || rows[0]["rtt"] != 0.00034 || rows[1]["rport"] != nil || rows[1]["sent"] != nil {
		t.Errorf("%v", rows)
	}

	lines := strings.Split(strings.TrimSuffix(print(t, JSONLines, table), "\n"), "\n")
	for i, line := range lines {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil || !reflect.DeepEqual(row, rows[i]) {
			t.Errorf("line %d: %v, %v; want %v", i, row, err, rows[i])
		}
	}

	table.Columns = []int{1, 0, 1}
	if out := print(t, JSONLines, table); strings.Count(out, `"pid"`) != 4 || strings.Index(out, `"pid"`) != 1 {
		t.Errorf("a column chosen twice: %s", out)
	}
	table.Order = nil
	if out := print(t, JSON, table) + print(t, JSONLines, table); out != "[]\n" {
		t.Errorf("no rows: %q", out)
	}
}

// TestOrder: the rows are those given, in that order.
func TestOrder(t *testing.T) {
	table := zooTable(t, "pid")
	table.Order = []int32{2, 4, 0, 0}
	if got := print(t, CSV, table); got != "pid\n8\n1203\n1203\n" {
		t.Errorf("%q", got)
	}
}

// failing is a writer that fails after some bytes.
type failing struct {
	room int
	err  error
}

func (f *failing) Write(p []byte) (int, error) {
	if len(p) > f.room {
		return f.room, f.err
	}
	f.room -= len(p)
	return len(p), nil
}

// TestFault33Closed: a writer stops at the first error, and says what it was.
func TestFault33Closed(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	defer w.Close()
	for ending, write := range writers() {
		table := zooTable(t, "pid", "cmdline")
		if err := write(w, table); !Closed(err) {
			t.Errorf("%s into a closed pipe: %v", ending, err)
		}
		for i := 0; i < 1<<14; i++ {
			table.Order = append(table.Order, int32(i%4))
		}
		for _, room := range []int{0, pageSize, 2 * pageSize} {
			full := &failing{room, syscall.ENOSPC}
			if err := write(full, table); !errors.Is(err, syscall.ENOSPC) || Closed(err) {
				t.Errorf("%s after %d bytes: %v", ending, room, err)
			}
		}
	}
	for err, want := range map[error]bool{nil: false, io.ErrClosedPipe: true, io.EOF: false, &os.PathError{Err: syscall.EPIPE}: true} {
		if Closed(err) != want {
			t.Errorf("Closed(%v) = %v", err, !want)
		}
	}
}

// crowd is a table of n sockets with the default columns.
func crowd(n int) Table {
	s, table := zoo(), model.Sockets()
	s.Processes[2].Name = model.SafeText("resolved") // what is not ASCII is looked at twice
	base := s.Sockets[:4]
	s.Sockets = make([]model.Socket, n)
	order := make([]int32, n)
	for i := range s.Sockets {
		s.Sockets[i] = base[i%len(base)]
		s.Sockets[i].Cookie = uint64(i) << 20
		order[i] = int32(i)
	}
	out := Table{Specs: table.Specs(), Rows: model.Bind(table, s, s.Sockets), Order: order}
	for c := range out.Specs {
		if out.Specs[c].Default {
			out.Columns = append(out.Columns, c)
		}
	}
	return out
}

// TestAllocations: memory does not grow with the rows, but for one string a line in CSV.
func TestAllocations(t *testing.T) {
	const rows = 4000
	table := crowd(rows)
	for ending, bound := range map[string]float64{"txt": 100, "csv": rows + 100, "json": 100, "jsonl": 100} {
		w := writers()[ending]
		got := testing.AllocsPerRun(3, func() {
			if err := w(io.Discard, table); err != nil {
				t.Error(err)
			}
		})
		if got > bound {
			t.Errorf("%s: %.0f allocations for %d rows", ending, got, rows)
		}
	}
}

func BenchmarkWriters(b *testing.B) {
	table := crowd(100_000)
	for ending, w := range writers() {
		b.Run(ending, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := w(io.Discard, table); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzText: whatever a text holds, CSV and JSON give it back safe, and Plain keeps it on one line.
func FuzzText(f *testing.F) {
	for _, s := range append(hostile, `=cmd`, `"`, `\`, "日本", "\U0001F1E9\U0001F1EA") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := model.SafeText(s).String()
		table := oneText(s)
		lines, err := csv.NewReader(strings.NewReader(print(t, CSV, table))).ReadAll()
		if err != nil || len(lines) != 2 || strings.TrimPrefix(lines[1][0], "'") != strings.TrimPrefix(want, "'") {
			t.Errorf("CSV of %q: %q, %v", s, lines, err)
		}
		if c := lines[1][0]; c != "" && strings.IndexByte("=+-@\t\r", c[0]) >= 0 {
			t.Errorf("a formula: %q", c)
		}
		var rows []map[string]string
		out := print(t, JSON, table)
		if err := json.Unmarshal([]byte(out), &rows); err != nil || rows[0]["name"] != want {
			t.Errorf("JSON of %q: %q, %v", s, out, err)
		}
		plain := print(t, Plain, table)
		if lines := strings.Split(plain, "\n"); len(lines) != 3 || strings.TrimRight(lines[1], " ") != strings.TrimRight(want, " ") {
			t.Errorf("text of %q: %q", s, plain)
		}
		for _, b := range []byte(strings.ReplaceAll(plain+out, "\n", "")) {
			if b < ' ' || b == 0x7f {
				t.Errorf("byte %#x gets out of %q", b, s)
			}
		}
	})
}

// CSVRows is what CSV writes below its header: nothing of a table without rows.
func TestCSVWithoutHeader(t *testing.T) {
	for _, table := range []Table{zooTable(t), zooTable(t, "process", "age"), oneText(""), tableOf([]model.Spec{{ID: "name"}})} {
		var whole, rows strings.Builder
		if err := errors.Join(CSV(&whole, table), CSVRows(&rows, table)); err != nil {
			t.Fatal(err)
		}
		header, rest, _ := strings.Cut(whole.String(), "\n")
		if rows.String() != rest || header == "" || (rest == "") != (len(table.Order) == 0) {
			t.Errorf("the rows are\n%s\nbelow the header %q there are\n%s", rows.String(), header, rest)
		}
	}
}

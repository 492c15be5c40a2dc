package keymap

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables of keys and flags into README.md")

const readme = "../README.md"

// The README's blocks are generated. When one is stale: go test ./keymap -update
func TestREADME(t *testing.T) {
	text, err := os.ReadFile(readme)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("there is no README.md yet; it needs the lines %s, %s, %s and %s, then: go test ./keymap -update",
			MarkdownBegin, MarkdownEnd, ElsewhereBegin, ElsewhereEnd)
	}
	if err != nil {
		t.Fatal(err)
	}
	want, err := ReplaceBlock(string(text), MarkdownBegin, MarkdownEnd, Default().Markdown())
	if err == nil {
		want, err = ReplaceBlock(want, ElsewhereBegin, ElsewhereEnd, Default().MarkdownElsewhere())
	}
	if err != nil {
		t.Fatalf("README.md: %v", err)
	}
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatal("README.md: a table of keys is stale; write it with: go test ./keymap -update")
	}
	if err := os.WriteFile(readme, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReplaceBlock(t *testing.T) {
	got, err := ReplaceBlock("# a\n<!-- keys:begin -->\nold\nold\n<!-- keys:end -->\nb\n",
		MarkdownBegin, MarkdownEnd, "new\n")
	if want := "# a\n<!-- keys:begin -->\nnew\n<!-- keys:end -->\nb\n"; err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	again, err := ReplaceBlock(got, MarkdownBegin, MarkdownEnd, "new\n")
	if err != nil || again != got {
		t.Errorf("not the same the second time: %q, %v", again, err)
	}
	for _, bad := range []string{
		"", "<!-- keys:begin -->\n", "<!-- keys:end -->\n", "<!-- keys:end -->\n<!-- keys:begin -->\n",
		"<!-- keys:begin -->\n<!-- keys:end -->\n<!-- keys:begin -->\n<!-- keys:end -->\n",
	} {
		if got, err := ReplaceBlock(bad, MarkdownBegin, MarkdownEnd, "new\n"); err == nil || got != "" {
			t.Errorf("%q: %q, %v; want an error", bad, got, err)
		}
	}
}

func TestUsage(t *testing.T) {
	usage := Default().Usage()
	group := Group("")
	listed := map[string]Group{}
	flagLine := regexp.MustCompile(`^  (?:(-\w), |    )--([a-z0-9-]+)( [A-Z,]+| \[[A-Z]+\])?  +(\S.*)$`)
	rows := map[string]Binding{}
	for _, row := range Default().Bindings() {
		rows[row.Flag] = row
	}
	for n, line := range strings.Split(usage, "\n") {
		if len(line) > 80 {
			t.Errorf("line %d has %d columns: %q", n+1, len(line), line)
		}
		if strings.TrimRight(line, " ") != line || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("line %d: blanks at its end or characters beside ASCII: %q", n+1, line)
		}
		if title, ok := strings.CutSuffix(line, ":"); ok && !strings.Contains(title, " ") {
			group = Group(title)
		}
		m := flagLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		row, known := rows[m[2]]
		if !known || row.Hidden {
			t.Errorf("--%s is listed, and is no flag of the table", m[2])
			continue
		}
		if _, twice := listed[m[2]]; twice || group != row.Group {
			t.Errorf("--%s stands under %s, twice: %v; it belongs to %s", m[2], group, twice, row.Group)
		}
		listed[m[2]] = group
		arg := row.Arg
		if row.optional != nil {
			arg = "[" + arg + "]"
		}
		if strings.TrimPrefix(m[1], "-") != row.Short || strings.TrimSpace(m[3]) != arg || m[4] != row.flagHelp() {
			t.Errorf("--%s is listed as %q", m[2], line)
		}
	}
	for name, row := range rows {
		if _, ok := listed[name]; !ok && name != "" && !row.Hidden {
			t.Errorf("--%s is not listed", name)
		}
	}
	for _, part := range []string{
		"sockview shows ", "\nUsage: sockview [flags] [filter ...]\n", "\nExamples:\n", "\nFilter, ",
		"\nExit code: ", "\nKeys: ? help  / filter ",
		"\nScreens: 1 sockets  2 processes ", " 9 groups  0 nat  P containers  H history\n", "\nTables:\n", "\nSockets:\n",
	} {
		if !strings.Contains(usage, part) {
			t.Errorf("%q is missing", part)
		}
	}
	for _, hidden := range []string{"panic", "--context", "--ipx", "--program ", "--timer ", "--fib\n"} {
		if strings.Contains(usage, hidden) {
			t.Errorf("%q is listed", hidden)
		}
	}
}

// The examples of --help are command lines that work.
func TestUsageExamples(t *testing.T) {
	_, examples, _ := strings.Cut(Default().Usage(), "\nExamples:\n")
	examples, _, _ = strings.Cut(examples, "\n\n")
	lines := strings.Split(examples, "\n")
	if len(lines) < 8 {
		t.Fatalf("%d examples", len(lines))
	}
	gap := regexp.MustCompile(`   +`)
	for _, line := range lines {
		command := gap.Split(strings.TrimSpace(line), 2)[0]
		command, _, _ = strings.Cut(command, " | ")
		words := regexp.MustCompile(`'[^']*'|\S+`).FindAllString(command, -1)
		if words[0] != "sockview" {
			t.Errorf("%q", line)
		}
		if _, err := ParseArgs(words[1:]); err != nil {
			t.Errorf("%q: %v", command, err)
		}
	}
}

func TestUsageShowsReboundKeys(t *testing.T) {
	m := Default()
	if err := m.Rebind(Quit, []Key{"Q"}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(m.Usage(), " Q quit") || !strings.Contains(m.Markdown(), "| `Q` |") {
		t.Error("the rebound key is not shown")
	}
}

// The line of keys is cut, not wrapped, when their names are long.
func TestUsageCutsKeys(t *testing.T) {
	m, err := Default().With(map[Action][]Key{
		Sort: {Insert}, Kill: {"Ctrl-K"}, Close: {Delete}, Quit: {"Ctrl-Q"},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(m.Usage(), "\nKeys: ")
	line, _, _ = strings.Cut(line, "\n")
	if len("Keys: "+line) > 80 || !strings.HasSuffix(line, "  Ctrl-Q quit") {
		t.Errorf("%d columns: %q", len("Keys: "+line), line)
	}
}

func TestMarkdown(t *testing.T) {
	keys, elsewhere := Default().Markdown(), Default().MarkdownElsewhere()
	for name, table := range map[string]string{"keys": keys, "elsewhere": elsewhere} {
		lines := strings.Split(strings.TrimSpace(table), "\n")
		cells := func(line string) int { return strings.Count(line, "|") - strings.Count(line, `\|`) }
		for _, line := range lines {
			if cells(line) != cells(lines[0]) {
				t.Errorf("%s: a line with %d bars: %s", name, cells(line), line)
			}
			if len(line) > 170 {
				t.Errorf("%s: a line of %d bytes: %s", name, len(line), line)
			}
			if strings.Contains(line, "panic") || strings.Contains(line, "refused") {
				t.Errorf("%s: a hidden flag: %s", name, line)
			}
		}
	}
	for _, row := range Default().Bindings() {
		if row.Hidden {
			continue
		}
		words := []string{row.Help}
		if row.Flag != "" {
			words = append(words, "--"+row.Flag)
		}
		for _, k := range row.Keys {
			words = append(words, "`"+string(k)+"`")
		}
		line := ""
		for _, l := range strings.Split(keys, "\n") {
			if strings.Contains(l, "| "+row.Help) {
				line += l
			}
		}
		for _, w := range words {
			if !strings.Contains(line, w) {
				t.Errorf("%s: %q is not in its line %q", row.Action, w, line)
			}
		}
		for _, w := range []string{row.Netstat, row.Windows, row.TCPView} {
			if !strings.Contains(elsewhere, strings.ReplaceAll(w, "|", `\|`)) {
				t.Errorf("%s: %q is not in the table of other tools", row.Action, w)
			}
		}
	}
}

// Every flag of netstat has its line, and so has every flag of Windows' netstat for which there is an answer.
func TestMarkdownElsewhere(t *testing.T) {
	linux, windows := "", ""
	for _, line := range strings.Split(Default().MarkdownElsewhere(), "\n") {
		cells := strings.Split(strings.ReplaceAll(line, `\|`, ""), "|")
		if len(cells) == 7 && !strings.HasPrefix(line, "|---") {
			if strings.TrimSpace(cells[4]+cells[5]) == "" {
				t.Errorf("neither key nor flag: %s", line)
			}
			linux += cells[1] + " "
			windows += cells[2] + " "
		}
	}
	has := func(column, flag string) bool {
		return slices.Contains(strings.FieldsFunc(column, func(r rune) bool { return strings.ContainsRune(" ,`", r) }), flag)
	}
	for _, flag := range strings.Fields("-r -i -g -s -M -v -W -n --numeric-hosts --numeric-ports --numeric-users -N -e -p " +
		"-o -c -l -a -F -C -t -u -U -S -w -x -6 -4 -A -V -h -I") {
		if !has(linux, flag) {
			t.Errorf("%s of netstat on Linux is missing", flag)
		}
	}
	for _, flag := range strings.Fields("-a -b -e -n -o -p -r -s -f interval") {
		if !has(windows, flag) {
			t.Errorf("%s of netstat on Windows is missing", flag)
		}
	}
	for _, flag := range strings.Fields("-q -x -t -y") {
		if has(windows, flag) {
			t.Errorf("%s of netstat on Windows has no answer here", flag)
		}
	}
}

func TestCode(t *testing.T) {
	for s, want := range map[string]string{"": "", "q": "`q`", "| sort": "`\\| sort`", "`": "`` ` ``", "|": "`\\|`"} {
		if got := code(s); got != want {
			t.Errorf("code(%q) = %s, want %s", s, got, want)
		}
	}
}

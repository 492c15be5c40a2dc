package keymap

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the key table into README.md")

const readme = "../README.md"

// The README's block is generated. When it is stale: go test ./keymap -update
func TestREADME(t *testing.T) {
	text, err := os.ReadFile(readme)
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("there is no README.md yet; it needs the lines %s and %s, then: go test ./keymap -update",
			MarkdownBegin, MarkdownEnd)
	}
	if err != nil {
		t.Fatal(err)
	}
	want, err := ReplaceBlock(string(text), Default().Markdown())
	if err != nil {
		t.Fatalf("README.md: %v", err)
	}
	if want == string(text) {
		return
	}
	if !*update {
		t.Fatal("README.md: the key table is stale; write it with: go test ./keymap -update")
	}
	if err := os.WriteFile(readme, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReplaceBlock(t *testing.T) {
	got, err := ReplaceBlock("# a\n<!-- keys:begin -->\nold\nold\n<!-- keys:end -->\nb\n", "new\n")
	if want := "# a\n<!-- keys:begin -->\nnew\n<!-- keys:end -->\nb\n"; err != nil || got != want {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	again, err := ReplaceBlock(got, "new\n")
	if err != nil || again != got {
		t.Errorf("not the same the second time: %q, %v", again, err)
	}
	for _, bad := range []string{
		"", "<!-- keys:begin -->\n", "<!-- keys:end -->\n", "<!-- keys:end -->\n<!-- keys:begin -->\n",
		"<!-- keys:begin -->\n<!-- keys:end -->\n<!-- keys:begin -->\n<!-- keys:end -->\n",
	} {
		if got, err := ReplaceBlock(bad, "new\n"); err == nil || got != "" {
			t.Errorf("%q: %q, %v; want an error", bad, got, err)
		}
	}
}

func TestUsage(t *testing.T) {
	usage := Default().Usage()
	group := Group("")
	listed := map[string]Group{}
	flagLine := regexp.MustCompile(`^  (?:(-\w), |    )--([a-z0-9-]+)( [A-Z,]+)?  +(\S.*)$`)
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
		if strings.TrimPrefix(m[1], "-") != row.Short || strings.TrimSpace(m[3]) != row.Arg || m[4] != row.flagHelp() {
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
	} {
		if !strings.Contains(usage, part) {
			t.Errorf("%q is missing", part)
		}
	}
	if strings.Contains(usage, "panic") {
		t.Error("the hidden flag is listed")
	}
}

// The examples of --help are command lines that work.
func TestUsageExamples(t *testing.T) {
	_, examples, _ := strings.Cut(Default().Usage(), "\nExamples:\n")
	examples, _, _ = strings.Cut(examples, "\n\n")
	lines := strings.Split(examples, "\n")
	if len(lines) < 5 {
		t.Fatalf("%d examples", len(lines))
	}
	gap := regexp.MustCompile(`   +`)
	for _, line := range lines {
		command := gap.Split(strings.TrimSpace(line), 2)[0]
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
	md := Default().Markdown()
	keys, tools, found := strings.Cut(md, "\nFor hands that know another tool:\n\n")
	if !found || strings.Contains(md, "panic") {
		t.Fatal("two tables are wanted, without the hidden flag")
	}
	for name, table := range map[string]string{"keys": keys, "tools": tools} {
		lines := strings.Split(strings.TrimSpace(table), "\n")
		cells := func(line string) int { return strings.Count(line, "|") - strings.Count(line, `\|`) }
		for _, line := range lines {
			if cells(line) != cells(lines[0]) {
				t.Errorf("%s: a line with %d bars: %s", name, cells(line), line)
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
			if !strings.Contains(tools, strings.ReplaceAll(w, "|", `\|`)) {
				t.Errorf("%s: %q is not in the table of tools", row.Action, w)
			}
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

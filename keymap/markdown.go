package keymap

// The README's tables, and the block of the README they stand in.

import (
	"fmt"
	"strings"
)

// The comments around the generated blocks of the README: the keys, and where other tools' commands went.
const (
	MarkdownBegin  = "<!-- keys:begin -->"
	MarkdownEnd    = "<!-- keys:end -->"
	ElsewhereBegin = "<!-- elsewhere:begin -->"
	ElsewhereEnd   = "<!-- elsewhere:end -->"
)

// Markdown is the README's first block: the keys with their flags.
func (m Map) Markdown() string {
	var b strings.Builder
	b.WriteString("| | Keys | Flag | |\n|---|---|---|---|\n")
	for _, group := range Groups() {
		title := "**" + string(group) + "**"
		for i := range m.rows {
			row := &m.rows[i]
			if row.Group != group || len(row.Keys) == 0 && row.Flag == "" || row.Hidden {
				continue
			}
			help := row.Help
			if row.FlagHelp != "" && len(row.Keys) > 0 {
				help += " (flag: " + row.FlagHelp + ")"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", title, codeKeys(row.Keys), code(row.plainFlag()), cell(help))
			title = ""
		}
	}
	return b.String()
}

// MarkdownElsewhere is the README's second block: which key and which flag do what netstat and TCPView do.
func (m Map) MarkdownElsewhere() string {
	var b strings.Builder
	b.WriteString("| netstat on Linux | netstat on Windows | TCPView | key here | flag here |\n" +
		"|---|---|---|---|---|\n")
	for i := range m.rows {
		row := &m.rows[i]
		if row.Hidden || row.Netstat == "" && row.Windows == "" && row.TCPView == "" {
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", code(row.Netstat), code(row.Windows), cell(row.TCPView),
			codeKeys(row.Keys), code(row.plainFlag()))
	}
	return b.String()
}

// plainFlag is the flag without the column in which Spelling aligns it. A screen that has no flag of its own
// is opened by --screen.
func (b *Binding) plainFlag() string {
	if b.Flag == "" && b.Screen != "" {
		return "--screen " + b.Screen
	}
	return strings.TrimSpace(b.Spelling())
}

func codeKeys(keys []Key) string {
	words := make([]string, len(keys))
	for i, k := range keys {
		words[i] = code(string(k))
	}
	return strings.Join(words, " ")
}

// code is s as code in a cell of a table, where | ends the cell even in code. A backtick needs more of them
// around it.
func code(s string) string {
	switch {
	case s == "":
		return ""
	case strings.Contains(s, "`"):
		return "`` " + cell(s) + " ``"
	}
	return "`" + cell(s) + "`"
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// ReplaceBlock gives a README with what stands between the lines begin and end replaced by block. It is an
// error when these lines are not there exactly once and in this order.
func ReplaceBlock(readme, begin, end, block string) (string, error) {
	head, rest, found := strings.Cut(readme, begin+"\n")
	if !found {
		return "", fmt.Errorf("no line %q: put it and %q where the table belongs", begin, end)
	}
	_, tail, found := strings.Cut(rest, end)
	if !found {
		return "", fmt.Errorf("no line %q after %q", end, begin)
	}
	if strings.Contains(tail, begin) || strings.Contains(head+tail, end) {
		return "", fmt.Errorf("%q and %q stand there more than once", begin, end)
	}
	return head + begin + "\n" + block + end + tail, nil
}

package keymap

// The README's tables, and the block of the README they stand in.

import (
	"fmt"
	"strings"
)

// The comments around the generated block of the README.
const (
	MarkdownBegin = "<!-- keys:begin -->"
	MarkdownEnd   = "<!-- keys:end -->"
)

// Markdown is the README's block: the keys with their flags, and where the commands of netstat and TCPView
// went.
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
	b.WriteString("\nFor hands that know another tool:\n\n")
	b.WriteString("| netstat on Linux | netstat on Windows | TCPView | Keys | Flag | |\n|---|---|---|---|---|---|\n")
	for i := range m.rows {
		row := &m.rows[i]
		if row.Netstat == "" && row.Windows == "" && row.TCPView == "" {
			continue
		}
		help := row.Help
		if len(row.Keys) == 0 {
			help = row.flagHelp()
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", code(row.Netstat), code(row.Windows),
			cell(row.TCPView), codeKeys(row.Keys), code(row.plainFlag()), cell(help))
	}
	return b.String()
}

// plainFlag is the flag without the column in which Spelling aligns it.
func (b *Binding) plainFlag() string { return strings.TrimSpace(b.Spelling()) }

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

// ReplaceBlock gives a README with what stands between MarkdownBegin and MarkdownEnd replaced by block.
// It is an error when these lines are not there exactly once and in this order.
func ReplaceBlock(readme, block string) (string, error) {
	head, rest, found := strings.Cut(readme, MarkdownBegin+"\n")
	if !found {
		return "", fmt.Errorf("no line %q: put it and %q where the key table belongs", MarkdownBegin, MarkdownEnd)
	}
	_, tail, found := strings.Cut(rest, MarkdownEnd)
	if !found {
		return "", fmt.Errorf("no line %q after %q", MarkdownEnd, MarkdownBegin)
	}
	if strings.Contains(tail, MarkdownBegin) || strings.Contains(head+tail, MarkdownEnd) {
		return "", fmt.Errorf("%q and %q stand there more than once", MarkdownBegin, MarkdownEnd)
	}
	return head + MarkdownBegin + "\n" + block + MarkdownEnd + tail, nil
}

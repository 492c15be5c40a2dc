// Drawing with seven bits, for terminals and locales that have no more.

package term

import "strings"

// utf8Locale says whether the locale's character set is UTF-8, from the variables that setlocale(3) reads,
// the first that is set. Nothing set at all counts as UTF-8: that is a container or a bare ssh, and the
// terminal at the other end has not been anything else for decades.
func utf8Locale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if locale := strings.ToLower(getenv(name)); locale != "" {
			// LC_CTYPE=UTF-8 with no language is what macOS sends over ssh.
			return strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
		}
	}
	return true
}

// toASCII is a character as seven bits can show it, one column wide.
func toASCII(str string) string {
	for _, r := range str {
		return asciiFor(r)
	}
	return " "
}

func asciiFor(r rune) string {
	switch {
	case r >= ' ' && r <= '~':
		return printable[r-' ' : r-' '+1]
	case r >= 0x2500 && r <= 0x257f:
		return boxASCII(r)
	case r >= 0x2581 && r <= 0x2588: // bars of one to eight eighths
		const levels = "._-=+*%#"
		return levels[r-0x2581 : r-0x2581+1]
	case r == 0x00a0:
		return " "
	}
	switch r {
	case '▀', '▄', '▌', '▐', '░', '▒', '▓', '■':
		return "#"
	case '←', '◀', '◂', '‹', '«':
		return "<"
	case '→', '▶', '▸', '›', '»':
		return ">"
	case '↑', '▲', '▴':
		return "^"
	case '↓', '▼', '▾':
		return "v"
	case '•', '●', '◆', '✓':
		return "*"
	case '…', '·':
		return "."
	case '‐', '‑', '–', '—', '−':
		return "-"
	case '‘', '’':
		return "'"
	case '“', '”':
		return `"`
	}
	return "?"
}

// boxASCII serves the block "Box Drawing", U+2500 to U+257F: lines as lines, what joins them as +.
func boxASCII(r rune) string {
	switch r {
	case '─', '━', '┄', '┅', '┈', '┉', '╌', '╍', '╴', '╶', '╸', '╺', '╼', '╾':
		return "-"
	case '│', '┃', '┆', '┇', '┊', '┋', '╎', '╏', '║', '╵', '╷', '╹', '╻', '╽', '╿':
		return "|"
	case '═':
		return "="
	case '╱':
		return "/"
	case '╲':
		return `\`
	case '╳':
		return "X"
	}
	return "+"
}

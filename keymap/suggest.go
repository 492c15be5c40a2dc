package keymap

// "Did you mean": the nearest of the words that are allowed, and how a word of the user's is quoted.

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// suggest gives the candidate that word most likely stands for, or "": one it begins, or one at most
// two slips away.
func suggest(word string, candidates []string) string {
	word = strings.ToLower(word)
	if len(word) < 2 || len(word) > 40 {
		return ""
	}
	best, least := "", 3
	if len(word) < 4 {
		least = 2
	}
	for _, c := range candidates {
		if strings.HasPrefix(c, word) || strings.ReplaceAll(c, "-", "") == word {
			return c
		}
		if d := slips(word, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// slips counts the letters to add, drop, change or swap with their neighbour to get from a to b (optimal
// string alignment distance).
func slips(a, b string) int {
	before, row := []int(nil), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// quote quotes what a user typed for a message of one line: escaped, so that it cannot steer a terminal,
// and cut where it gets longer than 60 bytes so.
func quote(s string) string {
	const most = 60
	for i, written := 0, 0; i < len(s); {
		_, size := utf8.DecodeRuneInString(s[i:])
		written += len(strconv.Quote(s[i:i+size])) - len(`""`)
		if written > most {
			return strconv.Quote(s[:i] + "…")
		}
		i += size
	}
	return strconv.Quote(s)
}

// escape is quote without the quotes.
func escape(s string) string {
	q := quote(s)
	return q[1 : len(q)-1]
}

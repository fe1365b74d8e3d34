package batch

import (
	"slices"
	"unicode/utf8"
)

// Nearest returns the word that a misspelled one most likely stands for, the first of
// equally near ones, and false if none is near.
func Nearest(written string, words []string) (word string, found bool) {
	const maxTypos, longest = 2, 64
	if len(written) > longest {
		return "", false
	}
	least := maxTypos + 1
	for _, w := range words {
		// Most short words are two typos apart.
		if d := distance(written, w); d < least && 3*d <= utf8.RuneCountInString(w) {
			word, least = w, d
		}
	}
	return word, least <= maxTypos
}

// distance is the number of typos that turn a into b: missing, additional, wrong or
// swapped characters (the optimal string alignment distance).
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	var before []int // the row before the last
	for i, c := range from {
		last := slices.Clone(row)
		row[0] = i + 1
		for j, d := range to {
			cost := last[j]
			if c != d {
				cost++
			}
			row[j+1] = min(cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && c == to[j-1] && from[i-1] == d {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before = last
	}
	return row[len(to)]
}

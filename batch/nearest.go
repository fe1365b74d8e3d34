package batch

import (
	"slices"
	"unicode/utf8"
)

// Nearest returns the word that is a slip of the pen away from what was
// written, the first of those that are equally near, and false when there is
// none.
func Nearest(written string, words []string) (word string, found bool) {
	const slips, longest = 2, 64
	if len(written) > longest {
		return "", false
	}
	least := slips + 1
	for _, w := range words {
		// A short word is soon two slips away from any other.
		if d := distance(written, w); d < least && 3*d <= utf8.RuneCountInString(w) {
			word, least = w, d
		}
	}
	return word, least <= slips
}

// distance is how many slips turn a into b: characters that are missing, too
// many, wrong, or in the place of their neighbour (the optimal string alignment
// distance).
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

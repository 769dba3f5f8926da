package yamlfile

// Nearest gives the name closest to s by edits, or "" where none is close: more than a third of the
// letters, and more than one, would change.
func Nearest(s string, names []string) string {
	best, bound := "", max(1, len([]rune(s))/3)
	for _, name := range names {
		if d := edits([]rune(s), []rune(name)); d <= bound && (best == "" || d < bound) {
			best, bound = name, d
		}
	}
	return best
}

// edits counts the insertions, deletions, replacements and swaps of neighbours from a to b (optimal
// string alignment distance).
func edits(a, b []rune) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

package evaluators

import (
	"fmt"
	"slices"
	"strings"
)

// hintedError is an error that says what the user can do.
type hintedError struct {
	err  error
	hint string
}

func (e *hintedError) Error() string { return e.err.Error() }
func (e *hintedError) Unwrap() error { return e.err }

// Hint says what to type.
func (e *hintedError) Hint() string { return e.hint }

// unknown says that there is no such what, and which of names is meant.
func unknown(what, name string, names []string) error {
	err := fmt.Errorf("unknown %s %q", what, name)
	if near := nearest(name, names); near != "" {
		return &hintedError{err: err, hint: fmt.Sprintf("did you mean %q?", near)}
	}
	if len(names) == 0 {
		return &hintedError{err: err, hint: "it takes none"}
	}
	return &hintedError{err: err, hint: "one of " + strings.Join(names, ", ")}
}

// nearest gives the name that a typing error may have meant, or "".
func nearest(name string, names []string) string {
	best, bestDistance := "", max(1, len(name)/3)+1
	for _, n := range slices.Sorted(slices.Values(names)) {
		d := editDistance([]rune(strings.ToLower(name)), []rune(strings.ToLower(n)))
		if d < bestDistance {
			best, bestDistance = n, d
		}
	}
	return best
}

// editDistance is Levenshtein's: the fewest insertions, deletions and substitutions that turn a into b. It takes
// len(a)·len(b) steps and the memory of the shorter.
func editDistance(a, b []rune) int {
	if len(a) < len(b) {
		a, b = b, a
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range a {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range b {
			cost := diagonal
			if x != y {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

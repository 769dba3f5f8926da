package lmeval

import (
	"slices"

	"github.com/onset-eval/onset/tasks/pyval"
)

// The limits of Tercom and of sacrebleu's form of it.
const (
	maxShiftSize       = 10
	maxShiftDistance   = 50
	maxShiftCandidates = 1000
)

// prepareTER is sacrebleu.corpus_ter with its defaults (Snover et al. 2006): words in small letters as they are.
func prepareTER(items []pyval.Value, r Rules) (Statistic, error) {
	return corpusMetric{segment: terSegment, score: terScore}.prepare(items, r)
}

// terSegment gives the fewest edits to a reference, and the mean length of the references.
func terSegment(answer string, references []string) []float64 {
	words := fields(lower(answer))
	fewest, length := -1, 0
	for _, ref := range references {
		target := fields(lower(ref))
		length += len(target)
		if edits := shiftedEdits(words, target); fewest < 0 || edits < fewest {
			fewest = edits
		}
	}
	return []float64{float64(fewest), float64(length) / float64(len(references))}
}

// terScore is 100·edits/length; of an empty reference 100 where there are edits.
func terScore(sums []float64) float64 {
	switch edits, length := sums[0], sums[1]; {
	case length > 0:
		return 100 * (edits / length)
	case edits > 0:
		return 100
	}
	return 0
}

// shiftedEdits counts the edits that make words from a reference: insertions, deletions, substitutions and shifts of
// blocks, found greedily.
func shiftedEdits(words, target []string) int {
	if len(target) == 0 {
		return len(words)
	}
	shifts, checked := 0, 0
	for {
		gain, shifted := bestShift(words, target, &checked)
		if checked >= maxShiftCandidates || gain <= 0 {
			break
		}
		shifts++
		words = shifted
	}
	distance, _ := editDistance(words, target)
	return shifts + distance
}

// bestShift gives the shift of a block of words that lowers the edit distance most, and by how much: of equals the
// longest block, the earliest in words, the earliest place to go.
func bestShift(words, target []string, checked *int) (gain int, shifted []string) {
	distance, ops := editDistance(words, target)
	a := align(ops)
	best := [4]int{}
	found := false
	for start := range words {
		for to := max(0, start-maxShiftDistance); to < len(target) && to <= start+maxShiftDistance; to++ {
			for n := 1; n <= maxShiftSize && start+n <= len(words) && to+n <= len(target) && words[start+n-1] == target[to+n-1]; n++ {
				if !slices.Contains(a.wrongWord[start:start+n], true) || !slices.Contains(a.wrongTarget[to:to+n], true) ||
					a.at[to] >= start && a.at[to] < start+n {
					continue
				}
				last := -1
				for offset := -1; offset < n; offset++ {
					place := 0
					if to+offset >= 0 {
						place = a.at[to+offset] + 1
					}
					if place == last {
						continue
					}
					last = place
					moved := shift(words, start, n, place)
					d, _ := editDistance(moved, target)
					*checked++
					rank := [4]int{distance - d, n, -start, -place}
					if !found || slices.Compare(rank[:], best[:]) > 0 {
						best, shifted, found = rank, moved, true
					}
				}
				if *checked >= maxShiftCandidates {
					return best[0], shifted
				}
			}
		}
	}
	return best[0], shifted
}

// shift moves words[start:start+n] to stand before the word at place; a place within the block counts from its
// start, behind the words that follow it.
func shift(words []string, start, n, place int) []string {
	block := words[start : start+n]
	switch {
	case place < start:
		return slices.Concat(words[:place], block, words[place:start], words[start+n:])
	case place > start+n:
		return slices.Concat(words[:start], words[start+n:place], block, words[place:])
	}
	end := min(n+place, len(words))
	return slices.Concat(words[:start], words[start+n:end], block, words[end:])
}

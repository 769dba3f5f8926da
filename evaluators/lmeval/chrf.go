package lmeval

import (
	"strings"
	"unicode/utf8"

	"github.com/onset-eval/onset/tasks/pyval"
)

const charOrder = 6 // the longest character n-gram of chrF

// prepareCHRF is sacrebleu.corpus_chrf (Popović 2015, 2017) with β = 2 and word n-grams up to wordOrder.
func prepareCHRF(wordOrder int) func([]pyval.Value, Rules) (Statistic, error) {
	segment := func(answer string, references []string) []float64 {
		var best []float64
		top := -1.0
		grams := chrfGrams(answer, wordOrder)
		for _, ref := range references {
			counts := chrfCounts(grams, chrfGrams(ref, wordOrder))
			if f := chrfScore(counts); f > top {
				best, top = counts, f
			}
		}
		return best
	}
	return corpusMetric{segment: segment, score: chrfScore}.prepare
}

// chrfGrams counts the n-grams of each order: of characters without white space, then of words.
func chrfGrams(text string, wordOrder int) []map[string]int {
	joined := strings.Join(fields(text), "")
	starts := make([]int, 0, len(joined)+1)
	for i := range joined {
		starts = append(starts, i)
	}
	starts = append(starts, len(joined))
	out := make([]map[string]int, charOrder+wordOrder)
	for n := 1; n <= charOrder; n++ {
		out[n-1] = make(map[string]int, len(starts))
		for i := 0; i+n < len(starts); i++ {
			out[n-1][joined[starts[i]:starts[i+n]]]++
		}
	}
	if wordOrder > 0 {
		words := chrfWords(text)
		for n := 1; n <= wordOrder; n++ {
			out[charOrder+n-1] = make(map[string]int, len(words))
			for i := 0; i+n <= len(words); i++ {
				out[charOrder+n-1][strings.Join(words[i:i+n], " ")]++
			}
		}
	}
	return out
}

// chrfWords splits one punctuation mark off each word: the last character, else the first.
func chrfWords(text string) []string {
	var out []string
	for _, w := range fields(text) {
		first, size := utf8.DecodeRuneInString(w)
		last, lastSize := utf8.DecodeLastRuneInString(w)
		switch {
		case size == len(w):
			out = append(out, w)
		case isASCIIPunct(last):
			out = append(out, w[:len(w)-lastSize], w[len(w)-lastSize:])
		case isASCIIPunct(first):
			out = append(out, w[:size], w[size:])
		default:
			out = append(out, w)
		}
	}
	return out
}

// chrfCounts gives for each order the n-grams of answer and reference, and how many of them match.
func chrfCounts(answer, reference []map[string]int) []float64 {
	out := make([]float64, 0, 3*len(answer))
	for n := range answer {
		var total, wanted, match int
		for gram, count := range answer[n] {
			total += count
			match += min(count, reference[n][gram])
		}
		for _, count := range reference[n] {
			wanted += count
		}
		if len(reference[n]) == 0 {
			total = 0
		}
		out = append(out, float64(total), float64(wanted), float64(match))
	}
	return out
}

// chrfScore is 100·(1+β²)·P·R/(β²·P+R) with the mean precision and recall of the orders that both sides have.
func chrfScore(counts []float64) float64 {
	const factor = 4 // β²
	var precision, recall, orders float64
	for i := 0; i < len(counts); i += 3 {
		if total, wanted, match := counts[i], counts[i+1], counts[i+2]; total > 0 && wanted > 0 {
			precision += match / total
			recall += match / wanted
			orders++
		}
	}
	if precision+recall == 0 {
		return 0
	}
	precision /= orders
	recall /= orders
	return 100 * ((1 + factor) * precision * recall / (factor*precision + recall))
}

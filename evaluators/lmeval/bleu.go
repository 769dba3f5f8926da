package lmeval

import (
	"math"
	"slices"
	"strings"

	"github.com/onset-eval/onset/tasks/pyval"
)

// maxOrder is the longest n-gram of BLEU.
const maxOrder = 4

// prepareBLEU is sacrebleu.corpus_bleu with its defaults: 13a tokens, exponential smoothing, no effective order.
func prepareBLEU(items []pyval.Value, r Rules) (Statistic, error) {
	return corpusMetric{segment: bleuSegment(tokenize13a), score: bleuScore}.prepare(items, r)
}

// bleuSegment gives the lengths of answer and closest reference, then for each order the n-grams that match and
// those that there are.
func bleuSegment(tokenize func(string) []string) func(string, []string) []float64 {
	return func(answer string, references []string) []float64 {
		ids := make(map[string]int32) // of tokens, from 1
		read := func(s string) []int32 {
			tokens := tokenize(strings.TrimRightFunc(s, isSpace))
			out := make([]int32, len(tokens))
			for i, t := range tokens {
				if ids[t] == 0 {
					ids[t] = int32(len(ids) + 1)
				}
				out[i] = ids[t]
			}
			return out
		}
		most := make(map[[maxOrder]int32]int)
		var lengths []int
		for _, ref := range references {
			tokens := read(ref)
			lengths = append(lengths, len(tokens))
			for gram, n := range ngrams(tokens) {
				most[gram] = max(most[gram], n)
			}
		}
		tokens := read(answer)
		out := make([]float64, 2+2*maxOrder)
		out[0], out[1] = float64(len(tokens)), float64(closest(len(tokens), lengths))
		for gram, n := range ngrams(tokens) {
			order := slices.Index(gram[:], 0)
			if order < 0 {
				order = maxOrder
			}
			out[1+order] += float64(min(n, most[gram]))
			out[1+maxOrder+order] += float64(n)
		}
		return out
	}
}

// ngrams counts the n-grams of all orders; those shorter than the longest end in zeros.
func ngrams(tokens []int32) map[[maxOrder]int32]int {
	out := make(map[[maxOrder]int32]int, maxOrder*len(tokens))
	for i := range tokens {
		var gram [maxOrder]int32
		for n := 0; n < maxOrder && i+n < len(tokens); n++ {
			gram[n] = tokens[i+n]
			out[gram]++
		}
	}
	return out
}

// closest gives the length nearest to n, the smaller of two.
func closest(n int, lengths []int) int {
	best := lengths[0]
	for _, l := range lengths {
		d, bestD := max(l-n, n-l), max(best-n, n-best)
		if d < bestD || d == bestD && l < best {
			best = l
		}
	}
	return best
}

// bleuScore is BP·exp(Σ ln pₙ/4), in [0,100] (Papineni et al. 2002), with the precision of orders without a match
// taken as 100/(2ᵏ·total) for the k-th such order (Chen and Cherry 2014, method 3).
func bleuScore(sums []float64) float64 {
	length, reference := sums[0], sums[1]
	right, total := sums[2:2+maxOrder], sums[2+maxOrder:]
	if !slices.ContainsFunc(right, func(c float64) bool { return c != 0 }) {
		return 0
	}
	brevity := 1.0
	if length < reference {
		brevity = math.Exp(1 - reference/length)
	}
	const logOfZero = -9999999999
	logs, smooth := 0.0, 1.0
	stopped := false
	for n := range maxOrder {
		stopped = stopped || total[n] == 0
		switch {
		case stopped:
			logs += logOfZero
		case right[n] == 0:
			smooth *= 2
			logs += math.Log(100 / (smooth * total[n]))
		default:
			logs += math.Log(100 * right[n] / total[n])
		}
	}
	return brevity * math.Exp(logs/maxOrder)
}

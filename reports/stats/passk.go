package stats

import (
	"fmt"
	"math"
)

// PassAtK is the unbiased estimate of the probability that at least one of k draws is correct, from n draws
// of which c are:
//
//	pass@k = 1 - C(n-c, k) / C(n, k)
//
// Chen et al., Evaluating Large Language Models Trained on Code (arXiv 2107.03374), equation 1, with the
// product form of its figure 3. 0 ≤ c ≤ n and 1 ≤ k ≤ n; it is NaN otherwise.
func PassAtK(n, c, k int) float64 {
	if c < 0 || c > n || k < 1 || k > n {
		return math.NaN()
	}
	if n-c < k {
		return 1
	}
	miss := 1.0
	for i := n - c + 1; i <= n; i++ {
		miss *= 1 - float64(k)/float64(i)
	}
	return 1 - miss
}

// Draws counts the draws of one sample and the correct ones among them.
type Draws struct{ N, Correct int }

// MeanPassAtK estimates pass@k over samples, with the samples as the independent observations. A sample with
// fewer than k draws has no pass@k: it is left out and counted in a warning. level 0 means DefaultLevel.
func MeanPassAtK(samples []Draws, k int, level float64) Estimate {
	xs := make([]float64, 0, len(samples))
	for _, s := range samples {
		if p := PassAtK(s.N, s.Correct, k); !math.IsNaN(p) {
			xs = append(xs, p)
		}
	}
	e := Mean(xs, level)
	e.Lo, e.Hi = max(0, e.Lo), min(1, e.Hi)
	e.Method = fmt.Sprintf("pass@%d, Student t over samples", k)
	if short := len(samples) - len(xs); short > 0 {
		e.warn(ErrFewData, "%d of %d samples have fewer than %d draws", short, len(samples), k)
	}
	return e
}

// MajAtK is the probability that the majority answer of k draws, taken without replacement from those made,
// is the correct one; a tie is broken uniformly among the answers that share it. correct counts the draws
// that gave the correct answer and wrong those of each other answer. k draws at least must have been made;
// it is NaN otherwise. (Self-consistency: Wang et al., arXiv 2203.11171.)
//
// It sums over the count w of correct answers among the k, and over the number t of wrong answers that tie
// with it, the hypergeometric weight C(correct,w) Π C(wrong_j, v_j) / C(n,k) divided by t+1.
func MajAtK(correct int, wrong []int, k int) float64 {
	n := correct
	for _, v := range wrong {
		if v < 0 {
			return math.NaN()
		}
		n += v
	}
	if correct < 0 || k < 1 || k > n {
		return math.NaN()
	}
	total := 0.0
	for w := 1; w <= min(k, correct); w++ {
		for t, ways := range tieWeights(wrong, k-w, w, lchoose(correct, w)-lchoose(n, k)) {
			total += ways / float64(t+1)
		}
	}
	return min(1, total)
}

// tieWeights gives, for each number of wrong answers drawn exactly w times, the weight of drawing rest wrong
// answers of which none is drawn more than w times, times exp(logScale).
func tieWeights(wrong []int, rest, w int, logScale float64) []float64 {
	ties := rest/w + 1
	at := func(r, t int) int { return r*(ties+1) + t }
	cur := make([]float64, (rest+1)*(ties+1))
	cur[at(0, 0)] = math.Exp(logScale)
	for _, have := range wrong {
		next := make([]float64, len(cur))
		for r := 0; r <= rest; r++ {
			for t := 0; t < ties; t++ {
				x := cur[at(r, t)]
				for v := 0; x != 0 && v <= min(have, w, rest-r); v++ {
					tied := t
					if v == w {
						tied++
					}
					next[at(r+v, tied)] += x * math.Exp(lchoose(have, v))
				}
			}
		}
		cur = next
	}
	return cur[at(rest, 0):]
}

// lchoose is ln C(n, k).
func lchoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}

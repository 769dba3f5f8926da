package reports

import (
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/onset-eval/onset/reports/stats"
)

// ratio is a metric that is no mean of its samples: a function of Σ value / Σ weight over the task, with an item
// bootstrap for its error. Lower is better, and perfect is the least.
type ratio struct {
	of               func(mean float64) float64
	perfect, nothing float64
	origin           string
}

// ratios lists them by the scorer's name. A byte is one of 256, so a model without any knowledge of bytes needs 8 bits
// for each; of words and targets nothing such is known.
func ratioOf(metric string) (ratio, bool) {
	const bytes, bits = 256, 8
	perplexity := func(mean float64) float64 { return math.Exp(-mean) }
	switch metric {
	case "perplexity", "word_perplexity":
		return ratio{of: perplexity, perfect: 1, nothing: 0, origin: OriginNone}, true
	case "byte_perplexity":
		return ratio{of: perplexity, perfect: 1, nothing: bytes, origin: "uniform bytes"}, true
	case "bits_per_byte":
		return ratio{of: func(mean float64) float64 { return -mean / math.Ln2 }, perfect: 0, nothing: bits, origin: "uniform bytes"}, true
	}
	return ratio{}, false
}

// The item bootstrap: fewer replicates where a task has so many samples that its error is small.
const (
	itemReplicates = 1000
	fewReplicates  = 200
	manySamples    = 20_000
)

// ratioEstimate estimates a ratio over the judged records, resampling samples with all of their records.
func (a *accumulator) ratioEstimate(r ratio) stats.Estimate {
	var value, weight []float64
	for i, j := range a.judged {
		if i == 0 || j.sample != a.judged[i-1].sample {
			value, weight = append(value, 0), append(weight, 0)
		}
		w := j.weight
		if w == 0 {
			w = 1
		}
		value[len(value)-1] += j.value
		weight[len(weight)-1] += w
	}
	replicates := itemReplicates
	if len(value) > manySamples {
		replicates = fewReplicates
	}
	h := fnv.New64a()
	h.Write([]byte(a.key.Model + "\x00" + a.key.Task + "\x00" + a.key.Metric))
	rng := rand.New(rand.NewPCG(h.Sum64(), uint64(a.key.Shots)))
	return stats.Bootstrap(len(value), replicates, stats.DefaultLevel, rng, func(index []int) float64 {
		var v, w float64
		for _, i := range index {
			v += value[i]
			w += weight[i]
		}
		return r.of(v / w)
	})
}

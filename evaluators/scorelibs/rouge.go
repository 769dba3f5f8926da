package scorelibs

import (
	"math"
	"slices"

	"github.com/onset-eval/onset/evaluators/lmeval"
	"github.com/onset-eval/onset/tasks/pycode"
	"github.com/onset-eval/onset/tasks/pyval"
)

// rougeMetric is evaluate's rouge. Python draws bootstrap samples to aggregate, from a generator without a seed, and
// gives the median of their means; here it is the mean, about which those scatter from run to run.
func rougeMetric() *pycode.Namespace {
	return module("rouge", nil, function("compute", []string{"predictions?", "references?", "rouge_types?", "use_aggregator?", "use_stemmer?", "tokenizer?"},
		func(c *pycode.Call, a []pyval.Value) (pyval.Value, error) {
			if pycode.Or(a[4], false) != false || pycode.Or(a[5], nil) != nil {
				return nil, pycode.Unsupported("rouge with a stemmer or tokenizer")
			}
			kinds, err := texts(pycode.Or(a[2], pyval.List{"rouge1", "rouge2", "rougeL", "rougeLsum"}))
			if err != nil {
				return nil, err
			}
			answers, err := texts(a[0])
			if err != nil {
				return nil, err
			}
			references, err := pyval.Collect(a[1])
			if err != nil || len(references) != len(answers) {
				return nil, pyval.Errorf("ValueError", "%d predictions and %d references", len(answers), len(references))
			}
			out := new(pyval.Dict)
			for _, kind := range kinds {
				scores := make([]float64, len(answers))
				for i := range answers {
					if scores[i], err = bestRouge(kind, references[i], answers[i]); err != nil {
						return nil, err
					}
				}
				if pycode.Or(a[3], true) == true {
					out.Set(kind, mean(scores))
					continue
				}
				list := make(pyval.List, len(scores))
				for i, s := range scores {
					list[i] = s
				}
				out.Set(kind, list)
			}
			return out, nil
		}))
}

// bestRouge is the F-measure to a reference, or the best to one of several.
func bestRouge(kind string, reference pyval.Value, answer string) (float64, error) {
	targets := []string{pyval.Str(reference)}
	if _, plain := reference.(string); !plain {
		var err error
		if targets, err = texts(reference); err != nil {
			return 0, err
		}
	}
	best := 0.0
	for _, t := range targets {
		_, _, f, ok := lmeval.Rouge(kind, t, answer)
		if !ok {
			return 0, pycode.Unsupported("the kind %s of rouge", kind)
		}
		best = max(best, f)
	}
	return best, nil
}

func rougeModule() *pycode.Namespace {
	return module("rouge_score", map[string]pyval.Value{"rouge_scorer": rougeScorerModule(), "scoring": scoringModule()})
}

// score is a rouge_score Score: precision, recall and F-measure.
func score(p, r, f float64) *pycode.Namespace {
	return module("Score", map[string]pyval.Value{"precision": p, "recall": r, "fmeasure": f})
}

func rougeScorerModule() *pycode.Namespace {
	return module("rouge_scorer", nil, function("RougeScorer", []string{"rouge_types", "use_stemmer?", "split_summaries?", "tokenizer?"},
		func(_ *pycode.Call, a []pyval.Value) (pyval.Value, error) {
			if pycode.Or(a[1], false) != false || pycode.Or(a[2], false) != false || pycode.Or(a[3], nil) != nil {
				return nil, pycode.Unsupported("RougeScorer with a stemmer or tokenizer")
			}
			kinds, err := texts(a[0])
			if err != nil {
				return nil, err
			}
			return module("RougeScorer", nil, function("score", []string{"target", "prediction"}, func(_ *pycode.Call, b []pyval.Value) (pyval.Value, error) {
				pair, err := texts(pyval.List(b))
				if err != nil {
					return nil, err
				}
				out := new(pyval.Dict)
				for _, kind := range kinds {
					p, r, f, ok := lmeval.Rouge(kind, pair[0], pair[1])
					if !ok {
						return nil, pycode.Unsupported("the kind %s of rouge", kind)
					}
					out.Set(kind, score(p, r, f))
				}
				return out, nil
			})), nil
		}))
}

// scoringModule is rouge_score.scoring. Its aggregator draws bootstrap samples; of one score they are all that score.
func scoringModule() *pycode.Namespace {
	return module("scoring", nil, function("BootstrapAggregator", []string{"**kwargs"}, func(*pycode.Call, []pyval.Value) (pyval.Value, error) {
		var added []*pyval.Dict
		return module("BootstrapAggregator", nil,
			function("add_scores", []string{"scores"}, func(_ *pycode.Call, a []pyval.Value) (pyval.Value, error) {
				d, ok := a[0].(*pyval.Dict)
				if !ok {
					return nil, pyval.Errorf("TypeError", "scores are expected")
				}
				added = append(added, d)
				return nil, nil
			}),
			function("aggregate", nil, func(*pycode.Call, []pyval.Value) (pyval.Value, error) {
				out := new(pyval.Dict)
				if len(added) != 1 {
					return nil, pycode.Unsupported("BootstrapAggregator of several scores, which differs from run to run,")
				}
				for _, k := range added[0].Keys() {
					v, _ := added[0].Get(k)
					out.Set(k, module("AggregateScore", map[string]pyval.Value{"low": v, "mid": v, "high": v}))
				}
				return out, nil
			})), nil
	}))
}

// bleuMetric is evaluate's bleu: the corpus's geometric mean of n-gram precisions, without smoothing (Papineni et al.
// 2002), over the tokens of sacrebleu's 13a.
func bleuMetric() *pycode.Namespace {
	return module("bleu", nil, function("compute", []string{"predictions?", "references?", "max_order?", "smooth?", "tokenizer?"},
		func(_ *pycode.Call, a []pyval.Value) (pyval.Value, error) {
			if pycode.Or(a[3], false) != false || pycode.Or(a[4], nil) != nil {
				return nil, pycode.Unsupported("bleu with smoothing or a tokenizer")
			}
			order, _ := pycode.Or(a[2], int64(4)).(int64)
			answers, err := texts(a[0])
			if err != nil {
				return nil, err
			}
			groups, err := pyval.Collect(a[1])
			if err != nil || len(groups) != len(answers) || order < 1 || order > 8 {
				return nil, pyval.Errorf("ValueError", "%d predictions and %d references", len(answers), len(groups))
			}
			common, possible := make([]int, order), make([]int, order)
			length, reference := 0, 0
			for i, answer := range answers {
				targets := []string{pyval.Str(groups[i])}
				if _, plain := groups[i].(string); !plain {
					if targets, err = texts(groups[i]); err != nil {
						return nil, err
					}
				}
				got := lmeval.Tokens13a(answer)
				length += len(got)
				shortest := math.MaxInt
				var want [][]string
				for _, t := range targets {
					words := lmeval.Tokens13a(t)
					want = append(want, words)
					shortest = min(shortest, len(words))
				}
				reference += shortest
				countGrams(got, want, common, possible)
			}
			return bleuScores(common, possible, length, reference)
		}))
}

func countGrams(got []string, want [][]string, common, possible []int) {
	for n := 1; n <= len(common); n++ {
		left := make(map[string]int)
		for _, words := range want {
			own := make(map[string]int)
			for i := 0; i+n <= len(words); i++ {
				own[gram(words[i:i+n])]++
			}
			for g, c := range own {
				left[g] = max(left[g], c)
			}
		}
		for i := 0; i+n <= len(got); i++ {
			possible[n-1]++
			if g := gram(got[i : i+n]); left[g] > 0 {
				left[g]--
				common[n-1]++
			}
		}
	}
}

func gram(words []string) string {
	out := ""
	for _, w := range words {
		out += w + "\x00"
	}
	return out
}

func bleuScores(common, possible []int, length, reference int) (pyval.Value, error) {
	precisions := make(pyval.List, len(common))
	logs, zero := 0.0, false
	for i := range common {
		p := 0.0
		if possible[i] > 0 {
			p = float64(common[i]) / float64(possible[i])
		}
		precisions[i] = p
		zero = zero || p == 0
		if p > 0 {
			logs += math.Log(p) / float64(len(common))
		}
	}
	if reference == 0 {
		return nil, pyval.Errorf("ZeroDivisionError", "division by zero")
	}
	ratio := float64(length) / float64(reference)
	penalty := 1.0
	if ratio <= 1 {
		if length == 0 {
			return nil, pyval.Errorf("ZeroDivisionError", "division by zero")
		}
		penalty = math.Exp(1 - 1/ratio)
	}
	bleu := 0.0
	if !zero {
		bleu = math.Exp(logs) * penalty
	}
	out := new(pyval.Dict)
	out.Set("bleu", bleu)
	out.Set("precisions", slices.Clone(precisions))
	out.Set("brevity_penalty", penalty)
	out.Set("length_ratio", ratio)
	out.Set("translation_length", int64(length))
	out.Set("reference_length", int64(reference))
	return out, nil
}

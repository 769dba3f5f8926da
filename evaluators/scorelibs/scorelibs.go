// Package scorelibs gives functions of task files the Python libraries that they score with, under the names by which
// they import them: evaluate, rouge_score, sklearn.metrics and others, as far as task files use them.
package scorelibs

import (
	"fmt"
	"math"

	"github.com/onset-eval/onset/tasks/pycode"
	"github.com/onset-eval/onset/tasks/pyval"
)

// Libraries gives the modules by name, for tasks.IndexOptions. Programs that models write run in the sandbox; nil runs
// none.
func Libraries(sandbox *Sandbox) map[string]pycode.Library {
	load := func() *pycode.Namespace { return evaluateModule(sandbox) }
	return map[string]pycode.Library{
		"evaluate":                 load,
		"rouge_score":              rougeModule,
		"rouge_score.rouge_scorer": rougeScorerModule,
		"rouge_score.scoring":      scoringModule,
		"sklearn.metrics":          sklearnMetrics,
		"sklearn": func() *pycode.Namespace {
			return module("sklearn", map[string]pyval.Value{"metrics": sklearnMetrics()})
		},
		"scipy.stats": scipyStats,
		"transformers.data.metrics": func() *pycode.Namespace {
			return module("metrics", map[string]pyval.Value{"squad_metrics": squadModule()})
		},
		"transformers.data.metrics.squad_metrics": squadModule,
		"sacrebleu":           sacrebleuModule,
		"lm_eval.api.metrics": metricsModule,
	}
}

func module(kind string, attrs map[string]pyval.Value, funcs ...*pycode.Func) *pycode.Namespace {
	if attrs == nil {
		attrs = make(map[string]pyval.Value)
	}
	for _, f := range funcs {
		attrs[f.Name()] = f
	}
	return pycode.NewNamespace(kind, attrs)
}

func function(name string, params []string, fn func(c *pycode.Call, a []pyval.Value) (pyval.Value, error)) *pycode.Func {
	return pycode.NewFunc(name, params, fn)
}

// texts gives the texts of a list.
func texts(v pyval.Value) ([]string, error) {
	items, err := pyval.Collect(v)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(items))
	for i, item := range items {
		s, ok := item.(string)
		if !ok {
			return nil, pyval.Errorf("TypeError", "text is expected, not %s", pyval.TypeName(item))
		}
		out[i] = s
	}
	return out, nil
}

// evaluateModule is evaluate, with the metrics that load gives.
func evaluateModule(sandbox *Sandbox) *pycode.Namespace {
	return module("evaluate", nil, function("load", []string{"path", "config_name?", "**kwargs"}, func(_ *pycode.Call, a []pyval.Value) (pyval.Value, error) {
		switch name := pyval.Str(a[0]); name {
		case "code_eval":
			return codeEval(sandbox), nil
		case "rouge":
			return rougeMetric(), nil
		case "bleu":
			return bleuMetric(), nil
		default:
			return nil, pycode.Unsupported("the metric %s of evaluate", name)
		}
	}))
}

// codeEval is the metric code_eval: programs and tests to pass@k (Chen et al. 2021, arXiv 2107.03374).
func codeEval(sandbox *Sandbox) *pycode.Namespace {
	return module("code_eval", nil, function("compute", []string{"predictions?", "references?", "k?", "**kwargs"}, func(_ *pycode.Call, a []pyval.Value) (pyval.Value, error) {
		if sandbox == nil {
			return nil, pycode.Unsupported("running what a model writes without --sandbox")
		}
		tests, err := texts(pycode.Or(a[1], nil))
		if err != nil {
			return nil, err
		}
		candidates, err := pyval.Collect(pycode.Or(a[0], nil))
		if err != nil {
			return nil, err
		}
		if len(tests) != len(candidates) {
			return nil, pyval.Errorf("ValueError", "%d references and %d predictions", len(tests), len(candidates))
		}
		var total, right []int
		for i, test := range tests {
			programs, err := texts(candidates[i])
			if err != nil {
				return nil, err
			}
			for j := range programs {
				programs[j] += "\n" + test
			}
			passed, err := sandbox.RunAll(programs)
			if err != nil {
				return nil, err
			}
			n := 0
			for _, ok := range passed {
				if ok {
					n++
				}
			}
			total, right = append(total, len(programs)), append(right, n)
		}
		ks, err := pyval.Collect(pycode.Or(a[2], pyval.List{int64(1), int64(10), int64(100)}))
		if err != nil {
			return nil, err
		}
		out := new(pyval.Dict)
		for _, v := range ks {
			k, ok := v.(int64)
			if !ok || k < 1 {
				return nil, pyval.Errorf("ValueError", "k must be a positive number, not %s", pyval.Repr(v))
			}
			sum, enough := 0.0, true
			for i := range total {
				enough = enough && total[i] >= int(k)
				sum += passAtK(total[i], right[i], int(k))
			}
			if enough && len(total) > 0 {
				out.Set(fmt.Sprintf("pass@%d", k), sum/float64(len(total)))
			}
		}
		return pyval.Tuple{out, new(pyval.Dict)}, nil
	}))
}

// passAtK is 1 - C(n-c, k)/C(n, k), by its product (Chen et al. 2021, equation 1).
func passAtK(n, c, k int) float64 {
	if n-c < k {
		return 1
	}
	p := 1.0
	for i := n - c + 1; i <= n; i++ {
		p *= 1 - float64(k)/float64(i)
	}
	return 1 - p
}

// metricsModule is lm_eval.api.metrics, as far as functions call it.
func metricsModule() *pycode.Namespace {
	return module("lm_eval.api.metrics", nil, function("mean", []string{"arr"}, func(_ *pycode.Call, a []pyval.Value) (pyval.Value, error) {
		items, err := numbers(a[0])
		if err != nil {
			return nil, err
		}
		return mean(items), nil
	}), function("metric_max_over_ground_truths", []string{"metric_fn", "prediction", "ground_truths"}, func(c *pycode.Call, a []pyval.Value) (pyval.Value, error) {
		truths, err := pyval.Collect(a[2])
		if err != nil {
			return nil, err
		}
		var best pyval.Value
		for _, truth := range truths {
			v, err := c.Apply(a[0], a[1], truth)
			if err != nil {
				return nil, err
			}
			if best == nil {
				best = v
			} else if more, err := pyval.Compare(pyval.Gt, v, best); err != nil {
				return nil, err
			} else if more {
				best = v
			}
		}
		if best == nil {
			return nil, pyval.Errorf("ValueError", "max() arg is an empty sequence")
		}
		return best, nil
	}))
}

func numbers(v pyval.Value) ([]float64, error) {
	items, err := pyval.Collect(v)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(items))
	for i, item := range items {
		switch x := item.(type) {
		case float64:
			out[i] = x
		case int64:
			out[i] = float64(x)
		case bool:
			if x {
				out[i] = 1
			}
		default:
			return nil, pyval.Errorf("TypeError", "a number is expected, not %s", pyval.TypeName(item))
		}
	}
	return out, nil
}

func mean(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

package scorelibs

import (
	"math"
	"slices"

	"github.com/onset-eval/onset/evaluators/lmeval"
	"github.com/onset-eval/onset/tasks/pycode"
	"github.com/onset-eval/onset/tasks/pyval"
)

// sklearnMetrics is sklearn.metrics, as far as functions call it.
func sklearnMetrics() *pycode.Namespace {
	pair := func(a []pyval.Value) (truth, pred []pyval.Value, err error) {
		if truth, err = pyval.Collect(a[0]); err != nil {
			return nil, nil, err
		}
		if pred, err = pyval.Collect(a[1]); err != nil {
			return nil, nil, err
		}
		if len(truth) != len(pred) || len(truth) == 0 {
			err = pyval.Errorf("ValueError", "Found input variables with inconsistent numbers of samples: [%d, %d]", len(truth), len(pred))
		}
		return truth, pred, err
	}
	fscore := func(name string, of func(hit, said, is float64) float64) *pycode.Func {
		return function(name, []string{"y_true", "y_pred", "labels?", "pos_label?", "average?", "zero_division?"}, func(c *pycode.Call, a []pyval.Value) (pyval.Value, error) {
			truth, pred, err := pair(a)
			if err != nil {
				return nil, err
			}
			if pycode.Or(a[2], nil) != nil {
				return nil, pycode.Unsupported("%s with labels", name)
			}
			return averaged(truth, pred, pycode.Or(a[3], int64(1)), pycode.Or(a[4], "binary"), of)
		})
	}
	ratio := func(x, y float64) float64 {
		if y == 0 {
			return 0
		}
		return x / y
	}
	return module("sklearn.metrics", nil,
		function("accuracy_score", []string{"y_true", "y_pred"}, func(_ *pycode.Call, a []pyval.Value) (pyval.Value, error) {
			truth, pred, err := pair(a)
			if err != nil {
				return nil, err
			}
			right := 0.0
			for i := range truth {
				if pyval.Equal(truth[i], pred[i]) {
					right++
				}
			}
			return right / float64(len(truth)), nil
		}),
		fscore("f1_score", func(hit, said, is float64) float64 { return ratio(2*hit, said+is) }),
		fscore("precision_score", func(hit, said, _ float64) float64 { return ratio(hit, said) }),
		fscore("recall_score", func(hit, _, is float64) float64 { return ratio(hit, is) }))
}

// averaged is a score of classes under one of sklearn's averages; classes are sorted, as None lists them.
func averaged(truth, pred []pyval.Value, positive, average pyval.Value, of func(hit, said, is float64) float64) (pyval.Value, error) {
	var labels []pyval.Value
	for _, v := range slices.Concat(truth, pred) {
		if !slices.ContainsFunc(labels, func(l pyval.Value) bool { return pyval.Equal(l, v) }) {
			labels = append(labels, v)
		}
	}
	var sortErr error
	slices.SortFunc(labels, func(x, y pyval.Value) int {
		less, err := pyval.Compare(pyval.Lt, x, y)
		switch {
		case err != nil:
			sortErr = err
			return 0
		case less:
			return -1
		}
		return 1
	})
	if sortErr != nil {
		return nil, sortErr
	}
	scores, support := make(pyval.List, len(labels)), make([]float64, len(labels))
	var hits, saids, iss float64
	plain, weighted := 0.0, 0.0
	for i, l := range labels {
		hit, said, is := 0.0, 0.0, 0.0
		for j := range truth {
			t, p := pyval.Equal(truth[j], l), pyval.Equal(pred[j], l)
			if t {
				is++
			}
			if p {
				said++
			}
			if t && p {
				hit++
			}
		}
		s := of(hit, said, is)
		scores[i], support[i] = s, is
		hits, saids, iss = hits+hit, saids+said, iss+is
		plain += s
		weighted += s * is
		if average == "binary" && pyval.Equal(l, positive) {
			return s, nil
		}
	}
	switch average {
	case nil:
		return scores, nil
	case "macro":
		return plain / float64(len(labels)), nil
	case "weighted":
		return weighted / float64(len(truth)), nil
	case "micro":
		return of(hits, saids, iss), nil
	case "binary":
		return nil, pyval.Errorf("ValueError", "pos_label=%s is not a valid label", pyval.Repr(positive))
	}
	return nil, pycode.Unsupported("the average %s", pyval.Repr(average))
}

// scipyStats is scipy.stats, of which functions use Pearson's correlation.
func scipyStats() *pycode.Namespace {
	return module("scipy.stats", nil, function("pearsonr", []string{"x", "y"}, func(_ *pycode.Call, a []pyval.Value) (pyval.Value, error) {
		x, err := numbers(a[0])
		if err != nil {
			return nil, err
		}
		y, err := numbers(a[1])
		if err != nil {
			return nil, err
		}
		if len(x) != len(y) || len(x) < 2 {
			return nil, pyval.Errorf("ValueError", "`x` and `y` must have length at least 2.")
		}
		mx, my := mean(x), mean(y)
		var xy, xx, yy float64
		for i := range x {
			xy += (x[i] - mx) * (y[i] - my)
			xx += (x[i] - mx) * (x[i] - mx)
			yy += (y[i] - my) * (y[i] - my)
		}
		r := math.Max(-1, math.Min(1, xy/(math.Sqrt(xx)*math.Sqrt(yy))))
		return pyval.Tuple{r, nil}, nil
	}))
}

// squadModule is transformers.data.metrics.squad_metrics.
func squadModule() *pycode.Namespace {
	of := func(name string, fn func(target, answer string) pyval.Value) *pycode.Func {
		return function(name, []string{"a_gold", "a_pred"}, func(_ *pycode.Call, a []pyval.Value) (pyval.Value, error) {
			pair, err := texts(pyval.List(a))
			if err != nil {
				return nil, err
			}
			return fn(pair[0], pair[1]), nil
		})
	}
	return module("squad_metrics", nil,
		of("compute_exact", func(t, a string) pyval.Value {
			if lmeval.SquadNormal(t) == lmeval.SquadNormal(a) {
				return int64(1)
			}
			return int64(0)
		}),
		of("compute_f1", func(t, a string) pyval.Value { return lmeval.SquadF1(t, a) }),
		function("normalize_answer", []string{"s"}, func(_ *pycode.Call, a []pyval.Value) (pyval.Value, error) {
			s, err := texts(pyval.List(a))
			if err != nil {
				return nil, err
			}
			return lmeval.SquadNormal(s[0]), nil
		}))
}

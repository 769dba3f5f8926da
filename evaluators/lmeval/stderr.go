package lmeval

import (
	"context"
	"fmt"
	"math"

	"github.com/onset-eval/onset/tasks/pyrandom"
	"github.com/onset-eval/onset/tasks/pyval"
)

// chunk is the number of replicates that one generator draws; chunk i uses Random(i).
const chunk = 1000

// bootstrap gives the sample standard deviation of the statistic over replicates of n items, drawn with
// replacement: whole chunks of min(1000, iters).
func (r Rules) bootstrap(ctx context.Context, stat Statistic, n, iters int) (float64, error) {
	size := min(chunk, iters)
	values := make([]float64, iters/size*size)
	if len(values) < 2 {
		return 0, fmt.Errorf("%d bootstrap replicates have no spread: ask for two or more", len(values))
	}
	each(len(values)/size, func(c int) {
		random := pyrandom.New(int64(c))
		draw := make([]int32, n)
		for i := range size {
			if ctx.Err() != nil {
				return
			}
			random.Choices(draw, n)
			values[c*size+i] = stat(draw)
		}
	})
	return r.sampleStddev(values), ctx.Err()
}

// fewReplicates holds the metrics of which the harness draws 100 replicates at most.
func fewReplicates(metric string) bool {
	switch metric {
	case "bleu", "chrf", "chrf++", "ter":
		return true
	}
	return false
}

// stderr gives the standard error of an aggregate of items, or nil where the harness prints "N/A".
func (r Rules) stderr(ctx context.Context, metric string, a Aggregation, stat Statistic, items []pyval.Value, iters int) (*float64, error) {
	if iters <= 0 || len(items) < 2 {
		return nil, nil
	}
	var v float64
	switch a.Stderr {
	case ClosedForm:
		xs, err := numbers(items)
		if err != nil {
			return nil, err
		}
		v = r.sampleStddev(xs) / math.Sqrt(float64(len(xs)))
	case Bootstrap:
		if fewReplicates(metric) {
			iters = min(iters, 100)
		}
		var err error
		if v, err = r.bootstrap(ctx, stat, len(items), iters); err != nil {
			return nil, err
		}
	default:
		return nil, nil
	}
	return &v, nil
}

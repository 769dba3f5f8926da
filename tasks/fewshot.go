package tasks

import (
	"context"
	"sync"

	"github.com/onset-eval/onset/backends/stream"
	"github.com/onset-eval/onset/tasks/dataset"
	"github.com/onset-eval/onset/tasks/pyval"
)

// maxPool bounds the rows that worked examples are drawn from, and so their memory. Of a larger split a
// uniform sample of this size is kept, the same in every run. Compat mode keeps all.
const maxPool = 1 << 16

// pool holds the rows that worked examples are drawn from. It is read at its first use.
type pool struct {
	split *split        // nil where the examples are written out
	docs  []*pyval.Dict // those

	mu    sync.Mutex
	rows  []dataset.Row // nil until read
	whole []dataset.Row // the same for compat mode
}

// size counts the rows.
func (p *pool) size() int {
	if p.split == nil {
		return len(p.docs)
	}
	return p.split.rows
}

func (p *pool) load(ctx context.Context, task string, compat bool) ([]dataset.Row, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept, most := &p.rows, maxPool
	if compat {
		kept, most = &p.whole, p.size()
	}
	if *kept != nil {
		return *kept, nil
	}
	if p.split == nil {
		for i, doc := range p.docs {
			*kept = append(*kept, dataset.Row{Values: doc, Index: i})
		}
		return *kept, nil
	}
	rng := stream.Rand(0, "fewshot pool", task, p.split.name)
	rows := make([]dataset.Row, 0, min(p.split.rows, most))
	for row, err := range p.split.each() {
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		// Vitter 1985, algorithm R.
		if len(rows) < most {
			rows = append(rows, row)
		} else if i := rng.IntN(row.Index + 1); i < most {
			rows[i] = row
		}
	}
	*kept = rows
	return rows, nil
}

// drawExamples chooses k rows for one sample, never the sample itself nor a row with the same values. The
// choice depends on the seed, the task and the sample's name alone.
func drawExamples(rows []dataset.Row, self dataset.Row, k int, order func(n int) func() int) []*pyval.Dict {
	out := make([]*pyval.Dict, 0, k)
	own := pyval.Repr(self.Values)
	next := order(len(rows))
	for i := next(); i >= 0 && len(out) < k; i = next() {
		row := rows[i]
		if row.File != "" && row.Line > 0 && row.File == self.File && row.Line == self.Line || pyval.Repr(row.Values) == own {
			continue
		}
		out = append(out, row.Values)
	}
	return out
}

// inOrder gives 0 to n-1, then -1.
func inOrder(n int) func() int {
	i := -1
	return func() int {
		if i++; i < n {
			return i
		}
		return -1
	}
}

// shuffled gives 0 to n-1 in random order, then -1, in memory proportional to what is asked for
// (Fisher and Yates, with the swaps kept in a map).
func shuffled(seed uint64, key ...string) func(n int) func() int {
	return func(n int) func() int {
		rng := stream.Rand(seed, "fewshot", key...)
		moved := make(map[int]int)
		at := func(i int) int {
			if v, ok := moved[i]; ok {
				return v
			}
			return i
		}
		i := -1
		return func() int {
			if i++; i >= n {
				return -1
			}
			j := i + rng.IntN(n-i)
			v := at(j)
			moved[j] = at(i)
			return v
		}
	}
}

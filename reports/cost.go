package reports

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/onset-eval/onset/evaluators/runlog"
)

// Cost is what a cell of a run took: tokens as the models count them, and USD.
type Cost struct {
	// Cell is the key without sample and draw; the zero Key is the whole run.
	Cell runlog.Key
	// Samples counts records, Requests the calls that were made for them, retries included, and Cached the responses
	// that a cache gave.
	Samples, Requests, Cached int
	Errors                    int
	// Prompt, ServerCached (a part of Prompt), Completion and Reasoning (a part of Completion) count tokens.
	Prompt, ServerCached, Completion, Reasoning int64
	// Paid is the USD of the responses that were bought in this run, Saved that of those which a cache gave.
	Paid, Saved float64
}

func (c *Cost) add(r *runlog.Record) {
	c.Samples++
	c.Requests += r.Attempts
	if r.Error != nil {
		c.Errors++
	}
	for _, resp := range r.Responses {
		u := resp.Usage
		if resp.Cached {
			c.Cached++
			c.Saved += u.CostUSD
			continue
		}
		c.Prompt += int64(u.PromptTokens)
		c.ServerCached += int64(u.CachedTokens)
		c.Completion += int64(u.CompletionTokens)
		c.Reasoning += int64(u.ReasoningTokens)
		c.Paid += u.CostUSD
	}
}

// Costs sums what the run in dir took, a cell each in the order of their keys, and the whole. What a cache gave is counted
// as such and in no tokens.
func Costs(dir string) (cells []Cost, whole Cost, err error) {
	at := make(map[runlog.Key]*Cost)
	for r, err := range runlog.Read(dir) {
		if err != nil {
			return nil, whole, err
		}
		key := r.Cell()
		if at[key] == nil {
			at[key] = &Cost{Cell: key}
		}
		at[key].add(&r)
		whole.add(&r)
	}
	for _, c := range at {
		cells = append(cells, *c)
	}
	slices.SortFunc(cells, func(a, b Cost) int { return a.Cell.Compare(b.Cell) })
	return cells, whole, nil
}

// CostTable lays costs out, a cell a row and the whole below.
func CostTable(cells []Cost, whole Cost) Table {
	t := Table{Title: "cost", Columns: []Column{
		{Name: "model"}, {Name: "task"}, {Name: "style"}, {Name: "shots", Numeric: true}, {Name: "seed", Numeric: true},
		{Name: "samples", Numeric: true}, {Name: "requests", Numeric: true}, {Name: "cached", Numeric: true}, {Name: "errors", Numeric: true},
		{Name: "tokens in", Numeric: true}, {Name: "of these cached", Numeric: true}, {Name: "tokens out", Numeric: true}, {Name: "of these reasoning", Numeric: true},
		{Name: "paid", Unit: "USD", Numeric: true, Digits: 4}, {Name: "saved", Unit: "USD", Numeric: true, Digits: 4},
	}}
	for _, c := range cells {
		k := c.Cell
		t.Rows = append(t.Rows, append([]Cell{
			TextCell(k.Model), TextCell(k.Task), TextCell(string(k.Style)), NumberCell(float64(k.Shots)), NumberCell(float64(k.Seed)),
		}, c.numbers()...))
	}
	if len(cells) > 1 {
		none := Cell{Missing: true}
		t.Rows = append(t.Rows, append([]Cell{{Text: "all", Bold: true}, none, none, none, none}, whole.numbers()...))
	}
	if whole.Paid == 0 && whole.Saved == 0 {
		t.Notes = append(t.Notes, "no model of the run has a price: see --prices of onset run")
	}
	if whole.Samples > 0 && whole.Paid > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%.3g USD for 1,000 samples", 1000*whole.Paid/float64(cmp.Or(whole.Samples, 1))))
	}
	return t
}

func (c *Cost) numbers() []Cell {
	var out []Cell
	for _, v := range []float64{
		float64(c.Samples), float64(c.Requests), float64(c.Cached), float64(c.Errors), float64(c.Prompt), float64(c.ServerCached),
		float64(c.Completion), float64(c.Reasoning), c.Paid, c.Saved,
	} {
		out = append(out, NumberCell(v))
	}
	return out
}

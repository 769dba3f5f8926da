package tasks

import (
	"errors"
	"fmt"
	"slices"

	"github.com/onset-eval/onset/backends/yamlfile"
)

// Cell is one task under one variant: the unit that a run plans.
type Cell struct {
	Task    *Task
	Variant Variant
	// Draws is the number of responses to each sample, at least 1.
	Draws int
	// Limit > 0 bounds the number of samples.
	Limit int
	// Sampling changes how text is generated.
	Sampling SamplingPatch
}

// Options gives the options of the cell's samples; the caller adds what the model takes.
func (c Cell) Options() SampleOptions { return SampleOptions{Limit: c.Limit, Sampling: c.Sampling} }

// Cells resolves the suite's entries, in their order, each by style, shots and seed. An error points at
// the place in the suite file where there is one.
func (s Suite) Cells(x *Index) ([]Cell, error) {
	type key struct {
		task string
		v    Variant
	}
	seen := make(map[key]bool)
	var out []Cell
	for _, e := range s.Entries {
		refs, err := x.Resolve(e.Task)
		if err != nil {
			return nil, e.point(err)
		}
		for _, ref := range refs {
			name := ref.Name
			t, err := ref.Load()
			if err != nil {
				return nil, e.point(err)
			}
			cells, err := e.cells(t)
			if err != nil {
				return nil, err
			}
			for _, c := range cells {
				k := key{name, c.Variant}
				if seen[k] {
					return nil, e.point(fmt.Errorf("%s with style %s, %d shots and seed %d is asked for twice",
						name, c.Variant.Style, c.Variant.Shots, c.Variant.Seed))
				}
				seen[k] = true
			}
			out = append(out, cells...)
		}
	}
	return out, nil
}

func (e Entry) cells(t *Task) ([]Cell, error) {
	var out []Cell
	styles, seeds := e.Styles, e.Seeds
	if len(styles) == 0 {
		styles = []Style{t.DefaultStyle()}
	}
	if len(seeds) == 0 {
		seeds = []uint64{0}
	}
	for _, style := range styles {
		shots := e.Shots
		if len(shots) == 0 {
			shots = []int{t.Shots(style).Default}
		}
		for _, n := range shots {
			for _, seed := range seeds {
				c := Cell{Task: t, Variant: Variant{Style: style, Shots: n, Seed: seed}, Draws: e.Draws, Limit: e.Limit, Sampling: e.Sampling}
				if err := t.Check(c.Variant); err != nil {
					return nil, e.pointVariant(c.Variant, err)
				}
				if c.Draws == 0 {
					c.Draws = t.Repeats(style)
				}
				out = append(out, c)
			}
		}
	}
	return out, nil
}

// point puts the place of the entry's task before the error, where the suite is from a file.
func (e Entry) point(err error) error { return pointAt(e.at["task"], err) }

// pointVariant points at the very style or number that the task does not have.
func (e Entry) pointVariant(v Variant, err error) error {
	var wrong *VariantError
	if !errors.As(err, &wrong) {
		return e.point(err)
	}
	at := e.at["task"]
	if f := e.at["styles"]; wrong.Field == "style" && f.Set() {
		at = itemAt(f, slices.Index(e.Styles, v.Style))
	}
	if f := e.at["shots"]; wrong.Field == "shots" && f.Set() {
		at = itemAt(f, slices.Index(e.Shots, v.Shots))
	}
	return pointAt(at, err)
}

// itemAt gives the place of an item, or of the value itself where it is no list.
func itemAt(f yamlfile.Field, i int) yamlfile.Field {
	if items, err := f.Items(); err == nil && i >= 0 && i < len(items) {
		return items[i]
	}
	return f
}

func pointAt(at yamlfile.Field, err error) error {
	var located *yamlfile.Error
	var unknown *UnknownTaskError // it may carry another file's error, which is not its place
	if !at.Set() || errors.As(err, &located) && !errors.As(err, &unknown) {
		return err
	}
	hint := ""
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		hint = h.Hint()
	}
	return &yamlfile.Error{File: at.File, Line: at.Node.Line, Column: at.Node.Column, Msg: err.Error(), Advice: hint, Err: err}
}

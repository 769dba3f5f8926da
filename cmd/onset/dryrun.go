package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators/runner"
	"github.com/onset-eval/onset/tasks"
)

// dryRequest is one request as --dry-run --json prints it.
type dryRequest struct {
	Model         string             `json:"model"`
	Task          string             `json:"task"`
	Style         tasks.Style        `json:"style"`
	Shots         int                `json:"shots"`
	Seed          uint64             `json:"seed"`
	Sample        string             `json:"sample"`
	Request       int                `json:"request"`
	Kind          backends.Kind      `json:"kind"`
	Prompt        string             `json:"prompt,omitempty"`
	Messages      []backends.Message `json:"messages,omitempty"`
	Continuations []string           `json:"continuations,omitempty"`
	Sampling      *backends.Sampling `json:"sampling,omitempty"`
	Draws         int                `json:"draws,omitempty"`
	Targets       []string           `json:"targets,omitempty"`
}

// defaultMaxTokens is what a request without a bound is taken to generate at most.
const defaultMaxTokens = 256

// dryRun makes every request of a plan and asks none.
func dryRun(ctx context.Context, a *app, spec runSpec, shard runner.Shard, o executeOptions) error {
	asJSON := o.json
	plan, err := spec.plan()
	if err != nil {
		return err
	}
	o.budget = "" // nothing is spent
	spend, err := o.open("")
	if err != nil {
		return err
	}
	plan.Shard = shard
	infos, err := runner.Check(ctx, plan, opener{providers: providers()})
	if err != nil {
		return err
	}
	out := bufio.NewWriter(a.stdout)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for i, m := range plan.Models {
		whole := dryCount{}
		for _, c := range plan.Cells {
			count := dryCount{}
			opts, err := runner.SampleOptions(plan.Ask, c, infos[i])
			if err != nil {
				return fmt.Errorf("model %s: %w", m.Name, err)
			}
			for s, err := range c.Task.Samples(ctx, c.Variant, opts) {
				if err != nil {
					return usage(err)
				}
				if shard.Count > 1 && s.Index%shard.Count != shard.Index {
					continue
				}
				count.add(&s, max(1, c.Draws))
				if !asJSON {
					continue
				}
				for k, r := range s.Requests {
					d := dryRequest{Model: m.Name, Task: c.Task.Name(), Style: c.Variant.Style, Shots: c.Variant.Shots, Seed: c.Variant.Seed,
						Sample: s.ID, Request: k, Kind: r.Kind, Prompt: r.Prompt, Messages: r.Messages, Continuations: r.Continuations,
						Draws: max(1, c.Draws), Targets: s.Targets}
					if r.Kind == backends.Generate {
						d.Sampling = &r.Sampling
					}
					if err := enc.Encode(d); err != nil {
						return err
					}
				}
			}
			if !asJSON {
				count.print(out, m.Name, c)
			}
			whole.plus(count)
		}
		if !asJSON {
			whole.printCost(out, spend, m, infos[i])
		}
	}
	return out.Flush()
}

// dryCount sums what a cell asks.
type dryCount struct {
	samples, requests, characters int
	// most bounds the tokens that are generated.
	most  int
	first string
}

func (d *dryCount) plus(o dryCount) {
	d.samples, d.requests, d.characters, d.most = d.samples+o.samples, d.requests+o.requests, d.characters+o.characters, d.most+o.most
}

// printCost says what a model's requests cost, from answers of one token to the longest allowed.
func (d *dryCount) printCost(w *bufio.Writer, s *spending, m backends.Model, info backends.Info) {
	p, known := s.priceOf(m, info)
	in := d.characters / charactersPerToken
	switch {
	case !known:
		fmt.Fprintf(w, "%s: %d requests, about %d tokens in and at most %d out; its price is not known (see --prices)\n", m.Name, d.requests, in, d.most)
	case p.Input+p.Output > 0:
		least := p.Of(backends.Usage{PromptTokens: in, CompletionTokens: min(d.requests, d.most)})
		most := p.Of(backends.Usage{PromptTokens: in, CompletionTokens: d.most})
		fmt.Fprintf(w, "%s: %d requests, about %d tokens in and at most %d out: from %s to %s at the prices of %s\n",
			m.Name, d.requests, in, d.most, usd(least), usd(most), cmp.Or(s.prices.AsOf, "your file"))
	}
}

func (d *dryCount) add(s *tasks.Sample, draws int) {
	d.samples++
	d.requests += len(s.Requests) * draws
	for _, r := range s.Requests {
		if r.Kind == backends.Generate {
			d.most += cmp.Or(r.Sampling.MaxTokens, defaultMaxTokens) * draws
		}
		text := r.Prompt
		for _, m := range r.Messages {
			text += m.Role + ": " + m.Content + "\n"
		}
		d.characters += len(text) * draws
		if d.first == "" {
			d.first = text
		}
		for _, c := range r.Continuations {
			d.characters += len(c) * draws
		}
	}
}

func (d *dryCount) print(w *bufio.Writer, model string, c tasks.Cell) {
	fmt.Fprintf(w, "%s, %s %s, %d shots: %d samples, %d requests, about %d tokens of prompts\n", model, c.Task.Name(), c.Variant.Style, c.Variant.Shots,
		d.samples, d.requests, d.characters/charactersPerToken)
	if d.first != "" {
		fmt.Fprintf(w, "--- first prompt\n%s\n---\n", d.first)
	}
}

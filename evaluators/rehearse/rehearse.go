// Package rehearse tries tasks out on rows that it makes up: whether requests can be built, and responses scored,
// without the task's data.
//
// What columns a task reads, and of what types, is found by trying: an error that names a column adds it, any other
// error changes a column's type, until the task can be asked and judged or nothing new happens. Rows that work for
// one task are the first try for its neighbours.
package rehearse

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/evaluators/harness"
	"github.com/onset-eval/onset/evaluators/lmeval"
	"github.com/onset-eval/onset/evaluators/runner"
	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/hooks"
	"github.com/onset-eval/onset/tasks/pycode"
	"github.com/onset-eval/onset/tasks/pyval"
)

// Stage is how far a task came.
type Stage int

// The stages, of which each needs those before it.
const (
	Nothing Stage = iota
	Loads         // its file is read, and the functions that ask have equivalents
	Binds         // so have those that judge
	Builds        // requests are built of made-up rows
	Scores        // made-up responses are scored, and the scores aggregated
)

// Result is how far a task came, and why it came no further.
type Result struct {
	Stage Stage
	// Err is nil for a task that scores.
	Err error
	// Tries counts the rows that were made up.
	Tries int
}

// Rehearsal tries tasks of one index. It may be used concurrently.
type Rehearsal struct {
	index *tasks.Index
	// KeysOnly ends each task's trial before rows are made up.
	KeysOnly bool
	// Tries bounds the rows that are made up for one task; 0 is 2,500.
	Tries int

	mu     sync.Mutex
	worked map[string][]*schema // by family, the latest first
	failed map[string]int       // by family, the tasks for which nothing worked
}

// New makes a rehearsal of an index's tasks.
func New(index *tasks.Index) *Rehearsal {
	return &Rehearsal{index: index, worked: make(map[string][]*schema), failed: make(map[string]int)}
}

// Task tries one task in all of its styles.
func (r *Rehearsal) Task(ctx context.Context, name string) (out Result) {
	defer func() { // one task's defect hides no other
		if p := recover(); p != nil {
			out.Err = fmt.Errorf("internal error: %v", p)
		}
	}()
	task, err := r.index.Outline(name)
	if err != nil {
		return Result{Stage: Nothing, Err: err}
	}
	for _, style := range task.Styles() {
		if err := runner.Judged(task, style); err != nil {
			return Result{Stage: Loads, Err: err}
		}
	}
	if r.KeysOnly {
		return Result{Stage: Binds}
	}
	return r.try(ctx, task)
}

// try looks for rows that work.
func (r *Rehearsal) try(ctx context.Context, task *tasks.Task) Result {
	s := &search{task: task, words: task.Words(), left: r.Tries, seen: make(map[string]bool), known: make(map[string]bool)}
	if s.left == 0 {
		s.left = 2500
	}
	s.longest = longest
	if r.failures(task) > 3 {
		s.left, s.longest = s.left/60, longest/20 // its neighbours need what is not found
	}
	all := s.left
	found := func(x *schema) Result {
		r.keep(family(task), x)
		return Result{Stage: Scores, Tries: all - s.left}
	}
	var broken outcome
	for _, x := range r.kept(family(task)) {
		out := s.eval(ctx, x)
		if out.err == nil {
			return found(x)
		}
		if upstream(out.err) {
			broken = out
		}
	}
	x, out := s.run(ctx)
	if out.err == nil {
		return found(x)
	}
	if upstream(out.err) {
		r.keep(family(task), x) // its neighbours may be broken alike
	} else if broken.err != nil {
		out = broken
	}
	r.fail(task)
	stage := Binds
	if out.stage == Scores {
		stage = Builds
	}
	return Result{Stage: stage, Err: out.err, Tries: all - s.left}
}

// family is the folder by which tasks share rows.
func family(task *tasks.Task) string {
	first, _, _ := strings.Cut(task.Folder(), "/")
	return first
}

func (r *Rehearsal) failures(task *tasks.Task) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed[family(task)]
}

func (r *Rehearsal) fail(task *tasks.Task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed[family(task)]++
}

// kept gives the rows that worked last in a family.
func (r *Rehearsal) kept(family string) []*schema {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*schema(nil), r.worked[family]...)
}

func (r *Rehearsal) keep(family string, x *schema) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := []*schema{x}
	for _, old := range r.worked[family] {
		if old.key() != x.key() && len(list) < 12 {
			list = append(list, old)
		}
	}
	r.worked[family] = list
}

// outcome is how far one try came: stage is that which failed, or Scores.
type outcome struct {
	stage Stage
	err   error
}

// search looks for one task's rows.
type search struct {
	task  *tasks.Task
	words []string
	// variables may be columns.
	variables []string
	uses      uses
	left      int
	longest   time.Duration
	seen      map[string]bool // schemas
	known     map[string]bool // errors
}

// eval tries one kind of rows.
func (s *search) eval(ctx context.Context, x *schema) outcome {
	s.left--
	s.seen[x.key()] = true
	t, err := s.task.OnRows(x.rows(s.words))
	if err != nil {
		return outcome{Binds, err}
	}
	for _, style := range t.Styles() {
		if out := s.style(ctx, t, style); out.err != nil {
			return out
		}
	}
	return outcome{Scores, nil}
}

// style builds and scores one style.
func (s *search) style(ctx context.Context, t *tasks.Task, style tasks.Style) outcome {
	v := tasks.Variant{Style: style, Shots: t.Shots(style).Default}
	var samples []tasks.Sample
	for sample, err := range t.Samples(ctx, v, tasks.SampleOptions{Raw: true, Limit: 3}) {
		if err != nil {
			return outcome{Builds, err}
		}
		samples = append(samples, sample)
	}
	own, err := harness.New(t, style, lmeval.Rules{})
	if err != nil { // onset's own metrics, which need no document
		if errors.As(err, new(*harness.UnsafeError)) {
			return outcome{Scores, err}
		}
		return outcome{Scores, nil}
	}
	draws := make([][][]backends.Response, len(samples))
	for i, sample := range samples {
		for d := range min(t.Repeats(style), 3) {
			draws[i] = append(draws[i], answers(sample, i+d))
		}
	}
	scores, err := own.Score(samples, draws, false)
	if err == nil {
		_, err = scores.Results(ctx, 0)
	}
	return outcome{Scores, err}
}

// answers makes up the responses to a sample's requests: the right one first, then others.
func answers(s tasks.Sample, i int) []backends.Response {
	out := make([]backends.Response, len(s.Requests))
	for j, r := range s.Requests {
		switch r.Kind {
		case backends.Generate:
			out[j].Text = [...]string{"", "The answer is (B).", "7", "yes"}[i%4]
			if i%4 == 0 && len(s.Targets) > 0 {
				out[j].Text = s.Targets[0]
			}
		case backends.LogLikelihoodRolling:
			out[j].LogProbs = []backends.LogProb{{Sum: -12.5, Tokens: 5}}
		default:
			for k := range r.Continuations {
				out[j].LogProbs = append(out[j].LogProbs, backends.LogProb{Sum: -float64((i+j+k)%4) - 0.5, Tokens: 2, Greedy: k == 0})
			}
		}
	}
	return out
}

// state is one kind of rows with what came of them.
type state struct {
	rows  *schema
	out   outcome
	depth int
	again bool // it was tried, and left for a column that it misses
}

// rank orders states: those that come further first, and of those the ones with the most mended.
func (x state) rank() int {
	r := int(x.out.stage)*1000 + 20*x.depth
	if text := x.out.err.Error(); strings.Contains(text, "None") || strings.Contains(text, "not callable") {
		r -= 300
	}
	if x.again {
		r -= 700
	}
	return r
}

// longest is the time that a search may take; all but a few take far less.
const longest = 6 * time.Second

// run changes the rows until they work, or nothing new happens.
func (s *search) run(ctx context.Context) (*schema, outcome) {
	alone, variables := s.task.Columns()
	s.uses = usesOf(s.task.Sources())
	names := slices.Concat([]string{"id"}, alone, variables)
	first := s.uses.schema(names)
	s.variables = slices.Concat(variables, s.uses.read()) // a function may hide that it misses one
	now := state{rows: first, out: s.eval(ctx, first)}
	if now.out.err == nil {
		return now.rows, now.out
	}
	s.known[now.signature()] = true
	start := time.Now()
	best, open := now, []state{now}
	if x := s.uses.plain().schema(names); !s.seen[x.key()] { // what is listed may be of another column
		other := state{rows: x, out: s.eval(ctx, x)}
		if other.out.err == nil {
			return x, other.out
		}
		open = append(open, other)
	}
	broken := upstream(now.out.err)
	for len(open) > 0 && s.left > 0 && ctx.Err() == nil && time.Since(start) < s.longest {
		at := 0
		for i := range open {
			if open[i].rank() > open[at].rank() {
				at = i
			}
		}
		now = open[at]
		open = append(open[:at], open[at+1:]...)
		if hopeless(now.out.err) {
			return now.rows, now.out
		}
		for _, y := range now.rows.repairs(now.out.err, s.variables, s.words, s.uses) {
			if s.left <= 0 || time.Since(start) > s.longest {
				break
			}
			if s.seen[y.key()] {
				continue
			}
			next := state{rows: y, out: s.eval(ctx, y), depth: now.depth + 1}
			if next.out.err == nil {
				return y, next.out
			}
			if name := next.signature(); s.known[name] {
				continue
			} else {
				s.known[name] = true
			}
			open = append(open, next)
			switch {
			case broken:
			case upstream(next.out.err):
				best, broken = next, true
			case next.out.stage > best.out.stage || next.out.stage == best.out.stage && best.rows.missing(best.out.err) != "":
				best = next // the first error behind the missing columns says the most
			}
			if next.out.stage > now.out.stage || now.rows.missing(now.out.err) != "" || next.rows.missing(next.out.err) != "" {
				if !now.again { // go on from there; the other repairs may be needed yet
					now.again = true
					open = append(open, now)
				}
				break // further, or on to the next column that is missing
			}
		}
	}
	return best.rows, best.out
}

// upstream reports whether the harness fails in the same place, which says the most of a task.
func upstream(err error) bool { return errors.As(err, new(*hooks.UpstreamError)) }

// hopeless reports whether no row can help.
func hopeless(err error) bool {
	var unsupported *pycode.UnsupportedError
	var missing *hooks.MissingError
	var unsafe *harness.UnsafeError
	return errors.As(err, &unsupported) || errors.As(err, &missing) || errors.As(err, &unsafe) || pyval.KindOf(err) == "NameError"
}

var (
	inQuotes = regexp.MustCompile(`'[^']*'|"[^"]*"`)
	digits   = regexp.MustCompile(`[0-9]+`)
)

// signature is an error without what differs from row to row.
func (x state) signature() string {
	o := x.out
	if name := x.rows.missing(o.err); name != "" {
		return fmt.Sprint(o.stage, " misses ", name)
	}
	text := o.err.Error()
	if name := x.rows.refused(o.err); name != "" {
		return fmt.Sprint(o.stage, " refuses ", name)
	}
	if i := strings.LastIndex(text, ".jsonl:"); i >= 0 {
		text = text[i:]
	}
	if i := strings.LastIndex(text, "KeyError: "); i >= 0 {
		return fmt.Sprint(o.stage, " another key")
	}
	return fmt.Sprint(o.stage, " ", digits.ReplaceAllString(inQuotes.ReplaceAllString(text, "'"), "0"))
}

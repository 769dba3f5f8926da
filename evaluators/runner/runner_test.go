package runner_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/scripted"
	"github.com/onset-eval/onset/evaluators"
	"github.com/onset-eval/onset/evaluators/runlog"
	"github.com/onset-eval/onset/evaluators/runner"
	"github.com/onset-eval/onset/tasks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const digitTask = `
task: digit
dataset_path: json
dataset_kwargs: {data_files: {test: digit.jsonl}}
test_split: test
output_type: generate_until
doc_to_text: "{{q}}"
doc_to_target: "{{a}}"
generation_kwargs: {until: ["\n"], max_gen_toks: 4, do_sample: true, temperature: 1.0}
metric_list: [{metric: exact_match}]
onset: {id: id, chance: 1/10}
`

// plan makes a plan of the digit task with n samples, for the models of the given names.
func plan(t testing.TB, n, draws int, models ...string) runner.Plan {
	t.Helper()
	var data strings.Builder
	for i := range n {
		fmt.Fprintf(&data, "{\"id\": \"%d\", \"q\": \"question %d\", \"a\": \"%d\"}\n", i, i, i%10)
	}
	index, err := tasks.NewIndex(tasks.Source{FS: fstest.MapFS{
		"digit.yaml": {Data: []byte(digitTask)}, "digit.jsonl": {Data: []byte(data.String())},
	}})
	if err != nil {
		t.Fatal(err)
	}
	suite := tasks.Suite{Name: "test", Entries: []tasks.Entry{{Task: "digit", Draws: draws}}}
	cells, err := suite.Cells(index)
	if err != nil {
		t.Fatal(err)
	}
	p := runner.Plan{Cells: cells, Seed: 7}
	for _, name := range models {
		p.Models = append(p.Models, backends.Model{Name: name, Ref: backends.Ref{Provider: "scripted", Model: name}})
	}
	return p
}

// opener makes scripted models that answer as answer does and calls before before each request.
type opener struct {
	before func(context.Context, backends.Request) error
	opened atomic.Int32
}

func (o *opener) options(m backends.Model) scripted.Options {
	return scripted.Options{Name: m.Name, Parallel: 8, Before: o.before, Answer: func(prompt string, draw int) (string, error) {
		return fmt.Sprint((len(prompt) + draw + len(m.Name)) % 10), nil
	}}
}

func (o *opener) Describe(_ context.Context, m backends.Model) (backends.Info, error) {
	return scripted.New(o.options(m)).Info(), nil
}

func (o *opener) Open(_ context.Context, m backends.Model) (backends.Backend, error) {
	o.opened.Add(1)
	return scripted.New(o.options(m)), nil
}

// memory is a sink that keeps everything.
type memory struct {
	mu      sync.Mutex // guards what follows
	records []runlog.Record
	prompts map[string]string
	fail    error
}

func (m *memory) Prompt(_ context.Context, digest, text string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.prompts == nil {
		m.prompts = make(map[string]string)
	}
	m.prompts[digest] = text
	return nil
}

func (m *memory) Write(_ context.Context, r runlog.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil && len(m.records) >= 3 {
		return m.fail
	}
	m.records = append(m.records, r)
	return nil
}

// sorted gives the records in the form in which equal runs are equal.
func (m *memory) sorted() []runlog.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]runlog.Record, len(m.records))
	for i, r := range m.records {
		out[i] = runlog.Canonical(r)
	}
	slices.SortFunc(out, func(a, b runlog.Record) int { return a.Compare(b.Key) })
	return out
}

// has is a Done of the records of a sink.
type has struct{ keys map[runlog.Key]bool }

func (h has) Has(k runlog.Key) bool { return h.keys[k] }

func (h has) Cell(k runlog.Key) runlog.CellSum {
	var sum runlog.CellSum
	for key := range h.keys {
		if key.Cell() == k.Cell() {
			sum.Add(key)
		}
	}
	return sum
}

func (m *memory) done() has {
	h := has{make(map[runlog.Key]bool)}
	for _, r := range m.sorted() {
		h.keys[r.Key] = true
	}
	return h
}

func run(t *testing.T, p runner.Plan, o *opener, sink runner.Sink, opts runner.Options) (runner.Summary, error) {
	t.Helper()
	infos, err := runner.Check(context.Background(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	return runner.Run(context.Background(), p, infos, o, sink, opts)
}

func TestWorkersDoNotShow(t *testing.T) {
	p := plan(t, 50, 3, "a", "bb")
	var want []runlog.Record
	for _, workers := range []int{1, 8} {
		sink := new(memory)
		sum, err := run(t, p, new(opener), sink, runner.Options{Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		if sum.Recorded != 2*50*3 || sum.Errors != 0 {
			t.Fatalf("%d workers: %+v", workers, sum)
		}
		got := sink.sorted()
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d workers give other records than 1 (-1 +%d):\n%s", workers, workers, diff)
		}
		if len(sink.prompts) != 50 {
			t.Errorf("%d prompts are kept, want 50", len(sink.prompts))
		}
	}
	if want[0].Responses[0].Text == want[1].Responses[0].Text && want[1].Responses[0].Text == want[2].Responses[0].Text {
		t.Error("three draws of one sample give the same text")
	}
}

func TestDrainAndResume(t *testing.T) {
	p := plan(t, 60, 2, "a", "bb")
	whole := new(memory)
	if _, err := run(t, p, new(opener), whole, runner.Options{}); err != nil {
		t.Fatal(err)
	}
	sink, drain := new(memory), make(chan struct{})
	var asked atomic.Int32
	stopping := &opener{before: func(context.Context, backends.Request) error {
		if asked.Add(1) == 30 {
			close(drain)
		}
		return nil
	}}
	sum, err := run(t, p, stopping, sink, runner.Options{Workers: 4, Drain: drain})
	if !errors.Is(err, runner.ErrStopped) || !sum.Drained {
		t.Fatalf("a drained run ends with %v, %+v", err, sum)
	}
	if n := int(asked.Load()); sum.Recorded != n || n == 240 {
		t.Fatalf("%d requests were made and %d recorded", n, sum.Recorded)
	}
	resumed := new(opener)
	sum, err = run(t, p, resumed, sink, runner.Options{Done: sink.done()})
	if err != nil || sum.Recorded+sum.Skipped != 240 {
		t.Fatalf("%v, %+v", err, sum)
	}
	if diff := cmp.Diff(whole.sorted(), sink.sorted()); diff != "" {
		t.Errorf("the resumed run has other records (-whole +resumed):\n%s", diff)
	}
	again := new(opener)
	if sum, err = run(t, p, again, sink, runner.Options{Done: sink.done()}); err != nil || sum.Recorded != 0 || sum.Skipped != 240 {
		t.Errorf("a run with nothing left to do: %v, %+v", err, sum)
	}
	if n := again.opened.Load(); n != 0 {
		t.Errorf("a run with nothing left to do opens %d models", n)
	}
}

func TestFailedRequestIsARecord(t *testing.T) {
	o := &opener{before: func(_ context.Context, r backends.Request) error {
		switch r.Prompt {
		case "question 3":
			return backends.Errorf(backends.KindServer, "ask", "out of order")
		case "question 5":
			panic("a defect")
		}
		return nil
	}}
	sink := new(memory)
	sum, err := run(t, plan(t, 10, 1, "a"), o, sink, runner.Options{})
	if err != nil || sum.Recorded != 10 || sum.Errors != 2 {
		t.Fatalf("%v, %+v", err, sum)
	}
	kinds := make(map[string]backends.ErrorKind)
	for _, r := range sink.sorted() {
		if r.Error == nil {
			continue
		}
		kinds[r.Sample] = r.Error.Kind
		if s := r.Scores[0]; s.Outcome != evaluators.Failed || s.Value != nil {
			t.Errorf("sample %s failed and is scored %+v", r.Sample, s)
		}
	}
	want := map[string]backends.ErrorKind{"3": backends.KindServer, "5": backends.KindInternal}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
}

func TestRunEndsOn(t *testing.T) {
	full := errors.New("disk full")
	for _, c := range []struct {
		name   string
		before func(context.Context, backends.Request) error
		sink   *memory
		want   string
	}{
		{"a missing key", func(context.Context, backends.Request) error {
			return backends.Errorf(backends.KindAuth, "ask", "no key")
		}, new(memory), "no key"},
		{"a full disk", nil, &memory{fail: full}, "disk full"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sum, err := run(t, plan(t, 100, 1, "a"), &opener{before: c.before}, c.sink, runner.Options{Workers: 4})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("the run ends with %v, want %q", err, c.want)
			}
			if sum.Recorded > 3 {
				t.Errorf("%d records after the failure", sum.Recorded)
			}
		})
	}
}

func TestShardsPartition(t *testing.T) {
	p := plan(t, 31, 1, "a")
	all := new(memory)
	if _, err := run(t, p, new(opener), all, runner.Options{}); err != nil {
		t.Fatal(err)
	}
	parts := new(memory)
	for i := range 4 {
		p.Shard = runner.Shard{Index: i, Count: 4}
		size, err := runner.Size(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		sum, err := run(t, p, new(opener), parts, runner.Options{})
		if err != nil || sum.Recorded != size {
			t.Fatalf("shard %d: %v, %+v, size %d", i, err, sum, size)
		}
	}
	if diff := cmp.Diff(all.sorted(), parts.sorted()); diff != "" {
		t.Errorf("shards make other records (-whole +shards):\n%s", diff)
	}
}

func TestCheckRefusesWhatAModelCannotDo(t *testing.T) {
	p := plan(t, 1, 1, "a")
	_, err := runner.Check(context.Background(), p, new(scoresOnly))
	var unserved *runner.UnservedError
	if !errors.As(err, &unserved) || unserved.Task != "digit" || unserved.Hint() == "" {
		t.Errorf("Check gives %v, want an UnservedError of task digit", err)
	}
}

// scoresOnly opens models that score and do not generate.
type scoresOnly struct{ opener }

func (*scoresOnly) Describe(context.Context, backends.Model) (backends.Info, error) {
	return backends.Info{Kinds: []backends.Kind{backends.LogLikelihood}}, nil
}

// slowOpener takes until its context ends to open a model.
type slowOpener struct {
	opener
	begun chan struct{}
}

func (o *slowOpener) Open(ctx context.Context, _ backends.Model) (backends.Backend, error) {
	close(o.begun)
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestDrainEndsOpening sees that a run that is told to end does not wait for a model that is still being opened.
func TestDrainEndsOpening(t *testing.T) {
	p, drain := plan(t, 3, 1, "a"), make(chan struct{})
	o := &slowOpener{begun: make(chan struct{})}
	infos, err := runner.Check(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-o.begun
		close(drain)
	}()
	if sum, err := runner.Run(t.Context(), p, infos, o, new(memory), runner.Options{Drain: drain}); !errors.Is(err, runner.ErrStopped) || !sum.Drained {
		t.Errorf("%v, %+v", err, sum)
	}
}

// TestLetters sees that a model without log-likelihoods is refused multiple choice, or asked it by letter where that is
// asked for, and that record and header say what is lost.
func TestLetters(t *testing.T) {
	index, err := tasks.NewIndex(tasks.Source{FS: fstest.MapFS{
		"pick.yaml": {Data: []byte("task: pick\ndataset_path: json\ndataset_kwargs: {data_files: {test: pick.jsonl}}\ntest_split: test\noutput_type: multiple_choice\n" +
			"doc_to_text: \"{{q}}\"\ndoc_to_target: 0\ndoc_to_choice: [\"yes\", \"no\", \"maybe\"]\nonset: {id: q}\n")},
		"pick.jsonl": {Data: []byte("{\"q\": \"one\"}\n{\"q\": \"two\"}\n{\"q\": \"three\"}\n{\"q\": \"four\"}\n")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	cells, err := tasks.Suite{Name: "s", Entries: []tasks.Entry{{Task: "pick"}}}.Cells(index)
	if err != nil {
		t.Fatal(err)
	}
	p := runner.Plan{Cells: cells, Models: []backends.Model{{Name: "talks"}, {Name: "scores"}}}
	o := new(letterOpener)
	var unserved *runner.UnservedError
	if _, err := runner.Check(t.Context(), p, o); !errors.As(err, &unserved) || !strings.Contains(unserved.Hint(), "--letters") {
		t.Fatalf("without --letters: %v", err)
	}
	p.Ask.Letters = true
	infos, err := runner.Check(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	sink := new(memory)
	if _, err := runner.Run(t.Context(), p, infos, o, sink, runner.Options{}); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]int)
	for _, r := range sink.sorted() {
		s := r.Scores[0]
		seen[r.Model+" "+s.Metric]++
		switch r.Model {
		case "talks": // it answers with the letter of "yes", which is right
			if s.Outcome != evaluators.Correct || s.Answer != "yes" || !strings.Contains(s.Explanation, "log-likelihoods are not known") || s.Continuous != nil {
				t.Errorf("%+v", s)
			}
		default:
			if s.ContinuousName != evaluators.Brier {
				t.Errorf("%+v", s)
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"talks acc_letter": 4, "scores acc": 4}, seen); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	h, err := runner.Header(p, infos, "v")
	if err != nil || h.Settings["by letter, without log-likelihoods"] != "talks: pick" {
		t.Errorf("%+v, %v", h.Settings, err)
	}
	if !slices.ContainsFunc(h.Scorers, func(s runlog.ScorerHeader) bool { return s.Name == "acc_letter" }) {
		t.Errorf("the scorers are %+v", h.Scorers)
	}
}

// letterOpener opens a model that only generates, and answers with the letter of "yes", and one that serves all kinds.
type letterOpener struct{}

func (letterOpener) Describe(_ context.Context, m backends.Model) (backends.Info, error) {
	b, err := letterOpener{}.Open(context.Background(), m)
	return b.Info(), err
}

func (letterOpener) Open(_ context.Context, m backends.Model) (backends.Backend, error) {
	o := scripted.Options{Name: m.Name, Answer: func(prompt string, _ int) (string, error) {
		before, _, _ := strings.Cut(prompt, ". yes\n")
		return "The answer is " + before[len(before)-1:] + ".", nil
	}}
	if m.Name == "talks" {
		o.Kinds = []backends.Kind{backends.Generate}
	}
	return scripted.New(o), nil
}

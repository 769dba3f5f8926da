package tasks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/tasks"
)

func itoa(n int) string { return strconv.Itoa(n) }

// base is what the small tasks of these tests have in common.
const base = "task: t\ndataset_path: json\ndataset_kwargs: {data_files: {test: d.jsonl}}\ntest_split: test\n"

// load makes the task t of base, more keys, and rows.
func load(t testing.TB, keys string, rows ...string) *tasks.Task {
	t.Helper()
	return loadFS(t, fstest.MapFS{"t.yaml": {Data: []byte(base + keys)}, "d.jsonl": {Data: []byte(strings.Join(rows, "\n"))}})
}

func loadFS(t testing.TB, files fs.FS) *tasks.Task {
	t.Helper()
	index, err := tasks.NewIndex(tasks.Source{FS: files, Only: "t.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	task, err := index.Task("t")
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func collect(t testing.TB, task *tasks.Task, v tasks.Variant, o tasks.SampleOptions) []tasks.Sample {
	t.Helper()
	var out []tasks.Sample
	for s, err := range task.Samples(context.Background(), v, o) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

var direct = tasks.Variant{Style: tasks.Direct}

// Expected layouts follow lm-evaluation-harness 4e7e0d47f, api/task.py lines 933-1158.
func TestSampleLayout(t *testing.T) {
	greedy := backends.Sampling{MaxTokens: 256, Stop: []string{"\n\n"}}
	generate := func(prompt string) []backends.Request {
		return []backends.Request{{Kind: backends.Generate, Prompt: prompt, Sampling: greedy}}
	}
	score := func(prompt string, continuations ...string) []backends.Request {
		return []backends.Request{{Kind: backends.LogLikelihood, Prompt: prompt, Continuations: continuations}}
	}
	for _, c := range []struct {
		name, keys, row string
		shots           int
		options         tasks.SampleOptions
		want            tasks.Sample
	}{
		{"templates", "doc_to_text: 'Q: {{q}}'\ndoc_to_target: '{{a}}'", `{"q":"x","a":"y"}`, 0, tasks.SampleOptions{},
			tasks.Sample{Requests: generate("Q: x"), Targets: []string{"y"}}},
		{"columns", "doc_to_text: q\ndoc_to_target: a", `{"q":7,"a":1.5}`, 0, tasks.SampleOptions{},
			tasks.Sample{Requests: generate("7"), Targets: []string{"1.5"}}},
		{"a text that is no column is a template", "doc_to_text: r\ndoc_to_target: a", `{"q":"x","a":"y"}`, 0, tasks.SampleOptions{},
			tasks.Sample{Requests: generate("r"), Targets: []string{"y"}}},
		{"several targets", "doc_to_text: q\ndoc_to_target: a", `{"q":"x","a":["y",2]}`, 0, tasks.SampleOptions{},
			tasks.Sample{Requests: generate("x"), Targets: []string{"y", "2"}}},
		{"description has no delimiter", "description: 'D {{q}}'\ndoc_to_text: q\ndoc_to_target: a", `{"q":"x","a":"y"}`, 0, tasks.SampleOptions{},
			tasks.Sample{Requests: generate("D xx"), Targets: []string{"y"}}},
		{"examples of the row", "description: 'D '\ndoc_to_text: '{{q}}?'\ndoc_to_target: a\nonset: {examples: e}",
			`{"q":"x","a":"y","e":[{"q":"1","a":"2"},{"q":"3","a":""},{"q":"5","a":"6"}]}`, 3, tasks.SampleOptions{},
			tasks.Sample{Requests: generate("D 1? 2\n\n3?5? 6\n\nx?"), Targets: []string{"y"}}},
		{"examples look different", "doc_to_text: q\ndoc_to_target: a\nfewshot_config: {doc_to_target: '{{b}}', target_delimiter: '=', fewshot_delimiter: ';'}\nonset: {examples: e}",
			`{"q":"x","a":"y","e":[{"q":"1","a":"2","b":"3"}]}`, 1, tasks.SampleOptions{},
			tasks.Sample{Requests: generate("1=3;x"), Targets: []string{"y"}}},
		{"messages", "description: D\ndoc_to_text: q\ndoc_to_target: a\nonset: {examples: e, companion: true}",
			`{"q":"x","a":"y","e":[{"q":"1","a":"2"}]}`, 1, tasks.SampleOptions{Messages: true, Kinds: []backends.Kind{backends.Generate}},
			tasks.Sample{Requests: []backends.Request{{Kind: backends.Generate, Sampling: greedy, Messages: []backends.Message{
				{Role: "system", Content: "D"}, {Role: "user", Content: "1"}, {Role: "assistant", Content: "2"}, {Role: "user", Content: "x"}}}},
				Targets: []string{"y"}}},
		{"companion", "doc_to_text: q\ndoc_to_target: a\nonset: {companion: target_logprob}", `{"q":"x","a":"y"}`, 0, tasks.SampleOptions{},
			tasks.Sample{Requests: append(generate("x"), score("x", " y")...), Targets: []string{"y"}}},
		{"companion that the model does not serve", "doc_to_text: q\ndoc_to_target: a\nonset: {companion: target_logprob}", `{"q":"x","a":"y"}`, 0,
			tasks.SampleOptions{Kinds: []backends.Kind{backends.Generate}}, tasks.Sample{Requests: generate("x"), Targets: []string{"y"}}},
		{"choices by index", "output_type: multiple_choice\ndoc_to_text: q\ndoc_to_target: g\ndoc_to_choice: c", `{"q":"x","g":1,"c":["u","v"]}`, 0, tasks.SampleOptions{},
			tasks.Sample{Requests: score("x", " u", " v"), Targets: []string{"v"}, Choices: []string{"u", "v"}, Gold: []int{1}, Chance: 0.5}},
		{"choices by digit", "output_type: multiple_choice\ndoc_to_text: q\ndoc_to_target: '{{g}}'\ndoc_to_choice: [u, v]", `{"q":"x","g":1}`, 0, tasks.SampleOptions{},
			tasks.Sample{Requests: score("x", " u", " v"), Targets: []string{"v"}, Choices: []string{"u", "v"}, Gold: []int{1}, Chance: 0.5}},
		{"choices by text", "output_type: multiple_choice\ndoc_to_text: q\ndoc_to_target: g\ndoc_to_choice: [u, v]\ntarget_delimiter: ''", `{"q":"x","g":"u"}`, 0, tasks.SampleOptions{},
			tasks.Sample{Requests: score("x", "u", "v"), Targets: []string{"u"}, Choices: []string{"u", "v"}, Gold: []int{0}, Chance: 0.5}},
		{"choices by truth", "output_type: multiple_choice\ndoc_to_text: q\ndoc_to_target: g\ndoc_to_choice: ['no', 'yes']", `{"q":"x","g":true}`, 0, tasks.SampleOptions{},
			tasks.Sample{Requests: score("x", " no", " yes"), Targets: []string{"yes"}, Choices: []string{"no", "yes"}, Gold: []int{1}, Chance: 0.5}},
		{"log-likelihood", "output_type: loglikelihood\ndoc_to_text: q\ndoc_to_target: ' {{a}}'", `{"q":"x","a":"y"}`, 0, tasks.SampleOptions{},
			tasks.Sample{Requests: score("x", " y"), Targets: []string{" y"}}},
		{"rolling", "output_type: loglikelihood_rolling\ndoc_to_target: a", `{"a":"y"}`, 0, tasks.SampleOptions{},
			tasks.Sample{Requests: []backends.Request{{Kind: backends.LogLikelihoodRolling, Prompt: "y"}}, Text: "y"}},
		{"names", "doc_to_text: q\ndoc_to_target: a\nonset: {id: n, chance: '{{p}}'}", `{"q":"x","a":"y","n":"seven","p":"1/4"}`, 0, tasks.SampleOptions{},
			tasks.Sample{ID: "seven", Requests: generate("x"), Targets: []string{"y"}, Chance: 0.25}},
		{"guess a shown answer", "doc_to_text: q\ndoc_to_target: a\nonset: {examples: e, chance: 1/26, guess: shown_answer}",
			`{"q":"x","a":"2","e":[{"q":"1","a":"2"},{"q":"3","a":"4"},{"q":"3","a":"4"},{"q":"3","a":"4"}]}`, 4, tasks.SampleOptions{},
			tasks.Sample{Requests: generate("1 2\n\n3 4\n\n3 4\n\n3 4\n\nx"), Targets: []string{"2"}, Chance: 0.25}},
		{"sampling", "doc_to_text: q\ndoc_to_target: a\ngeneration_kwargs: {until: a, max_gen_toks: 5, temperature: 1, do_sample: false, top_p: 0.5}", `{"q":"x","a":"y"}`, 0, tasks.SampleOptions{},
			tasks.Sample{Requests: []backends.Request{{Kind: backends.Generate, Prompt: "x", Sampling: backends.Sampling{MaxTokens: 5, Stop: []string{"a"}}}}, Targets: []string{"y"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			task := load(t, c.keys, c.row)
			got := collect(t, task, tasks.Variant{Style: tasks.Direct, Shots: c.shots}, c.options)
			if c.want.ID == "" {
				c.want.ID = "0"
			}
			if diff := cmp.Diff([]tasks.Sample{c.want}, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestSampling(t *testing.T) {
	warm := 0.5
	task := load(t, "doc_to_text: q\ndoc_to_target: a\ngeneration_kwargs: {temperature: 0.8, top_k: 4}", `{"q":"x","a":"y"}`)
	seeds := make(map[uint64]bool)
	for seed := range uint64(3) {
		v := tasks.Variant{Style: tasks.Direct, Seed: seed}
		s := collect(t, task, v, tasks.SampleOptions{Sampling: tasks.SamplingPatch{Temperature: &warm}})[0].Requests[0].Sampling
		if s.Temperature != 0.5 || s.TopK != 4 || s.MaxTokens != 256 {
			t.Errorf("sampling %+v", s)
		}
		seeds[s.Seed] = true
	}
	if len(seeds) != 3 {
		t.Errorf("three seeds give the streams %v", seeds)
	}
}

func TestStyles(t *testing.T) {
	task := load(t, "description: 'D '\ndoc_to_text: 'Q {{q}}'\ndoc_to_target: a\nmetric_list: [{metric: exact_match}]\n"+
		"onset:\n  companion: true\n  styles:\n    cot: {doc_to_text: 'S {{q}}', output_type: loglikelihood, filter_list: [{name: f, filter: [{function: take_first}]}]}\n    direct: {}\n",
		`{"q":"x","a":"y"}`)
	if got := fmt.Sprint(task.Styles()); got != "[direct cot]" || task.DefaultStyle() != tasks.Direct {
		t.Errorf("Styles = %s", got)
	}
	if d, c := task.Kind(tasks.Direct), task.Kind(tasks.CoT); d != backends.Generate || c != backends.LogLikelihood {
		t.Errorf("kinds %s, %s", d, c)
	}
	if d, c := task.Filters(tasks.Direct), task.Filters(tasks.CoT); d != nil || len(c) != 1 || c[0].Filters[0].Function != "take_first" {
		t.Errorf("filters %v, %v", d, c)
	}
	if m := task.Metrics(tasks.CoT); len(m) != 1 || m[0].Name != "exact_match" {
		t.Errorf("metrics %v", m)
	}
	one, other := collect(t, task, direct, tasks.SampleOptions{})[0], collect(t, task, tasks.Variant{Style: tasks.CoT}, tasks.SampleOptions{})[0]
	if one.Requests[0].Prompt != "D Q x" || len(one.Requests) != 2 || other.Requests[0].Prompt != "D S x" || len(other.Requests) != 1 {
		t.Errorf("samples %+v, %+v", one, other)
	}
}

// rows makes n rows with different values.
func rows(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(`{"q":"q%d","a":"a%d"}`, i, i)
	}
	return out
}

func TestFewShot(t *testing.T) {
	for _, c := range []struct {
		name, keys string
		most       int
		differ     bool // whether samples and seeds get different examples
	}{
		{"drawn", "", 19, true},
		{"first", "fewshot_config: {sampler: first_n}\n", 19, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			task := load(t, "doc_to_text: '{{q}}.'\ndoc_to_target: a\n"+c.keys, rows(20)...)
			if s := task.Shots(tasks.Direct); s.Max != c.most || s.Available != nil || s.Default != 0 {
				t.Errorf("Shots = %+v", s)
			}
			prompts := make(map[string]bool)
			for _, seed := range []uint64{0, 1} {
				v := tasks.Variant{Style: tasks.Direct, Shots: 3, Seed: seed}
				samples := collect(t, task, v, tasks.SampleOptions{})
				if diff := cmp.Diff(samples[:5], collect(t, task, v, tasks.SampleOptions{Limit: 5})); diff != "" {
					t.Errorf("a limit changes samples: %s", diff)
				}
				for _, s := range samples {
					examples, question, _ := cutLast(s.Requests[0].Prompt, "\n\n")
					if question != "q"+s.ID+"." || strings.Count(examples, "\n\n") != 2 || strings.Contains(examples+"\n", question) {
						t.Errorf("sample %s: prompt %q", s.ID, s.Requests[0].Prompt)
					}
					prompts[examples] = true
				}
			}
			if c.differ != (len(prompts) > 20) {
				t.Errorf("%d different sets of examples", len(prompts))
			}
			all := collect(t, task, tasks.Variant{Style: tasks.Direct, Shots: 19}, tasks.SampleOptions{Limit: 1})
			if got := strings.Count(all[0].Requests[0].Prompt, "\n\n"); got != 19 {
				t.Errorf("%d examples, want 19", got)
			}
		})
	}
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// The examples of a sample are pinned: another draw would change every published few-shot prompt.
func TestFewShotPinned(t *testing.T) {
	task := load(t, "doc_to_text: '{{q}}'\ndoc_to_target: a\n", rows(20)...)
	s := collect(t, task, tasks.Variant{Style: tasks.Direct, Shots: 2, Seed: 7}, tasks.SampleOptions{Limit: 1})[0]
	if got := s.Requests[0].Prompt; got != pinnedPrompt {
		t.Errorf("prompt %q, want %q", got, pinnedPrompt)
	}
}

// pinnedPrompt was recorded from the first version.
const pinnedPrompt = "q15 a15\n\nq13 a13\n\nq0"

func TestFewShotSplit(t *testing.T) {
	files := fstest.MapFS{
		"t.yaml": {Data: []byte("task: t\ndataset_path: json\ndataset_kwargs: {data_files: {test: d.jsonl, train: [t1.jsonl, t2.jsonl]}}\n" +
			"test_split: test\ntraining_split: train\ndoc_to_text: q\ndoc_to_target: a\nnum_fewshot: 2\n")},
		"d.jsonl": {Data: []byte(strings.Join(rows(3), "\n"))}, "t1.jsonl": {Data: []byte(`{"q":"t1","a":"1"}`)}, "t2.jsonl": {Data: []byte(`{"q":"t2","a":"2"}`)},
	}
	task := loadFS(t, files)
	if s := task.Shots(tasks.Direct); s.Max != 2 || s.Default != 2 {
		t.Errorf("Shots = %+v", s)
	}
	for _, s := range collect(t, task, tasks.Variant{Style: tasks.Direct, Shots: 2}, tasks.SampleOptions{}) {
		if p := s.Requests[0].Prompt; !strings.Contains(p, "t1 1") || !strings.Contains(p, "t2 2") {
			t.Errorf("prompt %q", p)
		}
	}
}

func TestVariantErrors(t *testing.T) {
	task := load(t, "doc_to_text: q\ndoc_to_target: a\nonset: {examples: e}", `{"q":"x","a":"y"}`, `{"q":"x","a":"y","e":[{"q":"x","a":"y"}]}`)
	for _, c := range []struct {
		v    tasks.Variant
		want string
		hint string
	}{
		{tasks.Variant{Style: tasks.Direct, Shots: 1}, "", ""},
		{tasks.Variant{Style: tasks.Direct, Shots: 4}, "task t: no sample has 4 worked examples", "there are samples with 0, 1"},
		{tasks.Variant{Style: tasks.CoT}, `task t: there is no style "cot"`, "its styles are direct"},
		{tasks.Variant{}, `task t: there is no style ""`, "its styles are direct"},
	} {
		_, err := task.Count(t.Context(), c.v)
		wantError(t, err, c.want, c.hint)
		err = nil
		for _, e := range task.Samples(t.Context(), c.v, tasks.SampleOptions{}) {
			err = e
		}
		wantError(t, err, c.want, c.hint)
	}
}

func TestDigest(t *testing.T) {
	const keys, row = "doc_to_text: q\ndoc_to_target: a\nonset: {chance: 0.5}\n", `{"q":"x","a":"y"}`
	same := load(t, keys, row).Digest()
	if !strings.HasPrefix(same, "sha256:") || len(same) != 7+64 {
		t.Errorf("Digest = %s", same)
	}
	moved := loadFS(t, fstest.MapFS{"t.yaml": {Data: []byte("include: b\n# moved\ntask: t\ntag: x\n")},
		"b":       {Data: []byte(strings.Replace(base, "d.jsonl", "e.jsonl", 1) + keys)},
		"e.jsonl": {Data: []byte(row)}})
	if moved.Digest() != same {
		t.Error("the digest depends on where things stand")
	}
	described := strings.Replace(keys, "chance", "doc: new words, ability: renamed, chance", 1)
	if load(t, described, row).Digest() != same {
		t.Error("the digest depends on the description")
	}
	for name, task := range map[string]*tasks.Task{
		"data": load(t, keys, row+"\n"), "key": load(t, keys+"num_fewshot: 0\n", row), "template": load(t, strings.Replace(keys, "text: q", "text: '{{q}}'", 1), row),
		"style": load(t, strings.Replace(keys, "chance", "styles: {cot: {}}, chance", 1), row), "metric": load(t, keys+"metric_list: [{metric: x}]\n", row),
	} {
		if task.Digest() == same {
			t.Errorf("%s: the digest stays the same", name)
		}
	}
	r := backends.Request{Kind: backends.Generate, Prompt: "x"}
	if a, b := tasks.PromptDigest(r), tasks.PromptDigest(backends.Request{Kind: backends.LogLikelihood, Prompt: "x"}); a == b || !strings.HasPrefix(a, "sha256:") {
		t.Errorf("prompt digests %s, %s", a, b)
	}
	if a, b := tasks.TargetDigest(tasks.Sample{Targets: []string{"ab", "c"}}), tasks.TargetDigest(tasks.Sample{Targets: []string{"a", "bc"}}); a == b {
		t.Errorf("target digests %s, %s", a, b)
	}
}

// Concurrent readers see the same samples as one.
func TestSamplesConcurrently(t *testing.T) {
	task := load(t, "doc_to_text: q\ndoc_to_target: a\n", rows(50)...)
	v := tasks.Variant{Style: tasks.Direct, Shots: 5, Seed: 1}
	var wg sync.WaitGroup
	got := make([][]tasks.Sample, 4)
	for i := range got {
		wg.Go(func() {
			for s, err := range task.Samples(context.Background(), v, tasks.SampleOptions{}) {
				if err != nil {
					t.Error(err)
				}
				got[i] = append(got[i], s)
			}
		})
	}
	wg.Wait()
	want := collect(t, task, v, tasks.SampleOptions{})
	for _, g := range got {
		if diff := cmp.Diff(want, g); diff != "" {
			t.Error(diff)
		}
	}
}

func TestSamplesCancelled(t *testing.T) {
	task := load(t, "doc_to_text: q\ndoc_to_target: a\n", rows(3)...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var last error
	for _, err := range task.Samples(ctx, direct, tasks.SampleOptions{}) {
		n++
		last = err
		cancel()
	}
	if n != 2 || !errors.Is(last, context.Canceled) {
		t.Errorf("%d results, last %v", n, last)
	}
}

// endless is a file system with one large data file that is made while it is read.
type endless struct {
	fstest.MapFS
	rows int
}

func (e endless) Open(name string) (fs.File, error) {
	f, err := e.MapFS.Open(name)
	if name == "d.jsonl" && err == nil {
		return &madeFile{File: f, rows: e.rows}, nil
	}
	return f, err
}

type madeFile struct {
	fs.File
	next, rows int
	rest       []byte
}

func (m *madeFile) Read(p []byte) (int, error) {
	if len(m.rest) == 0 {
		if m.next == m.rows {
			return 0, io.EOF
		}
		var b bytes.Buffer
		for range min(1000, m.rows-m.next) {
			fmt.Fprintf(&b, `{"id":%d,"q":"what is %d?","a":"%d"}`+"\n", m.next, m.next, m.next)
			m.next++
		}
		m.rest = b.Bytes()
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}

// TestSamplesMemory streams 300,000 samples. Held at its peak: 8 bytes a row while names are compared.
func TestSamplesMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 300,000 rows twice")
	}
	const n = 300_000
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	files := endless{fstest.MapFS{"d.jsonl": {}, "t.yaml": {Data: []byte(base + "doc_to_text: q\ndoc_to_target: a\nonset: {id: id}\n")}}, n}
	start := time.Now()
	task := loadFS(t, files)
	loaded := time.Since(start)
	peak, got := uint64(0), 0
	for s, err := range task.Samples(t.Context(), direct, tasks.SampleOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if s.Index != got {
			t.Fatalf("index %d of sample %d", s.Index, got)
		}
		if got++; got%100_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapAlloc-min(now.HeapAlloc, before.HeapAlloc))
		}
	}
	t.Logf("load %v, samples %v, %d bytes held", loaded, time.Since(start)-loaded, peak)
	if got != n || peak > 4<<20 {
		t.Errorf("%d samples, %d bytes held", got, peak)
	}
}

func BenchmarkSamples(b *testing.B) {
	for _, shots := range []int{0, 4} {
		b.Run(fmt.Sprintf("shots=%d", shots), func(b *testing.B) {
			task := load(b, "doc_to_text: 'Question: {{q}}'\ndoc_to_target: a\n", rows(5000)...)
			for b.Loop() {
				collect(b, task, tasks.Variant{Style: tasks.Direct, Shots: shots}, tasks.SampleOptions{})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/5000, "ns/sample")
		})
	}
}

func FuzzTask(f *testing.F) {
	f.Add([]byte(base+"doc_to_text: q\ndoc_to_target: a\nonset: {styles: {direct: {}, cot: {}}}\n"), []byte(`{"q":"x","a":"y"}`))
	f.Add([]byte(base+"output_type: multiple_choice\ndoc_to_choice: [u, v]\ndoc_to_text: q\ndoc_to_target: '{{a}}'\nnum_fewshot: 1\n"), []byte("{\"q\":1,\"a\":1}\n{\"q\":2,\"a\":0}"))
	f.Add([]byte(base+"doc_to_text: q\ndoc_to_target: a\nonset: {examples: e, id: id, chance: 1/2, guess: shown_answer, companion: true}\n"), []byte(`{"id":1,"q":"x","a":"y","e":[{"q":"1","a":"2"}]}`))
	f.Fuzz(func(t *testing.T, yaml, data []byte) {
		index, err := tasks.NewIndex(tasks.Source{FS: fstest.MapFS{"t.yaml": {Data: yaml}, "d.jsonl": {Data: data}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range index.Names() {
			task, err := index.Task(name)
			if err != nil {
				continue
			}
			for _, style := range task.Styles() {
				v := tasks.Variant{Style: style, Shots: task.Shots(style).Default}
				want, err := task.Count(t.Context(), v)
				if err != nil {
					t.Fatalf("the default variant is refused: %v", err)
				}
				n := 0
				failed := false
				for s, err := range task.Samples(t.Context(), v, tasks.SampleOptions{}) {
					if failed = err != nil; failed {
						break
					}
					n++
					if len(s.Requests) == 0 || s.Chance < 0 || s.Chance > 1 {
						t.Fatalf("sample %+v", s)
					}
				}
				if !failed && n != want {
					t.Fatalf("%d samples, Count says %d", n, want)
				}
			}
		}
	})
}

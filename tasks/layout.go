package tasks

import (
	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/yamlfile"
)

// outputType is the dialect's word for what is asked of the model.
type outputType string

const (
	generateUntil       outputType = "generate_until"
	multipleChoice      outputType = "multiple_choice"
	logLikelihood       outputType = "loglikelihood"
	logLikelihoodRolled outputType = "loglikelihood_rolling"
)

func (o outputType) kind() backends.Kind {
	switch o {
	case multipleChoice, logLikelihood:
		return backends.LogLikelihood
	case logLikelihoodRolled:
		return backends.LogLikelihoodRolling
	default:
		return backends.Generate
	}
}

// turn is how one document is laid out: question, delimiter, answer, and what stands between documents.
type turn struct {
	text, target, choice expr
	targetDelimiter      string
	delimiter            string
}

// layout is what one style of a task asks, and how.
type layout struct {
	output      outputType
	description expr
	eval, shot  turn // the asked document, and the worked examples
	sampler     string
	pool        string // the split that examples are drawn from; "" without one
	shots       int    // the default number of worked examples, where it is stated
	shotsStated bool
	sampling    backends.Sampling
	metrics     []MetricSpec
	pipelines   []PipelineSpec
	repeats     int
	companion   bool // ask for the target's log-probability too
}

// The ways to choose worked examples.
const (
	sampleRandom = "default" // at random, a stream of its own for each sample
	sampleFirst  = "first_n" // the first of the split
)

// readLayout decodes the keys that decide what is asked.
func readLayout(d document) (*layout, error) {
	l := &layout{output: generateUntil, sampler: sampleRandom, repeats: 1}
	l.eval = turn{targetDelimiter: " ", delimiter: "\n\n"}
	for _, step := range []func(document) error{l.readOutput, l.readTurn, l.readFewshot, l.readAnswer} {
		if err := step(d); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *layout) readOutput(d document) error {
	f := d.field("output_type")
	if !f.Set() {
		return nil
	}
	s, err := f.Text()
	if err != nil {
		return err
	}
	known := []string{string(generateUntil), string(multipleChoice), string(logLikelihood), string(logLikelihoodRolled)}
	for _, k := range known {
		if s == k {
			l.output = outputType(s)
			return nil
		}
	}
	return unknownWord(f, s, known)
}

func (l *layout) readTurn(d document) error {
	var err error
	if l.description, err = readExpr(d.field("description"), false); err != nil {
		return err
	}
	if err := l.eval.read(d.field); err != nil {
		return err
	}
	rolled := l.output == logLikelihoodRolled
	for _, need := range []struct {
		key    string
		absent bool
	}{
		{"doc_to_text", !l.eval.text.isSet && !rolled},
		{"doc_to_target", !l.eval.target.isSet},
		{"doc_to_choice", !l.eval.choice.isSet && l.output == multipleChoice},
	} {
		if need.absent {
			return &yamlfile.Error{File: d.file, Msg: "the key \"" + need.key + "\" is missing: " + string(l.output) + " needs it"}
		}
	}
	return nil
}

// read overwrites what the mapping states and keeps the rest.
func (t *turn) read(get func(string) yamlfile.Field) error {
	for _, e := range []struct {
		key       string
		to        *expr
		constants bool
	}{{"doc_to_text", &t.text, false}, {"doc_to_target", &t.target, true}, {"doc_to_choice", &t.choice, true}} {
		f := get(e.key)
		if !f.Set() {
			continue
		}
		var err error
		if *e.to, err = readExpr(f, e.constants); err != nil {
			return err
		}
	}
	for _, e := range []struct {
		key string
		to  *string
	}{{"target_delimiter", &t.targetDelimiter}, {"fewshot_delimiter", &t.delimiter}} {
		f := get(e.key)
		if !f.Set() {
			continue
		}
		var err error
		if *e.to, err = f.Text(); err != nil {
			return err
		}
	}
	return nil
}

// readFewshot reads how many worked examples there are, where they come from and how they look, which is
// like the asked document unless fewshot_config says otherwise.
func (l *layout) readFewshot(d document) error {
	l.shot = l.eval
	for _, key := range []string{"test_split", "validation_split", "training_split", "fewshot_split"} {
		if f := d.field(key); f.Set() && !f.IsNull() {
			s, err := f.Name()
			if err != nil {
				return err
			}
			l.pool = s // the last of these is the first choice
		}
	}
	var err error
	if f := d.field("num_fewshot"); f.Set() && !f.IsNull() {
		if l.shots, err = f.Integer(0); err != nil {
			return err
		}
		l.shotsStated = true
	}
	f := d.field("fewshot_config")
	if !f.Set() || f.IsNull() {
		return nil
	}
	pairs, err := f.Pairs()
	if err != nil {
		return err
	}
	given := document{file: d.file, entries: make(map[string]yamlfile.Pair)}
	for _, p := range pairs {
		if err := l.readFewshotKey(p); err != nil {
			return err
		}
		given.entries[p.Key] = p
	}
	return l.shot.read(given.field)
}

func (l *layout) readFewshotKey(p yamlfile.Pair) error {
	var err error
	switch p.Key {
	case "sampler":
		if l.sampler, err = p.Text(); err == nil && l.sampler != sampleFirst && l.sampler != sampleRandom {
			err = unknownWord(p.Field, l.sampler, []string{sampleRandom, sampleFirst})
		}
	case "split":
		l.pool, err = p.Name()
	case "doc_to_text", "doc_to_target", "doc_to_choice", "target_delimiter", "fewshot_delimiter":
	case "samples", "process_docs", "gen_prefix", "fewshot_indices", "fewshot_as_multiturn":
		err = p.KeyAt.Errorf("fewshot_config: the key %q is not supported yet", p.Key)
	default:
		err = p.Unknown([]string{"sampler", "split", "doc_to_text", "doc_to_target", "doc_to_choice",
			"target_delimiter", "fewshot_delimiter"})

	}
	return err
}

// readAnswer reads how the answer is generated and judged.
func (l *layout) readAnswer(d document) error {
	var err error
	if l.sampling, err = readSampling(d.field("generation_kwargs"), l.eval.delimiter); err != nil {
		return err
	}
	if l.metrics, err = readMetrics(d.field("metric_list")); err != nil {
		return err
	}
	if l.pipelines, err = readPipelines(d.field("filter_list")); err != nil {
		return err
	}
	if f := d.field("repeats"); f.Set() {
		l.repeats, err = f.Integer(1)
	}
	return err
}

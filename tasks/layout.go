package tasks

import (
	"slices"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/yamlfile"
	"github.com/onset-eval/onset/tasks/hooks"
	"github.com/onset-eval/onset/tasks/pyval"
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
	prefix               expr // gen_prefix: how the answer begins
	targetDelimiter      string
	delimiter            string
}

// layout is what one style of a task asks, and how.
type layout struct {
	output      outputType
	description expr
	eval, shot  turn // the asked document, and the worked examples
	fewshot     fewshot
	shots       int // the default number of worked examples, where it is stated
	shotsStated bool
	sampling    backends.Sampling
	kwargs      *pyval.Dict // generation_kwargs as the harness has them; nil for none
	metrics     []MetricSpec
	results     *hooks.Found // process_results, which judges instead of the metrics' own rules; nil without
	pipelines   []PipelineSpec
	repeats     int
	companion   bool // ask for the target's log-probability too
}

// readLayout decodes the keys that decide what is asked.
func readLayout(d document) (*layout, error) {
	l := &layout{output: generateUntil, repeats: 1}
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
	if !slices.Contains(known, s) {
		return unknownWord(f, s, known)
	}
	l.output = outputType(s)
	return nil
}

func (l *layout) readTurn(d document) error {
	var err error
	if l.description, err = readExpr(d, d.field("description"), false); err != nil {
		return err
	}
	if err := l.eval.read(d, d.field); err != nil {
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
func (t *turn) read(d document, get func(string) yamlfile.Field) error {
	for _, e := range []struct {
		key       string
		to        *expr
		constants bool
	}{{"doc_to_text", &t.text, false}, {"doc_to_target", &t.target, true}, {"doc_to_choice", &t.choice, true}, {"gen_prefix", &t.prefix, false}} {
		f := get(e.key)
		if !f.Set() || f.IsNull() {
			continue
		}
		var err error
		if *e.to, err = readExpr(d, f, e.constants); err != nil {
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

// readAnswer reads how the answer is generated and judged.
func (l *layout) readAnswer(d document) error {
	f := d.field("generation_kwargs")
	var err error
	if l.sampling, err = readSampling(f, l.eval.delimiter); err != nil {
		return err
	}
	if l.output == generateUntil || f.Set() && !f.IsNull() {
		if l.kwargs, err = readKwargs(f, l.eval.delimiter); err != nil {
			return err
		}
	}
	if l.results, err = d.hook(d.field("process_results"), hooks.Results); err != nil {
		return err
	}
	if f := d.field("process_results"); f.Set() && !f.IsNull() && l.results == nil {
		return f.Wrong("a !function")
	}
	if l.metrics, err = readMetrics(d, d.field("metric_list")); err != nil {
		return err
	}
	if l.pipelines, err = readPipelines(d, d.field("filter_list")); err != nil {
		return err
	}
	if f := d.field("repeats"); f.Set() && !f.IsNull() {
		l.repeats, err = f.Integer(1)
	}
	return err
}

// unconditional reports whether a metric compares with the choices' probabilities without the question.
func (l *layout) unconditional() bool {
	return slices.ContainsFunc(l.metrics, func(m MetricSpec) bool { return m.Name == "acc_mutual_info" })
}

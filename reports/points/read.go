package points

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/onset-eval/onset/backends/yamlfile"
)

// Error is an error in a table, with its place and what to do about it.
type Error struct {
	File string
	Line int
	msg  string
	hint string
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.msg) }

// Hint says what to do.
func (e *Error) Hint() string { return e.hint }

// Table is a file of scores.
type Table struct {
	Rows []Row
	// Warnings say which rows were left out or changed, and why.
	Warnings []string
}

// Read reads a CSV table with a header; name is the file's name for messages. The columns may stand in any order, and
// only task, a scale and score (or n and k_correct) are needed; columns that it does not know are ignored, with a
// warning where the name is nearly right. See Columns.
func Read(r io.Reader, name string) (Table, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return Table{}, fmt.Errorf("read %s: %w", name, err)
	}
	cr := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	cr.ReuseRecord = true
	head, err := cr.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return Table{}, &Error{name, 1, "the file is empty", "begin it with a header: task,family,model,params,score,n,k_correct,chance"}
		}
		return Table{}, csvError(name, err)
	}
	in := reader{file: name}
	if err := in.header(head); err != nil {
		return Table{}, err
	}
	for {
		rec, err := cr.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Table{}, csvError(name, err)
		}
		in.line, _ = cr.FieldPos(0)
		if err := in.row(rec); err != nil {
			return Table{}, err
		}
	}
	if len(in.rows) == 0 {
		return Table{}, &Error{name, max(in.line, 1), "the table has no scores", "give a line for each model and task"}
	}
	in.warnCounts()
	return Table{in.rows, in.warnings}, nil
}

func csvError(name string, err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return &Error{name, parse.Line, parse.Err.Error(), "every line needs the columns of the header; put fields with commas or line ends in quotes"}
	}
	return fmt.Errorf("read %s: %w", name, err)
}

// Column is a column that Read knows.
type Column struct {
	Name    string
	Aliases []string
	Doc     string
	text    func(*Row, string)
	number  func(*Row) *float64
	// positive says that a number must be above 0, which else is taken as not known.
	positive bool
}

// Columns lists what Read understands, the names that this field uses for it first.
var Columns = []Column{
	{Name: "task", Doc: "the benchmark", text: func(r *Row, s string) { r.Task = s }},
	{Name: "family", Doc: "models that differ in scale alone", text: func(r *Row, s string) { r.Family = s }},
	{Name: "model", Doc: "the model's name", text: func(r *Row, s string) { r.Model = s }},
	{Name: "prompt", Aliases: []string{"style"}, Doc: "how the task is asked: direct, standard, cot, …", text: func(r *Row, s string) { r.Prompt = s }},
	{Name: "form", Doc: "the form of the answers, as choice or text", text: func(r *Row, s string) { r.Form = s }},
	{Name: "metric", Doc: "the score's name", text: func(r *Row, s string) { r.Metric = s }},
	{Name: "filter", Doc: "the filter pipeline before the metric", text: func(r *Row, s string) { r.Filter = s }},
	{Name: "params", Doc: "parameters", positive: true, number: func(r *Row) *float64 { return &r.Scale.Params }},
	{Name: "params_nonembedding", Doc: "parameters without embeddings", positive: true, number: func(r *Row) *float64 { return &r.NonEmbedding }},
	{Name: "train_tokens", Aliases: []string{"tokens"}, Doc: "tokens seen in training", positive: true, number: func(r *Row) *float64 { return &r.Scale.TrainTokens }},
	{Name: "train_flops", Aliases: []string{"flops"}, Doc: "training compute; 6·params·train_tokens where it is not given", positive: true, number: func(r *Row) *float64 { return &r.Scale.TrainFLOPs }},
	{Name: "loss", Doc: "pre-training loss in nats a token", positive: true, number: func(r *Row) *float64 { return &r.Scale.Loss }},
	{Name: "step", Doc: "the training step of a checkpoint", number: func(r *Row) *float64 { return &r.Step }},
	{Name: "score", Aliases: []string{"value"}, Doc: "the metric's value", number: func(r *Row) *float64 { return &r.Score }},
	{Name: "n", Doc: "items", number: func(r *Row) *float64 { return &r.N }},
	{Name: "k_correct", Aliases: []string{"k"}, Doc: "correct items", number: func(r *Row) *float64 { return &r.K }},
	{Name: "stderr", Doc: "standard error of the score, for metrics that do not count items", number: func(r *Row) *float64 { return &r.StdErr }},
	{Name: "chance", Doc: "what a model without the ability scores", number: func(r *Row) *float64 { return &r.Chance }},
	{Name: "chance_origin", Aliases: []string{"chance_source"}, Doc: "who says so", text: func(r *Row, s string) { r.ChanceOrigin = s }},
	{Name: "perfect", Doc: "the best value of the metric", number: func(r *Row) *float64 { return &r.Perfect }},
	{Name: "continuous", Doc: "a continuous metric of the same responses", number: func(r *Row) *float64 { return &r.Continuous }},
	{Name: "continuous_stderr", Doc: "its standard error", number: func(r *Row) *float64 { return &r.ContinuousStdErr }},
	{Name: "continuous_name", Aliases: []string{"continuous_metric"}, Doc: "its name: brier, target_logprob, …", text: func(r *Row, s string) { r.ContinuousName = s }},
	{Name: "continuous_chance", Aliases: []string{"continuous_ignorant"}, Doc: "its value for a model that knows nothing", number: func(r *Row) *float64 { return &r.Ignorant }},
	{Name: "continuous_perfect", Doc: "its best value", number: func(r *Row) *float64 { return &r.ContinuousPerfect }},
	{Name: "reference", Doc: "a human's or another system's score, drawn in grey", number: func(r *Row) *float64 { return &r.Reference }},
	{Name: "reference_label", Doc: "whose score it is", text: func(r *Row, s string) { r.ReferenceLabel = s }},
}

// others are columns that Read takes in its own way, or that tidy files hold beside what is read.
var others = []string{"shots", "k_shot", "num_fewshot", "primary", "score_kind", "run_id", "split", "draws", "seed", "n_error", "ci_lo", "ci_hi",
	"normalised", "p_value", "p_adjusted", "significant", "onset_below", "onset_above", "label", "axis", "source", "note"}

// reader holds a table while it is read.
type reader struct {
	file     string
	line     int
	columns  []*Column // by place in the record; nil for others
	names    []string
	rows     []Row
	warnings []string
	empty    []int // lines without a score
	unknown  map[string][]int
}

// header finds the columns.
func (in *reader) header(head []string) error {
	in.unknown = make(map[string][]int)
	seen := make(map[string]string)
	var names []string
	for _, c := range Columns {
		names = append(append(names, c.Name), c.Aliases...)
	}
	names = append(names, others...)
	for _, h := range head {
		name := strings.ToLower(strings.TrimSpace(h))
		in.names = append(in.names, name)
		i := slices.IndexFunc(Columns, func(c Column) bool { return c.Name == name || slices.Contains(c.Aliases, name) })
		if i < 0 {
			in.columns = append(in.columns, nil)
			if near := yamlfile.Nearest(name, names); near != "" && !slices.Contains(names, name) && !slices.Contains(in.all(head), near) {
				in.warnings = append(in.warnings, fmt.Sprintf("%s:1: the column %q is not read; did you mean %q?", in.file, h, near))
			}
			continue
		}
		c := &Columns[i]
		if before, twice := seen[c.Name]; twice {
			return &Error{in.file, 1, fmt.Sprintf("the columns %q and %q hold the same", before, h), "keep one of them"}
		}
		seen[c.Name] = h
		in.columns = append(in.columns, c)
	}
	if _, ok := seen["task"]; !ok {
		return &Error{in.file, 1, "there is no column task", "begin the file with a header: task,family,model,params,score,n,k_correct,chance"}
	}
	if seen["score"] == "" && (seen["n"] == "" || seen["k_correct"] == "") {
		return &Error{in.file, 1, "there is no column score, nor both n and k_correct", "add score, or n and k_correct"}
	}
	if seen["params"]+seen["params_nonembedding"]+seen["train_tokens"]+seen["train_flops"]+seen["loss"] == "" {
		return &Error{in.file, 1, "no column says how large the models are", "add params, train_tokens, train_flops or loss"}
	}
	return nil
}

// all gives the header's names as they are compared.
func (in *reader) all(head []string) []string {
	out := make([]string, len(head))
	for i, h := range head {
		out[i] = strings.ToLower(strings.TrimSpace(h))
	}
	return out
}

// row reads one line.
func (in *reader) row(rec []string) error {
	r := NewRow()
	r.Source, r.Line = in.file, in.line
	for i, field := range rec {
		field = strings.TrimSpace(field)
		c := in.columns[i]
		switch {
		case c == nil:
			if err := in.other(&r, in.names[i], field); err != nil {
				return err
			}
		case c.text != nil:
			c.text(&r, field)
		default:
			if err := in.number(&r, c, field); err != nil {
				return err
			}
		}
	}
	if r.Task == "" {
		return in.errorf("name the benchmark of every line", "the task is empty")
	}
	if !known(r.Score) && !(known(r.N) && known(r.K)) {
		in.empty = append(in.empty, in.line)
		return nil
	}
	if err := in.check(&r); err != nil {
		return err
	}
	in.rows = append(in.rows, r)
	return nil
}

// other reads the columns that are not of one kind.
func (in *reader) other(r *Row, name, field string) error {
	switch name {
	case "shots", "k_shot", "num_fewshot":
		if field == "" {
			return nil
		}
		v, err := strconv.ParseFloat(field, 64)
		if err != nil || v != math.Trunc(v) || v < 0 || v > 1e6 {
			return in.errorf("give the count of worked examples, as 0 or 5", "%s: %q is not a number of shots", name, field)
		}
		r.Shots = int(v)
	case "primary":
		r.Secondary = strings.EqualFold(field, "false")
	case "score_kind":
		r.Averaged = strings.EqualFold(field, "mean")
	}
	return nil
}

// notKnown are the spellings of a missing number.
var notKnown = []string{"", "na", "n/a", "nan", "null", "none", "-"}

func (in *reader) number(r *Row, c *Column, field string) error {
	if slices.Contains(notKnown, strings.ToLower(field)) {
		return nil
	}
	digits, unit := strings.ReplaceAll(field, "_", ""), 1.0
	if c.positive {
		digits, unit = cutUnit(digits)
	}
	v, err := strconv.ParseFloat(digits, 64)
	v *= unit
	if err != nil || math.IsInf(v, 0) {
		return in.errorf("write a number as 0.25 or 1.3e9, or leave the field empty where it is not known", "%s: %q is not a number", c.Name, field)
	}
	if c.positive && v <= 0 {
		in.unknown[c.Name] = append(in.unknown[c.Name], in.line)
		return nil
	}
	*c.number(r) = v
	return nil
}

// cutUnit takes the letter for thousands, millions, billions or trillions off a scale, as in 1.3B.
func cutUnit(s string) (digits string, unit float64) {
	if s == "" {
		return s, 1
	}
	switch s[len(s)-1] {
	case 'k', 'K':
		unit = 1e3
	case 'm', 'M':
		unit = 1e6
	case 'b', 'B':
		unit = 1e9
	case 't', 'T':
		unit = 1e12
	default:
		return s, 1
	}
	return s[:len(s)-1], unit
}

// check holds the counts against each other.
func (in *reader) check(r *Row) error {
	switch {
	case known(r.N) && r.N < 0:
		return in.errorf("give the number of items", "n is %g", r.N)
	case known(r.N) && r.N == 0 || known(r.K) && !known(r.N):
		r.N, r.K = math.NaN(), math.NaN()
	case known(r.K) && (r.K < 0 || r.K > r.N):
		return in.errorf("k_correct counts the correct ones of n items", "%g of %g items are correct", r.K, r.N)
	case known(r.StdErr) && r.StdErr < 0:
		return in.errorf("give the standard error of the score", "stderr is %g", r.StdErr)
	}
	if !known(r.Score) && !known(r.K) {
		return in.errorf("give score, or n and k_correct", "there is neither a score nor a count of items")
	}
	if known(r.K) {
		share := r.K / r.N
		if known(r.Score) && math.Abs(r.Score-share) > 0.01+0.5/r.N && math.Abs(r.Score/100-share) > 0.01+0.5/r.N {
			in.warnings = append(in.warnings, fmt.Sprintf("%s:%d: the score is %g, but %g of %g items are correct: the count is used", in.file, in.line, r.Score, r.K, r.N))
		}
		r.Score = share
	}
	return nil
}

func (in *reader) errorf(hint, format string, args ...any) error {
	return &Error{in.file, in.line, fmt.Sprintf(format, args...), hint}
}

// warnCounts says once of each kind what was left out.
func (in *reader) warnCounts() {
	if len(in.empty) > 0 {
		in.warnings = append(in.warnings, fmt.Sprintf("%s: %d lines have no score and are left out, the first is line %d", in.file, len(in.empty), in.empty[0]))
	}
	for _, c := range Columns {
		if lines := in.unknown[c.Name]; len(lines) > 0 {
			in.warnings = append(in.warnings, fmt.Sprintf("%s: %s is not positive in %d lines and taken as not known, the first is line %d", in.file, c.Name, len(lines), lines[0]))
		}
	}
}

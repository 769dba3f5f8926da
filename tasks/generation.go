package tasks

import (
	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/yamlfile"
	"github.com/onset-eval/onset/tasks/pyval"
)

// defaultMaxTokens is the dialect's bound on generated tokens.
const defaultMaxTokens = 256

// readSampling reads generation_kwargs. Without `until`, text ends at the delimiter between worked
// examples; without do_sample or a temperature, decoding is greedy.
func readSampling(f yamlfile.Field, fewshotDelimiter string) (backends.Sampling, error) {
	s := backends.Sampling{MaxTokens: defaultMaxTokens, Stop: stops(fewshotDelimiter)}
	if !f.Set() || f.IsNull() {
		return s, nil
	}
	pairs, err := f.Pairs()
	if err != nil {
		return s, err
	}
	sample, temperature := (*bool)(nil), (*float64)(nil)
	for _, p := range pairs {
		switch p.Key {
		case "until":
			s.Stop, err = p.Texts()
		case "max_gen_toks", "max_new_tokens", "max_tokens":
			s.MaxTokens, err = p.Integer(1)
		case "temperature":
			temperature, err = within(p.Field, 0, 100)
		case "do_sample":
			var v bool
			v, err = p.Boolean()
			sample = &v
		case "top_p":
			err = assign(&s.TopP, p.Field, 0, 1)
		case "min_p":
			err = assign(&s.MinP, p.Field, 0, 1)
		case "top_k":
			s.TopK, err = p.Integer(0)
		case "num_beams":
			if n, _ := p.Integer(1); n != 1 {
				err = p.Errorf("num_beams: beam search is not supported")
			}
		default:
			err = p.Unknown([]string{"until", "max_gen_toks", "temperature", "do_sample", "top_p", "top_k", "min_p"})
		}
		if err != nil {
			return s, err
		}
	}
	switch {
	case sample != nil && !*sample:
	case temperature != nil:
		s.Temperature = *temperature
	case sample != nil:
		s.Temperature = 1
	}
	if s.Temperature == 0 {
		s.TopP, s.TopK, s.MinP = 0, 0, 0 // they change nothing in greedy decoding
	}
	return s, nil
}

func stops(delimiter string) []string {
	if delimiter == "" {
		return nil
	}
	return []string{delimiter}
}

// within reads a number from low to high, both included.
func within(f yamlfile.Field, low, high float64) (*float64, error) {
	v, err := f.Number()
	if err != nil {
		return nil, err
	}
	if !(v >= low && v <= high) {
		return nil, f.Errorf("%s: %v is not between %v and %v", f.Key, v, low, high)
	}
	return &v, nil
}

func assign(to *float64, f yamlfile.Field, low, high float64) error {
	v, err := within(f, low, high)
	if err == nil {
		*to = *v
	}
	return err
}

// readKwargs gives generation_kwargs as the harness makes them of a task file.
func readKwargs(f yamlfile.Field, fewshotDelimiter string) (*pyval.Dict, error) {
	out := new(pyval.Dict)
	if !f.Set() || f.IsNull() {
		out.Set("temperature", 0.0)
		out.Set("do_sample", false)
		out.Set("max_gen_toks", int64(defaultMaxTokens))
		out.Set("until", pyval.List{fewshotDelimiter})
		return out, nil
	}
	v, err := pythonValue(f)
	if err != nil {
		return nil, err
	}
	out, ok := v.(*pyval.Dict)
	if !ok {
		return nil, f.Wrong("a mapping")
	}
	if v, ok := out.Get("temperature"); ok {
		switch v := v.(type) {
		case int64:
			out.Set("temperature", float64(v))
		case string:
			f, err := pyval.ParseFloat(v)
			if err == nil {
				out.Set("temperature", f)
			}
		}
	}
	if _, ok := out.Get("until"); !ok {
		out.Set("until", pyval.List{fewshotDelimiter})
	}
	return out, nil
}

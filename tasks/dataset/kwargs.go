package dataset

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/onset-eval/onset/backends/yamlfile"
)

// SplitFiles names the files of a split by patterns.
type SplitFiles struct {
	Split    string
	Patterns []string
}

// kwargNames are the arguments of load_dataset that are understood, and those that change no row.
var kwargNames = []string{"column_names", "data_dir", "data_files", "delimiter", "field", "header", "keep_default_na",
	"na_values", "names", "name", "quotechar", "quoting", "revision", "sample_by", "sep", "skiprows"}

var idleKwargs = []string{"cache_dir", "download_mode", "encoding", "keep_in_memory", "num_proc", "save_infos",
	"split", "streaming", "token", "trust_remote_code", "use_auth_token", "verification_mode"}

// SetKwargs adds what dataset_kwargs of a task file says. Values are as a YAML or JSON decoder gives them.
func (r *Ref) SetKwargs(kwargs map[string]any) error {
	for _, key := range sortedKeys(kwargs) {
		if err := r.setKwarg(key, kwargs[key]); err != nil {
			return fmt.Errorf("dataset_kwargs: %s: %w", key, err)
		}
	}
	return nil
}

func sortedKeys(m map[string]any) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (r *Ref) setKwarg(key string, v any) (err error) {
	if v == nil && key != "header" {
		return nil
	}
	switch key {
	case "data_files":
		r.DataFiles, err = readDataFiles(v)
	case "data_dir":
		r.DataDir, err = wantText(v)
	case "field":
		r.Options.Field, err = wantText(v)
	case "name":
		r.Name, err = wantText(v)
	case "revision":
		r.Revision, err = wantText(v)
	case "sample_by":
		var s string
		if s, err = wantText(v); err == nil {
			r.Options.SampleBy = SampleBy(s)
			if !slices.Contains([]SampleBy{SampleLine, SampleParagraph, SampleDocument}, r.Options.SampleBy) {
				err = errors.New("it is line, paragraph or document")
			}
		}
	case "encoding":
		if s, _ := v.(string); !slices.Contains([]string{"utf-8", "utf8", "utf-8-sig"}, strings.ToLower(s)) {
			err = fmt.Errorf("%v is not supported: convert the files to UTF-8", v)
		}
	default:
		if slices.Contains(idleKwargs, key) {
			return nil
		}
		return r.csvKwarg(key, v)
	}
	return err
}

func (r *Ref) csvKwarg(key string, v any) (err error) {
	o := CSVOptions{}
	if r.Options.CSV != nil {
		o = *r.Options.CSV
	}
	switch key {
	case "column_names", "names":
		o.Names, err = wantTexts(v)
	case "sep", "delimiter":
		o.Comma, err = wantByte(v)
	case "quotechar":
		o.Quote, err = wantByte(v)
	case "quoting":
		var n int
		n, err = wantInt(v)
		o.NoQuote = n == 3
	case "skiprows":
		o.SkipRows, err = wantInt(v)
	case "na_values":
		o.NAValues, err = wantTexts(v)
	case "keep_default_na":
		keep, ok := v.(bool)
		if !ok {
			err = fmt.Errorf("%v is no truth value", v)
		}
		o.KeepNA = !keep
	case "header":
		o.HeaderSet = true
		switch s, _ := v.(string); {
		case v == nil:
			o.Header = NoHeader
		case s == "infer":
			o.HeaderSet = false
		default:
			o.Header, err = wantInt(v)
		}
	default:
		near := yamlfile.Nearest(key, kwargNames)
		if near != "" {
			return fmt.Errorf("it is not known; did you mean %s?", near)
		}
		return fmt.Errorf("it is not known: it is one of %s", strings.Join(kwargNames, ", "))
	}
	r.Options.CSV = &o
	return err
}

// readDataFiles reads a name, a list of names, a map of them by split, or the list of {split, path} of a
// README.
func readDataFiles(v any) ([]SplitFiles, error) {
	switch v := v.(type) {
	case map[string]any:
		var out []SplitFiles
		for _, split := range sortedKeys(v) {
			names, err := wantTexts(v[split])
			if err != nil {
				return nil, err
			}
			out = append(out, SplitFiles{split, names})
		}
		return out, nil
	case []any:
		if len(v) == 0 {
			return nil, errors.New("it is empty")
		}
		if _, ok := v[0].(map[string]any); !ok {
			break
		}
		var out []SplitFiles
		for _, e := range v {
			m, _ := e.(map[string]any)
			split, err := wantText(m["split"])
			if err != nil {
				return nil, fmt.Errorf("split: %w", err)
			}
			names, err := wantTexts(m["path"])
			if err != nil {
				return nil, fmt.Errorf("path: %w", err)
			}
			out = append(out, SplitFiles{split, names})
		}
		return out, nil
	}
	names, err := wantTexts(v)
	return []SplitFiles{{"train", names}}, err
}

func wantText(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%v is no text", v)
	}
	return s, nil
}

func wantTexts(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok {
		if texts, ok := v.([]string); ok {
			return texts, nil
		}
		s, err := wantText(v)
		return []string{s}, err
	}
	out := make([]string, len(list))
	for i, e := range list {
		var err error
		if out[i], err = wantText(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func wantByte(v any) (byte, error) {
	s, err := wantText(v)
	if err == nil && (len(s) != 1 || s[0] >= 0x80) {
		err = fmt.Errorf("%q is not one ASCII character", s)
	}
	if err != nil {
		return 0, err
	}
	return s[0], nil
}

func wantInt(v any) (int, error) {
	n := int64(0)
	switch v := v.(type) {
	case int:
		n = int64(v)
	case int64:
		n = v
	case uint64:
		n = int64(min(v, 1<<62))
	case float64:
		n = int64(v)
		if float64(n) != v {
			return 0, fmt.Errorf("%v is no whole number", v)
		}
	default:
		return 0, fmt.Errorf("%v is no whole number", v)
	}
	if n < 0 || n > 1<<30 {
		return 0, fmt.Errorf("%d is out of range", n)
	}
	return int(n), nil
}

package template_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/onset-eval/onset/tasks/pyval"
	"github.com/onset-eval/onset/tasks/template"
)

// jinjaCase is what jinja2 3.1 made of a template and a document.
type jinjaCase struct {
	Template string          `json:"template"`
	Doc      json.RawMessage `json:"doc"`
	Want     string          `json:"want"`
	Error    string          `json:"error"`
}

// dataFolder gives the folder of cases: ONSET_LMEVAL_DATA, else shared/lmeval beside the project.
func dataFolder(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("ONSET_LMEVAL_DATA"); dir != "" {
		return dir
	}
	root, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			t.Fatal("no go.mod above the test's folder")
		}
		root = filepath.Dir(root)
	}
	dir := filepath.Join(filepath.Dir(root), "shared", "lmeval")
	if _, err := os.Stat(filepath.Join(dir, "jinja")); err != nil {
		t.Skipf("no cases in %s: set ONSET_LMEVAL_DATA to a folder that holds jinja/render.jsonl.gz and jinja/error.jsonl.gz", dir)
	}
	return dir
}

func readCases(t *testing.T, file string) []jinjaCase {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var cases []jinjaCase
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		var c jinjaCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatalf("%s:%d: %v", file, len(cases)+1, err)
		}
		cases = append(cases, c)
	}
	if lines.Err() != nil || len(cases) == 0 {
		t.Fatalf("%s: no cases: %v", file, lines.Err())
	}
	return cases
}

// readDoc reads a document with its keys in order.
func readDoc(t testing.TB, raw []byte) *pyval.Dict {
	t.Helper()
	dec := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	v, err := readValue(dec)
	if err != nil {
		t.Fatalf("document %s: %v", raw, err)
	}
	return v.(*pyval.Dict)
}

func readValue(dec *jsontext.Decoder) (pyval.Value, error) {
	tok, err := dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case jsontext.KindNull:
		return nil, nil
	case jsontext.KindTrue, jsontext.KindFalse:
		return tok.Bool(), nil
	case jsontext.KindString:
		return tok.String(), nil
	case jsontext.KindNumber:
		return pyval.LiteralEval(tok.String())
	case jsontext.KindBeginArray:
		list := pyval.List{}
		for dec.PeekKind() != jsontext.KindEndArray {
			v, err := readValue(dec)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := dec.ReadToken()
		return list, err
	}
	d := new(pyval.Dict)
	for dec.PeekKind() != jsontext.KindEndObject {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		key := name.String()
		v, err := readValue(dec)
		if err != nil {
			return nil, err
		}
		d.Set(key, v)
	}
	_, err = dec.ReadToken()
	return d, err
}

func render(src string, opts template.Options, doc *pyval.Dict) (string, error) {
	tpl, err := template.CompileWith(src, opts)
	if err != nil {
		return "", err
	}
	return tpl.Render(doc)
}

// TestTemplateCases renders the templates of the lm-evaluation-harness tree on adversarial documents.
func TestTemplateCases(t *testing.T) {
	dir := dataFolder(t)
	t.Run("render", func(t *testing.T) {
		for i, c := range readCases(t, filepath.Join(dir, "jinja", "render.jsonl.gz")) {
			got, err := render(c.Template, template.Options{}, readDoc(t, c.Doc))
			if err != nil {
				t.Errorf("case %d: %q of %s: %v, want %q", i+1, c.Template, c.Doc, err, c.Want)
			} else if got != c.Want {
				t.Errorf("case %d: %q of %s:\n got %q\nwant %q", i+1, c.Template, c.Doc, got, c.Want)
			}
		}
	})
	t.Run("error", func(t *testing.T) {
		for i, c := range readCases(t, filepath.Join(dir, "jinja", "error.jsonl.gz")) {
			got, err := render(c.Template, template.Options{}, readDoc(t, c.Doc))
			kind, _, _ := strings.Cut(c.Error, ":")
			if err == nil {
				t.Errorf("case %d: %q of %s gives %q, want %s", i+1, c.Template, c.Doc, got, c.Error)
			} else if k := kindOf(err); k != kind {
				t.Errorf("case %d: %q of %s: %s (%v), want %s", i+1, c.Template, c.Doc, k, err, c.Error)
			}
		}
	})
}

// kindOf names the Python exception that an error stands for.
func kindOf(err error) string {
	var e *template.Error
	if !errors.As(err, &e) || e.Line < 1 {
		return "an error without a line"
	}
	return e.Kind
}

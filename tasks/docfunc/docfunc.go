// Package docfunc holds what functions in lm-evaluation-harness's task files make of documents: the fields that a
// process_docs function sets, and the values of doc_to_text, doc_to_target and doc_to_choice functions.
//
// Each is named by the harness's file, without its ending, and function, from the folder of tasks. All are pure, but
// for GPQA.Fields, which draws.
package docfunc

import (
	"fmt"

	"github.com/onset-eval/onset/tasks/pyval"
)

// Fields gives the fields that a process_docs function sets in a document. It does not change the document.
type Fields func(doc *pyval.Dict) (*pyval.Dict, error)

// Value gives the value of a doc_to_* function.
type Value func(doc *pyval.Dict) (pyval.Value, error)

// Func is one function of the harness: one of Fields and Value is set.
type Func struct {
	Name string
	// Digest is that of the source that it stands for, as package tasks/hooks computes it.
	Digest string
	Fields Fields
	Value  Value
}

// Funcs lists the functions.
func Funcs() []Func {
	return []Func{
		{Name: "drop/utils.process_docs", Digest: "366fdc3df23362d5", Fields: fields(drop)},
		{Name: "truthfulqa/utils.process_docs_gen", Digest: "514e641638f1fb78", Fields: fields(truthfulGen)},
		{Name: "minerva_math/utils.process_docs", Digest: "63834443cef6d20b", Fields: fields(minerva)},
		{Name: "mutual/utils.process_docs", Digest: "bcdab299ca6c9742", Fields: fields(mutual)},
		{Name: "bbq/utils.process_docs", Digest: "69c7470517cc3e3c", Fields: fields(bbq)},
		{Name: "super_glue/record/util.process_docs", Digest: "f28b7b0385454ef6", Fields: fields(record)},
		{Name: "wsc273/utils.process_doc", Digest: "f518b99953bf7897", Fields: fields(wsc273)},
		{Name: "wikitext/preprocess_wikitext.wikitext_detokenizer", Digest: "3a709cb5fa82f854", Value: value(wikitext)},
		{Name: "coqa/utils.doc_to_text", Digest: "e79dde95af9a0a3f", Value: value(coqaText)},
		{Name: "coqa/utils.doc_to_target", Digest: "f30d50c5192b9478", Value: value(coqaTarget)},
		{Name: "super_glue/record/util.doc_to_text", Digest: "41e8a7638c4a83a0", Value: value(recordText)},
		{Name: "super_glue/record/util.doc_to_target", Digest: "6126a6c5150bbcd8", Value: value(recordTarget)},
		{Name: "super_glue/record/util.doc_to_choice", Digest: "77a9efac32a1423f", Value: value(recordChoice)},
		{Name: "super_glue/wsc/preprocess_wsc.default_doc_to_text", Digest: "320852b9860e1e1b", Value: value(wscText)},
		{Name: "glue/mnli/utils.doc_to_text", Digest: "5ed0e88c322a7359", Value: value(mnliText)},
		{Name: "medmcqa/utils_medmcqa.doc_to_text", Digest: "5cb3b9a5bdc4aff3", Value: value(medmcqaText)},
		{Name: "pubmedqa/preprocess_pubmedqa.doc_to_text", Digest: "b22633c22cca5f23", Value: value(pubmedText)},
		{Name: "webqs/utils.doc_to_choice", Digest: "75758fb4a04592b5", Value: value(webqsChoice)},
		{Name: "webqs/utils.doc_to_target", Digest: "12df88028d398762", Value: value(webqsTarget)},
		{Name: "crows_pairs/utils.doc_to_choice", Digest: "acf877a020d298af", Value: value(crowsChoice)},
		{Name: "bbq/utils.doc_to_choice", Digest: "99c1004e437dcf3e", Value: value(bbqChoice)},
		{Name: "bbq/utils.doc_to_target", Digest: "5d6f1aa0a7b2fc0c", Value: value(bbqTarget)},
	}
}

// reader reads fields of a document. The first thing that is wrong stays in err.
type reader struct {
	doc *pyval.Dict
	err error
}

func fields(f func(*reader) *pyval.Dict) Fields {
	return func(doc *pyval.Dict) (*pyval.Dict, error) {
		r := &reader{doc: doc}
		out := f(r)
		return out, r.err
	}
}

func value[T any](f func(*reader) T) Value {
	return func(doc *pyval.Dict) (pyval.Value, error) {
		r := &reader{doc: doc}
		out := f(r)
		return out, r.err
	}
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// text gives a field that is a string.
func (r *reader) text(key string) string {
	v, _ := r.doc.Get(key)
	return r.textOf(key, v)
}

func (r *reader) textOf(key string, v pyval.Value) string {
	s, ok := v.(string)
	if !ok {
		r.fail("field %q must be text, not %.60s", key, pyval.Repr(v))
	}
	return s
}

// integer gives a field that is an integer of [0,n).
func (r *reader) integer(key string, n int) int {
	v, _ := r.doc.Get(key)
	i, ok := v.(int64)
	if !ok || i < 0 || i >= int64(n) {
		r.fail("field %q must be an integer from 0 to %d, not %.60s", key, n-1, pyval.Repr(v))
		return 0
	}
	return int(i)
}

func (r *reader) list(key string) pyval.List {
	v, _ := r.doc.Get(key)
	l, ok := v.(pyval.List)
	if !ok {
		r.fail("field %q must be a list, not %.60s", key, pyval.Repr(v))
	}
	return l
}

func (r *reader) texts(key string) []string {
	list := r.list(key)
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = r.textOf(key, v)
	}
	return out
}

// inside gives a reader of a field that is a dictionary. Its errors must be handed back with join.
func (r *reader) inside(key string) *reader {
	v, _ := r.doc.Get(key)
	d, ok := v.(*pyval.Dict)
	if !ok {
		r.fail("field %q must be a dictionary, not %.60s", key, pyval.Repr(v))
	}
	return &reader{doc: d, err: r.err}
}

func (r *reader) join(inner *reader) {
	if r.err == nil {
		r.err = inner.err
	}
}

func list(texts []string) pyval.List {
	out := make(pyval.List, len(texts))
	for i, s := range texts {
		out[i] = s
	}
	return out
}

// dict makes a Dict of names and values in turn.
func dict(namesAndValues ...any) *pyval.Dict {
	out := new(pyval.Dict)
	for i := 0; i < len(namesAndValues); i += 2 {
		out.Set(namesAndValues[i].(string), namesAndValues[i+1])
	}
	return out
}

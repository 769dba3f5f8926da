package docfunc_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"testing"

	"github.com/onset-eval/onset/tasks/docfunc"
	"github.com/onset-eval/onset/tasks/pyrandom"
	"github.com/onset-eval/onset/tasks/pyval"
)

// read gives what the harness's functions gave: testdata/reference.py.
func read(t *testing.T) *pyval.Dict {
	t.Helper()
	packed, err := os.ReadFile("testdata/reference.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	data, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(data)
	d.UseNumber()
	return decode(t, d).(*pyval.Dict)
}

func decode(t *testing.T, d *json.Decoder) pyval.Value {
	token, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	switch v := token.(type) {
	case json.Number:
		i, err := v.Int64()
		if err != nil {
			t.Fatal(err)
		}
		return i
	case json.Delim:
		list, dict := pyval.List{}, new(pyval.Dict)
		for d.More() {
			if v == '[' {
				list = append(list, decode(t, d))
				continue
			}
			key, _ := d.Token()
			dict.Set(key.(string), decode(t, d))
		}
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
		if v == '[' {
			return list
		}
		return dict
	}
	return token
}

func get(v pyval.Value, key string) pyval.Value {
	out, _ := v.(*pyval.Dict).Get(key)
	return out
}

func TestFuncsAgree(t *testing.T) {
	seen := make(map[string]int)
	for i, c := range get(read(t), "cases").(pyval.List) {
		name := get(c, "name").(string)
		for _, f := range docfunc.Funcs() {
			if f.Name != name {
				continue
			}
			seen[name]++
			doc := get(c, "doc").(*pyval.Dict)
			before := pyval.Repr(doc)
			if f.Value != nil {
				got, err := f.Value(doc)
				if err != nil || pyval.Repr(got) != pyval.Repr(get(c, "want")) {
					t.Errorf("case %d, %s of %s:\n got %s, %v\nwant %s", i, name, before, pyval.Repr(got), err, pyval.Repr(get(c, "want")))
				}
			} else {
				got, err := f.Fields(doc)
				if err != nil {
					t.Fatalf("case %d, %s: %v", i, name, err)
				}
				want := get(c, "want").(*pyval.Dict)
				for _, key := range want.Keys() {
					if pyval.Repr(get(got, key)) != pyval.Repr(get(want, key)) {
						t.Errorf("case %d, %s of %s: %s:\n got %s\nwant %s", i, name, before, key, pyval.Repr(get(got, key)), pyval.Repr(get(want, key)))
					}
				}
			}
			if pyval.Repr(doc) != before {
				t.Errorf("case %d, %s changed its document", i, name)
			}
		}
	}
	for _, f := range docfunc.Funcs() {
		if seen[f.Name] < 10 {
			t.Errorf("%s has %d cases", f.Name, seen[f.Name])
		}
	}
}

func TestGPQAAgrees(t *testing.T) {
	forms := map[string]docfunc.GPQA{
		"gpqa/zeroshot/utils": docfunc.GPQAPlain, "gpqa/n_shot/utils": docfunc.GPQAPlain, "gpqa/generative/utils": docfunc.GPQAListed, "leaderboard/gpqa/utils": docfunc.GPQALeaderboard,
	}
	seeds := map[string]int64{"gpqa/n_shot/utils": 42}
	cases := get(read(t), "gpqa").(pyval.List)
	if len(cases) != len(forms) {
		t.Fatalf("%d forms", len(cases))
	}
	for _, c := range cases {
		name := get(c, "name").(string)
		random := pyrandom.New(seeds[name])
		want := get(c, "want").(pyval.List)
		for i, doc := range get(c, "docs").(pyval.List) {
			got, err := forms[name].Fields(doc.(*pyval.Dict), random)
			if err != nil || pyval.Repr(got) != pyval.Repr(want[i]) {
				t.Errorf("%s, document %d: got %s, %v, want %s", name, i, pyval.Repr(got), err, pyval.Repr(want[i]))
			}
		}
	}
}

// A document may hold anything: an error is right and a panic is not.
func TestFuncsRefuse(t *testing.T) {
	keys := []string{
		"query_id", "passage", "question", "answer", "validated_answers", "correct_answers", "incorrect_answers", "solution", "problem", "article",
		"options", "query", "entities", "answers", "text", "pronoun", "pronoun_loc", "span1_text", "span2_text", "span2_index", "page", "story",
		"questions", "additional_answers", "ans0", "ans1", "ans2", "answer_info", "additional_metadata", "question_polarity", "label",
	}
	empty := new(pyval.Dict)
	empty.Set("input_text", pyval.List{})
	refused := 0
	for _, v := range []pyval.Value{nil, "", "x", int64(-1), int64(9), pyval.List{}, pyval.List{"x"}, pyval.List{nil}, new(pyval.Dict), empty} {
		doc := new(pyval.Dict)
		for _, k := range keys {
			doc.Set(k, v)
		}
		for _, f := range docfunc.Funcs() {
			var err error
			if f.Value != nil {
				_, err = f.Value(doc)
			} else {
				_, err = f.Fields(doc)
			}
			if err != nil {
				refused++
			}
		}
		if _, err := docfunc.GPQAPlain.Fields(doc, pyrandom.New(0)); err != nil {
			t.Errorf("fields that are not there are blank: %v", err)
		}
	}
	if refused < 150 {
		t.Errorf("%d refusals", refused)
	}
}

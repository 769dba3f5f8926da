package scorelibs

import (
	"github.com/onset-eval/onset/evaluators/lmeval"
	"github.com/onset-eval/onset/tasks/pycode"
	"github.com/onset-eval/onset/tasks/pyval"
)

// sacrebleuModule is sacrebleu with its defaults: corpora and sentences by BLEU, chrF and TER.
func sacrebleuModule() *pycode.Namespace {
	var funcs []*pycode.Func
	for _, m := range [][2]string{{"bleu", "corpus_bleu"}, {"chrf", "corpus_chrf"}, {"ter", "corpus_ter"}} {
		funcs = append(funcs, function(m[1], []string{"hypotheses", "references", "**kwargs"}, func(_ *pycode.Call, a []pyval.Value) (pyval.Value, error) {
			if err := onlyDefaults(m[1], a[2]); err != nil {
				return nil, err
			}
			answers, err := texts(a[0])
			if err != nil {
				return nil, err
			}
			streams, err := pyval.Collect(a[1])
			if err != nil {
				return nil, err
			}
			items := make([]pyval.Value, len(answers))
			for i, answer := range answers {
				var own pyval.List
				for _, s := range streams { // a stream holds one reference of each answer
					refs, err := texts(s)
					if err != nil {
						return nil, err
					}
					if len(refs) != len(answers) {
						return nil, pyval.Errorf("ValueError", "a stream of references has %d, there are %d answers", len(refs), len(answers))
					}
					own = append(own, refs[i])
				}
				items[i] = pyval.List{own, answer}
			}
			return corpusScore(m[0], items)
		}))
	}
	return module("sacrebleu", nil, append(funcs, function("sentence_chrf", []string{"hypothesis", "references", "**kwargs"}, func(_ *pycode.Call, a []pyval.Value) (pyval.Value, error) {
		if err := onlyDefaults("sentence_chrf", a[2]); err != nil {
			return nil, err
		}
		refs, err := texts(a[1])
		if err != nil {
			return nil, err
		}
		own := make(pyval.List, len(refs))
		for i, r := range refs {
			own[i] = r
		}
		return corpusScore("chrf", []pyval.Value{pyval.List{own, a[0]}})
	}))...)
}

// onlyDefaults refuses options that change a score.
func onlyDefaults(name string, named pyval.Value) error {
	defaults := map[string]pyval.Value{"smooth_method": "exp", "smooth_value": nil, "force": false, "lowercase": false, "tokenize": "13a",
		"use_effective_order": false, "char_order": int64(6), "word_order": int64(0), "beta": int64(2)}
	d := named.(*pyval.Dict)
	for _, k := range d.Keys() {
		v, _ := d.Get(k)
		if want, ok := defaults[k]; k != "force" && (!ok || !pyval.Equal(v, want)) {
			return pycode.Unsupported("%s with %s=%s", name, k, pyval.Repr(v))
		}
	}
	return nil
}

func corpusScore(name string, items []pyval.Value) (pyval.Value, error) {
	for _, a := range lmeval.Aggregations() {
		if a.Name != name {
			continue
		}
		stat, err := a.Prepare(items, lmeval.Rules{})
		if err != nil {
			return nil, err
		}
		all := make([]int32, len(items))
		for i := range all {
			all[i] = int32(i)
		}
		return module("Score", map[string]pyval.Value{"score": stat(all)}), nil
	}
	return nil, pycode.Unsupported("the score %s", name)
}

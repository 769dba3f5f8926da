package rehearse_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/onset-eval/onset/evaluators/rehearse"
	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/hooks"
)

// TestStages holds how far tasks come: their columns and types are found out, and each stage's failure is told apart.
func TestStages(t *testing.T) {
	const head = "dataset_path: org/x\ntest_split: test\n"
	files := map[string]string{
		"choice.yaml": head + "task: choice\noutput_type: multiple_choice\ndoc_to_text: \"{{q.strip()}}\\n{{options[0]}} or {{options[1]}}\"\ndoc_to_choice: options\n" +
			"doc_to_target: \"{{['A','B','C','D'].index(right)}}\"\nmetric_list: [{metric: acc}]\n",
		"shots.yaml": head + "task: shots\nfewshot_split: test\nnum_fewshot: 12\ndoc_to_text: \"{{m.inner.q}}\"\ndoc_to_target: \"{{m.a}}\"\nmetric_list: [{metric: exact_match}]\n",
		"subject.yaml": head + "task: subject\nprocess_docs: !function utils.only_law\ndoc_to_text: \"{{q}}\"\ndoc_to_target: \"{{a}}\"\n" +
			"metric_list: [{metric: exact_match}]\nprocess_results: !function utils.judge\n",
		"listed.yaml": head + "task: listed\nprocess_docs: !function utils.listed\ndoc_to_text: \"{{prompt}}\"\ndoc_to_choice: !function utils.texts\n" +
			"output_type: multiple_choice\ndoc_to_target: !function utils.right\nmetric_list: [{metric: acc}]\n",
		"chat.yaml":   head + "task: chat\ndoc_to_text: !function utils.said\ndoc_to_target: !function utils.feeling\nmetric_list: [{metric: exact_match}]\n",
		"loads.yaml":  head + "task: loads\ndoc_to_text: \"{{q\"\ndoc_to_target: a\n",
		"binds.yaml":  head + "task: binds\ndoc_to_text: q\ndoc_to_target: a\nmetric_list: [{metric: no_such_metric}]\n",
		"builds.yaml": head + "task: builds\ndoc_to_text: !function utils.asks\ndoc_to_target: a\nmetric_list: [{metric: exact_match}]\n",
		"scores.yaml": head + "task: scores\ndoc_to_text: q\ndoc_to_target: a\nmetric_list: [{metric: exact_match}]\nprocess_results: !function utils.broken\n",
		"tuple.yaml":  head + "task: tuple\ndoc_to_text: !function utils.comma\ndoc_to_target: a\nmetric_list: [{metric: exact_match}]\n",
		"several.yaml": head + "task: several\noutput_type: generate_until\ndoc_to_text: q\ndoc_to_target: !function utils.several\n" +
			"metric_list: [{metric: acc, aggregation: !function utils.of_pairs}]\n",
		"utils.py": `
LAW = {"Law": "law", "Other": "other"}

def only_law(dataset):
    return dataset.filter(lambda doc: doc["subject"] == "Law").map(lambda doc: {"kind": LAW[doc["subject"]]})

LEVEL = {"Primary": "for pupils", "Univ": "for students"}
COUNTRY = {
    "Here": "of here",
    "There": "of there",
}
FEELING = {"glad": 1, "sad": 0}

def listed(dataset):
    def one(doc):
        parts = [doc["options"][o] for o in ["A", "B", "C"] if o in doc["options"]]
        assert len(parts) == 3
        doc["prompt"] = LEVEL[doc["Level"]] + COUNTRY[doc["Country"]] + str(["A", "B", "C"].index(doc["Answer Key"])) + " ".join(parts)
        return doc
    return dataset.map(one)

def texts(doc):
    return [c["text"] for c in doc["question"]["choices"]]

def right(doc):
    labels = [c["label"] for c in doc["question"]["choices"]]
    try:
        return labels.index(doc["key"].strip())
    except Exception:
        return

def said(doc):
    return doc["messages"][0]["content"]

def feeling(doc):
    return ["no", "yes"][FEELING[doc["messages"][1]["content"]]]

def judge(doc, results):
    return {"exact_match": float(results[0].strip() == doc["a"])}

def comma(doc):
    return (f"Q: {doc['q']}",)

def several(doc):
    return [doc["a"], "b"]

def of_pairs(items):
    golds, answers = zip(*items)
    return sum(g == a for g, a in zip(golds, answers)) / len(golds)

def asks(doc):
    return nowhere(doc["q"])

def broken(doc, results):
    return {"exact_match": torch.tensor(1)}
`}
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	index, err := tasks.NewIndex(tasks.Source{FS: tree})
	if err != nil {
		t.Fatal(err)
	}
	r := rehearse.New(index)
	r.Tries = 500
	for _, c := range []struct {
		name  string
		stage rehearse.Stage
		err   string
	}{
		{"choice", rehearse.Scores, ""},
		{"shots", rehearse.Scores, ""},
		{"subject", rehearse.Scores, ""},
		{"listed", rehearse.Scores, ""},
		{"chat", rehearse.Scores, ""},
		{"loads", rehearse.Nothing, "doc_to_text"},
		{"binds", rehearse.Loads, "no_such_metric"},
		{"builds", rehearse.Binds, "nowhere"},
		{"scores", rehearse.Builds, "torch"},
		{"tuple", rehearse.Binds, "tuple where text is expected; lm_eval fails on it too"},
		{"several", rehearse.Builds, "made for pairs"},
	} {
		got := r.Task(t.Context(), c.name)
		if got.Stage != c.stage || (got.Err == nil) != (c.err == "") || got.Err != nil && !strings.Contains(got.Err.Error(), c.err) {
			t.Errorf("%s: stage %d after %d tries, %v", c.name, got.Stage, got.Tries, got.Err)
		}
		if upstream := c.name == "tuple" || c.name == "several"; upstream != errors.As(got.Err, new(*hooks.UpstreamError)) {
			t.Errorf("%s: whether lm_eval fails too is taken for %v", c.name, !upstream)
		}
	}
}

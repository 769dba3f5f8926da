package openai_test

import (
	"math"
	"os"
	"testing"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local"
	"github.com/onset-eval/onset/backends/openai"
)

// TestRealServer holds a server that nobody here wrote against the engine in process, on the same checkpoint in full
// precision: ONSET_SERVER is its address, with /v1, and ONSET_SERVER_CHECKPOINT the checkpoint's folder. ONSET_SERVER_ARGS may
// be "completions", for servers that are not known. Tried with llama-cpp-python 0.3.36 (llama_cpp.server --logits_all True) and
// the ladder's checkpoints, converted by backends/process/testdata/gguf_of.py.
func TestRealServer(t *testing.T) {
	base, checkpoint := os.Getenv("ONSET_SERVER"), os.Getenv("ONSET_SERVER_CHECKPOINT")
	if base == "" || checkpoint == "" {
		t.Skip("ONSET_SERVER and ONSET_SERVER_CHECKPOINT name no server and checkpoint")
	}
	args := map[string]string{}
	if os.Getenv("ONSET_SERVER_ARGS") == "completions" {
		args["api"] = "completions"
	}
	theirs, err := openai.Open(t.Context(), openai.Options{Model: backends.Model{Ref: backends.Ref{Provider: "openai", Model: "m"}, BaseURL: base, Args: args}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = theirs.Close() }()
	ours, err := local.Open(t.Context(), checkpoint, local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ours.Close() }()
	t.Logf("%+v", theirs.Info())

	compared, worst := 0, 0.0
	for _, prompt := range []string{"Map: a -> b\nMap: c -> d\nMap: e ->", "12+34=", "a b c d e f", "Map: x "} {
		gen := backends.Request{Kind: backends.Generate, Prompt: prompt, Sampling: backends.Sampling{MaxTokens: 6}}
		a, err1 := ours.Do(t.Context(), gen)
		b, err2 := theirs.Do(t.Context(), gen)
		if err1 != nil || err2 != nil || a.Text != b.Text {
			t.Errorf("%q goes on as %q here, %q there, %v %v", prompt, a.Text, b.Text, err1, err2)
		}
		score := backends.Request{Kind: backends.LogLikelihood, Prompt: prompt, Continuations: []string{" a", "f", "46", " g h"}}
		a, err1 = ours.Do(t.Context(), score)
		b, err2 = theirs.Do(t.Context(), score)
		if err1 != nil || err2 != nil {
			t.Errorf("%q: %v, %v", prompt, err1, err2)
			continue
		}
		for i := range a.LogProbs {
			x, y := a.LogProbs[i], b.LogProbs[i]
			compared, worst = compared+1, max(worst, math.Abs(x.Sum-y.Sum))
			if x.Tokens != y.Tokens || x.Greedy != y.Greedy || math.Abs(x.Sum-y.Sum) > 0.01*float64(x.Tokens) {
				t.Errorf("%q after %q: %+v here, %+v there", score.Continuations[i], prompt, x, y)
			}
		}
	}
	t.Logf("%d log-likelihoods, at most %.2g nats apart", compared, worst)
	if compared < 16 {
		t.Errorf("%d log-likelihoods were compared", compared)
	}
}

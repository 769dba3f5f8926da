package tokenizer_test

import "testing"

func TestKind(t *testing.T) {
	for name, want := range map[string]string{
		"gpt2": "byte-level BPE", "llama2": "BPE with byte fallback", "t5": "Unigram", "bert": "WordPiece", "llama3": "byte-level BPE",
	} {
		if got := family(t, name).Kind(); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

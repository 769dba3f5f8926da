package tokenizer_test

import (
	"strings"
	"testing"
	"time"
)

// TestLongTexts sees that texts on which a naive tokenizer takes time of the square of their length do not.
func TestLongTexts(t *testing.T) {
	const size = 50_000
	for _, name := range []string{"gpt2", "llama3", "o200k", "llama2", "gemma", "t5", "bert", "clip", "mistral"} {
		tok := family(t, name)
		for _, unit := range []string{"a", "ab", " ", "\n", " \n", "1", "é", "日", "e\u0301", "\u0301", "👨\u200d", "'", "<", "<|", "▁"} {
			text := strings.Repeat(unit, size/len(unit))
			start := time.Now()
			ids := tok.Encode(text, true)
			tok.Decode(ids, true)
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("%s takes %v for %d bytes of %q", name, took, len(text), unit)
			}
		}
	}
}

package local

import (
	"errors"
	"fmt"
	"strings"

	"github.com/onset-eval/onset/backends/local/internal/tokenizer"
)

// specials are the tokens with a part in every text, found as lm-evaluation-harness's model of the kind "hf" finds them: by
// what tokenizer_config.json names, and by config.json where it names none.
type specials struct {
	// first stands before a text that is scored from its first token on: the beginning token, or the end token of models
	// without one.
	first int
	// text is first's. A text that begins with it, as those that a chat template made do, gets no special tokens.
	text string
	mask int // fills the gaps of masked models; -1 for other models
}

// findSpecials finds the special tokens of a model.
func findSpecials(s *spec, tok *tokenizer.Tokenizer, named map[string]string) (specials, error) {
	sp := specials{first: -1, mask: -1}
	find := func(name string) int {
		if text, ok := named[name]; ok {
			if id, ok := tok.ID(text); ok && id < s.vocab {
				return id
			}
		}
		return -1
	}
	order := []int{find("bos_token"), find("eos_token"), s.bos}
	if !s.causal {
		order = append([]int{find("cls_token")}, order...)
	}
	for _, id := range append(order, s.eos...) {
		if id >= 0 {
			sp.first = id
			break
		}
	}
	if sp.mask = find("mask_token"); s.causal {
		sp.mask = -1
	} else if sp.mask < 0 {
		return sp, &hintError{
			fmt.Errorf("tokenizer_config.json names no mask_token of the tokenizer's, and %s fills in masked tokens", s.architecture),
			`add one, as in "mask_token": "[MASK]"`,
		}
	}
	if sp.first < 0 {
		return sp, errors.New("neither tokenizer_config.json nor config.json names a bos or eos token, so there is no token to begin a text with")
	}
	sp.text = tok.Decode([]int{sp.first}, false)
	return sp, nil
}

// begins reports whether a text begins with the token that would be put before it.
func (sp *specials) begins(text string) bool {
	return sp.text != "" && strings.HasPrefix(text, sp.text)
}

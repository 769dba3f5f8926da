package openai

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/backends/internal/httpapi"
)

// scanSeeds are answers that the fast decoder takes, and that it must leave alone.
var scanSeeds = map[string]bool{
	`{"choices":[{"index":0,"message":{"role":"assistant","content":"hi\n\"x\" ü \u00fc","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":2,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":3}}}`: true,
	` { "choices" : [ { "text" : "a" , "stop_reason" : 12 , "x" : [ 1 , -2.5e+3 , true , false , null , { } , [ ] ] } , { } ] , "usage" : null , "error" : null } `:                                                                                                                                                   true,
	`{"choices":[],"id":"x"}`:                  true,
	`{}`:                                       true,
	`{"choices":[{"message":null}]}`:           false,
	`{"choices":null}`:                         false,
	`{"error":{"message":"x"}}`:                false,
	`{"choices":[],"choices":[]}`:              false,
	`{"choices":[{"text":"\ud83d"}]}`:          false,
	`{"choices":[{"text":"a` + "\xff" + `"}]}`: false,
	`{"choices":[{"text":["a"]}]}`:             false,
	`{"choices":[{"logprobs":{"tokens":[]}}]}`: false,
	`{"choices":[{"index":1.5}]}`:              false,
	`{"choices":[{"index":01}]}`:               false,
	`{"choices":[`:                             false,
	`{"choices":[]} x`:                         false,
	`{"choices":[{"text":"a` + "\n" + `"}]}`:   false,
	`{"x":"\q"}`:                               false,
	`{"a":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`:     false,
	`{"choices":[{"index":99999999999999999999}]}`:                        false,
	`{"choices":[{"message":{"content":"a","reasoning_content":"t\t"}}]}`: true,
}

func TestDecodeFast(t *testing.T) {
	for text, want := range scanSeeds {
		var a answer
		if got := a.DecodeFast([]byte(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
		sameDecoded(t, []byte(text))
	}
}

// sameDecoded sees that what the fast decoder takes, the general one reads in the same way.
func sameDecoded(t *testing.T, data []byte) {
	t.Helper()
	var fast, general answer
	if !fast.DecodeFast(data) {
		return
	}
	if err := httpapi.Decode(data, &general); err != nil {
		if strings.Contains(err.Error(), "duplicate") {
			return // of a name that nobody reads
		}
		t.Errorf("%q is taken, and is: %v", data, err)
		return
	}
	if len(general.Error) > 0 { // null
		general.Error = nil
	}
	if len(general.Choices) == 0 && len(fast.Choices) == 0 {
		general.Choices, fast.Choices = nil, nil
	}
	if d := cmp.Diff(general, fast, cmp.AllowUnexported(answer{}, choice{}, message{}, usage{}, tokenDetails{})); d != "" {
		t.Errorf("%q: %s", data, d)
	}
}

func FuzzDecodeFast(f *testing.F) {
	for text := range scanSeeds {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) { sameDecoded(t, data) })
}

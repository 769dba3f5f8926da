package tokenizer

import (
	"strings"
	"testing"
)

// TestLocal sees that the decoders of text models work token by token, since a stream of others decodes all tokens at
// every step.
func TestLocal(t *testing.T) {
	space := literal("▁")
	for _, c := range []struct {
		name  string
		chain decoder
		local bool
	}{
		{"GPT-2, Llama 3, Qwen 2", fromBytes{}, true},
		{"Llama 2", decoders{replace{space, " "}, byteFallback{}, fuse{}, cut{' ', 1, 0}}, true},
		{"Gemma", decoders{replace{space, " "}, byteFallback{}, fuse{}}, true},
		{"T5", &metaspace{"▁", prependAlways, true}, true},
		{"BERT", pieces{"##", true}, true},
		{"none", joinSpaced{}, true},
		{"BPEDecoder looks at the last token", wordEnd("</w>"), false},
		{"CTC looks at the token before", ctc{}, false},
		{"a suffix of all", decoders{fuse{}, cut{' ', 0, 1}}, false},
		{"a pattern over all", decoders{fuse{}, replace{space, " "}}, false},
		{"bytes among others", decoders{byteFallback{}, &metaspace{"▁", prependNever, true}}, false},
	} {
		if got := local(c.chain) != nil; got != c.local {
			t.Errorf("%s: token by token is %t", c.name, got)
		}
	}
}

// TestStream sees that stop strings can be looked for in the bytes as they come.
func TestStream(t *testing.T) {
	tok := &Tokenizer{
		model: &vocabularyModel{vocabulary{
			tokens: map[int32]string{0: "▁", 1: "▁a", 2: "<0xC3>", 3: "<0xA9>", 4: "b"}, end: 5,
		}},
		added:  &addedVocabulary{},
		decode: decoders{replace{literal("▁"), " "}, byteFallback{}, fuse{}, cut{' ', 1, 0}},
		size:   5,
	}
	s := tok.Stream(true)
	for _, c := range []struct {
		id   int
		want string
	}{{0, ""}, {1, " a"}, {2, " a\xc3"}, {3, " aé"}, {9, " aé"}, {4, " aéb"}} {
		if got := string(s.Push(c.id)); got != c.want {
			t.Errorf("after token %d: %q, want %q", c.id, got, c.want)
		}
	}
	if got, want := s.Text(), " aéb"; got != want {
		t.Errorf("the text is %q, want %q", got, want)
	}
	if got := string(tok.AppendToken(nil, 1, true)); got != "a" {
		t.Errorf("a first token is %q", got)
	}
	if got := string(tok.AppendToken([]byte("b"), 1, true)); got != "b a" {
		t.Errorf("a token behind another is %q", got)
	}
}

// vocabularyModel is a model that only decodes.
type vocabularyModel struct{ vocabulary }

func (*vocabularyModel) encode(dst []int, _ string) []int { return dst }

// TestLossy has the cases of the Unicode Standard, table 3-8 to 3-11.
func TestLossy(t *testing.T) {
	for in, want := range map[string]string{
		"a\xc0\xafb":                        "a??b",
		"\xe0\x80\xbf\xf0\x81\x82A":         "??????A",
		"\xed\xa0\x80\xed\xbf\xbf\xed\xafA": "????????A",
		"\xf4\x91\x92\x93\xffA\x80\xbfB":    "?????A??B",
		"\xe1\x80\xe2\xf0\x91\x92\xf1\xbfA": "????A",
		"\xe2\x82":                          "?",
		"\xf0\x9f\x98\x80\xf0\x9f\x98\xe2":  "😀??",
	} {
		if got := strings.ReplaceAll(lossy([]byte(in)), "\ufffd", "?"); got != want {
			t.Errorf("lossy(%q) = %q, want %q", in, got, want)
		}
	}
}

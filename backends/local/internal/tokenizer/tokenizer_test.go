package tokenizer_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends/local/internal/tokenizer"
)

func ladderTokenizer(t testing.TB) *tokenizer.Tokenizer {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "ladder", "checkpoints", "seed0", "s0", "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Parse("tokenizer.json", data)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// The ids are those of Hugging Face's tokenizers 0.23.3 for the same file.
func TestEncode(t *testing.T) {
	tok := ladderTokenizer(t)
	for text, want := range map[string][]int{
		"":             {1},
		"Map: j":       {1, 50, 70, 85, 31, 5, 79},
		"é\n":          {1, 3, 4},
		"a<eos>b<bos>": {1, 70, 2, 71, 1},
	} {
		if got := tok.Encode(text, true); !slices.Equal(got, want) {
			t.Errorf("Encode(%q) = %v, want %v", text, got, want)
		}
	}
	if got := tok.Decode([]int{1, 50, 70, 85, 2}, true); got != "Map" {
		t.Errorf("Decode = %q", got)
	}
	if got := tok.Decode([]int{1, 50, 999, -1}, false); got != "<bos>M" {
		t.Errorf("Decode with special tokens = %q", got)
	}
}

// bytesFile is a tokenizer with byte fallback and a merge of two bytes.
func bytesFile() string {
	var vocab strings.Builder
	for b := range 256 {
		fmt.Fprintf(&vocab, `"<0x%02X>":%d,`, b, b)
	}
	return `{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"[\\s\\S]"},"behavior":"Isolated","invert":false},
		"decoder":{"type":"Sequence","decoders":[{"type":"ByteFallback"},{"type":"Fuse"}]},
		"model":{"type":"BPE","byte_fallback":true,"vocab":{` + vocab.String() + `"a":256},"merges":[]}}`
}

func TestByteFallback(t *testing.T) {
	tok, err := tokenizer.Parse("t", []byte(bytesFile()))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tok.Encode("aé", false), []int{256, 0xc3, 0xa9}; !slices.Equal(got, want) {
		t.Errorf("Encode = %v, want %v", got, want)
	}
	if got := tok.Decode([]int{256, 0xc3, 0xa9, 0xc3}, true); got != "a\uFFFD\uFFFD\uFFFD" { // as a whole the three bytes are no text
		t.Errorf("Decode = %q", got)
	}
}

// Merges work within a character's bytes, and fuse_unk joins unknown characters of one word, of which each character is
// one here. The ids are those of Hugging Face's tokenizers 0.23.3 for the same files.
func TestEachCharacterIsAWord(t *testing.T) {
	const merges, vocab = `"merges":[]`, `"a":256`
	for _, c := range []struct {
		name, from, to, text string
		want                 []int
	}{
		{"merge of bytes", merges, `"merges":[["<0xC3>","<0xA9>"]]`, "aéz", []int{256, 257, 'z'}},
		{"fuse_unk", `"byte_fallback":true`, `"unk_token":"<unk>","fuse_unk":true`, "éxa", []int{258, 258, 256}},
	} {
		file := strings.Replace(bytesFile(), vocab, vocab+`,"<0xC3><0xA9>":257,"<unk>":258`, 1)
		edited := strings.Replace(file, c.from, c.to, 1)
		if edited == file {
			t.Fatalf("%s changes nothing", c.name)
		}
		tok, err := tokenizer.Parse("t", []byte(edited))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := tok.Encode(c.text, false); !slices.Equal(got, c.want) {
			t.Errorf("%s: Encode(%q) = %v, want %v", c.name, c.text, got, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good := bytesFile()
	for _, c := range []struct{ name, from, to, want string }{
		{"another model", `"BPE"`, `"Neural"`, `model "Neural"`},
		{"a model's fields in another", `"BPE"`, `"Unigram"`, `model "Unigram"`},
		{"no model", `"model":{`, `"modem":{`, "model: there is none"},
		{"an unknown normalizer", `{"pre`, `{"normalizer":{"type":"NFX"},"pre`, `normalizer "NFX"`},
		{"an unknown option", `{"pre`, `{"normalizer":{"type":"NFC","fast":true},"pre`, "fast"},
		{"an unknown pre-tokenizer", `"Split"`, `"Sprinkle"`, `pre-tokenizer "Sprinkle"`},
		{"a pattern that is none", `[\\s\\S]`, `(a`, `pattern "(a"`},
		{"a back reference", `[\\s\\S]`, `(a)\\1`, `pattern "(a)\\1"`},
		{"a huge repeat", `[\\s\\S]`, `a{99999}`, "repeats"},
		{"repeats of repeats", `[\\s\\S]`, `((((a{1000}){1000}){1000}){1000}){1000}`, "pattern"},
		{"deep groups", `[\\s\\S]`, strings.Repeat("(", 9000), "deep"},
		{"large classes", `[\\s\\S]`, strings.Repeat(`\\p{L}`, 2000), "large"},
		{"a long pattern", `[\\s\\S]`, strings.Repeat("a", 1<<15), "more than"},
		{"an unknown behavior", `"Isolated"`, `"Shuffled"`, `"Shuffled"`},
		{"another decoder", `"Fuse"`, `"Metaspace"`, "Metaspace: replacement is missing"},
		{"an unknown decoder", `"Fuse"`, `"Refuse"`, `"Refuse"`},
		{"deep sequences", `{"type":"Fuse"}`,
			strings.Repeat(`{"type":"Sequence","decoders":[`, 200) + strings.Repeat(`]}`, 200), "deep"},
		{"a post-processor without ids", `{"pre`, `{"post_processor":{"type":"BertProcessing"},"pre`, "post-processor"},
		{"a post-processor's id", `{"pre`,
			`{"post_processor":{"type":"BertProcessing","sep":["x",1],"cls":["y",999]},"pre`, "id 999"},
		{"a merge of nothing", `"merges":[]`, `"merges":["a q"]`, "merge 0"},
		{"a merge that is no pair", `"merges":[]`, `"merges":["a"]`, "merge 0"},
		{"merges of two kinds", `"merges":[]`, `"merges":["a a",["a","a"]]`, "merges"},
		{"dropout", `"merges":[]`, `"merges":[],"dropout":0.1`, "dropout"},
		{"an unknown token that is unknown", `"merges":[]`, `"merges":[],"unk_token":"u"`, `"u"`},
		{"a huge id", `"a":256`, `"a":99999999999`, "id 99999999999"},
		{"a negative id", `"a":256`, `"a":-1`, "id -1"},
		{"two tokens with one id", `"a":256`, `"a":255`, "same id 255"},
		{"a long added token", `{"pre`, `{"added_tokens":[{"id":1,"content":"` + strings.Repeat("a", 1<<13) + `"}],"pre`,
			"added token"},
		{"another version", `{"pre`, `{"version":"2.0","pre`, `version "2.0"`},
		{"a character map", `{"pre`, `{"normalizer":{"type":"Precompiled","precompiled_charsmap":"/////w=="},"pre`, "trie"},
		{"no JSON", `{"pre`, "{\n\npre", "tok:3: not a tokenizer.json"},
	} {
		file := strings.Replace(good, c.from, c.to, 1)
		if file == good {
			t.Fatalf("%s changes nothing", c.name)
		}
		_, err := tokenizer.Parse("tok", []byte(file))
		var e *tokenizer.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || e.Hint() == "" {
			t.Errorf("%s gives %v, want %q and a hint", c.name, err, c.want)
		}
	}
}

package tokenizer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
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
		{"another decoder", `"Fuse"`, `"Metaspace"`, `"Metaspace": replacement is missing`},
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
		{"a long token", `"a":256`, `"` + strings.Repeat("a", 1<<15) + `":256`, "token 256 has"},
		{"much to put in", `{"pre`, `{"normalizer":{"type":"Prepend","prepend":"` + strings.Repeat("a", 1<<13) + `"},"pre`,
			"puts in"},
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

// TestGrowth sees that a file whose components make a text longer and longer gives an error and no huge text.
func TestGrowth(t *testing.T) {
	double := `{"type":"Replace","pattern":{"String":"a"},"content":"aa"}`
	level := `{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}`
	for _, c := range []struct{ name, from, to string }{
		{"normalizer", `{"pre`, `{"normalizer":{"type":"Sequence","normalizers":[` + double + strings.Repeat(","+double, 60) + `]},"pre`},
		{"pre-tokenizer", `{"type":"Split"`, `{"type":"Sequence","pretokenizers":[` + strings.Repeat(level+",", 60) + `{"type":"Split"`},
	} {
		file := strings.Replace(bytesFile(), c.from, c.to, 1)
		if c.name == "pre-tokenizer" {
			file = strings.Replace(file, `"invert":false}`, `"invert":false}]}`, 1)
		}
		tok, err := tokenizer.Parse("t", []byte(file))
		if err != nil {
			t.Fatal(err)
		}
		if ids, err := tok.TryEncode("a \x00", false); err == nil {
			t.Errorf("%s: %d ids and no error", c.name, len(ids))
		}
	}
}

// TestOldForms sees that forms which the reference still reads give what the present ones give: models without a type
// and merges as strings, as in GPT-2's own file.
func TestOldForms(t *testing.T) {
	hard := readHard(t)
	for _, name := range []string{"gpt2", "bert", "t5", "wordlevel"} {
		var file map[string]any
		if err := json.Unmarshal(familyFile(t, name), &file); err != nil {
			t.Fatal(err)
		}
		model := file["model"].(map[string]any)
		delete(model, "type")
		if pairs, ok := model["merges"].([]any); ok {
			model["unk_token"] = ""
			for i, p := range pairs {
				pairs[i] = fmt.Sprintf("%s %s", p.([]any)...)
			}
		}
		old, err := json.Marshal(file)
		if err != nil {
			t.Fatal(err)
		}
		tok, err := tokenizer.Parse(name, old)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		now := family(t, name)
		for i := range 200 {
			text := hard.text(i)
			if got, want := tok.Encode(text, true), now.Encode(text, true); !slices.Equal(got, want) {
				t.Errorf("%s: Encode(%q) = %v, want %v", name, text, got, want)
			}
		}
	}
}

// TestConcurrent encodes with one tokenizer from several goroutines; with -race it sees that they do not meet.
func TestConcurrent(t *testing.T) {
	hard := readHard(t)
	for _, name := range []string{"llama3", "o200k", "t5"} {
		tok, alone := family(t, name), family(t, name)
		var group sync.WaitGroup
		for g := range 4 {
			group.Go(func() {
				for i := range 300 {
					text := hard.text((i*7 + g*131) % 400)
					if got, want := tok.Encode(text, true), alone.Encode(text, true); !slices.Equal(got, want) {
						t.Errorf("%s: Encode(%q) = %v, want %v", name, text, got, want)
					}
				}
			})
		}
		group.Wait()
	}
}

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
	if got := tok.Decode([]int{256, 0xc3, 0xa9, 0xc3}, true); got != "aé\uFFFD" {
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
		{"another model", `"BPE"`, `"WordPiece"`, `model "WordPiece"`},
		{"a normalizer", `{"pre`, `{"normalizer":{"type":"NFC"},"pre`, `normalizer "NFC"`},
		{"another pre-tokenizer", `"Split"`, `"Whitespace"`, `pre-tokenizer "Whitespace"`},
		{"another split", `[\\s\\S]`, `\\w+`, "Split"},
		{"another decoder", `"Fuse"`, `"Metaspace"`, `decoder "Metaspace"`},
		{"a post-processor", `{"pre`, `{"post_processor":{"type":"BertProcessing"},"pre`, `post-processor "BertProcessing"`},
		{"a byte that is missing", `"<0x41>"`, `"<0xzz>"`, "no token <0x41>"},
		{"a merge of nothing", `"merges":[]`, `"merges":["a q"]`, "merge 0"},
		{"a huge id", `"a":256`, `"a":99999999999`, "id 99999999999"},
		{"a negative id", `"a":256`, `"a":-1`, "id -1"},
		{"an empty added token", `{"pre`, `{"added_tokens":[{"id":1,"content":""}],"pre`, "empty"},
		{"no JSON", `{"pre`, `{pre`, "not a tokenizer.json"},
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

func FuzzRoundTrip(f *testing.F) {
	tok := ladderTokenizer(f)
	f.Add("Map: ab cd\n<eos>")
	f.Add("\x00é\xff")
	f.Fuzz(func(t *testing.T, text string) {
		ids := tok.Encode(text, false)
		for _, id := range ids {
			if id < 0 || id >= tok.Size() {
				t.Fatalf("id %d of %d", id, tok.Size())
			}
		}
		known := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && (r < ' ' || r > '~') }) < 0
		if got := tok.Decode(ids, false); known && got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
	})
}

package tokenizer_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/onset-eval/onset/backends/local/internal/tokenizer"
)

// exact lists the families that lose nothing: the text of the ids is the text.
var exact = []string{"gpt2", "llama3", "o200k", "starcoder", "deepseek"}

// FuzzEncode sees that any text gives ids of the vocabulary, that a stream decodes them as Decode does, and that
// families which lose nothing give the text back.
func FuzzEncode(f *testing.F) {
	toks := map[string]*tokenizer.Tokenizer{"ladder": ladderTokenizer(f)}
	for _, g := range readGolden(f).Families {
		toks[g.Name] = family(f, g.Name)
	}
	hard := readHard(f)
	for i := range 40 {
		f.Add(hard.text(20_000 + i))
	}
	f.Add("\xff\xc3\xe2\x96 a\xf0\x9f")
	f.Add("<s> [MASK]  <mask>Yesterday tokenizer")
	f.Fuzz(func(t *testing.T, text string) {
		for name, tok := range toks {
			ids, err := tok.TryEncode(text, true)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			checkIDs(t, name, tok, ids[:min(len(ids), 500)])
		}
		for _, name := range exact {
			tok := toks[name]
			ids := tok.Encode(text, false)
			if got := tok.Decode(ids, false); got != string([]rune(text)) {
				t.Errorf("%s: %q comes back as %q", name, text, got)
			}
			var b []byte
			for _, id := range ids {
				b = tok.AppendToken(b, id, false)
			}
			if string(b) != string([]rune(text)) {
				t.Errorf("%s: token by token %q comes back as %q", name, text, b)
			}
		}
	})
}

// checkIDs sees that ids are in the vocabulary and that a stream gives the bytes of their text.
func checkIDs(t *testing.T, name string, tok *tokenizer.Tokenizer, ids []int) {
	s := tok.Stream(true)
	var bytes []byte
	for _, id := range ids {
		if id < 0 || id >= tok.Size() {
			t.Fatalf("%s: id %d of %d", name, id, tok.Size())
		}
		bytes = s.Push(id)
	}
	if got := tok.Decode(ids, true); utf8.Valid(bytes) && string(bytes) != got {
		t.Errorf("%s: the stream of %v is %q, the text %q", name, ids, bytes, got)
	}
}

// FuzzParse sees that a hostile file gives an error or a tokenizer that works, and no panic.
func FuzzParse(f *testing.F) {
	var files map[string]json.RawMessage
	if err := json.Unmarshal(unzip(f, "components.json.gz"), &files); err != nil {
		f.Fatal(err)
	}
	vocab := bytesFile()
	vocab = vocab[strings.Index(vocab, `"vocab":{`):strings.Index(vocab, `"a":256`)]
	for _, file := range files {
		// Without the tokens of most bytes, so that changes hit what matters.
		short := strings.Replace(string(file), strings.ReplaceAll(vocab, ":", ": "), `"vocab":{`, 1)
		f.Add([]byte(short), "The a<s> é")
	}
	for _, model := range []string{
		`{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"abab":3},"merges":[["a","b"],["ab","ab"],["ab","a"]]}`,
		`{"type":"BPE","vocab":{"a":0,"##a":1,"a##a":2,"aa":3},"merges":["a ##a"],"continuing_subword_prefix":"##"}`,
		`{"type":"BPE","unk_token":"a","fuse_unk":true,"vocab":{"a":0},"merges":[["a","a"]]}`,
		`{"type":"Unigram","unk_id":0,"vocab":[["u",0],["a",-1e308],["ab",1e308],["",0]],"byte_fallback":true}`,
		`{"type":"WordPiece","unk_token":"u","continuing_subword_prefix":"","max_input_chars_per_word":-1,"vocab":{"u":16777215}}`,
		`{"type":"WordLevel","unk_token":"u","vocab":{"u":0,"a":7}}`,
	} {
		f.Add([]byte(`{"model":`+model+`}`), "abab u")
	}
	for _, name := range []string{"t5", "bert"} {
		f.Add(familyFile(f, name)[:2000], "x")
	}
	f.Fuzz(func(t *testing.T, file []byte, text string) {
		tok, err := tokenizer.Parse("file", file)
		if err != nil {
			return
		}
		ids, err := tok.TryEncode(text, true)
		if err != nil {
			return
		}
		for _, id := range ids {
			if id < 0 || id >= tok.Size() {
				t.Fatalf("id %d of %d", id, tok.Size())
			}
		}
		s := tok.Stream(false)
		for _, id := range ids {
			s.Push(id)
		}
		if got := tok.Decode(ids, false); got != s.Text() {
			t.Errorf("the stream gives %q, Decode %q", s.Text(), got)
		}
	})
}

package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzScanner compares the scanners with a regular expression engine that is given the patterns that they stand for.
func FuzzScanner(f *testing.F) {
	engines := make(map[string]pattern)
	for expr := range scanners {
		p, err := compileEngine(expr)
		if err != nil {
			f.Fatal(err)
		}
		engines[expr] = p
	}
	for _, s := range []string{
		"", "I'll 've DON'T'ſ's", "  a   b\n\n c \r\n\t d", "12345 1² ½x", "...\n\n x", "\u00a0\u2003a \u0085\nb", " '", "' s",
		"日本語 テキスト12", "e\u0301\u0301 'LLama'", "\n \n  \nx", "\x00\x01 \x7f", "   ", " \n", "'ſt", "a\u200db",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { compareScanners(t, engines, valid(s)) })
}

func compareScanners(t *testing.T, engines map[string]pattern, s string) {
	for expr, sc := range scanners {
		got, _ := sc.matches(nil, s)
		want, err := engines[expr].matches(nil, s)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q splits %q at %v, the engine at %v", expr, s, got, want)
		}
	}
}

// TestScanner does what FuzzScanner does with random texts of characters that the patterns tell apart.
func TestScanner(t *testing.T) {
	engines := make(map[string]pattern)
	for expr := range scanners {
		p, err := compileEngine(expr)
		if err != nil {
			t.Fatal(err)
		}
		engines[expr] = p
	}
	parts := []string{"'", "s", "S", "ſ", "t", "re", "VE", "m", "ll", "d", "a", "é", "日", "1", "²", "٣", " ", " ", "\n", "\r", "\t",
		"\u00a0", "\u0085", "\u2028", ".", "!", "_", "\u0301", "😀", "\x00", "\u200d", "\U000f0000"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		var b strings.Builder
		for range 1 + r.IntN(12) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		compareScanners(t, engines, b.String())
	}
}

// TestMerges compares the two ways to merge on random merges and words.
func TestMerges(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		m := &bpe{vocabulary: vocabulary{ids: make(map[string]int32)}}
		letters := "abc"
		for i, c := range letters {
			m.ids[string(c)] = int32(i)
		}
		tokens := strings.Split(letters, "")
		merges := 1 + r.IntN(30)
		m.merges = newPairTable(merges)
		for rank := range merges {
			left, right := tokens[r.IntN(len(tokens))], tokens[r.IntN(len(tokens))]
			id, ok := m.ids[left+right]
			if !ok {
				id = int32(len(tokens))
				m.ids[left+right] = id
				tokens = append(tokens, left+right)
			}
			m.merges.put(m.ids[left], m.ids[right], merge{uint32(rank), id})
		}
		for range 50 {
			word := make([]int32, 1+r.IntN(64))
			for i := range word {
				word[i] = int32(r.IntN(len(letters)))
			}
			few, many := m.mergeFew(slices.Clone(word)), m.mergeMany(slices.Clone(word))
			if !slices.Equal(few, many) {
				t.Fatalf("merging %v gives %v and %v", word, few, many)
			}
		}
	}
}

// TestTrie compares the trie with a look at every key.
func TestTrie(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		var keys []trieKey
		for i := range r.IntN(40) {
			key := make([]byte, r.IntN(5))
			for j := range key {
				key[j] = "abc\xff"[r.IntN(4)]
			}
			keys = append(keys, trieKey{string(key), int32(i)})
		}
		trie := newTrie(keys)
		for range 50 {
			text := make([]byte, r.IntN(8))
			for j := range text {
				text[j] = "abc\xff"[r.IntN(4)]
			}
			size, value := 0, int32(-1)
			for _, k := range keys {
				if k.key != "" && strings.HasPrefix(string(text), k.key) && len(k.key) >= size {
					size, value = len(k.key), k.value
				}
			}
			if s, v := trie.longest(string(text)); s != size || v != value {
				t.Fatalf("%v: longest(%q) = %d, %d, want %d, %d", keys, text, s, v, size, value)
			}
		}
	}
}

// TestPatternTakesTooLong sees that a pattern which would take for ever ends with an error.
func TestPatternTakesTooLong(t *testing.T) {
	p, err := compileEngine(`(?:(?=a)(?:a|aa)+)+$(?!b)c`)
	if err != nil {
		t.Fatal(err)
	}
	p.(*backtracking).setTimeout(50 * time.Millisecond)
	if _, err := p.matches(nil, strings.Repeat("a", 60)+"b"); err == nil {
		t.Error("no error")
	}
}

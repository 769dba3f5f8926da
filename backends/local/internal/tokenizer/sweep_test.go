package tokenizer_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends/local/internal/tokenizer"
)

// TestEveryCharacter compares components on all of Unicode with what testdata/sweep.py had from the reference.
func TestEveryCharacter(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes ten seconds")
	}
	const block, digits = 0x400, 4
	data, err := os.ReadFile(filepath.Join("testdata", "sweep.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]string
	var files map[string]json.RawMessage
	if err := json.Unmarshal(data, &want); err != nil || len(want) < 10 {
		t.Fatalf("%d components, %v", len(want), err)
	}
	if err := json.Unmarshal(unzip(t, "components.json.gz"), &files); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for start := rune(0); start < 0x33000; start += block {
		texts = append(texts, sweepText(start, block))
	}
	for _, start := range []rune{0xe0000, 0xe0400, 0xf0000, 0x10fc00} {
		texts = append(texts, sweepText(start, block))
	}
	for name, hashes := range want {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tok, err := tokenizer.Parse(name, files[name])
			if err != nil || len(hashes) != len(texts)*digits {
				t.Fatalf("%d digits for %d texts, %v", len(hashes), len(texts), err)
			}
			for i, text := range texts {
				sum := sha256.Sum256([]byte(list(tok.Encode(text, true))))
				if hex.EncodeToString(sum[:])[:digits] != hashes[i*digits:(i+1)*digits] {
					t.Errorf("a character of the %d from U+%04X on differs", block, []rune(text)[1])
				}
			}
		})
	}
}

// sweepText has the characters of a block between letters, behind a mark and before one.
func sweepText(start, block rune) string {
	var b strings.Builder
	for c := start; c < start+block; c++ {
		if c < 0xd800 || c >= 0xe000 {
			s := string(c)
			b.WriteString("a" + s + "\u0301" + s + "b" + s + " ")
		}
	}
	return b.String()
}

package tokenizer_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends/local/internal/tokenizer"
)

// The golden files are those of testdata/golden.py, and their numbers those of Hugging Face's tokenizers 0.23.3.
type golden struct {
	Families   []goldenFile `json:"families"`
	Components []goldenFile `json:"components"`
}

type goldenFile struct {
	Name    string       `json:"name"`
	Count   int          `json:"count"`
	Encoded string       `json:"encoded"` // eight hexadecimal digits for each hundred strings
	Decoded string       `json:"decoded"`
	Cases   []goldenCase `json:"cases"`
}

type goldenCase struct {
	Text         string `json:"text"`
	IDs          []int  `json:"ids"`
	Bare         []int  `json:"bare"` // without special tokens
	Decoded      string `json:"decoded"`
	Whole        string `json:"whole"` // with special tokens
	Drawn        []int  `json:"drawn"`
	DrawnDecoded string `json:"drawn_decoded"`
}

func unzip(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func readGolden(t testing.TB) golden {
	t.Helper()
	var g golden
	if err := json.Unmarshal(unzip(t, "golden.json.gz"), &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Families) < 15 || len(g.Components) < 60 {
		t.Fatalf("golden files of %d families and %d components", len(g.Families), len(g.Components))
	}
	return g
}

// familyFile gives the tokenizer.json of a family, with its character map put back.
func familyFile(t testing.TB, name string) []byte {
	t.Helper()
	file := string(unzip(t, filepath.Join("families", name+".json.gz")))
	if strings.Contains(file, `"charsmap `) {
		for i, m := range strings.Split(string(unzip(t, "charsmap.gz")), "\n") {
			file = strings.ReplaceAll(file, fmt.Sprintf(`"charsmap %d"`, i), strconv.Quote(m))
		}
	}
	return []byte(file)
}

func family(t testing.TB, name string) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.Parse(name, familyFile(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestFamilies(t *testing.T) {
	hard := readHard(t)
	for _, g := range readGolden(t).Families {
		t.Run(g.Name, func(t *testing.T) {
			t.Parallel()
			if g.Count < 10_000 {
				t.Fatalf("%d strings", g.Count)
			}
			g.check(t, family(t, g.Name), hard)
		})
	}
}

func TestComponents(t *testing.T) {
	hard := readHard(t)
	var files map[string]json.RawMessage
	if err := json.Unmarshal(unzip(t, "components.json.gz"), &files); err != nil {
		t.Fatal(err)
	}
	for _, g := range readGolden(t).Components {
		t.Run(g.Name, func(t *testing.T) {
			t.Parallel()
			tok, err := tokenizer.Parse(g.Name, files[g.Name])
			if err != nil {
				t.Fatal(err)
			}
			g.check(t, tok, hard)
		})
	}
}

func (g goldenFile) check(t *testing.T, tok *tokenizer.Tokenizer, hard *hardStrings) {
	const block, digits = 100, 8
	if len(g.Cases) == 0 || len(g.Encoded) != g.Count/block*digits || len(g.Decoded) != len(g.Encoded) {
		t.Fatalf("%d cases, %d digits for %d strings", len(g.Cases), len(g.Encoded), g.Count)
	}
	for i, c := range g.Cases {
		if got := hard.text(i * g.Count / len(g.Cases)); got != c.Text {
			t.Fatalf("hard string %d is %q, and %q in hard.py", i, got, c.Text)
		}
		c.check(t, tok)
	}
	for b := range g.Count / block {
		if testing.Short() && b%10 != 0 {
			continue
		}
		encoded, decoded := sha256.New(), sha256.New()
		for i := b * block; i < (b+1)*block; i++ {
			ids := tok.Encode(hard.text(i), true)
			fmt.Fprintf(encoded, "%s;%s\n", list(ids), list(tok.Encode(hard.text(i), false)))
			fmt.Fprintf(decoded, "%s\x00%s\x00%s\n", tok.Decode(ids, true), tok.Decode(ids, false),
				tok.Decode(randomIDs(i, tok.Size()), true))
		}
		at := b * digits
		if got := hex.EncodeToString(encoded.Sum(nil))[:digits]; got != g.Encoded[at:at+digits] {
			t.Errorf("ids of strings %d to %d differ from the reference's (python golden.py %s NUMBER prints them)",
				b*block, (b+1)*block-1, g.Name)
		}
		if got := hex.EncodeToString(decoded.Sum(nil))[:digits]; got != g.Decoded[at:at+digits] {
			t.Errorf("decoded texts of strings %d to %d differ from the reference's", b*block, (b+1)*block-1)
		}
	}
}

func list(ids []int) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(id))
	}
	return b.String()
}

func (c goldenCase) check(t *testing.T, tok *tokenizer.Tokenizer) {
	if got := tok.Encode(c.Text, true); !slices.Equal(got, c.IDs) {
		t.Errorf("Encode(%q) = %v, want %v", c.Text, got, c.IDs)
	}
	if got := tok.Encode(c.Text, false); !slices.Equal(got, c.Bare) {
		t.Errorf("Encode(%q) without special tokens = %v, want %v", c.Text, got, c.Bare)
	}
	for _, d := range []struct {
		ids  []int
		skip bool
		want string
	}{{c.IDs, true, c.Decoded}, {c.IDs, false, c.Whole}, {c.Drawn, true, c.DrawnDecoded}} {
		if got := tok.Decode(d.ids, d.skip); got != d.want {
			t.Errorf("Decode(%v, %t) = %q, want %q", d.ids, d.skip, got, d.want)
		}
		s := tok.Stream(d.skip)
		for _, id := range d.ids {
			s.Push(id)
		}
		if got := s.Text(); got != d.want {
			t.Errorf("the stream of %v gives %q, want %q", d.ids, got, d.want)
		}
	}
}

package faultserver

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/tokens"
)

// Toy is a small deterministic language model: a byte-pair tokenizer with a token that begins texts, and a distribution over
// the next token that a hash of the last three draws. Its numbers mean nothing, and are those of one model whether a token
// is generated or scored.
type Toy struct {
	codec *tokens.Codec
	text  []string // of each token; "" for special ones
	file  []byte   // tokenizer.json
}

// The special tokens of the toy, by id.
const (
	ToyBOS = 0
	ToyEOS = 1
)

// ToyContext is the most tokens that the toy takes.
const ToyContext = 256

// toyMerges are pairs that the tokenizer joins, in order, as GPT-2's byte-level alphabet writes them: Ġ is a space.
const toyMerges = "Ġ t,Ġ a,h e,i n,r e,o n,Ġt he,e r,Ġ s,a t,Ġ c,o r,e n,Ġ o,Ġ f,a n,Ġ b,Ġ m,Ġ p,1 0,1 1,1 2,Ġ 1,Ġ 2,Ġ 3"

// NewToy makes the toy.
func NewToy() (*Toy, error) {
	vocab := map[string]int{"<s>": ToyBOS, "</s>": ToyEOS}
	t := &Toy{text: []string{"", ""}}
	add := func(shown, text string) {
		vocab[shown] = len(t.text)
		t.text = append(t.text, text)
	}
	for b, shown := range byteLetters() {
		add(shown, string([]byte{byte(b)}))
	}
	merges := strings.Split(toyMerges, ",")
	for _, m := range merges {
		joined := strings.ReplaceAll(m, " ", "")
		add(joined, strings.ReplaceAll(joined, "Ġ", " "))
	}
	var err error
	if t.file, err = toyFile(vocab, merges); err != nil {
		return nil, err
	}
	t.codec, err = tokens.Parse(t.file, "<s>")
	return t, err
}

// byteLetters gives the letter that stands for each byte in GPT-2's byte-level alphabet: printable characters for
// themselves, the others for those from U+0100 on.
func byteLetters() []string {
	out := make([]string, 256)
	next := rune(0x100)
	for b := range out {
		if b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae {
			out[b] = string(rune(b))
			continue
		}
		out[b] = string(next)
		next++
	}
	return out
}

func toyFile(vocab map[string]int, merges []string) ([]byte, error) {
	type object = map[string]any
	special := func(id int, content string) object {
		return object{"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}
	}
	return json.Marshal(object{
		"version": "1.0", "truncation": nil, "padding": nil, "normalizer": nil,
		"added_tokens":  []any{special(ToyBOS, "<s>"), special(ToyEOS, "</s>")},
		"pre_tokenizer": object{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
		"post_processor": object{
			"type":           "TemplateProcessing",
			"single":         []any{object{"SpecialToken": object{"id": "<s>", "type_id": 0}}, object{"Sequence": object{"id": "A", "type_id": 0}}},
			"pair":           []any{object{"Sequence": object{"id": "A", "type_id": 0}}, object{"Sequence": object{"id": "B", "type_id": 1}}},
			"special_tokens": object{"<s>": object{"id": "<s>", "ids": []int{ToyBOS}, "tokens": []string{"<s>"}}},
		},
		"decoder": object{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
		"model": object{
			"type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
			"fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "vocab": vocab, "merges": merges,
		},
	}, json.Deterministic(true), jsontext.WithIndent("  "))
}

// Files are the files of a checkpoint's folder that say how texts become tokens, by name.
func (t *Toy) Files() map[string][]byte {
	config := fmt.Sprintf(`{"bos_token_id":%d,"eos_token_id":%d,"max_position_embeddings":%d}`, ToyBOS, ToyEOS, ToyContext)
	return map[string][]byte{"tokenizer.json": t.file, "config.json": []byte(config)}
}

// Encode gives the ids of a text, the one that begins texts before them where special says so.
func (t *Toy) Encode(text string, special bool) []int {
	encode := t.codec.Plain
	if special {
		encode = t.codec.Encode
	}
	ids, err := encode(text)
	if err != nil {
		panic(err) // a defect in the toy's own tokenizer
	}
	return ids
}

// Text gives the text of a token; "" for a special one.
func (t *Toy) Text(id int) string {
	if id < 0 || id >= len(t.text) {
		return ""
	}
	return t.text[id]
}

// Size is the number of tokens.
func (t *Toy) Size() int { return len(t.text) }

// LogProbs gives the natural log-probability of each token after a text, which depends on its last three tokens.
func (t *Toy) LogProbs(ids []int) []float64 {
	var key [24]byte
	for i := range 3 {
		if at := len(ids) - 1 - i; at >= 0 {
			binary.LittleEndian.PutUint64(key[8*i:], uint64(ids[at])+1)
		}
	}
	h := fnv.New64a()
	_, _ = h.Write(key[:])
	x := h.Sum64()
	out := make([]float64, len(t.text))
	total := 0.0
	for id := range out {
		x = x*6364136223846793005 + 1442695040888963407
		logit := 7 * float64(x>>40) / (1 << 24)
		switch {
		case id == ToyBOS:
			logit -= 40
		case id == ToyEOS:
			logit -= 2
		case t.text[id][0] < ' ' || t.text[id][0] > '~':
			logit -= 12 // so that texts are printable
		}
		out[id] = logit
		total += math.Exp(logit)
	}
	norm := math.Log(total)
	for id := range out {
		out[id] -= norm
	}
	return out
}

// Best gives the n likeliest tokens, in order.
func Best(logProbs []float64, n int) []int {
	ids := make([]int, len(logProbs))
	for i := range ids {
		ids[i] = i
	}
	slices.SortStableFunc(ids, func(a, b int) int {
		switch {
		case logProbs[a] > logProbs[b]:
			return -1
		case logProbs[a] < logProbs[b]:
			return 1
		}
		return 0
	})
	return ids[:min(n, len(ids))]
}

// Draw takes a token: the likeliest at temperature 0, else by a number in [0,1).
func Draw(logProbs []float64, temperature, u float64) int {
	if temperature <= 0 {
		return Best(logProbs, 1)[0]
	}
	total := 0.0
	weights := make([]float64, len(logProbs))
	for i, lp := range logProbs {
		weights[i] = math.Exp(lp / temperature)
		total += weights[i]
	}
	u *= total
	for i, w := range weights {
		if u -= w; u < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// Generated is a text of the toy's, by tokens.
type Generated struct {
	Text    string
	IDs     []int // with the one that ends texts, where it did
	Stop    backends.StopReason
	Stopped string // the stop string that ended it
}

// Generate continues ids by at most max tokens, up to a stop string or the token that ends texts. Sampled tokens depend on
// seed and ids alone.
func (t *Toy) Generate(ids []int, maxTokens int, stops []string, temperature float64, seed uint64) Generated {
	g := Generated{Stop: backends.StopLength}
	all := slices.Clone(ids)
	stream := digest(fmt.Sprint(ids), seed)
	for n := 0; n < maxTokens && len(all) < ToyContext; n++ {
		id := Draw(t.LogProbs(all), temperature, chance(stream, n))
		g.IDs, all = append(g.IDs, id), append(all, id)
		if id == ToyEOS {
			g.Stop = backends.StopEOS
			return g
		}
		g.Text += t.Text(id)
		for _, s := range stops {
			if before, _, found := strings.Cut(g.Text, s); found && s != "" {
				g.Text, g.Stop, g.Stopped = before, backends.StopString, s
				return g
			}
		}
	}
	return g
}

// Score gives the log-probability of ids[k] after those before it.
func (t *Toy) Score(ids []int, k int) float64 { return t.LogProbs(ids[:k])[ids[k]] }

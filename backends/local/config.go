package local

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// spec is what a config.json says of a model, as the forward pass needs it.
type spec struct {
	vocab, width, layers    int
	heads, kvHeads, headDim int
	ff                      int     // width of the feed-forward layer
	context                 int     // most positions
	eps                     float32 // of the norms
	theta                   float64 // base of the rotary angles
	tied                    bool    // the head is the embedding
	bos                     int     // -1 where there is none
	eos                     []int
	architecture            string
}

// architectures lists those that the engine runs.
var architectures = []string{"LlamaForCausalLM"}

// ids are token ids that a config gives as one number, several, or null.
type ids []int

func (v *ids) UnmarshalJSON(data []byte) error {
	var one int
	if err := json.Unmarshal(data, &one); err == nil {
		if string(data) != "null" {
			*v = ids{one}
		}
		return nil
	}
	return json.Unmarshal(data, (*[]int)(v))
}

// configJSON is the part of a config.json that decides the numbers. A field that would and is not supported is
// refused; the rest says how the model was trained or served.
type configJSON struct {
	Architectures []string        `json:"architectures"`
	ModelType     string          `json:"model_type"`
	VocabSize     int             `json:"vocab_size"`
	HiddenSize    int             `json:"hidden_size"`
	Intermediate  int             `json:"intermediate_size"`
	Layers        int             `json:"num_hidden_layers"`
	Heads         int             `json:"num_attention_heads"`
	KVHeads       int             `json:"num_key_value_heads"`
	HeadDim       int             `json:"head_dim"`
	Act           string          `json:"hidden_act"`
	Context       int             `json:"max_position_embeddings"`
	Eps           *float64        `json:"rms_norm_eps"`
	Theta         *float64        `json:"rope_theta"`
	RopeScaling   json.RawMessage `json:"rope_scaling"`
	AttentionBias bool            `json:"attention_bias"`
	MLPBias       bool            `json:"mlp_bias"`
	Tied          bool            `json:"tie_word_embeddings"`
	BOS           ids             `json:"bos_token_id"`
	EOS           ids             `json:"eos_token_id"`
}

// The bounds of what a config may ask for, far above any model: a hostile file must not take all memory.
const (
	maxDim    = 1 << 20
	maxLayers = 1 << 12
)

func readSpec(fsys fs.FS) (spec, error) {
	data, err := fs.ReadFile(fsys, "config.json")
	if err != nil {
		return spec{}, err
	}
	var c configJSON
	if err := json.Unmarshal(data, &c); err != nil {
		return spec{}, fmt.Errorf("config.json: %w", err)
	}
	s, err := c.spec()
	if err != nil {
		return spec{}, fmt.Errorf("config.json: %w", err)
	}
	return s, s.readGeneration(fsys)
}

func (c *configJSON) spec() (spec, error) {
	arch := strings.Join(c.Architectures, ",")
	if !slices.Contains(architectures, arch) {
		return spec{}, &hintError{
			fmt.Errorf("architecture %q (model type %q) is not supported; supported: %s", arch, c.ModelType, strings.Join(architectures, ", ")),
			"serve the checkpoint with a model server and use that",
		}
	}
	s := spec{
		vocab: c.VocabSize, width: c.HiddenSize, layers: c.Layers, heads: c.Heads, kvHeads: c.KVHeads, headDim: c.HeadDim,
		ff: c.Intermediate, context: c.Context, eps: 1e-6, theta: 10000, tied: c.Tied, bos: -1, eos: c.EOS, architecture: arch,
	}
	if s.kvHeads == 0 {
		s.kvHeads = s.heads
	}
	if s.headDim == 0 && s.heads > 0 {
		s.headDim = s.width / s.heads
	}
	if c.Eps != nil {
		s.eps = float32(*c.Eps)
	}
	if c.Theta != nil {
		s.theta = *c.Theta
	}
	if len(c.BOS) > 0 {
		s.bos = c.BOS[0]
	}
	return s, c.check(s)
}

func (c *configJSON) check(s spec) error {
	for name, v := range map[string]int{
		"vocab_size": s.vocab, "hidden_size": s.width, "intermediate_size": s.ff, "num_attention_heads": s.heads,
		"num_key_value_heads": s.kvHeads, "head_dim": s.headDim, "max_position_embeddings": s.context,
	} {
		if v < 1 || v > 1<<24 || v > maxDim && name != "vocab_size" && name != "max_position_embeddings" {
			return fmt.Errorf("%s is %d", name, v)
		}
	}
	switch {
	case s.layers < 1 || s.layers > maxLayers:
		return fmt.Errorf("num_hidden_layers is %d", s.layers)
	case s.heads%s.kvHeads != 0:
		return fmt.Errorf("%d attention heads do not share %d key heads evenly", s.heads, s.kvHeads)
	case s.headDim%2 != 0:
		return fmt.Errorf("head_dim %d is odd, and rotary positions pair its elements", s.headDim)
	case c.Act != "silu":
		return fmt.Errorf("hidden_act %q is not supported; supported: silu", c.Act)
	case len(c.RopeScaling) > 0 && string(c.RopeScaling) != "null":
		return fmt.Errorf("rope_scaling %s is not supported", c.RopeScaling)
	case c.AttentionBias || c.MLPBias:
		return fmt.Errorf("attention_bias and mlp_bias are not supported")
	case !(s.theta > 0):
		return fmt.Errorf("rope_theta is %g", s.theta)
	case s.bos >= s.vocab || slices.ContainsFunc(s.eos, func(id int) bool { return id < 0 || id >= s.vocab }):
		return fmt.Errorf("bos_token_id or eos_token_id is outside of the vocabulary of %d", s.vocab)
	}
	return nil
}

// readGeneration takes the end-of-text tokens of generation_config.json, where there is one.
func (s *spec) readGeneration(fsys fs.FS) error {
	data, err := fs.ReadFile(fsys, "generation_config.json")
	if err != nil {
		return nil //nolint:nilerr // the file is optional
	}
	var g struct {
		EOS ids `json:"eos_token_id"`
	}
	if err := json.Unmarshal(data, &g); err != nil {
		return fmt.Errorf("generation_config.json: %w", err)
	}
	for _, id := range g.EOS {
		if id >= 0 && id < s.vocab && !slices.Contains(s.eos, id) {
			s.eos = append(s.eos, id)
		}
	}
	return nil
}

// hintError is an error that says what to do about it.
type hintError struct {
	error
	hint string
}

func (e *hintError) Unwrap() error { return e.error }

// Hint says what to do.
func (e *hintError) Hint() string { return e.hint }

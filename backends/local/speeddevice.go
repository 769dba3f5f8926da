package local

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/gpu"
)

// DeviceSpeed is how fast a model runs on a device, beside what the device was measured to do at most.
type DeviceSpeed struct {
	// Device and Products name what decides the numbers: the card, and what multiplies matrices. Compute is the type.
	Device   string `json:"device"`
	Products string `json:"products"`
	Compute  string `json:"compute"`
	// Prompts were in hand together, Prompt tokens each and none with another's beginning; PrefillTokens is how many a second
	// were computed, and PrefillFLOPs the operations: two for each weight outside of embeddings and head, and attention's.
	Prompts       int     `json:"prompts"`
	Prompt        int     `json:"prompt_tokens"`
	PrefillTokens float64 `json:"prefill_tokens_s"`
	PrefillFLOPs  float64 `json:"prefill_flops"`
	// Peak is what the device does at most, nil where that was not measured, and PrefillShare PrefillFLOPs of its product.
	Peak         *gpu.Peak         `json:"peak,omitempty"`
	PrefillShare float64           `json:"prefill_share,omitempty"`
	Decode       []DecodedTogether `json:"decode"`
}

// DecodedTogether is how fast some texts are generated together.
type DecodedTogether struct {
	Texts  int     `json:"texts"`
	Tokens float64 `json:"tokens_s"` // of all texts
	// Bytes is the bytes a second of weights, keys and values that are read, and Share that of the device's copies.
	Bytes float64 `json:"bytes_s"`
	Share float64 `json:"share,omitempty"`
}

// The numbers of texts in hand, where the options say nothing.
const devicePrompts = 256

var deviceTexts = []int{1, 16, 128}

// deviceModel is what must be known of a checkpoint to say what share of a device's peak its speed is.
type deviceModel struct {
	backend backends.Backend
	encode  func(string) []int
	context int
	next    int // the number of the next text: no two are the same, so that none is in the device's memory

	nonEmbedding, attention float64 // weights, and the numbers that attention multiplies for each key
	read, kv                float64 // bytes of layers and head, and of a token's keys and values
}

// MeasureDevice measures the speed of the checkpoint in a folder on the device that answers for it, by requests, as a run
// sends them. peak is what the device does at most, nil where that is not known.
func MeasureDevice(ctx context.Context, dir string, b backends.Backend, so SpeedOptions, peak *gpu.Peak) (DeviceSpeed, error) {
	info := b.Info()
	s := DeviceSpeed{Device: info.Details["device"], Products: info.Details["products"], Compute: info.Details["compute"], Peak: peak}
	m, err := readDeviceModel(dir, b, s.Compute)
	if err != nil {
		return s, err
	}
	if s.Prompts = so.Prompts; s.Prompts <= 0 {
		s.Prompts = devicePrompts
	}
	texts := deviceTexts
	if so.Texts > 0 {
		texts = []int{1, so.Texts}
	}
	so = so.orDefault(m.context)
	s.Prompt = so.Prompt
	for _, n := range texts {
		s.Decode = append(s.Decode, DecodedTogether{Texts: n})
	}
	for range so.Repeat { // in turns, so that what disturbs the machine disturbs all
		rate, err := m.prefill(ctx, s.Prompts, so)
		if err != nil {
			return s, err
		}
		s.PrefillTokens = max(s.PrefillTokens, rate)
		for i := range s.Decode {
			d := &s.Decode[i]
			if rate, err = m.decode(ctx, d.Texts, so); err != nil {
				return s, err
			}
			d.Tokens = max(d.Tokens, rate)
		}
	}
	s.state(m, so)
	return s, nil
}

// state sets what follows from the speeds.
func (s *DeviceSpeed) state(m *deviceModel, so SpeedOptions) {
	s.PrefillFLOPs = s.PrefillTokens * (2*m.nonEmbedding + 4*m.attention*float64(so.Prompt)/2)
	if s.Peak != nil {
		s.PrefillShare = share(s.PrefillFLOPs, s.Peak.Product)
	}
	for i := range s.Decode {
		d := &s.Decode[i]
		d.Bytes = d.Tokens * (m.read/float64(d.Texts) + m.kv*float64(so.Prompt/8+so.Decode/2))
		if s.Peak != nil {
			d.Share = share(d.Bytes, s.Peak.Copy)
		}
	}
}

// readDeviceModel counts a checkpoint that runs in a type.
func readDeviceModel(dir string, b backends.Backend, compute string) (m *deviceModel, err error) {
	files := os.DirFS(dir)
	p, err := prepare(files, Options{Compute: compute})
	if err != nil {
		return nil, fmt.Errorf("read checkpoint %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, p.release()) }()
	c, err := p.count()
	if err != nil {
		return nil, fmt.Errorf("read checkpoint %s: %w", dir, err)
	}
	if !c.model.causal {
		return nil, fmt.Errorf("measure speed: %s generates no text", dir)
	}
	tok, err := readTokenizer(files, c.model.spec)
	if err != nil {
		return nil, fmt.Errorf("read checkpoint %s: %w", dir, err)
	}
	_, nonEmbedding := p.params()
	size, head := float64(c.t.Size()), &c.model.head
	return &deviceModel{
		backend: b, encode: func(text string) []int { return tok.Encode(text, true) }, context: c.model.context,
		nonEmbedding: float64(nonEmbedding), attention: float64(c.model.layers * c.model.heads * c.model.headDim),
		read: size * (float64(nonEmbedding) + float64(head.N)*float64(head.K)), kv: size * 2 * float64(c.model.layers*c.model.kv()),
	}, nil
}

// requests are to generate texts behind prompts that nobody asked for before.
func (m *deviceModel) requests(n, prompt, most int) []backends.Request {
	reqs := make([]backends.Request, n)
	for i := range reqs {
		m.next++
		reqs[i] = backends.Request{
			Kind: backends.Generate, Prompt: fmt.Sprint(m.next, textOf(m.encode, prompt, m.next)), Sampling: backends.Sampling{MaxTokens: most},
		}
	}
	return reqs
}

// prefill gives the tokens a second at which prompts are processed, all in hand at once, of which the last token alone meets
// the head.
func (m *deviceModel) prefill(ctx context.Context, prompts int, so SpeedOptions) (float64, error) {
	reqs := m.requests(prompts, so.Prompt, 1)
	tokens, took, err := askAll(ctx, m.backend, reqs, func(u backends.Usage) int { return u.PromptTokens })
	return float64(tokens) / max(took.Seconds(), 1e-9), err
}

// decode gives the tokens a second at which texts are generated together, behind their prompts: the time for one token of
// other texts is taken off.
func (m *deviceModel) decode(ctx context.Context, texts int, so SpeedOptions) (float64, error) {
	return decodeRate(so.Decode, func(most int) (int, float64, error) {
		reqs := m.requests(texts, max(1, so.Prompt/8), most)
		tokens, took, err := askAll(ctx, m.backend, reqs, func(u backends.Usage) int { return u.CompletionTokens })
		return tokens, took.Seconds(), err
	})
}

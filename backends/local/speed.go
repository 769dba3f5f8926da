package local

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	workers "github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/internal/peak"
)

// SpeedOptions say what Measure does. The zero value is right.
type SpeedOptions struct {
	// Prompt is the length in tokens of each text whose processing is timed; 0 is 512, or half the context.
	Prompt int
	// Decode is the number of tokens that are generated; 0 is 64.
	Decode int
	// CPU takes processor time for the clock, where it is known: on a busy machine a thread's speed is known by it and not by
	// the time of day. It says nothing of several threads that wait for one another.
	CPU bool
	// Repeat is the number of times that each is timed, of which the best counts; 0 is 3.
	Repeat int
	// Texts is how many texts are generated together in the measurement of that; 0 is 16, and on a device 16 and 128.
	Texts int
	// Prompts is how many prompts a device is given at once; 0 is 256.
	Prompts int
	// NoPeak leaves out measuring the machine.
	NoPeak bool
}

// Speed is how fast a model runs on a number of threads, beside what the machine can do at most.
type Speed struct {
	Threads int    `json:"threads"`
	Kernels string `json:"kernels"`
	// PrefillTokens is the tokens of a prompt a second.
	PrefillTokens float64 `json:"prefill_tokens_s"`
	// PrefillFLOPs is operations a second in that: two for each weight outside of embeddings and head, and attention's.
	PrefillFLOPs float64 `json:"prefill_flops"`
	// PeakFLOPs is the float32 multiply-adds a second that the machine was measured to do with these threads, two
	// operations each; 0 is not measured. PrefillShare is PrefillFLOPs of it.
	PeakFLOPs    float64 `json:"peak_flops,omitempty"`
	PrefillShare float64 `json:"prefill_share,omitempty"`
	// DecodeTokens is the tokens a second of one text that is generated, DecodeManyTokens of Texts together.
	DecodeTokens     float64 `json:"decode_tokens_s"`
	DecodeManyTokens float64 `json:"decode_many_tokens_s"`
	Texts            int     `json:"texts"`
	// DecodeBytes is the bytes of weights, keys and values a second that one text's generation reads.
	DecodeBytes float64 `json:"decode_bytes_s"`
	// PeakBytes is the most bytes a second that these threads were measured to read from memory. DecodeShare is the median
	// of what each generation read a second against what was measured just before and after it. Weights that fit into a
	// processor's cache may give more than 1.
	PeakBytes   float64 `json:"peak_bytes_s,omitempty"`
	DecodeShare float64 `json:"decode_share,omitempty"`
}

// Measure opens a checkpoint and measures its speed on a number of threads, 0 being one a processor.
func Measure(ctx context.Context, dir string, o Options, so SpeedOptions) (s Speed, err error) {
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	o.NoPrefixCache = true // each prompt is to be computed anew
	b, err := Open(ctx, dir, o)
	if err != nil {
		return Speed{}, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	return b.measure(ctx, o.Threads, so.orDefault(b.model.context))
}

func (so SpeedOptions) orDefault(context int) SpeedOptions {
	if so.Prompt <= 0 {
		so.Prompt = 512
	}
	so.Prompt = max(2, min(so.Prompt, context/2))
	if so.Decode <= 0 {
		so.Decode = 64
	}
	so.Decode = max(1, min(so.Decode, context-so.Prompt-1))
	if so.Repeat <= 0 {
		so.Repeat = 3
	}
	if so.Texts <= 0 {
		so.Texts = 16
	}
	return so
}

func (b *Backend) measure(ctx context.Context, threads int, so SpeedOptions) (Speed, error) {
	s := Speed{Threads: threads, Kernels: b.kernels.Name(), Texts: so.Texts}
	var clock peak.Clock
	if so.CPU && cpuTime() > 0 {
		clock = cpuTime
	}
	var shares []float64
	for range so.Repeat { // in turns, so that what disturbs the machine disturbs both
		if !so.NoPeak {
			s.PeakFLOPs = max(s.PeakFLOPs, peak.FMA(b.kernels.Name(), threads, clock))
		}
		rate, err := b.prefill(ctx, threads, so)
		if err != nil {
			return s, err
		}
		s.PrefillTokens = max(s.PrefillTokens, rate)
		rate, read, err := b.decodeBeside(ctx, threads, so, clock)
		if err != nil {
			return s, err
		}
		s.DecodeTokens, s.PeakBytes = max(s.DecodeTokens, rate), max(s.PeakBytes, read)
		shares = append(shares, share(rate*b.decodeBytes(so), read))
		if rate, err = b.decode(ctx, so.Texts, so); err != nil {
			return s, err
		}
		s.DecodeManyTokens = max(s.DecodeManyTokens, rate)
	}
	w := b.weights
	attention := 4 * float64(b.model.layers) * float64(b.model.heads*b.model.headDim) * float64(so.Prompt) / 2
	s.PrefillFLOPs = s.PrefillTokens * (2*float64(w.nonEmbedding) + attention)
	s.DecodeBytes = s.DecodeTokens * b.decodeBytes(so)
	if !so.NoPeak {
		slices.Sort(shares)
		s.PrefillShare, s.DecodeShare = share(s.PrefillFLOPs, s.PeakFLOPs), shares[len(shares)/2]
	}
	return s, nil
}

// decodeBytes is what is read for a token of one text: the weights, and the keys and values behind it on average.
func (b *Backend) decodeBytes(so SpeedOptions) float64 {
	need := &b.weights.need
	return float64(need.Read + need.KVToken*int64(so.Prompt/8+so.Decode/2))
}

// decodeBeside generates one text and gives the bytes a second that are read from memory, the mean of before and after; 0 if
// they are not to be measured.
func (b *Backend) decodeBeside(ctx context.Context, threads int, so SpeedOptions, clock peak.Clock) (rate, read float64, err error) {
	if !so.NoPeak {
		read = peak.Read(threads, clock)
	}
	if rate, err = b.decode(ctx, 1, so); err == nil && !so.NoPeak {
		read = (read + peak.Read(threads, clock)) / 2
	}
	return rate, read, err
}

func share(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return part / whole
}

// prefill gives the tokens a second at which prompts are processed, one for each thread at once, of which the last token
// alone meets the head.
func (b *Backend) prefill(ctx context.Context, threads int, so SpeedOptions) (float64, error) {
	reqs := make([]backends.Request, threads)
	for i := range reqs {
		reqs[i] = backends.Request{Kind: backends.Generate, Prompt: b.text(so.Prompt, i), Sampling: backends.Sampling{MaxTokens: 1}}
	}
	tokens, seconds, err := b.ask(ctx, so, reqs, func(u backends.Usage) int { return u.PromptTokens })
	if err != nil {
		return 0, err
	}
	return float64(tokens) / seconds, nil
}

// decode gives the tokens a second at which texts are generated together, behind their prompts: the time for one token is
// taken off. Real models may end a text before that; what counts are the tokens that there are.
func (b *Backend) decode(ctx context.Context, texts int, so SpeedOptions) (float64, error) {
	run := func(most int) (tokens int, seconds float64, err error) {
		reqs := make([]backends.Request, texts)
		for i := range reqs {
			reqs[i] = backends.Request{Kind: backends.Generate, Prompt: b.text(max(1, so.Prompt/8), i), Sampling: backends.Sampling{MaxTokens: most}}
		}
		return b.ask(ctx, so, reqs, func(u backends.Usage) int { return u.CompletionTokens })
	}
	return decodeRate(so.Decode, run)
}

// decodeRate gives the tokens a second at which run generates n tokens behind the first, whose time is taken off.
func decodeRate(n int, run func(most int) (tokens int, seconds float64, err error)) (float64, error) {
	one, first, err := run(1)
	if err != nil {
		return 0, err
	}
	many, whole, err := run(1 + n)
	switch {
	case err != nil:
		return 0, err
	case many <= one:
		return 0, fmt.Errorf("measure speed: the model ends its texts after %d tokens", many)
	}
	return float64(many-one) / max(1e-9, whole-first), nil
}

// ask sends requests together and counts tokens and seconds.
func (b *Backend) ask(ctx context.Context, so SpeedOptions, reqs []backends.Request, count func(backends.Usage) int) (int, float64, error) {
	cpu := cpuTime()
	total, took, err := askAll(ctx, b, reqs, count)
	if spent := cpuTime() - cpu; so.CPU && spent > 0 {
		took = spent
	}
	return total, took.Seconds(), err
}

// askAll sends requests together and counts tokens and time.
func askAll(ctx context.Context, b backends.Backend, reqs []backends.Request, count func(backends.Usage) int) (int, time.Duration, error) {
	counts := make([]int, len(reqs))
	start := time.Now()
	p := workers.New().WithErrors().WithFirstError()
	for i, req := range reqs {
		p.Go(func() error {
			resp, err := b.Do(ctx, req)
			counts[i] = count(resp.Usage)
			return err
		})
	}
	err := p.Wait()
	took := time.Since(start)
	total := 0
	for _, n := range counts {
		total += n
	}
	return total, took, err
}

// text makes a text of about so many tokens, another for each number.
func (b *Backend) text(tokens, number int) string { return textOf(b.encode, tokens, number) }

func textOf(encode func(string) []int, tokens, number int) string {
	const words = "the of and to in is it you that he was for on are with as his they be at one have this from or had by"
	list := strings.Fields(words)
	var text strings.Builder
	state := uint64(number)*0x9e3779b97f4a7c15 + 1
	for n := 0; n < tokens; n = len(encode(text.String())) {
		for range max(1, (tokens-n)/2) {
			state = state*6364136223846793005 + 1442695040888963407
			text.WriteString(" " + list[state>>33%uint64(len(list))])
		}
	}
	return text.String()
}

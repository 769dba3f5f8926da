package local

import (
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
	"github.com/onset-eval/onset/backends/local/internal/safetensors"
)

// golden is what transformers computes for a checkpoint whose weights are a formula (testdata/parity).
type golden struct {
	Configs   map[string]json.RawMessage // config.json by the version of transformers that wrote it
	Tensors   map[string][]int           // shapes
	Centred   bool
	Prompts   []goldenPrompt
	Generated []int
	Margins   []float64
}

type goldenPrompt struct {
	IDs            []int `json:"ids"`
	At             []int // positions of the rows of Hidden and Logits
	Hidden, Logits numbersBase64
}

// numbersBase64 are float32, little-endian, in base64.
type numbersBase64 []float32

func (n *numbersBase64) UnmarshalJSON(data []byte) error {
	var raw []byte
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	*n = float32s(raw)
	return nil
}

// float32s reads float32, little-endian.
func float32s(raw []byte) (out []float32) {
	for ; len(raw) >= 4; raw = raw[4:] {
		out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
	}
	return out
}

func readGoldens(t testing.TB) map[string]golden {
	paths, err := filepath.Glob(filepath.Join("..", "..", "testdata", "parity", "goldens", "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	out := make(map[string]golden)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var g golden
		if err := json.Unmarshal(data, &g); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if len(g.Configs) == 0 || len(g.Prompts) == 0 {
			t.Fatalf("%s has %d configs and %d prompts", path, len(g.Configs), len(g.Prompts))
		}
		out[strings.TrimSuffix(filepath.Base(path), ".json")] = g
	}
	return out
}

// formula gives the elements of a tensor, as testdata/parity/weights.py does.
func formula(name string, shape []int, centred bool) []float32 {
	n, least := 1, math.MaxInt
	for _, d := range shape {
		n *= d
		least = min(least, d)
	}
	isNorm := false
	for _, part := range []string{"norm", "ln_", "_ln."} {
		isNorm = isNorm || strings.Contains(strings.ToLower(name), part)
	}
	isBias := strings.HasSuffix(name, "bias") || strings.HasSuffix(name, "beta")
	isTable := false
	for _, part := range []string{"embed", "wte", "wpe", "lm_head"} {
		isTable = isTable || strings.Contains(name, part)
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	out := make([]float32, n)
	for i := range out {
		z := splitmix(h.Sum64() + uint64(i+1)*0x9E3779B97F4A7C15)
		odd := float64(2*int(z>>57) - 127)
		switch {
		case len(shape) == 1 && isNorm && !isBias:
			out[i] = float32(2*int(z>>59)-31) / 128
			if !centred {
				out[i]++
			}
		case len(shape) == 1:
			out[i] = float32(odd / 512)
		case isTable:
			out[i] = float32(odd / 128)
		default:
			out[i] = float32(math.Ldexp(odd, -6-int(math.Ceil(math.Log2(float64(least))/2))))
		}
	}
	return out
}

func splitmix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// encoded gives numbers as a tensor's bytes. All three types hold the formula's numbers exactly.
func encoded(v []float32, t safetensors.DType) []byte {
	var out []byte
	for _, x := range v {
		u := math.Float32bits(x)
		switch t {
		case safetensors.F32:
			out = binary.LittleEndian.AppendUint32(out, u)
		case safetensors.BF16:
			out = binary.LittleEndian.AppendUint16(out, uint16(u>>16))
		case safetensors.F16:
			h := uint16(u>>16&0x8000) | uint16((int(u>>23&0xff)-112)<<10) | uint16(u>>13&0x3ff)
			if x == 0 {
				h = 0
			}
			out = binary.LittleEndian.AppendUint16(out, h)
		}
	}
	return out
}

// file makes a safetensors file of the golden's tensors, in types that change from one to the next; rename gives the name
// under which each stands in the file.
func (g *golden) file(rename func(string) string) []byte {
	header := make(map[string]any)
	var body []byte
	for i, name := range slices.Sorted(maps.Keys(g.Tensors)) {
		kind := []safetensors.DType{safetensors.F32, safetensors.BF16, safetensors.F16}[i%3]
		data := encoded(formula(name, g.Tensors[name], g.Centred), kind)
		header[rename(name)] = map[string]any{"dtype": kind, "shape": g.Tensors[name], "data_offsets": []int{len(body), len(body) + len(data)}}
		body = append(body, data...)
	}
	text, err := json.Marshal(header)
	if err != nil {
		panic(err)
	}
	return slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text, body)
}

// load loads the golden's checkpoint by a config.json.
func (g *golden) load(config []byte, rename func(string) string) (*model, error) {
	plan, err := parseSpec(config)
	if err != nil {
		return nil, err
	}
	c, err := readCheckpoint(fstest.MapFS{"model.safetensors": {Data: g.file(rename)}})
	if err != nil {
		return nil, err
	}
	return loadModel(plan, c)
}

func asStored(name string) string { return name }

// compute gives the hidden states before the head and the logits at some positions, fed in chunks.
func compute(m *model, k kernels.Set, ids, at []int, chunk int) (hidden, logits []float32) {
	b, seq := newScratch(m.spec, 1), newTestSequence(m, len(ids))
	seq.length = len(ids)
	if !m.causal {
		chunk = len(ids)
	}
	for from := 0; from < len(ids); from += chunk {
		var rows []row
		var keep []int
		for pos := from; pos < min(from+chunk, len(ids)); pos++ {
			if slices.Contains(at, pos) {
				keep = append(keep, pos-from)
			}
			rows = append(rows, row{ids[pos], pos, seq})
		}
		m.forward(k, b, rows, keep)
		if len(keep) > 0 {
			hidden = append(hidden, m.finalHidden(k, b, 0, len(keep))...)
			logits = append(logits, m.logits(k, b, 0, len(keep))...)
		}
	}
	return hidden, logits
}

// newTestSequence makes a sequence with room for n positions.
func newTestSequence(m *model, n int) *sequence {
	seq := newSequence(m.layers)
	for l := range seq.pages {
		for range pagesFor(n) {
			seq.pages[l] = append(seq.pages[l], kernels.NewPage(m.kvHeads, m.headDim))
		}
	}
	return seq
}

// farthest is the largest difference, NaN if there is one, infinite if the lengths differ.
func farthest(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	worst := 0.0
	for i := range a {
		d := math.Abs(float64(a[i]) - float64(b[i]))
		if !(d <= worst) {
			worst = d
		}
	}
	return worst
}

// The largest differences to transformers in float32 that are taken for rounding.
const (
	hiddenBound = 2e-5
	logitsBound = 1e-4
)

// TestParity compares all architectures and options with transformers, for each spelling of config.json and each kernel
// set, and the sets' bits with each other's.
func TestParity(t *testing.T) {
	for name, g := range readGoldens(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for version, config := range g.Configs {
				m, err := g.load(config, asStored)
				if err != nil {
					t.Fatalf("%s: %v", version, err)
				}
				for i, p := range g.Prompts {
					var first []float32
					for _, k := range kernels.All() {
						hidden, logits := compute(m, k, p.IDs, p.At, 13)
						h, l := farthest(hidden, p.Hidden), farthest(logits, p.Logits)
						t.Logf("%s, prompt %d, %s: hidden within %.2g, logits within %.2g", version, i, k.Name(), h, l)
						if !(h <= hiddenBound) || !(l <= logitsBound) {
							t.Errorf("%s, prompt %d, %s: hidden states differ by %.3g, logits by %.3g", version, i, k.Name(), h, l)
						}
						if first == nil {
							first = logits
						}
						if !slices.Equal(first, logits) {
							t.Errorf("%s, prompt %d: %s has other bits", version, i, k.Name())
						}
					}
				}
			}
		})
	}
}

// TestGreedyParity generates 64 tokens, one step a token, and compares them with transformers' as far as its choice is
// no tie.
func TestGreedyParity(t *testing.T) {
	cases := 0
	for name, g := range readGoldens(t) {
		if len(g.Generated) == 0 || positionsDependOnLength(name) {
			continue
		}
		cases++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, config := range g.Configs {
				m, err := g.load(config, asStored)
				if err != nil {
					t.Fatal(err)
				}
				got := greedy(m, kernels.Best(), g.Prompts[0].IDs, len(g.Generated))
				for i, want := range g.Generated {
					if g.Margins[i] < 1e-3 {
						t.Logf("a tie at token %d", i)
						break
					}
					if got[i] != want {
						t.Fatalf("token %d is %d, want %d (the margin is %g)", i, got[i], want, g.Margins[i])
					}
				}
				return // one spelling will do
			}
		})
	}
	if cases < 50 {
		t.Errorf("%d cases", cases)
	}
}

// greedy continues ids by n tokens, the best one each.
func greedy(m *model, k kernels.Set, ids []int, n int) []int {
	b, seq := newScratch(m.spec, 1), newTestSequence(m, len(ids)+n)
	var out []int
	feed, fed := ids, 0
	for range n {
		rows := make([]row, len(feed))
		for i, id := range feed {
			rows[i] = row{id, fed + i, seq}
		}
		fed += len(feed)
		m.forward(k, b, rows, []int{len(rows) - 1})
		out = append(out, k.ArgMax(m.logits(k, b, 0, 1)))
		feed = out[len(out)-1:]
	}
	return out
}

// TestChunksDoNotShow holds that a text's logits have the same bits however it is cut.
func TestChunksDoNotShow(t *testing.T) {
	for name, g := range readGoldens(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, config := range g.Configs {
				m, err := g.load(config, asStored)
				if err != nil {
					t.Fatal(err)
				}
				p := g.Prompts[1]
				_, want := compute(m, kernels.Best(), p.IDs, p.At, len(p.IDs))
				for _, chunk := range []int{1, 16, 64} {
					if _, got := compute(m, kernels.Best(), p.IDs, p.At, chunk); !slices.Equal(got, want) {
						t.Errorf("in chunks of %d the bits differ", chunk)
					}
				}
				return
			}
		})
	}
}

// TestNamesOfOtherFiles loads checkpoints whose tensors have the names of older files, or of a bare model.
func TestNamesOfOtherFiles(t *testing.T) {
	goldens := readGoldens(t)
	cut := func(prefix string) func(string) string {
		return func(name string) string { return strings.TrimPrefix(name, prefix) }
	}
	swap := func(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }
	for _, c := range []struct {
		golden string
		rename func(string) string
	}{
		{"gpt2", cut("transformer.")},
		{"bloom", cut("transformer.")},
		{"opt", cut("model.")},
		{"neox", cut("gpt_neox.")},
		{"bert", swap("LayerNorm.weight", "LayerNorm.gamma", "LayerNorm.bias", "LayerNorm.beta")},
		{"bert", swap("cls.predictions.bias", "cls.predictions.decoder.bias")},
		{"gemma3-image-text", swap("model.language_model.", "language_model.model.")},
	} {
		g := goldens[c.golden]
		for _, config := range g.Configs {
			m, err := g.load(config, c.rename)
			if err != nil {
				t.Errorf("%s: %v", c.golden, err)
				continue
			}
			p := g.Prompts[0]
			if _, logits := compute(m, kernels.Best(), p.IDs, p.At, 99); !(farthest(logits, p.Logits) <= logitsBound) {
				t.Errorf("%s: logits differ", c.golden)
			}
		}
	}
}

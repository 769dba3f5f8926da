package local

import (
	"fmt"
	"math"
)

// rope is one set of rotary angles: position p turns pair j of a head by p·freq[j] (Su et al. 2021, arXiv 2104.09864,
// section 3.2.2). The arithmetic is float32 step by step as in transformers, whose angles models were trained with: at
// position 1000 it is off the exact angle by as much as 3e-5.
type rope struct {
	dim  int // elements of a head that turn, from the first on
	freq []float32
	// scale multiplies cosine and sine; with it attention scores grow by its square (YaRN and LongRoPE).
	scale float32
	// beyond is the number of tokens past which a text has other frequencies, for all of its positions; 0 for never.
	beyond  int
	long    []float32 // the other frequencies (LongRoPE), nil where they depend on the length
	theta   float64   // and how they do (dynamic NTK scaling)
	stretch float64
}

// frequencies gives the radians that a position adds to each pair in a text of n tokens.
func (r *rope) frequencies(n int) []float32 {
	switch {
	case r.beyond == 0 || n <= r.beyond:
		return r.freq
	case r.long != nil:
		return r.long
	}
	// "NTK-aware" scaling by the length, as transformers has it from /u/emozilla.
	grown := r.stretch*float64(n)/float64(r.beyond) - (r.stretch - 1)
	return plainFrequencies(r.theta*math.Pow(grown, float64(r.dim)/float64(r.dim-2)), r.dim)
}

// angles sets a row of cosines and a row of sines for a position.
func (r *rope) angles(cos, sin, freq []float32, pos int) {
	for j, f := range freq {
		s, c := math.Sincos(float64(float32(pos) * f))
		cos[j], sin[j] = float32(c)*r.scale, float32(s)*r.scale
	}
}

func (r *rope) check(headDim int) error {
	if r.dim < 2 || r.dim%2 != 0 || r.dim > headDim {
		return fmt.Errorf("%d elements of a head of %d turn by rotary positions, which pair them", r.dim, headDim)
	}
	for _, f := range append(append([]float32{r.scale}, r.freq...), r.long...) {
		if !(f >= 0) || math.IsInf(float64(f), 0) {
			return fmt.Errorf("rotary positions have the frequency or scale %g", f)
		}
	}
	return nil
}

// powers gives theta^(2j/dim).
func powers(theta float64, dim int) []float32 {
	out := make([]float32, dim/2)
	for j := range out {
		out[j] = float32(math.Pow(float64(float32(theta)), float64(float32(2*j)/float32(dim))))
	}
	return out
}

func plainFrequencies(theta float64, dim int) []float32 {
	out := powers(theta, dim)
	for j := range out {
		out[j] = 1 / out[j]
	}
	return out
}

// ropeDefaults are what an architecture takes for what its config does not say.
type ropeDefaults struct {
	theta   float64
	partial float64 // share of a head that turns; 0 is 1
	dim     int     // number of elements that turn, in place of a share
}

// rope reads rotary positions: rope_parameters in the spelling of transformers 5, for all layers or under the name of a
// type of layers; before it rope_theta, rope_scaling and partial_rotary_factor beside each other.
func (c *config) rope(b *blueprint, layerType string, d ropeDefaults) rope {
	p := c.object("rope_parameters", "rope_scaling")
	if p == nil {
		p = &config{path: c.path}
	}
	if layerType != "" && p.has(layerType) {
		p = p.object(layerType)
	}
	if d.partial == 0 {
		d.partial = 1
	}
	theta := p.float(c.float(d.theta, "rope_theta", "rotary_emb_base"), "rope_theta")
	partial := p.float(c.float(d.partial, "partial_rotary_factor", "rotary_pct"), "partial_rotary_factor")
	r := rope{dim: d.dim, scale: 1, theta: theta}
	if r.dim == 0 {
		r.dim = int(float64(b.headDim) * partial)
	}
	if !(theta > 0) || theta > 1e30 {
		c.fail("rope_theta is %g", theta)
	}
	if r.dim < 2 || r.dim > maxDim {
		c.fail("%d elements of a head of %d turn by rotary positions", r.dim, b.headDim)
	}
	if c.err == nil {
		r.scaling(c, p, b)
	}
	if c.err == nil {
		c.err = p.err
	}
	return r
}

// scaling sets the frequencies by the kind of scaling that p names.
func (r *rope) scaling(c, p *config, b *blueprint) {
	kind := p.str("default", "rope_type", "type")
	original := p.int(b.context, "original_max_position_embeddings")
	original = c.int(original, "original_max_position_embeddings")
	r.freq = plainFrequencies(r.theta, r.dim)
	switch kind {
	case "default", "mrope":
	case "linear":
		factor := p.positive("factor")
		for j := range r.freq {
			r.freq[j] /= float32(factor)
		}
	case "dynamic":
		r.stretch = p.positive("factor")
		if r.beyond = b.context; r.dim == 2 {
			p.fail("dynamic scaling of %d elements is not defined", r.dim)
		}
	case "llama3":
		r.llama3(p, original)
	case "yarn":
		r.yarn(p, original, b.context)
	case "longrope", "su":
		r.longrope(p, original, b.context)
	default:
		p.unsupported("rope_type", fmt.Sprintf("%q", kind), "default, linear, dynamic, llama3, yarn, longrope")
	}
}

// positive reads a number that must stand in the file and be above zero.
func (c *config) positive(name string) float64 {
	v := c.float(0, name)
	if !(v > 0) || v > 1e12 {
		c.fail("%s%s is %g, and must be a number above zero", c.path, name, v)
		return 1
	}
	return v
}

// llama3 divides the frequencies of waves longer than the original context by a factor, keeps those of short waves, and
// goes over smoothly between (Llama 3.1, arXiv 2407.21783).
func (r *rope) llama3(p *config, original int) {
	factor, low, high := p.positive("factor"), p.positive("low_freq_factor"), p.positive("high_freq_factor")
	if p.err != nil || low == high {
		p.fail("low_freq_factor and high_freq_factor are both %g", low)
		return
	}
	longWave, shortWave := float64(original)/low, float64(original)/high
	for j, f := range r.freq {
		wave := float32(2*math.Pi) / f
		switch {
		case float64(wave) > longWave:
			r.freq[j] = f / float32(factor)
		case float64(wave) >= shortWave:
			smooth := (float32(original)/wave - float32(low)) / float32(high-low)
			r.freq[j] = (1-smooth)*f/float32(factor) + smooth*f
		}
	}
}

// yarn divides the frequencies that turn less than betaSlow times in the original context by a factor, keeps those that
// turn more than betaFast times, and ramps between (Peng et al. 2023, arXiv 2309.00071, section 3.2); attention grows
// with the factor (section 3.3).
func (r *rope) yarn(p *config, original, context int) {
	factor := float64(context) / float64(original)
	if raw, ok := p.fields["factor"]; !ok || string(raw) != "null" {
		factor = p.positive("factor")
	}
	mscale := func(by float64) float64 {
		if factor <= 1 {
			return 1
		}
		return 0.1*by*math.Log(factor) + 1
	}
	scale := mscale(1)
	if a, all := p.float(0, "mscale"), p.float(0, "mscale_all_dim"); a != 0 && all != 0 {
		scale = mscale(a) / mscale(all)
	}
	r.scale = float32(p.float(scale, "attention_factor"))
	fast, slow := p.float(0, "beta_fast"), p.float(0, "beta_slow")
	if fast == 0 {
		fast = 32
	}
	if slow == 0 {
		slow = 1
	}
	turns := func(n float64) float64 {
		return float64(r.dim) * math.Log(float64(original)/(n*2*math.Pi)) / (2 * math.Log(r.theta))
	}
	from, to := turns(fast), turns(slow)
	if p.bool(true, "truncate") {
		from, to = math.Floor(from), math.Ceil(to)
	}
	from, to = max(from, 0), min(to, float64(r.dim-1))
	if from == to {
		to += 0.001
	}
	for j, f := range powers(r.theta, r.dim) {
		keep := 1 - min(max((float32(j)-float32(from))/float32(to-from), 0), 1)
		r.freq[j] = 1/(float32(factor)*f)*(1-keep) + 1/f*keep
	}
}

// longrope has a divisor for each frequency, one set for texts within the original context and one for longer ones
// (Ding et al. 2024, arXiv 2402.13753).
func (r *rope) longrope(p *config, original, context int) {
	factor := float64(context) / float64(original)
	if p.has("factor") {
		factor = p.positive("factor")
	}
	scale := 1.0
	if factor > 1 {
		scale = math.Sqrt(1 + math.Log(factor)/math.Log(float64(original)))
	}
	r.scale, r.beyond = float32(p.float(scale, "attention_factor")), original
	divided := func(name string) []float32 {
		by := field(p, []float64(nil), name)
		if len(by) != r.dim/2 {
			p.fail("%s%s has %d numbers, and %d pairs turn", p.path, name, len(by), r.dim/2)
			return nil
		}
		out := powers(r.theta, r.dim)
		for j := range out {
			out[j] = 1 / (float32(by[j]) * out[j])
		}
		return out
	}
	r.freq, r.long = divided("short_factor"), divided("long_factor")
}

// angleTable holds the cosines and sines of the first positions of a rope, a row of dim/2 each.
type angleTable struct{ cos, sin []float32 }

// The bounds of the angles that are kept; those of positions past them are computed when they are needed.
const (
	tablePositions = 4096
	tableAngles    = 1 << 20
)

// newAngleTable makes a table of positions, as far as it holds no more than so many angles.
func newAngleTable(r *rope, positions, angles int) angleTable {
	half := r.dim / 2
	n := min(positions, angles/half)
	t := angleTable{make([]float32, n*half), make([]float32, n*half)}
	for p := range n {
		r.angles(t.cos[p*half:(p+1)*half], t.sin[p*half:(p+1)*half], r.freq, p)
	}
	return t
}

// gatherAngles sets the angles of each row for each rope, and where each sequence of a masked model ends.
func (m *model) gatherAngles(b *scratch, rows []row) {
	for i := len(b.at); i < len(rows); i++ {
		b.at = append(b.at, i)
	}
	if !m.causal {
		if b.ends == nil {
			b.ends = make(map[*sequence]int)
		}
		clear(b.ends)
		for _, r := range rows {
			b.ends[r.seq] = max(b.ends[r.seq], r.pos+1)
		}
	}
	for i := range m.ropes {
		r, t := &m.ropes[i], &m.angles[i]
		half := r.dim / 2
		for j, row := range rows {
			cos, sin := b.cos[i][j*half:(j+1)*half], b.sin[i][j*half:(j+1)*half]
			n := max(row.seq.length, row.pos+1)
			switch at := row.pos * half; {
			case r.beyond > 0 && n > r.beyond:
				r.angles(cos, sin, r.frequencies(n), row.pos)
			case at < len(t.cos):
				copy(cos, t.cos[at:at+half])
				copy(sin, t.sin[at:at+half])
			default:
				r.angles(cos, sin, r.freq, row.pos)
			}
		}
	}
}

// regime is 0 for a text of n tokens that has the usual rotary angles, as all texts of most models have. Another text's is
// a length that has the same angles, for sequence.length. Texts of unlike regimes share no keys.
func (s *spec) regime(n int) int {
	for i := range s.ropes {
		r := &s.ropes[i]
		switch {
		case r.beyond == 0 || n <= r.beyond:
		case r.long != nil:
			return r.beyond + 1
		default:
			return n
		}
	}
	return 0
}

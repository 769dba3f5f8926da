package kernels

import (
	"math"
	"testing"
)

func nan32() float32 { return float32(math.NaN()) }

// Every fast set gives the portable one's bits on every kernel, and touches nothing beside its operands.
func TestSetsAreBitEqual(t *testing.T) {
	cases := ops()
	if len(cases) < 500 {
		t.Fatalf("only %d cases", len(cases))
	}
	if testing.Short() { // for an emulator
		var some []op
		for i := 0; i < len(cases); i += 11 {
			some = append(some, cases[i])
		}
		cases = some
	}
	for _, f := range []fill{ordinary, extreme, special} {
		want := make([][]float32, len(cases))
		for i, c := range cases {
			want[i] = c.run(t, generic{}, plain(), f)
		}
		t.Run(string(f), func(t *testing.T) {
			eachFast(t, func(t *testing.T, s Set) {
				for name := range arenas() {
					if f != ordinary && name != "canaries" {
						continue // what is read does not depend on the numbers
					}
					t.Run(name, func(t *testing.T) {
						for i, c := range cases {
							t.Run(c.name, func(t *testing.T) {
								mem := arenas()[name]
								sameBits(t, c.run(t, s, mem, f), want[i])
								mem.check(t)
							})
						}
					})
				}
			})
		})
	}
}

// The portable set too keeps to its operands.
func TestGenericStaysInside(t *testing.T) {
	for name := range arenas() {
		for _, c := range ops()[2500:] {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				mem := arenas()[name]
				c.run(t, generic{}, mem, ordinary)
				mem.check(t)
			})
		}
	}
}

// A row's result does not depend on the rows beside it, also where rows are copied apart for the cache's sake.
func TestRowsAreIndependent(t *testing.T) {
	for _, k := range []int{300, aliased, 2 * aliased} {
		rowsAreIndependent(t, k)
	}
}

func rowsAreIndependent(t *testing.T, k int) {
	const m, n = 131, 70
	for typ := F32; typ <= F16; typ++ {
		r := newRand(3)
		w := NewWeight(n, k, typ)
		w.SetRows(0, ordinary.into(r, make([]float32, n*k)))
		w.Bias = ordinary.into(r, make([]float32, n))
		a := ordinary.into(r, make([]float32, m*k))
		eachSet(t, func(t *testing.T, s Set) {
			all, one := make([]float32, m*n), make([]float32, n)
			s.Linear(all, a, m, w)
			for i := range m {
				s.Linear(one, a[i*k:(i+1)*k], 1, w)
				sameBits(t, one, all[i*n:(i+1)*n])
			}
			for _, size := range []int{2, 3, 4, 5, 7, 11, 12, 19} {
				some := make([]float32, size*n)
				s.Linear(some, a[k:(1+size)*k], size, w)
				sameBits(t, some, all[n:(1+size)*n])
			}
		})
	}
}

// Attend of many rows gives each the bits of Attend of that row alone.
func TestAttendedRowsAreIndependent(t *testing.T) {
	wide := Attention{Heads: 14, KVHeads: 2, Dim: 64}
	for _, c := range []attendCase{
		{Attention: wide, rows: 100, to: 1, step: 1},
		{Attention: wide, rows: 40, to: 190, step: 1, fork: 20},
		{Attention: wide, rows: 40, to: 190, step: 1, window: 75, slopes: true},
		{Attention: wide, rows: 40, to: 190, step: 3, shuffle: true},
		{Attention: wide, rows: 70, to: 70},
	} {
		eachSet(t, func(t *testing.T, s Set) {
			q, ld, rows, a := c.make(t, plain(), newRand(1), ordinary)
			width := a.Heads * a.Dim
			all, one := make([]float32, len(rows)*width), make([]float32, width)
			s.Attend(all, q, ld, rows, a)
			for i := range rows {
				s.Attend(one, q[i*ld:i*ld+width], width, rows[i:i+1], a)
				sameBits(t, one, all[i*width:(i+1)*width])
			}
		})
	}
}

// LogProbs gives the bits of the kernels that it is made of.
func TestLogProbsIsTheUnfusedPath(t *testing.T) {
	const n, k = 1300, 50
	for _, m := range []int{1, 5, 21} {
		for _, l := range []Logits{{}, {Scale: 3, Cap: 10}} {
			eachSet(t, func(t *testing.T, s Set) {
				r := newRand(uint64(m))
				w := Pack(n, k, ordinary.into(r, make([]float32, n*k)))
				w.Bias = ordinary.into(r, make([]float32, n))
				x, z := ordinary.into(r, make([]float32, m*k)), make([]float32, m*n)
				rows := make([]Scores, m)
				for i := range rows {
					rows[i] = Scores{Targets: []int{i, n - 1 - i}, Logits: make([]float32, 2)}
				}
				s.LogProbs(rows, x, w, l)
				s.Linear(z, x, m, w)
				l.apply(s, z)
				for i, row := range rows {
					of := z[i*n : (i+1)*n]
					at := s.ArgMax(of)
					sameBits(t, []float32{row.LogSumExp, row.Top, float32(row.ArgMax), row.Logits[0], row.Logits[1]},
						[]float32{s.LogSumExp(of), of[at], float32(at), of[i], of[n-1-i]})
				}
			})
		}
	}
}

func TestShapesThatDoNotFitPanic(t *testing.T) {
	v := func(n int) []float32 { return make([]float32, n) }
	w := Pack(3, 4, v(12))
	page := Page{K: v(8 * PageSize), V: v(8 * PageSize)}
	one := Attention{Heads: 1, KVHeads: 1, Dim: 8}
	query := func(from, to int) []Query { return []Query{{[]Page{page}, from, to}} }
	for name, call := range map[string]func(s Set){
		"linear dst":      func(s Set) { s.Linear(v(5), v(8), 2, w) },
		"linear a":        func(s Set) { s.Linear(v(6), v(7), 2, w) },
		"linear packed":   func(s Set) { s.Linear(v(6), v(8), 2, Weight{N: 3, K: 4, Data: v(12)}) },
		"linear half":     func(s Set) { s.Linear(v(6), v(8), 2, Weight{N: 3, K: 4, Type: BF16, Data: v(128)}) },
		"linear bias":     func(s Set) { s.Linear(v(6), v(8), 2, Weight{N: 3, K: 4, Data: w.Data, Bias: v(2)}) },
		"linear minus m":  func(s Set) { s.Linear(nil, nil, -1, w) },
		"logprobs x":      func(s Set) { s.LogProbs(make([]Scores, 2), v(7), w, Logits{}) },
		"logprobs target": func(s Set) { s.LogProbs([]Scores{{Targets: []int{3}, Logits: v(1)}}, v(4), w, Logits{}) },
		"logprobs logits": func(s Set) { s.LogProbs([]Scores{{Targets: []int{2}}}, v(4), w, Logits{}) },
		"rmsnorm":         func(s Set) { s.RMSNorm(v(6), v(6), v(4), 2, 0) },
		"layernorm":       func(s Set) { s.LayerNorm(v(6), v(6), v(3), v(4), 2, 0) },
		"gate":            func(s Set) { s.Gate(v(6), v(6), 2, Silu) },
		"gate rows":       func(s Set) { s.Gate(v(6), v(12), 4, Silu) },
		"gate function":   func(s Set) { s.Gate(v(6), v(12), 2, activations) },
		"activate":        func(s Set) { s.Activate(v(6), activations) },
		"add":             func(s Set) { s.Add(v(6), v(5)) },
		"bias":            func(s Set) { s.AddBias(v(6), v(5), 1) },
		"cap":             func(s Set) { s.SoftCap(v(6), 0) },
		"rope odd":        func(s Set) { s.Rope(v(9), 9, []int{0}, v(4), v(4), 1, Rotary{Dim: 9, Rot: 9}) },
		"rope wide":       func(s Set) { s.Rope(v(9), 9, []int{0}, v(5), v(5), 1, Rotary{Dim: 9, Rot: 10}) },
		"rope position":   func(s Set) { s.Rope(v(8), 8, []int{2}, v(8), v(8), 1, Rotary{Dim: 8, Rot: 8}) },
		"rope stride":     func(s Set) { s.Rope(v(16), 7, []int{0, 1}, v(8), v(8), 1, Rotary{Dim: 8, Rot: 8}) },
		"store slot":      func(s Set) { s.Store([]Slot{{page, 64}}, v(8), v(8), 8, 1, 8) },
		"store page":      func(s Set) { s.Store([]Slot{{page, 6}}, v(9), v(9), 9, 1, 9) },
		"attend to":       func(s Set) { s.Attend(v(8), v(8), 8, query(0, 65), one) },
		"attend none":     func(s Set) { s.Attend(v(8), v(8), 8, query(3, 3), one) },
		"attend heads":    func(s Set) { s.Attend(v(24), v(24), 24, query(0, 1), Attention{Heads: 3, KVHeads: 2, Dim: 8}) },
		"attend page":     func(s Set) { s.Attend(v(9), v(9), 9, query(0, 1), Attention{Heads: 1, KVHeads: 1, Dim: 9}) },
		"attend stride":   func(s Set) { s.Attend(v(16), v(15), 7, append(query(0, 1), query(0, 1)...), one) },
		"logsumexp":       func(s Set) { s.LogSumExp(nil) },
		"argmax":          func(s Set) { s.ArgMax(nil) },
		"pack":            func(Set) { Pack(2, 3, v(5)) },
		"set rows":        func(Set) { NewWeight(2, 3, F16).SetRows(1, v(6)) },
		"row":             func(Set) { w.Row(v(4), 3) },
	} {
		for _, s := range All() {
			t.Run(name+"/"+s.Name(), func(t *testing.T) {
				defer func() {
					if recover() == nil {
						t.Error("no panic")
					}
				}()
				call(s)
			})
		}
	}
}

func TestEmptyShapes(t *testing.T) {
	for _, s := range All() {
		t.Run(s.Name(), func(t *testing.T) {
			s.Linear(nil, nil, 0, Pack(3, 4, make([]float32, 12)))
			s.LogProbs(nil, nil, Pack(3, 4, make([]float32, 12)), Logits{})
			s.RMSNorm(nil, nil, make([]float32, 3), 0, 0)
			s.LayerNorm(nil, nil, nil, nil, 0, 0)
			s.Gate(nil, nil, 0, Silu)
			s.Activate(nil, GeluErf)
			s.Add(nil, nil)
			s.AddBias(nil, nil, 0)
			s.Scale(nil, 2)
			s.SoftCap(nil, 2)
			s.Rope(nil, 0, nil, nil, nil, 2, Rotary{Dim: 8, Rot: 8})
			s.Rope(make([]float32, 8), 8, []int{3}, nil, nil, 1, Rotary{Dim: 8})
			s.Store(nil, nil, nil, 8, 1, 8)
			s.Attend(nil, nil, 8, nil, Attention{Heads: 1, KVHeads: 1, Dim: 8})
			dst := []float32{1, 2}
			s.Linear(dst, nil, 1, Pack(2, 0, nil))
			sameBits(t, dst, []float32{0, 0})
			s.Linear(dst, nil, 1, Weight{N: 2, Type: BF16, Bias: []float32{3, 4}})
			sameBits(t, dst, []float32{3, 4})
		})
	}
}

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
		for _, c := range ops()[900:] {
			t.Run(name+"/"+c.name, func(t *testing.T) {
				mem := arenas()[name]
				c.run(t, generic{}, mem, ordinary)
				mem.check(t)
			})
		}
	}
}

// A row's result does not depend on the rows beside it.
func TestRowsAreIndependent(t *testing.T) {
	const m, n, k = 31, 70, 300
	r := newRand(3)
	w := Pack(n, k, ordinary.into(r, make([]float32, n*k)))
	a := ordinary.into(r, make([]float32, m*k))
	for _, s := range All() {
		t.Run(s.Name(), func(t *testing.T) {
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

func TestShapesThatDoNotFitPanic(t *testing.T) {
	v := func(n int) []float32 { return make([]float32, n) }
	w := Pack(3, 4, v(12))
	page := Page{K: v(8 * PageSize), V: v(8 * PageSize)}
	for name, call := range map[string]func(s Set){
		"linear dst":     func(s Set) { s.Linear(v(5), v(8), 2, w) },
		"linear a":       func(s Set) { s.Linear(v(6), v(7), 2, w) },
		"linear packed":  func(s Set) { s.Linear(v(6), v(8), 2, Weight{N: 3, K: 4, Data: v(12)}) },
		"norm":           func(s Set) { s.RMSNorm(v(6), v(6), v(4), 2, 0) },
		"silu":           func(s Set) { s.SiluMul(v(6), v(6), 2) },
		"silu rows":      func(s Set) { s.SiluMul(v(6), v(12), 4) },
		"add":            func(s Set) { s.Add(v(6), v(5)) },
		"rope odd":       func(s Set) { s.Rope(v(9), v(4), v(4), 1, 1, 9) },
		"rope cos":       func(s Set) { s.Rope(v(8), v(3), v(4), 1, 1, 8) },
		"attend n":       func(s Set) { s.Attend(v(8), v(8), 1, 1, 8, []Page{page}, 65, 1) },
		"attend none":    func(s Set) { s.Attend(v(8), v(8), 1, 1, 8, []Page{page}, 0, 1) },
		"attend heads":   func(s Set) { s.Attend(v(24), v(24), 3, 2, 8, []Page{page}, 1, 1) },
		"attend page":    func(s Set) { s.Attend(v(9), v(9), 1, 1, 9, []Page{page}, 1, 1) },
		"logsumexp":      func(s Set) { s.LogSumExp(nil) },
		"pack":           func(Set) { Pack(2, 3, v(5)) },
		"pack into":      func(Set) { PackInto(v(3), 2, 3, v(6)) },
		"linear minus m": func(s Set) { s.Linear(nil, nil, -1, w) },
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
			s.RMSNorm(nil, nil, make([]float32, 3), 0, 0)
			s.SiluMul(nil, nil, 0)
			s.Add(nil, nil)
			s.Rope(nil, nil, nil, 0, 2, 8)
			dst := []float32{1, 2}
			s.Linear(dst, nil, 1, Pack(2, 0, nil))
			sameBits(t, dst, []float32{0, 0})
		})
	}
}

package local

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/onset-eval/onset/backends/local/internal/safetensors"
)

// numbers is a tensor of the shape that counts 0, 1, 2 …
func numbers(name string, shape ...int) safetensors.Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	var data []byte
	for i := range n {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(i)))
	}
	return safetensors.Tensor{Name: name, DType: safetensors.F32, Shape: shape, Data: data}
}

// TestSourcePicksRows splits a fused tensor of two heads with a query, a key and a value row each, as stored and
// transposed.
func TestSourcePicksRows(t *testing.T) {
	c := &checkpoint{tensors: map[string]safetensors.Tensor{
		"w": numbers("w", 6, 2), "wt": numbers("wt", 2, 6), "b": numbers("b", 6), "one": numbers("one", 1, 2),
	}}
	pick := func(name string, first int, transposed bool) outputs {
		return outputs{name: name, bias: "b", of: 6, first: first, run: 1, stride: 3, count: 2, transposed: transposed}
	}
	for _, x := range []struct {
		name  string
		parts []outputs
		want  []float32 // row by row
		bias  []float32
	}{
		{"as stored", []outputs{pick("w", 0, false), pick("w", 1, false)}, []float32{0, 1, 6, 7, 2, 3, 8, 9}, []float32{0, 3, 1, 4}},
		{"transposed", []outputs{pick("wt", 2, true)}, []float32{2, 8, 5, 11}, []float32{2, 5}},
		{"whole", []outputs{whole("w", "", 6)}, []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, nil},
		{"one part without bias", []outputs{whole("one", "", 1), pick("w", 0, false)}, []float32{0, 1, 0, 1, 6, 7}, []float32{0, 0, 3}},
	} {
		w, err := c.linear(2, x.parts...)
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		var got []float32
		for i := range w.N {
			for k := range w.K {
				got = append(got, w.Data[k*32+i])
			}
		}
		if !slices.Equal(got, x.want) {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
		if bias, err := c.bias(x.parts...); err != nil || !slices.Equal(bias, x.bias) {
			t.Errorf("%s: bias %v, %v, want %v", x.name, bias, err, x.bias)
		}
	}
	for _, p := range []outputs{
		{name: "w", of: 6, first: 5, run: 2, count: 1}, {name: "w", of: 6, run: 1, stride: 6, count: 2},
		{name: "w", of: 6, first: -1, run: 1, count: 1}, {name: "none", of: 6, run: 6, count: 1}, {name: "w", of: 5, run: 5, count: 1},
	} {
		if _, err := c.linear(2, p); err == nil {
			t.Errorf("%+v is taken", p)
		}
	}
}

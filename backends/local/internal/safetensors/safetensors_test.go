package safetensors_test

import (
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/backends/local/internal/safetensors"
)

// file makes a file of a header and a body.
func file(header string, body ...byte) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(out, header...), body...)
}

func TestParse(t *testing.T) {
	data := file(`{"__metadata__":{"format":"pt"},
		"half":{"dtype":"F16","shape":[2,2],"data_offsets":[0,8]},
		"brain":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]},
		"full":{"dtype":"F32","shape":[1],"data_offsets":[12,16]},
		"none":{"dtype":"F32","shape":[0,3],"data_offsets":[16,16]}}`,
		0x00, 0x3c, 0x01, 0x00, 0xff, 0x7b, 0x00, 0xc0, // 1, 2⁻²⁴, 65504, -2 in binary16
		0x80, 0x3f, 0x80, 0xff, // 1, -∞ in bfloat16
		0xdb, 0x0f, 0x49, 0x40) // π in binary32
	tensors, err := safetensors.Parse("m", data)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]float32{
		"half": {1, 0x1p-24, 65504, -2}, "brain": {1, float32(math.Inf(-1))}, "full": {math.Pi}, "none": {},
	} {
		got, err := tensors[name].Float32s()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"nothing", nil, "too few"},
		{"a header past the end", file("{}")[:9], "header claims"},
		{"a huge header", binary.LittleEndian.AppendUint64(nil, math.MaxUint64), "header claims"},
		{"no JSON", file("{]"), "header"},
		{"no object", file("[]"), "no JSON object"},
		{"a number as metadata", file(`{"__metadata__":{"n":1}}`), "metadata"},
		{"an unknown type", file(`{"a":{"dtype":"F7","shape":[],"data_offsets":[0,0]}}`), "F7"},
		{"a negative shape", file(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,0]}}`), "not valid"},
		{"a shape that overflows", file(`{"a":{"dtype":"F32","shape":[2147483647,2147483647,2147483647,4],"data_offsets":[0,0]}}`), "too large"},
		{"a length that disagrees", file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 1, 2, 3, 4), "needs 8 bytes"},
		{"a tensor past the end", file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 1, 2, 3), "outside"},
		{"offsets that run back", file(`{"a":{"dtype":"F32","shape":[0],"data_offsets":[4,0]}}`, 1, 2, 3, 4), "outside"},
		{"an overlap", file(`{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}`, 1, 2, 3, 4), "overlaps"},
		{"a hole", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}`, 1, 2, 3, 4), "belong to no tensor"},
		{"bytes left over", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1, 2), "after the last"},
		{"a name twice", file(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`), "duplicate"},
		{"a key of a tensor twice", file(`{"a":{"dtype":"U8","shape":[0],"shape":[1],"data_offsets":[0,0]}}`), "duplicate"},
		{"metadata twice", file(`{"__metadata__":{},"__metadata__":{}}`), "duplicate"},
		{"offsets that overflow", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[18446744073709551615,18446744073709551616]}}`), "not valid"},
		{"offsets that wrap", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[18446744073709551615,0]}}`), "outside"},
		{"three offsets", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}`, 1), "not valid"},
		{"too many dimensions", file(`{"a":{"dtype":"U8","shape":[`+strings.Repeat("1,", 64)+`1],"data_offsets":[0,1]}}`, 1), "dimensions"},
		{"half a byte", file(`{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}`, 1), "within a byte"},
		{"no shape", file(`{"a":{"dtype":"U8","shape":null,"data_offsets":[0,1]}}`, 1), "no list"},
		{"deep nesting", file(strings.Repeat(`{"a":`, 100_000)), "not valid"},
		{"deep metadata", file(`{"__metadata__":` + strings.Repeat(`{"a":`, 100_000)), "not text by text"},
		{"a second object", file(`{}{}`), "follow"},
	} {
		_, err := safetensors.Parse("weights", c.data)
		var e *safetensors.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "weights: ") || e.Hint() == "" {
			t.Errorf("%s gives %v, want an error of the file with %q and a hint", c.name, err, c.want)
		}
	}
	tensors, err := safetensors.Parse("m", file(`{"a":{"dtype":"I64","shape":[0],"data_offsets":[0,0]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tensors["a"].Float32s(); err == nil {
		t.Error("a tensor of integers is read as floats")
	}
}

// TestHostileHeadersAreCheap measures what refusing them allocates: a few times the file at most, whatever it claims.
func TestHostileHeadersAreCheap(t *testing.T) {
	many := func(n int, item string) string { return strings.Repeat(item+",", n) + item }
	for _, c := range []struct {
		name string
		data []byte
		most uint64 // bytes allocated
	}{
		{"a huge header that is not there", binary.LittleEndian.AppendUint64(nil, 99<<20), 1 << 14},
		{"absurd dimensions", file(`{"a":{"dtype":"F32","shape":[2147483647,2147483647],"data_offsets":[0,4611686014132420604]}}`), 1 << 15},
		{"a million dimensions", file(`{"a":{"dtype":"F32","shape":[` + many(1<<20, "1") + `],"data_offsets":[0,4]}}`), 1 << 16},
		{"a million offsets", file(`{"a":{"dtype":"F32","shape":[],"data_offsets":[` + many(1<<20, "1") + `]}}`), 8 << 20},
		{"a million keys of metadata", file(`{"__metadata__":{` + many(1<<20, `"a":""`) + `}}`), 1 << 16},
		{"a megabyte of nesting", file(strings.Repeat(`[`, 1<<20)), 1 << 16},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := safetensors.Parse("f", c.data)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; err == nil || got > c.most {
			t.Errorf("%s: %d bytes allocated, at most %d are to be; %v", c.name, got, c.most, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(file(`{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}`, 1, 2, 3, 4))
	f.Add(file(`{"__metadata__":{},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		tensors, err := safetensors.Parse("f", data)
		if err != nil {
			return
		}
		total := 0
		for _, tensor := range tensors {
			total += len(tensor.Data)
			if values, err := tensor.Float32s(); err == nil && len(values) != tensor.Len() {
				t.Errorf("%d values of a tensor of %d", len(values), tensor.Len())
			}
		}
		if total > len(data) {
			t.Errorf("%d bytes of tensors in a file of %d", total, len(data))
		}
	})
}

// Package safetensors reads weights in the safetensors format: eight bytes of header length, a JSON header, and
// the raw tensors.
//
// Files come from strangers, so everything that the header says is checked against the file before a byte of a
// tensor is touched: a file that is truncated, that overlaps or leaves holes, or whose sizes do not add up is
// refused. (Format: huggingface.co/docs/safetensors.)
package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// maxHeader bounds the header's length, in bytes, as the reference implementation does.
const maxHeader = 100 << 20

// DType is the type of a tensor's elements.
type DType string

// The element types that the engine computes with.
const (
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
)

// elementSizes holds the size in bytes of each element type of the format.
var elementSizes = map[DType]int{
	"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, F16: 2, BF16: 2,
	"I32": 4, "U32": 4, F32: 4, "F64": 8, "I64": 8, "U64": 8,
}

// Tensor is a tensor in a file. Data is little-endian, row-major, and belongs to the file.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	Data  []byte
}

// Len counts the elements.
func (t Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Error says what is wrong with a file.
type Error struct {
	File string
	Msg  string
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.File, e.Msg) }

// Hint says what to do.
func (e *Error) Hint() string {
	return "the file is damaged or incomplete: download or export it again"
}

// Parse reads the tensors of a file that is in memory, or mapped there. The tensors share data's memory.
func Parse(file string, data []byte) (map[string]Tensor, error) {
	tensors, err := parse(data)
	if err != nil {
		return nil, &Error{File: file, Msg: err.Error()}
	}
	return tensors, nil
}

func parse(data []byte) (map[string]Tensor, error) {
	if len(data) < 8 {
		return nil, fmt.Errorf("%d bytes are too few for a safetensors file", len(data))
	}
	size := binary.LittleEndian.Uint64(data)
	if size > maxHeader || size > uint64(len(data)-8) {
		return nil, fmt.Errorf("the header claims %d bytes of a file of %d", size, len(data))
	}
	header, body := data[8:8+size], data[8+size:]
	entries, err := decodeHeader(header)
	if err != nil {
		return nil, err
	}
	tensors := make(map[string]Tensor, len(entries))
	var spans []span
	for name, e := range entries {
		t, err := e.tensor(name, body)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		tensors[name] = t
		spans = append(spans, span{e.Offsets[0], e.Offsets[1], name})
	}
	if err := checkSpans(spans, uint64(len(body))); err != nil {
		return nil, err
	}
	return tensors, nil
}

type entry struct {
	DType   DType     `json:"dtype"`
	Shape   []uint64  `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

// decodeHeader reads the header's entries. A name that stands there twice is refused, which encoding/json would let
// pass.
func decodeHeader(header []byte) (map[string]entry, error) {
	dec := json.NewDecoder(strings.NewReader(string(header)))
	if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
		return nil, errors.New("the header is no JSON object")
	}
	entries := make(map[string]entry)
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("the header is not valid JSON: %w", err)
		}
		name, _ := tok.(string)
		if name == "__metadata__" {
			var meta map[string]string
			if err := dec.Decode(&meta); err != nil {
				return nil, fmt.Errorf("the header's metadata is not text by text: %w", err)
			}
			continue
		}
		var e entry
		if err := dec.Decode(&e); err != nil {
			return nil, fmt.Errorf("tensor %q: the header is not valid: %w", name, err)
		}
		if _, twice := entries[name]; twice {
			return nil, fmt.Errorf("tensor %q stands in the header twice", name)
		}
		entries[name] = e
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("the header is not valid JSON: %w", err)
	}
	return entries, nil
}

func (e entry) tensor(name string, body []byte) (Tensor, error) {
	size, known := elementSizes[e.DType]
	if !known {
		return Tensor{}, fmt.Errorf("unknown element type %q", e.DType)
	}
	t := Tensor{Name: name, DType: e.DType, Shape: make([]int, len(e.Shape))}
	bytes := uint64(size)
	for i, d := range e.Shape {
		if d > math.MaxInt32 || d != 0 && bytes > math.MaxInt64/d {
			return Tensor{}, fmt.Errorf("shape %v is too large", e.Shape)
		}
		bytes *= d
		t.Shape[i] = int(d)
	}
	lo, hi := e.Offsets[0], e.Offsets[1]
	if lo > hi || hi > uint64(len(body)) {
		return Tensor{}, fmt.Errorf("its bytes %d to %d are outside of the file's %d bytes of tensors", lo, hi, len(body))
	}
	if hi-lo != bytes {
		return Tensor{}, fmt.Errorf("shape %v of %s needs %d bytes, the file gives it %d", e.Shape, e.DType, bytes, hi-lo)
	}
	t.Data = body[lo:hi:hi]
	return t, nil
}

// span is the place of a tensor in the file's body.
type span struct {
	lo, hi uint64
	name   string
}

// checkSpans sees that the tensors fill the body without overlap or hole.
func checkSpans(spans []span, size uint64) error {
	slices.SortFunc(spans, func(a, b span) int {
		switch {
		case a.lo != b.lo:
			return compare(a.lo, b.lo)
		case a.hi != b.hi:
			return compare(a.hi, b.hi)
		}
		return strings.Compare(a.name, b.name)
	})
	at := uint64(0)
	for _, s := range spans {
		if s.lo < at {
			return fmt.Errorf("tensor %q overlaps the one before it", s.name)
		}
		if s.lo > at {
			return fmt.Errorf("%d bytes before tensor %q belong to no tensor", s.lo-at, s.name)
		}
		at = s.hi
	}
	if at != size {
		return fmt.Errorf("%d bytes after the last tensor belong to none", size-at)
	}
	return nil
}

func compare(a, b uint64) int {
	if a < b {
		return -1
	}
	return 1
}

// Float32s converts a tensor of type F32, F16 or BF16, exactly.
func (t Tensor) Float32s() ([]float32, error) {
	out := make([]float32, t.Len())
	switch t.DType {
	case F32:
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
		}
	case BF16:
		for i := range out {
			out[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(t.Data[2*i:])) << 16)
		}
	case F16:
		for i := range out {
			out[i] = half(binary.LittleEndian.Uint16(t.Data[2*i:]))
		}
	default:
		return nil, fmt.Errorf("tensor %q is of type %s; the engine computes with F32, F16 and BF16", t.Name, t.DType)
	}
	return out, nil
}

// half converts an IEEE 754 binary16 number.
func half(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch exp {
	case 0: // zero or subnormal: frac · 2⁻²⁴
		return math.Float32frombits(sign | math.Float32bits(float32(frac)*0x1p-24))
	case 0x1f: // infinity or NaN
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

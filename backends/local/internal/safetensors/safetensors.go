// Package safetensors reads weights in the safetensors format: eight bytes of header length, a JSON header, and
// the raw tensors.
//
// Files come from strangers, so everything that the header says is checked against the file before a byte of a
// tensor is touched: a file that is truncated, that overlaps or leaves holes, or whose sizes do not add up is
// refused. (Format: huggingface.co/docs/safetensors.)
package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
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

// elementBits holds the size in bits of each element type of the format.
var elementBits = map[DType]uint64{
	"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
	"F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, F16: 16, BF16: 16,
	"I32": 32, "U32": 32, F32: 32, "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}

// maxRank bounds a tensor's dimensions, as PyTorch does.
const maxRank = 64

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
	Shape   shape     `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

// shape is a list of dimensions, of which no more are read than a tensor can have.
type shape []uint64

func (s *shape) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '[' {
		return errors.Join(err, errors.New("the shape is no list"))
	}
	for dec.PeekKind() != ']' {
		if len(*s) == maxRank {
			return fmt.Errorf("the shape has more than %d dimensions", maxRank)
		}
		var d uint64
		if err := json.UnmarshalDecode(dec, &d); err != nil {
			return err
		}
		*s = append(*s, d)
	}
	_, err := dec.ReadToken()
	return err
}

// decodeHeader reads the header's entries as they come, so that it holds nothing but them. A name that stands there
// twice is an error of the decoder.
func decodeHeader(header []byte) (map[string]entry, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(header))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return nil, errors.New("the header is no JSON object")
	}
	entries := make(map[string]entry)
	for dec.PeekKind() != '}' {
		tok, err := dec.ReadToken()
		if err != nil {
			return nil, fmt.Errorf("the header is not valid: %w", err)
		}
		name := tok.String()
		if name == "__metadata__" {
			if err := skipMetadata(dec); err != nil {
				return nil, err
			}
			continue
		}
		var e entry
		if err := json.UnmarshalDecode(dec, &e); err != nil {
			return nil, fmt.Errorf("tensor %q: the header is not valid: %w", name, err)
		}
		entries[name] = e
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, fmt.Errorf("the header is not valid: %w", err)
	}
	if rest := bytes.Trim(header[dec.InputOffset():], " \t\r\n\x00"); len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes follow the header's JSON", len(rest))
	}
	return entries, nil
}

// skipMetadata sees that metadata is an object of strings, which the engine has no use for.
func skipMetadata(dec *jsontext.Decoder) error {
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return errors.Join(errors.New("the header's metadata is no JSON object"), err)
	}
	for {
		tok, err := dec.ReadToken()
		switch {
		case err != nil:
			return fmt.Errorf("the header's metadata is not valid: %w", err)
		case tok.Kind() == '}':
			return nil
		case tok.Kind() != '"':
			return errors.New("the header's metadata is not text by text")
		}
	}
}

func (e entry) tensor(name string, body []byte) (Tensor, error) {
	bits, known := elementBits[e.DType]
	if !known {
		return Tensor{}, fmt.Errorf("unknown element type %q", e.DType)
	}
	t := Tensor{Name: name, DType: e.DType, Shape: make([]int, len(e.Shape))}
	for i, d := range e.Shape {
		if d > math.MaxInt32 || d != 0 && bits > math.MaxInt64/d {
			return Tensor{}, fmt.Errorf("shape %v is too large", e.Shape)
		}
		bits *= d
		t.Shape[i] = int(d)
	}
	if bits%8 != 0 {
		return Tensor{}, fmt.Errorf("shape %v of %s ends within a byte", e.Shape, e.DType)
	}
	lo, hi := e.Offsets[0], e.Offsets[1]
	if lo > hi || hi > uint64(len(body)) {
		return Tensor{}, fmt.Errorf("its bytes %d to %d are outside of the file's %d bytes of tensors", lo, hi, len(body))
	}
	if hi-lo != bits/8 {
		return Tensor{}, fmt.Errorf("shape %v of %s needs %d bytes, the file gives it %d", e.Shape, e.DType, bits/8, hi-lo)
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

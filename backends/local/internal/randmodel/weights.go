package randmodel

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/sourcegraph/conc/pool"
)

// shardBytes is about the size of a file where the caller leaves their number open.
const shardBytes = 5_000_000_000

func (m Model) writeWeights(dir string, o Options) error {
	for i := range m.Tensors {
		if _, err := sizeOf(o.dtype(m.Tensors[i].Name)); err != nil {
			return err
		}
	}
	shards := o.Shards
	if shards <= 0 {
		shards = int((m.Bytes(o) + shardBytes - 1) / shardBytes)
	}
	if shards <= 1 {
		return writeFile(filepath.Join(dir, "model.safetensors"), m.Tensors, 0, o)
	}
	places := make(map[string]string)
	for i := range shards {
		name := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, shards)
		first := i * len(m.Tensors) / shards
		some := m.Tensors[first : (i+1)*len(m.Tensors)/shards]
		for _, t := range some {
			places[t.Name] = name
		}
		if err := writeFile(filepath.Join(dir, name), some, first, o); err != nil {
			return err
		}
	}
	return writeJSON(filepath.Join(dir, "model.safetensors.index.json"), map[string]any{"metadata": map[string]any{}, "weight_map": places})
}

// Bytes is the size of the weights.
func (m Model) Bytes(o Options) int64 {
	var sum int64
	for i := range m.Tensors {
		size, _ := sizeOf(o.dtype(m.Tensors[i].Name)) // writing refuses types without one
		sum += int64(size) * int64(m.Tensors[i].len())
	}
	return sum
}

func sizeOf(dtype string) (int, error) {
	switch dtype {
	case "F32":
		return 4, nil
	case "BF16", "F16":
		return 2, nil
	}
	return 0, fmt.Errorf("no numbers of type %q are written", dtype)
}

// writeFile writes tensors, of which the first is the model's first-th. Their numbers are made in pieces, each from where it
// stands alone, by as many goroutines as there are processors: gigabytes are written as fast as the disk takes them.
func writeFile(path string, tensors []Tensor, first int, o Options) (err error) {
	type entry struct {
		DType   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	header := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	var pieces []piece
	var at int64
	for i, t := range tensors {
		dtype := o.dtype(t.Name)
		size, _ := sizeOf(dtype)
		whole := int64(size) * int64(t.len())
		header[t.Name] = entry{dtype, t.Shape, [2]int64{at, at + whole}}
		for from := int64(0); from < whole; from += pieceBytes {
			pieces = append(pieces, piece{
				dtype: dtype, fill: t.Fill, at: at + from, bytes: int(min(pieceBytes, whole-from)),
				state: mix(mix(o.Seed+1) ^ mix(uint64(first+i)<<32|uint64(from/pieceBytes))),
			})
		}
		at += whole
	}
	data, err := json.Marshal(header)
	if err != nil {
		return err
	}
	data = append(data, strings.Repeat(" ", -len(data)&7)...)
	data = append(binary.LittleEndian.AppendUint64(nil, uint64(len(data))), data...)
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return writePieces(f, int64(len(data)), pieces)
}

func writePieces(f *os.File, base int64, pieces []piece) error {
	workers := min(runtime.GOMAXPROCS(0), len(pieces))
	group := pool.New().WithErrors().WithFirstError()
	for w := range workers {
		group.Go(func() error {
			buf := make([]byte, 0, pieceBytes)
			for i := w; i < len(pieces); i += workers {
				p := &pieces[i]
				buf = buf[:p.bytes]
				p.make(buf)
				if _, err := f.WriteAt(buf, base+p.at); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// pieceBytes is the size of a piece, a multiple of 8.
const pieceBytes = 1 << 20

// piece is a part of a tensor.
type piece struct {
	dtype string
	fill  float32
	at    int64 // in the file, behind the header
	bytes int
	state uint64 // of the random numbers
}

// spread is the largest of the random weights, which are uniform: their standard deviation is the 0.02 that models are
// initialised with.
const spread = 0.0346

func (p *piece) make(buf []byte) {
	switch p.dtype {
	case "F32":
		p.words(buf, func(w uint64) uint64 {
			return uint64(p.number(int32(w))) | uint64(p.number(int32(w>>32)))<<32
		})
	case "BF16":
		p.words(buf, func(w uint64) uint64 { return p.four(w, bfloat) })
	case "F16":
		p.words(buf, func(w uint64) uint64 { return p.four(w, half) })
	}
}

// words fills a buffer with what f makes of random words.
func (p *piece) words(buf []byte, f func(w uint64) uint64) {
	for len(buf) >= 8 {
		binary.LittleEndian.PutUint64(buf, f(p.next()))
		buf = buf[8:]
	}
	if len(buf) > 0 {
		copy(buf, binary.LittleEndian.AppendUint64(nil, f(p.next())))
	}
}

// number is the bits of a float32 that is as far between ±spread as i is in its range.
func (p *piece) number(i int32) uint32 {
	if p.fill != 0 {
		return math.Float32bits(p.fill)
	}
	return math.Float32bits((float32(i>>8) + 0.5) * (spread / (1 << 23)))
}

// four makes four numbers of 16 bits.
func (p *piece) four(w uint64, cut func(bits uint32) uint16) uint64 {
	var out uint64
	for i := 0; i < 64; i += 16 {
		out |= uint64(cut(p.number(int32(w>>i)<<16))) << i
	}
	return out
}

// next is splitmix64 (Steele, Lea and Flood 2014): fast, the same everywhere, and well spread from any state.
func (p *piece) next() uint64 {
	p.state += 0x9e3779b97f4a7c15
	return mix(p.state)
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// bfloat cuts a float32 to bfloat16.
func bfloat(bits uint32) uint16 { return uint16(bits >> 16) }

// half cuts a float32 of ordinary size to binary16; smaller ones become zero.
func half(bits uint32) uint16 {
	sign, exp := uint16(bits>>16)&0x8000, int(bits>>23&0xff)-112
	if exp <= 0 {
		return sign
	}
	return sign | uint16(min(exp, 30))<<10 | uint16(bits>>13)&0x3ff
}

func (o Options) dtype(tensor string) string {
	if t := o.DTypes[tensor]; t != "" {
		return t
	}
	if o.DType != "" {
		return o.DType
	}
	return "F32"
}

func (t Tensor) len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

//go:build cuda

package cu

import (
	"fmt"

	"github.com/onset-eval/onset/backends/local/gpu"
)

// The driver's enumerators of tensor maps (cuda.h, CUtensorMapDataType_enum and the two after it).
const (
	tensorF16       = 6
	tensorBF16      = 9
	tensorPromotion = 3 // reads from memory are of 256 bytes
)

var _ gpu.TensorMapper = (*device)(nil)

// TensorMap implements gpu.TensorMapper.
func (d *device) TensorMap(m gpu.TensorMap) ([]byte, error) {
	call := fmt.Sprintf("make a tensor map of %d×%d", m.Rows, m.Columns)
	kind, ok := map[gpu.DType]int{gpu.F16: tensorF16, gpu.BF16: tensorBF16}[m.T]
	swizzle, fits := map[int]int{0: 0, 32: 1, 64: 2, 128: 3}[m.Swizzle]
	if !ok || !fits || m.Rows < 1 || m.Columns < 1 || m.Stride < m.Columns || m.Stride%8 != 0 || m.At%16 != 0 {
		panic(fmt.Sprintf("gpu: tensor map of %+v", m))
	}
	if err := d.enter(call); err != nil {
		return nil, err
	}
	defer d.leave()
	b, code := extTensorMap(kind, uint64(m.At), []uint64{uint64(m.Columns), uint64(m.Rows)}, []uint64{uint64(m.Stride) * 2},
		[]uint32{uint32(m.BoxColumns), uint32(m.BoxRows)}, swizzle, tensorPromotion)
	if code != 0 {
		return nil, d.fail(call, code)
	}
	return b, nil
}

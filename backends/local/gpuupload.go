package local

import (
	"cmp"
	"errors"
	"runtime"
	"slices"
	"unsafe"

	workers "github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/internal/kernels"
)

// stageBytes is the size of each of the two page-locked buffers through which weights go to a device: one is filled while
// the other is copied.
const stageBytes = 32 << 20

// aligned rounds a number of bytes up to the alignment of what lies in a device's memory.
func aligned(n int64) int64 { return (n + gpu.Align - 1) / gpu.Align * gpu.Align }

// countStore makes nothing and counts: what the matrices take on a device, and the types of their numbers.
type countStore struct {
	matrices [][2]int
	elements map[kernels.DType]int64 // by the type in which they are stored
}

func (s *countStore) weight(r *recipe) (kernels.Weight, error) {
	s.matrices = append(s.matrices, [2]int{r.n, r.k})
	for _, run := range r.runs {
		s.elements[run.stored] += int64(run.n) * int64(r.k)
	}
	return kernels.Weight{N: r.n, K: r.k, Type: r.as}, nil
}

// bytes is the size of the matrices with elements of a type.
func (s *countStore) bytes(t gpu.DType) int64 {
	total := int64(0)
	for _, m := range s.matrices {
		total += aligned(int64(m[0]) * int64(m[1]) * int64(t.Size()))
	}
	return total
}

// own is the type in which most of the numbers are stored, and of two with as many the wider.
func (s *countStore) own() gpu.DType {
	types := []gpu.DType{gpu.F32, gpu.F16, gpu.BF16}
	return slices.MaxFunc(types, func(a, b gpu.DType) int {
		return cmp.Or(cmp.Compare(s.elements[a], s.elements[b]), cmp.Compare(a.Size(), b.Size()))
	})
}

// upload is a store that has the matrices in a device's memory: row-major, one row an output, in the type that the device
// computes in. They go there straight from the checkpoint's files.
type upload struct {
	*gpu.Uploader
	t       gpu.DType
	at, end gpu.Ptr // where the next matrix goes, and where there is no more room
	stage   int     // bytes of a page-locked buffer
}

var _ store = (*upload)(nil)

// newUpload makes a store that fills bytes of a device's memory from at on, with matrices of no more than widest columns.
func newUpload(dev gpu.Device, t gpu.DType, at gpu.Ptr, bytes int64, widest int) (*upload, error) {
	stage := int(aligned(max(int64(widest*t.Size()), min(stageBytes, bytes))))
	to, err := gpu.NewUploader(dev, 0, stage)
	return &upload{to, t, at, at.Add(bytes), stage}, err
}

func (u *upload) weight(r *recipe) (kernels.Weight, error) {
	w := kernels.Weight{N: r.n, K: r.k, Type: u.t, Device: uint64(u.at)}
	width := r.k * u.t.Size()
	next := u.at.Add(aligned(int64(r.n) * int64(width)))
	if next > u.end {
		return w, errors.New("the matrices take more memory than was counted")
	}
	step := max(1, u.stage/max(1, width))
	for row := 0; row < r.n; row += step {
		n := min(step, r.n-row)
		err := u.Upload(u.at.Add(int64(row)*int64(width)), int64(n)*int64(width), func(to []byte, _ int64) error {
			r.rows(to, u.t, row, n)
			return nil
		})
		if err != nil {
			return w, err
		}
	}
	u.at = next
	return w, nil
}

// rows writes n outputs from row on to dst, row-major in a type and the byte order of files, on all processors.
func (r *recipe) rows(dst []byte, as kernels.DType, row, n int) {
	width := r.k * as.Size()
	clear(dst)
	threads := runtime.GOMAXPROCS(0)
	part := max(1, (n+threads-1)/threads)
	p := workers.New()
	for at := 0; at < n; at += part {
		p.Go(func() {
			lo, hi := row+at, row+min(n, at+part)
			for _, run := range r.runs {
				from, to := max(lo, run.to), min(hi, run.to+run.n)
				if from < to {
					run.rows(dst[(from-row)*width:(to-row)*width], as, r.k, run.from+from-run.to, to-from)
				}
			}
		})
	}
	p.Wait()
}

// rows writes n rows of the run's tensor, from one on.
func (r *run) rows(dst []byte, as kernels.DType, k, from, n int) {
	size := r.stored.Size()
	if !r.transposed {
		convert(dst, as, r.tensor.Data[from*k*size:(from+n)*k*size], r.stored)
		return
	}
	const some = 32 // columns that are gathered at a time
	for at := 0; at < n; at += some {
		m := min(some, n-at)
		to := dst[at*k*as.Size() : (at+m)*k*as.Size()]
		if r.stored == kernels.F32 {
			convert(to, as, bytesOf(columns(floats(r.tensor.Data), k, r.of, from+at, m)), r.stored)
		} else {
			convert(to, as, bytesOf(columns(halves(r.tensor.Data), k, r.of, from+at, m)), r.stored)
		}
	}
}

// convert writes numbers of one type as another, rounding to the nearest. Machines whose numbers begin with their high
// bytes have no device.
func convert(dst []byte, as kernels.DType, raw []byte, stored kernels.DType) {
	switch {
	case as == stored:
		copy(dst, raw)
	case as == kernels.F32 && stored == kernels.BF16:
		widen(floats(dst), halves(raw), kernels.FromBF16)
	case as == kernels.F32:
		widen(floats(dst), halves(raw), kernels.FromF16)
	case stored == kernels.F32 && as == kernels.BF16:
		narrow(halves(dst), floats(raw), kernels.ToBF16)
	case stored == kernels.F32:
		narrow(halves(dst), floats(raw), kernels.ToF16)
	case as == kernels.BF16:
		rehalf(halves(dst), halves(raw), kernels.FromF16, kernels.ToBF16)
	default:
		rehalf(halves(dst), halves(raw), kernels.FromBF16, kernels.ToF16)
	}
}

func widen(dst []float32, src []uint16, f func(uint16) float32) {
	for i, v := range src {
		dst[i] = f(v)
	}
}

func narrow(dst []uint16, src []float32, f func(float32) uint16) {
	for i, v := range src {
		dst[i] = f(v)
	}
}

func rehalf(dst, src []uint16, from func(uint16) float32, to func(float32) uint16) {
	for i, v := range src {
		dst[i] = to(from(v))
	}
}

// bytesOf is the memory of numbers.
func bytesOf[T any](v []T) []byte {
	if len(v) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), len(v)*int(unsafe.Sizeof(v[0])))
}

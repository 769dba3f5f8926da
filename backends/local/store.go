package local

import (
	"errors"
	"fmt"
	"runtime"

	workers "github.com/sourcegraph/conc/pool"

	"github.com/onset-eval/onset/backends/local/internal/kernels"
	"github.com/onset-eval/onset/backends/local/internal/packcache"
)

// store decides where the packed form of matrices lies.
type store interface {
	weight(r *recipe) (kernels.Weight, error)
}

// planStore packs nothing and counts the bytes that packing would take. Its weights have no numbers.
type planStore struct{ bytes int64 }

func (s *planStore) weight(r *recipe) (kernels.Weight, error) {
	s.bytes += r.bytes()
	return kernels.Weight{N: r.n, K: r.k, Type: r.as}, nil
}

// bytes is the size of the packed matrix.
func (r *recipe) bytes() int64 {
	return int64(kernels.PackedLen(r.n, r.k, r.as)) * int64(r.as.Size())
}

// memoryStore packs into the process's memory, on all processors.
type memoryStore struct{}

func (memoryStore) weight(r *recipe) (kernels.Weight, error) {
	w := kernels.NewWeight(r.n, r.k, r.as)
	p := workers.New().WithMaxGoroutines(runtime.GOMAXPROCS(0))
	step := r.partRows()
	for row := 0; row < r.n; row += step {
		p.Go(func() { r.fill(panels(w, row, min(step, r.n-row)), row) })
	}
	p.Wait()
	return w, nil
}

// panels is the part of a weight with n outputs from row on, which begins a panel.
func panels(w kernels.Weight, row, n int) kernels.Weight {
	lo := kernels.PackedLen(row, w.K, w.Type)
	hi := lo + kernels.PackedLen(n, w.K, w.Type)
	part := kernels.Weight{N: n, K: w.K, Type: w.Type}
	if w.Type == kernels.F32 {
		part.Data = w.Data[lo:hi]
	} else {
		part.Half = w.Half[lo:hi]
	}
	return part
}

// writeStore packs into a file of the cache. Its weights have no numbers: the file is opened when it is complete.
type writeStore struct{ to *packcache.Writer }

// errCache marks an error of the cache, which is no obstacle to running the model.
var errCache = errors.New("the cache of packed weights cannot be written")

func (s writeStore) weight(r *recipe) (kernels.Weight, error) {
	step := r.partRows()
	size := int64(r.as.Size())
	part := int64(kernels.PackedLen(step, r.k, r.as)) * size
	err := s.to.Add(r.entry(), r.bytes(), max(1, part), func(dst []byte, at int64) {
		clear(dst)
		row := int(at/part) * step
		r.fill(weightIn(dst, min(step, r.n-row), r.k, r.as), row)
	})
	if err != nil {
		return kernels.Weight{}, fmt.Errorf("%w: %w", errCache, err)
	}
	return kernels.Weight{N: r.n, K: r.k, Type: r.as}, nil
}

func (r *recipe) entry() packcache.Entry {
	return packcache.Entry{Name: r.name, Format: r.as.String(), N: r.n, K: r.k}
}

// weightIn is a packed matrix whose bytes are in memory, aligned and in the machine's order.
func weightIn(raw []byte, n, k int, as kernels.DType) kernels.Weight {
	w := kernels.Weight{N: n, K: k, Type: as}
	if as == kernels.F32 {
		w.Data = floats(raw)
	} else {
		w.Half = halves(raw)
	}
	return w
}

// fileStore takes packed matrices from a file of the cache.
type fileStore struct{ from *packcache.File }

// errStale says that a packed file was made by a program that packs otherwise.
var errStale = errors.New("the packed file has no such matrix")

func (s fileStore) weight(r *recipe) (kernels.Weight, error) {
	e, raw, ok := s.from.Blob(r.name)
	if !ok || e != r.entry() || int64(len(raw)) != r.bytes() {
		return kernels.Weight{}, errStale
	}
	return weightIn(raw, r.n, r.k, r.as), nil
}

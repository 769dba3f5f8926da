package lmeval

import (
	"runtime"
	"sync/atomic"

	"github.com/sourcegraph/conc"
)

// inParallel computes f(0) to f(len(like)-1) on all processors. Of several errors it gives that of the lowest
// index.
func inParallel[T, R any](like []T, f func(i int) (R, error)) ([]R, error) {
	out := make([]R, len(like))
	errs := make([]error, len(like))
	each(len(like), func(i int) { out[i], errs[i] = f(i) })
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// each calls f(0) to f(n-1) on all processors, and returns when all have.
func each(n int, f func(i int)) {
	var next atomic.Int64
	var wg conc.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}

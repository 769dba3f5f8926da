package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/process"
)

// PeakOf runs the worker to measure what a device can do at most: products of large matrices, and copies of its memory. It
// ends before it returns, so that the memory is free again.
func PeakOf(ctx context.Context, program string, ordinal int) (gpu.Peak, error) {
	var p gpu.Peak
	out, err := process.Once(ctx, []string{program, "peak", "--device", strconv.Itoa(ordinal)})
	if err == nil && out.Exit != 0 {
		err = fmt.Errorf("%s: %s", out.State, short(out.Stderr+" "+string(out.Stdout)))
	}
	if err == nil {
		err = json.Unmarshal(out.Stdout, &p)
	}
	if err != nil {
		return p, fmt.Errorf("measure what cuda:%d can do at most: %w", ordinal, err)
	}
	return p, nil
}

package host

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"

	"github.com/onset-eval/onset/backends/local/gpu"
	"github.com/onset-eval/onset/backends/local/worker"
)

// Peaker is a Machine that measures what its devices can do at most.
type Peaker interface {
	Peak(ctx context.Context, ordinal int) (gpu.Peak, error)
}

// peak measures a device and writes what it can do.
func peak(ctx context.Context, args []string, std Streams, m Machine) int {
	fs := flag.NewFlagSet("peak", flag.ContinueOnError)
	fs.SetOutput(std.Err)
	ordinal := fs.Int("device", 0, "number of the device, from 0")
	if err := fs.Parse(args); err != nil {
		return exitUsage
	}
	p, ok := m.(Peaker)
	if !ok {
		fmt.Fprintf(std.Err, "%s: this worker does not measure devices\n", worker.Program)
		return exitFails
	}
	found, err := p.Peak(ctx, *ordinal)
	if err == nil {
		err = json.NewEncoder(std.Out).Encode(found)
	}
	if err != nil {
		fmt.Fprintf(std.Err, "%s: %v\n", worker.Program, err)
		return exitFails
	}
	return exitOK
}

//go:build cuda

package cu

import "github.com/onset-eval/onset/backends/local/gpu"

func openLt(*device) gpu.Lt { return nil }

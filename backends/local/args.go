package local

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Args are the arguments of a local model that OptionsFor reads: what a ladder file's args and --model-args may say.
var Args = []string{"compute", "kernels", "threads", "step_tokens", "kv_bytes", "memory_bytes", "cache_dir"}

// OptionsFor reads the arguments of a local model. An error says what arguments there are.
func OptionsFor(args map[string]string) (Options, error) {
	var o Options
	for _, name := range slices.Sorted(maps.Keys(args)) {
		var err error
		switch value := args[name]; name {
		case "compute":
			o.Compute = value
		case "kernels":
			o.Kernels = value
		case "cache_dir":
			o.CacheDir = value
		case "threads":
			o.Threads, err = strconv.Atoi(value)
		case "step_tokens":
			o.StepTokens, err = strconv.Atoi(value)
		case "kv_bytes":
			o.CacheBytes, err = strconv.ParseInt(value, 10, 64)
		case "memory_bytes":
			o.MemoryBytes, err = strconv.ParseInt(value, 10, 64)
		default:
			return o, &hintError{fmt.Errorf("a local model has no argument %q", name), "its arguments are " + strings.Join(Args, ", ")}
		}
		if err != nil {
			return o, &hintError{fmt.Errorf("argument %s: %q is no whole number", name, args[name]), "write it in digits"}
		}
	}
	return o, nil
}

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/onset-eval/onset/backends/local"
)

func TestLocalOptions(t *testing.T) {
	got, err := local.OptionsFor(map[string]string{"compute": "bf16", "kernels": "avx2", "threads": "3", "step_tokens": "64", "kv_bytes": "1000", "memory_bytes": "-1", "cache_dir": "c"})
	want := local.Options{Compute: "bf16", Kernels: "avx2", Threads: 3, StepTokens: 64, CacheBytes: 1000, MemoryBytes: -1, CacheDir: "c"}
	if diff := cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool {
		name := p.Last().String()
		return strings.HasPrefix(name, ".") && strings.ToLower(name) == name
	}, cmp.Ignore())); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []map[string]string{{"thread": "1"}, {"threads": "many"}, {"kv_bytes": "1GiB"}} {
		if _, err := local.OptionsFor(bad); err == nil || hintOf(err) == "" {
			t.Errorf("%v gives %v", bad, err)
		}
	}
}

func TestCacheDir(t *testing.T) {
	for value, want := range map[string]string{"none": "", "/x/y": "/x/y"} {
		if got := cacheDir(func(string) string { return value }); got != want {
			t.Errorf("%s=%s gives %q", cacheVariable, value, got)
		}
	}
	if got := cacheDir(func(string) string { return "" }); got != "" && !strings.HasSuffix(got, "onset") {
		t.Errorf("by default %q", got)
	}
}

package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/local/internal/randmodel"
)

// tinySize is a model of which every shape is odd to the kernels: outputs that do not fill panels, odd k.
var tinySize = randmodel.Size{Vocab: 300, Width: 36, Layers: 3, Heads: 3, KVHeads: 1, FF: 75, Context: 64}

func writeTiny(t testing.TB, s randmodel.Size, o randmodel.Options) string {
	t.Helper()
	dir := t.TempDir()
	if err := randmodel.Llama(s).Write(dir, o); err != nil {
		t.Fatal(err)
	}
	age(t, dir)
	return dir
}

// age makes a folder's files old enough for their hash to be remembered, as far as their times of modification go.
func age(t testing.TB, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	old := time.Now().Add(-time.Hour)
	for _, f := range files {
		if err := os.Chtimes(f, old, old); err != nil {
			t.Fatal(err)
		}
	}
}

// scores asks a model for log-probabilities, and closes it.
func scores(t testing.TB, dir string, o Options) ([]backends.LogProb, Storage, backends.Info) {
	t.Helper()
	b, err := Open(context.Background(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := b.Do(context.Background(), backends.Request{Kind: backends.LogLikelihood, Prompt: "The cat", Continuations: []string{" sat", " ate the mat", "!"}})
	if err != nil {
		t.Fatal(err)
	}
	storage, info := b.Storage(), b.Info()
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	return resp.LogProbs, storage, info
}

func same(a, b []backends.LogProb) bool { return len(a) > 0 && slices.Equal(a, b) }

// TestPackedCache opens checkpoints of every type, tied and not, sharded and not, from memory, packed now, and mapped:
// the numbers are equal to the bit, and so is the hash.
func TestPackedCache(t *testing.T) {
	for _, dtype := range []string{"F32", "BF16", "F16"} {
		for _, tied := range []bool{false, true} {
			size := tinySize
			size.Tied = tied
			name := fmt.Sprintf("%s tied %v", dtype, tied)
			dir := writeTiny(t, size, randmodel.Options{DType: dtype, Shards: 3, DTypes: map[string]string{"model.layers.1.self_attn.k_proj.weight": "F32"}})
			want, in, info := scores(t, dir, Options{})
			if in.Place != "memory" || in.Why == "" || in.Bytes == 0 {
				t.Errorf("%s: without a cache %+v", name, in)
			}
			o := Options{CacheDir: t.TempDir(), smallest: 1}
			for i, made := range []bool{true, false, false} {
				got, in, again := scores(t, dir, o)
				if in.Place != "disk" || in.Made != made || in.Path == "" || in.Why != "" {
					t.Errorf("%s, opening %d: %+v", name, i, in)
				}
				if !same(got, want) {
					t.Errorf("%s, opening %d: %v, want %v", name, i, got, want)
				}
				if again.WeightsHash != info.WeightsHash || again.Params != info.Params || again.ParamsNonEmbedding != info.ParamsNonEmbedding {
					t.Errorf("%s, opening %d: %+v, want %+v", name, i, again, info)
				}
			}
			if got, in, _ := scores(t, dir, Options{CacheDir: o.CacheDir}); in.Place != "memory" || !strings.Contains(in.Why, "small") || !same(got, want) {
				t.Errorf("%s: a small checkpoint %+v", name, in)
			}
		}
	}
}

// TestPackedCacheIsRenewed: what changed, or was damaged, is packed again; what cannot be kept is done without.
func TestPackedCacheIsRenewed(t *testing.T) {
	dir := writeTiny(t, tinySize, randmodel.Options{DType: "BF16"})
	o := Options{CacheDir: t.TempDir(), smallest: 1}
	want, _, info := scores(t, dir, o)
	packed := packedFiles(t, o.CacheDir)
	if len(packed) != 1 || !strings.HasPrefix(filepath.Base(packed[0]), strings.TrimPrefix(info.WeightsHash, "sha256:")+"-") {
		t.Fatalf("%v is in the cache", packed)
	}
	for _, c := range []struct {
		name   string
		change func() error
		made   bool
	}{
		{"the hashes are lost", func() error { return os.RemoveAll(filepath.Join(o.CacheDir, "hashes")) }, false},
		{"a byte of a weight is damaged", func() error { return flip(packed[0], 5000) }, true},
		{"a byte of the index is damaged", func() error { return flip(packed[0], -200) }, true},
		{"it is cut short", func() error { return os.Truncate(packed[0], 9000) }, true},
		{"it is empty", func() error { return os.Truncate(packed[0], 0) }, true},
		{"the checkpoint is copied", func() error {
			to := t.TempDir()
			err := os.CopyFS(filepath.Join(to, "x"), os.DirFS(dir))
			dir = filepath.Join(to, "x")
			return err
		}, false},
	} {
		if err := c.change(); err != nil {
			t.Fatal(err)
		}
		if got, in, _ := scores(t, dir, o); in.Place != "disk" || in.Made != c.made || !same(got, want) {
			t.Errorf("%s: %+v, %v, want %v", c.name, in, got, want)
		}
	}
	// Another checkpoint in its place.
	if err := randmodel.Llama(tinySize).Write(dir, randmodel.Options{DType: "BF16", Seed: 9}); err != nil {
		t.Fatal(err)
	}
	other, _, _ := scores(t, dir, Options{})
	if got, in, now := scores(t, dir, o); !in.Made || !same(got, other) || same(got, want) || now.WeightsHash == info.WeightsHash {
		t.Errorf("other weights: %+v, %v", in, got)
	}
	if packed := packedFiles(t, o.CacheDir); len(packed) != 2 {
		t.Errorf("%v is in the cache", packed)
	}
}

// TestRememberedHash counts on a hash that is wrong to see that it is taken: the files are not read again while they are
// what they were, and are when they are touched.
func TestRememberedHash(t *testing.T) {
	dir := writeTiny(t, tinySize, randmodel.Options{})
	weights := filepath.Join(dir, "model.safetensors")
	o := Options{CacheDir: t.TempDir(), smallest: 1}
	_, _, info := scores(t, dir, o)
	notes, err := filepath.Glob(filepath.Join(o.CacheDir, "hashes", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(notes) != 0 {
		t.Errorf("%v is remembered of files that changed just now", notes)
	}
	later := o // as if a minute had passed
	later.now = func() time.Time { return time.Now().Add(time.Minute) }
	for i, hashed := range []bool{true, false, false} {
		if _, in, again := scores(t, dir, later); in.Hashed != hashed || in.Made || again.WeightsHash != info.WeightsHash {
			t.Errorf("opening %d a minute later: %+v", i, in)
		}
	}
	notes, err = filepath.Glob(filepath.Join(o.CacheDir, "hashes", "*.json"))
	if err != nil || len(notes) != 1 {
		t.Fatalf("%v is remembered, %v", notes, err)
	}
	note, err := os.ReadFile(notes[0])
	if err != nil {
		t.Fatal(err)
	}
	digits := strings.TrimPrefix(info.WeightsHash, "sha256:")
	if !strings.Contains(string(note), digits) {
		t.Fatalf("%s is remembered", note)
	}
	wrong := strings.ReplaceAll(string(note), digits, strings.Repeat("0", 64))
	if err := os.WriteFile(notes[0], []byte(wrong), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, in, again := scores(t, dir, later); in.Made || !in.Hashed || again.WeightsHash != info.WeightsHash {
		t.Errorf("a remembered hash of which there is no packed form: %+v, %s", in, again.WeightsHash)
	}
	if _, in, _ := scores(t, dir, later); in.Hashed {
		t.Error("the wrong hash is not replaced")
	}
	now := time.Now()
	if err := os.Chtimes(weights, now, now); err != nil {
		t.Fatal(err)
	}
	if _, in, again := scores(t, dir, o); in.Made || !in.Hashed || again.WeightsHash != info.WeightsHash {
		t.Errorf("a checkpoint that was touched: %+v, %s", in, again.WeightsHash)
	}
}

// TestCacheThatCannotBe: a cache that is a file, that may not be written to, or that has no room is no obstacle.
func TestCacheThatCannotBe(t *testing.T) {
	dir := writeTiny(t, tinySize, randmodel.Options{})
	want, _, _ := scores(t, dir, Options{})
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	sealed := t.TempDir()
	if err := os.Chmod(sealed, 0o500); err != nil {
		t.Fatal(err)
	}
	caches := []string{file, filepath.Join(file, "below")}
	if os.Geteuid() != 0 { // root may write anywhere
		caches = append(caches, sealed)
	}
	for _, cache := range caches {
		got, in, _ := scores(t, dir, Options{CacheDir: cache, smallest: 1})
		if in.Place != "memory" || !strings.Contains(in.Why, "cannot be written") || !same(got, want) {
			t.Errorf("%s: %+v", cache, in)
		}
	}
}

// TestOpenTogether opens a checkpoint many times at once over an empty cache.
func TestOpenTogether(t *testing.T) {
	dir := writeTiny(t, tinySize, randmodel.Options{DType: "F16"})
	want, _, _ := scores(t, dir, Options{})
	o := Options{CacheDir: t.TempDir(), smallest: 1}
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			if got, in, _ := scores(t, dir, o); in.Place != "disk" || !same(got, want) {
				t.Errorf("%+v, %v, want %v", in, got, want)
			}
		})
	}
	wg.Wait()
	if packed := packedFiles(t, o.CacheDir); len(packed) != 1 {
		t.Errorf("%v is in the cache", packed)
	}
}

func TestMemoryIsPlanned(t *testing.T) {
	dir := writeTiny(t, tinySize, randmodel.Options{DType: "BF16"})
	_, err := Open(context.Background(), dir, Options{MemoryBytes: 100_000})
	var hint *hintError
	if !errors.As(err, &hint) || !strings.Contains(err.Error(), "the bound that was set leaves 98 KiB") || !strings.Contains(err.Error(), "of weights") {
		t.Errorf("%v", err)
	}
	for _, most := range []int64{-1, 1 << 30} {
		if _, in, _ := scores(t, dir, Options{MemoryBytes: most}); in.Bytes == 0 {
			t.Errorf("%d bytes: %+v", most, in)
		}
	}
}

// TestParams counts a model's parameters by hand.
func TestParams(t *testing.T) {
	for _, tied := range []bool{false, true} {
		size := tinySize
		size.Tied = tied
		dir := writeTiny(t, size, randmodel.Options{})
		_, _, info := scores(t, dir, Options{})
		layers := int64(3 * (36*36*2 + 2*12*36 + 3*36*75 + 2*36))
		all := layers + 36 + 300*36
		if !tied {
			all += 300 * 36
		}
		if info.Params != all || info.ParamsNonEmbedding != layers+36 {
			t.Errorf("tied %v: %d parameters and %d outside of embeddings, want %d and %d", tied, info.Params, info.ParamsNonEmbedding, all, layers+36)
		}
	}
}

func packedFiles(t testing.TB, cache string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(cache, "packed", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(p string) bool { return filepath.Ext(p) != "" })
}

// flip changes a byte of a file; a negative place counts from the end.
func flip(path string, at int) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if at < 0 {
		at += len(data)
	}
	data[at] ^= 0x40
	return os.WriteFile(path, data, 0o600)
}

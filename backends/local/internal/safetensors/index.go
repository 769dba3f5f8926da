package safetensors

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// MaxIndex bounds an index, in bytes: some hundred thousand tensors.
const MaxIndex = 32 << 20

// Index says which file of a sharded checkpoint holds each tensor (model.safetensors.index.json).
type Index struct {
	file  string
	byKey map[string]string
}

// ParseIndex reads an index. file names it in errors. A shard must be a safetensors file beside the index: an index comes
// from a stranger and must not lead out of its folder.
func ParseIndex(file string, data []byte) (*Index, error) {
	x, err := parseIndex(data)
	if err != nil {
		return nil, &Error{File: file, Msg: err.Error()}
	}
	x.file = file
	return x, nil
}

func parseIndex(data []byte) (*Index, error) {
	if len(data) > MaxIndex {
		return nil, fmt.Errorf("an index of %d bytes is larger than any", len(data))
	}
	var f struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("it is no index: %w", err)
	}
	if len(f.WeightMap) == 0 {
		return nil, errors.New("it names no file")
	}
	for _, key := range slices.Sorted(maps.Keys(f.WeightMap)) {
		shard := f.WeightMap[key]
		if strings.ContainsAny(shard, `/\:`+"\x00") || !strings.HasSuffix(shard, ".safetensors") {
			return nil, fmt.Errorf("tensor %q is in %q, which is no safetensors file beside the index", key, shard)
		}
	}
	return &Index{byKey: f.WeightMap}, nil
}

// Files lists the shards in name order.
func (x *Index) Files() []string {
	return slices.Compact(slices.Sorted(maps.Values(x.byKey)))
}

// Check sees that a shard holds the tensors that the index puts there, and none that it puts elsewhere. Tensors that the
// index does not name are let pass: exporters leave buffers in shards.
func (x *Index) Check(shard string, tensors map[string]Tensor) error {
	for _, key := range slices.Sorted(maps.Keys(x.byKey)) {
		if _, ok := tensors[key]; !ok && x.byKey[key] == shard {
			return &Error{File: shard, Msg: fmt.Sprintf("it has no tensor %q, which %s puts there", key, x.file)}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(tensors)) {
		if at, ok := x.byKey[key]; ok && at != shard {
			return &Error{File: shard, Msg: fmt.Sprintf("it has the tensor %q, which %s puts into %s", key, x.file, at)}
		}
	}
	return nil
}

package local

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
)

// quantizedTensors are the names that quantised layers give to what stands in place of a weight.
var quantizedTensors = []struct{ suffix, what string }{
	{"qweight", "GPTQ or AWQ integers"},
	{"weight_packed", "compressed-tensors integers"},
	{"weight_scale", "scaled integers or fp8"},
	{"weight_blocks", "MXFP4 blocks"},
	{"SCB", "bitsandbytes 8 bit"},
	{"weight.absmax", "bitsandbytes 4 bit"},
}

func quantized(what string) error {
	return &hintError{
		fmt.Errorf("the checkpoint is quantised: %s; the engine computes with F32, F16 and BF16 weights", what),
		"use the checkpoint that it was made of, or serve it with a model server and use that",
	}
}

// refuseQuantized refuses a checkpoint whose config.json says that its weights are quantised, by the method's name.
func refuseQuantized(fsys fs.FS) error {
	data, err := readBounded(fsys, "config.json", maxConfig)
	if err != nil {
		return err
	}
	var c struct {
		Config json.RawMessage `json:"quantization_config"`
		Older  json.RawMessage `json:"compression_config"`
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("config.json: %w", err)
	}
	raw := c.Config
	if none(raw) {
		raw = c.Older
	}
	if none(raw) {
		return nil
	}
	var q struct {
		Method string `json:"quant_method"`
		Type   string `json:"quant_type"`
		Format string `json:"format"`
		Bits   int    `json:"bits"`
		Four   bool   `json:"load_in_4bit"`
		Eight  bool   `json:"load_in_8bit"`
	}
	if err := json.Unmarshal(raw, &q); err != nil {
		return fmt.Errorf("config.json: quantization_config: %w", err)
	}
	what := []string{cmp.Or(q.Method, q.Type, "an unnamed method")}
	if q.Format != "" {
		what = append(what, q.Format)
	}
	switch {
	case q.Bits > 0:
		what = append(what, fmt.Sprintf("%d bits", q.Bits))
	case q.Four:
		what = append(what, "4 bits")
	case q.Eight:
		what = append(what, "8 bits")
	}
	return quantized("config.json's quantization_config says " + strings.Join(what, ", "))
}

func none(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

package local

import (
	"errors"
	"fmt"
	"os"
)

// DeviceNeed is what a checkpoint takes of a device, read from its headers alone.
type DeviceNeed struct {
	// Least is the bytes of device memory without which it is refused: weights in the type that is computed in, keys and
	// values of a few-shot prompt, and the smallest step. What there is beyond serves speed.
	Least int64 `json:"least"`
	// Type is that type.
	Type string `json:"type"`
	// Params counts the parameters, each shared tensor once.
	Params int64 `json:"params"`
}

// DeviceNeedOf counts what the checkpoint in a folder takes of a device; of the options, Compute and StepTokens matter.
func DeviceNeedOf(dir string, o Options) (need DeviceNeed, err error) {
	p, err := prepare(os.DirFS(dir), Options{})
	if err != nil {
		return need, fmt.Errorf("read checkpoint %s: %w", dir, err)
	}
	defer func() { err = errors.Join(err, p.release()) }()
	p.o = o
	c, err := p.count()
	if err != nil {
		return need, fmt.Errorf("read checkpoint %s: %w", dir, err)
	}
	_, vectors := newGPUModel(c.model, 0)
	plan := gpuPlan{t: c.t, weights: c.bytes(c.t) + int64(len(vectors)), tokens: gpuLeastTokens}
	if o.StepTokens > 0 {
		plan.tokens = min(o.StepTokens, maxStepTokens)
	}
	plan.measure(c.model)
	s := &c.model.spec
	need.Least = plan.weights + plan.work + plan.pageBytes(s)*int64(s.leastPages()+1)
	need.Type = c.t.String()
	need.Params, _ = p.params()
	return need, nil
}

// DeviceRoom is the part of a device's free bytes that models may take.
func DeviceRoom(free int64) int64 { return free - min(gpuReserve, free/8) }

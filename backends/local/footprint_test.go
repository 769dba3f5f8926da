package local

import (
	"os"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
)

// TestDeviceNeed sees that what is said to be needed is what planning a device's memory accepts, and no less.
func TestDeviceNeed(t *testing.T) {
	for _, name := range []string{"s0", "s3", "s7"} {
		for _, compute := range []string{"", "f32", "bf16"} {
			dir := "ladder/checkpoints/seed0/" + name
			need, err := DeviceNeedOf(dir, Options{Compute: compute})
			if err != nil {
				t.Fatal(err)
			}
			all, _, err := Count(dir)
			if err != nil || need.Params != all || compute != "" && need.Type != compute {
				t.Errorf("%s %s: %+v, %d parameters, %v", name, compute, need, all, err)
			}
			typ, err := gpu.ParseDType(need.Type)
			if err != nil {
				t.Fatal(err)
			}
			fits := func(room int64) bool {
				free := room
				for DeviceRoom(free) < room {
					free++
				}
				return planFits(t, dir, typ, compute, free)
			}
			if !fits(need.Least) || fits(need.Least-1024) {
				t.Errorf("%s %s: %d bytes are said to be needed, and planning says %v with them and %v with less", name, compute, need.Least, fits(need.Least), fits(need.Least-1024))
			}
		}
	}
}

// planFits plans a checkpoint's memory on a device with so many free bytes.
func planFits(t *testing.T, dir string, typ gpu.DType, compute string, free int64) bool {
	t.Helper()
	p, err := prepare(os.DirFS(dir), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.release() }()
	p.o = Options{Compute: compute}
	c, err := p.count()
	if err != nil {
		t.Fatal(err)
	}
	_, vectors := newGPUModel(c.model, 0)
	_, err = planGPU(c.model, typ, c.bytes(typ)+int64(len(vectors)), free, Options{})
	return err == nil
}

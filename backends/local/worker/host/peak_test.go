package host

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/onset-eval/onset/backends/local/gpu"
)

// measured is a machine whose only device was measured before.
type measured struct{ machine }

func (measured) Peak(_ context.Context, ordinal int) (gpu.Peak, error) {
	if ordinal != 0 {
		return gpu.Peak{}, errors.New("there is one device")
	}
	return gpu.Peak{Product: 7e14, By: "ptx", Copy: 3e12, Size: 8192}, nil
}

func TestPeak(t *testing.T) {
	for _, c := range []struct {
		args     string
		m        Machine
		code     int
		out, err string
	}{
		{"peak", measured{}, exitOK, `"product_flops":700000000000000,"by":"ptx"`, ""},
		{"peak --device 1", measured{}, exitFails, "", "there is one device"},
		{"peak --devic 1", measured{}, exitUsage, "", "not defined"},
		{"peak", machine{}, exitFails, "", "does not measure"},
	} {
		var out, errs bytes.Buffer
		code := Main(t.Context(), strings.Fields(c.args), Streams{In: strings.NewReader(""), Out: &out, Err: &errs}, c.m, "1")
		if code != c.code || !strings.Contains(out.String(), c.out) || !strings.Contains(errs.String(), c.err) {
			t.Errorf("%s: code %d, %s, %s", c.args, code, out.String(), errs.String())
		}
	}
}

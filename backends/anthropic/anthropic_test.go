package anthropic

import (
	"testing"

	"github.com/onset-eval/onset/backends"
)

// TestGeneration sees what is sent to whom: models after Claude 4.6 refuse a temperature, and from Claude 5 on they think
// without being asked.
func TestGeneration(t *testing.T) {
	for _, c := range []struct {
		model           string
		args            map[string]string
		samples, thinks bool
	}{
		{"claude-3-5-haiku-20241022", nil, true, false},
		{"claude-3-opus-latest", nil, true, false},
		{"claude-sonnet-4-20250514", nil, true, false},
		{"claude-sonnet-4-5-20250929", nil, true, false},
		{"claude-opus-4-6", nil, true, false},
		{"us.anthropic.claude-haiku-4-5-20251001-v1:0", nil, true, false},
		{"claude-opus-4-7", nil, false, false},
		{"claude-opus-4-8", nil, false, false},
		{"claude-sonnet-5", nil, false, true},
		{"claude-haiku-5-5", nil, false, true},
		{"claude-fable-5-2", nil, false, true},
		{"claude-mythos-preview", nil, false, true},
		{"a-model-of-another", nil, true, false},
		{"claude-opus-4-8", map[string]string{"sampling": "send"}, true, false},
		{"claude-sonnet-5", map[string]string{"thinking": "off"}, false, false},
		{"claude-sonnet-4-5", map[string]string{"thinking": "2000"}, false, true},
		{"a-model-of-another", map[string]string{"sampling": "omit"}, false, false},
	} {
		m := backends.Model{Ref: backends.Ref{Provider: "anthropic", Model: c.model}, Args: c.args, BaseURL: "http://127.0.0.1:1"}
		b, err := Open(t.Context(), Options{Model: m})
		if err != nil {
			t.Fatal(err)
		}
		details := b.Info().Details
		if samples, thinks := details["temperature"] == "", details["thinking_budget"] != ""; samples != c.samples || thinks != c.thinks {
			t.Errorf("%s %v: samples %v, thinks %v; want %v, %v", c.model, c.args, samples, thinks, c.samples, c.thinks)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

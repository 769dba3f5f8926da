package price

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"github.com/onset-eval/onset/backends"
)

func TestShippedPricesAreWhole(t *testing.T) {
	table := Shipped()
	if len(table.entries) < 30 || table.AsOf == "" {
		t.Fatalf("%d entries as of %q", len(table.entries), table.AsOf)
	}
	for _, e := range table.entries {
		p := e.price
		if p.Input <= 0 || p.Output < p.Input || p.CachedInput > p.Input || p.Batch <= 0 || p.Batch > 1 {
			t.Errorf("%s: %+v", e.name, p)
		}
	}
}

func TestLongestEntryWins(t *testing.T) {
	for ref, input := range map[string]float64{
		"openai/gpt-4o":                       2.5,
		"openai/gpt-4o-2024-08-06":            2.5,
		"openai/gpt-4o-2024-05-13":            5,
		"openai/gpt-4o-mini":                  0.15,
		"openai/gpt-4o-mini-2024-07-18":       0.15,
		"anthropic/claude-3-5-haiku-20241022": 0.8,
		"anthropic/claude-opus-4-5-20251101":  5,
		"anthropic/claude-opus-4-1":           15,
	} {
		r, err := backends.ParseRef(ref)
		if err != nil {
			t.Fatal(err)
		}
		p, found := Shipped().For(r)
		if !found || p.Input != input {
			t.Errorf("%s: %v %+v, not %g", ref, found, p, input)
		}
	}
	for _, ref := range []string{"openai/gpt-4o-audio", "openai/unheard-of", "local/gpt-4o"} {
		r, _ := backends.ParseRef(ref)
		if p, found := Shipped().For(r); found {
			t.Errorf("%s has the price %+v", ref, p)
		}
	}
}

func TestLoad(t *testing.T) {
	write := func(text string) string {
		file := filepath.Join(t.TempDir(), "p.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	table, err := Load(write("models:\n  - {model: openai/gpt-4o*, input: 1, output: 2}\n  - {model: mine/*, input: 3, output: 4, cached_input: 1, batch: 0.5}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[string]Price{
		"openai/gpt-4o-2024-05-13": {1, 1, 2, 1}, // the user's * wins over the shipped exact entry
		"mine/x":                   {3, 1, 4, 0.5},
		"openai/o3":                {2, 0.5, 8, 0.5},
	} {
		r, _ := backends.ParseRef(ref)
		if got, _ := table.For(r); got != want {
			t.Errorf("%s: %+v, not %+v", ref, got, want)
		}
	}
	for text, want := range map[string]string{
		"models: []": "prices no model",
		"models:\n  - {model: x, input: 1, output: 1}":                                          ":2:13: model: \"x\" is no model reference",
		"models:\n  - {model: a/b, inputs: 1}":                                                  `did you mean "input"`,
		"models:\n  - {model: a/b, input: 1}":                                                   `the key "output" is missing`,
		"models:\n  - {model: a/b, input: -1, output: 2}":                                       "is no price",
		"models:\n  - {model: a/b, input: 1, output: 2}\n  - {model: a/b, input: 1, output: 2}": "priced twice",
	} {
		_, err := Load(write(text))
		if err == nil || !strings.Contains(err.Error()+hint(err), want) {
			t.Errorf("%q: %v, not %q", text, err, want)
		}
	}
}

// TestSchemaAgrees sees that the schema accepts what the decoder does and refuses what it refuses.
func TestSchemaAgrees(t *testing.T) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("prices.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("prices.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		string(shipped),
		"models: [{model: a/b*, input: 0, output: 1.5}]",
		"models: [{model: a/*, input: 0, output: 1.5, batch: 0.5, cached_input: 0}]",
		"models: []", "as_of: x", "models: [{model: a, input: 0, output: 1}]", "models: [{model: a/*b, input: 0, output: 1}]",
		"models: [{model: a/b, input: -1, output: 1}]", "models: [{model: a/b, output: 1}]", "models: [{model: a/b, input: x, output: 1}]",
		"models: [{model: a/b, input: 1, output: 1, more: 1}]", "more: 1\nmodels: [{model: a/b, input: 1, output: 1}]",
	} {
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		if day, ok := value.(map[string]any)["as_of"]; ok {
			value.(map[string]any)["as_of"] = fmt.Sprint(day)
		}
		_, decoded := decode("p.yaml", []byte(text))
		if checked := compiled.Validate(value); (checked == nil) != (decoded == nil) {
			t.Errorf("%.60s…: the decoder says %v, the schema %v", text, decoded, checked)
		}
	}
}

func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

func TestOf(t *testing.T) {
	p := Price{Input: 2, CachedInput: 0.5, Output: 8}
	got := p.Of(backends.Usage{PromptTokens: 1000, CachedTokens: 400, CompletionTokens: 100, ReasoningTokens: 60})
	if want := (600*2 + 400*0.5 + 100*8) / 1e6; math.Abs(got-want) > 1e-15 {
		t.Errorf("%g, not %g", got, want)
	}
}

// fake answers each prompt but "bad" with half a million tokens in and a quarter of a million out.
type fake struct{ backends.Backend }

func (fake) Do(_ context.Context, req backends.Request) (backends.Response, error) {
	if req.Prompt == "bad" {
		return backends.Response{}, backends.Errorf(backends.KindServer, "ask", "no")
	}
	return backends.Response{Text: "x", Usage: backends.Usage{PromptTokens: 500_000, CompletionTokens: 250_000}}, nil
}

func TestChargeStopsAtTheBudget(t *testing.T) {
	m := NewMeter(5, 1)
	b := Charge(fake{}, Price{Input: 1, Output: 2}, m)
	ask := func(prompt string) error {
		_, err := b.Do(t.Context(), backends.Request{Kind: backends.Generate, Prompt: prompt})
		return err
	}
	over := func() bool {
		select {
		case <-m.Over():
			return true
		default:
			return false
		}
	}
	if ask("bad") == nil || m.Spent() != 1 || m.Total().Requests != 0 {
		t.Errorf("a failure cost %+v", m.Total())
	}
	for i := range 4 {
		if over() != (i >= 3) {
			t.Errorf("over is %v before request %d", over(), i)
		}
		if err := ask("good"); err != nil {
			t.Fatal(err)
		}
		if i == 2 { // 1 + 3·1: the next one would reach 5
			if over() {
				t.Error("over before the request that reaches the budget is asked")
			}
			m.begin()
			if !over() {
				t.Error("not over with a request under way that reaches the budget")
			}
			m.end(nil)
		}
	}
	if got := m.Total(); got.USD != 4 || got.Usage.Prompt != 2_000_000 || m.Spent() != 5 {
		t.Errorf("%+v", got)
	}
	if (&Meter{}).Over() != nil {
		t.Error("a meter without a budget may be over")
	}
}

func TestParseUSD(t *testing.T) {
	for text, want := range map[string]float64{"20": 20, "20usd": 20, "$0.5": 0.5, "3 USD": 3, "": 0, "-1": 0, "x": 0, "inf": 0, "0": 0} {
		got, err := ParseUSD(text)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %g, %v", text, got, err)
		}
	}
}

// Package price says what requests to models behind APIs cost, keeps count of what was spent, and stops a run that
// reaches its budget.
package price

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/onset-eval/onset/backends"
	"github.com/onset-eval/onset/backends/yamlfile"
)

//go:embed prices.yaml
var shipped []byte

//go:embed prices.schema.json
var schema []byte

// Schema gives the JSON Schema (draft 2020-12) of price files, for editors.
func Schema() []byte { return slices.Clone(schema) }

// Price is what a model's tokens cost, in USD a million.
type Price struct {
	// Input is the price of prompt tokens, CachedInput that of those which the server had in its cache.
	Input, CachedInput float64
	// Output is the price of generated tokens, reasoning included.
	Output float64
	// Batch is the factor of the vendor's batch interface; 1 where it has none.
	Batch float64
}

// Of gives what usage costs, in USD.
func (p Price) Of(u backends.Usage) float64 {
	fresh := u.PromptTokens - u.CachedTokens
	return (float64(fresh)*p.Input + float64(u.CachedTokens)*p.CachedInput + float64(u.CompletionTokens)*p.Output) / 1e6
}

// Times gives p with each price multiplied.
func (p Price) Times(factor float64) Price {
	p.Input, p.CachedInput, p.Output = p.Input*factor, p.CachedInput*factor, p.Output*factor
	return p
}

// Table is a price file: prices by model reference. The zero value knows none.
type Table struct {
	// AsOf is the day that the prices are of, as the file says; those that ship were not checked against vendors.
	AsOf    string
	entries []entry
}

// entry prices the models whose reference is name, or begins with it where rest is true.
type entry struct {
	name  string
	rest  bool
	own   bool // from the user's file
	price Price
}

// Shipped gives the prices that ship in the binary.
func Shipped() Table {
	t, err := decode("prices.yaml", shipped)
	if err != nil {
		panic(err) // held by a test
	}
	return t
}

// Load reads a price file and puts it over the prices that ship: an entry of the file wins over any of those. An error
// points at the place in the file and says what to write instead.
func Load(file string) (Table, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return Table{}, fmt.Errorf("read prices: %w", err)
	}
	own, err := decode(filepath.ToSlash(file), data)
	if err != nil {
		return Table{}, err
	}
	return own.over(Shipped()), nil
}

// over gives t with what it does not price itself from base.
func (t Table) over(base Table) Table {
	out := Table{AsOf: t.AsOf, entries: slices.Clone(t.entries)}
	for i := range out.entries {
		out.entries[i].own = true
	}
	for _, e := range base.entries {
		if _, own := t.lookup(e.name); !own {
			out.entries = append(out.entries, e)
		}
	}
	if out.AsOf == "" {
		out.AsOf = base.AsOf
	}
	return out
}

// For gives the price of a model; found is false where the table has none.
func (t Table) For(ref backends.Ref) (p Price, found bool) {
	e, found := t.lookup(ref.String())
	return e.price, found
}

// Own reports whether the price of a model is one that the user's own file gives.
func (t Table) Own(ref backends.Ref) bool {
	e, _ := t.lookup(ref.String())
	return e.own
}

func (t Table) lookup(name string) (entry, bool) {
	best := -1
	for i, e := range t.entries {
		exact := name == e.name
		if !exact && (!e.rest || !strings.HasPrefix(name, e.name)) {
			continue
		}
		switch {
		case best < 0, exact && !e.rest, len(e.name) > len(t.entries[best].name):
			best = i
		}
		if exact && !e.rest {
			break
		}
	}
	if best < 0 {
		return entry{}, false
	}
	return t.entries[best], true
}

var tableKeys, entryKeys = []string{"as_of", "models"}, []string{"model", "input", "cached_input", "output", "batch"}

func decode(file string, data []byte) (Table, error) {
	var t Table
	root, err := yamlfile.Parse(file, data)
	if err != nil {
		return t, err
	}
	pairs, err := root.Pairs()
	if err != nil {
		return t, err
	}
	var models []yamlfile.Field
	for _, p := range pairs {
		switch p.Key {
		case "as_of":
			t.AsOf, err = p.Text()
		case "models":
			models, err = p.Items()
		default:
			err = p.Unknown(tableKeys)
		}
		if err != nil {
			return t, err
		}
	}
	if len(models) == 0 {
		return t, root.Hintf("for example models: [{model: openai/my-model, input: 1.5, output: 6}]", "the file prices no model")
	}
	seen := make(map[string]bool)
	for _, f := range models {
		e, err := readEntry(f)
		if err != nil {
			return t, err
		}
		if key := fmt.Sprint(e.name, e.rest); seen[key] {
			return t, f.Errorf("model %s is priced twice", e.name)
		} else {
			seen[key] = true
		}
		t.entries = append(t.entries, e)
	}
	return t, nil
}

func readEntry(f yamlfile.Field) (entry, error) {
	e := entry{price: Price{CachedInput: -1, Batch: 1}}
	pairs, err := f.Pairs()
	if err != nil {
		return e, err
	}
	have := make(map[string]bool)
	for _, p := range pairs {
		have[p.Key] = true
		switch p.Key {
		case "model":
			err = e.readName(p)
		case "input":
			e.price.Input, err = readUSD(p)
		case "cached_input":
			e.price.CachedInput, err = readUSD(p)
		case "output":
			e.price.Output, err = readUSD(p)
		case "batch":
			e.price.Batch, err = readUSD(p)
		default:
			err = p.Unknown(entryKeys)
		}
		if err != nil {
			return e, err
		}
	}
	for _, key := range []string{"model", "input", "output"} {
		if !have[key] {
			return e, f.Hintf("for example {model: openai/my-model, input: 1.5, output: 6}, in USD a million tokens", "the key %q is missing", key)
		}
	}
	if e.price.CachedInput < 0 {
		e.price.CachedInput = e.price.Input
	}
	return e, nil
}

func (e *entry) readName(p yamlfile.Pair) error {
	name, err := p.Text()
	if err != nil {
		return err
	}
	e.name, e.rest = strings.CutSuffix(name, "*")
	if provider, model, ok := strings.Cut(e.name, "/"); !ok || provider == "" || model == "" && !e.rest || strings.Contains(e.name, "*") {
		return p.Hintf("write provider/model, as openai/gpt-4o; a * may stand at the end", "model: %q is no model reference", name)
	}
	return nil
}

func readUSD(p yamlfile.Pair) (float64, error) {
	v, err := p.Number()
	if err == nil && !(v >= 0 && v < 1e9) {
		err = p.Errorf("%s: %g is no price", p.Key, v)
	}
	return v, err
}

package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// config reads a config.json, field by field. The first thing that is wrong is kept in err, and later fields are read as
// their defaults. A field that is null counts as missing, as transformers takes it.
type config struct {
	fields map[string]json.RawMessage
	path   string // of the object in the file, "" or "text_config."
	err    error
}

// hintError is an error that says what to do about it.
type hintError struct {
	error
	hint string
}

func (e *hintError) Unwrap() error { return e.error }

// Hint says what to do.
func (e *hintError) Hint() string { return e.hint }

func parseConfig(data []byte) (*config, error) {
	c := new(config)
	if err := json.Unmarshal(data, &c.fields); err != nil {
		return nil, err
	}
	return c, nil
}

// fail keeps the first error.
func (c *config) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

// unsupported refuses a value that the engine has no code for.
func (c *config) unsupported(name string, value any, supported string) {
	if c.err == nil {
		c.err = &hintError{
			fmt.Errorf("%s%s: %v is not supported; supported: %s", c.path, name, value, supported),
			"serve the checkpoint with a model server and use that",
		}
	}
}

// has reports whether one of the names has a value.
func (c *config) has(names ...string) bool {
	_, _, ok := c.lookup(names)
	return ok
}

// lookup finds the first of the names that has a value.
func (c *config) lookup(names []string) (string, json.RawMessage, bool) {
	for _, name := range names {
		if raw := c.fields[name]; len(raw) > 0 && string(raw) != "null" {
			return name, raw, true
		}
	}
	return "", nil, false
}

// field decodes the first of the names that has a value, else gives def.
func field[T any](c *config, def T, names ...string) T {
	name, raw, ok := c.lookup(names)
	if !ok {
		return def
	}
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		c.fail("%s%s is %s: %w", c.path, name, short(raw), err)
		return def
	}
	return v
}

func short(raw json.RawMessage) string {
	if len(raw) > 80 {
		return string(raw[:80]) + "…"
	}
	return string(raw)
}

// The fields by type. Names after the first are other spellings of the same field.
func (c *config) int(def int, names ...string) int           { return field(c, def, names...) }
func (c *config) float(def float64, names ...string) float64 { return field(c, def, names...) }
func (c *config) bool(def bool, names ...string) bool        { return field(c, def, names...) }
func (c *config) str(def string, names ...string) string     { return field(c, def, names...) }

// size is an integer from 1 on that must stand in the file.
func (c *config) size(names ...string) int {
	name, _, ok := c.lookup(names)
	if !ok {
		c.fail("%s%s is missing", c.path, strings.Join(names, " or "))
	}
	n := c.int(0, names...)
	if n < 1 || n > maxContext {
		c.fail("%s%s is %d", c.path, name, n)
		return 0
	}
	return n
}

// object is the fields of an object, nil where there is none.
func (c *config) object(names ...string) *config {
	name, _, ok := c.lookup(names)
	if !ok {
		return nil
	}
	return &config{fields: field(c, map[string]json.RawMessage(nil), name), path: c.path + name + "."}
}

// refuse refuses a switch that is on.
func (c *config) refuse(name, why string) {
	if c.bool(false, name) {
		c.unsupported(name, "true", why)
	}
}

// ids are token ids that a config gives as one number, several, or null.
type ids []int

func (v *ids) UnmarshalJSON(data []byte) error {
	var one int
	if err := json.Unmarshal(data, &one); err == nil {
		if string(data) != "null" {
			*v = ids{one}
		}
		return nil
	}
	return json.Unmarshal(data, (*[]int)(v))
}

// readSpec reads config.json and, where there is one, generation_config.json.
func readSpec(fsys fs.FS) (*blueprint, error) {
	data, err := readBounded(fsys, "config.json", maxConfig)
	if err != nil {
		return nil, err
	}
	b, err := parseSpec(data)
	if err != nil {
		err = fmt.Errorf("config.json: %w", err)
		if hint := (*hintError)(nil); !errors.As(err, &hint) {
			err = &hintError{err, "the file is damaged, incomplete or of another kind of model: download it again"}
		}
		return nil, err
	}
	return b, b.readGeneration(fsys)
}

// parseSpec turns a config.json into what the engine is to compute and where the weights of it stand.
func parseSpec(data []byte) (*blueprint, error) {
	c, err := parseConfig(data)
	if err != nil {
		return nil, err
	}
	names := field(c, []string(nil), "architectures")
	if c.err != nil {
		return nil, c.err
	}
	modelType := c.str("", "model_type")
	a := findArchitecture(names, modelType)
	if a == nil {
		return nil, unknownArchitecture(names, modelType)
	}
	b := &blueprint{spec: spec{architecture: a.name, bos: -1, mask: -1, causal: true}}
	outer := c
	if a.nested != "" {
		if c = outer.object(a.nested); c == nil {
			return nil, fmt.Errorf("%s is missing", a.nested)
		}
		if outer.err != nil {
			return nil, outer.err
		}
	}
	for name, value := range a.assume {
		if !c.has(name) {
			c.fields[name] = json.RawMessage(strconv.Itoa(value))
		}
	}
	b.vocab = c.size("vocab_size")
	for _, from := range []*config{outer, c} {
		if b.eos == nil {
			b.eos = field(from, ids(nil), "eos_token_id")
		}
		if bos := field(from, ids(nil), "bos_token_id"); b.bos < 0 && len(bos) > 0 {
			b.bos = bos[0]
		}
	}
	b.tied = c.bool(outer.bool(a.tied, "tie_word_embeddings"), "tie_word_embeddings")
	a.describe(c, b)
	if c.err == nil {
		c.err = outer.err
	}
	if c.err != nil {
		return nil, c.err
	}
	b.finish()
	return b, b.check()
}

func unknownArchitecture(names []string, modelType string) error {
	var known []string
	for _, a := range architectures {
		known = append(known, a.name)
	}
	slices.Sort(known)
	return &hintError{
		fmt.Errorf("architecture %q (model type %q) is not supported: the engine has no description of its layers; supported: %s",
			strings.Join(names, ", "), modelType, strings.Join(known, ", ")),
		"serve the checkpoint with a model server and use that",
	}
}

// readGeneration takes the end-of-text tokens of generation_config.json, where there is one.
func (s *spec) readGeneration(fsys fs.FS) error {
	data, err := readBounded(fsys, "generation_config.json", maxConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var g struct {
		EOS ids `json:"eos_token_id"`
	}
	if err := json.Unmarshal(data, &g); err != nil {
		return fmt.Errorf("generation_config.json: %w", err)
	}
	for _, id := range g.EOS {
		if id >= 0 && id < s.vocab && !slices.Contains(s.eos, id) {
			s.eos = append(s.eos, id)
		}
	}
	return nil
}

package hosted

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/onset-eval/onset/backends/internal/httpapi"
)

// Readers read the arguments of a model, by name.
type Readers map[string]func(string) error

// Read reads a model's arguments strictly: one that the API does not take is an error.
func (r Readers) Read(api string, given map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		read, ok := r[name]
		if !ok {
			return httpapi.WithHint(fmt.Errorf("%s takes no argument %q", api, name), "its arguments are "+strings.Join(slices.Sorted(maps.Keys(r)), ", "))
		}
		if err := read(given[name]); err != nil {
			return fmt.Errorf("argument %s=%s: %w", name, given[name], err)
		}
	}
	return nil
}

// Text reads any text.
func Text(to *string) func(string) error {
	return func(s string) error { *to = s; return nil }
}

// OneOf reads one of a few words.
func OneOf(to *string, allowed ...string) func(string) error {
	return func(s string) error {
		if !slices.Contains(allowed, s) {
			return fmt.Errorf("it is none of %s", strings.Join(allowed, ", "))
		}
		*to = s
		return nil
	}
}

// Number reads a number from 0 on.
func Number(to *int) func(string) error {
	return func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			return errors.New("it is no number from 0 on")
		}
		*to = n
		return nil
	}
}

// Time reads a time as 90s or 10m.
func Time(to *time.Duration) func(string) error {
	return func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return errors.New("it is no time as 90s or 10m")
		}
		*to = d
		return nil
	}
}

// Object reads a JSON object.
func Object(to *map[string]jsontext.Value) func(string) error {
	return func(s string) error {
		if err := json.Unmarshal([]byte(s), to); err != nil || *to == nil {
			return errors.New("it is no JSON object")
		}
		return nil
	}
}

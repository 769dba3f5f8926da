package runlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/onset-eval/onset/backends"
)

// Schema is the number of the run directory's layout that this version writes. It rises when an older
// reader would misread a newer directory.
const Schema = 1

// HeaderFile is the header's name in a run directory.
const HeaderFile = "header.json"

// Header says what a run measures and with what, once for all its records.
type Header struct {
	Schema int `json:"schema"`
	// Onset is the version that made the run.
	Onset   string    `json:"onset"`
	Created time.Time `json:"created"`
	Seed    uint64    `json:"seed"`
	// Quirks names the mode in which another harness's defects are reproduced; "" is none.
	Quirks  string         `json:"quirks,omitempty"`
	Models  []ModelHeader  `json:"models"`
	Tasks   []TaskHeader   `json:"tasks"`
	Scorers []ScorerHeader `json:"scorers"`
	// Settings are the further choices that decide numbers: sampling overrides, use of the chat template.
	Settings map[string]string `json:"settings,omitempty"`
	// Plan is what the runner needs to rebuild the run. It is no part of the identity: it holds paths, limits
	// and transport.
	Plan json.RawMessage `json:"plan,omitempty"`
}

// ModelHeader is one model of the run and what its backend said of itself.
type ModelHeader struct {
	backends.Model
	Info backends.Info `json:"info"`
}

// TaskHeader is one task of the run.
type TaskHeader struct {
	Name    string `json:"name"`
	Digest  string `json:"digest"`
	Version string `json:"version,omitempty"`
}

// ScorerHeader is one scorer of the run.
type ScorerHeader struct {
	Name    string `json:"name"`
	Version int    `json:"version"`
}

// WriteHeader writes h to dir, which it makes where it is missing, so that a crash at any moment leaves the
// old header or the new one. The values of model arguments that look like secrets are left out.
func WriteHeader(dir string, h Header) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make run directory %s: %w", dir, err)
	}
	h.Schema = Schema
	h.Models = withoutSecrets(h.Models)
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(h); err != nil {
		return fmt.Errorf("encode header of %s: %w", dir, err)
	}
	path := filepath.Join(dir, HeaderFile)
	if err := replaceFile(path, func(f *os.File) error { _, err := f.Write(buf.Bytes()); return err }); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// ReadHeader reads the header of the run in dir. The error has a hint where dir is no run directory or was
// made by a newer version.
func ReadHeader(dir string) (Header, error) {
	path := filepath.Join(dir, HeaderFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Header{}, &hintedError{
			err:  fmt.Errorf("%s is no run directory: %w", dir, err),
			hint: "give the directory that `onset run -o DIR` wrote",
		}
	}
	if err != nil {
		return Header{}, fmt.Errorf("read header: %w", err)
	}
	var version struct {
		Schema int    `json:"schema"`
		Onset  string `json:"onset"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return Header{}, fmt.Errorf("read %s: %w", path, err)
	}
	if version.Schema < 1 {
		return Header{}, fmt.Errorf("read %s: schema number %d is not positive", path, version.Schema)
	}
	if version.Schema > Schema {
		return Header{}, &hintedError{
			err:  fmt.Errorf("read %s: schema %d is newer than this onset's, %d", path, version.Schema, Schema),
			hint: fmt.Sprintf("use onset %s or later", version.Onset),
		}
	}
	var h Header
	if err := json.Unmarshal(data, &h); err != nil {
		return Header{}, fmt.Errorf("read %s: %w", path, err)
	}
	return h, nil
}

// hintedError is an error that says what the user can do.
type hintedError struct {
	err  error
	hint string
}

func (e *hintedError) Error() string { return e.err.Error() }
func (e *hintedError) Unwrap() error { return e.err }

// Hint says what to type.
func (e *hintedError) Hint() string { return e.hint }

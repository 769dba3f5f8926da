package tasks

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Suite lists tasks with what to vary in each. It may be read from a file or made in code.
type Suite struct {
	Name    string
	Entries []Entry
}

// Entry asks for one task, or for all tasks with a tag, under every combination of styles, shots and seeds.
type Entry struct {
	Task string
	// Styles, Shots and Seeds are what varies; nil is the task's default style, its default number of
	// worked examples, and seed 0.
	Styles []Style
	Shots  []int
	Seeds  []uint64
	// Draws is the number of responses to each sample; 0 is what the task asks for.
	Draws int
	// Limit > 0 bounds the samples of each variant.
	Limit int
	// Sampling changes how text is generated.
	Sampling SamplingPatch

	at map[string]field // the places of the values in the suite file
}

// LoadSuite reads a suite file.
func LoadSuite(path string) (Suite, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Suite{}, fmt.Errorf("read suite: %w", err)
	}
	return decodeSuite(filepath.ToSlash(path), data)
}

// LoadSuiteFS reads a suite file of a file system.
func LoadSuiteFS(fsys fs.FS, name string) (Suite, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return Suite{}, fmt.Errorf("read suite: %w", err)
	}
	return decodeSuite(name, data)
}

func decodeSuite(file string, data []byte) (Suite, error) {
	var s Suite
	root, err := parseYAML(file, data)
	if err != nil {
		return s, err
	}
	pairs, err := root.pairs()
	if err != nil {
		return s, err
	}
	for _, p := range pairs {
		switch p.key {
		case "suite":
			s.Name, err = p.nonEmpty()
		case "tasks":
			s.Entries, err = readEntries(p.field)
		default:
			err = p.unknown([]string{"suite", "tasks"})
		}
		if err != nil {
			return Suite{}, err
		}
	}
	if s.Name == "" {
		return Suite{}, root.hintf("write suite: NAME", "the key \"suite\" is missing")
	}
	if len(s.Entries) == 0 {
		return Suite{}, root.hintf("write tasks: [{task: NAME}]", "the key \"tasks\" is missing")
	}
	return s, nil
}

func (f field) nonEmpty() (string, error) {
	s, err := f.name()
	if err == nil && strings.TrimSpace(s) == "" {
		err = f.errorf("%s: a name is expected, not nothing", f.label())
	}
	return s, err
}

func readEntries(f field) ([]Entry, error) {
	items, err := f.items()
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, f.errorf("tasks: at least one task is expected")
	}
	out := make([]Entry, len(items))
	for i, item := range items {
		if out[i], err = readEntry(item); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// entryKeys are the keys of one entry of a suite.
var entryKeys = [...]string{"task", "styles", "shots", "seeds", "draws", "limit", "sampling"}

func readEntry(f field) (Entry, error) {
	e := Entry{at: make(map[string]field)}
	pairs, err := f.pairs()
	if err != nil {
		return e, err
	}
	for _, p := range pairs {
		e.at[p.key] = p.field
		switch p.key {
		case "task":
			e.Task, err = p.nonEmpty()
		case "styles":
			e.Styles, err = distinct(p.field, readStyle)
		case "shots":
			e.Shots, err = distinct(p.field, func(f field) (int, error) { return f.integer(0) })
		case "seeds":
			e.Seeds, err = distinct(p.field, func(f field) (uint64, error) { n, err := f.integer(0); return uint64(n), err })
		case "draws":
			e.Draws, err = p.integer(1)
		case "limit":
			e.Limit, err = p.integer(1)
		case "sampling":
			e.Sampling, err = readPatch(p.field)
		default:
			err = p.unknown(entryKeys[:])
		}
		if err != nil {
			return e, err
		}
	}
	if e.Task == "" {
		return e, f.hintf("write task: NAME", "the key \"task\" is missing")
	}
	e.at[""] = f
	return e, nil
}

func readStyle(f field) (Style, error) {
	s, err := f.text()
	if err != nil {
		return "", err
	}
	for _, known := range styles {
		if Style(s) == known {
			return known, nil
		}
	}
	return "", unknownWord(f, s, []string{string(Direct), string(CoT)})
}

// distinct reads a value, or a list of at least one, each of them once.
func distinct[T comparable](f field, read func(field) (T, error)) ([]T, error) {
	items, err := f.items()
	if err != nil {
		one, err := read(f)
		return []T{one}, err
	}
	if len(items) == 0 {
		return nil, f.errorf("%s: at least one is expected", f.label())
	}
	seen := make(map[T]bool)
	out := make([]T, len(items))
	for i, item := range items {
		if out[i], err = read(item); err != nil {
			return nil, err
		}
		if seen[out[i]] {
			return nil, item.errorf("%s: %v stands twice", f.label(), out[i])
		}
		seen[out[i]] = true
	}
	return out, nil
}

func readPatch(f field) (SamplingPatch, error) {
	var s SamplingPatch
	pairs, err := f.pairs()
	if err != nil {
		return s, err
	}
	for _, p := range pairs {
		switch p.key {
		case "max_tokens":
			s.MaxTokens, err = pointer(p.integer(1))
		case "temperature":
			s.Temperature, err = p.within(0, 100)
		case "top_p":
			s.TopP, err = p.within(0, 1)
		case "top_k":
			s.TopK, err = pointer(p.integer(0))
		case "min_p":
			s.MinP, err = p.within(0, 1)
		case "stop":
			s.Stop, err = pointer(p.texts())
		default:
			err = p.unknown([]string{"max_tokens", "temperature", "top_p", "top_k", "min_p", "stop"})
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

func pointer[T any](v T, err error) (*T, error) { return &v, err }

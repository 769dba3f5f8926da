package tasks

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/onset-eval/onset/backends/yamlfile"
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

	at map[string]yamlfile.Field // the places of the values in the suite file
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
	root, err := yamlfile.Parse(file, data)
	if err != nil {
		return s, err
	}
	pairs, err := root.Pairs()
	if err != nil {
		return s, err
	}
	for _, p := range pairs {
		switch p.Key {
		case "suite":
			s.Name, err = nonEmpty(p.Field)
		case "tasks":
			s.Entries, err = readEntries(p.Field)
		default:
			err = p.Unknown([]string{"suite", "tasks"})
		}
		if err != nil {
			return Suite{}, err
		}
	}
	if s.Name == "" {
		return Suite{}, root.Hintf("write suite: NAME", "the key \"suite\" is missing")
	}
	if len(s.Entries) == 0 {
		return Suite{}, root.Hintf("write tasks: [{task: NAME}]", "the key \"tasks\" is missing")
	}
	return s, nil
}

func nonEmpty(f yamlfile.Field) (string, error) {
	s, err := f.Name()
	if err == nil && strings.TrimSpace(s) == "" {
		err = f.Errorf("%s: a name is expected, not nothing", f.Key)
	}
	return s, err
}

func readEntries(f yamlfile.Field) ([]Entry, error) {
	items, err := f.Items()
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, f.Errorf("tasks: at least one task is expected")
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

func readEntry(f yamlfile.Field) (Entry, error) {
	e := Entry{at: make(map[string]yamlfile.Field)}
	pairs, err := f.Pairs()
	if err != nil {
		return e, err
	}
	for _, p := range pairs {
		e.at[p.Key] = p.Field
		switch p.Key {
		case "task":
			e.Task, err = nonEmpty(p.Field)
		case "styles":
			e.Styles, err = distinct(p.Field, readStyle)
		case "shots":
			e.Shots, err = distinct(p.Field, func(f yamlfile.Field) (int, error) { return f.Integer(0) })
		case "seeds":
			e.Seeds, err = distinct(p.Field, func(f yamlfile.Field) (uint64, error) { n, err := f.Integer(0); return uint64(n), err })
		case "draws":
			e.Draws, err = p.Integer(1)
		case "limit":
			e.Limit, err = p.Integer(1)
		case "sampling":
			e.Sampling, err = readPatch(p.Field)
		default:
			err = p.Unknown(entryKeys[:])
		}
		if err != nil {
			return e, err
		}
	}
	if e.Task == "" {
		return e, f.Hintf("write task: NAME", "the key \"task\" is missing")
	}
	e.at[""] = f
	return e, nil
}

func readStyle(f yamlfile.Field) (Style, error) {
	s, err := f.Text()
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
func distinct[T comparable](f yamlfile.Field, read func(yamlfile.Field) (T, error)) ([]T, error) {
	items, err := f.Items()
	if err != nil {
		one, err := read(f)
		return []T{one}, err
	}
	if len(items) == 0 {
		return nil, f.Errorf("%s: at least one is expected", f.Key)
	}
	seen := make(map[T]bool)
	out := make([]T, len(items))
	for i, item := range items {
		if out[i], err = read(item); err != nil {
			return nil, err
		}
		if seen[out[i]] {
			return nil, item.Errorf("%s: %v stands twice", f.Key, out[i])
		}
		seen[out[i]] = true
	}
	return out, nil
}

func readPatch(f yamlfile.Field) (SamplingPatch, error) {
	var s SamplingPatch
	pairs, err := f.Pairs()
	if err != nil {
		return s, err
	}
	for _, p := range pairs {
		switch p.Key {
		case "max_tokens":
			s.MaxTokens, err = pointer(p.Integer(1))
		case "temperature":
			s.Temperature, err = within(p.Field, 0, 100)
		case "top_p":
			s.TopP, err = within(p.Field, 0, 1)
		case "top_k":
			s.TopK, err = pointer(p.Integer(0))
		case "min_p":
			s.MinP, err = within(p.Field, 0, 1)
		case "stop":
			s.Stop, err = pointer(p.Texts())
		default:
			err = p.Unknown([]string{"max_tokens", "temperature", "top_p", "top_k", "min_p", "stop"})
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

func pointer[T any](v T, err error) (*T, error) { return &v, err }

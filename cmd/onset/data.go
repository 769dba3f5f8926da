package main

import (
	"context"
	"fmt"
	"os"

	"github.com/onset-eval/onset/tasks"
	"github.com/onset-eval/onset/tasks/dataset"
)

// provideData finds the datasets that task files name: in the user's folders of repositories, in the caches that the
// Python libraries of the hub share, and on the hub.
func provideData(dirs []string) tasks.Provider {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "" // then only what the variables name is looked at
	}
	sources := dataset.SourcesFrom(os.Getenv, home)
	sources.Dirs = append(sources.Dirs, dirs...)
	return func(path, name string, kwargs tasks.Options) (map[string][]dataset.File, error) {
		ref := dataset.Ref{Path: path, Name: name}
		if err := ref.SetKwargs(kwargs); err != nil {
			return nil, err
		}
		data, err := dataset.Open(context.Background(), ref, sources)
		if err != nil {
			hint := hintOf(err)
			if hint == "" {
				hint = "let the hub be reached (HF_TOKEN for gated data), or name a folder with a copy"
			}
			return nil, withHint(fmt.Errorf("find %s: %w", path, err), "%s: --data-dir FOLDER, with the copy in FOLDER/%s", hint, path)
		}
		out := make(map[string][]dataset.File)
		for _, s := range data.Splits {
			out[s.Name] = s.Files
		}
		return out, nil
	}
}

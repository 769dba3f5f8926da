package harness

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/onset-eval/onset/tasks/hooks"
)

// digestList holds the digests of the Python sources that the functions of package lmeval stand for: on each line a
// function's name there and a digest.
//
//go:embed digests.txt
var digestList string

// digests gives the digests of a function's sources.
func digests(name string) []string {
	var out []string
	for line := range strings.Lines(digestList) {
		if n, digest, ok := strings.Cut(strings.TrimSpace(line), " "); ok && n == name {
			out = append(out, digest)
		}
	}
	return out
}

// native finds the function of lmeval that stands for one that a task file names, among n of some names: by file and
// function, or by function alone where the name has no file. One whose source is not known is refused, since it may mean
// something else.
func native(found *hooks.Found, n int, name func(i int) string) (int, error) {
	full := strings.Replace(found.Name, ".py:", ".", 1)
	changed := false
	for i := range n {
		if !stands(name(i), full) {
			continue
		}
		if found.Digest == "" || slices.Contains(digests(name(i)), found.Digest) {
			return i, nil
		}
		changed = true
	}
	if changed {
		return 0, &hooks.MissingError{File: fileOf(found), Name: functionOf(found), Digest: found.Digest, Changed: true}
	}
	return 0, &hooks.MissingError{File: fileOf(found), Name: functionOf(found), Digest: found.Digest}
}

// stands says whether a name of lmeval's is that of a function, full being FILE.FUNCTION with the file's path.
func stands(name, full string) bool {
	if !strings.Contains(name, "/") {
		return full[strings.LastIndex(full, ".")+1:] == name
	}
	return full == name || strings.HasSuffix(full, "/"+name)
}

func fileOf(f *hooks.Found) string     { file, _, _ := strings.Cut(f.Name, ":"); return file }
func functionOf(f *hooks.Found) string { _, name, _ := strings.Cut(f.Name, ":"); return name }

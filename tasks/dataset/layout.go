package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// splitFiles are the files of a split, by their names in a repository.
type splitFiles struct {
	split string
	files []string
}

var (
	shardName     = regexp.MustCompile(`^(\w+(?:\.\w+)*)-\d{5}-of-\d{5}[^/]*\.[^/]*$`)
	convertedName = regexp.MustCompile(`^(?:partial-)?([^/]+)/\d{4}\.parquet$`)
)

// splitWords are the words in the names of files and folders that tell a split.
var splitWords = []struct {
	split string
	words []string
}{
	{"train", []string{"train", "training"}},
	{"validation", []string{"validation", "valid", "dev", "val"}},
	{"test", []string{"test", "testing", "eval", "evaluation"}},
}

// inferSplits finds the splits of a folder from the names in it, in the order of rules of `datasets`:
// data/SPLIT-00000-of-00001.EXT, then words in names of folders, then words in names of files, else all is
// train. Before these come the names under which the hub keeps converted Parquet files, SPLIT/0000.parquet.
// inside says that the folder is one configuration, whose shards need no folder data.
func inferSplits(files []string, dir string, inside bool) ([]splitFiles, error) {
	var data []string
	for _, f := range files {
		in := strings.TrimPrefix(f, dir)
		if (dir == "" || in != f) && !hidden(in) && !slices.Contains(notData, path.Base(in)) && extension(in) != "" {
			data = append(data, in)
		}
	}
	if len(data) == 0 {
		return nil, errors.New("there are no data files")
	}
	slices.Sort(data)
	found := bySplitName(data, func(f string) string { return submatch(convertedName, f) }, true)
	if found == nil {
		found = bySplitName(data, func(f string) string {
			in, ok := strings.CutPrefix(f, "data/")
			if !ok {
				return ""
			}
			return submatch(shardName, in)
		}, false)
	}
	if found == nil && inside {
		found = bySplitName(data, func(f string) string { return submatch(shardName, f) }, true)
	}
	if found == nil {
		found = byWords(data, true)
	}
	if found == nil {
		found = byWords(data, false)
	}
	if found == nil {
		found = []splitFiles{{"train", data}}
	}
	for i := range found {
		found[i].files = sameFormat(found[i].files)
		for j, f := range found[i].files {
			found[i].files[j] = dir + f
		}
	}
	return found, nil
}

func submatch(re *regexp.Regexp, s string) string {
	if m := re.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return ""
}

// bySplitName groups files by the split that their name states; all says that every file must state one.
func bySplitName(files []string, name func(string) string, all bool) []splitFiles {
	by := make(map[string][]string)
	for _, f := range files {
		if split := name(f); split != "" {
			by[split] = append(by[split], f)
		} else if all {
			return nil
		}
	}
	var out []splitFiles
	for split, files := range by {
		out = append(out, splitFiles{split, files})
	}
	rank := func(s string) int {
		i := slices.Index([]string{"train", "validation", "test"}, s)
		if i < 0 {
			return 3
		}
		return i
	}
	slices.SortFunc(out, func(a, b splitFiles) int {
		return cmp.Or(rank(a.split)-rank(b.split), strings.Compare(a.split, b.split))
	})
	return out
}

// byWords finds the words of splits in the names of folders, or of files.
func byWords(files []string, folders bool) []splitFiles {
	var out []splitFiles
	for _, s := range splitWords {
		var in []string
		for _, f := range files {
			parts := strings.Split(f, "/")
			if folders {
				parts = parts[:len(parts)-1]
			} else {
				parts = parts[len(parts)-1:]
			}
			if slices.ContainsFunc(parts, func(part string) bool { return hasWord(part, s.words, folders) }) {
				in = append(in, f)
			}
		}
		if in != nil {
			out = append(out, splitFiles{s.split, in})
		}
	}
	return out
}

// hasWord finds a word that begins at the start or after a separator and ends at a separator; in the name of
// a folder it may also end at the end.
func hasWord(name string, words []string, atEnd bool) bool {
	const separators = "-._ 0123456789"
	for _, w := range words {
		for from := 0; ; {
			i := strings.Index(name[from:], w)
			if i < 0 {
				break
			}
			start, end := from+i, from+i+len(w)
			from = start + 1
			if start > 0 && !strings.ContainsRune(separators, rune(name[start-1])) {
				continue
			}
			if end == len(name) && atEnd || end < len(name) && strings.ContainsRune(separators, rune(name[end])) {
				return true
			}
		}
	}
	return false
}

// matchSplits resolves patterns against the files of a repository. Splits that are not wanted have no files,
// so that a copy need not hold them; wanted nil is all.
func matchSplits(files []string, patterns []SplitFiles, dir string, wanted []string) ([]splitFiles, error) {
	var out []splitFiles
	for _, p := range patterns {
		s := splitFiles{split: p.Split}
		if len(wanted) > 0 && !slices.Contains(wanted, p.Split) {
			out = append(out, s)
			continue
		}
		for _, pattern := range p.Patterns {
			found, err := globFiles(files, path.Join(dir, pattern))
			if err != nil {
				return nil, err
			}
			if len(found) == 0 && !hasMagic(pattern) {
				return nil, fmt.Errorf("there is no file %s", path.Join(dir, pattern))
			}
			s.files = append(s.files, found...)
		}
		if len(s.files) == 0 {
			return nil, fmt.Errorf("no file matches %s", strings.Join(p.Patterns, ", "))
		}
		out = append(out, s)
	}
	return out, nil
}

// missingShards says which shard lacks among names such as test-00000-of-00002.parquet; "" for none.
func missingShards(files []string) string {
	numbered := regexp.MustCompile(`^(.*)-(\d{5})-of-(\d{5})(.*)$`)
	have := make(map[string]bool)
	for _, f := range files {
		if m := numbered.FindStringSubmatch(f); m != nil {
			have[m[1]+"-"+m[2]+"-of-"+m[3]] = true
		}
	}
	for _, f := range files {
		m := numbered.FindStringSubmatch(f)
		if m == nil {
			continue
		}
		n := 0
		_, _ = fmt.Sscanf(m[3], "%d", &n) // five digits
		for i := range n {
			if name := fmt.Sprintf("%s-%05d-of-%s", m[1], i, m[3]); !have[name] {
				return name + m[4]
			}
		}
	}
	return ""
}

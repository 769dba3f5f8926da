package dataset

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// hasMagic says whether a name is a pattern.
func hasMagic(s string) bool { return strings.ContainsAny(s, "*?[") }

// globPattern reads * (within a name), ? and [a-z], and ** (any depth).
func globPattern(pattern string) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString("^")
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i:]
		switch c := pattern[i]; {
		case strings.HasPrefix(rest, "**/"):
			b.WriteString("(?:.*/)?")
			i += 2
		case strings.HasPrefix(rest, "**"):
			b.WriteString(".*")
			i++
		case c == '*':
			b.WriteString("[^/]*")
		case c == '?':
			b.WriteString("[^/]")
		case c == '[' && strings.IndexByte(rest[1:], ']') > 0:
			end := 1 + strings.IndexByte(rest[1:], ']')
			class := rest[1:end]
			not := ""
			if class[0] == '!' || class[0] == '^' {
				not, class = "^", class[1:]
			}
			b.WriteString("[" + not + strings.NewReplacer(`\`, `\\`, "[", `\[`, "^", `\^`).Replace(class) + "]")
			i += end
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	re, err := regexp.Compile(b.String() + "$")
	if err != nil {
		return nil, fmt.Errorf("the pattern %q is malformed", pattern)
	}
	return re, nil
}

// notData are files of a repository that hold no rows, whatever their name ends in.
var notData = []string{"README.md", "config.json", "dataset_info.json", "dataset_infos.json", "dummy_data.zip",
	"dataset_dict.json", "state.json"}

// globFiles gives the sorted names that match. Hidden files and folders match only where the pattern names
// one.
func globFiles(files []string, pattern string) ([]string, error) {
	pattern = strings.TrimPrefix(path.Clean(pattern), "./")
	re, err := globPattern(pattern)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range files {
		if !re.MatchString(f) || hidden(f) && !hidden(pattern) {
			continue
		}
		if base := path.Base(f); slices.Contains(notData, base) && path.Base(pattern) != base {
			continue
		}
		out = append(out, f)
	}
	slices.Sort(out)
	return out, nil
}

func hidden(name string) bool {
	for _, part := range strings.Split(name, "/") {
		if strings.HasPrefix(part, ".") || strings.HasPrefix(part, "__") {
			return true
		}
	}
	return false
}

// formats are the endings of names of data files, the likelier first where two are as frequent.
var formats = []struct {
	ext    string
	format Format
}{
	{"parquet", Parquet}, {"jsonl", JSON}, {"json", JSON}, {"csv", CSV}, {"tsv", CSV}, {"txt", Text},
	{"ndjson", JSON}, {"arrow", Arrow},
}

// extension gives the ending that names the format of a file; "" for others.
func extension(name string) string {
	for _, part := range slices.Backward(strings.Split(strings.ToLower(path.Base(plainName(name))), ".")[1:]) {
		for _, f := range formats {
			if f.ext == part {
				return f.ext
			}
		}
		break
	}
	return ""
}

func formatOf(ext string) Format {
	for _, f := range formats {
		if f.ext == ext {
			return f.format
		}
	}
	return ""
}

// sameFormat keeps the files of the format that most of them have.
func sameFormat(files []string) []string {
	count := make(map[Format]int)
	for _, f := range files {
		if e := extension(f); e != "" {
			count[formatOf(e)]++
		}
	}
	best := Format("")
	for _, f := range formats {
		if count[f.format] > count[best] {
			best = f.format
		}
	}
	return slices.DeleteFunc(slices.Clone(files), func(f string) bool {
		e := extension(f)
		return e == "" || formatOf(e) != best
	})
}

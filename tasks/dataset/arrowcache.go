package dataset

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/onset-eval/onset/tasks/dataset/hub"
	"github.com/onset-eval/onset/tasks/pyval"
)

var (
	upperWord  = regexp.MustCompile(`([A-Z]+)([A-Z][a-z])`)
	lowerUpper = regexp.MustCompile(`([a-z\d])([A-Z])`)
)

// snakeCase is how `datasets` writes a name in its cache.
func snakeCase(s string) string {
	return strings.ToLower(lowerUpper.ReplaceAllString(upperWord.ReplaceAllString(s, "${1}_$2"), "${1}_$2"))
}

// openArrowCache reads what `datasets` made of a repository: ORG___NAME/CONFIG/VERSION/HASH with
// dataset_info.json and Arrow streams. The newest of several is taken unless the revision names one.
func openArrowCache(ref Ref, src Sources) (*Dataset, error) {
	if src.DatasetsCache == "" || ref.DataFiles != nil || ref.DataDir != "" {
		return nil, errNotHere
	}
	org, name, ok := strings.Cut(ref.Path, "/")
	if !ok {
		org, name = "", org
	}
	var found []string
	for _, n := range []string{snakeCase(name), name} {
		at := n
		if org != "" {
			at = org + "___" + n
		}
		root := filepath.Join(src.DatasetsCache, at)
		found = append(found, arrowFolders(root, ref)...)
	}
	if len(found) == 0 {
		return nil, errNotHere
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return changed(a).Compare(changed(b)) })
	return readArrowFolder(newest, ref)
}

// arrowFolders lists the finished builds of a configuration.
func arrowFolders(root string, ref Ref) []string {
	config := ref.Name
	if config == "" {
		config = "default"
		if entries, err := os.ReadDir(root); err == nil && len(entries) == 1 {
			config = entries[0].Name()
		}
	}
	if !filepath.IsLocal(config) {
		return nil
	}
	versions, _ := os.ReadDir(filepath.Join(root, config)) // none is nothing found
	var out []string
	for _, v := range versions {
		builds, _ := os.ReadDir(filepath.Join(root, config, v.Name()))
		for _, b := range builds {
			at := filepath.Join(root, config, v.Name(), b.Name())
			if _, err := os.Stat(filepath.Join(at, "dataset_info.json")); err != nil {
				continue // unfinished
			}
			if ref.Revision == "" || ref.Revision == "main" || b.Name() == ref.Revision && hub.IsCommit(b.Name()) {
				out = append(out, at)
			}
		}
	}
	return out
}

func changed(dir string) (t time.Time) {
	if info, err := os.Stat(filepath.Join(dir, "dataset_info.json")); err == nil {
		t = info.ModTime()
	}
	return t
}

func readArrowFolder(dir string, ref Ref) (*Dataset, error) {
	text, err := os.ReadFile(filepath.Join(dir, "dataset_info.json"))
	if err != nil {
		return nil, err
	}
	info, err := readObject(jsontext.NewDecoder(bytes.NewReader(text)))
	if err != nil {
		return nil, &Error{File: filepath.Join(dir, "dataset_info.json"), Err: err}
	}
	v, _ := info.Get("splits")
	splits, _ := v.(*pyval.Dict)
	files, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*.arrow"))
	if err != nil {
		return nil, err
	}
	d := &Dataset{From: dir}
	for _, name := range splits.Keys() {
		part := regexp.MustCompile(`^.*-` + regexp.QuoteMeta(name) + `(-\d{5}-of-\d{5})?\.arrow$`)
		var list []located
		for _, f := range files {
			if part.MatchString(filepath.Base(f)) && !strings.HasPrefix(filepath.Base(f), "cache-") {
				list = append(list, located{os.DirFS(dir), filepath.Base(f)})
			}
		}
		if len(list) == 0 {
			return nil, fmt.Errorf("%w: %s lacks the split %s", errNotHere, dir, name)
		}
		split, err := newSplit(name, list, Arrow, ref.Options)
		if err != nil {
			return nil, err
		}
		d.Splits = append(d.Splits, split)
	}
	if len(d.Splits) == 0 {
		return nil, errNotHere
	}
	return d, nil
}

func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(s)
}
